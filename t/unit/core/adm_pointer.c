
/*
 * The story: an order's JSON has the SKU somewhere, and the shop says where
 * by a pointer.  A pointer that is read wrongly points to another member, and
 * what is limited and set aside is not what is ordered.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_literal.c"
#include "../../../src/core/adm_pointer.c"


static adm_str_t
text(const char *s)
{
    adm_str_t  t;

    t.len = strlen(s);
    t.data = (const unsigned char *) s;

    return t;
}


static void
valid(void)
{
    size_t  i;

    static const char  *good[] = {
        "", "/", "/foo", "/foo/0", "/a~1b", "/c%d", "/e^f", "/m~0n", "/ ",
        "//", "/items/*/sku", "/~0~1~01", "/-"
    };

    static const char  *bad[] = {
        "foo", "foo/bar", "#/foo", "/~", "/a~", "/~2", "/~/x", "/a~~0", " /a"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        is_int(adm_pointer_valid(text(good[i])), 1, good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(adm_pointer_valid(text(bad[i])), 0, bad[i]);
    }
}


/* tokens with a "|" behind each; every one from memory of just its length */

static const char *
tokens(const char *pointer)
{
    size_t          n, len;
    adm_str_t       s;
    unsigned char  *copy, *token;

    static char  all[256];

    len = strlen(pointer);
    copy = malloc(len ? len : 1);
    memcpy(copy, pointer, len);

    s.len = len;
    s.data = copy;
    len = 0;

    while (s.len) {
        token = malloc(s.len == 1 ? 1 : s.len - 1);
        n = adm_pointer_next(&s, token);

        memcpy(all + len, token, n);
        len += n;
        all[len++] = '|';

        free(token);
    }

    all[len] = '\0';
    free(copy);

    return all;
}


static void
cut(void)
{
    is_str(tokens(""), "", "none");
    is_str(tokens("/"), "|", "an empty one");
    is_str(tokens("//"), "||", "two empty ones");
    is_str(tokens("/sku"), "sku|", "one");
    is_str(tokens("/items/0/sku"), "items|0|sku|", "several");
    is_str(tokens("/a~1b/m~0n"), "a/b|m~n|", "escapes");
    is_str(tokens("/~01"), "~1|", "an escape is not escaped again");
    is_str(tokens("/~0~0~1"), "~~/|", "one behind the other");
    is_str(tokens("/items/*/~0"), "items|*|~|", "a star is as it is written");
}


static void
indices(void)
{
    size_t  n;

    is_int(adm_pointer_index(text("0"), &n), ADM_OK, "0 is one");
    is_uint(n, 0, "... the first");
    is_int(adm_pointer_index(text("10"), &n), ADM_OK, "10 is one");
    is_uint(n, 10, "... the eleventh");
    is_int(adm_pointer_index(text("4294967295"), &n), ADM_OK, "the last");
    is_uint(n, UINT32_MAX, "... as it is written");

    n = 7;

    is_int(adm_pointer_index(text("4294967296"), &n), ADM_ERROR, "too large");
    is_int(adm_pointer_index(text(""), &n), ADM_ERROR, "empty");
    is_int(adm_pointer_index(text("-"), &n), ADM_ERROR, "behind the last");
    is_int(adm_pointer_index(text("-1"), &n), ADM_ERROR, "negative");
    is_int(adm_pointer_index(text("01"), &n), ADM_ERROR, "a leading zero");
    is_int(adm_pointer_index(text("00"), &n), ADM_ERROR, "two zeros");
    is_int(adm_pointer_index(text("1e0"), &n), ADM_ERROR, "an exponent");
    is_uint(n, 7, "what is refused leaves the result alone");
}


int
main(void)
{
    valid();
    cut();
    indices();

    return unit_done();
}
