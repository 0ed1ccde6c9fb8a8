
/*
 * The request field Accept (RFC 9110, 12.5.1), as far as two kinds of answer
 * need it.
 */


#ifndef _ACCEPT_H_INCLUDED_
#define _ACCEPT_H_INCLUDED_


#include <stdbool.h>


/* text/html before application/json; no if both are as welcome */

bool accept_prefers_html(const char *accept);


#endif /* _ACCEPT_H_INCLUDED_ */
