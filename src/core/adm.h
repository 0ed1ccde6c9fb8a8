
/*
 * What every file of src/core shares.
 *
 * This floor is algorithms alone: it includes libc and itself, knows neither
 * nginx nor a clock nor a source of randomness, and allocates nothing; time,
 * randomness and memory are arguments.  The prefix of its names is adm_.
 */


#ifndef _ADM_H_INCLUDED_
#define _ADM_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <string.h>


#define ADM_OK        0
#define ADM_ERROR   (-1)


/*
 * Bytes somewhere else: not terminated, not owned, good only as long as the
 * memory that they are in.  With a zero "len", "data" may be NULL.
 */

typedef struct {
    size_t                len;
    const unsigned char  *data;
} adm_str_t;


#endif /* _ADM_H_INCLUDED_ */
