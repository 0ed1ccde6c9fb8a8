#!/usr/bin/perl

# The sale goes on while an operator reloads, and while workers are killed at
# any moment: no counter goes back, gauges are right again within a second,
# every answer is counted once, and no request is lost that the same nginx
# would have kept without us.
#
#     ADM_CHAOS=1     the long form: 50 reloads, 200 kills
#     ADM_SEED=N      the same moments again, as far as the machine allows
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(request_text);
use AdmNginx qw(wait_for slurp);


my $SEED = $ENV{ADM_SEED} // time % 100_000;
my ($RELOADS, $KILLS, $KILLS_WITHOUT) = $ENV{ADM_CHAOS} ? (50, 200, 100)
                                                        : (8, 20, 10);
my $WORKERS = 3;
my $CLIENTS = 4;
my $NEAR = 0.1;         # s: a kill is near a request that it ended

my $LIMITS = <<'END';
    %{keeper}

    admission_zone main 1m;
    admission_rate wide $arg_k rate=100000r/s burst=100000;
    admission_rate tight $arg_k rate=1r/s burst=%{burst};
    admission_rate exact $arg_k rate=100000r/s burst=100000 scope=exact;
    admission_rate strict $arg_k rate=1r/s burst=%{burst} scope=exact;
END

my $HTTP = <<'END';
    %{limits}

    access_log off;
    %{level}

    server {
        listen 127.0.0.1:%{h1} backlog=1024;

        location = /status { %{status} }
        location = /wide { alias %{dir}/html/hello; %{wide} }
        location = /tight { alias %{dir}/html/hello; %{tight} }
        location = /exact { alias %{dir}/html/hello; %{exact} }
        location = /strict { alias %{dir}/html/hello; %{strict} }
        location = /asleep { alias %{dir}/html/hello; %{asleep} }
    }
END

my $PROBE = $ENV{ADM_PROBE};

# the late keeper takes a key for what it is to do
my $KEY = $PROBE ? '4-grant' : 'x';

my @PATHS = ('/wide?k=a', '/wide?k=b', '/tight?k=a', '/exact?k=' . $KEY,
             "/strict?k=$KEY", "/asleep?k=$KEY");

my $nginx;
my $without;
my (%seen, @back, @killed);

diag("seed $SEED, ADM_SEED=$SEED repeats it");
srand $SEED;


sub vars {
    my ($burst) = @_;

    return { map { $_ => '' } qw(limits level status wide tight exact strict
        asleep) } if $without;

    (my $limits = $LIMITS) =~ s/%\{burst\}/$burst/g;
    my $keeper = $PROBE ? 'admission_test_keeper 5s;' : '';

    $limits =~ s/%\{keeper\}/$keeper/;

    return {
        limits => $limits, level => 'admission_log_level info;',
        status => 'admission_status;',
        asleep => $PROBE ? 'admission_probe a $arg_k at=ask;'
                         : 'admission_limit exact;',
        map { $_ => "admission_limit $_;" } qw(wide tight exact strict),
    };
}


# Clients: processes that ask until a file appears, then report

sub load {
    my ($name) = @_;

    my @clients;

    for my $i (1 .. $CLIENTS) {
        my $seed = int rand 1e9;
        my $pid = fork // die "cannot fork: $!\n";

        if ($pid == 0) {
            srand $seed;
            eval { report("$name.$i", ask_on($name)); 1 } or warn $@;
            POSIX::_exit(0);
        }

        push @clients, $pid;
    }

    return @clients;
}


sub ask_on {
    my ($name) = @_;

    my %did = (failed => []);
    my $stop = $nginx->dir . "/$name.stop";
    my ($client, $left);

    until (-e $stop) {
        $left ||= 1 + int rand 5;

        $client = one_request(\%did, $client, $left == 1);
        $left = $client ? $left - 1 : 0;
    }

    return \%did;
}


# Returns the connection if it may be used again.
sub one_request {
    my ($did, $client, $last) = @_;

    my $path = $PATHS[rand @PATHS];
    my $began = time;
    my $used = defined $client;

    $client //= AdmHttp->connect($nginx->port('h1'));

    my $answer = $client && $client->send(request_text(
        rand() < 0.2 ? ('POST', $path, body => 'x' x 500) : ('GET', $path),
        fields => $last ? "Connection: close\r\n" : '')) && $client->answer;

    if ($answer && $answer->{complete}) {
        $did->{ $answer->{status} }++;
        return $last || ($answer->{field}{connection} // '') eq 'close'
               ? undef : $client;
    }

    # a kept connection may be closed just as it is used again: any client
    # asks once more, of another one

    if ($used && !$answer && $client->{input} eq '') {
        push @{ $did->{closed} }, [$began, time];
    } else {
        push @{ $did->{failed} }, [$began, time];
    }

    return;
}


sub report {
    my ($name, $did) = @_;

    my $text = '';

    for my $key (sort keys %$did) {
        $text .= ref $did->{$key}
            ? join '', map { "$key $_->[0] $_->[1]\n" } @{ $did->{$key} }
            : "$key $did->{$key}\n";
    }

    $nginx->write_file("$name.report", $text);

    return;
}


# Ends the load: statuses with their numbers, and what went wrong when.
sub stop_load {
    my ($name, @clients) = @_;

    $nginx->write_file("$name.stop", '');
    waitpid $_, 0 for @clients;

    my %did = (failed => [], closed => []);

    for my $i (1 .. $CLIENTS) {
        my $text = slurp($nginx->dir . "/$name.$i.report");

        is($text ne '', 1, "$name: client $i reports");
        $did{$1} += $2 while $text =~ /^(\d+) (\d+)$/mg;
        push @{ $did{$1} }, [$2, $3] while $text =~ /^([a-z]+) (\S+) (\S+)$/mg;
    }

    return \%did;
}


# Scrapes, and compares with what was there before.
sub watch {
    my ($seconds) = @_;

    my $end = time + $seconds;

    do {
        my $now = $without ? {} : $nginx->metrics;

        for (grep { /_total|_bucket|_count|_sum/ } keys %seen) {
            push @back, "$_: $seen{$_}, then " . ($now->{$_} // 'nothing')
                if !defined $now->{$_} || $now->{$_} < $seen{$_};
        }

        %seen = %$now;
        sleep 0.1;
    } while (time < $end);

    return;
}


# True when there are as many processes as workers, within a second: of looks,
# and since there are so many for the kernel.  What a machine does not run does
# not go either.
sub right_again {
    return 1 if $without;

    my ($began, $right_since, $looks) = (time, time, 0);

    until ($nginx->metric('processes') == $WORKERS) {
        ($right_since, $looks) = (time, 0) if $nginx->workers != $WORKERS;

        return 0 if $looks++ > 50 && time > $right_since + 1
                    || time > $began + 20;
        sleep 0.01;
    }

    return 1;
}


sub reload {
    $nginx->configure(vars => vars(3 + int rand 5));
    $nginx->reload or die "not reloaded\n";

    return;
}


sub kill_one {
    my @workers = $nginx->workers or return;
    my $pid = $workers[rand @workers];

    push @killed, time;
    $nginx->signal('KILL', $pid);
    wait_for(sub { !AdmNginx::alive($pid) });
    wait_for(sub { $nginx->serving == $WORKERS });

    return;
}


# Some of the requests that the module has counted, as a difference.
sub counted {
    my ($before, @label) = @_;

    my $now = $nginx->metrics;

    return AdmNginx::sum_of($now, 'requests_total', @label)
           - AdmNginx::sum_of($before, 'requests_total', @label);
}


# what goes on to a file: a POST may not, and that is 405
sub admitted {
    my ($did) = @_;

    return ($did->{200} // 0) + ($did->{405} // 0);
}


sub reloads {
    my ($n) = @_;

    my $before = $nginx->metrics;
    my @clients = load('reloads');
    my $wrong = 0;

    for (1 .. $n) {
        watch(rand 0.4);
        reload();
        $wrong++ unless right_again();
    }

    watch(0.3);

    my $did = stop_load('reloads', @clients);

    diag("$n reloads: ", summary($did));
    is($wrong, 0, 'reloads: as many processes as workers, within a second');
    is(scalar @{ $did->{failed} }, 0, 'reloads: no request failed');
    is(counted($before, verdict => 'admit'), admitted($did),
        'reloads: each admitted request was counted once');
    is(counted($before, verdict => 'limit'), $did->{429} // 0,
        'reloads: each refused one too');
    is(counted($before), admitted($did) + ($did->{429} // 0),
        'reloads: and no other');
    at_rest('reloads');

    return;
}


sub kills {
    my ($name, $n) = @_;

    @killed = ();

    my $before = $without ? {} : $nginx->metrics;
    my @clients = load($name);
    my $wrong = 0;

    watch(0.2);

    for my $i (1 .. $n) {
        watch(rand 0.2);
        kill_one();
        reload() if $i % 7 == 0;
        $wrong++ unless right_again();
    }

    watch(0.3);

    my $did = stop_load($name, @clients);

    diag("$name, $n: ", summary($did));
    is($wrong, 0, "$name: as many processes as workers, within a second");

    my @other = grep { !near_a_kill(@$_) } @{ $did->{failed} };

    is(scalar @other, 0, "$name: only requests in flight were lost");
    cmp_ok(scalar @{ $did->{failed} }, '<=', $n * $CLIENTS,
        "$name: at most one a client and kill");

    counted_about($name, $before, $did) if !$without;

    return;
}


sub near_a_kill {
    my ($began, $ended) = @_;

    return scalar grep { $_ > $began - $NEAR && $_ < $ended + $NEAR } @killed;
}


# What was answered was counted; what was lost may have been.
sub counted_about {
    my ($name, $before, $did) = @_;

    my $answered = admitted($did) + ($did->{429} // 0);
    my $lost = @{ $did->{failed} } + @{ $did->{closed} };
    my $counted = counted($before);

    cmp_ok($counted, '>=', $answered, "$name: each answer was counted");
    cmp_ok($counted, '<=', $answered + $lost, "$name: once");
    at_rest($name);

    return;
}


sub at_rest {
    my ($name) = @_;

    is($nginx->wait_metric('suspended_requests', 0), 0,
        "$name: nobody is asleep at rest");
    is(join("\n", @back), '', "$name: no counter went back");
    @back = ();

    return;
}


sub summary {
    my ($did) = @_;

    return join ', ', map { my $n = ref $did->{$_} ? @{ $did->{$_} }
        : $did->{$_}; "$_: $n" } sort keys %$did;
}


# The port is known when there is an nginx, which has to have a status page.
sub start {
    $without = $_[0];

    return AdmNginx->start(http => $HTTP, workers => $WORKERS,
        vars => vars(3), without_module => $without);
}


$nginx = start(0);
reloads($RELOADS);
kills('kills', $KILLS);
$nginx->finish(allow => [qr/worker process \d+ exited on signal 9$/]);

$nginx = start(1);
kills('kills without us', $KILLS_WITHOUT);
$nginx->finish(allow => [qr/worker process \d+ exited on signal 9$/]);

done_testing();
