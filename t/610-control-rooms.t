# /rooms of admission_control: what an operator turns during a sale.
#
# Ten minutes into the drop the upstream bears half of what was planned.  The
# one who knows types a rate, and must not have to guess what became of it: a
# change is in force as a whole or not at all, says what it was before, and
# what is wrong is said with what would be right.

use IO::Socket::INET ();
use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
    $block->set_value(more_headers => "Content-Type: application/json")
        if !defined $block->more_headers;
    $block->set_value(http_config => "admission_room drop { rate 50r/s; }")
        if !defined $block->http_config;
    $block->set_value(config => <<'_') if !defined $block->config;
location /control/ { admission_control; }
location = /t { admission_wait drop; empty_gif; }
_
});

# "void": who is inside by a pass is outside once all are void; the pass comes
# in an answer, so the requests are made here
add_response_body_check(sub {
    my ($block) = @_;

    defined $block->void or return;

    my ($first) = answer("GET /t");
    my ($token) = $first =~ /^Admission-Token: (\S+)\r$/mi;
    my $again = "X-Admission-Token: " . ($token // "");

    Test::More::like($first, qr/^HTTP\S+ 200 /, "let in");
    Test::More::like(answer("GET /t", $again), qr/^HTTP\S+ 200 /, "is inside");

    my $said = answer("PATCH /control/rooms/drop",
                      "Content-Type: application/json",
                      qq({"passes":"void","state":"paused"}));

    Test::More::like($said, qr/^HTTP\S+ 200 /, "all are void");
    Test::More::like(answer("GET /t", $again), qr/^HTTP\S+ 503 /,
                     "... and it is as if there was none");
});


sub answer {
    my ($line, $field, $body) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
        PeerPort => server_port(), Timeout => 5) or return "";
    my @fields = ($field // (), "Content-Length: " . length($body // ""));

    print {$socket} join("\r\n", "$line HTTP/1.0", "Host: localhost", @fields,
                         "", $body // "");

    local $/;

    return <$socket> // "";
}

# {"configured", "effective", "since", "by"} of what nobody has changed
our $Line = qr/"line":\{"waiting":0,"expected":0,"active":0,"joined":0,"frontier":1,"admitted":0,"claimed":0,"lapsed":0,"moments":0,"rate":\d+\.\d+,"share":\d\.\d+\}/;

sub configured {
    my ($name, $value) = @_;

    return qq("$name":{"configured":$value,"effective":$value,)
           . qq("since":null,"by":null});
}

sub overridden {
    my ($name, $value, $now) = @_;

    return qr/"$name":\{"configured":\Q$value\E,"effective":\Q$now\E,"since":"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\dZ","by":"127\.0\.0\.1"\}/;
}

# the lines of one of these requests, in their order
sub logged {
    my @requests = map { CORE::join("", map {
        qr/\[warn\] \S+ \S+ admission control: \Q$_\E, by "127\.0\.0\.1", client\n/
    } @$_) } @_;

    return qr/^(?:@{[ CORE::join("|", @requests) ]})\z/;
}

sub refused {
    my ($detail) = @_;

    $detail =~ s/"/\\"/g;

    return qr/^\{"title":"The change is not possible\.","status":400,"detail":"\Q$detail\E"\}\z/;
}

master_on();
workers(2);
no_long_string();
run_tests();

__DATA__

=== TEST 1: the rooms that there are
--- http_config
admission_room drop { rate 50r/s; }
admission_room vip { rate 600r/m; }
--- config
location /control/ { admission_control; }
--- request
GET /control/rooms
--- response_headers
Content-Type: application/json
Cache-Control: no-store
--- response_body chomp
{"rooms":["drop","vip"]}



=== TEST 2: none
--- http_config
--- config
location /control/ { admission_control; }
--- request eval
["GET /control/rooms", "GET /control/rooms/drop"]
--- error_code eval
[200, 404]
--- response_body_like eval
['^\{"rooms":\[\]\}\z', '^\{"title":"There is no such resource\.","status":404,']



=== TEST 3: as configured
--- http_config
admission_room drop {
    rate 600r/m;
    max_active 200;
    mode always;
    session 1m;
    ends 2099-11-27T12:00:00+01:00;
}
--- request
GET /control/rooms/drop
--- response_headers
Content-Type: application/json
Cache-Control: no-store
--- response_body_like eval
my $settings = CORE::join(",", main::configured("rate", '"600r/m"'),
    main::configured("max_active", 200), main::configured("mode", '"always"'),
    main::configured("state", '"open"'),
    main::configured("ends", '"2099-11-27T11:00:00Z"'));
qr/^\{\Q$settings\E,$main::Line\}\z/



=== TEST 4: what is not configured
--- request
GET /control/rooms/drop
--- response_body_like eval
my $settings = CORE::join(",", main::configured("rate", '"50r/s"'),
    main::configured("max_active", 0), main::configured("mode", '"auto"'),
    main::configured("state", '"open"'), main::configured("ends", '"never"'));
qr/^\{\Q$settings\E,/



=== TEST 5: each is changed, and told as it was sent
--- request eval
[(map { "PATCH /control/rooms/drop\n$_" }
 '{"rate":"80r/s"}', '{"rate":"600r/m"}', '{"rate":"50r/h"}', '{"rate":"500r/d"}',
 '{"rate":"1000000r/s"}', '{"max_active":1000000000}', '{"max_active":0}',
 '{"mode":"always"}', '{"mode":"off"}', '{"mode":"auto"}', '{"state":"paused"}',
 '{"state":"closed"}', '{"state":"open"}', '{"ends":"2099-01-01T00:00:00Z"}',
 '{"ends":"2098-12-31T23:00:00-01:00"}', '{"ends":"never"}'),
 "GET /control/rooms/drop"]
--- error_code eval
[(200) x 17]
--- response_body_like eval
[main::overridden("rate", '"50r/s"', '"80r/s"'),
 main::overridden("rate", '"50r/s"', '"600r/m"'),
 main::overridden("rate", '"50r/s"', '"50r/h"'),
 main::overridden("rate", '"50r/s"', '"500r/d"'),
 main::overridden("rate", '"50r/s"', '"1000000r/s"'),
 main::overridden("max_active", 0, 1000000000),
 main::overridden("max_active", 0, 0),
 main::overridden("mode", '"auto"', '"always"'),
 main::overridden("mode", '"auto"', '"off"'),
 main::overridden("mode", '"auto"', '"auto"'),
 main::overridden("state", '"open"', '"paused"'),
 main::overridden("state", '"open"', '"closed"'),
 main::overridden("state", '"open"', '"open"'),
 (main::overridden("ends", '"never"', '"2099-01-01T00:00:00Z"')) x 2,
 (main::overridden("ends", '"never"', '"never"')) x 2]



=== TEST 6: null: again as configured
--- request eval
["PATCH /control/rooms/drop\n{\"rate\":\"80r/s\",\"mode\":\"always\",\"max_active\":7,\"state\":\"paused\",\"ends\":\"2099-01-01T00:00:00Z\"}",
 "PATCH /control/rooms/drop\n{\"rate\":null,\"mode\":null,\"max_active\":null,\"state\":null,\"ends\":null}"]
--- error_code eval
[200, 200]
--- response_body_like eval
my $settings = CORE::join(",", main::configured("rate", '"50r/s"'),
    main::configured("max_active", 0), main::configured("mode", '"auto"'),
    main::configured("state", '"open"'), main::configured("ends", '"never"'));
[qr/(?=.*"effective":"80r\/s")(?=.*"effective":7)(?=.*"effective":"always")(?=.*"effective":"paused")(?=.*"effective":"2099-01-01T00:00:00Z")/,
 qr/^\{\Q$settings\E,/]



=== TEST 7: the log has who, what, from and to
--- request eval
["PATCH /control/rooms/drop\n{\"rate\":\"80r/s\",\"max_active\":9}",
 "PATCH /control/rooms/drop\n{\"rate\":\"600r/m\",\"ends\":\"2099-01-01T00:00:00Z\"}",
 "PATCH /control/rooms/drop\n{\"rate\":null,\"state\":\"closed\",\"mode\":\"off\"}",
 "PATCH /control/rooms/drop\n{\"passes\":\"void\"}"]
--- error_code eval
[200, 200, 200, 200]
--- grep_error_log eval: qr/\[warn\] .*?admission control: .*?, client/
--- grep_error_log_out eval
main::logged(['"room drop rate" is now 80r/s, was 50r/s',
  '"room drop max_active" is now 9, was 0'],
 ['"room drop rate" is now 600r/m, was 80r/s',
  '"room drop ends" is now 2099-01-01T00:00:00Z, was never'],
 ['"room drop rate" is now 50r/s again, as configured, was 600r/m',
  '"room drop mode" is now off, was auto',
  '"room drop state" is now closed, was open'],
 ['the passes of room "drop" are void'])



=== TEST 8: a rate
--- request eval
[map { "PATCH /control/rooms/drop\n{\"rate\":$_}" }
 '"0r/s"', '"50"', '"50r"', '"r/s"', '""', '"1000001r/s"', '"50r/w"', '"-1r/s"',
 '" 50r/s"', '"1.5r/s"', 50, 0, 'true', '[]', '{}', '["50r/s"]']
--- error_code eval
[(400) x 16]
--- response_headers eval
[("Content-Type: application/problem+json\nCache-Control: no-store") x 16]
--- response_body_like eval
[(main::refused('"rate" must be null or a rate of 1 to 1000000, as "50r/s", "600r/m", "50r/h" or "500r/d"; to call nobody, "state" is "paused"')) x 16]



=== TEST 9: a number of people
--- request eval
[map { "PATCH /control/rooms/drop\n{\"max_active\":$_}" }
 -1, 1000000001, 1.5, '"100"', 'true', '[]', '9223372036854775807']
--- error_code eval
[(400) x 7]
--- response_body_like eval
[(main::refused('"max_active" must be null or a number of people, at most 1000000000; 0 is no ceiling')) x 7]



=== TEST 10: words
--- request eval
[(map { "PATCH /control/rooms/drop\n{\"mode\":$_}" } '"Auto"', '"on"', '""', 1, '[]'),
 (map { "PATCH /control/rooms/drop\n{\"state\":$_}" } '"pause"', '"Open"', '""', 'false', '{}'),
 (map { "PATCH /control/rooms/drop\n{\"passes\":$_}" } 'null', '"Void"', '""', 'true', '["void"]')]
--- error_code eval
[(400) x 15]
--- response_body_like eval
[(main::refused('"mode" must be "auto", "always", "off" or null')) x 5,
 (main::refused('"state" must be "open", "paused", "closed" or null')) x 5,
 (main::refused('"passes" must be "void"')) x 5]



=== TEST 11: a moment
--- request eval
[map { "PATCH /control/rooms/drop\n{\"ends\":$_}" }
 '"tomorrow"', '"2026-11-27"', '"2026-11-27T12:00:00"', '"2026-02-30T12:00:00Z"',
 '"Never"', '""', 1764244800, 'false', '[]']
--- error_code eval
[(400) x 9]
--- response_body_like eval
[(main::refused('"ends" must be null, "never" or a moment, as "2026-11-27T12:00:00Z"')) x 9]



=== TEST 12: members that there are not
--- request eval
[map { "PATCH /control/rooms/drop\n$_" }
 '{}', '{"starts":"2026-11-27T12:00:00Z"}', '{"rates":"50r/s"}', '{"line":{}}',
 '{"":1}', '{"session":"1m"}']
--- error_code eval
[(400) x 6]
--- response_body_like eval
[main::refused('no member, expected "rate", "max_active", "mode", "state", "ends" or "passes"'),
 main::refused('"starts" is not supported by this version'),
 main::refused('unknown member "rates"'), main::refused('unknown member "line"'),
 main::refused('unknown member ""'), main::refused('unknown member "session"')]



=== TEST 13: all or nothing
Whatever the order, what is right beside what is wrong is not done.
--- request eval
[(map { "PATCH /control/rooms/drop\n$_" }
 '{"rate":"80r/s","max_active":-1}', '{"max_active":7,"rate":"80"}',
 '{"state":"closed","passes":"void","mode":"x"}', '{"state":"paused","starts":null}',
 '{"passes":"void","ends":"x"}'),
 "GET /control/rooms/drop"]
--- error_code eval
[(400) x 5, 200]
--- response_body_like eval
my $settings = CORE::join(",", main::configured("rate", '"50r/s"'),
    main::configured("max_active", 0), main::configured("mode", '"auto"'),
    main::configured("state", '"open"'), main::configured("ends", '"never"'));
[("The change is not possible") x 5, qr/^\{\Q$settings\E,/]
--- no_error_log
admission control:
[alert]



=== TEST 14: one room is not another
--- http_config
admission_room drop { rate 50r/s; }
admission_room dro { rate 40r/s; }
--- request eval
["PATCH /control/rooms/dro\n{\"rate\":\"1r/s\"}", "GET /control/rooms/drop",
 "GET /control/rooms/dro"]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
['"effective":"1r/s"', '"configured":"50r/s","effective":"50r/s"',
 '"configured":"40r/s","effective":"1r/s"']



=== TEST 15: other paths
--- request eval
["GET /control/rooms/", "GET /control/rooms/dro", "GET /control/rooms/drops",
 "GET /control/rooms/drop/", "GET /control/rooms/drop/x", "GET /control/Rooms",
 "GET /control/rooms/Drop", "GET /control/room/drop",
 "PATCH /control/rooms/none\n{\"rate\":\"1r/s\"}"]
--- error_code eval
[(404) x 9]
--- response_body_like eval
[('^\{"title":"There is no such resource\.","status":404,"detail":""\}\z') x 9]



=== TEST 16: what can only be read
--- request eval
["PATCH /control/rooms\n{\"rate\":\"1r/s\"}", "POST /control/rooms/drop\n{}",
 "DELETE /control/rooms/drop", "PUT /control/rooms/drop\n{\"rate\":\"1r/s\"}"]
--- error_code eval
[405, 405, 405, 405]
--- response_headers eval
["Allow: GET, HEAD", ("Allow: GET, HEAD, PATCH") x 3]



=== TEST 17: by the same door as all of control
--- request eval
[("PATCH /control/rooms/drop\n{\"rate\":\"1r/s\"}") x 3, "GET /control/rooms/drop"]
--- more_headers eval
["Content-Type: text/plain",
 "Content-Type: application/json\nSec-Fetch-Site: cross-site",
 "Content-Type: application/json\nX-Forwarded-For: 192.0.2.1", "X-None: 1"]
--- error_code eval
[415, 403, 403, 200]
--- response_body_like eval
[("") x 3, '"effective":"50r/s"']



=== TEST 18: paused, closed and open, at once in every worker
--- request eval
["GET /t", "PATCH /control/rooms/drop\n{\"state\":\"paused\"}", ("GET /t") x 4,
 "PATCH /control/rooms/drop\n{\"state\":\"closed\"}", ("GET /t") x 4,
 "PATCH /control/rooms/drop\n{\"state\":null}", ("GET /t") x 4]
--- more_headers
Content-Type: application/json
Accept: application/json
--- error_code eval
[200, 200, (503) x 4, 200, (503) x 4, 200, (200) x 4]
--- response_body_like eval
[("") x 2, ('"reason":"paused"') x 4, "", ('"reason":"closed"') x 4, ("") x 5]



=== TEST 19: a room that is off lets everybody through
--- http_config
admission_room drop { rate 50r/s; mode always; }
--- request eval
["GET /t", "PATCH /control/rooms/drop\n{\"mode\":\"off\"}", ("GET /t") x 4,
 "PATCH /control/rooms/drop\n{\"mode\":\"always\"}", ("GET /t") x 4]
--- error_code eval
[503, 200, (200) x 4, 200, (503) x 4]



=== TEST 20: a ceiling
--- request eval
["GET /t", "PATCH /control/rooms/drop\n{\"max_active\":1}", "GET /t",
 "PATCH /control/rooms/drop\n{\"max_active\":0,\"mode\":\"off\"}", "GET /t"]
--- error_code eval
[200, 200, 503, 200, 200]



=== TEST 21: the sale is over, and goes on
--- request eval
["GET /t", "PATCH /control/rooms/drop\n{\"ends\":\"2026-01-01T00:00:00Z\"}", "GET /t",
 "PATCH /control/rooms/drop\n{\"ends\":\"never\"}", "GET /t"]
--- error_code eval
[200, 200, 403, 200, 200]



=== TEST 22: a rate
--- config
location /control/ { admission_control; }
location = /status { admission_status; }
--- request eval
["GET /status", "PATCH /control/rooms/drop\n{\"rate\":\"90r/m\"}", "GET /status",
 "PATCH /control/rooms/drop\n{\"state\":\"paused\"}", "GET /status"]
--- error_code eval
[(200) x 5]
--- response_body_like eval
[qr/^admission_room_admission_rate\{room="drop"\} 50\.000000$/m, "",
 qr/^admission_room_admission_rate\{room="drop"\} 1\.500000$/m, "",
 qr/^admission_room_admission_rate\{room="drop"\} 0\.000000$/m]



=== TEST 23: the passes are void
--- request
GET /control/rooms
--- void: 1



=== TEST 24: by HEAD, and as a part of a page
--- config
location = /page.html { ssi on; }
location /control/ { admission_control; }
--- user_files
>>> page.html
before
<!--# include virtual="/control/rooms" -->
behind
--- request eval
["HEAD /control/rooms/drop", "GET /page.html"]
--- error_code eval
[200, 200]
--- response_body_like eval
['^\z', qr/^before\n\{"rooms":\["drop"\]\}\nbehind\n/s]
