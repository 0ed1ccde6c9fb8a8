
/*
 * The story: a ring of bits that slides over numbers has to forget the old
 * ones, and a process that was stopped for a minute comes back with an old
 * number in its hand.  If its bit lands in a number of today, somebody's
 * ticket is taken for used.  So the ring is held against a plain list over
 * many laps, with latecomers, and processes set bits at once.
 */


#define _GNU_SOURCE

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"
#include "../../../src/core/adm_bits.c"


#define WORDS      4
#define LAST       20000
#define FIRST      (64 * 56 * 3 - 1000)
#define PROCESSES  4
#define NUMBERS    1000000


static unsigned char  plain[LAST];


static void
values(unsigned width)
{
    unsigned    i, wrong, low, span, n;
    uint64_t    words[WORDS] = { 0 };
    adm_bits_t  b = { words, WORDS, width };

    memset(plain, 0, sizeof(plain));
    srand(width);
    span = (unsigned) adm_bits_span(&b);
    wrong = 0;

    /* numbers below "low" may have been slid over: of them nothing is sure */

    for (low = 0; low + span < LAST; low += 1 + (unsigned) rand() % 7) {

        for (i = 0; i < 5; i++) {
            n = low + (unsigned) rand() % (span - (unsigned) adm_bits_per(&b));

            if (rand() % 2) {
                plain[n] += adm_bits_swap(&b, n, plain[n], plain[n] ^ 1)
                            ? (plain[n] ^ 1) - plain[n] : 100;
            }

            wrong += adm_bits_get(&b, n) != plain[n];
            wrong += adm_bits_swap(&b, n, plain[n] ^ 1, 0);
        }
    }

    is_uint(wrong, 0, "values are those of a plain list");
}


static void
latecomers(void)
{
    uint64_t    words[WORDS] = { 0 };
    adm_bits_t  b = { words, WORDS, 1 };
    uint64_t    span = adm_bits_span(&b), lap, wrong;

    wrong = 0;

    /* all 256 laps, and once more from the first */

    for (lap = 0; lap < 300; lap++) {
        wrong += !adm_bits_swap(&b, lap * span + 5, 0, 1);
        wrong += adm_bits_get(&b, lap * span + 6);

        if (lap > 0) {
            wrong += adm_bits_swap(&b, (lap - 1) * span + 6, 0, 1);
            wrong += adm_bits_get(&b, (lap - 1) * span + 5);
        }
    }

    is_uint(wrong, 0, "an old number neither changes a new one nor reads it");
}


/* over the end of a lap, too */

static void
counting(void)
{
    uint64_t    words[64] = { 0 }, from, to, i, n, asked, met, end, wrong;
    adm_bits_t  b = { words, 64, 1 };

    srand(3);
    wrong = 0;
    memset(plain, 0, sizeof(plain));

    for (i = 0; i < 500; i++) {
        n = FIRST + (uint64_t) rand() % 2000;
        plain[n] = 1;
        (void) adm_bits_swap(&b, n, 0, 1);
    }

    for (i = 0; i < 3000; i++) {
        from = FIRST + (uint64_t) rand() % 2000;
        to = from + (uint64_t) rand() % (FIRST + 2001 - from);
        asked = (uint64_t) rand() % 60;
        met = 0;
        end = from;

        for (n = from; n < to && met < asked; n++) {
            if (plain[n]) {
                met++;
                end = n + 1;
            }
        }

        n = asked;
        wrong += adm_bits_find(&b, from, to, &n) != end || n != met;

        for (met = 0, n = from; n < to; n++) {
            met += plain[n];
        }

        wrong += adm_bits_count(&b, from, to) != met;
    }

    is_uint(wrong, 0, "counts and walks are those of a plain list");

    n = 1;
    (void) adm_bits_find(&b, 64 * 56 * 5, 64 * 56 * 5 + 56, &n);
    ok(n == 0 && words[0] >> 56 == 5, "a walk starts words of old laps anew");
}


static void
together(void)
{
    int         i;
    uint64_t    n, mine, all, *words, *won;
    adm_bits_t  b;

    words = mmap(NULL, 1 << 20, PROT_READ|PROT_WRITE,
                 MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    won = words + 100000;
    b.words = words;
    b.n = 100000;
    b.width = 1;

    for (i = 0; i < PROCESSES; i++) {
        if (fork() == 0) {

            /* all begin together: else the first is done before the last */

            (void) __atomic_add_fetch(&won[8], 1, __ATOMIC_SEQ_CST);
            while (adm_load(&won[8]) < PROCESSES) { /* spin */ }

            for (mine = 0, n = 0; n < NUMBERS; n++) {
                mine += (uint64_t) adm_bits_swap(&b, n, 0, 1);
            }

            won[i] = mine;
            _exit(0);
        }
    }

    while (wait(NULL) > 0) { /* all of them */ }

    for (all = 0, i = 0; i < PROCESSES; i++) {
        all += won[i];
    }

    is_uint(all, NUMBERS, "each bit is set by one of the processes");
    is_uint(adm_bits_count(&b, 0, NUMBERS), NUMBERS, "and all are set");
}


/* a word as a whole, and one that the ring has slid over */

static void
whole(void)
{
    uint64_t    words[WORDS] = { 0 };
    adm_bits_t  b = { words, WORDS, 1 };

    (void) adm_bits_swap(&b, 57, 0, 1);
    (void) adm_bits_swap(&b, 111, 0, 1);
    ok(adm_bits_word(&b, 80) == (UINT64_C(1) << 55 | 2),
       "a word is its bits, from the lowest number on");

    adm_bits_set(&b, 60, UINT64_MAX << 56 | 5);
    ok(adm_bits_word(&b, 56) == (UINT64_C(1) << 55 | 7),
       "bits are added, and the lap is not touched");

    adm_bits_set(&b, 57 + 4 * 56, 8);
    ok(adm_bits_word(&b, 57 + 4 * 56) == 8, "the next lap begins anew");
    adm_bits_set(&b, 57, 1);
    ok(adm_bits_word(&b, 57) == 0 && adm_bits_word(&b, 57 + 4 * 56) == 8,
       "and a late one changes nothing");
}


int
main(void)
{
    whole();
    values(1);
    values(2);
    values(6);
    values(8);
    latecomers();
    counting();
    together();

    return unit_done();
}
