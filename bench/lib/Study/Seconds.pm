package Study::Seconds;

# What some seconds of a crowd's report come to, which has the buckets of each
# (--buckets).
#
#   $figures = Study::Seconds::figures($timeout, @seconds);
#   # { offered, sent, goodput (all a second), p50, p99, refusal_p99 (ms),
#   #   p99_all: with those whose time-out came before an answer, errors,
#   #   refused, error_share, refused_share (% of what was sent) }
#   Study::Seconds::recovered(\@before, \@behind, $refusals_pass);

use strict;
use warnings;

use List::Util qw(max sum0);


my $ROW = 3;            # s in a row that make one recovered
my $HARM = 0.01;        # share of the answers in these, at most
my $SLOWER = 2;         # than before, at most

# What is no honest refusal, though it is an answer

my %BROKEN = map { $_ => 1 } qw(500 502 504);


sub figures {
    my ($timeout, @seconds) = @_;

    my $length = @seconds or return {};
    my $sent = sum0(map { $_->{started} + $_->{retries} } @seconds);
    my $errors = sum0(map { errors($_) } @seconds);
    my $refused = sum0(map { $_->{refused} - broken($_) } @seconds);
    my @served = buckets('served_ms', @seconds);
    my @refused = buckets('refused_ms', @seconds);

    return {
        offered => sum0(map { $_->{offered} } @seconds) / $length,
        sent => $sent / $length,
        goodput => sum0(map { $_->{served} } @seconds) / $length,
        p50 => quantile(0.5, @served),
        p99 => quantile(0.99, @served),
        p99_all => quantile(0.99, @served, [ 1000 * $timeout, $errors ]),
        refusal_p99 => quantile(0.99, @refused),
        errors => $errors,
        refused => $refused,
        error_share => $sent ? 100 * $errors / $sent : 0,
        refused_share => $sent ? 100 * $refused / $sent : 0,
    };
}


# All that went wrong in a second but for honest refusals.

sub errors {
    my ($second) = @_;

    return sum0(values %{$second->{errors}}) + broken($second);
}


sub broken {
    my ($second) = @_;

    my $refusals = $second->{refusals};

    return sum0(map { $refusals->{$_} } grep { $BROKEN{$_} } keys %$refusals);
}


sub buckets {
    my ($what, @seconds) = @_;

    return map { @{$_->{$what}{buckets}} } grep { $_->{$what} } @seconds;
}


# Of pairs [ value, count ]; nothing: there are none.

sub quantile {
    my ($share, @pairs) = @_;

    my $rest = $share * sum0(map { $_->[1] } @pairs) or return undef;

    for my $pair (sort { $a->[0] <=> $b->[0] } @pairs) {
        $rest -= $pair->[1];
        return $pair->[0] if $rest <= 0;
    }

    return undef;
}


# Seconds until the first of some in a row that are as ordinary as those
# before: of their answers at most one in a hundred is an error, or a refusal
# unless these pass, and none of them has a P95 above twice what was usual.
# undef: it never came.

sub recovered {
    my ($before, $behind, $refusals_pass) = @_;

    my @usual = sort { $a <=> $b }
                map { $_->{served_ms} ? $_->{served_ms}{p95} : () } @$before
        or return undef;
    my $most = $SLOWER * $usual[$#usual / 2];

    for my $first (0 .. $#$behind - $ROW + 1) {
        my @row = @$behind[$first .. $first + $ROW - 1];

        return $first if ordinary($most, $refusals_pass, @row);
    }

    return undef;
}


sub ordinary {
    my ($most, $refusals_pass, @row) = @_;

    my $served = sum0(map { $_->{served} } @row);
    my $harm = sum0(map {
        errors($_) + ($refusals_pass ? 0 : $_->{refused} - broken($_));
    } @row);

    return $harm <= $HARM * ($harm + $served)
           && !grep { !$_->{served_ms} || $_->{served_ms}{p95} > $most } @row;
}


1;
