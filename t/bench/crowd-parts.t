#!/usr/bin/perl

# Every figure of a report rests on the histogram, and every run on the
# arrivals: both are held to arithmetic here, apart from any server, in
# crowd-parts.c, with sanitizers.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use FindBin ();

my $root = "$FindBin::Bin/../..";
my $dir = File::Temp->newdir('adm-crowd-XXXXXX', TMPDIR => 1);

system('cc', qw(-std=c11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror
       -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all),
       "-I$root/bench/crowd", "$FindBin::Bin/crowd-parts.c",
       (map { "$root/bench/crowd/$_.c" } qw(answer histogram jar profile room token)),
       '-o', "$dir/parts", '-ljansson', '-lm') == 0 or die "cannot build the parts\n";

exit(system("$dir/parts") ? 1 : 0);
