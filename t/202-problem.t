# The refusal as JSON: RFC 9457, member by member.
#
# Apps switch on "type" and "reason" and show "detail"; a member that is
# renamed, or JSON that does not parse for one odd name, breaks apps that
# cannot be updated during a sale.

use JSON::PP ();
use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

# every body that says it is JSON has to be JSON, with the same status
add_response_body_check(sub {
    my ($block, $body) = @_;

    return if $body !~ /^\{/;

    my $problem = eval { JSON::PP->new->utf8->decode($body) };
    my ($status) = grep { $_ != 200 } map { ref ? @$_ : $_ } $block->error_code;

    ok($problem, $block->name . " - the body is JSON");
    is($problem->{status}, $status, $block->name . " - and tells the status");
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: over the rate
--- http_config
admission_rate per_ip $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit per_ip; empty_gif; }
--- more_headers
X-Correlation-ID: order-4711
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_body eval
[qr/^GIF/,
 '{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded",'
 . '"title":"Too many requests","status":429,"detail":"You have sent more '
 . 'requests than are allowed in this time. Nothing was ordered by this one.",'
 . '"instance":"order-4711","reason":"rate","policy":"per_ip",'
 . '"violated-policies":["per_ip"],"retry_after":3600}']



=== TEST 2: a cost that never passes
--- http_config
admission_rate per_ip $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit per_ip cost=$cost; empty_gif; }
--- more_headers
X-Correlation-ID: order-4711
--- request
GET /t
--- error_code: 429
--- response_body chop
{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","title":"Request too large for the limit","status":429,"detail":"This request asks for more at once than is ever allowed. Ask for less.","instance":"order-4711","reason":"cost","policy":"per_ip","violated-policies":["per_ip"]}



=== TEST 3: a cost that is none
--- http_config
admission_rate per_ip $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit per_ip cost=$arg_n; empty_gif; }
--- more_headers
X-Correlation-ID: order-4711
--- request
GET /t?n=many
--- error_code: 400
--- response_body chop
{"type":"about:blank","title":"Bad Request","status":400,"detail":"The size of this request is not a number from 0 to 1000000.","instance":"order-4711","reason":"bad_cost","policy":"per_ip"}



=== TEST 4: the longest of everything
--- http_config eval
"admission_rate " . "n" x 64 . " \$server_name rate=1r/d burst=197;"
--- config eval
"location = /t { admission_limit " . "n" x 64 . " cost=\$arg_n; empty_gif; }"
--- more_headers eval
"X-Correlation-ID: " . "c" x 64
--- pipelined_requests eval
["GET /t?n=198", "GET /t?n=198"]
--- error_code eval
[200, 429]
--- response_body_like eval
["GIF", '"instance":"c{64}","reason":"rate","policy":"n{64}","violated-policies":\["n{64}"\],"retry_after":17107200\}$']



=== TEST 5: its length is announced
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- more_headers
X-Correlation-ID: 1
--- request
GET /t
--- error_code: 429
--- response_headers
Content-Type: application/problem+json
Content-Length: 280
! Transfer-Encoding
