package Bench::Report;

# The figures as people read them.  Each function prints one thing.

use strict;
use warnings;


$| = 1;

my $FUNCTIONS = 25;      # of a side, at most
my $FEW = 10;            # instructions that are not worth a line


sub machine {
    my ($machine) = @_;

    print <<"END";
nginx $machine->{nginx} on $machine->{processors} processors, $machine->{processor}

Processor time of the workers per request: median [quartiles] of runs that
take turns, each of a few thousand requests.

END
}


sub group {
    my ($group) = @_;

    my ($first) = @{$group->{sides}};

    printf "%s: %s; %d worker%s, %d rounds\n", $group->{name},
           $group->{title}, $group->{workers},
           $group->{workers} == 1 ? '' : 's', $group->{rounds};

    side($_, $_ == $first) for @{$group->{sides}};

    decisions($group) if $group->{decisions};

    print "\n";
}


sub side {
    my ($side, $first) = @_;

    my $ns = $side->{ns};

    my $text = sprintf '  %-10s %6.0f ns [%.0f, %.0f]', $side->{name},
                       @$ns{qw(median low high)};

    if (!$first) {
        $text = sprintf '%-35s  x%.3f [%.3f, %.3f]  %+5.0f ns [%+.0f, %+.0f]',
                        $text, @{$side->{ratio}}{qw(median low high)},
                        @{$side->{difference}}{qw(median low high)};
    }

    print "$text\n";
}


sub decisions {
    my ($group) = @_;

    print "  by the clock, with wrk on the same processors:\n";

    for my $side (@{$group->{decisions}}) {
        printf "  %-10s %6.0f a second [%.0f, %.0f], "
               . "%.2f processors busy, the idlest worker did %.0f %%\n",
               $side->{name}, @{$side->{rate}}{qw(median low high)},
               $side->{busy}{median}, 100 * $side->{spread}{median};
    }

    print "  by processor time, with two processors for the workers alone:\n";

    printf "  %-10s %6.0f a second\n", $_->{name}, 2e9 / $_->{ns}{median}
        for @{$group->{sides}};
}


sub counts {
    my ($counts, $functions) = @_;

    print "instructions per request, of nginx and its libraries, without "
          . "the kernel's\n";

    my %first;

    for my $count (@$counts) {
        my $first = $first{$count->{group}} //= $count;
        my $text = sprintf '  %-15s %-10s %7.0f', $count->{group},
                           $count->{name}, $count->{instructions};

        $text .= sprintf '  x%.3f  %+6.0f',
                         $count->{instructions} / $first->{instructions},
                         $count->{instructions} - $first->{instructions}
            if $count != $first;

        print "$text\n";
        functions($count, $first) if $functions;
    }

    print "\n";
}


# The dearest functions; behind each, how much more it is than for the first.

sub functions {
    my ($count, $first) = @_;

    my $own = $count->{functions};
    my $other = $first->{functions};

    my @names = sort { $own->{$b} <=> $own->{$a} }
                grep { abs($own->{$_}) >= $FEW } keys %$own;

    splice @names, $FUNCTIONS if @names > $FUNCTIONS;

    for (@names) {
        printf "      %6.0f  %+6.0f  %s\n", $own->{$_},
               $own->{$_} - ($other->{$_} // 0), $_;
    }
}


sub clients {
    my ($clients) = @_;

    print "clients in a zone until the first has no place or is forgotten\n";

    printf "  %-10s %8d in %d bytes: %.1f bytes each\n",
           @$_{qw(name clients zone bytes)} for @$clients;

    print "\n";
}


sub people {
    my ($people) = @_;

    printf "%d people wait in a room of %d kB; its line of dry runs is "
           . "another\n\n", $people->{joined}, $people->{size} / 1024;
}


sub bars {
    my ($bars) = @_;

    for my $bar (@$bars) {
        my $measured = $bar->{measured};

        printf "bar: %s: %s, at %s %s: %s%s\n", $bar->{what},
               said($bar, $measured->{median}),
               $bar->{unit} eq 'a second' ? 'least' : 'most',
               said($bar, $bar->{most}),
               $bar->{met} ? 'met' : 'missed by ' . missed($bar),
               unsure($bar);
    }
}


sub said {
    my ($bar, $value) = @_;

    return sprintf 'x%.3f', $value if $bar->{unit} eq 'x';
    return sprintf '%.1f bytes', $value if $bar->{unit} eq 'bytes';
    return sprintf '%.0f kB', $value / 1024 if $bar->{unit} eq 'kB';
    return sprintf '%.0f a second', $value if $bar->{unit} eq 'a second';
    return sprintf '%+.2f us', $value / 1000;
}


sub missed {
    my ($bar) = @_;

    return sprintf '%.1f %%',
                   100 * abs($bar->{measured}{median} / $bar->{most} - 1);
}


# Quartiles on both sides of the bar: this run does not tell them apart.

sub unsure {
    my ($bar) = @_;

    my ($low, $high) = @{$bar->{measured}}{qw(low high)};

    return '' if !defined $low || $high <= $bar->{most}
                 || $low > $bar->{most};

    return ', but the quartiles are on both sides of it';
}


1;
