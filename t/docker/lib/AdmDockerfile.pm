package AdmDockerfile;

# Reads the part of the Dockerfile language that docker/Dockerfile uses, and
# dies, with the line, of anything else: what is not understood is not built.
#
#     my $stages = AdmDockerfile::parse($text);
#     # [{ name, base, steps => [{ word, line, text, ... }] }]
#
# A step has what its instruction says: COPY { from, chown, chmod, sources,
# target }, ENV and ARG { pairs }, CMD and ENTRYPOINT { command },
# HEALTHCHECK { command, flags }, the others { value }.
#
# Reference: https://docs.docker.com/reference/dockerfile/
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use JSON::PP ();

my %READ = (
    FROM        => \&_from,
    RUN         => \&_run,
    COPY        => \&_copy,
    ENV         => \&_env,
    ARG         => \&_env,
    WORKDIR     => \&_path,
    USER        => \&_word,
    EXPOSE      => \&_ports,
    STOPSIGNAL  => \&_signal,
    HEALTHCHECK => \&_healthcheck,
    CMD         => \&_command,
    ENTRYPOINT  => \&_command,
);

my %FLAGS = (
    COPY        => [qw(from chown chmod)],
    HEALTHCHECK => [qw(interval timeout start-period retries)],
);


sub parse {
    my ($text) = @_;

    my (@stages, %named);

    for my $step (_instructions($text)) {
        _read($step);

        if ($step->{word} eq 'FROM') {
            $step->{base_stage} = $named{ $step->{base} };
            $named{ $step->{name} } = $step->{name};
            push @stages, { %$step, steps => [] };
            next;
        }

        _fail($step, 'stands before FROM') if !@stages;
        _fail($step, "there is no stage \"$step->{from}\" above")
            if defined $step->{from} && !$named{ $step->{from} };

        push @{ $stages[-1]{steps} }, $step;
    }

    die "Dockerfile: there is no FROM\n" if !@stages;

    return \@stages;
}


# Lines put together: a backslash at the end goes on, and comments between
# such lines are left out.
sub _instructions {
    my ($text) = @_;

    my (@steps, $open);
    my $n = 0;

    for my $line (split /\n/, $text) {
        $n++;

        die "Dockerfile, line $n: parser directives are not understood\n"
            if $line =~ /^#\s*(?:syntax|escape|check)\s*=/i;
        next if $line =~ /^\s*#/ || !$open && $line =~ /^\s*$/;

        my $more = $line =~ s/\\\s*$//;

        if ($open) {
            $open->{text} .= $line;
        } else {
            $open = { line => $n, text => $line };
            push @steps, $open;
        }

        undef $open if !$more;
    }

    return @steps;
}


sub _fail {
    my ($step, $why) = @_;

    die "Dockerfile, line $step->{line}: ", $step->{word} // '', " $why\n";
}


sub _read {
    my ($step) = @_;

    my ($word, $rest) = $step->{text} =~ /^\s*(\w+)\s+(.*?)\s*$/s
        or _fail($step, 'is no instruction');

    $step->{word} = uc $word;

    my $read = $READ{ uc $word } or _fail($step, 'is not understood');

    _fail($step, 'with a here-document is not understood') if $rest =~ /<</;

    $rest = _flags($step, $rest);
    $read->($step, $rest);

    return;
}


sub _flags {
    my ($step, $rest) = @_;

    while ($rest =~ s/^--(\S+)\s+//) {
        my ($name, $value) = split /=/, $1, 2;

        _fail($step, "--$name is not understood")
            if !defined $value || !grep { $_ eq $name }
                                   @{ $FLAGS{ $step->{word} } // [] };
        $step->{flags}{$name} = $value;
    }

    return $rest;
}


# Docker would put values in, we do not.
sub _plain {
    my ($step, $text) = @_;

    _fail($step, 'with a variable or quotes is not understood')
        if $text =~ /[\$"'\\]/;

    return $text;
}


sub _from {
    my ($step, $rest) = @_;

    ($step->{base}, $step->{name})
        = _plain($step, $rest) =~ /^(\S+)\s+AS\s+([a-z][a-z0-9-]*)$/i
        or _fail($step, 'must be "FROM image AS name"');

    return;
}


sub _run {
    my ($step, $rest) = @_;

    _fail($step, 'as a list is not understood') if $rest =~ /^\[/;
    $step->{value} = $rest;

    return;
}


sub _copy {
    my ($step, $rest) = @_;

    my @words = split ' ', _plain($step, $rest);

    _fail($step, 'needs a source and a target') if @words < 2;
    _fail($step, 'with a pattern or a list is not understood')
        if $rest =~ /[*?\[]/;
    _fail($step, 'out of the context is not understood')
        if grep { m{(?:^|/)\.\.(?:/|$)} } @words;

    $step->{target} = pop @words;
    $step->{sources} = \@words;
    $step->{$_} = $step->{flags}{$_} for qw(from chown chmod);

    _fail($step, 'of several needs a target with "/" at the end')
        if @words > 1 && $step->{target} !~ m{/$};

    return;
}


sub _env {
    my ($step, $rest) = @_;

    my %pairs = map { /^(\w+)=(.*)$/ ? ($1 => $2)
                      : _fail($step, 'must be NAME=VALUE') }
                split ' ', _plain($step, $rest);

    $step->{pairs} = \%pairs;

    return;
}


sub _path {
    my ($step, $rest) = @_;

    $step->{value} = _plain($step, $rest);
    _fail($step, 'must be an absolute path') if $rest !~ m{^/\S*$};

    return;
}


sub _word {
    my ($step, $rest) = @_;

    $step->{value} = _plain($step, $rest);
    _fail($step, 'must be one word') if $rest !~ /^\S+$/;

    return;
}


sub _ports {
    my ($step, $rest) = @_;

    $step->{value} = [ split ' ', $rest ];
    _fail($step, 'must be ports') if grep { !/^\d+$/ } @{ $step->{value} };

    return;
}


sub _signal {
    my ($step, $rest) = @_;

    ($step->{value}) = $rest =~ /^SIG([A-Z]+[12]?)$/
        or _fail($step, 'must be the name of a signal');

    return;
}


sub _healthcheck {
    my ($step, $rest) = @_;

    $rest =~ s/^CMD\s+// or _fail($step, 'must be CMD and a list');

    return _command($step, $rest);
}


sub _command {
    my ($step, $rest) = @_;

    my $list = eval { JSON::PP::decode_json($rest) };

    _fail($step, 'must be a list of strings')
        if ref $list ne 'ARRAY' || !@$list || grep { ref } @$list;
    $step->{command} = $list;

    return;
}


1;
