# The directives of Redis: what nginx -t says of wrong ones.
#
# A word that is misspelt here is found on the day on which Redis is slow, by
# everybody; a password that stands in the configuration is in every copy of
# it.  So each wrong word stops nginx -t with a sentence, and no sentence has
# a secret in it.

use File::Temp ();
use Test::Nginx::Socket 'no_plan';

our $dir = File::Temp::tempdir(CLEANUP => 1);

# these must be seen nowhere
my @secrets = ("f00dfeed", "oops");

sub file {
    my ($name, $mode, $text) = @_;

    open my $out, ">", "$dir/$name" or die "cannot write $name: $!\n";
    print {$out} $text;
    close $out or die "cannot write $name: $!\n";
    chmod $mode, "$dir/$name" or die "cannot chmod $name: $!\n";
}

chmod 0755, $dir;

file(keys => 0600, "k1:" . "a1" x 32 . "\n");
file(password => 0600, "oops f00dfeed\n");
file(group => 0640, "f00dfeed\n");
file(world => 0604, "f00dfeed\n");
file(empty => 0600, "");
file(newline => 0600, "\r\n");
file(lines => 0600, "f00dfeed\noops\n");
file(no_certificate => 0600, "f00dfeed\n");

$ENV{TEST_NGINX_FILES} = $dir;
$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

# every block here is a configuration that nginx must refuse; one with
# "tokens" in its name does without their keys
add_block_preprocessor(sub {
    my ($block) = @_;

    my $keys = $block->name =~ /tokens/
        ? '' : "admission_secret_file \$TEST_NGINX_FILES/keys;\n";

    $block->set_value(http_config => $keys . ($block->http_config // ''));
    $block->set_value(config => "") if !defined $block->config;
    $block->set_value(request => "GET /");
    $block->set_value(must_die => "");
    $block->set_value(suppress_stderr => "");
    $block->set_value(no_error_log =>
                      join "\n", "[alert]", "[crit]", @secrets);
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: no URI
--- http_config
admission_redis;
--- error_log
[emerg]
invalid number of arguments in "admission_redis" directive in



=== TEST 2: a parameter instead of a URI
--- http_config
admission_redis timeout=50ms;
--- error_log
[emerg]
no URI in "admission_redis", it must be first, as "redis://10.0.0.5" in



=== TEST 3: an empty URI
--- http_config
admission_redis "";
--- error_log
[emerg]
invalid URI "" in "admission_redis", it must be "redis://[USER@]HOST[:PORT][/DB]", the same with "rediss://", or "unix:/PATH" in



=== TEST 4: no scheme
--- http_config
admission_redis 10.0.0.5:6379;
--- error_log
[emerg]
invalid URI "10.0.0.5:6379" in "admission_redis", it must be "redis://[USER@]HOST[:PORT][/DB]", the same with "rediss://", or "unix:/PATH" in



=== TEST 5: another scheme
--- http_config
admission_redis http://10.0.0.5;
--- error_log
[emerg]
invalid URI "http://10.0.0.5" in "admission_redis", it must be "redis://[USER@]HOST[:PORT][/DB]", the same with "rediss://", or "unix:/PATH" in



=== TEST 6: a socket without a path
--- http_config
admission_redis unix:;
--- error_log
[emerg]
invalid URI "unix:" in "admission_redis", it must be "redis://[USER@]HOST[:PORT][/DB]", the same with "rediss://", or "unix:/PATH" in



=== TEST 7: a socket of a relative path
--- http_config
admission_redis unix:redis.sock;
--- error_log
[emerg]
invalid URI "unix:redis.sock" in "admission_redis", it must be "redis://[USER@]HOST[:PORT][/DB]", the same with "rediss://", or "unix:/PATH" in



=== TEST 8: a socket of a path that no socket may have
--- http_config
admission_redis unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;
--- error_log
[emerg]
too long path in the unix domain socket in "unix:/



=== TEST 9: no host
--- http_config
admission_redis redis://;
--- error_log
[emerg]
no host in "redis://" of "admission_redis", it must be a host and a port, as "10.0.0.5:6379", or a socket in



=== TEST 10: no host but a port
--- http_config
admission_redis redis://:6379;
--- error_log
[emerg]
no host in "redis://:6379" of "admission_redis", it must be



=== TEST 11: every host
--- http_config
admission_redis redis://0.0.0.0;
--- error_log
[emerg]
invalid host in "redis://0.0.0.0" of "admission_redis", it must be



=== TEST 12: a port that there is not
--- http_config
admission_redis redis://10.0.0.5:65536;
--- error_log
[emerg]
invalid port in "redis://10.0.0.5:65536" of "admission_redis", it must be



=== TEST 13: port 0
--- http_config
admission_redis redis://10.0.0.5:0;
--- error_log
[emerg]
invalid port in "redis://10.0.0.5:0" of "admission_redis", it must be



=== TEST 14: an IPv6 address without brackets
--- http_config
admission_redis redis://::1;
--- error_log
[emerg]
invalid port in "redis://::1" of "admission_redis", it must be



=== TEST 15: an IPv6 address of one bracket
--- http_config
admission_redis redis://[::1;
--- error_log
[emerg]
invalid host in "redis://[::1" of "admission_redis", it must be



=== TEST 16: a database that is no number
--- http_config
admission_redis redis://10.0.0.5/shop;
--- error_log
[emerg]
invalid database of "redis://10.0.0.5/shop" in "admission_redis", it must be a number from 0 to 65535 in



=== TEST 17: a database beyond all
--- http_config
admission_redis redis://10.0.0.5/65536;
--- error_log
[emerg]
invalid database of "redis://10.0.0.5/65536" in "admission_redis", it must be



=== TEST 18: a query
--- http_config
admission_redis redis://10.0.0.5/0?db=1;
--- error_log
[emerg]
invalid database of "redis://10.0.0.5/0?db=1" in "admission_redis", it must be



=== TEST 19: no user before the at sign
--- http_config
admission_redis redis://@10.0.0.5;
--- error_log
[emerg]
invalid user of "redis://@10.0.0.5" in "admission_redis", it must be 1 to 64 letters, digits, "_", "." or "-" in



=== TEST 20: a user who is none
--- http_config
admission_redis redis://a%20b@10.0.0.5;
--- error_log
[emerg]
invalid user of "redis://a%20b@10.0.0.5" in "admission_redis", it must be



=== TEST 21: a password in the URI
--- http_config
admission_redis redis://shop:f00dfeed@10.0.0.5;
--- error_log
[emerg]
a password in a URI of "admission_redis", it must stand alone in a file that "admission_redis_auth" names in



=== TEST 22: a password alone
--- http_config
admission_redis redis://:f00dfeed@10.0.0.5;
--- error_log
[emerg]
a password in a URI of "admission_redis", it must stand alone in a file that "admission_redis_auth" names in



=== TEST 23: a password with marks of its own
--- http_config
admission_redis "redis://shop:f00dfeed@oops/a@10.0.0.5";
--- error_log
[emerg]
a password in a URI of "admission_redis", it must stand alone in a file that "admission_redis_auth" names in



=== TEST 24: a password in another scheme
--- http_config
admission_redis http://shop:f00dfeed@10.0.0.5;
--- error_log
[emerg]
a password in a URI of "admission_redis", it must stand alone in a file that "admission_redis_auth" names in



=== TEST 25: a password without a scheme
--- http_config
admission_redis shop:f00dfeed@10.0.0.5;
--- error_log
[emerg]
a password in a URI of "admission_redis", it must stand alone in a file that "admission_redis_auth" names in



=== TEST 26: a password in the second URI, the first wrong, too
--- http_config
admission_redis 10.0.0.5 redis://shop:f00dfeed@10.0.0.6;
--- error_log
[emerg]
a password in a URI of "admission_redis", it must stand alone in a file that "admission_redis_auth" names in



=== TEST 27: a password behind the parameters
--- http_config
admission_redis redis://10.0.0.5 timeout=1s redis://shop:f00dfeed@10.0.0.6;
--- error_log
[emerg]
a password in a URI of "admission_redis", it must stand alone in a file that "admission_redis_auth" names in



=== TEST 28: TLS and none
--- http_config
admission_redis redis://10.0.0.5 rediss://10.0.0.6;
--- error_log
[emerg]
the scheme of "rediss://10.0.0.6" in "admission_redis" is another than that of "redis://10.0.0.5", all must have the same in



=== TEST 29: a host and a socket
--- http_config
admission_redis redis://10.0.0.5 unix:/run/redis.sock;
--- error_log
[emerg]
the scheme of "unix:/run/redis.sock" in "admission_redis" is another than that of "redis://10.0.0.5", all must have the same in



=== TEST 30: two databases
--- http_config
admission_redis redis://10.0.0.5/1 redis://10.0.0.6;
--- error_log
[emerg]
the database of "redis://10.0.0.6" in "admission_redis" is another than that of "redis://10.0.0.5", all must have the same in



=== TEST 31: two users
--- http_config
admission_redis redis://a@10.0.0.5 redis://b@10.0.0.6;
--- error_log
[emerg]
the user of "redis://b@10.0.0.6" in "admission_redis" is another than that of "redis://10.0.0.5", all must have the same in



=== TEST 32: a server twice
--- http_config
admission_redis redis://10.0.0.5 redis://10.0.0.5:6379;
--- error_log
[emerg]
duplicate URI "redis://10.0.0.5:6379" in "admission_redis" in



=== TEST 33: a host that there is not
--- http_config
admission_redis redis://nobody.invalid;
--- error_log
[emerg]
host not found in "redis://nobody.invalid" of "admission_redis" at 



=== TEST 34: a cluster with a database
--- http_config
admission_redis redis://10.0.0.5/1 topology=cluster;
--- error_log
[emerg]
a database of "redis://10.0.0.5/1" in "admission_redis": a cluster has only 0 in



=== TEST 35: a cluster behind a socket
--- http_config
admission_redis unix:/run/redis.sock topology=cluster;
--- error_log
[emerg]
a socket "unix:/run/redis.sock" in "admission_redis": other servers of a topology are reached by host and port alone in



=== TEST 36: an unknown parameter
--- http_config
admission_redis redis://10.0.0.5 retries=3;
--- error_log
[emerg]
invalid parameter "retries=3" in "admission_redis", it must be "topology=", "timeout=", "claim_timeout=", "connect_timeout=", "connections=", "prefix=" or "on_failover=" in



=== TEST 37: a word without a value
--- http_config
admission_redis redis://10.0.0.5 timeout=1s cluster;
--- error_log
[emerg]
invalid parameter "cluster" in "admission_redis", it must be



=== TEST 38: a URI behind the parameters
--- http_config
admission_redis redis://10.0.0.5 timeout=1s redis://10.0.0.6;
--- error_log
[emerg]
invalid parameter "redis://10.0.0.6" in "admission_redis", it must be



=== TEST 39: a parameter twice
--- http_config
admission_redis redis://10.0.0.5 timeout=1s timeout=2s;
--- error_log
[emerg]
duplicate parameter "timeout=2s" in "admission_redis" in



=== TEST 40: a topology that there is not
--- http_config
admission_redis redis://10.0.0.5 topology=ring;
--- error_log
[emerg]
invalid value "ring" of "topology=" in "admission_redis", it must be "standalone", "sentinel:MASTER" or "cluster" in



=== TEST 41: Sentinel without a master
--- http_config
admission_redis redis://10.0.0.5 topology=sentinel:;
--- error_log
[emerg]
invalid value "sentinel:" of "topology=" in "admission_redis", it must be



=== TEST 42: a name that Sentinel would not take
--- http_config
admission_redis "redis://10.0.0.5" "topology=sentinel:my master";
--- error_log
[emerg]
invalid value "sentinel:my master" of "topology=" in "admission_redis", it must be



=== TEST 43: timeout: no time
--- http_config
admission_redis redis://10.0.0.5 timeout=soon;
--- error_log
[emerg]
invalid value "soon" of "timeout=" in "admission_redis", it must be a time from 1ms to 1m, as "50ms" in



=== TEST 44: claim_timeout: no time
--- http_config
admission_redis redis://10.0.0.5 claim_timeout=soon;
--- error_log
[emerg]
invalid value "soon" of "claim_timeout=" in "admission_redis", it must be a time from 1ms to 1m, as "500ms" in



=== TEST 45: connect_timeout: no time
--- http_config
admission_redis redis://10.0.0.5 connect_timeout=soon;
--- error_log
[emerg]
invalid value "soon" of "connect_timeout=" in "admission_redis", it must be a time from 1ms to 1m, as "250ms" in



=== TEST 46: a timeout of nothing
--- http_config
admission_redis redis://10.0.0.5 timeout=0;
--- error_log
[emerg]
invalid value "0" of "timeout=" in "admission_redis", it must be



=== TEST 47: a timeout that nobody waits for
--- http_config
admission_redis redis://10.0.0.5 timeout=61s;
--- error_log
[emerg]
invalid value "61s" of "timeout=" in "admission_redis", it must be



=== TEST 48: no connections
--- http_config
admission_redis redis://10.0.0.5 connections=0;
--- error_log
[emerg]
invalid value "0" of "connections=" in "admission_redis", it must be a number from 1 to 16 in



=== TEST 49: too many connections
--- http_config
admission_redis redis://10.0.0.5 connections=17;
--- error_log
[emerg]
invalid value "17" of "connections=" in "admission_redis", it must be



=== TEST 50: an empty prefix
--- http_config
admission_redis redis://10.0.0.5 prefix=;
--- error_log
[emerg]
invalid value "" of "prefix=" in "admission_redis", it must be 1 to 64 letters, digits, "_", ".", ":" or "-" in



=== TEST 51: a prefix that would choose the slot
--- http_config
admission_redis "redis://10.0.0.5" "prefix={adm}";
--- error_log
[emerg]
invalid value "{adm}" of "prefix=" in "admission_redis", it must be



=== TEST 52: on_failover, another word
--- http_config
admission_redis redis://10.0.0.5 on_failover=stop;
--- error_log
[emerg]
invalid value "stop" of "on_failover=" in "admission_redis", it must be "continue" or "close" in



=== TEST 53: twice
--- http_config
admission_redis redis://10.0.0.5;
admission_redis redis://10.0.0.6;
--- error_log eval
["[emerg]",
 qr{"admission_redis" is already set at \S+/nginx\.conf:\d+ in \S+/nginx\.conf:}m]



=== TEST 54: in a server
--- config
admission_redis redis://10.0.0.5;
--- error_log
[emerg]
"admission_redis" directive is not allowed here in



=== TEST 55: without keys for tokens
--- http_config
admission_redis redis://10.0.0.5;
--- error_log eval
["[emerg]",
 qr{"admission_redis" at \S+/nginx\.conf:\d+ needs "admission_secret_file", the same file on every node; "umask 077; echo k1:\$\(openssl rand -hex 32\) > FILE" makes one}m]



=== TEST 56: admission_redis_auth, no file
--- http_config
admission_redis_auth;
--- error_log
[emerg]
invalid number of arguments in "admission_redis_auth" directive in



=== TEST 57: ... a file that there is not
--- http_config
admission_redis_auth $TEST_NGINX_FILES/nowhere;
--- error_log eval
["[emerg]",
 qr{open\(\) "\S+/nowhere" failed \(2: No such file or directory\) in}m]



=== TEST 58: ... that the group may read
--- http_config
admission_redis_auth $TEST_NGINX_FILES/group;
--- error_log eval
["[emerg]",
 qr{secret file "\S+/group" is open to others than its owner, its mode is 0640: chmod 600 }m]



=== TEST 59: ... that the world may read
--- http_config
admission_redis_auth $TEST_NGINX_FILES/world;
--- error_log eval
["[emerg]",
 qr{secret file "\S+/world" is open to others than its owner, its mode is 0604: chmod 600 }m]



=== TEST 60: ... that is empty
--- http_config
admission_redis_auth $TEST_NGINX_FILES/empty;
--- error_log eval
["[emerg]",
 qr{secret file "\S+/empty" must have the password alone, in one line in}m]



=== TEST 61: ... of an empty line
--- http_config
admission_redis_auth $TEST_NGINX_FILES/newline;
--- error_log eval
["[emerg]",
 qr{secret file "\S+/newline" must have the password alone, in one line in}m]



=== TEST 62: ... of two lines
--- http_config
admission_redis_auth $TEST_NGINX_FILES/lines;
--- error_log eval
["[emerg]",
 qr{secret file "\S+/lines" must have the password alone, in one line in}m]



=== TEST 63: ... twice
--- http_config
admission_redis_auth $TEST_NGINX_FILES/password;
admission_redis_auth $TEST_NGINX_FILES/password;
--- error_log
[emerg]
"admission_redis_auth" is already set at 



=== TEST 64: ... without admission_redis
--- http_config
admission_redis_auth $TEST_NGINX_FILES/password;
--- error_log eval
["[emerg]",
 qr{"admission_redis_auth" at \S+/nginx\.conf:\d+ has no use without "admission_redis"$}m]



=== TEST 65: a user without a password
--- http_config
admission_redis redis://edge@10.0.0.5;
--- error_log eval
["[emerg]",
 qr{user "edge" of "admission_redis" at \S+/nginx\.conf:\d+ has no password, "admission_redis_auth" names its file}m]



=== TEST 66: admission_redis_tls, an unknown parameter
--- http_config
admission_redis_tls protocols=TLSv1;
--- error_log
[emerg]
invalid parameter "protocols=TLSv1" in "admission_redis_tls", it must be "verify=", "ca=", "name=", "certificate=" or "key=" in



=== TEST 67: ... verify, another word
--- http_config
admission_redis_tls verify=of;
--- error_log
[emerg]
invalid value "of" of "verify=" in "admission_redis_tls", it must be "on" or "off" in



=== TEST 68: ... verify twice
--- http_config
admission_redis_tls verify=on verify=off;
--- error_log
[emerg]
duplicate parameter "verify=off" in "admission_redis_tls" in



=== TEST 69: ... an empty name
--- http_config
admission_redis_tls name=;
--- error_log
[emerg]
invalid value "" of "name=" in "admission_redis_tls", it must be a host name in



=== TEST 70: ... a certificate without its key
--- http_config
admission_redis_tls certificate=$TEST_NGINX_FILES/keys;
--- error_log
[emerg]
"certificate=" without "key=" in "admission_redis_tls", they belong together in



=== TEST 71: ... a key without its certificate
--- http_config
admission_redis_tls key=$TEST_NGINX_FILES/keys;
--- error_log
[emerg]
"key=" without "certificate=" in "admission_redis_tls", they belong together in



=== TEST 72: ... an authority that nobody asks
--- http_config
admission_redis_tls verify=off ca=$TEST_NGINX_FILES/keys;
--- error_log
[emerg]
"ca=" has no use in "admission_redis_tls" with "verify=off" in



=== TEST 73: ... a name that nobody asks for
--- http_config
admission_redis_tls verify=off name=redis.test;
--- error_log
[emerg]
"name=" has no use in "admission_redis_tls" with "verify=off" in



=== TEST 74: ... twice
--- http_config
admission_redis_tls verify=on;
admission_redis_tls verify=off;
--- error_log
[emerg]
"admission_redis_tls" is already set at 



=== TEST 75: ... without admission_redis
--- http_config
admission_redis_tls;
--- error_log eval
["[emerg]",
 qr{"admission_redis_tls" at \S+/nginx\.conf:\d+ has no use without "admission_redis"$}m]



=== TEST 76: ... without TLS
--- http_config
admission_redis redis://10.0.0.5;
admission_redis_tls;
--- error_log eval
["[emerg]",
 qr{"admission_redis_tls" at \S+/nginx\.conf:\d+ has no use without "rediss://" in "admission_redis"$}m]



=== TEST 77: ... authorities that are none
--- http_config
admission_redis rediss://10.0.0.5;
admission_redis_tls ca=$TEST_NGINX_FILES/no_certificate;
--- error_log eval
["[emerg]",
 qr{SSL_CTX_load_verify_locations\("\S+/no_certificate"\) failed}m,
 qr{"ca=" of "admission_redis_tls" at \S+/nginx\.conf:\d+ cannot be loaded$}m]



=== TEST 78: ... authorities that are nowhere
--- http_config
admission_redis rediss://10.0.0.5;
admission_redis_tls ca=$TEST_NGINX_FILES/nowhere;
--- error_log eval
["[emerg]",
 qr{SSL_CTX_load_verify_locations\("\S+/nowhere"\) failed}m,
 qr{"ca=" of "admission_redis_tls" at \S+/nginx\.conf:\d+ cannot be loaded$}m]



=== TEST 79: ... a certificate that is none
--- http_config
admission_redis rediss://10.0.0.5;
admission_redis_tls certificate=$TEST_NGINX_FILES/no_certificate
    key=$TEST_NGINX_FILES/no_certificate;
--- error_log eval
["[emerg]",
 qr{cannot load certificate "\S+/no_certificate"}m,
 qr{"certificate=" with "key=" of "admission_redis_tls" at \S+/nginx\.conf:\d+ cannot be loaded$}m]



=== TEST 80: admission_redis_circuit, an unknown parameter
--- http_config
admission_redis_circuit half_open=1;
--- error_log
[emerg]
invalid parameter "half_open=1" in "admission_redis_circuit", it must be "failures=", "successes=", "open=" or "max_open=" in



=== TEST 81: ... no failures
--- http_config
admission_redis_circuit failures=0;
--- error_log
[emerg]
invalid value "0" of "failures=" in "admission_redis_circuit", it must be a number from 1 to 1000 in



=== TEST 82: ... successes that are no number
--- http_config
admission_redis_circuit successes=many;
--- error_log
[emerg]
invalid value "many" of "successes=" in "admission_redis_circuit", it must be a number from 1 to 1000 in



=== TEST 83: ... open for no time
--- http_config
admission_redis_circuit open=0s;
--- error_log
[emerg]
invalid value "0s" of "open=" in "admission_redis_circuit", it must be a time from 1ms to 1h, as "1s" in



=== TEST 84: ... open for a day
--- http_config
admission_redis_circuit max_open=1d;
--- error_log
[emerg]
invalid value "1d" of "max_open=" in "admission_redis_circuit", it must be a time from 1ms to 1h, as "30s" in



=== TEST 85: ... open for longer than the longest
--- http_config
admission_redis_circuit open=31s;
--- error_log
[emerg]
"open=" of 31000ms is above "max_open=" of 30000ms in "admission_redis_circuit", it must be at most that in



=== TEST 86: ... twice
--- http_config
admission_redis_circuit failures=1;
admission_redis_circuit failures=2;
--- error_log
[emerg]
"admission_redis_circuit" is already set at 



=== TEST 87: ... without admission_redis
--- http_config
admission_redis_circuit failures=1;
--- error_log eval
["[emerg]",
 qr{"admission_redis_circuit" at \S+/nginx\.conf:\d+ has no use without "admission_redis"$}m]



=== TEST 88: admission_on_store_failure, the room's word
--- http_config
admission_on_store_failure room=drop;
--- error_log
[emerg]
invalid value "drop" of "room=" in "admission_on_store_failure", it must be "local", "open" or "closed" in



=== TEST 89: ... the room twice
--- http_config
admission_on_store_failure room=open room=closed;
--- error_log
[emerg]
duplicate parameter "room=closed" in "admission_on_store_failure" in



=== TEST 90: ... what no node knows by itself
--- http_config
admission_on_store_failure inventory=local;
--- error_log
[emerg]
invalid value "local" of "inventory=" in "admission_on_store_failure", it must be "open" or "closed" in



=== TEST 91: ... and this
--- http_config
admission_on_store_failure idempotency=local;
--- error_log
[emerg]
invalid value "local" of "idempotency=" in "admission_on_store_failure", it must be "open" or "closed" in



=== TEST 92: ... one of four twice
--- http_config
admission_on_store_failure idempotency=open inventory=open idempotency=closed;
--- error_log
[emerg]
duplicate parameter "idempotency=closed" in "admission_on_store_failure" in
