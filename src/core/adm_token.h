
/*
 * Tokens: JSON Web Tokens (RFC 7519) with HMAC-SHA-256, of three types that
 * are never taken for one another (RFC 8725, 3.11), in one form only.
 *
 * Ours are written in one way, and only what is written so is read: the
 * header is compared as text, and names the algorithm, the type and the key;
 * the signature is over all in front of it, and is compared as text as well.
 * Nothing of a token is looked at before its signature has been found good.
 */


#ifndef _ADM_TOKEN_H_INCLUDED_
#define _ADM_TOKEN_H_INCLUDED_


#include "adm.h"


#define ADM_TOKEN_MAX        1024    /* bytes of a token */
#define ADM_TOKEN_ROOM_MAX   68      /* a name, and four more */
#define ADM_TOKEN_KEY_MAX    32      /* bytes of a key's id */
#define ADM_TOKEN_SECRET     32      /* bytes of a secret, at least */
#define ADM_TOKEN_BOUND      16
#define ADM_TOKEN_SKEW       60      /* s that a clock may be ahead, or be
                                        set back */
#define ADM_TOKEN_KNOWN      256     /* passes of a memory */
#define ADM_TOKEN_KEPT       320     /* bytes of a pass, behind the header */


typedef enum {
    ADM_TOKEN_PRE = 0,               /* adm-pre+jwt: no number yet */
    ADM_TOKEN_TICKET,                /* adm-ticket+jwt */
    ADM_TOKEN_PASS,                  /* adm-pass+jwt */
    ADM_TOKEN_TYPES
} adm_token_type_e;


typedef enum {
    ADM_TOKEN_GOOD = 0,
    ADM_TOKEN_FOREIGN,               /* not one of ours: none of our headers */
    ADM_TOKEN_FORGED,                /* the signature is not good */
    ADM_TOKEN_MALFORMED,             /* signed, and not as we write */
    ADM_TOKEN_OTHER_ROOM,
    ADM_TOKEN_EXPIRED,
    ADM_TOKEN_FUTURE                 /* issued later than now */
} adm_token_rc_e;


/* what a token says */

typedef struct {
    adm_token_type_e  type;
    uint64_t          ticket;        /* "sub"; 0 to 2^53 - 1, of ADM_TOKEN_PRE
                                        what it may mean to the caller */
    uint64_t          issued;        /* "iat", s */
    uint64_t          expires;       /* "exp", s */
    uint64_t          joined;        /* "joined", s */
    uint64_t          wait;          /* "wait": s until the next poll */
    uint64_t          id;            /* "jti" */
    unsigned          is_bound;      /* there is a "bnd" */
    unsigned char     bound[ADM_TOKEN_BOUND];
} adm_token_t;


/*
 * A key, prepared: SHA-256 that has read the key's pads, and the headers.
 * To be wiped like a secret.  The words are those of libcrypto.
 */

typedef struct adm_token_key_s  adm_token_key_t;


/*
 * A memory of passes that were read lately: a page is many requests.  It
 * belongs to one room, one set of keys and one process, is zeroed at first,
 * and takes about a hundred kilobytes.
 *
 * What is kept of a pass is the key, what was signed and its signature, and
 * what it says, once all that was found good.  The same text by the same key
 * is then known by a comparison of the whole of it, in constant time, instead
 * of by another signature; nothing else is saved.  Its time is looked at
 * whenever it is read, and whether it was ended or is void is not known here.
 * Each pass has one place, which the next one takes.
 */

typedef struct {
    const adm_token_key_t  *key;     /* NULL: nothing is kept */
    adm_token_t             token;
    size_t                  len;
    unsigned char           body[ADM_TOKEN_KEPT];
} adm_token_known_t;

typedef struct {
    adm_token_known_t  known[ADM_TOKEN_KNOWN];
} adm_token_memory_t;


/*
 * The size of a prepared key, and a key prepared in such memory, aligned to
 * 16; "id" is [A-Za-z0-9_.-]{1,32}.  ADM_ERROR: the id is none, the secret is
 * shorter than ADM_TOKEN_SECRET, or libcrypto fails.
 */

size_t adm_token_key_size(void);
int adm_token_key_init(adm_token_key_t *key, adm_str_t id, adm_str_t secret);


/*
 * The hash that stands for a value that a token is bound to; ADM_ERROR if
 * libcrypto fails.
 */

int adm_token_bind(adm_str_t value, unsigned char bound[ADM_TOKEN_BOUND]);


/*
 * Writes a token for "room", [A-Za-z0-9_.-]{1,64}; its length, 0 if libcrypto
 * fails.  What is in it is the caller's word: numbers below 2^53.
 * Cost: eight blocks of SHA-256 at most.
 */

size_t adm_token_write(const adm_token_key_t *key, adm_str_t room,
    const adm_token_t *token, unsigned char text[ADM_TOKEN_MAX]);


/*
 * Reads a token under any of "n" keys, the pointers in "keys"; "now" in
 * seconds.  *token is written if it is ADM_TOKEN_GOOD, _EXPIRED or _FUTURE.
 * Cost: of a foreign token a comparison a key and type, else as writing.
 */

adm_token_rc_e adm_token_read(const adm_token_key_t *const *keys, size_t n,
    adm_str_t room, adm_str_t text, uint64_t now, adm_token_t *token);

/*
 * The same, with a memory, or with NULL.  Cost: of a pass that is known a
 * comparison of its bytes, of another the same as reading, and a copy.
 */

adm_token_rc_e adm_token_recall(adm_token_memory_t *memory,
    const adm_token_key_t *const *keys, size_t n, adm_str_t room,
    adm_str_t text, uint64_t now, adm_token_t *token);


#endif /* _ADM_TOKEN_H_INCLUDED_ */
