
/*
 * Of the people called in each second of the last hour: how many there were,
 * and how many have come.  A ring of words in shared memory, changed by many
 * processes without a lock.
 *
 * A word is 8 bits of lap and two counts of 28.
 */


#ifndef _ADM_COHORTS_H_INCLUDED_
#define _ADM_COHORTS_H_INCLUDED_


#include "adm_atomic.h"


/* seconds that are remembered; 32 KiB */

#define ADM_COHORTS   4096


/* the largest count; more are not counted */

#define ADM_COHORTS_MAX   ((UINT64_C(1) << 28) - 1)


typedef struct {
    uint64_t  called;
    uint64_t  claimed;
} adm_cohort_t;


/* Adds to the counts of "second"; what is there of an earlier lap goes. */

void adm_cohorts_add(uint64_t ring[ADM_COHORTS], uint64_t second,
    uint64_t called, uint64_t claimed);


/* Sets the counts of "second" to those that somebody else has counted. */

void adm_cohorts_set(uint64_t ring[ADM_COHORTS], uint64_t second,
    uint64_t called, uint64_t claimed);


/* The counts of "second". */

adm_cohort_t adm_cohorts_at(const uint64_t ring[ADM_COHORTS],
    uint64_t second);


#endif /* _ADM_COHORTS_H_INCLUDED_ */
