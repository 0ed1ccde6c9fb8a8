package Study::Contender;

# Who stands between the crowd and the origin: nginx with one limit or another,
# or HAProxy.  Each has one number to be tuned, its knob, or none.
#
#   $contender = Study::Contender->named('limit_req');
#   $contender->{candidates};       values for the knob; none: it has no knob
#   $contender->{knob};             the one that was found best
#   $proxy = $contender->start(place => {...}, port => N, origin => N,
#                              knob => N);
#
# all() are those of bench/study, shedding() those of bench/shedding.  Further
# options of start(), for those that are nginx:
#
#   workers => N,                   2 unless told
#   status => N                     the port of admission_status
#   shared => 1                     the port is shared with other nodes
#   redis => PATH                   whose socket it is: they are one fleet

use strict;
use warnings;

use File::Temp ();

use Bench::Room ();
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
      candidates => \@PLACES, knob => 16, unit => 'at once', queue => '2s' },
    { name => 'admission', title => 'Admission, `admission_limit`',
      candidates => \@RATES, knob => 500, unit => 'r/s' },
);

# Before the origin of bench/shedding, whose shoppers wait for two seconds: a
# queue must be shorter than that.  The expert's number is twice the origin's
# servers; "best" is to be the best there is, and has no margin.

my @FEW_RATES = (110, 120, 130);
my @FEW_PLACES = (6, 8, 10, 12, 16);

my @SHEDDING = (
    { name => 'plain', title => 'nginx, no limit' },
    { name => 'limit_req', title => 'nginx, `limit_req` with `nodelay`',
      candidates => \@FEW_RATES, knob => 120, unit => 'r/s' },
    { name => 'limit_conn', title => 'nginx, `limit_conn`',
      candidates => \@FEW_PLACES, knob => 8, unit => 'at once' },
    { name => 'haproxy', title => 'HAProxy, `maxconn` and a queue',
      candidates => \@FEW_PLACES, knob => 8, unit => 'at once',
      queue => '1s' },
    { name => 'expert', title => 'nginx, as an expert does it',
      knob => 16, unit => 'at once' },
    { name => 'fixed', title => 'Admission, the best fixed limit',
      candidates => \@FEW_PLACES, knob => 10, unit => 'at once', best => 1 },
    { name => 'adaptive', title => 'Admission, told no number' },
);


sub all { return map { bless {%$_}, $_[0] } @CONTENDERS }

sub shedding { return map { bless {%$_}, $_[0] } @SHEDDING }


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

    $self->configure($directory, %option);

    my $process = Study::Process->start(
        log => "$directory/log",
        directory => $directory,        # goes when the process does
        command => [ @{$place->{proxies_on} // []},
                     $self->command($place, $directory) ],
    );

    $process->await($option{port});
    $process->await($option{status}) if $self->is_ours && $option{status};

    return $process;
}


sub is_ours { return $_[0]{name} =~ /^(?:admission|fixed|adaptive)\z/ }


# Writes its files into a directory.

sub configure {
    my ($self, $directory, %option) = @_;

    my $place = $option{place};
    my %word = (
        workers => 2,
        queue => $self->{queue},
        %option,
        contender => $self->{name},
        double => 2 * ($option{knob} // 0),
        load_module => $self->is_ours ? "load_module $place->{module};" : '',
        user => $> == 0 ? 'user root;' : '',
        shared => $option{shared} ? ' reuseport' : '',
        fleet => $option{redis}
                 ? "admission_redis unix:$option{redis};\n"
                   . "admission_secret_file $directory/secret;" : '',
    );

    mkdir "$directory/tmp";
    Bench::Room::write_secret("$directory/secret");

    fill($_, $directory, \%word)
        for glob("$place->{contenders}/$self->{name}.*"),
            "$place->{contenders}/frame.conf";

    return;
}


sub command {
    my ($self, $place, $directory) = @_;

    return ($place->{haproxy}, '-db', '-f', "$directory/haproxy.cfg")
        if $self->{name} eq 'haproxy';

    return ($place->{nginx}, '-p', $directory, '-c', 'frame.conf',
            '-e', 'error.log');
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
