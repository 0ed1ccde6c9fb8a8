#!/usr/bin/perl

# What the runner does with the place it is given: it ends no process but its
# own nginx, removes nothing but its own files, and two runs in one place take
# turns.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib $FindBin::Bin, "$FindBin::Bin/..";

use File::Path qw(make_path);
use File::Temp ();
use POSIX ();
use Sandbox qw(run_file own_lib head_of);
use Test::More;
use Test::Nginx::Runner::Process qw(is_running);
use Test::Nginx::Runner::Settings ();

my $text = head_of() . <<'END';
=== TEST 1: page
--- config
location = /t { return 200 "hello\n"; }
--- request
GET /t
--- response_body
hello
END

my $port = Test::Nginx::Runner::Settings::random_port({}, '127.0.0.1');
my $base = File::Temp->newdir;
my $root = "$base/servroot";
my %place = (TEST_NGINX_RANDOMIZE => 0, TEST_NGINX_SERVROOT => $root,
             TEST_NGINX_PORT => $port);

ends_nobody_else();
ends_what_was_left();
removes_nothing_else();
takes_turns();

done_testing();


sub run_here {
    my (%more) = @_;

    return run_file(own_lib(), $text, %place, %more);
}


sub nginx_pid {
    open my $file, '<', "$root/logs/nginx.pid" or return undef;
    my $pid = <$file>;
    chomp $pid;

    return $pid;
}


sub ends_nobody_else {
    my $pid = fork() // die "cannot fork: $!\n";

    if ($pid == 0) {
        exec 'sleep', '60';
    }

    make_path("$root/logs");
    open my $file, '>', "$root/logs/nginx.pid";
    print {$file} "$pid\n";
    close $file;

    is(run_here()->{exit}, 0, 'a run beside the pid of another program');
    ok(kill(0, $pid), 'which lives on');

    kill 'KILL', $pid;
    waitpid $pid, 0;

    return;
}


sub ends_what_was_left {
    is(run_here(TEST_NGINX_NO_CLEAN => 1)->{exit}, 0,
       'a run that leaves nginx');

    my $pid = nginx_pid();
    ok($pid && is_running($pid), 'which is there');

    is(run_here()->{exit}, 0, 'a run after it');
    ok(!is_running($pid), 'has ended it');
    is(nginx_pid(), undef, 'and left none of its own');

    return;
}


sub removes_nothing_else {
    make_path("$root/conf");

    for my $name ('precious', 'conf/kept') {
        open my $file, '>', "$root/$name";
    }

    my $run = run_here();

    like($run->{out}, qr/^Bail out!.*precious/m, 'a strange file is a reason');
    ok(-e "$root/precious" && -e "$root/conf/kept", 'to touch nothing');

    unlink "$root/precious";

    return;
}


sub takes_turns {
    my $pid = fork() // die "cannot fork: $!\n";

    POSIX::_exit(run_here()->{exit}) if $pid == 0;

    is(run_here()->{exit}, 0, 'one of two runs in the same place');
    waitpid $pid, 0;
    is($? >> 8, 0, 'and the other');

    return;
}
