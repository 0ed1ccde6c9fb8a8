# The body of a request that is refused.
#
# A POST is refused before its body was read.  On a connection that lives on,
# what is left of it would be read as the next request: one client's body
# would be another's order behind a shared proxy (request smuggling), and the
# answers would belong to other requests than those they were for.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a request in the body of a refused one
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
location = /smuggled { return 200 "smuggled\n"; }
location = /next { return 200 "next\n"; }
--- pipelined_requests eval
["POST /t\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /next"]
--- error_code eval
[429, 200]
--- response_body_like eval
['"reason":"cost"', '^next$']
--- no_access_log
/smuggled



=== TEST 2: the connection lives on
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
location = /next { return 200 "next\n"; }
--- pipelined_requests eval
["POST /t\nbody", "POST /t\nbody", "GET /next"]
--- error_code eval
[429, 429, 200]
--- response_headers eval
["Connection: keep-alive", "Connection: keep-alive", "Connection: close"]



=== TEST 3: a chunked body with a request in it
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
location = /smuggled { return 200 "smuggled\n"; }
location = /next { return 200 "next\n"; }
--- raw_request eval
"POST /t HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
. "30\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n123456\r\n0\r\n\r\n"
. "GET /next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
--- ignore_response
--- access_log eval
["POST /t HTTP/1.1\" 429", "GET /next HTTP/1.1\" 200"]
--- no_error_log
smuggled HTTP/1.1", host
[alert]



=== TEST 4: a body that comes late, in pieces
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
location = /next { return 200 "next\n"; }
--- raw_request eval
["POST /t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60\r\n\r\n",
 "GET /smuggled HTTP/1.1\r\n", "Host: localhost\r\n\r\n", "x" x 17,
 "GET /next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"]
--- raw_request_middle_delay: 0.05
--- ignore_response
--- grep_error_log eval: qr/http request line: "[^"]*"/
--- grep_error_log_out
http request line: "POST /t HTTP/1.1"
http request line: "GET /next HTTP/1.1"



=== TEST 5: a body larger than all buffers
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
location = /next { return 200 "next\n"; }
--- pipelined_requests eval
["POST /t\n" . "GET /smuggled HTTP/1.0\r\n\r\n" x 10000, "GET /next"]
--- error_code eval
[429, 200]
--- response_body_like eval
['"reason":"cost"', '^next$']



=== TEST 6: exact limits refuse while the body is on its way
--- http_config
admission_rate a $server_name rate=1r/h burst=0 scope=exact;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
location = /next { return 200 "next\n"; }
--- pipelined_requests eval
["POST /t\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /next"]
--- error_code eval
[429, 200]
--- response_body_like eval
['"reason":"cost"', '^next$']



=== TEST 7: a client that asks first is not told to go on
100 would ask it for the body that nobody wants.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- raw_request eval
"POST /t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
--- shutdown: 1
--- error_code: 429
--- response_body_like: "reason":"cost"



=== TEST 8: one who is admitted is told so
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { return 200 "$http_content_length\n"; }
}
--- config
location = /t {
    admission_limit a;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- raw_request eval
["POST /t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
 "hello"]
--- raw_request_middle_delay: 0.1
--- error_code: 100



=== TEST 9: chunks that are none
The refusal stays one; the connection does not live on.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- raw_request eval
"POST /t HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
. "zz\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
--- error_code_like: ^(400|429)$
--- no_access_log
/smuggled



=== TEST 10: HEAD refused has the fields, and no body
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
location = /next { return 200 "next\n"; }
--- raw_request eval
"HEAD /t HTTP/1.1\r\nHost: localhost\r\n\r\n"
. "GET /next HTTP/1.0\r\nHost: localhost\r\n\r\n"
--- error_code: 429
--- response_headers_like
Content-Type: application/problem\+json
Content-Length: [1-9]\d\d
Cache-Control: no-store
Vary: Accept
--- response_body_like: ^HTTP/1\.1 200 OK



=== TEST 11: HTTP/1.0 with a body
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- request
POST /t HTTP/1.0
hello
--- error_code: 429
--- response_headers
! Transfer-Encoding
Connection: close
--- response_body_like: "reason":"cost"
