
/*
 * Requests as they are sent.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _REQUEST_H_INCLUDED_
#define _REQUEST_H_INCLUDED_


#include <stddef.h>

#include "jar.h"
#include "scenario.h"


typedef struct {
    const population_t  *population;
    const char          *authority;     /* for Host */
    const char          *prefix;        /* of the path */
    const char          *key;           /* {key} */
    const char          *shopper;       /* {shopper} */
    const jar_t         *jar;
    const char          *token;         /* for Authorization, or NULL */
    int                  poll;
} request_t;


/*
 * Returns the request's text, good until the next call, and sets its length;
 * NULL for want of memory.
 */
const char *request_text(const request_t *request, size_t *len);


#endif /* _REQUEST_H_INCLUDED_ */
