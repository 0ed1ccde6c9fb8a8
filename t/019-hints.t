# What is right for nginx, and hardly what was meant: what nginx -t warns of.
#
# A key without its "$" holds all clients to one budget, an owner without one
# gives the answers of each to all: both work on the desk, with one client, and
# fail on the day of the sale.  What is warned of is accepted, since it may be
# meant; and whoever means it must not be warned of the other thing as well.

use File::Temp ();
use Test::Nginx::Socket 'no_plan';

our $dir = File::Temp::tempdir(CLEANUP => 1);

chmod 0755, $dir;

open my $out, '>', "$dir/keys" or die "cannot write keys: $!\n";
print {$out} 'k1:', 'a1' x 32, "\n";
close $out or die "cannot write keys: $!\n";
chmod 0600, "$dir/keys";

# a directory of state: what is not read may be anything
mkdir "$dir/kept", 0700;
mkdir "$dir/kept/lost+found", 0700;

for my $name (qw(room-old room-old~ keys.old stock~ lock.2026 .nfs00a7)) {
    open my $kept, '>', "$dir/kept/$name" or die "cannot write $name: $!\n";
    close $kept or die "cannot write $name: $!\n";
}

$ENV{TEST_NGINX_FILES} = $dir;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => ($block->config // '')
                      . 'location = /in { return 200 "in service"; }');
    $block->set_value(request => 'GET /in');
    $block->set_value(response_body => 'in service');

    my $warnings = defined $block->error_log ? '' : "[warn]\n";

    $block->set_value(no_error_log => "${warnings}[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
    $block->set_value(suppress_stderr => '') if defined $block->error_log;
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: a key whose "$" is missing
--- http_config
admission_rate a binary_remote_addr rate=1r/s;
--- config
location = /t { admission_limit a; }
--- error_log eval
["[warn]",
 qr{key "binary_remote_addr" of rate "a" at \S+/nginx\.conf:\d+ is a text, the same for all requests; the variable is "\$binary_remote_addr"$}]



=== TEST 2: ... of those that there are for all names
--- http_config
admission_rate a Cookie_account rate=1r/s scope=exact;
--- config
location = /t { admission_limit a; }
--- error_log eval
["[warn]",
 qr{key "Cookie_account" of rate "a" at \S+ is a text, the same for all requests; the variable is "\$Cookie_account"$}]



=== TEST 3: ... that the site has made, behind the rate
--- http_config
admission_rate a account rate=1r/s;
map $cookie_a $account { default $cookie_a; }
--- config
location = /t { admission_limit a; }
--- error_log eval
["[warn]",
 qr{key "account" of rate "a" at \S+ is a text, the same for all requests; the variable is "\$account"$}]



=== TEST 4: keys that are texts, and no names of anything
--- http_config
admission_rate a all rate=1r/s;
admission_rate b cookie_ rate=1r/s;
admission_rate c binary_remote_addr: rate=1r/s;
admission_rate d "remote addr" rate=1r/s;
--- config
location = /t { admission_limit a; admission_limit b; admission_limit c;
    admission_limit d; }



=== TEST 5: a name before its password is looked at
--- http_config
admission_rate a $remote_user rate=1r/s;
--- config
location = /t { admission_limit a; }
--- error_log eval
["[warn]",
 qr{key "\$remote_user" of rate "a" at \S+/nginx\.conf:\d+ is looked at before the password is: anybody can use up what another has by giving that one's name; use "scope=exact"$}]



=== TEST 6: ... beside another, in a fleet
--- http_config
admission_secret_file $TEST_NGINX_FILES/keys;
admission_redis redis://127.0.0.1:1;
admission_rate a $host:${Remote_User} rate=10r/s burst=10 scope=fleet;
--- config
location = /t { admission_limit a; }
--- error_log eval
["[warn]",
 qr{key "\$host:\$\{Remote_User\}" of rate "a" at \S+ is looked at before}]



=== TEST 7: ... and behind it
--- http_config
admission_rate a $remote_user rate=1r/s scope=exact;
admission_rate b $cookie_remote_user rate=1r/s;
--- config
location = /t { admission_limit a; admission_limit b; }



=== TEST 8: an owner who is everybody
--- config
location = /t { admission_idempotency $http_k owner=all; }
--- error_log eval
["[warn]",
 qr{"owner=all" of "admission_idempotency" has no variable: all who call are one owner, and who sends the key of another gets that one's answer; this is right for a single caller only, in \S+/nginx\.conf:\d+$}]



=== TEST 9: a sale that is over
--- http_config
admission_secret_file $TEST_NGINX_FILES/keys;
admission_room a { rate 1r/s; ends 2020-01-01T00:00:00Z; }
admission_room b { rate 1r/s; ends 2099-01-01T00:00:00Z; }
--- config
location = /a { admission_wait a; }
location = /b { admission_wait b; }
--- grep_error_log eval: qr/room "." at.*/
--- grep_error_log_out eval
qr{^room "a" at \S+/nginx\.conf:\d+: its "ends" is in the past, so nobody gets a number or a pass\n$}
--- error_log
[warn]



=== TEST 10: keys and stock that are in a store are kept there
--- http_config
admission_secret_file $TEST_NGINX_FILES/keys;
admission_redis redis://127.0.0.1:1;
admission_state $TEST_NGINX_FILES/state;
--- config
location = /t { admission_idempotency $http_k owner=$remote_user; }
--- error_log eval
["[warn]",
 qr{"admission_state" at \S+/nginx\.conf:\d+ keeps nothing of rooms, keys and stock, they are in the store that "admission_redis" names$}]



=== TEST 11: ... of which there are none: what control sets is kept here
--- http_config
admission_secret_file $TEST_NGINX_FILES/keys;
admission_redis redis://127.0.0.1:1;
admission_state $TEST_NGINX_FILES/state;
--- no_error_log
keeps nothing
[alert]
[emerg]
[crit]



=== TEST 12: files of state, and what stands beside them
--- http_config
admission_state $TEST_NGINX_FILES/kept;
admission_secret_file $TEST_NGINX_FILES/keys;
--- no_error_log
is in it
[alert]
[emerg]
[crit]



=== TEST 13: a rate and a room that no location has
--- http_config
admission_secret_file $TEST_NGINX_FILES/keys;
admission_rate a $binary_remote_addr rate=1r/s;
admission_rate used $binary_remote_addr rate=1r/s;
admission_room b { rate 1r/s; }
admission_room waits { rate 1r/s; }
admission_room asks { rate 1r/s; }
--- config
admission_limit used;
location = /t { admission_wait waits; }
location /line { admission_room_api asks; }
--- grep_error_log eval: qr/\w+ "\w+" at .* has no effect.*/
--- grep_error_log_out eval
qr{\Arate "a" at \S+/nginx\.conf:\d+ has no effect: no "admission_limit" puts it before a location
room "b" at \S+/nginx\.conf:\d+ has no effect: no "admission_wait" puts it before a location
\z}
--- error_log
[warn]
