#!/usr/bin/perl

# A sleeping request is woken exactly once, by the store's answer, by its
# deadline, or because the store does not take the trip; every policy that
# took something is told exactly once what became of it; and what the store
# grants too late goes back.  On HTTP/1.1 and HTTP/2, in both phases.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(time sleep);

use AdmH2 qw(fetch2);
use AdmHttp qw(fetch request_text);
use AdmNginx qw(need_probe wait_for);
use AdmUpstream ();

need_probe();


my $HTTP = <<'END';
    admission_test_keeper 600ms;

    admission_rate node $arg_n rate=1r/h burst=0;
    admission_rate exact $arg_e rate=1r/h burst=0 scope=exact;
    admission_rate second $arg_f rate=1r/h burst=0 scope=exact;
    admission_rate third $arg_g rate=1r/h burst=0 scope=exact;

    add_header X-Trips $admission_trips always;
    add_header X-Verdict "$admission_verdict $admission_reason" always;

    server {
        listen 127.0.0.1:%{h1};
        listen 127.0.0.1:%{h2} http2;

        location / {
            alias %{dir}/html/hello;
        }

        location = /status { admission_status; }

        location = /check {
            alias %{dir}/html/hello;
            admission_probe a $arg_a;
        }

        location = /ask {
            alias %{dir}/html/hello;
            admission_probe a $arg_a at=ask;
        }

        location = /claim {
            alias %{dir}/html/hello;
            admission_probe a $arg_a at=claim;
            auth_basic shop;
            auth_basic_user_file %{dir}/users;
        }

        location = /called {
            alias %{dir}/html/hello;
            admission_probe a $arg_a at=claim;
            auth_request /auth;
        }

        location = /auth {
            internal;
            proxy_pass http://127.0.0.1:%{up}/user/$http_x_user;
        }

        location = /two-asks {
            alias %{dir}/html/hello;
            admission_probe a $arg_a at=ask;
            admission_probe b $arg_b at=ask;
        }

        location = /claim-and-ask {
            alias %{dir}/html/hello;
            admission_probe a $arg_a at=claim;
            admission_probe b $arg_b at=ask;
            auth_request /auth;
        }

        location = /three {
            alias %{dir}/html/hello;
            admission_probe a x;
            admission_probe b $arg_b at=claim;
            admission_probe c $arg_c at=claim;
            admission_limit node;
        }

        location = /mixed {
            alias %{dir}/html/hello;
            admission_probe a $arg_a at=ask;
            admission_probe b $arg_b at=claim;
            admission_limit node;
        }

        location /exact {
            alias %{dir}/html/hello;
            admission_limit exact;
            admission_limit second;
            admission_limit third;

            location = /exact/opened {
                alias %{dir}/html/hello;
                admission_on_store_failure rate=open;
            }

            location = /exact/shut {
                alias %{dir}/html/hello;
                admission_on_store_failure rate=closed;
            }
        }
    }
END

my $upstream = AdmUpstream->start;
my $nginx = AdmNginx->start(http => $HTTP, vars => { up => $upstream->port });

$nginx->write_file('users', "ann:{PLAIN}secret\n");

my $ids = 0;


# Starts a request by either protocol: { id, answer => sub { ... } }
sub begin {
    my ($protocol, $path, $fields) = @_;

    my $id = $protocol . ++$ids;
    my $join = $path =~ /\?/ ? '&' : '?';
    my $target = "$path${join}id=$id";

    $target =~ s/\bID\b/$id/g;

    if ($protocol eq 'h2') {
        my $client = AdmH2->connect($nginx->port('h2'));
        my $stream = $client->request('GET', $target, fields => $fields // []);

        return { id => $id, answer => sub { $client->answer($stream) } };
    }

    my $client = AdmHttp->connect($nginx->port('h1'));
    my $text = join '', map { "$_->[0]: $_->[1]\r\n" } @{ $fields // [] };

    $client->send(request_text('GET', $target, fields => $text));

    return { id => $id, answer => sub { $client->answer } };
}


sub ask {
    my $request = begin(@_);
    my $answer = $request->{answer}->();

    return ($answer ? $answer->{status} : 0, $request->{id}, $answer);
}


# One request: its status, and what its policies were told.
sub told {
    my ($protocol, $path, $status, $calls, $name, $fields) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $mark = $nginx->mark;
    my ($got, $id) = ask($protocol, $path, $fields);

    is($got, $status, "$name, $protocol: status");
    $nginx->calls_are($mark, $id, $calls, "$name, $protocol: calls");

    return;
}


my @GRANTED = ('a: check', 'a: claim', 'a: conclude granted',
               'a: settle answered 200');
my $ANN = [[authorization => 'Basic ' . encode_base64('ann:secret', '')]];


sub phases {
    my ($p) = @_;

    told($p, '/check', 200, ['a: check', 'a: settle answered 200'],
        'without a trip');
    told($p, '/ask?a=30-grant-ID', 200, \@GRANTED, 'asked in PREACCESS');
    told($p, '/ask?a=0-grant', 200, \@GRANTED, 'answered in the next turn');
    told($p, '/claim?a=30-grant', 200, \@GRANTED,
        'claimed behind auth_basic', $ANN);
    told($p, '/claim?a=30-grant', 401,
        ['a: check', 'a: settle unreached 0'],
        'not authenticated: nothing is claimed');
    told($p, '/called?a=30-grant', 200, \@GRANTED,
        'claimed behind auth_request', [['x-user', 'ann']]);
    told($p, '/called?a=30-grant', 401,
        ['a: check', 'a: settle unreached 0'],
        'turned away by auth_request: nothing is claimed',
        [['x-user', 'nobody']]);

    return;
}


sub two {
    my ($p) = @_;

    told($p, '/two-asks?a=20-grant&b=20-grant', 200,
        ['a: check', 'a: claim', 'a: conclude granted',
         'b: check', 'b: claim', 'b: conclude granted',
         'b: settle answered 200', 'a: settle answered 200'],
        'two that ask, one after the other');
    told($p, '/two-asks?a=20-grant&b=20-refuse', 429,
        ['a: check', 'a: claim', 'a: conclude granted',
         'b: check', 'b: claim', 'b: conclude refused',
         'a: give back refused'],
        'the second refuses, the first gets back');
    told($p, '/two-asks?a=20-refuse&b=20-grant', 429,
        ['a: check', 'a: claim', 'a: conclude refused'],
        'the first refuses, the second is not asked');

    # who asks in PREACCESS does not take another's claim along, which has to
    # wait for authentication
    told($p, '/claim-and-ask?a=20-grant&b=20-grant', 200,
        ['a: check', 'b: check', 'b: claim', 'b: conclude granted',
         'a: claim', 'a: conclude granted',
         'b: settle answered 200', 'a: settle answered 200'],
        'a claim before one that asks', [['x-user', 'ann']]);
    told($p, '/claim-and-ask?a=20-grant&b=20-grant', 401,
        ['a: check', 'b: check', 'b: claim', 'b: conclude granted',
         'b: settle unreached 0', 'a: settle unreached 0'],
        'the same, not authenticated', [['x-user', 'nobody']]);

    return;
}


# probes, then a limit of this node, then the trip
sub three {
    my ($p) = @_;

    my @checks = ('a: check', 'b: check', 'c: check');
    my @claims = ('b: claim', 'c: claim');

    told($p, "/three?n=$p&b=20-grant&c=20-grant", 200,
        [@checks, @claims, 'b: conclude granted', 'c: conclude granted',
         'c: settle answered 200', 'b: settle answered 200',
         'a: settle answered 200'],
        'two claims go in one trip');
    told($p, "/three?n=$p&b=20-grant&c=20-grant", 429,
        [@checks, 'c: give back refused', 'b: give back refused',
         'a: give back refused'],
        'a later limit refuses: all get back, in reverse, without a trip');
    told($p, "/three?n=r$p&b=20-grant&c=20-refuse", 429,
        [@checks, @claims, 'b: conclude granted', 'c: conclude refused',
         'b: give back refused', 'a: give back refused'],
        'refused by the trip: those before get back');
    told($p, "/three?n=r$p&b=20-refuse&c=20-grant", 429,
        [@checks, @claims, 'b: conclude refused', 'c: conclude granted',
         'c: give back refused', 'a: give back refused'],
        'refused by the trip: those behind get back too');
    told($p, "/three?n=r$p&b=20-fail&c=20-grant", 503,
        [@checks, @claims, 'b: conclude failed', 'c: conclude granted',
         'c: give back failed', 'a: give back failed'],
        'the store cannot tell');
    told($p, "/three?n=r$p&b=20-grant&c=20-grant", 200,
        [@checks, @claims, 'b: conclude granted', 'c: conclude granted',
         'c: settle answered 200', 'b: settle answered 200',
         'a: settle answered 200'],
        'the limit had its unit back each time');
    told($p, "/mixed?n=r$p&a=20-grant&b=20-grant", 429,
        ['a: check', 'a: claim', 'a: conclude granted', 'b: check',
         'b: give back refused', 'a: give back refused'],
        'a limit refuses after one trip and before another');

    return;
}


sub faults {
    my ($p) = @_;

    my ($began, $took);

    # where the machine takes its time, one more is asked
    for (1 .. 10) {
        $began = time;
        told($p, '/ask?a=0-down', 503,
            ['a: check', 'a: claim', 'a: conclude none'], 'the store is down');
        $took = time - $began;
        last if $took < 0.6;
    }

    cmp_ok($took, '<', 0.6, "$p: ... which is told before the deadline");

    $began = time;
    told($p, '/ask?a=0-never', 503,
        ['a: check', 'a: claim', 'a: conclude none'], 'never answered');
    cmp_ok(time - $began, '>=', 0.59, "$p: ... is told at the deadline");
    cmp_ok(time - $began, '<', 5, "$p: ... and not much later");

    told($p, '/ask?a=900-grant-ID', 503,
        ['a: check', 'a: claim', 'a: conclude none', 'store: give back'],
        'granted after the deadline: given back');
    told($p, '/ask?a=900-refuse-ID', 503,
        ['a: check', 'a: claim', 'a: conclude none'],
        'refused after the deadline: nothing to give back');
    told($p, '/claim?a=900-grant-ID', 503,
        ['a: check', 'a: claim', 'a: conclude none', 'store: give back'],
        'the same in PRECONTENT', $ANN);

    my $mark = $nginx->mark;

    told($p, '/ask?a=10-twice-ID', 200, \@GRANTED, 'answered twice');
    ok($nginx->wait_log($mark, qr/"late" answered a trip that is over/),
        "$p: ... the second answer is dropped");

    $mark = $nginx->mark;
    told($p, '/ask?a=290-twice-ID', 200, \@GRANTED,
        'answered, and again after the deadline');
    ok($nginx->wait_log($mark, qr/"late" answered a trip that is over/),
        "$p: ... the second answer is dropped");

    return;
}


# A second answer comes when the trip's memory serves another request.
sub twice_reused {
    my ($p) = @_;

    my $mark = $nginx->mark;
    my $first = begin($p, '/ask?a=10-twice-ID');
    my $status = $first->{answer}->()->{status};
    my $next = begin($p, '/ask?a=60-refuse-ID');

    is($status, 200, "$p: the first of two requests");
    is($next->{answer}->()->{status}, 429,
        "$p: the second one gets its own answer");
    $nginx->calls_are($mark, $next->{id},
        ['a: check', 'a: claim', 'a: conclude refused'],
        "$p: ... and once");

    return;
}


sub exact {
    my ($p) = @_;

    my $keys = sub { my ($how, $n) = @_;
        "e=$how-${p}e$n&f=$how-${p}f$n&g=$how-${p}g$n" };

    my ($status, $id, $answer) = ask($p, '/exact?' . $keys->('10-grant', 1));

    is($status, 200, "$p: three exact limits let through");
    is($answer->{field}{'x-trips'}, 1, "$p: in one trip") if $p eq 'h1';
    is((ask($p, '/exact?' . $keys->('10-grant', 1)))[0], 429,
        "$p: and the second request is refused");

    # the second of three is used up: the others are not charged
    ask($p, "/exact?f=10-grant-${p}F");
    is((ask($p, "/exact?e=10-grant-${p}E&f=10-grant-${p}F&g=10-grant-${p}G"))
        [0], 429, "$p: one of three refuses");
    is((ask($p, "/exact?e=10-grant-${p}E&g=10-grant-${p}G"))[0], 200,
        "$p: ... and the others were given back");

    return;
}


sub failing_exact {
    my ($p) = @_;

    my %status = (
        exact          => [200, 429],        # local is what it does by itself
        'exact/opened' => [200, 200],
        'exact/shut'   => [503, 503],
    );

    for my $path (sort keys %status) {
        for my $how ('0-down', '0-fail', '0-never') {
            (my $name = "$p$how$path") =~ tr/a-z0-9//cd;

            my @got = map { (ask($p, "/$path?e=$how-$name"))[0] } 1, 2;

            is_deeply(\@got, $status{$path}, "$p: /$path, the store: $how");
        }
    }

    # late: counted here, and what came later was given back
    my $key = "900-grant-${p}late";

    is((ask($p, "/exact?e=$key"))[0], 200, "$p: too late, counted here");
    sleep 0.5;
    is((ask($p, "/exact?e=$key"))[0], 429, "$p: ... and it stays counted");

    return;
}


sub gauge {
    my ($p) = @_;

    my $abandoned = $nginx->metric('abandoned_total');
    my ($asleep, $woken);

    # they sleep for half a second: where that was too short for a look, once
    # more
    for (1 .. 10) {
        my @asleep = map { begin($p, '/ask?a=550-grant-ID') } 1 .. 5;

        $asleep = $nginx->wait_metric('suspended_requests', 5, 0.5);
        $woken = join ' ', map { $_->{answer}->()->{status} } @asleep;
        last if $asleep == 5;
    }

    is($asleep, 5, "$p: five are asleep");
    is($woken, '200 200 200 200 200', "$p: all are woken");
    is($nginx->metric('suspended_requests'), 0, "$p: none is asleep");
    is($nginx->metric('abandoned_total'), $abandoned, "$p: none was given up");

    return;
}


for my $protocol (qw(h1 h2)) {
    phases($protocol);
    two($protocol);
    three($protocol);
    faults($protocol);
    twice_reused($protocol);
    exact($protocol);
    failing_exact($protocol);
    gauge($protocol);
}

$nginx->balanced;
$nginx->finish;

done_testing();
