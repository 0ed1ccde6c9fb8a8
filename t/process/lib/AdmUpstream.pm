package AdmUpstream;

# An upstream that does as the path says, in a process of its own:
#
#     .../answer/STATUS       answers with that status and its request's body
#     .../slow/MS             answers 200 after so many milliseconds
#     .../close               reads the request and hangs up
#     .../hang                reads the request and never answers
#     .../accel/PATH          answers 201 and X-Accel-Redirect: /PATH
#     .../user/NAME           answers 200 with X-User: NAME, 401 for "nobody"
#     .../large               answers with more fields than anybody wants
#
# start('close') makes one that hangs up whatever it is asked.
#
# What it was asked is in seen(), "METHOD PATH LENGTH" each.  An answer has
# as many bytes of body as the request had, or "ok".
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


sub start {
    my ($class, $always) = @_;

    my $port = free_port();
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 1024, ReuseAddr => 1)
        or die "cannot listen: $!\n";
    my $log = File::Temp->new;
    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        local $@;
        eval { _serve($listen, "$log", getppid, $always // '') };
        POSIX::_exit(0);
    }

    return bless { port => $port, pid => $pid, log => $log, owner => $$ },
        $class;
}


sub port { return $_[0]{port} }
sub seen { return split /\n/, slurp("$_[0]{log}") }


# The requests whose path has this in it.
sub seen_like {
    my ($self, $part) = @_;

    return grep { index($_, $part) >= 0 } $self->seen;
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
    my ($listen, $log, $parent, $always) = @_;

    my %open;                 # socket => { socket, input, due }
    my $select = IO::Select->new($listen);

    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    $SIG{PIPE} = 'IGNORE';

    open my $out, '>>', $log or die;
    $out->autoflush;

    while (getppid == $parent) {
        for my $socket ($select->can_read(_rest(values %open))) {

            if ($socket == $listen) {
                my $new = $listen->accept or next;
                $select->add($new);
                $open{$new} = { socket => $new, input => '',
                                always => $always };

            } elsif (!_read($open{$socket}, $out)) {
                $select->remove($socket);
                delete $open{$socket};
                close $socket;
            }
        }

        _due($_) for values %open;
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
    my ($c, $out) = @_;

    sysread($c->{socket}, $c->{input}, 65_536, length $c->{input})
        or return 0;

    while ($c->{input} =~ /\r\n\r\n/) {
        my ($method, $path) = $c->{input} =~ m{^(\S+) (\S+) } or return 0;
        my $head = index($c->{input}, "\r\n\r\n") + 4;
        my ($length) = substr($c->{input}, 0, $head)
                       =~ /^Content-Length: (\d+)/mi;

        $length //= 0;
        last if length $c->{input} < $head + $length;

        my $body = substr $c->{input}, $head, $length;
        substr $c->{input}, 0, $head + $length, '';

        print {$out} "$method $path $length\n";
        _act($c, $path, $body) or return 0;
    }

    return 1;
}


sub _act {
    my ($c, $path, $body) = @_;

    return 0 if $path =~ m{/close} || $c->{always} eq 'close';
    return 1 if $path =~ m{/hang};
    return _answer($c, 200, 'X-Much: ' . 'x' x 20_000 . "\r\n", '')
        if $path =~ m{/large};

    my ($word, $value) = $path =~ m{/(answer|slow|accel|user)/([^?]*)}
        or return _answer($c, 404, '', $body);

    if ($word eq 'slow') {
        $c->{due} = time + $value / 1000;
        return 1;
    }

    return $word eq 'answer' ? _answer($c, substr($value, 0, 3), '', $body)
        : $word eq 'accel'
          ? _answer($c, 201, "X-Accel-Redirect: /$value\r\n", $body)
        : _answer($c, $value eq 'nobody' ? 401 : 200, "X-User: $value\r\n",
                  $body);
}


sub _due {
    my ($c) = @_;

    return if !$c->{due} || $c->{due} > time;

    delete $c->{due};

    return _answer($c, 200, '', '');
}


sub _answer {
    my ($c, $status, $fields, $body) = @_;

    $body = 'ok' if $body eq '';

    my $text = "HTTP/1.1 $status Said\r\n${fields}Content-Length: "
        . length($body) . "\r\n\r\n$body";

    return syswrite $c->{socket}, $text;
}


1;
