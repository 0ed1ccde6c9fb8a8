#!/usr/bin/perl

# People stand in line for an hour and watch each other.  Nobody may be let
# in before those with lower numbers, whatever an operator does meanwhile and
# whichever worker dies; no more come in than the shop was said to bear; and
# a place is worth one pass, however many tabs, programs and friends it is
# given to.  Thousands of shoppers of bench/crowd come to a real nginx here.
#
# What is asserted does not depend on how fast this machine is: order by what
# a shopper had read before it asked, rates by the second that stands in each
# pass, from below with a wide margin.
#
#     ADM_CHAOS=1     the long form: a kill a second for a minute
#     ADM_SEED=N      the same arrivals again, 1 unless told
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../bench/lib";
use JSON::PP qw(decode_json);
use List::Util qw(max min sum0 uniq);
use MIME::Base64 qw(decode_base64url);
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(slurp wait_for);
use CrowdTest qw(crowd_begin crowd_end);


my $SEED = $ENV{ADM_SEED} // 1;
my $CHAOS = $ENV{ADM_CHAOS};
my $LOST = qr/worker process \d+ exited on signal 9$/;
my $REPEAT = 30;        # s, in which a claim may be repeated

# the origin stands in the same nginx, and writes down who reached it
my $HTTP = <<'END';
    log_format origin '$http_x_number';
    access_log off;
    keepalive_requests 1000000;

    admission_room drop {
        %{room}
    }

    upstream origin {
        server 127.0.0.1:%{origin};
        keepalive 32;
    }

    server {
        listen 127.0.0.1:%{h1} backlog=4096;

        location = /status { admission_status; }

        location /buy {
            admission_wait drop;
            admission_log_level info;
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Number "number $admission_ticket";
        }
    }

    server {
        listen 127.0.0.1:%{origin} backlog=4096;

        location / {
            access_log %{dir}/origin.log origin;
            return 200 "bought\n";
        }
    }
END

my $nginx;


sub start {
    my ($room, $workers) = @_;

    return AdmNginx->start(http => $HTTP, workers => $workers // 1,
        vars => { room => $room });
}


# A run of the crowd against it, and its passes in the order they were read:
# { at, number, id, since, expires, shopper } each.  Meanwhile does as told.
sub run {
    my ($scenario, $meanwhile) = @_;

    my $file = $nginx->dir . '/passes';
    my $run = crowd_begin("seed $SEED\nrequest POST /buy\nconnection pool\n"
        . "retries 20 backoff 100ms max 1s\ntimeout 10s\n"
        . "addresses 2000 from 127.1.0.1\n$scenario",
        'http://127.0.0.1:' . $nginx->port('h1'), '--passes', $file);

    $meanwhile->() if $meanwhile;

    my $report = crowd_end($run);
    my @passes;

    for (split /\n/, slurp($file)) {
        my %pass;
        @pass{qw(at number id since expires shopper)} = split;
        push @passes, \%pass;
    }

    return ($report, \@passes);
}


# All that must be true of any run.
sub is_fair {
    my ($name, $report, $passes) = @_;

    my $line = $report->{line};

    is($line->{jumped}, 0, "$name: numbers rise");
    is($line->{passed_over}, 0, "$name: nobody waits behind a later number");
    is($line->{twice}, 0, "$name: one pass for each number");
    cmp_ok($line->{passes}, '<=', $nginx->metric('room_claimed_total')
        + $line->{direct}, "$name: each pass is counted");
    is(scalar(uniq map { $_->{id} } @$passes), @$passes,
        "$name: each pass is another one");

    return;
}


# How many more passes than the rate allows, at worst: over all spans of whole
# seconds, a second's worth and the root of fifteen seconds' worth being free.
sub over_rate {
    my ($rate, $passes) = @_;

    my %in;
    $in{ $_->{since} }++ for @$passes;

    my @seconds = min(keys %in) .. max(keys %in);
    my $worst = -1e9;

    for my $from (@seconds) {
        my $sum = 0;

        for my $to ($from .. $seconds[-1]) {
            $sum += $in{$to} // 0;
            $worst = max($worst, $sum - $rate * ($to - $from + 1));
        }
    }

    return $worst - $rate - sqrt(15 * $rate);
}


# From the first pass to the last.
sub mean_rate {
    my ($passes) = @_;

    my @since = map { $_->{since} } @$passes;
    my $span = max(@since) - min(@since);

    return $span ? @$passes / $span : 0;
}


# What reached the origin was let in: as many as were told so, and those whose
# answer got lost on the way.  A worker that is killed may have answered, and
# not written it down yet.
sub origin_saw {
    my ($name, $report, $kills) = @_;

    my @seen = split /\n/, slurp($nginx->dir . '/origin.log');
    my $lost = $report->{totals}{errors_all};

    cmp_ok(@seen + ($kills // 0), '>=', $report->{totals}{served},
        "$name: who was served had been at the origin");
    cmp_ok(scalar @seen, '<=', $report->{totals}{served} + $lost,
        "$name: and nobody else");
    is(scalar(grep { !/^number \d+$/ } @seen), 0, "$name: each has a number")
        if $report->{line}{direct} == 0;

    return;
}


# A line from its beginning to its end, undisturbed.
sub calm {
    my ($workers) = @_;

    my $name = "$workers worker" . ($workers > 1 ? 's' : '');
    my $rate = 200;

    $nginx = start("mode always; rate ${rate}r/s;", $workers);

    my ($report, $passes) = run(<<'END');
duration 60s
at 0s 600/s
at 2s 0/s
END

    my $all = $report->{shoppers}{all};

    cmp_ok($all, '>', 1000, "$name: there are people");
    is($report->{shoppers}{served}, $all, "$name: and all are let in");
    is($report->{line}{direct}, 0, "$name: through the line");
    is_fair($name, $report, $passes);
    origin_saw($name, $report);
    cmp_ok(over_rate($rate, $passes), '<=', 0, "$name: the rate is kept");
    cmp_ok(mean_rate($passes), '>', 0.3 * $rate, "$name: and made use of");
    is($nginx->wait_metric('room_waiting', 0), 0, "$name: nobody is left");
    is($nginx->metric('room_active'), $all, "$name: all are inside");

    diag(sprintf '%s: %d at %.1f a second; told wrong by %s', $name, $all,
        mean_rate($passes), join ', ', map { my $e = $report->{line}{$_};
            $e ? sprintf('%s %.0f %%', $_, 100 * $e->{error}) : () }
            qw(wait position wait_polled position_polled));
    $nginx->finish;

    return;
}


# Workers die and an operator reloads in the middle of a sale, and three of
# ten shoppers never come back.
sub disturbed {
    my ($kills, $reloads, $seconds, $shoppers) = @_;

    my $rate = 150;
    my ($back, %seen) = (0);

    $nginx = start("mode auto; rate ${rate}r/s;", 2);

    my $watch = sub {
        my $now = $nginx->metrics;

        # who asked a worker that died knows nothing
        return if !%$now;

        for (grep { /^room_\w+_total/ } keys %seen) {
            $back++ if ($now->{$_} // 0) < $seen{$_};
        }
        %seen = %$now;
    };

    my ($report, $passes) = run(<<"END", sub {
duration 120s
at 0s @{[ $shoppers / $seconds ]}/s
at ${seconds}s 0/s
ghosts 30%
END
        for my $i (1 .. max($kills, $reloads)) {
            sleep 0.9 * $seconds / max($kills, $reloads);
            kill_one() if $i <= $kills;
            $watch->();
            $nginx->reload if $i <= $reloads;
            $watch->();
        }
    });

    my $who = $report->{shoppers};

    is($who->{served} + $who->{left}, $who->{all},
        'disturbed: who comes back is let in');
    is($who->{left}, $report->{line}{ghosts},
        'disturbed: the others are ghosts');
    cmp_ok($who->{left}, '>', 0, 'disturbed: of whom there are some');
    is_fair('disturbed', $report, $passes);
    origin_saw('disturbed', $report, $kills);
    cmp_ok(over_rate($rate, $passes), '<=', 0, 'disturbed: the rate is kept');
    cmp_ok(mean_rate($passes), '>', 0.3 * $rate,
        'disturbed: and made use of');
    is($back, 0, 'disturbed: no counter goes back');
    is($nginx->wait_metric('room_waiting', 0), 0,
        'disturbed: nobody is waited for in the end');

    diag(sprintf 'disturbed: %d people, %d kills, %d reloads, %d ghosts, '
        . '%d errors: %.1f a second', $who->{all}, $kills, $reloads,
        $report->{line}{ghosts}, $report->{totals}{errors_all},
        mean_rate($passes));
    $nginx->finish(allow => [$LOST]);

    return;
}


sub kill_one {
    my ($pid) = $nginx->serving or return;

    $nginx->signal('KILL', $pid);
    wait_for(sub { !AdmNginx::alive($pid) });
    wait_for(sub { $nginx->serving == 2 });

    return;
}


# However they try, there are never more people inside than the ceiling.
sub ceiling {
    my ($most, $session) = (40, 4);
    my @seen;

    $nginx = start("mode always; rate 100r/s; max_active $most;"
        . " session ${session}s; claim 60s;", 2);

    my ($report, $passes) = run(<<'END', sub {
duration 20s
at 0s 60/s
at 2s 0/s
population plain 60%
    visits 4 every 1s
population tabs 10%
    tabs 20
    visits 2 every 1500ms
population apps 30%
    app on
    visits 4 every 900ms
END
        my $end = time + 16;

        while (time < $end) {
            push @seen, $nginx->metric('room_active');
            sleep 0.2;
        }
    });

    my $line = $report->{line};

    is_fair('ceiling', $report, $passes);
    cmp_ok(max(@seen), '<=', $most, 'ceiling: not more are inside');
    cmp_ok($line->{inside_most}, '<=', $most, 'ceiling: by their passes too');
    cmp_ok(max(@seen), '>', $most / 2, 'ceiling: it was come near to');
    cmp_ok($line->{passes}, '>', $most, 'ceiling: who leaves makes room');
    cmp_ok($report->{totals}{reloads}, '>', 100, 'ceiling: tabs were reloaded');
    cmp_ok($report->{populations}{apps}{served}, '>', 0,
        'ceiling: apps get their turn');

    diag(sprintf 'ceiling: at most %d of %d inside, %d by their passes; '
        . '%d passes, %d of %d people served', max(@seen), $most,
        $line->{inside_most}, $line->{passes}, $report->{shoppers}{served},
        $report->{shoppers}{all});
    $nginx->finish;

    return;
}


# A ticket that somebody gives to friends is one place.

sub ask {
    my ($token, $fields) = @_;

    return fetch($nginx->port('h1'), '/buy', fields => "$fields\r\n"
        . ($token ? "X-Admission-Token: $token\r\n" : ''));
}


sub claims {
    my ($token) = @_;

    my ($head, $body) = map { decode_base64url($_) }
                        (split /\./, $token // '.')[0, 1];

    my ($type) = ($head // '') =~ /"typ":"adm-(\w+)\+jwt"/;
    my $claims = eval { decode_json($body) } // {};

    return { %$claims, type => $type // '' };
}


# Joins, and waits until it is called.
sub called_ticket {
    my $json = 'Accept: application/json';
    my $token = ask('', $json)->{field}{'admission-token'};

    wait_for(sub {
        my $answer = ask($token, "$json\r\nAdmission-Poll: 1");
        return $answer && $answer->{body} =~ /"state":"called"/;
    }, 20);

    return $token;
}


sub copied {
    $nginx = start('mode always; rate 100r/s;', 2);

    my $ticket = called_ticket();
    my @clients = map { AdmHttp->connect($nginx->port('h1')) } 1 .. 30;

    $_->send(request_text('GET', '/buy', fields =>
        "X-Admission-Token: $ticket\r\n")) for @clients;

    my @answers = map { $_->answer } @clients;
    my @passes = map { claims($_->{field}{'admission-token'}) } @answers;

    is(scalar(grep { $_ && $_->{status} == 200 } @answers), 30,
        'copied: all who have the ticket are let in');
    is(scalar(grep { $_->{type} ne 'pass' } @passes), 0,
        'copied: each with a pass');
    is(scalar(uniq map { "$_->{jti} $_->{exp}" } @passes), 1,
        'copied: the same one');
    is($nginx->metric('room_claimed_total'), 1, 'copied: it is claimed once');
    is($nginx->metric('room_active'), 1, 'copied: one person is inside');

    return { nginx => $nginx, ticket => $ticket, pass => $passes[0],
             since => time };
}


sub copied_later {
    my ($copied) = @_;

    $nginx = $copied->{nginx};

    my $rest = $copied->{since} + $REPEAT + 2 - time;

    sleep $rest if $rest > 0;

    my @answers = map { ask($copied->{ticket}, 'Accept: application/json') }
                  1 .. 3;
    my @tokens = map { claims($_->{field}{'admission-token'}) } @answers;
    my $number = claims($copied->{ticket})->{sub};

    is(scalar(grep { $_->{status} == 503 } @answers), 3,
        'copied: later nobody is let in by it');
    is(scalar(grep { $_->{type} ne 'ticket' || $_->{sub} <= $number }
              @tokens), 0, 'copied: they join anew');
    is($nginx->metric('room_claimed_total'), 1, 'copied: still once');
    is($nginx->metric('room_active'), 1, 'copied: still one person');
    $nginx->finish;

    return;
}


my $copied = copied();

calm(1);
calm(2);
ceiling();
disturbed(2, 1, 5, 1500);
disturbed(60, 20, 60, 6000) if $CHAOS;
copied_later($copied);

done_testing();
