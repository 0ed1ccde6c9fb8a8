#!/usr/bin/perl

# One limit over two nodes.
#
# A shop that puts a second nginx beside the first must not sell twice as
# fast.  With scope=fleet each node decides at once, and they share what was
# used behind it: together they admit what the limit says, neither more nor
# less, whoever of them gets the requests; with scope=exact never a unit more.
# And clients who are far from their limits cost Redis next to nothing.
#
# With ADM_CHAOS=1 it is watched for twenty seconds instead of six.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch);
use AdmNginx qw(becomes wait_for);
use AdmPace ();
use AdmRedis ();

AdmRedis->need_redis;

my $RATE = 500;
my $WATCHED = $ENV{ADM_CHAOS} ? 20 : 6;

# until the bursts are used up, and the nodes know of each other
my $BEGINS = 4;

my $HTTP = <<'END';
    admission_redis %{redis};
    admission_secret_file %{dir}/keys;

    admission_rate fleet   $arg_k rate=500r/s scope=fleet;
    admission_rate exact   $arg_k rate=500r/s scope=exact;
    admission_rate per_ip  $arg_k rate=10r/s scope=fleet;
    admission_rate refunds $arg_k rate=1r/h burst=39 scope=fleet;
    admission_rate never   nobody rate=1r/h burst=0;

    access_log off;
    keepalive_requests 1000000;
    admission_log_level info;

    server {
        listen 127.0.0.1:%{h1} backlog=1024;

        location = /status { admission_status; }

        location / { alias %{dir}/html/hello; }

        location = /fleet { alias %{dir}/html/hello; admission_limit fleet; }
        location = /exact { alias %{dir}/html/hello; admission_limit exact; }

        location = /per_ip {
            alias %{dir}/html/hello;
            admission_limit per_ip;
        }

        location = /refunds {
            alias %{dir}/html/hello;
            admission_limit refunds;
        }

        location = /given_back {
            alias %{dir}/html/hello;
            admission_limit refunds;
            admission_limit never;
        }
    }
END

my $redis = AdmRedis->start(socket => 1);
my @nodes = map { node() } 1 .. 2;

sub node {
    my $dir = File::Temp->newdir;

    # read by the master, before its directory is there to write to
    open my $out, '>', "$dir/keys" or die "cannot write keys: $!\n";
    print {$out} 'k1:', 'ab' x 32, "\n";
    close $out or die "cannot write keys: $!\n";
    chmod 0600, "$dir/keys";

    (my $http = $HTTP) =~ s/%\{dir\}\/keys/$dir\/keys/;

    my $node = AdmNginx->start(workers => 2, http => $http,
        vars => { redis => $redis->uri });
    $node->{keys} = $dir;

    return $node;
}


sub ask {
    my ($node, $path) = @_;

    return fetch($node->port('h1'), $path)->{status};
}


# Asks the paths at those rates of each node; [of the first, of the second].
sub pace {
    my ($seconds, @asked) = @_;

    my @targets;

    for (@asked) {
        my ($path, @rates) = @$_;

        push @targets, map { { port => $nodes[$_]->port('h1'),
            path => $path, rate => $rates[$_], seconds => $seconds } } 0, 1;
    }

    return AdmPace->start(@targets);
}


# Both nodes know of each other
for my $node (@nodes) {
    is($node->wait_metric('fleet_nodes', 2), 2, 'a node knows of the other');
}


# Those who are far from their limits
{
    my $before = $redis->calls('evalsha');
    my $paths = [ map { "/per_ip?k=$_" } 1 .. 1000 ];

    my $seen = pace(4, [ $paths, 500, 500 ])->finish;

    my $asked = $seen->[0]{sent} + $seen->[1]{sent};
    my $calls = $redis->calls('evalsha') - $before;

    is($seen->[0]{200} + $seen->[1]{200}, $asked, 'all are admitted');
    cmp_ok($calls / $asked, '<', 0.01, 'Redis is hardly asked');
    diag(sprintf '%.4f commands a request', $calls / $asked);

    is($nodes[0]->metric('fleet_keys', name => 'per_ip')
        + $nodes[1]->metric('fleet_keys', name => 'per_ip'), 0,
        'nobody is told of');
}


# A limit over both, however the requests fall on them
{
    my $start = time;
    my $seen = pace($BEGINS + $WATCHED, [ '/fleet?k=even', 400, 400 ],
        [ '/fleet?k=uneven', 720, 80 ], [ '/exact?k=e', 400, 400 ])->finish;
    my $passed = time - $start;

    for ([ 'fleet, asked evenly', 0, 1 ], [ 'fleet, asked 90:10', 2, 3 ]) {
        my ($name, @i) = @$_;

        my @per_second = map { AdmPace::between($seen->[$_], 200, $BEGINS,
            $BEGINS + $WATCHED) / $WATCHED } @i;
        my $rate = $per_second[0] + $per_second[1];

        diag(sprintf '%s: %.1f r/s admitted, %.1f and %.1f', $name, $rate,
            @per_second);

        cmp_ok($rate, '<=', $RATE * 1.02, "$name: no more than the limit");
        cmp_ok($rate, '>=', $RATE * 0.98, "$name: no less than the limit");
    }

    my $sum = $seen->[4]{200} + $seen->[5]{200};
    my $exact = $sum / ($BEGINS + $WATCHED);

    diag(sprintf 'exact: %d admitted in %.1f s', $sum, $passed);

    cmp_ok($sum, '<=', $RATE * (1 + $passed) + 1, 'exact: never more');
    cmp_ok($exact, '>=', $RATE * 0.98, 'exact: no less');

    is(scalar(grep { grep { !/^(?:200|429|slots|sent)$/ } keys %$_ } @$seen),
        0, 'every request was admitted or refused');
}


# What one node uses and gives back, the other one knows
{
    ask($nodes[0], '/given_back?k=other');

    my $admitted = grep { ask($nodes[0], '/refunds?k=1') == 200 } 1 .. 30;
    is($admitted, 30, 'a part of a budget is used here');

    is(scalar(grep { ask($nodes[0], '/given_back?k=1') == 429 } 1 .. 30), 30,
        'some is taken, and given back');

    # the other node asks once a second which keys are told of
    sleep 1.5;

    is(ask($nodes[1], '/refunds?k=1'), 200, 'some is left elsewhere');

    my $more = 1;

    # for two seconds, and until it has what was given back
    my $end = time + 2;

    wait_for(sub {
        $more += ask($nodes[1], '/refunds?k=1') == 200;
        return time > $end && $more >= 10;
    });

    diag("30 admitted here, then $more there");
    cmp_ok($more, '>=', 10, 'what was given back can be had there');
    cmp_ok($more, '<=', 30, 'and hardly more: a report was on its way');

    becomes(sub { ask($nodes[0], '/refunds?k=1') }, 429,
        'nor is anything left here');
}


# Every key has a time to live, in its slot
{
    my @keys = @{ $redis->command('KEYS', '*') };

    is(join(' ', grep { $redis->command('TTL', $_) < 0 } @keys), '',
        'every key has a time to live');
    is(join(' ', grep { !/^adm:(?:rate:\{\w+\}:\w|fleet:\{\w+\}(?::\w{32})?$
                          |\{fleet\}:(?:nodes|settings)$)/x } @keys), '',
        'every key has a tag, and is documented');
}


$_->finish for @nodes;
done_testing();
