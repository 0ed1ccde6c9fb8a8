package Test::Nginx::Runner::Curl;

# Requests by way of curl: for HTTP/2, and as a line to copy.
#
# Contract: curl_command() turns the bytes of an HTTP/1 request into the
# arguments of curl with the same method, URL, headers and body;
# talk_by_curl() runs them and returns what curl printed, and what it
# complained of.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();
use POSIX ();

use Test::Nginx::Runner::Util
    qw(section seconds read_file write_file bail_out);

our @EXPORT_OK = qw(curl_command talk_by_curl shell_line);


sub curl_command {
    my ($case, $settings, $packets) = @_;

    my $bytes = join '', map { $_->{value} } @$packets;
    my ($head, $body) = $bytes =~ /\A(.*?)\r?\n\r?\n(.*)\z/s;

    defined $head or bail_out("$case->{name} - curl needs a whole request");

    my ($line, @headers) = split /\r?\n/, $head;
    my ($method, $uri, $version) = $line =~ m{^\s*(\w+)\s+(\S+)\s+HTTP/(\S+)}
        or bail_out("$case->{name} - curl cannot send: $line");

    return [
        'curl', '-i', $settings->value('verbose') ? '-vv' : '-sS',
        # none of what curl would add of itself
        map({ ('-H', $_) } 'User-Agent:', 'Accept:', 'Host:'),
        $case->{http2} ? '--http2-prior-knowledge' : (),
        _method_options($method),
        $version ne '1.1' ? '-0' : (),
        map({ ('-H', $_) } grep { !/^Connection\s*:/i } @headers),
        _body_options($settings, $body, @headers),
        _time_limits($case, $settings),
        section($case->{block}, 'curl_options') // (),
        _url($case, $settings, $uri),
    ];
}


sub _method_options {
    my ($method) = @_;

    return '-I' if $method eq 'HEAD';
    return $method eq 'GET' ? () : ('-X', $method);
}


sub _body_options {
    my ($settings, $body, @headers) = @_;

    return () if !length $body;

    my $file = $settings->html_dir . '/curl.data.bin';
    write_file($file, $body);

    return ((grep { /^Content-Type\s*:/i } @headers)
                ? () : ('-H', 'Content-Type:'),
            '--data-binary', "\@$file");
}


sub _time_limits {
    my ($case, $settings) = @_;

    my $limit = seconds(section($case->{block}, 'timeout'))
                // $settings->value('timeout');

    return ('--connect-timeout', $limit, '--max-time', $limit);
}


sub _url {
    my ($case, $settings, $uri) = @_;

    my $scheme = section($case->{block}, 'curl_protocol') // 'http';
    my $addr = section($case->{block}, 'server_addr_for_client')
               // $settings->value('server_addr');

    return "$scheme://$addr:" . $settings->value('client_port') . $uri;
}


# Returns what was printed, and the complaint if there was nothing printed
# or curl complained beside it.
sub talk_by_curl {
    my ($command) = @_;

    my ($out, $err) = map { File::Temp->new } 1 .. 2;
    my $pid = fork() // bail_out("cannot fork: $!");

    if ($pid == 0) {
        open STDOUT, '>', $out->filename;
        open STDERR, '>', $err->filename;

        no warnings 'exec';
        exec { $command->[0] } @$command;
        print {*STDERR} "cannot run $command->[0]: $!\n";
        POSIX::_exit(127);
    }

    waitpid $pid, 0;

    return map { read_file($_->filename) } $out, $err;
}


sub shell_line {
    my ($command) = @_;

    return join ' ', map { _quoted($_) } @$command;
}


sub _quoted {
    my ($word) = @_;

    return $word if $word =~ m{^[-\w./:=%+]+$};

    $word =~ s/'/'\\''/g;

    return "'$word'";
}


1;
