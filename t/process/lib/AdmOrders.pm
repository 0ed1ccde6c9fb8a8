package AdmOrders;

# An upstream that takes orders, in processes of its own.  Each order that it
# executes has a number, which its answer tells, so that no two answers are
# alike.  How it answers is said by the path, /HOW or /HOW/VALUE:
#
#     plain/STATUS      a body of its length; 204 has none
#     chunked           HTTP/1.1 in chunks
#     until-close       HTTP/1.0, the body ends with the connection
#     large/BYTES       so much body
#     slow/MS           after so many milliseconds
#     until/WORD        when release(WORD) was called
#     halves/MS         the head and half of the body, the rest so much later
#     cut               hangs up in the middle of the body
#     cut-chunked       ... where the next chunk would be
#     early             the head before it has read the body, which is an order
#                       named /begun/early
#     silent            executes, and never answers
#     stream            text/event-stream
#     fields            fields that are not for a second client
#     accel             X-Accel-Redirect: /inner
#     tells/WORD/KEY    Admission-Settle: WORD, Admission-Idempotency: KEY;
#                       "-" for none; status 200
#     tells/WORD/KEY/STATUS
#
# executed(PART) counts the orders whose path has PART in it.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Fcntl qw(:flock);
use File::Temp ();
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes qw(sleep);

use AdmNginx qw(free_port slurp);

# where a file of its name tells that a word is released
my $released;


sub start {
    my ($class) = @_;

    my $port = free_port();
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Listen => 1024, ReuseAddr => 1)
        or die "cannot listen: $!\n";
    my $log = File::Temp->new;
    my $words = File::Temp->newdir;
    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        local $@;
        setpgrp;
        $released = "$words";
        eval { _accept($listen, "$log", getppid) };
        POSIX::_exit(0);
    }

    # here, too, since nobody knows who comes first: a group that is not there
    # yet would not be killed, and be waited for
    setpgrp $pid, $pid;

    # here as well: we may have to end the group before it has begun
    setpgrp $pid, $pid;

    return bless { port => $port, pid => $pid, log => $log, words => $words,
                   owner => $$ }, $class;
}


sub port { return $_[0]{port} }


sub executed {
    my ($self, $part) = @_;

    return scalar grep { index($_, $part) >= 0 }
        split /\n/, slurp("$self->{log}");
}


# Orders that wait for this word are answered.
sub release {
    my ($self, $word) = @_;

    open my $out, '>', "$self->{words}/$word"
        or die "cannot release $word: $!\n";
    close $out;

    return;
}


sub DESTROY {
    my ($self) = @_;

    return if $$ != $self->{owner};

    local ($?, $!);
    kill 'KILL', -$self->{pid};
    waitpid $self->{pid}, 0;

    return;
}


# The processes: one for each connection

sub _accept {
    my ($listen, $log, $parent) = @_;

    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';

    while (getppid == $parent) {
        my $ready = '';
        vec($ready, fileno $listen, 1) = 1;
        select($ready, undef, undef, 0.5) > 0 or next;

        my $socket = $listen->accept or next;
        my $pid = fork // die;

        if ($pid == 0) {
            close $listen;
            _serve($socket, $log);
            POSIX::_exit(0);
        }

        close $socket;
    }

    return;
}


sub _serve {
    my ($socket, $log) = @_;

    my $input = '';

    until ($input =~ /\r\n\r\n/) {
        sysread($socket, $input, 65_536, length $input) or return;
    }

    my ($path) = $input =~ m{^\S+ (\S+) } or return;
    my ($length) = $input =~ /^Content-Length: (\d+)/mi;
    my $whole = index($input, "\r\n\r\n") + 4 + ($length // 0);

    my ($how, @value) = $path =~ m{([^/?]+)}g;
    my $act = __PACKAGE__->can('_how_' . $how =~ tr/-/_/r)
        or return syswrite $socket, "HTTP/1.0 404 No\r\n\r\n";

    _begin($socket, $log, $path) if $how eq 'early';

    while (length $input < $whole) {
        sysread($socket, $input, 65_536, length $input) or return;
    }

    $act->($socket, _order($log, $path, @value), @value);

    return;
}


# The head, and a byte.  Then "begun" and the path are in the log.
sub _begin {
    my ($socket, $log, $path) = @_;

    syswrite $socket, _head(200, undef, 'Transfer-Encoding: chunked')
        . "1\r\n:\r\n";
    _order($log, "/begun$path");

    return;
}


# The order is executed: what it is answered.
sub _order {
    my ($log, $path) = @_;

    open my $out, '+>>', $log or die;
    flock $out, LOCK_EX;
    seek $out, 0, 0;

    my $number = 1 + (() = <$out>);

    syswrite $out, "$path\n";
    close $out;

    return "order $number\0\r\n" . join('', map { chr } 0 .. 255) . "\n";
}


sub _head {
    my ($status, $body, @fields) = @_;

    my %name = (200 => 'OK', 201 => 'Created');

    return join "\r\n", "HTTP/1.1 $status " . ($name{$status} // 'Said'),
        @fields, 'Connection: close',
        defined $body ? 'Content-Length: ' . length $body : (), '', '';
}


sub _how_plain {
    my ($socket, $body, $status) = @_;

    $status //= 201;

    return syswrite $socket, $status == 204 ? _head(204, undef, 'X-Order: 1')
        : _head($status, $body, 'Content-Type: text/plain; charset=utf-8')
          . $body;
}


sub _how_chunked {
    my ($socket, $body) = @_;

    my $text = _head(200, undef, 'Transfer-Encoding: chunked');

    syswrite $socket, $text . "5\r\n" . substr($body, 0, 5) . "\r\n";
    sleep 0.05;

    return syswrite $socket, sprintf("%x\r\n%s\r\n0\r\n\r\n",
        length($body) - 5, substr $body, 5);
}


sub _how_until_close {
    my ($socket, $body) = @_;

    return syswrite $socket, "HTTP/1.0 200 OK\r\nX-Order: 1\r\n\r\n$body";
}


sub _how_large {
    my ($socket, $body, $bytes) = @_;

    $body .= 'x' x ($bytes - length $body);

    return _write($socket, _head(200, $body) . $body);
}


sub _write {
    my ($socket, $text) = @_;

    while (length $text) {
        my $n = syswrite $socket, $text or return;
        substr $text, 0, $n, '';
    }

    return;
}


sub _how_slow {
    my ($socket, $body, $ms) = @_;

    sleep $ms / 1000;

    return syswrite $socket, _head(200, $body) . $body;
}


sub _how_until {
    my ($socket, $body, $word) = @_;

    my $parent = getppid;

    sleep 0.01 until -e "$released/$word" || getppid != $parent;

    return syswrite $socket, _head(200, $body) . $body;
}


sub _how_halves {
    my ($socket, $body, $ms) = @_;

    $body = $body . 'x' x 40_000;

    syswrite $socket, _head(200, $body) . substr $body, 0, 20_000;
    sleep $ms / 1000;

    return _write($socket, substr $body, 20_000);
}


sub _how_cut {
    my ($socket, $body) = @_;

    return syswrite $socket, _head(200, "$body$body") . $body;
}


sub _how_cut_chunked {
    my ($socket, $body) = @_;

    return syswrite $socket, _head(200, undef, 'Transfer-Encoding: chunked')
        . sprintf("%x\r\n%s\r\n", length $body, $body);
}


sub _how_early {
    my ($socket, $body) = @_;

    return syswrite $socket, sprintf "%x\r\n%s\r\n0\r\n\r\n",
        length $body, $body;
}


sub _how_silent {
    my ($socket) = @_;

    sysread $socket, my $more, 1;

    return;
}


sub _how_stream {
    my ($socket, $body) = @_;

    return syswrite $socket, _head(200, $body,
        'Content-Type: text/event-stream') . $body;
}


sub _how_fields {
    my ($socket, $body) = @_;

    my $text = _head(201, $body, 'Content-Type: application/json',
        'Location: /orders/7', 'ETag: "seven"', 'X-Order: one',
        'X-Order: two', 'X-Hop: this connection', 'Connection: X-Hop',
        'Keep-Alive: timeout=5', 'Set-Cookie: session=secret', 'Age: 3',
        'Date: Thu, 01 Jan 1970 00:00:00 GMT', 'Server: shop',
        'Cache-Control: private', 'Proxy-Authenticate: Basic');

    return syswrite $socket, $text . $body;
}


sub _how_accel {
    my ($socket, $body) = @_;

    return syswrite $socket, _head(201, $body, 'X-Accel-Redirect: /inner')
        . $body;
}


sub _how_tells {
    my ($socket, $body, $settle, $key, $status) = @_;

    my @fields = ((map { "Admission-Settle: $_" }
                   grep { $_ ne '-' } split /,/, $settle),
                  (map { "Admission-Idempotency: $_" }
                   grep { $_ ne '-' } split /,/, $key),
                  'Admission-Session: end');

    return syswrite $socket, _head($status // 200, $body, @fields) . $body;
}


1;
