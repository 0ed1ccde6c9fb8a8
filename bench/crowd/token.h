
/*
 * Tickets and passes: JSON Web Tokens (RFC 7519).  The crowd reads what they
 * say, and cannot verify that.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _TOKEN_H_INCLUDED_
#define _TOKEN_H_INCLUDED_


#include <stdint.h>


/* bytes; what is longer is no token of a waiting room */

#define TOKEN_MAX  1024


typedef enum {
    TOKEN_NONE,             /* none, or of a type that we do not know */
    TOKEN_PRE,              /* has no number yet */
    TOKEN_TICKET,
    TOKEN_PASS
} token_e;


typedef struct {
    token_e        type;
    uint64_t       number;  /* "sub"; 0: none */
    uint64_t       id;      /* "jti", 16 hexadecimal digits */
    int64_t        issued;  /* "iat", Unix time, s */
    int64_t        expires; /* "exp", likewise */
} token_t;


/* fills the token, with TOKEN_NONE if the text is none */
void token_read(token_t *token, const char *text);


#endif /* _TOKEN_H_INCLUDED_ */
