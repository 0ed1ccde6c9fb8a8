# scope=exact: the same limits, decided in the store.
#
# On one node the store is the same memory, and the answer has to be the same
# as without the word; what differs is that the request sleeps until the store
# has answered.  A request that is woken twice, never, or in the wrong phase
# hangs, crashes a worker or goes upstream unlimited.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: burst + 1 at once
--- http_config
admission_rate a $server_name rate=1r/h burst=1 scope=exact;
--- config
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 429, 429]
--- response_headers eval
["! Retry-After", "! Retry-After",
 (qq{Retry-After: 3600
RateLimit-Policy: "a";q=2;w=7200
RateLimit: "a";r=0;t=3600
Cache-Control: no-store}) x 2]



=== TEST 2: one trip, for admitted and refused alike
--- http_config
admission_rate a $server_name rate=1r/h burst=0 scope=exact;
admission_rate b $server_name rate=1r/h burst=9 scope=exact;
admission_rate c $server_name rate=1r/h burst=9;
--- config
add_header X-Trips $admission_trips always;
location = /one { admission_limit a; empty_gif; }
location = /two { admission_limit a; admission_limit b; empty_gif; }
location = /none { admission_limit c; empty_gif; }
--- request eval
["GET /one", "GET /one", "GET /two", "GET /none"]
--- error_code eval
[200, 429, 429, 200]
--- response_headers eval
["X-Trips: 1", "X-Trips: 1", "X-Trips: 1", "X-Trips: 0"]



=== TEST 3: a local refusal costs no trip, wherever it stands
--- http_config
admission_rate local $server_name rate=1r/h burst=0;
admission_rate exact $server_name rate=1r/h burst=9 scope=exact;
--- config
add_header X-Trips $admission_trips always;
add_header X-Remaining $admission_remaining always;
location = /t { admission_limit exact; admission_limit local; empty_gif; }
location = /exact { admission_limit exact; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /exact"]
--- error_code eval
[200, 429, 200]
--- response_headers eval
["X-Trips: 1\nX-Remaining: 0", "X-Trips: 0\nX-Remaining: 0",
 "X-Trips: 1\nX-Remaining: 8"]



=== TEST 4: the trip's refusal gives back what was taken locally
--- http_config
admission_rate local $server_name rate=1r/h burst=9;
admission_rate exact $server_name rate=1r/h burst=0 scope=exact;
--- config
add_header X-Remaining $admission_remaining always;
location = /t { admission_limit local; admission_limit exact; empty_gif; }
location = /local { admission_limit local; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /local"]
--- error_code eval
[200, 429, 429, 200]
--- response_headers eval
["X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 8"]



=== TEST 5: all of one trip, or nothing
--- http_config
admission_rate a $server_name rate=1r/h burst=9 scope=exact;
admission_rate b $server_name rate=1r/h burst=0 scope=exact;
admission_rate c $server_name rate=1r/h burst=8 scope=exact;
--- config
add_header X-Remaining $admission_remaining always;
location = /abc {
    admission_limit a;
    admission_limit b;
    admission_limit c;
    empty_gif;
}
location = /a { admission_limit a; empty_gif; }
location = /c { admission_limit c; empty_gif; }
--- pipelined_requests eval
["GET /abc", "GET /abc", "GET /abc", "GET /a", "GET /c"]
--- error_code eval
[200, 429, 429, 200, 200]
--- response_headers eval
["X-Remaining: 0", qq{X-Remaining: 0
RateLimit-Policy: "b";q=1;w=3600}, "X-Remaining: 0", "X-Remaining: 8",
 "X-Remaining: 7"]



=== TEST 6: cost
--- http_config
admission_rate a $server_name rate=1r/h burst=4 scope=exact;
--- config
add_header X-Remaining $admission_remaining always;
add_header X-Trips $admission_trips always;
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- pipelined_requests eval
["GET /t?n=3", "GET /t?n=3", "GET /t?n=6", "GET /t?n=x", "GET /t?n=0",
 "GET /t?n=2"]
--- error_code eval
[200, 429, 429, 400, 200, 200]
--- response_headers eval
["X-Remaining: 2", qq{X-Remaining: 2\nRetry-After: 3600}, "! Retry-After",
 "X-Trips: 0", "X-Remaining: 2", "X-Remaining: 0"]



=== TEST 7: an empty key makes no trip
--- http_config
admission_rate a $arg_k rate=1r/h burst=0 scope=exact;
--- config
add_header X-Trips $admission_trips always;
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t?k=1", "GET /t?k=1"]
--- error_code eval
[200, 200, 200, 429]
--- response_headers eval
["X-Trips: 0", "X-Trips: 0", "X-Trips: 1", "X-Trips: 1"]



=== TEST 8: a body that is there before the store has answered
It is still the upstream's, in full.
--- http_config
admission_rate a $server_name rate=1r/h burst=0 scope=exact;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { return 200 "$request_method $http_content_length\n"; }
}
--- config
location = /t {
    admission_limit a;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- pipelined_requests eval
["POST /t\n" . "x" x 20000, "POST /t\n" . "x" x 20000, "GET /t"]
--- error_code eval
[200, 429, 429]
--- response_body_like eval
["^POST 20000\$", '"reason":"rate"', '"reason":"rate"']



=== TEST 9: the time in the store is told
--- http_config
admission_rate a $server_name rate=1r/h burst=9 scope=exact;
admission_rate b $server_name rate=1r/h burst=9;
--- config
add_header X-Time "<$admission_store_time>" always;
location = /a { admission_limit a; empty_gif; }
location = /b { admission_limit b; empty_gif; }
--- request eval
["GET /a", "GET /b"]
--- response_headers_like eval
['X-Time: <0\.\d{6}>', 'X-Time: <>']



=== TEST 10: content out of index and try_files
The claim travels from PRECONTENT, where those redirect from.
--- user_files
>>> shop/index.html
welcome
--- http_config
admission_rate a $server_name rate=1r/h burst=2 scope=exact;
--- config
add_header X-Trips $admission_trips always;
add_header X-Remaining $admission_remaining always;
location /shop/ {
    admission_limit a;
    root html;
    index index.html;
    try_files $uri $uri/ /shop/index.html;
}
--- pipelined_requests eval
["GET /shop/index.html", "GET /shop/", "GET /shop/nowhere", "GET /shop/"]
--- error_code eval
[200, 200, 200, 429]
--- response_headers eval
["X-Trips: 1\nX-Remaining: 2", "X-Trips: 1\nX-Remaining: 1",
 "X-Trips: 1\nX-Remaining: 0", "X-Trips: 1\nX-Remaining: 0"]



=== TEST 11: a client that is gone while the store is asked
--- http_config
admission_rate a $server_name rate=1r/h burst=9 scope=exact;
--- config
location = /t { admission_limit a; empty_gif; }
--- raw_request eval
"GET /t HTTP/1.1\r\nHost: localhost\r\n\r\n" x 20
--- shutdown: 2
--- ignore_response
--- no_error_log
[alert]
[emerg]
[crit]



=== TEST 12: the time to come back is true for all of one trip
--- http_config
admission_rate fast $server_name rate=1r/s burst=0 scope=exact;
admission_rate slow $server_name rate=1r/h burst=0 scope=exact;
--- config
location = /t { admission_limit fast; admission_limit slow; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers eval
["! Retry-After", "Retry-After: 3600"]
