#!/usr/bin/perl

# A Redis Cluster of three nodes behind limits that Redis decides: each key is
# asked of the node that has its slot, to the unit; a slot that moves in the
# middle of a sale takes its clients along, and none of them is counted twice
# or refused for it; a node that dies takes its own slots along, and no other.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Temp ();
use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmHttp qw(fetch);
use AdmLoad ();
use AdmNginx qw(becomes wait_for);
use AdmRedis ();
use AdmRedisCluster ();


AdmRedis::need_redis();

my $HTTP = <<'END';
    admission_redis %{uris} topology=cluster timeout=5s claim_timeout=5s;
    admission_redis_circuit open=100ms max_open=200ms;
    admission_secret_file %{keys};

    admission_rate one  $arg_k rate=1r/h burst=99 scope=exact;
    admission_rate two  $arg_j rate=1r/h burst=99 scope=exact;
    admission_rate twin $arg_k rate=1r/h burst=9  scope=exact;
    admission_rate many $arg_k rate=1r/s burst=999999 scope=exact;

    access_log off;
    keepalive_requests 1000000;
    admission_log_level info;

    server {
        listen 127.0.0.1:%{h1} backlog=1024;

        location = /status { admission_status; }
        location = /one { alias %{dir}/html/hello; admission_limit one; }
        location = /many { alias %{dir}/html/hello; admission_limit many; }

        location = /both {
            alias %{dir}/html/hello;
            admission_limit one;
            admission_limit two;
        }

        location = /twin {
            alias %{dir}/html/hello;
            admission_limit one;
            admission_limit twin;
        }

        location = /closed {
            alias %{dir}/html/hello;
            admission_limit many;
            admission_on_store_failure rate=closed;
        }
    }
END

my $keys = File::Temp->new;
print {$keys} 'k1:' . '5a' x 32 . "\n";
close $keys;

my $cluster = AdmRedisCluster->start;
my $nginx = AdmNginx->start(workers => 2, http => $HTTP,
    vars => { uris => $cluster->node(0)->uri, keys => "$keys" });


# Where a client's keys are, and a client of each node.

sub tag { return '{' . substr(sha256_hex($_[0]), 0, 32) . '}' }
sub slot_of { return $cluster->slot(tag($_[0])) }
sub node_of { return $cluster->owner(slot_of($_[0])) }


my $clients = 0;

sub client_of {
    my ($node) = @_;

    for (;;) {
        my $name = 'c' . ++$clients;
        return $name if node_of($name) == $node;
    }
}


sub status {
    my ($path) = @_;

    my $answer = fetch($nginx->port('h1'), $path);

    return $answer ? $answer->{status} : 'none';
}


# The statuses of that many requests, over several connections.
sub ask {
    my ($n, $path) = @_;

    my $load = AdmLoad->start($nginx->port('h1'), paths => [$path],
        clients => 10, requests => $n);

    return $load->finish->{count}{$path};
}


# Our connections to each node, by their numbers.
sub connections {
    return [ map { join ' ', sort $_->command('CLIENT', 'LIST')
        =~ /^id=(\d+) .* name=admission-/mg } grep { $_->pid }
        $cluster->nodes ];
}


# True as soon as every worker asks a node.
sub asked_by_all {
    my ($node, $client) = @_;

    return wait_for(sub {
        (() = $node->command('CLIENT', 'LIST') =~ /name=admission-/g) == 2
            && $nginx->metric('circuit_state') == 0
            && status("/closed?k=$client") == 200;
    });
}


sub to_the_unit {
    for my $node (0 .. 2) {
        my $client = client_of($node);
        my $before = $cluster->node($node)->calls('evalsha');

        is_deeply(ask(300, "/one?k=$client"), { 200 => 100, 429 => 200 },
            "a client of node $node: to the unit");
        cmp_ok($cluster->node($node)->calls('evalsha') - $before, '>=', 300,
            '  and that node was asked');
    }

    my $moved = $cluster->errors('MOVED');

    is_deeply(ask(100, '/one?k=' . client_of(1)), { 200 => 100 }, 'and again');
    is($cluster->errors('MOVED'), $moved, 'nobody is sent to the wrong node');
    becomes(sub { join ' ', map { scalar split } @{ connections() } },
        '2 2 2', 'each worker has one connection to each node');

    return;
}


# Workers that have just begun know of no slot, and let nobody wait for that.
sub reloaded {
    my $load = AdmLoad->start($nginx->port('h1'), clients => 8, fresh => 1,
        paths => [ map { '/closed?k=' . client_of($_ % 3) } 1 .. 9 ]);

    for (1 .. 4) {
        ok($load->wait_answers(50) && $nginx->reload, 'a reload under load');
    }

    my %statuses = map { $_ => 1 } map { keys %$_ }
        values %{ $load->finish->{count} };

    is_deeply(\%statuses, { 200 => 1 }, 'nobody is refused for it');

    return;
}


# Two limits whose keys are on two nodes: two commands, and one refuses.
sub apart {
    my ($first, $second) = map { client_of($_) } 0, 2;
    my $path = "/both?k=$first&j=$second";

    is_deeply(ask(150, $path), { 200 => 100, 429 => 50 },
        'two limits on two nodes');
    is_deeply(ask(50, '/both?k=' . client_of(0) . "&j=$second"),
        { 429 => 50 }, 'one of them refuses');

    my $other = client_of(0);

    # those of before are all told, then these
    wait_for(sub { $nginx->metric('store_calls') == 0 });

    my $told = sub { $nginx->metric('store_trips_total',
                                    command => 'rate_back') };
    my $before = $told->();

    ask(50, "/both?k=$other&j=$second");
    ok(wait_for(sub { $told->() >= $before + 50
                      && $nginx->metric('store_calls') == 0 }),
        'the other is told');
    is_deeply(ask(150, "/one?k=$other"), { 200 => 100, 429 => 50 },
        'and has all that it had');

    return;
}


sub moved_under_load {
    my $client = client_of(0);
    my ($slot, $key) = (slot_of($client), "/many?k=$client");
    my $load = AdmLoad->start($nginx->port('h1'), clients => 8,
        paths => [ $key, map { '/many?k=' . client_of($_) } 1, 2 ]);
    my ($ask, $moved) = map { $cluster->errors($_) } qw(ASK MOVED);
    my $asking = $cluster->calls('asking');
    my $connections = connections();

    ok($load->wait_answers(100), 'a slot moves: there is load');

    my $from = $cluster->begin_move($slot, 1);

    $cluster->move_keys($slot, $from, 1);
    ok($load->wait_answers(200), 'its keys are gone, the slot is not');
    cmp_ok($cluster->errors('ASK'), '>', $ask, 'the old node said ASK');
    cmp_ok($cluster->calls('asking'), '>', $asking, 'the new one was asked');
    is($cluster->errors('MOVED'), $moved, 'and nothing was learned');

    $cluster->end_move($slot, $from, 1);
    ok($load->wait_answers(200), 'the slot has followed');
    cmp_ok($cluster->errors('MOVED'), '>', $moved, 'the old node said MOVED');

    # by each worker, once it has asked
    ok(wait_for(sub {
        $moved = $cluster->errors('MOVED');
        return $load->wait_answers(200)
               && $cluster->errors('MOVED') == $moved;
    }), 'and then it was learned');
    is_deeply(connections(), $connections, 'all over the same connections');

    my $seen = $load->finish;

    is_deeply([ sort map { keys %$_ } values %{ $seen->{count} } ],
        [ 200, 200, 200 ], 'nobody was refused');
    diag(sprintf 'longest wait while a slot moved: %.3f s', $seen->{longest});

    return;
}


# To the unit, although each third of them is answered by another node.
sub moved_to_the_unit {
    my $client = client_of(0);
    my ($slot, $key) = (slot_of($client), "/one?k=$client");

    my $first = ask(40, $key)->{200};
    my $from = $cluster->begin_move($slot, 2);

    $first += ask(10, $key)->{200};
    $cluster->move_keys($slot, $from, 2);
    $first += ask(30, $key)->{200};
    $cluster->end_move($slot, $from, 2);

    is($first, 80, 'before, and on the way');
    is_deeply(ask(40, $key), { 200 => 20, 429 => 20 },
        'a budget moves as it is');

    return;
}


# Two keys of one slot, of which one has moved: neither node can tell, until
# the other has followed.
sub torn_apart {
    my $client = client_of(1);
    my ($slot, $path) = (slot_of($client), "/twin?k=$client");

    is(status($path), 200, 'two limits of one slot');

    my $from = $cluster->begin_move($slot, 0);
    my $tag = tag($client);

    $cluster->move_keys($slot, $from, 0, "adm:rate:$tag:one");

    my $load = AdmLoad->start($nginx->port('h1'), paths => [$path],
        clients => 1, requests => 1);

    ok(wait_for(sub { $cluster->errors('TRYAGAIN') > 1 }),
        'one of them has moved: try again');
    $cluster->move_keys($slot, $from, 0);
    is_deeply($load->finish->{count}, { $path => { 200 => 1 } },
        'and as soon as the other has, it is answered');
    $cluster->end_move($slot, $from, 0);
    is_deeply(ask(20, $path), { 200 => 8, 429 => 12 },
        'each was charged once');

    return;
}


sub killed {
    my @clients = map { client_of($_) } 0 .. 2;
    my $gone = $cluster->node(1);
    my $load = AdmLoad->start($nginx->port('h1'), clients => 8,
        paths => [ map { "/closed?k=$_" } @clients ]);

    ok($load->wait_answers(200), 'a node dies: there is load');
    $gone->kill;
    ok($load->wait_answers(500), 'it goes on');

    my $seen = $load->finish;
    my %statuses = map { my $i = $_; ($i => join ' ', sort keys
        %{ $seen->{count}{"/closed?k=$clients[$i]"} }) } 0 .. 2;

    is_deeply(\%statuses, { 0 => 200, 1 => '200 503', 2 => 200 },
        'its clients by policy, the others as before');
    diag(sprintf 'longest wait while a node died: %.3f s', $seen->{longest});

    is_deeply(ask(300, '/one?k=' . client_of(2)),
        { 200 => 100, 429 => 200 }, 'the others to the unit');
    is($nginx->metric('store_up'), 1, 'the store is up');

    $gone->restart;
    ok(wait_for(sub { $cluster->agrees }, 20), 'it comes back');
    ok(asked_by_all($gone, $clients[1]), 'and is asked again');
    is_deeply(ask(300, '/one?k=' . client_of(1)), { 200 => 100, 429 => 200 },
        'to the unit');

    return;
}


# A node that has a replica: the others elect it, and we learn of that.
sub promoted {
    my $replica = $cluster->add_replica(2);
    my $client = client_of(2);
    my $load = AdmLoad->start($nginx->port('h1'), clients => 8,
        paths => [ map { "/many?k=$_" } $client, client_of(0) ]);

    ok($load->wait_answers(200), 'a node with a replica dies: there is load');
    $cluster->node(2)->kill;
    ok(wait_for(sub { $replica->command('ROLE')->[0] eq 'master' }, 20),
        'its replica is elected');
    ok(asked_by_all($replica, $client), 'and asked');

    my $seen = $load->finish;
    my %statuses = map { $_ => 1 } map { keys %$_ } values %{ $seen->{count} };

    is_deeply(\%statuses, { 200 => 1 }, 'everybody was answered');
    diag(sprintf 'longest wait over an election: %.3f s', $seen->{longest});

    ok(wait_for(sub { $cluster->agrees }, 20), 'all know');
    is_deeply(ask(300, '/one?k=' . client_of(3)), { 200 => 100, 429 => 200 },
        'to the unit');

    return;
}


to_the_unit();
reloaded();
apart();
moved_under_load();
moved_to_the_unit();
torn_apart();
killed();
promoted();

$nginx->finish;
$cluster->finish;

done_testing();
