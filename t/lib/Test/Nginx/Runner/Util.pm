package Test::Nginx::Runner::Util;

# Small things that every part of the runner needs: reading a section,
# durations, $TEST_NGINX_* in texts, files, and the ways to complain.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);
use Test::Builder ();
use Test::Nginx::Runner::Settings ();

our @EXPORT_OK = qw(
    section seconds patterns expand read_file write_file one_line
    version_number bail_out extra_failure skip_tests
);

# what has to be put away before a run is given up
our @BeforeBailOut;


# The value of a block's section, or undef.
sub section {
    my ($block, $name) = @_;

    return scalar $block->$name;
}


# "200ms", "2s" and "0.2" as seconds
sub seconds {
    my ($text) = @_;

    return undef if !defined $text;
    return $1 / 1000 if $text =~ /^\s*([\d.]+)\s*ms\s*$/;
    return $1 + 0 if $text =~ /^\s*([\d.]+)\s*s?\s*$/;

    return $text;
}


# The patterns of a section: one a line, or one regex, or a list of both.
sub patterns {
    my ($value) = @_;

    return () if !defined $value;
    return grep { defined } @$value if ref $value eq 'ARRAY';
    return $value if ref $value;
    return grep { length } split /\n+/, $value;
}


# A text with each $TEST_NGINX_NAME replaced by that environment variable,
# and each $TEST_NGINX_RAND_PORT_N by a free port, the same within $ports.
sub expand {
    my ($text, $name, $ports, $settings) = @_;

    return $text if !defined $text || ref $text;

    $text =~ s{\$(TEST_NGINX_[_A-Z0-9]+)}
              {_variable($1, $name, $ports, $settings)}eg;

    return $text;
}


sub _variable {
    my ($variable, $name, $ports, $settings) = @_;

    if ($variable =~ /^TEST_NGINX_RAND_PORT_\d+$/) {
        return $ports->{$variable} if defined $ports->{$variable};

        my $port = _port_beside($ports, $settings)
            // bail_out("$name - no free port for $variable");

        return $ports->{$variable} = $port;
    }

    return $ENV{$variable} // bail_out("$name - the environment variable"
        . " $variable is used but not set (a test file may set it)");
}


sub _port_beside {
    my ($ports, $settings) = @_;

    my %taken = map { $_ => 1 } $settings->value('port'), values %$ports;

    return Test::Nginx::Runner::Settings::random_port(\%taken,
        $settings->value('server_addr'));
}


sub read_file {
    my ($path) = @_;

    open my $in, '<:raw', $path or return undef;
    local $/;

    return scalar(<$in>) // '';
}


sub write_file {
    my ($path, $text) = @_;

    open my $out, '>:raw', $path or bail_out("cannot write $path: $!");
    print {$out} $text;
    close $out or bail_out("cannot write $path: $!");

    return;
}


sub one_line {
    my ($text) = @_;

    chomp $text;
    $text =~ s/\r/\\r/g;
    $text =~ s/\n/\\n/g;

    return $text;
}


# "1.22.1" as a number to compare
sub version_number {
    my ($major, $minor, $patch) = split /\./, $_[0];

    return ($major * 1000 + $minor) * 1000 + $patch;
}


sub bail_out {
    my (@message) = @_;

    while (my $action = shift @BeforeBailOut) {
        $action->();
    }

    return Test::Builder->new->BAIL_OUT(join '', @message);
}


# A failure beyond the tests of the plan.  It is reported only when there is
# something to report: a clean run has exactly the planned tests.
sub extra_failure {
    my ($name, @details) = @_;

    my $builder = Test::Builder->new;

    $builder->ok(0, $name);
    $builder->diag($_) for @details;

    return;
}


sub skip_tests {
    my ($count, $reason) = @_;

    Test::Builder->new->skip($reason) for 1 .. $count;

    return;
}


1;
