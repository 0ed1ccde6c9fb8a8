
/*
 * Who is inside: see the header.
 *
 * A word of the wheel is the slot that it counts and the count.  A seat is 0
 * for nobody, 1 + slot % 62 while counted, 63 for ended.  Since a pass in use
 * has not expired, its slot is the present one or one of the 60 after it, and
 * is told by its remainder.
 */


#include "adm_wheel.h"


#define ADM_WHEEL_COUNT   UINT64_C(0xffffffff)
#define ADM_WHEEL_MODULUS 62
#define ADM_WHEEL_NOBODY   0
#define ADM_WHEEL_ENDED   63


#define adm_wheel_tag(slot)    ((slot) << 32)
#define adm_wheel_seat(slot)                                                  \
    (1 + (unsigned) ((slot) % ADM_WHEEL_MODULUS))


/* the slot of an expiry, within reach */

static uint64_t
adm_wheel_slot(const adm_wheel_t *w, uint64_t now, uint64_t expires)
{
    uint64_t  first, slot;

    first = now / w->unit;
    slot = expires / w->unit;

    if (slot < first) {
        return first;
    }

    return (slot - first < ADM_WHEEL_SLOTS) ? slot
                                            : first + ADM_WHEEL_SLOTS - 1;
}


/* the slot, present or to come, that a counted seat means */

static uint64_t
adm_wheel_meant(const adm_wheel_t *w, uint64_t now, unsigned seat)
{
    uint64_t  first, ahead;

    first = now / w->unit;
    ahead = seat - 1 + ADM_WHEEL_MODULUS - first % ADM_WHEEL_MODULUS;

    return first + ahead % ADM_WHEEL_MODULUS;
}


static void
adm_wheel_add(const adm_wheel_t *w, uint64_t slot)
{
    uint64_t   seen, next, *word;

    word = &w->words[slot % ADM_WHEEL_WORDS];

    do {
        seen = adm_load(word);
        next = seen + 1;

        if ((seen >> 32) > slot) {
            /* stopped for longer than the wheel turns: the pass is over */
            return;
        }

        if ((seen >> 32) != slot) {
            next = adm_wheel_tag(slot) | 1;
        }

    } while (!adm_word_cas(word, seen, next));
}


static void
adm_wheel_subtract(const adm_wheel_t *w, uint64_t slot)
{
    uint64_t   seen, *word;

    word = &w->words[slot % ADM_WHEEL_WORDS];

    do {
        seen = adm_load(word);

        if (((seen ^ adm_wheel_tag(slot)) >> 32)
            || (seen & ADM_WHEEL_COUNT) == 0)
        {
            return;
        }

    } while (!adm_word_cas(word, seen, seen - 1));
}


uint64_t
adm_wheel_count(const adm_wheel_t *w, uint64_t now)
{
    uint64_t  sum, word, first;
    unsigned  i;

    sum = 0;
    first = now / w->unit;

    for (i = 0; i < ADM_WHEEL_WORDS; i++) {
        word = __atomic_load_n(&w->words[i], __ATOMIC_SEQ_CST);

        if ((word >> 32) >= (first & ADM_WHEEL_COUNT)) {
            sum += word & ADM_WHEEL_COUNT;
        }
    }

    return sum;
}


/*
 * All add before they count: of those who take the last place at once, the
 * last to add sees every other.
 */

int
adm_wheel_take(const adm_wheel_t *w, uint64_t now, uint64_t expires,
    uint64_t max)
{
    uint64_t  slot;

    slot = adm_wheel_slot(w, now, expires);

    adm_wheel_add(w, slot);

    if (max == 0 || adm_wheel_count(w, now) <= max) {
        return 1;
    }

    adm_wheel_subtract(w, slot);

    return 0;
}


void
adm_wheel_drop(const adm_wheel_t *w, uint64_t now, uint64_t expires)
{
    adm_wheel_subtract(w, adm_wheel_slot(w, now, expires));
}


void
adm_wheel_sit(const adm_wheel_t *w, uint64_t now, uint64_t serial,
    uint64_t expires)
{
    uint64_t  slot;

    slot = adm_wheel_slot(w, now, expires);

    (void) adm_bits_swap(&w->seats, serial, ADM_WHEEL_NOBODY,
                         adm_wheel_seat(slot));
}


/*
 * Moves a pass from the slot of "seat" to a later one: the place to come is
 * taken before the one that is left is given back.  0 if the seat changed.
 */

static int
adm_wheel_move(const adm_wheel_t *w, uint64_t now, uint64_t serial,
    unsigned seat, uint64_t slot)
{
    adm_wheel_add(w, slot);

    if (!adm_bits_swap(&w->seats, serial, seat, adm_wheel_seat(slot))) {
        adm_wheel_subtract(w, slot);
        return 0;
    }

    adm_wheel_subtract(w, adm_wheel_meant(w, now, seat));

    return 1;
}


void
adm_wheel_renew(const adm_wheel_t *w, uint64_t now, uint64_t serial,
    uint64_t expires)
{
    uint64_t  slot;
    unsigned  seat;

    slot = adm_wheel_slot(w, now, expires);

    do {
        seat = adm_bits_get(&w->seats, serial);

        if (seat == ADM_WHEEL_NOBODY || seat == ADM_WHEEL_ENDED
            || adm_wheel_meant(w, now, seat) >= slot)
        {
            return;
        }

    } while (!adm_wheel_move(w, now, serial, seat, slot));
}


int
adm_wheel_end(const adm_wheel_t *w, uint64_t now, uint64_t serial)
{
    unsigned  seat;

    do {
        seat = adm_bits_get(&w->seats, serial);

        if (seat == ADM_WHEEL_NOBODY || seat == ADM_WHEEL_ENDED) {
            return 0;
        }

    } while (!adm_bits_swap(&w->seats, serial, seat, ADM_WHEEL_ENDED));

    adm_wheel_subtract(w, adm_wheel_meant(w, now, seat));

    return 1;
}


int
adm_wheel_ended(const adm_wheel_t *w, uint64_t serial)
{
    return adm_bits_get(&w->seats, serial) == ADM_WHEEL_ENDED;
}


int
adm_wheel_sits(const adm_wheel_t *w, uint64_t now, uint64_t serial,
    uint64_t expires)
{
    unsigned  seat;

    seat = adm_bits_get(&w->seats, serial);

    return seat == ADM_WHEEL_ENDED
           || (seat != ADM_WHEEL_NOBODY
               && adm_wheel_meant(w, now, seat)
                  >= adm_wheel_slot(w, now, expires));
}


/*
 * Puts "to" in place of whatever a seat is, unless that is ENDED.  A swap that
 * fails with the seat unchanged is of a serial that the ring has slid over.
 */

static int
adm_wheel_change(const adm_wheel_t *w, uint64_t serial, unsigned to)
{
    unsigned  seat;

    do {
        seat = adm_bits_get(&w->seats, serial);

        if (seat == ADM_WHEEL_ENDED) {
            return 0;
        }

        if (adm_bits_swap(&w->seats, serial, seat, to)) {
            return 1;
        }

    } while (adm_bits_get(&w->seats, serial) != seat);

    return 0;
}


int
adm_wheel_put(const adm_wheel_t *w, uint64_t now, uint64_t serial,
    uint64_t expires)
{
    return adm_wheel_change(w, serial,
                            adm_wheel_seat(adm_wheel_slot(w, now, expires)));
}


int
adm_wheel_bar(const adm_wheel_t *w, uint64_t serial)
{
    return adm_wheel_change(w, serial, ADM_WHEEL_ENDED);
}
