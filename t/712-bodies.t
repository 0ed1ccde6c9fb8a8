# The client's body, when a policy needs it: where in the way of a request it
# is read, and what others do with it then.
#
# A body that is read at the wrong place costs a client that is refused the
# sending of it, hangs a request that is led to another location, or is gone
# when the upstream is to get it.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]\n[error]")
        if !defined $block->no_error_log;

    $block->set_value(http_config => $block->http_config . <<'END');
admission_body_field $f form=sku;
admission_body_field $g form=n;
admission_rate f $f rate=1000r/s burst=1000;
admission_rate g $g rate=1000r/s burst=1000;
admission_rate once $g rate=1r/h burst=0;
admission_rate shut all rate=1r/h burst=0;

server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { return 200 "$http_x_field $content_length\n"; }
}
END

    $block->set_value(more_headers =>
            "Content-Type: application/x-www-form-urlencoded\n"
            . ($block->more_headers // ''));
});

sub bodies { return [map { "POST /t\n$_" } @_] }
sub reason { return qq{"reason":"$_[0]"} }

no_long_string();
run_tests();

__DATA__

=== TEST 1: a location that is left for another one, which asks for more
--- http_config
--- config
location = /t { admission_limit f; try_files /nothing /next; }
location = /next {
    admission_limit f;
    admission_limit g;
    proxy_set_header X-Field "$f $g";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- pipelined_requests eval
main::bodies('sku=A&n=1', 'sku=A', 'n=1', 'sku=A&n=1&n=2')
--- error_code eval
[200, 400, 400, 400]
--- response_body_like eval
['^A 1 9$', main::reason('field_absent'), main::reason('field_absent'),
 main::reason('field_doubled')]



=== TEST 2: ... and limits it before anything else is asked
--- http_config
--- config
add_header X-Trips $admission_trips always;
location = /t { admission_limit f; try_files /nothing /next; }
location = /next {
    admission_limit once;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- pipelined_requests eval
main::bodies('sku=A&n=1', 'sku=A&n=1', 'sku=A&n=2')
--- error_code eval
[200, 429, 200]



=== TEST 3: a page of the site's for a body that is wrong
--- http_config
--- config
error_page 400 @sorry;
location = /t {
    admission_limit f;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location @sorry {
    admission_limit g;
    return 400 "$admission_reason sorry\n";
}
--- request eval
main::bodies('n=1', 'sku=A&sku=A', 'sku=A')
--- error_code eval
[400, 400, 200]
--- response_body_like eval
['^field_absent sorry$', '^field_doubled sorry$', '^ 5$']



=== TEST 4: authentication comes before the body
--- http_config
--- config
location = /t {
    admission_limit f;
    auth_request /auth;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location = /auth { return 403; }
--- request
POST /t
n=1
--- error_code: 403



=== TEST 5: what refuses without it does so without it
--- http_config
--- config
location = /t {
    admission_limit f;
    set $cost 2;
    admission_limit shut cost=$cost;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
POST /t
n=1
--- error_code: 429



=== TEST 6: a mirror gets it, too
--- http_config
log_format m "mirrored $content_length";
--- config
location = /t {
    mirror /m;
    admission_limit f;
    proxy_set_header X-Field $f;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location = /m {
    internal;
    set $cost 2;
    admission_limit shut cost=$cost;
    log_subrequest on;
    access_log logs/access.log m;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
POST /t
sku=A
--- response_body
A 5
--- access_log
mirrored 5



=== TEST 7: before it is read a field is empty, and that is not kept
--- http_config
map $f $mapped { default "of $f"; "" nothing; }
--- config
if ($f) { return 500; }
location = /t {
    if ($arg_x = $f) { return 500; }
    admission_limit f;
    proxy_set_header X-Field "$f, $mapped";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
POST /t?x=y
sku=A
--- response_body
A, of A 5



=== TEST 8: fields of different sizes
--- http_config
admission_body_field $short form=sku max=6;
admission_rate short $short rate=1000r/s burst=1000;
--- config
location = /t {
    admission_limit f;
    admission_limit short;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- pipelined_requests eval
main::bodies('sku=AB', 'sku=ABC')
--- error_code eval
[200, 400]
--- response_body_like eval
['^ 6$', main::reason('field_large')]



=== TEST 9: the body of a GET, where it is meant
--- http_config
admission_body_field $got form=sku methods=GET;
admission_rate got $got rate=1r/h burst=0;
--- config
location = /t {
    admission_limit got;
    proxy_set_header X-Field $got;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- pipelined_requests eval
["GET /t\nsku=A", "GET /t", "GET /t\nsku=A", "POST /t\nsku=A",
 "POST /t\nsku=A"]
--- error_code eval
[200, 400, 429, 200, 200]



=== TEST 10: a field that is a part of a value
--- http_config
admission_rate part "$arg_user:$f" rate=1r/h burst=0;
--- config
location = /t {
    admission_limit part;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- pipelined_requests eval
["POST /t?user=a\nsku=A", "POST /t?user=a\nsku=B", "POST /t?user=b\nsku=A",
 "POST /t?user=a\nsku=A", "POST /t?user=a\nn=1"]
--- error_code eval
[200, 200, 200, 429, 400]



=== TEST 11: an order of several limits
--- http_config
admission_rate first $arg_k rate=1r/h burst=0;
--- config
location = /t {
    admission_limit first;
    admission_limit once;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- pipelined_requests eval
["POST /t?k=1\nn=A", "POST /t?k=2\nn=A", "POST /t?k=2\nn=B",
 "POST /t?k=3\nx=1", "POST /t?k=3\nn=C"]
--- error_code eval
[200, 429, 200, 400, 429]



=== TEST 12: $request_body is there as ever
--- http_config
--- config
location = /t {
    admission_limit f;
    add_header X-Body $request_body;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
POST /t
sku=A&x=1
--- response_headers
X-Body: sku=A&x=1
--- response_body
 9



=== TEST 13: an upstream that gets no body
--- http_config
--- config
location = /t {
    admission_limit f;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_set_header X-Field $f;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
POST /t
sku=A
--- response_body eval
"A \n"



=== TEST 14: admission off
--- http_config
--- config
location = /t {
    admission off;
    admission_limit f;
    proxy_set_header X-Field "($f)";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
POST /t
n=1
--- response_body
() 3



=== TEST 15: what a browser asks before an order from another site
--- http_config
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=a required;
    admission_inventory $f methods=POST;
    proxy_ignore_client_abort on;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request eval
["OPTIONS /t", "POST /t\nsku=A"]
--- more_headers
Access-Control-Request-Method: POST
--- error_code eval
[200, 400]
