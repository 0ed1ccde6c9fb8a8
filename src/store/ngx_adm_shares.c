
/*
 * Shares: what a request does, and which keys are told of.
 */


#include <ngx_adm_shares_all.h>
#include <openssl/sha.h>


static ngx_adm_shares_all_t *ngx_adm_shares_of(ngx_conf_t *cf,
    ngx_adm_fleet_t *fleet);
static ngx_int_t ngx_adm_shares_attach(void *data, void *memory,
    ngx_uint_t made);
static ngx_adm_shares_rate_t *ngx_adm_shares_rate(ngx_adm_shares_all_t *all,
    uint64_t tag);
static uint64_t ngx_adm_shares_tag(ngx_adm_shares_t *shares);
static ngx_uint_t ngx_adm_shares_owned(ngx_adm_shares_all_t *all,
    uint64_t tag);
static ngx_adm_share_t *ngx_adm_shares_find(ngx_adm_shares_t *shares,
    uint64_t tag);
static void ngx_adm_shares_note(ngx_adm_shares_rate_t *rate);
static void ngx_adm_shares_narrow(ngx_adm_shares_t *shares,
    ngx_adm_share_t *share, adm_gcra_t *g, uint64_t cost);
static void ngx_adm_shares_meet(ngx_adm_shares_t *shares, uint64_t tag,
    ngx_str_t *key, uint64_t cost);
static ngx_uint_t ngx_adm_shares_heavy(ngx_adm_shares_t *shares, uint64_t tag,
    uint64_t cost);
static void ngx_adm_shares_enter(ngx_adm_shares_t *shares, uint64_t tag,
    const u_char *hash, ngx_uint_t heavy);


ngx_adm_shares_t *
ngx_adm_shares_add(ngx_conf_t *cf, ngx_adm_fleet_t *fleet,
    ngx_adm_rates_t *rates)
{
    ngx_str_t         *prefix;
    ngx_adm_shares_t  *shares, **place;

    shares = ngx_pcalloc(cf->pool, sizeof(ngx_adm_shares_t));
    if (shares == NULL) {
        return NULL;
    }

    prefix = &fleet->redis->conf.prefix;

    shares->base.data = ngx_pnalloc(cf->pool, prefix->len + rates->name.len
                                              + sizeof("fleet:{}"));
    if (shares->base.data == NULL) {
        return NULL;
    }

    shares->base.len = ngx_sprintf(shares->base.data, "%Vfleet:{%V}", prefix,
                                   &rates->name)
                       - shares->base.data;

    shares->fleet = fleet;
    shares->rates = rates;
    shares->all = ngx_adm_shares_of(cf, fleet);

    if (shares->all == NULL) {
        return NULL;
    }

    place = ngx_array_push(&shares->all->rates);
    if (place == NULL) {
        return NULL;
    }

    *place = shares;

    return shares;
}


/* the one part of the memory that all rates are in */

static ngx_adm_shares_all_t *
ngx_adm_shares_of(ngx_conf_t *cf, ngx_adm_fleet_t *fleet)
{
    ngx_uint_t             i;
    ngx_adm_fleet_part_t  *part;
    ngx_adm_shares_all_t  *all;

    part = fleet->parts.elts;

    for (i = 0; i < fleet->parts.nelts; i++) {

        if (part[i].attach == ngx_adm_shares_attach) {
            return part[i].data;
        }
    }

    all = ngx_pcalloc(cf->pool, sizeof(ngx_adm_shares_all_t));
    part = ngx_adm_fleet_part(fleet);

    if (all == NULL || part == NULL
        || ngx_array_init(&all->rates, cf->pool, 4,
                          sizeof(ngx_adm_shares_t *))
           != NGX_OK)
    {
        return NULL;
    }

    all->fleet = fleet;

    ngx_str_set(&part->name, "shares");

    part->size = sizeof(ngx_adm_shares_sh_t);
    part->attach = ngx_adm_shares_attach;
    part->tick = ngx_adm_shares_tick;
    part->data = all;

    return all;
}


/* only the master comes here */

static ngx_int_t
ngx_adm_shares_attach(void *data, void *memory, ngx_uint_t made)
{
    ngx_adm_shares_all_t  *all = data;

    ngx_uint_t          i;
    ngx_adm_shares_t  **shares;

    all->sh = memory;

    all->names.words = all->sh->names;
    all->names.lines = NGX_ADM_SHARE_NAMES;

    all->budgets.words = all->sh->budgets;
    all->budgets.lines = NGX_ADM_SHARE_BUDGETS;

    shares = all->rates.elts;

    for (i = 0; i < all->rates.nelts; i++) {
        shares[i]->sh = ngx_adm_shares_rate(all,
                                            ngx_adm_shares_tag(shares[i]));

        if (shares[i]->sh == NULL) {
            ngx_log_error(NGX_LOG_EMERG, all->fleet->shm_zone->shm.log, 0,
                          "too many rates of scope \"fleet\", at most %d; "
                          "\"%V\" has no place",
                          NGX_ADM_SHARE_RATES, &shares[i]->rates->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the rate's own place, else an unused one, else that of a rate now gone */

static ngx_adm_shares_rate_t *
ngx_adm_shares_rate(ngx_adm_shares_all_t *all, uint64_t tag)
{
    ngx_uint_t              i;
    ngx_adm_shares_rate_t  *rate, *place;

    place = NULL;

    for (i = 0; i < NGX_ADM_SHARE_RATES; i++) {
        rate = &all->sh->rates[i];

        if (rate->tag == tag) {
            return rate;
        }

        if (rate->tag == 0) {
            place = rate;
            break;
        }

        if (!ngx_adm_shares_owned(all, rate->tag)) {
            place = rate;
        }
    }

    if (place) {
        ngx_memzero(place, sizeof(ngx_adm_shares_rate_t));
        place->tag = tag;
    }

    return place;
}


static uint64_t
ngx_adm_shares_tag(ngx_adm_shares_t *shares)
{
    adm_str_t  name;

    name.data = shares->rates->name.data;
    name.len = shares->rates->name.len;

    return adm_recent_tag(0, name) | 1;
}


static ngx_uint_t
ngx_adm_shares_owned(ngx_adm_shares_all_t *all, uint64_t tag)
{
    ngx_uint_t          i;
    ngx_adm_shares_t  **shares;

    shares = all->rates.elts;

    for (i = 0; i < all->rates.nelts; i++) {

        if (ngx_adm_shares_tag(shares[i]) == tag) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_adm_shares_take(ngx_adm_shares_t *shares, const adm_gcra_t *g,
    ngx_str_t *key, uint64_t cost, ngx_uint_t shadow, ngx_adm_charge_t *charge,
    adm_gcra_answer_t *answer)
{
    uint64_t          tag;
    adm_gcra_t        mine;
    ngx_adm_share_t  *share;

    tag = ngx_adm_rates_client(shares->rates, key, shadow);

    if (shadow || ngx_adm_fleet_nodes(shares->fleet) == 1) {
        return ngx_adm_rates_take_of(shares->rates, g, tag, cost, shadow,
                                     charge, answer);
    }

    ngx_adm_shares_note(shares->sh);

    mine = *g;
    share = ngx_adm_shares_find(shares, tag);

    if (share) {
        ngx_adm_shares_narrow(shares, share, &mine, cost);
    }

    if (!ngx_adm_rates_take_of(shares->rates, &mine, tag, cost, 0, charge,
                               answer))
    {
        return 0;
    }

    if (charge->overflow || cost == 0) {
        return 1;
    }

    if (share) {
        (void) __atomic_fetch_add(&share->used, (int64_t) cost,
                                  __ATOMIC_SEQ_CST);
        share->last = ngx_current_msec;

    } else {
        ngx_adm_shares_meet(shares, tag, key, cost);
    }

    return 1;
}


void
ngx_adm_shares_peek(ngx_adm_shares_t *shares, const adm_gcra_t *g,
    ngx_str_t *key, uint64_t cost, ngx_uint_t shadow,
    adm_gcra_answer_t *answer)
{
    uint64_t          tag;
    adm_gcra_t        mine;
    ngx_adm_share_t  *share;

    mine = *g;

    if (!shadow && ngx_adm_fleet_nodes(shares->fleet) != 1) {
        tag = ngx_adm_rates_client(shares->rates, key, 0);
        share = ngx_adm_shares_find(shares, tag);

        if (share) {
            ngx_adm_shares_narrow(shares, share, &mine, cost);
        }
    }

    ngx_adm_rates_peek(shares->rates, &mine, key, cost, shadow, answer);
}


void
ngx_adm_shares_refund(ngx_adm_shares_t *shares, const adm_gcra_t *g,
    ngx_adm_charge_t *charge)
{
    int64_t           units;
    uint64_t          tag;
    ngx_adm_share_t  *share;

    tag = (charge->shadow || charge->overflow) ? 0 : charge->tag;

    /* what a unit cost here above its price comes back with the next report */

    units = ngx_adm_rates_refund(shares->rates, g, charge) / g->interval;

    if (tag == 0 || units == 0) {
        return;
    }

    share = ngx_adm_shares_find(shares, tag);

    if (share) {
        (void) __atomic_fetch_sub(&share->used, units, __ATOMIC_SEQ_CST);
    }
}


static ngx_adm_share_t *
ngx_adm_shares_find(ngx_adm_shares_t *shares, uint64_t tag)
{
    uint64_t              *tags;
    ngx_uint_t             i, line;
    ngx_adm_shares_sh_t   *sh;

    sh = shares->all->sh;
    line = tag % NGX_ADM_SHARE_LINES * NGX_ADM_SHARE_LINE;
    tags = &sh->tags[line];

    for (i = 0; i < NGX_ADM_SHARE_LINE; i++) {

        if (adm_load(&tags[i]) == tag) {
            return &sh->shares[line + i];
        }
    }

    return NULL;
}


static void
ngx_adm_shares_note(ngx_adm_shares_rate_t *rate)
{
    ngx_msec_int_t  passed;

    /* negative: the clock of another process is ahead by a turn of its loop */

    passed = (ngx_msec_int_t) (ngx_current_msec - rate->used);

    if (passed < NGX_ADM_SHARE_STEP) {
        return;
    }

    if (passed >= NGX_ADM_SHARE_UNUSED) {
        rate->begun = ngx_current_msec;
    }

    rate->used = ngx_current_msec;
}


/* the limit as it is for this node now */

static void
ngx_adm_shares_narrow(ngx_adm_shares_t *shares, ngx_adm_share_t *share,
    adm_gcra_t *g, uint64_t cost)
{
    uint64_t  interval;

    interval = ngx_adm_shares_alone(shares)
               ? g->interval * ngx_adm_fleet_nodes(shares->fleet)
               : adm_load(&share->interval);

    adm_gcra_narrow(g, interval, cost);
}


ngx_uint_t
ngx_adm_shares_alone(ngx_adm_shares_t *shares)
{
    ngx_adm_shares_rate_t  *rate;

    rate = shares->sh;

    return rate->heard
           && (ngx_msec_int_t) (ngx_current_msec - rate->heard)
              > NGX_ADM_SHARE_ALONE
           && (ngx_msec_int_t) (ngx_current_msec - rate->begun)
              > NGX_ADM_SHARE_ALONE;
}


uint64_t
ngx_adm_shares_name(ngx_adm_shares_t *shares, const u_char *hash)
{
    uint64_t  name;

    ngx_memcpy(&name, hash, sizeof(uint64_t));

    return name ^ shares->sh->tag;
}


/* a key that this node does not tell of */

static void
ngx_adm_shares_meet(ngx_adm_shares_t *shares, uint64_t tag, ngx_str_t *key,
    uint64_t cost)
{
    u_char      hash[SHA256_DIGEST_LENGTH];
    ngx_uint_t  heavy, named;

    heavy = ngx_adm_shares_heavy(shares, tag, cost);
    named = (ngx_msec_int_t) (shares->sh->named - ngx_current_msec) > 0;

    if (!heavy && !named) {
        return;
    }

    (void) SHA256(key->data, key->len, hash);

    if (heavy
        || adm_recent_left(&shares->all->names,
                           ngx_adm_shares_name(shares, hash),
                           ngx_current_msec / 1000))
    {
        ngx_adm_shares_enter(shares, tag, hash, heavy);
    }
}


/*
 * 1 if of its budget the key uses more here than half of this node's part: of
 * the rate, and, to begin with, of the burst.
 */

static ngx_uint_t
ngx_adm_shares_heavy(ngx_adm_shares_t *shares, uint64_t tag, uint64_t cost)
{
    uint64_t  unit, time, most;

    /* ticks of a rate, to 1/16 ms of a part */

    unit = shares->gcra.interval * 2 * ngx_adm_fleet_nodes(shares->fleet);
    most = ngx_max(shares->gcra.depth, 2 * unit) >> (ADM_TICK_BITS - 4);

    if (cost * shares->gcra.interval > shares->gcra.depth) {
        return 1;
    }

    time = ngx_min(cost * unit >> (ADM_TICK_BITS - 4), UINT64_C(1) << 40);

    return adm_budget_use(&shares->all->budgets, tag, ngx_current_msec << 4,
                          time + 1)
           > most + 1;
}


static void
ngx_adm_shares_enter(ngx_adm_shares_t *shares, uint64_t tag,
    const u_char *hash, ngx_uint_t heavy)
{
    uint64_t              *place;
    ngx_uint_t             i, line;
    ngx_adm_share_t       *share;
    ngx_adm_shares_sh_t   *sh;

    sh = shares->all->sh;
    line = tag % NGX_ADM_SHARE_LINES * NGX_ADM_SHARE_LINE;

    for (i = line; i < line + NGX_ADM_SHARE_LINE; i++) {
        place = &sh->tags[i];

        if (adm_load(place) == tag) {
            return;
        }

        if (adm_load(place) == 0
            && adm_word_cas(place, 0, NGX_ADM_SHARE_TAKEN))
        {
            share = &sh->shares[i];

            ngx_memzero(share, sizeof(ngx_adm_share_t));

            share->rate = shares->sh->tag;
            share->part = NGX_ADM_SHARE_WHOLE;
            share->last = ngx_current_msec;
            share->checked = ngx_current_msec;
            share->heavy = heavy;

            ngx_memcpy(share->hash, hash, NGX_ADM_SHARE_HASH);

            __atomic_store_n(place, tag, __ATOMIC_RELEASE);

            return;
        }
    }
}


ngx_uint_t
ngx_adm_shares_count(ngx_adm_shares_t *shares)
{
    ngx_uint_t            i, n;
    ngx_adm_shares_sh_t  *sh;

    n = 0;
    sh = shares->all->sh;

    for (i = 0; i < NGX_ADM_SHARES; i++) {
        n += adm_load(&sh->tags[i]) > NGX_ADM_SHARE_TAKEN
             && sh->shares[i].rate == shares->sh->tag;
    }

    return n;
}


ngx_uint_t
ngx_adm_shares_bound(ngx_adm_shares_t *shares)
{
    uint64_t    burst, period;
    ngx_uint_t  nodes;

    nodes = ngx_adm_fleet_nodes(shares->fleet);

    burst = shares->gcra.ceiling / shares->gcra.interval;
    period = adm_ticks(ngx_adm_shares_period(nodes)) / shares->gcra.interval
             + 1;

    return (nodes == 1) ? 0 : (nodes - 1) * burst + nodes * period;
}
