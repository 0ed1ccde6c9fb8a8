#!/usr/bin/perl

# Two nodes, one Redis, and shoppers who double-click: whatever node they come
# to, a key is executed once and answered with what the first one was
# answered, and units are sold until there are none, not one more.  Another
# request under the same key, a lock that is shorter than the upstream takes,
# a buyer with more than his share, a cart of which one thing is gone, stock
# that operators change with any client or spoil: each is told as what it is.
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

AdmRedis::need_redis();


my $redis = AdmRedis->start(socket => 1);
my $sale = AdmSale->start(nodes => 2, conf => 'admission_redis '
    . $redis->uri . ' timeout=5s claim_timeout=5s;');
my $orders = $sale->orders;


sub said { return AdmSale::said(@_) }


sub restock {
    my ($sku, $units) = @_;

    $redis->command('SET', "inventory:$sku", $units);
    $sale->seen($sku) if $units;

    return;
}


sub once {
    restock(tee => 10);

    my @clients = map { $sale->ask($_ % 2, key => 'once', sku => 'tee',
                                   how => 'slow/300?once') } 1 .. 100;
    my @answers = map { $_->answer } @clients;
    my %count;
    $count{ said($_) }++ for @answers;

    is($orders->executed('?once'), 1, 'one key a hundred times: once');
    is(($count{200} // 0) + ($count{'409 in_progress'} // 0), 100,
        '  all others hear that, or what was answered');
    $sale->stock_is('tee', '9 0 0 1 0', '  and one unit is sold');

    my ($first) = grep { said($_) eq '200'
                         && !$_->{field}{'idempotent-replayed'} } @answers;

    for my $node (0, 1) {
        my $again = $sale->buy($node, key => 'once', sku => 'tee',
                               how => 'slow/300?once');

        is($again->{body}, $first->{body},
            "a replay by node $node: the bytes");
        is($again->{field}{'idempotent-replayed'}, 'true', '  and it says so');
    }

    is(said($sale->buy(1, key => 'once', sku => 'tee', body => 'y',
                       how => 'slow/300?once')), '422 mismatch',
        'the key with another body');
    is(said($sale->buy(1, key => 'once', sku => 'tee', owner => 'bert',
                       how => 'plain/200?bert')), '200',
        'the key of another owner is another key');

    return;
}


sub to_the_unit {
    restock(cup => 10);

    my @clients = map { $sale->ask($_ % 2, key => "unit$_", sku => 'cup',
                                   how => 'plain/200?unit') } 1 .. 80;
    my $count = AdmSale::count(@clients);

    is($count->{200}, 10, 'ten units, eighty shoppers, two nodes: ten orders');
    is($orders->executed('?unit'), 10, '  and no more were executed');
    is(($count->{'409 sold_out'} // 0)
       + ($count->{'409 all_reserved'} // 0), 70,
        '  the others hear that there are none');
    $sale->stock_is('cup', '0 0 0 10 0', '  all of them are sold');
    $sale->paid;

    return;
}


# A request takes three times as long as its lock and its hold.  The time is
# used for other things.
sub extended {
    my ($meanwhile) = @_;

    restock(hat => 1);

    my %order = (at => 'brief', key => 'long', sku => 'hat',
                 how => 'until/long?long');
    my $client = $sale->ask(0, %order);
    my $end = time + 6;
    my %said;

    ok(wait_for(sub { $orders->executed('?long') }), 'a long request');

    my $again = sub { $said{ said($sale->buy(1, %order)) }++ };

    $meanwhile->($again);

    while (time < $end) {
        $again->();
        sleep 0.1;
    }

    $orders->release('long');

    is(said($client->answer), '200', 'a request longer than its lock');
    is_deeply([keys %said], ['409 in_progress'], '  keeps it while it runs');
    is($orders->executed('?long'), 1, '  and is executed once');
    $sale->stock_is('hat', '0 0 0 1 0', '  its unit was its own all the time');

    return;
}


# For longer than anything is known that was not heard of again: what is said,
# and the trips that it took.
sub look_on {
    my ($meanwhile, @looks) = @_;

    my $before = $sale->trips(0, 'checkout');
    my $end = time + 3;
    my %said;

    while (time < $end) {
        $said{ said($sale->buy(0, @looks)) }++;
        $meanwhile->();
        sleep 0.05;
    }

    return (join(', ', keys %said), $sale->trips(0, 'checkout') - $before);
}


# Who is told by his node costs no trip; a change by any client is seen.
sub latch {
    my ($meanwhile) = @_;

    restock(bag => 0);

    my @sold_out = (at => 'look', sku => 'bag');

    ok(wait_for(sub { said($sale->buy(0, @sold_out)) eq '409 sold_out' }),
        'there are none');

    # a node that did not run for a while knows nothing, and asks

    my ($said, $trips);

    for (1 .. 5) {
        ($said, $trips) = look_on($meanwhile, @sold_out);
        last if $said ne '409 sold_out' || $trips == 0;
    }

    is($said, '409 sold_out', '  that is known');
    is($trips, 0, '  without asking');

    $redis->command('SET', 'inventory:bag', 3);
    ok(wait_for(sub { said($sale->buy(0, @sold_out)) eq '200' }),
        'until somebody sets the stock');
    is($redis->command('GET', 'inventory:bag'), 3,
        '  who only looks takes nothing');

    return;
}


sub carts {
    restock(pen => 2);
    restock(ink => 1);

    my $answer = $sale->buy(0, key => 'cart1', sku => 'pen,ink',
                            quantity => '1,2', how => 'plain/200?cart');

    is(said($answer), '409 sold_out', 'a cart of which one thing is short');
    like($answer->{body}, qr/"sku":"ink"/, '  it says which');
    is($orders->executed('?cart'), 0, '  nothing is executed');
    $sale->stock_is('pen', '2 0 0 0 0', '  nothing of the other is taken');

    is(said($sale->buy(1, key => 'cart1', sku => 'pen,ink', quantity => '2,1',
                       how => 'plain/200?cart')), '200',
        '  the key is free, the next cart has both');
    $sale->stock_is($_->[0], $_->[1], "  $_->[0] is sold")
        for ['pen', '0 0 0 2 0'], ['ink', '0 0 0 1 0'];

    return;
}


sub shares {
    restock(mug => 100);

    my @clients = map { $sale->ask($_ % 2, at => 'each', sku => 'mug',
                                   owner => 'cora') } 1 .. 10;
    my $count = AdmSale::count(@clients);

    is_deeply($count, { 200 => 2, '409 per_buyer' => 8 },
        'a buyer has his share, on both nodes together');
    is(said($sale->buy(0, at => 'each', sku => 'mug', owner => 'dora')), '200',
        '  and nobody else pays for it');

    return;
}


# A rate, a key and stock are one trip, and settling is one command.
sub one_trip {
    restock(one => 9);

    $sale->paid('nothing is owed');

    my %before = map { $_ => $sale->trips(0, $_) } qw(checkout settle rate);
    my $answer = $sale->buy(0, at => 'limited', key => 'trip', sku => 'one',
                            owner => 'emma');

    is(said($answer), '200', 'rate, key and stock');
    is($answer->{field}{'x-remaining'}, '<2>', '  two more may come');
    $sale->stock_is('one', '8 0 0 1 0', '  a unit is sold');

    # the store knows it before the node has read so
    my %after;

    wait_for(sub {
        %after = map { $_ => $sale->trips(0, $_) - $before{$_} } keys %before;
        return $after{settle};
    });

    is_deeply(\%after, { checkout => 1, settle => 1, rate => 0 },
        '  one command before the upstream, and one after it');

    # a refusal of one of the three: the others are as they were

    for (1, 2) {
        is(said($sale->buy(0, at => 'limited', key => "trip$_", sku => 'none',
                           owner => 'emma')), '404 unknown_sku',
            'there is no such SKU, the rate stays charged');
    }

    is(said($sale->buy(0, at => 'limited', key => 'trip3', sku => 'one',
                       owner => 'emma')), '429 rate', 'over the rate');
    is(said($sale->buy(0, at => 'buy', key => 'trip3', sku => 'one',
                       owner => 'emma')), '200', '  its key was not taken');

    $answer = $sale->buy(1, at => 'limited', key => 'trip', sku => 'one',
                         owner => 'emma');

    is(said($answer), '200', 'a replay is not charged to the rate');
    is($answer->{field}{'x-remaining'}, '<>', '  of which nobody has asked');

    return;
}


sub settled {
    restock(sox => 5);

    my $answer = $sale->buy(0, key => 's1', sku => 'sox', how => 'plain/400');

    is(said($answer), '400', 'a payment that was refused');
    $sale->stock_is('sox', '5 0 0 0 0', '  its unit is back');
    is($sale->buy(1, key => 's1', sku => 'sox', how => 'plain/400')->{body},
        $answer->{body}, '  and its answer is kept');

    is(said($sale->buy(0, key => 's2', sku => 'sox', how => 'plain/500')),
        '500', 'an upstream that failed');
    $sale->stock_is('sox', '4 1 0 0 0', '  its unit rests until its time');

    is(said($sale->buy(0, at => 'brief', key => 's3', sku => 'sox',
                       how => 'plain/302')), '302', 'a redirect to pay');
    $sale->stock_is('sox', '4 1 0 0 1', '  whose time passes: it is back');

    is(said($sale->buy(0, at => 'short', key => 's4', sku => 'sox',
                       how => 'silent?s4')), '504',
        'an upstream that is mute');
    $sale->stock_is('sox', '3 1 1 0 1', '  nobody knows: it is out of stock');
    is(said($sale->buy(1, at => 'short', key => 's4', sku => 'sox',
                       how => 'silent?s4')), '409 outcome_unknown',
        '  and so is its key');
    becomes(sub { $orders->executed('?s4') }, 1,
        '  it is not executed again');

    is(said($sale->buy(0, at => 'absent', key => 's5', sku => 'sox')), '502',
        'an upstream that is not there');
    $sale->stock_is('sox', '3 1 1 0 1', '  its unit is back at once');
    is(said($sale->buy(1, at => 'absent', key => 's5', sku => 'sox')), '502',
        '  and its key is free');

    return;
}


sub operated {
    my $holds;

    becomes(sub {
        $holds = $sale->control(1, 'GET', '/holds?state=unresolved')->{holds};
        return scalar @{ $holds // [] };
    }, 1, 'an operator sees what is unresolved');
    is($holds->[0]{items}[0]{sku}, 'sox', '  of which SKU');

    my $id = $holds->[0]{hold};

    is($sale->control(1, 'POST', "/holds/$id/commit", {})->{status}, 200,
        '  and commits it');
    $sale->stock_is('sox', '3 1 0 1 1', '  it is sold');
    is($sale->control(0, 'POST', "/holds/$id/release", {})->{status}, 409,
        '  for good');

    is($sale->control(0, 'POST', '/inventory/sox', { add => 4 })->{status},
        200, 'more units');
    $sale->stock_is('sox', '7 1 0 1 1', '  are there');
    is($redis->command('GET', 'inventory:sox'), 7, '  in Redis');

    return;
}


sub spoilt {
    $redis->command('SET', 'inventory:bad', 'many');
    is(said($sale->buy(0, key => 'b1', sku => 'bad')), '503 bad_stock',
        'stock that is no number');
    is($redis->command('GET', 'inventory:bad'), 'many', '  is left as it is');

    $redis->command('SET', 'inventory:bad', -3);
    is(said($sale->buy(1, key => 'b1', sku => 'bad')), '503 bad_stock',
        'less than nothing');

    $redis->command('DEL', 'inventory:bad');
    $redis->command('LPUSH', 'inventory:bad', 1);
    is(said($sale->buy(0, key => 'b1', sku => 'bad')), '503 bad_stock',
        'a list');

    $redis->command('DEL', 'inventory:bad');
    $redis->command('SET', 'inventory:bad', 1);

    # a node may have looked just when there was nothing
    becomes(sub { said($sale->buy(1, key => 'b1', sku => 'bad')) }, '200',
        'and as soon as it is one, all is well');

    return;
}


# Who leaves while his trip is under way has taken nothing.
sub left {
    restock(lamp => 1);

    $redis->signal('STOP');

    my $client = $sale->ask(0, key => 'left', sku => 'lamp');

    ok(wait_for(sub { $sale->node(0)->metric('suspended_requests') == 1 }),
        'a shopper waits for Redis');
    $client->reset;
    ok(wait_for(sub { $sale->node(0)->metric('suspended_requests') == 0 }),
        '  and leaves');
    $redis->signal('CONT');

    $sale->stock_is('lamp', '1 0 0 0 0', '  he has no unit');
    is(said($sale->buy(1, key => 'left', sku => 'lamp')), '200',
        '  and no key');

    return;
}


once();
to_the_unit();
extended(\&latch);
carts();
shares();
one_trip();
settled();
operated();
spoilt();
left();

$sale->paid('in the end nothing is owed');
$sale->finish;
$redis->finish;

done_testing();
