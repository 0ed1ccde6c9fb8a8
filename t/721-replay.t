# An order that is sent again is answered as the first one was.
#
# The shopper's second click must show the same page, with the same order's
# number and none of a stranger's cookies, and the shop must hear of it once.
# What nginx adds to answers is added once, and a page of the site's for an
# error is not put in place of what the shop has said.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
    $block->set_value(more_headers => "Idempotency-Key: one\nX-Buyer: ann")
        if !defined $block->more_headers;

    # what a block calls so is what its shop does

    $block->set_value(http_config => <<'END' . $block->http_config . "}}\n");
admission_idempotency $http_idempotency_key owner=$http_x_buyer;
proxy_ignore_client_abort on;
absolute_redirect off;
limit_req_zone $server_name zone=first:64k rate=1r/m;

server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    admission off;

    location / {
END
    $block->set_value(config => <<'END') if !defined $block->config;
location = /buy { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
END
});

no_long_string();
run_tests();

__DATA__

--- http_config
return 201 "order $request_id\n";



=== TEST 1: the shop is asked once, and its answer given to all
--- http_config
    limit_req zone=first;
    try_files /none @taken;
}
location @taken {
    return 201 "order $connection\n";
--- request eval
[("POST /buy\nlamp") x 4]
--- error_code eval
[(201) x 4]
--- response_body_like eval
[(qr/^order \d+\n$/) x 4]
--- response_headers eval
["! Idempotent-Replayed", ("Idempotent-Replayed: true") x 3]



=== TEST 2: verdict, reason, policy and word
--- http_config
return 201;
--- config
location = /buy {
    add_header X-Verdict "$admission_verdict,$admission_reason" always;
    add_header X-Key "$admission_idempotency,$admission_policy" always;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request eval
["POST /buy\nlamp", "POST /buy\nlamp", "POST /buy\nvase"]
--- error_code eval
[201, 201, 422]
--- response_headers eval
["X-Verdict: admit,
X-Key: new,",
"X-Verdict: replay,replay
X-Key: replay,idempotency",
"X-Verdict: conflict,mismatch
X-Key: mismatch,idempotency"]



=== TEST 3: nothing but a status
--- http_config
return 204;
--- request eval
[("POST /buy\nlamp") x 2]
--- error_code eval
[204, 204]
--- response_headers eval
["! Idempotent-Replayed", "Idempotent-Replayed: true"]



=== TEST 4: fields
--- http_config
default_type application/json;
add_header ETag '"seven"' always;
add_header X-Order $request_id always;
add_header Set-Cookie "session=secret" always;
add_header Age 7 always;
return 200 "{}\n";
--- request eval
["POST /buy\nlamp", "POST /buy\nlamp"]
--- more_headers
Idempotency-Key: one
X-Buyer: ann
If-None-Match: "seven"
--- error_code eval
[200, 200]
--- response_headers eval
["Set-Cookie: session=secret
Age: 7
ETag: \"seven\"
Content-Type: application/json
! Cache-Control", "! Set-Cookie
! Age
ETag: \"seven\"
Content-Type: application/json
Content-Length: 3
Cache-Control: no-store
Idempotent-Replayed: true"]
--- response_body eval
["{}\n", "{}\n"]



=== TEST 5: a redirect leads to the same place
--- http_config
return 303 /thanks;
--- request eval
["POST /buy\nlamp", "POST /buy\nlamp"]
--- error_code eval
[303, 303]
--- response_headers eval
["Location: /thanks", "Location: /thanks
Idempotent-Replayed: true"]



=== TEST 6: an absolute one
--- http_config
return 302 https://bank.example/pay?order=7;
--- config
location = /buy { proxy_redirect off; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- request eval
["POST /buy\nlamp", "POST /buy\nlamp"]
--- error_code eval
[302, 302]
--- response_headers eval
[("Location: https://bank.example/pay?order=7") x 2]



=== TEST 7: what nginx adds is added once, and to the replay too
--- http_config
default_type text/html;
return 200 "the shop\n";
--- config
location = /buy {
    add_header X-Edge here always;
    expires 1h;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request eval
["POST /buy\nlamp", "POST /buy\nlamp"]
--- response_headers eval
["X-Edge: here
Cache-Control: max-age=3600", "X-Edge: here
Cache-Control: no-store, max-age=3600"]
--- response_body eval
[("the shop\n") x 2]



=== TEST 8: the shop's own way to be kept stays
--- http_config
add_header Cache-Control "private, max-age=5";
return 200 "x";
--- request eval
["POST /buy\nlamp", "POST /buy\nlamp"]
--- response_headers eval
[("Cache-Control: private, max-age=5") x 2]
--- raw_response_headers_unlike eval
[(qr/no-store/) x 2]



=== TEST 9: error_page is for errors, and a replay is none
--- http_config
return 404 "no such lamp\n";
--- config
location = /buy {
    error_page 404 422 /sorry;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location = /sorry { return 200 "sorry\n"; }
--- request eval
["POST /buy\nlamp", "POST /buy\nlamp", "POST /buy\nvase"]
--- error_code eval
[404, 404, 422]
--- response_body eval
[("no such lamp\n") x 2, "sorry\n"]



=== TEST 10: another owner
--- http_config
return 201 "for $http_x_buyer\n";
--- request eval
[("POST /buy\nlamp") x 3]
--- more_headers eval
["Idempotency-Key: one\nX-Buyer: ann", "Idempotency-Key: one\nX-Buyer: bob", "Idempotency-Key: one\nX-Buyer: ann"]
--- error_code eval
[(201) x 3]
--- response_body eval
["for ann\n", "for bob\n", "for ann\n"]
--- response_headers eval
["! Idempotent-Replayed", "! Idempotent-Replayed", "Idempotent-Replayed: true"]



=== TEST 11: a refusal says why, and by which name an operator finds the key
--- http_config
return 201 "longer than ten\n";
--- config
location = /buy {
    admission_idempotency $http_idempotency_key owner=$http_x_buyer max_body=10;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request eval
["POST /buy\nlamp", "POST /buy\nlamp"]
--- error_code eval
[201, 409]
--- response_body_like eval
[qr/^longer/, qr/"status":409,.*"reason":"not_kept","policy":"[^"]+","key":"[0-9a-f]{32}"}$/]



=== TEST 12: a replay is no client's to cache, and is counted
--- http_config
return 201 "x";
--- config
location = /buy { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location = /status { admission off; admission_status; }
--- request eval
["POST /buy\nlamp", "POST /buy\nlamp", "GET /status"]
--- error_code eval
[201, 201, 200]
--- response_body_like eval
["^x", "^x", qr/^admission_requests_total\{site="",verdict="replay",reason="replay",dry_run="0"\} 1$/m]



=== TEST 13: a dry run replays nothing
--- http_config
return 201 "x";
--- config
location = /buy {
    admission dry_run;
    add_header X-Reason "<$admission_reason>";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request eval
["POST /buy\nlamp", "POST /buy\nlamp"]
--- error_code eval
[201, 201]
--- response_headers eval
[("X-Reason: <>
! Idempotent-Replayed") x 2]
