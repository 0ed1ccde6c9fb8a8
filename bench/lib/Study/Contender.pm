package Study::Contender;

# Who stands between the crowd and the origin: nginx with one limit or another,
# or HAProxy.  Each has one number to be tuned, its knob.
#
#   $contender = Study::Contender->named('limit_req');
#   $contender->{candidates};       values for the knob; none: it has no knob
#   $contender->{knob};             the one that was found best
#   $proxy = $contender->start(place => {...}, port => N, origin => N,
#                              knob => N);

use strict;
use warnings;

use File::Temp ();

use Bench::Server ();
use Study::Process ();


my @RATES = (400, 450, 500, 550, 600, 650);     # orders a second
my @PLACES = (8, 12, 16, 24, 32, 48);           # requests at once

# The knobs are what --tune has chosen for the origin as bench/study starts it.

my @CONTENDERS = (
    { name => 'plain', title => 'nginx, no limit' },
    { name => 'limit_req', title => 'nginx, `limit_req` with `nodelay`',
      candidates => \@RATES, knob => 500, unit => 'r/s' },
    { name => 'limit_req_delay', title => 'nginx, `limit_req` that delays',
      candidates => \@RATES, knob => 500, unit => 'r/s' },
    { name => 'limit_conn', title => 'nginx, `limit_conn`',
      candidates => \@PLACES, knob => 16, unit => 'at once' },
    { name => 'haproxy', title => 'HAProxy, `maxconn` and a queue',
      candidates => \@PLACES, knob => 16, unit => 'at once' },
    { name => 'admission', title => 'Admission, `admission_limit`',
      candidates => \@RATES, knob => 500, unit => 'r/s' },
);


sub all { return map { bless {%$_}, $_[0] } @CONTENDERS }


sub named {
    my ($class, $name) = @_;

    my ($contender) = grep { $_->{name} eq $name } $class->all;

    return $contender;
}


sub start {
    my ($self, %option) = @_;

    my $place = $option{place};
    my $directory = File::Temp->newdir('proxy-XXXXXX',
                                       DIR => $place->{scratch});

    mkdir "$directory/tmp";

    my %word = (
        %option,
        contender => $self->{name},
        double => 2 * ($option{knob} // 0),
        load_module => $self->{name} eq 'admission'
                       ? "load_module $place->{module};" : '',
        user => $> == 0 ? 'user root;' : '',
    );

    fill($_, $directory, \%word)
        for glob("$place->{contenders}/$self->{name}.*"),
            "$place->{contenders}/frame.conf";

    my $process = Study::Process->start(
        log => "$directory/log",
        directory => $directory,        # goes when the process does
        command => $self->command($place, $directory),
    );

    $process->await($option{port});

    return $process;
}


sub command {
    my ($self, $place, $directory) = @_;

    return [ $place->{haproxy}, '-db', '-f', "$directory/haproxy.cfg" ]
        if $self->{name} eq 'haproxy';

    return [ $place->{nginx}, '-p', $directory, '-c', 'frame.conf',
             '-e', 'error.log' ];
}


sub fill {
    my ($file, $directory, $word) = @_;

    my ($name) = $file =~ m{([^/]+)$};
    my $text = Bench::Server::read_file($file);

    $text =~ s/\{\{(\w+)\}\}/$word->{$1} \/\/ ''/ge;

    Bench::Server::write_file("$directory/$name", $text);

    return;
}


1;
