#!/usr/bin/perl

# What an operator says of a circuit holds: on all workers and nodes, over
# reload and restart, until it is taken back.
#
# A shop's database is moved, and nothing may reach it.  One node that has not
# heard of it, or has forgotten it at a reload, sends orders into a database
# that is copied.  And a circuit that was kept closed by hand has to open by
# itself again once the word is taken back.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use JSON::PP ();
use Test::More;

use AdmHttp qw(fetch);
use AdmNginx qw(becomes wait_for);
use AdmRedis ();

AdmRedis->need_redis;

my $HTTP = <<'END';
    %{store}
    admission_secret_file %{keys}/keys;
    admission_state %{state};

    admission_upstream shop failures=3 open=1h max_open=1h;
    admission_upstream bank concurrency=8;

    server {
        listen 127.0.0.1:%{h1};

        location = /status { admission_status; }
        location = /ready { admission_health strict; }
        location /control { admission_control; }
        location /shop/ {
            admission_shed shop;
            proxy_pass http://127.0.0.1:%{h2}/;
        }
    }

    server {
        listen 127.0.0.1:%{h2};
        location = /bank { admission_shed bank; empty_gif; }
        location = /ok { return 200 "ok\n"; }
        location = /bad { return 500; }
    }
END

my $dir = File::Temp->newdir;

open my $out, '>', "$dir/keys" or die "cannot write keys: $!\n";
print {$out} 'k1:', 'ab' x 32, "\n";
close $out or die "cannot write keys: $!\n";
chmod 0600, "$dir/keys";


# A node whose state is in a directory of this name.
sub start {
    my ($state, $store) = @_;

    return AdmNginx->start(workers => 2, http => $HTTP, vars => {
        state => "$dir/$state", store => $store // '', keys => $dir });
}


sub ask {
    my ($node, $path, %more) = @_;

    return fetch($node->port('h1'), $path, %more) // { status => 0 };
}


# The statuses of so many requests, which come to any worker, in all.
sub statuses {
    my ($node, $path, $times) = @_;

    my %seen;
    $seen{ ask($node, $path)->{status} }++ for 1 .. $times;

    return join ' ', map { "$_: $seen{$_}" } sort keys %seen;
}


sub change {
    my ($node, $state) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return is(ask($node, '/control/circuits/shop', method => 'PATCH',
        body => qq({"state":$state}),
        fields => "Content-Type: application/json\r\n")->{status}, 200,
        "an operator says $state");
}


sub told {
    my ($node) = @_;

    return JSON::PP::decode_json(ask($node, '/control/circuits/shop')->{body});
}


sub in_force {
    my ($node, $state, $text) = @_;

    my $is = sub { told($node)->{state}{effective} };

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return becomes($is, $state, $text);
}


sub circuit { return $_[0]->metric('circuit_state{circuit="shop"}') }


# Those who hear of a failure hear of it before their worker has noted it, and
# so do those of a success.
sub opens {
    my ($node, $text) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $node->wait_metric('inflight', 0);
    statuses($node, '/shop/bad', 3);

    return becomes(sub { circuit($node) }, 1, $text);
}


subtest 'one node, over reload and restart' => sub {
    my $node = start('one');

    is(statuses($node, '/shop/ok', 10), '200: 10', 'all is well');
    ok(wait_for(sub {
        $node->metric('upstream_needs_seconds{upstream="shop"}') > 0 }),
        'and it is known how long it takes');

    change($node, '"open"');
    is(statuses($node, '/shop/ok', 20), '503: 20', 'nothing reaches it');
    is(ask($node, '/ready')->{status}, 503, 'and the node says so');

    $node->reload;
    is(statuses($node, '/shop/ok', 20), '503: 20', 'nor behind a reload');
    is(told($node)->{state}{by}, '127.0.0.1', 'whose word it was');

    $node->finish;
    $node = start('one');
    is(statuses($node, '/shop/ok', 20), '503: 20', 'nor after a restart');

    change($node, '"closed"');
    is(statuses($node, '/shop/bad', 20), '500: 20', 'it is kept closed');
    is(circuit($node), 0, '... and says so');
    is(told($node)->{upstream}{opened}, 0, 'it has not opened');

    $node->wait_metric('inflight', 0);
    change($node, 'null');
    is(statuses($node, '/shop/ok', 10), '200: 10', 'nobody holds it');
    opens($node, 'it opens by itself again, and says so');
    is(statuses($node, '/shop/ok', 10), '503: 10', '... and lets nobody in');
    is(told($node)->{upstream}{opened}, 1, '... once');
    is(told($node)->{state}{effective}, 'auto', 'which was nobody');

    change($node, '"closed"');
    is(statuses($node, '/shop/ok', 10), '200: 10', 'and can be closed');

    $node->finish;
};


subtest 'two nodes' => sub {
    my $redis = AdmRedis->start;
    my @nodes = map { start($_, 'admission_redis ' . $redis->uri . ';') }
        'here', 'there';
    my ($here, $there) = @nodes;

    wait_for(sub { $_->metric('fleet_nodes') == 2 }) for @nodes;

    change($here, '"open"');
    in_force($there, 'open', 'the other node hears of it');
    is(statuses($_, '/shop/ok', 10), '503: 10', 'nothing reaches it by either')
        for @nodes;

    change($there, 'null');
    in_force($here, 'auto', 'and that it was taken back');
    is(statuses($_, '/shop/ok', 10), '200: 10', 'it is reached by both')
        for @nodes;

    opens($here, 'a circuit opens by what its own node has seen');
    is(circuit($there), 0, '... and stays closed at the other');
    is(statuses($there, '/shop/ok', 10), '200: 10', '... which goes on');

    my $bank = 'upstream="bank"';

    for my $node (@nodes) {
        ok(wait_for(sub { $node->metric("concurrency_nodes{$bank}") == 2 }),
            'a limit is shared by two');
        becomes(sub {
            $node->metric(qq(concurrency_limit{$bank,scope="fleet"})) },
            8, '... and is told as theirs');
        cmp_ok($node->metric("concurrency_share{$bank}"), '<=', 8,
            '... of which each has a part');
    }

    $_->finish for @nodes;
};

done_testing();
