# The metrics of rooms: how long the line is, and whether it moves.
#
# They are watched while thousands wait.  A line that looks short because
# nobody counted, a rate that is told while nobody is called, or a wait of
# ten minutes that falls into the bucket of all that is above one, and the
# wrong thing is done.

use IO::Socket::INET ();
use JSON::PP ();
use Time::HiRes qw(sleep time);
use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
    $block->set_value(config => <<'_') if !defined $block->config;
location /control/ { admission_control; }
location = /status { admission_status; }
location = /t { admission_wait drop; empty_gif; }
_
});

# "claims": that many people pass through the line, and are counted.  Tokens
# come in answers, so the requests are made here.
add_response_body_check(sub {
    my ($block) = @_;

    my $n = $block->claims // return;
    my %codes;

    $codes{ through_the_line() }++ for 1 .. $n;

    Test::More::is_deeply(\%codes, { 200 => $n }, "all come through");

    my $status = answer("/status");

    Test::More::like($status, qr/^admission_\Q$_\E$/m, $_)
        for grep { $_ } split /\n/, $block->then;
});


# "tokens": one is given, comes back, is altered, and comes to another room;
# one in a cookie of the site's own is none of ours
add_response_body_check(sub {
    my ($block) = @_;

    my $expected = $block->tokens // return;
    my ($token) = answer("/t") =~ /^Admission-Token: (\S+)\r$/mi;

    answer("/t", "X-Admission-Token: $token");
    answer("/t", "X-Admission-Token: " . ($token =~ s/(.)\z/$1 eq "A" ? "Q" : "A"/er));
    answer("/vip", "X-Admission-Token: $token");
    answer("/none", "Cookie: session=$token");

    my $status = answer("/status");

    for (split /\n/, $expected) {
        my ($outcome, $n) = split / /;

        Test::More::like($status,
            qr/^admission_tokens_total\{outcome="$outcome"\} $n\r?$/m, $_);
    }
});


# "waits": so many join and come back once, so that they are known to be there
add_response_body_check(sub {
    my ($block) = @_;

    my $n = $block->waits // return;
    my ($status, $end) = ("", time + 10);

    join_line() for 1 .. $n;

    # lines are counted once a second
    sleep 0.1 while time < $end
                    && ($status = answer("/status")) !~ /^\w+_demand\{horizon="300"\} [1-9]/m;

    Test::More::like($status, qr/^admission_\Q$_\E$/m, $_)
        for grep { $_ } split /\n/, $block->then;
});


# "told": one comes when so many are in line, is told how long it will take,
# and is let in, sooner, since the others do not come
add_response_body_check(sub {
    my ($block) = @_;

    my $n = $block->told // return;
    my $end = time + 10;

    join_line() for 1 .. $n;

    sleep 0.1 while time < $end
                    && answer("/status") !~ /^\w+_waiting\S+ [1-9]/m;

    my $first = answer("/t", "Accept: application/json");
    my ($told) = $first =~ /"wait_seconds":(\d+)/;
    my ($token) = $first =~ /^Admission-Token: (\S+)\r$/mi;

    Test::More::cmp_ok($told, ">", 0, "it will take some time");
    Test::More::is(through_the_line($token), 200, "came in");

    my %sum = answer("/status") =~ /^admission_room_(wait|estimate_error)_seconds_sum\S+ (\d+)/mg;

    Test::More::is($sum{estimate_error}, abs($told - $sum{wait}),
                   "the error is that of what was told");
});


sub join_line {
    my ($token) = answer("/t") =~ /^Admission-Token: (\S+)\r$/mi;

    answer("/t", "X-Admission-Token: $token");

    return;
}

# Goes through the room, as a browser does: its status at last.
sub through_the_line {
    my $token = $_[0] // "";
    my $end = time + 10;

    while (time < $end) {
        my $answer = answer("/t", "X-Admission-Token: $token");
        my ($code) = $answer =~ /^HTTP\S+ (\d+)/;

        return $code if $code != 503;

        ($token) = $answer =~ /^Admission-Token: (\S+)\r$/mi
            if $answer =~ /^Admission-Token:/mi;
        sleep 0.1;
    }

    return 503;
}

sub answer {
    my ($path, @fields) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
        PeerPort => server_port(), Timeout => 5) or return "";

    print {$socket} join("\r\n", "GET $path HTTP/1.0", "Host: localhost",
                         @fields, "", "");

    local $/;

    return <$socket> // "";
}

$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

our @Bounds = qw(1.0 2.5 5.0 10.0 25.0 50.0 100.0 250.0 500.0 1000.0 2500.0
                 5000.0 10000.0 30000.0 60000.0 +Inf);

# all lines of a histogram of which nothing was counted
sub nothing {
    my ($name, $room) = @_;

    return join("", map { "admission_${name}_bucket{room=\"$room\",le=\"$_\"} 0\n" } @Bounds)
           . "admission_${name}_sum{room=\"$room\"} 0.000000\n"
           . "admission_${name}_count{room=\"$room\"} 0\n";
}

master_on();
workers(2);
no_long_string();
run_tests();

__DATA__

=== TEST 1: before anybody has come
--- http_config
admission_room drop { rate 90r/m; max_active 40; session 1m; }
--- request
GET /status
--- response_body_like eval
my @lines = map { "admission_$_\n" } 'expected_demand{horizon="60"} 0',
 'expected_demand{horizon="300"} 0', 'room_waiting{room="drop"} 0',
 'room_expected{room="drop"} 0', 'room_active{room="drop"} 0',
 'room_max_active{room="drop"} 40', 'room_frontier{room="drop"} 1',
 'room_joined_total{room="drop"} 0', 'room_claimed_total{room="drop"} 0',
 'room_admitted_total{room="drop"} 0', 'room_lapsed_total{room="drop"} 0',
 'room_moments_total{room="drop"} 0', 'room_admission_rate{room="drop"} 1.500000',
 'room_state{room="drop"} 0', 'room_stalled{room="drop"} 0';
my $all = CORE::join("", map { "(?=.*^\Q$_\E)" } @lines,
 main::nothing("room_wait_seconds", "drop"),
 main::nothing("room_estimate_error_seconds", "drop"));
qr/$all/ms



=== TEST 2: without rooms
There is nothing to be told of them, and nothing that a reader would take for
a room without people.
--- config
location = /status { admission_status; }
--- request
GET /status
--- response_body_unlike: (?m)^admission_room_|^admission_state_up



=== TEST 3: rooms stand beside each other, each with its own
--- http_config
admission_room drop { rate 50r/s; }
admission_room vip { rate 10r/s; max_active 7; session 1s; }
--- config
location /control/ { admission_control; }
location = /status { admission_status; }
--- more_headers
Content-Type: application/json
--- request eval
["PATCH /control/rooms/vip\n{\"state\":\"paused\"}", "GET /status"]
--- error_code eval
[200, 200]
--- response_body_like eval
["", qr/^# TYPE admission_room_max_active gauge
admission_room_max_active\{room="drop"\} 0
admission_room_max_active\{room="vip"\} 7
(?s:.*)^# TYPE admission_room_admission_rate gauge
admission_room_admission_rate\{room="drop"\} 50\.000000
admission_room_admission_rate\{room="vip"\} 0\.000000
(?s:.*)^# TYPE admission_room_state gauge
admission_room_state\{room="drop"\} 0
admission_room_state\{room="vip"\} 1
/m]



=== TEST 4: open, paused, closed, over
--- http_config
admission_room drop { rate 50r/s; }
--- more_headers
Content-Type: application/json
--- request eval
["GET /status", (map { ("PATCH /control/rooms/drop\n$_", "GET /status") }
 '{"state":"paused"}', '{"state":"closed"}', '{"state":"open"}',
 '{"ends":"2026-01-01T00:00:00Z"}', '{"ends":"2099-01-01T00:00:00Z"}')]
--- error_code eval
[(200) x 11]
--- response_body_like eval
[map { ($_ ? "" : (), qr/^admission_room_state\{room="drop"\} @{[ (0, 1, 2, 0, 3, 0)[$_] ]}$/m) } 0 .. 5]



=== TEST 5: who is let in at once has not been in line
--- http_config
admission_room drop { rate 50r/s; }
--- request eval
["GET /t", "GET /t", "GET /t", "GET /status"]
--- error_code eval
[200, 200, 200, 200]
--- response_body_like eval
[("") x 3, qr/(?=.*^admission_room_active\{room="drop"\} 3$)(?=.*^admission_room_admitted_total\{room="drop"\} 3$)(?=.*^admission_room_claimed_total\{room="drop"\} 0$)(?=.*^admission_room_joined_total\{room="drop"\} 0$)(?=.*^admission_tokens_total\{outcome="issued"\} 3$)(?=.*^admission_room_wait_seconds_count\{room="drop"\} 0$)/ms]



=== TEST 6: who has to wait
--- http_config
admission_room drop { rate 1r/h; mode always; }
--- request eval
["GET /t", "GET /t", "GET /status"]
--- error_code eval
[503, 503, 200]
--- response_body_like eval
["", "", qr/(?=.*^admission_room_active\{room="drop"\} 0$)(?=.*^admission_room_admitted_total\{room="drop"\} 0$)(?=.*^admission_room_joined_total\{room="drop"\} 2$)(?=.*^admission_room_claimed_total\{room="drop"\} 0$)(?=.*^admission_tokens_total\{outcome="issued"\} 2$)/ms]



=== TEST 7: through the line
--- http_config
admission_room drop { rate 100r/s; mode always; }
--- request
GET /status
--- claims: 4
--- then
room_joined_total{room="drop"} 4
room_claimed_total{room="drop"} 4
room_admitted_total{room="drop"} 4
room_active{room="drop"} 4
room_wait_seconds_bucket{room="drop",le="60000.0"} 4
room_wait_seconds_bucket{room="drop",le="+Inf"} 4
room_wait_seconds_bucket{room="drop",le="25.0"} 4
room_wait_seconds_count{room="drop"} 4
room_estimate_error_seconds_count{room="drop"} 4



=== TEST 8: tokens by what became of them
--- http_config
admission_room drop { rate 1r/h; mode always; }
admission_room vip { rate 1r/h; mode always; }
--- config
location = /status { admission_status; }
location = /t { admission_wait drop; empty_gif; }
location = /vip { admission_wait vip; empty_gif; }
--- request
GET /status
--- tokens
issued 3
ticket 1
forged 1
other_room 1
malformed 0
pass 0



=== TEST 9: in JSON, as numbers
--- http_config
admission_room drop { rate 90r/m; }
--- request
GET /status?format=json
--- response_body_like eval
qr/(?=.*\{"name":"admission_room_admission_rate","type":"gauge","help":"[^"]+","samples":\[\{"labels":\{"room":"drop"\},"value":1\.500000\}\]\})(?=.*\{"name":"admission_room_wait_seconds","type":"histogram","help":"[^"]+","samples":\[\{"suffix":"_bucket","labels":\{"room":"drop","le":"1\.0"\},"value":0\},)/



=== TEST 10: the state that is kept
--- http_config
admission_state $TEST_NGINX_HTML_DIR/state;
admission_room drop { rate 50r/s; }
--- request
GET /status
--- response_body_like: (?m)^admission_state_up 1$



=== TEST 11: what will be released: no more than the rate, and than there are
--- http_config
admission_room drop { rate 2r/m; mode always; }
--- request
GET /status
--- waits: 5
--- then
expected_demand{horizon="60"} 2
expected_demand{horizon="300"} 5



=== TEST 12: the wait, and by how much it was said wrong
--- http_config
admission_room drop { rate 20r/s; mode always; }
--- request
GET /status
--- told: 150
