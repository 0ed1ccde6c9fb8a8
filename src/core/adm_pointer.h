
/*
 * JSON pointers (RFC 6901): "/items/0/sku".  A token is what stands between
 * two slashes, with "~1" for a slash in it and "~0" for a tilde.
 */


#ifndef _ADM_POINTER_H_INCLUDED_
#define _ADM_POINTER_H_INCLUDED_


#include "adm.h"


/* 1 if "s" is one: empty, which means the whole, or of tokens; else 0 */

int adm_pointer_valid(adm_str_t s);


/*
 * Cuts the first token off "s", which is valid and not empty, and writes it
 * unescaped to "token": at most s->len - 1 bytes.  Their number.
 */

size_t adm_pointer_next(adm_str_t *s, unsigned char *token);


/*
 * Reads the index of an array: "0", or digits that do not begin with 0, to
 * 2^32 - 1.  ADM_ERROR: anything else, as "-", which is behind the last.
 */

int adm_pointer_index(adm_str_t token, size_t *index);


#endif /* _ADM_POINTER_H_INCLUDED_ */
