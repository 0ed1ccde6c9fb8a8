# What a request costs.
#
# A cart of ten pieces weighs more than a look at it.  A cost that is misread
# is either free tickets or a shop that refuses everybody; one that can never
# pass must not come with a time to try again.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a cost of more than 1
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
add_header X-Remaining $admission_remaining always;
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- pipelined_requests eval
["GET /t?n=4", "GET /t?n=4", "GET /t?n=4", "GET /t?n=2"]
--- error_code eval
[200, 200, 429, 200]
--- response_headers eval
["X-Remaining: 6", "X-Remaining: 2", "X-Remaining: 2", "X-Remaining: 0"]



=== TEST 2: a fixed cost
--- http_config
admission_rate a $server_name rate=1r/h burst=4;
--- config
location = /t { admission_limit a cost=5; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]



=== TEST 3: a cost of 0 passes also when nothing is left
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
add_header X-Remaining $admission_remaining always;
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- pipelined_requests eval
["GET /t?n=0", "GET /t?n=1", "GET /t?n=0", "GET /t?n=1"]
--- error_code eval
[200, 200, 200, 429]
--- response_headers eval
["X-Remaining: 1", "X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 0"]



=== TEST 4: an empty cost is 1
So that a map without a default does not open the door.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t?n="]
--- error_code eval
[200, 429]



=== TEST 5: the largest that ever passes
--- http_config
admission_rate a $server_name rate=1r/h burst=4;
--- config
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- request
GET /t?n=5



=== TEST 6: more than ever passes: nobody is told to try again
--- http_config
admission_rate a $server_name rate=1r/h burst=4;
--- config
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- request
GET /t?n=6
--- error_code: 429
--- response_headers
! Retry-After
RateLimit-Policy: "a";q=5;w=18000
RateLimit: "a";r=5
--- response_body_like: "reason":"cost","policy":"a","violated-policies":\["a"\]\}$



=== TEST 7: and nothing is taken by it
--- http_config
admission_rate a $server_name rate=1r/h burst=4;
--- config
add_header X-Remaining $admission_remaining always;
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- pipelined_requests eval
["GET /t?n=6", "GET /t?n=6", "GET /t?n=1"]
--- error_code eval
[429, 429, 200]
--- response_headers eval
["X-Remaining: 5", "X-Remaining: 5", "X-Remaining: 4"]



=== TEST 8: whether a cost can pass is the place's burst to say
--- http_config
admission_rate a $server_name rate=1r/h burst=4;
--- config
location = /deep { admission_limit a burst=9 cost=10; empty_gif; }
location = /shallow { set $cost 2; admission_limit a burst=0 cost=$cost; empty_gif; }
--- request eval
["GET /shallow", "GET /deep"]
--- error_code eval
[429, 200]
--- response_body_like eval
['"reason":"cost"', "GIF"]



=== TEST 9: the largest number
--- http_config
admission_rate a $server_name rate=1000000r/s burst=1000000;
--- config
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- request
GET /t?n=1000000



=== TEST 10: what is no cost is the client's mistake, and never free
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- pipelined_requests eval
["GET /t?n=x", "GET /t?n=-1", "GET /t?n=+1", "GET /t?n=1.5", "GET /t?n=0x1",
 "GET /t?n=1000001", "GET /t?n=18446744073709551616", "GET /t?n=%31",
 "GET /t?n=1,1", "GET /t?n=1"]
--- error_code eval
[(400) x 9, 200]



=== TEST 11: a bad cost in full
No time to come back: the same request will never be right.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- request
GET /t?n=x
--- error_code: 400
--- response_headers
! Retry-After
! RateLimit
! RateLimit-Policy
Content-Type: application/problem+json
--- response_body_like eval
qr/^\{"type":"about:blank","title":"Bad Request","status":400,"detail":"[^"]+","instance":"[0-9a-f]{32}","reason":"bad_cost","policy":"a"\}$/



=== TEST 12: behind a refusal, a cost that never fits
The first limit would pass in an hour, the second never will: to tell a time
would send the client round and round.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_rate b $server_name rate=1r/h burst=1;
--- config
location = /t {
    admission_limit a;
    admission_limit b cost=$arg_n;
    empty_gif;
}
--- pipelined_requests eval
["GET /t?n=1", "GET /t?n=1", "GET /t?n=3"]
--- error_code eval
[200, 429, 429]
--- response_headers eval
["! Retry-After", "Retry-After: 3600", "! Retry-After"]
