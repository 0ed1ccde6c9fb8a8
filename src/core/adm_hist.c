
/*
 * Histogram bounds: 1, 2.5 and 5 of each decade, from what a decision takes
 * (a microsecond) to what nobody waits for (a minute); the last are those of
 * time-outs.
 *
 * Invariants: the bounds ascend, each label is its bound exactly, so that
 * a reader may compute with it; "1.0" and not "1", the canonical form of
 * OpenMetrics 1.0, which the older text format reads as well.
 */


#include "adm_hist.h"


const uint64_t  adm_hist_bounds[ADM_HIST_BOUNDS] = {
    1000, 2500, 5000,
    10000, 25000, 50000,
    100000, 250000, 500000,
    1000000, 2500000, 5000000,
    10000000, 25000000, 50000000,
    100000000, 250000000, 500000000,
    1000000000, 2500000000, 5000000000,
    10000000000, 30000000000, 60000000000
};


static const char  *adm_hist_labels[ADM_HIST_BOUNDS + 1] = {
    "0.000001", "0.0000025", "0.000005",
    "0.00001", "0.000025", "0.00005",
    "0.0001", "0.00025", "0.0005",
    "0.001", "0.0025", "0.005",
    "0.01", "0.025", "0.05",
    "0.1", "0.25", "0.5",
    "1.0", "2.5", "5.0",
    "10.0", "30.0", "60.0",
    "+Inf"
};


unsigned
adm_hist_index(uint64_t ns)
{
    unsigned  low, high, middle;

    low = 0;
    high = ADM_HIST_BOUNDS;

    while (low < high) {
        middle = (low + high) / 2;

        if (ns <= adm_hist_bounds[middle]) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return low;
}


const char *
adm_hist_label(unsigned i)
{
    return adm_hist_labels[i < ADM_HIST_BOUNDS ? i : ADM_HIST_BOUNDS];
}
