package AdmNginx;

# An nginx of the test's own: a temporary directory, free ports, a process
# that we started and end, its logs and its metrics.
#
#     my $nginx = AdmNginx->start(http => '...', workers => 2);
#     $nginx->port('h1'), $nginx->reload, $nginx->metric('processes')
#     $nginx->finish(allow => [qr/exited on signal 9/]);
#
# In the configuration, %{NAME} stands for a port of that name, chosen when
# it is first met; %{dir} for the directory, and for what "vars" gives.
#
# From the environment: ADM_NGINX (the binary), ADM_MODULE (the .so to load,
# or nothing if it is linked in), ADM_PROBE (the binary has the directives of
# t/probe), ADM_SANITIZER_LOG (the prefix of reports).
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Cwd ();
use Exporter qw(import);
use File::Temp ();
use IO::Socket::INET ();
use POSIX ();
use Socket qw(PF_UNIX SOCK_DGRAM pack_sockaddr_un);
use Test::More ();
use Time::HiRes qw(sleep time);

use AdmHttp qw(fetch);

our @EXPORT_OK = qw(need_probe free_port wait_for becomes slurp);

# what no test may leave in an error log
my $BAD = qr/\[(?:alert|emerg)\]|Sanitizer|runtime error:
             |exited\ with\ code\ [1-9]|exited\ on\ signal/x;

# below the ports that the kernel gives to clients
my ($FIRST_PORT, $LAST_PORT) = (16_000, 32_000);

# Seconds.  How long something takes on a busy machine is no matter of tests.
my $PATIENCE = 20;

my %running;        # master's pid => nginx
my $owner = $$;

# a test that is told to end ends its nginx too
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP PIPE);


# Leaves the test if the nginx has no probe.
sub need_probe {
    return if $ENV{ADM_PROBE};

    Test::More::plan(skip_all => 'needs an nginx with the probe (ADM_PROBE)');
}


# True as soon as the function is, or its last value after that many seconds
# ($PATIENCE).
sub wait_for {
    my ($true, $seconds) = @_;

    my $end = time + ($seconds // $PATIENCE);

    for (;;) {
        my $value = $true->();
        return $value if $value || time > $end;
        sleep 0.01;
    }
}


# Tests that what is read is as expected before long: a value, which is told
# as it was last, or a pattern.  Never read again behind that: another worker,
# or the next moment, may say something else.
sub becomes {
    my ($read, $expected, $name, $seconds) = @_;

    my $is;
    my $like = ref $expected eq 'Regexp';

    wait_for(sub {
        $is = $read->() // '';
        return $like ? $is =~ $expected : $is eq $expected;
    }, $seconds);

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return $like ? Test::More::like($is, $expected, $name)
                 : Test::More::is($is, $expected, $name);
}


sub slurp {
    my ($file) = @_;

    open my $in, '<', $file or return '';
    local $/;

    return <$in> // '';
}


my ($next_port, @reserved) = ($FIRST_PORT
    + Time::HiRes::clock_gettime(Time::HiRes::CLOCK_REALTIME()) * 1e6 * $$
    % ($LAST_PORT - $FIRST_PORT));

# One that nobody listens at, and that no other test on this machine gets as
# long as this process runs: each holds a name in the kernel's own namespace
# of sockets, which goes with the process.  The draws are not rand's: tests
# with the same seed would get the same.
sub free_port {
    for ($FIRST_PORT .. $LAST_PORT) {
        my $port = $next_port;

        $next_port = $FIRST_PORT
            + ($next_port + 97 - $FIRST_PORT) % ($LAST_PORT - $FIRST_PORT);

        my $reservation = _reserve($port) or next;
        my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => $port, Listen => 1, ReuseAddr => 1) or next;

        close $socket;
        push @reserved, $reservation;

        return $port;
    }

    die "no free port\n";
}


sub _reserve {
    my ($port) = @_;

    socket my $socket, PF_UNIX, SOCK_DGRAM, 0 or die "cannot reserve: $!\n";

    return bind($socket, pack_sockaddr_un("\0adm-test-port-$port"))
           ? $socket : undef;
}


# Options: http (text), main (text before events), workers, vars, asan (more
# of ASAN_OPTIONS), without_module.
sub start {
    my ($class, %option) = @_;

    my $binary = $ENV{ADM_NGINX} or die "ADM_NGINX is not set\n";

    my $self = bless {
        binary  => Cwd::abs_path($binary),
        dir     => File::Temp->newdir('adm-process-XXXXXX', TMPDIR => 1),
        ports   => {},
        option  => { workers => 1, %option },
        reports => { map { $_ => 1 } _reports() },
        allow   => [],
    }, $class;

    chmod 0755, $self->{dir};
    mkdir "$self->{dir}/$_" for qw(html body proxy other);

    $self->write_file('html/hello', "hello\n");
    $self->configure;
    $self->_spawn;

    return $self;
}


sub dir { return "$_[0]{dir}" }
sub pid { return $_[0]{pid} }
sub log_text { return slurp("$_[0]{dir}/error.log") }
sub access_text { return slurp("$_[0]{dir}/access.log") }


sub port {
    my ($self, $name) = @_;

    return $self->{ports}{$name} //= free_port();
}


sub write_file {
    my ($self, $name, $text) = @_;

    open my $out, '>', "$self->{dir}/$name" or die "cannot write $name: $!\n";
    print {$out} $text;
    close $out or die "cannot write $name: $!\n";
    chmod 0644, "$self->{dir}/$name";

    return;
}


# Writes the configuration, with some of start()'s options changed.
sub configure {
    my ($self, %option) = @_;

    %{ $self->{option} } = (%{ $self->{option} }, %option);
    $self->write_file('nginx.conf', $self->_conf);

    return $self;
}


sub _conf {
    my ($self) = @_;

    my $option = $self->{option};
    my $main = $option->{main} // '';
    my $module = $option->{without_module} ? '' : $ENV{ADM_MODULE} // '';
    my $load = $module ? 'load_module ' . Cwd::abs_path($module) . ';' : '';
    my $user = $> == 0 ? 'user root;' : '';

    return $self->_fill(<<"END");
$load
$user
daemon off;
env ASAN_OPTIONS;
env UBSAN_OPTIONS;
worker_processes $option->{workers};
pid %{dir}/nginx.pid;
error_log %{dir}/error.log notice;
$main

events { worker_connections 1024; }

http {
    log_format probe '\$request_uri \$status';
    access_log %{dir}/access.log probe;
    client_body_temp_path %{dir}/body;
    proxy_temp_path %{dir}/proxy;
    fastcgi_temp_path %{dir}/other;
    uwsgi_temp_path %{dir}/other;
    scgi_temp_path %{dir}/other;
    default_type text/plain;

    $option->{http}
}
END
}


sub _fill {
    my ($self, $text) = @_;

    my %vars = (dir => $self->dir, %{ $self->{option}{vars} // {} });

    $text =~ s/%\{(\w+)\}/$vars{$1} \/\/ $self->port($1)/ge;

    return $text;
}


sub _command {
    my ($self, @more) = @_;

    return ($self->{binary}, '-p', $self->dir, '-c',
        $self->dir . '/nginx.conf', '-e', $self->dir . '/error.log', @more);
}


sub _spawn {
    my ($self) = @_;

    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        $self->_become_nginx;
    }

    $self->{pid} = $pid;
    $running{$pid} = $self;

    my $gone;

    wait_for(sub {
        $gone = waitpid($pid, POSIX::WNOHANG()) != 0;
        return $gone || -s "$self->{dir}/nginx.pid" && $self->_listening;
    }, 15);

    if ($gone || !$self->_listening) {
        delete $running{$pid} if $gone;
        die "nginx did not start:\n", $self->log_text,
            slurp("$self->{dir}/output");
    }

    # ports listen before there is a worker
    if (slurp("$self->{dir}/nginx.conf") !~ /\bmaster_process\s+off\b/) {
        wait_for(sub { $self->serving == $self->{option}{workers} });
    }

    return;
}


sub _become_nginx {
    my ($self) = @_;

    my $log = $ENV{ADM_SANITIZER_LOG} ? "log_path=$ENV{ADM_SANITIZER_LOG}"
                                      : 'halt_on_error=1';

    $ENV{ASAN_OPTIONS} = join ':', $ENV{ASAN_OPTIONS} || "detect_leaks=0:$log",
        $self->{option}{asan} // ();
    $ENV{UBSAN_OPTIONS} ||= "print_stacktrace=1:$log";

    open STDOUT, '>', "$self->{dir}/output";
    open STDERR, '>&', \*STDOUT;
    open STDIN, '<', '/dev/null';
    exec $self->_command or POSIX::_exit(127);
}


sub _listening {
    my ($self) = @_;

    for my $port (values %{ $self->{ports} }) {
        $self->_conf_listens($port) or next;
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
            or return 0;
    }

    return 1;
}


sub _conf_listens {
    my ($self, $port) = @_;

    return slurp("$self->{dir}/nginx.conf") =~ /listen\s[^;]*\b$port\b/;
}


# What nginx -t says about the configuration as it is written now.
sub check_conf {
    my ($self) = @_;

    my @command = map { "'$_'" } $self->_command('-t');

    return scalar qx(@command 2>&1);
}


# Processes

sub signal {
    my ($self, $signal, @pid) = @_;

    die "no process to signal\n" if @pid && !defined $pid[0];
    kill $signal, @pid ? $pid[0] : $self->{pid};

    return;
}


# The pids of all workers; of those that are not shutting down.
sub workers { return _children($_[0]{pid}, qr/worker process/) }
sub serving { return _children($_[0]{pid}, qr/worker process$/) }


sub _children {
    my ($parent, $title) = @_;

    my @pids = split ' ', slurp("/proc/$parent/task/$parent/children");

    return grep { _title($_) =~ $title } @pids;
}


sub _title {
    my ($pid) = @_;

    my $title = slurp("/proc/$pid/cmdline");
    $title =~ s/[\s\0]+$//;

    return $title;
}


sub alive {
    my ($pid) = @_;

    return -d "/proc/$pid" && slurp("/proc/$pid/stat") !~ /\) Z /;
}


# True when all of these processes are gone.
sub wait_gone {
    my ($self, @pids) = @_;

    return wait_for(sub { !grep { alive($_) } @pids });
}


sub rss_kb {
    my ($pid) = @_;

    return slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m ? $1 : 0;
}


# Reloads; true when the new configuration is in service and the old workers
# have been told, false when it was refused.
sub reload {
    my ($self) = @_;

    my $mark = $self->mark;
    my @old = $self->serving;

    $self->signal('HUP');

    my $done = wait_for(sub { $self->_reloaded($mark, @old) }, 20)
        or die "nginx did not reload:\n", $self->log_text;

    return $done eq 'yes';
}


sub _reloaded {
    my ($self, $mark, @old) = @_;

    my $text = $self->since($mark);

    return 'no' if $text =~ /\[emerg\]/;

    my %serving = map { $_ => 1 } $self->serving;

    return 'yes' if $text =~ /start worker process \d/ && %serving
                    && !grep { $serving{$_} } @old;

    return;
}


# Logs: a mark is a place in the error log

sub mark { return length $_[0]->log_text }
sub since { return substr $_[0]->log_text, $_[1] }


sub wait_log {
    my ($self, $mark, $line, $seconds) = @_;

    return wait_for(sub { $self->since($mark) =~ $line }, $seconds);
}


# Metrics, from a location "/status" of the port "h1", or of another one

sub metrics {
    my ($self, $port) = @_;

    for (1 .. 20) {
        my $answer = fetch($self->port($port // 'h1'), '/status');

        return _samples($answer->{body})
            if $answer && $answer->{status} == 200 && $answer->{complete};
        sleep 0.02;
    }

    return {};
}


sub _samples {
    my ($text) = @_;

    return { $text =~ /^admission_(\S+)\s+(\S+)$/mg };
}


# One metric, summed over the series that have these labels.
sub metric {
    my ($self, $name, %label) = @_;

    return sum_of($self->metrics, $name, %label);
}


sub sum_of {
    my ($metrics, $name, %label) = @_;

    my $sum = 0;

    for my $series (grep { /^\Q$name\E(?:\{|$)/ } keys %$metrics) {
        next if grep { $series !~ /[{,]$_="\Q$label{$_}\E"/ } keys %label;
        $sum += $metrics->{$series};
    }

    return $sum;
}


sub wait_metric {
    my ($self, $name, $value, $seconds) = @_;

    my $is;

    wait_for(sub { ($is = $self->metric($name)) == $value }, $seconds);

    return $is;
}


# What the probe and the late keeper wrote since a mark, by the argument "id"
# of the request: { ID => ["a: check", ..., "store: give back"] }
sub calls {
    my ($self, $mark) = @_;

    my (%calls, %id);

    for (split /\n/, $self->since($mark)) {
        my ($connection) = /\[\w+\] (\d+#\d+: \*\d+) /;

        $id{$connection} = $1 if $connection && /request: "\S+ \S*[?&]id=(\w+)/;

        if (/ probe (\w+: .*?)(?: while |, client:|$)/) {
            push @{ $calls{ $id{$connection} } }, $1;

        } elsif (/late keeper: give back "[^"]*-(\w+)"/) {
            push @{ $calls{$1} }, 'store: give back';
        }
    }

    return \%calls;
}


# Tests the calls of one request; they may be a moment on their way.
sub calls_are {
    my ($self, $mark, $id, $expected, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $get = sub { join '; ', @{ $self->calls($mark)->{$id} // [] } };

    return becomes($get, join('; ', @$expected), $name);
}


# Each step was ended exactly once: by a settlement, a give-back, or its own
# refusal.  To be asked when all requests are over.
sub balanced {
    my ($self) = @_;

    my %sum;
    my $calls = $self->calls(0);

    for my $id (keys %$calls) {
        for (@{ $calls->{$id} }) {
            my ($name, $call) = /^(\w+): (.*)/;

            $sum{$id}{$name} += $call eq 'check' ? 1
                : $call =~ /^(?:settle|give back|conclude (?!granted))/ ? -1
                : 0 if $name ne 'store';
        }
    }

    my @wrong = map { my $id = $_; map { "$id/$_" }
                      grep { $sum{$id}{$_} } keys %{ $sum{$id} } } keys %sum;

    return Test::More::is("@wrong", '', 'every step was ended exactly once');
}


# The end

# Stops nginx by this signal; true if it went in time.
sub stop {
    my ($self, $signal, $seconds) = @_;

    my $pid = $self->{pid} or return 1;

    $self->signal($signal // 'QUIT');
    wait_for(sub { waitpid($pid, POSIX::WNOHANG()) != 0 }, $seconds)
        or return 0;

    delete $running{$pid};
    undef $self->{pid};

    return 1;
}


# Stops nginx and tests that it left no complaints.
sub finish {
    my ($self, %option) = @_;

    my @allow = @{ $option{allow} // [] };
    my $stopped = $self->stop;

    Test::More::ok($stopped, 'nginx exits when it is told to');
    $self->_kill unless $stopped;

    my @bad = grep { my $line = $_; !grep { $line =~ $_ } @allow }
              grep { /$BAD/ }
              split /\n/, $self->log_text . slurp("$self->{dir}/output");

    Test::More::is(join("\n", @bad), '', 'no complaints in the error log');

    my @reports = grep { !$self->{reports}{$_} } _reports();

    Test::More::is(join("\n", map { slurp($_) } @reports), '',
        'no findings of the sanitizers');

    return;
}


sub _reports {
    my $prefix = $ENV{ADM_SANITIZER_LOG} or return;

    return glob "$prefix.*";
}


sub _kill {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;
    my @workers = _children($pid, qr/nginx/);

    kill 'KILL', $pid, @workers;
    waitpid $pid, 0;
    delete $running{$pid};

    return;
}


sub DESTROY {
    my ($self) = @_;

    local ($?, $!, $@);
    $self->_kill if $$ == $owner;

    return;
}


END {
    my $status = $?;
    if ($$ == $owner) { $_->_kill for values %running }
    $? = $status;
}


1;
