package AdmScripts;

# Our scripts of keys and stock, asked directly, as a node would: arguments
# are packed, replies unpacked, as their head comments have it.
#
#     my $scripts = AdmScripts->new($redis);
#     my $said = $scripts->checkout(key => 'k1', items => { tee => 2 });
#     print $said->{stock}, $said->{facts}[0]{available};
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use Digest::SHA qw(sha256);

use AdmRedis ();

our @KEY_SAID = qw(new running unknown done unkept mismatch full);
our @STOCK_SAID = qw(ok sold_out reserved unknown buyer unconfirmed wrong full
                     withheld);
our @TOLD = qw(ok none short late other running wrong full);
our @LOOKS = qw(unseen missing seen wrong unconfirmed);
our @FACTS = qw(available held holds unresolved committed expired);
our @STATES = qw(running held unresolved committed released);

my %KEY_END = (forget => 0, keep => 1, unknown => 2, extend => 3);
my %HOLD_END = (release => 0, commit => 1, leave => 2, unresolved => 3,
                extend => 4);
my %ASK = (set => 2, total => 3, add => 4, hold => 5, commit => 6,
           release => 7, holds => 8, forget => 9);

my @NAMES = qw(checkout settle stock inventory hold);


sub new {
    my ($class, $redis, %option) = @_;

    my $self = bless { redis => $redis, prefix => 'adm:', close => 0,
                       %option }, $class;

    return $self;
}


sub _run {
    my ($self, $script, @words) = @_;

    $self->{sha}{$script} //= $self->{redis}->load($script);

    return $self->{redis}->command('EVALSHA', $self->{sha}{$script}, @words);
}


# 16 bytes of a word.
sub id_of {
    my ($word) = @_;

    return substr sha256($word), 0, 16;
}


sub key_of { return "$_[0]{prefix}key:{" . unpack('H*', id_of($_[1])) . '}' }
sub stock_of { return "inventory:$_[1]" }


sub keys_of {
    my ($self, $sku) = @_;

    return ($self->stock_of($sku),
            map { "$self->{prefix}$_:{$sku}" } qw(holds due totals buyers));
}


sub _facts {
    my (@words) = @_;

    my %facts = (look => $LOOKS[shift @words]);

    @facts{@FACTS} = @words;

    return \%facts;
}


sub _all_facts {
    my (@words) = @_;

    my @all;

    push @all, _facts(splice @words, 0, 7) while @words;

    return \@all;
}


# Options: id, key, print (what the fingerprint is of), lock (ms), ttl (s),
# items ([SKU, quantity] ...), hold (ms), buyer, per_buyer, per_time (s),
# returns, peek (both), peek_key, peek_stock, note, rates ([key, ticks, depth,
# ceiling] ...).
sub checkout {
    my ($self, %option) = @_;

    my @items = @{ $option{items} // [] };
    my @rates = @{ $option{rates} // [] };
    my $flags = (defined $option{key} ? 1 : 0)
        | ($option{peek} || $option{peek_key} ? 2 : 0)
        | ($option{peek} || $option{peek_stock} ? 4 : 0)
        | ($option{returns} ? 8 : 0) | ($self->{close} ? 16 : 0);

    my $head = pack('Q<7', $flags, scalar @items, $option{lock} // 30_000,
                    $option{ttl} // 3600, $option{hold} // 600_000,
                    $option{per_buyer} // 0, $option{per_time} // 3600)
        . id_of($option{id}) . id_of($option{print} // 'print')
        . id_of($option{buyer} // 'buyer') . ($option{note} // '');

    my @keys = ((defined $option{key} ? $self->key_of($option{key}) : ()),
                (map { $_->[0] } @rates),
                map { $self->keys_of($_->[0]) } @items);

    my $text = $self->_run('checkout', scalar @keys, @keys, $head,
                           (map { @$_[1 .. 3] } @rates),
                           map { $_->[1] } @items);

    my $n = 6 + 4 * @rates + 7 * @items;
    my @words = unpack "Q<$n", $text;

    die 'the reply is short: ', length $text, "\n" if @words != $n;

    my %said = (key => $KEY_SAID[shift @words], wait => shift @words,
                status => shift @words, kept => substr($text, 8 * $n));

    push @{ $said{rates} }, [ splice @words, 0, 4 ] for @rates;

    $said{stock} = $STOCK_SAID[shift @words];
    @said{qw(item later)} = splice @words, 0, 2;
    $said{facts} = _all_facts(@words);

    return \%said;
}


# Options as of checkout(), and key_end, hold_end, status, kept.
sub settle {
    my ($self, %option) = @_;

    my @items = @{ $option{items} // [] };
    my $flags = (defined $option{key} ? 1 : 0)
        | (defined $option{kept} ? 2 : 0) | ($self->{close} ? 16 : 0);

    my $head = pack('Q<8', $flags, scalar @items,
                    $KEY_END{ $option{key_end} // 'forget' },
                    $option{lock} // 30_000, $option{ttl} // 3600,
                    $option{status} // 0,
                    $HOLD_END{ $option{hold_end} // 'release' },
                    $option{hold} // 600_000)
        . id_of($option{id}) . id_of($option{print} // 'print');

    my @keys = ((defined $option{key} ? $self->key_of($option{key}) : ()),
                map { $self->keys_of($_->[0]) } @items);

    my $text = $self->_run('settle', scalar @keys, @keys, $head,
                           $option{kept} // '', map { $_->[1] } @items);

    my @words = unpack 'Q<*', $text;

    die 'the reply is of another length: ', length $text, "\n"
        if length $text != 8 * (1 + 8 * @items);

    my %said = (key => $TOLD[shift @words]);

    for (@items) {
        push @{ $said{holds} }, $TOLD[shift @words];
        push @{ $said{facts} }, _facts(splice @words, 0, 7);
    }

    return \%said;
}


# What there is of SKUs.  Returns one for each.
sub look {
    my ($self, @skus) = @_;

    my $said = $self->_run('stock', 5 * @skus,
        (map { $self->keys_of($_) } @skus),
        pack 'Q<2', $self->{close} ? 16 : 0, scalar @skus);

    my $all = _all_facts(unpack 'Q<*', $said->[0]);

    return wantarray ? @$all : $all->[0];
}


# Touches names, and lists all that are known.
sub names {
    my ($self, @names) = @_;

    return $self->_run('stock', 1, "$self->{prefix}\{skus}",
                       pack('Q<2', 3, 0), @names)->[1];
}


# set, total, add: returns what came of it, and the facts.
sub inventory {
    my ($self, $what, $sku, $number) = @_;

    my @words = unpack 'Q<*', $self->_run('inventory', 5, $self->keys_of($sku),
        $ASK{$what}, $number, $self->{close} ? 16 : 0);

    return ($TOLD[shift @words], _facts(@words));
}


sub forget {
    my ($self, $key) = @_;

    return $TOLD[unpack 'Q<', $self->_run('inventory', 1, $self->key_of($key),
                                          $ASK{forget}, 0, 0)];
}


# hold, commit, release of an id; holds of a number.  Returns what came of it,
# whether there are more, and those that it was about.
sub holds {
    my ($self, $what, $which, @skus) = @_;

    my ($list) = $what eq 'holds';
    my $said = $self->_run('hold', 5 * @skus,
        (map { $self->keys_of($_) } @skus), $ASK{$what},
        $list ? (id_of(''), $which) : id_of($which));

    my ($told, $more) = unpack 'Q<2', shift @$said;
    my @found;

    for (@$said) {
        my ($item, $rc, $state, $quantity, $moment, $id, $note)
            = unpack 'Q<5 a16 a*', $_;

        push @found, { sku => $skus[$item], told => $TOLD[$rc],
                       state => $STATES[$state], quantity => $quantity,
                       moment => $moment, id => $id, note => $note };
    }

    return { told => $TOLD[$told], more => $more, found => \@found };
}


1;
