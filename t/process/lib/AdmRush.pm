package AdmRush;

# People who want the same thing at once, from a process of its own: so many
# connections to some nodes, on each one attempt after another.  Of the
# attempts some repeat one of before, with its key and its body, at whatever
# node, most of all those that were not answered, or not well; and some leave
# before they are.
#
#     my $rush = AdmRush->start(ports => [...], clients => 200,
#                               attempts => 20_000, seed => 1);
#     $rush->progress;           # attempts so far
#     my $seen = $rush->finish;  # waits until it is over
#
# { attempts, repeats, left, statuses => { 409 => n, none => n }, replays,
#   orders => [ [ key, body ] ... of answers with 2xx ] }
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Errno ();
use File::Temp ();
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

use AdmNginx qw(slurp);

# s, until a request counts as not answered
my $PATIENCE = 20;

# of those to repeat: shares of what was not answered well, and of the last
# so many
my ($IN_DOUBT, $LATEST, $RECENT) = (0.5, 0.25, 100);


# Options: ports, clients, attempts, seed, repeats and leaves (shares), pause
# (s, the longest between two attempts of a client), path.
sub start {
    my ($class, %option) = @_;

    my $dir = File::Temp->newdir;
    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = 'IGNORE';
        srand $option{seed};

        my $self = bless {
            repeats => 1 / 3, leaves => 0.03, pause => 0.1, path => '/buy',
            %option, dir => "$dir", keys => [], doubts => [], made => 0,
            seen => { attempts => 0, repeats => 0, left => 0, replays => 0,
                      statuses => {}, orders => [] },
        }, $class;

        eval { $self->_run(getppid); 1 } or print STDERR "rush: $@";
        POSIX::_exit(0);
    }

    return bless { dir => $dir, pid => $pid, owner => $$ }, $class;
}


sub progress {
    my ($self) = @_;

    return slurp("$self->{dir}/progress") || 0;
}


sub over { return -e "$_[0]{dir}/seen" }


sub finish {
    my ($self) = @_;

    waitpid delete $self->{pid}, 0;

    return JSON::PP::decode_json(slurp("$self->{dir}/seen"));
}


sub DESTROY {
    my ($self) = @_;

    return if !$self->{owner} || $$ != $self->{owner} || !$self->{pid};

    local ($?, $!);
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;

    return;
}


# The process

sub _run {
    my ($self, $parent) = @_;

    my @clients = map { { due => time + rand $self->{pause} } }
                  1 .. $self->{clients};
    my $told = 0;

    while (getppid == $parent) {
        my $now = time;
        my $done = $self->{made} >= $self->{attempts};
        my @asked = grep { $_->{since} } @clients;

        last if $done && !@asked;

        if (!$done) {
            $self->_ask($_) for grep { !$_->{since} && $_->{due} <= $now }
                                @clients;
        }

        $self->_wait(grep { $_->{since} } @clients);

        if ($self->{made} >= $told + 100) {
            _write("$self->{dir}/progress", $told = $self->{made});
        }
    }

    _write("$self->{dir}/seen", JSON::PP::encode_json($self->{seen}));

    return;
}


sub _ask {
    my ($self, $client) = @_;

    $client->{socket} //= $self->_connect;

    if (!$client->{socket}) {
        $client->{due} = time + 0.05;
        return;
    }

    my $key = $self->_key;
    my $body = "sku=tee&for=$key";

    @$client{qw(key since input)} = ($key, time, '');
    $client->{leaves} = rand() < $self->{leaves} ? time + rand 0.2 : 0;

    $self->{made}++;
    $self->{seen}{attempts}++;

    syswrite $client->{socket}, "POST $self->{path} HTTP/1.1\r\nHost: shop\r\n"
        . "Idempotency-Key: $key\r\nCookie: who=w$key\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";

    return;
}


sub _connect {
    my ($self) = @_;

    my $ports = $self->{ports};

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $ports->[rand @$ports], Proto => 'tcp') // undef;
}


sub _key {
    my ($self) = @_;

    my $keys = $self->{keys};

    if (@$keys && rand() < $self->{repeats}) {
        my ($doubts, $which) = ($self->{doubts}, rand);

        $self->{seen}{repeats}++;

        return $doubts->[rand @$doubts] if @$doubts && $which < $IN_DOUBT;

        my $from = $which < $IN_DOUBT + $LATEST && @$keys > $RECENT
                   ? @$keys - $RECENT : 0;

        return $keys->[ $from + rand(@$keys - $from) ];
    }

    push @$keys, "k$self->{seed}-" . @$keys;

    return $keys->[-1];
}


# Until something is to be done.
sub _wait {
    my ($self, @asked) = @_;

    my $bits = '';

    vec($bits, fileno $_->{socket}, 1) = 1 for @asked;
    select $bits, undef, undef, 0.01;

    my $now = time;

    for my $client (@asked) {
        if (vec $bits, fileno $client->{socket}, 1) {
            $self->_read($client);

        } elsif ($client->{leaves} && $client->{leaves} < $now) {
            $self->_leave($client);

        } elsif ($now - $client->{since} > $PATIENCE) {
            $self->_over($client, 'late');
            delete $client->{socket};
        }
    }

    return;
}


sub _leave {
    my ($self, $client) = @_;

    $self->{seen}{left}++;

    setsockopt $client->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
        if rand() < 0.5;

    delete $client->{socket};
    $self->_over($client, 'left');

    return;
}


sub _read {
    my ($self, $client) = @_;

    my $n = sysread $client->{socket}, $client->{input}, 65_536,
            length $client->{input};

    if (!$n) {
        delete $client->{socket};
        return $self->_over($client, 'none');
    }

    my ($head, $body) = $client->{input} =~ /^(.*?\r\n)\r\n(.*)/s or return;
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;

    # all that we are answered has a length
    return if length $body < ($length // 0);

    my ($status) = $head =~ /^HTTP\/1\.1 (\d+)/;

    delete $client->{socket} if $head =~ /^Connection: close/mi;

    $self->{seen}{replays}++ if $head =~ /^Idempotent-Replayed: true/mi;
    push @{ $self->{seen}{orders} }, [ $client->{key}, $body ]
        if $status =~ /^2/;

    return $self->_over($client, $status, $body =~ /outcome_unknown/);
}


sub _over {
    my ($self, $client, $status, $in_doubt) = @_;

    $self->{seen}{statuses}{$status}++;

    push @{ $self->{doubts} }, $client->{key}
        if $in_doubt || $status =~ /^(?:none|left|2|502|504)/;

    delete $client->{since};
    $client->{due} = time + rand $self->{pause};

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
