
/*
 * The hash of a gate in the store, as src/store/lua/gate.lua keeps it, for
 * programs that run faster than Redis: nodes that all live, and a plan.
 */


#ifndef _HASH_H_INCLUDED_
#define _HASH_H_INCLUDED_


#include <stdio.h>

#include "adm_team.h"


#define HASH_NODES   8
#define HASH_REPLY   (32 + ADM_TEAM_PLAN                                      \
                      + HASH_NODES * (ADM_TEAM_NAME + ADM_TEAM_RECORD))


typedef struct {
    unsigned       nodes;                                  /* the first ones */
    unsigned char  record[HASH_NODES][ADM_TEAM_RECORD];    /* zeroed: told
                                                              nothing yet */
    unsigned char  plan[ADM_TEAM_PLAN];
    size_t         len;
} hash_t;


static const unsigned char *
hash_name(unsigned node)
{
    static char  text[ADM_TEAM_NAME + 1];

    (void) snprintf(text, sizeof(text), "%016x", node);

    return (const unsigned char *) text;
}


static unsigned char *
hash_word(unsigned char *p, uint64_t word)
{
    memcpy(p, &word, sizeof(uint64_t));

    return p + sizeof(uint64_t);
}


static void
hash_plan(hash_t *h, const unsigned char *plan, size_t len)
{
    if (len) {
        memcpy(h->plan, plan, len);
        h->len = len;
    }
}


/* what a node that asks at "now", ms, is told; HASH_REPLY bytes are enough */

static size_t
hash_reply(const hash_t *h, uint64_t now, unsigned char *reply)
{
    unsigned        i;
    unsigned char  *p;

    p = hash_word(reply, now);
    p = hash_word(p, 1);
    p = hash_word(p, h->nodes);
    p = hash_word(p, h->len);

    memcpy(p, h->plan, h->len);
    p += h->len;

    for (i = 0; i < h->nodes; i++) {
        memcpy(p, hash_name(i), ADM_TEAM_NAME);
        memcpy(p + ADM_TEAM_NAME, h->record[i], ADM_TEAM_RECORD);
        p += ADM_TEAM_NAME + ADM_TEAM_RECORD;
    }

    return (size_t) (p - reply);
}


#endif /* _HASH_H_INCLUDED_ */
