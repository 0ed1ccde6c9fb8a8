#!/usr/bin/perl

# What comes behind a refusal, or behind a request that waits for the store,
# on the same connection: it is answered, in its order, and a body that
# nobody wanted is never read as a request, whatever is in it.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);

use AdmH2 ();
use AdmHttp qw(request_text);
use AdmNginx qw(wait_for);
use AdmUpstream ();


my $KEEPER = $ENV{ADM_PROBE} ? 'admission_test_keeper 5s;' : '';
my $ASK = $ENV{ADM_PROBE} ? 'admission_probe a $arg_a at=ask;' : '';

my $HTTP = <<'END';
    %{keeper}

    admission_rate one x rate=1r/h burst=0;
    admission_rate exact $arg_k rate=1r/h burst=1 scope=exact;

    map $request_uri $id { ~[?&]id=(\w+) $1; }

    proxy_http_version 1.1;

    server {
        listen 127.0.0.1:%{h1};
        listen 127.0.0.1:%{h2} http2;

        add_header X-Id $id always;
        client_max_body_size 8m;

        location / { proxy_pass http://127.0.0.1:%{up}; }
        location = /status { admission_status; }
        location = /sorry { alias %{dir}/html/hello; }

        location /full/ {
            admission_limit one;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /paged/ {
            admission_limit one;
            error_page 429 /sorry;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /exact/ {
            admission_limit exact;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /asked/ {
            %{ask}
            proxy_pass http://127.0.0.1:%{up};
        }
    }
END

my $upstream = AdmUpstream->start;
my $nginx = AdmNginx->start(http => $HTTP, vars => {
    up => $upstream->port, keeper => $KEEPER, ask => $ASK,
});

my $EVIL = "GET /answer/200?evil HTTP/1.1\r\nHost: localhost\r\n\r\n";


sub client { return AdmHttp->connect($nginx->port('h1')) }


# The next answers: "STATUS ID" each.
sub answers {
    my ($client, $n) = @_;

    return join ', ', map {
        my $answer = $client->answer(5);

        $answer && $answer->{complete}
            ? "$answer->{status} " . ($answer->{field}{'x-id'} // '-')
            : 'none';
    } 1 .. $n;
}


# The connection still serves, and what it served is all that was asked.
sub still_good {
    my ($client, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $client->send(request_text('GET', '/answer/200?id=next'));
    is(answers($client, 1), '200 next', "$name: the next request");
    ok($client->silent(0.05), "$name: and nothing more is said");
    is(scalar $upstream->seen_like('evil'), 0, "$name: no body was a request");

    return;
}


sub pipelined {
    my $client = client();

    $client->send(join '', map { request_text('GET', $_) }
        '/full/answer/200?id=1', '/answer/200?id=2', '/full/answer/200?id=3',
        '/answer/204?id=4', '/paged/?id=5', '/answer/200?id=6');

    is(answers($client, 6), '429 1, 200 2, 429 3, 204 4, 429 5, 200 6',
        'pipelined, behind refusals');
    still_good($client, 'pipelined');

    return;
}


sub pipelined_behind_trips {
    my $client = client();

    $client->send(join '', map {
        request_text('POST', "/exact/answer/200?k=1&id=$_", body => $EVIL)
    } 1 .. 4);

    is(answers($client, 4), '200 1, 200 2, 429 3, 429 4',
        'pipelined, each behind a trip');
    still_good($client, 'behind trips');

    return;
}


sub pipelined_behind_sleepers {
    my ($way) = @_;

    my $client = client();
    my @requests = map { request_text(@$_) }
        ['GET', '/asked/answer/200?id=1&a=100-grant'],
        ['POST', '/asked/answer/200?id=2&a=50-grant', body => $EVIL],
        ['POST', '/asked/answer/200?id=3&a=100-refuse', body => $EVIL],
        ['GET', '/answer/200?id=4'],
        ['POST', '/asked/answer/200?id=5&a=0-down', body => $EVIL];

    if ($way eq 'at once') {
        $client->send(join '', @requests);

    } else {
        for (map { split //, $_ } @requests) {
            $client->send($_);
            sleep 0.0003;
        }
    }

    is(answers($client, 5), '200 1, 200 2, 429 3, 200 4, 503 5',
        "pipelined, behind sleepers, $way");
    still_good($client, "sleepers, $way");

    return;
}


# A body as a client sends it: all at once, behind the answer, or in parts.
sub body {
    my ($name, $path, $status, $fields, $body) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $head = "POST $path&id=b HTTP/1.1\r\nHost: localhost\r\n$fields\r\n";
    my $some = int(length($body) / 3);

    my %way = (
        'at once'    => [$head . $body, ''],
        'afterwards' => [$head, $body],
        'in parts'   => [$head . substr($body, 0, $some),
                         substr $body, $some],
    );

    for my $way (sort keys %way) {
        my $client = client();

        $client->send($way{$way}[0]);
        is(answers($client, 1), "$status b", "$name, $way: its answer");
        $client->send($way{$way}[1]);
        still_good($client, "$name, $way");
    }

    return;
}


sub chunked {
    my (@parts) = @_;

    return join('', map { sprintf("%x\r\n%s\r\n", length $_, $_) } @parts)
        . "0\r\n\r\n";
}


sub bodies {
    my $large = $EVIL x (1_048_576 / length $EVIL);

    for my $path ('/full/?', '/paged/?', '/exact/?k=1') {
        body("$path a request", $path, 429,
            'Content-Length: ' . length($EVIL) . "\r\n", $EVIL);
        body("$path chunks", $path, 429, "Transfer-Encoding: chunked\r\n",
            chunked($EVIL, $EVIL));
        body("$path 1 MB", $path, 429,
            'Content-Length: ' . length($large) . "\r\n", $large);
    }

    return;
}


sub use_up {
    my $client = client();

    $client->send(request_text('GET', '/full/answer/200'));

    return answers($client, 1);
}


sub expect {
    my $client = client();
    my $fields = 'Content-Length: ' . length($EVIL)
                 . "\r\nExpect: 100-continue\r\n";

    $client->send("POST /full/x?id=e HTTP/1.1\r\nHost: a\r\n$fields\r\n");
    is(answers($client, 1), '429 e', 'expecting: no leave to go on');
    $client->send($EVIL);
    still_good($client, 'expecting, and sent all the same');

    $client = client();
    $client->send("POST /answer/201?id=e HTTP/1.1\r\nHost: a\r\n$fields\r\n");
    is(answers($client, 1), '100 -', 'expecting: leave to go on');
    $client->send($EVIL);
    is(answers($client, 1), '201 e', 'expecting: answered');

    return;
}


sub odd_ones {
    my $client = client();

    $client->send(request_text('HEAD', '/full/x?id=h'));

    my $head = $client->answer(5, 1);

    is($head->{status}, 429, 'HEAD is refused');
    still_good($client, 'HEAD: without a body');

    $client = client();
    $client->send(request_text('GET', '/full/x?id=g', body => $EVIL));
    is(answers($client, 1), '429 g', 'GET with a body');
    still_good($client, 'GET with a body');

    $client = client();
    $client->send("POST /full/x HTTP/1.1\r\nHost: a\r\n"
        . "Transfer-Encoding: chunked\r\n\r\nrubbish\r\n$EVIL");
    like(answers($client, 1), qr/^4(?:00|29) /, 'a broken body');
    ok($client->closed, 'a broken body ends the connection');
    is(scalar $upstream->seen_like('evil'), 0, 'and is not read on');

    $client = client();
    $client->send("POST /full/x?id=0 HTTP/1.0\r\nContent-Length: "
        . length($EVIL) . "\r\n\r\n$EVIL");
    is(answers($client, 1), '429 0', 'HTTP/1.0');
    ok($client->closed, 'HTTP/1.0: the end');

    return;
}


# A body that comes while its request sleeps is there when it is woken.
sub bodies_of_sleepers {
    my ($path) = @_;

    my $body = join '', map { sprintf "%07d\n", $_ } 1 .. 30_000;

    my $client = client();
    $client->send(request_text('POST', $path, body => $body));
    ok($client->answer->{body} eq $body, "h1 $path: the whole body");
    still_good($client, "h1 $path");

    my $h2 = AdmH2->connect($nginx->port('h2'));
    my $stream = $h2->request('POST', $path, body => $body);
    ok($h2->answer($stream)->{body} eq $body, "h2 $path: the whole body");
    ok($h2->usable, "h2 $path: the connection goes on");

    return;
}


sub streams {
    my $h2 = AdmH2->connect($nginx->port('h2'));
    my $other = $h2->request('POST', '/answer/200?id=o', open => 1,
        body => 'begun, ', fields => [['content-length', 12]]);

    for my $path ('/full/x', '/paged/x') {
        my @refused = map {
            $h2->request('POST', $path, open => 1, body => $EVIL,
                fields => $_ % 2 ? [['content-length', 1_000_000]] : []);
        } 1 .. 20;

        is(join(' ', map { $h2->answer($_)->{status} } @refused),
            join(' ', (429) x 20), "h2 $path: refused amid their bodies");

        $h2->data($_, 'x' x 30_000, $_ % 3 == 0) for @refused;
        ok($h2->usable, "h2 $path: the connection goes on");
    }

    $h2->data($other, 'ended', 1);
    is($h2->answer($other)->{body}, 'begun, ended',
        'h2: another stream is not disturbed');
    is($h2->answer($h2->request('GET', '/answer/200?id=n'))->{status}, 200,
        'h2: nor is a new one');

    return;
}


sub streams_behind_sleepers {
    my $h2 = AdmH2->connect($nginx->port('h2'));
    my @slow = map { $h2->request('GET',
        "/asked/answer/200?id=$_&a=2000-" . ($_ % 2 ? 'grant' : 'refuse')) }
        1 .. 10;
    my $began = time;
    my $quick = $h2->answer($h2->request('GET', '/answer/200'));

    is($quick->{status}, 200, 'h2: who does not sleep');
    cmp_ok(time - $began, '<', 1.9, 'h2: does not wait for those who do');
    is(join(' ', map { $h2->answer($_)->{status} } @slow),
        join(' ', ('200 429') x 5), 'h2: who are woken');

    return;
}


is(use_up(), '200 -', 'the budget is used up');
pipelined();
pipelined_behind_trips();
bodies();
expect();
odd_ones();
bodies_of_sleepers('/exact/answer/200?k=body');
streams();

if ($ENV{ADM_PROBE}) {
    pipelined_behind_sleepers('at once');
    pipelined_behind_sleepers('byte by byte');
    bodies_of_sleepers('/asked/answer/200?a=200-grant');
    streams_behind_sleepers();
}

$nginx->finish;

done_testing();
