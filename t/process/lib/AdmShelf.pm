package AdmShelf;

# A sale on one node, whose stock is in its own memory: the node, an upstream
# that takes orders and has bad days, and what the node says of SKUs and holds.
#
#     my $shelf = AdmShelf->start(seed => 1, fates => { sold => 1 });
#     $shelf->put('lamp', 100);
#     $shelf->buy(key => 'k1', sku => 'lamp');        # "201 admit"
#     $shelf->facts('lamp')->{available}
#
# Options of start(): those of AdmTill; state (a directory), workers, hold (a
# time), and text for http, the location (more) and its inventory (stock).  An
# order has a key, and fields: sku is X-Sku, and so on.
#
# SPDX-License-Identifier: BSD-2-Clause

use strict;
use warnings;

use JSON::PP ();

use AdmHttp qw(fetch request_text);
use AdmNginx qw(wait_for);
use AdmTill ();

my $HTTP = <<'END';
    %{state}
    %{http}
    admission_log_level error;
    access_log off;

    upstream till { server 127.0.0.1:%{till} max_fails=0; }

    server {
        listen 127.0.0.1:%{h1} backlog=1024 reuseport;    # both get some

        location = /status { admission_status; }
        location = /pid { return 200 $pid; }
        location /api/ { admission_inventory_api; }

        location / {
            %{more}
            admission_inventory $http_x_sku quantity=$http_x_quantity
                mode=reserve hold=%{hold} %{stock};

            proxy_ignore_client_abort on;
            proxy_read_timeout %{patience};
            proxy_set_header X-Hold $admission_hold;
            add_header X-Said "$admission_verdict $admission_reason" always;
            add_header X-Hold $admission_hold always;
            proxy_pass http://till;
        }
    }
END


sub start {
    my ($class, %option) = @_;

    my $self = bless { option => { workers => 2, hold => '1h',
        patience => '20s', more => '', http => '', stock => '', %option } }, $class;

    $self->{till} = AdmTill->start(longest => 0.05, %option);
    $self->open;

    return $self;
}


# A node of the same sale, anew.
sub open {
    my ($self, %other) = @_;

    my $option = $self->{option} = { %{ $self->{option} }, %other };

    $self->{nginx} = AdmNginx->start(http => $HTTP,
        workers => $option->{workers}, vars => $self->_vars);

    wait_for(sub { $self->{nginx}->serving == $option->{workers} }, 10);

    return $self->{nginx};
}


# The same one, with some options changed: true if it is in service.
sub change {
    my ($self, %other) = @_;

    $self->{option} = { %{ $self->{option} }, %other };

    $self->{nginx}->configure(vars => $self->_vars);

    return $self->{nginx}->reload;
}


sub _vars {
    my ($self) = @_;

    my $option = $self->{option};
    my $state = $option->{state} ? "admission_state $option->{state};" : '';

    return { till => $self->{till}->port, state => $state,
             map { $_ => $option->{$_} } qw(hold patience more http stock) };
}


sub nginx { return $_[0]{nginx} }
sub till { return $_[0]{till} }


sub request {
    my ($self, %order) = @_;

    my %field = ('Idempotency-Key' => delete $order{key},
                 map { ("X-\u$_" => $order{$_}) } keys %order);

    return request_text('POST', '/', body => 'order',
        fields => join '', "Connection: close\r\n",
            map { "$_: $field{$_}\r\n" } sort keys %field);
}


# How an order was answered; "nothing" if it was not.
sub buy {
    my ($self, %order) = @_;

    my $client = AdmHttp->connect($self->{nginx}->port('h1'))
        or return 'nobody';

    $client->send($self->request(%order));

    return $self->said($client->answer);
}


sub said {
    my ($self, $answer) = @_;

    return 'nothing' if !$answer;

    $self->{hold} = $answer->{field}{'x-hold'};

    my $said = $answer->{field}{'x-said'} // '';

    return "$answer->{status} $said" =~ s/ +$//r;
}


# Of the last one that was answered.
sub hold { return $_[0]{hold} }


# What a back end or an operator asks; nothing if nobody answers.
sub ask {
    my ($self, $method, $path, $change) = @_;

    my $answer = fetch($self->{nginx}->port('h1'), "/api$path",
        method => $method, body => $change ? JSON::PP::encode_json($change)
                                           : '',
        fields => "Content-Type: application/json\r\nContent-Length: "
            . ($change ? length JSON::PP::encode_json($change) : 0) . "\r\n")
        or return;

    return eval { JSON::PP::decode_json($answer->{body}) };
}


sub put { return $_[0]->ask(PUT => "/inventory/$_[1]", { available => $_[2] }) }
sub facts { return $_[0]->ask(GET => "/inventory/$_[1]") }


# Units wherever they are.
sub sum {
    my ($facts) = @_;

    my $sum = 0;

    $sum += $facts->{$_} // 0 for qw(available held unresolved committed);

    return $sum;
}


sub unresolved {
    return @{ $_[0]->ask(GET => '/holds?state=unresolved')->{holds} };
}


1;
