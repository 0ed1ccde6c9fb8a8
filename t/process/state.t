#!/usr/bin/perl

# Power fails in the middle of a sale, or somebody kills the wrong process, or
# the disk is full.  What an operator has set is in force again when nginx is
# back, nobody's number is given to somebody else, and who waits or has been
# let in keeps that.  A file that is not whole is never taken for one that is,
# and never replaced by something older; what cannot be kept is said, once.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256);
use Fcntl qw(:flock);
use File::Temp ();
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep stat);

use AdmHttp qw(fetch);
use AdmNginx qw(wait_for slurp);
use AdmShopper qw(key_file payload_of);


my $WORKERS = 'daemon';         # their user

my $HTTP = <<'END';
    admission_zone clients 8m;
    admission_rate one $arg_k rate=1r/h;
    %{keys}
    %{state}
    %{rooms}

    server {
        listen 127.0.0.1:%{h1};

        location = /status { admission_status; }
        location /control/ { admission_control; }

        location = /limited {
            alias %{dir}/html/hello;
            admission %{mode};
            admission_limit one;
        }

        %{more}
    }
END

# a file's head, as src/store/ngx_adm_state.c has it
my $HEAD = 128;
my $LAYOUT = 16;
my $SIZE = 24;
my $DIGEST = 40;

my $root = File::Temp->newdir('adm-state-XXXXXX', TMPDIR => 1);
chmod 0755, $root;

my $n = 0;

sub new_dir { return "$root/" . ++$n }


# An nginx with this state directory.
sub start {
    my ($dir, %is) = @_;

    my %option = (main => delete $is{main}, workers => delete $is{workers});
    delete $option{$_} for grep { !defined $option{$_} } keys %option;

    my $nginx = StateNginx->start(http => $HTTP, %option,
        vars => vars($dir, %is));

    # whoever is to be killed has to be there
    wait_for(sub { $nginx->managers }) unless $option{main};

    return $nginx;
}


sub vars {
    my ($dir, %is) = @_;

    return { state => "admission_state $dir;", keys => '', rooms => '',
        more => '', mode => 'on', %is };
}


# Why nginx does not start.
sub refused {
    my ($dir, %is) = @_;

    my $nginx = eval { start($dir, %is) };
    my $why = $@;

    $nginx->finish if $nginx;

    return $nginx ? 'it starts' : $why;
}


# All of nginx' processes end at once.
sub crash {
    my ($nginx) = @_;

    $nginx->kill_all;
    ok($nginx->stop('KILL'), 'killed');

    return;
}


# The switch, as an operator has it

sub patch {
    my ($nginx, $json, $resource) = @_;

    my $answer = fetch($nginx->port('h1'),
        '/control/' . ($resource // 'admission'), method => 'PATCH',
        fields => "Content-Type: application/json\r\n", body => $json);

    return $answer ? $answer->{status} : 0;
}


sub told {
    my ($nginx, $resource) = @_;

    my $answer = fetch($nginx->port('h1'),
        '/control/' . ($resource // 'admission'));

    return JSON::PP::decode_json($answer->{body});
}


sub mode { return told($_[0])->{mode} }


# Changes the mode, and waits until that is on disk.
sub switch {
    my ($nginx, $dir, $mode, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $before = slurp("$dir/settings");

    return ok(patch($nginx, qq({"mode":$mode})) == 200
        && wait_for(sub { slurp("$dir/settings") ne $before }), $name);
}


# What is in a directory: the number, the time and the text of each file.
sub inventory {
    my ($dir) = @_;

    return { map { s{.*/}{}r => [(stat)[1, 9], slurp($_)] } glob "$dir/*" };
}


sub spoil {
    my ($file, $text) = @_;

    open my $out, '>', $file or die "cannot write $file: $!\n";
    print {$out} $text;
    close $out or die "cannot write $file: $!\n";

    return;
}


sub lines { my ($text, $like) = @_; return scalar(() = $text =~ /$like/g) }


sub the_directory {
    my $dir = new_dir();
    my $nginx = start($dir);
    my @is = stat $dir;

    is($is[2] & 07777, 0700, 'the directory is made, for one user');
    is($is[4], ($> == 0) ? scalar getpwnam $WORKERS : $>, '... the workers\'');

    my @files = map { s{.*/}{}r } glob "$dir/*";

    is("@files", 'lock settings', 'all is there when the first worker is');

    for (@files) {
        @is = stat "$dir/$_";
        is($is[2] & 07777, 0600, "$_: nobody else may read it");
        is($is[4], (stat $dir)[4], "$_: ... the workers'");
    }

    switch($nginx, $dir, '"off"', 'written by a process of the workers\' user');
    is((stat "$dir/settings")[4], (stat $dir)[4], '... who still has it');

    $nginx->finish;

    return;
}


sub an_override {
    my $dir = new_dir();
    my $nginx = start($dir);

    switch($nginx, $dir, '"dry_run"', 'an override');

    my $set = mode($nginx);

    $nginx->finish;
    $nginx = start($dir);

    is_deeply(mode($nginx), $set, 'stopped: who set it, and when, is known');
    is(lines($nginx->log_text, 'the override of "admission mode" is in force'
        . ' again'), 1, '... and the log says that it is back');

    crash($nginx);
    $nginx = start($dir);

    is_deeply(mode($nginx), $set, 'killed: as it was');
    ok($nginx->reload, 'a reload');
    is_deeply(mode($nginx), $set, '... which it outlives');

    switch($nginx, $dir, '"off"', 'another value, behind a reload');
    $set = mode($nginx);
    crash($nginx);
    $nginx = start($dir);

    is_deeply(mode($nginx), $set, 'killed: as it was then');

    switch($nginx, $dir, 'null', 'none');
    crash($nginx);
    $nginx = start($dir);

    is(mode($nginx)->{by}, undef, 'killed: nobody has set anything');
    is($nginx->log_text =~ /in force again/, '', '... and nothing is back');

    patch($nginx, '{"mode":"off"}');
    $nginx->finish;
    $nginx = start($dir);

    is(mode($nginx)->{effective}, 'off', 'what was set last, before the end');

    $nginx->finish;
    $nginx = start($dir, mode => 'dry_run');

    is(mode($nginx)->{effective}, 'dry_run', 'the file has another value');
    like($nginx->log_text, qr/the override of "admission mode" is dropped/,
        '... which counts, and the log says so');

    crash($nginx);
    $nginx = start($dir);
    is(mode($nginx)->{effective}, 'on', '... for ever');
    $nginx->finish;

    return;
}


sub a_manager_is_killed {
    my $dir = new_dir();
    my $nginx = start($dir);
    my ($manager) = $nginx->managers;

    ok($manager, 'a cache manager');
    $nginx->signal('KILL', $manager);
    ok(wait_for(sub { grep { $_ != $manager } $nginx->managers }),
        '... was killed, there is another');
    switch($nginx, $dir, '"off"', '... that goes on');

    $nginx->finish(allow => [qr/cache manager process $manager exited on/]);

    return;
}


sub generations {
    my $dir = new_dir();
    my $nginx = start($dir, workers => 2);

    for (1 .. 6) {
        my $mode = $_ % 2 ? 'off' : 'dry_run';

        is(patch($nginx, qq({"mode":"$mode"})), 200, "$mode, ...");
        ok($nginx->reload, '... and a reload at once');
    }

    my $set = mode($nginx);

    is($set->{effective}, 'dry_run', 'the last one');
    crash($nginx);
    $nginx = start($dir);
    is_deeply(mode($nginx), $set, 'all that was before a reload is on disk');
    $nginx->finish;

    return;
}


sub spoiled {
    my $dir = new_dir();
    my $nginx = start($dir);

    switch($nginx, $dir, '"off"', 'a good file');
    crash($nginx);

    my $good = slurp("$dir/settings");
    my %bad = bad_files($good);

    for (sort keys %bad) {
        my ($text, $why) = @{ $bad{$_} };

        spoil("$dir/settings", $text);

        my $before = inventory($dir);

        my $said = qq{state file "$dir/settings" $why; put a good one there,}
                   . ' or move it away to begin without it';

        like(refused($dir), qr/\[emerg\] .*\Q$said\E/, "$_: refused");
        is_deeply(inventory($dir), $before, '... and left alone');
    }

    unlink "$dir/settings";
    symlink '/etc/passwd', "$dir/settings" or die "symlink: $!\n";
    like(refused($dir), qr{open\(\) "\Q$dir\E/settings" failed},
        'a link: refused');

    unlink "$dir/settings";
    $nginx = start($dir);
    is(mode($nginx)->{effective}, 'on', 'moved away: as if there was none');
    $nginx->finish;

    spoil("$dir/settings", $good);
    $nginx = start($dir);
    is(mode($nginx)->{effective}, 'off', 'put back: as it was');
    $nginx->finish;

    return;
}


sub bad_files {
    my ($good) = @_;

    my $flip = sub {
        my ($at) = @_;

        my $text = $good;
        substr($text, $at, 1) ^= "\x01";
        return $text;
    };

    my $damaged = 'is damaged, its checksum is wrong';
    my $cut = 'is damaged, it is cut off';
    my $length = 'is damaged, it has another length than it says';
    my $version = 'was written by another version of the module';

    return (
        'the first bit of it' => [$flip->($HEAD), $damaged],
        'the last bit' => [$flip->(length($good) - 1), $damaged],
        'a bit of the checksum' => [$flip->($DIGEST), $damaged],
        'a bit of the writer\'s number' => [$flip->($DIGEST - 1), $damaged],
        'a bit that nobody reads' => [$flip->($HEAD - 1), $damaged],
        'empty' => ['', $cut],
        'the head cut off' => [substr($good, 0, $HEAD - 1), $cut],
        'the head alone' => [substr($good, 0, $HEAD), $length],
        'a byte too short' => [substr($good, 0, -1), $length],
        'a byte too long' => ["${good}x", $length],
        'something else' => ["hello\n" x 100,
            'was not written by "admission_state"'],
        'another layout' => [signed($good, $LAYOUT, 77), $version],
        'another size' => [signed($good, $SIZE, 77), $version],
        'another format' => [signed($good, 8, 77), $version],
    );
}


# A file that says something else, with a checksum that is right.
sub signed {
    my ($text, $at, $value) = @_;

    substr $text, $at, 8, pack 'Q', $value;
    substr $text, $DIGEST, 32, "\0" x 32;
    substr $text, $DIGEST, 32, sha256($text);

    return $text;
}


# The test of the test: what is only signed anew is good.
sub signing {
    my $dir = new_dir();

    start($dir)->finish;

    my $good = slurp("$dir/settings");

    is(signed($good, $LAYOUT, unpack 'x16Q', $good), $good,
        'the test computes checksums as the module does');

    return;
}


sub configuration_test {
    my $dir = new_dir();
    my $nginx = start($dir);

    switch($nginx, $dir, '"off"', 'an override');

    my $before = inventory($dir);

    like($nginx->check_conf, qr/test is successful/, 'nginx -t');
    is_deeply(inventory($dir), $before, '... has touched nothing');
    switch($nginx, $dir, '"dry_run"', '... and taken nothing over');
    unlike($nginx->log_text, qr/taken over/, '... so nobody says so');

    $nginx->finish;
    $before = inventory($dir);
    like($nginx->check_conf, qr/test is successful/, 'of one that is stopped');
    is_deeply(inventory($dir), $before, '... has touched nothing either');

    spoil("$dir/settings", 'x');
    like($nginx->check_conf, qr/is damaged, it is cut off/,
        '... and says why nginx would not start');

    my $empty = new_dir();

    $nginx->configure(vars => vars($empty));
    like($nginx->check_conf, qr/test is successful/, 'of a new directory');
    is_deeply(inventory($empty), {}, '... writes no file');

    return;
}


sub taken_over {
    my $dir = new_dir();
    my $first = start($dir);

    switch($first, $dir, '"off"', 'the one nginx');

    my $second = start($dir);

    is(mode($second)->{effective}, 'off', 'another one has what it kept');
    switch($second, $dir, '"dry_run"', '... and takes the directory over');

    ok($first->wait_log(0, qr/was taken over by another nginx/),
        '... which the one says');

    my $before = inventory($dir);

    is(patch($first, '{"mode":"on"}'), 200, 'what is set there now');
    ok($first->reload, '... outlives a reload');
    is(mode($first)->{effective}, 'on', '... but is kept in memory only');

    $first->finish;
    is(lines($first->log_text, 'was taken over by'), 1, '... it is said once');
    is_deeply(inventory($dir), $before, '... and the files are the other\'s');

    switch($second, $dir, '"off"', '... who goes on');
    $second->finish;

    return;
}


my @daemons;

END { kill 'KILL', grep { AdmNginx::alive($_) } @daemons }


# nginx takes no signal for it while who has started it is its parent.
sub binary_upgrade {
    my $dir = new_dir();
    my $nginx = start($dir);
    my $file = $nginx->dir . '/nginx.pid';

    ok($nginx->stop, 'an nginx ...');
    $nginx->write_file('nginx.conf', slurp($nginx->dir . '/nginx.conf')
        =~ s/daemon off;//r);
    system $nginx->_command;
    ok(wait_for(sub { -s $file }), '... as a daemon');

    my $old = slurp($file) + 0;
    push @daemons, $old, AdmNginx::_children($old, qr/process/);

    switch($nginx, $dir, '"off"', 'before a binary upgrade');
    kill 'USR2', $old;

    ok($nginx->wait_log(0, qr/taken over by another nginx/),
        'the new nginx has the files, and the old says so');
    wait_for(sub { (slurp($file) || $old) != $old });

    my $new = slurp($file) + 0;
    push @daemons, $new, AdmNginx::_children($new, qr/process/);

    isnt($new, $old, '... which are two');
    kill 'QUIT', $old;
    ok($nginx->wait_gone($old), 'the old one ends');
    is(mode($nginx)->{effective}, 'off', 'the new one has what was set');
    switch($nginx, $dir, '"dry_run"', '... and goes on');

    kill 'QUIT', $new;
    ok($nginx->wait_gone($new), 'the new one ends');
    is(lines($nginx->log_text, 'taken over by another nginx'), 1,
        'it was said once');
    $nginx->finish;

    return;
}


sub locked {
    my $dir = new_dir();
    my $nginx = start($dir);

    open my $lock, '+<', "$dir/lock" or die "cannot open lock: $!\n";
    flock $lock, LOCK_EX or die "cannot lock: $!\n";

    my $before = slurp("$dir/settings");

    is(patch($nginx, '{"mode":"off"}'), 200, 'while somebody has the files');
    like(refused($dir), qr{\[emerg\].*flock\(\) "\Q$dir\E/lock" failed},
        '... no other nginx starts');
    is(slurp("$dir/settings"), $before, '... and nothing is written');

    flock $lock, LOCK_UN;
    ok(wait_for(sub { slurp("$dir/settings") ne $before }),
        'afterwards it is');
    unlike($nginx->log_text, qr/failed/, '... without a complaint');
    $nginx->finish;

    unlink "$dir/lock";
    link '/dev/null', "$dir/lock" or symlink '/dev/null', "$dir/lock";
    like(refused($dir), qr{"\Q$dir\E/lock" failed}, 'a lock that is a link');

    unlink "$dir/lock";
    spoil("$dir/lock", 'x' x 17);
    link "$dir/lock", "$dir/lock.other" or die "cannot link: $!\n";
    like(refused($dir), qr{"\Q$dir\E/lock" failed}, '... of two names');
    is(slurp("$dir/lock.other"), 'x' x 17, '... is not written to');

    return;
}


# An operator tidies up.
sub emptied {
    my $dir = new_dir();
    my $nginx = start($dir);

    unlink glob "$dir/*";
    is(patch($nginx, '{"mode":"off"}'), 200, 'in an empty directory');
    ok(wait_for(sub { -s "$dir/settings" }), 'a file is written again');
    crash($nginx);
    $nginx = start($dir);
    is(mode($nginx)->{effective}, 'off', '... and good');
    $nginx->finish;

    return;
}


sub no_permission {
    my $dir = new_dir();
    my $nginx = start($dir);
    my $before = inventory($dir);

    chmod 0500, $dir;
    my $mark = unwritten($nginx, $dir, qr/failed \(13: Permission denied\)/,
        'the directory may not be written');
    is_deeply(inventory($dir), $before, '... the old files are there');
    chmod 0700, $dir;
    written_again($nginx, $dir, $before->{settings}[2], $mark);

    rename $dir, "$dir.away" or die "cannot rename: $!\n";
    $mark = unwritten($nginx, $dir, qr/failed \(2: No such file or directory\)/,
        'the directory is gone');

    my $old = slurp("$dir.away/settings");

    rename "$dir.away", $dir or die "cannot rename: $!\n";
    written_again($nginx, $dir, $old, $mark);

    $nginx->finish;

    return;
}


# Sets something, and waits for the sentence; it is not said again.  A mark in
# the log, for what follows when it can be written again.
sub unwritten {
    my ($nginx, $dir, $why, $name) = @_;

    my $mark = $nginx->mark;
    my $off = mode($nginx)->{effective} eq 'off' ? 'dry_run' : 'off';

    is(patch($nginx, qq({"mode":"$off"})), 200, $name);
    ok($nginx->wait_log($mark, $why), '... and the log says why');
    ok($nginx->wait_log($mark,
            qr{\[error\] .*nothing is kept in "\Q$dir\E" of}),
        '... and what follows');
    sleep 2.5;
    is(lines($nginx->since($mark), $why), 1, '... once, though it goes on');
    is(mode($nginx)->{effective}, $off, 'nginx serves');

    return $nginx->mark;
}


sub written_again {
    my ($nginx, $dir, $before, $mark) = @_;

    my $like = qr/"\Q$dir\E" of "admission_state" is written again/;

    ok($nginx->wait_log($mark, $like), 'when it can, it is written');
    ok(slurp("$dir/settings") ne $before, '... with what was set meanwhile');

    my $set = mode($nginx);
    my $other = start_copy($dir);

    is_deeply(mode($other), $set, '... as another nginx finds it');
    $other->finish;

    return;
}


# An nginx that has copies of the files.
sub start_copy {
    my ($dir) = @_;

    my $copy = new_dir();

    mkdir $copy, 0700 or die "cannot make $copy: $!\n";
    spoil("$copy/settings", slurp("$dir/settings"));

    return start($copy);
}


# In a file system of our own, where nobody else sees it.
sub full_disk {
    my $dir = new_dir();

    mkdir $dir, 0700 or die "cannot make $dir: $!\n";

    SKIP: {
        skip 'no file system of our own', 1 unless own_file_system($dir);

        my $nginx = start("$dir/state");
        my $before = inventory("$dir/state");

        fill("$dir/filler");
        unwritten($nginx, "$dir/state",
            qr/failed \(28: No space left on device\)/, 'the disk is full');
        is_deeply(inventory("$dir/state"), $before, '... the old files stay');
        ok($nginx->reload, 'a reload');
        is_deeply(inventory("$dir/state"), $before, '... the old files stay');

        like(refused("$dir/state"),
            qr/\[emerg\].*failed \(28: No space left on device\)/,
            '... no nginx is started on it');

        unlink "$dir/filler";
        $nginx->finish;

        $nginx = start("$dir/state");
        fill("$dir/filler");
        my $mark = unwritten($nginx, "$dir/state",
            qr/failed \(28: No space left on device\)/, 'full once more');
        unlink "$dir/filler";
        written_again($nginx, "$dir/state",
            $before->{settings}[2], $mark);
        $nginx->finish;

        read_only($dir);
        system 'umount', '-l', $dir;
    }

    return;
}


sub read_only {
    my ($dir) = @_;

    my $before = inventory("$dir/state");

    system 'mount', '-o', 'remount,ro', $dir;
    like(refused("$dir/state"),
        qr/\[emerg\].*failed \(30: Read-only file system\)/,
        'what is read only: no nginx starts on it');
    is_deeply(inventory("$dir/state"), $before, '... of course');

    return;
}


sub own_file_system {
    my ($dir) = @_;

    my %unshare = (x86_64 => 272, aarch64 => 97);
    my $call = $unshare{ (POSIX::uname())[4] };

    return $> == 0 && $call && syscall($call, 0x20000) == 0
        && system('mount', '--make-rprivate', '/') == 0
        && system('mount', '-t', 'tmpfs', '-o', 'size=512k,mode=755',
                  'tmpfs', $dir) == 0;
}


sub fill {
    my ($file) = @_;

    open my $out, '>', $file or die "cannot write $file: $!\n";
    while (syswrite $out, "\0" x 4096) { }
    close $out;

    return;
}


sub alone {
    my $dir = new_dir();
    my $nginx = start($dir, main => 'master_process off;');

    like($nginx->log_text, qr/"admission_state"[ ]is[ ]written[ ]only[ ]when
        [ ]nginx[ ]starts[ ]and[ ]ends,[ ]since[ ]"master_process"[ ]is[ ]off/x,
        'no master: a warning');
    is(patch($nginx, '{"mode":"off"}'), 200, 'an override');
    $nginx->finish;

    $nginx = start($dir, main => 'master_process off;');
    is(mode($nginx)->{effective}, 'off', 'written at the end');
    $nginx->finish;

    return;
}


# A directory that a reload brings, or takes.
sub changed {
    my ($one, $two) = (new_dir(), new_dir());
    my $nginx = start($one);

    switch($nginx, $one, '"off"', 'in one directory');

    $nginx->configure(vars => vars($two));
    ok($nginx->reload, 'another one');
    is(slurp("$two/settings") ne '', 1, '... has all at once');
    is(mode($nginx)->{effective}, 'off', '... that holds');

    my $before = inventory($one);

    switch($nginx, $two, '"dry_run"', '... and what comes');
    is_deeply(inventory($one), $before, '... the first one has not');

    spoil("$root/file", 'x');
    $nginx->configure(vars => vars("$root/none/none"));
    is($nginx->reload, '', 'one that cannot be made is refused');
    switch($nginx, $two, '"off"', '... and nothing has changed');

    $nginx->configure(vars => vars('', state => ''));
    ok($nginx->reload, 'none');
    is(mode($nginx)->{effective}, 'off', '... what is set holds');
    $nginx->configure(vars => vars($two));
    ok($nginx->reload, 'again');
    switch($nginx, $two, '"dry_run"', '... and goes on');

    $nginx->finish(allow => [qr{mkdir\(\) "\Q$root\E/none/none" failed}]);

    return;
}


# Rooms

my $JOIN = 'join $arg_k rate=10000r/s burst=10000;';

# where one waits for ever, and where one comes in at once
my $ROOMS = <<"END";
    admission_room drop { rate 1r/h; mode always; $JOIN }
    admission_room quick { rate 1000r/s; mode always; $JOIN }
END

my $WAIT = <<'END';
    location /drop { empty_gif; admission_wait drop; }
    location /quick { empty_gif; admission_wait quick; }
END

sub with_rooms {
    my ($dir, %is) = @_;

    spoil("$root/keys", key_file());
    chmod 0600, "$root/keys";

    return start($dir, rooms => $ROOMS, more => $WAIT,
        keys => "admission_secret_file $root/keys;", %is);
}


sub shopper {
    my ($nginx, $room) = @_;

    return AdmShopper->new($nginx, cookie => "adm_$room");
}


# The number that a newcomer gets, or nothing.
sub join_room {
    my ($nginx) = @_;

    my $s = shopper($nginx, 'drop');

    $s->get('/drop') or return;

    return ($s->ticket // 0) + 0;
}


# The file of a room has changed twice: what was before is in it.  It changes
# when somebody comes.
sub settled {
    my ($nginx, $dir, $room) = @_;

    my $now = sub { (stat "$dir/room-$room")[1] // 0 };

    for (1, 2) {
        my $before = $now->();

        shopper($nginx, $room)->get("/$room");
        wait_for(sub { $now->() != $before }) or fail("$room comes to disk");
    }

    return;
}


sub numbers {
    my $dir = new_dir();
    my (%seen, $given);

    for my $round (1 .. 4) {
        my $nginx = with_rooms($dir);
        my $before = $given // 0;

        # it may be killed when it has given one
        my $first = wait_for(sub { join_room($nginx) });

        $seen{$first}++;
        $given++;
        crash_soon($nginx);

        while (AdmNginx::alive($nginx->pid)) {
            my $number = join_room($nginx) or next;

            $seen{$number}++;
            $given++;
        }

        $nginx->stop('KILL');
        cmp_ok($given, '>', $before, 'numbers were given until it was killed');
    }

    is(join(' ', grep { $seen{$_} > 1 } sort keys %seen), '',
        'none of them twice');
    is($given, keys %seen, '... as the test counts them');

    return;
}


# Another process kills nginx at some moment.
sub crash_soon {
    my ($nginx) = @_;

    my $child = fork // die "cannot fork: $!\n";

    return if $child;

    sleep 0.2 + rand 2;
    $nginx->kill_all;
    POSIX::_exit(0);
}


# How many people each has ahead, once that is counted.
sub wait_order {
    my (@line) = @_;

    my $ahead = sub { join ' ', map { $_->poll('/drop')->{ahead} } @line };
    my $in_order = join ' ', 0 .. $#line;

    my $is;

    wait_for(sub { ($is = $ahead->()) eq $in_order });

    return $is;
}


sub a_line {
    my $dir = new_dir();
    my $nginx = with_rooms($dir);
    my @line = map { shopper($nginx, 'drop') } 1 .. 5;

    $_->get('/drop') for @line;
    my @tickets = map { $_->ticket } @line;

    is(wait_order(@line), '0 1 2 3 4', 'five people wait');
    settled($nginx, $dir, 'drop');

    for my $end ('stopped', 'killed') {
        $end eq 'killed' ? crash($nginx) : $nginx->finish;
        $nginx = with_rooms($dir);
        $_->{nginx} = $nginx for @line;

        my @said = map { $_->poll('/drop') } @line;

        is_deeply([map { $_->{state} } @said], [('waiting') x 5],
            "$end: all wait");
        is_deeply([map { $_->ticket } @line], \@tickets,
            '... with their numbers');
        is(wait_order(@line), '0 1 2 3 4', '... in their order');
        cmp_ok(join_room($nginx), '>', $tickets[-1],
            '... and who comes now is behind them');
    }

    $nginx->finish;

    return;
}


sub the_admitted {
    my $dir = new_dir();
    my $nginx = with_rooms($dir);
    my $s = shopper($nginx, 'quick');

    $s->get('/quick');
    my $ticket = $s->token;

    is($s->get_in('/quick')->{status}, 200, 'somebody is let in');

    my $pass = $s->token;

    settled($nginx, $dir, 'quick');

    for my $end ('stopped', 'killed') {
        $end eq 'killed' ? crash($nginx) : $nginx->finish;
        $nginx = with_rooms($dir);
        $_->{nginx} = $nginx for $s;

        is($s->get('/quick')->{status}, 200, "$end: the pass is good");
        is($nginx->metric('room_active', room => 'quick'), 1,
            '... and who has it is inside');

        my $again = shopper($nginx, 'quick')->set_token($ticket);

        $again->get('/quick');
        is(payload_of($again->token)->{jti}, payload_of($pass)->{jti},
            '... whose ticket gives no other pass');
        is($nginx->metric('room_active', room => 'quick'), 1,
            '... and lets in nobody else');
    }

    $nginx->finish;

    return;
}


# A key that was made at the start goes with nginx.
sub no_secret {
    my $dir = new_dir();
    my $nginx = with_rooms($dir, keys => '');
    my $s = shopper($nginx, 'quick');

    is($s->get_in('/quick')->{status}, 200, 'a pass of a key of its own');
    ok($nginx->reload, 'a reload');
    is($s->get('/quick')->{status}, 200, '... does not void it');

    $nginx->configure(vars => vars($dir, rooms => $ROOMS, more => $WAIT,
        keys => "admission_secret_file $root/keys;"));
    ok($nginx->reload, 'a reload that brings a file of keys');
    is($s->get('/quick')->{status}, 200, '... does not either');

    $nginx->finish;
    $nginx = with_rooms($dir, keys => '');
    $s->{nginx} = $nginx;

    isnt($s->get('/quick')->{status}, 200, '... a restart does');
    unlike($nginx->log_text, qr/eyJ/, 'no token is in the log');
    $nginx->finish;

    return;
}


# Without the directory the line begins anew, and its numbers are given again:
# who has one of the old line must not stand where somebody else does.
sub no_state {
    my $nginx = with_rooms(new_dir(), state => '', main => "\n");
    my $waiting = shopper($nginx, 'drop');
    my $inside = shopper($nginx, 'quick');

    $waiting->get('/drop') for 1, 2;
    is($waiting->ticket, 1, 'a number');
    is($inside->get_in('/quick')->{status}, 200, '... and a pass');

    $nginx->finish;
    sleep 1.1;
    $nginx = with_rooms(new_dir(), state => '', main => "\n");
    $_->{nginx} = $nginx for $waiting, $inside;

    is(join_room($nginx), 1, 'the same number, after a restart');
    $waiting->get('/drop');
    is($waiting->ticket, 2, '... who had it before gets another');
    isnt($inside->get('/quick')->{status}, 200,
        '... nor does the old pass let in');
    is($nginx->metric('tokens_total', outcome => 'unknown'), 2,
        '... and this is seen');

    $nginx->finish;

    return;
}


# Keys come and go by reload.
sub rotation {
    my $dir = new_dir();
    my $nginx = with_rooms($dir);
    my $s = shopper($nginx, 'quick');
    my $new = 'k2:' . 'ab' x 32 . "\n";

    is($s->get_in('/quick')->{status}, 200, 'a pass of the first key');

    spoil("$root/keys", $new . key_file());
    ok($nginx->reload, 'another key is the first');
    is($s->get('/quick')->{status}, 200, '... the pass is good');

    my $other = shopper($nginx, 'quick');

    is($other->get_in('/quick')->{status}, 200, '... another pass');
    is(AdmShopper::header_of($other->token)->{kid}, 'k2', '... is of the new');

    spoil("$root/keys", $new);
    ok($nginx->reload, 'the old key goes');
    is($other->get('/quick')->{status}, 200, '... the new pass is good');
    isnt($s->get('/quick')->{status}, 200, '... and the old one is not');

    chmod 0640, "$root/keys";
    is($nginx->reload, '', 'a file that others may read: no reload');
    is($other->get('/quick')->{status}, 200, '... and nothing has changed');

    unlike($nginx->log_text, qr/eyJ|abababab/, 'no secret is in the log');
    $nginx->finish(allow => [qr/is open to others than its owner/]);

    return;
}


# A room's settings wait for the room.
sub room_settings {
    my $dir = new_dir();
    my $nginx = with_rooms($dir);
    my $before = slurp("$dir/settings");

    is(patch($nginx, '{"rate":"5r/s"}', 'rooms/drop'), 200, 'a rate is set');
    ok(wait_for(sub { slurp("$dir/settings") ne $before }), '... kept');

    my $set = told($nginx, 'rooms/drop')->{rate};

    crash($nginx);
    $nginx = start($dir);
    switch($nginx, $dir, '"off"', 'without the room, another setting');
    $nginx->finish;
    $nginx = with_rooms($dir);

    is($set->{effective}, '5r/s', 'what was set ...');
    is_deeply(told($nginx, 'rooms/drop')->{rate}, $set,
        '... is there when the room is back');
    is(mode($nginx)->{effective}, 'off', '... and so is the other');
    $nginx->finish;

    return;
}


# AdmNginx whose workers have a user of their own, as in production.

package StateNginx;

our @ISA;

BEGIN { @ISA = ('AdmNginx') }


sub _conf {
    my ($self) = @_;

    my $text = $self->SUPER::_conf;

    $text =~ s/^user root;/user $WORKERS;/m;

    return $text;
}


# A master that is stopped starts no other.
sub kill_all {
    my ($self) = @_;

    kill 'STOP', $self->pid;
    kill 'KILL', AdmNginx::_children($self->pid, qr/./), $self->pid;

    return;
}


sub managers { return AdmNginx::_children($_[0]->pid, qr/cache manager/) }


package main;

signing();
the_directory();
an_override();
a_manager_is_killed();
generations();
spoiled();
configuration_test();
taken_over();
binary_upgrade();
locked();
emptied();
no_permission();
alone();
changed();
numbers();
a_line();
the_admitted();
no_secret();
no_state();
rotation();
room_settings();
full_disk();

done_testing();
