package AdmConformance;

# What every keeper of the store promises, told over HTTP on two workers: the
# same stories on the memory of one node, on Redis, and on a Redis Cluster.
#
#     AdmConformance->new(name => 'redis', redis => [$redis],
#         conf => 'admission_redis ' . $redis->uri . ';')->run;
#
# name     for the names of tests
# conf     what makes it the store, in "http"; nothing for the memory here
# redis    the servers (AdmRedis) behind it, if there are any
# apart    two keys of clients, in different places if there are such
# inexact  units of a hundred that may stay charged, of those that were taken
#          and given back by many at the same moment
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Temp ();
use Test::More;
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(becomes wait_for);
use AdmShopper qw(payload_of set_cookies);

# Times are long enough that a busy machine is no fault.
our $REDIS = 'timeout=8s claim_timeout=8s connect_timeout=8s';

my $HTTP = <<'END';
    %{store}

    admission_secret_file %{keys};

    admission_rate many   $arg_a rate=1r/h burst=99 scope=exact;
    admission_rate some   $arg_b rate=1r/h burst=4 scope=exact;
    admission_rate costly $arg_k rate=1r/h burst=99 scope=exact;
    admission_rate brief  $arg_k rate=2r/s burst=1 scope=exact;
    admission_rate peer   $binary_remote_addr rate=1r/h burst=0 scope=exact;
    admission_rate odd    $http_x_key rate=1r/h burst=0 scope=exact;
    admission_rate once   $arg_k rate=1r/h burst=0 scope=exact;
    admission_rate local  $arg_n rate=1r/h burst=0;
    admission_rate second $arg_c rate=1r/h burst=9 scope=exact;
    admission_rate moves  $arg_k %{moves} scope=exact;

    admission_room drop { mode always; rate 500r/s; }

    access_log off;
    keepalive_requests 100000;
    large_client_header_buffers 4 32k;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Peer;

    server {
        listen 127.0.0.1:%{h1} backlog=1024 reuseport;   # both get some

        add_header X-Pid $pid always;
        add_header X-Remaining "<$admission_remaining>" always;
        add_header X-Verdict "$admission_verdict $admission_reason" always;
        add_header X-Trips $admission_trips always;

        location = /status { admission_status; }

        location / { alias %{dir}/html/hello; }

        location = /many {
            alias %{dir}/html/hello;
            admission_limit many cost=$arg_n;
        }

        location = /some {
            alias %{dir}/html/hello;
            admission_limit some cost=$arg_n;
        }

        location = /both {
            alias %{dir}/html/hello;
            admission_limit many;
            admission_limit some;
        }

        location = /both/closed {
            alias %{dir}/html/hello;
            admission_limit many;
            admission_limit some;
            admission_on_store_failure rate=closed;
        }

        location = /costly {
            alias %{dir}/html/hello;
            admission_limit costly cost=$arg_n;
        }

        location = /behind {
            alias %{dir}/html/hello;
            admission_limit many;
            admission_limit local;
        }

        location /once {
            alias %{dir}/html/hello;
            admission_limit once;

            location = /once/open {
                alias %{dir}/html/hello;
                admission_on_store_failure rate=open;
            }

            location = /once/closed {
                alias %{dir}/html/hello;
                admission_on_store_failure rate=closed;
            }
        }

        location = /brief { alias %{dir}/html/hello; admission_limit brief; }
        location = /peer { alias %{dir}/html/hello; admission_limit peer; }
        location = /odd { alias %{dir}/html/hello; admission_limit odd; }

        location = /moves {
            alias %{dir}/html/hello;
            admission_limit moves cost=$arg_n;
        }

        location /line { admission_room_api drop; }

        location = /shop {
            alias %{dir}/html/hello;
            admission_wait drop;
        }

        location = /rehearsed {
            alias %{dir}/html/hello;
            admission dry_run;
            admission_limit second;
        }

        location = /played {
            alias %{dir}/html/hello;
            admission_limit second cost=$arg_n;
        }
    }
END


sub new {
    my ($class, %option) = @_;

    my $self = bless {
        conf => '', redis => [], apart => ['left', 'right'], inexact => 0,
        %option,
    }, $class;

    # made for the owner alone, as it has to be
    $self->{keys} = File::Temp->new;
    print { $self->{keys} } AdmShopper::key_file();
    close $self->{keys};

    $self->{vars} = { store => $self->{conf}, moves => 'rate=1r/h burst=4',
                      keys => "$self->{keys}" };

    return $self;
}


# All stories, the end of nginx included.
sub run {
    my ($self) = @_;

    my $nginx = AdmNginx->start(workers => 2, http => $HTTP,
        vars => $self->{vars});

    $self->{nginx} = $nginx;

    for (qw(to_the_unit all_or_nothing apart refused_together costs truth
            behind rehearsal odd_keys empty_keys changed_rate
            numbers_in_line claims)) {
        subtest("$self->{name}: $_" => sub { $self->$_ });
    }

    if (@{ $self->{redis} }) {
        for (qw(one_command keys_as_told left_asleep spoilt half_spoilt)) {
            subtest("$self->{name}: $_" => sub { $self->$_ });
        }
    }

    $nginx->finish;

    return;
}


# Asking

# All these paths over so many connections at once: { STATUS => number }, and
# of the workers that answered.
sub crowd {
    my ($self, $connections, @paths) = @_;

    my @clients = map { AdmHttp->connect($self->{nginx}->port('h1')) }
                  1 .. $connections;
    my (%count, %pid, @asked);

    while (@paths) {
        for my $i (0 .. $#clients) {
            my @part = splice @paths, 0, 10;

            $asked[$i] += @part;
            $clients[$i]->send(join '', map { request_text('GET', $_) } @part);
        }
    }

    for my $i (0 .. $#clients) {
        for (1 .. $asked[$i]) {
            my $answer = $clients[$i]->answer(30) // last;

            $count{ $answer->{status} }++;
            $pid{ $answer->{field}{'x-pid'} }++;
        }
    }

    return (\%count, scalar keys %pid);
}


sub ask {
    my ($self, $path, %option) = @_;

    return fetch($self->{nginx}->port('h1'), $path, %option)
        // { status => 0, field => {} };
}


sub statuses {
    my ($self, @paths) = @_;

    return join ' ', map { $self->ask($_)->{status} } @paths;
}


# What is left of a budget, by a request that costs nothing.
sub remaining {
    my ($self, $path) = @_;

    my $said = $self->ask("$path&n=0")->{field}{'x-remaining'} // '';

    return $said =~ /^<(\d+)>$/ ? $1 : "\"$said\"";
}


# Tests what is left; what is given back may be a moment on its way.
sub remaining_is {
    my ($self, $path, $units, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return becomes(sub { $self->remaining($path) }, $units, $name);
}


# The key of a client's budget, and its server.
sub key {
    my ($rate, $client) = @_;

    return 'adm:rate:{' . substr(sha256_hex($client), 0, 32) . "}:$rate";
}


sub server_of {
    my ($self, $key) = @_;

    my @servers = @{ $self->{redis} };

    return $servers[0] if @servers == 1;

    for my $server (@servers) {
        return $server if eval { $server->command('EXISTS', $key); 1 };
    }

    return die "no server has $key\n";
}


sub trips { return $_[0]{nginx}->metric('store_trips_total', @_[1 .. $#_]) }


# The stories

# However many ask at the same moment, and whichever worker.
sub to_the_unit {
    my ($self) = @_;

    my ($count, $workers) = $self->crowd(40, ('/many?a=unit') x 1600);

    is($workers, 2, 'both workers have decided');
    is_deeply($count, { 200 => 100, 429 => 1500 }, 'as many as are allowed');

    ($count) = $self->crowd(20, map { "/some?b=unit$_" } (1 .. 20) x 20);

    is_deeply($count, { 200 => 100, 429 => 300 }, 'clients do not mix');

    return;
}


# Several limits: a request that one refuses takes nothing of the others.
sub all_or_nothing {
    my ($self) = @_;

    $self->crowd(1, ('/some?b=full') x 5);

    is($self->statuses('/both?a=whole&b=full'), 429, 'one of two refuses');
    $self->remaining_is('/many?a=whole', 100, 'the other takes nothing');
    is($self->statuses('/both?a=whole&b=room'), 200, 'both let through');
    is($self->remaining('/many?a=whole'), 99, 'and one is charged');
    is($self->remaining('/some?b=room'), 4, 'as is the other');

    my $answer = $self->ask('/both?a=whole&b=full');

    like($answer->{field}{'ratelimit-policy'} // '', qr/^"some";q=5;/,
        'who refuses is told');

    return;
}


# The same where the two budgets are not in one place.
sub apart {
    my ($self) = @_;

    my ($left, $right) = @{ $self->{apart} };
    my $both = "a=$left&b=$right";

    my ($count) = $self->crowd(20, ("/both?$both") x 200);

    is_deeply($count, { 200 => 5, 429 => 195 }, 'the smaller one decides');

    my $rest;

    wait_for(sub { ($rest = $self->remaining("/many?a=$left")) eq 95 });

    cmp_ok($rest, '<=', 95, 'what passed is charged');
    cmp_ok($rest, '>=', 95 - $self->{inexact}, 'what did not is not');

    return;
}


# Many at once, none of which passes, hold what they cannot have for a moment.
sub refused_together {
    my ($self) = @_;

    my ($left, $right) = @{ $self->{apart} };
    my $before = $self->remaining("/many?a=$left");

    is($self->statuses("/some?b=$right"), 429, 'one of two is used up');

    my ($count) = $self->crowd(20, ("/both?a=$left&b=$right") x 600);

    is_deeply($count, { 429 => 600 }, 'nobody passes');

    my $rest;

    wait_for(sub { ($rest = $self->remaining("/many?a=$left")) eq $before });

    cmp_ok($rest, '>=', $before - $self->{inexact}, 'the other is not used');
    cmp_ok($rest, '<=', $before, 'nor is there more than before');

    return;
}


sub costs {
    my ($self) = @_;

    my ($count) = $self->crowd(20, ('/costly?k=c&n=7') x 200);

    is_deeply($count, { 200 => 14, 429 => 186 }, 'costs are whole or not');
    is($self->statuses(('/costly?k=c&n=1') x 3), '200 200 429',
        'the rest is left');
    is($self->statuses('/costly?k=c&n=0'), 200, 'what costs nothing passes');

    my $answer = $self->ask('/costly?k=other&n=101');

    is($answer->{status}, 429, 'more than is ever allowed');
    is($answer->{field}{'x-verdict'}, 'limit cost', 'which is told');
    is($answer->{field}{'retry-after'}, undef, 'there is no time to wait for');
    is($self->remaining('/costly?k=other'), 100, 'nothing is charged');

    return;
}


# Who comes back when told to passes.
sub truth {
    my ($self) = @_;

    my $answer;

    for (1 .. 50) {
        $answer = $self->ask('/brief?k=t');
        last if $answer->{status} == 429;
    }

    my $told = $answer->{field}{'retry-after'} // 0;

    is($answer->{status}, 429, 'over the limit');
    is($answer->{field}{'ratelimit-policy'}, '"brief";q=2;w=1',
        'the policy is told');
    like($answer->{field}{ratelimit} // '', qr/^"brief";r=0;t=[1-9]\d*$/,
        'what is left, and until when');
    cmp_ok($told, '>=', 1, "told to wait $told s");

    sleep $told;
    is($self->statuses('/brief?k=t'), 200, 'who waited so long passes');

    return;
}


# A local limit that refuses costs no trip and no unit.
sub behind {
    my ($self) = @_;

    my $first = $self->ask('/behind?a=b&n=x');
    my $second = $self->ask('/behind?a=b&n=x');

    is("$first->{status} $second->{status}", '200 429', 'once and no more');
    is($first->{field}{'x-trips'}, 1, 'one trip for who passes');
    is($second->{field}{'x-trips'} // '', 0, 'none for who does not');
    is($self->remaining('/many?a=b'), 99, 'and one unit');

    return;
}


sub rehearsal {
    my ($self) = @_;

    my @said = map { $self->ask('/rehearsed?c=d') } 1 .. 12;

    is(join(' ', map { $_->{status} } @said), join(' ', (200) x 12),
        'a rehearsal lets everybody through');
    is((grep { $_->{field}{'x-verdict'} eq 'limit rate' } @said), 2,
        'and says whom it would not have');
    is($self->remaining('/played?c=d'), 10, 'the real budget is untouched');

    return if !@{ $self->{redis} };

    my $key = key('second', 'd');
    my $server = $self->server_of($key);

    is($server->command('EXISTS', $key), 0, 'nor is it in Redis');
    is($server->command('EXISTS', "$key~dry"), 1, 'but its shadow is');

    return;
}


# A key is bytes, of any number: one is never another.
sub odd_keys {
    my ($self) = @_;

    my @keys = ("\xff", "\xff\xfe", "\xc3\x28", '{', '}', '{}', '{a}', '}{',
        '{a}b', 'a{a}', '~dry', 'x~dry', 'x', '*', "a\tb", 'a:b', 'a b',
        'x' x 8192, 'x' x 8191 . 'y', 'x' x 8193);

    for (1, 2) {
        my @said = map {
            $self->ask('/odd', fields => "X-Key: $_\r\n")->{status}
        } @keys;

        is("@said", join(' ', ($_ == 1 ? 200 : 429) x @keys),
            $_ == 1 ? 'each is a client of its own'
                    : 'and the same when it comes again');
    }

    # the address as bytes: most are zero

    my @peers = map {
        $self->ask('/peer', fields => "X-Peer: $_\r\n")->{status}
    } qw(0.0.0.1 0.0.0.2 0.1.0.1 10.0.0.1 10.0.0.2 10.0.0.1);

    is("@peers", '200 200 200 200 200 429', 'nor does a key end at a zero');

    return;
}


sub empty_keys {
    my ($self) = @_;

    is($self->statuses(('/once', '/once?k=') x 2), '200 200 200 200',
        'nobody\'s key is not limited');
    is($self->statuses(('/both?a=e') x 3), '200 200 200',
        'beside a limit that is');
    is($self->remaining('/many?a=e'), 97, 'which is charged');

    return;
}


# Budgets stay over a reload, as they fit the new numbers.
sub changed_rate {
    my ($self) = @_;

    is($self->statuses(('/moves?k=m') x 3), '200 200 200', 'three of five');

    $self->reload('rate=1r/h burst=9');
    is($self->remaining('/moves?k=m'), 7, 'a larger burst: seven of ten left');

    $self->reload('rate=1r/h burst=3');
    is($self->remaining('/moves?k=m'), 1, 'a smaller one: one of four');
    is($self->statuses(('/moves?k=m') x 2), '200 429', 'which is the last');

    $self->reload('rate=100r/s burst=4');
    is($self->statuses('/moves?k=m'), 200,
        'a faster rate: what the slower one charged does not hold for hours');

    return;
}


sub reload {
    my ($self, $moves) = @_;

    my $nginx = $self->{nginx};

    $self->{vars}{moves} = $moves;
    $nginx->configure(vars => $self->{vars});
    $nginx->reload or die "nginx did not take $moves\n";

    return;
}


# Somebody new at the room, and what became of the request.
sub joined {
    my ($self) = @_;

    my $s = AdmShopper->new($self->{nginx});

    return ($s, AdmShopper::decode($s->post('/line/join')));
}


# Numbers are given once, without gaps, whoever gives them.
sub numbers_in_line {
    my ($self) = @_;

    # a store that is asked for the first time may need a moment

    wait_for(sub { ($self->joined)[1]{state} =~ /^(?:waiting|called)$/ });

    my @clients = map { AdmHttp->connect($self->{nginx}->port('h1')) } 1 .. 60;
    my (%pid, @numbers);

    $_->send(request_text('POST', '/line/join')) for @clients;

    for my $client (@clients) {
        my $answer = $client->answer(20) or next;
        my $said = AdmShopper::decode($answer);

        $pid{ $answer->{field}{'x-pid'} }++;
        push @numbers, payload_of($said->{token})->{sub};
    }

    @numbers = sort { $a <=> $b } grep { defined } @numbers;

    is(scalar keys %pid, 2, 'both workers give numbers');
    is("@numbers", join(' ', $numbers[0] .. $numbers[0] + 59),
        'sixty, one after the other');

    return;
}


# A called ticket is good for one pass, however often and wherever it is shown.
sub claims {
    my ($self) = @_;

    my ($s) = $self->joined;
    my $nginx = $self->{nginx};
    my $claimed = $nginx->metric('room_claimed_total', room => 'drop');

    is($s->poll_until('/shop', 'called')->{state}, 'called', 'called');

    my $fields = 'Cookie: ' . $s->cookies . "\r\n";
    my @clients = map { AdmHttp->connect($nginx->port('h1')) } 1 .. 16;

    $_->send(request_text('GET', '/shop', fields => $fields)) for @clients;

    my @answers = map { $_->answer(20) } @clients;
    my %pass;

    for (map { set_cookies($_) } @answers) {
        my $payload = payload_of($_->{value});

        $pass{"$payload->{sub} $payload->{jti} $payload->{exp}"}++;
    }

    is((grep { $_->{status} == 200 } @answers), 16, 'all of them are let in');
    is_deeply([values %pass], [16], 'by one pass');
    is($nginx->wait_metric('room_claimed_total', $claimed + 1), $claimed + 1,
        'which is counted once');

    my ($again) = set_cookies($self->ask('/shop', fields => $fields));
    my $payload = payload_of($again->{value});

    is_deeply([keys %pass], ["$payload->{sub} $payload->{jti} $payload->{exp}"],
        'and is the same a moment later');

    return;
}


# The stories of a store that is somewhere else

# All limits of a request whose budgets are together are one command.
sub one_command {
    my ($self) = @_;

    my $trips = sub { $self->trips(command => 'rate', outcome => 'ok') };
    my $before = $trips->();

    $self->ask('/both?a=same&b=same');

    # who is answered may ask before it is counted
    wait_for(sub { $trips->() > $before });
    is($trips->() - $before, 1, 'two limits by one key: one command');

    is($self->ask('/once?k=trips')->{field}{'x-trips'}, 1, 'one trip');

    return;
}


# Operators find a client's budget where it is documented, and it goes away.
sub keys_as_told {
    my ($self) = @_;

    $self->ask('/once?k=told');

    my $key = key('once', 'told');
    my $server = $self->server_of($key);
    my $left = $server->command('PTTL', $key);

    my ($tat, $refunded, $since) = unpack 'd<3', $server->command('GET', $key);

    is($tat - $since, 3600 * 16_000_000, 'the value of a budget');
    is($refunded, 0, 'of which nothing was given back');
    cmp_ok($left, '>', 3_500_000, "it is there for the hour: $left ms");
    cmp_ok($left, '<', 3_603_000, 'and not for much longer');

    $self->ask('/brief?k=told');
    $key = key('brief', 'told');
    $server = $self->server_of($key);
    cmp_ok($server->command('PTTL', $key), '<', 3000,
        'a budget that is soon whole goes soon');

    my @keys = map { @{ $_->command('KEYS', '*') } } @{ $self->{redis} };
    my @lasting = grep {
        $self->server_of($_)->command('PTTL', $_) < 0
    } @keys;

    is("@lasting", '', 'no key stays for ever');

    return;
}


# A client that leaves while the store is asked has taken nothing.
sub left_asleep {
    my ($self) = @_;

    my $nginx = $self->{nginx};
    my $gone = $nginx->metric('abandoned_total');

    $_->signal('STOP') for @{ $self->{redis} };

    my @clients = map { AdmHttp->connect($nginx->port('h1')) } 1 .. 5;

    $_->send(request_text('GET', '/some?b=leaves')) for @clients;
    $nginx->wait_metric('suspended_requests', 5);
    $_->reset for @clients;

    is($nginx->wait_metric('abandoned_total', $gone + 5), $gone + 5,
        'all of them leave asleep');

    $_->signal('CONT') for @{ $self->{redis} };

    $self->remaining_is('/some?b=leaves', 5, 'what they took is given back');

    return;
}


# A key that something else uses: that client's limit fails as configured,
# and nobody else's.
sub spoilt {
    my ($self) = @_;

    my $nginx = $self->{nginx};
    my $wrong = $self->trips(command => 'rate', outcome => 'wrongtype');

    for (['LPUSH', 'list'], ['SET', 'no rate'], ['SET', '']) {
        my ($command, $value) = @$_;
        my $name = "bad$command" . length $value;
        my $key = key('once', $name);

        $self->ask("/once?k=$name");
        $self->server_of($key)->command('DEL', $key);
        $self->server_of($key)->command($command, $key, $value);

        is($self->statuses(("/once?k=$name") x 2), '200 429',
            "$command \"$value\": local counts here");
        is($self->statuses(("/once/open?k=$name") x 2), '200 200',
            '... open lets through');
        is($self->statuses("/once/closed?k=$name", "/once/closed?k=good$name"),
            '503 200', '... closed refuses, and nobody else');

        $self->server_of($key)->command('DEL', $key);
        is($self->statuses(("/once?k=$name") x 2), '200 429',
            '... and is well again');
    }

    becomes(sub {
        $self->trips(command => 'rate', outcome => 'wrongtype') - $wrong
    }, 15, 'which is counted');
    is($nginx->metric('fail_policy_total', policy => 'rate',
        action => 'closed'), 3, '... by what was done');

    return;
}


# One of two budgets cannot be read: what the other gave is given back, where
# they are apart; where they are together it gave nothing.
sub half_spoilt {
    my ($self) = @_;

    my ($left, $right) = @{ $self->{apart} };
    my $key = key('some', $right);

    $self->server_of($key)->command('DEL', $key);
    $self->server_of($key)->command('LPUSH', $key, 'x');
    $self->server_of($_)->command('DEL', $_) for key('many', $left);

    is($self->statuses(("/both/closed?a=$left&b=$right") x 20),
        join(' ', (503) x 20), 'one of two fails');
    $self->remaining_is("/many?a=$left", 100, 'the other takes nothing');

    return;
}


1;
