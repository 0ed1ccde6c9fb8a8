#!/usr/bin/perl

# That the runner can fail: each small file here is wrong in one way, and
# must come out as a failure that names it, while the tests that are right
# still pass.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib $FindBin::Bin;

use File::Temp ();
use Sandbox qw(run_file own_lib head_of);
use Test::More;

my $page = <<'END';
=== TEST 1: page
--- config
location = /t { add_header X-One 1 always; return 200 "hello\n"; }
location = /u { root /nowhere; }
--- request
GET /t
END

# a line of error.log, as if nginx had written it
sub logged {
    my ($line) = @_;

    return <<"END";
--- init
open my \$log, '>>', "\$ENV{TEST_NGINX_SERVER_ROOT}/logs/error.log";
print {\$log} "1970/01/01 00:00:00 $line\\n";
close \$log;
END
}


# Sections that make the page fail, and what the failure says.
my @wrong_sections = (
    ['another body',
     "--- response_body\nbye\n", qr/response_body/],
    ['another body, with a long string shown',
     "--- response_body\nbye\n", qr/response_body/, 'long'],
    ['a body that does not match',
     "--- response_body_like: ^bye\n", qr/response_body_like/],
    ['a body that matches',
     "--- response_body_unlike: hello\n", qr/response_body_unlike/],
    ['a regex as body',
     "--- response_body eval: qr/bye/\n", qr/response_body/],
    ['another code',
     "--- error_code: 404\n", qr/status code/],
    ['a code that does not match',
     "--- error_code_like: ^4\n", qr/status code/],
    ['another header',
     "--- response_headers\nX-One: 2\n", qr/header X-One/],
    ['a header that is not there',
     "--- response_headers\nX-Two: 2\n", qr/header X-Two/],
    ['a header that should not be there',
     "--- response_headers\n! X-One\n", qr/header X-One/],
    ['the same in other letters',
     "--- response_headers\n! x-one\n", qr/header x-one/],
    ['a header that does not match',
     "--- response_headers_like\nX-One: [2-9]\n", qr/header X-One/],
    ['raw headers that do not match',
     "--- raw_response_headers_like: X-Two\n", qr/raw_response_headers_like/],
    ['raw headers that match',
     "--- raw_response_headers_unlike: X-One\n",
     qr/raw_response_headers_unlike/],
    ['a line that is not in error.log',
     "--- error_log\nnever said\n", qr/error_log.*never said/],
    ['a line that is in error.log',
     "--- no_error_log\n[debug]\n", qr/no_error_log.*\[debug\]/],
    ['another extract of error.log',
     "--- grep_error_log: GET /t\n--- grep_error_log_out\nGET /u\n",
     qr/grep_error_log_out/],
    ['a line that is not in access.log',
     "--- access_log\nGET /u\n", qr/access_log.*GET \/u/],
    ['a line that is in access.log',
     "--- no_access_log\nGET /t\n", qr/no_access_log.*GET \/t/],
    ['nothing said at the end',
     "--- shutdown_error_log\nnever said\n", qr/shutdown_error_log/],
    ['something said at the end',
     "--- no_shutdown_error_log\nexit\n", qr/no_shutdown_error_log/],
    ['a server that does not die',
     "--- must_die\n", qr/dies as it must/],
    ['a stub that hears something else',
     "--- tcp_listen: \$TEST_NGINX_RAND_PORT_1\n--- tcp_reply: x\n"
     . "--- tcp_query: y\n", qr/tcp_query/],
    ['a stub that hears another length',
     "--- tcp_listen: \$TEST_NGINX_RAND_PORT_1\n--- tcp_reply: x\n"
     . "--- tcp_query_len: 3\n", qr/tcp_query_len/],
    ['an alert',
     logged('[alert] 1#1: something odd'), qr/error\.log is clean/],
    ['an alert beside the one expected',
     logged("[alert] 1#1: one\\n[alert] 1#1: two")
     . "--- error_log\n[alert] 1#1: two\n",
     qr/error\.log is clean/],
    ['a word of a sanitizer',
     logged('==1==ERROR: AddressSanitizer: heap-use-after-free'),
     qr/error\.log is clean/],
    ['the same, though expected',
     logged('==1==ERROR: AddressSanitizer: heap-use-after-free')
     . "--- error_log\nAddressSanitizer\n", qr/error\.log is clean/],
    ['undefined behaviour',
     logged('x.c:1:2: runtime error: left shift'), qr/error\.log is clean/],
    ['a failed assertion',
     logged("nginx: x.c:1: f: Assertion `0' failed."),
     qr/error\.log is clean/],
);

for (@wrong_sections) {
    my ($name, $sections, $said, $long) = @$_;

    my $head = head_of();
    $head =~ s/^no_long_string.*\n//m if $long;

    my $run = run_file(own_lib(), "$head$page$sections");

    fails($name, $said, $run);
    is($run->{failed}, 1, 'and nothing else does');
}


my $broken = <<'END';
=== TEST 1: broken
--- config
no_such_directive on;
--- request
GET /t
--- suppress_stderr
END

my $hanging = <<'END';
=== TEST 1: no answer
--- config
location = /t { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_reply_delay: 2s
--- tcp_reply: x
--- request
GET /t
--- timeout: 100ms
END

my $unfinished = <<'END';
=== TEST 1: the last chunk is missing
--- config
location = /t { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
--- request
GET /t
--- response_body chomp
hello
END

my $signal = <<'END';
sub signal_nginx {
    my ($signal, $whom) = @_;

    open my $file, '<', server_root() . '/logs/nginx.pid';
    my $pid = <$file>;
    chomp $pid;
    $pid = `pgrep -P $pid` if $whom eq 'worker';
    kill $signal, $pid;
    select undef, undef, undef, 0.1;
}
END

my $sequence = $page =~ s{--- request\nGET /t}
                         {--- request eval\n["GET /t", "GET /t"]}r;

# Whole files, and what comes of them.
my @wrong_files = (
    ['a configuration that is refused', qr/Bail out!.*does not start/,
     head_of() . $broken],
    ['another exit code', qr/dies as it must, with the expected code/,
     head_of() . "$broken--- must_die: 2\n"],
    ['no answer in time', qr/timed out/, head_of() . $hanging],
    ['a response without its end', qr/well framed/, head_of() . $unfinished],
    ['one expectation for two requests', qr/Bail out!.*must be an array/,
     head_of() . "$sequence--- response_body\nhello\n"],
    ['the second response is another', qr/not ok .*response_body.*req 1/,
     head_of() . "$sequence--- response_body eval\n[\"hello\\n\", 'x']\n"],
    ['no request', qr/Bail out!.*no request/,
     head_of() . ($page =~ s/--- request.*//sr)],
    ['an unknown section', qr/Bail out!.*nobody knows.*respnse_body/,
     head_of() . "$page--- respnse_body: x\n"],
    ['a section that is not supported', qr/Bail out!.*does not support.*todo/,
     head_of() . "$page--- todo: 1: not yet\n"],
    ['a variable that is not set', qr/Bail out!.*TEST_NGINX_NEVER_SET/,
     head_of() . ($page =~ s{/nowhere}{\$TEST_NGINX_NEVER_SET}r)],
    ['a check of the file itself', qr/not ok .*of the file/,
     head_of('add_response_body_check(sub { is($_[1], 1, "of the file") });')
     . $page],
    ['the plan is not kept', qr/planned 3 tests? but ran 1/,
     head_of() =~ s/'no_plan'/tests => 3/r . $page],
    ['a killed worker', qr/error\.log is clean/,
     head_of('master_on();', $signal,
             q[add_test_cleanup_handler(sub { signal_nginx(9, 'worker') });])
     . $page],
    ['nginx has died', qr/nginx lives on/,
     head_of('master_off();', $signal,
             q[add_test_cleanup_handler(sub { signal_nginx(9, 'nginx') });])
     . $page],
);

for (@wrong_files) {
    my ($name, $said, $text) = @$_;

    fails($name, $said, run_file(own_lib(), $text));
}


fails('a reload that is refused', qr/the reload comes into force/,
      run_file(own_lib(), head_of() . $page . ($broken =~ s/TEST 1/TEST 2/r),
               TEST_NGINX_USE_HUP => 1));

{
    my $dir = File::Temp->newdir;
    my $report = "$dir/asan.1";
    my $writes = head_of('add_cleanup_handler(sub {'
                         . " open my \$out, '>', '$report';"
                         . " print {\$out} qq{ERROR: leak\\n}; });") . $page;

    fails('a report of a sanitizer', qr/no sanitizer report/,
          run_file(own_lib(), $writes, ADM_SANITIZER_LOG => "$dir/asan"));

    passes('a report of yesterday', 1,
           run_file(own_lib(), head_of() . $page,
                    ADM_SANITIZER_LOG => "$dir/asan"));

    passes('a report beside the prefix', 1,
           run_file(own_lib(), head_of() . $page,
                    ADM_SANITIZER_LOG => "$dir/other"));
}

# the extra checks take no part in a plan that is kept
passes('a plan in numbers', 1,
       run_file(own_lib(), head_of() =~ s/'no_plan'/tests => 1/r . $page));

passes('an alert that is expected', 2,
       run_file(own_lib(), head_of() . $page
                . logged('[alert] 1#1: something odd')
                . "--- error_log eval: qr/alert.*odd/\n"));

done_testing();


sub fails {
    my ($name, $said, $run) = @_;

    my @complaints = grep { /^(?:not ok|Bail out!|#)/ }
                     split /\n/, $run->{out};
    my $fine = $run->{exit} != 0 && $run->{left} eq ''
               && grep { $_ =~ $said } @complaints;

    ok($fine, "fails: $name")
        or diag("exit $run->{exit}, left: $run->{left}\n", $run->{out});

    return;
}


sub passes {
    my ($name, $tests, $run) = @_;

    ok($run->{exit} == 0 && $run->{passed} == $tests, "passes: $name")
        or diag($run->{out});

    return;
}
