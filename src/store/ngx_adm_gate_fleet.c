
/*
 * Gates in a fleet: what is told to Redis, and what follows from it here.
 */


#include <ngx_adm_gate_fleet.h>
#include <ngx_adm_gate_room.h>
#include <adm_team.h>


/* ms after which a process that has not let go of the team is believed dead */
#define NGX_ADM_GATE_HELD      1000

/* ms for which a place that was another node's is left alone, at most */
#define NGX_ADM_GATE_REST      250

/*
 * Places of a node while half of an adaptive limit is not used, if with these
 * all have no more than "max", and not many times the limit; else one.  Who
 * refuses so many in a tick is flooded, and has no more than others, for some
 * ms.
 */
#define NGX_ADM_GATE_FEW       2
#define NGX_ADM_GATE_TIMES     4
#define NGX_ADM_GATE_FLOOD     2
#define NGX_ADM_GATE_FLOODED   500


typedef struct {
    ngx_atomic_t             due;        /* the next call, ms */
    ngx_atomic_t             number;     /* of the last one */
    ngx_atomic_t             held;       /* ms, since when a process reads or
                                            writes the team; 0: none does */
    ngx_msec_t               begun;      /* ms: when this was made */
    ngx_msec_t               flooded;    /* ms: until then; 0: it was not */
    ngx_uint_t               cut_off;    /* 1: the log says so */
    adm_team_t               team;
} ngx_adm_gate_fleet_sh_t;


/* behind ngx_adm_gate_t.fleet; in the cycle's pool */

struct ngx_adm_gate_fleet_s {
    ngx_adm_fleet_t          *fleet;
    ngx_adm_gate_t           *gate;
    ngx_str_t                 key;       /* "PREFIXgate:{NAME}" */
    ngx_adm_gate_fleet_sh_t  *sh;        /* once the memory is there */
    time_t                    complained;
};


/* of a call */

typedef struct {
    ngx_adm_gate_fleet_t     *gf;
    ngx_atomic_uint_t         number;
    ngx_msec_t                asked;
} ngx_adm_gate_asked_t;


static ngx_int_t ngx_adm_gate_fleet_add(ngx_adm_gate_t *gate,
    ngx_adm_fleet_t *fleet);
static ngx_int_t ngx_adm_gate_fleet_attach(void *data, void *memory,
    ngx_uint_t made);
static ngx_uint_t ngx_adm_gate_fleet_limited(ngx_adm_gate_t *gate);
static ngx_uint_t ngx_adm_gate_fleet_hold(ngx_adm_gate_fleet_sh_t *sh);
static void ngx_adm_gate_fleet_tick(void *data);
static ngx_msec_t ngx_adm_gate_fleet_period(ngx_adm_gate_fleet_t *gf);
static ngx_int_t ngx_adm_gate_fleet_ask(ngx_adm_gate_fleet_t *gf,
    ngx_adm_call_t *call);
static ngx_int_t ngx_adm_gate_fleet_record(ngx_adm_gate_t *gate,
    ngx_adm_call_t *call);
static ngx_int_t ngx_adm_gate_fleet_plan(ngx_adm_gate_fleet_t *gf,
    ngx_adm_call_t *call);
static void ngx_adm_gate_fleet_answered(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static void ngx_adm_gate_fleet_hear(ngx_adm_gate_asked_t *asked,
    ngx_adm_call_t *call, ngx_adm_value_t *value);
static void ngx_adm_gate_fleet_complain(ngx_adm_gate_fleet_t *gf,
    ngx_adm_call_t *call);
static uint64_t ngx_adm_gate_fleet_own(ngx_adm_gate_t *gate);
static void ngx_adm_gate_fleet_flood(ngx_adm_gate_fleet_sh_t *sh,
    uint64_t refused);
static uint64_t ngx_adm_gate_fleet_places(ngx_adm_gate_t *gate,
    uint64_t limit);
static uint64_t ngx_adm_gate_fleet_rest(ngx_adm_gate_t *gate);
static uint64_t ngx_adm_gate_fleet_few(ngx_adm_gate_t *gate, uint64_t limit);
static uint64_t ngx_adm_gate_fleet_together(ngx_adm_gate_t *gate,
    uint64_t now);
static uint64_t ngx_adm_gate_fleet_cut_off(ngx_adm_gate_t *gate,
    adm_adapt_window_t *window, uint64_t now);
static uint64_t ngx_adm_gate_fleet_alone(ngx_adm_gate_t *gate,
    adm_adapt_window_t *window, uint64_t now);
static void ngx_adm_gate_fleet_widen(adm_adapt_window_t *window,
    uint64_t ratio);
static void ngx_adm_gate_fleet_log(ngx_adm_gate_t *gate, ngx_uint_t cut_off);


ngx_int_t
ngx_adm_gates_share(ngx_adm_gates_t *gates, ngx_adm_fleet_t *fleet)
{
    ngx_uint_t        i;
    ngx_adm_gate_t  **gate;

    gates->fleet = fleet;
    gate = gates->all.elts;

    for (i = 0; i < gates->all.nelts; i++) {
        if (ngx_adm_gate_fleet_add(gate[i], fleet) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_adm_gate_fleet_add(ngx_adm_gate_t *gate, ngx_adm_fleet_t *fleet)
{
    u_char                *p;
    ngx_str_t             *prefix;
    ngx_pool_t            *pool;
    ngx_adm_gate_fleet_t  *gf;
    ngx_adm_fleet_part_t  *part;

    pool = fleet->parts.pool;
    prefix = &fleet->redis->conf.prefix;

    gf = ngx_pcalloc(pool, sizeof(ngx_adm_gate_fleet_t));
    p = ngx_pnalloc(pool, prefix->len + 2 * sizeof("gate:{}")
                          + 2 * gate->name.len);
    part = ngx_adm_fleet_part(fleet);

    if (gf == NULL || p == NULL || part == NULL) {
        return NGX_ERROR;
    }

    gf->fleet = fleet;
    gf->gate = gate;

    gf->key.data = p;
    p = ngx_sprintf(p, "%Vgate:{%V}", prefix, &gate->name);
    gf->key.len = p - gf->key.data;

    part->name.data = p;
    part->name.len = ngx_sprintf(p, "gate:%V", &gate->name) - p;

    part->size = sizeof(ngx_adm_gate_fleet_sh_t);
    part->attach = ngx_adm_gate_fleet_attach;
    part->tick = ngx_adm_gate_fleet_tick;
    part->data = gf;

    gate->fleet = gf;

    return NGX_OK;
}


static ngx_int_t
ngx_adm_gate_fleet_attach(void *data, void *memory, ngx_uint_t made)
{
    ngx_adm_gate_fleet_t  *gf = data;

    gf->sh = memory;

    if (made) {
        gf->sh->begun = ngx_current_msec;
    }

    return NGX_OK;
}


/* nothing is told of a gate that only has a circuit */

static ngx_uint_t
ngx_adm_gate_fleet_limited(ngx_adm_gate_t *gate)
{
    return gate->adaptive || gate->concurrency;
}


/* the clock of another process may be ahead by a turn of its loop */

static ngx_uint_t
ngx_adm_gate_fleet_hold(ngx_adm_gate_fleet_sh_t *sh)
{
    ngx_atomic_uint_t  seen;

    seen = sh->held;

    return (seen == 0
            || (ngx_msec_int_t) (ngx_current_msec - seen) > NGX_ADM_GATE_HELD)
           && ngx_atomic_cmp_set(&sh->held, seen, ngx_current_msec | 1);
}


/* one call at a time: the next is due when this one was answered */

static void
ngx_adm_gate_fleet_tick(void *data)
{
    ngx_adm_gate_fleet_t  *gf = data;

    ngx_msec_t       timeout;
    ngx_adm_call_t  *call;

    timeout = gf->fleet->redis->conf.claim_timeout;

    if (!ngx_adm_gate_fleet_limited(gf->gate)
        || !ngx_adm_fleet_turn(&gf->sh->due, timeout + NGX_ADM_GATE_PERIOD))
    {
        return;
    }

    call = ngx_adm_call_create(gf->fleet->redis, NGX_ADM_SCRIPT_GATE, timeout);

    if (call && ngx_adm_gate_fleet_ask(gf, call) != NGX_OK) {
        ngx_adm_call_free(call);
    }
}


/* ms: a little less than is meant, since workers look every 50 ms only */

static ngx_msec_t
ngx_adm_gate_fleet_period(ngx_adm_gate_fleet_t *gf)
{
    ngx_msec_t  period;

    period = ngx_max(NGX_ADM_GATE_PERIOD,
                     gf->sh->team.nnodes * NGX_ADM_GATE_SPACING);

    return period * 7 / 8 + ngx_random() % (period / 8);
}


/* NGX_ERROR: it is not under way */

static ngx_int_t
ngx_adm_gate_fleet_ask(ngx_adm_gate_fleet_t *gf, ngx_adm_call_t *call)
{
    ngx_str_t              node;
    ngx_adm_gate_asked_t  *asked;

    asked = ngx_palloc(call->pool, sizeof(ngx_adm_gate_asked_t));
    if (asked == NULL) {
        return NGX_ERROR;
    }

    asked->gf = gf;
    asked->number = ngx_atomic_fetch_add(&gf->sh->number, 1) + 1;
    asked->asked = ngx_current_msec;

    call->handler = ngx_adm_gate_fleet_answered;
    call->data = asked;

    node = ngx_adm_fleet_node(gf->fleet);

    return (ngx_adm_call_key(call, &gf->key) == NGX_OK
            && ngx_adm_call_text(call, node.data, node.len) == NGX_OK
            && ngx_adm_gate_fleet_record(gf->gate, call) == NGX_OK
            && ngx_adm_gate_fleet_plan(gf, call) == NGX_OK
            && ngx_adm_call_send(call) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


/* what the last tick saw; that it may be writing does no harm to sums */

static ngx_int_t
ngx_adm_gate_fleet_record(ngx_adm_gate_t *gate, ngx_adm_call_t *call)
{
    u_char               *record;
    adm_team_sums_t       sums;
    ngx_adm_gate_done_t  *done;

    record = ngx_pnalloc(call->pool, ADM_TEAM_RECORD);
    if (record == NULL) {
        return NGX_ERROR;
    }

    done = &gate->sh->done;

    sums.answered = done->sums.answered;
    sums.dropped = done->sums.dropped;
    sums.stale = done->sums.stale;
    sums.latency = done->sums.latency;
    sums.crowd = done->sums.crowd;
    sums.refused = done->sums.refused;
    sums.offered = done->offered;
    sums.stayed = done->sums.stayed;
    sums.elapsed = done->sums.elapsed;
    sums.peak = __atomic_exchange_n(&done->sums.peak, 0, __ATOMIC_SEQ_CST);

    adm_team_tell(&sums, record);

    return ngx_adm_call_text(call, record, ADM_TEAM_RECORD);
}


/* nothing, of a node that does not lead */

static ngx_int_t
ngx_adm_gate_fleet_plan(ngx_adm_gate_fleet_t *gf, ngx_adm_call_t *call)
{
    size_t   len;
    u_char  *plan;

    plan = ngx_pnalloc(call->pool, ADM_TEAM_PLAN);
    if (plan == NULL) {
        return NGX_ERROR;
    }

    len = 0;

    if (ngx_adm_gate_fleet_hold(gf->sh)) {
        len = adm_team_plan(&gf->sh->team, ngx_adm_gate_fleet_own(gf->gate),
                            plan);
        gf->sh->held = 0;
    }

    return ngx_adm_call_text(call, plan, len);
}


static void
ngx_adm_gate_fleet_answered(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    ngx_adm_gate_asked_t     *asked;
    ngx_adm_gate_fleet_sh_t  *sh;

    asked = call->data;
    sh = asked->gf->sh;

    /* this process stood still, and another one has asked since */

    if (sh->number != asked->number) {
        return;
    }

    sh->due = asked->asked + ngx_adm_gate_fleet_period(asked->gf);

    if (value) {
        ngx_adm_gate_fleet_hear(asked, call, value);
    }
}


static void
ngx_adm_gate_fleet_hear(ngx_adm_gate_asked_t *asked, ngx_adm_call_t *call,
    ngx_adm_value_t *value)
{
    int                       rc;
    adm_str_t                 text;
    ngx_str_t                 node;
    ngx_adm_gate_fleet_t     *gf;
    ngx_adm_gate_fleet_sh_t  *sh;

    gf = asked->gf;
    sh = gf->sh;

    if (value->type != NGX_ADM_VALUE_TEXT) {
        ngx_adm_gate_fleet_complain(gf, call);
        return;
    }

    if (!ngx_adm_gate_fleet_hold(sh)) {
        return;
    }

    text.data = value->text.data;
    text.len = value->text.len;

    node = ngx_adm_fleet_node(gf->fleet);

    rc = adm_team_hear(&sh->team, node.data, text, asked->asked,
                       ngx_current_msec);

    sh->held = 0;

    if (rc != ADM_OK) {
        ngx_adm_gate_fleet_complain(gf, call);
    }
}


/* it is counted; of the log once a second is enough */

static void
ngx_adm_gate_fleet_complain(ngx_adm_gate_fleet_t *gf, ngx_adm_call_t *call)
{
    call->rc = NGX_ADM_CALL_MALFORMED;

    if (gf->complained == ngx_time()) {
        return;
    }

    gf->complained = ngx_time();

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "admission: the store's answer to \"%V\" for upstream "
                  "\"%V\" cannot be read: it is of another version of the "
                  "module, or of no Redis",
                  &ngx_adm_script_names[call->script], &gf->gate->name);
}


/* what this node would have as the limit of all, thousandths */

static uint64_t
ngx_adm_gate_fleet_own(ngx_adm_gate_t *gate)
{
    return gate->adaptive ? adm_load(&gate->sh->adapt.limit)
                          : (uint64_t) gate->concurrency * ADM_ADAPT_UNIT;
}


void
ngx_adm_gate_fleet_step(ngx_adm_gate_t *gate, adm_adapt_window_t *window,
    uint64_t now)
{
    uint64_t                  share;
    adm_team_t               *team;
    ngx_adm_gate_fleet_sh_t  *sh;

    sh = gate->fleet->sh;
    team = &sh->team;

    if (!ngx_adm_gate_fleet_limited(gate)) {
        gate->sh->share = NGX_ADM_GATE_NO_LIMIT;
        return;
    }

    if (!ngx_adm_gate_fleet_hold(sh)) {
        return;
    }

    ngx_adm_gate_fleet_flood(sh, window->refused);

    if (adm_team_together(team, ngx_current_msec)) {
        ngx_adm_gate_fleet_log(gate, 0);
        share = ngx_adm_gate_fleet_together(gate, now);

    } else if (adm_team_cut_off(team, ngx_current_msec)) {
        ngx_adm_gate_fleet_log(gate, 1);
        share = ngx_adm_gate_fleet_cut_off(gate, window, now);

    } else {
        share = ngx_adm_gate_fleet_alone(gate, window, now);
    }

    gate->sh->share = share;
    sh->held = 0;
}


/* the others will hear of it, and see that no more is left to be spared */

static void
ngx_adm_gate_fleet_flood(ngx_adm_gate_fleet_sh_t *sh, uint64_t refused)
{
    if (refused >= NGX_ADM_GATE_FLOOD) {
        sh->flooded = (ngx_current_msec + NGX_ADM_GATE_FLOODED) | 1;
    }
}


static uint64_t
ngx_adm_gate_fleet_places(ngx_adm_gate_t *gate, uint64_t limit)
{
    return adm_team_places(&gate->fleet->sh->team, limit,
                           ngx_adm_gate_fleet_rest(gate),
                           ngx_adm_gate_fleet_few(gate, limit),
                           ngx_current_msec);
}


/*
 * ms: a place that comes from another node is free when those are gone who
 * were inside there: half of what an answer takes, and a little, since those
 * that take long are met more often.  An adaptive limit has been found with
 * those who were inside at such moments, too.
 */

static uint64_t
ngx_adm_gate_fleet_rest(ngx_adm_gate_t *gate)
{
    uint64_t  rest;

    if (gate->adaptive) {
        return 0;
    }

    rest = gate->sh->needs * 5 / 8 / 1000;

    return ngx_min(rest, NGX_ADM_GATE_REST);
}


static uint64_t
ngx_adm_gate_fleet_few(ngx_adm_gate_t *gate, uint64_t limit)
{
    uint64_t                  all;
    ngx_msec_t                flooded;
    ngx_adm_gate_fleet_sh_t  *sh;

    sh = gate->fleet->sh;
    flooded = sh->flooded;

    if (!gate->adaptive
        || (flooded && (ngx_msec_int_t) (flooded - ngx_current_msec) > 0))
    {
        return 1;
    }

    all = sh->team.nnodes * NGX_ADM_GATE_FEW;

    return (limit / ADM_ADAPT_UNIT + all <= gate->max
            && all * ADM_ADAPT_UNIT <= limit * NGX_ADM_GATE_TIMES)
           ? NGX_ADM_GATE_FEW : 1;
}


/* places of this node, where the others are heard */

static uint64_t
ngx_adm_gate_fleet_together(ngx_adm_gate_t *gate, uint64_t now)
{
    uint64_t             limit;
    adm_team_t          *team;
    adm_adapt_window_t   window;

    team = &gate->fleet->sh->team;

    if (adm_team_take(team, &window) && gate->adaptive) {
        adm_adapt_step(&gate->sh->adapt, &window, now);

        if (team->limit && !adm_team_leads(team)) {
            adm_adapt_adopt(&gate->sh->adapt, team->limit, now);
        }
    }

    limit = ngx_adm_gate_fleet_own(gate);

    /* the leader too goes by what the others have heard of */

    if (team->limit && (adm_team_leads(team) || team->limit < limit)) {
        limit = team->limit;
    }

    return ngx_adm_gate_fleet_places(gate, limit);
}


/*
 * The others, whom nobody tells of, are believed to do as this node does, each
 * with its share; so what it sees is what they all see.
 */

static uint64_t
ngx_adm_gate_fleet_cut_off(ngx_adm_gate_t *gate, adm_adapt_window_t *window,
    uint64_t now)
{
    uint64_t     limit, ratio;
    adm_team_t  *team;

    team = &gate->fleet->sh->team;
    ratio = adm_team_ratio(team);
    limit = team->limit ? team->limit : ngx_adm_gate_fleet_own(gate);

    if (gate->adaptive) {
        ngx_adm_gate_fleet_widen(window, ratio);
        adm_adapt_step(&gate->sh->adapt, window, now);

        if (gate->sh->adapt.limit > limit) {
            adm_adapt_adopt(&gate->sh->adapt, limit, now);
        }
    }

    return ngx_adm_gate_fleet_places(gate,
                              ngx_min(limit, ngx_adm_gate_fleet_own(gate)));
}


/*
 * One node, or one that has never heard of others: these may be as many as
 * the pulse told of, if it did.
 */

static uint64_t
ngx_adm_gate_fleet_alone(ngx_adm_gate_t *gate, adm_adapt_window_t *window,
    uint64_t now)
{
    uint64_t                  places, nodes;
    adm_adapt_window_t        old;
    ngx_adm_gate_fleet_sh_t  *sh;

    sh = gate->fleet->sh;
    nodes = sh->team.heard ? 1 : ngx_adm_fleet_nodes(gate->fleet->fleet);

    (void) adm_team_take(&sh->team, &old);

    if (gate->adaptive) {
        ngx_adm_gate_fleet_widen(window, nodes * 1000);
        adm_adapt_step(&gate->sh->adapt, window, now);
    }

    places = ngx_adm_gate_fleet_own(gate) / ADM_ADAPT_UNIT / nodes;

    if (sh->team.heard == 0
        && (ngx_msec_int_t) (ngx_current_msec - sh->begun)
           < NGX_ADM_GATE_ALONE)
    {
        places /= NGX_ADM_GATE_PART;
    }

    return ngx_max(1, places);
}


/* as if all had done as much, of whom this node is 1000 in "ratio" */

static void
ngx_adm_gate_fleet_widen(adm_adapt_window_t *window, uint64_t ratio)
{
    window->elapsed = window->elapsed * 1000 / ratio;
    window->crowd = window->crowd * ratio / 1000;
    window->peak = window->peak * ratio / 1000;
}


static void
ngx_adm_gate_fleet_log(ngx_adm_gate_t *gate, ngx_uint_t cut_off)
{
    ngx_adm_gate_fleet_sh_t  *sh;

    sh = gate->fleet->sh;

    /* a process that ends asks no more, so it hears of nobody */

    if (ngx_exiting || sh->cut_off == cut_off) {
        return;
    }

    sh->cut_off = cut_off;

    if (cut_off) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "admission upstream \"%V\": the other nodes are not "
                      "heard, this one goes on with its share of the limit",
                      &gate->name);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "admission upstream \"%V\": the other nodes are heard again",
                  &gate->name);
}


uint64_t
ngx_adm_gate_fleet_limit(ngx_adm_gate_t *gate)
{
    uint64_t     limit, planned;
    adm_team_t  *team;

    if (!ngx_adm_gate_fleet_limited(gate)) {
        return NGX_ADM_GATE_NO_LIMIT;
    }

    team = &gate->fleet->sh->team;
    limit = ngx_adm_gate_fleet_own(gate);
    planned = adm_load(&team->limit);

    return (planned && adm_team_together(team, ngx_current_msec))
           ? ngx_min(limit, planned) : limit;
}


ngx_uint_t
ngx_adm_gate_fleet_nodes(ngx_adm_gate_t *gate)
{
    adm_team_t  *team;

    team = &gate->fleet->sh->team;

    return team->heard ? ngx_max(1, team->nnodes)
                       : ngx_adm_fleet_nodes(gate->fleet->fleet);
}
