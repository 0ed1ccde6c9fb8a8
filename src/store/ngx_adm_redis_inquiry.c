
/*
 * What operators and back ends ask of a Redis.
 *
 * What is of one SKU, or of a key, is one call.  What is of all of them, and
 * a hold, whose SKUs are not known by its id, begins with the store's list of
 * SKUs, to which this node adds those that it knows itself; then they are
 * asked for, so many in a call, in a cluster one slot in each.
 */


#include <ngx_adm_redis_checkout.h>
#include <ngx_adm_stock_view.h>


/* SKUs of a call, and of all */
#define NGX_ADM_INQUIRY_BATCH    32
#define NGX_ADM_INQUIRY_SKUS     4096

/* words of a hold, and what is behind them */
#define NGX_ADM_INQUIRY_HOLD     5


/* in the trip's pool */

typedef struct {
    ngx_adm_command_t       *command;
    ngx_adm_inquiry_t       *inquiry;
    ngx_adm_redis_keeper_t  *rk;
    ngx_msec_t               since;
    ngx_array_t              skus;       /* of ngx_str_t */
    ngx_uint_t               failed;     /* one of the calls */
} ngx_adm_asked_t;


/* of a call, in its pool */

typedef struct {
    ngx_adm_asked_t         *asked;
    ngx_uint_t               n;
    ngx_str_t               *skus[NGX_ADM_INQUIRY_BATCH];
} ngx_adm_asking_t;


static ngx_adm_call_t *ngx_adm_inquiry_call(ngx_adm_asked_t *asked,
    ngx_adm_script_e script, ngx_adm_call_handler_pt handler);
static ngx_int_t ngx_adm_inquiry_send(ngx_adm_call_t *call, ngx_int_t rc);
static void ngx_adm_inquiry_change(ngx_adm_asked_t *asked);
static ngx_int_t ngx_adm_inquiry_words(ngx_adm_call_t *call);
static void ngx_adm_inquiry_changed(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static void ngx_adm_inquiry_list(ngx_adm_asked_t *asked);
static void ngx_adm_inquiry_listed(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static ngx_int_t ngx_adm_inquiry_names(ngx_adm_asked_t *asked,
    ngx_adm_value_t *names);
static ngx_int_t ngx_adm_inquiry_name(ngx_adm_asked_t *asked,
    ngx_str_t *name);
static int ngx_libc_cdecl ngx_adm_inquiry_order(const void *one,
    const void *two);
static ngx_int_t ngx_adm_inquiry_all(ngx_adm_asked_t *asked);
static ngx_uint_t ngx_adm_inquiry_alike(ngx_adm_asked_t *asked, ngx_uint_t i,
    ngx_uint_t first);
static ngx_int_t ngx_adm_inquiry_batch(ngx_adm_asked_t *asked, ngx_uint_t *i);
static void ngx_adm_inquiry_told(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static ngx_int_t ngx_adm_inquiry_facts(ngx_adm_asking_t *asking,
    ngx_adm_value_t *value);
static ngx_int_t ngx_adm_inquiry_fact(ngx_adm_asked_t *asked, ngx_str_t *sku,
    uint64_t *words);
static ngx_int_t ngx_adm_inquiry_holds(ngx_adm_asking_t *asking,
    ngx_adm_value_t *value);
static ngx_int_t ngx_adm_inquiry_hold(ngx_adm_asking_t *asking,
    ngx_adm_value_t *value);
static void ngx_adm_inquiry_over(ngx_adm_asked_t *asked);
static void ngx_adm_inquiry_sort(ngx_adm_inquiry_t *inquiry);
static void ngx_adm_inquiry_gather(ngx_adm_inquiry_t *inquiry);
static int ngx_libc_cdecl ngx_adm_inquiry_by_hold(const void *one,
    const void *two);
static int ngx_libc_cdecl ngx_adm_inquiry_older(const void *one,
    const void *two);
static int ngx_libc_cdecl ngx_adm_inquiry_before(const void *one,
    const void *two);


void
ngx_adm_redis_inquire(ngx_adm_command_t *command)
{
    ngx_adm_asked_t  *asked;

    asked = ngx_pcalloc(command->trip->pool, sizeof(ngx_adm_asked_t));

    if (asked == NULL
        || ngx_array_init(&asked->skus, command->trip->pool, 32,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        return;
    }

    asked->command = command;
    asked->inquiry = command->inquiry;
    asked->rk = command->trip->keeper->data;
    asked->since = ngx_current_msec;

    switch (asked->inquiry->what) {

    case NGX_ADM_ASK_STOCK:
    case NGX_ADM_ASK_SET:
    case NGX_ADM_ASK_TOTAL:
    case NGX_ADM_ASK_ADD:
    case NGX_ADM_ASK_FORGET:
        ngx_adm_inquiry_change(asked);
        break;

    default:                       /* STOCKS, HOLDS and those of a hold */
        ngx_adm_inquiry_list(asked);
        break;
    }
}


/* NULL: out of memory */

static ngx_adm_call_t *
ngx_adm_inquiry_call(ngx_adm_asked_t *asked, ngx_adm_script_e script,
    ngx_adm_call_handler_pt handler)
{
    ngx_msec_int_t     left;
    ngx_adm_call_t    *call;
    ngx_adm_asking_t  *asking;

    left = asked->command->trip->timeout - (ngx_current_msec - asked->since);

    call = ngx_adm_call_create(asked->rk->redis, script, ngx_max(1, left));
    if (call == NULL) {
        return NULL;
    }

    asking = ngx_pcalloc(call->pool, sizeof(ngx_adm_asking_t));
    if (asking == NULL) {
        ngx_adm_call_free(call);
        return NULL;
    }

    asking->asked = asked;

    call->handler = handler;
    call->data = asking;

    return call;
}


static ngx_int_t
ngx_adm_inquiry_send(ngx_adm_call_t *call, ngx_int_t rc)
{
    ngx_adm_asking_t  *asking;

    asking = call->data;

    if (rc != NGX_OK || ngx_adm_call_send(call) != NGX_OK) {
        asking->asked->failed = 1;
        ngx_adm_call_free(call);
        return NGX_ERROR;
    }

    asking->asked->command->trip->pending++;

    return NGX_OK;
}


/* of one SKU, or of a key */

static void
ngx_adm_inquiry_change(ngx_adm_asked_t *asked)
{
    ngx_int_t           rc;
    ngx_adm_call_t     *call;
    ngx_adm_asking_t   *asking;
    ngx_adm_inquiry_t  *inquiry;

    inquiry = asked->inquiry;

    call = ngx_adm_inquiry_call(asked,
                                (inquiry->what == NGX_ADM_ASK_STOCK)
                                ? NGX_ADM_SCRIPT_STOCK
                                : NGX_ADM_SCRIPT_INVENTORY,
                                ngx_adm_inquiry_changed);
    if (call == NULL) {
        return;
    }

    if (inquiry->what == NGX_ADM_ASK_FORGET) {
        rc = ngx_adm_redis_add_key(call, inquiry->id);

    } else {
        asking = call->data;
        asking->skus[asking->n++] = &inquiry->sku;

        rc = ngx_adm_redis_add_sku(call, inquiry->stock, inquiry->sku.data,
                                   inquiry->sku.len);
    }

    if (rc == NGX_OK) {
        rc = ngx_adm_inquiry_words(call);
    }

    (void) ngx_adm_inquiry_send(call, rc);
}


static ngx_int_t
ngx_adm_inquiry_words(ngx_adm_call_t *call)
{
    uint64_t            words[2];
    ngx_uint_t          close;
    ngx_adm_asking_t   *asking;
    ngx_adm_inquiry_t  *inquiry;

    asking = call->data;
    inquiry = asking->asked->inquiry;

    close = (inquiry->stock && inquiry->stock->close) ? NGX_ADM_REDIS_CLOSE
                                                      : 0;

    if (call->script == NGX_ADM_SCRIPT_STOCK) {
        words[0] = close;
        words[1] = asking->n;

        return ngx_adm_redis_words(call, words, 2, 0) ? NGX_OK : NGX_ERROR;
    }

    return (ngx_adm_call_number(call, inquiry->what) == NGX_OK
            && ngx_adm_call_number(call, inquiry->number) == NGX_OK
            && ngx_adm_call_number(call, close) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


static void
ngx_adm_inquiry_changed(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    uint64_t            words[1 + NGX_ADM_REDIS_FACTS];
    ngx_int_t           rc;
    ngx_uint_t          n;
    ngx_adm_asked_t    *asked;
    ngx_adm_asking_t   *asking;

    asking = call->data;
    asked = asking->asked;

    if (value == NULL) {
        asked->failed = 1;

    } else if (call->script == NGX_ADM_SCRIPT_STOCK) {
        rc = ngx_adm_inquiry_facts(asking, value);
        asked->failed = (rc != NGX_OK);

    } else {
        n = 1 + asking->n * NGX_ADM_REDIS_FACTS;
        rc = ngx_adm_redis_read_words(value, words, n);

        if (rc == NGX_OK && words[0] <= NGX_ADM_TOLD_FULL) {
            asked->inquiry->told = words[0];

            if (asking->n) {
                rc = ngx_adm_inquiry_fact(asked, &asked->inquiry->sku,
                                          words + 1);
            }

        } else {
            rc = NGX_DECLINED;
        }

        asked->failed = (rc != NGX_OK);
    }

    if (value && asked->failed) {
        ngx_adm_redis_complain(call);
    }

    ngx_adm_inquiry_over(asked);
}


static void
ngx_adm_inquiry_list(ngx_adm_asked_t *asked)
{
    uint64_t         words[2];
    ngx_int_t        rc;
    ngx_str_t        key;
    ngx_adm_call_t  *call;

    call = ngx_adm_inquiry_call(asked, NGX_ADM_SCRIPT_STOCK,
                                ngx_adm_inquiry_listed);
    if (call == NULL) {
        return;
    }

    key = ngx_adm_stock_view_list(asked->inquiry->stock->view);

    words[0] = NGX_ADM_REDIS_LIST;
    words[1] = 0;

    rc = ngx_adm_call_key(call, &key);

    if (rc == NGX_OK && ngx_adm_redis_words(call, words, 2, 0) == NULL) {
        rc = NGX_ERROR;
    }

    (void) ngx_adm_inquiry_send(call, rc);
}


static void
ngx_adm_inquiry_listed(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    ngx_adm_asked_t   *asked;
    ngx_adm_asking_t  *asking;

    asking = call->data;
    asked = asking->asked;

    if (value == NULL || asked->command->trip->cancelled) {
        asked->failed = 1;

    } else if (value->type != NGX_ADM_VALUE_ARRAY || value->n != 2
               || value->elements[1]->type != NGX_ADM_VALUE_ARRAY)
    {
        ngx_adm_redis_complain(call);
        asked->failed = 1;

    } else if (ngx_adm_inquiry_names(asked, value->elements[1]) != NGX_OK
               || ngx_adm_inquiry_all(asked) != NGX_OK)
    {
        asked->failed = 1;
    }

    ngx_adm_inquiry_over(asked);
}


/* each once; what is no SKU is not ours */

static ngx_int_t
ngx_adm_inquiry_names(ngx_adm_asked_t *asked, ngx_adm_value_t *names)
{
    ngx_str_t   *sku;
    ngx_uint_t   i, n;

    for (i = 0; i < names->n && i < NGX_ADM_INQUIRY_SKUS; i++) {

        if (names->elements[i]->type == NGX_ADM_VALUE_TEXT
            && ngx_adm_inquiry_name(asked, &names->elements[i]->text)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_adm_stock_view_skus(asked->inquiry->stock->view,
                                asked->command->trip->pool, &asked->skus)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sku = asked->skus.elts;
    n = 0;

    ngx_qsort(sku, asked->skus.nelts, sizeof(ngx_str_t),
              ngx_adm_inquiry_order);

    for (i = 0; i < asked->skus.nelts; i++) {

        if (i == 0 || ngx_adm_inquiry_order(&sku[i], &sku[n - 1]) != 0) {
            sku[n++] = sku[i];
        }
    }

    asked->skus.nelts = n;

    return NGX_OK;
}


static ngx_int_t
ngx_adm_inquiry_name(ngx_adm_asked_t *asked, ngx_str_t *name)
{
    adm_str_t   text;
    ngx_str_t  *sku;

    text.data = name->data;
    text.len = name->len;

    if (!adm_sku_valid(text)) {
        return NGX_OK;
    }

    sku = ngx_array_push(&asked->skus);
    if (sku == NULL) {
        return NGX_ERROR;
    }

    sku->len = name->len;
    sku->data = ngx_pstrdup(asked->command->trip->pool, name);

    return sku->data ? NGX_OK : NGX_ERROR;
}


static int ngx_libc_cdecl
ngx_adm_inquiry_order(const void *one, const void *two)
{
    const ngx_str_t  *first = one;
    const ngx_str_t  *second = two;

    return (int) ngx_memn2cmp(first->data, second->data, first->len,
                              second->len);
}


/* in a cluster the first of a slot takes the others of it along */

static ngx_int_t
ngx_adm_inquiry_all(ngx_adm_asked_t *asked)
{
    ngx_uint_t  i;

    asked->inquiry->told = (asked->inquiry->what == NGX_ADM_ASK_STOCKS
                            || asked->inquiry->what == NGX_ADM_ASK_HOLDS)
                           ? NGX_ADM_TOLD_OK : NGX_ADM_TOLD_NONE;

    i = 0;

    while (i < asked->skus.nelts) {

        if (ngx_adm_inquiry_batch(asked, &i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_adm_inquiry_alike(ngx_adm_asked_t *asked, ngx_uint_t i, ngx_uint_t first)
{
    ngx_str_t  *sku;

    sku = asked->skus.elts;

    return ngx_adm_redis_sku_slot(asked->rk->redis, sku[i].data, sku[i].len)
           == ngx_adm_redis_sku_slot(asked->rk->redis, sku[first].data,
                                     sku[first].len);
}


/* SKUs from "i" on, up to the next of another slot */

static ngx_int_t
ngx_adm_inquiry_batch(ngx_adm_asked_t *asked, ngx_uint_t *i)
{
    ngx_int_t           rc;
    ngx_str_t          *sku;
    ngx_uint_t          first;
    ngx_adm_call_t     *call;
    ngx_adm_asking_t   *asking;
    ngx_adm_inquiry_t  *inquiry;

    inquiry = asked->inquiry;

    call = ngx_adm_inquiry_call(asked,
                                (inquiry->what == NGX_ADM_ASK_STOCKS)
                                ? NGX_ADM_SCRIPT_STOCK : NGX_ADM_SCRIPT_HOLD,
                                ngx_adm_inquiry_told);
    if (call == NULL) {
        return NGX_ERROR;
    }

    asking = call->data;
    sku = asked->skus.elts;
    rc = NGX_OK;

    for (first = *i;
         *i < asked->skus.nelts && asking->n < NGX_ADM_INQUIRY_BATCH
         && rc == NGX_OK && ngx_adm_inquiry_alike(asked, *i, first);
         (*i)++)
    {
        asking->skus[asking->n++] = &sku[*i];
        rc = ngx_adm_redis_add_sku(call, inquiry->stock, sku[*i].data,
                                   sku[*i].len);
    }

    if (rc == NGX_OK && call->script == NGX_ADM_SCRIPT_STOCK) {
        rc = ngx_adm_inquiry_words(call);

    } else if (rc == NGX_OK
               && (ngx_adm_call_number(call, inquiry->what) != NGX_OK
                   || ngx_adm_call_text(call, inquiry->id, 16) != NGX_OK
                   || ngx_adm_call_number(call, NGX_ADM_ASK_MANY) != NGX_OK))
    {
        rc = NGX_ERROR;
    }

    return ngx_adm_inquiry_send(call, rc);
}


static void
ngx_adm_inquiry_told(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    ngx_int_t          rc;
    ngx_adm_asked_t   *asked;
    ngx_adm_asking_t  *asking;

    asking = call->data;
    asked = asking->asked;

    if (value == NULL) {
        asked->failed = 1;

    } else {
        rc = (call->script == NGX_ADM_SCRIPT_STOCK)
             ? ngx_adm_inquiry_facts(asking, value)
             : ngx_adm_inquiry_holds(asking, value);

        if (rc != NGX_OK) {
            ngx_adm_redis_complain(call);
            asked->failed = 1;
        }
    }

    ngx_adm_inquiry_over(asked);
}


static ngx_int_t
ngx_adm_inquiry_facts(ngx_adm_asking_t *asking, ngx_adm_value_t *value)
{
    uint64_t            words[NGX_ADM_INQUIRY_BATCH * NGX_ADM_REDIS_FACTS];
    ngx_uint_t          i;
    ngx_adm_inquiry_t  *inquiry;

    inquiry = asking->asked->inquiry;

    if (value->type != NGX_ADM_VALUE_ARRAY || value->n != 2
        || ngx_adm_redis_read_words(value->elements[0], words,
                                    asking->n * NGX_ADM_REDIS_FACTS)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (inquiry->what == NGX_ADM_ASK_STOCK) {
        inquiry->told = (words[0] == NGX_ADM_REDIS_MISSING)
                        ? NGX_ADM_TOLD_NONE
                        : (words[0] == NGX_ADM_REDIS_WRONG)
                          ? NGX_ADM_TOLD_WRONG : NGX_ADM_TOLD_OK;
    }

    for (i = 0; i < asking->n; i++) {

        if (ngx_adm_inquiry_fact(asking->asked, asking->skus[i],
                                 words + i * NGX_ADM_REDIS_FACTS)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* of one that is not there any more nothing is told */

static ngx_int_t
ngx_adm_inquiry_fact(ngx_adm_asked_t *asked, ngx_str_t *sku, uint64_t *words)
{
    adm_facts_t            facts;
    ngx_adm_stock_t       *stock;
    ngx_adm_told_sku_t    *told;
    ngx_adm_redis_look_e   look;

    stock = asked->inquiry->stock;

    if (ngx_adm_redis_read_facts(words, &look, &facts) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_adm_stock_view_hear(stock->view, sku->data, sku->len, look, &facts);

    if (look == NGX_ADM_REDIS_MISSING) {
        return NGX_OK;
    }

    told = ngx_array_push(&asked->inquiry->skus);
    if (told == NULL) {
        return NGX_ERROR;
    }

    told->sku = *sku;
    told->facts = facts;
    told->wrong = (look == NGX_ADM_REDIS_WRONG);
    told->unconfirmed = (look == NGX_ADM_REDIS_UNCONFIRMED);

    return NGX_OK;
}


static ngx_int_t
ngx_adm_inquiry_holds(ngx_adm_asking_t *asking, ngx_adm_value_t *value)
{
    uint64_t            words[2];
    ngx_uint_t          i;
    ngx_adm_inquiry_t  *inquiry;

    inquiry = asking->asked->inquiry;

    if (value->type != NGX_ADM_VALUE_ARRAY || value->n == 0
        || ngx_adm_redis_read_words(value->elements[0], words, 2) != NGX_OK
        || words[0] > NGX_ADM_TOLD_FULL)
    {
        return NGX_DECLINED;
    }

    if (inquiry->told == NGX_ADM_TOLD_NONE
        || (words[0] != NGX_ADM_TOLD_NONE && words[0] != NGX_ADM_TOLD_OK))
    {
        inquiry->told = words[0];
    }

    inquiry->more |= (words[1] != 0);

    for (i = 1; i < value->n; i++) {

        if (ngx_adm_inquiry_hold(asking, value->elements[i]) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_adm_inquiry_hold(ngx_adm_asking_t *asking, ngx_adm_value_t *value)
{
    u_char               *p;
    size_t                len;
    uint64_t              words[NGX_ADM_INQUIRY_HOLD];
    ngx_adm_told_hold_t  *hold;

    len = NGX_ADM_INQUIRY_HOLD * sizeof(uint64_t) + NGX_ADM_CHECKOUT_ID;

    if (ngx_adm_redis_read_words(value, words, NGX_ADM_INQUIRY_HOLD) != NGX_OK
        || value->text.len < len
        || words[0] >= asking->n
        || words[2] > NGX_ADM_HOLD_RELEASED)
    {
        return NGX_DECLINED;
    }

    hold = ngx_array_push(&asking->asked->inquiry->holds);
    if (hold == NULL) {
        return NGX_ERROR;
    }

    hold->sku = *asking->skus[words[0]];
    hold->state = words[2];
    hold->quantity = words[3];
    hold->until = words[4];

    p = value->text.data + len;

    ngx_memcpy(hold->id, p - NGX_ADM_CHECKOUT_ID, NGX_ADM_CHECKOUT_ID);

    hold->note.len = ngx_min(value->text.len - len, NGX_ADM_CHECKOUT_NOTE);
    hold->note.data = ngx_pnalloc(asking->asked->command->trip->pool,
                                  hold->note.len + 1);
    if (hold->note.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(hold->note.data, p, hold->note.len);

    return NGX_OK;
}


/* one more call is; the last one tells */

static void
ngx_adm_inquiry_over(ngx_adm_asked_t *asked)
{
    ngx_adm_command_t  *command;

    command = asked->command;

    if (command->trip->pending == 1 && !asked->failed) {
        ngx_adm_inquiry_sort(asked->inquiry);
        command->reply = NGX_ADM_REPLY_GRANTED;
    }

    ngx_adm_redis_over(command->trip);
}


/* the oldest unresolved ones first, a cart's side by side; SKUs by name */

static void
ngx_adm_inquiry_sort(ngx_adm_inquiry_t *inquiry)
{
    ngx_qsort(inquiry->skus.elts, inquiry->skus.nelts,
              sizeof(ngx_adm_told_sku_t), ngx_adm_inquiry_before);

    if (inquiry->what == NGX_ADM_ASK_HOLDS) {
        ngx_adm_inquiry_gather(inquiry);
    }

    ngx_qsort(inquiry->holds.elts, inquiry->holds.nelts,
              sizeof(ngx_adm_told_hold_t), ngx_adm_inquiry_older);

    if (inquiry->holds.nelts > NGX_ADM_ASK_MANY) {
        inquiry->holds.nelts = NGX_ADM_ASK_MANY;
        inquiry->more = 1;
    }
}


/* a cart has the time of its oldest part: servers' clocks differ */

static void
ngx_adm_inquiry_gather(ngx_adm_inquiry_t *inquiry)
{
    ngx_uint_t            i;
    ngx_adm_told_hold_t  *hold;

    hold = inquiry->holds.elts;

    ngx_qsort(hold, inquiry->holds.nelts, sizeof(ngx_adm_told_hold_t),
              ngx_adm_inquiry_by_hold);

    for (i = 1; i < inquiry->holds.nelts; i++) {

        if (ngx_memcmp(hold[i].id, hold[i - 1].id, NGX_ADM_CHECKOUT_ID) == 0) {
            hold[i].until = hold[i - 1].until;
        }
    }
}


static int ngx_libc_cdecl
ngx_adm_inquiry_by_hold(const void *one, const void *two)
{
    int                         order;
    const ngx_adm_told_hold_t  *first = one;
    const ngx_adm_told_hold_t  *second = two;

    order = ngx_memcmp(first->id, second->id, NGX_ADM_CHECKOUT_ID);

    return order ? order : (first->until > second->until)
                           - (first->until < second->until);
}


static int ngx_libc_cdecl
ngx_adm_inquiry_before(const void *one, const void *two)
{
    const ngx_adm_told_sku_t  *first = one;
    const ngx_adm_told_sku_t  *second = two;

    return ngx_adm_inquiry_order(&first->sku, &second->sku);
}


static int ngx_libc_cdecl
ngx_adm_inquiry_older(const void *one, const void *two)
{
    const ngx_adm_told_hold_t  *first = one;
    const ngx_adm_told_hold_t  *second = two;

    if (first->until != second->until) {
        return (first->until > second->until) ? 1 : -1;
    }

    return ngx_memcmp(first->id, second->id, NGX_ADM_CHECKOUT_ID);
}
