#!/usr/bin/perl

# What stands in docker/ has to fit together, and with the rest: an engine
# that waits less long than nginx drains cuts off orders; a target that no
# port listens on, or a rule about a metric that nobody exports, is silent for
# ever; packages that ./dev needs and the image has not are installed anew
# with every build.
#
# Needs docker-compose (or the plugin of docker), promtool and YAML::XS; no
# engine.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::RealBin/lib";
use Test::More;

use JSON::PP ();
use YAML::XS ();

use AdmDockerfile ();


chdir "$FindBin::RealBin/../.." or die "cannot enter the root: $!\n";

# YAML's true is no string
$YAML::XS::Boolean = 'JSON::PP';

my %stage = map { $_->{name} => $_ }
            @{ AdmDockerfile::parse(text('docker/Dockerfile')) };


sub text {
    my ($file) = @_;

    open my $in, '<', $file or die "cannot read $file: $!\n";
    local $/;

    return scalar <$in>;
}


sub succeeds {
    my ($name, @command) = @_;

    my $said = qx(@command 2>&1);

    return is($?, 0, $name) || diag($said);
}


# seconds of "35s"
sub seconds { return $_[0] =~ /^(\d+)s$/ ? $1 : die "no seconds: $_[0]\n" }


# The last step of a kind.
sub says {
    my ($name, $word) = @_;

    return (grep { $_->{word} eq $word } @{ $stage{$name}{steps} })[-1];
}


# by the client that is here, as itself has understood it
sub composed {
    my $client = system('docker compose version > /dev/null 2>&1') == 0
        ? 'docker compose' : 'docker-compose';

    succeeds('compose.yml is taken',
        "$client -f docker/compose.yml config -q");

    return YAML::XS::Load(scalar
        qx($client -f docker/compose.yml config 2> /dev/null));
}


sub services {
    my ($services) = @_;

    my %published;

    for my $name (sort keys %$services) {
        my $service = $services->{$name};
        my $target = $service->{build}{target};

        ok($stage{$target}, "$name: its target $target is a stage");

        my %exposed = map { $_ => 1 } @{ says($target, 'EXPOSE')->{value} };

        for my $port (@{ $service->{ports} // [] }) {
            my ($address, $outer, $inner) = ref $port
                ? @$port{qw(host_ip published target)}
                : $port =~ /^(\S+):(\d+):(\d+)/;

            is($address, '127.0.0.1', "$name: $outer is for this machine");
            ok($exposed{$inner}, "$name: something listens on $inner");
            ok(!$published{$outer}++, "$name: $outer is published once");
        }
    }

    return;
}


sub stops {
    my ($services) = @_;

    my ($drain) = text('docker/nginx.conf')
        =~ /^worker_shutdown_timeout (\w+);/m;
    my @edges = grep { $services->{$_}{build}{target} eq 'edge'
                       && !$services->{$_}{command} } keys %$services;

    is(@edges, 2, 'two edges');
    is(says('edge', 'STOPSIGNAL')->{value}, 'QUIT', 'which drain');
    cmp_ok(seconds($services->{$_}{stop_grace_period}), '>', seconds($drain),
        "$_: the engine waits longer than nginx drains") for @edges;

    my ($connections) = text('docker/nginx.conf')
        =~ /worker_connections (\d+);/;

    cmp_ok($services->{$_}{ulimits}{nofile}, '>=', 2 * $connections,
        "$_: enough files for its connections, and those to the origin")
        for @edges;

    return @edges;
}


# No rule and no document of ours speaks of a metric that is not there.
sub metrics {
    my %known = map { $_ => 1 }
        text('docs/directives.md') =~ /^\| `(admission_\w+)` \|/mg;

    for my $file (qw(docker/alerts.yml t/docker/alerts.test.yml)) {
        my %named = map { $_ => 1 }
                    text($file) =~ /\b(admission_\w+)/g;
        my @unknown = grep { !$known{ s/_(?:bucket|sum|count)$//r } }
                      sort keys %named;

        ok(scalar(keys %named), "$file: names metrics");
        is("@unknown", '', "$file: which there are");
    }

    return;
}


sub alerts {
    my $rules = YAML::XS::LoadFile('docker/alerts.yml')->{groups}[0]{rules};
    my $tests = YAML::XS::LoadFile('t/docker/alerts.test.yml')->{tests};
    my $deploy = text('docs/deploy.md');
    my %fires;

    for my $test (map { @{ $_->{alert_rule_test} } } @$tests) {
        $fires{ $test->{alertname} } ||= @{ $test->{exp_alerts} // [] };
    }

    for my $name (map { $_->{alert} } @$rules) {
        ok($fires{$name}, "$name: a test sees it fire");
        like($deploy, qr/^\| `$name` \|/m, "$name: is explained");
    }

    return;
}


sub scraped {
    my ($services) = @_;

    my $config = YAML::XS::LoadFile('docker/prometheus.yml');
    my ($job) = @{ $config->{scrape_configs} };
    my @targets = map { @{ $_->{targets} } } @{ $job->{static_configs} };

    is($job->{job_name}, 'admission', 'the job that the rules speak of');

    for my $target (@targets) {
        my ($name, $port) = split /:/, $target;

        ok($services->{$name}, "$target: is a service");
        ok(grep({ $_ == $port } @{ says('edge', 'EXPOSE')->{value} }),
            "$target: at a port that it has");
    }

    return scalar @targets;
}


# The image has what ./dev build needs, so that it installs nothing itself.
sub packages {
    my ($list) = text('dev') =~ /^build_packages=\(([^)]*)\)/m;
    my ($run) = map { $_->{value} } grep { $_->{word} eq 'RUN' }
                @{ $stage{build}{steps} };
    my %installed = map { $_ => 1 } split ' ', $run;
    my @missing = grep { !$installed{$_} } split ' ', $list;

    return is("@missing", '', 'the stage "build" has what ./dev build needs');
}


my $services = composed()->{services};

services($services);
is(scraped($services), scalar(stops($services)), 'all edges are scraped');
packages();

succeeds('prometheus.yml and the rules',
    'promtool check config docker/prometheus.yml');
succeeds('the rules, on made-up evenings',
    'promtool test rules t/docker/alerts.test.yml');
metrics();
alerts();

done_testing();
