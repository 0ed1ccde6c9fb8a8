package AdmToken;

# Tokens as somebody else makes them: by RFC 7515, from nothing of ours but
# the order of the claims.
#
#     my $key = AdmToken::key('k1');           # { id, hex, secret }
#     my $text = AdmToken::mint($key, 'pass', aud => 'drop', ...);
#     my $text = AdmToken::sign($key, $header, $payload);    # any JSON
#     my ($header, $claims, $signature) = AdmToken::parts($text);
#
# mint() takes the claims that are given, and leaves out those that are undef.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 sha256_hex);
use MIME::Base64 qw(decode_base64url encode_base64url);


my @CLAIMS = qw(iss aud sub iat exp joined wait jti bnd);
my %NUMBER = map { $_ => 1 } qw(iat exp joined wait);


# A key made up of the name alone, so that a run can be repeated.
sub key {
    my ($id) = @_;

    my $hex = sha256_hex("a key for tests, $id");

    return { id => $id, hex => $hex, secret => pack('H*', $hex) };
}


sub header {
    my ($key, $type) = @_;

    return qq({"alg":"HS256","typ":"adm-$type+jwt","kid":"$key->{id}"});
}


sub payload {
    my (%claim) = @_;

    return '{' . join(',', map {
        qq("$_":) . ($NUMBER{$_} ? $claim{$_} : qq("$claim{$_}"))
    } grep { defined $claim{$_} } @CLAIMS) . '}';
}


# The claims of a good token, with some changed.
sub claims {
    my (%changed) = @_;

    my $now = time;

    return (iss => 'admission', aud => 'drop', sub => 1, iat => $now,
        exp => $now + 600, joined => $now, wait => 0,
        jti => '0000000000000001', %changed);
}


sub sign {
    my ($key, $header, $payload) = @_;

    my $text = join '.', map { encode_base64url($_) } $header, $payload;

    return seal($key, $text);
}


# Puts a signature behind what is to be signed.
sub seal {
    my ($key, $text) = @_;

    return "$text." . encode_base64url(hmac_sha256($text, $key->{secret}));
}


sub mint {
    my ($key, $type, %changed) = @_;

    return sign($key, header($key, $type), payload(claims(%changed)));
}


sub parts {
    my ($text) = @_;

    my ($header, $payload, $signature) = split /\./, $text;

    return (decode_base64url($header), decode_base64url($payload),
        $signature);
}


1;
