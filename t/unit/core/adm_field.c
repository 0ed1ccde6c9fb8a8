
/*
 * The story: a correlation id, a SKU or a reason ends up in a JSON answer, an
 * error page, a metric and a log line that a colleague's tool reads.  One byte
 * that is not UTF-8 makes a JSON parser throw away the whole document and
 * Prometheus the whole scrape; one quote lets a stranger write the rest.  So:
 * what is short and harmless is told apart exactly, and everything else comes
 * out escaped, in valid UTF-8, of the very length that was announced.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_literal.c"
#include "../../../src/core/adm_field.c"


#define FFFD   "\xef\xbf\xbd"

#define text(s)   { sizeof(s) - 1, (const unsigned char *) s }


typedef size_t (*escape_pt)(unsigned char *dst, adm_str_t s);


static unsigned char *
memory(size_t len)
{
    unsigned char  *p;

    p = malloc(len == 0 ? 1 : len);

    if (p == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    return p;
}


/* from and to memory of just the lengths, so that ASan sees a byte more */

static void
is_escaped(escape_pt escape, adm_str_t s, adm_str_t expected,
    const char *name)
{
    size_t          len;
    unsigned char  *in, *out;

    in = memory(s.len);

    if (s.len != 0) {
        memcpy(in, s.data, s.len);
        s.data = in;
    }

    len = escape(NULL, s);
    out = memory(len);

    is_uint(escape(out, s), len, "announced and written length");
    is_mem(out, len, expected.data, expected.len, name);

    free(in);
    free(out);
}


static void
utf8(void)
{
    size_t  i;

    /* what is in the second column stays or becomes what is in the third */

    static const struct {
        const char  *name;
        adm_str_t    s;
        adm_str_t    expected;
    } cases[] = {
        { "U+0080", text("\xc2\x80"), text("\xc2\x80") },
        { "U+07FF", text("\xdf\xbf"), text("\xdf\xbf") },
        { "U+0800", text("\xe0\xa0\x80"), text("\xe0\xa0\x80") },
        { "U+D7FF", text("\xed\x9f\xbf"), text("\xed\x9f\xbf") },
        { "U+E000", text("\xee\x80\x80"), text("\xee\x80\x80") },
        { "U+FFFF", text("\xef\xbf\xbf"), text("\xef\xbf\xbf") },
        { "U+10000", text("\xf0\x90\x80\x80"), text("\xf0\x90\x80\x80") },
        { "U+10FFFF", text("\xf4\x8f\xbf\xbf"), text("\xf4\x8f\xbf\xbf") },
        { "a lone follower", text("a\x80" "b"), text("a" FFFD "b") },
        { "two lone followers", text("\x80\xbf"), text(FFFD FFFD) },
        { "never a first byte", text("\xff\xfe\xf5\xc0\xc1"),
          text(FFFD FFFD FFFD FFFD FFFD) },
        { "an overlong slash", text("\xc0\xaf"), text(FFFD FFFD) },
        { "an overlong quote", text("\xe0\x80\xa2"), text(FFFD FFFD FFFD) },
        { "overlong in four", text("\xf0\x8f\xbf\xbf"),
          text(FFFD FFFD FFFD FFFD) },
        { "a surrogate", text("\xed\xa0\x80"), text(FFFD FFFD FFFD) },
        { "far above", text("\xf5\x80\x80\x80"),
          text(FFFD FFFD FFFD FFFD) },
        { "above U+10FFFF", text("\xf4\x90\x80\x80"),
          text(FFFD FFFD FFFD FFFD) },
        { "cut after one of two", text("\xc3"), text(FFFD) },
        { "cut after two of three", text("\xe2\x82"), text(FFFD) },
        { "cut after three of four", text("\xf0\x9f\x98"), text(FFFD) },
        { "cut by a letter", text("\xe2\x82z"), text(FFFD "z") },
        { "cut by another", text("\xf0\x9f\xc3\xa9"), text(FFFD "\xc3\xa9") },

        /* the example of the Unicode Standard, table 3-11 */
        { "table 3-11", text("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"),
          text(FFFD FFFD FFFD FFFD "A") },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_escaped(adm_json_escape, cases[i].s, cases[i].expected,
                   cases[i].name);
        is_escaped(adm_html_escape, cases[i].s, cases[i].expected,
                   cases[i].name);
        is_escaped(adm_label_escape, cases[i].s, cases[i].expected,
                   cases[i].name);
    }
}


static void
formats(void)
{
    size_t  i;

    static const struct {
        const char  *name;
        escape_pt    escape;
        adm_str_t    s;
        adm_str_t    expected;
    } cases[] = {
        { "JSON: plain", adm_json_escape,
          text("a/b <c> & 'd' \x7f"), text("a/b <c> & 'd' \x7f") },
        { "JSON: quotes and backslashes", adm_json_escape,
          text("\"\\\""), text("\\\"\\\\\\\"") },
        { "JSON: white space", adm_json_escape,
          text("\t\n\r"), text("\\t\\n\\r") },
        { "JSON: control characters", adm_json_escape,
          text("\0\b\x1f"), text("\\u0000\\u0008\\u001f") },
        { "HTML: markup", adm_html_escape,
          text("<a href='x' b=\"&\">"),
          text("&lt;a href=&#39;x&#39; b=&quot;&amp;&quot;&gt;") },
        { "HTML: white space stays", adm_html_escape,
          text("\t\n\r \\"), text("\t\n\r \\") },
        { "HTML: control characters", adm_html_escape,
          text("\0\x1f\x7f"), text(FFFD FFFD FFFD) },
        { "label: all three", adm_label_escape,
          text("a\\b\"c\nd"), text("a\\\\b\\\"c\\nd") },
        { "label: the rest stays", adm_label_escape,
          text("{}=, \r\t<&>'"), text("{}=, \r\t<&>'") },
        { "JSON: nothing", adm_json_escape, text(""), text("") },
        { "HTML: nothing", adm_html_escape, { 0, NULL }, text("") },
        { "label: nothing", adm_label_escape, { 0, NULL }, text("") },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_escaped(cases[i].escape, cases[i].s, cases[i].expected,
                   cases[i].name);
    }
}


/* a valid correlation id must come through every format as it is */

static void
correlations(void)
{
    size_t         i;
    unsigned       c, valid, changed;
    adm_str_t      s;
    unsigned char  one;

    static const unsigned char  full[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX";

    static const struct {
        int          valid;
        const char  *name;
        adm_str_t    s;
    } cases[] = {
        { 1, "a UUID", text("550e8400-e29b-41d4-a716-446655440000") },
        { 1, "base64", text("dGhlIHNhbXBsZSBub25jZQ+/=") },
        { 1, "a trace", text("Root=1:67891233@shop.eu_1") },
        { 0, "nothing", text("") },
        { 0, "a space", text("a b") },
        { 0, "a quote", text("a\"b") },
        { 0, "markup", text("<b>") },
        { 0, "an ampersand", text("a&b") },
        { 0, "a backslash", text("a\\b") },
        { 0, "a list", text("a,b") },
        { 0, "a newline", text("a\n") },
        { 0, "a zero byte", text("a\0") },
        { 0, "UTF-8", text("\xc3\xa9") },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(adm_correlation_valid(cases[i].s), cases[i].valid,
               cases[i].name);
    }

    s.data = full;
    s.len = 64;
    ok(adm_correlation_valid(s), "64 characters");
    s.len = 65;
    ok(!adm_correlation_valid(s), "65 characters");

    valid = 0;
    changed = 0;

    for (c = 0; c < 256; c++) {
        one = (unsigned char) c;
        s.data = &one;
        s.len = 1;

        if (adm_correlation_valid(s)) {
            valid++;
            changed += adm_json_escape(NULL, s) != 1;
            changed += adm_html_escape(NULL, s) != 1;
            changed += adm_label_escape(NULL, s) != 1;
        }
    }

    is_uint(valid, 26 + 26 + 10 + 8, "so many bytes are valid");
    is_uint(changed, 0, "and none of them is escaped anywhere");
}


int
main(void)
{
    utf8();
    formats();
    correlations();

    return unit_done();
}
