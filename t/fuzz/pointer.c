
/*
 * Fuzzes the reader of JSON pointers: tokens, escaped again and put together,
 * are the pointer that came.
 */


#include <stdio.h>
#include <stdlib.h>

#include "../../src/core/adm_literal.c"
#include "../../src/core/adm_pointer.c"


#define hold(cond)                                                           \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* the token stands, escaped, at "p"; its end there */

static const unsigned char *
compare(const unsigned char *p, const unsigned char *last,
    const unsigned char *token, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (token[i] == '~' || token[i] == '/') {
            hold(last - p >= 2 && p[0] == '~');
            hold(p[1] == (token[i] == '~' ? '0' : '1'));
            p += 2;

        } else {
            hold(p < last && *p == token[i]);
            p++;
        }
    }

    return p;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                n, index;
    adm_str_t             s, text;
    unsigned char        *token;
    const unsigned char  *p;

    s.data = data;
    s.len = size;

    if (!adm_pointer_valid(s)) {
        return 0;
    }

    p = data;

    while (s.len) {
        hold(s.data == p && *p == '/');

        token = malloc(s.len);
        n = adm_pointer_next(&s, token);
        p = compare(p + 1, data + size, token, n);

        text.len = n;
        text.data = token;

        hold(adm_pointer_index(text, &index) == ADM_ERROR
             || (n && token[0] >= '0' && token[0] <= '9' && n <= 10));

        free(token);
    }

    hold(p == data + size);

    return 0;
}
