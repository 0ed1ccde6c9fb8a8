
/*
 * The outbox: its memory, and whose its places are.
 *
 * A place's word has its state, its owner and a serial number, and changes by
 * one step; what it says of the place was written before.
 */


#include <ngx_adm_outbox.h>
#include <ngx_adm_zone.h>
#include <adm_atomic.h>


#define NGX_ADM_OUTBOX_LAYOUT   1
#define NGX_ADM_OUTBOX_NAME     " outbox"

/* ms between two looks for owners that are gone */
#define NGX_ADM_OUTBOX_LOOK     250


typedef enum {
    NGX_ADM_OUTBOX_FREE = 0,
    NGX_ADM_OUTBOX_FILLING,
    NGX_ADM_OUTBOX_ASKED,
    NGX_ADM_OUTBOX_ADMITTED,
    NGX_ADM_OUTBOX_ENDED
} ngx_adm_outbox_state_e;


/* serial 29 bits, process 32, state 3 */

#define ngx_adm_outbox_word(serial, pid, state)                               \
    (((uint64_t) (serial) << 35) | ((uint64_t) (uint32_t) (pid) << 3)         \
     | (state))
#define ngx_adm_outbox_state(word)   ((word) & 7)
#define ngx_adm_outbox_pid(word)     ((ngx_pid_t) (uint32_t) ((word) >> 3))
#define ngx_adm_outbox_serial(word)  ((word) >> 35)


struct ngx_adm_outbox_sh_s {
    ngx_uint_t       layout;
    ngx_atomic_t     late;
    ngx_atomic_t     missed;
    ngx_atomic_t     full;
    ngx_atomic_t     look;             /* when the next is due, ms */
    u_char           apart[64];
    uint64_t         words[NGX_ADM_OUTBOX_PLACES];
    ngx_adm_owed_t   owed[NGX_ADM_OUTBOX_PLACES];
};


static ngx_int_t ngx_adm_outbox_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_adm_outbox_lay_out(ngx_shm_zone_t *shm_zone);
static void ngx_adm_outbox_begin(ngx_adm_outbox_t *outbox);
static void ngx_adm_outbox_move(ngx_adm_outbox_t *outbox,
    ngx_adm_owed_t *owed, ngx_pid_t pid, ngx_adm_outbox_state_e state);
static ngx_uint_t ngx_adm_outbox_orphan(uint64_t word);
static ngx_adm_owed_t *ngx_adm_outbox_adopt(ngx_adm_outbox_t *outbox,
    ngx_uint_t i, uint64_t word);


/* where this process looks for a place first */

static ngx_uint_t  ngx_adm_outbox_hint;

/* the process that has begun: a number of one that is gone may come again */

static ngx_pid_t   ngx_adm_outbox_process;


ngx_adm_outbox_t *
ngx_adm_outbox_add(ngx_conf_t *cf, ngx_adm_fleet_t *fleet)
{
    size_t             size;
    ngx_str_t          name, *base;
    ngx_adm_outbox_t  *outbox;

    base = &fleet->shm_zone->shm.name;

    outbox = ngx_pcalloc(cf->pool, sizeof(ngx_adm_outbox_t));
    name.data = ngx_pnalloc(cf->pool, base->len
                                      + sizeof(NGX_ADM_OUTBOX_NAME) - 1);

    if (outbox == NULL || name.data == NULL) {
        return NULL;
    }

    name.len = ngx_sprintf(name.data, "%V" NGX_ADM_OUTBOX_NAME, base)
               - name.data;

    /* what the slab allocator takes for itself comes on top */

    size = sizeof(ngx_adm_outbox_sh_t);
    size += size / 64 + 16 * ngx_pagesize;

    outbox->shm_zone = ngx_shared_memory_add(cf, &name, size,
                                             fleet->shm_zone->tag);
    if (outbox->shm_zone == NULL) {
        return NULL;
    }

    outbox->shm_zone->init = ngx_adm_outbox_init;
    outbox->shm_zone->data = outbox;

    return outbox;
}


static ngx_int_t
ngx_adm_outbox_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t   *shpool;
    ngx_adm_outbox_t  *outbox;

    outbox = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists
        && ngx_adm_outbox_lay_out(shm_zone) != NGX_OK)
    {
        return NGX_ERROR;
    }

    outbox->sh = shpool->data;

    if (outbox->sh->layout != NGX_ADM_OUTBOX_LAYOUT) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "memory \"%V\" was laid out by another version "
                      "of the module, nginx has to be restarted",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_adm_outbox_lay_out(ngx_shm_zone_t *shm_zone)
{
    ngx_slab_pool_t      *shpool;
    ngx_adm_outbox_sh_t  *sh;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    sh = ngx_slab_calloc(shpool, sizeof(ngx_adm_outbox_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    sh->layout = NGX_ADM_OUTBOX_LAYOUT;

    shpool->data = sh;
    shpool->log_nomem = 0;

    return NGX_OK;
}


ngx_adm_owed_t *
ngx_adm_outbox_take(ngx_adm_outbox_t *outbox, ngx_adm_checkout_t *checkout)
{
    uint64_t              word, filling;
    ngx_uint_t            i, n;
    ngx_adm_outbox_sh_t  *sh;

    sh = outbox->sh;

    ngx_adm_outbox_begin(outbox);

    for (n = 0; n < NGX_ADM_OUTBOX_PLACES; n++) {
        i = (ngx_adm_outbox_hint + n) % NGX_ADM_OUTBOX_PLACES;
        word = adm_load(&sh->words[i]);

        if (ngx_adm_outbox_state(word) != NGX_ADM_OUTBOX_FREE) {
            continue;
        }

        filling = ngx_adm_outbox_word(ngx_adm_outbox_serial(word) + 1, ngx_pid,
                                      NGX_ADM_OUTBOX_FILLING);

        if (adm_word_cas(&sh->words[i], word, filling)) {
            ngx_adm_outbox_hint = i + 1;

            ngx_adm_outbox_more(&sh->owed[i], checkout);
            ngx_adm_outbox_move(outbox, &sh->owed[i], ngx_pid,
                                NGX_ADM_OUTBOX_ASKED);

            return &sh->owed[i];
        }
    }

    (void) ngx_atomic_fetch_add(&sh->full, 1);

    return NULL;
}


/* what has this process' number before it took any was another one's */

static void
ngx_adm_outbox_begin(ngx_adm_outbox_t *outbox)
{
    uint64_t              word;
    ngx_uint_t            i;
    ngx_adm_outbox_sh_t  *sh;

    if (ngx_adm_outbox_process == ngx_pid) {
        return;
    }

    ngx_adm_outbox_process = ngx_pid;

    sh = outbox->sh;

    for (i = 0; i < NGX_ADM_OUTBOX_PLACES; i++) {
        word = adm_load(&sh->words[i]);

        if (ngx_adm_outbox_state(word) != NGX_ADM_OUTBOX_FREE
            && ngx_adm_outbox_pid(word) == ngx_pid)
        {
            ngx_adm_outbox_move(outbox, &sh->owed[i], 0,
                                ngx_adm_outbox_state(word));
        }
    }
}


void
ngx_adm_outbox_more(ngx_adm_owed_t *owed, ngx_adm_checkout_t *checkout)
{
    u_char      *p;
    ngx_uint_t   i;
    adm_item_t  *item;

    ngx_memcpy(owed->id, checkout->id, NGX_ADM_CHECKOUT_ID);
    ngx_memcpy(owed->key, checkout->key, NGX_ADM_CHECKOUT_HASH);
    ngx_memcpy(owed->fingerprint, checkout->fingerprint,
               NGX_ADM_CHECKOUT_HASH);
    ngx_memcpy(owed->note, checkout->note, NGX_ADM_CHECKOUT_NOTE);

    owed->note_len = checkout->note_len;
    owed->lock = checkout->lock;
    owed->hold = checkout->hold;
    owed->ttl = checkout->ttl;
    owed->keyed = checkout->keyed;
    owed->returns = checkout->returns;
    owed->status = 0;

    p = owed->skus;

    for (i = 0; checkout->stocked && i < checkout->nitems; i++) {
        item = &checkout->items[i];

        owed->lens[i] = item->sku.len;
        owed->quantities[i] = item->quantity;
        p = ngx_cpymem(p, item->sku.data, item->sku.len);
    }

    owed->nitems = i;
}


/* the word is its owner's, who may be another from now on */

static void
ngx_adm_outbox_move(ngx_adm_outbox_t *outbox, ngx_adm_owed_t *owed,
    ngx_pid_t pid, ngx_adm_outbox_state_e state)
{
    uint64_t  *word;

    word = &outbox->sh->words[owed - outbox->sh->owed];

    __atomic_store_n(word, ngx_adm_outbox_word(ngx_adm_outbox_serial(*word),
                                               pid, state),
                     __ATOMIC_RELEASE);
}


void
ngx_adm_outbox_admit(ngx_adm_outbox_t *outbox, ngx_adm_owed_t *owed)
{
    ngx_adm_outbox_move(outbox, owed, ngx_pid, NGX_ADM_OUTBOX_ADMITTED);
}


void
ngx_adm_outbox_end(ngx_adm_outbox_t *outbox, ngx_adm_owed_t *owed,
    ngx_adm_checkout_t *checkout)
{
    owed->keyed = checkout->key_asked;
    owed->nitems = checkout->stock_asked ? owed->nitems : 0;
    owed->key_end = checkout->key_end;
    owed->hold_end = checkout->hold_end;
    owed->status = checkout->status;

    ngx_adm_outbox_move(outbox, owed, ngx_pid, NGX_ADM_OUTBOX_ENDED);
}


void
ngx_adm_outbox_free(ngx_adm_outbox_t *outbox, ngx_adm_owed_t *owed)
{
    ngx_adm_outbox_move(outbox, owed, 0, NGX_ADM_OUTBOX_FREE);
}


void
ngx_adm_outbox_leave(ngx_adm_outbox_t *outbox, ngx_adm_owed_t *owed)
{
    ngx_adm_outbox_move(outbox, owed, 0, NGX_ADM_OUTBOX_ENDED);
}


ngx_uint_t
ngx_adm_outbox_turn(ngx_adm_outbox_t *outbox)
{
    ngx_adm_outbox_begin(outbox);

    return ngx_adm_fleet_turn(&outbox->sh->look, NGX_ADM_OUTBOX_LOOK);
}


ngx_adm_owed_t *
ngx_adm_outbox_inherit(ngx_adm_outbox_t *outbox, ngx_uint_t *i)
{
    uint64_t         word;
    ngx_adm_owed_t  *owed;

    while (*i < NGX_ADM_OUTBOX_PLACES) {
        word = adm_load(&outbox->sh->words[*i]);

        owed = ngx_adm_outbox_orphan(word)
               ? ngx_adm_outbox_adopt(outbox, *i, word) : NULL;

        (*i)++;

        if (owed) {
            return owed;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_adm_outbox_orphan(uint64_t word)
{
    ngx_pid_t          pid;
    static ngx_pid_t   alive;
    static ngx_msec_t  seen;

    if (ngx_adm_outbox_state(word) == NGX_ADM_OUTBOX_FREE) {
        return 0;
    }

    pid = ngx_adm_outbox_pid(word);

    if (pid == 0) {
        return 1;
    }

    if (pid == ngx_pid) {
        return 0;
    }

    /* one after the other of the same owner: it is asked for once */

    if (pid == alive && seen == ngx_current_msec) {
        return 0;
    }

    if (kill(pid, 0) == -1 && ngx_errno == ESRCH) {
        return 1;
    }

    alive = pid;
    seen = ngx_current_msec;

    return 0;
}


/* NULL: another process was first, or there is nothing to tell of it */

static ngx_adm_owed_t *
ngx_adm_outbox_adopt(ngx_adm_outbox_t *outbox, ngx_uint_t i, uint64_t word)
{
    ngx_adm_owed_t          *owed;
    ngx_adm_outbox_state_e   state;

    owed = &outbox->sh->owed[i];
    state = ngx_adm_outbox_state(word);

    if (!adm_word_cas(&outbox->sh->words[i], word,
                      ngx_adm_outbox_word(ngx_adm_outbox_serial(word) + 1,
                                          ngx_pid, state)))
    {
        return NULL;
    }

    switch (state) {

    case NGX_ADM_OUTBOX_ASKED:
        owed->key_end = NGX_ADM_KEY_FORGET;
        owed->hold_end = NGX_ADM_HOLD_RELEASE;
        break;

    case NGX_ADM_OUTBOX_ADMITTED:
        owed->key_end = NGX_ADM_KEY_UNKNOWN;
        owed->hold_end = NGX_ADM_HOLD_UNRESOLVED;
        break;

    case NGX_ADM_OUTBOX_ENDED:
        return owed;

    default:                       /* NGX_ADM_OUTBOX_FILLING */
        ngx_adm_outbox_free(outbox, owed);
        return NULL;
    }

    ngx_adm_outbox_move(outbox, owed, ngx_pid, NGX_ADM_OUTBOX_ENDED);

    return owed;
}


void
ngx_adm_outbox_used(ngx_adm_outbox_t *outbox, uint64_t *owed, uint64_t *used)
{
    uint64_t    state;
    ngx_uint_t  i;

    *owed = 0;
    *used = 0;

    for (i = 0; i < NGX_ADM_OUTBOX_PLACES; i++) {
        state = ngx_adm_outbox_state(adm_load(&outbox->sh->words[i]));

        *owed += (state == NGX_ADM_OUTBOX_ENDED);
        *used += (state != NGX_ADM_OUTBOX_FREE);
    }
}


void
ngx_adm_outbox_totals(ngx_adm_outbox_t *outbox, uint64_t *late,
    uint64_t *missed, uint64_t *full)
{
    *late = outbox->sh->late;
    *missed = outbox->sh->missed;
    *full = outbox->sh->full;
}


void
ngx_adm_outbox_count_late(ngx_adm_outbox_t *outbox)
{
    (void) ngx_atomic_fetch_add(&outbox->sh->late, 1);
}


void
ngx_adm_outbox_count_missed(ngx_adm_outbox_t *outbox)
{
    (void) ngx_atomic_fetch_add(&outbox->sh->missed, 1);
}
