#!/usr/bin/perl

# The store of a sale is killed, stopped, emptied, or was never there.  People
# in line must hardly notice: their numbers and places are kept, their passes
# are good, whoever was called is let in, and newcomers are told to wait a
# moment, or are let in, or sent away, as the operator has decided; each of
# which is counted.  When the store is back, so is the line, by itself.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Path qw(remove_tree);
use File::Temp ();
use List::Util qw(max uniq);
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for);
use AdmRedis ();
use AdmShopper qw(key_file mint payload_of);


AdmRedis::need_redis();

my $HTTP = <<'END';
    admission_redis %{redis} timeout=100ms claim_timeout=%{claim};
    admission_redis_circuit open=200ms max_open=400ms;
    admission_secret_file %{keys};

    admission_room drop { mode always; rate 200r/s; }
    admission_room slow { mode always; rate 4r/s; }
    admission_room auto { mode auto; rate 200r/s; }

    server {
        listen 127.0.0.1:%{h1} backlog=1024;

        location = /status { admission off; admission_status; }

        location /api/drop { admission_room_api drop; }
        location /api/slow { admission_room_api slow; }
        location /api/auto { admission_room_api auto; }

        location /drop { admission_wait drop; proxy_pass http://origin; }
        location /slow { admission_wait slow; proxy_pass http://origin; }
        location /auto { admission_wait auto; proxy_pass http://origin; }

        location /open {
            admission_wait slow;
            admission_on_store_failure room=open;
            proxy_pass http://origin;
        }

        location /patient {
            admission_wait auto;
            admission_on_store_failure room=closed;
            proxy_pass http://origin;
        }

        location /closed {
            admission_wait slow;
            admission_on_store_failure room=closed;
            proxy_pass http://origin;
        }
    }

    upstream origin { server 127.0.0.1:%{origin}; }

    server {
        listen 127.0.0.1:%{origin} backlog=1024;
        location / { return 200 "bought\n"; }
    }
END

my $keys = File::Temp->new;
chmod 0600, $keys;
print {$keys} key_file();
close $keys;

my $JSON = "Accept: application/json\r\n";

my ($redis, @nodes);


sub start {
    my ($claim) = @_;

    return AdmNginx->start(http => $HTTP, workers => 2, vars => {
        redis => $redis->uri, keys => "$keys", claim => $claim // '300ms' });
}


sub shopper {
    my ($room) = @_;

    return AdmShopper->new($nodes[0], cookie => "adm_$room");
}


sub at {
    my ($s, $node) = @_;

    $s->{nginx} = $nodes[$node // int rand @nodes];

    return $s;
}


# All nodes have heard of all rooms, and the store gives numbers.
sub ready {
    return wait_for(sub {
        !grep { my $node = $_; grep { !joins($node, $_) } qw(drop slow auto) }
            0 .. $#nodes;
    }, 20);
}


# Somebody joins, and leaves.
sub joins {
    my ($node, $room) = @_;

    return if fetch($nodes[$node]->port('h1'),
        "/api/$room/frontier")->{status} != 200;

    my $s = at(shopper($room), $node);
    my $said = AdmShopper::decode($s->post("/api/$room/join"));

    return if $said->{state} !~ /^(?:waiting|called|admitted)$/;

    return $s->post("/api/$room/leave");
}


sub failed {
    my ($action, $node) = @_;

    return $nodes[$node // 0]->metric('fail_policy_total',
        policy => 'room', action => $action);
}


sub reason {
    my ($answer) = @_;

    return AdmShopper::decode($answer)->{reason} // '';
}


# nginx starts, and does what it was told to do without a store
sub absent_at_start {
    $redis = AdmRedis->start(socket => 1);
    $redis->kill;
    @nodes = (start());

    my $s = shopper('drop');
    my $answer = $s->get('/drop', fields => $JSON);

    is($answer->{status}, 503, 'local: a newcomer waits');
    is(reason($answer), 'no_number', 'for a number');
    is($s->kind, 'pre', 'with a token for the way back');

    my $pre = $s->token;

    is($s->poll('/drop')->{state}, 'pre', 'and goes on waiting');
    is($s->token, $pre, 'with the same one');
    cmp_ok(failed('local'), '>=', 2, 'counted');

    is(shopper('slow')->get('/open')->{status}, 200, 'open: let in');
    is(failed('open'), 1, 'counted');

    my $number = shopper('slow')->set_token(mint('ticket', room => 'slow',
        ticket => 5));

    is($number->get('/open')->{status}, 200, 'whoever waits, too');
    is($number->poll('/open')->{state}, 'open', 'as polls say');
    is($number->get('/closed')->{status}, 503, 'closed: whoever waits, waits');

    my $closed = shopper('slow')->get('/closed', fields => $JSON);

    is($closed->{status}, 503, 'closed: sent away');
    is(reason($closed), 'store_down', 'since the store is down');
    like($closed->{field}{'retry-after'}, qr/^[1-9]\d*$/, 'for a while');
    is(failed('closed'), 1, 'counted');

    is(fetch($nodes[0]->port('h1'), '/api/drop/frontier')->{status}, 503,
        'there is no frontier');

    my $ticket = mint('ticket', room => 'drop', ticket => 5);
    my $holder = shopper('drop')->set_token($ticket);

    my $waits = $holder->poll('/drop');

    is($waits->{state}, 'waiting',
        'who has a number already, of another node, waits');
    is($waits->{position}, undef, 'where, nobody knows as yet');
    is($holder->get('/drop')->{status}, 503, 'and waits');
    is($holder->token, $ticket, 'and keeps it');
    is(shopper('drop')->set_token(mint('pass', room => 'drop', id => 5))
        ->get('/drop')->{status}, 200, 'a pass is good, as far as is known');

    my $api = shopper('drop');
    my $said = AdmShopper::decode($api->post('/api/drop/join'));

    is($said->{state}, 'pre', 'programs wait for a number, too');

    $redis->restart;

    ok(ready(), 'then the store comes, and is heard');
    is($s->poll_until('/drop', 'called', 20)->{state}, 'called',
        'who waited for a number has one, and is called');
    is($s->get_in('/drop')->{status}, 200, 'and let in');

    $nodes[0]->finish;
    $redis->finish;

    return;
}


# A ticket; on a machine that is busy a store may be late at first.
sub number {
    my ($s, $path) = @_;

    return wait_for(sub { at($s)->get($path); $s->kind eq 'ticket' }, 20);
}


# People before the fault: inside, called, and in line.
sub crowd {
    my %is = (
        inside => [ map { shopper('drop') } 1 .. 5 ],
        called => [ map { shopper('drop') } 1 .. 10 ],
        line   => [ map { shopper('slow') } 1 .. 20 ],
    );

    number($_, '/drop') for @{ $is{inside} }, @{ $is{called} };
    number($_, '/slow') for @{ $is{line} };

    # who has come back is called with all the others
    at($_)->poll('/drop') for @{ $is{inside} }, @{ $is{called} };
    at($_)->poll('/slow') for @{ $is{line} };

    at($_)->get_in('/drop', 20) for @{ $is{inside} };

    for my $s (@{ $is{called} }) {
        at($s, $_)->poll_until('/drop', 'called', 20) for 0 .. $#nodes;
        at($s);
    }

    return \%is;
}


# While nobody answers: places, passes and calls go on.
sub holds_without {
    my ($crowd) = @_;

    my @inside = map { $_->get('/drop')->{status} } @{ $crowd->{inside} };

    is("@inside", '200 ' x 4 . '200', 'passes are good');

    my @said = map { at($_)->poll('/slow') } @{ $crowd->{line} };

    is(scalar(grep { $_->{state} =~ /^(?:waiting|called)$/ } @said),
        @said, 'polls go on');

    my $local = failed('local', 0) + failed('local', 1);
    my @called = map { at($_)->get_in('/drop', 10)->{status} }
                 @{ $crowd->{called} };

    is(scalar(grep { $_ == 200 } @called), @called,
        'whoever was called is let in, by a node alone');
    is(scalar(grep { $_->kind eq 'pass' } @{ $crowd->{called} }), @called,
        'with a pass');
    cmp_ok(failed('local', 0) + failed('local', 1), '>', $local, 'counted');

    my $s = at(shopper('drop'));

    $s->get('/drop');
    is($s->kind, 'pre', 'a newcomer waits for a number');
    is(at(shopper('slow'))->get('/open')->{status}, 200, 'or is let in');
    is(at(shopper('slow'))->get('/closed')->{status}, 503, 'or sent away');

    return $s;
}


# When it is back: nobody has lost the place, nothing is given twice.
sub holds_after {
    my ($crowd, $newcomer, $name) = @_;

    ok(ready(), "$name: both nodes give numbers again");

    is(at($newcomer)->get_in('/drop', 20)->{status}, 200,
        "$name: who waited for a number is let in");

    my @line = @{ $crowd->{line} };
    my @tickets = map { $_->ticket } @line;
    my $last = shopper('slow');

    number($last, '/slow');
    cmp_ok($last->ticket, '>', max(@tickets), "$name: numbers go on");

    my @drop = map { at($_)->get('/drop')->{status} }
               @{ $crowd->{inside} }, @{ $crowd->{called} };

    is(scalar(grep { $_ == 200 } @drop), @drop,
        "$name: passes are good on any node, wherever they were given");

    my @passes = map { payload_of($_->token)->{jti} }
                 @{ $crowd->{inside} }, @{ $crowd->{called} }, $newcomer;

    is(scalar(uniq @passes), @passes, "$name: and each is another one");

    # four a second: some of them only
    my @in = map { at($_)->get_in('/slow', 20)->{status} } @line[0 .. 2];

    is("@in", '200 200 200', "$name: the line goes on");
    is(join(' ', map { $_->ticket } @line), "@tickets",
        "$name: with the same numbers");

    return;
}


# Who has left before the answer, or has been answered without it, has left
# nothing behind: not even a place of those inside.
sub gone {
    $redis = AdmRedis->start(socket => 1);

    # long enough to be seen asleep
    @nodes = (start('1500ms'));
    ok(ready(), 'a node, a store');

    my $auto = sub { $nodes[0]->metric($_[0], room => 'auto') };

    ok(wait_for(sub { $auto->('room_active') == 0 }), 'nobody is inside');

    is(shopper('auto')->get('/auto')->{status}, 200, 'somebody is inside');
    ok(wait_for(sub { $auto->('room_active') == 1 }), 'which is counted');

    my $admitted = $auto->('room_admitted_total');

    $redis->signal('STOP');

    my $left = AdmHttp->connect($nodes[0]->port('h1'));

    $left->send(request_text('GET', '/patient'));
    ok(wait_for(sub { $nodes[0]->metric('suspended_requests') == 1 }),
        'one more waits for an answer');
    $left->reset;
    ok(wait_for(sub { $nodes[0]->metric('suspended_requests') == 0 }),
        'and leaves');

    my $late = shopper('auto');

    is($late->get('/auto')->{status}, 503, 'another one is not answered');
    is($late->kind, 'pre', 'and has a token for later');

    $redis->signal('CONT');

    ok(wait_for(sub { $auto->('room_admitted_total') == $admitted + 2 }),
        'the store has let them in');
    ok(wait_for(sub { $auto->('room_active') == 1 }),
        'their passes are given back');

    $_->finish for @nodes;
    $redis->finish;

    return;
}


# A store that is late may have exchanged the ticket: no node does so too.
sub late {
    $redis = AdmRedis->start(socket => 1);
    @nodes = map { start() } 1 .. 2;
    ok(ready(), 'two nodes, a store');

    my $s = shopper('drop');

    ok(number($s, '/drop'), 'somebody has a number');
    at($s, $_)->poll_until('/drop', 'called', 20) for 0, 1;

    my $ticket = $s->token;

    $redis->signal('STOP');

    my $answer = at($s, 0)->get('/drop', fields => $JSON);

    is($answer->{status}, 503, 'the store is late for a claim');
    is(reason($answer), 'moment', 'so it is told to wait a moment');
    is($s->token, $ticket, 'with its number');

    $redis->signal('CONT');

    my @passes = map {
        at($s->set_token($ticket), $_)->get_in('/drop', 20);
        payload_of($s->token)->{jti};
    } 0, 1;

    is($s->kind, 'pass', 'then there is a pass');
    is(scalar(uniq @passes), 1, 'and one only');

    $_->finish for @nodes;
    $redis->finish;

    return;
}


# How it fails, and comes back; in between nobody answers.
my @faults = (
    {
        name    => 'woken',
        inflict => \&hang,
        heal    => sub { $redis->signal('CONT') },
    }, {
        name    => 'restarted',
        inflict => sub { $redis->kill },
        heal    => sub { $redis->restart },
    }, {
        name    => 'empty',
        inflict => sub { $redis->kill },
        heal    => sub {
            remove_tree($redis->dir . '/appendonlydir');
            $redis->restart;
        },
    }
);


# It hangs, for three seconds at least.
sub hang {
    my ($longest, $end) = (0, time + 3);
    my @status;

    $redis->signal('STOP');

    while (time < $end) {
        my $from = time;
        push @status, at(shopper('drop'))->get('/drop')->{status};
        $longest = max($longest, time - $from);
    }

    is(scalar(grep { $_ != 503 } @status), 0,
        'it hangs: newcomers are told to wait');
    diag(sprintf '%d were, the longest waited %.0f ms for it',
        scalar @status, $longest * 1000);

    return;
}


# The same nodes live through all of it.
sub faults {
    $redis = AdmRedis->start(socket => 1,
        args => [ '--appendonly', 'yes', '--appendfsync', 'always' ]);
    @nodes = map { start() } 1 .. 2;
    ok(ready(), 'two nodes, a store');

    for my $fault (@faults) {
        my $crowd = crowd();

        $fault->{inflict}->();

        my $newcomer = holds_without($crowd);

        $fault->{heal}->();
        holds_after($crowd, $newcomer, $fault->{name});
    }

    ok(wait_for(sub {
        !grep { $_->metric('suspended_requests') } @nodes
    }), 'nobody sleeps any more');

    $_->finish for @nodes;
    $redis->finish;

    return;
}


absent_at_start();
gone();
late();
faults();

done_testing();
