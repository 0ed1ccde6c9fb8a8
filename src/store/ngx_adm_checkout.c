
/*
 * Checkouts of this process: their life, and the signs of it that those give
 * whose requests run.
 */


#include <ngx_adm_trip.h>
#include <openssl/rand.h>


#define NGX_ADM_CHECKOUT_POOL     1024

/* of the shorter of lock and hold, and ms at least */
#define NGX_ADM_CHECKOUT_EXTEND   3
#define NGX_ADM_CHECKOUT_LEAST    50


static ngx_msec_t ngx_adm_checkout_due(ngx_adm_checkout_t *checkout);
static void ngx_adm_checkout_queue(ngx_adm_checkout_t *checkout);
static void ngx_adm_checkout_wake(void);
static void ngx_adm_checkout_extend(ngx_event_t *ev);


/* those that are admitted, the one that is due first at the head */

static ngx_queue_t  ngx_adm_checkouts = { &ngx_adm_checkouts,
                                          &ngx_adm_checkouts };
static ngx_event_t  ngx_adm_checkout_event;

/* what a debugging nginx says of a timer it takes from here */

static ngx_connection_t  ngx_adm_checkout_connection;


void
ngx_adm_checkout_start(ngx_cycle_t *cycle)
{
    ngx_adm_checkout_connection.fd = (ngx_socket_t) -1;

    ngx_adm_checkout_event.handler = ngx_adm_checkout_extend;
    ngx_adm_checkout_event.data = &ngx_adm_checkout_connection;
    ngx_adm_checkout_event.log = cycle->log;
    ngx_adm_checkout_event.cancelable = 1;
}


ngx_adm_checkout_t *
ngx_adm_checkout_create(ngx_adm_keeper_t *keeper)
{
    ngx_pool_t          *pool;
    ngx_adm_checkout_t  *checkout;

    pool = ngx_create_pool(NGX_ADM_CHECKOUT_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    checkout = ngx_pcalloc(pool, sizeof(ngx_adm_checkout_t));

    if (checkout == NULL
        || RAND_bytes(checkout->id, NGX_ADM_CHECKOUT_ID) != 1)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    checkout->pool = pool;
    checkout->keeper = keeper;

    return checkout;
}


/* of one of which nothing was asked nothing is known to the store */

void
ngx_adm_checkout_admit(ngx_adm_checkout_t *checkout)
{
    if (checkout->state != NGX_ADM_CHECKOUT_ASKED) {
        return;
    }

    checkout->state = NGX_ADM_CHECKOUT_ADMITTED;
    checkout->extended = ngx_current_msec;

    checkout->keeper->admit(checkout);

    if (checkout->keeper->extend) {
        ngx_adm_checkout_queue(checkout);
        ngx_adm_checkout_wake();
    }
}


void
ngx_adm_checkout_end(ngx_adm_checkout_t *checkout)
{
    if (checkout->state == NGX_ADM_CHECKOUT_ADMITTED
        && checkout->keeper->extend)
    {
        ngx_queue_remove(&checkout->queue);
    }

    if (checkout->state != NGX_ADM_CHECKOUT_NEW) {
        checkout->keeper->end(checkout);
    }

    ngx_destroy_pool(checkout->pool);
}


static ngx_msec_t
ngx_adm_checkout_due(ngx_adm_checkout_t *checkout)
{
    ngx_msec_t  life;

    life = NGX_MAX_INT32_VALUE;

    if (checkout->keyed) {
        life = ngx_min(life, checkout->lock);
    }

    if (checkout->stocked) {
        life = ngx_min(life, checkout->hold);
    }

    return checkout->extended + ngx_max(life / NGX_ADM_CHECKOUT_EXTEND,
                                        NGX_ADM_CHECKOUT_LEAST);
}


/* few differ in their time, so that the place is near the end */

static void
ngx_adm_checkout_queue(ngx_adm_checkout_t *checkout)
{
    ngx_msec_t           due;
    ngx_queue_t         *q;
    ngx_adm_checkout_t  *other;

    due = ngx_adm_checkout_due(checkout);

    for (q = ngx_queue_last(&ngx_adm_checkouts);
         q != ngx_queue_sentinel(&ngx_adm_checkouts);
         q = ngx_queue_prev(q))
    {
        other = ngx_queue_data(q, ngx_adm_checkout_t, queue);

        if ((ngx_msec_int_t) (ngx_adm_checkout_due(other) - due) <= 0) {
            break;
        }
    }

    ngx_queue_insert_after(q, &checkout->queue);
}


/* the timer stays when the first is gone, and goes off in vain */

static void
ngx_adm_checkout_wake(void)
{
    ngx_msec_t           due;
    ngx_event_t         *event;
    ngx_msec_int_t       left;
    ngx_adm_checkout_t  *first;

    event = &ngx_adm_checkout_event;

    if (ngx_queue_empty(&ngx_adm_checkouts)) {
        return;
    }

    first = ngx_queue_data(ngx_queue_head(&ngx_adm_checkouts),
                           ngx_adm_checkout_t, queue);
    due = ngx_adm_checkout_due(first);

    if (event->timer_set) {

        if ((ngx_msec_int_t) (due - event->timer.key) >= 0) {
            return;
        }

        ngx_del_timer(event);
    }

    left = (ngx_msec_int_t) (due - ngx_current_msec);

    ngx_add_timer(event, (ngx_msec_t) ngx_max(left, 0));
}


static void
ngx_adm_checkout_extend(ngx_event_t *ev)
{
    ngx_adm_checkout_t  *first;

    while (!ngx_queue_empty(&ngx_adm_checkouts)) {
        first = ngx_queue_data(ngx_queue_head(&ngx_adm_checkouts),
                               ngx_adm_checkout_t, queue);

        if ((ngx_msec_int_t) (ngx_adm_checkout_due(first) - ngx_current_msec)
            > 0)
        {
            break;
        }

        first->extended = ngx_current_msec;
        first->keeper->extend(first);

        ngx_queue_remove(&first->queue);
        ngx_adm_checkout_queue(first);
    }

    ngx_adm_checkout_wake();
}
