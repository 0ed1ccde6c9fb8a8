# What a room makes of tokens that it did not give, or not to this client, or
# not now.
#
# A place in line is worth money in the hour of a sale, so tokens are forged,
# kept, carried from room to room and sold.  None of these may open the door,
# each has to be seen in the metrics, and a site's own JSON Web Tokens, which
# come in the same fields, are nobody's forgery.  But whoever has a good one
# gets in, wherever among others it stands.

use FindBin ();
use lib "$FindBin::Bin/process/lib";
use File::Temp ();
use Test::Nginx::Socket 'no_plan';

use AdmShopper qw(key_file mint);

my $secret = secret(key_file());
my $secrets = secret("new:" . "ab" x 32 . "\n" . key_file());

$ENV{TEST_NGINX_SECRET} = "$secret";
$ENV{TEST_NGINX_SECRETS} = "$secrets";

my $OTHER = "x" x 32;
my $STATUS = "location = /status { admission off; admission_status; }";

# "seen": what tokens_total says when the requests are through, as "WORD N"
add_response_body_check(sub {
    my ($block, $body) = @_;

    my $expected = $block->seen // return;

    return if $body !~ /^# TYPE admission_tokens_total/m;

    my %seen = $body =~ /^admission_tokens_total\{outcome="(\w+)"\} (\d+)$/mg;
    my $seen = join " ", map { "$_ $seen{$_}" }
               grep { $seen{$_} } sort keys %seen;

    Test::More::is($seen, $expected =~ s/\s+\z//r, "tokens that were seen");
});

add_block_preprocessor(sub {
    my ($block) = @_;

    my $room = $block->room // "";
    my $tokens = $block->tokens;

    $block->set_value(http_config => <<"END") if !defined $block->http_config;
admission_secret_file \$TEST_NGINX_SECRET;
admission_room drop { mode always; rate 1r/h; $room }
END
    $block->set_value(config => <<"END") if !defined $block->config;
$STATUS
location = /t { admission_wait drop; empty_gif; }
END
    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;

    return if !defined $tokens;

    # each is tried alone, and has no effect; then the metrics are read
    my @tokens = map { ref $_ ? @$_ : $_ } eval $tokens;
    die $@ if $@;

    my $code = $block->let_in ? 200 : 503;

    $block->set_value(request => [("GET /t") x @tokens, "GET /status"]);
    $block->set_value(more_headers => [map({ cookie($_) } @tokens), ""]);
    $block->set_value(error_code => [($code) x @tokens, 200]);
});

sub secret {
    my ($text) = @_;

    my $file = File::Temp->new;

    chmod 0600, $file;
    print {$file} $text;
    close $file;

    return $file;
}

sub cookie { return "Cookie: adm_drop=$_[0]" }

# a token with one character changed, counted from the end
sub changed {
    my ($token, $place) = @_;

    substr($token, -$place, 1) =~ tr/A-Za-z0-9_-/B-ZAb-za1-90\-_/;

    return $token;
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: a good pass
--- let_in: 1
--- tokens
mint("pass", ticket => 7)
--- seen
pass 1



=== TEST 2: a good ticket that was not given
--- tokens
mint("ticket", ticket => 7)
--- seen
issued 1 ticket 1 unknown 1



=== TEST 3: forged: the signature of another key, one bit, half a token
--- tokens
mint("pass", key => $OTHER), changed(mint("pass"), 1), changed(mint("pass"), 43),
changed(mint("pass"), 60), substr(mint("pass"), 0, 150)
--- seen
forged 5 issued 5



=== TEST 4: signed, and not as we write
--- tokens
mint("pass", iat => "01795000000", exp => 4000000000, joined => 1),
mint("pass", ticket => "x", id => 1), mint("pass", wait => "1.5"),
mint("pass", exp => 9007199254740992)
--- seen
issued 4 malformed 4



=== TEST 5: not ours: ignored, and not counted
A site has its own, or a browser an old one of another key.
--- tokens
mint("pass", kid => "k2"), mint("pass", alg => "none"),
mint("pass", alg => "RS256"), mint("session"), "x", "a.b.c",
mint("pass", room => "x" x 1100)
--- seen
issued 7



=== TEST 6: of another room
--- tokens
mint("pass", room => "other"), mint("ticket", room => "other", ticket => 1),
mint("pass", room => "drop~dry"), mint("pass", room => "dro"),
mint("pass", room => "drop2")
--- seen
issued 5 other_room 5



=== TEST 7: expired
--- tokens
mint("pass", iat => time - 700, exp => time - 1),
mint("ticket", ticket => 1, iat => time - 90000, exp => time - 3600)
--- seen
expired 2 issued 2



=== TEST 8: of the future
--- tokens
mint("pass", iat => time + 600), mint("ticket", iat => time + 3600)
--- seen
future 2 issued 2



=== TEST 9: a clock a little ahead
--- let_in: 1
--- tokens
mint("pass", iat => time + 1)
--- seen
pass 1



=== TEST 10: neither ticket nor pre is a pass
--- tokens
mint("pre"), mint("ticket", ticket => 0)
--- seen
issued 2 pre 1 ticket 1 unknown 1



=== TEST 11: bound to somebody else, or to nobody
--- room: bind $arg_user;
--- tokens
mint("pass", bind => "mallory"), mint("pass"), mint("ticket", ticket => 1)
--- seen
bound 3 issued 3



=== TEST 12: bound to this one
--- room: bind $arg_user;
--- request eval
["GET /t?user=alice", "GET /t?user=bob", "GET /t", "GET /status"]
--- more_headers eval
[(::cookie(::mint("pass", bind => "alice"))) x 3, ""]
--- error_code eval
[200, 503, 503, 200]
--- seen
bound 2 issued 2 pass 1



=== TEST 13: a bound token in a room that binds nothing
--- let_in: 1
--- tokens
mint("pass", bind => "alice")
--- seen
pass 1



=== TEST 14: wherever it comes
--- request eval
[("GET /t") x 6, "GET /status"]
--- more_headers eval
my $pass = ::mint("pass");
["X-Admission-Token: $pass", "Authorization: Bearer $pass",
 "Authorization: bearer $pass", "Cookie: __Host-adm_drop=$pass",
 "Cookie: a=b; adm_drop=$pass; c=d", "Cookie: a=b\nCookie: adm_drop=$pass ;",
 ""]
--- error_code eval
[(200) x 7]
--- response_headers eval
[("! Set-Cookie") x 6, ""]
--- seen
pass 6



=== TEST 15: and where it does not
--- request eval
[("GET /t") x 6, "GET /t?adm_drop=x", "GET /status"]
--- more_headers eval
my $pass = ::mint("pass");
["Authorization: Basic $pass", "Authorization: $pass",
 "Cookie: adm_dro=$pass", "Cookie: adm_drop2=$pass",
 "Cookie: __Host-=$pass; Xadm_drop=$pass", "Cookie: adm_drop_dry=$pass",
 "", ""]
--- error_code eval
[(503) x 7, 200]
--- seen
issued 7



=== TEST 16: the good one of four
--- request eval
[("GET /t") x 4, "GET /status"]
--- more_headers eval
my ($pass, $old) = (::mint("pass"), ::mint("pass", iat => 1000, exp => 2000));
["Cookie: adm_drop=$old; adm_drop=x; adm_drop=$old; adm_drop=$pass",
 "Cookie: __Host-adm_drop=$old; adm_drop=$pass",
 "Authorization: Bearer $old\nCookie: adm_drop=$old\nCookie: adm_drop=$pass",
 "X-Admission-Token: $old\nAuthorization: Bearer x.y.z\nCookie: adm_drop=$pass",
 ""]
--- error_code eval
[(200) x 5]
--- seen
expired 6 pass 4



=== TEST 17: the fifth is not looked at
--- request eval
["GET /t", "GET /status"]
--- more_headers eval
my $pass = ::mint("pass");
["Cookie: " . ("adm_drop=x; " x 4) . "adm_drop=$pass", ""]
--- error_code eval
[503, 200]
--- seen
issued 1



=== TEST 18: a pass is better than a ticket, and no other is looked at
--- request eval
["GET /t", "GET /status"]
--- more_headers eval
["Cookie: adm_drop=" . ::mint("ticket", ticket => 1) . "; adm_drop="
 . ::mint("pass") . "; adm_drop=" . ::mint("pass", key => "y" x 32), ""]
--- error_code eval
[200, 200]
--- seen
pass 1 ticket 1



=== TEST 19: a pass is renewed when an eighth of its life is over
--- request eval
[("GET /t") x 2]
--- more_headers eval
my $now = time;
[map { ::cookie(::mint("pass", id => 9, iat => $now - $_, exp => $now + 300)) }
 5, 60]
--- error_code eval
[200, 200]
--- response_headers_like eval
["", 'Set-Cookie: adm_drop=[\w-]+\.[\w-]+\.[\w-]{43}; Path=/; Max-Age=600;.*']
--- response_headers eval
["! Set-Cookie\n! Cache-Control", "Cache-Control: private"]



=== TEST 20: and never when it is fixed
--- room: session 10m fixed;
--- let_in: 1
--- tokens
map { mint("pass", iat => time - $_, exp => time + 100) } 1, 76, 599
--- response_headers eval
[("! Set-Cookie") x 3, ""]
--- seen
pass 3



=== TEST 21: a ticket is renewed when it is an hour old
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
my $now = time;
["", map { ::cookie(::mint("ticket", ticket => 1, iat => $now - $_,
                           exp => $now + 9)) }
 3400, 3600]
--- error_code eval
[503, 503, 503]
--- response_headers eval
["", "! Set-Cookie\n! Admission-Token", ""]
--- response_headers_like eval
["", "", "Set-Cookie: adm_drop=.*; Max-Age=86400;.*"]



=== TEST 22: a token without a number is as good as none, for its number
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["", ::cookie(::mint("pre"))]
--- error_code eval
[503, 503]
--- response_body_like eval
['"position":1,', '"state":"waiting","position":[12],']



=== TEST 23: two keys: the first signs, both are good
--- http_config
admission_secret_file $TEST_NGINX_SECRETS;
admission_room drop { mode always; rate 1r/h; }
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["", ::cookie(::mint("pass")),
 ::cookie(::mint("pass", kid => "new", key => "\xab" x 32))]
--- error_code eval
[503, 200, 200]



=== TEST 24: what was given before this line began is of another line
--- tokens
map { mint($_, joined => time - 3600) } "pass", "ticket"
--- seen
issued 2 unknown 2
