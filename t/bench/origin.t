#!/usr/bin/perl

# The case study compares proxies by what becomes of a checkout service behind
# them, and that service is bench/origin.  If it were gentler than it says, or
# took work back when a client leaves, every proxy would look good.  So: its
# goodput follows its formula from one client to sixteen times its servers;
# what was begun is finished and sold, whoever is left to hear of it; and each
# fault does to a client what its name says.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../process/lib";
use IO::Socket::INET ();
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for);
use BenchTools qw(built closed_loop);

my $ORIGIN = built('origin', qw(-levent -lhttp_parser -lm));


sub origin { return BenchTools->start($ORIGIN, qw(--listen 127.0.0.1:0), @_) }


sub stats {
    my ($origin) = @_;

    return decode_json(fetch($origin->port, '/stats')->{body});
}


sub post {
    my ($origin, $path, %option) = @_;

    return fetch($origin->port, $path, method => 'POST', %option);
}


sub buy {
    my ($origin, $key) = @_;

    return post($origin, '/buy', fields => "Idempotency-Key: $key\r\n");
}


sub median { return (sort { $a <=> $b } @_)[$#_ / 2] }


subtest 'orders and pages' => sub {
    my $origin = origin('--base', '1ms');

    my $json = buy($origin, 'a');
    is($json->{status}, 200, 'an order');
    is($json->{field}{'content-type'}, 'application/json', 'is told in JSON');
    is(decode_json($json->{body})->{item}, 'Dusk, a table lamp', 'its item');

    my $other = buy($origin, 'b');
    isnt(decode_json($other->{body})->{order},
         decode_json($json->{body})->{order}, 'each order has its name');

    my %accept = (
        'text/html,application/xhtml+xml,*/*;q=0.8' => 'text/html',
        'application/json, text/html;q=0.9' => 'application/json',
        'text/html;q=0.5, application/json;q=0.6' => 'application/json',
        'application/json;q=0.1, text/*' => 'text/html',
        '*/*' => 'application/json',
    );

    for my $accept (sort keys %accept) {
        my $answer = post($origin, '/buy', fields => "Accept: $accept\r\n");
        like($answer->{field}{'content-type'}, qr/^\Q$accept{$accept}\E/,
             "Accept: $accept");
    }

    like(post($origin, '/buy', fields => "Accept: text/html\r\n")->{body},
         qr{Kiln &amp; Moth.*<code>[0-9a-f]+-\d+</code>}s, 'a page of thanks');

    is(fetch($origin->port, '/lamp')->{status}, 200, 'a page');
    is(fetch($origin->port, '/lamp', method => 'PUT')->{status}, 405, 'PUT');
    is(fetch($origin->port, '/stats', method => 'POST')->{status}, 405,
       'the counters are not for sale');

    my $stats = stats($origin);
    is($stats->{orders}, 8, 'orders');
    is($stats->{keys}, 2, 'keys');
    is($stats->{completed}, 9, 'all that took a service time');
    is_deeply($stats->{by_status}, { 200 => 9 }, 'answers by status');
    is($origin->stop, 0, 'ends when told');
};


subtest 'duplicates are executed and sell again' => sub {
    my $origin = origin('--base', '0ms');

    buy($origin, $_) for qw(a b a a);
    post($origin, '/buy') for 1 .. 2;

    my $stats = stats($origin);
    is($stats->{orders}, 6, 'orders');
    is($stats->{keys}, 2, 'keys');
    is($stats->{duplicates}, 2, 'duplicates');
    is($stats->{units_sold}, 6, 'units');

    post($origin, '/stats/reset');
    buy($origin, 'a');

    $stats = stats($origin);
    is($stats->{duplicates}, 0, 'a reset forgets the keys');
    is($stats->{orders}, 1, 'and the orders');
};


subtest 'stock' => sub {
    my $origin = origin('--base', '0ms', '--stock', 2);

    is(buy($origin, 'a')->{status}, 200, 'the first unit');
    is(buy($origin, 'a')->{status}, 200, 'the second, by a duplicate');

    my $none = buy($origin, 'b');
    is($none->{status}, 409, 'none is left');
    is(decode_json($none->{body})->{reason}, 'sold_out', 'says why');

    my $stats = stats($origin);
    is($stats->{units_sold}, 2, 'units');
    is($stats->{sold_out}, 1, 'sold out');
    is($stats->{keys}, 1, 'what was not sold has no key');
};


subtest 'what was begun is finished' => sub {
    my $origin = origin(qw(--base 300ms --sigma 0 --contention 0
                           --servers 1));
    my @clients = map { AdmHttp->connect($origin->port) } 1 .. 3;

    $_->send(request_text('POST', '/buy')) for @clients;
    wait_for(sub { stats($origin)->{queued} == 2 });
    is(stats($origin)->{in_service}, 1, 'one is served, two are in line');

    $clients[0]->close;         # in service
    $clients[1]->reset;         # in line

    is($clients[2]->answer->{status}, 200, 'who stays is answered');

    my $stats = stats($origin);
    is($stats->{orders}, 3, 'three orders');
    is($stats->{abandoned}, 2, 'two of which nobody heard of');
    is($stats->{arrived}, 3, 'arrived');
    is($stats->{completed}, 3, 'completed');
    is_deeply($stats->{by_status}, { 200 => 1 }, 'one answer');
    cmp_ok($stats->{system_ms}{max}, '>', 890, 'the third took three times');
    cmp_ok($stats->{service_ms}{max}, '<', 600, 'but was served in one');
};


subtest 'a queue that is full' => sub {
    my $origin = origin(qw(--base 60s --servers 1 --queue 2));
    my @clients = map { AdmHttp->connect($origin->port) } 1 .. 3;

    $_->send(request_text('POST', '/buy')) for @clients;
    ok(wait_for(sub { stats($origin)->{queued} == 2 }), 'one and two fit');

    my $answer = buy($origin, 'a');
    is($answer->{status}, 503, 'the fourth does not');
    is(decode_json($answer->{body})->{reason}, 'full', 'says why');

    my $stats = stats($origin);
    is($stats->{turned_away}, 1, 'counted apart');
    is($stats->{arrived}, 3, 'from those that arrived');

    post($origin, '/drain');
    is($clients[2]->answer->{status}, 200, 'the third is served');
    is(stats($origin)->{orders}, 3, 'as are all before it');
};


# A connection that is told of in stats as long as somebody hangs on it would
# make the counters useless just when they are needed.

subtest 'counters while saturated' => sub {
    my $origin = origin(qw(--base 60s --servers 4));
    my @clients = map { AdmHttp->connect($origin->port) } 1 .. 700;

    $_->send(request_text('POST', '/buy')) for @clients;

    ok(wait_for(sub { stats($origin)->{queued} == 696 }, 10),
       'all are in line');

    my $begin = time;
    stats($origin) for 1 .. 50;
    cmp_ok((time - $begin) / 50, '<', 0.1, 'each answered at once');

    $_->reset for @clients;
    is(stats($origin)->{abandoned}, 0, 'nothing is given up');
    is(stats($origin)->{queued}, 696, 'nor taken back');

    post($origin, '/stats/reset');
    is(stats($origin)->{arrived}, 700, 'a reset knows of those in line');

    post($origin, '/drain');

    my $stats = stats($origin);
    is($stats->{queued} + $stats->{in_service}, 0, 'a drain leaves none');
    is($stats->{orders}, 700, 'executes all');
    is($stats->{abandoned}, 700, 'and tells nobody');
    is($stats->{system_ms}{count}, 0, 'but says nothing of their times');

    AdmHttp->connect($origin->port)->send(request_text('POST', '/buy'))
        for 1 .. 10;
    ok(wait_for(sub { stats($origin)->{queued} == 6 }), 'and it goes on');

    is($origin->stop, 0, 'ends with work in line');
};


subtest 'HTTP' => sub {
    my $origin = origin('--base', '1ms');
    my $client = AdmHttp->connect($origin->port);

    for my $n (1 .. 3) {
        $client->send(request_text('POST', '/buy', body => 'units=1'));
        is($client->answer->{status}, 200, "kept alive, request $n");
    }

    $client->send(request_text('HEAD', '/lamp'));
    my $head = $client->answer(5, 1);
    cmp_ok($head->{field}{'content-length'}, '>', 0, 'HEAD tells the length');
    ok($client->silent(0.1), 'and has no body');

    $client->send(request_text('POST', '/buy', fields => "Transfer-Encoding:"
        . " chunked\r\n", body => "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n"));
    is($client->answer->{status}, 200, 'chunked');

    $client->send(request_text('GET', '/stats')) for 1 .. 2;
    ok($client->answer->{complete}, 'still in step') for 1 .. 2;

    # in order: what is answered at once waits for what takes its time

    $client->send(join '', request_text('POST', '/buy'),
                  request_text('GET', '/stats'),
                  request_text('HEAD', '/lamp'),
                  request_text('GET', '/faults'));
    like($client->answer->{body}, qr/"order"/, 'pipelined: first');
    like($client->answer->{body}, qr/"orders": 5/, 'second');
    is($client->answer(5, 1)->{status}, 200, 'third');
    like($client->answer->{body}, qr/"none"/, 'fourth');

    $client->send("GET /lamp HTTP/1.0\r\n\r\n");
    my $old = $client->answer;
    is($old->{field}{connection}, 'close', 'HTTP/1.0 says it closes');
    ok($client->closed, 'and closes');

    $client = AdmHttp->connect($origin->port);
    $client->send("GET /lamp HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    is($client->answer->{field}{connection}, 'keep-alive', 'or does not');
    $client->send(request_text('GET', '/lamp'));
    ok($client->answer->{complete}, 'the next on it');

    # byte by byte

    for my $byte (split //, request_text('POST', '/buy', body => 'abc',
                                         fields => "Accept: text/html\r\n")) {
        $client->send($byte);
    }
    like($client->answer->{body}, qr/<!doctype/, 'in single bytes');

    $client->send("POST /buy HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n"
                  . "Expect: 100-continue\r\n\r\n");
    is($client->answer->{status}, 100, '100 Continue');
    $client->send('x' x 2000);
    is($client->answer->{status}, 200, 'and its answer');
};


subtest 'HTTP that is none' => sub {
    my $origin = origin('--base', '0ms');

    my %wrong = (
        "BUY\r\n\r\n" => 400,
        "GET /" . 'a' x 2000 . " HTTP/1.1\r\n\r\n" => 414,
        "GET / HTTP/1.1\r\nAccept: " . 'a' x 2000 . "\r\n\r\n" => 431,
        "POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n" => 413,
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            . ("100000\r\n" . 'x' x 0x100000 . "\r\n") x 2 => 413,
        "POST / HTTP/1.1\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n"
            => 400,
        "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" => 405,
    );

    for my $text (sort keys %wrong) {
        my $client = AdmHttp->connect($origin->port);
        $client->send($text);
        is($client->answer->{status}, $wrong{$text},
           substr($text, 0, 40) =~ s/\r\n.*//sr);
        ok($client->closed, 'and closed');
    }

    is(stats($origin)->{arrived}, 0, 'none was taken for an order');
};


subtest 'faults' => sub {
    my $origin = origin(qw(--base 1ms --sigma 0 --contention 0));
    my $client;

    my $fault = sub {
        my ($query) = @_;
        is(post($origin, "/faults?$query")->{status}, 200, $query);
        $client = AdmHttp->connect($origin->port);
        $client->send(request_text('POST', '/buy'));
    };

    $fault->('mode=error');
    is($client->answer->{status}, 500, 'an error');
    is(stats($origin)->{orders}, 0, 'and no order');

    $fault->('mode=hang');
    ok(wait_for(sub { stats($origin)->{orders} == 1 }), 'executed');
    ok($client->silent(0.2), 'never answered');
    $client->close;

    $fault->('mode=die');
    ok($client->closed, 'closed with no word');
    is(stats($origin)->{orders}, 2, 'executed');

    $fault->('mode=half');
    my $half = $client->answer;
    is($half->{status}, 200, 'the head');
    ok(!$half->{complete}, 'but not the body');
    cmp_ok(length $half->{body}, '>', 10, 'half of it');
    is(stats($origin)->{orders}, 3, 'executed');

    $fault->('mode=slow&factor=200');
    my $begin = time;
    is($client->answer->{status}, 200, 'answered');
    cmp_ok(time - $begin, '>', 0.19, 'after 200 times the time');

    $fault->('mode=none');
    is($client->answer->{status}, 200, 'all is well again');

    my $stats = stats($origin);
    is_deeply($stats->{faulted},
              { error => 1, slow => 1, hang => 1, die => 1, half => 1 },
              'each was counted');
    is_deeply($stats->{by_status}, { 200 => 2, 500 => 1 },
              'what was not answered has no status');

    post($origin, '/faults?mode=exit');
    is($origin->ended >> 8, 1, 'the process has exited');
};


subtest 'errors at once, and work in half the time' => sub {
    my $origin = origin(qw(--base 200ms --sigma 0 --contention 0));

    post($origin, '/faults?mode=error&factor=0');
    is(buy($origin, 'a')->{status}, 500, 'an error');
    cmp_ok(stats($origin)->{system_ms}{max}, '<', 100, 'that takes no time');

    post($origin, '/faults?mode=slow&factor=0.5');
    is(buy($origin, 'b')->{status}, 200, 'an order');
    my $took = stats($origin)->{system_ms}{max};
    cmp_ok(abs($took - 100), '<', 80, "in half the time, $took ms");

    like(fetch($origin->port, '/faults')->{body}, qr/"factor": 0\.5/,
         'the factor is told');
    post($origin, '/faults?mode=error');
    unlike(fetch($origin->port, '/faults')->{body}, qr/factor/,
           'and is 1 for the next fault');
};


subtest 'servers come and go' => sub {
    my $origin = origin(qw(--base 60s --servers 2));
    my @clients = map { AdmHttp->connect($origin->port) } 1 .. 6;

    my $here = sub {
        my $stats = stats($origin);
        return join '+', @$stats{qw(in_service queued)};
    };

    $_->send(request_text('POST', '/buy')) for @clients;
    ok(wait_for(sub { $here->() eq '2+4' }), 'two are served');

    is(decode_json(post($origin, '/servers?count=5')->{body})->{servers}, 5,
       'three more');
    is($here->(), '5+1', 'take the next at once');

    post($origin, '/servers?count=1');
    is($here->(), '5+1', 'with fewer, what was begun goes on');
    post($origin, '/drain');
    is($here->(), '0+0', 'all were served');

    $_->send(request_text('POST', '/buy')) for map { $_->answer; $_ } @clients;
    ok(wait_for(sub { $here->() eq '1+5' }), 'now by one');

    for my $query ('', 'count=', 'count=0', 'count=many', 'number=3') {
        is(post($origin, "/servers?$query")->{status}, 400, "?$query");
    }
    is(stats($origin)->{servers}, 1, 'none of which changed anything');
};


subtest 'faults for a share and for a time' => sub {
    my $origin = origin(qw(--base 0ms));

    post($origin, '/faults?mode=error&share=0.2');
    buy($origin, $_) for 1 .. 400;

    # binomial, 400 of 0.2: within four deviations of 8

    my $errors = stats($origin)->{by_status}{500};
    cmp_ok(abs($errors - 80), '<', 32, "a fifth: $errors of 400");

    my $again = origin(qw(--base 0ms));
    post($again, '/faults?mode=error&share=0.2');
    buy($again, $_) for 1 .. 400;
    is(stats($again)->{by_status}{500}, $errors, 'the same by the same seed');

    post($origin, '/faults?mode=error&for=300ms');
    is(buy($origin, 'a')->{status}, 500, 'until its time is over');
    like(fetch($origin->port, '/faults')->{body}, qr/"left_s": 0\.[0-3]/,
         'how long it is');
    ok(wait_for(sub { buy($origin, 'b')->{status} == 200 }), 'then no more');
    is(decode_json(fetch($origin->port, '/faults')->{body})->{mode}, 'none',
       'and says so');

    for my $query ('', 'mode=sleep', 'mode=die&share=2', 'mode=die&for=x',
                   'mode=die&shar=1') {
        is(post($origin, "/faults?$query")->{status}, 400, "?$query");
    }
    is(decode_json(fetch($origin->port, '/faults')->{body})->{mode}, 'none',
       'none of which changed anything');
};


subtest 'a field of its own' => sub {
    my $origin = origin('--base', '0ms', '--stock', 1,
        '--field', 'Admission-Session: end');
    my @fields = map { $_->{field}{'admission-session'} }
        buy($origin, 'a'), buy($origin, 'b'), fetch($origin->port, '/');

    is_deeply(\@fields, ['end', undef, undef], 'for orders that are made');
};


subtest 'a command line that is wrong' => sub {
    my %wrong = (
        '--base 20' => qr/--base: "20" is not a time/,
        '--base -1ms' => qr/"-1ms" is not a time/,
        '--servers 0' => qr/--servers: "0" is not a count from 1/,
        '--sigma nan' => qr/--sigma: "nan" is not a number/,
        '--contention 1e3x' => qr/--contention: "1e3x" is not/,
        '--stock many' => qr/--stock: "many" is not a count/,
        '--seed -1' => qr/--seed: "-1" is not a count/,
        '--queue many' => qr/--queue: "many" is not a count/,
        '--field end' => qr/--field: "end" is not a field/,
        '--backlog 0' => qr/--backlog: "0" is not a count/,
        '--listen 127.0.0.1' => qr/"127.0.0.1" is not an address and a port/,
        '--listen nowhere:1' => qr/"nowhere:1" is not an address/,
        '--speed 1' => qr/speed/,
        'fast' => qr/"fast" is not an option/,
    );

    for my $wrong (sort keys %wrong) {
        my $said = qx{$ORIGIN $wrong 2>&1};
        is($? >> 8, 2, $wrong);
        like($said, $wrong{$wrong}, 'says why');
    }

    my $help = qx{$ORIGIN --help};
    is($?, 0, 'help');
    like($help, qr/--$_ /, $_) for qw(listen servers base sigma contention
                                      stock seed backlog queue
                                      field);

    my $first = origin();
    my $port = $first->port;
    like(qx{$ORIGIN --listen 127.0.0.1:$port 2>&1}, qr/cannot listen: Addr/,
         'a port that is taken');
};


# In a closed loop of N clients a request that begins finds N in service or
# queued, itself among them; where there is a line, the one whose place it
# takes has just left, so N - 1.  Where there is none, a client's round is the
# service and the way there and back.  Several origins at once, each with a seed
# of its own, give enough of the scattered times within seconds.  A machine that
# does something else meanwhile makes all of it slower: then it is tried again.

sub expected {
    my ($clients, $way) = @_;

    my ($servers, $mean) = (8, 0.040 * exp(0.5 ** 2 / 2));

    my $service = sub { $mean * (1 + 0.1 * $_[0] / $servers) };

    return $clients > $servers ? $servers / $service->($clients - 1)
                               : $clients / ($service->($clients) + $way);
}


# Goodput, and what it should be.

sub measured {
    my ($clients, $origins) = @_;

    my @origins = map { origin(qw(--servers 8 --base 40ms --sigma 0.5
                                  --contention 0.1 --seed), $_) }
                  1 .. $origins;
    my @ports = map { $_->port } @origins;

    my $way = 1 / median(closed_loop([ $ports[0] ], path => '/faults',
        clients => 1, windows => 3, seconds => 0.05));
    my $goodput = median(closed_loop(\@ports, clients => $clients,
        windows => 5, seconds => 0.75));

    return ($goodput, expected($clients, $way));
}


subtest 'the curve' => sub {
    for my $point ([1, 32], [4, 16], [8, 16], [32, 8], [128, 6]) {
        my ($goodput, $expected);

        for (1 .. 4) {
            ($goodput, $expected) = measured(@$point);
            last if abs($goodput / $expected - 1) < 0.06;
        }

        ok(abs($goodput / $expected - 1) < 0.06,
           sprintf '%3d clients: %.1f/s where the formula says %.1f/s',
                   $point->[0], $goodput, $expected);
    }
};


done_testing();
