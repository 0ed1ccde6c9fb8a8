# admission_inventory: never more orders than there are units.
#
# A hundred units, and everybody wants one: whoever comes later has to be told
# at the edge, at once, and nobody may get half of a cart, more than a buyer
# may have, or a unit that another one is paying for just now.

use FindBin ();
use lib "$FindBin::Bin/process/lib";

use AdmStory ();
use File::Temp ();
use Test::Nginx::Socket 'no_plan';

my $keys = File::Temp->new(TEMPLATE => 'adm-keys-XXXXXX', TMPDIR => 1);

print {$keys} 'k1:', 'a1' x 32, "\n";
close $keys or die "702: $keys: $!\n";

$ENV{TEST_NGINX_KEYS} = $keys->filename;

# an upstream that answers what it is asked to, and shows the hold it was told
our $Upstream = <<'_';
location /up/ {
    admission_inventory off;
    admission_idempotency off;
    add_header X-Up "$request_id" always;
    add_header X-Seen "$http_x_hold" always;
    add_header Admission-Settle $arg_says always;
    if ($arg_as = 303) { return 303 /thanks; }
    if ($arg_as = 402) { return 402 "made $request_id\n"; }
    if ($arg_as = 500) { return 500 "made $request_id\n"; }
    return 201 "made $request_id\n";
}
_

add_block_preprocessor(sub {
    my ($block) = @_;

    my $config = $block->config // '';

    $config = "location /t { admission_inventory \$arg_sku quantity=\$arg_n "
              . "mode=reserve; proxy_pass http://127.0.0.1:\$server_port/up/;"
              . " proxy_set_header X-Hold \$admission_hold; }\n$config"
        if $config !~ m{location /t\b};

    $block->set_value(config => <<"_");
add_header X-Idem \$admission_idempotency always;
add_header X-Hold \$admission_hold always;
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

AdmStory::tells();

master_on();
workers(2);
no_long_string();
run_tests();

__DATA__

=== TEST 1: as many as there are, and then nobody
--- story eval
[{ put => "shoe", available => 3 },
 { post => "/t?sku=shoe", is => 201, made => 1, hold => 1, trips => 1,
   has => qr/\r\nX-Seen: ([0-9a-f]{32})\r\n(?:.*\r\n)*X-Hold: \1\r\n/ },
 { stock => "shoe", available => 2, held => 0, committed => 1 },
 { post => "/t?sku=shoe&n=2", is => 201, made => 1, hold => 1 },
 { stock => "shoe", available => 0, held => 0, committed => 3 },
 { post => "/t?sku=shoe", is => 409, reason => "sold_out", sku => "shoe",
   hold => 0, trips => 0, none => qr/Retry-After/ },
 { put => "shoe", available => 1 },
 { post => "/t?sku=shoe", is => 201, made => 1, hold => 1 }]



=== TEST 2: more at once than there are
--- story eval
[{ put => "shoe", available => 3 },
 { post => "/t?sku=shoe&n=4", is => 409, reason => "sold_out" },
 { stock => "shoe", available => 3, held => 0, committed => 0 },
 { post => "/t?sku=shoe&n=3", is => 201, made => 1 }]



=== TEST 3: what there is not
--- story eval
[{ put => "shoe", available => 3 },
 { post => "/t?sku=sho", is => 404, reason => "unknown_sku", sku => "sho" },
 { post => "/t?sku=shoes", is => 404, reason => "unknown_sku" },
 { post => "/t?sku=SHOE", is => 404, reason => "unknown_sku" },
 { put => "none", available => 0 },
 { post => "/t?sku=none", is => 409, reason => "sold_out" }]



=== TEST 4: what is no SKU
--- story eval
[(map { { post => "/t?sku=$_", is => 400, reason => "bad_sku", trips => 0,
          none => qr/"sku"/ } }
  "%20", "a%20b", "{a}", "a/b", "a%00b", "a\xe4", "a*", "a,,b", "x" x 129,
  "x" x 7000),
 { post => "/t", is => 400, reason => "bad_cart", trips => 0 },
 { post => "/t?sku=", is => 400, reason => "bad_sku" },
 { post => "/t?sku=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", is => 400,
   reason => "bad_cart" },
 { post => "/t?sku=" . CORE::join(",", map { $_ x 128 } "a" .. "e"), is => 400,
   reason => "bad_cart" }]



=== TEST 5: what is no quantity
--- story eval
[{ put => "a", available => 9 },
 { put => "b", available => 9 },
 (map { { post => "/t?sku=a&n=$_", is => 400, reason => "bad_quantity",
          trips => 0 } }
  "0", "-1", "+1", "1.0", "1e1", "x", "%201", "1000001", "9" x 30),
 (map { { post => "/t?sku=a,b&n=$_", is => 400, reason => "bad_cart" } }
  "1", "1,1,1"),
 { post => "/t?sku=a&n=1,1", is => 400, reason => "bad_cart" },
 { post => "/t?sku=a,b&n=1,", is => 400, reason => "bad_quantity" },
 { post => "/t?sku=a,a&n=1000000,1", is => 400, reason => "bad_quantity" },
 { stock => "a", available => 9, held => 0, committed => 0 }]



=== TEST 6: a cart, all or nothing
--- story eval
[{ put => "a", available => 5 },
 { put => "b", available => 2 },
 { post => "/t?sku=a,b&n=2,2", is => 201, made => 1, hold => 1 },
 { stock => "a", available => 3, committed => 2 },
 { stock => "b", available => 0, committed => 2 },
 { post => "/t?sku=a,b&n=1,1", is => 409, reason => "sold_out", sku => "b" },
 { post => "/t?sku=b,a", is => 409, reason => "sold_out", sku => "b" },
 { post => "/t?sku=a,c", is => 404, reason => "unknown_sku", sku => "c" },
 { stock => "a", available => 3, held => 0, committed => 2 },
 { post => "/t?sku=a,a,a,a", is => 409, reason => "sold_out", sku => "a" },
 { post => "/t?sku=a,a,a", is => 201, made => 1 },
 { stock => "a", available => 0, held => 0, committed => 5 }]



=== TEST 7: settled by the upstream's status
--- story eval
[{ put => "a", available => 9 },
 { post => "/t?sku=a", is => 201 },
 { stock => "a", available => 8, held => 0, committed => 1 },
 { post => "/t?sku=a&as=402", is => 402, hold => 1 },
 { stock => "a", available => 8, held => 0, committed => 1 },
 { post => "/t?sku=a&as=303", is => 303, hold => 1 },
 { stock => "a", available => 7, held => 1, committed => 1 },
 { post => "/t?sku=a&as=500", is => 500, hold => 1 },
 { stock => "a", available => 6, held => 2, committed => 1, unresolved => 0 },
 { post => "/t?sku=a&n=7", is => 409, reason => "all_reserved", sku => "a",
   retry => qr/^[1-9]\d*$/ },
 { post => "/t?sku=a&n=9", is => 409, reason => "sold_out" }]
--- config
location /t {
    admission_inventory $arg_sku quantity=$arg_n mode=reserve;
    proxy_redirect off;
    proxy_pass http://127.0.0.1:$server_port/up/?as=$arg_as;
}



=== TEST 8: ... by statuses of the shop's own
--- story eval
[{ put => "a", available => 9 },
 { post => "/t?sku=a&as=303", is => 303 },
 { stock => "a", available => 8, held => 0, committed => 1 },
 { post => "/t?sku=a&as=500", is => 500 },
 { stock => "a", available => 8, held => 0, committed => 1 },
 { post => "/t?sku=a", is => 201 },
 { stock => "a", available => 7, held => 1, committed => 1 }]
--- config
location /t {
    admission_inventory $arg_sku mode=reserve commit=303 release=5xx;
    proxy_redirect off;
    proxy_pass http://127.0.0.1:$server_port/up/?as=$arg_as;
}



=== TEST 9: ... by its field, which goes no further
--- story eval
[{ put => "a", available => 9 },
 { post => "/t?sku=a&as=303&says=commit", is => 303,
   none => qr/Admission-Settle/ },
 { stock => "a", available => 8, held => 0, committed => 1 },
 { post => "/t?sku=a&says=release", is => 201,
   none => qr/Admission-Settle/ },
 { stock => "a", available => 8, held => 0, committed => 1 },
 { post => "/t?sku=a&says=hold", is => 201 },
 { stock => "a", available => 7, held => 1, committed => 1 },
 { post => "/t?sku=a&says=what", is => 201 },
 { stock => "a", available => 6, held => 1, committed => 2 }]
--- config
location /t {
    admission_inventory $arg_sku mode=reserve;
    proxy_redirect off;
    proxy_pass http://127.0.0.1:$server_port/up/?as=$arg_as&says=$arg_says;
}



=== TEST 10: an upstream that was never reached
--- story eval
[{ put => "a", available => 2 },
 ({ post => "/t?sku=a&n=2", is => 502, hold => 1 }) x 2,
 { stock => "a", available => 2, held => 0, unresolved => 0, committed => 0 }]
--- config
location /t {
    admission_inventory $arg_sku quantity=$arg_n mode=reserve;
    proxy_pass http://127.0.0.1:1;
}
--- no_error_log
[alert]
[emerg]



=== TEST 11: sent, and never answered
--- story eval
[{ put => "a", available => 2 },
 { post => "/t?sku=a", is => 502, hold => 1 },
 { stock => "a", available => 1, held => 0, unresolved => 1, committed => 0 },
 { post => "/t?sku=a&n=2", is => 409, reason => "all_reserved" }]
--- config
location /t {
    admission_inventory $arg_sku quantity=$arg_n mode=reserve;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2;
}
--- tcp_listen: $TEST_NGINX_RAND_PORT_2
--- tcp_reply eval
""
--- no_error_log
[alert]
[emerg]



=== TEST 12: ... where that goes back to the stock
--- story eval
[{ put => "a", available => 2 },
 { post => "/t?sku=a", is => 502, hold => 1 },
 { stock => "a", available => 2, held => 0, unresolved => 0, committed => 0 }]
--- config
location /t {
    admission_inventory $arg_sku mode=reserve unresolved=return;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2;
}
--- tcp_listen: $TEST_NGINX_RAND_PORT_2
--- tcp_reply eval
""
--- no_error_log
[alert]
[emerg]



=== TEST 13: so many for a buyer, and no more; what is held may be free again
--- story eval
[{ put => "a", available => 9 },
 { put => "b", available => 9 },
 { post => "/t?u=1&sku=a&n=2", is => 201, made => 1 },
 { post => "/t?u=1&sku=a", is => 409, reason => "per_buyer", sku => "a",
   none => qr/RateLimit/, has => qr/^Retry-After: 20\r/m },
 { post => "/t?u=1&sku=b&n=3", is => 409, reason => "per_buyer", sku => "b",
   none => qr/Retry-After/ },
 { post => "/t?u=1&sku=b,a", is => 409, reason => "per_buyer", sku => "a" },
 { post => "/t?u=2&sku=a&n=2", is => 201, made => 1 },
 { post => "/t?u=1&sku=b&n=2", is => 201, made => 1 },
 { post => "/t?u=3&sku=b&n=2&as=402", is => 402 },
 { post => "/t?u=3&sku=b&n=2", is => 201, made => 1 },
 { post => "/t?sku=a", is => 400, reason => "no_buyer" },
 { post => "/t?u=&sku=a", is => 400, reason => "no_buyer" },
 { stock => "a", available => 5, held => 0, committed => 4 },
 { stock => "b", available => 5, held => 0, committed => 4 }]
--- config
location /t {
    admission_inventory $arg_sku quantity=$arg_n mode=reserve buyer=$arg_u
        per_buyer=2/1h hold=20s;
    proxy_pass http://127.0.0.1:$server_port/up/?as=$arg_as;
}



=== TEST 14: mode=check takes nothing, and makes no trip
--- story eval
[{ put => "a", available => 1 },
 ({ post => "/t?sku=a", is => 201, made => 1, hold => 0, trips => 0 }) x 3,
 { stock => "a", available => 1, held => 0, committed => 0 },
 { post => "/t?sku=a&n=2", is => 409, reason => "sold_out", trips => 0 },
 { post => "/t?sku=b", is => 404, reason => "unknown_sku", trips => 0 },
 { put => "a", available => 0 },
 { post => "/t?sku=a", is => 409, reason => "sold_out", trips => 0 },
 { put => "a", available => 1 },
 { post => "/t?sku=a", is => 201, made => 1 }]
--- config
location /t {
    admission_inventory $arg_sku quantity=$arg_n;
    proxy_pass http://127.0.0.1:$server_port/up/;
}



=== TEST 15: methods that are not meant
--- story eval
[{ put => "a", available => 0 },
 { get => "/t?sku=a", is => 201, made => 1, trips => 0 },
 { patch => "/t?sku=%20", is => 201, made => 1 },
 { options => "/t?sku=a", is => 201, made => 1,
   fields => ["Access-Control-Request-Method: POST", "Origin: http://a"] },
 { post => "/t?sku=a", is => 409 }]



=== TEST 16: a repeat is answered although all is sold out
--- story eval
[{ put => "a", available => 1 },
 { post => "/t?u=1&sku=a", key => "k", is => 201, made => 1, word => "new" },
 { post => "/t?u=1&sku=a", key => "k", is => 201, same => 1, trips => 1 },
 { post => "/t?u=1&sku=a", key => "l", is => 409, reason => "sold_out",
   trips => 1, sku => "a" },
 { post => "/t?u=1&sku=a", is => 409, reason => "sold_out", trips => 0 },
 { post => "/t?u=1&sku=a", key => "k", body => "x", is => 422 },
 { put => "a", available => 1 },
 { post => "/t?u=1&sku=a", key => "l", is => 201, made => 1 },
 { stock => "a", available => 0, held => 0, committed => 2 }]
--- config
location /t {
    admission_idempotency $http_idempotency_key owner=$arg_u;
    admission_inventory $arg_sku mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}



=== TEST 17: ... also where the SKU stands in the body
--- http_config
admission_body_field $sku form=sku;
--- story eval
[{ put => "a", available => 1 },
 { post => "/t?u=1", body => "sku=a", key => "k", is => 201, made => 1,
   fields => ["Content-Type: application/x-www-form-urlencoded"] },
 { post => "/t?u=1", body => "sku=a", key => "k", is => 201, same => 1,
   fields => ["Content-Type: application/x-www-form-urlencoded"] },
 { post => "/t?u=1", body => "sku=a", key => "l", is => 409, trips => 1,
   fields => ["Content-Type: application/x-www-form-urlencoded"],
   reason => "sold_out", sku => "a" },
 { post => "/t?u=1", body => "sku=a", is => 409, trips => 0,
   fields => ["Content-Type: application/x-www-form-urlencoded"],
   reason => "sold_out", sku => "a" },
 { put => "a", available => 1 },
 { post => "/t?u=1", body => "sku=a", key => "l", is => 201, made => 1,
   fields => ["Content-Type: application/x-www-form-urlencoded"] },
 { stock => "a", available => 0, held => 0, committed => 2 }]
--- config
location /t {
    admission_idempotency $http_idempotency_key owner=$arg_u;
    admission_inventory $sku mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}



=== TEST 18: one trip for all, and what refuses takes nothing of the others
--- http_config
admission_rate exact $arg_u rate=1r/h burst=1 scope=exact;
--- story eval
[{ put => "a", available => 1 },
 { post => "/t?u=1&sku=a", key => "k", is => 201, made => 1, trips => 1 },
 { put => "a", available => 1 },
 { post => "/t?u=1&sku=a", key => "k", is => 201, same => 1, trips => 1 },
 { post => "/t?u=1&sku=a&n=1", key => "l", is => 201, made => 1, trips => 1 },
 { put => "a", available => 1 },
 { post => "/t?u=1&sku=a", key => "m", is => 429, reason => "rate",
   trips => 1 },
 { stock => "a", available => 1, held => 0 },
 { post => "/t?u=2&sku=a", key => "m", is => 201, made => 1 }]
--- config
location /t {
    admission_limit exact;
    admission_idempotency $http_idempotency_key owner=$arg_u;
    admission_inventory $arg_sku quantity=$arg_n mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}



=== TEST 19: what the stock refuses leaves the key
--- story eval
[{ put => "a", available => 2 },
 { post => "/t?u=1&sku=a&n=2", key => "k", is => 409, reason => "per_buyer" },
 { post => "/t?u=1&sku=a&n=1", key => "k", is => 201, made => 1,
   word => "new" }]
--- config
location /t {
    admission_idempotency $http_idempotency_key owner=$arg_u;
    admission_inventory $arg_sku quantity=$arg_n mode=reserve buyer=$arg_u
        per_buyer=1/1h;
    proxy_pass http://127.0.0.1:$server_port/up/;
}



=== TEST 20: dry run: looked at, and not taken
--- story eval
[{ put => "a", available => 1 },
 ({ post => "/t?sku=a", is => 201, made => 1, hold => 0 }) x 2,
 { stock => "a", available => 1, held => 0, committed => 0 },
 { post => "/t?sku=a&n=2", is => 201, made => 1,
   has => qr/\r\nX-Verdict: sold_out\r\n/ },
 { post => "/t?sku=%20", is => 201, made => 1 },
 { post => "/look?sku=a", is => 200, hold => 0,
   has => qr/"available":1,"held":0,/ },
 { post => "/real?sku=a", is => 200, hold => 1,
   has => qr/"available":0,"held":1,/ }]
--- config
location /t {
    admission dry_run;
    add_header X-Verdict $admission_verdict;
    admission_inventory $arg_sku quantity=$arg_n mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
location /look {
    admission dry_run;
    admission_inventory $arg_sku quantity=$arg_n mode=reserve;
    proxy_method GET;
    proxy_pass http://127.0.0.1:$server_port/control/inventory/a?;
}
location /real {
    admission_inventory $arg_sku quantity=$arg_n mode=reserve;
    proxy_method GET;
    proxy_pass http://127.0.0.1:$server_port/control/inventory/a?;
}



=== TEST 21: SKUs that the configuration names, and their metrics
--- story eval
[{ put => "a", available => 2 },
 { put => "b", available => 2 },
 { put => "c", available => 2 },
 { post => "/t", is => 201, made => 1 },
 { post => "/t", is => 201, made => 1 },
 { post => "/t", is => 409, reason => "sold_out", sku => "a" },
 { get => "/status", is => 200,
   has => qr/\nadmission_inventory_available\{sku="a"\} 0\n/ },
 { get => "/status", is => 200,
   has => qr/\nadmission_inventory_committed_total\{sku="b"\} 2\n/,
   none => qr/sku="c"/ }]
--- config
location /t {
    admission_inventory a,b mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
location = /status { admission_status; }



=== TEST 22: a store that cannot tell: nobody goes on ...
--- http_config
admission_secret_file $TEST_NGINX_KEYS;
admission_redis redis://127.0.0.1:1;
--- story eval
[{ post => "/t?sku=a", is => 503, reason => "store_down",
   retry => qr/^[1-9]\d*$/, hold => 0 },
 { post => "/k?u=1", key => "k", is => 503, reason => "store_down",
   retry => qr/^[1-9]\d*$/, word => "" },
 { post => "/k?u=1", is => 201, made => 1 },
 { get => "/status", is => 200,
   has => qr/\nadmission_fail_policy_total\{policy="inventory",action="closed"\} 1\n/ },
 { get => "/status", is => 200,
   has => qr/\nadmission_fail_policy_total\{policy="idempotency",action="closed"\} 1\n/ }]
--- config
location /k {
    admission_idempotency $http_idempotency_key owner=$arg_u;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
location = /status { admission_status; }
--- no_error_log
[alert]
[emerg]



=== TEST 23: ... or everybody, as the shop wants it
--- http_config
admission_secret_file $TEST_NGINX_KEYS;
admission_redis redis://127.0.0.1:1;
admission_on_store_failure idempotency=open inventory=open;
--- story eval
[{ post => "/t?sku=a", is => 201, made => 1, hold => 0 },
 { post => "/t?sku=%20", is => 400, reason => "bad_sku" },
 ({ post => "/k?u=1", key => "k", is => 201, made => 1, word => "" }) x 2,
 { post => "/k?u=1", key => "a,b", is => 400, reason => "bad_key" },
 { post => "/one?u=1&sku=a", key => "k", is => 503, reason => "store_down" },
 { get => "/status", is => 200,
   has => qr/\nadmission_fail_policy_total\{policy="inventory",action="open"\} 1\n/ },
 { get => "/status", is => 200,
   has => qr/\nadmission_fail_policy_total\{policy="idempotency",action="open"\} 3\n/ }]
--- config
location /k {
    admission_idempotency $http_idempotency_key owner=$arg_u;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
location /one {
    admission_on_store_failure idempotency=open inventory=closed;
    admission_idempotency $http_idempotency_key owner=$arg_u;
    admission_inventory $arg_sku mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
location = /status { admission_status; }
--- no_error_log
[alert]
[emerg]



=== TEST 24: arguments that the shop behind may read otherwise
--- story eval
[{ put => "A", available => 60 },
 { put => "B", available => 60 },
 (map { { post => "/t?$_", is => 400, reason => "bad_sku", trips => 0 } }
  "SKU=B&sku=A", "sku=A&SKU=B", "sku=A&sku=B", "sku=A&sku=A",
  "s%6bu=A&sku=B", "sku=A&sku[]=B", "sku=A&+sku=B", "sku=A&x=1;sku=B",
  "sku=%4", "sku=%zz", "sku=A&%zz=1", "sku=&sku=A"),
 (map { { post => "/t?sku=A&$_", is => 400, reason => "bad_cart",
          trips => 0 } }
  "n=&n=50", "n=1&n=50", "n=50&n=1", "N=50&n=1", "%6e=50&n=1", "n=1&n[]=50",
  "n=", "n=%3", "n=1&n"),
 { stock => "A", available => 60, held => 0, committed => 0 },
 { stock => "B", available => 60, held => 0, committed => 0 }]



=== TEST 25: ... and those that all read alike
--- story eval
[{ put => "A", available => 60 },
 { put => "a:1", available => 60 },
 { post => "/t?sku=A", is => 201, made => 1, hold => 1 },
 { stock => "A", available => 59, committed => 1 },
 { post => "/t?s%6bu=%41&x=y", is => 201, made => 1, hold => 1 },
 { stock => "A", available => 58, committed => 2 },
 { post => "/t?n=%31%30&sku=a%3A1", is => 201, made => 1, hold => 1 },
 { stock => "a:1", available => 50, committed => 10 },
 { post => "/t?sku=A%2Ca:1&n=2%2c3", is => 201, made => 1, hold => 1 },
 { stock => "A", available => 56, committed => 4 },
 { stock => "a:1", available => 47, committed => 13 }]



=== TEST 26: ... whose names have capitals
--- story eval
[{ put => "A", available => 9 },
 { post => "/t?productId=A&howMany=2", is => 201, made => 1, hold => 1 },
 { stock => "A", available => 7, held => 0, committed => 2 },
 { post => "/t?productId=A&howMany=2&HowMany=1", is => 400,
   reason => "bad_cart", trips => 0 },
 { post => "/t?productid=B&productId=A", is => 400, reason => "bad_sku",
   trips => 0 },
 { post => "/t?productid=A", is => 400, trips => 0 },
 { stock => "A", available => 7, held => 0, committed => 2 }]
--- config
location /t {
    admission_inventory $arg_productId quantity=${arg_howMany} mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}



=== TEST 27: ... and names that differ in nothing else
--- story eval
[{ put => "A", available => 9 },
 { post => "/t?itemId=A", is => 201, made => 1, hold => 1 },
 { post => "/u?itemID=A", is => 201, made => 1, hold => 1 },
 { post => "/v?itemId=A", is => 201, made => 1, hold => 1 },
 { post => "/u?itemId=A", is => 400, reason => "bad_cart" },
 { stock => "A", available => 6, held => 0, committed => 3 }]
--- config
location /t {
    admission_inventory $arg_itemId mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
location /u {
    admission_inventory $arg_itemID mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
location /v {
    admission_inventory $arg_itemId mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}



=== TEST 28: what was looked at in one location is reserved in the next
--- story eval
[{ put => "A", available => 1 },
 { post => "/t?sku=A", is => 201, made => 1, hold => 1 },
 ({ post => "/t?sku=A", is => 409, reason => "sold_out" }) x 2,
 { stock => "A", available => 0, held => 0, committed => 1 }]
--- config
location /t {
    admission_inventory $arg_sku mode=check;
    try_files /none @shop;
}
location @shop {
    admission_inventory $arg_sku mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}



=== TEST 29: ... once, also if both reserve
--- story eval
[{ put => "A", available => 2 },
 ({ post => "/t?sku=A", is => 201, made => 1, hold => 1 }) x 2,
 { post => "/t?sku=A", is => 409, reason => "sold_out" },
 { stock => "A", available => 0, held => 0, committed => 2 }]
--- config
location /t {
    admission_inventory $arg_sku mode=reserve;
    try_files /none @shop;
}
location @shop {
    admission_inventory $arg_sku mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}



=== TEST 30: a field that was sent twice
--- story eval
[{ put => "A", available => 9 },
 { put => "B", available => 9 },
 { post => "/t", fields => ["X-Sku: A", "X-Count: 2"], is => 201, made => 1 },
 { post => "/t", fields => ["X-Sku: A", "X-Sku: B"], is => 400,
   reason => "bad_sku", trips => 0 },
 { post => "/t", fields => ["X-Sku: A", "X-Sku: A"], is => 400 },
 { post => "/t", fields => ["X-Sku: A", "X-Count: 1", "X-Count: 5"],
   is => 400, trips => 0 },
 { post => "/t", fields => ["X-Sku: A,B", "X-Count: 1", "X-Count: 5"],
   is => 400, trips => 0 },
 { stock => "A", available => 7, held => 0, committed => 2 },
 { stock => "B", available => 9, held => 0, committed => 0 }]
--- config
location /t {
    admission_inventory $http_x_sku quantity=$http_x_count mode=reserve;
    proxy_pass http://127.0.0.1:$server_port/up/;
}
