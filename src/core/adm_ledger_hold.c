
/*
 * Places of holds: finding, making, and the lists and the heap that they are
 * in; see adm_ledger_room.h.
 */


#include "adm_ledger_room.h"
#include "adm_siphash.h"


static uint64_t adm_ledger_number(const adm_ledger_room_t *room,
    const adm_ledger_hold_t *h);
static adm_ledger_hold_t *adm_ledger_alloc(adm_ledger_t *l);
static void adm_ledger_free(adm_ledger_t *l, adm_ledger_hold_t *h);
static void adm_ledger_drop(adm_ledger_t *l);
static adm_ledger_list_t *adm_ledger_list(adm_ledger_room_t *room,
    const adm_ledger_hold_t *h);
static void adm_ledger_push(adm_ledger_t *l, adm_ledger_list_t *list,
    adm_ledger_hold_t *h);
static void adm_ledger_pull(adm_ledger_t *l, adm_ledger_list_t *list,
    adm_ledger_hold_t *h);
static void adm_ledger_heap_put(adm_ledger_t *l, adm_ledger_hold_t *h);
static void adm_ledger_heap_take(adm_ledger_t *l, adm_ledger_hold_t *h);
static void adm_ledger_rise(adm_ledger_t *l, uint64_t at, uint64_t n);
static void adm_ledger_sink(adm_ledger_t *l, uint64_t at, uint64_t n);
static void adm_ledger_seat(adm_ledger_t *l, uint64_t at, uint64_t n);


static uint64_t
adm_ledger_number(const adm_ledger_room_t *room, const adm_ledger_hold_t *h)
{
    return (uint64_t) (h - adm_ledger_holds(room)) + 1;
}


uint64_t *
adm_ledger_hold_link(const adm_ledger_room_t *room, const unsigned char *id)
{
    uint64_t           *link;
    adm_ledger_hold_t  *h;

    link = adm_ledger_at(room, room->holds.heads);
    link += adm_siphash(room->secret, id, ADM_LEDGER_ID) % room->holds.places;

    while (*link) {
        h = &adm_ledger_holds(room)[*link - 1];

        if (memcmp(h->id, id, ADM_LEDGER_ID) == 0) {
            break;
        }

        link = &h->chain;
    }

    return link;
}


adm_ledger_hold_t *
adm_ledger_find(const adm_ledger_room_t *room, const unsigned char *id)
{
    uint64_t  n;

    n = *adm_ledger_hold_link(room, id);

    return n ? &adm_ledger_holds(room)[n - 1] : NULL;
}


uint64_t *
adm_hold_item(const adm_ledger_room_t *room, adm_ledger_hold_t *h, unsigned i)
{
    if (i < ADM_HOLD_ITEMS) {
        return &h->items[i];
    }

    h = &adm_ledger_holds(room)[h->more - 1];

    return &adm_hold_more(h)[i - ADM_HOLD_ITEMS];
}


/* what nothing refers to yet needs no note; "what" tells that it is free */

adm_ledger_hold_t *
adm_ledger_hold_make(adm_ledger_t *l, const adm_ledger_hold_t *made,
    const uint64_t *items)
{
    unsigned            i, n;
    uint64_t           *link;
    adm_ledger_hold_t  *h, *more;

    n = adm_hold_nitems(made);
    h = adm_ledger_alloc(l);
    more = (h && n > ADM_HOLD_ITEMS) ? adm_ledger_alloc(l) : NULL;

    if (h == NULL || (n > ADM_HOLD_ITEMS && more == NULL)) {
        return NULL;
    }

    adm_ledger_touch(l, h, sizeof(adm_ledger_hold_t));
    memcpy(h->id, made->id, ADM_LEDGER_ID);
    memcpy(h->buyer, made->buyer, sizeof(h->buyer));
    memcpy(h->note, made->note, sizeof(h->note));

    h->owner = made->owner;
    h->until = made->until;
    h->taken = made->taken;
    h->hold = made->hold;
    h->more = more ? adm_ledger_number(l->room, more) : 0;

    if (more) {
        adm_ledger_touch(l, more, sizeof(adm_ledger_hold_t));
        adm_ledger_set(l, &more->what, ADM_HOLD_MORE);
    }

    for (i = 0; i < n; i++) {
        *adm_hold_item(l->room, h, i) = items[i];
    }

    link = adm_ledger_hold_link(l->room, (const unsigned char *) made->id);

    adm_ledger_set(l, &h->what, made->what);
    adm_ledger_set(l, &h->chain, 0);
    adm_ledger_set(l, link, adm_ledger_number(l->room, h));

    return h;
}


/* a place, in no list: NULL if there is none */

static adm_ledger_hold_t *
adm_ledger_alloc(adm_ledger_t *l)
{
    adm_ledger_hold_t  *h;
    adm_ledger_room_t  *room;

    room = l->room;

    if (room->free.first) {
        h = &adm_ledger_holds(room)[room->free.first - 1];
        adm_ledger_pull(l, &room->free, h);

    } else if (room->holds.used < room->holds.places) {
        h = &adm_ledger_holds(room)[room->holds.used];
        adm_ledger_add(l, &room->holds.used, 1);

    } else {
        return NULL;
    }

    adm_ledger_add(l, &room->live, 1);

    return h;
}


static void
adm_ledger_free(adm_ledger_t *l, adm_ledger_hold_t *h)
{
    adm_ledger_set(l, &h->what, ADM_HOLD_FREE);
    adm_ledger_push(l, &l->room->free, h);
}


int
adm_ledger_provide(adm_ledger_t *l, unsigned n)
{
    uint64_t            left;
    adm_ledger_room_t  *room;
    adm_ledger_hold_t  *h;

    room = l->room;

    for ( ;; ) {
        left = room->holds.places - room->holds.used;
        h = room->free.first ? &adm_ledger_holds(room)[room->free.first - 1]
                             : NULL;

        while (h && left < n) {
            left++;
            h = h->next ? &adm_ledger_holds(room)[h->next - 1] : NULL;
        }

        if (left >= n) {
            return 1;
        }

        if (room->settled.first == 0) {
            return 0;
        }

        adm_ledger_drop(l);
    }
}


/* the oldest that is settled is forgotten */

static void
adm_ledger_drop(adm_ledger_t *l)
{
    uint64_t           *link;
    adm_ledger_hold_t  *h;

    h = &adm_ledger_holds(l->room)[l->room->settled.first - 1];
    link = adm_ledger_hold_link(l->room, (unsigned char *) h->id);

    adm_ledger_set(l, link, h->chain);
    adm_ledger_pull(l, &l->room->settled, h);

    if (h->more) {
        adm_ledger_free(l, &adm_ledger_holds(l->room)[h->more - 1]);
    }

    adm_ledger_free(l, h);

    (void) adm_undo_done(&l->undo);
}


/* NULL: it is in the heap */

static adm_ledger_list_t *
adm_ledger_list(adm_ledger_room_t *room, const adm_ledger_hold_t *h)
{
    switch (adm_hold_state(h)) {

    case ADM_HOLD_RUNNING:
        return &room->owner[h->owner].running;

    case ADM_HOLD_HELD:
        return NULL;

    case ADM_HOLD_UNRESOLVED:
        return &room->unresolved;

    default:
        return &room->settled;
    }
}


void
adm_ledger_enlist(adm_ledger_t *l, adm_ledger_hold_t *h)
{
    adm_ledger_list_t  *list;

    list = adm_ledger_list(l->room, h);

    if (list) {
        adm_ledger_push(l, list, h);

    } else {
        adm_ledger_heap_put(l, h);
    }

    if (list == &l->room->settled) {
        adm_ledger_add(l, &l->room->live, -(uint64_t) (h->more ? 2 : 1));
    }
}


void
adm_ledger_move(adm_ledger_t *l, adm_ledger_hold_t *h, adm_hold_e state,
    uint64_t flags)
{
    adm_ledger_list_t  *list;

    list = adm_ledger_list(l->room, h);

    if (list) {
        adm_ledger_pull(l, list, h);

    } else {
        adm_ledger_heap_take(l, h);
    }

    if (list == &l->room->settled) {
        adm_ledger_add(l, &l->room->live, (uint64_t) (h->more ? 2 : 1));
    }

    adm_ledger_set(l, &h->what, (h->what & ~(ADM_HOLD_STATE
                                             | ADM_HOLD_EXPIRED
                                             | ADM_HOLD_DOUBTFUL))
                                | state | flags);
    adm_ledger_enlist(l, h);
}


static void
adm_ledger_push(adm_ledger_t *l, adm_ledger_list_t *list, adm_ledger_hold_t *h)
{
    uint64_t  n;

    n = adm_ledger_number(l->room, h);

    adm_ledger_set(l, &h->next, 0);
    adm_ledger_set(l, &h->prev, list->last);

    if (list->last) {
        adm_ledger_set(l, &adm_ledger_holds(l->room)[list->last - 1].next, n);

    } else {
        adm_ledger_set(l, &list->first, n);
    }

    adm_ledger_set(l, &list->last, n);
}


static void
adm_ledger_pull(adm_ledger_t *l, adm_ledger_list_t *list, adm_ledger_hold_t *h)
{
    adm_ledger_hold_t  *holds;

    holds = adm_ledger_holds(l->room);

    adm_ledger_set(l, h->prev ? &holds[h->prev - 1].next : &list->first,
                   h->next);
    adm_ledger_set(l, h->next ? &holds[h->next - 1].prev : &list->last,
                   h->prev);
}


static void
adm_ledger_heap_put(adm_ledger_t *l, adm_ledger_hold_t *h)
{
    adm_ledger_add(l, &l->room->held, 1);
    adm_ledger_rise(l, l->room->held - 1, adm_ledger_number(l->room, h));
}


static void
adm_ledger_heap_take(adm_ledger_t *l, adm_ledger_hold_t *h)
{
    uint64_t  at, last, *heap;

    heap = adm_ledger_heap(l->room);
    at = h->prev;

    adm_ledger_add(l, &l->room->held, -UINT64_C(1));

    last = heap[l->room->held];

    if (at == l->room->held) {
        return;
    }

    if (adm_ledger_holds(l->room)[last - 1].until < h->until) {
        adm_ledger_rise(l, at, last);

    } else {
        adm_ledger_sink(l, at, last);
    }
}


static void
adm_ledger_rise(adm_ledger_t *l, uint64_t at, uint64_t n)
{
    uint64_t            above, *heap;
    adm_ledger_hold_t  *holds;

    heap = adm_ledger_heap(l->room);
    holds = adm_ledger_holds(l->room);

    while (at) {
        above = (at - 1) / 2;

        if (holds[heap[above] - 1].until <= holds[n - 1].until) {
            break;
        }

        adm_ledger_seat(l, at, heap[above]);
        at = above;
    }

    adm_ledger_seat(l, at, n);
}


static void
adm_ledger_sink(adm_ledger_t *l, uint64_t at, uint64_t n)
{
    uint64_t            below, *heap;
    adm_ledger_hold_t  *holds;

    heap = adm_ledger_heap(l->room);
    holds = adm_ledger_holds(l->room);

    for (below = 2 * at + 1; below < l->room->held; below = 2 * at + 1) {

        if (below + 1 < l->room->held
            && holds[heap[below + 1] - 1].until < holds[heap[below] - 1].until)
        {
            below++;
        }

        if (holds[heap[below] - 1].until >= holds[n - 1].until) {
            break;
        }

        adm_ledger_seat(l, at, heap[below]);
        at = below;
    }

    adm_ledger_seat(l, at, n);
}


static void
adm_ledger_seat(adm_ledger_t *l, uint64_t at, uint64_t n)
{
    adm_ledger_set(l, &adm_ledger_heap(l->room)[at], n);
    adm_ledger_set(l, &adm_ledger_holds(l->room)[n - 1].prev, at);
}
