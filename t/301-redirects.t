# Limits along a request's way through internal redirects.
#
# index, try_files and named locations send one request through several
# locations.  A limit that is applied in each of them charges a customer twice
# for one page; one that is only looked at in the first lets everybody into
# the second by asking for another name.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: index: the same limit once
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- user_files
>>> shop/index.html
welcome
--- config
add_header X-Remaining $admission_remaining always;
location /shop/ { admission_limit a; root html; index index.html; }
--- request
GET /shop/
--- response_headers
X-Remaining: 9
--- response_body
welcome



=== TEST 2: index: the limit of the place it leads to, too
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=4;
--- user_files
>>> shop/index.html
welcome
--- config
add_header X-Remaining $admission_remaining always;
location /shop/ { admission_limit a; root html; index index.html; }
location = /shop/index.html { admission_limit b; root html; }
location = /a { admission_limit a; empty_gif; }
--- request eval
["GET /shop/", "GET /a"]
--- response_headers eval
["X-Remaining: 4", "X-Remaining: 8"]



=== TEST 3: try_files into a location of the same limit
--- http_config
admission_rate a $server_name rate=1r/h burst=1;
--- config
location = /t { admission_limit a; try_files /nowhere /u; }
location = /u { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 429]



=== TEST 4: try_files into a named location of another limit
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a; try_files /nowhere @u; }
location @u { admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_body_like eval
["GIF", '"policy":"b"']



=== TEST 5: what the first location took is given back by a refusal in the second
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=0;
--- config
add_header X-Remaining $admission_remaining always;
location = /t { admission_limit a; try_files /nowhere @u; }
location @u { admission_limit b; empty_gif; }
location = /a { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /a"]
--- error_code eval
[200, 429, 429, 200]
--- response_headers eval
["X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 0", "X-Remaining: 8"]



=== TEST 6: from a location without limits into one with
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { try_files /nowhere @u; }
location @u { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]



=== TEST 7: from a location with limits into one that is off
What was charged stays charged: the request was admitted.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_rate b $server_name rate=1r/h burst=0;
--- config
add_header X-Verdict $admission_verdict always;
location = /t { admission_limit a; try_files /nowhere @u; }
location @u { admission off; admission_limit b; empty_gif; }
location = /b { admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /b"]
--- error_code eval
[200, 429, 200]
--- response_headers eval
["X-Verdict: admit", "X-Verdict: limit", "X-Verdict: admit"]



=== TEST 8: a rewrite into another location has that one's limits only
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_rate b $server_name rate=1r/h burst=1;
--- config
location = /t { admission_limit a; rewrite ^ /u last; }
location = /u { admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 429]



=== TEST 9: an error page of nginx's own answer
Nobody has answered yet but nginx: a page behind a limit is behind it.
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=0;
--- config
error_page 404 = @page;
location = /t { admission_limit a; root html/nowhere; }
location @page { admission_limit a; admission_limit b; empty_gif; }
location = /a { add_header X-Remaining $admission_remaining; admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /a"]
--- error_code eval
[200, 429, 200]
--- response_headers eval
["! X-Remaining", "! X-Remaining", "X-Remaining: 8"]



=== TEST 10: through three locations, an exact limit travels once
--- http_config
admission_rate a $server_name rate=1r/h burst=1 scope=exact;
--- config
add_header X-Trips $admission_trips always;
location = /t { admission_limit a; try_files /nowhere /u; }
location = /u { admission_limit a; try_files /nowhere @v; }
location @v { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 429]
--- response_headers eval
["X-Trips: 1", "X-Trips: 1", "X-Trips: 1"]



=== TEST 11: each request is decided and counted once
Dashboards divide these by one another.
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=9;
--- config
location = /t { admission_limit a; try_files /nowhere @u; }
location @u { admission_limit b; empty_gif; }
location = /status { admission_status; }
--- request eval
["GET /t", "GET /t", "GET /status"]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
["GIF", "GIF",
 qr/verdict="admit",reason="",dry_run="0"\} 2\n.*name="a",verdict="admit",dry_run="0"\} 2\n.*name="b",verdict="admit",dry_run="0"\} 2\n.*^admission_decision_seconds_count 2$/ms]
