#!/usr/bin/perl

# The machine that sells is restarted in the middle of the sale.  Shoppers who
# did not get their answer send their orders again, to an nginx that has never
# heard of them.  With a state directory it has: what was done is answered as
# it was, byte for byte, and what was on its way may have been done, so nobody
# does it again.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Test::More;
use Time::HiRes qw(stat);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for slurp);
use AdmOrders ();


my $HTTP = <<'END';
    admission_zone clients %{size};
    admission_state %{state};
    admission_log_level error;

    upstream orders { server 127.0.0.1:%{orders} max_fails=0; }

    server {
        listen 127.0.0.1:%{h1};

        admission_idempotency $http_idempotency_key owner=$http_x_buyer
            ttl=%{ttl} lock=1s zone=clients;

        proxy_ignore_client_abort on;

        add_header X-Verdict "$admission_verdict $admission_reason" always;

        location = /status { admission off; admission_status; }
        location / { proxy_pass http://orders; }
    }
END

my $orders = AdmOrders->start;
my $root = File::Temp->newdir('adm-keys-XXXXXX', TMPDIR => 1);
chmod 0755, $root;

my $n = 0;

sub new_dir { return "$root/" . ++$n }


sub start {
    my ($dir, %is) = @_;

    my $nginx = AdmNginx->start(http => $HTTP, vars => {
        state => $dir, orders => $orders->port, size => '8m', ttl => '1h',
        %is });

    # whoever is to be killed has to be there
    wait_for(sub { managers($nginx) }, 10);

    return $nginx;
}


sub managers { return AdmNginx::_children($_[0]->pid, qr/cache manager/) }


# Why nginx does not start.
sub refused {
    my ($dir, %is) = @_;

    my $nginx = eval { start($dir, %is) };
    my $why = $@;

    $nginx->finish if $nginx;

    return $nginx ? 'it starts' : $why;
}


sub request {
    my ($key, $path) = @_;

    return request_text('POST', $path, body => 'item=lamp',
        fields => "Idempotency-Key: $key\r\nX-Buyer: ann\r\n"
            . "Connection: close\r\n");
}


sub order {
    my ($nginx, $key, $path) = @_;

    my $client = AdmHttp->connect($nginx->port('h1'));
    $client->send(request($key, $path // "/plain/201?k=$key-"));

    return $client->answer;
}


sub said { return "$_[0]{status} $_[0]{field}{'x-verdict'}" }


# Orders of many lengths: what each was answered, by its key
sub orders {
    my ($nginx, $dir) = @_;

    my %path = map { ("$dir-$_" => "/large/" . 300 * $_ . "?k=$dir-$_-") }
        1 .. 60;

    return { map { $_ => [$path{$_}, order($nginx, $_, $path{$_})] }
             keys %path };
}


# All is on disk: a copy that was begun after now is done.
sub kept {
    my ($dir) = @_;

    for (1 .. 2) {
        my $was = (stat "$dir/keys")[9];
        order_anything($_[1]);
        wait_for(sub { (stat "$dir/keys")[9] != $was }, 10)
            or return 0;
    }

    return 1;
}


my $anything = 0;

sub order_anything { return order($_[0], 'anything-' . ++$anything) }


sub are_back {
    my ($nginx, $done, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @wrong = grep {
        my ($path, $first) = @{ $done->{$_} };
        my $again = order($nginx, $_, $path);

        $again->{status} != $first->{status}
            || $again->{body} ne $first->{body}
            || $again->{field}{'idempotent-replayed'} ne 'true'
    } keys %$done;

    is("@wrong", '', "$name: all are answered as they were");
    is((grep { $orders->executed("k=$_-") != 1 } keys %$done), 0,
        "$name: and executed once");

    return;
}


sub in_order {
    my $dir = new_dir();
    my $nginx = start($dir);
    my $done = orders($nginx, 'in-order');

    $nginx->finish;
    $nginx = start($dir);

    are_back($nginx, $done, 'restarted');

    $nginx->finish;
    $nginx = start($dir, size => '2m');

    are_back($nginx, $done, 'restarted with a smaller zone');

    $nginx->finish;
    $nginx = start($dir, size => '32m');

    are_back($nginx, $done, 'restarted with a larger one');

    $nginx->finish;

    return;
}


sub killed {
    my $dir = new_dir();
    my $nginx = start($dir);
    my $done = orders($nginx, 'killed');
    my $client = AdmHttp->connect($nginx->port('h1'));

    $client->send(request('slow', '/until/slow?k=slow-'));
    ok(wait_for(sub { $orders->executed('k=slow-') }), 'one is on its way');
    ok(kept($dir, $nginx), 'and on disk');

    kill 'STOP', $nginx->pid;
    kill 'KILL', AdmNginx::_children($nginx->pid, qr/./), $nginx->pid;
    ok($nginx->stop('KILL'), 'all of nginx is killed');

    $nginx = start($dir);

    are_back($nginx, $done, 'killed');
    is(said(order($nginx, 'slow', '/until/slow?k=slow-')),
        '409 conflict outcome_unknown',
        'what was on its way may have been done');
    is($orders->executed('k=slow-'), 1, '... and is not done again');

    $nginx->finish;

    return;
}


sub over {
    my $dir = new_dir();
    my $nginx = start($dir, ttl => '2s');

    order($nginx, 'over');
    $nginx->finish;
    $nginx = start($dir, ttl => '2s');

    ok(wait_for(sub { said(order($nginx, 'over')) eq '201 admit ' }, 10),
        'the time of a key goes on while nginx is away');

    $nginx->finish;

    return;
}


sub refusals {
    my $dir = new_dir();
    my $nginx = start($dir);

    order_anything($nginx) for 1 .. 400;
    $nginx->finish;

    like(refused($dir, size => '256k'),
        qr/the keys kept in "\Q$dir\E\/keys" do not fit into memory/,
        'a zone that is too small for all keys is refused');

    my $text = slurp("$dir/keys");

    for ([substr($text, 0, 1000), 'another length'],
         [substr($text, 0, 200) . 'x' . substr($text, 201), 'its checksum'])
    {
        my ($spoilt, $why) = @$_;

        open my $out, '>', "$dir/keys" or die;
        print {$out} $spoilt;
        close $out;

        like(refused($dir), qr/"\Q$dir\E\/keys" is damaged.*$why/s,
            "a file that is not whole is refused: $why");
    }

    return;
}


in_order();
killed();
over();
refusals();

done_testing();
