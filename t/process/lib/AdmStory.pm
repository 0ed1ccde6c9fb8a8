package AdmStory;

# Requests of a block of Test::Nginx, one after the other, each on a connection
# of its own, and what is expected of each answer:
#
#     use AdmStory ();
#     AdmStory::tells();          # before run_tests()
#
#     --- story eval
#     [{ put => "shoe", available => 5 },
#      { post => "/t?u=1", key => "k1", body => "a=1",
#        is => 201, made => 1, word => "new" },
#      { post => "/t?u=1", key => "k1", body => "a=1", is => 201, same => 1 }]
#
# A step asks by "post" or another method, with "key" (or "keys", several
# fields), "fields", "body"; "put" sets a stock, "stock" looks at one.
# Of the answer: "is" its status; "reason", "sku", "retry" what it says;
# "word", "hold", "trips" the variables that X-Idem, X-Hold and X-Trips have;
# "made" that the upstream made it for this request, "same" that it is byte by
# byte the answer of that step, from 0; "has", "none" patterns for all of it.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use IO::Socket::INET ();
use JSON::PP ();
use Test::More ();
use Test::Nginx::Socket ();

my $PATIENCE = 10;      # seconds for an answer

my @METHODS = qw(get post put_on patch delete options);


sub tells {
    Test::Nginx::Socket::add_response_body_check(sub {
        my ($block) = @_;

        run($block->name, $block->story) if defined $block->story;
    });

    return;
}


sub run {
    my ($name, $story) = @_;

    my @told;

    for my $step (@$story) {
        my $said = sprintf '%s, step %d', $name, scalar @told;

        push @told, defined $step->{put} ? put($step, $said)
                  : defined $step->{stock} ? stock($step, $said)
                  : ask($step, $said, \@told);
    }

    return;
}


sub put {
    my ($step, $said) = @_;

    my $answer = send_one("PUT /control/inventory/$step->{put}",
                          ['Content-Type: application/json'],
                          qq({"available":$step->{available}}));

    Test::More::is($answer->{status}, 200, "$said: the stock is set");

    return $answer;
}


# what is told of a SKU, all in one
sub stock {
    my ($step, $said) = @_;

    my $answer = send_one("GET /control/inventory/$step->{stock}", [], '');
    my $facts = $answer->{json} // {};

    for my $what (qw(available held unresolved committed expired)) {
        next if !defined $step->{$what};

        Test::More::is($facts->{$what}, $step->{$what},
                       "$said: $what of $step->{stock}");
    }

    return $answer;
}


sub ask {
    my ($step, $said, $told) = @_;

    my ($method) = grep { defined $step->{$_} } @METHODS;
    my @keys = $step->{keys} ? @{$step->{keys}}
             : defined $step->{key} ? $step->{key} : ();
    my $answer = send_one(uc($method =~ s/_on//r) . " $step->{$method}",
                          [(map { "Idempotency-Key: $_" } @keys),
                           @{$step->{fields} // []}], $step->{body} // '');

    check($step, $answer, "$said ($method $step->{$method})", $told);

    return $answer;
}


sub check {
    my ($step, $answer, $said, $told) = @_;

    my %got = (is => $answer->{status},
               word => $answer->{field}{'x-idem'} // '',
               trips => $answer->{field}{'x-trips'},
               reason => $answer->{json}{reason}, sku => $answer->{json}{sku},
               retry => $answer->{field}{'retry-after'});

    for my $what (sort keys %got) {
        next if !exists $step->{$what};

        ref $step->{$what}
            ? Test::More::like($got{$what} // '', $step->{$what},
                               "$said: $what")
            : Test::More::is($got{$what}, $step->{$what}, "$said: $what");
    }

    if (defined $step->{hold}) {
        my $hold = $answer->{field}{'x-hold'} // '';

        Test::More::like($hold, $step->{hold} ? qr/^[0-9a-f]{32}$/ : qr/^$/,
                         "$said: hold");
    }

    check_body($step, $answer, $said, $told);

    Test::More::like($answer->{text}, $step->{has}, "$said: has")
        if defined $step->{has};
    Test::More::unlike($answer->{text}, $step->{none}, "$said: has not")
        if defined $step->{none};

    return;
}


sub check_body {
    my ($step, $answer, $said, $told) = @_;

    if ($step->{made}) {
        Test::More::like($answer->{body}, qr/^made [0-9a-f]{32}/,
                         "$said: the upstream answered");
        Test::More::ok(!(grep { $_->{body} eq $answer->{body} } @$told),
                       "$said: ... and this request");
        Test::More::is($answer->{field}{'idempotent-replayed'}, undef,
                       "$said: ... itself");
    }

    if (defined $step->{same}) {
        my $first = $told->[$step->{same}];

        Test::More::is($answer->{body}, $first->{body},
                       "$said: the body of step $step->{same}");
        Test::More::is($answer->{field}{'x-up'}, $first->{field}{'x-up'},
                       "$said: ... its field");
        Test::More::is($answer->{field}{'content-type'},
                       $first->{field}{'content-type'},
                       "$said: ... its type");
        Test::More::is($answer->{field}{'idempotent-replayed'}, 'true',
                       "$said: ... said to be a replay");
    }

    return;
}


# an answer: {text, status, field, body, json}; all empty if none came
sub send_one {
    my ($line, $fields, $body) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => Test::Nginx::Socket::server_port(),
        Timeout => $PATIENCE) or return parse('');

    print {$socket} join "\r\n", "$line HTTP/1.1", 'Host: localhost',
        'Connection: close', @$fields, 'Content-Length: ' . length $body, '',
        $body;

    my $text = '';

    while (select_in($socket) && sysread $socket, $text, 65536, length $text) {
    }

    return parse($text);
}


sub select_in {
    my ($socket) = @_;

    my $bits = '';
    vec($bits, fileno $socket, 1) = 1;

    return select $bits, undef, undef, $PATIENCE;
}


sub parse {
    my ($text) = @_;

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($status, @lines) = split /\r\n/, $head // '';
    my %field = map { /^([^:]+): ?(.*)/ ? (lc $1 => $2) : () } @lines;

    $body //= '';
    $body = unchunk($body) if ($field{'transfer-encoding'} // '') eq 'chunked';

    my $json = ($field{'content-type'} // '') =~ /json/
        ? eval { JSON::PP->new->decode($body) } : undef;

    return { text => $text, field => \%field, body => $body,
             json => ref $json eq 'HASH' ? $json : {},
             status => ($status // '') =~ /^HTTP\S+ (\d+)/ ? $1 : '' };
}


sub unchunk {
    my ($text) = @_;

    my $body = '';

    while ($text =~ s/^([0-9a-f]+)\r\n//i && hex $1) {
        my $size = hex $1;

        $body .= substr $text, 0, $size + 2, '';
        substr($body, -2) = '';
    }

    return $body;
}

1;
