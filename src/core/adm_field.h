
/*
 * Values of others which we copy into answers, records and logs.
 */


#ifndef _ADM_FIELD_H_INCLUDED_
#define _ADM_FIELD_H_INCLUDED_


#include "adm.h"


#define ADM_CORRELATION_MAX   64

/* no escaped text is longer than this many times the raw one */
#define ADM_ESCAPE_MAX        6


/*
 * 1 if "s" is 1 to ADM_CORRELATION_MAX characters of [A-Za-z0-9._:/+=@-],
 * else 0.  Such a value is short, printable and, without any escaping, safe
 * in a header field, a log line, a JSON string and HTML text and attributes.
 */

int adm_correlation_valid(adm_str_t s);


/*
 * Three ways to write text of any origin into text of ours.  Each returns the
 * length of the escaped text and, unless "dst" is NULL, writes it there, not
 * terminated; "dst" must have room for it and not overlap "s".
 *
 * The result is always valid UTF-8 and never fails to be: whatever is not
 * UTF-8 in "s" becomes U+FFFD, one for each maximal part of a character, as
 * the Unicode Standard (3.9) and browsers do.
 *
 * Cost: one pass over the text, nothing allocated.
 */


/*
 * For a JSON string (RFC 8259, 7), without its quotes: escapes quotes,
 * backslashes and control characters.
 */

size_t adm_json_escape(unsigned char *dst, adm_str_t s);


/*
 * For HTML text and attributes in either quotes: escapes & < > " and ';
 * control characters that HTML does not have become U+FFFD.
 */

size_t adm_html_escape(unsigned char *dst, adm_str_t s);


/*
 * For the value of a Prometheus label, without its quotes: escapes
 * backslashes, quotes and newlines.
 */

size_t adm_label_escape(unsigned char *dst, adm_str_t s);


#endif /* _ADM_FIELD_H_INCLUDED_ */
