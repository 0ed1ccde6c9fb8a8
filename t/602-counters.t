# The counters: as many as there were, under the right labels.
#
# After a sale somebody asks how many were refused, where and why, and the
# autoscaler has asked all along.  A request that is missing, counted twice or
# under another site's name makes both answers wrong.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

master_on();
workers(2);
no_long_string();
run_tests();

__DATA__

=== TEST 1: all that can become of a request
--- http_config
admission_rate a $server_name rate=1r/h burst=2;
--- config
location = /t { admission_limit a cost=$arg_n; empty_gif; }
location = /status { admission_status; }
--- request eval
["GET /t?n=1", "GET /t?n=1", "GET /t?n=2", "GET /t?n=2", "GET /t?n=4",
 "GET /t?n=x", "GET /t?n=y", "GET /t?n=z", "GET /status"]
--- error_code eval
[200, 200, 429, 429, 429, 400, 400, 400, 200]
--- response_body_like eval
[("") x 8,
 qr/^admission_requests_total\{site="",verdict="admit",reason="",dry_run="0"\} 2
admission_requests_total\{site="",verdict="admit",reason="",dry_run="1"\} 0
admission_requests_total\{site="",verdict="limit",reason="rate",dry_run="0"\} 2
admission_requests_total\{site="",verdict="limit",reason="rate",dry_run="1"\} 0
admission_requests_total\{site="",verdict="limit",reason="cost",dry_run="0"\} 1
admission_requests_total\{site="",verdict="limit",reason="cost",dry_run="1"\} 0
admission_requests_total\{site="",verdict="invalid",reason="bad_cost",dry_run="0"\} 3
admission_requests_total\{site="",verdict="invalid",reason="bad_cost",dry_run="1"\} 0
(?s:.*)
admission_policy_total\{policy="rate",name="a",verdict="admit",dry_run="0"\} 2
admission_policy_total\{policy="rate",name="a",verdict="limit",dry_run="0"\} 3
admission_policy_total\{policy="rate",name="a",verdict="invalid",dry_run="0"\} 3
(?s:.*)
admission_decision_seconds_count 8$/m]



=== TEST 2: sites
--- http_config
admission_site outer;
admission_rate a $uri rate=1r/h burst=0;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    admission_site inner;
    location / { admission_limit a; empty_gif; }
}
server {
    listen $TEST_NGINX_RAND_PORT_2;
    location / { admission_limit a; empty_gif; }
}
--- config
admission_site shop;
location /shop { admission_limit a; empty_gif; }
location /inner { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location /outer { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2; }
location = /status { admission_status; }
--- request eval
["GET /shop", "GET /inner/1", "GET /inner/1", "GET /inner/2", "GET /outer/1",
 "GET /outer/1", "GET /outer/1", "GET /status"]
--- error_code eval
[200, 200, 429, 200, 200, 429, 429, 200]
--- response_body_like eval
[("") x 7,
 qr/(?=.*^\w+\{site="shop",verdict="admit",reason="",dry_run="0"\} 1$)(?=.*^\w+\{site="inner",verdict="admit",reason="",dry_run="0"\} 2$)(?=.*^\w+\{site="inner",verdict="limit",reason="rate",dry_run="0"\} 1$)(?=.*^\w+\{site="outer",verdict="admit",reason="",dry_run="0"\} 1$)(?=.*^\w+\{site="outer",verdict="limit",reason="rate",dry_run="0"\} 2$)(?=.*^\w+\{site="shop",verdict="limit",reason="rate",dry_run="0"\} 0$)/ms]



=== TEST 3: two servers of one site are one series
Twice the same labels is a scrape that Prometheus refuses as a whole.
--- http_config
admission_site shop;
admission_rate a $uri rate=1r/h burst=0;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { admission_limit a; empty_gif; }
}
--- config
location /near { admission_limit a; empty_gif; }
location /far { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location = /status { admission_status; }
--- request eval
["GET /near", "GET /far", "GET /status"]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
["", "",
 qr/^admission_requests_total\{site="shop",verdict="admit",reason="",dry_run="0"\} 2$(?!.*site="shop",verdict="admit",reason="",dry_run="0")/ms]



=== TEST 4: each limit by its name, also where it stands several times
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=1;
admission_rate unused $server_name rate=1r/h;
--- config
admission_limit a;
location = /1 { empty_gif; }
location = /2 { admission_limit a; admission_limit b; empty_gif; }
location = /3 { admission_limit b; empty_gif; }
location = /status { admission_status; }
--- request eval
["GET /1", "GET /2", "GET /2", "GET /2", "GET /3", "GET /status"]
--- error_code eval
[200, 200, 200, 429, 429, 200]
--- response_body_like eval
[("") x 5,
 qr/(?!.*name="a",verdict="limit")(?=.*^\w+\{policy="rate",name="a",verdict="admit",dry_run="0"\} 4$)(?=.*^\w+\{policy="rate",name="b",verdict="admit",dry_run="0"\} 2$)(?=.*^\w+\{policy="rate",name="b",verdict="limit",dry_run="0"\} 2$)/ms]



=== TEST 5: exact limits count the same
--- http_config
admission_rate a $server_name rate=1r/h burst=0 scope=exact;
--- config
location = /t { admission_limit a; empty_gif; }
location = /status { admission_status; }
--- request eval
["GET /t", "GET /t", "GET /t", "GET /status"]
--- error_code eval
[200, 429, 429, 200]
--- response_body_like eval
["", "", "",
 qr/(?=.*^\w+\{site="",verdict="admit",reason="",dry_run="0"\} 1$)(?=.*^\w+\{site="",verdict="limit",reason="rate",dry_run="0"\} 2$)(?=.*^admission_decision_seconds_count 3$)(?=.*^admission_suspended_requests 0$)/ms]



=== TEST 6: what is not decided is not counted
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /none { empty_gif; }
location = /off { admission off; admission_limit a; empty_gif; }
location = /status { admission_status; }
--- request eval
["GET /none", "GET /off", "GET /status", "GET /status"]
--- error_code eval
[200, 200, 200, 200]
--- response_body_like eval
["", "", "", qr/^admission_decision_seconds_count 0$/m]



=== TEST 7: an admitted request is counted whatever became of it
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /404 { admission_limit a; root html/nowhere; }
location = /403 { admission_limit a; deny all; empty_gif; }
location = /502 { admission_limit a; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location = /status { admission_status; }
--- request eval
["GET /404", "GET /403", "GET /502", "GET /status"]
--- error_code eval
[404, 403, 502, 200]
--- response_body_like eval
["", "", "",
 qr/^admission_requests_total\{site="",verdict="admit",reason="",dry_run="0"\} 3$/m]



=== TEST 8: several workers, one sum
--- http_config
admission_rate a $server_name rate=1r/h burst=2;
--- config
location = /t { admission_limit a; empty_gif; }
location = /status { admission_status; }
--- request eval
[("GET /t") x 5, "GET /status"]
--- error_code eval
[200, 200, 200, 429, 429, 200]
--- response_body_like eval
[("") x 5,
 qr/(?=.*^\w+\{site="",verdict="admit",reason="",dry_run="0"\} 3$)(?=.*^\w+\{site="",verdict="limit",reason="rate",dry_run="0"\} 2$)(?=.*^admission_processes 2$)/ms]



=== TEST 9: nothing that a client sends becomes a label
--- http_config
admission_rate a $arg_k rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
location = /status { admission_status public; }
--- more_headers
X-Correlation-ID: evil
Host: evil
User-Agent: evil
--- request eval
["GET /t?k=evil", "GET /t?k=evil", "GET /status"]
--- error_code eval
[200, 429, 200]
--- response_body_like eval
["GIF", "", qr/^(?!.*evil)/s]
