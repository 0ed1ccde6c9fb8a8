# admission_shed in a dry run: what would have been, and nobody is refused.
#
# A shop watches for a day whom its circuit and its limit would have turned
# away.  Requests are counted and measured as if it was in earnest, or the day
# would tell nothing; but all of them go on, and none hears of it.

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
END
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: all are admitted, and the variables say what would have been
--- config
add_header X-Said "[$admission_verdict $admission_reason $admission_policy]" always;
location /t { admission dry_run; admission_shed shop; proxy_pass http://shop; }
--- pipelined_requests eval
["GET /t", "GET /t/500", "GET /t", "GET /t/500"]
--- error_code eval
[200, 500, 200, 500]
--- response_headers eval
["X-Said: [admit  ]", "X-Said: [admit  ]",
 "X-Said: [shed circuit_open shop]\n! Retry-After\n! Cache-Control",
 "X-Said: [shed circuit_open shop]\n! Retry-After"]



=== TEST 2: the log says that it was none
--- config
location /t { admission dry_run; admission_shed shop; proxy_pass http://shop; }
--- raw_request eval
"GET /t/500 HTTP/1.1\r\nHost: a\r\n\r\n"
. "GET /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
--- ignore_response
--- error_log eval
qr/admission: shed by shed "shop", reason: circuit_open, .*, inside: 0, dry run, correlation/



=== TEST 3: the metrics, too
--- config
admission_site a;
location = /numbers { admission_status; }
location /t { admission dry_run; admission_shed shop; proxy_pass http://shop; }
--- pipelined_requests eval
["GET /t", "GET /t/500", "GET /t", "GET /numbers"]
--- error_code eval
[200, 500, 200, 200]
--- response_body eval
["sold\n", "broken\n", "sold\n",
 qr/admission_policy_total\{policy="shed",name="shop",verdict="shed",dry_run="1"\} 1\n/]



=== TEST 4: what is dry in one place is in earnest in another
--- config
location /t { admission dry_run; admission_shed shop; proxy_pass http://shop; }
location /real { admission_shed shop; proxy_pass http://shop; }
--- pipelined_requests eval
["GET /t/500", "GET /t", "GET /real", "GET /t"]
--- error_code eval
[500, 200, 503, 200]



=== TEST 5: no fallback
--- config
location /t {
    admission dry_run;
    admission_shed shop fallback=@busy;
    proxy_pass http://shop;
}
location @busy { return 200 "busy\n"; }
--- pipelined_requests eval
["GET /t/500", "GET /t"]
--- error_code eval
[500, 200]
--- response_body eval
["broken\n", "sold\n"]



=== TEST 6: off is off
--- config
location /t { admission off; admission_shed shop; proxy_pass http://shop; }
location /real { admission_shed shop; proxy_pass http://shop; }
--- pipelined_requests eval
["GET /t/500", "GET /t", "GET /real"]
--- error_code eval
[500, 200, 200]
