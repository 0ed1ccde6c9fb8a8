
/*
 * Fuzzes the reader of Accept with what must be true of every field:
 * a quality is 0 to 1000, and above 0 for what is named explicitly; HTML is
 * given just when the qualities say so; letter case means nothing; a member
 * put before the field that is garbage changes nothing, and one that is good
 * counts, whatever follows.
 */


#include <stdio.h>
#include <stdlib.h>

#include "../../src/core/adm_accept.c"


#define hold(cond)                                                           \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const struct {
    const char  *type;
    const char  *subtype;
} types[] = {
    { "text", "html;charset=utf-8" },
    { "application", "xhtml+xml;charset=utf-8" },
    { "application", "problem+json;charset=utf-8" },
    { "application", "json;charset=utf-8" },
    { "text", "html" },
    { "text", "plain;version=0.0.4" },
    { "a", "b;a=\\;b=\"" },
};


#define TYPES   (sizeof(types) / sizeof(types[0]))


typedef struct {
    int  quality[TYPES];
    int  named[TYPES];
    int  html;
} answer_t;


static answer_t
ask(adm_str_t s)
{
    int       html, json;
    size_t    i;
    answer_t  a;

    for (i = 0; i < TYPES; i++) {
        a.quality[i] = adm_accept_quality(s, types[i].type,
                                          types[i].subtype);
        a.named[i] = adm_accept_explicit(s, types[i].type, types[i].subtype);

        hold(a.quality[i] >= 0 && a.quality[i] <= 1000);
        hold(a.named[i] == 0 || a.named[i] == 1);
        hold(!a.named[i] || a.quality[i] > 0);
    }

    a.html = adm_accept_html(s);

    html = a.named[0] ? a.quality[0] : 0;
    html = a.named[1] && a.quality[1] > html ? a.quality[1] : html;
    json = a.quality[2] > a.quality[3] ? a.quality[2] : a.quality[3];

    hold(a.html == (html > 0 && html >= json));
    hold(!a.html || a.named[0] || a.named[1]);

    return a;
}


/* the answer to the field with a text before it */

static answer_t
ask_after(const char *text, adm_str_t s)
{
    size_t          len;
    answer_t        a;
    adm_str_t       joined;
    unsigned char  *p;

    len = strlen(text);
    p = malloc(len + s.len);
    hold(p != NULL);

    memcpy(p, text, len);

    if (s.len != 0) {
        memcpy(p + len, s.data, s.len);
    }

    joined.data = p;
    joined.len = len + s.len;
    a = ask(joined);
    free(p);

    return a;
}


static answer_t
ask_upper(adm_str_t s)
{
    size_t          i;
    answer_t        a;
    unsigned char  *p;

    p = malloc(s.len + 1);
    hold(p != NULL);

    for (i = 0; i < s.len; i++) {
        p[i] = s.data[i];

        if (p[i] >= 'a' && p[i] <= 'z') {
            p[i] = (unsigned char) (p[i] - 'a' + 'A');
        }
    }

    s.data = p;
    a = ask(s);
    free(p);

    return a;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t     i;
    answer_t   a, b;
    adm_str_t  s;

    s.len = size;
    s.data = data;

    a = ask(s);

    b = ask_upper(s);
    hold(memcmp(&a, &b, sizeof(a)) == 0);

    b = ask_after(",, @, text/html;q=7, */html, z/z;\"x, a/b, \" ,", s);
    hold(memcmp(&a, &b, sizeof(a)) == 0);

    b = ask_after("text/html;q=0.123,", s);
    hold(b.named[4] && b.quality[4] >= 123);
    hold(b.quality[4] == 123 || b.quality[4] == a.quality[4]);

    /* other members change, if anything, a field that said nothing */

    b = ask_after("zz/zz;p=\"\\\",\" , ", s);

    for (i = 0; i < TYPES; i++) {
        hold(b.named[i] == a.named[i]);
        hold(b.quality[i] == a.quality[i]
             || (a.quality[i] == 1000 && !a.named[i] && b.quality[i] == 0));
    }

    return 0;
}
