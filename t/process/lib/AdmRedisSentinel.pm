package AdmRedisSentinel;

# A master, a replica and three Sentinels that watch them, started and ended
# by the test; quick to see that the master is gone, and to promote the other.
#
#     my $set = AdmRedisSentinel->start;
#     $set->uris, $set->name, $set->master, $set->replica
#     $set->master->kill; $set->wait_failover
#
# All are AdmRedis; what was killed comes back by its restart(): a former
# master as a replica, once a Sentinel has told it.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use AdmNginx qw(wait_for);
use AdmRedis ();

my $SENTINELS = 3;
my $NAME = 'shop';

# a server that does not answer for so many milliseconds is taken for dead
my $DOWN_AFTER = 500;

# how long the set may take to come together, or to elect, seconds
my $PATIENCE = 20;


# Options: args (more arguments of master and replica), password (theirs).
sub start {
    my ($class, %option) = @_;

    my $password = $option{password};
    my @args = ('--repl-diskless-sync-delay', 0, '--repl-ping-replica-period',
        1, @{ $option{args} // [] });

    push @args, '--requirepass', $password, '--masterauth', $password
        if defined $password;

    my $self = bless {
        servers  => [ map { AdmRedis->start(args => \@args,
                          password => $password) } 1 .. 2 ],
        password => $password,
    }, $class;

    $self->{servers}[1]->command('REPLICAOF', '127.0.0.1',
        $self->{servers}[0]->port);
    wait_for(sub { $self->_in_sync }, $PATIENCE)
        or die "the replica does not follow\n";

    $self->{sentinels} = [ map { $self->_start_sentinel } 1 .. $SENTINELS ];
    wait_for(sub { $self->_together }, $PATIENCE)
        or die "the Sentinels do not come together\n";

    return $self;
}


sub _in_sync {
    my ($self) = @_;

    return $self->{servers}[1]->info('replication')->{master_link_status}
        eq 'up';
}


sub _start_sentinel {
    my ($self) = @_;

    return AdmRedisSentinel::Process->start(
        monitor => $self->{servers}[0]->port, secret => $self->{password});
}


# True if each Sentinel knows of the others, and of the replica.
sub _together {
    my ($self) = @_;

    for my $sentinel ($self->sentinels) {
        my %says = @{ $sentinel->command('SENTINEL', 'MASTER', $NAME) };

        return 0 if $says{'num-other-sentinels'} != $SENTINELS - 1
            || $says{'num-slaves'} != 1 || $says{flags} ne 'master';
    }

    return 1;
}


sub name { return $NAME }
sub sentinels { return @{ $_[0]{sentinels} } }
sub uris { return join ' ', map { $_->uri } $_[0]->sentinels }


# Who is which, as the first Sentinel that runs says.
sub master {
    my ($self) = @_;

    my ($sentinel) = grep { $_->pid } $self->sentinels;
    my $said = $sentinel->command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME',
        $NAME);
    my ($master) = grep { $_->port == $said->[1] } @{ $self->{servers} };

    return $master;
}


sub replica {
    my ($self) = @_;

    my $master = $self->master;
    my ($replica) = grep { $_ != $master } @{ $self->{servers} };

    return $replica;
}


# True as soon as the one that is not this one is master, and all know it.
sub wait_failover {
    my ($self, $gone) = @_;

    my ($heir) = grep { $_ != $gone } @{ $self->{servers} };

    return wait_for(sub {
        $heir->command('ROLE')->[0] eq 'master'
            && !grep { $_->command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME',
                $NAME)->[1] != $heir->port } grep { $_->pid } $self->sentinels;
    }, $PATIENCE);
}


sub finish {
    my ($self) = @_;

    $_->finish for $self->sentinels, @{ $self->{servers} };

    return;
}


# One Sentinel: a redis-server with a file that it writes again and again.

package AdmRedisSentinel::Process;

our @ISA = ('AdmRedis');


sub _command_line {
    my ($self) = @_;

    my $file = $self->dir . '/sentinel.conf';

    $self->_write($file) unless -e $file;

    return ($ENV{ADM_REDIS} // 'redis-server', $file, '--sentinel');
}


sub _write {
    my ($self, $file) = @_;

    my $option = $self->{option};
    my $auth = defined $option->{secret}
        ? "sentinel auth-pass $NAME $option->{secret}" : '';

    open my $out, '>', $file or die "cannot write $file: $!\n";

    print {$out} <<"END";
port $self->{port}
bind 127.0.0.1
unixsocket @{[ $self->socket ]}
dir @{[ $self->dir ]}
logfile @{[ $self->dir ]}/redis.log
sentinel monitor $NAME 127.0.0.1 $option->{monitor} 2
sentinel down-after-milliseconds $NAME $DOWN_AFTER
sentinel failover-timeout $NAME 2000
sentinel parallel-syncs $NAME 1
$auth
END
    close $out or die "cannot write $file: $!\n";

    return;
}


1;
