#!/usr/bin/perl

# Who may see the status, where the peer is not who speaks; and counters whose
# memory goes away.  A balancer on this machine that announces its clients by
# the PROXY protocol made each of them local.  A server without a master that
# was reloaded to no http at all died when it ended, of a slot in memory that
# was not there any more.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep);

use AdmHttp qw(request_text fetch);
use AdmNginx ();


my $HTTP = <<'END';
    server {
        listen 127.0.0.1:%{h1};
        location = /status { admission_status; }
    }

    server {
        listen 127.0.0.1:%{h2} proxy_protocol;
        location = /status { admission_status; }
        location = /public { admission_status public; }
    }
END


sub announced {
    my ($nginx, $path) = @_;

    my $client = AdmHttp->connect($nginx->port('h2'));

    $client->send("PROXY TCP4 203.0.113.9 203.0.113.1 4711 80\r\n"
                  . request_text('GET', $path));

    return $client->answer->{status};
}


my $nginx = AdmNginx->start(http => $HTTP);

is(announced($nginx, '/status'), 403, 'announced by a PROXY protocol');
is(announced($nginx, '/public'), 200, 'the same, where it is public');

$nginx->finish;


my $single = AdmNginx->start(http => $HTTP, main => 'master_process off;');
my $conf = AdmNginx::slurp($single->dir . '/nginx.conf');

$conf =~ s/^http\b.*//ms;
$single->write_file('nginx.conf', $conf);
$single->signal('HUP');
sleep 0.5;

ok(AdmNginx::alive($single->pid), 'without a master, reloaded to no http');

$single->finish;

done_testing();
