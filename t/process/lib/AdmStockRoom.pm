package AdmStockRoom;

# A room that knows the stock, told on any store.
#
#     AdmStockRoom::story('redis', 'admission_redis ...;');
#     AdmStockRoom::open_door('redis', 'admission_redis ...;');
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep);

use AdmHttp qw(fetch);
use AdmNginx qw(wait_for);
use AdmOrders ();
use AdmShopper qw(key_file);

my $HTTP = <<'END';
    admission_secret_file %{keys};
    %{store}

    admission_room drop {
        mode %{mode};
        rate 1000r/s;
        stock LAMP SHADE factor=1.2;
    }

    upstream orders { server 127.0.0.1:%{orders} max_fails=0; }

    server {
        listen 127.0.0.1:%{h1};

        location = /status { admission_status; }
        location /control/ { admission_control; }
        location /line { admission_room_api drop; }

        proxy_ignore_client_abort on;
        admission_wait drop;

        location = /look { alias %{dir}/html/hello; }

        location / {
            admission_inventory LAMP mode=reserve hold=1h;
            add_header X-Hold $admission_hold;
            proxy_pass http://orders;
        }
    }
END

my $PEOPLE = 16;

my $secret = File::Temp->new;
chmod 0600, $secret;
print {$secret} key_file();
close $secret;

my $orders = AdmOrders->start;

my ($nginx, $name);


sub start {
    my (%is) = @_;

    return AdmNginx->start(http => $HTTP, workers => 2, vars => {
        keys => "$secret", orders => $orders->port, store => '',
        mode => 'always', %is });
}


# Operators

sub control {
    my ($method, $path, $json) = @_;

    my $answer = fetch($nginx->port('h1'), "/control/$path",
        method => $method, body => $json,
        fields => "Content-Type: application/json\r\n");

    return $answer->{status} == 200 ? decode_json($answer->{body}) : {};
}


sub stock {
    my ($available, $sku) = @_;

    return control('PUT', 'inventory/' . ($sku // 'LAMP'),
        qq({"available":$available}));
}


# The crowd

sub crowd {
    my ($n) = @_;

    my @crowd = map { AdmShopper->new($nginx) } 1 .. $n;

    $_->get('/look') for @crowd;

    return @crowd;
}


# Who of them is in this state
sub in_state {
    my ($state, @crowd) = @_;

    return grep { ($_->poll('/look')->{state} // '') eq $state } @crowd;
}


# Waits until so many are, and two ticks more: how many it is then.
sub are {
    my ($n, $state, @crowd) = @_;

    my $seen = -1;

    wait_for(sub { ($seen = in_state($state, @crowd)) == $n }, 10);

    sleep 0.5 if $seen == $n;

    return scalar(my @seen = in_state($state, @crowd));
}


sub reserve {
    my ($shopper, $path) = @_;

    return $shopper->post($path // '/plain/303', body => 'item=lamp');
}


sub leave { return $_[0]->post('/line/leave') }


sub opened {
    my @crowd = crowd($PEOPLE);

    # a line that has just begun gives no numbers for a second

    for my $shopper (@crowd) {
        $shopper->poll_until('/look', 'waiting');
    }

    is(are($PEOPLE, 'waiting', @crowd), $PEOPLE,
        "$name: while nobody knows of stock, all wait");

    stock(5);
    stock(0, 'SHADE');

    is(are(6, 'called', @crowd), 6,
        "$name: five units are for six people");

    my @called = in_state('called', @crowd);
    my @ahead = sort { $a->ticket <=> $b->ticket } @crowd;

    is_deeply([map { $_->ticket } @called],
        [map { $_->ticket } @ahead[0 .. 5]], "$name: the first ones");

    @crowd = grep { $_->ticket > $called[-1]->ticket } @crowd;
    ok(wait_for(sub { (grep { ($_->poll('/look')->{stock} // '') eq 'beyond' }
                       @crowd) == @crowd }, 10),
        "$name: all others are told that they are beyond");
    like($crowd[0]->get('/look', fields => "Accept: text/html\r\n")->{body},
        qr/There are fewer units left than people before you/,
        "$name: also on the page");

    return (\@called, \@crowd);
}


sub inside {
    my ($called, $waiting) = @_;

    is((grep { $_->get_in('/look')->{status} == 200 } @$called), 6,
        "$name: the six come in");

    my @holders = @$called[0 .. 4];
    my @answers = map { reserve($_) } @holders;

    is((grep { $_->{status} == 303 } @answers), 5, "$name: five reserve");
    is(reserve($called->[5])->{status}, 409, "$name: the sixth cannot");

    return [map { $_->{field}{'x-hold'} } @answers];
}


sub reserved {
    my ($waiting) = @_;

    my $n = @$waiting;

    is(are($n, 'paused', @$waiting), $n,
        "$name: while all is reserved, nobody is called");
    is($waiting->[0]->poll('/look')->{stock}, 'reserved',
        "$name: and people are told why");

    my $answer = $waiting->[0]->get('/look');

    is($answer->{status}, 503, "$name: they wait");
    like($answer->{body}, qr/"reason":"all_reserved"/, "$name: ... for that");

    my ($late) = crowd(1);

    is($late->poll('/look')->{state}, 'paused',
        "$name: who comes now gets a place, too");
    ok($late->ticket > $waiting->[-1]->ticket, "$name: ... behind all others");

    return;
}


# Four orders are placed, one is given up; nobody who was in has gone yet.
sub given_back {
    my ($holds, $called, $waiting) = @_;

    control('POST', "holds/$_/commit") for @$holds[0 .. 3];
    control('POST', "holds/$holds->[4]/release");

    my $n = @$waiting;

    is(are($n, 'waiting', @$waiting), $n,
        "$name: one unit is back, and six are inside for it");

    leave($_) for @$called;

    is(are(2, 'called', @$waiting), 2,
        "$name: when they have gone, two are called for it");

    return in_state('called', @$waiting);
}


sub sold {
    my ($first, $second, @waiting) = @_;

    is($first->get_in('/look')->{status}, 200, "$name: one comes in");
    is(reserve($first, '/tells/commit/-')->{status}, 200, "$name: and buys");

    my $n = @waiting;

    is(are($n, 'sold_out', @waiting), $n, "$name: now all is sold");

    my $answer = $waiting[0]->get('/look');

    is($answer->{status}, 409, "$name: it is said at once");
    like($answer->{body}, qr/"reason":"sold_out"/, "$name: ... and why");

    my ($late) = crowd(1);

    is($late->poll('/look')->{state}, 'sold_out',
        "$name: also to who comes now");
    is(control('GET', 'inventory/LAMP')->{committed}, 5,
        "$name: five were sold");

    return;
}


sub more {
    my ($second, @waiting) = @_;

    my @before = map { $_->ticket } @waiting;

    control('POST', 'inventory/LAMP', '{"add":3}');

    # one who was called before is called still

    is(are(3, 'called', @waiting), 3,
        "$name: three more come, and one was called before: the line goes on");
    is_deeply([map { $_->ticket } @waiting], \@before,
        "$name: all have the places that they had");

    stock(0);
    is(are(scalar @waiting, 'sold_out', @waiting), scalar @waiting,
        "$name: an operator ends it");

    my $pass = AdmShopper->new($nginx);

    stock(100);
    ok($pass->get_in('/look')->{status} == 200, "$name: and goes on");
    stock(0);
    is(are(scalar @waiting, 'sold_out', @waiting), scalar @waiting,
        "$name: an operator ends it again");
    is($pass->get('/look')->{status}, 200,
        "$name: who has a pass may go on");

    return;
}


sub story {
    ($name, my $store) = @_;

    $nginx = start(store => $store);

    my ($called, $waiting) = opened();
    my $holds = inside($called, $waiting);

    reserved($waiting);

    my ($first, $second) = given_back($holds, $called, $waiting);
    my @rest = grep { $_ != $first && $_ != $second } @$waiting;

    sold($first, $second, @rest);
    more($second, @rest);

    $nginx->finish;

    return;
}



# With an open door, too, no more people enter than there are units for.
sub open_door {
    ($name, my $store) = @_;

    $nginx = start(mode => 'auto', store => $store);

    my $probe = AdmShopper->new($nginx);

    isnt($probe->poll('/line')->{state}, 'open',
        "$name: nobody enters while nobody knows of stock");
    stock(5);
    stock(0, 'SHADE');

    ok(wait_for(sub { ($probe->poll('/line')->{state} // '') eq 'open' }, 10),
        "$name: the door is open");

    is($probe->get_in('/look')->{status}, 200, "$name: one enters");

    my @crowd = map { AdmShopper->new($nginx) } 1 .. $PEOPLE;
    my @in = grep { $_->get('/look')->{status} == 200 } @crowd;

    is(scalar @in, 5, "$name: five units are for six people");

    $nginx->finish;

    return;
}


1;
