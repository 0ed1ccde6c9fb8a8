
/*
 * The small literals of a configuration: rates, numbers, names, moments.
 *
 * All readers take the whole string or refuse it, and leave the result alone
 * when they refuse.  Cost: one pass over the string, nothing allocated.
 */


#ifndef _ADM_LITERAL_H_INCLUDED_
#define _ADM_LITERAL_H_INCLUDED_


#include "adm.h"


#define ADM_RATE_MAX   1000000
#define ADM_NAME_MAX   64


typedef struct {
    uint64_t  count;     /* 1 to ADM_RATE_MAX, in every period */
    uint64_t  period;    /* ms: of a second, a minute, an hour or a day */
} adm_rate_t;


/*
 * Reads "10r/s", "600r/m", "50r/h", "500r/d".
 * ADM_ERROR: anything else, a count of 0 or above ADM_RATE_MAX.
 */

int adm_rate_parse(adm_str_t s, adm_rate_t *rate);


/*
 * Reads a decimal number of digits alone; leading zeros are allowed.
 * ADM_ERROR: no digits, any other character, outside of "min" to "max",
 * which are both allowed values.
 */

int adm_uint_parse(adm_str_t s, uint64_t min, uint64_t max, uint64_t *value);


/*
 * 1 if "s" has 1 to "max" characters, each an ASCII letter, a digit or one of
 * the terminated string "marks"; else 0.
 */

int adm_word_valid(adm_str_t s, size_t max, const char *marks);


/*
 * 1 if "s" may name a zone, a room, a rate and so on:
 * [A-Za-z0-9_.-]{1,64}; else 0.
 */

int adm_name_valid(adm_str_t s);


/*
 * Reads a moment, the date-time of RFC 3339: "2026-11-27T12:00:00Z",
 * "2026-11-27T13:00:00+01:00", to seconds since the epoch, 1 and up.  A
 * fraction of a second is read and dropped.
 * ADM_ERROR: anything else, no offset, a date or a time of day that there is
 * not, a leap second, and what is not behind the epoch.
 */

int adm_moment_parse(adm_str_t s, uint64_t *moment);


#endif /* _ADM_LITERAL_H_INCLUDED_ */
