# How many requests a rate admits, and when again.
#
# An operator who comes from limit_req reads "burst=9" as "ten at once, as
# with nodelay".  One fewer refuses customers whom the numbers promised a
# place; one more, or a budget that fills too fast, is load that the checkout
# was not measured for.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: burst + 1 at once
--- http_config
admission_rate a $server_name rate=1r/h burst=2;
--- config
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 200, 429, 429]



=== TEST 2: a burst of 0
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]



=== TEST 3: as limit_req with nodelay
The same numbers beside one another: both have to come to the same.
--- http_config
limit_req_zone $server_name zone=theirs:1m rate=1r/m;
limit_req_status 429;
admission_rate ours $server_name rate=1r/m burst=3;
--- config
location = /theirs { limit_req zone=theirs burst=3 nodelay; empty_gif; }
location = /ours { admission_limit ours; empty_gif; }
--- pipelined_requests eval
[("GET /theirs") x 6, ("GET /ours") x 6]
--- error_code eval
[(200) x 4, (429) x 2, (200) x 4, (429) x 2]



=== TEST 4: without a burst: one second's worth
What is left after the first request is the burst.
--- http_config
admission_rate a $server_name rate=10r/s;
admission_rate b $server_name rate=150r/m;
admission_rate c $server_name rate=1000000r/s;
--- config
add_header X-Remaining $admission_remaining always;
location = /a { admission_limit a; empty_gif; }
location = /b { admission_limit b; empty_gif; }
location = /c { admission_limit c; empty_gif; }
--- request eval
["GET /a", "GET /b", "GET /c"]
--- response_headers eval
["X-Remaining: 10", "X-Remaining: 2", "X-Remaining: 1000000"]



=== TEST 5: without a burst: at least 1
A rate below one a second would else refuse the page's second request.
--- http_config
admission_rate a $server_name rate=1r/s;
admission_rate b $server_name rate=59r/m;
admission_rate c $server_name rate=1r/d;
--- config
add_header X-Remaining $admission_remaining always;
location = /a { admission_limit a; empty_gif; }
location = /b { admission_limit b; empty_gif; }
location = /c { admission_limit c; empty_gif; }
--- request eval
["GET /a", "GET /b", "GET /c"]
--- response_headers eval
["X-Remaining: 1", "X-Remaining: 1", "X-Remaining: 1"]



=== TEST 6: a use with a burst of its own
The rate and the clients' state are the same, the depth is the place's.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a burst=2; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 200, 429]



=== TEST 7: two uses of one rate, a shallow and a deep one
Who is over the shallow one may still be within the deep one, whose requests
count in both.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /shallow { admission_limit a; empty_gif; }
location = /deep { admission_limit a burst=2; empty_gif; }
--- pipelined_requests eval
["GET /shallow", "GET /shallow", "GET /deep", "GET /deep", "GET /deep",
 "GET /shallow"]
--- error_code eval
[200, 429, 200, 200, 429, 429]



=== TEST 8: a refusal takes nothing
Clients that retry too early must not push their own turn away.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
add_header X-Remaining $admission_remaining always;
location = /t { admission_limit a; empty_gif; }
location = /deep { admission_limit a burst=4; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /t", "GET /deep"]
--- error_code eval
[200, 429, 429, 429, 200]
--- response_headers eval
["X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 0",
 "X-Remaining: 3"]



=== TEST 9: time gives back
--- http_config
admission_rate a $server_name rate=2r/s burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- wait: 0.6
--- request eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 200]



=== TEST 10: but not before its time
--- http_config
admission_rate a $server_name rate=2r/s burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 429, 429]



=== TEST 11: a budget never grows beyond its burst
--- http_config
admission_rate a $server_name rate=100r/s burst=1;
--- config
add_header X-Remaining $admission_remaining always;
location = /t { admission_limit a; empty_gif; }
--- wait: 0.2
--- request eval
["GET /t", "GET /t", "GET /t"]
--- response_headers eval
["X-Remaining: 1", "X-Remaining: 1", "X-Remaining: 1"]
