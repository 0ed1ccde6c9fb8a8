#!/usr/bin/perl

# A Redis Cluster keeps what every store promises, also of limits whose
# budgets are on different nodes: see AdmConformance.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmConformance ();
use AdmRedis ();
use AdmRedisCluster ();

AdmRedis::need_redis();


my $cluster = AdmRedisCluster->start;


# Clients whose budgets two nodes have.
sub apart {
    my %client;

    for (1 .. 1000) {
        my $key = AdmConformance::key('many', "apart$_");

        $client{ $cluster->owner($cluster->slot($key)) } //= "apart$_";
        last if keys %client == 2;
    }

    return [values %client];
}


# what one node gave is taken until the other has refused: who comes in
# between is refused too

AdmConformance->new(name => 'cluster', redis => [$cluster->nodes],
    apart => apart(),
    conf => 'admission_redis ' . $cluster->uris
            . " topology=cluster $AdmConformance::REDIS;")->run;

$cluster->finish;

done_testing();
