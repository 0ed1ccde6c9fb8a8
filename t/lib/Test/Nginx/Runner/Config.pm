package Test::Nginx::Runner::Config;

# The text of nginx.conf for one block: the block's own sections in the frame
# that Test::Nginx documents (one server on the test port, logs and temporary
# files under the server root, "location /" for html/ unless switched off).
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);

use Test::Nginx::Runner::Util qw(section expand bail_out);

our @EXPORT_OK = qw(nginx_conf);

# the order of the temporary paths, and the option that leaves each out
my @TEMP_PATHS = (
    [client_body => undef],
    [proxy       => 'http_proxy_module'],
    [fastcgi     => 'http_fastcgi_module'],
    [scgi        => 'http_scgi_module'],
    [uwsgi       => 'http_uwsgi_module'],
);

my @PASSED_ENV = qw(
    LD_PRELOAD LD_LIBRARY_PATH MOCKEAGAIN MOCKEAGAIN_VERBOSE
    MOCKEAGAIN_WRITE_TIMEOUT_PATTERN ASAN_OPTIONS
);


# $case: block, name, ports, config (expanded), log_level, http2, hup,
# config_version; $build: what "nginx -V" said.
sub nginx_conf {
    my ($settings, $build, $case) = @_;

    my %part = map { $_ => _section_text($settings, $case, $_) }
               qw(main_config http_config post_main_config);

    if (my $filter = $settings->value('config_filter')) {
        $part{http_config} = $filter->($part{http_config});
    }

    return join '', _main_part($settings, $case, $part{main_config}),
        _http_part($settings, $build, $case, $part{http_config}),
        "\n$part{post_main_config}\n",
        _events_part($settings);
}


sub _section_text {
    my ($settings, $case, $section) = @_;

    my $text = section($case->{block}, $section) // '';

    if ($section eq 'main_config') {
        my @modules = grep { length } split /\s+/,
                      $settings->value('load_modules');
        $text = join ' ', (map { "load_module $_;" } @modules), $text;
    }

    return expand($text, $case->{name}, $case->{ports}, $settings);
}


sub _main_part {
    my ($settings, $case, $main_config) = @_;

    my $user = $settings->value('worker_user')
               // ($> == 0 ? 'root' : undef);
    my @env = (@PASSED_ENV, map { /\s/ ? "'$_'" : $_ }
               @{ $settings->value('env_names') });
    my $master = $case->{hup} ? 'on' : $settings->value('master');

    return join "\n",
        'worker_processes ' . $settings->value('workers') . ';',
        'daemon on;',
        "master_process $master;",
        'error_log ' . $settings->error_log . " $case->{log_level};",
        'pid ' . $settings->pid_file . ';',
        defined $user ? "user $user;" : (),
        (map { "env $_;" } @env),
        '', $main_config, '';
}


sub _http_part {
    my ($settings, $build, $case, $http_config) = @_;

    my @frame = (
        'access_log ' . $settings->access_log . ';',
        _temp_paths($settings, $build, $http_config),
        'default_type text/plain;',
        'keepalive_timeout 68000ms;',
        _postpone($settings, $http_config),
    );

    return join "\n", 'http {', (map { "    $_" } @frame), '', $http_config,
        _test_server($settings, $build, $case),
        $case->{hup} ? _version_server($settings, $build, $case) : (),
        '}', '';
}


sub _temp_paths {
    my ($settings, $build, $http_config) = @_;

    my @lines;

    for (@TEMP_PATHS) {
        my ($kind, $module) = @$_;

        next if defined $module && $build->{text} =~ /--without-$module/;
        next if $http_config =~ /\b${kind}_temp_path\b/;

        push @lines, "${kind}_temp_path " . $settings->root
                     . "/${kind}_temp;";
    }

    return @lines;
}


sub _postpone {
    my ($settings, $http_config) = @_;

    my $size = $settings->value('postpone_output');

    return () if !defined $size || $http_config =~ /\bpostpone_output\b/;

    bail_out("TEST_NGINX_POSTPONE_OUTPUT is no number: $size")
        if $size !~ /^\d+$/;

    return "postpone_output $size;";
}


sub _test_server {
    my ($settings, $build, $case) = @_;

    my $name = section($case->{block}, 'server_name')
               // $settings->value('server_name');
    $name =~ s/([\\'])/\\$1/g;

    my $root_location = $settings->value('root_location')
        ? "    location / {\n            root " . $settings->html_dir
          . ";\n            index index.html index.htm;\n        }"
        : '';

    return join "\n", '    server {',
        '        ' . _listen($settings, $build, $case),
        "        server_name '$name';",
        '        client_max_body_size 30M;',
        $settings->value('preamble'),
        $case->{config},
        "    $root_location",
        '    }';
}


sub _listen {
    my ($settings, $build, $case) = @_;

    my $options = '';
    my $http2 = '';

    if ($case->{http2}) {
        if ($build->{http2_directive}) {
            $http2 = ' http2 on;';

        } else {
            $options .= ' http2';
        }
    }

    $options .= ' reuseport' if $settings->value('reuse_port');

    return 'listen ' . $settings->value('port') . "$options;$http2";
}


# How the runner sees that a reload has come into force.
sub _version_server {
    my ($settings, $build, $case) = @_;

    return join "\n", '    server {',
        '        ' . _listen($settings, $build, $case),
        "        server_name 'Test-Nginx';",
        "        location = /ver { return 200 '$case->{config_version}'; }",
        '    }';
}


sub _events_part {
    my ($settings) = @_;

    my $type = $settings->value('event_type');

    return join "\n", 'events {',
        '    accept_mutex off;',
        '    worker_connections '
            . $settings->value('worker_connections') . ';',
        $type ? "    use $type;" : (),
        '}', '';
}


1;
