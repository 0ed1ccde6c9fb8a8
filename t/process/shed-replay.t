#!/usr/bin/perl

# The shop is full, or its circuit is open, and people press again.  Who has
# ordered hears what came of it, since that costs the shop nothing; who has
# not is refused, and nothing of theirs is taken on the way: no unit, no key,
# no charge of a rate.  And whoever invents keys does not make a trip of every
# refusal.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use JSON::PP ();
use Test::More;

use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for);
use AdmRedis ();
use AdmShopper qw(key_file);
use AdmUpstream ();

my $UNITS = 100;
my $BURST = 1000;

my $HTTP = <<'END';
    admission_secret_file %{keys};
    %{store}

    admission_upstream shop concurrency=1 failures=0 error_rate=0;
    admission_upstream frail failures=1 error_rate=0 open=1h max_open=1h;
    admission_rate orders $arg_u rate=1r/h burst=1000 scope=exact;

    proxy_http_version 1.1;
    proxy_ignore_client_abort on;
    admission_log_level notice;

    server {
        listen 127.0.0.1:%{h1};
        keepalive_requests 1000000;

        add_header X-Trips $admission_trips always;
        add_header X-Said "$admission_verdict $admission_reason" always;
        add_header X-Left $admission_remaining always;

        location = /status { admission_status; }
        location /api/ { admission_inventory_api; }

        location /hold/ {
            proxy_ignore_client_abort off;
            admission_shed shop;
            proxy_pass http://127.0.0.1:%{up};
        }

        admission_limit orders;
        admission_idempotency $http_idempotency_key owner=$arg_u;
        admission_inventory $arg_sku mode=reserve hold=1h;

        location /buy/ {
            admission_shed shop;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /dry/ {
            admission dry_run;
            admission_shed shop;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /frail/ {
            admission_shed frail;
            proxy_pass http://127.0.0.1:%{up};
        }
    }
END

my $MANY = 300;         # requests in one piece
my $PIECES = 4;

my $keys = File::Temp->new;
chmod 0600, $keys;
print {$keys} key_file();
close $keys;

my $upstream = AdmUpstream->start;
my ($nginx, $redis, $store, $serial, $executed);


sub text {
    my ($path, $key, $sku) = @_;

    $sku //= 'a';

    return request_text('POST', "$path?u=1&sku=$sku", body => 'a=1',
        fields => defined $key ? "Idempotency-Key: $key\r\n" : '');
}


sub order {
    my $client = AdmHttp->connect($nginx->port('h1'));

    $client->send(text(@_));

    return $client->answer // { status => 0, field => {}, body => '' };
}


# "STATUS verdict reason trips", and "replayed"
sub said {
    my $answer = order(@_);
    my $field = $answer->{field};

    return join ' ', $answer->{status},
        split(' ', $field->{'x-said'} // ''), $field->{'x-trips'} // (),
        $field->{'idempotent-replayed'} ? 'replayed' : ();
}


sub executions { return scalar(() = $upstream->seen_like($_[0])) }

sub shed {
    return $nginx->metric('shed_total', upstream => 'shop',
                          priority => $_[0]);
}


# of the store, to undo or to end what was taken
sub calls {
    my $metrics = $nginx->metrics;

    return join ' ', map {
        AdmNginx::sum_of($metrics, 'store_trips_total', command => $_)
    } qw(settle rate_back);
}


sub inside { return $nginx->metric('inflight', upstream => 'shop') }


# What is free: the units, and the charges that are left.
sub nothing_taken {
    my ($name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $facts = eval {
        JSON::PP::decode_json(fetch($nginx->port('h1'),
                                    '/api/inventory/a')->{body});
    } // {};

    is(join(' ', map { $facts->{$_} // 'none' } qw(available held committed)),
        join(' ', $UNITS - $executed, 0, $executed), "$store: $name: units");

    return;
}


# One is in the only place; ends it.
sub fill {
    my $client = AdmHttp->connect($nginx->port('h1'));

    $client->send(request_text('GET', '/hold/hang'));

    ok(wait_for(sub { inside() == 1 }), "$store: the shop is full");

    return sub {
        $client->close;
        return wait_for(sub { inside() == 0 });
    };
}


sub while_full {
    my $path = "/buy/answer/200/$store";

    my $first = order($path, 'mine');
    is($first->{status}, 200, "$store: an order");
    my $left = $first->{field}{'x-left'};
    $executed++;

    my $end = fill();

    ok(wait_for(sub { $nginx->metric('outbox_owed') == 0 }),
        "$store: all is settled");
    my $calls = calls();

    is(said($path, 'mine'), '200 replay replay 1 replayed',
        "$store: its repeat");
    is(said($path, 'new'), '503 shed concurrency 1', "$store: another key");
    is(said($path), '503 shed concurrency 0', "$store: none");
    is(said("$path/else", 'mine'), '422 conflict mismatch 1',
        "$store: the key of another order");
    is(calls(), $calls, '... and nothing is to be given back to the store');
    nothing_taken('while it is full');
    is(said("/dry/answer/200/$store", 'dry'), '200 shed concurrency 1',
        "$store: another key in a dry run");
    nothing_taken('and then');

    is(shed('holder'), 2, "$store: who has ordered is shed as such");
    is(shed(5), 0, '... and not as anybody else');
    is(fetch($nginx->port('h1'), $path,
        fields => "User-Agent: another\r\n")->{status}, 503,
        "$store: another client");
    is(shed(5), 1, '... is anybody');

    ok($end->(), "$store: there is room");
    is(executions($path), 1, '... and one was executed');

    my $next = order($path, 'new');
    is($next->{status}, 200, "$store: the key that was refused is free");
    is($next->{field}{'x-left'}, $left - 1, '... and cost nothing then');
    $executed++;
    nothing_taken('then');

    return;
}


sub while_it_runs {
    my $path = "/buy/$store/slow/1500";
    my $client = AdmHttp->connect($nginx->port('h1'));

    $client->send(text($path, 'running'));
    ok(wait_for(sub { executions($path) }), "$store: an order under way");

    is(said($path, 'running'), '409 conflict in_progress 1',
        "$store: its repeat");
    is($client->answer->{status}, 200, "$store: the order");
    $executed++;
    is(said($path, 'running'), '200 replay replay 1 replayed',
        "$store: its repeat, then");
    nothing_taken('after it');

    return;
}


sub while_open {
    my $path = "/frail/answer/200/$store";

    is(order($path, 'before')->{status}, 200, "$store: an order");
    $executed++;
    is(order("/frail/answer/500/$store", 'bad')->{status}, 500,
        "$store: a failure");

    # 5xx leaves a hold to its time, which is that of this test

    $UNITS--;

    ok(wait_for(sub {
        $nginx->metric('circuit_state', circuit => 'frail') == 1
    }), "$store: the circuit is open");

    is(said($path, 'before'), '200 replay replay 1 replayed',
        "$store: a repeat");
    is(said($path, 'behind'), '503 shed circuit_open 1',
        "$store: another key");
    is(said($path), '503 shed circuit_open 0', "$store: none");
    is(executions($path), 1, '... and one was executed');

    return;
}


sub admitted_to_the_shop {
    return $nginx->metric('policy_total', policy => 'shed', name => 'shop',
                          verdict => 'admit');
}


# The place is held while the store is asked, and not by who has left then.
sub left_in_the_trip {
    my $path = "/buy/answer/200/trip";
    my $before = executions($path);

    for my $way (qw(close half_close reset)) {
        my $client = AdmHttp->connect($nginx->port('h1'));

        $redis->signal('STOP');
        $client->send(text($path, $way));
        ok(wait_for(sub { inside() == 1 }), "$store: in the trip");
        is(said('/hold/answer/200'), '503 shed concurrency 0',
            '... the place is taken');
        $client->$way;
        ok(wait_for(sub { inside() == 0 }), "... and free by a $way");
        $redis->signal('CONT');

        is(said($path, $way), '200 admit 1', "$store: $way: ordered then");
        $executed++;
    }

    is(executions($path) - $before, 3, '... and each once');
    nothing_taken('left in the trip');

    # who asks for what is sold out can only be a repeat, and needs no place

    ok(wait_for(sub { said($path, undef, 'gone') eq '409 sold_out sold_out 0'
    }), "$store: nothing is left of another thing");

    my $client = AdmHttp->connect($nginx->port('h1'));
    my $asked = admitted_to_the_shop();

    $redis->signal('STOP');
    $client->send(text($path, 'vain', 'gone'));
    ok(wait_for(sub { admitted_to_the_shop() > $asked }),
        "$store: in the trip for that");
    is(inside(), 0, '... and in no place');
    $redis->signal('CONT');
    is($client->answer->{field}{'x-said'}, 'sold_out sold_out',
        '... and it is gone');

    return;
}


# More strangers than the budget of trips is, and behind each piece of them a
# key that is known here.
sub invented_keys {
    my $path = "/buy/answer/200/$store";
    my $end = fill();
    my $client = AdmHttp->connect($nginx->port('h1'));
    my (@trips, $mine);

    ok(wait_for(sub {
        $mine = 0;

        for (1 .. $PIECES) {
            $client->send(join '', map { text($path, 'stranger-' . ++$serial) }
                                       2 .. $MANY);
            $client->send(text($path, 'mine'));

            my @answers = map { $client->answer
                                // { status => 0, field => {} } } 1 .. $MANY;

            $mine += (pop @answers)->{status} == 200;
            @trips = map { $_->{status} == 503 ? $_->{field}{'x-trips'} : 'x' }
                     @answers;
        }

        return $trips[-1] eq '0';
    }, 30), "$store: a stranger's key is refused without a trip");

    is($mine, $PIECES, "$store: ... and the known one is answered");
    is(scalar(grep { $_ !~ /^[01]$/ } @trips), 0, '... all others refused');
    ok($end->(), "$store: there is room");
    nothing_taken('after many keys');
    is(executions("$path?"), 2, '... and none was executed');

    return;
}


sub on_store {
    my ($conf) = @_;

    ($executed, $serial) = (0, 0);

    $nginx = AdmNginx->start(http => $HTTP, vars => {
        up => $upstream->port, keys => "$keys", store => $conf });

    is(fetch($nginx->port('h1'), '/api/inventory/a', method => 'PUT',
        fields => "Content-Type: application/json\r\n",
        body => qq({"available":$UNITS}))->{status}, 200, "$store: stock");

    is(fetch($nginx->port('h1'), '/api/inventory/gone', method => 'PUT',
        fields => "Content-Type: application/json\r\n",
        body => '{"available":0}')->{status}, 200, "$store: and none");

    while_full();
    while_it_runs();
    left_in_the_trip() if $redis;
    invented_keys();
    while_open();

    $nginx->finish;

    return;
}


$store = 'shm';
on_store('');

SKIP: {
    skip 'needs redis-server', 1
        if system('redis-server --version >/dev/null 2>&1') != 0;

    $redis = AdmRedis->start;
    $store = 'redis';
    $UNITS = 100;
    on_store('admission_redis ' . $redis->uri
             . ' timeout=5s claim_timeout=5s;');
}

done_testing();
