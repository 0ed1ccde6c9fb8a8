
/*
 * The story: what two nodes have to agree on is easily right at one of them.
 * An operator pauses the sale at one, and the other goes on; a pass is ended
 * here, and good there; somebody claims at both and gets in twice.  So two
 * nodes and the real scripts in a real Redis go through every rule, a step at
 * a time, by a clock that is told to them.
 *
 * rules SOCKET SCRIPTS     prints TAP; SOCKET is of a Redis that is ours alone
 */


#define _GNU_SOURCE

#include <stdlib.h>

#include "../unit/unit.h"
#include "store.h"


#define START   UINT64_C(1790000000000)
#define NODES   3


typedef struct {
    adm_line_t    line;
    adm_fleet_t   fleet;
    void         *memory[2];
} node_t;


static node_t               node[NODES];
static adm_line_settings_t  settings;


static adm_line_settings_t
usual(void)
{
    adm_line_settings_t  s;

    memset(&s, 0, sizeof(adm_line_settings_t));

    s.interval = 10000000;
    s.session = 600;
    s.claim = 120;
    s.grace = 600;

    return s;
}


static void
begin_node(node_t *n)
{
    adm_line_shape_t  shape = ADM_LINE_SHAPE(600);

    free(n->memory[0]);
    free(n->memory[1]);
    n->memory[0] = aligned_alloc(64, (adm_line_size(&shape) + 63) / 64 * 64);
    n->memory[1] = aligned_alloc(64, adm_fleet_size());
    memset(n->memory[0], 0, adm_line_size(&shape));
    memset(n->memory[1], 0, adm_fleet_size());

    adm_line_init(n->memory[0], &shape, &settings, now);
    (void) adm_line_attach(&n->line, n->memory[0]);
    adm_fleet_init(n->memory[1], &n->line);
    adm_fleet_attach(&n->fleet, n->memory[1], &n->line);
}


static void
tick(node_t *n)
{
    size_t         len;
    redisReply    *reply;
    unsigned char  message[ADM_FLEET_MESSAGE];

    len = adm_fleet_tick(&n->fleet, now, 2, message);
    reply = run(TICK_SCRIPT, adm_fleet_tick_keys, 0, message, len);

    if (adm_fleet_ticked(&n->fleet, now, message, len,
                         (unsigned char *) reply->str, reply->len)
        != ADM_OK)
    {
        ok(0, "a tick's reply is one");
    }

    freeReplyObject(reply);
}


/* the first two nodes tick for "ms", one after the other */

static void
pass_time(uint64_t ms)
{
    uint64_t  end;

    for (end = now + ms; now < end; now += ADM_LINE_TICK) {
        tick(&node[0]);
        tick(&node[1]);
    }
}


static void
set(const adm_line_settings_t *s)
{
    adm_line_set(&node[0].line, s);
    adm_line_set(&node[1].line, s);
}


static void
begin(void)
{
    order("FLUSHALL");
    now = START;

    begin_node(&node[0]);
    begin_node(&node[1]);
}


static adm_fleet_joined_t
join(node_t *n, uint64_t people)
{
    size_t               len;
    redisReply          *reply;
    unsigned char        message[ADM_FLEET_ASK];
    adm_fleet_joined_t   joined;

    len = adm_fleet_join(&n->fleet, now, people, people, message);
    reply = run(JOIN_SCRIPT, adm_fleet_join_keys, 0, message, len);

    if (adm_fleet_joined(&n->fleet, now, (unsigned char *) reply->str,
                         reply->len, &joined)
        != ADM_OK)
    {
        ok(0, "a join's reply is one");
    }

    freeReplyObject(reply);

    return joined;
}


static adm_line_rc_e
claim(node_t *n, uint64_t ticket, adm_pass_t *pass)
{
    size_t          len;
    redisReply     *reply;
    adm_line_rc_e   rc;
    unsigned char   message[ADM_FLEET_ASK];

    len = adm_fleet_claim(&n->fleet, ticket, now, message, &rc, pass);

    if (len == 0) {
        return rc;
    }

    reply = run(CLAIM_SCRIPT, adm_fleet_claim_keys, ticket, message, len);

    if (adm_fleet_claimed(&n->fleet, ticket, now, (unsigned char *) reply->str,
                          reply->len, &rc, pass)
        != ADM_OK)
    {
        ok(0, "a claim's reply is one");
    }

    freeReplyObject(reply);

    return rc;
}


static adm_line_rc_e
poll(node_t *n, uint64_t ticket)
{
    adm_line_place_t  place;

    return adm_line_poll(&n->line, ticket, 0, &place);
}


static adm_line_stats_t
stats(node_t *n)
{
    adm_line_stats_t  s;

    adm_line_stats(&n->line, now, &s);

    return s;
}


/* so many join, at both nodes by turns, and come back */

static void
crowd(uint64_t people)
{
    uint64_t             i;
    adm_fleet_joined_t   joined;

    for ( /* void */ ; people > 0; people -= joined.tickets) {
        joined = join(&node[people % 2], people);

        for (i = 0; i < joined.tickets; i++) {
            (void) poll(&node[i % 2], joined.ticket + i);
        }
    }
}


static int64_t
number(const char *text)
{
    int64_t      n;
    redisReply  *reply;

    reply = command(text);
    n = reply->type == REDIS_REPLY_INTEGER ? reply->integer
        : reply->str ? strtoll(reply->str, NULL, 10) : -1;
    freeReplyObject(reply);

    return n;
}


static void
way(void)
{
    adm_pass_t           pass, again;
    adm_fleet_joined_t   j;

    settings = usual();
    begin();

    is_uint(join(&node[0], 1).rc, ADM_LINE_MOMENT, "before any tick");
    pass_time(500);
    is_uint(join(&node[0], 1).rc, ADM_LINE_MOMENT,
            "a new line waits for those who know of an older one");
    pass_time(1000);

    j = join(&node[0], 3);
    ok(j.rc == ADM_LINE_WAITING && j.ticket == 1 && j.tickets == 3
       && j.passes == 0 && j.second == now / 1000, "three at one node");
    j = join(&node[1], 2);
    ok(j.ticket == 4 && j.tickets == 2, "go before two at the other");

    is_uint(poll(&node[1], 2), ADM_LINE_WAITING, "the second comes back");
    pass_time(20000);
    is_uint(stats(&node[0]).frontier, 3, "and is called, and the first by it");
    is_uint(stats(&node[1]).frontier, 3, "at both nodes");
    is_uint(claim(&node[0], 3, &pass), ADM_LINE_WAITING, "not the third");

    is_uint(claim(&node[0], 2, &pass), ADM_LINE_ADMITTED, "a pass");
    ok(pass.since == now / 1000 && pass.expires == now / 1000 + 600,
       "for a session");
    is_uint(claim(&node[1], 2, &again), ADM_LINE_REPEATED,
            "a repeat at the other node");
    ok(memcmp(&pass, &again, sizeof(adm_pass_t)) == 0, "gets the same pass");
    is_uint(poll(&node[0], 2), ADM_LINE_USED, "the ticket is used");
    ok(number("TTL " BASE ":note:2") <= 31, "which can be repeated for long");

    order("DEL " BASE ":note:2");
    begin_node(&node[2]);

    for (j.rc = 0; j.rc < 8; j.rc++) {
        tick(&node[2]);
    }

    is_uint(claim(&node[2], 2, &again), ADM_LINE_USED, "but not later");
    is_uint(claim(&node[2], 1, &again), ADM_LINE_ADMITTED,
            "the first may come to any node");

    pass_time(1000);
    ok(stats(&node[0]).active == 2 && stats(&node[1]).claimed == 2
       && stats(&node[1]).admitted == 2, "two are inside");
    is_uint(poll(&node[0], 1), ADM_LINE_CALLED,
            "a node where nobody claimed it does not know");
    is_uint(claim(&node[0], 1, &again), ADM_LINE_REPEATED, "and asks");

    ok(adm_fleet_end(&node[1].fleet, now, &pass) == 1, "one leaves");
    pass_time(500);
    ok(adm_line_ended(&node[0].line, pass.serial), "which both know");
    is_uint(stats(&node[0]).active, 1, "there is room");

    pass_time(800000);
    is_uint(poll(&node[0], 1), ADM_LINE_OVER, "after the grace it is over");
    is_uint(stats(&node[0]).active, 0, "passes that expire leave");
}


static void
operators(void)
{
    uint64_t             left, frontier;
    adm_pass_t           pass, other;
    adm_line_place_t     place;
    adm_line_settings_t  paused;

    settings = usual();
    begin();
    pass_time(1500);
    crowd(2000);
    pass_time(4000);

    frontier = stats(&node[0]).frontier;
    ok(frontier > 100 && frontier < 2000, "some are called");
    is_uint(claim(&node[0], 1, &pass), ADM_LINE_ADMITTED, "one enters");
    is_uint(claim(&node[1], 2, &other), ADM_LINE_ADMITTED, "and another");

    paused = settings;
    paused.paused = 1;
    set(&paused);
    (void) adm_line_look(&node[0].line, 3, 0, &place);
    left = place.left;
    pass_time(300000);

    is_uint(stats(&node[0]).frontier, frontier, "a pause calls nobody");
    is_uint(join(&node[1], 5).rc, ADM_LINE_PAUSED, "lets nobody join");
    is_uint(claim(&node[1], 3, &other), ADM_LINE_PAUSED, "nor claim");
    (void) adm_line_look(&node[1].line, 3, 0, &place);
    is_uint(place.left, left, "and no time passes");

    set(&settings);
    pass_time(1000);
    ok(stats(&node[1]).frontier > frontier, "then it goes on");
    is_uint(claim(&node[1], 3, &other), ADM_LINE_ADMITTED, "where it was");

    ok(adm_fleet_extend(&node[0].fleet, 4), "a claim is extended");
    ok(!adm_fleet_extend(&node[0].fleet, 4), "once");
    pass_time(121000);
    is_uint(poll(&node[1], 4), ADM_LINE_CALLED, "which the other node knows");
    is_uint(poll(&node[1], 5), ADM_LINE_LAPSED, "the next one has lapsed");

    adm_fleet_void(&node[0].fleet, now);
    ok(adm_line_ended(&node[0].line, pass.serial), "all passes end here");
    pass_time(500);
    ok(adm_line_ended(&node[1].line, other.serial), "and there");
    is_uint(stats(&node[1]).active, 0, "nobody is inside");
    is_uint(claim(&node[1], 4, &other), ADM_LINE_ADMITTED, "but new ones");
    ok(!adm_line_ended(&node[0].line, other.serial), "are good");
}


static void
leaving(void)
{
    settings = usual();
    settings.interval = 1000000000;
    begin();
    pass_time(1500);
    crowd(20);
    pass_time(250);

    adm_fleet_leave(&node[0].fleet, 20);
    adm_fleet_leave(&node[1].fleet, 19);
    pass_time(500);
    is_int(number("BITCOUNT " BASE ":live"), 18, "who leaves counts no more");
    (void) poll(&node[0], 19);
    pass_time(500);
    is_int(number("BITCOUNT " BASE ":live"), 19, "who comes back does");
}


static void
ceiling(void)
{
    uint64_t             i, n;
    adm_pass_t           pass, first;
    adm_fleet_joined_t   j;

    settings = usual();
    settings.direct = 1;
    settings.max_active = 30;
    begin();
    pass_time(1500);

    j = join(&node[0], 20);
    ok(j.passes == 20 && j.tickets == 0, "while there is room all enter");
    first.serial = j.serial;
    first.expires = j.second + 600;
    j = join(&node[1], 20);
    ok(j.passes == 10 && j.tickets == 10, "up to the ceiling over the nodes");
    j = join(&node[0], 1);
    ok(j.passes == 0 && j.tickets == 1, "and nobody past who waits");

    for (i = 1; i <= 11; i++) {
        (void) poll(&node[i % 2], i);
    }

    pass_time(3000);
    is_uint(stats(&node[0]).frontier, 1, "nobody is called in vain");
    (void) adm_fleet_end(&node[0].fleet, now, &first);
    first.serial++;
    (void) adm_fleet_end(&node[1].fleet, now, &first);
    pass_time(5000);

    for (i = 1, n = 0; i <= 11; i++) {
        n += claim(&node[i % 2], i, &pass) == ADM_LINE_ADMITTED;
    }

    is_uint(n, 2, "for each who leaves one enters");

    settings.max_active = 0;
    begin();
    pass_time(1500);
    j = join(&node[0], 150);
    ok(j.passes == 100 && j.tickets == 50, "no more than a second's worth");
    now += 1000;
    j = join(&node[0], 1);
    ok(j.passes == 0 && j.tickets == 1, "and nobody past those, later");

    for (i = 1; i <= 51; i++) {
        (void) poll(&node[i % 2], i);
    }

    pass_time(5000);
    settings.max_active = 110;
    set(&settings);

    for (i = 1, n = 0; i <= 51; i++) {
        n += claim(&node[i % 2], i, &pass) == ADM_LINE_ADMITTED;
    }

    is_uint(n, 10, "nobody above a ceiling that was lowered");
}


/* the second's worth and the root of fifteen are those of all nodes */

static void
rate(void)
{
    uint64_t    i, n;
    adm_pass_t  pass;

    settings = usual();
    begin();
    pass_time(1500);
    crowd(3000);
    pass_time(20000);

    for (i = 1, n = 0; i <= 1000; i++) {
        n += claim(&node[i % 2], i, &pass) == ADM_LINE_ADMITTED;
    }

    ok(n >= 138 && n <= 140, "so many at once, wherever they claim");
    now += 1000;

    for (i = 1, n = 0; i <= 1000; i++) {
        n += claim(&node[i % 2], i, &pass) == ADM_LINE_ADMITTED;
    }

    is_uint(n, 100, "and a hundred a second");
}


static void
alone(void)
{
    size_t         len;
    uint64_t       i, n;
    adm_pass_t     pass, other;
    unsigned char  message[ADM_FLEET_MESSAGE];

    settings = usual();
    begin();
    pass_time(1500);
    crowd(3000);
    pass_time(10000);

    for (i = 1, n = 0; i <= 200; i++) {
        n += adm_fleet_claim_alone(&node[i % 2].fleet, i, now, &pass)
             == ADM_LINE_ADMITTED;
    }

    is_uint(n, 100, "two nodes by themselves admit what the rate says");
    is_uint(adm_fleet_claim_alone(&node[0].fleet, 2, now, &pass),
            ADM_LINE_REPEATED, "each ticket once");
    is_uint(adm_fleet_claim_alone(&node[1].fleet, 1, now, &other),
            ADM_LINE_REPEATED, "each");
    ok(pass.serial != other.serial, "by serials of their own");

    len = adm_fleet_tick(&node[0].fleet, now, 2, message);
    freeReplyObject(run(TICK_SCRIPT, adm_fleet_tick_keys, 0, message, len));
    pass_time(2000);
    is_uint(stats(&node[0]).claimed, 100,
            "and the store counts each once, though a reply is lost");
    is_uint(stats(&node[1]).active, 100, "they are inside");
    is_uint(claim(&node[1], 2, &pass), ADM_LINE_USED,
            "at the other node they are used");
}


/* a tick that was on its way for long */

static void
stale(void)
{
    size_t          len;
    uint64_t        frontier;
    redisReply     *reply;
    unsigned char   message[ADM_FLEET_MESSAGE];

    settings = usual();
    begin();
    pass_time(1500);
    crowd(3000);
    pass_time(1000);

    len = adm_fleet_tick(&node[1].fleet, now, 2, message);
    now += 5000;
    frontier = (uint64_t) number("HGET " BASE " frontier");
    reply = run(TICK_SCRIPT, adm_fleet_tick_keys, 0, message, len);
    is_int(number("HGET " BASE " frontier"), frontier,
           "what it says is too old to call by");
    (void) adm_fleet_ticked(&node[1].fleet, now, message, len,
                            (unsigned char *) reply->str, reply->len);
    freeReplyObject(reply);
    pass_time(500);
    ok((uint64_t) number("HGET " BASE " frontier") > frontier,
       "the next one is not");

    tick(&node[0]);
    frontier = (uint64_t) number("HGET " BASE " frontier");
    now += 100;
    tick(&node[0]);
    tick(&node[1]);
    tick(&node[0]);
    is_int(number("HGET " BASE " frontier"), frontier,
           "and nobody calls before it is time");
}


/* what lies in Redis, and for how long */

static void
keys(void)
{
    size_t       i;
    redisReply  *all, *ttl;

    all = command("KEYS *");
    ok(all->elements >= 7, "there are keys");

    for (i = 0; i < all->elements; i++) {
        ttl = command("TTL %s", all->element[i]->str);

        if (ttl->integer <= 0 || strstr(all->element[i]->str, BASE) == NULL) {
            ok(0, all->element[i]->str);
        }

        freeReplyObject(ttl);
    }

    freeReplyObject(all);
}


/* the bits of those whose time is over make room */

static void
forgotten(void)
{
    unsigned     i;
    adm_pass_t   pass;

    settings = usual();
    settings.claim = 2;
    settings.grace = 2;
    settings.interval = 10000;
    begin();
    pass_time(1500);

    for (i = 0; i < 2300; i++) {
        (void) join(&node[i % 2], 256);
    }

    (void) poll(&node[0], 500000);
    (void) poll(&node[1], 588000);
    pass_time(90000);

    ok(number("HGET " BASE " base") >= 458752, "the first are forgotten");
    ok(number("STRLEN " BASE ":live") < 40000, "and take no room");
    is_uint(poll(&node[1], 500000), ADM_LINE_OVER, "they are over");

    crowd(10);
    pass_time(1000);
    is_uint(poll(&node[0], 588801), ADM_LINE_CALLED, "the next is called");
    is_uint(claim(&node[0], 588801, &pass), ADM_LINE_ADMITTED, "and enters");
    is_uint(claim(&node[1], 588801, &pass), ADM_LINE_REPEATED, "once");
}


/* who has waited keeps the place, whatever is lost */

static void
lost(void)
{
    uint64_t            frontier, next;
    adm_pass_t          pass;
    adm_fleet_joined_t  j;

    settings = usual();
    begin();
    pass_time(1500);
    crowd(5000);
    pass_time(5000);
    is_uint(claim(&node[0], 1, &pass), ADM_LINE_ADMITTED, "one enters");

    frontier = stats(&node[0]).frontier;
    order("FLUSHALL");
    is_uint(join(&node[0], 1).rc, ADM_LINE_MOMENT,
            "a store without memory gives no number");
    is_uint(claim(&node[0], 2, &pass), ADM_LINE_MOMENT, "nor a pass");
    pass_time(250);

    j = join(&node[1], 1);
    is_uint(j.ticket, 5001 + ADM_FLEET_GAP, "but behind a gap when it knows");
    pass_time(2500);
    is_uint(stats(&node[0]).frontier, frontier, "nobody is called yet");
    pass_time(2000);
    next = stats(&node[0]).frontier;
    ok(next > frontier && next < 2000, "then those who waited, by the rate");
    is_uint(claim(&node[1], 1, &pass), ADM_LINE_USED,
            "who had entered does not again");
    is_uint(stats(&node[0]).joined, 5001, "the gap is not counted");

    order("HSET " BASE " run 1");
    is_uint(join(&node[0], 1).rc, ADM_LINE_MOMENT,
            "so with a replica that has become the master");
    is_uint(claim(&node[0], 3, &pass), ADM_LINE_MOMENT, "for claims too");
    pass_time(250);
    j = join(&node[1], 1);
    is_uint(j.ticket, 5002 + 2 * ADM_FLEET_GAP, "another gap");
}


int
main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "rules SOCKET SCRIPTS\n");
        return 2;
    }

    meet(argv[1], argv[2]);

    way();
    operators();
    leaving();
    ceiling();
    rate();
    alone();
    keys();
    stale();
    forgotten();
    lost();

    redisFree(redis);

    return unit_done();
}
