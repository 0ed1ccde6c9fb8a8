
/*
 * SipHash-2-4: a keyed hash for the places of clients' keys in our tables.
 */


#ifndef _ADM_SIPHASH_H_INCLUDED_
#define _ADM_SIPHASH_H_INCLUDED_


#include "adm.h"


/*
 * Hashes "len" bytes at "p", which may be NULL if "len" is 0, under a secret
 * 16-byte key.  The result is the same number on every machine.  Never fails,
 * keeps nothing.
 *
 * Cost: one pass, two rounds for each 8 bytes and six more.
 */

uint64_t adm_siphash(const unsigned char key[16], const unsigned char *p,
    size_t len);


#endif /* _ADM_SIPHASH_H_INCLUDED_ */
