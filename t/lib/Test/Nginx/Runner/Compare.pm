package Test::Nginx::Runner::Compare;

# A text against what it should be: a regex, or the same text, and the way to
# show the difference that the test file has chosen (no_long_string, no_diff).
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Exporter qw(import);
use Test::Base ();
use Test::More ();

our @EXPORT_OK = qw(compare_text);

my $HAS_LONG_STRING = eval { require Test::LongString; 1 };


sub compare_text {
    my ($settings, $got, $expected, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    if (ref $expected eq 'Regexp') {
        return Test::More::like($got, $expected, $name);
    }

    if ($settings->value('long_string') && $HAS_LONG_STRING) {
        return Test::LongString::is_string($got, $expected, $name);
    }

    return Test::Base::is($got, $expected, $name);
}


1;
