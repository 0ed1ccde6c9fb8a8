#!/usr/bin/perl

# Workers die in the middle of a sale, some of them in the middle of a line of
# the books.  The next one under the mutex puts that right, whoever lives gives
# back what was never sent, and what was sent stays out of the stock until
# somebody knows.  So at any moment there are as many units as there were, no
# unit has two orders, and however often somebody orders with the same key, it
# is done once.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use AdmNginx qw(wait_for slurp);
use AdmShelf ();


my $UNITS = 300;
my $CLIENTS = 8;
my $KEYS = 600;
my $KILLS = $ENV{ADM_CHAOS} ? 400 : 25;
my $SEED = $ENV{ADM_SEED} // int rand 1e6;

my %FATES = (sold => 0.2, declined => 0.35, elsewhere => 0.2, broken => 0.05,
             gone => 0.05, resets => 0.05, silent => 0.05, hangs => 0.05);

my @DIED = (qr/exited on signal 9/, qr/shared memory zone .* was locked by/);


# Orders without end, and writes down what it is told.
sub customer {
    my ($shelf, $file, $seed) = @_;

    my $pid = fork // die "cannot fork: $!\n";

    return $pid if $pid;

    srand $seed;
    open my $out, '>', $file or POSIX::_exit(1);
    $out->autoflush;

    for (;;) {
        my $key = int rand $KEYS;
        my $said = $shelf->buy(sku => 'lamp', key => "k$key", buyer => 'ann',
            quantity => 1 + $key % 3);

        print {$out} "$said k$key\n";
        sleep 0.02 if $said !~ /^201/;
    }
}


# What is wrong with the books now; nothing if nobody answers.
sub wrong {
    my ($shelf) = @_;

    my $facts = $shelf->facts('lamp') or return '';
    my $sum = AdmShelf::sum($facts);

    return $sum == $UNITS ? '' : "$sum units: " . join ' ',
        map { "$_ $facts->{$_}" } sort grep { /^[a-z]+$/ } keys %$facts;
}


# Each order that was executed has units, and no unit has two orders.
sub orders_have_units {
    my ($shelf) = @_;

    my $facts = $shelf->facts('lamp');
    my (%state, %keys);

    is((grep { $keys{ $_->[0] }++ } $shelf->till->executed), 0,
        'no key was executed twice');

    $state{ $shelf->ask(GET => "/holds/$_->[2]")->{state} // 'none' }++
        for $shelf->till->executed;

    note(join ' ', map { "$_: $state{$_}" } sort keys %state);

    my $known = delete $state{committed} // 0;
    my $lost = delete $state{unresolved} // 0;

    is_deeply(\%state, {}, 'each order that was executed has its units');
    cmp_ok($known + $lost, '<=', $UNITS, 'no more orders than units');
    ok($lost, "$lost of them are unresolved");

    return $facts;
}


sub under_load {
    my $shelf = AdmShelf->start(seed => $SEED, fates => \%FATES,
        hold => '1s', patience => '300ms',
        more => 'admission_idempotency $http_idempotency_key'
            . ' owner=$http_x_buyer;');
    my $nginx = $shelf->nginx;
    my @files = map { File::Temp->new } 1 .. $CLIENTS;
    my (@wrong, $looks);

    note("ADM_SEED=$SEED");
    srand $SEED;
    $shelf->put('lamp', $UNITS);

    my @pids = map { customer($shelf, "$files[$_]", $SEED + $_) } 0 .. $#files;

    for (1 .. $KILLS) {
        my $end = time + 0.1 + rand 0.2;

        while (time < $end) {
            push @wrong, grep { $_ } wrong($shelf);
            $looks++;
        }

        my @workers = $nginx->serving;
        kill 'KILL', $workers[rand @workers] if @workers;
    }

    kill 'KILL', @pids;
    waitpid $_, 0 for @pids;

    ok(wait_for(sub { $nginx->serving == 2 }), 'two workers are there');
    is("@wrong", '', "as many units as there were at each of $looks looks");

    ok(wait_for(sub {
        my $facts = $shelf->facts('lamp');
        return $facts && $facts->{held} == 0;
    }, 20), 'nothing is held for ever');
    is(wrong($shelf), '', 'and at the end');

    my $facts = orders_have_units($shelf);

    my %told = map { $_ => 1 } map { slurp("$_") =~ /^201 .*?(k\d+)$/mg }
        @files;
    my %done = map { $_->[0] => 1 } $shelf->till->executed;

    ok(scalar keys %told, keys(%told) . ' were told that they have one');
    is((grep { !$done{$_} } keys %told), 0, '... and have');

    settle($shelf);
    $nginx->finish(allow => \@DIED);

    return;
}


# Somebody looks into it, and tells.
sub settle {
    my ($shelf) = @_;

    my $decided = $shelf->till->decided;

    for my $hold ($shelf->unresolved) {
        $shelf->ask(POST => "/holds/$hold->{hold}/"
            . ($decided->{ $hold->{hold} } ? 'commit' : 'release'));
    }

    my $facts = $shelf->facts('lamp');

    is($facts->{unresolved}, 0, 'all is settled');
    is($facts->{available} + $facts->{committed}, $UNITS,
        'units are in the stock, or sold');

    return;
}


under_load();

done_testing();
