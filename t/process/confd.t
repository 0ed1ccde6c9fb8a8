#!/usr/bin/perl

# Every file of conf.d is somebody's first configuration, and is copied with
# its mistakes.  So each is started as it stands, but for its ports and paths,
# and driven as its comments claim: who is limited and who is not, what
# reaches the upstream, what the log says, who may see the counters.
#
# Clients are addresses in X-Forwarded-For, since realip trusts this test.
# Limits refill while they are tested: what may pass is computed from the time
# that it took.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Cwd ();
use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Basename qw(basename);
use File::Temp ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(slurp wait_for);
use AdmRedis ();


my $ROOT = Cwd::abs_path("$FindBin::Bin/../..");

my %DRIVE = (
    'access-log.conf' => \&access_log,
    'api.conf'        => \&api,
    'checkout.conf'   => \&checkout,
    'dry-run.conf'    => \&dry_run,
    'fleet.conf'      => \&fleet,
    'login.conf'      => \&login,
    'observe.conf'    => \&observe,
    'rate.conf'       => \&rate,
    'scripts.conf'    => \&scripts,
    'shed.conf'       => \&shed,
    'shop.conf'       => \&shop,
    'waiting-room.conf' => \&waiting_room,
);

# the store of those that name one
my $redis;

# whoever may read the keys of tokens can let himself in
my $KEYS = File::Temp->new;

print {$KEYS} 'k1:', 'a1' x 32, "\n";
$KEYS->flush;

# What stands behind: answers everything, but for the check of a token, and
# writes down what it was asked.
my $BEHIND = <<'END';
    server {
        listen 127.0.0.1:%{p:PORT};
        access_log %{dir}/asked-:PORT asked;

        location / { return 200 "behind\n"; }

        location = /verify {
            add_header X-Account $behind_account;
            if ($behind_account = "") { return 401; }
            return 204;
        }
    }
END

my $COMMON = <<'END';
    set_real_ip_from 127.0.0.1;

    log_format asked '$request_method $request_uri account=$http_x_account '
                     'correlation=$http_x_correlation_id';

    map $http_authorization $behind_account {
        default                         "";
        "~^Bearer (?<known>account\d)$" $known;
    }
END

my $nginx;


# A file of conf.d within the nginx of a test.
sub adapted {
    my ($file) = @_;

    my $text = slurp("$ROOT/conf.d/$file");
    my %listens = map { $_ => 1 } $text =~ /listen\s+127\.0\.0\.1:(\d+)/g;
    my $behind = join '', map { $BEHIND =~ s/:PORT/$_/gr }
        grep { !$listens{$_}++ } $text =~ /^\s+server\s+127\.0\.0\.1:(\d+)/mg;

    $text =~ s/127\.0\.0\.1:(\d+)/127.0.0.1:%{p$1}/g;
    $text =~ s{/etc/nginx/admission\.keys}{$KEYS}g;
    $text =~ s{/etc/nginx/(\w+\.lua)}{$ROOT/conf.d/$1}g;
    $text =~ s{(?:/var/log/nginx|/var/lib/nginx|/etc/nginx|/run)/}{%{dir}/}g;
    $text =~ s{\broot web/}{root $ROOT/web/}g;
    # how long a busy machine takes for an answer is not what is tested
    $text =~ s{redis://10\.0\.0\.5\b}
        {store()->uri . ' timeout=1s claim_timeout=5s'}ge;
    $text .= 'real_ip_header X-Forwarded-For;' if $text !~ /real_ip_header/;

    return $text . $COMMON . $behind;
}


sub start {
    my ($file) = @_;

    $nginx = AdmNginx->start(http => adapted($file));

    return;
}


sub store { return $redis //= AdmRedis->start }


# A request of a client: from (an address), fields, method, body, port; node
# (an nginx, if there are several).
sub ask {
    my ($path, %option) = @_;

    my $fields = $option{fields} // '';

    $fields .= "X-Forwarded-For: $option{from}\r\n" if $option{from};

    return fetch(($option{node} // $nginx)->port('p' . ($option{port} // 8080)),
        $path, %option, fields => $fields) // { status => 0, field => {} };
}


# Asks until it is refused, at most $max times; the number that passed, the
# seconds that this took, and the answer that ended it.
sub until_refused {
    my ($max, $ask) = @_;

    my $begin = time;
    my ($n, $answer) = (0);

    while ($n < $max) {
        $answer = $ask->($n);
        last if $answer->{status} >= 400;
        $n++;
    }

    return ($n, time - $begin, $answer);
}


# Tests that a new client gets its burst, and not more than grows back, and
# is told which limit it was.  Some of it may have grown back before: since
# then.  Returns the refusal, and in a list how many passed before it.
sub is_limited {
    my ($name, $policy, $burst, $per_second, $ask, $since) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $since //= time;

    my ($n, undef, $answer) = until_refused(5 * $burst, $ask);
    my $seconds = time - $since;

    cmp_ok($n, '>=', $burst, "$name: $burst at once");
    cmp_ok($n, '<=', $burst + 1 + $per_second * $seconds,
        "$name: not more than that, and what grew back");
    is($answer->{status}, 429, "$name: then it is refused");
    is(problem($answer)->{policy}, $policy, "$name: by $policy");
    like($answer->{field}{'retry-after'}, qr/^[1-9]\d*$/,
        "$name: and told when to come back");

    return wantarray ? ($answer, $n) : $answer;
}


sub problem { return eval { JSON::PP::decode_json($_[0]{body}) } // {} }


sub all_pass {
    my ($name, $times, $ask) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my %seen;
    $seen{ $ask->($_)->{status} }++ for 1 .. $times;

    return is_deeply(\%seen, { 200 => $times }, "$name: all pass");
}


sub asked {
    my ($like, $port) = @_;

    return grep { $_ =~ $like }
           split /\n/, slurp($nginx->dir . '/asked-' . ($port // 8081));
}


# Lines of JSON in a log, when there are so many; each must be valid, in
# UTF-8, and without two members of the same name.
sub records {
    my ($file, $count) = @_;

    my $text = sub { slurp($nginx->dir . "/$file") };

    wait_for(sub { ($text->() =~ tr/\n//) >= $count });

    my @lines = split /\n/, $text->();
    my @records = map { eval { JSON::PP::decode_json($_) } // () } @lines;

    is(@lines, $count, "$file: a line for each of $count");
    is(@records, @lines, "$file: each is valid JSON")
        or diag(grep { !eval { JSON::PP::decode_json($_) } } @lines);
    is(join(' ', map { doubled($_) } @lines), '', "$file: no name twice");

    return @records;
}


sub doubled {
    my ($line) = @_;

    my %seen;

    return grep { $seen{$_}++ } $line =~ /[{,]"(\w+)":/g;
}


sub access_log {
    my $secret = "Cookie: session=SECRET\r\nAuthorization: Bearer SECRET\r\n"
        . "Proxy-Authorization: SECRET\r\n";
    my $count = 0;
    my $get = sub { $count++; ask(@_) };

    my $first = $get->('/checkout/pay?card=SECRET', from => '192.0.2.1',
        fields => "${secret}X-Correlation-ID: order-17\r\n");

    is($first->{field}{'x-correlation-id'}, 'order-17',
        'the answer names the request');
    is(asked(qr/correlation=order-17$/), 1, 'as does what the upstream sees');

    $get->('/checkout/pay', from => '192.0.2.1') for 1 .. 14;
    $get->('/page?q=SECRET', from => '192.0.2.1');
    $get->('/page', from => '192.0.2.1', method => 'POST', body => 'x' x 500);
    like($get->('/checkout/', from => '192.0.2.1')->{field}
        {'x-correlation-id'}, qr/^[0-9a-f]{32}$/, 'a refusal names it too');

    $count += hostile();

    my @records = records('admission.json', $count);
    my ($order) = grep { $_->{correlation} eq 'order-17' } @records;

    unlike(slurp($nginx->dir . '/admission.json'), qr/SECRET/,
        'nothing that a reader could act with');
    is_deeply([ @$order{qw(client server method path verdict reason policy
                           remaining trips store_time status upstream_status)}
              ], [ '192.0.2.1', 'shop.example', 'GET', '/checkout/pay',
                   'admit', '', '', 4, 0, '', 200, 200 ], 'who was admitted');
    like($order->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/,
        'the time');
    cmp_ok(abs($order->{time_ms} - time), '<', 600, 'the time, as a number');
    like($order->{upstream_seconds}, qr/^\d+\.\d{3}$/, "the upstream's time");
    like($order->{upstream}, qr/^127\.0\.0\.1:\d+$/, 'the upstream');
    is_deeply([ sort keys %$_ ], [ sort keys %$order ], 'the same members')
        for $records[-1];

    my @refused = grep { $_->{verdict} eq 'limit' } @records;

    cmp_ok(@refused, '>', 5, 'who was refused');
    is_deeply([ @{ $refused[-1] }{qw(reason policy status upstream_status
                upstream)} ], [ 'rate', 'per_client', 429, '', '' ], 'and why');

    my ($page, $post) = grep { $_->{path} eq '/page' } @records;

    is($page->{verdict}, '', 'where nothing is decided, nothing is said');
    cmp_ok($post->{bytes_in}, '>', 500, 'what the client sent');
    cmp_ok($post->{bytes_out}, '>', 100, 'and what it got');

    return;
}


# Requests that were made to break a line; returns how many.
sub hostile {
    my @requests = (
        "GET /a\"b\\c%22%0a%00 HTTP/1.1\r\nHost: h\r\n",
        "GET /bytes\xff\xc3\x28\xe2\x82 HTTP/1.1\r\nHost: h\r\n",
        "GET /\xf0\x28?x HTTP/1.1\r\nHost: h\r\nUser-Agent: \xff\"\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX-Correlation-ID: a\",\"x\":\"\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX-Correlation-ID: \xff\xfe\r\n",
        "GET / HTTP/1.1\r\nHost: \"},{\"\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: \"}\r\n",
        "FROB\"NICATE / HTTP/1.1\r\nHost: h\r\n",
        "GET http://h\"h/p HTTP/1.1\r\nHost: h\r\n",
        "GET / HTTP/1.1\r\n",
        "\xff\xfe\r\n",
    );

    for my $request (@requests) {
        my $client = AdmHttp->connect($nginx->port('p8080'));

        $client->send("${request}Connection: close\r\n\r\n");
        ok($client->answer, 'answered: '
            . ($request =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ger));
    }

    return scalar @requests;
}


sub api {
    my $call = sub {
        my ($token, %more) = @_;
        my $fields = ($more{fields} // '')
            . ($token ? "Authorization: Bearer $token\r\n" : '');
        return ask('/v1/orders', %more, fields => $fields);
    };
    my $origin = "Origin: https://app.example\r\n";

    is($call->('')->{status}, 401, 'without a token');

    my $first = $call->('account1', fields => "X-Account: root\r\n");

    is($first->{status}, 200, 'with one');
    like($first->{field}{ratelimit}, qr/^"least";r=1\d$/,
        'told what is left');
    is(asked(qr{^GET /v1/orders account=account1 }), 1,
        'the upstream knows whose it is, not what the client says');

    my $over = is_limited('an account from anywhere', 'api_account', 19, 10,
        sub { $call->('account1', from => "192.0.2.$_[0]",
                      fields => $origin) });

    like($over->{field}{ratelimit}, qr/^"api_account";r=0;t=\d+$/,
        'RateLimit of the refusal');
    is($over->{field}{'ratelimit-policy'}, '"api_account";q=20;w=2',
        'RateLimit-Policy');
    is($over->{field}{'content-type'}, 'application/problem+json',
        'a refusal for programs');
    is($over->{field}{'access-control-allow-origin'}, 'https://app.example',
        'that the page may read');
    like($over->{field}{'access-control-expose-headers'}, qr/Retry-After/,
        'with the time to come back');
    is($call->('account2', fields => "Origin: https://evil.example\r\n")
        ->{field}{'access-control-allow-origin'}, undef,
        'not the page of another site');

    my @before = asked(qr/./, 8083);
    all_pass('another account', 19, sub { $call->('account2',
        from => '192.0.2.77') });
    is(asked(qr/./, 8083), @before + 19, 'each was authenticated');

    preflight();
    guesses($call);
    is(ask('/identity')->{status}, 404, 'the check is not for clients');

    return;
}


sub preflight {
    my @before = (asked(qr/./), asked(qr/./, 8083));
    my $answer = ask('/v1/orders', method => 'OPTIONS',
        fields => "Origin: https://app.example\r\n"
            . "Access-Control-Request-Method: DELETE\r\n");

    is($answer->{status}, 204, 'a preflight');
    is($answer->{field}{'access-control-allow-origin'}, 'https://app.example',
        'is allowed');
    like($answer->{field}{'access-control-allow-methods'}, qr/\bDELETE\b/,
        'with the method');
    my @after = (asked(qr/./), asked(qr/./, 8083));
    is(@after, @before, 'and asks nobody');

    return;
}


# Who guesses is refused by address, and then asks the identity service no more.
sub guesses {
    my ($call) = @_;

    my ($n, %seen) = (0);
    my $begin = time;

    while ($n++ < 400) {
        my $status = $call->("guess$n", from => '198.51.100.1')->{status};
        $seen{$status}++;
        last if $status == 429;
    }

    cmp_ok($seen{401}, '>=', 101, 'a burst of guesses');
    cmp_ok($seen{401}, '<=', 102 + 50 * (time - $begin), 'not more');

    my @before = asked(qr/./, 8083);
    my $answer = $call->('account3', from => '198.51.100.1');

    is(asked(qr/./, 8083), @before + ($answer->{status} == 200 ? 1 : 0),
        'who is refused by address is not looked up');

    return;
}


sub dry_run {
    all_pass('only counted', 30, sub { ask('/search', from => '192.0.2.1') });

    my $counted = sub { AdmNginx::sum_of(
        $nginx->metrics('p8080'), 'requests_total', site => 'shop',
        verdict => 'limit', reason => 'rate', dry_run => $_[0]) };
    my $would = $counted->(1);

    cmp_ok($would, '>=', 1, 'and it is counted who would have been refused');
    is($counted->(0), 0, 'nobody was');

    is_limited('in force, and nothing taken by the dry run', 'per_client', 10,
        2, sub { ask('/checkout/', from => '192.0.2.1') });

    my ($in, $out) = trial();

    cmp_ok($in, '>=', 1, 'some clients are limited');
    cmp_ok($out, '>', $in, 'most are not');

    my @refused = records('refused.json', $would + $counted->(0));
    my %seen;

    $seen{"$_->{verdict} $_->{status}"}++ for @refused;
    is_deeply(\%seen, { 'limit 200' => $would, 'limit 429' => $counted->(0) },
        'the log has those who would be refused, and who was');

    return;
}


# Of thirty clients: how many were limited by the trial, and how many not.
sub trial {
    my ($in, $out) = (0, 0);

    for my $client (1 .. 30) {
        my ($n, undef, $answer) = until_refused(16,
            sub { ask('/basket/', from => "203.0.113.$client",
                      fields => "User-Agent: \xff\"\r\n") });

        if ($n == 16) { $out++; next }

        $in++;
        is(problem($answer)->{policy}, 'trial', 'limited by the trial');
    }

    return ($in, $out);
}


sub login {
    my $try = sub { ask('/login', method => 'POST', body => 'user=x',
                        from => $_[0]) };

    all_pass('the form', 60, sub { ask('/login', from => '192.0.2.1') });

    my $since = time;

    is_limited('an address', 'login_client', 10, 10 / 60,
        sub { $try->('192.0.2.1') });

    # the network has 30 left, of 40
    is_limited('its network', 'login_network', 30, 1,
        sub { $try->('192.0.2.' . (2 + $_[0])) }, $since);
    is($try->('192.0.3.1')->{status}, 200, 'the next network is not');

    sleep 1.5;                  # until what is for all has grown back
    $try->('192.0.2.1') for 1 .. 100;
    all_pass('what robots are refused is not taken from all', 45,
        sub { $try->("198.51.$_[0].1") });

    sleep 1.5;
    is_limited('a network of IPv6', 'login_network', 40, 1,
        sub { $try->(sprintf '2001:db8:1:2::%x', 1 + $_[0]) });
    is($try->('2001:db8:1:3::1')->{status}, 200, 'the next one is not');

    return;
}


sub observe {
    my $see = sub { ask($_[0], port => 9145, @_[1 .. $#_]) };

    my $health = $see->('/health');

    is($health->{status}, 200, 'health');
    is(problem($health)->{status}, 'ok', 'in JSON');

    $nginx->write_file('admission-drain', '');
    is($see->('/health')->{status}, 503, 'not while it is to be drained');
    unlink $nginx->dir . '/admission-drain';
    is($see->('/health')->{status}, 200, 'and again');

    until_refused(100, sub { ask('/checkout/', from => '192.0.2.1') });
    like($see->('/metrics')->{body}, qr/^admission_requests_total\{site="shop",
        verdict="limit",reason="rate",dry_run="0"\}[ ][1-9]/mx, 'the metrics');
    is($see->('/metrics', from => '10.9.9.9')->{status}, 200,
        'for those who are named');

    for my $path (qw(/health /metrics /dashboard /control/admission /)) {
        is($see->($path, from => '192.0.2.1')->{status}, 403,
            "$path: not for a customer");
        is(ask($path)->{body}, "behind\n", "$path: not at the shop's port");
    }

    operator($see);

    return;
}


sub operator {
    my ($see) = @_;

    my $known = 'Authorization: Basic ' . encode_base64('ann:word', '')
        . "\r\n";
    my $switch = sub { $see->('/control/admission', method => 'PATCH',
        fields => "${known}Content-Type: application/json\r\n",
        body => qq({"mode":$_[0]}))->{status} };

    $nginx->write_file('admission.htpasswd', "ann:{PLAIN}word\n");

    is($see->($_)->{status}, 401, "$_: not without a password")
        for qw(/dashboard /control/admission);
    like($see->('/dashboard', fields => $known)->{field}{'content-type'},
        qr{^text/html}, 'the page for who has it');

    is($switch->('"dry_run"'), 200, 'the switch');
    all_pass('switched to a dry run', 12,
        sub { ask('/checkout/', from => '192.0.2.1') });
    is($switch->('null'), 200, 'and back');
    is_limited('in force again', 'per_client', 5, 2,
        sub { ask('/checkout/', from => '192.0.2.2') });

    return;
}


sub rate {
    my $buy = sub { ask('/checkout/', from => $_[0],
                        fields => $_[1] // '') };

    # the first address from the right that is not a balancer's
    is_limited('a client behind two balancers', 'per_client', 10, 2,
        sub { $buy->("198.51.100.$_[0], 192.0.2.1, 10.0.0.1") });
    is($buy->('192.0.2.2, 10.0.0.1')->{status}, 200, 'another one is not');

    my ($n, $seconds) = until_refused(20, sub { ask('/checkout/pay',
        method => 'POST', from => '192.0.2.3') });

    cmp_ok($n, '>=', 3, 'payments cost three');
    cmp_ok($n, '<=', (11 + 2 * $seconds) / 3, 'and not less');

    is_limited('an account on many devices', 'per_account', 10, 0.5,
        sub { $buy->("203.0.113.$_[0]", "Cookie: account=7\r\n") });

    # of an account of which something has grown back some pass, and are charged
    my $passed = grep { $_->{status} == 200 }
        map { $buy->('192.0.2.4', "Cookie: account=7\r\n") } 1 .. 20;

    all_pass('who is refused by one is charged by none', 10 - $passed,
        sub { $buy->('192.0.2.4') });

    all_pass('a dry run', 30, sub { ask('/search', from => '192.0.2.5') });
    is(ask('/health', from => '192.0.2.1')->{body}, "ok\n", 'health');

    my $metrics = ask('/metrics', port => 9145);

    like($metrics->{body}, qr/^admission_requests_total\{site="shop",
        verdict="limit",reason="rate",dry_run="1"\}[ ][1-9]/mx,
        'which is counted');
    is(ask('/metrics', port => 9145, from => '10.1.2.3, 192.0.2.1')->{status},
        403, 'the metrics are not for customers');

    return;
}


sub shop {
    my $form = "Content-Type: application/x-www-form-urlencoded\r\n";
    my $buy = sub { ask('/buy', method => 'POST', body => 'item=dusk',
        from => $_[0], fields => $form . ($_[1] // '')
                                 . "Accept: application/json\r\n") };

    lamps(1000);

    # the line hears of them at its next turn
    ok(wait_for(sub { ask('/buy')->{status} == 303 }, 10), 'the shop is open');

    like(ask('/')->{body}, qr/<html/, 'the page');
    is(ask('/buy')->{status}, 303, 'a link to /buy leads to it');
    is(ask('/visit')->{status}, 404, 'by a way that is not for clients');

    my (undef, $bought) = is_limited('a client', 'per_client', 5, 2,
        sub { $buy->('192.0.2.1') });
    my ($rate) = slurp("$ROOT/conf.d/shop.conf") =~ /^ +rate (\d+)r\/s;/m;
    my $begin = time;
    my @answers = map { $buy->("203.0.113.$_") } 1 .. 200;
    my @waiting = grep { $_->{status} == 503 } @answers;

    cmp_ok(200 - @waiting, '<=', 2 * $rate + sqrt(15 * $rate)
        + $rate * (time - $begin), 'no more come in than the room lets');
    cmp_ok(scalar @waiting, '>', 50, 'the others wait');
    is(scalar(grep { problem($_)->{room} ne 'drop'
                     || problem($_)->{poll_after_ms} < 1000 } @waiting), 0,
        'in line, and are told when to ask');
    is(scalar(asked(qr{^POST /buy })),
        $bought + grep({ $_->{status} == 200 } @answers),
        'and did not reach the shop');

    shop_turn($waiting[-1], $form);
    shop_once($buy);
    shop_operator($buy);

    return;
}


# How many there are, as the operator says
sub lamps {
    my ($number) = @_;

    return is(ask('/admission/control/inventory/dusk', method => 'PUT',
        fields => "Content-Type: application/json\r\n",
        body => qq({"available":$number}))->{status}, 200, "$number lamps");
}


sub left_in_stock {
    return problem(ask('/admission/control/inventory/dusk'))->{available};
}


# The pass of one who waits for his turn, if there is a line: his cookie.
sub shop_pass {
    my ($buy, $from) = @_;

    my $answer = $buy->($from);
    my $cookie = cookie($answer);

    return $cookie if $answer->{status} == 200;

    wait_for(sub {
        (problem(ask('/buy', fields => $cookie . "Admission-Poll: 1\r\n"
            . "Accept: application/json\r\n"))->{state} // '') eq 'called';
    }, 30);

    return cookie(ask('/buy', from => $from,
                      fields => "${cookie}Accept: text/html\r\n"));
}


# one lamp is left, for whoever was let in
sub shop_once {
    my ($buy) = @_;

    my @in = map { "198.51.100.$_" } 1 .. 2;
    my @key = map { "Idempotency-Key: one\r\n" . shop_pass($buy, $_) } @in;

    lamps(1);

    my @first = map { $buy->($in[0], $key[0]) } 1 .. 3;
    my $second = $buy->($in[1], $key[1]);

    is(join(' ', map { $_->{status} } @first), '200 200 200',
        'the last lamp: the same order');
    is($first[2]{field}{'idempotent-replayed'}, 'true', 'made once');
    is(left_in_stock(), 0, 'and it is gone');
    is($second->{status}, 409, 'and who wants another hears so');
    lamps(1000);

    return;
}


sub checkout {
    my $cart = '{"items":[{"sku":"lamp","quantity":2},'
               . '{"sku":"vase","quantity":1}]}';
    my $order = sub { ask('/checkout', method => 'POST',
        body => $_[1] // $cart, fields => "Content-Type: application/json\r\n"
        . "Accept: application/json\r\nCookie: session=$_[0]\r\n"
        . ($_[2] // "Idempotency-Key: of-$_[0]\r\n")) };
    my $stock = sub { problem(ask("/stock/inventory/$_[0]", port => 9145)) };

    for (['lamp', 7], ['vase', 5]) {
        ask("/stock/inventory/$_->[0]", method => 'PUT', port => 9145,
            fields => "Content-Type: application/json\r\n",
            body => qq({"total":$_->[1]}));
    }

    # nothing is handed out that is not on disk as handed out
    ok(wait_for(sub { $order->('ann')->{body} eq "behind\n" }, 10), 'an order');
    is($order->('ann')->{field}{'idempotent-replayed'}, 'true', 'sent again');
    is(scalar(asked(qr{^POST /checkout })), 1, 'the shop heard of one');
    is($stock->('lamp')->{committed}, 2, 'of two lamps');
    is($stock->('vase')->{available}, 4, 'and of a vase');

    is(problem($order->('ann', $cart, "Idempotency-Key: more\r\n"))->{reason},
        undef, 'another one, of the same session');
    is(problem($order->('ann', $cart, "Idempotency-Key: most\r\n"))->{reason},
        'per_buyer', 'and no more than four lamps for each');
    is($order->('bob')->{body}, "behind\n", 'another buyer');
    is(problem($order->('bob', $cart, "Idempotency-Key: more\r\n"))->{reason},
        'sold_out', 'two of the last one cannot be had');
    is($stock->('vase')->{available}, 2, 'nor a part of that cart');
    is(problem($order->('bob', '{"items":[]}'))->{status}, 400,
        'an order of nothing');
    is(problem($order->('', $cart, "Idempotency-Key: x\r\n"))->{reason},
        'no_owner', 'nobody has no keys');

    is(ask($_)->{body}, "behind\n", "$_: is kept out of all that")
        for '/checkout/return?paid=1', '/';

    my $hook = sub { ask('/webhook', method => 'POST', body => 'paid=1',
        fields => "Idempotency-Key: event-1\r\nX-Signature-Key: bank\r\n") };

    is($hook->()->{body}, "behind\n", 'a webhook') for 1, 2;
    is(scalar(asked(qr{^POST /webhook })), 1, 'is heard once');
    is(ask('/stock/inventory/lamp', port => 9145, from => '192.0.2.1')
        ->{status}, 403, 'the stock is not for customers');

    return;
}


# Of one who waits: the page that a form gets, its polls, and its turn.
sub shop_turn {
    my ($answer, $form) = @_;

    my $cookie = cookie($answer);
    my $poll = sub { problem(ask('/buy', fields => $cookie
        . "Admission-Poll: 1\r\nAccept: application/json\r\n")) };

    is($poll->()->{room}, 'drop', 'a poll is answered');
    like(ask('/buy', method => 'POST', body => 'item=dusk',
        fields => "$form${cookie}Accept: text/html\r\n")->{body}, qr/<html/,
        'a form gets a page') if $poll->()->{state} eq 'waiting';
    ok(wait_for(sub { $poll->()->{state} eq 'called' }, 30), 'is called');

    my $page = ask('/buy', fields => "${cookie}Accept: text/html\r\n");

    is($page->{status}, 303, 'the page loads itself again, and is led on');
    is($page->{field}{location}, '/', 'to the shop');
    is(ask('/buy', method => 'POST', body => 'item=dusk',
        fields => $form . cookie($page))->{status}, 200, 'where it may order');

    return;
}


sub cookie {
    my ($answer) = @_;

    return 'Cookie: ' . (($answer->{field}{'set-cookie'} // '') =~ s/;.*//r)
        . "\r\n";
}


sub waiting_room {
    my $come = sub { ask('/checkout/', from => $_[0],
        fields => "Accept: application/json\r\n" . ($_[1] // '')) };

    all_pass('the catalogue', 30, sub { ask('/', from => '192.0.2.1') });

    my ($n, undef, $answer) = until_refused(200,
        sub { $come->("203.0.113.$_[0]") });

    cmp_ok($n, '>=', 1, 'nobody waits while there is room');
    cmp_ok($n, '<', 200, 'and then they do');
    is($answer->{status}, 503, 'until they are called');
    is(problem($answer)->{room}, 'drop', 'in the line');

    my $cookie = cookie($answer);
    my $line = sub { problem(ask('/line' . $_[0], fields => $cookie,
        $_[0] ? (method => 'POST') : ())) };

    is($come->('198.51.100.7')->{status}, 200, 'the call centre does not');
    ok(wait_for(sub { $line->('')->{state} eq 'called' }, 30),
        'the API says when it is time');

    my $in = $come->('203.0.113.250', $cookie);

    is($in->{status}, 200, 'in');
    is($come->('203.0.113.250', cookie($in))->{status}, 200, 'and stays so');

    until_refused(400, sub { $come->('192.0.2.9') });

    my @many = map { $come->('192.0.2.9') } 1 .. 80;

    cmp_ok(scalar(grep { (problem($_)->{reason} // '') eq 'join_rate' }
        @many), '>', 0, 'one address cannot have all the numbers');

    waiting_room_operator();

    return;
}


# The circuits are an operator's here: what opens them by itself is not for
# a test of a file.
sub scripts {
    my $browser = "User-Agent: Mozilla/5.0\r\nAccept-Language: de\r\n";
    my $get = sub { ask($_[0], from => $_[1] // '192.0.2.1',
                        fields => $_[2] // $browser) };
    my $logged = sub { my ($line) = @_;
        ok(wait_for(sub { slurp($nginx->dir . '/scripts.log') =~ $line }),
            "the log has $line") };

    is($get->('/')->{status}, 200, 'a browser');
    $logged->(qr{GET / HTTP/1.1 class=guest priority=6 cost= word=$}m);

    $get->('/checkout/pay', '192.0.2.1', "${browser}Cookie: customer=gold-1\r\n");
    $logged->(qr{/checkout/pay HTTP/1.1 class=gold priority=0 });

    is($get->('/', '192.0.2.2', '')->{status}, 403, 'one without a name');
    $logged->(qr{^192.0.2.2 403 GET / .* word=no-agent$}m);

    my $tool = $get->('/', '192.0.2.3', "User-Agent: curl/7.88\r\n");

    is($tool->{status}, 429, 'a tool');
    is($tool->{field}{'retry-after'}, 60, '... which may come back');

    $get->('/', '192.0.2.4', "User-Agent: Mozilla/5.0\r\n");
    $logged->(qr{^192.0.2.4 200 GET / .* class=robot priority=9 cost= }m);
    $get->('/search', '192.0.2.4', "User-Agent: Mozilla/5.0\r\n");
    $logged->(qr{^192.0.2.4 200 .* class=robot priority=9 cost=1 }m);

    # 8 units each, of 41, and those that have come back meanwhile
    is_limited('a network that reads on and on', 'search', 5, 10 / 8,
        sub { $get->('/search?q=lamp&page=99&size=100', "198.51.100.$_[0]") });
    is($get->('/search?q=lamp', '198.51.101.1')->{status}, 200,
        'another one does not pay for it');
    is($get->('/search?q=lamp&size=100&size=1', '198.51.101.1')->{status}, 200,
        'one that says two things');
    is($get->('/search', '198.51.100.1', "${browser}X-Partner: acme-1\r\n")
        ->{status}, 200, 'a partner has a budget of its own');

    is($get->('/', '10.0.9.1', "User-Agent: probe/1\r\n")->{status}, 200,
        'our own monitoring');

    my $metrics = ask('/metrics', port => 9145)->{body};

    like($metrics, qr/^admission_script_bypassed_total\{script="robots"\} 1$/m,
        '... which is counted');
    unlike($metrics, qr/^admission_script_errors_total.* [1-9]/m,
        'and nothing has failed');

    return;
}


sub shed {
    my $see = sub { ask($_[0], port => 9145, @_[1 .. $#_]) };
    my $circuit = sub { is($see->("/control/circuits/$_[0]",
        method => 'PATCH', fields => "Content-Type: application/json\r\n",
        body => qq({"state":$_[1]}))->{status}, 200, "$_[0]: $_[1]") };
    my @paths = qw(/ /checkout/ /checkout/pay);

    is(ask($_)->{body}, "behind\n", "$_: to the shop") for @paths;
    is(scalar(asked(qr/./)), 3, 'which has room for them');

    $circuit->('bank', '"open"');
    is(ask('/checkout/pay')->{status}, 503, 'to pay takes the bank, too');
    is(ask('/checkout/')->{status}, 200, 'which nothing else does');

    $circuit->('shop', '"open"');
    is(ask('/')->{body}, "behind\n", 'pages, when the shop is away');
    is(scalar(asked(qr{^GET / }, 8082)), 1, '... come from the copy');

    my $shed = ask('/checkout/', fields => "Accept: application/json\r\n");

    is($shed->{status}, 503, 'and nobody can order');
    is(problem($shed)->{reason}, 'circuit_open', 'for a reason that is told');
    like($shed->{field}{'retry-after'}, qr/^[1-9]\d*$/, 'and not for ever');
    is($see->('/health')->{status}, 200, 'the node is well');
    is($see->('/ready')->{status}, 503, 'but of no use');

    $circuit->($_, 'null') for qw(shop bank);
    is(ask($_)->{body}, "behind\n", "$_: to the shop again") for @paths;
    is($see->('/ready')->{status}, 200, 'of use again');
    like($see->('/metrics')->{body},
        qr/^admission_shed_total\{upstream="shop",priority="3"\} 1$/m,
        'it was counted');
    is($see->('/dashboard')->{status}, 200, 'and is shown');
    is($see->('/metrics', from => '192.0.2.1')->{status}, 403,
        'not to customers');

    return;
}


# Two nodes, and a shopper who comes now to the one and now to the other.
sub fleet {
    my @node = ($nginx, AdmNginx->start(http => adapted('fleet.conf')));

    ok(wait_for(sub { fleet_nodes($_) == 2 }, 10), 'hears of the other')
        for @node;

    my @pass = map { fleet_pass($_) } @node;

    my ($n) = until_refused(20, sub {
        ask('/checkout/pay', node => $node[$_[0] % 2], from => '192.0.2.1',
            fields => 'Cookie: account=one' . $pass[$_[0] % 2] . "\r\n") });

    is($n, 5, 'an account has one budget over both');

    my $cookie = "Cookie: account=two$pass[0]\r\n";

    is(ask('/checkout/', node => $_, from => '192.0.2.2',
           fields => $cookie)->{status}, 200, 'and a pass is good on both')
        for @node;

    store()->kill;
    wait_for(sub { ask('/health', node => $node[1])->{body} =~ /degraded/ });
    is(ask('/health', node => $node[1])->{status}, 200,
        'without Redis a node stays with its balancer');
    is(ask('/', node => $node[1], from => '192.0.2.3')->{status}, 200,
        'and decides by itself');
    is(ask('/checkout/pay', node => $node[1], from => '192.0.2.2',
           fields => $cookie)->{status}, 503, 'but where each one counts');
    store()->restart;

    $node[1]->finish(allow => [qr/redis|connect\(\) failed/]);

    return;
}


sub fleet_nodes {
    my ($node) = @_;

    my ($n) = ask('/metrics', node => $node, port => 9145)->{body}
        =~ /^admission_fleet_nodes\{scope="fleet"\} (\d+)$/m;

    return $n // 0;
}


# The pass of somebody who came to this node, as another cookie.
sub fleet_pass {
    my ($node) = @_;

    my $answer;

    # a line that begins lets nobody in for a moment, and nodes hear of it then
    wait_for(sub {
        $answer = ask('/checkout/', node => $node, from => '192.0.2.9');
        return $answer->{status} == 200;
    }, 10);

    my ($cookie) = ($answer->{field}{'set-cookie'} // '')
        =~ /(adm_drop=[^;]+)/;

    is($answer->{status}, 200, 'nobody waits while there is room');

    return '; ' . ($cookie // '');
}


sub waiting_room_operator {
    my $see = sub { ask($_[0], port => 9145, @_[1 .. $#_]) };

    like($see->('/metrics')->{body},
        qr/^admission_room_joined_total\{room="drop"\} [1-9]/m, 'it is counted');
    is($see->('/dashboard')->{status}, 200, 'and shown');
    is($see->('/control/rooms/drop', method => 'PATCH',
        fields => "Content-Type: application/json\r\n",
        body => '{"state":"paused"}')->{status}, 200, 'and can be paused');
    is(problem(ask('/checkout/', from => '192.0.2.77',
        fields => "Accept: application/json\r\n"))->{reason}, 'paused',
        'for newcomers too');
    is($see->('/metrics', from => '192.0.2.1')->{status}, 403,
        'not by customers');

    return;
}


sub shop_operator {
    my ($buy) = @_;

    for my $path (qw(/status /admission/ /admission/control/admission)) {
        is(ask($path)->{status}, 200, "$path: on this machine");
        is(ask($path, from => '192.0.2.1')->{status}, 403,
            "$path: not for customers");
    }

    is(ask('/health', from => '192.0.2.1')->{status}, 200, 'health');
    ask('/admission/control/admission', method => 'PATCH',
        fields => "Content-Type: application/json\r\n",
        body => '{"mode":"dry_run"}');
    all_pass('switched to a dry run', 20, sub { $buy->('192.0.2.1') });

    return;
}


my @files = map { basename($_) } glob "$ROOT/conf.d/*.conf";

is_deeply([ sort keys %DRIVE ], \@files, 'each file of conf.d is driven here');

for my $file (grep { $DRIVE{$_} } @ARGV ? @ARGV : @files) {
    next if $file eq 'scripts.conf' && ($ENV{ADM_LUAJIT} // '') eq 'off';

    subtest $file => sub {
        start($file);
        $DRIVE{$file}->();
        $nginx->finish;
    };
}

is(format_of("$ROOT/docker/nginx.conf"),
    format_of("$ROOT/conf.d/access-log.conf"),
    'the log of the container has the same format');

done_testing();


# Log format and path of a configuration, however they are laid out.
sub format_of {
    my ($file) = @_;

    my $text = slurp($file);
    my @parts = map { $text =~ /^\s*($_\b.*?^?[^\n]*[;}])$/ms ? $1 : "no $_" }
        'map \$request_uri \$log_path', 'log_format admission';

    return join ' ', map { s/\s+/ /gr } @parts;
}
