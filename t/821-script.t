# admission_run: what a script is told, and what becomes of what it says.
#
# The site's rules are the first word on a request, and a wrong one is said to
# everybody: a class that is lost puts the best customers behind, a room that
# is chosen by mistake leaves the door open, and a script that fails must fail
# alone.

use Test::Nginx::Socket (($ENV{ADM_LUAJIT} // '') eq 'off'
    ? (skip_all => 'the module is built without LuaJIT') : 'no_plan');

$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

our $SAID = 'add_header X-Said "$admission_class/$admission_priority/'
    . '$admission_cost/$admission_key/$admission_word" always;';

add_block_preprocessor(sub {
    my ($block) = @_;

    my $lua = $block->lua // "return function() end\n";

    $lua = "return function(request)\n$lua\nend\n" if $lua !~ /^return f/m;

    $block->set_value(user_files => ">>> a.lua\n$lua"
        . (defined $block->second ? "\n>>> b.lua\n" . $block->second : ""));

    $block->set_value(http_config => join "\n",
        'admission_script a $TEST_NGINX_HTML_DIR/a.lua;',
        (defined $block->second
            ? 'admission_script b $TEST_NGINX_HTML_DIR/b.lua;' : ()),
        $block->more // '');

    $block->set_value(config => "$SAID\n" . ($block->config
        // 'location /t { admission_run a; empty_gif; }')
        . "location = /status { admission_status; }");

    $block->set_value(request => "GET /t") if !defined $block->request;
    $block->set_value(suppress_stderr => "");
    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]\n[error]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a script that says nothing
--- response_headers
X-Said: ////



=== TEST 2: all that a script may say
--- lua
return { class = "gold", priority = 0, cost = 3, key = "k-1", bypass = false }
--- response_headers
X-Said: gold/0/3/k-1/



=== TEST 3: what it is told
--- lua
local h = request.headers
return { key = table.concat({ request.method, request.uri,
    request.remote_addr, request.args.sku or "none",
    request.args.other or "none", h.host, h["x-many"], h.absent or "none",
    request.var.server_name, request.var.ARG_SKU, request.var.nonsense or "none",
    request.time > 1700000000 and "now" or "never" }, "|") }
--- request
GET /t/a%20b?sku=A%2d1&x=2
--- more_headers
Host: shop.example
X-Many: 1
X-Many: 2
--- response_headers
X-Said: ///GET|/t/a%20b|127.0.0.1|A-1|none|shop.example|1,%202|none|localhost|A%252d1|none|now/



=== TEST 4: an argument that says two things, or cannot be read, is false
--- lua
return { key = tostring(request.args.a) .. tostring(request.args.b)
               .. tostring(request.args.c) }
--- request
GET /t?a=1&a=2&b=%zz
--- response_headers
X-Said: ///falsefalsenil/



=== TEST 5: a key of a client: nothing that a variable could not have
--- lua
return { key = request.args.k }
--- request
GET /t?k=%00%0a%C3%A4%25%20x
--- response_headers
X-Said: ///%00%0A%C3%A4%25%20x/



=== TEST 6: ... nor of any length
--- lua
return { key = ("x"):rep(1000) }
--- response_headers eval
"X-Said: ///" . "x" x 253 . "/"



=== TEST 7: the answer is the cost and the key of a limit
--- lua
return { cost = 4, key = request.args.who }
--- more
admission_rate r $admission_key rate=1r/h burst=9;
--- config
location /t { admission_run a; admission_limit r cost=$admission_cost; empty_gif; }
--- request eval
["GET /t?who=a", "GET /t?who=a", "GET /t?who=a", "GET /t?who=b"]
--- error_code eval
[200, 200, 429, 200]



=== TEST 8: it refuses
--- lua
return { refuse = true, class = "robot" }
--- error_code: 403
--- response_headers
X-Said: robot////
! Retry-After
--- response_body_like chomp
"reason":"script","policy":"a"



=== TEST 9: ... as a limit, with a word of its own, which the log has
--- lua
return { refuse = { status = 429, reason = "two_carts", retry = 7 } }
--- error_code: 429
--- response_headers
X-Said: ////two_carts
Retry-After: 7
--- error_log
admission: limit by script "a", reason: script, retry after: 7 s, word: two_carts



=== TEST 10: ... as if there was no place
--- lua
return { refuse = { status = 503 } }
--- error_code: 503
--- response_headers_like
Retry-After: [1-3]
--- error_log
admission: shed by script "a", reason: script



=== TEST 11: false is no refusal, and no bypass
--- lua
return { refuse = false, bypass = false }



=== TEST 12: in a rehearsal a refusal is counted, and all pass
--- lua
return { refuse = { reason = "robot" } }
--- config
location /t { admission dry_run; admission_run a; empty_gif; }
--- request eval
["GET /t", "GET /status"]
--- error_code eval
[200, 200]
--- response_body_like eval
["GIF", qr/policy="script",name="a",verdict="closed",dry_run="1"\} 1\n/]



=== TEST 13: ... and logged
--- lua
return { refuse = { reason = "robot" } }
--- config
location /t { admission dry_run; admission_run a; empty_gif; }
--- error_log
admission: closed by script "a", reason: script, word: robot, dry run



=== TEST 14: bypass: no other policy applies, and it is counted
--- lua
return { bypass = request.args.staff == "1" }
--- more
admission_rate r $server_name rate=1r/h burst=0;
--- config
location /t { admission_run a; admission_limit r; empty_gif; }
--- request eval
["GET /t?staff=1", "GET /t?staff=1", "GET /t", "GET /t", "GET /t?staff=1",
 "GET /status"]
--- error_code eval
[200, 200, 200, 429, 200, 200]
--- response_body_like eval
["GIF", "GIF", "GIF", "reason", "GIF",
 qr/^admission_script_bypassed_total\{script="a"\} 3\n/m]



=== TEST 15: a bypass of a rehearsal does not open what is in force
--- lua
return { bypass = true }
--- more
admission_rate r $server_name rate=1r/h burst=0;
--- config
location /t {
    admission dry_run;
    admission_run a;
    try_files /nothing @shop;
}
location @shop { admission_limit r; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]



=== TEST 16: of two rooms the one that it names
--- lua
return { room = request.args.room }
--- more
admission_room vip { rate 1r/h; mode off; }
admission_room all { rate 1r/h; mode always; }
--- config
location /t { admission_run a; admission_wait vip; admission_wait all; empty_gif; }
--- request eval
["GET /t?room=vip", "GET /t?room=all", "GET /t"]
--- error_code eval
[200, 503, 503]



=== TEST 17: a room that is none of them is an error, and all apply
--- lua
return { room = "other" }
--- more
admission_room all { rate 1r/h; mode always; }
--- config
location /t { admission_run a; admission_wait all; empty_gif; }
--- error_code: 503
--- error_log
admission: script "a" has failed: "room" of the answer must be a room of an "admission_wait" of the location
--- no_error_log
[alert]



=== TEST 18: a room that was chosen is no way around that of another place
--- lua
return { room = "vip" }
--- more
admission_room vip { rate 1r/h; mode off; }
admission_room all { rate 1r/h; mode always; }
--- config
location /t { admission_run a; admission_wait vip; try_files /nothing @all; }
location @all { admission_wait all; empty_gif; }
--- error_code: 503



=== TEST 19: two scripts: each adds, the last word counts
--- lua
return { class = "a", priority = 3 }
--- second
return function() return { priority = 7, cost = 2 } end
--- config
location /t { admission_run a; admission_run b; empty_gif; }
--- response_headers
X-Said: a/7/2//



=== TEST 20: a bypass of the first does not silence the second
--- lua
return { bypass = true }
--- second
return function() return { refuse = true } end
--- config
location /t { admission_run a; admission_run b; empty_gif; }
--- error_code: 403



=== TEST 21: ... nor is it lost by a second that has nothing to say
--- lua
return { bypass = true }
--- second
return function() end
--- more
admission_rate r $server_name rate=1r/h burst=0;
--- config
location /t { admission_run a; admission_run b; admission_limit r; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[200, 200]



=== TEST 22: once for a request, wherever it stands
--- lua
return function(request)
    return { class = (request.var.admission_class or "") .. "x" }
end
--- config
location /t { admission_run a; try_files /nothing @shop; }
location @shop { admission_run a; empty_gif; }
--- response_headers
X-Said: x////



=== TEST 23: a field of the body is not waited for
--- lua
return { class = request.var.sku and "known" or "unknown" }
--- more
admission_body_field $sku json=/sku;
--- request
POST /t
{"sku":"A"}
--- error_code: 405
--- response_headers
X-Said: unknown////



=== TEST 24: ... nor is it lost for those who do
--- lua
return { class = request.var.sku and "known" or "unknown" }
--- more
admission_body_field $sku json=/sku;
admission_rate r $sku rate=1r/h burst=0;
--- config
location /t { admission_run a; admission_limit r; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/behind; }
location /behind { return 200 "behind\n"; }
--- request eval
["POST /t\n{\"sku\":\"A\"}", "POST /t\n{\"sku\":\"A\"}",
 "POST /t\n{\"sku\":\"B\"}"]
--- error_code eval
[200, 429, 200]
--- more_headers
Content-Type: application/json



=== TEST 25: what the file keeps is kept, within the process
--- lua
local n = 0

return function(request)
    n = n + 1
    return { class = "n" .. n }
end
--- request eval
["GET /t", "GET /t"]
--- response_headers eval
["X-Said: n1////", "X-Said: n2////"]



=== TEST 26: the library, as Lua has it
--- lua
local words = {}
for word in ("red, green,blue"):gmatch("%a+") do words[#words + 1] = word end
table.sort(words, function(a, b) return a > b end)
local text, n = ("a-b-c"):gsub("%-", "+")
local swapped = ("key=value"):gsub("(%w+)=(%w+)", "%2=%1")
local upper = ("shop"):gsub("^%l", string.upper)
local all = table.concat(words, ",") .. ";" .. text .. n .. ";" .. swapped
    .. ";" .. upper .. ";" .. ("x"):rep(3) .. ";"
    .. tostring(("a.b"):find(".", 1, true)) .. ";" .. bit.band(7, 5)
    .. ";" .. math.max(1, 2) .. ";" .. string.format("%03d", 7)
table.insert(words, 1, "first")
return { key = all .. ";" .. words[1] .. table.remove(words) .. #words }
--- response_headers
X-Said: ///red,green,blue;a+b+c2;value=key;Shop;xxx;2;5;2;007;firstblue3/



=== TEST 27: one that no location runs
--- second
return function() end
--- response_headers
X-Said: ////
--- grep_error_log eval: qr/\w+ "\w+" at .* has no effect.*/
--- grep_error_log_out eval
qr{\Ascript "b" at \S+/nginx\.conf:\d+ has no effect: no "admission_run" puts it before a location\n\z}
