#!/usr/bin/perl

# What operators see when things go wrong, which is when they look: upstreams
# that hang, clients that leave, workers that are killed, stopped or told to
# go, configurations that are changed under a switch that somebody has turned.
# A gauge that stays where a dead worker left it, a switch that goes back by
# itself, or a health that says "ok" to the last is worse than none.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(time sleep);

use AdmH2 ();
use AdmHttp qw(fetch request_text);
use AdmNginx qw(becomes slurp wait_for);
use AdmUpstream ();


my $HTTP = <<'END';
    %{keeper}

    admission_rate wide $arg_k rate=1000r/s burst=1000;
    admission_rate narrow $arg_k rate=1r/h burst=0;

    upstream shop { server 127.0.0.1:%{up}; }
    upstream files { server 127.0.0.1:%{files}; }

    proxy_http_version 1.1;
    add_header X-Pid $pid always;

    server {
        listen 127.0.0.1:%{files};
        location / { root %{dir}/html; }
    }

    server {
        listen 127.0.0.1:%{h1};
        listen 127.0.0.1:%{h2} http2;

        location = /status { admission_status; }
        location = /health { admission_health; }
        location = /active { stub_status; }
        location /control/ { admission_control; }

        location /shop/ {
            admission_limit wide;
            proxy_pass http://shop/;
        }

        location /hasty/ {
            admission_limit wide;
            proxy_read_timeout 200ms;
            proxy_pass http://shop/;
        }

        location /direct/ {
            admission_limit wide;
            proxy_request_buffering off;
            proxy_pass http://shop/;
        }

        location /upgraded/ {
            admission_limit wide;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_pass http://shop/;
        }

        location /files/ {
            admission_limit wide;
            proxy_pass http://files/;
        }

        location /piped/ {
            admission_limit wide;
            proxy_max_temp_file_size 0;
            proxy_pass http://files/;
        }

        location = /page {
            alias %{dir}/html/page;
            default_type text/html;
            ssi on;
            admission_limit wide;
        }

        location /part/ { proxy_pass http://shop/; }

        location = /narrow {
            alias %{dir}/html/hello;
            admission_limit narrow;
            %{mode}
        }

        location = /ask {
            alias %{dir}/html/hello;
            %{ask}
        }

        %{more}
    }
END

my %PROBE = $ENV{ADM_PROBE}
    ? (keeper => 'admission_test_keeper 5s;',
       ask => 'admission_probe a $arg_a at=ask;')
    : ();

my $LARGE = 16 * 1024 * 1024;      # bytes: more than sockets hold

my $upstream = AdmUpstream->start;


sub start {
    my (%option) = @_;

    my $nginx = AdmNginx->start(http => $HTTP, vars => vars(), %option);

    $nginx->write_file('html/large', 'x' x $LARGE);
    $nginx->write_file('html/page', '<!--# include virtual="/part/hang?p" -->');

    return $nginx;
}


sub vars {
    my (%changed) = @_;

    return { up => $upstream->port, keeper => '', ask => '', mode => '',
        more => '', %PROBE, %changed };
}


# Requests by either protocol, each with a way to leave.

sub begin {
    my ($nginx, $protocol, $path, %option) = @_;

    my $method = $option{method} // 'GET';

    if ($protocol eq 'h2') {
        my $client = AdmH2->connect($nginx->port('h2'));
        my $stream = $client->request($method, $path, %option);

        return { client => $client, stream => $stream,
                 answer => sub { $client->answer($stream) },
                 leave => sub { $client->cancel($stream) } };
    }

    my $client = AdmHttp->connect($nginx->port('h1'));

    $client->send(request_text($method, $path, %option));

    return { client => $client, answer => sub { $client->answer },
             leave => sub { $client->reset } };
}


sub inside {
    my ($nginx, $name) = @_;

    return $nginx->metric('inflight', upstream => $name // 'shop');
}


sub inside_becomes {
    my ($nginx, $n, $what, $name, $seconds) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return becomes(sub { inside($nginx, $name) }, $n, $what, $seconds // 5);
}


# What the classes have grown by since: "2xx 1, abandoned 3".
sub classes {
    my ($nginx, $before) = @_;

    my $now = $nginx->metrics;
    my %class = map { /^upstream_responses_total\{class="(\w+)"/
                      ? ($1 => $now->{$_} - ($before->{$_} // 0)) : () }
                keys %$now;

    return join ', ', map { "$_ $class{$_}" } grep { $class{$_} }
           sort keys %class;
}


sub classes_become {
    my ($nginx, $before, $expected, $what) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return becomes(sub { classes($nginx, $before) }, $expected, $what);
}


# Upstreams and clients

sub slow_upstream {
    my ($nginx, $p) = @_;

    my $before = $nginx->metrics;
    my @slow = map { begin($nginx, $p, '/shop/slow/2000') } 1 .. 5;

    inside_becomes($nginx, 5, "$p: five are inside", 'shop', 1.9);
    is(join(' ', map { $_->{answer}->()->{status} } @slow),
        '200 200 200 200 200', "$p: they are answered");
    inside_becomes($nginx, 0, "$p: nobody is inside");
    classes_become($nginx, $before, '2xx 5', "$p: five answers");

    my $after = $nginx->metrics;
    my $sum = $after->{upstream_seconds_sum} - $before->{upstream_seconds_sum};

    cmp_ok($sum, '>=', 5 * 1.99, "$p: what they took is in the histogram");

    return;
}


sub clients_leave {
    my ($nginx, $p) = @_;

    my $before = $nginx->metrics;
    my @hanging = map { begin($nginx, $p, "/shop/hang?$p$_") } 1 .. 5;

    inside_becomes($nginx, 5, "$p: five hang");
    $_->{leave}->() for @hanging;
    inside_becomes($nginx, 0, "$p: they left");
    classes_become($nginx, $before, 'abandoned 5', "$p: ... and are missed");

    return;
}


# Their time is what they did not wait: those are the slow ones.
sub time_of_the_abandoned {
    my ($nginx) = @_;

    my $before = $nginx->metric('upstream_seconds_sum');
    my $gone = begin($nginx, 'h1', '/shop/hang?time');

    inside_becomes($nginx, 1, 'one hangs');
    sleep 0.5;
    $gone->{leave}->();
    inside_becomes($nginx, 0, 'it left');

    my $took;

    wait_for(sub {
        $took = $nginx->metric('upstream_seconds_sum') - $before;
        return $took >= 0.45;
    });

    cmp_ok($took, '>=', 0.45, 'its time is in the histogram');

    return;
}


sub upstream_gives_up {
    my ($nginx, $p) = @_;

    my $before = $nginx->metrics;

    is(begin($nginx, $p, '/hasty/hang')->{answer}->()->{status}, 504,
        "$p: a time-out");
    is(begin($nginx, $p, '/shop/close')->{answer}->()->{status}, 502,
        "$p: an upstream that hangs up");
    is(begin($nginx, $p, '/shop/large')->{answer}->()->{status}, 502,
        "$p: an answer that is too large");
    inside_becomes($nginx, 0, "$p: nobody is inside");
    classes_become($nginx, $before, 'none 3',
        "$p: three tries without an answer");

    return;
}


# A body that does not come keeps the upstream from nothing, unless it is
# sent on as it comes.
sub slow_upload {
    my ($nginx) = @_;

    my $before = $nginx->metrics;
    my %part = (method => 'POST', body => 'x' x 10,
                fields => "Content-Length: 90\r\n");
    my $buffered = begin($nginx, 'h1', '/shop/answer/200', %part);

    sleep 0.3;
    is(inside($nginx), 0, 'who sends a body slowly is not inside');
    $buffered->{client}->send('x' x 80);
    is($buffered->{answer}->()->{status}, 200, '... until it is there');
    inside_becomes($nginx, 0, '... and answered');

    my $direct = begin($nginx, 'h1', '/direct/answer/200', %part);

    inside_becomes($nginx, 1, 'who sends to the upstream itself is inside');
    $direct->{client}->send('x' x 80);
    is($direct->{answer}->()->{status}, 200, '... until it is answered');
    inside_becomes($nginx, 0, '... and gone');
    classes_become($nginx, $before, '2xx 2', 'both were answered');

    return;
}


sub slow_reader {
    my ($nginx) = @_;

    my $before = $nginx->metrics;
    my $buffered = begin($nginx, 'h1', '/files/large');

    classes_become($nginx, $before, '2xx 1', 'a large answer has come');
    inside_becomes($nginx, 0, 'who does not read it is not inside', 'files');
    ok($buffered->{answer}->()->{complete}, '... and gets it whole');

    my $piped = begin($nginx, 'h1', '/piped/large');

    inside_becomes($nginx, 1, 'who keeps the upstream busy is', 'files');
    sleep 0.2;
    is(inside($nginx, 'files'), 1, '... and stays it');
    ok($piped->{answer}->()->{complete}, '... until it has read all');
    inside_becomes($nginx, 0, '... and is gone', 'files');

    return;
}


sub leaves_in_the_answer {
    my ($nginx) = @_;

    my $before = $nginx->metrics;
    my @piped = map { begin($nginx, 'h1', '/piped/large') } 1 .. 3;

    ok(!grep({ $_->{client}->silent(5) } @piped), 'three begin to read');
    inside_becomes($nginx, 3, '... and do not go on', 'files');
    $_->{leave}->() for @piped;
    inside_becomes($nginx, 0, 'they left in the middle', 'files');
    classes_become($nginx, $before, '2xx 3',
        'they were answered all the same');

    return;
}


sub upgraded {
    my ($nginx) = @_;

    my $before = $nginx->metrics;
    my $client = begin($nginx, 'h1', '/upgraded/answer/101',
        fields => "Connection: upgrade\r\nUpgrade: websocket\r\n");

    is($client->{answer}->()->{status}, 101, 'a connection is upgraded');
    inside_becomes($nginx, 1, 'it is inside as long as it lasts');
    $client->{leave}->();
    inside_becomes($nginx, 0, '... and no longer');
    classes_become($nginx, $before, '1xx 1', '... and is a class of its own');

    return;
}


# What a page is made of is not a request that was let through.
sub subrequest {
    my ($nginx) = @_;

    my $before = $nginx->metrics;
    my $page = begin($nginx, 'h1', '/page');

    ok(wait_for(sub { $upstream->seen_like('/hang?p') }),
        'a part of a page hangs');
    is(inside($nginx), 0, '... and nobody is inside');
    $page->{leave}->();
    sleep 0.1;
    is(inside($nginx), 0, '... nor when it is gone');
    is(classes($nginx, $before), '', '... and it is in no class');

    return;
}


# Workers

sub killed_workers {
    my ($nginx) = @_;

    my $before = $nginx->metrics;
    my @hanging = map { begin($nginx, 'h1', "/shop/hang?kill$_") } 1 .. 12;

    inside_becomes($nginx, 12, 'twelve hang in the workers');

    my @old = $nginx->serving;

    $nginx->signal('KILL', $_) for @old;
    ok($nginx->wait_gone(@old), 'the workers are killed');
    inside_becomes($nginx, 0, 'nobody is inside, at once', 'shop');
    is(classes($nginx, $before), '', 'what became of them nobody knows');

    $_->{client}->close for @hanging;

    my $next = begin($nginx, 'h1', '/shop/hang?next');

    inside_becomes($nginx, 1, 'new workers count');
    $next->{leave}->();
    inside_becomes($nginx, 0, '... and count back');

    return;
}


sub reloaded {
    my ($nginx) = @_;

    my @slow = map { begin($nginx, 'h1', "/shop/slow/4000") } 1 .. 4;

    inside_becomes($nginx, 4, 'four are inside');
    ok($nginx->reload, 'reloaded');
    is(inside($nginx), 4, '... they still are');

    my $one = begin($nginx, 'h1', '/shop/hang?reload');

    inside_becomes($nginx, 5, 'one more, in a new worker', 'shop', 3);
    is(join(' ', map { $_->{answer}->()->{status} } @slow),
        '200 200 200 200', 'the four are answered');
    inside_becomes($nginx, 1, 'the one is left');
    $one->{leave}->();
    inside_becomes($nginx, 0, 'nobody is left');

    return;
}


# Whose upstream is no longer in the configuration is not shown, and comes
# back to the place that it had.
sub upstream_goes {
    my ($nginx) = @_;

    my $more = 'location /late/ { admission_limit wide;'
               . ' proxy_pass http://late/; }';
    my $late = 'upstream late { server 127.0.0.1:%{up}; }';
    my $with = $HTTP =~ s/(?=upstream shop)/$late\n    /r;

    for my $round (1, 2) {
        $nginx->configure(http => $with, vars => vars(more => $more));
        ok($nginx->reload, "an upstream comes, $round");

        my $hanging = begin($nginx, 'h1', "/late/hang?$round");

        inside_becomes($nginx, 1, '... one is inside', 'late');
        $nginx->configure(http => $HTTP, vars => vars());
        ok($nginx->reload, '... the upstream goes');
        ok(!grep({ /upstream="late"/ } keys %{ $nginx->metrics }),
            '... and is not shown');
        $hanging->{leave}->();
    }

    $nginx->configure(http => $with, vars => vars(more => $more));
    ok($nginx->reload, 'it comes again');
    inside_becomes($nginx, 0, '... empty', 'late');
    $nginx->configure(http => $HTTP, vars => vars());
    ok($nginx->reload, '... and goes');

    return;
}


# Without a worker it would be the master.
sub kill_one {
    my ($nginx) = @_;

    wait_for(sub { $nginx->serving });
    $nginx->signal('KILL', $_) for ($nginx->serving)[0] // ();

    return;
}


# All at once, and at the end nobody.
sub come_and_go {
    my ($nginx) = @_;

    my @paths = ('/shop/hang', '/shop/slow/40', '/shop/answer/200',
                 '/hasty/hang', '/shop/close', '/piped/large', '/files/large');

    for my $round (1 .. 24) {
        my @crowd = map { begin($nginx, $_ % 2 ? 'h1' : 'h2',
                                $paths[($round + $_) % @paths] . "?$_") }
                    1 .. 8;

        sleep 0.03;
        kill_one($nginx) if $round % 6 == 0;
        $nginx->reload if $round % 8 == 4;
        $crowd[$_]{leave}->() for grep { $_ % 3 } 0 .. $#crowd;
        $_->{client}->close for @crowd;
    }

    inside_becomes($nginx, 0, "nobody is inside: $_", $_, 10)
        for qw(shop files);

    return;
}


# A connection to each of two workers, which stays: pid => client.  Who takes
# it is for the kernel to say: so the other one is stopped meanwhile.
sub connections {
    my ($nginx) = @_;

    my %client;

    wait_for(sub { $nginx->serving == 2 });

    for my $other ($nginx->serving) {
        $nginx->signal('STOP', $other);
        wait_for(sub { slurp("/proc/$other/stat") =~ /\) T / });

        my $client = AdmHttp->connect($nginx->port('h1'));
        my ($status, $pid) = ask($client, '/health');

        $nginx->signal('CONT', $other);
        $client{$pid} = $client;
    }

    return %client;
}


# Status, the worker's pid, and the document.
sub ask {
    my ($client, $path) = @_;

    $client->send(request_text('GET', $path));

    my $answer = $client->answer or return (0, 0, {});

    return ($answer->{status}, $answer->{field}{'x-pid'},
        eval { JSON::PP->new->decode($answer->{body}) } // $answer->{body});
}


sub lag {
    my ($client) = @_;

    my ($status, $pid, $text) = ask($client, '/status');

    return $text =~ /^admission_loop_lag_seconds (\d+\.\d{6})$/m ? $1 : -1;
}


sub stopped_worker {
    my ($nginx) = @_;

    my %client = connections($nginx);
    my ($stopped, $other) = keys %client;

    is(scalar keys %client, 2, 'a connection to either worker');
    ok(wait_for(sub { lag($client{$other}) < 0.3 }, 20), 'nothing lags');

    $nginx->signal('STOP', $stopped);
    ok(wait_for(sub { lag($client{$other}) > 0.8 }, 10),
        'who does not run at all lags');

    my ($status, undef, $health) = ask($client{$other}, '/health');

    is("$status $health->{status}", '200 degraded', '... and health says so');
    cmp_ok($health->{loop_lag_seconds}, '>', 0.8, '... by how much');

    $nginx->signal('CONT', $stopped);

    ok(wait_for(sub { lag($client{$other}) < 0.3 }, 20),
        'it runs again, and catches up');
    ok(wait_for(sub { (ask($client{$other}, '/health'))[2]{status} eq 'ok' },
        20), '... and health says so');

    return;
}


# What a dead worker was late with is nobody's lag.
sub dead_worker {
    my ($nginx) = @_;

    my %client = connections($nginx);
    my ($dead, $other) = keys %client;

    $nginx->signal('STOP', $dead);
    ok(wait_for(sub { lag($client{$other}) > 0.8 }, 10), 'a worker is stopped');
    $nginx->signal('KILL', $dead);
    ok($nginx->wait_gone($dead), '... and killed');
    ok(wait_for(sub { lag($client{$other}) < 0.5 }, 20), '... and forgotten');

    return;
}


# What a worker says before a reload, and one that goes for it.
sub health_over_reload {
    my ($nginx) = @_;

    my $client = AdmHttp->connect($nginx->port('h1'));
    my ($before) = ask($client, '/health');

    # half of a request keeps the connection open, as soon as it was read
    my $text = request_text('GET', '/health');

    $client->send(substr $text, 0, 20);
    wait_for(sub {
        my $active = fetch($nginx->port('h1'), '/active');
        return $active && $active->{body} =~ /^Reading: [1-9]/m;
    });

    my $reloaded = $nginx->reload;

    $client->send(substr $text, 20);

    return ($before, $reloaded, $client->answer);
}


# A node that is reloaded is well, also for a balancer whose connection is one
# of a worker that goes: or each reload would take the node out.
sub drained {
    my ($nginx) = @_;

    my ($before, $reloaded, $answer, $health);

    # a machine that does not run the workers is another matter
    for (1 .. 5) {
        ($before, $reloaded, $answer) = health_over_reload($nginx);
        $health = eval { JSON::PP->new->decode($answer->{body}) } // {};
        last if ($health->{loop_lag_seconds} // 0) < 0.3;
    }

    is($before, 200, 'before: well');
    ok($reloaded, 'reloaded');
    is("$answer->{status} $health->{status}", '200 ok',
        'a worker that makes room for another is well');
    is(fetch($nginx->port('h1'), '/health')->{status}, 200,
        'the next one is well');

    return;
}


# Demand is the node's: of all workers, also of those that are gone.
sub demand {
    my ($nginx) = @_;

    ok(wait_for(sub { $nginx->metric('offered_demand') == 0 }),
        'ten seconds after the last nobody wants anything');

    fetch($nginx->port('h1'), "/shop/answer/200?k=$_") for 1 .. 30;
    kill_one($nginx);

    # all within the last ten whole seconds, and none of this second
    ok(wait_for(sub { $nginx->metric('offered_demand') == 3 }),
        'thirty in ten seconds, whoever had counted them');

    return;
}


# The switch

sub control {
    my ($nginx, $mode) = @_;

    my $answer = fetch($nginx->port('h1'), '/control/admission', $mode
        ? (method => 'PATCH', body => "{\"mode\":$mode}",
           fields => "Content-Type: application/json\r\n") : ());

    return (eval { JSON::PP->new->decode($answer->{body}) } // {})->{mode};
}


sub told {
    my ($nginx) = @_;

    my $mode = control($nginx);

    return join ' ', map { $_ // 'null' } @$mode{qw(configured effective by)};
}


# The statuses of so many requests of one client, one after the other.
sub statuses {
    my ($nginx, $n, $key) = @_;

    return join ' ', map {
        fetch($nginx->port('h1'), "/narrow?k=$key")->{status} } 1 .. $n;
}


sub switch_in_every_worker {
    my ($nginx) = @_;

    my %client = connections($nginx);
    my @modes;

    statuses($nginx, 1, 'every');

    for my $mode (qw(off on dry_run on off null)) {
        control($nginx, $mode eq 'null' ? $mode : "\"$mode\"");

        push @modes, join ' ', map { (ask($_, '/narrow?k=every'))[0] }
                     values %client;
    }

    is(join(', ', @modes),
        '200 200, 429 429, 200 200, 429 429, 200 200, 429 429',
        'either worker does as it is told, at once');

    return;
}


sub switch_and_reload {
    my ($nginx) = @_;

    my $off = control($nginx, '"off"');

    statuses($nginx, 1, 'switch');
    ok($nginx->reload, 'reloaded as it was');
    is(told($nginx), 'on off 127.0.0.1', 'the switch stays as it was turned');
    is(control($nginx)->{since}, $off->{since}, '... since then');
    is(statuses($nginx, 2, 'switch'), '200 200', '... and in force');

    my $mark = $nginx->mark;

    $nginx->configure(vars => vars(more => 'location = /x { return 204; }'));
    ok($nginx->reload, 'something else is changed');
    is(told($nginx), 'on off 127.0.0.1', '... the switch stays');
    unlike($nginx->since($mark), qr/override/, '... without a word');

    # the mode that the file had
    $nginx->configure(vars => vars(mode => 'admission dry_run;'));
    ok($nginx->reload, 'the mode is changed in the file');
    is(told($nginx), 'mixed mixed null', '... the file is obeyed');
    like($nginx->since($mark), qr/\[warn\].*admission\ control:\ the\ override
        \ of\ "admission\ mode"\ is\ dropped,\ since\ its\ value\ was\ changed
        \ in\ the\ configuration/x, '... and the log says so');

    $mark = $nginx->mark;
    control($nginx, '"on"');
    is(told($nginx), 'mixed on 127.0.0.1', 'turned again');
    statuses($nginx, 1, 'again');
    is(statuses($nginx, 1, 'again'), '429', '... and in force');

    return;
}


# A node without policies is on, as one with policies is: the first of them
# does not change the mode.
sub switch_before_policies {
    my $bare = $HTTP =~ s/admission_(?:limit|rate|probe)\b[^;]*;//gr;
    my $nginx = AdmNginx->start(http => $bare, vars => vars(ask => ''));

    control($nginx, '"off"');
    is(told($nginx), 'on off 127.0.0.1', 'without policies: turned');
    $nginx->configure(http => $HTTP, vars => vars());
    ok($nginx->reload, 'the first policies come');
    is(told($nginx), 'on off 127.0.0.1', '... the switch stays');
    is(statuses($nginx, 2, 'first'), '200 200', '... and in force');

    $nginx->finish;

    return;
}


# What cannot be put into service changes nothing.
sub switch_and_refused_reload {
    my ($nginx) = @_;

    my $before = told($nginx);

    $nginx->configure(vars => vars(mode => 'admission of;'));
    ok(!$nginx->reload, 'a configuration that is refused');
    is(told($nginx), $before, '... does not turn the switch');

    $nginx->configure(vars => vars());
    ok($nginx->reload, 'as it was at first');
    is(told($nginx), 'on on null', '... the mode was changed in the file');

    return;
}


sub switch_and_killed_workers {
    my ($nginx) = @_;

    control($nginx, '"dry_run"');

    my @old = $nginx->serving;

    $nginx->signal('KILL', $_) for @old;
    $nginx->wait_gone(@old);
    wait_for(sub { $nginx->serving == @old });
    is(told($nginx), 'on dry_run 127.0.0.1',
        'the switch outlives the worker that was asked');
    control($nginx, 'null');
    is(told($nginx), 'on on null', '... and can be turned back');

    return;
}


# Who sleeps was let into the line under the old mode, and leaves it so.
sub switch_while_asleep {
    my ($nginx) = @_;

    my %status = (on => { grant => 200, refuse => 429 },
                  dry_run => { refuse => 200 });

    for my $mode (sort keys %status) {
        my @how = sort keys %{ $status{$mode} };

        for my $next (grep { $_ ne $mode } qw(on off dry_run)) {
            control($nginx, "\"$mode\"");

            # together: they sleep for long enough to be seen
            my %asleep = map { $_ => begin($nginx, 'h1',
                "/ask?a=1800-$_-s&id=s") } @how;

            is($nginx->wait_metric('suspended_requests', scalar @how, 1.7),
                @how, "asleep under $mode");
            control($nginx, "\"$next\"");
            is($asleep{$_}{answer}->()->{status}, $status{$mode}{$_},
                "... $next by then: $_ is as it was under $mode") for @how;
            is($nginx->wait_metric('suspended_requests', 0), 0,
                '... nobody sleeps');
        }
    }

    control($nginx, 'null');

    return;
}


# One process, without a master

sub single_process {
    my $nginx = start(main => 'master_process off;');
    my $hanging = begin($nginx, 'h1', '/shop/hang?single');

    inside_becomes($nginx, 1, 'a single process: one is inside');
    $hanging->{leave}->();
    inside_becomes($nginx, 0, '... and gone');
    control($nginx, '"off"');
    is(told($nginx), 'on off 127.0.0.1', '... the switch is turned');
    is(statuses($nginx, 3, 'single'), '200 200 200', '... and in force');
    ok(wait_for(sub { fetch($nginx->port('h1'), '/health')->{body}
                      =~ /"status":"ok"/ }, 20), '... and all is well');

    $nginx->finish;

    return;
}


my $nginx = start(workers => 2);

for my $protocol (qw(h1 h2)) {
    slow_upstream($nginx, $protocol);
    clients_leave($nginx, $protocol);
    upstream_gives_up($nginx, $protocol);
}

time_of_the_abandoned($nginx);
slow_upload($nginx);
slow_reader($nginx);
leaves_in_the_answer($nginx);
upgraded($nginx);
subrequest($nginx);
killed_workers($nginx);
reloaded($nginx);
upstream_goes($nginx);
drained($nginx);
stopped_worker($nginx);
dead_worker($nginx);
come_and_go($nginx);
demand($nginx);
switch_in_every_worker($nginx);
switch_and_reload($nginx);
switch_and_refused_reload($nginx);
switch_and_killed_workers($nginx);
switch_while_asleep($nginx) if $ENV{ADM_PROBE};

$nginx->finish(allow => [qr/exited on signal 9/, qr/\[emerg\].*admission/]);

switch_before_policies();
single_process();

done_testing();
