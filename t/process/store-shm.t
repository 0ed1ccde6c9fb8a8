#!/usr/bin/perl

# The memory of one node keeps what every store promises: see AdmConformance.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmConformance ();


# a worker that sleeps between charge and refund, while the other refunds,
# gets nothing back: see adm_gcra.h

AdmConformance->new(name => 'shm', inexact => 1)->run;

done_testing();
