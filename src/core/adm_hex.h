
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


#endif /* _ADM_HEX_H_INCLUDED_ */
