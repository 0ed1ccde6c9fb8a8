# admission_body_field: what is read from a client's body.
#
# What is ordered stands in the body, and a limit or the stock is asked for
# it.  A body that says nothing, says it twice, or says it so that the shop
# behind reads another thing than the edge did, is a way round both.

use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(no_error_log => "[alert]\n[emerg]\n[crit]\n[error]")
        if !defined $block->no_error_log;

    $block->set_value(http_config => $block->http_config . <<'END');
admission_rate a $f rate=1000r/s burst=1000;

server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { return 200 "$http_x_field\n"; }
}
END

    $block->set_value(config => <<'END') if !defined $block->config;
location = /t {
    admission_limit a;
    proxy_set_header X-Field "($f)";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
END
});

# a request for each body
sub bodies { return [map { "POST /t\n$_" } @_] }

# the codes for as many of each
sub codes { my %n = @_; return [map { ($_) x $n{$_} } sort keys %n] }

sub reason { return qq{"reason":"$_[0]"} }

no_long_string();
run_tests();

__DATA__

=== TEST 1: a member of an object
--- http_config
admission_body_field $f json=/sku;
--- pipelined_requests eval
main::bodies('{"sku":"A-1"}', '{"a":{"sku":1},"sku" : "A-1","b":[]}',
    '{"sku":"\u00e4\/"}', '{"sku":"a,b"}', '{"sku":42}', '{"sku":-7}',
    '{"sku":0}', ' {"sku":"x"} ')
--- more_headers
Content-Type: application/json
--- error_code eval
main::codes(200 => 8)
--- response_body eval
["(A-1)\n", "(A-1)\n", "(\xc3\xa4/)\n", "(a,b)\n", "(42)\n", "(-7)\n",
 "(0)\n", "(x)\n"]



=== TEST 2: deeper, by index, with what stands for a slash
--- http_config
admission_body_field $f json=/a~1b/1/~0c;
--- pipelined_requests eval
main::bodies('{"a/b":[0,{"~c":"here"}]}', '{"a/b":{"1":{"~c":"there"}}}',
    '{"a/b":[{"~c":"here"}]}', '{"a":{"b":[0,{"~c":"here"}]}}')
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 200, 400, 400]
--- response_body_like eval
['^\(here\)$', '^\(there\)$', (main::reason('field_absent')) x 2]



=== TEST 3: absent
--- http_config
admission_body_field $f json=/o/sku;
--- pipelined_requests eval
main::bodies('{}', '[]', '""', '7', '{"o":{}}', '{"o":[]}', '{"o":"sku"}',
    '{"o":{"SKU":"A"}}', '{"o":{"sku":""}}', '')
--- more_headers
Content-Type: application/json
--- error_code eval
main::codes(400 => 10)
--- response_body_like eval
[(main::reason('field_absent')) x 10]



=== TEST 4: of another form
--- http_config
admission_body_field $f json=/sku;
--- pipelined_requests eval
main::bodies('{"sku":null}', '{"sku":true}', '{"sku":1.5}', '{"sku":2.0}',
    '{"sku":{}}', '{"sku":["A"]}', '{"sku":"A"', 'sku=A', '{"sku":"A"}x',
    '{"sku":"A"}{}', "{'sku':'A'}", "{\"sku\":\"\xff\"}",
    '{"sku":"\u0000"}', '{"sku":"\ud800"}', '{"sku":99999999999999999999}',
    '[' x 3000 . ']' x 3000)
--- more_headers
Content-Type: application/json
--- error_code eval
main::codes(400 => 16)
--- response_body_like eval
[(main::reason('field_form')) x 16]



=== TEST 5: doubled, wherever
--- http_config
admission_body_field $f json=/o/sku;
--- pipelined_requests eval
main::bodies('{"o":{"sku":"A","sku":"B"}}', '{"o":{"sku":"A","sku":"A"}}',
    '{"o":{"sku":"A"},"o":{"sku":"B"}}', '{"o":{"sku":"A","\u0073ku":"B"}}',
    '{"o":{"sku":"A","SKU":"B"}}', '{"O":{"sku":"B"},"o":{"sku":"A"}}',
    '{"o":{"sku":"A"},"x":[{"y":1,"y":2}]}')
--- more_headers
Content-Type: application/json
--- error_code eval
main::codes(400 => 7)
--- response_body_like eval
[(main::reason('field_doubled')) x 7]



=== TEST 6: a cart
--- http_config
admission_body_field $f json=/items/*/sku;
--- pipelined_requests eval
main::bodies('{"items":[{"sku":"A"}]}', '{"items":[{"sku":"A"},{"sku":"B"}]}',
    '{"items":[{"sku":"A"},{"sku":2},{"x":1,"sku":"A"}]}',
    '{"items":{"*":{"sku":"C"}}}')
--- more_headers
Content-Type: application/json
--- error_code eval
main::codes(200 => 4)
--- response_body eval
["(A)\n", "(A,B)\n", "(A,2,A)\n", "(C)\n"]



=== TEST 7: a cart of carts
--- http_config
admission_body_field $f json=/*/*;
--- pipelined_requests eval
main::bodies('[["A","B"],["C"]]', '[["A"],[]]', '[[],["A"]]', '[]')
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 400, 400, 400]
--- response_body_like eval
['^\(A,B,C\)$', (main::reason('field_absent')) x 3]



=== TEST 8: an element that lacks the field would shift the others
--- http_config
admission_body_field $f json=/items/*/sku;
--- pipelined_requests eval
main::bodies('{"items":[]}', '{"items":[{"sku":"A"},{}]}',
    '{"items":[{},{"sku":"A"}]}', '{"items":[{"sku":"A"},"B"]}',
    '{"items":"A"}', '{"items":{"sku":"A"}}')
--- more_headers
Content-Type: application/json
--- error_code eval
main::codes(400 => 6)
--- response_body_like eval
[(main::reason('field_absent')) x 6]



=== TEST 9: an element that would be two
--- http_config
admission_body_field $f json=/items/*;
--- pipelined_requests eval
main::bodies('{"items":["A,B"]}', '{"items":["A","B,"]}', '{"items":[""]}',
    '{"items":["A",""]}', '{"items":["A\n"]}', '{"items":["\u007f"]}',
    '{"items":["A",["B"]]}', '{"items":["A",null]}')
--- more_headers
Content-Type: application/json
--- error_code eval
main::codes(400 => 8)
--- response_body_like eval
[(main::reason('field_form')) x 8]



=== TEST 10: types of JSON
--- http_config
admission_body_field $f json=/sku;
--- pipelined_requests eval
[("POST /t\n{\"sku\":\"A\"}") x 6]
--- more_headers eval
["Content-Type: application/json; charset=utf-8",
 "Content-Type: Application/JSON", "Content-Type: application/vnd.shop+json",
 "Content-Type: application/jsonp", "Content-Type: text/plain", ""]
--- error_code eval
[200, 200, 200, 400, 400, 400]
--- response_body_like eval
[('^\(A\)$') x 3, (main::reason('field_form')) x 3]



=== TEST 11: a coded body is not read
--- http_config
admission_body_field $f json=/sku;
--- pipelined_requests eval
[("POST /t\n{\"sku\":\"A\"}") x 3]
--- more_headers eval
["Content-Type: application/json\nContent-Encoding: identity",
 "Content-Type: application/json\nContent-Encoding: gzip",
 "Content-Type: application/json\nContent-Encoding: identity, gzip"]
--- error_code eval
[200, 400, 400]
--- response_body_like eval
['^\(A\)$', (main::reason('field_form')) x 2]



=== TEST 12: a field of a form
--- http_config
admission_body_field $f form=sku;
--- pipelined_requests eval
main::bodies('sku=A-1', 'n=2&sku=A-1', 's%6bu=%41+1&x', 'sku=a,b')
--- more_headers
Content-Type: application/x-www-form-urlencoded; charset=UTF-8
--- error_code eval
main::codes(200 => 4)
--- response_body eval
["(A-1)\n", "(A-1)\n", "(A 1)\n", "(a,b)\n"]



=== TEST 13: a form without it
--- http_config
admission_body_field $f form=sku;
--- pipelined_requests eval
main::bodies('n=2', 'sku=', 'sku', 'SKU=A', '')
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code eval
main::codes(400 => 5)
--- response_body_like eval
[(main::reason('field_absent')) x 5]



=== TEST 14: a form with another of it
--- http_config
admission_body_field $f form=sku;
--- pipelined_requests eval
main::bodies('sku=A&sku=B', 'sku=A&s%6bu=A', 'sku=A&sku[]=B', '+sku=B&sku=A')
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code eval
main::codes(400 => 4)
--- response_body_like eval
[(main::reason('field_doubled')) x 4]



=== TEST 15: no form
--- http_config
admission_body_field $f form=sku;
--- pipelined_requests eval
[("POST /t\nsku=A") x 4, "POST /t\nsku=%zz"]
--- more_headers eval
["Content-Type: multipart/form-data; boundary=sku", "Content-Type: text/plain",
 "Content-Type: application/json", "",
 "Content-Type: application/x-www-form-urlencoded"]
--- error_code eval
main::codes(400 => 5)
--- response_body_like eval
[(main::reason('field_form')) x 5]



=== TEST 16: a regex, of whatever type
--- http_config
admission_body_field $f "regex=<sku>([^<]*)</sku>";
--- pipelined_requests eval
main::bodies('<order><sku>A-1</sku></order>', '<sku>A</sku><sku>B</sku>',
    '<sku></sku>', '<sku>A', '', 'x' x 60000 . '<sku>A</sku>')
--- error_code eval
[200, 200, 400, 400, 400, 200]
--- response_body_like eval
['^\(A-1\)$', '^\(A\)$', (main::reason('field_absent')) x 3, '^\(A\)$']



=== TEST 17: a regex whose part did not match
--- http_config
admission_body_field $f "regex=a(b)?c(d)";
--- pipelined_requests eval
main::bodies('abcd', 'acd')
--- error_code eval
[200, 400]
--- response_body_like eval
['^\(b\)$', main::reason('field_absent')]



=== TEST 18: a regex that would take all day
--- http_config
admission_body_field $f "regex=^(?:a|aa|aaa)+(b)";
--- pipelined_requests eval
main::bodies('a' x 60 . 'b', 'a' x 200 . 'cb', 'a' x 60000 . 'cb')
--- error_code eval
[200, 400, 400]
--- response_body_like eval
['^\(b\)$', (main::reason('field_form')) x 2]



=== TEST 19: ... before it finds something
--- http_config
admission_body_field $f "regex=^(?:a|a)*c|^(a)";
--- pipelined_requests eval
main::bodies('aax', 'a' x 18 . 'x')
--- error_code eval
[200, 400]
--- response_body_like eval
['^\(a\)$', main::reason('field_form')]



=== TEST 20: ... and one that would at every byte
--- http_config
admission_body_field $f "regex=a[^b]*+b(c)";
--- request eval
"POST /t\n" . 'a' x 60000 . 'bd'
--- error_code: 400
--- response_body_like eval
main::reason('field_form')



=== TEST 21: larger than what is read
--- http_config
admission_body_field $f json=/sku max=20;
--- pipelined_requests eval
main::bodies('{"sku":"0123456789"}', '{"sku":"01234567890"}')
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 400]
--- response_body_like eval
['^\(0123456789\)$', main::reason('field_large')]



=== TEST 22: of other methods it is empty, and their body is not read
--- http_config
admission_body_field $f form=sku methods=POST,PATCH;
--- pipelined_requests eval
["PUT /t\nsku=A", "PATCH /t\nsku=A", "GET /t"]
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code eval
main::codes(200 => 3)
--- response_body eval
["()\n", "(A)\n", "()\n"]



=== TEST 23: a map over a field
--- http_config
admission_body_field $sku form=sku;
map $sku $f { default other; A first; "" none; }
--- pipelined_requests eval
main::bodies('sku=A', 'sku=B', 'n=1', 'sku=A&sku=A')
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code eval
[200, 200, 400, 400]
--- response_body_like eval
['^\(first\)$', '^\(other\)$', main::reason('field_absent'),
 main::reason('field_doubled')]



=== TEST 24: what was known before stays as it was
--- http_config
admission_body_field $sku form=sku;
map $sku $both { default "$sku-$request_id"; }
map $both $f { "~^A-(?<id>.+)$" "$sku $id"; }
--- config
location = /t {
    set $before $request_id;
    admission_limit a;
    proxy_set_header X-Field "$f/$before";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
POST /t
sku=A
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_body_like
^A (\w+)/\1$



=== TEST 25: the limit is of the field
--- http_config
admission_body_field $f form=sku;
admission_rate b $f rate=1r/h burst=0;
--- config
location = /t {
    admission_limit b;
    proxy_set_header X-Field "($f)";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- pipelined_requests eval
main::bodies('sku=A', 'sku=B', 'sku=A', 'n=1', 'sku=B')
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code eval
[200, 200, 429, 400, 429]



=== TEST 26: an exact limit, and a cost: what needed a body stays charged
--- http_config
admission_body_field $f form=sku;
admission_body_field $n form=n;
admission_rate b $f rate=1r/h burst=9 scope=exact;
admission_rate c all rate=1r/h burst=9;
--- config
add_header X-Trips $admission_trips always;
add_header X-Left $admission_remaining always;
location = /t {
    admission_limit b;
    admission_limit c cost=$n;
    proxy_set_header X-Field "($f)";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- pipelined_requests eval
main::bodies('sku=A&n=3', 'sku=B&n=4', 'sku=A&n=4', 'sku=A&n=x', 'sku=A',
    'n=1', 'sku=C&n=3', 'sku=C&n=2')
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code eval
[200, 200, 429, 400, 400, 400, 429, 200]
--- response_headers eval
["X-Trips: 1", "X-Trips: 1", "X-Trips: 0", "X-Trips: 0", "X-Trips: 0",
 "X-Trips: 0", "X-Trips: 0", "X-Trips: 1"]



=== TEST 27: in a dry run all is told, and nothing refused
--- http_config
admission_body_field $f form=sku;
--- config
add_header X-Said "$admission_verdict/$admission_reason" always;
location = /t {
    admission dry_run;
    admission_limit a;
    proxy_set_header X-Field "($f)";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- pipelined_requests eval
main::bodies('sku=A', 'n=1', 'sku=A&sku=B')
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code eval
main::codes(200 => 3)
--- response_headers eval
["X-Said: admit/", "X-Said: invalid/field_absent",
 "X-Said: invalid/field_doubled"]
--- response_body eval
["(A)\n", "()\n", "()\n"]



=== TEST 28: where nobody needs it, it is empty, and the body is not read
--- http_config
admission_body_field $f form=sku;
--- config
location = /t {
    add_header X-Field "($f)";
    proxy_set_header X-Field "($f)";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
POST /t
sku=A
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_headers
X-Field: ()
--- response_body
()



=== TEST 29: a field of the answer, and of the log
--- http_config
admission_body_field $f form=sku;
log_format f "field=$f";
--- config
access_log logs/access.log f;
location = /t {
    admission_limit a;
    add_header X-Field "($f)";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
POST /t
sku=A
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_headers
X-Field: (A)
--- access_log
field=A



=== TEST 30: of two types the shop behind may take the other one
--- http_config
admission_body_field $f json=/sku;
--- pipelined_requests eval
[("POST /t\n{\"sku\":\"A\"}") x 4]
--- more_headers eval
["Content-Type: application/json",
 "Content-Type: application/json\nContent-Type: text/plain",
 "Content-Type: application/json\ncontent-type: application/json",
 "Content-Type: text/plain\nContent-Type: application/json"]
--- error_code eval
[200, 400, 400, 400]
--- response_body_like eval
['^\(A\)$', (main::reason('field_form')) x 3]
