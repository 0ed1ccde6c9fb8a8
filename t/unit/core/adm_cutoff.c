
/*
 * The story: ten times more buyers come than a shop can serve.  If each step
 * of each of them is refused at random, hardly anybody gets through cart,
 * address and payment, and all of the work was for nothing.  If always the
 * same are refused, they are shut out of the sale.  And if the shop is not
 * that full after all, nobody is to be cut off.  So a crowd goes through a
 * shop with so many places, by a clock that is told; it comes back when it is
 * refused, and gives up after a while, or never.
 */


#define _GNU_SOURCE

#include <math.h>
#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_cutoff.c"


#define SECRET   UINT64_C(0x123456789abcdef)
#define START    UINT64_C(1700000000)
#define STEPS    3
#define PEOPLE   70000
#define SERVICE  100.0         /* ms, on average */
#define MS       900001


typedef struct {
    uint64_t   client;
    unsigned   level;
    unsigned   steps;          /* that are done */
    unsigned   tries;          /* of the next one */
    int        next;           /* at the same moment, or -1 */
} person_t;


/* what a crowd is like, and what became of it */

typedef struct {
    unsigned   places;
    unsigned   cut;            /* 0: whoever comes may find a place */
    double     load;           /* of newcomers, of what can be served */
    unsigned   all;            /* come at once, instead */
    unsigned   tries;          /* until one gives up */
    unsigned   pause;          /* ms, the longest until one is back */
    unsigned   seconds;
    unsigned   holders;        /* % of level 0, ... */
    unsigned   valued;         /* ... and of level 1; else 6 */

    unsigned   people;
    unsigned   done;
    double     used;           /* part of the places, on average */
    double     found[ADM_CUTOFF_LEVELS];       /* part of the requests that
                                                  did */
} crowd_t;


static person_t      people[PEOPLE];
static int           coming[MS];
static unsigned      leaving[MS];
static uint64_t      state;
static adm_cutoff_t  cutoff;


/* 0 to 1 */

static double
draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return (double) (state * UINT64_C(2685821657736338717) >> 11) / 0x1p53;
}


static void
come(int i, double at)
{
    if (at < MS) {
        people[i].next = coming[(unsigned) at];
        coming[(unsigned) at] = i;
    }
}


static void
newcomer(crowd_t *crowd, unsigned now)
{
    double     kind;
    person_t  *p;

    p = &people[crowd->people];
    memset(p, 0, sizeof(person_t));

    kind = draw() * 100;
    p->client = draw() * 0x1p63;
    p->level = (kind < crowd->holders) ? 0
               : (kind < crowd->holders + crowd->valued) ? 1 : 6;

    come(crowd->people++, now);
}


/* 1 if there was a place for one more */

static int
asks(const crowd_t *crowd, const person_t *p, unsigned now, unsigned inside,
    uint64_t *refused)
{
    unsigned  rank, guard;

    rank = adm_cutoff_rank(p->level, p->client, SECRET, START + now / 1000);

    if (!crowd->cut) {
        return inside < crowd->places;
    }

    if (!adm_cutoff_offer(&cutoff, rank)) {
        return 0;
    }

    guard = adm_cutoff_guard(&cutoff, rank);
    *refused += (inside + guard >= crowd->places);

    return inside + guard < crowd->places;
}


static void
goes_on(crowd_t *crowd, int i, unsigned now, int found)
{
    person_t  *p = &people[i];

    if (found) {
        p->tries = 0;

        if (++p->steps == STEPS) {
            crowd->done++;
            return;
        }

    } else if (++p->tries == crowd->tries) {
        return;
    }

    come(i, now + 1000 + draw() * crowd->pause);
}


static void
simulate(crowd_t *crowd)
{
    int        i, next, found;
    double     due, used, asked[ADM_CUTOFF_LEVELS] = { 0 };
    uint64_t   admitted, refused;
    unsigned   now, inside;

    memset(&cutoff, 0, sizeof(adm_cutoff_t));
    memset(coming, 0xff, sizeof(coming));
    memset(leaving, 0, sizeof(leaving));

    state = 88172645463325252;
    inside = admitted = refused = 0;
    due = used = 0;

    while (crowd->people < crowd->all) {
        newcomer(crowd, draw() * crowd->pause);
    }

    for (now = 0; now < crowd->seconds * 1000; now++) {
        inside -= leaving[now];

        for ( /* void */ ; crowd->all == 0 && due <= now;
              due -= log(1 - draw()) * SERVICE * STEPS
                     / crowd->places / crowd->load)
        {
            newcomer(crowd, now);
        }

        for (i = coming[now]; i >= 0; i = next) {
            next = people[i].next;
            found = asks(crowd, &people[i], now, inside, &refused);
            asked[people[i].level]++;
            crowd->found[people[i].level] += found;

            if (found) {
                inside++;
                admitted++;
                leaving[now + 1 + (unsigned) (-log(1 - draw()) * SERVICE)]++;
            }

            goes_on(crowd, i, now, found);
        }

        used += inside;

        if (now % 100 == 99) {
            adm_cutoff_step(&cutoff, admitted, refused, crowd->places,
                            inside < crowd->places);
            admitted = refused = 0;
        }
    }

    crowd->used = used / now / crowd->places;

    for (i = 0; i < ADM_CUTOFF_LEVELS; i++) {
        crowd->found[i] /= asked[i] ? asked[i] : 1;
    }
}


static void
ranks(void)
{
    unsigned  i, k, rank, wrong, changed, least, most, seen[64] = { 0 };
    uint64_t  now;

    wrong = 0;

    for (i = 0; i < 64000; i++) {
        rank = adm_cutoff_rank(3, i * 977, SECRET, START);
        wrong += rank / ADM_CUTOFF_COHORTS != 3;
        seen[rank / ADM_CUTOFF_PART % ADM_CUTOFF_PARTS]++;
    }

    is_uint(wrong, 0, "a rank is of its level");

    for (i = 0; i < 64; i++) {
        wrong += seen[i] < 850 || seen[i] > 1150;
    }

    is_uint(wrong, 0, "cohorts are of one size");
    is_uint(adm_cutoff_rank(99, 7, SECRET, START) / ADM_CUTOFF_COHORTS,
            ADM_CUTOFF_LEVELS - 1, "a level beyond the last is the last");
    ok(adm_cutoff_rank(1, 7, SECRET, START)
       != adm_cutoff_rank(1, 7, SECRET + 1, START), "a secret makes others");

    least = UINT32_MAX;
    most = 0;

    for (now = START; now < START + 900; now += 10) {
        for (i = 0, changed = 0; i < 3000; i++) {
            changed += adm_cutoff_rank(1, i, SECRET, now)
                       != adm_cutoff_rank(1, i, SECRET, now + 10);
        }

        least = (changed < least) ? changed : least;
        most = (changed > most) ? changed : most;
    }

    ok(least > 60 && most < 140,
       "in any ten seconds a thirtieth of all change, and never all");

    for (i = 0, wrong = 0; i < 3000; i++) {
        for (now = START, changed = 0; now < START + 900; now++) {
            changed += adm_cutoff_rank(1, i, SECRET, now)
                       != adm_cutoff_rank(1, i, SECRET, now + 1);
        }

        wrong += changed > 3;
        wrong += changed < 2;
    }

    ok(wrong <= 3, "each one every five minutes");

    for (i = 0, k = 0; i < 3000; i++) {
        k += adm_cutoff_rank(1, i, SECRET, START) < 2 * ADM_CUTOFF_COHORTS / 10
             + ADM_CUTOFF_COHORTS
             && adm_cutoff_rank(1, i, SECRET, START + 300)
             < 2 * ADM_CUTOFF_COHORTS / 10 + ADM_CUTOFF_COHORTS;
    }

    ok(k > 80 && k < 160, "to a cohort that the last one says nothing of");
}


/* how many of 3000 clients of a level are let in now */

static unsigned
let_in(unsigned level)
{
    unsigned  i, n;

    for (i = 0, n = 0; i < 3000; i++) {
        n += adm_cutoff_rank(level, i, SECRET, START)
             < ADM_CUTOFF_RANKS - cutoff.cut;
    }

    return n;
}


/*
 * "steps" windows, in which so many are offered of level 1, and again of level
 * 6, to an upstream that can take "most" of them; the fewest that were let
 * through in one of them.
 */

static unsigned
offer(unsigned steps, unsigned offered, unsigned most, unsigned places)
{
    unsigned  i, below, least;

    least = UINT32_MAX;

    while (steps-- > 0) {
        for (i = 0, below = 0; i < offered; i++) {
            below += adm_cutoff_offer(&cutoff, adm_cutoff_rank(1, draw() * 1e9,
                                                               SECRET, START));
            below += adm_cutoff_offer(&cutoff, adm_cutoff_rank(6, draw() * 1e9,
                                                               SECRET, START));
        }

        adm_cutoff_step(&cutoff, (below < most) ? below : most,
                        (below > most) ? below - most : 0, places,
                        below < most);

        least = (below < least) ? below : least;
    }

    return least;
}


static void
follows(void)
{
    unsigned  i, jumps, between, before;

    memset(&cutoff, 0, sizeof(adm_cutoff_t));
    state = 1;

    (void) offer(50, 50, 120, 100);
    is_uint(cutoff.cut, 0, "nobody is cut off where there is room");

    /* 120 of 2 x 500 are served: a quarter of one level, none of the next */

    ok(offer(20, 500, 120, 100) > 110, "where a crowd comes, all are served"
                                       " who can be, from the first moment");
    ok(let_in(1) > 3000 * 0.2 && let_in(1) < 3000 * 0.45,
       "in two seconds as many are let in as can be served, and some");
    is_uint(let_in(6), 0, "of the worthier ones");
    is_uint(let_in(0), 3000, "and all of level 0");

    for (i = 0, jumps = 0, between = 0; i < 600; i++) {
        before = let_in(1);
        (void) offer(1, 500, 120, 100);
        jumps += let_in(1) > before + 300 || let_in(1) + 300 < before;
        between += cutoff.cut % ADM_CUTOFF_PART != 0;
    }

    is_uint(jumps, 0, "the cut does not jump");
    ok(between > 500, "and lies anywhere");

    (void) offer(30, 500, 240, 100);
    ok(let_in(1) > 3000 * 0.45 && let_in(1) < 3000 * 0.8,
       "an upstream twice as fast is found out in three seconds");
    (void) offer(30, 500, 60, 100);
    ok(let_in(1) > 3000 * 0.1 && let_in(1) < 3000 * 0.25,
       "and one four times slower");
}


static void
opens(void)
{
    unsigned  before;

    memset(&cutoff, 0, sizeof(adm_cutoff_t));

    (void) offer(50, 500, 120, 100);
    (void) offer(5, 30, 120, 100);
    is_uint(cutoff.cut, 0,
            "half a second after the crowd has gone all are let in");

    (void) offer(3000, 30, 120, 100);
    (void) offer(20, 500, 120, 100);
    ok(let_in(1) < 3000 * 0.45, "minutes later it is cut as at first");

    (void) offer(20, 500, 2000, 100);
    is_uint(cutoff.cut, 0, "two seconds after the upstream can serve all,"
                           " all are let in");

    (void) offer(50, 500, 120, 100);
    (void) offer(300, 500, 0, 100);
    ok(offer(20, 500, 120, 100) > 110,
       "one that stood still is not kept waiting when it goes on");
    (void) offer(300, 500, 2, 100);
    (void) offer(60, 500, 2000, 100);
    is_uint(cutoff.cut, 0, "nor one that served next to nobody");

    (void) offer(50, 500, 120, 100);
    (void) offer(100, 0, 120, 100);
    is_uint(cutoff.cut, 0, "or if nobody comes");

    memset(&cutoff, 0, sizeof(adm_cutoff_t));
    (void) offer(50, 500, 20, 4);
    before = let_in(1);
    (void) offer(2, 500, 150, 4);
    ok(before > 0 && let_in(1) < before * 1.3,
       "it opens step by step where few find a place at best");
}


/*
 * None to two each 100 ms, of which as many as that find no place: windows in
 * which somebody is cut off.
 */

static unsigned
few(unsigned places, double none)
{
    unsigned  i, n, full, windows;

    memset(&cutoff, 0, sizeof(adm_cutoff_t));

    for (i = 0, windows = 0; i < 36000; i++) {
        for (n = draw() * 3, full = 0; full < n; full++) {
            (void) adm_cutoff_offer(&cutoff, adm_cutoff_rank(6, draw() * 1e9,
                                                             SECRET, START));
        }

        for (full = 0; n > 0 && draw() < none; n--) {
            full++;
        }

        adm_cutoff_step(&cutoff, n, full, places, full == 0);
        windows += cutoff.cut != 0;
    }

    return windows;
}


static void
noise(void)
{
    state = 3;

    is_uint(few(8, 0.5), 0, "ten a second: an hour in which a half find none"
                            " of 8 places cuts nobody off");
    is_uint(few(100, 0.03), 0, "nor do 3 % of those who ask for 100");
    ok(few(100, 0.7) > 34000, "but seven of ten do, and it stays so");

    memset(&cutoff, 0, sizeof(adm_cutoff_t));
    (void) offer(1000, 0, 0, 100);
    (void) offer(1, 4, 0, 100);
    is_uint(cutoff.cut, 0, "nor do eight at once, after a quiet night");
}


static void
gets_through(void)
{
    unsigned        i;
    crowd_t         with, without;
    static double   loads[] = { 0.5, 2, 10 };
    static crowd_t  ten = { .places = 16, .cut = 1, .tries = 8, .pause = 4000,
                            .seconds = 100 };

    for (i = 0; i < 3; i++) {
        with = ten;
        with.load = loads[i];
        without = with;
        without.cut = 0;
        simulate(&with);
        simulate(&without);

        printf("# at %.1f x of what 16 places can serve: of %u buyers %u done,"
               " at random %u; %.3f of the places used, %.3f\n",
               with.load, with.people, with.done, without.done, with.used,
               without.used);

        ok(with.done >= without.done && with.used > without.used - 0.04,
           "no fewer get through three steps, and no places stay empty");
    }

    ok(with.done > 6 * without.done,
       "at ten times the load six times as many get through");
    ok(with.done * STEPS > 0.7 * with.used * 160 * 100,
       "and hardly any work was for nothing");
}


static void
who(void)
{
    unsigned        i;
    crowd_t         crowd;
    static crowd_t  ten = { .places = 16, .cut = 1, .load = 10, .tries = 8,
                            .pause = 4000, .seconds = 60, .holders = 2,
                            .valued = 5 };

    for (i = 8; i <= 32; i *= 2) {
        crowd = ten;
        crowd.places = i;
        simulate(&crowd);

        printf("# of %u places: %.3f of level 0 find one, %.3f of 1, %.3f of"
               " 6; %.3f used\n", i, crowd.found[0], crowd.found[1],
               crowd.found[6], crowd.used);

        ok(crowd.found[0] > 0.75, "who holds something finds a place");
        ok(crowd.found[1] > 4 * crowd.found[6] && crowd.found[6] > 0,
           "then those of more worth, then the others");
        ok(crowd.used > 0.85, "and few places are kept for it");
    }
}


static void
nobody_is_shut_out(void)
{
    crowd_t  crowd = { .places = 8, .cut = 1, .all = 14000, .pause = 9000,
                       .seconds = 900 };

    simulate(&crowd);
    is_uint(crowd.done, crowd.all,
            "all who keep coming back get through within 15 minutes");
}


int
main(void)
{
    ranks();
    follows();
    opens();
    noise();
    gets_through();
    who();
    nobody_is_shut_out();

    return unit_done();
}
