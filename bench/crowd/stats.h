
/*
 * What happened: in all, by second, by population.
 *
 * A count stands in the second in which it happened; a latency in the second
 * in which its request was due, so that a stall is seen where it began.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _STATS_H_INCLUDED_
#define _STATS_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "client.h"
#include "histogram.h"


/* different words for refusals; further ones are counted as "other" */

#define STATS_LABELS  32


typedef enum {
    OUTCOME_SERVED,
    OUTCOME_REFUSED,
    OUTCOME_FAILED,
    OUTCOME_LEFT,           /* the line, of its own accord */
    OUTCOME_UNFINISHED,
    OUTCOMES
} outcome_e;


/* what kind of request is sent */
typedef enum {
    ASK_FIRST,
    ASK_RETRY,
    ASK_CALLED,             /* the request again, when the line is over */
    ASK_VISIT,              /* once more, when it was let in */
    ASK_RELOAD,             /* the request in place of a poll */
    ASK_POLL,
    ASKS
} ask_e;


typedef struct {
    uint64_t        offered;            /* shoppers due */
    uint64_t        asked[ASKS];
    uint64_t        served;             /* answers, as the next three */
    uint64_t        refused;
    uint64_t        joined;             /* "you are in line" */
    uint64_t        polled;
    uint64_t        let_in;             /* new passes */
    uint64_t        errors[ERROR_KINDS];
    uint64_t        refusals[STATS_LABELS];
} counts_t;


typedef struct {
    int64_t         index;              /* seconds since the start; -1: none */
    counts_t        counts;
    unsigned        in_flight;          /* the most at once, as the others */
    unsigned        in_line;
    unsigned        inside;
    unsigned        connections;
    usec_t          late;               /* the latest start */
    usec_t          lag;                /* the longest */
    histogram_t    *served;             /* NULL: none */
    histogram_t    *refused;
} second_t;


typedef struct {
    uint64_t        outcomes[OUTCOMES];
    uint64_t        asked[ASKS];
    histogram_t     to_served;          /* from arrival to the answer */
    histogram_t     attempts;           /* of a shopper, without polls */
} group_t;


typedef struct {
    usec_t          start;
    second_t       *seconds;            /* a ring */
    size_t          size;
    int64_t         last;               /* the highest second seen */

    counts_t        counts;
    histogram_t     served;
    histogram_t     refused;
    histogram_t     polled;
    histogram_t     in_line;            /* how long */
    histogram_t     late;               /* starts after they were due */
    histogram_t     lag;                /* of answers that wait to be read */
    histogram_t     recent;             /* answers since the last tick */

    group_t         all;
    group_t        *groups;             /* by population */
    uint64_t        refused_for[STATS_LABELS];
    uint64_t        failed_for[ERROR_KINDS];
    uint64_t        ghosts;             /* of those who left the line */

    unsigned        nlabels;
    char            labels[STATS_LABELS][ANSWER_WORD];
} stats_t;


/* "seconds" are kept; with more, the oldest are forgotten */
int stats_init(stats_t *stats, size_t seconds, size_t populations);
void stats_free(stats_t *stats);

void stats_offered(stats_t *stats, usec_t due);
void stats_asked(stats_t *stats, usec_t now, usec_t due, size_t population,
    ask_e ask);
void stats_served(stats_t *stats, usec_t now, usec_t due);
void stats_refused(stats_t *stats, usec_t now, usec_t due,
    const answer_t *answer);
void stats_joined(stats_t *stats, usec_t now);
void stats_polled(stats_t *stats, usec_t now, usec_t due);
void stats_let_in(stats_t *stats, usec_t now);
void stats_error(stats_t *stats, usec_t now, error_e error);
void stats_lag(stats_t *stats, usec_t now, usec_t lag);
void stats_gauges(stats_t *stats, usec_t now, unsigned in_flight,
    unsigned in_line, unsigned inside, unsigned connections);

/*
 * The end of a shopper: attempts without polls; "took" from the arrival, us.
 */
void stats_outcome(stats_t *stats, size_t population, outcome_e outcome,
    unsigned attempts, usec_t took);
void stats_refused_for(stats_t *stats, const answer_t *answer);
void stats_failed_for(stats_t *stats, error_e error);

/* a second that is still kept, or NULL */
const second_t *stats_second(const stats_t *stats, int64_t index);

uint64_t stats_errors(const counts_t *counts);
uint64_t stats_asked_all(const counts_t *counts);


#endif /* _STATS_H_INCLUDED_ */
