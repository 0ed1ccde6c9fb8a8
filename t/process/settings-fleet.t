#!/usr/bin/perl

# Operators' changes, on one node of a fleet, are those of all.
#
# In the middle of a sale somebody closes a room, at the node that happens to
# be at hand.  The others follow within a second; whoever is restarted, or is
# cut off from Redis for a while, follows when it is back, and brings what was
# changed there, unless it is older.  A node that goes on with what was taken
# back an hour ago sells what is not there.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch);
use AdmNginx qw(becomes wait_for);
use AdmRedis ();

AdmRedis->need_redis;

my $SETTINGS = 'adm:{fleet}:settings';

my $HTTP = <<'END';
    admission_redis redis://%{address}:%{redis};
    admission_secret_file %{keys}/keys;
    %{state}

    admission_room drop { rate %{rate}; }

    server {
        listen 127.0.0.1:%{h1};

        location = /status { admission_status; }
        location /control { admission_control; }
        location = /hello { alias %{dir}/html/hello; admission_wait drop; }
    }
END

my $dir = File::Temp->newdir;

open my $out, '>', "$dir/keys" or die "cannot write keys: $!\n";
print {$out} 'k1:', 'ab' x 32, "\n";
close $out or die "cannot write keys: $!\n";
chmod 0600, "$dir/keys";

# each node comes by an address of its own, so that one can be cut off
my @ADDRESSES = ('127.0.0.1', '127.0.0.2');

my $redis = AdmRedis->start(args => [ '--bind', "@ADDRESSES" ]);

my @nodes = map { AdmNginx->start(workers => 2, http => $HTTP,
    vars => variables($_)) } @ADDRESSES;
my ($here, $there) = @nodes;


sub variables {
    my ($address, %more) = @_;

    return { keys => $dir, redis => $redis->port, address => $address,
        rate => '10r/s', state => '', %more };
}


sub cut {
    $redis->command('CONFIG', 'SET', 'bind', $ADDRESSES[0]);
    $redis->command('CLIENT', 'KILL', 'LADDR',
        "$ADDRESSES[1]:" . $redis->port);
    wait_for(sub { $there->metric('store_up') == 0 });

    return;
}


sub join_again {
    $redis->command('CONFIG', 'SET', 'bind', "@ADDRESSES");

    return;
}


sub change {
    my ($node, $resource, $patch) = @_;

    my $answer = fetch($node->port('h1'), "/control/$resource",
        method => 'PATCH', body => $patch,
        fields => "Content-Type: application/json\r\n");

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return is($answer->{status}, 200, "$resource: $patch");
}


# What is told of a setting.
sub told {
    my ($node, $resource, $name) = @_;

    my $answer = fetch($node->port('h1'), "/control/$resource") or return {};

    return JSON::PP::decode_json($answer->{body})->{$name};
}


# In force on a node, soon; how soon it was is told, not asked for.
sub in_force {
    my ($node, $resource, $name, $value, $text) = @_;

    my $start = time;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $is = becomes(sub { told($node, $resource, $name)->{effective} }, $value,
                     $text);

    diag(sprintf '%s: after %.2f s', $text, time - $start);

    return $is;
}


# What the store has of it, as soon as it has what is asked for.
sub kept {
    my ($name, $like, $text) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return becomes(sub { $redis->command('HGET', $SETTINGS, $name) }, $like,
                   $text);
}


wait_for(sub { $_->metric('fleet_nodes') == 2 }) for @nodes;

# A change on one node, and back on the other
{
    my $mark = $there->mark;

    change($here, 'rooms/drop', '{"rate":"25r/s","state":"paused"}');

    in_force($there, 'rooms/drop', 'rate', '25r/s', 'the other follows');
    in_force($there, 'rooms/drop', 'state', 'paused', 'in all of it');

    my ($one, $other) = map { told($_, 'rooms/drop', 'state') } @nodes;

    is($other->{by}, $one->{by}, 'by whom');
    is($other->{since}, $one->{since}, 'since when');
    is($other->{configured}, 'open', 'over what is configured');

    ok($there->wait_log($mark, qr/\[warn\].*admission\ control:
        \ "room\ drop\ state"\ is\ overridden,\ by\ "127\.0\.0\.1"
        \ on\ node\ [0-9a-f]{16}/x), 'and it is logged');

    # a worker, and not each of them
    sleep 1;
    is(scalar(() = $there->since($mark) =~ /"room drop state" is/g), 1,
        'once');

    change($there, 'rooms/drop', '{"state":null}');
    in_force($here, 'rooms/drop', 'state', 'open', 'and back');
    is(told($here, 'rooms/drop', 'state')->{by}, undef, 'as configured');
}


# The mode, which is no room's
{
    change($there, 'admission', '{"mode":"dry_run"}');
    in_force($here, 'admission', 'mode', 'dry_run', 'the mode');
    change($here, 'admission', '{"mode":null}');
    in_force($there, 'admission', 'mode', 'on', 'and back');
}


# Whoever is restarted follows
{
    ok($there->stop, 'a node is stopped');
    change($here, 'rooms/drop', '{"rate":"30r/s"}');

    $there->_spawn;
    in_force($there, 'rooms/drop', 'rate', '30r/s', 'when it is back');

    ok($_->stop, 'all are stopped') for @nodes;
    $_->_spawn for @nodes;

    in_force($_, 'rooms/drop', 'rate', '30r/s', 'it is in force again')
        for @nodes;

    is($_->reload, 1, 'a reload') for @nodes;
    is(told($_, 'rooms/drop', 'rate')->{effective}, '30r/s', 'changes nothing')
        for @nodes;
}


# Cut off: what is newer wins, wherever it was changed
{
    cut();

    change($there, 'rooms/drop', '{"rate":"40r/s","max_active":7}');
    sleep 0.1;
    change($here, 'rooms/drop', '{"rate":"50r/s"}');

    is(told($there, 'rooms/drop', 'rate')->{effective}, '40r/s',
        'without Redis a change is in force here');

    join_again();

    in_force($there, 'rooms/drop', 'rate', '50r/s',
        'back: the newer change of the other');
    in_force($here, 'rooms/drop', 'max_active', 7,
        'and what nobody else has changed is told');
    is(told($here, 'rooms/drop', 'rate')->{effective}, '50r/s',
        'an older one changes nothing');

    cut();

    change($here, 'rooms/drop', '{"rate":"60r/s"}');
    sleep 0.1;
    change($there, 'rooms/drop', '{"rate":"70r/s"}');

    join_again();

    in_force($here, 'rooms/drop', 'rate', '70r/s',
        'back: the newer change of this one');

    cut();
    change($here, 'rooms/drop', '{"rate":null}');
    join_again();

    in_force($there, 'rooms/drop', 'rate', '10r/s',
        'what was taken back meanwhile does not come back');
}


# Redis has lost its memory
{
    change($here, 'rooms/drop', '{"rate":"80r/s"}');
    in_force($there, 'rooms/drop', 'rate', '80r/s', 'a change');

    $redis->restart;

    kept('room drop rate', qr/^\d+ \d+ \d+ [0-9a-f]{16} 127/,
        'Redis is told again');
    is(told($_, 'rooms/drop', 'rate')->{effective}, '80r/s',
        'and nothing changed') for @nodes;
}


# The file is changed: that is what is meant
{
    my $mark = $there->mark;

    $here->configure(vars => variables($ADDRESSES[0], rate => '15r/s'));
    is($here->reload, 1, 'another rate in the file of one');

    is(told($here, 'rooms/drop', 'rate')->{effective}, '15r/s',
        'is in force there');
    in_force($there, 'rooms/drop', 'rate', '10r/s',
        'the other drops the override, too');
    ok($there->wait_log($mark, qr/override\ of\ "room\ drop\ rate"\ is\ dropped,
        .*\ of\ node\ [0-9a-f]{16}$/xm), 'which is logged');

    # while the files differ, a change is everybody's
    change($here, 'rooms/drop', '{"rate":"90r/s"}');
    in_force($there, 'rooms/drop', 'rate', '90r/s', 'a change meanwhile');

    is($there->reload, 1, 'a reload of the other with its old file');
    sleep 1.5;
    is(told($_, 'rooms/drop', 'rate')->{effective}, '90r/s',
        'it holds') for @nodes;

    $there->configure(vars => variables($ADDRESSES[1], rate => '15r/s'));
    is($there->reload, 1, 'and with the new one');
    sleep 1.5;
    is(told($_, 'rooms/drop', 'rate')->{effective}, '90r/s',
        'it still does') for @nodes;

    # a node that starts with another file means it, too
    ok($there->stop, 'a node is stopped');
    $there->configure(vars => variables($ADDRESSES[1], rate => '16r/s'));
    $there->_spawn;

    in_force($there, 'rooms/drop', 'rate', '16r/s',
        'and begins with another file');
    in_force($here, 'rooms/drop', 'rate', '15r/s',
        'which drops the override everywhere');
}


# What is not ours in Redis
{
    my $now = (time * 1000) =~ s/\..*//r;

    $redis->command('HSET', $SETTINGS,
        'room drop mode', "$now 4000000000 1 x somebody",
        'room drop max_active', 'rubbish', "room\ndrop", "$now 1 1 x y",
        'room drop ends', '99999999999999999 1 1 x y', '#', $now . '000');
    sleep 1.5;

    is(told($_, 'rooms/drop', 'mode')->{effective}, 'auto',
        'a value that there is not is none') for @nodes;
    is(told($_, 'rooms/drop', 'ends')->{effective}, 'never',
        'nor is a moment') for @nodes;

    $redis->command('DEL', $SETTINGS);
    $redis->command('SET', $SETTINGS, 'a text');
    change($here, 'rooms/drop', '{"rate":"20r/s"}');
    sleep 1.5;

    $redis->command('DEL', $SETTINGS);
    in_force($there, 'rooms/drop', 'rate', '20r/s',
        'a key of another type, once it is gone, did no harm');
}


$_->finish for @nodes;
done_testing();
