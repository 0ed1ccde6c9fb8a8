#!/usr/bin/perl

# A client may leave at any moment: while the store is asked, before, amid or
# after its body, while the upstream works; by an end of the connection, of
# its own half, by a reset, or by cancelling a stream.  What it had taken is
# given back once, it is counted and logged as gone, and nothing of it stays.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep);

use AdmH2 ();
use AdmHttp qw(fetch request_text);
use AdmNginx qw(need_probe wait_for);
use AdmUpstream ();

need_probe();


my $HTTP = <<'END';
    admission_test_keeper 5s;

    proxy_http_version 1.1;

    server {
        listen 127.0.0.1:%{h1};
        listen 127.0.0.1:%{h2} http2;

        location = /status { admission_status; }
        location = /active { stub_status; }

        location = /ask {
            admission_probe a $arg_a at=ask;
            proxy_pass http://127.0.0.1:%{up}/answer/200;
        }

        location = /claim {
            admission_probe a $arg_a at=claim;
            proxy_pass http://127.0.0.1:%{up}/answer/200;
        }

        location = /hang {
            admission_probe a $arg_a at=claim;
            proxy_pass http://127.0.0.1:%{up};
        }
    }
END

my $upstream = AdmUpstream->start;
my $nginx = AdmNginx->start(http => $HTTP, vars => { up => $upstream->port },
    asan => 'quarantine_size_mb=1:thread_local_quarantine_size_kb=64');

my %LEAVE = (
    h1 => {
        end    => sub { $_[0]{client}->close },
        half   => sub { $_[0]{client}->half_close },
        reset  => sub { $_[0]{client}->reset },
    },
    h2 => {
        end    => sub { $_[0]{client}->close },
        half   => sub { $_[0]{client}->half_close },
        reset  => sub { $_[0]{client}->reset },
        cancel => sub { $_[0]{client}->cancel($_[0]{stream}) },
    },
);

# what is sent of the request, and its body's length and what is sent of it
my %BODY = (get => undef, whole => [90, 90], none => [90, 0], part => [90, 40]);

my $ids = 0;


sub begin {
    my ($protocol, $path, $body) = @_;

    my $id = 'x' . ++$ids;
    my $target = "$path&id=$id";

    $target =~ s/\bID\b/$id/;

    return { id => $id, protocol => $protocol,
             $protocol eq 'h1' ? _begin_h1($target, $BODY{$body})
                               : _begin_h2($target, $BODY{$body}) };
}


sub _begin_h1 {
    my ($target, $body) = @_;

    my $client = AdmHttp->connect($nginx->port('h1'));

    $client->send($body
        ? request_text('POST', $target, body => 'x' x $body->[1],
              fields => "Content-Length: $body->[0]\r\n")
        : request_text('GET', $target));

    return (client => $client);
}


sub _begin_h2 {
    my ($target, $body) = @_;

    my $client = AdmH2->connect($nginx->port('h2'));
    my $stream = $body
        ? $client->request('POST', $target, body => 'x' x $body->[1],
              open => $body->[0] > $body->[1],
              fields => [['content-length', $body->[0]]])
        : $client->request('GET', $target);

    return (client => $client, stream => $stream);
}


# The same path with every body and every way to leave, all at once.
sub crowd {
    my ($path, @bodies) = @_;

    my @crowd;

    for my $protocol (sort keys %LEAVE) {
        for my $body (@bodies) {
            push @crowd, map { +{ %{ begin($protocol, $path, $body) },
                                 name => "$protocol $body $_", way => $_ } }
                         sort keys %{ $LEAVE{$protocol} };
        }
    }

    return @crowd;
}


sub leave { $LEAVE{ $_->{protocol} }{ $_->{way} }->($_) for @_; return }


sub status_logged {
    my ($id) = @_;

    wait_for(sub { $nginx->access_text =~ /\bid=$id / });

    return $nginx->access_text =~ /\bid=$id (\d+)/ ? $1 : 0;
}


# What a store grants late, to nobody, is given back.
sub given_back {
    my ($mark, @crowd) = @_;

    wait_for(sub {
        (() = $nginx->since($mark) =~ /late keeper: give back/g) == @crowd;
    });

    $nginx->calls_are($mark, $_->{id}, ['a: check', 'a: claim',
        'a: give back gone', 'store: give back'], $_->{name}) for @crowd;

    return;
}


# Leaves while the store is asked, for longer than it takes us to see that.
sub asleep {
    my (@paths) = @_;

    my $mark = $nginx->mark;
    my $before = $nginx->metric('abandoned_total');
    my $requests = $nginx->metric('requests_total');
    my @crowd;

    for my $path (@paths) {
        push @crowd, map { +{ %$_, name => "$path $_->{name}" } }
            crowd("$path?a=3000-grant-ID", qw(get whole none part));
    }

    is($nginx->wait_metric('suspended_requests', scalar @crowd), @crowd,
        'all are asleep');

    leave(@crowd);

    is($nginx->wait_metric('suspended_requests', 0), 0, 'none is asleep');
    is($nginx->metric('abandoned_total') - $before, @crowd,
        'each is counted as gone');
    is($nginx->metric('requests_total'), $requests, '... and not as decided');

    given_back($mark, @crowd);
    is(status_logged($_->{id}), 499, "$_->{name}: logged") for @crowd;

    return;
}


# Gone before nginx has looked at the request.
sub at_once {
    my (@paths) = @_;

    my $mark = $nginx->mark;
    my @crowd;

    for my $path (@paths) {
        push @crowd, map { +{ %{ begin('h1', "$path?a=1500-grant-ID", $_) },
            name => "$path at once, $_", way => 'end' } } qw(get whole);
    }

    leave(@crowd);
    given_back($mark, @crowd);

    return;
}


sub upstream_works {
    my $mark = $nginx->mark;
    my $before = $nginx->metric('requests_total', verdict => 'admit');
    my @crowd = crowd('/hang?a=0-grant-ID', qw(get whole));

    ok(wait_for(sub { $upstream->seen_like('/hang') == @crowd }),
        'the upstream has them all');

    leave(@crowd);

    for (@crowd) {
        $nginx->calls_are($mark, $_->{id}, ['a: check', 'a: claim',
            'a: conclude granted', 'a: settle unanswered 0'],
            "upstream works, $_->{name}");
        is(status_logged($_->{id}), 499, "upstream works, $_->{name}: logged");
    }

    is($nginx->metric('requests_total', verdict => 'admit') - $before, @crowd,
        'all count as admitted');

    return;
}


# Admitted, and the body does not come.
sub body_awaited {
    my $mark = $nginx->mark;
    my @crowd = crowd('/claim?a=0-grant-ID', qw(none part));

    wait_for(sub { (() = $nginx->since($mark) =~ /conclude/g) == @crowd });
    leave(@crowd);

    for (@crowd) {
        $nginx->calls_are($mark, $_->{id}, ['a: check', 'a: claim',
            'a: conclude granted', 'a: give back gone'],
            "body awaited, $_->{name}");
        like(status_logged($_->{id}), qr/^4(?:00|99)$/,
            "body awaited, $_->{name}: logged");
    }

    return;
}


# One cancelled stream of a connection does not disturb the others.
sub streams {
    my $client = AdmH2->connect($nginx->port('h2'));
    my @gone;

    for (1 .. 100) {
        my $stream = $client->request('GET', '/ask?a=50-grant-s&id=s');
        $client->request('POST', '/claim?a=50-grant-s&id=s', open => 1,
            body => 'x') if $_ % 2;
        push @gone, $stream;
        $client->cancel($stream) if $_ % 3;
    }

    ok($client->usable, 'a connection lives on after cancelled streams');
    is($client->answer($client->request('GET', '/claim?a=0-grant-s&id=s'))
        ->{status}, 200, '... and serves others');

    $client->reset;
    is($nginx->wait_metric('suspended_requests', 0), 0,
        'all are gone with their connection');

    return;
}


sub come_and_go {
    my ($n) = @_;

    for my $i (1 .. $n / 10) {
        my @crowd = map {
            my $protocol = $_ % 2 ? 'h1' : 'h2';
            my @ways = sort keys %{ $LEAVE{$protocol} };
            my $path = $_ % 3 ? '/ask' : '/claim';

            +{ %{ begin($protocol, "$path?a=30-grant-ID",
                       $_ % 4 ? 'get' : 'part') },
              way => $ways[($i + $_) % @ways] };
        } 1 .. 10;

        sleep 0.01;
        leave(@crowd);
    }

    is($nginx->wait_metric('suspended_requests', 0), 0, "$n have left");
    sleep 0.1;

    return;
}


# As many who stay, and are answered.
sub come_and_stay {
    my ($n) = @_;

    my $client = AdmHttp->connect($nginx->port('h1'));
    my $answered = 0;

    for (1 .. $n / 50) {
        $client->send(request_text('GET', '/ask?a=0-grant&id=q') x 50);
        $answered += $client->answer ? 1 : 0 for 1 .. 50;
    }

    is($answered, $n, "$n have been answered");

    return;
}


sub nothing_stays {
    my ($name, $act, $n) = @_;

    my ($worker) = $nginx->workers;

    $act->($n);

    my $before = AdmNginx::rss_kb($worker);

    $act->($n);

    my $grown = AdmNginx::rss_kb($worker) - $before;

    cmp_ok($grown, '<', 600, "$name: $grown KiB more after another $n");
    ok(wait_for(sub { open_connections() == 1 }), 'no connection is left');

    return;
}


sub open_connections {
    my $answer = fetch($nginx->port('h1'), '/active');

    return $answer->{body} =~ /Active connections: (\d+)/ ? $1 : 0;
}


asleep('/ask', '/claim');
at_once('/ask', '/claim');
upstream_works();
body_awaited();
streams();
nothing_stays('who left', \&come_and_go, 600);
nothing_stays('who stayed', \&come_and_stay, 900);

$nginx->finish;

done_testing();
