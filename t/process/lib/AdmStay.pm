package AdmStay;

# An upstream that counts whom it has at once, in a process of its own:
#
#     .../stay/MS     answers 200 after so many milliseconds
#
#     my $upstream = AdmStay->start;
#     $upstream->port, $upstream->inside, $upstream->most, $upstream->total
#
# A request is inside from when it was read until it is answered or its
# connection ends; most() is the most at once since it was asked last.  Who
# has left before another one came is never counted with it: of what the
# kernel has, ends are taken before requests.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes qw(time);

use AdmHttp qw(fetch);
use AdmNginx qw(free_port wait_for);


sub start {
    my ($class) = @_;

    my $port = free_port();
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 1024, ReuseAddr => 1)
        or die "cannot listen: $!\n";
    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        local $@;
        eval { _serve($listen, getppid); 1 } or print STDERR "stay: $@";
        POSIX::_exit(0);
    }

    return bless { port => $port, pid => $pid, owner => $$ }, $class;
}


sub port { return $_[0]{port} }
sub inside { return $_[0]->_told(0) }
sub most { return $_[0]->_told(1) }
sub total { return $_[0]->_told(2) }


sub _told {
    my ($self, $i) = @_;

    return (split ' ', fetch($self->{port}, "/told/$i")->{body})[$i];
}


# True as soon as so many are inside.
sub wait_inside {
    my ($self, $n, $seconds) = @_;

    return wait_for(sub { $self->inside == $n }, $seconds);
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
    my ($listen, $parent) = @_;

    my %open;                 # socket => { socket, input, due }
    my $hall = { inside => 0, most => 0, total => 0 };
    my $select = IO::Select->new($listen);

    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    $SIG{PIPE} = 'IGNORE';

    while (getppid == $parent) {
        my @ready = grep { $_ != $listen }
                    my @all = $select->can_read(_rest(values %open));

        for my $socket (grep { !_read($open{$_}) } @ready) {
            $hall->{inside}-- if (delete $open{$socket})->{due};
            $select->remove($socket);
            close $socket;
        }

        _ask($open{$_}, $hall) for grep { $open{$_} } @ready;

        if (@all > @ready && (my $new = $listen->accept)) {
            $select->add($new);
            $open{$new} = { socket => $new, input => '' };
        }

        _due($_, $hall) for values %open;
    }

    return;
}


# seconds until something is to be answered
sub _rest {
    my (@open) = @_;

    my $rest = 0.5;

    for (grep { $_->{due} } @open) {
        my $left = $_->{due} - time;
        $rest = $left if $left < $rest;
    }

    return $rest > 0 ? $rest : 0;
}


# false: the connection is over
sub _read {
    my ($c) = @_;

    return sysread $c->{socket}, $c->{input}, 65_536, length $c->{input};
}


sub _ask {
    my ($c, $hall) = @_;

    $c->{input} =~ s{^\S+ (\S+) .*?\r\n\r\n}{}s or return;

    my $path = $1;

    if ($path =~ m{/told/([012])}) {
        _answer($c, "@{$hall}{qw(inside most total)}");
        $hall->{most} = $hall->{inside} if $1 == 1;
        return;
    }

    my ($ms) = $path =~ m{/stay/(\d+)};

    $c->{due} = time + ($ms // 0) / 1000;

    $hall->{total}++;
    $hall->{inside}++;
    $hall->{most} = $hall->{inside} if $hall->{inside} > $hall->{most};

    return;
}


# who is answered is inside no more: the answer tells so
sub _due {
    my ($c, $hall) = @_;

    return if !$c->{due} || $c->{due} > time;

    delete $c->{due};
    $hall->{inside}--;

    return _answer($c, 'ok');
}


sub _answer {
    my ($c, $body) = @_;

    return syswrite $c->{socket}, "HTTP/1.1 200 OK\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body";
}


1;
