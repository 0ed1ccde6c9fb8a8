#!/usr/bin/perl

# The scripts of keys and stock, run by a Redis itself: a key is used once,
# and whoever has it is the only one to end it; carts are all or nothing;
# what nobody answered stays out of the stock; what was ended before it came
# takes nothing; and what any client writes to the stock's key, or breaks
# there, spoils nothing else.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmNginx qw(wait_for);
use AdmRedis ();
use AdmScripts ();

AdmRedis::need_redis();

my $DAY = 86_400;

my $redis = AdmRedis->start(socket => 1);
my $scripts = AdmScripts->new($redis);


sub now {
    my ($seconds, $us) = @{ $redis->command('TIME') };

    return $seconds * 1000 + int($us / 1000);
}


sub stock { return $redis->command('SET', "inventory:$_[0]", $_[1]) }


# "available held holds unresolved committed expired"
sub facts {
    my ($facts) = @_;

    return join ' ', @$facts{@AdmScripts::FACTS};
}


sub facts_of { return facts($scripts->look($_[0])) }


# "KEY STOCK" of a checkout
sub take {
    my (%option) = @_;

    my $said = $scripts->checkout(%option);

    return "$said->{key} $said->{stock}";
}


# "KEY HOLD..." of an end
sub finish {
    my $said = $scripts->settle(@_);

    return join ' ', $said->{key}, @{ $said->{holds} // [] };
}


sub one_key {
    my %a = (key => 'one', print => 'p', id => 'a', lock => 60_000);
    my %b = (%a, id => 'b');

    is(take(%a), 'new ok', 'a key that nobody has used');
    is(take(%b), 'running ok', 'another request with it, while it runs');
    cmp_ok($scripts->checkout(%b)->{wait}, '>', 50_000, 'and how long, most');
    is(take(%b, print => 'q'), 'mismatch ok', 'for something else');
    is(take(%a), 'new ok', 'the same request again: the first answer');

    is(finish(%b, key_end => 'keep'), 'other', 'who has not got it');
    is(take(%b), 'running ok', '... changes nothing');
    is(finish(%a, key_end => 'keep', status => 201, kept => "x\0\r\ny"), 'ok',
       'who has it ends it');

    my $said = $scripts->checkout(%b);

    is_deeply([ @$said{qw(key status kept)} ], [ 'done', 201, "x\0\r\ny" ],
              'and what was answered is there to the byte');
    is(take(%b, print => 'q'), 'mismatch ok', 'for those who ask the same');
    is(finish(%a, key_end => 'keep', status => 201, kept => "x\0\r\ny"), 'ok',
       'it may be told twice');
    is(finish(%a, key_end => 'forget'), 'other', 'and is not undone');
    is($scripts->checkout(%b)->{key}, 'done', '... at all');

    return;
}


sub not_kept {
    my %a = (key => 'bare', id => 'a');

    take(%a);
    finish(%a, key_end => 'keep', status => 200);

    my $said = $scripts->checkout(%a, id => 'b');

    is("$said->{key} $said->{status} $said->{kept}", 'unkept 200 ',
       'a response that was not kept');

    return;
}


# A lock that passes never makes a key free.
sub locks {
    my %a = (key => 'lock', id => 'a', lock => 1);
    my %b = (%a, id => 'b');

    take(%a);
    ok(wait_for(sub { $scripts->checkout(%b)->{key} eq 'unknown' }),
       'a lock passes: nobody knows');
    is(finish(%a, key_end => 'extend', lock => 60_000), 'ok',
       'its owner does');
    is(take(%b), 'running ok', 'and goes on');
    is(finish(%a, key_end => 'unknown'), 'ok', 'then does not either');
    is(take(%b), 'unknown ok', 'so it stays');
    is(finish(%b, key_end => 'forget'), 'other', 'whatever others say');
    is(finish(%a, key_end => 'keep', status => 201, kept => 'late'), 'ok',
       'until its owner has heard');
    is($scripts->checkout(%b)->{kept}, 'late', 'and that is the answer');

    return;
}


sub freed {
    my %a = (key => 'free', id => 'a');
    my %b = (%a, id => 'b');

    take(%a);
    is(finish(%a, key_end => 'forget'), 'ok', 'a key is given back');
    is(take(%a), 'running ok', 'who gave it back does not get it again');
    is(finish(%a, key_end => 'extend'), 'other', '... nor extends it');
    is(take(%b), 'new ok', 'another does');
    is(finish(%a, key_end => 'keep'), 'other', 'to whom it belongs');

    is(finish(id => 'c', key => 'never', key_end => 'forget'), 'none',
       'given back before it came');
    is(take(id => 'c', key => 'never'), 'running ok', 'then it takes nothing');
    is(take(id => 'd', key => 'never'), 'new ok', 'and is in nobody\'s way');

    return;
}


# What a failover has lost, its owner writes again.
sub lost_key {
    my %a = (key => 'lost', id => 'a');

    take(%a);
    $redis->command('DEL', $scripts->key_of('lost'));
    is(finish(%a, key_end => 'extend'), 'ok', 'a key that is gone, extended');
    is(take(%a, id => 'b'), 'running ok', 'is there again');
    $redis->command('DEL', $scripts->key_of('lost'));
    is(finish(%a, key_end => 'keep', status => 200, kept => 'z'), 'ok',
       'kept');
    is($scripts->checkout(%a, id => 'b')->{kept}, 'z', 'is kept');

    return;
}


sub forgotten {
    my %a = (key => 'op', id => 'a', lock => 60_000);

    is($scripts->forget('op'), 'none', 'an operator: there is no such key');
    take(%a);
    is($scripts->forget('op'), 'running', 'its request runs');
    finish(%a, key_end => 'unknown');
    is($scripts->forget('op'), 'ok', 'nobody knows: it is free');
    is(take(%a, id => 'b'), 'new ok', 'and is used again');
    is($scripts->forget('op'), 'running', 'by another');
    finish(%a, id => 'b', key_end => 'extend', lock => 1);
    ok(wait_for(sub { $scripts->forget('op') eq 'ok' }),
       'until its lock has passed');

    return;
}


sub lives {
    my %a = (key => 'ttl', id => 'a', ttl => 100, lock => 200_000);
    my $key = $scripts->key_of('ttl');

    take(%a);
    within($redis->command('TTL', $key), 100, 'a key that runs has its time');
    finish(%a, key_end => 'extend', ttl => 70);
    within($redis->command('TTL', $key), 70, 'from the last sign of life');
    finish(%a, key_end => 'keep', ttl => 50);
    within($redis->command('TTL', $key), 50, 'from its end');

    return;
}


sub within {
    my ($got, $most, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return ok($got <= $most && $got > 0.8 * $most, $name) || diag($got);
}


sub one_sku {
    stock('tee', 3);

    is(take(id => 'a', items => [ [ 'tee', 2 ] ]), 'new ok', 'two of three');
    is(facts_of('tee'), '1 2 1 0 0 0', 'are held');
    is(take(id => 'a', items => [ [ 'tee', 2 ] ]), 'new ok', 'told again');
    is(facts_of('tee'), '1 2 1 0 0 0', 'are not taken again');

    my $said = $scripts->checkout(id => 'b', items => [ [ 'tee', 2 ] ]);

    is($said->{stock}, 'reserved', 'two more: some may come back');
    within($said->{later}, 600_000, '... then');
    is(take(id => 'b', items => [ [ 'tee', 4 ] ]), 'new sold_out',
       'four were never there');
    is(finish(id => 'a', items => [ [ 'tee', 2 ] ], hold_end => 'commit'),
       'ok ok', 'bought');
    is(facts_of('tee'), '1 0 0 0 2 0', 'is committed');
    is(finish(id => 'a', items => [ [ 'tee', 2 ] ], hold_end => 'commit'),
       'ok ok', 'twice told');
    is(finish(id => 'a', items => [ [ 'tee', 2 ] ]), 'ok other',
       'and not undone');
    is(facts_of('tee'), '1 0 0 0 2 0', '... is one');
    is(take(id => 'b', items => [ [ 'tee', 2 ] ]), 'new sold_out',
       'now they are gone');
    is(take(id => 'a', items => [ [ 'tee', 2 ] ]), 'new withheld',
       'who is through takes nothing more');

    return;
}


sub known_for {
    my ($sku, $id) = @_;

    return $redis->command('ZSCORE', "adm:due:{$sku}", AdmScripts::id_of($id))
        - 2e15 - now();
}


sub given_back {
    stock('cap', 2);

    take(id => 'a', items => [ [ 'cap', 2 ] ]);
    is(finish(id => 'a', items => [ [ 'cap', 2 ] ]), 'ok ok', 'given back');
    is(finish(id => 'a', items => [ [ 'cap', 2 ] ]), 'ok ok', 'twice told');
    is(facts_of('cap'), '2 0 0 0 0 0', 'once');
    is(take(id => 'a', items => [ [ 'cap', 2 ] ]), 'new withheld',
       'a late take takes nothing');

    is(finish(id => 'b', items => [ [ 'cap', 1 ] ]), 'ok none',
       'given back before it came');
    is(take(id => 'b', items => [ [ 'cap', 1 ] ]), 'new withheld', 'likewise');
    is(facts_of('cap'), '2 0 0 0 0 0', 'nothing was taken');

    within(known_for(cap => 'b'), 600_000, 'which is known for ten minutes');
    within(known_for(cap => 'a'), 600_000,
           '... as is what was given back: anybody may take and leave');

    take(id => 'c', items => [ [ 'cap', 1 ] ]);
    finish(id => 'c', items => [ [ 'cap', 1 ] ], hold_end => 'commit');
    within(known_for(cap => 'c'), 1000 * $DAY, 'what was sold for a day');

    return;
}


# A hold that was answered and left returns; one that ran does not.
sub time_passes {
    stock('hat', 5);

    take(id => 'held', items => [ [ 'hat', 1 ] ]);
    finish(id => 'held', items => [ [ 'hat', 1 ] ], hold_end => 'leave',
           hold => 1);
    take(id => 'ran', items => [ [ 'hat', 1 ] ], hold => 1);
    take(id => 'returns', items => [ [ 'hat', 1 ] ], hold => 1, returns => 1);
    take(id => 'lives', items => [ [ 'hat', 1 ] ]);

    ok(wait_for(sub { facts_of('hat') eq '3 1 1 1 0 2' }),
       'held ones return, and those that are to; one that ran is unresolved')
        or diag(facts_of('hat'));

    is(finish(id => 'lives', items => [ [ 'hat', 1 ] ], hold_end => 'leave'),
       'ok ok', 'one is answered');
    is(finish(id => 'lives', items => [ [ 'hat', 1 ] ], hold_end => 'extend'),
       'ok ok', 'and no sign of life counts after that');
    is($scripts->holds('hold', 'lives', 'hat')->{found}[0]{state}, 'held',
       'it is held');
    is(finish(id => 'ran', items => [ [ 'hat', 1 ] ], hold_end => 'extend'),
       'ok ok', 'whose owner comes back');
    is(facts_of('hat'), '3 2 2 0 0 2', 'is held');
    is(finish(id => 'ran', items => [ [ 'hat', 1 ] ],
              hold_end => 'unresolved'), 'ok ok', 'until it does not know');
    is(finish(id => 'ran', items => [ [ 'hat', 1 ] ], hold_end => 'commit'),
       'ok ok', 'and then does');
    is(facts_of('hat'), '3 1 1 0 1 2', 'which settles it');
    is(finish(id => 'returns', items => [ [ 'hat', 1 ] ],
              hold_end => 'unresolved'),
       'ok other', 'what has returned is not unresolved');

    return;
}


sub at_once_unresolved {
    stock('bag', 2);

    take(id => 'a', items => [ [ 'bag', 1 ] ]);
    take(id => 'b', items => [ [ 'bag', 1 ] ], returns => 1);
    finish(id => $_, items => [ [ 'bag', 1 ] ], hold_end => 'unresolved')
        for qw(a b);
    is(facts_of('bag'), '1 0 0 1 0 1', 'unresolved=keep, unresolved=return');
    is(take(id => 'c', items => [ [ 'bag', 2 ] ]), 'new reserved',
       'what is unresolved may come back');

    return;
}


sub late_commits {
    stock('pin', 2);

    for my $id (qw(a b)) {
        take(id => $id, items => [ [ 'pin', 1 ] ]);
        finish(id => $id, items => [ [ 'pin', 1 ] ], hold_end => 'leave',
               hold => 1);
    }

    ok(wait_for(sub { facts_of('pin') eq '2 0 0 0 0 2' }), 'two have expired');
    is(finish(id => 'a', items => [ [ 'pin', 1 ] ], hold_end => 'commit'),
       'ok late', 'a late commit takes new units');
    is(facts_of('pin'), '1 0 0 0 1 2', '... which are there');
    is(finish(id => 'a', items => [ [ 'pin', 1 ] ], hold_end => 'commit'),
       'ok ok', 'once');
    take(id => 'c', items => [ [ 'pin', 1 ] ]);
    is(finish(id => 'b', items => [ [ 'pin', 1 ] ], hold_end => 'commit'),
       'ok short', 'or says that there are none');
    is(facts_of('pin'), '0 1 1 0 1 2', 'and takes none');
    is(finish(id => 'x', items => [ [ 'pin', 1 ] ], hold_end => 'commit'),
       'ok short', 'likewise one that nobody knows');
    stock('pin', 4);
    is(finish(id => 'x', items => [ [ 'pin', 3 ] ], hold_end => 'commit'),
       'ok late', '... of its quantity');
    is(facts_of('pin'), '1 1 1 0 4 2', 'all are counted');

    return;
}


sub carts {
    stock('red', 5);
    stock('blue', 1);

    my $cart = [ [ 'red', 2 ], [ 'blue', 1 ] ];

    is(take(id => 'a', items => $cart), 'new ok', 'a cart');

    my $said = $scripts->checkout(id => 'b', items => $cart, key => 'cart');

    is("$said->{stock} $said->{item}", 'reserved 1', 'one of it is not there');
    is(facts($said->{facts}[0]), '3 2 1 0 0 0', 'so none is taken');
    is(take(id => 'c', key => 'cart'), 'new ok', 'nor the key');

    $said = $scripts->checkout(id => 'b',
                               items => [ [ 'red', 1 ], [ 'no', 1 ] ]);
    is("$said->{stock} $said->{item}", 'unknown 1',
       'one of it does not exist');
    is(facts_of('red'), '3 2 1 0 0 0', 'none is taken');
    is(finish(id => 'a', items => $cart, hold_end => 'commit'), 'ok ok ok',
       'all are settled');
    is(join(' / ', map { facts_of($_) } qw(red blue)),
       '3 0 0 0 2 0 / 0 0 0 0 1 0', 'at once');

    return;
}


sub buyers {
    my %ann = (buyer => 'ann', per_buyer => 3, per_time => 1000);

    stock('mug', 20);

    is(take(%ann, id => 'a', items => [ [ 'mug', 2 ] ]), 'new ok', 'two of 3');

    my $said = $scripts->checkout(%ann, id => 'b', items => [ [ 'mug', 2 ] ]);

    is($said->{stock}, 'buyer', 'four are too many');
    within($said->{later} / 1000, 1000, '... until the window ends');
    is($scripts->checkout(%ann, id => 'b', items => [ [ 'mug', 4 ] ])->{later},
       0, 'and four at once always are');
    is(take(%ann, id => 'b', items => [ [ 'mug', 1 ] ]), 'new ok', 'three');
    is(take(%ann, buyer => 'bob', id => 'c', items => [ [ 'mug', 3 ] ]),
       'new ok', 'another has as many');
    finish(id => 'b', items => [ [ 'mug', 1 ] ]);
    finish(id => 'a', items => [ [ 'mug', 2 ] ], hold_end => 'commit');
    is(take(%ann, id => 'd', items => [ [ 'mug', 2 ] ]), 'new buyer',
       'what was bought counts');
    is(take(%ann, id => 'd', items => [ [ 'mug', 1 ] ]), 'new ok',
       'what was given back does not');

    stock('jar', 9);
    take(%ann, per_time => 1, id => 'a', items => [ [ 'jar', 3 ] ]);
    ok(wait_for(sub {
        take(%ann, per_time => 1, id => 'b', items => [ [ 'jar', 2 ] ])
            eq 'new ok';
    }), 'a window ends');
    finish(id => 'a', items => [ [ 'jar', 3 ] ]);
    is(take(%ann, id => 'c', items => [ [ 'jar', 2 ] ]), 'new buyer',
       'what was taken in it does not come back in another');

    return;
}


# Entries of windows that are over go when others come.
sub few_buyers {
    stock('cup', 1000);

    for my $i (1 .. 50) {
        $scripts->checkout(id => "old$i", buyer => "b$i", per_buyer => 1,
                           per_time => 0, items => [ [ 'cup', 1 ] ]);
    }

    for my $i (1 .. 100) {
        $scripts->checkout(id => "new$i", buyer => 'one', per_buyer => 500,
                           items => [ [ 'cup', 1 ] ]);
    }

    cmp_ok($redis->command('HLEN', 'adm:buyers:{cup}'), '<', 10,
           'buyers of long ago are forgotten');

    # of another program: looked at in the middle of what is written
    stock('urn', 9);
    $redis->command('HSET', 'adm:buyers:{urn}', 'another', 'x');
    is(take(id => 'a', buyer => 'ann', per_buyer => 3,
            items => [ [ 'urn', 2 ] ]), 'new ok', 'a buyer that is none');
    is(facts_of('urn'), '7 2 1 0 0 0', 'costs no unit');

    return;
}


sub order {
    stock('pen', 1);

    my @full = ([ 'r1', 1000, 500, 500 ]);
    my @there = ([ 'r2', 1000, 1_600_000_000, 1_600_000_000 ]);
    my %pen = (items => [ [ 'pen', 1 ] ]);

    is(take(%pen, id => 'a', key => 'order', rates => \@full), 'new withheld',
       'a rate refuses: the stock is not asked');
    is($redis->command('EXISTS', $scripts->key_of('order')), 0, 'nor the key');

    my $said = $scripts->checkout(id => 'a', key => 'order', rates => \@there,
                                  items => [ [ 'pen', 2 ] ]);

    is("$said->{key} $said->{stock}", 'new sold_out', 'stock refuses');
    cmp_ok($said->{rates}[0][1], '>', 0, 'the rate stays charged');
    is($redis->command('EXISTS', $scripts->key_of('order')), 0,
       'the key is not taken');

    take(%pen, id => 'a', key => 'order', rates => \@there);

    my $tat = $redis->command('GET', 'r2');

    is(take(%pen, id => 'b', key => 'order', rates => \@there),
       'running withheld', 'a key that is used');
    is(take(%pen, id => 'a', key => 'order', rates => \@there), 'new ok',
       'the same again');
    is($redis->command('GET', 'r2'), $tat, 'neither is charged');

    my %last = (id => 'c', key => 'last', items => [ [ 'red', 1 ] ],
                rates => [ [ 'r3', 1_600_000_000, 1_600_000_000,
                             1_600_000_000 ] ]);

    is(take(%last), 'new ok', 'the last unit of a rate');
    is(take(%last), 'new ok', 'whose request is told the same again');

    return;
}


sub looks {
    stock('sock', 2);

    is(take(id => 'a', key => 'peek', items => [ [ 'sock', 1 ] ], peek => 1),
       'new ok', 'a look');
    is(take(id => 'a', items => [ [ 'sock', 3 ] ], peek => 1), 'new sold_out',
       'and what it would be');
    is(take(id => 'a', key => 'peek', items => [ [ 'sock', 3 ] ],
            peek_stock => 1), 'new sold_out', 'with a key that is not taken');
    is_deeply($redis->command('KEYS', '*sock*'), [ 'inventory:sock' ],
              'nothing is written');
    is($redis->command('EXISTS', $scripts->key_of('peek')), 0, 'nor the key');
    is(take(id => 'a', key => 'peek', items => [ [ 'sock', 1 ] ],
            peek_stock => 1), 'new ok', 'stock is looked at, the key taken');
    is(facts_of('sock'), '2 0 0 0 0 0', 'so it is');
    is($redis->command('EXISTS', $scripts->key_of('peek')), 1, 'and that');

    return;
}


# What any client may have written.
sub spoilt {
    for my $value ('-3', '1.5', '007', '', ' 7', '+7', '1e3', 'seven',
                   '99999999999999999999', "7\0")
    {
        stock('bad', $value);
        is(take(id => 'a', items => [ [ 'bad', 1 ] ]), 'new wrong',
           "'$value'");
        is($redis->command('GET', 'inventory:bad'), $value,
           'is left as it is');
    }

    $redis->command('DEL', 'inventory:bad');
    $redis->command('RPUSH', 'inventory:bad', 7);
    is(take(id => 'a', items => [ [ 'bad', 1 ] ]), 'new wrong', 'a list');
    is($scripts->look('bad')->{look}, 'wrong', '... is told as that');

    stock('bad', 4);
    take(id => 'b', items => [ [ 'bad', 3 ] ]);
    take(id => 'c', items => [ [ 'bad', 1 ] ], hold => 0);
    stock('bad', 'x');
    is(facts_of('bad'), '0 4 2 0 0 0', 'what is out of it stays out');
    is(finish(id => 'b', items => [ [ 'bad', 3 ] ]), 'ok wrong',
       'and cannot return');
    is(finish(id => 'c', items => [ [ 'bad', 1 ] ], hold_end => 'commit'),
       'ok ok', 'but be committed');
    stock('bad', 10);
    is(finish(id => 'b', items => [ [ 'bad', 3 ] ]), 'ok ok',
       'until that is repaired');
    is(facts_of('bad'), '13 0 0 0 1 0', 'then all is well');

    stock('bad', -2);
    take(id => 'd', items => [ [ 'bad', 1 ] ]);
    is(finish(id => 'e', items => [ [ 'bad', 1 ] ], hold_end => 'commit'),
       'ok wrong', 'of less than nothing nothing is taken');

    return;
}


sub taken_away {
    stock('gone', 5);
    take(id => 'a', items => [ [ 'gone', 2 ] ]);
    $redis->command('DEL', 'inventory:gone');
    is(take(id => 'b', items => [ [ 'gone', 1 ] ]), 'new unknown',
       'a SKU that was taken away');
    is(finish(id => 'a', items => [ [ 'gone', 2 ] ]), 'ok ok',
       'takes what returns along');
    is($redis->command('EXISTS', 'inventory:gone'), 0,
       'and does not come back');

    return;
}


# Our own keys, of another type: nothing is half done.
sub broken {
    stock('half', 5);
    stock('whole', 5);

    for my $which (qw(holds due totals buyers)) {
        my $key = "adm:$which:{half}";

        $redis->command('DEL', map { "adm:$_:{half}" }
                        qw(holds due totals buyers));
        $redis->command($which eq 'totals' ? 'SADD' : 'SET', $key, 'x',
                        $which eq 'totals' ? 'y' : ());

        my $said = eval {
            take(id => "h$which", key => 'half', per_buyer => 9,
                 items => [ [ 'whole', 1 ], [ 'half', 1 ] ]);
        };

        like($@, qr/^WRONGTYPE/, "$which: an error") or diag($said);
        is($redis->command('GET', 'inventory:half')
           . $redis->command('GET', 'inventory:whole'), '55', 'takes nothing');
        is($redis->command('EXISTS', $scripts->key_of('half')), 0,
           'nor a key');
    }

    $redis->command('SET', $scripts->key_of('short'), 'x');
    eval { take(id => 'a', key => 'short', items => [ [ 'whole', 1 ] ]) };
    like($@, qr/^WRONGTYPE/, 'a key that is none of ours');
    is(facts_of('whole'), '5 0 0 0 0 0', 'takes nothing either');

    return;
}


sub sweeps_some {
    stock('many', 100);

    for my $i (1 .. 30) {
        take(id => "m$i", items => [ [ 'many', 1 ] ]);
    }

    # an end is about one hold, and looks at no other
    for my $i (1 .. 30) {
        finish(id => "m$i", items => [ [ 'many', 1 ] ], hold_end => 'leave',
               hold => 0);
    }

    is($scripts->checkout(id => 'm', items => [ [ 'many', 1 ] ])
       ->{facts}[0]{expired}, 8, 'eight return with one call');
    is(facts_of('many'), '85 15 15 0 0 16', 'eight more with another');
    facts_of('many') for 1 .. 2;
    is(facts_of('many'), '99 1 1 0 0 30', 'and in the end all');

    return;
}


sub old_ones {
    stock('old', 100);

    for my $i (1 .. 20) {
        take(id => "o$i", items => [ [ 'old', 1 ] ]);
        finish(id => "o$i", items => [ [ 'old', 1 ] ], hold_end => 'commit');
    }

    my $due = $redis->command('ZSCORE', 'adm:due:{old}',
                              AdmScripts::id_of('o1'));

    within($due / 1000 - 2e12 - now() / 1000, $DAY,
           'what is settled is known a day');
    $redis->command('ZADD', 'adm:due:{old}',
                    map { (2e15, AdmScripts::id_of("o$_")) } 1 .. 20);
    $redis->command('SETRANGE', 'adm:totals:{old}', 56, pack 'Q<', 0);
    facts_of('old') for 1 .. 3;
    is($redis->command('ZCARD', 'adm:due:{old}') . ' '
       . $redis->command('HLEN', 'adm:holds:{old}'), '0 0', 'then forgotten');
    is(facts_of('old'), '80 0 0 0 20 0', 'but for the totals');

    return;
}


# Every key of ours has a time, and more of it while somebody looks.
sub all_have_a_time {
    my @keys = grep { /^adm:/ } @{ $redis->command('KEYS', '*') };
    my @for_ever = grep { $redis->command('TTL', $_) < 0 } @keys;

    is("@for_ever", '', scalar(@keys) . ' keys, each with its time');

    stock('live', 5);
    take(id => 'a', items => [ [ 'live', 1 ] ]);
    $redis->command('EXPIRE', "adm:$_:{live}", 1000) for qw(holds due totals);
    facts_of('live');
    is($redis->command('TTL', 'adm:holds:{live}'), 1000, 'not at each look');
    $redis->command('SETRANGE', 'adm:totals:{live}', 40, pack 'Q<', 1);
    facts_of('live');
    within($redis->command('TTL', "adm:$_:{live}"), 30 * $DAY,
           "$_: a day later")
        for qw(holds due totals);

    finish(id => 'a', items => [ [ 'live', 1 ] ]);
    $redis->command('ZADD', 'adm:due:{live}', 2e15, AdmScripts::id_of('a'));
    $redis->command('SETRANGE', 'adm:totals:{live}', 56, pack 'Q<', 0);
    facts_of('live');
    is($redis->command('EXISTS', 'adm:holds:{live}'), 0, 'an empty key goes');
    take(id => 'b', items => [ [ 'live', 1 ] ]);
    within($redis->command('TTL', "adm:$_:{live}"), 30 * $DAY, "$_: is new")
        for qw(holds due);

    return;
}


sub operators {
    my $asks = sub {
        my ($told, $facts) = $scripts->inventory(@_);
        return "$told: " . facts($facts);
    };

    is($asks->('add', 'op', 5), 'none: 0 0 0 0 0 0', 'add to no SKU');
    is($asks->('set', 'op', 7), 'ok: 7 0 0 0 0 0', 'set makes one');
    take(id => 'a', items => [ [ 'op', 2 ] ]);
    take(id => 'b', items => [ [ 'op', 1 ] ]);
    finish(id => 'b', items => [ [ 'op', 1 ] ], hold_end => 'unresolved');
    take(id => 'c', items => [ [ 'op', 1 ] ]);
    finish(id => 'c', items => [ [ 'op', 1 ] ], hold_end => 'commit');
    is($asks->('add', 'op', -4), 'short: 3 2 1 1 1 0', 'not below 0');
    is($asks->('add', 'op', -3), 'ok: 0 2 1 1 1 0', 'to 0');
    is($asks->('add', 'op', 1), 'ok: 1 2 1 1 1 0', 'more');
    is($asks->('total', 'op', 3), 'short: 1 2 1 1 1 0', 'less than are out');
    is($asks->('total', 'op', 10), 'ok: 6 2 1 1 1 0', 'a total');
    stock('op', 'x');
    is($asks->('add', 'op', 1), 'wrong: 0 2 1 1 1 0', 'add to no number');
    is($asks->('set', 'op', 3), 'ok: 3 2 1 1 1 0', 'set repairs it');
    stock('op', -2);
    is($asks->('add', 'op', 3), 'ok: 1 2 1 1 1 0', 'add to less than nothing');

    is_deeply([ $scripts->look('op', 'nowhere') ]->[1]{look}, 'missing',
              'a look at several');
    is_deeply($scripts->names('op', 'tee'), [], 'names');
    is_deeply([ sort @{ $scripts->names('op') } ], [ 'op', 'tee' ],
              'are listed when they were touched');

    return;
}


sub holds_by_id {
    stock($_, 9) for qw(x y z);

    my @skus = qw(x y z);
    my $cart = [ [ 'x', 2 ], [ 'z', 1 ] ];

    is($scripts->holds('hold', 'a', @skus)->{told}, 'none', 'no such hold');
    take(id => 'a', items => $cart, note => 'corr-1');

    my $said = $scripts->holds('hold', 'a', @skus);

    is(join(' ', map { "$_->{sku} $_->{quantity} $_->{state} $_->{note}" }
                 @{ $said->{found} }),
       'x 2 running corr-1 z 1 running corr-1', 'what is known of one');
    within($said->{found}[0]{moment} - now(), 600_000, 'until when');
    is($scripts->holds('release', 'a', @skus)->{told}, 'running',
       'one that runs is not given back');
    is($scripts->holds('commit', 'a', @skus)->{told}, 'ok', 'but committed');
    is(join(' / ', map { facts_of($_) } @skus),
       '7 0 0 0 2 0 / 9 0 0 0 0 0 / 8 0 0 0 1 0', 'all of it');
    is(finish(id => 'a', items => $cart, hold_end => 'commit'), 'ok ok ok',
       'its request may say so, too');
    is($scripts->holds('release', 'a', @skus)->{told}, 'other',
       'it is settled');

    take(id => 'b', items => $cart);
    finish(id => 'b', items => $cart, hold_end => 'leave');
    is($scripts->holds('release', 'b', @skus)->{told}, 'ok', 'one released');
    is($scripts->holds('release', 'b', @skus)->{told}, 'ok', 'twice told');
    is($scripts->holds('commit', 'b', @skus)->{told}, 'other',
       'and not bought');
    is($scripts->holds('hold', 'b', @skus)->{found}[0]{state}, 'released',
       'so');

    take(id => 'c', items => $cart);
    finish(id => 'c', items => $cart, hold_end => 'leave', hold => 1);
    ok(wait_for(sub { facts_of('x') =~ / 2$/ && facts_of('z') =~ / 1$/ }),
       'one has expired');
    is($scripts->holds('commit', 'c', @skus)->{told}, 'late', 'new units');

    return;
}


sub unresolved_ones {
    stock($_, 9) for qw(u v);

    for my $i (1 .. 5) {
        my $items = [ [ $i % 2 ? 'u' : 'v', 1 ] ];

        take(id => "u$i", items => $items, note => "n$i");
        finish(id => "u$i", items => $items, hold_end => 'unresolved');

        my $now = now();

        wait_for(sub { now() > $now });
    }

    my $said = $scripts->holds('holds', 3, qw(u v));

    is(join(' ', map { $_->{note} } @{ $said->{found} }), 'n1 n2 n3',
       'those that are unresolved, the oldest first');
    is($said->{more}, 1, 'there are more');
    is($scripts->holds('holds', 5, qw(u v))->{more}, 0, 'or not');

    return;
}


# A memory that is not the one in which stock was confirmed.
sub failover {
    my $close = AdmScripts->new($redis, close => 1);

    stock('safe', 5);
    is($close->look('safe')->{look}, 'seen', 'on_failover=close: seen first');
    is($redis->command('STRLEN', 'adm:totals:{safe}'), 64 + 40,
       'and remembered');
    $redis->command('SETRANGE', 'adm:totals:{safe}', 64, 'another');
    is($close->look('safe')->{look}, 'unconfirmed', 'another memory');
    is($close->checkout(id => 'a', items => [ [ 'safe', 1 ] ])->{stock},
       'unconfirmed', 'refuses');
    is($scripts->checkout(id => 'b', items => [ [ 'safe', 1 ] ])->{stock},
       'ok', 'on_failover=continue does not');
    $close->inventory('add', 'safe', 1);
    is($close->look('safe')->{look}, 'unconfirmed', 'to add is not to know');
    is($close->settle(id => 'b', items => [ [ 'safe', 1 ] ],
                      hold_end => 'commit')->{holds}[0], 'ok',
       'what was taken is settled');
    $close->inventory('set', 'safe', 4);
    is($close->checkout(id => 'c', items => [ [ 'safe', 1 ] ])->{stock}, 'ok',
       'confirmed by an operator');

    return;
}


# Without memory nothing is taken, and what is owed is told all the same.
sub no_memory {
    my @cart = (items => [ [ 'oom', 1 ] ]);

    stock('oom', 5);
    take(id => 'a', key => 'oom', @cart);
    $redis->command('CONFIG', 'SET', 'maxmemory', 1);

    eval { take(id => 'b', @cart) };
    like($@, qr/^OOM/, 'no memory: nothing is taken');
    is(finish(id => 'a', key => 'oom', @cart, key_end => 'keep', kept => 'x',
              hold_end => 'commit'), 'ok ok', 'what was taken is settled');
    is(facts_of('oom'), '4 0 0 0 1 0', 'and told of');

    $redis->command('CONFIG', 'SET', 'maxmemory', 0);

    return;
}


one_key();
not_kept();
locks();
freed();
lost_key();
forgotten();
lives();
one_sku();
given_back();
time_passes();
at_once_unresolved();
late_commits();
carts();
buyers();
few_buyers();
order();
looks();
spoilt();
taken_away();
sweeps_some();
old_ones();
operators();
holds_by_id();
unresolved_ones();
failover();
no_memory();
all_have_a_time();
broken();

done_testing();
