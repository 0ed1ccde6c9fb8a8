
/*
 * The story: a place in line and a pass are bearer tokens, and whoever can
 * make one has a lamp.  So each token is held against libcrypto's own HMAC,
 * and then everything is tried that somebody with many tokens and no key
 * could: every bit flipped, every length cut, a ticket as a pass, one room's
 * in another, an old key's, none's, tomorrow's.  And of what the shop itself
 * has signed with its key for other purposes nothing is taken for ours.
 */


#include <stdlib.h>

#define OPENSSL_SUPPRESS_DEPRECATED

#include "unit.h"
#include "../../../src/core/adm_literal.c"

#include <openssl/hmac.h>
#include <openssl/sha.h>


/* libcrypto as it is in a bad hour */

static int  failing;

#define SHA256_Final(md, ctx)  (failing ? 0 : (SHA256_Final)(md, ctx))

#undef OPENSSL_SUPPRESS_DEPRECATED
#include "../../../src/core/adm_token.c"


#define NOW  UINT64_C(1795309891)


static adm_token_key_t         first, second;
static const adm_token_key_t  *keys[] = { &first, &second };

static const char  secret1[] = "0123456789abcdef0123456789abcdef";
static const char  secret2[] = "a secret that is longer than a block of the "
                               "hash, which is hashed before it is used";


static adm_str_t
str(const char *s)
{
    return (adm_str_t) { strlen(s), (const unsigned char *) s };
}


static adm_token_t
ticket(void)
{
    return (adm_token_t) {
        ADM_TOKEN_TICKET, 4711, NOW - 60, NOW + 86400, NOW - 100, 20,
        UINT64_C(0xfedcba9876543210), 0, { 0 }
    };
}


static adm_token_rc_e
reading(const unsigned char *text, size_t len, const char *room,
    adm_token_t *token)
{
    return adm_token_read(keys, 2, str(room), (adm_str_t) { len, text }, NOW,
                          token);
}


static void
written(void)
{
    char           plain[1024];
    size_t         len, dot;
    unsigned       hash;
    adm_token_t    t, u;
    unsigned char  text[ADM_TOKEN_MAX], mac[32], sig[43], payload[1024];

    t = ticket();
    len = adm_token_write(&first, str("drop"), &t, text);

    for (dot = len; text[dot - 1] != '.'; dot--) { /* the last one */ }

    (void) HMAC(EVP_sha256(), secret1, sizeof(secret1) - 1, text, dot - 1, mac,
                &hash);
    (void) adm_base64_write(sig, mac, hash);

    is_mem((char *) text + dot, len - dot, (char *) sig, 43,
           "the signature is libcrypto's");

    *adm_base64_read(payload, text, first.headers[1].len - 1) = '\0';
    is_str((char *) payload,
           "{\"alg\":\"HS256\",\"typ\":\"adm-ticket+jwt\",\"kid\":\"k1\"}",
           "the header");

    snprintf(plain, sizeof(plain),
             "{\"iss\":\"admission\",\"aud\":\"drop\",\"sub\":\"4711\","
             "\"iat\":%" PRIu64 ",\"exp\":%" PRIu64 ",\"joined\":%" PRIu64
             ",\"wait\":20,\"jti\":\"1032547698badcfe\"}",
             NOW - 60, NOW + 86400, NOW - 100);

    *adm_base64_read(payload, text + first.headers[1].len,
                     dot - 1 - first.headers[1].len) = '\0';
    is_str((char *) payload, plain, "the claims");

    memset(&u, 0, sizeof(u));
    is_uint(reading(text, len, "drop", &u), ADM_TOKEN_GOOD, "and it is read");
    ok(u.type == t.type && u.ticket == t.ticket && u.issued == t.issued
       && u.expires == t.expires && u.joined == t.joined && u.wait == t.wait
       && u.id == t.id && !u.is_bound, "as it was written");
}


static void
round_trips(void)
{
    size_t         len, most;
    unsigned       i, wrong, type;
    adm_token_t    t, u;
    unsigned char  text[ADM_TOKEN_MAX + 1];

    srand(3);

    for (i = 0, wrong = 0, most = 0; i < 20000; i++) {
        type = (unsigned) rand() % 3;

        memset(&t, 0, sizeof(t));
        memset(&u, 0, sizeof(u));

        t.type = (adm_token_type_e) type;
        t.ticket = ((uint64_t) rand() << 22 ^ (uint64_t) rand())
                   % ADM_TOKEN_NUMBERS;
        t.issued = NOW - (uint64_t) rand() % 1000;
        t.expires = NOW + 1 + (uint64_t) rand() % 100000;
        t.joined = (uint64_t) rand();
        t.wait = (uint64_t) rand() % 1000;
        t.id = (uint64_t) rand() << 33 ^ (uint64_t) rand() << 10;
        t.is_bound = (unsigned) rand() & 1;

        if (t.is_bound) {
            (void) adm_token_bind(str("somebody"), t.bound);
        }

        text[ADM_TOKEN_MAX] = 0x7e;
        len = adm_token_write(keys[i & 1], str("sale-2026.eu_west"), &t, text);
        most = (len > most) ? len : most;

        wrong += reading(text, len, "sale-2026.eu_west", &u) != ADM_TOKEN_GOOD
                 || memcmp(&t, &u, sizeof(t)) != 0
                 || text[ADM_TOKEN_MAX] != 0x7e;
    }

    is_uint(wrong, 0, "20,000 tokens of both keys and three types come back");
    ok(most < 512, "none is longer than half of what may be");
}


static void
forged(void)
{
    size_t         len, i;
    unsigned       bit, taken, changed, foreign;
    adm_token_t    t, u;
    unsigned char  text[ADM_TOKEN_MAX];

    t = ticket();
    t.is_bound = 1;
    (void) adm_token_bind(str("somebody"), t.bound);
    len = adm_token_write(&first, str("drop"), &t, text);

    memset(&u, 0x55, sizeof(u));
    t = u;
    taken = 0;
    foreign = 0;

    for (i = 0; i < len; i++) {
        for (bit = 1; bit < 256; bit <<= 1) {
            text[i] ^= (unsigned char) bit;
            taken += reading(text, len, "drop", &u) == ADM_TOKEN_GOOD;
            foreign += reading(text, len, "drop", &u) == ADM_TOKEN_FOREIGN;
            text[i] ^= (unsigned char) bit;
        }
    }

    is_uint(taken, 0, "not with one bit flipped, wherever");
    is_uint(foreign, 8 * first.headers[ADM_TOKEN_TICKET].len,
            "foreign are those whose header is not ours");

    for (i = 0, taken = 0; i < len; i++) {
        taken += reading(text, i, "drop", &u) == ADM_TOKEN_GOOD;
        taken += reading(text + i + 1, len - i - 1, "drop", &u)
                 == ADM_TOKEN_GOOD;
    }

    is_uint(taken, 0, "nor any part of it");

    changed = memcmp(&t, &u, sizeof(t)) != 0;
    ok(!changed, "and nothing was written of any of these");

    text[len] = 'A';
    ok(reading(text, len + 1, "drop", &u) != ADM_TOKEN_GOOD, "one byte more");
    is_uint(reading(text, 0, "drop", &u), ADM_TOKEN_FOREIGN, "nothing at all");

    t = ticket();
    failing = 1;
    is_uint(adm_token_write(&first, str("drop"), &t, text), 0,
            "without a hash there is no token");
    is_uint(reading(text, len, "drop", &u), ADM_TOKEN_FORGED,
            "nor a good one");
    memset(text + len - 43, '!', 43);
    is_uint(reading(text, len, "drop", &u), ADM_TOKEN_FORGED,
            "nor one by its own mark");
    failing = 0;

    memset(text + len, 'A', sizeof(text) - len);
    ok(reading(text, sizeof(text), "drop", &u) != ADM_TOKEN_GOOD,
       "as long as may be");
}


/* the header of another type, with everything else left: resigned or not */

static void
confused(void)
{
    size_t                  len, header;
    adm_token_t             t, u;
    unsigned char           text[ADM_TOKEN_MAX], pass[ADM_TOKEN_MAX];
    const adm_token_key_t  *one[1];

    t = ticket();
    len = adm_token_write(&first, str("drop"), &t, text);

    is_uint(reading(text, len, "dro", &u), ADM_TOKEN_OTHER_ROOM,
            "a room whose name is the beginning");
    is_uint(reading(text, len, "drop2", &u), ADM_TOKEN_OTHER_ROOM,
            "a room whose name goes on");

    header = first.headers[ADM_TOKEN_PASS].len;
    memcpy(pass, first.headers[ADM_TOKEN_PASS].text, header);
    memcpy(pass + header, text + first.headers[ADM_TOKEN_TICKET].len,
           len - first.headers[ADM_TOKEN_TICKET].len);

    is_uint(reading(pass, len + header - first.headers[ADM_TOKEN_TICKET].len,
                    "drop", &u), ADM_TOKEN_FORGED, "a ticket as a pass");

    one[0] = &second;
    is_uint(adm_token_read(one, 1, str("drop"), (adm_str_t) { len, text }, NOW,
                           &u), ADM_TOKEN_FOREIGN, "of a key that is gone");
    is_uint(adm_token_read(one, 0, str("drop"), (adm_str_t) { len, text }, NOW,
                           &u), ADM_TOKEN_FOREIGN, "without a key");

    t.expires = NOW;
    len = adm_token_write(&first, str("drop"), &t, text);
    is_uint(reading(text, len, "drop", &u), ADM_TOKEN_EXPIRED, "just over");

    t.expires = NOW + 1;
    t.issued = NOW + ADM_TOKEN_SKEW;
    len = adm_token_write(&first, str("drop"), &t, text);
    is_uint(reading(text, len, "drop", &u), ADM_TOKEN_GOOD,
            "of a clock that is a little ahead");

    t.issued++;
    len = adm_token_write(&first, str("drop"), &t, text);
    is_uint(reading(text, len, "drop", &u), ADM_TOKEN_FUTURE, "of tomorrow");
}


/* what has our header and our key, and is not as we write it */

static adm_token_rc_e
signing(const char *payload, adm_token_t *u)
{
    unsigned char  text[ADM_TOKEN_MAX], *p;

    memcpy(text, first.headers[1].text, first.headers[1].len);
    p = adm_base64_write(text + first.headers[1].len,
                         (const unsigned char *) payload, strlen(payload));
    (void) adm_token_sign(&first, ADM_TOKEN_TICKET,
                          text + first.headers[1].len,
                          (size_t) (p - text) - first.headers[1].len, p + 1);
    *p = '.';

    return reading(text, (size_t) (p - text) + 44, "drop", u);
}


static void
malformed(void)
{
    char           payload[512], cut[512];
    size_t         i;
    unsigned       taken;
    adm_token_t    t, u;

    t = ticket();
    t.is_bound = 1;
    memset(t.bound, 7, sizeof(t.bound));

    i = adm_token_payload(str("drop"), &t, (unsigned char *) payload);
    payload[i] = '\0';

    is_uint(signing(payload, &u), ADM_TOKEN_GOOD, "signed as it should be");

    for (i = 0, taken = 0; payload[i]; i++) {
        memcpy(cut, payload, i);
        cut[i] = '\0';
        taken += signing(cut, &u) == ADM_TOKEN_GOOD;

        /* without a character; numbers are what may lose one */

        strcpy(cut + i, payload + i + 1);
        taken += (payload[i] < '0' || payload[i] > '9')
                 && signing(cut, &u) == ADM_TOKEN_GOOD;
    }

    is_uint(taken, 0, "signed, with something missing");

    is_uint(signing("{\"iss\":\"admission\",\"aud\":\"drop\",\"sub\":\""
                    "9007199254740992\"", &u), ADM_TOKEN_MALFORMED,
            "a number that no JSON reader keeps");
    is_uint(signing("", &u), ADM_TOKEN_MALFORMED, "an empty payload");

    i = (size_t) (strstr(payload, "4711") - payload);
    memcpy(cut, payload, i);
    cut[i] = '0';
    strcpy(cut + i + 1, payload + i);
    is_uint(signing(cut, &u), ADM_TOKEN_MALFORMED, "a zero in front");
}


/* every character in every place, of a last group of two, three and four */

static void
alphabet(void)
{
    size_t         len, i;
    unsigned       c, wrong;
    unsigned char  text[8], bytes[8];

    for (len = 6, wrong = 0; len <= 8; len++) {
        for (i = 0; i < len; i++) {
            for (c = 0; c < 256; c++) {
                memset(text, 'A', sizeof(text));
                text[i] = (unsigned char) c;

                wrong += (adm_base64_read(bytes, text, len) == NULL)
                         != (c == 0 || strchr(adm_base64, (int) c) == NULL);
            }
        }
    }

    is_uint(wrong, 0, "what is no digit of base64url is read nowhere");
}


/* with a memory, and with a hash that does not work: only what is known */

static adm_token_rc_e
recalling(adm_token_memory_t *memory, const unsigned char *text, size_t len,
    uint64_t now, adm_token_t *token)
{
    adm_token_rc_e  rc;

    failing = 1;
    rc = adm_token_recall(memory, keys, 2, str("drop"),
                          (adm_str_t) { len, text }, now, token);
    failing = 0;

    return rc;
}


static adm_token_rc_e
showing(adm_token_memory_t *memory, const unsigned char *text, size_t len,
    adm_token_t *token)
{
    return adm_token_recall(memory, keys, 2, str("drop"),
                            (adm_str_t) { len, text }, NOW, token);
}


static adm_token_memory_t  memory;


static void
known(void)
{
    size_t                  len, i;
    unsigned                bit, taken;
    adm_token_t             t, u;
    unsigned char           text[ADM_TOKEN_MAX];
    static adm_token_key_t  same_id;
    const adm_token_key_t  *one[1];

    t = ticket();
    t.type = ADM_TOKEN_PASS;
    len = adm_token_write(&first, str("drop"), &t, text);

    memset(&u, 0, sizeof(u));
    is_uint(recalling(&memory, text, len, NOW, &u), ADM_TOKEN_FORGED,
            "a pass that was never seen needs the hash");
    is_uint(showing(NULL, text, len, &u), ADM_TOKEN_GOOD, "without a memory");
    is_uint(showing(&memory, text, len, &u), ADM_TOKEN_GOOD, "and with one");

    memset(&u, 0, sizeof(u));
    is_uint(recalling(&memory, text, len, NOW, &u), ADM_TOKEN_GOOD,
            "from then on it is known");
    ok(u.type == t.type && u.ticket == t.ticket && u.issued == t.issued
       && u.expires == t.expires && u.joined == t.joined && u.wait == t.wait
       && u.id == t.id && !u.is_bound, "as it was written");

    is_uint(recalling(&memory, text, len, t.expires, &u), ADM_TOKEN_EXPIRED,
            "until its time is over");
    is_uint(recalling(&memory, text, len, t.issued - ADM_TOKEN_SKEW - 1, &u),
            ADM_TOKEN_FUTURE, "and not before it was issued");

    for (i = 0, taken = 0; i < len; i++) {
        for (bit = 1; bit < 256; bit <<= 1) {
            text[i] ^= (unsigned char) bit;
            taken += recalling(&memory, text, len, NOW, &u) == ADM_TOKEN_GOOD;
            taken += showing(&memory, text, len, &u) == ADM_TOKEN_GOOD;
            text[i] ^= (unsigned char) bit;
        }

        taken += recalling(&memory, text, i, NOW, &u) == ADM_TOKEN_GOOD;
    }

    is_uint(taken, 0, "not with one bit flipped, nor any part of it");

    (void) adm_token_key_init(&same_id, str("k1"), str(secret2));
    one[0] = &same_id;
    is_uint(adm_token_recall(&memory, one, 1, str("drop"),
                             (adm_str_t) { len, text }, NOW, &u),
            ADM_TOKEN_FORGED, "nor for another key of the same id");
    is_uint(adm_token_recall(&memory, one, 0, str("drop"),
                             (adm_str_t) { len, text }, NOW, &u),
            ADM_TOKEN_FOREIGN, "nor for none");
}


/* what has no place in it, and what has taken another's */

static void
unknown(void)
{
    size_t         len, longer;
    unsigned       wrong, kept;
    adm_token_t    t, u;
    unsigned char  text[ADM_TOKEN_MAX], other[ADM_TOKEN_MAX];
    char           room[65];

    t = ticket();
    len = adm_token_write(&first, str("drop"), &t, text);
    is_uint(showing(&memory, text, len, &u), ADM_TOKEN_GOOD, "a ticket");
    is_uint(recalling(&memory, text, len, NOW, &u), ADM_TOKEN_FORGED,
            "is not kept");

    memset(room, 'r', 64);
    room[64] = '\0';
    t.type = ADM_TOKEN_PASS;
    t.is_bound = 1;
    t.ticket = t.wait = ADM_TOKEN_NUMBERS - 1;
    longer = adm_token_write(&first, str(room), &t, other);

    ok(longer - first.headers[ADM_TOKEN_PASS].len > ADM_TOKEN_KEPT,
       "a pass that is too long to be kept");
    is_uint(adm_token_recall(&memory, keys, 2, str(room),
                             (adm_str_t) { longer, other }, NOW, &u),
            ADM_TOKEN_GOOD, "... is good");
    failing = 1;
    is_uint(adm_token_recall(&memory, keys, 2, str(room),
                             (adm_str_t) { longer, other }, NOW, &u),
            ADM_TOKEN_FORGED, "... and is not kept");
    failing = 0;

    t = ticket();
    t.type = ADM_TOKEN_PASS;

    for (t.id = 1, wrong = 0; t.id <= 20 * ADM_TOKEN_KNOWN; t.id++) {
        len = adm_token_write(&first, str("drop"), &t, text);
        wrong += showing(&memory, text, len, &u) != ADM_TOKEN_GOOD
                 || u.id != t.id;
        wrong += recalling(&memory, text, len, NOW, &u) != ADM_TOKEN_GOOD
                 || u.id != t.id;
    }

    is_uint(wrong, 0, "of many passes each is itself");

    for (t.id = 1, wrong = 0, kept = 0; t.id <= 20 * ADM_TOKEN_KNOWN; t.id++) {
        len = adm_token_write(&first, str("drop"), &t, text);
        kept += recalling(&memory, text, len, NOW, &u) == ADM_TOKEN_GOOD;
    }

    ok(kept <= ADM_TOKEN_KNOWN && kept > ADM_TOKEN_KNOWN * 9 / 10,
       "and the last ones are known");
}


static void
prepared(void)
{
    unsigned char  mac[43], plain[32], text[43], whole[256];
    unsigned       len;
    size_t         header;

    is_int(adm_token_key_init(&first, str(""), str(secret1)), ADM_ERROR,
           "a key without an id");
    is_int(adm_token_key_init(&first, str("a\"b"), str(secret1)), ADM_ERROR,
           "an id that would need escaping");
    is_int(adm_token_key_init(&first, str("k"), str(secret1 + 1)), ADM_ERROR,
           "a secret that is too short");
    is_int(adm_token_key_init(&first, str("k1"), str(secret1)), ADM_OK,
           "one that is just long enough");
    is_int(adm_token_key_init(&second, str("k2-of.the_longest_id_there_is.32"),
                              str(secret2)), ADM_OK, "one that is hashed");

    header = second.headers[ADM_TOKEN_PASS].len;
    memcpy(whole, second.headers[ADM_TOKEN_PASS].text, header);
    memcpy(whole + header, "abc", 3);

    (void) adm_token_sign(&second, ADM_TOKEN_PASS, whole + header, 3, mac);
    (void) HMAC(EVP_sha256(), secret2, sizeof(secret2) - 1, whole, header + 3,
                plain, &len);
    (void) adm_base64_write(text, plain, 32);
    is_mem((char *) mac, 43, (char *) text, 43, "... as RFC 2104 has it");
}


int
main(void)
{
    prepared();
    written();
    round_trips();
    forged();
    confused();
    malformed();
    alphabet();
    known();
    unknown();

    return unit_done();
}
