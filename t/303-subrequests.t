# Sub-requests are nginx's own, and cost nobody anything.
#
# A page that is put together from ten parts by SSI, or checked by
# auth_request, is one request of one customer; charged for its parts, the
# customer is refused half of the page.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: auth_request
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
admission_limit a;
add_header X-Remaining $admission_remaining always;
location = /t { auth_request /auth; empty_gif; }
location = /auth { internal; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- response_headers eval
["X-Remaining: 9", "X-Remaining: 8"]



=== TEST 2: auth_request that would be refused for itself
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate none $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a; auth_request /auth; empty_gif; }
location = /auth { set $cost 2; internal; admission_limit none cost=$cost; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[200, 200]



=== TEST 3: auth_request by a proxy, before a redirect with another limit
What the sub-request heard from its upstream is not the client's answer.
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_rate b $server_name rate=1r/h burst=0;
server { listen $TEST_NGINX_RAND_PORT_1; location / { return 204; } }
--- config
location = /t {
    admission_limit a;
    auth_request /auth;
    try_files /nowhere @u;
}
location = /auth {
    internal;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location @u { admission_limit b; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]



=== TEST 4: auth_request comes behind the limit, and what it denies stays charged
Guesses of a password are what a limit is for.
--- http_config
admission_rate a $server_name rate=1r/h burst=1;
--- config
location = /t { admission_limit a; auth_request /auth; empty_gif; }
location = /auth { internal; return 403; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[403, 403, 429]



=== TEST 5: an exact limit comes behind auth_request
Who may not enter is not taken to the store.
--- http_config
admission_rate a $server_name rate=1r/h burst=0 scope=exact;
--- config
add_header X-Trips $admission_trips always;
location = /t { admission_limit a; auth_request /auth; empty_gif; }
location = /auth { internal; if ($http_x_in = "") { return 403; } return 204; }
--- request eval
[("GET /t") x 5]
--- more_headers eval
["X-None: 1", "X-None: 1", "X-In: 1", "X-In: 1", "X-None: 1"]
--- error_code eval
[403, 403, 200, 429, 403]
--- response_headers eval
["X-Trips: 0", "X-Trips: 0", "X-Trips: 1", "X-Trips: 1", "X-Trips: 0"]



=== TEST 6: mirror
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
admission_limit a;
add_header X-Remaining $admission_remaining always;
location = /t { mirror /copy; empty_gif; }
location = /copy { internal; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- response_headers eval
["X-Remaining: 9", "X-Remaining: 8"]



=== TEST 7: nothing is mirrored of what is refused
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
log_format copied 'mirrored $request_method';
server {
    listen $TEST_NGINX_RAND_PORT_1;
    access_log logs/access.log copied;
    location / { return 200; }
}
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; mirror /copy; empty_gif; }
location = /copy {
    internal;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
GET /t
--- error_code: 429
--- no_access_log
mirrored



=== TEST 8: parts of a page, by SSI
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
admission_limit a;
location = /page.html { ssi on; add_header X-Remaining $admission_remaining; }
location = /part { ssi on; default_type text/html; try_files /part.txt =404; }
--- user_files
>>> page.html
<!--#include virtual="/part"--><!--#include virtual="/part"-->.
>>> part.txt
part
--- request eval
["GET /page.html", "GET /page.html"]
--- response_headers eval
["X-Remaining: 9", "X-Remaining: 8"]
--- response_body eval
["part\npart\n.\n", "part\npart\n.\n"]



=== TEST 9: a part that is behind a limit that lets nobody in
--- http_config
admission_rate none $server_name rate=1r/h burst=0;
--- user_files
>>> page.html
<!--#include virtual="/part"-->.
>>> part.txt
part
--- config
location = /page.html { ssi on; }
location = /part { set $cost 2; admission_limit none cost=$cost; try_files /part.txt =404; }
--- request
GET /page.html
--- response_body
part
.



=== TEST 10: variables of a part are those of the page
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- user_files
>>> page.html
<!--#include virtual="/part"-->.
>>> part.html
<!--#echo var="admission_verdict"-->, <!--#echo var="admission_remaining"-->
--- config
location = /page.html { ssi on; admission_limit a; }
location = /part { ssi on; default_type text/html; try_files /part.html =404; }
--- request
GET /page.html
--- response_body
admit, 9
.
