package AdmHttp;

# A client of HTTP/1.1 over a raw socket: what it sends is what the test
# writes, byte by byte, and it leaves as the test says.
#
#     my $c = AdmHttp->connect($port);
#     $c->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
#     my $answer = $c->answer;     # { status, field => {}, body, complete }
#
# Of a field that stands there several times the last one is in "field", and
# all of them, as they came, are in "lines".
#
# answer() returns nothing if none came in time, or the server hung up
# before it; with "complete" false if it hung up in the middle.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);
use IO::Select ();
use IO::Socket::INET ();
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(fetch request_text);

my $PATIENCE = 10;      # s


sub connect {
    my ($class, $port) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port, Proto => 'tcp') or return;

    $socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    binmode $socket;

    return bless { socket => $socket, input => '', eof => 0 }, $class;
}


# One request as text: method, path, fields and body.
sub request_text {
    my ($method, $path, %option) = @_;

    my $fields = $option{fields} // '';
    my $body = $option{body} // '';

    $fields .= 'Content-Length: ' . length($body) . "\r\n"
        if length $body && $fields !~ /^(?:Content-Length|Transfer)/mi;

    return "$method $path HTTP/1.1\r\nHost: localhost\r\n$fields\r\n$body";
}


# A whole exchange on a connection of its own.
sub fetch {
    my ($port, $path, %option) = @_;

    my $client = AdmHttp->connect($port) or return;
    my $method = $option{method} // 'GET';

    $option{fields} = ($option{fields} // '') . "Connection: close\r\n";
    $client->send(request_text($method, $path, %option));

    return $client->answer($option{patience}, $method eq 'HEAD');
}


sub send {
    my ($self, $text) = @_;

    local $SIG{PIPE} = 'IGNORE';

    while (length $text) {
        my $n = syswrite $self->{socket}, $text;
        return 0 unless defined $n;
        substr $text, 0, $n, '';
    }

    return 1;
}


# Leaving: an orderly end, of both ways or of ours, or a reset

sub close { CORE::close($_[0]{socket}); return }
sub half_close { shutdown $_[0]{socket}, 1; return }


sub reset {
    my ($self) = @_;

    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    CORE::close($self->{socket});

    return;
}


# Reading

sub answer {
    my ($self, $patience, $bodyless) = @_;

    my $end = time + ($patience // $PATIENCE);

    $self->_until($end, sub { $self->{input} =~ /\r\n\r\n/ }) or return;
    $self->{input} =~ s/^(.*?\r\n)\r\n//s;

    my $answer = _head($1) or return;

    $answer->{complete} = $bodyless || $answer->{status} =~ /^(?:1|204|304)/
                          || $self->_body($answer, $end);

    return $answer;
}


sub _head {
    my ($text) = @_;

    my ($line, @fields) = split /\r\n/, $text;
    my ($status) = $line =~ m{^HTTP/1\.\d (\d{3})} or return;
    my %field = map { /^([^:]+):\s*(.*)/ ? (lc $1 => $2) : () } @fields;

    return { status => $status, field => \%field, lines => \@fields,
             body => '' };
}


sub _body {
    my ($self, $answer, $end) = @_;

    my $field = $answer->{field};

    return $self->_chunks($answer, $end)
        if ($field->{'transfer-encoding'} // '') eq 'chunked';

    my $length = $field->{'content-length'};

    if (!defined $length) {
        $self->_until($end, sub { $self->{eof} });
        $answer->{body} = $self->{input};
        $self->{input} = '';
        return $self->{eof};
    }

    my $whole = $self->_until($end, sub { length $self->{input} >= $length });
    $answer->{body} = substr $self->{input}, 0, $length, '';

    return $whole;
}


sub _chunks {
    my ($self, $answer, $end) = @_;

    for (;;) {
        $self->_until($end, sub { $self->{input} =~ /\r\n/ }) or return 0;
        $self->{input} =~ s/^([0-9a-f]+)[^\r]*\r\n//i or return 0;

        my $size = hex $1;

        $self->_until($end, sub { length $self->{input} >= $size + 2 })
            or return 0;
        $answer->{body} .= substr $self->{input}, 0, $size, '';
        substr $self->{input}, 0, 2, '';

        return 1 if $size == 0;
    }
}


# True when nothing comes for so many seconds, and the connection is open.
sub silent {
    my ($self, $seconds) = @_;

    $self->_until(time + $seconds,
        sub { length $self->{input} || $self->{eof} });

    return $self->{input} eq '' && !$self->{eof};
}


# True when the server has closed the connection and sent no more.
sub closed {
    my ($self, $seconds) = @_;

    $self->_until(time + ($seconds // 5), sub { $self->{eof} });

    return $self->{eof} && $self->{input} eq '';
}


sub _until {
    my ($self, $end, $true) = @_;

    until ($true->()) {
        return $true->() if $self->{eof};

        my $left = $end - time;
        return 0 if $left <= 0;

        $self->_read($left);
    }

    return 1;
}


sub _read {
    my ($self, $seconds) = @_;

    my $socket = $self->{socket};

    IO::Select->new($socket)->can_read($seconds) or return;

    my $n = sysread $socket, $self->{input}, 65_536, length $self->{input};

    $self->{eof} = 1 unless $n;

    return;
}


1;
