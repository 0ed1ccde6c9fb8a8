#!/usr/bin/perl

# A Redis known by its name: when it has gone and the name leads to another
# one, workers go there, by asking nginx's resolver and without a reload.  A
# name server that says nothing holds up nobody.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep);

use AdmDns ();
use AdmHttp qw(fetch);
use AdmLoad ();
use AdmNginx qw(becomes free_port wait_for);
use AdmRedis ();
use AdmRedisCluster ();


AdmRedis::need_redis();

my ($NAME, $FIRST, $SECOND) = ('redis.test', '127.0.0.2', '127.0.0.3');

my $HTTP = <<'END';
    %{resolver}

    admission_redis redis://%{host}:%{redis} timeout=1s claim_timeout=1s
        connections=%{connections} topology=%{topology};
    admission_redis_circuit open=100ms max_open=200ms;
    admission_secret_file %{keys};

    admission_rate one  $arg_k rate=1r/h burst=99 scope=exact;

    access_log off;
    admission_log_level info;

    server {
        listen 127.0.0.1:%{h1} backlog=1024;

        location = /status { admission_status; }
        location = /one { alias %{dir}/html/hello; admission_limit one; }

        location = /closed {
            alias %{dir}/html/hello;
            admission_limit one;
            admission_on_store_failure rate=closed;
        }
    }
END

my $keys = File::Temp->new;
print {$keys} 'k1:' . '5a' x 32 . "\n";
close $keys;

# one port of two addresses: a name says nothing of ports
my $port = free_port();

sub server {
    my ($address) = @_;

    return AdmRedis->start(port => $port, args => ['--bind', $address]);
}


my ($first, $second) = map { server($_) } $FIRST, $SECOND;
my $dns = AdmDns->start($NAME => [$FIRST]);
my %vars = (keys => "$keys", redis => $port, host => $NAME,
    connections => 1, topology => 'standalone',
    resolver => 'resolver 127.0.0.1:' . $dns->port
    . ' ipv6=off; resolver_timeout 1s;');
my $nginx = AdmNginx->start(http => $HTTP, vars => \%vars);


sub connected {
    my ($server) = @_;

    return scalar(() = $server->command('CLIENT', 'LIST')
        =~ /name=admission-/g);
}


my $clients = 0;

sub status {
    my ($path) = @_;

    my $answer = fetch($nginx->port('h1'), "$path?k=c" . ++$clients);

    return $answer ? $answer->{status} : 'none';
}


sub decides {
    my ($server) = @_;

    return wait_for(sub { connected($server) && status('/closed') == 200 });
}


sub exact {
    my ($name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $path = '/one?k=c' . ++$clients;
    my $load = AdmLoad->start($nginx->port('h1'), paths => [$path],
        clients => 10, requests => 300);

    is_deeply($load->finish->{count}{$path}, { 200 => 100, 429 => 200 },
        $name);

    return;
}


sub disconnect {
    my ($server) = @_;

    $server->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');

    return;
}


sub another {
    ok(decides($first), 'a name leads to a server');
    exact('which decides');

    my $asked = $dns->asked($NAME);

    $dns->tell($NAME => [$SECOND]);
    exact('a name that leads elsewhere now: who is connected stays so');
    is($dns->asked($NAME), $asked, 'and nobody asks');
    is(connected($second), 0, 'nor goes there');

    $first->kill;
    ok(decides($second), 'the server goes: the other one is found');
    exact('and decides');
    cmp_ok($dns->asked($NAME), '>', $asked, 'as the name server said');

    return;
}


sub silence {
    $dns->silent(1);
    sleep 1.1;                   # what the resolver knows gets old
    disconnect($second);

    ok(wait_for(sub { status('/closed') == 503 }),
        'a name server that is silent: by policy');
    is(status('/one'), 200, 'which may be to decide here');

    $dns->silent(0);
    ok(decides($second), 'it speaks again');

    $dns->tell($NAME => []);
    sleep 1.1;

    my $mark = $nginx->mark;

    disconnect($second);
    ok($nginx->wait_log($mark, qr/redis\.test could not be resolved/),
        'a name without an address');
    $dns->tell($NAME => [$SECOND]);
    ok(decides($second), 'until it has one');

    return;
}


# Of several addresses each is tried; the connections of a worker are all to
# the same one.
sub several {
    $dns->tell($NAME => [ '127.0.0.4', '127.0.0.5', $SECOND, '127.0.0.6' ]);
    sleep 1.1;
    disconnect($second);
    ok(decides($second), 'one of four addresses: it is found');

    $first->restart;
    $dns->tell($NAME => [ $FIRST, $SECOND ]);
    sleep 1.1;
    $nginx->configure(vars => { %vars, connections => 8 });

    ok($nginx->reload, 'two masters of one name, by mistake');
    # when the worker of before has gone
    becomes(sub { join ' ', sort map { connected($_) } $first, $second },
        '0 8', 'eight connections are all to one');

    return;
}


# The resolver is believed, not the machine, which knows another address.
sub resolver_first {
    $dns->tell(localhost => [$SECOND]);
    $nginx->configure(vars => { %vars, host => 'localhost' });
    ok($nginx->reload, 'a name that the machine knows, too');
    ok(decides($second), 'is where the resolver says');

    return;
}


# A cluster whose nodes call one another by names.
sub cluster {
    my $cluster = AdmRedisCluster->start;
    my @nodes = $cluster->nodes;

    $dns->tell(map { ("node$_.test" => ['127.0.0.1']) } 0 .. $#nodes);

    for my $i (0 .. $#nodes) {
        $nodes[$i]->command('CONFIG', 'SET', 'cluster-announce-hostname',
            "node$i.test", 'cluster-preferred-endpoint-type', 'hostname');
    }

    ok(wait_for(sub { !grep { ref || !/^node\d\.test$/ } map { $_->[2][0] }
        @{ $nodes[0]->command('CLUSTER', 'SLOTS') } }),
        'a cluster that tells names');

    $nginx->configure(vars => { %vars, topology => 'cluster',
        host => '127.0.0.1', redis => $nodes[0]->port });
    ok($nginx->reload, 'whose first node is known by its address');
    ok(wait_for(sub { 3 == grep { connected($_) == 1 } @nodes }),
        'all are connected to');
    exact("which decide, $_") for 1 .. 4;
    is(scalar(grep { $dns->asked("node$_.test") } 0 .. 2), 3,
        'by the name server');

    return;
}


# Without a resolver, what was found as the configuration was read.
sub without_resolver {
    my $here = AdmRedis->start;

    $nginx->configure(vars => { %vars, resolver => '', host => 'localhost',
        redis => $here->port });
    ok($nginx->reload, 'a name without a resolver');
    ok(decides($here), 'one of its addresses is that of the server');
    exact('which decides');

    $here->restart;
    ok(decides($here), 'and is found again');

    return;
}


another();
silence();
several();
resolver_first();
cluster();
without_resolver();

$nginx->finish;

done_testing();
