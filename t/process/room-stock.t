#!/usr/bin/perl

# A hundred thousand people wait for a hundred lamps, and most of them for
# nothing.  A line that knows the stock calls no more people than there are
# units for; tells those who are behind more people than that; keeps the
# places while what is left is reserved; and when all is sold it says so at
# once, to everybody, until somebody brings more.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmStockRoom ();


AdmStockRoom::story('shm', '');
AdmStockRoom::open_door('shm', '');

done_testing();
