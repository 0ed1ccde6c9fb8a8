#!/usr/bin/perl

# A master dies with what it had not yet told its replica: the stock that the
# replica has may be more than the truth.  With on_failover=close nothing is
# sold until an operator has said how many units there are; with
# on_failover=continue the sale goes on by itself.  A connection that is lost
# is no failover.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmNginx qw(wait_for);
use AdmRedis ();
use AdmRedisSentinel ();
use AdmSale ();

AdmRedis::need_redis();


my $set = AdmRedisSentinel->start;
my $master = $set->master;


sub sale {
    my ($word) = @_;

    return AdmSale->start(conf => 'admission_redis ' . $set->uris
        . ' topology=sentinel:' . $set->name . " prefix=$word:"
        . " on_failover=$word timeout=5s claim_timeout=5s;"
        . 'admission_redis_circuit open=100ms max_open=200ms;');
}


sub said { return AdmSale::said(@_) }


my ($close, $continue) = (sale('close'), sale('continue'));

$master->command('SET', "inventory:$_", 9) for qw(tee cup);

ok($close->seen('tee'), 'a SKU is known to those that would close');
ok($continue->seen('cup'), '  and one to those that would not');
is(said($close->buy(0, key => 'c1', sku => 'tee')), '200', '  both sell');
is(said($continue->buy(0, key => 'c1', sku => 'cup')), '200', '  it');
$_->paid for $close, $continue;

$master->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
ok(wait_for(sub { said($close->buy(0, key => 'c2', sku => 'tee')) eq '200' },
    10), 'a connection that is lost is no failover');
$_->paid for $close, $continue;

my $replica = $set->replica;

ok(wait_for(sub { ($replica->command('GET', 'inventory:tee') // 0) == 7 }),
    'the replica knows of both');

$master->kill;
ok($set->wait_failover($master), 'the master dies, the replica is promoted');

ok(wait_for(sub {
    said($continue->buy(0, key => 'c3', sku => 'cup')) eq '200';
}, 20), 'who continues sells');

ok(wait_for(sub {
    said($close->buy(0, key => 'c3', sku => 'tee')) eq '503 unconfirmed';
}, 20), 'who closes sells nothing');
is($replica->command('GET', 'inventory:tee'), 7, '  and takes nothing');
ok(wait_for(sub { said($close->buy(0, key => 'c1', sku => 'tee')) eq '200' },
    20), '  what was sold before is told again');

ok(wait_for(sub {
    $close->control(0, 'PUT', '/inventory/tee', { available => 3 })->{status}
        == 200;
}, 20), '  until an operator confirms the stock');
ok(wait_for(sub { said($close->buy(0, key => 'c4', sku => 'tee')) eq '200' },
    10), '  then it is sold');
$close->stock_is('tee', '2 0 0 3 0', '  to the unit');

$_->paid for $close, $continue;
$_->finish for $close, $continue;
$set->finish;

done_testing();
