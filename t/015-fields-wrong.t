# admission_body_field: what nginx -t says of a wrong one.
#
# A pointer or a pattern that was meant otherwise finds nothing in any body,
# or another thing: the sale stands still, or is open.  Whatever is not
# understood has to be refused with a sentence that says what would have been.

use Test::Nginx::Socket 'no_plan';

# every block here is a configuration that nginx must refuse
add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => "") if !defined $block->config;
    $block->set_value(request => "GET /");
    $block->set_value(must_die => "");
    $block->set_value(suppress_stderr => "");
    $block->set_value(no_error_log => "[alert]\n[crit]");
});

no_long_string();
run_tests();

__DATA__

=== TEST 1: no variable
--- http_config
admission_body_field sku json=/sku;
--- error_log
[emerg]
invalid variable name "sku" in "admission_body_field", it must begin with "$" in



=== TEST 2: a variable without a name
--- http_config
admission_body_field $ json=/sku;
--- error_log
[emerg]
invalid variable name "$" in "admission_body_field", it must begin with "$" in



=== TEST 3: twice
--- http_config
admission_body_field $sku json=/sku;
admission_body_field $sku form=sku;
--- error_log eval
[qr/\[emerg\] .*body field "\$sku" is already defined at \S+nginx\.conf:\d+ in/]



=== TEST 4: a variable of nginx
--- http_config
admission_body_field $uri json=/sku;
--- error_log
[emerg]
the duplicate "uri" variable in



=== TEST 5: a variable of nginx that may be set
--- http_config
admission_body_field $args json=/sku;
--- error_log
[emerg]
variable "$args" in "admission_body_field" is defined already, by another directive in



=== TEST 6: a variable of ours
--- http_config
admission_body_field $admission_verdict json=/sku;
--- error_log
[emerg]
the duplicate "admission_verdict" variable in



=== TEST 7: a variable of a map that follows
--- http_config
admission_body_field $sku json=/sku;
map $uri $sku { default a; }
--- error_log
[emerg]
the duplicate "sku" variable in



=== TEST 8: a variable that is set
--- http_config
admission_body_field $sku json=/sku;
--- config
set $sku A;
--- error_log
[emerg]
the duplicate "sku" variable in



=== TEST 9: nothing of the body
--- http_config
admission_body_field $sku max=8k;
--- error_log
[emerg]
"admission_body_field" of "$sku" must have "json=", "form=" or "regex=" parameter in



=== TEST 10: nothing else
--- http_config
admission_body_field $sku;
--- error_log
[emerg]
"admission_body_field" of "$sku" must have "json=", "form=" or "regex=" parameter in



=== TEST 11: two of them
--- http_config
admission_body_field $sku json=/sku form=sku;
--- error_log
[emerg]
"admission_body_field" of "$sku" must have only one of "json=", "form=" and "regex=" parameters in



=== TEST 12: one of them twice
--- http_config
admission_body_field $sku json=/sku json=/x;
--- error_log
[emerg]
duplicate parameter "json=/x" in "admission_body_field" in



=== TEST 13: an unknown parameter
--- http_config
admission_body_field $sku xml=/sku;
--- error_log
[emerg]
invalid parameter "xml=/sku" in "admission_body_field", it must be "json=", "form=", "regex=", "max=" or "methods=" in



=== TEST 14: no pointer
--- http_config
admission_body_field $sku json=sku;
--- error_log
[emerg]
invalid value "sku" of "json=" in "admission_body_field", it must be a JSON pointer of at most 32 parts, as "/sku" or "/items/*/sku" in



=== TEST 15: an empty pointer
--- http_config
admission_body_field $sku json=;
--- error_log
[emerg]
invalid value "" of "json=" in "admission_body_field", it must be a JSON pointer



=== TEST 16: a pointer with an escape that is none
--- http_config
admission_body_field $sku json=/a~2b;
--- error_log
[emerg]
invalid value "/a~2b" of "json=" in "admission_body_field", it must be a JSON pointer



=== TEST 17: a pointer of many parts
--- http_config eval
'admission_body_field $sku json=' . '/a' x 33 . ';'
--- error_log eval
['invalid value "' . '/a' x 33
 . '" of "json=" in "admission_body_field", it must be a JSON pointer of at']



=== TEST 18: a form without a name
--- http_config
admission_body_field $sku form=;
--- error_log
[emerg]
invalid value "" of "form=" in "admission_body_field", it must be the name of a field, as "sku" in



=== TEST 19: a regex that is none
--- http_config
admission_body_field $sku "regex=a(";
--- error_log
[emerg]
pcre2_compile() failed: missing closing parenthesis
, of "regex=" in "admission_body_field" in



=== TEST 20: a regex without a value
--- http_config
admission_body_field $sku regex=sku;
--- error_log
[emerg]
invalid value "sku" of "regex=" in "admission_body_field", it must be a regular expression of bytes with the value in parentheses in



=== TEST 21: a regex of characters
--- http_config
admission_body_field $sku "regex=(*UTF)a(.)";
--- error_log
[emerg]
invalid value "(*UTF)a(.)" of "regex=" in "admission_body_field", it must be a regular expression of bytes with the value in parentheses in



=== TEST 22: no size
--- http_config
admission_body_field $sku json=/sku max=large;
--- error_log
[emerg]
invalid value "large" of "max=" in "admission_body_field", it must be a size from 1 to 1m in



=== TEST 23: nothing can be that small
--- http_config
admission_body_field $sku json=/sku max=0;
--- error_log
[emerg]
invalid value "0" of "max=" in "admission_body_field", it must be a size from 1 to 1m in



=== TEST 24: too large a size
--- http_config
admission_body_field $sku json=/sku max=2m;
--- error_log
[emerg]
invalid value "2m" of "max=" in "admission_body_field", it must be a size from 1 to 1m in



=== TEST 25: an unknown method
--- http_config
admission_body_field $sku json=/sku methods=POST,BUY;
--- error_log
[emerg]
invalid value "POST,BUY" of "methods=" in "admission_body_field", it must be "GET", "POST", "PUT", "PATCH" or "DELETE", or several of them, separated by commas in



=== TEST 26: no method
--- http_config
admission_body_field $sku json=/sku methods=;
--- error_log
[emerg]
invalid value "" of "methods=" in "admission_body_field", it must be "GET"



=== TEST 27: not in a server
--- config
admission_body_field $sku json=/sku;
--- error_log
[emerg]
"admission_body_field" directive is not allowed here in
