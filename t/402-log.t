# The error log: who was refused, why, and how many more.
#
# In a sale thousands are refused in a second for one reason.  A line for each
# fills the disk; no line leaves the operator without the name of the limit
# that is too narrow.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: the line
--- http_config
admission_rate per_ip $server_name rate=1r/h burst=4;
--- config
location = /t { admission_limit per_ip cost=$arg_n; empty_gif; }
--- more_headers
X-Correlation-ID: order-4711
--- raw_request eval
CORE::join "", map { "GET /t?n=4 HTTP/1.$_\r\nHost: localhost\r\nX-Correlation-ID: order-4711\r\n\r\n" } 1, 0
--- ignore_response
--- error_log eval
qr/\[warn\] .* admission: limit by rate "per_ip", reason: rate, retry after: 10800 s, remaining: 1, correlation: "order-4711", client: 127\.0\.0\.1, server: localhost, request: "GET \/t\?n=4 /



=== TEST 2: a refusal without a time to come back tells none
--- http_config
admission_rate a $server_name rate=1r/h burst=4;
--- config
location = /t { set $cost 6; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 429
--- error_log
admission: limit by rate "a", reason: cost
--- no_error_log
retry after:
[alert]



=== TEST 3: a cost that is none
--- http_config
admission_rate a $server_name rate=1r/h burst=4;
--- config
location = /t { set $cost x; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 400
--- error_log
admission: invalid by rate "a", reason: bad_cost
--- no_error_log
retry after:
[alert]



=== TEST 4: an admitted request leaves no line
--- http_config
admission_rate a $server_name rate=1r/h burst=4;
--- config
location = /t { admission_limit a; empty_gif; }
--- request
GET /t
--- no_error_log
admission:
[alert]



=== TEST 5: at info
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
admission_log_level info;
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 429
--- error_log eval
qr/\[info\] .* admission: limit by rate "a"/



=== TEST 6: at notice, in the location
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_log_level info;
--- config
location = /t { set $cost 2; admission_log_level notice; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 429
--- error_log eval
qr/\[notice\] .* admission: limit by rate "a"/



=== TEST 7: at error
--- http_config
admission_log_level error;
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 429
--- error_log eval
qr/\[error\] .* admission: limit by rate "a"/



=== TEST 8: below the log's own level there is none
--- log_level: warn
--- http_config
admission_log_level notice;
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 429
--- wait: 1.2
--- no_error_log
admission:
[alert]



=== TEST 9: of equal ones the first, and the number of the others
--- log_level: info
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- raw_request eval
CORE::join "", map { "GET /t HTTP/1.$_\r\nHost: localhost\r\n\r\n" } ((1) x 7), 0
--- ignore_response
--- wait: 1.3
--- grep_error_log eval: qr/\[warn\] .*? (admission: [^"]*"[^"]*", reason: \w+(?:, \d+ similar)?)/
--- grep_error_log_out eval
qr/\A[^\n]*admission: limit by rate "a", reason: rate\n[^\n]*admission: limit by rate "a", reason: rate, 6 similar\n\z/



=== TEST 10: one alone has none similar
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 429
--- wait: 1.3
--- error_log
admission: limit by rate "a", reason: cost
--- no_error_log
similar
[alert]



=== TEST 11: equal is: of the same limit, reason and rehearsal
--- http_config
admission_rate a $arg_k rate=1r/h burst=0;
admission_rate b $arg_k rate=1r/h burst=0;
--- config
location = /a { admission_limit a cost=$arg_n; empty_gif; }
location = /b { admission_limit b cost=$arg_n; empty_gif; }
location = /dry { admission dry_run; admission_limit a cost=$arg_n; empty_gif; }
--- raw_request eval
CORE::join "", (map { "GET $_ HTTP/1.1\r\nHost: localhost\r\n\r\n" }
    "/a?k=1&n=2", "/b?k=1&n=2", "/dry?k=1&n=2", "/a?k=1&n=x"),
    "GET /a?k=1&n=2 HTTP/1.0\r\n\r\n"
--- ignore_response
--- grep_error_log eval: qr/admission: \w+ by rate "\w", reason: \w+|, dry run/
--- grep_error_log_out
admission: limit by rate "a", reason: cost
admission: limit by rate "b", reason: cost
admission: limit by rate "a", reason: cost
admission: invalid by rate "a", reason: bad_cost



=== TEST 12: after that second the next one is written in full again
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[429, 429]
--- wait: 1.3
--- error_log
admission: limit by rate "a", reason: cost



=== TEST 13: a rehearsal's number says that it is one
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission dry_run; admission_limit a cost=$cost; empty_gif; }
--- raw_request eval
CORE::join "", map { "GET /t HTTP/1.$_\r\nHost: localhost\r\n\r\n" } 1, 1, 0
--- ignore_response
--- wait: 1.3
--- error_log
admission: limit by rate "a", reason: cost, dry run, 2 similar



=== TEST 14: what a client sends is not read from the line as another one
--- http_config
admission_rate a $arg_k rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- more_headers
X-Correlation-ID: x", reason: none
--- request
GET /t?k=%0Ax
--- error_code: 429
--- error_log eval
qr/, correlation: "[0-9a-f]{32}", client/
--- no_error_log eval
[qr/^x/, qr/correlation: "x"/, "[alert]"]
