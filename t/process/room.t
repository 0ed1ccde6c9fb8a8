#!/usr/bin/perl

# The way of a shopper through a waiting room: a number that becomes live by
# coming back, the call, the pass, and the end of it.  Who never comes back
# must not hold up those behind; whoever did must get in once, in order, and
# never more at a time than the shop can bear.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Test::More;
use Time::HiRes qw(sleep);

use AdmHttp qw(fetch);
use AdmNginx qw(wait_for);
use AdmShopper qw(key_file mint payload_of set_cookies);
use AdmUpstream ();


my $HTTP = <<'END';
    admission_secret_file %{keys};

    admission_room fast { mode always; rate 100r/s; }
    admission_room calm { mode always; rate 4r/s; }
    admission_room still {
        mode always;
        rate 100r/s;
        join $arg_who rate=12r/m burst=1;
    }

    admission_room auto { mode auto; rate 4r/s; }
    admission_room few { mode auto; rate 100r/s; max_active 2; }
    admission_room brief { mode always; rate 100r/s; claim 3s; grace 0; }
    admission_room late { mode always; rate 100r/s; claim 3s; grace 10m; }
    admission_room bound { mode always; rate 100r/s; bind $http_x_who; }
    admission_room dry { mode always; rate 100r/s; }

    log_format room '$request_uri $status $admission_room/$admission_verdict';

    upstream up { server 127.0.0.1:%{up}; }

    server {
        listen 127.0.0.1:%{h1};

        access_log %{dir}/access.log room;

        location = /status { admission off; admission_status; }
        location /control/ { admission_control; }

        location /fast/ { admission_wait fast; proxy_pass http://up; }
        location /calm/ { admission_wait calm; proxy_pass http://up; }
        location /still/ { admission_wait still; proxy_pass http://up; }
        location /auto/ { admission_wait auto; proxy_pass http://up; }
        location /few/ { admission_wait few; proxy_pass http://up; }
        location /brief/ { admission_wait brief; proxy_pass http://up; }
        location /late/ { admission_wait late; proxy_pass http://up; }
        location /bound/ { admission_wait bound; proxy_pass http://up; }

        location /dry/ {
            admission dry_run;
            admission_wait dry;
            proxy_pass http://up;
        }

        location /wet/ { admission_wait dry; proxy_pass http://up; }

        # upstreams that end the session
        location /ends/ { 
            add_header Admission-Session end;
            return 200 "over\n";
        }

        location /few/ends {
            admission_wait few;
            proxy_pass http://127.0.0.1:%{h1}/ends/;
        }

        location /fast/ends {
            admission_wait fast;
            proxy_pass http://127.0.0.1:%{h1}/ends/;
        }
    }
END

my $keys = File::Temp->new;
chmod 0600, $keys;
print {$keys} key_file();
close $keys;

my $upstream = AdmUpstream->start;
my $nginx = AdmNginx->start(http => $HTTP, workers => 2,
    vars => { up => $upstream->port, keys => "$keys" });


sub shopper {
    my ($room) = @_;

    return AdmShopper->new($nginx, cookie => "adm_$room");
}


# what was asked of the upstream under this path
sub reached {
    my ($part) = @_;

    return scalar $upstream->seen_like($part);
}


sub total {
    my ($name, $room) = @_;

    return $nginx->metric("room_${name}_total", room => $room);
}


sub tokens {
    my ($outcome) = @_;

    return $nginx->metric('tokens_total', outcome => $outcome);
}


# Sets something of a room, as an operator does.
sub set {
    my ($room, $json) = @_;

    my $answer = fetch($nginx->port('h1'), "/control/rooms/$room",
        method => 'PATCH', body => $json,
        fields => "Content-Type: application/json\r\n");

    die "control: $answer->{body}\n" if $answer->{status} != 200;

    return;
}


sub the_way_in {
    my $s = shopper('fast');
    my $first = $s->get('/fast/answer/200?a=1');

    is($first->{status}, 503, 'a newcomer waits');
    is($s->kind, 'ticket', 'and has a ticket');
    is($first->{field}{'admission-token'}, $s->token,
        'the same in the field');
    is($first->{body} =~ /"token":"([^"]+)"/ && $1, $s->token,
        'and in the body');

    my $ticket = $s->ticket;
    my $said = $s->poll_until('/fast/answer/200?a=2', 'called');

    is($said->{state}, 'called', 'it is called');
    ok($said->{claim_expires_in} > 0 && $said->{claim_expires_in} <= 120,
        'and told how long it may claim');
    is($s->kind, 'ticket', 'a poll claims nothing');
    is(total('claimed', 'fast'), 0, 'really');
    is(reached('?a='), 0, 'and nothing has reached the shop');

    my $in = $s->get_in('/fast/answer/200?a=3');

    is($in->{status}, 200, 'then it is let in');
    is($in->{body}, 'ok', 'to the shop');
    is(reached('?a=3'), 1, 'which sees it once');
    is($s->kind, 'pass', 'with a pass');
    is($s->ticket, $ticket, 'of its ticket');
    like($in->{field}{'cache-control'}, qr/^private/, 'that no cache keeps');

    my $next = $s->get('/fast/answer/200?a=4');

    is($next->{status}, 200, 'the pass lets it in again');
    is(scalar set_cookies($next), 0, 'and no new one is written');
    is($next->{field}{'cache-control'}, undef, 'so caches may keep it');
    is(total('claimed', 'fast'), 1, 'one ticket was exchanged');
    is(total('admitted', 'fast'), 1, 'for one pass');

    $said = $s->poll('/fast/answer/200?a=5');

    is($said->{state}, 'admitted', 'a poll with a pass says so');
    is(reached('?a=5'), 0, 'and does not go to the shop');

    return $s;
}


# its answer was lost, so the shopper claims once more
sub repeated_claim {
    my $s = shopper('fast');

    $s->poll_until('/fast/answer/200', 'called');

    my $ticket = $s->token;
    my $claimed = total('claimed', 'fast');
    my $used = tokens('used');

    is($s->get_in('/fast/answer/200')->{status}, 200, 'a claim');

    my $pass = $s->token;

    for my $n (1 .. 3) {
        is($s->set_token($ticket)->get('/fast/answer/200')->{status}, 200,
            "the same ticket again, $n");
        is($s->token, $pass, 'gives the same pass');
    }

    is(total('claimed', 'fast'), $claimed + 1, 'and was exchanged once');
    is(tokens('used'), $used, 'and is not called used');
    is($s->set_token($ticket)->poll('/fast/answer/200')->{state}, 'called',
        'who only asks may still fetch it');

    return ($ticket, $pass, time);
}


# a pass that is used goes on, and is the same one
sub renewal {
    my ($s) = @_;

    my $old = payload_of($s->token);
    my $active = $nginx->metric('room_active', room => 'fast');

    $s->set_token(mint('pass', room => 'fast', ticket => $old->{sub},
        id => unpack('Q', pack 'H16', $old->{jti}), iat => $old->{iat} - 100,
        joined => $old->{joined}, exp => $old->{exp} - 100));

    my $answer = $s->get('/fast/answer/200');
    my $new = payload_of($s->token);

    is($answer->{status}, 200, 'an older pass');
    is(scalar set_cookies($answer), 1, 'is written anew');
    is($s->kind, 'pass', 'as a pass');
    is($new->{$_}, $old->{$_}, "with the same $_") for qw(sub jti joined aud);
    cmp_ok($new->{exp}, '>=', $old->{exp}, 'and a later end');
    cmp_ok($new->{iat}, '>=', $old->{iat}, 'from now on');
    is($nginx->metric('room_active', room => 'fast'), $active,
        'of one person');
    is(scalar set_cookies($s->get('/fast/answer/200')), 0,
        'and the next time not again');

    return;
}


# once half a minute is over nothing is left of a ticket that was exchanged
sub claimed_before {
    my ($ticket, $pass, $when) = @_;

    my $s = shopper('fast');
    my $used = tokens('used');

    sleep 0.1 while time < $when + 32;

    my $answer = $s->set_token($ticket)->get('/fast/answer/200');

    is($answer->{status}, 503, 'a ticket of long ago is worth nothing');
    is(tokens('used'), $used + 1, 'which is counted');
    isnt($s->ticket, payload_of($ticket)->{sub}, 'there is a new number');
    is(shopper('fast')->set_token($pass)->get('/fast/answer/200')->{status},
        200, 'while its pass goes on');

    return;
}


# clients without cookies are no-shows that the line steps over
sub no_shows {
    my @mark = map { total($_, 'calm') } qw(joined claimed);

    is(fetch($nginx->port('h1'), "/calm/answer/200?no=$_")->{status}, 503,
        "without cookies, $_") for 1 .. 6;

    my $s = shopper('calm');

    is($s->get_in('/calm/answer/200?yes=1', 20)->{status}, 200,
        'who comes back is let in all the same');
    is(reached('?no='), 0, 'and nobody else');
    is(total('joined', 'calm'), $mark[0] + 7, 'of all these numbers');
    is(total('claimed', 'calm'), $mark[1] + 1, 'one was exchanged');

    return;
}


# whoever is called, all before are called too
sub in_order {
    my $path = '/calm/answer/200';
    my @shoppers = map { shopper('calm') } 1 .. 6;

    $_->get($path) for @shoppers;

    my @tickets = map { $_->ticket } @shoppers;

    is("@tickets", join(' ', sort { $a <=> $b } @tickets),
        'numbers in the order of coming');

    my @jumped;
    my $left = @shoppers;

    # those behind ask first
    wait_for(sub {
        for my $n (reverse 0 .. $left - 1) {
            called($shoppers[$n], $path) or next;
            push @jumped, grep { !called($shoppers[$_], $path) } 0 .. $n - 1;
        }
        $left-- while $left && called($shoppers[$left - 1], $path);
        return $left == 0;
    }, 20);

    is($left, 0, 'all are called');
    is("@jumped", '', 'and none before another one');
    is($_->get_in($path)->{status}, 200, 'and let in') for @shoppers;

    return;
}


sub called {
    my ($s, $path) = @_;

    return $s->poll($path)->{state} eq 'called';
}


# nobody waits while there is room; then a line, which ends itself
sub auto {
    my @shoppers = map { shopper('auto') } 1 .. 16;
    my @status = map { $_->get('/auto/answer/200')->{status} } @shoppers;
    my $let_in = grep { $_ == 200 } @status;

    is($status[0], 200, 'while there is room one is let in at once');
    is($shoppers[0]->kind, 'pass', 'with a pass');
    is($shoppers[0]->ticket, 0, 'of no ticket');
    cmp_ok($let_in, '<', 16, 'and not more than there is');
    is(total('admitted', 'auto'), $let_in, 'as the metrics say');

    is($_->get_in('/auto/answer/200', 20)->{status}, 200, 'the rest waits')
        for @shoppers;

    ok(wait_for(sub {
        shopper('auto')->poll('/auto/answer/200')->{state} eq 'open';
    }, 20), 'and then nobody waits any more');

    is(shopper('auto')->get_in('/auto/answer/200')->{status}, 200,
        'the next one is let in');
    is(total('admitted', 'auto'), 17, 'each had one pass');

    return;
}


sub max_active {
    my @shoppers = map { shopper('few') } 1 .. 4;
    my @status = map { $_->get('/few/answer/200')->{status} } @shoppers;

    is("@status", '200 200 503 503', 'two are inside, two wait');
    is($nginx->metric('room_active', room => 'few'), 2, 'as the metrics say');

    $_->poll('/few/answer/200') for @shoppers[2, 3];
    sleep 1;

    is($shoppers[2]->get('/few/answer/200')->{status}, 503,
        'the third one goes on waiting');

    my $end = $shoppers[0]->get('/few/ends');

    is($end->{status}, 200, 'the first one is done');
    is($end->{field}{'admission-session'}, undef, 'that is between us');
    is($shoppers[0]->token, undef, 'and its cookie is gone');

    is($shoppers[2]->get_in('/few/answer/200')->{status}, 200,
        'then the third one is let in');
    is($shoppers[3]->get('/few/answer/200')->{status}, 503, 'and no more');
    is($nginx->metric('room_active', room => 'few'), 2, 'two are inside');

    return;
}


sub ended_pass {
    my $s = shopper('fast');

    $s->get_in('/fast/answer/200');

    my $pass = $s->token;
    my $ended = tokens('ended');

    is($s->get('/fast/ends')->{status}, 200, 'a session ends');

    my $again = $s->set_token($pass)->get('/fast/answer/200');

    is($again->{status}, 503, 'and its pass is worth nothing');
    is(tokens('ended'), $ended + 1, 'which is counted');
    is($s->kind, 'ticket', 'it has a new number');

    return;
}


# called and not there in time: over at once, or let in at the head for a time
sub lapsed {
    my ($brief, $late) = map { shopper($_) } qw(brief late);

    fetch($nginx->port('h1'), '/brief/answer/200') for 1 .. 5;

    is($brief->poll_until('/brief/answer/200', 'called')->{state}, 'called',
        'called, for some seconds');
    is($late->poll_until('/late/answer/200', 'called')->{state}, 'called',
        'called, with a grace');

    my ($ticket, $again) = map { $_->ticket } $brief, $late;
    my $over = tokens('over');

    ok(wait_for(sub { total('lapsed', 'brief') && total('lapsed', 'late') }),
        'both windows are over');
    ok(wait_for(sub {
        $brief->poll('/brief/answer/200');
        return $brief->ticket != $ticket;
    }), 'without a grace there is a new number');
    cmp_ok(tokens('over'), '>', $over, 'and the old one was over');
    is(total('lapsed', 'brief'), 1, 'who never came back was never called');
    is($late->get_in('/late/answer/200')->{status}, 200,
        'within the grace one is let in');
    is($late->ticket, $again, 'with the old number');

    return;
}


sub bound {
    my $s = shopper('bound');
    my $fields = "X-Who: alice\r\n";

    is($s->get_in('/bound/answer/200', 10, fields => $fields)->{status}, 200,
        'let in');
    like(payload_of($s->token)->{bnd}, qr/^[0-9a-f]{32}$/, 'a bound pass');

    my $pass = $s->token;
    my $before = tokens('bound');

    is($s->get('/bound/answer/200', fields => "X-Who: bob\r\n")->{status},
        503, 'it is worth nothing to another');
    is(tokens('bound'), $before + 1, 'which is counted');
    is($s->set_token($pass)->get('/bound/answer/200',
        fields => $fields)->{status}, 200, 'and still good for its own');

    return;
}


# too many at once from one address: a page, and a number on coming back
sub too_many_join {
    my $path = '/still/answer/200?who=x';
    my @shoppers = map { shopper('still') } 1 .. 4;
    my @status = map { $_->get($path)->{status} } @shoppers;

    is("@status", '503 503 503 503', 'all get a page');
    is(join(' ', map { $_->kind } @shoppers), 'ticket ticket pre pre',
        'the later ones without a number');

    my $pre = $shoppers[3];
    my $said = $pre->poll($path);

    is($said->{state}, 'pre', 'which is said');
    is($said->{position}, undef, 'without a place');
    cmp_ok($said->{poll_after_ms}, '>=', 1000, 'and when to come back');
    ok(wait_for(sub {
        ($pre->poll($path)->{state} // '') ne 'pre';
    }), 'in time there is a number');
    is($pre->kind, 'ticket', 'in a ticket');
    is($pre->get_in($path)->{status}, 200, 'for the shop');

    return;
}


sub states {
    my ($s) = @_;

    my $path = '/fast/answer/200';
    my $waiting = shopper('fast');

    $waiting->get($path);

    for (['paused', 503, 'paused'], ['closed', 503, 'closed']) {
        my ($state, $status, $reason) = @$_;

        set('fast', qq({"state":"$state"}));

        my $new = shopper('fast');
        my $answer = $new->get($path);

        is($answer->{status}, $status, "$state: a newcomer");
        like($answer->{body}, qr/"reason":"$reason"/, 'is told so');
        is($new->token, undef, 'and gets no number');
        is($new->poll($path)->{state}, $state, 'nor by asking');
        is($waiting->get($path)->{status}, 503, 'who waited does not get in');
        is($waiting->poll($path)->{state}, $state, 'and is told so');
        is($s->get($path)->{status}, 200, 'who is inside stays');
        is($s->poll($path)->{state}, 'admitted', 'and is told so');
    }

    set('fast', '{"state":"open","ends":"2020-01-01T00:00:00Z"}');
    is($waiting->get($path)->{status}, 403, 'over: nobody is let in');
    is($waiting->poll($path)->{state}, 'over', 'and told so');
    is($s->get($path)->{status}, 200, 'who is inside stays');

    set('fast', '{"ends":null}');
    is($waiting->get_in($path)->{status}, 200, 'open again: places were kept');

    return;
}


sub voided {
    my ($s) = @_;

    my $path = '/fast/answer/200';
    my $ended = tokens('ended');

    is($s->get($path)->{status}, 200, 'a pass');
    set('fast', '{"passes":"void"}');
    is($s->get($path)->{status}, 503, 'is void');
    is(tokens('ended'), $ended + 1, 'which is counted');
    is($s->get_in($path)->{status}, 200, 'and its shopper may wait again');

    return;
}


# everybody goes on; the line is a shadow that the real one knows nothing of
sub dry_run {
    my $s = AdmShopper->new($nginx, cookie => 'adm_dry_dry');
    my $answer = $s->get('/dry/answer/200');

    is($answer->{status}, 200, 'in a dry run everybody goes on');
    is($s->kind, 'ticket', 'with a ticket of its own');
    is(payload_of($s->token)->{aud}, 'dry~dry', 'of its own room');
    is($answer->{field}{'admission-token'}, undef, 'that no program sees');
    is(total('joined', 'dry'), 0, 'the line itself is not touched');

    ok(wait_for(sub {
        $s->get('/dry/answer/200');
        return $s->kind eq 'pass';
    }), 'it is called and has a pass');
    is(total('admitted', 'dry'), 0, 'that nobody counts');
    is($nginx->metric('policy_total', policy => 'room', name => 'dry',
        verdict => 'wait', dry_run => 0), 0, 'nobody waited');
    cmp_ok($nginx->metric('policy_total', policy => 'room', name => 'dry',
        verdict => 'wait', dry_run => 1), '>', 0, 'but would have');

    my $real = shopper('dry');

    $real->set_token($s->token);
    is($real->get('/wet/answer/200')->{status}, 503,
        'and the pass is none where it is real');

    return;
}


# each request once, whatever was said
sub metrics {
    my $metrics = $nginx->metrics;
    my $sum = sub { AdmNginx::sum_of($metrics, @_) };

    is($sum->('room_wait_seconds_count', room => 'fast'),
        $sum->('room_claimed_total', room => 'fast'),
        'each claim has a time that it waited');
    is($sum->('requests_total'), $sum->('policy_total', policy => 'room'),
        'each request was in one room, and counted once');
    is($sum->('requests_total', verdict => 'closed'), 3,
        'closed is what those were told who came then');

    for my $reason (qw(in_line poll paused closed over join_rate)) {
        cmp_ok($sum->('requests_total', reason => $reason), '>', 0,
            "requests, reason $reason");
    }

    return;
}


sub log_of_all {
    my $text = $nginx->access_text . $nginx->log_text;

    unlike($text, qr/eyJ/, 'no token is in the logs');
    like($text, qr{^/fast/answer/200\?a=1 503 fast/wait$}m,
        'the access log says who waited');
    like($text, qr{^/fast/answer/200\?a=3 200 fast/admit$}m,
        'and who was let in');

    return;
}


my $inside = the_way_in();

my @claimed = repeated_claim();

renewal($inside);
no_shows();
in_order();
auto();
max_active();
ended_pass();
lapsed();
bound();
too_many_join();
states($inside);
dry_run();
claimed_before(@claimed);
voided($inside);
metrics();
log_of_all();

$nginx->finish;

done_testing();
