
/*
 * Tokens: see the header.
 */


/*
 * The plain functions of SHA-256: a context that has read a pad can be copied
 * like any structure, where EVP allocates one for each token.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include "adm_token.h"
#include "adm_hex.h"
#include "adm_literal.h"
#include "adm_same.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>


#define ADM_TOKEN_BLOCK       64
#define ADM_TOKEN_HASH        32
#define ADM_TOKEN_SIGNATURE   43     /* ADM_TOKEN_HASH bytes in base64url */
#define ADM_TOKEN_NUMBERS     (UINT64_C(1) << 53)
#define ADM_TOKEN_DIGITS      16     /* of the largest number */

#define ADM_TOKEN_HEADER                                                      \
    sizeof("{'alg':'HS256','typ':'adm-ticket+jwt','kid':''}" )                \
    + ADM_TOKEN_KEY_MAX

#define ADM_TOKEN_PAYLOAD     512

#define adm_base64_size(n)    (((n) * 4 + 2) / 3)


typedef struct {
    size_t         len;
    unsigned char  text[adm_base64_size(ADM_TOKEN_HEADER) + 1];
} adm_token_header_t;


/* "inner" has read the key's pad and the header */

struct adm_token_key_s {
    SHA256_CTX          inner[ADM_TOKEN_TYPES];
    SHA256_CTX          outer;
    adm_token_header_t  headers[ADM_TOKEN_TYPES];   /* with the dot behind */
};


/* a payload being written, or read; "p" is NULL once it is not as we write */

typedef struct {
    unsigned char       *p;
    const unsigned char *last;
} adm_token_pen_t;


static const char  *adm_token_types[ADM_TOKEN_TYPES] = {
    "adm-pre+jwt", "adm-ticket+jwt", "adm-pass+jwt"
};


static const char  adm_base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


static unsigned char *
adm_base64_write(unsigned char *to, const unsigned char *from, size_t len)
{
    size_t    i;
    uint32_t  bits;

    for (i = 0; i + 2 < len; i += 3) {
        bits = (uint32_t) from[i] << 16 | (uint32_t) from[i + 1] << 8
               | from[i + 2];

        *to++ = (unsigned char) adm_base64[bits >> 18];
        *to++ = (unsigned char) adm_base64[bits >> 12 & 63];
        *to++ = (unsigned char) adm_base64[bits >> 6 & 63];
        *to++ = (unsigned char) adm_base64[bits & 63];
    }

    if (i == len) {
        return to;
    }

    bits = (uint32_t) from[i] << 16;
    bits |= (i + 1 < len) ? (uint32_t) from[i + 1] << 8 : 0;

    *to++ = (unsigned char) adm_base64[bits >> 18];
    *to++ = (unsigned char) adm_base64[bits >> 12 & 63];

    if (i + 1 < len) {
        *to++ = (unsigned char) adm_base64[bits >> 6 & 63];
    }

    return to;
}


/* a digit's value, with this bit set; 0: no digit */

#define ADM_BASE64_DIGIT      64

/* these bits of four digits, where the digits are put together */

#define ADM_BASE64_DIGITS                                                     \
    (ADM_BASE64_DIGIT << 18 ^ ADM_BASE64_DIGIT << 12                          \
     ^ ADM_BASE64_DIGIT << 6 ^ ADM_BASE64_DIGIT)

static const unsigned char  adm_base64_digits[256] = {
    ['A'] = 64, ['B'] = 65, ['C'] = 66, ['D'] = 67, ['E'] = 68, ['F'] = 69,
    ['G'] = 70, ['H'] = 71, ['I'] = 72, ['J'] = 73, ['K'] = 74, ['L'] = 75,
    ['M'] = 76, ['N'] = 77, ['O'] = 78, ['P'] = 79, ['Q'] = 80, ['R'] = 81,
    ['S'] = 82, ['T'] = 83, ['U'] = 84, ['V'] = 85, ['W'] = 86, ['X'] = 87,
    ['Y'] = 88, ['Z'] = 89, ['a'] = 90, ['b'] = 91, ['c'] = 92, ['d'] = 93,
    ['e'] = 94, ['f'] = 95, ['g'] = 96, ['h'] = 97, ['i'] = 98, ['j'] = 99,
    ['k'] = 100, ['l'] = 101, ['m'] = 102, ['n'] = 103, ['o'] = 104,
    ['p'] = 105, ['q'] = 106, ['r'] = 107, ['s'] = 108, ['t'] = 109,
    ['u'] = 110, ['v'] = 111, ['w'] = 112, ['x'] = 113, ['y'] = 114,
    ['z'] = 115, ['0'] = 116, ['1'] = 117, ['2'] = 118, ['3'] = 119,
    ['4'] = 120, ['5'] = 121, ['6'] = 122, ['7'] = 123, ['8'] = 124,
    ['9'] = 125, ['-'] = 126, ['_'] = 127
};


/* the end of what was read, NULL if it is not base64url */

static unsigned char *
adm_base64_read(unsigned char *to, const unsigned char *from, size_t len)
{
    size_t    i;
    uint32_t  bits, a, b, c, d, all;

    all = ADM_BASE64_DIGIT;

    for (i = 0; i + 3 < len; i += 4) {
        a = adm_base64_digits[from[i]];
        b = adm_base64_digits[from[i + 1]];
        c = adm_base64_digits[from[i + 2]];
        d = adm_base64_digits[from[i + 3]];

        all &= a & b & c & d;
        bits = (a << 18 ^ b << 12 ^ c << 6 ^ d) ^ ADM_BASE64_DIGITS;

        *to++ = (unsigned char) (bits >> 16);
        *to++ = (unsigned char) (bits >> 8);
        *to++ = (unsigned char) bits;
    }

    bits = 0;

    for ( /* void */ ; i < len; i++) {
        a = adm_base64_digits[from[i]];
        all &= a;
        bits = bits << 6 | (a ^ ADM_BASE64_DIGIT);

        if (i % 4) {
            *to++ = (unsigned char) (bits >> (6 - 2 * (i % 4)));
        }
    }

    return all ? to : NULL;
}


static void
adm_token_put(adm_token_pen_t *pen, const void *text, size_t len)
{
    memcpy(pen->p, text, len);
    pen->p += len;
}


#define adm_token_put_literal(pen, s)  adm_token_put(pen, s, sizeof(s) - 1)


static void
adm_token_put_number(adm_token_pen_t *pen, uint64_t n)
{
    unsigned char  digits[20], *p;

    p = digits + sizeof(digits);

    do {
        *--p = (unsigned char) ('0' + n % 10);
        n /= 10;
    } while (n);

    adm_token_put(pen, p, (size_t) (digits + sizeof(digits) - p));
}


static void
adm_token_put_id(adm_token_pen_t *pen, uint64_t id)
{
    adm_hex(pen->p, (unsigned char *) &id, sizeof(id));
    pen->p += 2 * sizeof(id);
}


/* inlined, a comparison of few bytes is no call */

static inline void
adm_token_get(adm_token_pen_t *pen, const void *text, size_t len)
{
    if (pen->p == NULL || (size_t) (pen->last - pen->p) < len
        || memcmp(pen->p, text, len) != 0)
    {
        pen->p = NULL;
        return;
    }

    pen->p += len;
}


#define adm_token_get_literal(pen, s)  adm_token_get(pen, s, sizeof(s) - 1)


static uint64_t
adm_token_get_number(adm_token_pen_t *pen)
{
    uint64_t              n;
    unsigned              digit;
    unsigned char        *p;
    const unsigned char  *last;

    if (pen->p == NULL) {
        return 0;
    }

    p = pen->p;
    last = (pen->last - p > ADM_TOKEN_DIGITS) ? p + ADM_TOKEN_DIGITS
                                              : pen->last;
    n = 0;

    while (p < last && (digit = (unsigned) *p - '0') < 10) {
        n = n * 10 + digit;
        p++;
    }

    if (p == pen->p || n >= ADM_TOKEN_NUMBERS
        || (*pen->p == '0' && p - pen->p > 1))
    {
        p = NULL;
    }

    pen->p = p;

    return n;
}


static uint64_t
adm_token_get_id(adm_token_pen_t *pen)
{
    uint64_t  id;

    id = 0;

    if (pen->p == NULL) {
        return 0;
    }

    if ((size_t) (pen->last - pen->p) < 2 * sizeof(id)
        || !adm_unhex((unsigned char *) &id, pen->p, sizeof(id)))
    {
        pen->p = NULL;
        return 0;
    }

    pen->p += 2 * sizeof(id);

    return id;
}


size_t
adm_token_key_size(void)
{
    return sizeof(adm_token_key_t);
}


static void
adm_token_header_init(adm_token_header_t *header, const char *type,
    adm_str_t id)
{
    unsigned char    text[ADM_TOKEN_HEADER], *last;
    adm_token_pen_t  pen;

    pen.p = text;

    adm_token_put_literal(&pen, "{\"alg\":\"HS256\",\"typ\":\"");
    adm_token_put(&pen, type, strlen(type));
    adm_token_put_literal(&pen, "\",\"kid\":\"");
    adm_token_put(&pen, id.data, id.len);
    adm_token_put_literal(&pen, "\"}");

    last = adm_base64_write(header->text, text, (size_t) (pen.p - text));
    *last++ = '.';

    header->len = (size_t) (last - header->text);
}


/* RFC 2104: SHA-256 that has read the key, xored with the pad */

static int
adm_token_pad(SHA256_CTX *ctx, const unsigned char block[ADM_TOKEN_BLOCK],
    unsigned char pad)
{
    int            rc;
    unsigned       i;
    unsigned char  text[ADM_TOKEN_BLOCK];

    for (i = 0; i < ADM_TOKEN_BLOCK; i++) {
        text[i] = block[i] ^ pad;
    }

    rc = SHA256_Init(ctx) && SHA256_Update(ctx, text, sizeof(text));

    OPENSSL_cleanse(text, sizeof(text));

    return rc ? ADM_OK : ADM_ERROR;
}


int
adm_token_key_init(adm_token_key_t *key, adm_str_t id, adm_str_t secret)
{
    int            rc;
    unsigned       i;
    SHA256_CTX     inner;
    unsigned char  block[ADM_TOKEN_BLOCK] = { 0 };

    if (!adm_word_valid(id, ADM_TOKEN_KEY_MAX, "_.-")
        || secret.len < ADM_TOKEN_SECRET)
    {
        return ADM_ERROR;
    }

    if (secret.len <= ADM_TOKEN_BLOCK) {
        memcpy(block, secret.data, secret.len);

    } else if (SHA256(secret.data, secret.len, block) == NULL) {
        return ADM_ERROR;
    }

    rc = (adm_token_pad(&inner, block, 0x36) == ADM_OK
          && adm_token_pad(&key->outer, block, 0x5c) == ADM_OK);

    for (i = 0; i < ADM_TOKEN_TYPES && rc; i++) {
        adm_token_header_init(&key->headers[i], adm_token_types[i], id);

        key->inner[i] = inner;
        rc = SHA256_Update(&key->inner[i], key->headers[i].text,
                           key->headers[i].len);
    }

    OPENSSL_cleanse(block, sizeof(block));
    OPENSSL_cleanse(&inner, sizeof(inner));

    return rc ? ADM_OK : ADM_ERROR;
}


int
adm_token_bind(adm_str_t value, unsigned char bound[ADM_TOKEN_BOUND])
{
    unsigned char  hash[ADM_TOKEN_HASH];

    if (SHA256(value.data, value.len, hash) == NULL) {
        return ADM_ERROR;
    }

    memcpy(bound, hash, ADM_TOKEN_BOUND);

    return ADM_OK;
}


/*
 * The signature of a token of this type, as it stands there, over the header
 * and the payload that is given; ADM_ERROR if libcrypto fails.
 */

static int
adm_token_sign(const adm_token_key_t *key, adm_token_type_e type,
    const unsigned char *payload, size_t len,
    unsigned char signature[ADM_TOKEN_SIGNATURE])
{
    SHA256_CTX     ctx;
    unsigned char  hash[ADM_TOKEN_HASH];

    ctx = key->inner[type];

    if (!SHA256_Update(&ctx, payload, len) || !SHA256_Final(hash, &ctx)) {
        return ADM_ERROR;
    }

    ctx = key->outer;

    if (!SHA256_Update(&ctx, hash, sizeof(hash)) || !SHA256_Final(hash, &ctx))
    {
        return ADM_ERROR;
    }

    (void) adm_base64_write(signature, hash, sizeof(hash));

    return ADM_OK;
}


static size_t
adm_token_payload(adm_str_t room, const adm_token_t *token,
    unsigned char payload[ADM_TOKEN_PAYLOAD])
{
    adm_token_pen_t  pen;

    pen.p = payload;

    adm_token_put_literal(&pen, "{\"iss\":\"admission\",\"aud\":\"");
    adm_token_put(&pen, room.data, room.len);
    adm_token_put_literal(&pen, "\",\"sub\":\"");
    adm_token_put_number(&pen, token->ticket);
    adm_token_put_literal(&pen, "\",\"iat\":");
    adm_token_put_number(&pen, token->issued);
    adm_token_put_literal(&pen, ",\"exp\":");
    adm_token_put_number(&pen, token->expires);
    adm_token_put_literal(&pen, ",\"joined\":");
    adm_token_put_number(&pen, token->joined);
    adm_token_put_literal(&pen, ",\"wait\":");
    adm_token_put_number(&pen, token->wait);
    adm_token_put_literal(&pen, ",\"jti\":\"");
    adm_token_put_id(&pen, token->id);

    if (token->is_bound) {
        adm_token_put_literal(&pen, "\",\"bnd\":\"");
        adm_hex(pen.p, token->bound, ADM_TOKEN_BOUND);
        pen.p += 2 * ADM_TOKEN_BOUND;
    }

    adm_token_put_literal(&pen, "\"}");

    return (size_t) (pen.p - payload);
}


size_t
adm_token_write(const adm_token_key_t *key, adm_str_t room,
    const adm_token_t *token, unsigned char text[ADM_TOKEN_MAX])
{
    size_t                     len;
    unsigned char              payload[ADM_TOKEN_PAYLOAD], *p;
    const adm_token_header_t  *header;

    header = &key->headers[token->type];
    len = adm_token_payload(room, token, payload);

    memcpy(text, header->text, header->len);
    p = adm_base64_write(text + header->len, payload, len);

    if (adm_token_sign(key, token->type, text + header->len,
                       (size_t) (p - text) - header->len, p + 1)
        != ADM_OK)
    {
        return 0;
    }

    *p = '.';

    return (size_t) (p - text) + 1 + ADM_TOKEN_SIGNATURE;
}


/* whose header it is: the key, and the type; NULL: nobody's */

static const adm_token_key_t *
adm_token_find(const adm_token_key_t *const *keys, size_t n, adm_str_t text,
    adm_token_type_e *type)
{
    size_t                     i;
    unsigned                   j;
    const adm_token_header_t  *header;

    for (i = 0; i < n; i++) {
        for (j = 0; j < ADM_TOKEN_TYPES; j++) {
            header = &keys[i]->headers[j];

            if (text.len > header->len
                && memcmp(text.data, header->text, header->len) == 0)
            {
                *type = (adm_token_type_e) j;
                return keys[i];
            }
        }
    }

    return NULL;
}


static void
adm_token_get_bound(adm_token_pen_t *pen, adm_token_t *token)
{
    uint64_t  half;

    token->is_bound = (pen->p && pen->last - pen->p > 2);

    if (!token->is_bound) {
        return;
    }

    adm_token_get_literal(pen, "\",\"bnd\":\"");

    half = adm_token_get_id(pen);
    memcpy(token->bound, &half, sizeof(half));

    half = adm_token_get_id(pen);
    memcpy(token->bound + sizeof(half), &half, sizeof(half));
}


/* what is signed is ours, and still it has to be as we write it */

static adm_token_rc_e
adm_token_get_payload(adm_token_pen_t *pen, adm_str_t room,
    adm_token_t *token)
{
    unsigned char  *aud;

    adm_token_get_literal(pen, "{\"iss\":\"admission\",\"aud\":\"");

    aud = pen->p;

    if (aud == NULL) {
        return ADM_TOKEN_MALFORMED;
    }

    if ((size_t) (pen->last - aud) <= room.len
        || memcmp(aud, room.data, room.len) != 0 || aud[room.len] != '"')
    {
        return ADM_TOKEN_OTHER_ROOM;
    }

    pen->p += room.len;

    adm_token_get_literal(pen, "\",\"sub\":\"");
    token->ticket = adm_token_get_number(pen);
    adm_token_get_literal(pen, "\",\"iat\":");
    token->issued = adm_token_get_number(pen);
    adm_token_get_literal(pen, ",\"exp\":");
    token->expires = adm_token_get_number(pen);
    adm_token_get_literal(pen, ",\"joined\":");
    token->joined = adm_token_get_number(pen);
    adm_token_get_literal(pen, ",\"wait\":");
    token->wait = adm_token_get_number(pen);
    adm_token_get_literal(pen, ",\"jti\":\"");
    token->id = adm_token_get_id(pen);

    adm_token_get_bound(pen, token);
    adm_token_get_literal(pen, "\"}");

    return (pen->p && pen->p == pen->last) ? ADM_TOKEN_GOOD
                                           : ADM_TOKEN_MALFORMED;
}


static adm_token_rc_e
adm_token_judge(const adm_token_t *found, uint64_t now, adm_token_t *token)
{
    *token = *found;

    if (found->issued > now + ADM_TOKEN_SKEW) {
        return ADM_TOKEN_FUTURE;
    }

    return (found->expires <= now) ? ADM_TOKEN_EXPIRED : ADM_TOKEN_GOOD;
}


/* what is behind the header; *token if it is ADM_TOKEN_GOOD */

static adm_token_rc_e
adm_token_open(const adm_token_key_t *key, adm_token_type_e type,
    adm_str_t room, adm_str_t body, adm_token_t *token)
{
    size_t           len;
    adm_token_pen_t  pen;
    unsigned char    signature[ADM_TOKEN_SIGNATURE];
    unsigned char    payload[ADM_TOKEN_MAX];

    if (body.len < 1 + ADM_TOKEN_SIGNATURE) {
        return ADM_TOKEN_FORGED;
    }

    len = body.len - ADM_TOKEN_SIGNATURE - 1;

    if (adm_token_sign(key, type, body.data, len, signature) != ADM_OK
        || body.data[len] != '.'
        || !adm_same(signature, body.data + len + 1, sizeof(signature)))
    {
        return ADM_TOKEN_FORGED;
    }

    pen.p = payload;
    pen.last = adm_base64_read(payload, body.data, len);

    if (pen.last == NULL) {
        return ADM_TOKEN_MALFORMED;
    }

    memset(token, 0, sizeof(adm_token_t));
    token->type = type;

    return adm_token_get_payload(&pen, room, token);
}


/* the only place of a pass, told by its signature; NULL: it has none */

static adm_token_known_t *
adm_token_place(adm_token_memory_t *memory, adm_token_type_e type,
    adm_str_t body)
{
    uint64_t  x;

    if (memory == NULL || type != ADM_TOKEN_PASS
        || body.len < 1 + ADM_TOKEN_SIGNATURE || body.len > ADM_TOKEN_KEPT)
    {
        return NULL;
    }

    memcpy(&x, body.data + body.len - ADM_TOKEN_SIGNATURE, sizeof(x));

    x = x * UINT64_C(0x9e3779b97f4a7c15) >> 32;

    return &memory->known[x % ADM_TOKEN_KNOWN];
}


static void
adm_token_keep(adm_token_known_t *known, const adm_token_key_t *key,
    adm_str_t body, const adm_token_t *token)
{
    known->key = key;
    known->token = *token;
    known->len = body.len;
    memcpy(known->body, body.data, body.len);
}


adm_token_rc_e
adm_token_recall(adm_token_memory_t *memory,
    const adm_token_key_t *const *keys, size_t n, adm_str_t room,
    adm_str_t text, uint64_t now, adm_token_t *token)
{
    adm_str_t               body;
    adm_token_t             found;
    adm_token_rc_e          rc;
    adm_token_type_e        type;
    adm_token_known_t      *known;
    const adm_token_key_t  *key;

    key = (text.len > ADM_TOKEN_MAX) ? NULL
          : adm_token_find(keys, n, text, &type);

    if (key == NULL) {
        return ADM_TOKEN_FOREIGN;
    }

    body.len = text.len - key->headers[type].len;
    body.data = text.data + key->headers[type].len;

    known = adm_token_place(memory, type, body);

    if (known && known->key == key && known->len == body.len
        && adm_same(known->body, body.data, body.len))
    {
        return adm_token_judge(&known->token, now, token);
    }

    rc = adm_token_open(key, type, room, body, &found);

    if (rc != ADM_TOKEN_GOOD) {
        return rc;
    }

    if (known) {
        adm_token_keep(known, key, body, &found);
    }

    return adm_token_judge(&found, now, token);
}


adm_token_rc_e
adm_token_read(const adm_token_key_t *const *keys, size_t n, adm_str_t room,
    adm_str_t text, uint64_t now, adm_token_t *token)
{
    return adm_token_recall(NULL, keys, n, room, text, now, token);
}
