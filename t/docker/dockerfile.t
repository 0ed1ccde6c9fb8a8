#!/usr/bin/perl

# What executes docker/Dockerfile without an engine must not do less than it
# says: an instruction that was passed over in silence would make a check of
# something that nobody builds.  So everything that is not understood has to
# be refused, with its line; and what stands in the Dockerfile has to be read
# as an engine reads it.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::RealBin/lib";
use Test::More;

use AdmDockerfile ();


sub parsed { return AdmDockerfile::parse($_[0]) }


sub refused {
    my ($text, $like, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $got = eval { parsed($text) };

    return like($got ? 'taken' : $@, $like, $name);
}


sub step {
    my ($line) = @_;

    return parsed("FROM debian:bookworm-slim AS a\n$line\n")->[0]{steps}[0];
}


my $text = <<'END';
# a comment

FROM debian:bookworm-slim AS first
ENV A=1 B=two
RUN one \
    # between
    && two
COPY a b/c target/
FROM first AS second
COPY --from=first --chown=www-data:root --chmod=755 /x /y
USER www-data:adm
WORKDIR /srv
EXPOSE 80 443
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=2s --retries=2 CMD ["health", "a b"]
ENTRYPOINT ["init"]
CMD ["nginx", "-g", "daemon off;"]
END

my ($first, $second) = @{ parsed($text) };

is_deeply([ map { $_->{word} } @{ $first->{steps} } ], [qw(ENV RUN COPY)],
    'the steps of a stage');
is($first->{steps}[1]{value} =~ s/\s+/ /gr, 'one && two',
    'lines are put together, without the comments between');
is($first->{steps}[1]{line}, 5, 'and known by the first');
is_deeply($first->{steps}[0]{pairs}, { A => 1, B => 'two' }, 'ENV');
is_deeply([ @{ $first->{steps}[2] }{qw(sources target)} ],
    [ [qw(a b/c)], 'target/' ], 'COPY');
is($first->{base_stage}, undef, 'a stage on an image');
is($second->{base_stage}, 'first', 'a stage on a stage');

my %step = map { $_->{word} => $_ } @{ $second->{steps} };

is_deeply([ @{ $step{COPY} }{qw(from chown chmod sources target)} ],
    [ 'first', 'www-data:root', 755, ['/x'], '/y' ], 'COPY of a stage');
is_deeply($step{CMD}{command}, [ 'nginx', '-g', 'daemon off;' ], 'CMD');
is_deeply($step{HEALTHCHECK}{command}, [ 'health', 'a b' ], 'HEALTHCHECK');
is($step{STOPSIGNAL}{value}, 'QUIT', 'STOPSIGNAL');
is_deeply($step{EXPOSE}{value}, [ 80, 443 ], 'EXPOSE');

my %bad = (
    'ADD http://x /'            => qr/line 2: ADD is not understood/,
    'SHELL ["sh"]'              => qr/line 2: SHELL is not understood/,
    'ONBUILD RUN x'             => qr/line 2: ONBUILD is not understood/,
    'VOLUME /x'                 => qr/line 2: VOLUME is not understood/,
    'RUN ["a"]'                 => qr/line 2: RUN as a list/,
    'RUN --mount=type=cache x'  => qr/line 2: RUN --mount is not/,
    'RUN <<EOF'                 => qr/line 2: RUN with a here-document/,
    'COPY a'                    => qr/line 2: COPY needs a source and/,
    'COPY a b c'                => qr/line 2: COPY of several needs/,
    'COPY *.c /x/'              => qr/line 2: COPY with a pattern/,
    'COPY ["a", "b"]'           => qr/line 2: COPY with a variable or quotes/,
    'COPY $A /x'                => qr/line 2: COPY with a variable/,
    'COPY ../a /x'              => qr/line 2: COPY out of the context/,
    'COPY --link a /x'          => qr/line 2: COPY --link is not/,
    'COPY --from=other a /x'    => qr/line 2: COPY there is no stage "other"/,
    'ENV A 1'                   => qr/line 2: ENV must be NAME=VALUE/,
    'ENV A="x y"'               => qr/line 2: ENV with a variable or quotes/,
    'WORKDIR src'               => qr/line 2: WORKDIR must be an absolute/,
    'USER a b'                  => qr/line 2: USER must be one word/,
    'EXPOSE 80/udp'             => qr/line 2: EXPOSE must be ports/,
    'STOPSIGNAL 3'              => qr/line 2: STOPSIGNAL must be the name/,
    'HEALTHCHECK NONE'          => qr/line 2: HEALTHCHECK must be CMD/,
    'HEALTHCHECK CMD curl x'    => qr/line 2: HEALTHCHECK must be a list/,
    'CMD nginx'                 => qr/line 2: CMD must be a list/,
    'CMD [1, {}]'               => qr/line 2: CMD must be a list/,
    'FROM debian:bookworm-slim' => qr/line 2: FROM must be "FROM image AS/,
    '# syntax=docker/x'         => qr/line 2: parser directives/,
    'nonsense'                  => qr/line 2: .*is no instruction/,
);

refused("FROM debian:bookworm-slim AS a\n$_\n", $bad{$_}, "refused: $_")
    for sort keys %bad;

refused("RUN x\n", qr/line 1: RUN stands before FROM/, 'refused: no FROM');
refused("# nothing\n", qr/there is no FROM/, 'refused: nothing');

my $stages = parsed(do {
    open my $in, '<', "$FindBin::RealBin/../../docker/Dockerfile" or die;
    local $/;
    <$in>;
});

is($stages->[-1]{name}, 'edge', 'the last stage of ours is the edge');

done_testing();
