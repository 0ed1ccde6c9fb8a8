package AdmRest;

# What a node with a Redis looks like when nothing goes on, and whether it
# looks so again: nobody asleep, no call under way, the circuit closed, as
# many open files and connections as before.  And what a fault has cost.
#
#     my $rest = AdmRest->of($nginx, links => sub { ... });
#     ... a fault ...
#     $rest->is_again('killed');
#     diag($rest->cost);
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep time);

use AdmNginx qw(slurp wait_for);

# seconds: more than any circuit of a test stays open
my $PATIENCE = 15;

# lines of the log that are no notices
my $LINE = qr/^.*\[(?:warn|error|crit|alert|emerg)\].*$/m;


# Options: links (how many connections Redis has of this node), files (false:
# they are not compared).
sub of {
    my ($class, $nginx, %option) = @_;

    my $self = bless { nginx => $nginx, files => 1, %option }, $class;

    $self->{links_then} = $self->{links}->();
    # a connection of before may still be on its way out
    wait_for(sub {
        $self->{files_then} = $self->_files;
        sleep 0.1;
        return $self->_files eq $self->{files_then};
    });

    $self->mark;

    return $self;
}


# From here on it is counted what a fault costs.
sub mark {
    my ($self) = @_;

    $self->{since} = time;
    $self->{log} = $self->{nginx}->mark;
    $self->{time} = { map { $_ => _time($_) } $self->{nginx}->workers };

    return;
}


# Open files of each worker that serves, fewest first.
sub _files {
    my ($self) = @_;

    return join ' ', sort { $a <=> $b }
           map { scalar(() = glob "/proc/$_/fd/*") } $self->{nginx}->serving;
}


# Seconds of a processor that a process has used.
sub _time {
    my ($pid) = @_;

    my ($user, $system) = (split ' ', slurp("/proc/$pid/stat")
        =~ s/^.*\) //sr)[11, 12];

    return (($user // 0) + ($system // 0))
           / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}


# kB of memory that are a process's own.
sub memory_kb {
    my ($pid) = @_;

    return slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m ? $1 : 0;
}


sub seconds { return time - $_[0]{since} }


# Lines since the mark that are no notices, and those among them that match.
sub lines {
    my ($self, $about) = @_;

    return grep { /$about/ } $self->{nginx}->since($self->{log}) =~ /$LINE/g;
}


sub cost {
    my ($self) = @_;

    my $seconds = $self->seconds;
    my $used = 0;

    for my $pid (grep { AdmNginx::alive($_) } keys %{ $self->{time} }) {
        $used += _time($pid) - $self->{time}{$pid};
    }

    return sprintf '%.1f s, workers %.2f of a processor, %d lines about Redis',
        $seconds, $used / $seconds, scalar $self->lines(qr{ redis "});
}


# Seconds that it took until all was as it was.
sub took { return $_[0]{took} }


# Tests that all is as it was.
sub is_again {
    my ($self, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $became;
    my $began = time;

    wait_for(sub { ($became = $self->_state) eq 'at rest' }, $PATIENCE);
    $self->{took} = time - $began;

    return Test::More::is($became, 'at rest', "$name: all is as before");
}


sub _state {
    my ($self) = @_;

    my $metrics = $self->{nginx}->metrics;
    my %wrong;

    $wrong{$_} = $metrics->{$_} // 'none'
        for grep { $metrics->{$_} // 1 } qw(store_calls suspended_requests);

    my $circuit = $metrics->{'circuit_state{circuit="store"}'} // 'none';

    $wrong{circuit_state} = $circuit if $circuit ne '0';
    $wrong{store_up} = $metrics->{store_up} // 'none'
        unless $metrics->{store_up};

    my ($links, $files) = ($self->{links}->(), $self->_files);

    $wrong{connections} = "$links, not $self->{links_then}"
        if $links != $self->{links_then};
    $wrong{files} = "$files, not $self->{files_then}"
        if $self->{files} && $files ne $self->{files_then};

    return join(', ', map { "$_ $wrong{$_}" } sort keys %wrong) || 'at rest';
}


1;
