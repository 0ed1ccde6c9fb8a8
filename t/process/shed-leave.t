#!/usr/bin/perl

# A place inside an upstream is held by a request from its claim until nginx
# is done with that upstream, however that ends: by an answer, a page of the
# site's own, a peer that hangs up, or a client that leaves in the trip, in
# its body, before the header or amid the answer.  A place that is not given
# back is lost until a restart, and one given back twice lets in one too many:
# so after each story exactly as many can go in as before.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use IO::Socket::INET ();
use Test::More;
use Time::HiRes qw(sleep);

use AdmH2 ();
use AdmHttp qw(fetch request_text);
use AdmNginx qw(becomes wait_for);
use AdmUpstream ();

my $HTTP = <<'END';
    admission_upstream one concurrency=1 failures=0 error_rate=0;
    admission_upstream two concurrency=2 failures=0 error_rate=0;
    admission_upstream frail failures=1 error_rate=0 open=1h max_open=1h;
    admission_upstream remote failures=1 error_rate=0 open=1h max_open=1h;
    admission_upstream silent failures=1 error_rate=0 open=1h max_open=1h;
    admission_upstream tunnel failures=1 error_rate=0 open=1h max_open=1h;
    admission_upstream stale failures=1 error_rate=0 open=1h max_open=1h;

    admission_rate exact $server_port rate=1000r/s burst=1000 scope=exact;
    admission_rate tight $server_port rate=1r/h burst=0 scope=exact;

    proxy_http_version 1.1;
    proxy_connect_timeout 1s;
    proxy_read_timeout 20s;
    proxy_cache_path %{dir}/cache keys_zone=pages:1m;
    client_max_body_size 2m;

    upstream kept { server 127.0.0.1:%{up}; keepalive 4; }

    upstream second {
        server 127.0.0.1:%{closed} max_fails=0;
        server 127.0.0.1:%{up} backup max_fails=0;
    }

    upstream dead {
        server 127.0.0.1:%{closed} max_fails=0;
        server 127.0.0.1:%{absent} backup max_fails=0;
    }

    server {
        listen 127.0.0.1:%{h1};
        listen 127.0.0.1:%{h2} http2;

        location = /status { admission_status; }
        location = /metered { return 204; }

        admission_shed one;

        location /up/ { proxy_pass http://127.0.0.1:%{up}; }

        location /kept/ {
            proxy_set_header Connection "";
            proxy_pass http://kept;
        }

        location /two/ {
            admission_shed two;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /both/ {
            admission_shed two;
            admission_shed one;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /trip/ {
            admission_limit exact;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /tight/ {
            admission_limit tight;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /rated/ {
            limit_rate 1000;
            proxy_pass http://127.0.0.1:%{h1}/stored/;
        }

        location /passing/ {
            proxy_request_buffering off;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /second/ { proxy_pass http://second; }
        location /dead/ { proxy_pass http://dead; }
        location /absent/ { proxy_pass http://127.0.0.1:%{absent}; }

        location /nameless/ {
            resolver 127.0.0.1:%{absent};
            resolver_timeout 100ms;
            proxy_pass http://shop.invalid:$arg_port;
        }

        location /numbered/ { proxy_pass http://127.0.0.1:$arg_port$uri; }

        location /brief/ {
            proxy_read_timeout 100ms;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /page/ {
            proxy_intercept_errors on;
            error_page 500 502 504 /sorry;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /page/hang {
            error_page 504 /sorry;
            proxy_read_timeout 100ms;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /other/ {
            error_page 502 = @other;
            proxy_pass http://127.0.0.1:%{absent};
        }

        location @other { proxy_pass http://127.0.0.1:%{up}; }

        location /cached/ {
            proxy_cache pages;
            proxy_cache_valid 200 1h;
            limit_rate 1000;
            proxy_pass http://127.0.0.1:%{h1}/stored/;
        }

        location /stored/ {
            admission_shed off;
            alias %{dir}/html/;
        }

        location /static/ { alias %{dir}/html/; limit_rate 1000; }
        location /said { return 200 "said\n"; }
        location /try/ { try_files /nothing /up/answer/200; }

        location /accel/ {
            proxy_pass http://127.0.0.1:%{up};
        }

        location /inner/ { internal; alias %{dir}/html/; limit_rate 1000; }

        location /small/ {
            client_max_body_size 100;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /asked/ {
            auth_request /user;
            proxy_pass http://127.0.0.1:%{up};
        }

        location = /user {
            admission_shed off;
            internal;
            proxy_pass http://127.0.0.1:%{up}/user/nobody;
        }

        location /frail/ {
            admission_shed frail;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /dry/ {
            admission dry_run;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /remote/ {
            admission_shed remote;
            error_page 502 504 /stored/hello;
            proxy_pass http://127.0.0.1:$arg_port$uri;
        }

        location /silent/ {
            admission_shed silent;
            error_page 502 504 /stored/hello;
            proxy_pass http://127.0.0.1:$arg_port$uri;
        }

        location /brief-silent/ {
            admission_shed silent;
            error_page 502 504 /stored/hello;
            proxy_read_timeout 100ms;
            proxy_pass http://127.0.0.1:$arg_port$uri;
        }

        location /noted/ {
            admission_shed silent;
            post_action /stored/hello;
            proxy_pass http://127.0.0.1:$arg_port$uri;
        }

        location /tunnel/ {
            admission_shed tunnel;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_read_timeout 500ms;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /stale/ {
            admission_shed stale;
            proxy_cache pages;
            proxy_cache_key stale;
            proxy_cache_valid 200 1s;
            proxy_cache_use_stale http_500;
            proxy_pass http://127.0.0.1:%{up};
        }

        location = /sorry { return 200 "sorry\n"; }
    }
END

my %LEAVE = map { my $way = $_; $way => sub { $_[0]->$way } }
            qw(close half_close reset);

my $upstream = AdmUpstream->start;
my $closed = AdmUpstream->start('close');
my $nginx = AdmNginx->start(http => $HTTP, workers => 2,
    vars => { up => $upstream->port, closed => $closed->port });

$nginx->write_file('html/long', 'x' x 60_000);


sub inside { return $nginx->metric('inflight', upstream => $_[0] // 'one') }


sub status_of {
    my ($path, %option) = @_;

    my $answer = fetch($nginx->port('h1'), $path, %option);

    return $answer ? $answer->{status} : 0;
}


# A request on a connection of its own, which has a place now.
sub begin {
    my ($path, %option) = @_;

    my $client = AdmHttp->connect($nginx->port('h1'));

    $client->send(request_text($option{method} // 'GET', $path, %option));

    return $client;
}


# Nobody is inside, and one can go in, and no second one beside it.
sub as_before {
    my ($name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    ok(wait_for(sub { inside() == 0 }), "$name: nobody is inside")
        or diag(inside());

    my $client = begin('/up/hang');
    my $said = [wait_for(sub { inside() == 1 }) ? 'in' : 'out',
                status_of('/up/answer/200')];

    $client->close;
    wait_for(sub { inside() == 0 });

    is("@$said", 'in 503', '... and one is the most that can be');

    return;
}


# Requests that end by themselves

my @ENDS = (
    [200, '/up/answer/200', 'an answer'],
    [404, '/up/answer/404', 'an answer that says no'],
    [500, '/up/answer/500', 'a failure'],
    [200, '/up/slow/50', 'an answer that takes its time'],
    [200, '/kept/answer/200', 'a connection that is kept'],
    [200, '/kept/slow/20', '... and used again'],
    [502, '/up/close', 'a peer that hangs up'],
    [200, '/second/answer/200', 'the second peer answers'],
    [502, '/dead/answer/200', 'neither peer does'],
    [502, '/absent/answer/200', 'nobody listens'],
    [504, '/brief/hang', 'a peer that never answers'],
    [502, '/up/large', 'too many fields'],
    [502, '/nameless/?port=1', 'a name that nobody knows'],
    [500, '/numbered/answer/200?port=', 'a variable without a port'],
    [200, "/numbered/answer/200?port=" . $upstream->port,
     'an upstream by a variable'],
    [502, "/numbered/close?port=" . $upstream->port,
     '... that hangs up'],
    [500, '/page/answer/500', 'a page instead of a failure'],
    [504, '/page/hang', 'a page instead of nothing'],
    [200, '/page/answer/200', 'no page'],
    [200, '/accel/inner/hello', 'X-Accel-Redirect'],
    [200, '/try/', 'by try_files'],
    [200, '/said', 'no upstream at all'],
    [404, '/static/nothing', 'nothing there'],
    [401, '/asked/answer/200', 'an unknown user'],
    [200, '/both/answer/200', 'two places'],
    [200, '/trip/answer/200', 'a trip before it'],
    [200, '/tight/answer/200', '... that may not go on'],
    [429, '/tight/answer/200', '... and does not'],
);

as_before('at first');

for (@ENDS) {
    my ($status, $path, $name) = @$_;

    is(status_of($path), $status, $name);
    ok(wait_for(sub { inside() + inside('two') == 0 }), '... is over')
        or diag(inside(), ' ', inside('two'));
}

as_before('after all of them');

for ([413, '/small/answer/200', 'x' x 200, 'too large a body'],
     [200, '/up/answer/200', 'x' x 200_000, 'a body in a file'],
     [200, '/passing/answer/200', 'x' x 200_000, 'a body that passes'])
{
    my ($status, $path, $body, $name) = @$_;

    is(status_of($path, method => 'POST', body => $body), $status, $name);

    # the other worker may have the next one
    wait_for(sub { inside() == 0 });
}

as_before('after bodies');


# Clients that leave

for my $way (sort keys %LEAVE) {
    my $client = begin('/up/hang');

    ok(wait_for(sub { inside() == 1 }), "$way: waiting for the header");
    $LEAVE{$way}->($client);
    ok(wait_for(sub { inside() == 0 }), '... and gone');

    $client = AdmHttp->connect($nginx->port('h1'));
    $client->send(request_text('POST', '/up/answer/200',
        body => 'x' x 10, fields => "Content-Length: 100\r\n"));

    is(status_of('/up/answer/200'), 200,
        "$way: who uploads has no place yet");
    becomes(\&inside, 0, '... none at all');
    $LEAVE{$way}->($client);

    $client = AdmHttp->connect($nginx->port('h1'));
    $client->send(request_text('POST', '/passing/answer/200',
        body => 'x' x 10, fields => "Content-Length: 100\r\n"));

    ok(wait_for(sub { inside() == 1 }), "$way: a body that passes has one");
    $LEAVE{$way}->($client);
    ok(wait_for(sub { inside() == 0 }), '... and gives it back');

    # the bytes wait in the kernel's buffers and nginx's, not for the upstream

    $client = begin('/cached/long');
    ok($client->_until(time + 20, sub { length $client->{input} }),
        "$way: amid an answer");
    $LEAVE{$way}->($client);
}

as_before('after those who left');

for my $way (qw(close cancel)) {
    my $client = AdmH2->connect($nginx->port('h2'));
    my $stream = $client->request('GET', '/up/hang');

    ok(wait_for(sub { inside() == 1 }), "h2 $way: inside");
    $way eq 'close' ? $client->close : $client->cancel($stream);
    ok(wait_for(sub { inside() == 0 }), '... and gone');
}

as_before('after streams');


# An answer from the cache has no place while it is sent, one without an
# upstream has, and X-Accel-Redirect left the upstream.

my $slow = begin('/rated/long');
$slow->_until(time + 20, sub { length $slow->{input} });
ok(wait_for(sub { inside() == 0 }), 'read whole by nginx, sent slowly');
cmp_ok(length $slow->{input}, '<', 60_000, '... and some of it is to come');
$slow->close;

is(status_of('/cached/hello'), 200, 'stored');

# nginx stores what it has read whole, when it is done with it

$slow = wait_for(sub {
    my $client = begin('/cached/long');
    $client->_until(time + 20, sub { $client->{input} =~ /\r\n\r\n/ });
    return $client;
});

# for a minute, which is longer than that is waited for

becomes(\&inside, 0, 'an answer of the cache has no place');
$slow->close;

$slow = begin('/accel/inner/long');
$slow->_until(time + 20, sub { length $slow->{input} });
becomes(\&inside, 0, 'nor one that another location gives');
$slow->close;

$slow = begin('/static/long');
$slow->_until(time + 20, sub { length $slow->{input} });
becomes(\&inside, 1, 'a file has one while it is sent');
is(status_of('/up/answer/200'), 503, '... and it is the only one');
$slow->close;
ok(wait_for(sub { inside() == 0 }), '... until its client leaves');

my $other = begin("/other/slow/1000");
ok(wait_for(sub { grep { m{/slow/1000} } $upstream->seen }),
    'to another upstream, since the first could not be reached');
becomes(\&inside, 0, '... goes on without the place');
is($other->answer->{status}, 200, '... and is answered');

as_before('after answers that were not the upstream\'s');


# What was refused behind a place gives it back

my $holder = begin('/two/hang');
ok(wait_for(sub { inside('two') == 1 }), 'one of two places');

my $full = begin('/up/hang');
ok(wait_for(sub { inside() == 1 }), 'and the only one of the other gate');
is(status_of('/both/answer/200'), 503, 'who needs both has neither');
becomes(sub { inside('two') }, 1, '... and keeps none');

$_->close for $holder, $full;
ok(wait_for(sub { inside() + inside('two') == 0 }), 'all are gone');


# A dry run: who would be admitted has a place, who would not goes without

my @dry = map { begin('/dry/hang') } 1 .. 3;

ok(wait_for(sub { $upstream->seen_like('/dry/hang') == 3 }),
    'a dry run lets all of them go on');
is(inside(), 1, '... and one has the place');
is($nginx->metric('policy_total', policy => 'shed', name => 'one',
    verdict => 'shed', dry_run => 1), 2, '... and two would have been shed');
$_->close for @dry;
as_before('after a dry run');


# What is a failure of the upstream, and what is not

sub circuit {
    return $nginx->metric('circuit_state', circuit => $_[0] // 'frail');
}

is(status_of('/frail/answer/404'), 404, 'a refusal of the upstream\'s');
is(circuit(), 0, '... is an answer');

my $impatient = begin('/frail/hang');
ok(wait_for(sub { inside('frail') == 1 }), 'a client waits');
$impatient->reset;
ok(wait_for(sub { inside('frail') == 0 }), '... and leaves');
is(circuit(), 0, '... which is no failure of the upstream\'s');

is(status_of('/frail/answer/503'), 503, 'its failure');
ok(wait_for(sub { circuit() == 1 }), '... is one');
is(status_of('/frail/answer/200'), 503, 'and nobody goes there any more');
is(scalar($upstream->seen_like('/frail/answer/200')), 0, '... indeed');

# ... of one that is known only by a variable, so that nothing of ours is
# called when nginx gives it up: it goes to the page, or the client leaves

my $deaf = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16);
my $port = $deaf->sockport;

for my $path (qw(silent noted)) {
    my $client = begin("/$path/x?port=$port");

    ok(wait_for(sub { inside('silent') == 1 }), "$path: a client waits");
    $client->reset;
    ok(wait_for(sub { inside('silent') == 0 }), '... and leaves');
    is(circuit('silent'), 0, '... which is no failure of the upstream\'s');
}

is(status_of("/brief-silent/x?port=$port"), 504, 'one that never answers');
ok(wait_for(sub { circuit('silent') == 1 }), '... has failed');

is(status_of('/remote/x?port=' . $closed->port), 502, 'one that hangs up');
ok(wait_for(sub { circuit('remote') == 1 }), '... has failed');


# ... of a tunnel, which ends when nobody has said anything for a while

my $tunnel = begin('/tunnel/answer/101', fields => "Upgrade: talk\r\n");

ok($tunnel->_until(time + 20, sub { $tunnel->{input} =~ m{^HTTP/1.1 101 } }),
    'a tunnel');
ok($tunnel->_until(time + 20, sub { $tunnel->{eof} }), '... that ends');
ok(wait_for(sub { inside('tunnel') == 0 }), '... and leaves');
is(circuit('tunnel'), 0, '... which is no failure of the upstream\'s');


# ... of one in whose place the cache answers

is(status_of('/stale/answer/200'), 200, 'stored');

my %told;

ok(wait_for(sub {
    $told{ status_of('/stale/answer/500') }++;

    # what became of it is told when it is over, and who comes then is refused
    wait_for(sub { inside('stale') == 0 });
    return circuit('stale') == 1;
}), 'its failure behind a stale answer is one');
is_deeply([keys %told], [200], '... which nobody was shown');

$nginx->finish;
done_testing();
