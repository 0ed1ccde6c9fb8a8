package AdmServant;

# A process of the test's own that serves sockets, is told what to do next,
# and can be asked: what AdmFakeRedis and AdmFaultProxy have in common.
#
#     $servant->tell({ deed => 'close' });     # done when it returns
#     $servant->ask('heard');
#
# A class of it has, in the process: begin(), told(\%what), asked($name), and
# due(), which does what is due and returns the seconds until it wants to be
# called again, or undef.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use IO::Select ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use JSON::PP ();
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC SOL_SOCKET SO_LINGER IPPROTO_TCP
              TCP_NODELAY);

# s, for the process to answer the test
my $PATIENCE = 10;

# what is not taken from us at once is kept, as far as this
my $MOST = 256 * 1024 * 1024;

my $json = JSON::PP->new->ascii->canonical->allow_nonref;


sub start {
    my ($class, %option) = @_;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Listen => 128, ReuseAddr => 1) or die "cannot listen: $!\n";

    socketpair my $here, my $there, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "cannot make a pair of sockets: $!\n";

    my $self = bless {
        %option, listen => $listen, port => $listen->sockport, owner => $$,
    }, $class;

    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        CORE::close($here);
        $self->_live($there);
        POSIX::_exit(0);
    }

    CORE::close($there);
    CORE::close(delete $self->{listen});
    @$self{qw(pid control)} = ($pid, $here);

    return $self;
}


sub port { return $_[0]{port} }
sub uri { return "redis://127.0.0.1:$_[0]{port}" }


# In the test

sub tell {
    my ($self, $what) = @_;

    $self->_exchange({ tell => $what });

    return;
}


sub ask {
    my ($self, $name) = @_;

    return $self->_exchange({ ask => $name });
}


sub _exchange {
    my ($self, $message) = @_;

    my ($control, $text) = ($self->{control}, $json->encode($message) . "\n");

    syswrite $control, $text or die "the servant is gone\n";

    my $reply = '';

    until ($reply =~ /\n\z/) {
        IO::Select->new($control)->can_read($PATIENCE)
            or die "the servant does not answer\n";
        sysread $control, $reply, 65_536, length $reply
            or die "the servant is gone\n";
    }

    return $json->decode($reply);
}


sub finish {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    CORE::close($self->{control});
    kill 'KILL', $pid;
    waitpid $pid, 0;

    return;
}


sub DESTROY {
    my ($self) = @_;

    return if $$ != $self->{owner};

    local ($?, $!);
    $self->finish;

    return;
}


# In the process: ends with the test

sub _live {
    my ($self, $control) = @_;

    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    $SIG{PIPE} = 'IGNORE';

    $self->{of} = {};               # by number: { socket, read, out }
    $self->{orders} = '';
    $self->add($control, sub { $self->_ordered($control) });
    $self->_accept_from($self->{listen});
    $self->begin;

    local $@;
    eval { $self->_turn while !$self->{over}; 1 }
        or print STDERR "servant: $@";

    return;
}


sub _turn {
    my ($self) = @_;

    my $pause = $self->due;

    my @all = map { $_->{socket} } values %{ $self->{of} };
    my @full = map { $_->{socket} } grep { length $_->{out} }
               values %{ $self->{of} };
    my @resting = grep { $self->{of}{ fileno $_ }{rests} } @all;
    my %rests = map { $_ => 1 } @resting;

    my ($read, $write) = IO::Select->select(
        IO::Select->new(grep { !$rests{$_} } @all),
        IO::Select->new(@full), undef, $pause);

    for my $socket (@{ $write // [] }) {
        my $of = $self->_of($socket) or next;
        $self->_write($of);
    }

    for my $socket (@{ $read // [] }) {
        my $of = $self->_of($socket) or next;
        $of->{read}->();
    }

    return;
}


sub _of {
    my ($self, $socket) = @_;

    my $number = fileno $socket // return;

    return $self->{of}{$number};
}


# Watches a socket: "read" is called whenever something, or the end, came.
sub add {
    my ($self, $socket, $read) = @_;

    binmode $socket;
    $socket->blocking(0);
    $self->{of}{ fileno $socket }
        = { socket => $socket, read => $read, out => '' };

    return $socket;
}


# Nothing is read from it, until it is again.
sub rest {
    my ($self, $socket, $rests) = @_;

    my $of = $self->_of($socket) or return;
    $of->{rests} = $rests;

    return;
}


sub write {
    my ($self, $socket, $bytes) = @_;

    my $of = $self->_of($socket) or return;

    die "nobody reads\n" if length($of->{out}) + length $bytes > $MOST;

    $of->{out} .= $bytes;
    $self->_write($of);

    return;
}


sub _write {
    my ($self, $of) = @_;

    while (length $of->{out}) {
        my $n = syswrite $of->{socket}, $of->{out}, 1_048_576;

        if (!defined $n) {
            $of->{out} = '' unless $!{EAGAIN};
            last;
        }

        substr $of->{out}, 0, $n, '';
    }

    return;
}


# Ends a connection: with all that was written, or by a reset.
sub end {
    my ($self, $socket, $reset) = @_;

    my $of = $self->_of($socket) or return;

    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $reset;
    delete $self->{of}{ fileno $socket };
    CORE::close($socket);

    return;
}


sub ended { return !defined fileno $_[1] }


# Bytes that came; nothing if it has ended, which is done here.
sub read_some {
    my ($self, $socket) = @_;

    my $n = sysread $socket, my $bytes, 262_144;

    return $bytes if $n;
    return '' if !defined $n && $!{EAGAIN};

    return;
}


# Takes connections, or refuses them.
sub listens {
    my ($self, $listens) = @_;

    if (!$listens && $self->{listen}) {
        $self->end(delete $self->{listen});

    } elsif ($listens && !$self->{listen}) {
        my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => $self->{port}, Listen => 128, ReuseAddr => 1)
            or die "cannot listen again: $!\n";
        $self->_accept_from($socket);
    }

    return;
}


sub _accept_from {
    my ($self, $listen) = @_;

    $self->{listen} = $listen;
    $self->add($listen, sub {
        my $socket = $listen->accept or return;

        setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
        $self->accepted($socket);
    });

    return;
}


sub _ordered {
    my ($self, $control) = @_;

    my $bytes = $self->read_some($control);

    if (!defined $bytes) {
        $self->{over} = 1;
        return;
    }

    $self->{orders} .= $bytes;

    while ($self->{orders} =~ s/^(.*)\n//) {
        my $order = $json->decode($1);
        my $reply = exists $order->{tell} ? $self->told($order->{tell})
                                          : $self->asked($order->{ask});

        $self->write($control, $json->encode($reply) . "\n");
    }

    return;
}


1;
