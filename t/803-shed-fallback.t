# fallback=@LOCATION of admission_shed: another answer instead of a 503.
#
# While the shop recovers a page that was stored yesterday is better than an
# apology.  The request goes there as it is, method and body and all, it is
# counted and logged as shed, and nothing more is decided about it.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;

    $block->set_value(http_config => <<'END' . ($block->http_config // ''));
admission_upstream shop failures=1 error_rate=0 open=20s max_open=20s;

upstream shop { server 127.0.0.1:$TEST_NGINX_RAND_PORT_1; }

server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { return 200 "sold\n"; }
    location /t/500 { return 500 "broken\n"; }
}

server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    location / { return 200 "$request_method $request_uri $content_length\n"; }
}
END
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a page
--- user_files
>>> yesterday.html
as it was yesterday
--- config
add_header X-Said "[$admission_verdict $admission_reason]" always;
location /t { admission_shed shop fallback=@busy; proxy_pass http://shop; }
location @busy { try_files /yesterday.html =503; }
--- pipelined_requests eval
["GET /t", "GET /t/500", "GET /t/lamp"]
--- error_code eval
[200, 500, 200]
--- response_headers eval
["X-Said: [admit ]", "X-Said: [admit ]",
 "X-Said: [shed circuit_open]\n! Retry-After"]
--- response_body eval
["sold\n", "broken\n", "as it was yesterday\n"]



=== TEST 2: and the log tells of it
--- config
location /t { admission_shed shop fallback=@busy; proxy_pass http://shop; }
location @busy { return 200 "busy\n"; }
--- raw_request eval
"GET /t/500 HTTP/1.1\r\nHost: a\r\n\r\n"
. "GET /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
--- ignore_response
--- error_log
admission: shed by shed "shop", reason: circuit_open



=== TEST 3: another upstream, with the body
--- config
location /t { admission_shed shop fallback=@spare; proxy_pass http://shop; }
location @spare { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2; }
--- pipelined_requests eval
["GET /t/500", "POST /t/order?a=1
lamp=1&units=2", "GET /t"]
--- error_code eval
[500, 200, 200]
--- response_body eval
["broken\n", "POST /t/order?a=1 14\n", "GET /t \n"]



=== TEST 4: nothing more is decided there
--- http_config
admission_rate hourly $server_name rate=1r/h burst=0;
admission_upstream spare;
--- config
location /t { admission_shed shop fallback=@busy; proxy_pass http://shop; }
location @busy {
    admission_limit hourly;
    admission_shed spare;
    admission_shed shop;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2;
}
--- pipelined_requests eval
["GET /t/500", "GET /t", "GET /t", "GET /t"]
--- error_code eval
[500, 200, 200, 200]



=== TEST 5: a location that says no
--- config
location /t { admission_shed shop fallback=@busy; proxy_pass http://shop; }
location @busy { return 503 "busy\n"; }
--- pipelined_requests eval
["GET /t/500", "GET /t"]
--- error_code eval
[500, 503]
--- response_headers eval
["! Retry-After", "! Retry-After"]
--- response_body eval
["broken\n", "busy\n"]



=== TEST 6: the first that refuses leads there
--- http_config
admission_upstream spare failures=1 error_rate=0;
--- config
location /t {
    admission_shed spare fallback=@other;
    admission_shed shop fallback=@busy;
    proxy_pass http://shop;
}
location @busy { return 200 "busy\n"; }
location @other { return 200 "other\n"; }
--- pipelined_requests eval
["GET /t/500", "GET /t"]
--- error_code eval
[500, 200]
--- response_body eval
["broken\n", "other\n"]



=== TEST 7: before an error page
--- user_files
>>> busy.html
come back later
--- config
error_page 503 /busy.html;
location /t { admission_shed shop fallback=@busy; proxy_pass http://shop; }
location @busy { return 200 "busy\n"; }
location = /busy.html { }
--- pipelined_requests eval
["GET /t/500", "GET /t"]
--- error_code eval
[500, 200]
--- response_body eval
["broken\n", "busy\n"]



=== TEST 8: a location reached by an error page, before any upstream
--- config
location = /closed { deny all; error_page 403 = @inner; }
location @inner { admission_shed shop; proxy_pass http://shop; }
location /t { admission_shed shop; proxy_pass http://shop; }
--- pipelined_requests eval
["GET /closed", "GET /t/500", "GET /closed"]
--- error_code eval
[200, 500, 503]
