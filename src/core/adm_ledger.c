
/*
 * The ledger: its memory, and SKUs; see the header.
 */


#include "adm_ledger_room.h"
#include "adm_siphash.h"


/* of the memory behind the head: parts of SKUs, and of buyers */

#define ADM_LEDGER_SKUS       8
#define ADM_LEDGER_STAKES     4

/* looks at facts that change while they are read */

#define ADM_LEDGER_LOOKS      64


static uint64_t adm_ledger_table(adm_ledger_table_t *table, uint64_t at,
    uint64_t bytes, size_t place, size_t beside);
static adm_ledger_sku_t *adm_ledger_sku_find(const adm_ledger_room_t *room,
    adm_str_t sku);
static void adm_ledger_tell(const adm_ledger_sku_t *s, adm_facts_t *facts);
static int adm_ledger_new_stock(const adm_ledger_sku_t *s, adm_stock_e what,
    int64_t number, uint64_t *available);


int
adm_ledger_init(void *memory, size_t size, const unsigned char secret[16])
{
    uint64_t            at, rest;
    adm_ledger_room_t  *room;

    room = memory;

    if (size < ADM_LEDGER_MIN) {
        return ADM_ERROR;
    }

    room->size = size;
    size -= (size / ADM_LEDGER_PAGE + 1) * sizeof(uint64_t);
    size -= size % sizeof(uint64_t);
    room->touched = size;

    at = (sizeof(adm_ledger_room_t) + 63) / 64 * 64;
    rest = size - at;

    at = adm_ledger_table(&room->skus, at, rest / ADM_LEDGER_SKUS,
                          sizeof(adm_ledger_sku_t), 0);
    at = adm_ledger_table(&room->stakes, at, rest / ADM_LEDGER_STAKES,
                          sizeof(adm_ledger_stake_t), 0);
    at = adm_ledger_table(&room->holds, at, size - at,
                          sizeof(adm_ledger_hold_t), sizeof(uint64_t));

    room->heap = at;
    memcpy(room->secret, secret, sizeof(room->secret));
    room->magic = ADM_LEDGER_MAGIC;

    return ADM_OK;
}


/* the first byte behind it; "beside" are bytes of a place that follow it */

static uint64_t
adm_ledger_table(adm_ledger_table_t *table, uint64_t at, uint64_t bytes,
    size_t place, size_t beside)
{
    table->at = at;
    table->places = bytes / (place + sizeof(uint64_t) + beside);
    table->heads = at + table->places * place;

    return table->heads + table->places * sizeof(uint64_t);
}


int
adm_ledger_attach(adm_ledger_t *l, void *memory)
{
    l->room = memory;
    l->marked = 0;

    adm_undo_attach(&l->undo, memory, &l->room->undo);

    return l->room->magic == ADM_LEDGER_MAGIC ? ADM_OK : ADM_ERROR;
}


void
adm_ledger_touch(adm_ledger_t *l, const void *p, size_t size)
{
    uint64_t   page, last, *touched;
    uintptr_t  at;

    at = (uintptr_t) p - (uintptr_t) l->room;
    page = at / ADM_LEDGER_PAGE;
    last = (at + size - 1) / ADM_LEDGER_PAGE;
    touched = adm_ledger_at(l->room, l->room->touched);

    for ( /* void */ ; page <= last; page++) {
        touched[page] = l->room->changes + 1;
    }
}


void
adm_ledger_set(adm_ledger_t *l, uint64_t *word, uint64_t to)
{
    adm_ledger_touch(l, word, sizeof(uint64_t));
    adm_undo_set(&l->undo, word, to);
}


void
adm_ledger_done(adm_ledger_t *l)
{
    adm_ledger_add(l, &l->room->changes, 1);
    (void) adm_undo_done(&l->undo);
}


adm_ledger_rc_e
adm_ledger_none(adm_ledger_t *l)
{
    (void) adm_undo_back(&l->undo);

    adm_ledger_add(l, &l->room->full, 1);
    (void) adm_undo_done(&l->undo);

    return ADM_LEDGER_FULL;
}


uint64_t *
adm_ledger_sku_link(const adm_ledger_room_t *room, adm_str_t sku)
{
    uint64_t          *link, n;
    adm_ledger_sku_t  *s;

    link = adm_ledger_at(room, room->skus.heads);
    link += adm_siphash(room->secret, sku.data, sku.len) % room->skus.places;

    for (n = adm_load(link); n; n = adm_load(link)) {
        s = &adm_ledger_skus(room)[n - 1];

        if (s->len == sku.len && memcmp(s->text, sku.data, sku.len) == 0) {
            break;
        }

        link = &s->chain;
    }

    return link;
}


static adm_ledger_sku_t *
adm_ledger_sku_find(const adm_ledger_room_t *room, adm_str_t sku)
{
    uint64_t  n;

    n = adm_load(adm_ledger_sku_link(room, sku));

    return n ? &adm_ledger_skus(room)[n - 1] : NULL;
}


adm_ledger_sku_t *
adm_ledger_sku_make(adm_ledger_t *l, adm_str_t sku)
{
    uint64_t           *link;
    adm_ledger_sku_t   *s;
    adm_ledger_room_t  *room;

    room = l->room;
    link = adm_ledger_sku_link(room, sku);

    if (*link) {
        return &adm_ledger_skus(room)[*link - 1];
    }

    if (room->skus.used == room->skus.places || sku.len > ADM_SKU_MAX) {
        return NULL;
    }

    s = &adm_ledger_skus(room)[room->skus.used];

    /* nothing refers to it yet */

    adm_ledger_touch(l, s, sizeof(adm_ledger_sku_t));
    memset(s, 0, sizeof(adm_ledger_sku_t));
    memcpy(s->text, sku.data, sku.len);
    s->len = sku.len;

    adm_ledger_add(l, &room->skus.used, 1);
    adm_ledger_set(l, link, room->skus.used);

    return s;
}


adm_ledger_rc_e
adm_ledger_stock(adm_ledger_t *l, adm_str_t sku, adm_stock_e what,
    int64_t number)
{
    uint64_t           available;
    adm_ledger_sku_t  *s;

    s = adm_ledger_sku_find(l->room, sku);

    if (s == NULL && what == ADM_STOCK_ADD) {
        return ADM_LEDGER_UNKNOWN;
    }

    s = adm_ledger_sku_make(l, sku);

    if (s == NULL) {
        return adm_ledger_none(l);
    }

    if (!adm_ledger_new_stock(s, what, number, &available)) {
        (void) adm_undo_back(&l->undo);
        return ADM_LEDGER_SOLD_OUT;
    }

    adm_ledger_set(l, &s->available, available);
    adm_ledger_done(l);

    return ADM_LEDGER_OK;
}


static int
adm_ledger_new_stock(const adm_ledger_sku_t *s, adm_stock_e what,
    int64_t number, uint64_t *available)
{
    int64_t  n;

    switch (what) {

    case ADM_STOCK_TOTAL:
        n = number - (int64_t) (s->held + s->unresolved + s->committed);
        break;

    case ADM_STOCK_ADD:
        n = (int64_t) s->available + number;
        break;

    default:                       /* ADM_STOCK_SET */
        n = number;
        break;
    }

    *available = (uint64_t) n;

    return n >= 0;
}


static void
adm_ledger_tell(const adm_ledger_sku_t *s, adm_facts_t *facts)
{
    facts->available = adm_load(&s->available);
    facts->held = adm_load(&s->held);
    facts->holds = adm_load(&s->holds);
    facts->unresolved = adm_load(&s->unresolved);
    facts->committed = adm_load(&s->committed);
    facts->expired = adm_load(&s->expired);
}


int
adm_ledger_facts(const adm_ledger_t *l, adm_str_t sku, adm_facts_t *facts)
{
    adm_ledger_sku_t  *s;

    s = adm_ledger_sku_find(l->room, sku);

    if (s == NULL) {
        memset(facts, 0, sizeof(adm_facts_t));
        return 0;
    }

    adm_ledger_tell(s, facts);

    return 1;
}


/*
 * While an operation is noted its words are on their way; and each that ends
 * changes a number.
 */

int
adm_ledger_look(const adm_ledger_t *l, adm_str_t sku, adm_facts_t *facts)
{
    int                 there;
    unsigned            i;
    uint64_t            changes;
    adm_ledger_room_t  *room;

    room = l->room;
    there = 0;

    for (i = 0; i < ADM_LEDGER_LOOKS; i++) {
        changes = adm_load(&room->changes);

        if (adm_load(&room->undo.noted)) {
            continue;
        }

        there = adm_ledger_facts(l, sku, facts);

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (adm_load(&room->undo.noted) == 0
            && adm_load(&room->changes) == changes)
        {
            return there;
        }
    }

    return adm_ledger_facts(l, sku, facts);
}


int
adm_ledger_sku(const adm_ledger_t *l, unsigned i, adm_str_t *sku,
    adm_facts_t *facts)
{
    adm_ledger_sku_t  *s;

    if (i >= l->room->skus.used) {
        return 0;
    }

    s = &adm_ledger_skus(l->room)[i];

    sku->len = s->len;
    sku->data = (unsigned char *) s->text;

    adm_ledger_tell(s, facts);

    return 1;
}


void
adm_ledger_use(const adm_ledger_t *l, adm_ledger_use_t *use)
{
    use->used = adm_load(&l->room->live);
    use->places = l->room->holds.places;
    use->full = adm_load(&l->room->full);
    use->late = adm_load(&l->room->late);
    use->missed = adm_load(&l->room->missed);
}


uint64_t
adm_ledger_version(const adm_ledger_t *l)
{
    return adm_load(&l->room->changes);
}


size_t
adm_ledger_bytes(const adm_ledger_t *l)
{
    return l->room->size;
}
