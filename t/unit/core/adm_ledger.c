
/*
 * The story: a hundred units, and a hundred thousand who want them.  Half of
 * a cart is reserved, and its other half is not; a payment comes back when
 * its units are others' already; the power goes, and in the morning the shop
 * has more to sell than it has.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_undo.c"
#include "../../../src/core/adm_siphash.c"
#include "../../../src/core/adm_ledger.c"
#include "../../../src/core/adm_ledger_hold.c"
#include "../../../src/core/adm_ledger_stake.c"
#include "../../../src/core/adm_ledger_take.c"
#include "../../../src/core/adm_ledger_copy.c"


#define NOW    UINT64_C(1790000000000)
#define SIZE   (256 * 1024)
#define MANY   100000


static adm_ledger_t         ledger;
static adm_ledger_answer_t  answer;
static uint64_t             memory[SIZE / 8], other[SIZE / 8], copy[SIZE / 8];
static adm_item_t           items[ADM_CART_ITEMS];

static unsigned char        secret[16] = "0123456789abcde";


static adm_str_t
text(const char *s)
{
    adm_str_t  str;

    str.len = strlen(s);
    str.data = (const unsigned char *) s;

    return str;
}


static const unsigned char *
id(uint64_t n)
{
    static unsigned char  ids[8][ADM_LEDGER_ID];
    static unsigned       turn;

    turn = (turn + 1) % 8;
    memset(ids[turn], 0, ADM_LEDGER_ID);
    memcpy(ids[turn], &n, sizeof(n));

    return ids[turn];
}


static void
begin(void)
{
    memset(memory, 0, SIZE);
    (void) adm_ledger_init(memory, SIZE, secret);
    (void) adm_ledger_attach(&ledger, memory);
    (void) adm_ledger_own(&ledger, 100);
}


static void
stock(const char *sku, int64_t number)
{
    (void) adm_ledger_stock(&ledger, text(sku), ADM_STOCK_SET, number);
}


/* of up to three items, or as many as "sku" stand there */

static adm_ledger_order_t
order(uint64_t n, const char *sku, uint64_t quantity)
{
    adm_ledger_order_t  o;

    memset(&o, 0, sizeof(adm_ledger_order_t));

    items[0].sku = text(sku);
    items[0].quantity = quantity;

    o.id = id(n);
    o.buyer = id(9999);
    o.note = text("a-note");
    o.items = items;
    o.nitems = 1;
    o.hold = 600000;

    return o;
}


static adm_ledger_rc_e
take(uint64_t n, const char *sku, uint64_t quantity)
{
    adm_ledger_order_t  o;

    o = order(n, sku, quantity);

    return adm_ledger_take(&ledger, &o, NOW, &answer);
}


static int
sum(const char *sku, uint64_t available, uint64_t held, uint64_t unresolved,
    uint64_t committed)
{
    adm_facts_t  f;

    return adm_ledger_look(&ledger, text(sku), &f) && f.available == available
           && f.held == held && f.unresolved == unresolved
           && f.committed == committed;
}


static void
one(void)
{
    begin();

    ok(take(1, "tv", 1) == ADM_LEDGER_UNKNOWN, "no SKU: unknown, not zero");
    stock("tv", 3);

    ok(take(1, "tv", 2) == ADM_LEDGER_OK && sum("tv", 1, 2, 0, 0), "taken");
    ok(take(1, "tv", 2) == ADM_LEDGER_OK && sum("tv", 1, 2, 0, 0),
       "the same again is told the same, and takes nothing");
    ok(take(2, "tv", 2) == ADM_LEDGER_RESERVED && answer.facts.held == 2,
       "too few are free, but some may come back");
    ok(take(2, "tv", 4) == ADM_LEDGER_SOLD_OUT, "never so many");

    ok(adm_ledger_admit(&ledger, id(1)), "its request is on its way");
    ok(adm_ledger_settle(&ledger, id(1), ADM_LEDGER_RELEASE, NOW)
       == ADM_SETTLED_RUNNING, "nobody releases what runs");

    (void) adm_ledger_end(&ledger, id(1), ADM_LEDGER_COMMIT, NOW);
    ok(sum("tv", 1, 0, 0, 2), "committed");
    ok(adm_ledger_end(&ledger, id(1), ADM_LEDGER_COMMIT, NOW) == ADM_SETTLED
       && sum("tv", 1, 0, 0, 2), "... once, however often");
    ok(adm_ledger_settle(&ledger, id(1), ADM_LEDGER_RELEASE, NOW)
       == ADM_SETTLED_OTHER && sum("tv", 1, 0, 0, 2), "it is not released");
    ok(take(2, "tv", 2) == ADM_LEDGER_SOLD_OUT, "sold out");
    ok(take(1, "tv", 1) == ADM_LEDGER_ENDED, "what has ended takes nothing");
    ok(adm_ledger_end(&ledger, id(7), ADM_LEDGER_COMMIT, NOW)
       == ADM_SETTLED_NONE, "no such hold");

    (void) take(3, "tv", 1);
    ok(adm_ledger_settle(&ledger, id(3), ADM_LEDGER_COMMIT, NOW) == ADM_SETTLED
       && sum("tv", 0, 0, 0, 3), "a back end is faster than the answer");
    ok(adm_ledger_end(&ledger, id(3), ADM_LEDGER_LOSE, NOW) == ADM_SETTLED
       && sum("tv", 0, 0, 0, 3), "... which changes nothing then");
}


static void
cart(void)
{
    char                names[ADM_CART_ITEMS][8];
    unsigned            i;
    adm_hold_t          hold;
    adm_ledger_order_t  o;

    begin();
    o = order(1, "", 0);
    o.nitems = ADM_CART_ITEMS;

    for (i = 0; i < ADM_CART_ITEMS; i++) {
        (void) snprintf(names[i], sizeof(names[i]), "sku%u", i);
        items[i].sku = text(names[i]);
        items[i].quantity = i + 1;
        stock(names[i], i + 1);
    }

    stock("sku15", 15);

    ok(adm_ledger_take(&ledger, &o, NOW, &answer) == ADM_LEDGER_SOLD_OUT
       && answer.item == 15 && answer.facts.available == 15
       && sum("sku0", 1, 0, 0, 0), "all of a cart, or nothing");

    stock("sku15", 16);

    ok(adm_ledger_take(&ledger, &o, NOW, &answer) == ADM_LEDGER_OK
       && sum("sku0", 0, 1, 0, 0) && sum("sku15", 0, 16, 0, 0), "all");
    ok(adm_ledger_hold(&ledger, id(1), &hold) && hold.nitems == 16
       && hold.items[15].quantity == 16
       && memcmp(hold.items[15].sku.data, "sku15", 5) == 0,
       "and all is told");

    (void) adm_ledger_end(&ledger, id(1), ADM_LEDGER_RELEASE, NOW);
    ok(sum("sku0", 1, 0, 0, 0) && sum("sku15", 16, 0, 0, 0), "all return");
}


static void
time_passes(void)
{
    adm_facts_t       f;
    adm_ledger_use_t  use;

    begin();
    stock("tv", 2);

    (void) take(1, "tv", 1);
    (void) take(2, "tv", 1);
    (void) adm_ledger_end(&ledger, id(1), ADM_LEDGER_LEAVE, NOW);

    is_uint(adm_ledger_due(&ledger), NOW + 600000, "left: due by its time");
    (void) adm_ledger_expire(&ledger, NOW + 599999, 8);
    ok(sum("tv", 0, 2, 0, 0), "not before");
    (void) adm_ledger_expire(&ledger, NOW + 86400000, 8);
    ok(sum("tv", 1, 1, 0, 0), "it returns; what runs stays");

    (void) adm_ledger_facts(&ledger, text("tv"), &f);
    is_uint(f.expired, 1, "and is counted");

    ok(adm_ledger_settle(&ledger, id(1), ADM_LEDGER_COMMIT, NOW)
       == ADM_SETTLED_LATE && sum("tv", 0, 1, 0, 1),
       "committed too late: new units");

    (void) adm_ledger_end(&ledger, id(2), ADM_LEDGER_LEAVE, NOW);
    (void) adm_ledger_expire(&ledger, NOW + 86400000, 8);
    (void) take(3, "tv", 1);

    ok(adm_ledger_settle(&ledger, id(2), ADM_LEDGER_COMMIT, NOW)
       == ADM_SETTLED_SHORT && sum("tv", 0, 1, 0, 1),
       "committed too late, and others have them");
    ok(adm_ledger_settle(&ledger, id(2), ADM_LEDGER_RELEASE, NOW)
       == ADM_SETTLED && sum("tv", 0, 1, 0, 1), "it is released");

    adm_ledger_use(&ledger, &use);
    ok(use.late == 1 && use.missed == 1, "both are counted");
}


static void
owners(void)
{
    int                 n;
    uint64_t            at;
    adm_hold_t          hold;
    adm_ledger_order_t  o;

    begin();
    stock("tv", 10);

    n = adm_ledger_own(&ledger, 200);

    o = order(1, "tv", 1);
    o.owner = n;
    (void) adm_ledger_take(&ledger, &o, NOW, &answer);

    o = order(2, "tv", 2);
    o.owner = n;
    (void) adm_ledger_take(&ledger, &o, NOW, &answer);
    (void) adm_ledger_admit(&ledger, id(2));

    o = order(3, "tv", 3);
    o.owner = n;
    o.returns = 1;
    (void) adm_ledger_take(&ledger, &o, NOW, &answer);
    (void) adm_ledger_admit(&ledger, id(3));

    (void) take(4, "tv", 4);

    ok(adm_ledger_orphan(&ledger, n, NOW, 1), "a few at a time");
    ok(!adm_ledger_orphan(&ledger, n, NOW, 9) && sum("tv", 4, 4, 2, 0),
       "not sent: returned; sent: unresolved, or returned as its order says");
    is_uint(adm_ledger_owner(&ledger, n), 0, "its place is free");

    at = 0;
    ok(adm_ledger_unresolved(&ledger, &at, &hold)
       && memcmp(hold.id, id(2), 16) == 0 && hold.until == NOW
       && !adm_ledger_unresolved(&ledger, &at, &hold),
       "the unresolved one is listed");
    ok(adm_ledger_settle(&ledger, id(2), ADM_LEDGER_RELEASE, NOW)
       == ADM_SETTLED && sum("tv", 6, 4, 0, 0), "and settled by hand");

    n = adm_ledger_own(&ledger, 100);
    ok(n != 0 && adm_ledger_owner(&ledger, 0) == UINT64_MAX,
       "a process with the number of one before is another");
}


static void
buyers(void)
{
    adm_ledger_order_t  o;

    begin();
    stock("tv", 100);

    o = order(1, "tv", 2);
    o.per_buyer = 3;
    o.per_time = 1000;

    ok(adm_ledger_take(&ledger, &o, NOW, &answer) == ADM_LEDGER_OK, "two");

    o.id = id(2);
    ok(adm_ledger_take(&ledger, &o, NOW + 400, &answer) == ADM_LEDGER_BUYER
       && answer.wait == 600, "two more are one too many, for a while");

    items[0].quantity = 1;
    ok(adm_ledger_take(&ledger, &o, NOW + 400, &answer) == ADM_LEDGER_OK,
       "one is not");

    o.id = id(3);
    o.buyer = id(1);
    ok(adm_ledger_take(&ledger, &o, NOW + 400, &answer) == ADM_LEDGER_OK,
       "nor another buyer");

    (void) adm_ledger_end(&ledger, id(1), ADM_LEDGER_RELEASE, NOW);
    o.id = id(4);
    o.buyer = id(9999);
    items[0].quantity = 2;
    ok(adm_ledger_take(&ledger, &o, NOW + 400, &answer) == ADM_LEDGER_OK,
       "what was given back counts no more");

    (void) adm_ledger_end(&ledger, id(2), ADM_LEDGER_COMMIT, NOW);
    o.id = id(5);
    items[0].quantity = 3;
    ok(adm_ledger_take(&ledger, &o, NOW + 999, &answer) == ADM_LEDGER_BUYER,
       "what was bought does, to the last moment");
    ok(adm_ledger_take(&ledger, &o, NOW + 1000, &answer) == ADM_LEDGER_OK,
       "a new time");

    (void) adm_ledger_end(&ledger, id(4), ADM_LEDGER_RELEASE, NOW);
    o.id = id(6);
    items[0].quantity = 1;
    ok(adm_ledger_take(&ledger, &o, NOW + 1000, &answer) == ADM_LEDGER_BUYER,
       "what was given back of the time before is not of this one");
    ok(adm_ledger_peek(&ledger, &o, NOW + 1000, &answer) == ADM_LEDGER_BUYER
       && adm_ledger_peek(&ledger, &o, NOW + 2000, &answer) == ADM_LEDGER_OK
       && sum("tv", 95, 4, 0, 1), "looking takes nothing");
}


static void
operators(void)
{
    begin();

    ok(adm_ledger_stock(&ledger, text("tv"), ADM_STOCK_ADD, 5)
       == ADM_LEDGER_UNKNOWN, "nothing is added to what there is not");
    ok(adm_ledger_stock(&ledger, text("tv"), ADM_STOCK_TOTAL, 5)
       == ADM_LEDGER_OK && sum("tv", 5, 0, 0, 0), "a total makes it");

    (void) take(1, "tv", 2);
    (void) take(2, "tv", 1);
    (void) adm_ledger_end(&ledger, id(2), ADM_LEDGER_COMMIT, NOW);

    ok(adm_ledger_stock(&ledger, text("tv"), ADM_STOCK_TOTAL, 2)
       == ADM_LEDGER_SOLD_OUT && sum("tv", 2, 2, 0, 1), "less than is out");
    ok(adm_ledger_stock(&ledger, text("tv"), ADM_STOCK_ADD, -3)
       == ADM_LEDGER_SOLD_OUT && sum("tv", 2, 2, 0, 1), "never negative");
    ok(adm_ledger_stock(&ledger, text("tv"), ADM_STOCK_TOTAL, 10)
       == ADM_LEDGER_OK && sum("tv", 7, 2, 0, 1), "a total");
    ok(adm_ledger_stock(&ledger, text("tv"), ADM_STOCK_ADD, -7)
       == ADM_LEDGER_OK && sum("tv", 0, 2, 0, 1), "down to nothing");
}


static void
full(void)
{
    uint64_t          i, last;
    adm_ledger_use_t  use;

    begin();
    stock("tv", MANY);
    adm_ledger_use(&ledger, &use);

    for (last = 0; take(last, "tv", 1) == ADM_LEDGER_OK; last++) { /* void */ }

    is_uint(last, use.places, "holds that are not settled fill it");
    ok(take(last, "tv", 1) == ADM_LEDGER_FULL
       && sum("tv", MANY - last, last, 0, 0), "one more takes nothing");

    adm_ledger_use(&ledger, &use);
    ok(use.used == use.places && use.full == 2, "it is counted");

    (void) adm_ledger_end(&ledger, id(5), ADM_LEDGER_COMMIT, NOW);
    ok(take(last, "tv", 1) == ADM_LEDGER_OK,
       "the place of what is settled is taken when there is no other");
    ok(adm_ledger_settle(&ledger, id(5), ADM_LEDGER_COMMIT, NOW)
       == ADM_SETTLED_NONE, "it is forgotten then");

    for (i = 0; i <= last; i++) {
        (void) adm_ledger_end(&ledger, id(i), ADM_LEDGER_RELEASE, NOW);
    }

    ok(sum("tv", MANY - 1, 0, 0, 1), "all returned");

    for (i = 0; i < SIZE; i++) {
        char  name[16];

        (void) snprintf(name, sizeof(name), "n%u", (unsigned) i);

        if (adm_ledger_stock(&ledger, text(name), ADM_STOCK_SET, 1)
            != ADM_LEDGER_OK)
        {
            break;
        }
    }

    is_uint(i + 1, ledger.room->skus.places, "SKUs fill their table");
}


static size_t
save(size_t size, int last)
{
    adm_ledger_mark(&ledger, last);

    return adm_ledger_save(&ledger, copy, size, NOW, last);
}


/* what a crash leaves is the last copy that was kept */

static adm_ledger_t
reborn(size_t size)
{
    adm_ledger_t  l;

    memset(other, 0, SIZE);
    (void) adm_ledger_init(other, SIZE, secret);
    (void) adm_ledger_attach(&l, other);

    is_int(adm_ledger_restore(&l, copy, size, NOW + 5000), ADM_OK,
           "brought back");

    return l;
}


static void
copies(void)
{
    size_t        size, n;
    uint64_t      at;
    adm_hold_t    hold;
    adm_ledger_t  was;

    begin();
    ledger.marked = 1;
    stock("tv", 500);

    ok(take(1, "tv", 1) == ADM_LEDGER_WAIT && sum("tv", 500, 0, 0, 0),
       "nothing is handed out before there is a copy");

    size = save(SIZE, 0);
    ok(take(1, "tv", 1) == ADM_LEDGER_WAIT, "... on disk");
    adm_ledger_kept(&ledger, copy);

    for (n = 1; take(n, "tv", 1) == ADM_LEDGER_OK; n++) { /* void */ }

    is_uint(n - 1, ADM_LEDGER_LEND, "so many beyond the copy");
    (void) adm_ledger_end(&ledger, id(1), ADM_LEDGER_RELEASE, NOW);
    ok(take(n, "tv", 1) == ADM_LEDGER_WAIT,
       "what returned is not handed out in their place");

    was = ledger;
    ledger = reborn(size);
    ok(sum("tv", 500 - ADM_LEDGER_LEND, 0, ADM_LEDGER_LEND, 0),
       "after a crash these are unresolved");

    at = 0;
    ok(adm_ledger_unresolved(&ledger, &at, &hold) && hold.note.len == 5
       && memcmp(hold.note.data, "crash", 5) == 0, "by a hold that says why");
    (void) adm_ledger_settle(&ledger, hold.id, ADM_LEDGER_RELEASE, NOW);
    ok(sum("tv", 500, 0, 0, 0), "and that can be settled");

    ledger = was;
    (void) save(SIZE, 0);
    ok(take(n, "tv", 1) == ADM_LEDGER_WAIT, "the copy before counts until");
    adm_ledger_kept(&ledger, copy);

    for (at = n; take(n, "tv", 1) == ADM_LEDGER_OK; n++) { /* void */ }

    ok(n - at > ADM_LEDGER_LEND, "the more went, the more may go");

    (void) save(SIZE, 0);
    adm_ledger_kept(&ledger, copy);
    stock("tv", 5);
    (void) save(SIZE, 0);
    stock("tv", 50);
    ok(take(n, "tv", 6) == ADM_LEDGER_WAIT && take(n, "tv", 5)
       == ADM_LEDGER_OK, "the one that is to come counts from the beginning");
}


static void
restart(void)
{
    size_t              size;
    adm_hold_t          hold;
    adm_ledger_t        was;
    adm_ledger_order_t  o;

    begin();
    stock("tv", 20);
    stock("pc", 5);

    (void) take(1, "tv", 1);
    (void) take(2, "tv", 2);
    (void) adm_ledger_admit(&ledger, id(2));
    (void) take(3, "tv", 3);
    (void) adm_ledger_end(&ledger, id(3), ADM_LEDGER_LEAVE, NOW);
    (void) take(4, "tv", 4);
    (void) adm_ledger_end(&ledger, id(4), ADM_LEDGER_LOSE, NOW);
    (void) take(5, "pc", 5);
    (void) adm_ledger_end(&ledger, id(5), ADM_LEDGER_COMMIT, NOW);

    o = order(6, "tv", 6);
    o.per_buyer = 6;
    o.per_time = 1000000;
    (void) adm_ledger_take(&ledger, &o, NOW, &answer);

    was = ledger;
    size = save(SIZE, 1);
    ledger = reborn(size);

    ok(sum("tv", 11, 3, 6, 0) && sum("pc", 0, 0, 0, 5),
       "an orderly end: what was not sent has returned");
    (void) adm_ledger_expire(&ledger, NOW + 600000, 8);
    ok(sum("tv", 14, 0, 6, 0), "what was held keeps its time");
    ok(adm_ledger_settle(&ledger, id(5), ADM_LEDGER_COMMIT, NOW)
       == ADM_SETTLED, "who settles twice is told the same");

    o = order(7, "tv", 6);
    o.per_buyer = 6;
    o.per_time = 1000000;
    ok(adm_ledger_take(&ledger, &o, NOW, &answer) == ADM_LEDGER_OK,
       "what returned is not its buyer's");

    ledger = was;
    size = save(SIZE, 0);
    ledger = reborn(size);

    ok(sum("tv", 0, 3, 17, 0) && sum("pc", 0, 0, 0, 5),
       "a crash: what ran is unresolved, and what may have been handed out");
    (void) adm_ledger_expire(&ledger, NOW + 600000, 8);
    ok(sum("tv", 0, 0, 20, 0),
       "what was held is unresolved by its time: it may have been committed");
    ok(adm_ledger_hold(&ledger, id(3), &hold)
       && hold.state == ADM_HOLD_UNRESOLVED && hold.note.len == 6,
       "it is known by its id, and its note");

    ok(adm_ledger_restore(&ledger, copy, size - 8, NOW) == ADM_ERROR,
       "a copy that is cut off is none");
}


static void
tight(void)
{
    size_t    size;
    uint64_t  i;

    begin();
    stock("tv", MANY);

    for (i = 0; take(i, "tv", 1) == ADM_LEDGER_OK; i++) { /* void */ }

    size = adm_ledger_measure(&ledger);
    ok(size < SIZE && save(size - 1, 1) == 0,
       "no room for a copy");

    size = save(SIZE, 1);
    ledger = reborn(size);
    ok(sum("tv", MANY, 0, 0, 0), "a full one comes back");

    memset(other, 0, SIZE);
    (void) adm_ledger_init(other, ADM_LEDGER_MIN, secret);
    (void) adm_ledger_attach(&ledger, other);
    (void) adm_ledger_restore(&ledger, copy, size, NOW);
    ok(ledger.room->settled.first, "settled ones give way in a smaller one");

    ok(adm_ledger_init(memory, ADM_LEDGER_MIN - 1, secret) == ADM_ERROR,
       "too little memory");
}


int
main(void)
{
    one();
    cart();
    time_passes();
    owners();
    buyers();
    operators();
    full();
    copies();
    restart();
    tight();

    return unit_done();
}
