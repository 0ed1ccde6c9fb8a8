# The content handlers: what nginx -t says of a wrong one.
#
# The switch of the whole node stands behind one of these words.  One that was
# misspelt, put where it has no paths below it, or put beside another handler
# that nginx silently prefers has to be found before the sale, not in it.

use Test::Nginx::Socket 'no_plan';

# every block here is a configuration that nginx must refuse
add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(request => "GET /");
    $block->set_value(must_die => "");
    $block->set_value(suppress_stderr => "");
    $block->set_value(no_error_log => "[alert]\n[crit]");
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: admission_health, a word that there is not
--- config
location = /health { admission_health strickt; }
--- error_log
[emerg]
invalid parameter "strickt" in "admission_health", it must be "strict" or nothing in



=== TEST 2: admission_health, which anybody may ask
--- config
location = /health { admission_health public; }
--- error_log
[emerg]
invalid parameter "public" in "admission_health", it must be "strict" or nothing in



=== TEST 3: admission_health, two words
--- config
location = /health { admission_health strict strict; }
--- error_log
[emerg]
invalid number of arguments in "admission_health" directive in



=== TEST 4: admission_health, a word that begins as ours
--- config
location = /health { admission_health strictly; }
--- error_log
[emerg]
invalid parameter "strictly" in "admission_health"



=== TEST 5: admission_health, an empty word
--- config
location = /health { admission_health ""; }
--- error_log
[emerg]
invalid parameter "" in "admission_health"



=== TEST 6: admission_health, twice
--- config
location = /health { admission_health; admission_health strict; }
--- error_log
[emerg]
"admission_health" directive is duplicate in



=== TEST 7: admission_health, in a server
--- config
admission_health;
--- error_log
[emerg]
"admission_health" directive is not allowed here in



=== TEST 8: admission_health, in an if
--- config
location = /health { if ($arg_x) { admission_health; } }
--- error_log
[emerg]
"admission_health" directive is not allowed here in



=== TEST 9: admission_health, in a limit_except
--- config
location = /health { limit_except GET { admission_health; } }
--- error_log
[emerg]
"admission_health" directive is not allowed here in



=== TEST 10: admission_dashboard, a word that there is not
--- config
location = /dashboard { admission_dashboard pubic; }
--- error_log
[emerg]
invalid parameter "pubic" in "admission_dashboard", it must be "public", once, "control=/URI", once, or nothing in



=== TEST 11: admission_dashboard, the same word twice
--- config
location = /dashboard { admission_dashboard public public; }
--- error_log
[emerg]
invalid parameter "public" in "admission_dashboard", it must be "public", once, "control=/URI", once, or nothing in



=== TEST 12: admission_dashboard, two controls
--- config
location = /dashboard { admission_dashboard control=/a control=/b; }
--- error_log
[emerg]
invalid parameter "control=/b" in "admission_dashboard", it must be "public", once, "control=/URI", once, or nothing in



=== TEST 13: admission_dashboard, a control without a URI
--- config
location = /dashboard { admission_dashboard control=; }
--- error_log
[emerg]
invalid parameter "control=" in "admission_dashboard", it must be "public", once, "control=/URI", once, or nothing in



=== TEST 14: admission_dashboard, a control that is more than text
It stands in the page as it is: no variable, nothing that ends an attribute.
--- config
location = /dashboard { admission_dashboard control=/$arg_x/; }
--- error_log
[emerg]
invalid parameter "control=/$arg_x/" in "admission_dashboard"



=== TEST 15: admission_dashboard, a control with a quote
--- config
location = /dashboard { admission_dashboard 'control=/a"b'; }
--- error_log
[emerg]
invalid parameter "control=/a"b" in "admission_dashboard"



=== TEST 16: admission_dashboard, a control elsewhere
The page's policy lets it ask its own site alone: it would stay grey.
--- config
location = /dashboard { admission_dashboard control=http://edge2/control; }
--- error_log
[emerg]
invalid parameter "control=http://edge2/control" in "admission_dashboard"



=== TEST 17: admission_dashboard, three words
--- config
location = /dashboard { admission_dashboard public control=/a strict; }
--- error_log
[emerg]
invalid number of arguments in "admission_dashboard" directive in



=== TEST 18: admission_dashboard, a word of another directive
--- config
location = /dashboard { admission_dashboard strict; }
--- error_log
[emerg]
invalid parameter "strict" in "admission_dashboard", it must be "public", once, "control=/URI", once, or nothing in



=== TEST 19: admission_dashboard, in a server
--- config
admission_dashboard;
--- error_log
[emerg]
"admission_dashboard" directive is not allowed here in



=== TEST 20: admission_control, a word that there is not
--- config
location /control/ { admission_control private; }
--- error_log
[emerg]
invalid parameter "private" in "admission_control", it must be "public" or nothing in



=== TEST 21: admission_control, a word of another directive
--- config
location /control/ { admission_control control=/a; }
--- error_log
[emerg]
invalid parameter "control=/a" in "admission_control", it must be "public" or nothing in



=== TEST 22: admission_control, two words
--- config
location /control/ { admission_control public public; }
--- error_log
[emerg]
invalid number of arguments in "admission_control" directive in



=== TEST 23: admission_control, twice
--- config
location /control/ { admission_control; admission_control public; }
--- error_log
[emerg]
"admission_control" directive is duplicate in



=== TEST 24: admission_control, in an exact location
Nothing below it would ever be found there.
--- config
location = /control { admission_control; }
--- error_log
[emerg]
"admission_control" directive has paths below it, and so needs a location by prefix in



=== TEST 25: admission_control, in a location by a regular expression
--- config
location ~ ^/control { admission_control; }
--- error_log
[emerg]
"admission_control" directive has paths below it, and so needs a location by prefix in



=== TEST 26: admission_control, in one that does not look at case
--- config
location ~* ^/control { admission_control; }
--- error_log
[emerg]
"admission_control" directive has paths below it, and so needs a location by prefix in



=== TEST 27: admission_control, in a named location
--- config
location @control { admission_control; }
--- error_log
[emerg]
"admission_control" directive has paths below it, and so needs a location by prefix in



=== TEST 28: admission_control, in an if
--- config
location /control/ { if ($arg_x) { admission_control; } }
--- error_log
[emerg]
"admission_control" directive is not allowed here in



=== TEST 29: two handlers of ours, the health beside the status
nginx would take the last, and the first would never answer.
--- config
location = /t { admission_status; admission_health; }
--- error_log
[emerg]
"admission_health" directive stands beside another content handler of this module in



=== TEST 30: the dashboard beside the control
--- config
location /t/ { admission_control; admission_dashboard; }
--- error_log
[emerg]
"admission_dashboard" directive stands beside another content handler of this module in



=== TEST 31: the control beside the dashboard
--- config
location /t/ { admission_dashboard public; admission_control; }
--- error_log
[emerg]
"admission_control" directive stands beside another content handler of this module in



=== TEST 32: the status beside the health
--- config
location = /t { admission_health strict; admission_status; }
--- error_log
[emerg]
"admission_status" directive stands beside another content handler of this module in



=== TEST 33: admission_inventory_api, a word that there is not
--- config
location /stock/ { admission_inventory_api private; }
--- error_log
[emerg]
invalid parameter "private" in "admission_inventory_api", it must be "public" or nothing in



=== TEST 34: admission_inventory_api, two words
--- config
location /stock/ { admission_inventory_api public public; }
--- error_log
[emerg]
invalid number of arguments in "admission_inventory_api" directive in



=== TEST 35: admission_inventory_api, twice
--- config
location /stock/ { admission_inventory_api; admission_inventory_api; }
--- error_log
[emerg]
"admission_inventory_api" directive is duplicate in



=== TEST 36: admission_inventory_api, beside what has its resources
--- config
location /stock/ { admission_control; admission_inventory_api; }
--- error_log
[emerg]
"admission_inventory_api" directive stands beside another content handler of this module in



=== TEST 37: admission_inventory_api, in an exact location
--- config
location = /stock { admission_inventory_api; }
--- error_log
[emerg]
"admission_inventory_api" directive has paths below it, and so needs a location by prefix in
