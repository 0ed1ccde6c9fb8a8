# admission_idempotency: an order is executed once, however often it is sent.
#
# A shopper presses twice, a phone repeats what got no answer, a proxy tries
# again: all of them send the same key, and one order must come of it.  The
# others are told what came of it, byte by byte, and nobody else's answer; and
# what is not clearly a key must not pass for one.

use FindBin ();
use lib "$FindBin::Bin/process/lib";

use AdmStory ();
use Test::Nginx::Socket 'no_plan';

# an upstream that tells every execution apart, and says what it is asked to
our $Upstream = <<'_';
location /up/ {
    admission_idempotency off;
    default_type text/plain;
    add_header X-Up $request_id always;
    add_header Admission-Idempotency $arg_says always;
    return 201 "made $request_id\n";
}
location /up/400/ { add_header X-Up $request_id always; return 400 "made $request_id\n"; }
location /up/409/ { return 409 "made $request_id\n"; }
location /up/500/ {
    add_header Admission-Idempotency $arg_says always;
    return 500 "made $request_id\n";
}
location /up/303/ { add_header X-Up $request_id always; return 303 /thanks; }
_

add_block_preprocessor(sub {
    my ($block) = @_;

    my $config = $block->config
        // 'location /t { admission_idempotency $http_idempotency_key '
           . "owner=\$arg_u; proxy_pass http://127.0.0.1:\$server_port/up/; }\n";

    $block->set_value(config => <<"_");
add_header X-Idem \$admission_idempotency always;
add_header X-Trips \$admission_trips always;
location /control/ { admission_control; }
location /in { return 204; }
proxy_ignore_client_abort on;
$main::Upstream$config
_
    $block->set_value(request => 'GET /in');
    $block->set_value(error_code => 204);
    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]\nAddress")
        if !defined $block->no_error_log;
});

$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

AdmStory::tells();

master_on();
workers(2);
no_long_string();
run_tests();

__DATA__

=== TEST 1: once, and then told again
--- story eval
[{ post => "/t?u=1", key => "k1", body => "a=1", is => 201, made => 1,
   word => "new", trips => 1, has => qr{\r\nContent-Type: text/plain\r\n} },
 { post => "/t?u=1", key => "k1", body => "a=1", is => 201, same => 0,
   word => "replay", trips => 1 },
 { post => "/t?u=1", key => "k2", body => "a=1", is => 201, made => 1,
   word => "new" },
 { post => "/t?u=1", key => "k1", body => "a=1", is => 201, same => 0 }]



=== TEST 2: with quotes or without them it is the same key
--- story eval
[{ post => "/t?u=1", key => "a+b/c==", is => 201, made => 1 },
 { post => "/t?u=1", key => '"a+b/c=="', is => 201, same => 0 },
 { post => "/t?u=1", key => '"a b\\\\c\""', is => 201, made => 1 },
 { post => "/t?u=1", key => '"a b\\\\c\""', is => 201, same => 2 }]



=== TEST 3: another order under the same key
--- story eval
[{ post => "/t?u=1", key => "k", body => "a=1", is => 201, made => 1 },
 { post => "/t?u=1", key => "k", body => "a=2", is => 422, word => "mismatch",
   reason => "mismatch", has => qr/"key":"[0-9a-f]{32}"/,
   none => qr/Retry-After/ },
 { post => "/t/other?u=1", key => "k", body => "a=1", is => 422 },
 { patch => "/t?u=1", key => "k", body => "a=1", is => 422 },
 { post => "/t?u=1", key => "k", body => "", is => 422 },
 { post => "/t?u=1&x", key => "k", body => "a=1", is => 422 },
 { post => "/t?u=1", key => "k", body => "a=1", is => 201, same => 0 }]



=== TEST 4: what varies from one attempt to the next is no other order
--- story eval
[{ post => "/t?u=1", key => "k", body => "a=1", is => 201, made => 1,
   fields => ["X-Trace: 1", "User-Agent: a", "Cookie: a=1"] },
 { post => "/t?u=1", key => "k", body => "a=1", is => 201, same => 0,
   fields => ["X-Trace: 2", "User-Agent: b", "Date: now"] }]



=== TEST 5: fingerprint=uri, where a client writes the body anew
--- config
location /t {
    admission_idempotency $http_idempotency_key owner=$arg_u fingerprint=uri;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
--- story eval
[{ post => "/t?u=1", key => "k", body => "at=1", is => 201, made => 1 },
 { post => "/t?u=1", key => "k", body => "at=2", is => 201, same => 0 },
 { post => "/t?u=1&a", key => "k", body => "at=2", is => 422 }]



=== TEST 6: another owner sees nothing of it
--- story eval
[{ post => "/t?u=1", key => "k", body => "a", is => 201, made => 1 },
 { post => "/t?u=2", key => "k", body => "a", is => 201, made => 1,
   word => "new" },
 { post => "/t?u=12", key => "k", body => "a", is => 201, made => 1 },
 { post => "/t?u=1", key => "2k", body => "a", is => 201, made => 1 }]



=== TEST 7: nobody's key is refused, and not shared
--- story eval
[{ post => "/t", key => "k", is => 400, reason => "no_owner", trips => 0 },
 { post => "/t?u=", key => "k", is => 400, reason => "no_owner" }]



=== TEST 8: an owner that only authentication knows
--- user_files
>>> users
a:{PLAIN}a
b:{PLAIN}b
--- config
location /t {
    auth_basic shop;
    auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
    admission_idempotency $http_idempotency_key owner=$remote_user;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
--- story eval
[{ post => "/t", key => "k", is => 401 },
 { post => "/t", key => "k", fields => ["Authorization: Basic YTph"],
   is => 201, made => 1 },
 { post => "/t", key => "k", fields => ["Authorization: Basic Yjpi"],
   is => 201, made => 1 },
 { post => "/t", key => "k", fields => ["Authorization: Basic YTpi"],
   is => 401 },
 { post => "/t", key => "k", fields => ["Authorization: Basic YTph"],
   is => 201, same => 1 }]



=== TEST 9: without a key each is its own
--- story eval
[{ post => "/t?u=1", body => "a", is => 201, made => 1, word => "missing",
   trips => 0 },
 { post => "/t?u=1", body => "a", is => 201, made => 1, word => "missing" }]



=== TEST 10: ... unless one is required
--- config
location /t {
    admission_idempotency $http_idempotency_key owner=$arg_u required;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
--- story eval
[{ post => "/t?u=1", is => 400, reason => "key_missing", word => "missing",
   trips => 0 },
 { post => "/t?u=1", key => "k", is => 201, made => 1 },
 { get => "/t?u=1", is => 201, made => 1, word => "" }]



=== TEST 11: what is no key
--- story eval
[(map { { post => "/t?u=1", key => $_, is => 400, reason => "bad_key",
          trips => 0 } }
  '', '""', '"', '"a', 'a"', 'a b', 'a,b', 'a;b', '"a";b=1', "a\xe4",
  "\"\xc3\xa4\"", "a\x7f", "a\tb", '"a\n"', 'x' x 256,
  '"' . 'x' x 256 . '"', 'x' x 7000)]



=== TEST 12: ... and what is one
--- story eval
[(map { { post => "/t?u=1", key => $_, is => 201, made => 1 } }
  'a', '1', ' b ', '" "', '";,"', 'x' x 255, '"' . 'y' x 255 . '"',
  '"' . '\\\\' x 255 . '"')]



=== TEST 13: two fields are not one key, whichever comes first
--- story eval
[{ post => "/t?u=1", keys => ["a", "b"], is => 400, reason => "bad_key" },
 { post => "/t?u=1", keys => ["a", "a"], is => 400, reason => "bad_key" },
 { post => "/t?u=1", keys => ['"a"', '"b"'], is => 400, reason => "bad_key" },
 { post => "/t?u=1", keys => ["a", ""], is => 400, reason => "bad_key" },
 { post => "/t?u=1", key => "a", is => 201, made => 1 }]



=== TEST 14: methods that are not meant
--- config
location /t {
    admission_idempotency $http_idempotency_key owner=$arg_u methods=PATCH;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
--- story eval
[{ post => "/t?u=1", key => "k", is => 201, made => 1, word => "",
   trips => 0 },
 { get => "/t?u=1", key => "k", is => 201, made => 1, word => "" },
 { options => "/t?u=1", key => "k", is => 201, made => 1, word => "",
   fields => ["Access-Control-Request-Method: PATCH", "Origin: http://a"] },
 { patch => "/t?u=1", key => "k", is => 201, made => 1, word => "new" },
 { patch => "/t?u=1", key => "k", is => 201, same => 3 }]



=== TEST 15: which answers are kept
--- config
location ~ ^/t(?<what>/\d+/) {
    admission_idempotency $http_idempotency_key owner=$arg_u;
    proxy_redirect off;
    proxy_pass http://127.0.0.1:$server_port/up$what;
}
location ~ ^/n(?<what>/\d+/) {
    admission_idempotency $http_idempotency_key owner=$arg_u keep=409;
    proxy_pass http://127.0.0.1:$server_port/up$what;
}
--- story eval
[{ post => "/t/400/?u=1", key => "a", is => 400, made => 1 },
 { post => "/t/400/?u=1", key => "a", is => 400, same => 0 },
 { post => "/t/303/?u=1", key => "b", is => 303, word => "new" },
 { post => "/t/303/?u=1", key => "b", is => 303, same => 2, word => "replay",
   has => qr{\r\nLocation: http://\S+/thanks\r\n} },
 { post => "/t/409/?u=1", key => "c", is => 409, made => 1, word => "new" },
 { post => "/t/409/?u=1", key => "c", is => 409, made => 1, word => "new" },
 { post => "/t/500/?u=1", key => "d", is => 500, made => 1, word => "new" },
 { post => "/t/500/?u=1", key => "d", is => 500, made => 1, word => "new" },
 { post => "/n/409/?u=1", key => "e", is => 409, made => 1 },
 { post => "/n/409/?u=1", key => "e", is => 409, same => 8 },
 { post => "/n/400/?u=1", key => "f", is => 400, made => 1 },
 { post => "/n/400/?u=1", key => "f", is => 400, made => 1 }]



=== TEST 16: the upstream knows better
--- config
location ~ ^/t(?<what>/\d+/) {
    admission_idempotency $http_idempotency_key owner=$arg_u;
    proxy_pass http://127.0.0.1:$server_port/up$what?says=$arg_says;
}
--- story eval
[{ post => "/t/201/?u=1&says=forget", key => "a", is => 201, made => 1,
   none => qr/Admission-Idempotency/ },
 { post => "/t/201/?u=1&says=forget", key => "a", is => 201, made => 1 },
 { post => "/t/500/?u=1&says=keep", key => "b", is => 500, made => 1 },
 { post => "/t/500/?u=1&says=keep", key => "b", is => 500, word => "replay",
   same => 2 },
 { post => "/t/201/?u=1&says=what", key => "c", is => 201, made => 1 },
 { post => "/t/201/?u=1&says=what", key => "c", is => 201, same => 4 }]



=== TEST 17: an answer that is too large is not sent again, nor made again
--- config
location /t {
    admission_idempotency $http_idempotency_key owner=$arg_u max_body=10;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
--- story eval
[{ post => "/t?u=1", key => "a", is => 201, made => 1 },
 { post => "/t?u=1", key => "a", is => 409, reason => "not_kept",
   word => "conflict", has => qr/"key":"[0-9a-f]{32}"/,
   none => qr/Retry-After/ }]



=== TEST 18: an upstream that was never reached
--- config
location /t {
    admission_idempotency $http_idempotency_key owner=$arg_u;
    proxy_pass http://127.0.0.1:1;
}
--- story eval
[({ post => "/t?u=1", key => "k", is => 502, word => "new" }) x 3]
--- no_error_log
[alert]
[emerg]



=== TEST 19: sent, and never answered
--- config
location /t {
    admission_idempotency $http_idempotency_key owner=$arg_u;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2;
}
--- tcp_listen: $TEST_NGINX_RAND_PORT_2
--- tcp_reply eval
""
--- story eval
[{ post => "/t?u=1", key => "k", is => 502, word => "new" },
 { post => "/t?u=1", key => "k", is => 409, reason => "outcome_unknown",
   word => "conflict", has => qr/"key":"[0-9a-f]{32}"/,
   none => qr/Retry-After/ }]
--- no_error_log
[alert]
[emerg]



=== TEST 20: a key from elsewhere than a field
--- config
location /t {
    admission_idempotency $arg_key owner=$arg_u required;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
--- story eval
[{ post => "/t?u=1&key=a", is => 201, made => 1 },
 { post => "/t?u=1&key=a", is => 201, same => 0 },
 { post => "/t?u=1&key=", is => 400, reason => "key_missing" },
 { post => "/t?u=1&key=a%20b", is => 201, made => 1 },
 { post => "/t?u=1&key=a,b", is => 400, reason => "bad_key" }]



=== TEST 21: a refusal of a limit takes no key
--- http_config
admission_rate a $arg_u rate=1r/h burst=0 scope=exact;
--- config
location /t {
    admission_limit a;
    admission_idempotency $http_idempotency_key owner=$arg_u;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
location /free {
    admission_idempotency $http_idempotency_key owner=$arg_u fingerprint=uri;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
--- story eval
[{ post => "/t?u=1", key => "a", is => 201, made => 1, trips => 1 },
 { post => "/t?u=1", key => "b", is => 429, reason => "rate", trips => 1 },
 { post => "/free?u=1", key => "b", is => 201, made => 1 },
 { post => "/t?u=1", key => "a", is => 201, same => 0 }]



=== TEST 22: dry run: looked at, and not taken
--- config
location /t {
    admission dry_run;
    admission_idempotency $http_idempotency_key owner=$arg_u required;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
location /on {
    admission_idempotency $http_idempotency_key owner=$arg_u fingerprint=uri;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
--- story eval
[{ post => "/t?u=1", key => "k", is => 201, made => 1, word => "new" },
 { post => "/t?u=1", key => "k", is => 201, made => 1, word => "new" },
 { post => "/t?u=1", is => 201, made => 1, word => "missing" },
 { post => "/t?u=1", key => "a,b", is => 201, made => 1 },
 { post => "/on?u=1", key => "k", is => 201, made => 1, word => "new" },
 { post => "/t?u=1", key => "k", is => 201, made => 1, word => "mismatch" }]



=== TEST 23: off, where it would be inherited
--- config
admission_idempotency $http_idempotency_key owner=$arg_u required;
location /t { proxy_pass http://127.0.0.1:$server_port/up/; }
location /off {
    admission_idempotency off;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
--- story eval
[{ post => "/off?u=1", is => 201, made => 1, word => "" },
 { post => "/t?u=1", is => 400, reason => "key_missing" }]
