#!/usr/bin/perl

# A room on the wire: what stands behind a waiting answer on a connection is
# answered, over HTTP/2 one waits as well, over TLS the cookie is one that no
# other host can set; and an operator who reloads in the middle of a sale
# costs nobody the place.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Test::More;

use AdmH2 qw(fetch2);
use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for);
use AdmShopper qw(key_file mint);
use AdmUpstream ();


my $HTTP = <<'END';
    admission_secret_file %{keys}/keys;

    admission_room drop { mode always; rate 100r/s; }
    admission_room long { mode always; rate 1r/h; %{more} }
    admission_room one { mode auto; rate 100r/s; max_active 1; }
    admission_room heavy { mode always; rate 1r/h; join $arg_k burst=2000; }
    admission_room spread { mode always; rate 1r/h; join $arg_k burst=2000; }
    admission_room plain { mode always; rate 1r/h; cookie p secure=off; }
    admission_room wide {
        mode always;
        rate 1r/h;
        cookie w domain=shop.example;
    }

    proxy_http_version 1.1;
    keepalive_requests 2000;

    upstream up { server 127.0.0.1:%{up}; }

    ssl_certificate %{keys}/cert;
    ssl_certificate_key %{keys}/key;

    server {
        listen 127.0.0.1:%{h1};
        listen 127.0.0.1:%{h2} http2;
        listen 127.0.0.1:%{tls} ssl;

        location = /status { admission_status; }
        location /drop/ { admission_wait drop; proxy_pass http://up; }
        location /long/ { admission_wait long; proxy_pass http://up; }
        location /heavy/ { admission_wait heavy; proxy_pass http://up; }
        location /spread/ { admission_wait spread; proxy_pass http://up; }
        location /wide/ { admission_wait wide; proxy_pass http://up; }
        location /plain/ { admission_wait plain; proxy_pass http://up; }

        location /one/ { admission_wait one; proxy_pass http://up; }
    }
END

my $files = File::Temp->newdir('adm-keys-XXXXXX', TMPDIR => 1);

umask 077;
write_keys(key_file());
certificate();

my $upstream = AdmUpstream->start;
my %vars = (up => $upstream->port, keys => "$files", more => '');
my $nginx = AdmNginx->start(http => $HTTP, workers => 2, vars => \%vars);


sub write_keys {
    my ($text) = @_;

    open my $out, '>', "$files/keys" or die "keys: $!\n";
    print {$out} $text;
    close $out or die "keys: $!\n";

    return;
}


sub certificate {
    system('openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=shop'
        . " -keyout $files/key -out $files/cert > $files/log 2>&1") == 0
        or die 'openssl: ', AdmNginx::slurp("$files/log");

    return;
}


sub shopper {
    my ($room) = @_;

    return AdmShopper->new($nginx, cookie => 'adm_' . ($room // 'drop'));
}


sub connection { return AdmHttp->connect($nginx->port('h1')) }


# a body that nobody wanted is not read as a request
sub bodies {
    my $evil = "GET /drop/answer/200?evil HTTP/1.1\r\nHost: a\r\n\r\n";
    my $client = connection();

    $client->send(request_text('POST', '/long/answer/200', body => $evil)
        . request_text('GET', '/long/answer/200'));

    is($client->answer->{status}, 503, 'a POST that waits');
    is($client->answer->{status}, 503, 'and what is behind it');
    ok($client->silent(0.2), 'and no more');

    my $chunks = sprintf "%x\r\n%s\r\n0\r\n\r\n", length $evil, $evil;

    $client->send(request_text('POST', '/long/answer/200', body => $chunks,
        fields => "Transfer-Encoding: chunked\r\n"));
    is($client->answer->{status}, 503, 'a body in chunks');
    $client->send(request_text('GET', '/long/answer/200'));
    is($client->answer->{status}, 503, 'and the connection goes on');

    $client->send(request_text('POST', '/long/answer/200',
        fields => "Content-Length: 200000\r\n"));
    is($client->answer->{status}, 503, 'a body that is still to come');
    $client->send('x' x 200_000);
    $client->send(request_text('GET', '/long/answer/200'));
    is($client->answer->{status}, 503, 'is thrown away when it does');

    $client->send(request_text('POST', '/long/answer/200', body => 'x',
        fields => "Admission-Poll: 1\r\n"));
    is($client->answer->{status}, 200, 'a poll with a body');

    $client = connection();
    $client->send(request_text('POST', '/long/answer/200',
        fields => "Expect: 100-continue\r\nContent-Length: 5\r\n"));
    is($client->answer->{status}, 503, 'nobody asks for it');

    is($upstream->seen_like('/long/'), 0, 'and nothing has reached the shop');
    is($upstream->seen_like('evil'), 0, 'by no way');

    return;
}


sub pipelined {
    my $client = connection();
    my $pass = 'Cookie: adm_long='
               . mint('pass', room => 'long', id => 1) . "\r\n";

    $client->send(join '',
        request_text('GET', '/long/answer/200'),
        request_text('GET', '/long/answer/200', fields => $pass),
        request_text('HEAD', '/long/answer/200'),
        request_text('GET', '/long/answer/200',
            fields => "Admission-Poll: 1\r\n"),
        request_text('GET', '/long/answer/201', fields => $pass));

    is($client->answer->{status}, 503, 'pipelined: one waits');
    is($client->answer->{status}, 200, '... the next one does not');

    my $head = $client->answer(undef, 1);

    is($head->{status}, 503, '... HEAD waits');
    cmp_ok($head->{field}{'content-length'}, '>', 0, '... with a length');

    my $said = $client->answer;

    is($said->{status}, 200, '... a poll');
    is(AdmShopper::decode($said)->{state}, 'waiting', '... of who waits');
    is($client->answer->{status}, 201, '... and the last');

    return;
}


# keep-alive, HTTP/1.0 and a connection that ends
sub http10 {
    my $client = connection();

    $client->send("GET /long/answer/200 HTTP/1.0\r\n\r\n");

    my $answer = $client->answer;

    is($answer->{status}, 503, 'HTTP/1.0');
    is(AdmShopper::decode($answer)->{state}, 'waiting', '... with a place');
    ok($client->closed, '... and the end');

    return;
}


sub http2 {
    my $port = $nginx->port('h2');
    my $client = AdmH2->connect($port);
    my @streams = (
        $client->request('GET', '/drop/answer/200'),
        $client->request('POST', '/drop/answer/200', body => 'x' x 100_000),
        $client->request('GET', '/drop/answer/200',
            fields => [['admission-poll', '1']]),
    );
    my @answers = map { $client->answer($_) } @streams;

    is(join(' ', map { $_->{status} } @answers), '503 503 200', 'HTTP/2');
    ok($client->usable, '... and its connection goes on');

    my $token = AdmShopper::decode($answers[0])->{token};
    my $in;

    ok(wait_for(sub {
        $in = fetch2($port, '/drop/answer/201',
            fields => [['cookie', 'a=b'], ['cookie', "adm_drop=$token"]]);
        return $in->{status} == 201;
    }), '... a cookie in parts opens the shop');

    return;
}


# Asks by TLS; the cookies that are set, as they stand.
sub by_tls {
    my ($path, @more) = @_;

    my $url = 'https://127.0.0.1:' . $nginx->port('tls') . $path;

    open my $curl, '-|', 'curl', '-ski', @more, $url or die "curl: $!\n";
    my $text = join '', <$curl>;
    close $curl;

    my ($status) = $text =~ m{^HTTP/1\.1 (\d+)};

    return ($status, $text =~ /^Set-Cookie: (.*?)\r?$/mg);
}


sub tls {
    my ($status, $cookie) = by_tls('/drop/answer/200');
    my (undef, $wide) = by_tls('/wide/answer/200');
    my (undef, $plain) = by_tls('/plain/answer/200');

    is($status, 503, 'TLS');
    is(blank($cookie), '__Host-adm_drop=TOKEN; Path=/; Max-Age=86400; Secure;'
        . ' HttpOnly; SameSite=Lax', '... of this host alone');
    is(blank($wide), 'w=TOKEN; Path=/; Max-Age=86400; Domain=shop.example;'
        . ' Secure; HttpOnly; SameSite=Lax', '... of all hosts of a shop');
    is(blank($plain), 'p=TOKEN; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax',
        '... without Secure, if that is asked for');

    my ($pair) = $cookie =~ /^([^;]+)/;

    for my $sent ($pair, $pair =~ s/^__Host-//r) {
        ok(wait_for(sub {
            (by_tls('/drop/answer/200', '-H', "Cookie: $sent"))[0] == 200;
        }), '... both names are read');
    }

    return;
}


sub blank {
    my ($cookie) = @_;

    return $cookie =~ s/=[\w-]+\.[\w-]+\.[\w-]{43};/=TOKEN;/r;
}


# a newcomer that leaves before the shop has been asked leaves no place taken
sub abort {
    my $client = connection();

    $client->send(request_text('POST', '/one/answer/200',
        fields => "Content-Length: 100\r\n") . 'x' x 10);
    ok(wait_for(sub { $nginx->metric('room_active', room => 'one') == 1 }),
        'let in, with a body that does not end');
    is(fetch($nginx->port('h1'), '/one/answer/200')->{status}, 503,
        'nobody else is');
    $client->close;
    ok(wait_for(sub { $nginx->metric('room_active', room => 'one') == 0 }),
        'it leaves, and its place is free');
    is($upstream->seen_like('/one/'), 0, 'nothing has reached the shop');

    return;
}


# behind a balancer all come from one address, and few of them get numbers
sub heavy {
    my $mark = $nginx->mark;
    my $warning = sub {
        return qr/of the last 1000 who joined room "$_[0]" \d+% or more have/;
    };

    join_by('/spread/', 1 .. 1000);
    join_by('/heavy/', map { $_ % 3 ? $_ : 'same' } 1 .. 1000);

    my $text = $nginx->since($mark);

    like($text, $warning->('heavy'),
        'a third of a thousand with one key is said');
    unlike($text, $warning->('spread'),
        'and nothing where each has its own');

    return;
}


sub join_by {
    my ($path, @keys) = @_;

    my $client = connection();
    my $waiting = 0;

    for my $key (@keys) {
        $client->send(request_text('GET', $path . "answer/200?k=$key"));
        my $answer = $client->answer // last;
        $waiting++ if $answer->{body} =~ /"reason":"in_line"/;
    }

    is($waiting, scalar @keys, "all of $path wait");

    return;
}


sub reload {
    my @shoppers = map { shopper('long') } 1 .. 3;
    my $inside = shopper();

    $_->get('/long/answer/200') for @shoppers;
    $_->get('/long/answer/200') for @shoppers;
    ok(wait_for(sub { place($shoppers[2]) =~ /:[23]$/ }, 20),
        'of those who never came back nobody stands before them');
    $inside->get_in('/drop/answer/200');

    my @before = map { place($_) } @shoppers;

    ok($nginx->reload, 'a reload');
    is(join(' ', map { place($_) } @shoppers), "@before",
        'nobody loses the place');
    is($inside->get('/drop/answer/200')->{status}, 200, 'nor the pass');

    my $joined = $nginx->metric('room_joined_total', room => 'long');
    my $new = shopper('long');

    $new->get('/long/answer/200');
    cmp_ok($new->ticket, '>', $shoppers[2]->ticket, 'numbers go on');
    is($nginx->metric('room_joined_total', room => 'long'), $joined + 1,
        'and so do the metrics');

    return @shoppers;
}


sub place {
    my ($s) = @_;

    my $said = $s->poll('/long/answer/200');

    return $s->ticket . ":$said->{state}:" . ($said->{position} // '');
}


sub reload_with_changes {
    my (@shoppers) = @_;

    write_keys('k2:' . '12' x 32 . "\n" . key_file());
    $nginx->configure(vars => { %vars, more => 'max_active 1000;' });
    ok($nginx->reload, 'a reload with another key, and a ceiling');

    is($shoppers[1]->poll('/long/answer/200')->{room}, 'long',
        'tokens of the old key');
    is(AdmShopper::header_of($shoppers[1]->token)->{kid}, 'k1',
        '... stay as they are');

    my $new = shopper('long');

    $new->get('/long/answer/200');
    is(AdmShopper::header_of($new->token)->{kid}, 'k2',
        'new ones are of the new key');
    cmp_ok($new->ticket, '>', $shoppers[2]->ticket, 'in the same line');

    $nginx->configure(http => $HTTP =~ s/\Qlong { mode always; rate 1r\/h;\E
                                        /long { mode always; rate 900r\/m;/xr);
    ok($nginx->reload, 'a reload with a higher rate');
    is($_->get_in('/long/answer/200', 20)->{status}, 200, 'lets them in')
        for @shoppers, $new;

    write_keys('k2:' . '12' x 32 . "\n");
    ok($nginx->reload, 'a reload without the old key');
    is($new->get('/long/answer/200')->{status}, 200, 'passes of the new key');

    return;
}


bodies();
pipelined();
http10();
http2();
tls();
abort();
heavy();
reload_with_changes(reload());

unlike($nginx->access_text . $nginx->log_text, qr/eyJ/,
    'no token is in the logs');

$nginx->finish;

done_testing();
