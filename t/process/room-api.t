#!/usr/bin/perl

# A room for programs: an app that has no cookies and shows no pages goes the
# same way by the API, step by step.  Each step does what its name says and
# nothing else: who only looks is given no number, who asks for more time gets
# it once, and who leaves makes room for those behind.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Test::More;

use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for);
use AdmShopper qw(key_file set_cookies);


my $HTTP = <<'END';
    admission_secret_file %{keys};

    admission_room drop { mode always; rate 100r/s; claim 30s; }
    admission_room long { mode always; rate 1r/h; }
    admission_room free { mode auto; rate 1r/h; max_active 1; }
    admission_room off { mode off; rate 100r/s; }
    admission_room over { rate 100r/s; ends 2020-01-01T00:00:00Z; }
    admission_room bound { mode always; rate 100r/s; bind $http_x_who; }

    server {
        listen 127.0.0.1:%{h1};

        admission_wait long;

        location = /status { admission_status; }
        location /control/ { admission_control; }

        location /drop/ { admission_room_api drop; }
        location /long { admission_room_api long; }
        location /free/ { admission_room_api free; }
        location /off/ { admission_room_api off; }
        location /over/ { admission_room_api over; }
        location /bound/ { admission_room_api bound; }

        location /shop/ { admission_wait drop; alias %{dir}/html/; }
        location /once/ { admission_wait free; alias %{dir}/html/; }
    }
END

my $keys = File::Temp->new;
chmod 0600, $keys;
print {$keys} key_file();
close $keys;

my $nginx = AdmNginx->start(http => $HTTP, vars => { keys => "$keys" });


sub shopper {
    my ($room) = @_;

    return AdmShopper->new($nginx, cookie => 'adm_' . ($room // 'drop'));
}


# What the API answers: the JSON, if that is how it answers.
sub api {
    my ($s, $method, $path, %option) = @_;

    my $answer = $s->ask($method, $path, %option);
    my $fine = $answer->{status} == 200
        && $answer->{field}{'content-type'} eq 'application/json'
        && $answer->{field}{'cache-control'} eq 'no-store';

    return $fine ? AdmShopper::decode($answer)
                 : { state => "status $answer->{status}" };
}


sub until_called {
    my ($s) = @_;

    return wait_for(sub {
        api($s, GET => '/drop/')->{state} eq 'called';
    });
}


sub total {
    my ($name, $room) = @_;

    return $nginx->metric("room_${name}_total", room => $room);
}


sub set {
    my ($room, $json) = @_;

    my $answer = fetch($nginx->port('h1'), "/control/rooms/$room",
        method => 'PATCH', body => $json,
        fields => "Content-Type: application/json\r\n");

    die "control: $answer->{body}\n" if $answer->{status} != 200;

    return;
}


sub step_by_step {
    my $s = shopper();
    my $said = api($s, GET => '/drop/');

    is($said->{room}, 'drop', 'the room');
    is($said->{state}, 'pre', 'who only looks is not in line');
    is($s->token, undef, 'and is given nothing');
    is(total('joined', 'drop'), 0, 'not even a number');

    $said = api($s, POST => '/drop/claim');
    is($said->{state}, 'pre', 'and cannot claim');

    $said = api($s, POST => '/drop/join');
    is($said->{state}, 'waiting', 'who joins is');
    is($said->{position}, 1, 'as the first');
    is($said->{ahead}, 0, 'with nobody ahead');
    is_deeply($said->{wait_range}, [0, 0], 'for no time');
    is($said->{token}, $s->token, 'the token is in the cookie and the body');
    is($s->kind, 'ticket', 'a ticket');

    my $ticket = $s->ticket;

    $said = api($s, POST => '/drop/join');
    like($said->{state}, qr/^(?:waiting|called)$/, 'who joins again');
    is($s->ticket, $ticket, 'keeps the number');
    is(total('joined', 'drop'), 1, 'of which there is one');

    ok(until_called($s), 'then it is called');
    is($s->get('/shop/hello', fields => "Admission-Poll: 1\r\n")->{status},
        200, 'as the shop would say');
    is(total('claimed', 'drop'), 0, 'nothing is claimed by looking');

    $said = api($s, POST => '/drop/claim');
    is($said->{state}, 'admitted', 'a claim');
    is($said->{token}, $s->token, 'gives a token');
    is($s->kind, 'pass', 'which is a pass');
    is($s->ticket, $ticket, 'of the ticket');
    is($s->get('/shop/hello')->{status}, 200, 'that opens the shop');

    $said = api($s, GET => '/drop/');
    is($said->{state}, 'admitted', 'with it one is inside');
    is($said->{token}, undef, 'and needs no other');

    return;
}


# neither cookies nor pages
sub app {
    my $token = api(shopper(), POST => '/drop/join')->{token};
    my $fields = "Authorization: Bearer $token\r\n";
    my $said;

    ok(wait_for(sub {
        $said = api(shopper(), POST => '/drop/claim', fields => $fields);
        return $said->{state} eq 'admitted';
    }), 'a token of the JSON, as a bearer');
    is(fetch($nginx->port('h1'), '/shop/hello',
        fields => "X-Admission-Token: $said->{token}\r\n")->{status}, 200,
        'and its pass in X-Admission-Token');

    my $again = api(shopper(), POST => '/drop/claim', fields => $fields);

    is($again->{token}, $said->{token}, 'a claim again gives the same pass');
    is(total('claimed', 'drop'), 2, 'and is none');

    return;
}


sub extend {
    my $s = shopper();

    api($s, POST => '/drop/join');
    ok(until_called($s), 'called');

    my $tokens = $nginx->metric('tokens_total', outcome => 'ticket');
    my $left = api($s, GET => '/drop/')->{claim_expires_in};
    my $more = api($s, POST => '/drop/extend')->{claim_expires_in};

    cmp_ok($left, '<=', 30, 'there is half a minute to claim');
    cmp_ok($more, '>', 30, 'and more when that is asked for');
    cmp_ok($more, '<=', 60, 'as much again');
    is($nginx->metric('tokens_total', outcome => 'ticket'), $tokens + 2,
        'each token is counted once');

    $more = api($s, POST => '/drop/extend')->{claim_expires_in};
    cmp_ok($more, '<=', 60, 'but once only');
    is(api($s, POST => '/drop/claim')->{state}, 'admitted', 'then claimed');
    is(api($s, POST => '/drop/extend')->{state}, 'admitted',
        'to extend a pass does nothing');
    is(api(shopper(), POST => '/drop/extend')->{state}, 'pre',
        'nor does it for a stranger');

    return;
}


sub leave {
    my @shoppers = map { shopper('long') } 1 .. 3;

    for my $s (@shoppers) {
        api($s, POST => '/long/join');
        api($s, GET => '/long');
    }

    my $ahead = sub { api($shoppers[2], GET => '/long/')->{ahead} // '' };

    # it is told of a moment ago: what is told for a second is so
    my $before;

    ok(wait_for(sub {
        $before = $ahead->();
        sleep 1;
        return $before =~ /^[12]$/ && $ahead->() eq $before;
    }), 'in line, behind others');

    my $answer = $shoppers[1]->post('/long/leave');
    my $said = AdmShopper::decode($answer);

    is($said->{state}, 'pre', 'one of them leaves');
    is($said->{token}, undef, 'without a token');
    is($answer->{field}{'admission-token'}, undef, 'at all');
    is(join('', map { $_->{name} . $_->{value} . $_->{rest} }
        set_cookies($answer)),
        'adm_long; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
        'the cookie goes');
    ok(wait_for(sub { $ahead->() eq $before - 1 }, 20),
        'who is behind moves up');

    $answer = shopper('long')->post('/long/leave');
    is(AdmShopper::decode($answer)->{state}, 'pre', 'a stranger may leave');
    is(scalar set_cookies($answer), 0, 'and has nothing to lose');

    return;
}


sub leave_inside {
    my $s = shopper('free');

    is(api($s, GET => '/free/')->{state}, 'open', 'nobody waits');
    is($s->token, undef, 'and to ask gives nothing');
    is(api($s, POST => '/free/join')->{state}, 'admitted',
        'who joins then is inside');
    is($s->kind, 'pass', 'with a pass');
    is($s->get('/once/hello')->{status}, 200, 'that is good');
    is($nginx->metric('room_active', room => 'free'), 1, 'one is inside');

    my $pass = $s->token;

    is(api($s, POST => '/free/leave')->{state}, 'pre', 'it leaves');
    is($nginx->metric('room_active', room => 'free'), 0, 'nobody is inside');
    is($s->token, undef, 'the cookie is gone');
    is($s->set_token($pass)->get('/once/hello')->{status}, 503,
        'and the pass is worth nothing');

    return;
}


sub states {
    my $s = shopper('off');

    is(api($s, GET => '/off/')->{state}, 'open', 'a room that is off is open');
    is(api($s, POST => '/off/join')->{state}, 'open', 'also for who joins');
    is($s->token, undef, 'there is no number');

    $s = shopper('over');
    is(api($s, @$_)->{state}, 'over', "over: @$_")
        for ['GET', '/over/'], ['POST', '/over/join'];
    is($s->token, undef, 'there is no number');

    my $inside = shopper();
    my $waiting = shopper();

    api($_, POST => '/drop/join') for $inside, $waiting;
    wait_for(sub {
        api($inside, POST => '/drop/claim')->{state} eq 'admitted';
    });

    for my $state (qw(paused closed)) {
        set('drop', qq({"state":"$state"}));

        my $new = shopper();

        is(api($new, GET => '/drop/')->{state}, $state, "$state: to look");
        is(api($new, POST => '/drop/join')->{state}, $state, '... to join');
        is($new->token, undef, '... and no number');
        is(api($waiting, POST => '/drop/claim')->{state}, $state,
            '... to claim');
        is(api($inside, GET => '/drop/')->{state}, 'admitted',
            '... but for who is inside');
    }

    my $said = AdmShopper::decode(shopper()->get('/drop/frontier'));

    is($said->{state}, 'closed', 'the frontier says it, too');
    set('drop', '{"state":null}');

    return;
}


sub frontier {
    my $s = shopper();

    api($s, POST => '/drop/join');

    my $answer = $s->get('/drop/frontier');
    my $said = AdmShopper::decode($answer);

    is($answer->{status}, 200, 'the frontier');
    is($answer->{field}{'cache-control'}, 'public, max-age=1',
        'is cached for a second');
    is($answer->{field}{'content-type'}, 'application/json', 'as JSON');
    is(scalar set_cookies($answer), 0, 'and for nobody alone');
    is(join(' ', sort keys %$said), 'frontier room state waiting',
        'it has what is the same for all');
    is($said->{state}, 'open', 'the state');
    cmp_ok($said->{frontier}, '>', 1, 'a number');
    is($s->ask('HEAD', '/drop/frontier')->{status}, 200, 'HEAD');

    return;
}


sub methods_and_paths {
    my @cases = (
        [GET => '/drop/join', 405, 'POST'],
        [HEAD => '/drop/claim', 405, 'POST'],
        [GET => '/drop/extend', 405, 'POST'],
        [GET => '/drop/leave', 405, 'POST'],
        [POST => '/drop/', 405, 'GET, HEAD'],
        [POST => '/drop/frontier', 405, 'GET, HEAD'],
        [PUT => '/drop/join', 405, 'POST'],
        [OPTIONS => '/drop/join', 405, 'POST'],
        [DELETE => '/drop/', 405, 'GET, HEAD'],
        [OPTIONS => '/drop/', 405, 'GET, HEAD'],
        [OPTIONS => '/drop/frontier', 405, 'GET, HEAD'],
        [PUT => '/drop/x', 404],
        [OPTIONS => '/drop/joins', 404],
        [GET => '/drop/joins', 404],
        [POST => '/drop/join/', 404],
        [POST => '/drop/x', 404],
        [GET => '/longer', 404],
        [HEAD => '/drop/', 200],
        [GET => '/long/', 200],
    );

    my $joined = total('joined', 'drop');

    for (@cases) {
        my ($method, $path, $status, $allow) = @$_;
        my $answer = shopper()->ask($method, $path);

        is($answer->{status}, $status, "$method $path");
        is($answer->{field}{allow}, $allow, '... with what is allowed')
            if $allow;
    }

    is(total('joined', 'drop'), $joined, 'and nobody has joined');

    return;
}


sub bodies {
    my $client = AdmHttp->connect($nginx->port('h1'));
    my $evil = "POST /drop/join HTTP/1.1\r\nHost: a\r\n\r\n";
    my $joined = total('joined', 'drop');

    $client->send(request_text('POST', '/drop/join', body => $evil)
        . request_text('GET', '/drop/frontier'));

    is($client->answer->{status}, 200, 'a body with the join');
    is($client->answer->{status}, 200, 'is not the next request');
    is(total('joined', 'drop'), $joined + 1, 'nor a second join');

    return;
}


sub bound {
    my $s = shopper('bound');
    my %alice = (fields => "X-Who: alice\r\n");

    is(api($s, POST => '/bound/join', %alice)->{state}, 'waiting', 'bound');

    my $ticket = $s->token;

    is(api($s, GET => '/bound/', fields => "X-Who: bob\r\n")->{state}, 'pre',
        'for another it is no ticket');
    isnt(api($s, GET => '/bound/', %alice)->{state}, 'pre',
        'for its own it is');
    is($s->token, $ticket, 'the same');

    return;
}


step_by_step();
app();
extend();
leave();
leave_inside();
states();
frontier();
methods_and_paths();
bodies();
bound();

unlike($nginx->access_text . $nginx->log_text, qr/eyJ/,
    'no token is in the logs');

$nginx->finish;

done_testing();
