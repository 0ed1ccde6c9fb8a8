
/*
 * Which pass a ticket was exchanged for, for half a minute: fixed in size,
 * shared by many processes, changed without a lock.
 *
 * A word is 20 bits of ticket, 12 of second, 32 of serial.  A line of eight
 * words belongs to every n-th ticket, so tickets that are claimed together
 * spread evenly; in a line that is full the oldest goes.
 */


#ifndef _ADM_NOTES_H_INCLUDED_
#define _ADM_NOTES_H_INCLUDED_


#include "adm_atomic.h"


#define ADM_NOTES_LINE   8


/* seconds that a note is good for */

#define ADM_NOTES_KEEP   30


/* a process's view; the words are in shared memory, zeroed */

typedef struct {
    uint64_t  *words;
    uint64_t   lines;          /* of ADM_NOTES_LINE words, 1 or more */
} adm_notes_t;


typedef struct {
    uint64_t  serial;          /* less than 2^32, not 0 */
    uint64_t  second;          /* when it was noted */
} adm_note_t;


/*
 * Finds the ticket's note: 1 and the note, or 0 if there is none, or none of
 * the last ADM_NOTES_KEEP seconds.  A ticket older than 4000 seconds must not
 * be asked for: seconds begin again after 4096.  Cost: one cache line.
 */

int adm_notes_find(const adm_notes_t *t, uint64_t ticket, uint64_t now,
    adm_note_t *note);


/*
 * Notes that the ticket gets the pass "serial" at "now".
 * Cost: one cache line, one swap, and again if the line changed meanwhile.
 */

void adm_notes_put(const adm_notes_t *t, uint64_t ticket, uint64_t now,
    uint64_t serial);


/* Takes back a note of just that ticket and serial. */

void adm_notes_remove(const adm_notes_t *t, uint64_t ticket,
    uint64_t serial);


#endif /* _ADM_NOTES_H_INCLUDED_ */
