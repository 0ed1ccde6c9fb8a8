
/*
 * The story: a forger who learns how much of a signature was right finds the
 * rest byte by byte.  So all of it is always compared; here, that it is: one
 * bit of difference is seen wherever it is, in texts of every length.
 */


#include "unit.h"
#include "../../../src/core/adm_same.h"


int
main(void)
{
    size_t         len, i;
    unsigned       bit, missed, invented;
    unsigned char  a[64], b[64];

    for (i = 0; i < sizeof(a); i++) {
        a[i] = (unsigned char) (i * 37);
    }

    memcpy(b, a, sizeof(b));

    for (len = 0, missed = 0, invented = 0; len < sizeof(a); len++) {
        for (i = 0; i < sizeof(a); i++) {
            for (bit = 1; bit < 256; bit <<= 1) {
                b[i] ^= (unsigned char) bit;
                missed += i < len && adm_same(a, b, len);
                invented += i >= len && !adm_same(a, b, len);
                b[i] ^= (unsigned char) bit;
            }
        }
    }

    is_uint(missed, 0, "no difference is overlooked");
    is_uint(invented, 0, "and none is seen behind the end");

    b[0] ^= 0x10;
    b[8] ^= 0x10;
    ok(!adm_same(a, b, 16), "two that are alike do not make one good");

    return unit_done();
}
