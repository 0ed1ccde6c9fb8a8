#!/usr/bin/perl

# Who is let in when there are places for one in ten.
#
# Somebody has waited for an hour, has a coat set aside, or has sent an order
# and asks what became of it; and is refused, since a stranger who looks at
# shoes came a moment earlier.  The cart of everybody is let in at random, and
# then hardly anybody's payment.  So those who hold something come first, then
# those of more worth, and of equals it is the same people for some minutes.
# And as soon as there is room, it is for all.
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
use AdmLoad ();
use AdmNginx qw(wait_for);
use AdmShopper qw(key_file mint);
use AdmUpstream ();

# places, what a request stays there (ms), people who look at things, and
# those of more and of less worth; times that somebody comes back
my ($PLACES, $STAY, $CROWD, $OTHERS, $TIMES) = (8, 400, 80, 5, 20);

my $HTTP = <<'END';
    admission_secret_file %{keys};

    admission_room line { mode always; rate 100r/s; }
    admission_upstream shop concurrency=%{places} failures=0 error_rate=0;

    log_format who '$http_user_agent $arg_p $status $admission_reason';

    server {
        listen 127.0.0.1:%{h1} backlog=1024 reuseport;

        location = /status { admission_status; }
        location /api/ { admission_inventory_api; }

        location /shop/ {
            access_log %{dir}/access.log who;
            admission_shed shop priority=$arg_p;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /cart/ {
            admission_inventory $arg_sku mode=reserve hold=10m;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /line/ {
            admission_wait line;
            admission_shed shop;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /pay/ {
            admission_idempotency $http_idempotency_key owner=$http_user_agent;
            admission_shed shop;
            proxy_pass http://127.0.0.1:%{up};
        }
    }
END

my $keys = File::Temp->new;
chmod 0600, $keys;
print {$keys} key_file();
close $keys or die "cannot write keys: $!\n";

my $upstream = AdmUpstream->start;
my $nginx = AdmNginx->start(http => $HTTP, workers => 2, vars => {
    up => $upstream->port, keys => "$keys", places => $PLACES });


# What somebody is told who asks for this.
sub ask {
    my ($who, $path, %option) = @_;

    $option{fields} = "User-Agent: $who\r\n" . ($option{fields} // '');

    return fetch($nginx->port('h1'), $path, %option)->{status};
}


# How each of those who hold something asks.
sub holders {
    my $pass = mint('pass', room => 'line', ticket => 1);

    fetch($nginx->port('h1'), '/api/inventory/coat', method => 'PUT',
        fields => "Content-Type: application/json\r\n",
        body => '{"available":9}');

    is(ask('keeper', '/cart/answer/302?sku=coat', method => 'POST'), 302,
       'a coat is set aside');

    my %order = (method => 'POST', body => 'coat',
                 fields => "Idempotency-Key: order1\r\n");

    is(ask('buyer', '/pay/answer/500', %order), 500, 'an order has failed');

    return (
        'a pass' => sub { ask('waiter', '/line/answer/200',
            fields => "Authorization: Bearer $pass\r\n") == 200 },
        'a hold' => sub { ask('keeper', '/shop/answer/200') == 200 },
        'a key' => sub { ask('buyer', '/pay/answer/500', %order) == 500 },
    );
}


sub load {
    my ($clients, $p) = @_;

    return AdmLoad->start($nginx->port('h1'), clients => $clients,
        paths => ["/shop/slow/$STAY?p=$p"], pause => 0.15, browsers => 1);
}


# What the access log says since a mark: { WORTH => { NAME => [came, in] } }
sub seen_since {
    my ($mark) = @_;

    my %seen;

    for (split /\n/, substr $nginx->access_text, $mark) {
        my ($who, $p, $status) = /^(\S+) ([059]) (\d+)/ or next;

        $seen{$p}{$who}[0]++;
        $seen{$p}{$who}[1] += $status == 200;
    }

    return \%seen;
}


# Of all of a worth: the part that was let in.
sub part {
    my ($seen) = @_;

    my ($came, $in) = (0, 0);

    for (values %$seen) {
        $came += $_->[0];
        $in += $_->[1];
    }

    return $came && $in / $came;
}


# Of all that were let in, the part that the luckiest quarter has.
sub luck {
    my ($seen) = @_;

    my @in = sort { $b <=> $a } map { $_->[1] } values %$seen;
    my ($all, $first) = (0, 0);

    $all += $_ for @in;
    $first += $_ for @in[ 0 .. $#in / 4 ];

    return $all && $first / $all;
}


my %holder = holders();
my @loads = (load($CROWD, 5), load($OTHERS, 0), load($OTHERS, 9));

ok(wait_for(sub { $nginx->access_text =~ / 503 priority\n/ }, 20),
   'in a crowd some are cut off');
sleep 2;

my $mark = length $nginx->access_text;
my $offers = $nginx->metric('shed_offers_total', priority => 'holder');
my %in;

for (1 .. $TIMES) {
    $in{$_} += $holder{$_}->() for sort keys %holder;
    sleep 0.25;
}

my $seen = seen_since($mark);
my ($first, $crowd, $last) = map { part($seen->{$_}) } 0, 5, 9;

cmp_ok($nginx->metric('shed_offers_total', priority => 'holder') - $offers,
       '>=', $TIMES * keys %holder, 'who has something counts as a holder');

for (sort keys %holder) {
    cmp_ok($in{$_}, '>', $TIMES * 0.6, "who has $_ is let in");
}

cmp_ok($crowd, '<', 0.15, 'few of the others are');
cmp_ok($first, '>', 2 * $crowd, '... but those of more worth are');
cmp_ok($last, '<', $crowd / 4, '... and those of less are not');
cmp_ok(luck($seen->{5}), '>', 0.75, 'of equals it is the same ones');

my $metrics = $nginx->metrics;

cmp_ok(AdmNginx::sum_of($metrics, 'requests_total', reason => 'priority'),
       '>', 0, 'some were refused for others');
cmp_ok(AdmNginx::sum_of($metrics, 'requests_total', reason => 'concurrency'),
       '>', 0, 'and some for want of a place');

note(sprintf 'let in: %s; %.3f of worth 0, %.3f of 5, %.3f of 9; luck %.2f',
     join(', ', map { "$_ $in{$_} of $TIMES" } sort keys %in), $first, $crowd,
     $last, luck($seen->{5}));

$_->finish for @loads;

ok(wait_for(sub { ask('late', '/shop/answer/200?p=9') == 200 }),
   'when the crowd has gone everybody is let in');

$nginx->finish;

done_testing();
