# /circuits of admission_control: what an operator says of an upstream.
#
# The shop's database is being moved: for ten minutes nothing may reach it.
# Or a check is wrong, and a shop that works is kept from its customers.  The
# one who knows says one word, and everybody sees since when it is so, and by
# whom; a word that is misspelt changes nothing.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
    $block->set_value(more_headers => "Content-Type: application/json")
        if !defined $block->more_headers;
    $block->set_value(http_config =>
                      "admission_upstream shop concurrency=8 failures=2;")
        if !defined $block->http_config;
    $block->set_value(http_config => $block->http_config . <<'_');
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location = /ok { return 200 "ok\n"; }
    location = /bad { return 500 "bad\n"; }
}
_
    $block->set_value(config => <<'_') if !defined $block->config;
location /control/ { admission_control; }
location / {
    admission_shed shop;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
_
});

our $Since = qr/20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\dZ/;
our $Rest = qr/"opened":0,"inside":0,"limit":8\.0,"share":8\.0,"nodes":1,"needs_seconds":\d+\.\d+,"served":\d+\.\d+,"offered":\d+\.\d+,"cut":0\.0/;

# what is told, from the setting's two values and the circuit's state
sub told {
    my ($effective, $circuit) = @_;

    my $by = $effective eq "auto" ? qr/"since":null,"by":null/
             : qr/"since":"$Since","by":"127\.0\.0\.1"/;

    return qr/^\{"state":\{"configured":"auto","effective":"$effective",$by\},"upstream":\{"circuit":"$circuit",$Rest\}\}\z/;
}

sub refused {
    my ($detail) = @_;

    $detail =~ s/"/\\"/g;

    return qr/^\{"title":"The change is not possible\.","status":400,"detail":"\Q$detail\E"\}\z/;
}

master_on();
workers(2);
no_root_location();
no_long_string();
run_tests();

__DATA__

=== TEST 1: the circuits that there are
--- http_config
admission_upstream shop;
admission_upstream pay;
--- config
location /control/ { admission_control; }
location = /t { admission_shed shop; admission_shed pay; empty_gif; }
--- request
GET /control/circuits
--- response_headers
Content-Type: application/json
Cache-Control: no-store
--- response_body chomp
{"circuits":["shop","pay"]}



=== TEST 2: none
--- http_config
--- config
location /control/ { admission_control; }
--- request eval
["GET /control/circuits", "GET /control/circuits/shop",
 "GET /control/circuits/"]
--- error_code eval
[200, 404, 404]
--- response_body_like eval
['^\{"circuits":\[\]\}\z', '^\{"title":"There is no such resource\.","status":404,',
 '^\{"title":"There is no such resource\.","status":404,']



=== TEST 3: as configured
--- request
GET /control/circuits/shop
--- response_body_like eval
main::told("auto", "closed")



=== TEST 4: without a limit
--- http_config
admission_upstream shop;
--- request
GET /control/circuits/shop
--- response_body_like: "limit":null,"share":null,



=== TEST 5: open: nothing reaches it
--- request eval
["GET /ok", qq(PATCH /control/circuits/shop\n{"state":"open"}), "GET /ok",
 "GET /control/circuits/shop", qq(PATCH /control/circuits/shop\n{"state":null}),
 "GET /ok", "GET /control/circuits/shop"]
--- error_code eval
[200, 200, 503, 200, 200, 200, 200]
--- response_body_like eval
["^ok\n", main::told("open", "open"), '"reason":"circuit_open"',
 main::told("open", "open"), main::told("auto", "closed"), "^ok\n",
 '"effective":"auto","since":null,"by":null']
--- grep_error_log eval: qr/admission control: .*?, client/
--- grep_error_log_out eval
qr/^(?:admission control: "circuit shop" is now (?:open, was auto|auto again, as configured, was open), by "127\.0\.0\.1", client\n)?\z/



=== TEST 6: closed: it does not open, whatever fails
--- request eval
[qq(PATCH /control/circuits/shop\n{"state":"closed"}),
 ("GET /bad") x 5, "GET /ok", "GET /control/circuits/shop"]
--- error_code eval
[200, (500) x 5, 200, 200]
--- response_body_like eval
[main::told("closed", "closed"), ("^bad\n") x 5, "^ok\n",
 '"effective":"closed",.*"circuit":"closed","opened":0,']



=== TEST 7: ... and closes one that is open
--- request eval
["GET /bad", "GET /bad", "GET /ok",
 qq(PATCH /control/circuits/shop\n{"state":"closed"}), "GET /ok"]
--- error_code eval
[500, 500, 503, 200, 200]
--- response_body_like eval
["^bad\n", "^bad\n", '"reason":"circuit_open"', '"circuit":"closed","opened":1,', "^ok\n"]



=== TEST 8: auto is what is configured: nobody has said anything
--- request eval
[qq(PATCH /control/circuits/shop\n{"state":"open"}),
 qq(PATCH /control/circuits/shop\n{"state":"auto"})]
--- response_body_like eval
[main::told("open", "open"), main::told("auto", "closed")]



=== TEST 9: what is no word of it
--- request eval
[map { qq(PATCH /control/circuits/shop\n$_) } '{"state":"half_open"}',
 '{"state":"Open"}', '{"state":1}', '{"state":true}', '{}', '[]']
--- error_code eval
[(400) x 6]
--- response_body_like eval
[(main::refused('"state" must be "auto", "open", "closed" or null')) x 5,
 '^\{"title":"The change must be an object\."']



=== TEST 10: ... beside one that is
--- request eval
[qq(PATCH /control/circuits/shop\n{"state":"open","limit":9}),
 "GET /control/circuits/shop"]
--- error_code eval
[400, 200]
--- response_body_like eval
[main::refused('unknown member "limit"'), main::told("auto", "closed")]



=== TEST 11: not by a GET, a POST, a form or another site
--- request eval
["POST /control/circuits/shop\n{\"state\":\"open\"}",
 "PATCH /control/circuits\n{\"state\":\"open\"}", "GET /control/circuits/shop"]
--- error_code eval
[405, 405, 200]
--- response_body_like eval
[".*", ".*", main::told("auto", "closed")]



=== TEST 12: ... a form
--- more_headers
Content-Type: text/plain
--- request
PATCH /control/circuits/shop
{"state":"open"}
--- error_code: 415



=== TEST 13: ... another site
--- more_headers
Content-Type: application/json
Sec-Fetch-Site: cross-site
--- request
PATCH /control/circuits/shop
{"state":"open"}
--- error_code: 403
