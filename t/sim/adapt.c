
/*
 * The story: a limit that an operator has tuned fits the day on which it was
 * tuned.  One that finds itself must be as good as the best one, whatever the
 * upstream is, and must follow when the upstream becomes another; and what is
 * found from a few hundred noisy latencies is easily found wrong.  So here are
 * upstreams of all kinds, in virtual time, and ten times as many people as
 * they can serve, and next to each the best fixed limit, found by search.
 *
 * The upstream: some servers and one queue, first come, first served.  Service
 * takes base * (1 + contention * n / servers), n of those in service or queued
 * when it begins, times a lognormal variable.  What a client has given up is
 * served all the same.  The limit sees nothing but its windows.
 *
 * adapt           all of it, half a minute
 * adapt --short   fewer upstreams, a few seconds
 */


#define _GNU_SOURCE

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adm_adapt.h"
#include "adm_team.h"
#include "hash.h"


#define SIGMA        0.5
#define MEAN         1.1331484       /* of a lognormal variable with SIGMA */
#define SEEDS        10
#define NODES        HASH_NODES
#define TICK         0.1             /* seconds */
#define REPORT       100        /* ms, as NGX_ADM_GATE_PERIOD, and so on */
#define LOOK         0.03       /* seconds: a process asks so much later */
#define REST         250
#define FEW          2
#define TIMES        4
#define FLOOD        2
#define FLOODED      0.5             /* seconds */
#define LATENCIES    (1 << 21)
#define JOBS         (1 << 20)       /* a power of two */
#define TENTHS       3000


/* an upstream from a moment on */

typedef enum { WELL, DEAD, FAILING } health_e;

typedef struct {
    double       since;        /* seconds */
    double       servers;
    double       base;         /* seconds */
    double       contention;
    health_e     health;
    double       load;         /* offered, of what could be served */
} phase_t;


typedef struct {
    double       entered;
    uint64_t     crowd;
    uint64_t     epoch;
    unsigned     node;
    unsigned     tries;
    unsigned     gone:1;
    unsigned     ended:1;      /* but its client's clock still runs */
} job_t;


typedef enum { ARRIVAL, SERVED, GONE, TICKED, REPORTED } what_e;

typedef struct {
    double       at;
    what_e       what;
    unsigned     of;           /* a job, or a node */
} event_t;


typedef struct {
    uint64_t             inside;
    uint64_t             places;
    adm_adapt_t          adapt;
    adm_team_t           team;
    adm_team_sums_t      sums;
    adm_team_sums_t      done;             /* as of the last tick */
    uint64_t             peak;             /* since it was told last */
    double               needs;            /* seconds, the median */
    double               flooded;          /* until then */
} node_t;


/* a run, with one way to limit: fixed, if not 0, or by adm_adapt */

typedef struct {
    const phase_t   *phases;
    unsigned         nphases;
    double           end;
    unsigned         fixed;
    unsigned         nodes;
    double           patience;     /* seconds; 0: endless */
    unsigned         retries;
} run_t;


static const run_t   *run;
static const phase_t *phase;
static double         now;
static uint64_t       seed;

static job_t         *jobs;
static unsigned       njobs, free_jobs[JOBS], nfree;
static event_t       *heap;
static unsigned       nheap, sheap;
static unsigned      *queue;
static unsigned       queue_head, queue_tail;
static unsigned       serving;
static node_t         nodes[NODES];
static hash_t         hash;

/* what came of it, by tenths of a second */

static unsigned       good[TENTHS], refused[TENTHS];
static float         *latencies;
static unsigned      *latency_at;
static unsigned       nlatencies;


static uint64_t
random_bits(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed * UINT64_C(0x2545f4914f6cdd1d);
}


static double
uniform(void)
{
    return (double) (random_bits() >> 11) / (double) (UINT64_C(1) << 53);
}


static double
exponential(double mean)
{
    return -mean * log(1 - uniform());
}


static double
normal(void)
{
    double  r;

    r = sqrt(-2 * log(1 - uniform()));

    return r * cos(2 * M_PI * uniform());
}


static void
later(double at, what_e what, unsigned of)
{
    event_t   e;
    unsigned  i;

    if (nheap == sheap) {
        sheap = sheap ? sheap * 2 : 1024;
        heap = realloc(heap, sheap * sizeof(event_t));
    }

    e.at = at;
    e.what = what;
    e.of = of;

    for (i = nheap++; i > 0 && heap[(i - 1) / 2].at > at; i = (i - 1) / 2) {
        heap[i] = heap[(i - 1) / 2];
    }

    heap[i] = e;
}


static event_t
next_event(void)
{
    event_t   first, last;
    unsigned  i, k;

    first = heap[0];
    last = heap[--nheap];

    for (i = 0; (k = 2 * i + 1) < nheap; i = k) {
        k += (k + 1 < nheap && heap[k + 1].at < heap[k].at);

        if (heap[k].at >= last.at) {
            break;
        }

        heap[i] = heap[k];
    }

    heap[i] = last;

    return first;
}


static unsigned
new_job(void)
{
    if (nfree) {
        return free_jobs[--nfree];
    }

    if (njobs == JOBS) {
        fprintf(stderr, "too many requests at once\n");
        exit(2);
    }

    return njobs++;
}


static uint64_t
ns(double seconds)
{
    return (uint64_t) (seconds * 1e9);
}


static uint64_t
ms(double seconds)
{
    return 1 + (uint64_t) (seconds * 1e3);
}


/* the upstream */

static void
begin(unsigned j)
{
    double    time;
    unsigned  n;

    n = ++serving + (queue_tail - queue_head);
    time = phase->base * exp(SIGMA * normal())
           * (1 + phase->contention * n / phase->servers);

    if (phase->health == FAILING) {
        time = 0.002;
    }

    later(now + time, SERVED, j);
}


static void
begin_more(void)
{
    unsigned  j;

    while (queue_head != queue_tail && phase->health != DEAD
           && serving < phase->servers)
    {
        j = queue[queue_head++ % JOBS];
        begin(j);
    }
}


static double
capacity(const phase_t *p)
{
    return p->servers / (p->base * MEAN * (1 + p->contention));
}


/* who comes is refused by the node, or gets inside */

static void
tell_left(unsigned j, int answered)
{
    node_t   *n;
    job_t    *job;
    uint64_t  stale;

    job = &jobs[j];
    n = &nodes[job->node];
    n->inside--;
    n->needs *= (now - job->entered > n->needs) ? 1.05 : 0.95;

    stale = job->epoch != n->adapt.epoch;

    n->sums.answered += answered;
    n->sums.dropped += !answered;
    n->sums.stale += stale;

    if (!stale) {
        n->sums.latency += ns(now - job->entered);
        n->sums.crowd += job->crowd;
    }
}


static void
enter(unsigned node, unsigned tries)
{
    job_t     *job;
    node_t    *n;
    unsigned   j;

    n = &nodes[node];
    n->sums.offered++;

    if (n->inside >= n->places) {
        n->sums.refused++;
        refused[(unsigned) (now * 10)]++;
        return;
    }

    n->inside++;
    n->sums.peak = n->inside > n->sums.peak ? n->inside : n->sums.peak;

    j = new_job();
    job = &jobs[j];
    memset(job, 0, sizeof(job_t));
    job->entered = now;
    job->crowd = n->inside;
    job->epoch = n->adapt.epoch;
    job->node = node;
    job->tries = tries;

    queue[queue_tail++ % JOBS] = j;
    begin_more();

    if (run->patience > 0) {
        later(now + run->patience, GONE, j);
    }
}


static void
served(unsigned j)
{
    job_t    *job;
    unsigned  tenth;

    job = &jobs[j];
    serving--;

    if (!job->gone) {
        tenth = (unsigned) (now * 10);

        if (phase->health == FAILING) {
            tell_left(j, 0);

        } else {
            good[tenth]++;
            latencies[nlatencies] = (float) (now - job->entered);
            latency_at[nlatencies] = tenth;
            nlatencies += (nlatencies + 1 < LATENCIES);
            tell_left(j, 1);
        }
    }

    /* one with a clock running is kept until it stops */

    if (run->patience == 0 || job->gone) {
        free_jobs[nfree++] = j;

    } else {
        job->ended = 1;
    }

    begin_more();
}


static void
gone(unsigned j)
{
    job_t  *job;

    job = &jobs[j];

    if (job->ended) {
        free_jobs[nfree++] = j;
        return;
    }

    job->gone = 1;
    tell_left(j, 0);

    if (job->tries < run->retries) {
        enter(job->node, job->tries + 1);
    }
}


/* windows */

static adm_adapt_window_t
window(node_t *n)
{
    adm_adapt_window_t  w;

    w.elapsed = ns(TICK);
    w.answered = n->sums.answered - n->done.answered;
    w.dropped = n->sums.dropped - n->done.dropped;
    w.stale = n->sums.stale - n->done.stale;
    w.latency = n->sums.latency - n->done.latency;
    w.crowd = n->sums.crowd - n->done.crowd;
    w.refused = n->sums.refused - n->done.refused;
    w.peak = n->sums.peak;
    w.stayed = n->inside * w.elapsed;

    n->sums.elapsed += w.elapsed;
    n->sums.stayed += w.stayed;
    n->peak = n->peak > w.peak ? n->peak : w.peak;
    n->done = n->sums;
    n->sums.peak = n->inside;

    return w;
}


/* the limit of all, as this node would have it, and how much of it it has: as
   ngx_adm_gate_fleet.c */

static uint64_t
limit_of(const node_t *n)
{
    return run->fixed ? run->fixed * ADM_ADAPT_UNIT : n->adapt.limit;
}


static uint64_t
few_of(const node_t *n, uint64_t limit)
{
    if (run->fixed || now < n->flooded
        || n->team.nnodes * FEW * ADM_ADAPT_UNIT > limit * TIMES)
    {
        return 1;
    }

    return FEW;
}


static void
together(node_t *n)
{
    uint64_t            limit, rest;
    adm_adapt_window_t  all;

    if (adm_team_take(&n->team, &all) && !run->fixed) {
        adm_adapt_step(&n->adapt, &all, ns(now));

        if (n->team.limit && !adm_team_leads(&n->team)) {
            adm_adapt_adopt(&n->adapt, n->team.limit, ns(now));
        }
    }

    limit = limit_of(n);

    if (n->team.limit
        && (adm_team_leads(&n->team) || n->team.limit < limit))
    {
        limit = n->team.limit;
    }

    rest = (uint64_t) (n->needs * 1000 * 5 / 8);
    rest = rest < REST ? rest : REST;
    rest = run->fixed ? rest : 0;

    n->places = adm_team_places(&n->team, limit, rest, few_of(n, limit),
                                ms(now));
}


static void
ticked(unsigned i)
{
    node_t              *n;
    adm_adapt_window_t   w;

    n = &nodes[i];
    later(now + TICK, TICKED, i);

    w = window(n);

    if (w.refused >= FLOOD) {
        n->flooded = now + FLOODED;
    }

    if (run->nodes > 1) {
        if (adm_team_together(&n->team, ms(now))) {
            together(n);
        }

    } else if (!run->fixed) {
        adm_adapt_step(&n->adapt, &w, ns(now));
        n->places = n->adapt.limit / ADM_ADAPT_UNIT;
    }
}


/* one tells what it has done, and hears what all have */

static void
reported(unsigned i)
{
    node_t         *n;
    size_t          len;
    unsigned        in;
    adm_str_t       text;
    unsigned char   plan[ADM_TEAM_PLAN], reply[HASH_REPLY];

    n = &nodes[i];

    in = REPORT * 7 / 8 + (unsigned) (random_bits() >> 33) % (REPORT / 8);
    later(now + in / 1000.0 + LOOK * uniform(), REPORTED, i);

    n->done.peak = n->peak;
    n->peak = 0;
    adm_team_tell(&n->done, hash.record[i]);

    len = adm_team_plan(&n->team, limit_of(n), plan);
    hash_plan(&hash, plan, len);

    text.data = reply;
    text.len = hash_reply(&hash, ms(now), reply);

    if (adm_team_hear(&n->team, hash_name(i), text, ms(now), ms(now))
        != ADM_OK)
    {
        fprintf(stderr, "what the store answers is not understood\n");
        exit(2);
    }
}


static void
start(void)
{
    unsigned  i;

    now = 0;
    nheap = 0;
    njobs = 0;
    nfree = 0;
    serving = 0;
    queue_head = 0;
    queue_tail = 0;
    nlatencies = 0;
    phase = run->phases;

    memset(nodes, 0, sizeof(nodes));
    memset(&hash, 0, sizeof(hash));
    memset(good, 0, sizeof(good));
    memset(refused, 0, sizeof(refused));

    if (queue == NULL) {
        queue = malloc(JOBS * sizeof(unsigned));
        latencies = malloc(LATENCIES * sizeof(float));
        latency_at = malloc(LATENCIES * sizeof(unsigned));
        jobs = malloc(JOBS * sizeof(job_t));
    }

    hash.nodes = run->nodes;

    for (i = 0; i < run->nodes; i++) {
        nodes[i].needs = phase->base;
        adm_adapt_init(&nodes[i].adapt, 1, 1000, 0);

        if (run->fixed) {
            nodes[i].adapt.limit = run->fixed * ADM_ADAPT_UNIT;
        }

        nodes[i].places = nodes[i].adapt.limit / ADM_ADAPT_UNIT / run->nodes;

        later(TICK * (i + 1) / run->nodes, TICKED, i);

        if (run->nodes > 1) {
            later(REPORT * (i + 1) / 1e3 / run->nodes, REPORTED, i);
        }
    }

    later(0.001, ARRIVAL, 0);
}


static void
simulate(const run_t *r)
{
    event_t  e;

    run = r;
    start();

    for (e = next_event(); e.at < run->end; e = next_event()) {

        now = e.at;

        while (phase + 1 < run->phases + run->nphases
               && phase[1].since <= now)
        {
            phase++;
            begin_more();
        }

        switch (e.what) {

        case ARRIVAL:
            later(now + exponential(1 / (phase->load * capacity(phase))),
                  ARRIVAL, 0);
            enter(run->nodes == 1 ? 0
                  : (unsigned) (random_bits() >> 33) % run->nodes, 0);
            break;

        case SERVED:
            served(e.of);
            break;

        case GONE:
            gone(e.of);
            break;

        case TICKED:
            ticked(e.of);
            break;

        case REPORTED:
            reported(e.of);
            break;
        }
    }
}


/* what came of a run between two moments */

static double
goodput(double from, double to)
{
    unsigned  i, sum;

    sum = 0;

    for (i = (unsigned) (from * 10); i < (unsigned) (to * 10); i++) {
        sum += good[i];
    }

    return sum / (to - from);
}


static int
by_value(const void *one, const void *two)
{
    float  a, b;

    a = *(const float *) one;
    b = *(const float *) two;

    return (a > b) - (a < b);
}


static double
p99(double from, double to)
{
    float     *sorted;
    double     value;
    unsigned   i, n;

    sorted = malloc((nlatencies + 1) * sizeof(float));

    for (i = 0, n = 0; i < nlatencies; i++) {
        if (latency_at[i] >= from * 10 && latency_at[i] < to * 10) {
            sorted[n++] = latencies[i];
        }
    }

    qsort(sorted, n, sizeof(float), by_value);
    value = n ? sorted[n * 99 / 100] : 0;
    free(sorted);

    return value;
}


static double
refusals(double from, double to)
{
    unsigned  i, sum;

    sum = 0;

    for (i = (unsigned) (from * 10); i < (unsigned) (to * 10); i++) {
        sum += refused[i];
    }

    return sum / (to - from);
}


/* what a way to limit comes to, in the mean of several seeds */

typedef struct {
    double  good;              /* a second */
    double  p99;               /* seconds */
    double  refused;
} came_t;


static void
sow(unsigned of)
{
    unsigned  i;

    seed = UINT64_C(88172645463325252) + of * UINT64_C(7919);

    for (i = 0; i < 9; i++) {
        random_bits();
    }
}


static came_t
came(run_t *r, unsigned fixed, unsigned seeds, double from, double to)
{
    came_t    c;
    unsigned  i;

    memset(&c, 0, sizeof(c));
    r->fixed = fixed;

    for (i = 0; i < seeds; i++) {
        sow(i + (unsigned) (r->phases->base * 1e6));
        simulate(r);

        c.good += goodput(from, to) / seeds;
        c.p99 += p99(from, to) / seeds;
        c.refused += refusals(from, to) / seeds;
    }

    return c;
}


/* the best of all fixed limits, by search about the servers */

static came_t
best_fixed(run_t *r, unsigned servers, unsigned seeds, double from, double to,
    unsigned *limit)
{
    came_t    c, best;
    unsigned  n;

    memset(&best, 0, sizeof(best));

    for (n = servers - 1; n <= servers + servers / 4 + 3; n++) {

        c = came(r, n, seeds, from, to);

        if (c.good > best.good) {
            best = c;
            *limit = n;
        }

        /* far above, all are alike */

        n += servers / 16;
    }

    return best;
}


static int
bar(int kept, const char *name)
{
    if (!kept) {
        printf("  missed: %s\n", name);
    }

    return !kept;
}


static run_t
overload(phase_t *p, double servers, double base, double contention,
    double load)
{
    run_t  r;

    memset(p, 0, sizeof(phase_t));
    memset(&r, 0, sizeof(r));

    p->servers = servers;
    p->base = base;
    p->contention = contention;
    p->load = load;

    r.phases = p;
    r.nphases = 1;
    r.end = 60;
    r.nodes = 1;

    return r;
}


/* upstreams at random: as good as the best one that could be configured */

static int
random_upstreams(unsigned n)
{
    int       missed;
    run_t     r;
    came_t    best, own;
    double    servers, contention, base, worst, slowest, first;
    phase_t   p;
    unsigned  i, limit;

    printf("\n10 x, upstreams at random, a minute after the first 20 s\n"
           "%8s %6s %8s | %6s %8s %7s | %8s %6s | %9s\n", "servers", "cont.",
           "base ms", "best", "goodput", "p99 ms", "goodput", "p99",
           "first 5 s");

    missed = 0;
    worst = 1;
    slowest = 0;

    for (i = 0; i < n; i++) {
        sow(1000 + i);
        servers = floor(2 * pow(32.5, uniform()));
        contention = 0.5 * uniform();
        base = 0.005 * pow(60, uniform());

        r = overload(&p, servers, base, contention, 10);
        r.end = 80;
        best = best_fixed(&r, (unsigned) servers, 1, 20, 80, &limit);
        own = came(&r, 0, 1, 20, 80);
        first = goodput(0, 5);

        printf("%8.0f %6.2f %8.0f | %6u %8.1f %7.0f | %8.3f %6.2f | %9.2f\n",
               servers, contention, base * 1000, limit, best.good,
               best.p99 * 1000, own.good / best.good, own.p99 / best.p99,
               first / best.good);

        worst = fmin(worst, own.good / best.good);
        slowest = fmax(slowest, own.p99 / best.p99);
    }

    printf("worst goodput %.3f, worst p99 %.2f of the best fixed limit's\n",
           worst, slowest);

    missed |= bar(worst >= 0.9, "goodput of 90 % of the best");
    missed |= bar(slowest <= 1.5, "p99 of 1.5 x the best one's");

    return missed;
}


/*
 * The upstream of the case study, by load and nodes, beside one node.  Where
 * there are more nodes than places somebody comes to one that has none.
 */

static int
by_load(unsigned nodes, double servers, unsigned seeds)
{
    int                  missed;
    run_t                r;
    came_t               best, twice, own;
    phase_t              p;
    unsigned             i, limit;
    static const double  loads[] = { 10, 2, 1, 0.8 };

    missed = 0;
    limit = 0;

    for (i = 0; i < 4; i++) {
        r = overload(&p, servers, 0.1, 0.05, loads[i]);
        r.patience = 2;
        r.retries = 3;

        best = best_fixed(&r, (unsigned) servers, seeds, 10, 60, &limit);
        twice = came(&r, 2 * (unsigned) servers, seeds, 10, 60);

        r.nodes = nodes;
        own = came(&r, 0, seeds, 10, 60);

        printf("%5u %7.0f %5.1f | %4u %7.1f %6.0f | %7.1f %6.0f | %7.1f %6.0f "
               "| %5.3f %5.2f\n", nodes, servers, loads[i], limit, best.good,
               best.p99 * 1000, twice.good, twice.p99 * 1000, own.good,
               own.p99 * 1000, own.good / best.good, own.p99 / best.p99);

        if (loads[i] == 10) {
            missed |= bar(own.good >= 0.95 * best.good,
                          "goodput of 95 % of the best");
            missed |= bar(own.p99 <= 1.3 * best.p99,
                          "p99 of 1.3 x the best one's");
            missed |= bar(own.p99 <= twice.p99, "p99 of twice the servers");

        } else {

            /* of more nodes than servers beside as many that have a number */

            if (nodes > servers) {
                twice = came(&r, 2 * (unsigned) servers, seeds, 10, 60);
            }

            missed |= bar(own.good >= 0.9 * twice.good,
                          "goodput of 90 % of twice the servers");
        }
    }

    return missed;
}


/* an upstream that becomes another one at 30 s */

typedef struct {
    const char  *name;
    double       servers[2];
    double       base[2];
    double       load[2];
    health_e     health;       /* for ten seconds, until "well" */
    double       part;         /* of the best one's goodput ... */
    double       within;       /* ... in so many seconds */
} change_t;


static const change_t  changes[] = {
    { "twice as slow", { 8, 8 }, { 0.1, 0.2 }, { 10, 10 }, WELL, 0.9, 5 },
    { "twice as fast", { 8, 8 }, { 0.1, 0.05 }, { 10, 10 }, WELL, 0.9, 5 },
    { "half the servers", { 8, 4 }, { 0.1, 0.1 }, { 10, 10 }, WELL, 0.85, 5 },
    { "twice the servers", { 8, 16 }, { 0.1, 0.1 }, { 10, 10 }, WELL, 0.85,
      15 },
    { "dead for 10 s", { 8, 8 }, { 0.1, 0.1 }, { 10, 10 }, DEAD, 0.9, 5 },
    { "500 for 10 s", { 8, 8 }, { 0.1, 0.1 }, { 10, 10 }, FAILING, 0.9, 5 },
    { "a spike begins", { 8, 8 }, { 0.1, 0.1 }, { 0.5, 10 }, WELL, 0.9, 5 },
    { "a spike ends", { 8, 8 }, { 0.1, 0.1 }, { 10, 0.5 }, WELL, 0.95, 5 },
};


/* seconds after which goodput stays, in the mean of three, at "part" */

static double
fits_after(const double *seconds, unsigned n, double part)
{
    unsigned  i;

    for (i = n - 2; i > 0; i--) {
        if (seconds[i - 1] + seconds[i] + seconds[i + 1] < 3 * part) {
            return i + 1;
        }
    }

    return 0;
}


static int
changed(const change_t *c, unsigned seeds)
{
    run_t     r;
    double    at, after, lost, best, own[2][40];
    phase_t   p[3];
    unsigned  i, k, s;

    r = overload(&p[0], c->servers[0], c->base[0], 0.05, c->load[0]);
    overload(&p[1], c->servers[1], c->base[1], 0.05, c->load[1]);

    at = (c->health == WELL) ? 30 : 40;
    p[1].since = 30;
    p[1].health = c->health;
    p[2] = p[1];
    p[2].since = at;
    p[2].health = WELL;

    r.nphases = 3;
    r.end = at + 40;
    r.patience = 2;

    memset(own, 0, sizeof(own));

    for (k = 0; k < 2; k++) {
        r.fixed = k ? 0 : (unsigned) c->servers[1] + 1;

        for (s = 0; s < seeds; s++) {
            sow(s);
            simulate(&r);

            for (i = 0; i < 40; i++) {
                own[k][i] += goodput(at + i, at + i + 1) / seeds;
            }
        }
    }

    for (i = 0, lost = 0, best = 0; i < 40; i++) {
        lost += own[0][i] - own[1][i];
        best += own[0][i] / 40;
    }

    after = fits_after(own[1], 40, c->part * best);

    printf("%-18s %8.1f | %6.1f %6.1f %6.1f %6.1f | %8.0f %9.1f\n", c->name,
           best, own[1][0], own[1][1], own[1][4], own[1][9], after,
           lost / best);

    return bar(after <= c->within, "in time");
}


/*
 * A fleet that had half of what it can is flooded: the limit is found while
 * the first seconds of the sale go by, of which there are not many.
 */

static int
flooded(unsigned nodes, double goodput, double slowest)
{
    int       missed;
    run_t     r;
    came_t    best, own;
    phase_t   p[2];
    unsigned  limit;

    limit = 0;

    r = overload(&p[0], 4, 0.05, 0.05, 0.5);
    overload(&p[1], 4, 0.05, 0.05, 10);
    p[1].since = 3;
    r.nphases = 2;
    r.end = 12;
    r.patience = 2;
    r.retries = 3;

    best = best_fixed(&r, 4, 4 * SEEDS, 3, 11, &limit);
    r.nodes = nodes;
    own = came(&r, 0, 4 * SEEDS, 3, 11);

    printf("%u nodes, 8 s from the first of a spike: goodput %.3f, p99 %.2f "
           "of one node at %u\n", nodes, own.good / best.good,
           own.p99 / best.p99, limit);

    missed = bar(own.good >= goodput * best.good, "goodput of the first 8 s");
    missed |= bar(own.p99 <= slowest * best.p99, "p99 of the first 8 s");

    return missed;
}


/* what is tried by turns does not refuse anybody while there is room */

static int
quiet(unsigned seeds)
{
    run_t     r;
    came_t    own;
    phase_t   p[2];

    r = overload(&p[0], 8, 0.1, 0.05, 10);
    overload(&p[1], 8, 0.1, 0.05, 0.5);
    p[1].since = 20;
    r.nphases = 2;
    own = came(&r, 0, seeds, 30, 60);

    printf("\nat half of what it can after a spike: %.2f a second refused of "
           "%.1f\n", own.refused, own.refused + own.good);

    return bar(own.refused < 0.02 * own.good, "fewer than 2 % refused");
}


int
main(int argc, char **argv)
{
    int     missed, brief;
    size_t  i;

    brief = (argc > 1 && strcmp(argv[1], "--short") == 0);

    printf("%5s %7s %5s | %19s | %14s | %14s |\n"
           "%5s %7s %5s | %4s %7s %6s | %7s %6s | %7s %6s | %s\n", "", "", "",
           "the best fixed", "twice servers", "adaptive", "nodes", "servers",
           "load", "at", "good/s", "p99 ms", "good/s", "p99 ms", "good/s",
           "p99 ms", "of the best");

    missed = by_load(1, 8, SEEDS);
    missed |= by_load(2, 4, SEEDS);
    missed |= by_load(8, 4, SEEDS);

    printf("\n");
    missed |= flooded(2, 0.95, 1.3);
    missed |= flooded(8, 0.94, 1.45);

    printf("\n%-18s %8s | %27s | %8s %9s\n%-18s %8s | %6s %6s %6s %6s | %8s "
           "%9s\n", "at 10 x, it is", "best", "goodput in second", "fits",
           "lost", "", "good/s", "1", "2", "5", "10", "after s", "s of work");

    for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        missed |= changed(&changes[i], 2 * SEEDS);
    }

    missed |= quiet(SEEDS);
    missed |= random_upstreams(brief ? 6 : 20);

    return missed;
}
