#!/usr/bin/perl

# All is sold out, and a hundred thousand people press again.  Who ordered has
# a right to hear it once more; but whoever invents keys must not make a trip
# of every refusal, nor keep those out who have one that counts.  So the trips
# of keys that nobody knows here have a budget, and known ones go first.
#
# And a sale that begins without keys and stock gets them by a reload.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for);

my $HTTP = <<'END';
    server {
        listen 127.0.0.1:%{h1};
        keepalive_requests 1000000;

        add_header X-Trips $admission_trips always;
        proxy_ignore_client_abort on;

        location = /buy {
            %{policies}
            proxy_pass http://127.0.0.1:%{h1}/up;
        }

        location = /up { return 201 "made $request_id\n"; }
        location /control/ { admission_control; }
        location = /status { admission_status; }
    }
END

my $POLICIES = <<'END';
    admission_idempotency $http_idempotency_key owner=$arg_u;
    admission_inventory $arg_sku mode=reserve;
END

my $MANY = 300;         # requests in one piece
my $PIECES = 5;
my $serial = 0;

my ($old, $mine);       # answers

my $nginx = AdmNginx->start(http => $HTTP, vars => { policies => '' },
                            workers => 2);


sub buy {
    my ($key) = @_;

    return request_text(POST => '/buy?u=1&sku=a', body => 'a=1',
                        fields => "Idempotency-Key: $key\r\n");
}


sub answer_to {
    my ($key) = @_;

    my $answer = fetch($nginx->port('h1'), '/buy?u=1&sku=a',
                       method => 'POST', body => 'a=1',
                       fields => "Idempotency-Key: $key\r\n");

    return $answer // { status => 0, field => {}, body => '' };
}


# more strangers than the budget is, in pieces on one connection, and right
# behind the last the first of all, and "mine": the trips of each stranger, and
# those two answers
sub flood {
    my $connection = AdmHttp->connect($nginx->port('h1'));
    my @trips;

    for (1 .. $PIECES) {
        $connection->send(join '', map { buy('stranger-' . ++$serial) }
                                   1 .. $MANY - 2);
        $connection->send(buy('stranger-1') . buy('mine'));

        my @answers = map { $connection->answer
                            // { status => 0, field => {} } } 1 .. $MANY;

        ($old, $mine) = splice @answers, -2;
        push @trips, map { $_->{field}{'x-trips'} // '' } @answers;
    }

    return @trips;
}


is(answer_to('k')->{status}, 201, 'a shop without keys and stock');

$nginx->configure(vars => { policies => $POLICIES });
ok($nginx->reload, 'gets them by a reload');

my $put = fetch($nginx->port('h1'), '/control/inventory/a', method => 'PUT',
                fields => "Content-Type: application/json\r\n",
                body => '{"available":1}');
is($put->{status}, 200, 'and a stock of one');

my $first = answer_to('mine');
is($first->{status}, 201, 'the one order');
wait_for(sub { answer_to('mine')->{status} == 201 });    # it is noted
is(answer_to('other')->{status}, 409, 'sold out');

my ($asked, $refused, $repeated, $rounds, @trips) = (0) x 4;

wait_for(sub {
    @trips = flood();

    $rounds++;
    $asked += grep { $_ eq '1' } @trips;
    $refused += grep { $_ eq '0' } @trips;
    $repeated += $mine->{status} == 201 && $mine->{body} eq $first->{body};

    return $rounds > 1 && $trips[-1] eq '0' && $old->{field}{'x-trips'} eq '0';
}, 60);

is($trips[-1], 0, 'a stranger is refused without a trip');
is($old->{field}{'x-trips'}, 0, '... also one who asks again');
is($mine->{status}, 201, '... and next to them a known key has its trip');
is($repeated, $rounds, '... in every round');
cmp_ok($asked, '>=', 500, 'strangers had theirs, too');
is($asked + $refused, ($MANY - 2) * $PIECES * $rounds, 'all were answered');

my $seen = fetch($nginx->port('h1'), '/control/inventory/a');
like($seen->{body},
     qr/"available":0,"held":0,"holds":0,"unresolved":0,"committed":1/,
     'nothing was taken by any of them');

ok($nginx->reload, 'a reload');
is(answer_to('mine')->{body}, $first->{body}, '... and the key is known');

diag("$rounds rounds: $asked trips of strangers, $refused refusals without "
     . 'one');

$nginx->finish;
done_testing();
