# The directives of Redis: what has to be accepted, and what is warned of.
#
# None of these has a server behind it: a node has to start, and to serve what
# it can, while its Redis is away.  A name that no name server knows yet is fine where
# nginx is told whom to ask later.

use File::Temp ();
use IO::Socket::UNIX ();
use Test::Nginx::Socket 'no_plan';

our $dir = File::Temp::tempdir(CLEANUP => 1);

sub file {
    my ($name, $mode, $text) = @_;

    open my $out, ">", "$dir/$name" or die "cannot write $name: $!\n";
    print {$out} $text;
    close $out or die "cannot write $name: $!\n";
    chmod $mode, "$dir/$name" or die "cannot chmod $name: $!\n";
}

chmod 0755, $dir;

file(keys => 0600, "k1:" . "a1" x 32 . "\n");
file(password => 0600, "f00dfeed oops\n");
file(bare => 0400, "f00dfeed");

# there, and nobody behind them

mkdir "$dir/a:b\@c", 0755;

my @silent = map { listener("$dir/$_/redis.sock") } '.', 'a:b@c';

sub listener {
    my ($path) = @_;

    my $socket = IO::Socket::UNIX->new(Local => $path, Listen => 16)
        or die "cannot listen on $path: $!\n";

    chmod 0777, $path;

    return $socket;
}

system('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1'
       . " -nodes -days 1 -subj /CN=redis.test -keyout $dir/key.pem"
       . " -out $dir/certificate.pem > $dir/openssl.log 2>&1") == 0
    or die "openssl: see $dir/openssl.log\n";

$ENV{TEST_NGINX_FILES} = $dir;
$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config =>
                      "admission_secret_file \$TEST_NGINX_FILES/keys;\n"
                      . ($block->http_config // ''));
    $block->set_value(config => 'location = /in { return 200 "in service"; }');
    $block->set_value(request => 'GET /in');
    $block->set_value(response_body => 'in service');

    my $warnings = defined $block->error_log ? '' : "[warn]\n";

    $block->set_value(no_error_log =>
                      "${warnings}[alert]\n[emerg]\n[crit]\nf00dfeed");
    $block->set_value(suppress_stderr => '') if defined $block->error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: an address
--- http_config
admission_redis redis://127.0.0.1:1;



=== TEST 2: a socket
--- http_config
admission_redis unix:$TEST_NGINX_FILES/redis.sock;



=== TEST 3: a path with marks of URIs
--- http_config
admission_redis "unix:$TEST_NGINX_FILES/a:b@c/redis.sock";



=== TEST 4: an IPv6 address, a port, a database, a user
--- http_config
admission_redis redis://edge@[::1]:1/15;
admission_redis_auth $TEST_NGINX_FILES/password;



=== TEST 5: the default user's password, without an end of line
--- http_config
admission_redis_auth $TEST_NGINX_FILES/bare;
admission_redis redis://127.0.0.1:1/;



=== TEST 6: every parameter
--- http_config
admission_redis redis://127.0.0.1:1 redis://127.0.0.1:2
    topology=standalone timeout=20ms claim_timeout=1s connect_timeout=1m
    connections=16 prefix=shop:edge- on_failover=continue;
admission_redis_circuit failures=1000 successes=1 open=10ms max_open=1h;



=== TEST 7: what belongs to it stands before it
--- http_config
admission_redis_circuit;
admission_redis_tls name=redis.test ca=$TEST_NGINX_FILES/certificate.pem;
admission_redis rediss://127.0.0.1:1;



=== TEST 8: a certificate of the client's
--- http_config
admission_redis rediss://127.0.0.1:1;
admission_redis_tls verify=off certificate=$TEST_NGINX_FILES/certificate.pem
    key=$TEST_NGINX_FILES/key.pem;



=== TEST 9: TLS with the authorities of the system
--- http_config
admission_redis rediss://127.0.0.1:1;



=== TEST 10: TLS, and nothing to be said of it
--- http_config
admission_redis rediss://127.0.0.1:1;
admission_redis_tls;



=== TEST 11: Sentinels
--- http_config
admission_redis redis://127.0.0.1:1 redis://127.0.0.1:2 redis://127.0.0.1:3
    topology=sentinel:shop.master-1;



=== TEST 12: a cluster, database 0
--- http_config
admission_redis redis://127.0.0.1:1/0 redis://127.0.0.1:2 topology=cluster;



=== TEST 13: a name
--- http_config
admission_redis redis://localhost:1;



=== TEST 14: a name that a resolver will have to know
--- http_config
resolver 127.0.0.1:1;
admission_redis redis://nobody.invalid;
--- error_log
[warn]
host not found in "redis://nobody.invalid" of "admission_redis" at 



=== TEST 15: what is about stock has no effect without any
--- http_config
admission_redis redis://127.0.0.1:1 on_failover=close;
--- error_log eval
["[warn]",
 qr{"on_failover=close" in "admission_redis" at \S+:\d+ has no effect: it is about stock, and there is none$}]



=== TEST 16: what two policies do without it
--- http_config
admission_redis redis://127.0.0.1:1;
admission_on_store_failure rate=closed room=open;
