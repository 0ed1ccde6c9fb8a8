package AdmRedis;

# A redis-server of the test's own: a temporary directory, a free port of
# 127.0.0.1 or a socket, a process that we started and end, its log, and a
# small blocking client.
#
#     my $redis = AdmRedis->start(socket => 1, args => ['--hz', 100]);
#     $redis->uri, $redis->command('SET', 'key', 'value'), $redis->kill
#
# From the environment: ADM_REDIS (the binary, redis-server if not set).
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp ();
use IO::Select ();
use IO::Socket::UNIX ();
use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep time);

use AdmNginx qw(free_port slurp wait_for);

# how long a command may take, seconds
my $PATIENCE = 10;

my $LUA = dirname(__FILE__) . '/../../../src/store/lua';

my %running;        # pid => server
my $owner = $$;


# Leaves the test if there is no Redis.
sub need_redis {
    my $binary = $ENV{ADM_REDIS} // 'redis-server';

    return if system("'$binary' --version >/dev/null 2>&1") == 0;

    return Test::More::plan(skip_all => 'needs redis-server (or ADM_REDIS)');
}


# Options: socket (true: a socket instead of a port), port, dir (kept; else a
# temporary one), args (more arguments, as on the command line; the last of
# equal ones holds), password (for the client here).
sub start {
    my ($class, %option) = @_;

    my $self = bless {
        option => {%option},
        dir    => $option{dir}
                  // File::Temp->newdir('adm-redis-XXXXXX', TMPDIR => 1),
        port   => $option{socket} ? 0 : $option{port} // free_port(),
    }, $class;

    $self->_spawn;

    return $self;
}


sub dir { return "$_[0]{dir}" }
sub pid { return $_[0]{pid} }
sub port { return $_[0]{port} }
sub socket { return "$_[0]{dir}/redis.sock" }
sub log { return slurp("$_[0]{dir}/redis.log") }


# As admission_redis has it.
sub uri {
    my ($self) = @_;

    return $self->{port} ? "redis://127.0.0.1:$self->{port}"
                         : 'unix:' . $self->socket;
}


# The server always has a socket too: the client here goes by it, so that a
# test may do with the port what it likes.
sub _command_line {
    my ($self) = @_;

    return ($ENV{ADM_REDIS} // 'redis-server',
        '--port', $self->{port}, '--bind', '127.0.0.1',
        '--unixsocket', $self->socket, '--unixsocketperm', '777',
        '--dir', $self->dir, '--logfile', $self->dir . '/redis.log',
        '--save', '', '--appendonly', 'no', '--daemonize', 'no',
        @{ $self->{option}{args} // [] });
}


sub _spawn {
    my ($self) = @_;

    unlink $self->socket;

    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $self->dir . '/output';
        open STDERR, '>&', \*STDOUT;
        exec $self->_command_line or POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    $running{$pid} = $self;

    my $gone;

    wait_for(sub {
        $gone = waitpid($pid, POSIX::WNOHANG()) != 0;
        return $gone || $self->answers;
    }, 15);

    if ($gone || !$self->answers) {
        delete $running{$pid} if $gone;
        die "redis-server did not start:\n", $self->log,
            slurp($self->dir . '/output');
    }

    return;
}


# True if it answers, as soon as it is asked and whatever it says.
sub answers {
    my ($self) = @_;

    return 1 if eval { $self->command('PING') };

    return $@ =~ /^(?:NOAUTH|LOADING|MASTERDOWN) / ? 1 : 0;
}


# One of our scripts, as it is embedded; it stays loaded while the server runs.
# Returns what Redis calls it.
sub load {
    my ($self, $name) = @_;

    return $self->command('SCRIPT', 'LOAD', script($name));
}


sub script {
    my ($name) = @_;

    open my $pipe, '-|', "$LUA/embed", '--text', "$LUA/$name.lua"
        or die "cannot run embed: $!\n";

    local $/;
    my $text = <$pipe>;

    close $pipe or die "embed has failed: $name\n";

    return $text;
}


# What a command returns: a text, a number, undef, or an array of such; dies
# with the text of an error.
sub command {
    my ($self, @words) = @_;

    my $sent = eval { $self->_send(@words); 1 };

    # the server went, or was started again, since the last one
    if (!$sent || !$self->_fill(1)) {
        $self->_hang_up;
        $self->_send(@words);
    }

    return $self->_reply;
}


sub _send {
    my ($self, @words) = @_;

    $self->{connection} //= $self->_connect;

    local $SIG{PIPE} = 'IGNORE';

    my $text = '*' . @words . "\r\n"
        . join '', map { '$' . length($_) . "\r\n$_\r\n" } @words;

    while (length $text) {
        my $n = syswrite $self->{connection}, $text;
        die "cannot write to redis-server: $!\n" unless defined $n;
        substr $text, 0, $n, '';
    }

    return;
}


sub _connect {
    my ($self) = @_;

    $self->{input} = '';

    my $connection = IO::Socket::UNIX->new(Peer => $self->socket)
        or die "cannot connect to redis-server: $!\n";

    my $password = $self->{option}{password} // return $connection;

    $self->{connection} = $connection;
    $self->_send('AUTH', $password);
    $self->_reply;

    return $connection;
}


sub _hang_up {
    my ($self) = @_;

    undef $self->{connection};
    $self->{input} = '';

    return;
}


# Reads until there are that many bytes; false if the connection has ended.
sub _fill {
    my ($self, $n) = @_;

    my $end = time + $PATIENCE;

    while (length $self->{input} < $n) {
        my $left = $end - time;

        if ($left <= 0
            || !IO::Select->new($self->{connection})->can_read($left))
        {
            $self->_hang_up;
            die "redis-server does not answer\n";
        }

        sysread $self->{connection}, $self->{input}, 65_536,
            length $self->{input} or return 0;
    }

    return 1;
}


sub _reply {
    my ($self) = @_;

    my ($type, $rest) = $self->_line =~ /^(.)(.*)/s;

    return $rest if $type eq '+' || $type eq ':';
    return $self->_bulk($rest) if $type eq '$';
    return $self->_array($rest) if $type eq '*';

    die "$rest\n" if $type eq '-';

    die "redis-server answered \"$type$rest\"\n";
}


sub _line {
    my ($self) = @_;

    while ($self->{input} !~ /\r\n/) {
        $self->_need(length($self->{input}) + 1);
    }

    $self->{input} =~ s/^(.*?)\r\n//s;

    return $1;
}


sub _bulk {
    my ($self, $length) = @_;

    return undef if $length < 0;       ## no critic (a nil is a value)

    $self->_need($length + 2);

    return substr substr($self->{input}, 0, $length + 2, ''), 0, $length;
}


# An error within an array is a value: { error => TEXT }.
sub _array {
    my ($self, $length) = @_;

    return undef if $length < 0;       ## no critic (a nil is a value)

    my @values;

    for (1 .. $length) {
        my $value = eval { $self->_reply };

        push @values, $@ ? { error => $@ =~ s/\n\z//r } : $value;
    }

    return \@values;
}


sub _need {
    my ($self, $n) = @_;

    return if $self->_fill($n);

    $self->_hang_up;
    die "redis-server has closed the connection\n";
}


# INFO, or a section of it: { used_memory => ... }
sub info {
    my ($self, $section) = @_;

    return { $self->command('INFO', $section // ())
             =~ /^([^#:\r\n]+):([^\r\n]*)/mg };
}


# How often commands of this name were called: "evalsha", "config|get".
sub calls {
    my ($self, $name) = @_;

    my $line = $self->info('commandstats')->{"cmdstat_$name"} // '';

    return $line =~ /calls=(\d+)/ ? $1 : 0;
}


sub signal {
    my ($self, $name) = @_;

    CORE::kill $name, $self->{pid};

    return;
}


# Ends it at once, as a machine that is switched off.
sub kill {
    my ($self) = @_;

    return $self->_end('KILL');
}


sub _end {
    my ($self, $signal) = @_;

    my $pid = $self->{pid} or return;

    $self->_hang_up;

    CORE::kill 'CONT', $pid;
    CORE::kill $signal, $pid;
    waitpid $pid, 0;

    delete $running{$pid};
    undef $self->{pid};

    return;
}


# Starts it, after its end if it runs, in the same place; options of start()
# may be changed.
sub restart {
    my ($self, %option) = @_;

    %{ $self->{option} } = (%{ $self->{option} }, %option);

    $self->_end('KILL');
    $self->_spawn;

    return;
}


sub finish {
    my ($self) = @_;

    return $self->_end('KILL');
}


sub DESTROY {
    my ($self) = @_;

    local ($?, $!, $@);
    $self->_end('KILL') if $$ == $owner;

    return;
}


END {
    my $status = $?;
    if ($$ == $owner) { $_->_end('KILL') for values %running }
    $? = $status;
}


1;
