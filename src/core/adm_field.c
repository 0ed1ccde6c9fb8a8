
/*
 * Escaping of others' text.
 *
 * One walker reads the text character by character (RFC 3629) and asks the
 * format how it writes an ASCII character; all else is the same for all of
 * them.  UTF-8 is read by the table of well-formed sequences of the Unicode
 * Standard, 3.9: the first byte says how many follow and bounds the second,
 * which leaves out overlong forms, surrogates and what is above U+10FFFF.
 *
 * Invariants: the output is well-formed UTF-8 whatever the input, and the
 * length returned for "dst" NULL is that which is written otherwise.
 */


#include "adm_field.h"
#include "adm_literal.h"


#define ADM_REPLACEMENT   "\xef\xbf\xbd"    /* U+FFFD */


/* writes the escape of an ASCII character; 0: it stands for itself */

typedef size_t (*adm_escape_pt)(unsigned char *buf, unsigned char c);


static size_t adm_escape(unsigned char *dst, adm_str_t s,
    adm_escape_pt escape);
static size_t adm_utf8_char(const unsigned char *p, size_t len, int *valid);
static size_t adm_json_char(unsigned char *buf, unsigned char c);
static size_t adm_html_char(unsigned char *buf, unsigned char c);
static size_t adm_label_char(unsigned char *buf, unsigned char c);
static size_t adm_put(unsigned char *buf, const char *text);


int
adm_correlation_valid(adm_str_t s)
{
    return adm_word_valid(s, ADM_CORRELATION_MAX, "._:/+=@-");
}


size_t
adm_json_escape(unsigned char *dst, adm_str_t s)
{
    return adm_escape(dst, s, adm_json_char);
}


size_t
adm_html_escape(unsigned char *dst, adm_str_t s)
{
    return adm_escape(dst, s, adm_html_char);
}


size_t
adm_label_escape(unsigned char *dst, adm_str_t s)
{
    return adm_escape(dst, s, adm_label_char);
}


static size_t
adm_escape(unsigned char *dst, adm_str_t s, adm_escape_pt escape)
{
    int                   valid;
    size_t                i, n, size, total;
    unsigned char         buf[ADM_ESCAPE_MAX];
    const unsigned char  *text;

    total = 0;

    for (i = 0; i < s.len; i += n) {
        text = &s.data[i];

        if (*text < 0x80) {
            n = 1;
            size = escape(buf, *text);

        } else {
            n = adm_utf8_char(text, s.len - i, &valid);
            size = valid ? 0 : adm_put(buf, ADM_REPLACEMENT);
        }

        if (size != 0) {
            text = buf;

        } else {
            size = n;
        }

        if (dst != NULL) {
            memcpy(dst + total, text, size);
        }

        total += size;
    }

    return total;
}


/*
 * The length of the character at "p", of 0x80 or above.  If it is not valid,
 * that of its longest part that could have begun a valid one, at least 1: for
 * each of these a reader of the Unicode Standard puts one U+FFFD.
 */

static size_t
adm_utf8_char(const unsigned char *p, size_t len, int *valid)
{
    size_t         i, n;
    unsigned char  low, high;

    *valid = 0;

    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 1;
    }

    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;

    for (i = 1; i < n; i++) {

        if (i == len || p[i] < low || p[i] > high) {
            return i;
        }

        low = 0x80;
        high = 0xbf;
    }

    *valid = 1;

    return n;
}


static size_t
adm_json_char(unsigned char *buf, unsigned char c)
{
    static const char  hex[] = "0123456789abcdef";

    switch (c) {

    case '"':
        return adm_put(buf, "\\\"");

    case '\\':
        return adm_put(buf, "\\\\");

    case '\n':
        return adm_put(buf, "\\n");

    case '\r':
        return adm_put(buf, "\\r");

    case '\t':
        return adm_put(buf, "\\t");
    }

    if (c >= 0x20) {
        return 0;
    }

    (void) adm_put(buf, "\\u00");

    buf[4] = (unsigned char) hex[c >> 4];
    buf[5] = (unsigned char) hex[c & 0xf];

    return 6;
}


static size_t
adm_html_char(unsigned char *buf, unsigned char c)
{
    switch (c) {

    case '&':
        return adm_put(buf, "&amp;");

    case '<':
        return adm_put(buf, "&lt;");

    case '>':
        return adm_put(buf, "&gt;");

    case '"':
        return adm_put(buf, "&quot;");

    case '\'':
        return adm_put(buf, "&#39;");

    case '\t':
    case '\n':
    case '\r':
        return 0;
    }

    return (c < 0x20 || c == 0x7f) ? adm_put(buf, ADM_REPLACEMENT) : 0;
}


static size_t
adm_label_char(unsigned char *buf, unsigned char c)
{
    switch (c) {

    case '"':
        return adm_put(buf, "\\\"");

    case '\\':
        return adm_put(buf, "\\\\");

    case '\n':
        return adm_put(buf, "\\n");
    }

    return 0;
}


static size_t
adm_put(unsigned char *buf, const char *text)
{
    size_t  len;

    len = strlen(text);
    memcpy(buf, text, len);

    return len;
}
