
/*
 * How far a rising number had come at each second of the last hour: a ring of
 * words in shared memory, for the questions "how much was it then?" and "when
 * did it pass this?".
 *
 * A word is 48 bits of number and 16 of second.  One process writes at a
 * time, or several what is nearly the same; any number reads.
 */


#ifndef _ADM_MARKS_H_INCLUDED_
#define _ADM_MARKS_H_INCLUDED_


#include "adm_atomic.h"


/* seconds that are remembered; 32 KiB */

#define ADM_MARKS   4096


/* the largest number that a mark holds */

#define ADM_MARKS_MAX   ((UINT64_C(1) << 48) - 1)


/*
 * Notes the number at "second".  No second may be left out between two that
 * are noted.
 */

void adm_marks_put(uint64_t ring[ADM_MARKS], uint64_t second,
    uint64_t number);


/*
 * The number noted at "second"; 0 if none is known any more.
 * Cost: one word.
 */

uint64_t adm_marks_at(const uint64_t ring[ADM_MARKS], uint64_t second);


/*
 * The earliest second in [first, last] by which the number had become more
 * than "number", last + 1 if it had not.  If it is "first", it may have been
 * earlier.  All of the range must have been noted, and be no longer than
 * ADM_MARKS.  Cost: a word for each time the range can be halved, 12 at most.
 */

uint64_t adm_marks_when(const uint64_t ring[ADM_MARKS], uint64_t number,
    uint64_t first, uint64_t last);


#endif /* _ADM_MARKS_H_INCLUDED_ */
