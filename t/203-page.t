# The refusal as a page, for people.
#
# It is the only page of the shop that a refused customer sees: it has to say
# in words what happened, when to come back, and a reference for support; and
# nothing that the client sent may be in it as markup.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: over the rate
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- more_headers
Accept: text/html
X-Correlation-ID: order-4711
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers eval
["Content-Type: image/gif", qq{Content-Type: text/html; charset=utf-8
Cache-Control: no-store
Vary: Accept
Retry-After: 3600
RateLimit: "a";r=0;t=3600}]
--- response_body_like eval
["GIF",
 qr{\A<!doctype html>
<html lang="en">
.*<meta charset="utf-8">
.*<title>Too many requests</title>
.*<h1>Too many requests</h1>
<p>You have sent more requests than are allowed in this time\. Nothing was ordered by this one\.</p>
<p class="retry">You can try again in 3600 seconds\.</p>
.*Status 429\..*<code>order-4711</code>.*</html>\n\z}s]



=== TEST 2: one second, in the singular
--- http_config
admission_rate a $server_name rate=2r/s burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- more_headers
Accept: text/html
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_body_like eval
["GIF", 'You can try again in 1 second\.<']



=== TEST 3: no time to come back, no sentence about it
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a cost=$arg_n; empty_gif; }
--- more_headers
Accept: text/html
--- request eval
["GET /t?n=2", "GET /t?n=x"]
--- error_code eval
[429, 400]
--- response_body_like eval
['<h1>Request too large for the limit</h1>.*<p class="retry"></p>.*Status 429',
 '<h1>Bad Request</h1>.*<p class="retry"></p>.*Status 400']



=== TEST 4: every placeholder is filled
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- more_headers
Accept: text/html
--- request
GET /t
--- error_code: 429
--- response_body_unlike: \{\{\w+\}\}



=== TEST 5: it needs nothing from anywhere
The shop behind may be down, and so may its assets.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- more_headers
Accept: text/html
--- request
GET /t
--- error_code: 429
--- response_body_unlike: (?i)https?:|\bsrc=|\bhref=|<script|@import|url\(



=== TEST 6: a reference with markup in it is not shown
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- more_headers
Accept: text/html
X-Correlation-ID: <script>alert(1)</script>
--- request
GET /t?<script>
--- error_code: 429
--- response_body_unlike: (?i)<script



=== TEST 7: the charset is ours, whatever the site's is
--- http_config
charset koi8-r;
charset_types *;
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission_limit a cost=$cost; empty_gif; }
--- more_headers
Accept: text/html
--- request
GET /t
--- error_code: 429
--- response_headers
Content-Type: text/html; charset=utf-8
