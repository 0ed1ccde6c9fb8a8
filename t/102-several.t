# Several limits in one place: all pass, or none is charged.
#
# A customer who is refused because the whole shop is over its limit has not
# used anything: charged all the same, the customer is refused again when the
# shop has room, for requests that were never served.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: the narrowest decides, whatever the order
--- http_config
admission_rate wide $server_name rate=1r/h burst=9;
admission_rate narrow $server_name rate=1r/h burst=0;
--- config
location = /a { admission_limit wide; admission_limit narrow; empty_gif; }
--- pipelined_requests eval
["GET /a", "GET /a"]
--- error_code eval
[200, 429]
--- response_body_like eval
["GIF", '"policy":"narrow"']



=== TEST 2: the first one is given back when the second refuses
What is left of "a" is seen by a location that has it alone.
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=0;
--- config
add_header X-Remaining $admission_remaining always;
location = /both { admission_limit a; admission_limit b; empty_gif; }
location = /a { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /both", "GET /both", "GET /both", "GET /both", "GET /a"]
--- error_code eval
[200, 429, 429, 429, 200]
--- response_headers eval
["X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 0",
 "X-Remaining: 8"]



=== TEST 3: the second one is not looked at when the first refuses
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_rate b $server_name rate=1r/h burst=9;
--- config
add_header X-Remaining $admission_remaining always;
location = /both { admission_limit a; admission_limit b; empty_gif; }
location = /b { admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /both", "GET /both", "GET /both", "GET /b"]
--- error_code eval
[200, 429, 429, 200]
--- response_headers eval
["X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 8"]



=== TEST 4: what is given back is what was taken
A cost of 3 comes back as 3.
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=0;
--- config
add_header X-Remaining $admission_remaining always;
location = /both { admission_limit a cost=3; admission_limit b; empty_gif; }
location = /a { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /both", "GET /both", "GET /both", "GET /a"]
--- error_code eval
[200, 429, 429, 200]
--- response_headers eval
["X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 6"]



=== TEST 5: three limits, the last one refuses
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=8;
admission_rate c $server_name rate=1r/h burst=0;
--- config
add_header X-Remaining $admission_remaining always;
location = /abc {
    admission_limit a;
    admission_limit b;
    admission_limit c;
    empty_gif;
}
location = /a { admission_limit a; empty_gif; }
location = /b { admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /abc", "GET /abc", "GET /abc", "GET /a", "GET /b"]
--- error_code eval
[200, 429, 429, 200, 200]
--- response_headers eval
["X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 8",
 "X-Remaining: 7"]



=== TEST 6: a bad cost at the second limit gives the first one back
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=9;
--- config
add_header X-Remaining $admission_remaining always;
location = /both {
    admission_limit a;
    admission_limit b cost=$arg_n;
    empty_gif;
}
location = /a { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /both?n=x", "GET /both?n=x", "GET /a"]
--- error_code eval
[400, 400, 200]
--- response_headers eval
["X-Remaining: 9", "X-Remaining: 9", "X-Remaining: 9"]



=== TEST 7: the least of what is left is told
--- http_config
admission_rate a $server_name rate=1r/h burst=4;
admission_rate b $server_name rate=1r/h burst=2;
admission_rate c $server_name rate=1r/h burst=7;
--- config
add_header X-Remaining $admission_remaining always;
location = /t {
    admission_limit a;
    admission_limit b;
    admission_limit c;
    empty_gif;
}
--- request
GET /t
--- response_headers
X-Remaining: 2



=== TEST 8: two rates with the same key know nothing of each other
A per-minute and a per-day limit of one client live in one table; sharing a
word, each would count the other's requests.
--- http_config
admission_zone shop 64k;
admission_rate a $arg_k rate=1r/h burst=1 zone=shop;
admission_rate b $arg_k rate=1r/h burst=1 zone=shop;
--- config
location = /a { admission_limit a; empty_gif; }
location = /b { admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /a?k=1", "GET /a?k=1", "GET /a?k=1", "GET /b?k=1", "GET /b?k=1",
 "GET /b?k=1"]
--- error_code eval
[200, 200, 429, 200, 200, 429]



=== TEST 9: the same in two zones
--- http_config
admission_zone one 64k;
admission_zone two 64k;
admission_rate a $arg_k rate=1r/h burst=0 zone=one;
admission_rate b $arg_k rate=1r/h burst=0 zone=two;
--- config
location = /a { admission_limit a; empty_gif; }
location = /b { admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /a?k=1", "GET /b?k=1", "GET /a?k=1", "GET /b?k=1"]
--- error_code eval
[200, 200, 429, 429]



=== TEST 10: the time to come back is true for all of them
Who comes back when the first limit has room and is refused by the second has
waited for nothing.
--- http_config
admission_rate soon $server_name rate=1r/m burst=0;
admission_rate late $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit soon; admission_limit late; empty_gif; }
location = /u { admission_limit late; admission_limit soon; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /u"]
--- error_code eval
[200, 429, 429]
--- response_headers eval
["! Retry-After", qq{Retry-After: 3600
RateLimit-Policy: "soon";q=1;w=60},
 qq{Retry-After: 3600
RateLimit-Policy: "late";q=1;w=3600}]



=== TEST 11: and asking the others takes nothing from them
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_rate b $server_name rate=1r/h burst=9;
--- config
add_header X-Remaining $admission_remaining always;
location = /both { admission_limit a; admission_limit b cost=5; empty_gif; }
location = /b { admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /both", "GET /both", "GET /both", "GET /both", "GET /b"]
--- error_code eval
[200, 429, 429, 429, 200]
--- response_headers eval
["X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 0",
 "X-Remaining: 4"]
