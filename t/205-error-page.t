# A site's own error_page for the status of a refusal wins over our answer.
#
# Shops have a page for "too many requests" with their name on it.  It is
# theirs to choose, but the time to come back stays in the fields, and another
# page of theirs, for 500 or 503, must not take the place of our refusal.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a static page
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- user_files
>>> slow.html
slow down, please
--- config
error_page 429 /slow.html;
location = /t { admission_limit a; empty_gif; }
--- more_headers
Accept: text/html
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers eval
["! Retry-After", qq{Content-Type: text/html
Retry-After: 3600
RateLimit-Policy: "a";q=1;w=3600
RateLimit: "a";r=0;t=3600
Cache-Control: no-store
! Vary}]
--- response_body eval
[qr/^GIF/, "slow down, please\n"]



=== TEST 2: with another status
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- user_files
>>> slow.html
slow down, please
--- config
error_page 429 =200 /slow.html;
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 200]
--- response_headers eval
["! Retry-After", "Retry-After: 3600\nCache-Control: no-store"]
--- response_body eval
[qr/^GIF/, "slow down, please\n"]



=== TEST 3: with the status of the page
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
error_page 429 = /page;
location = /page { internal; return 503 "we are full\n"; }
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 503
--- response_body
we are full



=== TEST 4: a named location
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
error_page 429 @slow;
location @slow { return 429 "slow: $uri, $admission_reason, $admission_policy\n"; }
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers eval
["! Retry-After", "Retry-After: 3600"]
--- response_body eval
[qr/^GIF/, "slow: /t, rate, a\n"]



=== TEST 5: a page of another server
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { add_header X-From upstream; return 200 "page $request_method\n"; }
}
--- config
error_page 429 /slow;
location = /slow { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location = /t {
    admission_limit a;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- pipelined_requests eval
["POST /t\nhello", "POST /t\nhello"]
--- error_code eval
[200, 429]
--- response_headers eval
["! Retry-After", "X-From: upstream\nRetry-After: 3600"]
--- response_body eval
["page POST\n", "page GET\n"]



=== TEST 6: a redirect
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
error_page 429 http://example.org/slow;
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 302]
--- response_headers eval
["! Location", "Location: http://example.org/slow\nRetry-After: 3600"]



=== TEST 7: a page for another status does not matter
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- user_files
>>> 50x.html
we are sorry
--- config
error_page 400 403 404 500 502 503 504 /50x.html;
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_body_like eval
["GIF", '"reason":"rate"']



=== TEST 8: a 400 of ours, and a page for it
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
error_page 400 @bad;
location @bad { return 400 "bad: $admission_reason\n"; }
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- request
GET /t?n=x
--- error_code: 400
--- response_body
bad: bad_cost



=== TEST 9: a page that is not there is nginx's own
As with any other error_page; the fields are ours all the same.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
error_page 429 /nowhere.html;
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 404]
--- response_headers eval
["! Retry-After", "Retry-After: 3600"]



=== TEST 10: a limit behind another error page refuses with its own status
The status that error_page has for its page is not that of our refusal: a
program that sees 200 takes the refusal for the order.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /kept { error_page 404 @limited; root html/nowhere; }
location = /ok { error_page 404 =200 @limited; root html/nowhere; }
location @limited { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- request eval
["GET /kept", "GET /ok"]
--- error_code eval
[429, 429]
--- response_body_like eval
[('"status":429,.*"reason":"cost"') x 2]



=== TEST 11: the page is for this request, the next one is read well
The body of the refused request is not the next request.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
error_page 429 @slow;
location @slow { return 429 "slow\n"; }
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
location = /u { return 200 "next\n"; }
--- pipelined_requests eval
["POST /t\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /u"]
--- error_code eval
[429, 200]
--- response_body eval
["slow\n", "next\n"]
--- no_access_log
smuggled



=== TEST 12: a page with fields of its own
The time to come back is one, and ours: two of them say nothing to a client.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / {
        add_header Retry-After 7 always;
        add_header Cache-Control max-age=60 always;
        return 200 "sorry\n";
    }
}
--- config
error_page 429 @page;
location @page { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers eval
["! Retry-After", "Retry-After: 3600\nCache-Control: no-store"]
