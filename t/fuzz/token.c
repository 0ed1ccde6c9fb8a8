
/*
 * Fuzzes the reader of tokens, in two ways: as a stranger, who has no key,
 * and whose text is never taken; and as somebody who has, whose payload is
 * signed, and is taken only if it is written just as we write what it says.
 */


#include <stdio.h>
#include <stdlib.h>

#include "../../src/core/adm_literal.c"
#include "../../src/core/adm_token.c"


#define hold(cond)                                                           \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)


#define NOW  UINT64_C(1795309891)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static adm_token_key_t         key;
static const adm_token_key_t  *keys[] = { &key };

static const adm_str_t  room = { 4, (const unsigned char *) "drop" };


static void
stranger(const uint8_t *data, size_t size)
{
    adm_str_t    text = { size, data };
    adm_token_t  token;

    hold(adm_token_read(keys, 1, room, text, NOW, &token) != ADM_TOKEN_GOOD);
}


/* the header is ours, the rest is the stranger's */

static void
with_header(const uint8_t *data, size_t size)
{
    size_t         len;
    unsigned char  text[ADM_TOKEN_MAX];

    len = key.headers[ADM_TOKEN_PASS].len;
    size = (size > sizeof(text) - len) ? sizeof(text) - len : size;

    memcpy(text, key.headers[ADM_TOKEN_PASS].text, len);
    memcpy(text + len, data, size);

    stranger(text, len + size);
}


static void
signed_payload(const uint8_t *data, size_t size)
{
    size_t          len;
    adm_token_t     token;
    adm_token_rc_e  rc;
    unsigned char   text[ADM_TOKEN_MAX], again[ADM_TOKEN_MAX], *p;

    if (size > ADM_TOKEN_PAYLOAD) {
        return;
    }

    len = key.headers[ADM_TOKEN_TICKET].len;
    memcpy(text, key.headers[ADM_TOKEN_TICKET].text, len);

    p = adm_base64_write(text + len, data, size);
    (void) adm_token_sign(&key, ADM_TOKEN_TICKET, text + len,
                          (size_t) (p - text) - len, p + 1);
    *p = '.';

    len = (size_t) (p - text) + 1 + ADM_TOKEN_SIGNATURE;
    rc = adm_token_read(keys, 1, room, (adm_str_t) { len, text }, NOW, &token);

    hold(rc != ADM_TOKEN_FOREIGN && rc != ADM_TOKEN_FORGED);

    if (rc == ADM_TOKEN_GOOD) {
        hold(adm_token_write(&key, room, &token, again) == len);
        hold(memcmp(text, again, len) == 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const adm_str_t  id = { 1, (const unsigned char *) "k" };
    static const adm_str_t  secret = { 32, (const unsigned char *)
                                       "0123456789abcdef0123456789abcdef" };

    (void) adm_token_key_init(&key, id, secret);

    stranger(data, size);
    with_header(data, size);
    signed_payload(data, size);

    return 0;
}
