# Who may read admission_status.
#
# Counters tell a competitor what the shop sells and a bot how near to a limit
# it is.  Without the word "public" only this machine may ask, and nobody who
# comes through a proxy on it.

use IO::Socket::INET ();
use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

# an address of this machine that is not of the loopback, if it has one; to
# connect a datagram socket sends nothing
my $outer = IO::Socket::INET->new(Proto => "udp", PeerPort => 9,
                                  PeerAddr => "192.0.2.1");

$ENV{TEST_NGINX_OUTER} = $outer ? $outer->sockhost : "";
$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

no_long_string();
run_tests();

__DATA__

=== TEST 1: the loopback
--- config
location = /status { admission_status; }
--- request
GET /status



=== TEST 2: through a proxy on this machine
--- config
location = /status { admission_status; }
--- request eval
[("GET /status") x 7]
--- more_headers eval
["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "Via: 1.1 cache",
 "x-forwarded-for: 127.0.0.1", "X-Forwarded-For: ", "VIA: 1.1 a\nVIA: 1.1 b",
 "X-Forwarded-Forx: 1"]
--- error_code eval
[403, 403, 403, 403, 403, 403, 200]



=== TEST 3: and the log says why
--- config
location = /status { admission_status; }
--- request
GET /status
--- more_headers
Via: 1.1 cache
--- error_code: 403
--- error_log
access forbidden by "admission_status": it answers the loopback only, without a proxy in between, under an address, localhost or a server_name, unless it is "public"



=== TEST 4: the refusal comes before all others
--- config
location = /status { admission_status; }
--- request eval
["GET /status?format=xml", "POST /status\nx"]
--- more_headers
Via: 1.1 cache
--- error_code eval
[403, 403]



=== TEST 5: by a socket of this machine
--- http_config
server {
    listen unix:$TEST_NGINX_HTML_DIR/status.sock;
    location = /status { admission_status; }
}
--- config
location = /status { proxy_pass http://unix:$TEST_NGINX_HTML_DIR/status.sock; }
--- request
GET /status
--- response_body_like: ^# HELP



=== TEST 6: from elsewhere
--- skip_eval: 7: !$ENV{TEST_NGINX_OUTER}
--- server_addr_for_client eval: $ENV{TEST_NGINX_OUTER}
--- config
location = /status { admission_status; }
--- request
GET /status
--- error_code: 403



=== TEST 7: from elsewhere, and realip takes it for the loopback
Who may name a client's address must not name one that opens this.
--- skip_eval: 7: !$ENV{TEST_NGINX_OUTER}
--- server_addr_for_client eval: $ENV{TEST_NGINX_OUTER}
--- config
set_real_ip_from 0.0.0.0/0;
real_ip_header X-Real-IP;
location = /status { admission_status; }
location = /who { return 200 "$remote_addr\n"; }
--- more_headers
X-Real-IP: 127.0.0.1
--- request eval
["GET /who", "GET /status"]
--- error_code eval
[200, 403]
--- response_body_like eval
['^127\.0\.0\.1$', "403"]



=== TEST 8: from here, and realip takes it for elsewhere
--- config
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
location = /status { admission_status; }
--- more_headers
X-Real-IP: 192.0.2.1
--- request
GET /status



=== TEST 9: public: from everywhere, through everything
--- config
location = /status { admission_status public; }
--- request eval
[("GET /status") x 3]
--- more_headers eval
["X-Forwarded-For: 192.0.2.1", "Via: 1.1 cache", "Forwarded: for=192.0.2.1"]
--- error_code eval
[200, 200, 200]



=== TEST 10: public, from elsewhere
--- skip_eval: 6: !$ENV{TEST_NGINX_OUTER}
--- server_addr_for_client eval: $ENV{TEST_NGINX_OUTER}
--- config
location = /status { admission_status public; }
--- request
GET /status



=== TEST 11: public: nginx's own rules decide
--- config
location = /denied { deny all; admission_status public; }
location = /secret {
    auth_basic status;
    auth_basic_user_file ../html/passwords;
    admission_status public;
}
--- user_files
>>> passwords
alice:{PLAIN}secret
--- request eval
["GET /denied", "GET /secret", "GET /secret"]
--- more_headers eval
["X-None: 1", "X-None: 1", "Authorization: Basic YWxpY2U6c2VjcmV0"]
--- error_code eval
[403, 401, 200]



=== TEST 12: public is of this location, not of the one beside it
--- config
location = /open { admission_status public; }
location = /closed { admission_status; }
--- more_headers
Via: 1.1 cache
--- request eval
["GET /open", "GET /closed"]
--- error_code eval
[200, 403]



=== TEST 13: public, with an if in the location
What is set under a condition does not take the word away.
--- config
location = /status {
    admission_status public;
    if ($arg_x) { set $y 1; }
}
--- more_headers
Via: 1.1 cache
--- request eval
["GET /status", "GET /status?x=1"]
--- error_code eval
[200, 200]



=== TEST 14: limits of the site do not shut the status
In the sale everybody is over the limit, the operator too.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_limit a;
--- config
location = /status { admission_status; }
location = /t { empty_gif; }
--- request eval
["GET /status", "GET /status", "GET /t", "GET /t", "GET /status"]
--- error_code eval
[200, 200, 200, 429, 200]



=== TEST 15: a limit of its own location holds
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /status { admission_limit a; admission_status; }
--- request eval
["GET /status", "GET /status"]
--- error_code eval
[200, 429]



=== TEST 16: a location inside keeps the limits of the server
It serves something else; only the status itself is without them.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
admission_limit a;
location /status {
    admission_status;
    location = /status/t { empty_gif; }
}
--- request eval
["GET /status/t", "GET /status/t"]
--- error_code eval
[200, 429]



=== TEST 17: a body that is sent to it is not read as a request
--- config
location = /status { admission_status; }
location = /next { return 200 "next\n"; }
--- pipelined_requests eval
["GET /status\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /next"]
--- error_code eval
[200, 200]
--- response_body_like eval
["^# HELP", '^next$']



=== TEST 18: a method that changes nothing here
Who sends another is told which there are (RFC 9110, 15.5.6).
--- config
location = /status { admission_status; }
--- request
DELETE /status
--- error_code: 405
--- response_headers
Allow: GET, HEAD



=== TEST 19: inside a page, the page goes on behind it
The status ended the whole answer: what followed it on the page was lost.
--- config
location = /page.html { ssi on; }
location = /status { admission_status; }
--- user_files
>>> page.html
before
<!--# include virtual="/status" -->
behind
--- request
GET /page.html
--- response_body_like eval
qr/^before\n.*admission_build_info.*\nbehind\n/s



=== TEST 20: a name of somebody else's that was made to point here
For a browser on this machine a page of evil.example, whose name now says
127.0.0.1, is of the same origin as we are; no page can have an address, or a
name of ours.
--- config
server_name shop.example *.shop.example;
location = /status { admission_status; }
location = /dashboard { admission_dashboard; }
location /control { admission_control; }
location = /open { admission_status public; }
location = /health { admission_health; }
--- request eval
[("GET /status") x 9, "GET /dashboard", "GET /control/admission", "GET /open",
 "GET /health"]
--- more_headers eval
[map { "Host: $_" } "evil.example", "evil.example:8080", "127.0.0.1.evil.example",
 "a.shop.example", "shop.example", "SHOP.example:8080", "localhost:1",
 "127.0.0.1:8080", "[::1]:8080", ("evil.example") x 4]
--- error_code eval
[403, 403, 403, 403, 200, 200, 200, 200, 200, 403, 403, 200, 200]
