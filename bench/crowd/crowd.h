
/*
 * A run: arrivals, and the shoppers that have come and not yet gone.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _CROWD_H_INCLUDED_
#define _CROWD_H_INCLUDED_


#include <event2/event.h>
#include <event2/event_struct.h>

#include "client.h"
#include "rng.h"
#include "room.h"
#include "scenario.h"
#include "stats.h"


typedef struct shopper_s  shopper_t;


/* the moments of arrival, s since the start of the run */
typedef struct {
    const profile_t    *profile;
    double              duration;
    int                 loop;           /* begin anew when over */
    double              begun;          /* when this round began */
    double              at;             /* in this round */
    rng_t               rng;
} arrivals_t;


typedef struct {
    const scenario_t   *scenario;
    client_t            client;
    const char         *authority;
    const char         *prefix;
    uint32_t            run;            /* makes the keys of a run its own */

    stats_t             stats;
    room_t              room;
    arrivals_t          arrivals;
    source_t          **sources;        /* by population */
    uint64_t           *counts;         /* shoppers by population */

    usec_t              start;
    usec_t              next;           /* arrival; -1: no more */
    struct event        arrival;
    struct event        probe;
    usec_t              probe_due;
    struct event        deadline;
    struct event        tick;
    void              (*on_tick)(void *crowd);

    uint64_t            arrived;
    shopper_t          *shoppers;       /* a list */
    unsigned            in_flight;
    unsigned            in_line;
    unsigned            waiting;        /* to come back */
} crowd_t;


void arrivals_init(arrivals_t *arrivals, const scenario_t *scenario,
    int loop);

/* s since the start, or -1 if nobody comes any more */
double arrivals_next(arrivals_t *arrivals);

/* which population the shopper of a number (from 1) belongs to */
size_t crowd_population(const scenario_t *scenario, rng_t *rng);

int crowd_init(crowd_t *crowd, const scenario_t *scenario, int loop);

/* returns when all is over, or crowd_end() was called */
void crowd_run(crowd_t *crowd);

void crowd_end(crowd_t *crowd);

/* notes how many there are of what is counted at once */
void crowd_gauges(crowd_t *crowd, usec_t now);

void crowd_free(crowd_t *crowd);


#endif /* _CROWD_H_INCLUDED_ */
