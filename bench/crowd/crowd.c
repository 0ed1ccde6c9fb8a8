
/*
 * Arrivals never wait: a timer of the highest priority starts all shoppers
 * that are due, whatever became of those before.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "crowd.h"
#include "shopper.h"


/* the stream of arrivals; those of shoppers are numbered from 1 */

#define ARRIVALS_STREAM  0

/*
 * So many start before answers are looked at again.  Who falls behind must
 * not forget to read.
 */

#define ARRIVALS_BATCH  64

/*
 * A timer of the answers' priority tells how long answers wait to be read,
 * which would otherwise pass for the server's.  Its interval, us
 */

#define PROBE_INTERVAL  10000

/* a run without an end keeps the last quarter of an hour by second */

#define LOOP_SECONDS  900


static int crowd_sources(crowd_t *crowd);
static int crowd_events(crowd_t *crowd);
static void crowd_schedule(crowd_t *crowd);
static void on_arrival(evutil_socket_t fd, short what, void *data);
static void crowd_probe(crowd_t *crowd, usec_t now);
static void on_probe(evutil_socket_t fd, short what, void *data);
static void on_deadline(evutil_socket_t fd, short what, void *data);
static void on_tick(evutil_socket_t fd, short what, void *data);


void
arrivals_init(arrivals_t *arrivals, const scenario_t *scenario, int loop)
{
    memset(arrivals, 0, sizeof(arrivals_t));

    arrivals->profile = &scenario->profile;
    arrivals->duration = scenario->duration;
    arrivals->rng = rng_stream(scenario->seed, ARRIVALS_STREAM);

    /* rounds without arrivals would never lead to one */

    arrivals->loop = loop && profile_expected(&scenario->profile, 0,
                                              scenario->duration) > 0;
}


/*
 * A round that ends before the next arrival takes nothing along: the
 * exponential distribution has no memory.
 */

double
arrivals_next(arrivals_t *arrivals)
{
    for ( ;; ) {
        arrivals->at = profile_after(arrivals->profile, arrivals->at,
                                     rng_exponential(&arrivals->rng));

        if (arrivals->at < arrivals->duration) {
            return arrivals->begun + arrivals->at;
        }

        if (!arrivals->loop) {
            arrivals->at = arrivals->duration;
            return -1;
        }

        arrivals->begun += arrivals->duration;
        arrivals->at = 0;
    }
}


size_t
crowd_population(const scenario_t *scenario, rng_t *rng)
{
    size_t  i;
    double  u;

    u = rng_uniform(rng);

    for (i = 0; i < scenario->npopulations - 1; i++) {
        u -= scenario->populations[i].share;

        if (u < 0) {
            break;
        }
    }

    return i;
}


int
crowd_init(crowd_t *crowd, const scenario_t *scenario, int loop)
{
    size_t  seconds;

    crowd->scenario = scenario;

    arrivals_init(&crowd->arrivals, scenario, loop);

    seconds = LOOP_SECONDS;

    if (!loop) {
        seconds = (size_t) ceil(scenario->duration) + 2
                  + scenario_patience(scenario) / USEC_SECOND;
    }

    if (stats_init(&crowd->stats, seconds, scenario->npopulations) != 0) {
        return -1;
    }

    if (crowd_sources(crowd) != 0) {
        return -1;
    }

    return crowd_events(crowd);
}


static int
crowd_sources(crowd_t *crowd)
{
    size_t               i, n, count;
    const population_t  *p;

    n = crowd->scenario->npopulations;

    crowd->counts = calloc(n, sizeof(uint64_t));
    crowd->sources = calloc(n, sizeof(source_t *));

    if (crowd->counts == NULL || crowd->sources == NULL) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        p = &crowd->scenario->populations[i];
        count = p->addresses ? p->addresses : 1;

        crowd->sources[i] = calloc(count, sizeof(source_t));

        if (crowd->sources[i] == NULL) {
            return -1;
        }

        while (p->addresses && count--) {
            crowd->sources[i][count].address = p->first_address + count;
        }
    }

    return 0;
}


/*
 * Arrivals go before all else, and are asked for again after a millisecond
 * of other work.  Timers have microseconds, not epoll_wait()'s milliseconds.
 */

static int
crowd_events(crowd_t *crowd)
{
    struct timeval        interval;
    struct event_base    *base;
    struct event_config  *config;

    config = event_config_new();

    if (config == NULL) {
        return -1;
    }

    interval = usec_timeval(1000);

    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER
                                  |EVENT_BASE_FLAG_NOLOCK
                                  |EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    event_config_set_max_dispatch_interval(config, &interval, 16, 1);

    base = event_base_new_with_config(config);
    event_config_free(config);

    if (base == NULL) {
        return -1;
    }

    event_base_priority_init(base, 2);

    crowd->client.base = base;

    evtimer_assign(&crowd->arrival, base, on_arrival, crowd);
    evtimer_assign(&crowd->probe, base, on_probe, crowd);
    evtimer_assign(&crowd->deadline, base, on_deadline, crowd);
    event_assign(&crowd->tick, base, -1, EV_PERSIST, on_tick, crowd);

    event_priority_set(&crowd->arrival, 0);
    event_priority_set(&crowd->probe, 1);
    event_priority_set(&crowd->deadline, 0);
    event_priority_set(&crowd->tick, 0);

    return 0;
}


void
crowd_run(crowd_t *crowd)
{
    struct timeval  tv;

    crowd->start = usec_now();
    crowd->stats.start = crowd->start;
    crowd->room.start = crowd->start;

    crowd_schedule(crowd);

    tv = usec_timeval(0);
    event_add(&crowd->arrival, &tv);

    if (!crowd->arrivals.loop) {
        tv = usec_timeval(usec_of(crowd->scenario->duration)
                          + scenario_patience(crowd->scenario));
        event_add(&crowd->deadline, &tv);
    }

    tv = usec_timeval(USEC_SECOND);
    event_add(&crowd->tick, &tv);

    crowd_probe(crowd, crowd->start);

    event_base_dispatch(crowd->client.base);

    shoppers_end(crowd);
}


static void
crowd_schedule(crowd_t *crowd)
{
    double  at;

    at = arrivals_next(&crowd->arrivals);
    crowd->next = (at < 0) ? -1 : crowd->start + usec_of(at);
}


static void
on_arrival(evutil_socket_t fd, short what, void *data)
{
    usec_t           now;
    crowd_t         *crowd;
    unsigned         n;
    struct timeval   tv;

    (void) fd;
    (void) what;

    crowd = data;
    now = usec_now();

    for (n = 0; n < ARRIVALS_BATCH; n++) {

        if (crowd->next == -1 || crowd->next > now) {
            break;
        }

        shopper_arrive(crowd, crowd->next);
        crowd_schedule(crowd);
    }

    if (crowd->next == -1) {

        if (crowd->shoppers == NULL) {
            crowd_end(crowd);
        }

        return;
    }

    event_priority_set(&crowd->arrival, n == ARRIVALS_BATCH);

    tv = usec_timeval(crowd->next - usec_now());
    event_add(&crowd->arrival, &tv);
}


static void
crowd_probe(crowd_t *crowd, usec_t now)
{
    struct timeval  tv;

    crowd->probe_due = now + PROBE_INTERVAL;

    tv = usec_timeval(crowd->probe_due - usec_now());
    event_add(&crowd->probe, &tv);
}


/* probes that would have been due during a long lag count as well */
static void
on_probe(evutil_socket_t fd, short what, void *data)
{
    usec_t    now, lag;
    crowd_t  *crowd;

    (void) fd;
    (void) what;

    crowd = data;
    now = usec_now();

    for (lag = now - crowd->probe_due; lag >= 0; lag -= PROBE_INTERVAL) {
        stats_lag(&crowd->stats, now, lag);
    }

    crowd_probe(crowd, now);
}


static void
on_deadline(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;

    crowd_end(data);
}


static void
on_tick(evutil_socket_t fd, short what, void *data)
{
    crowd_t  *crowd;

    (void) fd;
    (void) what;

    crowd = data;

    /* a second in which nothing is sent has its gauges all the same */

    crowd_gauges(crowd, usec_now());

    if (crowd->on_tick != NULL) {
        crowd->on_tick(crowd);
    }
}


void
crowd_gauges(crowd_t *crowd, usec_t now)
{
    stats_gauges(&crowd->stats, now, crowd->in_flight, crowd->in_line,
                 room_inside(&crowd->room), crowd->client.open);
}


void
crowd_end(crowd_t *crowd)
{
    event_base_loopbreak(crowd->client.base);
}


void
crowd_free(crowd_t *crowd)
{
    size_t  i, k, count;

    for (i = 0; i < crowd->scenario->npopulations; i++) {
        count = crowd->scenario->populations[i].addresses;

        for (k = 0; k == 0 || k < count; k++) {
            client_close_idle(&crowd->sources[i][k]);
        }

        free(crowd->sources[i]);
    }

    free(crowd->sources);
    free(crowd->counts);
    stats_free(&crowd->stats);
    room_free(&crowd->room);
    event_base_free(crowd->client.base);
}
