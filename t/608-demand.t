# offered_demand: how many would come a second were nothing refused.
#
# The autoscaler is led by it.  Who was told to wait and knocks again at once
# is the same customer: counted each time, the shop would grow with the
# impatience of its visitors; never counted again, it would shrink while they
# stand at the door.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
    $block->set_value(config => "location = /status { admission_status; }\n"
                      . "set_real_ip_from 127.0.0.1;\n"
                      . "real_ip_header X-Real-IP;\n" . $block->config);
});

# "visits": one row each, of the path, what it ends with, and fields that it
# has; "demand": first attempts in the ten seconds before this one, which is
# asked when their second is over
add_block_preprocessor(sub {
    my ($block) = @_;

    my @rows = map { [split / => /] } split /\n/, $block->visits // return;

    $block->set_value(request => [
        (map { $_->[0] } @rows),
        ["GET /sta", { value => "tus", delay_before => 1.2 }],
    ]);
    $block->set_value(error_code => [(map { $_->[1] } @rows), 200]);
    $block->set_value(more_headers =>
        [(map { join "\n", split / & /, $_->[2] // "X-None: 1" } @rows),
         "X-None: 1"]);
    $block->set_value(response_body_like => [("") x @rows,
        "\nadmission_offered_demand " . $block->demand =~ s/\./\\./r . "\n"]);
});

no_root_location();
no_long_string();
run_tests();

__DATA__

=== TEST 1: nobody
--- config
--- visits
--- demand chomp
0.0



=== TEST 2: all that are let through
--- http_config
admission_rate a $server_name rate=1r/h burst=99;
--- config
location / { admission_limit a; empty_gif; }
--- visits
GET /a => 200
GET /a => 200
GET /b => 200
HEAD /b => 200
--- demand chomp
0.4



=== TEST 3: who is refused is one of them, and comes back too early
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location / { admission_limit a; empty_gif; }
--- visits
GET /a => 200
GET /a => 429
GET /a => 429
GET /a => 429
GET /a => 429
--- demand chomp
0.2



=== TEST 4: who is told apart: address, path, and who it says it is
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location / { admission_limit a; empty_gif; }
--- visits
GET /a => 200
GET /a => 429
GET /b => 429
GET /a => 429 => X-Real-IP: 192.0.2.1
GET /a => 429 => X-Real-IP: 2001:db8::1
GET /a => 429 => User-Agent: one
GET /a => 429 => User-Agent: two
GET /a => 429 => Cookie: session=1
GET /a => 429 => Cookie: session=2
GET /a => 429 => Authorization: Bearer 1
GET /a => 429 => Idempotency-Key: 1
GET /a => 429 => cookie: session=3
--- demand chomp
1.2



=== TEST 5: and each of them once
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location / { admission_limit a; empty_gif; }
--- visits
GET /x => 200
GET /b => 429
GET /b => 429
GET /a => 429 => X-Real-IP: 192.0.2.1
GET /a => 429 => X-Real-IP: 192.0.2.1
GET /a => 429 => User-Agent: one
GET /a => 429 => User-Agent: one
GET /a => 429 => Cookie: session=1
GET /a => 429 => Cookie: session=1
GET /a => 429 => cookie: session=1
GET /a => 429 => Authorization: Bearer 1
GET /a => 429 => Authorization: Bearer 1
GET /a => 429 => Idempotency-Key: 1
GET /a => 429 => Idempotency-Key: 1
--- demand chomp
0.7



=== TEST 6: what does not tell clients apart
Arguments, the method and other fields change while somebody tries again.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location / { admission_limit a; empty_gif; }
--- visits
GET /x => 200
GET /a => 429
GET /a?try=2 => 429
HEAD /a => 429
GET /a => 429 => X-Correlation-ID: 2
GET /a => 429 => Accept: text/html & Referer: /a
GET /%61 => 429
GET //a => 429
--- demand chomp
0.2



=== TEST 7: who comes in time is counted again
Told one second, back after two.
--- http_config
admission_rate a $server_name rate=1r/s burst=0;
--- config
location / { admission_limit a; empty_gif; }
--- request eval
["GET /a", "GET /a", ["GET /", { value => "a", delay_before => 2.1 }],
 ["GET /sta", { value => "tus", delay_before => 1.2 }]]
--- error_code eval
[200, 429, 200, 200]
--- response_body_like eval
["", "", "", "\nadmission_offered_demand 0\\.3\n"]



=== TEST 8: who never waits is not counted for that
Too early again and again: one who was told each time.
--- http_config
admission_rate a $server_name rate=6r/m burst=0;
--- config
location / { admission_limit a; empty_gif; }
--- request eval
["GET /a", "GET /a", ["GET /", { value => "a", delay_before => 1.1 }],
 ["GET /", { value => "a", delay_before => 1.1 }],
 ["GET /sta", { value => "tus", delay_before => 1.2 }]]
--- error_code eval
[200, 429, 429, 429, 200]
--- response_body_like eval
["", "", "", "", "\nadmission_offered_demand 0\\.2\n"]



=== TEST 9: refused for good: nobody was told to come back
--- http_config
admission_rate a $server_name rate=1r/h burst=2;
--- config
location / { admission_limit a cost=$arg_n; empty_gif; }
--- visits
GET /a?n=x => 400
GET /a?n=x => 400
GET /a?n=9 => 429
GET /a?n=9 => 429
--- demand chomp
0.4



=== TEST 10: in a rehearsal nobody is told
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location / { admission dry_run; admission_limit a; empty_gif; }
--- visits
GET /a => 200
GET /a => 200
GET /a => 200
--- demand chomp
0.3



=== TEST 11: what is not decided on is no demand
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_limit a;
--- config
location / { return 200; }
location /off { admission off; empty_gif; }
location /health { admission_health; }
location /dashboard { admission_dashboard; }
location /control { admission_control; }
location /none { empty_gif; }
--- visits
GET /off => 200
GET /health => 200
GET /dashboard => 200
GET /control/admission => 200
GET /none => 200
--- demand chomp
0.1



=== TEST 12: once a request, whatever redirects it
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=9;
--- config
location = /a { admission_limit a; error_page 403 = /b; deny all; }
location = /b { admission_limit b; empty_gif; }
location = /c { admission_limit a; try_files /nowhere /b; }
--- visits
GET /a => 200
GET /c => 200
--- demand chomp
0.2



=== TEST 13: once a request, subrequests or not
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /a { auth_request /b; admission_limit a; empty_gif; }
location = /b { admission_limit a; empty_gif; }
--- visits
GET /a => 200
--- demand chomp
0.1



=== TEST 14: refused by the store
--- http_config
admission_rate a $server_name rate=1r/h burst=0 scope=exact;
--- config
location / { admission_limit a; empty_gif; }
--- visits
GET /a => 200
GET /a => 429
GET /a => 429
GET /a => 429
--- demand chomp
0.2



=== TEST 15: fields of any length and number
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location / { admission_limit a; empty_gif; }
--- visits eval
my $long = "c=" . "x" x 900;
my $many = CORE::join " & ", map { "Cookie: c$_=1" } 1 .. 30;
<<"_";
GET /x => 200
GET /a => 429 => Cookie: ${long}1
GET /a => 429 => Cookie: ${long}2
GET /a => 429 => Cookie: ${long}2
GET /a => 429 => Cookie: 
GET /a => 429 => $many
GET /a => 429 => $many
_
--- demand chomp
0.5
