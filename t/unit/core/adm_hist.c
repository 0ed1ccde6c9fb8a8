
/*
 * The story: a dashboard draws the P99 of a decision from these buckets.  A
 * bound put on the wrong side, or a label with one zero less than its bound,
 * moves every latency by a factor and looks quite plausible.  So the index is
 * held against the plain definition (the first bound that is not below), and
 * each label is read back as the number it stands for.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_hist.c"


static unsigned
plain(uint64_t ns)
{
    unsigned  i;

    for (i = 0; i < ADM_HIST_BOUNDS; i++) {

        if (ns <= adm_hist_bounds[i]) {
            break;
        }
    }

    return i;
}


static void
indexes(void)
{
    unsigned  i, wrong;
    uint64_t  bound, x;

    wrong = 0;

    for (i = 0; i < ADM_HIST_BOUNDS; i++) {
        bound = adm_hist_bounds[i];

        wrong += adm_hist_index(bound - 1) != i;
        wrong += adm_hist_index(bound) != i;
        wrong += adm_hist_index(bound + 1) != i + 1;
    }

    is_uint(wrong, 0, "a bound belongs to its own bucket, all of them");

    x = 88172645463325252;
    wrong = 0;

    for (i = 0; i < 100000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;

        wrong += adm_hist_index(x >> (i % 64)) != plain(x >> (i % 64));
    }

    is_uint(wrong, 0, "100000 durations against the definition");

    is_uint(adm_hist_index(0), 0, "nothing");
    is_uint(adm_hist_index(UINT64_MAX), ADM_HIST_BOUNDS, "for ever");
}


static void
labels(void)
{
    double    ns;
    unsigned  i, wrong, ascending;

    wrong = 0;
    ascending = 0;

    for (i = 0; i < ADM_HIST_BOUNDS; i++) {
        ns = strtod(adm_hist_label(i), NULL) * 1e9;
        wrong += (uint64_t) (ns + 0.5) != adm_hist_bounds[i];
        wrong += strchr(adm_hist_label(i), 'e') != NULL;
        ascending += i == 0 || adm_hist_bounds[i - 1] < adm_hist_bounds[i];
    }

    is_uint(wrong, 0, "each label is its bound in seconds, written out");
    is_uint(ascending, ADM_HIST_BOUNDS, "the bounds ascend");

    is_str(adm_hist_label(0), "0.000001", "the first label");
    is_str(adm_hist_label(1), "0.0000025", "the second label");
    is_str(adm_hist_label(18), "1.0", "a whole second, canonical");
    is_str(adm_hist_label(ADM_HIST_BOUNDS), "+Inf", "the last label");
    is_str(adm_hist_label(ADM_HIST_BOUNDS + 1), "+Inf",
           "a label that there is not");
}


int
main(void)
{
    indexes();
    labels();

    return unit_done();
}
