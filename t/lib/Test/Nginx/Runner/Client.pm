package Test::Nginx::Runner::Client;

# A client that sends one request, packet by packet, over its own connection
# and reads until the server closes.
#
# Contract: talk() returns the bytes received and, if it ended otherwise than
# by the server's closing, why: "timed out" after so long without an event,
# or that there was no connection.  It prints and asserts nothing.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Errno ();
use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(sleep);

use Test::Nginx::Runner::Process qw(wait_until);

our @EXPORT_OK = qw(talk);


# addr, port, timeout, packets; shutdown: how to shut down behind the last
# packet; middle_delay: seconds before each packet that has no delay_before
sub talk {
    my (%talk) = @_;

    local $SIG{PIPE} = 'IGNORE';

    my $socket = _connect(\%talk)
        // return ('', "cannot connect to $talk{addr}:$talk{port}: $!");

    my $state = {
        %talk,
        socket => $socket,
        queue  => [@{ $talk{packets} }],
        out    => '',
        in     => '',
    };

    $state->{out} = shift(@{ $state->{queue} })->{value};

    return _exchange($state);
}


sub _connect {
    my ($talk) = @_;

    my $socket;

    wait_until(sub {
        $socket = IO::Socket::INET->new(
            PeerAddr => $talk->{addr},
            PeerPort => $talk->{port},
            Proto    => 'tcp',
            Timeout  => $talk->{timeout},
        );
    }, $talk->{timeout}) or return undef;

    $socket->blocking(0);

    return $socket;
}


sub _exchange {
    my ($state) = @_;

    my $readers = IO::Select->new($state->{socket});
    my $writers = IO::Select->new($state->{socket});

    while (1) {
        my @ready = IO::Select->select($readers, $writers, undef,
                                       $state->{timeout});

        if (!@ready) {
            next if $!{EINTR};
            return ($state->{in}, 'timed out');
        }

        my ($readable, $writable) = @ready;

        last if @$readable && !_read($state);

        if (@$writable && !_write($state)) {
            $writers = undef;
        }
    }

    return ($state->{in}, undef);
}


# false at the end of what the server sends
sub _read {
    my ($state) = @_;

    while (1) {
        my $got = sysread $state->{socket}, $state->{in}, 65_536,
                  length $state->{in};

        next if $got;
        return 0 if defined $got;
        return 1 if $!{EAGAIN} || $!{EWOULDBLOCK};
        next if $!{EINTR};

        warn "WARNING: the response cannot be read: $!\n";
        return 0;
    }
}


# false when there is no more to write, or no way to
sub _write {
    my ($state) = @_;

    while (1) {
        if (!length $state->{out}) {
            return _all_written($state) if !@{ $state->{queue} };

            _next_packet($state);
            next;
        }

        my $sent = syswrite $state->{socket}, $state->{out};

        if (defined $sent) {
            substr($state->{out}, 0, $sent) = '';
            next;
        }

        return 1 if $!{EAGAIN} || $!{EWOULDBLOCK};
        next if $!{EINTR};

        return 0;
    }
}


sub _next_packet {
    my ($state) = @_;

    my $packet = shift @{ $state->{queue} };
    my $delay = $packet->{delay_before} // $state->{middle_delay};

    sleep $delay if $delay;
    $state->{out} = $packet->{value};

    return;
}


sub _all_written {
    my ($state) = @_;

    my $how = $state->{shutdown};

    shutdown $state->{socket}, $how =~ /^\d+$/ ? $how : 1 if defined $how;

    return 0;
}


1;
