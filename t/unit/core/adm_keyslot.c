
/*
 * The story: a cluster's node answers for its own slots alone.  A slot that
 * is computed in another way sends every command to the wrong node, and every
 * one comes back as MOVED: all works, at half the speed, and a script whose
 * keys share a tag is refused.  So ours have to be the slots of Redis: those
 * below are what CLUSTER KEYSLOT of 7.0.15 says.
 */


#include "unit.h"
#include "../../../src/core/adm_keyslot.c"


static unsigned
slot(const char *p, size_t len)
{
    adm_str_t  key;

    key.len = len;
    key.data = (const unsigned char *) p;

    return adm_keyslot(key);
}


/* bit by bit, as the polynomial has it */

static unsigned
oracle(const unsigned char *p, size_t len)
{
    int       bit;
    unsigned  crc;

    crc = 0;

    while (len--) {
        crc ^= (unsigned) *p++ << 8;

        for (bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000) ? (crc << 1 ^ 0x1021) & 0xffff
                                 : crc << 1 & 0xffff;
        }
    }

    return crc;
}


static void
known(void)
{
    size_t  i;

    static const struct {
        const char  *key;
        unsigned     slot;
    } cases[] = {
        { "", 0 },
        { "foo", 12182 },
        { "bar", 5061 },
        { "123456789", 12739 },
        { "user1000", 3443 },
        { "{user1000}.following", 3443 },
        { "foo{bar}{zap}", 5061 },
        { "foo{{bar}}zap", 4015 },
        { "{bar", 4015 },
        { "foo{}{bar}", 8363 },
        { "foo{bar", 15278 },
        { "{}", 15257 },
        { "a}{b", 11640 },
        { "\xff\xfe\x80", 11813 },
        { "00112233445566778899aabbccddeeff", 13385 },
        { "adm:rate:{00112233445566778899aabbccddeeff}:name", 13385 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_uint(slot(cases[i].key, strlen(cases[i].key)), cases[i].slot,
                cases[i].key);
    }

    is_uint(slot(NULL, 0), 0, "no key at all");
    is_uint(adm_crc16((const unsigned char *) "123456789", 9), 0x31c3,
            "the check value of CRC-16/XMODEM");
}


static void
bytes(void)
{
    size_t         i, len, wrong;
    unsigned char  key[64];

    wrong = 0;

    for (i = 0; i < 256; i++) {
        key[0] = (unsigned char) i;
        wrong += adm_crc16(key, 1) != oracle(key, 1);
    }

    for (len = 0; len <= sizeof(key); len++) {

        for (i = 0; i < len; i++) {
            key[i] = (unsigned char) (i * 37 + len * 11);
        }

        wrong += adm_crc16(key, len) != oracle(key, len);
    }

    is_uint(wrong, 0, "every byte and every length as the polynomial has it");
}


/* what stands behind the end is not looked at */

static void
ends(void)
{
    is_uint(slot("foo{bar}", 7), slot("foo{bar", 7), "no } within the key");
    is_uint(slot("ab{bar}", 2), slot("ab", 2), "no { within the key");
    is_uint(slot("a\0{bar}z", 8), slot("bar", 3), "a zero is a byte");
}


int
main(void)
{
    known();
    bytes();
    ends();

    return unit_done();
}
