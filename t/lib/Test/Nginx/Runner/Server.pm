package Test::Nginx::Runner::Server;

# The nginx under test: its server root, and start, reload and stop.
#
# Contract: only the process named by the pid file of our own server root,
# and whose command line names that root, is ever signalled.  The root is
# cleared only of what a run puts there; anything else in it is a reason to
# give up.  Two runs with the same root wait for one another.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Fcntl qw(O_RDONLY LOCK_EX LOCK_NB);
use File::Find ();
use File::Path qw(make_path remove_tree);
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep);

use Test::Nginx::Runner::Config qw(nginx_conf);
use Test::Nginx::Runner::Process
    qw(is_running belongs_to stop_process wait_until);
use Test::Nginx::Runner::Util
    qw(section expand read_file write_file version_number bail_out);

my $INDEX = '<html><head><title>It works!</title></head>'
            . '<body>It works!</body></html>';

# how long a port may stay taken by a server that is about to leave it
my $PORT_PATIENCE = 20;

# so many answers in a row must come from the new configuration, and how long
# that may take
my $RELOAD_ANSWERS = 20;
my $RELOAD_PATIENCE = 15;


sub new {
    my ($class, $settings) = @_;

    return bless { settings => $settings }, $class;
}


# What "nginx -V" says: text, version and its number, kind of "http2".
sub build {
    my ($self) = @_;

    return $self->{build} //= $self->_read_build;
}


sub _read_build {
    my ($self) = @_;

    my $binary = $self->{settings}->value('binary');
    my $text = `'$binary' -V 2>&1` // '';

    my ($version) = $text =~ m{^nginx version: \S+?/(\d+\.\d+\.\d+)}m
        or bail_out("cannot learn the version of $binary: $text");

    my $number = version_number($version);

    return {
        text            => $text,
        version         => $version,
        number          => $number,
        http2_directive => $number >= version_number('1.25.1'),
    };
}


# The running nginx's pid, or undef.
sub pid {
    my ($self) = @_;

    my $text = read_file($self->{settings}->pid_file) // return undef;
    my ($pid) = $text =~ /^(\d+)/ or return undef;

    return undef if !is_running($pid)
                    || !belongs_to($pid, $self->{settings}->root . '/');

    return $pid;
}


# Ends nginx.  Returns undef, or what was wrong with its end.
sub stop {
    my ($self) = @_;

    my $settings = $self->{settings};
    my $expected = delete $self->{started};
    my $pid = $self->pid;

    if (!defined $pid) {
        my $left_behind = $expected && -e $settings->pid_file;
        unlink $settings->pid_file;

        return $left_behind
            ? 'nginx had ended without removing its pid file' : undef;
    }

    my $signal = $settings->value('fast_shutdown') ? 'TERM' : 'QUIT';

    if (!stop_process($pid, $signal, $settings->value('timeout'))) {
        warn "WARNING: nginx $pid did not end on $signal within "
             . $settings->value('timeout') . " s: forced\n";
    }

    unlink $settings->pid_file;

    return undef;
}


# Makes the server root anew, with the files and nginx.conf of the block.
sub prepare {
    my ($self, $case) = @_;

    my $settings = $self->{settings};

    $self->_lock_root;
    $case->{reloading} ? $self->_clear_files : $self->_clear_root;

    make_path(map { $settings->$_ } qw(html_dir conf_dir log_dir));
    write_file($settings->html_dir . '/index.html', $INDEX);

    $self->_run_setup_code($case);
    $self->write_user_files($case);
    write_file($settings->conf_file,
               nginx_conf($settings, $self->build, $case));

    return;
}


sub _lock_root {
    my ($self) = @_;

    return if $self->{lock};

    my $root = $self->{settings}->root;

    make_path($root);
    sysopen my $lock, $root, O_RDONLY or bail_out("cannot open $root: $!");

    if (!flock $lock, LOCK_EX | LOCK_NB) {
        warn "waiting for another run in $root\n";
        flock $lock, LOCK_EX or bail_out("cannot lock $root: $!");
    }

    $self->{lock} = $lock;

    return;
}


sub _clear_root {
    my ($self) = @_;

    my $root = $self->{settings}->root;

    opendir my $handle, $root or bail_out("cannot read $root: $!");

    my @names = grep { !/^\.\.?$/ } readdir $handle;
    my @strange = grep { !/^(?:conf|html|logs|cache|\w+_(?:cache|temp))$/ }
                  @names;

    bail_out("$root holds what no run of tests leaves there: @strange")
        if @strange;

    remove_tree(map { "$root/$_" } @names);

    return;
}


# Before a reload the running server keeps its directories, sockets and keys.
sub _clear_files {
    my ($self) = @_;

    my $remove = sub {
        return if -d $_ || /(?:\bnginx\.pid|\.sock|\.crt|\.key)$/;
        unlink $_ or warn "WARNING: cannot remove $_: $!\n";
    };

    File::Find::find({ no_chdir => 1, wanted => $remove },
                     $self->{settings}->root);

    return;
}


sub _run_setup_code {
    my ($self, $case) = @_;

    my $code = section($case->{block}, 'post_setup_server_root') // return;

    eval $code;    ## no critic (the section's value is Perl code)
    bail_out("$case->{name} - post_setup_server_root: $@") if $@;

    return;
}


sub write_user_files {
    my ($self, $case) = @_;

    my $value = section($case->{block}, 'user_files') // return;
    my $files = ref $value eq 'ARRAY' ? $value : _split_files($value);

    for my $file (@$files) {
        my ($path, $body, $date) = @$file;

        $path = $self->{settings}->html_dir . "/$path" if $path !~ m{^/};
        make_path($path =~ m{^(.*)/});
        write_file($path, expand($body // '', $case->{name}, $case->{ports},
                                 $self->{settings}));
        _set_date($path, $date) if $date;
    }

    return;
}


# ">>> name [date]" begins a file, what follows is its body
sub _split_files {
    my ($text) = @_;

    my @files;

    for my $line (split /^/m, $text) {
        if ($line =~ /^>>> (\S+)(?:\s+(.+))?/) {
            push @files, [$1, '', $2];

        } elsif (@files) {
            $files[-1][1] .= $line;
        }
    }

    return \@files;
}


sub _set_date {
    my ($path, $date) = @_;

    local $ENV{TZ} = 'GMT';

    system('touch', '-t', $date, $path) == 0
        or bail_out("cannot set the date of $path to $date");

    return;
}


# Starts nginx on what prepare() has made; returns its exit status.  The
# listening sockets are open by then, since nginx opens them before it goes
# to the background.
sub start {
    my ($self, $quiet) = @_;

    my $settings = $self->{settings};
    my $binary = $settings->value('binary');
    my $status = _run_quietly($quiet, $settings->value('preload'), $binary,
                              '-e', $settings->error_log,
                              '-p', $settings->root . '/',
                              '-c', $settings->conf_file);

    $self->{started} = $status == 0;

    if ($status == 0) {
        wait_until(sub { defined $self->pid }, $settings->value('timeout'))
            or warn "WARNING: nginx has started but left no pid file\n";
    }

    return $status;
}


# start(), again while the port is still taken; gives up on a failure
sub start_surely {
    my ($self, $case) = @_;

    my $quiet = defined section($case->{block}, 'suppress_stderr');
    my $deadline = time() + $PORT_PATIENCE;
    my $status;

    while (($status = $self->start($quiet)) != 0) {
        my $taken = $self->_error_log =~ /Address already in use/;

        bail_out("$case->{name} - nginx does not start (status $status)")
            if !$taken || time() > $deadline;

        sleep 0.2;
    }

    return;
}


sub _run_quietly {
    my ($quiet, $preload, @command) = @_;

    my $pid = fork() // bail_out("cannot fork: $!");

    if ($pid == 0) {
        $ENV{LD_PRELOAD} = join ' ', grep { defined } $preload,
                           $ENV{LD_PRELOAD} if defined $preload;
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null' if $quiet;

        no warnings 'exec';
        exec { $command[0] } @command;
        POSIX::_exit(127);
    }

    waitpid $pid, 0;

    return $?;
}


# Lets the running nginx take up what prepare() has made.  Returns false if
# the new configuration does not come into force.
sub reload {
    my ($self, $case) = @_;

    my $pid = $self->pid;
    my $log = $self->{settings}->error_log;

    kill 'USR1', $pid;
    wait_until(sub { -e $log }, 1);
    kill 'HUP', $pid;

    if (defined section($case->{block}, 'reload_fails')) {
        sleep 0.3;
        return 1;
    }

    return $self->_wait_for_version($case);
}


sub _wait_for_version {
    my ($self, $case) = @_;

    my ($settled, $refused);

    wait_until(sub {
        $refused = $self->_error_log =~ /\[emerg\]/;
        $settled = !$refused && $self->_only_new_answers($case);

        return $refused || $settled;
    }, $RELOAD_PATIENCE);

    return $settled;
}


sub _only_new_answers {
    my ($self, $case) = @_;

    for (1 .. $RELOAD_ANSWERS) {
        my $answer = $case->{http2} ? $self->_version_by_curl
                                    : $self->_version_by_socket;

        return 0 if $answer ne $case->{config_version};
    }

    return 1;
}


sub _error_log {
    my ($self) = @_;

    return read_file($self->{settings}->error_log) // '';
}


sub _version_by_socket {
    my ($self) = @_;

    my $settings = $self->{settings};
    my $socket = IO::Socket::INET->new(
        PeerAddr => $settings->value('server_addr'),
        PeerPort => $settings->value('port'),
        Timeout  => 2,
    ) or return '';

    print {$socket} "GET /ver HTTP/1.0\r\nHost: Test-Nginx\r\n\r\n";
    $socket->flush;

    my $answer = do { local $/; <$socket> } // '';

    return $answer =~ /\r\n\r\n(.*)\z/s ? $1 : '';
}


sub _version_by_curl {
    my ($self) = @_;

    my $settings = $self->{settings};
    my $url = 'http://' . $settings->value('server_addr') . ':'
              . $settings->value('port') . '/ver';

    return `curl --http2-prior-knowledge -s -m 2 -H 'Host: Test-Nginx' '$url'`
           // '';
}


sub remove_random_root {
    my ($self) = @_;

    my $settings = $self->{settings};

    remove_tree($settings->root) if $settings->value('randomized')
                                    && !$settings->value('no_clean');

    return;
}


1;
