#!/usr/bin/perl

# A Redis that answers too late: the node decides by itself in time, and what
# Redis grants afterwards is given back, so that nobody pays twice; a client
# that has left while it was asked pays nothing.  A policy without an answer
# of its own waits longer.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Test::More;
use Time::HiRes qw(sleep);

use AdmConformance ();
use AdmHttp qw(fetch request_text);
use AdmNginx qw(becomes wait_for);
use AdmRedis ();
use AdmShopper ();

AdmRedis::need_redis();


my $HTTP = <<'END';
    admission_secret_file %{keys};
    admission_redis %{redis} timeout=400ms claim_timeout=20s;
    admission_redis_circuit failures=%{failures} open=1h max_open=1h;

    admission_rate some  $arg_k rate=1r/h burst=9 scope=exact;
    admission_rate other $arg_o rate=1r/h burst=9 scope=exact;
    admission_rate one   $arg_k rate=1r/h burst=0 scope=exact;

    server {
        listen 127.0.0.1:%{h1};

        add_header X-Remaining $admission_remaining always;
        add_header X-Trips $admission_trips always;

        location = /status { admission_status; }

        location = /some {
            alias %{dir}/html/hello;
            admission_limit some cost=$arg_n;
            admission_limit other cost=$arg_n;
        }

        location = /one { alias %{dir}/html/hello; admission_limit one; }

        location = /closed {
            alias %{dir}/html/hello;
            admission_limit one;
            admission_on_store_failure rate=closed;
        }
    }
END

my $keys = File::Temp->new;
print {$keys} AdmShopper::key_file();
close $keys;

my $redis = AdmRedis->start(socket => 1);
my $nginx = AdmNginx->start(http => $HTTP,
    vars => { keys => "$keys", redis => $redis->uri, failures => 1000 });


sub ask {
    my ($path) = @_;

    return fetch($nginx->port('h1'), $path) // { status => 0, field => {} };
}


sub trips {
    my (%label) = @_;

    return $nginx->metric('store_trips_total', %label);
}


sub remaining_is {
    my ($path, $units, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $get = sub { ask("$path&n=0")->{field}{'x-remaining'} // '' };

    return becomes($get, $units, $name);
}


# Redis counts for itself, the node for itself.
sub decided_here {
    is(ask('/some?k=a&o=a')->{field}{'x-remaining'}, 9, 'Redis decides');

    $redis->signal('STOP');

    my @said = map { ask('/some?k=a&o=a') } 1 .. 3;

    is(join(' ', map { $_->{status} } @said), '200 200 200',
        'Redis sleeps: the node decides');
    is(join(' ', map { $_->{field}{'x-remaining'} } @said), '9 8 7',
        'by what it counts itself');
    is(join(' ', map { $_->{field}{'x-trips'} } @said), '1 1 1',
        'having asked');
    is(trips(command => 'rate', outcome => 'timeout'), 3, 'which is counted');
    is($nginx->metric('fail_policy_total', policy => 'rate',
        action => 'local'), 6, 'for each limit');

    $redis->signal('CONT');
    remaining_is('/some?k=a&o=a', 9, 'what it grants later is given back');
    is($redis->calls('evalsha') >= 7, 1, 'Redis was asked all that');

    return;
}


# The second of two limits has nothing left: nothing is granted, or returned.
sub refused_late {
    ask('/some?k=b&o=used') for 1 .. 10;

    my $back = trips(command => 'rate_back');

    $redis->signal('STOP');
    is(ask('/some?k=c&o=used')->{status}, 200, 'Redis sleeps: decided here');
    $redis->signal('CONT');

    remaining_is('/some?k=c&o=free', 10, 'refused later');
    is(trips(command => 'rate_back'), $back, '... nothing to give back');

    return;
}


# Who has only Redis to ask is answered by it, after longer than others wait.
sub patient {
    $redis->signal('STOP');

    my $client = AdmHttp->connect($nginx->port('h1'));

    $client->send(request_text('GET', '/closed?k=patient'));

    is(ask('/one?k=hasty')->{status}, 200, 'the one has an answer here');
    is($nginx->metric('suspended_requests'), 1, 'the other waits');

    $redis->signal('CONT');

    is($client->answer->{status}, 200, 'until Redis answers');
    is(ask('/closed?k=patient')->{status}, 429, 'which has charged it');

    return;
}


sub leaves {
    my $gone = $nginx->metric('abandoned_total');

    $redis->signal('STOP');

    my @clients = map { AdmHttp->connect($nginx->port('h1')) } 1 .. 5;

    $_->send(request_text('GET', '/closed?k=gone')) for @clients;
    is($nginx->wait_metric('suspended_requests', 5), 5, 'five sleep');
    $_->reset for @clients;
    is($nginx->wait_metric('abandoned_total', $gone + 5), $gone + 5,
        'and leave');

    $redis->signal('CONT');
    wait_for(sub { ask('/closed?k=gone')->{status} == 200 });
    is(ask('/closed?k=gone')->{status}, 429,
        'the first who comes after them passes, the next does not');

    return;
}


# The same where the first that is late opens the circuit, for an hour.
sub open_circuit {
    my $other = AdmNginx->start(http => $HTTP,
        vars => { keys => "$keys", redis => $redis->uri, failures => 1 });

    my $ask = sub { fetch($other->port('h1'), $_[0]) };

    is($ask->('/some?k=o&o=o')->{field}{'x-remaining'}, 9, 'Redis decides');

    $redis->signal('STOP');
    is($ask->('/some?k=o&o=o')->{field}{'x-trips'}, 1, 'it is late');
    is($ask->('/some?k=o&o=o')->{field}{'x-trips'}, 0, 'and asked no more');
    $redis->signal('CONT');

    # by another node, whose circuit is closed

    remaining_is('/some?k=o&o=o', 9, 'what it grants is given back');
    $other->finish;

    return;
}


decided_here();
open_circuit();
refused_late();
patient();
leaves();

is($nginx->metric('suspended_requests'), 0, 'nobody sleeps');

$nginx->finish;
$redis->finish;

done_testing();
