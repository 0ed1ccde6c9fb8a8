package Bench::Client;

# A connection to 127.0.0.1 that stays open: asks, and reads whole answers.
#
#   $client = Bench::Client->new($port);           dies if nobody listens
#   ($status, $body, $head) = $client->get('/x', %fields);
#   @statuses = $client->statuses(\%fields, @uris);   all sent at once
#
# It reads what our nginx sends to it, with Content-Length or chunked, and
# dies at anything else.

use strict;
use warnings;

use IO::Socket::INET ();


my $TIMEOUT = 30;


sub new {
    my ($class, $port) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port)
        or die "bench: nobody listens on port $port: $@\n";

    return bless { socket => $socket, buffer => '' }, $class;
}


sub get {
    my ($self, $uri, %fields) = @_;

    $self->ask(request($uri, \%fields));

    return $self->answer;
}


sub statuses {
    my ($self, $fields, @uris) = @_;

    $self->ask(join '', map { request($_, $fields) } @uris);

    return map { ($self->answer)[0] } @uris;
}


sub request {
    my ($uri, $fields) = @_;

    return join '', "GET $uri HTTP/1.1\r\nHost: shop\r\n",
           (map { "$_: $fields->{$_}\r\n" } sort keys %$fields), "\r\n";
}


sub ask {
    my ($self, $text) = @_;

    while (length $text) {
        my $sent = syswrite $self->{socket}, $text;
        die "bench: cannot send: $!\n" if !$sent;
        substr $text, 0, $sent, '';
    }
}


sub answer {
    my ($self) = @_;

    my $head = $self->through("\r\n\r\n");

    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)}
        or die "bench: this is no answer: $head\n";

    if ($head =~ /^Content-Length: (\d+)/mi) {
        return $status, $self->bytes($1), $head;
    }

    die "bench: an answer without length: $head\n"
        if $head !~ /^Transfer-Encoding: chunked/mi;

    return $status, $self->chunks, $head;
}


sub chunks {
    my ($self) = @_;

    my $body = '';

    for (;;) {
        my $size = hex $self->through("\r\n");
        my $chunk = $self->bytes($size + 2);

        return $body if $size == 0;

        $body .= substr $chunk, 0, $size;
    }
}


# All up to the mark and the mark itself, taken from what was received.

sub through {
    my ($self, $mark) = @_;

    my $at;

    $self->receive while ($at = index $self->{buffer}, $mark) < 0;

    return substr $self->{buffer}, 0, $at + length $mark, '';
}


sub bytes {
    my ($self, $n) = @_;

    $self->receive while length $self->{buffer} < $n;

    return substr $self->{buffer}, 0, $n, '';
}


sub receive {
    my ($self) = @_;

    vec(my $ready = '', fileno $self->{socket}, 1) = 1;

    select($ready, undef, undef, $TIMEOUT)
        or die "bench: no answer within $TIMEOUT s\n";

    sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer}
        or die "bench: the server closed the connection\n";
}


1;
