package Test::Nginx::Runner::Health;

# What must hold after every block without its saying so.
#
# Contract: an [alert] in error.log that none of the block's error_log
# patterns names, a failed assertion, a word of a sanitizer there, or a new
# report file under the prefix in ADM_SANITIZER_LOG, is one extra failing
# test.  Nothing is reported otherwise, so that planned counts stay right.
# A line written while nginx ends counts for the last block it served; after
# a reload, what old workers still write counts for the next block.  Runs in
# parallel with one prefix may report one another's files.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Test::Nginx::Runner::Logs qw(holds);
use Test::Nginx::Runner::Util
    qw(section patterns read_file extra_failure);

# as many lines are shown of what was found
my $SHOWN_LINES = 20;

my $ALERT = qr/\[alert\]/;
my $BROKEN = qr/Sanitizer|runtime error:|\bAssertion .*failed\b/;
my $WORTH_A_WARNING = qr/\[(crit|emerg)\]/;


sub new {
    my ($class, $settings) = @_;

    my $self = bless { settings => $settings, position => 0 }, $class;

    $self->{known_reports} = { map { $_ => 1 } $self->_report_files };

    return $self;
}


# when error.log is a new file
sub forget_log {
    my ($self) = @_;

    $self->{position} = 0;

    return;
}


sub check {
    my ($self, $case, $when) = @_;

    my @lines = $self->_new_lines;
    my @bad = grep { _is_bad($case, $_) } @lines;

    _warn_of_grave_lines($case, @lines);

    extra_failure("$case->{name} - error.log is clean ($when)",
                  _first(@bad)) if @bad;

    $self->_check_reports($case, $when);

    return;
}


sub _is_bad {
    my ($case, $line) = @_;

    return 1 if $line =~ $BROKEN;
    return 0 if $line !~ $ALERT;

    return !grep { holds($line, $_) } _expected($case->{block}, 'error_log'),
           _expected($case->{block}, 'shutdown_error_log');
}


sub _expected {
    my ($block, $name) = @_;

    return patterns(section($block, $name));
}


sub _warn_of_grave_lines {
    my ($case, @lines) = @_;

    my @named = _expected($case->{block}, 'error_log');

    for my $line (@lines) {
        next if $line !~ $WORTH_A_WARNING;

        my $level = $1;
        next if grep { index($_, "[$level") >= 0 || holds($line, $_) } @named;

        warn "WARNING: $case->{name} - $line";
    }

    return;
}


# whole lines only: the rest of a line may still be on its way
sub _new_lines {
    my ($self) = @_;

    open my $in, '<:raw', $self->{settings}->error_log or return ();
    seek $in, $self->{position}, 0;

    my @lines;

    while (my $line = <$in>) {
        last if $line !~ /\n\z/;

        push @lines, $line;
        $self->{position} = tell $in;
    }

    return @lines;
}


sub _check_reports {
    my ($self, $case, $when) = @_;

    for my $file ($self->_report_files) {
        next if $self->{known_reports}{$file}++;

        my @lines = split /^/m, read_file($file) // '';

        extra_failure("$case->{name} - no sanitizer report ($when)",
                      "$file:\n", _first(@lines));
    }

    return;
}


sub _report_files {
    my ($self) = @_;

    my $prefix = $self->{settings}->value('sanitizer_log');

    return () if !defined $prefix || !length $prefix;

    my ($dir, $start) = $prefix =~ m{^(.*/)?([^/]*)\z}s;
    $dir //= './';

    opendir my $handle, $dir or return ();

    return map { "$dir$_" } grep { index($_, $start) == 0 && -f "$dir$_" }
           sort readdir $handle;
}


sub _first {
    my (@lines) = @_;

    return @lines > $SHOWN_LINES ? @lines[0 .. $SHOWN_LINES - 1] : @lines;
}


1;
