
/*
 * The story: two nodes share a waiting room.  One calls people by its own
 * count, the other by its own, and twice as many come; one has a second-old
 * frontier and lets somebody in past others; a reply is lost, and what it told
 * is counted twice; Redis is restarted empty in the middle of the sale, and a
 * number is given to two people.  So a crowd comes here to several nodes at
 * once, each poll and each claim to whichever, and what is shared is kept by
 * the real scripts in a real Redis, by a clock that runs faster.  Replies are
 * lost, messages arrive twice, nodes hang, die and come back, and the store is
 * lost: whoever has a number keeps the place, and nobody enters twice.
 *
 * fleet SOCKET SCRIPTS [SEED]           all scenarios, some minutes
 * fleet --short SOCKET SCRIPTS [SEED]   a few with fewer people, some seconds
 * fleet --cost SOCKET SCRIPTS           what the scripts cost, by Redis
 *
 * SOCKET is of a Redis that is ours alone; SCRIPTS the directory of *.lua.
 */


#define _GNU_SOURCE

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store.h"
#include "adm_line_fleet_room.h"


#define START        UINT64_C(1790000000000)     /* ms since the epoch */
#define LONGEST      20000                       /* seconds of a scenario */
#define SLOT         16                          /* ms of the event wheel */
#define SLOTS        8192                        /* 131 s */
#define NOBODY       UINT32_MAX
#define WINDOW       30                          /* seconds */
#define WARM         60                          /* seconds after the start */
#define NODES        100
#define NUMBERS      2000000                     /* tickets there may be */
#define TICK         250                         /* ms */


/* the bars */

#define BAR_RATE     0.05
#define BAR_WINDOWS  0.99
#define BAR_PLACES   0.15
#define BAR_MOMENTS  3.0       /* mean seconds that the called are put off */
#define BAR_BEHIND   1500      /* ms by which a node may be behind another */


/* what goes wrong, at FAULT seconds */

#define FAULT        45

typedef enum {
    NOTHING = 0,
    LOSES,                     /* a tenth of all replies, and of messages */
    REPEATS,                   /* a tenth of all ticks run twice */
    HANGS,                     /* a node, for 5 s, then sends what is old */
    DIES,                      /* a node, and is back after 5 s with nothing */
    WIPED,                     /* Redis is empty */
    FAILS_OVER,                /* Redis is as it was a second ago */
    AWAY                       /* Redis, for 20 s */
} fault_e;


typedef struct {
    const char  *name;
    unsigned     nodes;
    unsigned     people;
    double       rate;         /* admissions a second */
    double       ghosts;       /* of people, who never come back */
    double       burst;        /* seconds in which they come */
    double       slow;         /* longest seconds to claim, from 1 on */
    unsigned     max_active;
    double       stay;         /* mean seconds inside */
    unsigned     direct;
    fault_e      fault;
    int          small;        /* belongs to the short form */
} scenario_t;


static const scenario_t  scenarios[] = {
    { "1 node, 100/s, 30 % ghosts", 1, 60000, 100, 0.3, 60, 60, 0, 0, 0,
      NOTHING, 0 },
    { "2 nodes, no ghosts", 2, 60000, 100, 0, 60, 60, 0, 0, 0, NOTHING, 0 },
    { "2 nodes, 30 % ghosts", 2, 16000, 100, 0.3, 30, 30, 0, 0, 0, NOTHING,
      1 },
    { "2 nodes, 60 % ghosts", 2, 100000, 100, 0.6, 60, 60, 0, 0, 0, NOTHING,
      0 },
    { "8 nodes, no ghosts", 8, 60000, 100, 0, 60, 60, 0, 0, 0, NOTHING, 0 },
    { "8 nodes, 30 % ghosts", 8, 60000, 100, 0.3, 60, 60, 0, 0, 0, NOTHING,
      0 },
    { "8 nodes, 60 % ghosts", 8, 100000, 100, 0.6, 60, 60, 0, 0, 0, NOTHING,
      0 },
    { "8 nodes, 1000/s, 30 %", 8, 400000, 1000, 0.3, 60, 60, 0, 0, 0,
      NOTHING, 0 },
    { "32 nodes, 30 % ghosts", 32, 60000, 100, 0.3, 60, 60, 0, 0, 0, NOTHING,
      0 },
    { "2 nodes, ceiling of 500", 2, 4000, 100, 0.3, 60, 30, 500, 15, 0,
      NOTHING, 1 },
    { "2 nodes, below the rate", 2, 7000, 100, 0.3, 100, 30, 0, 0, 1,
      NOTHING, 1 },
    { "2 nodes, replies lost", 2, 10000, 100, 0.3, 30, 30, 0, 0, 0, LOSES,
      1 },
    { "2 nodes, ticks twice", 2, 10000, 100, 0.3, 30, 30, 0, 0, 0, REPEATS,
      0 },
    { "2 nodes, one hangs", 2, 10000, 100, 0.3, 30, 30, 0, 0, 0, HANGS, 0 },
    { "2 nodes, one dies", 2, 10000, 100, 0.3, 30, 30, 0, 0, 0, DIES, 1 },
    { "2 nodes, Redis wiped", 2, 10000, 100, 0.3, 30, 30, 0, 0, 0, WIPED,
      1 },
    { "2 nodes, failover", 2, 10000, 100, 0.3, 30, 30, 0, 0, 0, FAILS_OVER,
      0 },
    { "2 nodes, Redis away", 2, 10000, 100, 0.3, 30, 30, 0, 0, 0, AWAY, 1 },
    { "8 nodes, Redis away", 8, 30000, 100, 0.3, 60, 30, 0, 0, 0, AWAY, 0 },
};


typedef struct {
    uint64_t     joins;        /* ms */
    uint64_t     stays;        /* ms, when the stay inside ends */
    uint64_t     ticket;
    uint64_t     serial;
    uint64_t     expires;
    uint32_t     next;         /* in a slot of the wheel of events */
    unsigned     live:1;       /* is in the tree of the waiting */
    unsigned     claims:1;     /* knows that it was called */
    unsigned     inside:1;
    unsigned     ghost:1;
} person_t;


typedef struct {
    adm_line_t      line;
    adm_fleet_t     fleet;
    void           *memory[2];
    uint64_t        due;       /* ms, of the next tick */
    uint64_t        frontier;  /* the highest seen */
    uint64_t        back;      /* ms, when it is there again */
    unsigned char   late[ADM_FLEET_MESSAGE];
    size_t          late_len;  /* of what it was about to send when it hung */
    uint32_t        joiners[4096];
    unsigned        njoiners;
} node_t;


typedef struct {
    uint64_t     polls, claims, moments, admitted, direct, behind, twice;
    uint64_t     over;         /* people who came too late or were unknown */
    uint64_t     fallen;       /* times that a frontier fell */
    uint64_t     reused;       /* numbers given twice */
    uint64_t     doubles;      /* tickets claimed twice */
    uint64_t     put_off;      /* seconds */
    uint64_t     alone;        /* claimed without the store */
    uint64_t     most_inside;
    double       inside;       /* sum of seconds, as long as enough wait */
    uint64_t     seconds;
    double       error;        /* sum of relative errors of places shown */
    uint64_t     places;
} tally_t;


static const scenario_t   *sc;
static node_t             *nodes;
static person_t           *people;
static uint32_t            slots[SLOTS];
static uint32_t           *holder;               /* person by ticket */
static uint8_t            *claimed;              /* passes by ticket */
static int32_t            *tree;                 /* Fenwick, by ticket */
static uint64_t            seed, given_seed;
static uint64_t            seen_frontier, inside, called_at;
static uint64_t            most_called[3];       /* now, and a while ago */
static unsigned            admitted[LONGEST], waiting[LONGEST];
static unsigned            living;               /* live, not called or gone */
static int                 away;                 /* the store is */
static tally_t             tally;
static adm_line_settings_t settings;


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
    for ( /* void */ ; ticket < NUMBERS; ticket += ticket & -ticket) {
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


static void
later(uint32_t who, double seconds)
{
    uint32_t  *slot;

    slot = &slots[(now / SLOT + 1 + (uint64_t) (seconds * 1000) / SLOT)
                  % SLOTS];

    people[who].next = *slot;
    *slot = who;
}


/* nodes */

static void
begin_node(node_t *n)
{
    adm_line_shape_t  shape = ADM_LINE_SHAPE(settings.session);

    if (n->memory[0] == NULL) {
        n->memory[0] = aligned_alloc(64, (adm_line_size(&shape) + 63)
                                         / 64 * 64);
        n->memory[1] = aligned_alloc(64, adm_fleet_size());
    }

    memset(n->memory[0], 0, adm_line_size(&shape));
    memset(n->memory[1], 0, adm_fleet_size());

    adm_line_init(n->memory[0], &shape, &settings, now);
    (void) adm_line_attach(&n->line, n->memory[0]);
    adm_fleet_init(n->memory[1], &n->line);
    adm_fleet_attach(&n->fleet, n->memory[1], &n->line);

    n->frontier = 0;
    n->due = now + random_bits() % TICK;
}


/* a node that is there, and knows what it says */

static node_t *
some_node(void)
{
    node_t  *n;

    do {
        n = &nodes[random_bits() % sc->nodes];
    } while (n->back > now || !adm_fleet_knows(&n->fleet));

    return n;
}


static int
lost(void)
{
    return sc->fault == LOSES && random_bits() % 10 == 0;
}


static uint64_t
frontier_of(node_t *n)
{
    adm_line_stats_t  stats;

    adm_line_stats(&n->line, now, &stats);

    if (stats.frontier < n->frontier) {
        tally.fallen++;
    }

    n->frontier = stats.frontier;

    return stats.frontier;
}


/* people who were called wait no more */

static void
follow_frontier(node_t *n)
{
    person_t  *p;
    uint64_t   frontier;

    frontier = frontier_of(n);

    for ( /* void */ ; seen_frontier < frontier; seen_frontier++) {

        if (holder[seen_frontier] == NOBODY) {
            continue;
        }

        p = &people[holder[seen_frontier]];

        if (p->live) {
            p->live = 0;
            tree_add(p->ticket, -1);
        }
    }
}


static void
deliver(node_t *n, const unsigned char *message, size_t len)
{
    redisReply  *reply;

    reply = run(TICK_SCRIPT, adm_fleet_tick_keys, 0, message, len);

    if (!lost()
        && adm_fleet_ticked(&n->fleet, now, message, len,
                            (unsigned char *) reply->str, reply->len)
           != ADM_OK)
    {
        die("a tick's reply is none");
    }

    freeReplyObject(reply);
    follow_frontier(n);
}


static void
tick(node_t *n)
{
    size_t         len;
    uint64_t       period;
    unsigned char  message[ADM_FLEET_MESSAGE];

    period = sc->nodes * 8 > TICK ? sc->nodes * 8 : TICK;

    if (n->back > now || n->due > now
        || !adm_fleet_turn(&n->fleet, now, period / 2))
    {
        return;
    }

    n->due = now + period * 9 / 10 + random_bits() % (period / 5);
    len = adm_fleet_tick(&n->fleet, now, sc->nodes, message);

    if (away || lost()) {
        return;
    }

    if (n->late_len) {
        deliver(n, n->late, n->late_len);
        n->late_len = 0;
    }

    deliver(n, message, len);

    if (sc->fault == REPEATS && random_bits() % 10 == 0) {
        deliver(n, message, len);
    }
}


/* people */

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


static void
is_out(uint32_t who)
{
    people[who].inside = 0;
    inside--;
}


static void
stays(uint32_t who)
{
    double       left;
    node_t      *n;
    person_t    *p;
    adm_pass_t   pass;

    n = some_node();
    p = &people[who];

    pass.serial = p->serial;
    pass.expires = p->expires;
    pass.since = 0;

    if (now / 1000 >= p->expires) {
        is_out(who);

    } else if (now < p->stays) {
        adm_fleet_renew(&n->fleet, now, &pass);
        p->expires = pass.expires;
        later(who, uniform(20, 40));

    } else if (who % 2 && adm_fleet_end(&n->fleet, now, &pass)) {
        is_out(who);

    } else {
        left = (double) (p->expires * 1000 - now) / 1000;
        later(who, (left < 100) ? left + 0.001 : 100);
    }
}


static void
gets_number(node_t *n, uint32_t who, uint64_t ticket)
{
    person_t          *p;
    adm_line_place_t   place;

    p = &people[who];
    p->ticket = ticket;

    if (ticket >= NUMBERS) {
        die("numbers run away");
    }

    tally.reused += holder[ticket] != NOBODY;

    holder[ticket] = who;
    p->ghost = uniform(0, 1) < sc->ghosts;

    if (!p->ghost) {
        (void) adm_line_look(&n->line, ticket, random_bits(), &place);
        later(who, (double) place.poll / 1000 + uniform(0.1, 1));
    }
}


static void
ask_again(node_t *n)
{
    unsigned  i;

    for (i = 0; i < n->njoiners; i++) {
        later(n->joiners[i], uniform(1, 3));
    }

    n->njoiners = 0;
}


/* those who joined at a node within a slot, by one message */

static void
join(node_t *n)
{
    size_t               len;
    uint64_t             i, count;
    redisReply          *reply;
    adm_pass_t           pass;
    unsigned char        message[ADM_FLEET_ASK];
    adm_fleet_joined_t   joined;

    if (away || n->back > now) {
        ask_again(n);
        return;
    }

    while (n->njoiners) {
        count = n->njoiners < ADM_FLEET_JOINS ? n->njoiners : ADM_FLEET_JOINS;

        len = adm_fleet_join(&n->fleet, now, count, count, message);
        reply = run(JOIN_SCRIPT, adm_fleet_join_keys, 0, message, len);

        if (lost()) {
            freeReplyObject(reply);
            ask_again(n);
            return;
        }

        if (adm_fleet_joined(&n->fleet, now, (unsigned char *) reply->str,
                             reply->len, &joined)
            != ADM_OK)
        {
            die("a join's reply is none");
        }

        freeReplyObject(reply);

        if (joined.passes + joined.tickets == 0) {
            ask_again(n);
            return;
        }

        for (i = 0; i < joined.passes; i++) {
            pass.serial = joined.serial + i;
            adm_fleet_expiry(&n->fleet, joined.second, &pass);
            tally.direct++;
            enters(n->joiners[--n->njoiners], &pass);
        }

        for (i = 0; i < joined.tickets; i++) {
            gets_number(n, n->joiners[--n->njoiners], joined.ticket + i);
        }
    }
}


static void
arrives(uint32_t who)
{
    node_t  *n;

    n = some_node();
    n->joiners[n->njoiners++] = who;

    if (n->njoiners == 4096) {
        join(n);
    }
}


static adm_line_rc_e
claim_at(node_t *n, uint64_t ticket, adm_pass_t *pass, size_t len,
    const unsigned char *message)
{
    redisReply     *reply;
    adm_line_rc_e   rc;

    if (away) {
        rc = adm_fleet_claim_alone(&n->fleet, ticket, now, pass);
        tally.alone += rc == ADM_LINE_ADMITTED;
        return rc;
    }

    reply = run(CLAIM_SCRIPT, adm_fleet_claim_keys, ticket, message, len);

    if (lost()) {
        freeReplyObject(reply);
        return ADM_LINE_MOMENT;
    }

    if (adm_fleet_claimed(&n->fleet, ticket, now,
                          (unsigned char *) reply->str, reply->len, &rc, pass)
        != ADM_OK)
    {
        die("a claim's reply is none");
    }

    freeReplyObject(reply);

    return rc;
}


/* the same ticket at another node at the same moment: the same pass */

static void
claim_twice(uint64_t ticket, adm_line_rc_e first, const adm_pass_t *pass,
    node_t *n, size_t len, const unsigned char *message, adm_line_rc_e said)
{
    adm_pass_t     again;
    adm_line_rc_e  rc;

    rc = len ? claim_at(n, ticket, &again, len, message) : said;

    if (first != ADM_LINE_ADMITTED || away || len == 0) {
        tally.doubles += away && first == ADM_LINE_ADMITTED
                         && rc == ADM_LINE_ADMITTED && sc->nodes == 1;
        return;
    }

    tally.twice++;

    if (rc == ADM_LINE_ADMITTED
        || (rc == ADM_LINE_REPEATED
            && (again.serial != pass->serial
                || again.expires != pass->expires)))
    {
        tally.doubles++;
    }
}


static adm_line_rc_e
claim_once(uint64_t ticket, adm_pass_t *pass)
{
    node_t         *n, *other;
    size_t          len, other_len;
    adm_pass_t      unused;
    adm_line_rc_e   rc, other_rc;
    unsigned char   message[2][ADM_FLEET_ASK];

    n = some_node();
    other = some_node();

    len = adm_fleet_claim(&n->fleet, ticket, now, message[0], &rc, pass);

    if (len == 0) {
        return rc;
    }

    other_len = 0;
    other_rc = rc;

    if (random_bits() % 20 == 0 && other != n && !away) {
        other_len = adm_fleet_claim(&other->fleet, ticket, now, message[1],
                                    &other_rc, &unused);
    }

    rc = claim_at(n, ticket, pass, len, message[0]);

    if (other_len) {
        claim_twice(ticket, rc, pass, other, other_len, message[1], other_rc);
    }

    return rc;
}


/* a store that lost what it knew may let somebody in again: it says so */

static void
claim(uint32_t who)
{
    person_t       *p;
    adm_pass_t      pass;
    adm_line_rc_e   rc;

    p = &people[who];
    rc = claim_once(p->ticket, &pass);
    tally.claims++;

    if (rc == ADM_LINE_ADMITTED || rc == ADM_LINE_REPEATED) {
        tally.doubles += rc == ADM_LINE_ADMITTED && claimed[p->ticket];
        claimed[p->ticket] = 1;
        enters(who, &pass);

    } else if (rc == ADM_LINE_MOMENT || rc == ADM_LINE_WAITING) {
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

    if (random_bits() % 16 == 0 && p->live) {
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
    node_t            *n;
    person_t          *p;
    adm_line_rc_e      rc;
    adm_line_place_t   place;

    n = some_node();
    p = &people[who];
    rc = adm_line_poll(&n->line, p->ticket, random_bits(), &place);
    tally.polls++;

    if (rc == ADM_LINE_WAITING) {
        tally.behind += p->ticket < most_called[2];

        if (!p->live && p->ticket >= seen_frontier) {
            p->live = 1;
            tree_add(p->ticket, 1);
        }

        compare(p, &place);
        later(who, (double) place.poll / 1000);

    } else if (rc == ADM_LINE_CALLED || rc == ADM_LINE_LAPSED) {
        most_called[0] = (p->ticket > most_called[0]) ? p->ticket
                                                      : most_called[0];
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

    } else if (p->serial) {
        return;

    } else if (p->claims) {
        claim(who);

    } else if (p->ticket) {
        poll(who);

    } else {
        arrives(who);
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


/* what goes wrong */

static void
copy_keys(const char *from, const char *to)
{
    size_t  i;

    for (i = 0; adm_fleet_tick_keys[i] != NULL; i++) {
        freeReplyObject(command("DEL %s%s", to, adm_fleet_tick_keys[i]));
        freeReplyObject(command("COPY %s%s %s%s", from,
                                adm_fleet_tick_keys[i], to,
                                adm_fleet_tick_keys[i]));
    }
}


static void
hang(node_t *n)
{
    n->late_len = adm_fleet_tick(&n->fleet, now, sc->nodes, n->late);
    n->back = now + 5000;
}


static void
goes_wrong(uint64_t second)
{
    switch (sc->fault) {

    case HANGS:
        if (second % FAULT == 0) {
            hang(&nodes[1]);
        }
        break;

    case DIES:
        if (second == FAULT) {
            nodes[1].back = now + 5000;
        }

        if (second == FAULT + 5) {
            begin_node(&nodes[1]);
        }
        break;

    case WIPED:
        if (second == FAULT) {
            order("FLUSHALL");
        }
        break;

    case FAILS_OVER:
        if (second == FAULT - 1) {
            copy_keys(BASE, "copy");
        }

        if (second == FAULT) {
            copy_keys("copy", BASE);
            order("HSET " BASE " run 1");
        }
        break;

    case AWAY:
        away = second >= FAULT && second < FAULT + 20;
        break;

    default:
        break;
    }
}


static void
each_second(uint64_t second)
{
    waiting[second] = living;

    if (living > sc->max_active / 10 && second > WARM) {
        tally.inside += (double) inside;
        tally.seconds++;
    }

    if (now >= called_at + BAR_BEHIND) {
        most_called[2] = most_called[1];
        most_called[1] = most_called[0];
        called_at = now;
    }

    goes_wrong(second);
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
    unsigned  i;

    people = calloc(sc->people + 1, sizeof(person_t));

    for (i = 0; i < sc->people; i++) {
        people[i].joins = START + 3000
                          + (uint64_t) (1000 * uniform(0, sc->burst));
    }

    qsort(people, sc->people, sizeof(person_t), by_time);
}


static void
make_nodes(void)
{
    unsigned  i;

    memset(&settings, 0, sizeof(adm_line_settings_t));

    settings.interval = (uint64_t) (1e9 / sc->rate);
    settings.max_active = sc->max_active;
    settings.session = sc->max_active ? 60 : 300;
    settings.claim = 120;
    settings.grace = 600;
    settings.direct = sc->direct;

    now = START;
    nodes = calloc(sc->nodes, sizeof(node_t));

    for (i = 0; i < sc->nodes; i++) {
        begin_node(&nodes[i]);
    }
}


static void
free_nodes(void)
{
    unsigned  i;

    for (i = 0; i < sc->nodes; i++) {
        free(nodes[i].memory[0]);
        free(nodes[i].memory[1]);
    }

    free(nodes);
}


/* until all have come and nobody waits; the last second is returned */

static uint64_t
run_all(void)
{
    unsigned  i;
    uint32_t  joined;
    uint64_t  second, waited;

    second = 0;
    waited = 0;
    joined = 0;

    for (now = START; second + 1 < LONGEST; now += SLOT) {

        while (joined < sc->people && people[joined].joins <= now) {
            arrives(joined++);
        }

        run_slot();

        for (i = 0; i < sc->nodes; i++) {
            join(&nodes[i]);
            tick(&nodes[i]);
        }

        if ((now - START) / 1000 > second) {
            second = (now - START) / 1000;
            each_second(second);

            waited = (living || joined < sc->people) ? second : waited;

            if (second > waited + sc->slow + 20) {
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
    double    n, target, good, all, sum;
    uint64_t  s, i, enough;

    good = 0;
    all = 0;
    sum = 0;
    target = sc->rate * WINDOW;

    for (s = 3 + from; s + WINDOW < last; s++) {
        n = 0;
        enough = 1;

        for (i = s; i < s + WINDOW; i++) {
            n += admitted[i];
            enough &= waiting[i + 1] >= sc->rate;
        }

        if (enough) {
            all++;
            sum += n;
            good += fabs(n - target) <= target * BAR_RATE;
        }
    }

    *mean = all > 0 ? sum / all / WINDOW : 0;

    return all > 0 ? good / all : 1;
}


/* in no second more than a second's worth and the root of fifteen above it */

static unsigned
most_admitted(uint64_t last)
{
    double    credit, most, seconds;
    uint64_t  s, i, n;
    unsigned  over;

    over = 0;
    credit = sc->rate + sqrt(15 * sc->rate) + 1;

    for (s = 0; s < last; s++) {
        n = 0;

        for (i = s; i < s + 10 && i < last; i++) {
            n += admitted[i];
            seconds = (double) (i - s + 1);
            most = sc->rate * seconds + credit;
            over += (double) n > most;
        }
    }

    return over;
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
report(uint64_t last, double seconds)
{
    int     missed;
    double  warm, cold, mean, place, put_off, full;

    warm = windows(last, WARM, &mean);
    cold = windows(last, 0, &mean);
    place = tally.places ? tally.error / (double) tally.places : 0;
    put_off = tally.admitted ? (double) tally.put_off
                               / (double) tally.admitted : 0;
    full = tally.seconds && sc->max_active
           ? tally.inside / (double) tally.seconds / sc->max_active : 0;

    printf("%-27s %7.1f %6.1f %6.1f %6.1f %6.1f %6" PRIu64 " %6" PRIu64
           " %6" PRIu64 " %6" PRIu64 " %6.1f %6.1f\n",
           sc->name, mean, 100 * warm, 100 * cold, 100 * place, put_off,
           tally.behind, tally.over, tally.twice, tally.alone, 100 * full,
           seconds);

    missed = bar(sc->fault != NOTHING || sc->max_active != 0
                 || warm >= BAR_WINDOWS, "windows within the bar");
    missed |= bar(!sc->direct || tally.direct == sc->people,
                  "nobody has to wait");
    missed |= bar(sc->fault != NOTHING || place <= BAR_PLACES,
                  "places shown");
    missed |= bar(sc->max_active == 0
                  || tally.most_inside <= sc->max_active, "ceiling");
    missed |= bar(tally.doubles == 0, "a ticket claimed twice");
    missed |= bar(tally.reused == 0, "a number given twice");
    missed |= bar(tally.fallen == 0, "a frontier fell");
    missed |= bar(sc->fault != NOTHING
                  || nodes[0].line.room->serial
                     < tally.admitted + ADM_FLEET_LOANS + 2,
                  "serials that nobody needs");
    missed |= bar(sc->fault != NOTHING || tally.behind == 0, "order");
    missed |= bar(tally.over == 0, "somebody lost the place");
    missed |= bar(sc->fault > REPEATS || put_off <= BAR_MOMENTS,
                  "claims put off");
    missed |= bar(sc->fault > REPEATS || most_admitted(last) == 0,
                  "more than the rate");
    missed |= bar(tally.admitted > sc->people * (1 - sc->ghosts) * 0.98,
                  "everybody enters");
    missed |= bar(sc->nodes == 1 || tally.twice > 0 || sc->direct,
                  "claims at two nodes");

    fflush(stdout);

    return missed;
}


static void
begin(const scenario_t *scenario)
{
    sc = scenario;
    seed = UINT64_C(88172645463325252) + given_seed;

    memset(slots, 0xff, sizeof(slots));
    memset(admitted, 0, sizeof(admitted));
    memset(waiting, 0, sizeof(waiting));
    memset(most_called, 0, sizeof(most_called));
    memset(&tally, 0, sizeof(tally_t));

    living = 0;
    inside = 0;
    away = 0;
    called_at = 0;
    seen_frontier = 1;

    order("FLUSHALL");
    make_people();
    make_nodes();

    holder = malloc(NUMBERS * sizeof(uint32_t));
    memset(holder, 0xff, NUMBERS * sizeof(uint32_t));
    claimed = calloc(NUMBERS, 1);
    tree = calloc(NUMBERS, sizeof(int32_t));
}


static void
end(void)
{
    free_nodes();
    free(people);
    free(holder);
    free(claimed);
    free(tree);
}


static double
wall(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}


static int
simulate(const scenario_t *scenario)
{
    int       missed;
    double    started;
    uint64_t  last;

    started = wall();

    begin(scenario);
    last = run_all();
    missed = report(last, wall() - started);
    end();

    return missed;
}


/* seconds of a processor that Redis has used */

static double
used(void)
{
    char        *user, *sys;
    double       seconds;
    redisReply  *reply;

    reply = command("INFO cpu");
    sys = strstr(reply->str, "used_cpu_sys:");
    user = strstr(reply->str, "used_cpu_user:");
    seconds = (user && sys) ? strtod(user + 14, NULL) + strtod(sys + 13, NULL)
                            : 0;
    freeReplyObject(reply);

    return seconds;
}


/* the scripts alone, as Redis counts them */

static double
scripts(void)
{
    char        *at;
    double       usec;
    redisReply  *reply;

    reply = command("INFO commandstats");
    at = strstr(reply->str, "cmdstat_evalsha:");
    at = at ? strstr(at, "usec=") : NULL;
    usec = at ? strtod(at + 5, NULL) : 0;
    freeReplyObject(reply);

    return usec;
}


static void
costs(const char *what, double cpu, double usec, uint64_t calls)
{
    printf("%-34s %8" PRIu64 " %10.1f %10.1f\n", what, calls,
           (scripts() - usec) / (double) calls,
           (used() - cpu) * 1e6 / (double) calls);
    fflush(stdout);
}


/* all nodes tick for "ms", each as often as in a fleet of so many */

static uint64_t
ticks(uint64_t ms)
{
    unsigned  i;
    uint64_t  end, n;

    n = 0;

    for (end = now + ms; now < end; now += SLOT) {

        for (i = 0; i < sc->nodes; i++) {
            n += nodes[i].due <= now;
            tick(&nodes[i]);
        }
    }

    return n;
}


static void
cost_of_joins(uint64_t calls, unsigned each)
{
    char        name[64];
    double      cpu, usec;
    uint64_t    i;
    unsigned    j;
    node_t     *n;

    cpu = used();
    usec = scripts();

    for (i = 0; i < calls; i++) {
        n = some_node();

        for (j = 0; j < each; j++) {
            n->joiners[n->njoiners++] = (uint32_t) (i * each + j)
                                        % sc->people;
        }

        join(n);
    }

    (void) snprintf(name, sizeof(name), "a message of %u joins", each);
    costs(name, cpu, usec, calls);
}


/* who has joined comes back, each to some node, as fast as they are told */

static void
cost_of_return(void)
{
    double             cpu, usec;
    uint64_t           i, n;
    adm_line_place_t   place;

    cpu = used();
    usec = scripts();
    n = 0;

    for (i = 1; i <= sc->people; i++) {
        (void) adm_line_poll(&some_node()->line, i, 0, &place);

        if (i % 4096 == 0) {
            n += ticks(250);
        }
    }

    n += ticks(20000);
    costs("a tick while 16,000/s come back", cpu, usec, n);
}


static void
cost_of_claims(void)
{
    double       cpu, usec;
    uint64_t     i;
    adm_pass_t   pass;

    cpu = used();
    usec = scripts();

    for (i = 1; i <= 5000; i++) {
        (void) claim_once(i, &pass);
        now += 10;
    }

    costs("a claim", cpu, usec, tally.twice + 5000);
}


static const scenario_t  crowd = {
    "cost", 100, 1000000, 100, 0, 60, 60, 20000, 60, 0, NOTHING, 0
};


static void
cost(void)
{
    double    cpu, usec;
    uint64_t  n;

    printf("%-34s %8s %10s %10s\n", "", "calls", "script us", "cpu us");

    begin(&crowd);
    (void) ticks(3000);

    cost_of_joins(4000, 1);
    cost_of_joins(1000, 32);
    cost_of_joins(3750, 256);
    cost_of_return();

    cpu = used();
    usec = scripts();
    n = ticks(60000);
    costs("a tick, 1,000,000 wait, 100 nodes", cpu, usec, n);

    cost_of_claims();

    order("FLUSHALL");
    cpu = used();
    usec = scripts();
    n = ticks(8000);
    costs("a tick of 8 s after all was lost", cpu, usec, n);

    end();
}


int
main(int argc, char **argv)
{
    int     missed, small, costs_only;
    size_t  i;

    missed = 0;
    costs_only = argc > 1 && strcmp(argv[1], "--cost") == 0;
    argv += costs_only;
    argc -= costs_only;
    small = argc > 1 && strcmp(argv[1], "--short") == 0;
    argv += small;
    argc -= small;

    if (argc < 3) {
        fprintf(stderr, "fleet [--short] SOCKET SCRIPTS [SEED]\n");
        return 2;
    }

    meet(argv[1], argv[2]);
    given_seed = (argc > 3) ? strtoull(argv[3], NULL, 10) : 0;

    if (costs_only) {
        cost();
        redisFree(redis);
        return 0;
    }

    printf("%-27s %7s %6s %6s %6s %6s %6s %6s %6s %6s %6s %6s\n", "",
           "admit-", "in bar", "... all", "place", "put", "behind", "lost",
           "claims", "alone", "full", "run");
    printf("%-27s %7s %6s %6s %6s %6s %6s %6s %6s %6s %6s %6s\n", "",
           "ted/s", "%", "%", "err %", "off s", "", "people", "twice", "",
           "%", "s");

    for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {

        if (!small || scenarios[i].small) {
            missed |= simulate(&scenarios[i]);
        }
    }

    redisFree(redis);

    return missed;
}
