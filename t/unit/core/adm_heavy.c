
/*
 * The story: realip is not set up, so a whole sale comes from the balancer's
 * one address and is held to the joins of one shopper.  The line that says so
 * must come when it is so, whoever else is in between, and never of a shop
 * whose crowd is a crowd: a warning that cries wolf is switched off.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_heavy.c"


#define EVENTS   ADM_HEAVY_WINDOW


static uint64_t  seed;


static uint64_t
any(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed;
}


static void
shuffle(uint64_t *events)
{
    size_t    i, j;
    uint64_t  event;

    for (i = EVENTS - 1; i > 0; i--) {
        j = any() % (i + 1);
        event = events[i];
        events[i] = events[j];
        events[j] = event;
    }
}


/* "n" events of key 7, the rest of others, "each" times of each */

static void
mix(uint64_t *events, unsigned n, unsigned each)
{
    size_t  i;

    for (i = 0; i < EVENTS; i++) {
        events[i] = (i < n) ? 7 : 1000 + (i - n) / each;
    }
}


static unsigned
tell(adm_heavy_t *h, const uint64_t *events, uint64_t *heaviest)
{
    size_t    i;
    unsigned  early;

    early = 0;

    for (i = 0; i < EVENTS - 1; i++) {
        early |= adm_heavy_add(h, events[i], heaviest);
    }

    if (early) {
        return 9999;
    }

    return adm_heavy_add(h, events[EVENTS - 1], heaviest);
}


static void
plain(void)
{
    uint64_t     key, events[EVENTS];
    adm_heavy_t  h = { { 0 }, { 0 }, { 0 }, 0 };

    mix(events, EVENTS, 1);
    is_uint(tell(&h, events, &key), 1000, "a key alone has all");
    is_uint(key, 7, "  and is told");

    key = 5;
    mix(events, 0, 1);
    is_uint(tell(&h, events, &key), 0, "a crowd has no heavy key");

    mix(events, 201, 1);
    is_uint(tell(&h, events, &key), 201, "more than the share, before all");

    mix(events, 200, 1);
    is_uint(tell(&h, events, &key), 0, "the share itself is not too much");

    mix(events, 0, 200);
    is_uint(tell(&h, events, &key), 0, "five with a share each");

    mix(events, 0, 500);
    is_uint(tell(&h, events, &key), 500, "two with half each");
    ok(key == 1000 || key == 1001, "  one of them is told");

    mix(events, 400, 600);
    is_uint(tell(&h, events, &key), 600, "the heaviest of two");
    is_uint(key, 1000, "  is the one that is told");
}


/*
 * The worst for who looks for key 7: all counters are filled up evenly by
 * others, so that it begins at the highest count that there can be; and in
 * between it is pushed out, as often as a newcomer may.
 */

static void
orders(void)
{
    size_t       i, n;
    uint64_t     key, events[EVENTS];
    adm_heavy_t  h = { { 0 }, { 0 }, { 0 }, 0 };

    /* 737 events of sixteen others in turn, then the key's */

    for (i = 0; i < EVENTS; i++) {
        events[i] = (i < EVENTS - ADM_HEAVY_SURE) ? 1000 + i % ADM_HEAVY_KEYS
                                                  : 7;
    }

    key = 0;
    ok(tell(&h, events, &key) > ADM_HEAVY_SHARE, "the key behind all others");
    is_uint(key, 7, "  is told");

    for (i = 0; i < EVENTS; i++) {
        events[i] = (i < EVENTS - ADM_HEAVY_SHARE) ? 1000 + i % ADM_HEAVY_KEYS
                                                   : 7;
    }

    is_uint(tell(&h, events, &key), 0, "one with its share only is not");

    /* newcomers in turn with the key: it is never the least for long */

    for (i = 0, n = 0; i < EVENTS; i++) {
        events[i] = (i % 3 == 0 && n < ADM_HEAVY_SURE) ? 7 : 1000 + i;
        n += events[i] == 7;
    }

    key = 0;
    ok(tell(&h, events, &key) > ADM_HEAVY_SHARE, "the key among newcomers");
    is_uint(key, 7, "  is told");

    /* it has an event, and sixteen newcomers push it out */

    for (i = 0, n = 0; i < EVENTS; i++) {
        events[i] = (i % 17 == 0 || i >= EVENTS - 222) ? 7 : 1000 + i;
        n += events[i] == 7;
    }

    key = 0;
    is_uint(n, 268, "the key is pushed out again and again");
    ok(tell(&h, events, &key) > ADM_HEAVY_SHARE && key == 7, "  and is told");
}


/* what it says is true: against counting each key */

static void
truths(void)
{
    size_t       i;
    uint64_t     key, events[EVENTS];
    unsigned     run, n, got, true_of, lies, missed, close;
    adm_heavy_t  h = { { 0 }, { 0 }, { 0 }, 0 };

    seed = UINT64_C(88172645463325252);
    lies = 0;
    missed = 0;
    close = 0;

    for (run = 0; run < 2000; run++) {
        n = any() % 400;
        mix(events, n, 1 + any() % (run % 2 ? 100 : 4));
        shuffle(events);

        key = 0;
        got = tell(&h, events, &key);

        for (i = 0, true_of = 0; i < EVENTS; i++) {
            true_of += events[i] == key;
        }

        lies += got && (got > true_of || true_of <= ADM_HEAVY_SHARE);
        missed += n >= ADM_HEAVY_SURE && got == 0;
        close += n > 210 && n < ADM_HEAVY_SURE && got != 0;
    }

    is_uint(lies, 0, "no share is more than the key had");
    is_uint(missed, 0, "no key with so much is missed");
    ok(close > 200, "and hardly one that has less");
}


int
main(void)
{
    plain();
    orders();
    truths();

    return unit_done();
}
