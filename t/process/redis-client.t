#!/usr/bin/perl

# The way to a Redis: by a socket, by a port, by TLS, as a user with a
# password, to a database.  Who is not to be trusted is not talked to, a
# secret is never logged, and a server that goes and comes, or takes a
# password at last, is found again without a reload.  All questions of
# a worker share a connection, and another module that brings a hiredis of its
# own changes nothing.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep);

use AdmHttp qw(fetch);
use AdmNginx qw(becomes free_port slurp wait_for);
use AdmRedis ();


AdmRedis::need_redis();

my $NCHAN = '/usr/lib/nginx/modules/ngx_nchan_module.so';

my $files = File::Temp->newdir('adm-client-XXXXXX', TMPDIR => 1);

my $keys = secret('keys', 'k1:' . 'ab' x 32);
my $key = 0;


sub secret {
    my ($name, $text) = @_;

    my $file = "$files/$name";

    open my $out, '>', $file or die "cannot write $name: $!\n";
    chmod 0600, $file;
    print {$out} "$text\n";
    close $out or die "cannot write $name: $!\n";

    return $file;
}


# Without a store a request for /one is refused, so that 200 tells that there
# is one.
sub http {
    my ($uri, @more) = @_;

    return <<"END";
    admission_redis $uri timeout=5s claim_timeout=5s connect_timeout=5s;
    admission_redis_circuit failures=1000;
    admission_secret_file $keys;
    admission_on_store_failure rate=closed;
    @more

    admission_rate one \$arg_k rate=1r/h burst=2 scope=exact;
    admission_rate many \$arg_k rate=1r/s burst=99999 scope=exact;

    server {
        listen 127.0.0.1:%{h1};

        location = /status { admission_status; }
        location = /one { alias %{dir}/html/hello; admission_limit one; }
        location = /many { alias %{dir}/html/hello; admission_limit many; }
    }
END
}


sub ask {
    my ($nginx, $path) = @_;

    my $answer = fetch($nginx->port('h1'), $path // '/one?k=' . ++$key);

    return $answer ? $answer->{status} : 0;
}


# As soon as there is a store, three of four pass.
sub is_served {
    my ($nginx, $name) = @_;

    wait_for(sub { ask($nginx) == 200 });

    my $path = '/one?k=' . ++$key;

    return is(join(' ', map { ask($nginx, $path) } 1 .. 4), '200 200 200 429',
        $name);
}


sub is_refused {
    my ($nginx, $mark, $line, $name) = @_;

    ok($nginx->wait_log($mark, $line), "$name: the log says why")
        or diag($nginx->since($mark));
    is(ask($nginx), 503, "$name: there is no store");
    is($nginx->metric('store_up'), 0, "$name: which shows");

    return;
}


sub anew {
    my ($nginx, @http) = @_;

    my $mark = $nginx->mark;

    $nginx->configure(http => http(@http));
    ok($nginx->reload, 'reloaded') or diag($nginx->since($mark));

    return $mark;
}


test_ways();
test_user();
test_password_later();
test_tls();
test_lost_connections();
test_first_connection();
test_too_many_clients();
test_one_connection();
test_other_hiredis();

done_testing();


sub test_ways {
    my $redis = AdmRedis->start;
    my $nginx = AdmNginx->start(http => http('unix:' . $redis->socket));

    is_served($nginx, 'by a socket');

    my ($worker) = $nginx->workers;

    like($redis->command('CLIENT', 'LIST'), qr/ name=admission-$worker /,
        'the connection bears the name of its worker');

    anew($nginx, $redis->uri);
    is_served($nginx, 'by a port');
    is($redis->info('keyspace')->{db3}, undef, 'in database 0');

    anew($nginx, $redis->uri . '/3');
    is_served($nginx, 'in a database');
    ok($redis->info('keyspace')->{db3}, 'in that one');

    $nginx->finish;
    becomes(sub { $redis->command('CLIENT', 'LIST') =~ /admission-/ ? 1 : 0 },
        0, 'no connection is left');

    return;
}


# The rights that docs/redis.md asks for are enough.
sub test_user {
    my ($rules) = slurp("$FindBin::Bin/../../docs/redis.md")
        =~ /^user edge on >PASSWORD (.*)$/m
        or die "docs/redis.md has no user\n";

    my $redis = AdmRedis->start;

    $redis->command(qw(ACL SETUSER edge on >of-the-edge), split ' ', $rules);
    $redis->command(qw(ACL SETUSER poor on >of-the-edge ~adm:* +role));

    my $nginx = AdmNginx->start(http => http($redis->uri =~ s{//}{//edge@}r,
        'admission_redis_auth ' . secret('password', 'of-the-edge') . ';'));

    is_served($nginx, 'as a user');
    like($redis->command('CLIENT', 'LIST'), qr/ user=edge /, 'as that one');

    my $mark = anew($nginx, $redis->uri =~ s{//}{//poor@}r,
        "admission_redis_auth $files/password;");
    is_refused($nginx, $mark, qr/\[crit\].*NOPERM/, 'a user without rights');

    $mark = anew($nginx, $redis->uri =~ s{//}{//edge@}r,
        'admission_redis_auth ' . secret('wrong', 'of-the-cellar') . ';');
    is_refused($nginx, $mark, qr/\[crit\].*WRONGPASS/, 'a wrong password');

    unlike($nginx->log_text, qr/of-the-(?:edge|cellar)/,
        'no password is in the log');

    $nginx->finish;

    return;
}


# A server that does not know AUTH repeats what it was sent in its error.
sub test_password_later {
    my $redis = AdmRedis->start(
        args => ['--rename-command', 'AUTH', 'LOGIN']);
    my $nginx = AdmNginx->start(http => http($redis->uri,
        'admission_redis_auth ' . secret('later', 'of-the-door') . ';'));

    is_refused($nginx, 0, qr/redis .* refused the greeting: ERR/,
        'a server without AUTH');
    unlike($nginx->log_text, qr/of-the-door/, 'the password is not logged');

    $nginx->finish;

    $redis = AdmRedis->start;
    $nginx = AdmNginx->start(http => http($redis->uri));

    is_served($nginx, 'without a password');

    $redis->command(qw(CONFIG SET requirepass of-the-gate));
    $redis->command(qw(CLIENT KILL TYPE normal SKIPME yes));

    is_refused($nginx, 0, qr/\[crit\].*NOAUTH/, 'a password all of a sudden');

    $redis->command('CONFIG', 'SET', 'requirepass', '');
    is_served($nginx, 'and found again without a reload');

    $nginx->finish;

    return;
}


sub openssl {
    my ($command) = @_;

    my $said = qx(cd '$files' && openssl $command 2>&1);
    die "openssl $command:\n$said" if $?;

    return;
}


# An authority, another one, a server's certificate by its name, one by its
# address, and a client's.
sub make_certificates {
    for my $ca (qw(ca other)) {
        openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$ca"
                . " -keyout $ca.key -out $ca.pem");
    }

    my %san = (name => 'DNS:redis.example', address => 'IP:127.0.0.1',
               client => 'DNS:edge.example');

    for my $name (keys %san) {
        secret("$name.ext", "subjectAltName=$san{$name}");
        openssl("req -new -newkey rsa:2048 -nodes -subj /CN=$name"
                . " -keyout $name.key -out $name.csr");
        openssl("x509 -req -days 2 -in $name.csr -CA ca.pem -CAkey ca.key"
                . " -CAcreateserial -extfile $name.ext -out $name.pem");
    }

    return;
}


sub test_tls {
    make_certificates();

    my $port = free_port();
    my $redis = AdmRedis->start(socket => 1, args => [
        '--tls-port', $port, '--tls-auth-clients', 'no',
        '--tls-ca-cert-file', "$files/ca.pem",
        '--tls-cert-file', "$files/name.pem",
        '--tls-key-file', "$files/name.key" ]);
    my $uri = "rediss://127.0.0.1:$port";

    my $nginx = AdmNginx->start(http => http($uri,
        "admission_redis_tls ca=$files/ca.pem name=redis.example;"));

    is_served($nginx, 'by TLS');

    my $mark = anew($nginx, $uri, "admission_redis_tls ca=$files/ca.pem;");
    is_refused($nginx, $mark, qr/its certificate is of another host/,
        'a certificate without the address');

    $mark = anew($nginx, $uri,
        "admission_redis_tls ca=$files/ca.pem name=other.example;");
    is_refused($nginx, $mark, qr/its certificate is of another host/,
        'a certificate of another name');

    $mark = anew($nginx, $uri,
        "admission_redis_tls ca=$files/other.pem name=redis.example;");
    is_refused($nginx, $mark, qr/redis .*certificate/, 'another authority');

    $mark = anew($nginx, $uri, 'admission_redis_tls name=redis.example;');
    is_refused($nginx, $mark, qr/redis .*certificate/,
        'the authorities of the system');

    anew($nginx, $uri, 'admission_redis_tls verify=off;');
    is_served($nginx, 'by TLS, unverified');

    $mark = anew($nginx, "redis://127.0.0.1:$port");
    is_refused($nginx, $mark, qr/closed the connection|reset by peer/,
        'without TLS where there is TLS');

    $redis->command('CONFIG', 'SET', 'tls-cert-file', "$files/address.pem",
        'tls-key-file', "$files/address.key");

    anew($nginx, $uri, "admission_redis_tls ca=$files/ca.pem;");
    is_served($nginx, 'by TLS, the address in the certificate');

    $redis->command(qw(CONFIG SET tls-auth-clients yes));
    $mark = anew($nginx, $uri, "admission_redis_tls ca=$files/ca.pem;");
    is_refused($nginx, $mark, qr/redis "rediss:/, 'no certificate of ours');

    anew($nginx, $uri, "admission_redis_tls ca=$files/ca.pem"
        . " certificate=$files/client.pem key=$files/client.key;");
    is_served($nginx, 'by TLS, each with a certificate');

    $nginx->finish;

    return;
}


# A connection that is cut is made again at once: whoever comes meanwhile
# waits for it.
sub test_lost_connections {
    my $redis = AdmRedis->start(socket => 1);
    my $nginx = AdmNginx->start(http => http('unix:' . $redis->socket));

    is_served($nginx, 'before the cuts');

    my @answers;

    for (1 .. 20) {
        $redis->command(qw(CLIENT KILL TYPE normal SKIPME yes));
        push @answers, ask($nginx);
    }

    is_deeply([ grep { $_ != 200 && $_ != 503 } @answers ], [],
        'each request is answered');
    cmp_ok(scalar(grep { $_ == 200 } @answers), '>=', 10,
        'most of them by the store')
        or diag("@answers");

    $redis->kill;

    is(ask($nginx), 503, 'no server: refused');
    is($nginx->wait_metric('store_up', 0), 0, 'which shows');

    $redis->restart;
    is_served($nginx, 'a server that was started again');
    is($nginx->wait_metric('store_up', 1), 1, 'which shows, too');

    my $lines = () = $nginx->log_text =~ /redis "/g;

    cmp_ok($lines, '<', 20, 'the log says little of all this');

    $redis->command(qw(SCRIPT FLUSH));
    is(ask($nginx), 200, 'scripts that the server has forgotten are sent');
    ok($redis->calls('eval'), 'with the question');
    is_deeply([ grep { ask($nginx) != 200 } 1 .. 50 ], [],
        'and are known again');
    cmp_ok($redis->calls('eval'), '<', 10, 'from then on');

    $nginx->finish;

    return;
}


# A worker that has just begun has no connection yet; its first requests wait
# for it, so that a reload refuses nobody.
sub test_first_connection {
    my $redis = AdmRedis->start(socket => 1);
    my $nginx = AdmNginx->start(http => http('unix:' . $redis->socket));

    is_served($nginx, 'before the reload');

    my $mark = $nginx->mark;

    $redis->command(qw(CLIENT PAUSE 700 ALL));
    ok($nginx->reload, 'reloaded, while the server is slow');
    is(ask($nginx), 200, 'a request waits for the first connection');
    unlike($nginx->since($mark), qr/redis "/, 'and nothing was wrong');

    $nginx->finish;

    return;
}


sub test_too_many_clients {
    my $redis = AdmRedis->start(socket => 1, args => ['--maxclients', 1]);
    my $nginx = AdmNginx->start(http => http('unix:' . $redis->socket));

    is_refused($nginx, 0, qr/redis .*: ERR max number of clients reached/,
        'a server with too many clients');

    $redis->command(qw(CONFIG SET maxclients 10));
    is_served($nginx, 'and with room for one more');

    $nginx->finish;

    return;
}


# The requests of one turn of the event loop share a connection; the worker is
# stopped so that they are of one turn.
sub test_one_connection {
    my $redis = AdmRedis->start(socket => 1);
    my $nginx = AdmNginx->start(http => http('unix:' . $redis->socket));

    is_served($nginx, 'one worker');

    my ($worker) = $nginx->workers;
    my @clients = map { AdmHttp->connect($nginx->port('h1')) } 1 .. 50;

    ask($nginx);

    my $trips = $nginx->metric('store_trips_total', command => 'rate');

    $nginx->signal('STOP', $worker);

    my $before = $redis->info('stats');

    $_->send("GET /many?k=all HTTP/1.1\r\nHost: a\r\n\r\n") for @clients;

    $nginx->signal('CONT', $worker);

    my @answers = map { $_->answer } @clients;
    my $after = $redis->info('stats');

    is(scalar(grep { $_ && $_->{status} == 200 } @answers), 50,
        'fifty requests at once');
    becomes(sub {
        $nginx->metric('store_trips_total', command => 'rate') - $trips
    }, 50, 'a command each');
    is($after->{total_connections_received},
        $before->{total_connections_received}, 'over one connection');
    is($nginx->wait_metric('store_calls', 0), 0, 'none is under way at last');

    $nginx->finish;

    return;
}


# nginx loads modules with their symbols seen by all others; that one brings
# functions of the same names as hiredis'.
sub test_other_hiredis {
    SKIP: {
        skip 'needs libnginx-mod-nchan, and our module as one', 8
            if !-f $NCHAN || !$ENV{ADM_MODULE};

        my $redis = AdmRedis->start(socket => 1);

        for my $first (0, 1) {
            my @load = ("load_module $NCHAN;",
                        "load_module $ENV{ADM_MODULE};");

            my $nginx = AdmNginx->start(without_module => 1,
                main => join("\n", $first ? reverse @load : @load),
                http => http('unix:' . $redis->socket));

            is_served($nginx, 'beside nchan, loaded '
                              . ($first ? 'after us' : 'before us'));

            my $maps = join '', map { slurp("/proc/$_/maps") } $nginx->workers;

            like($maps, qr/ngx_nchan_module/, 'which is there');
            $nginx->finish;
        }

        my $symbols = qx(nm -D --defined-only '$ENV{ADM_MODULE}');

        like($symbols, qr/ ngx_http_admission_module$/m, 'our symbols');
        unlike($symbols, qr/ (?:redis|sds|hi_)/, 'but none of hiredis');
    }

    return;
}
