
/*
 * The bodies of answers.
 */


#ifndef _PAGES_H_INCLUDED_
#define _PAGES_H_INCLUDED_


#include <stdbool.h>
#include <stddef.h>


extern const char  *page_item;              /* what a GET shows */
extern const char  *page_sold_out;          /* application/problem+json */
extern const char  *page_full;              /* application/problem+json */
extern const char  *page_error;             /* application/problem+json */


/* thanks for the order of that name, HTML or JSON; 2 KiB are enough */

void page_order(char *page, size_t size, bool html, const char *name);


#endif /* _PAGES_H_INCLUDED_ */
