# Where limits stand and what they see: switch, methods, protocol versions.
#
# "admission off" is what an operator writes when a limit has to go now; a
# HEAD or a PUT that slips past a limit is how a script gets around it.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: off: nothing is decided, counted, said or taken
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
add_header X-Said "<$admission_verdict$admission_reason$admission_remaining$admission_trips>" always;
location = /off { admission off; admission_limit a; empty_gif; }
location = /on { admission_limit a; empty_gif; }
location = /status { admission_status; }
--- request eval
["GET /off", "GET /off", "GET /on", "GET /off", "GET /status"]
--- error_code eval
[200, 200, 200, 200, 200]
--- response_headers eval
["X-Said: <>", "X-Said: <>", "X-Said: <admit00>", "X-Said: <>", "! Age"]
--- response_body_like eval
[("GIF") x 4,
 qr/(?m)^admission_requests_total\{site="",verdict="admit",reason="",dry_run="0"\} 1$/]



=== TEST 2: a location without limits is not ours
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
add_header X-Said "<$admission_verdict$admission_reason$admission_remaining$admission_trips>" always;
location = /t { empty_gif; }
--- request
GET /t
--- response_headers
X-Said: <>



=== TEST 3: every method counts
--- http_config
admission_rate a $server_name rate=1r/h burst=4;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { return 200 "$request_method\n"; }
}
--- config
location = /t {
    admission_limit a;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- pipelined_requests eval
["GET /t", "POST /t\nx", "PUT /t\nx", "DELETE /t", "OPTIONS /t", "PATCH /t\nx"]
--- error_code eval
[200, 200, 200, 200, 200, 429]



=== TEST 4: HEAD counts as GET does
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- request eval
["HEAD /t", "HEAD /t", "GET /t"]
--- error_code eval
[200, 429, 429]



=== TEST 5: HTTP/1.0
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- request eval
["GET /t HTTP/1.0", "GET /t HTTP/1.0"]
--- error_code eval
[200, 429]



=== TEST 6: HTTP/0.9
There is no status line: the body alone says it.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- raw_request eval
"GET /t\r\n"
--- http09
--- response_body_like: ^\{"type":.*"reason":"cost".*\}$



=== TEST 7: return and rewrite decide before us
What nginx answers in its rewrite phase never reaches an upstream.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
admission_limit a;
location = /t { return 200 "said\n"; }
location = /u { empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /u", "GET /u"]
--- error_code eval
[200, 200, 200, 429]



=== TEST 8: an upstream never sees what was refused
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
log_format seen 'upstream saw $uri';
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { access_log logs/access.log seen; return 200 "there\n"; }
}
--- config
location = /t {
    admission_limit a cost=$arg_n;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
GET /t?n=2
--- error_code: 429
--- no_access_log
upstream saw
