package Study::Report;

# What bench/study prints: a line for each run while it measures, on stderr,
# and the tables at the end, in markdown, on stdout.

use strict;
use warnings;

use List::Util qw(max min sum0);


# A table: its title, and for each column a title, a figure and how it is told.

my @TABLES = (
    [ 'Orders',
      [ 'orders/s in the spike', 'goodput_spike', '%.0f' ],
      [ 'orders/s, 20 s behind it', 'goodput_after', '%.0f' ],
      [ 'shoppers served, %', 'share', '%.1f' ],
      [ 'requests a shopper', 'attempts', '%.2f' ],
      [ 'recovered after, s', 'recovered', '%d' ] ],
    [ 'Time, ms',
      [ 'an answer with an order, P50', 'p50', '%.0f' ],
      [ 'P99', 'p99', '%.0f' ],
      [ 'from first request to order, P50', 'order_p50', '%.0f' ],
      [ 'P99', 'order_p99', '%.0f' ],
      [ 'at the origin, P99', 'origin_p99', '%.0f' ] ],
    [ 'Harm and cost',
      [ 'refusals', 'refused', '%d' ],
      [ 'errors', 'errors', '%d' ],
      [ 'orders executed', 'origin_orders', '%d' ],
      [ 'of these twice or more', 'origin_duplicates', '%d' ],
      [ 'served to nobody', 'origin_abandoned', '%d' ],
      [ 'in line when all have gone', 'in_line', '%d' ],
      [ 'proxy, µs a request', 'processor', '%.0f' ] ],
);


sub tuning {
    my ($contender, $tried) = @_;

    printf "%s: %s\n\n", $contender->{title}, join '; ', map {
        sprintf '%s%d %s: %.0f/s, P99 %d ms%s',
                $_->{knob} == $contender->{knob} ? '**' : '', $_->{knob},
                $contender->{unit}, $_->{goodput}, $_->{p99} // 0,
                $_->{knob} == $contender->{knob} ? '**' : '';
    } @$tried;

    return;
}


sub run {
    my ($contender, $run) = @_;

    printf STDERR "%-16s %5.0f orders/s in the spike, %4.0f behind it, "
                  . "%5.1f %% served, P99 %6.0f ms, %d twice%s\n",
                  $contender->{name}, $run->{goodput_spike} // 0,
                  $run->{goodput_after} // 0, $run->{share},
                  $run->{p99} // 0, $run->{origin_duplicates},
                  $run->{late} > 1
                  ? sprintf(', the crowd was late: %.1f %%', $run->{late})
                  : '';
    return;
}


sub tables {
    my ($figures) = @_;

    for my $table (@TABLES) {
        my ($title, @columns) = @$table;

        row($title, map { $_->[0] } @columns);
        row(map { '---' } $title, @columns);

        for my $contender (@{$figures->{contenders}}) {
            row($contender->{title},
                map { cell($contender->{runs}, @$_[1, 2]) } @columns);
        }

        print "\n";
    }

    kinds($_) for @{$figures->{contenders}};

    return;
}


sub row { print join(' | ', @_) =~ s/^(.*)$/| $1 |\n/sr }


# "median (least–most)"; what a run never came to is later than all others.

sub cell {
    my ($runs, $figure, $format) = @_;

    my @values = sort { ($a // 9**9**9) <=> ($b // 9**9**9) }
                 map { $_->{$figure} } @$runs;
    my @told = map { defined $_ ? sprintf $format, $_ : 'never' }
               @values[$#values / 2, 0, -1];

    return $told[1] eq $told[2] ? $told[0] : "$told[0] ($told[1]–$told[2])";
}


# Refusals and errors by kind, on average of the runs.

sub kinds {
    my ($contender) = @_;

    my @kinds;

    for my $what (qw(refusals errors_by_kind)) {
        my %sum;

        for my $run (@{$contender->{runs}}) {
            $sum{$_} += $run->{$what}{$_} for keys %{$run->{$what}};
        }

        push @kinds, map { sprintf '%s %.0f', $_,
                                   $sum{$_} / @{$contender->{runs}} }
                     sort keys %sum;
    }

    printf "%s: %s\n\n", $contender->{title}, join(', ', @kinds) || 'none';

    return;
}


1;
