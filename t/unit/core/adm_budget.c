
/*
 * The story: of a hundred thousand shoppers one has a program that asks as
 * fast as it can, through every node of the fleet.  He is to be known to all
 * nodes soon, and nobody else is to be told of.  So the memory is held against
 * a plain map while it has room; and in a crowd far larger than itself those
 * who use much are not forgotten, and those who use little not taken for them.
 */


#include "unit.h"
#include "../../../src/core/adm_budget.c"


#define LINES   64
#define TAGS    128
#define CROWD   100000
#define HEAVY   20


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
one_key(void)
{
    uint64_t      words[ADM_BUDGET_LINE] = { 0 };
    adm_budget_t  b = { words, 1 };

    is_uint(adm_budget_use(&b, 7, 1000, 40), 40, "the first use");
    is_uint(adm_budget_use(&b, 7, 1000, 40), 80, "a second one");
    is_uint(adm_budget_use(&b, 7, 1060, 40), 60, "less what has drained");
    is_uint(adm_budget_use(&b, 7, 5000, 40), 40, "and all of it, later");
    is_uint(adm_budget_use(&b, UINT64_C(1) << 60 | 7, 5000, 1), 1,
            "another key has a bucket of its own");
    is_uint(adm_budget_use(&b, 7, 5000, UINT64_MAX / 2), ADM_BUDGET_AHEAD - 1,
            "a use beyond all measure is as much as there is");
    is_uint(adm_budget_use(&b, 7, 5001, 0), ADM_BUDGET_AHEAD - 2,
            "and drains as others do");
}


static void
against_a_map(void)
{
    uint64_t      words[LINES * ADM_BUDGET_LINE] = { 0 };
    uint64_t      tags[TAGS], until[TAGS] = { 0 }, now, time;
    unsigned      i, wrong;
    adm_budget_t  b = { words, LINES };

    wrong = 0;

    for (i = 0; i < TAGS; i++) {
        tags[i] = draw();
    }

    /* across the end of the 42 bits of time */

    for (now = ADM_BUDGET_TIME - 20000; now < ADM_BUDGET_TIME + 20000; now++) {
        i = draw() % TAGS;
        time = 1 + draw() % 300;
        until[i] = ((until[i] > now) ? until[i] : now) + time;

        wrong += adm_budget_use(&b, tags[i], now, time) != until[i] - now;
    }

    is_uint(wrong, 0, "40,000 uses, as a map counts them");
}


/* two a millisecond, of so many; and some, each twenty times a second */

static void
in_a_crowd(void)
{
    uint64_t      words[LINES * ADM_BUDGET_LINE] = { 0 };
    uint64_t      tag, now, left, most, least, heavy[HEAVY], sum[HEAVY];
    unsigned      i;
    adm_budget_t  b = { words, LINES };

    for (i = 0; i < HEAVY; i++) {
        heavy[i] = draw();
        sum[i] = 0;
    }

    most = 0;

    /* 16 units of time are a ms; a use drains in 200 ms */

    for (now = 0; now < 16 * 3000; now += 8) {

        tag = (draw() % CROWD + 1) * UINT64_C(0x9e3779b97f4a7c15);
        left = adm_budget_use(&b, tag, now, 16 * 200);
        most = (left > most) ? left : most;

        for (i = 0; i < HEAVY && now % (16 * 50) == 0; i++) {
            sum[i] = adm_budget_use(&b, heavy[i], now, 16 * 200);
        }
    }

    for (i = 0, least = UINT64_MAX; i < HEAVY; i++) {
        least = (sum[i] < least) ? sum[i] : least;
    }

    ok(least > 16 * 200 * 20, "who uses much is not forgotten in a crowd");
    ok(most <= 16 * 200 * 3, "and nobody else taken for one of them");
}


int
main(void)
{
    one_key();
    against_a_map();
    in_a_crowd();

    return unit_done();
}
