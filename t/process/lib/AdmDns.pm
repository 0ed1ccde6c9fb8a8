package AdmDns;

# A name server of the test's own, in a process of its own: it answers over
# UDP what it was told last, and a name that it was not told with NXDOMAIN.
#
#     my $dns = AdmDns->start('redis.test' => ['127.0.0.2']);
#     $dns->port, $dns->tell('redis.test' => ['127.0.0.3'])
#     $dns->silent(1), $dns->asked('redis.test')
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use IO::Select ();
use IO::Socket::INET ();
use POSIX ();

use AdmNginx qw(slurp);

my ($TYPE_A, $CLASS_IN) = (1, 1);

# seconds that an answer is good for: nginx keeps it to the end of its second
my $TTL = 0;

# a query's head is so long
my $HEAD = 12;


sub start {
    my ($class, %names) = @_;

    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Proto => 'udp') or die "cannot open a socket: $!\n";
    my $dir = File::Temp->newdir;
    my $self = bless { port => $socket->sockport, dir => $dir, owner => $$,
        names => {%names} }, $class;

    $self->_write;

    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        local $@;
        eval { _serve($socket, "$dir", getppid) };
        POSIX::_exit(0);
    }

    $self->{pid} = $pid;

    return $self;
}


sub port { return $_[0]{port} }


# What a name is from now on.
sub tell {
    my ($self, %names) = @_;

    %{ $self->{names} } = (%{ $self->{names} }, %names);
    $self->_write;

    return;
}


# Says nothing any more, or does again.
sub silent {
    my ($self, $silent) = @_;

    $self->{silent} = $silent;
    $self->_write;

    return;
}


sub _write {
    my ($self) = @_;

    my $file = "$self->{dir}/names";

    open my $out, '>', "$file.new" or die "cannot write $file: $!\n";
    print {$out} $self->{silent} ? "silent\n" : '',
        map { "$_ @{ $self->{names}{$_} }\n" } sort keys %{ $self->{names} };
    close $out or die "cannot write $file: $!\n";
    rename "$file.new", $file or die "cannot write $file: $!\n";

    return;
}


# How often it was asked for the addresses of a name.
sub asked {
    my ($self, $name) = @_;

    return scalar grep { $_ eq $name } split /\n/, slurp("$self->{dir}/asked");
}


sub finish {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill 'KILL', $pid;
    waitpid $pid, 0;

    return;
}


sub DESTROY {
    my ($self) = @_;

    return if $$ != $self->{owner};

    local ($?, $!);
    $self->finish;

    return;
}


# The process

sub _serve {
    my ($socket, $dir, $parent) = @_;

    my $select = IO::Select->new($socket);

    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);

    open my $asked, '>>', "$dir/asked" or die;
    $asked->autoflush;

    while (getppid == $parent) {
        $select->can_read(0.5) or next;

        my $from = recv $socket, my $query, 512, 0;
        next if !defined $from || length $query < $HEAD;

        my $answer = _answer($query, slurp("$dir/names"), $asked);
        send $socket, $answer, 0, $from if defined $answer;
    }

    return;
}


# An answer has the query's number and question; of a name that is known,
# all addresses, and none of another type.
sub _answer {
    my ($query, $names, $asked) = @_;

    my ($name, $end) = _name($query);
    my $type = unpack 'n', substr $query, $end, 2;
    my %known = map { my ($key, @addrs) = split; ($key => \@addrs) }
        split /\n/, $names;

    print {$asked} "$name\n" if $type == $TYPE_A;
    return if $known{silent};

    my @addrs = $type == $TYPE_A ? @{ $known{$name} // [] } : ();
    my $flags = $known{$name} ? 0x8180 : 0x8183;

    return pack('a2 n5', $query, $flags, 1, scalar @addrs, 0, 0)
        . substr($query, $HEAD, $end + 4 - $HEAD)
        . join '', map { pack 'n n n N n C4', 0xC000 | $HEAD, $TYPE_A,
            $CLASS_IN, $TTL, 4, split /\./ } @addrs;
}


# The name that is asked for, and where its type stands.
sub _name {
    my ($query) = @_;

    my @labels;
    my $at = $HEAD;

    while (my $length = unpack 'C', substr $query, $at, 1) {
        push @labels, substr $query, $at + 1, $length;
        $at += 1 + $length;
    }

    return (lc join('.', @labels), $at + 1);
}


1;
