
/*
 * Shares: reports, and what comes back.
 */


#include <ngx_adm_shares_all.h>
#include <adm_hex.h>


/* keys of a report */
#define NGX_ADM_SHARE_BATCH    32

/* ms between two reports of a key that is not in use just now; and between
   two questions which keys others tell of: with a report, and if there is
   none */
#define NGX_ADM_SHARE_QUIET    400
#define NGX_ADM_SHARE_ASK      400
#define NGX_ADM_SHARE_REST     900

/* ms between two looks whether a key is still worth telling of */
#define NGX_ADM_SHARE_CHECK    5000

/* seconds for which a name that others tell of is kept */
#define NGX_ADM_SHARE_NAMED    2

/* ms of debt that all nodes together may make, and have to wait for */
#define NGX_ADM_SHARE_DEBT     1000

/* answers by which what others use is smoothed; an answer so soon, in ms,
   behind the last says little of it */
#define NGX_ADM_SHARE_SMOOTH   4
#define NGX_ADM_SHARE_SOON     50

/* digits of a hash */
#define NGX_ADM_SHARE_TEXT     (2 * NGX_ADM_SHARE_HASH)


/* a key in a report */

typedef struct {
    ngx_uint_t             index;
    uint64_t               row;
    int64_t                units;
} ngx_adm_share_told_t;


typedef struct {
    ngx_adm_shares_t      *shares;
    ngx_adm_call_t        *call;
    ngx_uint_t             n;
    ngx_adm_share_told_t   told[NGX_ADM_SHARE_BATCH];
} ngx_adm_shares_report_t;


static void ngx_adm_shares_forget(ngx_adm_shares_t *shares);
static ngx_uint_t ngx_adm_shares_mine(ngx_adm_shares_t *shares,
    ngx_uint_t index);
static void ngx_adm_shares_report(ngx_adm_shares_t *shares);
static ngx_uint_t ngx_adm_shares_next(ngx_adm_shares_rate_t *rate);
static ngx_uint_t ngx_adm_shares_asks(ngx_adm_shares_t *shares,
    ngx_msec_t ms);
static ngx_int_t ngx_adm_shares_look(ngx_adm_shares_t *shares,
    ngx_uint_t index, ngx_adm_shares_report_t **report);
static ngx_uint_t ngx_adm_shares_leaves(ngx_adm_shares_t *shares,
    ngx_adm_share_t *share);
static ngx_adm_shares_report_t *ngx_adm_shares_begin(ngx_adm_shares_t *shares,
    ngx_uint_t asks);
static ngx_uint_t ngx_adm_shares_spread(ngx_adm_shares_rate_t *rate);
static ngx_int_t ngx_adm_shares_tell(ngx_adm_shares_report_t *report,
    ngx_uint_t index);
static void ngx_adm_shares_send(ngx_adm_shares_report_t *report);
static void ngx_adm_shares_answered(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static void ngx_adm_shares_hear(ngx_adm_shares_t *shares,
    ngx_adm_share_told_t *told, ngx_adm_value_t **number);
static void ngx_adm_shares_part(ngx_adm_shares_t *shares,
    ngx_adm_share_t *share, uint64_t others, uint64_t since);
static void ngx_adm_shares_hear_names(ngx_adm_shares_t *shares,
    ngx_adm_value_t *names);


void
ngx_adm_shares_tick(void *data)
{
    ngx_adm_shares_all_t  *all = data;

    ngx_uint_t          i, nodes, period;
    ngx_adm_shares_t  **shares;

    shares = all->rates.elts;
    nodes = ngx_adm_fleet_nodes(all->fleet);
    period = ngx_adm_shares_period(nodes);

    for (i = 0; i < all->rates.nelts; i++) {

        if (!ngx_adm_fleet_turn(&shares[i]->sh->due, period)) {
            continue;
        }

        if (nodes == 1) {
            ngx_adm_shares_forget(shares[i]);

        } else {
            ngx_adm_shares_report(shares[i]);
        }
    }
}


/* nobody is there to be told */

static void
ngx_adm_shares_forget(ngx_adm_shares_t *shares)
{
    ngx_uint_t            i;
    ngx_adm_shares_sh_t  *sh;

    sh = shares->all->sh;

    for (i = 0; i < NGX_ADM_SHARES; i++) {

        if (ngx_adm_shares_mine(shares, i)) {
            __atomic_store_n(&sh->tags[i], 0, __ATOMIC_RELEASE);
        }
    }

    shares->sh->heard = ngx_current_msec;
    shares->sh->named = ngx_current_msec;
}


/*
 * 1 if there is a key of the rate.  A process that was killed while it filled
 * a place left it taken: filling takes less than a period.
 */

static ngx_uint_t
ngx_adm_shares_mine(ngx_adm_shares_t *shares, ngx_uint_t index)
{
    uint64_t              tag;
    ngx_adm_share_t      *share;
    ngx_adm_shares_sh_t  *sh;

    sh = shares->all->sh;
    share = &sh->shares[index];
    tag = adm_load(&sh->tags[index]);

    if (tag == NGX_ADM_SHARE_TAKEN
        && ngx_current_msec - share->checked > 2 * NGX_ADM_SHARE_CHECK)
    {
        (void) adm_word_cas(&sh->tags[index], NGX_ADM_SHARE_TAKEN, 0);
    }

    return tag > NGX_ADM_SHARE_TAKEN && share->rate == shares->sh->tag;
}


static void
ngx_adm_shares_report(ngx_adm_shares_t *shares)
{
    ngx_int_t                 rc;
    ngx_uint_t                n, left;
    ngx_adm_shares_report_t  *report;

    rc = NGX_OK;
    report = NULL;
    left = NGX_ADM_SHARE_KEYS / NGX_ADM_SHARE_BATCH;

    for (n = 0; n < NGX_ADM_SHARES && rc == NGX_OK && left; n++) {
        rc = ngx_adm_shares_look(shares, ngx_adm_shares_next(shares->sh),
                                 &report);

        if (report && report->n == NGX_ADM_SHARE_BATCH) {
            ngx_adm_shares_send(report);
            report = NULL;
            left--;
        }
    }

    if (report == NULL && left && rc == NGX_OK
        && (ngx_msec_int_t) (ngx_current_msec - shares->sh->used)
           < NGX_ADM_SHARE_UNUSED
        && ngx_adm_shares_asks(shares, NGX_ADM_SHARE_REST))
    {
        report = ngx_adm_shares_begin(shares, 1);
    }

    if (report && rc == NGX_OK) {
        ngx_adm_shares_send(report);

    } else if (report) {
        ngx_adm_call_free(report->call);
    }
}


/* the next place */

static ngx_uint_t
ngx_adm_shares_next(ngx_adm_shares_rate_t *rate)
{
    ngx_uint_t  next;

    next = rate->next % NGX_ADM_SHARES;

    if (next == 0) {
        rate->cycle = ngx_current_msec - rate->begins;
        rate->begins = ngx_current_msec;
    }

    rate->next = next + 1;

    return next;
}


static ngx_uint_t
ngx_adm_shares_asks(ngx_adm_shares_t *shares, ngx_msec_t ms)
{
    ngx_atomic_uint_t  asked;

    asked = shares->sh->asked;

    return (ngx_msec_int_t) (ngx_current_msec - asked) >= (ngx_msec_int_t) ms
           && ngx_atomic_cmp_set(&shares->sh->asked, asked, ngx_current_msec);
}


/* a key that leaves is told of for the last time; NGX_ERROR: out of memory */

static ngx_int_t
ngx_adm_shares_look(ngx_adm_shares_t *shares, ngx_uint_t index,
    ngx_adm_shares_report_t **report)
{
    ngx_adm_share_t      *share;
    ngx_adm_shares_sh_t  *sh;

    sh = shares->all->sh;
    share = &sh->shares[index];

    if (!ngx_adm_shares_mine(shares, index)) {
        return NGX_OK;
    }

    if (share->row == 0 || adm_load(&share->used) != share->told
        || ngx_current_msec - share->told_at >= NGX_ADM_SHARE_QUIET)
    {
        if (*report == NULL) {
            *report = ngx_adm_shares_begin(shares,
                               ngx_adm_shares_asks(shares, NGX_ADM_SHARE_ASK));
        }

        if (*report == NULL || ngx_adm_shares_tell(*report, index) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_adm_shares_leaves(shares, share)) {
        __atomic_store_n(&sh->tags[index], 0, __ATOMIC_RELEASE);
    }

    return NGX_OK;
}


/*
 * 1 if nobody uses the key any more, or nobody much: here, or elsewhere.  Less
 * than much is half of what made it so.
 */

static ngx_uint_t
ngx_adm_shares_leaves(ngx_adm_shares_t *shares, ngx_adm_share_t *share)
{
    int64_t         used;
    ngx_msec_int_t  passed;

    passed = (ngx_msec_int_t) (ngx_current_msec - share->checked);

    if (passed < NGX_ADM_SHARE_CHECK) {
        return 0;
    }

    used = adm_load(&share->used) - share->then;

    share->checked = ngx_current_msec;
    share->then += used;
    share->heavy = used > 0
                   && used * shares->gcra.interval * 4
                      * ngx_adm_fleet_nodes(shares->fleet)
                      >= adm_ticks(passed);

    return (ngx_msec_int_t) (ngx_current_msec - share->last)
           > NGX_ADM_SHARE_CHECK
           || (!share->heavy
               && adm_recent_left(&shares->all->names,
                                  ngx_adm_shares_name(shares, share->hash),
                                  ngx_current_msec / 1000)
                  == 0);
}


/* NULL: out of memory */

static ngx_adm_shares_report_t *
ngx_adm_shares_begin(ngx_adm_shares_t *shares, ngx_uint_t asks)
{
    ngx_str_t                 node;
    ngx_adm_call_t           *call;
    ngx_adm_fleet_t          *fleet;
    ngx_adm_shares_report_t  *report;

    fleet = shares->fleet;

    call = ngx_adm_call_create(fleet->redis, NGX_ADM_SCRIPT_SHARE,
                               fleet->redis->conf.claim_timeout);
    if (call == NULL) {
        return NULL;
    }

    node = ngx_adm_fleet_node(fleet);
    report = ngx_palloc(call->pool, sizeof(ngx_adm_shares_report_t));

    if (report == NULL
        || ngx_adm_call_key(call, &shares->base) != NGX_OK
        || ngx_adm_call_text(call, node.data, node.len) != NGX_OK
        || ngx_adm_call_number(call,
                          ngx_atomic_fetch_add(&shares->all->sh->number, 1)
                          + 1)
           != NGX_OK
        || ngx_adm_call_number(call, shares->gcra.interval) != NGX_OK
        || ngx_adm_call_number(call, shares->gcra.ceiling
                                     + adm_ticks(NGX_ADM_SHARE_DEBT))
           != NGX_OK
        || ngx_adm_call_number(call, ngx_adm_shares_spread(shares->sh))
           != NGX_OK
        || ngx_adm_call_number(call, asks) != NGX_OK)
    {
        ngx_adm_call_free(call);
        return NULL;
    }

    report->shares = shares;
    report->call = call;
    report->n = 0;

    call->handler = ngx_adm_shares_answered;
    call->data = report;

    return report;
}


/* ms: a key that is in use was told of so long ago at most */

static ngx_uint_t
ngx_adm_shares_spread(ngx_adm_shares_rate_t *rate)
{
    return 2 * ngx_max(NGX_ADM_SHARE_PERIOD,
                       ngx_min(rate->cycle, NGX_ADM_SHARE_CHECK));
}


/*
 * After a time without answers a new row begins: what was used in it counts
 * by the level that is left of it.  NGX_ERROR: out of memory.
 */

static ngx_int_t
ngx_adm_shares_tell(ngx_adm_shares_report_t *report, ngx_uint_t index)
{
    u_char                *text;
    uint64_t               level;
    ngx_str_t              key, *base;
    ngx_adm_call_t        *call;
    ngx_adm_zone_t        *zone;
    ngx_adm_share_t       *share;
    ngx_adm_shares_sh_t   *sh;
    ngx_adm_share_told_t  *told;

    call = report->call;
    base = &report->shares->base;
    zone = report->shares->rates->zone;
    sh = report->shares->all->sh;
    share = &sh->shares[index];

    key.len = base->len + 1 + NGX_ADM_SHARE_TEXT;
    key.data = ngx_pnalloc(call->pool, key.len);
    if (key.data == NULL) {
        return NGX_ERROR;
    }

    text = ngx_sprintf(key.data, "%V:", base);
    adm_hex(text, share->hash, NGX_ADM_SHARE_HASH);

    if (share->row == 0 || ngx_adm_shares_alone(report->shares)) {
        share->row = ngx_atomic_fetch_add(&sh->number, 1) + 1;
    }

    level = adm_table_level(&zone->table, adm_load(&sh->tags[index]),
                            ngx_adm_zone_now(zone));

    share->told_at = ngx_current_msec;

    told = &report->told[report->n++];

    told->index = index;
    told->row = share->row;
    told->units = adm_load(&share->used);

    return (ngx_adm_call_key(call, &key) == NGX_OK
            && ngx_adm_call_text(call, text, NGX_ADM_SHARE_TEXT) == NGX_OK
            && ngx_adm_call_number(call, told->row) == NGX_OK
            && ngx_adm_call_number(call, told->units) == NGX_OK
            && ngx_adm_call_number(call, !share->heard) == NGX_OK
            && ngx_adm_call_number(call, level) == NGX_OK
            && ngx_adm_call_number(call, share->heavy) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


static void
ngx_adm_shares_send(ngx_adm_shares_report_t *report)
{
    if (ngx_adm_call_send(report->call) != NGX_OK) {
        ngx_adm_call_free(report->call);
    }
}


/* an answer that is late says what was: the next will say what is */

static void
ngx_adm_shares_answered(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    ngx_uint_t                i;
    ngx_adm_value_t          *levels;
    ngx_adm_shares_report_t  *report;

    report = call->data;

    if (value == NULL || value->type != NGX_ADM_VALUE_ARRAY || value->n != 2
        || value->elements[0]->type != NGX_ADM_VALUE_ARRAY
        || value->elements[0]->n != 3 * report->n
        || value->elements[1]->type != NGX_ADM_VALUE_ARRAY)
    {
        return;
    }

    levels = value->elements[0];

    for (i = 0; i < levels->n; i++) {
        if (levels->elements[i]->type != NGX_ADM_VALUE_INTEGER) {
            return;
        }
    }

    for (i = 0; i < report->n; i++) {
        ngx_adm_shares_hear(report->shares, &report->told[i],
                            &levels->elements[3 * i]);
    }

    ngx_adm_shares_hear_names(report->shares, value->elements[1]);

    report->shares->sh->heard = ngx_current_msec;
}


static void
ngx_adm_shares_hear(ngx_adm_shares_t *shares, ngx_adm_share_told_t *told,
    ngx_adm_value_t **number)
{
    int64_t               level, units;
    uint64_t              tag, interval;
    ngx_adm_zone_t       *zone;
    ngx_adm_share_t      *share;
    ngx_adm_shares_sh_t  *sh;

    sh = shares->all->sh;
    zone = shares->rates->zone;
    share = &sh->shares[told->index];
    tag = adm_load(&sh->tags[told->index]);
    level = number[0]->integer;

    if (tag <= NGX_ADM_SHARE_TAKEN || share->row != told->row) {
        return;
    }

    share->told = told->units;

    /* not a level that any node makes: the key is another's, or damaged */

    if (level < 0 || level > (int64_t) (shares->gcra.ceiling
                                        + adm_ticks(NGX_ADM_SHARE_DEBT)) + 1)
    {
        return;
    }

    ngx_adm_shares_part(shares, share, number[1]->integer, number[2]->integer);

    /* and what was used here since */

    interval = ngx_max(shares->gcra.interval, share->interval);
    units = adm_load(&share->used) - told->units;
    level += units * (int64_t) interval;

    adm_table_set(&zone->table, tag, ngx_adm_zone_now(zone),
                  ngx_max(level, 0));

    share->heard = 1;
}


/*
 * What the others leave of the rate, if they go on so, and at least this
 * node's part of it.  A quarter is added: what is too much is waited for, but
 * what is too little is lost.
 */

static void
ngx_adm_shares_part(ngx_adm_shares_t *shares, ngx_adm_share_t *share,
    uint64_t others, uint64_t since)
{
    uint64_t  used, left;

    if (since < NGX_ADM_SHARE_SOON * 1000) {
        return;
    }

    /* thousandths: ticks that they take to drain, of those that passed */

    others = ngx_min(others, ADM_GCRA_DEPTH_MAX / shares->gcra.interval);
    since = ngx_min(since, UINT32_MAX);

    used = others * shares->gcra.interval / (since * adm_ticks(1) / 1000000);
    left = NGX_ADM_SHARE_WHOLE - ngx_min(used, NGX_ADM_SHARE_WHOLE);

    left += (NGX_ADM_SHARE_SMOOTH - 1) * share->part;
    share->part = left / NGX_ADM_SHARE_SMOOTH;

    left = ngx_max(share->part, NGX_ADM_SHARE_WHOLE
                                / ngx_adm_fleet_nodes(shares->fleet));
    left = ngx_min(left + left / 4 + 1, NGX_ADM_SHARE_WHOLE);

    __atomic_store_n(&share->interval, shares->gcra.interval
                                       * NGX_ADM_SHARE_WHOLE / left,
                     __ATOMIC_RELEASE);
}


/* no names: they were not asked for, or there are none, and time tells */

static void
ngx_adm_shares_hear_names(ngx_adm_shares_t *shares, ngx_adm_value_t *names)
{
    u_char            hash[NGX_ADM_SHARE_HASH];
    ngx_uint_t        i;
    ngx_adm_value_t  *name;

    for (i = 0; i < names->n; i++) {
        name = names->elements[i];

        if (name->type == NGX_ADM_VALUE_TEXT
            && name->text.len == NGX_ADM_SHARE_TEXT
            && adm_unhex(hash, name->text.data, NGX_ADM_SHARE_HASH))
        {
            adm_recent_note(&shares->all->names,
                            ngx_adm_shares_name(shares, hash),
                            ngx_current_msec / 1000, NGX_ADM_SHARE_NAMED);

            shares->sh->named = ngx_current_msec + NGX_ADM_SHARE_NAMED * 1000;
        }
    }
}
