package Test::Nginx::Socket;

# A runner for tests in the declarative language of Test::Nginx, for machines
# on which that module is not installed.  It reads the part of the language
# that is in use here; where the real module comes first in @INC the same
# files run under it, with the same result.
#
# The language is what Test::Nginx documents of itself (Test::Nginx::Socket on
# CPAN); blocks, filters and comparisons come from Test::Base.  This is an
# implementation of its own, written from the behaviour.
#
# Contract: the functions exported here and the sections that Runner/Sections
# lists behave as documented there; any other section of the language is
# refused.  Beyond it, without a section to ask for it, a block fails if nginx
# logs an [alert] that its error_log does not name, if a sanitizer speaks up,
# or if nginx is gone when it is to be stopped.
#
# Limits: no HTTP/3, UDP, SystemTap, Valgrind, benchmark and leak modes; the
# server root must be ours alone; wants a POSIX system and a nginx >= 1.19.5.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Test::Base -base;

use Carp ();
use Test::Nginx::Runner ();
use Test::Nginx::Runner::Compare ();
use Test::Nginx::Runner::Settings ();
use Test::Nginx::Runner::Util ();

our @EXPORT = qw(
    run_tests repeat_each no_shuffle use_hup
    no_long_string is_str bail_out timeout
    workers worker_connections log_level env_to_nginx
    master_on master_off master_process_enabled
    config_preamble no_root_location no_nginx_manager
    server_name server_addr server_port server_port_for_client
    server_root html_dir check_accum_error_log
    add_block_preprocessor add_response_body_check
    add_cleanup_handler add_test_cleanup_handler
);

my $Settings = Test::Nginx::Runner::Settings->from_env;
my $Runner = Test::Nginx::Runner->new($Settings);


sub run_tests () {
    return $Runner->run_all(Test::Base::blocks());
}


# With an argument these set, without one they read.

sub repeat_each (@) { return $Settings->value('repeat', @_) }
sub timeout (@) { return $Settings->value('timeout', @_) }
sub workers (@) { return $Settings->value('workers', @_) }
sub log_level (@) { return $Settings->value('log_level', @_) }
sub server_name (@) { return $Settings->value('server_name', @_) }
sub server_addr (@) { return $Settings->value('server_addr', @_) }
sub server_port (@) { return $Settings->value('port', @_) }

sub worker_connections (@) {
    return $Settings->value('worker_connections', @_);
}

sub server_port_for_client (@) {
    return $Settings->value('client_port', @_);
}

sub master_process_enabled (@) {
    return $Settings->value('master', map { $_ ? 'on' : 'off' } @_);
}


sub master_on () { return $Settings->value('master', 'on') }
sub master_off () { return $Settings->value('master', 'off') }
sub no_shuffle () { return $Settings->value('shuffle', 0) }
sub use_hup () { return $Settings->value('hup', 1) }
sub no_long_string () { return $Settings->value('long_string', 0) }
sub no_root_location () { return $Settings->value('root_location', 0) }
sub config_preamble ($) { return $Settings->value('preamble', $_[0]) }
sub check_accum_error_log () { return $Settings->value('accumulate_log', 1) }

sub server_root () { return $Settings->root }
sub html_dir () { return $Settings->html_dir }


sub set_http_config_filter ($) {
    return $Settings->value('config_filter', $_[0]);
}


sub env_to_nginx (@) {
    Carp::croak('env_to_nginx wants the names of variables') if !@_;

    for my $variable (@_) {
        Carp::croak("env_to_nginx cannot pass: $variable")
            if $variable !~ /^[A-Za-z_]/ || $variable =~ /\n/;

        push @{ $Settings->value('env_names') }, $variable;
    }

    return;
}


sub no_nginx_manager () {
    Carp::croak('this runner always manages nginx itself');
}


sub add_block_preprocessor (&) {
    return $Runner->add_hook(preprocessors => $_[0]);
}

sub add_test_cleanup_handler ($) {
    return $Runner->add_hook(block_cleanups => $_[0]);
}

sub add_cleanup_handler ($) {
    return $Runner->add_hook(cleanups => $_[0]);
}

sub add_response_body_check ($) {
    return $Runner->add_hook(body_checks => $_[0]);
}


sub is_str (@) {
    my ($got, $expected, $name) = @_;

    return Test::Nginx::Runner::Compare::compare_text($Settings, $got,
                                                      $expected, $name);
}


sub bail_out (@) {
    return Test::Nginx::Runner::Util::bail_out(@_);
}


END {
    local $?;

    $Runner->abandon if $Runner;
}


1;
