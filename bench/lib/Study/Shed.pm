package Study::Shed;

# One crowd before an origin that collapses, through one contender, and what
# came of it; for bench/shedding.
#
#   $run = Study::Shed::run(
#       place => {...}, contender => $contender, knob => N, seed => N,
#       servers => 8,               of the origin
#       profile => [ [ 0, 67 ], [ 3, 1345 ], [ 11, 67 ] ],
#                                   from so many s so many shoppers a second
#       seconds => 23,              so long they come
#       windows => { spike => [ 3, 11 ] },      # s: what is told apart
#       calm => 'NAME',             the window of what is ordinary
#       spike => 'NAME',            whose end is what to recover from
#       events => [ [ 8, 'servers', 4 ], [ 8, 'fault', 'mode=slow' ],
#                   [ 8, 'stop' ], [ 18, 'go' ] ],      # of the origin
#       nodes => N,                 a fleet of so many, with a worker each
#       fleet => 1,                 over a Redis
#       watch => 1,                 takes samples of the limit
#   );
#   $run->{windows}{spike}{goodput}
#
# With two processors or more the crowd has one of its own, and origin, proxy
# and Redis share the others.

use strict;
use warnings;

use HTTP::Tiny ();
use List::Util qw(max sum0);
use Time::HiRes ();

use Bench::Server ();
use Study::Process ();
use Study::Run ();
use Study::Seconds ();


our $BASE = 0.050;      # s, median of a service
our $SIGMA = 0.5;
our $CONTENTION = 0.05;
our $TIMEOUT = 2;       # s, of a shopper

my $LOOK = 0.05;        # s between looks at what is due
my $SAMPLE = 0.2;       # s between samples of the limit
my $ANSWER = 1;         # s for an answer about it


# Orders a second of an origin that is at its best: all of its servers busy and
# nobody in line.

sub capacity {
    my ($servers) = @_;

    return $servers / ($BASE * exp($SIGMA ** 2 / 2) * (1 + $CONTENTION));
}


sub origin {
    my ($servers) = @_;

    return ('--servers', $servers, '--base', 1000 * $BASE . 'ms',
            '--sigma', $SIGMA, '--contention', $CONTENTION);
}


sub run {
    my (%option) = @_;

    my $place = $option{place};
    my %port = map { $_ => Bench::Server::free_port() } qw(origin shop);

    my $origin = Study::Process->start(
        log => "$place->{scratch}/origin.log",
        command => [ @{$place->{proxies_on}}, $place->{origin},
                     '--listen', "127.0.0.1:$port{origin}",
                     origin($option{servers}), '--seed', $option{seed} ],
    );
    $origin->await($port{origin});

    my $redis = $option{fleet} ? redis($place) : undef;
    my @proxies = proxies(\%option, \%port, $redis);

    my $cpu = -sum0(map { $_->cpu } @proxies);
    my $crowd = Study::Run::crowd($place, scenario(%option), $option{seed},
                                  $port{shop}, '--buckets');

    my @samples = watch(\%option, $crowd, $origin, $port{origin}, @proxies);
    my $report = Study::Run::report($place, $crowd);

    $cpu += sum0(map { $_->cpu } @proxies);

    $_->stop for @proxies;

    my $end = Study::Run::stats($port{origin}, 'POST', '/drain');

    $origin->stop;
    $redis->stop if $redis;

    return { %{figures(\%option, $report, $cpu)}, samples => \@samples,
             map { $_ => $end->{$_} } qw(orders duplicates abandoned) };
}


# The nodes of a fleet share the shop's port, among which the kernel divides
# connections; what they tell of themselves is on a port of each.

sub proxies {
    my ($option, $port, $redis) = @_;

    my $nodes = $option->{nodes};

    return map {
        my $status = Bench::Server::free_port();
        my $proxy = $option->{contender}->start(
            place => $option->{place}, port => $port->{shop},
            origin => $port->{origin}, knob => $option->{knob},
            status => $status,
            $nodes ? (workers => 1, shared => 1) : (),
            $redis ? (redis => $redis->{socket}) : (),
        );
        $proxy->{status} = $status;
        $proxy;
    } 1 .. $nodes // 1;
}


sub redis {
    my ($place) = @_;

    my $port = Bench::Server::free_port();
    my $socket = "$place->{scratch}/redis";

    my $redis = Study::Process->start(
        log => "$place->{scratch}/redis.log",
        socket => $socket,
        command => [ @{$place->{proxies_on}}, $place->{redis},
                     '--bind', '127.0.0.1', '--port', $port,
                     '--unixsocket', $socket, '--save', '',
                     '--appendonly', 'no', '--dir', $place->{scratch} ],
    );
    $redis->await($port);

    return $redis;
}


sub scenario {
    my (%option) = @_;

    my $file = "$option{place}{scratch}/crowd.scenario";
    my $profile = join '', map { sprintf "at %gs %g/s\n", @$_ }
                           @{$option{profile}};

    Bench::Server::write_file($file, <<"END");
title A shop under load
seed 1
duration $option{seconds}s
${profile}request POST /buy
field Accept: application/json
field Content-Type: application/json
body {"sku":"dusk","quantity":1,"buyer":"shopper-{shopper}"}
key on
addresses 4000 from 127.1.0.1
timeout ${TIMEOUT}s
retries 3 backoff 500ms max 2s
retry-after honour jitter 500ms
END

    return $file;
}


# While the crowd is there: does to the origin what is due, and takes samples.

sub watch {
    my ($option, $crowd, $origin, $port, @proxies) = @_;

    my @events = sort { $a->[0] <=> $b->[0] } @{$option->{events} // []};
    my $begun = Time::HiRes::time();
    my $next = 0;
    my @samples;

    until ($crowd->ended) {
        my $at = Time::HiRes::time() - $begun;

        while (@events && $events[0][0] <= $at) {
            event($origin, $port, shift @events);
        }

        if ($option->{watch} && $option->{contender}->is_ours
            && $at >= $next)
        {
            push @samples, { t => $at, %{sample(@proxies)} };
            $next = $at + $SAMPLE;
        }

        Time::HiRes::sleep($LOOK);
    }

    event($origin, $port, $_) for @events;

    return @samples;
}


sub event {
    my ($origin, $port, $event) = @_;

    my (undef, $what, $how) = @$event;

    return $origin->signal('STOP') if $what eq 'stop';
    return $origin->signal('CONT') if $what eq 'go';

    Study::Run::stats($port, 'POST', $what eq 'servers'
                                     ? "/servers?count=$how"
                                     : "/faults?$how");

    return;
}


# What nodes tell: the limit, of the fleet if they are one; the worst circuit;
# all that are inside.

sub sample {
    my (@proxies) = @_;

    my $http = HTTP::Tiny->new(timeout => $ANSWER);
    my %sample;

    for my $proxy (@proxies) {
        my $answer = $http->get("http://127.0.0.1:$proxy->{status}/"
                                . '?format=prometheus');
        my $text = $answer->{content};

        $sample{limit} = max($sample{limit} // 0, gauge($text,
            qr/concurrency_limit\{[^}]*upstream="shop"/));
        $sample{circuit} = max($sample{circuit} // 0, gauge($text,
            qr/circuit_state\{[^}]*circuit="shop"/));
    }

    return \%sample;
}


sub gauge {
    my ($text, $name) = @_;

    return max(0, $text =~ /^admission_$name[^}]*\} ([\d.]+)$/mg);
}


sub figures {
    my ($option, $report, $cpu) = @_;

    my $totals = $report->{totals};
    my $sent = $totals->{started} + $totals->{retries};
    my @seconds = @{$report->{seconds}};
    my %windows = map {
        my ($from, $to) = @{$option->{windows}{$_}};
        $_ => Study::Seconds::figures($TIMEOUT,
                  grep { $_->{t} >= $from && $_->{t} < $to } @seconds);
    } keys %{$option->{windows}};

    return {
        windows => \%windows,
        sent => $sent,
        all => Study::Seconds::figures($TIMEOUT, @seconds),
        share => 100 * $report->{shoppers}{share_served},
        attempts => $report->{shoppers}{attempts}{mean},
        refusals => $totals->{refusals},
        errors_by_kind => $totals->{errors},
        processor => $cpu / $sent * 1e6,
        late => 100 * $report->{generator}{late_share},
        seconds => [ map { thin($_) } @seconds ],
        recovery($option, @seconds),
    };
}


# Of a second what a plot needs.

sub thin {
    my ($second) = @_;

    my $served = $second->{served_ms} // {};

    return { (map { $_ => $second->{$_} } qw(t started served refused)),
             errors => Study::Seconds::errors($second),
             p50 => $served->{p50}, p99 => $served->{p99} };
}


# Seconds from the spike's end: until it is as before, and until those who are
# let in fare as before, though some are not.

sub recovery {
    my ($option, @seconds) = @_;

    my ($calm, $spike) = @$option{qw(calm spike)};

    return if !$spike;

    my ($from, $to) = @{$option->{windows}{$calm}};
    my $end = $option->{windows}{$spike}[1];
    my @before = grep { $_->{t} >= $from && $_->{t} < $to } @seconds;
    my @behind = grep { $_->{t} >= $end && $_->{t} < $option->{seconds} }
                 @seconds;

    return (
        recovered => Study::Seconds::recovered(\@before, \@behind, 0),
        fit_again => Study::Seconds::recovered(\@before, \@behind, 1),
    );
}


1;
