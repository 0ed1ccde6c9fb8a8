# admission_idempotency, admission_inventory: what nginx -t says of wrong ones.
#
# A word that is misspelt here is an order that is executed twice, or a unit
# that is sold twice, on the day on which everybody looks.  So each wrong word
# stops nginx -t with a sentence that says what was expected, and, where two
# places do not agree, where the other one is.

use Test::Nginx::Socket 'no_plan';

# every block here is a configuration that nginx must refuse
add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "") if !defined $block->config;
    $block->set_value(request => "GET /");
    $block->set_value(must_die => "");
    $block->set_value(suppress_stderr => "");
    $block->set_value(no_error_log => "[alert]\n[crit]");
});

$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

no_long_string();
run_tests();

__DATA__

=== TEST 1: a key, and nothing of it
--- config
location = /t {
    admission_idempotency;
}
--- error_log
[emerg]
invalid number of arguments in "admission_idempotency" directive in



=== TEST 2: ... nobody's
--- config
location = /t {
    admission_idempotency $http_idempotency_key;
}
--- error_log
[emerg]
"admission_idempotency" must have "owner=" parameter, which tells whose key it is, as "owner=$remote_user" in



=== TEST 3: ... an empty owner
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=;
}
--- error_log
[emerg]
invalid value "" of "owner=" in "admission_idempotency", it must be whose key it is, as "$remote_user" in



=== TEST 4: ... an owner that there is not
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$nobody;
}
--- error_log
[emerg]
unknown "nobody" variable



=== TEST 5: ... the same for all
--- config
location = /t {
    admission_idempotency key owner=$remote_user;
}
--- error_log
[emerg]
value "key" of "admission_idempotency" has no variable, all requests would have one key, it must be as "$http_idempotency_key" in



=== TEST 6: ... off, and more
--- config
location = /t {
    admission_idempotency off owner=$remote_user;
}
--- error_log
[emerg]
"off" in "admission_idempotency" must stand alone in



=== TEST 7: ... twice in one place
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user;
    admission_idempotency $http_idempotency_key owner=$remote_user;
}
--- error_log
[emerg]
"admission_idempotency" directive is duplicate in



=== TEST 8: ... off, twice in one place
--- config
location = /t {
    admission_idempotency off;
    admission_idempotency $http_idempotency_key owner=$remote_user;
}
--- error_log
[emerg]
"admission_idempotency" directive is duplicate in



=== TEST 9: ... an unknown word
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user tll=1h;
}
--- error_log
[emerg]
invalid parameter "tll=1h" in "admission_idempotency", it must be "owner=", "required", "ttl=", "lock=", "fingerprint=", "keep=", "max_body=", "methods=" or "zone=" in



=== TEST 10: ... one word twice
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user ttl=1h ttl=2h;
}
--- error_log
[emerg]
duplicate parameter "ttl=2h" in "admission_idempotency" in



=== TEST 11: ... more than required
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user required=on;
}
--- error_log
[emerg]
invalid value "=on" of "required" in "admission_idempotency", it must be without a value in



=== TEST 12: ... ttl=
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user ttl=;
}
--- error_log
[emerg]
invalid value "" of "ttl=" in "admission_idempotency", it must be a time from 1s to 30d, as "24h" in



=== TEST 13: ... ttl=0
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user ttl=0;
}
--- error_log
[emerg]
invalid value "0" of "ttl=" in "admission_idempotency", it must be a time from 1s to 30d, as "24h" in



=== TEST 14: ... ttl=31d
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user ttl=31d;
}
--- error_log
[emerg]
invalid value "31d" of "ttl=" in "admission_idempotency", it must be a time from 1s to 30d, as "24h" in



=== TEST 15: ... ttl=-1s
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user ttl=-1s;
}
--- error_log
[emerg]
invalid value "-1s" of "ttl=" in "admission_idempotency", it must be a time from 1s to 30d, as "24h" in



=== TEST 16: ... ttl=1x
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user ttl=1x;
}
--- error_log
[emerg]
invalid value "1x" of "ttl=" in "admission_idempotency", it must be a time from 1s to 30d, as "24h" in



=== TEST 17: ... lock=
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user lock=;
}
--- error_log
[emerg]
invalid value "" of "lock=" in "admission_idempotency", it must be a time from 100ms to 1h, as "30s" in



=== TEST 18: ... lock=99ms
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user lock=99ms;
}
--- error_log
[emerg]
invalid value "99ms" of "lock=" in "admission_idempotency", it must be a time from 100ms to 1h, as "30s" in



=== TEST 19: ... lock=61m
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user lock=61m;
}
--- error_log
[emerg]
invalid value "61m" of "lock=" in "admission_idempotency", it must be a time from 100ms to 1h, as "30s" in



=== TEST 20: ... lock=0
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user lock=0;
}
--- error_log
[emerg]
invalid value "0" of "lock=" in "admission_idempotency", it must be a time from 100ms to 1h, as "30s" in



=== TEST 21: ... lock=x
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user lock=x;
}
--- error_log
[emerg]
invalid value "x" of "lock=" in "admission_idempotency", it must be a time from 100ms to 1h, as "30s" in



=== TEST 22: ... a lock that outlives the key
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user lock=2m ttl=1m;
}
--- error_log
[emerg]
"lock=" of 120000ms is longer than "ttl=" of 60s in "admission_idempotency", it must be at most that in



=== TEST 23: ... by half a second
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user lock=60500ms ttl=1m;
}
--- error_log
[emerg]
"lock=" of 60500ms is longer than "ttl=" of 60s in "admission_idempotency", it must be at most that in



=== TEST 24: ... fingerprint
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user fingerprint=headers;
}
--- error_log
[emerg]
invalid value "headers" of "fingerprint=" in "admission_idempotency", it must be "body" or "uri" in



=== TEST 25: ... keep=
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user keep=;
}
--- error_log
[emerg]
invalid value "" of "keep=" in "admission_idempotency", it must be statuses as "2xx,404", or "none" in



=== TEST 26: ... keep=2
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user keep=2;
}
--- error_log
[emerg]
invalid value "2" of "keep=" in "admission_idempotency", it must be statuses as "2xx,404", or "none" in



=== TEST 27: ... keep=20x
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user keep=20x;
}
--- error_log
[emerg]
invalid value "20x" of "keep=" in "admission_idempotency", it must be statuses as "2xx,404", or "none" in



=== TEST 28: ... keep=2xx,
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user keep=2xx,;
}
--- error_log
[emerg]
invalid value "2xx," of "keep=" in "admission_idempotency", it must be statuses as "2xx,404", or "none" in



=== TEST 29: ... keep=600
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user keep=600;
}
--- error_log
[emerg]
invalid value "600" of "keep=" in "admission_idempotency", it must be statuses as "2xx,404", or "none" in



=== TEST 30: ... keep=099
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user keep=099;
}
--- error_log
[emerg]
invalid value "099" of "keep=" in "admission_idempotency", it must be statuses as "2xx,404", or "none" in



=== TEST 31: ... keep=2xx,none
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user keep=2xx,none;
}
--- error_log
[emerg]
invalid value "2xx,none" of "keep=" in "admission_idempotency", it must be statuses as "2xx,404", or "none" in



=== TEST 32: ... keep=200-299
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user keep=200-299;
}
--- error_log
[emerg]
invalid value "200-299" of "keep=" in "admission_idempotency", it must be statuses as "2xx,404", or "none" in



=== TEST 33: ... keep=6xx
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user keep=6xx;
}
--- error_log
[emerg]
invalid value "6xx" of "keep=" in "admission_idempotency", it must be statuses as "2xx,404", or "none" in



=== TEST 34: ... keep=0xx
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user keep=0xx;
}
--- error_log
[emerg]
invalid value "0xx" of "keep=" in "admission_idempotency", it must be statuses as "2xx,404", or "none" in



=== TEST 35: ... max_body=
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user max_body=;
}
--- error_log
[emerg]
invalid value "" of "max_body=" in "admission_idempotency", it must be a size from 0 to 1m, as "64k" in



=== TEST 36: ... max_body=2m
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user max_body=2m;
}
--- error_log
[emerg]
invalid value "2m" of "max_body=" in "admission_idempotency", it must be a size from 0 to 1m, as "64k" in



=== TEST 37: ... max_body=-1
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user max_body=-1;
}
--- error_log
[emerg]
invalid value "-1" of "max_body=" in "admission_idempotency", it must be a size from 0 to 1m, as "64k" in



=== TEST 38: ... max_body=64kb
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user max_body=64kb;
}
--- error_log
[emerg]
invalid value "64kb" of "max_body=" in "admission_idempotency", it must be a size from 0 to 1m, as "64k" in



=== TEST 39: ... methods=
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user methods=;
}
--- error_log
[emerg]
invalid value "" of "methods=" in "admission_idempotency", it must be some of GET, POST, PUT, PATCH, DELETE, as "POST,PATCH" in



=== TEST 40: ... methods=post
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user methods=post;
}
--- error_log
[emerg]
invalid value "post" of "methods=" in "admission_idempotency", it must be some of GET, POST, PUT, PATCH, DELETE, as "POST,PATCH" in



=== TEST 41: ... methods=POST,
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user methods=POST,;
}
--- error_log
[emerg]
invalid value "POST," of "methods=" in "admission_idempotency", it must be some of GET, POST, PUT, PATCH, DELETE, as "POST,PATCH" in



=== TEST 42: ... methods=POST,POST
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user methods=POST,POST;
}
--- error_log
[emerg]
invalid value "POST,POST" of "methods=" in "admission_idempotency", it must be some of GET, POST, PUT, PATCH, DELETE, as "POST,PATCH" in



=== TEST 43: ... methods=HEAD
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user methods=HEAD;
}
--- error_log
[emerg]
invalid value "HEAD" of "methods=" in "admission_idempotency", it must be some of GET, POST, PUT, PATCH, DELETE, as "POST,PATCH" in



=== TEST 44: ... methods=POST|PUT
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user methods=POST|PUT;
}
--- error_log
[emerg]
invalid value "POST|PUT" of "methods=" in "admission_idempotency", it must be some of GET, POST, PUT, PATCH, DELETE, as "POST,PATCH" in



=== TEST 45: ... a zone that there is not
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user zone=keys;
}
--- error_log eval
["[emerg]", qr{unknown zone "keys" of directive "admission_idempotency" at \S+:\d+, "admission_zone" defines none$}]



=== TEST 46: keys in two zones
--- http_config
admission_zone a 1m;
admission_zone b 1m;
--- user_files
>>> keys.conf
location = /a {
    admission_idempotency $http_idempotency_key owner=$remote_user zone=a;
}
location = /b {
    admission_idempotency $http_idempotency_key owner=$remote_user zone=b;
}
--- config
include $TEST_NGINX_HTML_DIR/keys.conf;
--- error_log eval
["[emerg]", qr{"zone=b" of "admission_idempotency" at \S+/keys\.conf:5 differs from "zone=a" at \S+/keys\.conf:2, all keys must be in one zone$}]



=== TEST 47: a SKU, and nothing of it
--- config
location = /t {
    admission_inventory;
}
--- error_log
[emerg]
invalid number of arguments in "admission_inventory" directive in



=== TEST 48: ... ""
--- config
location = /t {
    admission_inventory "";
}
--- error_log
[emerg]
invalid value "" in "admission_inventory", it must have a variable, as "$arg_sku", or be up to 16 SKUs separated by commas, each of 1 to 128 letters, digits, ".", "_", "~", ":" or "-", and 512 in all in



=== TEST 49: ... "a b"
--- config
location = /t {
    admission_inventory "a b";
}
--- error_log
[emerg]
invalid value "a b" in "admission_inventory", it must have a variable, as "$arg_sku", or be up to 16 SKUs separated by commas, each of 1 to 128 letters, digits, ".", "_", "~", ":" or "-", and 512 in all in



=== TEST 50: ... a,
--- config
location = /t {
    admission_inventory a,;
}
--- error_log
[emerg]
invalid value "a," in "admission_inventory", it must have a variable, as "$arg_sku", or be up to 16 SKUs separated by commas, each of 1 to 128 letters, digits, ".", "_", "~", ":" or "-", and 512 in all in



=== TEST 51: ... a/b
--- config
location = /t {
    admission_inventory a/b;
}
--- error_log
[emerg]
invalid value "a/b" in "admission_inventory", it must have a variable, as "$arg_sku", or be up to 16 SKUs separated by commas, each of 1 to 128 letters, digits, ".", "_", "~", ":" or "-", and 512 in all in



=== TEST 52: ... "{a}"
--- config
location = /t {
    admission_inventory "{a}";
}
--- error_log
[emerg]
invalid value "{a}" in "admission_inventory", it must have a variable, as "$arg_sku", or be up to 16 SKUs separated by commas, each of 1 to 128 letters, digits, ".", "_", "~", ":" or "-", and 512 in all in



=== TEST 53: ... a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q
--- config
location = /t {
    admission_inventory a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q;
}
--- error_log
[emerg]
invalid value "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q" in "admission_inventory", it must have a variable, as "$arg_sku", or be up to 16 SKUs separated by commas, each of 1 to 128 letters, digits, ".", "_", "~", ":" or "-", and 512 in all in



=== TEST 54: ... 129 characters of it
--- config
location = /t {
    admission_inventory xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx;
}
--- error_log
[emerg]
invalid value "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" in "admission_inventory", it must have a variable, as "$arg_sku", or be up to 16 SKUs separated by commas, each of 1 to 128 letters, digits, ".", "_", "~", ":" or "-", and 512 in all in



=== TEST 55: ... twice in one place
--- config
location = /t {
    admission_inventory $arg_sku;
    admission_inventory $arg_sku;
}
--- error_log
[emerg]
"admission_inventory" directive is duplicate in



=== TEST 56: ... an unknown word
--- config
location = /t {
    admission_inventory $arg_sku stock=5;
}
--- error_log
[emerg]
invalid parameter "stock=5" in "admission_inventory", it must be "quantity=", "mode=", "hold=", "buyer=", "per_buyer=", "unresolved=", "commit=", "release=", "methods=", "key=" or "zone=" in



=== TEST 57: ... one word twice
--- config
location = /t {
    admission_inventory $arg_sku mode=check mode=reserve;
}
--- error_log
[emerg]
duplicate parameter "mode=reserve" in "admission_inventory" in



=== TEST 58: ... an empty quantity
--- config
location = /t {
    admission_inventory $arg_sku quantity=;
}
--- error_log
[emerg]
invalid value "" of "quantity=" in "admission_inventory", it must be a number from 1 to 1000000, or as many of them as there are SKUs, separated by commas, or have a variable, as "$arg_quantity" in



=== TEST 59: ... mode
--- config
location = /t {
    admission_inventory $arg_sku mode=hold;
}
--- error_log
[emerg]
invalid value "hold" of "mode=" in "admission_inventory", it must be "check" or "reserve" in



=== TEST 60: ... hold=
--- config
location = /t {
    admission_inventory $arg_sku hold=;
}
--- error_log
[emerg]
invalid value "" of "hold=" in "admission_inventory", it must be a time from 1s to 7d, as "10m" in



=== TEST 61: ... hold=999ms
--- config
location = /t {
    admission_inventory $arg_sku hold=999ms;
}
--- error_log
[emerg]
invalid value "999ms" of "hold=" in "admission_inventory", it must be a time from 1s to 7d, as "10m" in



=== TEST 62: ... hold=8d
--- config
location = /t {
    admission_inventory $arg_sku hold=8d;
}
--- error_log
[emerg]
invalid value "8d" of "hold=" in "admission_inventory", it must be a time from 1s to 7d, as "10m" in



=== TEST 63: ... hold=x
--- config
location = /t {
    admission_inventory $arg_sku hold=x;
}
--- error_log
[emerg]
invalid value "x" of "hold=" in "admission_inventory", it must be a time from 1s to 7d, as "10m" in



=== TEST 64: ... per_buyer=
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve buyer=$remote_user per_buyer=;
}
--- error_log
[emerg]
invalid value "" of "per_buyer=" in "admission_inventory", it must be a number from 1 to 1000000 and a time from 1s to 365d, as "2/24h" in



=== TEST 65: ... per_buyer=2
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve buyer=$remote_user per_buyer=2;
}
--- error_log
[emerg]
invalid value "2" of "per_buyer=" in "admission_inventory", it must be a number from 1 to 1000000 and a time from 1s to 365d, as "2/24h" in



=== TEST 66: ... per_buyer=2/
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve buyer=$remote_user per_buyer=2/;
}
--- error_log
[emerg]
invalid value "2/" of "per_buyer=" in "admission_inventory", it must be a number from 1 to 1000000 and a time from 1s to 365d, as "2/24h" in



=== TEST 67: ... per_buyer=/1h
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve buyer=$remote_user per_buyer=/1h;
}
--- error_log
[emerg]
invalid value "/1h" of "per_buyer=" in "admission_inventory", it must be a number from 1 to 1000000 and a time from 1s to 365d, as "2/24h" in



=== TEST 68: ... per_buyer=0/1h
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve buyer=$remote_user per_buyer=0/1h;
}
--- error_log
[emerg]
invalid value "0/1h" of "per_buyer=" in "admission_inventory", it must be a number from 1 to 1000000 and a time from 1s to 365d, as "2/24h" in



=== TEST 69: ... per_buyer=1000001/1h
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve buyer=$remote_user per_buyer=1000001/1h;
}
--- error_log
[emerg]
invalid value "1000001/1h" of "per_buyer=" in "admission_inventory", it must be a number from 1 to 1000000 and a time from 1s to 365d, as "2/24h" in



=== TEST 70: ... per_buyer=2/0
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve buyer=$remote_user per_buyer=2/0;
}
--- error_log
[emerg]
invalid value "2/0" of "per_buyer=" in "admission_inventory", it must be a number from 1 to 1000000 and a time from 1s to 365d, as "2/24h" in



=== TEST 71: ... per_buyer=2/366d
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve buyer=$remote_user per_buyer=2/366d;
}
--- error_log
[emerg]
invalid value "2/366d" of "per_buyer=" in "admission_inventory", it must be a number from 1 to 1000000 and a time from 1s to 365d, as "2/24h" in



=== TEST 72: ... per_buyer=2/1h/1
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve buyer=$remote_user per_buyer=2/1h/1;
}
--- error_log
[emerg]
invalid value "2/1h/1" of "per_buyer=" in "admission_inventory", it must be a number from 1 to 1000000 and a time from 1s to 365d, as "2/24h" in



=== TEST 73: ... per_buyer=a/1h
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve buyer=$remote_user per_buyer=a/1h;
}
--- error_log
[emerg]
invalid value "a/1h" of "per_buyer=" in "admission_inventory", it must be a number from 1 to 1000000 and a time from 1s to 365d, as "2/24h" in



=== TEST 74: ... per nobody
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve per_buyer=2/1h;
}
--- error_log
[emerg]
"per_buyer=" without "buyer=" in "admission_inventory", which tells who buys, as "buyer=$remote_user" in



=== TEST 75: ... per buyer, of what nobody has
--- config
location = /t {
    admission_inventory $arg_sku buyer=$remote_user per_buyer=2/1h;
}
--- error_log
[emerg]
"per_buyer=" without "mode=reserve" in "admission_inventory", what is not reserved is not counted in



=== TEST 76: ... unresolved
--- config
location = /t {
    admission_inventory $arg_sku unresolved=drop;
}
--- error_log
[emerg]
invalid value "drop" of "unresolved=" in "admission_inventory", it must be "keep" or "return" in



=== TEST 77: ... commit
--- config
location = /t {
    admission_inventory $arg_sku commit=ok;
}
--- error_log
[emerg]
invalid value "ok" of "commit=" in "admission_inventory", it must be statuses as "2xx,303", or "none" in



=== TEST 78: ... release
--- config
location = /t {
    admission_inventory $arg_sku release=4;
}
--- error_log
[emerg]
invalid value "4" of "release=" in "admission_inventory", it must be statuses as "4xx,303", or "none" in



=== TEST 79: ... both at once
--- config
location = /t {
    admission_inventory $arg_sku commit=2xx,303 release=4xx,303;
}
--- error_log
[emerg]
status 303 is both in "commit=" and in "release=" of "admission_inventory" in



=== TEST 80: ... what is released anyway
--- config
location = /t {
    admission_inventory $arg_sku commit=2xx,409;
}
--- error_log
[emerg]
status 409 is both in "commit=" and in "release=" of "admission_inventory" in



=== TEST 81: ... methods
--- config
location = /t {
    admission_inventory $arg_sku methods=BUY;
}
--- error_log
[emerg]
invalid value "BUY" of "methods=" in "admission_inventory", it must be some of GET, POST, PUT, PATCH, DELETE, as "POST,PATCH" in



=== TEST 82: ... key=
--- config
location = /t {
    admission_inventory $arg_sku "key=";
}
--- error_log
[emerg]
invalid value "" of "key=" in "admission_inventory", it must be a text with "%s" or "{%s}" for the SKU, as "inventory:%s", of letters, digits, "_", ".", ":" or "-" in



=== TEST 83: ... key=stock
--- config
location = /t {
    admission_inventory $arg_sku "key=stock";
}
--- error_log
[emerg]
invalid value "stock" of "key=" in "admission_inventory", it must be a text with "%s" or "{%s}" for the SKU, as "inventory:%s", of letters, digits, "_", ".", ":" or "-" in



=== TEST 84: ... key=%s:%s
--- config
location = /t {
    admission_inventory $arg_sku "key=%s:%s";
}
--- error_log
[emerg]
invalid value "%s:%s" of "key=" in "admission_inventory", it must be a text with "%s" or "{%s}" for the SKU, as "inventory:%s", of letters, digits, "_", ".", ":" or "-" in



=== TEST 85: ... key={stock}:%s
--- config
location = /t {
    admission_inventory $arg_sku "key={stock}:%s";
}
--- error_log
[emerg]
invalid value "{stock}:%s" of "key=" in "admission_inventory", it must be a text with "%s" or "{%s}" for the SKU, as "inventory:%s", of letters, digits, "_", ".", ":" or "-" in



=== TEST 86: ... key="stock %s"
--- config
location = /t {
    admission_inventory $arg_sku "key=stock %s";
}
--- error_log
[emerg]
invalid value "stock %s" of "key=" in "admission_inventory", it must be a text with "%s" or "{%s}" for the SKU, as "inventory:%s", of letters, digits, "_", ".", ":" or "-" in



=== TEST 87: ... key=stock:%d
--- config
location = /t {
    admission_inventory $arg_sku "key=stock:%d";
}
--- error_log
[emerg]
invalid value "stock:%d" of "key=" in "admission_inventory", it must be a text with "%s" or "{%s}" for the SKU, as "inventory:%s", of letters, digits, "_", ".", ":" or "-" in



=== TEST 88: ... key=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
--- config
location = /t {
    admission_inventory $arg_sku "key=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx%s";
}
--- error_log
[emerg]
invalid value "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx%s" of "key=" in "admission_inventory", it must be a text with "%s" or "{%s}" for the SKU, as "inventory:%s", of letters, digits, "_", ".", ":" or "-" in



=== TEST 89: ... a zone that there is not
--- config
location = /t {
    admission_inventory $arg_sku zone=stock;
}
--- error_log eval
["[emerg]", qr{unknown zone "stock" of directive "admission_inventory" at \S+:\d+, "admission_zone" defines none$}]



=== TEST 90: two stocks
--- user_files
>>> stock.conf
location = /a {
    admission_inventory $arg_sku key=a:%s;
}
location = /b {
    admission_inventory $arg_sku key=b:%s;
}
--- config
include $TEST_NGINX_HTML_DIR/stock.conf;
--- error_log eval
["[emerg]", qr{"key=b:%s" of "admission_inventory" at \S+/stock\.conf:5 differs from "key=a:%s" at \S+/stock\.conf:2, there is one stock$}]



=== TEST 91: ... one of them as it is by default
--- user_files
>>> stock.conf
location = /a {
    admission_inventory $arg_sku key=a:%s;
}
location = /b {
    admission_inventory $arg_sku;
}
--- config
include $TEST_NGINX_HTML_DIR/stock.conf;
--- error_log eval
["[emerg]", qr{"key=inventory:%s" of "admission_inventory" at \S+/stock\.conf:5 differs from "key=a:%s" at \S+/stock\.conf:2, there is one stock$}]



=== TEST 92: ... in two zones
--- http_config
admission_zone a 1m;
admission_zone b 1m;
--- user_files
>>> stock.conf
location = /a {
    admission_inventory $arg_sku zone=a;
}
location = /b {
    admission_inventory $arg_sku zone=b;
}
--- config
include $TEST_NGINX_HTML_DIR/stock.conf;
--- error_log eval
["[emerg]", qr{"zone=b" of "admission_inventory" at \S+/stock\.conf:5 differs from "zone=a" at \S+/stock\.conf:2, there is one stock$}]



=== TEST 93: a quantity of nothing
--- config
location = /t {
    admission_inventory $arg_sku quantity=0;
}
--- error_log
[emerg]
invalid value "0" of "quantity=" in "admission_inventory", it must be a number from 1 to 1000000, or as many of them as there are SKUs, separated by commas, or have a variable, as "$arg_quantity" in



=== TEST 94: ... that is no number
--- config
location = /t {
    admission_inventory $arg_sku quantity=abc;
}
--- error_log
[emerg]
invalid value "abc" of "quantity=" in "admission_inventory", it must be a number from 1 to 1000000, or as many of them as there are SKUs, separated by commas, or have a variable, as "$arg_quantity" in



=== TEST 95: ... above the most
--- config
location = /t {
    admission_inventory $arg_sku quantity=1000001;
}
--- error_log
[emerg]
invalid value "1000001" of "quantity=" in "admission_inventory", it must be a number from 1 to 1000000, or as many of them as there are SKUs, separated by commas, or have a variable, as "$arg_quantity" in



=== TEST 96: ... the last of a list
--- config
location = /t {
    admission_inventory lamp,chair quantity=1,0;
}
--- error_log
[emerg]
invalid value "1,0" of "quantity=" in "admission_inventory", it must be a number from 1 to 1000000, or as many of them as there are SKUs, separated by commas, or have a variable, as "$arg_quantity" in



=== TEST 97: ... a list that ends with a comma
--- config
location = /t {
    admission_inventory $arg_sku quantity=1,;
}
--- error_log
[emerg]
invalid value "1," of "quantity=" in "admission_inventory", it must be a number from 1 to 1000000, or as many of them as there are SKUs, separated by commas, or have a variable, as "$arg_quantity" in



=== TEST 98: ... of no more than quotes
--- config
location = /t {
    admission_inventory $arg_sku quantity="";
}
--- error_log
[emerg]
invalid value """" of "quantity=" in "admission_inventory", it must be a number from 1 to 1000000, or as many of them as there are SKUs, separated by commas, or have a variable, as "$arg_quantity" in



=== TEST 99: one quantity of two
--- config
location = /t {
    admission_inventory lamp,chair quantity=1;
}
--- error_log
[emerg]
invalid value "1" of "quantity=" in "admission_inventory", it must have as many numbers as "lamp,chair" has SKUs in



=== TEST 100: ... and two of one
--- config
location = /t {
    admission_inventory lamp quantity=1,1;
}
--- error_log
[emerg]
invalid value "1,1" of "quantity=" in "admission_inventory", it must have as many numbers as "lamp" has SKUs in



=== TEST 101: ... of which one is known
--- config
location = /t {
    admission_inventory lamp quantity=$arg_n,1;
}
--- error_log
[emerg]
invalid value "$arg_n,1" of "quantity=" in "admission_inventory", it must have as many numbers as "lamp" has SKUs in



=== TEST 102: ... of at least two
--- config
location = /t {
    admission_inventory $arg_sku,bag quantity=1;
}
--- error_log
[emerg]
invalid value "1" of "quantity=" in "admission_inventory", it must have as many numbers as "$arg_sku,bag" has SKUs in



=== TEST 103: an owner of no more than quotes
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner="";
}
--- error_log
[emerg]
invalid value """" of "owner=" in "admission_idempotency", it must be whose key it is, as "$remote_user" in



=== TEST 104: ... and single ones
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner='';
}
--- error_log
[emerg]
invalid value "''" of "owner=" in "admission_idempotency", it must be whose key it is, as "$remote_user" in



=== TEST 105: a key that is forgotten
--- config
location = /t {
    admission_idempotency owner=$cookie_session;
}
--- error_log
[emerg]
"admission_idempotency" must have a key, as "$http_idempotency_key", before "owner=$cookie_session" in



=== TEST 106: a SKU that is forgotten
--- config
location = /t {
    admission_inventory quantity=$arg_n mode=reserve;
}
--- error_log
[emerg]
"admission_inventory" must have a SKU, as "$arg_sku", before "quantity=$arg_n" in



=== TEST 107: off, and a word that is none
--- config
location = /t {
    admission_idempotency off $arg_x;
}
--- error_log
[emerg]
"off" in "admission_idempotency" must stand alone in



=== TEST 108: off, and a parameter
--- config
location = /t {
    admission_inventory off mode=reserve;
}
--- error_log
[emerg]
"off" in "admission_inventory" must stand alone in



=== TEST 109: hold= of what is not reserved
--- config
location = /t {
    admission_inventory $arg_sku hold=5m;
}
--- error_log
[emerg]
"hold=" in "admission_inventory" has no use without "mode=reserve" in



=== TEST 110: ... commit= of what is not reserved
--- config
location = /t {
    admission_inventory $arg_sku commit=200 mode=check;
}
--- error_log
[emerg]
"commit=" in "admission_inventory" has no use without "mode=reserve" in



=== TEST 111: ... release= of what is not reserved
--- config
location = /t {
    admission_inventory $arg_sku release=4xx;
}
--- error_log
[emerg]
"release=" in "admission_inventory" has no use without "mode=reserve" in



=== TEST 112: ... unresolved= of what is not reserved
--- config
location = /t {
    admission_inventory $arg_sku unresolved=return;
}
--- error_log
[emerg]
"unresolved=" in "admission_inventory" has no use without "mode=reserve" in



=== TEST 113: a buyer who may have any number
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve buyer=$remote_user;
}
--- error_log
[emerg]
"buyer=" in "admission_inventory" has no use without "per_buyer=" in
