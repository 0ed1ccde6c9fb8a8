
/*
 * Copies of a ledger: see adm_ledger.h.
 *
 *     the head, SKUs, stakes, holds
 *
 * as they are in the memory, but that the place of a hold's further items
 * follows it.  Places are not told: a copy fits into a memory of another
 * size, if there is place enough.
 *
 * A SKU's "bound" says how many units may ever be handed out while this copy
 * is the last on disk, and "lent" how many of them are beyond the copy.
 *
 * A large memory is not copied with one lock: pages are copied a few at a
 * time, those that were touched meanwhile once more, and the last few of them
 * with the head, so that what is there in the end is of one moment.
 */


#include "adm_ledger_room.h"
#include "adm_siphash.h"


/* rounds, after which the rest is copied at once, however much it is */

#define ADM_LEDGER_MOST    6


typedef struct {
    uint64_t          magic;
    uint64_t          last;          /* 1: nothing came behind it */
    uint64_t          nskus;
    uint64_t          nholds;
    uint64_t          nstakes;
    uint64_t          size;          /* bytes of all */
    uint64_t          rest[2];
} adm_ledger_copy_t;


/* where a copy is written, or read */

typedef struct {
    unsigned char    *at;
    unsigned char    *end;
    uint64_t          last;
} adm_ledger_pen_t;


static unsigned adm_ledger_put(adm_ledger_pen_t *pen, const void *p,
    size_t size);
static const void *adm_ledger_get(adm_ledger_pen_t *pen, size_t size);
static unsigned adm_ledger_shoot_page(const adm_ledger_t *l,
    adm_ledger_shot_t *shot);
static uint64_t adm_ledger_lend(const adm_ledger_sku_t *s, int last);
static uint64_t adm_ledger_save_skus(const adm_ledger_room_t *room,
    adm_ledger_pen_t *pen);
static uint64_t adm_ledger_save_holds(const adm_ledger_room_t *room,
    adm_ledger_pen_t *pen);
static uint64_t adm_ledger_save_list(const adm_ledger_room_t *room,
    const adm_ledger_list_t *list, adm_ledger_pen_t *pen);
static unsigned adm_ledger_save_hold(const adm_ledger_room_t *room,
    const adm_ledger_hold_t *h, adm_ledger_pen_t *pen);
static uint64_t adm_ledger_save_stakes(const adm_ledger_room_t *room,
    uint64_t now, adm_ledger_pen_t *pen);
static int adm_ledger_restore_sku(adm_ledger_t *l, adm_ledger_pen_t *pen,
    uint64_t now);
static int adm_ledger_crash(adm_ledger_t *l, uint64_t sku, uint64_t units,
    uint64_t now);
static int adm_ledger_restore_hold(adm_ledger_t *l, adm_ledger_pen_t *pen,
    uint64_t now);
static void adm_ledger_restored(adm_ledger_t *l, adm_ledger_hold_t *h,
    uint64_t last, uint64_t now);
static int adm_ledger_restore_stake(adm_ledger_t *l, adm_ledger_pen_t *pen);


size_t
adm_ledger_measure(const adm_ledger_t *l)
{
    adm_ledger_room_t  *room;

    room = l->room;

    return sizeof(adm_ledger_copy_t)
           + adm_load(&room->skus.used) * sizeof(adm_ledger_sku_t)
           + adm_load(&room->holds.used) * sizeof(adm_ledger_hold_t)
           + adm_load(&room->stakes.used) * sizeof(adm_ledger_stake_t);
}


static unsigned
adm_ledger_put(adm_ledger_pen_t *pen, const void *p, size_t size)
{
    if ((size_t) (pen->end - pen->at) < size) {
        pen->end = pen->at;
        return 0;
    }

    memcpy(pen->at, p, size);
    pen->at += size;

    return 1;
}


static const void *
adm_ledger_get(adm_ledger_pen_t *pen, size_t size)
{
    const void  *p;

    if ((size_t) (pen->end - pen->at) < size) {
        return NULL;
    }

    p = pen->at;
    pen->at += size;

    return p;
}


/*
 * Rounds, of which each copies what was touched since the one before began,
 * and so copies less.
 */

int
adm_ledger_shoot(const adm_ledger_t *l, adm_ledger_shot_t *shot)
{
    unsigned  n;
    uint64_t  pages;

    pages = l->room->touched / ADM_LEDGER_PAGE + 1;

    if (shot->page == 0) {
        shot->since = shot->until;
        shot->until = l->room->changes;
        shot->copied = 0;
    }

    for (n = 0; shot->page < pages && n < ADM_LEDGER_PAGES; shot->page++) {
        n += adm_ledger_shoot_page(l, shot);
    }

    shot->copied += n;

    if (shot->page < pages) {
        return 1;
    }

    shot->page = 0;

    return shot->copied > ADM_LEDGER_PAGES && ++shot->rounds < ADM_LEDGER_MOST;
}


static unsigned
adm_ledger_shoot_page(const adm_ledger_t *l, adm_ledger_shot_t *shot)
{
    uint64_t  at, size, *touched;

    touched = adm_ledger_at(l->room, l->room->touched);

    if (touched[shot->page] <= shot->since) {
        return 0;
    }

    at = shot->page * ADM_LEDGER_PAGE;
    size = l->room->touched - at;

    if (size > ADM_LEDGER_PAGE) {
        size = ADM_LEDGER_PAGE;
    }

    memcpy((unsigned char *) shot->image + at, adm_ledger_at(l->room, at),
           size);

    return 1;
}


void
adm_ledger_shot(adm_ledger_t *l, adm_ledger_shot_t *shot, int last)
{
    adm_ledger_mark(l, last);

    shot->since = shot->until;

    for (shot->page = 0;
         shot->page < l->room->touched / ADM_LEDGER_PAGE + 1;
         shot->page++)
    {
        (void) adm_ledger_shoot_page(l, shot);
    }

    memcpy(shot->image, l->room, offsetof(adm_ledger_room_t, undo));
}


/*
 * Until this copy is on disk the one before may be what a crash leaves, so
 * the lesser bound counts.  One store for each word: who is killed here has
 * bound some more narrowly, until the next copy.
 */

void
adm_ledger_mark(adm_ledger_t *l, int last)
{
    uint64_t           i, lent;
    adm_ledger_sku_t  *s;

    for (i = 0; i < l->room->skus.used; i++) {
        s = &adm_ledger_skus(l->room)[i];
        lent = adm_ledger_lend(s, last);

        if (lent == s->lent && s->before == s->taken && s->wanted == 0
            && s->bound <= s->taken + lent)
        {
            continue;
        }

        adm_ledger_touch(l, s, sizeof(adm_ledger_sku_t));

        s->lent = lent;
        s->before = s->taken;
        s->wanted = 0;

        if (s->taken + s->lent < s->bound) {
            __atomic_store_n(&s->bound, s->taken + s->lent, __ATOMIC_RELEASE);
        }
    }
}


/* no more than are free: after a crash these are unresolved */

static uint64_t
adm_ledger_lend(const adm_ledger_sku_t *s, int last)
{
    uint64_t  lent;

    lent = ADM_LEDGER_AGAIN * (s->taken - s->before + s->wanted);

    if (lent < ADM_LEDGER_LEND) {
        lent = ADM_LEDGER_LEND;
    }

    return last ? 0 : lent < s->available ? lent : s->available;
}


size_t
adm_ledger_save(const adm_ledger_t *l, void *copy, size_t size, uint64_t now,
    int last)
{
    adm_ledger_pen_t   pen;
    adm_ledger_copy_t  head;

    if (size < adm_ledger_measure(l)) {
        return 0;
    }

    memset(&head, 0, sizeof(adm_ledger_copy_t));

    pen.at = (unsigned char *) copy + sizeof(adm_ledger_copy_t);
    pen.end = (unsigned char *) copy + size;

    head.magic = ADM_LEDGER_COPY;
    head.last = last ? 1 : 0;
    head.nskus = adm_ledger_save_skus(l->room, &pen);
    head.nstakes = adm_ledger_save_stakes(l->room, now, &pen);
    head.nholds = adm_ledger_save_holds(l->room, &pen);
    head.size = (uint64_t) (pen.at - (unsigned char *) copy);

    memcpy(copy, &head, sizeof(adm_ledger_copy_t));

    return head.size;
}


static uint64_t
adm_ledger_save_skus(const adm_ledger_room_t *room, adm_ledger_pen_t *pen)
{
    uint64_t          i, n;
    adm_ledger_sku_t  copy;

    n = 0;

    for (i = 0; i < room->skus.used; i++) {
        copy = adm_ledger_skus(room)[i];
        copy.chain = 0;
        copy.bound = copy.taken + copy.lent;

        n += adm_ledger_put(pen, &copy, sizeof(adm_ledger_sku_t));
    }

    return n;
}


/* lists in their order */

static uint64_t
adm_ledger_save_holds(const adm_ledger_room_t *room, adm_ledger_pen_t *pen)
{
    uint64_t  i, n;

    n = adm_ledger_save_list(room, &room->unresolved, pen);

    for (i = 0; i < room->held; i++) {
        n += adm_ledger_save_hold(room, &adm_ledger_holds(room)
                                        [adm_ledger_heap(room)[i] - 1], pen);
    }

    for (i = 0; i < ADM_LEDGER_OWNERS; i++) {
        n += adm_ledger_save_list(room, &room->owner[i].running, pen);
    }

    return n + adm_ledger_save_list(room, &room->settled, pen);
}


static uint64_t
adm_ledger_save_list(const adm_ledger_room_t *room,
    const adm_ledger_list_t *list, adm_ledger_pen_t *pen)
{
    uint64_t  i, n;

    n = 0;

    for (i = list->first; i; i = adm_ledger_holds(room)[i - 1].next) {
        n += adm_ledger_save_hold(room, &adm_ledger_holds(room)[i - 1], pen);
    }

    return n;
}


static unsigned
adm_ledger_save_hold(const adm_ledger_room_t *room, const adm_ledger_hold_t *h,
    adm_ledger_pen_t *pen)
{
    if (!adm_ledger_put(pen, h, sizeof(adm_ledger_hold_t))) {
        return 0;
    }

    return h->more ? adm_ledger_put(pen, &adm_ledger_holds(room)[h->more - 1],
                                    sizeof(adm_ledger_hold_t)) : 1;
}


static uint64_t
adm_ledger_save_stakes(const adm_ledger_room_t *room, uint64_t now,
    adm_ledger_pen_t *pen)
{
    uint64_t             i, n;
    adm_ledger_stake_t  *stake;

    n = 0;

    for (i = 0; i < room->stakes.used; i++) {
        stake = &adm_ledger_stakes(room)[i];

        if (stake->until > now) {
            n += adm_ledger_put(pen, stake, sizeof(adm_ledger_stake_t));
        }
    }

    return n;
}


void
adm_ledger_kept(adm_ledger_t *l, const void *copy)
{
    uint64_t                  i;
    adm_ledger_sku_t         *s;
    const adm_ledger_sku_t   *kept;
    const adm_ledger_copy_t  *head;

    head = copy;
    kept = (const adm_ledger_sku_t *) (head + 1);
    s = adm_ledger_skus(l->room);

    for (i = 0; i < head->nskus; i++) {
        __atomic_store_n(&s[i].bound, kept[i].bound, __ATOMIC_RELEASE);
    }
}


int
adm_ledger_restore(adm_ledger_t *l, const void *copy, size_t size,
    uint64_t now)
{
    uint64_t                  i;
    adm_ledger_pen_t          pen;
    const adm_ledger_copy_t  *head;

    pen.at = (unsigned char *) copy;
    pen.end = pen.at + size;
    head = adm_ledger_get(&pen, sizeof(adm_ledger_copy_t));

    if (head == NULL || head->magic != ADM_LEDGER_COPY || head->size != size) {
        return ADM_ERROR;
    }

    pen.last = head->last;

    for (i = 0; i < head->nskus; i++) {
        if (adm_ledger_restore_sku(l, &pen, now) != ADM_OK) {
            return ADM_ERROR;
        }
    }

    for (i = 0; i < head->nstakes; i++) {
        if (adm_ledger_restore_stake(l, &pen) != ADM_OK) {
            return ADM_ERROR;
        }
    }

    for (i = 0; i < head->nholds; i++) {
        if (adm_ledger_restore_hold(l, &pen, now) != ADM_OK) {
            return ADM_ERROR;
        }
    }

    return ADM_OK;
}


/* what is held is counted with the holds; nothing is handed out yet */

static int
adm_ledger_restore_sku(adm_ledger_t *l, adm_ledger_pen_t *pen, uint64_t now)
{
    uint64_t                 n;
    adm_str_t                sku;
    adm_ledger_sku_t        *s;
    const adm_ledger_sku_t  *copy;

    copy = adm_ledger_get(pen, sizeof(adm_ledger_sku_t));

    if (copy == NULL || copy->len > ADM_SKU_MAX
        || copy->lent > copy->available)
    {
        return ADM_ERROR;
    }

    sku.len = copy->len;
    sku.data = (const unsigned char *) copy->text;
    n = l->room->skus.used;
    s = adm_ledger_sku_make(l, sku);

    if (s != &adm_ledger_skus(l->room)[n]) {
        (void) adm_undo_back(&l->undo);
        return ADM_ERROR;
    }

    adm_ledger_touch(l, s, sizeof(adm_ledger_sku_t));
    s->available = copy->available;
    s->committed = copy->committed;
    s->expired = copy->expired;

    adm_ledger_done(l);

    return copy->lent ? adm_ledger_crash(l, n, copy->lent, now) : ADM_OK;
}


/* units that may have been handed out behind the copy */

static int
adm_ledger_crash(adm_ledger_t *l, uint64_t sku, uint64_t units, uint64_t now)
{
    uint64_t            item, seed[2];
    adm_ledger_sku_t   *s;
    adm_ledger_hold_t   made, *h;

    memset(&made, 0, sizeof(adm_ledger_hold_t));
    memcpy(made.note, "crash", sizeof("crash") - 1);

    seed[0] = sku;
    seed[1] = now;
    made.id[0] = adm_siphash(l->room->secret, (unsigned char *) seed,
                             sizeof(seed));
    seed[1] = made.id[0];
    made.id[1] = adm_siphash(l->room->secret, (unsigned char *) seed,
                             sizeof(seed));

    made.taken = now;
    made.until = now;
    made.what = ADM_HOLD_UNRESOLVED | 1 << 8 | (sizeof("crash") - 1) << 16;
    item = adm_item_word(sku, units);

    h = adm_ledger_hold_make(l, &made, &item);

    if (h == NULL) {
        (void) adm_undo_back(&l->undo);
        return ADM_ERROR;
    }

    adm_ledger_enlist(l, h);

    s = &adm_ledger_skus(l->room)[sku];
    adm_ledger_set(l, &s->available, s->available - units);
    adm_ledger_add(l, &s->unresolved, units);
    adm_ledger_done(l);

    return ADM_OK;
}


static int
adm_ledger_restore_hold(adm_ledger_t *l, adm_ledger_pen_t *pen, uint64_t now)
{
    unsigned                  i, n;
    uint64_t                  items[ADM_CART_ITEMS];
    adm_ledger_hold_t        *h;
    const adm_ledger_hold_t  *copy, *more;

    copy = adm_ledger_get(pen, sizeof(adm_ledger_hold_t));
    more = (copy && copy->more) ? adm_ledger_get(pen, sizeof(*copy)) : copy;

    if (more == NULL || adm_hold_nitems(copy) > ADM_CART_ITEMS
        || adm_hold_note(copy) > ADM_LEDGER_NOTE
        || adm_hold_state(copy) < ADM_HOLD_RUNNING
        || adm_hold_state(copy) > ADM_HOLD_RELEASED
        || (adm_hold_nitems(copy) > ADM_HOLD_ITEMS && more == copy))
    {
        return ADM_ERROR;
    }

    n = adm_hold_nitems(copy);

    for (i = 0; i < n; i++) {
        items[i] = (i < ADM_HOLD_ITEMS)
                   ? copy->items[i]
                   : adm_hold_more(more)[i - ADM_HOLD_ITEMS];

        if (adm_item_sku(items[i]) >= l->room->skus.used) {
            return ADM_ERROR;
        }
    }

    (void) adm_ledger_provide(l, n > ADM_HOLD_ITEMS ? 2 : 1);

    h = adm_ledger_hold_make(l, copy, items);

    if (h == NULL) {
        (void) adm_undo_back(&l->undo);
        return ADM_ERROR;
    }

    adm_ledger_restored(l, h, pen->last, now);

    return ADM_OK;
}


/* with "last" it is known what was admitted, and that it was not settled */

static void
adm_ledger_restored(adm_ledger_t *l, adm_ledger_hold_t *h, uint64_t last,
    uint64_t now)
{
    unsigned           i;
    uint64_t           item;
    adm_hold_e         state;
    adm_ledger_sku_t  *s;

    state = adm_hold_state(h);
    h->owner = 0;

    for (i = 0; state < ADM_HOLD_COMMITTED && i < adm_hold_nitems(h); i++) {
        item = *adm_hold_item(l->room, h, i);
        s = adm_ledger_sku_of(l->room, item);

        if (state == ADM_HOLD_UNRESOLVED) {
            adm_ledger_add(l, &s->unresolved, adm_item_quantity(item));
            continue;
        }

        adm_ledger_add(l, &s->held, adm_item_quantity(item));
        adm_ledger_add(l, &s->holds, 1);
    }

    if (state == ADM_HOLD_HELD && !last) {
        adm_ledger_set(l, &h->what, h->what | ADM_HOLD_DOUBTFUL);
    }

    adm_ledger_enlist(l, h);
    adm_ledger_done(l);

    if (state != ADM_HOLD_RUNNING) {
        return;
    }

    if (last && !(h->what & ADM_HOLD_ADMITTED)) {
        (void) adm_ledger_release(l, h, 0);

    } else {
        (void) adm_ledger_lose(l, h, now);
    }
}


static int
adm_ledger_restore_stake(adm_ledger_t *l, adm_ledger_pen_t *pen)
{
    const adm_ledger_stake_t  *stake;

    stake = adm_ledger_get(pen, sizeof(adm_ledger_stake_t));

    if (stake == NULL || adm_ledger_stake_put(l, stake) != ADM_OK) {
        (void) adm_undo_back(&l->undo);
        return ADM_ERROR;
    }

    adm_ledger_done(l);

    return ADM_OK;
}
