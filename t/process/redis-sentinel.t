#!/usr/bin/perl

# A master that dies in the middle of a sale: Sentinels promote its replica,
# and every worker finds the new one by itself.  Nobody waits for longer than
# the store's time-out, no request is lost, limits are exact again, and no
# operator has to reload anything.  Nor when Sentinels go and come, or when a
# server turns into a replica while we are connected to it.
#
# ADM_CHAOS=1 adds a failover that an operator asks for: Sentinels take ten
# seconds over it.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmHttp qw(fetch);
use AdmLoad ();
use AdmNginx qw(wait_for);
use AdmRedis ();
use AdmRedisSentinel ();


AdmRedis::need_redis();

my $PASSWORD = 'of-the-servers';

# seconds; the margin is for a machine that has other things to do
my ($TIMEOUT, $MARGIN) = (1, 4.25);

my $HTTP = <<'END';
    admission_redis %{uris} topology=%{topology}
        timeout=1s claim_timeout=1s;
    admission_redis_auth %{password};
    admission_redis_circuit open=100ms max_open=200ms;
    admission_secret_file %{keys};

    admission_rate one  $arg_k rate=1r/h burst=99 scope=exact;
    admission_rate many $arg_k rate=1r/s burst=999999 scope=exact;

    access_log off;
    keepalive_requests 1000000;
    admission_log_level info;

    server {
        listen 127.0.0.1:%{h1} backlog=1024;

        location = /status { admission_status; }
        location = /one { alias %{dir}/html/hello; admission_limit one; }
        location = /many { alias %{dir}/html/hello; admission_limit many; }

        location = /closed {
            alias %{dir}/html/hello;
            admission_limit many;
            admission_on_store_failure rate=closed;
        }
    }
END


sub secret {
    my ($text) = @_;

    my $file = File::Temp->new;

    print {$file} "$text\n";
    close $file;

    return $file;
}


my ($keys, $password) = (secret('k1:' . '5a' x 32), secret($PASSWORD));
my $set = AdmRedisSentinel->start(password => $PASSWORD);
my %vars = (keys => "$keys", password => "$password");
my $workers = 2;
my $nginx = AdmNginx->start(workers => $workers, http => $HTTP, vars => {
    %vars, uris => $set->uris, topology => 'sentinel:' . $set->name });


my $clients = 0;

# A client whom nobody knows has a hundred requests, wherever they arrive.
sub exact {
    my ($server, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $path = '/one?k=c' . ++$clients;
    my $before = $server->calls('evalsha');
    my $load = AdmLoad->start($nginx->port('h1'), paths => [$path],
        clients => 10, requests => 300);

    is_deeply($load->finish->{count}{$path}, { 200 => 100, 429 => 200 },
        "$name: to the unit");
    cmp_ok($server->calls('evalsha') - $before, '>=', 300,
        '  by the server that should be asked');

    return;
}


# True as soon as that server decides, for every worker.
sub decides {
    my ($server) = @_;

    return wait_for(sub {
        connected($server) == $workers && $nginx->metric('store_up') == 1
            && status('/closed?k=any') == 200;
    });
}


sub status {
    my ($path) = @_;

    my $answer = fetch($nginx->port('h1'), $path);

    return $answer ? $answer->{status} : 'none';
}


# Our connections to a server.
sub connected {
    my ($server) = @_;

    return scalar(() = $server->command('CLIENT', 'LIST')
        =~ /name=admission-/g);
}


sub disconnect {
    my ($server) = @_;

    $server->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');

    return;
}


sub failover {
    my ($master, $replica) = ($set->master, $set->replica);
    my $load = AdmLoad->start($nginx->port('h1'), clients => 8,
        paths => [ map { "/many?k=$_" } 1 .. 8 ]);

    ok($load->wait_answers(500), 'a master dies: there is load');
    $master->kill;
    ok($load->wait_answers(500), 'it goes on without');
    ok($set->wait_failover($master), 'the replica is promoted');
    ok(decides($replica), 'and decides');
    ok($load->wait_answers(500), 'under the same load');

    my $seen = $load->finish;
    my %statuses = map { $_ => 1 } map { keys %$_ } values %{ $seen->{count} };

    is_deeply(\%statuses, { 200 => 1 }, 'everybody was answered');
    cmp_ok($seen->{longest}, '<', $TIMEOUT + $MARGIN, 'in time');
    diag(sprintf 'longest wait over a failover: %.3f s', $seen->{longest});

    exact($replica, 'the new master');

    $master->restart;
    is($master->command('ROLE')->[0], 'master',
        'the old one comes back as a master');
    exact($replica, 'which nobody believes');
    is(connected($master), 0, 'nor is connected to it');

    # as Sentinels would, after some seconds
    $master->command('REPLICAOF', '127.0.0.1', $replica->port);

    return;
}


# A failover that somebody asked for: the old master lives, and says so.
sub asked_for {
    my ($master, $replica) = ($set->master, $set->replica);
    my $load = AdmLoad->start($nginx->port('h1'), clients => 4,
        paths => [ map { "/many?k=$_" } 1 .. 8 ]);

    ok($load->wait_answers(200), 'a failover by hand: there is load');
    ok(wait_for(sub { eval { ($set->sentinels)[0]->command('SENTINEL',
        'FAILOVER', $set->name) } }, 20), 'it is asked for');
    ok($set->wait_failover($master), 'the other one is promoted');
    ok(decides($replica), 'and decides');

    my $seen = $load->finish;
    my %statuses = map { $_ => 1 } map { keys %$_ } values %{ $seen->{count} };

    is_deeply(\%statuses, { 200 => 1 }, 'everybody was answered');
    cmp_ok($seen->{longest}, '<', $TIMEOUT + $MARGIN, 'in time');
    diag(sprintf 'longest wait over a failover by hand: %.3f s',
        $seen->{longest});
    exact($replica, 'by hand');

    return;
}


sub sentinels_go {
    my ($first, @others) = $set->sentinels;
    my $master = $set->master;

    $first->kill;
    disconnect($master);
    ok(decides($master), 'the first Sentinel is gone: another is asked');

    $_->kill for @others;
    exact($master, 'all are gone: who is connected stays so');

    disconnect($master);
    ok(wait_for(sub { status('/closed?k=any') == 503 }),
        'nobody knows the master: by policy');
    is(status('/one?k=unknown'), 200, 'which may be to decide here');

    $_->restart for @others;
    ok(decides($master), 'Sentinels are back: nobody had to reload');
    $first->restart;
    exact($master, 'then');

    return;
}


# Sentinels that want a password get that of the servers.
sub password {
    my $master = $set->master;

    for ($set->sentinels) {
        $_->command('ACL', 'SETUSER', 'default', 'resetpass', ">$PASSWORD");
    }

    disconnect($master);
    ok(decides($master), 'Sentinels with a password');

    my ($sentinel) = $set->sentinels;

    $sentinel->command('ACL', 'SETUSER', 'default', 'resetpass', '>other');
    $_->kill for grep { $_ != $sentinel } $set->sentinels;

    my $mark = $nginx->mark;

    disconnect($master);
    ok($nginx->wait_log($mark, qr/no\ Sentinel\ tells\ the\ master
        \ "shop":\ .*\ wants\ another/x),
        'with another one: which the log says');

    $sentinel->command('ACL', 'SETUSER', 'default', 'resetpass',
        ">$PASSWORD");
    ok(decides($master), 'until it is the right one');
    unlike($nginx->log_text, qr/\Q$PASSWORD\E/, 'the log does not tell it');

    return;
}


# A Sentinel that cannot know better names a server that is no master now.
sub outdated {
    my ($master, $replica) = ($set->master, $set->replica);
    my ($sentinel, @others) = $set->sentinels;

    $sentinel->restart unless $sentinel->pid;
    $_->finish for @others;

    $replica->command('REPLICAOF', 'NO', 'ONE');
    $master->command('REPLICAOF', '127.0.0.1', $replica->port);
    $master->command('CONFIG', 'RESETSTAT');
    disconnect($master);

    ok(wait_for(sub { status('/closed?k=any') == 503 }),
        'Sentinel names a replica: nobody believes it');
    is($set->master, $master, 'it still does');
    is($master->info('errorstats')->{errorstat_READONLY}, undef,
        'nothing was asked of the replica');

    $master->command('REPLICAOF', 'NO', 'ONE');
    $replica->command('REPLICAOF', '127.0.0.1', $master->port);
    ok(decides($master), 'until it is a master again');

    return;
}


# Without Sentinels, two seeds: a server that turns into a replica says
# READONLY, which leads to the other.
sub by_hand {
    my ($master, $replica) = ($set->master, $set->replica);

    $_->finish for $set->sentinels;

    # one worker: another, who asks nothing, is not told either
    $workers = 1;
    $nginx->configure(workers => 1, vars => { %vars,
        topology => 'standalone',
        uris => $replica->uri . ' ' . $master->uri });
    ok($nginx->reload, 'two seeds, no Sentinels');
    ok(decides($master), 'the second is the master');
    exact($master, 'two seeds');

    $replica->command('REPLICAOF', 'NO', 'ONE');
    $master->command('REPLICAOF', '127.0.0.1', $replica->port);

    is(status('/many?k=any'), 200, 'they change their roles: decided here');
    ok(decides($replica), 'then by the other');
    ok(wait_for(sub {
        $nginx->metric('store_trips_total', outcome => 'readonly') > 0
    }), 'READONLY was counted');
    exact($replica, 'then');

    return;
}


ok(decides($set->master), 'Sentinels tell the master');
exact($set->master, 'by Sentinels');
failover();
asked_for() if $ENV{ADM_CHAOS};
sentinels_go();
password();
outdated();
by_hand();

$nginx->finish;
$set->finish;

done_testing();
