
/*
 * Whether bytes are the same, told in the same time wherever they differ.
 */


#ifndef _ADM_SAME_H_INCLUDED_
#define _ADM_SAME_H_INCLUDED_


#include "adm.h"


/*
 * 1 if they are.  Nothing is learned of a secret by the time that it takes,
 * which depends on "len" alone: eight bytes at a time.
 */

static inline int
adm_same(const unsigned char *a, const unsigned char *b, size_t len)
{
    size_t    i;
    uint64_t  x, y, differ;

    differ = 0;

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        differ |= x ^ y;

        /* the compiler does not know what it is, and cannot stop early */

        __asm__ ("" : "+r" (differ));
    }

    for ( /* void */ ; i < len; i++) {
        differ |= (uint64_t) (a[i] ^ b[i]);
        __asm__ ("" : "+r" (differ));
    }

    return differ == 0;
}


#endif /* _ADM_SAME_H_INCLUDED_ */
