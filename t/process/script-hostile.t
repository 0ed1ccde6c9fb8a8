#!/usr/bin/perl

# A site's script meets what its author did not think of: it loops, recurses,
# fills its memory, matches for ever, throws what it likes, answers nonsense,
# or asks for what it must not have.  Each time the request has to be answered
# as if the script had said nothing, the failure counted under its name, and
# the next request served by a script that is whole; the worker lives, and
# does not grow.
#
# Where a bound is taken out, this test does not end: fetch() gives up.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Test::More;

use AdmHttp qw(fetch);
use AdmNginx ();

plan skip_all => 'the module is built without LuaJIT'
    if ($ENV{ADM_LUAJIT} // '') eq 'off';

# What the script does: the label of its failure, the function's body.
my @CASES = (
    throws    => 'error', 'error("\27[31m\nnot a line of ours: "'
                          . ' .. request.args.text)',

    loop      => 'steps', 'while true do end',
    calls     => 'steps', 'local function f() return f() end return f()',
    recursion => 'error', 'local function f() return 1 + f() end return f()',
    goto      => 'steps', '::a:: goto a',
    iterator  => 'steps', 'for _ in function() return 1 end do end',

    doubling  => 'memory', 'local s = "xxxxxxxx" while true do s = s .. s end',
    arguments => 'steps', 'while true do local x = request.args.zz end',
    names     => 'steps', 'local n = ("x"):rep(60000)'
                          . ' while true do local x = request.var[n] end',

    table     => 'memory|steps',
                 'local t = {} while true do t[#t + 1] = { #t } end',
    hash      => 'memory|steps',
                 'local t, n = {}, 0 while true do n = n + 1 t["k" .. n] = n end',
    garbage   => 'steps|time',
                 'local n = 0 while true do n = n + 1'
                 . ' local s = ("x"):rep(1000) .. n end',
    churn     => 'steps',
                 'for i = 1, 3000 do local s = ("x"):rep(2000) .. i end'
                 . ' return { class = "cheap" }',
    join      => 'steps|time|memory',
                 'local s = ("x"):rep(60000) while true do local z = s .. s end',
    compare   => 'steps|time|memory',
                 'local s = ("x"):rep(60000) local a, b = s .. "a", s .. "b"'
                 . ' while true do local z = a < b end',
    emptied   => 'steps|time|memory',
                 'local t = {} for i = 1, 4000 do t["k" .. i] = i end'
                 . ' for i = 1, 4000 do t["k" .. i] = nil end'
                 . ' while true do local k = next(t) end',

    match     => 'steps', 'return ("a"):rep(5000):match(".-.-.-.-.-.-b")',
    find      => 'steps', 'return ("a"):rep(5000):find("(a*)(a*)(a*)(a*)b")',
    gsub      => 'steps', 'return ("a"):rep(5000):gsub("a*a*a*a*b", "")',
    gmatch    => 'steps', 'for w in ("a"):rep(60000):gmatch("a") do end',
    balance   => 'steps', 'return ("("):rep(60000):find("%b()")',
    callback  => 'steps',
                 'return ("a"):gsub("a", function() while true do end end)',
    complex   => 'error', 'return ("b"):match(("a-"):rep(250))',
    malformed => 'error', 'return ("b"):match("[b")',
    captures  => 'error', 'return ("b"):match(("()"):rep(40))',
    plain     => 'steps',
                 'local s = ("x"):rep(60000) while true do'
                 . ' s:find("y", 1, true) end',

    sort      => 'steps',
                 'local t = {} for i = 1, 9000 do t[i] = -i end table.sort(t)',
    comparing => 'steps',
                 'local t = {} for i = 1, 99 do t[i] = i end'
                 . ' while true do table.sort(t, function() return true end) end',
    repeated  => 'error', 'return ("x"):rep(2 ^ 31)',
    inserted  => 'steps', 'local t = { 1 } table.insert(t, -2 ^ 40, 1)',
    unpacked  => 'error', 'return select("#", unpack({}, 1, 10 ^ 8))',
    bytes     => 'error|memory', 'local t = { ("x"):rep(65536):byte(1, -1) }'
                 . ' error("here")',

    throws_it => 'error', 'error({})',
    throws_no => 'error', 'error()',
    index     => 'error', 'return request.nothing',
    key       => 'error', 'return request.args[{}]',
    write     => 'error', 'request.uri = "/"',
    global    => 'error', 'left_behind = request.uri',
    library   => 'error', 'string.lower = string.upper',
    methods   => 'error', 'return getmetatable("").__index',
    pcall     => 'error', 'return pcall(error)',
    load      => 'error', 'return load("return 1")',
    dump      => 'error', 'return string.dump(function() end)',
    ffi       => 'error', 'return require("ffi")',
    real      => 'error', 'return getfenv(0).io',
    threads   => 'error', 'return coroutine.wrap(function() end)',

    number    => 'answer', 'return 42',
    boolean   => 'answer', 'return true',
    itself    => 'answer', 'return request',
    unknown   => 'answer', 'return { priorty = 1 }',
    list      => 'answer', 'return { "gold" }',
    priority  => 'answer', 'return { priority = 10 }',
    half      => 'answer', 'return { priority = 1.5 }',
    nan       => 'answer', 'return { priority = 0 / 0 }',
    infinite  => 'answer', 'return { cost = math.huge }',
    negative  => 'answer', 'return { cost = -1 }',
    boxed     => 'answer', 'return { cost = 1LL }',
    class     => 'answer', 'return { class = "a b" }',
    long      => 'answer', 'return { class = ("x"):rep(65) }',
    nothing   => 'answer', 'return { key = "" }',
    bypass    => 'answer', 'return { bypass = 1 }',
    room      => 'answer', 'return { room = "none" }',
    status    => 'answer', 'return { refuse = { status = 200 } }',
    retry     => 'answer', 'return { refuse = { retry = 0 } }',
    word      => 'answer', 'return { refuse = { reason = "a\nb" } }',
    refuse    => 'answer', 'return { refuse = "yes" }',
);

my (@names, %label, $lua);

while (my ($name, $label, $body) = splice @CASES, 0, 3) {
    push @names, $name;
    $label{$name} = $label;
    $lua .= "cases['$name'] = function(request) $body end\n";
}

my $SCRIPT = <<"END";
local cases, kept = {}, {}

$lua
cases.keep = function(request)
    kept[#kept + 1] = ("x"):rep(20000) .. #kept
    return { class = "kept" }
end

cases.fill = function(request)
    local t = {}

    for i = 1, 9 do
        t[i] = ("x"):rep(60000) .. i
    end

    return { class = "filled" }
end

return function(request)
    local case = cases[request.args.case]

    if case then
        return case(request)
    end

    return { class = ("whole"):upper():gsub("%u", string.lower) == "whole"
                     and left_behind == nil and "whole" or "broken" }
end
END

my $HTTP = <<'END';
    admission_script site %{script};

    server {
        listen 127.0.0.1:%{h1};

        location /status { admission_status; }

        location / {
            admission_run site;
            try_files /nothing @here;
        }

        location @here {
            add_header X-Class "<$admission_class>";
            return 200 "here\n";
        }
    }
END

my $FILE = File::Temp->new(SUFFIX => '.lua');

put($SCRIPT);

# what sanitizers keep of freed memory would look like a leak
my $nginx = AdmNginx->start(http => $HTTP, vars => { script => "$FILE" },
    asan => 'quarantine_size_mb=1');


sub put {
    my ($text) = @_;

    open my $out, '>', "$FILE" or die "cannot write $FILE: $!\n";
    print {$out} $text;
    close $out or die "cannot write $FILE: $!\n";

    return;
}


sub peak_kb {
    my ($pid) = @_;

    return AdmNginx::slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m ? $1 : 0;
}


# The class that an answer has, or what is wrong with the answer
sub class {
    my ($case, $more) = @_;

    my $answer = fetch($nginx->port('h1'), "/?case=$case" . ($more // ''))
        or return 'no answer';

    return $answer->{status} == 200 ? $answer->{field}{'x-class'}
                                    : "status $answer->{status}";
}


# Failures until now, by label
sub failures {
    my $answer = fetch($nginx->port('h1'), '/status') or return {};

    return { $answer->{body}
        =~ /^admission_script_errors_total\{script="site",error="(\w+)"\} (\d+)/mg };
}


sub added {
    my ($before, $after) = @_;

    return join ' ', map { ($_) x ($after->{$_} - $before->{$_}) }
                     sort keys %$after;
}


my $mark = $nginx->mark;

is(class('none'), '<whole>', 'a script that is not provoked');

my ($worker) = $nginx->serving;

my $before = failures();
my $most = peak_kb($worker);

for my $name (@names) {
    my $class = class($name, '&text=%0a%22shop');
    my $after = failures();

    is($class, '<>', "$name: as if it had said nothing");
    like(added($before, $after), qr/^(?:$label{$name})$/,
        "$name: counted once, as $label{$name}");
    is(class('none'), '<whole>', "$name: and the next one is served");

    $before = failures();
}

# what it needs for a moment, it has the next time, too

my %seen;
$seen{class('fill')}++ for 1 .. 30;

is_deeply(\%seen, { '<filled>' => 30 }, 'what was garbage is room again');

# what it keeps by itself is its own, until there is no room for it

%seen = ();
$seen{class('keep')}++ for 1 .. 200;

my $full = failures()->{memory} - $before->{memory};

cmp_ok($full, '>=', 2, 'what a script keeps fills its memory');
is($seen{'<kept>'}, 200 - $full, '... which costs that request its answer');
is($seen{'<>'}, $full, '... and no more');
cmp_ok($full, '<', 20, '... since it begins anew then');
is(class('none'), '<whole>', '... and is whole');

# and nothing is left of any of it

class($_) for @names;

my $size = AdmNginx::rss_kb($worker);

for (1 .. 3) {
    class($_) for @names, ('keep') x 60;
}

is_deeply([ $nginx->serving ], [ $worker ], 'the worker lives');
cmp_ok(AdmNginx::rss_kb($worker) - $size, '<', $ENV{ADM_PROBE} ? 32_768 : 4096,
    '... and does not grow');

# nor while a request lasts, whose memory nobody has back before its end

is(class('arguments', '&a=' . 'x' x 7000), '<>', 'many arguments');
is(class('names'), '<>', '... and long names');
cmp_ok(peak_kb($worker) - $most, '<', $ENV{ADM_PROBE} ? 65_536 : 16_384,
    '... cost no memory of the request');

# what is logged is of the script, and one line, and not one a request

my $log = $nginx->since($mark);
my @lines = $log =~ /\[error\] .*admission: script "site" has failed: (.*)/g;

cmp_ok(scalar @lines, '>=', 1, 'failures are logged');
cmp_ok(scalar @lines, '<', @names, '... once in a while');
unlike($log, qr/^not a line|\e/m, '... and nothing that a script could forge');

# a new file is in force after a reload, and a bad one is not

put('return function() return { class = "second" } end');
ok($nginx->reload, 'another file');
is(class('none'), '<second>', '... is in force');

put('while true do end');
ok(!$nginx->reload, 'one that never ends');
is(class('none'), '<second>', '... is not');

$nginx->finish(allow => [ qr/\[emerg\].*too many steps/ ]);

done_testing();
