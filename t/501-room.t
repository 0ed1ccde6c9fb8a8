# A waiting room, as whoever comes without a token meets it.
#
# The first answer decides whether a person stays: it has to say the same to
# people and to programs, to be kept by no cache, to give the place in a form
# that comes back, and never to reach the shop behind.  And where the room has
# nothing to say, by its mode, by bypass= or by "admission off", a poll must
# still not go through to the shop.

use Test::Nginx::Socket 'no_plan';

our $WAIT = "location = /t { admission_wait drop; empty_gif; }";

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => $WAIT) if !defined $block->config;
    $block->set_value(http_config => room($block->room // ""))
        if !defined $block->http_config;
    $block->set_value(request => "GET /t") if !defined $block->request;
    $block->set_value(suppress_stderr => "");
    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

# a room that calls nobody, with more settings
sub room {
    my ($more) = @_;

    $more = "mode always; $more" if $more !~ /mode/;

    return "admission_room drop { rate 1r/h; $more }";
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: for a program
--- error_code: 503
--- response_headers_like
Content-Type: application/problem\+json
Retry-After: [1-9]\d*
Cache-Control: no-store
Vary: Accept
--- response_body_like chomp
\A\{"type":"https://iana\.org/assignments/http-problem-types#temporary-reduced-capacity","title":"You are in line","status":503,"detail":"[^"]+","instance":"[0-9a-f]{32}","reason":"in_line","policy":"drop","retry_after":\d+,"room":"drop","state":"waiting","position":1,"ahead":0,"wait_seconds":0,"wait_range":\[0,0\],"poll_after_ms":\d{4,5},"token":"[\w-]+\.[\w-]+\.[\w-]{43}"\}\z



=== TEST 2: for people
--- more_headers
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
--- error_code: 503
--- response_headers_like
Content-Type: text/html; charset=utf-8
Retry-After: [1-9]\d*
Cache-Control: no-store
Vary: Accept
Content-Security-Policy: default-src 'none';.*
--- response_body_like chomp
<!doctype html>[\s\S]*You are in line



=== TEST 3: the ticket goes back in a cookie and in a field
--- error_code: 503
--- response_headers_like
Set-Cookie: adm_drop=[\w-]+\.[\w-]+\.[\w-]{43}; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax
Admission-Token: [\w-]+\.[\w-]+\.[\w-]{43}



=== TEST 4: and it is the same ticket in both
--- error_code: 503
--- raw_response_headers_like chomp
Set-Cookie: adm_drop=([^;]+);[\s\S]*Admission-Token: \1\r?(?:\n|\z)



=== TEST 5: status 429
--- room: status 429;
--- error_code: 429
--- response_headers_like
Retry-After: [1-9]\d*
--- response_body_like chomp
"status":429,



=== TEST 6: status 202
--- room: status 202;
--- error_code: 202
--- response_headers_like
Retry-After: [1-9]\d*
Set-Cookie: adm_drop=.*
--- response_body_like chomp
"status":202,



=== TEST 7: status 200
--- room: status 200;
--- error_code: 200
--- response_headers_like
Retry-After: [1-9]\d*
Set-Cookie: adm_drop=.*
Cache-Control: no-store
--- response_body_like chomp
"status":200,



=== TEST 8: HEAD
--- request
HEAD /t
--- error_code: 503
--- response_headers_like
Content-Length: [1-9]\d*
Retry-After: [1-9]\d*
Set-Cookie: adm_drop=.*
--- response_body



=== TEST 9: a cookie for all names of a shop
--- room: cookie line domain=shop.example samesite=strict secure=on;
--- error_code: 503
--- response_headers_like
Set-Cookie: line=[\w-]+\.[\w-]+\.[\w-]{43}; Path=/; Max-Age=86400; Domain=shop\.example; Secure; HttpOnly; SameSite=Strict



=== TEST 10: a cookie that other sites' frames may send
--- room: cookie line samesite=none secure=on;
--- error_code: 503
--- response_headers_like
Set-Cookie: __Host-line=[\w-]+\.[\w-]+\.[\w-]{43}; Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=None



=== TEST 11: a newcomer's poll joins
--- more_headers
Admission-Poll: 1
--- response_headers_like
Content-Type: application/json
Cache-Control: no-store
Set-Cookie: adm_drop=[\w-]+\.[\w-]+\.[\w-]{43}; Path=/.*
--- response_headers
! Retry-After
--- response_body_like chomp
\A\{"room":"drop","state":"waiting","position":1,"ahead":0,"wait_seconds":0,"wait_range":\[0,0\],"poll_after_ms":\d{4,5},"token":"[^"]+"\}\z



=== TEST 12: a poll is one whatever it accepts
--- more_headers
Admission-Poll: 1
Accept: text/html
--- response_headers
Content-Type: application/json
--- response_body_like chomp
"state":"waiting"



=== TEST 13: only "1" is a poll
--- more_headers
Admission-Poll: yes
--- error_code: 503
--- response_headers
Content-Type: application/problem+json



=== TEST 14: mode off: everybody goes on, and a poll does not
--- room: mode off;
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["", "Admission-Poll: 1"]
--- error_code eval
[200, 200]
--- response_headers eval
["Content-Type: image/gif\n! Set-Cookie",
 "Content-Type: application/json\n! Set-Cookie\nCache-Control: no-store"]
--- response_body_like eval
["GIF", '\A\{"room":"drop","state":"open","poll_after_ms":\d+\}\z']



=== TEST 15: bypass
--- config
location = /t { admission_wait drop bypass=$arg_b; empty_gif; }
--- request eval
["GET /t?b=1", "GET /t?b=0", "GET /t?b=", "GET /t?b=00", "GET /t?b=1"]
--- more_headers eval
["", "", "", "", "Admission-Poll: 1"]
--- error_code eval
[200, 503, 503, 200, 200]
--- response_headers eval
["Content-Type: image/gif\n! Set-Cookie", ("") x 2, "! Set-Cookie",
 "Content-Type: application/json\n! Set-Cookie"]
--- response_body_like eval
["GIF", ("in_line") x 2, "GIF", '"state":"open"']



=== TEST 16: admission off
--- config
location = /t { admission off; admission_wait drop; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["", "Admission-Poll: 1"]
--- response_headers eval
["Content-Type: image/gif\n! Set-Cookie",
 "Content-Type: application/json\n! Set-Cookie"]
--- response_body_like eval
["GIF", '\A\{"room":"drop","state":"open","poll_after_ms":\d+\}\z']



=== TEST 17: dry run
--- config
location = /t { admission dry_run; admission_wait drop; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["", "Admission-Poll: 1"]
--- response_headers eval
["Content-Type: image/gif\n! Admission-Token\n! Retry-After",
 "Content-Type: application/json\n! Set-Cookie"]
--- response_body_like eval
["GIF", '"state":"open"']



=== TEST 18: the cookie of a dry run is another
--- config
location = /t { admission dry_run; admission_wait drop; empty_gif; }
--- response_headers_like
Set-Cookie: adm_drop_dry=[\w-]+\.[\w-]+\.[\w-]{43}; Path=/; .*
Cache-Control: private



=== TEST 19: mode auto: let in at once, with a pass
--- room: mode auto;
--- response_headers_like
Content-Type: image/gif
Set-Cookie: adm_drop=[\w-]+\.[\w-]+\.[\w-]{43}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax
Admission-Token: [\w-]+\.[\w-]+\.[\w-]{43}
Cache-Control: private
--- response_body_like: GIF



=== TEST 20: mode auto: the next one is one too many
--- room: mode auto;
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[200, 503]



=== TEST 21: mode auto: who only asks is not let in
--- room: mode auto;
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["Admission-Poll: 1", ""]
--- error_code eval
[200, 200]
--- response_headers eval
["! Set-Cookie", "Content-Type: image/gif"]
--- response_body_like eval
['\A\{"room":"drop","state":"open","poll_after_ms":\d+\}\z', "GIF"]



=== TEST 22: after the end
--- room: ends 2020-01-01T00:00:00Z; status 200;
--- error_code: 403
--- response_headers
Content-Type: application/problem+json
Cache-Control: no-store
! Retry-After
! Set-Cookie
! Admission-Token
--- response_body_like chomp
"title":"The sale is over","status":403,.*"reason":"over","policy":"drop","room":"drop","state":"over","poll_after_ms":\d+}



=== TEST 23: after the end, for people
--- room: ends 2020-01-01T00:00:00Z;
--- more_headers
Accept: text/html
--- error_code: 403
--- response_body_like: The sale is over



=== TEST 24: after the end, for who only asks
--- room: ends 2020-01-01T00:00:00Z;
--- more_headers
Admission-Poll: 1
--- response_body_like chomp
\A\{"room":"drop","state":"over","poll_after_ms":\d+\}\z



=== TEST 25: before the end
--- room: ends 2126-11-27T12:00:00+01:00;
--- error_code: 503
--- response_body_like: in_line



=== TEST 26: paused: no number, and the room's status
--- http_config eval
::room("status 429;")
--- config eval
"$::WAIT location /control/ { admission_control; }"
--- request eval
["PATCH /control/rooms/drop\n{\"state\":\"paused\"}", "GET /t", "GET /t",
 "PATCH /control/rooms/drop\n{\"state\":\"open\"}", "GET /t"]
--- more_headers eval
["Content-Type: application/json", "", "Admission-Poll: 1",
 "Content-Type: application/json", ""]
--- error_code eval
[200, 429, 200, 200, 429]
--- response_headers eval
["", "! Set-Cookie\n! Admission-Token", "! Set-Cookie", "", ""]
--- response_body_like eval
["", '"reason":"paused".*"state":"paused"',
 '\A\{"room":"drop","state":"paused","poll_after_ms":\d+\}\z', "",
 '"reason":"in_line"']



=== TEST 27: closed: 503, whatever the room's status
--- http_config eval
::room("status 200;")
--- config eval
"$::WAIT location /control/ { admission_control; }"
--- request eval
["PATCH /control/rooms/drop\n{\"state\":\"closed\"}", "GET /t", "GET /t"]
--- more_headers eval
["Content-Type: application/json", "", "Admission-Poll: 1"]
--- error_code eval
[200, 503, 200]
--- response_headers eval
["", "! Set-Cookie\n! Admission-Token\nCache-Control: no-store",
 "! Set-Cookie"]
--- response_body_like eval
["", '"type":"about:blank","title":"The sale is closed","status":503,.*"reason":"closed".*"state":"closed"',
 '\A\{"room":"drop","state":"closed","poll_after_ms":\d+\}\z']



=== TEST 28: the join limit: a page for people, and never a 429
--- room: join $http_x_who rate=1r/h burst=1;
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
[("X-Who: a") x 3, "X-Who: b", ""]
--- error_code eval
[(503) x 5]
--- response_headers_like eval
[("Set-Cookie: adm_drop=.*; Max-Age=86400;.*\nAdmission-Token: .+") x 5]
--- response_body_like eval
[('"reason":"in_line"') x 2,
 '"title":"You are about to join the line",.*"reason":"join_rate".*"state":"pre","poll_after_ms":\d+,"token"',
 ('"reason":"in_line"') x 2]



=== TEST 29: the join limit by address: of IPv6, the network
--- http_config eval
::room('join $binary_remote_addr rate=1r/h burst=0;')
--- config
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
location = /t { admission_wait drop; empty_gif; }
--- request eval
[("GET /t") x 7]
--- more_headers eval
[map { "X-Real-IP: $_" } "2001:db8:1:2::1", "2001:db8:1:2:ffff::2",
 "2001:db8:1:3::1", "10.0.0.1", "10.0.0.2", "10.0.0.1", "2001:db8:1:3:1::1"]
--- error_code eval
[(503) x 7]
--- response_body_like eval
["in_line", "join_rate", "in_line", "in_line", "in_line", "join_rate",
 "join_rate"]



=== TEST 30: a key that is not the address is taken as it is
--- http_config eval
::room('join $remote_addr rate=1r/h burst=0;')
--- config
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
location = /t { admission_wait drop; empty_gif; }
--- request eval
[("GET /t") x 3]
--- more_headers eval
[map { "X-Real-IP: $_" } "2001:db8:1:2::1", "2001:db8:1:2::2",
 "2001:db8:1:2::1"]
--- error_code eval
[(503) x 3]
--- response_body_like eval
["in_line", "in_line", "join_rate"]



=== TEST 31: a switch of the node: nobody waits, and a poll goes no further
--- http_config eval
::room("")
--- config eval
"$::WAIT location /control/ { admission_control; }"
--- request eval
["GET /t", map { ("PATCH /control/admission\n{\"mode\":\"$_\"}", "GET /t", "GET /t") }
 qw(off dry_run on)]
--- more_headers eval
["", ("Content-Type: application/json", "", "Admission-Poll: 1") x 3]
--- error_code eval
[503, (200, 200, 200) x 2, 200, 503, 200]
--- response_body_like eval
["in_line", ("", "GIF", '"state":"open"') x 2, "", "in_line",
 '"state":"waiting"']



=== TEST 32: the open door has the same limit
--- http_config
admission_room drop {
    mode auto;
    rate 100r/s;
    join $http_x_who rate=1r/h burst=1;
}
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
[("X-Who: a") x 3, "X-Who: b"]
--- error_code eval
[200, 200, 503, 200]



=== TEST 33: the switch of the node is the API's too
--- http_config eval
::room("")
--- config
location /api/ { admission_room_api drop; }
location /control/ { admission_control; }
--- request eval
["POST /api/join", map { ("PATCH /control/admission\n{\"mode\":\"$_\"}",
 "POST /api/join", "GET /api/") } qw(off dry_run on)]
--- more_headers eval
["", ("Content-Type: application/json", "", "") x 3]
--- error_code eval
[(200) x 10]
--- response_body_like eval
['"state":"waiting"', ("", ('"state":"open"') x 2) x 2, "",
 '"state":"waiting"', '"state":"pre"']
