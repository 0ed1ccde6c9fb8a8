
/*
 * Fields of application/x-www-form-urlencoded: "sku=A-1&quantity=2", with
 * "+" for a space and "%XX" for a byte (WHATWG URL, 5.1).
 *
 * Who reads the form behind us may read it otherwise: some take names in
 * either case, some drop spaces before a name, take "." and " " for "_", end
 * a name at "[" or at a zero byte, or take ";" for "&".  A pair that would be
 * the field to any of these counts as the field once more, so that it cannot
 * say one thing here and another there.
 */


#ifndef _ADM_FORM_H_INCLUDED_
#define _ADM_FORM_H_INCLUDED_


#include "adm.h"


typedef enum {
    ADM_FORM_OK = 0,
    ADM_FORM_ABSENT,
    ADM_FORM_DOUBLED,
    ADM_FORM_BAD          /* a "%" that is none, in a name or in the value */
} adm_form_rc_e;


/*
 * The value of the field "name", which has no escapes, decoded to "buf": at
 * most form.len bytes.  A field without "=" is empty.  Cost: one pass over
 * the form.
 */

adm_form_rc_e adm_form_field(adm_str_t form, adm_str_t name,
    unsigned char *buf, adm_str_t *value);


#endif /* _ADM_FORM_H_INCLUDED_ */
