# $admission_decision_time: what the decision itself cost.
#
# Whoever asks whether it is us that is slow reads it in the access log, next
# to nginx's own times: seconds, as those are.  Where nothing was decided it
# is empty, so that an average is not one over pictures and stylesheets.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => ($block->http_config // "") . <<'_');
log_format said "said <$admission_decision_time>";
access_log logs/access.log said;
_
    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

# what a decision takes here: less than a second, on the slowest machine
our $Time = qr/^said <0\.\d{6}>$/m;

no_long_string();
run_tests();

__DATA__

=== TEST 1: admitted
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { admission_limit a; empty_gif; }
--- request
GET /t
--- access_log eval: $::Time



=== TEST 2: refused
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { set $cost 11; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 429
--- access_log eval: $::Time



=== TEST 3: invalid
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { set $cost x; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 400
--- access_log eval: $::Time



=== TEST 4: a rehearsal
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { set $cost 11; admission dry_run; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- access_log eval: $::Time



=== TEST 5: by the store, and not less than the trip took
--- http_config
admission_rate a $server_name rate=1r/h burst=9 scope=exact;
log_format both "both <$admission_decision_time $admission_store_time>";
access_log logs/access.log both;
--- config
location = /t { admission_limit a; empty_gif; }
--- request
GET /t
--- access_log eval
qr/^both <0\.\d{6} 0\.\d{6}>$/m



=== TEST 6: nothing applies
--- config
location = /t { empty_gif; }
--- request
GET /t
--- access_log
said <>



=== TEST 7: switched off
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { admission off; admission_limit a; empty_gif; }
--- request
GET /t
--- access_log
said <>



=== TEST 8: handlers of ours, under limits of the site
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
admission_limit a;
--- config
location = /status { admission_status; }
location = /health { admission_health; }
--- request eval
["GET /status", "GET /health"]
--- error_code eval
[200, 200]
--- access_log
said <>
--- no_access_log
said <0



=== TEST 9: admitted, and then denied: what it cost is lost, with the decision
Nothing was decided about one whom nginx did not let in.
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { admission_limit a; deny all; empty_gif; }
--- request
GET /t
--- error_code: 403
--- access_log
said <>



=== TEST 10: behind the site's error page it is that of the refusal
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
error_page 429 /slow;
location = /slow { internal; return 429 "slow\n"; }
location = /t { set $cost 11; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 429
--- access_log eval: $::Time



=== TEST 11: what the upstream is told
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    access_log off;
    location / { return 200 "$http_x_time\n"; }
}
--- config
location = /t {
    admission_limit a;
    proxy_set_header X-Time $admission_decision_time;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
GET /t
--- response_body_like: ^0\.\d{6}$



=== TEST 12: asked for before anything is decided
The answer must not be kept for later.
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t {
    set $early "<$admission_decision_time>";
    add_header X-Early $early;
    admission_limit a;
    empty_gif;
}
--- request
GET /t
--- response_headers
X-Early: <>
--- access_log eval: $::Time



=== TEST 13: not what the upstream took
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
log_format both "both <$admission_decision_time> <$upstream_response_time>";
access_log logs/access.log both;
--- config
location = /t {
    admission_limit a;
    proxy_http_version 1.1;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_reply_delay: 700ms
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
--- request
GET /t
--- access_log eval
qr/^both <0\.[0-4]\d{5}> <(?:0\.[6-9]|[1-9])/m
