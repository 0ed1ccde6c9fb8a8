
/*
 * A fixed-size table of rate words in shared memory, changed without a lock.
 *
 * A client is a 64-bit tag, a keyed hash of its key, and a GCRA word: 16
 * bytes.  A tag may stand in one of two buckets of eight slots.  Both words
 * of a slot change by one compare-and-swap, so a slot that is given to
 * another client between load and swap makes the swap fail.
 *
 * A newcomer takes the slot whose word is the smallest of its sixteen, if the
 * client in it has been idle for ADM_TABLE_REST: the least recently used, and
 * never one whose budget is in use.  An empty slot counts as its place in the
 * bucket, so that newcomers go where less is used.
 *
 * Two processes cannot put the same tag into two slots: words only grow, but
 * for refunds and changed limits, and either leaves a slot busy for
 * ADM_TABLE_REST; so if two newcomers with one tag choose different slots, one
 * of them has seen a word older than the other did, in a slot that changed in
 * between, and its swap fails.  For this a slot's word is always read before
 * its tag.  It holds while no process rests longer than ADM_TABLE_REST between
 * its look and its swap; one that does may give a client a second budget,
 * once.
 */


#ifndef _ADM_TABLE_H_INCLUDED_
#define _ADM_TABLE_H_INCLUDED_


#include "adm_atomic.h"
#include "adm_gcra.h"


#define ADM_TABLE_BUCKET   8
#define ADM_TABLE_REST     adm_ticks(2000)


/* a process's view of a table; the slots are in shared memory, zeroed */

typedef struct {
    adm_slot_t  *slots;
    uint64_t     buckets;      /* 1 or more */
} adm_table_t;


typedef enum {
    ADM_TABLE_FOUND = 0,       /* the answer is about the tag's own word */
    ADM_TABLE_NEW,             /* ... which was put into an empty slot */
    ADM_TABLE_EVICTED,         /* ... or into an idle client's */
    ADM_TABLE_FULL             /* no slot for a newcomer: nothing was done */
} adm_table_rc_e;


/*
 * Takes "cost" units from the tag's word as adm_gcra_take() does; the answer
 * says whether they fit.  What is refused, or costs nothing, makes no slot.
 *
 * "tag" is not 0; "now" is in ticks, at least ADM_GCRA_EPOCH.
 * Cost: four cache lines at most, one swap.
 */

adm_table_rc_e adm_table_take(const adm_table_t *t, const adm_gcra_t *g,
    uint64_t tag, uint64_t now, uint64_t cost, adm_gcra_answer_t *answer);


/*
 * The answer of adm_table_take(), with nothing taken; as for an empty word
 * if the tag is not there.
 */

void adm_table_peek(const adm_table_t *t, const adm_gcra_t *g, uint64_t tag,
    uint64_t now, uint64_t cost, adm_gcra_answer_t *answer);


/*
 * Gives back "cost" units that were taken when the tag's word became "taken",
 * as adm_gcra_refund() does; nothing if the tag is not there any more, since
 * then all has drained.  The ticks that were given back.
 */

uint64_t adm_table_refund(const adm_table_t *t, const adm_gcra_t *g,
    uint64_t tag, uint64_t taken, uint64_t now, uint64_t cost);


/*
 * The level of the tag's word at "now", ticks, 0 if the tag is not there; and
 * another level for it, which does nothing then.
 */

uint64_t adm_table_level(const adm_table_t *t, uint64_t tag, uint64_t now);
void adm_table_set(const adm_table_t *t, uint64_t tag, uint64_t now,
    uint64_t level);


/*
 * The share of slots, in thousandths, that a newcomer could not have; read
 * from at most 1024 buckets, evenly spread.
 */

unsigned adm_table_used(const adm_table_t *t, uint64_t now);


#endif /* _ADM_TABLE_H_INCLUDED_ */
