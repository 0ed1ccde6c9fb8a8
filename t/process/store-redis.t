#!/usr/bin/perl

# A Redis keeps what every store promises: see AdmConformance.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmConformance ();
use AdmRedis ();

AdmRedis::need_redis();


my $redis = AdmRedis->start(socket => 1);

AdmConformance->new(name => 'redis', redis => [$redis],
    conf => 'admission_redis ' . $redis->uri . " $AdmConformance::REDIS;",
    )->run;

$redis->finish;

done_testing();
