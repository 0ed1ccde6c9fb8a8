# admission_limit: what nginx -t says of a wrong one.
#
# A limit that names no rate, or names it wrongly, would leave the checkout
# without any; the sentence has to say which names there are, since the rate
# stands in another file than the location.

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
--- config
location = /t { admission_limit; }
--- error_log
[emerg]
invalid number of arguments in "admission_limit" directive in



=== TEST 2: a bad name
--- config
location = /t { admission_limit zone=per_ip; }
--- error_log
[emerg]
invalid name "zone=per_ip" in "admission_limit", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 3: an unknown rate, and none at all
--- user_files
>>> limits.conf
location = /t {
    admission_limit per_ip;
}
--- config
include $TEST_NGINX_HTML_DIR/limits.conf;
--- error_log eval
["[emerg]",
 qr{unknown rate "per_ip" in "admission_limit" at \S+/limits\.conf:2, "admission_rate" defines none$}]



=== TEST 4: an unknown rate, beside known ones
--- http_config
admission_rate one $uri rate=1r/s;
admission_rate two $uri rate=1r/s;
--- user_files
>>> limits.conf

location = /t { admission_limit One; }
--- config
include $TEST_NGINX_HTML_DIR/limits.conf;
--- error_log eval
["[emerg]",
 qr{unknown rate "One" in "admission_limit" at \S+/limits\.conf:2, "admission_rate" defines "one", "two"$}]



=== TEST 5: an unknown rate in http
--- http_config
admission_limit per_ip;
--- error_log
[emerg]
unknown rate "per_ip" in "admission_limit" at
, "admission_rate" defines none



=== TEST 6: an unknown rate in a server
--- config
admission_limit per_ip;
--- error_log
[emerg]
unknown rate "per_ip" in "admission_limit" at
, "admission_rate" defines none



=== TEST 7: an unknown rate at a level whose limits nobody inherits
--- http_config
admission_rate known $uri rate=1r/s;
--- config
admission_limit per_ip;
location / { admission_limit known; }
--- error_log
[emerg]
unknown rate "per_ip" in "admission_limit" at
, "admission_rate" defines "known"



=== TEST 8: twice at one level
Both would charge: the shop would have half of the limit that it reads.
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s;
--- user_files
>>> limits.conf
# limits of the checkout
admission_limit per_ip burst=1;
--- config
location = /t {
    include $TEST_NGINX_HTML_DIR/limits.conf;
    admission_limit per_ip burst=2;
}
--- error_log eval
["[emerg]",
 qr{limit "per_ip" is already set at \S+/limits\.conf:2 in \S+/nginx\.conf:}]



=== TEST 9: an unknown parameter
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s;
--- config
location = /t { admission_limit per_ip nodelay; }
--- error_log
[emerg]
invalid parameter "nodelay" of limit "per_ip", it must be "burst=" or "cost=" in



=== TEST 10: a parameter of the rate
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s;
--- config
location = /t { admission_limit per_ip rate=5r/s; }
--- error_log
[emerg]
invalid parameter "rate=5r/s" of limit "per_ip", it must be "burst=" or "cost=" in



=== TEST 11: a burst that is no number
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s;
--- config
location = /t { admission_limit per_ip burst=x; }
--- error_log
[emerg]
invalid burst "x" of "per_ip" in "admission_limit", it must be a number from 0 to 1000000 in



=== TEST 12: a burst out of a variable
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s;
--- config
location = /t { admission_limit per_ip burst=$arg_burst; }
--- error_log
[emerg]
invalid burst "$arg_burst" of "per_ip" in "admission_limit", it must be a number from 0 to 1000000 in



=== TEST 13: a burst one above the largest
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s;
--- config
location = /t { admission_limit per_ip burst=1000001; }
--- error_log
[emerg]
invalid burst "1000001" of "per_ip" in "admission_limit", it must be a number from 0 to 1000000 in



=== TEST 14: a burst that is too long for the rate
It is known only when all rates are: the sentence has the place of the limit.
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/d;
--- user_files
>>> limits.conf
location = /t {
    admission_limit per_ip
                    burst=198;
}
--- config
include $TEST_NGINX_HTML_DIR/limits.conf;
--- error_log eval
["[emerg]",
 qr{burst 198 of "per_ip" in "admission_limit" takes more than 198 days to drain, it must be at most 197 in \S+/limits\.conf:[23]$}]



=== TEST 15: a cost with a variable that nobody has
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s;
--- config
location = /t { admission_limit per_ip cost=$no_such_cost; }
--- error_log
[emerg]
unknown "no_such_cost" variable



=== TEST 16: in an if
It looks as if it limited what the condition says, and is a level of its own.
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s;
--- config
location = /t { if ($arg_x) { admission_limit per_ip; } }
--- error_log
[emerg]
"admission_limit" directive is not allowed here in



=== TEST 17: outside of http
--- post_main_config
admission_limit per_ip;
--- error_log
[emerg]
"admission_limit" directive is not allowed here in



=== TEST 18: a parameter twice
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s;
--- config
location = /t { admission_limit per_ip burst=1 cost=2 burst=3; }
--- error_log
[emerg]
duplicate parameter "burst=3" of "per_ip" in "admission_limit" in



=== TEST 19: a cost that is no number
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=5;
--- config
location = /t { admission_limit per_ip cost=abc; }
--- error_log
[emerg]
invalid cost "abc" of "per_ip" in "admission_limit", it must be a number from 0 to 1000000 in



=== TEST 20: ... below 0
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=5;
--- config
location = /t { admission_limit per_ip cost=-1; }
--- error_log
[emerg]
invalid cost "-1" of "per_ip" in "admission_limit", it must be a number from 0 to 1000000 in



=== TEST 21: ... too large for any
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=5;
--- config
location = /t { admission_limit per_ip cost=1000001; }
--- error_log
[emerg]
invalid cost "1000001" of "per_ip" in "admission_limit", it must be a number from 0 to 1000000 in



=== TEST 22: ... in quotes that are none
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=5;
--- config
location = /t { admission_limit per_ip cost=""; }
--- error_log
[emerg]
invalid cost """" of "per_ip" in "admission_limit", it must be a number from 0 to 1000000 in



=== TEST 23: a cost that the burst never lets through
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=5;
--- config
location = /t { admission_limit per_ip cost=7; }
--- error_log
[emerg]
cost 7 of "per_ip" in "admission_limit" can never pass with burst 5, it must be at most 6 in



=== TEST 24: ... the burst of this limit
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/s burst=5;
--- config
location = /t { admission_limit per_ip cost=6 burst=4; }
--- error_log
[emerg]
cost 6 of "per_ip" in "admission_limit" can never pass with burst 4, it must be at most 5 in



=== TEST 25: ... of a rate that is defined later
--- http_config
server { admission_limit per_ip cost=7; }
admission_rate per_ip $binary_remote_addr rate=1r/s burst=5;
--- error_log eval
["[emerg]", qr{cost 7 of "per_ip" .* at most 6 in \S+/nginx\.conf:\d+}]
