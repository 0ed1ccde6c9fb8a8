package Bench::Trips;

# What requests cost nginx and a Redis, for the programs that measure it.
#
#   $server = Bench::Trips::server($root, 'redis.conf', redis => $port);
#   $cost = Bench::Trips::run($redis, $server, '/exact?k=a', %option);
#   # { nginx, redis (ns of processor time a request), reads, commands
#   #   (a request), rate (requests a second) }
#   $n = Bench::Trips::commands($redis);
#
# One worker of nginx, wrk on 64 connections.  Options of run(): script and
# args (of wrk), each (requests that nginx counts for one of a client).

use strict;
use warnings;

use Time::HiRes ();

use Bench::Server ();


our $CONNECTIONS = 64;

my $WARM_UP = 0.3;       # s
my $WINDOW = 1;          # s


sub server {
    my ($root, $conf, %word) = @_;

    my $scratch = "$root/build/bench";
    my $text = Bench::Server::read_file("$root/bench/$conf");
    my $file = "$scratch/" . $conf =~ s{/}{-}gr;

    $text =~ s/\{\{$_\}\}/$word{$_}/g for keys %word;
    Bench::Server::write_file($file, $text);

    return Bench::Server->start(
        nginx => $ENV{ADM_NGINX} // 'nginx',
        module => $ENV{ADM_MODULE}
                  // "$root/build/ngx_http_admission_module.so",
        conf => $file, scratch => $scratch, workers => 1);
}


sub run {
    my ($redis, $server, $path, %option) = @_;

    my $pid = wrk($server, $path, %option);

    my ($before, $after) = eval {
        Time::HiRes::sleep($WARM_UP);
        my $first = sample($redis, $server);
        Time::HiRes::sleep($WINDOW);
        ($first, sample($redis, $server));
    };
    my $failed = $@;

    kill 'KILL', $pid;
    waitpid $pid, 0;
    die $failed if $failed;

    my %of = map { $_ => $after->{$_} - $before->{$_} }
             qw(requests redis reads commands time);
    my $requests = $of{requests} / ($option{each} // 1);

    die "bench: $path had $requests requests\n" if $requests < 100;

    return {
        nginx => ($after->{cpu}[0] - $before->{cpu}[0]) / $requests,
        rate => $requests * 1e9 / $of{time},
        map { $_ => $of{$_} / $requests } qw(redis reads commands),
    };
}


sub wrk {
    my ($server, $path, %option) = @_;

    return Bench::Server::launch('wrk', '-t1', "-c$CONNECTIONS", '-d600s',
        $option{script} ? ('-s', $option{script}) : (),
        'http://127.0.0.1:' . $server->port . $path,
        $option{args} ? ('--', @{ $option{args} }) : ());
}


sub sample {
    my ($redis, $server) = @_;

    return {
        %{$server->sample},
        redis => Bench::Server::cpu_of($redis->pid),
        reads => $redis->info('stats')->{total_reads_processed},
        commands => commands($redis),
    };
}


# Commands that nodes sent: those of scripts count for the scripts.

sub commands {
    my ($redis) = @_;

    my $stats = $redis->info('commandstats');
    my $n = 0;

    for my $name (keys %$stats) {
        my ($command) = $name =~ /^cmdstat_(?:(\w+)(?:\|\w+)?)$/ or next;
        next if $command !~ /^eval/;
        $n += $1 if $stats->{$name} =~ /^calls=(\d+)/;
    }

    return $n;
}


sub bar {
    my ($what, $ratio, $bar) = @_;

    printf "  %-30s x%.3f [%.3f, %.3f]%s\n", $what,
        @$ratio{qw(median low high)},
        defined $bar ? sprintf(' (bar %s: %s)', $bar,
                               $ratio->{median} <= $bar ? 'met' : 'MISSED')
                     : '';

    return;
}


1;
