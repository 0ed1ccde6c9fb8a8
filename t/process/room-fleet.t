#!/usr/bin/perl

# Two nodes behind one balancer, one Redis, one line.  A shopper is sent to
# whichever node is free, and must not notice: the number that one node gave
# is called by both, in the order of coming; a pass is one pass, however many
# tabs ask for it on however many nodes; what an operator does at one door is
# in force at the other; and a node that dies takes nobody's place with it.
#
#     ADM_SEED=N      the same choices of nodes again, 1 unless told
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use List::Util qw(shuffle sum0 uniq);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(slurp wait_for);
use AdmRedis ();
use AdmShopper qw(key_file payload_of);


AdmRedis::need_redis();

srand($ENV{ADM_SEED} // 1);

my $HTTP = <<'END';
    %{store}
    admission_secret_file %{keys};

    admission_room drop { mode always; rate 300r/s; }
    admission_room calm { mode always; rate 40r/s; }
    admission_room twice { mode always; rate 300r/s; }
    admission_room auto { mode auto; rate 300r/s; }
    admission_room few { mode auto; rate 300r/s; max_active 3; }
    admission_room ops { mode always; rate 300r/s; }

    server {
        listen 127.0.0.1:%{h1} backlog=1024;

        location = /status { admission off; admission_status; }
        location /control/ { admission_control; }

        location /api/drop { admission_room_api drop; }
        location /api/calm { admission_room_api calm; }
        location /api/twice { admission_room_api twice; }
        location /api/auto { admission_room_api auto; }
        location /api/few { admission_room_api few; }
        location /api/ops { admission_room_api ops; }

        location /drop { admission_wait drop; proxy_pass http://origin; }
        location /calm { admission_wait calm; proxy_pass http://origin; }
        location /twice { admission_wait twice; proxy_pass http://origin; }
        location /auto { admission_wait auto; proxy_pass http://origin; }
        location /few { admission_wait few; proxy_pass http://origin; }
        location /ops { admission_wait ops; proxy_pass http://origin; }
    }

    upstream origin { server 127.0.0.1:%{origin}; }

    server {
        listen 127.0.0.1:%{origin} backlog=1024;

        location / { return 200 "bought\n"; }

        location ~ /ends$ {
            add_header Admission-Session end;
            return 200 "over\n";
        }
    }
END

my $keys = File::Temp->new;
chmod 0600, $keys;
print {$keys} key_file();
close $keys;

my $redis = AdmRedis->start(socket => 1);
my @nodes = map { start() } 1 .. 2;

my %frontier;       # by room and node: the highest that it told


sub start {
    my ($alone) = @_;

    return AdmNginx->start(http => $HTTP, workers => 2, vars => vars($alone));
}


sub vars {
    my ($alone) = @_;

    # nothing fails here, however slow this machine is
    my $store = 'admission_redis ' . $redis->uri . ' timeout=5s;';

    return { store => $alone ? '' : $store, keys => "$keys" };
}


# A node knows of a room once it has heard of it; and of a new one the store
# waits for a second what other nodes know, before it gives numbers.
sub ready {
    my ($node) = @_;

    my @rooms = qw(drop calm twice auto few ops);

    return wait_for(sub {
        @rooms = grep { !joins($node, $_) } @rooms;
        return !@rooms;
    });
}


# Somebody joins, and leaves.
sub joins {
    my ($node, $room) = @_;

    my $s = AdmShopper->new($node, cookie => "adm_$room");
    my $said = AdmShopper::decode($s->post("/api/$room/join"));

    return if $said->{state} !~ /^(?:waiting|called|admitted)$/;

    return $s->post("/api/$room/leave");
}


sub shopper {
    my ($room) = @_;

    return AdmShopper->new($nodes[0], cookie => "adm_$room");
}


# The balancer's choice, or the test's.
sub at {
    my ($s, $node) = @_;

    $s->{nginx} = $nodes[$node // int rand @nodes];

    return $s;
}


sub total {
    my ($name, $room, $node) = @_;

    return $nodes[$node // 0]->metric("room_${name}_total", room => $room);
}


# Sets something of a room, as an operator of this node does.
sub set {
    my ($node, $room, $json) = @_;

    my $answer = fetch($nodes[$node]->port('h1'), "/control/rooms/$room",
        method => 'PATCH', body => $json,
        fields => "Content-Type: application/json\r\n");

    die "control: $answer->{body}\n" if $answer->{status} != 200;

    return;
}


# What a node says of a room's frontier; it must not be less than before.
sub look {
    my ($room, $node) = @_;

    my $answer = fetch($nodes[$node]->port('h1'), "/api/$room/frontier");

    return if !$answer || $answer->{status} != 200;

    my $told = AdmShopper::decode($answer)->{frontier};

    if ($told < ($frontier{$room}{$node} // 0)) {
        fail("the frontier of $room never falls: $told after "
            . $frontier{$room}{$node});
    }

    $frontier{$room}{$node} = $told;

    return $told;
}


# Joins and claims that the store was asked for, by all nodes.
sub trips {
    return sum0(map { my $node = $_;
        map { $node->metric('store_trips_total', command => "line_$_",
            outcome => 'ok') } qw(join claim) } @nodes);
}


# A number from one node, its call on both, its pass on either
sub the_way_in {
    my $s = at(shopper('drop'), 0);

    is($s->get('/drop')->{status}, 503, 'a newcomer waits');
    is($s->kind, 'ticket', 'and has a ticket');
    is(at($s, 1)->poll_until('/drop', 'called')->{state}, 'called',
        'which is called on the other node');
    is(at($s, 0)->poll_until('/drop', 'called')->{state}, 'called',
        'and on its own');

    my $ticket = $s->token;

    is(at($s, 1)->get_in('/drop')->{status}, 200, 'it is let in there');
    is($s->kind, 'pass', 'with a pass');

    my $pass = $s->token;

    is(at($s, 0)->get('/drop')->{status}, 200, 'that is good here');
    is(at($s->set_token($ticket), 0)->get_in('/drop')->{status}, 200,
        'who asks for it again, at the first node');
    is(payload_of($s->token)->{$_}, payload_of($pass)->{$_},
        "gets the same $_") for qw(jti exp sub);

    ok(wait_for(sub {
        2 == grep { total('claimed', 'drop', $_) == 1 } 0, 1
    }), 'and both nodes know of one ticket that was exchanged');

    return;
}


# Hundreds come to both nodes, some never come back; whoever is told at a node
# that it is called finds there that all before it are.
sub one_order {
    my @shoppers = map { shopper('drop') } 1 .. 300;
    my $claimed = total('claimed', 'drop');

    at($_)->get('/drop') for @shoppers;
    fetch($nodes[rand @nodes]->port('h1'), '/drop') for 1 .. 40;

    my @tickets = map { $_->ticket } @shoppers;

    is(scalar(uniq @tickets), @tickets, 'no number is given twice');
    is("@tickets", join(' ', sort { $a <=> $b } @tickets),
        'numbers in the order of coming, over both nodes');

    my (@jumped, @called);

    for my $turn (1 .. 60) {
        for my $n (shuffle 0 .. $#shoppers) {
            my $node = int rand @nodes;

            next if $called[$n];
            last if look('drop', $node) > $tickets[-1];

            my $state = at($shoppers[$n], $node)->poll('/drop')->{state};

            if ($state eq 'called') {
                $called[$n] = 1;
                my $before = int rand($n + 1);
                my $other = at($shoppers[$before], $node)->poll('/drop');
                push @jumped, "$before<$n" if $other->{state} ne 'called';
            }
        }

        last if look('drop', 0) > $tickets[-1];
    }

    is("@jumped", '', 'whoever is called, all before are called too');

    my @status = map { at($_)->get_in('/drop', 20)->{status} } @shoppers;

    is(scalar(grep { $_ == 200 } @status), @shoppers, 'all are let in');
    is(scalar(uniq map { payload_of($_->token)->{jti} } @shoppers),
        @shoppers, 'each with a pass of its own');
    ok(wait_for(sub {
        total('claimed', 'drop', 1) == $claimed + @shoppers
    }), 'each ticket was exchanged once');

    return;
}


# Those who come in the same moment share a trip, and have numbers of their own
sub together {
    my $before = trips();
    my @clients = map { AdmHttp->connect($_->port('h1')) } (@nodes) x 50;

    my %workers = map { my $node = $_; map { $_ => $node } $node->serving }
                  @nodes;

    # stopped for a moment, so that it is the same one for all
    $_->send("GET /twice HTTP/1.1\r\nHost: a\r\n\r") for @clients;
    $workers{$_}->signal(STOP => $_) for keys %workers;
    $_->send("\n") for @clients;
    $workers{$_}->signal(CONT => $_) for keys %workers;

    my @numbers = map { payload_of($_->{field}{'admission-token'})->{sub} }
                  map { $_->answer } @clients;

    is(scalar(uniq @numbers), 100, 'each of a hundred has a number');
    is(scalar(grep { !$_ } @numbers), 0, 'really');
    cmp_ok(trips() - $before, '<', 100, 'for less than a hundred trips');

    return;
}


# Who has a place is told it by the node alone, and who is inside goes on.
sub no_trips {
    my ($in, $line) = (shopper('drop'), shopper('calm'));

    at($in)->get_in('/drop');
    at($line)->get('/calm');

    my $before = trips();

    for (1 .. 10) {
        at($line)->poll('/calm');
        at($in)->get('/drop');
        at($in)->poll('/drop');
    }

    is(trips(), $before, 'polls and passes make no trip');
    is(at($line)->get_in('/calm')->{status}, 200, 'a claim');
    ok(wait_for(sub { trips() > $before }), 'does');

    return;
}


# Both nodes are asked for the same ticket's pass in the same moment
sub at_once {
    my @shoppers = map { shopper('twice') } 1 .. 40;
    my @twice;

    at($_)->get('/twice') for @shoppers;
    at($_)->poll('/twice') for @shoppers;

    for my $s (@shoppers) {
        for my $node (0, 1) {
            at($s, $node)->poll_until('/twice', 'called');
        }

        my $text = request_text('GET', '/twice',
            fields => 'Cookie: ' . $s->cookies . "\r\n");
        my @clients = map { AdmHttp->connect($_->port('h1')) } @nodes, @nodes;

        # the request is complete with its last byte
        $_->send(substr $text, 0, -1) for @clients;
        $_->send(substr $text, -1) for @clients;

        my @passes = map { $_->{field}{'admission-token'} }
                     grep { $_->{status} == 200 } map { $_->answer } @clients;

        # a store that is late is asked again: a moment
        at($s)->get_in('/twice');
        push @passes, $s->token;

        push @twice, $s->ticket
            if uniq(map { payload_of($_)->{jti} } @passes) != 1;
    }

    is("@twice", '', 'of a ticket there is one pass, whoever asks where');
    ok(wait_for(sub { total('claimed', 'twice') == @shoppers }),
        'each is counted once');

    return;
}


# nobody waits while there is room, and the room is the fleet's
sub ceiling {
    my @shoppers = map { shopper('few') } 1 .. 6;
    my @status = map { at($shoppers[$_], $_ % 2)->get('/few')->{status} }
                 0 .. 5;

    is("@status", '200 200 200 503 503 503',
        'three are inside, over both nodes');
    is($shoppers[0]->ticket, 0, 'they never had a number');
    ok(wait_for(sub {
        2 == grep { $_->metric('room_active', room => 'few') == 3 } @nodes
    }), 'as both nodes say');

    at($_)->poll('/few') for @shoppers[3 .. 5];
    sleep 1;

    is(at($shoppers[3])->get('/few')->{status}, 503, 'the next one waits');

    is(at($shoppers[0], 1)->get('/few/ends')->{status}, 200, 'one is done');
    is(at($shoppers[3], 0)->get_in('/few')->{status}, 200,
        'and the next one is let in, at the other node');
    is(at($shoppers[4])->get('/few')->{status}, 503, 'and no more');

    return;
}


# A pass that was ended is worth nothing anywhere.
sub ended {
    my $s = at(shopper('auto'), 0);

    is($s->get('/auto')->{status}, 200, 'somebody is inside');

    my $pass = $s->token;

    is(at($s, 1)->get('/auto')->{status}, 200, 'the other node knows them');
    is(at($s, 0)->get('/auto/ends')->{status}, 200, 'the session ends');

    my $ended = time;

    ok(wait_for(sub {
        at($s->set_token($pass), 1)->get('/auto');
        $s->token ne $pass;
    }), 'and its pass is worth nothing on the other node');

    diag(sprintf 'known there after %.2f s', time - $ended);

    return;
}


# One operator, one click, two doors
sub operators {
    my $in = at(shopper('ops'), 0);
    my $out = at(shopper('ops'), 1);

    $_->get('/ops') for $in, $out;
    is($in->get_in('/ops')->{status}, 200, 'one is inside');

    set(0, 'ops', '{"state":"paused"}');

    my $set = time;

    is(at($out, 1)->poll_until('/ops', 'paused')->{state}, 'paused',
        'paused at one node is paused at the other');
    diag(sprintf 'known there after %.2f s', time - $set);

    is(at($in, 1)->get('/ops')->{status}, 200, 'passes live on');
    isnt(at(shopper('ops'), 1)->get('/ops')->{status}, 200, 'nobody joins');

    set(1, 'ops', '{"state":"closed"}');
    is(at($out, 0)->poll_until('/ops', 'closed')->{state}, 'closed',
        'closed there is closed here');

    set(0, 'ops', '{"state":null}');
    is(at($out, 1)->get_in('/ops')->{status}, 200, 'open again, to all');

    my $pass = $in->token;

    set(1, 'ops', '{"passes":"void"}');
    ok(wait_for(sub {
        at($in->set_token($pass), 0)->get('/ops');
        $in->token ne $pass;
    }), 'passes that are void there are void here');
    is(at($in)->get_in('/ops')->{status}, 200, 'and there are new ones');

    return;
}


# All of a node's processes end at once, in the middle of a line.
sub a_node_dies {
    my @shoppers = map { shopper('calm') } 1 .. 120;

    at($_)->get('/calm') for @shoppers;
    at($_)->poll('/calm') for @shoppers;

    my $last = $shoppers[-1]->ticket;

    ok(wait_for(sub { look('calm', 1) > $shoppers[0]->ticket }),
        'the line moves');

    my $told = look('calm', 0);

    kill 'STOP', $nodes[0]->pid;
    kill 'KILL', $nodes[0]->workers, $nodes[0]->pid;
    $nodes[0]->stop('KILL');

    my $then = look('calm', 1);

    # there is a line to move on, however long all that has taken
    for my $s (map { at(shopper('calm'), 1) } 1 .. 30) {
        $s->get('/calm');
        $s->poll('/calm');
    }

    ok(wait_for(sub { look('calm', 1) > $then + 20 }),
        'a node dies, and the line moves on');

    my $said = at($shoppers[-1], 1)->poll('/calm');

    ok($said->{state} eq 'called' || defined $said->{ahead},
        'whom it had served, the other one knows');

    $nodes[0] = start();
    ok(ready($nodes[0]), 'it is started again');
    cmp_ok(wait_for(sub { look('calm', 0) }) // 0, '>=', $told,
        'and hears how far the line is');

    my @status = map { at($_)->get_in('/calm', 20)->{status} } @shoppers;

    is(scalar(grep { $_ == 200 } @status), @shoppers,
        'nobody has lost the place');
    is(join(' ', map { payload_of($_->token)->{sub} } @shoppers[0, -1]),
        join(' ', $shoppers[0]->ticket, $last), 'or the number');

    return;
}


# Both nodes are reloaded, one after the other, in the middle of a line.
sub reloaded {
    my @shoppers = map { shopper('calm') } 1 .. 60;

    at($_)->get('/calm') for @shoppers;
    at($_)->poll('/calm') for @shoppers;

    # each has heard of its own
    my @before = map { look('calm', $_) } 0, 1;

    for my $node (0, 1) {
        ok($nodes[$node]->reload, 'a node is reloaded');
        cmp_ok(look('calm', $node), '>=', $before[$node],
            'and knows the line');
    }

    my @tickets = map { $_->ticket } @shoppers;
    my @status = map { at($_)->get_in('/calm', 20)->{status} } @shoppers;

    is(scalar(grep { $_ == 200 } @status), @shoppers, 'nobody has noticed');
    is(join(' ', map { $_->ticket } @shoppers), "@tickets",
        'the numbers are the same');

    return;
}


# A node that has been alone joins the fleet, and leaves it, by reload.
sub joins_the_fleet {
    my $node = start(1);
    my $s = AdmShopper->new($node, cookie => 'adm_drop');

    $s->get('/drop');
    is($s->ticket, 1, 'a node alone has a line of its own');

    $node->configure(vars => vars());
    ok($node->reload, 'it joins the others');
    ok(ready($node), 'and hears of their line');

    is($s->get_in('/drop')->{status}, 200, 'its people get in by that');

    my $waiting = AdmShopper->new($node, cookie => 'adm_calm');

    $waiting->get('/calm');

    my $ticket = $waiting->ticket;

    $node->configure(vars => vars(1));
    ok($node->reload, 'it leaves them');
    is($waiting->get_in('/calm')->{status}, 200, 'its people get in');
    is($waiting->ticket, $ticket, 'with their numbers');
    is($s->get('/drop')->{status}, 200, 'and those inside stay there');
    $node->finish;

    return;
}


# What programs are told is the same wherever they ask.
sub api {
    my $s = at(shopper('calm'), 0);
    my $port = sub { $_[0]->{nginx}->port('h1') };
    my $ask = sub {
        my ($s, $method, $what) = @_;
        return AdmShopper::decode($s->ask($method, "/api/calm$what"));
    };

    is($ask->($s, 'GET', '/')->{state}, 'pre', 'nobody has a number at first');
    is($ask->($s, 'POST', '/join')->{state}, 'waiting', 'join gives one');
    is($s->kind, 'ticket', 'in a ticket');

    my $said;

    for my $node (0, 1) {
        ok(wait_for(sub {
            $said = $ask->(at($s, $node), 'GET', '/')->{state};
            $said eq 'called';
        }), 'which is called');
    }

    is($ask->(at($s, 1), 'POST', '/claim')->{state}, 'admitted',
        'and exchanged at the other node');
    is($ask->(at($s, 0), 'GET', '/')->{state}, 'admitted', 'for a pass');
    is($ask->(at($s, 0), 'POST', '/leave')->{state}, 'pre',
        'that may be given up');
    is($s->token, undef, 'and is gone');

    return;
}


ok(ready($_), 'a node has heard of the rooms') for @nodes;

the_way_in();
at_once();
together();
no_trips();
ceiling();
ended();
operators();
api();
one_order();
reloaded();
joins_the_fleet();
a_node_dies();

$_->finish for @nodes;

done_testing();
