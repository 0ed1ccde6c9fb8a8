#!/usr/bin/perl

# When a request is over, each policy is told what became of it upstream:
# never reached, sent and never answered, or answered, and with which status
# of the upstream's own, whatever error_page, X-Accel-Redirect or another
# peer made of it for the client.  A buyer's units hang on that word.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use IO::Socket::INET ();
use Test::More;
use Time::HiRes qw(sleep);

use AdmH2 qw(fetch2);
use AdmHttp qw(fetch request_text);
use AdmNginx qw(need_probe becomes free_port wait_for);
use AdmUpstream ();

need_probe();


my $HTTP = <<'END';
    admission_test_keeper 5s;

    proxy_http_version 1.1;
    proxy_read_timeout 10s;
    proxy_cache_path %{dir}/cache keys_zone=pages:1m;
    limit_req_zone $arg_l zone=others:64k rate=1r/m;

    upstream dies_then_answers {
        server 127.0.0.1:%{dying} max_fails=0;
        server 127.0.0.1:%{up} backup max_fails=0;
    }

    upstream dies_then_absent {
        server 127.0.0.1:%{dying} max_fails=0;
        server 127.0.0.1:%{absent} backup max_fails=0;
    }

    upstream absent_then_answers {
        server 127.0.0.1:%{absent} max_fails=0;
        server 127.0.0.1:%{up} backup max_fails=0;
    }

    upstream absent_then_dies {
        server 127.0.0.1:%{absent} max_fails=0;
        server 127.0.0.1:%{dying} backup max_fails=0;
    }

    upstream answers_then_absent {
        server 127.0.0.1:%{up} max_fails=0;
        server 127.0.0.1:%{absent} backup max_fails=0;
    }

    upstream none_alive {
        server 127.0.0.1:%{absent} max_fails=1 fail_timeout=60s;
        server 127.0.0.1:%{gone} max_fails=1 fail_timeout=60s;
    }

    server {
        listen 127.0.0.1:%{h1};
        listen 127.0.0.1:%{h2} http2;

        admission_probe a 0-grant at=claim;

        location = /status { admission off; admission_status; }

        location / { proxy_pass http://127.0.0.1:%{up}; }
        location = /absent { proxy_pass http://127.0.0.1:%{absent}; }

        # only who is never answered is not waited for
        location = /hang {
            proxy_read_timeout 200ms;
            proxy_pass http://127.0.0.1:%{up};
        }

        location = /stuffed {
            proxy_connect_timeout 200ms;
            proxy_pass http://127.0.0.1:%{stuffed};
        }

        location /dies-answers/ { proxy_pass http://dies_then_answers; }
        location /dies-absent/ { proxy_pass http://dies_then_absent; }
        location /absent-answers/ { proxy_pass http://absent_then_answers; }
        location /absent-dies/ { proxy_pass http://absent_then_dies; }
        location /none-alive/ { proxy_pass http://none_alive; }

        location /next/ {
            proxy_next_upstream http_500;
            proxy_pass http://answers_then_absent;
        }

        location = /nameless {
            resolver 127.0.0.1:%{gone};
            resolver_timeout 200ms;
            proxy_pass http://shop.invalid:$arg_port;
        }

        location /small/ {
            client_max_body_size 100;
            proxy_pass http://127.0.0.1:%{up};
        }

        location /page/ {
            proxy_intercept_errors on;
            error_page 500 503 /sorry;
            error_page 502 504 = @other;
            error_page 404 =200 /sorry;
            error_page 403 =202 /said;
            proxy_pass http://127.0.0.1:%{up};
        }

        location = /page/hang {
            error_page 504 = @other;
            proxy_read_timeout 200ms;
            proxy_pass http://127.0.0.1:%{up};
        }

        location = /page/absent {
            error_page 502 = @other;
            proxy_pass http://127.0.0.1:%{absent};
        }

        location = /sorry {
            alias %{dir}/html/hello;
            admission_probe b 0-grant at=ask;
        }

        location = /said { return 202 "said\n"; }

        location @other {
            rewrite ^ /answer/200 break;
            proxy_pass http://127.0.0.1:%{up};
            admission_probe b 0-grant at=ask;
        }

        location = /inner {
            internal;
            alias %{dir}/html/hello;
            admission_probe b 0-grant at=ask;
        }

        location /cached/ {
            proxy_cache pages;
            proxy_cache_key $uri;       # not of the id that each has
            proxy_cache_valid 200 1m;
            proxy_pass http://127.0.0.1:%{up}/answer/200/;
        }

        location /patient/ {
            proxy_ignore_client_abort on;
            proxy_read_timeout 5s;
            proxy_pass http://127.0.0.1:%{up};
        }

        location = /limited {
            limit_req zone=others;
            alias %{dir}/html/hello;
        }

        location = /hello { alias %{dir}/html/hello; }
        location = /missing { alias %{dir}/html/missing; }
        location = /returned { return 204; }

        location = /tried {
            root %{dir}/html;
            try_files /nothing @tried;
        }

        location @tried {
            admission_probe a 0-grant at=claim;
            admission_probe b 0-grant at=claim;
            rewrite ^ /answer/200 break;
            proxy_pass http://127.0.0.1:%{up};
        }
    }
END

# a port that takes no more connections, and answers none
my $stuffed = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
    or die "cannot listen: $!\n";
my @stuffing = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $stuffed->sockport, Timeout => 0.1) } 1 .. 4;

my $upstream = AdmUpstream->start;
my $dying = AdmUpstream->start('close');
my $nginx = AdmNginx->start(http => $HTTP, vars => {
    up => $upstream->port, dying => $dying->port, absent => free_port(),
    gone => free_port(), stuffed => $stuffed->sockport,
});

my $ids = 0;


sub target {
    my ($path) = @_;

    my $id = 's' . ++$ids;

    return ($path . ($path =~ /\?/ ? '&' : '?') . "id=$id", $id);
}


# One request by both protocols: what the client sees, what the probes do.
sub settles {
    my ($name, $path, $status, $settlement, %option) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for (['h1', \&fetch], ['h2', \&fetch2]) {
        my ($protocol, $fetch) = @$_;
        my ($target, $id) = target($path);
        my $mark = $nginx->mark;

        $target =~ s/\bID\b/$id/;

        my $answer = $fetch->($nginx->port($protocol), $target,
            %{ $option{$protocol} // {} });

        is($answer->{status}, $status, "$name, $protocol: status");
        $nginx->calls_are($mark, $id, ref $settlement ? $settlement :
            ['a: check', 'a: claim', 'a: conclude granted',
             "a: settle $settlement"], "$name, $protocol: settlement");
    }

    return;
}


sub one_peer {
    settles('refused', '/absent', 502, 'unreached 0');
    settles('no answer to a connect', '/stuffed', 504, 'unreached 0');
    settles('hung up', '/close', 502, 'unanswered 0');
    settles('timed out', '/hang', 504, 'unanswered 0');
    settles('too large a head', '/large', 502, 'unanswered 0');
    settles('answered', '/answer/200', 200, 'answered 200');
    settles('answered an error', '/answer/503', 503, 'answered 503');
    settles('answered 404', '/answer/404', 404, 'answered 404');

    return;
}


sub pages {
    settles('error_page', '/page/answer/500', 500, 'answered 500');
    settles('error_page with its own status', '/page/answer/404', 200,
        'answered 404');
    settles('error_page by return', '/page/answer/403', 202, 'answered 403');
    settles('hung up, error_page by another upstream', '/page/close', 200,
        'unanswered 0');
    settles('timed out, error_page by another upstream', '/page/hang', 200,
        'unanswered 0');

    # nobody was sent it before: it is the other one's request
    settles('refused, error_page by another upstream', '/page/absent', 200,
        'answered 200');
    settles('X-Accel-Redirect', '/accel/inner', 200, 'answered 201');
    settles('X-Accel-Redirect to nowhere', '/accel/missing', 404,
        'answered 201');

    return;
}


sub peers {
    settles('the second peer answers', '/dies-answers/answer/200', 200,
        'answered 200');
    settles('the second peer is absent', '/dies-absent/answer/200', 502,
        'unanswered 0');
    settles('the first peer is absent', '/absent-answers/answer/200', 200,
        'answered 200');
    settles('the first peer is absent, the second dies', '/absent-dies/x',
        502, 'unanswered 0');
    settles('an error, and the next peer is absent', '/next/answer/500', 502,
        'unanswered 0');
    settles('no peer alive', '/none-alive/x', 502, 'unreached 0');

    return;
}


sub before_any_peer {
    settles('its name is unknown', '/nameless?port=80', 502, 'unreached 0');

    my $chunks = "64\r\n" . 'x' x 100 . "\r\n64\r\n" . 'x' x 100
                 . "\r\n0\r\n\r\n";

    settles('the body grew too large', '/small/answer/200', 413,
        'unreached 0', h1 => {
            method => 'POST', body => $chunks,
            fields => "Transfer-Encoding: chunked\r\n",
        }, h2 => { method => 'POST', body => 'x' x 200 });

    return;
}


sub without_upstream {
    settles('a file', '/hello', 200, 'answered 200');
    settles('no file', '/missing', 404, 'answered 404');
    settles('nothing decided', '/returned', 204, []);
    settles('let in by another limit', '/limited?l=ID', 200, 'answered 200');

    return;
}


# limit_req stands behind us: nothing was sent
sub other_limit {
    fetch($nginx->port('h1'), '/limited?l=same&id=first');
    settles('refused by another limit', '/limited?l=same', 503,
        ['a: check', 'a: settle unreached 0']);

    return;
}


sub cache {
    settles('put into the cache', '/cached/ID', 200, 'answered 200');
    settles('the first to ask', '/cached/same', 200, 'answered 200');

    my @asked = $upstream->seen;

    settles('out of the cache', '/cached/same', 200, 'answered 200');
    is(scalar(my @now = $upstream->seen), scalar @asked,
        'the upstream was not asked');
    isnt(scalar @asked, 0, '... as it was before');

    return;
}


# both locations' probes, each once, wherever try_files stands
sub tried {
    my $mark = $nginx->mark;
    my ($target, $id) = target('/tried');

    is(fetch($nginx->port('h1'), $target)->{status}, 200, 'try_files');

    my $calls = sub { join '; ', sort @{ $nginx->calls($mark)->{$id} // [] } };

    becomes($calls, join('; ', map { my $p = $_; map { "$p: $_" }
        'check', 'claim', 'conclude granted', 'settle answered 200' }
        qw(a b)), 'each probe of both locations once');

    return;
}


# the client leaves, and the answer is waited for all the same
sub left_alone {
    my $mark = $nginx->mark;
    my ($target, $id) = target('/patient/slow/300');
    my $client = AdmHttp->connect($nginx->port('h1'));

    $client->send(request_text('GET', $target));
    wait_for(sub { $upstream->seen_like($id) });
    $client->close;

    $nginx->calls_are($mark, $id, ['a: check', 'a: claim',
        'a: conclude granted', 'a: settle answered 200'],
        'left, and answered: proxy_ignore_client_abort');

    return;
}


one_peer();
pages();
peers();
before_any_peer();
without_upstream();
other_limit();
cache();
tried();
left_alone();

$nginx->balanced;
$nginx->finish;

done_testing();
