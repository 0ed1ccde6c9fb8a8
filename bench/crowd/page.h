
/*
 * The report as a page, made by the script "report".
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _PAGE_H_INCLUDED_
#define _PAGE_H_INCLUDED_


#include <jansson.h>


/* enough for a time of this century to the millisecond */

#define REPORT_FLAGS  (JSON_COMPACT|JSON_REAL_PRECISION(13))


/*
 * Both return 0, or -1 after it was said on stderr what is wrong.  A run is
 * not made before it is known that its page can be.
 */
int page_check(void);
int page_write(const json_t *report, const char *file);


#endif /* _PAGE_H_INCLUDED_ */
