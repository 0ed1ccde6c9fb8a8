package Bench::Server;

# An nginx of our own on a free port of the loopback, in a directory that goes
# when it goes.
#
#   $server = Bench::Server->start(
#       nginx => PATH, module => PATH, conf => PATH, scratch => DIRECTORY,
#       workers => 1, clients => '4m',
#       single => 1,        no master, for a profiler
#       without => 1,       the module is not loaded
#       under => [ ... ],   a command that runs it
#   );
#
#   $server->port; $server->directory; $server->connect;
#   $server->sample;       { requests, time, cpu => [ of each worker ] }, ns
#   $server->forget_log;   empties the error log
#   $server->stop;         also when the object or the program ends

use strict;
use warnings;

use File::Temp ();
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes ();

use Bench::Client ();
use Bench::Room ();


my $PATIENCE = 30;       # s, to start and to stop

my %running;             # pid => our process that has to stop it


END { kill_all() }


sub start {
    my $self = begin(@_);

    $self->await;

    return $self;
}


# As start(), but it may not listen yet: await() returns when it does.

sub begin {
    my ($class, %option) = @_;

    my $self = bless {
        %option,
        port => free_port(),
        temporary => File::Temp->newdir('run-XXXXXX',
                                        DIR => $option{scratch}),
    }, $class;

    mkdir $self->directory . '/tmp';

    write_file($self->directory . '/nginx.conf', $self->configuration);
    Bench::Room::write_secret($self->directory . '/secret');

    $self->{pid} = launch(@{$option{under} // []}, $option{nginx},
                          '-p', $self->directory, '-c', 'nginx.conf',
                          '-e', 'error.log');
    $running{$self->{pid}} = $$;

    return $self;
}


sub port { return $_[0]{port} }

sub directory { return $_[0]{temporary}->dirname }

sub connect { return Bench::Client->new($_[0]{port}) }


sub configuration {
    my ($self) = @_;

    my $text = read_file($self->{conf});

    my %word = (
        process => $self->processes,
        load_module => "load_module $self->{module};",
        port => $self->{port},
        clients => $self->{clients} // '1m',
    );

    if ($self->{without}) {
        $word{load_module} = '';
        $text =~ s/^\s*#.*\n//mg;
        $text =~ s/\badmission_room\s[^}]*\}//g;
        $text =~ s/\badmission_\w+\s[^;]*;|\badmission_\w+;//g;
    }

    $text =~ s/\{\{(\w+)\}\}/$word{$1}/g;

    return $text;
}


sub processes {
    my ($self) = @_;

    my $text = 'daemon off;';

    $text .= ' user root;' if $> == 0;

    return "$text master_process off;" if $self->{single};

    return "$text worker_processes $self->{workers};";
}


sub await {
    my ($self) = @_;

    my $end = Time::HiRes::time() + $PATIENCE;

    while (Time::HiRes::time() < $end) {
        $self->fail('nginx did not start') if waitpid($self->{pid},
                                                      POSIX::WNOHANG()) > 0;
        return if eval { $self->connect->get('/requests') };
        Time::HiRes::sleep(0.02);
    }

    $self->fail('nginx does not answer');
}


sub fail {
    my ($self, $sentence) = @_;

    my $log = eval { read_file($self->directory . '/error.log') } // '';

    die "bench: $sentence\n$log";
}


# What nginx itself has counted, and what its workers have used, at one time.

sub sample {
    my ($self) = @_;

    my ($status, $body) = $self->connect->get('/requests');
    my ($requests) = $body =~ /^\s*\d+\s+\d+\s+(\d+)\s*$/m
        or die "bench: no requests in stub_status: $body\n";

    return {
        requests => $requests,
        cpu => [ map { cpu_of($_) } $self->workers ],
        time => 1e9 * Time::HiRes::clock_gettime(
                          Time::HiRes::CLOCK_MONOTONIC()),
    };
}


# The processor time of a process, ns, in user and in system: the number that
# is first in /proc/PID/schedstat, but without being a clock tick behind for
# one that runs.  See clock_getcpuclockid(3) for the id.

sub cpu_of {
    my ($pid) = @_;

    my $time = Time::HiRes::clock_gettime(~$pid << 3 | 2);

    die "bench: no processor time of process $pid\n" if $time <= 0;

    return 1e9 * $time;
}


sub workers {
    my ($self) = @_;

    $self->{children} //= [ sort { $a <=> $b } children($self->{pid}) ];

    return @{$self->{children}};
}


sub children {
    my ($parent) = @_;

    my @children;

    for my $file (glob '/proc/[0-9]*/stat') {
        my $stat = eval { read_file($file) } or next;
        my ($pid, $of) = $stat =~ /^(\d+) \(.*\) \S (\d+)/s or next;
        push @children, $pid if $of == $parent;
    }

    return @children;
}


sub forget_log {
    my ($self) = @_;

    truncate $self->directory . '/error.log', 0;
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    return if ($running{$pid} // 0) != $$;

    my $end = Time::HiRes::time() + $PATIENCE;

    # again and again: a signal that comes right before epoll_wait() is seen
    # only when that returns

    while (Time::HiRes::time() < $end) {
        end($pid);

        for (1 .. 10) {
            Time::HiRes::sleep(0.02);
            next if waitpid($pid, POSIX::WNOHANG()) == 0;

            delete $running{$pid};
            return;
        }
    }

    die "bench: nginx does not stop\n";
}


# A worker may have been stopped (Bench::Batch) when the program was told to
# end: it has to go on, or it never ends.

sub end {
    my ($pid) = @_;

    kill 'CONT', children($pid);
    kill 'TERM', $pid;
}


sub DESTROY {
    my ($self) = @_;

    local ($?, $@, $!);
    eval { $self->stop };
}


# Starts a command with nothing to read and its words put away; its pid.

sub launch {
    my @command = @_;

    my $pid = fork // die "bench: cannot fork: $!\n";

    return $pid if $pid;

    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';

    { no warnings 'exec'; exec { $command[0] } @command }
    POSIX::_exit(127);
}


sub kill_all {
    for my $pid (keys %running) {
        next if $running{$pid} != $$;

        end($pid);
        waitpid $pid, 0;
    }
}


sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       LocalPort => 0, Listen => 1)
        or die "bench: no free port: $@\n";

    return $socket->sockport;
}


sub read_file {
    my ($path) = @_;

    open my $file, '<', $path or die "bench: cannot read $path: $!\n";
    local $/;

    return scalar <$file>;
}


sub write_file {
    my ($path, $text) = @_;

    open my $file, '>', $path or die "bench: cannot write $path: $!\n";
    print $file $text;
    close $file or die "bench: cannot write $path: $!\n";
}


1;
