
/*
 * The hash slot of a key of a Redis Cluster: which of its parts has the key.
 *
 * Source: the Redis Cluster specification, "Key distribution model" and
 * "Hash tags".  The slot is the CRC16 of the key, modulo 16384; of a key with
 * a "{", a "}" behind it and anything between, only what stands between the
 * first of each counts, so that keys can be kept together.
 */


#ifndef _ADM_KEYSLOT_H_INCLUDED_
#define _ADM_KEYSLOT_H_INCLUDED_


#include "adm.h"


#define ADM_KEYSLOTS   16384


/*
 * The slot of "key", 0 to ADM_KEYSLOTS - 1.  Never fails.
 *
 * Cost: one pass over the key, a table look-up a byte of what is hashed.
 */

unsigned adm_keyslot(adm_str_t key);

/*
 * CRC16 of the variant XMODEM: polynomial 0x1021, starts at 0, neither input
 * nor output reflected.
 */

unsigned adm_crc16(const unsigned char *p, size_t len);


#endif /* _ADM_KEYSLOT_H_INCLUDED_ */
