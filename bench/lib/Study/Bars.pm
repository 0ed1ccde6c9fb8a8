package Study::Bars;

# What bench/shedding tells: a line for each run while it measures, on stderr,
# and of all figures the tables and the bars, in markdown.
#
# A cell is "median (least–most)" of the rounds.

use strict;
use warnings;

use List::Util qw(max min sum0);

use Study::Report ();


# Columns: title, figure, format.  A figure of a window is "WINDOW.FIGURE".

my @LOAD = (
    [ 'orders/s', 'load.goodput', '%.0f' ],
    [ 'P50, ms', 'load.p50', '%.0f' ],
    [ 'P99, ms', 'load.p99', '%.0f' ],
    [ 'P99 with time-outs, ms', 'load.p99_all', '%.0f' ],
    [ 'errors, %', 'load.error_share', '%.2f' ],
    [ 'refused, %', 'load.refused_share', '%.1f' ],
    [ 'a refusal, P99, ms', 'load.refusal_p99', '%.1f' ],
);
my @WHOLE = (
    [ 'shoppers served, %', 'share', '%.1f' ],
    [ 'requests a shopper', 'attempts', '%.2f' ],
    [ 'executed twice or more', 'duplicates', '%d' ],
    [ 'for nobody', 'abandoned', '%d' ],
    [ 'proxy, µs a request', 'processor', '%.0f' ],
);
my @BEHIND = (
    [ 'recovered after, s', 'recovered', '%d' ],
    [ 'but for refusals, s', 'fit_again', '%d' ],
);
my @CHANGE = (
    [ 'orders/s before', 'before.goodput', '%.0f' ],
    [ 'meanwhile', 'change.goodput', '%.0f' ],
    [ 'behind it', 'after.goodput', '%.0f' ],
    [ 'P99 before, ms', 'before.p99', '%.0f' ],
    [ 'meanwhile', 'change.p99', '%.0f' ],
    [ 'behind it', 'after.p99', '%.0f' ],
    [ 'errors, all', 'all.errors', '%d' ],
    [ 'executed twice or more', 'duplicates', '%d' ],
);

my @WINDOWS = (
    [ before => 'before' ], [ change => 'meanwhile' ],
    [ after => 'behind it' ], [ calm => 'before' ],
    [ load => 'under load' ], [ behind => 'behind it' ],
);

my $NOISE = 0.02;       # as far off 1 two figures that are the same may be
my $SETTLED = 0.25;     # of a limit: as far off it counts as fitting
my $LATE = 1;           # %; more than so many late starts are worth a word


sub progress {
    my ($what, $run, $done) = @_;

    my ($window) = grep { $done->{windows}{$_} } qw(load change);
    my $told = $done->{windows}{$window};

    printf STDERR "%-16s %-10s %4.0f orders/s, P99 %5.0f ms, errors %5.2f %%,"
                  . " refused %5.1f %% within %.1f ms, %d twice%s\n",
                  $what, $run->{contender}{name}
                  . ($run->{nodes} ? " x$run->{nodes}" : ''),
                  $told->{goodput}, $told->{p99} // 0, $told->{error_share},
                  $told->{refused_share}, $told->{refusal_p99} // 0,
                  $done->{duplicates},
                  $done->{late} > $LATE
                  ? sprintf(', the crowd was late: %.1f %%', $done->{late})
                  : '';
    return;
}


sub markdown {
    my ($figures) = @_;

    my %parts = %{$figures->{parts}};

    return join "\n", head($figures),
        $parts{tune} ? tuning(@{$parts{tune}}) : (),
        (map { load($_) } @{$parts{loads} // []}),
        sweep($figures), late(\%parts),
        (map { change("The origin is $_->{fault}", $_) }
             @{$parts{faults} // []}),
        (map { change("The origin has $_->{becomes} servers instead of 8",
                      $_) } @{$parts{servers} // []}),
        $parts{nodes} ? nodes(@{$parts{nodes}}) : (),
        bars($figures);
}


sub head {
    my ($figures) = @_;

    my $machine = $figures->{machine} or return ();

    return sprintf "%s, %d processors%s; nginx %s, HAProxy %s, Redis %s; "
                   . "%d round%s%s.  What the origin can do: %.1f orders/s.\n",
                   @$machine{qw(processor processors)},
                   $machine->{own} ? ', of which the crowd has one' : '',
                   @$machine{qw(nginx haproxy redis)}, $figures->{rounds},
                   $figures->{rounds} == 1 ? '' : 's',
                   $figures->{short} ? ', short: these say nothing' : '',
                   $figures->{capacity};
}


sub tuning {
    return title('Numbers'), map { tried($_) } @_;
}


sub tried {
    my ($tuned) = @_;

    return "$tuned->{title}: " . join('; ', map {
        my $mark = $_->{knob} == $tuned->{knob} ? '**' : '';
        sprintf '%s%d %s: %.0f/s, P99 %d ms%s', $mark, $_->{knob},
                $tuned->{unit}, $_->{goodput}, $_->{p99} // 0, $mark;
    } @{$tuned->{tried}}) . "\n";
}


sub title { return "### $_[0]\n" }


sub load {
    my ($case) = @_;

    my @contenders = @{$case->{contenders}};
    my @behind = $case->{load} >= 2 ? @BEHIND : ();

    return (
        title("$case->{load} times of what the origin can do"),
        table(\@contenders, @LOAD),
        table(\@contenders, @behind, @WHOLE),
        (map { kinds($_) } @contenders),
        map { limits($case, $_) } @contenders,
    );
}


sub table {
    my ($contenders, @columns) = @_;

    return join '', row('', map { $_->[0] } @columns),
                    row('---', map { '---' } @columns),
                    map {
                        my $contender = $_;
                        row(called($contender),
                            map { cell($contender->{runs}, @$_[1, 2]) }
                            @columns);
                    } @$contenders;
}


sub row { return '| ' . join(' | ', @_) . " |\n" }


sub called {
    my ($contender) = @_;

    return $contender->{title}
           . ($contender->{knob} ? ", $contender->{knob} $contender->{unit}"
                                 : '');
}


sub cell {
    my ($runs, $figure, $format) = @_;

    return 'not measured' if !@$runs;

    my @runs = map { { it => value($_, $figure) } } @$runs;

    # what stays empty in each of them is none of a time that never comes

    return '—' if $figure =~ /\./ && !grep { defined $_->{it} } @runs;

    return Study::Report::cell(\@runs, 'it', $format);
}


sub value {
    my ($run, $figure) = @_;

    my ($window, $name) = $figure =~ /^(\w+)\.(\w+)$/
        or return $run->{$figure};

    return $window eq 'all' ? $run->{all}{$name}
                            : ($run->{windows}{$window} // {})->{$name};
}


# Refusals and errors by kind, on average of the runs.

sub kinds {
    my ($contender) = @_;

    my @runs = @{$contender->{runs}} or return ();
    my %sum;

    for my $run (@runs) {
        for my $what (qw(refusals errors_by_kind)) {
            $sum{$_} += $run->{$what}{$_} for keys %{$run->{$what}};
        }
    }

    return "$contender->{title}: " . (join(', ', map {
        sprintf '%s %.0f', $_, $sum{$_} / @runs;
    } sort keys %sum) || 'none') . "\n";
}


# Loads, from the least to the greatest, of who was sent all of them.

sub sweep {
    my ($figures) = @_;

    my %cases = cases($figures) or return ();
    my @loads = sort { $a <=> $b }
                grep { grep { $_->{name} eq 'plain' } contenders($cases{$_}) }
                keys %cases;

    return () if !@loads || !$figures->{parts}{sweep};

    return (
        title('From 0.8 to 10 times'),
        join('', row('', map { ("$_ ×") } @loads),
                 row('---', map { '---' } @loads),
                 map { sweep_rows(\%cases, $_, @loads) } qw(plain adaptive)),
        map { sustained(\%cases, $_, @loads) } qw(plain adaptive),
    );
}


sub sweep_rows {
    my ($cases, $name, @loads) = @_;

    return map {
        my ($what, $figure, $format) = @$_;
        row("$name: $what", map {
            my ($one) = grep { $_->{name} eq $name } contenders($cases->{$_});
            $one ? cell($one->{runs}, $figure, $format) : 'not measured';
        } @loads);
    } @LOAD[0, 3, 4, 5];
}


sub cases {
    my ($figures) = @_;

    return map { $_->{load} => $_ } @{$figures->{parts}{loads} // []},
                                    @{$figures->{parts}{sweep} // []};
}


sub contenders { return @{$_[0]{contenders}} }


sub sustained {
    my ($cases, $name, @loads) = @_;

    my ($most, $strictly) = map {
        sustains($cases, $name, $_, @loads);
    } 0, 1;

    return "$name: P99 < 1 s and errors < 1 % up to " . as_load($most)
           . '; with refusals taken for errors up to ' . as_load($strictly)
           . "\n";
}


sub as_load { return defined $_[0] ? "$_[0] ×" : 'none of these' }


# The greatest load up to which all went well, by the medians.

sub sustains {
    my ($cases, $name, $strictly, @loads) = @_;

    my $most;

    for my $load (@loads) {
        my %of = map { $_ => median($cases->{$load}, $name, "load.$_") }
                 qw(p99_all error_share refused_share);

        last if !defined $of{p99_all} || $of{p99_all} >= 1000
                || $of{error_share} + ($strictly ? $of{refused_share} : 0)
                   >= 1;
        $most = $load;
    }

    return $most;
}


# As cell() has it; undef: never, or not measured.

sub median {
    my ($case, $name, $figure) = @_;

    my ($one) = grep { $_->{name} eq $name } contenders($case // {
        contenders => [],
    });

    return undef if !$one;

    my @values = sort { ($a // 9**9**9) <=> ($b // 9**9**9) }
                 map { value($_, $figure) } @{$one->{runs}};

    return $values[$#values / 2];
}


# The most that a crowd was late, of all runs: more than a little says that the
# machine was not enough.

sub late {
    my ($parts) = @_;

    my @late = sort { $b <=> $a } map { $_->{late} } map { @{$_->{runs}} }
               grep { $_->{runs} } map { ($_, contenders({
                   contenders => $_->{contenders} // [] })) }
               map { @$_ } values %$parts;

    return () if !@late;

    return sprintf "In %d of %d runs the crowd was more than 10 ms late with "
                   . "more than %d %% of its requests; in the worst with "
                   . "%.1f %%.\n",
                   scalar(grep { $_ > $LATE } @late), scalar @late, $LATE,
                   $late[0];
}


sub change {
    my ($title, $case) = @_;

    return (
        title($title),
        table($case->{contenders}, @CHANGE),
        map { limits($case, $_) } @{$case->{contenders}},
    );
}


# What the limit was in the first round, and how long it took to fit: from then
# on it stays close to what it settles at.

sub limits {
    my ($case, $contender) = @_;

    my ($run) = @{$contender->{runs}} or return ();
    my @samples = @{$run->{samples}} or return ();
    my @told;

    for my $window (@WINDOWS) {
        my ($name, $told) = @$window;
        my ($from, $to) = @{$case->{windows}{$name} // next};
        my @of = grep { $_->{t} >= $from && $_->{t} < $to } @samples or next;
        my ($limit, $after) = fits($from, @of);
        my ($open) = grep { $_->{circuit} == 1 } @of;

        push @told, sprintf '%s %.1f, after %.1f s%s', $told, $limit, $after,
                    $open ? sprintf(', the circuit open after %.1f s',
                                    $open->{t} - $from) : '';
    }

    return @told ? "$contender->{title}, the limit: " . join('; ', @told)
                   . "\n" : ();
}


# The median of the last half, and from when on none is far from it.

sub fits {
    my ($from, @samples) = @_;

    my @last = sort { $a <=> $b }
               map { $_->{limit} } @samples[@samples / 2 .. $#samples];
    my $limit = $last[$#last / 2];
    my $since = $from;

    for my $sample (@samples) {
        $since = $sample->{t}
            if abs($sample->{limit} - $limit) > $SETTLED * $limit;
    }

    return ($limit, $since - $from);
}


sub nodes {
    my ($tuned, @cases) = @_;

    my @contenders = map {
        my $case = $_;
        map { { %$_, title => "$_->{title}, $case->{nodes} node"
                              . ($case->{nodes} > 1 ? 's' : ''),
               case => $case } }
            contenders($case);
    } @cases;

    return (
        title('Nodes before an origin with 4 servers, 10 times'),
        tried($tuned),
        table(\@contenders, @LOAD), table(\@contenders, @BEHIND, @WHOLE),
        (map { kinds($_) } @contenders),
        map { limits($_->{case}, $_) } @contenders,
    );
}


# What must hold, by the medians.

sub bars {
    my ($figures) = @_;

    my @bars = (load_bars($figures), plain_bars($figures),
                server_bars($figures), node_bars($figures));

    return () if !@bars;

    return title('Bars'), join('', row('what', 'bar', 'measured', 'held'),
                               row(('---') x 4), map { bar(@$_) } @bars);
}


# Title, what it has to be, the figure, whether more is better.

sub bar {
    my ($title, $bar, $figure, $more, $format) = @_;

    return row($title, ($more ? '≥ ' : '≤ ') . $bar, 'not measured', '—')
        if !defined $figure;

    return row($title, ($more ? '≥ ' : '≤ ') . $bar,
               $figure == 9**9**9 ? 'never' : sprintf($format // '%.3g',
                                                      $figure),
               ($more ? $figure >= $bar : $figure <= $bar) ? 'yes'
                                                           : '**no**');
}


sub load_bars {
    my ($figures) = @_;

    my %cases = cases($figures);
    my $case = $cases{10} or return ();
    my $of = sub { median($case, @_) };
    my $ratio = sub {
        my ($figure, $peer) = @_;
        return ratio($of->('adaptive', $figure), $of->($peer, $figure));
    };

    return (
        [ '10 ×: goodput, of the best fixed limit\'s', 0.95,
          $ratio->('load.goodput', 'fixed'), 1 ],
        [ '10 ×: P99, of the best fixed limit\'s', 1.3,
          $ratio->('load.p99_all', 'fixed'), 0 ],
        [ '10 ×: errors, %', 0.5, $of->('adaptive', 'load.error_share'), 0 ],
        [ '10 ×: executed twice or more', 0,
          $of->('adaptive', 'duplicates'), 0 ],
        [ '10 ×: a refusal, P99, ms', 5,
          $of->('adaptive', 'load.refusal_p99'), 0 ],
        [ '10 ×: recovered, but for refusals, s', 5,
          never($case, 'fit_again'), 0 ],
        map {
            my $load = $_;
            my $at = $cases{$load};
            map {
                my ($what, $figure, $more) = @$_;
                [ "$load ×: $what, of the expert's", even($more),
                  ratio(median($at, 'adaptive', $figure),
                        median($at, 'expert', $figure)), $more ];
            } [ 'goodput', 'load.goodput', 1 ], [ 'P99', 'load.p99_all', 0 ];
        } sort { $a <=> $b }
          grep { defined median($cases{$_}, 'expert', 'load.goodput') }
          keys %cases,
    );
}


sub never {
    my ($case, $figure) = @_;

    my ($one) = grep { $_->{name} eq 'adaptive' && @{$_->{runs}} }
                contenders($case) or return undef;

    return median($case, 'adaptive', $figure) // 9**9**9;
}


# As good as another.

sub even { return $_[0] ? 1 - $NOISE : 1 + $NOISE }


sub ratio {
    my ($one, $other) = @_;

    return defined $one && $other ? $one / $other : undef;
}


# Against nginx alone, where it suffers most.

sub plain_bars {
    my ($figures) = @_;

    my %cases = cases($figures);
    my @loads = sort { $a <=> $b }
                grep { defined median($cases{$_}, 'plain', 'load.error_share')
                       && defined median($cases{$_}, 'adaptive',
                                         'load.error_share') }
                keys %cases or return ();
    my ($worst) = sort {
        median($cases{$b}, 'plain', 'load.error_share')
        <=> median($cases{$a}, 'plain', 'load.error_share');
    } @loads;
    my $case = $cases{$worst};
    my ($plain, $ours) = map { median($case, $_, 'load.error_share') }
                         qw(plain adaptive);
    my @most = map { sustains(\%cases, $_, 0, @loads) } qw(adaptive plain);

    return (
        [ "$worst ×, where nginx alone has most errors: its P99, of ours",
          4.2, ratio(median($case, 'plain', 'load.p99_all'),
                     median($case, 'adaptive', 'load.p99_all')), 1 ],
        [ "$worst ×: errors fewer than its, %", 78,
          $plain ? 100 * (1 - $ours / $plain) : undef, 1 ],
        [ 'sustained load, of nginx alone', 2.1, ratio(@most), 1 ],
    );
}


sub server_bars {
    my ($figures) = @_;

    return map {
        my $case = $_;
        map {
            my ($what, $figure, $more) = @$_;
            [ "$case->{becomes} servers: $what, of the expert's", even($more),
              ratio(median($case, 'adaptive', $figure),
                    median($case, 'expert', $figure)), $more ];
        } [ 'goodput', 'change.goodput', 1 ], [ 'P99', 'change.p99_all', 0 ];
    } @{$figures->{parts}{servers} // []};
}


sub node_bars {
    my ($figures) = @_;

    my (undef, $one, @fleets) = @{$figures->{parts}{nodes} // []};

    return map {
        my $fleet = $_;
        map {
            my ($what, $figure, $bar, $more) = @$_;
            [ "$fleet->{nodes} nodes: $what, of one with the best fixed limit",
              $bar, ratio(median($fleet, 'adaptive', $figure),
                          median($one, 'fixed', $figure)), $more ];
        } [ 'goodput', 'load.goodput', 0.95, 1 ],
          [ 'P99', 'load.p99_all', 1.3, 0 ];
    } @fleets;
}


1;
