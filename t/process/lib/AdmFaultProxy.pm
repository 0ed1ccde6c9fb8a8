package AdmFaultProxy;

# The network between nginx and a real Redis, on its bad days, in a process
# of its own.
#
#     my $proxy = AdmFaultProxy->start(to => $redis->socket);
#     $proxy->does(delay => 0.2);
#     $proxy->does;                       # all is well again
#
#     delay    seconds that each byte is on its way, both ways
#     hold     "up" (to Redis), "down" or "both": nothing arrives there, until
#              it does again
#     pace     seconds between two bytes, both ways
#     cut      so many bytes of "way" ("up", "down": which is the default) go
#              through a connection, counted from now on, then it is ended ...
#     reset    ... by a reset
#     flap     refuses connections and ends those that are there, and lets
#              them through, for so many seconds each in turn
#     refuse   as flap, for good
#     spoil    of each such number of bulk strings that come down one has a
#              byte changed, by the numbers that "seed" begins
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use IO::Socket::UNIX ();
use Time::HiRes qw(time);

use AdmServant ();

our @ISA = qw(AdmServant);


# In the test

sub does {
    my ($self, %deed) = @_;

    return $self->tell(\%deed);
}


# Ends all connections.
sub hang_up { return $_[0]->tell({ %{ $_[0]->ask('deed') }, hang_up => 1 }) }


# How many connections it has taken, and has now; bytes that went down.
sub count { return $_[0]->ask('count') }


# In the process

sub begin {
    my ($self) = @_;

    $self->{pairs} = {};
    $self->{deed} = {};
    $self->{count} = { taken => 0, bytes => 0, spoilt => 0 };

    return;
}


sub told {
    my ($self, $deed) = @_;

    my $hang_up = delete $deed->{hang_up} || $deed->{refuse} || $deed->{flap};

    $self->{deed} = $deed;
    srand $deed->{seed} if defined $deed->{seed};

    $self->listens(!$deed->{refuse});
    $self->{toggles} = $deed->{flap} ? time : undef;

    if ($hang_up) {
        $self->_end($_) for values %{ $self->{pairs} };
    }

    for my $pair (values %{ $self->{pairs} }) {
        $_->{passed} = 0 for values %{ $pair->{way} };
    }

    return 1;
}


sub asked {
    my ($self, $name) = @_;

    return $self->{deed} if $name eq 'deed';

    return { %{ $self->{count} }, open => scalar keys %{ $self->{pairs} } };
}


sub accepted {
    my ($self, $socket) = @_;

    $self->{count}{taken}++;

    my $redis = IO::Socket::UNIX->new(Peer => $self->{to});

    # as if nobody listened
    return $self->_reset($socket) unless $redis;

    my $pair = {
        ends => [$socket, $redis],
        way => { up => { from => $socket, to => $redis },
                 down => { from => $redis, to => $socket } },
    };

    $self->{pairs}{$socket} = $pair;

    for my $name (qw(up down)) {
        my $way = $pair->{way}{$name};

        @$way{qw(queue passed next)} = ([], 0, 0);
        $self->add($way->{from}, sub { $self->_came($pair, $name) });
    }

    return;
}


sub _reset {
    my ($self, $socket) = @_;

    $self->add($socket, sub { });

    return $self->end($socket, 1);
}


sub _end {
    my ($self, $pair, $reset) = @_;

    delete $self->{pairs}{ $pair->{ends}[0] };
    $self->end($_, $reset) for @{ $pair->{ends} };

    return;
}


sub _came {
    my ($self, $pair, $name) = @_;

    my $way = $pair->{way}{$name};
    my $bytes = $self->read_some($way->{from});

    if (!defined $bytes) {
        # what is under way arrives before the end does
        return $self->_end($pair) if !@{ $way->{queue} };

        $way->{over} = 1;
        $self->rest($way->{from}, 1);
        return;
    }

    $bytes = $self->_spoilt($bytes)
        if $name eq 'down' && $self->{deed}{spoil};

    push @{ $way->{queue} }, [time, $bytes] if length $bytes;

    return;
}


# Lengths stay as they are, so that what is behind can be read.
sub _spoilt {
    my ($self, $bytes) = @_;

    my $out = '';

    while ($bytes =~ /\G(.*?\$(\d+)\r\n)/gcs) {
        my ($head, $length) = ($1, $2);
        my $text = substr $bytes, pos $bytes, $length;

        if (length $text && rand($self->{deed}{spoil}) < 1) {
            substr($text, rand length $text, 1) = chr rand 256;
            $self->{count}{spoilt}++;
        }

        $out .= $head . $text;
        pos($bytes) = length $out;
    }

    return $out . substr $bytes, length $out;
}


# Lets through what is due: the seconds until something will be.
sub due {
    my ($self) = @_;

    my $next = $self->_flap;

    for my $pair (values %{ $self->{pairs} }) {
        for my $name (qw(up down)) {
            my $left = $self->_pass($pair, $name);

            $next = $left if defined $left && (!defined $next
                                               || $left < $next);
            last if $self->ended($pair->{ends}[0]);
        }
    }

    return $next;
}


sub _flap {
    my ($self) = @_;

    my $flap = $self->{deed}{flap} // return;
    my $now = time;

    if ($now >= $self->{toggles}) {
        $self->{toggles} += $flap while $self->{toggles} <= $now;
        $self->listens(!$self->{listen});
        if (!$self->{listen}) {
            $self->_end($_) for values %{ $self->{pairs} };
        }
    }

    return $self->{toggles} - $now;
}


sub _pass {
    my ($self, $pair, $name) = @_;

    my $way = $pair->{way}{$name};
    my $deed = $self->{deed};
    my $held = $deed->{hold} // '';

    return if $held eq $name || $held eq 'both';

    while (@{ $way->{queue} }) {
        my ($came, $bytes) = @{ $way->{queue}[0] };
        my $due = $came + ($deed->{delay} // 0);

        $due = $way->{next} if $deed->{pace} && $way->{next} > $due;

        my $left = $due - time;
        return $left if $left > 0;

        $self->_send($pair, $name, $deed->{pace} ? 1 : length $bytes);
        return if $self->ended($pair->{ends}[0]);

        $way->{next} = time + ($deed->{pace} // 0);
    }

    $self->_end($pair) if $way->{over};

    return;
}


sub _send {
    my ($self, $pair, $name, $n) = @_;

    my $way = $pair->{way}{$name};
    my $deed = $self->{deed};
    my $left = defined $deed->{cut} && $name eq ($deed->{way} // 'down')
               ? $deed->{cut} - $way->{passed} : $n;

    $n = $left if $left < $n;

    my $bytes = substr $way->{queue}[0][1], 0, $n, '';

    shift @{ $way->{queue} } if $way->{queue}[0][1] eq '';

    $way->{passed} += length $bytes;
    $self->{count}{bytes} += length $bytes if $name eq 'down';
    $self->write($way->{to}, $bytes) if length $bytes;

    $self->_end($pair, $deed->{reset})
        if $left <= $n && defined $deed->{cut}
           && $name eq ($deed->{way} // 'down')
           && $way->{passed} >= $deed->{cut};

    return;
}


1;
