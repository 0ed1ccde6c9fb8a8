#!/usr/bin/perl

# An order that is sent again gets the answer that the first one got, byte by
# byte, or hears why not, and is never executed twice: whatever the upstream
# made of it, however its answer came, and also if nobody was there to hear
# it.  The store is the memory of one node; replay-redis.t is about Redis.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmReplay ();


AdmReplay->new(name => 'shm')->run;

done_testing();
