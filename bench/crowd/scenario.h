
/*
 * Scenarios: who comes, when, and how they behave.  The language is told in
 * bench/scenarios/spike.scenario.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _SCENARIO_H_INCLUDED_
#define _SCENARIO_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>

#include "profile.h"
#include "usec.h"


typedef enum {
    CONNECTION_NEW,         /* one for each request */
    CONNECTION_OWN,         /* kept alive for the shopper's next request */
    CONNECTION_POOL         /* kept alive for anybody's */
} connection_e;


typedef struct {
    char          *name;
    char          *value;
} field_t;


/* times are in microseconds */
typedef struct {
    char          *name;
    double         share;           /* of the shoppers, 0 to 1 */

    char          *method;
    char          *path;
    char          *body;            /* NULL: none */
    field_t       *fields;
    size_t         nfields;
    int            has_accept;
    int            key;             /* sends Idempotency-Key */

    usec_t         timeout;
    unsigned       retries;
    usec_t         backoff;         /* before the first retry; 0: at once */
    usec_t         max_backoff;

    int            honours;         /* Retry-After */
    usec_t         jitter;          /* at most so much later than told */

    connection_e   connection;
    int            cookies;
    int            app;             /* keeps a token in place of cookies */
    int            follows;         /* a waiting line */
    double         ghosts;          /* share that does not follow it, though */
    usec_t         patience;        /* in line; 0: without end */
    unsigned       tabs;
    unsigned       visits;          /* further requests, once let in */
    usec_t         every;           /* ... so long after one another */

    uint32_t       first_address;   /* host byte order */
    unsigned       addresses;       /* 0: as the system chooses */
} population_t;


typedef struct {
    const char    *file;
    char          *name;            /* of the file, without path and suffix */
    char          *title;
    uint64_t       seed;
    double         duration;        /* s */
    profile_t      profile;
    population_t  *populations;
    size_t         npopulations;
} scenario_t;


/* returns 0, or -1 after it has said on stderr what is wrong, and where */
int scenario_read(scenario_t *scenario, const char *file);

void scenario_free(scenario_t *scenario);

/* in seconds; 0, or -1 if the text is no time, such as 250ms, 10s, 2m */
int scenario_time(const char *text, double *time);

/* the longest time-out of all populations */
usec_t scenario_patience(const scenario_t *scenario);


#endif /* _SCENARIO_H_INCLUDED_ */
