package Test::Nginx::Runner::Settings;

# What one run of the suite is told from outside: the environment variables
# of Test::Nginx, read once, and what the functions of a test file change.
# Also the places that follow from them: server root, logs, pid file.
#
# Contract: a plain hash behind set-or-get value(); nothing here starts,
# checks or prints anything.  With TEST_NGINX_RANDOMIZE the server root is
# claimed by creating it, so that parallel runs never share a port.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Path qw(make_path);
use File::Spec ();
use IO::Socket::INET;

# below the range that Linux hands to outgoing connections
my ($LOWEST_PORT, $HIGHEST_PORT) = (10_240, 32_767);

my @UNSUPPORTED_ENV = qw(
    TEST_NGINX_BENCHMARK TEST_NGINX_CHECK_LEAK TEST_NGINX_USE_VALGRIND
    TEST_NGINX_USE_STAP TEST_NGINX_USE_RR TEST_NGINX_USE_HTTP3
    TEST_NGINX_NO_NGINX_MANAGER TEST_NGINX_IGNORE_MISSING_DIRECTIVES
);


sub from_env {
    my ($class) = @_;

    my $self = bless {
        binary             => $ENV{TEST_NGINX_BINARY} || 'nginx',
        server_addr        => '127.0.0.1',
        server_name        => 'localhost',
        workers            => 1,
        worker_connections => 64,
        worker_user        => $ENV{TEST_NGINX_WORKER_USER},
        log_level          => $ENV{TEST_NGINX_LOG_LEVEL} || 'debug',
        master             => $ENV{TEST_NGINX_MASTER_PROCESS} || 'off',
        repeat             => 1,
        shuffle            => !$ENV{TEST_NGINX_NO_SHUFFLE},
        root_location      => 1,
        long_string        => 1,
        accumulate_log     => $ENV{TEST_NGINX_CHECK_ACCUM_ERR_LOG},
        preamble           => '',
        config_filter      => undef,
        env_names          => [],
        timeout            => $ENV{TEST_NGINX_TIMEOUT} || 3,
        log_delay          => 3 * ($ENV{TEST_NGINX_SLEEP} || 0.015),
        verbose            => $ENV{TEST_NGINX_VERBOSE},
        hup                => $ENV{TEST_NGINX_USE_HUP},
        http2              => $ENV{TEST_NGINX_USE_HTTP2},
        always_restart     => $ENV{TEST_NGINX_FORCE_RESTART_ON_TEST} // 1,
        load_modules       => $ENV{TEST_NGINX_LOAD_MODULES} // '',
        preload            => $ENV{TEST_NGINX_LD_PRELOAD},
        event_type         => $ENV{TEST_NGINX_EVENT_TYPE},
        postpone_output    => $ENV{TEST_NGINX_POSTPONE_OUTPUT},
        reuse_port         => $ENV{TEST_NGINX_REUSE_PORT},
        no_clean           => $ENV{TEST_NGINX_NO_CLEAN},
        fast_shutdown      => $ENV{TEST_NGINX_FAST_SHUTDOWN},
        log_copy           => $ENV{TEST_NGINX_ERROR_LOG},
        sanitizer_log      => $ENV{ADM_SANITIZER_LOG},
        randomized         => $ENV{TEST_NGINX_RANDOMIZE},
    }, $class;

    $self->_warn_of_unsupported;
    $self->{randomized} ? $self->_claim_random_place : $self->_usual_place;
    $ENV{TEST_NGINX_SERVER_ROOT} = $self->{root};

    return $self;
}


sub _warn_of_unsupported {
    for my $name (grep { $ENV{$_} } @UNSUPPORTED_ENV) {
        warn "WARNING: $name is not supported by this runner: ignored\n";
    }

    return;
}


sub _usual_place {
    my ($self) = @_;

    $self->{port} = $ENV{TEST_NGINX_SERVER_PORT} || $ENV{TEST_NGINX_PORT}
                    || 1984;
    $self->{client_port} = $ENV{TEST_NGINX_CLIENT_PORT} || $self->{port};
    $self->{root} = File::Spec->rel2abs($ENV{TEST_NGINX_SERVROOT}
                                        || 't/servroot');

    return;
}


sub _claim_random_place {
    my ($self) = @_;

    my $parent = File::Spec->rel2abs('t');
    make_path($parent);

    for (1 .. 1000) {
        my $port = random_port({}, $self->{server_addr}) // last;
        my $root = "$parent/servroot_$port";

        next if !mkdir $root;

        @$self{qw(port client_port root)} = ($port, $port, $root);
        $ENV{TEST_NGINX_SERVER_PORT} = $port;
        return;
    }

    die "cannot find a free port under $parent\n";
}


# A port that nobody listens on now and that is not in the given hash.
sub random_port {
    my ($taken, $addr) = @_;

    for (1 .. 1000) {
        my $port = $LOWEST_PORT + int rand($HIGHEST_PORT - $LOWEST_PORT + 1);
        next if $taken->{$port};

        my $probe = IO::Socket::INET->new(LocalAddr => $addr,
            LocalPort => $port, Proto => 'tcp', Listen => 1, ReuseAddr => 1);

        return $port if $probe;
    }

    return undef;
}


# value($key) reads, value($key, $new) writes; both return what holds then
sub value {
    my ($self, $key, @new) = @_;

    $self->{$key} = $new[0] if @new;

    return $self->{$key};
}


sub root       { return $_[0]{root} }
sub html_dir   { return "$_[0]{root}/html" }
sub conf_dir   { return "$_[0]{root}/conf" }
sub log_dir    { return "$_[0]{root}/logs" }
sub conf_file  { return "$_[0]{root}/conf/nginx.conf" }
sub error_log  { return "$_[0]{root}/logs/error.log" }
sub access_log { return "$_[0]{root}/logs/access.log" }
sub pid_file   { return "$_[0]{root}/logs/nginx.pid" }


1;
