#!/usr/bin/perl

# An operator changes a configuration in the middle of a sale, or stops
# nginx: who sleeps is woken by the worker that he came to, old workers go
# when they are done, clients keep what they have used up under the changed
# rates, and what cannot be put into service leaves the old as it was.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use IO::Socket::INET ();
use Test::More;
use Time::HiRes qw(sleep time);

use AdmH2 ();
use AdmHttp qw(fetch request_text);
use AdmNginx qw(becomes wait_for);
use AdmUpstream ();


my $HTTP = <<'END';
    %{keeper}
    %{zones}
    %{rates}

    server {
        listen 127.0.0.1:%{h1};
        listen 127.0.0.1:%{h2} http2;
        %{listen}

        add_header X-Pid $pid always;
        proxy_http_version 1.1;

        location = /hello { alias %{dir}/html/hello; }
        location = /status { admission_status; }

        location = /limited {
            alias %{dir}/html/hello;
            admission_limit one;
        }

        location /held/ {
            admission_limit wide;
            proxy_pass http://127.0.0.1:%{up};
        }

        location = /ask { alias %{dir}/html/hello; %{ask} }

        %{more}
    }
END

my $ZONES = 'admission_zone clients 1m;';
my $WIDE = 'admission_rate wide $arg_k rate=1000r/s scope=exact;';
my $RATES = "admission_rate one \$arg_k rate=1r/h burst=2; $WIDE";

my $upstream = AdmUpstream->start;

my %PROBE = $ENV{ADM_PROBE}
    ? (keeper => 'admission_test_keeper 5s;',
       ask => 'admission_probe a $arg_a at=ask;')
    : ();


sub vars {
    my (%changed) = @_;

    return { up => $upstream->port, keeper => '', ask => '', listen => '',
        more => '', zones => $ZONES, rates => $RATES, %PROBE, %changed };
}


my $nginx = AdmNginx->start(http => $HTTP, vars => vars());


# Puts a changed configuration into service; an unchanged one without a word.
sub put {
    my (%changed) = @_;

    my $generation = $nginx->metric('config_generation');

    $nginx->configure(vars => vars(%changed));

    my $done = $nginx->reload;
    my $now = $generation + ($done ? 1 : 0);

    becomes(sub { $nginx->metric('config_generation') }, $now, $done
        ? 'a new generation' : 'no new generation');

    return $done;
}


# The statuses of so many requests of one client, one after the other.
sub statuses {
    my ($n, $query) = @_;

    return join ' ', map {
        fetch($nginx->port('h1'), "/limited?$query")->{status} } 1 .. $n;
}


# What was got within so many seconds, besides those that were slept; where
# the machine took longer, what would have drained meanwhile says nothing, and
# it is asked again.
sub promptly {
    my ($seconds, $get, $slept) = @_;

    my $got;

    for (1 .. 10) {
        my $began = time;

        $got = $get->();
        last if time - $began < $seconds + ($slept // 0);
    }

    return $got;
}


sub changed_rate {
    is(statuses(4, 'k=r'), '200 200 200 429', 'one in an hour, two above');

    ok(put(rates => "admission_rate one \$arg_k rate=1r/h burst=4; $WIDE"),
        'a larger burst');
    is(statuses(3, 'k=r'), '200 200 429', 'it is what is left of it');

    ok(put(rates => "admission_rate one \$arg_k rate=1r/s burst=1; $WIDE"),
        'a faster rate');

    is(promptly(1, sub {
        my ($first, @others) = split ' ', statuses(3, 'k=r');

        return "@others";
    }), '429 429', 'what was used up still is');
    is(promptly(1, sub {
        statuses(1, 'k=r');
        return fetch($nginx->port('h1'), '/limited?k=r')->{field}
               {'retry-after'};
    }), 1, 'but not for hours');
    is(promptly(1, sub { sleep 1.1; return statuses(2, 'k=r') }, 1.1),
        '200 429', 'and drains at the new rate');

    ok(put(), 'back to the first');

    return;
}


sub changed_key {
    is(statuses(4, 'k=key'), '200 200 200 429', 'a client at its limit');
    ok(put(rates => "admission_rate one \$arg_k\$arg_x rate=1r/h burst=2;"
        . " $WIDE"), 'another key');
    is(statuses(4, 'k=key'), '200 200 200 429', 'begins anew');
    ok(put(), 'the key as it was');

    return;
}


sub zones {
    is(statuses(4, 'k=z'), '200 200 200 429', 'a client at its limit');

    my $mark = $nginx->mark;

    ok(put(zones => 'admission_zone clients 2m;'), 'another size');
    like($nginx->since($mark), qr/\[warn\] .* zone[ ]"clients"
        [ ]keeps[ ]its[ ]size[ ]of[ ]1048576[ ]bytes,
        [ ]a[ ]changed[ ]size[ ]takes[ ]effect[ ]at[ ]restart/x,
        'takes effect at restart, and that is said');
    is(statuses(1, 'k=z'), '429', 'who was at the limit still is');

    ok(put(zones => "$ZONES admission_zone other 64k;",
        rates => "admission_rate one \$arg_k rate=1r/h burst=2 zone=other;"
        . " $WIDE"), 'another zone');
    is(statuses(4, 'k=z'), '200 200 200 429', 'begins anew');
    ok(defined $nginx->metrics->{'zone_used_ratio{zone="other",table="rate"}'},
        'and is among the metrics');

    ok(put(), 'the first zone alone');
    is($nginx->metrics->{'zone_used_ratio{zone="other",table="rate"}'}, undef,
        'the other is gone');
    is(statuses(1, 'k=z'), '429', 'the first one has forgotten nothing');

    ok(put(zones => ''), 'no zone named: the one that is made');
    is(statuses(4, 'k=z'), '200 200 200 429', 'begins anew');
    ok(put(), 'the first zone again');
    is(statuses(4, 'k=z'), '200 200 200 429', 'begins anew');

    return;
}


sub refused {
    my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
    my $port = $taken->sockport;

    my %bad = (
        'no directive'   => { more => 'nonsense;' },
        'no such rate'   => { more => 'admission_limit nonesuch;' },
        'no such zone'   => { rates =>
            "admission_rate one \$arg_k rate=1r/h zone=nonesuch; $WIDE" },
        'a port in use'  => { listen => "listen 127.0.0.1:$port;",
            rates => "$RATES admission_rate new \$arg_k rate=1r/h;",
            more => 'location /new { admission_limit new; }' },
    );

    is(statuses(4, 'k=bad'), '200 200 200 429', 'a client at its limit');

    for my $name (sort keys %bad) {
        my @workers = $nginx->serving;
        my $mark = $nginx->mark;

        ok(!put(%{ $bad{$name} }), "$name: refused");

        # the master tries for some seconds, and complains each time: else the
        # next one would be refused by what is said of this one
        ok($nginx->wait_log($mark, qr/still could not bind/), '... at last')
            if $name eq 'a port in use';

        is(join(' ', $nginx->serving), "@workers", "$name: the workers stay");
        is(statuses(1, 'k=bad'), '429', "$name: and what they know");
    }

    $nginx->configure(vars => vars());

    return;
}


sub workers {
    my $before = $nginx->metric('requests_total');

    for my $n (3, 1) {
        $nginx->configure(workers => $n);
        ok(put(), "$n workers");
        is($nginx->wait_metric('processes', $n), $n,
            'counted within a second');
    }

    is($nginx->metric('requests_total'), $before, 'no request is forgotten');

    return;
}


# Requests that the upstream works on, and one that is kept alive.
sub under_way {
    my ($old) = $nginx->serving;
    my $idle = AdmHttp->connect($nginx->port('h1'));
    my $h2 = AdmH2->connect($nginx->port('h2'));

    $idle->send(request_text('GET', '/hello'));
    is($idle->answer->{field}{'x-pid'}, $old, 'kept alive by the old worker');

    my @clients = map { AdmHttp->connect($nginx->port('h1')) } 1 .. 5;

    $_->send(request_text('GET', '/held/slow/400')) for @clients;

    my @streams = map { $h2->request('GET', '/held/slow/400') } 1 .. 5;

    wait_for(sub { $upstream->seen_like('/held/slow/400') == 10 });
    ok(put(), 'reloaded while the upstream works');

    is(join(' ', map { $_->answer->{field}{'x-pid'} } @clients),
        join(' ', ($old) x 5), 'the old worker answers them');
    is(join(' ', map { $h2->answer($_)->{status} } @streams),
        join(' ', (200) x 5), 'streams too');
    $h2->close;
    ok($idle->closed(20), 'who is idle is let go');
    ok($nginx->wait_gone($old), 'the old worker goes');

    return;
}


# So many asleep by each protocol: what reads the answer of each.  The last
# one of the streams leaves, as a client does that was told GOAWAY: nginx
# lingers for it otherwise.
sub sleepers {
    my ($n, $how) = @_;

    my $h2 = AdmH2->connect($nginx->port('h2'));
    my @asleep = map { my $stream = $h2->request('GET', "/ask?a=$how&id=s$_");
                       sub { _last_answer($h2, $stream, 2 * $n - 1) } }
                 1 .. $n;

    for (1 .. $n) {
        my $client = AdmHttp->connect($nginx->port('h1'));

        $client->send(request_text('GET', "/ask?a=$how&id=t$_"));
        push @asleep, sub { $client->answer };
    }

    is($nginx->wait_metric('suspended_requests', 2 * $n), 2 * $n,
        2 * $n . ' are asleep');

    return @asleep;
}


sub _last_answer {
    my ($h2, $stream, $last) = @_;

    my $answer = $h2->answer($stream);

    $h2->close if $stream == $last;

    return $answer;
}


sub woken {
    my ($asleep, $name) = @_;

    is(join(' ', map { my $answer = $_->(); $answer ? $answer->{status} : 0 }
        @$asleep), join(' ', (200) x @$asleep), $name);

    return;
}


sub asleep_over_reload {
    my ($old) = $nginx->serving;
    my @asleep = sleepers(10, '1600-grant');

    ok(put(), 'reloaded while they sleep');
    is($nginx->metric('suspended_requests'), 20, 'the new worker knows');
    is($nginx->metric('processes'), 2, 'that the old one is there');
    woken(\@asleep, 'they are woken');
    ok($nginx->wait_gone($old), 'the old worker goes');
    is($nginx->metric('suspended_requests'), 0, 'and nobody is asleep');
    is($nginx->metric('processes'), 1, 'with one worker');

    return;
}


sub asleep_over_many_reloads {
    my @asleep = sleepers(5, '2000-grant');

    put() for 1 .. 3;
    woken(\@asleep, 'asleep over three reloads');
    is($nginx->wait_metric('processes', 1), 1, 'one worker is left');

    return;
}


sub shutdown_timeout {
    $nginx->configure(main => 'worker_shutdown_timeout 200ms;');
    ok(put(), 'with worker_shutdown_timeout');

    my ($old) = $nginx->serving;
    my $abandoned = $nginx->metric('abandoned_total');
    my @asleep = sleepers(5, '0-never');

    ok(put(), 'reloaded while they sleep for long');
    ok($nginx->wait_gone($old), 'the old worker does not wait for them');
    is(join(' ', map { defined $_->() ? 1 : 0 } @asleep),
        join(' ', (0) x 10), 'they get no answer');
    is($nginx->metric('abandoned_total') - $abandoned, 10, 'which is counted');
    is($nginx->metric('suspended_requests'), 0, 'nobody is asleep');

    $nginx->configure(main => '');

    return;
}


sub stopped {
    my ($signal) = @_;

    $nginx = AdmNginx->start(http => $HTTP, vars => vars(), workers => 2);

    my @asleep = $PROBE{ask} ? sleepers(5, $signal eq 'QUIT' ? '1500-grant'
                                              : '4000-grant') : ();
    my $client = AdmHttp->connect($nginx->port('h1'));

    # nobody has been answered yet when the signal comes
    my $path = ($signal eq 'QUIT' ? '/held/slow/500' : '/held/hang')
               . "?$signal";

    $client->send(request_text('GET', $path));
    wait_for(sub { $upstream->seen_like($path) });
    $nginx->signal($signal);

    my $answer = $client->answer;

    if ($signal eq 'QUIT') {
        is($answer->{status}, 200, 'QUIT: who is served is served');
        woken(\@asleep, 'QUIT: who sleeps is woken') if @asleep;
    } else {
        is($answer, undef, "$signal: at once");
    }

    $nginx->finish;

    return;
}


# nginx itself does not serve after a HUP in this mode
sub single_process {
    $nginx = AdmNginx->start(http => $HTTP, vars => vars(),
        main => 'master_process off;');

    is(statuses(4, 'k=1'), '200 200 200 429', 'master_process off');
    is($nginx->metric('processes'), 1, 'one process');
    is($nginx->metric('config_generation'), 1, 'of one configuration');

    my @asleep = $PROBE{ask} ? sleepers(5, '1000-grant') : ();
    my $mark = $nginx->mark;

    $nginx->signal('HUP');
    ok($nginx->wait_log($mark, qr/reconfiguring/), 'HUP');
    woken(\@asleep, 'who sleeps is woken') if @asleep;
    sleep 0.2;
    fetch($nginx->port('h1'), '/hello', patience => 0.2);
    ok(AdmNginx::alive($nginx->pid), 'it lives');
    $nginx->finish(allow => [qr/worker_connections are not enough/]);

    return;
}


changed_rate();
changed_key();
zones();
workers();
under_way();

if ($PROBE{ask}) {
    asleep_over_reload();
    asleep_over_many_reloads();
    shutdown_timeout();
}

refused();

$nginx->finish(allow => [
    qr/unknown (?:directive|rate|zone) "non/,
    qr/bind\(\) to 127\.0\.0\.1:\d+ failed \(98/, qr/still could not bind/,
]);

stopped($_) for qw(QUIT TERM INT);
single_process();

done_testing();
