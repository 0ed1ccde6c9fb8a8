#!/usr/bin/perl

# An upstream that is broken is let alone, and tried again with care.
#
# A shop's database fails in the middle of a sale.  If every buyer goes on to
# it, each waits for a time-out; if five failures out of a thousand answers
# shut the shop, a passing fault has ended the sale; and if all go to it again
# in the moment when it is back, it is down again.  And a shop that stays shut
# because the one request that was to look at it was lost with its worker is
# shut for good; or because those who go first have left, and nobody else is
# let in.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmHttp qw(fetch request_text);
use AdmLoad ();
use AdmNginx qw(becomes wait_for);
use AdmUpstream ();

my ($CLOSED, $OPEN, $HALF_OPEN) = (0, 1, 2);

# each has a location of its name; see AdmUpstream for the rest of a path

my @CIRCUITS = qw(row kinds busy rate late trial dry spent);
my $LOCATIONS = join '', map { <<"END" } @CIRCUITS;
        location /$_/ {
            admission_shed $_;
            proxy_pass http://127.0.0.1:%{up};
            %{of_$_}
        }
END

my $HTTP = <<"END";
    admission_upstream row failures=3 error_rate=0 open=500ms max_open=10s;
    admission_upstream kinds failures=4 error_rate=0 open=1h max_open=1h;
    admission_upstream busy failures=3 error_rate=90% window=60s open=1h
                            max_open=1h;
    admission_upstream rate failures=0 error_rate=50% min_requests=10
                            window=60s open=1h max_open=1h;
    admission_upstream late failures=0 error_rate=50% min_requests=4
                            slow=500ms window=60s open=1h max_open=1h;
    admission_upstream trial failures=1 error_rate=0 successes=2 open=300ms
                             max_open=600ms;
    admission_upstream dry failures=3 error_rate=0 open=1h max_open=1h;
    admission_upstream spent failures=1 error_rate=0 open=1h max_open=1h;
    admission_upstream cut concurrency=4 failures=1 error_rate=0 window=1s
                           open=1s max_open=1s;

    server {
        listen 127.0.0.1:%{h1} reuseport;       # both workers get some

        add_header X-Pid \$pid always;
        proxy_read_timeout 3s;

        location = /status { admission_status; }

        location /absent/ {
            admission_shed kinds;
            proxy_pass http://127.0.0.1:%{absent};
        }

        location /left/ {
            admission_shed kinds;
            proxy_read_timeout 60s;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /cut/ {
            admission_shed cut priority=\$arg_p;
            proxy_pass http://127.0.0.1:%{up};
        }

$LOCATIONS
    }
END

my $upstream = AdmUpstream->start;
my $nginx = AdmNginx->start(http => $HTTP, workers => 2, vars => {
    up => $upstream->port,
    (map { ("of_$_" => '') } @CIRCUITS),
    of_kinds => 'proxy_read_timeout 300ms;', of_dry => 'admission dry_run;' });


sub state_of { return $nginx->metric('circuit_state', circuit => $_[0]) }


sub is_state {
    my ($circuit, $state, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return becomes(sub { state_of($circuit) }, $state, $name);
}


# It is still closed, when all are over that were answered: what became of a
# request is told behind its answer, and the other worker may be asked before.
sub stays_closed {
    my ($circuit, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    over($circuit);

    return is(state_of($circuit), $CLOSED, $name);
}


sub over {
    my ($circuit) = @_;

    return wait_for(sub {
        $nginx->metric('inflight', upstream => $circuit) == 0;
    });
}


# It has opened since a mark, for however short a time; for how long, ms.
sub opened {
    my ($circuit, $mark, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $says = qr/"$circuit": .* open .* (\d+) ms/;

    ok($nginx->wait_log($mark, $says), $name);

    return $nginx->since($mark) =~ $says ? $1 : 0;
}


sub ask { return fetch($nginx->port('h1'), @_) // { status => 0 } }


# The same, by another person each time.
sub anybody {
    return ask($_[0], fields => 'User-Agent: ' . rand . "\r\n");
}


# The statuses of so many requests, one after the other.
sub statuses {
    my ($times, $path) = @_;

    return join ' ', map { ask($path)->{status} } 1 .. $times;
}


# Requests that are not waited for.
sub send_all {
    my (@paths) = @_;

    my @clients = map { AdmHttp->connect($nginx->port('h1')) } @paths;

    $clients[$_]->send(request_text('GET', $paths[$_])) for 0 .. $#paths;

    return @clients;
}


# Both workers refuse, and the upstream is not asked.
sub refuses {
    my ($circuit) = @_;

    my $seen = $upstream->seen;
    my (%pid, %kind);

    for (1 .. 200) {
        my $answer = ask("/$circuit/answer/200");
        my ($reason) = $answer->{body} =~ /"reason":"(\w+)"/;

        $pid{ $answer->{field}{'x-pid'} // '' } = 1;
        $kind{ join ' ', $answer->{status}, $reason // '',
               ($answer->{field}{'retry-after'} // '') =~ /^[1-9]/
               ? 'with a time' : 'without' } = 1;

        last if keys %pid == 2;
    }

    is(keys %pid, 2, "$circuit: both workers ...");
    is(join(', ', keys %kind), '503 circuit_open with a time',
       '... refuse, and say when to come back');
    is($upstream->seen, $seen, '... without asking the upstream');

    return;
}


sub row {
    is(statuses(2, '/row/answer/500') . ' ' . statuses(1, '/row/answer/200')
       . ' ' . statuses(2, '/row/answer/500'), '500 500 200 500 500',
       'failures between which there is an answer');
    stays_closed('row', '... are no row');

    my $mark = $nginx->mark;

    ask('/row/answer/500');

    my $first = opened('row', $mark, 'the third in a row opens it');

    is_state('row', $HALF_OPEN, 'later it is tried');
    is(statuses(2, '/row/answer/200'), '200 200', '... by two');
    is_state('row', $CLOSED, '... and closes');
    ok($nginx->wait_log($mark, qr/upstream "row": .* closed again/),
       '... as the log says');

    $mark = $nginx->mark;
    statuses(3, '/row/answer/500');

    my $second = opened('row', $mark, 'three more open it again');

    ok($first >= 500 && $first <= 550 && $second >= 1000 && $second <= 1100,
       'it is open for twice as long the next time')
        or diag("$first, $second ms");

    return;
}


# What is a failure, and what is not.
sub kinds {
    statuses(4, "/kinds/answer/$_") for qw(404 429 301);
    stays_closed('kinds', 'who is told no has been answered');

    is(ask('/absent/')->{status}, 502, 'nobody listens');
    is(ask('/kinds/close')->{status}, 502, '... or hangs up');
    is(ask('/kinds/hang')->{status}, 504, '... or is silent');

    my ($client) = send_all('/left/hang');
    wait_for(sub { $upstream->seen_like('/left/hang') });
    $client->close;

    stays_closed('kinds', 'a client that leaves is no failure');

    ask('/kinds/answer/503');
    is_state('kinds', $OPEN, 'all these are');
    refuses('kinds');

    return;
}


sub busy {
    statuses(200, '/busy/answer/200');
    statuses(10, '/busy/answer/500');
    stays_closed('busy', 'a handful after 200 answers is noise');
    ask('/busy/answer/500');
    is_state('busy', $OPEN, 'a twentieth of all is not');

    ok($nginx->reload, 'a reload');
    is(state_of('busy'), $OPEN, '... leaves it open');
    refuses('busy');

    return;
}


sub rate {
    ask("/rate/answer/$_") for (200, 500) x 4, 200;
    stays_closed('rate', 'nine are too few to judge by');
    ask('/rate/answer/500');
    is_state('rate', $OPEN, 'five failures of ten are a half');
    refuses('rate');

    return;
}


sub late {
    ask('/late/answer/200') for 1 .. 2;

    my ($waits, $leaves) = send_all(('/late/slow/1800') x 2);

    wait_for(sub { $upstream->seen_like('/late/slow') == 2 });
    ok($leaves->silent(0.7), 'after a while nobody is answered yet');
    $leaves->close;
    is($waits->answer->{status}, 200, '... who waits is, but late');
    is_state('late', $OPEN, '... and who left would have been');
    refuses('late');

    return;
}


# One that is open by one failure, and whose time is over.
sub half_open {
    my $mark = $nginx->mark;

    is_state('trial', $CLOSED, 'closed');
    ask('/trial/answer/500');
    opened('trial', $mark, '... opened by a failure');

    return is_state('trial', $HALF_OPEN, '... and half-open');
}


sub trials {
    half_open();

    my $seen = $upstream->seen_like('/trial/');
    my @clients = send_all(('/trial/slow/1200') x 12);
    my %count;

    $count{ $_->answer->{status} }++ for @clients;

    is($upstream->seen_like('/trial/') - $seen, 2,
       'of a crowd two are let through');
    is("$count{200} $count{503}", '2 10', '... and the others refused');
    is_state('trial', $CLOSED, '... until these are answered');

    half_open();

    my $mark = $nginx->mark;

    is(statuses(1, '/trial/answer/200') . ' ' . statuses(1,
       '/trial/answer/500'), '200 500', 'one is good, one fails');
    opened('trial', $mark, '... and it is open again');
    is_state('trial', $HALF_OPEN, '... for a while');
    statuses(2, '/trial/answer/200');

    return;
}


# All answered by 200 at last: the number of those that were refused before.
sub refused_until_well {
    my $refused = 0;

    becomes(sub {
        my $status = ask('/trial/answer/200')->{status};
        $refused += $status == 503;
        return state_of('trial');
    }, $CLOSED, '... and closes when others are answered');

    return $refused;
}


# Trials that never end, and requests from before that fail after all.
sub hangs {
    my $seen = $upstream->seen_like('/hang');
    my @old = send_all(('/trial/hang') x 3);

    wait_for(sub { $upstream->seen_like('/hang') == $seen + 3 });
    half_open();

    my @stuck = send_all(('/trial/hang') x 2);

    becomes(sub { $upstream->seen_like('/hang') }, $seen + 5,
        'two trials hang');
    ok(refused_until_well() > 0, '... which for a while holds others up');

    is(join(' ', map { $_->answer->{status} } @old, @stuck),
       '504 504 504 504 504', 'all that hung have failed');
    stays_closed('trial', '... and are of no account any more');

    return;
}


sub killed {
    half_open();

    my $seen = $upstream->seen_like('/hang');
    my @lost = send_all(('/trial/hang') x 2);
    my @old = $nginx->serving;

    wait_for(sub { $upstream->seen_like('/hang') == $seen + 2 });
    $nginx->signal(KILL => $_) for @old;

    ok($nginx->wait_gone(@old), 'workers are killed with all trials');
    wait_for(sub { $nginx->serving == 2 });
    refused_until_well();

    return;
}


# It is computed, and nobody is refused.
sub dry {
    statuses(3, '/dry/answer/500');
    is_state('dry', $OPEN, 'in a dry run it opens');

    my %would = (dry_run => 1, reason => 'circuit_open');
    my $before = $nginx->metric('requests_total', %would);
    my $answer = ask('/dry/answer/200');

    is($answer->{status}, 200, '... for nobody');
    is($answer->{field}{'retry-after'}, undef, '... and tells nobody when');
    becomes(sub { $nginx->metric('requests_total', %would) }, $before + 1,
       'but what would have been is counted');

    return;
}


# Those who go first filled all places until it opened, and are gone.
sub cut_off {
    my $first = AdmLoad->start($nginx->port('h1'), clients => 60,
        paths => ['/cut/slow/200?p=0'], pause => 0.02, browsers => 1);

    ok(wait_for(sub {
        ask('/cut/answer/200')->{body} =~ /"reason":"priority"/;
    }, 30), 'places are for others first');

    ok(wait_for(sub {
        anybody('/cut/answer/500?p=0');
        state_of('cut') == $OPEN;
    }, 30), '... until the upstream fails');
    $first->finish;

    ok(wait_for(sub {
        ask('/cut/answer/200');
        state_of('cut') == $CLOSED;
    }, 30), '... and others are its trials when they have gone');

    return;
}


# It is open, and then the configuration has no circuit any more.
sub spent {
    ask('/spent/answer/500');
    is_state('spent', $OPEN, 'it is open');

    $nginx->configure(http => $HTTP =~ s/spent failures=1/spent failures=0/r);
    ok($nginx->reload, '... and a reload makes it look at nothing');
    is(ask('/spent/answer/200')->{status}, 200, '... and let everybody pass');
    is_state('spent', $CLOSED, '... as it tells');

    return;
}


row();
kinds();
busy();
rate();
late();
trials();
hangs();
killed();
dry();
cut_off();
spent();

$nginx->finish(allow => [qr/exited on signal 9/]);

done_testing();
