
/*
 * The story: eight nodes share four places, and each rounds its half of one up
 * to a place, so that the upstream has twice what it bears; or down, and it
 * has nothing to do.  And a node that is idle keeps places that another one
 * refuses people for.
 */


#include "unit.h"
#include "../../../src/core/adm_portion.c"


#define NODES   256
#define CASES   2000


static uint64_t  seed = 88172645463325252u;


static uint64_t
any(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed % n;
}


/* of some nodes nobody comes to one, of some very many to one */

static void
draw(uint32_t *needs, unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        needs[i] = any(4) ? (uint32_t) (UINT32_MAX >> any(32)) : 0;
    }
}


/* all of the limit at each moment, and of each node what is near its mean */

static int
whole(uint64_t limit, const uint32_t *needs, unsigned n, uint64_t now)
{
    unsigned  i;
    uint64_t  sum, places, exact, begin, end;

    places = (limit < 1500) ? 1 : (limit + 500) / 1000;
    sum = 0;

    for (i = 0; i < n; i++) {
        begin = adm_portion_before(places, needs, n, i);
        end = adm_portion_before(places, needs, n, i + 1);
        exact = adm_portion(limit, needs, n, i, now);

        if (end < begin || exact > (end - begin) / ADM_PORTION_UNIT + 1
            || exact < (end - begin) / ADM_PORTION_UNIT)
        {
            return 0;
        }

        sum += exact;
    }

    return sum == places;
}


static void
all_of_it(void)
{
    int       good;
    unsigned  i, n;
    uint32_t  needs[NODES];

    good = 1;

    for (i = 0; i < CASES; i++) {
        n = 1 + (unsigned) any(any(2) ? 8 : NODES);
        draw(needs, n);
        good &= whole(1 + any(any(2) ? 20000 : 100000000), needs, n,
                      any(UINT64_C(1) << 45));
    }

    ok(good, "all have the limit together, and each what is near its part");
}


/* ms, of "during", in which node "mine" has a place; places x ms */

static uint64_t
has(uint64_t limit, const uint32_t *needs, unsigned n, unsigned mine,
    uint64_t during)
{
    uint64_t  now, sum;

    for (sum = 0, now = 0; now < during; now++) {
        sum += adm_portion(limit, needs, n, mine, now);
    }

    return sum;
}


static void
turns(void)
{
    unsigned  i, changes;
    uint64_t  now, then;
    uint32_t  needs[8];

    for (i = 0; i < 8; i++) {
        needs[i] = 500000;
    }

    for (i = 0; i < 8; i++) {
        is_uint(has(4000, needs, 8, i, 4000), 2000,
                "of four places each of eight has one half of the time");
    }

    changes = 0;
    then = adm_portion(4000, needs, 8, 3, 0);

    for (now = 1; now <= 4000; now++) {
        changes += (adm_portion(4000, needs, 8, 3, now) != then);
        then = adm_portion(4000, needs, 8, 3, now);
    }

    is_uint(changes, 2, "for as long as a request may take, at once");

    is_uint(has(1000, needs, 8, 0, 16000), 2000,
            "of one place each has one for as long, less often");
    is_uint(adm_portion(1, needs, 1, 0, 0), 1, "and there is one always");
}


static void
by_need(void)
{
    uint64_t  most, least;
    uint32_t  needs[8] = { 500000 };

    most = has(4000, needs, 8, 0, 4000);

    ok(most > 3700 * 4 && most < 4000 * 4,
       "one to whom all come has nearly all");

    least = has(4000, needs, 8, 5, 4000);

    ok(least > 0, "the others a little, should somebody come");
    is_uint(has(4000, needs, 8, 7, 4000), least, "all the same");

    needs[1] = 2000;
    ok(has(100000, needs, 8, 1, 2000) >= 2000,
       "who needs little has a place while there are many");

    needs[1] = 250000;
    most = has(30000, needs, 2, 0, 2000);
    least = has(30000, needs, 2, 1, 2000);

    ok(most * 10 > least * 18 && most * 10 < least * 20,
       "who needs half as much has half as much, nearly");

    needs[0] = 0;
    needs[1] = 0;
    is_uint(has(7000, needs, 2, 0, 2000), has(7000, needs, 2, 1, 2000),
            "where nobody needs any all are alike");
}


int
main(void)
{
    all_of_it();
    turns();
    by_need();

    return unit_done();
}
