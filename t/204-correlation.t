# The correlation id: what a customer reads out to support, and support finds
# in the log.
#
# An id that differs between answer, variable and log finds nothing; one that
# is copied unchecked lets clients write into logs and pages.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: the client's, everywhere the same
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
add_header X-Said $admission_correlation always;
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- more_headers
X-Correlation-ID: Order_4711.a:b/c+d=e@f-g
--- request
GET /t
--- error_code: 429
--- response_headers
X-Said: Order_4711.a:b/c+d=e@f-g
--- response_body_like: "instance":"Order_4711\.a:b/c\+d=e\@f-g"
--- error_log
correlation: "Order_4711.a:b/c+d=e@f-g"



=== TEST 2: without one, $request_id
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
add_header X-Said "$admission_correlation $request_id" always;
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 429
--- response_headers_like
X-Said: ([0-9a-f]{32}) \1
--- response_body_like: "instance":"[0-9a-f]{32}"
--- error_log eval
qr/correlation: "[0-9a-f]{32}"/



=== TEST 3: the longest that is taken
--- config
add_header X-Said $admission_correlation always;
location = /t { empty_gif; }
--- more_headers eval
"X-Correlation-ID: " . "x" x 64
--- request
GET /t
--- response_headers eval
"X-Said: " . "x" x 64



=== TEST 4: what is not taken
Too long, empty, with a quote, markup, a space, a line's end in disguise, not
ASCII, and two of them.
--- config
add_header X-Said "<$admission_correlation>" always;
location = /t { empty_gif; }
--- request eval
[("GET /t") x 8]
--- more_headers eval
["X-Correlation-ID: " . "x" x 65, "X-Correlation-ID: ",
 "X-Correlation-ID: a\"b", "X-Correlation-ID: a<b>", "X-Correlation-ID: a b",
 "X-Correlation-ID: a%0Ab", "X-Correlation-ID: \xc3\xa4",
 "X-Correlation-ID: a\nX-Correlation-ID: b"]
--- response_headers_like eval
[("X-Said: <[0-9a-f]{32}>") x 8]



=== TEST 5: in any case of the field's name
--- config
add_header X-Said $admission_correlation always;
location = /t { empty_gif; }
--- request
GET /t
--- more_headers
x-CORRELATION-id: abc
--- response_headers
X-Said: abc



=== TEST 6: it goes on to the upstream as the same
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { return 200 "$http_x_correlation_id\n"; }
}
--- config
add_header X-Said "$admission_correlation" always;
location = /t {
    admission_limit a;
    proxy_set_header X-Correlation-ID $admission_correlation;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["X-Correlation-ID: abc", "X-Correlation-ID: a b"]
--- response_body_like eval
['^abc$', '^[0-9a-f]{32}$']



=== TEST 7: it stays the same through an internal redirect
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
add_header X-Said "$admission_correlation $request_id" always;
location = /t { admission_limit a; try_files /nowhere /u; }
location = /u { empty_gif; }
--- request
GET /t
--- response_headers_like
X-Said: ([0-9a-f]{32}) \1
