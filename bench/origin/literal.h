
/*
 * What people write on a command line and in a query: counts, numbers, times.
 * All of the text has to be the literal.
 */


#ifndef _LITERAL_H_INCLUDED_
#define _LITERAL_H_INCLUDED_


#include <stdbool.h>
#include <stdint.h>


#define USEC_PER_SEC  INT64_C(1000000)


/* decimal digits only */

bool literal_count(const char *text, uint64_t *count);


/* a decimal number, not negative and finite */

bool literal_number(const char *text, double *number);


/* a number with its unit, "us", "ms", "s" or "m"; at most a day; in us */

bool literal_time(const char *text, int64_t *usec);


/* the monotonic clock, us */

int64_t clock_now(void);


#endif /* _LITERAL_H_INCLUDED_ */
