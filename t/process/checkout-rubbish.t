#!/usr/bin/perl

# Replies of another shape than our scripts have: of another version of them,
# or of no Redis at all.  None of them is taken for a permission, an answer
# that was kept, or an acknowledgement; no worker falls, and as soon as the
# replies are sane so is the sale.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmFakeRedis ();
use AdmNginx qw(wait_for);
use AdmSale ();


my $fake = AdmFakeRedis->start;
my $sale = AdmSale->start(workers => 1, conf => 'admission_redis '
    . 'redis://127.0.0.1:' . $fake->port . ' timeout=5s claim_timeout=5s;'
    . 'admission_redis_circuit failures=1000;');


sub said { return AdmSale::said(@_) }
sub words { return pack 'Q<*', @_ }
sub bulk { return AdmFakeRedis::bulk(@_) }

my @FACTS = (2, 5, 1, 1, 0, 0, 0);

# as checkout.lua has it: the key, the stock, a SKU; the kept response
sub checkout {
    my (%change) = @_;

    my %o = (key => 0, wait => 0, status => 0, stock => 0, item => 0,
             later => 0, facts => [@FACTS], kept => '', %change);

    return words(@o{qw(key wait status stock item later)}, @{ $o{facts} })
        . $o{kept};
}

my $GOOD = bulk(checkout());
my $TAKEN = bulk(words(0, 0, 2, 4, 0, 0, 0, 1, 0));

my %RUBBISH = (
    'nothing'                   => "\$-1\r\n",
    'a number'                  => ":0\r\n",
    'a word'                    => "+OK\r\n",
    'an array'                  => "*1\r\n:0\r\n",
    'no array'                  => "*-1\r\n",
    'an empty text'             => bulk(''),
    'a byte less'               => bulk(substr checkout(), 0, -1),
    'one SKU less'              => bulk(substr checkout(), 0, 48),
    'the key alone'             => bulk(words(0, 0, 0)),
    'an unknown word of a key'  => bulk(checkout(key => 7)),
    'a huge word of a key'      => bulk(checkout(key => 2 ** 63)),
    'an unknown word of stock'  => bulk(checkout(stock => 9)),
    'a SKU that was not asked'  => bulk(checkout(stock => 1, item => 1)),
    'a SKU far away'            => bulk(checkout(stock => 1, item => 2 ** 40)),
    'no word of a SKU'          => bulk(checkout(facts => [0, 5, 0, 0, 0, 0,
                                                           0])),
    'an unknown word of a SKU'  => bulk(checkout(facts => [5, 5, 0, 0, 0, 0,
                                                           0])),
    'withheld by nobody'        => bulk(checkout(stock => 8)),
    'units beyond all numbers'  => bulk(checkout(facts => [2, 2 ** 60, 0, 0, 0,
                                                           0, 0])),
    'an error'                  => "-WRONGTYPE of a key\r\n",
);


my %deeds;

# What is said to a script from now on.
sub says {
    my ($script, $reply) = @_;

    $deeds{"EVALSHA $script"} = { say => $reply };

    return $fake->does(%deeds);
}


my $orders = 0;

sub order { return (key => 'k' . ++$orders, sku => 'tee') }


sub healthy {
    my ($name) = @_;

    says(checkout => $GOOD);
    says(settle => $TAKEN);

    is(said($sale->buy(0, order())), '200', $name);
    $sale->paid;

    return;
}


sub no_permission {
    my $executed = $sale->orders->executed('/');

    for my $name (sort keys %RUBBISH) {
        says(checkout => $RUBBISH{$name});

        is(said($sale->buy(0, order())), '503 store_down',
            "$name is no permission");
    }

    is($sale->orders->executed('/'), $executed, 'nothing was executed');

    # nobody knows what was taken: all of it is given back

    says(settle => $TAKEN);
    $sale->paid('  and all is given back');

    return;
}


sub no_answer {
    for my $kept ('', 'x', "\0" x 64, "\xff" x 5000) {
        says(checkout => bulk(checkout(key => 3,
            status => 200, stock => 8, kept => $kept)));

        is(said($sale->buy(0, order())), '409 not_kept',
            length($kept) . ' bytes of nonsense are no answer');
    }

    return;
}


sub no_acknowledgement {
    my $node = $sale->node(0);

    says(checkout => $GOOD);

    for my $reply ("\$-1\r\n", ":0\r\n", bulk(''), bulk(words(0)),
                   bulk(substr words(0, 0, 2, 4, 0, 0, 0, 1, 0), 0, -1),
                   bulk(words(0, 6, 3, 0, 0, 0, 0, 0, 0)),
                   "-ERR no\r\n", "-OOM no\r\n")
    {
        my $told = $fake->heard('EVALSHA settle');

        says(settle => $reply);

        is(said($sale->buy(0, order())), '200', 'an order');
        ok(wait_for(sub { $fake->heard('EVALSHA settle') >= $told + 2 }, 10),
            '  its end is told again');
        is($node->metric('outbox_owed'), 1, '  and still owed');

        says(settle => $TAKEN);
        $sale->paid('  until it is acknowledged');
    }

    return;
}


sub no_stock {
    my @looks = (at => 'look', sku => 'cup');

    says(checkout => bulk(checkout(facts => [@FACTS])));

    for my $reply ("\$-1\r\n", ":0\r\n", bulk(words(@FACTS)), "*0\r\n",
                   AdmFakeRedis::array(bulk(''), "*0\r\n"),
                   AdmFakeRedis::array(bulk(words(9, (0) x 6)), "*0\r\n"),
                   AdmFakeRedis::array(bulk(words(2, 2 ** 60, (0) x 5)),
                                       "*0\r\n"))
    {
        says(stock => $reply);

        my $asked = $fake->heard('EVALSHA stock');

        wait_for(sub { $fake->heard('EVALSHA stock') > $asked }, 10);

        is(said($sale->buy(0, @looks)), '200',
            'what is no stock says nothing of it');
    }

    return;
}


healthy('an order');
no_permission();
healthy('an order as soon as the replies are sane');
no_answer();
no_acknowledgement();
no_stock();
healthy('and one in the end');

$sale->finish;

done_testing();
