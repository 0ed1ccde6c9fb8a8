# admission_script on a module that was built without LuaJIT.
#
# A configuration that is moved to such a machine must not start there without
# its rules: nginx -t says what is missing, and not that nobody knows such a
# directive.

use Test::Nginx::Socket (($ENV{ADM_LUAJIT} // '') ne 'off'
    ? (skip_all => 'the module is built with LuaJIT') : 'no_plan');

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "") if !defined $block->http_config;
    $block->set_value(request => "GET /t");
    $block->set_value(suppress_stderr => "");

    if ($block->error_log) {
        $block->set_value(must_die => "");
        $block->set_value(config => "") if !defined $block->config;
    }
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: admission_script
--- http_config
admission_script a a.lua;
--- error_log
[emerg]
"admission_script" requires LuaJIT, and this module was built without it in



=== TEST 2: admission_run
--- config
location = /t { admission_run a; }
--- error_log
[emerg]
"admission_run" requires LuaJIT, and this module was built without it in



=== TEST 3: what scripts would have said is empty, and limits take it so
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
add_header X-Said "<$admission_class$admission_priority$admission_cost$admission_key$admission_word>$admission_remaining" always;
location = /t { admission_limit a cost=$admission_cost; empty_gif; }
--- response_headers
X-Said: <>9
