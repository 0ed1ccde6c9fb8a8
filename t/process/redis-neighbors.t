#!/usr/bin/perl

# Another module that talks to Redis brings a hiredis of its own, of another
# version, into the same process.  Whichever is loaded first, ours keeps its
# own, which nobody else sees, and theirs works as before.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Cwd ();
use File::Temp ();
use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;

use AdmHttp qw(fetch);
use AdmNginx qw(becomes wait_for);
use AdmRedis ();
use AdmShopper ();


AdmRedis::need_redis();

my $NCHAN = '/usr/lib/nginx/modules/ngx_nchan_module.so';

plan(skip_all => 'needs the module as a file (ADM_MODULE)')
    unless $ENV{ADM_MODULE};
plan(skip_all => 'needs libnginx-mod-nchan') unless -e $NCHAN;

my $MODULE = Cwd::abs_path($ENV{ADM_MODULE});

my $HTTP = <<'END';
    admission_redis %{redis} timeout=5s claim_timeout=5s;
    admission_secret_file %{keys};
    admission_rate one $arg_k rate=1r/h burst=4 scope=exact;

    nchan_redis_url %{theirs};

    server {
        listen 127.0.0.1:%{h1};

        location = /status { admission_status; }

        location = /one {
            alias %{dir}/html/hello;
            admission_limit one;
            admission_on_store_failure rate=closed;
        }

        location = /publish {
            nchan_publisher;
            nchan_channel_id $arg_id;
            nchan_use_redis on;
        }
    }
END

my $keys = File::Temp->new;
print {$keys} AdmShopper::key_file();
close $keys;

my ($ours, $theirs) = map { AdmRedis->start } 1 .. 2;


sub published {
    my ($nginx, $id, $text) = @_;

    my $answer = fetch($nginx->port('h1'), "/publish?id=$id",
        method => 'POST', body => $text) // { status => 0 };

    return $answer->{status} =~ /^20[12]$/;
}


sub together {
    my ($name, $id, @modules) = @_;

    local $ENV{ADM_MODULE} = '';

    my $nginx = AdmNginx->start(http => $HTTP, workers => 2,
        main => join('', map { "load_module $_;\n" } @modules),
        vars => { keys => "$keys", redis => $ours->uri,
                  theirs => $theirs->uri });

    my $said = join ' ', map { fetch($nginx->port('h1'), "/one?k=$id")
                               ->{status} } 1 .. 6;

    is($said, '200 200 200 200 200 429', "$name: our Redis counts");

    # it waits for its own connection
    ok(wait_for(sub { published($nginx, $id, 'hello') }),
        "$name: a message to theirs");

    my $messages = fetch($nginx->port('h1'), "/publish?id=$id");

    like($messages->{body}, qr/queued messages: [1-9]/,
        "$name: which keeps it") or diag(explain($messages));

    # who is answered may ask before it is counted
    becomes(sub { $nginx->metric('store_trips_total', command => 'rate',
        outcome => 'ok') }, 6, "$name: each of ours is one trip");

    $nginx->finish;

    return;
}


# the symbols that others may be bound to
my @symbols = map { (split)[-1] } qx(nm -D --defined-only '$MODULE');

is(join(' ', grep { /^(?:redis|__redis|sds|hi_|dict)/ } @symbols), '',
    'nothing of hiredis is seen from outside');
ok((grep { $_ eq 'ngx_modules' } @symbols), 'though symbols are read at all');
is(join(' ', grep { /^(?:redis|sds)/ } map { (split)[-1] }
    qx(nm -D --undefined-only '$MODULE')), '', 'nor is any looked for');

together('behind theirs', 'a', $NCHAN, $MODULE);
together('before theirs', 'b', $MODULE, $NCHAN);

cmp_ok($theirs->info('keyspace')->{db0} // 'none', 'ne', 'none',
    'theirs was used');

$_->finish for $ours, $theirs;

done_testing();
