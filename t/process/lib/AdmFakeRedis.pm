package AdmFakeRedis;

# A Redis that answers as the test tells it to, in a process of its own: what
# a real one does once in a thousand years, or never.
#
#     my $fake = AdmFakeRedis->start;
#     $fake->does('EVALSHA rate' => { say => "-OOM no\r\n" });
#     $fake->does;                        # all is well again
#     $fake->heard('EVALSHA rate'), $fake->hang_up
#
# It knows our greeting and our scripts.  While all is well it grants every
# rate that it is asked for, and takes nothing.  A deed is done to a command
# whenever it comes, by its name, "CLIENT", or "EVALSHA" and the script's:
#
#     say      bytes, in place of the good answer; or [[BYTES, TIMES], ...]
#     cut      so many bytes of it are sent ...
#     then     ... and then: "close", "reset", or, if it was cut, "silent": the
#              connection takes commands and says nothing any more
#     pace     seconds between two bytes
#
# The deeds of "connect" are done to a connection as soon as it is taken.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Digest::SHA qw(sha1_hex);
use File::Basename qw(basename dirname);
use Time::HiRes qw(time);

use AdmRedis ();
use AdmServant ();

our @ISA = qw(AdmServant);

my $SCRIPTS = dirname(__FILE__) . '/../../../src/store/lua';

# of a rate, as rate.lua returns it: nothing was there, and nothing was taken
my @GRANT = (0, 0, 0, 0);


# In the test

sub does {
    my ($self, %deeds) = @_;

    return $self->tell({ deeds => \%deeds });
}


# Ends all connections.
sub hang_up { return $_[0]->tell({ hang_up => 1 }) }


# How often a command came, by its name as in does(); "connect" and "open"
# count connections, ever and now.
sub heard {
    my ($self, $name) = @_;

    return $self->ask('heard')->{$name} // 0;
}


# What it says to one rate while all is well.
sub good_rate { return array(map { ":$_\r\n" } @GRANT) }


sub array { return '*' . @_ . "\r\n" . join '', @_ }
sub bulk { return '$' . length($_[0]) . "\r\n$_[0]\r\n" }


# In the process

sub begin {
    my ($self) = @_;

    @$self{qw(deeds heard links)} = ({}, {}, {});
    $self->{scripts} = { map { sha1_hex(AdmRedis::script($_)) => $_ }
                         map { basename($_, '.lua') } glob "$SCRIPTS/*.lua" };

    return;
}


sub told {
    my ($self, $what) = @_;

    $self->{deeds} = $what->{deeds} if $what->{deeds};

    if ($what->{hang_up}) {
        $self->_end($_) for values %{ $self->{links} };
    }

    return 1;
}


sub asked {
    my ($self) = @_;

    return { %{ $self->{heard} }, open => scalar keys %{ $self->{links} } };
}


sub accepted {
    my ($self, $socket) = @_;

    my $link = { socket => $socket, input => '', says => [] };

    $self->{heard}{connect}++;
    $self->{links}{$socket} = $link;
    $self->add($socket, sub { $self->_came($link) });
    $self->_answer($link, $self->{deeds}{connect}{say} // '',
        $self->{deeds}{connect});

    return;
}


sub _end {
    my ($self, $link, $reset) = @_;

    delete $self->{links}{ $link->{socket} };
    $self->end($link->{socket}, $reset);

    return;
}


sub _came {
    my ($self, $link) = @_;

    my $bytes = $self->read_some($link->{socket});

    return $self->_end($link) if !defined $bytes;

    $link->{input} .= $bytes;

    while (!$self->ended($link->{socket})) {
        my @words = _command($link) or last;

        $self->_do($link, @words);
    }

    return;
}


# The words of the next command, if it is there.
sub _command {
    my ($link) = @_;

    $link->{input} =~ /\G\*(\d+)\r\n/gc or return;

    my ($n, $at, @words) = ($1, $+[0]);

    for (1 .. $n) {
        pos($link->{input}) = $at;
        $link->{input} =~ /\G\$(\d+)\r\n/gc or return;

        my $begin = $+[0];

        $at = $begin + $1 + 2;
        return if length $link->{input} < $at;
        push @words, substr $link->{input}, $begin, $1;
    }

    substr $link->{input}, 0, $at, '';
    pos($link->{input}) = 0;

    return @words;
}


sub _do {
    my ($self, $link, $word, @more) = @_;

    my $name = $word;

    $name .= ' ' . ($self->{scripts}{ $more[0] } // 'unknown')
        if $word eq 'EVALSHA';
    $name .= ' ' . ($self->{scripts}{ sha1_hex($more[0]) } // 'unknown')
        if $word eq 'EVAL';

    $self->{heard}{$name}++;

    return if $link->{silent};

    my $deed = $self->{deeds}{$name} // {};

    $self->_answer($link, $deed->{say} // _good($name, @more), $deed);

    return;
}


sub _good {
    my ($name, @more) = @_;

    return array(bulk('master'), ":0\r\n", array()) if $name eq 'ROLE';
    return bulk(sha1_hex($more[1])) if $name eq 'SCRIPT';
    return ":1\r\n" if $name =~ / probe$/;
    return array((map { ":$_\r\n" } @GRANT) x $more[1]) if $name =~ / rate$/;
    return "-ERR the fake has no such script\r\n" if $name =~ /^EVAL/;

    return "+OK\r\n";
}


sub _answer {
    my ($self, $link, $bytes, $deed) = @_;

    $deed //= {};
    $bytes = join '', map { $_->[0] x $_->[1] } @$bytes if ref $bytes;
    $bytes = substr $bytes, 0, $deed->{cut} if defined $deed->{cut};

    if ($deed->{pace} || @{ $link->{says} }) {
        push @{ $link->{says} }, [$_, $deed->{pace} // 0]
            for split //, $bytes;
    } else {
        $self->write($link->{socket}, $bytes);
    }

    my $then = $deed->{then} // (defined $deed->{cut} ? 'silent' : return);

    $link->{silent} = 1 if $then eq 'silent';
    $self->_end($link, $then eq 'reset') if $then =~ /^(?:close|reset)$/;

    return;
}


# Bytes that wait for their moment.
sub due {
    my ($self) = @_;

    my ($now, $next) = (time);

    for my $link (values %{ $self->{links} }) {
        my $says = $link->{says};

        while (@$says && ($link->{moment} // 0) <= $now) {
            my ($byte, $pace) = @{ shift @$says };

            $self->write($link->{socket}, $byte);
            $link->{moment} = $now + $pace;
        }

        next unless @$says;

        my $left = $link->{moment} - $now;
        $next = $left if !defined $next || $left < $next;
    }

    return $next;
}


1;
