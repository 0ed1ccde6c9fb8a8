
/*
 * How many requests an upstream does best at once: found from what it did
 * with those that it had, and followed when it changes.
 *
 * Plain arithmetic over windows of observation; the same for one node, whose
 * windows are sums over its processes, and for a fleet, whose windows are
 * sums over its nodes.  One process steps at a time; others read "limit".
 */


#ifndef _ADM_ADAPT_H_INCLUDED_
#define _ADM_ADAPT_H_INCLUDED_


#include "adm.h"


/* limits are in thousandths of a request */

#define ADM_ADAPT_UNIT    1000


/*
 * What happened within a window: differences of sums that only grow.  A
 * request belongs to the window in which it left.
 */

typedef struct {
    uint64_t  elapsed;     /* ns */
    uint64_t  answered;    /* the upstream answered, and not with a failure */
    uint64_t  dropped;     /* it failed, timed out, or the client gave up */
    uint64_t  stale;       /* of both: they entered in an older epoch, and are
                              not in "latency" and "crowd" */
    uint64_t  latency;     /* ns from entering to the answer, of the answered;
                              of the dropped as long as they lasted */
    uint64_t  crowd;       /* of the same: how many were inside when each
                              entered, with itself; summed up */
    uint64_t  refused;     /* for want of a place */
    uint64_t  peak;        /* most inside at once */
    uint64_t  stayed;      /* ns inside, of all, whether they left or not */
} adm_adapt_window_t;


/* sizes of the crowd that are told apart: 1 to 8, and four of each octave */

#define ADM_ADAPT_SIZES   64


/* what is known of one: fades as others are learned of */

typedef struct {
    double            weight;      /* requests */
    double            crowd;       /* their mean */
    double            latency;     /* ns that all who left took, for each
                                      answer */
} adm_adapt_size_t;


/* in shared memory; what is in it is adm_adapt.c's, but for the first two */

typedef struct {
    uint64_t          limit;       /* ADM_ADAPT_UNIT and up: one load */
    uint64_t          epoch;       /* another one: who is inside entered under
                                      conditions that tell nothing any more */
    uint64_t          least;
    uint64_t          most;

    uint64_t          best;        /* size, as far as is known */
    uint64_t          tried;       /* size that is let in now, ... */
    uint64_t          since;       /* ... since then, ns; ... */
    uint64_t          changed;     /* ... behind another one since then */
    uint64_t          turn;        /* which sizes are tried by turns */
    uint64_t          stride;      /* sizes to go on by, where none is known */
    uint64_t          compared;    /* there was a second size */
    uint64_t          calm;        /* windows with few inside */
    uint64_t          doubt;       /* turns in which smaller ones are tried */
    uint64_t          ill;         /* most of those who left were dropped */
    double            stretch;     /* of the limit, since the crowd comes
                                      unevenly: 1 and up */

    double            variance;    /* of a latency, relative, estimated */

    double            asked;       /* answers since it is tried, and ... */
    double            took;        /* ... the ns of them */
    double            expected;    /* ns: known of the size before ... */
    double            trust;       /* ... by so many requests */

    uint64_t          watched;     /* the best size, a while ago: ... */
    double            usual;       /* ... the ns that it took, ... */
    double            sure;        /* ... known by so many requests; ... */
    double            later;       /* ... the answers since then, ... */
    double            lasted;      /* ... and the ns of them */

    double            seconds;     /* up to one, the last: in it ... */
    double            left;        /* ... so many left, ... */
    double            dropped;     /* ... so many of them were dropped, ... */
    double            waited;      /* ... so many s they had waited, ... */
    double            stayed;      /* ... and so many s all were inside */

    adm_adapt_size_t  sizes[ADM_ADAPT_SIZES];
} adm_adapt_t;


/*
 * A new one, between "least" and "most" requests, 1 to 100000.  "a" is zeroed
 * or was used before; "now" is in ns of a clock that only grows, here and
 * below.
 */

void adm_adapt_init(adm_adapt_t *a, uint64_t least, uint64_t most,
    uint64_t now);

/* other bounds, as after a reload: what is known is kept */

void adm_adapt_bounds(adm_adapt_t *a, uint64_t least, uint64_t most);

/* the next window is over; O(1), some hundred instructions */

void adm_adapt_step(adm_adapt_t *a, const adm_adapt_window_t *window,
    uint64_t now);

/* what another node has found for all of them, in thousandths */

void adm_adapt_adopt(adm_adapt_t *a, uint64_t limit, uint64_t now);


#endif /* _ADM_ADAPT_H_INCLUDED_ */
