#!/usr/bin/perl

# A limit over two nodes, one of which loses Redis, and comes back.
#
# A node that cannot be heard of must not take the whole rate besides the
# others', and when it is back nothing may be counted twice: neither may all
# stand still for what it used meanwhile, nor may it begin with a new burst.
# The same if Redis forgets all, or a node dies.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);

use AdmNginx qw(wait_for);
use AdmPace ();
use AdmRedis ();

AdmRedis->need_redis;

my $RATE = 500;

# what is offered to a node: more than the limit
my $OFFERED = 600;

my $HTTP = <<'END';
    admission_redis redis://%{address}:%{redis};
    admission_secret_file %{keys}/keys;

    admission_rate fleet $arg_k rate=500r/s scope=fleet;

    access_log off;
    keepalive_requests 1000000;
    admission_log_level info;

    server {
        listen 127.0.0.1:%{h1} backlog=1024;

        location = /status { admission_status; }
        location = /fleet { alias %{dir}/html/hello; admission_limit fleet; }
    }
END

my $dir = File::Temp->newdir;

open my $out, '>', "$dir/keys" or die "cannot write keys: $!\n";
print {$out} 'k1:', 'ab' x 32, "\n";
close $out or die "cannot write keys: $!\n";
chmod 0600, "$dir/keys";

# each node comes by an address of its own, so that one can be cut off
my @ADDRESSES = ('127.0.0.1', '127.0.0.2');

my $redis = AdmRedis->start(args => [ '--bind', "@ADDRESSES" ]);

my @nodes = map { AdmNginx->start(workers => 2, http => $HTTP,
    vars => { keys => $dir, redis => $redis->port, address => $_ }) }
    @ADDRESSES;


sub cut {
    $redis->command('CONFIG', 'SET', 'bind', $ADDRESSES[0]);
    $redis->command('CLIENT', 'KILL', 'LADDR',
        "$ADDRESSES[1]:" . $redis->port);

    return;
}


sub join_again {
    $redis->command('CONFIG', 'SET', 'bind', "@ADDRESSES");

    return;
}


is($_->wait_metric('fleet_nodes', 2), 2, 'a node knows of the other')
    for @nodes;

my $start = time;
my $SECONDS = 15;

my $pace = AdmPace->start(map { { port => $_->port('h1'), path => '/fleet?k=1',
    rate => $OFFERED, seconds => $SECONDS } } @nodes);

# Seconds since the start, to a slot of the counts
sub now { return int(10 * (time - $start) + 0.5) / 10 }

sub until_second {
    my ($second) = @_;

    my $left = $start + $second - time;
    sleep $left if $left > 0;

    return now();
}

my %at;

until_second(3);
$at{cut} = now();
cut();

until_second(6);
$at{joined} = now();
join_again();

wait_for(sub { $nodes[1]->metric('store_up') == 1 });
$at{heard} = now();

# Redis forgets, and with it all levels
until_second(9);
$at{forgotten} = now();
$redis->command('FLUSHALL');

until_second(11);
$at{dead} = now();

# at once: no worker says that it goes
my @pids = $nodes[1]->workers;
$nodes[1]->signal('KILL');
$nodes[1]->signal('KILL', $_) for @pids;

my $seen = $pace->finish;


# Admitted a second between two moments, of one node, or of both
sub rate {
    my ($from, $to, @of) = @_;

    my $sum = 0;
    $sum += AdmPace::between($seen->[$_], 200, $from, $to)
        for @of ? @of : (0, 1);

    return $sum / ($to - $from);
}


sub within {
    my ($rate, $least, $most, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    diag(sprintf '%s: %.1f r/s', $name, $rate);
    cmp_ok($rate, '>=', $least, "$name: no less");
    return cmp_ok($rate, '<=', $most, "$name: no more");
}


within(rate(2, $at{cut}), $RATE * 0.9, $RATE * 1.1, 'both');

# a share is half of the rate: the other node still counts for five seconds
within(rate($at{cut} + 1.5, $at{joined}, 1), $RATE / 2 * 0.9,
    $RATE / 2 * 1.1, 'cut off');

# what it was to have is not waited for, nor given once more
within(rate($at{heard}, $at{heard} + 1), $RATE * 0.7, $RATE * 1.3,
    'just back');
within(rate($at{heard}, $at{forgotten}), $RATE * 0.9, $RATE * 1.1,
    'back');

within(rate($at{forgotten}, $at{dead}), $RATE * 0.9, $RATE * 1.1,
    'forgotten by Redis');

# and one alone has it all
within(rate($at{dead} + 1, $SECONDS - 0.5, 0), $RATE * 0.95, $RATE * 1.05,
    'the other is dead');

is($nodes[0]->wait_metric('fleet_nodes', 1), 1, 'the dead are not counted');

$nodes[1]->_kill;
$nodes[0]->finish;

done_testing();
