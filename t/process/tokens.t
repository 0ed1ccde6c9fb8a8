#!/usr/bin/perl

# Whoever can make a pass walks by the whole line, and may try as often as
# they like: tokens cut off anywhere, with any bit flipped, put together from
# good ones, signed by somebody else, in another algorithm or in none, of
# another room, expired, too long, and rubbish.  No one of them gets to the
# shop, each is counted for what it is, nothing of it stays in the worker's
# memory, and neither a token nor the secret is ever in a log.
#
#     ADM_TOKENS=N    so many of them, 100000 unless told
#     ADM_SEED=N      the same ones again
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use IO::Socket::INET ();
use List::Util qw(shuffle sum0);
use MIME::Base64 qw(encode_base64url);
use Test::More;

use AdmHttp qw(fetch request_text);
use AdmNginx qw(slurp wait_for);
use AdmToken ();
use AdmUpstream ();


my $N = $ENV{ADM_TOKENS} // 100_000;
my $SEED = $ENV{ADM_SEED} // time % 100_000;

my $CONNECTIONS = 4;
my $AT_ONCE = 25;       # requests of a connection that are on their way
my $WARM = 20_000;      # tokens, before memory is looked at
my $GROWTH = 1024;      # kB

# what a cookie or a field can carry, all but the ends of lines
my @BYTES = map { chr } grep { $_ != 10 && $_ != 13 } 1 .. 255;

my @LETTERS = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');

my $HTTP = <<'END';
    admission_secret_file %{keys};

    admission_room drop {
        mode always;
        rate 100r/s;
        session 1h;
        cookie place;
    }
    admission_room bound { mode always; rate 100r/s; bind $http_x_device; }

    admission_log_level info;
    error_log %{dir}/error.log info;
    access_log off;
    keepalive_requests 1000000;

    server {
        listen 127.0.0.1:%{h1};

        location = /status { admission_status; }
        location /api/ { admission_room_api drop; }

        location /drop/ {
            admission_wait drop;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /bound/ {
            admission_wait bound;
            proxy_pass http://127.0.0.1:%{up};
        }
    }

    # nginx itself tells at "info" of lines that it cannot read
    server {
        listen 127.0.0.1:%{raw};
        error_log %{dir}/error.log notice;

        location /drop/ {
            admission_wait drop;
            proxy_pass http://127.0.0.1:%{up};
        }
    }
END

# how a token comes
my %CARRIER = (
    cookie => sub { "Cookie: a=b; place=$_[0]; c=d\r\n" },
    host   => sub { "Cookie: __Host-place=$_[0]\r\n" },
    field  => sub { "X-Admission-Token: $_[0]\r\n" },
    bearer => sub { "Authorization: Bearer $_[0]\r\n" },
);
my @CARRIERS = sort keys %CARRIER;

my ($first, $second, $stranger) = map { AdmToken::key($_) } qw(k1 k2 other);
my @headers = map {
    my $key = $_;
    map { encode_base64url(AdmToken::header($key, $_)) . '.' }
        qw(pre ticket pass)
} $first, $second;

my $secrets = File::Temp->newdir('adm-keys-XXXXXX', TMPDIR => 1);
write_keys("$secrets/keys");

my $upstream = AdmUpstream->start;
my $nginx = AdmNginx->start(http => $HTTP,
    vars => { up => $upstream->port, keys => "$secrets/keys" });

my %good;               # tokens that are none of ours to send
my %counted;            # outcome => how often it is to be
my ($ids, @let_in) = (0);

srand $SEED;
diag("ADM_SEED=$SEED");


sub write_keys {
    my ($file) = @_;

    umask 077;
    open my $out, '>', $file or die "cannot write $file: $!\n";
    print {$out} map { "$_->{id}:$_->{hex}\n" } $first, $second;
    close $out or die "cannot write $file: $!\n";

    return;
}


# Asking

# A request of its own, counted; with "in", it is one that has to get through.
sub ask {
    my ($path, $fields, %option) = @_;

    my $id = ++$ids;
    my $answer = fetch($nginx->port('h1'), "$path/answer/200?id=$id",
        fields => $fields) or return { status => 0, field => {} };

    push @let_in, $id if $option{in};
    noted($answer);

    return $answer;
}


# What an answer brings is counted, and must not be in a log.
sub noted {
    my ($answer) = @_;

    my $token = $answer->{field}{'admission-token'} // return;

    $counted{issued}++;
    $good{$token} = 1;

    return;
}


sub to_be_counted {
    $counted{$_}++ for @_;

    return;
}


# Goes through the line: the ticket and the pass.
sub shopper {
    my ($path, $fields) = @_;

    my ($ticket, $pass, $answer);

    $answer = ask($path, $fields);
    $ticket = $answer->{field}{'admission-token'};

    wait_for(sub {
        to_be_counted('ticket');
        $answer = ask($path, "${fields}X-Admission-Token: $ticket\r\n");
        return $answer->{status} == 200;
    }, 20);

    $pass = $answer->{field}{'admission-token'};
    push @let_in, $ids;

    return ($ticket, $pass);
}


# Making them

# What becomes of a text that nobody signed: a stranger's is not ours.
sub outcome {
    my ($text) = @_;

    return length $text <= 1024
           && (grep { length $text > length $_ && index($text, $_) == 0 }
               @headers) ? 'forged' : '';
}


# As a cookie it ends at a semicolon.
sub hostile {
    my ($text, $carrier, @outcomes) = @_;

    my $said = $text;

    $carrier //= $CARRIERS[rand @CARRIERS];
    $said =~ s/;.*//s if $carrier =~ /cookie|host/;

    return if $text =~ /^ | $/ || $good{$text} || $good{$said};

    return { text => $text, carrier => $carrier,
             outcomes => @outcomes ? \@outcomes : [ outcome($said) || () ] };
}


sub cut_and_flipped {
    my @tokens = @_;

    my @all;

    for my $token (@tokens) {
        my $length = length $token;

        push @all, map { substr $token, 0, $_ } 0 .. $length - 1;
        push @all, map { substr $token, $_ } 1 .. $length - 1;

        for my $bit (0 .. 8 * $length - 1) {
            my $flipped = $token;
            vec($flipped, $bit, 1) ^= 1;
            push @all, $flipped;
        }
    }

    return map { my $text = $_; map { hostile($text, $_) } @CARRIERS }
           @all;
}


# A last letter of a signature has two bits that mean nothing.
sub last_letters {
    my @tokens = @_;

    return map { my $token = $_; map { hostile(substr($token, 0, -1) . $_) }
                 @LETTERS } @tokens;
}


# The parts of good ones, in any other order.
sub spliced {
    my @tokens = @_;

    my @parts = map { [ split /\./ ] } @tokens;
    my @all;

    for my $header (map { $_->[0] } @parts) {
        for my $payload (map { $_->[1] } @parts) {
            push @all, map { "$header.$payload.$_->[2]" } @parts;
        }
    }

    return map { hostile($_) } @all;
}


# Under another key that says it is ours, each type and each claim.
sub strangers {
    my @all;

    for my $key ($first, $second, $stranger) {
        my $header_of = $key;

        for my $type (qw(pre ticket pass)) {
            for my $signer ($first, $second, $stranger) {
                next if $signer == $key;
                push @all, map {
                    AdmToken::sign($signer, AdmToken::header($key, $type),
                        AdmToken::payload(AdmToken::claims(sub => $_)))
                } 1 .. 200;
            }
        }
    }

    return map { hostile($_) } @all;
}


# Signed well, and with a header that is not ours.
sub other_algorithms {
    my @headers = (
        '{"alg":"none"}', '{"alg":"none","typ":"adm-pass+jwt","kid":"k1"}',
        '{"alg":"None","typ":"adm-pass+jwt","kid":"k1"}',
        '{"alg":"HS384","typ":"adm-pass+jwt","kid":"k1"}',
        '{"alg":"HS512","typ":"adm-pass+jwt","kid":"k1"}',
        '{"alg":"RS256","typ":"adm-pass+jwt","kid":"k1"}',
        '{"alg":"ES256","typ":"adm-pass+jwt","kid":"k1"}',
        '{"alg":"HS256","typ":"JWT","kid":"k1"}',
        '{"alg":"HS256","typ":"adm-pass+jwt"}',
        '{"alg":"HS256","typ":"adm-pass+jwt","kid":"k3"}',
        '{"alg":"HS256","typ":"adm-pass+jwt","kid":"k1","crit":["b64"]}',
        '{"typ":"adm-pass+jwt","alg":"HS256","kid":"k1"}',
        '{ "alg":"HS256","typ":"adm-pass+jwt","kid":"k1"}',
        '{"alg":"HS256","typ":"ADM-PASS+JWT","kid":"k1"}',
    );
    my $payload = AdmToken::payload(AdmToken::claims());
    my @all = map { AdmToken::sign($first, $_, $payload) } @headers;

    push @all, map { s/[^.]+\z//r } @all;

    return map { my $text = $_; map { hostile($text, $_) } @CARRIERS } @all;
}


# Signed with our key, for something else or at another time.
sub signed {
    my $now = time;
    my $whole = AdmToken::payload(AdmToken::claims());
    my $header = AdmToken::header($first, 'pass');
    my @all;

    my $each = sub {
        my ($outcomes, $type, %claim) = @_;

        push @all, map { hostile(AdmToken::mint($_, $type, %claim), undef,
                                 @$outcomes) } $first, $second;
    };

    for my $type (qw(pre ticket pass)) {
        $each->(['other_room'], $type, aud => $_)
            for qw(bound dro drop2 DROP drop~dry);
        $each->(['expired'], $type, iat => $now - 900, exp => $now - $_)
            for 0, 1, 600;
        $each->(['future'], $type, iat => $now + $_, exp => $now + 9000)
            for 3600, 9_007_199_254_740_000 - $now;
    }

    $each->(['ticket', 'unknown'], 'ticket', sub => $_)
        for 0, 1_000_000_000, 9_007_199_254_740_991;

    push @all, map { hostile(AdmToken::sign($first, $header, $_), undef,
                             'malformed') }
        '', '{}', 'null', '[]', '{"iss":"admission"}', " $whole", "$whole ",
        $whole =~ s/,/, /r, $whole =~ s/"sub":"1"/"sub":1/r,
        $whole =~ s/"sub":"1"/"sub":"01"/r,
        $whole =~ s/"sub":"1"/"sub":"-1"/r,
        $whole =~ s/"sub":"1"/"sub":"9007199254740992"/r,
        $whole =~ s/"sub":"1"/"sub":"1","sub":"1"/r,
        $whole =~ s/"wait":0/"wait":0.0/r, $whole =~ s/"wait":0/"wait":1e3/r,
        $whole =~ s/"wait":0/"wait":0,"admin":true/r,
        $whole =~ s/"iss":"admission"/"iss":"admissio"/r,
        $whole =~ s/"aud":"drop"/"aud":["drop"]/r,
        $whole =~ s/"jti":"0/"jti":"/r, $whole =~ s/"jti":"0/"jti":"G/r,
        $whole =~ s/\}\z/,"bnd":""}/r, $whole =~ s/\}\z//r,
        (map { AdmToken::payload(AdmToken::claims(bnd => '0' x 32)) . $_ }
             ' ', '}', "\0");

    return @all;
}


sub long_and_rubbish {
    my ($good) = @_;

    my @all = map { $good . 'A' x (1025 - length($good) + $_) } 0 .. 20;

    push @all, $good x 3, "$good.$good", "$good,$good", "$good $good",
        "\"$good\"", '.', '..', '...', 'e', '0', "\xff" x 200;
    push @all, AdmToken::mint($first, 'pass', aud => 'x' x 900);
    push @all, map { join '', map { $BYTES[rand @BYTES] } 1 .. rand 1200 }
        1 .. 1000;
    push @all, map {
        $headers[rand @headers]
            . join '', map { $LETTERS[rand @LETTERS] } 1 .. rand 400
    } 1 .. 3000;

    return map { hostile($_) } @all;
}


# A good one that somebody has played with: one to six changes.
sub mutant {
    my @tokens = @_;

    my $text = $tokens[rand @tokens];

    for (0 .. int rand 6) {
        my $at = int rand(1 + length $text);
        my $some = rand() < 0.8 ? $LETTERS[rand @LETTERS]
                                : $BYTES[rand @BYTES];
        my $way = int rand 5;

        if ($way == 0) {
            substr $text, $at, 0, $some;
        } elsif ($way == 1) {
            substr $text, $at, 1 + rand 3, '';
        } elsif ($way == 2) {
            my $other = $tokens[rand @tokens];
            $text = substr($text, 0, $at)
                . substr $other, rand length $other;
        } else {
            substr $text, $at, 1, $some;
        }
    }

    return hostile($text);
}


sub make_all {
    my @tokens = @_;

    my @all = (cut_and_flipped(@tokens[0 .. 2]), last_letters(@tokens),
        spliced(@tokens), strangers(), other_algorithms(), signed(),
        long_and_rubbish($tokens[1]));

    push @all, mutant(@tokens) while @all < $N;

    return shuffle(@all);
}


# Sending them

# Those that carry the end of a line are nginx's own to refuse.
sub send_raw {
    my @hostile = @_;

    my %status;

    for my $one (@hostile) {
        my $answer = fetch($nginx->port('raw'), '/drop/answer/200?raw',
            fields => $CARRIER{ $one->{carrier} }->($one->{text}));

        $status{ $answer ? $answer->{status} : 'none' }++;
        noted($answer) if $answer;
    }

    return \%status;
}


# A control with a good pass comes among them: one of each lot.
sub send_lot {
    my ($clients, $pass, @lot) = @_;

    my (%status, @asked);

    for my $i (0 .. $#$clients) {
        my @part = splice @lot, 0, $AT_ONCE or last;

        $asked[$i] = @part;
        $clients->[$i]->send(join '', map { request_text('GET',
            '/drop/answer/200?hostile',
            fields => $CARRIER{ $_->{carrier} }->($_->{text})) } @part);
    }

    for my $i (0 .. $#asked) {
        for (1 .. $asked[$i]) {
            my $answer = $clients->[$i]->answer;

            $status{ $answer ? $answer->{status} : 'none' }++;
            noted($answer) if $answer;
        }
    }

    to_be_counted('pass');
    $status{ 'control ' . ask('/drop', $CARRIER{field}->($pass),
                              in => 1)->{status} }++;

    return \%status;
}


sub send_all {
    my ($pass, @hostile) = @_;

    my @clients = map { AdmHttp->connect($nginx->port('h1')) }
                  1 .. $CONNECTIONS;
    my %status;

    while (my @lot = splice @hostile, 0, $CONNECTIONS * $AT_ONCE) {
        my $some = send_lot(\@clients, $pass, @lot);

        to_be_counted(@{ $_->{outcomes} }) for @lot;
        $status{$_} += $some->{$_} for keys %$some;
    }

    return \%status;
}


# The tests

sub none_gets_in {
    my ($pass, @hostile) = @_;

    my ($worker) = $nginx->workers;
    my @raw = grep { $_->{text} =~ /[\r\n\0]/ } @hostile;

    @hostile = grep { $_->{text} !~ /[\r\n\0]/ } @hostile;

    my @warm = splice @hostile, 0, $WARM;
    my $warm = send_all($pass, @warm);
    my $before = AdmNginx::rss_kb($worker);
    my $rest = send_all($pass, @hostile);
    my $grown = AdmNginx::rss_kb($worker) - $before;

    my %status = map { $_ => ($warm->{$_} // 0) + ($rest->{$_} // 0) }
                 keys %$warm, keys %$rest;
    my $controls = delete $status{'control 200'};

    is_deeply(\%status, { 503 => @warm + @hostile },
        @warm + @hostile . ' hostile tokens: all wait');
    cmp_ok($controls, '>', 100, "$controls controls have passed");
    is(join(' ', $nginx->workers), $worker, 'the worker is the same');

    SKIP: {
        skip 'sanitizers keep what was freed', 1 if $ENV{ADM_SANITIZER_LOG};
        cmp_ok($grown, '<', $GROWTH, "its memory has grown by $grown kB");
    }

    return @raw;
}


# What nginx makes of a line that is torn is its own: it is not counted here.
sub torn_lines {
    my @raw = @_;

    my $before = { %{ $nginx->metrics } };
    my $status = send_raw(@raw);

    is(sum0(@$status{qw(400 503)}), scalar @raw,
        @raw . ' with the end of a line in them: refused or waiting')
        or diag(explain($status));

    my $after = $nginx->metrics;

    for my $outcome (qw(forged)) {
        $counted{$outcome} += AdmNginx::sum_of($after, 'tokens_total',
            outcome => $outcome) - AdmNginx::sum_of($before, 'tokens_total',
            outcome => $outcome);
    }

    return;
}


sub api {
    my @hostile = @_;

    my @ways = (['GET', '/api/'], map { ['POST', "/api/$_"] }
                qw(claim extend leave));
    my %state;

    for my $i (0 .. $#hostile) {
        my ($method, $path) = @{ $ways[$i % @ways] };
        my $answer = fetch($nginx->port('h1'), $path, method => $method,
            fields => $CARRIER{ $hostile[$i]{carrier} }
                      ->($hostile[$i]{text}));

        to_be_counted(@{ $hostile[$i]{outcomes} });
        noted($answer);
        $state{ $answer->{body} =~ /"state":"(\w+)"/ ? $1
                                                     : $answer->{status} }++;
    }

    is_deeply(\%state, { pre => scalar @hostile },
        'the API: nobody has a place');

    return;
}


# Up to four are tried, whatever they are and however they come.
sub candidates {
    my ($pass) = @_;

    my $forged = AdmToken::mint($stranger, 'pass');
    my $ours = substr($pass, 0, -8) . 'AAAAAAAA';

    my $cookies = sub { 'Cookie: ' . join('; ', map { "place=$_" } @_)
                        . "\r\n" };
    my $try = sub {
        my ($name, $in, $outcomes, $fields) = @_;

        to_be_counted(@$outcomes, $in ? 'pass' : ());
        is(ask('/drop', $fields, in => $in)->{status}, $in ? 200 : 503,
            $name);
    };

    $try->('three bad ones and a good one', 1, [('forged') x 3],
        $cookies->($ours, $ours, $ours, $pass));
    $try->('four bad ones and a good one', 0, [('forged') x 4],
        $cookies->($ours, $ours, $ours, $ours, $pass));
    $try->('three of strangers and a good one', 1, [],
        $cookies->($forged, $forged, 'x', $pass));
    $try->('four of strangers and a good one', 0, [],
        $cookies->($forged, $forged, 'x', 'y', $pass));
    $try->('behind those in fields', 1, [('forged') x 3],
        $CARRIER{field}->($ours) . $CARRIER{bearer}->($ours)
        . $cookies->($ours, $pass));
    $try->('the fifth, behind those in fields', 0, [('forged') x 4],
        $CARRIER{field}->($ours) . $CARRIER{bearer}->($ours)
        . $cookies->($ours, $ours, $pass));
    $try->('in fields of their own', 1, [('forged') x 3],
        join '', map { $cookies->($_) } $ours, $ours, $ours, $pass);
    $try->('empty ones are none', 1, [],
        $cookies->(('') x 500, $pass));
    $try->('thousands of cookies, and a good one', 1, [],
        ('Cookie: ' . join('; ', ('other=x') x 800) . "\r\n") x 3
        . $cookies->($pass));
    $try->('thousands of our name, and a good one', 0, [],
        $cookies->(('x') x 700) x 3 . $cookies->($pass));
    $try->('names that are nearly ours', 0, [],
        'Cookie: ' . join('; ', map { "$_=$pass" } qw(Place place_ _place
        place_dry __Host-place_dry __host-place adm_drop)) . "\r\n");

    return;
}


# A pass that has been given back, and passes bound to somebody's device.
sub ended_and_bound {
    my (undef, $pass) = shopper('/drop', '');

    to_be_counted('pass');
    fetch($nginx->port('h1'), '/api/leave', method => 'POST',
        fields => $CARRIER{field}->($pass));
    to_be_counted('ended');
    is(ask('/drop', $CARRIER{field}->($pass))->{status}, 503,
        'a pass that was given back');

    my ($ticket, $bound) = shopper('/bound', "X-Device: mine\r\n");

    for ([ 'a device', "X-Device: mine\r\n", 'pass' ],
         [ 'another device', "X-Device: yours\r\n", 'bound' ],
         [ 'none', '', 'bound' ])
    {
        my ($name, $fields, $outcome) = @$_;
        my $in = $outcome eq 'pass';

        to_be_counted($outcome);
        is(ask('/bound', $fields . $CARRIER{field}->($bound),
               in => $in)->{status}, $in ? 200 : 503, "bound, with $name");
    }

    for my $token ($ticket, $bound) {
        to_be_counted('other_room');
        is(ask('/drop', "X-Device: mine\r\n" . $CARRIER{field}->($token))
            ->{status}, 503, 'in another room');
    }

    to_be_counted('pre');
    is(ask('/drop', $CARRIER{field}->(AdmToken::mint($first, 'pre')))
        ->{status}, 503, 'one without a number, which is a good one');

    to_be_counted('bound');
    is(ask('/bound', "X-Device: mine\r\n" . $CARRIER{field}->(
        AdmToken::mint($first, 'pass', aud => 'bound')))->{status}, 503,
        'one that is not bound, where it has to be');

    return;
}


sub counts {
    my $metrics = $nginx->metrics;
    my %seen;

    for (grep { /^tokens_total\{/ } keys %$metrics) {
        my ($outcome) = /outcome="(\w+)"/;
        $seen{$outcome} = $metrics->{$_} if $metrics->{$_};
    }

    is_deeply(\%seen, \%counted, 'each is counted for what it is')
        or diag(explain([ \%seen, \%counted ]));

    return;
}


sub upstream_is_alone {
    my @seen = map { /id=(\d+)/ ? $1 : $_ } $upstream->seen;

    is_deeply([ sort { $a <=> $b } @seen ], [ sort { $a <=> $b } @let_in ],
        'the upstream has seen those with a good pass, and nobody else');

    return;
}


# The parts of a token are as good as the whole, and letters of any form of
# the secret as good as the secret.
sub logs {
    my $log = $nginx->log_text;
    my %words;

    for (keys %good) {
        my (undef, $payload, $signature) = split /\./;
        $words{ substr $payload, -24 } = $words{ substr $signature, 0, 24 }
                                       = 1;
    }

    for my $key ($first, $second) {
        $words{$_} = 1 for $key->{secret}, $key->{hex}, uc $key->{hex},
            encode_base64url($key->{secret});
    }

    my $lines = () = $log =~ /waits|wait/g;

    cmp_ok($lines, '>', 0, 'the log tells of them');
    is(scalar(grep { index($log, $_) >= 0 } keys %words), 0,
        'the log has no part of a token and nothing of the secret');

    return;
}


my ($ticket, $pass) = shopper('/drop', '');
my $pre = AdmToken::mint($first, 'pre');
my @more = map { (shopper('/drop', ''))[0] } 1 .. 2;

$good{$_} = 1 for $ticket, $pass, $pre, @more;

my @hostile = make_all($ticket, $pass, $pre, @more);

candidates($pass);
ended_and_bound();
api(grep { $_->{text} !~ /[\r\n\0]/ && "@{ $_->{outcomes} }" !~ /ticket/ }
    @hostile[0 .. 1999]);

my @raw = none_gets_in($pass, @hostile);

counts();
torn_lines(@raw);
upstream_is_alone();
logs();

$nginx->finish;

done_testing();
