
/*
 * Bytes as hexadecimal digits, four at a time.
 */


#ifndef _ADM_HEX_H_INCLUDED_
#define _ADM_HEX_H_INCLUDED_


#include "adm.h"


/*
 * Writes 2 * len digits of 0-9a-f, not terminated; "len" is a multiple of 4.
 * Bytes are in the order of a little-endian machine, as both that we build on
 * are.  Cost: a dozen steps for every four bytes.
 */

static inline void
adm_hex(unsigned char *to, const unsigned char *from, size_t len)
{
    size_t    i;
    uint32_t  four;
    uint64_t  x, letter;

    for (i = 0; i < len; i += 4) {
        memcpy(&four, from + i, 4);

        /* a byte of its own for every half, the upper half first */

        x = four;
        x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
        x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
        x = (x >> 4 | x << 8) & UINT64_C(0x0f0f0f0f0f0f0f0f);

        letter = ((x + UINT64_C(0x0606060606060606)) >> 4)
                 & UINT64_C(0x0101010101010101);

        x += UINT64_C(0x3030303030303030) + letter * ('a' - '0' - 10);

        memcpy(to + 2 * i, &x, 8);
    }
}


/*
 * Reads 2 * len digits, as adm_hex() writes them; 0: they are not written so.
 * "len" is a multiple of 4, and "to" is written in any case.  Cost: two dozen
 * steps for every four bytes.
 */

static inline int
adm_unhex(unsigned char *to, const unsigned char *from, size_t len)
{
    size_t    i;
    uint32_t  four;
    uint64_t  x, letter, back, wrong;

    wrong = 0;

    for (i = 0; i < len; i += 4) {
        memcpy(&x, from + 2 * i, 8);

        letter = x >> 6 & UINT64_C(0x0101010101010101);
        back = x;

        x = (x + letter * 9) & UINT64_C(0x0f0f0f0f0f0f0f0f);
        x = (x << 4 | x >> 8) & UINT64_C(0x00ff00ff00ff00ff);
        x = (x | x >> 8) & UINT64_C(0x0000ffff0000ffff);

        four = (uint32_t) (x | x >> 16);
        memcpy(to + i, &four, 4);

        /* what is no digit comes back as another */

        adm_hex((unsigned char *) &x, to + i, 4);
        wrong |= x ^ back;
    }

    return wrong == 0;
}


#endif /* _ADM_HEX_H_INCLUDED_ */
