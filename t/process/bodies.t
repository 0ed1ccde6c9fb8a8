#!/usr/bin/perl

# A body comes as the client likes: at once or byte by byte, in chunks, after
# a 100, in frames, larger than any buffer, half and never more.  Whatever way
# it came, it is the same order: a limit of one of its fields counts it, the
# upstream gets it unchanged, a repeat of it is one; who is refused anyway is
# not asked for it, and who leaves amid it has taken nothing.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use AdmH2 qw(fetch2);
use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for);
use AdmUpstream ();


my $FORM = "Content-Type: application/x-www-form-urlencoded\r\n";

my $HTTP = <<'END';
    admission_body_field $sku form=sku;
    admission_body_field $sold form=sku;

    admission_rate by_sku $sku rate=1000r/s burst=100000;
    admission_rate once $sold rate=1r/h burst=0;
    admission_rate shut all rate=1r/h burst=0;
    admission_rate taken $arg_k rate=1r/h burst=0;

    client_body_buffer_size 8k;
    client_max_body_size 11m;
    proxy_http_version 1.1;
    keepalive_requests 10000;
    add_header X-Sku "($sku)" always;
    add_header X-Buffered $request_body_file always;

    server {
        listen 127.0.0.1:%{h1};
        listen 127.0.0.1:%{h2} http2;

        location = /status { admission_status; }

        location /plain/ {
            admission_limit by_sku;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /unbuffered/ {
            admission_limit by_sku;
            proxy_request_buffering off;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /file/ {
            admission_limit by_sku;
            client_body_in_file_only clean;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /single/ {
            admission_limit by_sku;
            client_body_in_single_buffer on;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /once/ {
            admission_limit once;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /shut/ {
            set $cost 2;
            admission_limit shut cost=$cost;
            admission_limit by_sku;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /taken/ {
            admission_limit taken;
            admission_limit by_sku;
            client_body_timeout 300ms;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /small/ {
            admission_limit by_sku;
            client_max_body_size 1k;
            error_page 413 @large;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location @large {
            admission_limit once;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /key/ {
            admission_idempotency $http_idempotency_key owner=shop;
            proxy_pass http://127.0.0.1:%{up}/;
        }
    }
END

my $upstream = AdmUpstream->start;
my $nginx = AdmNginx->start(http => $HTTP, vars => { up => $upstream->port });


# A form of so many bytes with the SKU at its end.
sub form {
    my ($length, $sku) = @_;

    my $field = "&sku=$sku";

    return 'x' x ($length - length $field) . $field;
}


sub chunks {
    my ($body, $size) = @_;

    return join('', map { sprintf "%x\r\n%s\r\n", length, $_ }
                    unpack("(a$size)*", $body)) . "0\r\n\r\n";
}


sub chunked {
    my ($path, $body, $size, $fields) = @_;

    return request_text('POST', $path,
        fields => "${FORM}${fields}Transfer-Encoding: chunked\r\n")
        . chunks($body, $size);
}


# The ways of a body; each returns the answer.
my %WAY = (
    'at once' => sub {
        my ($path, $body, $fields) = @_;

        return fetch($nginx->port('h1'), $path, method => 'POST',
            body => $body, fields => $FORM . $fields);
    },

    'after its fields' => sub {
        my ($path, $body, $fields) = @_;

        my $client = AdmHttp->connect($nginx->port('h1'));
        my $text = request_text('POST', $path, body => $body,
            fields => $FORM . $fields);

        $client->send(substr $text, 0, length($text) - length $body);
        sleep 0.02;
        $client->send($body);

        return $client->answer;
    },

    'in two' => sub {
        my ($path, $body, $fields) = @_;

        my $client = AdmHttp->connect($nginx->port('h1'));
        my $text = request_text('POST', $path, body => $body,
            fields => $FORM . $fields);

        $client->send(substr $text, 0, length($text) - 3, '');
        sleep 0.02;
        $client->send($text);

        return $client->answer;
    },

    'in chunks' => sub {
        my ($path, $body, $fields) = @_;

        my $client = AdmHttp->connect($nginx->port('h1'));

        $client->send(chunked($path, $body, 4096, $fields));

        return $client->answer;
    },

    'after a 100' => sub {
        my ($path, $body, $fields) = @_;

        my $client = AdmHttp->connect($nginx->port('h1'));
        my $text = request_text('POST', $path, body => $body,
            fields => "${FORM}${fields}Expect: 100-continue\r\n");

        $client->send(substr $text, 0, length($text) - length $body);

        my $first = $client->answer;

        return $first if $first->{status} != 100;

        $client->send($body);

        return $client->answer;
    },

    'in frames' => sub {
        my ($path, $body, $fields) = @_;

        return fetch2($nginx->port('h2'), $path, method => 'POST',
            body => $body, fields => [frame_fields($fields)]);
    },

    'in frames, its length told' => sub {
        my ($path, $body, $fields) = @_;

        return fetch2($nginx->port('h2'), $path, method => 'POST',
            body => $body, fields => [frame_fields($fields),
                ['content-length', length $body]]);
    },

    'byte by byte' => sub {
        my ($path, $body, $fields) = @_;

        my $client = AdmHttp->connect($nginx->port('h1'));

        $client->send($_) for split //, request_text('POST', $path,
            body => $body, fields => $FORM . $fields);

        return $client->answer;
    },

    'in chunks of a byte' => sub {
        my ($path, $body, $fields) = @_;

        my $client = AdmHttp->connect($nginx->port('h1'));

        $client->send($_) for split //, chunked($path, $body, 1, $fields);

        return $client->answer;
    },
);

my @LARGE_WAYS = grep { !/byte/ } sort keys %WAY;


sub frame_fields {
    return map { /^(.*?): (.*)\r/ ? [lc $1, $2] : () }
           split /^/, $FORM . $_[0];
}


# Whatever way a body takes, its field is read, and it arrives as it was.
sub arrives {
    my ($place, $length, @ways) = @_;

    my $body = form($length, 'A-1');

    for my $way (@ways) {
        my $answer = $WAY{$way}->("/$place/answer/200", $body, '');

        # the client of frames does not read fields; without the SKU: 400
        my $sku = $way =~ /frames/ ? '(A-1)' : $answer->{field}{'x-sku'};

        ok($answer->{status} == 200 && $sku eq '(A-1)'
           && $answer->{body} eq $body, "$place, $length bytes, $way");
    }

    return;
}


# A field is read up to its "max", and no further, from wherever it is.
sub is_bounded {
    for my $way (@LARGE_WAYS) {
        my $answer = $WAY{$way}->('/plain/answer/200', form(65_537, 'A'), '');

        is($answer->{status}, 400, "65537 bytes, $way: refused");
        like($answer->{body}, qr/"reason":"field_large"/, '... and why');
    }

    is(scalar($upstream->seen_like(' 65537')), 0, '... and none got through');

    return;
}


# Files there are where they should be: else the above would say nothing.
sub is_in_files {
    my $small = $WAY{'at once'}->('/plain/answer/200', form(100, 'A'), '');
    my $large = $WAY{'at once'}->('/plain/answer/200', form(20_000, 'A'), '');

    ok(!$small->{field}{'x-buffered'}, 'a small body is in memory');
    ok($large->{field}{'x-buffered'}, 'a large body is in a file');

    return;
}


# All ways are one order to a limit.
sub is_counted {
    my @ways = sort keys %WAY;

    is($WAY{$ways[0]}->('/once/answer/200', form(50, 'B'), '')->{status}, 200,
        'the first of a SKU');

    is($WAY{$_}->('/once/answer/200', form(50, 'B'), '')->{status}, 429,
        "the next one, $_") for @ways;

    return;
}


# All ways are one request to its key.
sub is_the_same {
    my ($length, @ways) = @_;

    my $body = form($length, 'C');
    my $key = "Idempotency-Key: k$length\r\n";
    my $other = substr($body, 0, -1) . 'D';
    my $path = "/key/slow/0?$length";

    my $first = $WAY{$ways[0]}->($path, $body, $key);

    is($first->{status}, 200, "$length bytes: executed");

    for my $way (@ways) {
        my $answer = $WAY{$way}->($path, $body, $key);

        is($answer->{status}, 200, "$length bytes, $way: again");
        is($answer->{field}{'idempotent-replayed'}, 'true', '... replayed')
            if $way !~ /frames/;
        is($answer->{body}, $first->{body}, '... as it was');

        is($WAY{$way}->($path, $other, $key)->{status}, 422,
            "$length bytes, $way: another body");
    }

    is(scalar($upstream->seen_like("/slow/0?$length ")), 1,
        "$length bytes: executed once");

    return;
}


# Who is refused anyway is not told to go on, and need not send the body.
sub not_asked_for {
    my $client = AdmHttp->connect($nginx->port('h1'));

    $client->send(request_text('POST', '/shut/answer/200', fields =>
        "${FORM}Expect: 100-continue\r\nContent-Length: 5000\r\n"));
    is($client->answer->{status}, 429, 'refused, without a 100');

    my $h2 = AdmH2->connect($nginx->port('h2'));
    my $stream = $h2->request('POST', '/shut/answer/200', open => 1,
        fields => [frame_fields(''), ['content-length', 5000]]);

    is($h2->answer($stream)->{status}, 429, 'refused, with no frame of it');

    return;
}


# What is behind a body, refused or not, is the next request.
sub is_followed {
    my $client = AdmHttp->connect($nginx->port('h1'));
    my @refused = (form(40, ''), form(9_000, ''), form(70_000, 'A'));
    my $text = '';

    for my $body (@refused) {
        $text .= request_text('POST', '/plain/answer/200', body => $body,
            fields => $FORM);
        $text .= chunked('/plain/answer/200', $body, 1000, '');
        $text .= request_text('POST', '/plain/answer/201', fields => $FORM,
            body => form(20, 'A'));
    }

    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        $client->send($text);
        POSIX::_exit(0);
    }

    my @statuses = map { ($client->answer // {})->{status} // 0 } 1 .. 9;

    waitpid $pid, 0;

    is("@statuses", join(' ', (400, 400, 201) x 3),
        'one answer for each, in their order');

    return;
}


# Larger than a body may be: as nginx says.  Where that leads to another
# location, which needs the body as well, it is not there.
sub is_too_large {
    my $seen = () = $upstream->seen;

    for my $way ('at once', 'in chunks', 'in frames') {
        is($WAY{$way}->('/plain/answer/200', 'x' x 12_000_000, '')->{status},
            413, "12 MB, $way") if $way ne 'at once';
        is($WAY{$way}->('/small/answer/200', form(5_000, 'L'), '')->{status},
            400, "5 kB where 1 kB is allowed, $way");
    }

    is(scalar(() = $upstream->seen), $seen, '... and nobody got a part of it');

    return;
}


# What was taken before the body is given back if it never comes.
sub leaves {
    my $before = $nginx->metric('abandoned_total');
    my $seen = () = $upstream->seen;
    my @clients;

    for my $n (1 .. 4) {
        my $client = AdmHttp->connect($nginx->port('h1'));

        $client->send(request_text('POST', "/taken/answer/200?k=l$n",
            fields => "${FORM}Content-Length: 20000\r\n") . 'x' x (3000 * $n));
        push @clients, $client;
    }

    my $h2 = AdmH2->connect($nginx->port('h2'));
    my $stream = $h2->request('POST', '/taken/answer/200?k=l5', open => 1,
        fields => [frame_fields('')], body => 'x' x 100);

    sleep 0.05;

    $clients[0]->close;
    $clients[1]->half_close;
    $clients[2]->reset;
    $h2->cancel($stream);

    # the fourth does nothing, for longer than it may
    ok($clients[3]->closed(5), 'who is silent is given up');

    is($nginx->wait_metric('abandoned_total', $before + 5), $before + 5,
        'all who left amid their body are counted');

    is($WAY{'at once'}->("/taken/answer/200?k=l$_", form(50, 'A'), '')
        ->{status}, 200, "what $_ had taken was given back") for 1 .. 5;

    is(scalar(() = $upstream->seen) - $seen, 5, 'none of them went on');

    return;
}


# The charge of one that was refused for its body stays.
sub stays_charged {
    is($WAY{'at once'}->('/taken/answer/200?k=c', 'x=1', '')->{status}, 400,
        'refused for its body');
    is($WAY{'at once'}->('/taken/answer/200?k=c', form(50, 'A'), '')
        ->{status}, 429, '... which was not for nothing');

    return;
}


arrives('plain', 30, sort keys %WAY);
arrives('plain', $_, @LARGE_WAYS) for 8_192, 10_239, 10_240, 10_241, 65_536;
arrives($_, 30, sort keys %WAY) for qw(unbuffered file single);
arrives($_, 20_000, @LARGE_WAYS) for qw(unbuffered file single);
is_in_files();
is_bounded();
is_counted();
is_the_same(30, sort keys %WAY);
is_the_same(20_000, @LARGE_WAYS);
is_the_same(10_000_000, 'at once', 'in chunks');
not_asked_for();
is_followed();
is_too_large();
leaves();
stays_charged();

$nginx->finish(allow => [qr/client intended to send too large/]);


# With the probe: who leaves when the body is there, and the store is asked.

my $PROBE = <<'END';
    admission_test_keeper 5s;

    admission_body_field $key form=key;

    server {
        listen 127.0.0.1:%{h1};
        listen 127.0.0.1:%{h2} http2;

        location = /status { admission_status; }

        location /ask {
            admission_probe a $key at=ask;
            proxy_pass http://127.0.0.1:%{up}/answer/200;
        }

        location /claim {
            admission_probe a $key at=claim;
            proxy_pass http://127.0.0.1:%{up}/answer/200;
        }

        location /check {
            admission_probe a $key at=check;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /both {
            admission_probe a 0-grant-b at=claim;
            admission_probe b $key at=ask;
            proxy_pass http://127.0.0.1:%{up}/answer/200;
        }
    }
END


sub probe {
    my ($path, $id, $key, @calls) = @_;

    my $mark = $nginx->mark;
    my $answer = fetch($nginx->port('h1'), "$path?id=$id", method => 'POST',
        body => "key=$key-$id", fields => $FORM);

    $nginx->calls_are($mark, $id, \@calls, "$path $key");

    return $answer->{status};
}


sub probe_leaves {
    my (@paths) = @_;

    my $mark = $nginx->mark;
    my $before = $nginx->metric('abandoned_total');
    my @crowd;

    for my $path (@paths) {
        for my $way (qw(close half_close reset)) {
            my $id = $way . @crowd;
            my $client = AdmHttp->connect($nginx->port('h1'));

            $client->send(request_text('POST', "$path?id=$id",
                fields => $FORM, body => "key=3000-grant-$id"));
            push @crowd, [$client, $way, $id, "$path: $way"];
        }
    }

    is($nginx->wait_metric('suspended_requests', 6), 6, 'all asleep');

    for (@crowd) {
        my ($client, $way) = @$_;
        $client->$way;
    }

    is($nginx->wait_metric('abandoned_total', $before + 6), $before + 6,
        'all are counted');

    # the store grants it late
    wait_for(sub {
        (() = $nginx->since($mark) =~ /late keeper: give back/g) == @crowd;
    });

    $nginx->calls_are($mark, $_->[2], ['a: check', 'a: claim',
        'a: give back gone', 'store: give back'], $_->[3]) for @crowd;

    return;
}


if ($ENV{ADM_PROBE}) {
    $nginx = AdmNginx->start(http => $PROBE,
        vars => { up => $upstream->port });

    is(probe('/ask', 'a1', '0-grant', 'a: check', 'a: claim',
        'a: conclude granted', 'a: settle answered 200'), 200,
        'a trip of a check that was put off');
    is(probe('/claim', 'a2', '20-grant', 'a: check', 'a: claim',
        'a: conclude granted', 'a: settle answered 200'), 200,
        'a trip of a claim');
    is(probe('/both', 'a3', '20-grant', 'a: check', 'b: check', 'b: claim',
        'b: conclude granted', 'a: claim', 'a: conclude granted',
        'b: settle answered 200', 'a: settle answered 200'), 200,
        'one after the other');
    is(probe('/both', 'a4', '20-refuse', 'a: check', 'b: check', 'b: claim',
        'b: conclude refused', 'a: give back refused'), 429,
        'the one that was put off refuses');

    is(fetch($nginx->port('h1'), '/claim?id=a5', method => 'POST',
        body => 'x=1', fields => $FORM)->{status}, 400, 'no key');

    probe_leaves('/ask', '/claim');

    $nginx->balanced;
    $nginx->finish;
}

done_testing();
