
/*
 * Trips with keys and stock over Redis.
 *
 * Where all keys are in one server one call of script "checkout" decides on
 * key, rates and stock together.  In a cluster the key goes first, alone,
 * since whoever does not have it takes nothing else; then rates and stock at
 * once, one call for each slot.  If one of them refuses, what the others took
 * goes back: rates before the trip is answered, key and stock with the end of
 * the checkout, which comes as soon as the request is refused.
 *
 * A checkout has its place in the outbox before anything is asked; what comes
 * too late, or never, is given back by its end.
 */


#include <ngx_adm_redis_checkout.h>
#include <ngx_adm_stock_view.h>


/* words of a reply */

typedef enum {
    NGX_ADM_REDIS_KEY_SAID = 0,
    NGX_ADM_REDIS_KEY_WAIT,
    NGX_ADM_REDIS_KEY_STATUS,
    NGX_ADM_REDIS_KEY_WORDS
} ngx_adm_redis_key_word_e;

typedef enum {
    NGX_ADM_REDIS_STOCK_SAID = 0,
    NGX_ADM_REDIS_STOCK_ITEM,
    NGX_ADM_REDIS_STOCK_WAIT,
    NGX_ADM_REDIS_STOCK_WORDS
} ngx_adm_redis_stock_word_e;


#define NGX_ADM_REDIS_HEAD   7


/* of a trip, in its pool */

typedef struct {
    ngx_adm_trip_t          *trip;
    ngx_adm_redis_keeper_t  *rk;
    ngx_adm_checkout_t      *checkout;
    ngx_adm_command_t       *key;        /* or NULL */
    ngx_adm_command_t       *stock;      /* or NULL */
    ngx_msec_t               since;
    ngx_uint_t               slots;      /* of stock, not answered yet */
    ngx_uint_t               failed;     /* one of them cannot tell */
    ngx_uint_t               taken;      /* ... has taken, or may have */
} ngx_adm_redis_visit_t;


/* of a call, in its pool */

typedef struct {
    ngx_adm_redis_visit_t   *visit;      /* until the call is answered */
    ngx_array_t              rates;      /* of ngx_adm_redis_rate_t */
    ngx_uint_t               keyed;
    ngx_uint_t               nitems;
    ngx_uint_t               items[ADM_CART_ITEMS];      /* of the cart */
} ngx_adm_redis_take_t;


static ngx_int_t ngx_adm_redis_visit_begin(ngx_adm_redis_visit_t *visit,
    ngx_adm_trip_t *trip);
static ngx_int_t ngx_adm_redis_visit_place(ngx_adm_redis_visit_t *visit);
static void ngx_adm_redis_visit_full(ngx_adm_redis_visit_t *visit);
static void ngx_adm_redis_visit_answer(ngx_event_t *ev);
static void ngx_adm_redis_visit_all(ngx_adm_redis_visit_t *visit);
static void ngx_adm_redis_visit_key(ngx_adm_redis_visit_t *visit);
static void ngx_adm_redis_visit_rest(ngx_adm_redis_visit_t *visit);
static void ngx_adm_redis_visit_slot(ngx_adm_redis_visit_t *visit,
    ngx_uint_t slot);
static ngx_msec_t ngx_adm_redis_visit_left(ngx_adm_redis_visit_t *visit);

static ngx_adm_call_t *ngx_adm_redis_take_call(ngx_adm_redis_visit_t *visit,
    ngx_adm_call_handler_pt handler, ngx_uint_t keyed);
static ngx_int_t ngx_adm_redis_take_head(ngx_adm_call_t *call);
static uint64_t ngx_adm_redis_take_flags(ngx_adm_redis_take_t *take);
static ngx_int_t ngx_adm_redis_take_items(ngx_adm_call_t *call);
static ngx_int_t ngx_adm_redis_take_send(ngx_adm_call_t *call);

static void ngx_adm_redis_took_all(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static void ngx_adm_redis_took_key(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static void ngx_adm_redis_took_slot(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static void ngx_adm_redis_took_late(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static uint64_t *ngx_adm_redis_took(ngx_adm_call_t *call,
    ngx_adm_value_t *value, ngx_str_t *kept);
static ngx_uint_t ngx_adm_redis_took_none(ngx_adm_call_t *call);
static void ngx_adm_redis_unasked(ngx_adm_call_t *call);
static ngx_int_t ngx_adm_redis_took_valid(ngx_adm_redis_take_t *take,
    uint64_t *words);
static void ngx_adm_redis_hear_key(ngx_adm_redis_visit_t *visit,
    uint64_t *words, ngx_str_t *kept);
static void ngx_adm_redis_hear_rates(ngx_adm_redis_take_t *take,
    uint64_t *words);
static void ngx_adm_redis_hear_stock(ngx_adm_redis_take_t *take,
    uint64_t *words);
static void ngx_adm_redis_hear_facts(ngx_adm_redis_take_t *take,
    uint64_t *words);
static void ngx_adm_redis_withhold(ngx_adm_redis_visit_t *visit);
static void ngx_adm_redis_settled(ngx_adm_redis_visit_t *visit);
static ngx_uint_t ngx_adm_redis_refused(ngx_adm_trip_t *trip);


void
ngx_adm_redis_checkout(ngx_adm_trip_t *trip)
{
    ngx_int_t               rc;
    ngx_adm_redis_visit_t  *visit;

    visit = ngx_pcalloc(trip->pool, sizeof(ngx_adm_redis_visit_t));

    if (visit == NULL || ngx_adm_redis_visit_begin(visit, trip) != NGX_OK) {
        return;
    }

    rc = ngx_adm_redis_visit_place(visit);

    if (rc == NGX_DECLINED) {
        ngx_adm_redis_visit_full(visit);
        return;
    }

    if (visit->rk->redis->conf.topology != NGX_ADM_REDIS_CLUSTER) {
        ngx_adm_redis_visit_all(visit);

    } else if (visit->key) {
        ngx_adm_redis_visit_key(visit);

    } else {
        ngx_adm_redis_visit_rest(visit);
    }
}


static ngx_int_t
ngx_adm_redis_visit_begin(ngx_adm_redis_visit_t *visit, ngx_adm_trip_t *trip)
{
    ngx_adm_redis_t    *redis;
    ngx_adm_call_rc_e   why;
    ngx_adm_command_t  *command;

    visit->trip = trip;
    visit->rk = trip->keeper->data;
    visit->since = ngx_current_msec;

    for (command = trip->commands; command; command = command->next) {

        if (command->kind == NGX_ADM_COMMAND_KEY) {
            visit->key = command;
            visit->checkout = command->checkout;

        } else if (command->kind == NGX_ADM_COMMAND_STOCK) {
            visit->stock = command;
            visit->checkout = command->checkout;
        }
    }

    redis = visit->rk->redis;

    if (!ngx_adm_redis_up(redis, &why)) {
        ngx_adm_count(redis->calls[NGX_ADM_SCRIPT_CHECKOUT], why);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NGX_DECLINED: the outbox is full; who only looks needs no place */

static ngx_int_t
ngx_adm_redis_visit_place(ngx_adm_redis_visit_t *visit)
{
    ngx_uint_t           key, stock;
    ngx_adm_checkout_t  *checkout;

    checkout = visit->checkout;

    key = visit->key && !visit->key->peek;
    stock = visit->stock && !visit->stock->peek;

    if (!key && !stock) {
        return NGX_OK;
    }

    if (checkout->place) {
        ngx_adm_outbox_more(checkout->place, checkout);

    } else {
        checkout->place = ngx_adm_outbox_take(visit->rk->outbox, checkout);
        if (checkout->place == NULL) {
            return NGX_DECLINED;
        }
    }

    if (checkout->state == NGX_ADM_CHECKOUT_NEW) {
        checkout->state = NGX_ADM_CHECKOUT_ASKED;
    }

    return NGX_OK;
}


/* nobody may be answered from here: hence the event */

static void
ngx_adm_redis_visit_full(ngx_adm_redis_visit_t *visit)
{
    ngx_adm_trip_t  *trip;

    trip = visit->trip;

    if (visit->key) {
        visit->key->key_said = NGX_ADM_KEY_FULL;
        visit->key->reply = NGX_ADM_REPLY_REFUSED;
    }

    if (visit->stock) {
        visit->stock->stock_said = NGX_ADM_STOCK_FULL;
        visit->stock->reply = NGX_ADM_REPLY_REFUSED;
    }

    trip->event.handler = ngx_adm_redis_visit_answer;
    trip->event.data = trip;
    trip->pending++;

    ngx_post_event(&trip->event, &ngx_posted_events);
}


static void
ngx_adm_redis_visit_answer(ngx_event_t *ev)
{
    ngx_adm_redis_over(ev->data);
}


/* one server: one call */

static void
ngx_adm_redis_visit_all(ngx_adm_redis_visit_t *visit)
{
    ngx_uint_t             i;
    ngx_array_t            rates;
    ngx_adm_call_t        *call;
    ngx_adm_redis_take_t  *take;
    ngx_adm_redis_rate_t  *rate;

    call = ngx_adm_redis_take_call(visit, ngx_adm_redis_took_all,
                                   visit->key != NULL);
    if (call == NULL) {
        return;
    }

    take = call->data;

    if (ngx_adm_redis_rates(visit->trip, &rates) != NGX_OK) {
        goto failed;
    }

    rate = rates.elts;

    for (i = 0; i < rates.nelts; i++) {

        if (ngx_array_push(&take->rates) == NULL
            || ngx_adm_redis_ride(call, (ngx_adm_redis_rate_t *)
                                        take->rates.elts + i, &rate[i])
               != NGX_OK)
        {
            goto failed;
        }
    }

    if (visit->stock) {
        for (i = 0; i < visit->checkout->nitems; i++) {
            take->items[take->nitems++] = i;
        }
    }

    if (ngx_adm_redis_take_send(call) == NGX_OK) {
        return;
    }

failed:

    ngx_adm_call_free(call);
}


static void
ngx_adm_redis_visit_key(ngx_adm_redis_visit_t *visit)
{
    ngx_adm_call_t  *call;

    call = ngx_adm_redis_take_call(visit, ngx_adm_redis_took_key, 1);

    if (call && ngx_adm_redis_take_send(call) != NGX_OK) {
        ngx_adm_call_free(call);
    }
}


/* of a cluster, and the key is ours, or there is none */

static void
ngx_adm_redis_visit_rest(ngx_adm_redis_visit_t *visit)
{
    ngx_uint_t   i, k, slots[ADM_CART_ITEMS];
    adm_item_t  *item;

    ngx_adm_redis_take_rates(visit->trip, ngx_adm_redis_visit_left(visit));

    if (visit->stock == NULL) {
        return;
    }

    for (i = 0; i < visit->checkout->nitems; i++) {
        item = &visit->checkout->items[i];

        slots[i] = ngx_adm_redis_sku_slot(visit->rk->redis, item->sku.data,
                                          item->sku.len);

        for (k = 0; slots[k] != slots[i]; k++) { /* void */ }

        if (k == i) {
            ngx_adm_redis_visit_slot(visit, slots[i]);
        }
    }
}


/* the first of a slot takes the others of it along */

static void
ngx_adm_redis_visit_slot(ngx_adm_redis_visit_t *visit, ngx_uint_t slot)
{
    ngx_uint_t             i;
    adm_item_t            *item;
    ngx_adm_call_t        *call;
    ngx_adm_redis_take_t  *take;

    call = ngx_adm_redis_take_call(visit, ngx_adm_redis_took_slot, 0);
    if (call == NULL) {
        visit->failed = 1;
        return;
    }

    take = call->data;

    for (i = 0; i < visit->checkout->nitems; i++) {
        item = &visit->checkout->items[i];

        if (ngx_adm_redis_sku_slot(visit->rk->redis, item->sku.data,
                                   item->sku.len)
            == slot)
        {
            take->items[take->nitems++] = i;
        }
    }

    if (ngx_adm_redis_take_send(call) != NGX_OK) {
        visit->failed = 1;
        ngx_adm_call_free(call);
        return;
    }

    visit->slots++;
}


/* ms; a trip's time is of all that it asks, one after the other */

static ngx_msec_t
ngx_adm_redis_visit_left(ngx_adm_redis_visit_t *visit)
{
    ngx_msec_int_t  left;

    left = visit->trip->timeout - (ngx_current_msec - visit->since);

    return ngx_max(1, left);
}


static ngx_adm_call_t *
ngx_adm_redis_take_call(ngx_adm_redis_visit_t *visit,
    ngx_adm_call_handler_pt handler, ngx_uint_t keyed)
{
    ngx_adm_call_t        *call;
    ngx_adm_redis_take_t  *take;

    call = ngx_adm_call_create(visit->rk->redis, NGX_ADM_SCRIPT_CHECKOUT,
                               ngx_adm_redis_visit_left(visit));
    if (call == NULL) {
        return NULL;
    }

    take = ngx_pcalloc(call->pool, sizeof(ngx_adm_redis_take_t));

    if (take == NULL
        || ngx_array_init(&take->rates, call->pool, 2,
                          sizeof(ngx_adm_redis_rate_t))
           != NGX_OK
        || (keyed && ngx_adm_redis_add_key(call, visit->checkout->key)
                     != NGX_OK)
        || ngx_adm_call_text(call, NULL, 0) != NGX_OK)
    {
        ngx_adm_call_free(call);
        return NULL;
    }

    take->visit = visit;
    take->keyed = keyed;

    call->handler = handler;
    call->late = ngx_adm_redis_took_late;
    call->data = take;

    return call;
}


static ngx_int_t
ngx_adm_redis_take_send(ngx_adm_call_t *call)
{
    ngx_adm_redis_take_t   *take;
    ngx_adm_redis_visit_t  *visit;

    take = call->data;
    visit = take->visit;

    if (ngx_adm_redis_take_head(call) != NGX_OK
        || ngx_adm_redis_take_items(call) != NGX_OK
        || ngx_adm_call_send(call) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (take->keyed && !visit->key->peek) {
        visit->checkout->key_asked = 1;
    }

    if (take->nitems && !visit->stock->peek) {
        visit->checkout->stock_asked = 1;
    }

    visit->trip->pending++;

    return NGX_OK;
}


/* the first argument, the place of which is there */

static ngx_int_t
ngx_adm_redis_take_head(ngx_adm_call_t *call)
{
    u_char                *p;
    uint64_t               words[NGX_ADM_REDIS_HEAD];
    ngx_str_t             *head;
    ngx_adm_checkout_t    *checkout;
    ngx_adm_redis_take_t  *take;

    take = call->data;
    checkout = take->visit->checkout;

    words[0] = ngx_adm_redis_take_flags(take);
    words[1] = take->nitems;
    words[2] = checkout->lock;
    words[3] = checkout->ttl;
    words[4] = checkout->hold;
    words[5] = checkout->per_buyer;
    words[6] = checkout->per_time;

    p = ngx_pnalloc(call->pool, sizeof(words) + NGX_ADM_CHECKOUT_ID
                                + 2 * NGX_ADM_CHECKOUT_HASH
                                + checkout->note_len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    head = call->args.elts;
    head->data = p;

    p = ngx_cpymem(p, words, sizeof(words));
    p = ngx_cpymem(p, checkout->id, NGX_ADM_CHECKOUT_ID);
    p = ngx_cpymem(p, checkout->fingerprint, NGX_ADM_CHECKOUT_HASH);
    p = ngx_cpymem(p, checkout->buyer, NGX_ADM_CHECKOUT_HASH);
    p = ngx_cpymem(p, checkout->note, checkout->note_len);

    head->len = p - head->data;

    return NGX_OK;
}


static uint64_t
ngx_adm_redis_take_flags(ngx_adm_redis_take_t *take)
{
    uint64_t                flags;
    ngx_adm_redis_visit_t  *visit;

    flags = 0;
    visit = take->visit;

    if (take->keyed) {
        flags |= NGX_ADM_REDIS_KEYED
                 | (visit->key->peek ? NGX_ADM_REDIS_KEY_PEEK : 0);
    }

    if (take->nitems) {
        flags |= (visit->stock->peek ? NGX_ADM_REDIS_PEEK : 0)
                 | (visit->checkout->returns ? NGX_ADM_REDIS_RETURNS : 0)
                 | (visit->stock->stock->close ? NGX_ADM_REDIS_CLOSE : 0);
    }

    return flags;
}


static ngx_int_t
ngx_adm_redis_take_items(ngx_adm_call_t *call)
{
    ngx_uint_t              i;
    adm_item_t             *item;
    ngx_adm_redis_take_t   *take;
    ngx_adm_redis_visit_t  *visit;

    take = call->data;
    visit = take->visit;

    for (i = 0; i < take->nitems; i++) {
        item = &visit->checkout->items[take->items[i]];

        if (ngx_adm_redis_add_sku(call, visit->stock->stock, item->sku.data,
                                  item->sku.len)
            != NGX_OK
            || ngx_adm_call_number(call, item->quantity) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Of a trip that was cancelled the checkout may be gone: its end gives back
 * what this took.
 */

static void
ngx_adm_redis_took_all(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    uint64_t               *words;
    ngx_str_t               kept;
    ngx_adm_redis_take_t   *take;
    ngx_adm_redis_visit_t  *visit;

    take = call->data;
    visit = take->visit;

    words = ngx_adm_redis_took(call, value, &kept);

    if (words) {

        if (visit->key) {
            ngx_adm_redis_hear_key(visit, words, &kept);
        }

        if (visit->key && visit->key->key_said != NGX_ADM_KEY_NEW) {
            ngx_adm_redis_withhold(visit);

        } else {
            ngx_adm_redis_hear_rates(take, words);

            if (visit->stock) {
                ngx_adm_redis_hear_stock(take, words);
            }
        }

        if (!visit->trip->cancelled) {
            ngx_adm_redis_settled(visit);
        }

    } else {
        ngx_adm_redis_unasked(call);
    }

    ngx_adm_redis_over(visit->trip);
}


/* what the one call has taken, it has told */

static void
ngx_adm_redis_settled(ngx_adm_redis_visit_t *visit)
{
    ngx_uint_t           taken;
    ngx_adm_checkout_t  *checkout;

    checkout = visit->checkout;

    taken = !ngx_adm_redis_refused(visit->trip);

    if (visit->key && !visit->key->peek) {
        checkout->key_taken = taken;
        checkout->key_asked = taken;
    }

    if (visit->stock && !visit->stock->peek) {
        checkout->stock_taken = taken;
        checkout->stock_asked = taken;
    }
}


static ngx_uint_t
ngx_adm_redis_refused(ngx_adm_trip_t *trip)
{
    ngx_adm_command_t  *command;

    for (command = trip->commands; command; command = command->next) {

        if (command->kind != NGX_ADM_COMMAND_JOIN
            && command->kind != NGX_ADM_COMMAND_CLAIM
            && command->reply != NGX_ADM_REPLY_GRANTED)
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_adm_redis_took_key(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    uint64_t               *words;
    ngx_str_t               kept;
    ngx_uint_t              taken;
    ngx_adm_redis_take_t   *take;
    ngx_adm_redis_visit_t  *visit;

    take = call->data;
    visit = take->visit;

    words = ngx_adm_redis_took(call, value, &kept);

    if (words == NULL || visit->trip->cancelled) {

        if (words == NULL) {
            ngx_adm_redis_unasked(call);
        }

        ngx_adm_redis_over(visit->trip);
        return;
    }

    ngx_adm_redis_hear_key(visit, words, &kept);

    taken = (visit->key->key_said == NGX_ADM_KEY_NEW);

    if (!visit->key->peek) {
        visit->checkout->key_taken = taken;
        visit->checkout->key_asked = taken;
    }

    if (taken) {
        ngx_adm_redis_visit_rest(visit);

    } else {
        ngx_adm_redis_withhold(visit);
    }

    ngx_adm_redis_over(visit->trip);
}


/* the stock is granted once all of its slots have */

static void
ngx_adm_redis_took_slot(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    uint64_t               *words;
    ngx_str_t               kept;
    ngx_adm_command_t      *stock;
    ngx_adm_checkout_t     *checkout;
    ngx_adm_redis_take_t   *take;
    ngx_adm_redis_visit_t  *visit;

    take = call->data;
    visit = take->visit;
    stock = visit->stock;
    checkout = visit->checkout;

    words = ngx_adm_redis_took(call, value, &kept);

    if (words) {
        ngx_adm_redis_hear_stock(take, words);

    } else {
        visit->failed = 1;
        visit->taken |= !ngx_adm_redis_took_none(call);
    }

    if (--visit->slots == 0 && !visit->trip->cancelled) {

        if (visit->failed && stock->stock_said == NGX_ADM_STOCK_OK) {
            stock->reply = NGX_ADM_REPLY_FAILED;
        }

        if (!stock->peek) {
            checkout->stock_taken = (stock->reply == NGX_ADM_REPLY_GRANTED);
            checkout->stock_asked = visit->taken;
        }
    }

    ngx_adm_redis_over(visit->trip);
}


/* 1: it was not sent, or the store says that it did not run it */

static ngx_uint_t
ngx_adm_redis_took_none(ngx_adm_call_t *call)
{
    return call->rc >= NGX_ADM_CALL_DOWN && call->rc <= NGX_ADM_CALL_WRONGTYPE;
}


/* what has taken nothing has nothing to give back */

static void
ngx_adm_redis_unasked(ngx_adm_call_t *call)
{
    ngx_adm_redis_take_t   *take;
    ngx_adm_redis_visit_t  *visit;

    take = call->data;
    visit = take->visit;

    if (visit->trip->cancelled || !ngx_adm_redis_took_none(call)) {
        return;
    }

    if (take->keyed && !visit->key->peek) {
        visit->checkout->key_asked = 0;
    }

    if (take->nitems && !visit->stock->peek) {
        visit->checkout->stock_asked = 0;
    }
}


/* the words of a reply, and what is behind them; NULL: it has none */

static uint64_t *
ngx_adm_redis_took(ngx_adm_call_t *call, ngx_adm_value_t *value,
    ngx_str_t *kept)
{
    uint64_t              *words;
    ngx_uint_t             n;
    ngx_adm_redis_take_t  *take;

    if (value == NULL) {
        return NULL;
    }

    take = call->data;

    n = NGX_ADM_REDIS_KEY_WORDS + take->rates.nelts * NGX_ADM_REDIS_RATE_WORDS
        + NGX_ADM_REDIS_STOCK_WORDS + take->nitems * NGX_ADM_REDIS_FACTS;

    words = ngx_palloc(call->pool, n * sizeof(uint64_t));
    if (words == NULL) {
        return NULL;
    }

    if (ngx_adm_redis_read_words(value, words, n) != NGX_OK
        || ngx_adm_redis_took_valid(take, words) != NGX_OK)
    {
        ngx_adm_redis_complain(call);
        return NULL;
    }

    kept->data = value->text.data + n * sizeof(uint64_t);
    kept->len = value->text.len - n * sizeof(uint64_t);

    return words;
}


static ngx_int_t
ngx_adm_redis_took_valid(ngx_adm_redis_take_t *take, uint64_t *words)
{
    uint64_t              *stock, said;
    ngx_uint_t             i;
    adm_facts_t            facts;
    ngx_adm_redis_look_e   look;

    stock = words + NGX_ADM_REDIS_KEY_WORDS
            + take->rates.nelts * NGX_ADM_REDIS_RATE_WORDS;

    said = stock[NGX_ADM_REDIS_STOCK_SAID];

    if (words[NGX_ADM_REDIS_KEY_SAID] > NGX_ADM_KEY_FULL
        || said > NGX_ADM_STOCK_WITHHELD
        || (take->nitems && stock[NGX_ADM_REDIS_STOCK_ITEM] >= take->nitems))
    {
        return NGX_DECLINED;
    }

    if (said == NGX_ADM_STOCK_WITHHELD) {

        /* by what? */

        return (words[NGX_ADM_REDIS_KEY_SAID] == NGX_ADM_KEY_NEW
                && take->rates.nelts == 0)
               ? NGX_DECLINED : NGX_OK;
    }

    for (i = 0; i < take->nitems; i++) {

        if (ngx_adm_redis_read_facts(stock + NGX_ADM_REDIS_STOCK_WORDS
                                     + i * NGX_ADM_REDIS_FACTS, &look, &facts)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static void
ngx_adm_redis_hear_key(ngx_adm_redis_visit_t *visit, uint64_t *words,
    ngx_str_t *kept)
{
    ngx_adm_command_t  *key;

    key = visit->key;

    key->key_said = words[NGX_ADM_REDIS_KEY_SAID];
    key->wait = words[NGX_ADM_REDIS_KEY_WAIT];
    key->status = words[NGX_ADM_REDIS_KEY_STATUS];
    key->reply = (key->key_said == NGX_ADM_KEY_NEW) ? NGX_ADM_REPLY_GRANTED
                                                    : NGX_ADM_REPLY_REFUSED;

    if (key->key_said != NGX_ADM_KEY_DONE) {
        return;
    }

    key->kept.len = kept->len;
    key->kept.data = ngx_pstrdup(visit->trip->pool, kept);

    if (key->kept.data == NULL) {
        key->reply = NGX_ADM_REPLY_FAILED;
    }
}


static void
ngx_adm_redis_hear_rates(ngx_adm_redis_take_t *take, uint64_t *words)
{
    ngx_uint_t             i;
    ngx_adm_redis_rate_t  *rate;

    rate = take->rates.elts;
    words += NGX_ADM_REDIS_KEY_WORDS;

    for (i = 0; i < take->rates.nelts; i++) {
        rate[i].command->reply = ngx_adm_redis_read(&rate[i],
                                         words + i * NGX_ADM_REDIS_RATE_WORDS);
    }
}


/* of several slots the first item of the cart that one of them refuses */

static void
ngx_adm_redis_hear_stock(ngx_adm_redis_take_t *take, uint64_t *words)
{
    ngx_uint_t              item;
    ngx_adm_command_t      *stock;
    ngx_adm_redis_look_e    look;
    ngx_adm_stock_rc_e      said;
    ngx_adm_redis_visit_t  *visit;

    visit = take->visit;
    stock = visit->stock;
    words += NGX_ADM_REDIS_KEY_WORDS
             + take->rates.nelts * NGX_ADM_REDIS_RATE_WORDS;

    said = words[NGX_ADM_REDIS_STOCK_SAID];
    item = take->items[words[NGX_ADM_REDIS_STOCK_ITEM]];

    if (said != NGX_ADM_STOCK_WITHHELD) {
        ngx_adm_redis_hear_facts(take, words + NGX_ADM_REDIS_STOCK_WORDS);
    }

    if (said == NGX_ADM_STOCK_OK) {
        visit->taken = 1;
    }

    if (stock->reply != NGX_ADM_REPLY_FAILED
        && (said == NGX_ADM_STOCK_OK
            || (stock->stock_said != NGX_ADM_STOCK_OK && stock->item < item)))
    {
        return;
    }

    stock->stock_said = said;
    stock->item = item;
    stock->wait = words[NGX_ADM_REDIS_STOCK_WAIT];
    stock->reply = (said == NGX_ADM_STOCK_OK) ? NGX_ADM_REPLY_GRANTED
                                              : NGX_ADM_REPLY_REFUSED;

    if (said != NGX_ADM_STOCK_WITHHELD) {
        (void) ngx_adm_redis_read_facts(words + NGX_ADM_REDIS_STOCK_WORDS
                                        + words[NGX_ADM_REDIS_STOCK_ITEM]
                                          * NGX_ADM_REDIS_FACTS,
                                        &look, &stock->facts);
    }
}


/* the view's; the cart is there as long as its trip is */

static void
ngx_adm_redis_hear_facts(ngx_adm_redis_take_t *take, uint64_t *words)
{
    ngx_uint_t              i;
    adm_item_t             *item;
    adm_facts_t             facts;
    ngx_adm_redis_look_e    look;
    ngx_adm_redis_visit_t  *visit;

    visit = take->visit;

    if (visit->trip->cancelled) {
        return;
    }

    for (i = 0; i < take->nitems; i++) {
        item = &visit->checkout->items[take->items[i]];

        (void) ngx_adm_redis_read_facts(words + i * NGX_ADM_REDIS_FACTS, &look,
                                        &facts);

        ngx_adm_stock_view_hear(visit->stock->stock->view, item->sku.data,
                                item->sku.len, look, &facts);
    }
}


/* of a key that is not new: nothing else was asked, so that nobody knows what
   remains */

static void
ngx_adm_redis_withhold(ngx_adm_redis_visit_t *visit)
{
    ngx_adm_command_t  *command;

    for (command = visit->trip->commands; command; command = command->next) {

        if (command->kind == NGX_ADM_COMMAND_RATE) {
            ngx_memzero(&command->charge, sizeof(ngx_adm_charge_t));
            command->answer.wait = 0;
            command->answer.remaining = UINT64_MAX;
            command->reply = NGX_ADM_REPLY_GRANTED;
        }
    }

    if (visit->stock) {
        visit->stock->stock_said = NGX_ADM_STOCK_WITHHELD;
        visit->stock->reply = NGX_ADM_REPLY_REFUSED;
    }
}


/* the trip is gone; what was taken of rates goes back */

static void
ngx_adm_redis_took_late(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    uint64_t              *words;
    ngx_str_t              kept;
    ngx_adm_redis_take_t  *take;

    take = call->data;
    words = ngx_adm_redis_took(call, value, &kept);

    if (words && take->rates.nelts) {
        ngx_adm_redis_rates_late(call->redis, &take->rates,
                                 words + NGX_ADM_REDIS_KEY_WORDS);
    }
}
