
/*
 * Idempotency keys, as clients write them.
 */


#ifndef _ADM_KEY_H_INCLUDED_
#define _ADM_KEY_H_INCLUDED_


#include "adm.h"


#define ADM_KEY_MAX   255             /* characters, without quotes */


/*
 * Reads a string of RFC 8941, quoted, or a bare token: visible ASCII without
 * quotes, backslashes, commas and semicolons, so that no list and nothing
 * with parameters passes for one.  The key is what the quotes have between
 * them, so "a" and a are the same one.  Writes at most ADM_KEY_MAX bytes to
 * "key".  ADM_ERROR: anything else, or not 1 to ADM_KEY_MAX characters.
 */

int adm_key_read(adm_str_t s, unsigned char *key, size_t *len);


#endif /* _ADM_KEY_H_INCLUDED_ */
