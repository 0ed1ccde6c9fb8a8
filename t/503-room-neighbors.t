# A waiting room beside what else stands in a shop's configuration.
#
# A room is put in front of a shop that runs: with error pages, caches, CORS,
# sub-requests, other limits and an upstream that knows nothing of it.  If the
# stock error page hides the line, nobody can wait; if a cache keeps an answer
# with a pass in it, everybody is let in; if a sub-request waits, a page that
# was let in falls apart.

use FindBin ();
use lib "$FindBin::Bin/process/lib";
use File::Temp ();
use Test::Nginx::Socket 'no_plan';

use AdmShopper qw(key_file mint);

my $secret = File::Temp->new;

chmod 0600, $secret;
print {$secret} key_file();
close $secret;

$ENV{TEST_NGINX_SECRET} = "$secret";
$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

our $UP = <<'END';
location /up/ { add_header X-Up yes; return 200 "up\n"; }
location = /up/ends {
    add_header Admission-Session end;
    return 200 "up\n";
}
location = /up/accel {
    add_header Admission-Session end;
    add_header X-Accel-Redirect /inner;
    return 200;
}
location = /up/cached {
    add_header Cache-Control "$http_x_cc";
    add_header X-Count $request_id;
    return 200 "up\n";
}
END

# one person is let in at once, and the next one hours later
our $AUTO = "mode auto; rate 1r/h;";

add_block_preprocessor(sub {
    my ($block) = @_;

    my $room = $block->room // "mode always; rate 1r/h;";
    my $config = $block->config;

    $config =~ s/up:/http:\/\/127.0.0.1:\$TEST_NGINX_SERVER_PORT\/up/g;

    $block->set_value(config => "$main::UP$config");
    $block->set_value(http_config => "admission_secret_file "
        . "\$TEST_NGINX_SECRET;\nadmission_room drop { $room }\n"
        . ($block->more_http // ""));
    $block->set_value(suppress_stderr => "");
    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

sub with_pass { return "Cookie: adm_drop=" . mint("pass", id => 1) }

no_long_string();
run_tests();

__DATA__

=== TEST 1: the stock error page does not hide the line
--- config
error_page 500 502 503 504 /50x.html;
location = /50x.html { return 200 "sorry\n"; }
location = /t { admission_wait drop; empty_gif; }
--- request
GET /t
--- error_code: 503
--- response_headers_like
Retry-After: \d+
Set-Cookie: adm_drop=.*
--- response_body_like: in_line



=== TEST 2: nor does it with proxy_intercept_errors, inside of a proxy
--- config
error_page 429 500 502 503 504 =200 @sorry;
proxy_intercept_errors on;
recursive_error_pages on;
location @sorry { return 200 "sorry\n"; }
location = /t { admission_wait drop; proxy_pass up:/; }
--- request
GET /t
--- more_headers
Accept: text/html
--- error_code: 503
--- response_body_like: You are in line



=== TEST 3: nor that the sale is over
--- room: mode always; rate 1r/h; ends 2020-01-01T00:00:00Z;
--- config
error_page 403 /403.html;
location = /403.html { return 200 "sorry\n"; }
location = /t { admission_wait drop; empty_gif; }
--- request
GET /t
--- error_code: 403
--- response_body_like: The sale is over



=== TEST 4: a preflight passes, and no other OPTIONS
--- config
location = /t { admission_wait drop; proxy_pass up:/; }
--- request eval
["OPTIONS /t", "OPTIONS /t", "GET /t"]
--- more_headers eval
["Origin: http://a.example\nAccess-Control-Request-Method: POST",
 "Origin: http://a.example",
 "Origin: http://a.example\nAccess-Control-Request-Method: POST"]
--- error_code eval
[200, 503, 503]
--- response_headers eval
["X-Up: yes\n! Set-Cookie", "! X-Up", "! X-Up"]



=== TEST 5: sub-requests pass: auth_request
--- config
location = /auth { admission_wait drop; proxy_pass up:/; }
location = /t { auth_request /auth; empty_gif; }
--- request
GET /t
--- response_headers
! Set-Cookie
--- response_body_like: GIF



=== TEST 6: sub-requests pass: what a page includes
--- config
admission_wait drop;
location /t { ssi on; ssi_types text/plain; alias $TEST_NGINX_HTML_DIR/page; }
location /part { proxy_pass up:/; }
--- user_files
>>> page
<<!--# include virtual="/part" -->>
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["", ::with_pass()]
--- error_code eval
[503, 200]
--- response_body_like eval
["in_line", '<up\s>']



=== TEST 7: it waits before it is asked who it is
--- config
location = /t {
    admission_wait drop;
    auth_basic shop;
    auth_basic_user_file $TEST_NGINX_HTML_DIR/users;
    empty_gif;
}
--- user_files
>>> users
nobody:x
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["", ::with_pass()]
--- error_code eval
[503, 401]



=== TEST 8: an answer that carries a new pass is for one client
--- room eval: $::AUTO
--- config
location = /t { admission_wait drop; proxy_pass up:/cached; }
--- request
GET /t
--- more_headers
X-CC: public, s-maxage=9, max-age=5
--- raw_response_headers_like chomp
Cache-Control: private, max-age=5\r?\n
--- raw_response_headers_unlike: public|s-maxage



=== TEST 9: and stays as it is when there is none
--- config
location = /t { admission_wait drop; proxy_pass up:/cached; }
--- request
GET /t
--- more_headers eval
"X-CC: public, s-maxage=9, max-age=5\n" . ::with_pass()
--- response_headers
Cache-Control: public, s-maxage=9, max-age=5
! Set-Cookie



=== TEST 10: what is private already
--- room eval: $::AUTO
--- config
location = /t { admission_wait drop; proxy_pass up:/cached; }
--- request
GET /t
--- more_headers
X-CC: Private, Max-Age=5,must-revalidate
--- response_headers
Cache-Control: private, Max-Age=5, must-revalidate



=== TEST 11: what is not to be kept at all
--- room eval: $::AUTO
--- config
location = /t { admission_wait drop; proxy_pass up:/cached; }
--- request
GET /t
--- more_headers
X-CC: no-store, max-age=5
--- response_headers
Cache-Control: no-store, max-age=5



=== TEST 12: Cache-Control of the location's own
--- room eval: $::AUTO
--- config
location = /t {
    admission_wait drop;
    add_header Cache-Control "public, s-maxage=9";
    empty_gif;
}
--- request
GET /t
--- raw_response_headers_like: Set-Cookie: adm_drop=
--- raw_response_headers_unlike: public|s-maxage



=== TEST 13: Cache-Control by expires
--- room eval: $::AUTO
--- config
location = /t { admission_wait drop; expires 1h; empty_gif; }
--- request
GET /t
--- raw_response_headers_like chomp
Cache-Control: [^\r\n]*private
--- raw_response_headers_unlike: Cache-Control: max-age=\d+\r



=== TEST 14: a cache of nginx keeps no pass
--- room eval: $::AUTO
--- more_http
proxy_cache_path cache keys_zone=shop:1m;
--- config
location = /t {
    admission_wait drop;
    proxy_cache shop;
    proxy_cache_valid 200 1h;
    add_header X-Cache $upstream_cache_status;
    proxy_pass up:/cached;
}
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
my $cc = "X-CC: max-age=60\n";
[$cc, $cc . ::with_pass(), $cc]
--- error_code eval
[200, 200, 503]
--- response_headers eval
["X-Cache: MISS\nCache-Control: private, max-age=60",
 "X-Cache: HIT\n! Set-Cookie\n! Admission-Token\nCache-Control: max-age=60",
 "! X-Cache"]



=== TEST 15: the upstream's own cookies stay
--- room eval: $::AUTO
--- config
location = /t { admission_wait drop; proxy_pass up:/; add_header Set-Cookie a=b; }
--- request
GET /t
--- raw_response_headers_like chomp
Set-Cookie: a=b\r?\n[\s\S]*Set-Cookie: adm_drop=



=== TEST 16: Admission-Session is not the client's to see
--- config
location = /t { admission_wait drop; proxy_pass up:/ends; }
--- request
GET /t
--- more_headers eval
::with_pass()
--- response_headers
Set-Cookie: adm_drop=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax
! Admission-Token
! Admission-Session



=== TEST 17: a place is free when the session ends, also behind X-Accel-Redirect
--- room: mode auto; rate 100r/s; max_active 1;
--- config
location = /inner { internal; return 200 "inner\n"; }
location = /t { admission_wait drop; proxy_pass up:$arg_p; }
--- request eval
["GET /t?p=/ends", "GET /t?p=/accel", "GET /t?p=/accel", "GET /t?p=/",
 "GET /t?p=/"]
--- error_code eval
[200, 200, 200, 200, 503]
--- response_headers eval
["Set-Cookie: adm_drop=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
 ("Set-Cookie: adm_drop=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax") x 2,
 "! Admission-Session", ""]
--- response_body_like eval
["up", "inner", "inner", "up", "in_line"]



=== TEST 18: X-Accel-Redirect to where one waits: it was waited already
--- config
location = /file { internal; admission_wait drop; empty_gif; }
location = /up/file { add_header X-Accel-Redirect /file; return 200; }
location = /t { proxy_pass up:/file; }
--- request
GET /t
--- response_headers
Content-Type: image/gif
! Set-Cookie



=== TEST 19: an error page of the server waits no second time
--- config
admission_wait drop;
error_page 404 /missing.html;
location = /missing.html { alias $TEST_NGINX_HTML_DIR/missing; }
location = /t { alias $TEST_NGINX_HTML_DIR/none; }
--- user_files
>>> missing
not here
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["", ::with_pass()]
--- error_code eval
[503, 404]
--- response_body_like eval
["in_line", "not here"]



=== TEST 20: a limit behind the room: who is refused there has the pass
--- room: mode auto; rate 100r/s;
--- more_http
admission_rate one x rate=1r/h burst=0;
--- config
location = /t { admission_wait drop; admission_limit one; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers_like eval
["", "Set-Cookie: adm_drop=.*; Max-Age=600;.*\nAdmission-Token: .+"]
--- response_headers eval
["", "Cache-Control: no-store"]



=== TEST 21: and who waits has used up nothing of it
--- more_http
admission_rate one x rate=1r/h burst=0;
--- config
location = /t { admission_wait drop; admission_limit one; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
["", "Admission-Poll: 1", (::with_pass()) x 2]
--- error_code eval
[503, 200, 200, 429]



=== TEST 22: an error page of the limit's status: the pass is with it
--- room: mode auto; rate 100r/s;
--- more_http
admission_rate one x rate=1r/h burst=0;
--- config
error_page 429 /429.html;
location = /429.html { return 200 "slow down\n"; }
location = /t { admission_wait drop; admission_limit one; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers_like eval
["", "Set-Cookie: adm_drop=.*; Max-Age=600;.*"]
--- response_body_like eval
["GIF", "slow down"]



=== TEST 23: two rooms: each with its own cookie
--- room: mode auto; rate 100r/s;
--- more_http
admission_room vip { mode auto; rate 100r/s; }
--- config
location = /t { admission_wait drop; admission_wait vip; empty_gif; }
--- request
GET /t
--- raw_response_headers_like chomp
Set-Cookie: adm_drop=[\s\S]*Set-Cookie: adm_vip=



=== TEST 24: two rooms: in the one, and in line of the other
--- room: mode auto; rate 100r/s;
--- more_http
admission_room vip { mode always; rate 1r/h; }
--- config
location = /t { admission_wait drop; admission_wait vip; empty_gif; }
--- request
GET /t
--- error_code: 503
--- response_body_like: "policy":"vip".*"room":"vip","state":"waiting"
--- raw_response_headers_like chomp
Set-Cookie: adm_drop=[\s\S]*Set-Cookie: adm_vip=



=== TEST 25: two rooms: a poll says what one waits for
--- more_http
admission_room vip { mode always; rate 1r/h; }
--- config
location = /t { admission_wait drop; admission_wait vip; empty_gif; }
--- request
GET /t
--- more_headers eval
::with_pass() . "\nAdmission-Poll: 1"
--- response_body_like: "room":"vip","state":"waiting"



=== TEST 26: two rooms: the location's own take the place of the server's
--- more_http
admission_room vip { mode always; rate 1r/h; }
--- config
admission_wait drop;
location = /a { empty_gif; }
location = /b { admission_wait vip; empty_gif; }
--- request eval
["GET /a", "GET /b"]
--- error_code eval
[503, 503]
--- response_body_like eval
['"room":"drop"', '"room":"vip"']



=== TEST 27: two rooms: by way of try_files, one and then the other
--- more_http
admission_room vip { mode always; rate 1r/h; }
--- config
location = /t { admission_wait drop; root $TEST_NGINX_HTML_DIR; try_files /none @b; }
location @b { admission_wait vip; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["", ::with_pass(), ::with_pass() . "; adm_vip=" . ::mint("pass", room => "vip")]
--- error_code eval
[503, 503, 200]
--- response_body_like eval
['"room":"drop"', '"room":"vip"', 'GIF']



=== TEST 28: variables
--- config
location = /t {
    admission_wait drop;
    add_header X-Said "$admission_verdict,$admission_reason,$admission_policy,$admission_room,$admission_ticket,$admission_position,$admission_wait" always;
    empty_gif;
}
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
["", "", "Cookie: adm_drop=" . ::mint("pass", id => 7, ticket => 7),
 "Admission-Poll: 1"]
--- error_code eval
[503, 503, 200, 200]
--- response_headers_like eval
["X-Said: wait,in_line,drop,drop,1,1,0",
 'X-Said: wait,in_line,drop,drop,2,[12],\d+', "X-Said: admit,,,drop,7,,",
 'X-Said: wait,poll,drop,drop,3,[123],\d+']



=== TEST 29: variables in the access log
--- more_http
log_format room '$status $admission_verdict $admission_reason $admission_room $admission_ticket $admission_position $admission_wait.';
--- config
access_log logs/access.log room;
location = /t { admission_wait drop; empty_gif; }
--- request
GET /t
--- error_code: 503
--- access_log
503 wait in_line drop 1 1 0.



=== TEST 30: inside of if and limit_except
--- config
location = /t {
    admission_wait drop;
    if ($arg_a) { set $b 1; }
    limit_except GET { deny all; }
    empty_gif;
}
--- request eval
["GET /t?a=1", "POST /t", "POST /t"]
--- more_headers eval
["", "", ::with_pass()]
--- error_code eval
[503, 503, 403]



=== TEST 31: who has a pass is known by it to the demand, and by nothing else
--- more_http
admission_rate one x rate=1r/h burst=0;
--- config
location = /t { admission_wait drop; admission_limit one; empty_gif; }
location = /status { admission_status; }
--- request eval
[("GET /t") x 5, ["GET /sta", { value => "tus", delay_before => 1.2 }]]
--- more_headers eval
my $now = time;
[::with_pass(), ::with_pass(),
 (map { "User-Agent: a$_\nCookie: adm_drop="
        . ::mint("pass", id => 1, iat => $now - $_) } 1, 2),
 "Cookie: adm_drop=" . ::mint("pass", id => 2), "X-None: 1"]
--- error_code eval
[200, 429, 429, 429, 429, 200]
--- response_body_like eval
["", "", "", "", "", "\nadmission_offered_demand 0\\.3\n"]



=== TEST 32: what a neighbour says of storing does not count
--- room: mode auto; rate 100r/s;
--- config
location = /t {
    admission_wait drop;
    expires 1h;
    add_header Surrogate-Control "$arg_x-no-store-remote";
    add_header CDN-Cache-Control "max-age=9";
    empty_gif;
}
--- request eval
[map { "GET /t?x=" . "a" x $_ } 0 .. 9]
--- raw_response_headers_like eval
[("Set-Cookie: adm_drop=[\\s\\S]*Cache-Control: private") x 10]
--- raw_response_headers_unlike eval
[("Surrogate|CDN|\nCache-Control: max-age") x 10]
