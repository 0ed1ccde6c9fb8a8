package Test::Nginx::Runner::Logs;

# The sections about error.log and access.log.
#
# Contract: a pattern is a text that a line holds or a regex that a line
# matches; each pattern is one test.  error_log, no_error_log and
# grep_error_log look at what nginx wrote since the check before within the
# block (since its beginning with check_accum_error_log), after a short wait
# for what is logged behind the response; access_log looks at all of it.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);
use Test::Builder ();
use Time::HiRes qw(sleep);

use Test::Nginx::Runner::Compare qw(compare_text);
use Test::Nginx::Runner::Util
    qw(section patterns expand one_line skip_tests bail_out);

our @EXPORT_OK = qw(holds);

my @ERROR_SECTIONS = qw(error_log no_error_log grep_error_log);
my @ACCESS_SECTIONS = qw(access_log no_access_log);


sub new {
    my ($class, $settings) = @_;

    return bless { settings => $settings, position => 0 }, $class;
}


# true if the line holds the text, or matches the regex
sub holds {
    my ($line, $pattern) = @_;

    return ref $pattern ? $line =~ /$pattern/ : index($line, $pattern) >= 0;
}


# at the beginning of a block
sub rewind {
    my ($self) = @_;

    $self->{position} = 0;

    return;
}


sub check_error_log {
    my ($self, $case, $round) = @_;

    my $block = $case->{block};

    bail_out("$case->{name} - grep_error_log_out without grep_error_log")
        if defined section($block, 'grep_error_log_out')
           && !defined section($block, 'grep_error_log');

    return if !grep { defined section($block, $_) } @ERROR_SECTIONS;

    my $lines = $self->_new_error_lines;

    $self->_check_grep($case, $lines, $round);
    _check_present($case, 'error_log', $lines, "(req $round)");
    _check_absent($case, 'no_error_log', $lines, "(req $round)");

    return;
}


sub check_access_log {
    my ($self, $case, $round) = @_;

    return if !grep { defined section($case->{block}, $_) } @ACCESS_SECTIONS;

    sleep $self->{settings}->value('log_delay');

    my ($lines) = _lines_from($self->{settings}->access_log, 0);

    _check_present($case, 'access_log', $lines, "(req $round)");
    _check_absent($case, 'no_access_log', $lines, "(req $round)");

    return;
}


# What nginx wrote when it ended; a reload leaves nothing to look at.
sub check_shutdown_log {
    my ($self, $case, $ended) = @_;

    for my $name (qw(shutdown_error_log no_shutdown_error_log)) {
        my @patterns = patterns(section($case->{block}, $name)) or next;

        if (!$ended) {
            skip_tests(scalar @patterns, "$case->{name} - $name: no shutdown");
            next;
        }

        my $lines = $self->{shutdown_lines} //= $self->_new_error_lines;
        my $check = $name =~ /^no_/ ? \&_check_absent : \&_check_present;

        $check->($case, $name, $lines, '');
    }

    delete $self->{shutdown_lines};

    return;
}


sub _new_error_lines {
    my ($self) = @_;

    sleep $self->{settings}->value('log_delay');

    my $from = $self->{settings}->value('accumulate_log')
               ? 0 : $self->{position};
    my ($lines, $end) = _lines_from($self->{settings}->error_log, $from);

    $self->{position} = $end;

    return $lines;
}


sub _lines_from {
    my ($path, $position) = @_;

    open my $in, '<:raw', $path or return ([], $position);
    seek $in, $position, 0;

    my @lines = <$in>;

    return (\@lines, tell $in);
}


sub _check_present {
    my ($case, $name, $lines, $which) = @_;

    for my $pattern (patterns(section($case->{block}, $name))) {
        my $found = grep { holds($_, $pattern) } @$lines;

        Test::Builder->new->ok($found, "$case->{name} - $name: a line has"
                                       . " \"$pattern\" $which");
    }

    return;
}


sub _check_absent {
    my ($case, $name, $lines, $which) = @_;

    my $builder = Test::Builder->new;

    for my $pattern (patterns(section($case->{block}, $name))) {
        my @found = grep { holds($_, $pattern) } @$lines;
        my $shown = one_line($pattern);

        $builder->ok(!@found, "$case->{name} - $name: no line has"
                              . " \"$shown\" $which");
        $builder->diag(map { "    $_" } @found > 10 ? @found[0 .. 9] : @found)
            if @found;
    }

    return;
}


# What grep_error_log matches in each line, one a line.
sub _check_grep {
    my ($self, $case, $lines, $round) = @_;

    my $block = $case->{block};
    my $pattern = _of_round(section($block, 'grep_error_log'), $round)
                  // return;
    my $expected = section($block, 'grep_error_log_out')
        // bail_out("$case->{name} - grep_error_log without"
                    . ' grep_error_log_out');

    $expected = _of_round(expand($expected, $case->{name}, $case->{ports},
                                 $self->{settings}), $round);

    my $regex = ref $pattern ? $pattern : qr/\Q$pattern\E/;
    my $got = join '', map { /$regex/ && $& !~ /\n/ ? "$&\n" : () } @$lines;

    compare_text($self->{settings}, $got, $expected,
                 "$case->{name} - grep_error_log_out (req $round)");

    return;
}


sub _of_round {
    my ($value, $round) = @_;

    return ref $value eq 'ARRAY' ? $value->[$round] : $value;
}


1;
