package Study::Process;

# A server of the study: a process, and those that it starts, which end when
# the object does or the program.
#
#   $process = Study::Process->start(log => FILE, command => [ ... ]);
#   $process->await($port);     until it listens; dies with its log if it ends
#   $process->cpu;              s, of it and of its children
#   $process->stop;
#   $process->wait;             until it ends by itself; its status
#   $process->ended;            whether it has; its status is in {ended}
#   $process->signal('STOP');

use strict;
use warnings;

use IO::Socket::INET ();
use POSIX ();
use Time::HiRes ();

use Bench::Server ();


my $PATIENCE = 10;      # s, to start and to stop

my %running;            # pid => our process that has to stop it


END {
    my $status = $?;
    end_hard($_) for grep { $running{$_} == $$ } keys %running;
    $? = $status;
}


sub start {
    my ($class, %option) = @_;

    my $pid = fork // die "study: cannot fork: $!\n";

    become(%option) if $pid == 0;

    $running{$pid} = $$;

    return bless { %option, pid => $pid }, $class;
}


sub become {
    my (%option) = @_;

    open STDIN, '<', '/dev/null';
    open STDOUT, '>', $option{log};
    open STDERR, '>&', \*STDOUT;

    { no warnings 'exec'; exec { $option{command}[0] } @{$option{command}} }
    POSIX::_exit(127);
}


sub await {
    my ($self, $port) = @_;

    my $last = Time::HiRes::time() + $PATIENCE;

    while (Time::HiRes::time() < $last) {
        $self->fail('has ended') if $self->ended;
        return if IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                        PeerPort => $port);
        Time::HiRes::sleep(0.02);
    }

    $self->fail('does not listen');
}


sub fail {
    my ($self, $sentence) = @_;

    die "study: $self->{command}[0] $sentence\n"
        . Bench::Server::read_file($self->{log});
}


sub wait {
    my ($self) = @_;

    my $pid = delete $self->{pid};

    waitpid $pid, 0;
    delete $running{$pid};

    return $?;
}


sub ended {
    my ($self) = @_;

    return 1 if defined $self->{ended};
    return 0 if waitpid($self->{pid}, POSIX::WNOHANG()) != $self->{pid};

    $self->{ended} = $?;
    delete $running{delete $self->{pid}};

    return 1;
}


sub signal { return kill $_[1], $_[0]{pid} }


# A process that has just begun may have used none yet.

sub cpu {
    my ($self) = @_;

    my $sum = 0;

    for my $pid ($self->{pid}, Bench::Server::children($self->{pid})) {
        $sum += (eval { Bench::Server::cpu_of(0 + $pid) } // 0) / 1e9;
    }

    return $sum;
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    return if ($running{$pid} // 0) != $$;

    my $last = Time::HiRes::time() + $PATIENCE;

    kill 'TERM', $pid;

    while (Time::HiRes::time() < $last) {
        if (waitpid($pid, POSIX::WNOHANG()) == $pid) {
            delete $running{$pid};
            return;
        }
        Time::HiRes::sleep(0.02);
    }

    end_hard($pid);

    return;
}


sub end_hard {
    my ($pid) = @_;

    kill 'KILL', Bench::Server::children($pid), $pid;
    waitpid $pid, 0;
    delete $running{$pid};

    return;
}


sub DESTROY {
    my ($self) = @_;

    local ($?, $@, $!);
    eval { $self->stop };

    return;
}


1;
