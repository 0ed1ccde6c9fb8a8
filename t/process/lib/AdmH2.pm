package AdmH2;

# A client of HTTP/2 over cleartext, with prior knowledge: RFC 9113 as far as
# a test needs it.  Request fields are literals that are never indexed; of an
# answer it reads the status, which nginx writes first, and the body.
#
#     my $c = AdmH2->connect($port);
#     my $stream = $c->request('GET', '/');
#     my $answer = $c->answer($stream);      # { status, body, reset }
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);
use IO::Select ();
use Time::HiRes qw(time);

use AdmHttp ();

our @EXPORT_OK = qw(fetch2 CANCEL);

use constant {
    DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6,
    GOAWAY => 7, WINDOW_UPDATE => 8,
    END_STREAM => 1, ACK => 1, END_HEADERS => 4, PADDED => 8,
    CANCEL => 8,
};

my $PATIENCE = 10;                      # s
my $WINDOW = 65_535;

# of the static table, RFC 7541, appendix A
my %STATUS = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404,
              14 => 500);


sub connect {
    my ($class, $port) = @_;

    my $tcp = AdmHttp->connect($port) or return;
    my $self = bless {
        tcp => $tcp, input => '', next => 1, streams => {}, eof => 0,
        window => $WINDOW, initial => $WINDOW, goaway => 0,
    }, $class;

    $tcp->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    $self->frame(SETTINGS, 0, 0, '');

    return $self;
}


# A whole exchange on a connection of its own.
sub fetch2 {
    my ($port, $path, %option) = @_;

    my $client = AdmH2->connect($port) or return;
    my $stream = $client->request($option{method} // 'GET', $path, %option);

    return $client->answer($stream, $option{patience});
}


# Sending

sub frame {
    my ($self, $type, $flags, $stream, $payload) = @_;

    my $length = length $payload;

    return $self->{tcp}->send(pack('CnCCN', $length >> 16, $length & 0xffff,
        $type, $flags, $stream) . $payload);
}


# Returns the stream.  Options: fields ([name, value], ...), body, and "open"
# if more of the body is to follow.
sub request {
    my ($self, $method, $path, %option) = @_;

    my $stream = $self->{next};
    my $body = $option{body} // '';
    my $open = length $body || $option{open};

    $self->{next} += 2;
    $self->{streams}{$stream} = { body => '', window => $self->{initial} };

    my $block = join '', map { _literal(@$_) } [':method', $method],
        [':scheme', 'http'], [':path', $path], [':authority', 'localhost'],
        @{ $option{fields} // [] };

    $self->frame(HEADERS, END_HEADERS | ($open ? 0 : END_STREAM), $stream,
        $block);
    $self->data($stream, $body, !$option{open}) if length $body;

    return $stream;
}


sub _literal {
    my ($name, $value) = @_;

    return "\x10" . _string($name) . _string($value);
}


sub _string {
    my ($text) = @_;

    my $length = length $text;

    return ($length < 127 ? chr $length
        : $length < 255 ? "\x7f" . chr($length - 127)
        : "\x7f" . chr(($length - 127) % 128 + 128)
          . chr(($length - 127) >> 7)) . $text;
}


# Sends what the windows allow, and waits for more of them; true if all went.
sub data {
    my ($self, $stream, $body, $last) = @_;

    my $state = $self->{streams}{$stream};
    my $end = time + $PATIENCE;

    while (length $body) {
        my $n = _least(length $body, 16_384, $self->{window},
            $state->{window});

        if ($n <= 0) {
            return 0 if $state->{done} || $self->{eof} || time > $end;
            $self->_read(0.1);
            next;
        }

        my $part = substr $body, 0, $n, '';

        $self->{window} -= $n;
        $state->{window} -= $n;
        $self->frame(DATA, $last && !length $body ? END_STREAM : 0, $stream,
            $part) or return 0;
    }

    return 1;
}


sub _least {
    my ($least, @more) = @_;

    for (@more) { $least = $_ if $_ < $least }

    return $least;
}


sub cancel {
    my ($self, $stream, $code) = @_;

    return $self->frame(RST_STREAM, 0, $stream, pack 'N', $code // CANCEL);
}


sub close { $_[0]{tcp}->close; return }
sub half_close { $_[0]{tcp}->half_close; return }
sub reset { $_[0]{tcp}->reset; return }


# Reading

sub answer {
    my ($self, $stream, $patience) = @_;

    my $end = time + ($patience // $PATIENCE);
    my $state = $self->{streams}{$stream};

    until ($state->{done} || $self->{eof} || time > $end) {
        $self->_read($end - time);
    }

    return defined $state->{status} || $state->{reset} ? {
        status   => $state->{status} // 0,
        body     => $state->{body},
        reset    => $state->{reset},
        complete => $state->{done} && !defined $state->{reset},
    } : undef;
}


# True when the server answers a ping.
sub usable {
    my ($self, $patience) = @_;

    my $end = time + ($patience // $PATIENCE);

    $self->{pong} = 0;
    $self->frame(PING, 0, 0, 'admitted');

    until ($self->{pong} || $self->{eof} || time > $end) {
        $self->_read($end - time);
    }

    return $self->{pong};
}


sub closed {
    my ($self, $patience) = @_;

    my $end = time + ($patience // 5);

    $self->_read($end - time) until $self->{eof} || time > $end;

    return $self->{eof};
}


sub _read {
    my ($self, $seconds) = @_;

    my $socket = $self->{tcp}{socket};

    IO::Select->new($socket)->can_read($seconds > 0 ? $seconds : 0) or return;

    my $n = sysread $socket, $self->{input}, 65_536, length $self->{input};

    if (!$n) {
        $self->{eof} = 1;
        return;
    }

    while (length $self->{input} >= 9) {
        my ($high, $low, $type, $flags, $stream)
            = unpack 'CnCCN', $self->{input};
        my $length = $high << 16 | $low;

        last if length $self->{input} < 9 + $length;

        my $payload = substr $self->{input}, 9, $length;
        substr $self->{input}, 0, 9 + $length, '';

        $self->_frame_read($type, $flags, $stream, $payload);
    }

    return;
}


sub _frame_read {
    my ($self, $type, $flags, $stream, $payload) = @_;

    my $state = $self->{streams}{$stream} // {};

    if ($type == HEADERS) {
        $state->{status} //= _status($payload);

    } elsif ($type == DATA) {
        $state->{body} .= $payload;
        $self->_more($stream, length $payload) if length $payload;

    } elsif ($type == RST_STREAM) {
        $state->{reset} = unpack 'N', $payload;
        $state->{done} = 1;

    } elsif ($type == GOAWAY) {
        $self->{goaway} = 1;

    } else {
        $self->_control($type, $flags, $stream, $payload);
    }

    $state->{done} = 1
        if ($type == HEADERS || $type == DATA) && $flags & END_STREAM;

    return;
}


# lets the server send as much again
sub _more {
    my ($self, $stream, $n) = @_;

    $self->frame(WINDOW_UPDATE, 0, $_, pack 'N', $n) for 0, $stream;

    return;
}


sub _control {
    my ($self, $type, $flags, $stream, $payload) = @_;

    if ($type == SETTINGS && !($flags & ACK)) {
        $self->_settings($payload);
        $self->frame(SETTINGS, ACK, 0, '');

    } elsif ($type == PING) {
        $self->{pong} = 1 if $flags & ACK;
        $self->frame(PING, ACK, 0, $payload) unless $flags & ACK;

    } elsif ($type == WINDOW_UPDATE) {
        my $more = unpack 'N', $payload;

        if ($stream) {
            $self->{streams}{$stream}{window} += $more
                if $self->{streams}{$stream};
        } else {
            $self->{window} += $more;
        }
    }

    return;
}


# SETTINGS_INITIAL_WINDOW_SIZE is of interest
sub _settings {
    my ($self, $payload) = @_;

    my %setting = unpack '(nN)*', $payload;
    my $window = $setting{4} // return;

    $_->{window} += $window - $self->{initial} for values %{ $self->{streams} };
    $self->{initial} = $window;

    return;
}


# nginx: perhaps a change of the table's size, then the status
sub _status {
    my ($block) = @_;

    $block =~ s/^[\x20-\x3f]//;

    my $first = ord $block;

    return $STATUS{ $first & 0x7f } // 0 if $first & 0x80;

    return $block =~ /^[\x08\x48]\x03(\d{3})/ ? $1 : 0;
}


1;
