
/*
 * A log-linear histogram of times: values below 256 us each have a bucket,
 * above that each power of two is cut into 128.  A quantile is the middle of
 * its bucket, so it is wrong by at most 1/256 of itself, under 0.4 %.
 */


#ifndef _HISTOGRAM_H_INCLUDED_
#define _HISTOGRAM_H_INCLUDED_


#include <stdint.h>


#define HISTOGRAM_HALF_BITS  7
#define HISTOGRAM_HALF       (1 << HISTOGRAM_HALF_BITS)
#define HISTOGRAM_BUCKETS    ((64 - HISTOGRAM_HALF_BITS + 1) * HISTOGRAM_HALF)


typedef struct {
    uint64_t  count;
    double    sum;                          /* us */
    int64_t   max;                          /* us */
    uint64_t  buckets[HISTOGRAM_BUCKETS];
} histogram_t;


void histogram_add(histogram_t *h, int64_t usec);

/* 0 if nothing was added */

double histogram_mean(const histogram_t *h);
double histogram_quantile(const histogram_t *h, double share);


#endif /* _HISTOGRAM_H_INCLUDED_ */
