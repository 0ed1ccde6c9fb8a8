#!/usr/bin/perl

# A browser sends an order again because the answer is late, another tab sends
# it too, and each lands on another worker.  Of all requests with one key one
# is executed, whoever has it; a key is forgotten when its time is over, and
# never before: when there is no place for one more, the next order is told to
# come again, and no order of the past can be executed twice.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for);
use AdmOrders ();


my $HTTP = <<'END';
    admission_zone clients 256k;        # the least memory for keys
    admission_log_level error;

    upstream orders { server 127.0.0.1:%{orders} max_fails=0; }

    server {
        listen 127.0.0.1:%{h1} backlog=1024 reuseport;   # both get some

        admission_idempotency $http_idempotency_key owner=$http_x_buyer
            ttl=%{ttl} lock=%{lock} max_body=64k zone=clients;

        proxy_ignore_client_abort on;

        add_header X-Verdict "$admission_verdict $admission_reason" always;

        location = /status { admission off; admission_status; }
        location / { proxy_pass http://orders; }
    }
END

my $orders = AdmOrders->start;


sub start {
    my (%is) = @_;

    return AdmNginx->start(http => $HTTP, workers => 2,
        vars => { orders => $orders->port, ttl => '1h', lock => '30s',
                  %is });
}


sub head { return "Idempotency-Key: $_[0]\r\nX-Buyer: ann\r\n" }


sub order {
    my ($nginx, $key, $path) = @_;

    return fetch($nginx->port('h1'), ($path // '/plain/201') . "?k=$key-",
        method => 'POST', body => 'item=lamp', fields => head($key));
}


sub said { return "$_[0]{status} $_[0]{field}{'x-verdict'}" }
sub executed { return $orders->executed("k=$_[0]-") }


# A crowd with the keys that are given, all of it on its way at once.
sub crowd {
    my ($nginx, $path, @keys) = @_;

    my %seen;
    my @clients = map { AdmHttp->connect($nginx->port('h1')) } @keys;

    for my $i (0 .. $#keys) {
        $clients[$i]->send(request_text('POST', "$path?k=$keys[$i]-",
            body => 'item=lamp',
            fields => head($keys[$i]) . "Connection: close\r\n"));
    }

    $seen{said($_->answer)}++ for @clients;

    return \%seen;
}


# What the tables of keys and answers say of themselves
sub table {
    my ($nginx, $name, $which) = @_;

    return $nginx->metric($name, zone => 'clients', table => $which) // 0;
}


sub at_once {
    my $nginx = start();
    my @keys = map { ("crowd-$_") x 10 } 1 .. 20;
    my $seen = crowd($nginx, '/slow/300', @keys);

    is($seen->{'200 admit '}, 20, 'of each key one is let in');
    is(($seen->{'409 conflict in_progress'} // 0)
        + ($seen->{'200 replay replay'} // 0), 180, '... and no other');
    is(scalar(grep { executed("crowd-$_") != 1 } 1 .. 20), 0,
        '... and so executed');

    # later: when the workers have noted what they have answered
    wait_for(sub {
        !grep { said(order($nginx, "crowd-$_", '/slow/300')) =~ /in_progress/ }
            1 .. 20;
    });

    $seen = crowd($nginx, '/slow/300', @keys);
    is($seen->{'200 replay replay'}, 200, 'later all are told what it was');

    $nginx->reload;
    $seen = crowd($nginx, '/slow/300', @keys);
    is($seen->{'200 replay replay'}, 200, '... also by new workers');

    $nginx->finish;

    return;
}


sub its_time {
    my $nginx = start(ttl => '1s', lock => '1s');

    is(said(order($nginx, 'brief')), '201 admit ', 'a key for a second');

    ok(wait_for(sub { said(order($nginx, 'brief')) eq '201 admit ' }, 10),
        'is free when that is over');
    is(executed('brief'), 2, '... and not before');

    # nobody asks for these again: the sweep finds them

    order($nginx, "swept-$_") for 1 .. 30;
    ok(wait_for(sub { table($nginx, 'zone_used_ratio', 'keys') < 0.05 }, 10),
        'so is its place');

    $nginx->finish;

    return;
}


sub a_full_table {
    my $nginx = start();
    my (@kept, $full);

    for my $i (1 .. 1000) {
        my $answer = order($nginx, "full-$i");

        if ($answer->{status} != 503) {
            push @kept, "full-$i";
            next;
        }

        $full = $answer;
        last;
    }

    ok($full, scalar(@kept) . ' keys are as many as there are places for');
    like(said($full), qr/^503 fail table_full/, 'the next one is told so');
    ok($full->{field}{'retry-after'}, '... and when to come again');
    is(executed('full-' . (@kept + 1)), 0, '... and not executed');
    ok(table($nginx, 'table_full_total', 'keys') >= 1, '... and counted');
    ok(table($nginx, 'zone_used_ratio', 'keys') > 0.99, 'the table is full');

    # there is less memory for answers than for keys

    my $seen = crowd($nginx, '/plain/201', @kept);
    my $replays = $seen->{'201 replay replay'};
    my $unkept = $seen->{'409 conflict not_kept'};

    is($replays + $unkept, @kept, 'nothing that was done is done again');
    ok($replays > 50, "... $replays of these are told what it was");
    ok($unkept > 50, "... $unkept that it was");
    is(table($nginx, 'table_full_total', 'answers'), $unkept,
        '... and these are counted');
    is((grep { executed($_) != 1 } @kept), 0, '... each was executed once');

    $nginx->finish;

    return;
}


at_once();
its_time();
a_full_table();

done_testing();
