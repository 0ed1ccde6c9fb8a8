# Rates of scope "fleet": where nginx -t says that "exact" is the right word.
#
# Nodes decide such a rate at once and tell each other behind it.  If the burst
# is smaller than what they admit in between, the limit means little; the one
# who writes it has to learn this before the sale does.

use File::Temp ();
use IO::Socket::UNIX ();
use Test::Nginx::Socket 'no_plan';

our $dir = File::Temp::tempdir(CLEANUP => 1);

chmod 0755, $dir;

open my $out, '>', "$dir/keys" or die "cannot write keys: $!\n";
print {$out} 'k1:', 'a1' x 32, "\n";
close $out or die "cannot write keys: $!\n";
chmod 0600, "$dir/keys";

# there, and nobody behind it

my $silent = IO::Socket::UNIX->new(Local => "$dir/redis.sock", Listen => 16)
    or die "cannot listen on $dir/redis.sock: $!\n";

chmod 0777, "$dir/redis.sock";

$ENV{TEST_NGINX_FILES} = $dir;
$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config =>
                      "admission_secret_file \$TEST_NGINX_FILES/keys;\n"
                      . "admission_redis unix:\$TEST_NGINX_FILES/redis.sock;\n"
                      . ($block->http_config // ''));
    $block->set_value(config => 'location = /in { return 200 "in service"; }');
    $block->set_value(request => 'GET /in');
    $block->set_value(response_body_like => 'in service');
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: the default, a second's worth
--- http_config
admission_rate per_ip $binary_remote_addr rate=500r/s scope=fleet;
--- no_error_log
is small for
[emerg]



=== TEST 2: less than what a period brings
--- http_config
admission_rate per_ip $binary_remote_addr rate=500r/s burst=20 scope=fleet;
--- error_log
[warn]
burst 20 of rate "per_ip" is small for "scope=fleet": each node admits as many before it hears of others, and 50 in the 100 ms between two reports; use "scope=exact", or a burst of at least 50, in
--- no_error_log
[emerg]



=== TEST 3: just enough
--- http_config
admission_rate per_ip $binary_remote_addr rate=500r/s burst=50 scope=fleet;
--- no_error_log
is small for
[emerg]



=== TEST 4: a slow rate, whose burst is as small
--- http_config
admission_rate per_ip $binary_remote_addr rate=2r/s scope=fleet;
--- error_log
[warn]
burst 2 of rate "per_ip" is small for "scope=fleet": each node admits as many before it hears of others, and 0 in the 100 ms between two reports; use "scope=exact", or a burst of at least 10, in
--- no_error_log
[emerg]



=== TEST 5: another scope has no such trouble
--- http_config
admission_rate a $binary_remote_addr rate=500r/s burst=0 scope=exact;
admission_rate b $binary_remote_addr rate=500r/s burst=0 scope=node;
--- no_error_log
is small for
[emerg]
