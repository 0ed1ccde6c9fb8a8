
/*
 * The story: the correlation id on a refused customer's page is looked for in
 * the log, and one wrong digit makes it somebody else's.  Each byte is held
 * against printf, in each of its four places.
 */


#include "unit.h"
#include "../../../src/core/adm_hex.h"


int
main(void)
{
    char           plain[9];
    unsigned       i, place, wrong;
    unsigned char  from[8] = { 0 }, to[20];

    for (i = 0, wrong = 0; i < 256; i++) {
        for (place = 0; place < 4; place++) {
            memset(from, (int) (255 - i), 4);
            from[place] = (unsigned char) i;

            snprintf(plain, sizeof(plain), "%02x%02x%02x%02x",
                     from[0], from[1], from[2], from[3]);

            adm_hex(to, from, 4);
            wrong += memcmp(to, plain, 8) != 0;
        }
    }

    is_uint(wrong, 0, "every byte in every place");

    memset(to, '#', sizeof(to));
    adm_hex(to, (const unsigned char *) "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
    is_mem((char *) to, 20, "0123456789abcdef####", 20, "and no byte more");

    return unit_done();
}
