# admission_dashboard: the page of those who watch the sale.
#
# It is opened when something is wrong, so it must need nothing but this node.
# Its policy lets exactly its own styles and scripts run: one byte less and
# the page stays empty, one word more and what a client has sent may run in
# the operator's browser, beside the switch.

use Digest::SHA qw(sha256_base64);
use IO::Socket::INET ();
use JSON::PP ();
use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

# "policy": what lets scripts and styles of the page run is their hashes, each
# of them, and nothing else; the field does not come to a check of the body,
# so the page is fetched once more
add_response_body_check(sub {
    my ($block) = @_;

    my $path = $block->policy // return;
    my ($head, $body) = fetch($path =~ s/\s+\z//r);
    my ($policy) = $head =~ /^Content-Security-Policy: (.*?)\r?$/mi;

    for my $kind (qw(script style)) {
        my @texts = $body =~ m{<$kind\b[^>]*>(.*?)</$kind>}gs;
        my @hashes = map { "'sha256-" . sha256_base64($_) . "='" } @texts;
        my ($allowed) = $policy =~ /\b$kind-src ([^;]*)/;

        Test::More::cmp_ok(scalar @texts, ">", 0, "there is a $kind");
        Test::More::is(join(" ", sort split / /, $allowed),
                       join(" ", sort @hashes), "... and it may run");
    }

    $policy =~ s/ 'sha256-[^']+'//g;
    Test::More::is($policy, "default-src 'none'; script-src; style-src;"
                   . " connect-src 'self'; img-src data:; base-uri 'none';"
                   . " form-action 'none'; frame-ancestors 'none'",
                   "the rest of the policy");
});

# "json": the body is that, with so much of it in the series of this name
add_response_body_check(sub {
    my ($block, $body) = @_;

    my ($name, $count) = split " ", $block->json // return;
    my $data = eval { JSON::PP->new->utf8->decode($body) } // {};
    my ($metric) = grep { $_->{name} eq $name } @{ $data->{metrics} // [] };
    my $sum = 0;

    $sum += $_->{value} for @{ $metric->{samples} // [] };

    Test::More::is($sum, $count, "$name in JSON");
});


sub fetch {
    my ($path) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
        PeerPort => server_port(), Timeout => 5) or return ("", "");

    print {$socket} "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n";

    local $/;

    return split /\r\n\r\n/, <$socket>, 2;
}

# an address of this machine that is not of the loopback, if it has one; to
# connect a datagram socket sends nothing
my $outer = IO::Socket::INET->new(Proto => "udp", PeerPort => 9,
                                  PeerAddr => "192.0.2.1");

$ENV{TEST_NGINX_OUTER} = $outer ? $outer->sockhost : "";

no_long_string();
run_tests();

__DATA__

=== TEST 1: the page, and what may run in it
--- config
location = /dashboard { admission_dashboard; }
--- request
GET /dashboard
--- response_headers
Content-Type: text/html; charset=utf-8
Cache-Control: no-store
X-Content-Type-Options: nosniff
Referrer-Policy: no-referrer
--- response_body_like: ^<!doctype html>\n.*</html>\n\z
--- policy
/dashboard



=== TEST 2: the same, where a control is filled in
The hashes are made when the module is built: what is filled in must not
stand in what they are made of.
--- config
location = /dashboard { admission_dashboard control=/a/control/; }
--- request
GET /dashboard
--- response_body_like: ^<!doctype html>\n.*<body [^>]*data-control="/a/control/"
--- policy
/dashboard



=== TEST 3: nothing comes from elsewhere, nothing is left to fill in
No style, script, font or picture of another host, and none of this one: in
an incident they would not come.  Nothing that the policy keeps from running.
--- config
location = /dashboard { admission_dashboard; }
--- request
GET /dashboard
--- response_body_unlike eval
qr/<(?:script|img|iframe|object|embed)\b[^>]*\b(?:src|data)=|<link\b(?![^>]*href="data:)|<[a-z]+\b[^>]*\s(?:on[a-z]+|style)=|\{\{|\@import|<base\b/i



=== TEST 4: without a control there is none
--- config
location = /dashboard { admission_dashboard; }
--- request
GET /dashboard
--- response_body_like: <body [^>]*data-control=""



=== TEST 5: a control with all that one may have
--- config
location = /dashboard { admission_dashboard control=/a-b_c.d/~E9/; }
--- request
GET /dashboard
--- response_body_like: data-control="/a-b_c\.d/~E9/"



=== TEST 6: the words in either order
--- config
location = /a { admission_dashboard public control=/c; }
location = /b { admission_dashboard control=/c public; }
--- more_headers
Via: 1.1 cache
--- request eval
["GET /a", "GET /b"]
--- error_code eval
[200, 200]
--- response_body_like eval
[('data-control="/c"') x 2]



=== TEST 7: each has its own control
--- config
location = /a { admission_dashboard control=/c; }
location = /b { admission_dashboard; }
location = /a/b { admission_dashboard control=/d; }
--- request eval
["GET /a", "GET /b", "GET /a/b"]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
['data-control="/c"', 'data-control=""', 'data-control="/d"']



=== TEST 8: under an if
--- config
location = /dashboard {
    admission_dashboard public control=/c;
    if ($arg_x) { set $y 1; }
}
--- more_headers
Via: 1.1 cache
--- request eval
["GET /dashboard?x=1", "GET /dashboard?x=1&format=prometheus",
 "GET /dashboard"]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
['data-control="/c"', '^# HELP', 'data-control="/c"']



=== TEST 9: the page is the page, whatever is accepted
--- config
location = /dashboard { admission_dashboard; }
--- request eval
[("GET /dashboard") x 3]
--- more_headers eval
["Accept: application/json", "Accept: text/plain",
 "Accept: application/openmetrics-text"]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
[('^<!doctype html>') x 3]



=== TEST 10: its data
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /dashboard { admission_dashboard; }
location = /t { admission_limit a; empty_gif; }
--- request eval
["GET /t", "GET /dashboard?format=prometheus",
 "GET /dashboard?format=openmetrics", "GET /dashboard?format=json"]
--- error_code eval
[200, 200, 200, 200]
--- response_headers eval
["! X", "Content-Type: text/plain; version=0.0.4; charset=utf-8\nCache-Control: no-store\nVary: Accept",
 "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\nCache-Control: no-store",
 "Content-Type: application/json\nCache-Control: no-store"]
--- response_body_like eval
["", qr/^admission_requests_total\{site="",verdict="admit",reason="",dry_run="0"\} 1$/m,
 qr/# EOF\n\z/, '^\{"node":']



=== TEST 11: its data is JSON
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
admission_limit a;
location = /dashboard { admission_dashboard; }
--- request
GET /dashboard?format=json
--- json
admission_requests_total 0
--- response_headers
! Content-Security-Policy



=== TEST 12: a format that there is not
--- config
location = /dashboard { admission_dashboard; }
--- request eval
["GET /dashboard?format=xml", "GET /dashboard?format=", "GET /dashboard?x=json"]
--- error_code eval
[400, 400, 200]



=== TEST 13: nothing that a client sends is in the page
--- config
location = /dashboard { admission_dashboard public; }
--- request
GET /dashboard?evil=evil
--- more_headers
Host: evil
User-Agent: evil
X-Correlation-ID: evil
Referer: evil
--- response_body_unlike: evil



=== TEST 14: HEAD has the fields, and no body
--- config
location = /dashboard { admission_dashboard; }
--- request
HEAD /dashboard
--- response_headers_like
Content-Type: text/html; charset=utf-8
Content-Length: [1-9]\d{4,5}
Content-Security-Policy: default-src 'none'; .*
--- response_body



=== TEST 15: other methods
--- config
location = /dashboard { admission_dashboard; }
--- request eval
["POST /dashboard\nx", "PATCH /dashboard\n{\"mode\":\"off\"}",
 "POST /dashboard?format=json\nx"]
--- error_code eval
[405, 405, 405]
--- response_headers eval
[("Allow: GET, HEAD") x 3]



=== TEST 16: through a proxy on this machine
--- config
location = /dashboard { admission_dashboard; }
--- request eval
["GET /dashboard", "GET /dashboard", "GET /dashboard", "GET /dashboard?format=json",
 "GET /dashboard"]
--- more_headers eval
["X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "Via: 1.1 cache",
 "Via: 1.1 cache", "X-None: 1"]
--- error_code eval
[403, 403, 403, 403, 200]



=== TEST 17: and the log says why
--- config
location = /dashboard { admission_dashboard; }
--- request
GET /dashboard
--- more_headers
Via: 1.1 cache
--- error_code: 403
--- error_log
access forbidden by "admission_dashboard": it answers the loopback only, without a proxy in between, under an address, localhost or a server_name, unless it is "public"



=== TEST 18: from elsewhere
--- skip_eval: 5: !$ENV{TEST_NGINX_OUTER}
--- server_addr_for_client eval: $ENV{TEST_NGINX_OUTER}
--- config
location = /dashboard { admission_dashboard; }
location = /open { admission_dashboard public; }
--- request eval
["GET /dashboard", "GET /open"]
--- error_code eval
[403, 200]



=== TEST 19: public: nginx's own rules decide
--- config
location = /denied { deny all; admission_dashboard public; }
location = /secret {
    auth_basic dashboard;
    auth_basic_user_file ../html/passwords;
    admission_dashboard public;
}
--- user_files
>>> passwords
alice:{PLAIN}secret
--- request eval
["GET /denied", "GET /secret", "GET /secret", "GET /secret?format=json"]
--- more_headers eval
["X-None: 1", "X-None: 1", "Authorization: Basic YWxpY2U6c2VjcmV0", "X-None: 1"]
--- error_code eval
[403, 401, 200, 401]



=== TEST 20: limits of the site do not shut it
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_limit a;
--- config
location = /dashboard { admission_dashboard; }
location = /t { empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /dashboard", "GET /dashboard?format=json", "GET /dashboard"]
--- error_code eval
[200, 429, 200, 200, 200]



=== TEST 21: the site's charset does not change it
--- http_config
charset koi8-r;
charset_types *;
--- config
location = /dashboard { admission_dashboard; }
--- request
GET /dashboard
--- response_headers
Content-Type: text/html; charset=utf-8



=== TEST 22: several on one connection
The page is sent from memory that all requests share.
--- config
location = /dashboard { admission_dashboard; }
location = /other { admission_dashboard control=/c; }
--- pipelined_requests eval
["GET /dashboard", "GET /other", "GET /dashboard"]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
[qr/^<!doctype html>\n.*data-control="".*<\/html>\n\z/s,
 qr/^<!doctype html>\n.*data-control="\/c".*<\/html>\n\z/s,
 qr/^<!doctype html>\n.*data-control="".*<\/html>\n\z/s]
