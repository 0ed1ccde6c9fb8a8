
/*
 * The story: a crowd that presses reload while it was told to wait is not a
 * larger crowd, and the signal for more machines must not count it twice.
 * Nor may it take a stranger for one of them, or remember for ever.  So the
 * memory is held against a plain map while it has room, and looked at for
 * what it forgets when it has not.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_recent.c"


#define LINES   64
#define TAGS    128


static uint64_t  state = 88172645463325252;


static uint64_t
draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return state * UINT64_C(2685821657736338717);
}


static void
against_a_map(void)
{
    uint64_t      words[LINES * ADM_RECENT_LINE] = { 0 };
    uint64_t      tags[TAGS], until[TAGS] = { 0 }, now;
    unsigned      i, wrong;
    adm_recent_t  r = { words, LINES };

    wrong = 0;

    for (i = 0; i < TAGS; i++) {
        tags[i] = draw();
    }

    /* across the end of the 24 bits of time */

    for (now = ADM_RECENT_TIME - 5000; now < ADM_RECENT_TIME + 5000; now++) {
        i = draw() % TAGS;
        until[i] = now + draw() % 20;
        adm_recent_note(&r, tags[i], now, until[i] - now);

        i = draw() % TAGS;
        wrong += adm_recent_left(&r, tags[i], now)
                 != ((until[i] > now) ? until[i] - now : 0);
    }

    is_uint(wrong, 0, "10,000 notes and questions, as a map answers them");
}


static void
strangers(void)
{
    uint64_t      words[LINES * ADM_RECENT_LINE] = { 0 };
    unsigned      i, known;
    adm_recent_t  r = { words, LINES };

    for (i = 0; i < 10000; i++) {
        adm_recent_note(&r, draw(), 100, 50);
    }

    for (i = 0, known = 0; i < 100000; i++) {
        known += adm_recent_left(&r, draw(), 100) != 0;
    }

    is_uint(known, 0, "a full memory knows no stranger");
}


static void
forgetting(void)
{
    uint64_t      words[ADM_RECENT_LINE] = { 0 }, tag;
    unsigned      i, known;
    adm_recent_t  r = { words, 1 };

    /* one line: the one whose time is over first gives way */

    for (i = 1; i <= ADM_RECENT_LINE; i++) {
        adm_recent_note(&r, (uint64_t) i << 24, 1000, 10 * i);
    }

    adm_recent_note(&r, UINT64_C(99) << 24, 1000, 45);

    for (i = 1, known = 0; i <= ADM_RECENT_LINE; i++) {
        known += adm_recent_left(&r, (uint64_t) i << 24, 1000) != 0;
    }

    is_uint(known, ADM_RECENT_LINE - 1, "a newcomer drives out one");
    ok(!adm_recent_left(&r, UINT64_C(1) << 24, 1000), "... the first to end");
    ok(adm_recent_left(&r, UINT64_C(99) << 24, 1044), "and is known");
    ok(!adm_recent_left(&r, UINT64_C(99) << 24, 1045), "until its time");

    tag = draw();
    adm_recent_note(&r, tag, 2000, 10 * ADM_RECENT_MAX);
    ok(adm_recent_left(&r, tag, 2000 + ADM_RECENT_MAX - 1)
       && !adm_recent_left(&r, tag, 2000 + ADM_RECENT_MAX),
       "a long time is a day");

    adm_recent_note(&r, tag, 2000, 0);
    ok(!adm_recent_left(&r, tag, 2000), "told to come at once");
}


/* two clients that differ in a byte anywhere, or in where it stands */

static void
tags(void)
{
    uint64_t       seen[200], tag;
    unsigned       i, j, n, same;
    adm_str_t      piece;
    unsigned char  text[32] = { 0 };

    n = 0;

    for (i = 0; i < 32; i++) {
        text[i] = 1;
        piece.data = text;
        piece.len = sizeof(text);
        seen[n++] = adm_recent_tag(7, piece);
        text[i] = 0;

        piece.len = i;
        seen[n++] = adm_recent_tag(7, piece);

        piece.data = text + i;
        piece.len = sizeof(text) - i;
        tag = adm_recent_tag(7, (adm_str_t) { i, text });
        seen[n++] = adm_recent_tag(tag, piece);
    }

    for (i = 0, same = 0; i < n; i++) {
        for (j = 0; j < i; j++) {
            same += (seen[i] >> 24) == (seen[j] >> 24);
        }
    }

    is_uint(same, 0, "96 texts of 0 to 32 bytes, almost the same");

    piece.data = NULL;
    piece.len = 0;
    ok(adm_recent_tag(7, piece) != adm_recent_tag(8, piece), "the secret");
}


int
main(void)
{
    tags();
    against_a_map();
    strangers();
    forgetting();

    return unit_done();
}
