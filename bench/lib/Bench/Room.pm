package Bench::Room;

# People of a waiting room: their tokens, and a crowd of them.
#
#   Bench::Room::write_secret($path);          before nginx reads it
#
#   $carried = Bench::Room::carried($server, 'ticket');
#
#   $joined = Bench::Room::crowd($server, wrk => PATH, script => PATH,
#                                people => 1_000_000);
#   $bytes = Bench::Room::size(nginx => PATH, module => PATH,
#                              scratch => DIRECTORY);
#
# What is carried is { fields } or, of many people, { fields, cookies }: by
# somebody who waits ("ticket"), by some of the crowd ("tickets"), by who has
# a pass that need not be renewed ("pass") and one that has to ("old pass"),
# and by people with passes of their own, so many that a process which keeps
# some of them does not know the next one ("passes").
#
# Numbers are given by nginx, to those who join; the tokens are made here, with
# the key that is nginx's too, so that nobody has to be waited for.

use strict;
use warnings;

use Digest::SHA ();
use File::Temp ();
use MIME::Base64 ();
use Time::HiRes ();

use Bench::Client ();
use Bench::Server ();


my $SECRET = '5c' x 32;

my $WAITING = 200;       # people of a line that is short
my $SOME = 16_000;       # of a crowd, who ask
my $INSIDE = 20_000;     # people with passes, who come in turn
my $DAY = 86_400;        # s
my $SESSION = 43_200;    # s, as in nginx.conf
my $OLD = 6000;          # s: more than an eighth of it
my $ALIKE = 12;          # bytes
my $SETTLED = 2.5;       # s, until a line has counted who is in it
my $PATIENCE = 300;      # s, until a crowd has come


sub write_secret {
    my ($path) = @_;

    Bench::Server::write_file($path, "k1:$SECRET\n");
    chmod 0600, $path;
}


sub carried {
    my ($server, $what) = @_;

    return {} if !defined $what;

    return { cookies => [ map { pass($_, 0) } 1 .. $INSIDE ] }
        if $what eq 'passes';

    return { fields => { Cookie => pass(1, $what eq 'pass' ? 0 : $OLD) } }
        if $what =~ /pass$/;

    few($server);

    return { fields => { 'Admission-Poll' => 1 },
             cookies => [ some($server->{joined}) ] } if $what eq 'tickets';

    my %fields = ('Admission-Poll' => 1, 'Cookie' => ticket($WAITING));

    alike($server, \%fields, '/poll/return', '/poll/ours');

    return { fields => \%fields };
}


# A line in which somebody stands: who joins, and comes back.

sub few {
    my ($server) = @_;

    return if $server->{few}++;

    my $client = $server->connect;
    my %fields = ('Admission-Poll' => 1);

    $client->statuses(\%fields, ('/poll/ours') x $WAITING);

    for my $number (1 .. $WAITING) {
        $fields{Cookie} = ticket($number);
        $client->get('/poll/ours', %fields);
    }

    Time::HiRes::sleep($SETTLED);
}


# Evenly over those who have joined, but in no order.

sub some {
    my ($joined) = @_;

    my $step = $joined / $SOME;

    return map { ticket(1 + int(($_ * 7919 % $SOME) * $step)) } 0 .. $SOME - 1;
}


# The bar is about answers of one size.

sub alike {
    my ($server, $fields, @paths) = @_;

    my ($there, $here) = map {
        my ($status, $body, $head) = $server->connect->get($_, %$fields);
        { body => $body, head => [ sort $head =~ /^([\w-]+):/mg ] };
    } @paths;

    die "bench: somebody who waits is told $here->{body}\n"
        if $here->{body} !~ /"state":"waiting"/;

    die "bench: not alike: $here->{body} and $there->{body}\n"
        if abs(length($here->{body}) - length $there->{body}) > $ALIKE
           || "@{$here->{head}}" ne "@{$there->{head}}";
}


# Lets people come until so many have joined: how many have.

sub crowd {
    my ($server, %option) = @_;

    few($server);

    my $pid = Bench::Server::launch($option{wrk}, '-t2', '-c64', '-d600s',
        '-s', $option{script}, '-H', 'Admission-Poll: 1',
        'http://127.0.0.1:' . $server->port . '/poll/ours');
    my $end = time + $PATIENCE;

    while (joined($server) < $option{people} && time < $end) {
        Time::HiRes::sleep(0.2);
    }

    kill 'KILL', $pid;
    waitpid $pid, 0;

    $server->{joined} = joined($server);

    die "bench: $server->{joined} people in $PATIENCE s\n"
        if $server->{joined} < $option{people};

    return $server->{joined};
}


sub joined {
    my ($server) = @_;

    my (undef, $text) = $server->connect->get('/status?format=prometheus');

    return $text =~ /^admission_room_joined_total\{room="line"\} (\d+)/m
           ? $1 : die "bench: the metrics do not say who has joined\n";
}


# The memory of a room, which is laid out at the start for all who may come:
# what the least zone of two rooms is larger than that of one.  nginx wants a
# 64th more, and half of it is the line of dry runs.

sub size {
    my (%place) = @_;

    my ($one, $two) = map { least_zone($_, %place) } 1, 2;

    return 1024 * ($two - $one) * 64 / 65 / 2;
}


sub least_zone {
    my ($rooms, %place) = @_;

    my $directory = File::Temp->newdir('zone-XXXXXX', DIR => $place{scratch});
    my $text = join '', map { "admission_room r$_ { rate 1r/s; }\n" }
               1 .. $rooms;

    Bench::Server::write_file("$directory/nginx.conf", <<"END");
load_module $place{module};
error_log error.log;
pid nginx.pid;
events {}
http {
client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;
uwsgi_temp_path tmp; scgi_temp_path tmp;
admission_zone admission 64k;
$text
}
END

    my $said = qx{'$place{nginx}' -t -p '$directory' -c nginx.conf 2>&1};

    return $said =~ /must be at least (\d+)k/
           ? $1 : die "bench: no word of the least zone: $said\n";
}


sub ticket {
    my ($number) = @_;

    my $now = time;

    return 'adm_line=' . token('ticket', 'line', $number, $now, $now + $DAY);
}


sub pass {
    my ($number, $age) = @_;

    my $issued = time - $age;

    return 'adm_inside=' . token('pass', 'inside', $number, $issued,
                                 $issued + $SESSION);
}


# As src/core/adm_token.c writes it: nothing else is read.

sub token {
    my ($type, $room, $number, $issued, $expires) = @_;

    my $id = sprintf '%016x', 1;
    my $text = join '.', map { MIME::Base64::encode_base64url($_) }
        qq({"alg":"HS256","typ":"adm-$type+jwt","kid":"k1"}),
        qq({"iss":"admission","aud":"$room","sub":"$number",)
        . qq("iat":$issued,"exp":$expires,"joined":$issued,"wait":0,)
        . qq("jti":"$id"});
    my $mac = Digest::SHA::hmac_sha256($text, pack 'H*', $SECRET);

    return "$text." . MIME::Base64::encode_base64url($mac);
}


1;
