
/*
 * Trips: their life, and the answers that nobody waits for any more.
 */


#include <ngx_adm_trip.h>


#define NGX_ADM_TRIP_POOL   512


static ngx_adm_trip_t *ngx_adm_trip_alloc(void);
static void ngx_adm_trip_give_back(ngx_adm_trip_t *trip);


/*
 * Trips that are over.  They are never freed, only used again, so that a
 * keeper that answers twice finds a serial number and not freed memory.
 * As many as were ever under way at once in this process.
 */

static ngx_queue_t  ngx_adm_trips = { &ngx_adm_trips, &ngx_adm_trips };
static ngx_uint_t   ngx_adm_trip_serial;


ngx_adm_trip_t *
ngx_adm_trip_create(ngx_adm_keeper_t *keeper)
{
    ngx_queue_t     *q;
    ngx_adm_trip_t  *trip;

    if (ngx_queue_empty(&ngx_adm_trips)) {
        trip = ngx_adm_trip_alloc();
        if (trip == NULL) {
            return NULL;
        }

    } else {
        q = ngx_queue_head(&ngx_adm_trips);
        ngx_queue_remove(q);
        trip = ngx_queue_data(q, ngx_adm_trip_t, queue);
        trip->pool->log = ngx_cycle->log;
    }

    trip->keeper = keeper;
    trip->serial = ++ngx_adm_trip_serial;
    trip->event.log = ngx_cycle->log;
    trip->commands = NULL;
    trip->last = &trip->commands;
    trip->timeout = 0;
    trip->pending = 0;
    trip->submitted = 0;
    trip->cancelled = 0;

    return trip;
}


/* its pool is kept with it, and outlives cycles: its log is set anew */

static ngx_adm_trip_t *
ngx_adm_trip_alloc(void)
{
    ngx_pool_t      *pool;
    ngx_adm_trip_t  *trip;

    pool = ngx_create_pool(NGX_ADM_TRIP_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    trip = ngx_calloc(sizeof(ngx_adm_trip_t), ngx_cycle->log);
    if (trip == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    trip->pool = pool;

    return trip;
}


ngx_adm_command_t *
ngx_adm_trip_command(ngx_adm_trip_t *trip)
{
    ngx_adm_command_t  *command;

    command = ngx_pcalloc(trip->pool, sizeof(ngx_adm_command_t));
    if (command == NULL) {
        return NULL;
    }

    command->trip = trip;

    *trip->last = command;
    trip->last = &command->next;

    return command;
}


ngx_int_t
ngx_adm_trip_submit(ngx_adm_trip_t *trip)
{
    if (trip->keeper->submit(trip) != NGX_OK) {
        return NGX_ERROR;
    }

    trip->submitted = 1;

    return NGX_OK;
}


void
ngx_adm_trip_cancel(ngx_adm_trip_t *trip)
{
    if (trip->submitted) {
        trip->cancelled = 1;
        return;
    }

    ngx_adm_trip_give_back(trip);
    ngx_adm_trip_release(trip);
}


void
ngx_adm_trip_release(ngx_adm_trip_t *trip)
{
    ngx_reset_pool(trip->pool);

    trip->serial = 0;

    ngx_queue_insert_head(&ngx_adm_trips, &trip->queue);
}


void
ngx_adm_trip_answer(ngx_adm_trip_t *trip, ngx_uint_t serial)
{
    if (trip->serial != serial || !trip->submitted) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "store \"%V\" answered a trip that is over",
                      &trip->keeper->name);
        return;
    }

    trip->submitted = 0;

    if (trip->cancelled) {
        ngx_adm_trip_give_back(trip);
        ngx_adm_trip_release(trip);
        return;
    }

    trip->handler(trip);
}


static void
ngx_adm_trip_give_back(ngx_adm_trip_t *trip)
{
    ngx_adm_command_t  *command;

    for (command = trip->commands; command; command = command->next) {

        if (command->reply == NGX_ADM_REPLY_GRANTED) {
            trip->keeper->give_back(trip->keeper, command);
        }
    }
}
