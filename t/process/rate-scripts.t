#!/usr/bin/perl

# The scripts of exact rates, run by a Redis itself: to the tick; of several
# limits all or none; what is given back, in whatever order, is what would
# not have been taken, and never what has drained; a key that is no rate
# spoils nothing.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmNginx qw(wait_for);
use AdmRedis ();

AdmRedis::need_redis();

# the ticks of the scripts
my $SECOND = 16_000_000;
my $HOUR = 3600 * $SECOND;
my $ORIGIN = 1_704_067_200;

# what may drain while a test runs
my $SLACK = 60 * $SECOND;

my $redis = AdmRedis->start(socket => 1);
my %sha = map { $_ => $redis->load($_) } qw(rate rate_back);


sub now {
    my ($seconds, $us) = @{ $redis->command('TIME') };

    return ($seconds - $ORIGIN) * $SECOND + $us * 16;
}


sub run {
    my ($script, $keys, @args) = @_;

    return $redis->command('EVALSHA', $sha{$script}, scalar @$keys, @$keys,
        map { sprintf '%.0f', $_ } @args);
}


# Takes of rates { key, interval, depth, ceiling, cost }: what is told of
# each.
sub take {
    my (@rates) = @_;

    for (@rates) {
        my $interval = $_->{interval} // $HOUR;
        my $depth = $_->{depth} // 100 * $interval;

        $_ = { interval => $interval, depth => $depth, ceiling => $depth,
               %$_, ticks => ($_->{cost} // 1) * $interval };
    }

    my $said = run('rate', [ map { $_->{key} } @rates ],
        map { @$_{qw(ticks depth ceiling)} } @rates);

    for (@rates) {
        @$_{qw(level tat refunded since)} = splice @$said, 0, 4;

        $_->{made} = $_->{tat} - $_->{level} - $_->{ticks};
        $_->{wait} = $_->{level} + $_->{ticks} - $_->{depth};
        $_->{granted} = !$_->{ticks} || $_->{wait} <= 0 ? 1 : 0;
    }

    return wantarray ? @rates : $rates[0];
}


# Whole units left, without what is asked for.
sub remaining {
    my ($rate) = @_;

    my $told = take({ %$rate, cost => 0 });

    return int(($told->{depth} - $told->{level}) / $told->{interval});
}


# Gives a charge back: the ticks that were.
sub give_back {
    my ($charge) = @_;

    return run('rate_back', [ $charge->{key} ],
        @$charge{qw(ticks tat refunded since made)})->[0];
}


sub near {
    my ($got, $expected, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return ok($got <= $expected && $got > $expected - $SLACK, $name)
        || diag(sprintf 'got %.0f, expected %.0f', $got, $expected);
}


sub to_the_tick {
    my @said = map { take({ key => 'a', depth => 3 * $HOUR }) } 1 .. 4;

    is(join(' ', map { $_->{granted} } @said), '1 1 1 0', 'three of three');
    is(remaining({ key => 'a', depth => 3 * $HOUR }), 0, 'nothing is left');
    near($said[3]{wait}, $HOUR, 'the wait is until a unit has drained');
    is($said[0]{tat} + 2 * $HOUR, $said[2]{tat}, 'each charge is an hour');
    is($said[3]{tat}, 0, 'who is refused has taken nothing');
    is(take({ key => 'a', depth => 3 * $HOUR, cost => 4 })->{tat}, 0,
        'more than is ever allowed');
    is(take({ key => 'new', depth => 3 * $HOUR, cost => 4 })->{tat}, 0,
        'also of nobody yet');
    is(take({ key => 'a', depth => 3 * $HOUR, cost => 0 })->{granted}, 1,
        'nothing always fits');

    take({ key => 'nobody', cost => 0 });
    is($redis->command('EXISTS', 'nobody', 'new'), 0, 'and makes no key');

    return;
}


sub all_or_none {
    take({ key => 'full', depth => $HOUR });

    my @said = take({ key => 'b1' }, { key => 'full', depth => $HOUR },
        { key => 'b2', depth => 5 * $HOUR });

    is(join(' ', map { $_->{granted} } @said), '1 0 1', 'one is full');
    is(join(' ', map { $_->{tat} } @said), '0 0 0', 'nothing is taken');
    is($redis->command('EXISTS', 'b1', 'b2'), 0, 'of either');
    is($said[2]{level}, 0, 'but what there is is told');

    @said = take({ key => 'b1' }, { key => 'b2' });
    is((grep { $_->{granted} && $_->{tat} } @said), 2, 'two that fit');
    is($redis->command('EXISTS', 'b1', 'b2'), 2, 'are taken');

    return;
}


sub no_rate {
    my %wrong = (
        text => 'text', nothing => '', long => 'x' x 1000,
        'text of that length' => 'no rate, but it is as long',
        'text of 24 bytes' => 'as long as a rate, 24 by',
        'a double' => pack('d<', 1), 'two doubles' => pack('d<2', 1, 2),
        'half a place' => pack('d<4', 1),
        negative => pack('d<3', -1, 0, 0), broken => pack('d<3', 1.5, 0, 0),
        'no number' => pack('d<3', 'nan', 0, 0),
        endless => pack('d<3', 9**9**9, 0, 0),
        'beyond what is exact' => pack('d<3', 2**53, 0, 0),
    );

    for (['LPUSH', 'a list', 'x'],
         map { ['SET', $_, $wrong{$_}] } sort keys %wrong)
    {
        my ($command, $name, $value) = @$_;

        $redis->command('DEL', 'wrong', 'beside');
        $redis->command($command, 'wrong', $value);

        eval { take({ key => 'beside' }, { key => 'wrong' }) };
        like($@, qr/^WRONGTYPE /, "$name is no rate");
        is($redis->command('EXISTS', 'beside'), 0, '... nothing is written');
    }

    return;
}


# All that was taken and given back, in any order, is as if it had not been.
sub any_order {
    my $seed = $ENV{ADM_SEED} // time;
    my $wrong = 0;

    srand $seed;

    for my $round (1 .. 40) {
        my $ticks = 0;
        my @held;

        for (1 .. 60) {
            if (@held && (rand() < 0.5 || @held > 25)) {
                my ($charge) = splice @held, int rand @held, 1;
                my $left = $charge->{ticks} - give_back($charge);

                $wrong++ if $left < 0 || $left > $SLACK;

            } else {
                push @held, take({ key => "c$round", cost => 1 + int rand 3 });
            }
        }

        $ticks += $_->{ticks} for @held;

        my $now = take({ key => "c$round", cost => 0 });

        $wrong++ if abs($now->{level} - $ticks) > $SLACK;
    }

    is($wrong, 0, "given back in any order, seed $seed");

    return;
}


# More than is remembered, in the order that is worst for the first one.
sub many_between {
    my $first = take({ key => 'd' });
    my @held = map { take({ key => 'd' }) } 1 .. 50;
    my $sum = 0;

    $sum += give_back($_) for reverse @held;
    $sum += give_back($first);

    my $rest = 51 * $HOUR - $sum;

    cmp_ok($rest, '>=', 0, 'never more than was taken');
    cmp_ok($rest, '<=', $SLACK, 'nor less than time has passed');
    is(length $redis->command('GET', 'd'), 24 + 32 * 16,
        'and what is remembered has a bound');

    return;
}


# What a charge still has of its ticks, in a line that drains from its head:
# [[charge, ticks], ...], as it was at "at".
sub drain {
    my ($line, $now) = @_;

    my $passed = $now - $line->{at};

    $line->{at} = $now;

    while ($passed > 0 && @{ $line->{held} }) {
        my $head = $line->{held}[0];
        my $ticks = $head->[1] < $passed ? $head->[1] : $passed;

        $head->[1] -= $ticks;
        $passed -= $ticks;
        shift @{ $line->{held} } if $head->[1] == 0;
    }

    return;
}


# Gives one of the line back: how much more than it had, and less.
sub give_back_of {
    my ($line, $charge) = @_;

    drain($line, now());

    my ($of) = grep { $_->[0] == $charge } @{ $line->{held} };
    my $had = $of ? $of->[1] : 0;
    my $back = give_back($charge);

    $of->[1] -= $back if $of;

    return ($back > $had ? $back - $had : 0, $had > $back ? $had - $back : 0);
}


# Many hold a charge while it drains, and give it back in any order, some after
# more than is remembered: never what has drained.
sub while_it_drains {
    my $seed = $ENV{ADM_SEED} // time;
    my $rate = { key => 'w', interval => $SECOND / 2000,
                 depth => 30 * $SECOND };
    my $line = { at => 0, held => [] };
    my ($more, $less, $sum, @held) = (0, 0, 0);

    srand $seed;

    for (1 .. 2000) {
        if (@held > 20 + rand 60) {
            my ($charge) = splice @held, rand() < 0.8 ? -1 : int rand @held, 1;
            my ($over, $short) = give_back_of($line, $charge);

            $more = $over if $over > $more;
            $less += $short;

        } else {
            my $charge = take({ %$rate, cost => 1 + int rand 4 });

            drain($line, $charge->{made});
            push @{ $line->{held} }, [$charge, $charge->{ticks}];
            push @held, $charge;
            $sum += $charge->{ticks};
        }
    }

    diag(sprintf '%.2f %% less than there was', 100 * $less / $sum);
    cmp_ok($more, '<=', 16, "never what has drained, seed $seed");

    return;
}


# A charge of five units that drain in a tenth of a second each.
sub what_drained {
    my $rate = { key => 'e', interval => $SECOND / 10, cost => 5 };
    my $charge = take($rate);
    my $after = now();

    wait_for(sub { now() - $after > $SECOND / 5 });

    my $before = now();
    my $back = give_back($charge);

    cmp_ok($back, '<=', $SECOND / 2 - ($before - $after),
        'what has drained is not given back');
    cmp_ok($back, '>', 0, 'but what has not')
        if now() - $charge->{made} < $SECOND / 2;

    $charge = take({ %$rate, cost => 1 });

    my $other = take({ %$rate, cost => 90 });

    wait_for(sub { now() > $charge->{tat} });
    is(give_back($charge), 0, 'a charge that has drained, before another');
    cmp_ok(give_back($other), '>', 0, 'which has not');
    is(give_back($other), 0, 'nothing is given back twice');

    return;
}


# What is given back lets all behind it drain earlier, however long ago.
sub moved_forward {
    my $rate = { key => 'j', interval => $SECOND / 10,
                 depth => 30 * $SECOND };
    my @before = map { take($rate) } 1 .. 40;
    my $charge = take($rate);
    my $behind = take({ %$rate, cost => 200 });
    my $end = $charge->{tat};

    $end -= give_back($_) for @before;

    cmp_ok($end, '<', $charge->{tat}, 'forty before it go');
    wait_for(sub { now() > $end });
    is(give_back($charge), 0, 'then it has drained');
    cmp_ok(give_back($behind), '>', 0, 'and the one behind it has not');

    return;
}


# A key stays for a moment when all has drained: that is no credit.
sub idle {
    my $rate = { key => 'k', interval => $SECOND / 5,
                 depth => 3 * $SECOND / 5 };
    my $charge = take($rate);

    $redis->command('PERSIST', 'k');
    wait_for(sub { now() > $charge->{tat} + $SECOND / 2 });

    is($redis->command('EXISTS', 'k'), 1, 'the key is still there');
    is(take({ %$rate, cost => 4 })->{granted}, 0, 'more than the depth');
    is(take({ %$rate, cost => 3 })->{granted}, 1, 'the depth');

    return;
}


sub earlier_key {
    my $charge = take({ key => 'f' });

    $redis->command('DEL', 'f');
    is(give_back($charge), 0, 'the key has gone');

    take({ key => 'f', cost => 3 });
    is(give_back($charge), 0, 'the key is another one');

    return;
}


# Left by a slower rate: fits once, and fills the budget under this one.
sub another_configuration {
    my $minute = 60 * $SECOND;
    my $fast = { key => 'g', interval => $minute, depth => 3 * $minute };

    take({ key => 'g', interval => 24 * $HOUR, cost => 50 });

    my @said = map { take($fast) } 1, 2;

    is("$said[0]{granted} $said[1]{granted}", '1 0', 'fits once');
    cmp_ok($said[1]{wait}, '<=', $minute, 'and then as this rate has it');

    # two limits of one rate: the deeper one's level is no other's

    take({ key => 'h', depth => 90 * $HOUR, cost => 80 });
    is(take({ key => 'h', depth => 2 * $HOUR, ceiling => 90 * $HOUR })
        ->{granted}, 0, 'but not a deeper limit of the same rate');

    return;
}


sub lives {
    my $charge = take({ key => 'i', interval => $SECOND, cost => 10 });
    my $left = $redis->command('PTTL', 'i');
    my $level = ($charge->{tat} - now()) / $SECOND * 1000;

    cmp_ok($left, '>', $level, 'a key lives while there is a level');
    cmp_ok($left, '<=', 12_000, 'and two seconds at most');

    my @charges = map { take({ key => 'i', interval => $SECOND }) } 1 .. 3;

    give_back($_) for @charges;
    $left = $redis->command('PTTL', 'i');
    cmp_ok($left, '>', 0, 'also when something was given back');
    cmp_ok($left, '<=', 15_000, '... for as long as it would have');

    return;
}


to_the_tick();
all_or_none();
no_rate();
any_order();
many_between();
while_it_drains();
what_drained();
moved_forward();
idle();
earlier_key();
another_configuration();
lives();

$redis->finish;

done_testing();
