# The variables: what logs and upstreams of a site are told.
#
# Dashboards of the shop are built on access logs with these names; a variable
# that is empty where it applies, or says of an admitted request that it was
# refused, makes the sale unreadable afterwards.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => ($block->http_config // "") . <<'_');
log_format said "said <$admission_verdict|$admission_reason|$admission_policy|"
                "$admission_remaining|$admission_trips|$admission_store_time>";
log_format line "line <$admission_room|$admission_ticket|$admission_position|"
                "$admission_wait>";
access_log logs/access.log said;
access_log logs/access.log line;
_
    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

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
--- access_log
said <admit|||9|0|>



=== TEST 2: refused
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { set $cost 11; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 429
--- access_log
said <limit|cost|a|10|0|>



=== TEST 3: refused for its rate
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- raw_request eval
"GET /t HTTP/1.1\r\nHost: localhost\r\n\r\nGET /t HTTP/1.0\r\nHost: localhost\r\n\r\n"
--- ignore_response
--- access_log
said <admit|||0|0|>
said <limit|rate|a|0|0|>



=== TEST 4: a cost that is none
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { set $cost x; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 400
--- access_log
said <invalid|bad_cost|a||0|>



=== TEST 5: nothing applies
--- config
location = /t { empty_gif; }
--- request
GET /t
--- access_log
said <|||||>



=== TEST 6: switched off
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { admission off; admission_limit a; empty_gif; }
--- request
GET /t
--- access_log
said <|||||>



=== TEST 7: an empty key: looked at, and without a budget
--- http_config
admission_rate a $arg_k rate=1r/h burst=9;
--- config
location = /t { admission_limit a; empty_gif; }
--- request
GET /t
--- access_log
said <admit||||0|>



=== TEST 8: by the store
--- http_config
admission_rate a $server_name rate=1r/h burst=9 scope=exact;
--- config
location = /t { admission_limit a; empty_gif; }
--- request
GET /t
--- access_log eval
qr/said <admit\|\|\|9\|1\|0\.\d{6}>/



=== TEST 9: refused by the store
--- http_config
admission_rate a $server_name rate=1r/h burst=9 scope=exact;
--- config
location = /t { set $cost 11; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 429
--- access_log eval
qr/said <limit\|cost\|a\|10\|1\|0\.\d{6}>/



=== TEST 10: admitted, and then not there
The verdict is ours, the 404 is the site's.
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { admission_limit a; root html/nowhere; }
--- request
GET /t
--- error_code: 404
--- access_log
said <admit|||9|0|>



=== TEST 11: charged, and then denied
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { admission_limit a; deny all; empty_gif; }
--- request
GET /t
--- error_code: 403
--- access_log eval
qr/said <(admit)?\|\|\|9\|0\|>/



=== TEST 12: behind the site's error page they are those of the refusal
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
error_page 429 /slow;
location = /slow { internal; return 429 "slow\n"; }
location = /t { set $cost 11; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_code: 429
--- access_log
said <limit|cost|a|10|0|>



=== TEST 13: what the upstream is told
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    access_log off;
    location / { return 200 "$http_x_said\n"; }
}
--- config
location = /t {
    admission_limit a;
    proxy_set_header X-Said "$admission_verdict $admission_remaining $admission_trips";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
GET /t
--- response_body
admit 9 0



=== TEST 14: asked for before anything is decided
In the rewrite phase they are empty; the answer must not be kept for later.
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t {
    set $early "<$admission_verdict$admission_reason$admission_policy$admission_remaining$admission_trips>";
    add_header X-Early $early;
    admission_limit a;
    empty_gif;
}
--- request
GET /t
--- response_headers
X-Early: <>
--- access_log
said <admit|||9|0|>



=== TEST 15: the version
--- config
location = /t { return 200 "$admission_version\n"; }
--- request
GET /t
--- response_body_like: ^\d+\.\d+\.\d+$



=== TEST 16: no room
--- http_config
admission_rate a $server_name rate=1r/h burst=9;
--- config
location = /t { admission_limit a; empty_gif; }
--- request
GET /t
--- access_log
line <|||>



=== TEST 17: in line
Whoever comes first has the first number, and is first.
--- http_config
admission_room drop { rate 1r/h; mode always; }
--- config
location = /t { admission_wait drop; empty_gif; }
--- request
GET /t
--- error_code: 503
--- access_log eval
["said <wait|in_line|drop||0|>", qr/^line <drop\|1\|1\|\d+>$/]



=== TEST 18: let in at once: no number, and no position
--- http_config
admission_room drop { rate 50r/s; }
--- config
location = /t { admission_wait drop; empty_gif; }
--- request
GET /t
--- access_log
said <admit||||0|>
line <drop|||>



=== TEST 19: only asked, and paused
--- http_config
admission_room drop { rate 50r/s; }
--- config
location /control/ { admission_control; }
location = /t { admission_wait drop; empty_gif; }
--- raw_request eval
"PATCH /control/rooms/drop HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"state\":\"paused\"}GET /t HTTP/1.0\r\nHost: localhost\r\nAdmission-Poll: 1\r\n\r\n"
--- ignore_response
--- access_log
line <drop|||>



=== TEST 20: two rooms: the last that was asked
--- http_config
admission_room first { rate 50r/s; }
admission_room second { rate 1r/h; mode always; }
--- config
admission_wait first;
location = /t { admission_wait first; admission_wait second; empty_gif; }
--- request
GET /t
--- error_code: 503
--- access_log eval
["said <wait|in_line|second||0|>", qr/^line <second\|1\|1\|\d+>$/]



=== TEST 21: a dry run has them of its own line
--- http_config
admission_room drop { rate 1r/h; mode always; }
--- config
location = /t { admission dry_run; admission_wait drop; empty_gif; }
--- request
GET /t
--- access_log eval
["said <wait|in_line|drop||0|>", qr/^line <drop\|1\|1\|\d+>$/]
