
/*
 * Events of the last seconds, counted without a lock: a ring of words, one
 * for a second, which many processes may share.
 *
 * A word is a second and its count.  Whoever comes first in a second starts
 * its word anew, and so forgets the second that stood there.
 */


#ifndef _ADM_WINDOW_H_INCLUDED_
#define _ADM_WINDOW_H_INCLUDED_


#include "adm_atomic.h"


/* words in a ring, a power of two */

#define ADM_WINDOW   16


/*
 * Counts one event in "second", of a clock that does not go back; the ring
 * is zeroed at first.  A process that is stopped for ADM_WINDOW seconds in
 * the middle counts its event in the second that has come to its place.
 * A count stops at 2^32 - 1.
 */

void adm_window_add(uint64_t ring[ADM_WINDOW], uint64_t second);


/*
 * The events of the "n" whole seconds before "second"; n is less than
 * ADM_WINDOW.
 */

uint64_t adm_window_sum(const uint64_t ring[ADM_WINDOW], uint64_t second,
    unsigned n);


#endif /* _ADM_WINDOW_H_INCLUDED_ */
