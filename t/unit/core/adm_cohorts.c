
/*
 * The story: how many of those who are called come decides how many are
 * called next.  A count that is lost between two workers, or that an hour-old
 * second left behind, steers the whole line.
 */


#define _GNU_SOURCE

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"
#include "../../../src/core/adm_cohorts.c"


static uint64_t  ring[ADM_COHORTS];


static void
laps(void)
{
    adm_cohort_t  c;

    adm_cohorts_add(ring, 7, 30, 0);
    adm_cohorts_add(ring, 7, 0, 12);
    c = adm_cohorts_at(ring, 7);
    ok(c.called == 30 && c.claimed == 12, "both counts");

    c = adm_cohorts_at(ring, 7 + ADM_COHORTS);
    ok(c.called == 0 && c.claimed == 0, "a later lap has none of them");

    adm_cohorts_add(ring, 7 + ADM_COHORTS, 1, 0);
    c = adm_cohorts_at(ring, 7 + ADM_COHORTS);
    ok(c.called == 1 && c.claimed == 0, "and begins anew");

    adm_cohorts_add(ring, 8, ADM_COHORTS_MAX, 0);
    adm_cohorts_add(ring, 8, 1, 0);
    c = adm_cohorts_at(ring, 8);
    ok(c.called == ADM_COHORTS_MAX && c.claimed == 0, "a full count stays");
}


static void
together(void)
{
    int            i, k;
    uint64_t      *shared;
    adm_cohort_t   c;

    shared = mmap(NULL, ADM_COHORTS * sizeof(uint64_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    for (i = 0; i < 4; i++) {
        if (fork() == 0) {
            for (k = 0; k < 20000; k++) {
                adm_cohorts_add(shared, 100, 1, k % 2);
            }

            _exit(0);
        }
    }

    while (wait(NULL) > 0) { /* all of them */ }

    c = adm_cohorts_at(shared, 100);
    ok(c.called == 80000 && c.claimed == 40000, "no count is lost");
}


static void
told(void)
{
    adm_cohort_t  c;

    static uint64_t  ring[ADM_COHORTS];

    adm_cohorts_add(ring, 7, 5, 1);
    adm_cohorts_set(ring, 7, 30, 20);
    c = adm_cohorts_at(ring, 7);
    ok(c.called == 30 && c.claimed == 20, "what others counted is taken");

    adm_cohorts_set(ring, 7 + ADM_COHORTS, UINT64_MAX, 3);
    c = adm_cohorts_at(ring, 7 + ADM_COHORTS);
    ok(c.called == ADM_COHORTS_MAX && c.claimed == 3, "as far as it fits");
    is_uint(adm_cohorts_at(ring, 7).called, 0, "the lap before is over");
}


int
main(void)
{
    told();
    laps();
    together();

    return unit_done();
}
