#!/usr/bin/perl

# Stock, holds and keys by admission_inventory_api and admission_control, with
# the memory of a node and with a Redis.
#
# A back end settles by it what the shop's answer left open, and an operator
# what nobody answered.  It must say what is true in the store, change what it
# is told to and nothing besides, refuse what would make units out of nothing,
# and never keep anybody waiting for a store that is gone.
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
use AdmNginx qw(becomes wait_for);
use AdmRedis ();
use AdmShopper qw(key_file);

my $HTTP = <<'END';
    admission_secret_file %{keys};
    %{store}

    server {
        listen 127.0.0.1:%{h1};

        location = /status { admission_status; }
        location = /health { admission_health; }
        location /api/ { admission_inventory_api; }
        location /control/ { admission_control; }

        location = /named {
            admission_inventory drop-1 methods=GET;
            empty_gif;
        }

        location /buy/ {
            admission_inventory $arg_sku quantity=$arg_n mode=reserve hold=1h;
            proxy_pass http://127.0.0.1:%{shop}/;
            proxy_ignore_client_abort on;
            add_header X-Hold $admission_hold always;
        }

        location /brief/ {
            admission_inventory $arg_sku mode=reserve hold=1s;
            proxy_pass http://127.0.0.1:%{shop}/;
            proxy_ignore_client_abort on;
            add_header X-Hold $admission_hold always;
        }

        location /pay/ {
            admission_idempotency $http_idempotency_key owner=$arg_owner
                                  fingerprint=uri;
            proxy_pass http://127.0.0.1:%{shop}/;
            proxy_ignore_client_abort on;
        }
    }

    server {
        listen 127.0.0.1:%{shop};

        location = /later { return 303; }
        location = /paid { return 200 "paid\n"; }
        location = /silent { return 444; }
    }
END

my $ID = qr/[0-9a-f]{32}/;

my ($nginx, $store, $redis);

my $keys = File::Temp->new;
chmod 0600, $keys;
print {$keys} key_file();
close $keys;


# What a path answers: status, body (decoded), answer.
sub api {
    my ($method, $path, $change, %option) = @_;

    my $at = $option{at} // '/api';
    my $fields = $option{fields} // "Content-Type: application/json\r\n";

    $fields .= "Content-Length: 0\r\n" if $method eq 'POST' && !defined $change;

    my $answer = fetch($nginx->port('h1'), "$at$path", method => $method,
        fields => $fields, body => $change // '') // { status => 'none' };
    my $json = eval { JSON::PP::decode_json($answer->{body}) };

    return { status => $answer->{status}, json => $json, answer => $answer,
             reason => ref $json ? $json->{reason} // '' : '' };
}


# "available held holds unresolved committed expired" of a SKU
sub facts {
    my ($sku) = @_;

    my $json = api(GET => "/inventory/$sku")->{json};

    return join ' ', map { $json->{$_} // 'none' }
           qw(available held holds unresolved committed expired);
}


# Buys: the id of the hold.
sub buy {
    my ($sku, $n, $how, $where) = @_;

    $where //= 'buy';

    my $answer = fetch($nginx->port('h1'),
        "/$where/" . ($how // 'later') . "?sku=$sku&n=$n", method => 'POST',
        fields => "Content-Length: 0\r\n");

    return $answer->{field}{'x-hold'} // "none, but $answer->{status}";
}


sub pay {
    my ($key, $how) = @_;

    my $answer = fetch($nginx->port('h1'), "/pay/$how?owner=ann",
        method => 'POST',
        fields => "Idempotency-Key: $key\r\nContent-Length: 0\r\n"
                  . "Accept: application/json\r\n");

    return { status => $answer->{status}, answer => $answer,
             json => scalar eval { JSON::PP::decode_json($answer->{body}) } };
}


# True as soon as the end of the request is known, too: its hold waits.
sub is_held {
    my ($hold) = @_;

    return wait_for(sub {
        (api(GET => "/holds/$hold")->{json}{state} // '') eq 'held';
    });
}


sub unresolved {
    return @{ api(GET => '/holds?state=unresolved')->{json}{holds} };
}


sub a_stock_is_made {
    my $said = api(GET => '/inventory');

    is_deeply($said->{json}, { inventory => [], more => JSON::PP::false },
        "$store: no stock at first");
    is($said->{answer}{field}{'cache-control'}, 'no-store',
        'an answer of this moment');

    $said = api(GET => '/inventory/drop-1');
    is($said->{status}, 404, 'what was never told of is not there');
    is($said->{reason}, 'unknown', 'and is not zero');

    $said = api(PUT => '/inventory/drop-1', '{"available":10}');
    is($said->{status}, 200, 'who tells how many there are makes it');
    is_deeply($said->{json}, { sku => 'drop-1', total => 10, available => 10,
        held => 0, holds => 0, unresolved => 0, committed => 0, expired => 0 },
        'and is told what is there');
    is_deeply(api(GET => '/inventory/drop-1')->{json}, $said->{json},
        'as everybody is');

    api(PUT => '/inventory/Zero.0_~:-', '{"total":0}', at => '/control');
    is_deeply([sort map { $_->{sku} }
        @{ api(GET => '/inventory', undef, at => '/control')
           ->{json}{inventory} }],
        ['Zero.0_~:-', 'drop-1'], 'control has the same');

    return;
}


sub units_come_and_go {
    my $said = api(POST => '/inventory/drop-1', '{"add":5}');

    is($said->{json}{available}, 15, "$store: five more");
    is(api(POST => '/inventory/drop-1', '{"add":-3}')->{json}{available}, 12,
        'three less');

    $said = api(POST => '/inventory/drop-1', '{"add":-13}');
    is("$said->{status} $said->{reason}", '409 short', 'never below zero');
    is(facts('drop-1'), '12 0 0 0 0 0', 'and then none is taken');

    $said = api(POST => '/inventory/other', '{"add":5}');
    is("$said->{status} $said->{reason}", '404 unknown',
        'nothing is added to what is not there');

    return;
}


sub a_hold_is_settled {
    my $hold = buy('drop-1', 2);

    like($hold, qr/^$ID$/, "$store: a hold has an id");
    ok(wait_for(sub { facts('drop-1') eq '10 2 1 0 0 0' }), 'and units')
        or diag(facts('drop-1'));

    ok(is_held($hold), 'it was answered, and waits');

    my $said = api(GET => "/holds/$hold")->{json};

    is_deeply($said->{items}, [{ sku => 'drop-1', quantity => 2 }], 'for what');
    like($said->{until}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'until when');

    $said = api(PUT => '/inventory/drop-1', '{"total":20}')->{json};
    is($said->{available}, 18, 'a total is less what is held');
    is($said->{total}, 20, 'and is then what was told');
    is(api(PUT => '/inventory/drop-1', '{"total":1}')->{reason}, 'short',
        'a total below what is held');

    $said = api(POST => "/holds/$hold/commit", '{}');
    is($said->{json}{state}, 'committed', 'committed');
    is(facts('drop-1'), '18 0 0 0 2 0', 'its units are sold');

    $said = api(POST => "/holds/$hold/commit");
    is("$said->{status} $said->{json}{state}", '200 committed',
        'to say so again says nothing new');
    $said = api(POST => "/holds/$hold/release");
    is("$said->{status} $said->{reason}", '409 other', 'what is sold stays so');
    like($said->{json}{detail}, qr/"committed"/, 'and why is told');
    is(facts('drop-1'), '18 0 0 0 2 0', 'in the stock, too');

    $hold = buy('drop-1', 1);
    is_held($hold);
    is(api(POST => "/holds/$hold/release", undef, at => '/control')
        ->{json}{state}, 'released', 'released');
    is(facts('drop-1'), '18 0 0 0 2 0', 'its units are back');

    return;
}


sub a_cart_is_one_hold {
    api(PUT => "/inventory/$_", '{"available":5}') for qw(cup plate);

    my $hold = buy('cup,plate', '2,1');

    is_held($hold);
    is_deeply([sort map { "$_->{sku} $_->{quantity}" }
        @{ api(GET => "/holds/$hold")->{json}{items} }],
        ['cup 2', 'plate 1'], "$store: a cart is told as one hold");

    api(POST => "/holds/$hold/commit");
    is(facts('cup') . ', ' . facts('plate'), '3 0 0 0 2 0, 4 0 0 0 1 0',
        'and settled as one');

    return;
}


sub a_commit_may_come_late {
    api(PUT => '/inventory/rare', '{"available":1}');

    my $hold = buy('rare', 1, 'later', 'brief');
    my $mark = $nginx->mark;

    ok(wait_for(sub { facts('rare') eq '1 0 0 0 0 1' }),
        "$store: a hold expires") or diag(facts('rare'));

    my $said = api(POST => "/holds/$hold/commit");

    is($said->{status}, 200, 'it is committed all the same');
    ok($said->{json}{late}, 'and told to be late');
    is(facts('rare'), '0 0 0 0 1 1', 'it has taken what was there');
    ok($nginx->wait_log($mark,
        qr/\[warn\] .*"commit" of "$hold", late: new units were taken, by/),
        'the log says so');

    api(PUT => '/inventory/rare', '{"available":1}');
    $hold = buy('rare', 1, 'later', 'brief');
    ok(wait_for(sub { facts('rare') eq '1 0 0 0 1 2' }), 'another expires');
    api(PUT => '/inventory/rare', '{"available":0}');

    $said = api(POST => "/holds/$hold/commit");
    is("$said->{status} $said->{reason}", '409 short',
        'which finds nothing left');
    is(facts('rare'), '0 0 0 0 1 2', 'and takes nothing');

    return;
}


sub what_nobody_answered_waits {
    is_deeply([unresolved()], [], "$store: nothing is unresolved");

    my $hold = buy('drop-1', 3, 'silent');

    ok(wait_for(sub { facts('drop-1') eq '15 0 0 3 2 0' }),
        'sent and not answered: out of the stock') or diag(facts('drop-1'));

    my @all = unresolved();

    is_deeply([map { "$_->{hold} $_->{state}" } @all], ["$hold unresolved"],
        'it is listed');
    like($all[0]{since}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
        'since when it is so');
    ok(!exists $all[0]{until}, 'without an end');
    ok(length $all[0]{correlation}, 'and with what logs call it');

    is(api(POST => "/holds/$hold/release")->{json}{state}, 'released',
        'an operator knows that nothing was sold');
    is_deeply([unresolved()], [], 'it is listed no more');
    is(facts('drop-1'), '18 0 0 0 2 0', 'its units are back');

    buy('cup,plate', '1,1', 'silent');
    ok(wait_for(sub { (@all = unresolved()) == 1
                      && @{ $all[0]{items} } == 2 }),
        'a cart is listed once');
    is(scalar @{ $all[0]{items} }, 2, 'with all that it holds');
    api(POST => "/holds/$all[0]{hold}/release");

    $hold = buy('drop-1', 1, 'silent');
    wait_for(sub { unresolved() == 1 });
    is(api(POST => "/holds/$hold/commit")->{status}, 200, 'or that it was');
    is(facts('drop-1'), '17 0 0 0 3 0', 'its units are sold');

    return;
}


sub a_key_is_forgotten {
    my $first = pay('once', 'silent');
    my $again;

    ok(wait_for(sub {
        ($again = pay('once', 'silent'))->{status} == 409
            && $again->{json}{reason} eq 'outcome_unknown';
    }), "$store: a key whose request was never answered")
        or diag($again->{answer}{body});

    my $id = $again->{json}{key} // 'none';

    like($id, qr/^$ID$/, 'its id is told');

    my $said = api(POST => "/keys/$id/forget");

    is($said->{status}, 200, 'an operator frees it');
    is_deeply($said->{json}, { key => $id, forgotten => JSON::PP::true },
        'and is told so');
    is(api(POST => "/keys/$id/forget")->{status}, 404, 'once');
    is(pay('once', 'paid')->{status}, 200, 'it may be used as if new')
        or diag($nginx->log_text =~ /(.*once.*)/);

    is(api(POST => '/keys/' . '0' x 32 . '/forget')->{status}, 404,
        'a key that there never was');

    return;
}


sub what_is_wrong_is_said {
    my @wrong = (
        '{}', 'no member, expected "available" or "total"',
        '{"available":-1}', '"available" must be a number of units',
        '{"available":1.5}', '"available" must be a number of units',
        '{"available":"1"}', '"available" must be a number of units',
        '{"available":null}', '"available" must be a number of units',
        '{"total":1000000001}', '"total" must be a number of units',
        '{"available":1,"total":1}', '"total" is one too many',
        '{"add":1}', 'unknown member "add"',
        '{"units":1}', 'unknown member "units"',
    );

    while (my ($change, $why) = splice @wrong, 0, 2) {
        my $said = api(PUT => '/inventory/drop-1', $change);

        is($said->{status}, 400, "$store: PUT $change");
        like($said->{json}{detail}, qr/\Q$why\E/, $why);
    }

    is(api(POST => '/inventory/drop-1', '{"add":0}')->{status}, 400,
        'nothing more is no change');
    is(api(POST => '/inventory/drop-1', '{"available":1}')->{status}, 400,
        'POST adds, and no more');
    is(api(POST => '/holds/' . 'a' x 32 . '/commit', '{"units":1}')->{status},
        400, 'a hold has no members');

    for my $path ('/inventory/a%20b', '/inventory/' . 'x' x 129,
        '/inventory/a%00', '/inventory/{a}', '/holds/1',
        '/holds/' . 'A' x 32, '/holds/' . 'g' x 32,
        '/holds?state=held', '/holds')
    {
        is(api(GET => $path)->{status}, 400, "GET $path");
    }

    is(api(GET => $_)->{status}, 404, "GET $_")
        for '/', '/inventor', '/keys', '/holds/' . 'b' x 32;

    is(facts('drop-1'), '17 0 0 0 3 0', 'none of these has changed anything');

    return;
}


sub nobody_else_may_change_it {
    my $json = "Content-Type: application/json\r\n";

    is(api(PUT => '/inventory/drop-1', '{"available":1}',
        fields => "Content-Type: text/plain\r\n")->{status}, 415,
        "$store: a form cannot");
    is(api(PUT => '/inventory/drop-1', '{"available":1}',
        fields => "${json}Sec-Fetch-Site: cross-site\r\n")->{status}, 403,
        'a page of another site cannot');
    is(api(PUT => '/inventory/drop-1', '{"available":1}',
        fields => "${json}X-Forwarded-For: 192.0.2.1\r\n")->{status}, 403,
        'nobody can by a proxy');

    my %allow = (
        '/inventory' => 'GET, HEAD',
        '/inventory/drop-1' => 'GET, HEAD, PUT, POST',
        '/holds?state=unresolved' => 'GET, HEAD',
        '/holds/' . 'a' x 32 => 'GET, HEAD',
        '/holds/' . 'a' x 32 . '/commit' => 'POST',
        '/keys/' . 'a' x 32 . '/forget' => 'POST',
    );

    for my $path (sort keys %allow) {
        my $said = api(DELETE => $path);

        is("$said->{status} " . ($said->{answer}{field}{allow} // ''),
            "405 $allow{$path}", "DELETE $path");
    }

    is(api(GET => '/holds/' . 'a' x 32 . '/commit')->{status}, 405,
        'a link settles nothing');

    api($_ => '/inventory/drop-1', '{"available":1}') for qw(GET HEAD);
    is(facts('drop-1'), '17 0 0 0 3 0', 'and nothing has changed');

    return;
}


sub changes_are_logged {
    my $mark = $nginx->mark;

    api(POST => '/inventory/drop-1', '{"add":1}',
        fields => "Content-Type: application/json\r\n"
                  . "Authorization: Basic YW5uOng=\r\n");

    my $line = qr/control: "add" 1 of stock "drop-1", 18 available now, by/;

    ok($nginx->wait_log($mark, qr/\[warn\] .*$line "ann\@127\.0\.0\.1"/),
        "$store: a change of stock is logged, and by whom");

    my $hold = buy('drop-1', 1);
    is_held($hold);

    $mark = $nginx->mark;
    api(POST => "/holds/$hold/release");
    ok($nginx->wait_log($mark,
        qr/\[notice\] .*"release" of "$hold", by "127\.0\.0\.1"/),
        'and of a hold');

    $mark = $nginx->mark;
    api(GET => '/inventory/drop-1');
    api(PUT => '/inventory/drop-1', '{"total":1}');
    unlike($nginx->since($mark), qr/admission control/,
        'what changes nothing is not');

    return;
}


sub metrics_say_the_same {
    my @names = qw(available held unresolved committed_total expired_total);
    my $metrics;

    ok(wait_for(sub {
        $metrics = $nginx->metrics;
        my ($available, $held, undef, @others) = split ' ', facts('drop-1');

        return join(' ', map { of_sku($metrics, "inventory_$_") } @names)
            eq join ' ', $available, $held, @others;
    }), "$store: metrics say what the store does")
        or diag(facts('drop-1'), ', ',
                join ' ', map { of_sku($metrics, "inventory_$_") } @names);

    ok(!grep({ /cup|plate|Zero/ } keys %$metrics),
        'and nothing of what only clients have named');

    my %outcome = map { /^idempotency_total\{outcome="(\w+)"/
                        ? ($1 => $metrics->{$_}) : () } keys %$metrics;

    is($outcome{new}, 2, 'keys that were new');
    cmp_ok($outcome{outcome_unknown}, '>=', 1, 'one that nobody knows');
    is($outcome{left_unknown}, 1, 'which was left so');
    is($outcome{kept}, 1, 'one that was kept');

    return;
}


sub of_sku {
    my ($metrics, $name) = @_;

    my $scope = $store eq 'redis' ? ',scope="fleet"' : '';

    return $metrics->{qq($name\{sku="drop-1"$scope\})} // 'none';
}


sub promtool_has_no_complaint {
    return diag('without promtool') if !grep { -x "$_/promtool" }
                                       split /:/, $ENV{PATH};

    open my $pipe, '|-', 'promtool check metrics 2>&1'
        or die "cannot start promtool: $!\n";
    print {$pipe} fetch($nginx->port('h1'), '/status')->{body};
    ok(close $pipe, "$store: promtool has no complaint");

    return;
}


sub tables_are_told {
    my (@tables) = @_;

    my $metrics = $nginx->metrics;

    for my $table (@tables) {
        my ($used) = grep { /^zone_used_ratio\{.*table="$table"/ }
                     keys %$metrics;
        my ($full) = grep { /^table_full_total\{.*table="$table"/ }
                     keys %$metrics;

        ok(defined $used && $metrics->{$used} < 0.5, "$store: $table, used")
            or diag($used);
        is($metrics->{ $full // '' }, 0, "$table, full");
    }

    becomes(sub { $nginx->metrics->{outbox_owed} // 'none' },
        $store eq 'redis' ? 0 : 'none', 'what Redis is still to be told');

    return;
}


sub health {
    my $json = JSON::PP::decode_json(
        fetch($nginx->port('h1'), '/health')->{body});

    return "$json->{status} $json->{stock} $json->{outbox}";
}


sub any_client_of_redis_may_change_it {
    $redis->command('SET', 'inventory:drop-1', 7);
    is(facts('drop-1'), '7 0 0 0 3 0', 'the plain key is the stock');

    $redis->command('SET', 'inventory:drop-1', 'many');

    my $said = api(GET => '/inventory/drop-1');
    is("$said->{status} $said->{reason}", '409 bad_stock',
        'a key that holds no number is told as that');
    is(api(POST => '/inventory/drop-1', '{"add":1}')->{reason}, 'bad_stock',
        'nothing is added to it');
    is(api(PUT => '/inventory/drop-1', '{"available":9}')->{json}{available},
        9, 'a number makes it one again');

    $redis->command('DEL', 'inventory:drop-1');
    is(api(GET => '/inventory/drop-1')->{status}, 404, 'and it may go');
    api(PUT => '/inventory/drop-1', '{"available":9}');

    return;
}


sub a_store_that_is_gone_keeps_nobody {
    my $client = AdmHttp->connect($nginx->port('h1'));

    $redis->signal('STOP');

    $client->send(request_text(GET => '/api/inventory/drop-1'));
    ok(wait_for(sub { $nginx->metric('suspended_requests') == 1 }),
        'a question that sleeps');
    $client->reset;
    ok(wait_for(sub { $nginx->metric('suspended_requests') == 0 }),
        'and whose client leaves');

    my $mark = $nginx->mark;
    my $said = api(POST => '/inventory/drop-1', '{"add":1}');

    is("$said->{status} $said->{reason}", '503 store_down',
        'no answer is no change that can be told');
    is($said->{answer}{field}{'retry-after'}, 1, 'it may be asked again');
    ok($nginx->wait_log($mark,
        qr/"add" of "drop-1", and the store did not answer, by/),
        'and is logged, since it may have been done');

    ok(wait_for(sub { of_sku($nginx->metrics, 'inventory_available')
                      eq 'none' }), 'what is not known is not told as zero');

    $redis->signal('CONT');

    ok(wait_for(sub { api(GET => '/inventory/drop-1')->{status} == 200 }),
        'once it is back all is told again');

    return;
}


sub stock_is_confirmed_by_an_operator {
    my $mine = AdmRedis->start(args => ['--appendonly', 'yes']);

    $store = 'on_failover=close';
    $nginx = AdmNginx->start(http => $HTTP, vars => { keys => "$keys",
        store => 'admission_redis ' . $mine->uri . ' on_failover=close'
            . ' timeout=1s claim_timeout=2s;' });

    api(PUT => '/inventory/drop-1', '{"available":5}');
    is(fetch($nginx->port('h1'), '/named')->{status}, 200, "$store: sold");
    ok(wait_for(sub { health() eq 'ok ok ok' }), 'all is well');

    $mine->restart;

    ok(wait_for(sub { health() eq 'degraded unconfirmed ok' }),
        'another memory: health says what is to be done') or diag(health());

    my $said = api(GET => '/inventory/drop-1');

    is($said->{json}{available}, 5, 'how many there seem to be is told');
    is($said->{reason}, 'unconfirmed', 'and that nobody has said so');
    like(buy('drop-1', 1), qr/but 503$/, 'nothing is sold');

    $said = api(PUT => '/inventory/drop-1', '{"available":4}');
    is("$said->{status} $said->{json}{available} $said->{reason}", '200 4 ',
        'until somebody says how many there are');
    ok(wait_for(sub { health() eq 'ok ok ok' }), 'health is well again');
    like(buy('drop-1', 1), qr/^$ID$/, 'and it is sold');

    $nginx->finish(allow => [qr/redis|connect\(\) failed/]);
    $mine->finish;

    return;
}


sub all_of {
    my (%option) = @_;

    $store = $option{name};
    $nginx = AdmNginx->start(http => $HTTP, workers => 2,
        vars => { store => $option{conf}, keys => "$keys" });

    a_stock_is_made();
    units_come_and_go();
    a_hold_is_settled();
    a_cart_is_one_hold();
    a_commit_may_come_late();
    what_nobody_answered_waits();
    a_key_is_forgotten();
    what_is_wrong_is_said();
    nobody_else_may_change_it();
    changes_are_logged();
    metrics_say_the_same();
    promtool_has_no_complaint();
    like(health(), $option{health}, 'and health is well');
    tables_are_told(@{ $option{tables} });

    return;
}


all_of(name => 'shm', conf => '', health => qr/^ok ok off$/,
    tables => [qw(keys answers holds)]);
$nginx->finish;

SKIP: {
    skip 'no redis-server', 1
        if system('redis-server --version >/dev/null 2>&1') != 0;

    $redis = AdmRedis->start;

    all_of(name => 'redis', conf => 'admission_redis ' . $redis->uri
        . ' timeout=1s claim_timeout=2s;',
        health => qr/^ok ok ok$/, tables => ['outbox']);
    any_client_of_redis_may_change_it();
    a_store_that_is_gone_keeps_nobody();

    $nginx->finish;
    $redis->finish;

    stock_is_confirmed_by_an_operator();
}

done_testing();
