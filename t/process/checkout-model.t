#!/usr/bin/perl

# Thousands of calls of the scripts of keys and stock, drawn at random,
# beside a model of what they should do: units are moved and never made, and
# every call says what the model says.
#
# From the environment: ADM_SEED.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmRedis ();
use AdmScripts ();

AdmRedis::need_redis();

my $CALLS = 4000;
my @FATES = qw(committed expired unresolved);
my $SEED = $ENV{ADM_SEED} // 20_261_127;

# few, so that they meet
my @SKUS = qw(tee cap mug);
my @KEYS = map { "k$_" } 1 .. 12;
my @IDS = map { "i$_" } 1 .. 20;
my @BUYERS = qw(ann bob cem);

# one that is over as soon as it is looked at, and one that is not
my ($NO_TIME, $LONG) = (0, 600_000);

my $redis = AdmRedis->start(socket => 1);
my $scripts = AdmScripts->new($redis);

# sku => { available held holds unresolved committed expired made had holds }
my %stock;

# key => { state, fence, print, kept }
my %keys;


sub any { return $_[rand @_] }


sub begin {
    for my $sku (@SKUS) {
        $redis->command('SET', "inventory:$sku", 25);
        $stock{$sku} = { available => 25, made => 25, of => {}, had => {},
                         map { $_ => 0 } qw(held holds unresolved committed
                                            expired) };
    }

    return;
}


sub facts { return join ' ', @{ $_[0] }{@AdmScripts::FACTS} }


# The model

sub out {
    my ($s, $h) = @_;

    if ($h->{state} eq 'unresolved') {
        $s->{unresolved} -= $h->{quantity};
    } else {
        $s->{held} -= $h->{quantity};
        $s->{holds}--;
    }

    return;
}


sub settled {
    my ($s, $h, $state) = @_;

    $s->{had}{ $h->{buyer} } -= $h->{quantity}
        if defined $h->{buyer} && $state ne 'committed';

    @$h{qw(state buyer returns)} = ($state);

    return;
}


sub back {
    my ($s, $h, $state) = @_;

    out($s, $h);
    $s->{available} += $h->{quantity};
    $s->{expired} += $h->{quantity} if $state eq 'expired';
    settled($s, $h, $state);

    return;
}


sub unresolve {
    my ($s, $h) = @_;

    return back($s, $h, 'expired') if $h->{returns};

    out($s, $h);
    $h->{state} = 'unresolved';
    $s->{unresolved} += $h->{quantity};

    return;
}


sub sweep {
    my ($s) = @_;

    for my $h (grep { $_->{over} && $_->{state} =~ /running|held/ }
               values %{ $s->{of} })
    {
        $h->{state} eq 'held' ? back($s, $h, 'expired') : unresolve($s, $h);
    }

    return;
}


sub model_judge {
    my ($o) = @_;

    for my $i (0 .. $#{ $o->{items} }) {
        my ($sku, $quantity) = @{ $o->{items}[$i] };
        my $s = $stock{$sku};
        my $all = $s->{available} + $s->{held} + $s->{unresolved};

        return ('sold_out', $i) if $quantity > $all;
        return ('reserved', $i) if $quantity > $s->{available};
        return ('buyer', $i) if $o->{per_buyer}
            && ($s->{had}{ $o->{buyer} } // 0) + $quantity > $o->{per_buyer};
    }

    return ('ok', 0);
}


sub model_key {
    my ($o) = @_;

    my $k = $keys{ $o->{key} } or return 'new';

    my $mine = $k->{fence} eq $o->{id};

    return $mine ? 'running' : 'new' if $k->{state} eq 'free';
    return 'again' if $mine && $k->{state} eq 'running';
    return 'mismatch' if $k->{print} ne $o->{print};
    return $k->{state};
}


sub model_checkout {
    my ($o) = @_;

    my $said = defined $o->{key} ? model_key($o) : 'new';
    my $again = $said eq 'again';

    $said = 'new' if $again;

    return "$said withheld 0" if $said ne 'new' && @{ $o->{items} };
    return "$said ok 0" if $said ne 'new';

    my $answer = 'ok';

    if (!$o->{peek}) {
        sweep($stock{ $_->[0] }) for @{ $o->{items} };

        for (map { $stock{ $_->[0] }{of}{ $o->{id} } // () }
             @{ $o->{items} })
        {
            $again = 1;
            $answer = 'withheld' if $_->{state} ne 'running';
        }
    }

    return "new $answer 0" if $again;

    my $i;

    ($answer, $i) = model_judge($o);

    return "new $answer $i" if $answer ne 'ok' || $o->{peek};

    for (@{ $o->{items} }) {
        my ($sku, $quantity) = @$_;
        my $s = $stock{$sku};

        $s->{available} -= $quantity;
        $s->{held} += $quantity;
        $s->{holds}++;
        $s->{had}{ $o->{buyer} } += $quantity if $o->{per_buyer};
        $s->{of}{ $o->{id} } = {
            state => 'running', quantity => $quantity,
            over => $o->{hold} == $NO_TIME, returns => $o->{returns},
            buyer => $o->{per_buyer} ? $o->{buyer} : undef };
    }

    $keys{ $o->{key} } = { state => 'running', fence => $o->{id},
                           print => $o->{print} } if defined $o->{key};

    return 'new ok 0';
}


sub model_end_key {
    my ($o) = @_;

    my $k = $keys{ $o->{key} };
    my $mine = $k && $k->{fence} eq $o->{id};
    my $was = $k ? $k->{state} : 'none';
    my $new = { keep => defined $o->{kept} ? 'done' : 'unkept',
                forget => 'free', unknown => 'unknown',
                extend => 'running' }->{ $o->{key_end} };

    return 'other' if $k && !$mine && $was ne 'free';

    if ($mine && $was =~ /free|done|unkept/) {
        return 'other' if ($o->{key_end} eq 'forget') != ($was eq 'free');
        return 'ok';
    }

    $keys{ $o->{key} } = { state => $new, fence => $o->{id},
                           print => $o->{print}, kept => $o->{kept} // '' };

    return $new eq 'free' && !$k ? 'none' : 'ok';
}


sub model_commit {
    my ($s, $h, $quantity, $o) = @_;

    return 'ok' if $h && $h->{state} eq 'committed';

    if ($h && $h->{state} =~ /running|held|unresolved/) {
        out($s, $h);
        $s->{committed} += $h->{quantity};
        settled($s, $h, 'committed');
        return 'ok';
    }

    $quantity = $h->{quantity} if $h && $h->{quantity};

    return 'short' if $quantity > $s->{available};

    $s->{available} -= $quantity;
    $s->{committed} += $quantity;
    $s->{of}{ $o->{id} } = { state => 'committed', quantity => $quantity };

    return 'late';
}


sub model_end_hold {
    my ($o, $sku, $quantity) = @_;

    my $s = $stock{$sku};
    my $h = $s->{of}{ $o->{id} };

    return model_commit($s, $h, $quantity, $o) if $o->{hold_end} eq 'commit';

    if (!$h) {
        $s->{of}{ $o->{id} } = { state => 'released', quantity => 0 }
            if $o->{hold_end} eq 'release';
        return 'none';
    }

    if ($h->{state} =~ /committed|released|expired/) {
        return $h->{state} eq 'committed' ? 'other' : 'ok'
            if $o->{hold_end} eq 'release';
        return $h->{state} eq 'committed' ? 'ok' : 'other';
    }

    if ($o->{hold_end} eq 'release') {
        back($s, $h, 'released');

    } elsif ($o->{hold_end} eq 'unresolved') {
        unresolve($s, $h) if $h->{state} ne 'unresolved';

    } elsif ($o->{hold_end} eq 'leave' || $h->{state} ne 'held') {
        $s->{unresolved} -= $h->{quantity}, $s->{held} += $h->{quantity},
            $s->{holds}++ if $h->{state} eq 'unresolved';

        $h->{state} = $o->{hold_end} eq 'leave' ? 'held' : 'running';
        $h->{over} = $o->{hold} == $NO_TIME;
    }

    return 'ok';
}


# What is drawn

sub cart {
    my %quantity = map { any(@SKUS) => 1 + int rand 4 } 1 .. 1 + int rand 2;

    return [ map { [ $_, $quantity{$_} ] } sort keys %quantity ];
}


# A cart of an id is the same whenever it is told of.
my %cart;
my %key;

sub of_id {
    my ($id) = @_;

    $cart{$id} //= cart();
    $key{$id} //= rand() < 0.3 ? '' : any(@KEYS);

    my @key = $key{$id} ne '' ? (key => $key{$id}) : ();

    return (id => $id, items => $cart{$id}, @key, print => any('p', 'p', 'q'));
}


sub try_checkout {
    my $o = { of_id(any(@IDS)), returns => int rand 2, note => 'n',
              hold => any($NO_TIME, $LONG, $LONG), buyer => any(@BUYERS),
              per_buyer => any(0, 6), peek => rand() < 0.1 };

    my $expected = model_checkout($o);
    my $said = $scripts->checkout(%$o);

    if ($said->{key} eq 'done' && $said->{kept} ne $keys{ $o->{key} }{kept}) {
        return ('another response', $expected);
    }

    return ("$said->{key} $said->{stock} $said->{item}", $expected);
}


sub try_settle {
    my @kept = rand() < 0.5 ? (kept => 'r' . int rand 1000, status => 200)
                            : ();
    my $o = { of_id(any(@IDS)), @kept,
              key_end => any(qw(keep keep forget unknown extend)),
              hold_end => any(qw(commit release leave unresolved extend)),
              hold => any($NO_TIME, $LONG) };

    my @expected = map { model_end_hold($o, @$_) } @{ $o->{items} };

    unshift @expected, defined $o->{key} ? model_end_key($o) : 'ok';

    my $said = $scripts->settle(%$o);

    return (join(' ', $said->{key}, @{ $said->{holds} }), "@expected");
}


sub try_add {
    my ($sku, $number) = (any(@SKUS), int(rand 10) - 3);
    my $s = $stock{$sku};

    sweep($s);

    my $short = $s->{available} + $number < 0;

    $s->{$_} += $short ? 0 : $number for qw(available made);

    my ($told) = $scripts->inventory('add', $sku, $number);

    return ($told, $short ? 'short' : 'ok');
}


sub try_by_id {
    my ($what, $id) = (any('commit', 'release'), any(@IDS));
    my $expected = 'none';

    for my $s (@stock{@SKUS}) {
        sweep($s);

        my $h = $s->{of}{$id};
        my $rc = 'ok';

        next if !$h || !$h->{quantity};

        if ($what eq 'commit') {
            $rc = $h->{state} eq 'released' ? 'other'
                : model_commit($s, $h, $h->{quantity}, { id => $id });
        } elsif ($h->{state} =~ /running|committed/) {
            $rc = $h->{state} eq 'running' ? 'running' : 'other';
        } elsif ($h->{state} =~ /held|unresolved/) {
            back($s, $h, 'released');
        }

        $expected = $rc if $expected eq 'none' || $rc ne 'ok';
    }

    return ($scripts->holds($what, $id, @SKUS)->{told}, $expected);
}


# One call: what it said is what the model says, and so is what there is.
sub one_call {
    my ($name, $try) = @{ any([ checkout => \&try_checkout ],
                              [ checkout => \&try_checkout ],
                              [ settle => \&try_settle ],
                              [ settle => \&try_settle ],
                              [ add => \&try_add ],
                              [ by_id => \&try_by_id ]) };

    my ($said, $expected) = $try->();

    return "$name said '$said', not '$expected'" if $said ne $expected;

    # some at a time return, and no more than that are due
    sweep($_) for @stock{@SKUS};

    my @facts = $scripts->look(@SKUS);

    for my $i (0 .. $#SKUS) {
        my $s = $stock{ $SKUS[$i] };
        my ($is, $should) = (facts($facts[$i]), facts($s));

        return "$name: $SKUS[$i] is $is, not $should" if $is ne $should;

        my $sum = 0;

        $sum += $facts[$i]{$_} for qw(available held unresolved committed);

        return "$name: $sum units of $s->{made}" if $sum != $s->{made};
    }

    return '';
}


srand $SEED;
begin();

# Each of the goods has had each fate: after so many calls nearly always.
sub varied {
    return !grep { my $s = $stock{$_}; grep { $s->{$_} == 0 } @FATES } @SKUS;
}


my ($calls, $wrong) = (0, '');

while ($wrong eq ''
       && ($calls < $CALLS || $calls < 10 * $CALLS && !varied()))
{
    $calls++;
    $wrong = one_call();

    # requests are new, and keys are not
    if ($calls % 80 == 0) {
        @IDS = map { "i$calls-$_" } 1 .. 20;
    }
}

is($wrong, '', "$calls calls as a model would, seed $SEED");

for my $sku (@SKUS) {
    my $s = $stock{$sku};

    cmp_ok($s->{$_}, '>', 0, "$sku: some were $_") for @FATES;
}

done_testing();
