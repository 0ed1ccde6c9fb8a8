#!/usr/bin/perl

# What was taken of a store is settled with it, whatever happens in between:
# Redis stops, or is killed and starts again from its append-only file, while
# an answer is on its way; workers are killed when they have asked, when they
# have sent the order to the upstream, when it was answered; nginx is reloaded
# while it owes.  A commit is not lost, what was never sent is given back, and
# what was sent and not answered is known to be unknown.  A shopper waits for
# none of it.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);

use AdmNginx qw(becomes wait_for);
use AdmRedis ();
use AdmSale ();
use AdmScripts ();

AdmRedis::need_redis();


my $redis = AdmRedis->start(args => [qw(--appendonly yes
                                        --appendfsync always)]);
my $sale = AdmSale->start(conf => 'admission_redis ' . $redis->uri
    . ' timeout=1s claim_timeout=5s;'
    . 'admission_redis_circuit open=100ms max_open=200ms;');
my $nginx = $sale->node(0);
my $orders = $sale->orders;


sub said { return AdmSale::said(@_) }


sub restock {
    my ($sku, $units) = @_;

    $redis->command('SET', "inventory:$sku", $units);
    $sale->seen($sku) if $units;

    return;
}


sub owed { return $nginx->metric('outbox_owed') }


# The answer of an order during which something happens to the store: the shop
# does not answer before that.
sub during {
    my ($how, $happens) = @_;

    my $client = $sale->ask(0, %$how);
    my ($word, $mark) = $how->{how} =~ m{/?(\w*)(\?.*)};

    wait_for(sub { $orders->executed($mark) });
    $happens->();
    $orders->release($word);

    return $client->answer;
}


# A shopper hears before the node has noted that its order has ended.
sub owes_one {
    my ($name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return becomes(\&owed, 1, $name);
}


# Until all workers are asking the store again.
sub back {
    ok(wait_for(sub { $sale->ready(0) }), '  the store is back');

    return;
}


sub stopped {
    restock(tee => 3);

    my %order = (key => 'stop', sku => 'tee', how => 'until/stop?stop');
    my $answer = during(\%order, sub { $redis->signal('STOP') });

    is(said($answer), '200', 'Redis stops: the shopper has his answer');
    owes_one('  the node owes its end');
    $redis->signal('CONT');
    back();
    $sale->paid('  and tells it when Redis is back');
    $sale->stock_is('tee', '2 0 0 1 0', '  the unit is sold');
    is($sale->buy(0, %order)->{body}, $answer->{body},
        '  and the answer was kept');

    return;
}


sub killed {
    my %order = (key => 'kill', sku => 'tee', how => 'until/kill?kill');
    my $answer = during(\%order, sub { $redis->kill });

    is(said($answer), '200', 'Redis is killed: the shopper has his answer');
    owes_one('  the node owes its end');
    $redis->restart;
    back();
    $sale->paid('  and tells it when Redis has started again');
    $sale->stock_is('tee', '1 0 0 2 0', '  the unit is sold');
    is($sale->buy(0, %order)->{body}, $answer->{body},
        '  and the answer was kept');

    return;
}


# The worker that has a connection to the upstream, or is suspended, is not
# known: all of them go, and others come.
sub kill_workers {
    my @workers = $nginx->workers;

    kill 'KILL', @workers;
    $nginx->wait_gone(@workers);
    wait_for(sub { $nginx->serving == 2 });

    return;
}


sub died_asked {
    restock(cup => 1);
    $redis->signal('STOP');

    my $client = $sale->ask(0, key => 'asked', sku => 'cup');

    ok(wait_for(sub { $nginx->metric('suspended_requests') == 1 }),
        'a worker dies when it has asked');
    kill_workers();
    $redis->signal('CONT');
    back();

    $sale->paid('  that is given back');
    $sale->stock_is('cup', '1 0 0 0 0', '  the unit is there');
    is(said($sale->buy(0, key => 'asked', sku => 'cup')), '200',
        '  the key is free');

    return;
}


sub died_admitted {
    restock(hat => 2);

    my %order = (key => 'sent', sku => 'hat', how => 'silent?sent');

    during(\%order, sub { kill_workers() });
    back();

    $sale->stock_is('hat', '1 0 1 0 0',
        'a worker dies when its order was sent: the unit is unresolved');
    is(said($sale->buy(0, %order)), '409 outcome_unknown',
        '  and so is its key');
    is($orders->executed('?sent'), 1, '  it is not executed again');

    return;
}


sub died_ended {
    restock(bag => 2);

    my %order = (key => 'ended', sku => 'bag', how => 'until/ended?ended');
    my $answer = during(\%order, sub { $redis->kill });

    is(said($answer), '200', 'a worker dies when it owes an end');
    kill_workers();
    $redis->restart;
    back();

    $sale->paid('  another one tells it');
    $sale->stock_is('bag', '1 0 0 1 0', '  the unit is sold');
    is(said($sale->buy(0, %order)), '409 not_kept',
        '  the key is done, the answer went with the worker');
    is($orders->executed('?ended'), 1, '  it is not executed again');

    return;
}


sub reloaded {
    restock(pen => 2);

    my %order = (key => 'reload', sku => 'pen', how => 'until/reload?reload');
    my $answer = during(\%order, sub { $redis->kill });

    is(said($answer), '200', 'nginx is reloaded while it owes an end');

    my @old = $nginx->workers;

    ok($nginx->reload, '  there are new workers');
    ok($nginx->wait_gone(@old), '  and the old ones go');
    $redis->restart;
    back();

    $sale->paid('  those tell it');
    $sale->stock_is('pen', '1 0 0 1 0', '  the unit is sold');

    return;
}


# The workers rest for longer than a hold lasts that returns then: its commit
# comes when it is over, and takes a unit, if there is one.
sub late {
    my $scripts = AdmScripts->new($redis);

    for my $left (1, 0) {
        my $sku = "ink$left";
        my $mark = $nginx->mark;

        restock($sku => 1);

        my $answer = during({ at => 'returns', sku => $sku,
            how => "until/$sku?$sku" }, sub {
                my @workers = $nginx->workers;

                kill 'STOP', @workers;
                $orders->release($sku);
                wait_for(sub { $scripts->look($sku)->{expired} });
                $redis->command('SET', "inventory:$sku", $left);
                kill 'CONT', @workers;
            });

        is(said($answer), '200', 'an order whose hold is over');
        ok($nginx->wait_log($mark, $left ? qr/its commit took new units/
                                         : qr/not enough units to commit it/),
            $left ? '  takes another unit' : '  finds none, and that is said');
        $sale->paid;
    }

    return;
}


# What cannot be told is not forgotten.
sub spoilt {
    restock(mug => 2);

    my %order = (key => 'spoilt', sku => 'mug', how => 'until/spoilt?spoilt');
    my $mark = $nginx->mark;
    my $answer = during(\%order, sub {
        $redis->command('RENAME', 'adm:totals:{mug}', 'aside');
        $redis->command('LPUSH', 'adm:totals:{mug}', 'spoilt');
    });

    is(said($answer), '200', 'the records of a SKU are spoilt');
    ok($nginx->wait_log($mark, qr/cannot be told to the store/),
        '  it is said');
    owes_one('  and owed');

    $redis->command('DEL', 'adm:totals:{mug}');
    $redis->command('RENAME', 'aside', 'adm:totals:{mug}');
    $sale->paid('  until they are as they were');
    $sale->stock_is('mug', '1 0 0 1 0', '  then the unit is sold');

    return;
}


# Who was refused by the store, before it did anything, owes it nothing: else
# a SKU that is spoilt would fill the outbox, and a full store would be filled
# by those that it refuses.
sub refused {
    restock($_ => 2) for qw(jar tin);

    $redis->command('SET', 'adm:holds:{jar}', 'spoilt');
    is(said($sale->buy(0, sku => 'jar', key => "jar$_")), '503 store_down',
        'a SKU whose holds are spoilt is not sold') for 1 .. 3;
    is(owed(), 0, '  and nothing is owed');
    $redis->command('DEL', 'adm:holds:{jar}');

    my $size = $redis->command('DBSIZE');

    $redis->command('CONFIG', 'SET', 'maxmemory', 1);
    is(said($sale->buy(0, sku => 'tin', key => "tin$_")), '503 store_down',
        'a full store sells nothing') for 1 .. 3;
    is(owed(), 0, '  and nothing is owed');
    $redis->command('CONFIG', 'SET', 'maxmemory', 0);
    cmp_ok($redis->command('DBSIZE'), '<=', $size, '  nor was it filled');

    back();
    is(said($sale->buy(0, sku => $_, key => "then-$_")), '200',
        "$_ is sold again") for qw(jar tin);

    return;
}


stopped();
killed();
died_asked();
died_admitted();
died_ended();
reloaded();
late();
spoilt();
refused();

$sale->finish(allow => [qr/exited on signal 9/]);
$redis->finish;

done_testing();
