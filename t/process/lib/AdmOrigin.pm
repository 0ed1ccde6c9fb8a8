package AdmOrigin;

# An upstream that takes its time, in a process of its own, and counts how
# many requests it has at once.
#
#     my $origin = AdmOrigin->start(ms => 100);
#     my $origin = AdmOrigin->start(ms => 40, servers => 4, kappa => 0.05);
#     my $seen = $origin->between($from, $to);     # of Time::HiRes::time
#     $seen->{mean}, $seen->{most}, $seen->{served}, $seen->{slots}
#
# With "servers" that many are served at once, the others wait in the order in
# which they came, and who is served beside n that are there takes 1 + kappa *
# n / servers times as long: it bears so many, and gets worse by more.
#
# The path "/slow/MS" takes so long in place of "ms".  Everything is answered
# 200.  What was abandoned counts until nginx has closed the connection.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes qw(time);

use AdmNginx qw(free_port slurp);

# seconds that one line of the log tells of
my $SLOT = 0.1;


sub start {
    my ($class, %option) = @_;

    my $port = $option{port} // free_port();
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 1024, ReuseAddr => 1)
        or die "cannot listen: $!\n";
    my $log = File::Temp->new;
    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = 'IGNORE';

        local $@;
        eval { _serve($listen, "$log", getppid, %option); 1 }
            or print STDERR "origin: $@";
        POSIX::_exit(0);
    }

    return bless { port => $port, pid => $pid, log => $log, owner => $$ },
        $class;
}


sub port { return $_[0]{port} }


# From one moment to another: the mean and the most inside, the answers, and
# the same of each slot, [ mean, most, served ].
sub between {
    my ($self, $from, $to) = @_;

    my @slots = map { [ @$_[1 .. 3] ] } grep { $_->[0] >= $from - $SLOT / 2
                && $_->[0] + $SLOT <= $to + $SLOT / 2 }
                map { [ split ] } split /\n/, slurp("$self->{log}");

    my %seen = (mean => 0, most => 0, served => 0, slots => \@slots);

    for (@slots) {
        $seen{mean} += $_->[0] / @slots;
        $seen{most} = $_->[1] if $_->[1] > $seen{most};
        $seen{served} += $_->[2];
    }

    return \%seen;
}


sub DESTROY {
    my ($self) = @_;

    return if $$ != $self->{owner};

    local ($?, $!);
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;

    return;
}


# The process

sub _serve {
    my ($listen, $log, $parent, %option) = @_;

    open my $out, '>', $log or die "cannot write: $!\n";
    $out->autoflush(1);

    my $select = IO::Select->new($listen);
    my $o = { option => \%option, out => $out, inside => 0, busy => 0,
              queue => [], served => 0, most => 0, sum => 0,
              since => time, slot => time };
    my %open;

    while (getppid == $parent) {
        my @ready = $select->can_read(_rest($o, values %open));

        for my $socket (@ready) {
            if ($socket == $listen) {
                my $client = $listen->accept or next;
                $client->blocking(0);
                $select->add($client);
                $open{$client} = { socket => $client, input => '' };

            } elsif (!_read($o, $open{$socket})) {
                $select->remove($socket);
                _leave($o, delete $open{$socket});
                close $socket;
            }
        }

        _step($o, values %open);
    }

    return;
}


# seconds until something is to be done
sub _rest {
    my ($o, @open) = @_;

    my $rest = $o->{slot} + $SLOT - time;

    for (grep { $_->{due} } @open) {
        my $left = $_->{due} - time;
        $rest = $left if $left < $rest;
    }

    return $rest > 0 ? $rest : 0;
}


# false: the connection is over
sub _read {
    my ($o, $c) = @_;

    sysread($c->{socket}, $c->{input}, 65_536, length $c->{input})
        or return 0;

    return 1 unless $c->{input} =~ s/^\S+ (\S+) .*?\r\n\r\n//s;

    ($c->{ms}) = $1 =~ m{/slow/(\d+)};
    $c->{inside} = 1;

    _count($o, 1);
    push @{ $o->{queue} }, $c;

    return 1;
}


# adds up how many were inside until now, and for how long
sub _count {
    my ($o, $more) = @_;

    my $now = time;

    $o->{sum} += $o->{inside} * ($now - $o->{since});
    $o->{since} = $now;
    $o->{inside} += $more;
    $o->{most} = $o->{inside} if $o->{inside} > $o->{most};

    return;
}


# the one who asked is gone, or answered
sub _leave {
    my ($o, $c) = @_;

    return if !delete $c->{inside};

    _count($o, -1);

    if (delete $c->{due}) {
        $o->{busy}--;
    } else {
        @{ $o->{queue} } = grep { $_ != $c } @{ $o->{queue} };
    }

    return;
}


sub _step {
    my ($o, @open) = @_;

    my $now = time;

    for my $c (grep { $_->{due} && $_->{due} <= $now } @open) {
        _leave($o, $c);
        $o->{served}++;
        syswrite $c->{socket},
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    }

    my $servers = $o->{option}{servers};

    while (@{ $o->{queue} } && (!$servers || $o->{busy} < $servers)) {
        my $c = shift @{ $o->{queue} };
        my $crowd = $servers ? ($o->{option}{kappa} // 0) * $o->{inside}
                               / $servers : 0;

        $c->{due} = $now + ($c->{ms} // $o->{option}{ms}) / 1000
                           * (1 + $crowd);
        $o->{busy}++;
    }

    return if $now < $o->{slot} + $SLOT;

    _count($o, 0);
    printf {$o->{out}} "%.3f %.3f %d %d\n", $o->{slot},
        $o->{sum} / ($now - $o->{slot}), $o->{most}, $o->{served};

    @$o{qw(slot sum most served)} = ($now, 0, $o->{inside}, 0);

    return;
}


1;
