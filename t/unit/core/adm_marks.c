
/*
 * The story: whether a called ticket has lapsed is decided by when it was
 * called, and that is told from a ring of marks by halving.  One second too
 * few in there and people lose the last second of their window; one ring too
 * far and a ticket of an hour ago is called "just now".
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_marks.c"


#define LAST   9000


static uint64_t  plain[LAST + 1], ring[ADM_MARKS];


static uint64_t
plain_when(uint64_t number, uint64_t first, uint64_t last)
{
    for ( /* void */ ; first <= last; first++) {
        if (plain[first] > number) {
            return first;
        }
    }

    return first;
}


static void
when(void)
{
    uint64_t  s, first, number, wrong;
    unsigned  i;

    srand(5);
    wrong = 0;

    for (s = 1; s <= LAST; s++) {
        plain[s] = plain[s - 1] + ((rand() % 3) ? (uint64_t) rand() % 50 : 0);
        adm_marks_put(ring, s, plain[s]);

        for (i = 0; i < 5; i++) {
            first = (s < ADM_MARKS) ? 1 : s - ADM_MARKS + 1;
            first += (uint64_t) rand() % (s - first + 1);
            number = plain[first] + (uint64_t) rand() % 300;

            wrong += adm_marks_when(ring, number, first, s)
                     != plain_when(number, first, s);
            wrong += adm_marks_at(ring, first) != plain[first];
        }
    }

    is_uint(wrong, 0, "each number's second is that of a plain list");
    is_uint(adm_marks_at(ring, LAST - ADM_MARKS), 0, "older is not known");
    is_uint(adm_marks_at(ring, LAST + 1), 0, "nor what has not been");
}


static void
large(void)
{
    adm_marks_put(ring, 70000, ADM_MARKS_MAX);

    ok(adm_marks_at(ring, 70000) == ADM_MARKS_MAX, "the largest number");
    is_uint(adm_marks_at(ring, 70000 - ADM_MARKS), 0,
            "a second in the same place is told apart");
}


int
main(void)
{
    when();
    large();

    return unit_done();
}
