
/*
 * The story: a waiting room that calls as many people as its rate says lets
 * in half of them, when the other half has left; one that corrects for that
 * too eagerly lets in a crowd.  No test with a handful of people shows either.
 * So a million come here, in seconds: some never come back with their ticket,
 * some lose patience, all notice late that they were called, and take their
 * time.  Everything is by a fixed seed, and what is measured is held to the
 * bars of the waiting room.
 *
 * line [SEED]           all scenarios, some three minutes
 * line --short [SEED]   a few of them with fewer people, some ten seconds
 */


#define _GNU_SOURCE

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adm_line.h"


#define START        UINT64_C(1790000000000)     /* ms since the epoch */
#define LONGEST      20000                       /* seconds of a scenario */
#define SLOT         16                          /* ms of the event wheel */
#define SLOTS        8192                        /* 131 s */
#define NOBODY       UINT32_MAX
#define WINDOW       30                          /* seconds */
#define WARM         60                          /* seconds after the start */


/* the bars */

#define BAR_RATE     0.05
#define BAR_WINDOWS  0.99
#define BAR_PLACES   0.15
#define BAR_MEMORY   (1024 * 1024)
#define BAR_MOMENTS  3.0       /* mean seconds that the called are put off */


typedef struct {
    const char  *name;
    unsigned     people;
    double       rate;         /* admissions a second */
    double       ghosts;       /* of people, who never come back */
    double       patience;     /* mean seconds; 0: endless */
    unsigned     bursts;       /* of people, that come in ... */
    double       burst;        /* ... so many seconds each ... */
    double       every;        /* ... so many seconds apart */
    double       slow;         /* longest seconds to claim, from 1 on */
    unsigned     max_active;
    double       stay;         /* mean seconds inside */
    unsigned     session;
    unsigned     direct;
    int          held;         /* the ceiling decides, not the rate */
    int          small;        /* belongs to the short form */
    unsigned     claim;        /* seconds of the claim window */
} scenario_t;


static const scenario_t  scenarios[] = {

    /* rate 1000, a million at once */
    { "1000/s, no ghosts", 1000000, 1000, 0, 0, 1, 60, 0, 60, 0, 0, 600, 0,
      0, 0, 120 },
    { "1000/s, 30 % ghosts", 1000000, 1000, 0.3, 1500, 1, 60, 0, 60, 0, 0,
      600, 0, 0, 0, 120 },
    { "1000/s, 60 % ghosts", 1000000, 1000, 0.6, 1500, 1, 60, 0, 60, 0, 0,
      600, 0, 0, 0, 120 },
    { "1000/s, impatient", 1000000, 1000, 0.3, 400, 1, 60, 0, 60, 0, 0, 600,
      0, 0, 0, 120 },

    /* rate 100 */
    { "100/s, no ghosts", 200000, 100, 0, 0, 1, 60, 0, 60, 0, 0, 600, 0, 0,
      0, 120 },
    { "100/s, 30 % ghosts", 200000, 100, 0.3, 1500, 1, 60, 0, 60, 0, 0, 600,
      0, 0, 1, 120 },
    { "100/s, 60 % ghosts", 200000, 100, 0.6, 1500, 1, 60, 0, 60, 0, 0, 600,
      0, 0, 0, 120 },
    { "100/s, a million", 1000000, 100, 0.3, 3000, 1, 60, 0, 60, 0, 0, 600,
      0, 0, 0, 120 },
    { "100/s, quick to claim", 200000, 100, 0.3, 1500, 1, 60, 0, 5, 0, 0,
      600, 0, 0, 1, 120 },
    { "100/s, bursts", 300000, 100, 0.3, 1500, 6, 20, 300, 60, 0, 0, 600, 0,
      0, 0, 120 },

    /* rate 10 */
    { "10/s, 30 % ghosts", 20000, 10, 0.3, 1500, 1, 60, 0, 60, 0, 0, 600, 0,
      0, 1, 120 },
    { "10/s, 60 % ghosts", 20000, 10, 0.6, 1500, 1, 60, 0, 60, 0, 0, 600, 0,
      0, 0, 120 },

    /* a ceiling */
    { "ceiling, rate decides", 200000, 100, 0.3, 1500, 1, 60, 0, 60, 40000,
      120, 300, 0, 0, 0, 120 },
    { "ceiling of 5000", 100000, 100, 0.3, 1500, 1, 60, 0, 60, 5000, 120,
      300, 0, 1, 1, 120 },
    { "ceiling of 200", 20000, 100, 0.3, 1500, 1, 60, 0, 60, 200, 60, 120, 0,
      1, 1, 120 },

    /* people come at 0.7 of the rate, and then at 3 times the rate */
    { "auto, below the rate", 84000, 100, 0.3, 1500, 1, 1200, 0, 60, 0, 0,
      600, 1, 0, 1, 120 },
    { "auto, above the rate", 200000, 100, 0.3, 1500, 1, 600, 0, 60, 0, 0,
      600, 1, 0, 0, 120 },

    /* a short claim window, and the shortest */
    { "claims within 60 s", 200000, 100, 0.3, 1500, 1, 60, 0, 30, 0, 0, 600,
      0, 0, 0, 60 },
    { "claims within 20 s", 200000, 100, 0.3, 1500, 1, 60, 0, 8, 0, 0, 600,
      0, 0, 1, 20 },
    { "claims within 10 s", 20000, 10, 0.3, 1500, 1, 60, 0, 5, 0, 0, 600, 0,
      0, 1, 10 },
};


typedef struct {
    uint64_t     joins;        /* ms */
    uint64_t     gone;         /* ms, when patience ends */
    uint64_t     stays;        /* ms, when the stay inside ends */
    uint64_t     ticket;
    uint64_t     serial;
    uint64_t     expires;
    uint32_t     next;         /* in a slot of the wheel of events */
    uint32_t     leaver;       /* in a second's list of leavers */
    unsigned     live:1;       /* is in the tree of the waiting */
    unsigned     left:1;
    unsigned     claims:1;     /* knows that it was called */
    unsigned     inside:1;
    unsigned     ghost:1;
} person_t;


typedef struct {
    uint64_t     polls, claims, moments, admitted, direct, inversions;
    uint64_t     over;         /* people who came too late or were unknown */
    uint64_t     put_off;      /* seconds */
    uint64_t     most_inside;
    double       inside;       /* sum of seconds, as long as enough wait */
    uint64_t     seconds;
    double       error;        /* sum of relative errors of places shown */
    uint64_t     places;
    uint64_t     in_range;     /* waits that ended in the range shown */
    uint64_t     ranges;
} tally_t;


static const scenario_t   *sc;
static adm_line_t          line;
static person_t           *people;
static uint32_t            slots[SLOTS], leavers[LONGEST];
static uint32_t           *holder;               /* person by ticket */
static int32_t            *tree;                 /* Fenwick, by ticket */
static uint64_t            now, seed, given_seed;
static uint64_t            seen_frontier, most_called, inside;
static unsigned            admitted[LONGEST], waiting[LONGEST];
static unsigned            living;               /* live, not called or gone */
static tally_t             tally;


static uint64_t
random_bits(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed * UINT64_C(0x2545f4914f6cdd1d);
}


static double
uniform(double from, double to)
{
    return from + (to - from) * (double) (random_bits() >> 11)
                              / (double) (UINT64_C(1) << 53);
}


static double
exponential(double mean)
{
    return -mean * log(1 - uniform(0, 1));
}


/* the waiting by ticket, counted exactly */

static void
tree_add(uint64_t ticket, int n)
{
    for ( /* void */ ; ticket <= sc->people; ticket += ticket & -ticket) {
        tree[ticket] += n;
    }

    living += (unsigned) n;
}


static uint64_t
tree_before(uint64_t ticket)
{
    int64_t  sum;

    sum = 0;

    for (ticket--; ticket > 0; ticket -= ticket & -ticket) {
        sum += tree[ticket];
    }

    return (uint64_t) sum;
}


/* events: a person has one at a time, and one more for the end of patience */

static void
later(uint32_t who, double seconds)
{
    uint32_t  *slot;

    slot = &slots[(now / SLOT + 1 + (uint64_t) (seconds * 1000) / SLOT)
                  % SLOTS];

    people[who].next = *slot;
    *slot = who;
}


static void
leaves_after(uint32_t who, double seconds)
{
    uint64_t  second;

    people[who].gone = now + (uint64_t) (seconds * 1000);
    second = (people[who].gone - START) / 1000 + 1;

    if (second < LONGEST) {
        people[who].leaver = leavers[second];
        leavers[second] = who;
    }
}


/* an admitted person's stay; half of them say so when they leave */

static void
enters(uint32_t who, const adm_pass_t *pass)
{
    people[who].serial = pass->serial;
    people[who].expires = pass->expires;
    people[who].claims = 0;

    admitted[(now - START) / 1000]++;
    tally.admitted++;

    if (sc->stay > 0) {
        people[who].inside = 1;
        people[who].stays = now + (uint64_t) (1000 * exponential(sc->stay));
        inside++;
        later(who, 30);
    }
}


static adm_pass_t
pass_of(uint32_t who)
{
    adm_pass_t  pass;

    pass.serial = people[who].serial;
    pass.expires = people[who].expires;
    pass.since = 0;

    return pass;
}


static void
is_out(uint32_t who)
{
    people[who].inside = 0;
    inside--;
}


/*
 * A pass is renewed while its holder stays; then half of them say that they
 * leave, and the others' passes are valid until they expire.
 */

static void
stays(uint32_t who)
{
    double       left;
    person_t    *p;
    adm_pass_t   pass;

    p = &people[who];
    pass = pass_of(who);

    if (now / 1000 >= p->expires) {
        is_out(who);

    } else if (now < p->stays) {
        adm_line_renew(&line, now, &pass);
        p->expires = pass.expires;
        later(who, uniform(20, 40));

    } else if (who % 2 && adm_line_end(&line, now, &pass)) {
        is_out(who);

    } else {
        left = (double) (p->expires * 1000 - now) / 1000;
        later(who, (left < 100) ? left + 0.001 : 100);
    }
}


static void
arrives(uint32_t who)
{
    person_t          *p;
    adm_pass_t         pass;
    adm_line_place_t   place;

    p = &people[who];

    if (adm_line_enter(&line, now, &pass) == ADM_LINE_ADMITTED) {
        tally.direct++;
        enters(who, &pass);
        return;
    }

    if (adm_line_join(&line, &p->ticket) != ADM_LINE_WAITING) {
        tally.over++;
        return;
    }

    holder[p->ticket] = who;
    p->ghost = uniform(0, 1) < sc->ghosts;

    if (!p->ghost) {
        (void) adm_line_look(&line, p->ticket, random_bits(), &place);
        later(who, (double) place.poll / 1000 + uniform(0.1, 1));

        if (sc->patience > 0) {
            leaves_after(who, exponential(sc->patience));
        }
    }
}


static void
claim(uint32_t who)
{
    person_t       *p;
    adm_pass_t      pass;
    adm_line_rc_e   rc;

    p = &people[who];
    rc = adm_line_claim(&line, p->ticket, now, &pass);
    tally.claims++;

    if (rc == ADM_LINE_ADMITTED) {
        enters(who, &pass);

    } else if (rc == ADM_LINE_MOMENT) {
        tally.moments++;
        later(who, uniform(1, 3));
        tally.put_off += 2;

    } else {
        tally.over++;
    }
}


static void
compare(const person_t *p, const adm_line_place_t *place)
{
    double  truth;

    if (random_bits() % 64 == 0 && p->live) {
        truth = (double) tree_before(p->ticket);

        if (truth >= 20) {
            tally.error += fabs((double) place->ahead - truth) / truth;
            tally.places++;
        }
    }
}


static void
poll(uint32_t who)
{
    person_t          *p;
    adm_line_rc_e      rc;
    adm_line_place_t   place;

    p = &people[who];
    rc = adm_line_poll(&line, p->ticket, random_bits(), &place);
    tally.polls++;

    if (rc == ADM_LINE_WAITING) {
        tally.inversions += p->ticket < most_called;

        if (!p->live) {
            p->live = 1;
            tree_add(p->ticket, 1);
        }

        compare(p, &place);
        later(who, (double) place.poll / 1000);

    } else if (rc == ADM_LINE_CALLED || rc == ADM_LINE_LAPSED) {
        most_called = (p->ticket > most_called) ? p->ticket : most_called;
        p->claims = 1;
        later(who, uniform(1, sc->slow));

    } else {
        tally.over++;
    }
}


static void
happens(uint32_t who)
{
    person_t  *p;

    p = &people[who];

    if (p->inside) {
        stays(who);

    } else if (!p->left && !p->serial) {
        (p->claims) ? claim(who) : poll(who);
    }
}


static void
leave(uint32_t who)
{
    person_t  *p;

    p = &people[who];
    p->left = 1;

    if (p->live && p->ticket >= seen_frontier) {
        p->live = 0;
        tree_add(p->ticket, -1);
    }
}


/* people who were called wait no more */

static void
follow_frontier(void)
{
    person_t          *p;
    adm_line_stats_t   stats;

    adm_line_stats(&line, now, &stats);

    for ( /* void */ ; seen_frontier < stats.frontier; seen_frontier++) {
        p = &people[holder[seen_frontier]];

        if (p->live) {
            p->live = 0;
            tree_add(p->ticket, -1);
        }
    }
}


static void
each_second(uint64_t second)
{
    uint32_t  who, next;

    for (who = leavers[second]; who != NOBODY; who = next) {
        next = people[who].leaver;
        leave(who);
    }

    waiting[second] = living;

    if (living > sc->max_active / 10 && second > 2 * WARM) {
        tally.inside += (double) inside;
        tally.seconds++;
    }
}


static void
run_slot(void)
{
    uint32_t  who, next, *slot;

    slot = &slots[now / SLOT % SLOTS];

    who = *slot;
    *slot = NOBODY;

    for ( /* void */ ; who != NOBODY; who = next) {
        next = people[who].next;
        happens(who);
    }

    tally.most_inside = (inside > tally.most_inside) ? inside
                                                     : tally.most_inside;
}


static int
by_time(const void *a, const void *b)
{
    const person_t  *p, *q;

    p = a;
    q = b;

    return (p->joins > q->joins) - (p->joins < q->joins);
}


static void
make_people(void)
{
    unsigned  i, burst;

    people = calloc(sc->people + 1, sizeof(person_t));

    for (i = 0; i < sc->people; i++) {
        burst = i % sc->bursts;
        people[i].joins = START + (uint64_t)
                          (1000 * (burst * sc->every
                                   + uniform(0, sc->burst)));
    }

    qsort(people, sc->people, sizeof(person_t), by_time);
}


static void *
make_line(size_t *size)
{
    void                 *memory;
    adm_line_shape_t      shape = ADM_LINE_SHAPE(sc->session);
    adm_line_settings_t   settings;

    memset(&settings, 0, sizeof(adm_line_settings_t));

    settings.interval = (uint64_t) (1e9 / sc->rate);
    settings.max_active = sc->max_active;
    settings.session = sc->session;
    settings.claim = sc->claim;
    settings.grace = 600;
    settings.direct = sc->direct;

    *size = adm_line_size(&shape);
    memory = aligned_alloc(64, (*size + 63) / 64 * 64);
    memset(memory, 0, *size);

    adm_line_init(memory, &shape, &settings, START);
    (void) adm_line_attach(&line, memory);

    return memory;
}


/* until all have come and nobody waits; the last second is returned */

static uint64_t
run(void)
{
    uint32_t  joined;
    uint64_t  second;

    second = 0;
    joined = 0;

    for (now = START; second + 1 < LONGEST; now += SLOT) {

        while (joined < sc->people && people[joined].joins <= now) {
            arrives(joined++);
        }

        run_slot();

        if (adm_line_tick(&line, now)) {
            follow_frontier();
        }

        if ((now - START) / 1000 > second) {
            second = (now - START) / 1000;
            each_second(second);

            if (joined == sc->people && living == 0
                && now > people[joined - 1].joins + 200000)
            {
                break;
            }
        }
    }

    return second;
}


/*
 * Of the windows in which there were always people enough, the share that is
 * within the bar; "from" seconds of the start are left out.
 */

static double
windows(uint64_t last, uint64_t from, double *mean)
{
    double    bar, n, target, good, all, sum;
    uint64_t  s, i, begin, enough;

    good = 0;
    all = 0;
    sum = 0;
    begin = (people[0].joins - START) / 1000 + from;
    target = sc->rate * WINDOW;

    for (s = begin; s + WINDOW < last; s++) {
        n = 0;
        enough = 1;

        for (i = s; i < s + WINDOW; i++) {
            n += admitted[i];
            enough &= waiting[i + 1] >= sc->rate;
        }

        if (!enough) {
            continue;
        }

        bar = target * BAR_RATE + (sc->rate < 100 ? 3 * sqrt(n) : 0);

        all++;
        sum += n;
        good += fabs(n - target) <= bar;
    }

    *mean = all > 0 ? sum / all / WINDOW : 0;

    return all > 0 ? good / all : 1;
}


static int
bar(int good, const char *what)
{
    if (!good) {
        printf("    MISSED: %s\n", what);
    }

    return !good;
}


static int
report(uint64_t last, size_t size, double seconds)
{
    int       missed;
    double    warm, cold, mean, place, put_off, full;
    uint64_t  waited;

    waited = people[sc->people - 1].ticket + people[0].ticket;
    cold = windows(last, 0, &mean);
    warm = windows(last, WARM, &mean);
    place = tally.places ? tally.error / (double) tally.places : 0;
    put_off = tally.admitted ? (double) tally.put_off
                               / (double) tally.admitted : 0;
    full = tally.seconds && sc->max_active
           ? tally.inside / (double) tally.seconds / sc->max_active : 0;

    printf("%-23s %8.1f %7.1f %7.1f %6.1f %6.1f %6" PRIu64 " %6" PRIu64
           " %6.1f %7.1f %5.0f %6.1f\n",
           sc->name, mean, 100 * warm, 100 * cold, 100 * place,
           put_off, tally.inversions, tally.over,
           100 * full, (double) tally.polls / 1e6,
           (double) size / 1024, seconds);

    missed = bar(sc->held || warm >= BAR_WINDOWS, "windows within the bar");
    missed |= bar(!sc->direct || waited > 0
                  || tally.direct == sc->people, "nobody has to wait");
    missed |= bar(place <= BAR_PLACES, "places shown");
    missed |= bar(sc->max_active == 0
                  || tally.most_inside <= sc->max_active, "ceiling");
    missed |= bar(tally.inversions == 0, "order");
    missed |= bar(put_off <= BAR_MOMENTS, "claims put off");
    missed |= bar(size < BAR_MEMORY, "memory");

    fflush(stdout);

    return missed;
}


static int
simulate(const scenario_t *scenario)
{
    int       missed;
    void     *memory;
    size_t    size;
    clock_t   begin;
    uint64_t  last;

    sc = scenario;
    seed = UINT64_C(88172645463325252) + given_seed;
    begin = clock();

    memset(slots, 0xff, sizeof(slots));
    memset(leavers, 0xff, sizeof(leavers));
    memset(admitted, 0, sizeof(admitted));
    memset(waiting, 0, sizeof(waiting));
    memset(&tally, 0, sizeof(tally_t));

    living = 0;
    inside = 0;
    most_called = 0;
    seen_frontier = 1;

    make_people();
    holder = calloc(sc->people + 2, sizeof(uint32_t));
    tree = calloc(sc->people + 2, sizeof(int32_t));
    memory = make_line(&size);

    last = run();
    missed = report(last, size, (double) (clock() - begin) / CLOCKS_PER_SEC);

    free(people);
    free(holder);
    free(tree);
    free(memory);

    return missed;
}


int
main(int argc, char **argv)
{
    int     missed, small;
    size_t  i;

    missed = 0;
    small = argc > 1 && strcmp(argv[1], "--short") == 0;
    given_seed = (argc > 1 + small) ? strtoull(argv[1 + small], NULL, 10) : 0;

    printf("%-23s %8s %7s %7s %6s %6s %6s %6s %6s %7s %5s %6s\n", "",
           "admitted", "windows", "... all", "place", "put", "inver-", "lost",
           "inside", "polls", "KiB", "run");
    printf("%-23s %8s %7s %7s %6s %6s %6s %6s %6s %7s %5s %6s\n", "",
           "/s", "in bar%", "", "error%", "off s", "sions", "people",
           "full%", "M", "", "s");

    for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {

        if (!small || scenarios[i].small) {
            missed |= simulate(&scenarios[i]);
        }
    }

    return missed;
}
