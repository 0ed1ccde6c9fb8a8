package Test::Nginx::Runner::Sections;

# The sections that this runner knows, so that none is passed over in
# silence: an expectation that nobody checks would be a test that cannot fail.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);

use Test::Nginx::Runner::Util qw(section version_number bail_out);

our @EXPORT_OK = qw(refuse_unknown_sections skip_of);

my %SUPPORTED = map { $_ => 1 } qw(
    ONLY SKIP LAST description name
    main_config http_config config post_main_config server_name user_files
    init post_setup_server_root suppress_stderr log_level
    request raw_request raw_request_middle_delay pipelined_requests
    more_headers timeout abort shutdown wait server_addr_for_client
    curl curl_options curl_protocol curl_error http2 no_http2 http09
    error_code error_code_like response_headers response_headers_like
    raw_response_headers_like raw_response_headers_unlike
    response_body response_body_like response_body_unlike ignore_response
    error_log no_error_log grep_error_log grep_error_log_out
    access_log no_access_log shutdown_error_log no_shutdown_error_log
    must_die reload_fails skip_eval skip_nginx no_check_leak
    tcp_listen tcp_reply tcp_reply_delay tcp_query tcp_query_len
    tcp_no_close tcp_shutdown tcp_shutdown_delay
);

# part of the language, but not of this runner
my %FOREIGN = map { $_ => 1 } qw(
    udp_listen udp_query udp_reply udp_reply_delay
    stap stap_out stap_out_like stap_out_unlike
    response_body_filters response_body_json_sort response_body_eval
    request_eval charset error_log_file write_resp_body_file
    http3 no_http3 quic_max_idle_timeout todo todo_nginx
    skip_nginx2 skip_openssl skip_slave no_mockeagain
    tcp_query_auto_timeout
);


# A section of a name of its own is accepted where code of the test file
# (a preprocessor, a handler) is there to read it.
sub refuse_unknown_sections {
    my ($block, $has_readers) = @_;

    for my $name (@{ section($block, '_section_order') // [] }) {
        bail_out($block->name . " - this runner does not support --- $name")
            if $FOREIGN{$name};

        bail_out($block->name . " - nobody knows the section --- $name")
            if !$SUPPORTED{$name} && !$has_readers;
    }

    return;
}


# How many tests the block wants skipped, and why; nothing if it is to run.
sub skip_of {
    my ($block, $build) = @_;

    my $code = section($block, 'skip_eval');

    if (defined $code) {
        my ($count, $condition) = $code =~ /^\s*(\d+)\s*:\s*(.*)/s
            or bail_out($block->name . " - bad skip_eval: $code");
        my $skip = eval $condition;    ## no critic (its value is Perl code)

        bail_out($block->name . " - skip_eval: $@") if $@;
        return ($count, 'skip_eval') if $skip;
    }

    my $spec = section($block, 'skip_nginx') // return;
    my ($count, $operator, $version, $why) = $spec =~
        m{^\s*(\d+)\s*:\s*([<>]=?)\s*(\d+\.\d+\.\d+)(?:\s*:\s*(.*?))?\s*$}
        or bail_out($block->name . " - bad skip_nginx: $spec");

    return if !_compares($build->{number}, $operator,
                         version_number($version));

    return ($count, $why // "nginx version $operator $version");
}


sub _compares {
    my ($left, $operator, $right) = @_;

    return $left <  $right if $operator eq '<';
    return $left <= $right if $operator eq '<=';
    return $left >  $right if $operator eq '>';
    return $left >= $right;
}


1;
