package Bench::Instructions;

# Instructions per request, by callgrind.
#
#   $counter = Bench::Instructions->new(valgrind => PATH, requests => 500,
#                                       server => { of Bench::Server });
#
#   $count = $counter->count('/path', status => 429, fields => { ... },
#                            carries => 'ticket');    see Bench::Room
#
# A count is { instructions, functions => { NAME => instructions } }, each of
# one request.  nginx is run without a master twice, for N requests one after
# another and for twice as many: the difference has no start and no end in it.
# Instructions of nginx and its libraries are counted, those of the kernel are
# not; a machine's noise does not touch them.

use strict;
use warnings;

use Bench::Room ();
use Bench::Server ();


sub new {
    my ($class, %self) = @_;

    return bless \%self, $class;
}


sub count {
    my ($self, $path, %option) = @_;

    my $n = $self->{requests};
    my @times = ($n, 2 * $n);

    # both at once: it starts slowly, and nobody's noise is counted

    my @servers = map { $self->begin($_, %option) } @times;

    my ($once, $twice) = map { $self->profile($servers[$_], $path, $times[$_],
                                              %option) } 0, 1;

    my %functions;
    my $total = 0;

    for my $name (keys %$twice) {
        my $more = ($twice->{$name} - ($once->{$name} // 0)) / $n;
        $functions{$name} = $more if abs $more >= 0.5;
        $total += $more;
    }

    return { instructions => $total, functions => \%functions };
}


sub begin {
    my ($self, $n, %option) = @_;

    return Bench::Server->begin(
        %{$self->{server}},
        single => 1,
        without => $option{without},
        under => [ $self->{valgrind}, '--tool=callgrind',
                   '--callgrind-out-file=' . $self->out($n) ],
    );
}


# Where the profile of n requests goes.

sub out { return "$_[0]{server}{scratch}/callgrind.$$.$_[1]" }


# The instructions of each function in a process that had n requests.

sub profile {
    my ($self, $server, $path, $n, %option) = @_;

    $server->await;
    ask($server->connect, $path, $n, %option,
        %{Bench::Room::carried($server, $option{carries})});
    $server->stop;

    my $text = Bench::Server::read_file($self->out($n));
    unlink $self->out($n);

    return functions($text);
}


sub ask {
    my ($client, $path, $n, %option) = @_;

    my $status;

    ($status) = $client->get($path, %{$option{fields} // {}}) for 1 .. $n;

    die "bench: $path answers $status, not $option{status}\n"
        if $status != $option{status};
}


# Callgrind's own format: a function's lines of cost follow its "fn="; the line
# after "calls=" is another's cost.  A name is written out once, with its
# number, then the number stands for it; the files that inlined code came from
# do not change whose cost it is.

sub functions {
    my ($text) = @_;

    my (%name, %cost, $function, $skip);

    for (split /\n/, $text) {

        if (/^c?fn=\((\d+)\) (.+)/) {
            $name{$1} = $2;
        }

        if (/^fn=\((\d+)\)/) {
            $function = $1;

        } elsif (/^calls=/) {
            $skip = 1;

        } elsif (/^[+*\-\d]\S* (\d+)/) {
            $cost{$function} += $1 if !$skip;
            $skip = 0;
        }
    }

    my %of;
    $of{$name{$_}} += $cost{$_} for keys %cost;

    return \%of;
}


1;
