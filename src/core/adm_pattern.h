
/*
 * Lua's patterns (Lua 5.1 Reference Manual, 5.4.1), matched within a number
 * of steps: a pattern backtracks, and one of a few bytes may take as long as
 * there are atoms in the world.
 *
 * The grammar, what matches and what is captured are Lua's, in its "C" locale;
 * the matcher is the usual one of a recursion for each item of the pattern.
 * Each byte that is compared, and each item that is tried, is a step.
 */


#ifndef _ADM_PATTERN_H_INCLUDED_
#define _ADM_PATTERN_H_INCLUDED_


#include "adm.h"


#define ADM_PATTERN_CAPTURES   32

/* items within each other, of which each is a call */
#define ADM_PATTERN_DEPTH      200


typedef enum {
    ADM_PATTERN_MATCH = 0,
    ADM_PATTERN_NONE,
    ADM_PATTERN_STEPS,             /* there are none left */
    ADM_PATTERN_COMPLEX,           /* deeper than ADM_PATTERN_DEPTH */
    ADM_PATTERN_TOO_MANY,          /* captures */
    ADM_PATTERN_ENDS_PERCENT,      /* the pattern is none: it ends with "%" */
    ADM_PATTERN_NO_BRACKET,        /* ... "]" is missing */
    ADM_PATTERN_NO_FRONTIER,       /* ... "[" behind "%f" is */
    ADM_PATTERN_NO_BALANCE,        /* ... what "%b" is about */
    ADM_PATTERN_NO_CAPTURE,        /* ... "%1" or ")" without a capture */
    ADM_PATTERN_UNFINISHED,        /* ... ")" is missing */
    ADM_PATTERN_RCS
} adm_pattern_rc_e;


/* "()": a capture that is a place, begin */

#define ADM_PATTERN_PLACE      ((size_t) -1)

typedef struct {
    size_t             begin;      /* in the subject */
    size_t             len;        /* or ADM_PATTERN_PLACE */
} adm_pattern_capture_t;


/* what was found: bytes from begin to before end */

typedef struct {
    size_t                 begin;
    size_t                 end;
    size_t                 n;
    adm_pattern_capture_t  captures[ADM_PATTERN_CAPTURES];
} adm_pattern_found_t;


/*
 * Looks for the first match at "from" or behind, or, if the pattern begins
 * with "^", at "from" alone; "from" is at most the subject's length.  *steps
 * is what may be spent, and then what is left; 0 after ADM_PATTERN_STEPS.
 */

adm_pattern_rc_e adm_pattern_find(adm_str_t subject, adm_str_t pattern,
    size_t from, uint64_t *steps, adm_pattern_found_t *found);


/* 1 if the pattern has none of the characters that mean something */

int adm_pattern_plain(adm_str_t pattern);


/* for people, as "pattern ends with '%'"; of those that are errors */

const char *adm_pattern_error(adm_pattern_rc_e rc);


#endif /* _ADM_PATTERN_H_INCLUDED_ */
