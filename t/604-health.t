# admission_health: what a load balancer asks before it sends anybody here.
#
# A balancer that is refused, redirected, limited with the customers or given
# an answer from a cache takes a good node out of the sale, or leaves a bad
# one in.  Anybody may ask, so the answer tells nothing of who the node is.

use IO::Socket::INET ();
use Time::HiRes qw(sleep time);
use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

# what a request to /slow waits for
my $slow = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1",
                                  Timeout => 5) or die "cannot listen: $!";

$ENV{TEST_NGINX_SLOW_PORT} = $slow->sockport;

# "stalls": workers of a new configuration move lines, and are stopped for
# longer than a line may rest; one of the old is still there, and is asked
add_response_body_check(sub {
    my ($block) = @_;

    my $expected = $block->stalls // return;
    my $client = client();
    my ($old) = workers_of_nginx();

    print {$client} request_text("/slow");

    my $asked = $slow->accept;
    my @new = new_workers($old);

    kill STOP => @new;
    sleep 4;
    print {$asked} "HTTP/1.0 200 OK\r\n\r\n";
    close $asked;

    Test::More::like(read_answer($client), qr/$expected/, "stands still");

    kill CONT => @new;
    Test::More::like(becomes_ok(), qr/^\{"status":"ok",.*"rooms":"ok"/,
                     "moves again");
});

# "unkept": the directory of the state goes away, and comes back
add_response_body_check(sub {
    my ($block) = @_;

    my $dir = $block->unkept // return;
    my $client = client();

    $dir =~ s/\s+\z//;

    Test::More::like(health($client), qr/"state":"ok"/, "kept");

    rename $dir, "$dir.away";

    Test::More::like(becomes($client, qr/"state":"failing"/),
                     qr/^\{"status":"degraded",.*"state":"failing"/,
                     "nothing is kept");

    rename "$dir.away", $dir;

    Test::More::like(becomes($client, qr/"state":"ok"/),
                     qr/^\{"status":"ok",.*"state":"ok"/, "kept again");
});


sub client {
    return IO::Socket::INET->new(PeerAddr => "127.0.0.1", Timeout => 5,
                                 PeerPort => server_port()) // die "no nginx";
}

sub request_text {
    my ($path) = @_;

    return "GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

# those of a reload, once they have all taken up work
sub new_workers {
    my ($old) = @_;

    my $end = time + 10;

    kill HUP => master_of_nginx();

    sleep 0.1 while time < $end
                    && get(client(), "/status") !~ /^\w+_config_generation 2$/m;

    return grep { $_ != $old } workers_of_nginx();
}

sub becomes_ok {
    my $end = time + 10;
    my $said = "";

    sleep 0.1 while time < $end
                    && ($said = health(client())) !~ /^\{"status":"ok"/;

    return $said;
}

sub get {
    my ($client, $path) = @_;

    print {$client} request_text($path);

    return read_answer($client);
}

sub health {
    my ($client) = @_;

    return get($client, "/health");
}

sub read_answer {
    my ($client) = @_;

    my ($length, $body) = (0, "");

    while (defined(my $line = <$client>)) {
        $length = $1 if $line =~ /^Content-Length: (\d+)/i;
        last if $line eq "\r\n";
    }

    read $client, $body, $length;

    return $body;
}

# what it says at last: while the switch is turned, so that there is something
# to be kept
sub becomes {
    my ($client, $what) = @_;

    my $end = time + 15;
    my $said = "";
    my $n = 0;

    while (time < $end && ($said = health($client)) !~ $what) {
        my $change = $n++ % 2 ? '{"mode":null}' : '{"mode":"off"}';

        print {$client} "PATCH /control/admission HTTP/1.1\r\n"
                        . "Host: localhost\r\n"
                        . "Content-Type: application/json\r\nContent-Length: "
                        . length($change) . "\r\n\r\n$change";
        read_answer($client);
        sleep 0.2;
    }

    return $said;
}

sub master_of_nginx {
    my $file = server_root() . "/logs/nginx.pid";

    open my $in, "<", $file or die "cannot read $file: $!";

    return <$in> =~ /(\d+)/ ? $1 : die "no pid in $file";
}

sub workers_of_nginx {
    my $children = qx(ps -o pid=,args= --ppid ${\master_of_nginx()});

    return $children =~ /(\d+) nginx: worker process/g;
}

$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

master_on();

no_long_string();
run_tests();

__DATA__

=== TEST 1: all is well
--- config
location = /health { admission_health; }
--- request
GET /health
--- response_headers
Content-Type: application/json
Cache-Control: no-store
--- response_body_like eval
qr/^\{"status":"ok","mode":"on","redis":"off","circuit_breaker_state":"closed","rooms":"ok","stock":"off","outbox":"off","state":"off","loop_lag_seconds":\d\.\d+(?:e-\d+)?\}\z/



=== TEST 2: strict, and nothing is down
--- config
location = /health { admission_health strict; }
--- request
GET /health
--- response_body_like: ^\{"status":"ok",



=== TEST 3: HEAD has the fields, and no body
--- config
location = /health { admission_health; }
--- request
HEAD /health
--- response_headers_like
Content-Type: application/json
Cache-Control: no-store
Content-Length: [1-9]\d+
--- response_body



=== TEST 4: other methods
--- config
location = /health { admission_health; }
--- request eval
["POST /health\nx", "PUT /health\nx", "DELETE /health", "PATCH /health\n{}",
 "OPTIONS /health"]
--- error_code eval
[405, 405, 405, 405, 405]
--- response_headers eval
[("Allow: GET, HEAD") x 5]



=== TEST 5: anybody may ask, through whatever there is
--- config
location = /health { admission_health; }
--- request eval
[("GET /health") x 4]
--- more_headers eval
["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "Via: 1.1 cache",
 "Origin: https://elsewhere.example\nSec-Fetch-Site: cross-site"]
--- error_code eval
[200, 200, 200, 200]



=== TEST 6: by a socket, and announced
--- http_config
server {
    listen unix:$TEST_NGINX_HTML_DIR/health.sock;
    location = /health { admission_health; }
}
--- config
location = /health { proxy_pass http://unix:$TEST_NGINX_HTML_DIR/health.sock; }
--- request
GET /health
--- response_body_like: ^\{"status":"ok",



=== TEST 7: the site's own rules shut it, if it has some
--- config
location = /health { allow 192.0.2.0/24; deny all; admission_health; }
--- request
GET /health
--- error_code: 403



=== TEST 8: what the client sends is not in it
--- config
location = /health { admission_health; }
--- request
GET /health?evil=evil
--- more_headers
Host: evil
User-Agent: evil
X-Correlation-ID: evil
--- response_body_like: ^(?!.*evil)\{"status"



=== TEST 9: nor who the node is
--- config
location = /health { admission_health; }
--- request
GET /health
--- response_body_unlike eval
use Sys::Hostname ();
my $host = quotemeta Sys::Hostname::hostname();
qr/"node"|"version"|nginx|$host/



=== TEST 10: limits of the site do not shut it
In the sale everybody is over the limit: a node that says so is taken out.
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_limit a;
--- config
location = /health { admission_health; }
location = /t { empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /health", "GET /health"]
--- error_code eval
[200, 429, 200, 200]



=== TEST 11: nor under an if
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
admission_limit a;
--- config
location = /health { if ($arg_x) { set $y 1; } admission_health; }
--- request eval
[("GET /health?x=1") x 3, "GET /health"]
--- error_code eval
[200, 200, 200, 200]
--- response_body_like eval
['^\{"status":"ok"', '^\{"status":"ok"', '^\{"status":"ok"',
 '^\{"status":"ok"']



=== TEST 12: an if that answers itself
A file that is touched takes the node out.
--- config
location = /health { if (-f $document_root/drain) { return 503; } admission_health; }
location = /drained { if (-f $document_root/index.html) { return 503; } admission_health; }
--- user_files
>>> index.html
hello
--- request eval
["GET /health", "GET /drained"]
--- error_code eval
[200, 503]



=== TEST 13: other methods are refused by the site, and not by us
--- config
location = /health { limit_except GET { deny all; } admission_health; }
--- request eval
["GET /health", "HEAD /health", "POST /health\nx"]
--- error_code eval
[200, 200, 403]



=== TEST 14: a limit_except that lets some in, who get our answer
Without the handler they would be looked up as a file, and told 404.
--- config
location = /health { limit_except GET { allow 127.0.0.1; deny all; } admission_health; }
--- request eval
["GET /health", "POST /health\nx"]
--- error_code eval
[200, 405]
--- response_headers eval
["Content-Type: application/json", "Allow: GET, HEAD"]



=== TEST 15: a limit of its own location holds
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /health { admission_limit a; admission_health; }
--- request eval
["GET /health", "GET /health"]
--- error_code eval
[200, 429]



=== TEST 16: the mode that is configured: what locations with policies have
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /health { admission_health; }
location = /t { admission dry_run; admission_limit a; empty_gif; }
--- request
GET /health
--- response_body_like: "mode":"dry_run"



=== TEST 17: the mode: off
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
admission off;
location = /health { admission_health; }
location = /t { admission_limit a; empty_gif; }
--- request
GET /health
--- response_body_like: "mode":"off"



=== TEST 18: the mode: some this, some that
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /health { admission_health; }
location = /t { admission_limit a; empty_gif; }
location = /u { admission dry_run; admission_limit a; empty_gif; }
--- request
GET /health
--- response_body_like: "mode":"mixed"



=== TEST 19: the mode of locations without policies does not matter
--- http_config
admission_rate a $server_name rate=1r/h burst=0;
--- config
location = /health { admission_health; }
location = /t { admission_limit a; empty_gif; }
location = /u { admission off; empty_gif; }
--- request
GET /health
--- response_body_like: "mode":"on"



=== TEST 20: the operator's mode
--- config
location = /health { admission_health; }
location /control/ { admission_control; }
--- request eval
["GET /health", "PATCH /control/admission\n{\"mode\":\"off\"}", "GET /health"]
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 200, 200]
--- response_body_like eval
['"mode":"on"', "", '"status":"ok","mode":"off"']



=== TEST 21: a body that is sent to it is not read as a request
--- config
location = /health { admission_health; }
location = /next { return 200 "next\n"; }
--- pipelined_requests eval
["GET /health\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /next"]
--- error_code eval
[200, 200]
--- response_body_like eval
['^\{"status"', '^next$']



=== TEST 22: a body that is too large is refused, not kept
--- config
location = /health { client_max_body_size 10; admission_health; }
--- request
GET /health
0123456789x
--- error_code: 413



=== TEST 23: as a subrequest, so that a page may carry it
--- config
location = /page.html { ssi on; }
location = /health { admission_health; }
--- user_files
>>> page.html
before
<!--# include virtual="/health" -->
behind
--- request
GET /page.html
--- response_body_like eval
qr/^before\n\{"status":"ok".*\}\nbehind\n/s



=== TEST 24: as the judge of another location
--- config
location = /t { auth_request /health; empty_gif; }
location = /health { internal; admission_health; }
--- request
GET /t



=== TEST 25: an internal location is nobody's
--- config
location = /health { internal; admission_health; }
--- request
GET /health
--- error_code: 404



=== TEST 26: the line of a room stands still
--- http_config
admission_room drop { rate 50r/s; }
--- config
location = /health { admission_health; }
location = /slow { auth_request /answer; admission_health; }
location = /status { admission_status; }
location = /answer { proxy_pass http://127.0.0.1:$TEST_NGINX_SLOW_PORT; }
--- request
GET /health
--- stalls: ^\{"status":"degraded",.*"rooms":"stalled"



=== TEST 27: what must outlive a restart does not come to disk
--- http_config
admission_state $TEST_NGINX_HTML_DIR/state;
--- config
location = /health { admission_health; }
location /control/ { admission_control; }
--- request
GET /health
--- unkept eval: "$ENV{TEST_NGINX_HTML_DIR}/state"
--- no_error_log
[emerg]



=== TEST 28: nobody's name is in it
--- http_config
admission_room secret-drop { rate 50r/s; }
--- config
location = /health { admission_health; }
--- request
GET /health
--- response_body_unlike: secret-drop
