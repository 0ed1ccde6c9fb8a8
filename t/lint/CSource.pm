package CSource;

# A C source file as the style checks want to see it: lines, the same lines
# with comments and literals blotted out, and what is known of each line.
#
# This is not a parser.  It counts braces and parentheses outside of comments,
# literals and preprocessor lines, takes the first branch of an #if for the
# truth about nesting, and starts anew at each brace in the first column.
# Code that hides braces in macros, or that is not laid out by lines at all,
# is misread; the checks are calibrated on sources where this is rare.
#
# Lines are numbered from 0 here; a check adds 1 when it reports.

use strict;
use warnings;


sub new {
    my ($class, $name, $text) = @_;

    my $self = bless { name => $name, text => $text }, $class;

    my $marked = blot_out($text);

    $self->{raw} = split_lines($text);
    $self->{marked} = split_lines($marked);
    $self->{code} = [ map { tr/\x01/ /r =~ s/\s+$//r } @{$self->{marked}} ];

    find_preprocessor($self);
    find_nesting($self);
    find_functions($self);

    return $self;
}


# Comments become \x01 and the inside of literals x, of the same length, so
# that columns stay what they are.

sub blot_out {
    my ($text) = @_;

    $text =~ s{
        ( /\* .*? (?: \*/ | \z )
        | // [^\n]* )
        | " ( (?: [^"\\\n] | \\. )* ) "
        | ' ( (?: [^'\\\n] | \\. )* ) '
    }{
        defined $1 ? $1 =~ tr/\n/\x01/cr
        : defined $2 ? '"' . $2 =~ tr/\n/x/cr . '"'
        : "'" . $3 =~ tr/\n/x/cr . "'"
    }gesx;

    return $text;
}


sub split_lines {
    my ($text) = @_;

    my @lines = split /\n/, $text, -1;
    pop @lines if @lines && $lines[-1] eq '';

    return \@lines;
}


# pp: this line is part of a preprocessor directive

sub find_preprocessor {
    my ($self) = @_;

    my $continued = 0;

    for my $n (0 .. $#{$self->{code}}) {
        my $line = $self->{code}[$n];

        $self->{pp}[$n] = $continued || $line =~ /^\s*#/ ? 1 : 0;
        $continued = $self->{pp}[$n] && $line =~ /\\$/;
    }
}


# depth, paren: how many braces and parentheses are open where a line begins

sub find_nesting {
    my ($self) = @_;

    my ($depth, $paren, @saved) = (0, 0);

    for my $n (0 .. $#{$self->{code}}) {
        my $line = $self->{code}[$n];

        if ($self->{pp}[$n]) {
            ($depth, $paren) = branch($line, \@saved, $depth, $paren);

        } elsif ($line =~ /^[{}]/) {
            ($depth, $paren) = ($line =~ /^\}/ ? 1 : 0, 0);
        }

        $self->{depth}[$n] = $depth;
        $self->{paren}[$n] = $paren;

        next if $self->{pp}[$n];

        $depth += ($line =~ tr/{//) - ($line =~ tr/}//);
        $paren += ($line =~ tr/(//) - ($line =~ tr/)//);
    }
}


# Every branch of an #if starts at the nesting where the #if stands.

sub branch {
    my ($line, $saved, $depth, $paren) = @_;

    if ($line =~ /^\s*#\s*if/) {
        push @$saved, [ $depth, $paren ];

    } elsif ($line =~ /^\s*#\s*el/ && @$saved) {
        ($depth, $paren) = @{$saved->[-1]};

    } elsif ($line =~ /^\s*#\s*endif/) {
        pop @$saved;
    }

    return ($depth, $paren);
}


# A function definition is found by its opening brace; its head is what stands
# above the brace without a blank line between.
#
#     head    first line of the head          name    the function's name
#     open    the line of the brace           static  whether it is static
#     close   the line of the closing brace   text    the head in one line

sub find_functions {
    my ($self) = @_;

    $self->{functions} = [];
    $self->{in_function} = [ (undef) x @{$self->{code}} ];

    for (my $n = 0; $n < @{$self->{code}}; $n++) {
        my $function = function_at($self, $n) or next;

        push @{$self->{functions}}, $function;
        $self->{in_function}[$_] = $function
            for $function->{open} + 1 .. $function->{close} - 1;

        $n = $function->{close};
    }
}


sub function_at {
    my ($self, $n) = @_;

    my $code = $self->{code};

    return if $self->{pp}[$n] || $self->{depth}[$n] != 0;
    return if $code->[$n] !~ /\{$/;

    my $head = head_of($self, $n);
    my $text = join ' ', @{$code}[$head .. $n];

    return if $text =~ /=|^\s*(?:typedef|enum)\b|^[^(]*$/;

    my ($name) = $text =~ /(\w+)\s*\(/ or return;

    return {
        head => $head, open => $n, close => end_of($self, $n), name => $name,
        text => $text, static => $text =~ /\bstatic\b/ ? 1 : 0
    };
}


sub head_of {
    my ($self, $n) = @_;

    while ($n > 0) {
        my $above = $self->{code}[$n - 1];

        last if $above eq '' || $self->{pp}[$n - 1] || $above =~ /[;}]$/;
        $n--;
    }

    return $n;
}


sub end_of {
    my ($self, $n) = @_;

    for my $end ($n + 1 .. $#{$self->{code}}) {
        return $end if $self->{code}[$end] =~ /^\}/;
    }

    return $#{$self->{code}};
}


# Whether a new statement (or declaration, label, brace) begins on this line.

sub begins_statement {
    my ($self, $n) = @_;

    return 0 if $self->{pp}[$n] || $self->{code}[$n] eq '';
    return 0 if $self->{paren}[$n] > 0;

    my $above = $self->code_above($n);

    return $above =~ /(?:[;{}]|^\s*else|^\s*(?:case\b.*|\w+):)$/ ? 1 : 0;
}


# The nearest line of code above, skipping blank, comment and # lines.

sub code_above {
    my ($self, $n) = @_;

    while (--$n >= 0) {
        next if $self->{pp}[$n] || $self->{code}[$n] eq '';
        return $self->{code}[$n];
    }

    return ';';
}


# The line on which the statement that reaches line $n begins.

sub statement_start {
    my ($self, $n) = @_;

    $n-- while $n > 0 && !$self->begins_statement($n);

    return $n;
}


sub is_blank {
    my ($self, $n) = @_;

    return $self->{raw}[$n] =~ /^\s*$/ ? 1 : 0;
}


sub is_comment {
    my ($self, $n) = @_;

    return !$self->is_blank($n) && $self->{code}[$n] eq '' ? 1 : 0;
}


# The declarations that open a function: line, type, gap, stars, name and the
# column of the first star or letter of the name; what follows it (rest); and
# group, which counts the # lines passed.  A line that is no simple declaration
# (a continuation, a pointer to function) is left out.

sub declarations {
    my ($self, $function) = @_;

    my ($group, @found) = (0);

    for my $n ($function->{open} + 1 .. $function->{close} - 1) {

        last if $self->is_blank($n);
        $group++ if $self->{pp}[$n];
        next if !$self->begins_statement($n);

        my $declaration = declaration($self->{code}[$n]) or next;
        push @found, { %$declaration, line => $n, group => $group };
    }

    return @found;
}


# The members of each struct, in runs without a blank or # line between.

sub members {
    my ($self) = @_;

    my (@blocks, @run);
    my $inside = 0;

    for my $n (0 .. $#{$self->{code}}) {

        my $line = $self->{code}[$n];

        $inside = 1 if $line =~ /^(?:typedef )?struct\b[^(;]*\{$/;
        $inside = 0 if $line =~ /^\}/;

        if (!$inside || $self->is_blank($n) || $self->{pp}[$n]) {
            push @blocks, [ @run ] if @run;
            @run = ();
            next;
        }

        next if $self->{depth}[$n] != 1 || !$self->begins_statement($n);

        my $found = declaration($line) or next;
        push @run, { %$found, line => $n };
    }

    return @blocks;
}


sub declaration {
    my ($line) = @_;

    return if $line !~ /^( \s+ ( (?: \w+ [ ] )* \w+ ) )
                         ( [ ]+ ) ( \** ) ( \w+ ) ( \s* [\[;,=:] .* )? $/x;

    my %found = (type => $2, gap => length $3, stars => $4, name => $5,
                 column => length($1) + length($3), rest => $6 // '');

    return if $found{type} =~ /^(?:return|goto|case|else|typedef)\b/;

    return \%found;
}


1;
