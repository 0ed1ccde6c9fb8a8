
/*
 * The story: a ledger that is right for a hundred orders, and one unit short
 * after a million; or right as long as nobody is killed.  So a million random
 * operations are done beside a plain list of what should be, and some
 * thousand of them are killed behind every single store that they make: the
 * next one under the mutex finds the books as they were before, or after.
 *
 * ledger [--short]
 */


#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static void stored(void);

#define adm_undo_stored()  stored()

#include "../../src/core/adm_undo.c"
#include "adm_ledger_room.h"


#define NOW      UINT64_C(1790000000000)
#define SIZE     ADM_LEDGER_MIN
#define SKUS     12
#define HOLDS    96                   /* that are spoken of at a time */
#define BUYERS   5
#define OWNERS   3
#define TIME     5000                 /* ms of a buyer's units */
#define MOST     7                    /* ... and units */


typedef enum {
    GONE = 0,                         /* never taken, or not spoken of */
    RUNNING,
    HELD,
    UNRESOLVED,
    COMMITTED,
    RELEASED,
    EXPIRED
} state_e;


typedef struct {
    unsigned char  id[ADM_LEDGER_ID];
    state_e        state;
    int            admitted, returns, counted, owner, buyer;
    uint64_t       taken, until, hold;
    unsigned       n, sku[ADM_CART_ITEMS];
    uint64_t       quantity[ADM_CART_ITEMS];
} hold_t;


typedef struct {
    int            there;
    uint64_t       available, put;    /* free, and all that operators gave */
    uint64_t       expired;
} sku_t;


typedef struct {
    uint64_t       units, born, until;
} stake_t;


typedef enum {
    TAKE = 0, ADMIT, END, SETTLE, PASS, STOCK, DIE
} what_e;


typedef struct {
    what_e         what;
    unsigned       hold, sku, end, owner;
    int64_t        number;
    adm_stock_e    stock;
} step_t;


static uint64_t        memory[SIZE / 8], saved[SIZE / 8], wanted[SIZE / 8];
static uint64_t        told[3][SIZE / 8];
static adm_ledger_t    ledger;
static uint64_t        now = NOW, wrong, serial, deaths;
static uint64_t        seed = 88172645463325252ULL;

static sku_t           skus[SKUS];
static stake_t         stakes[BUYERS][SKUS];
static hold_t          holds[HOLDS];

static jmp_buf         death;
static int             lives = -1;    /* stores until it is killed */

static unsigned char   secret[16] = "0123456789abcde";


static void
stored(void)
{
    if (lives > 0 && --lives == 0) {
        lives = -1;
        longjmp(death, 1);
    }
}


static uint64_t
any(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed % n;
}


static void
fail(const char *what)
{
    if (wrong++ < 10) {
        printf("ledger: %s\n", what);
    }
}


static adm_str_t
name(unsigned sku)
{
    adm_str_t    str;
    static char  names[SKUS][8];

    (void) snprintf(names[sku], sizeof(names[sku]), "sku-%u", sku);
    str.len = strlen(names[sku]);
    str.data = (unsigned char *) names[sku];

    return str;
}


/* what the ledger does */

static int
take(hold_t *h)
{
    unsigned             i;
    unsigned char        buyer[ADM_LEDGER_ID];
    adm_item_t           items[ADM_CART_ITEMS];
    adm_ledger_order_t   o;
    adm_ledger_answer_t  answer;

    memset(buyer, h->buyer + 1, sizeof(buyer));
    memset(&o, 0, sizeof(adm_ledger_order_t));

    for (i = 0; i < h->n; i++) {
        items[i].sku = name(h->sku[i]);
        items[i].quantity = h->quantity[i];
    }

    o.id = h->id;
    o.buyer = buyer;
    o.note.data = h->id;
    o.note.len = 8;
    o.items = items;
    o.nitems = h->n;
    o.owner = h->owner;
    o.hold = h->hold;
    o.per_buyer = h->counted ? MOST : 0;
    o.per_time = TIME;
    o.returns = h->returns;

    return adm_ledger_take(&ledger, &o, now, &answer);
}


static int
perform(const step_t *s)
{
    hold_t  *h;

    h = &holds[s->hold];

    adm_ledger_enter(&ledger);

    switch (s->what) {

    case TAKE:
        return take(h);

    case ADMIT:
        return adm_ledger_admit(&ledger, h->id);

    case END:
        return adm_ledger_end(&ledger, h->id, s->end, now);

    case SETTLE:
        return adm_ledger_settle(&ledger, h->id, s->end, now);

    case PASS:
        return adm_ledger_expire(&ledger, now, 1000);

    case STOCK:
        return adm_ledger_stock(&ledger, name(s->sku), s->stock, s->number);

    default:
        return adm_ledger_orphan(&ledger, s->owner, now, 1000);
    }
}


/* what it should do */

static void
give_back(hold_t *h, int by_time)
{
    unsigned  i;
    stake_t  *stake;

    for (i = 0; i < h->n; i++) {
        skus[h->sku[i]].available += h->quantity[i];
        skus[h->sku[i]].expired += by_time ? h->quantity[i] : 0;
        stake = &stakes[h->buyer][h->sku[i]];

        if (h->counted && h->taken >= stake->born
            && stake->units >= h->quantity[i])
        {
            stake->units -= h->quantity[i];
        }
    }

    h->state = by_time ? EXPIRED : RELEASED;
}


static void
lose(hold_t *h)
{
    if (h->returns) {
        give_back(h, 1);

    } else {
        h->state = UNRESOLVED;
    }
}


static int
should_take(hold_t *h)
{
    unsigned   i;
    stake_t   *stake;
    uint64_t   held;
    hold_t    *other;

    for (i = 0; i < h->n; i++) {

        if (!skus[h->sku[i]].there) {
            return ADM_LEDGER_UNKNOWN;
        }

        if (skus[h->sku[i]].available < h->quantity[i]) {
            held = 0;

            for (other = holds; other < holds + HOLDS; other++) {
                unsigned  k;

                for (k = 0; k < other->n; k++) {
                    held += (other->sku[k] == h->sku[i]
                             && other->state >= RUNNING
                             && other->state <= UNRESOLVED)
                            ? other->quantity[k] : 0;
                }
            }

            return skus[h->sku[i]].available + held < h->quantity[i]
                   ? ADM_LEDGER_SOLD_OUT : ADM_LEDGER_RESERVED;
        }

        stake = &stakes[h->buyer][h->sku[i]];

        if (h->counted
            && (stake->until > now ? stake->units : 0) + h->quantity[i] > MOST)
        {
            return ADM_LEDGER_BUYER;
        }
    }

    for (i = 0; i < h->n; i++) {
        skus[h->sku[i]].available -= h->quantity[i];
        stake = &stakes[h->buyer][h->sku[i]];

        if (!h->counted) {
            continue;
        }

        if (stake->until <= now || stake->units == 0) {
            stake->units = 0;
            stake->born = now;
            stake->until = now + TIME;
        }

        stake->units += h->quantity[i];
    }

    h->state = RUNNING;
    h->taken = now;

    return ADM_LEDGER_OK;
}


static int
should_settle(hold_t *h, unsigned end)
{
    unsigned  i;

    switch (h->state) {

    case GONE:
        return ADM_SETTLED_NONE;

    case COMMITTED:
        return end == ADM_LEDGER_COMMIT ? ADM_SETTLED : ADM_SETTLED_OTHER;

    case RELEASED:
        return end == ADM_LEDGER_RELEASE ? ADM_SETTLED : ADM_SETTLED_OTHER;

    case EXPIRED:

        if (end == ADM_LEDGER_RELEASE) {
            return ADM_SETTLED;
        }

        for (i = 0; i < h->n; i++) {
            if (skus[h->sku[i]].available < h->quantity[i]) {
                return ADM_SETTLED_SHORT;
            }
        }

        for (i = 0; i < h->n; i++) {
            skus[h->sku[i]].available -= h->quantity[i];
        }

        h->state = COMMITTED;
        return ADM_SETTLED_LATE;

    default:

        if (end == ADM_LEDGER_COMMIT) {
            h->state = COMMITTED;

        } else {
            give_back(h, 0);
        }

        return ADM_SETTLED;
    }
}


static int
should_end(hold_t *h, unsigned end)
{
    if (end == ADM_LEDGER_COMMIT || end == ADM_LEDGER_RELEASE) {
        return should_settle(h, end);
    }

    if (h->state == GONE) {
        return ADM_SETTLED_NONE;
    }

    if (h->state == RUNNING && end == ADM_LEDGER_LEAVE) {
        h->state = HELD;
        h->until = now + h->hold;

    } else if (h->state == RUNNING) {
        lose(h);
    }

    return ADM_SETTLED;
}


static uint64_t
out(unsigned sku)
{
    unsigned   k;
    hold_t    *h;
    uint64_t   n;

    n = 0;

    for (h = holds; h < holds + HOLDS; h++) {
        for (k = 0; k < h->n; k++) {
            n += (h->sku[k] == sku && h->state >= RUNNING
                  && h->state <= COMMITTED) ? h->quantity[k] : 0;
        }
    }

    return n;
}


/* what is committed and not spoken of any more is in "put" alone */

static int
should_stock(const step_t *s)
{
    sku_t    *sku;
    int64_t   n;

    sku = &skus[s->sku];
    n = s->number;

    if (!sku->there && s->stock == ADM_STOCK_ADD) {
        return ADM_LEDGER_UNKNOWN;
    }

    if (s->stock == ADM_STOCK_ADD) {
        n += (int64_t) sku->available;

    } else if (s->stock == ADM_STOCK_TOTAL) {
        n -= (int64_t) (sku->put - sku->available);
    }

    if (n < 0) {
        return ADM_LEDGER_SOLD_OUT;
    }

    sku->put += (uint64_t) n - sku->available;
    sku->available = (uint64_t) n;
    sku->there = 1;

    return ADM_LEDGER_OK;
}


static int
should(const step_t *s)
{
    hold_t  *h;

    h = &holds[s->hold];

    switch (s->what) {

    case TAKE:
        return should_take(h);

    case ADMIT:
        h->admitted |= (h->state == RUNNING);
        return h->state == RUNNING;

    case END:
        return should_end(h, s->end);

    case SETTLE:
        return (h->state == RUNNING && s->end == ADM_LEDGER_RELEASE)
               ? ADM_SETTLED_RUNNING : should_settle(h, s->end);

    case STOCK:
        return should_stock(s);

    default:

        for (h = holds; h < holds + HOLDS; h++) {

            if (s->what == PASS && h->state == HELD && h->until <= now) {
                give_back(h, 1);

            } else if (s->what == DIE && h->state == RUNNING
                       && h->owner == (int) s->owner)
            {
                if (h->admitted) {
                    lose(h);

                } else {
                    give_back(h, 0);
                }
            }
        }

        return 0;
    }
}


/* a hold that is to be taken: one that is spoken of no more */

static void
invent(hold_t *h)
{
    unsigned  i, from;

    memset(h, 0, sizeof(hold_t));
    serial++;
    memcpy(h->id, &serial, sizeof(serial));

    h->n = any(4) ? 1 + any(3) : 1 + any(SKUS);
    h->owner = (int) any(OWNERS);
    h->buyer = (int) any(BUYERS);
    h->counted = !any(3);
    h->returns = !any(4);
    h->hold = 1 + any(20000);
    from = any(SKUS);

    for (i = 0; i < h->n; i++) {
        h->sku[i] = (from + i) % SKUS;
        h->quantity[i] = 1 + any(5);
    }
}


static step_t
choose(void)
{
    step_t     s;
    state_e    state;

    memset(&s, 0, sizeof(step_t));
    s.hold = any(HOLDS);
    s.sku = any(SKUS);
    s.owner = any(OWNERS);
    state = holds[s.hold].state;

    switch (any(16)) {

    case 0:
        s.what = STOCK;
        s.stock = (adm_stock_e) any(3);
        s.number = (int64_t) any(60);

        if (s.stock == ADM_STOCK_ADD) {
            s.number -= 25;
        }

        break;

    case 1:
        s.what = PASS;
        now += any(3000);
        break;

    case 2:
        s.what = any(40) ? PASS : DIE;
        break;

    case 3:
    case 4:
        s.what = ADMIT;
        break;

    case 5:
        s.what = SETTLE;
        s.end = any(2);
        break;

    default:
        s.what = END;
        s.end = any(4);

        if (state == GONE || (state >= COMMITTED && any(2))) {
            s.what = TAKE;
            invent(&holds[s.hold]);
        }

        break;
    }

    return s;
}


/* all words of the memory agree with each other */

static uint64_t
walk(const adm_ledger_list_t *list, adm_hold_e state)
{
    uint64_t            i, n, before;
    adm_ledger_hold_t  *h;

    n = 0;
    before = 0;

    for (i = list->first; i; i = h->next) {
        h = &adm_ledger_holds(ledger.room)[i - 1];

        if (h->prev != before || n++ > ledger.room->holds.places) {
            fail("a list is broken");
            return n;
        }

        if (state != ADM_HOLD_FREE
            && (adm_ledger_find(ledger.room, (unsigned char *) h->id) != h
                || (state != ADM_HOLD_COMMITTED
                    && adm_hold_state(h) != state)))
        {
            fail("a hold is in the wrong list, or cannot be found");
        }

        before = i;
        n += (state != ADM_HOLD_FREE && h->more);
    }

    if (list->last != before) {
        fail("a list does not end");
    }

    return n;
}


static void
audit_holds(void)
{
    uint64_t            i, n, *heap;
    adm_ledger_hold_t  *h, *above;
    adm_ledger_room_t  *room;

    room = ledger.room;
    heap = adm_ledger_heap(room);

    n = walk(&room->unresolved, ADM_HOLD_UNRESOLVED);

    for (i = 0; i < ADM_LEDGER_OWNERS; i++) {
        n += walk(&room->owner[i].running, ADM_HOLD_RUNNING);
    }

    for (i = 0; i < room->held; i++) {
        h = &adm_ledger_holds(room)[heap[i] - 1];
        above = &adm_ledger_holds(room)[heap[i ? (i - 1) / 2 : 0] - 1];
        n += h->more ? 2 : 1;

        if (h->prev != i || above->until > h->until
            || adm_hold_state(h) != ADM_HOLD_HELD)
        {
            fail("the heap is broken");
        }
    }

    if (n != room->live) {
        fail("holds that are not settled are not counted");
    }

    n += walk(&room->settled, ADM_HOLD_COMMITTED);
    n += walk(&room->free, ADM_HOLD_FREE);

    if (n != room->holds.used) {
        fail("a place of a hold is lost");
    }
}


static void
audit_skus(void)
{
    unsigned            k;
    uint64_t            i, n, item, held[SKUS], lost[SKUS];
    adm_ledger_sku_t   *s;
    adm_ledger_hold_t  *h;

    memset(held, 0, sizeof(held));
    memset(lost, 0, sizeof(lost));

    for (i = 0; i < ledger.room->holds.used; i++) {
        h = &adm_ledger_holds(ledger.room)[i];

        for (k = 0; k < adm_hold_nitems(h); k++) {

            switch (adm_hold_state(h)) {

            case ADM_HOLD_RUNNING:
            case ADM_HOLD_HELD:
                item = *adm_hold_item(ledger.room, h, k);
                held[adm_item_sku(item)] += adm_item_quantity(item);
                break;

            case ADM_HOLD_UNRESOLVED:
                item = *adm_hold_item(ledger.room, h, k);
                lost[adm_item_sku(item)] += adm_item_quantity(item);
                break;

            default:
                break;
            }
        }
    }

    for (i = 0; i < ledger.room->skus.used; i++) {
        s = &adm_ledger_skus(ledger.room)[i];

        if (s->held != held[i] || s->unresolved != lost[i]) {
            fail("units are not those of the holds");
        }
    }

    for (n = 0, i = ledger.room->idle; i;
         i = adm_ledger_stakes(ledger.room)[i - 1].chain)
    {
        n++;
    }

    for (i = 0; i < ledger.room->stakes.used; i++) {
        n += adm_ledger_stakes(ledger.room)[i].until != 0;
    }

    if (n != ledger.room->stakes.used) {
        fail("a buyer's place is lost");
    }
}


static void
compare(void)
{
    unsigned     i;
    adm_facts_t  f;

    for (i = 0; i < SKUS; i++) {

        if (!adm_ledger_look(&ledger, name(i), &f)) {
            if (skus[i].there) {
                fail("a SKU is gone");
            }

            continue;
        }

        if (f.available != skus[i].available || f.expired != skus[i].expired) {
            fail("units are free that should not be, or the other way round");
        }

        if (f.available + f.held + f.unresolved + f.committed != skus[i].put) {
            fail("units are lost, or made");
        }

        if (f.held + f.unresolved > out(i)) {
            fail("units are held by nobody");
        }
    }
}


static void
begin(void)
{
    unsigned  i;

    memset(memory, 0, SIZE);
    memset(skus, 0, sizeof(skus));
    memset(stakes, 0, sizeof(stakes));
    memset(holds, 0, sizeof(holds));

    (void) adm_ledger_init(memory, SIZE, secret);
    (void) adm_ledger_attach(&ledger, memory);

    for (i = 0; i < OWNERS; i++) {
        (void) adm_ledger_own(&ledger, i + 1);
    }
}


/* an id that is settled may be forgotten when places are short */

static int
forgotten(const step_t *s, int said)
{
    return said == ADM_SETTLED_NONE
           && (s->what == SETTLE || s->what == END);
}


static void
beside(uint64_t steps)
{
    int        said, expected;
    step_t     s;
    sku_t      was[SKUS];
    uint64_t   i;
    hold_t     h;

    begin();

    for (i = 0; i < steps; i++) {
        s = choose();
        h = holds[s.hold];
        memcpy(was, skus, sizeof(skus));

        said = perform(&s);
        expected = should(&s);

        if (said != expected && h.state >= COMMITTED && forgotten(&s, said)) {
            holds[s.hold] = h;
            memcpy(skus, was, sizeof(skus));

        } else if (said != expected) {
            fail("another answer than expected");
            printf("ledger: step %" PRIu64 ", what %d: %d, not %d\n", i,
                   s.what, said, expected);
            return;
        }

        compare();

        if (i % 997 == 0) {
            audit_holds();
            audit_skus();
        }

        if (wrong) {
            return;
        }
    }
}


/* what a copy tells of the memory, on a copy of which it works */

static void
tell(unsigned which)
{
    adm_ledger_t  l;

    memcpy(wanted, memory, SIZE);
    memset(told[which], 0, SIZE);
    (void) adm_ledger_attach(&l, wanted);
    adm_ledger_mark(&l, 1);
    (void) adm_ledger_save(&l, told[which], SIZE, 0, 1);
}


/* the step is killed at each store; memory is as before, and as after */

static int
killed(const step_t *s, int at)
{
    lives = at;

    if (setjmp(death)) {
        return 1;
    }

    (void) perform(s);
    lives = -1;

    return 0;
}


static void
kill_everywhere(const step_t *s)
{
    int  at;

    for (at = 1; /* void */ ; at++) {
        memcpy(memory, saved, SIZE);

        if (!killed(s, at)) {
            return;
        }

        deaths++;
        adm_ledger_enter(&ledger);
        audit_holds();
        audit_skus();
        tell(2);

        if (memcmp(told[2], told[1], SIZE) == 0) {
            continue;
        }

        /* not done, or not all of it: it can be done still */

        (void) perform(s);
        tell(2);

        if (memcmp(told[2], told[1], SIZE) != 0) {
            fail("a death leaves something behind");
            printf("ledger: what %d, killed at store %d\n", s->what, at);
            return;
        }
    }
}


/* in a memory that is used up: places have to be made free */

static void
deadly(uint64_t steps)
{
    step_t    s;
    uint64_t  i;

    begin();

    while (ledger.room->holds.used < ledger.room->holds.places - 2) {
        s = choose();
        (void) perform(&s);
        (void) should(&s);
    }

    for (i = 0; i < steps && wrong == 0; i++) {
        s = choose();

        memcpy(saved, memory, SIZE);
        (void) perform(&s);
        (void) should(&s);
        tell(1);

        kill_everywhere(&s);
        compare();
    }
}


/*
 * The power goes at any moment, and what is on disk is the last copy that was
 * kept, or one that was just being written.
 */

static void
crash(const void *copy, size_t size)
{
    unsigned      i, turn;
    adm_facts_t   was, is;
    adm_ledger_t  back;

    memset(wanted, 0, SIZE);
    (void) adm_ledger_init(wanted, SIZE, secret);
    (void) adm_ledger_attach(&back, wanted);

    if (adm_ledger_restore(&back, copy, size, now) != ADM_OK) {
        fail("a copy cannot be read back");
        return;
    }

    for (turn = 0; turn < 2; turn++) {

        for (i = 0; i < SKUS; i++) {
            (void) adm_ledger_facts(&ledger, name(i), &was);
            (void) adm_ledger_facts(&back, name(i), &is);

            if (is.available > was.available) {
                fail("after a crash more is free than was");
            }

            if (is.available + is.held + is.unresolved + is.committed
                != skus[i].put)
            {
                fail("after a crash units are lost, or made");
            }
        }

        (void) adm_ledger_expire(&back, now + 1000000, 1000);
    }
}


/* in pieces, while others go on */

static size_t
save(void *copy)
{
    size_t             size;
    step_t             s;
    adm_ledger_t       l;
    adm_ledger_shot_t  shot;

    memset(wanted, 0, SIZE);
    memset(&shot, 0, sizeof(adm_ledger_shot_t));
    shot.image = wanted;

    while (adm_ledger_shoot(&ledger, &shot) || any(3)) {
        s = choose();
        holds[s.hold].returns = 0;

        if (s.what != STOCK) {
            (void) perform(&s);
        }
    }

    adm_ledger_shot(&ledger, &shot, 0);

    memset(copy, 0, SIZE);
    (void) adm_ledger_attach(&l, wanted);
    size = adm_ledger_save(&l, copy, SIZE, now, 0);

    /* the same as of the memory itself */

    if (adm_ledger_save(&ledger, told[2], SIZE, now, 0) != size
        || memcmp(copy, told[2], size) != 0)
    {
        fail("a copy in pieces is not of one moment");
    }

    return size;
}


static void
powerless(unsigned times)
{
    void      *copy;
    size_t     size[2], to;
    step_t     s;
    unsigned   i, on;

    while (times-- && wrong == 0) {
        begin();
        ledger.marked = 1;
        on = 0;

        for (i = 0; i < SKUS; i++) {
            s.what = STOCK;
            s.sku = i;
            s.stock = ADM_STOCK_SET;
            s.number = (int64_t) any(400);
            (void) perform(&s);
            (void) should(&s);
        }

        size[0] = save(told[0]);
        adm_ledger_kept(&ledger, told[0]);

        for (i = 0; i < 400; i++) {
            s = choose();

            if (s.what == STOCK) {
                continue;
            }

            holds[s.hold].returns = 0;
            holds[s.hold].counted = 0;

            if (perform(&s) != ADM_LEDGER_WAIT || s.what != TAKE) {
                (void) should(&s);
            }

            if (any(40)) {
                continue;
            }

            /* written, and kept; or written, and then the power goes */

            to = !on;
            copy = told[to];
            size[to] = save(copy);

            if (any(8) == 0) {
                while (any(30)) {
                    s = choose();
                    holds[s.hold].returns = 0;

                    if (s.what != STOCK) {
                        (void) perform(&s);
                    }
                }

                crash(told[to], size[to]);
                break;
            }

            adm_ledger_kept(&ledger, copy);
            on = to;
        }

        crash(told[on], size[on]);
    }
}


int
main(int argc, char **argv)
{
    int  brief;

    brief = (argc > 1 && strcmp(argv[1], "--short") == 0);

    beside(brief ? 100000 : 1000000);
    deadly(brief ? 500 : 4000);
    powerless(brief ? 1000 : 20000);

    printf("ledger: %s, %" PRIu64 " deaths, %s\n",
           brief ? "100000 steps" : "1000000 steps", deaths,
           wrong ? "WRONG" : "all right");

    return wrong != 0;
}
