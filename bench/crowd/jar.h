
/*
 * A shopper's cookies: name and value.  As far as one site under one host
 * needs it: Max-Age=0 or less deletes, all other attributes are ignored.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _JAR_H_INCLUDED_
#define _JAR_H_INCLUDED_


#include <stddef.h>


/* more are not kept, as with browsers (RFC 6265, 6.1: at least 50) */

#define JAR_MAX  50


typedef struct cookie_s  cookie_t;

struct cookie_s {
    cookie_t  *next;
    char      *value;
    char       name[];
};


typedef struct {
    cookie_t  *first;
} jar_t;


/* takes the value of a field Set-Cookie */
void jar_set(jar_t *jar, const char *field, size_t len);

/*
 * Writes "a=1; b=2" into "to" of "size" bytes, cookies that do not fit left
 * out, and returns its length; 0 if there are none.
 */
size_t jar_write(const jar_t *jar, char *to, size_t size);

void jar_empty(jar_t *jar);


#endif /* _JAR_H_INCLUDED_ */
