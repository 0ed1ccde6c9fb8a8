package AdmReplay;

# What becomes of an answer: the stories of a shopper who asks again, with
# the same key, told on any store.
#
#     AdmReplay->new(name => 'redis', conf => 'admission_redis ...;')->run;
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use IO::Select ();
use IO::Socket::INET ();
use Test::More;
use Time::HiRes qw(sleep time);

use AdmH2 qw(CANCEL);
use AdmHttp qw(fetch request_text);
use AdmNginx qw(free_port wait_for);
use AdmOrders ();

my $HTTP = <<'END';
    %{store}

    admission_secret_file %{keys};

    admission_log_level notice;
    gzip on;
    gzip_types *;
    gzip_min_length 1;
    absolute_redirect off;

    upstream orders { server 127.0.0.1:%{orders} max_fails=0; }

    upstream both {
        server 127.0.0.1:%{mute} max_fails=0;
        server 127.0.0.1:%{orders} backup;
    }

    server {
        listen 127.0.0.1:%{h1} backlog=1024 reuseport;   # both get some
        listen 127.0.0.1:%{h2} http2;

        admission_idempotency $http_idempotency_key owner=$http_x_buyer
            max_body=64k;
        admission_on_store_failure idempotency=closed;

        proxy_ignore_client_abort on;
        proxy_http_version 1.1;
        proxy_read_timeout 5s;

        add_header X-Verdict "$admission_verdict $admission_reason" always;
        add_header X-Key "$admission_idempotency" always;
        expires $arg_expires;

        location = /status { admission off; admission_status; }
        location / { proxy_pass http://orders; }

        location /bare/ {
            proxy_buffering off;
            proxy_pass http://orders/;
        }

        location /brief/ {
            admission_idempotency $http_idempotency_key owner=$http_x_buyer
                lock=1s;
            proxy_read_timeout 10s;
            proxy_pass http://orders/;
        }

        location /strict/ {
            proxy_ignore_client_abort off;
            proxy_pass http://orders/;
        }

        location /short/ {
            proxy_read_timeout 200ms;
            proxy_pass http://orders/;
        }

        location /paged/ {
            error_page 409 500 502 504 /sorry;
            proxy_intercept_errors on;
            proxy_pass http://orders/;
        }

        location /paged/silent {
            error_page 504 /sorry;
            proxy_intercept_errors on;
            proxy_read_timeout 200ms;
            proxy_pass http://orders/silent;
        }

        location /both/ {
            proxy_next_upstream timeout non_idempotent;
            proxy_read_timeout 300ms;
            proxy_pass http://both/;
        }

        location /passing/ {
            admission_idempotency $http_idempotency_key owner=$http_x_buyer
                fingerprint=uri;
            proxy_request_buffering off;
            proxy_pass http://orders/;
        }

        location /passing/bare/ {
            admission_idempotency $http_idempotency_key owner=$http_x_buyer
                fingerprint=uri;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_pass http://orders/;
        }

        location /absent/ { proxy_pass http://127.0.0.1:%{absent}/; }

        location = /sorry { admission off; return 200 "sorry\n"; }
        location = /inner { internal; alias %{dir}/html/hello; }

        location = /made {
            admission_idempotency $http_idempotency_key owner=$http_x_buyer
                keep=405;
            alias %{dir}/html/hello;
        }
    }
END


# name: for the names of tests; conf: what makes it the store, in "http"
sub new {
    my ($class, %option) = @_;

    my $self = bless { conf => '', keys => 0, %option }, $class;

    $self->{secret} = File::Temp->new;
    print { $self->{secret} } 'k1:', 'ab' x 32, "\n";
    close $self->{secret};

    $self->{orders} = AdmOrders->start;
    $self->{mute} = mute();
    $self->{nginx} = AdmNginx->start(http => $HTTP, workers => 2, vars => {
        store => $self->{conf}, keys => "$self->{secret}",
        orders => $self->{orders}->port, absent => free_port(),
        mute => $self->{mute}->sockport,
    });

    return $self;
}


# an upstream that takes what it is sent, and says nothing
sub mute {
    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128)
        // die "cannot listen: $!\n";
}


sub run {
    my ($self) = @_;

    $self->replayed;
    $self->of_itself;
    $self->fields;
    $self->not_kept;
    $self->freed;
    $self->unknown;
    $self->doubtful;
    $self->elsewhere;
    $self->others;
    $self->left;
    $self->left_while_it_comes;
    $self->left_for_good;
    $self->early;
    $self->long;
    $self->crowd;

    $self->{nginx}->finish;

    return;
}


# One request, with a key and a body.  A store that is told of an end behind
# the answer may not have heard of it: then it is asked again.
sub order {
    my ($self, $path, $key, %option) = @_;

    my $answer;

    wait_for(sub {
        $answer = $self->ask($path, $key, %option);
        return ($answer->{field}{'x-verdict'} // '') !~ /in_progress/;
    });

    return $answer;
}


sub ask {
    my ($self, $path, $key, %option) = @_;

    return fetch($self->{nginx}->port('h1'), $path, method => 'POST',
        body => $option{body} // 'item=lamp', patience => $option{patience},
        fields => $self->head($key, %option));
}


sub head {
    my ($self, $key, %option) = @_;

    return "Idempotency-Key: $key\r\nX-Buyer: "
        . ($option{buyer} // 'ann') . "\r\n" . ($option{fields} // '');
}


# A key, and the path with it in the query: to find the orders by
sub fresh {
    my ($self, $path) = @_;

    my $key = 'key-' . ++$self->{keys} . '-';

    return ($key, $path . ($path =~ /\?/ ? '&' : '?') . "order=$key");
}


sub executed_is {
    my ($self, $key, $expected, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return is($self->{orders}->executed("order=$key"), $expected,
        "$self->{name}: $name: executed");
}


sub replays {
    my ($self, $name, $first, $again) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($again->{status}, $first->{status}, "$self->{name}: $name: status");
    ok($again->{body} eq $first->{body}, "$self->{name}: $name: its bytes");
    is($again->{field}{'idempotent-replayed'}, 'true',
        "$self->{name}: $name: said to be a replay");
    is($again->{field}{'x-verdict'}, 'replay replay',
        "$self->{name}: $name: verdict");

    return;
}


sub refuses {
    my ($self, $name, $answer, $status, $reason) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($answer->{status}, $status, "$self->{name}: $name: status");
    like($answer->{field}{'x-verdict'}, qr/^\w+ $reason$/,
        "$self->{name}: $name: reason");

    return;
}


# Ways in which an upstream may say the same thing
sub replayed {
    my ($self) = @_;

    for my $path (qw(/plain/201 /plain/200 /plain/204 /plain/404 /plain/303
                     /chunked /until-close /large/60000 /halves/100
                     /bare/plain/201 /bare/chunked /bare/until-close
                     /bare/large/60000 /bare/halves/100 /plain/201?expires=1h))
    {
        my ($key, $target) = $self->fresh($path);
        my $first = $self->order($target, $key);

        is($first->{field}{'idempotent-replayed'}, undef,
            "$self->{name}: $path: the first is none");
        is($first->{field}{'x-key'}, 'new', "$self->{name}: $path: new");
        $self->replays($path, $first, $self->order($target, $key));
        $self->replays("$path, once more", $first,
            $self->order($target, "\"$key\""));
        $self->executed_is($key, 1, $path);
    }

    return;
}


# what nginx itself makes is an answer, too
sub of_itself {
    my ($self) = @_;

    my ($key, $target) = $self->fresh('/made');
    my $first = $self->order($target, $key);

    is($first->{status}, 405, "$self->{name}: a file takes no order");
    $self->replays('made by nginx', $first, $self->order($target, $key));

    return;
}


sub fields {
    my ($self) = @_;

    my ($key, $target) = $self->fresh('/fields');
    my $first = $self->order($target, $key);
    my $again = $self->order($target, $key);

    is($first->{field}{'set-cookie'}, 'session=secret',
        "$self->{name}: the first gets its cookie");

    is($again->{field}{$_}, undef, "$self->{name}: not replayed: $_")
        for qw(set-cookie x-hop age keep-alive proxy-authenticate);
    isnt($again->{field}{date}, 'Thu, 01 Jan 1970 00:00:00 GMT',
        "$self->{name}: the date is of this answer");

    is($again->{field}{$_}, $first->{field}{$_}, "$self->{name}: replayed: $_")
        for qw(location content-type cache-control);

    is(join(',', grep { /^X-Order/ } @{ $again->{lines} }),
        'X-Order: one,X-Order: two', "$self->{name}: and both of two");
    is(scalar(grep { /^X-Verdict/ } @{ $again->{lines} }), 1,
        "$self->{name}: add_header adds once");

    ($key, $target) = $self->fresh('/plain/200');
    $self->order($target, $key);
    $again = $self->order($target, $key, fields =>
        "Accept-Encoding: gzip\r\n");

    is($again->{field}{'cache-control'}, 'no-store',
        "$self->{name}: no-store, unless the upstream said how to keep it");
    is($again->{field}{'content-encoding'}, 'gzip',
        "$self->{name}: filters do to a replay what they do");

    return;
}


# done, and nothing to replay: an answer that has no end, or too much, or
# was cut off, or is another's
sub not_kept {
    my ($self) = @_;

    for my $path (qw(/large/70000 /bare/large/70000 /stream /cut /cut-chunked
                     /bare/cut /bare/cut-chunked /accel
                     /paged/tells/-/keep/500))
    {
        my ($key, $target) = $self->fresh($path);

        $self->order($target, $key);
        $self->refuses($path, $self->order($target, $key), 409, 'not_kept');
        $self->executed_is($key, 1, $path);
    }

    my ($key, $target) = $self->fresh('/stream');

    $self->order($target, $key);
    like($self->order($target, $key)->{body}, qr/"key":"[0-9a-f]{32}"/,
        "$self->{name}: and is told by its name");
    like($self->{nginx}->log_text, qr/admission:\ conflict\ by\ idempotency
        \ "[^"]+",\ reason:\ not_kept,\ key:\ [0-9a-f]{32},/x,
        "$self->{name}: in the log, too");

    return;
}


# nothing came of it: it may be tried again
sub freed {
    my ($self) = @_;

    for my $path (qw(/plain/500 /plain/503 /plain/409 /tells/-/forget
                     /paged/plain/500))
    {
        my ($key, $target) = $self->fresh($path);

        $self->order($target, $key) for 1, 2;
        $self->executed_is($key, 2, $path);
    }

    my ($key, $target) = $self->fresh('/absent/plain/201');

    for (1, 2) {
        my $answer = $self->order($target, $key);

        is("$answer->{status} $answer->{field}{'x-key'}", '502 new',
            "$self->{name}: never reached");
    }

    ($key, $target) = $self->fresh('/tells/-/keep/500');
    $self->replays('kept because it was told to',
        $self->order($target, $key), $self->order($target, $key));

    return;
}


# it was sent, and nobody knows
sub unknown {
    my ($self) = @_;

    for my $path (qw(/short/silent /paged/silent)) {
        my ($key, $target) = $self->fresh($path);

        $self->order($target, $key);
        $self->refuses($path, $self->order($target, $key), 409,
            'outcome_unknown');
        $self->executed_is($key, 1, $path);
    }

    return;
}


# One peer was sent the order, and is silent.  What the next one has against
# it, as "it is there already", does not tell what the first one did.
sub doubtful {
    my ($self) = @_;

    for my $status (409, 402, 303, 500) {
        my ($key, $target) = $self->fresh("/both/plain/$status");

        is($self->order($target, $key)->{status}, $status,
            "$self->{name}: after a silent peer: $status");
        $self->refuses("after a silent peer: $status",
            $self->order($target, $key), 409, 'outcome_unknown');
        $self->executed_is($key, 1, "after a silent peer: $status");
    }

    for my $path (qw(/both/plain/201 /both/tells/-/keep/409)) {
        my ($key, $target) = $self->fresh($path);

        $self->replays($path, $self->order($target, $key),
            $self->order($target, $key));
        $self->executed_is($key, 1, $path);
    }

    my ($key, $target) = $self->fresh('/both/tells/-/forget/409');

    $self->order($target, $key) for 1, 2;
    $self->executed_is($key, 2, 'after a silent peer: told to forget');

    return;
}


# the site's own pages are for refusals, and not for what was kept
sub elsewhere {
    my ($self) = @_;

    my ($key, $target) = $self->fresh('/paged/tells/-/keep/404');

    $self->replays('with an error_page for other statuses',
        $self->order($target, $key), $self->order($target, $key));
    $self->executed_is($key, 1, 'with an error_page');

    return;
}


sub others {
    my ($self) = @_;

    my ($key, $target) = $self->fresh('/plain/201');
    my $first = $self->order($target, $key);

    $self->refuses('another body', $self->order($target, $key,
        body => 'item=vase'), 422, 'mismatch');

    my $other = $self->order($target, $key, buyer => 'bob');

    is($other->{field}{'x-key'}, 'new', "$self->{name}: another owner");
    isnt($other->{body}, $first->{body}, "$self->{name}: an order of its own");

    return;
}


# Leaving while the upstream works: the answer is kept all the same.

sub left {
    my ($self) = @_;

    my $port = $self->{nginx}->port('h1');

    for my $path (qw(/slow/300 /bare/slow/300 /halves/300 /bare/halves/300)) {
        for my $leave (qw(close reset)) {
            my ($key, $target) = $self->fresh($path);
            my $client = AdmHttp->connect($port);

            $client->send(request_text('POST', $target, body => 'item=lamp',
                fields => $self->head($key)));
            wait_for(sub { $self->{orders}->executed("order=$key") });
            $client->$leave;

            $self->comes_back("$path, $leave", $target, $key);
        }
    }

    my ($key, $target) = $self->fresh('/slow/300');
    my $client = AdmH2->connect($self->{nginx}->port('h2'));
    my $stream = $client->request('POST', $target, body => 'item=lamp',
        fields => [['idempotency-key', $key], ['x-buyer', 'ann']]);

    wait_for(sub { $self->{orders}->executed("order=$key") });
    $client->reset($stream, CANCEL);
    $self->comes_back('/slow/300, of HTTP/2', $target, $key);

    return;
}


# the next one waits out the first, and gets its answer
sub comes_back {
    my ($self, $name, $target, $key) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $answer;

    wait_for(sub {
        $answer = $self->order($target, $key);
        return $answer->{field}{'x-verdict'} !~ /in_progress/;
    });

    is($answer->{field}{'x-verdict'}, 'replay replay',
        "$self->{name}: left: $name: a replay");
    like($answer->{body}, qr/^order \d+\0\r\n/,
        "$self->{name}: left: $name: of the order");
    $self->executed_is($key, 1, "left: $name");

    return;
}


# once the answer has begun its rest is kept also where leaving ends the wait
sub left_while_it_comes {
    my ($self) = @_;

    for my $leave (qw(close reset)) {
        my ($key, $target) = $self->fresh('/strict/halves/300');
        my $client = AdmHttp->connect($self->{nginx}->port('h1'));

        $client->send(request_text('POST', $target, body => 'item=lamp',
            fields => $self->head($key)));
        $client->silent(20);            # until the first half is there
        $client->$leave;

        $self->comes_back("in the middle of the answer, $leave", $target,
            $key);
    }

    return;
}


sub left_for_good {
    my ($self) = @_;

    my ($key, $target) = $self->fresh('/strict/slow/3000');
    my $client = AdmHttp->connect($self->{nginx}->port('h1'));

    $client->send(request_text('POST', $target, body => 'item=lamp',
        fields => $self->head($key)));
    wait_for(sub { $self->{orders}->executed("order=$key") });
    $client->close;

    my $answer;

    wait_for(sub {
        $answer = $self->order($target, $key);
        return $answer->{field}{'x-verdict'} !~ /in_progress/;
    });

    $self->refuses('left, and nobody waited', $answer, 409,
        'outcome_unknown');
    $self->executed_is($key, 1, 'left, and nobody waited');

    return;
}


# an upstream that answers before it has read what it is sent, bit by bit
sub early {
    my ($self) = @_;

    my $body = 'x' x 400_000;

    for my $path (qw(/passing/early /passing/bare/early)) {
        my ($key, $target) = $self->fresh($path);
        my $client = AdmHttp->connect($self->{nginx}->port('h1'));
        my $text = request_text('POST', $target, body => $body,
            fields => $self->head($key) . "Connection: close\r\n");

        $client->send(substr $text, 0, 100_000, '');
        wait_for(sub { $self->{orders}->executed("order=$key") });
        sleep 0.1;
        $client->send($text);

        my $answer = $client->answer;

        ok($answer->{complete}, "$self->{name}: $path: all has passed");
        $self->executed_is($key, 2, "$path: begun and");
        $self->replays($path, $answer, $self->order($target, $key));
    }

    return;
}


# an order that takes five times as long as its lock
sub long {
    my ($self) = @_;

    my ($key, $target) = $self->fresh('/brief/slow/5000');
    my $client = AdmHttp->connect($self->{nginx}->port('h1'));
    my ($running, $retry) = (0, 1);

    $client->send(request_text('POST', $target, body => 'item=lamp',
        fields => $self->head($key)));
    wait_for(sub { $self->{orders}->executed("order=$key") });

    for (1 .. 6) {
        my $answer = $self->ask($target, $key);

        $running += $answer->{field}{'x-verdict'} =~ /in_progress/;
        $retry &&= $answer->{field}{'retry-after'};
        sleep 0.5;
    }

    is($running, 6, "$self->{name}: longer than its lock: it is running");
    ok($retry, "$self->{name}: longer than its lock: and when to come back");

    $self->replays('longer than its lock', $client->answer,
        $self->order($target, $key));
    $self->executed_is($key, 1, 'longer than its lock');

    return;
}


# the same key a hundred times at once
sub crowd {
    my ($self) = @_;

    my ($key, $target) = $self->fresh('/slow/500');
    my $text = request_text('POST', $target, body => 'item=lamp',
        fields => $self->head($key) . "Connection: close\r\n");
    my @clients = map { AdmHttp->connect($self->{nginx}->port('h1')) }
        1 .. 100;
    my %seen;

    $_->send($text) for @clients;
    $seen{join ' ', $_->{status}, $_->{field}{'x-verdict'}}++
        for map { $_->answer } @clients;

    is($seen{'200 admit '}, 1, "$self->{name}: a hundred: one is let in");
    is(($seen{'409 conflict in_progress'} // 0)
        + ($seen{'200 replay replay'} // 0), 99,
        "$self->{name}: a hundred: all others are told");
    $self->executed_is($key, 1, 'a hundred');

    return;
}


1;
