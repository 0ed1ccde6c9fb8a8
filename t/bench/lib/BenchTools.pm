package BenchTools;

# What the tests of the tools in bench/ share: their binaries, processes of
# our own, and a load of HTTP requests over many connections.
#
#     my $binary = built('origin', qw(-levent -lhttp_parser -lm));
#     my $tool = BenchTools->start($binary, '--listen', '127.0.0.1:0');
#     $tool->{line}               the first line that it printed
#     $tool->port                 the port that this line names
#     $tool->stop                 its exit status; also when the program ends
#
#     my @rates = closed_loop([ @ports ], clients => 16, windows => 5,
#                             seconds => 0.5, path => '/item');
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);
use File::Path ();
use FindBin ();
use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(built closed_loop);

my $ROOT = "$FindBin::Bin/../..";
my $PATIENCE = 10;      # s, for a process to begin or to end

my %running;            # pid => our process that has to end it

$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

END {
    my $status = $?;
    end($_) for grep { $running{$_} == $$ } keys %running;
    $? = $status;
}


# build/bench/NAME, made of bench/NAME/*.c unless it is there and younger.
sub built {
    my ($name, @libraries) = @_;

    my @sources = glob "$ROOT/bench/$name/*.[ch]";
    my $binary = "$ROOT/build/bench/$name";

    return $binary if -x $binary && !grep { -M $_ < -M $binary } @sources;

    File::Path::make_path("$ROOT/build/bench");
    system('cc', qw(-std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror),
           (grep { /\.c$/ } @sources), '-o', "$binary.$$", @libraries) == 0
        or die "cannot build $name\n";
    rename "$binary.$$", $binary or die "rename: $!\n";

    return $binary;
}


# Starts a program and waits for the first line that it prints.
sub start {
    my ($class, @command) = @_;

    my $pid = open my $output, '-|', @command or die "$command[0]: $!\n";
    $running{$pid} = $$;

    my $line = IO::Select->new($output)->can_read($PATIENCE)
               ? scalar <$output> : undef;

    return bless { pid => $pid, output => $output, line => $line // '' },
           $class;
}


sub port {
    my ($self) = @_;

    my ($port) = $self->{line} =~ /:(\d+)\b/
        or die "no port in \"$self->{line}\"\n";

    return $port;
}


sub stop {
    my ($self) = @_;

    kill 'TERM', $self->{pid};

    return $self->ended;
}


# The exit status of a process that ends by itself; nothing: it does not.
sub ended {
    my ($self) = @_;

    my $last = time + $PATIENCE;

    while (time < $last) {
        if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
            delete $running{$self->{pid}};
            return $?;
        }
        sleep 0.01;
    }

    return;
}


# The handle goes with the object, and to close it waits for the process.
sub DESTROY {
    my ($self) = @_;

    local ($?, $!, $@);
    end($self->{pid}) if ($running{$self->{pid}} // 0) == $$;

    return;
}


sub end {
    my ($pid) = @_;

    kill 'KILL', $pid;
    waitpid $pid, 0;
    delete $running{$pid};
}


# As many clients at each port as told, each of which asks again as soon as it
# is answered.  Returns the answers a second of one port, on average, in each of
# the windows; what comes before them, in a fifth of a window, is not counted.
sub closed_loop {
    my ($ports, %option) = @_;

    my $request = 'GET ' . ($option{path} // '/item') . " HTTP/1.1\r\n"
                  . "Host: localhost\r\n\r\n";
    my $select = IO::Select->new(map { my $port = $_;
        map { client($port) } 1 .. $option{clients};
    } @$ports);

    syswrite $_, $request for $select->handles;

    answers($select, $request, $option{seconds} / 5);

    return map { answers($select, $request, $option{seconds}) / @$ports }
           1 .. $option{windows};
}


sub client {
    my ($port) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port)
        or die "connect: $!\n";

    $socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);

    return $socket;
}


# An answer here is one segment, so each that can be read is one.
sub answers {
    my ($select, $request, $seconds) = @_;

    my $begin = time;
    my $answers = 0;

    while (time < $begin + $seconds) {
        for my $socket ($select->can_read(0.1)) {
            sysread $socket, my $answer, 65536 or die "the server left\n";
            $answer =~ m{\AHTTP/1\.1 200 } or die "answered: $answer\n";
            syswrite $socket, $request;
            $answers++;
        }
    }

    return $answers / (time - $begin);
}


1;
