package CrowdTest;

# What the test of the crowd needs: servers that do as a script says, an nginx
# of our own, and runs of the crowd.
#
#     my $server = CrowdTest->server(sub {
#         my ($request, $number) = @_;        # the how many-th of its key
#         return [ 200, { 'Content-Type' => 'text/plain' }, 'ok' ];
#     });                                     # or "hang", or "close"
#     my $report = crowd("duration 1s\n...", $server->url);
#     $server->requests                       # { time, method, path, field,
#                                             #   body, peer, socket } each
#
#     my $nginx = CrowdTest->nginx('return 200 "ok\n";');
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Cwd ();
use Exporter qw(import);
use File::Path ();
use File::Temp ();
use FindBin ();
use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep time);

use AdmNginx qw(free_port slurp wait_for);
use BenchTools qw(built);

our @EXPORT_OK = qw(binary crowd crowd_begin crowd_end crowd_says uplot);

my $ROOT = Cwd::abs_path("$FindBin::Bin/../..");
my $DIR = File::Temp->newdir('adm-crowd-XXXXXX', TMPDIR => 1);
my $JSON = JSON::PP->new->canonical;

my $runs = 0;


sub binary {
    return built('crowd', qw(-levent -lssl -lcrypto -lhttp_parser -ljansson
                             -lm));
}


# What the report's page is drawn with, fetched unless it is there.
sub uplot {
    my $npm = "$ROOT/build/bench/npm";
    my $file = "$npm/node_modules/uplot/dist/uPlot.iife.min.js";

    return if -e $file;

    File::Path::make_path($npm);
    system('cp', glob("$ROOT/bench/package*.json"), $npm) == 0
        or die "cannot copy package.json\n";
    system("cd $npm && npm ci --ignore-scripts --no-audit --no-fund"
           . ' > npm.log 2>&1') == 0 or die slurp("$npm/npm.log");

    return;
}


# Runs of the crowd

sub scenario {
    my ($text) = @_;

    my $file = "$DIR/run" . ++$runs . '.scenario';

    open my $out, '>', $file or die "$file: $!\n";
    print {$out} $text;
    close $out or die "$file: $!\n";

    return $file;
}


sub crowd_begin {
    my ($text, $url, @options) = @_;

    my $file = scenario($text);
    my $binary = binary();
    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', "$file.out";
        open STDERR, '>', "$file.err";
        open STDIN, '<', '/dev/null';
        exec $binary, '--json', "$file.json", @options, $file, $url
            or POSIX::_exit(127);
    }

    return { pid => $pid, file => $file };
}


# The report, with what was printed beside it.  In each of them the shoppers
# that came are those that ended one way or another.
sub crowd_end {
    my ($run) = @_;

    waitpid $run->{pid}, 0;

    my $status = $? >> 8;
    my $report = eval { $JSON->decode(slurp("$run->{file}.json")) };

    if (!$report) {
        Test::More::fail("a report, but the crowd says: "
            . slurp("$run->{file}.err"));
        return {};
    }

    $report->{out} = slurp("$run->{file}.out");
    $report->{err} = slurp("$run->{file}.err");
    $report->{status} = $status;

    my $who = $report->{shoppers};

    Test::More::is($who->{served} + $who->{refused} + $who->{failed}
        + $who->{left} + $who->{unfinished}, $report->{totals}{offered},
        'every shopper that came has one end');

    return $report;
}


sub crowd { return crowd_end(crowd_begin(@_)) }


# For runs that are expected not to begin: exit status, and all it says.
sub crowd_says {
    my ($text, @arguments) = @_;

    my $file = scenario($text);
    my $binary = binary();
    my $said = `$binary @arguments $file < /dev/null 2>&1`;

    return ($? >> 8, $said, $file);
}


# A server that does as told

sub server {
    my ($class, $answer, %option) = @_;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 512,
        LocalPort => 0, Blocking => 0) or die "cannot listen: $!\n";
    my $log = "$DIR/server" . ++$runs;
    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        local $SIG{PIPE} = 'IGNORE';
        local @SIG{qw(INT TERM HUP)} = ('DEFAULT') x 3;
        eval { serve($listen, $log, $answer); 1 } or warn $@;
        POSIX::_exit(1);
    }

    return bless { pid => $pid, port => $listen->sockport, log => $log,
                   owner => $$ }, $class;
}


sub url { return "http://127.0.0.1:$_[0]{port}" }
sub port { return $_[0]{port} }
sub pid { return $_[0]{pid} }


sub requests {
    my ($self) = @_;

    return map { $JSON->decode($_) } split /\n/, slurp($self->{log});
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;

    local ($?, $!, $@);
    kill 'CONT', $self->{pid};
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;

    return;
}


sub serve {
    my ($listen, $log, $answer) = @_;

    my $parent = getppid;
    my $select = IO::Select->new($listen);
    my (%input, %number, %count);
    my $sockets = 0;

    open my $out, '>', $log or die "$log: $!\n";
    $out->autoflush(1);

    while (getppid == $parent) {
        for my $socket ($select->can_read(0.5)) {
            if ($socket == $listen) {
                while (my $new = $listen->accept) {
                    $select->add($new);
                    $input{$new} = '';
                    $number{$new} = ++$sockets;
                }
                next;
            }

            if (!sysread $socket, $input{$socket}, 65536,
                length $input{$socket})
            {
                $select->remove($socket);
                delete $input{$socket};
                close $socket;
                next;
            }

            my $request = take(\$input{$socket}) or next;

            $request->{peer} = $socket->peerhost;
            $request->{socket} = $number{$socket};
            print {$out} $JSON->encode($request), "\n";

            my $key = $request->{field}{'idempotency-key'} // '';
            my $what = $answer->($request, ++$count{$key});

            next if $what eq 'hang';

            send_answer($socket, $request, $what) if $what ne 'close';

            if ($what eq 'close'
                || ($request->{field}{connection} // '') eq 'close')
            {
                $select->remove($socket);
                close $socket;
            }
        }
    }

    return;
}


# The request at the head of the input, when all of it is there.
sub take {
    my ($input) = @_;

    $$input =~ /\A(\S+) (\S+) HTTP\/1\.1\r\n(.*?)\r\n\r\n/s or return;

    my %request = (time => time, method => $1, path => $2);
    my $length = $+[0];

    for (split /\r\n/, $3) {
        my ($name, $value) = /^(\S+): (.*)$/ or return;
        $request{field}{lc $name} = $value;
    }

    my $body = $request{field}{'content-length'} // 0;

    return if length $$input < $length + $body;

    $request{body} = substr $$input, $length, $body;
    substr $$input, 0, $length + $body, '';

    return \%request;
}


# [ status, fields, body ]; an array as a field's value repeats the field.
sub send_answer {
    my ($socket, $request, $answer) = @_;

    my ($status, $field, $body) = @$answer;
    my $text = "HTTP/1.1 $status Said\r\nContent-Length: " . length($body)
               . "\r\n";

    for my $name (sort keys %$field) {
        my $value = $field->{$name};
        $text .= "$name: $_\r\n" for ref $value ? @$value : $value;
    }

    $text .= "Connection: close\r\n"
        if ($request->{field}{connection} // '') eq 'close';

    syswrite $socket, "$text\r\n$body";

    return;
}


# An nginx for thousands of connections: one worker that is told what to do in
# its only location, without the module.
sub nginx {
    my ($class, $location, %option) = @_;

    my $port = free_port();
    my $binary = $ENV{ADM_NGINX} // 'nginx';
    my $dir = "$DIR/nginx" . ++$runs;
    my ($ssl, $pair) = ('', '');

    mkdir $dir;

    if ($option{tls}) {
        $ssl = ' ssl';
        $pair = "ssl_certificate $dir/pem; ssl_certificate_key $dir/key;";
        system('openssl req -x509 -newkey rsa:2048 -nodes -days 2 -batch'
               . " -subj /CN=localhost -out $dir/pem -keyout $dir/key"
               . ' 2> /dev/null') == 0 or die "no certificate\n";
    }

    open my $out, '>', "$dir/conf" or die "$dir/conf: $!\n";
    print {$out} <<"END";
daemon off;
master_process off;
worker_rlimit_nofile 16384;
pid $dir/pid;
error_log $dir/log warn;
events { worker_connections 16000; }
http {
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path $dir/b;
    proxy_temp_path $dir/p;
    fastcgi_temp_path $dir/f;
    uwsgi_temp_path $dir/u;
    scgi_temp_path $dir/s;
    $pair
    server {
        listen 127.0.0.1:$port$ssl backlog=8192;
        location / { $location }
    }
}
END
    close $out or die "$dir/conf: $!\n";

    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        exec $binary, '-p', $dir, '-c', "$dir/conf", '-e', "$dir/log"
            or POSIX::_exit(127);
    }

    my $self = bless { pid => $pid, port => $port, owner => $$, log => '' },
                     $class;

    wait_for(sub {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
    }) or die 'nginx does not listen: ' . slurp("$dir/log");

    return $self;
}


1;
