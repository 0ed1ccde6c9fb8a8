#!/usr/bin/perl

# What stands still is told to the operator.
#
# The sale begins, everybody is in line, and nobody is let in: the stock that
# the room looks at has a name in which somebody has mistyped a letter, and
# neither health nor metrics have a word of it.  So the log has, and says when
# it is over.  And lamps that were sent to a shop that did not answer are
# neither free nor sold: that is told also where no configuration names what is
# sold, or nobody would be woken.  In memory and over Redis.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Test::More;

use AdmHttp qw(fetch);
use AdmNginx qw(becomes wait_for);
use AdmRedis ();
use AdmSale ();

AdmRedis->need_redis;

my $HTTP = <<'END';
    %{store}
    admission_secret_file %{keys};
    admission_room drop { rate 10r/s; stock drop-1; }

    server {
        listen 127.0.0.1:%{h1};

        location / { admission_wait drop; alias %{dir}/html/hello; }
        location /control/ { admission_control; }
        location /buy { admission_inventory $arg_sku mode=reserve; }
    }
END

my $keys = File::Temp->new;

print {$keys} 'k1:', 'ab' x 32, "\n";
$keys->flush;


sub room {
    my ($name, $nginx) = @_;

    my $untold = qr/room "drop": nothing is known of its stock "drop-1", nobody/;
    my $known = qr/room "drop": its stock "drop-1" is known/;

    ok($nginx->wait_log(0, $untold), "$name: nobody is let in, and why");
    unlike($nginx->log_text, $known, '... before somebody tells it');

    fetch($nginx->port('h1'), '/control/inventory/drop-1', method => 'PUT',
        fields => "Content-Type: application/json\r\n",
        body => '{"available":5}');

    ok($nginx->wait_log(0, $known), '... and that it is over');
    is(scalar(() = $nginx->log_text =~ /$untold/g), 1, '... once');
    $nginx->finish;

    return;
}


sub unresolved {
    my ($name, $sale) = @_;

    my $units = sub { $sale->node(0)->metric('inventory_unresolved_units') };

    $sale->control(0, 'PUT', "/inventory/$_", { available => 9 })
        for qw(lamp vase);
    is($units->(), 0, "$name: all is settled");

    $sale->buy(0, key => $_->[1], sku => $_->[0], quantity => $_->[1],
        at => 'short', how => 'slow/3000') for ['lamp', 2], ['vase', 1];

    becomes($units, 3, '... until the shop does not answer');

    my $holds = $sale->control(0, 'GET', '/holds?state=unresolved')->{holds};

    $sale->control(0, 'POST', "/holds/$_->{hold}/release", {}) for @$holds;
    becomes($units, 0, '... and somebody says what became of it');
    $sale->finish;

    return;
}


my $redis = AdmRedis->start;

my %store = (shm => '', redis => 'admission_redis ' . $redis->uri . ';');

my %room = map {
    $_ => AdmNginx->start(http => $HTTP, workers => 2,
        vars => { store => $store{$_}, keys => "$keys" })
} keys %store;

unresolved($_, AdmSale->start(conf => $store{$_}))
    for sort keys %store;
room($_, $room{$_}) for sort keys %room;

done_testing();
