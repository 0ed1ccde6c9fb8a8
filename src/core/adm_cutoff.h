
/*
 * Who is shed first: ranks, and the rank from which on nobody is let in.
 *
 * A rank is a level, what the request is worth, and within it a cohort, a
 * hash of the client that stays for minutes: so the same people are in or out
 * for a while, and not each of them at random at every step.  From what came
 * in each rank, and how many of them found a place, follows the rank at which
 * to cut.
 *
 * There is no queue behind the cut, so some more are let through it than find
 * a place, or places would stay empty between two requests.  While those of
 * level 0 come, some places are kept for them from all others.
 */


#ifndef _ADM_CUTOFF_H_INCLUDED_
#define _ADM_CUTOFF_H_INCLUDED_


#include "adm.h"


/* level 0: who has a pass, a hold or a key; then priorities 0 to 9 */

#define ADM_CUTOFF_LEVELS   11
#define ADM_CUTOFF_COHORTS  4096
#define ADM_CUTOFF_RANKS    (ADM_CUTOFF_LEVELS * ADM_CUTOFF_COHORTS)


/* parts of a level in which requests are counted */

#define ADM_CUTOFF_PARTS    64


/* s in which a client keeps its cohort */

#define ADM_CUTOFF_SALT     300


/* in shared memory, zeroed: nobody is cut off; adm_cutoff.c's own */

typedef struct {
    uint64_t  cut;             /* ranks below ADM_CUTOFF_RANKS - cut are let
                                  in: one load */
    uint64_t  guard;           /* places for level 0 alone */
    uint64_t  quiet;           /* windows in a row in which nobody ... */
    double    fitted;          /* ... of so many found no place */
    double    offers;          /* a window, of late; as are ... */
    double    admitted;
    double    refused;
    double    through;         /* ... and are to be let through the cut; 0: all
                                  of them */
    double    recent[ADM_CUTOFF_LEVELS * ADM_CUTOFF_PARTS];    /* offered */
    uint64_t  offered[ADM_CUTOFF_LEVELS * ADM_CUTOFF_PARTS];   /* now */
} adm_cutoff_t;


/*
 * The rank of a client at "level".  "client" is any hash of it, 64 bits; "now"
 * in s of the wall clock; "secret" makes cohorts that nobody can choose.
 * Cohorts change for one client at another moment than for the next.
 */

unsigned adm_cutoff_rank(unsigned level, uint64_t client, uint64_t secret,
    uint64_t now);

/* one came; 1: it may be let in, if there is a place; 0: it is cut off */

int adm_cutoff_offer(adm_cutoff_t *c, unsigned rank);

/* places that are kept from this rank: to be taken off the limit; one load */

uint64_t adm_cutoff_guard(const adm_cutoff_t *c, unsigned rank);

/*
 * A window of some 100 ms is over, in which "admitted" were let in, "refused"
 * of those below the cut found no place, of "places" that there are in all,
 * and at the end there was "free" room or not.  By one process at a time.
 */

void adm_cutoff_step(adm_cutoff_t *c, uint64_t admitted, uint64_t refused,
    uint64_t places, int free);


#endif /* _ADM_CUTOFF_H_INCLUDED_ */
