#!/usr/bin/perl

# A Redis that lies.  What listens at the store's address may be another
# program, an older server, a proxy that cuts, a server that answers nothing
# or answers something else: none of it may crash a worker, keep a shopper
# waiting, fill memory or the log, or be taken for a permission.  Each kind is
# told apart in the metrics, the policy of the configuration decides in its
# place, and as soon as the server is sane all is as before.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Test::More;
use Time::HiRes qw(sleep time);

use AdmFakeRedis ();
use AdmHttp qw(fetch request_text);
use AdmNginx qw(becomes wait_for);
use AdmRest ();
use AdmShopper ();


my $HTTP = <<'END';
    admission_redis %{redis} timeout=5s claim_timeout=5s connect_timeout=5s;
    admission_redis_circuit failures=1000;
    admission_secret_file %{keys};
    admission_rate one $arg_k rate=1r/h burst=4 scope=exact;
    access_log off;

    server {
        listen 127.0.0.1:%{h1};

        location = /status { admission_status; }

        location = /local { alias %{dir}/html/hello; admission_limit one; }

        location = /open {
            alias %{dir}/html/hello;
            admission_limit one;
            admission_on_store_failure rate=open;
        }

        location = /closed {
            alias %{dir}/html/hello;
            admission_limit one;
            admission_on_store_failure rate=closed;
        }
    }
END

# kB that a worker may grow by, whatever it is told; sanitizers keep what is
# freed
my $GROWTH = $ENV{ADM_SANITIZER_LOG} ? undef : 16_384;

# lines of the log
my $ABOUT = qr/ redis "/;

my $GOOD = AdmFakeRedis::good_rate();
my $LONG = 'x' x 1000;

# what is no reply, and what hiredis alone would wait for, or make room for
my %RUBBISH = (
    'two billion elements' => "*2147483647\r\n",
    'more elements than there are numbers' => "*99999999999999999999\r\n",
    'an array of -2' => "*-2\r\n",
    'a string of -2' => "\$-2\r\n",
    'a number too large' => ":99999999999999999999\r\n",
    'a number that is none' => ":1x\r\n",
    'no number' => ":\r\n",
    'ten deep' => "*1\r\n" x 10 . ":1\r\n",
    'a string of 512 MiB' => "\$536870912\r\n",
    'a string of 1 MiB and more' => "\$1100000\r\n",
    'a length that is none' => "\$5x\r\nhello\r\n",
    'words' => "hello, world\r\n",
    'an answer of HTTP' =>
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    'NULs' => "\0\0\0\0\r\n",
    'an empty line' => "\r\n",
    'a map of RESP3' => "%1\r\n+a\r\n:1\r\n",
    'an extra reply' => $GOOD x 20,
    'a line without an end' => [['+', 1], [$LONG, 40]],
    'an error without an end' => [['-ERR ', 1], [$LONG, 40]],
    'arrays of more than 65536' => [["*2\r\n*65000\r\n", 1],
        [":1\r\n", 65_000], ["*65000\r\n", 1], [":1\r\n", 65_000]],
    'many long strings' => [["*60000\r\n", 1],
        ["\$1000\r\n$LONG\r\n", 4000]],
);

# replies, but not of the kind that is expected
my %STRANGE = (
    'a status' => "+OK\r\n",
    'an empty status' => "+\r\n",
    'a number' => ":1\r\n",
    'a string' => "\$2\r\nhi\r\n",
    'an empty string' => "\$0\r\n\r\n",
    'a nil' => "\$-1\r\n",
    'a nil array' => "*-1\r\n",
    'an empty array' => "*0\r\n",
    'a short array' => "*3\r\n" . ":0\r\n" x 3,
    'a long array' => "*5\r\n" . ":0\r\n" x 5,
    'a string for a number' => "*4\r\n" . ":0\r\n" x 3 . "\$1\r\n0\r\n",
    'a nil for a number' => "*4\r\n\$-1\r\n" . ":0\r\n" x 3,
    'an error for a number' => "*4\r\n-ERR no\r\n" . ":0\r\n" x 3,
    'arrays for numbers' => "*4\r\n" . "*1\r\n:0\r\n" x 4,
    'a number below nothing' => "*4\r\n:-1\r\n" . ":0\r\n" x 3,
    'a number above all' => "*4\r\n:9223372036854775807\r\n"
        . ":0\r\n" x 3,
    'nine deep' => "*1\r\n" x 6 . ":1\r\n",
);

# what a server of ours said when it was made to (7.0.15): the reply, and the
# outcome
my %ERRORS = (
    LOADING => [loading => 'Redis is loading the dataset in memory'],
    READONLY => [readonly =>
        "You can't write against a read only replica. script: abc"],
    MASTERDOWN => [readonly => "Link with MASTER is down and "
        . "replica-serve-stale-data is set to 'no'."],
    OOM => [oom => "command not allowed when used memory > 'maxmemory'."],
    BUSY => [busy => 'Redis is busy running a script. You can only call '
        . 'SCRIPT KILL or SHUTDOWN NOSAVE.'],
    NOSCRIPT => [noscript => 'No matching script. Please use EVAL.'],
    MISCONF => [misconf => 'Errors writing to the AOF file: No space left on '
        . 'device'],
    NOREPLICAS => [noreplicas => 'Not enough good replicas to write.'],
    NOAUTH => [noauth => 'Authentication required.'],
    NOPERM => [noauth => 'this user has no permissions to run the command'],
    WRONGTYPE => [wrongtype => 'Operation against a key holding the wrong '
        . 'kind of value'],
    CLUSTERDOWN => [cluster => 'Hash slot not served'],
    MOVED => [cluster => '1 127.0.0.1:1'],
    CROSSSLOT => [cluster => "Keys in request don't hash to the same slot"],
    ERR => [error => 'max number of clients reached'],
    BUSYKEY => [error => 'Target key name already exists.'],
    '' => [error => ''],
);

# commands of the greeting, and whether all depends on them
my %GREETING = (CLIENT => 0, ROLE => 1, SCRIPT => 1);

my $keys = File::Temp->new;
print {$keys} AdmShopper::key_file();
close $keys;

my $fake = AdmFakeRedis->start;
my $nginx = AdmNginx->start(http => $HTTP,
    vars => { keys => "$keys", redis => $fake->uri });

my ($key, $longest, $asked) = (0, 0, 0);


sub outcomes {
    my $metrics = $nginx->metrics;

    return { map { /^store_trips_total\{command="rate",outcome="(\w+)"/
                   ? ($1 => $metrics->{$_}) : () } keys %$metrics };
}


# One request for each policy, together: their statuses.
sub ask_all {
    my @clients = map { AdmHttp->connect($nginx->port('h1')) } 1 .. 3;
    my $began = time;

    $key++;

    for my $path (qw(local open closed)) {
        my $client = $clients[$path eq 'local' ? 0 : $path eq 'open' ? 1 : 2];

        $client->send(request_text('GET', "/$path?k=$path-$key"));
    }

    my @said = map { my $answer = $_->answer;
                     $answer ? $answer->{status} : 'none' } @clients;
    my $waited = time - $began;

    $asked += 3;
    $longest = $waited if $waited > $longest;

    return "@said";
}


# As soon as it is sane, everybody is let in by it.
sub sane_again {
    $fake->does;

    return wait_for(sub { $key++;
        (fetch($nginx->port('h1'), "/closed?k=$key")
         // { status => 0 })->{status} == 200 });
}


# A deed at each EVALSHA of a rate, and what has to become of it.
sub case {
    my ($name, $deed, $outcome, $expected) = @_;

    my $before = outcomes();

    $fake->does('EVALSHA rate' => $deed, 'EVAL rate' => $deed);

    my $said = ask_all();
    my $now = outcomes();
    my %more = map { $_ => $now->{$_} - ($before->{$_} // 0) } keys %$now;
    my $sum = 0;

    $sum += $_ for values %more;

    # of three that go out together the first may end the connection for all
    my $right = ($more{$outcome} // 0) >= 1 && $sum == 3
                && !grep { $more{$_} && $_ !~ /^(?:$outcome|lost|down)$/ }
                    keys %more;

    my $told = join ' ', map { "$_ $more{$_}" } grep { $more{$_} } sort
               keys %more;

    is($said, $expected // '200 200 503', "$name: by the policy's word");
    ok($right, "$name: counted as $outcome") or diag("counted: $told");
    ok(sane_again(), "$name: and all is well again");

    return;
}


# Only a connection's end tells that there is no more to come.
sub cut_anywhere {
    my ($wrong, $lame) = (0, 0);

    for my $n (0 .. length($GOOD) - 1) {
        $fake->does('EVALSHA rate' => { cut => $n, then => 'close' });
        $wrong++ if ask_all() ne '200 200 503';
        $lame++ unless sane_again();
    }

    is($wrong, 0, 'cut after any number of bytes: by the policy\'s word');
    is($lame, 0, '... and all is well again');

    return;
}


# Until now there was none: the next one meets it.
sub greeted {
    my ($name, %deeds) = @_;

    my $harmless = delete $deeds{harmless};

    $fake->does(%deeds);
    $fake->hang_up;

    my $before = $fake->heard('connect');

    # it has been tried, and found out what it is
    wait_for(sub { $fake->heard('connect') > $before });
    wait_for(sub { $nginx->metric('store_up') == 1 }) if $harmless;

    is(ask_all(), $harmless ? '200 200 200' : '200 200 503', $name);
    ok(sane_again(), "$name: and all is well again");

    return;
}


# Another node, which does not wait for long.
sub impatient {
    my ($ms, $circuit) = @_;

    $fake->does;
    $nginx = AdmNginx->start(http => $HTTP
        =~ s/\b((?:claim_)?timeout)=5s/$1=${ms}ms/gr
        =~ s/connect_timeout=5s/connect_timeout=300ms/r
        =~ s/failures=1000/$circuit/r,
        vars => { keys => "$keys", redis => $fake->uri });
    sane_again() or die "no Redis\n";

    return;
}


# What is not answered at all: each costs a time-out.
sub silent {
    impatient(300, 'failures=1000');

    case('says nothing', { cut => 0 }, 'timeout');
    case('says half of it', { cut => 10 }, 'timeout');
    greeted("greeting, $_: says nothing", $_ => { cut => 0 })
        for sort keys %GREETING;
    greeted('takes connections, nothing else', connect => { then => 'silent' });

    $nginx->finish;

    return;
}


# Until a circuit is open everybody waits, then nobody does, until it closes.
sub stalls {
    my ($name, $timeout, %deeds) = @_;

    impatient($timeout, 'failures=4 open=100ms max_open=200ms');
    $fake->does(%deeds);

    my $before = $asked;
    my $open = wait_for(sub { ask_all();
        $nginx->metric('circuit_state') == 1 }, 20);

    ok($open, "$name: the circuit opens");
    diag(sprintf '%s: after %d requests', $name, $asked - $before);

    ok(sane_again(), "$name: and all is well again");
    is($nginx->wait_metric('circuit_state', 0), 0, "$name: it is closed");
    $nginx->finish;

    return;
}


sane_again() or die "no Redis\n";

my $rest = AdmRest->of($nginx, links => sub { $fake->heard('open') });
my ($worker) = $nginx->serving;
my $size = AdmRest::memory_kb($worker);

is(ask_all(), '200 200 200', 'it grants');

$fake->does('EVALSHA rate' => { say => "hello\r\n" });
is(fetch($nginx->port('h1'), '/closed?k=one')->{status}, 503, 'or does not');
becomes(sub { scalar $rest->lines(qr/redis.* sent what is no reply/) }, 1,
    'of which the log has a line');
ok(sane_again(), 'and it grants again');

case($_, { say => $RUBBISH{$_} }, $_ eq 'an extra reply' ? 'ok' : 'lost',
     $_ eq 'an extra reply' ? '200 200 200' : undef) for sort keys %RUBBISH;

cmp_ok(AdmRest::memory_kb($worker) - $size, '<', $GROWTH,
    'and the worker has not grown') if $GROWTH;

case($_, { say => $STRANGE{$_} }, 'malformed') for sort keys %STRANGE;

case("-$_", { say => "-$_ $ERRORS{$_}[1]\r\n" }, $ERRORS{$_}[0])
    for sort keys %ERRORS;

case('closes', { cut => 0, then => 'close' }, 'lost');
case('resets', { cut => 0, then => 'reset' }, 'lost');
case('byte by byte', { pace => 0.001 }, 'ok', '200 200 200');
cut_anywhere();

for my $command (sort keys %GREETING) {
    greeted("greeting, $command: $_", $command => { say => $RUBBISH{$_} })
        for 'words', 'two billion elements', 'a string of 512 MiB';

    greeted("greeting, $command: -$_",
        harmless => !$GREETING{$command} || ($command eq 'ROLE'),
        $command => { say => "-$_ $ERRORS{$_}[1]\r\n" })
        for qw(NOPERM ERR);

    greeted("greeting, $command: closes",
        $command => { cut => 0, then => 'close' });
}

greeted('greeting, ROLE: a replica',
    ROLE => { say => "*5\r\n\$5\r\nslave\r\n\$1\r\na\r\n:1\r\n+a\r\n:1\r\n" });
greeted("greeting, ROLE: $_", ROLE => { say => $STRANGE{$_} })
    for 'a nil', 'an empty array', 'arrays for numbers', 'a nil for a number';
greeted("greeting, SCRIPT: -$_",
    SCRIPT => { say => "-$_ $ERRORS{$_}[1]\r\n" })
    for qw(LOADING OOM BUSY NOAUTH MASTERDOWN);
greeted('speaks before it is asked', connect => { say => $GOOD });
greeted('has too many clients',
    connect => { say => "-ERR max number of clients reached\r\n",
                 then => 'close' });
greeted('hangs up', connect => { then => 'close' });

diag(sprintf '%d requests, the longest %.0f ms; %s',
    $asked, $longest * 1000, $rest->cost);

# a second buys a line, and three may come at once
cmp_ok(scalar $rest->lines($ABOUT), '<=', $rest->seconds + 4,
    'a line a second in the log, not one for each request');

# refusals are summed up: two lines a second
my @other = grep { !/$ABOUT/ && !/admission: fail by/ } $rest->lines(qr/ /);

is("@other", '', 'and no other');

is(AdmRest::memory_kb($worker) > 0, 1, 'the worker is the one that it was');
cmp_ok(AdmRest::memory_kb($worker) - $size, '<', $GROWTH,
    '... and of that size') if $GROWTH;
$rest->is_again('after all that');

$nginx->finish;

silent();

# one that does not answer costs a time-out, and not each request one: the
# same for one that only seems to, for one that is polite, and if a time-out
# is so long that few of them fit between two connections
stalls('says nothing', 80, 'EVALSHA rate' => { cut => 0 },
       'EVALSHA probe' => { cut => 0 });
stalls('says nothing, for long', 400, 'EVALSHA rate' => { cut => 0 },
       'EVALSHA probe' => { cut => 0 });
stalls('is never done', 80, map { ("EVALSHA $_" => { pace => 0.06 }) }
       qw(rate probe rate_back));

done_testing();
