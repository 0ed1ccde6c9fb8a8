package Test::Nginx::Runner::TcpStub;

# The little TCP server of the sections tcp_listen, tcp_reply, tcp_query and
# their kin: it takes one connection, reads, answers, and is gone.
#
# Contract: start() listens before it returns and serves in a child of its
# own; stop() ends that child.  What the child has read is kept in a file, so
# that it can be compared while the child still runs.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep);

use Test::Nginx::Runner::Process qw(is_running stop_process wait_until);
use Test::Nginx::Runner::Util
    qw(section seconds expand read_file write_file bail_out);

# how long a port may stay taken by the stub before, in seconds
my $PORT_PATIENCE = 5;

# how long what was sent may take to arrive
my $QUERY_PATIENCE = 0.5;


# undef if the block has no tcp_listen
sub start {
    my ($class, $case, $settings) = @_;

    my $block = $case->{block};
    my $target = section($block, 'tcp_listen') // return undef;

    bail_out("$case->{name} - tcp_listen without tcp_reply")
        if !defined section($block, 'tcp_reply')
           && !defined section($block, 'tcp_shutdown');

    my $self = bless {
        case   => $case,
        query  => section($block, 'tcp_query'),
        length => section($block, 'tcp_query_len'),
        file   => File::Temp->new,
        target => expand($target, $case->{name}, $case->{ports}, $settings),
    }, $class;

    $self->{target} =~ s/\s+\z//;
    $self->_listen;
    $self->_serve_in_child;

    return $self;
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid};

    stop_process($pid, 'TERM', 1) if defined $pid && is_running($pid);
    close $self->{listener};
    unlink $self->{target} if $self->{target} =~ /\.sock\z/;

    return;
}


# what the block says should have come, and its length, if it says so
sub expected_query  { return $_[0]{query} }
sub expected_length { return $_[0]{length} }


# What has come, waited for as long as it is shorter than expected.
sub query {
    my ($self) = @_;

    my $due = $self->{length} // length($self->{query} // '');
    my $path = $self->{file}->filename;

    wait_until(sub { -s $path >= $due }, $QUERY_PATIENCE) if $due;

    return read_file($path) // '';
}


sub _listen {
    my ($self) = @_;

    my $target = $self->{target};

    $target =~ /^\d+\z|\S\.sock\z/
        or bail_out("$self->{case}{name} - bad tcp_listen: $target");

    wait_until(sub { $self->{listener} = _listener($target) }, $PORT_PATIENCE)
        or bail_out("$self->{case}{name} - cannot listen on $target: $!");

    return;
}


sub _listener {
    my ($target) = @_;

    return IO::Socket::INET->new(LocalHost => '127.0.0.1',
        LocalPort => $target, Proto => 'tcp', ReuseAddr => 1, Listen => 5)
        if $target =~ /^\d+\z/;

    unlink $target;

    return IO::Socket::UNIX->new(Local => $target, Listen => 5);
}


sub _serve_in_child {
    my ($self) = @_;

    my $pid = fork() // bail_out("cannot fork: $!");

    if ($pid == 0) {
        local $SIG{TERM} = 'DEFAULT';
        local $SIG{PIPE} = 'IGNORE';

        # no destructors, no END: those are the parent's
        eval { $self->_serve; 1 } or print {*STDERR} "tcp_listen: $@";
        POSIX::_exit(0);
    }

    $self->{pid} = $pid;

    return;
}


sub _serve {
    my ($self) = @_;

    my $block = $self->{case}{block};
    my $client = $self->{listener}->accept or die "accept: $!\n";
    my $how = section($block, 'tcp_shutdown');

    if (defined $how) {
        sleep(section($block, 'tcp_shutdown_delay') // 0);
        $client->shutdown($how);
    }

    my $read = defined $how && $how != 1 ? '' : $self->_read($client);

    sleep(seconds(section($block, 'tcp_reply_delay')) // 0);
    $self->_reply($client, $read) if !defined $how || $how == 0;

    sleep 1 while defined section($block, 'tcp_no_close');

    $client->close;

    return;
}


# until as much as expected has come, or anything if nothing is expected
sub _read {
    my ($self, $client) = @_;

    my $due = $self->{length} // length($self->{query} // '');
    my $read = '';

    while (sysread $client, $read, 65_536, length $read) {
        write_file($self->{file}->filename, $read);
        last if length $read >= $due;
    }

    return $read;
}


sub _reply {
    my ($self, $client, $read) = @_;

    my $reply = section($self->{case}{block}, 'tcp_reply') // return;

    $reply = $reply->($read) if ref $reply eq 'CODE';

    for my $piece (ref $reply eq 'ARRAY' ? @$reply : $reply) {
        $client->send($piece) // warn "WARNING: tcp_reply not sent: $!\n";
    }

    return;
}


1;
