#!/usr/bin/perl

# The case study of shedding says whether the bars are held, and by how much.
# What the crowd counts and what the origin does have tests of their own; what
# is made of it is guarded here: which seconds count, what an honest refusal
# is, when a shop has recovered, when a limit fits, up to which load one holds
# out, which bar is held.  And no contender may lose because its server does
# not understand its configuration.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../bench/lib";
use File::Temp ();
use JSON::PP qw(decode_json encode_json);
use Test::More;

use Bench::Server ();
use BenchTools qw(built);
use Study::Bars ();
use Study::Contender ();
use Study::Seconds ();
use Study::Shed ();

my $ROOT = "$FindBin::Bin/../..";
my $NGINX = $ENV{ADM_NGINX} || 'nginx';
my $MODULE = $ENV{ADM_MODULE} // "$ROOT/build/ngx_http_admission_module.so";


# A second of a report in which all went well, but for what is said.

sub second {
    my (%but) = @_;

    return { offered => 100, started => 100, retries => 0, served => 100,
             refused => 0, refusals => {}, errors => {},
             served_ms => { p95 => 50, buckets => [ [ 10, 99 ], [ 90, 1 ] ] },
             refused_ms => undef, %but };
}


subtest 'figures of some seconds' => sub {
    my $told = Study::Seconds::figures(2, second(), second(
        started => 200, retries => 100, served => 50, refused => 240,
        refusals => { concurrency => 230, 502 => 10 },
        errors => { timeout => 7, reset => 3 },
        served_ms => { p95 => 1, buckets => [ [ 20, 50 ] ] },
        refused_ms => { buckets => [ [ 1, 200 ], [ 4, 40 ] ] },
    ));

    is($told->{goodput}, 75, 'orders a second');
    is($told->{sent}, 200, 'requests a second');
    is($told->{p50}, 10, 'the median of both');
    is($told->{p99}, 20, 'P99 of both');
    is($told->{p99_all}, 2000, 'with those that got nothing in time');
    is($told->{refusal_p99}, 4, 'of refusals');
    is($told->{errors}, 20, 'a bad gateway is an error');
    is($told->{error_share}, 5, 'of all that was sent');
    is($told->{refused_share}, 57.5, 'and no honest refusal');

    is(Study::Seconds::figures(2, second())->{refusal_p99}, undef,
       'none was refused');
};


subtest 'recovered' => sub {
    my @before = map { second() } 1 .. 3;

    my $recovered = sub {
        my ($refusals_pass, @but) = @_;
        return Study::Seconds::recovered(
            \@before, [ map { second(%$_) } @but, {}, {}, {} ],
            $refusals_pass);
    };
    my $refused = { refused => 50, refusals => { concurrency => 50 } };

    is($recovered->(0), 0, 'at once');
    is($recovered->(0, $refused), 1, 'refusals');
    is($recovered->(1, $refused), 0, 'unless they pass');
    is($recovered->(1, { refused => 50, refusals => { 502 => 50 } }), 1,
       'but a bad gateway does not');
    is($recovered->(0, { errors => { timeout => 3 } }), 0,
       'one in a hundred of three seconds is none');
    is($recovered->(1, { errors => { timeout => 3 } }), 0,
       'with or without refusals');
    is($recovered->(1, { errors => { timeout => 4 } }), 1, 'more is');
    is($recovered->(1, { served_ms => { p95 => 101 } }), 1, 'slow');
    is($recovered->(1, { served_ms => { p95 => 99 } }), 0, 'not so slow');
    is($recovered->(1, { served_ms => undef, served => 0 }), 1,
       'nobody served');
    is(Study::Seconds::recovered(\@before, [ second(), second() ], 0), undef,
       'two seconds are too few');
    is(Study::Seconds::recovered([ second(served_ms => undef) ], \@before, 0),
       undef, 'nothing to compare with');
};


subtest 'what the origin can do' => sub {
    is(sprintf('%.1f', Study::Shed::capacity(8)), 134.5, 'eight servers');
    is(join(' ', Study::Shed::origin(4)), '--servers 4 --base 50ms --sigma '
       . '0.5 --contention 0.05', 'as the origin is told');
};


subtest 'what nodes tell' => sub {
    my $text = join "\n",
        'admission_concurrency_limit{upstream="other"} 99',
        'admission_concurrency_limit{scope="fleet",upstream="shop"} 7.5',
        'admission_circuit_state{circuit="store"} 2',
        'admission_circuit_state{circuit="shop"} 1', '';

    is(Study::Shed::gauge($text,
        qr/concurrency_limit\{[^}]*upstream="shop"/), 7.5, 'the limit');
    is(Study::Shed::gauge($text, qr/circuit_state\{[^}]*circuit="shop"/), 1,
       'the circuit');
    is(Study::Shed::gauge('', qr/circuit_state\{/), 0, 'nothing');
};


subtest 'when a limit fits' => sub {
    my $at = 0;
    my @samples = map { { t => $at++, limit => $_ } }
                  20, 20, 15, 9, 11, 10, 10;

    is_deeply([ Study::Bars::fits(0, @samples) ], [ 10, 2 ],
              'when it is close to what it settles at');
    is_deeply([ Study::Bars::fits(-2, @samples) ], [ 10, 4 ],
              'from the change on');
    is_deeply([ Study::Bars::fits(3, @samples[3 .. 6]) ], [ 10, 0 ],
              'at once');
};


# Figures of contenders: what is said of their only run.

sub told {
    my (%of) = @_;

    return [ map { { name => $_, title => uc $_, runs => [ $of{$_} ] } }
             sort keys %of ];
}


sub run {
    my ($goodput, $p99, $errors, %more) = @_;

    my %window = (goodput => $goodput, p99 => $p99, p99_all => $p99,
                  error_share => $errors, refused_share => 50,
                  refusal_p99 => 2);

    return { windows => { load => \%window, change => \%window },
             duplicates => 0, fit_again => 1, late => 0, refusals => {},
             errors_by_kind => {}, samples => [], all => { errors => 0 },
             %more };
}


sub figures {
    my (%of) = @_;

    return { rounds => 1, capacity => 134.5, parts => { loads => [
        { load => 10, contenders => told(%of) },
    ] } };
}


sub verdicts {
    my ($figures) = @_;

    my ($table) = Study::Bars::markdown($figures) =~ /### Bars\n(.*)/s;

    return map { /^\| (.*?) \|.*\| (\S+) \|$/ ? ($1 => $2) : () }
           split /\n/, $table;
}


subtest 'bars' => sub {
    my %well = (plain => run(8, 2000, 60), expert => run(126, 220, 0),
                fixed => run(130, 200, 0), adaptive => run(128, 200, 0));
    my %verdict = verdicts(figures(%well));

    is($verdict{$_}, 'yes', $_) for grep { /^10 ×/ } sort keys %verdict;
    is(grep({ /^10 ×/ } keys %verdict), 10, 'all of them');
    is($verdict{'sustained load, of nginx alone'}, '—', 'not measured');

    my %wrong = (
        'goodput, of the best fixed limit\'s' => run(123, 200, 0),
        'P99, of the best fixed limit\'s' => run(130, 261, 0),
        'errors, %' => run(130, 200, 0.6),
        'executed twice or more' => run(130, 200, 0, duplicates => 1),
        'recovered, but for refusals, s' => run(130, 200, 0,
                                                fit_again => undef),
        'goodput, of the expert\'s' => run(123, 200, 0),
        'P99, of the expert\'s' => run(130, 225, 0),
    );

    for my $what (sort keys %wrong) {
        %verdict = verdicts(figures(%well, adaptive => $wrong{$what}));
        is($verdict{"10 ×: $what"}, '**no**', "not held: $what");
    }

    my $slow = run(130, 200, 0);
    $slow->{windows}{load}{refusal_p99} = 6;
    %verdict = verdicts(figures(%well, adaptive => $slow));
    is($verdict{'10 ×: a refusal, P99, ms'}, '**no**', 'slow to refuse');
};


subtest 'up to which load' => sub {
    my %cases = (
        1 => { contenders => told(plain => run(130, 300, 0)) },
        2 => { contenders => told(plain => run(130, 999, 0.9)) },
        5 => { contenders => told(plain => run(9, 500, 1)) },
        10 => { contenders => told(plain => run(130, 300, 0)) },
    );
    my @loads = (1, 2, 5, 10);

    is(Study::Bars::sustains(\%cases, 'plain', 0, @loads), 2,
       'up to the first at which it does not hold');
    is(Study::Bars::sustains(\%cases, 'plain', 1, @loads), undef,
       'refusals taken for errors');
    $cases{2}{contenders}[0]{runs}[0]{windows}{load}{p99_all} = 1000;
    is(Study::Bars::sustains(\%cases, 'plain', 0, @loads), 1, 'too slow');
};


for my $contender (Study::Contender->shedding) {
    subtest "configuration of $contender->{name}" => sub {
        my $haproxy = $contender->{name} eq 'haproxy';
        my $program = $haproxy ? 'haproxy' : $NGINX;

        plan skip_all => "no $program" if !qx{$program -v 2>&1};
        plan skip_all => 'no module' if $contender->is_ours && !-f $MODULE;

        for my $nodes (0, 1) {
            my $directory = File::Temp->newdir;

            $contender->configure($directory,
                place => { module => $MODULE,
                           contenders => "$ROOT/bench/contenders" },
                port => 16080, origin => 16081, status => 16082,
                knob => $contender->{knob},
                $nodes ? (workers => 1, shared => 1,
                          redis => "$directory/redis") : ());

            my $said = $haproxy
                ? qx{$program -c -f $directory/haproxy.cfg 2>&1}
                : qx{$program -t -p $directory -c frame.conf \\
                     -e error.log 2>&1};

            is($?, 0, 'is understood') or diag($said);
            unlike(join('', map { Bench::Server::read_file($_) }
                            glob "$directory/*.*"), qr/\{\{/,
                   'all is filled in');
        }
    };
}


# Of the parts that one which does most: an origin that changes meanwhile, and
# a limit that is watched

subtest 'from end to end' => sub {
    for my $program ($NGINX, qw(haproxy redis-server taskset)) {
        plan skip_all => "no $program" if !qx{$program -v 2>&1};
    }
    plan skip_all => 'no module' if !-f $MODULE;

    built('origin', qw(-levent -lhttp_parser -lm));
    built('crowd', qw(-levent -levent_openssl -lssl -lcrypto -lhttp_parser
                      -ljansson -lm));

    my $directory = File::Temp->newdir;

    local $ENV{ADM_MODULE} = $MODULE;

    my $said = qx{$ROOT/bench/shedding --short --only servers \\
                  --contenders adaptive --json $directory/json \\
                  --markdown $directory/md 2>&1};

    is($?, 0, 'measured') or diag($said);

    my $figures = decode_json(Bench::Server::read_file("$directory/json"));
    my ($few, $many) = map { $_->{contenders}[0]{runs}[0] }
                       @{$figures->{parts}{servers}};

    for my $run ($few, $many) {
        cmp_ok($run->{windows}{before}{goodput}, '>', 0, 'orders');
        cmp_ok($run->{windows}{before}{refused}, '>', 0, 'and refusals');
        cmp_ok($run->{windows}{before}{p99}, '>', 0, 'by their buckets');
        cmp_ok($run->{windows}{before}{refusal_p99}, '>', 0, 'both');
        ok(scalar(grep { $_->{limit} > 0 } @{$run->{samples}}),
           'a limit is told');
    }

    my $tables = Bench::Server::read_file("$directory/md");
    like($tables, qr/^### The origin has 4 servers instead of 8\n/m,
         'a table');
    is(qx{$ROOT/bench/shedding --report --json $directory/json}, $tables,
       'and the same once more from the figures');

    Bench::Server::write_file("$directory/doc",
        "a\n<!-- bench/shedding: x -->\nold\n<!-- bench/shedding: y -->\nb\n");
    qx{$ROOT/bench/shedding --report --json $directory/json \\
       --into $directory/doc};
    is(Bench::Server::read_file("$directory/doc"),
       "a\n<!-- bench/shedding: x -->\n\n$tables\n"
       . "<!-- bench/shedding: y -->\nb\n", 'or into a document');

    for my $wrong ('--only loads,none', '--rounds 0', '--contenders nginx',
                   '--knobs adaptive=3', '--knobs fixed=many', '--report',
                   'more') {
        qx{$ROOT/bench/shedding $wrong 2>&1};
        is($? >> 8, 2, $wrong);
    }
};


done_testing();
