# admission_script, admission_run: what nginx -t says of wrong ones.
#
# A script that does not compile, or never ends, must be found by nginx -t and
# not by the first customer; and one that is bytecode, which nobody checks, or
# the wrong file, must not be run at all.

use Test::Nginx::Socket (($ENV{ADM_LUAJIT} // '') eq 'off'
    ? (skip_all => 'the module is built without LuaJIT') : 'no_plan');

$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

# every block here is a configuration that nginx must refuse
add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config =>
            'admission_script a $TEST_NGINX_HTML_DIR/a.lua;')
        if !defined $block->http_config;
    $block->set_value(user_files => ">>> a.lua\n" . $block->lua)
        if defined $block->lua;
    $block->set_value(config => "") if !defined $block->config;
    $block->set_value(request => "GET /");
    $block->set_value(must_die => "");
    $block->set_value(suppress_stderr => "");
    $block->set_value(no_error_log => "[alert]\n[crit]");
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a name, and no file
--- http_config
admission_script a;
--- error_log
[emerg]
invalid number of arguments in "admission_script" directive in



=== TEST 2: a file that is not there
--- http_config
admission_script a /nowhere/a.lua;
--- error_log
[emerg]
of script "/nowhere/a.lua" failed



=== TEST 3: a directory
--- http_config
admission_script a $TEST_NGINX_HTML_DIR;
--- error_log
[emerg]
" is not a regular file in



=== TEST 4: an empty file
--- user_files
>>> a.lua
--- error_log
[emerg]
 has 0 bytes, it must have 1 to 65536 in



=== TEST 5: a file that is too large for a script
--- lua eval
"-- " . "x" x 65536 . "\nreturn function() end\n"
--- error_log
[emerg]
 bytes, it must have 1 to 65536 in



=== TEST 6: no Lua: the line is told
--- lua
return function(request)
    if request.method = "GET" then
    end
end
--- error_log eval
[qr/\[emerg\] .*script "a" cannot be loaded from "\S+a\.lua": a\.lua:2: 'then' expected near '=' in /]



=== TEST 7: it returns nothing
--- lua
local function vip(request)
end
--- error_log
[emerg]
": a.lua: it returns a nil, it must return a function in



=== TEST 8: it returns an answer, which nobody has asked for
--- lua
return { class = "vip" }
--- error_log
[emerg]
": a.lua: it returns a table, it must return a function in



=== TEST 9: it never ends
--- lua
local n = 0
while true do
    n = n + 1
end
--- error_log eval
[qr/\[emerg\] .*: a\.lua:[23]: too many steps in /]



=== TEST 10: it takes all memory
--- lua
local all = {}
for i = 1, 100000 do
    all[i] = { i }
end
--- error_log
[emerg]
: too much memory in



=== TEST 11: a pattern that would not end
--- lua
local yes = ("a"):rep(10000):match(".-.-.-.-.-b")
--- error_log
[emerg]
: a.lua:1: too many steps in



=== TEST 12: it throws
--- lua
error("the list of customers is missing")
--- error_log
[emerg]
: a.lua:1: the list of customers is missing in



=== TEST 13: it throws what is no text
--- lua
error({})
--- error_log
[emerg]
: it threw what is no string in



=== TEST 14: bytecode
--- lua eval
"\eLJ\2\2\0"
--- error_log eval
[qr/\[emerg\] .*attempt to load chunk with wrong mode in /]



=== TEST 15: what would reach a file
--- lua
local f = io.open("/etc/passwd")
--- error_log
[emerg]
: a.lua:1: attempt to index global 'io' (a nil value) in



=== TEST 16: what would load code
--- lua
local f = loadstring("return 1")
--- error_log
[emerg]
: a.lua:1: attempt to call global 'loadstring' (a nil value) in



=== TEST 17: what would catch the end of a script that runs too long
--- lua
pcall(function() while true do end end)
--- error_log
[emerg]
: a.lua:1: attempt to call global 'pcall' (a nil value) in



=== TEST 18: what all scripts share is not changed
--- lua
string.sub = nil
--- error_log
[emerg]
: a.lua:1: "string" is read-only in



=== TEST 19: nor by a string
--- lua
local s = "x"
s.trim = 1
--- error_log
[emerg]
: a.lua:2: attempt to index local 's' (a string value) in



=== TEST 20: a name that is taken
--- http_config
admission_script a $TEST_NGINX_HTML_DIR/a.lua;
admission_script a $TEST_NGINX_HTML_DIR/a.lua;
--- lua
return function() end
--- error_log eval
[qr/\[emerg\] .*script "a" is already defined at \S+nginx\.conf:\d+ in /]



=== TEST 21: a name that is none
--- http_config
admission_script a/b $TEST_NGINX_HTML_DIR/a.lua;
--- error_log
[emerg]
"a/b"



=== TEST 22: an unknown script
--- lua
return function() end
--- config
location = /t { admission_run b; }
--- error_log eval
[qr/\[emerg\] .*unknown script "b" in "admission_run" at \S+nginx\.conf:\d+, "admission_script" defines "a"/]



=== TEST 23: the same script twice
--- lua
return function() end
--- config
location = /t { admission_run a; admission_run a; }
--- error_log eval
[qr/\[emerg\] .*run "a" is already set at \S+nginx\.conf:\d+ in /]
