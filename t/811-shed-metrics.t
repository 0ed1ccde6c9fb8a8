# What the counters say of an upstream that has a gate.
#
# Whether the limit is right, whether anybody is shed who should not be, and
# why nothing reaches the shop: during the sale somebody reads it here, and
# an alert does before.  One upstream must not be told of twice, nor a limit
# where there is none, nor a client by name.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]");
    $block->set_value(request => "GET /status") if !defined $block->request;
    $block->set_value(config => <<'_' . ($block->config // ""));
location = /status { admission_status; }
location /control/ { admission_control; }
_
    $block->set_value(http_config => <<'_' . ($block->http_config // ""));
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location = /ok { return 200 "left: $http_x_budget\n"; }
    location = /bad { return 500; }
}
upstream origin { server 127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
_
});

# "samples": those of the last answer that are about gates, in their order
add_response_body_check(sub {
    my ($block, $body, $index) = @_;

    my $expected = $block->samples // return;
    my $request = $block->request;

    return if ref $request && $index < $#$request;

    Test::More::is(CORE::join("", $body =~ /^admission_((?:inflight|
        concurrency|shed|circuit)\S*[ ]\S+\n)/mgx),
        $expected, "what is told");
});

my $promtool = grep { -x "$_/promtool" } split /:/, $ENV{PATH};

add_response_body_check(sub {
    my ($block, $body) = @_;

    return if !$promtool || $body !~ /^# HELP/;

    open my $pipe, "|-", "promtool check metrics 2>&1"
        or die "cannot start promtool: $!";
    print {$pipe} $body;
    Test::More::ok(close $pipe, "promtool has no complaint");
});

no_root_location();
no_long_string();
run_tests();

__DATA__

=== TEST 1: an upstream with a limit, and nobody there
--- http_config
admission_upstream shop concurrency=4;
--- config
location / { admission_shed shop; proxy_pass http://origin; }
--- samples
inflight{upstream="origin"} 0
inflight{upstream="shop"} 0
concurrency_limit{upstream="shop"} 4.000
concurrency_share{upstream="shop"} 4.000
shed_cut_ratio{upstream="shop"} 0.000
circuit_state{circuit="shop"} 0
circuit_forced{circuit="shop"} 0
circuit_opened_total{circuit="shop"} 0



=== TEST 2: ... of the name that nginx has for it: told once
--- http_config
admission_upstream origin concurrency=4;
--- config
location / { admission_shed origin; proxy_pass http://origin; }
--- samples
inflight{upstream="origin"} 0
concurrency_limit{upstream="origin"} 4.000
concurrency_share{upstream="origin"} 4.000
shed_cut_ratio{upstream="origin"} 0.000
circuit_state{circuit="origin"} 0
circuit_forced{circuit="origin"} 0
circuit_opened_total{circuit="origin"} 0



=== TEST 3: without a limit there is none
--- http_config
admission_upstream origin;
--- config
location / { admission_shed origin; proxy_pass http://origin; }
--- samples
inflight{upstream="origin"} 0
shed_cut_ratio{upstream="origin"} 0.000
circuit_state{circuit="origin"} 0
circuit_forced{circuit="origin"} 0
circuit_opened_total{circuit="origin"} 0



=== TEST 4: a limit that finds itself, within its bounds
--- http_config
admission_upstream origin concurrency=adaptive min=7 max=7;
--- config
location / { admission_shed origin; proxy_pass http://origin; }
--- response_body_like eval
qr/^admission_concurrency_limit\{upstream="origin"\} 7\.000$/m



=== TEST 5: without any of them nothing is told
--- config
location / { proxy_pass http://origin; }
--- response_body_unlike eval
qr/^admission_(?:concurrency|shed|circuit|upstream_(?:needs|served|offered))\w*[ {]/m



=== TEST 6: by priority: what is no digit is 5, and who has not come is not there
--- http_config
admission_upstream origin;
--- config
location / { admission_shed origin priority=$arg_p; proxy_pass http://origin; }
--- more_headers
Content-Type: application/json
--- request eval
["GET /ok?p=0", qq(PATCH /control/circuits/origin\n{"state":"open"}),
 "GET /ok?p=0", "GET /ok?p=9", "GET /ok?p=9", "GET /ok", "GET /ok?p=10",
 "GET /ok?p=x", "GET /status"]
--- error_code eval
[200, 200, 503, 503, 503, 503, 503, 503, 200]
--- samples
inflight{upstream="origin"} 0
shed_cut_ratio{upstream="origin"} 0.000
shed_offers_total{upstream="origin",priority="0"} 2
shed_offers_total{upstream="origin",priority="5"} 3
shed_offers_total{upstream="origin",priority="9"} 2
shed_total{upstream="origin",priority="0"} 1
shed_total{upstream="origin",priority="5"} 3
shed_total{upstream="origin",priority="9"} 2
circuit_state{circuit="origin"} 1
circuit_forced{circuit="origin"} 1
circuit_opened_total{circuit="origin"} 0



=== TEST 7: a circuit that opens by itself
--- http_config
admission_upstream origin failures=3 open=1d max_open=1d;
--- config
location / { admission_shed origin; proxy_pass http://origin; }
--- request eval
["GET /ok", "GET /bad", "GET /bad", "GET /bad", "GET /ok", "GET /status"]
--- error_code eval
[200, 500, 500, 500, 503, 200]
--- response_body_like eval
[(".*") x 5,
 qr/^admission_circuit_state\{circuit="origin"\} 1\n(?s:.*)^admission_circuit_opened_total\{circuit="origin"\} 1\n/m]



=== TEST 8: as JSON
--- http_config
admission_upstream origin concurrency=4;
--- config
location / { admission_shed origin; proxy_pass http://origin; }
--- request
GET /status?format=json
--- response_body_like eval
qr/\{"name":"admission_concurrency_limit","type":"gauge","help":"[^"]+","samples":\[\{"labels":\{"upstream":"origin"\},"value":4\.000\}\]\}/



=== TEST 9: what is left of a budget, for the upstream
--- http_config
admission_upstream origin budget=1h;
--- config
location / {
    admission_shed origin;
    proxy_set_header X-Budget $admission_budget;
    proxy_pass http://origin;
}
--- request
GET /ok
--- response_body_like eval
qr/^left: (?:3600000|35\d{5})\n\z/



=== TEST 10: ... without one, or without a policy
--- http_config
admission_upstream origin;
--- config
proxy_set_header X-Budget "<$admission_budget>";
location / { admission_shed origin; proxy_pass http://origin; }
location /none/ { proxy_pass http://origin/; }
--- request eval
["GET /ok", "GET /none/ok"]
--- response_body eval
["left: <>\n", "left: <>\n"]



=== TEST 11: a place that is held is seen, by who holds it
--- http_config
admission_upstream origin concurrency=4;
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    location = /ok { proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/status; }
}
--- config
location / { admission_shed origin; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2; }
--- request
GET /ok
--- response_body_like eval
qr/^admission_inflight\{upstream="origin"\} 1$/m



=== TEST 12: health: an open circuit
--- http_config
admission_upstream origin;
--- config
location / { admission_shed origin; proxy_pass http://origin; }
location = /health { admission_health; }
location = /ready { admission_health strict; }
--- more_headers
Content-Type: application/json
--- request eval
["GET /ready", qq(PATCH /control/circuits/origin\n{"state":"open"}),
 "GET /health", "GET /ready",
 qq(PATCH /control/circuits/origin\n{"state":null}), "GET /ready"]
--- error_code eval
[200, 200, 200, 503, 200, 200]
--- response_body_like eval
[qr/^\{"status":"ok",.*"circuit_breaker_state":"closed"/, ".*",
 qr/^\{"status":"degraded",.*"circuit_breaker_state":"open"/,
 qr/^\{"status":"degraded",.*"circuit_breaker_state":"open"/, ".*",
 qr/^\{"status":"ok",.*"circuit_breaker_state":"closed"/]
