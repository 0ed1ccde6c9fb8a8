# Whose budget it is: the key.
#
# Keys that run into one another make customers pay for strangers; keys that
# fall apart let one client in as many times as it can write its name.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: each key has a budget of its own
--- http_config
admission_rate a $arg_k rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t?k=1", "GET /t?k=2", "GET /t?k=1", "GET /t?k=2", "GET /t?k=11"]
--- error_code eval
[200, 200, 429, 429, 200]



=== TEST 2: an empty key is not limited
--- http_config
admission_rate a $arg_k rate=1r/h burst=0;
--- config
add_header X-Remaining "<$admission_remaining>" always;
add_header X-Verdict "<$admission_verdict>" always;
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t?k=", "GET /t?k=1", "GET /t?k=1"]
--- error_code eval
[200, 200, 200, 200, 429]
--- response_headers eval
["X-Remaining: <>\nX-Verdict: <admit>", "X-Remaining: <>\nX-Verdict: <admit>",
 "X-Remaining: <>\nX-Verdict: <admit>", "X-Remaining: <0>", "X-Remaining: <0>"]



=== TEST 3: nor is its cost looked at
--- http_config
admission_rate a $arg_k rate=1r/h burst=0;
--- config
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- pipelined_requests eval
["GET /t?n=x", "GET /t?n=7", "GET /t?n=x&k=1"]
--- error_code eval
[200, 200, 400]



=== TEST 4: an empty key beside another limit
--- http_config
admission_rate account $arg_k rate=1r/h burst=0;
admission_rate all $server_name rate=1r/h burst=1;
--- config
location = /t { admission_limit account; admission_limit all; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 429]



=== TEST 5: the binary address
--- http_config
admission_rate a $binary_remote_addr rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]



=== TEST 6: keys that differ in their last byte, and are long
--- http_config
admission_rate a $arg_k rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t?k=" . "x" x 900, "GET /t?k=" . "x" x 899 . "y",
 "GET /t?k=" . "x" x 901, "GET /t?k=" . "x" x 900]
--- error_code eval
[200, 200, 200, 429]



=== TEST 7: keys are bytes: case counts, and so does what is not ASCII
--- http_config
admission_rate a $arg_k rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t?k=a", "GET /t?k=A", "GET /t?k=\xc3\xa4", "GET /t?k=\xc3\xa5",
 "GET /t?k=%61", "GET /t?k=\xc3\xa4"]
--- error_code eval
[200, 200, 200, 200, 200, 429]



=== TEST 8: a field of the request as key
--- http_config
admission_rate a $http_x_account rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Account: one", "X-Account: two", "X-Account: one", "X-Other: one"]
--- error_code eval
[200, 200, 429, 200]



=== TEST 9: a table that is full is not an open door
More clients than the smallest zone has room for: those who find no place
share one budget, and the second of them is refused.
--- log_level: warn
--- http_config
admission_zone shop 64k;
admission_rate a $arg_k rate=1r/h burst=0 zone=shop;
--- config
keepalive_requests 20000;
location = /t { admission_limit a; access_log off; empty_gif; }
--- raw_request eval
CORE::join "",
    (map { "GET /t?k=$_ HTTP/1.1\r\nHost: localhost\r\n\r\n" } 1 .. 6000),
    "GET /t?k=6001 HTTP/1.0\r\nHost: localhost\r\n\r\n"
--- timeout: 20
--- ignore_response
--- grep_error_log eval: qr/admission: limit by rate "a", reason: rate/
--- grep_error_log_out eval
qr/^admission: limit by rate "a", reason: rate\n/



=== TEST 10: as many clients as there is room for are not in one another's way
--- log_level: warn
--- http_config
admission_zone shop 1m;
admission_rate a $arg_k rate=1r/h burst=0 zone=shop;
--- config
keepalive_requests 20000;
location = /t { admission_limit a; access_log off; empty_gif; }
--- raw_request eval
CORE::join "",
    (map { "GET /t?k=$_ HTTP/1.1\r\nHost: localhost\r\n\r\n" } 1 .. 6000),
    "GET /t?k=6001 HTTP/1.0\r\nHost: localhost\r\n\r\n"
--- timeout: 20
--- ignore_response
--- no_error_log
admission: limit
[alert]
