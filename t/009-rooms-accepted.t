# Rooms that are right: what has to be accepted, and what holds then.
#
# A wait that a location silently does not inherit is a door beside the line;
# a line of a configuration that is refused although it is right keeps a node
# from starting on the day of the sale.  And what is right but dangerous, as
# tokens that a restart makes void, has to be said, once, when nothing is at
# stake yet.

use File::Temp ();
use Test::Nginx::Socket 'no_plan';

my $keys = File::Temp->new(TEMPLATE => 'adm-keys-XXXXXX', TMPDIR => 1);
my $state = File::Temp->newdir(TEMPLATE => 'adm-state-XXXXXX', TMPDIR => 1);

print {$keys} 'k1:', 'a1' x 32, "\n";
close $keys or die "009: $keys: $!\n";

$ENV{TEST_NGINX_KEYS} = $keys->filename;
$ENV{TEST_NGINX_STATE} = $state->dirname;
$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

# a block with "secret" in its name has to do without the file of keys
add_block_preprocessor(sub {
    my ($block) = @_;

    my $secret = $block->name =~ /secret/
        ? '' : "admission_secret_file \$TEST_NGINX_KEYS;\n";

    $block->set_value(http_config => $secret . ($block->http_config // ''));

    # where nothing is refused nothing is to be warned of, but what has no use
    my @warnings = defined $block->request || defined $block->error_log
        ? () : qr/\[warn\](?!.* has no effect: no "admission_wait")/;

    $block->set_value(no_error_log => [@warnings, qw([alert] [emerg] [crit])])
        if !defined $block->no_error_log;
    $block->set_value(suppress_stderr => '') if defined $block->error_log;
    $block->set_value(request => 'GET /') if !defined $block->request;
    $block->set_value(config => '') if !defined $block->config;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: the smallest room
--- http_config
admission_room drop { rate 50r/s; }
--- config
location /buy { admission_wait drop; }



=== TEST 2: every setting
--- http_config
admission_zone shop 8m;
admission_room drop {
    zone       shop;
    mode       always;
    rate       100r/s;
    max_active 60000;
    session    10m fixed;
    claim      2m;
    grace      10m;
    join       $binary_remote_addr rate=20r/s burst=200;
    bind       $http_user_agent;
    cookie     line domain=shop.example samesite=strict secure=on;
    status     503;
    page       $TEST_NGINX_HTML_DIR/wait.html;
    ends       2099-11-27T12:00:00Z;
}
--- user_files
>>> wait.html
<title>{{title}}</title><p>{{detail}}</p><p>{{position}}</p>{{script}}



=== TEST 3: settings in any order, on one line, in a file of their own
--- http_config
admission_room drop { status 429; include $TEST_NGINX_HTML_DIR/more.conf; }
--- user_files
>>> more.conf
# what all our rooms have
session 5m; rate 10r/s;



=== TEST 4: the longest name, and the characters of names
--- http_config eval
"admission_room " . "d" x 64 . " { rate 1r/s; }"
. "admission_room Shop_1.a-Z { rate 1r/s; }"
--- config eval
"location /t { admission_wait " . "d" x 64 . "; admission_wait Shop_1.a-Z; }"



=== TEST 5: rates at the edges
--- http_config
admission_room a { rate 1r/s; }
admission_room b { rate 1000000r/s; }
admission_room c { rate 1r/d; }
admission_room d { rate 1000000r/d; }
admission_room e { rate 600r/m; }
admission_room f { rate 50r/h; }



=== TEST 6: times at the edges
--- http_config
admission_room a { rate 1r/s; session 1s; claim 1s; grace 0; }
admission_room b { rate 1r/s; session 30d; claim 1000s; grace 3000s; }
admission_room c { rate 1r/s; session 1h30m; claim 4000s; grace 0s; }



=== TEST 7: ceilings at the edges, and one that the rate just reaches
--- http_config
admission_room a { rate 1r/s; max_active 0; }
admission_room b { rate 1000r/s; max_active 1000000000; }
admission_room c { rate 100r/s; session 10m; max_active 60000; }
admission_room d { rate 1r/h; session 2h; max_active 2; }



=== TEST 8: joins
--- http_config
admission_room a { rate 1r/s; join $binary_remote_addr; }
admission_room b { rate 1r/s; join $remote_addr rate=1r/d burst=197; }
admission_room c { rate 1r/s; join "$arg_a:$arg_b" burst=0; }
admission_room d { rate 1r/s; join "" burst=1000000 rate=1000000r/s; }



=== TEST 9: cookies
--- http_config
admission_room a { rate 1r/s; cookie Line; }
admission_room b { rate 1r/s; cookie line; }
admission_room c { rate 1r/s; cookie a samesite=none; }
admission_room d { rate 1r/s; cookie _a samesite=none secure=on; }
admission_room e { rate 1r/s; cookie "!#%&'*+-.^_`|~" secure=off; }
admission_room f { rate 1r/s; cookie c domain=a-b.shop.example samesite=lax; }



=== TEST 10: cookie, the longest name
--- http_config eval
"admission_room a { rate 1r/s; cookie " . "c" x 64 . "; }"



=== TEST 11: moments
--- http_config
admission_room a { rate 1r/s; ends 2028-02-29T23:59:59.5Z; }
admission_room b { rate 1r/s; ends 2099-11-27T12:00:00+01:00; }
admission_room c { rate 1r/s; ends 2099-11-27t12:00:00z; }



=== TEST 12: as many rooms as there may be
--- http_config eval
CORE::join " ", map { "admission_room r$_ { rate 1r/s; }" } 1 .. 15



=== TEST 13: a room, a rate and a zone of one name
--- http_config
admission_zone drop 8m;
admission_rate drop $server_name rate=1r/h burst=0;
admission_room drop { rate 1r/s; mode off; }
--- config
location = /t { admission_wait drop; admission_limit drop; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]



=== TEST 14: the use before the room, the room before its zone
--- http_config
admission_wait late;
admission_room late { zone later; mode always; rate 1r/s; }
admission_zone first 1m;
admission_zone later 8m;
--- config
location = /t { empty_gif; }
--- request
GET /t
--- error_code: 503



=== TEST 15: without a zone, one is made
--- http_config
admission_room drop { rate 1r/s; }
--- config
location = /status { admission_status; }
--- request
GET /status
--- response_body_like: (?m)^admission_zone_used_ratio\{zone="admission",table="rate"\} 0\.000$



=== TEST 16: waits of http, of a server, of a location around
--- http_config
admission_room drop { rate 1r/s; mode always; }
admission_wait drop;
--- config
location = /t { empty_gif; }
location /u { location /u/v { location = /u/v/w { empty_gif; } } }
--- request eval
["GET /t", "GET /u/v/w"]
--- error_code eval
[503, 503]



=== TEST 17: a level with waits has those and no others
--- http_config
admission_room drop { rate 1r/s; mode always; }
admission_room off { rate 1r/s; mode off; }
--- config
admission_wait drop;
location = /t { empty_gif; }
location = /u { admission_wait off; empty_gif; }
--- request eval
["GET /t", "GET /u", "GET /t"]
--- error_code eval
[503, 200, 503]



=== TEST 18: waits are inherited where there are limits, limits where waits are
--- http_config
admission_rate per_server $server_name rate=1r/h burst=0;
admission_room drop { rate 1r/s; mode always; }
admission_room off { rate 1r/s; mode off; }
admission_wait drop;
--- config
location = /t { admission_limit per_server; empty_gif; }
location /u {
    admission_limit per_server;
    location = /u/v { admission_wait off; empty_gif; }
}
--- request eval
["GET /t", "GET /u/v", "GET /u/v"]
--- error_code eval
[503, 200, 429]



=== TEST 19: an if inherits too
--- http_config
admission_room drop { rate 1r/s; mode always; }
--- config
location = /t {
    admission_wait drop;
    empty_gif;
    if ($arg_x) { set $y 1; }
}
--- request
GET /t?x=1
--- error_code: 503



=== TEST 20: several rooms: whoever is not through all of them waits
--- http_config
admission_room off { rate 1r/s; mode off; }
admission_room drop { rate 1r/s; mode always; }
--- config
location = /t { admission_wait off; admission_wait drop; empty_gif; }
location = /u { admission_wait off; empty_gif; }
--- request eval
["GET /t", "GET /u"]
--- error_code eval
[503, 200]



=== TEST 21: the status that was chosen
--- http_config
admission_room a { rate 1r/s; mode always; status 503; }
admission_room b { rate 1r/s; mode always; status 429; }
admission_room c { rate 1r/s; mode always; status 202; }
admission_room d { rate 1r/s; mode always; status 200; }
--- config
location = /a { admission_wait a; }
location = /b { admission_wait b; }
location = /c { admission_wait c; }
location = /d { admission_wait d; }
--- request eval
["GET /a", "GET /b", "GET /c", "GET /d"]
--- error_code eval
[503, 429, 202, 200]



=== TEST 22: who bypasses a room
--- http_config
admission_room drop { rate 1r/s; mode always; }
--- config
location = /t { admission_wait drop bypass=$arg_x; empty_gif; }
--- request eval
["GET /t?x=1", "GET /t", "GET /t?x=0", "GET /t?x=yes"]
--- error_code eval
[200, 503, 503, 200]



=== TEST 23: the cookie that was chosen
--- http_config
admission_room a { rate 1r/s; mode always; }
admission_room b {
    rate 1r/s;
    mode always;
    cookie line domain=shop.example samesite=none secure=on;
}
--- config
location = /a { admission_wait a; }
location = /b { admission_wait b; }
--- request eval
["GET /a", "GET /b"]
--- error_code eval
[503, 503]
--- response_headers_like eval
["Set-Cookie: adm_a=[\\w.-]+; Path=/; Max-Age=\\d+; HttpOnly; SameSite=Lax",
 "Set-Cookie: line=[\\w.-]+; Path=/; Max-Age=\\d+; Domain=shop.example;"
 . " Secure; HttpOnly; SameSite=None"]



=== TEST 24: the page that was chosen
--- http_config
admission_room drop {
    rate 1r/s;
    mode always;
    page $TEST_NGINX_HTML_DIR/wait.html;
}
--- user_files
>>> wait.html
<p>our own, of {{room}}</p>
--- config
location = /t { admission_wait drop; }
--- more_headers
Accept: text/html
--- request
GET /t
--- error_code: 503
--- response_body
<p>our own, of drop</p>



=== TEST 25: a room for programs, which nobody has to wait for
--- http_config
admission_room drop { rate 1r/s; mode always; }
admission_wait drop;
--- config
location /room {
    admission_room_api drop;
    if ($arg_x) { set $y 1; }
    limit_except GET { deny all; }
}
--- request eval
["GET /room", "GET /room?x=1", "GET /room/frontier", "POST /room/join"]
--- error_code eval
[200, 200, 200, 403]



=== TEST 26: secret, without a file of keys: said once, for all rooms
--- http_config
admission_room a { rate 1r/s; }
admission_room b { rate 1r/s; }
--- grep_error_log eval: qr/"admission_secret_file" is not set.*/
--- grep_error_log_out
"admission_secret_file" is not set: the key of this start signs the tokens of rooms, a restart makes them void; "umask 077; echo k1:$(openssl rand -hex 32) > FILE" makes one
--- error_log
[warn]



=== TEST 27: secret, without rooms there are no tokens
--- config
location = /t { empty_gif; }



=== TEST 28: secret, a line that comes back for which nobody has a ticket
--- http_config
admission_state $TEST_NGINX_STATE;
admission_room a { rate 1r/s; }
--- error_log
[warn]
"admission_state" brings back the lines of rooms after a restart, but without "admission_secret_file" nobody has a token that is good there



=== TEST 29: a rate that the ceiling does not sustain
--- http_config
admission_room a { rate 100r/s; session 10m; max_active 1000; }
admission_room b { rate 100r/s; session 10m; max_active 30000; }
admission_room c { rate 1r/m; session 2h; max_active 100; }
--- error_log eval
["[warn]",
 qr{room "a" at \S+/nginx\.conf:\d+: its "rate" is 60000 passes in the 600 seconds of a "session", above its "max_active" 1000, which sustains 100r/m$},
 qr{room "b" at \S+: its "rate" is 60000 passes in the 600 seconds of a "session", above its "max_active" 30000, which sustains 50r/s$},
 qr{room "c" at \S+: its "rate" is 120 passes in the 7200 seconds of a "session", above its "max_active" 100, which sustains 50r/h$}]



=== TEST 30: lines that are in a store are kept there
--- http_config
admission_state $TEST_NGINX_STATE;
admission_redis redis://127.0.0.1:1;
admission_room a { rate 1r/s; }
--- grep_error_log eval: qr/(?<="admission_state").* keeps.*/
--- grep_error_log_out eval
qr{^ at \S+/nginx\.conf:\d+ keeps nothing of rooms, keys and stock, they are in the store that "admission_redis" names$}
--- error_log
[warn]



=== TEST 31: stock, with no inventory anywhere
--- http_config
admission_room a { rate 1r/s; stock lamp; }
admission_room b { rate 1r/s; stock lamp:red shade~2 factor=1; }
admission_room c { rate 1r/s; stock s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 s12 s13 s14 s15 s16 factor=100; }
admission_room d { rate 1r/s; stock lamp factor=1.25; }
