package AdmImage;

# Builds the stages of a Dockerfile without an engine: a stage is a pile of
# directories mounted over each other (overlayfs), at the bottom a Debian made
# by debootstrap, and each step that writes is a layer of its own, kept under
# the digest of all that went into it.  AdmService runs what comes of it.
#
#     my $store = AdmImage->new(context => $root, store => "$root/build/image");
#     $store->build($stages);
#     my $image = $store->image('edge');      # { layers, env, user, cmd, ... }
#
# Needs root, and a mount namespace of its own (see enter()): that is what
# takes all mounts away at the end, however it comes.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Digest::SHA ();
use File::Basename qw(dirname);
use File::Find ();
use File::Path qw(make_path remove_tree);
use JSON::PP ();
use POSIX ();

my $SUITE = 'bookworm';
my %BASE = map { $_ => 1 } "debian:$SUITE-slim";

# what Docker sets in every container
my $PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';


# Runs this program again where its mounts and processes are its own: they
# end with it, also by SIGKILL.  More words are options of unshare(1).
sub enter {
    my (@more) = @_;

    return if $ENV{ADM_ENTERED};

    local $ENV{ADM_ENTERED} = 1;
    my @include = map { "-I$_" } grep { !ref } @INC;

    exec 'unshare', '--mount', '--propagation', 'private', '--pid', '--fork',
        '--kill-child', '--mount-proc', @more, $^X, @include, $0, @ARGV
        or die "cannot run unshare: $!\n";
}


sub new {
    my ($class, %option) = @_;

    my $self = bless {%option}, $class;

    make_path("$self->{store}/layers", "$self->{store}/images",
        "$self->{store}/mnt");

    return $self;
}


sub command {
    my (@command) = @_;

    system(@command) == 0 or die "failed: @command\n";

    return;
}


# The base: as the image of that name, but for what is of no use without an
# engine.  Certificates that this machine trusts beside Debian's own are
# taken along: behind a proxy that inspects TLS nothing could be fetched.
sub _base {
    my ($self) = @_;

    my $base = "$self->{store}/layers/base";
    my $new = "$self->{store}/base.new";

    return 'base' if -d $base;

    remove_tree($new);
    command('debootstrap', '--variant=minbase', $SUITE, $new);
    write_file("$new/etc/apt/sources.list", _sources($new));
    write_file("$new/etc/resolv.conf", '');
    write_file("$new/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n");
    chmod 0755, "$new/usr/sbin/policy-rc.d";
    write_file("$new/etc/apt/apt.conf.d/clean",
        "DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb\"; };\n");
    make_path("$new/usr/local/share/ca-certificates");
    command('cp', $_, "$new/usr/local/share/ca-certificates/")
        for glob '/usr/local/share/ca-certificates/*.crt';
    command('chroot', $new, 'apt-get', 'clean');
    remove_tree("$new/var/lib/apt/lists", { keep_root => 1 });
    rename $new, $base or die "cannot rename $new: $!\n";

    return 'base';
}


# The mirror is the one that debootstrap has chosen.
sub _sources {
    my ($tree) = @_;

    my ($mirror) = slurp("$tree/etc/apt/sources.list") =~ /^deb (\S+)/m
        or die "debootstrap left no source of packages\n";

    return "deb $mirror $SUITE main\ndeb $mirror $SUITE-updates main\n"
        . "deb $mirror-security $SUITE-security main\n";
}


sub write_file {
    my ($file, $text) = @_;

    open my $out, '>', $file or die "cannot write $file: $!\n";
    print {$out} $text;
    close $out or die "cannot write $file: $!\n";

    return;
}


# Building

sub build {
    my ($self, $stages) = @_;

    $self->_tidy;

    for my $stage (@$stages) {
        my $image = $self->_begin($stage);

        for my $step (@{ $stage->{steps} }) {
            my $do = $self->can('_do_' . lc $step->{word});
            $self->$do($image, $step);
        }

        delete $image->{arg};
        write_file("$self->{store}/images/$stage->{name}.json",
            JSON::PP->new->canonical->pretty->encode($image));
    }

    $self->_prune($stages);

    return;
}


# What a run that was killed has left; its mounts went with it.
sub _tidy {
    my ($self) = @_;

    rmdir for glob "$self->{store}/mnt/*";
    remove_tree(glob "$self->{store}/layers/*.*");

    return;
}


# Layers that no image is made of any more.
sub _prune {
    my ($self, $stages) = @_;

    my %used = map { ($_ => 1) }
               map { @{ $self->image($_->{name})->{layers} } } @$stages;

    remove_tree(grep { m{([^/]+)$} && !$used{$1} }
                glob "$self->{store}/layers/*");

    return;
}


sub _begin {
    my ($self, $stage) = @_;

    print STDERR "== stage $stage->{name}\n";

    return $self->image($stage->{base_stage}) if $stage->{base_stage};

    $BASE{ $stage->{base} }
        or die "Dockerfile, line $stage->{line}: no image $stage->{base}\n";

    return { layers => [ $self->_base ], env => { PATH => $PATH },
        user => 'root', workdir => '/', arg => {} };
}


sub image {
    my ($self, $name) = @_;

    my $file = "$self->{store}/images/$name.json";

    open my $in, '<', $file or die "there is no image $name: $!\n";
    local $/;

    return { arg => {}, %{ JSON::PP::decode_json(scalar <$in>) } };
}


# A step that writes: $write is called with the mounted root, unless a layer
# with the same digest is there.
sub _layer {
    my ($self, $image, $step, $input, $write) = @_;

    my $key = substr Digest::SHA::sha256_hex(JSON::PP->new->canonical->encode(
        [ $image, "$step->{word} $step->{text}", $input ])), 0, 16;
    my $dir = "$self->{store}/layers/$key";
    my $known = -d $dir;

    print STDERR '   line ', $step->{line}, ': ', $known ? 'as before' : '',
        ' ', substr($step->{text} =~ s/\s+/ /gr, 0, 60), "\n";

    if (!$known) {
        remove_tree("$dir.new", "$dir.work");
        make_path("$dir.new", "$dir.work");
        my $root = $self->mount($image, "$key.new", "$key.work");

        $write->($root);
        unmount($root);
        remove_tree("$dir.work");
        rename "$dir.new", $dir or die "cannot rename $dir.new: $!\n";
    }

    push @{ $image->{layers} }, $key;

    return;
}


# Mounts an image, to write into the layer $upper; returns the root.
sub mount {
    my ($self, $image, $upper, $work) = @_;

    my $root = "$self->{store}/mnt/$upper";
    my $options = join ',', 'lowerdir=' . join(':', reverse
        @{ $image->{layers} }), "upperdir=$upper", "workdir=$work";

    make_path($root);
    chdir "$self->{store}/layers" or die "no layers: $!\n";
    command('mount', '-t', 'overlay', 'overlay', '-o', $options, $root);
    chdir $self->{context} or die "no $self->{context}: $!\n";
    _devices($root);

    return $root;
}


sub _devices {
    my ($root) = @_;

    make_path("$root/proc", "$root/dev");
    command('mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', "$root/dev");
    mkdir "$root/dev/shm", 01777;

    for my $name (qw(null zero full random urandom)) {
        write_file("$root/dev/$name", '');
        command('mount', '--bind', "/dev/$name", "$root/dev/$name");
    }

    symlink '/proc/self/fd', "$root/dev/fd";
    symlink "/proc/self/fd/$_->[0]", "$root/dev/$_->[1]"
        for [0, 'stdin'], [1, 'stdout'], [2, 'stderr'];
    command('mount', '-t', 'proc', 'proc', "$root/proc");

    return;
}


sub unmount {
    my ($root) = @_;

    command('umount', '-R', $root);
    rmdir $root;

    return;
}


sub _do_run {
    my ($self, $image, $step) = @_;

    $self->_layer($image, $step, '', sub {
        my ($root) = @_;

        command('mount', '--bind', '/etc/resolv.conf',
            "$root/etc/resolv.conf");
        command(inside($root, $image, { %{ $image->{arg} } }),
            '/bin/sh', '-c', $step->{value});
    });

    return;
}


# What runs a command in a root as the image says.
sub inside {
    my ($root, $image, $more) = @_;

    my %env = (HOME => '/root', %{ $image->{env} }, %{ $more // {} });
    my ($uid, $gid) = ids($root, $image->{user});

    return ('env', '-i', (map { "$_=$env{$_}" } sort keys %env), 'unshare',
        "--root=$root", "--wd=$image->{workdir}", "--setgid=$gid",
        "--setuid=$uid");
}


# The numbers of "user", "user:group" or of numbers themselves.
sub ids {
    my ($root, $who) = @_;

    my ($user, $group) = split /:/, $who;
    my ($uid, $gid) = $user =~ /^\d+$/ ? ($user, 0)
                      : _entry("$root/etc/passwd", $user);

    $gid = $group =~ /^\d+$/ ? $group : (_entry("$root/etc/group", $group))[0]
        if defined $group;

    return ($uid, $gid);
}


sub _entry {
    my ($file, $name) = @_;

    open my $in, '<', $file or die "cannot read $file: $!\n";

    while (my $line = <$in>) {
        my @field = split /:/, $line;
        return @field[2, 3] if $field[0] eq $name;
    }

    die "$file does not know $name\n";
}


sub _do_copy {
    my ($self, $image, $step) = @_;

    my $other = defined $step->{from} && $self->image($step->{from});

    $self->_allowed($step) if !$other;

    my $input = $other ? $other->{layers}
        : [ map { _digest("$self->{context}/$_") } @{ $step->{sources} } ];

    $self->_layer($image, $step, $input, sub {
        my ($root) = @_;

        my $scratch = "copy-$$";
        make_path("$self->{store}/layers/$scratch.$_") for qw(new work);
        my $from = $other ? $self->mount($other, "$scratch.new",
                                         "$scratch.work")
                          : $self->{context};

        _copy($root, $image, $step, $from);
        unmount($from) if $other;
        remove_tree("$self->{store}/layers/$scratch.$_") for qw(new work);
    });

    return;
}


# Of a directory its content is copied; all becomes root's unless --chown.
sub _copy {
    my ($root, $image, $step, $from) = @_;

    my $target = $step->{target};
    $target = "$image->{workdir}/$target" if $target !~ m{^/};
    my $owner = join ':', ids($root, $step->{chown} // 'root');

    make_path($target =~ m{/$} ? "$root$target" : dirname("$root$target"));

    for my $source (@{ $step->{sources} }) {
        my $is_dir = -d "$from/$source";
        my $to = "$root$target";

        $to .= ($source =~ m{([^/]+)$})[0] if !$is_dir && $target =~ m{/$};
        make_path($to) if $is_dir;

        my $new = "$root/.copy";
        remove_tree($new);
        command('cp', '-r', '--preserve=mode,timestamps', "$from/$source",
            $new);
        command('chown', '-R', $owner, $new);
        command('chmod', '-R', $step->{chmod}, $new) if $step->{chmod};
        command('cp', '-a', $is_dir ? "$new/." : $new, $to);
        remove_tree($new);
        unlink $new;
    }

    return;
}


# The engine sends what Dockerfile.dockerignore lets through; ours is a list
# of what is let through, after "*".
sub _allowed {
    my ($self, $step) = @_;

    my @lines = split /\n/, slurp("$self->{ignore}");
    my @let = map { /^!(.*)/ ? $1 : () } @lines;

    die "$self->{ignore}: must be \"*\", then lines of \"!path\"\n"
        if (grep { !/^#/ && !/^\s*$/ } @lines)[0] ne '*';

    for my $source (@{ $step->{sources} }) {
        next if grep { $source eq $_ || index($source, "$_/") == 0 } @let;
        die "Dockerfile, line $step->{line}: $source is not let through by ",
            "$self->{ignore}\n";
    }

    return;
}


sub slurp {
    my ($file) = @_;

    open my $in, '<', $file or die "cannot read $file: $!\n";
    local $/;

    return scalar <$in>;
}


# of a file, or of all that is in a directory: names, modes, content
sub _digest {
    my ($path) = @_;

    my $sha = Digest::SHA->new(256);
    my @files;

    -e $path or die "there is no $path\n";
    File::Find::find({ no_chdir => 1, wanted => sub { push @files, $_ } },
        $path);

    for my $file (sort @files) {
        $sha->add(join "\0", substr($file, length $path),
            sprintf('%o', (stat $file)[2] & 07777), '');
        $sha->addfile($file) if -f $file;
    }

    return $sha->hexdigest;
}


sub _do_workdir {
    my ($self, $image, $step) = @_;

    $self->_layer($image, $step, '',
        sub { make_path("$_[0]$step->{value}") });
    $image->{workdir} = $step->{value};

    return;
}


sub _do_env {
    my ($self, $image, $step) = @_;

    $image->{env} = { %{ $image->{env} }, %{ $step->{pairs} } };

    return;
}


sub _do_arg {
    my ($self, $image, $step) = @_;

    $image->{arg} = { %{ $image->{arg} }, %{ $step->{pairs} } };

    return;
}


sub _set {
    my ($name, $from) = @_;

    return sub { my ($self, $image, $step) = @_;
                 $image->{$name} = $step->{$from}; return };
}

*_do_user = _set('user', 'value');
*_do_expose = _set('ports', 'value');
*_do_stopsignal = _set('signal', 'value');
*_do_cmd = _set('cmd', 'command');
*_do_entrypoint = _set('entrypoint', 'command');
*_do_healthcheck = _set('health', 'command');


1;
