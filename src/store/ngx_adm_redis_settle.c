
/*
 * What this process owes a Redis: ends of checkouts, told until they are
 * acknowledged.
 *
 * A debt is of one place of the outbox.  It is told by one call for each slot
 * that it is in, so by one where there is no cluster; what failed is told
 * again, ever more seldom, and is never given up: a commit that is lost would
 * sell its units twice.  A kept response is in this process' memory alone: who
 * takes the place over tells that there was one, and cannot be replayed.
 */


#include <ngx_adm_redis_checkout.h>
#include <ngx_adm_stock_view.h>


/* words of the head of script "settle" */
#define NGX_ADM_SETTLE_HEAD     8

/* what becomes of both while the request runs */
#define NGX_ADM_SETTLE_KEY      3
#define NGX_ADM_SETTLE_HOLD     4

/* the key's bit beside those of items */
#define NGX_ADM_SETTLE_KEYED    (1 << ADM_CART_ITEMS)

/* ms until it is told again: at first, and at most: while the store cannot be
   asked, and if it says that something is wrong */
#define NGX_ADM_SETTLE_AGAIN    100
#define NGX_ADM_SETTLE_AWAY     1000
#define NGX_ADM_SETTLE_SELDOM   30000

/* calls at once of those that are told again, and ms that others wait */
#define NGX_ADM_SETTLE_CALLS    64
#define NGX_ADM_SETTLE_WAIT     20

/* bytes of responses that a process keeps until they are acknowledged, and of
   one: it has to fit into what a connection may have under way */
#define NGX_ADM_SETTLE_KEPT     (16 * 1024 * 1024)
#define NGX_ADM_SETTLE_LARGE    (768 * 1024)


typedef struct {
    ngx_queue_t              queue;
    ngx_event_t              event;
    ngx_adm_redis_keeper_t  *rk;
    ngx_adm_owed_t          *owed;
    ngx_str_t                response;   /* behind it; data NULL: none */
    ngx_msec_t               delay;
    ngx_uint_t               left;       /* parts to be told, as bits */
    ngx_uint_t               calls;      /* under way */
    ngx_uint_t               wrong;      /* the last answer was */
    ngx_uint_t               given;      /* it is not this process' any more */
} ngx_adm_debt_t;


/* of a call, in its pool */

typedef struct {
    ngx_adm_redis_keeper_t  *rk;
    ngx_adm_debt_t          *debt;       /* NULL: it is extended */
    ngx_adm_owed_t          *owed;
    ngx_uint_t               parts;      /* as bits */
} ngx_adm_telling_t;


static void ngx_adm_settle_owe(ngx_adm_redis_keeper_t *rk,
    ngx_adm_owed_t *owed, ngx_str_t *response);
static ngx_adm_debt_t *ngx_adm_settle_debt(ngx_adm_redis_keeper_t *rk,
    ngx_adm_owed_t *owed, ngx_str_t *response);
static void ngx_adm_settle_again(ngx_event_t *ev);
static void ngx_adm_settle_tell(ngx_adm_debt_t *debt);
static void ngx_adm_settle_later(ngx_adm_debt_t *debt, ngx_msec_t most);
static void ngx_adm_settle_paid(ngx_adm_debt_t *debt);
static void ngx_adm_settle_drop(ngx_adm_debt_t *debt);

static ngx_uint_t ngx_adm_settle_parts(ngx_adm_owed_t *owed);
static ngx_uint_t ngx_adm_settle_slot(ngx_adm_redis_keeper_t *rk,
    ngx_adm_owed_t *owed, ngx_uint_t left);
static u_char *ngx_adm_settle_sku(ngx_adm_owed_t *owed, ngx_uint_t i);
static ngx_adm_call_t *ngx_adm_settle_call(ngx_adm_redis_keeper_t *rk,
    ngx_adm_debt_t *debt, ngx_adm_owed_t *owed, ngx_uint_t parts);
static ngx_int_t ngx_adm_settle_head(ngx_adm_call_t *call);
static uint64_t ngx_adm_settle_flags(ngx_adm_telling_t *telling);
static ngx_int_t ngx_adm_settle_items(ngx_adm_call_t *call);

static void ngx_adm_settle_told(ngx_adm_call_t *call, ngx_adm_value_t *value);
static void ngx_adm_settle_late(ngx_adm_call_t *call, ngx_adm_value_t *value);
static ngx_uint_t ngx_adm_settle_hear(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static void ngx_adm_settle_hear_key(ngx_adm_owed_t *owed, ngx_uint_t told);
static void ngx_adm_settle_hear_item(ngx_adm_telling_t *telling, ngx_uint_t i,
    uint64_t *words);
static void ngx_adm_settle_missed(ngx_adm_telling_t *telling, ngx_uint_t i,
    ngx_uint_t told);
static void ngx_adm_settle_wrong(ngx_adm_debt_t *debt, ngx_adm_call_t *call);


/* of this process */

static ngx_queue_t  ngx_adm_debts = { &ngx_adm_debts, &ngx_adm_debts };
static ngx_uint_t   ngx_adm_settle_calls;
static size_t       ngx_adm_settle_kept;


void
ngx_adm_redis_admit(ngx_adm_checkout_t *checkout)
{
    ngx_adm_redis_keeper_t  *rk;

    rk = checkout->keeper->data;

    if (checkout->place) {
        ngx_adm_outbox_admit(rk->outbox, checkout->place);
    }
}


void
ngx_adm_redis_end(ngx_adm_checkout_t *checkout)
{
    ngx_str_t                response;
    ngx_adm_owed_t          *owed;
    ngx_adm_redis_keeper_t  *rk;

    owed = checkout->place;
    rk = checkout->keeper->data;

    if (owed == NULL) {
        return;
    }

    if (!checkout->key_asked && !checkout->stock_asked) {
        ngx_adm_outbox_free(rk->outbox, owed);
        return;
    }

    ngx_adm_outbox_end(rk->outbox, owed, checkout);

    ngx_str_null(&response);

    if (checkout->key_asked && checkout->key_end == NGX_ADM_KEY_KEEP) {
        response = checkout->response;
    }

    ngx_adm_settle_owe(rk, owed, &response);
}


static void
ngx_adm_settle_owe(ngx_adm_redis_keeper_t *rk, ngx_adm_owed_t *owed,
    ngx_str_t *response)
{
    ngx_adm_debt_t  *debt;

    debt = ngx_adm_settle_debt(rk, owed, response);

    /* out of memory, or no connection any more: others may have some */

    if (debt == NULL || rk->redis->client == NULL) {
        ngx_adm_outbox_leave(rk->outbox, owed);

        if (debt) {
            ngx_adm_settle_drop(debt);
        }

        return;
    }

    ngx_adm_settle_tell(debt);
}


static ngx_adm_debt_t *
ngx_adm_settle_debt(ngx_adm_redis_keeper_t *rk, ngx_adm_owed_t *owed,
    ngx_str_t *response)
{
    size_t           len;
    ngx_adm_debt_t  *debt;

    len = response->data ? response->len : 0;

    if (len > NGX_ADM_SETTLE_LARGE
        || len > NGX_ADM_SETTLE_KEPT - ngx_adm_settle_kept)
    {
        response->data = NULL;
        len = 0;
    }

    debt = ngx_alloc(sizeof(ngx_adm_debt_t) + len, ngx_cycle->log);
    if (debt == NULL) {
        return NULL;
    }

    ngx_memzero(debt, sizeof(ngx_adm_debt_t));

    debt->rk = rk;
    debt->owed = owed;
    debt->left = ngx_adm_settle_parts(owed);
    debt->delay = NGX_ADM_SETTLE_AGAIN;

    debt->event.handler = ngx_adm_settle_again;
    debt->event.data = debt;
    debt->event.log = ngx_cycle->log;
    debt->event.cancelable = 1;

    if (response->data) {
        debt->response.len = len;
        debt->response.data = (u_char *) debt + sizeof(ngx_adm_debt_t);
        ngx_memcpy(debt->response.data, response->data, len);
        ngx_adm_settle_kept += len;
    }

    ngx_queue_insert_tail(&ngx_adm_debts, &debt->queue);

    return debt;
}


static void
ngx_adm_settle_again(ngx_event_t *ev)
{
    if (ngx_adm_settle_calls >= NGX_ADM_SETTLE_CALLS) {
        ngx_add_timer(ev, NGX_ADM_SETTLE_WAIT
                          + ngx_random() % NGX_ADM_SETTLE_WAIT);
        return;
    }

    ngx_adm_settle_tell(ev->data);
}


/* all that is left, one call for each slot */

static void
ngx_adm_settle_tell(ngx_adm_debt_t *debt)
{
    ngx_uint_t       left, parts;
    ngx_adm_call_t  *call;

    for (left = debt->left; left; left &= ~parts) {
        parts = ngx_adm_settle_slot(debt->rk, debt->owed, left);

        call = ngx_adm_settle_call(debt->rk, debt, debt->owed, parts);

        if (call && ngx_adm_call_send(call) == NGX_OK) {
            debt->calls++;
            ngx_adm_settle_calls++;

        } else if (call) {
            ngx_adm_call_free(call);
        }
    }

    if (debt->calls == 0) {
        ngx_adm_settle_later(debt, NGX_ADM_SETTLE_AWAY);
    }
}


/* a fifth more, at most, so that not all come at once */

static void
ngx_adm_settle_later(ngx_adm_debt_t *debt, ngx_msec_t most)
{
    debt->delay = ngx_min(debt->delay, most);

    ngx_add_timer(&debt->event,
                  debt->delay + ngx_random() % (debt->delay / 5 + 1));

    debt->delay *= 2;
}


static void
ngx_adm_settle_paid(ngx_adm_debt_t *debt)
{
    ngx_adm_outbox_free(debt->rk->outbox, debt->owed);
    ngx_adm_settle_drop(debt);
}


static void
ngx_adm_settle_drop(ngx_adm_debt_t *debt)
{
    if (debt->event.timer_set) {
        ngx_del_timer(&debt->event);
    }

    if (debt->response.data) {
        ngx_adm_settle_kept -= debt->response.len;
    }

    ngx_queue_remove(&debt->queue);
    ngx_free(debt);
}


/*
 * Locks and holds of a request that runs.  If it is lost, the next one comes
 * before the time is over.
 */

void
ngx_adm_redis_extend(ngx_adm_checkout_t *checkout)
{
    ngx_uint_t               left, parts;
    ngx_adm_call_t          *call;
    ngx_adm_owed_t          *owed;
    ngx_adm_redis_keeper_t  *rk;

    owed = checkout->place;
    rk = checkout->keeper->data;

    if (owed == NULL) {
        return;
    }

    left = ngx_adm_settle_parts(owed);

    if (!checkout->key_asked) {
        left &= ~NGX_ADM_SETTLE_KEYED;
    }

    if (!checkout->stock_asked) {
        left &= NGX_ADM_SETTLE_KEYED;
    }

    for ( /* void */ ; left; left &= ~parts) {
        parts = ngx_adm_settle_slot(rk, owed, left);

        call = ngx_adm_settle_call(rk, NULL, owed, parts);

        if (call && ngx_adm_call_send(call) != NGX_OK) {
            ngx_adm_call_free(call);
        }
    }
}


static ngx_uint_t
ngx_adm_settle_parts(ngx_adm_owed_t *owed)
{
    return ((1 << owed->nitems) - 1)
           | (owed->keyed ? NGX_ADM_SETTLE_KEYED : 0);
}


/* of what is left, the first and all that is in the same slot */

static ngx_uint_t
ngx_adm_settle_slot(ngx_adm_redis_keeper_t *rk, ngx_adm_owed_t *owed,
    ngx_uint_t left)
{
    u_char      *sku;
    ngx_uint_t   i, first, slot, parts;

    if (rk->redis->conf.topology != NGX_ADM_REDIS_CLUSTER) {
        return left;
    }

    if (left & NGX_ADM_SETTLE_KEYED) {
        return NGX_ADM_SETTLE_KEYED;
    }

    parts = 0;
    first = 0;
    sku = owed->skus;

    for (i = 0; i < owed->nitems; i++) {

        if (left & (1 << i)) {
            slot = ngx_adm_redis_sku_slot(rk->redis, sku, owed->lens[i]);

            if (parts == 0) {
                first = slot;
            }

            parts |= (slot == first) ? 1 << i : 0;
        }

        sku += owed->lens[i];
    }

    return parts;
}


static u_char *
ngx_adm_settle_sku(ngx_adm_owed_t *owed, ngx_uint_t i)
{
    u_char      *sku;
    ngx_uint_t   k;

    sku = owed->skus;

    for (k = 0; k < i; k++) {
        sku += owed->lens[k];
    }

    return sku;
}


/* NULL: out of memory */

static ngx_adm_call_t *
ngx_adm_settle_call(ngx_adm_redis_keeper_t *rk, ngx_adm_debt_t *debt,
    ngx_adm_owed_t *owed, ngx_uint_t parts)
{
    ngx_adm_call_t     *call;
    ngx_adm_telling_t  *telling;

    call = ngx_adm_call_create(rk->redis, NGX_ADM_SCRIPT_SETTLE,
                               rk->redis->conf.claim_timeout);
    if (call == NULL) {
        return NULL;
    }

    telling = ngx_palloc(call->pool, sizeof(ngx_adm_telling_t));

    if (telling) {
        telling->rk = rk;
        telling->debt = debt;
        telling->owed = owed;
        telling->parts = parts;

        call->handler = debt ? ngx_adm_settle_told : ngx_adm_settle_late;
        call->data = telling;

        if (ngx_adm_settle_head(call) == NGX_OK
            && ngx_adm_settle_items(call) == NGX_OK)
        {
            return call;
        }
    }

    ngx_adm_call_free(call);

    return NULL;
}


static ngx_int_t
ngx_adm_settle_head(ngx_adm_call_t *call)
{
    u_char             *p;
    uint64_t            words[NGX_ADM_SETTLE_HEAD];
    ngx_uint_t          keyed, i;
    ngx_adm_debt_t     *debt;
    ngx_adm_owed_t     *owed;
    ngx_adm_telling_t  *telling;

    telling = call->data;
    owed = telling->owed;
    debt = telling->debt;

    keyed = telling->parts & NGX_ADM_SETTLE_KEYED;

    words[0] = ngx_adm_settle_flags(telling);
    words[1] = 0;

    for (i = 0; i < owed->nitems; i++) {
        words[1] += (telling->parts >> i) & 1;
    }

    words[2] = debt ? owed->key_end : NGX_ADM_SETTLE_KEY;
    words[3] = owed->lock;
    words[4] = owed->ttl;
    words[5] = owed->status;
    words[6] = debt ? owed->hold_end : NGX_ADM_SETTLE_HOLD;
    words[7] = owed->hold;

    if (keyed && ngx_adm_redis_add_key(call, owed->key) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_adm_redis_words(call, words, NGX_ADM_SETTLE_HEAD,
                            NGX_ADM_CHECKOUT_ID + NGX_ADM_CHECKOUT_HASH);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, owed->id, NGX_ADM_CHECKOUT_ID);
    ngx_memcpy(p, owed->fingerprint, NGX_ADM_CHECKOUT_HASH);

    return ngx_adm_call_text(call, (keyed && debt) ? debt->response.data
                                                   : NULL,
                             (keyed && debt) ? debt->response.len : 0);
}


static uint64_t
ngx_adm_settle_flags(ngx_adm_telling_t *telling)
{
    uint64_t  flags;

    flags = 0;

    if (telling->parts & NGX_ADM_SETTLE_KEYED) {
        flags |= NGX_ADM_REDIS_KEYED;
    }

    if (telling->debt && telling->debt->response.data) {
        flags |= NGX_ADM_REDIS_REPLAYABLE;
    }

    if (telling->owed->returns) {
        flags |= NGX_ADM_REDIS_RETURNS;
    }

    if (telling->rk->redis->conf.close) {
        flags |= NGX_ADM_REDIS_CLOSE;
    }

    return flags;
}


static ngx_int_t
ngx_adm_settle_items(ngx_adm_call_t *call)
{
    ngx_uint_t          i;
    ngx_adm_owed_t     *owed;
    ngx_adm_telling_t  *telling;

    telling = call->data;
    owed = telling->owed;

    for (i = 0; i < owed->nitems; i++) {

        if (telling->parts & (1 << i)
            && (ngx_adm_redis_add_sku(call, telling->rk->stock,
                                      ngx_adm_settle_sku(owed, i),
                                      owed->lens[i])
                != NGX_OK
                || ngx_adm_call_number(call, owed->quantities[i]) != NGX_OK))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a debt that was given away is not looked at: others tell of it */

static void
ngx_adm_settle_told(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    ngx_adm_debt_t     *debt;
    ngx_adm_telling_t  *telling;

    telling = call->data;
    debt = telling->debt;

    ngx_adm_settle_calls--;
    debt->calls--;

    if (debt->given) {

        if (debt->calls == 0) {
            ngx_adm_settle_drop(debt);
        }

        return;
    }

    if (ngx_adm_settle_hear(call, value)) {
        debt->left &= ~telling->parts;

    } else if (value || call->rc == NGX_ADM_CALL_NOAUTH
               || call->rc >= NGX_ADM_CALL_WRONGTYPE)
    {
        debt->wrong = 1;
        ngx_adm_settle_wrong(debt, call);
    }

    if (debt->left == 0) {
        ngx_adm_settle_paid(debt);

    } else if (debt->calls == 0) {
        ngx_adm_settle_later(debt, debt->wrong ? NGX_ADM_SETTLE_SELDOM
                                               : NGX_ADM_SETTLE_AWAY);
        debt->wrong = 0;
    }
}


/* of what is extended nobody waits for the answer */

static void
ngx_adm_settle_late(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    /* void */
}


/* 1: it is done */

static ngx_uint_t
ngx_adm_settle_hear(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    uint64_t            words[1 + ADM_CART_ITEMS * (1 + NGX_ADM_REDIS_FACTS)];
    ngx_uint_t          i, n, wrong;
    ngx_adm_telling_t  *telling;

    telling = call->data;

    if (value == NULL) {
        return 0;
    }

    n = 1;

    for (i = 0; i < telling->owed->nitems; i++) {
        n += ((telling->parts >> i) & 1) * (1 + NGX_ADM_REDIS_FACTS);
    }

    if (ngx_adm_redis_read_words(value, words, n) != NGX_OK) {
        ngx_adm_redis_complain(call);
        return 0;
    }

    wrong = 0;

    if (telling->parts & NGX_ADM_SETTLE_KEYED) {
        ngx_adm_settle_hear_key(telling->owed, words[0]);
    }

    n = 1;

    for (i = 0; i < telling->owed->nitems; i++) {

        if (telling->parts & (1 << i)) {
            wrong |= (words[n] == NGX_ADM_TOLD_WRONG);
            ngx_adm_settle_hear_item(telling, i, &words[n]);
            n += 1 + NGX_ADM_REDIS_FACTS;
        }
    }

    return !wrong;
}


static void
ngx_adm_settle_hear_key(ngx_adm_owed_t *owed, ngx_uint_t told)
{
    u_char  hex[2 * NGX_ADM_CHECKOUT_HASH];

    if (told != NGX_ADM_TOLD_OTHER || owed->key_end != NGX_ADM_KEY_KEEP) {
        return;
    }

    (void) ngx_hex_dump(hex, owed->key, NGX_ADM_CHECKOUT_HASH);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "admission idempotency: the answer under key %*s came when "
                  "it was another request's already, request: \"%*s\"",
                  sizeof(hex), hex, (size_t) owed->note_len, owed->note);
}


/* what came of a hold, and what there is of its SKU */

static void
ngx_adm_settle_hear_item(ngx_adm_telling_t *telling, ngx_uint_t i,
    uint64_t *words)
{
    adm_facts_t            facts;
    ngx_adm_owed_t        *owed;
    ngx_adm_redis_look_e   look;

    owed = telling->owed;

    if (ngx_adm_redis_read_facts(words + 1, &look, &facts) == NGX_OK) {
        ngx_adm_stock_view_hear(telling->rk->stock->view,
                                ngx_adm_settle_sku(owed, i), owed->lens[i],
                                look, &facts);
    }

    if (owed->hold_end == NGX_ADM_HOLD_COMMIT
        && words[0] != NGX_ADM_TOLD_OK && words[0] != NGX_ADM_TOLD_WRONG)
    {
        ngx_adm_settle_missed(telling, i, words[0]);
    }
}


static void
ngx_adm_settle_missed(ngx_adm_telling_t *telling, ngx_uint_t i,
    ngx_uint_t told)
{
    const char        *what;
    ngx_adm_owed_t    *owed;
    ngx_adm_outbox_t  *outbox;
    u_char             hex[2 * NGX_ADM_CHECKOUT_ID];

    owed = telling->owed;
    outbox = telling->rk->outbox;

    if (told == NGX_ADM_TOLD_LATE) {
        ngx_adm_outbox_count_late(outbox);
        what = "had expired, its commit took new units";

    } else if (told == NGX_ADM_TOLD_OTHER) {
        what = "is settled already, and otherwise: it is not committed";

    } else {
        ngx_adm_outbox_count_missed(outbox);
        what = "had expired, and there are not enough units to commit it: "
               "more are sold than there are";
    }

    (void) ngx_hex_dump(hex, owed->id, NGX_ADM_CHECKOUT_ID);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "admission inventory: hold %*s of %uD of \"%*s\" %s, "
                  "request: \"%*s\"",
                  sizeof(hex), hex, owed->quantities[i],
                  (size_t) owed->lens[i], ngx_adm_settle_sku(owed, i), what,
                  (size_t) owed->note_len, owed->note);
}


/* it is counted; of the log once a minute is enough */

static void
ngx_adm_settle_wrong(ngx_adm_debt_t *debt, ngx_adm_call_t *call)
{
    ngx_str_t      why;
    static time_t  said;

    if (ngx_time() - said < 60) {
        return;
    }

    said = ngx_time();

    if (call->rc == NGX_ADM_CALL_OK) {
        ngx_str_set(&why, "the stock's key holds no number");

    } else {
        why = ngx_adm_call_outcomes[call->rc];
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "admission: what became of a checkout cannot be told to the "
                  "store (%V), and will be again, request: \"%*s\"",
                  &why, (size_t) debt->owed->note_len, debt->owed->note);
}


/* ends what processes have left behind that are gone */

void
ngx_adm_redis_settle_tick(void *data)
{
    ngx_adm_redis_keeper_t  *rk = data;

    ngx_str_t        none;
    ngx_uint_t       i;
    ngx_adm_debt_t  *debt;
    ngx_adm_owed_t  *owed;

    if (!ngx_adm_outbox_turn(rk->outbox)) {
        return;
    }

    ngx_str_null(&none);
    i = 0;

    for ( ;; ) {
        owed = ngx_adm_outbox_inherit(rk->outbox, &i);

        if (owed == NULL) {
            return;
        }

        /* a reload may have taken the stock away, another brings it back */

        debt = (owed->nitems && rk->stock == NULL)
               ? NULL : ngx_adm_settle_debt(rk, owed, &none);

        if (debt) {
            ngx_adm_settle_again(&debt->event);

        } else {
            ngx_adm_outbox_leave(rk->outbox, owed);
        }
    }
}


/* a process that ends leaves to others what it has not told */

void
ngx_adm_redis_settle_stop(void *data)
{
    ngx_adm_redis_keeper_t  *rk = data;

    ngx_queue_t     *q, *next;
    ngx_adm_debt_t  *debt;

    for (q = ngx_queue_head(&ngx_adm_debts);
         q != ngx_queue_sentinel(&ngx_adm_debts);
         q = next)
    {
        next = ngx_queue_next(q);
        debt = ngx_queue_data(q, ngx_adm_debt_t, queue);

        if (debt->rk != rk || debt->given) {
            continue;
        }

        ngx_adm_outbox_leave(rk->outbox, debt->owed);

        if (debt->calls) {
            debt->given = 1;

        } else {
            ngx_adm_settle_drop(debt);
        }
    }
}
