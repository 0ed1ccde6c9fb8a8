#!/usr/bin/perl

# A load generator that waits for answers asks less of a server the slower it
# is, and so hides what it should show: the requests that would have come
# during a stall are never sent, and their latencies never seen.  The crowd
# must not.  Here servers are stopped in the middle of a run, connections hang,
# the crowd itself is stopped; and each time those who came meanwhile must be
# there, with all that they waited.  And its shoppers must be those that a
# scenario describes: with their keys, their cookies, their patience.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../process/lib";

use JSON::PP qw(decode_json encode_json);
use List::Util qw(max min sum0 uniq);
use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::More;
use Time::HiRes qw(sleep time);

use AdmNginx qw(free_port slurp wait_for);
use CrowdTest qw(binary crowd crowd_begin crowd_end crowd_says uplot);

my $OK = [ 200, { 'Content-Type' => 'text/plain' }, 'ok' ];
my $PROBLEM = 'application/problem+json';
my $SCENARIOS = "$FindBin::Bin/../../bench/scenarios";


# What a report says of some of its seconds, added up.
sub over {
    my ($report, $member, $from, $to) = @_;

    return sum0(map { $_->{$member} }
        grep { $_->{t} >= $from && $_->{t} < $to } @{ $report->{seconds} });
}


# How many latencies lie above, by the histogram
sub slower {
    my ($latency, $ms) = @_;

    return sum0(map { $_->[1] } grep { $_->[0] > $ms }
        @{ $latency->{buckets} // [] });
}


# Requests of a server by their key, in the order they came
sub by_key {
    my ($server) = @_;

    my %of;
    push @{ $of{ $_->{field}{'idempotency-key'} // '' } }, $_
        for $server->requests;

    return values %of;
}


# When a server reads is not quite when it was sent to, on a busy machine: so
# what is held to a bound is not the least gap but one near it, or the median.
sub near_least { return (sort { $a <=> $b } @_)[@_ / 5] }
sub median { return (sort { $a <=> $b } @_)[@_ / 2] }


sub gaps {
    my ($requests) = @_;

    return map { $requests->[$_]{time} - $requests->[$_ - 1]{time} }
           1 .. $#$requests;
}


subtest 'the offer is the profile, also while the server is stopped' => sub {
    my $nginx = CrowdTest->nginx('return 200 "ok\n";');

    # shoppers expected within each three seconds: an N of 12,000 spreads by
    # 0.9 %, and the seed is fixed
    my @steps = (12_000, 18_000, 15_000);

    my $run = crowd_begin(<<'END', $nginx->url);
duration 9s
seed 1
at 0s 4000/s
at 3s 6000/s
ramp 6s 9s 4000/s
connection pool
timeout 5s
END

    sleep 4;
    kill 'STOP', $nginx->pid;
    sleep 1.5;
    kill 'CONT', $nginx->pid;

    my $report = crowd_end($run);

    for my $i (0 .. $#steps) {
        my $offered = over($report, 'offered', 3 * $i, 3 * $i + 3);

        cmp_ok(abs($offered / $steps[$i] - 1), '<', 0.02,
               "step $i offers $offered of $steps[$i]");
        is(sprintf('%.0f', over($report, 'profile', 3 * $i, 3 * $i + 3)),
           $steps[$i], 'and its profile is told');
    }

    is($report->{totals}{started}, $report->{totals}{offered},
       'who was due was started');

    my ($stopped) = sort { $a->{served} <=> $b->{served} }
        @{ $report->{seconds} }[4, 5];

    cmp_ok($stopped->{served}, '<', 4000, 'the server was stopped');
    cmp_ok($stopped->{started}, '>', 0.8 * 6000, 'and they came all the same');
};


subtest 'who hangs delays nobody else' => sub {
    my $server = CrowdTest->server(sub {
        return $_[0]{path} eq '/hang' ? 'hang' : $OK;
    });

    my $others = 'at 0s 100/s
population others 80%
population unlucky 20%
timeout 2s
';

    my $calm = crowd("duration 2s\n$others", $server->url);
    my $report = crowd("duration 2s\n${others}request GET /hang\n",
                       $server->url);

    my $unlucky = $report->{populations}{unlucky};

    is($unlucky->{failed}, $unlucky->{all}, 'some got no answer');
    is($report->{totals}{errors}{timeout}, $unlucky->{all}, 'but a time-out');
    is($report->{populations}{others}{served},
       $report->{populations}{others}{all}, 'the others were served');
    cmp_ok($report->{latency_ms}{served}{p50}, '<',
           10 * $calm->{latency_ms}{served}{p50} + 20, 'as fast as without');
};


subtest 'latency counts from the moment a shopper was due' => sub {
    my $nginx = CrowdTest->nginx('return 200 "ok\n";');
    my $scenario = "duration 3s\nat 0s 400/s\nconnection pool\n";
    my $run = crowd_begin($scenario, $nginx->url);

    sleep 1;

    my $begin = time;
    kill 'STOP', $nginx->pid;
    sleep 1;
    kill 'CONT', $nginx->pid;

    my $stall = time - $begin;
    my $report = crowd_end($run);
    my $served = $report->{latency_ms}{served};
    my $expected = 400 * ($stall - 0.5);

    cmp_ok(slower($served, 500), '>', 0.7 * $expected, 'those who came in the '
           . "first half of the stall waited long: $expected are expected");
    cmp_ok(slower($served, 500), '<', 2 * $expected + 100, 'only those');
    cmp_ok($served->{max}, '>', 900 * $stall, 'the first of them longest');
};


subtest 'a crowd that was stopped says so' => sub {
    my $nginx = CrowdTest->nginx('return 200 "ok\n";');
    my $scenario = "duration 3s\nat 0s 400/s\nconnection pool\n";
    my $run = crowd_begin($scenario, $nginx->url);

    sleep 1;

    my $begin = time;
    kill 'STOP', $run->{pid};
    sleep 1;
    kill 'CONT', $run->{pid};

    my $stall = time - $begin;
    my $report = crowd_end($run);
    my $late = $report->{generator}{late_ms};

    is($report->{totals}{started}, $report->{totals}{offered},
       'all came, late');
    cmp_ok($late->{max}, '>', 900 * $stall, 'how late is told');
    cmp_ok($report->{generator}{late_share}, '>', 0.2, 'and how many');
    cmp_ok($report->{generator}{lag_ms}{max}, '>', 900 * $stall,
           'nor could it read');
    cmp_ok($report->{generator}{lag_share}, '>', 0.2,
           'as each probe would have found that was due meanwhile');
    cmp_ok(slower($report->{latency_ms}{served}, 500), '>',
           0.7 * 400 * ($stall - 0.5), 'and it is in their latencies');
    like($report->{out}, qr/^Not to be trusted: .* more than 10 ms late/m,
         'and in the summary');

    # a busy machine may doubt one calm run, but not each of them
    my $calm;

    for (1 .. 5) {
        $calm = crowd("duration 1s\nat 0s 50/s\n", $nginx->url);
        last if $calm->{out} !~ /Not to be trusted/;
    }

    unlike($calm->{out}, qr/Not to be trusted/, 'not of every run');
};


subtest 'the same seed, the same arrivals' => sub {
    my $scenario = "duration 5s\nat 0s 50/s\nramp 1s 4s 200/s\n"
                   . "population a 30%\npopulation b 70%\n";

    my (undef, $first) = crowd_says($scenario, '--arrivals');
    my (undef, $again) = crowd_says($scenario, '--arrivals');
    my (undef, $other) = crowd_says($scenario, '--arrivals', '--seed', 2);

    cmp_ok(length $first, '>', 5000, 'arrivals');
    is($first, $again, 'again the same');
    isnt($first, $other, 'another seed, others');

    my @arrivals = map { [ split ] } split /\n/, $first;
    my $of_a = grep { $_->[2] eq 'a' } @arrivals;

    cmp_ok(abs($of_a / @arrivals - 0.3), '<', 0.06, 'populations as told');

    # a server that hangs up and one that answers meet the same shoppers
    for my $answer ($OK, 'close') {
        my $server = CrowdTest->server(sub { return $answer });
        my $report = crowd($scenario, $server->url);

        my @counts = (0) x 5;
        $counts[$_->[0]]++ for @arrivals;

        is_deeply([ map { $_->{offered} } @{ $report->{seconds} }[0 .. 4] ],
                  \@counts, 'they come as printed');
        is($report->{populations}{a}{all}, $of_a, 'and are the same');
    }
};


subtest 'Retry-After, backoff, and one key for each shopper' => sub {
    my $server = CrowdTest->server(sub {
        my ($request, $number) = @_;

        return $number > 2 ? $OK
            : [ 429, { 'Retry-After' => 1, 'Content-Type' => $PROBLEM },
                '{"title":"Slow down","status":429,"reason":"rate"}' ];
    });

    my $report = crowd(<<'END', $server->url);
duration 1s
at 0s 60/s
request POST /buy
body {"buyer":"{shopper}","again":"{key}"}
population patient 34%
    retries 3 backoff 10ms
    retry-after honour jitter 300ms
    field X-Who: patient
population at-once 33%
    retries 3 at-once
    retry-after ignore
    field X-Who: at-once
population backoff 33%
    retries 3 backoff 400ms max 600ms
    retry-after ignore
    field X-Who: backoff
timeout 10s
END

    is($report->{shoppers}{served}, $report->{shoppers}{all}, 'all served');
    is($report->{totals}{retries}, 2 * $report->{shoppers}{all},
       'by the third request');
    is_deeply($report->{totals}{refusals},
              { rate => 2 * $report->{shoppers}{all} },
              'refusals by their reason');
    is($report->{shoppers}{attempts}{max}, 3, 'attempts are counted');

    my %gap;
    my $bodies = 0;

    for my $requests (by_key($server)) {
        my ($first) = @$requests;

        push @{ $gap{ $first->{field}{'x-who'} } }, gaps($requests);
        $bodies += grep { $_->{body} =~ /"buyer":"\d+","again":"(.*)"/
            && $1 eq $_->{field}{'idempotency-key'} } @$requests;
    }

    is($bodies, $report->{totals}{started} + $report->{totals}{retries},
       'every request has its key, and the body filled in');

    my ($patient, $at_once, $backoff) = @gap{qw(patient at-once backoff)};

    cmp_ok(near_least(@$patient), '>', 0.95, 'the patient wait as told');
    cmp_ok(median(@$patient), '<', 2,
           'and not much longer');
    cmp_ok(max(@$patient) - min(@$patient), '>', 0.1, 'but not in step');
    cmp_ok(median(@$at_once), '<', 0.5,
           'at once is at once');

    my @first = map { $backoff->[2 * $_] } 0 .. $#$backoff / 2;
    my @second = map { $backoff->[2 * $_ + 1] } 0 .. $#$backoff / 2;

    cmp_ok(near_least(@first), '>', 0.19, 'backoff: from half of 400 ms');
    cmp_ok(near_least(@second), '>', 0.29, 'then of 600 ms, the most');
    cmp_ok(sum0(@second), '>', sum0(@first), 'it grows');
    cmp_ok(median(@second), '<', 1.2, 'not far');
};


subtest 'a date in Retry-After, and where it is told or not' => sub {
    my $server = CrowdTest->server(sub {
        my ($request, $number) = @_;

        return $OK if $number > 1;

        my @t = gmtime(time + 3);
        my $date = sprintf '%s, %02d %s %d %02d:%02d:%02d GMT',
            (qw(Sun Mon Tue Wed Thu Fri Sat))[$t[6]], $t[3],
            (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$t[4]],
            $t[5] + 1900, @t[2, 1, 0];

        return [ 503, { 'Retry-After' => $date }, '' ]
            if $request->{path} eq '/date';
        return [ 409, { 'Retry-After' => 1 }, '' ]
            if $request->{path} eq '/running';
        return [ 409, {}, '' ];
    });

    my $report = crowd(<<'END', $server->url);
duration 1s
at 0s 20/s
retries 1 at-once
population date 40%
    request GET /date
population running 30%
    request GET /running
population conflict 30%
    request GET /conflict
END

    my %of;
    push @{ $of{ $_->[0]{path} } }, $_ for by_key($server);

    cmp_ok(near_least(map { gaps($_) } @{ $of{'/date'} }), '>', 1.9,
           'a date');
    cmp_ok(near_least(map { gaps($_) } @{ $of{'/running'} }), '>', 0.95,
           '409 with Retry-After: the request runs, come back');
    is(scalar(map { gaps($_) } @{ $of{'/conflict'} }), 0,
       '409 without: that is final');
    is_deeply($report->{shoppers}{refused_for},
              { 409 => $report->{populations}{conflict}{all} },
              'counted by its status, which has no reason');
};


subtest 'errors have kinds, and are retried with the same key' => sub {
    my $server = CrowdTest->server(sub {
        my ($request, $number) = @_;
        my $path = $request->{path};

        return $OK if $number > 1;
        return $path eq '/hang' ? 'hang' : $path eq '/close' ? 'close'
            : [ 200, { 'Content-Length' => 100 }, 'half' ];
    });

    my $report = crowd(<<'END', $server->url);
duration 1s
at 0s 30/s
timeout 500ms
retries 1 at-once
population hang 40%
    request GET /hang
population close 60%
    request GET /close
END

    my $all = $report->{populations};

    is($report->{shoppers}{served}, $report->{shoppers}{all},
       'all served by the second request');
    is($report->{totals}{errors}{timeout}, $all->{hang}{all}, 'time-outs');
    is($report->{totals}{errors}{reset}, $all->{close}{all}, 'resets');

    cmp_ok(median(map { gaps($_) } grep { $_->[0]{path} eq '/hang' }
                  by_key($server)), '>', 0.45, 'after its own time-out');

    my $nobody = crowd("duration 1s\nat 0s 20/s\n",
                       'http://127.0.0.1:' . free_port());

    is($nobody->{totals}{errors}{connect}, $nobody->{shoppers}{all},
       'nobody listens: connect');
    is($nobody->{shoppers}{failed}, $nobody->{shoppers}{all}, 'all failed');

    my $garbage = CrowdTest->server(sub { return [ 'x', {}, '' ] });
    my $bad = crowd("duration 1s\nat 0s 20/s\n", $garbage->url);

    is($bad->{totals}{errors}{bad_answer}, $bad->{shoppers}{all},
       'no HTTP: a bad answer');
};


subtest 'connections: own, new, of the pool; addresses' => sub {
    my %sockets;
    my %peers;

    for my $connection (qw(keep-alive new pool)) {
        my $server = CrowdTest->server(sub {
            return $_[1] > 1 ? $OK : [ 503, {}, '' ];
        });

        my $report = crowd(<<"END", $server->url);
duration 1s
at 0s 40/s
retries 1 backoff 100ms
connection $connection
addresses 5 from 127.3.0.1
END

        my @requests = $server->requests;

        is(scalar @requests, 2 * $report->{shoppers}{all}, 'two each');
        $sockets{$connection} = keys %{{ map { $_->{socket} => 1 } @requests }};
        $peers{$_->{peer}}++ for @requests;

        is($sockets{$connection}, $report->{generator}{connections_opened},
           'connections are counted');

        if ($connection eq 'keep-alive') {
            my @moved = grep { $_->[0]{socket} != $_->[1]{socket} }
                        by_key($server);

            is(@moved, 0, 'a shopper keeps its own');
            is($sockets{$connection}, $report->{shoppers}{all}, 'nobody else');
        }

        if ($connection eq 'new') {
            is($sockets{new}, scalar @requests, 'one for each request');
        }

        if ($connection eq 'pool') {
            cmp_ok($sockets{pool}, '<', $report->{shoppers}{all},
                   'few for all');
        }
    }

    is_deeply([ sort keys %peers ], [ map { "127.3.0.$_" } 1 .. 5 ],
              'from addresses of their own');
};


# The room speaks as its contract says: a ticket by cookie, JSON with state
# and poll_after_ms, polls by Admission-Poll, and the request again when called.
subtest 'a waiting line' => sub {
    my $room = sub {
        my ($state, $more) = @_;
        return [ 503, { 'Content-Type' => 'application/json',
                        'Retry-After' => 30, 'Cache-Control' => 'no-store',
                        'Set-Cookie' => [ 'adm_drop=ticket; Path=/; '
                            . 'Max-Age=86400; HttpOnly', 'old=1; Path=/' ] },
                 qq({"room":"drop","state":"$state","poll_after_ms":200)
                 . ($more // '') . '}' ];
    };

    my %polls;

    my $server = CrowdTest->server(sub {
        my ($request) = @_;

        my $field = $request->{field};
        my ($who) = $field->{'x-who'} =~ /(\d+)/;

        if ($field->{'admission-poll'}) {
            $polls{$who}++;
            return $room->('waiting', ',"position":7') if $polls{$who} < 3;
            return [ 200, { 'Content-Type' => 'application/json',
                            'Set-Cookie' => 'old=; Path=/; Max-Age=0' },
                     '{"room":"drop","state":"sold_out"}' ] if $who % 4 == 0;
            return [ 200, { 'Content-Type' => 'application/json',
                            'Set-Cookie' => 'old=; Path=/; Max-Age=0' },
                     '{"room":"drop","state":"called","claim_expires_in":60}' ];
        }

        return $room->('waiting') if !$polls{$who};
        return $OK;
    });

    my $report = crowd(<<'END', $server->url);
duration 1s
at 0s 40/s
timeout 4s
request POST /buy
field X-Who: {shopper}
field Content-Type: application/json
body {"sku":"dusk"}
population follows 80%
population ignores 20%
    line ignore
END

    my (%of, @polls, @gaps, $sold_out);
    push @{ $of{ $_->{field}{'x-who'} } }, $_ for $server->requests;

    my $follows = $report->{populations}{follows};
    my @followers = grep { @{ $of{$_} } > 1 } keys %of;

    $sold_out = grep { $_ % 4 == 0 } @followers;

    is(@followers, $follows->{all}, 'who follows a line does');
    is($follows->{served}, @followers - $sold_out, 'is served when called');
    is($report->{shoppers}{refused_for}{sold_out}, $sold_out,
       'or told that nothing is left');
    is($report->{shoppers}{refused_for}{waiting},
       $report->{populations}{ignores}{all}, 'who does not is refused');

    for my $who (@followers) {
        my ($first, @rest) = @{ $of{$who} };
        my $last = $who % 4 ? pop @rest : undef;

        is(@rest, 3, 'three polls') if @rest != 3;
        push @polls, @rest;
        push @gaps, gaps([ $first, @rest ]);

        if ($last) {
            is_deeply([ @$last{qw(method path body)},
                        @{ $last->{field} }{qw(idempotency-key cookie)} ],
                      [ 'POST', '/buy', '{"sku":"dusk"}',
                        $first->{field}{'idempotency-key'},
                        'adm_drop=ticket' ],
                      "shopper $who asks again, as before, with its cookie")
                if $who < 10;
            is(scalar(grep { ($_->{field}{cookie} // '')
                             ne 'adm_drop=ticket; old=1' } @rest), 0,
               'the polls had the cookies') if $who < 10;
        }
    }

    is(scalar(grep { $_->{method} ne 'GET' || $_->{path} ne '/buy'
                     || $_->{field}{accept} ne 'application/json'
                     || $_->{field}{'idempotency-key'} || $_->{body} ne '' }
              @polls), 0, 'polls ask the same place for JSON, and do nothing');
    cmp_ok(near_least(@gaps), '>', 0.19, 'not before it is told');
    cmp_ok(median(@gaps), '<', 1, 'nor much later');

    is($report->{totals}{polls}, 3 * @followers, 'polls are counted');
    is($report->{totals}{joined}, scalar @followers, 'joins too');
    is($report->{totals}{called}, @followers - $sold_out, 'and calls');
    cmp_ok($report->{shoppers}{in_line_ms}{p50}, '>', 590, 'how long in line');
    cmp_ok(max(map { $_->{in_line} } @{ $report->{seconds} }), '>', 3,
           'how many at once');
    is($report->{totals}{refusals}{rate}, undef, 'waiting is no refusal');
};


sub token {
    my ($type, %claims) = @_;

    return join '.', map({ encode_base64url(encode_json($_)) }
        { alg => 'HS256', typ => "adm-$type+jwt" }, \%claims), 'unsigned';
}


sub claims {
    my ($token) = @_;

    my ($head, $body) = map { decode_base64url($_) } (split /\./, $token)[0, 1];

    return ($head =~ /adm-(\w+)/, decode_json($body));
}


# A room that calls a ticket at its third poll, never one of "nobody", and
# renews each token each time.
sub room {
    my ($next, %polls) = (1);

    return sub {
        my ($request) = @_;

        my $field = $request->{field};
        my $text = ($field->{cookie} // '') =~ /adm_drop=([^;]+)/ ? $1
            : ($field->{authorization} // '') =~ /^Bearer (.*)/ ? $1 : undef;
        my ($type, $has) = $text ? claims($text) : ('none');
        my $number = $has ? $has->{sub} : $next++;
        my $poll = $field->{'admission-poll'};
        my $called = ($polls{$number} += $poll ? 1 : 0) > 2
                     && $field->{'x-who'} ne 'nobody';
        my $pass = !$poll && ($called || $type eq 'pass');

        my $now = int time;
        my $new = token($pass ? 'pass' : 'ticket', sub => "$number",
            iat => $now, exp => $now + 60, jti => sprintf('%016x', 500 + $number),
            at => time);
        my %fields = ('Admission-Token' => $new,
                      'Set-Cookie' => "adm_drop=$new; Path=/; HttpOnly");

        return [ 200, \%fields, 'bought' ] if $pass;

        return [ 200, { 'Content-Type' => 'application/json' }, encode_json({
            room => 'drop', token => $new, poll_after_ms => 100,
            $called ? (state => 'called', claim_expires_in => 120)
                    : (state => 'waiting', wait_seconds => 30 + $number) }) ]
            if $poll;

        return [ 503, { %fields, 'Content-Type' => $PROBLEM,
            'Retry-After' => 1 }, encode_json({ status => 503,
            reason => 'in_line', room => 'drop', position => $number,
            wait_seconds => 30 + $number, poll_after_ms => 100 }) ];
    };
}


# The requests of a room's server by shopper, in the order they came.
sub by_shopper {
    my ($server) = @_;

    my %of;
    push @{ $of{ $_->{field}{'x-shopper'} } }, $_ for $server->requests;

    return \%of;
}


subtest 'who comes to a waiting room' => sub {
    my $server = CrowdTest->server(room());
    my $dir = File::Temp->newdir('adm-crowd-XXXXXX', TMPDIR => 1);
    my $report = crowd(<<'END', $server->url, '--passes', "$dir/passes");
duration 1s
at 0s 60/s
timeout 5s
request POST /buy
field X-Shopper: {shopper}
population plain 40%
    field X-Who: plain
population ghosts 20%
    field X-Who: ghosts
    ghosts 50%
population nobody 20%
    field X-Who: nobody
    patience 350ms
population apps 20%
    field X-Who: apps
    app on
    visits 2 every 200ms
END

    my $of = by_shopper($server);
    my %by = map { my $name = $_; $name => [ grep {
        $_->[0]{field}{'x-who'} eq $name } values %$of ] }
        qw(plain ghosts nobody apps);
    my $who = $report->{populations};
    my @gone = grep { @$_ == 1 } @{ $by{ghosts} };

    is($who->{plain}{served}, $who->{plain}{all}, 'they are let in');
    cmp_ok(scalar @gone, '>', 0, 'some never come back');
    cmp_ok(scalar @gone, '<', $who->{ghosts}{all}, 'not all');
    is($who->{ghosts}{left}, @gone, 'they have left');
    is($report->{line}{ghosts}, @gone, 'as ghosts');
    is($who->{ghosts}{served}, $who->{ghosts}{all} - @gone, 'the others come');

    is($who->{nobody}{left}, $who->{nobody}{all}, 'patience has an end');
    is(scalar(grep { @$_ > 4 } @{ $by{nobody} }), 0,
       'not later than it is told');
    cmp_ok(median(map { scalar @$_ } @{ $by{nobody} }), '>', 1, 'nor at once');

    apps_are_simple($by{apps});
    passes_are_told($report, $of, "$dir/passes", $who->{plain}{all}
        + $who->{ghosts}{served} + $who->{apps}{all});

    is($report->{totals}{visits}, 2 * $who->{apps}{all}, 'visits are counted');
};


sub apps_are_simple {
    my ($apps) = @_;

    my @later = map { @$_[1 .. $#$_] } @$apps;

    is(scalar(grep { $_->{field}{cookie} } map { @$_ } @$apps), 0,
       'an app has no cookies');
    is(scalar(grep { !$_->{field}{authorization} } @later), 0,
       'but its token');

    my %tokens;
    my $asked = 0;

    for my $app (@$apps) {
        my @tokens = uniq map { $_->{field}{authorization} // () } @$app;

        $tokens{ join ' ', map { (claims(s/^Bearer //r))[0] } @tokens }++;
        $asked += grep { !$_->{field}{'admission-poll'} } @$app;
    }

    is_deeply([ keys %tokens ], [ 'ticket pass' ],
              'its first ticket and its first pass');
    is($asked, 4 * @$apps, 'it comes, comes when called, and visits twice');

    return;
}


sub passes_are_told {
    my ($report, $of, $file, $in) = @_;

    is($report->{line}{passes}, $in, 'passes are counted');
    is($report->{line}{twice}, 0, 'one for each number');
    is($report->{line}{jumped}, 0, 'which rises');
    is($report->{line}{inside_most}, $in, 'and how many were good at once');
    is($report->{totals}{let_in}, $in, 'also by second');
    like($report->{out}, qr/^passes +$in .*\n.* at most $in good at once$/m,
         'which the summary tells');

    my @passes = map { [ split ] } split /\n/, slurp($file);

    is(@passes, $in, 'each pass has a line');
    is(scalar(uniq map { $_->[1] } @passes), $in, 'with its number');
    is(scalar(grep { hex $_->[2] != 500 + $_->[1] } @passes), 0, 'its id');
    is(scalar(grep { $_->[4] < time || $_->[4] > time + 60 } @passes), 0,
       'its end');
    is(scalar(grep { $_->[3] != $_->[4] - 60 } @passes), 0, 'its beginning');
    is(scalar(grep { !$of->{ $_->[5] } } @passes), 0, 'and its shopper');

    return;
}


subtest 'tabs of one shopper' => sub {
    my $server = CrowdTest->server(room());
    my $report = crowd(<<'END', $server->url);
duration 1s
at 0s 20/s
timeout 5s
request POST /buy
field X-Shopper: {shopper}
field X-Who: plain
tabs 5
END

    my $all = $report->{shoppers}{all};
    my $of = by_shopper($server);
    my @later = map { @$_[1 .. $#$_] } values %$of;

    is(scalar keys %$of, $all, 'tabs are no shoppers');
    is($report->{shoppers}{served}, $all, 'who are let in');
    is(scalar(grep { uniq(map { $_->{socket} } @$_) != 5 } values %$of), 0,
       'each tab has its own connection');
    is(scalar(grep { ($_->{field}{cookie} // '') !~ /^adm_drop=/ } @later), 0,
       'but the cookies of all');
    cmp_ok($report->{totals}{reloads}, '>=', 4 * $all, 'they reload');
    cmp_ok($report->{totals}{polls}, '>=', $all, 'and poll');
    is($report->{totals}{joined}, $all, 'and stand in line once');
    is($report->{line}{passes}, $all, 'with one pass');
    is($report->{shoppers}{in_line_ms}{count}, $all, 'for a time');
    cmp_ok(max(map { $_->{in_line} } @{ $report->{seconds} }), '<=', $all,
           'never more of them than there are');
};


subtest 'a browser, which is told by a page' => sub {
    my $server = CrowdTest->server(sub {
        my ($request, $number) = @_;

        return $OK if ($request->{field}{cookie} // '') eq 'adm_drop=called';

        return [ 200, { 'Content-Type' => 'application/json',
                        'Set-Cookie' => 'adm_drop=called' },
                 '{"room":"drop","state":"called","claim_expires_in":9}' ]
            if $request->{field}{'admission-poll'};

        return [ 503, { 'Content-Type' => 'text/html', 'Retry-After' => 1,
                        'Admission-Token' => token('pre', sub => '0') },
                 '<h1>Please wait</h1>' ];
    });

    my $report = crowd(<<'END', $server->url);
duration 1s
at 0s 20/s
timeout 5s
field Accept: text/html
END

    is($report->{shoppers}{served}, $report->{shoppers}{all}, 'is let in');
    is($report->{totals}{polls}, $report->{shoppers}{all}, 'after a poll');
    is($report->{totals}{refused}, 0, 'and it is no refusal');
};


subtest 'no cookies, no key' => sub {
    my $server = CrowdTest->server(sub {
        return $_[0]{path} eq '/again'
            ? [ 200, { 'Set-Cookie' => 'a=1' }, '' ]
            : [ 503, { 'Set-Cookie' => 'a=1' }, '' ];
    });

    crowd(<<'END', $server->url);
duration 1s
at 0s 20/s
request POST /buy
retries 1 at-once
cookies off
key off
END

    my @requests = $server->requests;

    cmp_ok(scalar @requests, '>', 20, 'requests');
    is(scalar(grep { $_->{field}{cookie} } @requests), 0, 'no cookie');
    is(scalar(grep { $_->{field}{'idempotency-key'} } @requests), 0, 'no key');
};


subtest 'an end in time, an early end, and who was left' => sub {
    my $server = CrowdTest->server(sub {
        my ($request) = @_;

        return $OK if $request->{path} eq '/';
        return [ 403, {}, '' ] if $request->{path} eq '/no';
        return 'close' if $request->{path} eq '/close';
        return [ 503, { 'Retry-After' => 600 }, '' ];
    });

    my $scenario = <<'END';
duration 1s
at 0s 100/s
timeout 500ms
population served 25%
population refused 25%
    request GET /no
population failed 25%
    request GET /close
population unfinished 25%
    request GET /later
    retries 1 at-once
END

    my $report = crowd($scenario, $server->url);

    for my $name (qw(served refused failed unfinished)) {
        my $of = $report->{populations}{$name};

        cmp_ok($of->{all}, '>', 5, "$name: some");
        is($of->{$name}, $of->{all}, 'each with that end');
        is($report->{shoppers}{$name}, $of->{all}, 'and nobody else');
    }

    is($report->{shoppers}{at_the_end}{waiting},
       $report->{shoppers}{unfinished}, 'what the unfinished did is told');
    cmp_ok($report->{took_s}, '<', 5, 'over after the longest time-out');
    cmp_ok($report->{took_s}, '>', 1.4, 'not before');

    my $run = crowd_begin("duration 60s\nat 0s 50/s\n", $server->url,
                          '--loop');

    ok(wait_for(sub { $server->requests > 140 }, 20), 'a long run');
    kill 'INT', $run->{pid};

    my $early = crowd_end($run);

    ok($early->{interrupted}, 'was interrupted');
    is($early->{status}, 0, 'and reported');
    cmp_ok($early->{took_s}, '<', 20, 'early');
};


subtest 'a loop begins anew' => sub {
    my $server = CrowdTest->server(sub { return $OK });
    my $run = crowd_begin("duration 1s\nat 0s 100/s\nat 500ms 0/s\n",
                          $server->url, '--loop');

    ok(wait_for(sub { $server->requests > 110 }, 20), 'the third round');
    kill 'TERM', $run->{pid};

    my $report = crowd_end($run);

    is(sprintf('%.0f', $_->{profile}), 50, 'its profile is told')
        for @{ $report->{seconds} }[0, 1];
};


subtest 'connections have a bound, and who is over it is counted' => sub {
    my $server = CrowdTest->server(sub { return 'hang' });
    my $report = crowd("duration 1s\nat 0s 100/s\ntimeout 3s\n",
                       $server->url, '--max-connections', 20);

    is($report->{generator}{connections_most}, 20, 'no more');
    is($report->{generator}{connections_denied},
       $report->{shoppers}{all} - 20, 'the others are counted');
    is($report->{totals}{errors}{local}, $report->{shoppers}{all} - 20,
       'as the errors of the crowd itself');
    like($report->{out}, qr/were not sent, since 20 connections/, 'and told');
};


subtest 'TLS' => sub {
    my $nginx = CrowdTest->nginx('return 200 "ok\n";', tls => 1);
    my $url = 'https://127.0.0.1:' . $nginx->port;

    for my $connection (qw(new pool)) {
        my $report = crowd(<<"END", $url);
duration 1s
at 0s 100/s
connection $connection
END

        is($report->{shoppers}{served}, $report->{shoppers}{all},
           "$connection: all served");
        cmp_ok($report->{generator}{connections_opened}, '<',
               $report->{shoppers}{all}, 'connections are used again')
            if $connection eq 'pool';
    }

    my $plain = CrowdTest->server(sub { return $OK });
    my $report = crowd("duration 1s\nat 0s 20/s\n",
                       'https://127.0.0.1:' . $plain->port, '--duration',
                       '500ms');

    is($report->{shoppers}{served}, 0, 'not with who speaks no TLS');
};


# what stands in a file; what the sentence says, with the number of the line
my @WRONG = (
    [ "duration 1s\nat 0s 5/s\nstorm now\n", 3, qr/"storm": expected title,/ ],
    [ "duration\n", 1, qr/"duration": expected duration TIME/ ],
    [ "duration 10\n", 1, qr/"10": expected a time such as/ ],
    [ "duration 0s\n", 1, qr/"0s": expected a time above 0/ ],
    [ "at 0s 50\n", 1, qr/"50": expected a rate such as 400\/s/ ],
    [ "at 1s 50/s\n", 1, qr/"1s": expected a first point "at 0s"/ ],
    [ "at 0s 5/s\nat 0s 6/s\n", 2, qr/"0s": expected a time after those/ ],
    [ "ramp 1s 2s 5/s\n", 1, qr/"1s": expected a point "at 0s" before/ ],
    [ "at 0s 5/s\nramp 3s 2s 5/s\n", 2, qr/expected an end of the ramp/ ],
    [ "spike 1s 2s 5/s\nspike 2s 1s 6/s\n", 2,
      qr/"2s": expected spikes that do not overlap/ ],
    [ "seed x\n", 1, qr/"x": expected a whole number/ ],
    [ "population a 20\n", 1, qr/"20": expected a share such as 20%/ ],
    [ "population a 20%\npopulation a 80%\n", 2, qr/a name of its own/ ],
    [ "duration 1s\nat 0s 1/s\npopulation a 20%\npopulation b 70%\n", 4,
      qr/"shares of 90% in all": expected shares of 100%/ ],
    [ "at 0s 1/s\n", 1, qr/"the end": expected a line "duration TIME"/ ],
    [ "duration 1s\n", 1, qr/"the end": expected a line "at 0s RATE"/ ],
    [ "request get /\n", 1, qr/"get": expected a method such as/ ],
    [ "request GET buy\n", 1, qr/"buy": expected a path that begins with/ ],
    [ "field Accept\n", 1, qr/"Accept": expected NAME: VALUE/ ],
    [ "field Host: x\n", 1, qr/"Host": expected a field that the crowd/ ],
    [ "retries 3\n", 1, qr/"3": expected at-once or backoff TIME/ ],
    [ "retries 3 slowly\n", 1, qr/"slowly": expected at-once or backoff/ ],
    [ "retries -1 at-once\n", 1, qr/"-1": expected a whole number up to/ ],
    [ "retries 3 backoff 0s\n", 1, qr/"0s": expected a time above 0/ ],
    [ "retries 3 backoff 1s up 2s\n", 1, qr/"up": expected max TIME/ ],
    [ "retry-after perhaps\n", 1, qr/"perhaps": expected honour or ignore/ ],
    [ "retry-after ignore jitter 1s\n", 1, qr/expected honour jitter TIME/ ],
    [ "connection slow\n", 1, qr/"slow": expected new, keep-alive or pool/ ],
    [ "cookies yes\n", 1, qr/"yes": expected on or off/ ],
    [ "line jump\n", 1, qr/"jump": expected follow or ignore/ ],
    [ "app yes\n", 1, qr/"yes": expected on or off/ ],
    [ "ghosts 0%\n", 1, qr/"0%": expected a share such as 20%/ ],
    [ "patience 0s\n", 1, qr/"0s": expected a time above 0/ ],
    [ "tabs 0\n", 1, qr/"0": expected a number above 0/ ],
    [ "tabs 101\n", 1, qr/"101": expected a whole number up to 100/ ],
    [ "visits 3 each 1s\n", 1, qr/"each": expected every TIME/ ],
    [ "visits 3\n", 1, qr/"visits": expected visits NUMBER every TIME/ ],
    [ "addresses 5 from here\n", 1, qr/"here": expected an IPv4 address/ ],
    [ "addresses 5000000\n", 1, qr/expected a whole number up to 65536/ ],
);

subtest 'a wrong line is told: file, line, what was expected' => sub {
    for my $wrong (@WRONG) {
        my ($text, $line, $sentence) = @$wrong;
        my ($status, $said, $file) = crowd_says($text, '--check');

        is($status, 2, 'exit status') if $status != 2;
        like($said, qr/\Acrowd: \Q$file\E:$line: .*$sentence.*\n\z/,
             (split /\n/, $text)[$line - 1]);
    }

    my ($status) = crowd_says("duration 1s\nat 0s 5/s\n", '--check');
    is($status, 0, 'nothing to say about a right one');

    for my $file (glob "$SCENARIOS/*.scenario") {
        is(system(binary(), '--check', $file), 0, $file);
    }

    my @options = (
        [ '--seed=x', qr/"x": expected a whole number for --seed/ ],
        [ '--duration=5', qr/"5": expected a time such as 30s/ ],
        [ '--scale=0', qr/"0": expected a number above 0/ ],
        [ '--sideways', qr/--help tells the options/ ],
    );

    for (@options) {
        my ($option, $sentence) = @$_;
        my ($exit, $said) = crowd_says("duration 1s\nat 0s 5/s\n", $option);

        is($exit, 2, "$option is wrong");
        like($said, $sentence, 'and that is said');
    }

    my $file = "$SCENARIOS/steady.scenario";
    my $binary = binary();

    for my $url ('127.0.0.1:80', 'ftp://127.0.0.1/', 'http://127.0.0.1:0/',
                 'http://127.0.0.1/?a=b')
    {
        my $said = `$binary $file '$url' 2>&1`;

        is($? >> 8, 2, $url);
        like($said, qr/"\Q$url\E": expected a URL such as/, 'is no URL');
    }
};


# 0.0.0.0 leads to this machine, but is not of the loopback's network: so the
# question can be asked and answered without leaving it.
subtest 'other machines only when it is wanted' => sub {
    my $server = CrowdTest->server(sub { return $OK });
    my $url = 'http://0.0.0.0:' . $server->port;
    my $binary = binary();
    my (undef, undef, $file) =
        crowd_says("duration 500ms\nat 0s 40/s\nspike 100ms 100ms 70/s\n",
                   '--check');

    my $said = `$binary $file $url < /dev/null 2>&1`;

    is($? >> 8, 2, 'nobody to ask: no');
    like($said, qr/0\.0\.0\.0:\d+ is not this .* up to 70 shoppers a second/,
         'host and peak rate are named');

    for my $answer (qw(no y yes)) {
        my $before = $server->requests;
        my $typed = "(sleep 0.3; echo $answer; sleep 1.5)";
        my $out = `$typed | script -qec "$binary $file $url" /dev/null`;

        like($out, qr/Type "yes" if this is wanted/, "asked, says $answer");

        my $sent = $server->requests - $before;

        if ($answer eq 'yes') {
            cmp_ok($sent, '>', 5, 'then they go');
        } else {
            is($sent, 0, 'nothing is sent');
        }
    }

    my $before = $server->requests;
    `$binary --quiet --yes $file $url 2>&1`;
    cmp_ok($server->requests, '>', $before + 5, '--yes');
};


subtest 'a page for people' => sub {
    uplot();

    my $server = CrowdTest->server(sub {
        return $_[0]{field}{'x-who'} % 2 ? $OK
            : [ 429, { 'Content-Type' => $PROBLEM }, '{"reason":"rate"}' ];
    });

    my (undef, undef, $where) = crowd_says("duration 1s\nat 0s 1/s\n",
                                           '--check');
    my $page = "$where.html";
    my $report = crowd(<<'END', $server->url, '--html', $page);
title </script> & Søn
duration 1s
at 0s 40/s
field X-Who: {shopper}
END

    my $html = slurp($page);

    unlike($html, qr/\{\{\w+\}\}/, 'nothing is left to fill in');
    like($html, qr/uPlot=function/, 'uPlot is inside');
    like($html, qr/default-src 'none'/, 'and may load nothing');

    my ($title) = $html =~ m{<title>(.*)</title>};

    is($title, '&lt;/script&gt; &amp; Søn', 'what is told is told as text');
    is(scalar(() = $html =~ m{</script>}g), 3, 'and ends no script');

    my ($data) = $html =~ m{ id="run">(.*?)</script>}s;
    my $inside = JSON::PP::decode_json($data);

    is_deeply($inside->{shoppers}, $report->{shoppers}, 'it has the figures');
    is(scalar @{ $inside->{seconds} }, scalar @{ $report->{seconds} },
       'of all seconds');

    $data = quotemeta $data;
    $html =~ s/$data//;

    my @outside = grep { !m{^https://(?:github\.com/leeoniya/uPlot|leeoniya)} }
        $html =~ m{\b(?:https?:|//)[\w.]+[^\s"'<)]*}g;

    is(scalar(grep { /http/ } @outside), 0, 'no outside address') or diag
        join "\n", @outside;
    unlike($html, qr/<(?:link|img|iframe)\b|\bsrc=|\@import|url\(/,
           'nothing to load');

    # made as the program makes it, without a browser at hand: its script must
    # at least be one
    my ($script) = $html =~ m{.*<script>(.*)</script>}s;

    open my $out, '>', "$page.js" or die "$page.js: $!\n";
    print {$out} $script;
    close $out;
    is(system('node', '--check', "$page.js"), 0, 'its script is one');

    my $script_file = "$FindBin::Bin/../../bench/crowd/report";
    my $said = `echo '{"crowd":9}' | $script_file 2>&1`;

    is($? >> 8, 1, 'another format is refused');
    like($said, qr/another format/, 'with a word');

    # not after a run of an hour
    local $ENV{CROWD_UPLOT} = '/nowhere';
    my ($status, $sentence) = crowd_says("duration 1s\nat 0s 40/s\n", '--html',
                                         $page);

    is($status, 2, 'without uPlot a run with a page is not begun');
    like($sentence, qr{cannot read /nowhere/uPlot}, 'and that is said');
};


done_testing();
