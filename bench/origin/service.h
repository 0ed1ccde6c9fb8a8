
/*
 * The service: P servers and one queue, first come, first served.
 *
 * A job takes base * exp(sigma * Z) * (1 + contention * n / P), with Z normal
 * and n the jobs in service or queued, itself among them, when its service
 * begins: the more there are, the more each waits for the locks of the others.
 * Time passes by a timer, not by work.
 */


#ifndef _SERVICE_H_INCLUDED_
#define _SERVICE_H_INCLUDED_


#include "histogram.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <sys/queue.h>


typedef struct service_s  service_t;
typedef struct job_s      job_t;


/* embedded in what the caller wants served; the service owns none */

struct job_s {
    STAILQ_ENTRY(job_s)  queue;
    LIST_ENTRY(job_s)    serving;
    service_t           *service;
    struct event         timer;
    int64_t              arrived;           /* us, monotonic */
    int64_t              started;           /* us, monotonic */
};


typedef struct {
    uint64_t             servers;
    int64_t              base;              /* us */
    double               sigma;
    double               contention;
    uint64_t             queue;             /* jobs that may wait */
    uint64_t             seed;

    /* a job begins; returns what to multiply its time with */
    double             (*begin)(void *data, job_t *job);

    /* a job has been served, or was dropped by service_free() */
    void               (*end)(void *data, job_t *job);
    void               (*drop)(void *data, job_t *job);
    void                *data;
} service_conf_t;


typedef struct {
    uint64_t             arrived;
    uint64_t             turned_away;       /* not among those that arrived */
    uint64_t             completed;
    histogram_t          service;           /* from begin to end */
    histogram_t          system;            /* from arrival to end */
} service_stats_t;


service_t *service_create(struct event_base *base,
    const service_conf_t *conf);
void service_free(service_t *service);

/* false: the queue is full, and the job stays with the caller */

bool service_submit(service_t *service, job_t *job);


/*
 * Ends all that is here at once, in order, as if its time had passed; what
 * becomes of it needs no waiting for.  These times are not counted.
 */

void service_drain(service_t *service);


/* so many servers from now on; who is above that ends what it has begun */

void service_employ(service_t *service, uint64_t servers);


uint64_t service_servers(const service_t *service);
uint64_t service_in_service(const service_t *service);
uint64_t service_queued(const service_t *service);
const service_stats_t *service_stats(const service_t *service);


/* arrived begins with those that are here: all that came still add up */

void service_reset(service_t *service);


#endif /* _SERVICE_H_INCLUDED_ */
