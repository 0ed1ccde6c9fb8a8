# admission_shed: what somebody hears whom the upstream cannot take.
#
# The shop is broken, and the edge knows it.  Whoever asks gets an answer at
# once: when to come back, a page or JSON that says that nothing was ordered,
# and the shop's own page where it has one; and nobody but the shop itself
# is kept away, so what does not need it goes on.

use JSON::PP ();
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
    location /t/504 { return 504 "late\n"; }
    location /t/429 { return 429 "slowly\n"; }
}
END
});

# a time to come back that is what remains, and up to half of it more
add_response_body_check(sub {
    my ($block, $body) = @_;

    my $problem = eval { JSON::PP->new->utf8->decode($body) } or return;
    return if $problem->{reason} ne 'circuit_open';

    my $retry = $problem->{retry_after};

    ok($retry >= 19 && $retry <= 30, $block->name . " - retry_after is $retry");
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a failure, and then nobody goes there
--- config
location /t { admission_shed shop; proxy_pass http://shop; }
--- more_headers
X-Correlation-ID: order-4711
--- pipelined_requests eval
["GET /t", "GET /t/500", "GET /t"]
--- error_code eval
[200, 500, 503]
--- response_headers eval
["! Retry-After", "! Retry-After",
 "Content-Type: application/problem+json\nCache-Control: no-store\nVary: Accept\n! RateLimit"]
--- raw_response_headers_like eval
[qr/200 OK/, qr/500 Internal/, qr/\r\nRetry-After: (?:19|2\d|30)\r\n/]
--- response_body eval
["sold\n", "broken\n",
 qr/^\{"type":"https:\/\/iana.org\/assignments\/http-problem-types#temporary-reduced-capacity","title":"Temporarily unavailable","status":503,"detail":"The shop does not answer at the moment, and is left alone until it recovers. Nothing was ordered by this request; please try again.","instance":"order-4711","reason":"circuit_open","policy":"shop","retry_after":\d+\}$/]



=== TEST 2: a page for people
--- config
location /t { admission_shed shop; proxy_pass http://shop; }
--- more_headers
Accept: text/html
--- pipelined_requests eval
["GET /t/500", "GET /t"]
--- error_code eval
[500, 503]
--- response_headers eval
["! Retry-After", "Content-Type: text/html; charset=utf-8"]
--- response_body eval
["broken\n", qr/The shop does not answer at the moment.*You can try again in \d+ seconds\./s]



=== TEST 3: the site's own page wins
--- user_files
>>> busy.html
come back later
--- config
error_page 503 /busy.html;
location /t { admission_shed shop; proxy_pass http://shop; }
location = /busy.html { }
--- pipelined_requests eval
["GET /t/500", "GET /t"]
--- error_code eval
[500, 503]
--- raw_response_headers_like eval
[qr/500/, qr/\r\nRetry-After: \d+\r\n/]
--- response_body eval
["broken\n", "come back later\n"]



=== TEST 4: what the upstream refuses by itself is an answer
--- config
location /t { admission_shed shop; proxy_pass http://shop; }
--- pipelined_requests eval
["GET /t/429", "GET /t/429", "GET /t/429", "GET /t"]
--- error_code eval
[429, 429, 429, 200]



=== TEST 5: the variables
--- config
add_header X-Said "[$admission_verdict $admission_reason $admission_policy]" always;
add_header X-Budget "[$admission_budget]" always;
location /t { admission_shed shop; proxy_pass http://shop; }
--- pipelined_requests eval
["GET /t", "GET /t/500", "GET /t"]
--- error_code eval
[200, 500, 503]
--- response_headers eval
["X-Said: [admit  ]\nX-Budget: []", "X-Said: [admit  ]\nX-Budget: []",
 "X-Said: [shed circuit_open shop]\nX-Budget: []"]



=== TEST 6: the log, once for many
--- config
location /t { admission_shed shop; proxy_pass http://shop; }
--- raw_request eval
"GET /t/500 HTTP/1.1\r\nHost: a\r\n\r\n"
. "GET /t HTTP/1.1\r\nHost: a\r\n\r\n"
. "GET /t HTTP/1.1\r\nHost: a\r\n\r\n"
. "GET /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
--- ignore_response
--- wait: 1.2
--- error_log eval
[qr/admission: shed by shed "shop", reason: circuit_open, retry after: \d+ s, inside: 0, correlation/,
 'admission: shed by shed "shop", reason: circuit_open, 2 similar']



=== TEST 7: the log tells the limit, where there is one
--- http_config
admission_upstream few concurrency=7 failures=1 error_rate=0 open=20s;
--- config
location /t { admission_shed few; proxy_pass http://shop; }
location /else { admission_shed shop; proxy_pass http://shop; }
--- raw_request eval
"GET /t/500 HTTP/1.1\r\nHost: a\r\n\r\n"
. "GET /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
--- ignore_response
--- error_log eval
qr/shed by shed "few", reason: circuit_open, retry after: \d+ s, inside: 0, limit: 7.0, correlation/



=== TEST 8: other upstreams are not meant
--- http_config
admission_upstream other failures=1 error_rate=0;
--- config
location /t { admission_shed shop; proxy_pass http://shop; }
location /else { admission_shed other; proxy_pass http://shop; }
location /free { proxy_pass http://shop; }
--- pipelined_requests eval
["GET /t/500", "GET /else", "GET /free", "GET /t"]
--- error_code eval
[500, 200, 200, 503]



=== TEST 9: what a rate took is given back, and is not refused first
--- http_config
admission_rate hourly $server_name rate=1r/h burst=2;
--- config
add_header X-Left $admission_remaining always;
location /t { admission_limit hourly; admission_shed shop; proxy_pass http://shop; }
location /free { admission_limit hourly; proxy_pass http://shop; }
--- pipelined_requests eval
["GET /t/500", "GET /t", "GET /t", "GET /t", "GET /t", "GET /free", "GET /free",
 "GET /free"]
--- error_code eval
[500, 503, 503, 503, 503, 200, 200, 429]



=== TEST 10: an answer of nginx's own says nothing of the upstream
--- config
location /t { admission_shed shop; proxy_pass http://shop; }
location /made { admission_shed shop; return 500 "made\n"; }
--- pipelined_requests eval
["GET /made", "GET /made", "GET /t"]
--- error_code eval
[500, 500, 200]



=== TEST 11: nobody listens
--- config
location /t { admission_shed shop; proxy_pass http://127.0.0.1:1; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[502, 503]



=== TEST 12: an upstream that a variable names
--- config
location /t { admission_shed shop; set $port $TEST_NGINX_RAND_PORT_1; proxy_pass http://127.0.0.1:$port$uri; }
--- pipelined_requests eval
["GET /t", "GET /t/500", "GET /t"]
--- error_code eval
[200, 500, 503]



=== TEST 13: the status of the shop, whatever a page makes of it
--- user_files
>>> sorry.html
sorry
--- config
proxy_intercept_errors on;
error_page 504 =200 /sorry.html;
location /t { admission_shed shop; proxy_pass http://shop; }
location = /sorry.html { }
--- pipelined_requests eval
["GET /t/504", "GET /t"]
--- error_code eval
[200, 503]
--- response_body eval
["sorry\n", qr/"reason":"circuit_open"/]



=== TEST 14: off, where another level has it
--- config
admission_shed shop;
location /t { proxy_pass http://shop; }
location /free { admission_shed off; proxy_pass http://shop; }
location /t/500/free { admission_shed off; proxy_pass http://shop; }
location = /up { admission_health; }
location = /numbers { admission_status; }
--- pipelined_requests eval
["GET /t/500/free", "GET /t", "GET /t/500", "GET /free", "GET /t", "GET /numbers"]
--- error_code eval
[500, 200, 500, 200, 503, 200]
