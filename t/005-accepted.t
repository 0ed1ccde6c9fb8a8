# Configurations that are right: what has to be accepted, and what holds then.
#
# The other files of this group prove that wrong ones are refused; a reader
# that refuses too much keeps a node from starting.  Where things may be
# defined, in which order, and what a level inherits is here as well: a
# location that silently lost the limit of its server is open in the sale.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    # where nothing is refused nothing is to be warned of, but what has no use
    my @warnings = defined $block->request
        ? () : qr/\[warn\](?!.* has no effect: no "admission_limit")/;

    $block->set_value(no_error_log => [@warnings, qw([alert] [emerg] [crit])]);
    $block->set_value(request => "GET /") if !defined $block->request;
    $block->set_value(config => "") if !defined $block->config;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: the smallest zone, and the longest name
--- http_config eval
"admission_zone " . "z" x 64 . " 64k;"



=== TEST 2: the characters of names
--- http_config
admission_zone Shop_1.a-Z 1m;
admission_rate per-ip_v4.0 $binary_remote_addr rate=1r/s zone=Shop_1.a-Z;
--- config
admission_site eu-1.shop_A;
location = /t { admission_limit per-ip_v4.0; }



=== TEST 3: sizes in both letters, in either case, and in bytes
--- http_config
admission_zone a 64k;
admission_zone b 64K;
admission_zone c 1m;
admission_zone d 1M;
admission_zone e 65536;



=== TEST 4: rates at the edges
--- http_config
admission_rate a $uri rate=1r/s;
admission_rate b $uri rate=1000000r/s;
admission_rate c $uri rate=1r/d;
admission_rate d $uri rate=1000000r/d;
admission_rate e $uri rate=600r/m;
admission_rate f $uri rate=50r/h;
admission_rate g $uri rate=0010r/s;



=== TEST 5: bursts at the edges
--- http_config
admission_rate a $uri rate=1r/s burst=0;
admission_rate b $uri rate=1r/s burst=1000000;
admission_rate c $uri rate=1r/d burst=197;
--- config
location = /t { admission_limit a burst=1000000; admission_limit c burst=0; }



=== TEST 6: a limit for which the rate's own burst is too long has its own
The burst of a rate is checked where it stands, but a use may have another.
--- http_config
admission_rate a $uri rate=1r/d burst=1;
--- config
location = /t { admission_limit a burst=197; }



=== TEST 7: as many rates as a zone has places for
--- http_config eval
"admission_zone shop 64k;"
. CORE::join " ", map { "admission_rate r$_ \$uri rate=1r/s;" } 1 .. 128



=== TEST 8: parameters in any order
--- http_config
admission_rate a $uri zone=shop scope=exact burst=2 rate=1r/s;
admission_zone shop 1m;
--- config
location = /t { admission_limit a cost=$arg_n burst=1; }



=== TEST 9: the use before the rate, the rate before its zone
Includes are sorted by file name; nobody should have to care.
--- http_config
admission_limit late;
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { admission_limit late burst=3; }
}
admission_rate late $uri rate=1r/h burst=0 zone=later;
admission_zone later 1m;
--- config
location = /t { empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]



=== TEST 10: without a zone, one is made
--- http_config
admission_rate a $uri rate=1r/s;
--- config
location = /status { admission_status; }
--- request
GET /status
--- response_body_like: (?m)^admission_zone_used_ratio\{zone="admission",table="rate"\} 0\.000$



=== TEST 11: without a rate there is no zone
--- config
location = /status { admission_status; }
--- request
GET /status
--- response_body_unlike: admission_zone_used_ratio\{



=== TEST 12: several zones, each with its own lines
--- http_config
admission_rate a $uri rate=1r/s;
admission_zone first 1m;
admission_zone second 1m;
--- config
location = /t { admission_limit a; empty_gif; }
location = /status { admission_status; }
--- request eval
["GET /t", "GET /status"]
--- response_body_like eval
["GIF", qr/(?m)^admission_zone_used_ratio\{zone="first",table="rate"\} \S+$
^admission_zone_used_ratio\{zone="second",table="rate"\} 0\.000$/]



=== TEST 13: a rate with a zone of its own beside the default
Without "zone=" a rate is in the first zone, also if another uses a later one.
--- http_config
admission_zone first 1m;
admission_zone second 1m;
admission_rate a $uri rate=1r/h burst=0;
admission_rate b $uri rate=1r/h burst=0 zone=second;
--- config
location = /t { admission_limit a; admission_limit b; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]



=== TEST 14: a zone of another module under another name
--- http_config
limit_req_zone $binary_remote_addr zone=one:1m rate=100r/s;
admission_zone two 1m;
admission_rate a $uri rate=1r/s zone=two;
--- config
location = /t { limit_req zone=one; admission_limit a; empty_gif; }
--- request
GET /t



=== TEST 15: all switches at all levels
--- http_config
admission on;
admission_log_level notice;
admission_on_store_failure rate=open;
admission_site outer;
--- config
admission dry_run;
admission_log_level info;
admission_on_store_failure rate=closed;
admission_site inner;
location = /t {
    admission off;
    admission_log_level error;
    admission_on_store_failure rate=local;
    empty_gif;
}
--- request
GET /t



=== TEST 16: limits of http
--- http_config
admission_rate a $uri rate=1r/h burst=0;
admission_limit a;
--- config
location = /t { empty_gif; }
location = /u { empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /u"]
--- error_code eval
[200, 429, 200]



=== TEST 17: limits of a server
--- http_config
admission_rate a $uri rate=1r/h burst=0;
--- config
admission_limit a;
location = /t { empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]



=== TEST 18: a level with limits has those and no others
A location that lists its own limits lists all: the server's are not added.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_rate b $server_name rate=1r/h burst=2;
--- config
admission_limit a;
location = /a { empty_gif; }
location = /b { admission_limit b; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /b", "GET /b", "GET /b", "GET /b"]
--- error_code eval
[200, 429, 200, 200, 200, 429]



=== TEST 19: a location in a location inherits from it
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_rate b $server_name rate=1r/h burst=1;
--- config
admission_limit a;
location /b {
    admission_limit b;
    location /b/c { location = /b/c/d { empty_gif; } }
}
--- request eval
["GET /b/c/d", "GET /b/c/d", "GET /b/c/d"]
--- error_code eval
[200, 200, 429]



=== TEST 20: an if inherits too
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t {
    admission_limit a;
    empty_gif;
    if ($arg_x) { set $y 1; }
}
--- request eval
["GET /t?x=1", "GET /t?x=1"]
--- error_code eval
[200, 429]



=== TEST 21: the switch is inherited, and is a level's own
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission off;
--- config
admission_limit a;
location = /off { empty_gif; }
location = /on { admission on; empty_gif; }
--- request eval
["GET /off", "GET /off", "GET /on", "GET /on", "GET /off"]
--- error_code eval
[200, 200, 200, 429, 200]



=== TEST 22: one limit in many locations is one budget
--- http_config
admission_rate a $server_name rate=1r/h burst=1;
--- config
location = /t { admission_limit a; empty_gif; }
location = /u { admission_limit a; empty_gif; }
--- request eval
["GET /t", "GET /u", "GET /t", "GET /u"]
--- error_code eval
[200, 200, 429, 429]



=== TEST 23: a key of several variables and text
--- http_config
admission_rate a "$arg_a:$arg_b" rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- request eval
["GET /t?a=1&b=2", "GET /t?a=12&b=", "GET /t?a=1&b=2", "GET /t?a=&b=12"]
--- error_code eval
[200, 200, 429, 200]



=== TEST 24: costs that can pass
--- http_config
admission_rate a $binary_remote_addr rate=1r/s burst=5;
--- config
location = /a { admission_limit a cost=6; }
location = /b { admission_limit a cost=0; }
location = /c { admission_limit a cost=; }
location = /d { admission_limit a cost=10 burst=9; }
location = /e { admission_limit a burst=0; }
