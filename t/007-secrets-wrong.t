# admission_secret_file and admission_state: what nginx -t says of wrong ones.
#
# Who knows a key lets in whom he likes.  So a file that others can read is
# refused, and so is every line that is not what it should be, with its place
# and never with what stands there: the text of a key, or of an id that is a
# key whose colon was forgotten, would lie in the log for years.

use File::Temp ();
use POSIX ();
use Test::Nginx::Socket 'no_plan';

my $good = "0123456789abcdef" x 4;

# these must be seen nowhere
my @secrets = ($good, "f00dfeed", "oops");

our $dir = File::Temp::tempdir(CLEANUP => 1);

sub secret {
    my ($name, $mode, $text) = @_;

    open my $out, ">", "$dir/$name" or die "cannot write $name: $!\n";
    print {$out} $text;
    close $out or die "cannot write $name: $!\n";
    chmod $mode, "$dir/$name" or die "cannot chmod $name: $!\n";
}

chmod 0755, $dir;

secret(good => 0600, "# of the shop\n\n  new:$good\t\r\n"
       . "old.1_-:" . uc($good) . "f0\n");
secret(readonly => 0400, "1:$good");
secret(most => 0600, join "", map { "k$_:$good\n" } 1 .. 16);
secret(longest => 0600, "x" x 32 . ":$good\n");
secret(full => 0600, "1:$good\n#" . "-" x (65536 - 68));

secret(group => 0640, "1:$good\n");
secret(world => 0604, "1:$good\n");
secret(written => 0602, "1:$good\n");
secret(empty => 0600, "");
secret(comments => 0600, "# 1:$good\n\n   \n");
secret(large => 0600, "1:$good\n#" . "-" x (65537 - 68));
secret(colon => 0600, "1:$good\n\n${good}f00dfeed\n");
secret(noid => 0600, ":$good\n");
secret(longid => 0600, "x" x 33 . ":$good\n");
secret(wrongid => 0600, "f00dfeed oops:$good\n");
secret(spaceid => 0600, "oops :$good\n");
secret(umlaut => 0600, "\xc3\xa4:$good\n");
secret(nul => 0600, "a\0b:$good\n");
secret(nokey => 0600, "1:\n");
secret(short => 0600, "2:$good\n1:" . substr($good, 2) . "\n");
secret(odd => 0600, "1:${good}a\n");
secret(digit => 0600, "1:" . substr($good, 1) . "g\n");
secret(spaced => 0600, "1: ${good}a\n");
secret(twice => 0600, "# a\nf00dfeed:$good\n2:$good\nf00dfeed:$good\n");
secret(many => 0600, join "", map { "k$_:$good\n" } 1 .. 17);

mkdir "$dir/directory", 0700;
mkdir "$dir/alike", 0700;
secret("alike/$_" => 0600, "") for qw(keys keyserver);
POSIX::mkfifo("$dir/fifo", 0600) or die "mkfifo: $!\n";
symlink "$dir/good", "$dir/link";

$ENV{TEST_NGINX_SECRETS} = $dir;
$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

# what nginx must say, of a file
sub said {
    my ($before, $name, $after) = @_;

    return ["[emerg]", "$before$dir/$name$after"];
}

# a block is a configuration that nginx must refuse, unless it is asked
add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "") if !defined $block->config;
    $block->set_value(no_error_log =>
                      join "\n", "[alert]", "[crit]", @secrets);

    return if defined $block->request;

    $block->set_value(request => "GET /");
    $block->set_value(must_die => "");
    $block->set_value(suppress_stderr => "");
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: two keys, comments, blanks, and the ends of lines of another system
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/good;
--- config
location = /in { return 200 "in service"; }
--- request
GET /in
--- response_body chomp
in service



=== TEST 2: a file that nobody may write, without a last end of line
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/readonly;
--- config
location = /in { return 200 "in service"; }
--- request
GET /in
--- response_body chomp
in service



=== TEST 3: as many keys as may be
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/most;
--- config
location = /in { return 200 "in service"; }
--- request
GET /in
--- response_body chomp
in service



=== TEST 4: the longest id
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/longest;
--- config
location = /in { return 200 "in service"; }
--- request
GET /in
--- response_body chomp
in service



=== TEST 5: the largest file
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/full;
--- config
location = /in { return 200 "in service"; }
--- request
GET /in
--- response_body chomp
in service



=== TEST 6: a link to a file
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/link;
--- config
location = /in { return 200 "in service"; }
--- request
GET /in
--- response_body chomp
in service



=== TEST 7: a file that a group may read
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/group;
--- error_log eval
main::said('secret file "', "group",
           '" is open to others than its owner, its mode is 0640: chmod 600 ')



=== TEST 8: a file that everybody may read
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/world;
--- error_log eval
main::said('secret file "', "world",
           '" is open to others than its owner, its mode is 0604: chmod 600 ')



=== TEST 9: a file that everybody may write
Who can write it has a key of his own.
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/written;
--- error_log eval
main::said('secret file "', "written",
           '" is open to others than its owner, its mode is 0602: chmod 600 ')



=== TEST 10: no such file
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/missing;
--- error_log eval
main::said('open() "', "missing",
           '" failed (2: No such file or directory) in')



=== TEST 11: a directory
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/directory;
--- error_log eval
main::said('secret file "', "directory",
           '" is not a regular file in')



=== TEST 12: a FIFO
nginx must not wait for somebody who writes.
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/fifo;
--- error_log eval
main::said('secret file "', "fifo",
           '" is not a regular file in')



=== TEST 13: an empty file
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/empty;
--- error_log eval
main::said('no keys in secret file "', "empty",
           '", one is made by: (umask 077; echo "1:$(openssl rand -hex 32)" > ')



=== TEST 14: a file of comments
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/comments;
--- error_log eval
main::said('no keys in secret file "', "comments",
           '", one is made by: (umask 077; echo "1:$(openssl rand -hex 32)" > ')



=== TEST 15: a file that is too large
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/large;
--- error_log eval
main::said('secret file "', "large",
           '" of 65537 bytes is too large, it may have 64k in')



=== TEST 16: a line without a colon
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/colon;
--- error_log eval
main::said('invalid line at ', "colon",
           ':3, it must be "ID:HEX" in')



=== TEST 17: no id
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/noid;
--- error_log eval
main::said('invalid id at ', "noid",
           ':1, it must be 1 to 32 letters, digits, "_", "." or "-" in')



=== TEST 18: an id one too long
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/longid;
--- error_log eval
main::said('invalid id at ', "longid",
           ':1, it must be 1 to 32 letters, digits, "_", "." or "-" in')



=== TEST 19: an id with a space
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/wrongid;
--- error_log eval
main::said('invalid id at ', "wrongid",
           ':1, it must be 1 to 32 letters, digits, "_", "." or "-" in')



=== TEST 20: a space behind the id
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/spaceid;
--- error_log eval
main::said('invalid id at ', "spaceid",
           ':1, it must be 1 to 32 letters, digits, "_", "." or "-" in')



=== TEST 21: an id that is not ASCII
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/umlaut;
--- error_log eval
main::said('invalid id at ', "umlaut",
           ':1, it must be 1 to 32 letters, digits, "_", "." or "-" in')



=== TEST 22: an id with a zero
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/nul;
--- error_log eval
main::said('invalid id at ', "nul",
           ':1, it must be 1 to 32 letters, digits, "_", "." or "-" in')



=== TEST 23: no key
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/nokey;
--- error_log eval
main::said('invalid key at ', "nokey",
           ':1, it must be an even number of hexadecimal digits, at least 64 in')



=== TEST 24: a key of 31 bytes
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/short;
--- error_log eval
main::said('invalid key at ', "short",
           ':2, it must be an even number of hexadecimal digits, at least 64 in')



=== TEST 25: half a byte too much
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/odd;
--- error_log eval
main::said('invalid key at ', "odd",
           ':1, it must be an even number of hexadecimal digits, at least 64 in')



=== TEST 26: a letter that is no digit
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/digit;
--- error_log eval
main::said('invalid key at ', "digit",
           ':1, it must consist of hexadecimal digits in')



=== TEST 27: a space before the key
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/spaced;
--- error_log eval
main::said('invalid key at ', "spaced",
           ':1, it must consist of hexadecimal digits in')



=== TEST 28: an id twice
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/twice;
--- error_log eval
main::said('the id at ', "twice",
           ':4 is already used at ')



=== TEST 29: a key too many
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/many;
--- error_log eval
main::said('too many keys at ', "many",
           ':17, there may be 16 in')



=== TEST 30: a second file
--- http_config
admission_secret_file $TEST_NGINX_SECRETS/good;
admission_secret_file $TEST_NGINX_SECRETS/most;
--- error_log
[emerg]
"admission_secret_file" directive is duplicate in



=== TEST 31: no file
--- http_config
admission_secret_file;
--- error_log
[emerg]
invalid number of arguments in "admission_secret_file" directive in



=== TEST 32: a second directory
--- http_config
admission_state $TEST_NGINX_SECRETS/a;
admission_state $TEST_NGINX_SECRETS/b;
--- error_log
[emerg]
"admission_state" directive is duplicate in



=== TEST 33: a directory without a name
--- http_config
admission_state "";
--- error_log
[emerg]
invalid path "" in "admission_state", it must be a directory in



=== TEST 34: a directory in one that there is not
--- http_config
admission_state $TEST_NGINX_SECRETS/none/state;
--- error_log
[emerg]
failed (2: No such file or directory)



=== TEST 35: a directory that is a file
--- http_config
admission_state $TEST_NGINX_SECRETS/good/;
--- error_log
[emerg]
/good" in "admission_state", it must be a directory in



=== TEST 36: a directory that nginx has for something else
--- http_config
proxy_temp_path $TEST_NGINX_SECRETS/temp;
admission_state $TEST_NGINX_SECRETS/temp/;
--- error_log
[emerg]
the same path name "



=== TEST 37: a directory of somebody else
--- http_config
admission_state $TEST_NGINX_SECRETS;
--- error_log eval
["[emerg]", qr{invalid path "\S+" in "admission_state", "\S+" is in it, and it must be a directory of its own in \S+/nginx\.conf:\d+}]



=== TEST 38: ... with what only begins as ours do
--- http_config
admission_state $TEST_NGINX_SECRETS/alike;
--- error_log
[emerg]
/alike" in "admission_state", "keyserver" is in it, and it must be a directory of its own in
