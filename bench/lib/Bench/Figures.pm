package Bench::Figures;

# Medians and quartiles.
#
# A machine that others use gives no normal distribution and now and then a
# wild value: hence medians of short runs, each compared with the run of the
# other side beside it, and quartiles to say how sure they are.

use strict;
use warnings;


# The values' { median, low, high }; low and high are the quartiles.

sub spread {
    my @sorted = sort { $a <=> $b } @_;

    return {
        median => quantile(0.5, \@sorted),
        low => quantile(0.25, \@sorted),
        high => quantile(0.75, \@sorted),
    };
}


# Of ascending values, between two of them in proportion.

sub quantile {
    my ($share, $sorted) = @_;

    my $place = $share * $#$sorted;
    my $below = int $place;
    my $above = $below < $#$sorted ? $below + 1 : $below;

    return $sorted->[$below]
           + ($place - $below) * ($sorted->[$above] - $sorted->[$below]);
}


# Two lists of the same length, value by value.

sub pairwise {
    my ($what, $these, $those) = @_;

    return map { $what->($these->[$_], $those->[$_]) } 0 .. $#$these;
}


sub ratios { return pairwise(sub { $_[0] / $_[1] }, @_) }

sub differences { return pairwise(sub { $_[0] - $_[1] }, @_) }


1;
