
/*
 * Which of many keys use more than a part of their budget: fixed in size,
 * shared by many processes, changed without a lock.
 *
 * A word is a leaky bucket: the upper bits of a tag, and the moment at which
 * all that the key used will have drained at the rate that is its part.  It
 * may forget: a line of eight words belongs to many tags, and a newcomer takes
 * the place of the one that drains first, so whoever uses much stays.  It does
 * not invent: two keys are taken for one once in 2^22 / 8.
 */


#ifndef _ADM_BUDGET_H_INCLUDED_
#define _ADM_BUDGET_H_INCLUDED_


#include "adm_atomic.h"


#define ADM_BUDGET_LINE   8


/* a process's view; the words are in shared memory, zeroed */

typedef struct {
    uint64_t  *words;
    uint64_t   lines;          /* of ADM_BUDGET_LINE words, 1 or more */
} adm_budget_t;


/*
 * Counts that "tag", a hash of 64 good bits, used what takes "time" to drain;
 * "now" is of a clock that does not go back, in 1/16 ms, as "time" is, less
 * than 2^41 of them.  How much has not drained.  Two that count in one line
 * at once may lose one of the counts.  Cost: one cache line.
 */

uint64_t adm_budget_use(const adm_budget_t *b, uint64_t tag, uint64_t now,
    uint64_t time);


#endif /* _ADM_BUDGET_H_INCLUDED_ */
