#!/usr/bin/perl

# A hundred units, and a thousand people who press the button in the same
# second, at a node with two workers.  A hundred of them get one, whichever
# worker heard them first; the others are told so, and the shop behind never
# hears of them.  Then the small print: carts, buyers, holds that are left and
# return, and what a back end says when it is too late.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmHttp ();
use AdmNginx qw(becomes wait_for);
use AdmShelf ();


my $CROWD = 500;
my $ROUNDS = 2;


sub shelf { return AdmShelf->start(seed => 1, @_) }


# Everybody is connected, then all send, then all are answered.
sub crowd {
    my ($shelf, $round) = @_;

    my @clients = map {
        AdmHttp->connect($shelf->nginx->port('h1')) || die 'no connection'
    } 1 .. $CROWD;

    $clients[$_]->send($shelf->request(sku => 'lamp', key => "r$round-$_"))
        for 0 .. $#clients;

    return map { $shelf->said($_->answer) } @clients;
}


sub at_once {
    my $shelf = shelf(fates => { sold => 1 });

    $shelf->put('lamp', 100);

    my %said;

    $said{$_}++ for map { crowd($shelf, $_) } 1 .. $ROUNDS;

    is(delete $said{'201 admit'}, 100, 'a hundred units, a hundred orders');
    is(delete($said{'409 sold_out sold_out'}) + (delete
        $said{'409 sold_out all_reserved'} // 0), $ROUNDS * $CROWD - 100,
        'all others are told so');
    is_deeply(\%said, {}, 'nobody is told anything else');
    is($shelf->till->executed, 100, 'and the shop has not heard of them');

    # what became of the last of them may be on its way
    wait_for(sub { $shelf->facts('lamp')->{committed} == 100 });
    is_deeply($shelf->facts('lamp'), { sku => 'lamp', total => 100,
        available => 0, held => 0, holds => 0, unresolved => 0,
        committed => 100, expired => 0 }, 'the books agree');

    $shelf->put('lamp', 1);
    is($shelf->buy(sku => 'lamp', key => 'again'), '201 admit',
        'a restock opens the sale again');
    is($shelf->buy(sku => 'sofa', key => 'sofa'), '404 invalid unknown_sku',
        'what was never told of is unknown');

    $shelf->nginx->finish;

    return;
}


sub by_fate {
    my ($fate, $facts, $name) = @_;

    my $shelf = shelf(fates => { $fate => 1 },
        patience => $fate =~ /^(?:declined|broken)$/ ? '20s' : '100ms');

    $shelf->put('lamp', 3);
    $shelf->buy(sku => 'lamp', key => 'one', quantity => 2);

    my $is;
    wait_for(sub {
        $is = $shelf->facts('lamp');
        return join(' ', @$is{qw(available held unresolved committed)})
               eq $facts;
    });

    is(join(' ', @$is{qw(available held unresolved committed)}), $facts,
        $name);

    $shelf->nginx->finish;

    return;
}


sub carts {
    my $shelf = shelf(fates => { sold => 1 });

    $shelf->put('lamp', 5);
    $shelf->put('sofa', 1);

    is($shelf->buy(sku => 'lamp,sofa', quantity => '2,2', key => 'a'),
        '409 sold_out sold_out', 'half of a cart is no cart');
    is($shelf->facts('lamp')->{available}, 5, 'and takes nothing');
    is($shelf->buy(sku => 'lamp,sofa', quantity => '2,1', key => 'b'),
        '201 admit', 'a whole one is');
    for my $sku (qw(lamp sofa)) {
        becomes(sub { $shelf->facts($sku)->{committed} },
            $sku eq 'lamp' ? 2 : 1, "its $sku");
    }

    $shelf->nginx->finish;

    return;
}


# Key, rate and stock are decided together.
sub one_trip {
    my $shelf = shelf(fates => { sold => 1 },
        http => 'admission_rate few $http_x_rate rate=1r/h burst=1'
            . ' scope=exact;',
        more => 'admission_limit few; admission_idempotency'
            . ' $http_idempotency_key owner=shop;',
        stock => 'buyer=$http_x_buyer per_buyer=1/1h');
    my %ann = (sku => 'lamp', rate => 'ann', buyer => 'ann');

    $shelf->put('lamp', 10);

    is($shelf->buy(%ann, key => 'a'), '201 admit', 'a first order');
    is($shelf->buy(%ann, key => 'a'), '201 replay replay', 'the same')
        for 1 .. 3;
    is($shelf->buy(%ann, key => 'b', buyer => 'bob'), '201 admit',
        'a repeat was not charged by the rate');

    is($shelf->buy(%ann, key => 'c', buyer => 'eve'), '429 limit rate',
        'a third order is over it');
    is($shelf->facts('lamp')->{available}, 8, 'and takes no unit');
    is($shelf->buy(%ann, key => 'c', buyer => 'eve', rate => 'eve'),
        '201 admit', 'nor the key');

    is($shelf->buy(%ann, key => 'd', rate => 'tim'), '409 limit per_buyer',
        'a second one of the same buyer');
    is($shelf->buy(%ann, key => 'd', buyer => 'tim', rate => 'tim'),
        '201 admit', 'does not take the key');
    is($shelf->buy(%ann, key => 'e', buyer => 'kim', rate => 'tim'),
        '429 limit rate', 'but was charged, as what cost a trip is');

    is(join(' ', map { $_->[0] } $shelf->till->executed), 'a b c d',
        'the shop has heard of four');

    $shelf->nginx->finish;

    return;
}


sub left {
    my $shelf = shelf(fates => { elsewhere => 1 }, hold => '2s');

    $shelf->put('lamp', 1);
    is($shelf->buy(sku => 'lamp', key => 'a'), '303 admit', 'to the bank');

    my $hold = $shelf->hold;

    is($shelf->ask(GET => "/holds/$hold")->{state}, 'held', 'it is held');
    ok(wait_for(sub { $shelf->facts('lamp')->{available} == 1 }),
        'and returns by itself');
    is($shelf->facts('lamp')->{expired}, 1, 'which is counted');

    ok($shelf->ask(POST => "/holds/$hold/commit")->{late},
        'the bank says yes, too late: a new unit');
    is($shelf->facts('lamp')->{committed}, 1, 'is committed');

    $shelf->put('lamp', 1);
    is($shelf->buy(sku => 'lamp', key => 'b'), '303 admit', 'once more');
    $hold = $shelf->hold;
    ok(wait_for(sub { $shelf->facts('lamp')->{available} == 1 }), 'returned');
    $shelf->put('lamp', 0);
    is($shelf->ask(POST => "/holds/$hold/commit")->{reason}, 'short',
        'too late, and there is none any more');
    is($shelf->facts('lamp')->{committed}, 1, '... nor is one made');
    ok($shelf->nginx->wait_log(0, qr/hold $hold was committed after it had expir/),
        '... which the log says');

    $shelf->nginx->finish;

    return;
}


at_once();
by_fate('declined', '3 0 0 0', 'declined: units return');
by_fate('broken', '1 2 0 0', 'broken: units are held');
by_fate('gone', '1 0 2 0', 'no answer: units are unresolved');
by_fate('hangs', '1 0 2 0', 'none in time: so they are');
carts();
one_trip();
left();

done_testing();
