package Sandbox;

# Runs small test files in a directory of their own, under this runner or
# under another lib, and tells what came of it.
#
# Contract: run_file() writes the text to t/NAME, runs it by perl with the
# given lib directories first in @INC, and returns { exit, out, passed,
# failed }.  Nothing is left behind, and each file has a port of its own.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Cwd qw(getcwd);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Spec ();
use File::Temp ();

our @EXPORT_OK = qw(run_file own_lib real_lib head_of);

my $OWN_LIB = File::Spec->rel2abs(dirname(__FILE__) . '/..');


sub own_lib { return [$OWN_LIB] }


# the directories of the real Test::Nginx, or nothing if none is named
sub real_lib {
    my @dirs = map { File::Spec->rel2abs($_) } grep { length }
               split /:/, $ENV{TEST_NGINX_REAL_LIB} // '';

    return @dirs ? [@dirs] : undef;
}


# The usual first lines of a test file.
sub head_of {
    my (@settings) = @_;

    return join "\n", "use Test::Nginx::Socket 'no_plan';",
        'no_shuffle();', 'no_long_string();', @settings,
        'run_tests();', '__DATA__', '', '';
}


sub run_file {
    my ($lib, $text, %env) = @_;

    my $dir = File::Temp->newdir;
    my $start = getcwd();

    mkdir "$dir/t";
    open my $out, '>', "$dir/t/case.t" or die "cannot write: $!\n";
    print {$out} $text;
    close $out;

    my @quiet = grep { /^TEST_NGINX_/ && $_ ne 'TEST_NGINX_BINARY' } keys %ENV;
    local @ENV{@quiet};
    delete @ENV{@quiet};
    local @ENV{'TEST_NGINX_RANDOMIZE', keys %env} = (1, values %env);

    chdir $dir;
    my $tap = _output_of($^X, (map { "-I$_" } @$lib), 't/case.t');
    my $exit = $? >> 8;
    my @left = glob 't/servroot*';
    chdir $start;

    return {
        exit   => $exit,
        out    => $tap,
        passed => scalar(() = $tap =~ /^ok /mg),
        failed => scalar(() = $tap =~ /^not ok /mg),
        left   => "@left",
    };
}


sub _output_of {
    my (@command) = @_;

    my $pid = open(my $in, '-|') // die "cannot fork: $!\n";

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        exec @command or die "cannot run $command[0]: $!\n";
    }

    my $out = do { local $/; <$in> } // '';
    close $in;

    return $out;
}


1;
