#!/usr/bin/perl

# Two nodes, and a Redis whose every third text arrives with a byte changed:
# numbers of lines, frontiers, shares, settings, members of the fleet.  What
# they believe then may be wrong, as it is when somebody writes to the keys by
# hand; but no worker crashes, nobody hangs, memory stays as it was, and what
# Redis itself counts is right again as soon as it is heard.
#
#     ADM_CHAOS=1     the long form: two minutes
#     ADM_SEED=N      the same bytes again
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Test::More;
use Time::HiRes qw(sleep time);

use AdmFaultProxy ();
use AdmHttp qw(fetch);
use AdmLoad ();
use AdmNginx qw(wait_for);
use AdmRedis ();
use AdmRest ();
use AdmShopper ();


AdmRedis::need_redis();

my $SEED = $ENV{ADM_SEED} // time % 100_000;
my $SECONDS = $ENV{ADM_CHAOS} ? 120 : 5;
my $SPOIL = 3;

# kB that a worker may grow by, but under sanitizers
my $GROWTH = $ENV{ADM_SANITIZER_LOG} ? undef : 16_384;

my $HTTP = <<'END';
    admission_redis %{redis} timeout=3s claim_timeout=3s;
    admission_secret_file %{keys};

    admission_rate right $arg_k rate=1r/h burst=4 scope=exact;
    admission_rate all $arg_k rate=20r/s burst=5 scope=fleet;
    admission_room drop { mode always; rate 100r/s; status 202; }

    access_log off;

    server {
        listen 127.0.0.1:%{h1} backlog=1024;

        location = /status { admission_status; }
        location /control/ { admission_control; }
        location /room/ { admission_room_api drop; }
        location = /fleet { alias %{dir}/html/hello; admission_limit all; }
        location = /wait { alias %{dir}/html/hello; admission_wait drop; }

        location = /right {
            alias %{dir}/html/hello;
            admission_limit right;
            admission_on_store_failure rate=closed;
        }
    }
END

diag("seed $SEED, ADM_SEED=$SEED repeats it");
srand $SEED;

my $keys = File::Temp->new;
print {$keys} AdmShopper::key_file();
close $keys;

my $redis = AdmRedis->start;
my @proxies = map { AdmFaultProxy->start(to => $redis->socket) } 1 .. 2;
my @nodes = map { AdmNginx->start(http => $HTTP, workers => 2,
    vars => { keys => "$keys", redis => $_->uri }) } @proxies;


sub limits_are_right {
    my ($name) = @_;

    my $said = join ' ', map { (fetch($nodes[$_ % 2]->port('h1'),
        "/right?k=$name") // { status => 'none' })->{status} } 1 .. 6;

    return is($said, '200 200 200 200 200 429', "$name: limits are right");
}


# Nodes always talk: a moment at which it is so is enough.
sub becomes {
    my ($node, $name, $value) = @_;

    my $was;

    wait_for(sub { ($was = $node->metric($name)) == $value });

    return $was;
}


# Somebody who waits, claims, comes back, and another who turns knobs.
sub shop {
    my ($end) = @_;

    my @shoppers = map { AdmShopper->new($nodes[$_ % 2]) } 1 .. 8;
    my $answers = 0;

    while (time < $end) {
        my $shopper = $shoppers[rand @shoppers];
        my $answer = rand() < 0.5 ? $shopper->get('/wait')
                                  : $shopper->ask('GET', '/room/');

        $answers++ if $answer && $answer->{complete};
        $shopper->{nginx} = $nodes[rand 2] if rand() < 0.3;

        fetch($nodes[rand 2]->port('h1'), '/control/rooms/drop',
            method => 'PATCH', fields => "Content-Type: application/json\r\n",
            body => rand() < 0.5 ? '{"rate":"70r/s"}' : '{"rate":null}')
            if rand() < 0.05;
        sleep 0.01;
    }

    return $answers;
}


wait_for(sub { $nodes[0]->metric('fleet_nodes') == 2 })
    or die "no fleet of two nodes\n";
limits_are_right('before');

my @workers = map { [$_->serving] } @nodes;
my %size = map { $_ => AdmRest::memory_kb($_) } map { @$_ } @workers;
my @loads = map { AdmLoad->start($_->port('h1'), clients => 4, pause => 0.01,
    paths => [map { ("/fleet?k=$_", '/wait') } 1 .. 5]) } @nodes;

$_->wait_answers(20) for @loads;
$proxies[$_]->does(spoil => $SPOIL, seed => $SEED + $_) for 0, 1;

my $answers = shop(time + $SECONDS);
my $spoilt = 0;

$spoilt += $_->count->{spoilt} for @proxies;
$_->does for @proxies;

my @wrong = map { my $count = $_->finish->{count};
    map { my $path = $_; map { "$path $_" }
          grep { !/^(?:200|202|429|503)$/ } keys %{ $count->{$path} } }
    keys %$count } @loads;

diag("$answers answers to shoppers, $spoilt texts spoilt");
cmp_ok($spoilt, '>', 10, 'texts were spoilt');
cmp_ok($answers, '>', 10, 'shoppers were answered');
is("@wrong", '', 'and so were all others');

for my $i (0, 1) {
    my $grown = 0;

    is(join(' ', sort $nodes[$i]->serving), join(' ', sort @{ $workers[$i] }),
        'the workers are those that they were');

    for (@{ $workers[$i] }) {
        my $more = AdmRest::memory_kb($_) - $size{$_};
        $grown = $more if $more > $grown;
    }

    cmp_ok($grown, '<', $GROWTH, 'and of their size') if $GROWTH;
    is(becomes($nodes[$i], 'suspended_requests', 0), 0, 'nobody is asleep');
    is(becomes($nodes[$i], 'store_calls', 0), 0, 'no call is under way');
    is(becomes($nodes[$i], 'store_up', 1), 1, 'Redis is up');
}

limits_are_right('after');

$_->finish for @nodes, $redis;

done_testing();
