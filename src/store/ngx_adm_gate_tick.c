
/*
 * What a gate did since the last tick, and what follows from it: its limit,
 * who is cut off, and what the upstream needs for an answer.
 */


#include <ngx_adm_clock.h>
#include <ngx_adm_gate_fleet.h>
#include <ngx_adm_gate_room.h>


/*
 * Latencies: a sample weighs 2^16 at first, and a 128th less with each tick,
 * so that a minute after the last one nothing is known any more; all together
 * weigh as much as the most, or as the new ones, so that what was is soon
 * outweighed by what is.
 */

#define NGX_ADM_GATE_WEIGHT    16
#define NGX_ADM_GATE_FADE      7
#define NGX_ADM_GATE_SAMPLES   32

/* ns of the first bucket, as a power of two; buckets of an octave, likewise */
#define NGX_ADM_GATE_FIRST     18
#define NGX_ADM_GATE_OCTAVE    2

/* ticks over which what is told of a second is smoothed */
#define NGX_ADM_GATE_SMOOTH    16


static void ngx_adm_gate_window(ngx_adm_gate_t *gate, uint64_t *sums,
    adm_adapt_window_t *window);
static uint64_t ngx_adm_gate_most(ngx_adm_gate_t *gate);
static void ngx_adm_gate_account(ngx_adm_gate_t *gate,
    adm_adapt_window_t *window, uint64_t offered);
static void ngx_adm_gate_steer(ngx_adm_gate_t *gate,
    adm_adapt_window_t *window, uint64_t now);
static void ngx_adm_gate_sort(ngx_adm_gate_t *gate, uint64_t *done);
static void ngx_adm_gate_rates(ngx_adm_gate_t *gate, uint64_t *done,
    uint64_t elapsed);
static void ngx_adm_gate_smooth(ngx_atomic_t *value, uint64_t now);
static void ngx_adm_gate_learn(ngx_adm_gate_t *gate);
static void ngx_adm_gate_trim(uint64_t *weights);
static uint64_t ngx_adm_gate_total(uint64_t *weights);
static uint64_t ngx_adm_gate_median(uint64_t *weights);


void
ngx_adm_gate_tick(ngx_adm_gate_t *gate)
{
    uint64_t              now, sums[NGX_ADM_GATE_SUMS];
    ngx_uint_t            i;
    adm_adapt_window_t    window;
    ngx_adm_gate_seen_t  *seen;

    now = ngx_adm_clock();
    seen = &gate->sh->seen;

    ngx_adm_gate_sum(gate, sums);

    /* this process was stopped here, and another one has gone on */

    if (now < seen->clock) {
        return;
    }

    window.elapsed = seen->clock ? now - seen->clock : 0;
    seen->clock = now;

    /* from here on "sums" is what was done since */

    for (i = 0; i < NGX_ADM_GATE_SUMS; i++) {
        sums[i] -= seen->sums[i];
        seen->sums[i] += sums[i];
    }

    ngx_adm_gate_window(gate, sums, &window);
    ngx_adm_gate_account(gate, &window, sums[NGX_ADM_GATE_OFFERED]);

    if (window.elapsed) {
        ngx_adm_gate_steer(gate, &window, now);
        ngx_adm_gate_sort(gate, sums);
        ngx_adm_gate_rates(gate, sums, window.elapsed);
    }

    ngx_adm_gate_learn(gate);
}


/* "window" has the time elapsed */

static void
ngx_adm_gate_window(ngx_adm_gate_t *gate, uint64_t *done,
    adm_adapt_window_t *window)
{
    window->answered = done[NGX_ADM_GATE_ANSWERED];
    window->dropped = done[NGX_ADM_GATE_FAILED] + done[NGX_ADM_GATE_GONE];
    window->stale = done[NGX_ADM_GATE_STALE];
    window->latency = done[NGX_ADM_GATE_LATENCY];
    window->crowd = done[NGX_ADM_GATE_CROWD];
    window->refused = done[NGX_ADM_GATE_REFUSED] + done[NGX_ADM_GATE_CUT_OFF];
    window->peak = ngx_adm_gate_most(gate);
    window->stayed = gate->sh->seen.inside * window->elapsed;
}


/* inside since the last tick, at once; the next one begins */

static uint64_t
ngx_adm_gate_most(ngx_adm_gate_t *gate)
{
    uint64_t            most, peak, base;
    ngx_uint_t          i;
    ngx_adm_gate_sh_t  *sh;

    sh = gate->sh;
    base = ngx_adm_gate_peak(sh->tick, 0);
    most = sh->seen.inside;

    for (i = 0; i < gate->gates->sh->opened; i++) {
        peak = sh->places[i].peak;

        if (peak > base) {
            most = ngx_max(most, peak - base);
        }
    }

    sh->tick++;
    sh->seen.inside = ngx_adm_gate_inside(gate);

    return ngx_max(most, sh->seen.inside);
}


static void
ngx_adm_gate_account(ngx_adm_gate_t *gate, adm_adapt_window_t *window,
    uint64_t offered)
{
    uint64_t             peak;
    adm_adapt_window_t  *sums;

    sums = &gate->sh->done.sums;

    sums->elapsed += window->elapsed;
    sums->answered += window->answered;
    sums->dropped += window->dropped;
    sums->stale += window->stale;
    sums->latency += window->latency;
    sums->crowd += window->crowd;
    sums->refused += window->refused;

    do {
        peak = adm_load(&sums->peak);
    } while (peak < window->peak
             && !adm_word_cas(&sums->peak, peak, window->peak));

    gate->sh->done.offered += offered;
    sums->stayed += window->stayed;
}


static void
ngx_adm_gate_steer(ngx_adm_gate_t *gate, adm_adapt_window_t *window,
    uint64_t now)
{
    adm_adapt_t  *adapt;

    adapt = &gate->sh->adapt;

    if (gate->adaptive
        && (adapt->least != gate->min || adapt->most != gate->max))
    {
        adm_adapt_bounds(adapt, gate->min, gate->max);
    }

    if (gate->fleet) {
        ngx_adm_gate_fleet_step(gate, window, now);

    } else if (gate->adaptive) {
        adm_adapt_step(adapt, window, now);
    }
}


/*
 * While the circuit is open nobody is let in, which says nothing of places.
 * Half-open it goes on: a cut from before would leave nobody for the trials.
 */

static void
ngx_adm_gate_sort(ngx_adm_gate_t *gate, uint64_t *done)
{
    uint64_t  room;

    if (!ngx_adm_gate_limited(gate)
        || ngx_adm_gate_circuit(gate) == NGX_ADM_CIRCUIT_OPEN)
    {
        return;
    }

    room = ngx_adm_gate_room(gate);

    adm_cutoff_step(&gate->sh->cutoff, done[NGX_ADM_GATE_ENTERED],
                    done[NGX_ADM_GATE_REFUSED], room,
                    gate->sh->seen.inside < room);
}


static void
ngx_adm_gate_rates(ngx_adm_gate_t *gate, uint64_t *done, uint64_t elapsed)
{
    uint64_t            offered, served, scale;
    ngx_adm_gate_sh_t  *sh;

    sh = gate->sh;

    /* thousandths a second, by us */

    scale = UINT64_C(1000) * 1000000;
    elapsed = ngx_max(elapsed / 1000, 1);

    offered = done[NGX_ADM_GATE_OFFERED];
    served = done[NGX_ADM_GATE_ANSWERED];

    ngx_adm_gate_smooth(&sh->offered, offered * scale / elapsed);
    ngx_adm_gate_smooth(&sh->served, served * scale / elapsed);

    if (offered) {
        ngx_adm_gate_smooth(&sh->cut, ngx_min(done[NGX_ADM_GATE_CUT_OFF],
                                              offered)
                                      * 1000 / offered);

    } else {
        ngx_adm_gate_smooth(&sh->cut, 0);
    }
}


static void
ngx_adm_gate_smooth(ngx_atomic_t *value, uint64_t now)
{
    uint64_t  before;

    before = *value;

    /* rounded towards what is now, so that it comes to nothing */

    *value = (now > before)
             ? before + (now - before + NGX_ADM_GATE_SMOOTH - 1)
                        / NGX_ADM_GATE_SMOOTH
             : before - (before - now + NGX_ADM_GATE_SMOOTH - 1)
                        / NGX_ADM_GATE_SMOOTH;
}


static void
ngx_adm_gate_learn(ngx_adm_gate_t *gate)
{
    uint32_t              sum;
    ngx_uint_t            i, n, opened;
    ngx_adm_gate_sh_t    *sh;
    ngx_adm_gate_seen_t  *seen;

    sh = gate->sh;
    seen = &sh->seen;
    opened = gate->gates->sh->opened;

    for (i = 0; i < NGX_ADM_GATE_BUCKETS; i++) {
        sum = 0;

        for (n = 0; n < opened; n++) {
            sum += sh->places[n].latencies[i];
        }

        seen->weights[i] -= seen->weights[i] >> NGX_ADM_GATE_FADE;
        seen->weights[i] += (uint64_t) (uint32_t) (sum - seen->latencies[i])
                            << NGX_ADM_GATE_WEIGHT;
        seen->latencies[i] = sum;
    }

    sh->needs = ngx_adm_gate_median(seen->weights);

    ngx_adm_gate_trim(seen->weights);
}


/* to the weight of the most samples, behind what was made of all of them */

static void
ngx_adm_gate_trim(uint64_t *weights)
{
    double      part;
    uint64_t    total, most;
    ngx_uint_t  i;

    total = ngx_adm_gate_total(weights);
    most = NGX_ADM_GATE_SAMPLES << NGX_ADM_GATE_WEIGHT;

    if (total <= most) {
        return;
    }

    part = (double) most / (double) total;

    for (i = 0; i < NGX_ADM_GATE_BUCKETS; i++) {
        weights[i] = (uint64_t) ((double) weights[i] * part);
    }
}


static uint64_t
ngx_adm_gate_total(uint64_t *weights)
{
    uint64_t    total;
    ngx_uint_t  i;

    total = 0;

    for (i = 0; i < NGX_ADM_GATE_BUCKETS; i++) {
        total += weights[i];
    }

    return total;
}


/* us, or 0 if nothing weighs as much as a sample that is long ago */

static uint64_t
ngx_adm_gate_median(uint64_t *weights)
{
    uint64_t    total, half, below;
    ngx_uint_t  i;

    total = ngx_adm_gate_total(weights);

    if (total < NGX_ADM_GATE_BUCKETS << NGX_ADM_GATE_FADE) {
        return 0;
    }

    half = total / 2;

    for (i = 0; i < NGX_ADM_GATE_BUCKETS - 1 && weights[i] <= half; i++) {
        half -= weights[i];
    }

    below = ngx_adm_gate_bound(i) / 1000;

    return below + (ngx_adm_gate_bound(i + 1) / 1000 - below) * half
                   / ngx_max(weights[i], 1);
}


ngx_uint_t
ngx_adm_gate_bucket(uint64_t latency)
{
    ngx_uint_t  octave, part;

    latency >>= NGX_ADM_GATE_FIRST - NGX_ADM_GATE_OCTAVE;

    if (latency < 1 << NGX_ADM_GATE_OCTAVE) {
        return 0;
    }

    octave = 63 - __builtin_clzll(latency) - NGX_ADM_GATE_OCTAVE;
    part = (latency >> octave) - (1 << NGX_ADM_GATE_OCTAVE);

    return ngx_min((octave << NGX_ADM_GATE_OCTAVE) + part + 1,
                   NGX_ADM_GATE_BUCKETS - 1);
}


uint64_t
ngx_adm_gate_bound(ngx_uint_t bucket)
{
    uint64_t    part;
    ngx_uint_t  octave;

    if (bucket == 0) {
        return 0;
    }

    octave = (bucket - 1) >> NGX_ADM_GATE_OCTAVE;
    part = (1 << NGX_ADM_GATE_OCTAVE)
           + ((bucket - 1) & ((1 << NGX_ADM_GATE_OCTAVE) - 1));

    return part << (octave + NGX_ADM_GATE_FIRST - NGX_ADM_GATE_OCTAVE);
}
