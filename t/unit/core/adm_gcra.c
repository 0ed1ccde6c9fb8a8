
/*
 * The story: a limit is believed until the day of the sale.  One that lets a
 * unit too many through at the boundary, tells a client to come back a tick
 * too early, or gives back with a refund what has long drained, is found by
 * the one who tries hardest, and the bucket's arithmetic in one word leaves
 * much room for being almost right.
 *
 * So it is held against a model that keeps no such word.  It is a queue: each
 * charge is an item of so many ticks of work, and time eats the items from
 * the front, one tick of work a tick.  What fits is what the sum of the items
 * leaves free of the depth.  Two such queues say what a refund may do:
 *
 *   the true queue takes out of a charge's item all that is still there;
 *   the kept queue takes out of it what the word's level fell by.
 *
 * - The word's level is that of the kept queue at every moment, and a refund
 *   never takes more than is left of its own item there.
 * - If no refund came between a charge and its own, it takes all of that.
 * - The word's level is never below that of the true queue.  Since a queue
 *   that is never above the depth when work is added has no window of time in
 *   which more came than depth + time, all that is not refunded, and what had
 *   drained of what is, keeps to the limit in every window.
 *
 * All random schedules have fixed seeds.
 */


#include "unit.h"
#include "../../../src/core/adm_gcra.c"


#define START      (ADM_GCRA_EPOCH + 12345)
#define END        (UINT64_C(1) << 53)
#define ITEMS      6000
#define FLYING     64

#define SECOND     adm_ticks(1000)


typedef struct {
    uint64_t    left[ITEMS];       /* ticks of work, from the front */
    size_t      front;
    size_t      end;
} queue_t;


/* a charge that may still be refunded */

typedef struct {
    uint64_t    taken;
    uint64_t    cost;
    uint64_t    steps;             /* refund steps since */
    size_t      item;
} flight_t;


typedef struct {
    adm_gcra_t  g;
    uint64_t    now;
    uint64_t    word;
    uint64_t    at[ITEMS];         /* when each charge was made */
    uint64_t    net[ITEMS];        /* what of it was not given back, ticks */
    queue_t     truth;
    queue_t     kept;
    flight_t    flying[FLYING];
    size_t      nflying;
} world_t;


typedef struct {
    unsigned    takes;
    unsigned    fits;
    unsigned    refunds;
    unsigned    exact;             /* took all that was left of the item */
    unsigned    less;
    unsigned    wrong_take;
    unsigned    wrong_wait;
    unsigned    wrong_level;
    unsigned    wrong_refund;
    unsigned    wrong_alone;
    unsigned    below_truth;
    unsigned    raised;
    unsigned    windows;
} tally_t;


static world_t   world;
static tally_t   tally;
static uint64_t  state;

static const adm_rate_t  rates[] = {
    { 1, 86400000 }, { 500, 86400000 }, { 50, 3600000 }, { 600, 60000 },
    { 1, 1000 }, { 7, 1000 }, { 10, 1000 }, { 3000, 1000 },
    { 992969, 1000 }, { 1000000, 1000 },
};

static const uint64_t  bursts[] = {
    0, 1, 2, 9, 50, 100, 254, 255, 256, 1000, 20000,
};

#define NRATES     (sizeof(rates) / sizeof(rates[0]))
#define NBURSTS    (sizeof(bursts) / sizeof(bursts[0]))


static uint64_t
number(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return (state >> 11) % below;
}


static void
seed(uint64_t n)
{
    unsigned  i;

    state = n * UINT64_C(0x9e3779b97f4a7c15) + 1;

    for (i = 0; i < 8; i++) {
        (void) number(2);
    }
}


static adm_gcra_t
limit(uint64_t count, uint64_t period, uint64_t burst)
{
    adm_gcra_t  g;
    adm_rate_t  rate;

    memset(&g, 0, sizeof(adm_gcra_t));

    rate.count = count;
    rate.period = period;

    if (adm_gcra_init(&g, &rate, burst) != ADM_OK) {
        ok(0, "a limit that should be set up");
    }

    return g;
}


/* takes "times" times one unit; how many fitted */

static unsigned
take(const adm_gcra_t *g, uint64_t *word, uint64_t now, unsigned times)
{
    unsigned           n;
    adm_gcra_answer_t  a;

    n = 0;

    while (times-- && adm_gcra_take(g, *word, now, 1, &a)) {
        *word = a.word;
        n++;
    }

    return n;
}


static int
fits(const adm_gcra_t *g, uint64_t word, uint64_t now, uint64_t cost)
{
    adm_gcra_answer_t  a;

    return adm_gcra_take(g, word, now, cost, &a);
}


static void
setting_up(void)
{
    adm_gcra_t  g;
    adm_rate_t  rate;

    g = limit(10000, 1000, 4);
    is_uint(g.interval, 6554, "a ten-thousandth of a second, rounded up");
    is_uint(g.depth, 5 * 6554, "burst + 1 of them");
    is_uint(g.ceiling, g.depth, "a ceiling of its own");
    is_uint(g.step, g.interval, "a step is a unit at least");

    g = limit(10000, 1000, 999);
    is_uint(g.step, 1000 * 6554 / 256, "a step is a 256th of a large depth");

    adm_gcra_share(&g, g.depth / 2);
    is_uint(g.ceiling, 1000 * 6554, "a smaller one does not lower it");

    adm_gcra_share(&g, g.depth * 2);
    is_uint(g.ceiling, 2000 * 6554, "a deeper one raises it");
    is_uint(g.step, 2000 * 6554 / 256, "and the step with it");
    is_uint(g.depth, 1000 * 6554, "and not the depth");

    rate.count = 1;
    rate.period = 86400000;

    is_int(adm_gcra_init(&g, &rate, 197), ADM_OK, "198 days to drain");
    is_int(adm_gcra_init(&g, &rate, 198), ADM_ERROR, "199 days to drain");
    is_int(adm_gcra_init(&g, &rate, UINT64_MAX), ADM_ERROR, "no end to it");

    rate.count = 1000000;
    rate.period = 1000;

    is_int(adm_gcra_init(&g, &rate, UINT64_MAX), ADM_ERROR, "nor here");
}


/*
 * By how much what passes is below the rate, in the worst of all rates from
 * "least" to "most" a second; -1 if any is above it.
 */

static double
rounding(uint64_t least, uint64_t most)
{
    double      below, worst;
    adm_gcra_t  g;
    adm_rate_t  rate;

    worst = 0;
    rate.period = 1000;

    for (rate.count = least; rate.count <= most; rate.count++) {

        if (adm_gcra_init(&g, &rate, 0) != ADM_OK
            || g.interval * rate.count < SECOND)
        {
            return -1;
        }

        below = 1 - (double) SECOND / (double) (g.interval * rate.count);
        worst = below > worst ? below : worst;
    }

    return worst;
}


static void
rounded(void)
{
    double  at[3], upto[3];

    at[0] = rounding(10000, 10000);
    at[1] = rounding(100000, 100000);
    at[2] = rounding(1000000, 1000000);

    upto[0] = rounding(1, 10000);
    upto[1] = rounding(10001, 100000);
    upto[2] = rounding(100001, 1000000);

    printf("# below the rate: %.4f %% at 10000r/s, %.4f %% at 100000r/s,"
           " %.4f %% at 1000000r/s\n", at[0] * 100, at[1] * 100, at[2] * 100);
    printf("# at the worst: %.4f %% up to 10000r/s, %.4f %% up to 100000r/s,"
           " %.4f %% up to 1000000r/s\n", upto[0] * 100, upto[1] * 100,
           upto[2] * 100);

    ok(at[0] >= 0 && at[0] < 0.0001, "ten thousand a second, 0.01 %");
    ok(at[2] >= 0 && at[2] < 0.01, "a million a second, 1 %");
    ok(upto[0] >= 0 && upto[0] < 0.0002, "all up to ten thousand, 0.02 %");
    ok(upto[1] >= 0 && upto[1] < 0.002, "up to a hundred thousand, 0.2 %");
    ok(upto[2] >= 0 && upto[2] < 0.016, "up to a million, 1.6 %");
}


static void
boundaries(void)
{
    size_t             i, j;
    uint64_t           now, word;
    unsigned           n, wrong[5];
    adm_gcra_t         g;
    adm_gcra_answer_t  a;

    memset(wrong, 0, sizeof(wrong));

    for (i = 0; i < NRATES; i++) {

        for (j = 0; j < 9; j++) {

            if (rates[i].period > 1000000 && bursts[j] > 100) {
                continue;
            }

            g = limit(rates[i].count, rates[i].period, bursts[j]);
            now = START;
            word = 0;
            n = (unsigned) bursts[j] + 1;

            wrong[0] += take(&g, &word, now, n + 1) != n;

            (void) adm_gcra_take(&g, word, now, 1, &a);

            wrong[1] += a.word != word || a.remaining != 0;
            wrong[2] += a.wait != g.interval;
            wrong[3] += fits(&g, word, now + a.wait - 1, 1) != 0;
            wrong[3] += !fits(&g, word, now + a.wait, 1);

            (void) adm_gcra_take(&g, word, now, n, &a);

            wrong[4] += a.wait != g.depth;
            wrong[4] += fits(&g, word, now + a.wait - 1, n) != 0;
            wrong[4] += !fits(&g, word, now + a.wait, n);
        }
    }

    is_uint(wrong[0], 0, "burst + 1 at once, and then no more");
    is_uint(wrong[1], 0, "a refusal leaves the word alone");
    is_uint(wrong[2], 0, "the next one fits after an interval");
    is_uint(wrong[3], 0, "not a tick earlier");
    is_uint(wrong[4], 0, "all of it fits when all has drained");
}


static void
answers(void)
{
    uint64_t           word;
    unsigned           i, wrong;
    adm_gcra_t         g;
    adm_gcra_answer_t  a;

    g = limit(10, 1000, 4);
    word = 0;
    wrong = 0;

    for (i = 0; i < 5; i++) {
        (void) adm_gcra_take(&g, word, START, 0, &a);
        wrong += a.remaining != 5 - i || a.word != word || a.wait != 0;

        (void) adm_gcra_take(&g, word, START, 1, &a);
        wrong += a.remaining != 4 - i || a.wait != 0;

        word = a.word;
        wrong += adm_gcra_tat(word) != START + (i + 1) * g.interval;
    }

    is_uint(wrong, 0, "the units that remain");

    ok(fits(&g, word, START, 0), "nothing fits into a full one");
    ok(!adm_gcra_take(&g, word, START + 2 * g.interval - 1, 3, &a), "3 of 1");
    is_uint(a.remaining, 1, "a part of a unit does not remain");
    is_uint(a.wait, g.interval + 1, "and what is missing is waited for");

    ok(adm_gcra_take(&g, word, START + 2 * g.interval, 2, &a), "2 of 2");
    is_uint(a.remaining, 0, "leave none");

    ok(!adm_gcra_take(&g, 0, START, 6, &a), "more than the depth");
    is_uint(a.wait, UINT64_MAX, "never fits");
    is_uint(a.remaining, 5, "though all is free");
    is_uint(a.word, 0, "and takes nothing");

    ok(!adm_gcra_take(&g, word, START, 6, &a), "nor into a full one");
    is_uint(a.wait, UINT64_MAX, "ever");

    g = limit(1, 86400000, 197);
    ok(!adm_gcra_take(&g, 0, START, ADM_GCRA_COST_MAX, &a),
       "the largest cost at the smallest rate");
    is_uint(a.wait, UINT64_MAX, "does not wrap around");

    g = limit(1000000, 1000, ADM_GCRA_COST_MAX - 1);
    ok(adm_gcra_take(&g, 0, START, ADM_GCRA_COST_MAX, &a),
       "the largest cost at the largest rate");
    is_uint(a.remaining, 0, "takes it all");
}


static void
overrides(void)
{
    uint64_t           word;
    adm_gcra_t         deep, flat;
    adm_gcra_answer_t  a;

    deep = limit(10, 1000, 1999);
    flat = limit(10, 1000, 4);
    adm_gcra_share(&flat, deep.depth);

    word = 0;

    is_uint(take(&flat, &word, START, 99), 5, "the flat one's units");
    is_uint(take(&deep, &word, START, 9999), 1995, "the deep one's rest");
    is_uint(take(&flat, &word, START, 99), 0, "no more for the flat one");

    (void) adm_gcra_take(&flat, word, START, 1, &a);
    is_uint(a.wait, 1996 * flat.interval, "it waits for the deep one");
    ok(!fits(&flat, word, START + a.wait - 1, 1), "not a tick less");
    ok(fits(&flat, word, START + a.wait, 1), "nor more");
    is_uint(a.remaining, 0, "and has none meanwhile");

    (void) adm_gcra_take(&flat, word, START, 0, &a);
    is_uint(a.remaining, 0, "ask as it may");
}


/*
 * The story: a rate of one in an hour is mistyped, a client takes its hundred,
 * and the reload that should help says "come back in 10 ms" for four days.
 * A word further ahead than its rate's words come is of other numbers: one
 * request fits, and makes it a word of these.
 */

static void
changes(void)
{
    uint64_t           word, old;
    adm_gcra_t         g;
    adm_gcra_answer_t  a;

    g = limit(1, 3600000, 99);
    old = 0;
    is_uint(take(&g, &old, START, 999), 100, "a hundred, for 100 hours");

    g = limit(100, 1000, 99);
    word = old;
    is_uint(take(&g, &word, START, 999), 1, "rate raised: one more at once");
    is_uint(adm_gcra_tat(word), START + g.depth, "and the word is full");

    (void) adm_gcra_take(&g, word, START, 1, &a);
    is_uint(a.wait, g.interval, "the next one after the new interval");
    ok(fits(&g, word, START + a.wait, 1), "as it was told");

    ok(adm_gcra_take(&g, old, START, 100, &a), "or all of the depth at once");
    is_uint(adm_gcra_tat(a.word), START + g.depth, "which makes it as full");
    ok(!adm_gcra_take(&g, old, START, 101, &a), "and never more");
    is_uint(a.wait, UINT64_MAX, "than that");

    g = limit(1, 1000, 99);
    word = 0;
    is_uint(take(&g, &word, START, 999), 100, "a hundred seconds");

    g = limit(1, 1000, 9);
    is_uint(take(&g, &word, START, 999), 1, "burst lowered: one more");
    is_uint(adm_gcra_tat(word), START + g.depth, "and full");

    g = limit(1, 1000, 99);
    is_uint(take(&g, &word, START, 999), 90, "burst raised: the difference");

    g = limit(1, 1000, 9);
    word = (START + g.depth + 60 * SECOND) << ADM_GCRA_STEP_BITS;
    ok(!adm_gcra_take(&g, word, START, 1, &a), "a minute above the depth");
    is_uint(a.wait, 61 * SECOND, "is a clock behind, and waited for");
    ok(fits(&g, word, START - 1, 1), "a tick more is another rate's");

    word = 0;
    (void) take(&g, &word, START, 999);

    g = limit(1, 3600000, 1);
    is_uint(take(&g, &word, START, 999), 1,
            "rate lowered: a part of a unit is taken");
    ok(adm_gcra_tat(word) - START < g.depth, "within the depth");
}


static void
behind(void)
{
    uint64_t           word, lag;
    unsigned           wrong;
    adm_gcra_t         g;
    adm_gcra_answer_t  a;

    g = limit(10, 1000, 4);
    wrong = 0;

    for (lag = 0; lag <= adm_ticks(1000); lag += 997) {
        word = 0;
        (void) take(&g, &word, START, 5);

        wrong += adm_gcra_take(&g, word, START - lag, 1, &a) != 0;
        wrong += a.wait != g.interval + lag;
        wrong += a.word != word;
        wrong += a.remaining != 0;
        wrong += !adm_gcra_take(&g, word, START - lag, 0, &a);
        wrong += a.remaining != 0;

        wrong += !fits(&g, word, START + g.interval, 1);
    }

    is_uint(wrong, 0, "a clock up to a second behind: no more, and no less");

    word = 0;
    is_uint(take(&g, &word, START - 333, 5), 5, "behind on a new word");
    is_uint(take(&g, &word, START, 1), 0, "is ahead for nobody else");
    is_uint(take(&g, &word, START + g.interval - 333, 1), 1,
            "but by so much");
}


/* the queue */

static void
queue_add(queue_t *q, uint64_t work)
{
    q->left[q->end++] = work;
}


static void
queue_drain(queue_t *q, uint64_t time)
{
    uint64_t  *first;

    while (q->front < q->end) {
        first = &q->left[q->front];

        if (*first > time) {
            *first -= time;
            return;
        }

        time -= *first;
        *first = 0;
        q->front++;
    }
}


static uint64_t
queue_level(const queue_t *q)
{
    size_t    i;
    uint64_t  sum;

    sum = 0;

    for (i = q->front; i < q->end; i++) {
        sum += q->left[i];
    }

    return sum;
}


/* a world: one word, two queues */

static void
world_start(const adm_rate_t *rate, uint64_t burst)
{
    memset(&world, 0, sizeof(world_t));

    world.g = limit(rate->count, rate->period, burst);
    world.now = START;
}


static uint64_t
world_level(void)
{
    return adm_above(adm_gcra_tat(world.word), world.now);
}


static void
world_check(void)
{
    tally.wrong_level += world_level() != queue_level(&world.kept);
    tally.below_truth += world_level() < queue_level(&world.truth);
}


static void
world_pass(void)
{
    uint64_t  time, level;

    level = queue_level(&world.kept);

    switch (number(8)) {
    case 0:
    case 1:
    case 2:
        time = 0;
        break;
    case 3:
        time = number(1 + world.g.interval / 8);
        break;
    case 4:
        time = number(3 * world.g.interval);
        break;
    case 5:
        time = level / (1 + number(8)) + number(3);
        time -= time > 0 && number(2);
        break;
    case 6:
        time = number(4) == 0 ? number(2 * world.g.depth) : world.g.interval;
        break;
    default:
        time = number(100) == 0 ? level + SECOND * number(100000) : 1;
        break;
    }

    world.now += time;
    queue_drain(&world.truth, time);
    queue_drain(&world.kept, time);

    world_check();
}


static uint64_t
world_cost(void)
{
    uint64_t  units;

    units = world.g.depth / world.g.interval;

    switch (number(6)) {
    case 0:
        return number(units + 2);
    case 1:
        return number(units / 4 + 2);
    case 2:
        return number(4);
    default:
        return 1;
    }
}


/* 1 if it fitted and made an item */

static int
world_take(uint64_t cost)
{
    int                fit;
    uint64_t           free, work, wait;
    adm_gcra_answer_t  a;

    work = cost * world.g.interval;
    free = world.g.depth - queue_level(&world.kept);
    wait = work <= free ? 0
         : work > world.g.depth ? UINT64_MAX : work - free;

    fit = adm_gcra_take(&world.g, world.word, world.now, cost, &a);

    tally.takes++;
    tally.fits += fit != 0;

    tally.wrong_take += fit != (wait == 0);
    tally.wrong_take += a.wait != wait;
    tally.wrong_take += a.remaining != (fit ? free - work : free)
                                       / world.g.interval;

    if (!fit || cost == 0) {
        tally.wrong_take += a.word != world.word;
    }

    if (!fit && wait != UINT64_MAX) {
        tally.wrong_wait += fits(&world.g, world.word, world.now + wait - 1,
                                 cost) || !fits(&world.g, world.word,
                                                world.now + wait, cost);
    }

    if (!fit || cost == 0) {
        return 0;
    }

    world.at[world.kept.end] = world.now;
    world.net[world.kept.end] = work;
    queue_add(&world.kept, work);
    queue_add(&world.truth, work);

    world.word = a.word;
    world_check();

    return 1;
}


static void
world_fly(uint64_t cost)
{
    flight_t  *f;

    if (world.nflying == FLYING || !world_take(cost)) {
        return;
    }

    f = &world.flying[world.nflying++];
    f->taken = world.word;
    f->cost = cost;
    f->steps = 0;
    f->item = world.kept.end - 1;
}


static void
world_land(size_t n)
{
    world.flying[n] = world.flying[--world.nflying];
}


/* so many steps under way are more than a word counts: see adm_gcra.h */

static void
world_land_old(void)
{
    size_t  i;

    for (i = world.nflying; i-- > 0; /* void */ ) {

        if (world.flying[i].steps + ADM_GCRA_DEPTH_STEPS + 2
            >= ADM_GCRA_STEPS)
        {
            world_land(i);
        }
    }
}


static void
world_refund(size_t n)
{
    size_t     i;
    uint64_t   before, fell, left, word;
    flight_t   f;

    f = world.flying[n];
    world_land(n);

    before = world_level();
    left = world.kept.left[f.item];

    word = adm_gcra_refund(&world.g, world.word, f.taken, world.now, f.cost);

    for (i = 0; i < world.nflying; i++) {
        world.flying[i].steps += adm_gcra_steps(word - world.word);
    }

    tally.raised += adm_gcra_tat(word) > adm_gcra_tat(world.word);
    world.word = word;
    fell = before - world_level();

    tally.refunds++;
    tally.exact += fell == left;
    tally.less += fell < left;
    tally.wrong_refund += fell > left;
    tally.wrong_alone += f.steps == 0 && fell != left;

    world.kept.left[f.item] -= adm_min(fell, left);
    world.net[f.item] -= world.truth.left[f.item];
    world.truth.left[f.item] = 0;

    world_check();
    world_land_old();
}


/* in every window at most depth + time; kept by the largest window's excess */

static void
world_windows(uint64_t slack)
{
    size_t    i;
    uint64_t  excess, last;

    excess = 0;
    last = START;

    for (i = 0; i < world.kept.end; i++) {
        excess = adm_above(excess, world.at[i] - last) + world.net[i];
        last = world.at[i];

        tally.windows += excess > world.g.depth + slack;
    }
}


static void
schedule_takes(void)
{
    unsigned  i;

    for (i = 0; i < ITEMS && world.now < END; i++) {
        world_pass();
        (void) world_take(world_cost());
    }

    world_windows(0);
}


static void
schedule_refunds(size_t most)
{
    unsigned  i;
    uint64_t  patience;

    patience = 2 + number(30);

    for (i = 0; i < ITEMS && world.now < END; i++) {

        if (number(3) == 0) {
            world_pass();
        }

        if (world.nflying < most && number(patience) != 0) {
            world_fly(world_cost());

        } else if (world.nflying && number(4) == 0) {
            world_land(number(world.nflying));

        } else if (world.nflying) {
            world_refund(number(4) == 0 ? world.nflying - 1
                                        : number(world.nflying));
        }
    }

    world_windows(0);
}


static void
schedules(uint64_t kind, size_t most)
{
    size_t  i, j;

    memset(&tally, 0, sizeof(tally_t));

    for (i = 0; i < NRATES; i++) {

        for (j = 0; j < NBURSTS; j++) {

            if (bursts[j] >= ADM_GCRA_DEPTH_MAX / adm_ticks(rates[i].period)
                             * rates[i].count)
            {
                continue;
            }

            seed(kind * 1000000 + i * 1000 + j);
            world_start(&rates[i], bursts[j]);

            if (most == 0) {
                schedule_takes();

            } else {
                schedule_refunds(most);
            }
        }
    }
}


static void
against_model(void)
{
    schedules(1, 0);

    printf("# %u takes, %u of them fitted\n", tally.takes, tally.fits);

    ok(tally.fits > 100000 && tally.takes - tally.fits > 100000,
       "takes: a good many of both verdicts");
    is_uint(tally.wrong_take, 0, "the model's verdict, wait and remaining");
    is_uint(tally.wrong_wait, 0, "a wait is exact to the tick");
    is_uint(tally.wrong_level, 0, "the model's level");
    is_uint(tally.windows, 0, "no window has more than depth + time");
}


static void
refunds_alone(void)
{
    schedules(2, 1);

    printf("# %u refunds, one charge under way\n", tally.refunds);

    ok(tally.refunds > 100000, "refunds, one under way: a good many");
    is_uint(tally.less, 0, "each is exact");
    is_uint(tally.wrong_refund, 0, "and not more");
    is_uint(tally.wrong_level, 0, "the model's level");
    is_uint(tally.wrong_take, 0, "the model's verdict, wait and remaining");
    is_uint(tally.windows, 0, "no window has more than depth + time");
}


static void
refunds_many(void)
{
    size_t  most;

    for (most = 2; most <= FLYING; most *= 2) {
        schedules(3 + most, most);

        printf("# %u refunds, up to %u charges under way: %.1f %% exact\n",
               tally.refunds, (unsigned) most,
               100.0 * tally.exact / tally.refunds);

        ok(tally.less > 100, "refunds, many under way: some return less");
        is_uint(tally.wrong_refund, 0, "none takes of another's charge");
        is_uint(tally.wrong_alone, 0, "exact if none was in between");
        is_uint(tally.below_truth, 0, "never below the true queue's level");
        is_uint(tally.wrong_level, 0, "the kept queue's level");
        is_uint(tally.raised, 0, "none raises the level");
        is_uint(tally.wrong_take, 0, "verdict, wait and remaining");
        is_uint(tally.windows, 0, "no window has more than depth + time");
    }
}


static void
refund_tables(void)
{
    uint64_t    a, b, c, word;
    adm_gcra_t  g;

    g = limit(1, 1000, 9);

    a = 0;
    (void) take(&g, &a, START, 4);

    is_uint(adm_gcra_refund(&g, a, a, START, 1),
            ((START + 3 * SECOND) << ADM_GCRA_STEP_BITS) + 1, "at once: all");
    is_uint(adm_gcra_refund(&g, a, a, START + 3 * SECOND + 1, 1),
            ((START + 3 * SECOND + 1) << ADM_GCRA_STEP_BITS) + 1,
            "all but a tick");
    is_uint(adm_gcra_refund(&g, a, a, START + 4 * SECOND - 1, 1),
            ((START + 4 * SECOND - 1) << ADM_GCRA_STEP_BITS) + 1,
            "one last tick, which is a step");
    is_uint(adm_gcra_refund(&g, a, a, START + 4 * SECOND, 1), a,
            "nothing, when all has drained");
    is_uint(adm_gcra_refund(&g, a, a, START, 0), a, "nothing of nothing");

    /* c would give back what has drained, did it not see that a went */

    b = a;
    (void) take(&g, &b, START, 3);
    c = b;
    (void) take(&g, &c, START, 3);

    word = adm_gcra_refund(&g, c, a, START, 4);
    is_uint(adm_gcra_tat(word), START + 6 * SECOND, "4 in front go");
    word = adm_gcra_refund(&g, word, b, START + SECOND, 3);
    is_uint(adm_gcra_tat(word), START + 4 * SECOND, "2 of the next 3 go");

    g = limit(1, 1000, 9);
    is_uint(adm_gcra_refund(&g, 0, a, START, 4), 0, "a word that began anew");
}


/* as many refunds of one unit as a word counts, while another is under way */

static void
refund_steps(void)
{
    uint64_t    first, word;
    unsigned    i;
    adm_gcra_t  g;

    g = limit(1, 1000, 9);
    word = 0;
    (void) take(&g, &word, START, 1);
    first = word;

    for (i = 0; i < 1023; i++) {
        (void) take(&g, &word, START, 1);
        word = adm_gcra_refund(&g, word, word, START, 1);
    }

    is_uint(adm_gcra_refund(&g, word, first, START, 1), word,
            "after 1023 steps a refund is still none too large");

    (void) take(&g, &word, START, 1);
    word = adm_gcra_refund(&g, word, word, START, 1);

    ok(adm_gcra_tat(word) - adm_gcra_tat(adm_gcra_refund(&g, word, first,
                                                         START, 1))
       <= g.interval, "after 1024 at most its own cost");
}


/*
 * Several processes, whose clocks are behind by up to "lag": no window of the
 * true time has more than depth + time + lag.
 */

static void
clocks(void)
{
    size_t             i, j;
    unsigned           n;
    uint64_t           lag, mine;
    adm_gcra_answer_t  a;

    memset(&tally, 0, sizeof(tally_t));

    for (i = 0; i < NRATES; i++) {

        for (j = 0; j < 5; j++) {
            seed(900000 + i * 10 + j);
            world_start(&rates[i], bursts[j]);
            lag = adm_ticks(1 + number(20));

            for (n = 0; n < ITEMS; n++) {
                world.now += number(4) ? 0 : number(2 * lag);
                world.now += number(9) ? 0 : number(world.g.interval);
                mine = world.now - number(4) * lag / 3;

                if (!adm_gcra_take(&world.g, world.word, mine, 1, &a)) {
                    continue;
                }

                tally.raised += a.word < world.word;
                world.word = a.word;
                world.at[world.kept.end] = world.now;
                world.net[world.kept.end++] = world.g.interval;
            }

            tally.fits += (unsigned) world.kept.end;
            world_windows(lag);
        }
    }

    ok(tally.fits > 10000, "clocks behind: a good many units");
    is_uint(tally.raised, 0, "a word only grows");
    is_uint(tally.windows, 0, "no window has more than depth + time + lag");
}


/* one of four nodes takes what is left to it */

static void
narrow(void)
{
    adm_gcra_t         g, n;
    adm_rate_t         rate = { 10, 1000 };
    adm_gcra_answer_t  a;

    (void) adm_gcra_init(&g, &rate, 9);

    n = g;
    adm_gcra_narrow(&n, g.interval / 2, 1);
    is_uint(n.interval, g.interval, "a unit is never cheaper than it is");

    n = g;
    adm_gcra_narrow(&n, 4 * g.interval, 1);
    is_uint(n.interval, 4 * g.interval, "a unit costs more");
    is_uint(n.depth, g.depth, "of the same depth");
    is_uint(n.ceiling, g.ceiling, "and the same words");

    n = g;
    adm_gcra_narrow(&n, 4 * g.interval, 10);
    ok(adm_gcra_take(&n, 0, ADM_GCRA_EPOCH, 10, &a),
       "a whole burst at once still fits into an empty word");
    ok(!adm_gcra_take(&n, a.word, ADM_GCRA_EPOCH, 1, &a), "once");

    n = g;
    adm_gcra_narrow(&n, 4 * g.interval, 11);
    ok(!adm_gcra_take(&n, 0, ADM_GCRA_EPOCH, 11, &a), "what never does");
    ok(a.wait == UINT64_MAX, "never will");

    (void) adm_gcra_init(&g, &rate, 0);

    n = g;
    adm_gcra_narrow(&n, 1000 * g.interval, 1);
    ok(adm_gcra_take(&n, 0, ADM_GCRA_EPOCH, 1, &a),
       "without a burst one unit fits, however little is left");
}


int
main(void)
{
    setting_up();
    rounded();
    boundaries();
    answers();
    overrides();
    changes();
    behind();
    refund_tables();
    refund_steps();
    against_model();
    refunds_alone();
    refunds_many();
    clocks();
    narrow();

    return unit_done();
}
