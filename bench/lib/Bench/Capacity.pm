package Bench::Capacity;

# How many clients a zone holds: distinct keys, each with one request, until
# the first one has no place.
#
#   $n = Bench::Capacity::ours($server);
#   $n = Bench::Capacity::peer($server, $bytes);
#
# Ours tells by its counters, read after each batch.  limit_req forgets its
# oldest client without a word: so more clients are sent than can be held and
# then asked for again, from the newest on.  Who is remembered gets a 429 and
# only moves to the front; the first 200 is the first one forgotten.

use strict;
use warnings;


my $BATCH = 128;
my $LEAST = 64;          # bytes of a client in limit_req, at the very least
my $MOST = 10_000_000;   # clients


sub ours {
    my ($server) = @_;

    my $client = $server->connect;

    for (my $n = 0; $n < $MOST; $n += $BATCH) {
        return $n if lost($client);
        $client->statuses({}, uris('/clients/ours', $n .. $n + $BATCH - 1));
    }

    die "bench: the zone never fills\n";
}


# Whether any client was without a place or lost it, so far.

sub lost {
    my ($client) = @_;

    my ($status, $text) = $client->get('/status?format=prometheus');
    my $sum = 0;

    $sum += $1 while $text =~ /^admission_(?:evictions|table_full)_total
                               \{[^}]*zone="clients"[^}]*\}[ ](\d+)/xmg;

    return $sum;
}


sub peer {
    my ($server, $bytes) = @_;

    my $client = $server->connect;
    my $all = int $bytes / $LEAST;

    for (my $n = 0; $n < $all; $n += $BATCH) {
        $client->statuses({}, uris('/clients/peer', $n .. $n + $BATCH - 1));
    }

    my $newest = $BATCH * int(($all + $BATCH - 1) / $BATCH) - 1;

    for (my $n = 0; $n <= $newest; $n++) {
        my ($status) = $client->statuses({}, uris('/clients/peer',
                                                  $newest - $n));
        return $n if $status == 200;
    }

    die "bench: limit_req holds more clients than was thought\n";
}


sub uris {
    my ($path, @clients) = @_;

    return map { "$path?k=$_" } @clients;
}


1;
