# Who gets the page and who gets JSON: Accept, with its weights.
#
# A browser that is shown JSON loses a customer; an app that gets a page says
# "unexpected error".  The bodies are the same for all reasons, so one reason
# stands for all here.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]")
        if !defined $block->no_error_log;
});

# a row: what is asked for, and "page" or "json"
add_block_preprocessor(sub {
    my ($block) = @_;

    my @rows = map { [split / => /] } split /\n/, $block->table // return;
    my %type = (page => "text/html; charset=utf-8",
                json => "application/problem+json");

    $block->set_value(http_config =>
        "admission_rate a \$server_name rate=1r/h;");
    $block->set_value(config =>
        "location = /t { set \$cost 3; admission_limit a cost=\$cost; empty_gif; }");
    $block->set_value(request => [map { "GET /t" } @rows]);
    $block->set_value(more_headers => [map { "Accept: $_->[0]" } @rows]);
    $block->set_value(error_code => [map { 429 } @rows]);
    $block->set_value(response_headers => [map {
        "Content-Type: $type{$_->[1]}\nVary: Accept" } @rows]);
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: browsers
--- table
text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8 => page
text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8 => page
text/html, application/xhtml+xml, image/jxr, */* => page
text/html => page
TEXT/HTML => page
application/xhtml+xml => page



=== TEST 2: programs
--- table
application/json => json
application/problem+json => json
application/json, text/plain, */* => json
*/* => json
application/* => json
text/plain => json
image/webp,*/* => json



=== TEST 3: both are named: the weights decide, and a tie is the person's
--- table
text/html;q=0.5, application/json => json
text/html, application/json;q=0.5 => page
application/json, text/html => page
application/json;q=0.9, text/html;q=0.9 => page
text/html;q=0.899, application/problem+json;q=0.9 => json
application/json;q=0.5, application/problem+json;q=0.9, text/html;q=0.7 => json



=== TEST 4: what is not wanted
--- table
text/html;q=0 => json
text/html;q=0, */* => json
text/html;q=0.001 => page
application/json;q=0, text/html;q=0.1 => page
text/html, */*;q=0 => page



=== TEST 5: a range is not a person
Many programs send */* or text/*; a page is for who names it.
--- table
text/* => json
text/*, application/json;q=0.1 => json
text/html;q=0.3, application/* => json



=== TEST 6: what cannot be read says nothing
--- table
text => json
text/html;q=x => json
text/html;q=x, application/json => json
;,; => json
/html => json
text/html;level=1 => json
text/html;charset=utf-8 => page
"text/html", application/json => json



=== TEST 7: no field, and several fields
--- http_config
admission_rate a $server_name rate=1r/h;
--- config
location = /t { set $cost 3; admission_limit a cost=$cost; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Accept: text/html", "Accept: application/json;q=0.5\nAccept: text/html",
 "Accept: \nAccept: text/html;q=0.5\nAccept: application/json"]
--- error_code eval
[429, 429, 429]
--- response_headers eval
["Content-Type: application/problem+json", "Content-Type: text/html; charset=utf-8",
 "Content-Type: application/problem+json"]
