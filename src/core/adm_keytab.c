
/*
 * Keys and kept answers: see the header.
 */


#include "adm_keytab.h"
#include "adm_siphash.h"


/* changes with the layout */
#define ADM_KEYTAB_MAGIC   UINT64_C(0x61646d6b65797331)

/* of the memory, what the table takes */
#define ADM_KEYTAB_PART    4

/* places that a newcomer to a full table looks at */
#define ADM_KEYTAB_LOOK    256

/* places, used or not, that one step of a copy looks at */
#define ADM_KEYTAB_WALK    1024

/* bytes by which a copy may grow while it is made */
#define ADM_KEYTAB_SLACK   (256 * 1024)


/* in shared memory; behind it are buckets, places and cells */

struct adm_keytab_sh_s {
    uint64_t         magic;
    uint64_t         size;
    unsigned char    secret[16];
    uint64_t         nbuckets;
    uint64_t         nkeys;        /* places, but that of 0 */
    uint64_t         ncells;       /* likewise */

    uint64_t         free;         /* places that were used; 0: none */
    uint64_t         fresh;        /* from this on none was ever used */
    uint64_t         cell_free;
    uint64_t         cell_fresh;
    uint64_t         used;
    uint64_t         cells_used;
    uint64_t         serial;

    /* not noted: nothing rests on them */
    uint64_t         cursor;       /* of the sweep */
    uint64_t         swept;        /* second in which one began */
    uint64_t         full;
    uint64_t         unkept;
    uint64_t         version;

    adm_undo_room_t  undo;
};


typedef struct {
    uint64_t         next;
    unsigned char    data[ADM_KEYTAB_DATA];
} adm_cell_t;


/* what a copy has of a key; the answer follows, up to a whole word */

typedef struct {
    unsigned char    hash[ADM_KEY_BYTES];
    unsigned char    print[ADM_KEY_BYTES];
    unsigned char    fence[ADM_KEY_BYTES];
    uint32_t         expires;
    uint32_t         ttl;
    uint32_t         len;
    uint16_t         status;
    uint8_t          state;
    uint8_t          unused;
} adm_record_t;


#define adm_keytab_cell(t, i)                                                 \
    ((adm_cell_t *) (void *)                                                  \
     ((t)->cells + (size_t) (i) * ADM_KEYTAB_CELL))

#define adm_keytab_cells(len)                                                 \
    (((uint64_t) (len) + ADM_KEYTAB_DATA - 1) / ADM_KEYTAB_DATA)

#define adm_key_runs(key)                                                     \
    ((key)->state == ADM_KEY_ASKED || (key)->state == ADM_KEY_ADMITTED)

#define adm_keytab_whole(len)    (((len) + 7) & ~UINT64_C(7))


void
adm_keytab_init(void *memory, size_t size, const unsigned char secret[16])
{
    uint64_t          n;
    adm_keytab_sh_t  *sh;

    sh = memory;
    size -= sizeof(adm_keytab_sh_t);
    n = size / ADM_KEYTAB_PART / (sizeof(uint64_t) + sizeof(adm_key_t));

    memset(sh, 0, sizeof(adm_keytab_sh_t) + n * sizeof(uint64_t));
    memcpy(sh->secret, secret, 16);

    sh->size = size;
    sh->nbuckets = n;
    sh->nkeys = n - 1;
    sh->fresh = 1;

    size -= n * (sizeof(uint64_t) + sizeof(adm_key_t));

    sh->ncells = size / ADM_KEYTAB_CELL - 1;
    sh->cell_fresh = 1;
    sh->magic = ADM_KEYTAB_MAGIC;
}


int
adm_keytab_attach(adm_keytab_t *t, void *memory, adm_key_lives_pt lives)
{
    adm_keytab_sh_t  *sh;

    sh = memory;

    if (sh->magic != ADM_KEYTAB_MAGIC) {
        return ADM_ERROR;
    }

    t->sh = sh;
    t->buckets = (uint64_t *) (void *) (sh + 1);
    t->keys = (adm_key_t *) (void *) (t->buckets + sh->nbuckets);
    t->cells = (unsigned char *) (t->keys + sh->nkeys + 1);
    t->lives = lives;

    adm_undo_attach(&t->undo, memory, &sh->undo);

    return ADM_OK;
}


void
adm_keytab_recover(adm_keytab_t *t)
{
    (void) adm_undo_back(&t->undo);
}


/* an operation never changes as many words as would not be noted */

static void
adm_keytab_commit(adm_keytab_t *t)
{
    (void) adm_undo_done(&t->undo);

    __atomic_store_n(&t->sh->version, t->sh->version + 1, __ATOMIC_RELEASE);
}


static void
adm_keytab_put(adm_keytab_t *t, uint32_t at, const adm_key_t *key)
{
    adm_undo_copy(&t->undo, &t->keys[at], key, sizeof(adm_key_t));
}


static uint64_t *
adm_keytab_bucket(adm_keytab_t *t, const unsigned char *hash)
{
    return &t->buckets[adm_siphash(t->sh->secret, hash, ADM_KEY_BYTES)
                       % t->sh->nbuckets];
}


static uint32_t
adm_keytab_find(adm_keytab_t *t, const unsigned char *hash)
{
    uint32_t  at;

    at = (uint32_t) *adm_keytab_bucket(t, hash);

    while (at && memcmp(t->keys[at].hash, hash, ADM_KEY_BYTES) != 0) {
        at = t->keys[at].next;
    }

    return at;
}


/* the place of a running key, if it is the fence's; or 0 */

static uint32_t
adm_keytab_own(adm_keytab_t *t, const unsigned char *hash,
    const unsigned char *fence)
{
    uint32_t  at;

    at = adm_keytab_find(t, hash);

    return (at && adm_key_runs(&t->keys[at])
            && memcmp(t->keys[at].fence, fence, ADM_KEY_BYTES) == 0) ? at : 0;
}


static void
adm_keytab_unlink(adm_keytab_t *t, uint32_t at)
{
    uint32_t    before;
    uint64_t   *bucket;
    adm_key_t   key;

    bucket = adm_keytab_bucket(t, t->keys[at].hash);

    if (*bucket == at) {
        adm_undo_set(&t->undo, bucket, t->keys[at].next);
        return;
    }

    before = (uint32_t) *bucket;

    while (t->keys[before].next != at) {
        before = t->keys[before].next;
    }

    key = t->keys[before];
    key.next = t->keys[at].next;

    adm_keytab_put(t, before, &key);
}


/* gives back the cells of a key, which is to be put into its place then */

static void
adm_keytab_empty(adm_keytab_t *t, adm_key_t *key)
{
    adm_keytab_sh_t  *sh;

    sh = t->sh;

    if (key->first) {
        adm_undo_set(&t->undo, &adm_keytab_cell(t, key->last)->next,
                     sh->cell_free);
        adm_undo_set(&t->undo, &sh->cell_free, key->first);
        adm_undo_set(&t->undo, &sh->cells_used,
                     sh->cells_used - adm_keytab_cells(key->len));
    }

    key->first = 0;
    key->last = 0;
    key->len = 0;
}


/* the serial tells readers that what they copy has gone */

static void
adm_keytab_drop(adm_keytab_t *t, uint32_t at)
{
    adm_key_t         key;
    adm_keytab_sh_t  *sh;

    sh = t->sh;

    adm_undo_set(&t->undo, &sh->serial, sh->serial + 1);
    adm_undo_set(&t->undo, &t->keys[at].serial, sh->serial);
    adm_keytab_unlink(t, at);

    key = t->keys[at];

    adm_keytab_empty(t, &key);

    key.state = ADM_KEY_FREE;
    key.next = (uint32_t) sh->free;

    adm_keytab_put(t, at, &key);
    adm_undo_set(&t->undo, &sh->free, at);
    adm_undo_set(&t->undo, &sh->used, sh->used - 1);
}


static void
adm_keytab_settle(adm_keytab_t *t, uint32_t at, adm_key_state_e state,
    uint64_t now)
{
    adm_key_t  key;

    key = t->keys[at];

    if (state != ADM_KEY_KEPT) {
        adm_keytab_empty(t, &key);
    }

    key.state = (uint8_t) state;
    key.expires = (uint32_t) now + key.ttl;

    adm_keytab_put(t, at, &key);
}


/* time, and the death of owners: 1, and what is to be told; 0: it is free */

static int
adm_keytab_judge(adm_keytab_t *t, uint32_t at, uint64_t now)
{
    adm_key_t  *key;

    key = &t->keys[at];

    if (adm_key_runs(key)) {

        if (t->lives(key->owner)) {
            return 1;
        }

        if (key->state == ADM_KEY_ADMITTED) {
            adm_keytab_settle(t, at, ADM_KEY_LOST, now);
            return 1;
        }

    } else if (key->expires > now) {
        return 1;
    }

    adm_keytab_drop(t, at);

    return 0;
}


void
adm_keytab_sweep(adm_keytab_t *t, uint64_t now, unsigned n)
{
    uint64_t          at;
    adm_keytab_sh_t  *sh;

    sh = t->sh;

    if (n > sh->fresh) {
        n = (unsigned) sh->fresh;
    }

    for (at = sh->cursor; n--; at++) {

        if (at == 0 || at >= sh->fresh) {
            at = 0;
            continue;
        }

        if (t->keys[at].state != ADM_KEY_FREE) {
            (void) adm_keytab_judge(t, (uint32_t) at, now);
        }

        if (sh->undo.noted) {
            adm_keytab_commit(t);
        }
    }

    sh->cursor = at;
}


int
adm_keytab_turn(adm_keytab_t *t, uint64_t second)
{
    uint64_t  swept;

    swept = adm_load(&t->sh->swept);

    return swept != second && adm_word_cas(&t->sh->swept, swept, second);
}


/* a place for a newcomer, and all that follows from it; 0: there is none */

static uint32_t
adm_keytab_place(adm_keytab_t *t, uint64_t now)
{
    uint32_t          at;
    adm_keytab_sh_t  *sh;

    sh = t->sh;

    if (sh->free == 0 && sh->fresh > sh->nkeys) {
        adm_keytab_sweep(t, now, ADM_KEYTAB_LOOK);
    }

    at = (uint32_t) sh->free;

    if (at) {
        adm_undo_set(&t->undo, &sh->free, t->keys[at].next);

    } else if (sh->fresh <= sh->nkeys) {
        at = (uint32_t) sh->fresh;
        adm_undo_set(&t->undo, &sh->fresh, at + 1);

    } else {
        sh->full++;
        return 0;
    }

    adm_undo_set(&t->undo, &sh->used, sh->used + 1);
    adm_undo_set(&t->undo, &sh->serial, sh->serial + 1);

    return at;
}


static adm_key_rc_e
adm_keytab_add(adm_keytab_t *t, const adm_key_ask_t *ask, uint64_t now,
    uint32_t *at)
{
    uint64_t   *bucket;
    adm_key_t   key;

    *at = adm_keytab_place(t, now);

    if (*at == 0) {
        return ADM_KEY_FULL;
    }

    bucket = adm_keytab_bucket(t, ask->hash);

    memset(&key, 0, sizeof(adm_key_t));
    memcpy(key.hash, ask->hash, ADM_KEY_BYTES);
    memcpy(key.print, ask->print, ADM_KEY_BYTES);
    memcpy(key.fence, ask->fence, ADM_KEY_BYTES);

    key.serial = t->sh->serial;
    key.expires = (uint32_t) now + ask->ttl;
    key.ttl = ask->ttl;
    key.owner = ask->owner;
    key.next = (uint32_t) *bucket;
    key.state = ADM_KEY_ASKED;

    adm_keytab_put(t, *at, &key);
    adm_undo_set(&t->undo, bucket, *at);

    return ADM_KEY_NEW;
}


static adm_key_rc_e
adm_keytab_said(const adm_key_t *key, const adm_key_ask_t *ask)
{
    if (adm_key_runs(key)
        && memcmp(key->fence, ask->fence, ADM_KEY_BYTES) == 0)
    {
        return ADM_KEY_NEW;
    }

    if (memcmp(key->print, ask->print, ADM_KEY_BYTES) != 0) {
        return ADM_KEY_MISMATCH;
    }

    switch (key->state) {

    case ADM_KEY_LOST:
        return ADM_KEY_UNKNOWN;

    case ADM_KEY_KEPT:
        return ADM_KEY_DONE;

    case ADM_KEY_GONE:
        return ADM_KEY_UNKEPT;

    default:                       /* ADM_KEY_ASKED, ADM_KEY_ADMITTED */
        return ADM_KEY_RUNNING;
    }
}


adm_key_rc_e
adm_keytab_take(adm_keytab_t *t, const adm_key_ask_t *ask, uint64_t now,
    adm_key_t *seen, uint32_t *at)
{
    adm_key_rc_e  rc;

    *at = adm_keytab_find(t, ask->hash);

    if (*at && !adm_keytab_judge(t, *at, now)) {
        *at = 0;
    }

    rc = ADM_KEY_NEW;

    if (*at) {
        rc = adm_keytab_said(&t->keys[*at], ask);

    } else if (!ask->peek) {

        /* a look for places is an operation of its own */

        adm_keytab_commit(t);
        rc = adm_keytab_add(t, ask, now, at);
    }

    if (t->sh->undo.noted) {
        adm_keytab_commit(t);
    }

    if (*at) {
        *seen = t->keys[*at];
    }

    return rc;
}


void
adm_keytab_admit(adm_keytab_t *t, const unsigned char *hash,
    const unsigned char *fence)
{
    uint32_t   at;
    adm_key_t  key;

    at = adm_keytab_own(t, hash, fence);

    if (at) {
        key = t->keys[at];
        key.state = ADM_KEY_ADMITTED;

        adm_keytab_put(t, at, &key);
        adm_keytab_commit(t);
    }
}


void
adm_keytab_free(adm_keytab_t *t, const unsigned char *hash,
    const unsigned char *fence)
{
    uint32_t  at;

    at = adm_keytab_own(t, hash, fence);

    if (at) {
        adm_keytab_drop(t, at);
        adm_keytab_commit(t);
    }
}


void
adm_keytab_lose(adm_keytab_t *t, const unsigned char *hash,
    const unsigned char *fence, uint64_t now)
{
    uint32_t  at;

    at = adm_keytab_own(t, hash, fence);

    if (at) {
        adm_keytab_settle(t, at, ADM_KEY_LOST, now);
        adm_keytab_commit(t);
    }
}


/* one more cell behind a key's last; links of free ones mostly lie right */

static void
adm_keytab_append(adm_keytab_t *t, adm_key_t *key)
{
    uint32_t          i;
    uint64_t         *next;
    adm_keytab_sh_t  *sh;

    sh = t->sh;
    i = (uint32_t) sh->cell_free;

    if (i) {
        adm_undo_set(&t->undo, &sh->cell_free, adm_keytab_cell(t, i)->next);

    } else {
        i = (uint32_t) sh->cell_fresh;
        adm_undo_set(&t->undo, &sh->cell_fresh, i + 1);
    }

    if (key->last) {
        next = &adm_keytab_cell(t, key->last)->next;

        if (*next != i) {
            adm_undo_set(&t->undo, next, i);
        }

    } else {
        key->first = i;
    }

    key->last = i;
    key->len += ADM_KEYTAB_DATA;
}


int
adm_keytab_grow(adm_keytab_t *t, const unsigned char *hash,
    const unsigned char *fence, size_t len, uint32_t *first)
{
    uint32_t          at;
    uint64_t          n, wanted;
    adm_key_t         key;
    adm_keytab_sh_t  *sh;

    sh = t->sh;
    at = adm_keytab_own(t, hash, fence);

    if (at == 0) {
        return ADM_ERROR;
    }

    key = t->keys[at];
    wanted = adm_keytab_cells(len) - adm_keytab_cells(key.len);

    if (wanted > sh->ncells - sh->cells_used) {
        sh->unkept++;
        return ADM_ERROR;
    }

    n = (wanted < ADM_KEYTAB_GROW) ? wanted : ADM_KEYTAB_GROW;
    adm_undo_set(&t->undo, &sh->cells_used, sh->cells_used + n);

    for (wanted -= n; n; n--) {
        adm_keytab_append(t, &key);
    }

    adm_keytab_put(t, at, &key);
    adm_keytab_commit(t);

    *first = key.first;

    return wanted == 0;
}


void
adm_keytab_done(adm_keytab_t *t, const unsigned char *hash,
    const unsigned char *fence, unsigned status, size_t len, int kept,
    uint64_t now)
{
    uint32_t   at;
    adm_key_t  key;

    at = adm_keytab_own(t, hash, fence);

    if (at == 0) {
        return;
    }

    adm_keytab_settle(t, at, kept ? ADM_KEY_KEPT : ADM_KEY_GONE, now);

    key = t->keys[at];
    key.status = (uint16_t) status;

    if (kept) {
        key.len = (uint32_t) len;
    }

    adm_keytab_put(t, at, &key);
    adm_keytab_commit(t);
}


void
adm_keytab_write(adm_keytab_t *t, uint32_t first, const unsigned char *data,
    size_t len)
{
    size_t       n;
    uint64_t     i;
    adm_cell_t  *cell;

    for (i = first; len; i = cell->next) {
        cell = adm_keytab_cell(t, i);
        n = (len < ADM_KEYTAB_DATA) ? len : ADM_KEYTAB_DATA;

        memcpy(cell->data, data, n);

        data += n;
        len -= n;
    }
}


int
adm_keytab_read(adm_keytab_t *t, const adm_key_t *seen, uint32_t at,
    unsigned char *data)
{
    size_t       n, len;
    uint64_t     i;
    adm_cell_t  *cell;

    i = seen->first;

    for (len = seen->len; len; len -= n) {

        if (i == 0 || i > t->sh->ncells) {
            return 0;
        }

        cell = adm_keytab_cell(t, i);
        n = (len < ADM_KEYTAB_DATA) ? len : ADM_KEYTAB_DATA;

        memcpy(data, cell->data, n);

        data += n;
        i = adm_load(&cell->next);
    }

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    return adm_load(&t->keys[at].serial) == seen->serial;
}


adm_key_rc_e
adm_keytab_forget(adm_keytab_t *t, const unsigned char *hash, uint64_t now)
{
    uint32_t      at;
    adm_key_rc_e  rc;

    at = adm_keytab_find(t, hash);

    if (at == 0) {
        return ADM_KEY_NEW;
    }

    rc = ADM_KEY_NEW;

    if (adm_keytab_judge(t, at, now)) {
        rc = adm_key_runs(&t->keys[at]) ? ADM_KEY_RUNNING : ADM_KEY_DONE;
    }

    if (rc == ADM_KEY_DONE) {
        adm_keytab_drop(t, at);
    }

    adm_keytab_commit(t);

    return rc;
}


size_t
adm_keytab_measure(adm_keytab_t *t)
{
    uint64_t  size;

    size = adm_load(&t->sh->used) * sizeof(adm_record_t)
           + adm_load(&t->sh->cells_used) * ADM_KEYTAB_CELL;

    return (size_t) (size + size / 8 + ADM_KEYTAB_SLACK);
}


/* appends a key: bytes, or 0 if it does not fit */

static size_t
adm_keytab_record(adm_keytab_t *t, uint32_t at, unsigned char *copy,
    size_t size)
{
    size_t         len;
    adm_key_t     *key;
    adm_record_t   r;

    key = &t->keys[at];

    memcpy(r.hash, key->hash, ADM_KEY_BYTES);
    memcpy(r.print, key->print, ADM_KEY_BYTES);
    memcpy(r.fence, key->fence, ADM_KEY_BYTES);

    r.expires = key->expires;
    r.ttl = key->ttl;
    r.len = (key->state == ADM_KEY_KEPT) ? key->len : 0;
    r.status = key->status;
    r.state = key->state;
    r.unused = 0;

    len = sizeof(adm_record_t) + adm_keytab_whole(r.len);

    if (len > size) {
        return 0;
    }

    memcpy(copy, &r, sizeof(adm_record_t));

    if (r.len) {
        (void) adm_keytab_read(t, key, at, copy + sizeof(adm_record_t));
    }

    return len;
}


int64_t
adm_keytab_pack(adm_keytab_t *t, uint32_t *at, size_t most,
    unsigned char *copy, size_t size)
{
    size_t    n, len;
    uint64_t  i, end;

    len = 0;
    end = (uint64_t) *at + ADM_KEYTAB_WALK;

    for (i = *at; i < end && i < t->sh->fresh && len < most; i++) {

        if (t->keys[i].state == ADM_KEY_FREE) {
            continue;
        }

        n = adm_keytab_record(t, (uint32_t) i, copy + len, size - len);

        if (n == 0) {
            return ADM_ERROR;
        }

        len += n;
    }

    *at = (i < t->sh->fresh) ? (uint32_t) i : 0;

    return (int64_t) len;
}


/* fills the place that a key of a copy has just got */

static void
adm_keytab_refill(adm_keytab_t *t, const adm_record_t *r,
    const unsigned char *data, uint64_t now)
{
    int       rc;
    uint32_t  first;

    if (r->state == ADM_KEY_KEPT || r->state == ADM_KEY_GONE) {
        rc = (r->state == ADM_KEY_KEPT) ? 0 : ADM_ERROR;

        while (rc == 0) {
            rc = adm_keytab_grow(t, r->hash, r->fence, r->len, &first);
        }

        if (rc == 1) {
            adm_keytab_write(t, first, data, r->len);
        }

        adm_keytab_done(t, r->hash, r->fence, r->status, r->len, rc == 1,
                        now);

    } else {
        adm_keytab_lose(t, r->hash, r->fence, now);
    }
}


static int
adm_keytab_return(adm_keytab_t *t, const adm_record_t *r,
    const unsigned char *data, uint64_t now)
{
    uint32_t       at;
    adm_key_t      seen;
    adm_key_ask_t  ask;

    if (adm_key_runs(r)) {
        ask.ttl = r->ttl;

    } else if (r->expires > now) {
        ask.ttl = r->expires - (uint32_t) now;

    } else {
        return ADM_OK;
    }

    ask.hash = r->hash;
    ask.print = r->print;
    ask.fence = r->fence;
    ask.owner = 0;
    ask.peek = 0;

    if (adm_keytab_take(t, &ask, now, &seen, &at) == ADM_KEY_FULL) {
        return ADM_ERROR;
    }

    adm_keytab_refill(t, r, data, now);

    return ADM_OK;
}


int
adm_keytab_restore(adm_keytab_t *t, const unsigned char *copy, size_t size,
    uint64_t now)
{
    adm_record_t  r;

    while (size) {

        if (size < sizeof(adm_record_t)) {
            return ADM_ERROR;
        }

        memcpy(&r, copy, sizeof(adm_record_t));

        copy += sizeof(adm_record_t);
        size -= sizeof(adm_record_t);

        if (r.state == ADM_KEY_FREE || r.state > ADM_KEY_GONE
            || adm_keytab_whole(r.len) > size
            || adm_keytab_return(t, &r, copy, now) != ADM_OK)
        {
            return ADM_ERROR;
        }

        copy += adm_keytab_whole(r.len);
        size -= adm_keytab_whole(r.len);
    }

    return ADM_OK;
}


uint64_t
adm_keytab_version(adm_keytab_t *t)
{
    return adm_load(&t->sh->version);
}


void
adm_keytab_stats(adm_keytab_t *t, adm_keytab_stats_t *stats)
{
    adm_keytab_sh_t  *sh;

    sh = t->sh;

    stats->used = adm_load(&sh->used);
    stats->places = sh->nkeys;
    stats->full = adm_load(&sh->full);
    stats->cells_used = adm_load(&sh->cells_used);
    stats->cells = sh->ncells;
    stats->unkept = adm_load(&sh->unkept);
}
