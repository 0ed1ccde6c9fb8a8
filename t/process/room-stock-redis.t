#!/usr/bin/perl

# Where several nodes share a line, none of them has the stock: each knows
# what it was told a moment ago, and that must be enough to call no more people
# than there are units for, on whichever node they wait.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmRedis ();
use AdmStockRoom ();

AdmRedis::need_redis();


my $redis = AdmRedis->start;
my $store = 'admission_redis ' . $redis->uri . ' timeout=5s claim_timeout=5s;';

AdmStockRoom::story('redis', $store);

$redis->command('FLUSHALL');

AdmStockRoom::open_door('redis', $store);

$redis->finish;

done_testing();
