# The switches: what nginx -t says of a wrong one.
#
# "admission of" in the hour of need, a log level that nobody reads, a status
# page that is open by a misspelt word: each has to stop nginx -t, and to say
# which words there are.

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

=== TEST 1: admission, without a word
--- config
location = /t { admission; }
--- error_log
[emerg]
invalid number of arguments in "admission" directive in



=== TEST 2: admission, two words
--- config
location = /t { admission on dry_run; }
--- error_log
[emerg]
invalid number of arguments in "admission" directive in



=== TEST 3: admission, another word
--- config
location = /t { admission of; }
--- error_log eval
["[emerg]", qr/invalid value "of" in "admission", it must be "on", "off" or "dry_run" in/]



=== TEST 4: admission, twice
--- config
location = /t { admission on; admission off; }
--- error_log
[emerg]
"admission" directive is duplicate in



=== TEST 5: admission, in an if
--- config
location = /t { if ($arg_x) { admission off; } }
--- error_log
[emerg]
"admission" directive is not allowed here in



=== TEST 6: admission_log_level, a level that there is not
--- config
location = /t { admission_log_level debug; }
--- error_log eval
["[emerg]", qr/invalid value "debug" in "admission_log_level", it must be "info", "notice", "warn" or "error" in/]



=== TEST 7: admission_log_level, twice
--- config
location = /t { admission_log_level info; admission_log_level warn; }
--- error_log
[emerg]
"admission_log_level" directive is duplicate in



=== TEST 8: admission_log_level, nothing
--- config
admission_log_level;
--- error_log
[emerg]
invalid number of arguments in "admission_log_level" directive in



=== TEST 9: admission_on_store_failure, nothing
--- config
admission_on_store_failure;
--- error_log
[emerg]
invalid number of arguments in "admission_on_store_failure" directive in



=== TEST 10: admission_on_store_failure, a word that there is not
--- config
admission_on_store_failure rate=drop;
--- error_log
[emerg]
invalid value "drop" of "rate=" in "admission_on_store_failure", it must be "local", "open" or "closed" in



=== TEST 11: admission_on_store_failure, a word without its policy
--- config
admission_on_store_failure open;
--- error_log
[emerg]
invalid parameter "open" in "admission_on_store_failure", it must be "rate=", "room=", "idempotency=" or "inventory=" in



=== TEST 12: admission_on_store_failure, an empty word
--- config
admission_on_store_failure rate=;
--- error_log
[emerg]
invalid value "" of "rate=" in "admission_on_store_failure", it must be "local", "open" or "closed" in



=== TEST 13: admission_on_store_failure, the second word is the wrong one
--- config
admission_on_store_failure rate=open plate=closed;
--- error_log
[emerg]
invalid parameter "plate=closed" in "admission_on_store_failure"



=== TEST 14: admission_on_store_failure, twice
--- config
location = /t {
    admission_on_store_failure rate=open;
    admission_on_store_failure rate=closed;
}
--- error_log
[emerg]
"admission_on_store_failure" directive is duplicate in



=== TEST 15: admission_site, a name that would have to be escaped
--- config
admission_site "shop\n";
--- error_log
[emerg]
" in "admission_site", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 16: admission_site, a variable
A label out of the request would let clients make metrics.
--- config
admission_site $host;
--- error_log
[emerg]
invalid name "$host" in "admission_site", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 17: admission_site, twice
--- config
admission_site one;
admission_site two;
--- error_log
[emerg]
"admission_site" directive is duplicate in



=== TEST 18: admission_site, in a location
--- config
location = /t { admission_site shop; }
--- error_log
[emerg]
"admission_site" directive is not allowed here in



=== TEST 19: admission_status, a word that there is not
--- config
location = /t { admission_status pubic; }
--- error_log
[emerg]
invalid parameter "pubic" in "admission_status", it must be "public" or nothing in



=== TEST 20: admission_status, a word that begins as ours
--- config
location = /t { admission_status publicly; }
--- error_log
[emerg]
invalid parameter "publicly" in "admission_status", it must be "public" or nothing in



=== TEST 21: admission_status, two words
--- config
location = /t { admission_status public json; }
--- error_log
[emerg]
invalid number of arguments in "admission_status" directive in



=== TEST 22: admission_status, twice
--- config
location = /t { admission_status; admission_status public; }
--- error_log
[emerg]
"admission_status" directive is duplicate in



=== TEST 23: admission_status, in a server
The whole site would be its counters.
--- config
admission_status;
--- error_log
[emerg]
"admission_status" directive is not allowed here in



=== TEST 24: a directive that is not ours
--- config
admission_limits per_ip;
--- error_log
[emerg]
unknown directive "admission_limits" in
