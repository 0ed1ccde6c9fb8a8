#!/usr/bin/perl

# One upstream behind several nodes.
#
# A shop knows that its checkout bears eight orders at once, and puts a second
# nginx beside the first: now it gets sixteen.  Over Redis the limit is the
# fleet's.  Each node has a share of it, by what comes to it: one to which
# nobody comes leaves its places to the others, one that dies too; and where
# there are fewer places than nodes they have them by turns.  Without Redis
# each goes on with its share, and so does the first one to hear of it again;
# what somebody else has written into their key does no harm.
#
# With ADM_CHAOS=1 eight nodes share four places, and it takes longer.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch);
use AdmLoad ();
use AdmNginx qw(becomes wait_for);
use AdmOrigin ();
use AdmRedis ();

AdmRedis->need_redis;

my $LIMIT = 8;
my $KEY = 'adm:gate:{shop}';

my $HTTP = <<'END';
    admission_redis %{redis};
    admission_redis_circuit open=100ms max_open=200ms;
    admission_secret_file %{keys};

    admission_upstream shop concurrency=%{limit};

    access_log off;
    admission_log_level info;
    keepalive_requests 1000000;

    server {
        listen 127.0.0.1:%{h1} backlog=1024;

        location = /status { admission_status; }

        location / {
            admission_shed shop;
            proxy_pass http://127.0.0.1:%{origin};
        }
    }
END

my $keys = File::Temp->new;

print {$keys} 'k1:', 'ab' x 32, "\n";
$keys->flush;

my $redis = AdmRedis->start(socket => 1);
my $origin = AdmOrigin->start(ms => 100);


sub node {
    my ($limit) = @_;

    return AdmNginx->start(workers => 2, http => $HTTP,
        vars => { redis => $redis->uri, keys => "$keys", limit => $limit,
                  origin => $origin->port });
}


# Enough people for all places, who come back soon when they are refused.
sub crowd {
    my ($node) = @_;

    return AdmLoad->start($node->port('h1'), paths => ['/'], clients => 24,
        pause => 0.05, browsers => 1);
}


# What the nodes say of the upstream: places, and how many nodes share them.
sub share { return $_[0]->metric('concurrency_share', upstream => 'shop') }
sub nodes { return $_[0]->metric('concurrency_nodes', upstream => 'shop') }


sub know_each_other {
    my (@nodes) = @_;

    for my $node (@nodes) {
        becomes(sub { nodes($node) }, scalar @nodes, 'a node knows of all');
    }

    return;
}


# What the upstream has from now on: not much more than the limit, whatever
# the machine does meanwhile.
sub bounded {
    my ($seconds, $limit, $name) = @_;

    my ($from, $seen) = time;

    sleep $seconds;

    # longer, where a machine that stands still answers nobody
    wait_for(sub {
        $seen = $origin->between($from, time);
        return $seen->{served};
    });

    cmp_ok($seen->{mean}, '<', $limit * 1.15, "$name: no more than the limit");
    cmp_ok($seen->{most}, '<=', $limit * 1.5 + 1, "$name: at no time");
    cmp_ok($seen->{served}, '>', 0, "$name: and not nothing");
    diag(sprintf '%s: %.2f inside, at most %d, of %d', $name,
        @$seen{qw(mean most)}, $limit);

    return;
}


# Bytes that are no node's, among those that are, and in their place.
sub spoil {
    my (@nodes) = @_;

    my $now = (split ' ', "@{ $redis->command('TIME') }")[0] * 1000;

    $redis->command('HSET', $KEY, 'who', 'what', 'a' x 16, 'b' x 88,
        'c' x 16, pack('Q<', $now) . "\xff" x 80);

    wait_for(sub { @{ $redis->command('HKEYS', $KEY) } == @nodes + 1 });

    is_deeply([ grep { !/^[0-9a-f]{16}$|^#$/ }
                @{ $redis->command('HKEYS', $KEY) } ], [],
        'what is no node is dropped');
    know_each_other(@nodes);

    $redis->command('DEL', $KEY);
    $redis->command('SET', $KEY, 'text');
    sleep 0.5;
    is($redis->command('GET', $KEY), 'text', 'what is no hash is not touched');
    $redis->command('DEL', $KEY);
    $redis->command('HSET', $KEY, '#', 'plan');

    return;
}


my @nodes = map { node($LIMIT) } 1 .. 2;
my @crowds = map { crowd($_) } @nodes;


# Two busy nodes
{
    know_each_other(@nodes);

    for (@nodes) {
        my $node = $_;
        ok(wait_for(sub { share($node) >= 3 && share($node) <= 5 }),
            'each has its share');
    }

    bounded(1, $LIMIT, 'two nodes');
}


# Redis is away
{
    my @marks = map { $_->mark } @nodes;
    my $says = qr/upstream "shop": the other nodes are not heard/;

    $redis->command('SAVE');
    $redis->kill;

    for (0, 1) {
        ok($nodes[$_]->wait_log($marks[$_], $says), 'it is told');
    }

    bounded(1, $LIMIT, 'without Redis');

    # it is back with its memory, in which all have been silent for long, and
    # one of them is late

    my @late = $nodes[1]->workers;

    $nodes[1]->signal(STOP => $_) for @late;
    $redis->restart;

    ok($nodes[0]->wait_log($marks[0], qr/nodes are heard again/),
        'who comes first ...');
    is(nodes($nodes[0]), 2, '... still knows of the other one');
    cmp_ok(share($nodes[0]), '<=', $LIMIT / 2 + 1, '... and its share');

    $nodes[1]->signal(CONT => $_) for @late;

    for (0, 1) {
        ok($nodes[$_]->wait_log($marks[$_], qr/nodes are heard again/),
            'and it is told when it is over');
        is(scalar(() = $nodes[$_]->since($marks[$_]) =~ /$says/g), 1, 'once');
    }

    know_each_other(@nodes);
}


# Nobody comes to one of them
{
    (shift @crowds)->finish;

    ok(wait_for(sub { share($nodes[1]) == $LIMIT }),
        'the other one has the places');
    is(fetch($nodes[0]->port('h1'), '/status')->{status}, 200,
        'and the idle one goes on');

    unshift @crowds, crowd($nodes[0]);
    ok(wait_for(sub { share($nodes[0]) >= 3 }), 'until somebody comes');
    bounded(0.5, $LIMIT, 'again');
}


# What somebody else writes there
{
    spoil(@nodes);
    bounded(0.5, $LIMIT, 'spoilt');
    know_each_other(@nodes);
}


$_->finish for splice @crowds;
$_->finish for splice @nodes;


# Fewer places than nodes; and one of these dies
{
    # those that have ended would be counted until they are taken for dead
    $redis->command('DEL', $KEY);

    my ($n, $limit) = $ENV{ADM_CHAOS} ? (8, 4) : (3, 1);
    my @many = map { node($limit) } 1 .. $n;

    know_each_other(@many);

    @crowds = map { crowd($_) } @many;
    sleep 1;
    bounded($ENV{ADM_CHAOS} ? 10 : 1.5, $limit, 'many nodes');

    wait_for(sub { !grep { !$_->metric('policy_total', policy => 'shed',
                               verdict => 'admit') } @many });

    ok($_->finish->{count}{'/'}{200}, 'each has its turn') for @crowds;

    my $gone = shift @many;

    $gone->signal('KILL', $_) for $gone->pid, $gone->workers;
    know_each_other(@many);
    $_->finish for @many;
}


done_testing();
