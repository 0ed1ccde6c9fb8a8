# admission_room, admission_wait: what nginx -t says of a wrong one.
#
# A room is written once, weeks before the sale, and first looked at by a
# hundred thousand people.  "grace 2h" that is silently cut, a setting that is
# read twice, a moment in a month that has no 31st, two rooms that overwrite
# each other's cookie: none of it is seen in a test with one shopper.  Whatever
# is not understood has to be refused with a sentence that says what would
# have been.

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
admission_room "my drop" { rate 1r/s; }
--- error_log
[emerg]
invalid name "my drop" in "admission_room", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 2: a name that is one letter too long
--- http_config eval
"admission_room " . "d" x 65 . " { rate 1r/s; }"
--- error_log eval
["[emerg]",
 'invalid name "' . "d" x 65 . '" in "admission_room", it must be 1 to 64 ']



=== TEST 3: no name
--- http_config
admission_room { rate 1r/s; }
--- error_log
[emerg]
invalid number of arguments in "admission_room" directive in



=== TEST 4: two names
--- http_config
admission_room a b { rate 1r/s; }
--- error_log
[emerg]
invalid number of arguments in "admission_room" directive in



=== TEST 5: no block
--- http_config
admission_room drop;
--- error_log
[emerg]
directive "admission_room" has no opening "{" in



=== TEST 6: outside of http
--- post_main_config
admission_room drop { rate 1r/s; }
--- error_log
[emerg]
"admission_room" directive is not allowed here in



=== TEST 7: in a server
--- config
admission_room drop { rate 1r/s; }
--- error_log
[emerg]
"admission_room" directive is not allowed here in



=== TEST 8: the same room again
--- user_files
>>> rooms.conf

# a comment
admission_room drop {
    rate 1r/s;
}
--- http_config
include $TEST_NGINX_HTML_DIR/rooms.conf;
admission_room drop { rate 2r/s; }
--- error_log eval
["[emerg]",
 qr{room "drop" is already defined at \S+/rooms\.conf:3 in \S+/nginx\.conf:}]



=== TEST 9: one room too many
--- http_config eval
CORE::join " ", map { "admission_room r$_ { rate 1r/s; }" } 1 .. 16
--- error_log
[emerg]
room "r16" is one too many, a node has at most 15 in



=== TEST 10: no rate
--- http_config
admission_room drop {
    session 10m;
}
--- error_log
[emerg]
room "drop" must have "rate" setting, as "rate 100r/s;" in



=== TEST 11: nothing at all
--- http_config
admission_room drop { }
--- error_log
[emerg]
room "drop" must have "rate" setting, as "rate 100r/s;" in



=== TEST 12: an unknown setting
--- http_config
admission_room drop {
    rates 100r/s;
}
--- error_log
[emerg]
unknown setting "rates" of room "drop", it must be one of "zone", "mode", "rate", "max_active", "session", "claim", "grace", "join", "bind", "cookie", "status", "page", "ends", "stock" in



=== TEST 13: a setting in capital letters
--- http_config
admission_room drop {
    RATE 100r/s;
}
--- error_log
[emerg]
unknown setting "RATE" of room "drop", it must be one of "zone", "mode", "rate", "max_active", "session", "claim", "grace", "join", "bind", "cookie", "status", "page", "ends", "stock" in



=== TEST 14: a setting that begins as one of ours
--- http_config
admission_room drop {
    sess 10m;
}
--- error_log
[emerg]
unknown setting "sess" of room "drop", it must be one of



=== TEST 15: a directive of nginx inside
--- http_config
admission_room drop {
    rate 100r/s;
    limit_req zone=one;
}
--- error_log
[emerg]
unknown setting "limit_req" of room "drop"



=== TEST 16: a block inside
--- http_config
admission_room drop {
    rate 100r/s;
    cookie { }
}
--- error_log
[emerg]
unexpected "{" in



=== TEST 17: a setting without its semicolon
--- http_config
admission_room drop {
    mode auto
    rate 100r/s;
}
--- error_log
[emerg]
invalid number of arguments in "mode" of room "drop" in



=== TEST 18: a setting of a later version: order
--- http_config
admission_room drop {
    rate 100r/s;
    order fifo;
}
--- error_log
[emerg]
"order" of room "drop" is not supported by this version in



=== TEST 19: a setting of a later version: opens
--- http_config
admission_room drop {
    rate 100r/s;
    opens 2026-11-27T11:00:00Z;
}
--- error_log
[emerg]
"opens" of room "drop" is not supported by this version in



=== TEST 20: a setting of a later version: starts
--- http_config
admission_room drop {
    rate 100r/s;
    starts 2026-11-27T12:00:00Z;
}
--- error_log
[emerg]
"starts" of room "drop" is not supported by this version in



=== TEST 21: stock of nothing
--- http_config
admission_room drop {
    rate 100r/s;
    stock factor=1.2;
}
--- error_log
[emerg]
"stock" of room "drop" names no SKU in



=== TEST 22: a setting of a later version: class
--- http_config
admission_room drop {
    rate 100r/s;
    class $cookie_class;
}
--- error_log
[emerg]
"class" of room "drop" is not supported by this version in



=== TEST 23: a setting of a later version: weight
--- http_config
admission_room drop {
    rate 100r/s;
    weight gold=3;
}
--- error_log
[emerg]
"weight" of room "drop" is not supported by this version in



=== TEST 24: a setting of a later version: challenge
--- http_config
admission_room drop {
    rate 100r/s;
    challenge auto;
}
--- error_log
[emerg]
"challenge" of room "drop" is not supported by this version in



=== TEST 25: a setting of a later version: languages
--- http_config
admission_room drop {
    rate 100r/s;
    languages en,de;
}
--- error_log
[emerg]
"languages" of room "drop" is not supported by this version in



=== TEST 26: a setting twice
--- user_files
>>> room.conf
admission_room drop {
    rate 100r/s;
    mode auto;
    rate 200r/s;
}
--- http_config
include $TEST_NGINX_HTML_DIR/room.conf;
--- error_log eval
["[emerg]",
 qr{"rate" of room "drop" is already set at \S+/room\.conf:2 in \S+/room\.conf:4$}]



=== TEST 27: a setting twice, once in an include
--- user_files
>>> more.conf
rate 1r/s;
session 20m;
--- http_config
admission_room drop {
    session 10m;
    include $TEST_NGINX_HTML_DIR/more.conf;
}
--- error_log eval
["[emerg]",
 qr{"session" of room "drop" is already set at \S+/nginx\.conf:\d+ in \S+/more\.conf:2$}]



=== TEST 28: an include of nothing
--- http_config
admission_room drop {
    include;
}
--- error_log
[emerg]
unknown setting "include" of room "drop"



=== TEST 29: zone with nothing
--- http_config
admission_room drop {
    zone;
}
--- error_log
[emerg]
invalid number of arguments in "zone" of room "drop" in



=== TEST 30: zone with too much
--- http_config
admission_room drop {
    zone a b;
}
--- error_log
[emerg]
invalid number of arguments in "zone" of room "drop" in



=== TEST 31: mode with nothing
--- http_config
admission_room drop {
    mode;
}
--- error_log
[emerg]
invalid number of arguments in "mode" of room "drop" in



=== TEST 32: mode with too much
--- http_config
admission_room drop {
    mode auto always;
}
--- error_log
[emerg]
invalid number of arguments in "mode" of room "drop" in



=== TEST 33: rate with nothing
--- http_config
admission_room drop {
    rate;
}
--- error_log
[emerg]
invalid number of arguments in "rate" of room "drop" in



=== TEST 34: rate with too much
--- http_config
admission_room drop {
    rate 100 r/s;
}
--- error_log
[emerg]
invalid number of arguments in "rate" of room "drop" in



=== TEST 35: max_active with nothing
--- http_config
admission_room drop {
    max_active;
}
--- error_log
[emerg]
invalid number of arguments in "max_active" of room "drop" in



=== TEST 36: max_active with too much
--- http_config
admission_room drop {
    max_active 1 2;
}
--- error_log
[emerg]
invalid number of arguments in "max_active" of room "drop" in



=== TEST 37: session with nothing
--- http_config
admission_room drop {
    session;
}
--- error_log
[emerg]
invalid number of arguments in "session" of room "drop" in



=== TEST 38: session with too much
--- http_config
admission_room drop {
    session 10m fixed fixed;
}
--- error_log
[emerg]
invalid number of arguments in "session" of room "drop" in



=== TEST 39: claim with nothing
--- http_config
admission_room drop {
    claim;
}
--- error_log
[emerg]
invalid number of arguments in "claim" of room "drop" in



=== TEST 40: claim with too much
--- http_config
admission_room drop {
    claim 2 m;
}
--- error_log
[emerg]
invalid number of arguments in "claim" of room "drop" in



=== TEST 41: grace with nothing
--- http_config
admission_room drop {
    grace;
}
--- error_log
[emerg]
invalid number of arguments in "grace" of room "drop" in



=== TEST 42: grace with too much
--- http_config
admission_room drop {
    grace 10m 20m;
}
--- error_log
[emerg]
invalid number of arguments in "grace" of room "drop" in



=== TEST 43: join with nothing
--- http_config
admission_room drop {
    join;
}
--- error_log
[emerg]
invalid number of arguments in "join" of room "drop" in



=== TEST 44: join with too much
--- http_config
admission_room drop {
    join $uri rate=1r/s burst=1 burst=2;
}
--- error_log
[emerg]
invalid number of arguments in "join" of room "drop" in



=== TEST 45: bind with nothing
--- http_config
admission_room drop {
    bind;
}
--- error_log
[emerg]
invalid number of arguments in "bind" of room "drop" in



=== TEST 46: bind with too much
--- http_config
admission_room drop {
    bind $a $b;
}
--- error_log
[emerg]
invalid number of arguments in "bind" of room "drop" in



=== TEST 47: cookie with nothing
--- http_config
admission_room drop {
    cookie;
}
--- error_log
[emerg]
invalid number of arguments in "cookie" of room "drop" in



=== TEST 48: cookie with too much
--- http_config
admission_room drop {
    cookie a domain=b.c samesite=lax secure=on x;
}
--- error_log
[emerg]
invalid number of arguments in "cookie" of room "drop" in



=== TEST 49: status with nothing
--- http_config
admission_room drop {
    status;
}
--- error_log
[emerg]
invalid number of arguments in "status" of room "drop" in



=== TEST 50: status with too much
--- http_config
admission_room drop {
    status 503 429;
}
--- error_log
[emerg]
invalid number of arguments in "status" of room "drop" in



=== TEST 51: page with nothing
--- http_config
admission_room drop {
    page;
}
--- error_log
[emerg]
invalid number of arguments in "page" of room "drop" in



=== TEST 52: page with too much
--- http_config
admission_room drop {
    page a b;
}
--- error_log
[emerg]
invalid number of arguments in "page" of room "drop" in



=== TEST 53: ends with nothing
--- http_config
admission_room drop {
    ends;
}
--- error_log
[emerg]
invalid number of arguments in "ends" of room "drop" in



=== TEST 54: ends with too much
--- http_config
admission_room drop {
    ends 2026-11-27 12:00:00Z;
}
--- error_log
[emerg]
invalid number of arguments in "ends" of room "drop" in



=== TEST 55: rate 100
--- http_config
admission_room drop {
    rate 100;
}
--- error_log
[emerg]
invalid rate "100" of "drop" in "admission_room", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in



=== TEST 56: rate 0r/s
--- http_config
admission_room drop {
    rate 0r/s;
}
--- error_log
[emerg]
invalid rate "0r/s" of "drop" in "admission_room", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in



=== TEST 57: rate 1000001r/s
--- http_config
admission_room drop {
    rate 1000001r/s;
}
--- error_log
[emerg]
invalid rate "1000001r/s" of "drop" in "admission_room", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in



=== TEST 58: rate 10r/ss
--- http_config
admission_room drop {
    rate 10r/ss;
}
--- error_log
[emerg]
invalid rate "10r/ss" of "drop" in "admission_room", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in



=== TEST 59: rate 1.5r/s
--- http_config
admission_room drop {
    rate 1.5r/s;
}
--- error_log
[emerg]
invalid rate "1.5r/s" of "drop" in "admission_room", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in



=== TEST 60: rate ""
--- http_config
admission_room drop {
    rate "";
}
--- error_log
[emerg]
invalid rate "" of "drop" in "admission_room", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in



=== TEST 61: mode on
--- http_config
admission_room drop {
    mode on;
}
--- error_log
[emerg]
invalid mode "on" of room "drop", it must be "auto", "always" or "off" in



=== TEST 62: mode AUTO
--- http_config
admission_room drop {
    mode AUTO;
}
--- error_log
[emerg]
invalid mode "AUTO" of room "drop", it must be "auto", "always" or "off" in



=== TEST 63: mode ""
--- http_config
admission_room drop {
    mode "";
}
--- error_log
[emerg]
invalid mode "" of room "drop", it must be "auto", "always" or "off" in



=== TEST 64: max_active many
--- http_config
admission_room drop {
    max_active many;
}
--- error_log
[emerg]
invalid number "many" in "max_active" of room "drop", it must be from 0, for no ceiling, to 1000000000 in



=== TEST 65: max_active -1
--- http_config
admission_room drop {
    max_active -1;
}
--- error_log
[emerg]
invalid number "-1" in "max_active" of room "drop", it must be from 0, for no ceiling, to 1000000000 in



=== TEST 66: max_active 1000000001
--- http_config
admission_room drop {
    max_active 1000000001;
}
--- error_log
[emerg]
invalid number "1000000001" in "max_active" of room "drop", it must be from 0, for no ceiling, to 1000000000 in



=== TEST 67: max_active 1k
--- http_config
admission_room drop {
    max_active 1k;
}
--- error_log
[emerg]
invalid number "1k" in "max_active" of room "drop", it must be from 0, for no ceiling, to 1000000000 in



=== TEST 68: max_active ""
--- http_config
admission_room drop {
    max_active "";
}
--- error_log
[emerg]
invalid number "" in "max_active" of room "drop", it must be from 0, for no ceiling, to 1000000000 in



=== TEST 69: session 0
--- http_config
admission_room drop {
    session 0;
}
--- error_log
[emerg]
invalid time "0" in "session" of room "drop", it must be from 1 to 2592000 seconds, as "10m" in



=== TEST 70: session 30d1s
--- http_config
admission_room drop {
    session 30d1s;
}
--- error_log
[emerg]
invalid time "30d1s" in "session" of room "drop", it must be from 1 to 2592000 seconds, as "10m" in



=== TEST 71: session soon
--- http_config
admission_room drop {
    session soon;
}
--- error_log
[emerg]
invalid time "soon" in "session" of room "drop", it must be from 1 to 2592000 seconds, as "10m" in



=== TEST 72: session -1m
--- http_config
admission_room drop {
    session -1m;
}
--- error_log
[emerg]
invalid time "-1m" in "session" of room "drop", it must be from 1 to 2592000 seconds, as "10m" in



=== TEST 73: session 500ms
--- http_config
admission_room drop {
    session 500ms;
}
--- error_log
[emerg]
invalid time "500ms" in "session" of room "drop", it must be from 1 to 2592000 seconds, as "10m" in



=== TEST 74: session ""
--- http_config
admission_room drop {
    session "";
}
--- error_log
[emerg]
invalid time "" in "session" of room "drop", it must be from 1 to 2592000 seconds, as "10m" in



=== TEST 75: claim 0
--- http_config
admission_room drop {
    claim 0;
}
--- error_log
[emerg]
invalid time "0" in "claim" of room "drop", it must be from 1 to 4000 seconds, as "10m" in



=== TEST 76: claim 4001s
--- http_config
admission_room drop {
    claim 4001s;
}
--- error_log
[emerg]
invalid time "4001s" in "claim" of room "drop", it must be from 1 to 4000 seconds, as "10m" in



=== TEST 77: claim 2h
--- http_config
admission_room drop {
    claim 2h;
}
--- error_log
[emerg]
invalid time "2h" in "claim" of room "drop", it must be from 1 to 4000 seconds, as "10m" in



=== TEST 78: claim ""
--- http_config
admission_room drop {
    claim "";
}
--- error_log
[emerg]
invalid time "" in "claim" of room "drop", it must be from 1 to 4000 seconds, as "10m" in



=== TEST 79: grace 4001
--- http_config
admission_room drop {
    grace 4001;
}
--- error_log
[emerg]
invalid time "4001" in "grace" of room "drop", it must be from 0 to 4000 seconds, as "10m" in



=== TEST 80: grace -1
--- http_config
admission_room drop {
    grace -1;
}
--- error_log
[emerg]
invalid time "-1" in "grace" of room "drop", it must be from 0 to 4000 seconds, as "10m" in



=== TEST 81: grace ten
--- http_config
admission_room drop {
    grace ten;
}
--- error_log
[emerg]
invalid time "ten" in "grace" of room "drop", it must be from 0 to 4000 seconds, as "10m" in



=== TEST 82: session with a word
--- http_config
admission_room drop {
    session 10m sliding;
}
--- error_log
[emerg]
invalid parameter "sliding" in "session" of room "drop", it must be "fixed" or nothing in



=== TEST 83: claim and grace that together are too long
Neither is too long alone: the calls of both are remembered.
--- http_config
admission_room drop {
    rate 100r/s;
    claim 1001s;
    grace 3000s;
}
--- error_log
[emerg]
"claim" and "grace" of room "drop" are 4001 seconds together, they must be at most 4000 in



=== TEST 84: join with a variable that nobody has
--- http_config
admission_room drop {
    rate 1r/s;
    join $no_such_variable;
}
--- error_log
[emerg]
unknown "no_such_variable" variable



=== TEST 85: join with another parameter
--- http_config
admission_room drop {
    join $uri limit=1;
}
--- error_log
[emerg]
invalid parameter "limit=1" in "join" of room "drop", it must be "rate=" or "burst=" in



=== TEST 86: join with a parameter twice
--- http_config
admission_room drop {
    join $uri rate=1r/s rate=2r/s;
}
--- error_log
[emerg]
duplicate parameter "rate=2r/s" of "$uri" in "join" in



=== TEST 87: join with a bad rate
--- http_config
admission_room drop {
    join $uri rate=10;
}
--- error_log
[emerg]
invalid join rate "10" of "drop" in "admission_room", it must be a number from 1 to 1000000 with "r/s", "r/m", "r/h" or "r/d", as "10r/s" in



=== TEST 88: join with a bad burst
--- http_config
admission_room drop {
    join $uri burst=-5;
}
--- error_log
[emerg]
invalid join burst "-5" of "drop" in "admission_room", it must be a number from 0 to 1000000 in



=== TEST 89: join with a burst that nobody lives to see drained
--- http_config
admission_room drop {
    rate 100r/s;
    join $uri rate=1r/d burst=198;
}
--- error_log
[emerg]
join burst 198 of "drop" in "admission_room" takes more than 198 days to drain, it must be at most 197 in



=== TEST 90: join with a rate for which its own burst of 200 is too long
--- http_config
admission_room drop {
    rate 100r/s;
    join $uri rate=1r/d;
}
--- error_log
[emerg]
join burst 200 of "drop" in "admission_room" takes more than 198 days to drain, it must be at most 197 in



=== TEST 91: bind to nothing
--- http_config
admission_room drop {
    bind "";
}
--- error_log
[emerg]
invalid value "" in "bind" of room "drop", it must be one with variables in



=== TEST 92: bind to a variable that nobody has
--- http_config
admission_room drop {
    rate 1r/s;
    bind $no_such_variable;
}
--- error_log
[emerg]
unknown "no_such_variable" variable



=== TEST 93: cookie with a space in its name
--- http_config
admission_room drop {
    cookie "my cookie";
}
--- error_log
[emerg]
invalid cookie "my cookie" of room "drop", it must be 1 to 64 letters, digits and any of "!#$%&'*+-.^_`|~" in



=== TEST 94: cookie with a sign of equality in its name
--- http_config
admission_room drop {
    cookie a=b;
}
--- error_log
[emerg]
invalid cookie "a=b" of room "drop", it must be 1 to 64 letters, digits and any of "!#$%&'*+-.^_`|~" in



=== TEST 95: cookie with a semicolon in its name
--- http_config
admission_room drop {
    cookie "a;b";
}
--- error_log
[emerg]
invalid cookie "a;b" of room "drop", it must be 1 to 64 letters, digits and any of "!#$%&'*+-.^_`|~" in



=== TEST 96: cookie with a quote in its name
--- http_config
admission_room drop {
    cookie 'a"b';
}
--- error_log
[emerg]
invalid cookie "a"b" of room "drop", it must be 1 to 64 letters, digits and any of "!#$%&'*+-.^_`|~" in



=== TEST 97: cookie with a bracket in its name
--- http_config
admission_room drop {
    cookie a(b;
}
--- error_log
[emerg]
invalid cookie "a(b" of room "drop", it must be 1 to 64 letters, digits and any of "!#$%&'*+-.^_`|~" in



=== TEST 98: cookie with a comma in its name
--- http_config
admission_room drop {
    cookie a,b;
}
--- error_log
[emerg]
invalid cookie "a,b" of room "drop", it must be 1 to 64 letters, digits and any of "!#$%&'*+-.^_`|~" in



=== TEST 99: cookie with a slash in its name
--- http_config
admission_room drop {
    cookie a/b;
}
--- error_log
[emerg]
invalid cookie "a/b" of room "drop", it must be 1 to 64 letters, digits and any of "!#$%&'*+-.^_`|~" in



=== TEST 100: cookie with no letter in its name
--- http_config
admission_room drop {
    cookie "";
}
--- error_log
[emerg]
invalid cookie "" of room "drop", it must be 1 to 64 letters, digits and any of "!#$%&'*+-.^_`|~" in



=== TEST 101: cookie with a letter of UTF-8 in its name
--- http_config
admission_room drop {
    cookie grün;
}
--- error_log
[emerg]
invalid cookie "grün" of room "drop", it must be 1 to 64 letters, digits and any of "!#$%&'*+-.^_`|~" in



=== TEST 102: cookie with a name that is one letter too long
--- http_config eval
"admission_room drop { cookie " . "c" x 65 . "; }"
--- error_log eval
["[emerg]",
 'invalid cookie "' . "c" x 65 . '" of room "drop", it must be 1 to 64 ']



=== TEST 103: cookie with a prefix that is ours to add
--- http_config
admission_room drop {
    cookie __Host-drop;
}
--- error_log
[emerg]
cookie "__Host-drop" of room "drop" must not begin with "__", "__Host-" is added over TLS in



=== TEST 104: cookie with the other prefix
--- http_config
admission_room drop {
    cookie __secure-drop;
}
--- error_log
[emerg]
cookie "__secure-drop" of room "drop" must not begin with "__", "__Host-" is added over TLS in



=== TEST 105: cookie with another parameter
--- http_config
admission_room drop {
    cookie drop path=/;
}
--- error_log
[emerg]
invalid parameter "path=/" of cookie "drop", it must be "domain=", "samesite=" or "secure=" in



=== TEST 106: cookie with a parameter twice
--- http_config
admission_room drop {
    cookie drop secure=on secure=off;
}
--- error_log
[emerg]
duplicate parameter "secure=off" of "drop" in "cookie" in



=== TEST 107: cookie with the domain of nobody
--- http_config
admission_room drop {
    cookie drop domain=;
}
--- error_log
[emerg]
invalid domain "" of cookie "drop", it must be as "shop.example" in



=== TEST 108: cookie with the domain shop
--- http_config
admission_room drop {
    cookie drop domain=shop;
}
--- error_log
[emerg]
invalid domain "shop" of cookie "drop", it must be as "shop.example" in



=== TEST 109: cookie with the domain .shop.example
--- http_config
admission_room drop {
    cookie drop domain=.shop.example;
}
--- error_log
[emerg]
invalid domain ".shop.example" of cookie "drop", it must be as "shop.example" in



=== TEST 110: cookie with the domain shop.example;
--- http_config
admission_room drop {
    cookie drop "domain=shop.example;";
}
--- error_log
[emerg]
invalid domain "shop.example;" of cookie "drop", it must be as "shop.example" in



=== TEST 111: cookie with the domain $host
--- http_config
admission_room drop {
    cookie drop domain=$host;
}
--- error_log
[emerg]
invalid domain "$host" of cookie "drop", it must be as "shop.example" in



=== TEST 112: cookie with the domain https://shop.example
--- http_config
admission_room drop {
    cookie drop domain=https://shop.example;
}
--- error_log
[emerg]
invalid domain "https://shop.example" of cookie "drop", it must be as "shop.example" in



=== TEST 113: cookie with another samesite
--- http_config
admission_room drop {
    cookie drop samesite=Lax;
}
--- error_log
[emerg]
invalid samesite "Lax" of cookie "drop", it must be "lax", "none" or "strict" in



=== TEST 114: cookie with another secure
--- http_config
admission_room drop {
    cookie drop secure=yes;
}
--- error_log
[emerg]
invalid secure "yes" of cookie "drop", it must be "auto", "on" or "off" in



=== TEST 115: cookie that browsers drop
--- http_config
admission_room drop {
    cookie drop samesite=none secure=off;
}
--- error_log
[emerg]
"samesite=none" of cookie "drop" of room "drop" needs "secure=on" or "secure=auto", browsers drop such a cookie otherwise in



=== TEST 116: the same cookie for two rooms
--- http_config
admission_room a { rate 1r/s; cookie line; }
admission_room b { rate 1r/s; cookie line; }
--- error_log eval
["[emerg]",
 qr{cookie "line" of room "b" clashes with "line" of room "a" at \S+/nginx\.conf:\d+, in a dry run "_dry" is added in}]



=== TEST 117: a cookie that is another room's by default
--- http_config
admission_room a { rate 1r/s; }
admission_room b { rate 1r/s; cookie adm_a; }
--- error_log eval
["[emerg]",
 qr{cookie "adm_a" of room "b" clashes with "adm_a" of room "a" at }]



=== TEST 118: a default that another room's cookie has
--- http_config
admission_room b { rate 1r/s; cookie adm_a; }
admission_room a { rate 1r/s; }
--- error_log eval
["[emerg]",
 qr{cookie "adm_a" of room "a" clashes with "adm_a" of room "b" at }]



=== TEST 119: a cookie that is another room's in a dry run
--- http_config
admission_room a { rate 1r/s; }
admission_room a_dry { rate 1r/s; }
--- error_log eval
["[emerg]",
 qr{cookie "adm_a_dry" of room "a_dry" clashes with "adm_a" of room "a" at \S+/nginx\.conf:\d+, in a dry run "_dry" is added in}]



=== TEST 120: a dry run's cookie that is another room's
--- http_config
admission_room a_dry { rate 1r/s; }
admission_room a { rate 1r/s; }
--- error_log eval
["[emerg]",
 qr{cookie "adm_a" of room "a" clashes with "adm_a_dry" of room "a_dry" at }]



=== TEST 121: status 500
--- http_config
admission_room drop {
    status 500;
}
--- error_log
[emerg]
invalid status "500" of room "drop", it must be "503", "429", "202" or "200" in



=== TEST 122: status 404
--- http_config
admission_room drop {
    status 404;
}
--- error_log
[emerg]
invalid status "404" of room "drop", it must be "503", "429", "202" or "200" in



=== TEST 123: status 5o3
--- http_config
admission_room drop {
    status 5o3;
}
--- error_log
[emerg]
invalid status "5o3" of room "drop", it must be "503", "429", "202" or "200" in



=== TEST 124: status 0503
--- http_config
admission_room drop {
    status 0503;
}
--- error_log
[emerg]
invalid status "0503" of room "drop", it must be "503", "429", "202" or "200" in



=== TEST 125: status ""
--- http_config
admission_room drop {
    status "";
}
--- error_log
[emerg]
invalid status "" of room "drop", it must be "503", "429", "202" or "200" in



=== TEST 126: page that is not there
--- http_config
admission_room drop {
    page no-such-page.html;
}
--- error_log
[emerg]
no-such-page.html



=== TEST 127: page with a placeholder that there is not
--- user_files
>>> wait.html
<p>{{position}} {{secret}}</p>
--- http_config
admission_room drop {
    page $TEST_NGINX_HTML_DIR/wait.html;
}
--- error_log
[emerg]
secret



=== TEST 128: ends 2026-11-27
--- http_config
admission_room drop {
    ends 2026-11-27;
}
--- error_log
[emerg]
invalid moment "2026-11-27" in "ends" of room "drop", it must be a date with a time and an offset, as "2026-11-27T12:00:00Z" in



=== TEST 129: ends 2026-11-31T12:00:00Z
--- http_config
admission_room drop {
    ends 2026-11-31T12:00:00Z;
}
--- error_log
[emerg]
invalid moment "2026-11-31T12:00:00Z" in "ends" of room "drop", it must be a date with a time and an offset, as "2026-11-27T12:00:00Z" in



=== TEST 130: ends 2026-11-27T12:00:00
--- http_config
admission_room drop {
    ends 2026-11-27T12:00:00;
}
--- error_log
[emerg]
invalid moment "2026-11-27T12:00:00" in "ends" of room "drop", it must be a date with a time and an offset, as "2026-11-27T12:00:00Z" in



=== TEST 131: ends 2026-11-27 12:00:00Z
--- http_config
admission_room drop {
    ends "2026-11-27 12:00:00Z";
}
--- error_log
[emerg]
invalid moment "2026-11-27 12:00:00Z" in "ends" of room "drop", it must be a date with a time and an offset, as "2026-11-27T12:00:00Z" in



=== TEST 132: ends tomorrow
--- http_config
admission_room drop {
    ends tomorrow;
}
--- error_log
[emerg]
invalid moment "tomorrow" in "ends" of room "drop", it must be a date with a time and an offset, as "2026-11-27T12:00:00Z" in



=== TEST 133: ends 1795780800
--- http_config
admission_room drop {
    ends 1795780800;
}
--- error_log
[emerg]
invalid moment "1795780800" in "ends" of room "drop", it must be a date with a time and an offset, as "2026-11-27T12:00:00Z" in



=== TEST 134: ends 1970-01-01T00:00:00Z
--- http_config
admission_room drop {
    ends 1970-01-01T00:00:00Z;
}
--- error_log
[emerg]
invalid moment "1970-01-01T00:00:00Z" in "ends" of room "drop", it must be a date with a time and an offset, as "2026-11-27T12:00:00Z" in



=== TEST 135: ends 
--- http_config
admission_room drop {
    ends "";
}
--- error_log
[emerg]
invalid moment "" in "ends" of room "drop", it must be a date with a time and an offset, as "2026-11-27T12:00:00Z" in



=== TEST 136: a bad name of a zone
--- http_config
admission_room drop {
    zone "my zone";
}
--- error_log
[emerg]
invalid name "my zone" in "zone", it must be 1 to 64



=== TEST 137: a zone that there is not
--- user_files
>>> room.conf
admission_room drop {
    rate 1r/s;
    zone shopp;
}
--- http_config
admission_zone shop 8m;
include $TEST_NGINX_HTML_DIR/room.conf;
--- error_log eval
["[emerg]",
 qr{unknown zone "shopp" of room "drop" at \S+/room\.conf:1, "admission_zone" defines "shop"$}]



=== TEST 138: a zone without any
--- http_config
admission_room drop {
    rate 100r/s;
    zone shop;
}
--- error_log eval
["[emerg]",
 qr{unknown zone "shop" of room "drop" at \S+/nginx\.conf:\d+, "admission_zone" defines none$}]



=== TEST 139: a zone that is too small for its room
--- http_config
admission_zone shop 64k;
admission_room drop {
    rate 100r/s;
}
--- error_log eval
["[emerg]",
 qr{zone "shop" of 64k at \S+/nginx\.conf:\d+ is too small for 1 of "admission_room", it must be at least \d+k$}]



=== TEST 140: a zone that is too small for one room more
--- http_config
admission_zone one 8m;
admission_zone two 2m;
admission_room a { rate 1r/s; zone two; }
admission_room b { rate 1r/s; zone two; }
--- error_log eval
["[emerg]",
 qr{zone "two" of 2048k at \S+/nginx\.conf:\d+ is too small for 2 of "admission_room", it must be at least \d+k$}]



=== TEST 141: admission_wait, a bad name
--- config
location = /t { admission_wait "my drop"; }
--- error_log
[emerg]
invalid name "my drop" in "admission_wait", it must be 1 to 64



=== TEST 142: admission_wait, no name
--- config
location = /t { admission_wait; }
--- error_log
[emerg]
invalid number of arguments in "admission_wait" directive in



=== TEST 143: admission_wait, a room that there is not
--- user_files
>>> wait.conf
location = /t {
    admission_wait dorp;
}
--- http_config
admission_room drop { rate 1r/s; }
admission_room later { rate 1r/s; }
--- config
include $TEST_NGINX_HTML_DIR/wait.conf;
--- error_log eval
["[emerg]",
 qr{unknown room "dorp" in "admission_wait" at \S+/wait\.conf:2, "admission_room" defines "drop", "later"$}]



=== TEST 144: admission_wait without any room
--- config
admission_wait drop;
--- error_log eval
["[emerg]",
 qr{unknown room "drop" in "admission_wait" at \S+, "admission_room" defines none$}]



=== TEST 145: admission_wait, the name of a rate
--- http_config
admission_rate drop $uri rate=1r/s;
--- config
admission_wait drop;
--- error_log eval
["[emerg]",
 qr{unknown room "drop" in "admission_wait" at \S+, "admission_room" defines none$}]



=== TEST 146: admission_wait, another parameter
--- http_config
admission_room drop {
    rate 100r/s;
}
--- config
location = /t { admission_wait drop by=1; }
--- error_log
[emerg]
invalid parameter "by=1" of wait "drop", it must be "bypass=" in



=== TEST 147: admission_wait, two parameters
--- http_config
admission_room drop {
    rate 100r/s;
}
--- config
location = /t { admission_wait drop bypass=1 bypass=2; }
--- error_log
[emerg]
invalid number of arguments in "admission_wait" directive in



=== TEST 148: admission_wait, a bypass with a variable that nobody has
--- http_config
admission_room drop {
    rate 100r/s;
}
--- config
location = /t { admission_wait drop bypass=$no_such_variable; }
--- error_log
[emerg]
unknown "no_such_variable" variable



=== TEST 149: admission_wait, the same twice at one level
--- user_files
>>> wait.conf
location = /t {
    admission_wait drop;
    admission_wait drop bypass=$arg_x;
}
--- http_config
admission_room drop {
    rate 100r/s;
}
--- config
include $TEST_NGINX_HTML_DIR/wait.conf;
--- error_log eval
["[emerg]",
 qr{wait "drop" is already set at \S+/wait\.conf:2 in \S+/wait\.conf:3$}]



=== TEST 150: admission_wait in an if
It looks as if those only waited, and would let in all others.
--- http_config
admission_room drop {
    rate 100r/s;
}
--- config
location = /t { if ($arg_x) { admission_wait drop; } }
--- error_log
[emerg]
"admission_wait" directive is not allowed here in



=== TEST 151: admission_room_api, a room that there is not
--- user_files
>>> api.conf
location /room {
    admission_room_api dorp;
}
--- http_config
admission_room drop {
    rate 100r/s;
}
--- config
include $TEST_NGINX_HTML_DIR/api.conf;
--- error_log eval
["[emerg]",
 qr{unknown room "dorp" in "admission_room_api" at \S+/api\.conf:2, "admission_room" defines "drop"$}]



=== TEST 152: admission_room_api, a bad name
--- config
location /room { admission_room_api "my drop"; }
--- error_log
[emerg]
invalid name "my drop" in "admission_room_api", it must be 1 to 64



=== TEST 153: admission_room_api, no name
--- config
location /room { admission_room_api; }
--- error_log
[emerg]
invalid number of arguments in "admission_room_api" directive in



=== TEST 154: admission_room_api, two rooms
--- http_config
admission_room drop {
    rate 100r/s;
}
--- config
location /room { admission_room_api drop drop; }
--- error_log
[emerg]
invalid number of arguments in "admission_room_api" directive in



=== TEST 155: admission_room_api, twice
--- http_config
admission_room drop {
    rate 100r/s;
}
--- config
location /room { admission_room_api drop; admission_room_api drop; }
--- error_log
[emerg]
"admission_room_api" directive is duplicate in



=== TEST 156: admission_room_api, by a location that has no paths below it
--- http_config
admission_room drop {
    rate 100r/s;
}
--- config
location = /room { admission_room_api drop; }
--- error_log
[emerg]
"admission_room_api" directive has paths below it, and so needs a location by prefix in



=== TEST 157: admission_room_api beside another handler
--- http_config
admission_room drop {
    rate 100r/s;
}
--- config
location /room { admission_health; admission_room_api drop; }
--- error_log
[emerg]
"admission_room_api" directive stands beside another content handler of this module in



=== TEST 158: stock with nothing
--- http_config
admission_room drop {
    rate 100r/s;
    stock;
}
--- error_log
[emerg]
invalid number of arguments in "stock" of room "drop" in



=== TEST 159: stock of more SKUs than a cart has
--- http_config
admission_room drop {
    rate 100r/s;
    stock s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 s12 s13 s14 s15 s16 s17;
}
--- error_log
[emerg]
invalid number of arguments in "stock" of room "drop" in



=== TEST 160: stock of no SKU
--- http_config
admission_room drop {
    rate 100r/s;
    stock "red lamp";
}
--- error_log
[emerg]
invalid SKU "red lamp" in "stock" of room "drop", it must be 1 to 128 of [A-Za-z0-9._~:-] in



=== TEST 161: stock of a SKU that is too long
--- http_config
admission_room drop {
    rate 100r/s;
    stock sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss;
}
--- error_log
[emerg]
invalid SKU "sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss" in "stock" of room "drop", it must be 1 to 128 of [A-Za-z0-9._~:-] in



=== TEST 162: stock of one SKU twice
--- http_config
admission_room drop {
    rate 100r/s;
    stock lamp shade lamp;
}
--- error_log
[emerg]
SKU "lamp" stands twice in "stock" of room "drop" in



=== TEST 163: stock with a factor of "0.9"
--- http_config
admission_room drop {
    rate 100r/s;
    stock lamp factor=0.9;
}
--- error_log
[emerg]
invalid parameter "factor=0.9" in "stock" of room "drop", it must be from 1 to 100, as "factor=1.2" in



=== TEST 164: stock with a factor of "100.1"
--- http_config
admission_room drop {
    rate 100r/s;
    stock lamp factor=100.1;
}
--- error_log
[emerg]
invalid parameter "factor=100.1" in "stock" of room "drop", it must be from 1 to 100, as "factor=1.2" in



=== TEST 165: stock with a factor of "1,2"
--- http_config
admission_room drop {
    rate 100r/s;
    stock lamp factor=1,2;
}
--- error_log
[emerg]
invalid parameter "factor=1,2" in "stock" of room "drop", it must be from 1 to 100, as "factor=1.2" in



=== TEST 166: stock with a factor of ""
--- http_config
admission_room drop {
    rate 100r/s;
    stock lamp factor=;
}
--- error_log
[emerg]
invalid parameter "factor=" in "stock" of room "drop", it must be from 1 to 100, as "factor=1.2" in



=== TEST 167: stock with a factor of "1.2345"
--- http_config
admission_room drop {
    rate 100r/s;
    stock lamp factor=1.2345;
}
--- error_log
[emerg]
invalid parameter "factor=1.2345" in "stock" of room "drop", it must be from 1 to 100, as "factor=1.2" in



=== TEST 168: stock with a factor of "-1"
--- http_config
admission_room drop {
    rate 100r/s;
    stock lamp factor=-1;
}
--- error_log
[emerg]
invalid parameter "factor=-1" in "stock" of room "drop", it must be from 1 to 100, as "factor=1.2" in



=== TEST 169: stock twice
--- http_config
admission_room drop {
    rate 100r/s;
    stock lamp; stock shade;
}
--- error_log eval
["[emerg]", qr{"stock" of room "drop" is already set at \S+/nginx\.conf:\d+ in \S+/nginx\.conf:\d+$}]
