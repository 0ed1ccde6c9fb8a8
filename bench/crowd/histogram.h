
/*
 * Counts of durations in log-linear buckets: 64 to each power of two.  A
 * quantile is told as the middle of its bucket, so it is off by at most
 * 1/128 of itself, 0.8 %; below 128 us it is exact.  Least, greatest and
 * mean are exact.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _HISTOGRAM_H_INCLUDED_
#define _HISTOGRAM_H_INCLUDED_


#include "usec.h"


/* up to 2^32 us, 71 minutes; what is longer counts as that */

#define HISTOGRAM_SUB_BITS  6
#define HISTOGRAM_MAX_BITS  32
#define HISTOGRAM_BUCKETS                                                    \
    ((HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)


typedef struct {
    uint64_t  count;
    double    sum;          /* us */
    usec_t    min;
    usec_t    max;
    uint32_t  buckets[HISTOGRAM_BUCKETS];
} histogram_t;


/* a zeroed histogram is an empty one */
void histogram_add(histogram_t *h, usec_t value);

/* the least value that a share q of all does not exceed, us; 0 if empty */
usec_t histogram_quantile(const histogram_t *h, double q);

double histogram_mean(const histogram_t *h);

/* the middle of a bucket, us */
usec_t histogram_middle(unsigned bucket);


#endif /* _HISTOGRAM_H_INCLUDED_ */
