package AdmService;

# Runs an image of AdmImage as an engine would: its command is process 1 of its
# own, as its user, in its root, with a network interface of its own.
#
#     AdmService::network('10.9.0.1');
#     my $service = AdmService->start($store, 'edge', address => '10.9.0.11');
#     $service->signal('QUIT'), $service->ended(30), $service->output
#
# Needs root, and namespaces of the program's own: AdmImage::enter('--net').
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use POSIX ();
use Time::HiRes qw(sleep time);

use AdmImage ();

# An engine has the network ready before a process begins.
my @GATED = ('/bin/sh', '-c', 'read _; exec "$@" < /dev/null', 'sh');

*command = \&AdmImage::command;
*write_file = \&AdmImage::write_file;


# A network for services, as an engine makes one: a bridge, with this address
# for those who are here.
sub network {
    my ($address) = @_;

    command(qw(ip link set lo up));
    command(qw(ip link add adm0 type bridge));
    command(qw(ip address add), "$address/24", qw(dev adm0));
    command(qw(ip link set adm0 up));

    return;
}


# Options: address (in the network), hosts { name => address }, arguments
# (instead of CMD), read_only, as (its name, if there are several), files
# { path => text }: of volumes, for its user alone.
sub start {
    my ($class, $store, $name, %option) = @_;

    my $image = $store->image($name);
    my $upper = join '-', 'run', $$, $option{as} // $name;

    make_path("$store->{store}/layers/$upper.$_") for qw(new work);

    my $root = $store->mount($image, "$upper.new", "$upper.work");

    write_file("$root/etc/hosts", join '', "127.0.0.1 localhost\n",
        map { "$option{hosts}{$_} $_\n" } sort keys %{ $option{hosts} // {} });
    _own_files($root, $image, $option{files} // {});
    _seal($root) if $option{read_only};

    my $self = bless { name => $name, image => $image, root => $root,
        scratch => "$store->{store}/layers/$upper" }, $class;

    $self->_spawn(@{ $image->{entrypoint} // [] },
        @{ $option{arguments} // $image->{cmd} });
    $self->_join($option{address});

    return $self;
}


sub _own_files {
    my ($root, $image, $files) = @_;

    my ($uid, $gid) = AdmImage::ids($root, $image->{user});

    for my $path (sort keys %$files) {
        write_file("$root$path", $files->{$path});
        chmod 0600, "$root$path";
        chown $uid, $gid, "$root$path";
    }

    return;
}


# read_only and tmpfs: /tmp of compose.yml
sub _seal {
    my ($root) = @_;

    command('mount', '-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', "$root/tmp");
    command('mount', '-o', 'remount,ro', $root);

    return;
}


# Its output is a pipe that belongs to its user, as runc's is, and that is read
# all the time: a full one would stop it.
sub _spawn {
    my ($self, @command) = @_;

    my ($uid, $gid) = AdmImage::ids($self->{root}, $self->{image}{user});

    pipe my $out, my $in or die "no pipe: $!\n";
    pipe my $gate, $self->{gate} or die "no pipe: $!\n";
    chown $uid, $gid, $in;

    $self->{log} = "$self->{scratch}.log";
    $self->{pid} = _child($gate, $in, $self->_alone, '--', @GATED, @command);
    close $in;

    open my $log, '>', $self->{log} or die "cannot write $self->{log}: $!\n";
    $self->{reader} = _child($out, $log, 'cat');

    return;
}


sub _child {
    my ($in, $out, @command) = @_;

    my $pid = fork // die "cannot fork: $!\n";

    return $pid if $pid;

    open STDIN, '<&', $in;
    open STDOUT, '>&', $out;
    open STDERR, '>&', $out;
    exec @command or POSIX::_exit(127);
}


# What runs a command in its root, with processes and a network of its own.
sub _alone {
    my ($self) = @_;

    my @inside = AdmImage::inside($self->{root}, $self->{image});
    my ($at) = grep { $inside[$_] eq 'unshare' } 0 .. $#inside;

    splice @inside, $at + 1, 0, qw(--net --pid --fork --mount-proc);

    return @inside;
}


my $joined = 0;

# Connects it to the network: one end of a pair is here, the other there.
sub _join {
    my ($self, $address) = @_;

    my $pair = 'adm-' . ++$joined;
    my $here = readlink "/proc/$$/ns/net";

    for (1 .. 500) {
        last if (readlink "/proc/$self->{pid}/ns/net" // $here) ne $here;
        sleep 0.01;
    }

    command(qw(ip link add), $pair, qw(type veth peer name eth0),
        'netns', $self->{pid});
    command(qw(ip link set), $pair, qw(master adm0 up));
    command($self->_there, @$_) for [qw(ip link set lo up)],
        [qw(ip address add), "$address/24", qw(dev eth0)],
        [qw(ip link set eth0 up)];
    syswrite $self->{gate}, "\n";

    return;
}


# What runs a command in its network.
sub _there { return ('nsenter', "--net=/proc/$_[0]{pid}/ns/net", '--') }


# All that it has written so far.
sub output { return AdmImage::slurp($_[0]{log}) }


# The process that its engine would call 1.
sub first {
    my ($self) = @_;

    my $file = "/proc/$self->{pid}/task/$self->{pid}/children";
    open my $in, '<', $file or return;

    return (split ' ', <$in> // '')[0];
}


sub signal {
    my ($self, $signal) = @_;

    my $pid = $self->first or return 0;

    return kill $signal, $pid;
}


# A command in its root, as its user: its status as of a shell.
sub execute {
    my ($self, @command) = @_;

    return system($self->_there, AdmImage::inside($self->{root},
        $self->{image}), '--', @command) >> 8;
}


# The exit status, or nothing if it did not end in so many seconds.
sub ended {
    my ($self, $seconds) = @_;

    my $end = time + $seconds;

    until (defined $self->{status}) {
        if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
            $self->{status} = $? & 127 ? 128 + ($? & 127) : $? >> 8;
            last;
        }

        return if time > $end;
        sleep 0.02;
    }

    return $self->{status};
}


sub remove {
    my ($self) = @_;

    # unshare's own --kill-child is lost with the change of the user
    $self->signal('KILL') if !defined $self->{status};
    $self->ended(10);
    kill 'TERM', $self->{reader};
    waitpid $self->{reader}, 0;
    AdmImage::unmount($self->{root});
    remove_tree(map { "$self->{scratch}.$_" } qw(new work log));

    return;
}


1;
