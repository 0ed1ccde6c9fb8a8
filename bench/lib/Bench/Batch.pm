package Bench::Batch;

# What a request costs the workers, with nobody else on the processors.
#
#   $batch = Bench::Batch->new(server => $server, batches => 5);
#
#   $run = $batch->run('/path', status => 429, fields => { Accept => '...' },
#                      keys => 100000, cookies => [ ... ]);
#
# A run is { ns, requests }: ns of the workers' processor time per request.
# Each answer is read and has to have the status.  With "keys", every request
# gets "?k=N" from the next of so many clients, all of which were there before
# the path's first run: newcomers' memory is not what is measured.  With
# "cookies", every request has the next one.
#
# A load generator beside nginx decides how many requests nginx finds ready
# each time it wakes, and so what each one costs: the cheaper side of
# a comparison sleeps more often, and the figure is about sleeping.  So here
# the workers are stopped (SIGSTOP), each connection is given one request,
# the workers go on (SIGCONT) and find them all, while the client sleeps until
# the last is answered.  Connections stay open, requests are not pipelined.

use strict;
use warnings;

use Bench::Client ();
use Bench::Server ();


my $CONNECTIONS = 256;


sub new {
    my ($class, %self) = @_;

    my $server = $self{server};

    $self{clients} = [ map { $server->connect } 1 .. $CONNECTIONS ];
    $self{key} = $self{cookie} = 0;

    return bless \%self, $class;
}


sub run {
    my ($self, $path, %option) = @_;

    my @workers = $self->{server}->workers;

    $self->prepare($path, %option) if !$self->{prepared}{$path}++;

    $self->batch(\@workers, $path, \%option);

    my $before = used(@workers);
    $self->batch(\@workers, $path, \%option) for 1 .. $self->{batches};
    my $after = used(@workers);

    $self->{server}->forget_log;

    my $requests = $self->{batches} * $CONNECTIONS;

    return { ns => ($after - $before) / $requests, requests => $requests };
}


# A limit that is spent needs a request or two to be so.

sub prepare {
    my ($self, $path, %option) = @_;

    my $client = $self->{server}->connect;
    my $keys = $option{keys}
        or return $client->statuses($option{fields} // {}, ($path) x 3);

    for (my $n = 0; $n < $keys; $n += $CONNECTIONS) {
        my @some = $n .. $n + $CONNECTIONS - 1;
        $client->statuses({}, map { "$path?k=$_" } @some);
    }
}


sub used {
    my $ns = 0;

    $ns += Bench::Server::cpu_of($_) for @_;

    return $ns;
}


sub batch {
    my ($self, $workers, $path, $option) = @_;

    my $clients = $self->{clients};
    my $fields = $option->{fields} // {};
    my $request = Bench::Client::request($path, $fields);

    kill 'STOP', @$workers;

    for my $client (@$clients) {
        $request = $self->next_key($path, $option->{keys}, $fields)
            if $option->{keys};
        $request = $self->next_cookie($path, $option->{cookies}, $fields)
            if $option->{cookies};
        $client->ask($request);
    }

    kill 'CONT', @$workers;

    # the last one first: there is one waking of the client, at the end

    for my $client (reverse @$clients) {
        my ($status) = $client->answer;

        die "bench: $path answers $status, not $option->{status}\n"
            if $status != $option->{status};
    }
}


sub next_key {
    my ($self, $path, $keys, $fields) = @_;

    $self->{key} = ($self->{key} + 1) % $keys;

    return Bench::Client::request("$path?k=$self->{key}", $fields);
}


sub next_cookie {
    my ($self, $path, $cookies, $fields) = @_;

    my $cookie = $cookies->[$self->{cookie}++ % @$cookies];

    return Bench::Client::request($path, { %$fields, Cookie => $cookie });
}


1;
