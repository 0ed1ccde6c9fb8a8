
/*
 * People called by second: see the header.
 */


#include "adm_cohorts.h"


#define ADM_COHORTS_LAP     56
#define ADM_COHORTS_CALLED  28


#define adm_cohorts_lap(second)   ((second) / ADM_COHORTS << ADM_COHORTS_LAP)


/* the counts of a word, nothing if it is of another lap */

static adm_cohort_t
adm_cohorts_read(uint64_t word, uint64_t second)
{
    adm_cohort_t  c;

    if ((word ^ adm_cohorts_lap(second)) >> ADM_COHORTS_LAP) {
        word = 0;
    }

    c.called = (word >> ADM_COHORTS_CALLED) & ADM_COHORTS_MAX;
    c.claimed = word & ADM_COHORTS_MAX;

    return c;
}


void
adm_cohorts_add(uint64_t ring[ADM_COHORTS], uint64_t second, uint64_t called,
    uint64_t claimed)
{
    uint64_t       seen, next, *word;
    adm_cohort_t   c;

    word = &ring[second % ADM_COHORTS];

    do {
        seen = adm_load(word);
        c = adm_cohorts_read(seen, second);

        if (called > ADM_COHORTS_MAX - c.called
            || claimed > ADM_COHORTS_MAX - c.claimed)
        {
            return;
        }

        next = adm_cohorts_lap(second)
               | (c.called + called) << ADM_COHORTS_CALLED
               | (c.claimed + claimed);

    } while (!adm_word_cas(word, seen, next));
}


void
adm_cohorts_set(uint64_t ring[ADM_COHORTS], uint64_t second, uint64_t called,
    uint64_t claimed)
{
    called = (called < ADM_COHORTS_MAX) ? called : ADM_COHORTS_MAX;
    claimed = (claimed < ADM_COHORTS_MAX) ? claimed : ADM_COHORTS_MAX;

    __atomic_store_n(&ring[second % ADM_COHORTS],
                     adm_cohorts_lap(second) | called << ADM_COHORTS_CALLED
                     | claimed,
                     __ATOMIC_RELEASE);
}


adm_cohort_t
adm_cohorts_at(const uint64_t ring[ADM_COHORTS], uint64_t second)
{
    return adm_cohorts_read(adm_load(&ring[second % ADM_COHORTS]), second);
}
