#!/usr/bin/perl

# prove t/lint/docs.t
#
# Holds the documents to the code: directives, variables, metrics and reasons
# are the same on both sides, what README.md lists is there, and the examples
# are configurations that nginx takes.
#
#   ADM_MODULE   the module to load for the examples; without it, and unless
#                ADM_NGINX says that it is linked in, they are not tried
#   ADM_NGINX    the nginx to try them with, the one in PATH unless told
#
# A check that has never found anything is no evidence: behind the checks, one
# fault after the other is planted in what they read, and each has to be told.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Cwd ();
use File::Basename qw(dirname);
use File::Temp ();
use FindBin ();
use Test::More;


chdir "$FindBin::Bin/../.." or die "docs: cannot enter the root: $!\n";

my $README = 'README.md';
my $MANUAL = 'docs/directives.md';
my @DOCUMENTS = ($README, $MANUAL, 'docs/internals.md', 'docs/runbook.md',
                 'docs/redis.md', 'docs/deploy.md', 'docs/checkout.md',
                 'docs/scripts.md', 'docs/shedding.md');

my $MODULE = 'src/module/ngx_http_adm_module.c';
my $VARIABLES = 'src/module/ngx_http_adm_variables.c';
my $METRICS = 'src/module/ngx_http_adm_metrics.c';
my $STORE = 'src/module/ngx_http_adm_metrics_store.c';
my $CHECKOUT = 'src/module/ngx_http_adm_metrics_checkout.c';
my $SHED = 'src/module/ngx_http_adm_metrics_shed.c';
my $SCRIPT = 'src/module/ngx_http_adm_script_conf.c';
my $POLICY = 'src/policy/ngx_adm_policy.c';

my $NGINX = $ENV{ADM_NGINX} // 'nginx';
my $TRY_EXAMPLES = $ENV{ADM_MODULE} || $ENV{ADM_NGINX};

# What the allowed contexts of a command are called in the manual, in order

my @CONTEXTS = (
    [ NGX_HTTP_MAIN_CONF => 'http' ],
    [ NGX_HTTP_SRV_CONF  => 'server' ],
    [ NGX_HTTP_LOC_CONF  => 'location' ],
    [ NGX_HTTP_LIF_CONF  => 'if in location' ],
    [ NGX_HTTP_LMT_CONF  => 'limit_except' ],
);

# Files as they are planted, instead of those that there are

our %planted;

my @CHECKS = (
    [ 'directives' => \&check_directives ],
    [ 'variables'  => \&check_variables ],
    [ 'metrics'    => \&check_metrics ],
    [ 'reasons'    => \&check_reasons ],
    [ 'words'      => \&check_words ],
    [ 'tree'       => \&check_tree ],
    [ 'verbs'      => \&check_verbs ],
    [ 'links'      => \&check_links ],
);

push @CHECKS, [ 'examples' => \&check_examples ] if $TRY_EXAMPLES;


for my $check (@CHECKS) {
    my ($name, $code) = @$check;

    is_deeply([ $code->() ], [], "$name: documents and code agree");
}

diag('without ADM_MODULE the examples were not tried') if !$TRY_EXAMPLES;

plant();

done_testing();


sub text {
    my ($file) = @_;

    return $planted{$file} if defined $planted{$file};

    open my $fh, '<', $file or die "docs: cannot read $file: $!\n";
    local $/;
    return scalar <$fh>;
}


# A section of a document, by its heading: up to the next of the same level

sub section {
    my ($file, $heading) = @_;

    my ($level) = $heading =~ /^(#+)/;

    return $1 if text($file) =~ /^\Q$heading\E\n(.*?)(?=^#{1,${\length $level}} |\z)/ms;

    die "docs: $file has no \"$heading\"\n";
}


# The rows of tables: lists of cells, without bars that are escaped

sub rows {
    my ($text) = @_;

    my @rows;

    for my $line ($text =~ /^\|(.*)\|$/mg) {
        push @rows, [ map { s/^\s+|\s+$//gr } split /(?<!\\)\|/, $line, -1 ];
    }

    return @rows;
}


# What is missing on one side or the other of two hashes, and what differs

sub compare {
    my ($what, $code, $documented) = @_;

    my @complaints;

    for my $name (sort keys %$code) {
        my ($is, $says) = ($code->{$name}, $documented->{$name});

        push @complaints,
            !defined $says ? "$what $name is not documented"
            : $is ne $says ? "$what $name is \"$is\", documented as \"$says\""
            : ();
    }

    for my $name (sort keys %$documented) {
        push @complaints, "$what $name does not exist"
            if !defined $code->{$name};
    }

    return @complaints;
}


# name => contexts; those of test builds if "test"

sub commands {
    my ($test) = @_;

    my $source = text($MODULE);
    my $inside = qr/^#if \(NGX_ADM_TEST\)\n(.*?)^#endif/ms;

    $source = $test ? join '', $source =~ /$inside/g
                    : $source =~ s/$inside//gr;

    my %commands;

    while ($source =~ /\{ ngx_string\("(\w+)"\),\s+([A-Z0-9_|\s]+),/g) {
        my ($name, %flag) = ($1, map { $_ => 1 } split /[|\s]+/, $2);

        $commands{$name} = join ', ', map { "`$_->[1]`" }
                                      grep { $flag{$_->[0]} } @CONTEXTS;
    }

    return \%commands;
}


sub check_directives {
    my $commands = commands();
    my (%documented, @complaints);

    my $text = section($MANUAL, '## Directives');

    while ($text =~ /^### ([^\n]+)\n(.*?)(?=^### |\z)/msg) {
        my ($name, $body) = ($1, $2);
        my %cell = map { $_->[0] => $_->[1] }
                   grep { $_->[0] =~ /^\w+:$/ } rows($body);

        push @complaints, "directive $name stands twice"
            if exists $documented{$name};

        $documented{$name} = $cell{'Context:'} // 'nowhere';

        push @complaints, "directive $name has no syntax of its own"
            if ($cell{'Syntax:'} // '')
                !~ /^`\Q$name\E (?:[ ] .*)? (?:; | [ ] \{[ ][.]{3}[ ]\})`$/x;

        push @complaints, "directive $name has no default"
            if ($cell{'Default:'} // '') !~ /^—$|^`\Q$name\E .*;`$/;
    }

    return @complaints, compare('directive', $commands, \%documented);
}


sub variables {
    my ($table) = text($VARIABLES) =~ /ngx_http_adm_vars\[\] = \{(.*?)^\};/ms;

    return { map { ("\$$_" => '') } $table =~ /ngx_string\("(\w+)"\)/g };
}


sub check_variables {
    my %documented = map { ($_ => '') }
        section($MANUAL, '## Embedded variables') =~ /^- `(\$\w+)` —$/mg;

    return compare('variable', variables(), \%documented);
}


# name => "type labels": the labels are those that its function, and what that
# calls in these files, write

sub metrics {
    my $source = join '', map { text($_) } $METRICS, $STORE, $CHECKOUT, $SHED,
                                           $SCRIPT;
    my %body = $source =~ /^(ngx_http_adm_\w+)\([^;{]*?\)\n\{(.*?)^\}/msg;
    my %metrics;

    while ($source =~ /\{ "(\w+)", NGX_HTTP_ADM_(\w+),\s*"[^"]*",\s*(\w+) \}/g)
    {
        my ($name, $type, $function) = ($1, lc $2, $3);

        my %seen;

        $metrics{"admission_$name"} = join ' ', $type,
            grep { !$seen{$_}++ } labels(\%body, $function);
    }

    return \%metrics;
}


sub labels {
    my ($bodies, $function, $seen) = @_;

    my $body = $bodies->{$function} // '';

    return () if $seen->{$function}++;

    my @labels = $body =~ /\{ "(\w+)",\s/g;
    push @labels, $body =~ /^\s*(le)\.name = "le"/mg;

    my %called = map { $_ => 1 } $body =~ /\b(ngx_http_adm_\w+)\(/g;

    return @labels, map { labels($bodies, $_, $seen) } sort keys %called;
}


sub check_metrics {
    my %documented;

    for my $row (rows(section($MANUAL, '## Metrics'))) {
        my ($name, $type, $labels) = @$row;

        next if $name !~ s/^`(admission_\w+)`$/$1/;

        $documented{$name} = join ' ', $type, $labels =~ /`(\w+)`/g;
    }

    return compare('metric', metrics(), \%documented);
}


sub check_reasons {
    my ($table) = text($POLICY) =~ /ngx_adm_reasons\[\w+\] = \{(.*?)^\};/ms;
    my (%reasons, %documented);

    while ($table =~ /\{ ngx_string\("(\w+)"\), NGX_ADM_VERDICT_(\w+), (\d+)/g)
    {
        $reasons{$1} = lc("$2 ") . $3;
    }

    for my $row (rows(section($MANUAL, '### Reasons'))) {
        my ($name, $verdict, $status) = map { tr/`//dr } @$row;

        $documented{$name} = "$verdict $status"
            if $row->[0] =~ /^`/;
    }

    return compare('reason', \%reasons, \%documented);
}


# No document speaks of a directive, a variable or a metric that is not there

sub check_words {
    my %known = map { $_ => 1 }
        keys %{ commands() }, keys %{ variables() }, keys %{ metrics() },
        qw(admission_counters admission_demand admission_fleet
           admission_known admission_settings);

    my %test = map { $_ => 1 } keys %{ commands('test') };
    my @complaints;

    for my $file (@DOCUMENTS, 'CHANGES') {
        my $text = text($file);

        while ($text =~ /(?<![\w.])(\$?admission_\w+)/g) {
            my $word = $1 =~ s/_(?:bucket|sum|count)$//r;

            next if $known{$word}
                || $test{$word} && $file eq 'docs/internals.md';

            # the beginning of a pattern, or the name without its dollar
            next if $word =~ /_$/ || $known{"\$$word"};

            push @complaints, "$file speaks of $word, which does not exist";
        }
    }

    return @complaints;
}


sub check_tree {
    my ($map) = section($README, '## Where things are') =~ /^```\n(.*?)^```/ms;
    my %listed = map { $_ => 1 } $map =~ /^(\S+)/mg;

    my @complaints = map { "$README lists $_, which is not there" }
                     grep { !-e } sort keys %listed;

    opendir my $dh, '.' or die "docs: cannot read the root: $!\n";

    for my $name (sort grep { !/^\./ && $_ ne 'build' } readdir $dh) {
        push @complaints, "$README does not list $name"
            if !grep { $_ eq $name || index($_, "$name/") == 0 } keys %listed;
    }

    return @complaints;
}


sub check_verbs {
    my %verbs = map { ($_ => '') } text('dev') =~ /^verb_(\w+)\(\) \{/mg;
    my %documented = map { ($_ => '') }
        section($README, '## Verbs of ./dev') =~ m{^\| `\./dev (\w+)` \|}mg;

    return compare('verb', \%verbs, \%documented);
}


# Links to files of ours, and to headings

sub check_links {
    my @complaints;

    for my $file (@DOCUMENTS) {
        my $text = text($file) =~ s/^```.*?^```//msgr;

        for my $link ($text =~ /\]\(([^)\s]+)\)/g) {
            next if $link =~ /^\w+:/;

            my ($path, $heading) = split /#/, $link, 2;

            my $target = $path eq '' ? $file : dirname($file) . "/$path";
            $target =~ s{^\./}{};

            push @complaints, "$file links to $link, which is not there"
                if !-e $target
                || defined $heading && !anchors($target)->{$heading};
        }
    }

    return @complaints;
}


# as GitHub makes them

sub anchors {
    my ($file) = @_;

    my $text = text($file) =~ s/^```.*?^```//msgr;

    return { map { (lc($_) =~ s/[^\w\s-]//gr =~ s/ /-/gr => 1) }
             $text =~ /^#+ (.+)$/mg };
}


# Complete configurations, and what stands within http { }

sub check_examples {
    my @complaints;

    for my $file (glob 'conf.d/*.conf') {
        push @complaints, try_example($file, text($file));
    }

    for my $file (@DOCUMENTS) {
        my $n = 0;

        for my $example (text($file) =~ /^```nginx\n(.*?)^```/msg) {
            push @complaints, try_example("$file, example " . ++$n, $example);
        }
    }

    return @complaints;
}


sub try_example {
    my ($name, $text) = @_;

    # a module without LuaJIT refuses what has scripts

    return if ($ENV{ADM_LUAJIT} // '') eq 'off'
              && $text =~ /\badmission_script\b/;

    my $dir = File::Temp->newdir();
    my $sockets = 0;

    # nobody may need to be root, or to find a port free

    $text =~ s{^(\s*listen\s+)[^\s;]+}{"${1}unix:$dir/" . $sockets++}meg;
    $text =~ s{/var/(?:log|lib)/nginx/}{$dir/}g;
    $text =~ s{/etc/nginx/admission[.]keys}{$dir/keys}g;
    $text =~ s{/etc/nginx/redis[.]password}{$dir/password}g;
    $text =~ s{/etc/nginx/(\w+[.]lua)}{Cwd::cwd() . "/conf.d/$1"}ge;
    $text =~ s/^\s*load_module .*\n//mg;

    my $load = $ENV{ADM_MODULE}
        ? 'load_module ' . Cwd::abs_path($ENV{ADM_MODULE}) . ';' : '';

    my $paths = join '', map { "${_}_temp_path $dir/$_;\n" }
                         qw(client_body proxy fastcgi uwsgi scgi);

    $text = "events { }\nhttp {\n$text\n}\n" if $text !~ /^http \{/m;
    $text =~ s/^http \{/http {\n$paths/m;

    write_file("$dir/keys", 'k1:' . 'a1' x 32);
    write_file("$dir/password", 'secret');
    write_file("$dir/nginx.conf", "$load\npid $dir/nginx.pid;\n$text");

    my $said = qx('$NGINX' -t -q -e stderr -p '$dir' -c '$dir/nginx.conf' 2>&1);

    # a room works without a file of keys, and says what that means

    $said =~ s/^[^\n]* "admission_secret_file" is not set: [^\n]*\n//m;

    return $? == 0 && $said eq '' ? () : "$name: $said";
}


# for nobody else to read

sub write_file {
    my ($name, $text) = @_;

    my $umask = umask 077;

    open my $fh, '>', $name or die "docs: $name: $!\n";
    print {$fh} "$text\n";
    close $fh or die "docs: $name: $!\n";

    umask $umask;
}


# Each: the check, the file, what stands there, what is planted instead, and
# the complaint that has to come

sub plant {
    my @faults = (
        [ directives => $MANUAL, '### admission_zone', '### admission_zones',
          qr/^directive admission_zones does not exist$/ ],
        [ directives => $MANUAL, '### admission_zone', '### admission_zones',
          qr/^directive admission_zone is not documented$/ ],
        [ directives => $MANUAL, '`http`, `server` |', '`http` |',
          qr/^directive admission_site is .* documented as "`http`"$/ ],
        [ directives => $MANUAL, '`admission_zone name size;`', '`zone x;`',
          qr/^directive admission_zone has no syntax of its own$/ ],
        [ directives => $MANUAL, '`admission on;`', 'on',
          qr/^directive admission has no default$/ ],
        [ directives => $MODULE, 'ngx_string("admission_site")',
          'ngx_string("admission_shop")',
          qr/^directive admission_shop is not documented$/ ],
        [ directives => $MODULE, "#if (NGX_ADM_TEST)\n\n    {", '    {',
          qr/^directive admission_probe is not documented$/ ],
        [ directives => $MODULE, 'NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS',
          'NGX_HTTP_SRV_CONF|NGX_CONF_NOARGS',
          qr/^directive admission_status is "`server`", documented as/ ],
        [ variables => $MANUAL, '- `$admission_trips` —', '- `$trips` —',
          qr/^variable \$trips does not exist$/ ],
        [ variables => $VARIABLES, 'ngx_string("admission_trips")',
          'ngx_string("admission_tripz")',
          qr/^variable \$admission_tripz is not documented$/ ],
        [ metrics => $MANUAL, '| `admission_processes` | gauge |',
          '| `admission_processes` | counter |',
          qr/^metric admission_processes is "gauge", documented as "counter/ ],
        [ metrics => $MANUAL, '`site`, `verdict`, `reason`, `dry_run`',
          '`site`, `verdict`, `dry_run`',
          qr/^metric admission_requests_total is "counter site verdict rea/ ],
        [ metrics => $METRICS, '"evictions_total"', '"evicted_total"',
          qr/^metric admission_evicted_total is not documented$/ ],
        [ metrics => $STORE, '{ "outcome",', '{ "result",',
          qr/^metric admission_store_trips_total is "counter command result"/ ],
        [ metrics => $CHECKOUT, '{ "sku",', '{ "item",',
          qr/^metric admission_inventory_held is "gauge item scope"/ ],
        [ metrics => $METRICS, '{ "table",', '{ "kind",',
          qr/^metric admission_zone_used_ratio is "gauge zone kind"/ ],
        [ reasons => $MANUAL, '| `cost` | `limit` | 429 |',
          '| `cost` | `limit` | 413 |',
          qr/^reason cost is "limit 429", documented as "limit 413"$/ ],
        [ reasons => $POLICY, 'ngx_string("store_down")',
          'ngx_string("store_gone")',
          qr/^reason store_down does not exist$/ ],
        [ words => 'docs/runbook.md', '`admission dry_run;`',
          '`admission_dry_run on;`',
          qr/^docs\/runbook.md speaks of admission_dry_run, which does not/ ],
        [ words => $README, 'admission_limit per_client', 'admission_probe a',
          qr/^README.md speaks of admission_probe, which does not exist$/ ],
        [ tree => $README, "\nconf.d/ ", "\nconf.e/ ",
          qr/^README.md lists conf.e\/, which is not there$/ ],
        [ tree => $README, "\nconf.d/ ", "\nconf.e/ ",
          qr/^README.md does not list conf.d$/ ],
        [ verbs => $README, '| `./dev fuzz` |', '| `./dev fuss` |',
          qr/^verb fuss does not exist$/ ],
        [ verbs => 'dev', 'verb_clean() {', 'verb_sweep() {',
          qr/^verb sweep is not documented$/ ],
        [ links => $MANUAL, '](#metrics)', '](#figures)',
          qr/links to #figures, which is not there$/ ],
        [ links => $README, '](LICENSE)', '](COPYING)',
          qr/^README.md links to COPYING, which is not there$/ ],
        [ examples => 'conf.d/rate.conf', 'admission_limit search',
          'admission_limit serach', qr/^conf.d\/rate.conf: .*"serach"/s ],
        [ examples => $README, 'burst=4;', 'burst=four;',
          qr/^README.md, example 2: .*burst "four"/s ],
    );

    my %check = map { $_->[0] => $_->[1] } @CHECKS;

    for my $fault (@faults) {
        my ($name, $file, $from, $to, $complaint) = @$fault;

        my $code = $check{$name} or next;
        my $text = text($file);

        if ($text !~ s/\Q$from\E/$to/) {
            fail("$name: \"$from\" is not in $file, to plant a fault");
            next;
        }

        local %planted = ($file => $text);

        my @complaints = $code->();

        ok(scalar(grep { $_ =~ $complaint } @complaints),
           "$name: finds \"" . $to =~ s/\n/ /gr . "\" in $file")
            or diag(@complaints ? join "\n", @complaints : 'nothing was told');
    }
}
