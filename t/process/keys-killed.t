#!/usr/bin/perl

# A worker dies with ten orders on their way, and nobody knows which of them
# the shop has taken.  Their keys must not become free, or each is paid twice;
# and no other key may be touched by it, at whatever instruction it happened.
# The orders of the workers that live go on as if nothing had been.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for slurp);
use AdmOrders ();


my $HTTP = <<'END';
    admission_log_level error;

    upstream orders { server 127.0.0.1:%{orders} max_fails=0; }

    server {
        listen 127.0.0.1:%{h1} backlog=1024 reuseport;   # both get some

        admission_idempotency $http_idempotency_key owner=$http_x_buyer;

        proxy_ignore_client_abort on;

        add_header X-Verdict "$admission_verdict $admission_reason" always;
        add_header X-Pid $pid always;

        location = /status { admission off; admission_status; }
        location = /pid { admission off; return 200 $pid; }
        location / { proxy_pass http://orders; }
    }
END

my $KEYS = 400;
my $CLIENTS = 6;
my $KILLS = $ENV{ADM_CHAOS} ? 400 : 20;

my @DIED = (qr/exited on signal 9/, qr/shared memory zone .* was locked by/);

my $orders = AdmOrders->start;


sub start {
    my $nginx = AdmNginx->start(http => $HTTP, workers => 2,
        vars => { orders => $orders->port });

    wait_for(sub { $nginx->serving == 2 });

    return $nginx;
}


sub request {
    my ($key, $path) = @_;

    return request_text('POST', "$path?k=$key-", body => 'item=lamp',
        fields => "Idempotency-Key: $key\r\nX-Buyer: ann\r\n"
            . "Connection: close\r\n");
}


sub order {
    my ($nginx, $key, $path) = @_;

    my $client = AdmHttp->connect($nginx->port('h1')) or return 'nobody';

    $client->send(request($key, $path // '/plain/201'));

    my $answer = $client->answer or return 'nothing';

    return "$answer->{status} $answer->{field}{'x-verdict'}";
}


sub executed { return $orders->executed("k=$_[0]-") }


# Orders on their way in both workers; one worker is killed.
sub on_their_way {
    my $nginx = start();
    my ($killed, $other) = $nginx->workers;
    my @clients;

    for my $i (1 .. 40) {
        $clients[$i] = AdmHttp->connect($nginx->port('h1'));
        $clients[$i]->send(request("way-$i", '/until/way'));
    }

    ok(wait_for(sub { (grep { executed("way-$_") } 1 .. 40) == 40 }, 10),
        'forty orders are executed, and not answered yet');

    kill 'KILL', $killed;
    ok($nginx->wait_gone($killed), 'one of two workers is killed');

    my %said = map { $_ => order($nginx, "way-$_", '/until/way') } 1 .. 40;
    my @lost = grep { $said{$_} eq '409 conflict outcome_unknown' } 1 .. 40;
    my @run = grep { $said{$_} eq '409 conflict in_progress' } 1 .. 40;

    is(@lost + @run, 40, 'no key is free');
    ok(@lost && @run, scalar(@lost) . ' are unknown, the others run on');

    $orders->release('way');

    my @answers = map { $clients[$_]->answer } @run;

    is((grep { $_ && $_->{status} == 200
               && $_->{field}{'x-pid'} == $other } @answers), @run,
        'those are answered, by the worker that lives');

    # who is answered hears that before its worker has noted it
    is((grep { my $key = "way-$_";
               wait_for(sub { order($nginx, $key, '/until/way')
                              eq '200 replay replay' }) } @run), @run,
        '... and replayed');
    is((grep { order($nginx, "way-$_", '/until/way')
               eq '409 conflict outcome_unknown' } @lost), @lost,
        'the others stay unknown');
    is((grep { executed("way-$_") != 1 } 1 .. 40), 0,
        'each was executed once');

    $nginx->finish(allow => \@DIED);

    return;
}


# Some are answered at once
sub any {
    my ($nginx, $key) = @_;

    return order($nginx, "any-$key", $key % 2 ? '/plain/201' : '/slow/30');
}


# A client that orders without end, and writes down what it was told.
sub customer {
    my ($nginx, $file, $seed) = @_;

    my $pid = fork // die "cannot fork: $!\n";

    return $pid if $pid;

    srand $seed;
    open my $out, '>', $file or POSIX::_exit(1);
    $out->autoflush;

    for (;;) {
        my $key = 1 + int rand $KEYS;
        print {$out} "$key " . any($nginx, $key) . "\n";
    }
}


sub under_load {
    my $nginx = start();
    my $seed = $ENV{ADM_SEED} // int rand 1e6;
    my @files = map { File::Temp->new } 1 .. $CLIENTS;
    my @pids = map { customer($nginx, "$files[$_]", $seed + $_) }
        0 .. $#files;

    note("ADM_SEED=$seed");
    srand $seed;

    for (1 .. $KILLS) {
        sleep 0.05 + rand 0.1;

        my @workers = $nginx->serving;
        kill 'KILL', $workers[rand @workers] if @workers;
    }

    kill 'KILL', @pids;
    waitpid $_, 0 for @pids;

    ok(wait_for(sub { $nginx->serving == 2 }, 10), 'two workers are there');

    # what a killed client had sent may still be on its way

    ok(wait_for(sub { !grep { any($nginx, $_) =~ /in_progress/ }
                      1 .. $KEYS }, 10), 'no key is locked for ever');

    my (%seen, @twice);

    for my $key (1 .. $KEYS) {
        my $said = any($nginx, $key) =~ s/^20[01]/2xx/r;

        $seen{$said}++;
        push @twice, $key if executed("any-$key") > 1;
    }

    is("@twice", '', 'no order was executed twice');

    my $unknown = delete $seen{'409 conflict outcome_unknown'} // 0;
    my $replays = delete $seen{'2xx replay replay'} // 0;

    is_deeply(\%seen, {}, 'of each it is known what became of it, or that '
        . 'nobody knows');
    ok($unknown, "$unknown were cut off in the middle");
    is($unknown + $replays, $KEYS, "... $replays were not");

    $nginx->finish(allow => \@DIED);

    return;
}


on_their_way();
under_load();

done_testing();
