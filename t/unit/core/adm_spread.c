
/*
 * The story: a thousand shoppers over a limit of five hundred a second, all
 * told "in one second", are a thousand again a second later, and half of them
 * hear it again.  Told one after the other they all fit.  But who has a limit
 * alone, and tries and tries, is told the plain time each time.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_spread.c"


#define SECOND   UINT64_C(1000000)


static void
crowd(void)
{
    uint64_t      i, now, wait, most, seconds[4] = { 0 };
    adm_spread_t  s = { 0 };

    now = 77 * SECOND;
    most = 0;

    (void) adm_spread_book(&s, 5, 999999, now, 2000);

    for (i = 0; i < 1000; i++) {
        wait = adm_spread_book(&s, 5, i, now, 2000);
        most = (wait > most) ? wait : most;
        seconds[wait / SECOND < 3 ? wait / SECOND : 3]++;
    }

    ok(seconds[0] == 499 && seconds[1] == 500 && seconds[2] == 1
       && seconds[3] == 0, "500 a second, as many as there is room for");
    is_uint(most, 2 * SECOND, "the last one when all had their turn");

    ok(adm_spread_busy(&s, 5, now + 2 * SECOND - 1)
       && !adm_spread_busy(&s, 5, now + 2 * SECOND)
       && !adm_spread_busy(&s, 5 + ADM_SPREAD_KEYS, now), "busy until then");

    is_uint(adm_spread_book(&s, 5, 1, now + SECOND, 2000), SECOND + 2000,
            "who comes later is behind those");
    is_uint(adm_spread_book(&s, 5, 2, now + 9 * SECOND, 2000), 2000,
            "and when they are through, next");
}


static void
alone(void)
{
    unsigned      i;
    uint64_t      sum;
    adm_spread_t  s = { 0 };

    for (i = 0, sum = 0; i < 1000; i++) {
        sum += adm_spread_book(&s, 5, 42, SECOND + i, 2000);
    }

    is_uint(sum, 0, "a client that has a key alone is not put off");
    ok(!adm_spread_busy(&s, 5, 0), "nor is its key busy");
}


static void
long_queues(void)
{
    uint64_t      i, wait, least, most;
    adm_spread_t  s = { 0 };

    least = UINT64_MAX;
    most = 0;

    for (i = 0; i < 100000; i++) {
        wait = adm_spread_book(&s, 5, i * UINT64_C(0x9e3779b97f4a7c15), 0,
                               SECOND);

        if (i > 60) {
            least = (wait < least) ? wait : least;
            most = (wait > most) ? wait : most;
        }
    }

    ok(least >= ADM_SPREAD_MAX / 2 && least < ADM_SPREAD_MAX * 6 / 10
       && most <= ADM_SPREAD_MAX && most > ADM_SPREAD_MAX * 9 / 10,
       "nobody is sent away for an hour, nor all for the same time");
}


/* many keys of single clients, whose places are the shared one's too */

static void
neighbors(void)
{
    uint64_t      i, wait, spread;
    adm_spread_t  s = { 0 };

    spread = 0;

    for (i = 0; i < 10000; i++) {
        (void) adm_spread_book(&s, i * 64, i, i, 2000);
        wait = adm_spread_book(&s, UINT64_C(1) << 40, i, i, 2000);
        spread += wait != 0;
    }

    ok(spread == 0, "between single clients it is not known to be shared");

    (void) adm_spread_book(&s, UINT64_C(1) << 40, 1, 20000, 2000);

    for (i = 0, spread = 0; i < 10000; i++) {
        wait = adm_spread_book(&s, UINT64_C(1) << 40, i, 20000 + i, 2000);
        (void) adm_spread_book(&s, i * 64, i, 20000 + i, 2000);
        spread += wait != 0;
    }

    ok(spread >= 9999, "once it is, they do not make it forgotten");

    (void) adm_spread_book(&s, 64, 7, 3600 * SECOND, 2000);
    is_uint(adm_spread_book(&s, UINT64_C(1) << 40, 5, 3600 * SECOND, 2000), 0,
            "until its rush is over");
}


int
main(void)
{
    crowd();
    alone();
    long_queues();
    neighbors();

    return unit_done();
}
