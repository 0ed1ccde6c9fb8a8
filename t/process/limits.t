#!/usr/bin/perl

# Several workers share one budget to the unit; a table that is full lets
# idle clients go first, then makes newcomers share, counts both, and leaves
# those inside alone; an exact limit knows whom authentication has found.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use List::Util qw(min);
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(becomes);
use AdmUpstream ();


my $MANY = join "\n", map {
    "admission_rate many$_ \$arg_k rate=1r/h burst=2 scope=exact;" } 1 .. 20;
my $MANY_USES = join "\n", map { "admission_limit many$_;" } 1 .. 20;

my $HTTP = <<'END';
    admission_zone main 1m;
    admission_zone full 64k;
    admission_zone idle 64k;

    admission_rate frozen $arg_k rate=1r/h burst=99;
    admission_rate exact  $arg_k rate=1r/h burst=99 scope=exact;
    admission_rate empty  $arg_e rate=1r/h burst=0  scope=exact;
    admission_rate moving $arg_k rate=100r/s burst=20;
    admission_rate costly $arg_k rate=1r/h burst=99;
    admission_rate long   $arg_k rate=1r/h burst=3 zone=full;
    admission_rate quick  $arg_k rate=1000r/s zone=idle;
    admission_rate slow   $arg_k rate=1r/h burst=3 zone=idle;
    admission_rate user   $who   rate=1r/h burst=0 scope=exact;

    %{more}

    access_log off;
    keepalive_requests 100000;
    admission_log_level info;

    server {
        listen 127.0.0.1:%{h1} backlog=1024 reuseport;   # all get some

        add_header X-Pid $pid always;

        location = /status { admission_status; }

        location / { alias %{dir}/html/hello; }

        location = /frozen { alias %{dir}/html/hello; admission_limit frozen; }
        location = /exact { alias %{dir}/html/hello; admission_limit exact; }
        location = /moving { alias %{dir}/html/hello; admission_limit moving; }
        location = /long { alias %{dir}/html/hello; admission_limit long; }
        location = /quick { alias %{dir}/html/hello; admission_limit quick; }
        location = /slow { alias %{dir}/html/hello; admission_limit slow; }

        location = /costly {
            alias %{dir}/html/hello;
            admission_limit costly cost=$arg_c;
        }

        location = /both {
            alias %{dir}/html/hello;
            admission_limit exact;
            admission_limit empty;
        }

        location = /who {
            alias %{dir}/html/hello;
            admission_limit user;
            auth_request /auth;
            auth_request_set $who $upstream_http_x_user;
        }

        location = /auth {
            internal;
            proxy_pass http://127.0.0.1:%{up}/user/$http_x_user;
        }

        location = /many { alias %{dir}/html/hello; %{uses} }
    }
END

my $WORKERS = 4;

my $upstream = AdmUpstream->start;
my $nginx = AdmNginx->start(workers => $WORKERS, http => $HTTP,
    vars => { up => $upstream->port, more => '', uses => '' });


# Asks for all these paths over so many connections at once: the number of
# answers of each status, and of the workers that gave them.
sub ask {
    my ($connections, @paths) = @_;

    my @clients = map { AdmHttp->connect($nginx->port('h1')) }
                  1 .. $connections;
    my (%count, %pid);

    while (@paths) {
        my %asked;

        for my $i (0 .. $#clients) {
            my @part = splice @paths, 0, 50 or last;

            $asked{$i} = @part;
            $clients[$i]->send(join '',
                map { request_text('GET', $_) } @part);
        }

        for my $i (sort keys %asked) {
            for (1 .. $asked{$i}) {
                my $answer = $clients[$i]->answer;

                $count{ $answer ? $answer->{status} : 'none' }++;
                $pid{ $answer->{field}{'x-pid'} }++ if $answer;
            }
        }
    }

    return (\%count, scalar keys %pid);
}


sub to_the_unit {
    for my $limit (qw(frozen exact)) {
        my ($count, $workers) = ask(40, ("/$limit?k=$limit") x 2000);

        cmp_ok($workers, '>', 1, "$limit: by $workers workers");
        is_deeply($count, { 200 => 100, 429 => 1900 },
            "$limit: to the unit, whoever decides");
    }

    my ($count) = ask(40, ('/costly?k=c&c=7') x 400);

    is_deeply($count, { 200 => 14, 429 => 386 }, 'costs are whole or not');
    is((ask(1, ('/costly?k=c&c=1') x 4))[0]{200}, 2, 'the rest is left');

    return;
}


# Two limits travel together: one that refuses gives the other back.
sub together {
    ask(1, '/both?k=other&e=used');

    my ($count) = ask(40, ('/both?k=t&e=used') x 1000);

    is_deeply($count, { 429 => 1000 }, 'one of two refuses');

    # a worker that sleeps between charge and refund, while others refund,
    # gets nothing back: see adm_gcra.h

    my $passed = (ask(40, ('/exact?k=t') x 400))[0]{200};

    cmp_ok($passed, '>=', 100 - $WORKERS, 'the other has its budget');
    cmp_ok($passed, '<=', 100, 'and no more');

    return;
}


sub over_time {
    my $began = my $round = time;
    my $passed = my $grown = 0;

    # what grows while nobody can ask is a burst at most
    while (time - $began < 1.5) {
        $passed += (ask(5, ('/moving?k=m') x 250))[0]{200} // 0;

        my $now = time;
        $grown += min(20, 100 * ($now - $round));
        $round = $now;
    }

    my $most = 21 + 100 * (time - $began) + 1;

    cmp_ok($passed, '<=', $most, "over time: $passed of at most $most");
    cmp_ok($passed, '>=', 0.6 * (22 + $grown), 'and what is allowed passes');

    return;
}


sub full_table {
    my ($count) = ask(8, map { "/long?k=a$_" } 1 .. 2000);

    is_deeply($count, { 200 => 2000 }, 'a table with room: all pass');
    is($nginx->metric('table_full_total', zone => 'full'), 0,
        'it is not full');

    my $ratio = $nginx->metric('zone_used_ratio', zone => 'full');

    cmp_ok($ratio, '>', 0.3, "its used ratio: $ratio");
    cmp_ok($ratio, '<', 0.9, 'says so');

    ask(8, map { "/long?k=b$_" } 1 .. 4000);
    ($count) = ask(8, map { "/long?k=c$_" } 1 .. 1000);

    cmp_ok($count->{429} // 0, '>', 950, 'a full table: newcomers share');

    my $full = $nginx->metric('table_full_total', zone => 'full');

    cmp_ok($full, '>', 950, "counted: $full");
    cmp_ok($nginx->metric('zone_used_ratio', zone => 'full'), '>', 0.95,
        'the used ratio says it');
    is($nginx->metric('evictions_total', zone => 'full'), 0,
        'nobody had to go whose budget is in use');

    ($count) = ask(8, map { ("/long?k=a$_") x 4 } 1 .. 200);
    is_deeply($count, { 200 => 600, 429 => 200 },
        'those inside keep their own budgets');

    return;
}


sub newcomers_share {
    my $full = $nginx->metric('table_full_total', zone => 'full');
    my ($count) = ask(8, map { "/long?k=d$_" } 1 .. 1000);
    my $shared = $nginx->metric('table_full_total', zone => 'full') - $full;

    is(($count->{200} // 0) + ($count->{429} // 0), 1000, 'newcomers again');
    is($count->{429}, $shared,
        'who found no place was refused: the shared budget is used up');

    return;
}


sub idle_first {
    ask(8, map { "/quick?k=q$_" } 1 .. 5000);
    sleep 2.3;

    becomes(sub { $nginx->metric('zone_used_ratio', zone => 'idle') }, 0,
        'idle clients do not fill a table');

    my $before = $nginx->metric('table_full_total', zone => 'idle');
    my ($count) = ask(8, map { "/slow?k=s$_" } 1 .. 1500);

    is_deeply($count, { 200 => 1500 }, 'newcomers take the idle places');
    cmp_ok($nginx->metric('evictions_total', zone => 'idle'), '>', 1200,
        'which is counted');
    is($nginx->metric('table_full_total', zone => 'idle'), $before,
        'and nobody shares');

    return;
}


sub who {
    my ($name) = @_;

    return fetch($nginx->port('h1'), '/who',
        fields => "X-User: $name\r\n")->{status};
}


sub authenticated {
    is(who('nobody'), 401, 'nobody');
    is(who('ann'), 200, 'ann');
    is(who('ann'), 429, 'ann once more: an exact limit by whom auth_request '
        . 'found');
    is(who('bob'), 200, 'bob');

    return;
}


# More of them in one location than one trip takes.
sub many {
    $nginx->configure(vars => { up => $upstream->port, more => $MANY,
        uses => $MANY_USES });

    my $said = $nginx->check_conf;

    if ($said =~ /test is successful/) {
        $nginx->reload;
        is(fetch($nginx->port('h1'), '/many?k=1')->{status}, 200,
            'twenty exact limits in one location');
    } else {
        like($said, qr/admission_limit/, 'twenty exact limits: refused');
    }

    return;
}


to_the_unit();
together();
over_time();
full_table();
newcomers_share();
idle_first();
authenticated();
many();

$nginx->finish;

done_testing();
