#!/usr/bin/perl

# A cart whose things are on different servers of a Redis Cluster, its key on
# yet another: it is all there or nothing of it is taken, whichever server is
# asked last, and whichever of them is gone; what one has given and another
# refused goes back.  Units are sold to the last one, and no key twice.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmNginx qw(becomes wait_for);
use AdmRedis ();
use AdmRedisCluster ();
use AdmSale ();

AdmRedis::need_redis();


my $cluster = AdmRedisCluster->start;
my $sale = AdmSale->start(nodes => 2, conf => 'admission_redis '
    . $cluster->node(0)->uri . ' topology=cluster timeout=5s '
    . 'claim_timeout=5s;'
    . 'admission_redis_circuit open=100ms max_open=200ms;');
my $orders = $sale->orders;


sub said { return AdmSale::said(@_) }
sub node_of { return $cluster->owner($cluster->slot("{$_[0]}")) }


sub restock {
    my ($sku, $units) = @_;

    $cluster->node(node_of($sku))->command('SET', "inventory:{$sku}", $units);
    $sale->seen($sku) if $units;

    return;
}


my $names = 0;

# A SKU that is on that server.
sub sku_on {
    my ($node) = @_;

    for (;;) {
        my $sku = 'sku' . ++$names;
        return $sku if node_of($sku) == $node;
    }
}


my @all = map { sku_on($_) } 0 .. 2;
my $cart = join ',', @all;


# Shoppers hear before the store does that their orders have ended.
sub nothing_held {
    return wait_for(sub {
        !grep { $sale->stock($_) !~ /^\d+ 0 / } @all
    });
}


sub sold {
    restock($_ => 10) for @all;

    my @clients = map { $sale->ask($_ % 2, key => "all$_", sku => $cart,
        quantity => '1,1,2', how => 'plain/200?all') } 1 .. 40;
    my $count = AdmSale::count(@clients);

    # who takes of one server what another refuses has it for a moment: then
    # a third hears that all is reserved, though it comes back

    my $sold = $count->{200} // 0;

    cmp_ok($sold, '<=', 5, 'never more than there are');
    is($orders->executed('?all'), $sold, '  each is executed once');

    # all that was taken for a moment is back, and known to be
    if ($sold < 5) {
        nothing_held();
        $sale->seen($_) for @all;
    }

    while (said($sale->buy(0, key => 'rest' . $sold, sku => $cart,
                           quantity => '1,1,2', how => 'plain/200?all'))
           eq '200')
    {
        $sold++;
    }

    is($sold, 5, '  and all there are are sold');
    $sale->stock_is($all[0], '5 0 0 5 0', '  of one server');
    $sale->stock_is($all[1], '5 0 0 5 0', '  of another');
    $sale->stock_is($all[2], '0 0 0 10 0', '  and of the third');
    $sale->paid;

    return;
}


# Whichever of them refuses.
sub gone {
    for my $none (0 .. 2) {
        nothing_held();
        restock($_ => 7) for @all;
        restock($all[$none] => 0);
        $sale->stock_is($all[$none], ($sale->stock($all[$none]) =~ s/^\d+/0/r),
            "$all[$none] is gone");

        my @before = map { $sale->stock($_) } @all;
        my $answer = $sale->buy(0, key => "gone$none", sku => $cart,
                                how => 'plain/200?gone');

        is(said($answer), '409 sold_out', '  and so is the cart');
        like($answer->{body}, qr/"sku":"$all[$none]"/, '  it says so');
        $sale->stock_is($all[$_], $before[$_], '  what was taken is back')
            for grep { $_ != $none } 0 .. 2;

        # its server is another one, and may hear of it later
        becomes(sub { said($sale->buy(1, key => "gone$none",
            sku => $all[$none - 1], body => 'x', how => 'plain/200?other')) },
            '200', '  and the key is free');
    }

    is($orders->executed('?gone'), 0, 'nothing was executed');

    return;
}


sub one_key {
    restock($all[0] => 50);

    my @clients = map { $sale->ask($_ % 2, key => 'once', sku => $all[0],
                                   how => 'slow/300?once') } 1 .. 50;
    my $count = AdmSale::count(@clients);

    is($orders->executed('?once'), 1, 'one key at once on two nodes: once');
    is(($count->{200} // 0) + ($count->{'409 in_progress'} // 0), 50,
        '  all others hear that');
    is(said($sale->buy(1, at => 'limited', key => 'once', sku => $all[0],
                       how => 'slow/300?once')), '422 mismatch',
        '  another place is another request');

    return;
}


sub limited {
    restock($all[1] => 50);

    my %order = (at => 'limited', owner => 'finn', sku => $all[1]);

    is(said($sale->buy(0, %order, key => "f$_")), '200', 'a rate and a key')
        for 1 .. 3;

    nothing_held();

    my $before = $sale->stock($all[1]);

    is(said($sale->buy(0, %order, key => 'f4')), '429 rate',
        '  over the rate');
    $sale->stock_is($all[1], $before, '  takes no unit');
    is(said($sale->buy(0, %order, key => 'f4', at => 'buy', body => 'y')),
        '200', '  and no key');
    is(said($sale->buy(1, %order, key => 'f1')), '200', 'a replay is free');

    return;
}


sub unresolved {
    nothing_held();
    restock($_ => 5) for @all;

    is(said($sale->buy(0, at => 'short', key => 'mute', sku => $cart,
                       how => 'silent')), '504', 'an upstream that is mute');

    my $holds;

    wait_for(sub {
        $holds = $sale->control(1, 'GET', '/holds?state=unresolved')->{holds};
        return @{ $holds // [] } && @{ $holds->[0]{items} // [] } == 3;
    }, 15);

    is(@{ $holds->[0]{items} // [] }, 3, '  all of its cart is unresolved');
    is($sale->control(1, 'POST', "/holds/$holds->[0]{hold}/release", {})
            ->{status}, 200, '  an operator releases it');

    for my $sku (@all) {
        like($sale->stock($sku), qr/^5 0 0 /, "  $sku is back");
    }

    return;
}


# One that dies takes its own things along, and no other.
sub dead {
    restock($_ => 5) for @all;

    $cluster->node(2)->kill;

    is(said($sale->buy(0, key => 'dead1', sku => $cart)), '503 store_down',
        'a server is gone, and something of the cart is there');
    ok(wait_for(sub {
        said($sale->buy(0, key => 'dead' . ++$names, sku => $all[0]))
            =~ /^200/;
    }, 15), '  what is elsewhere is sold');

    $cluster->node(2)->restart;

    ok(wait_for(sub { eval { restock($all[2] => 5); 1 } }, 20),
        '  the server comes back, with nothing but new stock');

    ok(wait_for(sub {
        said($sale->buy(0, key => 'dead' . ++$names, sku => $cart)) eq '200';
    }, 20), '  all is sold again when it is back');
    $sale->paid;

    return;
}


sold();
gone();
one_key();
limited();
unresolved();
dead();

$sale->finish;
$cluster->finish;

done_testing();
