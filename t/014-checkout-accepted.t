# Keys and stock that are right: what has to be accepted, and what is warned of.
#
# A configuration that is refused although it is right keeps a node from
# starting on the day of the sale.  And what is right but dangerous has to be
# said when nothing is at stake yet: a proxy that gives an order up when its
# client leaves loses the answer of a charge that was made.

use File::Temp ();
use Test::Nginx::Socket 'no_plan';

my $keys = File::Temp->new(TEMPLATE => 'adm-keys-XXXXXX', TMPDIR => 1);

print {$keys} 'k1:', 'a1' x 32, "\n";
close $keys or die "014: $keys: $!\n";

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

=== TEST 1: the smallest of both
--- config
location = /t {
    admission_idempotency $http_idempotency_key owner=$remote_user;
    admission_inventory $arg_sku;
}



=== TEST 2: every parameter
--- http_config
admission_zone keys 1m;
admission_zone stock 1m;
--- config
location = /t {
    admission_idempotency $arg_key owner=$remote_user required ttl=30d lock=1h
        fingerprint=uri keep=2xx,303,400,5xx max_body=1m
        methods=GET,POST,PUT,PATCH,DELETE zone=keys;
    admission_inventory $arg_sku,extra quantity=$arg_n,1 mode=reserve hold=7d
        buyer=$remote_user per_buyer=1000000/365d unresolved=return
        commit=200,201 release=303,4xx,5xx methods=POST,PUT
        key=shop-1:%s.left zone=stock;
}



=== TEST 3: ... and the least of each
--- config
location = /t {
    admission_idempotency $arg_key owner=$arg_o ttl=1s lock=100ms
        fingerprint=body keep=none max_body=0 methods=POST;
    admission_inventory a hold=1s mode=reserve unresolved=keep commit=none
        release=none key=%s;
}



=== TEST 4: a cart of as many SKUs as there may be
--- config
location = /t { admission_inventory a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,a; }



=== TEST 5: a level's own, and none, instead of those above
--- config
admission_idempotency $http_a owner=$remote_user;
admission_inventory $arg_sku;
location /t {
    admission_idempotency $http_b owner=$remote_user;
    location /t/off {
        admission_idempotency off;
        admission_inventory off;
    }
}



=== TEST 6: what policies do without the store
--- config
admission_on_store_failure rate=open room=closed idempotency=open
    inventory=closed;
location = /t { admission_on_store_failure inventory=open; }



=== TEST 7: a proxy that gives up
--- config
location = /t {
    admission_idempotency $http_a owner=$remote_user;
    proxy_pass http://127.0.0.1:1;
}
--- error_log eval
["[warn]",
 qr{"proxy_ignore_client_abort" is off in location "/t", to which "admission_idempotency" at \S+:\d+ applies: a client that leaves cuts off its order, and nobody knows what became of it$}]



=== TEST 8: ... with a variable, and nothing but a hold
--- config
location = /t {
    admission_inventory $arg_sku mode=reserve;
    proxy_pass http://$host;
}
--- error_log eval
["[warn]",
 qr{"proxy_ignore_client_abort" is off in location "/t", to which "admission_inventory" at \S+:\d+ applies}]



=== TEST 9: ... FastCGI
--- config
admission_idempotency $http_a owner=$remote_user;
location = /t { fastcgi_pass $host; }
--- error_log eval
["[warn]",
 qr{"fastcgi_ignore_client_abort" is off in location "/t", to which "admission_idempotency" at \S+:\d+ applies}]



=== TEST 10: ... uwsgi
--- config
admission_idempotency $http_a owner=$remote_user;
location = /t { uwsgi_pass 127.0.0.1:1; }
--- error_log eval
["[warn]", qr{"uwsgi_ignore_client_abort" is off in location "/t", to }]



=== TEST 11: ... SCGI
--- config
admission_idempotency $http_a owner=$remote_user;
location = /t { scgi_pass 127.0.0.1:1; }
--- error_log eval
["[warn]", qr{"scgi_ignore_client_abort" is off in location "/t", to }]



=== TEST 12: ... in an "if"
--- config
location = /t {
    admission_idempotency $http_a owner=$remote_user;
    if ($arg_b) { proxy_pass http://127.0.0.1:1; }
}
--- error_log eval
["[warn]", qr{"proxy_ignore_client_abort" is off in location }]



=== TEST 13: none that gives up where it matters
--- config
location = /a {
    admission_idempotency $http_a owner=$remote_user;
    admission_inventory $arg_sku mode=reserve;
    proxy_pass http://127.0.0.1:1;
    proxy_ignore_client_abort on;
}
location = /b {
    admission_inventory $arg_sku;
    proxy_pass http://127.0.0.1:1;
}
location = /c { proxy_pass http://127.0.0.1:1; }
location /d {
    admission_idempotency $http_a owner=$remote_user;
    fastcgi_ignore_client_abort on;
    uwsgi_ignore_client_abort on;
    scgi_ignore_client_abort on;
    location /d/f { fastcgi_pass 127.0.0.1:1; }
    location /d/u { uwsgi_pass $host; }
    location /d/s { scgi_pass $host; }
    location /d/e { empty_gif; }
    location /d/r { return 204; }
    location /d/off { admission_idempotency off; fastcgi_pass $host; }
}



=== TEST 14: a key with the braces of a cluster
--- config
location = /t { admission_inventory $arg_sku "key=shop:{%s}"; }



=== TEST 15: a stock in Redis, and on_failover=close, which is about it
--- http_config
admission_secret_file $TEST_NGINX_KEYS;
admission_redis redis://127.0.0.1:1 on_failover=close;
--- config
location = /t { admission_inventory $arg_sku; }



=== TEST 16: quantities that may be right
--- config
location = /a { admission_inventory lamp quantity=1000000; }
location = /b { admission_inventory lamp,chair quantity=1,2; }
location = /c { admission_inventory lamp,chair quantity=$arg_n; }
location = /d { admission_inventory $arg_sku quantity=1,1; }
location = /e { admission_inventory $arg_sku,bag quantity=$arg_n,1; }
location = /f { admission_inventory $arg_sku quantity=$arg_n,1; }
