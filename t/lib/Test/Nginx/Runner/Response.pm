package Test::Nginx::Runner::Response;

# One HTTP/1 response (or what "curl -i" prints) out of received bytes.
#
# Contract: parse() never dies.  It fills code, headers, raw_headers, content
# (chunks joined, cut at Content-Length) and left, the bytes beyond; a body
# that breaks the chunked framing leaves no code and says why in problem.
# Interim (1xx) responses are not skipped: they are the response.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;


sub parse {
    my ($class, $bytes) = @_;

    my $self = bless { raw_headers => '', headers => {} }, $class;

    $self->{raw_headers} = $1 if $bytes =~ /\A(.*?\r\n)\r\n/s;

    my $rest = $self->_take_status_line($bytes);
    $rest = $self->_take_headers($rest);

    $self->{content} = $rest;
    $self->_frame if ($self->{code} // '') !~ /^(?:304|101)$/;

    return $self;
}


# a response of HTTP/0.9 is nothing but its body
sub parse_http09 {
    my ($class, $bytes) = @_;

    return bless { code => 200, raw_headers => '', headers => {},
                   content => $bytes }, $class;
}


sub code        { return $_[0]{code} }
sub content     { return $_[0]{content} }
sub raw_headers { return $_[0]{raw_headers} }
sub left        { return $_[0]{left} }
sub problem     { return $_[0]{problem} }


# All values of a header, joined by commas; undef if there is none.
sub header {
    my ($self, $name) = @_;

    my $values = $self->{headers}{_key($name)} // return undef;

    return join ', ', @$values;
}


# true if the body is shorter than announced
sub truncated {
    my ($self) = @_;

    my $length = $self->_length // return 0;

    return !defined $self->header('Transfer-Encoding')
           && length $self->{content} < $length;
}


sub _key {
    my ($name) = @_;

    return lc($name) =~ tr/_/-/r;
}


sub _take_status_line {
    my ($self, $bytes) = @_;

    my ($line, $rest) = $bytes =~ /\A([^\n]*)\n?(.*)\z/s;

    $self->{code} = $1 if $line =~ /^\S+ +(\d+)(?:\s|$)/;

    return $rest;
}


sub _take_headers {
    my ($self, $text) = @_;

    my $last;

    while ($text =~ s/\A([^\n]*)\n//) {
        my $line = $1 =~ s/\r\z//r;

        last if $line eq '';

        if ($line =~ /^([^\s:]+)[ \t]*: ?(.*)/) {
            $last = $self->{headers}{_key($1)} //= [];
            push @$last, $2;

        } elsif ($last && $line =~ /^[ \t]/) {
            $last->[-1] .= "\n$line";
        }
    }

    return $text;
}


sub _length {
    my ($self) = @_;

    my $length = $self->header('Content-Length');

    return defined $length && $length =~ /^\d+$/ ? $length : undef;
}


sub _frame {
    my ($self) = @_;

    if (($self->header('Transfer-Encoding') // '') eq 'chunked') {
        return $self->_join_chunks;
    }

    my $length = $self->_length // return;

    if (length $self->{content} > $length) {
        $self->{left} = substr $self->{content}, $length;
        $self->{content} = substr $self->{content}, 0, $length;
    }

    return;
}


sub _join_chunks {
    my ($self) = @_;

    my $raw = $self->{content};
    my $body = '';

    while ($raw =~ /\G[ \t]*([0-9A-Fa-f]+)[ \t]*\r\n/gc) {
        my $size = hex $1;
        my $start = pos $raw;

        return $self->_finish_chunks($body, substr $raw, $start)
            if $size == 0;

        return $self->_broken('a chunk is cut short')
            if length($raw) < $start + $size + 2;
        return $self->_broken('a chunk does not end with CRLF')
            if substr($raw, $start + $size, 2) ne "\r\n";

        $body .= substr $raw, $start, $size;
        pos $raw = $start + $size + 2;
    }

    return $self->_broken('there is no last chunk');
}


# behind the last chunk: trailers, the empty line, then what is not ours
sub _finish_chunks {
    my ($self, $body, $rest) = @_;

    1 while defined $self->header('Trailer') && $rest =~ s/\A[^\r\n]+\r\n//;

    $rest =~ s/\A\r\n// or return $self->_broken('the end lacks its CRLF');

    $self->{content} = $body;
    $self->{left} = $rest if length $rest;

    return;
}


sub _broken {
    my ($self, $why) = @_;

    @$self{qw(code content problem)} = (undef, undef, $why);

    return;
}


1;
