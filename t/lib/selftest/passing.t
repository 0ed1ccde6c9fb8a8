#!/usr/bin/perl

# Files that must pass: under our runner, and, where TEST_NGINX_REAL_LIB names
# the directories of the real Test::Nginx, under that with as many tests.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib $FindBin::Bin;

use Sandbox qw(run_file own_lib real_lib head_of);
use Test::More;

my %case;

$case{'responses'} = [18, head_of() . <<'END'];
=== TEST 1: body, code, headers
--- config
location = /t {
    add_header X-One 1;
    add_header X-Two 2;
    add_header X-Two two;
    return 201 "hello\n";
}
--- request
GET /t
--- error_code: 201
--- response_body
hello
--- response_headers
X-One: 1
X-Two: 2, two
! X-Three

=== TEST 2: patterns
--- config
add_header X-One abc always;
location = /t { return 404 "port $server_port\n"; }
--- request
GET /t
--- error_code_like: ^4\d\d
--- response_headers_like
X-One: [a-c]+
--- raw_response_headers_like: X-One: abc\r\n
--- raw_response_headers_unlike: X-Two
--- response_body_like: ^port \d+$

=== TEST 3: unlike, and a regex for a body
--- config
location = /t { return 200 "abc"; }
--- request
GET /t
--- response_body_unlike: xyz

=== TEST 4: a regex for a body
--- config
location = /t { return 200 "abc"; }
--- request
GET /t
--- response_body eval
qr/^a.c$/

=== TEST 5: chop, and the port in the expectation
--- config
location = /t { return 200 "$server_port"; }
--- request
GET /t
--- response_body chop
$ServerPort

=== TEST 6: the root location
--- config
--- request
GET /index.html
--- response_body_like: It works
END

$case{'requests'} = [23, head_of() . <<'END'];
=== TEST 1: a comment, no version, a body
--- config
location = /t { return 200 "$request $http_content_length $http_host\n"; }
--- request
# said beforehand
POST /t
12345
--- response_body
POST /t HTTP/1.1 5 localhost

=== TEST 2: headers of one's own
--- config
location = /t { return 200 "$http_host $http_x_foo $http_connection\n"; }
--- request
GET /t
--- more_headers
Host: example.org
# X-Foo: not this
X-Foo: bar
Connection: close
--- response_body
example.org bar close

=== TEST 3: a sequence
--- config
location = /a { return 200 "a $http_x\n"; }
location = /b { add_header X-B b always; return 202 "b $http_x\n"; }
--- request eval
["GET /a", "GET /b"]
--- more_headers eval
["X: 1", "X: 2"]
--- error_code eval
[200, 202]
--- response_body eval
["a 1\n", "b 2\n"]
--- response_headers eval
["! X-B", "X-B: b"]

=== TEST 4: pipelined
--- config
location = /a { return 200 "a\n"; }
location = /b { return 202 "b\n"; }
--- pipelined_requests eval
["GET /a", "GET /b"]
--- error_code eval
[200, 202]
--- response_body eval
["a\n", "b\n"]

=== TEST 5: as it stands
--- config
location = /t { return 200 "$server_protocol\n"; }
--- raw_request eval
"GET /t HTTP/1.0\r\nHost: x\r\n\r\n"
--- response_body
HTTP/1.0

=== TEST 6: in pieces
--- config
location = /t { return 200 "$request_method $uri $request_time\n"; }
--- request eval
[["GE", { value => "T /", delay_before => 0.05 },
  { value => "t", delay_before => 0.1 }]]
--- response_body_like: ^GET /t 0\.1[3-9]\d

=== TEST 7: in raw pieces
--- config
location = /t { return 200 "$request_time\n"; }
--- raw_request eval
["GET /t HTTP/1.0\r\n", "\r\n"]
--- raw_request_middle_delay: 0.1
--- response_body_like: ^0\.(?:09|1)

=== TEST 8: HEAD
--- config
location = /t { return 200 "hello"; }
--- request
HEAD /t
--- response_headers
Content-Length: 5
--- response_body eval
""
END

$case{'logs'} = [24, head_of('repeat_each(2);', 'log_level("info");') .
    <<'END'];
=== TEST 1: error.log
--- http_config
limit_req_zone $binary_remote_addr zone=one:64k rate=1r/m;
--- config
location = /t {
    limit_req zone=one;
    return 200;
}
location = /u {
    root /nowhere;
}
--- request
GET /u
--- error_code: 404
--- error_log eval
["No such file", qr/open\(\) "\S+" failed/]
--- no_error_log
[warn]
limiting requests

=== TEST 2: what is in each line
--- config
location = /u { root /nowhere; }
--- request
GET /u
--- error_code: 404
--- grep_error_log eval: qr/open\(\) "[^"]+" failed/
--- grep_error_log_out
open() "/nowhere/u" failed

=== TEST 3: access.log
--- config
location = /t { return 200; }
--- request
GET /t?here
--- access_log
GET /t?here
--- no_access_log
GET /u

=== TEST 4: what is looked at is of this repetition
--- http_config
limit_req_zone $uri zone=one:64k rate=1r/m;
--- config
location = /t {
    limit_req zone=one;
    limit_req_status 404;
    error_page 404 =200 /index.html;
}
--- request
GET /t
--- error_code_like: ^(404|200)$
--- grep_error_log eval: qr/limiting requests, excess: 0|limiting requests/
--- grep_error_log_out eval
["", "limiting requests\n"]
END

$case{'an alert that is named'} = [3, head_of() . <<'END'];
=== TEST 1: named
--- config
location = /t { return 200; }
--- init
open my $log, '>>', "$ENV{TEST_NGINX_SERVER_ROOT}/logs/error.log";
print {$log} "1970/01/01 00:00:00 [alert] 1#1: something odd\n";
close $log;
--- request
GET /t
--- error_log
[alert] 1#1: something odd
--- no_error_log
[emerg]
END

$case{'must_die'} = [7, head_of('repeat_each(1);') . <<'END'];
=== TEST 1: any way
--- config
no_such_directive on;
--- request
GET /t
--- must_die
--- error_log
unknown directive "no_such_directive"
--- suppress_stderr

=== TEST 2: with a code
--- http_config
limit_req_zone;
--- config
--- request
GET /t
--- must_die: 1
--- error_log
[emerg]
--- no_error_log
[alert]
--- suppress_stderr

=== TEST 3: and then it serves
--- config
location = /t { return 200 "up\n"; }
--- request
GET /t
--- response_body
up
END

$case{'the client goes'} = [6, head_of() . <<'END'];
=== TEST 1: abort
--- config
location = /t { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_reply_delay: 1s
--- tcp_reply eval
"HTTP/1.0 200 OK\r\n\r\n"
--- request
GET /t
--- timeout: 100ms
--- abort
--- ignore_response
--- wait: 0.05
--- no_error_log
[crit]

=== TEST 2: shutdown
--- config
location = /t { return 200 "said\n"; }
--- request
GET /t
--- shutdown: 1
--- response_body
said

=== TEST 3: the first lines only
--- config
location = /t { return 200; }
--- raw_request eval
"GET /t HTTP/1.1\r\n"
--- shutdown: 1
--- ignore_response
--- no_error_log
[alert]

=== TEST 4: of no interest
--- config
location = /t { return 500; }
--- request
GET /t
--- ignore_response
--- no_error_log
[alert]
[crit]
END

$case{'a stub behind'} = [12, head_of('repeat_each(2);') . <<'END'];
=== TEST 1: chunked, as upstream tells no length
--- config
location = /t {
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/x;
    proxy_set_header Host example.org;
}
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_query eval
qr{^GET /x HTTP/1\.0\r\n}
--- tcp_query_len: 57
--- tcp_reply eval
["HTTP/1.0 200 OK\r\n\r\n", "in two ", "pieces\n"]
--- request
GET /t
--- response_headers
Transfer-Encoding: chunked
--- response_body
in two pieces
--- no_error_log
[error]
END

$case{'files and names'} = [12, head_of(
    '$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();',
    '$ENV{TEST_NGINX_WORD} = "w";') . <<'END'];
=== TEST 1: user files
--- user_files
>>> a.txt
file a, $TEST_NGINX_WORD
>>> sub/b.txt 201901010000.00
file b
--- config
--- request eval
["GET /a.txt", "GET /sub/b.txt"]
--- response_body eval
["file a, w\n", "file b\n"]
--- response_headers eval
["Content-Length: 10", "Last-Modified: Tue, 01 Jan 2019 00:00:00 GMT"]

=== TEST 2: variables of the environment
--- main_config
env TEST_NGINX_WORD;
--- http_config
map $uri $port { default $TEST_NGINX_SERVER_PORT; }
--- config
location = /t {
    alias $TEST_NGINX_HTML_DIR/index.html;
    add_header X-Root $TEST_NGINX_SERVER_ROOT;
    add_header X-Port $port;
}
--- request
GET /t
--- response_headers_like
X-Root: /.*servroot.*
X-Port: \d+
--- error_code: 200
--- response_body_unlike: nothing

=== TEST 3: a socket among the files
--- http_config
server { listen unix:$TEST_NGINX_HTML_DIR/s.sock; return 200 "by socket\n"; }
--- config
location = /t { proxy_pass http://unix:$TEST_NGINX_HTML_DIR/s.sock; }
--- request
GET /t
--- response_body
by socket
END

$case{'blocks passed over'} = [4, head_of('repeat_each(2);') . <<'END'];
=== TEST 1: of no use
--- SKIP
--- config
--- request
GET /t
--- error_code: 999

=== TEST 2: not here
--- skip_eval: 1: 1 == 1
--- config
--- request
GET /t
--- error_code: 999

=== TEST 3: the end
--- LAST
--- config
--- request
GET /
--- error_code: 200

=== TEST 4: behind the end
--- config
--- request
GET /t
--- error_code: 999
END

$case{'one alone'} = [1, head_of() . <<'END'];
=== TEST 1: not this
--- config
--- request
GET /
--- error_code: 999

=== TEST 2: but this
--- ONLY
--- config
--- request
GET /
END

$case{'a plan in numbers'} = [6, <<'END'];
use Test::Nginx::Socket;

repeat_each(2);
plan tests => repeat_each() * (blocks() * 2 - 1);
workers(2);
master_on();
worker_connections(256);
add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value('request', "GET /" . $block->path)
        if defined $block->path;
});
run_tests();

__DATA__

=== TEST 1: first
--- config
location = /t { return 200 "first\n"; }
--- path: t
--- response_body
first

=== TEST 2: second
--- config
location = /t { return 204; }
--- request
GET /t
--- error_code: 204
END

$case{'code of the file'} = [6, <<'END'];
use Test::Nginx::Socket 'no_plan';
no_shuffle();
log_level('warn');
server_name('shop');
no_root_location();
config_preamble('location = /p { return 200 "preamble\n"; }');
env_to_nginx('ADM_A=1', 'ADM_B=two words');
add_response_body_check(sub {
    my ($block, $body, $req, $repeated) = @_;
    like($body, qr/./, 'a check of the file');
});
run_tests();

__DATA__

=== TEST 1: preamble
--- config
location = /t { return 200 "$server_name\n"; }
--- request eval
["GET /p", "GET /t"]
--- response_body eval
["preamble\n", "shop\n"]
--- error_code eval
[200, 200]
END
$case{'as the server ends'} = [4, head_of('master_on();',
    'log_level("notice");') . <<'END'];
=== TEST 1: something said
--- config
location = /t { return 200; }
--- request
GET /t
--- shutdown_error_log
gracefully shutting down

=== TEST 2: something not said
--- config
location = /t { return 200; }
--- request
GET /t
--- no_shutdown_error_log
[crit]
END

my $reloads = head_of('workers(2);') . <<'END';
=== TEST 1: first
--- config
location = /t { return 200 "first\n"; }
--- request
GET /t
--- response_body
first

=== TEST 2: reloaded
--- config
location = /t { return 200 "second\n"; }
location = /u { root /nowhere; }
--- request eval
["GET /t", "GET /u"]
--- error_code eval
[200, 404]
--- response_body_like eval
["second", "404"]

=== TEST 3: its log is its own
--- config
location = /t { return 200; }
--- request
GET /t
--- no_error_log
/nowhere
[alert]

=== TEST 4: the one before serves
--- config
location = /t { return 203 "third\n"; no_such_directive; }
--- reload_fails
--- request
GET /t
--- error_code: 200
--- error_log
unknown directive "no_such_directive"

=== TEST 5: it must die, whatever the mode
--- config
no_such_directive;
--- must_die
--- request
GET /t
--- suppress_stderr

=== TEST 6: and serves again
--- config
location = /t { return 200 "sixth\n"; }
--- request
GET /t
--- response_body
sixth
END

my @libs = ([ours => own_lib()], real_lib() ? [real => real_lib()] : ());

for my $name (sort keys %case) {
    my ($tests, $text) = @{ $case{$name} };

    passes("$name ($_->[0])", $tests, run_file($_->[1], $text)) for @libs;
}

passes("reloads ($_->[0])", 14,
       run_file($_->[1], $reloads, TEST_NGINX_USE_HUP => 1)) for @libs;

my $h2 = head_of() . <<'END';
=== TEST 1: by curl
--- http2
--- config
location = /t { return 200 "$server_protocol $request_body_file $http_x\n"; }
--- request
GET /t
--- more_headers
X: y
--- response_headers
Content-Length: 12
--- response_body_like: ^HTTP/2.0  y

=== TEST 2: nobody there to speak to
--- http2
--- config
location = /t { return 444; }
--- request
GET /t
--- ignore_response
--- curl_error eval: qr/curl: \(\d+\)/
--- no_error_log
[alert]
END

# the real one asks nginx before 1.25.1 for a directive that it lacks
passes('HTTP/2 (ours)', 4, run_file(own_lib(), $h2));

passes('everything by HTTP/2 (ours)', $case{responses}[0],
       run_file(own_lib(), $case{responses}[1] =~ s/X-One: abc/x-one: abc/r,
                TEST_NGINX_USE_HTTP2 => 1));

done_testing();


sub passes {
    my ($name, $tests, $run) = @_;

    my $fine = $run->{exit} == 0 && $run->{failed} == 0
               && $run->{passed} == $tests && $run->{left} eq '';

    ok($fine, $name)
        or diag("passed $run->{passed} of $tests, left: $run->{left}\n",
                $run->{out});

    return;
}
