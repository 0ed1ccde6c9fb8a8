# After an answer, of ours or of the upstream, nothing more is decided.
#
# A page for refused customers must not refuse them again, or it is never
# seen; and an order that the upstream has taken must not end as a 429: the
# customer would order once more.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: the page for a refusal is in a location with limits
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_rate b $server_name rate=1r/h burst=0;
--- user_files
>>> slow.html
slow down, please
--- config
admission_limit a;
error_page 429 /slow.html;
location = /slow.html { admission_limit b; root html; }
location = /t { empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 429, 429, 429]
--- response_body eval
[qr/^GIF/, ("slow down, please\n") x 3]



=== TEST 2: nor does the page take from anybody
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_rate b $server_name rate=1r/h burst=9;
--- config
error_page 429 @slow;
location = /t { admission_limit a; empty_gif; }
location @slow { admission_limit b; empty_gif; }
location = /b { add_header X-Remaining $admission_remaining; admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /b"]
--- error_code eval
[200, 429, 429, 200]
--- response_headers eval
["! X-Remaining", "! X-Remaining", "! X-Remaining", "X-Remaining: 9"]



=== TEST 3: X-Accel-Redirect: the upstream has answered
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=0;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { add_header X-Accel-Redirect /file; return 200; }
}
--- config
add_header X-Verdict $admission_verdict always;
location = /t {
    admission_limit a;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location = /file { internal; admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 200]
--- response_headers eval
[("X-Verdict: admit") x 3]
--- response_body_like eval
[("GIF") x 3]



=== TEST 4: X-Accel-Redirect into the same limit
--- http_config
admission_rate a $server_name rate=1r/h burst=1;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { add_header X-Accel-Redirect /file; return 200; }
}
--- config
location = /t {
    admission_limit a;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location = /file { internal; admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 429]



=== TEST 5: an upstream's error that is intercepted
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=0;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { return 503; }
}
--- config
add_header X-Verdict $admission_verdict always;
location = /t {
    admission_limit a;
    proxy_intercept_errors on;
    error_page 503 = @other;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location @other { admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 200]
--- response_headers eval
[("X-Verdict: admit") x 3]



=== TEST 6: an upstream that cannot be reached
It may be the second of two, and the first one may have taken the order.
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=0;
--- config
location = /t {
    admission_limit a;
    error_page 502 = @other;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location @other { admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 200]



=== TEST 7: an upstream without any limit before it
The upstream has done its work and names the file: refusing the file then would
lose an order that is made.
--- http_config
admission_rate b $server_name rate=1r/h burst=0;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { add_header X-Accel-Redirect /file; return 200; }
}
--- config
location = /t { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location = /file { internal; admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 200]



=== TEST 8: a 429 of the upstream's own is the upstream's
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { add_header Retry-After 7 always; return 429 "theirs\n"; }
}
--- config
add_header X-Verdict $admission_verdict always;
location = /t {
    admission_limit a;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
GET /t
--- error_code: 429
--- response_headers
X-Verdict: admit
Retry-After: 7
! RateLimit
--- response_body
theirs



=== TEST 9: exact limits: the same
--- http_config
admission_rate a $server_name rate=1r/h burst=0 scope=exact;
admission_rate b $server_name rate=1r/h burst=9 scope=exact;
--- config
add_header X-Trips $admission_trips always;
add_header X-Remaining $admission_remaining always;
error_page 429 @slow;
location = /t { admission_limit a; empty_gif; }
location @slow { admission_limit b; empty_gif; }
location = /b { admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /b"]
--- error_code eval
[200, 429, 200]
--- response_headers eval
["X-Trips: 1", "X-Trips: 1", "X-Remaining: 9"]



=== TEST 10: post_action is not the client's request
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a; post_action /after; empty_gif; }
location = /after { admission_limit b; empty_gif; }
location = /b { admission_limit b; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /b"]
--- error_code eval
[200, 200, 200]



=== TEST 11: post_action of a request that was nobody's business
It would be decided on for the first time, after its client has the answer.
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { post_action /after; empty_gif; }
location = /after { admission_limit a; empty_gif; }
location = /status { admission_status; }
--- request eval
["GET /t", "GET /t", "GET /status"]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
["GIF", "GIF",
 qr/^admission_policy_total\{policy="rate",name="a",verdict="admit",dry_run="0"\} 0$/m]
