# What upstreams did with the requests that were let through.
#
# A limit is right when the shop behind it can bear what passes.  These
# metrics say so: each try of each peer once, by what became of it, and who
# is inside now.  A try that error_page or a second peer hides, or one that
# was never made, lets a dying shop look well.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]")
        if !defined $block->no_error_log;

    # where the status is, and a shop that answers as the path says
    $block->set_value(config => "location = /status { admission_status; }\n"
                      . $block->config);
    $block->set_value(http_config => <<'_' . ($block->http_config // ""));
admission_rate a $arg_k rate=1r/h burst=0;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location = /200 { return 200 "200\n"; }
    location = /204 { return 204; }
    location = /206 { return 206 "206\n"; }
    location = /302 { return 302 /; }
    location = /304 { return 304; }
    location = /400 { return 400; }
    location = /404 { return 404; }
    location = /429 { return 429; }
    location = /500 { return 500; }
    location = /503 { return 503; }
    location /close { return 444; }
    location /fast { add_header Cache-Control max-age=60; return 200 "fast\n"; }
    location /accel/ { add_header X-Accel-Redirect $uri.x; return 201 "accel\n"; }
}
server {
    listen $TEST_NGINX_RAND_PORT_2;
    location / { return 500 "500\n"; }
}
upstream shop { server 127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
_
});

# "counts": in the last answer, the status, the classes that are not 0; so
# many are in the histogram, less what is said of them; and nobody is inside
add_response_body_check(sub {
    my ($block, $body, $index) = @_;

    my $counts = $block->counts // return;
    my $request = $block->request;

    return if ref $request && $index < $#$request;

    my %sample = $body =~ /^admission_(\S+) (\S+)$/mg;
    my $got = join "", map { "$_ $sample{qq(upstream_responses_total{class=\"$_\"})}\n" }
              grep { $sample{"upstream_responses_total{class=\"$_\"}"} // "?" }
              qw(none 1xx 2xx 3xx 4xx 5xx abandoned);
    my $sum = 0;

    $sum += $_ for $counts =~ / (\d+)$/mg;

    Test::More::is($got, $counts, "the classes");
    Test::More::is($sample{upstream_seconds_count}, $sum, "the histogram");
    Test::More::is($sample{"upstream_seconds_bucket{le=\"+Inf\"}"}, $sum,
                   "... and its last bucket");

    my @inside = grep { /^inflight\{/ } sort keys %sample;

    Test::More::cmp_ok(scalar @inside, ">", 0, "who is inside is known");
    Test::More::is(join(" ", grep { $sample{$_} ne "0" } @inside), "",
                   "... nobody");
});

# "upstreams": the names of those that are told of, each once, and no more
add_response_body_check(sub {
    my ($block, $body, $index) = @_;

    my $expected = $block->upstreams // return;
    my $request = $block->request;

    return if ref $request && $index < $#$request;

    my @names = sort $body =~ /^admission_inflight\{upstream="(.*)"\} 0$/mg;
    my @all = $body =~ /^admission_inflight\{/mg;

    Test::More::is(join("\n", @names, ""), $expected, "the upstreams");
    Test::More::is(scalar @all, scalar @names, "... each of them empty");
});

no_root_location();
no_long_string();
run_tests();

__DATA__

=== TEST 1: each class
--- config
location / { admission_limit a; proxy_pass http://shop; }
--- request eval
["GET /200", "GET /204", "GET /206", "GET /304", "GET /302", "GET /404",
 "GET /400", "GET /429", "GET /500", "GET /503", "GET /close", "GET /status"]
--- error_code eval
[200, 204, 206, 304, 302, 404, 400, 429, 500, 503, 502, 200]
--- counts
none 1
2xx 3
3xx 2
4xx 3
5xx 2



=== TEST 2: nothing yet
--- config
location / { admission_limit a; proxy_pass http://shop; }
--- request
GET /status
--- counts



=== TEST 3: what was refused is not inside, nor what is not decided on
--- config
location / { admission_limit a; proxy_pass http://shop; }
location /none/ { proxy_pass http://shop/; }
location /off/ { admission off; admission_limit a; proxy_pass http://shop/; }
--- request eval
["GET /200?k=1", "GET /200?k=1", "GET /200?k=1", "GET /none/200",
 "GET /off/500", "GET /status"]
--- error_code eval
[200, 429, 429, 200, 500, 200]
--- counts
2xx 1



=== TEST 4: a rehearsal lets all through
--- config
location / { admission dry_run; admission_limit a; proxy_pass http://shop; }
--- request eval
["GET /200?k=1", "GET /200?k=1", "GET /500?k=1", "GET /status"]
--- error_code eval
[200, 200, 500, 200]
--- counts
2xx 2
5xx 1



=== TEST 5: by the store
--- http_config
admission_rate e $arg_k rate=1r/h burst=0 scope=exact;
--- config
location / { admission_limit e; proxy_pass http://shop; }
--- request eval
["GET /200?k=1", "GET /200?k=1", "GET /status"]
--- error_code eval
[200, 429, 200]
--- counts
2xx 1



=== TEST 6: no connection
--- config
location / { admission_limit a; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
--- request eval
["GET /200", "GET /status"]
--- error_code eval
[502, 200]
--- no_error_log
[alert]
--- counts
none 1



=== TEST 7: another peer is tried: both have answered
--- http_config
upstream two {
    server 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    server 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- config
location / {
    admission_limit a;
    proxy_next_upstream http_500;
    proxy_pass http://two;
}
--- request eval
["GET /200", "GET /status"]
--- error_code eval
[200, 200]
--- counts
2xx 1
5xx 1



=== TEST 8: another peer is tried: the first does not answer
--- http_config
upstream two {
    server 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    server 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- config
location / { admission_limit a; proxy_pass http://two; }
--- request eval
["GET /404", "GET /status"]
--- error_code eval
[404, 200]
--- counts
none 1
4xx 1



=== TEST 9: the last peer fails as well
--- http_config
upstream two {
    server 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    server 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    server 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
}
--- config
location / {
    admission_limit a;
    proxy_next_upstream error http_500;
    proxy_pass http://two;
}
--- request eval
["GET /200", "GET /status"]
--- error_code eval
[502, 200]
--- counts
none 1
5xx 2



=== TEST 10: a page in place of an error does not hide it
--- config
location / {
    admission_limit a;
    proxy_intercept_errors on;
    error_page 500 =200 /sorry;
    proxy_pass http://shop;
}
location = /sorry { return 200 "sorry\n"; }
--- request eval
["GET /500", "GET /status"]
--- error_code eval
[200, 200]
--- response_body_like eval
["^sorry\n", ""]
--- counts
5xx 1



=== TEST 11: a second upstream in place of an error: both, once
--- config
location / {
    admission_limit a;
    proxy_intercept_errors on;
    error_page 500 502 = @other;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2;
}
location @other { proxy_pass http://shop; }
--- request eval
["GET /200", "GET /404", "GET /status"]
--- error_code eval
[200, 404, 200]
--- counts
2xx 1
4xx 1
5xx 2



=== TEST 12: the second upstream in a location with policies
--- http_config
admission_rate b $server_name rate=1r/h burst=0;
--- config
location / {
    admission_limit a;
    proxy_intercept_errors on;
    error_page 500 502 = @other;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3;
}
location @other { admission_limit b; proxy_pass http://shop; }
--- request eval
["GET /200", "GET /200", "GET /status"]
--- error_code eval
[200, 200, 200]
--- counts
none 2
2xx 2



=== TEST 13: X-Accel-Redirect: to a file, and to an upstream
--- config
location / { admission_limit a; proxy_pass http://shop; }
location /accel/file.x { internal; return 200 "file\n"; }
location /accel/more.x { internal; proxy_pass http://shop/404; }
--- request eval
["GET /accel/file", "GET /accel/more", "GET /status"]
--- error_code eval
[200, 404, 200]
--- counts
2xx 2
4xx 1



=== TEST 14: what comes from a cache asked nobody
--- http_config
proxy_cache_path html/cache keys_zone=cache:1m;
--- config
location / {
    admission_limit a;
    proxy_cache cache;
    proxy_pass http://shop;
}
--- request eval
["GET /fast", "GET /fast", "GET /fast", "GET /status"]
--- error_code eval
[200, 200, 200, 200]
--- response_body_like eval
["^fast\n", "^fast\n", "^fast\n", ""]
--- counts
2xx 1



=== TEST 15: nor what is stored
--- config
location / {
    admission_limit a;
    root html;
    proxy_store on;
    proxy_pass http://shop;
}
--- request eval
["GET /200", "GET /status"]
--- error_code eval
[200, 200]
--- counts
2xx 1



=== TEST 16: subrequests are not the request
--- config
location /auth { auth_request /judge; admission_limit a; return 200 "in\n"; }
location /page.html { ssi on; admission_limit a; root html; }
location /mirrored { mirror /mirror; admission_limit a; empty_gif; }
location = /judge { internal; proxy_pass http://shop/200; }
location = /mirror { internal; proxy_pass http://shop/200; }
location = /part { proxy_pass http://shop/200; }
--- user_files
>>> page.html
<!--# include virtual="/part" -->
--- request eval
["GET /auth", "GET /page.html", "GET /mirrored", "GET /status"]
--- error_code eval
[200, 200, 200, 200]
--- response_body_like eval
["", "^200\n", "^GIF", ""]
--- counts



=== TEST 17: subrequests beside an upstream
--- config
location / {
    auth_request /judge;
    mirror /judge;
    admission_limit a;
    proxy_pass http://shop;
}
location = /judge { internal; proxy_pass http://shop/200; }
--- request eval
["GET /404", "GET /404", "GET /status"]
--- error_code eval
[404, 404, 200]
--- counts
4xx 2



=== TEST 18: an upstream by a variable
--- config
location /named {
    set $where shop;
    admission_limit a;
    proxy_pass http://$where/200;
}
location /address {
    set $where 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    admission_limit a;
    proxy_pass http://$where/404;
}
location /nobody {
    set $where 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    admission_limit a;
    proxy_pass http://$where/200;
}
--- request eval
["GET /named", "GET /address", "GET /nobody", "GET /status"]
--- error_code eval
[200, 404, 502, 200]
--- counts
none 1
2xx 1
4xx 1



=== TEST 19: a name that nobody can resolve: no peer was tried
--- config
location / {
    set $where nowhere.invalid;
    admission_limit a;
    proxy_pass http://$where/200;
}
--- request eval
["GET /x", "GET /status"]
--- error_code eval
[502, 200]
--- counts



=== TEST 20: no peer is there to try
Nobody was asked, but a shop that is gone must not look well.
--- http_config
upstream empty {
    server 127.0.0.1:$TEST_NGINX_RAND_PORT_1 down;
    server 127.0.0.1:$TEST_NGINX_RAND_PORT_2 down;
}
--- config
location / { admission_limit a; proxy_pass http://empty; }
--- request eval
["GET /x", "GET /status"]
--- error_code eval
[502, 200]
--- counts
none 1



=== TEST 21: a body that is too large does not come so far
--- config
location / { client_max_body_size 2; admission_limit a; proxy_pass http://shop; }
--- request eval
["POST /200\nabc", "GET /status"]
--- error_code eval
[413, 200]
--- counts



=== TEST 22: neither does one that nginx denies
--- config
location / { deny all; admission_limit a; proxy_pass http://shop; }
--- request eval
["GET /200", "GET /status"]
--- error_code eval
[403, 200]
--- counts



=== TEST 23: with a body, by either way
--- config
location / { admission_limit a; proxy_pass http://shop; }
location /direct/ {
    admission_limit a;
    proxy_request_buffering off;
    proxy_pass http://shop/;
}
--- request eval
["POST /200\nabc", "POST /direct/404\nabc", "GET /status"]
--- error_code eval
[200, 404, 200]
--- counts
2xx 1
4xx 1



=== TEST 24: other protocols
--- config
location /fastcgi { admission_limit a; fastcgi_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
location /uwsgi { admission_limit a; uwsgi_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
location /scgi { admission_limit a; scgi_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
location /memcached { set $memcached_key a; admission_limit a; memcached_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
--- request eval
["GET /fastcgi", "GET /uwsgi", "GET /scgi", "GET /memcached", "GET /status"]
--- error_code eval
[502, 502, 502, 502, 200]
--- counts
none 4



=== TEST 25: other protocols, with an answer
--- config
location / { set $memcached_key a; admission_limit a; memcached_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_4; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_4
--- tcp_reply eval
"VALUE a 0 5\r\nhello\r\nEND\r\n"
--- request eval
["GET /a", "GET /status"]
--- error_code eval
[200, 200]
--- response_body_like eval
['^hello$', ""]
--- counts
2xx 1



=== TEST 26: an answer that is none
--- config
location / { admission_limit a; proxy_http_version 1.1; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_4; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_4
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nContent-Length: x\0y\r\n\r\n"
--- request eval
["GET /a", "GET /status"]
--- error_code eval
[502, 200]
--- counts
none 1



=== TEST 27: a status that is no status
--- config
location / { admission_limit a; proxy_http_version 1.1; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_4; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_4
--- tcp_reply eval
"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok"
--- request eval
["GET /a", "GET /status"]
--- error_code eval
[999, 200]
--- counts
none 1



=== TEST 28: a status line with a number that is too small
--- config
location / { admission_limit a; proxy_http_version 1.1; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_4; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_4
--- tcp_reply eval
"HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok"
--- request eval
["GET /a", "GET /status"]
--- error_code_like eval
['\d+', "200"]
--- counts
none 1



=== TEST 29: the header's time, and not the body's
--- config
location / { admission_limit a; proxy_http_version 1.1; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_4; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_4
--- tcp_reply eval
["HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n", "ok"]
--- tcp_reply_delay: 300ms
--- request eval
["GET /a", "GET /status"]
--- error_code eval
[200, 200]
--- counts
2xx 1



=== TEST 30: a peer that takes its time
--- config
location / {
    admission_limit a;
    proxy_read_timeout 200ms;
    proxy_http_version 1.1;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_4;
}
--- tcp_listen: $TEST_NGINX_RAND_PORT_4
--- tcp_reply_delay: 900ms
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
--- request eval
["GET /a", "GET /status"]
--- error_code eval
[504, 200]
--- response_body_like eval
["", qr/^admission_upstream_seconds_bucket\{le="0\.1"\} 0
(?s:.*)^admission_upstream_seconds_sum (?!0\.[01])\d+\.\d{9}$/m]
--- counts
none 1



=== TEST 31: the bounds, up to what time-outs are
--- config
--- request
GET /status
--- response_body_like eval
my @bounds = qw(0.000001 0.0000025 0.000005 0.00001 0.000025 0.00005 0.0001
    0.00025 0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 2.5 5.0
    10.0 30.0 60.0 +Inf);
my %text = map {
    my $name = $_;
    $name => CORE::join "", map { quotemeta("admission_${name}_seconds_bucket{le=\"$_\"} 0") . "\n" } @bounds
} qw(decision upstream);
qr/^$text{decision}admission_decision_seconds_sum 0\.0{9}\nadmission_decision_seconds_count 0\n.*^$text{upstream}admission_upstream_seconds_sum 0\.0{9}\nadmission_upstream_seconds_count 0\n/ms



=== TEST 32: the names of upstreams
By the block, or by what stands in the directive, and each once.
--- http_config
upstream unused { server 127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
upstream two.peers-1 { server 127.0.0.1:1; server 127.0.0.1:2; }
--- config
location /1 { proxy_pass http://127.0.0.1:8081; }
location /2 { proxy_pass http://127.0.0.1:8081/x; }
location /3 { proxy_pass http://127.0.0.1; }
location /4 { proxy_pass https://127.0.0.1; }
location /5 { proxy_pass http://unix:/nowhere.sock:/x; }
location /6 { fastcgi_pass 127.0.0.1:9000; }
location /7 { proxy_pass http://shop/x; }
--- request
GET /status
--- upstreams
/nowhere.sock
127.0.0.1:443
127.0.0.1:80
127.0.0.1:8081
127.0.0.1:9000
shop
two.peers-1
unused



=== TEST 33: more upstreams than there are places
The rest share one without a name: a scrape with a series twice is refused.
--- http_config eval
CORE::join "\n", map { "upstream u$_ { server 127.0.0.1:1; }" } 1 .. 70
--- config
location / { admission_limit a; proxy_pass http://u70/; }
--- request eval
["GET /200", "GET /status"]
--- error_code eval
[502, 200]
--- upstreams eval
CORE::join "\n", sort("", "shop", map { "u$_" } 1 .. 62), ""



=== TEST 34: a long name is cut
--- http_config eval
"upstream " . "u" x 120 . " { server 127.0.0.1:1; }"
--- config
--- request
GET /status
--- response_body_like eval
"admission_inflight\\{upstream=\"" . "u" x 96 . "\"\\} 0\n"



=== TEST 35: in OpenMetrics and JSON
--- config
location / { admission_limit a; proxy_pass http://shop; }
--- request eval
["GET /404", "GET /status?format=openmetrics", "GET /status?format=json"]
--- error_code eval
[404, 200, 200]
--- response_body_like eval
["", qr/^# TYPE admission_upstream_responses counter\n(?:admission_upstream_responses_total\{class="\w+"\} 0\n)+admission_upstream_responses_total\{class="4xx"\} 1$/m,
 qr/"name":"admission_inflight","type":"gauge","help":"[^"]+","samples":\[\{"labels":\{"upstream":"shop"\},"value":0\}\]/]



=== TEST 36: with connections that are kept
A peer that closes a kept connection is tried once more, on a new one.
--- http_config
upstream kept { server 127.0.0.1:$TEST_NGINX_RAND_PORT_1; keepalive 4; }
--- config
location / {
    admission_limit a;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_pass http://kept;
}
--- request eval
["GET /200", "GET /200", "GET /404", "GET /status"]
--- error_code eval
[200, 200, 404, 200]
--- counts
2xx 2
4xx 1



=== TEST 37: balancers of the site go on balancing
--- http_config
upstream hashed { hash $arg_h consistent; server 127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
upstream sticky { ip_hash; server 127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
upstream least { least_conn; zone least 64k; server 127.0.0.1:$TEST_NGINX_RAND_PORT_1; keepalive 2; }
--- config
location /hashed/ { admission_limit a; proxy_pass http://hashed/; }
location /sticky/ { admission_limit a; proxy_pass http://sticky/; }
location /least/ { admission_limit a; proxy_pass http://least/; }
--- request eval
["GET /hashed/200", "GET /sticky/404", "GET /least/204", "GET /status"]
--- error_code eval
[200, 404, 204, 200]
--- counts
2xx 2
4xx 1



=== TEST 38: what nginx asks when the answer is out is not the request's
--- config
location / { admission_limit a; post_action /done; proxy_pass http://shop; }
location = /done { proxy_pass http://shop/404; }
--- request eval
["GET /200", "GET /200", "GET /status"]
--- error_code eval
[200, 200, 200]
--- counts
2xx 2
