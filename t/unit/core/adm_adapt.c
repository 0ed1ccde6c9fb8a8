
/*
 * The story: a limit that learns from latencies alone takes an upstream that
 * fails at once for a fast one and lets in ever more; takes a limit that
 * nobody has reached for one that is too low; and for one failure in a
 * thousand shuts out everybody.
 */


#include <math.h>

#include "unit.h"
#include "../../../src/core/adm_adapt.c"


#define MS   UINT64_C(1000000)


static adm_adapt_t  a;
static uint64_t     now, seed = 88172645463325252u;


static uint64_t
random_bits(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed * UINT64_C(0x2545f4914f6cdd1d);
}


static void
fresh(uint64_t least, uint64_t most)
{
    now = 1000 * MS;
    adm_adapt_init(&a, least, most, now);
}


/*
 * 100 ms in which as many are inside as may be, before an upstream that has
 * so many servers and takes so many ms
 */

static adm_adapt_window_t
full(double servers, double base)
{
    double              n, latency;
    adm_adapt_window_t  w;

    n = (double) (a.limit / ADM_ADAPT_UNIT);
    latency = (n > servers) ? base * n / servers : base;

    memset(&w, 0, sizeof(w));
    w.elapsed = 100 * MS;
    w.answered = (uint64_t) (100 * n / latency);
    w.latency = (uint64_t) ((double) w.answered * latency * MS);
    w.crowd = w.answered * (uint64_t) n;
    w.refused = 9 * w.answered;
    w.peak = (uint64_t) n;
    w.stayed = w.latency;

    return w;
}


static void
step(const adm_adapt_window_t *w)
{
    now += 100 * MS;
    adm_adapt_step(&a, w, now);
}


/* the limit that is found best, after so many windows */

static double
settles(double servers, double base, unsigned windows)
{
    unsigned            i;
    adm_adapt_window_t  w;

    for (i = 0; i < windows; i++) {
        w = full(servers, base);
        step(&w);
    }

    return adm_adapt_crowd(a.best);
}


static int
fits(double limit, double servers)
{
    return limit > 0.95 * servers && limit < 1.45 * servers;
}


static void
knees(void)
{
    fresh(1, 1000);
    ok(fits(settles(4, 10, 300), 4), "four servers");
    ok(fits(settles(4, 20, 300), 4), "... that have become slower");
    ok(fits(settles(4, 5, 300), 4), "... and faster");
    ok(fits(settles(16, 5, 300), 16), "... and more");
    ok(fits(settles(8, 5, 1500), 8), "... and fewer");

    fresh(1, 1000);
    ok(fits(settles(200, 50, 300), 200), "many, from the start");

    fresh(1, 50);
    ok(settles(200, 50, 300) > 0 && a.limit <= 50 * ADM_ADAPT_UNIT,
        "no more than the most");

    fresh(20, 1000);
    ok(settles(2, 5, 300) > 0 && a.limit >= 20 * ADM_ADAPT_UNIT,
        "no fewer than the least");

    adm_adapt_bounds(&a, 1, 10);
    ok(a.limit <= 10 * ADM_ADAPT_UNIT, "other bounds, at once");
}


static void
unused(void)
{
    unsigned            i;
    uint64_t            before;
    adm_adapt_window_t  w;

    fresh(1, 1000);
    (void) settles(8, 10, 300);
    before = a.limit;

    for (i = 0; i < 300; i++) {
        w = full(8, 10);
        w.crowd = w.answered * 2;
        w.latency = w.answered * 10 * MS / 4;
        w.stayed = w.latency;
        w.refused = 0;
        w.peak = 3;
        step(&w);
    }

    is_uint(a.limit, before, "it stays where nobody reaches it");

    memset(&w, 0, sizeof(w));
    w.elapsed = 100 * MS;
    step(&w);
    is_uint(a.limit, before, "and where nobody comes");
}


static void
failures(void)
{
    double              well;
    unsigned            i;
    uint64_t            before, epoch, most;
    adm_adapt_window_t  w;

    fresh(1, 1000);
    (void) settles(8, 10, 300);
    before = a.limit;
    epoch = a.epoch;

    for (i = 0, most = 0; i < 100; i++) {
        w = full(1000, 1);
        w.dropped = w.answered;
        w.answered = 0;
        step(&w);
        most = adm_max(most, a.limit);
    }

    ok(most <= before, "an upstream that fails at once gets no more");
    ok(a.limit < before && a.limit * 3 > before, "but about half of it");
    is_uint(a.epoch, epoch, "as long as it fails, that is what there is");

    well = settles(8, 10, 60);
    ok(fits(well, 8), "as many as before, when it is well");
    is_uint(a.epoch, epoch + 1, "what entered before then is of old");

    for (i = 0, most = 0; i < 200; i++) {
        w = full(8, 10);
        w.dropped = (i % 10 == 0);
        w.answered -= w.dropped;
        step(&w);
        most += a.limit;
    }

    ok(fits((double) most / 200 / ADM_ADAPT_UNIT, 8),
       "one failure in a thousand is none");
    is_uint(a.epoch, epoch + 1, "and no new epoch");
}


/* of "n" that may be inside, few are, and yet some are refused */

static uint64_t
uneven(uint64_t answered, double latency, unsigned windows)
{
    unsigned            i;
    adm_adapt_window_t  w;

    for (i = 0; i < windows; i++) {
        memset(&w, 0, sizeof(w));
        w.elapsed = 100 * MS;
        w.answered = answered;
        w.latency = (uint64_t) ((double) answered * latency * MS);
        w.stayed = w.latency;
        w.crowd = answered * 6;
        w.refused = 5;
        w.peak = 9;
        step(&w);
    }

    return a.limit;
}


static void
stretching(void)
{
    uint64_t  size, few;

    fresh(1, 1000);
    (void) settles(8, 10, 300);
    size = (uint64_t) (adm_adapt_crowd(a.tried) * ADM_ADAPT_UNIT);

    few = uneven(30, 10, 50);
    ok(few < 2 * size, "hardly while far fewer are inside");
    is_uint(uneven(30, 10, 50), few, "and no more");
    few = adm_max(few, size * 3 / 2);
    ok(uneven(60, 10, 50) > few, "stretched when some find no place");
    ok(uneven(60, 10, 100) <= size * 4, "not without end");
    ok(uneven(60, 30, 30) == size, "not when answers are late");
    ok(uneven(60, 10, 100) > size, "again");

    (void) settles(8, 10, 60);
    ok(a.stretch == 1, "not when a crowd comes");
}


/* windows of five answers until little is known of the best size, or 300 */

static unsigned
noticed(double base)
{
    unsigned            i;
    adm_adapt_window_t  w;

    for (i = 0; i < 300; i++) {
        w = full(8, base);
        w.latency = w.latency / w.answered * 5;
        w.crowd = w.crowd / w.answered * 5;
        w.answered = 5;
        w.refused = 45;
        step(&w);

        if (a.sizes[a.best].weight < 100) {
            break;
        }
    }

    return i;
}


static void
changes(void)
{
    adm_adapt_window_t  w;

    fresh(1, 1000);
    (void) settles(8, 10, 300);

    is_uint(noticed(10), 300, "an upstream that stays is not another one");
    ok(noticed(14) < 100, "one that is slower by 40 % is noticed");

    w = full(8, 14);
    ok(fabs(a.sizes[a.tried].latency * (double) w.answered
            / (double) w.latency - 1) < 0.1, "and counted once");

    (void) settles(8, 14, 300);
    ok(noticed(10) < 100, "so is one that is faster by 29 %");
}


/* an answer of 1.5 s in one window of four, and more people than places */

static void
slow_and_least(void)
{
    unsigned            i;
    adm_adapt_window_t  w;

    fresh(4, 1000);

    for (i = 0; i < 300 && !a.compared; i++) {
        memset(&w, 0, sizeof(w));
        w.elapsed = 100 * MS;
        w.answered = (i % 4 == 0);
        w.latency = w.answered * 1500 * MS;
        w.crowd = w.answered * (a.limit / ADM_ADAPT_UNIT);
        w.stayed = w.elapsed * (a.limit / ADM_ADAPT_UNIT);
        w.refused = 9;
        step(&w);
    }

    ok(a.compared, "the first turn ends, also where no less may be let in");
}


/* answers that take longer and shorter, by turns */

static void
various(void)
{
    unsigned            i;
    adm_adapt_window_t  w;

    fresh(1, 1000);
    (void) settles(8, 10, 300);

    for (i = 0; i < 600; i++) {
        w = full(8, 10);
        w.latency = (i / 3 % 2) ? w.latency * 6 / 5 : w.latency * 5 / 6;
        step(&w);
    }

    ok(a.variance > 2 * ADM_ADAPT_VARIANCE && a.variance <= ADM_ADAPT_VARIES,
       "it is known how much latencies vary");
}


static void
elsewhere(void)
{
    unsigned            i;
    uint64_t            size;
    adm_adapt_window_t  w;

    fresh(1, 1000);
    (void) settles(8, 10, 300);

    size = adm_adapt_size(2.0 * (double) a.limit / ADM_ADAPT_UNIT);
    ok(a.sizes[size].weight < 20, "little is known of twice the limit");

    for (i = 0; i < 60; i++) {
        w = full(8, 10);
        w.crowd = w.answered * (uint64_t) adm_adapt_crowd(size);
        step(&w);
    }

    ok(a.sizes[size].weight > 20, "if so many stay inside it is learned of");
}


static void
fleets(void)
{
    adm_adapt_window_t  w;

    fresh(1, 1000);
    adm_adapt_adopt(&a, 5432, now);
    is_uint(a.limit, 5432, "what another node has found");

    w = full(8, 10);
    w.stale = w.answered;
    w.latency = 0;
    w.crowd = 0;
    step(&w);
    is_uint(a.limit, 5432, "nothing is learned of an old epoch");
}


static void
anything(void)
{
    int                 good;
    unsigned            i;
    adm_adapt_window_t  w;

    fresh(2, 5000);

    for (i = 0, good = 1; i < 100000; i++) {
        w.elapsed = random_bits() >> (random_bits() % 64);
        w.answered = random_bits() >> (40 + random_bits() % 24);
        w.dropped = random_bits() >> (40 + random_bits() % 24);
        w.stale = random_bits() % (w.answered + w.dropped + 1);
        w.latency = random_bits() >> (8 + random_bits() % 56);
        w.crowd = random_bits() >> (40 + random_bits() % 24);
        w.refused = random_bits() >> (40 + random_bits() % 24);
        w.peak = random_bits() % 5000;
        w.stayed = random_bits() >> (8 + random_bits() % 56);
        step(&w);

        good &= a.limit >= 2000 && a.limit <= 5000000;
        good &= a.stretch >= 1 && a.stretch <= ADM_ADAPT_WIDEST;
        good &= a.best < ADM_ADAPT_SIZES && a.tried < ADM_ADAPT_SIZES;
    }

    ok(good, "whatever is told, the limit is between its bounds");
}


/* the spike behind a calm: what the calm has taught need not be tried */

static void
calm(void)
{
    unsigned            i;
    uint64_t            start, lowest;
    adm_adapt_window_t  w;

    fresh(1, 1000);

    start = a.limit;

    for (i = 0; i < 50; i++) {
        w = full(8, 10);
        w.answered = 40;
        w.latency = 40 * 10 * MS;
        w.crowd = 40 * 4;
        w.refused = 0;
        step(&w);
    }

    is_uint(a.limit, start, "few at once change nothing");

    for (i = 0, lowest = start; i < 20; i++) {
        w = full(8, 10);
        step(&w);
        lowest = adm_min(lowest, a.limit);
    }

    is_uint(lowest, start, "... and nobody is refused to learn of few");
}


int
main(void)
{
    double  e;

    e = adm_adapt_log(2.718281828459045);
    ok(e > 0.9999999 && e < 1.0000001, "a logarithm");
    e = adm_adapt_log(1e9) - 20.72326584;
    ok(e < 1e-6 && e > -1e-6, "of large numbers");
    e = adm_adapt_log(0.001) + 6.90775528;
    ok(e < 1e-6 && e > -1e-6, "and of small ones");

    knees();
    unused();
    calm();
    failures();
    stretching();
    changes();
    slow_and_least();
    various();
    elsewhere();
    fleets();
    anything();

    return unit_done();
}
