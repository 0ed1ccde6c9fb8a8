
/*
 * GCRA over one word: see the header for the idea and the invariants.
 */


#include "adm_gcra.h"


#define ADM_GCRA_STEPS         (UINT64_C(1) << ADM_GCRA_STEP_BITS)
#define ADM_GCRA_DEPTH_STEPS   256

/* the clocks of processes that share a word differ by far less */
#define ADM_GCRA_LAG           adm_ticks(60000)

#define adm_min(a, b)          ((a) < (b) ? (a) : (b))
#define adm_max(a, b)          ((a) > (b) ? (a) : (b))
#define adm_above(a, b)        ((a) > (b) ? (a) - (b) : 0)

#define adm_gcra_steps(word)   ((word) & (ADM_GCRA_STEPS - 1))


static uint64_t
adm_gcra_word(uint64_t tat, uint64_t steps)
{
    return (tat << ADM_GCRA_STEP_BITS) | (steps & (ADM_GCRA_STEPS - 1));
}


static uint64_t
adm_gcra_interval(const adm_rate_t *rate)
{
    return (adm_ticks(rate->period) + rate->count - 1) / rate->count;
}


uint64_t
adm_gcra_burst_max(const adm_rate_t *rate)
{
    return ADM_GCRA_DEPTH_MAX / adm_gcra_interval(rate) - 1;
}


int
adm_gcra_init(adm_gcra_t *g, const adm_rate_t *rate, uint64_t burst)
{
    uint64_t  interval;

    if (burst > adm_gcra_burst_max(rate)) {
        return ADM_ERROR;
    }

    interval = adm_gcra_interval(rate);

    g->interval = interval;
    g->depth = (burst + 1) * interval;
    g->ceiling = 0;

    adm_gcra_share(g, g->depth);

    return ADM_OK;
}


void
adm_gcra_share(adm_gcra_t *g, uint64_t depth)
{
    g->ceiling = adm_max(g->ceiling, depth);
    g->step = adm_max(g->interval, g->ceiling / ADM_GCRA_DEPTH_STEPS);
}


int
adm_gcra_take(const adm_gcra_t *g, uint64_t word, uint64_t now, uint64_t cost,
    adm_gcra_answer_t *answer)
{
    uint64_t  level, taken;

    level = adm_above(adm_gcra_tat(word), now);
    taken = cost * g->interval;

    /*
     * further ahead than this limit's words come: a rate or burst that was
     * there before must not hold its clients for long, so what is asked for
     * fits, and fills the word anew
     */

    if (level > g->ceiling + ADM_GCRA_LAG) {
        level = adm_above(g->depth, taken);
    }

    answer->word = word;
    answer->wait = 0;

    if (cost == 0) {
        answer->remaining = adm_above(g->depth, level) / g->interval;
        return 1;
    }

    if (level + taken > g->depth) {
        answer->remaining = adm_above(g->depth, level) / g->interval;
        answer->wait = (taken > g->depth) ? UINT64_MAX
                                          : level + taken - g->depth;
        return 0;
    }

    level += taken;

    answer->word = adm_gcra_word(now + level, adm_gcra_steps(word));
    answer->remaining = (g->depth - level) / g->interval;

    return 1;
}


uint64_t
adm_gcra_refund(const adm_gcra_t *g, uint64_t word, uint64_t taken,
    uint64_t now, uint64_t cost)
{
    uint64_t  end, left, tat, steps;

    /*
     * a charge stands at the end of what was there when it was made: it
     * drains last, and the refunds made since have moved it forward
     */

    steps = (word - taken) & (ADM_GCRA_STEPS - 1);
    end = adm_above(adm_gcra_tat(taken), steps * g->step);
    tat = adm_gcra_tat(word);

    left = adm_min(adm_above(end, now), cost * g->interval);
    left = adm_min(left, adm_above(tat, now));

    if (left == 0) {
        return word;
    }

    steps = adm_gcra_steps(word) + (left + g->step - 1) / g->step;

    return adm_gcra_word(tat - left, steps);
}


uint64_t
adm_gcra_level(uint64_t word, uint64_t now)
{
    return adm_above(adm_gcra_tat(word), now);
}


uint64_t
adm_gcra_set(uint64_t word, uint64_t now, uint64_t level)
{
    return adm_gcra_word(now + level, adm_gcra_steps(word));
}


void
adm_gcra_narrow(adm_gcra_t *g, uint64_t interval, uint64_t cost)
{
    if (interval <= g->interval || cost * g->interval > g->depth) {
        return;
    }

    g->interval = interval;
    g->depth = adm_max(g->depth, cost * interval);
}
