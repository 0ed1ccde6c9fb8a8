
/*
 * Fuzzes the escapes.  Each output has the announced length, is valid UTF-8
 * by a second decoder, has nothing in it that its format forbids, and reads
 * back as the text that went in; if that was not UTF-8, as one and the same
 * mended text from all formats, which then needs no mending.  A valid
 * correlation id is not changed by any of them.
 */


#include <stdio.h>
#include <stdlib.h>

#include "../../src/core/adm_literal.c"
#include "../../src/core/adm_field.c"


#define hold(cond)                                                           \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


typedef struct {
    size_t          len;
    unsigned char  *data;
} text_t;


typedef size_t (*escape_pt)(unsigned char *dst, adm_str_t s);


static text_t
escape(escape_pt f, adm_str_t s)
{
    text_t  t;

    t.len = f(NULL, s);
    hold(t.len >= s.len && t.len <= s.len * ADM_ESCAPE_MAX);

    t.data = malloc(t.len + (t.len == 0));
    hold(t.data != NULL);
    hold(f(t.data, s) == t.len);

    return t;
}


/* by the numbers of code points, not by ranges of bytes */

static int
is_utf8(const unsigned char *p, size_t len)
{
    size_t    i, j, n;
    uint32_t  c;

    static const uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    for (i = 0; i < len; i += n) {
        n = p[i] < 0x80 ? 1
            : (p[i] & 0xe0) == 0xc0 ? 2
            : (p[i] & 0xf0) == 0xe0 ? 3
            : (p[i] & 0xf8) == 0xf0 ? 4 : 0;

        if (n == 0 || n > len - i) {
            return 0;
        }

        c = n == 1 ? p[i] : p[i] & (0x7fu >> n);

        for (j = 1; j < n; j++) {

            if ((p[i + j] & 0xc0) != 0x80) {
                return 0;
            }

            c = c << 6 | (p[i + j] & 0x3f);
        }

        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
            return 0;
        }
    }

    return 1;
}


/* the readers change the text in place: what they give is never longer */

static void
read_backslashes(text_t *t, int json)
{
    char      hex[5];
    size_t    i, n;
    unsigned  c;

    for (i = 0, n = 0; i < t->len; i++, n++) {
        c = t->data[i];
        hold(c != '"' && c != '\n');
        hold(!json || c >= 0x20);

        if (c == '\\') {
            hold(++i < t->len);

            switch (t->data[i]) {

            case '\\':
            case '"':
                c = t->data[i];
                break;

            case 'n':
                c = '\n';
                break;

            case 't':
                c = '\t';
                hold(json);
                break;

            case 'r':
                c = '\r';
                hold(json);
                break;

            default:
                hold(json && t->data[i] == 'u' && t->len - i > 4);
                memcpy(hex, t->data + i + 1, 4);
                hex[4] = '\0';
                c = (unsigned) strtoul(hex, NULL, 16);
                hold(c < 0x20);
                i += 4;
            }
        }

        t->data[n] = (unsigned char) c;
    }

    t->len = n;
}


static void
read_entities(text_t *t)
{
    size_t         i, j, n, len;
    unsigned char  c;

    static const struct {
        unsigned char  c;
        const char    *text;
    } entities[] = {
        { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" },
        { '"', "&quot;" }, { '\'', "&#39;" },
    };

    for (i = 0, n = 0; i < t->len; i += len, n++) {
        c = t->data[i];
        len = 1;

        hold(c != '<' && c != '>' && c != '"' && c != '\'' && c != 0x7f);
        hold(c >= 0x20 || c == '\t' || c == '\n' || c == '\r');

        for (j = 0; c == '&' && j < 5; j++) {
            len = strlen(entities[j].text);

            if (t->len - i >= len
                && memcmp(t->data + i, entities[j].text, len) == 0)
            {
                c = entities[j].c;
                break;
            }
        }

        hold(j < 5);
        t->data[n] = c;
    }

    t->len = n;
}


static int
has_controls(adm_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] == 0x7f
            || (s.data[i] < 0x20
                && memchr("\t\n\r", s.data[i], 3) == NULL))
        {
            return 1;
        }
    }

    return 0;
}


static int
same(text_t t, const unsigned char *p, size_t len)
{
    return t.len == len && (len == 0 || memcmp(t.data, p, len) == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    text_t     json, html, label, again;
    adm_str_t  s, mended;

    s.len = size;
    s.data = data;

    json = escape(adm_json_escape, s);
    html = escape(adm_html_escape, s);
    label = escape(adm_label_escape, s);

    hold(is_utf8(json.data, json.len));
    hold(is_utf8(html.data, html.len));
    hold(is_utf8(label.data, label.len));

    if (adm_correlation_valid(s)) {
        hold(size >= 1 && size <= 64);
        hold(same(json, data, size));
        hold(same(html, data, size));
        hold(same(label, data, size));
    }

    read_backslashes(&json, 1);
    read_backslashes(&label, 0);
    read_entities(&html);

    hold(same(json, label.data, label.len));
    hold(has_controls(s) || same(html, label.data, label.len));
    hold(is_utf8(data, size) == same(label, data, size));

    mended.len = label.len;
    mended.data = label.data;
    again = escape(adm_label_escape, mended);
    read_backslashes(&again, 0);
    hold(same(again, label.data, label.len));

    free(json.data);
    free(html.data);
    free(label.data);
    free(again.data);

    return 0;
}
