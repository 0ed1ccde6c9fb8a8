
/*
 * What a client wants to get, by its Accept field (RFC 9110, 12.5.1).
 *
 * "accept" is the field's value; several fields are joined by commas.  Never
 * fails: what cannot be read is skipped, member by member.  A field without
 * one readable member, and so an empty or an absent one, says nothing: all is
 * equally good.
 *
 * "type" and "subtype" name what we have, terminated, in lower case.
 * "subtype" may go on with the parameters of what we have, each without
 * spaces and quotes: "plain;version=0.0.4;charset=utf-8".  A range with
 * parameters means only what has all of them, with the same values in either
 * case: "text/html;level=1" does not mean "text", "html".
 *
 * Cost: one pass over the field, nothing allocated.
 */


#ifndef _ADM_ACCEPT_H_INCLUDED_
#define _ADM_ACCEPT_H_INCLUDED_


#include "adm.h"


/*
 * The quality of type/subtype, 0 (not acceptable) to 1000 (the best), in
 * thousandths: that of the most specific range which means it, the highest
 * of several such.
 */

int adm_accept_quality(adm_str_t accept, const char *type,
    const char *subtype);


/*
 * 1 if the field names type/subtype, not only by a range with "*", and would
 * have it; then its quality is above 0.  Else 0.
 */

int adm_accept_explicit(adm_str_t accept, const char *type,
    const char *subtype);


/*
 * 1 if a person sits there and gets HTML, 0 if a program gets JSON: HTML or
 * XHTML is named explicitly, and JSON or problem JSON is not preferred to it.
 * A tie goes to HTML; a mere range with "*" or no field goes to JSON.
 */

int adm_accept_html(adm_str_t accept);


#endif /* _ADM_ACCEPT_H_INCLUDED_ */
