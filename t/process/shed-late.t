#!/usr/bin/perl

# Two kinds of being late.  A request that has used up its budget before it
# comes to the upstream would be answered to nobody: it is refused instead.
# And a node whose own event loop falls behind has no time for policies: of
# strangers a part is refused before anything is looked at, while who has a
# token or a key, the operator and the scraper find it as ever.  Only where it
# is later by far nobody is spared but the operator and the scraper.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for);
use AdmUpstream ();

my $MANY = 50;          # requests in one piece
my $LONG = 0.5;         # s that a worker is stopped, over 4 times the lag
my $LATEST = 1.2;       # s, 4 times that of the patient one

my $HTTP = <<'END';
    admission_upstream spent budget=800ms failures=0 error_rate=0;
    admission_upstream hasty budget=1h failures=0 error_rate=0;
    admission_upstream shop lag=50ms failures=0 error_rate=0;
    admission_upstream patient lag=300ms failures=0 error_rate=0;
    admission_upstream calm lag=0 failures=0 error_rate=0;
    admission_room drop { rate 1000r/s; }

    keepalive_requests 1000000;
    proxy_ignore_client_abort on;

    server {
        listen 127.0.0.1:%{h1};

        add_header X-Said "$admission_verdict $admission_reason" always;
        add_header X-Budget "[$admission_budget]" always;

        location = /status { admission_status; }
        location /control/ { admission_control; }

        location /none/ { proxy_pass http://127.0.0.1:%{up}; }

        location /spent/ {
            admission_shed spent;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /both/ {
            admission_shed hasty;
            admission_shed spent;
            proxy_pass http://127.0.0.1:%{up};
        }

        admission_shed shop fallback=@busy;
        location @busy { return 200 "busy\n"; }

        location /shop/ { proxy_pass http://127.0.0.1:%{up}; }

        location /calm/ {
            admission_shed calm;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /room/ {
            admission_wait drop;
            admission_shed patient;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /keyed/ {
            admission_idempotency $http_idempotency_key owner=$arg_u;
            admission_shed patient;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /mixed/ {
            admission_idempotency $http_idempotency_key$arg_k owner=$arg_u;
            admission_shed patient;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /carried/ {
            admission_wait drop;
            admission_idempotency $http_idempotency_key owner=$arg_u;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /dry/ {
            admission dry_run;
            proxy_pass http://127.0.0.1:%{up};
        }
    }
END

my $upstream = AdmUpstream->start;
my $nginx = AdmNginx->start(http => $HTTP, vars => { up => $upstream->port });


# One that begins, and goes on after a while.
sub begun {
    my ($path, $seconds) = @_;

    my $client = AdmHttp->connect($nginx->port('h1'));
    my $text = request_text('GET', $path);

    $client->send(substr $text, 0, 10);
    sleep $seconds;
    $client->send(substr $text, 10);

    return $client->answer // { status => 0, field => {} };
}


# Budgets

my $answer = begun('/spent/answer/200', 0);
is($answer->{status}, 200, 'in time');
like($answer->{field}{'x-budget'}, qr/^\[(?:[1-7]?\d?\d|800)\]$/,
    '... with some of its budget left');

$answer = begun('/spent/answer/201', 1);
is($answer->{status}, 503, 'too late');
is($answer->{field}{'x-said'}, 'shed budget', '... since it has none left');
is($answer->{field}{'x-budget'}, '[0]', '... says the variable');
like($answer->{field}{'retry-after'}, qr/^[1-9]\d?$/, '... but may come back');
is(scalar($upstream->seen_like('/201')), 0, '... and was not sent');

is(begun('/both/answer/200', 1)->{status}, 503, 'of two the shorter');

$answer = begun('/none/answer/200', 0.3);
is("$answer->{status} $answer->{field}{'x-budget'}", '200 []',
    'none, where there is no upstream with one');


# The event loop

# What so many requests in one piece, each of another browser, are told that a
# stopped worker finds when it goes on: how many of each status, and the last
# answer of a 503.
sub when_late {
    my ($method, $path, %option) = @_;

    my ($worker) = $nginx->serving;
    my $client = AdmHttp->connect($nginx->port('h1'));
    my $fields = delete $option{fields} // '';
    my %told;

    $client->send(request_text('GET', '/status'));
    $client->answer;

    $nginx->signal('STOP', $worker);
    $client->send(join '', map {
        request_text($method, $path, %option,
                     fields => "User-Agent: browser/$_\r\n$fields")
    } 1 .. $MANY);
    sleep $LONG;
    $nginx->signal('CONT', $worker);

    for (1 .. $MANY) {
        my $answer = $client->answer // { status => 0 };
        $told{ $answer->{status} }++;
        $told{last} = $answer if $answer->{status} == 503;
    }

    return \%told;
}


# The same, when it was late, but not so late that nobody is spared.
sub when_a_bit_late {
    my (@request) = @_;

    my $told;

    wait_for(sub {
        $told = when_late(@request);
        return $nginx->metric('loop_lag_seconds') < $LATEST;
    }, 30);

    return $told;
}


my $told = when_late('GET', '/shop/answer/200');

cmp_ok($told->{503} // 0, '>', 0, 'a late node refuses');
is(($told->{200} // 0) + ($told->{503} // 0), $MANY, '... and answers all');
is($told->{last}{field}{'x-said'}, 'shed overload', '... and says why');
like($told->{last}{field}{'retry-after'}, qr/^[1-9]\d?$/,
    '... and when to come back');
like($told->{last}{body}, qr/More people have come than can be looked after/,
    '... by itself, as a fallback would be more work');
is($nginx->metric('shed_total', upstream => 'shop'), $told->{503},
    '... and counts them');

ok(wait_for(sub {
    fetch($nginx->port('h1'), '/shop/answer/200')->{status} == 200
}), 'soon it is in time again');

my $counted = $nginx->metric('shed_total', upstream => 'shop');

for (['GET', '/calm/answer/200', 'an upstream that does not look at it'],
     ['GET', '/dry/answer/200', 'a dry run'],
     ['GET', '/status', 'the scraper'],
     ['GET', '/control/', 'the operator'])
{
    my ($method, $path, $name, %option) = @$_;

    is(when_late($method, $path, %option)->{503}, undef,
        "$name: nobody is refused");
}

is($nginx->metric('policy_total', policy => 'shed', name => 'shop',
    verdict => 'shed', dry_run => 1) > 0, 1, 'the dry run has counted');
is($nginx->metric('shed_total', upstream => 'shop'), $counted,
    '... what was not shed, though');

my @token = (fields => "Cookie: adm_drop=x\r\n");
my @key = (body => 'a=1', fields => "Idempotency-Key: k\r\n");

for (['GET', '/room/answer/200', 'who has a token', @token],
     ['POST', '/keyed/answer/200?u=1', 'who has a key', @key],
     ['POST', '/mixed/answer/200?u=1', 'whose key may stand anywhere',
      body => 'a=1'])
{
    my ($method, $path, $name, %option) = @$_;

    is(when_a_bit_late($method, $path, %option)->{503}, undef,
        "$name: nobody is refused");
}

for (['GET', '/room/answer/200', 'who has no token'],
     ['GET', '/keyed/answer/200?u=1', 'whose request needs no key'],
     ['POST', '/keyed/answer/200?u=1', 'who has none', body => 'a=1'])
{
    my ($method, $path, $name, %option) = @$_;

    $told = when_a_bit_late($method, $path, %option);
    cmp_ok($told->{503} // 0, '>', 0, "$name: some are refused");
    cmp_ok($told->{503} // 0, '<', $MANY - 1, '... and some are not');
}

for (['GET', 'a token', @token], ['POST', 'a key', @key]) {
    my ($method, $name, %option) = @$_;

    $told = when_late($method, '/carried/answer/200?u=1', %option);
    cmp_ok($told->{503} // 0, '>', 0, "later than that $name does not help");
}

$nginx->finish;
done_testing();
