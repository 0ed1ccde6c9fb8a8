
/*
 * Small values by dense numbers: see the header.
 */


#include "adm_bits.h"


#define ADM_BITS_MASK   ((UINT64_C(1) << ADM_BITS_DATA) - 1)


/* where a number is: its word, the lap that word must be of, its bits */

typedef struct {
    uint64_t  *word;
    uint64_t   lap;            /* in its place in the word */
    unsigned   shift;
} adm_bits_place_t;


static adm_bits_place_t
adm_bits_place(const adm_bits_t *b, uint64_t number)
{
    uint64_t          i;
    adm_bits_place_t  p;

    i = number / adm_bits_per(b);

    p.word = &b->words[i % b->n];
    p.lap = (i / b->n) << ADM_BITS_DATA;
    p.shift = (unsigned) (number % adm_bits_per(b)) * b->width;

    return p;
}


/* compares laps as serial numbers: up to half way round is later */

static int
adm_bits_later(uint64_t word, uint64_t lap)
{
    uint64_t  ahead;

    ahead = (word - lap) >> ADM_BITS_DATA;

    return ahead != 0 && ahead < 128;
}


/* the values of a word as seen from a lap */

static uint64_t
adm_bits_data(uint64_t word, uint64_t lap)
{
    return ((word ^ lap) >> ADM_BITS_DATA) ? 0 : word & ADM_BITS_MASK;
}


unsigned
adm_bits_get(const adm_bits_t *b, uint64_t number)
{
    uint64_t          data;
    adm_bits_place_t  p;

    p = adm_bits_place(b, number);
    data = adm_bits_data(adm_load(p.word), p.lap);

    return (unsigned) (data >> p.shift) & ((1U << b->width) - 1);
}


int
adm_bits_swap(const adm_bits_t *b, uint64_t number, unsigned from,
    unsigned to)
{
    uint64_t          seen, data, mask;
    adm_bits_place_t  p;

    p = adm_bits_place(b, number);
    mask = (UINT64_C(1) << b->width) - 1;

    do {
        seen = adm_load(p.word);

        if (adm_bits_later(seen & ~ADM_BITS_MASK, p.lap)) {
            return 0;
        }

        data = adm_bits_data(seen, p.lap);

        if (((data >> p.shift) & mask) != from) {
            return 0;
        }

        data ^= (uint64_t) (from ^ to) << p.shift;

    } while (!adm_word_cas(p.word, seen, p.lap | data));

    return 1;
}


/* the bits of the word of "from" that lie in [from, to); *next is behind it */

static uint64_t
adm_bits_part(const adm_bits_t *b, uint64_t from, uint64_t to, uint64_t *next)
{
    uint64_t          data, end;
    adm_bits_place_t  p;

    p = adm_bits_place(b, from);
    end = from - p.shift + ADM_BITS_DATA;

    data = adm_bits_data(adm_load(p.word), p.lap) >> p.shift << p.shift;

    if (end > to) {
        data &= (UINT64_C(1) << (ADM_BITS_DATA - (end - to))) - 1;
        end = to;
    }

    *next = end;

    return data;
}


/* set bits of a word: no call, as libgcc's would be */

static uint64_t
adm_bits_sum(uint64_t x)
{
    x -= (x >> 1) & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333))
        + ((x >> 2) & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);

    return (x * UINT64_C(0x0101010101010101)) >> 56;
}


/* bits of "n" whole words from the word of "from" on, which begins there */

static uint64_t
adm_bits_whole(const adm_bits_t *b, uint64_t from, uint64_t n)
{
    uint64_t          sum;
    adm_bits_place_t  p;

    sum = 0;
    p = adm_bits_place(b, from);

    while (n-- > 0) {
        sum += adm_bits_sum(adm_bits_data(adm_load(p.word), p.lap));

        if (++p.word == b->words + b->n) {
            p.word = b->words;
            p.lap += UINT64_C(1) << ADM_BITS_DATA;
        }
    }

    return sum;
}


uint64_t
adm_bits_count(const adm_bits_t *b, uint64_t from, uint64_t to)
{
    uint64_t  sum, whole;

    sum = 0;

    if (from < to && from % ADM_BITS_DATA) {
        sum = adm_bits_sum(adm_bits_part(b, from, to, &from));
    }

    whole = (from < to) ? (to - from) / ADM_BITS_DATA : 0;
    sum += adm_bits_whole(b, from, whole);
    from += whole * ADM_BITS_DATA;

    if (from < to) {
        sum += adm_bits_sum(adm_bits_part(b, from, to, &from));
    }

    return sum;
}


/* starts a word of an earlier lap anew, without any value */

static void
adm_bits_renew(const adm_bits_t *b, uint64_t number)
{
    uint64_t          seen;
    adm_bits_place_t  p;

    p = adm_bits_place(b, number);
    seen = adm_load(p.word);

    if (((seen ^ p.lap) >> ADM_BITS_DATA)
        && !adm_bits_later(seen & ~ADM_BITS_MASK, p.lap))
    {
        (void) adm_word_cas(p.word, seen, p.lap);
    }
}


/* the place of the n-th bit of a word, which has at least so many */

static unsigned
adm_bits_nth(uint64_t data, uint64_t n)
{
    while (--n > 0) {
        data &= data - 1;
    }

    return (unsigned) __builtin_ctzll(data);
}


uint64_t
adm_bits_find(const adm_bits_t *b, uint64_t from, uint64_t to, uint64_t *n)
{
    uint64_t  data, start, next, found, met, behind;

    behind = from;
    met = 0;

    while (from < to && met < *n) {
        adm_bits_renew(b, from);

        start = from - from % ADM_BITS_DATA;
        data = adm_bits_part(b, from, to, &next);
        found = adm_bits_sum(data);

        if (found > *n - met) {
            found = *n - met;
        }

        if (found > 0) {
            behind = start + adm_bits_nth(data, found) + 1;
        }

        met += found;
        from = next;
    }

    *n = met;

    return behind;
}


uint64_t
adm_bits_word(const adm_bits_t *b, uint64_t number)
{
    adm_bits_place_t  p;

    p = adm_bits_place(b, number);

    return adm_bits_data(adm_load(p.word), p.lap);
}


void
adm_bits_set(const adm_bits_t *b, uint64_t number, uint64_t bits)
{
    uint64_t          seen;
    adm_bits_place_t  p;

    p = adm_bits_place(b, number);
    bits &= ADM_BITS_MASK;

    do {
        seen = adm_load(p.word);

        if (adm_bits_later(seen & ~ADM_BITS_MASK, p.lap)) {
            return;
        }

    } while (!adm_word_cas(p.word, seen,
                           p.lap | adm_bits_data(seen, p.lap) | bits));
}
