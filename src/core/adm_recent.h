
/*
 * A short memory of who was told to come back, and when: fixed in size,
 * shared by many processes, changed without a lock.
 *
 * It may forget: a line of eight words belongs to many tags, and a newcomer
 * takes the place of the one whose time is over, else of the one whose time
 * is over first.  It does not invent: a stranger is taken for somebody whom
 * it knows once in 2^40 / 8.
 */


#ifndef _ADM_RECENT_H_INCLUDED_
#define _ADM_RECENT_H_INCLUDED_


#include "adm_atomic.h"


#define ADM_RECENT_LINE   8
#define ADM_RECENT_MAX    86400


/* a process's view; the words are in shared memory, zeroed */

typedef struct {
    uint64_t  *words;
    uint64_t   lines;          /* of ADM_RECENT_LINE words, 1 or more */
} adm_recent_t;


/*
 * A tag of many pieces: goes on from the tag of those before, or from a
 * secret number.  Fast, and no secret is kept by it.  Cost: a multiplication
 * for every 8 bytes, and three more.
 */

uint64_t adm_recent_tag(uint64_t tag, adm_str_t piece);


/*
 * Notes that "tag", a hash of 64 good bits, is to come back in "wait" seconds
 * from "now", seconds of a clock that does not go back; a wait of more than
 * ADM_RECENT_MAX counts as that.  Two that note in one line at once may lose
 * one of the notes.  Cost: one cache line.
 */

void adm_recent_note(const adm_recent_t *r, uint64_t tag, uint64_t now,
    uint64_t wait);


/*
 * The seconds until the tag's time comes, 0 if it has come or was not noted.
 * Cost: one cache line, read only.
 */

uint64_t adm_recent_left(const adm_recent_t *r, uint64_t tag, uint64_t now);


#endif /* _ADM_RECENT_H_INCLUDED_ */
