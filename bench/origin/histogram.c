
#include "histogram.h"

#include <math.h>


static unsigned histogram_bucket(uint64_t value);
static double histogram_middle(unsigned bucket);


void
histogram_add(histogram_t *h, int64_t usec)
{
    if (usec < 0) {
        usec = 0;
    }

    h->count++;
    h->sum += (double) usec;
    h->max = usec > h->max ? usec : h->max;
    h->buckets[histogram_bucket((uint64_t) usec)]++;
}


/*
 * The value shifted right until it fits into 8 bits; each shift skips a row
 * of 128 buckets.
 */

static unsigned
histogram_bucket(uint64_t value)
{
    unsigned  shift;

    for (shift = 0; value >> shift >= 2 * HISTOGRAM_HALF; shift++) {
        /* void */
    }

    return shift * HISTOGRAM_HALF + (unsigned) (value >> shift);
}


static double
histogram_middle(unsigned bucket)
{
    unsigned  shift;

    if (bucket < 2 * HISTOGRAM_HALF) {
        return bucket;
    }

    shift = bucket / HISTOGRAM_HALF - 1;

    return ldexp(bucket - shift * HISTOGRAM_HALF + 0.5, (int) shift);
}


double
histogram_mean(const histogram_t *h)
{
    return h->count ? h->sum / (double) h->count : 0;
}


double
histogram_quantile(const histogram_t *h, double share)
{
    unsigned  bucket;
    uint64_t  rank, seen;

    if (h->count == 0) {
        return 0;
    }

    rank = (uint64_t) ceil(share * (double) h->count);
    seen = 0;

    for (bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += h->buckets[bucket];

        if (seen >= rank && seen > 0) {
            break;
        }
    }

    return histogram_middle(bucket);
}
