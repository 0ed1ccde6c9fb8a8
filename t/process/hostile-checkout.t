#!/usr/bin/perl

# A sale is probed: keys of no length and of 64 k, products that are paths,
# patterns or half a megabyte, quantities below zero, bodies of nothing and of
# 10 MB.  Whoever sends them gets a clear refusal, and nothing else happens:
# nothing is executed, no unit moves, no record is made, no line of a log is
# theirs, and the next customer is served.  With the memory of a node and
# with a Redis.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use File::Temp ();
use JSON::PP ();
use Test::More;

use AdmHttp qw(fetch);
use AdmNginx qw(becomes wait_for);
use AdmRedis ();
use AdmShopper qw(key_file);
use AdmUpstream ();

my $UNITS = 1000;

my $HTTP = <<'END';
    admission_secret_file %{keys};
    %{store}

    admission_body_field $sku json=/items/*/sku;
    admission_body_field $n json=/items/*/n;
    admission_body_field $form_sku form=sku;
    admission_body_field $form_n form=n;
    admission_body_field $key json=/key;

    admission_rate one all rate=1r/h burst=0 scope=exact;

    client_max_body_size 11m;
    large_client_header_buffers 4 80k;
    proxy_ignore_client_abort on;

    server {
        listen 127.0.0.1:%{h1};

        location = /status { admission_status; }
        location /api/ { admission_inventory_api; }

        location /keyed/ {
            admission_idempotency $http_idempotency_key owner=shop required;
            admission_inventory A mode=reserve;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /inside/ {
            admission_idempotency $key owner=shop required;
            admission_inventory A mode=reserve;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /owned/ {
            admission_idempotency $http_idempotency_key owner=$arg_owner;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /cart/ {
            admission_inventory $sku quantity=$n mode=reserve;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /form/ {
            admission_inventory $form_sku quantity=$form_n mode=reserve;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /limited/ {
            admission_limit one;
            admission_idempotency $http_idempotency_key owner=shop;
            admission_inventory $form_sku mode=reserve;
            proxy_pass http://127.0.0.1:%{up}/;
        }

        location /stock/ {
            admission_inventory $arg_sku mode=reserve;
            proxy_pass http://127.0.0.1:%{up}/;
        }
    }
END

my $keys = File::Temp->new;
chmod 0600, $keys;
print {$keys} key_file();
close $keys;

my $upstream = AdmUpstream->start;
my ($nginx, $redis, $store, $bought);


# STATUS, and the reason if there is one.
sub said {
    my ($path, $body, $fields) = @_;

    my $answer = fetch($nginx->port('h1'), $path, method => 'POST',
        body => $body, fields => 'Content-Length: ' . length($body) . "\r\n"
                                 . ($fields // ''));

    return 'nothing' if !$answer;

    my ($reason) = $answer->{body} =~ /"reason":"(\w+)"/;

    return $answer->{status} . ($reason ? " $reason" : '');
}


sub json { return said($_[0], $_[1], "Content-Type: application/json\r\n") }


sub form {
    my ($path, $body, $key) = @_;

    return said($path, $body,
                "Content-Type: application/x-www-form-urlencoded\r\n"
                . (defined $key ? "Idempotency-Key: $key\r\n" : ''));
}


sub facts {
    my ($sku) = @_;

    my $answer = fetch($nginx->port('h1'), "/api/inventory/$sku");
    my $facts = eval { JSON::PP::decode_json($answer->{body}) } // {};

    return join ' ', map { $facts->{$_} // 'none' }
           qw(available held unresolved committed);
}


sub put {
    my ($sku, $available) = @_;

    return fetch($nginx->port('h1'), "/api/inventory/$sku", method => 'PUT',
        fields => "Content-Type: application/json\r\n",
        body => qq({"available":$available}))->{status};
}


# What was bought so far is gone, and nothing else; and all the same serves.
sub nothing_moved {
    my ($name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $left = join ' ', $UNITS - $bought, 0, 0, $bought;

    ok(wait_for(sub { facts('A') eq $left }), "$store: $name: no unit moved")
        or diag(facts('A') . " instead of $left");

    return;
}


sub keys_are_read {
    my $seen = () = $upstream->seen;
    my $long = 'k' x 255;
    my $path = '/keyed/answer/200';

    # name, field, answer
    my @keys = (
        ['none', '', '400 key_missing'],
        ['empty', "Idempotency-Key: \r\n", '400 bad_key'],
        ['an empty string', qq(Idempotency-Key: ""\r\n), '400 bad_key'],
        ['of one', "Idempotency-Key: 1\r\n", '200'],
        ['of 255', "Idempotency-Key: $long\r\n", '200'],
        ['of 255 in quotes', qq(Idempotency-Key: "$long"\r\n), '200'],
        ['of 256', "Idempotency-Key: ${long}k\r\n", '400 bad_key'],
        ['of 256 in quotes', qq(Idempotency-Key: "${long}k"\r\n),
         '400 bad_key'],
        ['of 64 k', 'Idempotency-Key: ' . 'k' x 65_536 . "\r\n",
         '400 bad_key'],
        ['half a string', qq(Idempotency-Key: "k\r\n), '400 bad_key'],
        ['a wrong escape', qq(Idempotency-Key: "k\\n"\r\n), '400 bad_key'],
        ['a string and more', qq(Idempotency-Key: "k";a=1\r\n),
         '400 bad_key'],
        ['with parameters', "Idempotency-Key: k;a=1\r\n", '400 bad_key'],
        ['a list', "Idempotency-Key: a, b\r\n", '400 bad_key'],
        ['bytes', "Idempotency-Key: \xff\xfe\x80\r\n", '400 bad_key'],
        ['bytes in quotes', qq(Idempotency-Key: "\xc3\xa4"\r\n),
         '400 bad_key'],
        ['a tab', "Idempotency-Key: a\tb\r\n", '400 bad_key'],
        ['control', "Idempotency-Key: a\x01b\r\n", '400 bad_key'],
    );

    is(said($path, '', $_->[1]), $_->[2], "$store: a key, $_->[0]") for @keys;

    # of 255 and in quotes is the same one
    $bought += 2;

    is(scalar(() = $upstream->seen) - $seen, 2, '... and two are executed');
    nothing_moved('keys');

    return;
}


sub keys_of_bodies {
    my $long = 'k' x 255;

    is(json('/inside/answer/200', $_->[0]), $_->[1],
        "$store: a key in the body: " . substr $_->[0], 0, 30) for
        ['{}', '400 field_absent'], ['{"key":""}', '400 field_absent'],
        ['{"key":null}', '400 field_form'], ['{"key":[]}', '400 field_form'],
        ['{"key":"a\u0000b"}', '400 field_form'],
        ['{"key":"a\nb"}', '400 bad_key'], ['{"key":"a b"}', '400 bad_key'],
        ['{"key":"\u00e4"}', '400 bad_key'],
        ["{\"key\":\"${long}k\"}", '400 bad_key'],
        ['{"key":"a","key":"b"}', '400 field_doubled'],
        ['{"key":"' . 'k' x 65_536 . '"}', '400 field_large'],
        ['{"key":"inside-1"}', '200'], ['{"key":"inside-1"}', '200'],
        ['{"key":"inside-1" }', '422 mismatch'];

    $bought++;
    nothing_moved('keys of bodies');

    is(said('/owned/answer/200', '', "Idempotency-Key: o\r\n"),
        '400 no_owner', "$store: nobody's key");

    return;
}


sub skus_are_read {
    my @wrong = ('A B', ' A', "A\n", '{A}', 'A}', '{', '*', 'A*', '[A]', 'A?',
                 '../A', 'inventory:{A}', 'A%41', "A\x7f", "\xc3\xa4", 'A"',
                 'A,B', 'A' x 129, 'A' x 8192);

    for my $sku (@wrong) {
        my $name = substr JSON::PP->new->ascii->allow_nonref->encode($sku),
                          0, 24;
        my $text = $sku =~ s/([^A-Za-z0-9])/sprintf '%%%02x', ord $1/ger;

        is(form('/form/answer/200', "sku=$text&n=1"),
            $sku eq 'A,B' ? '400 bad_cart' : '400 bad_sku',
            "$store: a product $name");
    }

    is(form('/form/answer/200', 'sku=A%00&n=1'), '400 bad_sku',
        'a product with a zero byte');
    is(form('/form/answer/200', "sku=$_&n=1"), '404 unknown_sku',
        "$store: a product that there is not: " . substr $_, 0, 20)
        for 'B', 'inventory:A', '~.', 'a', 'A' x 128;
    is(form('/form/answer/200', $_), '400 field_absent',
        "$store: a form '$_'") for 'sku=&n=1', 'n=1', 'sku=A', 'sku=A&n=';
    is(form('/form/answer/200', 'sku=,&n=1,1'), '400 bad_sku', 'two nothings');

    nothing_moved('products');

    return;
}


sub quantities_are_read {
    is(form('/form/answer/200', "sku=A&n=$_"), '400 bad_quantity',
        "$store: $_ of it") for qw(0 -1 %2b1 1.5 1e3 0x1 1000001 x 1%00),
        '99999999999999999999', '18446744073709551617', '+1', '1' x 4000;
    is(form('/form/answer/200', 'sku=A&n=1,1'), '400 bad_cart', 'two of them');
    is(form('/form/answer/200', 'sku=A&n=1000000'), '409 sold_out',
        'as many as may be asked for');

    nothing_moved('quantities');

    return;
}


sub item { return sprintf '{"sku":"%s","n":%s}', @_ }
sub cart { return '{"items":[' . join(',', @_) . ']}' }


sub carts_are_read {
    my $path = '/cart/answer/200';

    is(json($path, $_->[0]), $_->[1],
        "$store: a cart " . substr $_->[0], 0, 50) for
        ['{}', '400 field_absent'], [cart(), '400 field_absent'],
        [cart('{"sku":"A"}'), '400 field_absent'],
        [cart(item('A', 1), '{"sku":"A"}'), '400 field_absent'],
        [cart(item('A', 1), '{"n":1}'), '400 field_absent'],
        [cart(item('A,A', 1)), '400 field_form'],
        [cart(item('A', '"1,1"')), '400 field_form'],
        [cart(item('A', '1.5')), '400 field_form'],
        [cart(item('A', -1)), '400 bad_quantity'],
        [cart(item('A', 0)), '400 bad_quantity'],
        [cart(item('A', 1), item('B', 1)), '404 unknown_sku'],
        [cart(item('A', 1), item('', 1)), '400 field_form'],
        [cart(map { item("P$_", 1) } 1 .. 17), '400 bad_cart'],
        [cart(map { item("P$_" . 'x' x 60, 1) } 1 .. 16), '400 bad_cart'],
        [cart((item('A', 1)) x 2000), '409 sold_out'],
        [cart((item('A', 999_999)) x 2), '400 bad_quantity'],
        ['[' x 60_000, '400 field_form'],
        ['{"items":' x 3000 . '1' . '}' x 3000, '400 field_form'];

    is(json($path, cart(item('A', 2), item('A', 3))), '200',
        "$store: a product twice");
    $bought += 5;

    nothing_moved('carts');

    return;
}


# What a later policy refuses before the trip has left nothing of the earlier
# ones behind, and a repeat costs nothing.
sub limits_are_kept {
    my $path = '/limited/slow/0';

    is(form($path, 'sku=%7b', 'limited'), '400 bad_sku', "$store: no product");
    is(form($path, 'sku=A', 'limited'), '200', '... took no key, nor a place');
    is(form($path, 'sku=A', 'more'), '429 rate', '... which is taken now');
    is(form($path, 'sku=A', 'limited'), '200', 'a repeat needs none');
    is(form($path, 'sku=A', 'more'), '429 rate', 'who was refused has no key');

    $bought++;
    nothing_moved('limits');

    return;
}


sub bodies_are_hashed {
    for my $size (0, 1, 8_192, 65_536, 1_048_576, 10_000_000) {
        my $body = 'x' x $size;
        my $key = "Idempotency-Key: size-$size\r\n";

        # answered by a word, so that it can be kept
        is(said('/keyed/slow/0', $body, $key), '200',
            "$store: a body of $size");
        is(said('/keyed/slow/0', $body, $key), '200', '... again');
        is(said('/keyed/slow/0', "${body}y", $key), '422 mismatch',
            '... and another one');
        $bought++;
    }

    nothing_moved('bodies');

    return;
}


# The plain keys of a Redis are anybody's to write.
sub stock_is_read {
    my @wrong = (
        ['list', qw(LPUSH inventory:list 1)],
        ['hash', qw(HSET inventory:hash a 1)],
        ['word', qw(SET inventory:word many)],
        ['empty', 'SET', 'inventory:empty', ''],
        ['fraction', qw(SET inventory:fraction 1.5)],
        ['minus', qw(SET inventory:minus -5)],
        ['huge', qw(SET inventory:huge 99999999999999999999)],
        ['space', 'SET', 'inventory:space', ' 5'],
    );

    my $seen = () = $upstream->seen;

    for (@wrong) {
        my ($sku, @command) = @$_;

        $redis->command(@command);
        like(said("/stock/answer/200?sku=$sku", ''),
            qr/^(?:503 bad_stock|409 sold_out)$/, "stock that is wrong: $sku");
        $redis->command('DEL', "inventory:$sku");
    }

    becomes(sub { said('/stock/answer/200?sku=list', '') }, '404 unknown_sku',
        'stock that is gone');
    is(scalar(() = $upstream->seen), $seen, 'and nothing is executed');

    $redis->command('SET', 'inventory:list', 1);
    ok(wait_for(sub { said('/stock/answer/200?sku=list', '') eq '200' }),
        'right again, it is sold');

    return;
}


# Nobody's text is in a name, or in a line that is not nginx' own.
sub left_no_trace {
    my @lines = grep { /\S{300}/ || /[^\x20-\x7e]/ }
                grep { !/client sent|, request: / } split /\n/,
                $nginx->log_text;

    is(scalar @lines, 0, "$store: no line of a log is a client's")
        or diag(substr $lines[0], 0, 500);

    return if !$redis;

    my @names = @{ $redis->command('KEYS', '*') };
    my @wrong = grep { !/^(?:inventory:[A-Za-z]+|adm:[\x21-\x7e]{1,160})$/ }
                @names;

    is(scalar @wrong, 0, 'no name of a key is') or diag("@wrong[0 .. 3]");
    is(scalar(grep { /P1|\.\.|~\./ } @names), 0,
        'nor was one made for what there is not');

    return;
}


sub probe_all {
    $bought = 0;

    is(put('A', $UNITS), 200, "$store: the sale begins");

    # the view of a Redis' stock follows within a second
    ok(wait_for(sub { facts('A') eq "$UNITS 0 0 0" }), '... with its units');

    keys_are_read();
    keys_of_bodies();
    skus_are_read();
    quantities_are_read();
    carts_are_read();
    limits_are_kept();
    bodies_are_hashed();
    stock_is_read() if $redis;
    left_no_trace();

    $nginx->finish;

    return;
}


$store = 'shm';
$nginx = AdmNginx->start(http => $HTTP,
    vars => { up => $upstream->port, keys => "$keys", store => '' });
probe_all();

SKIP: {
    skip 'no redis-server', 1
        if system('redis-server --version >/dev/null 2>&1') != 0;

    $store = 'redis';
    $redis = AdmRedis->start;
    $nginx = AdmNginx->start(http => $HTTP, vars => { up => $upstream->port,
        keys => "$keys", store => 'admission_redis ' . $redis->uri
            . ' timeout=1s claim_timeout=5s;' });
    probe_all();
    $redis->finish;
}

done_testing();
