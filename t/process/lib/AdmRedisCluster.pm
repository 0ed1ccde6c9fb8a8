package AdmRedisCluster;

# A Redis Cluster of three masters that the test started and ends: each is an
# AdmRedis with its own third of the slots.
#
#     my $cluster = AdmRedisCluster->start;
#     $cluster->uris, $cluster->owner($cluster->slot($key)), $cluster->node(0)
#     $cluster->move($slot, 1), or its steps: begin_move, move_keys, end_move
#     my $replica = $cluster->add_replica(2);      # the number of a node
#
# A node without a replica takes its slots along when it goes: the others
# go on, as cluster-require-full-coverage is off, unless "args" says otherwise.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use AdmNginx qw(free_port wait_for);
use AdmRedis ();

my $NODES = 3;
my $SLOTS = 16_384;

# after so many milliseconds a node is taken for dead
my $NODE_TIMEOUT = 1000;

# how long a cluster may take to agree, seconds
my $PATIENCE = 20;


# Options: args (more arguments of all nodes).
sub start {
    my ($class, %option) = @_;

    my $self = bless { nodes => [], ids => [], args => $option{args} // [] },
        $class;

    $self->_add for 1 .. $NODES;
    $self->_assign;
    $self->_meet;

    return $self;
}


# One more node, which knows of no other yet; its number.
sub _add {
    my ($self) = @_;

    my $i = @{ $self->{nodes} };

    $self->{bus}[$i] = free_port();
    $self->{nodes}[$i] = AdmRedis->start(args => [ '--cluster-enabled', 'yes',
        '--cluster-port', $self->{bus}[$i],
        '--cluster-node-timeout', $NODE_TIMEOUT,
        '--repl-diskless-sync-delay', 0,
        '--cluster-require-full-coverage', 'no', @{ $self->{args} } ]);
    $self->{ids}[$i] = $self->node($i)->command('CLUSTER', 'MYID');

    return $i;
}


sub nodes { return @{ $_[0]{nodes} } }
sub node { return $_[0]{nodes}[$_[1]] }
sub uris { return join ' ', map { $_->uri } $_[0]->nodes }


# The slots, and epochs that no two nodes share, before they meet: else they
# would have to settle that first.
sub _assign {
    my ($self) = @_;

    for my $i (0 .. $NODES - 1) {
        my $node = $self->node($i);

        $node->command('CLUSTER', 'SET-CONFIG-EPOCH', $i + 1);
        $node->command('CLUSTER', 'ADDSLOTSRANGE', int($i * $SLOTS / $NODES),
            int(($i + 1) * $SLOTS / $NODES) - 1);
    }

    return;
}


sub _meet {
    my ($self) = @_;

    for my $node ($self->nodes) {
        for my $i (0 .. $#{ $self->{ids} }) {
            $node->command('CLUSTER', 'MEET', '127.0.0.1',
                $self->node($i)->port, $self->{bus}[$i]);
        }
    }

    $self->_wait(sub { $self->agrees });

    return;
}


sub _wait {
    my ($self, $true) = @_;

    wait_for($true, $PATIENCE)
        or die "the cluster does not come together:\n",
            map { $_->command('CLUSTER', 'NODES') } grep { $_->pid }
            $self->nodes;

    return;
}


# A replica of a node: it takes over when that one is gone.
sub add_replica {
    my ($self, $of) = @_;

    my $i = $self->_add;
    my ($replica, $master) = ($self->node($i), $self->node($of));

    $replica->command('CLUSTER', 'MEET', '127.0.0.1', $master->port,
        $self->{bus}[$of]);
    $self->_wait(sub { eval {
        $replica->command('CLUSTER', 'REPLICATE', $self->{ids}[$of]) } });
    $self->_wait(sub { $self->agrees
        && $replica->info('replication')->{master_link_status} eq 'up' });

    # and all others know whose replica it is
    $self->_wait(sub { !grep { $_->command('CLUSTER', 'NODES')
        !~ /^$self->{ids}[$i] .*slave $self->{ids}[$of] /m } $self->nodes });

    return $replica;
}


# True if all nodes that run know of all slots, and say the same of them.
sub agrees {
    my ($self) = @_;

    my %said = map { $self->_map($_) => 1 } grep { $_->pid } $self->nodes;

    return keys %said == 1
        && !grep { $_->command('CLUSTER', 'INFO') !~ /^cluster_state:ok/m }
            grep { $_->pid } $self->nodes;
}


sub _map {
    my ($self, $node) = @_;

    my $slots = $node->command('CLUSTER', 'SLOTS');
    my $sum = 0;

    $sum += $_->[1] - $_->[0] + 1 for @$slots;

    return $sum == $SLOTS
        ? join ' ', sort map { "$_->[0]-$_->[1]=$_->[2][2]" } @$slots
        : "$node only $sum";
}


sub slot {
    my ($self, $key) = @_;

    my ($node) = grep { $_->pid } $self->nodes;

    return $node->command('CLUSTER', 'KEYSLOT', $key);
}


# Which node has a slot: 0 and up; as the first one that runs knows.
sub owner {
    my ($self, $slot) = @_;

    my ($node) = grep { $_->pid } $self->nodes;

    for (@{ $node->command('CLUSTER', 'SLOTS') }) {
        my ($first, $last, $master) = @$_;

        next if $slot < $first || $slot > $last;

        for my $i (0 .. $#{ $self->{ids} }) {
            return $i if $self->{ids}[$i] eq $master->[2];
        }
    }

    return;
}


# Moves a slot to another node, at once; or begins it, so that keys that the
# old node has not are asked of the new one; takes the keys along; ends it.

sub move {
    my ($self, $slot, $to) = @_;

    my $from = $self->begin_move($slot, $to);

    $self->move_keys($slot, $from, $to);
    $self->end_move($slot, $from, $to);

    return $from;
}


sub begin_move {
    my ($self, $slot, $to) = @_;

    my $from = $self->owner($slot);

    $self->node($to)->command('CLUSTER', 'SETSLOT', $slot, 'IMPORTING',
        $self->{ids}[$from]);
    $self->node($from)->command('CLUSTER', 'SETSLOT', $slot, 'MIGRATING',
        $self->{ids}[$to]);

    return $from;
}


# Takes along these keys, or all that there are.
sub move_keys {
    my ($self, $slot, $from, $to, @keys) = @_;

    my $node = $self->node($from);

    @keys = @{ $node->command('CLUSTER', 'GETKEYSINSLOT', $slot, 10_000) }
        unless @keys;

    while (my @some = splice @keys, 0, 100) {
        $node->command('MIGRATE', '127.0.0.1', $self->node($to)->port, '', 0,
            5000, 'KEYS', @some);
    }

    return;
}


sub end_move {
    my ($self, $slot, $from, $to) = @_;

    my %last = map { $_ => 1 } $from, $to;

    for my $i ($to, $from, grep { !$last{$_} } 0 .. $#{ $self->{ids} }) {
        $self->node($i)->command('CLUSTER', 'SETSLOT', $slot, 'NODE',
            $self->{ids}[$to]) if $self->node($i)->pid;
    }

    return;
}


# How often all nodes together said an error: "MOVED", "ASK".
sub errors {
    my ($self, $prefix) = @_;

    my $sum = 0;

    for my $node (grep { $_->pid } $self->nodes) {
        my $line = $node->info('errorstats')->{"errorstat_$prefix"} // '';

        $sum += $1 if $line =~ /count=(\d+)/;
    }

    return $sum;
}


# How often commands of this name were called on all nodes.
sub calls {
    my ($self, $name) = @_;

    my $sum = 0;

    $sum += $_->calls($name) for grep { $_->pid } $self->nodes;

    return $sum;
}


sub finish {
    my ($self) = @_;

    $_->finish for $self->nodes;

    return;
}


1;
