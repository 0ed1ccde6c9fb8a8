
/*
 * Steps that are taken back: tables in shared memory that are changed under a
 * mutex, by processes of which any may be killed at any instruction.
 *
 * Before a word changes, what it was is noted in a journal beside the table;
 * when all words of an operation have changed, the journal is emptied, by one
 * store.  Whoever has the mutex next takes back what is noted: so an
 * operation is done, or it never was.  The same serves one that finds halfway
 * that it must not be done.
 *
 *     lock
 *     adm_undo_back(u);             nobody's, or of one who was killed
 *     adm_undo_set(u, &a, 1); adm_undo_set(u, &b, 2); ...
 *     adm_undo_done(u);
 *     unlock
 *
 * What nothing refers to yet may be written without a note, before the word
 * that will refer to it.  Others may read single words without the mutex, if
 * they can bear that these are taken back.
 */


#ifndef _ADM_UNDO_H_INCLUDED_
#define _ADM_UNDO_H_INCLUDED_


#include "adm_atomic.h"


/* words that one operation may change; each counts as often as it does */

#define ADM_UNDO_WORDS   1022


/* in shared memory, zeroed; 16 KiB */

typedef struct {
    uint64_t            noted;       /* 0: nothing is under way */
    uint64_t            pad;

    struct {
        uint64_t        at;          /* bytes from the beginning */
        uint64_t        was;
    } note[ADM_UNDO_WORDS];
} adm_undo_room_t;


/* a process's view */

typedef struct {
    unsigned char      *base;        /* all words lie behind it */
    adm_undo_room_t    *room;
    int                 full;        /* this operation cannot be noted */
} adm_undo_t;


/*
 * "base" is that of the memory, which may be at another address in another
 * process.
 */

void adm_undo_attach(adm_undo_t *u, void *base, adm_undo_room_t *room);


/*
 * Takes back what is noted, in reverse order: 1 if there was anything.  May
 * itself be killed, and is begun anew then.  First thing under the mutex.
 */

int adm_undo_back(adm_undo_t *u);


/*
 * Changes a word; nothing happens if there is no place for a note any more:
 * the operation fails as a whole then, at its end.
 */

void adm_undo_set(adm_undo_t *u, uint64_t *word, uint64_t to);

#define adm_undo_add(u, word, n)   adm_undo_set(u, word, *(word) + (n))


/* The same for "len" bytes, a multiple of 8, at an address that is one. */

void adm_undo_copy(adm_undo_t *u, void *to, const void *from, size_t len);


/*
 * The operation is done: ADM_OK; or ADM_ERROR, and all of it has been taken
 * back, since it changed more words than can be noted.
 */

int adm_undo_done(adm_undo_t *u);


/*
 * For tests, which are killed here: behind each store to shared memory.
 */

#ifndef adm_undo_stored
#define adm_undo_stored()
#endif


#endif /* _ADM_UNDO_H_INCLUDED_ */
