# What the shop answers says what became of the units, and of the key.
#
# A unit that is held for an order that failed is not sold that evening, and
# one that goes back although it was sold is sold twice.  The shop's status
# says it, or, where all its statuses are the same, a field; that field is
# between the shop and the edge, and no client gets to see it.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;

    # what a block calls so is what its shop does; the other shop does as the
    # path says, and is asked once the first one has failed

    $block->set_value(http_config => <<'END' . $block->http_config . "}}\n");
admission_inventory lamp mode=reserve methods=POST;
admission_idempotency $http_idempotency_key owner=$http_x_buyer;
proxy_ignore_client_abort on;
absolute_redirect off;

upstream both {
    server 127.0.0.1:$TEST_NGINX_RAND_PORT_1 max_fails=0;
    server 127.0.0.1:$TEST_NGINX_RAND_PORT_2 backup;
}

upstream gone {
    server 127.0.0.1:1 max_fails=0;
    server 127.0.0.1:$TEST_NGINX_RAND_PORT_1 backup;
}

server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    admission off;

    location = /sells { return 200 "thanks\n"; }
    location = /has-it { return 409 "there already\n"; }
    location = /away { return 303 /bank; }
    location = /never {
        add_header Admission-Settle release always;
        return 409 "not here\n";
    }
    location = /knows {
        add_header Admission-Settle commit always;
        add_header Admission-Idempotency keep always;
        return 409 "thanks again\n";
    }
}

server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    admission off;

    location / {
END
    $block->set_value(config => ($block->config // <<'END') . <<'STOCK');
location = /buy { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
END
location /stock/ { admission_inventory_api; }
STOCK
});

# an order for two shops, the second of which does what is said
sub both {
    return <<"END";
location = /buy {
    proxy_next_upstream error timeout non_idempotent;
    proxy_pass http://both/$_[0];
}
END
}

# ten of them, a request, and how many are where then
sub sells { return ['PUT /stock/inventory/lamp' . "\n" . '{"total":10}',
    $_[0] // "POST /buy\nlamp", "GET /stock/inventory/lamp"] }

# ... the same order several times
sub repeats {
    my ($n) = @_;

    return ['PUT /stock/inventory/lamp' . "\n" . '{"total":10}',
        ("POST /buy\nlamp") x $n, "GET /stock/inventory/lamp"];
}

sub stock {
    my ($available, $held, $unresolved, $committed) = @_;

    return qr/"available":$available,"held":$held,"holds":\d+,
              "unresolved":$unresolved,"committed":$committed,/x;
}

sub heads {
    return ["Content-Type: application/json",
            ("Idempotency-Key: one\nX-Buyer: ann") x ($_[0] // 1),
            "Content-Type: application/json"];
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: 2xx: sold
--- http_config
return 201 "thanks\n";
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 201, 200]
--- response_body_like eval
["", "thanks", main::stock(9, 0, 0, 1)]



=== TEST 2: 4xx: not sold
--- http_config
return 402 "no money\n";
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 402, 200]
--- response_body_like eval
["", "no money", main::stock(10, 0, 0, 0)]



=== TEST 3: 3xx: who knows
--- http_config
return 303 /bank;
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 303, 200]
--- response_body_like eval
["", "", main::stock(9, 1, 0, 0)]



=== TEST 4: and 5xx
--- http_config
return 500;
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 500, 200]
--- response_body_like eval
["", "", main::stock(9, 1, 0, 0)]



=== TEST 5: the field counts before the status: commit
--- http_config
add_header Admission-Settle commit always;
return 303 /thanks;
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 303, 200]
--- response_headers eval
["", "! Admission-Settle", ""]
--- response_body_like eval
["", "", main::stock(9, 0, 0, 1)]



=== TEST 6: release, in any case
--- http_config
add_header ADMISSION-SETTLE Release always;
return 200 "failed\n";
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 200, 200]
--- response_headers eval
["", "! Admission-Settle", ""]
--- response_body_like eval
["", "failed", main::stock(10, 0, 0, 0)]



=== TEST 7: hold
--- http_config
add_header Admission-Settle hold always;
return 200 "pay there\n";
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 200, 200]
--- response_body_like eval
["", "pay there", main::stock(9, 1, 0, 0)]



=== TEST 8: of words that contradict each other the one that takes more care
--- http_config
add_header Admission-Settle release always;
add_header Admission-Settle commit always;
add_header Admission-Settle hold always;
return 404;
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 404, 200]
--- response_headers eval
["", "! Admission-Settle", ""]
--- response_body_like eval
["", "", main::stock(9, 0, 0, 1)]



=== TEST 9: a word that is none is as if it were not there
--- http_config
add_header Admission-Settle sold always;
return 200 "x";
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 200, 200]
--- response_body_like eval
["", "x", main::stock(9, 0, 0, 1)]



=== TEST 10: without an order nothing is set aside, and the field is stripped
--- http_config
add_header Admission-Settle commit always;
add_header Admission-Idempotency keep always;
add_header Admission-Session end always;
return 200 "x";
--- request eval
main::sells("GET /buy")
--- more_headers eval
main::heads()
--- error_code eval
[200, 200, 200]
--- response_headers eval
["", "! Admission-Settle
! Admission-Idempotency
! Admission-Session", ""]
--- response_body_like eval
["", "x", main::stock(10, 0, 0, 0)]



=== TEST 11: where we have nothing to say the shop's fields are its own
--- http_config
add_header Admission-Settle commit always;
return 200 "x";
--- config
location = /buy {
    admission_idempotency off;
    admission_inventory off;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 200, 200]
--- response_headers eval
["", "Admission-Settle: commit", ""]
--- response_body_like eval
["", "x", main::stock(10, 0, 0, 0)]



=== TEST 12: error_page changes what the client sees, and nothing else
--- http_config
return 500;
--- config
location = /buy {
    proxy_intercept_errors on;
    error_page 500 =200 /sorry;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location = /sorry { return 200 "sorry\n"; }
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 200, 200]
--- response_body_like eval
["", "sorry", main::stock(9, 1, 0, 0)]



=== TEST 13: nor does X-Accel-Redirect
--- http_config
add_header X-Accel-Redirect /bill;
add_header Admission-Settle commit;
return 303 /;
--- config
location = /buy { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location = /bill { internal; alias html/index.html; }
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 200, 200]
--- response_headers eval
["", "! Admission-Settle", ""]
--- response_body_like eval
["", "works", main::stock(9, 0, 0, 1)]



=== TEST 14: never reached: back at once
--- http_config
return 200;
--- config
location = /buy { proxy_pass http://127.0.0.1:1; }
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 502, 200]
--- response_body_like eval
["", "", main::stock(10, 0, 0, 0)]



=== TEST 15: sent, and never answered: unresolved
--- http_config
return 444;
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 502, 200]
--- response_body_like eval
["", "", main::stock(9, 0, 1, 0)]



=== TEST 16: ... and an error page of another location's does not change that
--- http_config
return 444;
--- config
location = /buy {
    error_page 502 = @other;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location @other { return 200 "we will write\n"; }
--- request eval
main::sells()
--- more_headers eval
main::heads()
--- error_code eval
[200, 200, 200]
--- response_body_like eval
["", "we will write", main::stock(9, 0, 1, 0)]



=== TEST 17: a repeat takes nothing
--- http_config
return 201 "thanks\n";
--- request eval
["PUT /stock/inventory/lamp\n" . '{"total":10}', ("POST /buy\nlamp") x 3,
 "GET /stock/inventory/lamp"]
--- more_headers eval
[main::heads()->[0], (main::heads()->[1]) x 3, ""]
--- error_code eval
[200, (201) x 3, 200]
--- response_body_like eval
["", ("thanks") x 3, main::stock(9, 0, 0, 1)]



=== TEST 18: forget: the next one is an order of its own
--- http_config
add_header Admission-Idempotency forget;
return 201 "thanks\n";
--- request eval
["PUT /stock/inventory/lamp\n" . '{"total":10}', ("POST /buy\nlamp") x 3,
 "GET /stock/inventory/lamp"]
--- more_headers eval
[main::heads()->[0], (main::heads()->[1]) x 3, ""]
--- error_code eval
[200, (201) x 3, 200]
--- response_headers eval
["", ("! Idempotent-Replayed
! Admission-Idempotency") x 3, ""]
--- response_body_like eval
["", ("thanks") x 3, main::stock(7, 0, 0, 3)]



=== TEST 19: keep, whatever the status
--- http_config
add_header Admission-Idempotency keep always;
return 503 "later\n";
--- request eval
["PUT /stock/inventory/lamp\n" . '{"total":10}', ("POST /buy\nlamp") x 2,
 "GET /stock/inventory/lamp"]
--- more_headers eval
[main::heads()->[0], (main::heads()->[1]) x 2, ""]
--- error_code eval
[200, 503, 503, 200]
--- response_headers eval
["", "! Idempotent-Replayed", "Idempotent-Replayed: true", ""]
--- response_body_like eval
["", "later", "later", main::stock(9, 1, 0, 0)]



=== TEST 20: the replay comes also when everything is sold
--- http_config
return 201 "thanks\n";
--- request eval
["PUT /stock/inventory/lamp\n" . '{"total":1}', ("POST /buy\nlamp") x 3]
--- more_headers eval
[main::heads()->[0], (main::heads()->[1]) x 2,
 "Idempotency-Key: two\nX-Buyer: bob\nAccept: application/json"]
--- error_code eval
[200, 201, 201, 409]
--- response_headers eval
["", "! Idempotent-Replayed", "Idempotent-Replayed: true", ""]
--- response_body_like eval
["", "thanks", "thanks", qr/"reason":"sold_out",.*"sku":"lamp"/]



=== TEST 21: all are reserved: and when to come back
--- http_config
return 303 /bank;
--- request eval
["PUT /stock/inventory/lamp\n" . '{"total":1}', ("POST /buy\nlamp") x 2]
--- more_headers eval
[main::heads()->[0], main::heads()->[1],
 "Idempotency-Key: two\nX-Buyer: bob\nAccept: application/json"]
--- error_code eval
[200, 303, 409]
--- response_body_like eval
["", "", qr/"reason":"all_reserved",.*"retry_after":\d+,"sku":"lamp"/]



=== TEST 22: never reached, and another shop takes the order: it is its answer
--- http_config
return 201 "thanks\n";
--- config
location = /buy {
    error_page 502 = @backup;
    proxy_pass http://127.0.0.1:1;
}
location @backup { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- request eval
main::repeats(3)
--- more_headers eval
main::heads(3)
--- error_code eval
[200, 201, 201, 201, 200]
--- response_headers eval
["", "! Idempotent-Replayed", ("Idempotent-Replayed: true") x 2, ""]
--- response_body_like eval
["", ("thanks") x 3, main::stock(9, 0, 0, 1)]



=== TEST 23: ... a page instead of a shop takes none
--- http_config
return 201 "thanks\n";
--- config
location = /buy {
    error_page 502 =200 /sorry;
    proxy_pass http://127.0.0.1:1;
}
location = /sorry { return 200 "sorry\n"; }
--- request eval
main::repeats(2)
--- more_headers eval
main::heads(2)
--- error_code eval
[200, 200, 200, 200]
--- response_headers eval
["", ("! Idempotent-Replayed") x 2, ""]
--- response_body_like eval
["", ("sorry") x 2, main::stock(10, 0, 0, 0)]



=== TEST 24: ... nor does another shop that is not there
--- http_config
return 201 "thanks\n";
--- config
location = /buy {
    error_page 502 = @backup;
    proxy_pass http://127.0.0.1:1;
}
location @backup { proxy_pass http://127.0.0.1:1; }
--- request eval
main::repeats(2)
--- more_headers eval
main::heads(2)
--- error_code eval
[200, 502, 502, 200]
--- response_body_like eval
["", "", "", main::stock(10, 0, 0, 0)]



=== TEST 25: one that was sent the order is silent, the next has it already
--- http_config
return 444;
--- config eval
main::both("has-it")
--- request eval
main::repeats(2)
--- more_headers eval
main::heads(2)
--- error_code eval
[200, 409, 409, 200]
--- response_body_like eval
["", "there already", "outcome_unknown|not known", main::stock(9, 0, 1, 0)]



=== TEST 26: ... or leads elsewhere
--- http_config
return 444;
--- config eval
main::both("away")
--- request eval
main::repeats(2)
--- more_headers eval
main::heads(2)
--- error_code eval
[200, 303, 409, 200]
--- response_body_like eval
["", "", "outcome_unknown|not known", main::stock(9, 0, 1, 0)]



=== TEST 27: ... it sells: that is known
--- http_config
return 444;
--- config eval
main::both("sells")
--- request eval
main::repeats(2)
--- more_headers eval
main::heads(2)
--- error_code eval
[200, 200, 200, 200]
--- response_headers eval
["", "! Idempotent-Replayed", "Idempotent-Replayed: true", ""]
--- response_body_like eval
["", "thanks", "thanks", main::stock(9, 0, 0, 1)]



=== TEST 28: ... it says itself what became of the order
--- http_config
return 444;
--- config eval
main::both("knows")
--- request eval
main::repeats(2)
--- more_headers eval
main::heads(2)
--- error_code eval
[200, 409, 409, 200]
--- response_headers eval
["", "! Idempotent-Replayed", "Idempotent-Replayed: true", ""]
--- response_body_like eval
["", "thanks again", "thanks again", main::stock(9, 0, 0, 1)]



=== TEST 29: ... also if it says of the units alone
--- http_config
return 444;
--- config eval
main::both("never")
--- request eval
main::repeats(2)
--- more_headers eval
main::heads(2)
--- error_code eval
[200, 409, 409, 200]
--- response_headers eval
["", ("! Idempotent-Replayed") x 2, ""]
--- response_body_like eval
["", ("not here") x 2, main::stock(10, 0, 0, 0)]



=== TEST 30: one that was never reached casts no doubt on the next
--- http_config
return 402 "no money\n";
--- config
location = /buy {
    proxy_next_upstream error timeout non_idempotent;
    proxy_pass http://gone;
}
--- request eval
main::repeats(2)
--- more_headers eval
main::heads(2)
--- error_code eval
[200, 402, 402, 200]
--- response_headers eval
["", "! Idempotent-Replayed", "Idempotent-Replayed: true", ""]
--- response_body_like eval
["", "no money", "no money", main::stock(10, 0, 0, 0)]
