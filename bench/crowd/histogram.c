
/*
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <math.h>

#include "histogram.h"


static unsigned histogram_bucket(usec_t value);
static usec_t histogram_bound(unsigned bucket);


void
histogram_add(histogram_t *h, usec_t value)
{
    if (value < 0) {
        value = 0;
    }

    if (h->count == 0 || value < h->min) {
        h->min = value;
    }

    if (value > h->max) {
        h->max = value;
    }

    h->count++;
    h->sum += value;
    h->buckets[histogram_bucket(value)]++;
}


/*
 * Values up to 2^(SUB_BITS + 1) are buckets of their own.  Above, "shift" is
 * by how many bits a value is too long, and value >> shift keeps the leading
 * one and SUB_BITS bits behind it.
 */

static unsigned
histogram_bucket(usec_t value)
{
    int  shift;

    if (value >> HISTOGRAM_MAX_BITS) {
        return HISTOGRAM_BUCKETS - 1;
    }

    shift = 63 - __builtin_clzll((uint64_t) value | 1) - HISTOGRAM_SUB_BITS;

    if (shift < 0) {
        shift = 0;
    }

    return (shift << HISTOGRAM_SUB_BITS) + (value >> shift);
}


/* the least value of a bucket */
static usec_t
histogram_bound(unsigned bucket)
{
    unsigned  shift, one;

    one = 1 << HISTOGRAM_SUB_BITS;

    if (bucket < 2 * one) {
        return bucket;
    }

    shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;

    return (usec_t) (bucket % one + one) << shift;
}


usec_t
histogram_middle(unsigned bucket)
{
    return (histogram_bound(bucket) + histogram_bound(bucket + 1) - 1) / 2;
}


usec_t
histogram_quantile(const histogram_t *h, double q)
{
    usec_t    value;
    uint64_t  rank, seen;
    unsigned  i;

    if (h->count == 0) {
        return 0;
    }

    rank = (uint64_t) ceil(q * h->count);

    if (rank >= h->count) {
        return h->max;
    }

    seen = h->buckets[0];

    for (i = 0; seen < rank || seen == 0; /* void */ ) {
        seen += h->buckets[++i];
    }

    value = histogram_middle(i);

    if (value > h->max) {
        return h->max;
    }

    return (value < h->min) ? h->min : value;
}


double
histogram_mean(const histogram_t *h)
{
    return h->count ? h->sum / h->count : 0;
}
