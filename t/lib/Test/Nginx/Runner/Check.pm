package Test::Nginx::Runner::Check;

# The sections about one response: status, headers, body.
#
# Contract: the status is always tested (200 unless the block says another);
# each header named is a test, each other section is one.  Where a block
# sends several requests each expectation is a list with one for each.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);
use Test::More ();

use Test::Nginx::Runner::Compare qw(compare_text);
use Test::Nginx::Runner::Util qw(section expand one_line bail_out);

our @EXPORT_OK = qw(check_response);


# $at: index of the request, many (true if there are several), round
sub check_response {
    my ($settings, $case, $response, $at) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    _check_code($case, $response, $at);
    _check_raw_headers($case, $response, $at);
    _check_headers($settings, $case, $response, $at);
    _check_body($settings, $case, $response, $at);

    return;
}


# The section's value for this request.
sub _expectation {
    my ($case, $name, $at) = @_;

    my $value = section($case->{block}, $name);

    return $value->[$at->{index}] if ref $value eq 'ARRAY';

    bail_out("$case->{name} - there are several requests: $name must be an"
             . ' array') if $at->{many};

    return $value;
}


sub _has {
    my ($case, $name) = @_;

    return defined section($case->{block}, $name);
}


sub _check_code {
    my ($case, $response, $at) = @_;

    my $code = $response->code // '';
    my $name = "$case->{name} - status code ok";

    if (_has($case, 'error_code_like')) {
        my $pattern = _expectation($case, 'error_code_like', $at);
        Test::More::like($code, qr/$pattern/sm, $name);

    } else {
        my $expected = _has($case, 'error_code')
                       ? _expectation($case, 'error_code', $at) : 200;
        Test::More::is($code, $expected, $name);
    }

    return;
}


sub _check_raw_headers {
    my ($case, $response, $at) = @_;

    my %compare = (raw_response_headers_like   => \&Test::More::like,
                   raw_response_headers_unlike => \&Test::More::unlike);

    for my $section (sort keys %compare) {
        next if !_has($case, $section);

        my $pattern = _expectation($case, $section, $at);
        $compare{$section}->($response->raw_headers, qr/$pattern/s,
                             "$case->{name} - $section");
    }

    return;
}


sub _check_headers {
    my ($settings, $case, $response, $at) = @_;

    if (_has($case, 'response_headers')) {
        my $wanted = _expectation($case, 'response_headers', $at);

        for my $header (_named_headers($wanted)) {
            _check_header($settings, $case, $response, @$header);
        }

    } elsif (_has($case, 'response_headers_like')) {
        my $wanted = _expectation($case, 'response_headers_like', $at);

        for my $header (_named_headers($wanted)) {
            my ($key, $pattern) = @$header;
            $pattern //= '';

            Test::More::like($response->header($key) // '', qr/^$pattern$/,
                             "$case->{name} - header $key like ok");
        }
    }

    return;
}


# "Name: value" and "! Name" lines, the last one of a name, in their order
sub _named_headers {
    my ($text) = @_;

    my (@order, %value);

    for my $line (split /\n/, $text // '') {
        $line =~ s/^\s+|\s+$//g;

        my ($key, $value) = $line =~ s/^!\s*// ? ($line, undef)
                          : split /\s*:\s*/, $line, 2;
        next if !defined $key;

        push @order, $key if !exists $value{$key};
        $value{$key} = $value;
    }

    return map { [$_, $value{$_}] } @order;
}


sub _check_header {
    my ($settings, $case, $response, $key, $value) = @_;

    if (!defined $value) {
        Test::More::unlike($response->raw_headers, qr/^\s*\Q$key\E\s*:/mi,
                           "$case->{name} - header $key is absent");
        return;
    }

    Test::More::is($response->header($key) // '', _ports($settings, $value),
                   "$case->{name} - header $key ok");

    return;
}


# $ServerPort and $ServerPortForClient in expected texts
sub _ports {
    my ($settings, $text) = @_;

    return $text if !defined $text;

    $text =~ s/\$ServerPort\b/$settings->value('port')/ge;
    $text =~ s/\$ServerPortForClient\b/$settings->value('client_port')/ge;

    return $text;
}


sub _check_body {
    my ($settings, $case, $response, $at) = @_;

    my $body = $response->content;

    if (_has($case, 'response_body')) {
        my $expected = _expectation($case, 'response_body', $at);

        $expected = expand(_ports($settings, $expected), $case->{name},
                           $case->{ports}, $settings) if !ref $expected;

        compare_text($settings, $body, $expected, "$case->{name} -"
            . " response_body (repeated req $at->{round},"
            . " req $at->{index})");

    } elsif (_has($case, 'response_body_like')) {
        _match_body($settings, $case, $body, 'response_body_like', $at);

    } elsif (_has($case, 'response_body_unlike')) {
        _match_body($settings, $case, $body, 'response_body_unlike', $at);
    }

    return;
}


sub _match_body {
    my ($settings, $case, $body, $section, $at) = @_;

    my $pattern = _ports($settings, _expectation($case, $section, $at));
    my $compare = $section =~ /unlike/ ? \&Test::More::unlike
                                       : \&Test::More::like;
    my $shown = one_line(substr $body // '', 0, 200);

    $compare->($body, qr/$pattern/s, "$case->{name} - $section ($shown)");

    return;
}


1;
