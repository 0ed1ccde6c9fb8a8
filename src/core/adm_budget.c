
/*
 * Who uses much: see the header.
 *
 * A word is the upper 22 bits of a tag, and a moment modulo 2^42, nine years;
 * what lies less than half of that ahead is still to come.
 */


#include "adm_budget.h"


#define ADM_BUDGET_TIME    ((UINT64_C(1) << 42) - 1)
#define ADM_BUDGET_AHEAD   (UINT64_C(1) << 41)


static uint64_t
adm_budget_left(uint64_t word, uint64_t now)
{
    uint64_t  left;

    left = (word - now) & ADM_BUDGET_TIME;

    return (word == 0 || left >= ADM_BUDGET_AHEAD) ? 0 : left;
}


uint64_t
adm_budget_use(const adm_budget_t *b, uint64_t tag, uint64_t now,
    uint64_t time)
{
    uint64_t   word, left, least, *line, *place;
    unsigned   i;

    line = &b->words[(tag & UINT32_MAX) % b->lines * ADM_BUDGET_LINE];
    place = line;
    least = UINT64_MAX;

    for (i = 0; i < ADM_BUDGET_LINE; i++) {
        word = adm_load(&line[i]);
        left = adm_budget_left(word, now);

        if (((word ^ tag) & ~ADM_BUDGET_TIME) == 0) {
            place = &line[i];
            time += left;
            break;
        }

        if (left < least) {
            least = left;
            place = &line[i];
        }
    }

    time = (time < ADM_BUDGET_AHEAD) ? time : ADM_BUDGET_AHEAD - 1;

    __atomic_store_n(place, (tag & ~ADM_BUDGET_TIME)
                            | ((now + time) & ADM_BUDGET_TIME),
                     __ATOMIC_RELEASE);

    return time;
}
