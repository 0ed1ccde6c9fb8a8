
/*
 * An answer that is kept, to be sent again: status, type, fields and body in
 * one piece of bytes.
 *
 *     1   version
 *     2   status
 *     4   bytes of the body
 *     2   bytes of the type, which follows ...
 *     2   ... as does the charset
 *
 * then each field as two lengths of 2 bytes, name and value, a name of no
 * length, and the body to the end.  All numbers are big-endian.
 *
 * Whoever reads it got it from a store that others can write to: it is read
 * whole or not at all, and nothing that it says can make another field, or
 * another answer, of an answer.
 */


#ifndef _ADM_KEPT_H_INCLUDED_
#define _ADM_KEPT_H_INCLUDED_


#include "adm.h"


/* bytes around a type and a charset, and around a name and a value */
#define ADM_KEPT_HEAD      11
#define ADM_KEPT_FIELD     4
#define ADM_KEPT_END       2

/* the longest name, value, type or charset */
#define ADM_KEPT_TEXT_MAX  65535


typedef struct {
    unsigned   status;
    adm_str_t  type;         /* without its charset; empty: none */
    adm_str_t  charset;
    adm_str_t  fields;       /* for adm_kept_next() */
    adm_str_t  body;
} adm_kept_t;


/*
 * Writing, in this order.  Each but the last returns the end of what it wrote
 * at "p", where there are ADM_KEPT_HEAD, ADM_KEPT_FIELD or ADM_KEPT_END bytes
 * and those of its texts, none of which is longer than ADM_KEPT_TEXT_MAX.
 */

unsigned char *adm_kept_head(unsigned char *p, unsigned status,
    adm_str_t type, adm_str_t charset);
unsigned char *adm_kept_field(unsigned char *p, adm_str_t name,
    adm_str_t value);
unsigned char *adm_kept_end(unsigned char *p);

/* the body stands behind it, and is "len" bytes of what begins at "kept" */

void adm_kept_close(unsigned char *kept, size_t len);


/*
 * Reads it; all that "kept" then has is part of "s".  ADM_ERROR: it is not
 * such an answer, or one of its fields could not be sent as a field.
 * Cost: one pass over all but the body.
 */

int adm_kept_read(adm_str_t s, adm_kept_t *kept);

/* the next field of "fields", which gets shorter; 0: that was all */

int adm_kept_next(adm_str_t *fields, adm_str_t *name, adm_str_t *value);


/*
 * 1 if a field is of the answer itself, and not of the connection that it
 * came by or the moment when it was made: not hop-by-hop (RFC 9110, 7.6.1),
 * no cookie, no date, no length, and none of ours.  "named" is the value of
 * Connection, which names others; it may be empty.
 */

int adm_kept_lasts(adm_str_t name, adm_str_t named);


#endif /* _ADM_KEPT_H_INCLUDED_ */
