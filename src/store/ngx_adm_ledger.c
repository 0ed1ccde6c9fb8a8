
/*
 * The stock of a node: its memory, its mutex, and its file.
 */


#include <ngx_adm_ledger.h>
#include <adm_ledger.h>
#include <openssl/rand.h>


/* changes with what a copy is */
#define NGX_ADM_LEDGER_COPY     1

#define NGX_ADM_LEDGER_ALIGN    64

/* holds that are over, looked at by the way, and with one lock of a tick */
#define NGX_ADM_LEDGER_BY_THE_WAY  8
#define NGX_ADM_LEDGER_AT_ONCE     64

/* bytes of a copy for what comes while it is made */
#define NGX_ADM_LEDGER_GROWTH   (256 * 1024)

/* ms */
#define NGX_ADM_LEDGER_TICK     900
#define NGX_ADM_LEDGER_COPIES   1000


/* in shared memory; the ledger follows */

typedef struct {
    ngx_atomic_t           ticked;     /* ngx_current_msec */
    u_char                 apart[NGX_ADM_LEDGER_ALIGN - sizeof(ngx_atomic_t)];
} ngx_adm_ledger_sh_t;


/* a cycle's view */

struct ngx_adm_ledger_s {
    ngx_shm_zone_t        *shm_zone;
    ngx_slab_pool_t       *shpool;
    ngx_adm_ledger_sh_t   *sh;
    adm_ledger_t           ledger;     /* once the memory is there */
    ngx_adm_state_t       *state;      /* NULL: nothing is brought back */
    ngx_adm_state_part_t   kept;
};


/* of a list of holds; what is in shared memory is copied */

typedef struct {
    adm_hold_t             hold;
    u_char                 note[ADM_LEDGER_NOTE];
} ngx_adm_ledger_seen_t;


static ngx_int_t ngx_adm_ledger_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_adm_ledger_lay_out(ngx_adm_ledger_t *ledger);
static ngx_int_t ngx_adm_ledger_restore(ngx_adm_ledger_t *ledger);
static void ngx_adm_ledger_lock(ngx_adm_ledger_t *ledger);
static void ngx_adm_ledger_unlock(ngx_adm_ledger_t *ledger);
static ngx_int_t ngx_adm_ledger_own(ngx_adm_ledger_t *ledger);
static ngx_uint_t ngx_adm_ledger_gone(uint64_t pid);
static void ngx_adm_ledger_orphan(ngx_adm_ledger_t *ledger, unsigned i,
    uint64_t pid);
static void ngx_adm_ledger_order(adm_ledger_order_t *order,
    ngx_adm_checkout_t *checkout);
static void ngx_adm_ledger_said(ngx_adm_command_t *command, adm_ledger_rc_e rc,
    adm_ledger_answer_t *answer);
static void ngx_adm_ledger_log(adm_settled_e settled, const u_char *id,
    ngx_uint_t commit);
static void ngx_adm_ledger_change(ngx_adm_ledger_t *ledger,
    ngx_adm_inquiry_t *inquiry);
static void ngx_adm_ledger_list(ngx_adm_ledger_t *ledger, ngx_pool_t *pool,
    ngx_adm_inquiry_t *inquiry);
static void ngx_adm_ledger_settle(ngx_adm_ledger_t *ledger, ngx_pool_t *pool,
    ngx_adm_inquiry_t *inquiry);
static void ngx_adm_ledger_losses(ngx_adm_ledger_t *ledger, ngx_pool_t *pool,
    ngx_adm_inquiry_t *inquiry);
static void ngx_adm_ledger_see(ngx_adm_ledger_seen_t *seen);
static ngx_int_t ngx_adm_ledger_tell(ngx_adm_ledger_seen_t *seen,
    ngx_pool_t *pool, ngx_adm_inquiry_t *inquiry);
static uint64_t ngx_adm_ledger_version(void *data);
static size_t ngx_adm_ledger_measure(void *data);
static ssize_t ngx_adm_ledger_pack(void *data, void *copy, size_t size);
static void ngx_adm_ledger_kept(void *data, const void *copy);


/* by adm_ledger_rc_e */

static ngx_adm_stock_rc_e  ngx_adm_ledger_rcs[] = {
    NGX_ADM_STOCK_OK,
    NGX_ADM_STOCK_SOLD_OUT,
    NGX_ADM_STOCK_RESERVED,
    NGX_ADM_STOCK_RESERVED,
    NGX_ADM_STOCK_UNKNOWN,
    NGX_ADM_STOCK_BUYER,
    NGX_ADM_STOCK_FULL,
    NGX_ADM_STOCK_WITHHELD
};


/* by adm_settled_e */

static ngx_adm_told_e  ngx_adm_ledger_told[] = {
    NGX_ADM_TOLD_OK,
    NGX_ADM_TOLD_LATE,
    NGX_ADM_TOLD_SHORT,
    NGX_ADM_TOLD_NONE,
    NGX_ADM_TOLD_OTHER,
    NGX_ADM_TOLD_RUNNING
};


/* by adm_hold_e */

static ngx_adm_hold_state_e  ngx_adm_ledger_states[] = {
    NGX_ADM_HOLD_RELEASED,
    NGX_ADM_HOLD_RELEASED,
    NGX_ADM_HOLD_RUNNING,
    NGX_ADM_HOLD_HELD,
    NGX_ADM_HOLD_IS_UNRESOLVED,
    NGX_ADM_HOLD_COMMITTED,
    NGX_ADM_HOLD_RELEASED
};


/* by ngx_adm_ledger_end_e */

static adm_ledger_end_e  ngx_adm_ledger_ends[] = {
    ADM_LEDGER_RELEASE,
    ADM_LEDGER_COMMIT,
    ADM_LEDGER_LEAVE,
    ADM_LEDGER_LOSE
};


/* this process among the owners of holds; memory lives longer than a cycle */

static ngx_adm_ledger_sh_t  *ngx_adm_ledger_owned;
static ngx_pid_t             ngx_adm_ledger_owner;
static ngx_int_t             ngx_adm_ledger_number;


ngx_adm_ledger_t *
ngx_adm_ledger_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    size_t             running;
    ngx_adm_ledger_t  *ledger;

    ledger = ngx_pcalloc(cf->pool, sizeof(ngx_adm_ledger_t));
    if (ledger == NULL) {
        return NULL;
    }

    running = ngx_adm_zone_running_size(cf, name, tag);
    size = ngx_max(size, 2 * ADM_LEDGER_MIN);

    ledger->shm_zone = ngx_shared_memory_add(cf, name,
                                             running ? running : size, tag);
    if (ledger->shm_zone == NULL) {
        return NULL;
    }

    ledger->shm_zone->init = ngx_adm_ledger_init;
    ledger->shm_zone->data = ledger;

    return ledger;
}


ngx_int_t
ngx_adm_ledger_keep(ngx_adm_ledger_t *ledger, ngx_adm_state_t *state)
{
    ngx_adm_state_part_t  *part;

    ledger->state = state;
    part = &ledger->kept;

    ngx_str_set(&part->name, "stock");

    part->layout = NGX_ADM_LEDGER_COPY;
    part->data = ledger;
    part->version = ngx_adm_ledger_version;
    part->measure = ngx_adm_ledger_measure;
    part->pack = ngx_adm_ledger_pack;
    part->kept = ngx_adm_ledger_kept;

    return ngx_adm_state_part(state, part);
}


static ngx_int_t
ngx_adm_ledger_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t         made;
    ngx_adm_ledger_t  *ledger;

    ledger = shm_zone->data;
    ledger->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    made = (data == NULL && !shm_zone->shm.exists);

    if (made && ngx_adm_ledger_lay_out(ledger) != NGX_OK) {
        return NGX_ERROR;
    }

    ledger->sh = ledger->shpool->data;

    if (adm_ledger_attach(&ledger->ledger, ledger->sh + 1) != ADM_OK) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "memory \"%V\" was laid out by another version "
                      "of the module, nginx has to be restarted",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    ledger->ledger.marked = (ledger->state != NULL);

    return (made && ledger->state) ? ngx_adm_ledger_restore(ledger) : NGX_OK;
}


/* takes all that the slab allocator has: nobody allocates here again */

static ngx_int_t
ngx_adm_ledger_lay_out(ngx_adm_ledger_t *ledger)
{
    size_t                size;
    u_char                secret[16];
    ngx_slab_pool_t      *shpool;
    ngx_adm_ledger_sh_t  *sh;

    shpool = ledger->shpool;
    size = shpool->pfree * ngx_pagesize;

    sh = ngx_slab_calloc(shpool, size);
    shpool->log_nomem = 0;
    shpool->data = sh;

    if (sh == NULL) {
        return NGX_ERROR;
    }

    if (RAND_bytes(secret, sizeof(secret)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, ledger->shm_zone->shm.log, 0,
                      "RAND_bytes() failed for memory \"%V\"",
                      &ledger->shm_zone->shm.name);
        return NGX_ERROR;
    }

    return (adm_ledger_init(sh + 1, size - sizeof(ngx_adm_ledger_sh_t), secret)
            == ADM_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_adm_ledger_restore(ngx_adm_ledger_t *ledger)
{
    int        rc;
    ngx_int_t  read;
    ngx_str_t  copy;

    read = ngx_adm_state_read_all(ledger->state, &ledger->kept, &copy);

    if (read != NGX_OK) {
        return (read == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    rc = adm_ledger_restore(&ledger->ledger, copy.data, copy.len,
                            ngx_adm_line_now());

    ngx_free(copy.data);

    if (rc != ADM_OK) {
        ngx_log_error(NGX_LOG_EMERG, ledger->shm_zone->shm.log, 0,
                      "the stock kept in \"%V/%V\" does not fit into memory "
                      "\"%V\" of %uz bytes: its zone has to be as large as "
                      "it was; with the file moved away all SKUs and holds "
                      "are unknown",
                      &ledger->state->path->name, &ledger->kept.name,
                      &ledger->shm_zone->shm.name,
                      ledger->shm_zone->shm.size);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_adm_ledger_lock(ngx_adm_ledger_t *ledger)
{
    ngx_shmtx_lock(&ledger->shpool->mutex);

    adm_ledger_enter(&ledger->ledger);
}


static void
ngx_adm_ledger_unlock(ngx_adm_ledger_t *ledger)
{
    ngx_shmtx_unlock(&ledger->shpool->mutex);
}


/* under the mutex; NGX_ERROR: there is no place for one more process */

static ngx_int_t
ngx_adm_ledger_own(ngx_adm_ledger_t *ledger)
{
    if (ngx_adm_ledger_owned == ledger->sh && ngx_adm_ledger_owner == ngx_pid)
    {
        return ngx_adm_ledger_number;
    }

    ngx_adm_ledger_number = adm_ledger_own(&ledger->ledger, ngx_pid);

    if (ngx_adm_ledger_number != NGX_ERROR) {
        ngx_adm_ledger_owned = ledger->sh;
        ngx_adm_ledger_owner = ngx_pid;
    }

    return ngx_adm_ledger_number;
}


static ngx_uint_t
ngx_adm_ledger_gone(uint64_t pid)
{
    if (pid == UINT64_MAX) {
        return 1;
    }

    return pid && (ngx_pid_t) pid != ngx_pid
           && kill((ngx_pid_t) pid, 0) == -1 && ngx_errno == ESRCH;
}


static void
ngx_adm_ledger_order(adm_ledger_order_t *order, ngx_adm_checkout_t *checkout)
{
    order->id = checkout->id;
    order->buyer = checkout->buyer;
    order->note.len = ngx_min(checkout->note_len, ADM_LEDGER_NOTE);
    order->note.data = checkout->note;
    order->items = checkout->items;
    order->nitems = checkout->nitems;
    order->hold = checkout->hold;
    order->per_buyer = checkout->per_buyer;
    order->per_time = (uint64_t) checkout->per_time * 1000;
    order->returns = checkout->returns;
    order->owner = 0;
}


void
ngx_adm_ledger_take(ngx_adm_ledger_t *ledger, ngx_adm_command_t *command)
{
    uint64_t             now;
    ngx_int_t            owner;
    adm_ledger_rc_e      rc;
    adm_ledger_order_t   order;
    adm_ledger_answer_t  answer;

    ngx_memzero(&answer, sizeof(adm_ledger_answer_t));
    ngx_adm_ledger_order(&order, command->checkout);
    now = ngx_adm_line_now();

    ngx_adm_ledger_lock(ledger);

    (void) adm_ledger_expire(&ledger->ledger, now, NGX_ADM_LEDGER_BY_THE_WAY);

    if (command->peek || command->shadow) {
        rc = adm_ledger_peek(&ledger->ledger, &order, now, &answer);

    } else {
        owner = ngx_adm_ledger_own(ledger);
        order.owner = owner;
        rc = (owner == NGX_ERROR) ? ADM_LEDGER_FULL
             : adm_ledger_take(&ledger->ledger, &order, now, &answer);
    }

    ngx_adm_ledger_unlock(ledger);

    ngx_adm_ledger_said(command, rc, &answer);
}


static void
ngx_adm_ledger_said(ngx_adm_command_t *command, adm_ledger_rc_e rc,
    adm_ledger_answer_t *answer)
{
    command->stock_said = ngx_adm_ledger_rcs[rc];
    command->item = answer->item;
    command->facts = answer->facts;
    command->wait = (rc == ADM_LEDGER_WAIT) ? NGX_ADM_LEDGER_COPIES
                                            : (ngx_msec_t) answer->wait;
}


void
ngx_adm_ledger_admit(ngx_adm_ledger_t *ledger, ngx_adm_checkout_t *checkout)
{
    ngx_adm_ledger_lock(ledger);
    (void) adm_ledger_admit(&ledger->ledger, checkout->id);
    ngx_adm_ledger_unlock(ledger);
}


void
ngx_adm_ledger_end(ngx_adm_ledger_t *ledger, ngx_adm_checkout_t *checkout)
{
    adm_settled_e  settled;

    ngx_adm_ledger_lock(ledger);

    settled = adm_ledger_end(&ledger->ledger, checkout->id,
                             ngx_adm_ledger_ends[checkout->hold_end],
                             ngx_adm_line_now());

    ngx_adm_ledger_unlock(ledger);

    ngx_adm_ledger_log(settled, checkout->id,
                       checkout->hold_end == NGX_ADM_HOLD_COMMIT);
}


/* what somebody has to look into */

static void
ngx_adm_ledger_log(adm_settled_e settled, const u_char *id, ngx_uint_t commit)
{
    u_char       hex[2 * ADM_LEDGER_ID];
    ngx_str_t    text;
    const char  *what;

    switch (settled) {

    case ADM_SETTLED_LATE:
        what = "was committed after it had expired, and took new units";
        break;

    case ADM_SETTLED_SHORT:
        what = "was committed after it had expired, and its units are others' "
               "now: an order may have none";
        break;

    case ADM_SETTLED_OTHER:
        what = commit ? "was committed after it had been released: an order "
                        "may have no units"
                      : "was released after it had been committed: its units "
                        "stay committed";
        break;

    default:
        return;
    }

    text.len = sizeof(hex);
    text.data = hex;
    ngx_hex_dump(hex, (u_char *) id, ADM_LEDGER_ID);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "hold %V %s", &text, what);
}


void
ngx_adm_ledger_ask(ngx_adm_ledger_t *ledger, ngx_pool_t *pool,
    ngx_adm_inquiry_t *inquiry)
{
    switch (inquiry->what) {

    case NGX_ADM_ASK_STOCKS:
        ngx_adm_ledger_list(ledger, pool, inquiry);
        break;

    case NGX_ADM_ASK_HOLD:
    case NGX_ADM_ASK_COMMIT:
    case NGX_ADM_ASK_RELEASE:
        ngx_adm_ledger_settle(ledger, pool, inquiry);
        break;

    case NGX_ADM_ASK_HOLDS:
        ngx_adm_ledger_losses(ledger, pool, inquiry);
        break;

    default:                       /* STOCK, SET, TOTAL, ADD */
        ngx_adm_ledger_change(ledger, inquiry);
        break;
    }
}


static void
ngx_adm_ledger_change(ngx_adm_ledger_t *ledger, ngx_adm_inquiry_t *inquiry)
{
    int                  there;
    adm_str_t            sku;
    adm_facts_t          facts;
    adm_ledger_rc_e      rc;
    ngx_adm_told_sku_t  *told;

    rc = ADM_LEDGER_OK;
    sku.len = inquiry->sku.len;
    sku.data = inquiry->sku.data;

    ngx_adm_ledger_lock(ledger);

    if (inquiry->what != NGX_ADM_ASK_STOCK) {
        rc = adm_ledger_stock(&ledger->ledger, sku,
                              inquiry->what == NGX_ADM_ASK_SET ? ADM_STOCK_SET
                              : inquiry->what == NGX_ADM_ASK_ADD
                                ? ADM_STOCK_ADD : ADM_STOCK_TOTAL,
                              inquiry->number);
    }

    there = adm_ledger_facts(&ledger->ledger, sku, &facts);

    ngx_adm_ledger_unlock(ledger);

    inquiry->told = (rc == ADM_LEDGER_FULL) ? NGX_ADM_TOLD_FULL
                    : (rc == ADM_LEDGER_SOLD_OUT) ? NGX_ADM_TOLD_SHORT
                    : there ? NGX_ADM_TOLD_OK : NGX_ADM_TOLD_NONE;

    told = there ? ngx_array_push(&inquiry->skus) : NULL;

    if (told) {
        ngx_memzero(told, sizeof(ngx_adm_told_sku_t));
        told->sku = inquiry->sku;
        told->facts = facts;
    }
}


/* a SKU's text never changes, nor goes */

static void
ngx_adm_ledger_list(ngx_adm_ledger_t *ledger, ngx_pool_t *pool,
    ngx_adm_inquiry_t *inquiry)
{
    int                  there;
    unsigned             i;
    adm_str_t            sku;
    adm_facts_t          facts;
    ngx_adm_told_sku_t  *told;

    inquiry->told = NGX_ADM_TOLD_OK;

    for (i = 0; /* void */ ; i++) {
        ngx_adm_ledger_lock(ledger);
        there = adm_ledger_sku(&ledger->ledger, i, &sku, &facts);
        ngx_adm_ledger_unlock(ledger);

        told = there ? ngx_array_push(&inquiry->skus) : NULL;

        if (told == NULL) {
            inquiry->more = there;
            return;
        }

        ngx_memzero(told, sizeof(ngx_adm_told_sku_t));
        told->sku.len = sku.len;
        told->sku.data = (u_char *) sku.data;
        told->facts = facts;
    }
}


static void
ngx_adm_ledger_settle(ngx_adm_ledger_t *ledger, ngx_pool_t *pool,
    ngx_adm_inquiry_t *inquiry)
{
    ngx_uint_t              commit;
    adm_settled_e           settled;
    ngx_adm_ledger_seen_t   seen;

    settled = ADM_SETTLED;
    commit = (inquiry->what == NGX_ADM_ASK_COMMIT);

    ngx_adm_ledger_lock(ledger);

    if (inquiry->what != NGX_ADM_ASK_HOLD) {
        settled = adm_ledger_settle(&ledger->ledger, inquiry->id,
                                    commit ? ADM_LEDGER_COMMIT
                                           : ADM_LEDGER_RELEASE,
                                    ngx_adm_line_now());
    }

    if (adm_ledger_hold(&ledger->ledger, inquiry->id, &seen.hold)) {
        ngx_adm_ledger_see(&seen);

    } else {
        settled = ADM_SETTLED_NONE;
    }

    ngx_adm_ledger_unlock(ledger);

    inquiry->told = ngx_adm_ledger_told[settled];

    if (settled == ADM_SETTLED_LATE || settled == ADM_SETTLED_SHORT) {
        ngx_adm_ledger_log(settled, inquiry->id, commit);
    }

    if (settled != ADM_SETTLED_NONE) {
        (void) ngx_adm_ledger_tell(&seen, pool, inquiry);
    }
}


static void
ngx_adm_ledger_losses(ngx_adm_ledger_t *ledger, ngx_pool_t *pool,
    ngx_adm_inquiry_t *inquiry)
{
    uint64_t                at;
    ngx_uint_t              i, n;
    ngx_adm_ledger_seen_t  *seen;

    seen = ngx_palloc(pool, (NGX_ADM_ASK_MANY + 1)
                            * sizeof(ngx_adm_ledger_seen_t));
    if (seen == NULL) {
        inquiry->more = 1;
        return;
    }

    at = 0;

    ngx_adm_ledger_lock(ledger);

    for (n = 0; n <= NGX_ADM_ASK_MANY; n++) {

        if (!adm_ledger_unresolved(&ledger->ledger, &at, &seen[n].hold)) {
            break;
        }

        ngx_adm_ledger_see(&seen[n]);
    }

    ngx_adm_ledger_unlock(ledger);

    inquiry->told = NGX_ADM_TOLD_OK;
    inquiry->more = (n > NGX_ADM_ASK_MANY);

    for (i = 0; i < n && i < NGX_ADM_ASK_MANY; i++) {

        if (ngx_adm_ledger_tell(&seen[i], pool, inquiry) != NGX_OK) {
            inquiry->more = 1;
            return;
        }
    }
}


static void
ngx_adm_ledger_see(ngx_adm_ledger_seen_t *seen)
{
    ngx_memcpy(seen->note, seen->hold.note.data, seen->hold.note.len);
}


static ngx_int_t
ngx_adm_ledger_tell(ngx_adm_ledger_seen_t *seen, ngx_pool_t *pool,
    ngx_adm_inquiry_t *inquiry)
{
    u_char               *note;
    unsigned              i;
    ngx_adm_told_hold_t  *told;

    note = ngx_pnalloc(pool, ADM_LEDGER_NOTE);
    if (note == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(note, seen->note, seen->hold.note.len);

    for (i = 0; i < seen->hold.nitems; i++) {
        told = ngx_array_push(&inquiry->holds);
        if (told == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(told, sizeof(ngx_adm_told_hold_t));
        ngx_memcpy(told->id, seen->hold.id, ADM_LEDGER_ID);
        told->sku.len = seen->hold.items[i].sku.len;
        told->sku.data = (u_char *) seen->hold.items[i].sku.data;
        told->quantity = seen->hold.items[i].quantity;
        told->state = ngx_adm_ledger_states[seen->hold.state];
        told->until = seen->hold.until;
        told->note.len = seen->hold.note.len;
        told->note.data = note;
    }

    return NGX_OK;
}


ngx_adm_stock_look_e
ngx_adm_ledger_look(ngx_adm_ledger_t *ledger, adm_str_t *sku,
    adm_facts_t *facts)
{
    return adm_ledger_look(&ledger->ledger, *sku, facts)
           ? NGX_ADM_STOCK_SEEN : NGX_ADM_STOCK_MISSING;
}


/* its place may be another's since it was looked at */

static void
ngx_adm_ledger_orphan(ngx_adm_ledger_t *ledger, unsigned i, uint64_t pid)
{
    ngx_adm_ledger_lock(ledger);

    if (adm_ledger_owner(&ledger->ledger, i) == pid) {
        (void) adm_ledger_orphan(&ledger->ledger, i, ngx_adm_line_now(),
                                 NGX_ADM_LEDGER_AT_ONCE);
    }

    ngx_adm_ledger_unlock(ledger);
}


/* of all processes that come by, the first in a second does it */

void
ngx_adm_ledger_tick(ngx_adm_ledger_t *ledger)
{
    int                more;
    uint64_t           pid;
    unsigned           i;
    ngx_atomic_uint_t  ticked;

    ticked = ledger->sh->ticked;

    if ((ngx_msec_t) (ngx_current_msec - ticked) < NGX_ADM_LEDGER_TICK
        || !ngx_atomic_cmp_set(&ledger->sh->ticked, ticked, ngx_current_msec))
    {
        return;
    }

    do {
        ngx_adm_ledger_lock(ledger);
        more = adm_ledger_expire(&ledger->ledger, ngx_adm_line_now(),
                                 NGX_ADM_LEDGER_AT_ONCE);
        ngx_adm_ledger_unlock(ledger);
    } while (more);

    for (i = 0; i < ADM_LEDGER_OWNERS; i++) {
        pid = adm_ledger_owner(&ledger->ledger, i);

        while (ngx_adm_ledger_gone(pid)) {
            ngx_adm_ledger_orphan(ledger, i, pid);
            pid = adm_ledger_owner(&ledger->ledger, i);
        }
    }
}


void
ngx_adm_ledger_used(ngx_adm_ledger_t *ledger, uint64_t *used,
    uint64_t *places, uint64_t *full)
{
    adm_ledger_use_t  use;

    adm_ledger_use(&ledger->ledger, &use);

    *used = use.used;
    *places = use.places;
    *full = use.full;
}


uint64_t
ngx_adm_ledger_unresolved(ngx_adm_ledger_t *ledger)
{
    unsigned     i;
    uint64_t     units;
    adm_str_t    sku;
    adm_facts_t  facts;

    units = 0;

    ngx_adm_ledger_lock(ledger);

    for (i = 0; adm_ledger_sku(&ledger->ledger, i, &sku, &facts); i++) {
        units += facts.unresolved;
    }

    ngx_adm_ledger_unlock(ledger);

    return units;
}


void
ngx_adm_ledger_late(ngx_adm_ledger_t *ledger, uint64_t *late, uint64_t *missed)
{
    adm_ledger_use_t  use;

    adm_ledger_use(&ledger->ledger, &use);

    *late = use.late;
    *missed = use.missed;
}


static uint64_t
ngx_adm_ledger_version(void *data)
{
    ngx_adm_ledger_t  *ledger = data;

    return adm_ledger_version(&ledger->ledger);
}


static size_t
ngx_adm_ledger_measure(void *data)
{
    ngx_adm_ledger_t  *ledger = data;

    return adm_ledger_measure(&ledger->ledger) + NGX_ADM_LEDGER_GROWTH;
}


/*
 * Workers wait for one piece at most.  When nginx ends, the master is the
 * last to write, and nobody takes anything any more.
 */

static ssize_t
ngx_adm_ledger_pack(void *data, void *copy, size_t size)
{
    ngx_adm_ledger_t  *ledger = data;

    int                more;
    size_t             n;
    ngx_uint_t         last;
    adm_ledger_t       image;
    adm_ledger_shot_t  shot;

    ngx_memzero(&shot, sizeof(adm_ledger_shot_t));

    shot.image = ngx_calloc(adm_ledger_bytes(&ledger->ledger),
                            ngx_cycle->log);
    if (shot.image == NULL) {
        return NGX_ERROR;
    }

    do {
        ngx_adm_ledger_lock(ledger);
        more = adm_ledger_shoot(&ledger->ledger, &shot);
        ngx_adm_ledger_unlock(ledger);
    } while (more);

    last = (ngx_quit || ngx_terminate)
           && (ngx_process == NGX_PROCESS_MASTER
               || ngx_process == NGX_PROCESS_SINGLE);

    ngx_adm_ledger_lock(ledger);
    adm_ledger_shot(&ledger->ledger, &shot, last);
    ngx_adm_ledger_unlock(ledger);

    (void) adm_ledger_attach(&image, shot.image);
    n = adm_ledger_save(&image, copy, size, ngx_adm_line_now(), last);

    ngx_free(shot.image);

    return n ? (ssize_t) n : NGX_ERROR;
}


static void
ngx_adm_ledger_kept(void *data, const void *copy)
{
    ngx_adm_ledger_t  *ledger = data;

    adm_ledger_kept(&ledger->ledger, copy);
}
