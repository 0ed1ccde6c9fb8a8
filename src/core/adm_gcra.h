
/*
 * GCRA: a rate limit whose state is one 64-bit word.
 *
 * Source: ITU-T I.371, the virtual scheduling form.  A word keeps the
 * theoretical arrival time (TAT): the moment at which all that was taken will
 * have drained.  A unit takes "interval" to drain; what is asked for fits if
 * the level, TAT - now, stays within "depth".  Time is the state, so a rate
 * may change under a word, and an idle word needs no upkeep.
 *
 * A word also counts, modulo 1024, the refund steps that it has seen, since a
 * refund moves all later charges to an earlier time: a charge that is given
 * back afterwards must know by how much, lest it returns what has drained.
 * With no other refund in between a refund is exact.  Otherwise it may return
 * less, since each refund counts whole steps, of a unit or 1/256 of the depth;
 * and more, but never more than the charge itself, only if 1024 steps were
 * refunded while it was under way, or its word was idle, evicted and made
 * anew in that time.
 *
 * Time is in ticks of 2^-16 ms since an origin of the caller's, at least
 * ADM_GCRA_EPOCH at the start, so that a word of 0 is one never used; 54 bits
 * of them are 8.7 years.
 */


#ifndef _ADM_GCRA_H_INCLUDED_
#define _ADM_GCRA_H_INCLUDED_


#include "adm_literal.h"


#define ADM_TICK_BITS        16
#define ADM_GCRA_STEP_BITS   10

#define ADM_GCRA_EPOCH       (UINT64_C(60000) << ADM_TICK_BITS)
#define ADM_GCRA_DEPTH_MAX   (UINT64_C(1) << 50)
#define ADM_GCRA_COST_MAX    1000000

#define adm_ticks(ms)        ((uint64_t) (ms) << ADM_TICK_BITS)

/* the TAT of a word, ticks */
#define adm_gcra_tat(word)   ((word) >> ADM_GCRA_STEP_BITS)


typedef struct {
    uint64_t  interval;   /* ticks that a unit takes to drain, 1 or more */
    uint64_t  depth;      /* ticks: burst + 1 units */
    uint64_t  ceiling;    /* ticks: the largest depth over the same words */
    uint64_t  step;       /* ticks of a refund step */
} adm_gcra_t;


typedef struct {
    uint64_t  word;       /* the word to store; as it was, if refused */
    uint64_t  wait;       /* ticks until it would fit; 0: it fits;
                             UINT64_MAX: it never will */
    uint64_t  remaining;  /* whole units left after the answer */
} adm_gcra_answer_t;


/*
 * Sets up a limit of "rate" with "burst" units above it.  An interval is
 * rounded up: what passes is never above the rate, and below it by less than
 * 1.5 % up to a million a second, 0.02 % up to ten thousand.
 *
 * ADM_ERROR: the burst takes longer than 198 days to drain.
 */

int adm_gcra_init(adm_gcra_t *g, const adm_rate_t *rate, uint64_t burst);


/* the largest burst that adm_gcra_init() takes with the rate */

uint64_t adm_gcra_burst_max(const adm_rate_t *rate);


/*
 * Widens the ceiling of "g" to "depth": another limit with the same interval
 * looks at the same words.
 */

void adm_gcra_share(adm_gcra_t *g, uint64_t depth);


/*
 * Tells whether "cost" units, 0 to ADM_GCRA_COST_MAX, fit into "word" at
 * "now"; 1 if they do, else 0.  A cost of 0 always fits and changes nothing.
 *
 * A word further ahead than the ceiling was left by a slower rate or a larger
 * burst: the request fits, once, and the word becomes full under this limit.
 */

int adm_gcra_take(const adm_gcra_t *g, uint64_t word, uint64_t now,
    uint64_t cost, adm_gcra_answer_t *answer);


/*
 * The word after giving back "cost" units that were taken when the word
 * became "taken"; what of them has drained since is not returned.
 */

uint64_t adm_gcra_refund(const adm_gcra_t *g, uint64_t word, uint64_t taken,
    uint64_t now, uint64_t cost);


/* the level of a word, ticks; and the word with another one */

uint64_t adm_gcra_level(uint64_t word, uint64_t now);
uint64_t adm_gcra_set(uint64_t word, uint64_t now, uint64_t level);


/*
 * The limit as it is for one of several who take of it at once: a unit costs
 * "interval" ticks, more than it is.  What fits into the whole depth still
 * fits into an empty word, and what does not, never does.
 */

void adm_gcra_narrow(adm_gcra_t *g, uint64_t interval, uint64_t cost);


#endif /* _ADM_GCRA_H_INCLUDED_ */
