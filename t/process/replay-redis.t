#!/usr/bin/perl

# What replay.t tells of one node, on a Redis.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmRedis ();
use AdmReplay ();

AdmRedis::need_redis();


my $redis = AdmRedis->start(socket => 1);

AdmReplay->new(name => 'redis', conf => 'admission_redis ' . $redis->uri
    . ' timeout=8s claim_timeout=8s connect_timeout=8s;')->run;

$redis->finish;

done_testing();
