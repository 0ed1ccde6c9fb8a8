# admission dry_run: the rehearsal of a limit.
#
# A new limit is run dry for a day before it is trusted.  If it refuses one
# customer, takes from the budget that is in force, or counts otherwise than
# it would when it is real, the rehearsal is worse than none.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: all are admitted
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { admission dry_run; admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 200]
--- response_headers eval
[("! Retry-After\n! RateLimit\n! RateLimit-Policy\n! Cache-Control") x 3]



=== TEST 2: and the variables say what would have been
--- http_config
admission_rate a $server_name rate=1r/h burst=1;
--- config
add_header X-Said "$admission_verdict $admission_reason $admission_policy $admission_remaining" always;
location = /t { admission dry_run; admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 200, 200]
--- response_headers eval
["X-Said: admit   1", "X-Said: admit   0", "X-Said: limit rate a 0",
 "X-Said: limit rate a 0"]



=== TEST 3: the budget that is in force is not touched
--- http_config
admission_rate a $server_name rate=1r/h burst=2;
--- config
add_header X-Remaining $admission_remaining always;
location = /dry { admission dry_run; admission_limit a; empty_gif; }
location = /real { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /dry", "GET /dry", "GET /dry", "GET /dry", "GET /real", "GET /real",
 "GET /real", "GET /real", "GET /dry"]
--- error_code eval
[200, 200, 200, 200, 200, 200, 200, 429, 200]
--- response_headers eval
["X-Remaining: 2", "X-Remaining: 1", "X-Remaining: 0", "X-Remaining: 0",
 "X-Remaining: 2", "X-Remaining: 1", "X-Remaining: 0", "X-Remaining: 0",
 "X-Remaining: 0"]



=== TEST 4: it is logged, and says so
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /t { set $cost 2; admission dry_run; admission_limit a cost=$cost; empty_gif; }
--- request
GET /t
--- error_log
admission: limit by rate "a", reason: cost
, dry run, correlation: "



=== TEST 5: the rehearsal counts as the real one, with its label
--- http_config
admission_rate a $server_name rate=1r/h burst=1;
--- config
location = /t { admission dry_run; admission_limit a; empty_gif; }
location = /status { admission_status; }
--- request eval
["GET /t", "GET /t", "GET /t", "GET /status"]
--- error_code eval
[200, 200, 200, 200]
--- response_body_like eval
["GIF", "GIF", "GIF",
 qr/(?m)^admission_requests_total\{site="",verdict="admit",reason="",dry_run="0"\} 0$
^admission_requests_total\{site="",verdict="admit",reason="",dry_run="1"\} 2$
^admission_requests_total\{site="",verdict="limit",reason="rate",dry_run="0"\} 0$
^admission_requests_total\{site="",verdict="limit",reason="rate",dry_run="1"\} 1$
(?s:.*)
^admission_policy_total\{policy="rate",name="a",verdict="admit",dry_run="0"\} 0$
^admission_policy_total\{policy="rate",name="a",verdict="admit",dry_run="1"\} 2$
^admission_policy_total\{policy="rate",name="a",verdict="limit",dry_run="1"\} 1$/]



=== TEST 6: all policies are computed, not only up to the first refusal
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_rate b $server_name rate=1r/h burst=0;
--- config
add_header X-Said "<$admission_verdict $admission_policy>" always;
location = /t {
    admission dry_run;
    admission_limit a;
    admission_limit b;
    empty_gif;
}
location = /status { admission_status; }
--- request eval
["GET /t", "GET /t", "GET /status"]
--- error_code eval
[200, 200, 200]
--- response_headers eval
["X-Said: <admit >", "X-Said: <limit a>", "! X-Nothing"]
--- response_body_like eval
["GIF", "GIF",
 qr/(?m)^admission_policy_total\{policy="rate",name="a",verdict="limit",dry_run="1"\} 1$
(?s:.*)
^admission_policy_total\{policy="rate",name="b",verdict="limit",dry_run="1"\} 1$/]



=== TEST 7: a bad cost would have been a 400
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
add_header X-Said "$admission_verdict $admission_reason" always;
location = /t { admission dry_run; admission_limit a cost=$arg_n; empty_gif; }
--- request
GET /t?n=x
--- response_headers
X-Said: invalid bad_cost



=== TEST 8: exact limits make their trip, and take nothing
--- http_config
admission_rate a $server_name rate=1r/h burst=0 scope=exact;
--- config
add_header X-Said "$admission_verdict $admission_trips" always;
location = /dry { admission dry_run; admission_limit a; empty_gif; }
location = /real { admission_limit a; empty_gif; }
--- pipelined_requests eval
["GET /dry", "GET /dry", "GET /real", "GET /real"]
--- error_code eval
[200, 200, 200, 429]
--- response_headers eval
["X-Said: admit 1", "X-Said: limit 1", "X-Said: admit 1", "X-Said: limit 1"]



=== TEST 9: a rehearsal, then a redirect to where it is real
What a rehearsal said of another limit is not what the client is told.
--- http_config
admission_rate dry $server_name rate=1r/h burst=0;
admission_rate real $server_name rate=1r/m burst=0;
--- config
location = /t {
    admission dry_run;
    admission_limit dry;
    try_files /nowhere /real;
}
location = /real { admission_limit real; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers eval
["! RateLimit-Policy", qq{Retry-After: 60
RateLimit-Policy: "real";q=1;w=60}]
--- response_body_like eval
["GIF", '"policy":"real"']



=== TEST 10: and one who passes there was admitted
The rehearsal refused, the real limit did not: counted and told as refused,
the request would be missing among those that reached the upstream.
--- http_config
admission_rate dry $server_name rate=1r/h burst=0;
admission_rate real $server_name rate=1r/h burst=9;
--- config
add_header X-Verdict $admission_verdict always;
location = /t {
    admission dry_run;
    admission_limit dry;
    try_files /nowhere /real;
}
location = /real { admission_limit real; empty_gif; }
location = /status { admission_status; }
--- request eval
["GET /t", "GET /t", "GET /status"]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
["GIF", "GIF",
 qr/(?m)^admission_requests_total\{site="",verdict="limit",reason="rate",dry_run="0"\} 0$/]
