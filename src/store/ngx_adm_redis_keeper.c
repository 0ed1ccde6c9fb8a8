
/*
 * The keeper of a fleet: see the header.
 *
 * A trip's rates are taken by one call for each hash slot that their keys are
 * in, so by one where there is no cluster.  Each call takes all of its rates
 * or none; if one call refuses, what the others took goes back.
 *
 * Every call is answered by its deadline, and a trip when all of its calls
 * and commands are: so a trip is there for as long as their handlers are to
 * come, whether it was cancelled or not.  What comes late is given back by
 * what stands in the call's own pool.
 */


#include <ngx_adm_redis_checkout.h>
#include <ngx_adm_line_fleet.h>
#include <ngx_adm_stock_view.h>
#include <adm_keyslot.h>

#include <openssl/sha.h>


/* bytes of SHA-256 in a key, and of a key beside prefix and name */

#define NGX_ADM_REDIS_HASH      16
#define NGX_ADM_REDIS_RATE_KEY                                                \
    (sizeof("rate:{}:~dry") - 1 + 2 * NGX_ADM_REDIS_HASH)


/* what scripts return of each rate */

typedef enum {
    NGX_ADM_REDIS_LEVEL = 0,
    NGX_ADM_REDIS_TAT,
    NGX_ADM_REDIS_REFUNDED,
    NGX_ADM_REDIS_SINCE
} ngx_adm_redis_value_e;


/* the rates of a call, in its pool */

typedef struct {
    ngx_adm_trip_t       *trip;        /* until the call is answered */
    ngx_array_t           rates;       /* of ngx_adm_redis_rate_t */
} ngx_adm_redis_group_t;


static ngx_int_t ngx_adm_redis_part(ngx_adm_redis_keeper_t *rk,
    ngx_adm_fleet_t *fleet);
static ngx_int_t ngx_adm_redis_tag_stock(ngx_conf_t *cf,
    ngx_adm_stock_t *stock);
static ngx_int_t ngx_adm_redis_part_attach(void *data, void *memory,
    ngx_uint_t made);

static ngx_int_t ngx_adm_redis_submit(ngx_adm_trip_t *trip);
static void ngx_adm_redis_measure(ngx_adm_redis_rate_t *rate);
static void ngx_adm_redis_take_slot(ngx_adm_trip_t *trip, ngx_array_t *rates,
    ngx_uint_t slot, ngx_msec_t timeout);
static ngx_int_t ngx_adm_redis_group(ngx_adm_call_t *call,
    ngx_adm_trip_t *trip, ngx_array_t *rates, ngx_uint_t slot);
static void ngx_adm_redis_ask(ngx_adm_command_t *command);
static ngx_int_t ngx_adm_redis_key(ngx_pool_t *pool, ngx_str_t *prefix,
    ngx_adm_command_t *command, ngx_str_t *key);

static void ngx_adm_redis_taken(ngx_adm_call_t *call, ngx_adm_value_t *value);
static uint64_t *ngx_adm_redis_valid(ngx_adm_call_t *call,
    ngx_adm_value_t *value, ngx_uint_t n);
static void ngx_adm_redis_charge(ngx_adm_redis_rate_t *rate, uint64_t *words,
    ngx_adm_charge_t *charge);
static void ngx_adm_redis_asked(ngx_adm_command_t *command);
static void ngx_adm_redis_late(ngx_adm_call_t *call, ngx_adm_value_t *value);

static void ngx_adm_redis_give_back(ngx_adm_keeper_t *keeper,
    ngx_adm_command_t *command);
static ngx_adm_call_t *ngx_adm_redis_return(ngx_adm_redis_t *redis);
static ngx_int_t ngx_adm_redis_return_rate(ngx_adm_call_t *call,
    ngx_str_t *key, uint64_t interval, ngx_adm_charge_t *charge);
static void ngx_adm_redis_return_send(ngx_adm_call_t *call, ngx_int_t rc);
static void ngx_adm_redis_returned(ngx_adm_call_t *call,
    ngx_adm_value_t *value);


ngx_adm_keeper_t *
ngx_adm_redis_keeper_add(ngx_conf_t *cf, ngx_adm_redis_t *redis,
    ngx_adm_fleet_t *fleet)
{
    ngx_adm_keeper_t        *keeper;
    ngx_adm_redis_keeper_t  *rk;

    keeper = ngx_pcalloc(cf->pool, sizeof(ngx_adm_keeper_t));
    rk = ngx_pcalloc(cf->pool, sizeof(ngx_adm_redis_keeper_t));

    if (keeper == NULL || rk == NULL) {
        return NULL;
    }

    rk->redis = redis;
    rk->fleet = fleet;

    ngx_str_set(&keeper->name, "redis");
    keeper->data = rk;
    keeper->punctual = 1;
    keeper->submit = ngx_adm_redis_submit;
    keeper->give_back = ngx_adm_redis_give_back;
    keeper->admit = ngx_adm_redis_admit;
    keeper->extend = ngx_adm_redis_extend;
    keeper->end = ngx_adm_redis_end;

    return keeper;
}


ngx_int_t
ngx_adm_redis_keeper_checkouts(ngx_conf_t *cf, ngx_adm_keeper_t *keeper,
    ngx_adm_stock_t *stock)
{
    ngx_adm_redis_keeper_t  *rk;

    rk = keeper->data;

    rk->stock = stock;
    rk->outbox = ngx_adm_outbox_add(cf, rk->fleet);

    if (rk->outbox == NULL || ngx_adm_redis_part(rk, rk->fleet) != NGX_OK) {
        return NGX_ERROR;
    }

    if (stock == NULL) {
        return NGX_OK;
    }

    stock->view = ngx_adm_stock_view_add(cf, rk->fleet, stock);

    if (stock->view == NULL) {
        return NGX_ERROR;
    }

    return (rk->redis->conf.topology == NGX_ADM_REDIS_CLUSTER)
           ? ngx_adm_redis_tag_stock(cf, stock) : NGX_OK;
}


/* in a cluster a SKU is in braces, so that all of its keys are in one slot */

static ngx_int_t
ngx_adm_redis_tag_stock(ngx_conf_t *cf, ngx_adm_stock_t *stock)
{
    u_char  *p;

    p = stock->before.data + stock->before.len;

    if (ngx_strlchr(stock->before.data, p, '{')) {
        return NGX_OK;
    }

    p = ngx_pnalloc(cf->pool, stock->before.len + stock->after.len + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    stock->before.data = ngx_sprintf(p, "%V{", &stock->before)
                         - stock->before.len - 1;
    stock->before.len++;

    p += stock->before.len;

    stock->after.data = ngx_sprintf(p, "}%V", &stock->after)
                        - stock->after.len - 1;
    stock->after.len++;

    return NGX_OK;
}


/* it needs the fleet's ticks, and none of its memory */

static ngx_int_t
ngx_adm_redis_part(ngx_adm_redis_keeper_t *rk, ngx_adm_fleet_t *fleet)
{
    ngx_adm_fleet_part_t  *part;

    part = ngx_adm_fleet_part(fleet);
    if (part == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&part->name, "checkouts");
    part->size = 1;
    part->attach = ngx_adm_redis_part_attach;
    part->tick = ngx_adm_redis_settle_tick;
    part->stop = ngx_adm_redis_settle_stop;
    part->data = rk;

    return NGX_OK;
}


static ngx_int_t
ngx_adm_redis_part_attach(void *data, void *memory, ngx_uint_t made)
{
    return NGX_OK;
}


/*
 * Ticks of the scripts are 1/16 us, those of a limit 2^-16 ms.  Either way
 * rounded up, so that nothing passes too early: of a rate of 10,000 a second
 * that is less than 0.1 %, of 100,000 less than 1 %.
 */

static uint64_t
ngx_adm_redis_ticks(uint64_t ticks)
{
    return (ticks * 125 + 511) / 512;
}


static uint64_t
ngx_adm_redis_ticks_back(uint64_t ticks)
{
    return (ticks * 512 + 124) / 125;
}


/* if nothing was sent, what fails is told at once */

static ngx_int_t
ngx_adm_redis_submit(ngx_adm_trip_t *trip)
{
    ngx_uint_t          checkout;
    ngx_adm_command_t  *command;

    checkout = 0;

    for (command = trip->commands; command; command = command->next) {
        command->reply = NGX_ADM_REPLY_FAILED;

        switch (command->kind) {

        case NGX_ADM_COMMAND_RATE:
            break;

        case NGX_ADM_COMMAND_KEY:
        case NGX_ADM_COMMAND_STOCK:
            checkout = 1;
            break;

        case NGX_ADM_COMMAND_ASK:
            ngx_adm_redis_inquire(command);
            break;

        default:                   /* JOIN, CLAIM */
            ngx_adm_redis_ask(command);
            break;
        }
    }

    if (checkout) {
        ngx_adm_redis_checkout(trip);

    } else {
        ngx_adm_redis_take_rates(trip, trip->timeout);
    }

    return trip->pending ? NGX_OK : NGX_ERROR;
}


static void
ngx_adm_redis_ask(ngx_adm_command_t *command)
{
    if (ngx_adm_line_fleet_ask(command, ngx_adm_redis_asked) == NGX_OK) {
        command->trip->pending++;
    }
}


/* the first of a slot takes the others of it along */

void
ngx_adm_redis_take_rates(ngx_adm_trip_t *trip, ngx_msec_t timeout)
{
    ngx_uint_t             i, k;
    ngx_array_t            rates;
    ngx_adm_redis_rate_t  *rate;

    if (ngx_adm_redis_rates(trip, &rates) != NGX_OK) {
        return;
    }

    rate = rates.elts;

    for (i = 0; i < rates.nelts; i++) {

        for (k = 0; rate[k].slot != rate[i].slot; k++) { /* void */ }

        if (k == i) {
            ngx_adm_redis_take_slot(trip, &rates, rate[i].slot, timeout);
        }
    }
}


ngx_int_t
ngx_adm_redis_rates(ngx_adm_trip_t *trip, ngx_array_t *rates)
{
    adm_str_t                key;
    ngx_adm_redis_t         *redis;
    ngx_adm_command_t       *command;
    ngx_adm_redis_rate_t    *rate;
    ngx_adm_redis_keeper_t  *rk;

    rk = trip->keeper->data;
    redis = rk->redis;

    if (ngx_array_init(rates, trip->pool, 2, sizeof(ngx_adm_redis_rate_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (command = trip->commands; command; command = command->next) {

        if (command->kind != NGX_ADM_COMMAND_RATE) {
            continue;
        }

        rate = ngx_array_push(rates);

        if (rate == NULL
            || ngx_adm_redis_key(trip->pool, &redis->conf.prefix, command,
                                 &rate->key)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        rate->command = command;
        rate->slot = 0;

        ngx_adm_redis_measure(rate);

        if (redis->conf.topology == NGX_ADM_REDIS_CLUSTER) {
            key.len = rate->key.len;
            key.data = rate->key.data;
            rate->slot = adm_keyslot(key);
        }
    }

    return NGX_OK;
}


/*
 * A depth is of whole units, so that as many fit as are configured; what is
 * more than that never fits.
 */

static void
ngx_adm_redis_measure(ngx_adm_redis_rate_t *rate)
{
    uint64_t            units;
    ngx_adm_command_t  *command;

    command = rate->command;
    units = command->gcra.depth / command->gcra.interval;

    rate->interval = ngx_adm_redis_ticks(command->gcra.interval);
    rate->depth = units * rate->interval;
    rate->ticks = ngx_min(command->cost, units + 1) * rate->interval;
}


/* the header says how it is made */

static ngx_int_t
ngx_adm_redis_key(ngx_pool_t *pool, ngx_str_t *prefix,
    ngx_adm_command_t *command, ngx_str_t *key)
{
    u_char     *p;
    ngx_str_t  *name;
    u_char      hash[SHA256_DIGEST_LENGTH];

    name = &command->rates->name;

    key->data = ngx_pnalloc(pool, prefix->len + NGX_ADM_REDIS_RATE_KEY
                                  + name->len);
    if (key->data == NULL) {
        return NGX_ERROR;
    }

    (void) SHA256(command->key.data, command->key.len, hash);

    p = ngx_cpymem(key->data, prefix->data, prefix->len);
    p = ngx_cpymem(p, "rate:{", sizeof("rate:{") - 1);
    p = ngx_hex_dump(p, hash, NGX_ADM_REDIS_HASH);
    p = ngx_cpymem(p, "}:", sizeof("}:") - 1);
    p = ngx_cpymem(p, name->data, name->len);

    if (command->shadow) {
        p = ngx_cpymem(p, "~dry", sizeof("~dry") - 1);
    }

    key->len = p - key->data;

    return NGX_OK;
}


static void
ngx_adm_redis_take_slot(ngx_adm_trip_t *trip, ngx_array_t *rates,
    ngx_uint_t slot, ngx_msec_t timeout)
{
    ngx_adm_call_t          *call;
    ngx_adm_redis_keeper_t  *rk;

    rk = trip->keeper->data;

    call = ngx_adm_call_create(rk->redis, NGX_ADM_SCRIPT_RATE, timeout);
    if (call == NULL) {
        return;
    }

    call->handler = ngx_adm_redis_taken;
    call->late = ngx_adm_redis_late;

    if (ngx_adm_redis_group(call, trip, rates, slot) != NGX_OK
        || ngx_adm_call_send(call) != NGX_OK)
    {
        ngx_adm_call_free(call);
        return;
    }

    trip->pending++;
}


static ngx_int_t
ngx_adm_redis_group(ngx_adm_call_t *call, ngx_adm_trip_t *trip,
    ngx_array_t *rates, ngx_uint_t slot)
{
    ngx_uint_t              i;
    ngx_adm_redis_rate_t   *rate;
    ngx_adm_redis_group_t  *group;

    group = ngx_palloc(call->pool, sizeof(ngx_adm_redis_group_t));

    if (group == NULL
        || ngx_array_init(&group->rates, call->pool, rates->nelts,
                          sizeof(ngx_adm_redis_rate_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    group->trip = trip;
    call->data = group;

    rate = rates->elts;

    for (i = 0; i < rates->nelts; i++) {

        /* there is room for all */

        if (rate[i].slot == slot
            && ngx_adm_redis_ride(call, ngx_array_push(&group->rates),
                                  &rate[i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_adm_redis_ride(ngx_adm_call_t *call, ngx_adm_redis_rate_t *rate,
    ngx_adm_redis_rate_t *asked)
{
    adm_gcra_t  *gcra;

    *rate = *asked;

    rate->key.data = ngx_pstrdup(call->pool, &asked->key);
    if (rate->key.data == NULL) {
        return NGX_ERROR;
    }

    gcra = &rate->command->gcra;

    if (ngx_adm_call_key(call, &rate->key) != NGX_OK
        || ngx_adm_call_number(call, rate->ticks) != NGX_OK
        || ngx_adm_call_number(call, rate->depth) != NGX_OK
        || ngx_adm_call_number(call, (gcra->ceiling / gcra->interval + 1)
                                     * rate->interval) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_adm_redis_taken(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    uint64_t               *words;
    ngx_uint_t              i;
    ngx_adm_trip_t         *trip;
    ngx_adm_redis_rate_t   *rate;
    ngx_adm_redis_group_t  *group;

    group = call->data;
    trip = group->trip;
    rate = group->rates.elts;

    words = ngx_adm_redis_valid(call, value, group->rates.nelts);

    if (words) {

        for (i = 0; i < group->rates.nelts; i++) {
            rate[i].command->reply = ngx_adm_redis_read(&rate[i],
                                         words + i * NGX_ADM_REDIS_RATE_WORDS);
        }

    } else if (value) {
        call->rc = NGX_ADM_CALL_MALFORMED;
    }

    ngx_adm_redis_over(trip);
}


/* what the script returns for "n" rates; NULL: it is something else */

static uint64_t *
ngx_adm_redis_valid(ngx_adm_call_t *call, ngx_adm_value_t *value, ngx_uint_t n)
{
    uint64_t         *words;
    ngx_uint_t        i;
    ngx_adm_value_t  *of;

    if (value == NULL
        || value->type != NGX_ADM_VALUE_ARRAY
        || value->n != n * NGX_ADM_REDIS_RATE_WORDS)
    {
        return NULL;
    }

    words = ngx_palloc(call->pool, value->n * sizeof(uint64_t));
    if (words == NULL) {
        return NULL;
    }

    for (i = 0; i < value->n; i++) {
        of = value->elements[i];

        if (of->type != NGX_ADM_VALUE_INTEGER
            || of->integer < 0 || of->integer > NGX_ADM_REDIS_EXACT)
        {
            return NULL;
        }

        words[i] = of->integer;
    }

    return words;
}


ngx_adm_reply_e
ngx_adm_redis_read(ngx_adm_redis_rate_t *rate, uint64_t *words)
{
    uint64_t            level;
    ngx_adm_command_t  *command;
    adm_gcra_answer_t  *answer;

    command = rate->command;
    answer = &command->answer;

    level = words[NGX_ADM_REDIS_LEVEL];

    answer->wait = 0;

    if (rate->ticks == 0 || level + rate->ticks <= rate->depth) {
        level += rate->ticks;

    } else if (rate->ticks > rate->depth) {
        answer->wait = UINT64_MAX;

    } else {
        answer->wait = ngx_adm_redis_ticks_back(level + rate->ticks
                                                - rate->depth);
    }

    answer->remaining = (rate->depth > level)
                        ? (rate->depth - level) / rate->interval : 0;

    ngx_adm_redis_charge(rate, words, &command->charge);
    command->charge.shadow = command->shadow;

    return answer->wait ? NGX_ADM_REPLY_REFUSED : NGX_ADM_REPLY_GRANTED;
}


static void
ngx_adm_redis_charge(ngx_adm_redis_rate_t *rate, uint64_t *words,
    ngx_adm_charge_t *charge)
{
    ngx_memzero(charge, sizeof(ngx_adm_charge_t));

    charge->cost = rate->ticks / rate->interval;
    charge->level = words[NGX_ADM_REDIS_TAT];
    charge->refunded = words[NGX_ADM_REDIS_REFUNDED];
    charge->since = words[NGX_ADM_REDIS_SINCE];
    charge->made = charge->level - words[NGX_ADM_REDIS_LEVEL] - rate->ticks;
    charge->remote = (charge->level != 0);
}


static void
ngx_adm_redis_asked(ngx_adm_command_t *command)
{
    ngx_adm_redis_over(command->trip);
}


/*
 * All rates of a trip, or none: of several slots one may have taken what
 * another refused.
 */

void
ngx_adm_redis_over(ngx_adm_trip_t *trip)
{
    ngx_uint_t          refused;
    ngx_adm_command_t  *command;

    if (--trip->pending) {
        return;
    }

    refused = 0;

    for (command = trip->commands; command; command = command->next) {
        refused |= (command->kind == NGX_ADM_COMMAND_RATE
                    && command->reply == NGX_ADM_REPLY_REFUSED);
    }

    for (command = trip->commands; refused && command; command = command->next)
    {
        if (command->kind == NGX_ADM_COMMAND_RATE) {
            ngx_adm_redis_give_back(trip->keeper, command);
        }
    }

    ngx_adm_trip_answer(trip, trip->serial);
}


/* it has been decided without; the trip is gone */

static void
ngx_adm_redis_late(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    uint64_t               *words;
    ngx_adm_redis_group_t  *group;

    group = call->data;
    words = ngx_adm_redis_valid(call, value, group->rates.nelts);

    if (words) {
        ngx_adm_redis_rates_late(call->redis, &group->rates, words);
    }
}


void
ngx_adm_redis_rates_late(ngx_adm_redis_t *redis, ngx_array_t *rates,
    uint64_t *words)
{
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_adm_call_t        *back;
    ngx_adm_charge_t       charge;
    ngx_adm_redis_rate_t  *rate;

    rate = rates->elts;

    back = ngx_adm_redis_return(redis);
    if (back == NULL) {
        return;
    }

    rc = NGX_OK;

    for (i = 0; i < rates->nelts && rc == NGX_OK; i++) {
        ngx_adm_redis_charge(&rate[i], words + i * NGX_ADM_REDIS_RATE_WORDS,
                             &charge);

        rc = ngx_adm_redis_return_rate(back, &rate[i].key, rate[i].interval,
                                       &charge);
    }

    ngx_adm_redis_return_send(back, rc);
}


static void
ngx_adm_redis_give_back(ngx_adm_keeper_t *keeper, ngx_adm_command_t *command)
{
    ngx_str_t                key;
    ngx_int_t                rc;
    ngx_adm_call_t          *call;
    ngx_adm_redis_t         *redis;
    ngx_adm_redis_keeper_t  *rk;

    if (command->kind != NGX_ADM_COMMAND_RATE) {
        ngx_adm_line_fleet_give_back(command);
        return;
    }

    if (!command->charge.remote) {
        return;
    }

    rk = keeper->data;
    redis = rk->redis;

    call = ngx_adm_redis_return(redis);
    if (call == NULL) {
        return;
    }

    rc = ngx_adm_redis_key(call->pool, &redis->conf.prefix, command, &key);

    if (rc == NGX_OK) {
        rc = ngx_adm_redis_return_rate(call, &key,
                                       ngx_adm_redis_ticks(
                                                     command->gcra.interval),
                                       &command->charge);
    }

    ngx_adm_redis_return_send(call, rc);

    command->charge.remote = 0;
}


/* nobody waits for it; if it is lost, what was taken drains all the same */

static ngx_adm_call_t *
ngx_adm_redis_return(ngx_adm_redis_t *redis)
{
    ngx_adm_call_t  *call;

    call = ngx_adm_call_create(redis, NGX_ADM_SCRIPT_RATE_BACK,
                               redis->conf.claim_timeout);
    if (call == NULL) {
        return NULL;
    }

    call->handler = ngx_adm_redis_returned;

    return call;
}


static ngx_int_t
ngx_adm_redis_return_rate(ngx_adm_call_t *call, ngx_str_t *key,
    uint64_t interval, ngx_adm_charge_t *charge)
{
    ngx_str_t  own;

    if (!charge->remote) {
        return NGX_OK;
    }

    /* it may go out after the call whose key this was is gone */

    own.len = key->len;

    own.data = ngx_pstrdup(call->pool, key);
    if (own.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_adm_call_key(call, &own) != NGX_OK
        || ngx_adm_call_number(call, charge->cost * interval) != NGX_OK
        || ngx_adm_call_number(call, charge->level) != NGX_OK
        || ngx_adm_call_number(call, charge->refunded) != NGX_OK
        || ngx_adm_call_number(call, charge->since) != NGX_OK
        || ngx_adm_call_number(call, charge->made) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_adm_redis_return_send(ngx_adm_call_t *call, ngx_int_t rc)
{
    if (rc != NGX_OK
        || call->keys.nelts == 0
        || ngx_adm_call_send(call) != NGX_OK)
    {
        ngx_adm_call_free(call);
    }
}


static void
ngx_adm_redis_returned(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    /* void */
}
