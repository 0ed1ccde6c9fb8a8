
/*
 * The story: the correlation id on a refused customer's page is looked for in
 * the log, and one wrong digit makes it somebody else's.  Each byte is held
 * against printf, in each of its four places, and what is read is what would
 * be written so.
 */


#include "unit.h"
#include "../../../src/core/adm_hex.h"


/* how often a character is taken for a digit that it is not, or not for one */

static unsigned
misread(void)
{
    unsigned       c, place, other, wrong;
    unsigned char  text[8], back[8], bytes[4];

    for (c = 0, wrong = 0; c < 256; c++) {
        for (place = 0; place < 8; place++) {
            for (other = 0; other < 4; other++) {
                memset(text, "0f9a"[other], 8);
                text[place] = (unsigned char) c;

                if (!adm_unhex(bytes, text, 4)) {
                    wrong += c && strchr("0123456789abcdef", (int) c) != NULL;
                    continue;
                }

                adm_hex(back, bytes, 4);
                wrong += memcmp(back, text, 8) != 0;
            }
        }
    }

    return wrong;
}


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

    is_uint(misread(), 0, "of every character in every place the digits are "
            "read, and no other");

    memset(from, '#', sizeof(from));
    ok(adm_unhex(from, to, 4), "what was written");
    is_mem((char *) from, 8, "\x01\x23\x45\x67####", 8, "is what is read");
    ok(!adm_unhex(from, to + 12, 4), "not when the last ones are no digits");
    to[0] = 'F';
    ok(!adm_unhex(from, to, 8), "nor when the first one is none");

    return unit_done();
}
