
/*
 * The story: the second click on "buy" gets what the first one was answered.
 * It was kept in a store that others can write to: what comes back cut off,
 * or with a line break in a field, must not become an answer, and what was
 * said of one connection, one shopper's cookies or one moment must not be
 * said to another.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_kept.c"


static adm_str_t
str(const char *text)
{
    adm_str_t  s;

    s.len = strlen(text);
    s.data = (const unsigned char *) text;

    return s;
}


static int
same(adm_str_t s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}


/* an order that was taken: 201, two fields, and eight bytes */

static size_t
order(unsigned char *to)
{
    unsigned char  *p;

    p = adm_kept_head(to, 201, str("application/json"), str("utf-8"));
    p = adm_kept_field(p, str("Location"), str("/orders/7"));
    p = adm_kept_field(p, str("X-Empty"), str(""));
    p = adm_kept_end(p);

    memcpy(p, "{\"n\":7}\n", 8);
    adm_kept_close(to, 8);

    return (size_t) (p + 8 - to);
}


/* from memory that ends where the text does */

static int
read_copy(const unsigned char *text, size_t len)
{
    int             rc;
    adm_str_t       s;
    adm_kept_t      kept;
    unsigned char  *copy;

    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);

    s.len = len;
    s.data = copy;

    kept.status = 77;
    rc = adm_kept_read(s, &kept);

    if (rc != ADM_OK && kept.status != 77) {
        rc = 1;
    }

    free(copy);

    return rc;
}


static void
there_and_back(void)
{
    adm_str_t      s, fields, name, value;
    adm_kept_t     kept;
    unsigned char  text[256];

    s.data = text;
    s.len = order(text);

    is_int(adm_kept_read(s, &kept), ADM_OK, "what was written is read");
    is_uint(kept.status, 201, "its status");
    ok(same(kept.type, "application/json"), "its type");
    ok(same(kept.charset, "utf-8"), "its charset");
    ok(same(kept.body, "{\"n\":7}\n"), "its body");

    fields = kept.fields;

    ok(adm_kept_next(&fields, &name, &value) && same(name, "Location")
       && same(value, "/orders/7"), "its first field");
    ok(adm_kept_next(&fields, &name, &value) && same(name, "X-Empty")
       && value.len == 0, "one without a value");
    ok(!adm_kept_next(&fields, &name, &value), "and no more");

    (void) adm_kept_end(adm_kept_head(text, 204, str(""), str("")));
    s.len = ADM_KEPT_HEAD + ADM_KEPT_END;

    ok(adm_kept_read(s, &kept) == ADM_OK && kept.status == 204
       && kept.type.len == 0 && kept.fields.len == 0 && kept.body.len == 0,
       "an answer of nothing but a status");
}


/* cut off anywhere, or with more behind it */

static void
cut(void)
{
    size_t         i, len;
    unsigned       bad;
    unsigned char  text[256];

    memset(text, 0, sizeof(text));

    len = order(text);
    bad = 0;

    for (i = 0; i < sizeof(text); i++) {
        bad += (read_copy(text, i) != (i == len ? ADM_OK : ADM_ERROR));
    }

    is_uint(bad, 0, "only the whole of it is read");
}


/* each byte changed to what could do harm */

static void
nonsense(void)
{
    size_t         i, len, head;
    unsigned       bad;
    unsigned char  text[256];

    static const struct {
        const char     *name;
        size_t          at;          /* from the end of the head */
        unsigned char   byte;
    } cases[] = {
        { "a line break in a value", 4 + 8 + 1, '\n' },
        { "a return in a value", 4 + 8 + 2, '\r' },
        { "a NUL in a value", 4 + 8 + 3, '\0' },
        { "a colon in a name", 4 + 3, ':' },
        { "a space in a name", 4 + 3, ' ' },
        { "a NUL in a name", 4 + 3, '\0' },
        { "a letter that is none in a name", 4, 0xe4 },
        { "a name that is longer than all", 0, 0xff },
        { "a value that is longer than all", 2, 0xff }
    };

    len = order(text);
    head = ADM_KEPT_HEAD + strlen("application/json") + strlen("utf-8");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) order(text);
        text[head + cases[i].at] = cases[i].byte;
        is_int(read_copy(text, len), ADM_ERROR, cases[i].name);
    }

    bad = 0;

    for (i = 0; i < 256; i++) {
        (void) order(text);
        text[0] = (unsigned char) i;
        bad += (read_copy(text, len) != (i == 1 ? ADM_OK : ADM_ERROR));
    }

    is_uint(bad, 0, "of all versions only ours is read");

    (void) order(text);
    text[ADM_KEPT_HEAD + 3] = '\n';
    is_int(read_copy(text, len), ADM_ERROR, "a line break in the type");

    for (i = 0, bad = 0; i < 65536; i++) {
        (void) order(text);
        text[1] = (unsigned char) (i >> 8);
        text[2] = (unsigned char) i;
        bad += (read_copy(text, len)
                != ((i >= 200 && i <= 599) ? ADM_OK : ADM_ERROR));
    }

    is_uint(bad, 0, "statuses are those of answers: 200 to 599");
}


static void
lasting(void)
{
    size_t  i;

    static const char  *passing[] = {
        "Connection", "connection", "Keep-Alive", "Proxy-Authenticate",
        "proxy-connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
        "Set-Cookie", "SET-COOKIE", "Date", "Age", "Content-Length", "Server",
        "Admission-Settle", "admission-token", "Idempotent-Replayed"
    };

    static const char  *lasting[] = {
        "Content-Type", "Location", "ETag", "X-Order", "Cache-Control",
        "T", "Tea", "Dated", "Set-Cookie-Not", "Proxy", "Admission", "Server-1"
    };

    for (i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
        ok(!adm_kept_lasts(str(passing[i]), str("")), passing[i]);
    }

    for (i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++) {
        ok(adm_kept_lasts(str(lasting[i]), str("")), lasting[i]);
    }
}


static void
named(void)
{
    ok(!adm_kept_lasts(str("X-Hop"), str("x-hop")), "what Connection names");
    ok(!adm_kept_lasts(str("X-Hop"), str("close, X-Hop")), "  as the last");
    ok(!adm_kept_lasts(str("X-Hop"), str("X-Hop,\tclose")), "  as the first");
    ok(!adm_kept_lasts(str("X-Hop"), str("a ,X-Hop ,b")), "  in the middle");
    ok(adm_kept_lasts(str("X-Hop"), str("X-Ho, X-Hops, Hop")),
       "and nothing else");
    ok(adm_kept_lasts(str("X-Hop"), str(",, ,")), "of an empty list nothing");
}


int
main(void)
{
    there_and_back();
    cut();
    nonsense();
    lasting();
    named();

    return unit_done();
}
