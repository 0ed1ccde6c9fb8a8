
/*
 * The story: three thousand people wait for a hundred lamps.  A line that is
 * steered by its rate alone calls all of them in half a minute, and 2900 of
 * them hear at the till that there is nothing; one that calls a hundred and
 * waits sells sixty, since the others never came.  So the line knows the
 * stock, and here are people who come late or never, who reserve and think
 * better of it, and an operator who finds fifty more in the cellar.
 *
 * stock [--short]          runs them, by many seeds
 */


#define _GNU_SOURCE

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/adm_line.h"


#define START      UINT64_C(1790000000000)
#define PEOPLE     3000
#define UNITS      100
#define MORE       50
#define FACTOR     1.2
#define SESSION    600
#define CLAIM      120
#define LONGEST    (4 * 3600)      /* seconds */

/* milliseconds */
#define STEP       250
#define POLL       3000
#define HOLD       60000           /* of who thinks better of it */


typedef enum {
    WAITS = 0,
    COMES,                         /* was called, and is on the way */
    LOOKS,                         /* is inside */
    HOLDS,
    BOUGHT,
    IN_VAIN,                       /* came in, and there was nothing */
    NEVER                          /* was called, and does not come */
} state_t;


typedef struct {
    state_t     state;
    uint64_t    ticket;
    uint64_t    next;              /* when something happens */
    uint64_t    given_up;          /* when a hold is given back; 0: bought */
    adm_pass_t  pass;
} person_t;


static person_t             people[PEOPLE];
static adm_line_t           line;
static adm_line_settings_t  settings;
static uint64_t             now, available, held, holders, committed;
static unsigned             in_vain, called_late, over, missed;


static double
uniform(double from, double to)
{
    return from + (to - from) * drand48();
}


static double
later(double mean)
{
    return -mean * log(1 - drand48());
}


/* as a room tells its line */

static void
tell(void)
{
    settings.stock = available ? ADM_LINE_FOR_SALE
                     : held ? ADM_LINE_RESERVED : ADM_LINE_SOLD_OUT;
    settings.units = (uint64_t) ceil((double) available * FACTOR);
    settings.hope = (uint64_t) ceil((double) (available + held) * FACTOR);
    settings.holders = holders;

    adm_line_set(&line, &settings);
}


static void
begin(void *memory, size_t size, long seed)
{
    unsigned          i;
    adm_line_shape_t  shape = ADM_LINE_SHAPE(SESSION);

    srand48(seed);
    memset(memory, 0, size);
    memset(people, 0, sizeof(people));
    memset(&settings, 0, sizeof(settings));

    settings.interval = 10000000;
    settings.session = SESSION;
    settings.claim = CLAIM;
    settings.grace = 600;

    now = START;
    available = UNITS;
    held = 0;
    holders = 0;
    committed = 0;
    in_vain = 0;
    called_late = 0;
    over = 0;

    adm_line_init(memory, &shape, &settings, now);
    (void) adm_line_attach(&line, memory);
    tell();

    for (i = 0; i < PEOPLE; i++) {
        (void) adm_line_join(&line, &people[i].ticket);
        people[i].next = now + (uint64_t) uniform(0, POLL);
    }
}


/* three of ten do not come */

static void
hears(person_t *p)
{
    adm_line_rc_e     rc;
    adm_line_place_t  place;

    rc = adm_line_poll(&line, p->ticket, (uint64_t) mrand48(), &place);
    p->next = now + (uint64_t) uniform(POLL - 500, POLL + 500);

    if (rc == ADM_LINE_CALLED || rc == ADM_LINE_LAPSED) {
        p->state = (drand48() < 0.3) ? NEVER : COMES;
        p->next = now + (uint64_t) (1000 * later(8));

        if (available == 0 && held == 0) {
            called_late++;
        }
    }
}


static void
claims(person_t *p)
{
    adm_line_rc_e  rc;

    rc = adm_line_claim(&line, p->ticket, now, &p->pass);
    p->next = now + POLL;

    if (rc == ADM_LINE_ADMITTED) {
        p->state = LOOKS;
        p->next = now + (uint64_t) (1000 * later(20));
    }
}


static void
leaves(person_t *p, state_t state)
{
    p->state = state;
    (void) adm_line_end(&line, now, &p->pass);
}


/* a fifth of those who reserve think better of it */

static void
reserves(person_t *p)
{
    if (available == 0) {
        in_vain++;
        leaves(p, IN_VAIN);
        return;
    }

    available--;
    held++;
    holders++;

    p->state = HOLDS;
    p->given_up = (drand48() < 0.2);
    p->next = now + (p->given_up ? HOLD : (uint64_t) (1000 * later(15)));
}


static void
decides(person_t *p)
{
    held--;
    holders--;

    if (p->given_up) {
        available++;
        leaves(p, IN_VAIN);

    } else {
        committed++;
        leaves(p, BOUGHT);
    }
}


static void
lives(person_t *p)
{
    if (p->next > now) {
        return;
    }

    switch (p->state) {

    case WAITS:
        hears(p);
        break;

    case COMES:
        claims(p);
        break;

    case LOOKS:
        reserves(p);
        break;

    case HOLDS:
        decides(p);
        break;

    default:
        break;
    }
}


/* people called whose turn it is still, or inside with nothing */

static uint64_t
seekers(void)
{
    unsigned          i;
    uint64_t          n;
    adm_line_rc_e     rc;
    adm_line_place_t  place;

    n = 0;

    for (i = 0; i < PEOPLE; i++) {

        if (people[i].state == LOOKS) {
            n++;
            continue;
        }

        if (people[i].state > COMES && people[i].state != NEVER) {
            continue;
        }

        rc = adm_line_look(&line, people[i].ticket, 0, &place);
        n += (rc == ADM_LINE_CALLED);
    }

    return n;
}


/*
 * Whenever the frontier has moved, those who may come are no more than the
 * units, times the factor.
 */

static void
ticks(void)
{
    uint64_t          was, may;
    adm_line_stats_t  stats;

    adm_line_stats(&line, now, &stats);
    was = stats.frontier;

    tell();

    if (!adm_line_tick(&line, now)) {
        return;
    }

    adm_line_stats(&line, now, &stats);

    if (stats.frontier != was) {
        may = seekers();
        over += may > (uint64_t) ceil((double) available * FACTOR);
    }
}


static void
run(uint64_t units)
{
    unsigned  i;
    uint64_t  end;

    end = now + UINT64_C(1000) * LONGEST;

    for ( /* void */ ; now < end && committed < units; now += STEP) {

        for (i = 0; i < PEOPLE; i++) {
            lives(&people[i]);
        }

        ticks();
    }
}


/* for a while: all that is for sale has gone */

static unsigned
rests(void)
{
    unsigned  i, was;
    uint64_t  end;

    was = called_late;

    for (end = now + 600000; now < end; now += STEP) {

        for (i = 0; i < PEOPLE; i++) {
            lives(&people[i]);
        }

        ticks();
    }

    return called_late - was;
}


static void
bar(int good, long seed, const char *what)
{
    if (!good) {
        printf("    MISSED: %s, seed %ld\n", what, seed);
        missed = 1;
    }
}


static void
simulate(void *memory, size_t size, long seed)
{
    unsigned  first, late;
    uint64_t  took;

    begin(memory, size, seed);
    run(UNITS);

    took = (now - START) / 1000;
    first = in_vain;

    bar(committed == UNITS, seed, "all is sold");
    bar(over == 0, seed, "no more are called than there are units for");
    bar(first <= 5, seed, "hardly anybody comes in for nothing");

    late = rests();
    bar(late == 0, seed, "nobody is called for nothing");

    available += MORE;
    run(UNITS + MORE);

    bar(committed == UNITS + MORE, seed, "what is found is sold, too");
    bar(over == 0, seed, "no more are called for that");

    printf("seed %2ld: %3" PRIu64 " sold in %4" PRIu64 " s, "
           "%u came in for nothing\n",
           seed, committed, took, first);
}


int
main(int argc, char **argv)
{
    long              seed, seeds;
    void             *memory;
    size_t            size;
    adm_line_shape_t  shape = ADM_LINE_SHAPE(SESSION);

    seeds = (argc > 1 && strcmp(argv[1], "--short") == 0) ? 3 : 20;
    size = (adm_line_size(&shape) + 63) / 64 * 64;
    memory = aligned_alloc(64, size);

    for (seed = 1; seed <= seeds; seed++) {
        simulate(memory, size, seed);
    }

    free(memory);

    return missed;
}
