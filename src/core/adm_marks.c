
/*
 * Marks of a rising number: see the header.
 */


#include "adm_marks.h"


#define ADM_MARKS_SECOND   16
#define ADM_MARKS_TAG      UINT64_C(0xffff)


void
adm_marks_put(uint64_t ring[ADM_MARKS], uint64_t second, uint64_t number)
{
    __atomic_store_n(&ring[second % ADM_MARKS],
                     (number << ADM_MARKS_SECOND) | (second & ADM_MARKS_TAG),
                     __ATOMIC_RELEASE);
}


uint64_t
adm_marks_at(const uint64_t ring[ADM_MARKS], uint64_t second)
{
    uint64_t  word;

    word = adm_load(&ring[second % ADM_MARKS]);

    return ((word ^ second) & ADM_MARKS_TAG) ? 0 : word >> ADM_MARKS_SECOND;
}


uint64_t
adm_marks_when(const uint64_t ring[ADM_MARKS], uint64_t number,
    uint64_t first, uint64_t last)
{
    uint64_t  low, high, middle;

    low = first;
    high = last + 1;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (adm_marks_at(ring, middle) > number) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return low;
}
