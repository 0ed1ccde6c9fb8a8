
/*
 * The story: at the start of a sale four workers see a thousand new clients
 * at once, in a table that is full of yesterday's.  If two workers put the
 * same client into two slots, it has two budgets, and whoever opens enough
 * connections at the right moment buys twice; no test of one process can see
 * it, and with luck no test of several ever does.
 *
 * So the same clients are driven three ways: by one process; by actors that
 * take turns within their looks at the table, at random but always the same
 * (a seed that fails, fails again); and by real processes, one of which may
 * be killed at any moment.  Tags and numbers are counted outside the table:
 * at a resting clock each client must have got its burst and one, not one
 * more, not one less, and at a moving one no window more than its bound.
 *
 * With -DUNIT_BENCH (and -O2, without sanitizers) it says instead of the
 * actors what a look into the table costs.
 */


#define _GNU_SOURCE

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include "unit.h"

#ifndef UNIT_BENCH

/* before each step in shared memory another may have its turn */

#include "../../../src/core/adm_atomic.h"

static void stir(void);

#undef adm_load
#define adm_load(p)  (stir(), __atomic_load_n(p, __ATOMIC_ACQUIRE))

#define adm_slot_cas(slot, from, to)  (stir(), adm_slot_cas(slot, from, to))

#endif

#include "../../../src/core/adm_gcra.c"
#include "../../../src/core/adm_table.c"


#define START      (ADM_GCRA_EPOCH + adm_ticks(3600000))
#define MS         adm_ticks(1)
#define SECOND     adm_ticks(1000)
#define NEVER      UINT64_MAX

#define SLOTS      (1 << 20)       /* room for the largest table */

#define ACTORS     4
#define FLYING     4
#define CHARGES    100000          /* of each actor, at most */
#define TAGS       4096            /* of one scene, at most */


/* a charge of an actor */

typedef struct {
    uint64_t     at;               /* the clock just after it */
    uint32_t     tag;              /* its index */
    uint32_t     refunded;
} charge_t;


typedef struct {
    uint64_t     word;
    uint64_t     began;
    charge_t    *charge;
} flight_t;


typedef struct {
    uint64_t     busy;             /* the clock when its step began */
    uint64_t     steps;
    uint64_t     full;
    uint64_t     evicted;
    unsigned     doubled;          /* seen in two slots, by turns */
    size_t       ncharges;
    charge_t     charges[CHARGES];
    uint32_t     taken[TAGS];
    uint32_t     refunded[TAGS];
    flight_t     flying[FLYING];
    size_t       nflying;
} actor_t;


/* what happens, and what processes share */

typedef struct {
    adm_table_t  table;
    adm_gcra_t   g;
    uint64_t     base;             /* of the tags' names */
    size_t       ntags;
    uint64_t     lag;              /* of an actor's clock, at most */
    uint64_t     spread;           /* the clock moves on so far in a step */
    uint64_t     pace;             /* by turns: ms in a turn, at most */
    uint64_t     refunds;          /* one step in so many; 0: none */
    uint64_t     most;             /* steps of an actor */
    uint64_t     clock;
    unsigned     stop;
    unsigned     arrived;
    actor_t      actors[ACTORS];
} scene_t;


static adm_slot_t  *slots;


/* as good as a keyed hash (splitmix64) */

static uint64_t
name(uint64_t n)
{
    n = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);

    return (n ^ (n >> 31)) | 1;
}


static void *
shared(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
             0);

    if (p == MAP_FAILED) {
        printf("Bail out! no shared memory\n");
        exit(1);
    }

    return p;
}


static adm_gcra_t
limit(uint64_t count, uint64_t burst)
{
    adm_gcra_t  g;
    adm_rate_t  rate;

    memset(&g, 0, sizeof(adm_gcra_t));

    rate.count = count;
    rate.period = 1000;

    if (adm_gcra_init(&g, &rate, burst) != ADM_OK) {
        ok(0, "a limit that should be set up");
    }

    return g;
}


static adm_table_t
table(uint64_t buckets)
{
    adm_table_t  t;

    t.slots = slots;
    t.buckets = buckets;

    memset(slots, 0, buckets * ADM_TABLE_BUCKET * sizeof(adm_slot_t));

    return t;
}


/* in how many slots a tag stands, and the word in the last of them */

static unsigned
look(const adm_table_t *t, uint64_t tag, uint64_t *word)
{
    size_t    i;
    unsigned  n;

    n = 0;
    *word = 0;

    for (i = 0; i < t->buckets * ADM_TABLE_BUCKET; i++) {

        if (t->slots[i].tag == tag) {
            *word = t->slots[i].word;
            n++;
        }
    }

    return n;
}


/* one unit; the answer is not looked at */

static adm_table_rc_e
touch(const adm_table_t *t, const adm_gcra_t *g, uint64_t tag, uint64_t now)
{
    adm_gcra_answer_t  a;

    return adm_table_take(t, g, tag, now, 1, &a);
}


/* one process */

static void
alone(void)
{
    uint64_t           word;
    adm_gcra_t         g;
    adm_table_t        t;
    adm_gcra_answer_t  a;

    g = limit(1, 2);
    t = table(4);

    is_int(adm_table_take(&t, &g, 77, START, 1, &a), ADM_TABLE_NEW, "new");
    is_uint(a.remaining, 2, "two remain");
    is_uint(look(&t, 77, &word), 1, "it stands in one slot");
    is_uint(word, a.word, "with the answer's word");

    is_int(adm_table_take(&t, &g, 77, START, 2, &a), ADM_TABLE_FOUND, "found");
    is_uint(a.remaining, 0, "none remain");
    is_uint(look(&t, 77, &word), 1, "still in one slot");
    is_uint(adm_gcra_tat(word), START + g.depth, "which is full");

    is_int(adm_table_take(&t, &g, 77, START, 1, &a), ADM_TABLE_FOUND,
           "refused");
    is_uint(a.wait, g.interval, "for an interval");
    (void) look(&t, 77, &word);
    is_uint(adm_gcra_tat(word), START + g.depth, "and not changed");

    is_uint(adm_table_refund(&t, &g, 77, word, START, 2), 2 * g.interval,
            "two are given back");
    (void) look(&t, 77, &word);
    is_uint(adm_gcra_tat(word), START + g.interval, "and gone");

    is_int(adm_table_take(&t, &g, 78, START, 1, &a), ADM_TABLE_NEW,
           "another's");
    is_uint(a.remaining, 2, "budget is its own");
}


static void
no_slot(void)
{
    uint64_t           word;
    adm_gcra_t         g;
    adm_table_t        t;
    adm_gcra_answer_t  a;

    g = limit(1, 2);
    t = table(4);

    is_int(adm_table_take(&t, &g, 77, START, 4, &a), ADM_TABLE_FOUND,
           "a newcomer that asks too much");
    is_uint(a.wait, NEVER, "is refused for ever");
    is_uint(look(&t, 77, &word), 0, "and has no slot");

    is_int(adm_table_take(&t, &g, 77, START, 0, &a), ADM_TABLE_FOUND,
           "one that asks nothing");
    is_uint(a.wait, 0, "passes");
    is_uint(a.remaining, 3, "with all that it may have");
    is_uint(look(&t, 77, &word), 0, "and has no slot");

    is_uint(adm_table_refund(&t, &g, 77, a.word, START, 1), 0,
            "a refund gives it nothing");
    is_uint(look(&t, 77, &word), 0, "nor a slot");
    is_uint(look(&t, 0, &word), 32, "all slots are empty");
}


/* a level that is known better elsewhere */

static void
levels(void)
{
    uint64_t           word;
    adm_gcra_t         g;
    adm_table_t        t;
    adm_gcra_answer_t  a;

    g = limit(1, 2);
    t = table(4);

    is_uint(adm_table_level(&t, 77, START), 0, "of nobody there is no level");
    adm_table_set(&t, 77, START, SECOND);
    is_uint(look(&t, 77, &word), 0, "nor is one made");

    (void) adm_table_take(&t, &g, 77, START, 2, &a);
    is_uint(adm_table_level(&t, 77, START), 2 * g.interval, "two were taken");
    is_uint(adm_table_level(&t, 77, START + MS), 2 * g.interval - MS,
            "and drain");
    is_uint(adm_table_level(&t, 77, START + 3 * g.interval), 0, "to nothing");

    (void) adm_table_refund(&t, &g, 77, a.word, START, 1);
    (void) look(&t, 77, &a.word);
    adm_table_set(&t, 77, START, g.depth);
    is_uint(look(&t, 77, &word), 1, "another level, in the same slot");
    is_uint(adm_gcra_tat(word), START + g.depth, "is as high as it is told");
    is_uint(adm_gcra_steps(word), adm_gcra_steps(a.word),
            "and the word still knows of refunds");

    (void) adm_table_take(&t, &g, 77, START, 1, &a);
    is_uint(a.wait, g.interval, "nothing fits any more");

    adm_table_set(&t, 77, START, 0);
    (void) adm_table_take(&t, &g, 77, START, 3, &a);
    is_uint(a.wait, 0, "and all of it in a level of nothing");
}


/* of two buckets: names whose first choice is "a" and whose second is "b" */

static uint64_t
chooses(unsigned a, unsigned b, uint64_t n)
{
    return ((uint64_t) a << 63) | ((uint64_t) b << 31) | n << 32 | n | 1;
}


static void
both_buckets(void)
{
    unsigned     i, in[2], wrong;
    adm_gcra_t   g;
    adm_table_t  t;

    g = limit(1, 2);
    t = table(2);
    wrong = 0;
    memset(in, 0, sizeof(in));

    for (i = 0; i < 16; i++) {
        wrong += touch(&t, &g, chooses(0, 1, 2 * i), START) != ADM_TABLE_NEW;

        in[0] = t.slots[i / 2].tag != 0;
        in[1] = t.slots[8 + i / 2].tag != 0;
        wrong += in[0] + in[1] != 1 + i % 2;
    }

    is_uint(wrong, 0, "16 newcomers go to the emptier of two buckets");
    is_int(touch(&t, &g, chooses(0, 1, 99), START), ADM_TABLE_FULL, "a 17th");
    is_int(touch(&t, &g, chooses(0, 0, 99), START), ADM_TABLE_FULL,
           "and one that has no choice");

    for (i = 0; i < 16; i++) {
        wrong += touch(&t, &g, chooses(0, 1, 2 * i), START)
                 != ADM_TABLE_FOUND;
    }

    is_uint(wrong, 0, "all are found");

    t = table(2);

    for (i = 0; i < 8; i++) {
        wrong += touch(&t, &g, chooses(1, 1, 2 * i), START) != ADM_TABLE_NEW;
    }

    is_uint(wrong, 0, "8 fill a bucket");
    is_int(touch(&t, &g, chooses(1, 1, 99), START), ADM_TABLE_FULL, "a 9th");
    is_int(touch(&t, &g, chooses(1, 0, 99), START), ADM_TABLE_NEW,
           "one that has a choice");
    is_uint(t.slots[0].tag, chooses(1, 0, 99), "goes to the other one");
}


static void
full(void)
{
    unsigned           i;
    adm_slot_t         before[8];
    adm_gcra_t         g;
    adm_table_t        t;
    adm_gcra_answer_t  a;

    g = limit(1, 2);
    t = table(1);

    for (i = 0; i < 8; i++) {
        (void) touch(&t, &g, 100 + i, START);
    }

    memcpy(before, t.slots, sizeof(before));

    is_int(adm_table_take(&t, &g, 1, START, 1, &a), ADM_TABLE_FULL, "full");
    is_int(adm_table_take(&t, &g, 1, START + g.interval + ADM_TABLE_REST - 1,
                          1, &a),
           ADM_TABLE_FULL, "also a tick before all have rested");
    is_int(adm_table_take(&t, &g, 1, START, 0, &a), ADM_TABLE_FOUND,
           "what asks nothing may pass");
    is_uint(a.remaining, 3, "with all that it may have");
    is_int(adm_table_take(&t, &g, 1, START, 4, &a), ADM_TABLE_FOUND,
           "what asks too much");
    is_uint(a.wait, NEVER, "may not");
    adm_table_refund(&t, &g, 1, before[0].word, START, 1);

    ok(memcmp(before, t.slots, sizeof(before)) == 0, "and nothing was done");

    is_int(adm_table_take(&t, &g, 1, START + g.interval + ADM_TABLE_REST, 1,
                          &a),
           ADM_TABLE_EVICTED, "all have rested: one goes");
    is_uint(t.slots[0].tag, 1, "the first, if all are as old");
    is_uint(a.remaining, 2, "the newcomer has nothing of its past");
}


/* who used its budget least recently goes first; a newcomer is the last */

static void
eviction(void)
{
    unsigned           i, wrong;
    uint64_t           now, word;
    adm_gcra_t         g;
    adm_table_t        t;
    adm_gcra_answer_t  a;

    static const unsigned  order[] = { 3, 0, 6, 1, 7, 5, 2, 4 };

    g = limit(10, 2);
    t = table(1);
    wrong = 0;

    for (i = 0; i < 8; i++) {
        (void) touch(&t, &g, 100 + i, START + i);
    }

    /* again, in another order: a burst lasts, and then counts as its use */

    for (i = 0; i < 8; i++) {
        (void) touch(&t, &g, 100 + order[i], START + (500 + i) * MS);
    }

    (void) touch(&t, &g, 100 + order[0], START + 508 * MS);

    now = START + 508 * MS + g.depth + ADM_TABLE_REST;

    for (i = 0; i < 8; i++) {
        wrong += look(&t, 100 + order[(i + 1) % 8], &word) != 1;
        wrong += touch(&t, &g, 200 + i, now + i) != ADM_TABLE_EVICTED;
        wrong += look(&t, 100 + order[(i + 1) % 8], &word) != 0;
        wrong += look(&t, 200 + i, &word) != 1;
    }

    is_uint(wrong, 0, "the least recently used goes, one after the other");
    is_int(touch(&t, &g, 300, now + 8), ADM_TABLE_FULL, "but no newcomer");

    /* a charge of one that went is given back to nobody */

    (void) adm_table_take(&t, &g, 200, now + 8, 1, &a);
    now = adm_gcra_tat(a.word) + ADM_TABLE_REST + g.depth;
    wrong += touch(&t, &g, 201, now) != ADM_TABLE_FOUND;

    for (i = 2; i < 8; i++) {
        wrong += touch(&t, &g, 200 + i, now) != ADM_TABLE_FOUND;
    }

    wrong += touch(&t, &g, 300, now) != ADM_TABLE_EVICTED;
    wrong += look(&t, 200, &word) != 0;
    (void) look(&t, 300, &word);

    adm_table_refund(&t, &g, 200, a.word, now, 1);

    is_uint(look(&t, 300, &a.word), 1, "a refund of one that went");
    is_uint(a.word, word, "does nothing to the one that came");
    is_uint(look(&t, 200, &word), 0, "and does not bring it back");
    is_uint(wrong, 0, "all as it was set up");
}


/*
 * A charge under way longer than its client was away: the new word knows
 * nothing of the refunds that the old one saw, so it may give back what has
 * drained, but not more than itself.
 */

static void
came_back(void)
{
    unsigned           i;
    uint64_t           now, first, old, word;
    adm_gcra_t         g;
    adm_table_t        t;
    adm_gcra_answer_t  a;

    g = limit(1, 9);
    t = table(1);

    (void) adm_table_take(&t, &g, 1, START, 9, &a);
    first = a.word;
    (void) adm_table_take(&t, &g, 1, START, 1, &a);
    old = a.word;
    adm_table_refund(&t, &g, 1, first, START, 9);

    now = START + 3 * SECOND;

    for (i = 2; i < 9; i++) {
        (void) touch(&t, &g, i, now);
    }

    is_int(touch(&t, &g, 9, now), ADM_TABLE_EVICTED, "a client goes");

    now = START + 6 * SECOND;

    is_int(adm_table_take(&t, &g, 1, now, 5, &a), ADM_TABLE_EVICTED,
           "and comes back");
    adm_table_refund(&t, &g, 1, old, now, 1);
    (void) look(&t, 1, &word);

    ok(adm_gcra_tat(a.word) - adm_gcra_tat(word) <= g.interval,
       "a charge of its old word gives back at most itself");
}


/* an idle slot is younger than any that is used, and an empty than any */

static void
empty_first(void)
{
    adm_gcra_t   g;
    adm_table_t  t;

    g = limit(10, 2);
    t = table(2);

    (void) touch(&t, &g, chooses(0, 0, 10), START);
    is_int(touch(&t, &g, chooses(0, 1, 12), START + adm_ticks(60000)),
           ADM_TABLE_NEW, "an empty slot before an idle one");
    ok(t.slots[8].tag == chooses(0, 1, 12), "in the emptier bucket");
}


/* how many clients with a budget in use it holds before the first has none */

static uint64_t
held(uint64_t buckets, uint64_t base)
{
    uint64_t     n;
    adm_gcra_t   g;
    adm_table_t  t;

    g = limit(1, 9);
    t = table(buckets);

    for (n = 0; touch(&t, &g, name(base + n), START) == ADM_TABLE_NEW; n++) {
        /* void */
    }

    return n;
}


static void
capacity(void)
{
    size_t    i;
    unsigned  seeds;
    uint64_t  n, least, size;

    static const uint64_t  sizes[] = { 1 << 10, 1 << 16, SLOTS };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size = sizes[i];
        least = size;

        for (seeds = 0; seeds < (i == 2 ? 1 : 8); seeds++) {
            n = held(size / ADM_TABLE_BUCKET, (uint64_t) seeds << 32);
            least = adm_min(least, n);
        }

        printf("# %u slots hold %u clients before the first is turned away:"
               " %.1f %%, %.2f bytes a client\n", (unsigned) size,
               (unsigned) least, 100.0 * (double) least / (double) size,
               16.0 * (double) size / (double) least);

        ok(least * 24 >= size * sizeof(adm_slot_t),
           "at most 24 bytes a client");
    }
}


static void
used(void)
{
    size_t       i, j;
    uint64_t     n;
    unsigned     wrong, share;
    adm_gcra_t   g;
    adm_table_t  t;

    static const uint64_t  buckets[] = {
        1, 2, 3, 1023, 1024, 1025, 2047, 2048, 5000, 100000,
    };

    wrong = 0;
    g = limit(1, 2);

    for (i = 0; i < sizeof(buckets) / sizeof(buckets[0]); i++) {
        t = table(buckets[i]);
        wrong += adm_table_used(&t, START) != 0;

        for (j = 0; j < buckets[i] * ADM_TABLE_BUCKET; j++) {
            t.slots[j].tag = j + 1;
            t.slots[j].word = START << ADM_GCRA_STEP_BITS;
        }

        wrong += adm_table_used(&t, START) != 1000;
        wrong += adm_table_used(&t, START + ADM_TABLE_REST - 1) != 1000;
        wrong += adm_table_used(&t, START + ADM_TABLE_REST) != 0;
    }

    is_uint(wrong, 0, "none and all, in tables of ten sizes");

    t = table(10000);
    wrong = 0;

    for (n = 0; n < 24000; n++) {
        wrong += touch(&t, &g, name(n), START) != ADM_TABLE_NEW;
    }

    share = adm_table_used(&t, START);
    ok(!wrong && share > 285 && share < 315, "three tenths, by a sample");

    t = table(1);
    (void) touch(&t, &g, 1, START);
    is_uint(adm_table_used(&t, START), 125, "one of eight");
}


#ifdef UNIT_BENCH

static double
bench_run(const adm_table_t *t, const adm_gcra_t *g, uint64_t clients,
    uint64_t pace)
{
    uint64_t         i, now;
    struct timespec  from, to;

    const uint64_t  times = 5000000;

    now = START;

    for (i = 0; i < clients; i++) {
        (void) touch(t, g, name(i), now);
    }

    (void) clock_gettime(CLOCK_MONOTONIC, &from);

    for (i = 0; i < times; i++) {
        now += pace;
        (void) touch(t, g, name(name(i) % clients), now);
    }

    (void) clock_gettime(CLOCK_MONOTONIC, &to);

    return ((double) (to.tv_sec - from.tv_sec) * 1e9
            + (double) (to.tv_nsec - from.tv_nsec)) / (double) times;
}


static void
bench(void)
{
    size_t       i;
    double       names;
    uint64_t     n, sum;
    adm_gcra_t   fast, slow;
    adm_table_t  t;

    clock_t  start;

    static const struct {
        uint64_t  clients;
        uint64_t  buckets;
    } cases[] = {
        { 1, 8192 }, { 1000, 8192 }, { 40000, 8192 },
        { 1000000, 1000000 * 24 / 128 + 1 },
    };

    fast = limit(1000000, 999);
    slow = limit(1, 0);
    sum = 0;
    start = clock();

    for (n = 0; n < 5000000; n++) {
        sum += name(name(n) % 1000);
    }

    names = (double) (clock() - start) * 1e9 / CLOCKS_PER_SEC / 5e6;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        t.slots = shared(cases[i].buckets * 8 * sizeof(adm_slot_t));
        t.buckets = cases[i].buckets;

        printf("# %u clients, %u slots: %.1f ns to take,",
               (unsigned) cases[i].clients, (unsigned) t.buckets * 8,
               bench_run(&t, &fast, cases[i].clients, MS) - names);

        memset(t.slots, 0, t.buckets * 8 * sizeof(adm_slot_t));

        printf(" %.1f ns to be refused\n",
               bench_run(&t, &slow, cases[i].clients, 0) - names);

        (void) munmap(t.slots, t.buckets * 8 * sizeof(adm_slot_t));
    }

    printf("# (the loop and the names' %.1f ns are not in it; %02x)\n", names,
           (unsigned) (sum & 0xff));
}

#else

/* turns: actors of one process as coroutines, or processes that yield */

#define STACK  (256 * 1024)

typedef void (*act_pt)(unsigned me);

typedef enum {
    MODE_ALONE = 0,
    MODE_TURNS,
    MODE_PROCESSES
} mode_e;


static mode_e      mode;
static uint64_t    state = 88172645463325252;
static scene_t    *scene;
static unsigned    turn;               /* whose it is */
static uint64_t    budget;             /* steps until it ends */
static uint64_t    loads;
static act_pt      acting;
static unsigned    finished[ACTORS];
static char       *stacks[ACTORS];
static ucontext_t  contexts[ACTORS], between;


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


static void
stir(void)
{
    loads++;

    if (mode == MODE_TURNS) {

        if (--budget == 0) {
            (void) swapcontext(&contexts[turn], &between);
        }

    } else if (mode == MODE_PROCESSES && number(128) == 0) {
        (void) sched_yield();
    }
}


static void
act(int me)
{
    acting((unsigned) me);
    finished[me] = 1;
}


static void
clock_on(uint64_t most)
{
    unsigned  i;
    uint64_t  now, to, began;

    now = __atomic_load_n(&scene->clock, __ATOMIC_SEQ_CST);
    to = now + number(most + 1);

    for (i = 0; i < ACTORS; i++) {
        began = __atomic_load_n(&scene->actors[i].busy, __ATOMIC_SEQ_CST);

        if (began != NEVER && to > began + scene->spread) {
            to = began + scene->spread;
        }
    }

    if (to > now) {
        __atomic_store_n(&scene->clock, to, __ATOMIC_SEQ_CST);
    }
}


static void
turns_prepare(unsigned i)
{
    if (stacks[i] == NULL) {
        stacks[i] = shared(STACK);
    }

    finished[i] = 0;

    (void) getcontext(&contexts[i]);
    contexts[i].uc_link = &between;
    contexts[i].uc_stack.ss_sp = stacks[i];
    contexts[i].uc_stack.ss_size = STACK;
    makecontext(&contexts[i], (void (*)(void)) act, 1, (int) i);
}


/* all actors act, now this one for some steps and now that one */

static void
turns(act_pt handler)
{
    unsigned  i, left;

    mode = MODE_TURNS;
    acting = handler;

    for (i = 0; i < ACTORS; i++) {
        turns_prepare(i);
    }

    for (left = ACTORS; left > 0; /* void */ ) {

        do {
            turn = (unsigned) number(ACTORS);
        } while (finished[turn]);

        budget = 1 + number(number(4) ? 12 : 120);
        (void) swapcontext(&between, &contexts[turn]);

        left -= finished[turn];
        clock_on(scene->pace * MS);
    }

    mode = MODE_ALONE;
}


static pid_t
process(act_pt handler, unsigned me)
{
    pid_t  pid;

    (void) fflush(stdout);

    pid = fork();

    if (pid == 0) {
        mode = MODE_PROCESSES;
        seed(state + me);
        (void) alarm(60);
        handler(me);
        _exit(0);
    }

    if (pid == -1) {
        printf("Bail out! no process\n");
        exit(1);
    }

    return pid;
}


/* how many of the processes ended as they should */

static unsigned
processes(act_pt handler)
{
    int       status;
    pid_t     pids[ACTORS];
    unsigned  i, good;

    for (i = 0; i < ACTORS; i++) {
        pids[i] = process(handler, i);
    }

    good = 0;

    for (i = 0; i < ACTORS; i++) {
        good += waitpid(pids[i], &status, 0) == pids[i] && status == 0;
    }

    return good;
}


/* the actors' part of a scene */

static void
scene_start(uint64_t buckets, adm_gcra_t g, size_t ntags, uint64_t base)
{
    unsigned  i;
    actor_t  *a;

    scene->table = table(buckets);
    scene->g = g;
    scene->base = base;
    scene->ntags = ntags;
    scene->lag = 0;
    scene->spread = 0;
    scene->pace = 0;
    scene->refunds = 0;
    scene->most = NEVER;
    scene->clock = START;
    scene->stop = 0;
    scene->arrived = 0;

    for (i = 0; i < ACTORS; i++) {
        a = &scene->actors[i];

        a->busy = NEVER;
        a->steps = 0;
        a->full = 0;
        a->evicted = 0;
        a->doubled = 0;
        a->ncharges = 0;
        a->nflying = 0;
        memset(a->taken, 0, ntags * sizeof(uint32_t));
        memset(a->refunded, 0, ntags * sizeof(uint32_t));
    }
}


static uint64_t
scene_tag(size_t n)
{
    return name(scene->base + n);
}


/* fills the table with clients of yesterday, all idle, "of" of 8 slots */

static void
scene_yesterday(unsigned of)
{
    size_t    i;
    uint64_t  age;

    for (i = 0; i < scene->table.buckets * ADM_TABLE_BUCKET; i++) {

        if (number(8) >= of) {
            continue;
        }

        age = ADM_TABLE_REST + number(number(2) ? 8 : 100000);

        slots[i].tag = name(NEVER / 2 + i);
        slots[i].word = (START - age) << ADM_GCRA_STEP_BITS;
    }
}


/* the clock, which will not move on by more than the spread until step_end */

static uint64_t
step_begin(actor_t *a)
{
    uint64_t  now;

    do {
        now = __atomic_load_n(&scene->clock, __ATOMIC_SEQ_CST);
        __atomic_store_n(&a->busy, now, __ATOMIC_SEQ_CST);
    } while (now != __atomic_load_n(&scene->clock, __ATOMIC_SEQ_CST));

    return now - number(scene->lag + 1);
}


static void
step_end(actor_t *a)
{
    __atomic_store_n(&a->busy, NEVER, __ATOMIC_SEQ_CST);
    __atomic_store_n(&a->steps, a->steps + 1, __ATOMIC_SEQ_CST);
}


static int
step_take(actor_t *a, size_t n)
{
    charge_t           *c;
    flight_t           *f;
    uint64_t            now, word;
    adm_table_rc_e      rc;
    adm_gcra_answer_t   answer;

    now = step_begin(a);
    rc = adm_table_take(&scene->table, &scene->g, scene_tag(n), now, 1,
                        &answer);

    a->full += rc == ADM_TABLE_FULL;
    a->evicted += rc == ADM_TABLE_EVICTED;

    if (mode == MODE_TURNS) {
        a->doubled += look(&scene->table, scene_tag(n), &word) > 1;
    }

    if (rc == ADM_TABLE_FULL || answer.wait) {
        step_end(a);
        return 0;
    }

    a->taken[n]++;

    c = &a->charges[a->ncharges++];
    c->tag = (uint32_t) n;
    c->refunded = 0;
    c->at = __atomic_load_n(&scene->clock, __ATOMIC_SEQ_CST);

    if (a->nflying < FLYING && scene->refunds) {
        f = &a->flying[a->nflying++];
        f->word = answer.word;
        f->began = c->at;
        f->charge = c;
    }

    step_end(a);

    return 1;
}


static void
step_refund(actor_t *a, size_t i)
{
    size_t    n;
    flight_t  f;
    uint64_t  now;

    f = a->flying[i];
    a->flying[i] = a->flying[--a->nflying];
    n = f.charge->tag;

    now = step_begin(a);

    if (now < f.began + ADM_TABLE_REST) {
        adm_table_refund(&scene->table, &scene->g, scene_tag(n), f.word, now,
                         1);
        f.charge->refunded = 1;
        a->refunded[n]++;
    }

    step_end(a);
}


/* takes and refunds at random until told to stop, or all is written full */

static void
hammer(unsigned me)
{
    actor_t  *a;

    a = &scene->actors[me];

    while (a->ncharges < CHARGES && a->steps < scene->most
           && !__atomic_load_n(&scene->stop, __ATOMIC_SEQ_CST))
    {
        if (a->nflying && number(scene->refunds) == 0) {
            step_refund(a, number(a->nflying));

        } else {
            (void) step_take(a, number(scene->ntags));
        }

        if (mode == MODE_PROCESSES && a->steps % 32 == 0) {
            (void) sched_yield();
        }
    }
}


static void
meet(size_t n)
{
    (void) __atomic_add_fetch(&scene->arrived, 1, __ATOMIC_SEQ_CST);

    while (__atomic_load_n(&scene->arrived, __ATOMIC_SEQ_CST) < n * ACTORS) {
        (void) sched_yield();
    }
}


/* all take of the first tag; the first actor gives back what it took first */

static void
one_refund(unsigned me)
{
    unsigned  i;
    actor_t  *a;

    a = &scene->actors[me];

    for (i = 0; i < 4; i++) {
        (void) step_take(a, 0);

        if (me == 0 && i == 1) {
            step_refund(a, 0);
        }
    }
}


/* each tag until it is refused; all actors together, about */

static void
rush(unsigned me)
{
    size_t    n;
    actor_t  *a;

    a = &scene->actors[me];

    for (n = 0; n < scene->ntags; n++) {

        if (mode == MODE_PROCESSES && n % 16 == 0) {
            meet(n / 16 + 1);
        }

        while (step_take(a, n)) { /* void */ }
    }
}


/* units of a tag that were taken, and not refunded */

static uint64_t
net(size_t n)
{
    unsigned  i;
    uint64_t  sum;

    sum = 0;

    for (i = 0; i < ACTORS; i++) {
        sum += scene->actors[i].taken[n];
        sum -= scene->actors[i].refunded[n];
    }

    return sum;
}


static int
by_tag(const void *a, const void *b)
{
    uint64_t  x, y;

    x = ((const adm_slot_t *) a)->tag;
    y = ((const adm_slot_t *) b)->tag;

    return (x > y) - (x < y);
}


/* tags that stand in more than one slot */

static unsigned
doubles(void)
{
    size_t       i, n;
    unsigned     found;
    adm_slot_t  *copy;

    n = scene->table.buckets * ADM_TABLE_BUCKET;
    found = 0;

    copy = malloc(n * sizeof(adm_slot_t));
    if (copy == NULL) {
        return 1;
    }

    memcpy(copy, slots, n * sizeof(adm_slot_t));
    qsort(copy, n, sizeof(adm_slot_t), by_tag);

    for (i = 1; i < n; i++) {
        found += copy[i].tag != 0 && copy[i].tag == copy[i - 1].tag;
    }

    free(copy);

    return found;
}


/* slots that no run of the program could have left */

static unsigned
insane(void)
{
    size_t       i;
    uint64_t     tat, bucket;
    unsigned     found;
    adm_slot_t  *s;

    found = 0;

    for (i = 0; i < scene->table.buckets * ADM_TABLE_BUCKET; i++) {
        s = &slots[i];
        tat = adm_gcra_tat(s->word);
        bucket = i / ADM_TABLE_BUCKET * ADM_TABLE_BUCKET;

        if (s->tag == 0) {
            found += s->word != 0;
            continue;
        }

        if (tat < START - scene->lag) {
            found += s->tag != name(NEVER / 2 + i);
            continue;
        }

        found += tat > scene->clock + scene->g.depth;
        found += adm_table_bucket(&scene->table, s->tag, 0) != &slots[bucket]
                 && adm_table_bucket(&scene->table, s->tag, 1)
                    != &slots[bucket];
    }

    return found;
}


static int
by_tag_and_time(const void *a, const void *b)
{
    const charge_t  *x = a, *y = b;

    if (x->tag != y->tag) {
        return (x->tag > y->tag) - (x->tag < y->tag);
    }

    return (x->at > y->at) - (x->at < y->at);
}


/*
 * Units above the bound, in the worst window of any tag: what was not
 * refunded against depth + time + how far clocks were behind.
 */

static uint64_t
excess(void)
{
    size_t     i, n;
    charge_t  *all, *c;
    uint64_t   sum, last, worst, tag, bound;

    n = 0;
    worst = 0;
    bound = scene->g.depth + scene->lag + scene->spread;

    for (i = 0; i < ACTORS; i++) {
        n += scene->actors[i].ncharges;
    }

    all = malloc((n + 1) * sizeof(charge_t));
    if (all == NULL) {
        return 1;
    }

    n = 0;

    for (i = 0; i < ACTORS; i++) {
        memcpy(all + n, scene->actors[i].charges,
               scene->actors[i].ncharges * sizeof(charge_t));
        n += scene->actors[i].ncharges;
    }

    qsort(all, n, sizeof(charge_t), by_tag_and_time);

    sum = 0;
    last = 0;
    tag = NEVER;

    for (i = 0; i < n; i++) {
        c = &all[i];

        sum = c->tag == tag ? adm_above(sum, c->at - last) : 0;
        sum += c->refunded ? 0 : scene->g.interval;
        tag = c->tag;
        last = c->at;

        worst = adm_max(worst, adm_above(sum, bound));
    }

    free(all);

    return (worst + scene->g.interval - 1) / scene->g.interval;
}


/* what came out of some scenes */

typedef struct {
    uint64_t     charges;
    uint64_t     full;
    uint64_t     evicted;
    unsigned     more;             /* tags with more than burst + 1 */
    unsigned     less;
    unsigned     doubles;
    unsigned     insane;
    uint64_t     excess;           /* units, at the worst */
    unsigned     ended;            /* processes that did as they should */
} outcome_t;


static void
outcome_add(outcome_t *o)
{
    size_t    n;
    uint64_t  got;
    unsigned  i;

    for (i = 0; i < ACTORS; i++) {
        o->charges += scene->actors[i].ncharges;
        o->full += scene->actors[i].full;
        o->evicted += scene->actors[i].evicted;
        o->doubles += scene->actors[i].doubled;
    }

    for (n = 0; n < scene->ntags; n++) {
        got = net(n) * scene->g.interval;
        o->more += got > scene->g.depth;
        o->less += got < scene->g.depth;
    }

    o->doubles += doubles();
    o->insane += insane();
    o->excess = adm_max(o->excess, excess());
}


static void
outcome_print(const outcome_t *o, const char *what)
{
    printf("# %s: %u charges, %u evictions, %u times full\n", what,
           (unsigned) o->charges, (unsigned) o->evicted, (unsigned) o->full);
}


/* the scenes, by turns */

static void
turns_rush(void)
{
    unsigned   round;
    outcome_t  o;

    memset(&o, 0, sizeof(outcome_t));

    for (round = 0; round < 4000; round++) {
        seed(round);
        scene_start(1 + number(4), limit(10, number(3)), 8, round * 8);
        scene_yesterday((unsigned) number(9));

        turns(rush);
        outcome_add(&o);
    }

    outcome_print(&o, "newcomers by turns");

    is_uint(o.more, 0, "turns: no newcomer got more than burst + 1");
    is_uint(o.less, 0, "nor less");
    is_uint(o.full, 0, "nor was turned away");
    is_uint(o.doubles, 0, "nor stands in two slots");
    is_uint(o.insane, 0, "nor in one that is not its own");
}


static void
turns_hammer(void)
{
    unsigned   round;
    outcome_t  o;

    static const uint64_t  spreads[] = { 0, 5, 50, 400, 1900 };

    memset(&o, 0, sizeof(outcome_t));

    for (round = 0; round < 300; round++) {
        seed(7000 + round);
        scene_start(1 + number(3), limit(10, number(5)), 20 + number(40),
                    round * 64);
        scene_yesterday((unsigned) number(9));

        scene->lag = 5 * MS;
        scene->spread = spreads[round % 5] * MS;
        scene->pace = 20 + number(500);
        scene->refunds = round % 3 ? 2 + number(6) : 0;
        scene->most = 400;

        turns(hammer);
        outcome_add(&o);
    }

    outcome_print(&o, "takes and refunds by turns");

    ok(o.evicted > 1000, "turns: a good many evictions");
    is_uint(o.doubles, 0, "none stands in two slots");
    is_uint(o.insane, 0, "nor in one that is not its own");
    is_uint(o.excess, 0, "no window has more than its bound");
}


static void
turns_refund(void)
{
    uint64_t  word;
    unsigned  round, wrong;

    wrong = 0;

    for (round = 0; round < 2000; round++) {
        seed(20000 + round);
        scene_start(1, limit(10, 19), 1, round);
        scene->refunds = 1;

        turns(one_refund);

        (void) look(&scene->table, scene_tag(0), &word);
        wrong += net(0) != 4 * ACTORS - 1;
        wrong += adm_gcra_tat(word) != START + net(0) * scene->g.interval;
    }

    is_uint(wrong, 0, "turns: a refund among charges is exact");
}


/* by processes */

static void
hot(void)
{
    unsigned   round;
    outcome_t  o;

    memset(&o, 0, sizeof(outcome_t));

    for (round = 0; round < 8; round++) {
        seed(100 + round);
        scene_start(1 + round, limit(10, 19999), 1, round);
        scene_yesterday(round);

        o.ended += processes(rush);
        outcome_add(&o);
    }

    outcome_print(&o, "one hot tag");

    is_uint(o.ended, 8 * ACTORS, "processes: one hot tag");
    is_uint(o.more, 0, "gets burst + 1 of them all, not more");
    is_uint(o.less, 0, "nor less");
    is_uint(o.doubles + o.insane, 0, "and one slot");
}


static void
newcomers(void)
{
    unsigned   round;
    outcome_t  o;

    memset(&o, 0, sizeof(outcome_t));

    for (round = 0; round < 16; round++) {
        seed(200 + round);
        scene_start(1500, limit(10, 1 + round % 3), TAGS, round * TAGS);
        scene_yesterday(round % 9);

        o.ended += processes(rush);
        outcome_add(&o);
    }

    outcome_print(&o, "newcomers");

    is_uint(o.ended, 16 * ACTORS, "processes: newcomers, all at once");
    is_uint(o.more, 0, "get burst + 1 of them all, not more");
    is_uint(o.less, 0, "nor less");
    is_uint(o.full, 0, "none is turned away");
    is_uint(o.doubles + o.insane, 0, "none stands in two slots");
}


/*
 * At a resting clock: what is in the words is at least what was taken and not
 * refunded, but for what killed processes did and did not write down.
 */

static unsigned
lost(unsigned killed)
{
    size_t    n;
    uint64_t  word, level;
    unsigned  wrong;

    wrong = 0;

    for (n = 0; n < scene->ntags; n++) {
        (void) look(&scene->table, scene_tag(n), &word);

        level = adm_above(adm_gcra_tat(word), scene->clock)
                / scene->g.interval;

        wrong += level + killed < net(n);
        wrong += level * scene->g.interval > scene->g.depth;
        wrong += (net(n) - adm_min(net(n), killed)) * scene->g.interval
                 > scene->g.depth;
    }

    return wrong;
}


static void
conservation(void)
{
    unsigned   round, wrong;
    outcome_t  o;

    memset(&o, 0, sizeof(outcome_t));
    wrong = 0;

    for (round = 0; round < 8; round++) {
        seed(300 + round);
        scene_start(20, limit(10, 5 + 10 * round), 40, round * TAGS);
        scene_yesterday(4);

        scene->refunds = 2;
        scene->most = 20000;

        o.ended += processes(hammer);
        outcome_add(&o);
        wrong += lost(0);
    }

    outcome_print(&o, "takes and refunds");

    is_uint(o.ended, 8 * ACTORS, "processes: takes and refunds");
    is_uint(wrong, 0, "no unit is lost, and none is had twice");
    is_uint(o.more, 0, "none has more than burst + 1 at once");
    is_uint(o.doubles + o.insane, 0, "none stands in two slots");
}


/* moves the clock for some real time */

static void
clock_run(unsigned ms)
{
    struct timespec  from, to;

    (void) clock_gettime(CLOCK_MONOTONIC, &from);

    do {
        clock_on(scene->spread / 4);
        (void) sched_yield();
        (void) clock_gettime(CLOCK_MONOTONIC, &to);

    } while ((to.tv_sec - from.tv_sec) * 1000
             + (to.tv_nsec - from.tv_nsec) / 1000000 < (long) ms);
}


static void
pressure(void)
{
    int        status;
    pid_t      pids[ACTORS];
    uint64_t   virtual;
    unsigned   i, round;
    outcome_t  o;

    memset(&o, 0, sizeof(outcome_t));
    virtual = 0;

    for (round = 0; round < 6; round++) {
        seed(400 + round);
        scene_start(16 << round % 3, limit(10, 4), 2000, round * TAGS);
        scene_yesterday(8);

        scene->lag = 5 * MS;
        scene->spread = (round < 3 ? 40 : 400) * MS;
        scene->refunds = round % 2 ? 4 : 0;
        scene->most = NEVER;

        for (i = 0; i < ACTORS; i++) {
            pids[i] = process(hammer, i);
        }

        clock_run(400);
        __atomic_store_n(&scene->stop, 1, __ATOMIC_SEQ_CST);

        for (i = 0; i < ACTORS; i++) {
            o.ended += waitpid(pids[i], &status, 0) == pids[i] && status == 0;
        }

        virtual += (scene->clock - START) / SECOND;
        outcome_add(&o);
    }

    outcome_print(&o, "2000 tags in a tiny table");
    printf("# %u seconds of the tables' time\n", (unsigned) virtual);

    is_uint(o.ended, 6 * ACTORS, "processes: a table under pressure");
    ok(o.evicted > 1000 && o.full > 1000, "many come and go");
    is_uint(o.excess, 0, "no window has more than its bound");
    is_uint(o.doubles, 0, "none stands in two slots");
    is_uint(o.insane, 0, "nor in one that is not its own");
}


/* 1 if all but one of the actors still make steps */

static unsigned
going_on(unsigned but)
{
    uint64_t  steps[ACTORS];
    unsigned  i, ms, slow;

    for (i = 0; i < ACTORS; i++) {
        steps[i] = __atomic_load_n(&scene->actors[i].steps, __ATOMIC_SEQ_CST);
    }

    for (ms = 0; ms < 5000; ms++) {
        slow = 0;

        for (i = 0; i < ACTORS; i++) {
            slow += i != but
                    && __atomic_load_n(&scene->actors[i].steps,
                                       __ATOMIC_SEQ_CST) < steps[i] + 500;
        }

        if (slow == 0) {
            return 1;
        }

        clock_run(1);
    }

    return 0;
}


static unsigned
kill_one(outcome_t *o)
{
    int       status;
    pid_t     pids[ACTORS];
    unsigned  i, went_on, victim;

    for (i = 0; i < ACTORS; i++) {
        pids[i] = process(hammer, i);
    }

    victim = (unsigned) number(ACTORS);

    clock_run(1 + (unsigned) number(3));
    (void) usleep((useconds_t) number(4000));

    (void) kill(pids[victim], SIGKILL);
    (void) waitpid(pids[victim], &status, 0);
    o->ended += WIFSIGNALED(status) != 0;
    __atomic_store_n(&scene->actors[victim].busy, NEVER, __ATOMIC_SEQ_CST);

    went_on = going_on(victim);

    __atomic_store_n(&scene->stop, 1, __ATOMIC_SEQ_CST);

    for (i = 0; i < ACTORS; i++) {

        if (i != victim) {
            (void) waitpid(pids[i], &status, 0);
            o->ended += status == 0;
        }
    }

    return went_on;
}


static void
kills(void)
{
    unsigned   round, wrong, went_on;
    outcome_t  o;

    memset(&o, 0, sizeof(outcome_t));
    wrong = 0;
    went_on = 0;

    for (round = 0; round < 60; round++) {
        seed(500 + round);
        scene_start(round % 2 ? 20 : 4, limit(10, 4), round % 2 ? 40 : 300,
                    round * TAGS);
        scene_yesterday(6);

        scene->refunds = 2;
        scene->most = NEVER;
        scene->lag = round % 2 ? 0 : 5 * MS;
        scene->spread = round % 2 ? 0 : 200 * MS;

        went_on += kill_one(&o);
        outcome_add(&o);

        if (round % 2) {
            wrong += lost(1);
        }
    }

    outcome_print(&o, "one of four killed");

    is_uint(went_on, round, "processes: the others go on when one is killed");
    is_uint(o.ended, round * ACTORS, "and end as they should");
    is_uint(wrong, 0, "a unit is lost at most");
    ok(o.excess <= 1, "no window has more than its bound and that one");
    is_uint(o.doubles, 0, "none stands in two slots");
    is_uint(o.insane, 0, "nor in one that is not its own");
}


/* what the header says that a look costs */

static void
costs(void)
{
    adm_gcra_t   g;
    adm_table_t  t;

    g = limit(1, 2);
    t = table(1000);

    loads = 0;
    (void) touch(&t, &g, name(1), START);
    is_uint(loads, 2 * 2 * ADM_TABLE_BUCKET + 1,
            "a newcomer looks at 16 slots and swaps one");

    loads = 0;
    (void) touch(&t, &g, name(1), START);
    is_uint(loads, 2 + 1, "one found at once at one");

    t = table(100000);
    loads = 0;
    (void) adm_table_used(&t, START);
    ok(loads > 512 * 16 && loads <= 1024 * 16, "a sample at 1024 buckets");
}

#endif


int
main(void)
{
    slots = shared(SLOTS * sizeof(adm_slot_t));

    alone();
    no_slot();
    levels();
    both_buckets();
    full();
    eviction();
    came_back();
    empty_first();
    capacity();
    used();

#ifdef UNIT_BENCH
    bench();
#else
    scene = shared(sizeof(scene_t));

    costs();
    turns_rush();
    turns_hammer();
    turns_refund();
    hot();
    newcomers();
    conservation();
    pressure();
    kills();
#endif

    return unit_done();
}
