# admission_zone: what nginx -t says of a wrong one.
#
# Who edits a configuration minutes before a sale has these sentences and
# nothing else.  One that does not name the value, what was expected or the
# other place costs the time that there is not; a wrong zone that is accepted
# costs the sale.

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

=== TEST 1: no name
--- http_config
admission_zone "" 1m;
--- error_log
[emerg]
invalid name "" in "admission_zone", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 2: a name with a space
--- http_config
admission_zone "my shop" 1m;
--- error_log
[emerg]
invalid name "my shop" in "admission_zone", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 3: a name that would have to be escaped in metrics
--- http_config
admission_zone 'a"b' 1m;
--- error_log
[emerg]
invalid name "a"b" in "admission_zone", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 4: a name that is not ASCII
--- http_config
admission_zone läden 1m;
--- error_log
[emerg]
invalid name "läden" in "admission_zone", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 5: a name one too long
--- http_config eval
"admission_zone " . "z" x 65 . " 1m;"
--- error_log eval
["[emerg]",
 'invalid name "' . "z" x 65 . '" in "admission_zone", it must be 1 to 64'
 . ' letters, digits, "_", "." or "-" in']



=== TEST 6: the name of limit_req_zone's parameter
--- http_config
admission_zone zone=shop:8m 8m;
--- error_log
[emerg]
invalid name "zone=shop:8m" in "admission_zone", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 7: the name that the counters have
A zone of that name would lie over the counters: neither could be attached.
--- http_config
admission_zone admission_counters 1m;
--- error_log
[emerg]
name "admission_counters" in "admission_zone" is reserved in



=== TEST 8: no size
--- http_config
admission_zone shop;
--- error_log
[emerg]
invalid number of arguments in "admission_zone" directive in



=== TEST 9: more than a size
--- http_config
admission_zone shop 8m 4k;
--- error_log
[emerg]
invalid number of arguments in "admission_zone" directive in



=== TEST 10: a size that is no number
--- http_config
admission_zone shop big;
--- error_log
[emerg]
invalid size "big" of "shop" in "admission_zone", it must be a number of bytes, or with "k" or "m", as "8m" in



=== TEST 11: a size in a unit of its own
--- http_config
admission_zone shop 8mb;
--- error_log
[emerg]
invalid size "8mb" of "shop" in "admission_zone", it must be a number of bytes, or with "k" or "m", as "8m" in



=== TEST 12: gigabytes, which sizes of nginx do not have
--- http_config
admission_zone shop 1g;
--- error_log
[emerg]
invalid size "1g" of "shop" in "admission_zone", it must be a number of bytes, or with "k" or "m", as "8m" in



=== TEST 13: a negative size
--- http_config
admission_zone shop -8m;
--- error_log
[emerg]
invalid size "-8m" of "shop" in "admission_zone", it must be a number of bytes, or with "k" or "m", as "8m" in



=== TEST 14: a fraction
--- http_config
admission_zone shop 1.5m;
--- error_log
[emerg]
invalid size "1.5m" of "shop" in "admission_zone", it must be a number of bytes, or with "k" or "m", as "8m" in



=== TEST 15: an empty size
--- http_config
admission_zone shop "";
--- error_log
[emerg]
invalid size "" of "shop" in "admission_zone", it must be a number of bytes, or with "k" or "m", as "8m" in



=== TEST 16: a size beyond all numbers
Wrapped around it might be a small one that is accepted.
--- http_config
admission_zone shop 99999999999999999999m;
--- error_log
[emerg]
invalid size "99999999999999999999m" of "shop" in "admission_zone", it must be a number of bytes, or with "k" or "m", as "8m" in



=== TEST 17: nothing
--- http_config
admission_zone shop 0;
--- error_log
[emerg]
of "shop" in "admission_zone" is too small, the minimum is 64k in



=== TEST 18: one kilobyte too little
--- http_config
admission_zone shop 63k;
--- error_log
[emerg]
of "shop" in "admission_zone" is too small, the minimum is 64k in



=== TEST 19: the same zone again
The sentence has to lead to the other place, which may be in another file.
--- user_files
>>> zones.conf
# zones of this node
admission_zone shop 8m;
--- http_config
include $TEST_NGINX_HTML_DIR/zones.conf;
admission_zone shop 8m;
--- error_log eval
["[emerg]",
 qr{zone "shop" is already defined at \S+/zones\.conf:2 in \S+/nginx\.conf:}]



=== TEST 20: a zone of another module
--- http_config
limit_req_zone $binary_remote_addr zone=shop:1m rate=1r/s;
admission_zone shop 8m;
--- error_log
[emerg]
the shared memory zone "shop" is already declared for a different use in



=== TEST 21: the default zone's name, used by another module
--- http_config
limit_req_zone $binary_remote_addr zone=admission:1m rate=1r/s;
admission_rate per_ip $binary_remote_addr rate=1r/s;
--- error_log
[emerg]
the shared memory zone "admission" is already declared for a different use in



=== TEST 22: more rates than a zone has places for
--- http_config eval
"admission_zone shop 8m;"
. CORE::join " ", map { "admission_rate r$_ \$uri rate=1r/s;" } 1 .. 129
--- error_log
[emerg]
zone "shop" has too many rates, at most 128



=== TEST 23: more rates than the first zone has places for
Rates without "zone=" are all in the first one, whatever comes behind it.
--- http_config eval
"admission_zone first 1m; admission_zone second 1m;"
. CORE::join " ", map { "admission_rate r$_ \$uri rate=1r/s;" } 1 .. 129
--- error_log
[emerg]
zone "first" has too many rates, at most 128



=== TEST 24: in a server
--- config
admission_zone shop 8m;
--- error_log
[emerg]
"admission_zone" directive is not allowed here in



=== TEST 25: outside of http
--- post_main_config
admission_zone shop 8m;
--- error_log
[emerg]
"admission_zone" directive is not allowed here in
