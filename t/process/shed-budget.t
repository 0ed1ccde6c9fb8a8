#!/usr/bin/perl

# Whoever would have to wait longer for an answer than the budget says is
# refused at once, as soon as it is known how long the upstream needs.  One
# in a second goes all the same: so it is noticed when the upstream gets
# faster again, and everybody is let in.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for);
use AdmStay ();


my $HTTP = <<'END';
    admission_upstream shop budget=300ms;

    server {
        listen 127.0.0.1:%{h1} reuseport;

        location = /status { admission_status; }

        location / {
            admission_shed shop;
            proxy_pass http://127.0.0.1:%{up};
        }
    }
END

my $SLOW = '/stay/600';
my $QUICK = '/stay/5';

my $upstream = AdmStay->start;
my $nginx = AdmNginx->start(workers => 2, http => $HTTP,
    vars => { up => $upstream->port });


sub needs { return $nginx->metric('upstream_needs_seconds',
                                  upstream => 'shop') }


# So many at once: the statuses of all, and the reasons.
sub at_once {
    my ($n, $path) = @_;

    my @clients = map { AdmHttp->connect($nginx->port('h1')) } 1 .. $n;

    $_->send(request_text('GET', $path)) for @clients;

    return map { "$_->{status}" . ($_->{body} =~ /"reason":"(\w+)"/
        ? " $1" : '') } map { $_->answer } @clients;
}


# True when a whole row of requests is let in.
sub all_in {
    for (1 .. 10) {
        return 0 if fetch($nginx->port('h1'), $QUICK)->{status} != 200;
    }

    return 1;
}


is(needs(), 0, 'nothing is known of the upstream');

my ($began, $needs) = time;

is(join(',', at_once(4, $SLOW)), '200,200,200,200', 'all are let in');

# on a machine that is busy they take longer, and then it needs that
my $took = time - $began;

ok(wait_for(sub { ($needs = needs()) > 0.5 }), 'what it needs is known');
cmp_ok($needs, '<', $took + 0.2, '... about');

my $before = $upstream->total;
my %seen;

$seen{$_}++ for at_once(20, $SLOW);

is(join(',', sort keys %seen), '200,503 budget', 'it would take too long');
cmp_ok($seen{200}, '<', 5, 'but for one in a second');
is($upstream->total - $before, $seen{200}, 'the others do not come to it');

ok(wait_for(sub { sleep 0.1; (at_once(1, $SLOW))[0] eq '200' }),
    'the next may try');
ok(wait_for(sub { sleep 0.05; all_in() }, 30), 'quick again: all are let in');
ok(wait_for(sub { all_in(); needs() < 0.3 }),
    '... as it needs less than they have');

$nginx->finish;

done_testing();
