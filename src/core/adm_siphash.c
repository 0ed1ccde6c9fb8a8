
/*
 * SipHash-2-4 after J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast
 * short-input PRF", 2012, sections 2.1 to 2.4.
 *
 * Clients choose the keys of our tables: under a hash that they can compute
 * they would make all of theirs fall into one bucket.  libcrypto has SipHash
 * too, but setting its context up anew for each key makes that two (64 bytes)
 * to five times (4 bytes) as dear; t/unit/core/adm_siphash.c measures both
 * and takes libcrypto's as the oracle of ours.
 *
 * Words are read byte by byte, so that the machine's byte order and alignment
 * do not matter; compilers make one load of it.
 */


#include "adm_siphash.h"


#define adm_siphash_rotl(x, n)                                               \
    (((x) << (n)) | ((x) >> (64 - (n))))


#define adm_siphash_round(v0, v1, v2, v3)                                    \
                                                                             \
    v0 += v1;                                                                \
    v2 += v3;                                                                \
    v1 = adm_siphash_rotl(v1, 13) ^ v0;                                      \
    v3 = adm_siphash_rotl(v3, 16) ^ v2;                                      \
    v0 = adm_siphash_rotl(v0, 32);                                           \
    v2 += v1;                                                                \
    v0 += v3;                                                                \
    v1 = adm_siphash_rotl(v1, 17) ^ v2;                                      \
    v3 = adm_siphash_rotl(v3, 21) ^ v0;                                      \
    v2 = adm_siphash_rotl(v2, 32)


static inline uint64_t adm_siphash_word(const unsigned char *p);
static inline uint64_t adm_siphash_tail(const unsigned char *p, size_t len);


uint64_t
adm_siphash(const unsigned char key[16], const unsigned char *p, size_t len)
{
    size_t    n;
    uint64_t  k0, k1, m, v0, v1, v2, v3;

    k0 = adm_siphash_word(key);
    k1 = adm_siphash_word(key + 8);

    v0 = k0 ^ 0x736f6d6570736575;
    v1 = k1 ^ 0x646f72616e646f6d;
    v2 = k0 ^ 0x6c7967656e657261;
    v3 = k1 ^ 0x7465646279746573;

    for (n = len; n >= 8; n -= 8, p += 8) {
        m = adm_siphash_word(p);

        v3 ^= m;
        adm_siphash_round(v0, v1, v2, v3);
        adm_siphash_round(v0, v1, v2, v3);
        v0 ^= m;
    }

    /* the last word ends with the length, modulo 256 */

    m = adm_siphash_tail(p, n) | (uint64_t) len << 56;

    v3 ^= m;
    adm_siphash_round(v0, v1, v2, v3);
    adm_siphash_round(v0, v1, v2, v3);
    v0 ^= m;

    v2 ^= 0xff;
    adm_siphash_round(v0, v1, v2, v3);
    adm_siphash_round(v0, v1, v2, v3);
    adm_siphash_round(v0, v1, v2, v3);
    adm_siphash_round(v0, v1, v2, v3);

    return v0 ^ v1 ^ v2 ^ v3;
}


static inline uint64_t
adm_siphash_word(const unsigned char *p)
{
    return (uint64_t) p[0] | (uint64_t) p[1] << 8
           | (uint64_t) p[2] << 16 | (uint64_t) p[3] << 24
           | (uint64_t) p[4] << 32 | (uint64_t) p[5] << 40
           | (uint64_t) p[6] << 48 | (uint64_t) p[7] << 56;
}


/* the 0 to 7 bytes that are left; a switch, as a loop would be mispredicted */

static inline uint64_t
adm_siphash_tail(const unsigned char *p, size_t len)
{
    uint64_t  m;

    m = 0;

    switch (len) {

    case 7:
        m |= (uint64_t) p[6] << 48;
        /* fall through */

    case 6:
        m |= (uint64_t) p[5] << 40;
        /* fall through */

    case 5:
        m |= (uint64_t) p[4] << 32;
        /* fall through */

    case 4:
        m |= (uint64_t) p[3] << 24;
        /* fall through */

    case 3:
        m |= (uint64_t) p[2] << 16;
        /* fall through */

    case 2:
        m |= (uint64_t) p[1] << 8;
        /* fall through */

    case 1:
        m |= (uint64_t) p[0];
    }

    return m;
}
