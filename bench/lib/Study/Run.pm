package Study::Run;

# One crowd through one contender to a fresh origin, and what came of it.
#
#   $run = Study::Run::run(place => {...}, contender => $contender,
#                          knob => N, scenario => FILE, seed => N,
#                          fault => QUERY, at => SECONDS);
#
# A fault, if there is one, is told to the origin so long after the crowd's
# beginning, in the words of its /faults.
#
# The spike is where the profile is at least half of its highest second; the
# aftermath is the twenty seconds behind it.

use strict;
use warnings;

use HTTP::Tiny ();
use JSON::PP ();
use List::Util qw(max sum0);
use Time::HiRes ();

use Bench::Server ();
use Study::Process ();


# The origin: at its best with all of its servers busy and nobody in line,
# 16 / (20 ms * exp(0.5**2 / 2) * (1 + 0.1)) = 642 orders a second.

my @ORIGIN = qw(--servers 16 --base 20ms --sigma 0.5 --contention 0.1);

my $AFTERMATH = 20;     # s
my $BEFORE = 10;        # s, what is ordinary is taken from these
my $STEADY = 3;         # s in a row without harm: recovered


sub origin { return join ' ', @ORIGIN }


sub run {
    my (%option) = @_;

    my $place = $option{place};
    my ($origin_port, $port) = map { Bench::Server::free_port() } 1 .. 2;

    my $origin = Study::Process->start(
        log => "$place->{scratch}/origin.log",
        command => [ $place->{origin}, '--listen', "127.0.0.1:$origin_port",
                     @ORIGIN, '--seed', $option{seed} ],
    );
    $origin->await($origin_port);

    my $proxy = $option{contender}->start(
        place => $place, port => $port, origin => $origin_port,
        knob => $option{knob},
    );

    my $cpu = -$proxy->cpu;
    my $crowd = crowd($place, $option{scenario}, $option{seed}, $port);

    fault($origin_port, $option{fault}, $option{at}) if $option{fault};

    my $report = report($place, $crowd);

    $cpu += $proxy->cpu;

    $proxy->stop;

    my $stats = stats($origin_port, 'GET', '/stats');
    my $end = stats($origin_port, 'POST', '/drain');

    $origin->stop;

    return {
        %{figures($report, $stats, $cpu)},
        in_line => $stats->{in_service} + $stats->{queued},
        map { ("origin_$_" => $end->{$_}) }
            qw(arrived orders duplicates abandoned),
    };
}


sub crowd {
    my ($place, $scenario, $seed, $port, @options) = @_;

    return Study::Process->start(
        log => "$place->{scratch}/crowd.log",
        command => [ @{$place->{crowd_on} // []}, $place->{crowd}, '--quiet',
                     '--json', "$place->{scratch}/crowd.json",
                     '--seed', $seed, @options,
                     $scenario, "http://127.0.0.1:$port" ],
    );
}


sub fault {
    my ($port, $query, $at) = @_;

    Time::HiRes::sleep($at);

    my $answer = HTTP::Tiny->new->request('POST',
                     "http://127.0.0.1:$port/faults?$query");

    die "study: fault: $answer->{content}" if !$answer->{success};

    return;
}


# What the crowd has to tell when it is over.

sub report {
    my ($place, $crowd) = @_;

    ($crowd->{ended} // $crowd->wait) == 0 or $crowd->fail('failed');

    return JSON::PP::decode_json(
               Bench::Server::read_file("$place->{scratch}/crowd.json"));
}


# The origin's counters.  When all shoppers have gone it may have work for
# minutes left: /drain executes that at once, so that what is done twice is
# known without waiting for it.

sub stats {
    my ($port, $method, $path) = @_;

    my $answer = HTTP::Tiny->new->request($method,
                                          "http://127.0.0.1:$port$path");

    die "study: the origin does not answer\n" if !$answer->{success};

    return JSON::PP::decode_json($answer->{content});
}


sub figures {
    my ($report, $stats, $cpu) = @_;

    my $totals = $report->{totals};
    my $shoppers = $report->{shoppers};
    my $sent = $totals->{started} + $totals->{retries};
    my $served = $report->{latency_ms}{served} // {};
    my ($before, $spike, $after) = parts($report->{seconds});

    return {
        sent => $sent,
        goodput_spike => goodput(@$spike),
        goodput_after => goodput(@$after),
        goodput => goodput(@$spike, @$after),
        answered => $totals->{served},
        p50 => $served->{p50},
        p99 => $served->{p99},
        share => 100 * $shoppers->{share_served},
        shoppers => $shoppers->{all},
        attempts => $shoppers->{attempts}{mean},
        order_p50 => ($shoppers->{to_served_ms} // {})->{p50},
        order_p99 => ($shoppers->{to_served_ms} // {})->{p99},
        refused => $totals->{refused},
        refusals => $totals->{refusals},
        errors => $totals->{errors_all},
        errors_by_kind => $totals->{errors},
        recovered => recovered($before, $report->{seconds}, $after->[0]{t}),
        origin_p99 => $stats->{system_ms}{p99},
        processor => $cpu / $sent * 1e6,
        late => 100 * $report->{generator}{late_share},
        populations => { map {
            $_ => 100 * $report->{populations}{$_}{share_served}
        } keys %{$report->{populations}} },
    };
}


# The seconds before the spike, in it and behind it.

sub parts {
    my ($seconds) = @_;

    my $most = max(map { $_->{profile} } @$seconds);
    my @spike = grep { $_->{profile} >= $most / 2 } @$seconds;
    my ($first, $last) = ($spike[0]{t}, $spike[-1]{t});

    my @before = grep { $_->{t} < $first && $_->{t} >= $first - $BEFORE }
                 @$seconds;
    my @after = grep { $_->{t} > $last && $_->{t} <= $last + $AFTERMATH }
                @$seconds;

    return (\@before, \@spike, \@after);
}


sub goodput { return @_ ? sum0(map { $_->{served} } @_) / @_ : undef }


# Seconds from the end of the spike to the first of some in a row that are as
# ordinary as those before it: at most one in a hundred answers is a refusal or
# an error, and the P95 of what began then at most twice what it was.  undef:
# it never came.

sub recovered {
    my ($before, $seconds, $end) = @_;

    my @usual = sort { $a <=> $b }
                map { $_->{served_ms} ? $_->{served_ms}{p95} : () } @$before;
    my $row = 0;

    return undef if !@usual || !defined $end;

    for my $second (grep { $_->{t} >= $end && $_->{profile} > 0 } @$seconds) {
        $row = ordinary($second, 2 * $usual[$#usual / 2]) ? $row + 1 : 0;

        return $second->{t} - ($STEADY - 1) - $end if $row == $STEADY;
    }

    return undef;
}


sub ordinary {
    my ($second, $most) = @_;

    my $harm = $second->{refused} + sum0(values %{$second->{errors}});

    return $second->{served_ms}
           && $second->{served_ms}{p95} <= $most
           && $harm <= ($harm + $second->{served}) / 100;
}


1;
