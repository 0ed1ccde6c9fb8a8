# The waiting page: the embedded one, and a site's own.
#
# A whole crowd loads it within seconds and then looks at it for an hour: it
# has to be small, to need nothing from the shop that it waits for, and to run
# exactly its own script.  A site's own page with a placeholder that is not
# known would show it to all of them, so nginx refuses to start with it.

use Digest::SHA qw(sha256_base64);
use IO::Socket::INET ();
use Test::Nginx::Socket 'no_plan';

my $ROOM = "admission_room drop { mode always; rate 1r/h; }";
my $WAIT = "location = /t { admission_wait drop; empty_gif; }";

# so many bytes are let in by the first window of a connection, or nearly
my $MOST = 14 * 1024;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => $ROOM) if !defined $block->http_config;
    $block->set_value(config => $WAIT) if !defined $block->config;
    $block->set_value(request => "GET /t") if !defined $block->request;

    if (defined $block->must_die) {
        $block->set_value(suppress_stderr => "");
        $block->set_value(no_error_log => "[alert]\n[crit]");
        return;
    }

    $block->set_value(more_headers => "Accept: text/html")
        if !defined $block->more_headers;
    $block->set_value(error_code => 503) if !defined $block->error_code;
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
        my ($allowed) = ($policy // "") =~ /\b$kind-src ([^;]*)/;

        Test::More::is(scalar @texts, 1, "there is one $kind");
        Test::More::is($allowed, "@hashes", "... and it may run");
    }

    $policy =~ s/ 'sha256-[^']+'//g if defined $policy;
    Test::More::is($policy, "default-src 'none'; script-src; style-src;"
                   . " connect-src 'self'; img-src data:; base-uri 'none';"
                   . " form-action 'self'; frame-ancestors 'self'",
                   "the rest of the policy");
});

# "weight": the page of this path, and all that is said of it, is small
add_response_body_check(sub {
    my ($block) = @_;

    my $path = $block->weight // return;
    my ($head, $body) = fetch($path =~ s/\s+\z//r);

    Test::More::like($body, qr{</html>\n\z}, "the page is whole");
    Test::More::cmp_ok(length $body, "<", $MOST, "... and small");
});


sub fetch {
    my ($path) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
        PeerPort => server_port(), Timeout => 5) or return ("", "");

    print {$socket} "GET $path HTTP/1.0\r\nHost: localhost\r\n"
        . "Accept: text/html\r\n\r\n";

    local $/;

    return split /\r\n\r\n/, <$socket>, 2;
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: the page, and what may run in it
--- response_headers
Content-Type: text/html; charset=utf-8
Cache-Control: no-store
Vary: Accept
--- response_body_like: \A<!doctype html>\n<html lang="en" data-admission-state="(?:pre|waiting)" .*</html>\n\z
--- policy
/t



=== TEST 2: it is small
--- weight
/t



=== TEST 3: nothing comes from elsewhere, nothing is left to fill in
No style, script, font or picture of another host, and none of this one: the
shop behind has enough to do.  Nothing that the policy keeps from running.
--- response_body_unlike eval
qr/<(?:script|img|iframe|object|embed)\b[^>]*\b(?:src|data)=|<link\b(?![^>]*href="data:)|<[a-z]+\b[^>]*\s(?:on[a-z]+|style)=|\{\{|\@import|url\(|<base\b/i



=== TEST 4: without a script it comes again by itself, or by a link
--- response_body_like eval
qr{<noscript><meta http-equiv="refresh" content="[1-9]\d*"></noscript>.*<a href="">}s



=== TEST 5: what was sent is not sent again by itself, nor is anything else
--- request
POST /t
item=dusk
--- response_body_like eval
qr{ data-admission-method="POST".*<meta http-equiv="refresh" content="">.*What you sent was not passed on}s



=== TEST 6: nothing that a client sends is in the page
--- request
GET /t?evil=<evil>
--- more_headers
Accept: text/html
User-Agent: evil
X-Correlation-ID: <evil>
Referer: evil
Cookie: adm_drop=evil; evil=evil
--- response_body_unlike: evil



=== TEST 7: a reference for support
--- more_headers
Accept: text/html
X-Correlation-ID: order-4711
--- response_body_like: <code>order-4711</code>



=== TEST 8: HEAD has the fields, and no body
--- request
HEAD /t
--- response_headers_like
Content-Type: text/html; charset=utf-8
Content-Length: 1\d{4}
Content-Security-Policy: default-src 'none'; .*
--- response_body



=== TEST 9: nginx's stock error page does not hide it
--- config
error_page 500 502 503 504 /50x.html;
location = /50x.html { return 200 "stock\n"; }
location = /t { admission_wait drop; empty_gif; }
--- response_body_like: <h1 data-admission="title">



=== TEST 10: a page of the site's own
Of which the policy is the site's business.
--- http_config
admission_room drop { mode always; rate 1r/h; page ../html/wait.html; }
--- user_files
>>> wait.html
<title>{{title}}</title><p class="{{state}} of {{room}}">{{instance}}</p>
--- more_headers
Accept: text/html
X-Correlation-ID: order-4711
--- response_headers
Content-Type: text/html; charset=utf-8
! Content-Security-Policy
--- response_body_like: ^<title>[A-Z][a-z ]+</title><p class="(?:pre|waiting) of drop">order-4711</p>$



=== TEST 11: ... with the script
--- http_config
admission_room drop { mode always; rate 1r/h; page ../html/wait.html; }
--- user_files
>>> wait.html
<p data-admission="ahead">{{ahead}}</p>
{{script}}
<p>{{method}}</p>
--- response_body_like eval
qr{\A<p data-admission="ahead">\d*</p>
<script type="module" data-admission="script" data-room="drop" data-ticket="\d*" data-method="GET" data-state="[a-z]+" [^>]*data-poll="[1-9]\d*" [^>]*>.*Admission-Poll.*</script>
<p>GET</p>
\z}s



=== TEST 12: ... without placeholders
--- http_config
admission_room drop { mode always; rate 1r/h; page ../html/wait.html; }
--- user_files
>>> wait.html
<p>Soon. { { } }}</p>
--- response_body
<p>Soon. { { } }}</p>



=== TEST 13: ... with one right behind the other, and at both ends
--- http_config
admission_room drop { mode always; rate 1r/h; page ../html/wait.html; }
--- user_files eval
">>> wait.html\n{{room}}{{method}}, {{room}}"
--- response_body_like: ^dropGET, drop$



=== TEST 14: an unknown placeholder
--- http_config
admission_room drop { mode always; rate 1r/h; page ../html/wait.html; }
--- user_files
>>> wait.html
<p>{{title}}</p>
<p>
{{ title }}</p>
--- must_die
--- error_log eval
["[emerg]",
 qr{unknown placeholder "\{\{ title \}\}" in "\S+/wait\.html:3", there are "title", "detail", "state", "room", "ticket", "position", "ahead", "wait", "wait_seconds", "wait_low", "wait_high", "progress", "poll_ms", "poll_seconds", "claim_expires_in", "method", "instance", "stock", "script" in \S+/nginx\.conf:\d}]



=== TEST 15: an empty one
--- http_config
admission_room drop { mode always; rate 1r/h; page ../html/wait.html; }
--- user_files
>>> wait.html
<p>{{}}</p>
--- must_die
--- error_log eval
qr{unknown placeholder "\{\{\}\}" in "\S+/wait\.html:1", there are "title"}



=== TEST 16: one that is not closed
--- http_config
admission_room drop { mode always; rate 1r/h; page ../html/wait.html; }
--- user_files
>>> wait.html
<p>{{title}}</p>
<p>{{title}</p>
<p>{{detail}}</p>
--- must_die
--- error_log eval
["[emerg]", qr{"\{\{" without "\}\}" in "\S+/wait\.html:2" in \S+/nginx\.conf:\d}]



=== TEST 17: ... at the end of the page
--- http_config
admission_room drop { mode always; rate 1r/h; page ../html/wait.html; }
--- user_files eval
">>> wait.html\n<p>\n{{"
--- must_die
--- error_log eval
qr{"\{\{" without "\}\}" in "\S+/wait\.html:2"}



=== TEST 18: a page that is not there
--- http_config
admission_room drop { mode always; rate 1r/h; page ../html/none.html; }
--- must_die
--- error_log eval
["[emerg]", qr{stat\(\) of page "\S+/none\.html" failed \(2: No such file or directory\) in \S+/nginx\.conf:\d}]



=== TEST 19: a directory
--- http_config
admission_room drop { mode always; rate 1r/h; page ../html; }
--- must_die
--- error_log eval
qr{page "\S+/html" is not a regular file in \S+/nginx\.conf:\d}



=== TEST 20: a page that is too large
--- http_config
admission_room drop { mode always; rate 1r/h; page ../html/wait.html; }
--- user_files eval
">>> wait.html\n" . "x" x 262145
--- must_die
--- error_log eval
qr{page "\S+/wait\.html" has 262145 bytes, it must have 1 to 262144 in }



=== TEST 21: an empty page
--- http_config
admission_room drop { mode always; rate 1r/h; page ../html/wait.html; }
--- user_files eval
">>> wait.html\n"
--- must_die
--- error_log eval
qr{page "\S+/wait\.html" has 0 bytes, it must have 1 to 262144 in }
