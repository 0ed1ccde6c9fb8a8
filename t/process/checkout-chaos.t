#!/usr/bin/perl

# A hundred units, two nodes, thousands of attempts over two hundred
# connections, a third of them repeats; an upstream that breaks, hangs, and
# hangs up after the work was done; workers and Redis killed at any moment,
# clients who leave.  At every moment that anybody can see, what is free,
# held, unresolved and committed are a hundred units; no more orders than
# that are executed, none twice; and nobody was told of an order that is not
# there.
#
#     ADM_CHAOS=1     the long form: 24,000 attempts
#     ADM_SEED=N      the same draws again; moments are the machine's
#     ADM_HOLD=short  hold=2s lock=2s; long: hold=10m lock=30s
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use FindBin ();
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch);
use AdmNginx qw(wait_for);
use AdmRedis ();
use AdmRush ();
use AdmShopper qw(key_file);
use AdmTill ();

AdmRedis::need_redis();

my $SEED = $ENV{ADM_SEED} // time % 100_000;
my $HOLD = $ENV{ADM_HOLD} // ($SEED % 2 ? 'short' : 'long');

my $UNITS = 100;
my $NODES = 2;
my $ATTEMPTS = $ENV{ADM_CHAOS} ? 24_000 : 8_000;
my $CLIENTS = 200;

my $TIMES = $HOLD eq 'short' ? { hold => '2s', lock => '2s' }
                             : { hold => '10m', lock => '30s' };

# s between kills, on average
my ($WORKER, $REDIS) = (0.5, 3);

# s between two times at which a back end settles what is unresolved
my $BOOKS = 0.7;

# what the upstream does, shares of requests
my %FATES = (sold => 0.3, elsewhere => 0.02, broken => 0.04, hangs => 0.01,
             silent => 0.01, resets => 0.01, gone => 0.02);

# s: a hold that is over is seen to by a tick of a node that has its Redis
my $PAST = 5;

my $HTTP = <<'END';
    admission_redis %{redis};
    admission_redis_circuit open=200ms max_open=1s;
    admission_secret_file %{keys};
    access_log off;

    server {
        listen 127.0.0.1:%{h1} backlog=1024;

        location = /status { admission_status; }
        location /stock/ { admission_inventory_api; }

        location = /buy {
            admission_idempotency $http_idempotency_key owner=$cookie_who
                                  lock=%{lock} ttl=1h;
            admission_inventory tee mode=reserve hold=%{hold};

            proxy_set_header X-Hold $admission_hold;
            proxy_ignore_client_abort on;
            proxy_read_timeout 3s;
            proxy_pass http://127.0.0.1:%{till};
        }
    }
END

# All in one moment: the facts, what holds say, and the first that is over.
my $LOOK = <<'END';
#!lua flags=no-writes
local totals = redis.call('GET', KEYS[4])
local held, _, unresolved, committed = 0, 0, 0, 0
local sums = { 0, 0, 0, 0, 0, 0 }

if totals then
    held, _, unresolved, committed = struct.unpack('<I8I8I8I8', totals)
end

for _, value in ipairs(redis.call('HVALS', KEYS[2])) do
    local state, _, quantity = struct.unpack('<BBI4', value)
    sums[state + 1] = sums[state + 1] + quantity
end

local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(1e15',
                       'WITHSCORES', 'LIMIT', 0, 1)
local now = redis.call('TIME')
local past = due[2] and now[1] * 1000 + now[2] / 1000 - due[2] or 0

return { redis.call('GET', KEYS[1]), held, unresolved, committed,
         sums[1], sums[2], sums[3], sums[4], math.floor(past) }
END

my @KEYS = ('inventory:tee', map { "adm:$_:{tee}" } qw(holds due totals));

diag("seed $SEED, $HOLD holds; ADM_SEED=$SEED ADM_HOLD=$HOLD repeats it");
srand $SEED;

my $redis = AdmRedis->start(args => [ '--appendonly', 'yes',
                                      '--appendfsync', 'always' ]);
$redis->command('SET', 'inventory:tee', $UNITS);

my $till = AdmTill->start(seed => $SEED, longest => 2, fates => \%FATES);
my $keys = File::Temp->new;

print {$keys} key_file();
close $keys;

my @nodes = map { node() } 1 .. $NODES;

my %did = (looks => 0, workers => 0, redis => 0, settled => 0);
my ($up, $last, @wrong) = (time);


sub node {
    return AdmNginx->start(http => $HTTP, workers => 2, vars => {
        redis => $redis->uri, keys => "$keys", till => $till->port,
        %$TIMES });
}


# One look; what is not as it should be goes to @wrong.
sub look {
    my $said = eval { $redis->command('EVAL', $LOOK, 4, @KEYS) };

    return if !$said;

    my ($free, $held, $unresolved, $committed, @of) = @$said;
    my $past = pop @of;
    my $sum = $free + $held + $unresolved + $committed;
    my $text = "$free free, $held held, $unresolved unresolved, "
        . "$committed committed; of holds @of";

    $did{looks}++;
    $last = { free => $free, held => $held, unresolved => $unresolved,
              committed => $committed, running => $of[0], left => $of[1],
              text => $text };

    push @wrong, "$sum units: $text" if $sum != $UNITS;
    push @wrong, "holds are not as told: $text"
        if $of[0] + $of[1] != $held || $of[2] != $unresolved
           || $of[3] != $committed;
    push @wrong, "a hold is $past ms past its time: $text"
        if $past > 1000 * $PAST && time - $up > $PAST;

    return $last;
}


sub kill_worker {
    my $node = $nodes[rand @nodes];
    my @pids = $node->serving;

    return if !@pids;

    $node->signal('KILL', $pids[rand @pids]);
    $did{workers}++;

    return;
}


sub kill_redis {
    $redis->kill;
    sleep rand 0.8;
    $redis->restart;
    $up = time;
    $did{redis}++;

    return;
}


# What is unresolved, and of which the upstream knows what became.
sub settle_some {
    my $port = $nodes[rand @nodes]->port('h1');
    my $said = fetch($port, '/stock/holds?state=unresolved', patience => 2);
    my $decided = $till->decided;

    return if !$said || $said->{status} != 200 || !$said->{complete};

    for (@{ JSON::PP::decode_json($said->{body})->{holds} }) {
        my $done = $decided->{ $_->{hold} } // next;
        my $what = $done ? 'commit' : 'release';

        $said = fetch($port, "/stock/holds/$_->{hold}/$what", method => 'POST',
                      fields => "Content-Type: application/json\r\n",
                      body => '{}', patience => 2);

        last if !$said;

        $did{settled}++ if $said->{status} == 200;
    }

    return;
}


sub storm {
    my $rush = AdmRush->start(
        ports => [ map { $_->port('h1') } @nodes ], clients => $CLIENTS,
        attempts => $ATTEMPTS, seed => $SEED,
        pause => $ENV{ADM_CHAOS} ? 0.2 : 0.1);

    my ($worker, $server, $books) = map { time + rand $_ }
                                    $WORKER, $REDIS, $BOOKS;

    until ($rush->over) {
        look();

        if (time > $worker) {
            kill_worker();
            $worker = time + rand 2 * $WORKER;
        }

        if (time > $server) {
            kill_redis();
            $server = time + rand 2 * $REDIS;
        }

        if (time > $books) {
            settle_some();
            $books = time + rand 2 * $BOOKS;
        }

        sleep 0.03;
    }

    return $rush->finish;
}


# Nothing runs any more, all is told, and with short holds nothing is held.
sub settles {
    return wait_for(sub {
        my $now = look() or return 0;

        return $now->{running} == 0
               && ($HOLD eq 'long' || $now->{held} == 0);
    }, 20);
}


# The status of another request with this key.
sub answer_to {
    my ($key) = @_;

    my $answer = fetch($nodes[rand @nodes]->port('h1'), '/buy',
        method => 'POST', body => "sku=tee&for=$key",
        fields => "Idempotency-Key: $key\r\nCookie: who=w$key\r\n"
                  . "Content-Type: application/x-www-form-urlencoded\r\n");

    return 'none' if !$answer;

    return $answer->{status}
        . ($answer->{field}{'idempotent-replayed'} ? ' replayed' : '');
}


# Whose order was executed asks again, when all is well and there are units:
# the answer that is kept, or that nobody knows; and the upstream is not asked.
sub ask_again {
    my (@keys) = @_;

    my %answers;

    $redis->command('INCRBY', 'inventory:tee', $UNITS);

    for my $key (@keys) {
        my $status;

        # a worker that has just begun may have to find its Redis first
        wait_for(sub { ($status = answer_to($key)) ne '503' });
        $answers{$status}++;
    }

    return \%answers;
}


$_->wait_metric('store_up', 1) for @nodes;

my $seen = storm();

# in a short storm the back end may not have met a moment with all awake
wait_for(sub {
    settle_some();
    return $did{settled} || (look() // { unresolved => 1 })->{unresolved} == 0;
}, 20);

ok(settles(), 'all is settled') or diag($last->{text});
is(join("\n", @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)]), '',
   "$did{looks} looks: $UNITS units, and no hold past its time");

my %asked = map { $_->[0] => 1 } $till->executed;
my $again = ask_again(sort keys %asked);

is(join(' ', grep { !/^(?:409|201 replayed)$/ } sort keys %$again), '',
   'who has an order and asks again has the answer, or hears why not');

my @executed = $till->executed;

# of another key there may be one more: of a worker that was killed as the last
# thing, when the shop had its order and was not through with it
is(scalar(grep { $asked{ $_->[0] } } @executed), scalar keys %asked,
   '... and no second order');

my (%number, @twice);

for (@executed) {
    my ($key, $number) = @$_;

    push @twice, $key if defined $number{$key};
    $number{$key} = $number;
}

is("@twice", '', 'no key was executed twice');
cmp_ok(@executed, '<=', $UNITS, "$UNITS units at most were sold");
cmp_ok(@executed, '<=', $last->{committed} + $last->{unresolved},
       'each order has its unit: it is committed, or unresolved');
cmp_ok($last->{committed}, '<=', scalar @executed,
       'and none is committed without an order');

my @without = grep {
    my ($key, $body) = @$_;
    my ($number) = $body =~ /\Aorder (\d+) key \Q$key\E\n\z/;

    !defined $number || ($number{$key} // '') ne $number;
} @{ $seen->{orders} };

is(join(' ', map { @$_ } @without), '', 'nobody has a 2xx without an order');

cmp_ok($seen->{attempts}, '>=', $ATTEMPTS, 'attempts');
cmp_ok($seen->{repeats}, '>', $ATTEMPTS / 4, 'repeats');
cmp_ok($seen->{$_}, '>', 0, $_) for qw(replays left);
cmp_ok($did{$_}, '>', 0, "$_ killed") for qw(workers redis);
cmp_ok($did{settled}, '>', 0, 'holds were settled by hand');
cmp_ok(scalar @executed, '>', $UNITS / 4, 'orders were executed');

diag(sprintf '%d attempts, %d repeats, %d left, %d replays: %s',
    @$seen{qw(attempts repeats left replays)},
    join ', ', map { "$seen->{statuses}{$_} $_" }
               sort keys %{ $seen->{statuses} });
diag("$did{looks} looks, $did{workers} workers and $did{redis} Redis killed, "
    . "$did{settled} settled by hand; " . scalar(@executed)
    . " orders; $last->{text}");
diag('asked again: ' . join ', ', map { "$again->{$_} $_" } sort keys %$again);
diag('upstream: ' . join ', ', map { $till->fates->{$_} . " $_" }
     sort keys %{ $till->fates });

$_->finish(allow => [ qr/worker process \d+ exited on signal 9$/,
                      qr/redis "[^"]*"[:\s]/, qr/upstream/ ]) for @nodes;
$redis->finish;

done_testing();
