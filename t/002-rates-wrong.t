# admission_rate: what nginx -t says of a wrong one.
#
# A rate that is read otherwise than it was meant ("10r/ss", "+5r/s", a burst
# that wraps around) lets through what it should stop, or stops all; both are
# noticed in the middle of a sale.  Whatever is not understood has to be
# refused with a sentence that says what would have been.

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

=== TEST 1: a bad name
--- http_config
admission_rate "per ip" $binary_remote_addr rate=1r/s;
--- error_log
[emerg]
invalid name "per ip" in "admission_rate", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 2: no rate
--- http_config
admission_rate per_ip $binary_remote_addr;
--- error_log
[emerg]
"admission_rate" of "per_ip" must have "rate" parameter, as "rate=10r/s" in



=== TEST 3: no rate, but the rest
--- http_config
admission_rate per_ip $binary_remote_addr burst=5 scope=node;
--- error_log
[emerg]
"admission_rate" of "per_ip" must have "rate" parameter, as "rate=10r/s" in



=== TEST 4: no key
--- http_config
admission_rate per_ip;
--- error_log
[emerg]
invalid number of arguments in "admission_rate" directive in



=== TEST 5: the rate where the key should stand
--- http_config
admission_rate per_ip rate=1r/s;
--- error_log
[emerg]
"admission_rate" must have a key, as "$binary_remote_addr", before "rate=1r/s" in



=== TEST 6: a key with a variable that nobody has
--- http_config
admission_rate per_ip $no_such_variable rate=1r/s;
--- error_log
[emerg]
unknown "no_such_variable" variable



=== TEST 7: the same rate again
--- user_files
>>> rates.conf

# a comment
admission_rate per_ip $binary_remote_addr rate=1r/s;
--- http_config
include $TEST_NGINX_HTML_DIR/rates.conf;
admission_rate per_ip $binary_remote_addr rate=2r/s;
--- error_log eval
["[emerg]",
 qr{rate "per_ip" is already defined at \S+/rates\.conf:3 in \S+/nginx\.conf:}]



=== TEST 8: an unknown parameter
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s nodelay;
--- error_log
[emerg]
invalid parameter "nodelay" of rate "per_ip", it must be "rate=", "burst=", "scope=" or "zone=" in



=== TEST 9: a parameter with a space around its sign
--- http_config
admission_rate per_ip $binary_remote_addr rate =1r/s;
--- error_log
[emerg]
invalid parameter "rate" of rate "per_ip", it must be "rate=", "burst=", "scope=" or "zone=" in



=== TEST 10: a parameter in capital letters
--- http_config
admission_rate per_ip $binary_remote_addr RATE=1r/s;
--- error_log
[emerg]
invalid parameter "RATE=1r/s" of rate "per_ip", it must be "rate=", "burst=", "scope=" or "zone=" in



=== TEST 11: a parameter of the use
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s cost=2;
--- error_log
[emerg]
invalid parameter "cost=2" of rate "per_ip", it must be "rate=", "burst=", "scope=" or "zone=" in


=== TEST 12: a rate, no unit
--- http_config
admission_rate per_ip $binary_remote_addr rate=10;
--- error_log
[emerg]
invalid rate "10" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 13: a rate, no slash
--- http_config
admission_rate per_ip $binary_remote_addr rate=10rs;
--- error_log
[emerg]
invalid rate "10rs" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 14: a rate, nothing but the unit
--- http_config
admission_rate per_ip $binary_remote_addr rate=r/s;
--- error_log
[emerg]
invalid rate "r/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 15: a rate, empty
--- http_config
admission_rate per_ip $binary_remote_addr rate=;
--- error_log
[emerg]
invalid rate "" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 16: a rate, zero
--- http_config
admission_rate per_ip $binary_remote_addr rate=0r/s;
--- error_log
[emerg]
invalid rate "0r/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 17: a rate, negative
--- http_config
admission_rate per_ip $binary_remote_addr rate=-1r/s;
--- error_log
[emerg]
invalid rate "-1r/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 18: a rate, with a sign
--- http_config
admission_rate per_ip $binary_remote_addr rate=+5r/s;
--- error_log
[emerg]
invalid rate "+5r/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 19: a rate, a fraction, as limit_req has none
--- http_config
admission_rate per_ip $binary_remote_addr rate=0.5r/s;
--- error_log
[emerg]
invalid rate "0.5r/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 20: a rate, in hexadecimal
--- http_config
admission_rate per_ip $binary_remote_addr rate=0x10r/s;
--- error_log
[emerg]
invalid rate "0x10r/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 21: a rate, a thousand with its letter
--- http_config
admission_rate per_ip $binary_remote_addr rate=1kr/s;
--- error_log
[emerg]
invalid rate "1kr/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 22: a rate, with a comma
--- http_config
admission_rate per_ip $binary_remote_addr rate=1,000r/s;
--- error_log
[emerg]
invalid rate "1,000r/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 23: a rate, one above the largest
--- http_config
admission_rate per_ip $binary_remote_addr rate=1000001r/s;
--- error_log
[emerg]
invalid rate "1000001r/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 24: a rate, beyond all numbers: 2^64 + 1
--- http_config
admission_rate per_ip $binary_remote_addr rate=18446744073709551617r/s;
--- error_log
[emerg]
invalid rate "18446744073709551617r/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 25: a rate, one letter more
--- http_config
admission_rate per_ip $binary_remote_addr rate=10r/ss;
--- error_log
[emerg]
invalid rate "10r/ss" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 26: a rate, a word for the unit
--- http_config
admission_rate per_ip $binary_remote_addr rate=10r/sec;
--- error_log
[emerg]
invalid rate "10r/sec" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 27: a rate, a unit that there is not
--- http_config
admission_rate per_ip $binary_remote_addr rate=10r/w;
--- error_log
[emerg]
invalid rate "10r/w" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 28: a rate, a unit in capital letters
--- http_config
admission_rate per_ip $binary_remote_addr rate=10r/S;
--- error_log
[emerg]
invalid rate "10r/S" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 29: a rate, requests in capital letters
--- http_config
admission_rate per_ip $binary_remote_addr rate=10R/s;
--- error_log
[emerg]
invalid rate "10R/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 30: a rate, in the notation of others
--- http_config
admission_rate per_ip $binary_remote_addr rate=10/s;
--- error_log
[emerg]
invalid rate "10/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 31: a rate, a space before the unit
--- http_config
admission_rate per_ip $binary_remote_addr "rate=10 r/s";
--- error_log
[emerg]
invalid rate "10 r/s" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 32: a rate, a space behind
--- http_config
admission_rate per_ip $binary_remote_addr "rate=10r/s ";
--- error_log
[emerg]
invalid rate "10r/s " of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 33: a rate, without any limit
--- http_config
admission_rate per_ip $binary_remote_addr rate=unlimited;
--- error_log
[emerg]
invalid rate "unlimited" of "per_ip" in "admission_rate", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in


=== TEST 34: a burst that is no number
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=many;
--- error_log
[emerg]
invalid burst "many" of "per_ip" in "admission_rate", it must be a number from 0 to 1000000 in



=== TEST 35: an empty burst
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=;
--- error_log
[emerg]
invalid burst "" of "per_ip" in "admission_rate", it must be a number from 0 to 1000000 in



=== TEST 36: a negative burst
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=-1;
--- error_log
[emerg]
invalid burst "-1" of "per_ip" in "admission_rate", it must be a number from 0 to 1000000 in



=== TEST 37: a burst with a unit
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=10k;
--- error_log
[emerg]
invalid burst "10k" of "per_ip" in "admission_rate", it must be a number from 0 to 1000000 in



=== TEST 38: a burst one above the largest
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=1000001;
--- error_log
[emerg]
invalid burst "1000001" of "per_ip" in "admission_rate", it must be a number from 0 to 1000000 in



=== TEST 39: a burst that would be a small one if it wrapped around
2^64 + 5.
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=18446744073709551621;
--- error_log
[emerg]
invalid burst "18446744073709551621" of "per_ip" in "admission_rate", it must be a number from 0 to 1000000 in



=== TEST 40: a burst that nobody lives to see drained
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/d burst=1000000;
--- error_log
[emerg]
burst 1000000 of "per_ip" in "admission_rate" takes more than 198 days to drain, it must be at most 197 in



=== TEST 41: a burst one day too long
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/d burst=198;
--- error_log
[emerg]
burst 198 of "per_ip" in "admission_rate" takes more than 198 days to drain, it must be at most 197 in



=== TEST 42: a scope that there is not
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s scope=worker;
--- error_log
[emerg]
invalid scope "worker" of rate "per_ip", it must be "node", "fleet" or "exact" in



=== TEST 43: an empty scope
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s scope=;
--- error_log
[emerg]
invalid scope "" of rate "per_ip", it must be "node", "fleet" or "exact" in



=== TEST 44: a scope that begins as one of ours
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s scope=exactly;
--- error_log
[emerg]
invalid scope "exactly" of rate "per_ip", it must be "node", "fleet" or "exact" in



=== TEST 45: a scope that shares among nodes, without a store to do so
Taken for "node" it would admit as many times the rate as there are nodes.
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s scope=fleet;
--- error_log
[emerg]
"scope=fleet" of rate "per_ip" requires "admission_redis", by which nodes share it, in



=== TEST 46: a bad zone name
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s zone=my:shop;
--- error_log
[emerg]
invalid name "my:shop" in "admission_rate", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 47: an empty zone name
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s zone=;
--- error_log
[emerg]
invalid name "" in "admission_rate", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 48: a zone with its size, as limit_req_zone has it
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s zone=shop:8m;
--- error_log
[emerg]
invalid name "shop:8m" in "admission_rate", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 49: an unknown zone, and none at all
--- user_files
>>> rates.conf
# rates of this node
admission_rate per_ip $binary_remote_addr rate=1r/s zone=shop;
--- http_config
include $TEST_NGINX_HTML_DIR/rates.conf;
--- error_log eval
["[emerg]",
 qr{unknown zone "shop" of rate "per_ip" at \S+/rates\.conf:2, "admission_zone" defines none$}]



=== TEST 50: an unknown zone, beside known ones
--- user_files
>>> rates.conf
admission_rate per_ip $binary_remote_addr rate=1r/s zone=shop;
--- http_config
admission_zone one 1m;
admission_zone two 1m;
include $TEST_NGINX_HTML_DIR/rates.conf;
--- error_log eval
["[emerg]",
 qr{unknown zone "shop" of rate "per_ip" at \S+/rates\.conf:1, "admission_zone" defines "one", "two"$}]



=== TEST 51: in a server
--- config
admission_rate per_ip $binary_remote_addr rate=1r/s;
--- error_log
[emerg]
"admission_rate" directive is not allowed here in



=== TEST 52: in a location
--- config
location = /t { admission_rate per_ip $binary_remote_addr rate=1r/s; }
--- error_log
[emerg]
"admission_rate" directive is not allowed here in



=== TEST 53: a parameter twice
Whichever of the two was taken, somebody meant the other.
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=2 rate=9r/s;
--- error_log
[emerg]
duplicate parameter "rate=9r/s" of "per_ip" in "admission_rate" in



=== TEST 54: another parameter where the key should stand
--- http_config
admission_rate per_ip zone=shop rate=1r/s;
--- error_log
[emerg]
"admission_rate" must have a key, as "$binary_remote_addr", before "zone=shop" in
