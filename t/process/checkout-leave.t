#!/usr/bin/perl

# Clients leave a checkout wherever they like: amid the body, while the store
# is asked, while the shop works; and the store itself may stop answering just
# then.  What had not gone to the shop is free again, key and units, and the
# same customer can order with the same key; what had gone there, and was
# never answered, is for nobody else; and units are never more, nor fewer.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(free_port wait_for);
use AdmRedis ();
use AdmShopper qw(key_file);
use AdmUpstream ();

my $UNITS = 100;

my $HTTP = <<'END';
    admission_secret_file %{keys};
    %{store}

    admission_body_field $sku form=sku;

    proxy_connect_timeout 1s;
    client_max_body_size 11m;

    server {
        listen 127.0.0.1:%{h1};

        location = /status { admission_status; }
        location /api/ { admission_inventory_api; }

        admission_idempotency $http_idempotency_key owner=$arg_owner required;
        admission_inventory $sku mode=reserve hold=1h;

        location /stays/ {
            proxy_ignore_client_abort on;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /goes/ {
            proxy_ignore_client_abort off;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /closed/ {
            proxy_ignore_client_abort on;
            proxy_pass http://127.0.0.1:%{closed};
        }
    }
END

my $FORM = "Content-Type: application/x-www-form-urlencoded\r\n";

my %LEAVE = map { my $way = $_; $way => sub { $_[0]->$way } }
            qw(close half_close reset);

my $keys = File::Temp->new;
chmod 0600, $keys;
print {$keys} key_file();
close $keys;

my $upstream = AdmUpstream->start;
my ($nginx, $redis, $store);
my ($committed, $unresolved) = (0, 0);


sub order_text {
    my ($path, $key, $body) = @_;

    return request_text('POST', "$path?owner=o", body => $body // 'sku=A',
        fields => "${FORM}Idempotency-Key: $key\r\n");
}


sub order {
    my ($path, $key) = @_;

    my $answer = fetch($nginx->port('h1'), "$path?owner=o", method => 'POST',
        body => 'sku=A', fields => "${FORM}Idempotency-Key: $key\r\n");

    return said($answer);
}


sub said {
    my ($answer) = @_;

    return 'nothing' if !$answer;

    my ($reason) = $answer->{body} =~ /"reason":"(\w+)"/;

    return $answer->{status} . ($reason ? " $reason" : '');
}


sub begin {
    my ($path, $key) = @_;

    my $client = AdmHttp->connect($nginx->port('h1'));

    $client->send(order_text($path, $key));

    return $client;
}


# "available held unresolved committed"
sub facts {
    my $answer = fetch($nginx->port('h1'), '/api/inventory/A');
    my $facts = eval { JSON::PP::decode_json($answer->{body}) } // {};

    return join ' ', map { $facts->{$_} // 'none' }
           qw(available held unresolved committed);
}


sub all_units {
    my ($name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $expected = join ' ', $UNITS - $committed - $unresolved, 0,
                   $unresolved, $committed;

    ok(wait_for(sub { facts() eq $expected }), "$store: $name: the units")
        or diag(facts() . " instead of $expected");

    return;
}


# The key is free: an order with it is executed, now.
sub is_free {
    my ($key) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $path = "/answer/200/$key";
    my $before = () = $upstream->seen_like("$path?");
    my $said;

    ok(wait_for(sub { ($said = order("/stays$path", $key)) eq '200' }),
        "$store: $key is free") or diag($said);
    is(scalar(() = $upstream->seen_like("$path?")) - $before, 1,
        '... and executed once');

    $committed++;

    return;
}


sub amid_the_body {
    my %client;
    my @sizes = (5, 20_000, 10_000_000);

    for my $way (sort keys %LEAVE) {
        for my $size (@sizes) {
            my $client = AdmHttp->connect($nginx->port('h1'));
            my $key = "body-$way-$size";

            $client->send(substr order_text('/stays/answer/200', $key,
                'sku=A' . '&' x ($size - 5)), 0, -1);
            $client{$key} = [$way, $client];
        }
    }

    sleep 0.05;

    for (values %client) {
        my ($way, $client) = @$_;
        $LEAVE{$way}->($client);
    }

    ok(wait_for(sub { $nginx->metric('abandoned_total') == keys %client }),
        "$store: all have left amid their body");
    all_units('amid the body');
    is_free($_) for sort keys %client;
    all_units('executed then');

    return;
}


sub while_the_shop_works {
    my %client = map { $_ => begin("/goes/hang/$_", "goes-$_") }
                 sort keys %LEAVE;

    ok(wait_for(sub { $upstream->seen_like('/hang/') == 3 * stores() }),
        "$store: the shop has them");

    $LEAVE{$_}->($client{$_}) for sort keys %client;
    $unresolved += 3;

    all_units('left while the shop works');
    is(order("/goes/hang/$_", "goes-$_"), '409 outcome_unknown',
        "$store: $_: nobody knows") for sort keys %client;

    %client = map { $_ => begin("/stays/slow/1200", "stays-$_") }
              sort keys %LEAVE;

    ok(wait_for(sub { $upstream->seen_like('/slow/1200') == 3 * stores() }),
        "$store: the shop has others");

    $LEAVE{$_}->($client{$_}) for sort keys %client;

    is(order('/stays/slow/1200', 'stays-close'), '409 in_progress',
        "$store: the shop goes on");

    $committed += 3;

    all_units('who left has ordered');
    is(order('/stays/slow/1200', "stays-$_"), '200', "$store: $_: replayed")
        for sort keys %client;
    is(scalar(() = $upstream->seen_like('/slow/1200')), 3 * stores(),
        '... and executed once');
    all_units('replayed');

    return;
}


sub stores { return $redis ? 2 : 1 }


# Nothing was sent: all is free at once.
sub never_reached {
    is(order('/closed/', "unsent-$_"), '502', "$store: no shop") for 1 .. 3;
    all_units('no shop');
    is_free('unsent-1');
    all_units('there is one');

    return;
}


# The store stops, in the middle of an order, for less or more than a trip.
sub while_the_store_is_asked {
    my $before = $nginx->metric('abandoned_total');

    $redis->signal('STOP');

    my %client = map { $_ => begin('/stays/answer/200', "asked-$_") }
                 sort keys %LEAVE;

    is($nginx->wait_metric('suspended_requests', 3), 3, 'three are asleep');
    $LEAVE{$_}->($client{$_}) for sort keys %client;
    is($nginx->wait_metric('abandoned_total', $before + 3), $before + 3,
        '... and have left');

    $redis->signal('CONT');
    all_units('left while the store is asked');
    is_free("asked-$_") for sort keys %client;
    all_units('executed then');

    return;
}


sub when_the_store_is_late {
    my $seen = () = $upstream->seen;

    $redis->signal('STOP');

    my @late = map { begin('/stays/answer/200', "late-$_") } 1 .. 2;

    is(said($_->answer), '503 store_down', 'a store that says nothing')
        for @late;
    is(scalar(() = $upstream->seen), $seen, '... and the shop is not asked');

    $redis->signal('CONT');
    all_units('what came too late is given back');
    is_free("late-$_") for 1 .. 2;
    all_units('executed then');

    return;
}


# It comes back after the end of what it never heard of.
sub when_the_answer_cannot_be_told {
    my $client = begin('/stays/slow/400', 'untold');

    ok(wait_for(sub { $upstream->seen_like('/slow/400') }), 'the shop works');

    $redis->signal('STOP');
    is($client->answer->{status}, 200, 'the answer does not wait for a store');
    sleep 1.7;
    $redis->signal('CONT');

    $committed++;
    all_units('it is told');
    ok(wait_for(sub { order('/stays/slow/400', 'untold') eq '200' }),
        'the key, too');
    is(scalar(() = $upstream->seen_like('/slow/400')), 1,
        '... and was executed once');

    return;
}


sub leave_all {
    my (%option) = @_;

    $store = $option{name};
    ($committed, $unresolved) = (0, 0);

    $nginx = AdmNginx->start(http => $HTTP, vars => { up => $upstream->port,
        keys => "$keys", closed => free_port(), store => $option{conf} });

    is(fetch($nginx->port('h1'), '/api/inventory/A', method => 'PUT',
        fields => "Content-Type: application/json\r\n",
        body => qq({"available":$UNITS}))->{status}, 200, "$store: stock");
    all_units('at first');

    amid_the_body();
    while_the_shop_works();
    never_reached();

    if ($redis) {
        while_the_store_is_asked();
        when_the_store_is_late();
        when_the_answer_cannot_be_told();
    }

    return;
}


leave_all(name => 'shm', conf => '');
$nginx->finish;

SKIP: {
    skip 'no redis-server', 1
        if system('redis-server --version >/dev/null 2>&1') != 0;

    $redis = AdmRedis->start;

    leave_all(name => 'redis', conf => 'admission_redis ' . $redis->uri
        . ' claim_timeout=1500ms;');

    $nginx->finish;
    $redis->finish;
}

done_testing();
