# What a refusal tells a program: Retry-After, RateLimit-Policy, RateLimit.
#
# Clients wait as long as these say (draft-ietf-httpapi-ratelimit-headers-10).
# Too short a time, and all of them are back before there is room; too long,
# and they have gone to buy elsewhere.  Monitoring outside of this repository
# reads the quota.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: all of them
--- http_config
admission_rate per_ip $binary_remote_addr rate=1r/h burst=2;
--- config
location = /t { admission_limit per_ip; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 200, 429]
--- response_headers eval
[("! Retry-After\n! RateLimit-Policy\n! RateLimit\n! Cache-Control\n! Vary") x 3,
 qq{Retry-After: 3600
RateLimit-Policy: "per_ip";q=3;w=10800
RateLimit: "per_ip";r=0;t=3600
Cache-Control: no-store}]



=== TEST 2: each of them once
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_rate b $server_name rate=1r/h burst=9;
--- config
location = /t { admission_limit b; admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- raw_response_headers_unlike eval
["RateLimit", qr/(Retry-After|RateLimit|RateLimit-Policy|Cache-Control|Vary):.*\1:/s]



=== TEST 3: the window is that of the whole quota, rounded up
--- http_config
admission_rate a $server_name rate=7r/h burst=2;
admission_rate b $server_name rate=1000r/s burst=1;
admission_rate c $server_name rate=500r/d burst=0;
--- config
location = /a { set $cost 4; admission_limit a cost=$cost; empty_gif; }
location = /b { set $cost 3; admission_limit b cost=$cost; empty_gif; }
location = /c { set $cost 2; admission_limit c cost=$cost; empty_gif; }
location = /d { set $cost 3; admission_limit c cost=$cost burst=1; empty_gif; }
--- request eval
["GET /a", "GET /b", "GET /c", "GET /d"]
--- error_code eval
[429, 429, 429, 429]
--- response_headers eval
['RateLimit-Policy: "a";q=3;w=1543', 'RateLimit-Policy: "b";q=2;w=1',
 'RateLimit-Policy: "c";q=1;w=173', 'RateLimit-Policy: "c";q=2;w=346']



=== TEST 4: units that are left, but too few
The time is that of this request's cost.
--- http_config
admission_rate a $server_name rate=1r/h burst=4;
--- config
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- pipelined_requests eval
["GET /t?n=3", "GET /t?n=3", "GET /t?n=5"]
--- error_code eval
[200, 429, 429]
--- response_headers eval
["! RateLimit",
 qq{Retry-After: 3600
RateLimit-Policy: "a";q=5;w=18000
RateLimit: "a";r=2;t=3600},
 qq{Retry-After: 10800
RateLimit-Policy: "a";q=5;w=18000
RateLimit: "a";r=2;t=10800}]



=== TEST 5: a time below a second is one second
0 would be an invitation to come back at once.
--- http_config
admission_rate a $server_name rate=2r/s burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers eval
["! Retry-After", qq{Retry-After: 1
RateLimit: "a";r=0;t=1}]



=== TEST 6: the time is true: after it the request passes
--- http_config
admission_rate a $server_name rate=2r/s burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
location = /u { admission_limit a cost=2 burst=1; empty_gif; }
--- wait: 1
--- request eval
["GET /u", "GET /t"]
--- error_code eval
[200, 200]



=== TEST 7: the use's burst, not the rate's
--- http_config
admission_rate a $server_name rate=1r/m burst=100;
--- config
location = /t { admission_limit a burst=1; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 429]
--- response_headers eval
["! RateLimit-Policy", "! RateLimit-Policy",
 qq{RateLimit-Policy: "a";q=2;w=120
RateLimit: "a";r=0;t=60}]



=== TEST 8: of several limits, the one that refuses
--- http_config
admission_rate wide $server_name rate=1r/h burst=99;
admission_rate narrow $server_name rate=1r/m burst=0;
--- config
location = /t { admission_limit wide; admission_limit narrow; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers eval
["! RateLimit-Policy", qq{Retry-After: 60
RateLimit-Policy: "narrow";q=1;w=60
RateLimit: "narrow";r=0;t=60}]



=== TEST 9: a name with all that names may have
--- http_config
admission_rate a_B.c-1 $server_name rate=1r/m burst=0;
--- config
location = /t { admission_limit a_B.c-1; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers eval
["! RateLimit", 'RateLimit: "a_B.c-1";r=0;t=60']
