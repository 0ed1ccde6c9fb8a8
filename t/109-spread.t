# When a crowd is told to come back.
#
# A limit of one a second for all, and ten over it: told "in one second" they
# are ten again a second later, and nine of them hear it again.  So each is
# told its own second.  But who has a limit alone is not sent away for longer
# the more often it asks, and who comes early hears the time that it was told.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: nobody is sent away for long
The third would be due after two minutes, the fourth after three.
--- http_config
admission_rate all $server_name rate=1r/m burst=0;
--- config
location = /t { admission_limit all; empty_gif; }
--- request eval
[("GET /t") x 5]
--- more_headers eval
[map { "Idempotency-Key: shopper-$_" } 1 .. 5]
--- error_code eval
[200, (429) x 4]
--- response_headers_like eval
["", ("Retry-After: (59|60)") x 4]



=== TEST 2: who is alone with it is not put off
--- http_config
admission_rate all $server_name rate=1r/s burst=0;
--- config
location = /t { admission_limit all; empty_gif; }
--- request eval
[("GET /t") x 7]
--- error_code eval
[200, (429) x 6]
--- response_headers eval
["! Retry-After", ("Retry-After: 1") x 6]



=== TEST 3: each its own second
--- http_config
admission_rate all $server_name rate=1r/s burst=0;
--- config
location = /t { admission_limit all; empty_gif; }
--- request eval
[("GET /t") x 6]
--- more_headers eval
[map { "Cookie: shopper=$_" } 1 .. 6]
--- error_code eval
[200, (429) x 5]
--- response_headers eval
["! Retry-After", map { "Retry-After: $_" } 1, 1, 2, 3, 4]



=== TEST 4: the fields and the body say the same
--- http_config
admission_rate all $server_name rate=1r/s burst=0;
--- config
location = /t { admission_limit all; empty_gif; }
--- request eval
[("GET /t") x 4]
--- more_headers eval
[map { "User-Agent: browser/$_" } 1 .. 4]
--- error_code eval
[200, (429) x 3]
--- response_headers eval
["", "", "", "Retry-After: 2\nRateLimit: \"all\";r=0;t=2"]
--- response_body_like eval
["", "", "", '"retry_after":2}']



=== TEST 5: limits of their own are not one budget
--- http_config
admission_rate each $http_x_client rate=1r/s burst=0;
--- config
location = /t { admission_limit each; empty_gif; }
--- request eval
[("GET /t") x 6]
--- more_headers eval
[map { "X-Client: $_\nCookie: $_" } 1, 2, 3, 1, 2, 3]
--- error_code eval
[200, 200, 200, 429, 429, 429]
--- response_headers eval
[("! Retry-After") x 3, ("Retry-After: 1") x 3]



=== TEST 6: who comes early hears the time that it was told
--- http_config
admission_rate all $server_name rate=1r/s burst=0;
--- config
location = /t { admission_limit all; empty_gif; }
--- request eval
[("GET /t") x 9]
--- more_headers eval
[map { "Cookie: shopper=$_" } 1, 2, 3, 4, 5, 6, 6, 6, 6]
--- error_code eval
[200, (429) x 8]
--- response_headers_like eval
["", "", "", "", "", "Retry-After: 4", ("Retry-After: [34]") x 3]



=== TEST 7: two limits, two queues
--- http_config
admission_rate a a rate=1r/s burst=0;
admission_rate b b rate=1r/s burst=0;
--- config
location = /a { admission_limit a; empty_gif; }
location = /b { admission_limit b; empty_gif; }
--- request eval
["GET /a", "GET /b", "GET /a", "GET /a", "GET /a", "GET /b", "GET /b"]
--- more_headers eval
[map { "Cookie: shopper=$_" } 1 .. 7]
--- error_code eval
[200, 200, (429) x 5]
--- response_headers eval
["", "", map { "Retry-After: $_" } 1, 1, 2, 1, 1]



=== TEST 8: a rehearsal gives no units away
--- http_config
admission_rate all $server_name rate=1r/s burst=0;
--- config
location = /dry { admission dry_run; admission_limit all; empty_gif; }
location = /t { admission_limit all; empty_gif; }
--- request eval
[("GET /dry") x 5, ("GET /t") x 3]
--- more_headers eval
[map { "Cookie: shopper=$_" } 1 .. 8]
--- error_code eval
[(200) x 6, (429) x 2]
--- response_headers eval
[("! Retry-After") x 6, ("Retry-After: 1") x 2]
