
/*
 * Whether one key makes more than its share of events.
 *
 * Source: Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and
 * Top-k Elements in Data Streams, 2005 ("Space-Saving").  A newcomer takes
 * the counter that is least, and remembers what it began at: so a count less
 * that beginning is never more than the key really had.
 *
 * Of every ADM_HEAVY_WINDOW events a key with ADM_HEAVY_SHARE or less is never
 * told, in any order of events; and if a key has ADM_HEAVY_SURE or more, one
 * is.
 */


#ifndef _ADM_HEAVY_H_INCLUDED_
#define _ADM_HEAVY_H_INCLUDED_


#include "adm.h"


#define ADM_HEAVY_WINDOW   1000    /* events */
#define ADM_HEAVY_KEYS     16
#define ADM_HEAVY_SHARE    200     /* events of a window that are too many */

#define ADM_HEAVY_SURE                                                        \
    (ADM_HEAVY_SHARE + ADM_HEAVY_WINDOW / ADM_HEAVY_KEYS + 1)


/* of one process, zeroed at first: a window that begins */

typedef struct {
    uint64_t  key[ADM_HEAVY_KEYS];
    uint32_t  count[ADM_HEAVY_KEYS];
    uint32_t  began[ADM_HEAVY_KEYS];
    uint32_t  events;              /* of this window */
} adm_heavy_t;


/*
 * Counts an event of "key", any number but 0.  At the end of a window the
 * share, per mille, that the heaviest key is sure to have, and the key, if it
 * is more than ADM_HEAVY_SHARE events; else 0.
 * Cost: four cache lines; sixteen comparisons, as many again for a newcomer.
 */

unsigned adm_heavy_add(adm_heavy_t *h, uint64_t key, uint64_t *heaviest);


#endif /* _ADM_HEAVY_H_INCLUDED_ */
