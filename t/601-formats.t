# admission_status: three formats, and which of them is meant.
#
# A scrape that does not parse is a blind dashboard for the whole sale; one
# whose content type is wrong is refused by Prometheus 3.

use JSON::PP ();
use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

# a row: what is asked for, and the format that is meant
add_block_preprocessor(sub {
    my ($block) = @_;

    my @rows = map { [split / => /] } split /\n/, $block->table // return;
    my %type = (
        prometheus  => "text/plain; version=0.0.4; charset=utf-8",
        openmetrics => "application/openmetrics-text; version=1.0.0;"
                       . " charset=utf-8",
        json        => "application/json",
    );

    $block->set_value(config => "location = /status { admission_status; }");
    $block->set_value(request => [map { "GET /status" } @rows]);
    $block->set_value(more_headers => [map { "Accept: $_->[0]" } @rows]);
    $block->set_value(error_code => [map { 200 } @rows]);
    $block->set_value(response_headers => [map {
        "Content-Type: $type{$_->[1]}\nVary: Accept\nCache-Control: no-store"
    } @rows]);
});

my $promtool = grep { -x "$_/promtool" } split /:/, $ENV{PATH};

# every body has to be what it says it is
add_response_body_check(sub {
    my ($block, $body) = @_;

    if ($body =~ /^\{/) {
        ok(eval { JSON::PP->new->utf8->decode($body) },
           $block->name . " - the body is JSON");

    } elsif ($body =~ /^# HELP/) {
        my @odd = grep { !is_line($_) } split /\n/, $body;

        is("@odd", "", $block->name . " - each line is one");
        like($body, qr/\n\z/, $block->name . " - the last one, too");
        check_by_promtool($block, $body) if $promtool
            && $body !~ /^# EOF$/m;
    }
});

sub is_line {
    my ($line) = @_;

    return $line =~ /^# HELP admission_[a-z_]+ [A-Z].*\.$/
           || $line =~ /^# TYPE admission_[a-z_]+ (?:counter|gauge|histogram)$/
           || $line eq "# EOF"
           || $line =~ /^admission_[a-z_]+
                        (?:\{(?:,?[a-z_]+="[^"]*")+\})?\ [0-9]+(?:\.[0-9]+)?$/x;
}

sub check_by_promtool {
    my ($block, $body) = @_;

    open my $pipe, "|-", "promtool check metrics 2>&1"
        or die "cannot start promtool: $!";
    print {$pipe} $body;
    ok(close $pipe, $block->name . " - promtool has no complaint");

    return;
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: Prometheus text, for who asks for nothing
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
admission_site shop;
location = /status { admission_status; }
location = /t { admission_limit a; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /status"]
--- error_code eval
[200, 429, 200]
--- response_headers eval
["! X", "! X", "Content-Type: text/plain; version=0.0.4; charset=utf-8
Cache-Control: no-store
Vary: Accept"]
--- response_body_like eval
["GIF", "rate",
 qr/^# HELP admission_requests_total Requests by verdict\.
# TYPE admission_requests_total counter
admission_requests_total\{site="shop",verdict="admit",reason="",dry_run="0"\} 1
(?:.*\n)+# TYPE admission_policy_total counter
(?:.*\n)+# TYPE admission_decision_seconds histogram
(?:.*\n)+admission_decision_seconds_bucket\{le="\+Inf"\} 2
admission_decision_seconds_sum 0\.\d{9}
admission_decision_seconds_count 2
(?:.*\n)+admission_build_info\{version="[\d.]+",nginx="[\d.]+"\} 1
(?:.*\n)+admission_config_generation 1
\z/]



=== TEST 2: OpenMetrics
A family is named without _total there, and the end is marked.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /status { admission_status; }
location = /t { admission_limit a; empty_gif; }
--- request eval
["GET /t", "GET /status?format=openmetrics"]
--- response_headers eval
["! X", "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"]
--- response_body_like eval
["GIF",
 qr/^# HELP admission_requests Requests by verdict\.
# TYPE admission_requests counter
admission_requests_total\{site="",verdict="admit",reason="",dry_run="0"\} 1
(?:(?!# (?:HELP|TYPE) \w+_total ).*\n)+# EOF
\z/]



=== TEST 3: JSON
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /status { admission_status; }
location = /t { admission_limit a; empty_gif; }
--- request eval
["GET /t", "GET /status?format=json"]
--- response_headers eval
["! X", "Content-Type: application/json"]
--- response_body_like eval
["GIF",
 qr/^\{"node":"[^"]+","version":"[\d.]+","nginx":"[\d.]+","generation":1,"time":\d{10,}\.\d{3},"metrics":\[\{"name":"admission_requests_total","type":"counter","help":"Requests by verdict\.","samples":\[\{"labels":\{"site":"","verdict":"admit","reason":"","dry_run":"0"\},"value":1\},.*\{"suffix":"_bucket","labels":\{"le":"\+Inf"\},"value":1\},\{"suffix":"_sum","labels":\{\},"value":0\.\d{9}\},\{"suffix":"_count","labels":\{\},"value":1\}\]\},.*\]\}\z/]



=== TEST 4: without anything to tell
--- config
location = /status { admission_status; }
--- request eval
["GET /status", "GET /status?format=openmetrics", "GET /status?format=json"]
--- error_code eval
[200, 200, 200]



=== TEST 5: by Accept
--- table
*/* => prometheus
text/plain => prometheus
text/* => prometheus
text/html => prometheus
text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8 => prometheus
application/json => json
application/json, */*;q=0.1 => json
application/json, text/plain => prometheus
application/json;q=0.5, text/plain;q=0.4 => json
application/openmetrics-text => openmetrics
application/openmetrics-text; version=1.0.0; charset=utf-8 => openmetrics
application/openmetrics-text;version=0.0.1 => prometheus
application/openmetrics-text;q=0.9, text/plain => prometheus
application/* => openmetrics



=== TEST 6: as Prometheus asks, by its age
--- table
application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1 => openmetrics
application/openmetrics-text; version=1.0.0,application/openmetrics-text; version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1 => openmetrics
application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1 => prometheus
text/plain;version=0.0.4;q=1,*/*;q=0.1 => prometheus



=== TEST 7: the argument is stronger than Accept
--- config
location = /status { admission_status; }
--- request eval
["GET /status?format=prometheus", "GET /status?x=1&format=json&y=2",
 "GET /status?format=openmetrics"]
--- more_headers eval
["Accept: application/json", "Accept: text/plain", "Accept: application/json"]
--- response_headers eval
["Content-Type: text/plain; version=0.0.4; charset=utf-8",
 "Content-Type: application/json",
 "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"]
--- error_code eval
[200, 200, 200]



=== TEST 8: a format that there is not
--- config
location = /status { admission_status; }
--- request eval
["GET /status?format=xml", "GET /status?format=", "GET /status?format=JSON",
 "GET /status?format=jsonp", "GET /status?formats=xml"]
--- error_code eval
[400, 400, 400, 400, 200]



=== TEST 9: methods
--- config
location = /status { admission_status; }
--- request eval
["GET /status", "HEAD /status", "POST /status\nx", "PUT /status\nx", "DELETE /status"]
--- error_code eval
[200, 200, 405, 405, 405]



=== TEST 10: HEAD has the fields, and no body
--- config
location = /status { admission_status; }
--- request
HEAD /status
--- response_headers_like
Content-Type: text/plain; version=0\.0\.4; charset=utf-8
Content-Length: [1-9]\d{3,4}
Cache-Control: no-store
--- response_body



=== TEST 11: the charset is ours, whatever the site's is
--- http_config
charset koi8-r;
charset_types *;
--- config
location = /status { admission_status; }
--- request
GET /status
--- response_headers
Content-Type: text/plain; version=0.0.4; charset=utf-8
