package AdmLoad;

# Requests that go on while the test does other things, from a process of
# its own: so many connections, each asks the paths in turn and waits for the
# answer before it asks again.
#
#     my $load = AdmLoad->start($port, paths => ['/a', '/b'], clients => 8);
#     $load->progress;               # answers so far
#     my $seen = $load->finish;
#     # { count => { PATH => { 200 => n, none => n } }, longest => seconds }
#
# With "requests" it ends by itself after so many.  "none" is a request that
# was not answered: the connection ended, or nothing came for longer than
# anybody would wait; over a reload use "fresh", as idle connections end.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use IO::Select ();
use POSIX ();
use Time::HiRes qw(sleep time);

use AdmHttp qw(request_text);
use AdmNginx qw(slurp wait_for);

# seconds until a request counts as not answered
my $PATIENCE = 20;


# Options: paths, clients, requests (0: until it is told to stop), pause
# (seconds between an answer and the next request of a client, more or less),
# fresh (each request by a connection of its own), browsers (each client has
# its own).
sub start {
    my ($class, $port, %option) = @_;

    my $dir = File::Temp->newdir;
    my $self = bless { dir => $dir, owner => $$, ends => $option{requests} },
        $class;
    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = 'IGNORE';

        local $@;
        eval { _run("$dir", getppid, $port, %option); 1 }
            or print STDERR "load: $@";
        POSIX::_exit(0);
    }

    $self->{pid} = $pid;

    return $self;
}


# Answers so far.
sub progress {
    my ($self) = @_;

    return slurp("$self->{dir}/progress") || 0;
}


# True as soon as there are that many answers more.
sub wait_answers {
    my ($self, $n) = @_;

    my $goal = $self->progress + $n;

    return wait_for(sub { $self->progress >= $goal }, $PATIENCE);
}


# Asks no more, waits for what is under way, and tells.
sub finish {
    my ($self) = @_;

    _write("$self->{dir}/stop", '') unless $self->{ends};
    waitpid delete $self->{pid}, 0;

    my %seen = (count => {}, longest => 0, path => '');

    for (split /\n/, slurp("$self->{dir}/seen")) {
        my ($path, $status, $n, $longest) = split;

        $seen{count}{$path}{$status} += $n;
        @seen{qw(longest path)} = ($longest, "$path $status")
            if $longest > $seen{longest};
    }

    return \%seen;
}


sub DESTROY {
    my ($self) = @_;

    return if $$ != $self->{owner} || !$self->{pid};

    local ($?, $!);
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;

    return;
}


# The process

sub _run {
    my ($dir, $parent, $port, %option) = @_;

    my @clients = map { { n => $_, at => $_, due => 0 } }
                  1 .. $option{clients} // 4;
    my $left = $option{requests} || 1e9;
    my ($answers, $told, %seen) = (0, 0);

    while (getppid == $parent) {
        my $stop = $left == 0 || -e "$dir/stop";

        for my $client (grep { !$_->{since} && time >= $_->{due} } @clients) {
            last if $stop || $left == 0;
            _ask($client, $port, %option);
            $left--;
        }

        my @asked = grep { $_->{since} } @clients;
        last if $stop && !@asked;

        for (_ended(@asked)) {
            _note(\%seen, $_);
            $_->{due} = time + ($option{pause} // 0) * (0.5 + rand);
            $answers++;
        }

        if ($answers > $told) {
            _write("$dir/progress", $told = $answers);
        }
    }

    _write("$dir/seen", join '', map { my $path = $_; map {
        "$path $_ @{ $seen{$path}{$_} }\n" } sort keys %{ $seen{$path} } }
        sort keys %seen);

    return;
}


sub _ask {
    my ($client, $port, %option) = @_;

    my $paths = $option{paths};

    delete $client->{http} if $option{fresh};

    $client->{http} //= AdmHttp->connect($port);
    $client->{path} = $paths->[ $client->{at}++ % @$paths ];
    $client->{since} = time;

    my $fields = $option{fresh} ? "Connection: close\r\n" : '';

    $fields .= "User-Agent: browser-$$-$client->{n}\r\n" if $option{browsers};

    if ($client->{http}) {
        $client->{http}->send(request_text('GET', $client->{path},
            fields => $fields));
    }

    return;
}


# Those of the clients whose request was answered, or never will be.
sub _ended {
    my (@asked) = @_;

    my %by = map { $_->{http}{socket} => $_ } grep { $_->{http} } @asked;
    my @ended = grep { !$_->{http} } @asked;

    sleep 0.005 if @ended || !@asked;

    my @ready = %by ? IO::Select->new(map { $_->{http}{socket} }
        values %by)->can_read(0.05) : ();

    for my $client (@by{@ready}) {
        my $answer = $client->{http}->answer($PATIENCE);

        $client->{status} = $answer && $answer->{complete}
            ? $answer->{status} : 'none';
        push @ended, $client;
    }

    for my $client (grep { !$_->{status} } values %by) {
        push @ended, $client if time - $client->{since} > $PATIENCE;
    }

    return @ended;
}


sub _note {
    my ($seen, $client) = @_;

    my $status = delete $client->{status} // 'none';
    my $waited = time - delete $client->{since};
    my $sum = $seen->{ $client->{path} }{$status} //= [ 0, 0 ];

    $sum->[0]++;
    $sum->[1] = $waited if $waited > $sum->[1];

    delete $client->{http} if $status eq 'none';

    return;
}


sub _write {
    my ($file, $text) = @_;

    open my $out, '>', "$file.new" or die "cannot write $file: $!\n";
    print {$out} $text;
    close $out or die "cannot write $file: $!\n";
    rename "$file.new", $file or die "cannot write $file: $!\n";

    return;
}


1;
