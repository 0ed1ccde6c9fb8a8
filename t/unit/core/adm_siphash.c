
/*
 * The story: every table of every worker finds its entries by this hash, and
 * in a fleet nodes with other processors find the same ones.  One rotation
 * mistyped would still spread keys well enough for all other tests to pass,
 * and would be a hash that nobody has ever analyzed.  So ours has to be
 * SipHash-2-4 bit for bit: the vector of the paper's appendix A, the first
 * ones of its authors' table, and libcrypto's for all lengths and offsets.
 *
 * With -DUNIT_BENCH (and -O2, without sanitizers) it also says what a hash
 * costs, beside libcrypto's two ways.
 */


#include <stdlib.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/params.h>

#include "unit.h"
#include "../../../src/core/adm_siphash.c"


static EVP_MAC  *mac;


static EVP_MAC_CTX *
oracle_context(const unsigned char key[16])
{
    size_t        size;
    OSSL_PARAM    params[2];
    EVP_MAC_CTX  *ctx;

    size = 8;
    params[0] = OSSL_PARAM_construct_size_t("size", &size);
    params[1] = OSSL_PARAM_construct_end();

    ctx = EVP_MAC_CTX_new(mac);

    if (ctx == NULL || EVP_MAC_init(ctx, key, 16, params) != 1) {
        printf("Bail out! no SIPHASH in libcrypto\n");
        exit(1);
    }

    return ctx;
}


static uint64_t
oracle_final(EVP_MAC_CTX *ctx, const unsigned char *p, size_t len)
{
    size_t         n;
    unsigned char  out[8];

    n = 0;

    if (EVP_MAC_update(ctx, p, len) != 1
        || EVP_MAC_final(ctx, out, &n, sizeof(out)) != 1 || n != 8)
    {
        printf("Bail out! SIPHASH of libcrypto fails\n");
        exit(1);
    }

    return adm_siphash_word(out);
}


static uint64_t
oracle(const unsigned char key[16], const unsigned char *p, size_t len)
{
    uint64_t      hash;
    EVP_MAC_CTX  *ctx;

    ctx = oracle_context(key);
    hash = oracle_final(ctx, p, len);
    EVP_MAC_CTX_free(ctx);

    return hash;
}


/* the key of the published vectors is 00 .. 0f, the message 00, 01, ... */

static void
published(void)
{
    size_t         i;
    unsigned char  bytes[64];

    static const struct {
        size_t    len;
        uint64_t  hash;
    } vectors[] = {
        { 0, 0x726fdb47dd0e0e31 },
        { 1, 0x74f839c593dc67fd },
        { 7, 0xab0200f58b01d137 },
        { 8, 0x93f5f5799a932462 },
        { 15, 0xa129ca6149be45e5 },     /* appendix A */
        { 16, 0x3f2acc7f57c29bdb },
        { 63, 0x958a324ceb064572 },
    };

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char) i;
    }

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        is_uint(adm_siphash(bytes, bytes, vectors[i].len), vectors[i].hash,
                "a published vector");
    }

    is_uint(adm_siphash(bytes, NULL, 0), vectors[0].hash, "no bytes at NULL");
}


static void
against_oracle(void)
{
    size_t         i, len, offset;
    unsigned       wrong;
    unsigned char  key[16], bytes[320];

    srand(20120918);
    wrong = 0;

    for (len = 0; len <= 300; len++) {

        for (offset = 0; offset < 9; offset++) {

            for (i = 0; i < sizeof(key); i++) {
                key[i] = (unsigned char) (rand() >> 7);
            }

            for (i = 0; i < sizeof(bytes); i++) {
                bytes[i] = (unsigned char) (rand() >> 7);
            }

            if (adm_siphash(key, bytes + offset, len)
                != oracle(key, bytes + offset, len))
            {
                wrong++;
            }
        }
    }

    is_uint(wrong, 0, "libcrypto's: lengths 0 to 300 at 9 offsets");
}


#ifdef UNIT_BENCH

#define BENCH_TIMES   2000000


static void
bench(size_t len)
{
    long           i;
    double         ns[3];
    clock_t        start;
    uint64_t       sum;
    EVP_MAC_CTX   *ctx, *dup;
    unsigned char  key[16] = "0123456789abcde", bytes[64] = "some client";

    sum = 0;
    ctx = oracle_context(key);

    /* each key depends on the hash before: latency, as a look-up has it */

    start = clock();

    for (i = 0; i < BENCH_TIMES; i++) {
        memcpy(bytes, &sum, sizeof(sum));
        sum += adm_siphash(key, bytes, len);
    }

    ns[0] = (double) (clock() - start);
    start = clock();

    for (i = 0; i < BENCH_TIMES; i++) {
        memcpy(bytes, &sum, sizeof(sum));
        (void) EVP_MAC_init(ctx, NULL, 0, NULL);
        sum += oracle_final(ctx, bytes, len);
    }

    ns[1] = (double) (clock() - start);
    (void) EVP_MAC_init(ctx, NULL, 0, NULL);
    start = clock();

    for (i = 0; i < BENCH_TIMES; i++) {
        memcpy(bytes, &sum, sizeof(sum));
        dup = EVP_MAC_CTX_dup(ctx);
        sum += oracle_final(dup, bytes, len);
        EVP_MAC_CTX_free(dup);
    }

    ns[2] = (double) (clock() - start);
    EVP_MAC_CTX_free(ctx);

    for (i = 0; i < 3; i++) {
        ns[i] *= 1e9 / (double) CLOCKS_PER_SEC / BENCH_TIMES;
    }

    printf("# %2u bytes: ours %.1f ns, libcrypto %.1f ns with the context set"
           " up anew, %.1f ns with a copy of it (%02x)\n", (unsigned) len,
           ns[0], ns[1], ns[2], (unsigned) (sum & 0xff));
}

#endif


int
main(void)
{
    mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);

    if (mac == NULL) {
        printf("Bail out! no SIPHASH in libcrypto\n");
        return 1;
    }

    published();
    against_oracle();

#ifdef UNIT_BENCH
    bench(4);
    bench(16);
    bench(64);
#endif

    EVP_MAC_free(mac);

    return unit_done();
}
