package AdmSale;

# A sale over a Redis: nodes, an upstream that takes orders, shoppers, and what
# the store knows of keys and stock.
#
#     my $sale = AdmSale->start(conf => 'admission_redis ...;', nodes => 2);
#     my $answer = $sale->buy(0, key => 'k1', sku => 'tee');
#     $sale->committed('tee')
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use File::Temp ();
use JSON::PP ();
use Test::More ();
use Time::HiRes qw(sleep);

use AdmHttp qw(fetch request_text);
use AdmNginx qw(becomes free_port wait_for);
use AdmOrders ();

my $HTTP = <<'END';
    %{conf}

    admission_secret_file %{keys};
    admission_log_level info;
    admission_on_store_failure idempotency=closed inventory=closed;
    admission_rate few $http_x_owner rate=1r/h burst=2 scope=exact;

    access_log off;

    upstream orders { server 127.0.0.1:%{orders} max_fails=0; }

    server {
        listen 127.0.0.1:%{h1} backlog=1024 reuseport;   # all workers get some

        proxy_ignore_client_abort on;
        proxy_http_version 1.1;
        add_header X-Hold $admission_hold always;
        add_header X-Remaining "<$admission_remaining>" always;

        location = /status { admission_status; }
        location /control/ { admission_control; }

        location /buy/ {
            admission_idempotency $http_idempotency_key owner=$http_x_owner;
            admission_inventory $http_x_sku quantity=$http_x_quantity
                mode=reserve;
            proxy_pass http://orders/;
        }

        location /brief/ {
            admission_idempotency $http_idempotency_key owner=$http_x_owner
                lock=2s;
            admission_inventory $http_x_sku quantity=$http_x_quantity
                mode=reserve hold=2s;
            proxy_pass http://orders/;
        }

        location /returns/ {
            admission_inventory $http_x_sku mode=reserve hold=1s
                unresolved=return;
            proxy_pass http://orders/;
        }

        location /short/ {
            admission_idempotency $http_idempotency_key owner=$http_x_owner;
            admission_inventory $http_x_sku quantity=$http_x_quantity
                mode=reserve;
            proxy_read_timeout 300ms;
            proxy_pass http://orders/;
        }

        location /each/ {
            admission_inventory $http_x_sku quantity=$http_x_quantity
                mode=reserve buyer=$http_x_owner per_buyer=2/1h;
            proxy_pass http://orders/;
        }

        location /limited/ {
            admission_limit few;
            admission_idempotency $http_idempotency_key owner=$http_x_owner;
            admission_inventory $http_x_sku quantity=$http_x_quantity
                mode=reserve;
            proxy_pass http://orders/;
        }

        location /look/ {
            admission_inventory $http_x_sku quantity=$http_x_quantity;
            proxy_pass http://orders/;
        }

        location /absent/ {
            admission_idempotency $http_idempotency_key owner=$http_x_owner;
            admission_inventory $http_x_sku mode=reserve;
            proxy_pass http://127.0.0.1:%{absent}/;
        }
    }
END


# Options: conf (what makes the store, in "http"), nodes (1), workers (2).
sub start {
    my ($class, %option) = @_;

    my $self = bless { nodes => 1, workers => 2, %option }, $class;

    $self->{secret} = File::Temp->new;
    print { $self->{secret} } 'k1:', 'ab' x 32, "\n";
    close $self->{secret};

    $self->{orders} = AdmOrders->start;
    $self->{node} = [ map { $self->_node } 1 .. $self->{nodes} ];

    if ($self->{conf} =~ /admission_redis/) {
        $self->ready($_) for 0 .. $self->{nodes} - 1;
    }

    return $self;
}


sub _node {
    my ($self) = @_;

    return AdmNginx->start(http => $HTTP, workers => $self->{workers},
        vars => { conf => $self->{conf}, keys => "$self->{secret}",
        orders => $self->{orders}->port, absent => free_port() });
}


sub node { return $_[0]{node}[$_[1]] }
sub orders { return $_[0]{orders} }


# True as soon as every worker of a node asks the store.
sub ready {
    my ($self, $node) = @_;

    return wait_for(sub { $self->node($node)->metric('store_up') == 1 });
}


# A request of a shopper.  Options: at (a location), how (of AdmOrders), key,
# owner, sku, quantity, body.

sub text_of {
    my ($self, %option) = @_;

    my %o = (at => 'buy', how => 'plain/200', owner => 'anna', body => 'x',
             %option);

    my %field = ('Idempotency-Key' => $o{key}, 'X-Owner' => $o{owner},
                 'X-Sku' => $o{sku}, 'X-Quantity' => $o{quantity},
                 'Accept' => 'application/json', Connection => 'close');

    return request_text('POST', "/$o{at}/$o{how}", body => $o{body},
        fields => join '', map { "$_: $field{$_}\r\n" }
                           grep { defined $field{$_} } sort keys %field);
}


sub ask {
    my ($self, $node, %option) = @_;

    my $client = AdmHttp->connect($self->node($node)->port('h1'))
        or die "cannot connect\n";

    $client->send($self->text_of(%option));

    return $client;
}


sub buy { return shift->ask(@_)->answer // { status => 'none', body => '' } }


# Waits until all nodes know that there is something of a SKU.
sub seen {
    my ($self, $sku) = @_;

    return wait_for(sub {
        !grep { said($self->buy($_, at => 'look', sku => $sku)) ne '200' }
            0 .. $self->{nodes} - 1;
    }, 10);
}


# What an answer says, "200" or "409 sold_out".
sub said {
    my ($answer) = @_;

    return 'none' if !$answer;

    my ($reason) = ($answer->{body} // '') =~ /"reason":"(\w+)"/;

    return join ' ', $answer->{status}, $reason // ();
}


# How often what was said, of clients that ask at once.
sub count {
    my (@clients) = @_;

    my %count;

    $count{ said($_->answer) }++ for @clients;

    return \%count;
}


# What operators are told.

sub control {
    my ($self, $node, $method, $path, $body) = @_;

    my $answer = fetch($self->node($node)->port('h1'), "/control$path",
        method => $method, body => defined $body
                                   ? JSON::PP::encode_json($body) : '',
        fields => defined $body || $method ne 'GET'
                  ? "Content-Type: application/json\r\n" : '');

    return $answer && $answer->{body} =~ /^\{/
           ? { status => $answer->{status},
               %{ JSON::PP::decode_json($answer->{body}) } }
           : { status => $answer ? $answer->{status} : 0 };
}


sub facts { return $_[0]->control(0, 'GET', "/inventory/$_[1]") }


# "available held unresolved committed expired" of a SKU.
sub stock {
    my ($self, $sku) = @_;

    return join ' ', map { $_ // '-' }
        @{ $self->facts($sku) }{qw(available held unresolved committed
                                   expired)};
}


# Tests that it is so before long.
sub stock_is {
    my ($self, $sku, $expected, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return becomes(sub { $self->stock($sku) }, $expected, $name);
}


# Tests that nodes owe the store nothing, as soon as that is so.
sub paid {
    my ($self, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $owed;

    wait_for(sub {
        $owed = 0;
        $owed += $_->metric('outbox_owed')
            for @{ $self->{node} };
        return $owed == 0;
    }, 15);

    return Test::More::is($owed, 0, $name // '  and nothing is owed');
}


sub trips {
    my ($self, $node, $command) = @_;

    return $self->node($node)->metric('store_trips_total',
                                      command => $command);
}


sub finish {
    my ($self, %option) = @_;

    $_->finish(%option) for @{ $self->{node} };

    return;
}


1;
