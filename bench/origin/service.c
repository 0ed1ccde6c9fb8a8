
#include "service.h"
#include "literal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


struct service_s {
    service_conf_t               conf;
    struct event_base           *base;
    STAILQ_HEAD(, job_s)         queue;
    LIST_HEAD(, job_s)           serving;
    uint64_t                     in_service;
    uint64_t                     queued;
    service_stats_t              stats;
    unsigned short               random[3];
};


static void service_fill(service_t *service);
static void service_begin(service_t *service, job_t *job);
static double service_time(service_t *service);
static double service_normal(service_t *service);
static void service_end(evutil_socket_t fd, short what, void *data);


service_t *
service_create(struct event_base *base, const service_conf_t *conf)
{
    service_t  *service;

    service = calloc(1, sizeof(service_t));
    if (service == NULL) {
        return NULL;
    }

    service->conf = *conf;
    service->base = base;

    STAILQ_INIT(&service->queue);
    LIST_INIT(&service->serving);

    memcpy(service->random, &conf->seed, sizeof(service->random));

    return service;
}


void
service_free(service_t *service)
{
    job_t  *job;

    while ((job = LIST_FIRST(&service->serving)) != NULL) {
        LIST_REMOVE(job, serving);
        event_del(&job->timer);
        service->conf.drop(service->conf.data, job);
    }

    while ((job = STAILQ_FIRST(&service->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&service->queue, queue);
        service->conf.drop(service->conf.data, job);
    }

    free(service);
}


bool
service_submit(service_t *service, job_t *job)
{
    if (service->in_service >= service->conf.servers
        && service->queued >= service->conf.queue)
    {
        service->stats.turned_away++;
        return false;
    }

    job->service = service;
    job->arrived = clock_now();

    service->stats.arrived++;

    if (service->in_service < service->conf.servers) {
        service_begin(service, job);
        return true;
    }

    STAILQ_INSERT_TAIL(&service->queue, job, queue);
    service->queued++;

    return true;
}


static void
service_fill(service_t *service)
{
    job_t  *job;

    while (service->in_service < service->conf.servers
           && (job = STAILQ_FIRST(&service->queue)) != NULL)
    {
        STAILQ_REMOVE_HEAD(&service->queue, queue);
        service->queued--;
        service_begin(service, job);
    }
}


static void
service_begin(service_t *service, job_t *job)
{
    double          usec, others;
    struct timeval  timeout;

    LIST_INSERT_HEAD(&service->serving, job, serving);
    service->in_service++;

    others = (double) (service->in_service + service->queued);

    usec = service_time(service)
           * (1 + service->conf.contention * others
                  / (double) service->conf.servers)
           * service->conf.begin(service->conf.data, job);

    job->started = clock_now();

    timeout.tv_sec = (time_t) (usec / USEC_PER_SEC);
    timeout.tv_usec = (suseconds_t) fmod(usec, USEC_PER_SEC);

    evtimer_assign(&job->timer, service->base, service_end, job);

    /* without it the time would count from when this turn of the loop began */

    event_base_update_cache_time(service->base);
    evtimer_add(&job->timer, &timeout);
}


static double
service_time(service_t *service)
{
    return (double) service->conf.base
           * exp(service->conf.sigma * service_normal(service));
}


/* Box and Muller's transform; each job draws twice, whatever sigma is */

static double
service_normal(service_t *service)
{
    double  radius, angle;

    radius = sqrt(-2 * log(1 - erand48(service->random)));
    angle = 2 * M_PI * erand48(service->random);

    return radius * cos(angle);
}


static void
service_end(evutil_socket_t fd, short what, void *data)
{
    job_t  *job = data;

    int64_t     now;
    service_t  *service;

    (void) fd;
    (void) what;

    now = clock_now();
    service = job->service;

    LIST_REMOVE(job, serving);
    service->in_service--;

    service->stats.completed++;
    histogram_add(&service->stats.service, now - job->started);
    histogram_add(&service->stats.system, now - job->arrived);

    service_fill(service);

    service->conf.end(service->conf.data, job);
}


void
service_drain(service_t *service)
{
    job_t  *job;

    while ((job = LIST_FIRST(&service->serving)) != NULL) {
        LIST_REMOVE(job, serving);
        event_del(&job->timer);

        service->in_service--;
        service->stats.completed++;
        service->conf.end(service->conf.data, job);
    }

    while ((job = STAILQ_FIRST(&service->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&service->queue, queue);

        service->queued--;
        service->stats.completed++;
        service->conf.begin(service->conf.data, job);
        service->conf.end(service->conf.data, job);
    }
}


void
service_employ(service_t *service, uint64_t servers)
{
    service->conf.servers = servers;

    service_fill(service);
}


uint64_t
service_servers(const service_t *service)
{
    return service->conf.servers;
}


uint64_t
service_in_service(const service_t *service)
{
    return service->in_service;
}


uint64_t
service_queued(const service_t *service)
{
    return service->queued;
}


const service_stats_t *
service_stats(const service_t *service)
{
    return &service->stats;
}


void
service_reset(service_t *service)
{
    memset(&service->stats, 0, sizeof(service->stats));

    service->stats.arrived = service->in_service + service->queued;
}
