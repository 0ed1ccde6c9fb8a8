
/*
 * A team of nodes: what goes to the store, and what comes back.
 */


#include "adm_team.h"


#define ADM_TEAM_ENTRY     (ADM_TEAM_NAME + ADM_TEAM_RECORD)
#define ADM_TEAM_HEAD      32

#define ADM_TEAM_SECOND    UINT64_C(1000000000)


/*
 * Of a node between two looks at it, more than this is not what a node does:
 * ns, requests, and ns of a request.
 */

#define ADM_TEAM_LONGEST   (60 * ADM_TEAM_SECOND)
#define ADM_TEAM_MANY      UINT64_C(100000000)
#define ADM_TEAM_INSIDE    UINT64_C(1000000)
#define ADM_TEAM_LATEST    (3600 * ADM_TEAM_SECOND)


/*
 * ns in which a demand, and how many are inside, are smoothed.  Of a few
 * requests a second one report says little: portions that went by its noise
 * would leave the upstream without work.
 */

#define ADM_TEAM_DEMAND    (5 * ADM_TEAM_SECOND / 2)
#define ADM_TEAM_STAY      (ADM_TEAM_SECOND / 4)


/* who left, in thousandths, after whom older ones count for half */

#define ADM_TEAM_ENOUGH    8000


/* of a plan, in thousandths: a limit above it is nobody's */

#define ADM_TEAM_HIGHEST   UINT64_C(100000000)


/* requests, in thousandths, that should have come: if none did, they ended */

#define ADM_TEAM_ENDED     3000


/* a new plan needs this change of what the nodes need, in thousandths */

#define ADM_TEAM_MOVED     100


/*
 * Or this change of one to which few come, in thousandths a second, as far as
 * it changes the least portion
 */

#define ADM_TEAM_SILENT    250
#define ADM_TEAM_BUSY      1000


/* a reply, taken apart */

typedef struct {
    uint64_t              clock;
    uint64_t              made;
    uint64_t              n;
    uint64_t              nplanned;
    const unsigned char  *plan;
    const unsigned char  *nodes;
} adm_team_reply_t;


/* the machines that we build on are little-endian, as messages are */

void
adm_team_tell(const adm_team_sums_t *sums, unsigned char *record)
{
    memcpy(record, sums, ADM_TEAM_RECORD);
}


static uint64_t
adm_team_word(const unsigned char *p)
{
    uint64_t  word;

    memcpy(&word, p, sizeof(uint64_t));

    return word;
}


/* ms; what another process wrote may be ahead of this one's clock */

static uint64_t
adm_team_since(uint64_t then, uint64_t now)
{
    return ((int64_t) (now - then) > 0) ? now - then : 0;
}


static uint32_t
adm_team_need(const unsigned char *planned)
{
    uint32_t  need;

    memcpy(&need, planned + ADM_TEAM_NAME, sizeof(uint32_t));

    return need;
}


int
adm_team_leads(const adm_team_t *t)
{
    return t->nnodes > 0 && t->self == 0;
}


static uint64_t
adm_team_few(uint64_t demand)
{
    return (demand < ADM_TEAM_BUSY) ? demand : ADM_TEAM_BUSY;
}


/*
 * Whether nodes need other parts of the limit than is planned: demands are
 * never the same twice, and who goes by another plan than the next node makes
 * more of the limit, or less.
 */

static int
adm_team_moved(const adm_team_t *t)
{
    uint64_t  then, now, a, b, moved;
    uint32_t  i;

    if (!t->settled) {
        return 1;
    }

    then = 1;
    now = 1;
    moved = 0;

    for (i = 0; i < t->nnodes; i++) {
        then += t->needs[i];
        now += t->nodes[i].demand;

        a = adm_team_few(t->needs[i]);
        b = adm_team_few(t->nodes[i].demand);

        if (a > b + ADM_TEAM_SILENT || b > a + ADM_TEAM_SILENT) {
            return 1;
        }
    }

    for (i = 0; i < t->nnodes; i++) {
        a = t->needs[i] * UINT64_C(1000) / then;
        b = t->nodes[i].demand * UINT64_C(1000) / now;
        moved += (a < b) ? b - a : a - b;
    }

    return moved >= ADM_TEAM_MOVED;
}


size_t
adm_team_plan(const adm_team_t *t, uint64_t limit, unsigned char *plan)
{
    int             moved;
    uint32_t        i, need;
    unsigned char  *p;

    if (!adm_team_leads(t)) {
        return 0;
    }

    memcpy(plan, &limit, sizeof(uint64_t));

    p = plan + sizeof(uint64_t);
    moved = adm_team_moved(t);

    for (i = 0; i < t->nnodes; i++) {
        need = moved ? (uint32_t) t->nodes[i].demand : t->needs[i];

        memcpy(p, t->nodes[i].name, ADM_TEAM_NAME);
        memcpy(p + ADM_TEAM_NAME, &need, sizeof(uint32_t));

        p += ADM_TEAM_PLANNED;
    }

    return (size_t) (p - plan);
}


/* names that rise: each is there once */

static int
adm_team_rise(const unsigned char *p, uint64_t n, size_t bytes)
{
    for ( /* void */ ; n > 1; n--) {

        if (memcmp(p, p + bytes, ADM_TEAM_NAME) >= 0) {
            return 0;
        }

        p += bytes;
    }

    return 1;
}


static int
adm_team_apart(adm_str_t text, adm_team_reply_t *reply)
{
    uint64_t  len;

    if (text.len < ADM_TEAM_HEAD) {
        return ADM_ERROR;
    }

    reply->clock = adm_team_word(text.data);
    reply->made = adm_team_word(text.data + 8);
    reply->n = adm_team_word(text.data + 16);
    len = adm_team_word(text.data + 24);

    if (reply->n > ADM_TEAM_NODES || len > ADM_TEAM_PLAN
        || text.len != ADM_TEAM_HEAD + len + reply->n * ADM_TEAM_ENTRY
        || (len > 0 && (len < 8 || (len - 8) % ADM_TEAM_PLANNED != 0)))
    {
        return ADM_ERROR;
    }

    reply->plan = len ? text.data + ADM_TEAM_HEAD : NULL;
    reply->nplanned = len ? (len - 8) / ADM_TEAM_PLANNED : 0;
    reply->nodes = text.data + ADM_TEAM_HEAD + len;

    if (!adm_team_rise(reply->nodes, reply->n, ADM_TEAM_ENTRY)
        || (len > 0 && !adm_team_rise(reply->plan + 8, reply->nplanned,
                                      ADM_TEAM_PLANNED)))
    {
        return ADM_ERROR;
    }

    return ADM_OK;
}


/* 1 if it is what a node may have done */

static int
adm_team_likely(const adm_team_sums_t *d)
{
    return d->elapsed > 0 && d->elapsed <= ADM_TEAM_LONGEST
           && d->answered <= ADM_TEAM_MANY && d->dropped <= ADM_TEAM_MANY
           && d->stale <= d->answered + d->dropped
           && d->refused <= ADM_TEAM_MANY && d->offered <= ADM_TEAM_MANY
           && d->latency / ADM_TEAM_LATEST <= d->answered + d->dropped
           && d->crowd / ADM_TEAM_INSIDE <= d->answered + d->dropped
           && d->stayed / ADM_TEAM_INSIDE <= d->elapsed
           && d->peak <= ADM_TEAM_INSIDE;
}


static void
adm_team_smooth(uint64_t *mean, uint64_t value, uint64_t elapsed,
    uint64_t time, uint64_t known)
{
    if (!known) {
        *mean = value;

    } else if (value >= *mean) {
        *mean += (value - *mean) * (elapsed / 1000)
                 / ((elapsed + time) / 1000);

    } else {
        *mean -= (*mean - value) * (elapsed / 1000)
                 / ((elapsed + time) / 1000);
    }
}


/*
 * A node to which nobody comes any more is to give its places away soon, and
 * not after as many seconds as it takes a large mean to fade.
 */

static void
adm_team_demand(adm_team_node_t *node, const adm_team_sums_t *d)
{
    uint64_t  demand;

    node->quiet = d->offered ? 0 : node->quiet + d->elapsed;

    if (node->demand * (node->quiet / 1000000) / 1000 >= ADM_TEAM_ENDED) {
        node->demand /= 4;
        return;
    }

    demand = d->offered * ADM_TEAM_SECOND / (d->elapsed / 1000 + 1);
    demand = (demand < UINT32_MAX) ? demand : UINT32_MAX;

    adm_team_smooth(&node->demand, demand, d->elapsed, ADM_TEAM_DEMAND,
                    node->known && node->demand >= ADM_TEAM_SILENT);
}


/*
 * Those who entered saw themselves inside, beside a mean of others; in a full
 * house they are among those that it holds.
 */

static void
adm_team_met(adm_team_node_t *node, const adm_team_sums_t *d)
{
    uint64_t  crowd;

    node->last = d->stayed / (d->elapsed / 1000 + 1);
    node->left = d->answered + d->dropped - d->stale;
    node->more = 0;

    if (node->left == 0) {
        return;
    }

    crowd = d->crowd * 1000 / node->left;

    if (crowd > node->last) {
        crowd -= node->last;
        node->more = (crowd < 1000) ? crowd : 1000;
    }
}


static void
adm_team_count(adm_team_t *t, adm_team_node_t *node, const adm_team_sums_t *d)
{
    adm_adapt_window_t  *w;

    w = &t->window;

    w->answered += d->answered;
    w->dropped += d->dropped;
    w->stale += d->stale;
    w->latency += d->latency;
    w->refused += d->refused;
    w->stayed += d->stayed;

    t->left += (d->answered + d->dropped) * 1000;
    t->stayed += d->stayed;

    adm_team_demand(node, d);
    adm_team_met(node, d);

    adm_team_smooth(&node->inside, node->last, d->elapsed, ADM_TEAM_STAY,
                    node->known);

    node->refused = d->refused;
    node->known = 1;
}


/* what it tells now: "then" was told before */

static void
adm_team_hear_node(adm_team_t *t, adm_team_node_t *node,
    const adm_team_sums_t *then, uint64_t now)
{
    uint64_t          i, told[ADM_TEAM_RECORD / 8], was[ADM_TEAM_RECORD / 8];
    adm_team_sums_t   d;

    memcpy(told, &node->sums, ADM_TEAM_RECORD);
    memcpy(was, then, ADM_TEAM_RECORD);

    for (i = 0; i < ADM_TEAM_RECORD / 8; i++) {
        told[i] -= was[i];
    }

    memcpy(&d, told, ADM_TEAM_RECORD);
    d.peak = node->sums.peak;

    if (adm_team_likely(&d)) {
        adm_team_count(t, node, &d);
        node->told = now;
    }
}


/* a place for a node that is new; NULL: there is none */

static adm_team_node_t *
adm_team_meet(adm_team_t *t, uint32_t i, const unsigned char *name)
{
    adm_team_node_t  *node;

    if (t->nnodes == ADM_TEAM_NODES) {
        return NULL;
    }

    node = &t->nodes[i];

    memmove(node + 1, node, (t->nnodes - i) * sizeof(adm_team_node_t));
    memset(node, 0, sizeof(adm_team_node_t));
    memcpy(node->name, name, ADM_TEAM_NAME);

    t->nnodes++;

    return node;
}


static void
adm_team_part(adm_team_t *t, uint32_t i)
{
    t->nnodes--;

    memmove(&t->nodes[i], &t->nodes[i + 1],
            (t->nnodes - i) * sizeof(adm_team_node_t));
}


/*
 * The nodes that live, in place of those that did, both by name.  With "keep"
 * those that are not told of are left.
 */

static void
adm_team_hear_nodes(adm_team_t *t, const adm_team_reply_t *reply, int keep,
    uint64_t now)
{
    int                   order;
    uint32_t              i;
    adm_team_sums_t       then;
    adm_team_node_t      *node;
    const unsigned char  *p, *last;

    p = reply->nodes;
    last = p + reply->n * ADM_TEAM_ENTRY;

    for (i = 0; i < t->nnodes || p < last; /* void */ ) {

        order = (i == t->nnodes) ? 1 : -1;

        if (i < t->nnodes && p < last) {
            order = memcmp(t->nodes[i].name, p, ADM_TEAM_NAME);
        }

        if (order < 0 && keep) {
            i++;
            continue;
        }

        if (order < 0) {
            adm_team_part(t, i);
            continue;
        }

        node = (order > 0) ? adm_team_meet(t, i, p) : &t->nodes[i];

        if (node) {
            then = node->sums;
            memcpy(&node->sums, p + ADM_TEAM_NAME, ADM_TEAM_RECORD);

            if (order == 0) {
                adm_team_hear_node(t, node, &then, now);
            }

            i++;
        }

        p += ADM_TEAM_ENTRY;
    }
}


static void
adm_team_hear_plan(adm_team_t *t, const unsigned char *name,
    const adm_team_reply_t *reply)
{
    uint32_t              i;
    const unsigned char  *p;

    t->limit = reply->plan ? adm_team_word(reply->plan) : 0;
    t->limit = (t->limit < ADM_TEAM_HIGHEST) ? t->limit : ADM_TEAM_HIGHEST;
    t->nplanned = (uint32_t) reply->nplanned;
    t->place = t->nplanned;
    t->settled = t->nplanned == t->nnodes;

    p = reply->plan + 8;

    for (i = 0; i < t->nplanned; i++) {
        t->needs[i] = adm_team_need(p);

        if (memcmp(p, name, ADM_TEAM_NAME) == 0) {
            t->place = i;
        }

        if (t->settled && memcmp(p, t->nodes[i].name, ADM_TEAM_NAME) != 0) {
            t->settled = 0;
        }

        p += ADM_TEAM_PLANNED;
    }
}


/* a node that has died is in the store, or believed to live, for a while */

static void
adm_team_silent(adm_team_t *t, uint64_t now)
{
    uint32_t          i;
    uint64_t          quiet;
    adm_team_node_t  *node;

    quiet = ADM_TEAM_QUIET + ADM_TEAM_EACH * (uint64_t) t->nnodes;

    for (i = 0; i < t->nnodes; i++) {
        node = &t->nodes[i];

        if (adm_team_since(node->told, now) > quiet) {
            node->inside = 0;
            node->last = 0;
            node->refused = 0;
        }
    }
}


static void
adm_team_keep(adm_team_t *t, uint64_t now)
{
    uint32_t            i;
    adm_team_moment_t  *m;

    m = &t->moments[t->nmoments++ % ADM_TEAM_MOMENTS];

    m->at = now;
    m->inside = 0;

    for (i = 0; i < t->nnodes; i++) {
        m->inside += t->nodes[i].last;
    }
}


/* how many were inside "ago" ms before the last moment, by those next to it */

static uint64_t
adm_team_then(const adm_team_t *t, uint64_t ago)
{
    uint64_t                  i, n, at;
    const adm_team_moment_t  *m, *later;

    n = t->nmoments;
    later = &t->moments[(n - 1) % ADM_TEAM_MOMENTS];
    at = later->at - ago;

    for (i = 2; i <= n && i <= ADM_TEAM_MOMENTS; i++) {
        m = &t->moments[(n - i) % ADM_TEAM_MOMENTS];

        if ((int64_t) (at - m->at) >= 0 && later->at != m->at) {
            return (m->inside * (later->at - at)
                    + later->inside * (at - m->at)) / (later->at - m->at);
        }

        later = m;
    }

    return later->inside;
}


/* ms that those who left of late were inside: by Little's law */

static uint64_t
adm_team_stay(const adm_team_t *t)
{
    return t->left ? t->stayed / 1000 / t->left : 0;
}


/*
 * Who enters a node meets those on the others, too.  A node knows of itself
 * alone; how many there were on all of them is known here, later.
 */

static void
adm_team_crowd(adm_team_t *t)
{
    uint64_t          crowd, then;
    uint32_t          i;
    adm_team_node_t  *node;

    crowd = 0;
    then = adm_team_then(t, adm_team_stay(t));

    for (i = 0; i < t->nnodes; i++) {
        node = &t->nodes[i];
        crowd += node->left * (then + node->more);
        node->left = 0;
    }

    t->window.crowd += (crowd + 500) / 1000;
}


/* which of the nodes this is, and how many were inside at most */

static void
adm_team_look(adm_team_t *t, const unsigned char *name)
{
    uint32_t  i;

    t->self = t->nnodes;
    t->inside = 0;
    t->refused = 0;
    t->window.peak = 0;

    for (i = 0; i < t->nnodes; i++) {
        t->inside += t->nodes[i].inside;

        if (t->nodes[i].sums.peak <= ADM_TEAM_INSIDE) {
            t->window.peak += t->nodes[i].sums.peak;
        }

        if (memcmp(t->nodes[i].name, name, ADM_TEAM_NAME) == 0) {
            t->self = i;

        } else {
            t->refused += t->nodes[i].refused;
        }
    }
}


/*
 * 1 if the store may not know of all nodes that live.  It drops those that are
 * silent, by its own clock: while it was not heard all of them were, and when
 * the clock was set they seem to have been.
 */

static int
adm_team_reborn(adm_team_t *t, uint64_t made, uint64_t ahead, uint64_t now)
{
    int64_t  set;

    set = (int64_t) (ahead - t->ahead);

    if (t->heard
        && (t->made != made
            || adm_team_since(t->heard, now) > ADM_TEAM_STALE
            || set > ADM_TEAM_STALE || set < -ADM_TEAM_STALE))
    {
        t->reborn = now;
    }

    t->made = made;
    t->ahead = ahead;

    return t->reborn && adm_team_since(t->reborn, now) <= ADM_TEAM_REBORN;
}


int
adm_team_hear(adm_team_t *t, const unsigned char *name, adm_str_t text,
    uint64_t asked, uint64_t now)
{
    int               keep;
    uint64_t          passed;
    adm_team_reply_t  reply;

    if (adm_team_apart(text, &reply) != ADM_OK) {
        return ADM_ERROR;
    }

    keep = adm_team_reborn(t, reply.made,
                           reply.clock - (asked + (now - asked) / 2), now);

    if (t->left > ADM_TEAM_ENOUGH) {
        t->left /= 2;
        t->stayed /= 2;
    }

    adm_team_hear_nodes(t, &reply, keep, now);
    adm_team_silent(t, now);

    if (reply.plan || !keep) {
        adm_team_hear_plan(t, name, &reply);
    }

    adm_team_keep(t, now);
    adm_team_crowd(t);
    adm_team_look(t, name);

    passed = adm_team_since(t->heard, now);

    if (t->heard && passed <= ADM_TEAM_STALE) {
        t->window.elapsed += passed * (ADM_TEAM_SECOND / 1000);

    } else {
        memset(&t->window, 0, sizeof(adm_adapt_window_t));
    }

    t->heard = now;

    return ADM_OK;
}


int
adm_team_together(const adm_team_t *t, uint64_t now)
{
    return t->heard && t->nnodes > 1
           && adm_team_since(t->heard, now) <= ADM_TEAM_STALE;
}


int
adm_team_cut_off(const adm_team_t *t, uint64_t now)
{
    return t->heard && t->nnodes > 1
           && adm_team_since(t->heard, now) > ADM_TEAM_STALE;
}


int
adm_team_take(adm_team_t *t, adm_adapt_window_t *window)
{
    if (t->window.elapsed == 0) {
        return 0;
    }

    *window = t->window;
    memset(&t->window, 0, sizeof(adm_adapt_window_t));

    return 1;
}
