
/*
 * Fuzzes the reader of a cluster's redirections: what it has read, printed,
 * is what came, but for the zeros before a number and a node without a name.
 */


#include <stdio.h>
#include <stdlib.h>

#include "../../src/core/adm_literal.c"
#include "../../src/core/adm_redirect.c"


#define hold(cond)                                                           \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* the first "len" bytes of "s" are these, and go from it */

static void
cut(adm_str_t *s, const void *p, size_t len)
{
    hold(s->len >= len && memcmp(s->data, p, len) == 0);

    s->data += len;
    s->len -= len;
}


static void
cut_number(adm_str_t *s, unsigned number)
{
    char  text[16];
    int   n;

    while (s->len > 1 && s->data[0] == '0' && s->data[1] >= '0'
           && s->data[1] <= '9')
    {
        s->data++;
        s->len--;
    }

    n = snprintf(text, sizeof(text), "%u", number);
    cut(s, text, (size_t) n);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    adm_str_t       s;
    adm_redirect_t  r;

    s.data = data;
    s.len = size;

    if (adm_redirect_parse(s, &r) != ADM_OK || r.kind > ADM_REDIRECT_ASK) {
        return 0;
    }

    hold(r.slot < ADM_KEYSLOTS && r.host.len <= ADM_REDIRECT_HOST);
    hold(r.port >= 1 && r.port <= 65535);

    if (r.kind == ADM_REDIRECT_MOVED) {
        cut(&s, "MOVED ", 6);

    } else {
        cut(&s, "ASK ", 4);
    }

    cut_number(&s, r.slot);
    cut(&s, " ", 1);

    if (r.host.len == 0 && s.len && s.data[0] == '?') {
        cut(&s, "?", 1);
    }

    cut(&s, r.host.data, r.host.len);
    cut(&s, ":", 1);
    cut_number(&s, r.port);
    hold(s.len == 0);

    return 0;
}
