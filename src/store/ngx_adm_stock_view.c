
/*
 * The view of stock: its places, and who asks for them.
 *
 * A place is one of a line of eight, found by a hash of the SKU.  Its version
 * is odd while it is written; a writer that died then is known by the time,
 * and the next one goes on.  Newcomers take places that are free, or of whom
 * nobody cares any more; one that is not in the store takes only such that
 * are as little worth.
 */


#include <ngx_adm_stock_view.h>
#include <adm_atomic.h>


#define NGX_ADM_VIEW_LINE     8
#define NGX_ADM_VIEW_LINES    (NGX_ADM_STOCK_SKUS / NGX_ADM_VIEW_LINE)

/* times that a reader looks while somebody writes */
#define NGX_ADM_VIEW_LOOKS    8

/* ms after which a writer is taken for dead */
#define NGX_ADM_VIEW_WRITER   1000

/* ms: what is not in the store is asked for more seldom, and for less long:
   anybody can name what there is not */
#define NGX_ADM_VIEW_SELDOM   500
#define NGX_ADM_VIEW_BRIEFLY  5000

/* ms between two rounds, calls of a round, and SKUs of a call */
#define NGX_ADM_VIEW_ROUND    50
#define NGX_ADM_VIEW_CALLS    32
#define NGX_ADM_VIEW_BATCH    32

/* ms between two looks for SKUs that are to be noted in the store's list, and
   between two times that one is */
#define NGX_ADM_VIEW_TOUCH    1000
#define NGX_ADM_VIEW_NOTED    60000


typedef struct {
    uint64_t               version;      /* odd: being written */
    ngx_atomic_t           written;      /* ms: since when */
    ngx_atomic_t           cared;        /* ms: the last time */
    ngx_atomic_t           asked;        /* ms: when it is due again */
    ngx_atomic_t           noted;        /* ms: in the list; 0: not yet */
    ngx_msec_t             heard;        /* ms */
    adm_facts_t            facts;
    uint16_t               look;         /* ngx_adm_redis_look_e; 0: not
                                            heard of yet */
    uint16_t               configured;
    uint16_t               len;          /* 0: free */
    u_char                 sku[ADM_SKU_MAX];
} ngx_adm_view_place_t;


typedef struct {
    ngx_atomic_t           round;        /* when the next is due, ms */
    ngx_atomic_t           touch;
    ngx_atomic_t           next;         /* the place to go on from */
    u_char                 apart[40];
    ngx_adm_view_place_t   places[NGX_ADM_STOCK_SKUS];
} ngx_adm_view_sh_t;


struct ngx_adm_stock_view_s {
    ngx_adm_fleet_t       *fleet;
    ngx_adm_stock_t       *stock;
    ngx_adm_view_sh_t     *sh;
    ngx_str_t              skus;         /* the key of the store's list */
};


/* a copy of a place */

typedef struct {
    u_char                 sku[ADM_SKU_MAX];
    ngx_uint_t             len;
    ngx_uint_t             look;
    ngx_uint_t             configured;
    ngx_msec_t             heard;
    adm_facts_t            facts;
} ngx_adm_view_copy_t;


/* SKUs of a call, in its pool */

typedef struct {
    ngx_adm_stock_view_t  *view;
    ngx_uint_t             n;
    ngx_uint_t             slot;
    ngx_uint_t             touched;
    ngx_adm_view_copy_t    skus[NGX_ADM_VIEW_BATCH];
} ngx_adm_view_batch_t;


static ngx_int_t ngx_adm_stock_view_attach(void *data, void *memory,
    ngx_uint_t made);
static ngx_int_t ngx_adm_view_configure(ngx_adm_stock_view_t *view);
static ngx_adm_view_place_t *ngx_adm_view_line(ngx_adm_stock_view_t *view,
    const u_char *sku, size_t len);
static ngx_adm_view_place_t *ngx_adm_view_find(ngx_adm_stock_view_t *view,
    const u_char *sku, size_t len);
static ngx_adm_view_place_t *ngx_adm_view_room(ngx_adm_stock_view_t *view,
    const u_char *sku, size_t len, ngx_uint_t missing);
static ngx_uint_t ngx_adm_view_worth(ngx_adm_view_place_t *place);
static ngx_int_t ngx_adm_view_read(ngx_adm_view_place_t *place,
    ngx_adm_view_copy_t *copy);
static ngx_int_t ngx_adm_view_open(ngx_adm_view_place_t *place);
static void ngx_adm_view_close(ngx_adm_view_place_t *place);
static ngx_uint_t ngx_adm_view_wanted(ngx_adm_view_copy_t *copy,
    ngx_adm_view_place_t *place);

static void ngx_adm_stock_view_tick(void *data);
static ngx_uint_t ngx_adm_view_gather(ngx_adm_view_batch_t *batch,
    ngx_uint_t *i);
static ngx_int_t ngx_adm_view_ask(ngx_adm_view_batch_t *gathered);
static void ngx_adm_view_told(ngx_adm_call_t *call, ngx_adm_value_t *value);
static void ngx_adm_view_touch(ngx_adm_stock_view_t *view);
static ngx_int_t ngx_adm_view_note(ngx_adm_call_t *call,
    ngx_adm_view_place_t *place);
static void ngx_adm_view_touched(ngx_adm_call_t *call, ngx_adm_value_t *value);


ngx_adm_stock_view_t *
ngx_adm_stock_view_add(ngx_conf_t *cf, ngx_adm_fleet_t *fleet,
    ngx_adm_stock_t *stock)
{
    ngx_str_t             *prefix;
    ngx_adm_fleet_part_t  *part;
    ngx_adm_stock_view_t  *view;

    prefix = &fleet->redis->conf.prefix;

    view = ngx_pcalloc(cf->pool, sizeof(ngx_adm_stock_view_t));
    part = ngx_adm_fleet_part(fleet);

    if (view == NULL || part == NULL) {
        return NULL;
    }

    view->fleet = fleet;
    view->stock = stock;

    view->skus.data = ngx_pnalloc(cf->pool, prefix->len
                                            + sizeof("{skus}") - 1);
    if (view->skus.data == NULL) {
        return NULL;
    }

    view->skus.len = ngx_sprintf(view->skus.data, "%V{skus}", prefix)
                     - view->skus.data;

    ngx_str_set(&part->name, "stock");
    part->size = sizeof(ngx_adm_view_sh_t);
    part->attach = ngx_adm_stock_view_attach;
    part->tick = ngx_adm_stock_view_tick;
    part->data = view;

    return view;
}


static ngx_int_t
ngx_adm_stock_view_attach(void *data, void *memory, ngx_uint_t made)
{
    ngx_adm_stock_view_t  *view = data;

    view->sh = memory;

    return ngx_adm_view_configure(view);
}


/* those that the configuration names have places for good */

static ngx_int_t
ngx_adm_view_configure(ngx_adm_stock_view_t *view)
{
    ngx_str_t              *sku;
    ngx_uint_t              i;
    ngx_adm_sku_t         **skus;
    ngx_adm_view_place_t   *place;

    for (i = 0; i < NGX_ADM_STOCK_SKUS; i++) {
        view->sh->places[i].configured = 0;
    }

    skus = view->stock->skus.elts;

    for (i = 0; i < view->stock->skus.nelts; i++) {
        sku = &skus[i]->sku;
        place = ngx_adm_view_find(view, sku->data, sku->len);

        if (place == NULL) {
            place = ngx_adm_view_room(view, sku->data, sku->len, 0);
        }

        if (place == NULL) {
            ngx_log_error(NGX_LOG_WARN, view->fleet->shm_zone->shm.log, 0,
                          "admission inventory: what is known of \"%V\" has "
                          "no place of its own", sku);
            continue;
        }

        place->configured = 1;
    }

    return NGX_OK;
}


static ngx_adm_view_place_t *
ngx_adm_view_line(ngx_adm_stock_view_t *view, const u_char *sku, size_t len)
{
    return &view->sh->places[ngx_murmur_hash2((u_char *) sku, len)
                             % NGX_ADM_VIEW_LINES * NGX_ADM_VIEW_LINE];
}


/* by a look that may be mistaken: what is read or written is compared again */

static ngx_adm_view_place_t *
ngx_adm_view_find(ngx_adm_stock_view_t *view, const u_char *sku, size_t len)
{
    ngx_uint_t             i;
    ngx_adm_view_place_t  *place;

    place = ngx_adm_view_line(view, sku, len);

    for (i = 0; i < NGX_ADM_VIEW_LINE; i++, place++) {

        if (place->len == len && ngx_memcmp(place->sku, sku, len) == 0) {
            return place;
        }
    }

    return NULL;
}


/* a place that is now of the SKU, of which nothing is known; NULL: none */

static ngx_adm_view_place_t *
ngx_adm_view_room(ngx_adm_stock_view_t *view, const u_char *sku, size_t len,
    ngx_uint_t missing)
{
    ngx_uint_t             i, worth, least;
    ngx_adm_view_place_t  *place, *found;

    if (len > ADM_SKU_MAX) {
        return NULL;
    }

    found = NULL;
    least = missing ? 2 : 3;
    place = ngx_adm_view_line(view, sku, len);

    for (i = 0; i < NGX_ADM_VIEW_LINE; i++, place++) {
        worth = ngx_adm_view_worth(place);

        if (worth < least) {
            least = worth;
            found = place;
        }
    }

    if (found == NULL || ngx_adm_view_open(found) != NGX_OK) {
        return NULL;
    }

    ngx_memcpy(found->sku, sku, len);
    found->len = len;
    found->look = 0;
    found->cared = ngx_current_msec;
    found->asked = ngx_current_msec;
    found->noted = 0;

    ngx_adm_view_close(found);

    return found;
}


/* 0: free; 1: not in the store; 2: nobody cares; else it stays */

static ngx_uint_t
ngx_adm_view_worth(ngx_adm_view_place_t *place)
{
    ngx_adm_view_copy_t  copy;

    if (place->len == 0) {
        return 0;
    }

    if (place->configured) {
        return 3;
    }

    if (ngx_adm_view_read(place, &copy) != NGX_OK) {
        return 3;
    }

    if (copy.look == NGX_ADM_REDIS_MISSING) {
        return 1;
    }

    return ngx_adm_view_wanted(&copy, place) ? 3 : 2;
}


/* NGX_DECLINED: somebody writes it, or died when he did */

static ngx_int_t
ngx_adm_view_read(ngx_adm_view_place_t *place, ngx_adm_view_copy_t *copy)
{
    uint64_t    version;
    ngx_uint_t  i;

    for (i = 0; i < NGX_ADM_VIEW_LOOKS; i++) {
        version = adm_load(&place->version);

        if (version & 1) {
            continue;
        }

        copy->len = ngx_min(place->len, ADM_SKU_MAX);
        copy->look = place->look;
        copy->configured = place->configured;
        copy->heard = place->heard;
        copy->facts = place->facts;

        ngx_memcpy(copy->sku, place->sku, copy->len);

        ngx_memory_barrier();

        if (version == adm_load(&place->version)) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* NGX_DECLINED: another process writes it now */

static ngx_int_t
ngx_adm_view_open(ngx_adm_view_place_t *place)
{
    uint64_t  version;

    version = adm_load(&place->version);

    if (version & 1
        && (ngx_msec_int_t) (ngx_current_msec - place->written)
           < NGX_ADM_VIEW_WRITER)
    {
        return NGX_DECLINED;
    }

    if (!adm_word_cas(&place->version, version, version + 1 + (version & 1))) {
        return NGX_DECLINED;
    }

    place->written = ngx_current_msec;

    return NGX_OK;
}


static void
ngx_adm_view_close(ngx_adm_view_place_t *place)
{
    __atomic_store_n(&place->version, place->version + 1, __ATOMIC_RELEASE);
}


static ngx_uint_t
ngx_adm_view_wanted(ngx_adm_view_copy_t *copy, ngx_adm_view_place_t *place)
{
    ngx_msec_int_t  life;

    life = (copy->look == NGX_ADM_REDIS_MISSING) ? NGX_ADM_VIEW_BRIEFLY
                                                 : NGX_ADM_STOCK_CARED;

    return copy->configured
           || (ngx_msec_int_t) (ngx_current_msec - place->cared) < life
           || (copy->look == NGX_ADM_REDIS_SEEN
               && (copy->facts.held || copy->facts.unresolved));
}


ngx_adm_stock_look_e
ngx_adm_stock_view_look(ngx_adm_stock_view_t *view, adm_str_t *sku,
    adm_facts_t *facts)
{
    ngx_adm_view_copy_t    copy;
    ngx_adm_view_place_t  *place;

    place = ngx_adm_view_find(view, sku->data, sku->len);

    if (place == NULL || ngx_adm_view_read(place, &copy) != NGX_OK
        || copy.len != sku->len
        || ngx_memcmp(copy.sku, sku->data, sku->len) != 0)
    {
        return NGX_ADM_STOCK_UNSEEN;
    }

    /* what many write becomes dear */

    if (place->cared != ngx_current_msec) {
        place->cared = ngx_current_msec;
    }

    if (copy.look == 0
        || (ngx_msec_int_t) (ngx_current_msec - copy.heard)
           >= NGX_ADM_STOCK_KNOWN)
    {
        return NGX_ADM_STOCK_UNSEEN;
    }

    switch (copy.look) {

    case NGX_ADM_REDIS_MISSING:
        return NGX_ADM_STOCK_MISSING;

    case NGX_ADM_REDIS_SEEN:
        *facts = copy.facts;
        return NGX_ADM_STOCK_SEEN;

    default:
        return NGX_ADM_STOCK_UNSEEN;
    }
}


ngx_uint_t
ngx_adm_stock_view_unconfirmed(ngx_adm_stock_view_t *view)
{
    ngx_uint_t           i;
    ngx_adm_view_copy_t  copy;

    for (i = 0; i < NGX_ADM_STOCK_SKUS; i++) {

        if (view->sh->places[i].look == NGX_ADM_REDIS_UNCONFIRMED
            && ngx_adm_view_read(&view->sh->places[i], &copy) == NGX_OK
            && copy.look == NGX_ADM_REDIS_UNCONFIRMED
            && (ngx_msec_int_t) (ngx_current_msec - copy.heard)
               < NGX_ADM_STOCK_KNOWN)
        {
            return 1;
        }
    }

    return 0;
}


uint64_t
ngx_adm_stock_view_unresolved(ngx_adm_stock_view_t *view)
{
    uint64_t             units;
    ngx_uint_t           i;
    ngx_adm_view_copy_t  copy;

    units = 0;

    for (i = 0; i < NGX_ADM_STOCK_SKUS; i++) {

        if (view->sh->places[i].look == NGX_ADM_REDIS_SEEN
            && ngx_adm_view_read(&view->sh->places[i], &copy) == NGX_OK
            && copy.look == NGX_ADM_REDIS_SEEN)
        {
            units += copy.facts.unresolved;
        }
    }

    return units;
}


ngx_str_t
ngx_adm_stock_view_list(ngx_adm_stock_view_t *view)
{
    return view->skus;
}


void
ngx_adm_stock_view_hear(ngx_adm_stock_view_t *view, const u_char *sku,
    size_t len, ngx_adm_redis_look_e look, adm_facts_t *facts)
{
    ngx_adm_view_place_t  *place;

    place = ngx_adm_view_find(view, sku, len);

    if (place == NULL) {
        place = ngx_adm_view_room(view, sku, len,
                                  look == NGX_ADM_REDIS_MISSING);
    }

    if (place == NULL || ngx_adm_view_open(place) != NGX_OK) {
        return;
    }

    if (place->len == len && ngx_memcmp(place->sku, sku, len) == 0) {
        place->look = look;
        place->heard = ngx_current_msec;
        place->facts = *facts;
    }

    ngx_adm_view_close(place);
}


/*
 * One process at a time; in a round only so many calls, so that in a cluster,
 * where each is of one slot, they spread.
 */

static void
ngx_adm_stock_view_tick(void *data)
{
    ngx_adm_stock_view_t  *view = data;

    ngx_uint_t            i, calls;
    ngx_adm_view_batch_t  batch;

    if (!ngx_adm_fleet_turn(&view->sh->round, NGX_ADM_VIEW_ROUND)) {
        return;
    }

    batch.view = view;
    i = 0;

    for (calls = 0; calls < NGX_ADM_VIEW_CALLS; calls++) {

        if (ngx_adm_view_gather(&batch, &i) == 0
            || ngx_adm_view_ask(&batch) != NGX_OK)
        {
            break;
        }
    }

    if (ngx_adm_fleet_turn(&view->sh->touch, NGX_ADM_VIEW_TOUCH)) {
        ngx_adm_view_touch(view);
    }
}


/* SKUs that are due, of one slot; "i" counts the places that were seen */

static ngx_uint_t
ngx_adm_view_gather(ngx_adm_view_batch_t *batch, ngx_uint_t *i)
{
    ngx_uint_t             slot;
    ngx_adm_view_sh_t     *sh;
    ngx_adm_view_copy_t   *copy;
    ngx_adm_view_place_t  *place;

    batch->n = 0;
    sh = batch->view->sh;

    for ( /* void */ ; *i < NGX_ADM_STOCK_SKUS; (*i)++) {
        place = &sh->places[(sh->next + 1) % NGX_ADM_STOCK_SKUS];
        copy = &batch->skus[batch->n];

        if (place->len
            && (ngx_msec_int_t) (ngx_current_msec - place->asked) >= 0
            && ngx_adm_view_read(place, copy) == NGX_OK
            && copy->len && ngx_adm_view_wanted(copy, place))
        {
            slot = ngx_adm_redis_sku_slot(batch->view->fleet->redis, copy->sku,
                                          copy->len);

            if (batch->n && slot != batch->slot) {
                return batch->n;
            }

            batch->slot = slot;
            batch->n++;
            place->asked = ngx_current_msec
                           + (copy->look == NGX_ADM_REDIS_MISSING
                              ? NGX_ADM_VIEW_SELDOM : NGX_ADM_STOCK_PERIOD);
        }

        sh->next = (sh->next + 1) % NGX_ADM_STOCK_SKUS;

        if (batch->n == NGX_ADM_VIEW_BATCH) {
            (*i)++;
            break;
        }
    }

    return batch->n;
}


static ngx_int_t
ngx_adm_view_ask(ngx_adm_view_batch_t *gathered)
{
    uint64_t               words[2];
    ngx_uint_t             i;
    ngx_adm_call_t        *call;
    ngx_adm_redis_t       *redis;
    ngx_adm_view_batch_t  *batch;

    redis = gathered->view->fleet->redis;

    call = ngx_adm_call_create(redis, NGX_ADM_SCRIPT_STOCK,
                               redis->conf.claim_timeout);
    if (call == NULL) {
        return NGX_ERROR;
    }

    batch = ngx_palloc(call->pool, sizeof(ngx_adm_view_batch_t));
    if (batch == NULL) {
        goto failed;
    }

    *batch = *gathered;

    call->handler = ngx_adm_view_told;
    call->late = ngx_adm_view_told;
    call->data = batch;

    words[0] = gathered->view->stock->close ? NGX_ADM_REDIS_CLOSE : 0;
    words[1] = batch->n;

    for (i = 0; i < batch->n; i++) {

        if (ngx_adm_redis_add_sku(call, batch->view->stock,
                                  batch->skus[i].sku, batch->skus[i].len)
            != NGX_OK)
        {
            goto failed;
        }
    }

    if (ngx_adm_redis_words(call, words, 2, 0)
        && ngx_adm_call_send(call) == NGX_OK)
    {
        return NGX_OK;
    }

failed:

    ngx_adm_call_free(call);

    return NGX_ERROR;
}


static void
ngx_adm_view_told(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    uint64_t               words[NGX_ADM_VIEW_BATCH * NGX_ADM_REDIS_FACTS];
    ngx_uint_t             i;
    adm_facts_t            facts;
    ngx_adm_view_batch_t  *batch;
    ngx_adm_redis_look_e   look;

    if (value == NULL) {
        return;
    }

    batch = call->data;

    if (value->type != NGX_ADM_VALUE_ARRAY || value->n != 2
        || ngx_adm_redis_read_words(value->elements[0], words,
                                    batch->n * NGX_ADM_REDIS_FACTS)
           != NGX_OK)
    {
        ngx_adm_redis_complain(call);
        return;
    }

    for (i = 0; i < batch->n; i++) {

        if (ngx_adm_redis_read_facts(words + i * NGX_ADM_REDIS_FACTS, &look,
                                     &facts)
            != NGX_OK)
        {
            ngx_adm_redis_complain(call);
            return;
        }

        ngx_adm_stock_view_hear(batch->view, batch->skus[i].sku,
                                batch->skus[i].len, look, &facts);
    }
}


/* the SKUs that are there, for whoever asks for all */

static void
ngx_adm_view_touch(ngx_adm_stock_view_t *view)
{
    uint64_t         words[2];
    ngx_uint_t       i;
    ngx_adm_call_t  *call;

    call = ngx_adm_call_create(view->fleet->redis, NGX_ADM_SCRIPT_STOCK,
                               view->fleet->redis->conf.claim_timeout);
    if (call == NULL) {
        return;
    }

    call->handler = ngx_adm_view_touched;

    words[0] = NGX_ADM_REDIS_TOUCH;
    words[1] = 0;

    if (ngx_adm_call_key(call, &view->skus) != NGX_OK
        || ngx_adm_redis_words(call, words, 2, 0) == NULL)
    {
        goto failed;
    }

    for (i = 0; i < NGX_ADM_STOCK_SKUS; i++) {

        if (ngx_adm_view_note(call, &view->sh->places[i]) != NGX_OK) {
            goto failed;
        }
    }

    if (call->args.nelts > 1 && ngx_adm_call_send(call) == NGX_OK) {
        return;
    }

failed:

    ngx_adm_call_free(call);
}


/* if the call is lost, it is noted the next time */

static ngx_int_t
ngx_adm_view_note(ngx_adm_call_t *call, ngx_adm_view_place_t *place)
{
    u_char               *p;
    ngx_adm_view_copy_t   copy;

    if ((place->noted
         && (ngx_msec_int_t) (ngx_current_msec - place->noted)
            < NGX_ADM_VIEW_NOTED)
        || ngx_adm_view_read(place, &copy) != NGX_OK
        || copy.len == 0 || copy.look < NGX_ADM_REDIS_SEEN)
    {
        return NGX_OK;
    }

    p = ngx_pnalloc(call->pool, copy.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, copy.sku, copy.len);
    place->noted = ngx_current_msec;

    return ngx_adm_call_text(call, p, copy.len);
}


static void
ngx_adm_view_touched(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    /* void */
}


ngx_int_t
ngx_adm_stock_view_skus(ngx_adm_stock_view_t *view, ngx_pool_t *pool,
    ngx_array_t *skus)
{
    ngx_str_t            *sku;
    ngx_uint_t            i;
    ngx_adm_view_copy_t   copy;

    for (i = 0; i < NGX_ADM_STOCK_SKUS; i++) {

        if (ngx_adm_view_read(&view->sh->places[i], &copy) != NGX_OK
            || copy.len == 0 || copy.look < NGX_ADM_REDIS_SEEN)
        {
            continue;
        }

        sku = ngx_array_push(skus);
        if (sku == NULL) {
            return NGX_ERROR;
        }

        sku->len = copy.len;

        sku->data = ngx_pnalloc(pool, copy.len);
        if (sku->data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(sku->data, copy.sku, copy.len);
    }

    return NGX_OK;
}
