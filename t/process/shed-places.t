#!/usr/bin/perl

# An upstream that bears so many requests at once never has more, and has all
# of them when enough people come, however many workers they come by: when
# workers are killed with requests inside, when clients leave, over a reload
# whose old workers still have some, and when a reload changes the number.
# What is told is true again soon, and no place is ever lost.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmHttp qw(fetch request_text);
use AdmLoad ();
use AdmNginx qw(wait_for);
use AdmStay ();


my $HTTP = <<'END';
    admission_upstream shop concurrency=%{places} failures=0 error_rate=0;

    access_log off;

    server {
        listen 127.0.0.1:%{h1} backlog=1024 reuseport;   # all get some

        location = /status { admission_status; }

        location / {
            admission_shed shop;
            proxy_pass http://127.0.0.1:%{up};
        }
    }
END

my $WORKERS = 3;
my $PLACES = 7;
my $KILLS = $ENV{ADM_CHAOS} ? 500 : 50;

my $upstream = AdmStay->start;
my $nginx = AdmNginx->start(workers => $WORKERS, http => $HTTP,
    vars => { up => $upstream->port, places => $PLACES });


sub inflight { return $nginx->metric('inflight', upstream => 'shop') }


# Waits until that many are inside, as told; the number told.
sub told {
    my ($n) = @_;

    my $told;

    wait_for(sub { ($told = inflight()) == $n });

    return $told;
}


# So many people who stay for so long, one after the other: their clients.
sub enter {
    my ($n, $ms) = @_;

    my $before = $upstream->inside;
    my @clients;

    for my $i (1 .. $n) {
        push @clients, AdmHttp->connect($nginx->port('h1'));
        $clients[-1]->send(request_text('GET', "/stay/$ms"));
        $upstream->wait_inside($before + $i) or last;
    }

    return @clients;
}


sub refused {
    my ($name) = @_;

    my $answer = fetch($nginx->port('h1'), '/stay/0');
    my ($reason) = $answer->{body} =~ /"reason":"(\w+)"/;

    return is("$answer->{status} $reason", '503 concurrency', $name);
}


# All places are there, and no more than these.
sub whole {
    my ($places) = @_;

    is(told(0), 0, 'nobody is inside');

    # for a moment a crowd that has gone is let in first
    ok(wait_for(sub { fetch($nginx->port('h1'), '/stay/0')->{status} == 200 }),
        'anybody may be');
    is(told(0), 0, '... for a moment');

    my @clients = enter($places, 60_000);

    is($upstream->inside, $places, "and $places may be");
    is(told($places), $places, '... as is told');
    refused('but not one more');

    $_->close for @clients;

    ok($upstream->wait_inside(0), 'all leave before they are answered');
    is(told(0), 0, '... and are not inside any more');

    return;
}


sub crowd {
    my (%option) = @_;

    return AdmLoad->start($nginx->port('h1'), paths => ['/stay/20'],
        clients => 30, pause => 0.01, %option);
}


sub filled {
    my $before = $upstream->total;
    my $seen = crowd(requests => 2000)->finish->{count}{'/stay/20'};

    is($upstream->most, $PLACES, 'a crowd gets all places, and no more');
    is(join(' ', sort keys %$seen), '200 503', 'the others are refused');
    is($upstream->total - $before, $seen->{200}, '... before the upstream');

    return;
}


sub killed {
    my $load = crowd(fresh => 1);
    my $killed = 0;

    for (1 .. $KILLS) {
        my @serving = $nginx->serving;
        my $victim = $serving[rand @serving];

        wait_for(sub { $upstream->inside >= $PLACES - 2 }) or last;
        $nginx->signal(KILL => $victim);

        wait_for(sub { my %now = map { $_ => 1 } $nginx->serving;
            !$now{$victim} && keys %now == $WORKERS }) or last;
        $killed++;
    }

    is($killed, $KILLS, 'workers are killed; others fill their places');
    $load->finish;
    cmp_ok($upstream->most, '<=', $PLACES, 'never more inside than places');

    return;
}


# Those of an old worker count as long as they last, and not longer.
sub reloaded {
    my @clients = enter($PLACES, 60_000);
    my @old = $nginx->workers;

    ok($nginx->reload, 'a reload, with all places taken');
    refused('they still are');

    $nginx->configure(vars => { up => $upstream->port,
        places => $PLACES + 2 });
    ok($nginx->reload, 'a reload with two more');

    my @more = enter(2, 60_000);

    is($upstream->inside, $PLACES + 2, 'these two are there');
    refused('and no others');

    $nginx->configure(vars => { up => $upstream->port, places => $PLACES });
    ok($nginx->reload, 'a reload to as many as before');
    refused('nobody gets in');

    $_->close for @more;
    is(told($PLACES), $PLACES, 'two leave');
    refused('nor then');

    # nobody comes for the place of an old worker

    $nginx->signal(KILL => $_) for @old;
    ok($nginx->wait_gone(@old), 'the old workers are killed');
    is(told(0), 0, 'what was theirs is free');

    $_->close for @clients;

    return;
}


filled();
whole($PLACES);
killed();
whole($PLACES);
reloaded();
whole($PLACES);

$nginx->finish(allow => [qr/exited on signal 9/]);

done_testing();
