
/*
 * The story: a node that restarts begins its sums anew, and the others take
 * the difference for work that was done.  Two nodes make plans, each by what
 * it heard last, and together have more of the limit than there is.  The
 * store forgets, and the first node to come back believes that it is alone.
 * Bytes that somebody else left in the store are read as a million answers.
 */


#include "unit.h"
#include "../../../src/core/adm_portion.c"
#include "../../../src/core/adm_team.c"
#include "../../../src/core/adm_team_places.c"


#define SECOND   UINT64_C(1000000000)
#define RUBBISH  20000


typedef struct {
    unsigned char  text[64 * 1024];
    size_t         len;
} reply_t;


static uint64_t       seed = 88172645463325252u;
static adm_team_t     team;
static unsigned char  plan[ADM_TEAM_PLAN];


static const unsigned char *
name(unsigned node)
{
    static char  text[ADM_TEAM_NAME + 1];

    (void) snprintf(text, sizeof(text), "%016x", node);

    return (const unsigned char *) text;
}


static uint64_t
any(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed % n;
}


static void
word(reply_t *r, uint64_t value)
{
    memcpy(r->text + r->len, &value, 8);
    r->len += 8;
}


/* of the store: the time, ms, and when it was made; then nodes are added */

static void
begin(reply_t *r, uint64_t clock, uint64_t made, size_t planned)
{
    r->len = 0;

    word(r, clock);
    word(r, made);
    word(r, 0);
    word(r, planned);

    memcpy(r->text + r->len, plan, planned);
    r->len += planned;
}


static void
add(reply_t *r, unsigned node, adm_team_sums_t *sums)
{
    uint64_t  n;

    memcpy(&n, r->text + 16, 8);
    n++;
    memcpy(r->text + 16, &n, 8);

    memcpy(r->text + r->len, name(node), ADM_TEAM_NAME);
    adm_team_tell(sums, r->text + r->len + ADM_TEAM_NAME);
    r->len += ADM_TEAM_ENTRY;
}


static int
hear(reply_t *r, unsigned node, uint64_t now)
{
    adm_str_t  text;

    text.data = r->text;
    text.len = r->len;

    return adm_team_hear(&team, name(node), text, now - 2, now);
}


/* a quarter of a second more, in which so many were offered and answered */

static void
work(adm_team_sums_t *s, uint64_t offered, uint64_t answered, uint64_t inside)
{
    s->offered += offered;
    s->answered += answered;
    s->refused += offered - answered;
    s->latency += answered * SECOND / 10;
    s->crowd += answered * inside;
    s->stayed += inside * SECOND / 4;
    s->elapsed += SECOND / 4;
    s->peak = inside + 1;
}


/* two nodes, heard twice by the first: the second at "now" */

static void
two(adm_team_sums_t *sums, uint64_t now, uint64_t first, uint64_t second)
{
    reply_t             r;
    adm_adapt_window_t  w;

    memset(&team, 0, sizeof(adm_team_t));
    memset(sums, 0, 2 * sizeof(adm_team_sums_t));

    sums[0].answered = 1000000;
    sums[0].elapsed = SECOND;
    sums[1].latency = UINT64_MAX - SECOND;

    begin(&r, 5000, 1, 0);
    add(&r, 1, &sums[0]);
    add(&r, 2, &sums[1]);
    (void) hear(&r, 1, now - 250);
    (void) adm_team_take(&team, &w);

    work(&sums[0], first, 20, 4);
    work(&sums[1], second, 10, 2);

    begin(&r, 5250, 1, 0);
    add(&r, 1, &sums[0]);
    add(&r, 2, &sums[1]);
    (void) hear(&r, 1, now);
}


static void
windows(void)
{
    reply_t             r;
    adm_team_sums_t     sums[2];
    adm_adapt_window_t  w;

    two(sums, 1000, 100, 50);

    ok(adm_team_take(&team, &w), "there is something new");
    is_uint(w.answered, 30, "what both did since, and not before");
    is_uint(w.refused, 120, "whom they refused");
    is_uint(w.latency, 3 * SECOND, "also where a sum has come round");
    is_uint(w.stayed, 6 * SECOND / 4, "how long those inside have been there");
    is_uint(w.peak, 8, "at most");
    is_uint(w.elapsed, SECOND / 4, "in which time");
    ok(!adm_team_take(&team, &w), "once");

    begin(&r, 5500, 1, 0);
    add(&r, 1, &sums[0]);
    add(&r, 2, &sums[1]);
    is_int(hear(&r, 1, 1250), ADM_OK, "the same once more");
    (void) adm_team_take(&team, &w);
    is_uint(w.answered, 0, "counts for nothing");

    memset(&sums[1], 0, sizeof(adm_team_sums_t));
    work(&sums[1], 10, 10, 1);
    begin(&r, 5750, 1, 0);
    add(&r, 1, &sums[0]);
    add(&r, 2, &sums[1]);
    (void) hear(&r, 1, 1500);
    (void) adm_team_take(&team, &w);
    is_uint(w.answered, 0, "nor does one that went back, the first time");

    work(&sums[1], 10, 7, 1);
    begin(&r, 6000, 1, 0);
    add(&r, 1, &sums[0]);
    add(&r, 2, &sums[1]);
    (void) hear(&r, 1, 1750);
    (void) adm_team_take(&team, &w);
    is_uint(w.answered, 7, "from then on it does");

    add(&r, 3, &sums[0]);
    (void) hear(&r, 1, 2000);
    (void) adm_team_take(&team, &w);
    ok(w.answered == 0 && team.nnodes == 3,
       "what one did before it was met does not");
}


/* reports of two nodes, alike, each after a quarter of a second */

static uint64_t
crowd(adm_team_sums_t *sums, uint64_t now, uint64_t left, uint64_t inside,
    uint64_t seen)
{
    int                 i;
    reply_t             r;
    adm_adapt_window_t  w;

    begin(&r, 4250 + now, 1, 0);

    for (i = 0; i < 2; i++) {
        work(&sums[i], left, left, inside);
        sums[i].crowd += left * seen - left * inside;
        add(&r, 1 + (unsigned) i, &sums[i]);
    }

    (void) hear(&r, 1, now);
    (void) adm_team_take(&team, &w);

    return w.crowd;
}


static void
crowds(void)
{
    unsigned         i;
    uint64_t         met;
    adm_team_sums_t  sums[2];

    two(sums, 1000, 20, 10);

    (void) crowd(sums, 1250, 10, 4, 4);
    is_uint(crowd(sums, 1500, 10, 4, 4), 2 * 10 * 8,
            "who enters a full house meets all of both");
    is_uint(crowd(sums, 1750, 10, 4, 5), 2 * 10 * 9,
            "and itself, where there was room for one more");
    is_uint(crowd(sums, 2000, 10, 4, 7), 2 * 10 * 9, "not more than that");

    met = crowd(sums, 2250, 10, 9, 9);
    ok(met > 2 * 10 * 8 && met < 2 * 10 * 18,
       "who left soon after more were let in had met fewer");
    is_uint(crowd(sums, 2500, 10, 9, 9), 2 * 10 * 18, "then they had not");
    is_uint(crowd(sums, 2750, 0, 0, 0), 0, "who is not there met nobody");

    (void) crowd(sums, 3000, 0, 0, 0);
    (void) crowd(sums, 3250, 0, 3, 3);

    for (i = 0; i < ADM_TEAM_MOMENTS - 2; i++) {
        (void) crowd(sums, 3500 + 250 * i, 0, 2, 2);
    }

    team.stayed = 3600 * SECOND;
    is_uint(crowd(sums, 3500 + 250 * i, 1, 2, 2), 2 * 1 * 6,
            "who was there longest met those of the oldest moment kept");
}


static void
plans(void)
{
    int              good;
    size_t           len;
    reply_t          r;
    uint64_t         i, j, now, first, second;
    adm_team_t       other;
    adm_team_sums_t  sums[2];

    two(sums, 1000, 300, 100);

    ok(adm_team_leads(&team), "the least name leads");
    is_uint(adm_team_places(&team, 8000, 0, 1, 1000), 4,
            "alike without a plan");

    len = adm_team_plan(&team, 8000, plan);
    is_uint(len, 8 + 2 * ADM_TEAM_PLANNED, "it plans for both");

    is_uint(adm_team_places(&team, 1000, 0, 1, 1000)
            + adm_team_places(&team, 1000, 0, 1, 2000), 1,
            "and by turns where there is but one");
    is_uint(adm_team_places(&team, 12000, 0, 1, 1000), 6,
            "all of it, no more");

    begin(&r, 5500, 1, len);
    add(&r, 1, &sums[0]);
    add(&r, 2, &sums[1]);
    (void) hear(&r, 1, 1250);
    is_uint(team.limit, 8000, "they hear of the limit");

    other = team;
    team.nodes[0].told = 777595;
    team.nodes[1].told = 777595;
    (void) hear(&r, 2, 777595);
    ok(!adm_team_leads(&team), "the other one does not lead");
    is_uint(adm_team_plan(&team, 1, plan), 0, "and has no plan");

    first = 0;
    second = 0;

    good = 1;

    for (now = 1250; now < 3250; now += 10) {
        i = adm_team_places(&other, 8000, 0, 1, now);
        j = adm_team_places(&team, 8000, 0, 1, now + 776345);
        good &= i + j == 8;
        first += i;
        second += j;
    }

    ok(good, "they have it all between them, whatever their clocks say");
    ok(first > second * 2 && first < second * 3, "by what they need");

    first = 0;

    for (now = 1250; now < 3250; now += 10) {
        first += adm_team_places(&other, 8000, 100, 1, now);
    }

    ok(first + second <= 8 * 200 - 10, "a place that changes hands rests");

    ok(adm_team_ratio(&team) > 3900 && adm_team_ratio(&team) < 4100,
       "who has a quarter knows it");

    (void) hear(&r, 3, 1250);
    is_uint(adm_team_places(&team, 8000, 0, 1, 1250), 1,
            "one that is not in the plan yet has a place");
}


static void
steady(void)
{
    size_t           len;
    reply_t          r;
    unsigned char    again[ADM_TEAM_PLAN];
    adm_team_sums_t  sums[2];

    two(sums, 1000, 300, 100);

    len = adm_team_plan(&team, 8000, plan);
    begin(&r, 5500, 1, len);
    work(&sums[0], 303, 20, 4);
    add(&r, 1, &sums[0]);
    add(&r, 2, &sums[1]);
    (void) hear(&r, 1, 1250);

    ok(adm_team_plan(&team, 8000, again) == len
       && memcmp(again, plan, len) == 0,
       "a plan stays while nodes need about the same");

    begin(&r, 5750, 1, len);
    work(&sums[0], 303, 20, 4);
    work(&sums[1], 1000, 20, 4);
    add(&r, 1, &sums[0]);
    add(&r, 2, &sums[1]);
    (void) hear(&r, 1, 1500);

    ok(adm_team_plan(&team, 8000, again) == len
       && memcmp(again, plan, len) != 0,
       "and is another when they do not");

    (void) adm_team_plan(&team, 8000, plan);
    begin(&r, 5750, 1, len);
    add(&r, 1, &sums[0]);
    add(&r, 2, &sums[1]);
    (void) hear(&r, 1, 1500);
    team.needs[1] = 1000;
    team.nodes[1].demand = 0;
    team.nodes[0].demand = team.needs[0];

    ok(adm_team_plan(&team, 8000, again) == len
       && adm_team_need(again + len - ADM_TEAM_PLANNED) == 0,
       "or one of them has become idle, however little that is");

    begin(&r, 6000, 1, len);
    add(&r, 1, &sums[0]);
    (void) hear(&r, 1, 1750);

    is_uint(adm_team_plan(&team, 8000, again), 8 + ADM_TEAM_PLANNED,
            "a node that is gone is not in it");
}


static void
idle(void)
{
    int              i;
    reply_t          r;
    adm_team_sums_t  sums[2];

    two(sums, 1000, 300, 1000);

    for (i = 1; i <= 8; i++) {
        work(&sums[0], 300, 20, 4);
        work(&sums[1], 0, 0, 0);

        begin(&r, 5250 + i * 250, 1, 0);
        add(&r, 1, &sums[0]);
        add(&r, 2, &sums[1]);
        (void) hear(&r, 1, 1000 + i * 250);
    }

    ok(team.nodes[1].demand < 1000 && team.nodes[0].demand > 1000000,
       "a node that was the busiest is idle after two seconds");
}


/* of one node that is busy, and one to which nobody comes */

static uint64_t
has_one(uint64_t inside, uint64_t refused)
{
    int              i;
    size_t           len;
    reply_t          r;
    uint64_t         now, sum;
    adm_team_sums_t  sums[2];

    two(sums, 1000, 300, 0);
    team.nodes[1].demand = 0;
    len = adm_team_plan(&team, 8000, plan);

    for (i = 1; i <= 8; i++) {
        work(&sums[0], 300, 300 - refused, inside);
        work(&sums[1], 0, 0, 0);

        begin(&r, 5250 + i * 250, 1, len);
        add(&r, 1, &sums[0]);
        add(&r, 2, &sums[1]);
        (void) hear(&r, 2, 1000 + i * 250);
    }

    sum = 0;

    for (now = 3000; now < 5000; now++) {
        sum += adm_team_places(&team, 8000, 0, 1, now) > 0;
    }

    return sum;
}


static void
roomy(void)
{
    is_uint(has_one(6, 0), 2000, "an idle node has one while there is room");
    ok(has_one(8, 0) < 400, "when there is none it has one now and then");
    ok(has_one(5, 1) < 400, "also where another one refuses");
    ok(has_one(3, 1) < 400, "also where half of the limit is not used");

    is_uint(adm_team_places(&team, 8000, 0, 4, 3000), 4,
            "unless a few are for everybody then");
    is_uint(adm_team_places(&team, 16000, 0, 2, 3000), 6,
            "or its part of what is not used");

    (void) has_one(5, 1);
    ok(adm_team_places(&team, 8000, 0, 2, 3000) < 2, "which it is");
}


static void
absence(void)
{
    reply_t             r;
    uint64_t            now;
    adm_team_sums_t     sums[2];
    adm_adapt_window_t  w;

    memset(&team, 0, sizeof(adm_team_t));
    ok(!adm_team_together(&team, 5000) && !adm_team_cut_off(&team, 5000),
       "who never heard is neither together nor cut off");

    two(sums, 1000, 100, 100);
    (void) adm_team_take(&team, &w);

    ok(adm_team_together(&team, 1000 + ADM_TEAM_STALE)
       && !adm_team_cut_off(&team, 1000 + ADM_TEAM_STALE), "together");
    ok(!adm_team_together(&team, 1001 + ADM_TEAM_STALE)
       && adm_team_cut_off(&team, 1001 + ADM_TEAM_STALE), "cut off");

    ok(adm_team_together(&team, 999) && !adm_team_cut_off(&team, 999),
       "together, by the clock of a process that is behind");

    work(&sums[0], 100, 20, 4);
    begin(&r, 9000, 1, 0);
    add(&r, 1, &sums[0]);
    add(&r, 2, &sums[1]);
    (void) hear(&r, 1, 9000);
    ok(!adm_team_take(&team, &w), "what was done apart is not looked at");

    begin(&r, 9250, 9250, 0);
    add(&r, 1, &sums[0]);
    (void) hear(&r, 1, 9250);
    ok(adm_team_together(&team, 9250) && team.nnodes == 2,
       "of a store that was lost it is not believed that the other is gone");

    begin(&r, 9500, 9250, 0);
    add(&r, 0, &sums[1]);
    add(&r, 1, &sums[0]);
    (void) hear(&r, 1, 9500);
    is_uint(team.nnodes, 3, "one that is new is");

    for (now = 10500; now <= 9250 + ADM_TEAM_REBORN; now += 1000) {
        begin(&r, now, 9250, 0);
        add(&r, 1, &sums[0]);
        (void) hear(&r, 1, now);
    }

    is_uint(team.nnodes, 3, "for some seconds");

    begin(&r, now, 9250, 0);
    add(&r, 1, &sums[0]);
    (void) hear(&r, 1, now);
    ok(team.nnodes == 1 && !adm_team_cut_off(&team, 100000),
       "then it is alone");
}


/*
 * Nodes known after the store, whose clock is "clock" when this node's is
 * "now", told the first of two nodes of itself alone: both were heard at 1000,
 * and its clock was 5250.
 */

static uint64_t
left(uint64_t clock, uint64_t now)
{
    reply_t          r;
    adm_team_sums_t  sums[2];

    two(sums, 1000, 100, 100);

    begin(&r, clock, 1, 0);
    add(&r, 1, &sums[0]);
    (void) hear(&r, 1, now);

    return team.nnodes;
}


static void
silence(void)
{
    unsigned         i;
    reply_t          r;
    adm_team_sums_t  sums[2];

    two(sums, 1000, 100, 100);

    for (i = 1; i <= 8; i++) {
        work(&sums[0], 100, 20, 4);
        begin(&r, 5250 + 250 * i, 1, 0);
        add(&r, 1, &sums[0]);
        add(&r, 2, &sums[1]);
        (void) hear(&r, 1, 1000 + 250 * i);
    }

    ok(team.nnodes == 2 && team.inside < 4500 && team.refused == 0,
       "nobody is inside on a node that has told nothing new for a while");

    is_uint(left(5500, 1250), 1, "a node that is gone is dropped at once");
    is_uint(left(5500, 999), 1, "also by a process whose clock is behind");
    is_uint(left(5251 + ADM_TEAM_STALE, 1001 + ADM_TEAM_STALE), 2,
            "of a store that stood still it is not believed");
    is_uint(left(5501 + ADM_TEAM_STALE, 1250), 2,
            "nor of one whose clock was set forward");
    is_uint(left(5499 - ADM_TEAM_STALE, 1250), 2, "or back");
}


static void
excess(void)
{
    size_t           len;
    reply_t          r;
    adm_team_sums_t  sums[2];

    two(sums, 1000, 300, 100);

    len = adm_team_plan(&team, UINT64_MAX, plan);
    begin(&r, 5500, 1, len);
    add(&r, 1, &sums[0]);
    add(&r, 2, &sums[1]);
    (void) hear(&r, 1, 1250);

    is_uint(team.limit, ADM_TEAM_HIGHEST, "no plan has more than may be");
}


static void
rubbish(void)
{
    int                 good;
    unsigned            i, j;
    reply_t             r;
    adm_team_sums_t     sums[2];
    adm_adapt_window_t  w;

    two(sums, 1000, 100, 100);
    (void) adm_team_take(&team, &w);

    begin(&r, 5500, 1, 0);
    add(&r, 2, &sums[0]);
    add(&r, 1, &sums[1]);
    is_int(hear(&r, 1, 1250), ADM_ERROR, "names in another order");

    begin(&r, 5500, 1, 0);
    add(&r, 1, &sums[0]);
    add(&r, 1, &sums[0]);
    is_int(hear(&r, 1, 1250), ADM_ERROR, "one twice");

    r.len--;
    is_int(hear(&r, 1, 1250), ADM_ERROR, "a reply that was cut off");
    r.len = 0;
    is_int(hear(&r, 1, 1250), ADM_ERROR, "none");
    is_uint(team.nnodes, 2, "change nothing");

    memset(&sums[1], 0x5a, sizeof(adm_team_sums_t));
    begin(&r, 5500, 1, 0);
    add(&r, 1, &sums[0]);
    add(&r, 2, &sums[1]);
    is_int(hear(&r, 1, 1250), ADM_OK, "sums that no node has");
    (void) adm_team_take(&team, &w);
    ok(w.answered == 0 && w.peak <= 5, "are not looked at");

    good = 1;

    for (i = 0; i < RUBBISH; i++) {
        begin(&r, any(UINT64_C(1) << any(64)), any(3), 8 * any(10));

        for (j = 0; j < 8; j++) {
            memset(&sums[1], (int) any(256), sizeof(adm_team_sums_t));
            sums[1].elapsed = any(UINT64_C(1) << 36);
            sums[1].answered = any(UINT64_C(1) << any(64));
            add(&r, (unsigned) (j * 4 + any(4)), &sums[1]);
        }

        r.len -= any(4) ? 0 : any(r.len);

        (void) hear(&r, 9, 2000 + i * 100);
        good &= team.nnodes <= ADM_TEAM_NODES;
        good &= adm_team_places(&team, 5000, 100, 1, 2000 + i * 100) <= 5;
        good &= adm_team_ratio(&team) >= 1000;
        good &= adm_team_plan(&team, 5000, plan) <= ADM_TEAM_PLAN;
    }

    ok(good, "whatever a store says");
}


static void
many(void)
{
    unsigned         i;
    reply_t          r;
    uint64_t         sum;
    adm_team_sums_t  sums;

    memset(&team, 0, sizeof(adm_team_t));
    memset(&sums, 0, sizeof(adm_team_sums_t));

    begin(&r, 5000, 1, 0);

    for (i = 0; i < ADM_TEAM_NODES; i++) {
        add(&r, i + 10, &sums);
    }

    is_int(hear(&r, 10, 1000), ADM_OK, "as many nodes as there may be");
    is_uint(adm_team_plan(&team, 1000, plan), ADM_TEAM_PLAN, "are planned");

    sum = 0;

    for (i = 0; i < ADM_TEAM_NODES; i++) {
        (void) hear(&r, i + 10, 1000);
        sum += adm_team_places(&team, 3000, 0, 1, 5777);
    }

    is_uint(sum, 3, "and share three places");

    begin(&r, 5500, 2, 0);

    for (i = 0; i < ADM_TEAM_NODES; i++) {
        add(&r, i, &sums);
    }

    is_int(hear(&r, 10, 1250), ADM_OK, "of others that come then");
    is_uint(team.nnodes, ADM_TEAM_NODES, "no more are known");

    begin(&r, 5750, 2, 0);
    add(&r, 400, &sums);
    is_int(hear(&r, 5, 1500), ADM_OK, "also by one");
    ok(team.nnodes == ADM_TEAM_NODES
       && adm_team_places(&team, 9000, 0, 1, 1500) == 1,
       "which is beyond them");
}


int
main(void)
{
    windows();
    crowds();
    plans();
    steady();
    idle();
    roomy();
    absence();
    silence();
    excess();
    rubbish();
    many();

    return unit_done();
}
