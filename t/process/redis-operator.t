#!/usr/bin/perl

# What an operator sees of Redis.  At three in the morning somebody has to know
# whether it is the store that is gone, whether requests are decided without
# it, and by which word of the configuration; and whether it is over.  So each
# state is brought about with a real server: up, killed, started again, stopped
# in the middle of everything; and the metrics, the health and the log have to
# say which one it is.
#
# And the rights that docs/redis.md tells the operator to give have to be
# enough, and none of them too much.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use File::Temp ();
use Test::More;

use AdmHttp qw(fetch);
use AdmNginx qw(becomes slurp wait_for);
use AdmRedis ();
use AdmShopper qw(key_file);


AdmRedis::need_redis();

my $MANUAL = "$FindBin::Bin/../../docs/redis.md";
my $LUA = "$FindBin::Bin/../../src/store/lua/{*,parts/*}.lua";

# what a connection needs besides the scripts
my %CONNECTION = map { $_ => 1 } qw(evalsha eval script|load client|setname role
                                    cluster|slots asking select);

# in no log, whatever happens
my $PASSWORD = 'correct-horse-battery';

my @SCRIPTS = qw(probe rate rate_back share pulse setting line_join line_claim
                 line_tick gate checkout settle stock inventory hold);
my @USUAL = qw(ok timeout lost down open);

my $HTTP = <<'END';
    admission_redis %{redis} %{times};
    admission_redis_circuit failures=2 open=100ms max_open=200ms;
    admission_secret_file %{keys};
    %{more}

    admission_rate one $arg_k rate=1000r/s burst=1000 scope=exact;
    admission_rate none any rate=1r/s burst=0;
    admission_rate all $arg_k rate=100r/s burst=10 scope=fleet;
    admission_room drop { mode always; rate 300r/s; }
    admission_upstream shop concurrency=8;

    server {
        listen 127.0.0.1:%{h1} %{shared};

        location = /status { admission_status; }
        location = /health { admission_health; }
        location = /strict { admission_health strict; }
        location /control/ { admission_control; }

        location = /local { admission_limit one; empty_gif; }
        location = /fleet { admission_limit all; empty_gif; }

        location = /open {
            admission_on_store_failure rate=open;
            admission_limit one;
            empty_gif;
        }

        location = /closed {
            admission_on_store_failure rate=closed;
            admission_limit one;
            empty_gif;
        }

        # taken, and given back by a limit that refuses behind a redirect
        location = /give {
            admission_limit one;
            error_page 405 /never;
            empty_gif;
        }

        location = /never { set $cost 5; admission_limit none cost=$cost; empty_gif; }

        location = /buy { admission_wait drop; empty_gif; }

        location = /order {
            admission_idempotency $arg_key owner=ann fingerprint=uri
                                  methods=GET;
            admission_inventory cup mode=reserve methods=GET;
            empty_gif;
        }

        location = /slow { limit_rate 1k; alias %{dir}/html/big; }

        location = /shut {
            admission_on_store_failure room=closed;
            admission_wait drop;
            empty_gif;
        }
    }
END

my %file = (keys => key_file(), password => "$PASSWORD\n");
my %path;

for my $name (keys %file) {
    $path{$name} = File::Temp->new;
    chmod 0600, $path{$name};
    print { $path{$name} } $file{$name};
    close $path{$name};
}


sub node {
    my ($redis, %option) = @_;

    return AdmNginx->start(http => $HTTP, workers => $option{workers} // 2,
        main => $option{main} // '',
        vars => { keys => $path{keys}->filename,
                  redis => $option{uri} // $redis->uri,
                  times => $option{times}
                           // 'timeout=5s claim_timeout=5s',
                  more => $option{more} // '',
                  # both workers get some; alone it cannot be reloaded so
                  shared => $option{main} ? '' : 'reuseport' });
}


# "status code/redis/circuit", with what stands for it in "strict"
sub health {
    my ($nginx) = @_;

    my ($usual, $strict) = map { fetch($nginx->port('h1'), $_) }
                           qw(/health /strict);
    my $told = JSON::PP::decode_json($usual->{body});

    return "$told->{status} $usual->{status}/$told->{redis}/"
           . "$told->{circuit_breaker_state} strict $strict->{status}";
}

sub health_becomes {
    my ($nginx, $wanted, $what) = @_;

    return becomes(sub { health($nginx) }, $wanted, $what);
}

sub status_of { return fetch($_[0]->port('h1'), $_[1])->{status} }

sub failures {
    my ($nginx, $policy, $action) = @_;

    return $nginx->metric('fail_policy_total', policy => $policy,
                          action => $action);
}

# every kind of command but a probe, for which nothing must be wrong
sub drive {
    my ($nginx) = @_;

    status_of($nginx, '/local?k=1');
    status_of($nginx, '/fleet?k=1') for 1 .. 10;
    is(fetch($nginx->port('h1'), '/give?k=1', method => 'POST')->{status},
       429, 'refused by another policy');

    my $cookie = '';

    # a number, then the turn, then the pass
    wait_for(sub {
        my $answer = fetch($nginx->port('h1'), '/buy', fields => $cookie);

        $cookie = "X-Admission-Token: $answer->{field}{'admission-token'}\r\n"
            if $answer->{field}{'admission-token'};

        return $answer->{status} == 200;
    }) or fail('a pass');

    fetch($nginx->port('h1'), '/control/admission', method => 'PATCH',
          fields => "Content-Type: application/json\r\n",
          body => $_) for '{"mode":"dry_run"}', '{"mode":null}';

    fetch($nginx->port('h1'), '/control/inventory/cup', method => 'PUT',
          fields => "Content-Type: application/json\r\n",
          body => '{"total":9}');
    is(status_of($nginx, "/order?key=$_"), 200, 'an order') for 1, 1, 2;
    status_of($nginx, '/control/holds?state=unresolved');

    return wait_for(sub { !grep { !trips($nginx, $_, 'ok') } driven() });
}

sub driven { return grep { $_ ne 'probe' } @SCRIPTS }

sub trips {
    my ($nginx, $command, $outcome) = @_;

    return $nginx->metric('store_trips_total', command => $command,
                          outcome => $outcome);
}

# { "rate ok" => 17, ... } of what there was
sub all_trips {
    my ($nginx) = @_;

    my $metrics = $nginx->metrics;
    my %trips;

    for my $series (grep { $metrics->{$_} } keys %$metrics) {
        $trips{"$1 $2"} = $metrics->{$series} if $series
            =~ /^store_trips_total\{command="(\w+)",outcome="(\w+)"\}$/;
    }

    return \%trips;
}


sub up {
    my ($redis) = @_;

    my $nginx = node($redis);

    health_becomes($nginx, 'ok 200/up/closed strict 200', 'up');
    is(status_of($nginx, '/local?k=1'), 200, 'a limit of the store');

    # a pulse later it has counted itself
    $nginx->wait_metric('fleet_nodes', 1);

    my $metrics = $nginx->metrics;

    is($metrics->{store_up}, 1, 'store_up');
    is($metrics->{'circuit_state{circuit="store"}'}, 0, 'a closed circuit');
    is($metrics->{store_seconds_count} > 0, 1, 'answers are measured');
    is($metrics->{'fleet_nodes{scope="fleet"}'}, 1, 'one node');

    for my $script (@SCRIPTS) {
        my @told = grep { defined $metrics->{'store_trips_total{command="'
                          . qq($script",outcome="$_"})} } @USUAL;

        is("@told", "@USUAL", "$script: the usual outcomes from the start");
    }

    is(AdmNginx::sum_of($metrics, 'store_trips_total', outcome => $_), 0,
       "none was $_") for grep { $_ ne 'ok' } @USUAL;

    my $second = node($redis, workers => 1);

    is($nginx->wait_metric('fleet_nodes', 2), 2, 'two nodes');
    is(drive($nginx), 1, 'every command was answered')
        or diag(explain(all_trips($nginx)));
    is(scalar(grep { !/ ok$/ } keys %{ all_trips($nginx) }), 0,
       'all of them well') or diag(explain(all_trips($nginx)));
    is($nginx->wait_metric('store_calls', 0), 0, 'and none is under way')
        or diag($nginx->metric('store_calls'));

    told_in_json($nginx);
    told_to_prometheus($nginx);
    $second->finish;

    return $nginx;
}

sub told_in_json {
    my ($nginx) = @_;

    my $body = fetch($nginx->port('h1'), '/status?format=json')->{body};
    my %told = map { $_->{name} => $_->{samples} }
               @{ JSON::PP::decode_json($body)->{metrics} };

    is($told{admission_store_up}[0]{value}, 1, 'the same in JSON');
    is_deeply($told{admission_circuit_state}[0]{labels},
              { circuit => 'store' }, 'with labels');
    is($told{admission_room_frontier}[0]{labels}{scope}, 'fleet',
       'a number of the fleet says so');

    return;
}


sub told_to_prometheus {
    my ($nginx) = @_;

    return diag('without promtool') if !grep { -x "$_/promtool" }
                                       split /:/, $ENV{PATH};

    open my $pipe, '|-', 'promtool check metrics 2>&1'
        or die "cannot start promtool: $!\n";
    print {$pipe} fetch($nginx->port('h1'), '/status')->{body};
    ok(close $pipe, 'promtool has no complaint');

    return;
}


sub down {
    my ($redis, $nginx) = @_;

    $redis->kill;

    becomes(sub { $nginx->metric('store_up') }, 0, 'killed: store_up');
    becomes(sub { health($nginx) }, qr{^degraded 200/down/\w+ strict 503$},
        'health');

    my %before = map { $_ => failures($nginx, split) }
                 'rate local', 'rate open', 'rate closed', 'room closed';

    is(status_of($nginx, '/local?k=1'), 200, 'decided here');
    is(status_of($nginx, '/open?k=1'), 200, 'let through');
    is(status_of($nginx, '/closed?k=1'), 503, 'refused');
    is(status_of($nginx, '/shut'), 503, 'a room, too');

    is(failures($nginx, split) - $before{$_}, 1, "counted: $_")
        for sort keys %before;

    my $trips = all_trips($nginx);

    ok($trips->{'rate down'} || $trips->{'rate open'} || $trips->{'rate lost'},
       'and so are the commands') or diag(explain($trips));

    $redis->restart;

    health_becomes($nginx, 'ok 200/up/closed strict 200', 'up again');

    my $ok = trips($nginx, 'rate', 'ok');

    is(status_of($nginx, '/closed?k=1'), 200, 'nothing was reloaded');
    becomes(sub { trips($nginx, 'rate', 'ok') - $ok }, 1,
        'and Redis was asked');

    return;
}


# it takes connections, and says nothing
sub stalled {
    my ($redis) = @_;

    my $nginx = node($redis, times => 'timeout=50ms claim_timeout=100ms');

    health_becomes($nginx, 'ok 200/up/closed strict 200', 'another node');
    $redis->signal('STOP');

    my $open = wait_for(sub {
        status_of($nginx, '/local?k=1');
        return health($nginx) =~ m{^degraded 200/down/open strict 503$};
    });

    $redis->signal('CONT');

    ok($open, 'stopped: the circuit opens');
    ok(trips($nginx, 'rate', 'timeout'), 'after time-outs');
    health_becomes($nginx, 'ok 200/up/closed strict 200', 'and closes');
    ok(trips($nginx, 'probe', 'ok'), 'by what was tried');
    $nginx->finish(allow => [qr/redis/]);

    return;
}


# A worker that has been told to end, and still serves somebody, does not
# connect again: what it cannot do is no fault of the node.
sub drains {
    my ($redis) = @_;

    my $nginx = node($redis);

    $nginx->write_file('html/big', 'x' x 300_000);
    health_becomes($nginx, 'ok 200/up/closed strict 200', 'one more node');

    my ($old) = $nginx->workers;
    my @clients = map { AdmHttp->connect($nginx->port('h1')) } 1 .. 20;

    $_->send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n") for @clients;
    is(scalar(grep { $_->silent(20) } @clients), 0, 'all of 20 are served');
    ok($nginx->reload, 'it reloads');
    ok(AdmNginx::alive($old), 'a worker of before still serves somebody');

    $redis->kill;
    ok(wait_for(sub { $nginx->metric('store_up') == 0 }), 'Redis is gone');
    $redis->restart;
    health_becomes($nginx, 'ok 200/up/closed strict 200', 'and is back');
    is($nginx->metric('store_up'), 1, 'for all who may ask it');
    ok(AdmNginx::alive($old), 'while the other one is still there');

    @clients = ();
    $nginx->finish(allow => [qr/redis|connect\(\) failed/]);

    return;
}


# A process without a master connects, and goes on when it is told to reload,
# as far as nginx itself does.
sub single {
    my ($redis) = @_;

    my $nginx = node($redis, main => 'master_process off;');

    health_becomes($nginx, 'ok 200/up/closed strict 200', 'without a master');
    is(status_of($nginx, '/local?k=1'), 200, 'it asks Redis');
    becomes(sub { trips($nginx, 'rate', 'ok') }, 1, 'once');

    my $mark = $nginx->mark;

    $nginx->signal('HUP');
    ok($nginx->wait_log($mark, qr/reconfiguring/), 'HUP');
    fetch($nginx->port('h1'), '/local?k=1', patience => 0.2);
    ok(AdmNginx::alive($nginx->pid), 'it lives');
    $nginx->finish(allow => [qr/worker_connections are not enough|redis/]);

    return;
}


# as docs/redis.md has it, and with less
sub rights {
    my ($said) = slurp($MANUAL) =~ /^(user edge on >PASSWORD .+)$/m;

    my %scripts = map { lc($_) => 1 } map { /call\(\s*'(\w+)'/g }
                  map { slurp($_) } glob $LUA;
    my @rights = grep { !$CONNECTION{$_} } $said =~ /\+(\S+)/g;

    is(join(' ', sort @rights), join(' ', sort keys %scripts),
       'the manual lists what the scripts call');

    $said =~ s/PASSWORD/$PASSWORD/;

    my $enough = tried_with($said, sub {
        $_[0]->wait_metric('fleet_nodes', 2);
        is(drive($_[0]), 1, 'every command is answered')
            or diag(explain(all_trips($_[0]))) });
    my @wrong = grep { !/ ok$/ } keys %$enough;

    is("@wrong", '', 'the rights of the manual are enough')
        or diag(explain($enough));

    for my $right ('+zcount', '~adm:*', '~inventory:*') {
        my $less = tried_with($said =~ s/ \Q$right\E(?= |$)//r,
                              sub { status_of($_[0], '/local?k=1');
                                    status_of($_[0], '/order?key=1');
                                    status_of($_[0], '/buy') }, 20);

        ok((grep { !/ ok$/ } keys %$less),
           "and $right is one of them") or diag(explain($less));
    }

    return;
}

# What was asked of Redis by the end of that, and for so many seconds more if
# nothing is wrong until then: what goes wrong is told by the commands behind
# those that were asked for.
sub tried_with {
    my ($user, $do, $seconds) = @_;

    my $acl = File::Temp->new;

    print {$acl} "user default on nopass ~* &* +\@all\n$user\n";
    close $acl;

    my $redis = AdmRedis->start(args => ['--aclfile', $acl->filename]);
    my $uri = 'redis://edge@127.0.0.1:' . $redis->port;

    my %more = (uri => $uri, workers => 1,
        more => 'admission_redis_auth ' . $path{password}->filename . ';');

    # a node that is alone tells nobody what it used
    my ($nginx, $other) = (node($redis, %more), node($redis, %more));

    wait_for(sub { $nginx->metric('store_trips_total',
                                  command => 'line_tick') });
    $do->($nginx);

    wait_for(sub { grep { !/ ok$/ } keys %{ all_trips($nginx) } },
        $seconds // 0.5);

    my $trips = all_trips($nginx);
    my $log = $nginx->log_text;

    unlike($log, qr/\Q$PASSWORD\E/, 'the password is in no log');
    $_->finish(allow => [qr/redis/]) for $nginx, $other;

    return $trips;
}


my $redis = AdmRedis->start;
my $nginx = up($redis);

down($redis, $nginx);
$nginx->finish(allow => [qr/redis|connect\(\) failed/]);
stalled($redis);
drains($redis);
single($redis);
rights();

done_testing();
