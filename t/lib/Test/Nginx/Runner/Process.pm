package Test::Nginx::Runner::Process;

# Processes that this run has started: are they there, and how to end them.
#
# Contract: a pid is signalled only by who started it.  A pid out of a pid
# file is first checked against a text that its command line must hold, since
# the number may belong to somebody else by now.  Linux's /proc is used where
# there is one.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

use Test::Nginx::Runner::Util qw(read_file);

our @EXPORT_OK = qw(is_running belongs_to stop_process wait_until);


# A process that has ended but is not yet reaped counts as gone.
sub is_running {
    my ($pid) = @_;

    waitpid $pid, WNOHANG;
    return 0 if !kill 0, $pid;

    my $stat = read_file("/proc/$pid/stat");

    return defined $stat && $stat =~ /\) Z / ? 0 : 1;
}


sub belongs_to {
    my ($pid, $mark) = @_;

    return 1 if !-d '/proc/self';

    my $line = read_file("/proc/$pid/cmdline") // '';
    $line =~ tr/\0/ /;

    return index($line, $mark) >= 0;
}


# Asks by the given signal, then by TERM, then ends the whole group by KILL.
# Returns true when the first signal was enough.
sub stop_process {
    my ($pid, $signal, $patience) = @_;

    my $gone = sub { !is_running($pid) };

    kill $signal, $pid;
    return 1 if wait_until($gone, $patience);

    kill 'TERM', $pid;
    return 0 if wait_until($gone, 1);

    my $leads_group = (getpgrp($pid) // 0) == $pid;
    kill 'KILL', $leads_group ? -$pid : $pid;
    wait_until($gone, 5);

    return 0;
}


# Polls until the condition holds; false if it does not within the time.
sub wait_until {
    my ($condition, $patience) = @_;

    my $deadline = time() + $patience;
    my $pause = 0.001;

    until ($condition->()) {
        return 0 if time() > $deadline;

        sleep $pause;
        $pause *= 1.5 if $pause < 0.02;
    }

    return 1;
}


1;
