# admission_upstream, admission_shed: what nginx -t says of wrong ones.
#
# What protects a shop has to do so on the day on which it is needed, and no
# day before shows that a word was misspelt, a limit was meant for another
# upstream, or that those who are shed are sent to a page that there is not.

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

no_long_string();
run_tests();

__DATA__

=== TEST 1: an upstream without a name
--- http_config
admission_upstream;
--- error_log
[emerg]
invalid number of arguments in "admission_upstream" directive in



=== TEST 2: ... with a name that is none
--- http_config
admission_upstream a/b;
--- error_log
[emerg]
invalid name "a/b" in "admission_upstream", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 3: ... with one that is a word of its users
--- http_config
admission_upstream off;
--- error_log
[emerg]
name "off" in "admission_upstream" is reserved in



=== TEST 4: ... with one that is the circuit of Redis
--- http_config
admission_upstream store;
--- error_log
[emerg]
name "store" in "admission_upstream" is reserved in



=== TEST 5: ... twice
--- http_config
admission_upstream shop;
admission_upstream shop concurrency=8;
--- error_log eval
["[emerg]", qr/upstream "shop" is already defined at \S+nginx\.conf:\d+ in /]



=== TEST 6: ... in a server
--- config
admission_upstream shop;
--- error_log
[emerg]
"admission_upstream" directive is not allowed here in



=== TEST 7: an unknown word
--- http_config
admission_upstream shop concurency=8;
--- error_log
[emerg]
invalid parameter "concurency=8" in "admission_upstream", it must be "concurrency=", "min=", "max=", "failures=", "error_rate=", "min_requests=", "window=", "slow=", "successes=", "open=", "max_open=", "budget=" or "lag=" in



=== TEST 8: one word twice
--- http_config
admission_upstream shop open=1s open=2s;
--- error_log
[emerg]
duplicate parameter "open=2s" in "admission_upstream" in



=== TEST 9: no room at all
--- http_config
admission_upstream shop concurrency=0;
--- error_log
[emerg]
invalid value "0" of "concurrency=" in "admission_upstream", it must be a number from 1 to 100000, or "adaptive" in



=== TEST 10: a word that is nearly right
--- http_config
admission_upstream shop concurrency=auto;
--- error_log
[emerg]
invalid value "auto" of "concurrency=" in "admission_upstream", it must be a number from 1 to 100000, or "adaptive" in



=== TEST 11: too many
--- http_config
admission_upstream shop concurrency=100001;
--- error_log
[emerg]
invalid value "100001" of "concurrency=" in "admission_upstream", it must be a number from 1 to 100000, or "adaptive" in



=== TEST 12: bounds of nothing
--- http_config
admission_upstream shop concurrency=adaptive min=0;
--- error_log
[emerg]
invalid value "0" of "min=" in "admission_upstream", it must be a number from 1 to 100000 in



=== TEST 13: ... that are not in order
--- http_config
admission_upstream shop concurrency=adaptive min=20 max=10;
--- error_log
[emerg]
"min=20" of upstream "shop" in "admission_upstream" is above "max=10", it must be at most that in



=== TEST 14: ... of a limit that does not move
--- http_config
admission_upstream shop concurrency=8 max=10;
--- error_log
[emerg]
"max=" of upstream "shop" in "admission_upstream" has no use without "concurrency=adaptive" in



=== TEST 15: ... without a limit
--- http_config
admission_upstream shop min=2;
--- error_log
[emerg]
"min=" of upstream "shop" in "admission_upstream" has no use without "concurrency=adaptive" in



=== TEST 16: failures that are no number
--- http_config
admission_upstream shop failures=some;
--- error_log
[emerg]
invalid value "some" of "failures=" in "admission_upstream", it must be a number from 0 to 100000 in



=== TEST 17: a share without its sign
--- http_config
admission_upstream shop error_rate=50;
--- error_log
[emerg]
invalid value "50" of "error_rate=" in "admission_upstream", it must be a share from 0.1% to 100%, as "50%", or 0 in



=== TEST 18: ... of more than there is
--- http_config
admission_upstream shop error_rate=100.1%;
--- error_log
[emerg]
invalid value "100.1%" of "error_rate=" in "admission_upstream", it must be a share from 0.1% to 100%, as "50%", or 0 in



=== TEST 19: ... finer than it is counted
--- http_config
admission_upstream shop error_rate=0.05%;
--- error_log
[emerg]
invalid value "0.05%" of "error_rate=" in "admission_upstream", it must be a share from 0.1% to 100%, as "50%", or 0 in



=== TEST 20: ... and nothing but a sign
--- http_config
admission_upstream shop error_rate=%;
--- error_log
[emerg]
invalid value "%" of "error_rate=" in "admission_upstream", it must be a share from 0.1% to 100%, as "50%", or 0 in



=== TEST 21: a rate of no requests
--- http_config
admission_upstream shop min_requests=0;
--- error_log
[emerg]
invalid value "0" of "min_requests=" in "admission_upstream", it must be a number from 1 to 100000 in



=== TEST 22: a window that is none
--- http_config
admission_upstream shop window=10;
admission_upstream fast window=99ms;
--- error_log
[emerg]
invalid value "99ms" of "window=" in "admission_upstream", it must be a time from 100ms to 1h, as "10s" in



=== TEST 23: what belongs to a rate that is not looked at
--- http_config
admission_upstream shop error_rate=0 min_requests=20;
--- error_log
[emerg]
"min_requests=" of upstream "shop" in "admission_upstream" has no use without "error_rate=" in



=== TEST 24: ... its window
--- http_config
admission_upstream shop failures=0 error_rate=0 window=10s;
--- error_log
[emerg]
"window=" of upstream "shop" in "admission_upstream" has no use without "failures=" or "error_rate=" in



=== TEST 25: ... and what is too slow
--- http_config
admission_upstream shop error_rate=0% slow=1s;
--- error_log
[emerg]
"slow=" of upstream "shop" in "admission_upstream" has no use without "error_rate=" in



=== TEST 26: slow from the start
--- http_config
admission_upstream shop slow=0;
--- error_log
[emerg]
invalid value "0" of "slow=" in "admission_upstream", it must be a time from 1ms to 1h, as "2s" in



=== TEST 27: closed by nothing
--- http_config
admission_upstream shop successes=0;
--- error_log
[emerg]
invalid value "0" of "successes=" in "admission_upstream", it must be a number from 1 to 1000 in



=== TEST 28: open for no time
--- http_config
admission_upstream shop open=0;
--- error_log
[emerg]
invalid value "0" of "open=" in "admission_upstream", it must be a time from 100ms to 1d, as "30s" in



=== TEST 29: ... for longer than at most
--- http_config
admission_upstream shop open=2m max_open=1m;
--- error_log
[emerg]
"open=" of 120000ms of upstream "shop" in "admission_upstream" is longer than "max_open=" of 60000ms, it must be at most that in



=== TEST 30: at most for ever
--- http_config
admission_upstream shop max_open=2d;
--- error_log
[emerg]
invalid value "2d" of "max_open=" in "admission_upstream", it must be a time from 100ms to 1d, as "300s" in



=== TEST 31: a budget of nothing
--- http_config
admission_upstream shop budget=0;
--- error_log
[emerg]
invalid value "0" of "budget=" in "admission_upstream", it must be a time from 1ms to 1h, as "2s" in



=== TEST 32: ... of no time
--- http_config
admission_upstream shop budget=two;
--- error_log
[emerg]
invalid value "two" of "budget=" in "admission_upstream", it must be a time from 1ms to 1h, as "2s" in



=== TEST 33: a lag that any turn of the loop has
--- http_config
admission_upstream shop lag=5ms;
--- error_log
[emerg]
invalid value "5ms" of "lag=" in "admission_upstream", it must be a time from 10ms to 1m, as "1s", or 0 in



=== TEST 34: a shed without a name
--- http_config
admission_upstream shop;
--- config
admission_shed;
--- error_log
[emerg]
invalid number of arguments in "admission_shed" directive in



=== TEST 35: ... of an upstream that there is not
--- http_config
admission_upstream shop;
admission_upstream pay;
--- config
location = /t {
    admission_shed shpo;
}
--- error_log eval
["[emerg]", qr/unknown upstream "shpo" in "admission_shed" at \S+nginx\.conf:\d+, "admission_upstream" defines "shop", "pay"/]



=== TEST 36: ... where none is defined: nginx' own is none
--- http_config
upstream shop { server 127.0.0.1:1; }
--- config
location = /t {
    admission_shed shop;
    proxy_pass http://shop;
}
--- error_log eval
["[emerg]", qr/unknown upstream "shop" in "admission_shed" at \S+nginx\.conf:\d+, "admission_upstream" defines none/]



=== TEST 37: one upstream twice in one place
--- http_config
admission_upstream shop;
--- config
location = /t {
    admission_shed shop;
    admission_shed shop priority=1;
}
--- error_log eval
["[emerg]", qr/shed "shop" is already set at \S+nginx\.conf:\d+ in /]



=== TEST 38: off beside a name
--- http_config
admission_upstream shop;
--- config
location = /t {
    admission_shed shop;
    admission_shed off;
}
--- error_log
[emerg]
"admission_shed off" must be the only "admission_shed" of its level in



=== TEST 39: ... and a name behind it
--- http_config
admission_upstream shop;
--- config
location = /t {
    admission_shed off;
    admission_shed shop;
}
--- error_log
[emerg]
"admission_shed off" must be the only "admission_shed" of its level in



=== TEST 40: ... twice
--- config
location = /t {
    admission_shed off;
    admission_shed off;
}
--- error_log
[emerg]
"admission_shed off" must be the only "admission_shed" of its level in



=== TEST 41: off, and more: that is a name
--- config
location = /t {
    admission_shed off priority=1;
}
--- error_log eval
["[emerg]", qr/unknown upstream "off" in "admission_shed" at /]



=== TEST 42: an unknown word
--- http_config
admission_upstream shop;
--- config
location = /t {
    admission_shed shop prio=1;
}
--- error_log
[emerg]
invalid parameter "prio=1" in "admission_shed", it must be "priority=" or "fallback=" in



=== TEST 43: one word twice
--- http_config
admission_upstream shop;
--- config
location = /t {
    admission_shed shop priority=1 priority=2;
}
--- error_log
[emerg]
duplicate parameter "priority=2" in "admission_shed" in



=== TEST 44: a priority that is nothing
--- http_config
admission_upstream shop;
--- config
location = /t {
    admission_shed shop priority=;
}
--- error_log
[emerg]
invalid value "" of "priority=" in "admission_shed", it must be a digit, of which 0 is shed last, or have a variable in



=== TEST 45: ... or is known already, and is no digit
--- http_config
admission_upstream shop;
--- config
location = /t {
    admission_shed shop priority=10;
}
--- error_log
[emerg]
invalid value "10" of "priority=" in "admission_shed", it must be a digit, of which 0 is shed last, or have a variable in



=== TEST 46: ... or of a variable that there is not
--- http_config
admission_upstream shop;
--- config
location = /t {
    admission_shed shop priority=$nothing;
}
--- error_log
[emerg]
unknown "nothing" variable



=== TEST 47: a fallback that is no named location
--- http_config
admission_upstream shop;
--- config
location = /t {
    admission_shed shop fallback=/busy;
}
--- error_log
[emerg]
invalid value "/busy" of "fallback=" in "admission_shed", it must be a named location, as "@busy" in



=== TEST 48: ... that has no name
--- http_config
admission_upstream shop;
--- config
location = /t {
    admission_shed shop fallback=@;
}
--- error_log
[emerg]
invalid value "@" of "fallback=" in "admission_shed", it must be a named location, as "@busy" in



=== TEST 49: ... that there is not
--- http_config
admission_upstream shop;
--- config
location @busier { return 200; }
location = /t {
    admission_shed shop fallback=@busy;
}
--- error_log eval
["[emerg]", qr/unknown location "\@busy" of "fallback=" in "admission_shed" at \S+nginx\.conf:\d+, the server at \S+nginx\.conf:\d+ has none of that name/]



=== TEST 50: ... that is in another server
--- http_config
admission_upstream shop;
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location @busy { return 200; }
}
--- config
location = /t {
    admission_shed shop fallback=@busy;
}
--- error_log eval
["[emerg]", qr/unknown location "\@busy" of "fallback=" in "admission_shed" at \S+nginx\.conf:\d+, the server at \S+nginx\.conf:\d+ has none of that name/]



=== TEST 51: ... that one of the servers which inherit it has not
--- http_config
admission_upstream shop;
admission_shed shop fallback=@busy;
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location @busy { return 200; }
}
--- config
location = /t { return 200; }
--- error_log eval
["[emerg]", qr/unknown location "\@busy" of "fallback=" in "admission_shed" at /]



=== TEST 52: more upstreams than there may be
--- http_config eval
CORE::join "\n", map { "admission_upstream u$_;" } 1 .. 33
--- error_log
[emerg]
upstream "u33" is one too many, a node has at most 32 in
