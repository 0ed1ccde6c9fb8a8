package Test::Nginx::Runner;

# The course of a run: for each block bring nginx up, send the requests, hold
# what comes against the sections, and put everything away.
#
# Contract: as Test::Nginx documents it.  nginx is started anew for each
# block (or reloaded, with use_hup); a block without a config goes on with the
# server that runs; nginx is stopped when the last block is through.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use List::Util qw(shuffle);
use Test::More ();
use Time::HiRes qw(sleep);

use Test::Nginx::Runner::Check qw(check_response);
use Test::Nginx::Runner::Client qw(talk);
use Test::Nginx::Runner::Compare qw(compare_text);
use Test::Nginx::Runner::Curl qw(curl_command talk_by_curl shell_line);
use Test::Nginx::Runner::Health ();
use Test::Nginx::Runner::Logs qw(holds);
use Test::Nginx::Runner::Request qw(requests_of);
use Test::Nginx::Runner::Response ();
use Test::Nginx::Runner::Sections qw(refuse_unknown_sections skip_of);
use Test::Nginx::Runner::Server ();
use Test::Nginx::Runner::TcpStub ();
use Test::Nginx::Runner::Util
    qw(section seconds expand read_file bail_out extra_failure skip_tests);


sub new {
    my ($class, $settings) = @_;

    return bless {
        settings       => $settings,
        owner          => $$,
        server         => Test::Nginx::Runner::Server->new($settings),
        health         => Test::Nginx::Runner::Health->new($settings),
        logs           => Test::Nginx::Runner::Logs->new($settings),
        preprocessors  => [],
        block_cleanups => [],
        cleanups       => [],
        body_checks    => [],
    }, $class;
}


# kinds: preprocessors, block_cleanups and cleanups (the last one added runs
# first), body_checks (in order)
sub add_hook {
    my ($self, $kind, $code) = @_;

    my $hooks = $self->{$kind};

    $kind eq 'body_checks' ? push @$hooks, $code : unshift @$hooks, $code;

    return;
}


sub run_all {
    my ($self, @blocks) = @_;

    # an interrupt is to leave no server behind: the END of the suite runs
    local @SIG{qw(INT TERM)} = (sub { exit 130 }, sub { exit 143 });
    local @Test::Nginx::Runner::Util::BeforeBailOut
        = sub { $self->_run_cleanups };

    $ENV{TEST_NGINX_SERVER_PORT} //= $self->{settings}->value('port');
    @blocks = shuffle @blocks if $self->{settings}->value('shuffle');

    for my $block (@blocks) {
        $_->($block) for @{ $self->{preprocessors} };

        $block->set_value(name => "$0 " . $block->name);
        $self->_run_block($block);
        $_->($block) for @{ $self->{block_cleanups} };
    }

    $self->_run_cleanups;
    $self->_put_away if !$self->{settings}->value('no_clean');

    return;
}


sub _run_cleanups {
    my ($self) = @_;

    $_->() for @{ $self->{cleanups} };
    (delete $self->{stub})->stop if $self->{stub};

    return;
}


# For END: nothing of this run may be left behind, however it came to its end.
sub abandon {
    my ($self) = @_;

    return if $$ != $self->{owner};

    (delete $self->{stub})->stop if $self->{stub};
    return if $self->{settings}->value('no_clean');

    $self->{server}->stop;
    $self->{server}->remove_random_root;

    return;
}


sub _run_block {
    my ($self, $block) = @_;

    return if defined section($block, 'SKIP');

    refuse_unknown_sections($block, $self->_has_readers);

    my ($count, $why) = skip_of($block, $self->{server}->build);

    if (defined $count) {
        skip_tests($count * $self->{settings}->value('repeat'),
                   $block->name . " - $why");
        return;
    }

    my $case = $self->_case($block);

    defined section($block, 'must_die') ? $self->_run_to_death($case)
                                        : $self->_run_served($case);

    return;
}


sub _has_readers {
    my ($self) = @_;

    return scalar map { @{ $self->{$_} } }
           qw(preprocessors block_cleanups body_checks);
}


# What is known of a block beyond its sections.
sub _case {
    my ($self, $block) = @_;

    my $settings = $self->{settings};
    my $case = {
        block          => $block,
        name           => $block->name,
        ports          => {},
        log_level      => section($block, 'log_level')
                          || $settings->value('log_level'),
        http2          => $self->_uses_http2($block),
        hup            => $settings->value('hup')
                          && !defined section($block, 'must_die'),
        config_version => join '', map { ('a' .. 'z')[rand 26] } 1 .. 10,
    };

    $case->{log_level} =~ s/\s+\z//;
    $case->{config} = expand(section($block, 'config'), $case->{name},
                             $case->{ports}, $settings);

    return $case;
}


# The block asks for it, or the run does and the block can.
sub _uses_http2 {
    my ($self, $block) = @_;

    return 0 if defined section($block, 'no_http2');

    my $needs_http1 = section($block, 'raw_request')
                      || section($block, 'pipelined_requests');

    if (defined section($block, 'http2')) {
        bail_out($block->name . ' - http2 goes with request only')
            if $needs_http1;
        return 1;
    }

    return 0 if !$self->{settings}->value('http2') || $needs_http1;

    my $request = section($block, 'request') // return 0;
    my $config = join "\n", map { section($block, $_) // '' }
                 qw(http_config config);

    return 0 if !ref $request && $request =~ m{HTTP/1\.0};

    # nginx speaks HTTP/1 to upstreams, and so to itself
    return $config !~ /proxy_pass\s.*:\$(server_port|TEST_NGINX_SERVER_PORT)/;
}


# nginx must refuse its configuration, once for each repetition.
sub _run_to_death {
    my ($self, $case) = @_;

    bail_out("$case->{name} - must_die without a config")
        if !defined $case->{config};

    $self->_stop_server;
    $self->_prepare($case);

    for my $round (0 .. $self->{settings}->value('repeat') - 1) {
        $self->_check_death($case, $self->{server}->start(1));
        $self->{logs}->check_error_log($case, $round);
        $self->{server}->stop;
    }

    $self->{health}->check($case, 'in the block');

    return;
}


sub _check_death {
    my ($self, $case, $status) = @_;

    my $expected = section($case->{block}, 'must_die');
    my $name = "$case->{name} - nginx dies as it must";

    if ($status & 127) {
        Test::More::fail("$name: ended by signal " . ($status & 127));

    } elsif ($status >> 8 == 127) {
        Test::More::fail("$name: it could not be run");

    } elsif ($expected =~ /^\s*(\d+)\s*$/) {
        Test::More::is($status >> 8, $1, "$name, with the expected code");

    } else {
        Test::More::isnt($status, 0, $name);
    }

    return;
}


sub _run_served {
    my ($self, $case) = @_;

    $self->_bring_up($case);
    $self->_run_init($case);
    $self->{logs}->rewind;
    $self->{served} = $case;

    for my $round (0 .. $self->{settings}->value('repeat') - 1) {
        $self->{server}->write_user_files($case) if $round;
        $self->_run_round($case, $round);
    }

    $self->{health}->check($case, 'in the block');
    $self->_copy_log($case);

    return;
}


sub _bring_up {
    my ($self, $case) = @_;

    my $config = $case->{config};
    my $previous = $self->{config};

    if (!defined $config) {
        bail_out("$case->{name} - no config, and none before it")
            if !defined $previous;
        return;
    }

    return if defined $previous && $config eq $previous
              && !$self->{settings}->value('always_restart');

    $self->{config} = $config;
    $self->_can_reload($case) ? $self->_reload($case) : $self->_restart($case);

    return;
}


sub _can_reload {
    my ($self, $case) = @_;

    return $case->{hup} && $self->{served} && defined $self->{server}->pid;
}


sub _restart {
    my ($self, $case) = @_;

    $self->_stop_server;
    $self->_prepare($case);
    $self->{server}->start_surely($case);

    return;
}


sub _reload {
    my ($self, $case) = @_;

    $self->{health}->check($self->{served}, 'in the block');
    $case->{reloading} = 1;
    $self->_prepare($case);

    $self->{server}->reload($case)
        or extra_failure("$case->{name} - the reload comes into force");

    $self->{logs}->check_shutdown_log($self->{served}, 0);

    return;
}


sub _prepare {
    my ($self, $case) = @_;

    $self->{server}->prepare($case);
    $self->{health}->forget_log;
    $self->{logs}->rewind;

    if ($self->{settings}->value('verbose')) {
        warn "$case->{name}\n"
             . read_file($self->{settings}->conf_file);
    }

    return;
}


# Ends the server, and looks at what it said on its way out.
sub _stop_server {
    my ($self) = @_;

    my $problem = $self->{server}->stop;
    my $case = delete $self->{served} // return;

    extra_failure("$case->{name} - nginx lives on", $problem) if $problem;

    $self->{health}->check($case, 'at shutdown');
    $self->{logs}->check_shutdown_log($case, 1);

    return;
}


sub _put_away {
    my ($self) = @_;

    $self->_stop_server;
    $self->{server}->remove_random_root;

    return;
}


sub _run_init {
    my ($self, $case) = @_;

    my $code = section($case->{block}, 'init') // return;
    my ($block, $name) = @$case{qw(block name)};

    eval $code;    ## no critic (the section's value is Perl code)
    bail_out("$name - init: $@") if $@;

    return;
}


# All requests of the block, once.
sub _run_round {
    my ($self, $case, $round) = @_;

    my $settings = $self->{settings};
    my $block = $case->{block};
    my @requests = requests_of($case, $settings);

    if (defined section($block, 'curl')) {
        Test::More::diag(shell_line(curl_command($case, $settings,
                                                 $requests[0])));
    }

    $self->{stub} = Test::Nginx::Runner::TcpStub->start($case, $settings);

    my $pipelined = section($block, 'pipelined_requests');
    my $count = $pipelined ? @$pipelined : @requests;
    my $left;

    for my $index (0 .. $count - 1) {
        my $request = $requests[$pipelined ? 0 : $index];
        my $head = $request->[0]{value} =~ /^\s*HEAD\s/;
        my $bytes = $pipelined && $index ? $left // ''
                                         : $self->_send($case, $request);

        $left = $self->_check_answer($case, $bytes, {
            index => $index, many => $count > 1, round => $round,
            head => $head, more => $pipelined,
        });

        sleep seconds(section($block, 'wait')) if section($block, 'wait');
        $self->_check_logs($case, $round);
    }

    $self->_check_stub($case) if $self->{stub};

    return;
}


sub _send {
    my ($self, $case, $packets) = @_;

    my $settings = $self->{settings};

    warn map { "> $_->{value}\n" } @$packets if $settings->value('verbose');

    my $bytes = $case->{http2} ? $self->_send_by_curl($case, $packets)
                               : $self->_send_by_socket($case, $packets);

    warn "< $bytes\n" if $settings->value('verbose');

    return $bytes;
}


sub _send_by_socket {
    my ($self, $case, $packets) = @_;

    my $settings = $self->{settings};
    my $block = $case->{block};

    my ($bytes, $problem) = talk(
        addr         => section($block, 'server_addr_for_client')
                        // $settings->value('server_addr'),
        port         => $settings->value('client_port'),
        timeout      => seconds(section($block, 'timeout'))
                        // $settings->value('timeout'),
        packets      => $packets,
        shutdown     => section($block, 'shutdown'),
        middle_delay => section($block, 'raw_request_middle_delay'),
    );

    return $bytes if !defined $problem;

    if ($problem eq 'timed out' && defined section($block, 'abort')) {
        # let nginx see that the client has gone
        sleep 0.005;

    } else {
        extra_failure("$case->{name} - client: $problem");
    }

    return $bytes;
}


sub _send_by_curl {
    my ($self, $case, $packets) = @_;

    my $command = curl_command($case, $self->{settings}, $packets);
    my ($out, $complaint) = talk_by_curl($command);
    my $expected = section($case->{block}, 'curl_error');

    if (length $out) {
        warn "WARNING: $case->{name} - curl: $complaint" if length $complaint;
        return $out;
    }

    if (!defined $expected || !holds($complaint, $expected)) {
        extra_failure("$case->{name} - curl gets a response",
                      shell_line($command), $complaint);
    }

    return '';
}


# Returns what was received beyond this response.
sub _check_answer {
    my ($self, $case, $bytes, $at) = @_;

    my $block = $case->{block};

    return undef if defined section($block, 'ignore_response');

    my $response = defined section($block, 'http09')
        ? Test::Nginx::Runner::Response->parse_http09($bytes)
        : Test::Nginx::Runner::Response->parse($bytes);

    $self->_report_framing($case, $response, $at);
    check_response($self->{settings}, $case, $response, $at);

    for my $check (@{ $self->{body_checks} }) {
        $check->($block, $response->content, $at->{index}, $at->{round},
                 undef);
    }

    return $response->left;
}


sub _report_framing {
    my ($self, $case, $response, $at) = @_;

    if (defined $response->problem) {
        extra_failure("$case->{name} - the response is well framed",
                      $response->problem);

    } elsif (!$at->{head} && $response->truncated) {
        warn "WARNING: $case->{name} - the response body is cut short\n";

    } elsif (!$at->{more} && defined $response->left) {
        warn "WARNING: $case->{name} - bytes beyond the response: "
             . substr($response->left, 0, 100) . "\n";
    }

    return;
}


sub _check_logs {
    my ($self, $case, $round) = @_;

    $self->{logs}->check_error_log($case, $round);

    return if defined section($case->{block}, 'ignore_response');

    $self->{logs}->check_access_log($case, $round);

    return;
}


sub _check_stub {
    my ($self, $case) = @_;

    my $stub = $self->{stub};

    if (defined $stub->expected_query) {
        compare_text($self->{settings}, $stub->query, $stub->expected_query,
                     "$case->{name} - tcp_query ok");
    }

    if (defined $stub->expected_length) {
        Test::More::is(length $stub->query, $stub->expected_length,
                       "$case->{name} - tcp_query_len ok");
    }

    $stub->stop;
    delete $self->{stub};

    return;
}


sub _copy_log {
    my ($self, $case) = @_;

    my $copy = $self->{settings}->value('log_copy') // return;
    my $log = read_file($self->{settings}->error_log) // '';

    open my $out, '>>:raw', $copy or bail_out("cannot write $copy: $!");
    print {$out} "\n=== $case->{name}\n$log";

    return;
}


1;
