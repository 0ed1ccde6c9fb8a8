package AdmShopper;

# A shopper: keeps the cookies of a shop, comes back with them, and knows
# what a token says.
#
#     my $s = AdmShopper->new($nginx, cookie => 'adm_drop');
#     my $answer = $s->get('/buy');          # as of AdmHttp
#     my $json = $s->poll('/buy');           # decoded; only asks
#     $s->get_in('/buy') or die;             # comes back until let in
#
# Options: cookie (the room's, "adm_drop"), port (a name of the nginx, "h1"),
# secret (of a tokens' file: then mint() makes tokens of its own).
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);
use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(decode_base64url);
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch);
use AdmToken ();

our @EXPORT_OK = qw(KEY key_file mint payload_of header_of set_cookies);

# what tests sign with: 32 bytes
use constant KEY => 'k' x 32;

# seconds until nothing more is expected, unless told
my $PATIENCE = 20;


sub new {
    my ($class, $nginx, %option) = @_;

    return bless {
        nginx => $nginx, port => 'h1', cookie => 'adm_drop', %option,
        jar => {},
    }, $class;
}


# The text of a file of keys.
sub key_file { return 'k1:' . unpack('H*', KEY) . "\n" }


# Requests

# Options as of AdmHttp::fetch(); what the answer sets is kept.
sub ask {
    my ($self, $method, $path, %option) = @_;

    my $fields = $option{fields} // '';

    $fields .= 'Cookie: ' . $self->cookies . "\r\n" if %{ $self->{jar} };

    my $answer = fetch($self->{nginx}->port($self->{port}), $path, %option,
        method => $method, fields => $fields);

    $self->keep($answer) if $answer;

    return $answer;
}


sub get { my ($self, @rest) = @_; return $self->ask('GET', @rest) }
sub post { my ($self, @rest) = @_; return $self->ask('POST', @rest) }


# What a room says to who only asks.
sub poll {
    my ($self, $path, %option) = @_;

    my $fields = ($option{fields} // '') . "Admission-Poll: 1\r\n";
    my $answer = $self->get($path, %option, fields => $fields) or return {};

    return $answer->{status} == 200 ? decode($answer) : {};
}


sub decode {
    my ($answer) = @_;

    my $json = eval { JSON::PP::decode_json($answer->{body}) };

    return $json // {};
}


# Polls until the state is this one; what was said last.
sub poll_until {
    my ($self, $path, $state, $seconds) = @_;

    my $end = time + ($seconds // $PATIENCE);
    my $said;

    do {
        sleep 0.05 if $said;
        $said = $self->poll($path);
    } until ($said->{state} // '') eq $state || time > $end;

    return $said;
}


# Waits for the turn and goes in; the answer that was got last.
sub get_in {
    my ($self, $path, $seconds, %option) = @_;

    my $end = time + ($seconds // $PATIENCE);
    my $answer;

    do {
        sleep 0.05 if $answer;
        $answer = $self->get($path, %option);
    } until $answer && $answer->{status} < 300 || time > $end;

    return $answer;
}


# Cookies

# The fields "Set-Cookie" of an answer: [{ name, value, rest }].
sub set_cookies {
    my ($answer) = @_;

    return map {
        /^Set-Cookie:\s*([^=]+)=([^;]*)(.*)/i
            ? { name => $1, value => $2, rest => $3 } : ()
    } @{ $answer->{lines} };
}


# As a browser does: a name has one value, until that is over.
sub keep {
    my ($self, $answer) = @_;

    for (set_cookies($answer)) {
        if ($_->{rest} =~ /; Max-Age=0\b/) {
            delete $self->{jar}{ $_->{name} };
        } else {
            $self->{jar}{ $_->{name} } = $_->{value};
        }
    }

    return;
}


sub cookies {
    my ($self) = @_;

    my $jar = $self->{jar};

    return join '; ', map { "$_=$jar->{$_}" } sort keys %$jar;
}


sub token { return $_[0]{jar}{ $_[0]{cookie} } }


sub set_token {
    my ($self, $token) = @_;

    $self->{jar}{ $self->{cookie} } = $token;

    return $self;
}


# What the room's token says: "ticket" or "pass" or "pre", and a claim.
sub kind { my ($self) = @_; return kind_of($self->token) }
sub ticket { my ($self) = @_; return payload_of($self->token)->{sub} }


# Tokens

sub header_of { return _part($_[0], 0) }
sub payload_of { return _part($_[0], 1) }


sub kind_of {
    my ($token) = @_;

    my $typ = header_of($token)->{typ} // '';

    return $typ =~ /^adm-(\w+)\+jwt$/ ? $1 : '';
}


sub _part {
    my ($token, $n) = @_;

    my $text = (split /\./, $token // '')[$n] // return {};
    my $json = eval { JSON::PP::decode_json(decode_base64url($text)) };

    return $json // {};
}


# A token as the module writes it: kind and claims (room, ticket, iat, exp,
# joined, wait, id, bind), and what to do otherwise: alg, kid, key.  Unless it
# is said when its owner has joined, that is not before nginx was started.
sub mint {
    my ($kind, %is) = @_;

    my $key = { id => $is{kid} // 'k1', secret => $is{key} // KEY };
    my $header = AdmToken::header($key, $kind);
    my $iat = $is{iat} // int time;
    my $ticket = $is{ticket} // 0;

    $header =~ s/HS256/$is{alg}/ if $is{alg};

    my $token = AdmToken::sign($key, $header, AdmToken::payload(
        AdmToken::claims(aud => $is{room} // 'drop', sub => $ticket,
            iat => $iat, exp => $is{exp} // $iat + 600,
            joined => $is{joined} // 600 + int time, wait => $is{wait} // 0,
            jti => unpack('H16', pack 'Q', $is{id} // $ticket),
            bnd => defined $is{bind}
                ? substr(sha256_hex($is{bind}), 0, 32) : undef)));

    $token =~ s/[^.]*\z// if ($is{alg} // '') eq 'none';

    return $token;
}


1;
