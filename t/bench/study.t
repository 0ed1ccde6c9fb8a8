#!/usr/bin/perl

# The case study says who does better in a sale, and people will choose by it.
# Its raw numbers are the crowd's and the origin's, which have tests of their
# own.  What it makes of them is guarded here: which seconds are the spike,
# when a shop has recovered, and that no contender loses because its
# configuration is not what its server understands.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../bench/lib";
use File::Temp ();
use JSON::PP qw(decode_json);
use Test::More;

use Bench::Server ();
use BenchTools qw(built);
use Study::Contender ();
use Study::Report ();
use Study::Run ();

my $ROOT = "$FindBin::Bin/../..";
my $NGINX = $ENV{ADM_NGINX} || 'nginx';
my $MODULE = $ENV{ADM_MODULE} // "$ROOT/build/ngx_http_admission_module.so";


# Seconds of a report: so many, each as given, changed by what is said of it.

sub seconds {
    my ($count, %but) = @_;

    return map {
        { t => $_, profile => 100, served => 100, refused => 0, errors => {},
          served_ms => { p95 => 50 }, %{$but{$_} // {}} };
    } 0 .. $count - 1;
}


subtest 'the spike and what is behind it' => sub {
    my @seconds = seconds(60, map { $_ => { profile => 1500 } } 20 .. 22);
    my ($before, $spike, $after) = Study::Run::parts(\@seconds);

    is_deeply([ map { $_->{t} } @$before ], [ 10 .. 19 ], 'before');
    is_deeply([ map { $_->{t} } @$spike ], [ 20 .. 22 ], 'the spike');
    is_deeply([ map { $_->{t} } @$after ], [ 23 .. 42 ], 'behind');

    $seconds[20]{served} = 700;
    is(Study::Run::goodput(@$spike), 300, 'goodput is an average');
};


subtest 'recovered' => sub {
    my %spike = map { $_ => { profile => 1500 } } 20 .. 22;

    my $recovered = sub {
        my @seconds = seconds(60, %spike, @_);
        my ($before, $spike, $after) = Study::Run::parts(\@seconds);
        return Study::Run::recovered($before, \@seconds, $after->[0]{t});
    };

    is($recovered->(), 0, 'at once');
    is($recovered->(25 => { refused => 2 }), 3, 'refusals, after a lull');
    is($recovered->(25 => { refused => 1 }), 0, 'one in a hundred is none');
    is($recovered->(23 => { errors => { timeout => 9, reset => 1 } }), 1,
       'errors');
    is($recovered->(23 => { served_ms => { p95 => 101 } }), 1, 'slow');
    is($recovered->(23 => { served_ms => { p95 => 99 } }), 0, 'not so slow');
    is($recovered->(23 => { served_ms => undef }), 1, 'nobody served');
    is($recovered->(map { $_ => { refused => 50 } } 23 .. 59), undef,
       'never');
    is($recovered->(map { $_ => { refused => 50 } } 23 .. 57), undef,
       'two seconds at the end are too few');
};


subtest 'figures as told' => sub {
    my $cell = sub {
        return Study::Report::cell([ map { { a => $_ } } @_ ], 'a', '%d');
    };

    is($cell->(3, 1, 2), "2 (1\x{e2}\x{80}\x{93}3)", 'median, least, most');
    is($cell->(7, 7, 7), '7', 'all alike');
    is($cell->(1, undef, 2), "2 (1\x{e2}\x{80}\x{93}never)", 'one never');
    is($cell->(undef, undef, 2), "never (2\x{e2}\x{80}\x{93}never)",
       'mostly never');
    is($cell->(undef, undef), 'never', 'none ever');
};


# A contender's files in a directory.

sub configured {
    my ($contender) = @_;

    my $directory = File::Temp->newdir;

    $contender->configure($directory,
        place => { module => $MODULE, contenders => "$ROOT/bench/contenders" },
        port => 16080, origin => 16081, knob => $contender->{knob});

    return $directory;
}


for my $contender (Study::Contender->all) {
    subtest "configuration of $contender->{name}" => sub {
        my $haproxy = $contender->{name} eq 'haproxy';
        my $program = $haproxy ? 'haproxy' : $NGINX;

        plan skip_all => "no $program" if !qx{$program -v 2>&1};
        plan skip_all => 'no module'
            if $contender->is_ours && !-f $MODULE;

        my $directory = configured($contender);
        my $said = $haproxy
            ? qx{$program -c -f $directory/haproxy.cfg 2>&1}
            : qx{$program -t -p $directory -c frame.conf -e error.log 2>&1};

        is($?, 0, 'is understood') or diag($said);
        unlike(join('', map { Bench::Server::read_file($_) }
                        glob "$directory/*.*"), qr/\{\{/, 'all is filled in');
    };
}


# A rush of a second, which a shop without limit does not survive well

subtest 'from end to end' => sub {
    plan skip_all => "no $NGINX" if !qx{$NGINX -v 2>&1};
    plan skip_all => 'no haproxy' if !qx{haproxy -v 2>&1};
    plan skip_all => 'no module' if !-f $MODULE;

    built('origin', qw(-levent -lhttp_parser -lm));
    built('crowd', qw(-levent -levent_openssl -lssl -lcrypto -lhttp_parser
                      -ljansson -lm));

    my $directory = File::Temp->newdir;

    Bench::Server::write_file("$directory/rush.scenario", <<'END');
title A rush
seed 1
duration 3s
at 0s 50/s
spike 1s 1s 1500/s
request POST /buy
timeout 500ms
retries 1 at-once
END

    local $ENV{ADM_MODULE} = $MODULE;

    my $tables = qx{$ROOT/bench/study --scenario $directory/rush.scenario \\
                    --runs 1 --only plain,limit_conn \\
                    --json $directory/figures.json 2>$directory/progress};

    is($?, 0, 'measured')
        or diag(Bench::Server::read_file("$directory/progress"));
    like($tables, qr/^\| nginx, no limit \| \d+ \| /m, 'a table');

    my $figures = decode_json(
        Bench::Server::read_file("$directory/figures.json"));
    my ($plain, $limited) = map { $_->{runs}[0] } @{$figures->{contenders}};

    is($plain->{shoppers}, $limited->{shoppers}, 'the same crowd for both');
    cmp_ok($plain->{errors}, '>', 0, 'without a limit some time out');
    cmp_ok($plain->{origin_orders}, '>', $plain->{answered},
           'and were executed all the same');
    cmp_ok($plain->{origin_duplicates}, '>', 0, 'some of it twice');
    cmp_ok($plain->{origin_abandoned}, '>', 0, 'some of it for nobody');
    is($limited->{errors}, 0, 'with a limit nobody is let down');
    cmp_ok($limited->{refused}, '>', 0, 'but refused');
    cmp_ok($limited->{goodput}, '>', $plain->{goodput}, 'more is sold');

    qx{$ROOT/bench/study --scenario $directory/rush.scenario --runs 1 \\
       --only limit_conn --fault mode=error --at 1 \\
       --json $directory/figures.json 2>$directory/progress};
    is($?, 0, 'with a fault')
        or diag(Bench::Server::read_file("$directory/progress"));
    my $run = decode_json(Bench::Server::read_file("$directory/figures.json"))
              ->{contenders}[0]{runs}[0];
    cmp_ok($run->{answered}, '>', 0, 'all is well before it');
    cmp_ok($run->{goodput_after}, '==', 0, 'nothing behind it');

    qx{$ROOT/bench/study --scenario $directory/rush.scenario --runs 1 \\
       --only limit_conn --fault mode=sleep --at 0 2>$directory/progress};
    is($? >> 8, 1, 'a fault that there is none of');
    like(Bench::Server::read_file("$directory/progress"), qr/mode is none/,
         'says so');

    for my $wrong ('--only nginx', '--runs 0', '--knobs plain=3',
                   '--knobs limit_req=fast', 'more') {
        qx{$ROOT/bench/study $wrong 2>&1};
        is($? >> 8, 2, $wrong);
    }
};


done_testing();
