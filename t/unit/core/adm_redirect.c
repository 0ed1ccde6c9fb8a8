
/*
 * The story: a slot moves in the middle of a sale, and each command to it is
 * told where to go instead.  Read wrongly, all buyers of that slot go to the
 * wrong machine, or a line that some broken proxy made up has the worker
 * connect to port 0 or read past its end.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_literal.c"
#include "../../../src/core/adm_redirect.c"


/* from memory that ends where the text does */

static int
parse(const char *text, size_t len, adm_redirect_t *redirect)
{
    int             rc;
    adm_str_t       s;
    static char     host[512];
    unsigned char  *copy;

    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);

    s.len = len;
    s.data = copy;

    rc = adm_redirect_parse(s, redirect);

    if (rc == ADM_OK && redirect->kind <= ADM_REDIRECT_ASK) {
        memcpy(host, redirect->host.data, redirect->host.len);
        redirect->host.data = (unsigned char *) host;
    }

    free(copy);

    return rc;
}


static void
good(void)
{
    size_t          i;
    adm_redirect_t  r;

    static const struct {
        const char      *text;
        adm_redirect_e   kind;
        unsigned         slot;
        const char      *host;
        unsigned         port;
    } cases[] = {
        { "MOVED 3999 127.0.0.1:6381", ADM_REDIRECT_MOVED, 3999,
          "127.0.0.1", 6381 },
        { "ASK 0 127.0.0.1:1", ADM_REDIRECT_ASK, 0, "127.0.0.1", 1 },
        { "MOVED 16383 ::1:65535", ADM_REDIRECT_MOVED, 16383, "::1", 65535 },
        { "MOVED 1 node-1.shop.test:6379", ADM_REDIRECT_MOVED, 1,
          "node-1.shop.test", 6379 },
        { "MOVED 1 :6379", ADM_REDIRECT_MOVED, 1, "", 6379 },
        { "ASK 1 ?:6379", ADM_REDIRECT_ASK, 1, "", 6379 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(parse(cases[i].text, strlen(cases[i].text), &r), ADM_OK,
               cases[i].text);
        is_int(r.kind, cases[i].kind, "  its kind");
        is_uint(r.slot, cases[i].slot, "  its slot");
        is_mem(r.host.data, r.host.len, cases[i].host, strlen(cases[i].host),
               "  its host");
        is_uint(r.port, cases[i].port, "  its port");
    }
}


static void
without_place(void)
{
    adm_redirect_t  r;

    is_int(parse("TRYAGAIN Multiple keys request during rehashing of slot",
                 55, &r), ADM_OK, "TRYAGAIN");
    is_int(r.kind, ADM_REDIRECT_TRYAGAIN, "  its kind");

    is_int(parse("CLUSTERDOWN Hash slot not served", 32, &r), ADM_OK,
           "CLUSTERDOWN");
    is_int(r.kind, ADM_REDIRECT_DOWN, "  its kind");

    is_int(parse("CLUSTERDOWN", 11, &r), ADM_OK, "CLUSTERDOWN alone");
}


static void
bad(void)
{
    size_t          i;
    char            longest[ADM_REDIRECT_HOST + 32];
    adm_redirect_t  r;

    static const char  *cases[] = {
        "", " ", "MOVED", "MOVED ", "MOVED 1", "MOVED 1 ", "MOVED 1 :",
        "MOVED  1 a:1", "MOVED 1  a:1", "MOVED 16384 a:1", "MOVED -1 a:1",
        "MOVED 99999999999999999999 a:1", "MOVED a a:1", "MOVED 1 a",
        "MOVED 1 a:", "MOVED 1 a:0", "MOVED 1 a:65536", "MOVED 1 a:1 b",
        "MOVED 1 a:1 ", "MOVED 1 a:x", "moved 1 a:1", "MOVEDX 1 a:1",
        "ASKING", "ASK", "ASK 1 127.0.0.1", "ERR MOVED 1 a:1", "TRYAGAINST",
        "CROSSSLOT Keys in request don't hash to the same slot",
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(parse(cases[i], strlen(cases[i]), &r), ADM_ERROR, cases[i]);
    }

    memset(longest, 'a', sizeof(longest));
    memcpy(longest, "MOVED 1 ", 8);
    memcpy(longest + 8 + ADM_REDIRECT_HOST, ":7", 2);

    is_int(parse(longest, 8 + ADM_REDIRECT_HOST + 2, &r), ADM_OK,
           "the longest name");
    is_uint(r.host.len, ADM_REDIRECT_HOST, "  is whole");

    memcpy(longest + 8 + ADM_REDIRECT_HOST, "a:7", 3);

    is_int(parse(longest, 8 + ADM_REDIRECT_HOST + 3, &r), ADM_ERROR,
           "one that is longer");
}


int
main(void)
{
    good();
    without_place();
    bad();

    return unit_done();
}
