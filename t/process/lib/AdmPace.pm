package AdmPace;

# Requests at a pace of their own, whatever comes back: so many a second to
# each of several ports, from a process of its own.
#
#     my $pace = AdmPace->start(
#         { port => $port, path => '/a', rate => 400, seconds => 10 }, ...);
#     my $seen = $pace->finish;        # one for each
#     $seen->[0]{200}, AdmPace::between($seen->[0], 200, 1.5, 4)
#
# A path may be several, asked in turn.  What was sent late, since the machine
# was busy, is sent at once: the count is right, the moment is not.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use IO::Select ();
use POSIX ();
use Time::HiRes qw(sleep time);

use AdmHttp qw(request_text);
use AdmNginx qw(slurp);

# connections to a port, so that more than one worker has some
my $CONNECTIONS = 4;

# seconds between two sends, of a slot of counts, and until the last answer
my ($STEP, $SLOT, $PATIENCE) = (0.01, 0.1, 5);


# Options of each: port, path (a text, or several), rate, seconds, after
# (seconds until it begins).
sub start {
    my ($class, @targets) = @_;

    my $dir = File::Temp->newdir;
    my $self = bless { dir => $dir, owner => $$, n => scalar @targets },
        $class;
    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = 'IGNORE';

        local $@;
        eval { _run("$dir", getppid, @targets); 1 } or print STDERR "pace: $@";
        POSIX::_exit(0);
    }

    $self->{pid} = $pid;

    return $self;
}


# Waits for the end: how often each status came, and when: { 200 => n,
# slots => { 200 => [n, ...] }, sent => n }
sub finish {
    my ($self) = @_;

    waitpid delete $self->{pid}, 0;

    my @seen = map { { slots => {}, sent => 0 } } 1 .. $self->{n};

    for (split /\n/, slurp("$self->{dir}/seen")) {
        my ($i, $status, @slots) = split;

        if ($status eq 'sent') {
            $seen[$i]{sent} = $slots[0];
            next;
        }

        $seen[$i]{slots}{$status} = \@slots;
        $seen[$i]{$status} += $_ for @slots;
    }

    return \@seen;
}


# Answers of that status that came from one moment to another, in seconds
# since the start.
sub between {
    my ($seen, $status, $from, $to) = @_;

    my $slots = $seen->{slots}{$status} // [];
    my $sum = 0;

    for ($from / $SLOT .. $to / $SLOT - 1) {
        $sum += $slots->[$_] // 0;
    }

    return $sum;
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
    my ($dir, $parent, @targets) = @_;

    my $start = time;

    for my $target (@targets) {
        my $path = $target->{path};

        $target->{clients} = [ map { AdmHttp->connect($target->{port}) }
                               1 .. $CONNECTIONS ];
        $target->{paths} = ref $path ? $path : [ $path ];
        $target->{sent} = $target->{got} = 0;
    }

    my $last = 0;

    while (getppid == $parent) {
        my $now = time - $start;
        my $left = grep { _send($_, $now) } @targets;

        _read($now, @targets);

        $last = $now if $left;
        last if $now > $last + $PATIENCE
                || !$left && !grep { $_->{got} < $_->{sent} } @targets;
    }

    _write("$dir/seen", @targets);

    return;
}


# Sends what is due; true while there is more to come.
sub _send {
    my ($target, $now) = @_;

    $now -= $target->{after} // 0;
    return 1 if $now < 0;

    my $more = $now < $target->{seconds};
    my $due = int(($more ? $now : $target->{seconds}) * $target->{rate});
    my @text = ('') x $CONNECTIONS;

    while ($target->{sent} < $due) {
        my $i = $target->{sent}++;
        my $paths = $target->{paths};

        $text[$i % $CONNECTIONS]
            .= request_text('GET', $paths->[$i % @$paths]);
    }

    for (grep { length $text[$_] } 0 .. $#text) {
        $target->{clients}[$_]->send($text[$_]) if $target->{clients}[$_];
    }

    return $more;
}


sub _read {
    my ($now, @targets) = @_;

    my %of = map { my $target = $_;
                   map { $_->{socket} => [ $target, $_ ] }
                   grep { $_ } @{ $target->{clients} } } @targets;
    my @ready = IO::Select->new(map { $_->[1]{socket} }
        values %of)->can_read($STEP);

    for (@ready) {
        my ($target, $client) = @{ $of{$_} };

        if (!sysread $_, $client->{input}, 65_536, length $client->{input}) {
            @{ $target->{clients} } = map { $_ && $_ != $client ? $_ : undef }
                                      @{ $target->{clients} };
        }

        # whole fields only; the bodies have no such line
        while ($client->{input} =~ s/^.*?HTTP\/1\.1 (\d+) .*?\r\n\r\n//s) {
            $target->{slots}{$1}[$now / $SLOT]++;
            $target->{got}++;
        }
    }

    sleep $STEP if !@ready || @ready == keys %of;

    return;
}


sub _write {
    my ($file, @targets) = @_;

    open my $out, '>', $file or die "cannot write $file: $!\n";

    for my $i (0 .. $#targets) {
        my $slots = $targets[$i]{slots} // {};

        print {$out} "$i sent $targets[$i]{sent}\n";

        print {$out} join(' ', $i, $_, map { $_ // 0 } @{ $slots->{$_} }), "\n"
            for sort keys %$slots;
    }

    close $out or die "cannot write $file: $!\n";

    return;
}


1;
