# Beside other modules: realip, limit_req, auth_basic, access.
#
# Behind a balancer every request comes from one address.  If the limit looks
# before realip has put the client's in its place, all customers share one
# budget, and the first second of the sale refuses everybody.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: realip in the server
--- http_config
admission_rate a $binary_remote_addr rate=1r/h burst=0;
--- config
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
location = /t { admission_limit a; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Real-IP: 10.0.0.1", "X-Real-IP: 10.0.0.2", "X-Real-IP: 10.0.0.1",
 "X-Real-IP: 10.0.0.3"]
--- error_code eval
[200, 200, 429, 200]



=== TEST 2: realip in the location
There it looks only once the location is known, in the phase that is ours too.
--- http_config
admission_rate a $binary_remote_addr rate=1r/h burst=0;
--- config
location = /t {
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    admission_limit a;
    empty_gif;
}
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Real-IP: 10.0.0.1", "X-Real-IP: 10.0.0.2", "X-Real-IP: 10.0.0.1",
 "X-Real-IP: 10.0.0.3"]
--- error_code eval
[200, 200, 429, 200]



=== TEST 3: realip in the location, an exact limit
--- http_config
admission_rate a $binary_remote_addr rate=1r/h burst=0 scope=exact;
--- config
location = /t {
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    admission_limit a;
    empty_gif;
}
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Real-IP: 10.0.0.1", "X-Real-IP: 10.0.0.2", "X-Real-IP: 10.0.0.1"]
--- error_code eval
[200, 200, 429]



=== TEST 4: an address of IPv6
--- http_config
admission_rate a $binary_remote_addr rate=1r/h burst=0;
--- config
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
location = /t { admission_limit a; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Real-IP: 2001:db8::1", "X-Real-IP: 2001:db8::2", "X-Real-IP: 2001:DB8:0::1"]
--- error_code eval
[200, 200, 429]



=== TEST 5: limit_req refuses: both have looked
Ours is behind realip at once, and so before limit_req: what limit_req
refuses has been charged here.
--- http_config
limit_req_zone $server_name zone=theirs:1m rate=1r/m;
admission_rate a $server_name rate=1r/h burst=9;
--- config
add_header X-Remaining $admission_remaining always;
location = /t { limit_req zone=theirs; admission_limit a; empty_gif; }
location = /a { admission_limit a; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /a"]
--- error_code eval
[200, 503, 200]
--- response_headers eval
["X-Remaining: 9", "X-Remaining: 8", "X-Remaining: 7"]



=== TEST 6: we refuse: limit_req is not charged
--- http_config
limit_req_zone $server_name zone=theirs:1m rate=1r/m;
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; limit_req zone=theirs; admission_limit a cost=$cost; empty_gif; }
location = /theirs { limit_req zone=theirs; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /theirs"]
--- error_code eval
[429, 429, 200]



=== TEST 7: limit_req delays: we are not asked twice
--- http_config
limit_req_zone $server_name zone=theirs:1m rate=10r/s;
admission_rate a $server_name rate=1r/h burst=9;
--- config
add_header X-Remaining $admission_remaining always;
location = /t { limit_req zone=theirs burst=5; admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 200]
--- response_headers eval
["X-Remaining: 9", "X-Remaining: 8", "X-Remaining: 7"]



=== TEST 8: limit_req delays, and an exact limit travels behind it
--- http_config
limit_req_zone $server_name zone=theirs:1m rate=10r/s;
admission_rate a $server_name rate=1r/h burst=1 scope=exact;
--- config
add_header X-Trips $admission_trips always;
location = /t { limit_req zone=theirs burst=5; admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 429]
--- response_headers eval
["X-Trips: 1", "X-Trips: 1", "X-Trips: 1"]



=== TEST 9: auth_basic denies: the rate stays charged
Else passwords could be guessed without limit.
--- http_config
admission_rate a $server_name rate=1r/h burst=1;
--- user_files
>>> passwords
alice:{PLAIN}secret
--- config
location = /t {
    admission_limit a;
    auth_basic shop;
    auth_basic_user_file ../html/passwords;
    empty_gif;
}
--- more_headers
Authorization: Basic YWxpY2U6d3Jvbmc=
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[401, 401, 429]



=== TEST 10: auth_basic denies: an exact limit has not travelled yet
--- http_config
admission_rate a $server_name rate=1r/h burst=0 scope=exact;
--- user_files
>>> passwords
alice:{PLAIN}secret
--- config
add_header X-Trips $admission_trips always;
location = /t {
    admission_limit a;
    auth_basic shop;
    auth_basic_user_file ../html/passwords;
    empty_gif;
}
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-None: 1", "Authorization: Basic YWxpY2U6d3Jvbmc=",
 ("Authorization: Basic YWxpY2U6c2VjcmV0") x 2]
--- error_code eval
[401, 401, 200, 429]
--- response_headers eval
["X-Trips: 0", "X-Trips: 0", "X-Trips: 1", "X-Trips: 1"]



=== TEST 11: who is denied by address is charged as well
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission_limit a; deny all; empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[403, 429]



=== TEST 12: the key may be who auth_basic says it is, for an exact limit too
$remote_user is the client's claim and known before it is proved.
--- http_config
admission_rate a $remote_user rate=1r/h burst=0;
--- config
location = /t { admission_limit a; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["Authorization: Basic YWxpY2U6c2VjcmV0", "Authorization: Basic YWxpY2U6c2VjcmV0",
 "X-None: 1"]
--- error_code eval
[200, 429, 200]
