# Upstreams and sheds that are right: what has to be accepted, and what is
# warned of.
#
# A configuration that is refused although it is right keeps a node from
# starting on the day of the sale.  And an upstream that is defined and never
# put before a location protects nothing, which has to be said before that day.

use File::Temp ();
use Test::Nginx::Socket 'no_plan';

my $keys = File::Temp->new(TEMPLATE => 'adm-keys-XXXXXX', TMPDIR => 1);

print {$keys} 'k1:', 'a1' x 32, "\n";
close $keys or die "017: $keys: $!\n";

$ENV{TEST_NGINX_KEYS} = $keys->filename;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(request => 'GET /in') if !defined $block->request;

    if ($block->request eq 'GET /in') {
        $block->set_value(config => $block->config
                          . 'location = /in { return 200 "in service"; }');
        $block->set_value(response_body => 'in service');
    }

    my $warnings = defined $block->error_log ? '' : "[warn]\n";

    $block->set_value(no_error_log => "${warnings}[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
    $block->set_value(suppress_stderr => '') if defined $block->error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: the smallest: a circuit
--- http_config
admission_upstream shop;
--- config
location = /t { admission_shed shop; }



=== TEST 2: every parameter, the least of each
--- http_config
admission_upstream shop concurrency=adaptive min=1 max=1 failures=0
    error_rate=0.1% min_requests=1 window=100ms slow=1ms successes=1
    open=100ms max_open=100ms budget=1ms lag=10ms;
--- config
location = /t { admission_shed shop priority=0; }



=== TEST 3: ... and the most
--- http_config
admission_upstream shop concurrency=adaptive min=100000 max=100000
    failures=100000 error_rate=100% min_requests=100000 window=1h slow=1h
    successes=1000 open=1d max_open=1d budget=1h lag=1m;
--- config
location = /t { admission_shed shop priority=9 fallback=@busy; }
location @busy { return 200; }



=== TEST 4: a limit, and nothing else
--- http_config
admission_upstream shop concurrency=100000 failures=0 error_rate=0 lag=0;
--- config
location = /t { admission_shed shop; }



=== TEST 5: bounds of which one is given: the other one gives way
--- http_config
admission_upstream few concurrency=adaptive max=4;
admission_upstream many concurrency=adaptive min=2000;
admission_upstream soon open=10m error_rate=0 window=1m;
admission_upstream short max_open=5s;
--- config
location = /t {
    admission_shed few;
    admission_shed many;
    admission_shed soon;
    admission_shed short;
}



=== TEST 6: the name of nginx' own upstream, of a rate and of a room
--- http_config
admission_upstream shop;
upstream shop { server 127.0.0.1:1; }
admission_rate shop $binary_remote_addr rate=1r/s;
admission_room shop { rate 1r/s; }
admission_secret_file $TEST_NGINX_KEYS;
--- config
location = /t {
    admission_wait shop;
    admission_limit shop;
    admission_shed shop;
    proxy_pass http://shop;
}



=== TEST 7: used before it is defined
--- http_config
admission_shed shop;
admission_upstream shop;
--- config
location = /t { return 200; }



=== TEST 8: a priority of variables
--- http_config
admission_upstream shop;
map $uri $urgency { default 5; /pay 0; }
--- config
location = /t { admission_shed shop priority=$urgency; }
location = /u { admission_shed shop priority=$arg_p; }



=== TEST 9: inherited, replaced, and off
--- http_config
admission_upstream shop;
admission_upstream pay concurrency=1;
admission_shed shop;
--- config
location /a/ { return 200; }
location /b/ { admission_shed pay; }
location /c/ { admission_shed off; location /c/d { return 200; } }



=== TEST 10: a fallback behind the location that uses it, in each server
--- http_config
admission_upstream shop;
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    admission_shed shop fallback=@busy;
    location @busy { return 200; }
}
--- config
location = /t { admission_shed shop fallback=@busy; }
location @busy { return 200; }



=== TEST 11: ... in a server that has it from http, and off in another one
--- http_config
admission_upstream shop;
admission_shed shop fallback=@busy;
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    admission_shed off;
}
--- config
location @busy { return 200; }



=== TEST 12: a content handler of ours ignores what it would inherit
--- http_config
admission_upstream shop concurrency=1;
--- config
admission_shed shop;
location = /status { admission_status; }
--- request
GET /status
--- response_body_like: admission_build_info
--- response_body_unlike: shed_offers_total\{



=== TEST 13: an upstream that nobody uses
--- http_config
admission_upstream shop concurrency=adaptive;
--- config
location = /t { return 200; }
--- error_log eval
[qr/\[warn\].* upstream "shop" at \S+nginx\.conf:\d+ has no effect: no "admission_shed" puts it before a location/]
