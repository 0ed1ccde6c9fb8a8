
/*
 * The ring of seconds: see the header.
 */


#include "adm_window.h"


#define ADM_WINDOW_COUNT   UINT64_C(0xffffffff)


#define adm_window_stamp(second)                                              \
    (((second) & ADM_WINDOW_COUNT) << 32)


void
adm_window_add(uint64_t ring[ADM_WINDOW], uint64_t second)
{
    uint64_t   seen, next, stamp, *word;

    word = &ring[second % ADM_WINDOW];
    stamp = adm_window_stamp(second);

    do {
        seen = adm_load(word);
        next = seen + 1;

        if ((seen & ~ADM_WINDOW_COUNT) != stamp) {
            next = stamp | 1;

        } else if ((seen & ADM_WINDOW_COUNT) == ADM_WINDOW_COUNT) {
            return;
        }

    } while (!adm_word_cas(word, seen, next));
}


uint64_t
adm_window_sum(const uint64_t ring[ADM_WINDOW], uint64_t second, unsigned n)
{
    uint64_t  sum, word;

    sum = 0;

    while (n-- > 0) {
        word = adm_load(&ring[--second % ADM_WINDOW]);

        if ((word & ~ADM_WINDOW_COUNT) == adm_window_stamp(second)) {
            sum += word & ADM_WINDOW_COUNT;
        }
    }

    return sum;
}
