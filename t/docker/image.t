#!/usr/bin/perl

# The images that t/docker/build has left are run as compose.yml has them run:
# each in its own root, as its own user and process 1, with nothing writable
# but /tmp, in a network of their own.  The edges must come up well by their
# own health check, serve from the origin, refuse who is over a limit and say
# so in their log, and be seen by Prometheus.  They have one shelf, and an order
# that is sent to both is made once.  Then one of them is taken out in the middle
# of a sale, as docs/deploy.md says: nobody may notice, not even who has an order
# under way there.
#
# Without this nobody had seen the images run: a healthcheck that needs a
# program which the image has not, a log that its user may not open, a pid file
# in a place that is read-only are found by nothing else.
#
# Needs root, and t/docker/build before.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../process/lib";
use Test::More;

use Cwd ();
use HTTP::Tiny ();
use IO::Socket::INET ();
use JSON::PP ();
use List::Util qw(sum);
use POSIX ();
use Time::HiRes qw(sleep time);
use YAML::XS ();

use AdmImage ();
use AdmService ();


plan(skip_all => 'must be root, to mount and to change roots') if $> != 0;

AdmImage::enter('--net');

my $ROOT = Cwd::abs_path("$FindBin::RealBin/../..");
my $STORE = AdmImage->new(context => $ROOT, store => "$ROOT/build/image");

my $HERE = '10.9.0.1';
my %ADDRESS = (balancer => '10.9.0.2', edge1 => '10.9.0.11',
    edge2 => '10.9.0.12', origin => '10.9.0.21', redis => '10.9.0.22',
    prometheus => '10.9.0.31');

my $SHOP = "http://$ADDRESS{balancer}:8080";
my $ORIGIN = "http://$ADDRESS{origin}:8081";
my %STATUS = map { $_ => "http://$ADDRESS{$_}:9145" } qw(edge1 edge2);

# without connections kept: each request is a customer of its own
my $http = HTTP::Tiny->new(keep_alive => 0, timeout => 30);
my @running;
my $cookie = 'session=SECRET';

AdmService::network($HERE);


sub run {
    my ($name, $image, %option) = @_;

    my $service = AdmService->start($STORE, $image, as => $name, hosts => \%ADDRESS,
        address => $ADDRESS{$name}, read_only => 1, %option);
    push @running, $service;

    return $service;
}


# True as soon as the function is, or its last value after that many seconds.
sub wait_for {
    my ($true, $seconds) = @_;

    my $end = time + ($seconds // 10);

    for (;;) {
        my $value = $true->();
        return $value if $value || time > $end;
        sleep 0.05;
    }
}


sub decoded { return eval { JSON::PP::decode_json($_[0]) } // {} }
sub json { return decoded($http->get($_[0])->{content}) }
sub orders { return json("$ORIGIN/stats")->{orders} }


# By somebody who stays in the room once let in.  Options: at (the shop), key.
sub buy {
    my (%option) = @_;

    my $answer = $http->post(($option{at} // $SHOP) . '/buy', {
        content => 'item=dusk', headers => {
            'Content-Type' => 'application/x-www-form-urlencoded',
            Accept => 'application/json', Cookie => $cookie,
            $option{key} ? ('Idempotency-Key' => $option{key}) : () } });

    my ($pass) = join(' ', map { ref ? @$_ : $_ }
        $answer->{headers}{'set-cookie'} // ()) =~ /(adm_drop=[^;]+)/;

    $cookie = "session=SECRET; $pass" if $pass;

    return $answer;
}


# Whether so many lamps are free.
sub left {
    my ($redis, $number) = @_;

    return $redis->execute('sh', '-c',
        "test \"\$(redis-cli GET inventory:dusk)\" = $number") == 0;
}


sub healthy {
    my ($edge) = @_;

    return $edge->execute(@{ $edge->{image}{health} }) == 0;
}


# What both edges have counted.
sub metric {
    my ($like) = @_;

    my $sum = 0;

    for my $status (values %STATUS) {
        my $text = $http->get("$status/metrics")->{content};
        $sum += $1 while $text =~ /^$like[ ](\S+)$/mg;
    }

    return $sum;
}


sub starts {
    my ($name, $edge) = @_;

    ok(wait_for(sub { healthy($edge) }), "$name: well, as itself says")
        or BAIL_OUT($edge->output);
    ok(wait_for(sub { json("$STATUS{$name}/health")->{redis} eq 'up' }),
        'with Redis');
    ok(wait_for(sub { json("$STATUS{$name}/health")->{status} eq 'ok' }),
        'and to a balancer');

    my $first = $edge->first;
    my %status = AdmImage::slurp("/proc/$first/status") =~ /^(\w+):\s+(.*)$/mg;

    like($status{NSpid}, qr/\s1$/, 'nginx is process 1');
    unlike($status{Uid}, qr/\b0\b/, 'and not root');
    isnt($edge->execute('sh', '-c', 'touch /etc/nginx/new 2> /dev/null'), 0,
        'nothing is writable');

    return;
}


sub serves {
    my (@edges) = @_;

    ok(wait_for(sub { $http->get("$SHOP/")->{status} == 200 }),
        'the page of the shop, by the balancer');
    like($http->get("$STATUS{$_}/dashboard")->{content}, qr/<html/,
        "$_: the operator's page") for sort keys %STATUS;
    is($http->get("$SHOP$_")->{status}, 404, "$_: not at the shop's port")
        for qw(/metrics /dashboard /health);

    # the line goes on as soon as the edges have heard of the lamps
    my @waited = stand_in_line();
    my @answers = map { buy() } 1 .. 24;
    my @passed = grep { $_->{status} == 200 } @answers;

    unshift @passed, pop @waited;
    unshift @answers, $passed[0];

    is($passed[0]{status}, 200, 'who stands in line is let in');
    cmp_ok(@passed, '>=', 5, 'orders pass');
    ok(length decoded($passed[0]{content})->{order},
        'and are answered by the origin');
    is(orders(), @passed, 'which had so many');
    cmp_ok(@passed, '<', 10, 'not twice as many, though there are two edges');
    is($answers[-1]{status}, 429, 'over the limit nobody passes');
    is(decoded($answers[-1]{content})->{policy}, 'per_client',
        'by the limit of a client');
    is(metric('admission_requests_total\{site="shop",verdict="limit",'
              . 'reason="rate",dry_run="0"\}'), @answers - @passed, 'counted');

    logs(\@edges, "$HERE admit 200" => scalar @passed,
        "$HERE limit 429" => @answers - @passed,
        @waited ? ("$HERE wait 503" => scalar @waited) : ());

    return scalar @passed;
}


# The same order at one edge and at the other, which both have the shelf.
sub one_shelf {
    my ($redis, $sold) = @_;

    ok(left($redis, 100 - $sold), 'each order has taken a lamp');
    sleep 1;                            # until the budget has grown back

    my @same = map { buy(at => "http://$ADDRESS{$_}:8080", key => 'one') }
               qw(edge1 edge2);

    is(join(' ', map { $_->{status} } @same), '200 200', 'sent twice ...');
    is($same[1]{content}, $same[0]{content}, '... it is the same order');
    is($same[1]{headers}{'idempotent-replayed'}, 'true', '... as it says');
    is(orders(), $sold + 1, '... of which the origin heard once');
    ok(left($redis, 100 - $sold - 1), '... and one lamp is gone');

    return;
}


# The answers to somebody who comes back until there is another one.
sub stand_in_line {
    my @answers;

    wait_for(sub {
        push @answers, buy();
        sleep 0.3 if $answers[-1]{status} == 503;
        return $answers[-1]{status} != 503;
    });

    return @answers;
}


# What a collector of logs would get.
sub logs {
    my ($edges, %expected) = @_;

    my $text = sub { join '', map { $_->output } @$edges };
    my $records = sub { grep { ($_->{path} // '') eq '/buy' }
        map { decoded($_) } split /\n/, $text->() };

    wait_for(sub { scalar($records->()) == sum(values %expected) });

    my %seen;
    $seen{"$_->{client} $_->{verdict} $_->{status}"}++ for $records->();

    is_deeply(\%seen, \%expected,
        'each order has its line of JSON, with the address of the client');
    unlike($text->(), qr/SECRET/, 'and without a secret');

    return;
}


sub watched {
    my $prometheus = run('prometheus', 'prometheus', read_only => 0);
    my $ask = sub { json("http://$ADDRESS{prometheus}:9090/api/v1/$_[0]")
                    ->{data} // {} };
    my $up = sub { join ' ', sort map { "$_->{labels}{instance}=$_->{health}" }
                   @{ $ask->('targets')->{activeTargets} // [] } };
    my $both = 'edge1:9145=up edge2:9145=up';

    wait_for(sub { $up->() eq $both }, 30) or diag($prometheus->output);
    is($up->(), $both, 'Prometheus reads the metrics');

    my $rules = sub { map { @{ $_->{rules} } }
                      @{ $ask->('rules')->{groups} // [] } };

    wait_for(sub { my @r = $rules->();
                   @r && !grep { $_->{health} ne 'ok' } @r }, 30);
    is(join(' ', map { "$_->{name}: " . ($_->{lastError} // 'unknown') }
            grep { $_->{health} ne 'ok' } $rules->()), '',
        'its rules can be evaluated');
    cmp_ok(scalar($rules->()), '>=', 5, 'there are some');

    return;
}


# A crowd at the door: asks for the page again and again until it is told to
# stop; returns the function that does so, and gives the statuses.
sub crowd {
    pipe my $out, my $in or die "no pipe: $!\n";

    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        my ($stop, %seen) = (0);

        local $SIG{TERM} = sub { $stop = 1 };
        until ($stop) {
            $seen{ $http->get("$SHOP/")->{status} }++;
            sleep 0.005;
        }
        print {$in} JSON::PP::encode_json(\%seen);
        close $in;
        POSIX::_exit(0);
    }

    close $in;

    return sub {
        kill 'TERM', $pid;
        my $text = do { local $/; <$out> };
        waitpid $pid, 0;

        return decoded($text);
    };
}


# An order that takes long, in a process of its own; the function waits for
# its status.
sub slow_order {
    pipe my $out, my $in or die "no pipe: $!\n";

    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        syswrite $in, buy()->{status};
        POSIX::_exit(0);
    }

    close $in;

    return sub { my $status = <$out>; waitpid $pid, 0; return $status };
}


# One edge is taken out, as docs/deploy.md says, in the middle of an order.
sub drains {
    my ($edge1, $edge2) = @_;

    # edge2 is out first, so that the order is with edge1
    $edge2->execute('touch', '/tmp/drain');
    ok(wait_for(sub { !healthy($edge2) }), 'the drain file says: not well');
    wait_for(sub { balanced('edge2', 'DOWN') });

    $http->post("$ORIGIN/faults?mode=slow&share=1&factor=600&for=60s");

    my $before = orders();
    my $ended = crowd();

    sleep 3;                            # until the budget has grown back

    my $order = slow_order();

    ok(wait_for(sub { json("$ORIGIN/stats")->{in_service} }),
        'the origin works on an order');
    $edge2->execute('rm', '/tmp/drain');
    ok(wait_for(sub { healthy($edge2) }), 'the file removed, all is well');
    wait_for(sub { balanced('edge2', 'UP') });

    $edge1->execute('touch', '/tmp/drain');
    wait_for(sub { balanced('edge1', 'DOWN') });
    ok($edge1->signal($edge1->{image}{signal}), 'one is told to stop');
    ok(wait_for(sub { !IO::Socket::INET->new(
        PeerAddr => "$ADDRESS{edge1}:8080") }), 'it lets nobody in');
    is(json("$ORIGIN/stats")->{in_service}, 1, 'while the order is under way');
    is($order->(), 200, 'which then is answered');
    is($edge1->ended(30), 0, 'and nginx ends, with status 0');
    is(orders(), $before + 1, 'one order was made');
    is_deeply([ keys %{ $ended->() } ], [200], 'the crowd has noticed nothing');

    return;
}


# What the balancer has written last about one of the edges.
sub balanced {
    my ($name, $state) = @_;

    my ($balancer) = grep { $_->{name} eq 'balancer' } @running;
    my @said = $balancer->output =~ m{edges/$name is (UP|DOWN)}g;

    return @said && $said[-1] eq $state;
}


# but for those about what was not there on purpose
sub complaints {
    my ($service) = @_;

    return grep { /\[(?:alert|emerg|crit|error)\]/
                  && !/failed \(2: No such file/ }
           split /^/, $service->output;
}


# without what ends a customer's stay with the order
my $origin = run('origin', 'origin', arguments =>
    [ @{ $STORE->image('origin')->{cmd} }, qw(--base 10ms --sigma 0 --field),
      'X-Origin: demo' ]);

ok(wait_for(sub { %{ json("$ORIGIN/stats") } }), 'the origin is up')
    or BAIL_OUT($origin->output);

# what the service "keys" leaves in its volume
my %keys = (files => { '/var/lib/admission/keys' => 'k1:' . 'a1' x 32 . "\n" });

my $redis = run('redis', 'redis', read_only => 0);
my $stock = YAML::XS::LoadFile("$ROOT/docker/compose.yml")->{services}{stock};

is($redis->execute(map { s/\$\$/\$/gr } @{ $stock->{command} }), 0,
    'a hundred lamps are on the shelf');

my @edges = map { run($_, 'edge', %keys) } qw(edge1 edge2);

starts('edge1', $edges[0]);
starts('edge2', $edges[1]);
run('balancer', 'balancer');
one_shelf($redis, serves(@edges));
watched();
drains(@edges);

is(join('', complaints($_)), '', 'no complaints in its log') for @edges;

$_->remove for @running;
done_testing();


END { if ($ENV{ADM_ENTERED}) { local $?; $_->signal('KILL') for @running } }
