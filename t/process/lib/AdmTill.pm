package AdmTill;

# An upstream that takes orders and has bad days, in a process of its own.
# What becomes of a request is drawn at random, and takes its time:
#
#     sold        the order is executed; 201 and its number
#     declined    402
#     elsewhere   303
#     broken      500
#     hangs       nothing is executed, and nobody answers
#     silent      the order is executed, and nobody answers
#     resets      nothing is executed; a reset
#     gone        the order is executed; then a reset
#
# What was executed is noted before anything is answered, and whether anybody
# still waits or not: executed() tells of each the key, the order's number and
# its hold; decided(), which holds are through, as a back end's books would.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use IO::Socket::INET ();
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

use AdmNginx qw(free_port slurp);

my %STATUS = (sold => '201 Created', declined => '402 Payment Required',
              elsewhere => '303 See Other', broken => '500 Broken');
my %EXECUTED = map { $_ => 1 } qw(sold silent gone);
my %SILENT = map { $_ => 1 } qw(hangs silent);


# Options: seed, fates ({ name => share }), longest (s that one takes).
sub start {
    my ($class, %option) = @_;

    my $port = free_port();
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 1024, ReuseAddr => 1, Blocking => 0)
        or die "cannot listen: $!\n";
    my $log = File::Temp->new;
    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = 'IGNORE';
        srand $option{seed};

        my $self = bless { %option, listen => $listen, clients => {},
                           orders => 0 }, $class;

        open $self->{log}, '>>', "$log" or POSIX::_exit(1);
        eval { $self->_serve(getppid); 1 } or print STDERR "till: $@";
        POSIX::_exit(0);
    }

    return bless { port => $port, pid => $pid, log => $log, owner => $$ },
        $class;
}


sub port { return $_[0]{port} }


# [ key, number, hold ] each
sub executed {
    my ($self) = @_;

    return map { [ split / / ] } grep { !/^-/ }
           split /\n/, slurp("$self->{log}");
}


# { hold => 1 if its order was executed }
sub decided {
    my ($self) = @_;

    my %decided = slurp("$self->{log}") =~ /^- \w+ (\w+) (\d)/mg;

    return \%decided;
}


# { fate => how often }
sub fates {
    my ($self) = @_;

    my %fates;

    $fates{$_}++ for slurp("$self->{log}") =~ /^- (\w+)/mg;

    return \%fates;
}


sub DESTROY {
    my ($self) = @_;

    return if !$self->{owner} || $$ != $self->{owner};

    local ($?, $!);
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;

    return;
}


# The process

sub _serve {
    my ($self, $parent) = @_;

    while (getppid == $parent) {
        my $bits = '';

        vec($bits, $_, 1) = 1
            for fileno $self->{listen},
                map { $_->{fd} } grep { !$_->{deaf} }
                                 values %{ $self->{clients} };

        select $bits, undef, undef, $self->_due;

        $self->_accept if vec $bits, fileno $self->{listen}, 1;

        for my $client (values %{ $self->{clients} }) {
            $self->_read($client)
                if !$client->{deaf} && vec $bits, $client->{fd}, 1;
        }
    }

    return;
}


sub _accept {
    my ($self) = @_;

    while (my $socket = $self->{listen}->accept) {
        $socket->blocking(0);

        my $fd = fileno $socket;

        $self->{clients}{$fd} = { fd => $fd, socket => $socket, input => '' };
    }

    return;
}


sub _read {
    my ($self, $client) = @_;

    my $n = sysread $client->{socket}, $client->{input}, 65_536,
            length $client->{input};

    return if !defined $n && $!{EAGAIN};

    # who leaves does not undo what is being done
    if (!$n) {
        $client->{deaf} = 1;
        $self->_close($client) if !$client->{due};
        return;
    }

    my ($head, $body) = $client->{input} =~ /^(.*?\r\n)\r\n(.*)/s or return;
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;

    return if $client->{due} || length $body < ($length // 0);

    ($client->{key}) = $head =~ /^Idempotency-Key: (\S+)/mi;
    ($client->{hold}) = $head =~ /^X-Hold: (\S+)/mi;
    $client->{fate} = $self->_draw;
    $client->{due} = time + rand($self->{longest}) ** 2 / $self->{longest};
    $self->{due}{ $client->{fd} } = $client;

    return;
}


sub _draw {
    my ($self) = @_;

    my $fates = $self->{fates};
    my $at = rand;

    for my $fate (sort keys %$fates) {
        $at -= $fates->{$fate};
        return $fate if $at < 0;
    }

    return 'declined';
}


# What is due is done; seconds until the next is.
sub _due {
    my ($self) = @_;

    my $now = time;
    my $next = $now + 0.2;

    for my $client (values %{ $self->{due} // {} }) {
        if ($client->{due} <= $now) {
            delete $self->{due}{ $client->{fd} };
            $self->_decide($client);
        } elsif ($client->{due} < $next) {
            $next = $client->{due};
        }
    }

    return $next - $now;
}


sub _decide {
    my ($self, $client) = @_;

    my $fate = $client->{fate};
    my $number = $EXECUTED{$fate} ? ++$self->{orders} : 0;

    $self->_note(join ' ', $client->{key}, $number, $client->{hold})
        if $number;
    $self->_note("- $fate $client->{hold} " . ($number ? 1 : 0));

    # until the other side gives up
    if ($SILENT{$fate} && !$client->{deaf}) {
        delete $client->{due};
        return;
    }

    $self->_answer($client, $number) if $STATUS{$fate} && !$client->{deaf};

    setsockopt $client->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
        if !$STATUS{$fate};

    return $self->_close($client);
}


sub _answer {
    my ($self, $client, $number) = @_;

    my $body = $number ? "order $number key $client->{key}\n"
                       : "$client->{fate}\n";

    syswrite $client->{socket}, "HTTP/1.1 $STATUS{ $client->{fate} }\r\n"
        . ($client->{fate} eq 'elsewhere' ? "Location: /paid\r\n" : '')
        . 'Content-Length: ' . length($body)
        . "\r\nConnection: close\r\n\r\n$body";

    return;
}


sub _note {
    my ($self, $line) = @_;

    syswrite $self->{log}, "$line\n";

    return;
}


sub _close {
    my ($self, $client) = @_;

    close $client->{socket};
    delete $self->{clients}{ $client->{fd} };

    return;
}


1;
