
/*
 * The shape of our latency histograms: fixed bounds, in nanoseconds.
 * The counters are the caller's.
 */


#ifndef _ADM_HIST_H_INCLUDED_
#define _ADM_HIST_H_INCLUDED_


#include "adm.h"


#define ADM_HIST_BOUNDS   24


/* the upper bounds, ns, ascending; a bound belongs to its own bucket */

extern const uint64_t  adm_hist_bounds[ADM_HIST_BOUNDS];


/*
 * The bucket of a duration: 0 to ADM_HIST_BOUNDS, the last for what is above
 * all bounds.  Cost: five comparisons.
 */

unsigned adm_hist_index(uint64_t ns);


/*
 * The value of the label "le" of bucket "i", the bound in seconds: terminated,
 * static; "+Inf" for ADM_HIST_BOUNDS and all above.
 */

const char *adm_hist_label(unsigned i);


#endif /* _ADM_HIST_H_INCLUDED_ */
