package Test::Nginx::Runner::Request;

# From the sections of a block to the bytes of its requests.
#
# Contract: requests_of() returns a list of requests, each a list of packets
# { value => bytes, delay_before => seconds }, to be sent in this order.  A
# request text is "METHOD [URL [VERSION]]" and then the body; Host,
# Connection, the lines of more_headers and Content-Length are put between.
# A request that is given in pieces is sent in pieces, cut at the same places.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);

use Test::Nginx::Runner::Util qw(section expand bail_out);

our @EXPORT_OK = qw(requests_of);


sub requests_of {
    my ($case, $settings) = @_;

    my $block = $case->{block};
    my $raw = section($block, 'raw_request');

    if (defined $raw) {
        return [map { +{ value => $_ } } ref $raw eq 'ARRAY' ? @$raw : $raw];
    }

    my $pipelined = section($block, 'pipelined_requests');

    return _pipeline($case, $settings, $pipelined) if $pipelined;

    return _plain_requests($case, $settings);
}


# All in one piece, kept alive up to the last.
sub _pipeline {
    my ($case, $settings, $texts) = @_;

    bail_out("$case->{name} - pipelined_requests must be an array")
        if ref $texts ne 'ARRAY';

    my $bytes = '';

    for my $i (0 .. $#$texts) {
        my $text = expand($texts->[$i], $case->{name}, $case->{ports},
                          $settings);
        my $connection = $i == $#$texts ? 'close' : 'keep-alive';

        $bytes .= join '', _build($case, $settings, $i, $connection, $text);
    }

    return [{ value => $bytes }];
}


sub _plain_requests {
    my ($case, $settings) = @_;

    my $request = section($case->{block}, 'request')
        // bail_out("$case->{name} - the block has no request");

    return _packets($case, $settings, 0, _without_comments($request))
        if !ref $request;

    bail_out("$case->{name} - request must be a text or an array")
        if ref $request ne 'ARRAY';

    return map { _packets($case, $settings, $_, $request->[$_]) }
           0 .. $#$request;
}


sub _without_comments {
    my ($text) = @_;

    1 while $text =~ s/\A(?:\s*#[^\n]+\s+|\s+)//;

    return $text;
}


sub _packets {
    my ($case, $settings, $index, $request) = @_;

    my @packets = map { ref $_ ? { %$_ } : { value => $_ } }
                  ref $request eq 'ARRAY' ? @$request : $request;

    my @bytes = _build($case, $settings, $index, 'close',
                       map { $_->{value} } @packets);

    $packets[$_]{value} = $bytes[$_] for 0 .. $#packets;

    return \@packets;
}


# The request that the pieces make up, completed and cut again.
sub _build {
    my ($case, $settings, $index, $connection, @pieces) = @_;

    my ($more, $chunked) = _more_headers($case, $index);
    my $parts = _parse(join('', @pieces), $case->{name});

    $parts->{headers}[1] = _headers($settings, $more, $chunked, $connection,
                                    $parts->{body});

    my @parts = @$parts{qw(before method gap1 url gap2 version rest headers
                           body)};

    return _cut_like(\@pieces, \@parts);
}


# Each part as [length in the given text, text to send].
sub _parse {
    my ($text, $name) = @_;

    my ($line, $body) = $text =~ /\A([^\n]*\n?)(.*)\z/s;

    $line =~ /^(\s*)(\S+)( *)(?:(\S+)( *))?(?:(\S+)( *))?(\s*)$/
        or bail_out("$name - this is no request line: $line");

    my ($before, $method, $gap1, $url, $gap2, $version, $gap3, $end)
        = map { $_ // '' } ($1, $2, $3, $4, $5, $6, $7, $8);

    return {
        before  => [length $before, ''],
        method  => [length $method, "$method "],
        gap1    => [length $gap1, ''],
        url     => [length $url, (length $url ? $url : '/') . ' '],
        gap2    => [length $gap2, ''],
        version => [length $version,
                    (length $version ? $version : 'HTTP/1.1') . "\r\n"],
        rest    => [length "$gap3$end", ''],
        headers => [0, ''],
        body    => [length $body, $body],
    };
}


sub _more_headers {
    my ($case, $index) = @_;

    my $more = section($case->{block}, 'more_headers') // '';

    if (ref $more eq 'ARRAY') {
        $more = $more->[$index] // bail_out("$case->{name} - more_headers"
            . " has nothing for request $index");
    }

    my ($lines, $chunked) = ('', 0);

    for my $header (grep { length && !/^\s*#/ } split /\n+/, $more) {
        my ($key, $value) = split /:\s*/, $header, 2;
        $value //= '';

        $chunked = 1 if lc $key eq 'transfer-encoding'
                        && $value eq 'chunked';
        $lines .= "$key: $value\r\n";
    }

    return ($lines, $chunked);
}


# A body whose length is ours to tell is sent without the white space around.
sub _headers {
    my ($settings, $more, $chunked, $connection, $body) = @_;

    my $length = '';

    if (!$chunked && length $body->[1] && $more !~ /^Content-Length:/m) {
        $body->[1] =~ s/^\s+|\s+$//g;
        $length = 'Content-Length: ' . length($body->[1]) . "\r\n";
    }

    my $host = $more =~ /^Host:/mi
        ? '' : 'Host: ' . $settings->value('server_name') . "\r\n";
    my $keep = $more =~ /^Connection/mi ? '' : "Connection: $connection\r\n";

    return "$host$keep$more$length\r\n";
}


# Cuts the text to send where the given pieces were cut.
sub _cut_like {
    my ($pieces, $parts) = @_;

    my $whole = join '', map { $_->[1] } @$parts;
    my ($given, $sent, @cut) = (0, 0);

    for my $i (0 .. $#$pieces) {
        $given += length $pieces->[$i];

        my $end = $i == $#$pieces ? length $whole
                                  : _place($parts, $given);

        push @cut, substr $whole, $sent, $end - $sent;
        $sent = $end;
    }

    return @cut;
}


# Where an offset into the given text lies in the text to send: what is
# inserted goes with the part before it.
sub _place {
    my ($parts, $offset) = @_;

    my $place = 0;

    for my $part (@$parts) {
        my ($given_length, $text) = @$part;

        if ($offset < $given_length) {
            return $place + ($offset < length $text ? $offset : length $text);
        }

        $offset -= $given_length;
        $place += length $text;
    }

    return $place;
}


1;
