
/*
 * Times to come back for many who share one budget, such that they do not all
 * come in the same second: each is given the next unit that nobody was given
 * yet, at the pace at which units become free.
 *
 * Whether a key is shared is learned from two different clients that are
 * refused by it in a row; who has a key alone is told the plain time.
 */


#ifndef _ADM_SPREAD_H_INCLUDED_
#define _ADM_SPREAD_H_INCLUDED_


#include "adm.h"


#define ADM_SPREAD_KEYS   64
#define ADM_SPREAD_MAX    UINT64_C(60000000)    /* us */


typedef struct {
    uint64_t   key;
    uint64_t   client;         /* refused last, while it is not shared */
    uint64_t   booked;         /* us: units are given away until then */
    unsigned   shared;
} adm_spread_key_t;


/* of one process, zeroed at first */

typedef struct {
    adm_spread_key_t  keys[ADM_SPREAD_KEYS];
} adm_spread_t;


/*
 * In how many microseconds a client that was refused by "key" is to come: 0
 * if the key is not known to be shared.  Both are hashes of 64 good bits;
 * "now" is of a clock that does not go back, "pace" is what a unit takes, at
 * least 1, both in microseconds.  Above ADM_SPREAD_MAX it is a time between
 * half of that and all of it, by the client.
 *
 * To be asked once for a client until its time has come.  Keys that are
 * shared and in use are not forgotten for others: where two meet, the later
 * one is not spread.
 */

uint64_t adm_spread_book(adm_spread_t *s, uint64_t key, uint64_t client,
    uint64_t now, uint64_t pace);


/* 1 if units of the key are given away beyond "now", so to many, else 0 */

int adm_spread_busy(const adm_spread_t *s, uint64_t key, uint64_t now);


#endif /* _ADM_SPREAD_H_INCLUDED_ */
