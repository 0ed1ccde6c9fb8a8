package Bench::Load;

# Requests a second by the clock, under wrk.
#
#   $load = Bench::Load->new(server => $server, wrk => PATH, script => PATH,
#                            seconds => 1);
#
#   $run = $load->run('/path', status => 200, fields => { ... },
#                     cookies => [ ... ]);
#
# With "cookies", every request has the next one of them.
#
# A run is { rate, busy, spread }: requests a second as nginx counts them, how
# many processors the workers kept busy, and the idlest worker's share of it.
#
# wrk runs on the machine that it loads and takes processors that nginx could
# use: the rate is that of both together.

use strict;
use warnings;

use Time::HiRes ();

use Bench::Figures ();
use Bench::Server ();


my $WARM_UP = 0.15;      # s; connections are made, Lua has started
my $LEAST = 100;         # requests of a run that is one


sub new {
    my ($class, %self) = @_;

    return bless \%self, $class;
}


sub run {
    my ($self, $path, %option) = @_;

    my $server = $self->{server};

    $self->expect($path, %option);

    my $pid = Bench::Server::launch($self->command($path, %option));

    my ($before, $after) = eval { $self->window };
    my $failed = $@;

    kill 'KILL', $pid;
    waitpid $pid, 0;

    die $failed if $failed;

    $self->expect($path, %option);
    $server->forget_log;

    return $self->figures($path, $before, $after);
}


sub window {
    my ($self) = @_;

    Time::HiRes::sleep($WARM_UP);
    my $before = $self->{server}->sample;
    Time::HiRes::sleep($self->{seconds});

    return $before, $self->{server}->sample;
}


# Dies unless the location answers as it should.

sub expect {
    my ($self, $path, %option) = @_;

    my %fields = %{$option{fields} // {}};

    $fields{Cookie} = $option{cookies}[0] if $option{cookies};

    my ($status) = $self->{server}->connect->get($path, %fields);

    die "bench: $path answers $status, not $option{status}\n"
        if $status != $option{status};
}


sub command {
    my ($self, $path, %option) = @_;

    my $server = $self->{server};
    my $n = $server->{workers};
    my $fields = $option{fields} // {};

    return $self->{wrk}, "-t$n", '-c' . 32 * $n, '-d600s',
           '-s', $self->{script},
           (map { ('-H', "$_: $fields->{$_}") } sort keys %$fields),
           'http://127.0.0.1:' . $server->port . $path,
           $option{cookies} ? $self->listed(@{$option{cookies}}) : ();
}


# For the script: a file of them.

sub listed {
    my ($self, @cookies) = @_;

    my $file = $self->{server}->directory . '/cookies';

    Bench::Server::write_file($file, join '', map { "$_\n" } @cookies);

    return '--', $file;
}


sub figures {
    my ($self, $path, $before, $after) = @_;

    my $requests = $after->{requests} - $before->{requests};
    my $time = $after->{time} - $before->{time};

    die "bench: $path had $requests requests only, is wrk running?\n"
        if $requests < $LEAST;

    my @cpu = sort { $a <=> $b }
              Bench::Figures::differences($after->{cpu}, $before->{cpu});
    my $cpu = 0;
    $cpu += $_ for @cpu;

    return {
        rate => $requests / $time * 1e9,
        busy => $cpu / $time,
        spread => $cpu[0] / $cpu,
    };
}


1;
