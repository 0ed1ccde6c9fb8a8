#!/usr/bin/perl

# prove t/lint/selftest.t
#
# A check that has never found anything is no evidence.  Here each style check
# and each rule of the floors gets one violation to find, planted in sources
# that are otherwise clean, and has to say the right sentence about the right
# line, and nothing else.
#
#   NGX_SRC, NGX_OBJS   as for t/lint/floors; without them the floors that see
#                       nginx are skipped.  If NGX_SRC holds nginx's .c files
#                       too, the style checks must be nearly silent on them.

use strict;
use warnings;

use File::Path ();
use File::Temp ();
use FindBin ();
use Test::More;


# How many complaints of one check per 1000 lines of nginx are too many: about
# one in 5000 lines.

my $CEILING = 0.22;

my $STYLE = "$FindBin::Bin/style";
my $FLOORS = "$FindBin::Bin/floors";
my $SHELL = "$FindBin::Bin/shell";

my $SCRATCH = File::Temp->newdir();


# Sources without fault

my $SOURCE = <<'END';

/*
 * A sample: what it says does not matter, only how it is written.
 */


#include "ngx_adm_sample.h"


#define NGX_ADM_SAMPLE_MAX  16


static ngx_int_t ngx_adm_sample_step(ngx_adm_sample_t *sample, ngx_uint_t n);


static ngx_uint_t  ngx_adm_sample_sizes[] = { 1, 2, 3 };


/* for ( ;; ) is written so, and "a //string,;" is no comment */

ngx_int_t
ngx_adm_sample(ngx_adm_sample_t *sample, ngx_uint_t max)
{
    u_char        *p;
    ngx_int_t      rc;
    ngx_uint_t     i;
    ngx_queue_t   *q;
    const u_char  *last;

    p = (u_char *) sample->text.data;
    last = p + sample->text.len;

    for (i = 0; i < max; i++) {
        rc = ngx_adm_sample_step(sample, i);

        if (rc == NGX_OK) {
            continue;
        }

        if (rc == NGX_AGAIN
            && p != last)
        {
            sample->count++;
            sample->size += ngx_adm_sample_sizes[i];

        } else {
            return rc;
        }
    }

    q = ngx_queue_head(&sample->queue);

    if (q == NULL || !sample->on) {
        return NGX_DECLINED;
    }

    for ( /* void */ ; p < last; p++) {

        switch (*p) {

        case 'a':
        case 'b':
            goto done;

        default:
            sample->size++;
            break;
        }
    }

done:

    return NGX_OK;
}


static ngx_int_t
ngx_adm_sample_step(ngx_adm_sample_t *sample, ngx_uint_t n)
{
    return (n < NGX_ADM_SAMPLE_MAX) ? NGX_OK : NGX_AGAIN;
}
END

my $HEADER = <<'END';

#ifndef _NGX_ADM_SAMPLE_H_INCLUDED_
#define _NGX_ADM_SAMPLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef enum {
    NGX_ADM_SAMPLE_EVEN = 0,
    NGX_ADM_SAMPLE_ODD
} ngx_adm_sample_e;


typedef struct ngx_adm_sample_s  ngx_adm_sample_t;


struct ngx_adm_sample_s {
    ngx_str_t    text;
    ngx_queue_t  queue;
    ngx_uint_t   count;
    size_t       size;   /* in bytes */
    unsigned     on:1;
};


ngx_int_t ngx_adm_sample(ngx_adm_sample_t *sample, ngx_uint_t max);


#endif /* _NGX_ADM_SAMPLE_H_INCLUDED_ */
END


# A violation for each style check: the check, the file, what is replaced by
# what, the text whose first letter (or whose group's) is on the line to be
# reported, and the sentence.

my $LONG = 'x' x 70;

my ($DECLARATIONS) = $SOURCE =~ /^( {4}u_char .*?\n)\n/ms;

my $STEP = qr/^static ngx_int_t(?: ngx_adm_sample_step\(.*\))?$/m;

my @VIOLATIONS = (
    [ columns => 'c', 'does not matter, only', "does not matter, $LONG, only",
      $LONG, 'the line is wider than 79 columns' ],
    [ tab => 'c', '/* for', "/*\tfor",
      "/*\tfor", 'there is a tab' ],
    [ trailing => 'c', 'i++) {', 'i++) { ',
      'i++) {', 'there is space at the end of the line' ],
    [ cr => 'h', 'text;', "text;\r",
      'text;', 'there is a carriage return' ],
    [ final => 'c', qr/\}\n\z/, '}',
      qr/\n?\Z/, 'no newline ends the file' ],
    [ final => 'c', qr/\}\n\z/, "}\n\n",
      qr/\n(\n)\z/, 'blank lines end the file' ],
    [ blanks => 'c', "\n\n\nstatic ngx_uint_t", "\n\n\n\nstatic ngx_uint_t",
      qr/\n\n\n(\n)static ngx_uint_t/, 'more than two blank lines in a row' ],
    [ slashes => 'c', '/* for ( ;; )', '// for ( ;; )',
      '// for', 'a comment begins with //' ],
    [ indent => 'c', '        rc = ngx_adm', '       rc = ngx_adm',
      'rc = ngx_adm', 'the indent is no multiple of 4' ],
    [ else => 'c', "[i];\n\n", "[i];\n",
      '} else', 'no blank line before "} else"' ],
    [ else => 'c', '        } else {', "        }\n        else {",
      'else {', '"else" stands apart from the brace before it' ],
    [ after => 'c', "rc;\n        }\n    }\n\n", "rc;\n        }\n    }\n",
      qr/rc;\n {8}\}\n( {4}\})/, 'no blank line after the block' ],
    [ apart => 'c', "}\n\n\nstatic", "}\n\nstatic",
      $STEP, 'not two blank lines before ngx_adm_sample_step()' ],
    [ type => 'c', "\nstatic ngx_int_t\n", "\nstatic ngx_int_t ",
      $STEP, 'the type of ngx_adm_sample_step() is not on a line of its own' ],
    [ brace => 'c', "ngx_uint_t n)\n{", 'ngx_uint_t n) {',
      qr/(n\) \{)\n    return/,
      'the brace of ngx_adm_sample_step() is not on a line of its own' ],
    [ keyword => 'c', 'switch (', 'switch(',
      'switch(', 'not one space after "switch"' ],
    [ keyword => 'c', 'for (i', 'for  (i',
      'for  (i', 'not one space after "for"' ],
    [ keyword => 'c', 'if (q', 'if(q',
      'if(q', 'not one space after "if"' ],
    [ condition => 'c', "p != last)\n        {", 'p != last) {',
      'last) {', 'the brace after a condition of several lines is not on a'
                 . ' line of its own' ],
    [ braces => 'c', "NGX_OK) {\n            continue;\n        }",
      "NGX_OK)\n            continue;",
      'rc == NGX_OK)', 'no braces after "if"' ],
    [ parentheses => 'c', '(*p)', '( *p)',
      '( *p)', 'there is space after "("' ],
    [ parentheses => 'c', '(*p)', '(*p )',
      '(*p )', 'there is space before ")"' ],
    [ operator => 'c', "rc == NGX_AGAIN\n            && p",
      "rc == NGX_AGAIN &&\n            p",
      'NGX_AGAIN &&', '"&&" ends a line' ],
    [ cast => 'c', '(u_char *) s', '(u_char *)s',
      '(u_char *)s', 'no space after the cast (u_char *)' ],
    [ cast => 'c', '(u_char *) s', '(u_char*) s',
      '(u_char*) s', 'no space before the star after "(u_char"' ],
    [ punctuation => 'c', 'sample->count++;', 'sample->count++ ;',
      'count++ ;', 'there is space before ";"' ],
    [ punctuation => 'c', '1, 2', '1 , 2',
      '1 , 2', 'there is space before ","' ],
    [ punctuation => 'c', '(sample, i)', '(sample,i)',
      '(sample,i)', 'no space after ","' ],
    [ null => 'c', 'q == NULL', '!q',
      '!q', 'the pointer q is not compared with NULL' ],
    [ aligned => 'c', 'ngx_int_t      rc', 'ngx_int_t     rc',
      'ngx_int_t     rc', 'rc is not in the column of p' ],
    [ aligned => 'c', $DECLARATIONS, $DECLARATIONS =~ s/ (?=\**\w+;)//gmr,
      '*last;', 'less than two spaces before *last' ],
    [ members => 'h', 'count;', ' count;',
      'count;', 'count is not in the column of text' ],
    [ sorted => 'c', "    ngx_int_t      rc;\n    ngx_uint_t     i;\n"
                     . "    ngx_queue_t   *q;\n",
      "    ngx_uint_t     i;\n    ngx_queue_t   *q;\n"
      . "    int            rc;\n",
      'int            rc', 'int is declared after the longer ngx_queue_t' ],
    [ declared => 'c', "*last;\n\n", "*last;\n",
      'p = (', 'no blank line after the declarations' ],
    [ guard => 'h', '#define _NGX_ADM_SAMPLE_H_INCLUDED_', '#define _SAMPLE_',
      qr/\A/, 'the header is not guarded by _NGX_ADM_SAMPLE_H_INCLUDED_' ],
    [ guard => 'h', '#endif /* _NGX_ADM_SAMPLE_H_INCLUDED_ */', '#endif',
      '#endif', 'the header does not end with #endif'
                . ' /* _NGX_ADM_SAMPLE_H_INCLUDED_ */' ],
    [ length => 'c', "    return (n", "    n++;\n" x 60 . "    return (n",
      $STEP, 'ngx_adm_sample_step() has 61 lines, more than 60' ],
    [ prefix => 'c', "\nngx_adm_sample(", "\nngx_http_sample(",
      qr/^(ngx_int_t)\nngx_http_sample/m,
      'the name ngx_http_sample does not begin with ngx_adm_ or NGX_ADM_' ],
    [ prefix => 'h', 'ngx_int_t ngx_adm_sample(', 'ngx_int_t sample(',
      'sample(', 'the name sample does not begin with ngx_adm_ or NGX_ADM_' ],
    [ prefix => 'h', 'ngx_adm_sample_t;', 'sample_t;',
      'sample_t;', 'the name sample_t does not begin with ngx_adm_ or'
                   . ' NGX_ADM_' ],
    [ prefix => 'h', "max);\n", "max);\n\n\n#define SAMPLE  1\n",
      'SAMPLE  1',
      'the name SAMPLE does not begin with ngx_adm_ or NGX_ADM_' ],
    [ prefix => 'h', 'NGX_ADM_SAMPLE_ODD', 'SAMPLE_ODD',
      'SAMPLE_ODD', 'the name SAMPLE_ODD does not begin with ngx_adm_ or'
                    . ' NGX_ADM_' ],
    [ prefix => 'c', 'static ngx_uint_t  ngx_adm_sample_sizes',
      'ngx_uint_t  sizes',
      'sizes[]', 'the name sizes does not begin with ngx_adm_ or NGX_ADM_' ],
);


# A tree that keeps to its floors: file and text

my %TREE = (
    'core/adm_a.h' => header('adm_a', "#include <stddef.h>\n",
                             'size_t adm_a(size_t n);'),
    'core/adm_a.c' => "#include \"adm_a.h\"\n\n"
                      . "size_t\nadm_a(size_t n)\n{\n    return n + 1;\n}\n",

    'store/ngx_adm_b.h' => header('ngx_adm_b', "#include <ngx_config.h>\n"
                                  . "#include <ngx_core.h>\n"
                                  . "#include <ngx_event.h>\n",
                                  'ngx_int_t ngx_adm_b(ngx_event_t *ev);'),
    'store/ngx_adm_b.c' => "#include <ngx_adm_b.h>\n#include <adm_a.h>\n"
                           . "#include <hiredis/read.h>\n\n"
                           . "ngx_int_t\nngx_adm_b(ngx_event_t *ev)\n{\n"
                           . "    return adm_a(1) ? NGX_OK : NGX_ERROR;\n}\n",

    'policy/ngx_adm_c.h' => header('ngx_adm_c', "#include <ngx_adm_b.h>\n",
                                   'void ngx_adm_c(ngx_event_t *ev);'),
    'policy/ngx_adm_c.c' => "#include <ngx_adm_c.h>\n",

    'http/ngx_http_adm_d.h' => header('ngx_http_adm_d',
                                      "#include <ngx_config.h>\n"
                                      . "#include <ngx_core.h>\n"
                                      . "#include <ngx_http.h>\n",
                                      'void ngx_http_adm_d('
                                      . 'ngx_http_request_t *r);'),
    'http/ngx_http_adm_d.c' => "#include <ngx_http_adm_d.h>\n"
                               . "#include <ngx_adm_c.h>\n",

    'module/ngx_http_adm_e.h' => header('ngx_http_adm_e',
                                        "#include <ngx_http_adm_d.h>\n",
                                        'void ngx_http_adm_e(void);'),
    'module/ngx_http_adm_e.c' => "#include <ngx_http_adm_e.h>\n",
);


# Breaches of the floors: the file, what is added to it, and what is to be
# said after "file:line: ".

my @BREACHES = (
    [ 'core/adm_a.c', '#include <ngx_core.h>',
      qr{core may not include ngx_core\.h, which is of nginx's src/core} ],
    [ 'core/adm_a.c', '#include <ngx_config.h>',
      qr{core may not include ngx_config\.h, which is of nginx's src/core} ],
    [ 'core/adm_a.h', '#include "ngx_adm_b.h"',
      qr{core may not include ngx_adm_b\.h, which is of src/store} ],
    [ 'core/adm_a.c', '#include <sys/socket.h>',
      qr{core may not include sys/socket\.h, only headers of its own} ],
    [ 'core/adm_a.c', '#include <openssl/ssl.h>',
      qr{core may not include openssl/ssl\.h, only headers of its own} ],
    [ 'core/adm_a.c', "short adm_x(size_t n);\nshort adm_x(size_t n)"
                      . " { return n; }",
      qr{does not compile on its floor with -std=c99.*Wconversion}s ],
    [ 'core/adm_a.c', "int adm_x(void);\nint adm_x(void)"
                      . " { return ({ 1; }); }",
      qr{does not compile on its floor with .*(?:ISO C|GNU)}s ],
    [ 'core/adm_a.c', "#include <time.h>\ntime_t adm_x(void);\n"
                      . "time_t adm_x(void) { return time(NULL); }",
      qr{core may not call time\(\): time, randomness, memory} ],
    [ 'core/adm_a.c', "#include <stdlib.h>\nvoid *adm_x(void);\n"
                      . "void *adm_x(void) { return malloc(1); }",
      qr{core may not call malloc\(\): time, randomness, memory} ],
    [ 'core/adm_a.h', 'int adm_x(uint32_t n);',
      qr{does not compile alone with -std=c99} ],
    [ 'core/adm_a.h', 'struct adm_x_s { int n; };',
      qr{does not compile when included twice with -std=c99} ],

    [ 'store/ngx_adm_b.c', '#include <ngx_adm_c.h>',
      qr{store may not include ngx_adm_c\.h, which is of src/policy} ],
    [ 'store/ngx_adm_b.c', '#include "../policy/ngx_adm_c.h"',
      qr{includes \.\./policy/ngx_adm_c\.h by a path, which no floor may} ],
    [ 'store/ngx_adm_b.h', '#include <ngx_http.h>',
      qr{store may not include ngx_http\.h, which is of nginx's src/http} ],
    [ 'store/ngx_adm_b.c', '#include <ngx_adm_none.h>',
      qr{store includes ngx_adm_none\.h, which is nowhere} ],
    [ 'store/ngx_adm_b.c', 'static int adm_unused;',
      qr{does not compile on its floor with -Wall -Wextra.*unused}s ],
    [ 'store/ngx_adm_b.h', 'void ngx_adm_x(adm_a_t *a);',
      qr{does not compile alone with -Wall} ],

    [ 'core/adm_a.c', '#include <hiredis/read.h>',
      qr{core may not include hiredis/read\.h, only headers of its own} ],
    [ 'policy/ngx_adm_c.c', '#include <hiredis/read.h>',
      qr{policy may not include hiredis/read\.h, which is for store} ],
    [ 'module/ngx_http_adm_e.h', '#include <hiredis/read.h>',
      qr{module may not include hiredis/read\.h, which is for store} ],

    [ 'policy/ngx_adm_c.c', '#include <ngx_http.h>',
      qr{policy may not include ngx_http\.h, which is of nginx's src/http} ],
    [ 'policy/ngx_adm_c.h', '#include <ngx_http_adm_d.h>',
      qr{policy may not include ngx_http_adm_d\.h, which is of src/http} ],

    [ 'http/ngx_http_adm_d.c', '#include <ngx_http_adm_e.h>',
      qr{http may not include ngx_http_adm_e\.h, which is of src/module} ],

    [ 'module/ngx_http_adm_e.c', 'static int adm_unused;',
      qr{does not compile on its floor with -Wall -Wextra.*unused}s ],
);


test_clean_samples();
test_each_check_is_tested();
test_violation(@$_) for @VIOLATIONS;
test_names_of_other_floors();
test_style_usage();

test_nginx_is_clean();

test_floors_without_nginx();
test_floors();

test_perl();
test_shell();

done_testing();


# Style

sub test_clean_samples {
    is(style($SOURCE, $HEADER), '', 'a clean sample has no complaint');
    is($?, 0, '... and the status says so');
}


sub test_each_check_is_tested {
    my @checks = map { (split)[0] } split /\n/, output($STYLE, '--list');
    my %tested = map { $_->[0] => 1 } @VIOLATIONS;

    is_deeply([ sort @checks ], [ sort keys %tested ],
              'each check has a violation here');
}


sub test_violation {
    my ($check, $kind, $from, $to, $at, $sentence) = @_;

    my %text = (c => $SOURCE, h => $HEADER);
    $from = quotemeta $from if !ref $from;

    if ($text{$kind} !~ s/$from/$to/) {
        return fail("$check: there is no $from in the sample");
    }

    my $line = line_of($text{$kind}, $at);

    is(style($text{c}, $text{h}),
       "src/policy/ngx_adm_sample.$kind:$line: $sentence\n",
       "$check: $sentence");
}


sub line_of {
    my ($text, $at) = @_;

    $at = quotemeta $at if !ref $at;
    $text =~ $at or die "there is no $at in the sample\n";

    my $before = substr $text, 0, $-[1] // $-[0];

    return 1 + $before =~ tr/\n//;
}


# The same sample on each floor, with the names of each floor

sub test_names_of_other_floors {

    my %prefix = (core => 'adm_', store => 'ngx_adm_', policy => 'ngx_adm_',
                  http => 'ngx_http_adm_', module => 'ngx_http_adm_');

    for my $floor (sort keys %prefix) {
        for my $other (sort keys %prefix) {

            my $said = style_of_names($floor, $prefix{$other});

            if ($prefix{$floor} eq $prefix{$other}) {
                is($said, '', "prefix: $prefix{$other} is good in $floor");

            } else {
                like($said, qr/: the name \w+ does not begin with /,
                     "prefix: $prefix{$other} is not good in $floor");
            }
        }
    }
}


sub style_of_names {
    my ($floor, $prefix) = @_;

    my %text = map { $_->[0] => $_->[1] =~ s/ngx_adm_/$prefix/gr
                                        =~ s/NGX_ADM_/\U$prefix/gr }
                   [ c => $SOURCE ], [ h => $HEADER ];

    my @files = map { put("src/$floor/${prefix}sample.$_", $text{$_}) }
                    sort keys %text;

    return output($STYLE, '--only=prefix', @files);
}


sub test_style_usage {
    like(output($STYLE), qr/no files given/, 'style without files');
    is($? >> 8, 2, '... is an error');

    like(output($STYLE, '--only=nonsense', $0), qr/unknown check nonsense/,
         'style with an unknown check');
    is($? >> 8, 2, '... is an error');

    like(output($STYLE, 'there-is-none.c'), qr/cannot read there-is-none\.c/,
         'style of a file that is not there');
    is($? >> 8, 2, '... is an error');
}


# nginx lets its lines be one column wider, knows nothing of our prefixes, and
# has functions of all lengths.

sub test_nginx_is_clean {

    SKIP: {
        skip 'NGX_SRC holds no .c files of nginx', 1
            if !defined $ENV{NGX_SRC} || !-f "$ENV{NGX_SRC}/src/core/nginx.c";

        my @files = map { glob "$ENV{NGX_SRC}/src/$_/*.[ch]" }
                        qw(core event http http/modules http/v2);

        my @counts = output($STYLE, '--count', '--columns=80',
                            '--except=prefix,length', @files)
                     =~ /^(\w+ +\d+  [\d.]+ per 1000 lines)$/mg;

        cmp_ok(scalar @counts, '>', 20, 'the checks ran over nginx');

        for (@counts) {
            my ($check, $count, $rate) = split;
            cmp_ok($rate, '<=', $CEILING,
                   "$check is nearly silent on nginx ($count in all)");
        }
    }
}


# Floors

sub test_floors_without_nginx {
    delete local @ENV{qw(NGX_SRC NGX_OBJS)};

    plant({ map { $_ => $TREE{$_} } grep { /^core/ } keys %TREE });
    is(floors(), '', 'core alone needs no nginx');
    is($?, 0, '... and the status says so');

    plant(\%TREE);
    like(floors(), qr/^floors: NGX_SRC is not set$/m, 'the others need it');
    is($? >> 8, 2, '... or it is an error');

    for (grep { $_->[2] =~ /call|compile/ && $_->[0] =~ /core/ } @BREACHES) {
        test_breach(@$_, { map { $_ => $TREE{$_} } grep { /^core/ }
                           keys %TREE });
    }
}


sub test_floors {

    SKIP: {
        skip 'NGX_SRC is not set', 1 if !defined $ENV{NGX_SRC};

        plant(\%TREE);
        is(floors(), '', 'a clean tree has no complaint');
        is($?, 0, '... and the status says so');

        test_breach(@$_, \%TREE) for @BREACHES;
    }
}


sub test_breach {
    my ($file, $added, $sentence, $tree) = @_;

    plant({ %$tree, $file => "$tree->{$file}\n$added\n" });

    my $said = floors($file =~ m{^(\w+)});
    my ($first) = $added =~ /^(.*)/;

    like($said, qr{^src/\Q$file\E:\d+: $sentence}m, "$file: $first");
    is($? >> 8, 1, '... and the status says so');
}


sub plant {
    my ($tree) = @_;

    File::Path::remove_tree("$SCRATCH/src");
    put("src/$_", $tree->{$_}) for keys %$tree;
}


sub header {
    my ($name, $includes, $text) = @_;

    my $guard = '_' . uc($name) . '_H_INCLUDED_';

    return "\n#ifndef $guard\n#define $guard\n\n\n$includes\n\n$text\n\n\n"
           . "#endif /* $guard */\n";
}


# Scripts

sub test_perl {
    put('scripts/good.pl', "#!/usr/bin/perl\nuse strict;\nprint 1;\n");
    is(output($SHELL, 'scripts'), '', 'a clean Perl script has no complaint');

    put('scripts/bad.pl', "#!/usr/bin/perl\nuse strict;\nprint \$n;\n");
    like(output($SHELL, 'scripts'), qr/^Global symbol "\$n" .* line 3/,
         'a Perl script that does not compile');
    is($? >> 8, 1, '... and the status says so');

    File::Path::remove_tree("$SCRATCH/scripts");
}


sub test_shell {

    SKIP: {
        skip 'there is no shellcheck', 3
            if system('command -v shellcheck >/dev/null') != 0;

        put('scripts/good', "#!/bin/sh\n\necho \"\$1\"\n");
        is(output($SHELL, 'scripts'), '', 'a clean script has no complaint');

        put('scripts/bad', "#!/bin/sh\n\nrm \$1\n");
        like(output($SHELL, 'scripts'), qr/^bad:3:.*quote/,
             'a script with an unquoted parameter');
        is($? >> 8, 1, '... and the status says so');
    }
}


# Running the tools

sub style {
    my ($source, $header) = @_;

    return output($STYLE, put('src/policy/ngx_adm_sample.c', $source),
                          put('src/policy/ngx_adm_sample.h', $header));
}


sub floors {
    return output($FLOORS, '.', @_);
}


sub put {
    my ($file, $text) = @_;

    my ($dir) = $file =~ m{(.*)/};
    File::Path::make_path("$SCRATCH/$dir");

    open my $fh, '>:raw', "$SCRATCH/$file" or die "cannot write $file: $!\n";
    print $fh $text;
    close $fh or die "cannot write $file: $!\n";

    return $file;
}


# What a command says on both its outputs, run where the samples are

sub output {
    my @command = @_;

    my $pid = open my $output, '-|';
    die "cannot fork: $!\n" if !defined $pid;

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        chdir "$SCRATCH" or die "no scratch directory: $!\n";
        exec @command or die "cannot run $command[0]: $!\n";
    }

    my $said = join '', <$output>;
    close $output;

    return $said;
}
