# admission_control: the switch of the node, and who may turn it.
#
# One request opens the shop to everybody, or closes it.  It must do what it
# says and at once in all workers; nothing else may do it by accident, as a
# crawler, a page of another site or a misspelt word would; and afterwards
# everybody has to see since when it is so, and by whom.

use IO::Socket::INET ();
use MIME::Base64 qw(encode_base64);
use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
    $block->set_value(more_headers => "Content-Type: application/json")
        if !defined $block->more_headers;
});

# who asks with an Authorization
sub basic {
    my ($user) = @_;

    return "Content-Type: application/json\nAuthorization: Basic "
           . encode_base64("$user:x", "");
}

# an address of this machine that is not of the loopback, if it has one; to
# connect a datagram socket sends nothing
my $outer = IO::Socket::INET->new(Proto => "udp", PeerPort => 9,
                                  PeerAddr => "192.0.2.1");

$ENV{TEST_NGINX_OUTER} = $outer ? $outer->sockhost : "";
$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

master_on();
workers(2);
no_long_string();
run_tests();

__DATA__

=== TEST 1: as configured
--- config
location /control/ { admission_control; }
--- request
GET /control/admission
--- response_headers
Content-Type: application/json
Cache-Control: no-store
--- response_body chomp
{"mode":{"configured":"on","effective":"on","since":null,"by":null}}



=== TEST 2: what is configured, by the locations that have policies
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location /control/ { admission_control; }
location /none { admission off; }
location /a { admission dry_run; admission_limit a; }
location /b { admission dry_run; admission_limit a; }
--- request
GET /control/admission
--- response_body chomp
{"mode":{"configured":"dry_run","effective":"dry_run","since":null,"by":null}}



=== TEST 3: some so, some otherwise
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location /control/ { admission_control; }
location /a { admission_limit a; }
location /b { admission off; admission_limit a; }
--- request
GET /control/admission
--- response_body chomp
{"mode":{"configured":"mixed","effective":"mixed","since":null,"by":null}}



=== TEST 4: off, dry_run and on, at once in every worker
Each request is a connection of its own, so either worker gets some.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location /control/ { admission_control; }
location = /t { admission_limit a; empty_gif; }
--- request eval
["GET /t", ("GET /t") x 4,
 "PATCH /control/admission\n{\"mode\": \"off\"}", ("GET /t") x 8,
 "PATCH /control/admission\n{\"mode\": \"dry_run\"}", ("GET /t") x 8,
 "PATCH /control/admission\n{\"mode\": \"on\"}", ("GET /t") x 8]
--- error_code eval
[200, (429) x 4, 200, (200) x 8, 200, (200) x 8, 200, (429) x 8]



=== TEST 5: null: again as configured
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location /control/ { admission_control; }
location = /t { admission_limit a; empty_gif; }
--- request eval
["GET /t", "PATCH /control/admission\n{\"mode\": \"off\"}", "GET /t",
 "PATCH /control/admission\n{\"mode\": null}", "GET /t",
 "GET /control/admission"]
--- error_code eval
[200, 200, 200, 200, 429, 200]
--- response_body_like eval
[("") x 3,
 ('^\{"mode":\{"configured":"on","effective":"on","since":null,"by":null\}\}$',
  "",
  '^\{"mode":\{"configured":"on","effective":"on","since":null,"by":null\}\}$')]



=== TEST 6: and the log says that it is as it was
--- config
location /control/ { admission_control; }
--- request
PATCH /control/admission
{"mode":null}
--- error_log
[warn]
admission control: "admission mode" is now on again, as configured, was on, by "127.0.0.1"



=== TEST 7: since when, and by whom
--- config
location /control/ { admission_control; }
--- request eval
["PATCH /control/admission\n{\"mode\": \"dry_run\"}", "GET /control/admission"]
--- error_code eval
[200, 200]
--- response_headers eval
[("Content-Type: application/json\nCache-Control: no-store") x 2]
--- response_body_like eval
[('^\{"mode":\{"configured":"on","effective":"dry_run","since":"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\dZ","by":"127\.0\.0\.1"\}\}$') x 2]



=== TEST 8: and in the log
--- config
location /control/ { admission_control; }
--- request
PATCH /control/admission
{"mode":"dry_run"}
--- error_log
[warn]
admission control: "admission mode" is now dry_run, was on, by "127.0.0.1"



=== TEST 9: by a user
--- config
location /control/ { admission_control; }
--- more_headers eval
main::basic("ann")
--- request
PATCH /control/admission
{"mode":"off"}
--- response_body_like: "by":"ann@127\.0\.0\.1"
--- error_log
admission control: "admission mode" is now off, was on, by "ann@127.0.0.1"



=== TEST 10: names that want to be more than names
One line of the log, and JSON that is JSON, whatever the name is.
--- config
location /control/ { admission_control; }
--- more_headers eval
[map { main::basic($_) } "a\n2026/01/01 00:00:00 [warn] by bob", "\"},\"x\":{\"",
 "\xc3\xa4nn", "\xff\xfe", "a\\", "\0b", "\x1b[31m", "z" x 200, ""]
--- request eval
[("PATCH /control/admission\n{\"mode\":\"off\"}") x 9]
--- error_code eval
[(200) x 9]
--- response_body_like eval
['"by":"a\?2026/01/01 00@127\.0\.0\.1"', '"by":"\\\\"\},\\\\"x\\\\"@127\.0\.0\.1"',
 '"by":"\?\?nn@127\.0\.0\.1"', '"by":"\?\?@127\.0\.0\.1"',
 '"by":"a\\\\\\\\@127\.0\.0\.1"', '"by":"\?b@127\.0\.0\.1"',
 '"by":"\?\[31m@127\.0\.0\.1"', '"by":"z{54}@127\.0\.0\.1"\}\}$', '"by":"127\.0\.0\.1"']
--- grep_error_log eval: qr/^.*is now off, was \w+, by.*$/m
--- grep_error_log_out eval
my $line = '.* \[warn\] .*"admission mode" is now off, was (?:on|off), by "[\x20-\x7e]*", client: 127\.0\.0\.1.*\n';
[qr/^$line$/, qr/^(?:$line){2}$/, qr/^(?:$line){3}$/, qr/^(?:$line){4}$/,
 qr/^(?:$line){5}$/, qr/^(?:$line){6}$/, qr/^(?:$line){7}$/,
 qr/^(?:$line){8}$/, qr/^(?:$line){9}$/]



=== TEST 11: an Authorization that is none
--- config
location /control/ { admission_control; }
--- more_headers eval
["Content-Type: application/json\nAuthorization: Basic !!!",
 "Content-Type: application/json\nAuthorization: Bearer abc",
 "Content-Type: application/json\nAuthorization: Basic",
 "Content-Type: application/json\nAuthorization: "]
--- request eval
[("PATCH /control/admission\n{\"mode\":\"off\"}") x 4]
--- error_code eval
[(200) x 4]
--- response_body_like eval
[('"by":"127\.0\.0\.1"') x 4]



=== TEST 12: off in the file stays off
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location /control/ { admission_control; }
location = /off { admission off; admission_limit a; empty_gif; }
location = /dry { admission dry_run; admission_limit a; empty_gif; }
--- request eval
["GET /dry", "GET /dry", "PATCH /control/admission\n{\"mode\":\"on\"}",
 "GET /off", "GET /off", "GET /dry", "GET /dry",
 "PATCH /control/admission\n{\"mode\":\"dry_run\"}", "GET /off", "GET /dry"]
--- error_code eval
[200, 200, 200, 200, 200, 200, 429, 200, 200, 200]



=== TEST 13: what is off is not counted, what is rehearsed is counted as that
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location /control/ { admission_control; }
location = /t { admission_limit a; empty_gif; }
location = /status { admission_status; }
--- request eval
["PATCH /control/admission\n{\"mode\":\"off\"}", "GET /t", "GET /t",
 "PATCH /control/admission\n{\"mode\":\"dry_run\"}", "GET /t", "GET /t",
 "GET /t", "PATCH /control/admission\n{\"mode\":null}", "GET /t", "GET /t",
 "GET /status"]
--- error_code eval
[200, 200, 200, 200, 200, 200, 200, 200, 200, 429, 200]
--- response_body_like eval
[("") x 10,
 qr/(?=.*^\w+\{site="",verdict="admit",reason="",dry_run="0"\} 1$)(?=.*^\w+\{site="",verdict="limit",reason="rate",dry_run="0"\} 1$)(?=.*^\w+\{site="",verdict="admit",reason="",dry_run="1"\} 1$)(?=.*^\w+\{site="",verdict="limit",reason="rate",dry_run="1"\} 2$)/ms]



=== TEST 14: GET and HEAD change nothing, whatever they carry
--- config
location /control/ { admission_control; }
--- request eval
["GET /control/admission?mode=off\n{\"mode\":\"off\"}",
 "HEAD /control/admission?mode=off",
 "GET /control/admission"]
--- error_code eval
[200, 200, 200]
--- response_body eval
['{"mode":{"configured":"on","effective":"on","since":null,"by":null}}', "",
 '{"mode":{"configured":"on","effective":"on","since":null,"by":null}}']



=== TEST 15: other methods, and none by another name
--- config
location /control/ { admission_control; }
--- more_headers
Content-Type: application/json
X-HTTP-Method-Override: PATCH
X-HTTP-Method: PATCH
X-Method-Override: PATCH
--- request eval
["POST /control/admission\n{\"mode\":\"off\"}",
 "PUT /control/admission\n{\"mode\":\"off\"}",
 "DELETE /control/admission", "OPTIONS /control/admission",
 "POST /control/admission?_method=PATCH\n{\"mode\":\"off\"}",
 "GET /control/admission"]
--- error_code eval
[405, 405, 405, 405, 405, 200]
--- response_headers eval
[("Allow: GET, HEAD, PATCH") x 5, "! Allow"]
--- response_body_like eval
[("") x 5, '"effective":"on"']



=== TEST 16: the type has to be JSON
A form of another site can send three types without asking, and these are not
among them.
--- config
location /control/ { admission_control; }
--- request eval
[("PATCH /control/admission\n{\"mode\":\"off\"}") x 9, "GET /control/admission"]
--- more_headers eval
["Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded",
 "Content-Type: multipart/form-data", "X-None: 1", "Content-Type: ",
 "Content-Type: application/jsonp", "Content-Type: application/json-patch+json",
 "Content-Type: text/plain; application/json", "Content-Type: application/jso",
 "X-None: 1"]
--- error_code eval
[(415) x 9, 200]
--- response_headers eval
[("Content-Type: application/problem+json\nCache-Control: no-store") x 9,
 "Content-Type: application/json"]
--- response_body_like eval
[('^\{"title":"The change must be JSON\.","status":415,"detail":"Content-Type: application/json"\}$') x 9,
 '"effective":"on"']



=== TEST 17: JSON, in other words
--- config
location /control/ { admission_control; }
--- request eval
[("PATCH /control/admission\n{\"mode\":\"off\"}") x 4]
--- more_headers eval
["Content-Type: application/json; charset=utf-8", "Content-Type: Application/JSON",
 "Content-Type: application/json;charset=utf-8",
 "Content-Type: application/json ; charset=utf-8"]
--- error_code eval
[200, 200, 200, 200]



=== TEST 18: a page of another site
--- config
location /control/ { admission_control; }
--- request eval
[("PATCH /control/admission\n{\"mode\":\"off\"}") x 11, "GET /control/admission"]
--- more_headers eval
[(map { "Content-Type: application/json\n$_" }
 "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site",
 "sec-fetch-site: CROSS-SITE", "Sec-Fetch-Site: ", "Sec-Fetch-Site: other",
 "Sec-Fetch-Site: same-origin\nSec-Fetch-Site: cross-site",
 "Origin: https://evil.example", "Origin: null", "Origin: ",
 "Origin: https://localhost.evil.example", "Origin: https://evillocalhost"),
 "X-None: 1"]
--- error_code eval
[(403) x 11, 200]
--- response_body_like eval
[('^\{"title":"A page of another site must not do this\.","status":403,"detail":""\}$') x 11,
 '"effective":"on"']



=== TEST 19: a page of this site, or no page
--- config
server_name shop.example;
location /control/ { admission_control; }
--- request eval
[("PATCH /control/admission\n{\"mode\":\"off\"}") x 6]
--- more_headers eval
[map { "Content-Type: application/json\n$_" }
 "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none",
 "Sec-Fetch-Site: same-origin\nOrigin: https://localhost",
 "Origin: http://localhost", "Origin: https://LOCALHOST",
 "Host: shop.example:8443\nOrigin: https://shop.example:8443"]
--- error_code eval
[(200) x 6]



=== TEST 20: who may read it may do so from everywhere
Only what changes is refused to other pages; nobody's browser hands an answer
to them without our leave.
--- config
location /control/ { admission_control; }
--- request
GET /control/admission
--- more_headers
Sec-Fetch-Site: cross-site
Origin: https://evil.example
--- response_headers
! Access-Control-Allow-Origin



=== TEST 21: what is not a change
--- config
location /control/ { admission_control; }
--- request eval
[(map { "PATCH /control/admission\n$_" }
 '{"mode":"offf"}', '{"mode":"OFF"}', '{"mode":""}', '{"mode":"of"}',
 '{"mode":" off"}', '{"mode":true}', '{"mode":0}', '{"mode":1}', '{"mode":[]}',
 '{"mode":["off"]}', '{"mode":{}}', '{"mode":{"mode":"off"}}', '{"mode":1.5}'),
 "GET /control/admission"]
--- error_code eval
[(400) x 13, 200]
--- response_headers eval
[("Content-Type: application/problem+json\nCache-Control: no-store") x 13,
 "Content-Type: application/json"]
--- response_body_like eval
[('^\{"title":"The change is not possible\.","status":400,"detail":"\\\\"mode\\\\" must be \\\\"on\\\\", \\\\"off\\\\", \\\\"dry_run\\\\" or null"\}$') x 13,
 '"effective":"on"']



=== TEST 22: members that there are not, or not there
A change is done whole or not at all.
--- config
location /control/ { admission_control; }
--- request eval
[(map { "PATCH /control/admission\n$_" }
 '{}', '{"Mode":"off"}', '{"mode":"off","since":null}',
 '{"rate":"1r/s","mode":"off"}', '{"":"off"}', '{"mode ":"off"}',
 '{"' . "\xc3\xa4" x 100 . '":1}', '{"' . "%s%n%V" . '":1}'),
 "GET /control/admission"]
--- error_code eval
[(400) x 8, 200]
--- response_body_like eval
['"detail":"\\\\"mode\\\\" must be ', '"detail":"unknown member \\\\"Mode\\\\""',
 '"detail":"unknown member \\\\"since\\\\""', '"detail":"unknown member \\\\"rate\\\\""',
 '"detail":"unknown member \\\\"\\\\""', '"detail":"unknown member \\\\"mode \\\\""',
 '"detail":"unknown member \\\\"\?{120,200}', '"detail":"unknown member \\\\"%s%n%V\\\\""',
 '"effective":"on"']



=== TEST 23: what is no object
--- config
location /control/ { admission_control; }
--- request eval
[(map { "PATCH /control/admission\n$_" }
 '[]', '["mode","off"]', '[{"mode":"off"}]'),
 "GET /control/admission"]
--- error_code eval
[(400) x 3, 200]
--- response_body_like eval
[('^\{"title":"The change must be an object\.","status":400,"detail":""\}$') x 3,
 '"effective":"on"']



=== TEST 24: what is no JSON
--- config
location /control/ { admission_control; }
--- request eval
[(map { "PATCH /control/admission\n$_" }
 'mode=off', '"off"', 'null', '{"mode":"off"', '{mode:"off"}', "{'mode':'off'}",
 '{"mode":"off",}', '{"mode":"off"}}', '{"mode":"off"} {"mode":"on"}',
 '{"mode":"off","mode":"on"}', '{"mode":"off","mode":"off"}',
 '{"mode":"off"}//', "\xef\xbb\xbf" . '{"mode":"off"}',
 '{"mode":off}', '{"mode":NaN}', '{"mode":1e999}',
 '{"m\u0000ode":"off"}', '{"mode":"off\u0000"}', '{"mode":"\ud800"}'),
 "GET /control/admission"]
--- error_code eval
[(400) x 19, 200]
--- response_headers eval
[("Content-Type: application/problem+json") x 19,
 "Content-Type: application/json"]
--- response_body_like eval
[('^\{"title":"The change is not JSON\.","status":400,"detail":"[^"].*"\}$') x 19,
 '"effective":"on"']



=== TEST 25: bytes that are no text
--- config
location /control/ { admission_control; }
--- request eval
[(map { "PATCH /control/admission\n$_" }
 "{\"mode\":\"\xff\"}", "{\"\xc3\":1}", "{\"mode\":\"off\"\xc3}",
 "{\"mode\":\"off\"}\0{", "{\"mo\0de\":\"off\"}", "{\"mode\":\"\xc0\xae\"}",
 "{\"mode\":\"\xed\xa0\x80\"}", "\xff\xfe{\0}\0"),
 "GET /control/admission"]
--- error_code eval
[(400) x 8, 200]
--- response_headers eval
[("Content-Type: application/problem+json") x 8,
 "Content-Type: application/json"]
--- response_body_like eval
[('^\{"title":"The change is not JSON\.","status":400,"detail":"[\x20-\x7e]+"\}$') x 8,
 '"effective":"on"']



=== TEST 26: the same word in other letters of JSON
--- config
location /control/ { admission_control; }
--- request eval
["PATCH /control/admission\n{ \"m\\u006fde\" :\t\"\\u006fff\" }"]
--- response_body_like eval
['"effective":"off"']
--- error_code eval
[200]



=== TEST 27: deep nests
--- config
location /control/ { admission_control; }
--- request eval
[(map { "PATCH /control/admission\n$_" }
 "[" x 5000, '{"mode":' x 1500, '{"mode":' . "[" x 3000 . "]" x 3000 . "}",
 '{"a":' x 1800 . "1" . "}" x 1800),
 "GET /control/admission"]
--- error_code eval
[(400) x 4, 200]



=== TEST 28: no body
--- config
location /control/ { admission_control; }
--- request eval
["PATCH /control/admission", "GET /control/admission"]
--- error_code eval
[400, 200]
--- response_body_like eval
['"title":"The change is not JSON\."', '"effective":"on"']



=== TEST 29: an empty body
--- config
location /control/ { admission_control; }
--- more_headers
Content-Type: application/json
Content-Length: 0
--- request
PATCH /control/admission
--- error_code: 400
--- response_body_like: "title":"The change is not JSON\."



=== TEST 30: a body that is too large
--- config
location /control/ { admission_control; }
location /wide/ { client_body_buffer_size 200k; admission_control; }
location /short/ { client_max_body_size 20; admission_control; }
--- request eval
["PATCH /control/admission\n{\"mode\":\"off\"" . " " x 70000 . "}",
 "PATCH /wide/admission\n{\"mode\":\"off\"" . " " x 70000 . "}",
 "PATCH /wide/admission\n{\"mode\":\"off\"" . " " x (65537 - 14) . "}",
 "PATCH /short/admission\n{\"mode\":       \"off\"}",
 "GET /control/admission"]
--- error_code eval
[413, 413, 413, 413, 200]
--- response_body_like eval
[('^\{"title":"The change is too large\.","status":413,"detail":""\}$') x 3,
 "", '"effective":"on"']



=== TEST 31: the largest that there may be
--- config
location /control/ { client_body_buffer_size 200k; admission_control; }
--- request eval
["PATCH /control/admission\n{\"mode\":\"off\"" . " " x (65536 - 14) . "}"]
--- error_code eval
[200]
--- response_body_like eval
['"effective":"off"']



=== TEST 32: a body in chunks
--- config
location /control/ { admission_control; }
--- more_headers
Content-Type: application/json
Transfer-Encoding: chunked
--- request eval
["PATCH /control/admission\n7\r\n{\"mode\"\r\n7\r\n:\"off\"}\r\n0\r\n\r\n"]
--- error_code eval
[200]
--- response_body_like eval
['"effective":"off"']



=== TEST 33: chunks that come one after the other
--- config
location /control/ { admission_control; }
--- raw_request eval
["PATCH /control/admission HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\n{\"m\r",
 "\n4\r\node\"\r\n", "7\r\n:\"off\"}\r\n", "0\r\n\r\n"]
--- raw_request_middle_delay: 0.05
--- response_body_like: "effective":"off"



=== TEST 34: a body whose end comes later
--- config
location /control/ { admission_control; }
--- raw_request eval
["PATCH /control/admission HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 14\r\nConnection: close\r\n\r\n{\"mo",
 "de\":", "\"off\"", "}"]
--- raw_request_middle_delay: 0.05
--- response_body_like: "effective":"off"



=== TEST 35: a site that keeps bodies in files
--- config
location /control/ { client_body_in_file_only clean; admission_control; }
--- request
PATCH /control/admission
{"mode":"off"}
--- response_body_like: "effective":"off"



=== TEST 36: paths that there are not
--- config
location /control/ { admission_control; }
--- request eval
[(map { "GET $_" } "/control/", "/control/Admission", "/control/admission/",
 "/control/admission/x", "/control/admissionx", "/control/admissio",
 "/control/x/admission", "/control/rooms/drop"),
 "PATCH /control/rooms/drop\n{\"mode\":\"off\"}", "GET /control/admission"]
--- error_code eval
[(404) x 9, 200]
--- response_body_like eval
[('^\{"title":"There is no such resource\.","status":404,"detail":""\}$') x 9,
 '"effective":"on"']



=== TEST 37: with and without a slash at the end of the prefix
--- config
location /control { admission_control; }
--- request eval
[map { "GET $_" } "/control/admission", "/control//admission",
 "/control/./admission", "/control/%61dmission", "/control",
 "/controladmission", "/controlx/admission"]
--- error_code eval
[200, 200, 200, 200, 404, 404, 404]



=== TEST 38: at the root, and below a prefix that goes before expressions
--- config
location ^~ /a/b/ { admission_control; }
location ~ admission$ { return 402; }
--- request eval
["GET /a/b/admission", "GET /c/admission"]
--- error_code eval
[200, 402]



=== TEST 39: two of them are one switch
--- config
location /a/ { admission_control; }
location /b/ { admission_control public; }
--- request eval
["PATCH /a/admission\n{\"mode\":\"off\"}", "GET /b/admission"]
--- error_code eval
[200, 200]
--- response_body_like eval
[('"effective":"off"') x 2]



=== TEST 40: through a proxy on this machine
--- config
location /control/ { admission_control; }
--- request eval
[("PATCH /control/admission\n{\"mode\":\"off\"}") x 6, "GET /control/admission",
 "GET /control/nothing", "POST /control/admission\nx", "GET /control/admission"]
--- more_headers eval
["Content-Type: application/json\nX-Forwarded-For: 127.0.0.1",
 "Content-Type: application/json\nForwarded: for=127.0.0.1",
 "Content-Type: application/json\nVia: 1.1 cache",
 "Content-Type: application/json\nX-Forwarded-For: ",
 "Content-Type: application/json\nVIA: 1.1 a\nVia: 1.1 b",
 "Content-Type: text/plain\nVia: 1.1 cache", "Via: 1.1 cache", "Via: 1.1 cache",
 "Via: 1.1 cache", "X-None: 1"]
--- error_code eval
[(403) x 9, 200]
--- response_body_like eval
[("") x 9, '"effective":"on"']



=== TEST 41: and the log says why
--- config
location /control/ { admission_control; }
--- request
GET /control/admission
--- more_headers
Via: 1.1 cache
--- error_code: 403
--- error_log
access forbidden by "admission_control": it answers the loopback only, without a proxy in between, under an address, localhost or a server_name, unless it is "public"



=== TEST 42: public: nginx's own rules decide
--- config
location /open/ { admission_control public; }
location /denied/ { deny all; admission_control public; }
location /secret/ {
    auth_basic control;
    auth_basic_user_file ../html/passwords;
    admission_control public;
}
--- user_files
>>> passwords
alice:{PLAIN}secret
--- request eval
["PATCH /denied/admission\n{\"mode\":\"off\"}",
 "PATCH /secret/admission\n{\"mode\":\"off\"}", "GET /open/admission",
 "PATCH /secret/admission\n{\"mode\":\"off\"}", "GET /open/admission"]
--- more_headers eval
[(map { "Via: 1.1 cache\nContent-Type: application/json\n$_" }
 "X-None: 1", "Authorization: Basic YWxpY2U6d3Jvbmc=", "X-None: 1",
 "Authorization: Basic YWxpY2U6c2VjcmV0", "X-None: 1")]
--- error_code eval
[403, 401, 200, 200, 200]
--- response_body_like eval
["", "", '"effective":"on"', '"by":"alice@127\.0\.0\.1"', '"effective":"off"']



=== TEST 43: from elsewhere
--- skip_eval: 9: !$ENV{TEST_NGINX_OUTER}
--- server_addr_for_client eval: $ENV{TEST_NGINX_OUTER}
--- config
location /control/ { admission_control; }
location /open/ { admission_control public; }
--- request eval
["PATCH /control/admission\n{\"mode\":\"off\"}", "GET /open/admission",
 "PATCH /open/admission\n{\"mode\":\"off\"}"]
--- error_code eval
[403, 200, 200]
--- response_body_like eval
["", '"effective":"on"', '"effective":"off"']



=== TEST 44: to read for all, to change for some
Without a handler for the other methods they were looked up as files.
--- config
location /control/ {
    admission_control public;

    limit_except GET {
        auth_basic control;
        auth_basic_user_file ../html/passwords;
    }
}
--- user_files
>>> passwords
alice:{PLAIN}secret
--- request eval
["GET /control/admission", "PATCH /control/admission\n{\"mode\":\"off\"}",
 "PATCH /control/admission\n{\"mode\":\"off\"}", "GET /control/admission"]
--- more_headers eval
["X-None: 1", "Content-Type: application/json",
 "Content-Type: application/json\nAuthorization: Basic YWxpY2U6c2VjcmV0",
 "Via: 1.1 cache"]
--- error_code eval
[200, 401, 200, 200]
--- response_body_like eval
['"effective":"on"', "", '"by":"alice@127\.0\.0\.1"', '"effective":"off"']



=== TEST 45: under an if
--- config
location /control/ {
    admission_control public;
    if ($arg_x) { set $y 1; }
}
--- request eval
["PATCH /control/admission?x=1\n{\"mode\":\"off\"}",
 "GET /control/admission?x=1", "GET /control/x?x=1"]
--- more_headers
Content-Type: application/json
Via: 1.1 cache
--- error_code eval
[200, 200, 404]
--- response_body_like eval
['"effective":"off"', '"effective":"off"', ""]



=== TEST 46: limits of the site do not keep the operator out
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_limit a;
--- config
location /control/ { admission_control; }
location = /t { empty_gif; }
--- request eval
["GET /t", "GET /t", "PATCH /control/admission\n{\"mode\":\"off\"}",
 "PATCH /control/admission\n{\"mode\":\"off\"}", "GET /control/admission",
 "GET /t"]
--- error_code eval
[200, 429, 200, 200, 200, 200]



=== TEST 47: bodies of what is refused are not read as requests
--- config
location /control/ { admission_control; }
location = /next { return 200 "next\n"; }
--- more_headers
Content-Type: text/plain
--- pipelined_requests eval
["PATCH /control/admission\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
 "PATCH /control/none\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
 "GET /control/admission\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
 "GET /next"]
--- error_code eval
[415, 404, 200, 200]
--- response_body_like eval
["", "", '"effective":"on"', '^next$']



=== TEST 48: nor are those of what was done, or is too large
--- config
location /control/ { admission_control; }
location = /next { return 200 "next\n"; }
--- pipelined_requests eval
["PATCH /control/admission\n{\"mode\":\"off\"}",
 "PATCH /control/admission\n{\"mode\":\"on\"" . " " x 70000 . "}", "GET /next"]
--- error_code eval
[200, 413, 200]
--- response_body_like eval
['"effective":"off"', "", '^next$']



=== TEST 49: a client that waits to be told to go on
--- config
location /control/ { admission_control; }
--- raw_request eval
["PATCH /control/admission HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 14\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
 "{\"mode\":\"off\"}"]
--- raw_request_middle_delay: 0.05
--- ignore_response
--- error_log
"admission mode" is now off, was on, by "127.0.0.1"



=== TEST 50: a client that leaves in the middle
Nothing is changed by half a word.
--- config
location /control/ { admission_control; }
--- raw_request eval
"PATCH /control/admission HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"mode\":\"off\"}"
--- shutdown: 1
--- ignore_response
--- no_error_log
is now off
[alert]



=== TEST 51: a page that carries it
--- config
location = /page.html { ssi on; }
location /control/ { admission_control; }
--- user_files
>>> page.html
before
<!--# include virtual="/control/admission" -->
behind
--- request
GET /page.html
--- response_body_like eval
qr/^before\n\{"mode":\{.*\}\}\nbehind\n/s



=== TEST 52: HTTP/2
--- http2
--- config
location /control/ { admission_control; }
--- request
PATCH /control/admission
{"mode":"off"}
--- response_body_like: "effective":"off"



=== TEST 53: what is off stays off, and is told so
An operator who turns it on has to see that nothing has become of it.
--- http_config
admission_rate one $binary_remote_addr rate=1r/h burst=0;
--- config
location /control/ { admission_control; }
location = /health { admission_health; }
location = /t { admission off; admission_limit one; empty_gif; }
--- more_headers
Content-Type: application/json
--- request eval
["PATCH /control/admission\n{\"mode\":\"on\"}", "GET /t", "GET /t", "GET /health"]
--- error_code eval
[(200) x 4]
--- response_body_like eval
['"configured":"off","effective":"off"', "GIF", "GIF", '"mode":"off"']



=== TEST 54: off in some places
--- http_config
admission_rate one $binary_remote_addr rate=1r/h burst=0;
--- config
location /control/ { admission_control; }
location = /off { admission off; admission_limit one; empty_gif; }
location = /on { admission_limit one; empty_gif; }
--- more_headers
Content-Type: application/json
--- request eval
["PATCH /control/admission\n{\"mode\":\"dry_run\"}",
 "PATCH /control/admission\n{\"mode\":\"off\"}"]
--- error_code eval
[200, 200]
--- response_body_like eval
['"configured":"mixed","effective":"mixed"', '"effective":"off"']



=== TEST 55: no JSON, and an error that ends in half a character
--- config
location /control/ { admission_control; }
--- more_headers
Content-Type: application/json
--- request eval
[map { "PATCH /control/admission\n{\"" . "\xc3\xa9" x $_ . "\\\xc3\xa9" } 20 .. 60]
--- error_code eval
[(400) x 41]
