
/*
 * Inventory as a policy: what the node knows refuses in the check, what it
 * does not is asked in the trip, and a hold ends with the request's checkout.
 */


#include <ngx_adm_inventory.h>
#include <adm_hex.h>
#include <openssl/sha.h>


static ngx_adm_rc_e ngx_adm_inventory_check(ngx_adm_subject_t *s, void *conf,
    void *state);
static ngx_adm_rc_e ngx_adm_inventory_claim(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_trip_t *trip);
static ngx_adm_rc_e ngx_adm_inventory_conclude(ngx_adm_subject_t *s,
    void *conf, void *state, ngx_adm_command_t *command);
static void ngx_adm_inventory_settle(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_settlement_t *settlement);
static void ngx_adm_inventory_give_back(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_cause_e cause);

static ngx_adm_rc_e ngx_adm_inventory_read(ngx_adm_subject_t *s,
    ngx_str_t *skus, ngx_str_t *quantities, adm_item_t *items, size_t *n);
static ngx_adm_rc_e ngx_adm_inventory_look(ngx_adm_subject_t *s,
    ngx_adm_inventory_t *conf, adm_item_t *items, size_t n);
static ngx_adm_reason_e ngx_adm_inventory_known(ngx_adm_inventory_t *conf,
    adm_item_t *item, ngx_uint_t *seen);
static ngx_adm_rc_e ngx_adm_inventory_refuse(ngx_adm_subject_t *s,
    ngx_adm_reason_e reason, ngx_msec_t wait);
static ngx_uint_t ngx_adm_inventory_ask(ngx_adm_subject_t *s,
    ngx_adm_trip_t *trip);
static ngx_adm_rc_e ngx_adm_inventory_fill(ngx_adm_subject_t *s,
    ngx_adm_inventory_t *conf, ngx_adm_checkout_t *checkout,
    adm_item_t *items, size_t n);
static ngx_adm_rc_e ngx_adm_inventory_said(ngx_adm_subject_t *s,
    ngx_adm_inventory_t *conf, ngx_adm_inventory_state_t *is,
    ngx_adm_command_t *command);
static void ngx_adm_inventory_holder(ngx_adm_subject_t *s,
    ngx_adm_inventory_t *conf);
static ngx_adm_hold_end_e ngx_adm_inventory_end(ngx_adm_inventory_t *conf,
    ngx_adm_settlement_t *settlement);


ngx_adm_policy_t  ngx_adm_inventory_policy = {
    ngx_string("inventory"),
    0,
    sizeof(ngx_adm_inventory_state_t),
    ngx_adm_inventory_check,
    ngx_adm_inventory_claim,
    ngx_adm_inventory_conclude,
    NULL,
    ngx_adm_inventory_settle,
    ngx_adm_inventory_give_back,
    NULL
};


/* what stands in the body is looked at by the claim */

static ngx_adm_rc_e
ngx_adm_inventory_check(ngx_adm_subject_t *s, void *conf, void *state)
{
    ngx_adm_inventory_t  *of = conf;

    size_t        n;
    ngx_int_t     rc;
    ngx_str_t     skus, quantities;
    adm_item_t    items[ADM_CART_ITEMS];
    ngx_adm_rc_e  read;

    if (!(of->methods & s->method)) {
        return NGX_ADM_PASS;
    }

    rc = s->evaluate(s, NGX_ADM_INVENTORY_SKU, &skus);

    if (rc == NGX_OK) {
        rc = s->evaluate(s, NGX_ADM_INVENTORY_QUANTITY, &quantities);
    }

    if (rc == NGX_AGAIN) {
        return NGX_ADM_CLAIM;
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_ADM_REFUSE : NGX_ADM_ERROR;
    }

    read = ngx_adm_inventory_read(s, &skus, &quantities, items, &n);

    if (read != NGX_ADM_PASS) {
        return read;
    }

    read = ngx_adm_inventory_look(s, of, items, n);

    /* with a key it may be a repeat, which has a right to its answer */

    return (read == NGX_ADM_REFUSE && s->known) ? NGX_ADM_CLAIM : read;
}


/* PASS, or REFUSE */

static ngx_adm_rc_e
ngx_adm_inventory_read(ngx_adm_subject_t *s, ngx_str_t *skus,
    ngx_str_t *quantities, adm_item_t *items, size_t *n)
{
    adm_str_t  names, numbers;

    names.len = skus->len;
    names.data = skus->data;
    numbers.len = quantities->len;
    numbers.data = quantities->len ? quantities->data : NULL;

    switch (adm_cart_read(names, numbers, NGX_ADM_CHECKOUT_TEXT, items, n)) {

    case ADM_CART_OK:
        return NGX_ADM_PASS;

    case ADM_CART_BAD_SKU:
        s->answer.reason = NGX_ADM_REASON_BAD_SKU;
        return NGX_ADM_REFUSE;

    case ADM_CART_BAD_QUANTITY:
        s->answer.reason = NGX_ADM_REASON_BAD_QUANTITY;
        return NGX_ADM_REFUSE;

    default:
        s->answer.reason = NGX_ADM_REASON_BAD_CART;
        return NGX_ADM_REFUSE;
    }
}


/*
 * What this node knows without asking.  PASS: all is there, and nothing is to
 * be taken; CLAIM: the store has to say; REFUSE.
 */

static ngx_adm_rc_e
ngx_adm_inventory_look(ngx_adm_subject_t *s, ngx_adm_inventory_t *conf,
    adm_item_t *items, size_t n)
{
    size_t            i;
    ngx_uint_t        seen;
    ngx_adm_reason_e  reason;

    seen = 1;

    for (i = 0; i < n; i++) {
        reason = ngx_adm_inventory_known(conf, &items[i], &seen);

        if (reason != NGX_ADM_REASON_NONE) {
            s->answer.sku.len = items[i].sku.len;
            s->answer.sku.data = (u_char *) items[i].sku.data;
            return ngx_adm_inventory_refuse(s, reason, 0);
        }
    }

    /* this node's own memory is the truth, a view of the store is not */

    return (seen && conf->stock->ledger && !conf->reserve) ? NGX_ADM_PASS
                                                           : NGX_ADM_CLAIM;
}


static ngx_adm_reason_e
ngx_adm_inventory_known(ngx_adm_inventory_t *conf, adm_item_t *item,
    ngx_uint_t *seen)
{
    adm_facts_t  facts;

    switch (ngx_adm_stock_look(conf->stock, &item->sku, &facts)) {

    case NGX_ADM_STOCK_MISSING:
        return NGX_ADM_REASON_UNKNOWN_SKU;

    case NGX_ADM_STOCK_SEEN:
        break;

    default:
        *seen = 0;
        return NGX_ADM_REASON_NONE;
    }

    if (item->quantity <= facts.available) {
        return NGX_ADM_REASON_NONE;
    }

    return (item->quantity
            <= facts.available + facts.held + facts.unresolved)
           ? NGX_ADM_REASON_ALL_RESERVED : NGX_ADM_REASON_SOLD_OUT;
}


/* "wait" is in ms, 0: nobody knows */

static ngx_adm_rc_e
ngx_adm_inventory_refuse(ngx_adm_subject_t *s, ngx_adm_reason_e reason,
    ngx_msec_t wait)
{
    s->answer.reason = reason;

    switch (reason) {

    case NGX_ADM_REASON_SOLD_OUT:
    case NGX_ADM_REASON_UNKNOWN_SKU:
        break;

    case NGX_ADM_REASON_PER_BUYER:
        if (wait == 0) {
            break;
        }

        /* fall through */

    default:
        s->answer.retry = wait ? (wait + 999) / 1000
                               : (ngx_msec_t) (5 + ngx_random() % 6);
        break;
    }

    return NGX_ADM_REFUSE;
}


static ngx_adm_rc_e
ngx_adm_inventory_claim(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_trip_t *trip)
{
    ngx_adm_inventory_t        *of = conf;
    ngx_adm_inventory_state_t  *is = state;

    size_t               n;
    adm_item_t           items[ADM_CART_ITEMS];
    ngx_adm_rc_e         rc;
    ngx_adm_command_t   *command;
    ngx_adm_checkout_t  *checkout;

    rc = ngx_adm_inventory_read(s, &s->values[NGX_ADM_INVENTORY_SKU],
                                &s->values[NGX_ADM_INVENTORY_QUANTITY],
                                items, &n);
    if (rc != NGX_ADM_PASS) {
        return rc;
    }

    rc = ngx_adm_inventory_look(s, of, items, n);

    if (rc == NGX_ADM_PASS
        || (rc == NGX_ADM_REFUSE && !ngx_adm_inventory_ask(s, trip)))
    {
        return rc;
    }

    is->known = s->answer.reason;
    is->sku = s->answer.sku;

    checkout = ngx_adm_subject_checkout(s, trip->keeper);
    if (checkout == NULL) {
        return NGX_ADM_ERROR;
    }

    rc = ngx_adm_inventory_fill(s, of, checkout, items, n);
    if (rc != NGX_ADM_PASS) {
        return rc;
    }

    command = ngx_adm_trip_command(trip);
    if (command == NULL) {
        return NGX_ADM_ERROR;
    }

    is->asked = (of->reserve && !s->dry_run && !is->known);

    command->kind = NGX_ADM_COMMAND_STOCK;
    command->checkout = checkout;
    command->stock = of->stock;
    command->peek = !is->asked;
    command->patient = (s->stock_fallback == NGX_ADM_FALLBACK_CLOSED);

    return NGX_ADM_CLAIM;
}


/*
 * It will be refused: is there a key that may say that it is a repeat, and is
 * there budget for a trip?  Then the key is asked for, but not taken.
 */

static ngx_uint_t
ngx_adm_inventory_ask(ngx_adm_subject_t *s, ngx_adm_trip_t *trip)
{
    ngx_adm_command_t  *command;

    for (command = trip->commands; command; command = command->next) {

        if (command->kind == NGX_ADM_COMMAND_KEY) {
            command->peek = 1;
            return ngx_adm_known_ask(s->known, command->checkout->key);
        }
    }

    return 0;
}


/* PASS, REFUSE or ERROR */

static ngx_adm_rc_e
ngx_adm_inventory_fill(ngx_adm_subject_t *s, ngx_adm_inventory_t *conf,
    ngx_adm_checkout_t *checkout, adm_item_t *items, size_t n)
{
    size_t      i;
    u_char     *p, digest[SHA256_DIGEST_LENGTH];
    ngx_str_t  *buyer;

    buyer = &s->values[NGX_ADM_INVENTORY_BUYER];

    if (conf->per_buyer && buyer->len == 0) {
        s->answer.reason = NGX_ADM_REASON_NO_BUYER;
        return NGX_ADM_REFUSE;
    }

    if (conf->bought) {
        (void) SHA256(buyer->data, buyer->len, digest);
        ngx_memcpy(checkout->buyer, digest, NGX_ADM_CHECKOUT_HASH);
    }

    p = ngx_pnalloc(checkout->pool, NGX_ADM_CHECKOUT_TEXT);
    if (p == NULL) {
        return NGX_ADM_ERROR;
    }

    for (i = 0; i < n; i++) {
        checkout->items[i] = items[i];
        checkout->items[i].sku.data = p;
        p = ngx_cpymem(p, items[i].sku.data, items[i].sku.len);
    }

    checkout->nitems = n;
    checkout->stocked = 1;
    checkout->hold = conf->hold;
    checkout->per_buyer = conf->per_buyer;
    checkout->per_time = conf->per_time;
    checkout->returns = conf->returns;

    return NGX_ADM_PASS;
}


static ngx_adm_rc_e
ngx_adm_inventory_conclude(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_command_t *command)
{
    ngx_adm_inventory_t        *of = conf;
    ngx_adm_inventory_state_t  *is = state;

    /* the shedding's claim may have made a question of it */

    if (command && command->peek) {
        is->asked = 0;
    }

    /* another step refuses, and tells more than this one could */

    if (command && command->reply != NGX_ADM_REPLY_FAILED
        && command->stock_said == NGX_ADM_STOCK_WITHHELD)
    {
        is->asked = 0;
        return NGX_ADM_PASS;
    }

    if (is->known) {
        s->answer.sku = is->sku;
        return ngx_adm_inventory_refuse(s, is->known, 0);
    }

    if (command == NULL || command->reply == NGX_ADM_REPLY_FAILED) {
        return ngx_adm_subject_failed(s, NGX_ADM_FAILED_INVENTORY,
                                      s->stock_fallback);
    }

    return ngx_adm_inventory_said(s, of, is, command);
}


static ngx_adm_rc_e
ngx_adm_inventory_said(ngx_adm_subject_t *s, ngx_adm_inventory_t *conf,
    ngx_adm_inventory_state_t *is, ngx_adm_command_t *command)
{
    adm_str_t   *sku;
    ngx_msec_t   wait;

    static ngx_adm_reason_e  reasons[] = {
        NGX_ADM_REASON_NONE,
        NGX_ADM_REASON_SOLD_OUT,
        NGX_ADM_REASON_ALL_RESERVED,
        NGX_ADM_REASON_UNKNOWN_SKU,
        NGX_ADM_REASON_PER_BUYER,
        NGX_ADM_REASON_UNCONFIRMED,
        NGX_ADM_REASON_BAD_STOCK,
        NGX_ADM_REASON_TABLE_FULL
    };

    if (command->stock_said == NGX_ADM_STOCK_OK) {

        if (is->asked) {
            adm_hex(is->hold, command->checkout->id, NGX_ADM_CHECKOUT_ID);
            is->held = 1;

            ngx_adm_inventory_holder(s, conf);
        }

        return NGX_ADM_PASS;
    }

    is->asked = 0;

    sku = &command->checkout->items[command->item].sku;

    s->answer.sku.len = sku->len;
    s->answer.sku.data = ngx_pnalloc(s->pool, sku->len);
    if (s->answer.sku.data == NULL) {
        return NGX_ADM_ERROR;
    }

    ngx_memcpy(s->answer.sku.data, sku->data, sku->len);

    wait = command->wait;

    /* what a buyer only holds may be back sooner than the window is over */

    if (command->stock_said == NGX_ADM_STOCK_BUYER) {
        wait = ngx_min(wait, conf->hold);
    }

    return ngx_adm_inventory_refuse(s, reasons[command->stock_said], wait);
}


/* who has one is shed last while it lasts */

static void
ngx_adm_inventory_holder(ngx_adm_subject_t *s, ngx_adm_inventory_t *conf)
{
    if (s->holders) {
        ngx_adm_known_hold(s->holders, s->client(s), conf->hold / 1000 + 1);
    }
}


static void
ngx_adm_inventory_settle(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_settlement_t *settlement)
{
    ngx_adm_inventory_t        *of = conf;
    ngx_adm_inventory_state_t  *is = state;

    if (is->asked && s->checkout) {
        s->checkout->hold_end = ngx_adm_inventory_end(of, settlement);
    }
}


static ngx_adm_hold_end_e
ngx_adm_inventory_end(ngx_adm_inventory_t *conf,
    ngx_adm_settlement_t *settlement)
{
    switch (settlement->outcome) {

    case NGX_ADM_UNREACHED:
        return NGX_ADM_HOLD_RELEASE;

    case NGX_ADM_UNANSWERED:
        return NGX_ADM_HOLD_UNRESOLVED;

    default:                       /* NGX_ADM_ANSWERED */
        break;
    }

    switch (settlement->settle) {

    case NGX_ADM_SETTLE_COMMIT:
        return NGX_ADM_HOLD_COMMIT;

    case NGX_ADM_SETTLE_RELEASE:
        return NGX_ADM_HOLD_RELEASE;

    case NGX_ADM_SETTLE_HOLD:
        return NGX_ADM_HOLD_LEAVE;

    default:                       /* NGX_ADM_SETTLE_NONE */
        break;
    }

    if (ngx_adm_statuses_has(&conf->commit, settlement->status)) {
        return NGX_ADM_HOLD_COMMIT;
    }

    return ngx_adm_statuses_has(&conf->release, settlement->status)
           ? NGX_ADM_HOLD_RELEASE : NGX_ADM_HOLD_LEAVE;
}


/* RELEASE is what a checkout ends with that nobody settled */

static void
ngx_adm_inventory_give_back(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_cause_e cause)
{
    ngx_adm_inventory_state_t  *is = state;

    is->asked = 0;
    is->held = 0;

    if (s->checkout) {
        s->checkout->hold_end = NGX_ADM_HOLD_RELEASE;
    }
}
