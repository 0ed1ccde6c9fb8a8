
/*
 * What is set aside, and what becomes of it; see adm_ledger.h.
 */


#include "adm_ledger_room.h"


#define ADM_LEDGER_GONE    UINT64_MAX

/* buyers looked at when there is no place for one more, and else */

#define ADM_LEDGER_SEEK    256
#define ADM_LEDGER_STROLL  16


static void adm_ledger_buyer(const adm_ledger_order_t *order,
    uint64_t buyer[2]);
static adm_ledger_rc_e adm_ledger_check(const adm_ledger_t *l,
    const adm_ledger_order_t *order, uint64_t now, int marked,
    adm_ledger_answer_t *answer);
static adm_ledger_rc_e adm_ledger_check_item(const adm_ledger_t *l,
    const adm_ledger_order_t *order, const adm_item_t *item, uint64_t now,
    int marked, uint64_t *wait);
static void adm_ledger_want(adm_ledger_t *l, const adm_item_t *item);
static adm_ledger_hold_t *adm_ledger_write(adm_ledger_t *l,
    const adm_ledger_order_t *order, uint64_t now);
static int adm_ledger_hand_out(adm_ledger_t *l, adm_ledger_hold_t *h,
    const adm_ledger_order_t *order, uint64_t now);
static int adm_ledger_count(adm_ledger_t *l, adm_ledger_hold_t *h,
    const adm_ledger_order_t *order, uint64_t now);
static adm_ledger_rc_e adm_ledger_again(const adm_ledger_t *l,
    const adm_ledger_order_t *order, const adm_ledger_hold_t *h,
    adm_ledger_answer_t *answer);
static void adm_ledger_take_out(adm_ledger_t *l, adm_ledger_hold_t *h,
    uint64_t item);
static adm_settled_e adm_ledger_commit(adm_ledger_t *l, adm_ledger_hold_t *h);
static adm_settled_e adm_ledger_leave(adm_ledger_t *l, adm_ledger_hold_t *h,
    uint64_t now);
static adm_settled_e adm_ledger_late(adm_ledger_t *l, adm_ledger_hold_t *h);
static adm_settled_e adm_ledger_same(adm_ledger_t *l, adm_ledger_hold_t *h,
    adm_ledger_end_e end);
static void adm_ledger_read(const adm_ledger_room_t *room,
    adm_ledger_hold_t *h, adm_hold_t *hold);


static void
adm_ledger_buyer(const adm_ledger_order_t *order, uint64_t buyer[2])
{
    buyer[0] = 0;
    buyer[1] = 0;

    if (order->per_buyer) {
        memcpy(buyer, order->buyer, ADM_LEDGER_ID);
    }
}


adm_ledger_rc_e
adm_ledger_peek(const adm_ledger_t *l, const adm_ledger_order_t *order,
    uint64_t now, adm_ledger_answer_t *answer)
{
    return adm_ledger_check(l, order, now, 0, answer);
}


static adm_ledger_rc_e
adm_ledger_check(const adm_ledger_t *l, const adm_ledger_order_t *order,
    uint64_t now, int marked, adm_ledger_answer_t *answer)
{
    unsigned         i;
    adm_ledger_rc_e  rc;

    memset(answer, 0, sizeof(adm_ledger_answer_t));

    for (i = 0; i < order->nitems; i++) {
        rc = adm_ledger_check_item(l, order, &order->items[i], now, marked,
                                   &answer->wait);

        if (rc != ADM_LEDGER_OK) {
            answer->item = i;
            (void) adm_ledger_facts(l, order->items[i].sku, &answer->facts);
            return rc;
        }
    }

    (void) adm_ledger_facts(l, order->items[0].sku, &answer->facts);

    return ADM_LEDGER_OK;
}


static adm_ledger_rc_e
adm_ledger_check_item(const adm_ledger_t *l, const adm_ledger_order_t *order,
    const adm_item_t *item, uint64_t now, int marked, uint64_t *wait)
{
    uint64_t           n, buyer[2];
    adm_ledger_sku_t  *s;

    n = *adm_ledger_sku_link(l->room, item->sku);

    if (n == 0) {
        return ADM_LEDGER_UNKNOWN;
    }

    s = &adm_ledger_skus(l->room)[n - 1];

    if (s->available < item->quantity) {
        return (s->available + s->held + s->unresolved < item->quantity)
               ? ADM_LEDGER_SOLD_OUT : ADM_LEDGER_RESERVED;
    }

    if (order->per_buyer) {
        adm_ledger_buyer(order, buyer);

        if (adm_ledger_staked(l->room, buyer, n - 1, now, wait)
            + item->quantity > order->per_buyer)
        {
            return ADM_LEDGER_BUYER;
        }

        *wait = 0;
    }

    return (marked && s->taken + item->quantity > s->bound) ? ADM_LEDGER_WAIT
                                                            : ADM_LEDGER_OK;
}


adm_ledger_rc_e
adm_ledger_take(adm_ledger_t *l, const adm_ledger_order_t *order, uint64_t now,
    adm_ledger_answer_t *answer)
{
    adm_ledger_rc_e     rc;
    adm_ledger_hold_t  *h;

    h = adm_ledger_find(l->room, order->id);

    if (h) {
        return adm_ledger_again(l, order, h, answer);
    }

    rc = adm_ledger_check(l, order, now, l->marked, answer);

    if (rc == ADM_LEDGER_WAIT) {
        adm_ledger_want(l, &order->items[answer->item]);
    }

    if (rc != ADM_LEDGER_OK) {
        return rc;
    }

    if (!adm_ledger_provide(l, order->nitems > ADM_HOLD_ITEMS ? 2 : 1)) {
        return adm_ledger_none(l);
    }

    if (order->per_buyer && adm_ledger_crowded(l->room)) {
        adm_ledger_sweep(l, now, ADM_LEDGER_SEEK);
    }

    h = adm_ledger_write(l, order, now);

    if (h == NULL || !adm_ledger_hand_out(l, h, order, now)) {
        return adm_ledger_none(l);
    }

    adm_ledger_done(l);
    (void) adm_ledger_facts(l, order->items[0].sku, &answer->facts);

    return ADM_LEDGER_OK;
}


static adm_ledger_rc_e
adm_ledger_again(const adm_ledger_t *l, const adm_ledger_order_t *order,
    const adm_ledger_hold_t *h, adm_ledger_answer_t *answer)
{
    memset(answer, 0, sizeof(adm_ledger_answer_t));
    (void) adm_ledger_facts(l, order->items[0].sku, &answer->facts);

    return (adm_hold_state(h) == ADM_HOLD_RUNNING) ? ADM_LEDGER_OK
                                                   : ADM_LEDGER_ENDED;
}


/* the next copy is to allow it, and is due, since something has changed */

static void
adm_ledger_want(adm_ledger_t *l, const adm_item_t *item)
{
    adm_ledger_sku_t  *s;

    s = &adm_ledger_skus(l->room)[*adm_ledger_sku_link(l->room, item->sku)
                                  - 1];

    adm_ledger_add(l, &s->wanted, item->quantity);
    adm_ledger_done(l);
}


/* the hold, in the list of its owner */

static adm_ledger_hold_t *
adm_ledger_write(adm_ledger_t *l, const adm_ledger_order_t *order,
    uint64_t now)
{
    unsigned            i;
    uint64_t            items[ADM_CART_ITEMS];
    adm_ledger_hold_t   made, *h;

    memset(&made, 0, sizeof(adm_ledger_hold_t));
    memcpy(made.id, order->id, ADM_LEDGER_ID);
    memcpy(made.note, order->note.data, order->note.len);
    adm_ledger_buyer(order, made.buyer);

    made.owner = order->owner;
    made.taken = now;
    made.hold = order->hold;
    made.what = ADM_HOLD_RUNNING | (uint64_t) order->nitems << 8
                | (uint64_t) order->note.len << 16
                | (order->returns ? ADM_HOLD_RETURNS : 0)
                | (order->per_buyer ? ADM_HOLD_COUNTED : 0);

    for (i = 0; i < order->nitems; i++) {
        items[i] = *adm_ledger_sku_link(l->room, order->items[i].sku) - 1;
        items[i] = adm_item_word(items[i], order->items[i].quantity);
    }

    h = adm_ledger_hold_make(l, &made, items);

    if (h) {
        adm_ledger_enlist(l, h);
    }

    return h;
}


static int
adm_ledger_hand_out(adm_ledger_t *l, adm_ledger_hold_t *h,
    const adm_ledger_order_t *order, uint64_t now)
{
    unsigned           i;
    uint64_t           q;
    adm_ledger_sku_t  *s;

    for (i = 0; i < order->nitems; i++) {
        s = adm_ledger_sku_of(l->room, *adm_hold_item(l->room, h, i));
        q = order->items[i].quantity;

        adm_ledger_set(l, &s->available, s->available - q);
        adm_ledger_add(l, &s->held, q);
        adm_ledger_add(l, &s->holds, 1);
        adm_ledger_add(l, &s->taken, q);
    }

    return adm_ledger_count(l, h, order, now);
}


/* 0: there is no place for its buyer */

static int
adm_ledger_count(adm_ledger_t *l, adm_ledger_hold_t *h,
    const adm_ledger_order_t *order, uint64_t now)
{
    unsigned  i;
    uint64_t  item;

    for (i = 0; order->per_buyer && i < order->nitems; i++) {
        item = *adm_hold_item(l->room, h, i);

        if (adm_ledger_stake(l, h->buyer, adm_item_sku(item),
                             adm_item_quantity(item), now, order->per_time)
            != ADM_OK)
        {
            return 0;
        }
    }

    return 1;
}


int
adm_ledger_admit(adm_ledger_t *l, const unsigned char *id)
{
    adm_ledger_hold_t  *h;

    h = adm_ledger_find(l->room, id);

    if (h == NULL || adm_hold_state(h) != ADM_HOLD_RUNNING) {
        return 0;
    }

    adm_ledger_set(l, &h->what, h->what | ADM_HOLD_ADMITTED);
    adm_ledger_done(l);

    return 1;
}


adm_settled_e
adm_ledger_end(adm_ledger_t *l, const unsigned char *id, adm_ledger_end_e end,
    uint64_t now)
{
    adm_ledger_hold_t  *h;

    h = adm_ledger_find(l->room, id);

    if (h == NULL) {
        return ADM_SETTLED_NONE;
    }

    if (end == ADM_LEDGER_COMMIT || end == ADM_LEDGER_RELEASE) {
        return adm_ledger_same(l, h, end);
    }

    if (adm_hold_state(h) != ADM_HOLD_RUNNING) {
        return ADM_SETTLED;
    }

    return (end == ADM_LEDGER_LEAVE) ? adm_ledger_leave(l, h, now)
                                     : adm_ledger_lose(l, h, now);
}


adm_settled_e
adm_ledger_settle(adm_ledger_t *l, const unsigned char *id,
    adm_ledger_end_e end, uint64_t now)
{
    adm_ledger_hold_t  *h;

    h = adm_ledger_find(l->room, id);

    if (h && adm_hold_state(h) == ADM_HOLD_RUNNING
        && end == ADM_LEDGER_RELEASE)
    {
        return ADM_SETTLED_RUNNING;
    }

    return adm_ledger_end(l, id, end, now);
}


/* to be committed or released, whatever it is */

static adm_settled_e
adm_ledger_same(adm_ledger_t *l, adm_ledger_hold_t *h, adm_ledger_end_e end)
{
    switch (adm_hold_state(h)) {

    case ADM_HOLD_COMMITTED:
        return (end == ADM_LEDGER_COMMIT) ? ADM_SETTLED : ADM_SETTLED_OTHER;

    case ADM_HOLD_RELEASED:

        if (end == ADM_LEDGER_RELEASE) {
            return ADM_SETTLED;
        }

        return (h->what & ADM_HOLD_EXPIRED) ? adm_ledger_late(l, h)
                                            : ADM_SETTLED_OTHER;

    default:
        return (end == ADM_LEDGER_COMMIT) ? adm_ledger_commit(l, h)
                                          : adm_ledger_release(l, h, 0);
    }
}


/* units are not held, nor unresolved, any more */

static void
adm_ledger_take_out(adm_ledger_t *l, adm_ledger_hold_t *h, uint64_t item)
{
    adm_ledger_sku_t  *s;

    s = adm_ledger_sku_of(l->room, item);

    if (adm_hold_state(h) == ADM_HOLD_UNRESOLVED) {
        adm_ledger_set(l, &s->unresolved,
                       s->unresolved - adm_item_quantity(item));
        return;
    }

    adm_ledger_set(l, &s->held, s->held - adm_item_quantity(item));
    adm_ledger_set(l, &s->holds, s->holds - 1);
}


static adm_settled_e
adm_ledger_commit(adm_ledger_t *l, adm_ledger_hold_t *h)
{
    unsigned  i;
    uint64_t  item;

    for (i = 0; i < adm_hold_nitems(h); i++) {
        item = *adm_hold_item(l->room, h, i);

        adm_ledger_take_out(l, h, item);
        adm_ledger_add(l, &adm_ledger_sku_of(l->room, item)->committed,
                       adm_item_quantity(item));
    }

    adm_ledger_move(l, h, ADM_HOLD_COMMITTED, 0);
    adm_ledger_done(l);

    return ADM_SETTLED;
}


adm_settled_e
adm_ledger_release(adm_ledger_t *l, adm_ledger_hold_t *h, uint64_t flags)
{
    unsigned           i;
    uint64_t           item;
    adm_ledger_sku_t  *s;

    for (i = 0; i < adm_hold_nitems(h); i++) {
        item = *adm_hold_item(l->room, h, i);
        s = adm_ledger_sku_of(l->room, item);

        adm_ledger_take_out(l, h, item);
        adm_ledger_add(l, &s->available, adm_item_quantity(item));

        if (flags) {
            adm_ledger_add(l, &s->expired, adm_item_quantity(item));
        }

        if (h->what & ADM_HOLD_COUNTED) {
            adm_ledger_unstake(l, h->buyer, adm_item_sku(item),
                               adm_item_quantity(item), h->taken);
        }
    }

    adm_ledger_move(l, h, ADM_HOLD_RELEASED, flags);
    adm_ledger_done(l);

    return ADM_SETTLED;
}


adm_settled_e
adm_ledger_lose(adm_ledger_t *l, adm_ledger_hold_t *h, uint64_t now)
{
    unsigned  i;
    uint64_t  item;

    if (h->what & ADM_HOLD_RETURNS) {
        return adm_ledger_release(l, h, ADM_HOLD_EXPIRED);
    }

    for (i = 0; i < adm_hold_nitems(h); i++) {
        item = *adm_hold_item(l->room, h, i);

        adm_ledger_take_out(l, h, item);
        adm_ledger_add(l, &adm_ledger_sku_of(l->room, item)->unresolved,
                       adm_item_quantity(item));
    }

    /* where it was may be told by its time */

    adm_ledger_move(l, h, ADM_HOLD_UNRESOLVED, 0);
    adm_ledger_set(l, &h->until, now);
    adm_ledger_done(l);

    return ADM_SETTLED;
}


static adm_settled_e
adm_ledger_leave(adm_ledger_t *l, adm_ledger_hold_t *h, uint64_t now)
{
    adm_ledger_set(l, &h->until, now + h->hold);
    adm_ledger_move(l, h, ADM_HOLD_HELD, 0);
    adm_ledger_done(l);

    return ADM_SETTLED;
}


/* its units are others' since; its buyer's are not counted anew */

static adm_settled_e
adm_ledger_late(adm_ledger_t *l, adm_ledger_hold_t *h)
{
    unsigned           i;
    uint64_t           item, q;
    adm_ledger_sku_t  *s;

    for (i = 0; i < adm_hold_nitems(h); i++) {
        item = *adm_hold_item(l->room, h, i);
        s = adm_ledger_sku_of(l->room, item);
        q = adm_item_quantity(item);

        if (s->available < q || (l->marked && s->taken + q > s->bound)) {
            (void) adm_undo_back(&l->undo);
            adm_ledger_add(l, &l->room->missed, 1);
            (void) adm_undo_done(&l->undo);
            return ADM_SETTLED_SHORT;
        }

        adm_ledger_set(l, &s->available, s->available - q);
        adm_ledger_add(l, &s->taken, q);
        adm_ledger_add(l, &s->committed, q);
    }

    adm_ledger_add(l, &l->room->late, 1);
    adm_ledger_move(l, h, ADM_HOLD_COMMITTED, 0);
    adm_ledger_done(l);

    return ADM_SETTLED_LATE;
}


uint64_t
adm_ledger_due(const adm_ledger_t *l)
{
    adm_ledger_room_t  *room;

    room = l->room;

    return room->held
           ? adm_ledger_holds(room)[adm_ledger_heap(room)[0] - 1].until : 0;
}


int
adm_ledger_expire(adm_ledger_t *l, uint64_t now, unsigned max)
{
    uint64_t            due;
    adm_ledger_hold_t  *h;

    for (due = adm_ledger_due(l); due && due <= now; due = adm_ledger_due(l)) {

        if (max-- == 0) {
            return 1;
        }

        h = &adm_ledger_holds(l->room)[adm_ledger_heap(l->room)[0] - 1];

        if (h->what & ADM_HOLD_DOUBTFUL) {
            (void) adm_ledger_lose(l, h, now);

        } else {
            (void) adm_ledger_release(l, h, ADM_HOLD_EXPIRED);
        }
    }

    adm_ledger_sweep(l, now, ADM_LEDGER_STROLL);

    return 0;
}


int
adm_ledger_own(adm_ledger_t *l, uint64_t pid)
{
    int                  i, place;
    adm_ledger_owner_t  *owner;

    owner = l->room->owner;
    place = ADM_ERROR;

    for (i = 0; i < ADM_LEDGER_OWNERS; i++) {

        if (owner[i].pid == pid) {
            adm_ledger_set(l, &owner[i].pid, ADM_LEDGER_GONE);
        }

        if (place == ADM_ERROR && owner[i].pid == 0) {
            place = i;
        }
    }

    if (place != ADM_ERROR) {
        adm_ledger_set(l, &owner[place].pid, pid);
    }

    (void) adm_undo_done(&l->undo);

    return place;
}


uint64_t
adm_ledger_owner(const adm_ledger_t *l, unsigned owner)
{
    return adm_load(&l->room->owner[owner].pid);
}


int
adm_ledger_orphan(adm_ledger_t *l, unsigned owner, uint64_t now, unsigned max)
{
    adm_ledger_hold_t   *h;
    adm_ledger_owner_t  *o;

    o = &l->room->owner[owner];

    while (o->running.first) {

        if (max-- == 0) {
            return 1;
        }

        h = &adm_ledger_holds(l->room)[o->running.first - 1];

        if (h->what & ADM_HOLD_ADMITTED) {
            (void) adm_ledger_lose(l, h, now);

        } else {
            (void) adm_ledger_release(l, h, 0);
        }
    }

    adm_ledger_set(l, &o->pid, 0);
    (void) adm_undo_done(&l->undo);

    return 0;
}


int
adm_ledger_hold(const adm_ledger_t *l, const unsigned char *id,
    adm_hold_t *hold)
{
    adm_ledger_hold_t  *h;

    h = adm_ledger_find(l->room, id);

    if (h == NULL) {
        return 0;
    }

    adm_ledger_read(l->room, h, hold);

    return 1;
}


int
adm_ledger_unresolved(const adm_ledger_t *l, uint64_t *at, adm_hold_t *hold)
{
    uint64_t  n;

    n = *at ? adm_ledger_holds(l->room)[*at - 1].next
            : l->room->unresolved.first;

    if (n == 0) {
        return 0;
    }

    adm_ledger_read(l->room, &adm_ledger_holds(l->room)[n - 1], hold);
    *at = n;

    return 1;
}


static void
adm_ledger_read(const adm_ledger_room_t *room, adm_ledger_hold_t *h,
    adm_hold_t *hold)
{
    unsigned           i;
    uint64_t           item;
    adm_ledger_sku_t  *s;

    memcpy(hold->id, h->id, ADM_LEDGER_ID);

    hold->state = adm_hold_state(h);
    hold->taken = h->taken;
    hold->until = (hold->state == ADM_HOLD_HELD
                   || hold->state == ADM_HOLD_UNRESOLVED) ? h->until : 0;
    hold->note.len = adm_hold_note(h);
    hold->note.data = (unsigned char *) h->note;
    hold->nitems = adm_hold_nitems(h);

    for (i = 0; i < hold->nitems; i++) {
        item = *adm_hold_item(room, h, i);
        s = adm_ledger_sku_of(room, item);

        hold->items[i].sku.len = s->len;
        hold->items[i].sku.data = (unsigned char *) s->text;
        hold->items[i].quantity = adm_item_quantity(item);
    }
}
