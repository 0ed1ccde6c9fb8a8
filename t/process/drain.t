#!/usr/bin/perl

# A node is taken out in the middle of a sale.  Whoever's request had begun
# gets an answer: those that the upstream works on, those whose body is still
# on its way, those that only began to ask.  Nobody new is let in, a balancer
# that asks is told, no connection without a request holds nginx up, nothing is
# left in the gauges, and nginx ends well and in time.
#
# What a node that has closed its ports still says is heard on connections
# that began a request before.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use AdmH2 ();
use AdmHttp qw(fetch request_text);
use AdmNginx qw(becomes wait_for);
use AdmUpstream ();


# ms that the upstream takes: long enough for all that is tested meanwhile
my $SLOW = 4000;

my $HTTP = <<'END';
    admission_zone clients 1m;
    admission_rate node  $arg_k rate=1r/h burst=2;
    admission_rate exact $arg_k rate=1000r/s scope=exact;

    upstream shop {
        server 127.0.0.1:%{up};
        keepalive 8;
    }

    server {
        listen 127.0.0.1:%{h1} reuseport;       # both workers get some
        listen 127.0.0.1:%{h2} http2;

        proxy_http_version 1.1;
        proxy_set_header Connection "";

        location = /hello { alias %{dir}/html/hello; }
        location = /status { admission_status; }
        location = /health { admission_health; }
        location = /active { stub_status; }
        location = /limited { alias %{dir}/html/hello; admission_limit node; }

        location /held/ {
            admission_limit exact;
            proxy_pass http://shop;
        }
    }
END

my $upstream = AdmUpstream->start;
my $nginx;


sub start {
    my ($timeout) = @_;

    $nginx = AdmNginx->start(http => $HTTP, workers => 2,
        main => "worker_shutdown_timeout $timeout;",
        vars => { up => $upstream->port });

    return;
}


sub client {
    my ($text) = @_;

    my $client = AdmHttp->connect($nginx->port('h1'));
    $client->send($text);

    return $client;
}


# A request whose last line is missing; end_of() sends that and answers.
sub begun { return client("GET $_[0] HTTP/1.1\r\nHost: localhost\r\n") }


# How many the workers read a head of, "Reading", or a body and answers.
sub active {
    my ($name) = @_;

    my $answer = fetch($nginx->port('h1'), '/active') // { body => '' };

    return $answer->{body} =~ /\b$name: (\d+)/ ? $1 : 0;
}


# Waits until the workers have read what is there of so many: else they are
# idle connections, or nobody's.
sub wait_read {
    my ($n) = @_;

    return becomes(sub { active('Reading') }, $n, "$n have begun to ask");
}


sub end_of {
    my ($client) = @_;

    $client->send("\r\n");

    return $client->answer // { status => 0, body => '' };
}


sub statuses {
    return join ' ', map { $_ && $_->{complete} ? $_->{status} : 0 } @_;
}


sub all_of {
    my ($status, $n) = @_;

    return join ' ', ($status) x $n;
}


# Connections that have had an answer and have asked nothing since.
sub idle {
    my ($n) = @_;

    my @idle = map { client(request_text('GET', '/hello')) } 1 .. $n;

    is(statuses(map { $_->answer } @idle), all_of(200, $n), 'kept alive');

    return @idle;
}


# Clients whose requests the upstream works on, by both protocols.
sub held {
    my ($n, $word, $name) = @_;

    my $before = $upstream->seen_like($name);
    my @clients = map { client(request_text('GET', "/held/$word?$name&k=$_")) }
                  1 .. $n;
    my $h2 = AdmH2->connect($nginx->port('h2'));
    my @streams = map { $h2->request('GET', "/held/$word?$name&k=s$_") }
                  1 .. $n;

    becomes(sub { $upstream->seen_like($name) }, $before + 2 * $n,
        2 * $n . ' have reached the upstream');

    return (\@clients, $h2, \@streams);
}


sub refused_at_once {
    my ($protocol) = @_;

    return ok(wait_for(sub { !AdmHttp->connect($nginx->port($protocol)) }, 3),
        "$protocol: nobody new is let in");
}


# Asks on one connection again and again; the statuses, until it is closed.
sub polls {
    my ($client, $seconds) = @_;

    my $end = time + $seconds;
    my @answers;

    while (time < $end) {
        $client->send(request_text('GET', '/status?format=json')) or last;
        push @answers, $client->answer // last;
        sleep 0.02;
    }

    return @answers;
}


sub sum {
    my ($metrics, $name, %label) = @_;

    return AdmNginx::sum_of($metrics, $name, %label);
}


# Waits until nginx has ended by itself: its exit status, or -1.
sub exit_status {
    my ($seconds) = @_;

    return $nginx->stop(0, $seconds) ? $? : -1;
}


sub drained {
    start('20s');

    my @idle = idle(5);
    my ($poller) = idle(1);
    my ($clients, $h2, $streams) = held(10, "slow/$SLOW", 'drained');
    my ($health, $status, $late, $limited)
        = map { begun($_) } '/health', '/status',
              '/held/answer/200?late&k=late', '/limited?k=l';

    wait_read(4);

    my $writing = active('Writing');
    my $upload = client("POST /held/answer/201?upload&k=up HTTP/1.1\r\n"
        . "Host: localhost\r\nContent-Length: 20000\r\n\r\n"
        . 'x' x 9000);

    ok(wait_for(sub { active('Writing') > $writing }),
        'and one to send its body');
    fetch($nginx->port('h1'), '/limited?k=l') for 1 .. 3;
    is($nginx->metric('inflight'), 20, 'inside the upstream');
    ok(!grep({ !$_->silent(0) } @$clients), 'nobody is answered yet');

    my $asked = time;
    $nginx->signal('QUIT');

    refused_at_once($_) for qw(h1 h2);
    ok(!grep({ !$_->silent(0) } @$clients), 'while the upstream works on')
        or diag('after ', time - $asked, ' s');
    is(scalar(grep { !$_->closed(10) } @idle), 0, 'who is idle is let go');

    my @polled = polls($poller, 5);

    is(statuses(@polled), all_of(200, scalar @polled),
        'who polls gets whole answers, or none');

    my $answer = end_of($health);

    is($answer->{status}, 503, 'a balancer that asks is told');
    is(JSON::PP::decode_json($answer->{body})->{status}, 'down', 'why');
    is(end_of($limited)->{status}, 429, 'limits are in force to the end');

    $upload->send('x' x 11_000);
    is(statuses($upload->answer), '201', 'a body that was on its way arrives');
    is($upstream->seen_like('upload'), 1, 'at the upstream');
    is(statuses(end_of($late)), '200', 'who began to ask is served');

    is(statuses(map { $_->answer } @$clients), all_of(200, 10),
        'all that the upstream worked on are answered');
    is(statuses(map { $h2->answer($_) } @$streams), all_of(200, 10),
        'streams too');
    is(scalar(grep { !$_->closed } @$clients), 0, 'and let go');

    # who is let go is counted
    $_->closed for $h2, $late, $limited, $upload;

    # or nginx lingers for them
    $_->close for @$clients, $h2, $poller, $health, $late, $limited, $upload;

    counted(end_of($status)->{body});
    $status->close;
    is(exit_status(15), 0, 'nginx ends, with status 0');
    cmp_ok(time - $asked, '<', 20, 'before worker_shutdown_timeout');
    $nginx->finish;

    return;
}


# The counters as the last worker tells them.
sub counted {
    my ($text) = @_;

    my $after = { $text =~ /^admission_(\S+)\s+(\S+)$/mg };

    is(sum($after, 'requests_total', verdict => 'admit'), 25,
        'all that were admitted are counted');
    is(sum($after, 'requests_total', verdict => 'limit'), 1,
        'and who was refused');
    is(sum($after, 'upstream_responses_total', class => '2xx'), 22,
        'and all answers of the upstream');
    is(sum($after, $_), 0, "$_: none is left")
        for qw(inflight suspended_requests abandoned_total);

    return;
}


# Who takes too long for the operator is cut off, and that in time.
sub cut_off {
    start('500ms');

    my ($clients, $h2) = held(3, 'hang', 'cut');
    my $asked = time;

    $nginx->signal('QUIT');
    is(exit_status(15), 0, 'nginx ends though the upstream never answers');
    cmp_ok(time - $asked, '>', 0.4, 'not before worker_shutdown_timeout');
    is(statuses(map { scalar $_->answer } @$clients), all_of(0, 3),
        'without answers');
    $h2->close;
    $nginx->finish;

    return;
}


# The same by a reload: the old workers drain while the new ones serve.
sub reloaded {
    start('20s');

    my ($clients, $h2, $streams) = held(5, "slow/$SLOW", 'reloaded');
    my @begun = map { begun("/held/answer/200?begun&k=b$_") } 1 .. 5;
    my @old = $nginx->workers;

    wait_read(5);
    ok($nginx->reload, 'reloaded');
    is($nginx->metric('inflight'), 10, 'the new workers know of the old');
    becomes(sub { $nginx->metric('processes') }, 4, 'that are there still');

    my @new = map { fetch($nginx->port('h1'), "/held/answer/200?new&k=n$_") }
              1 .. 20;

    is(statuses(@new), all_of(200, 20), 'whoever comes now is served');
    is(statuses(map { end_of($_) } @begun), all_of(200, 5),
        'who began to ask before is served');
    is(statuses(map { $_->answer } @$clients), all_of(200, 5),
        'who was with the upstream too');
    is(statuses(map { $h2->answer($_) } @$streams), all_of(200, 5),
        'streams too');
    $_->close for @begun, @$clients, $h2;
    ok($nginx->wait_gone(@old), 'then the old workers go');
    is($nginx->wait_metric('inflight', 0), 0, 'and leave nothing');
    is($nginx->metric('requests_total', verdict => 'admit'), 35,
        'each request is counted once');
    $nginx->finish;

    return;
}


drained();
cut_off();
reloaded();

done_testing();
