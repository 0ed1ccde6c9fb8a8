
/*
 * How a request sleeps while its trip is under way.
 *
 * It does what limit_req does to a delayed request: NGX_AGAIN stops the phase
 * engine, test_reading notices a client that leaves, and waking runs the
 * phases on from the handler that slept.
 */


#include <ngx_http_adm.h>


static ngx_msec_t ngx_http_adm_timeout(ngx_http_adm_ctx_t *ctx);
static void ngx_http_adm_await(ngx_http_adm_ctx_t *ctx);
static void ngx_http_adm_answered(ngx_adm_trip_t *trip);
static void ngx_http_adm_expired(ngx_event_t *ev);
static void ngx_http_adm_wake(ngx_http_adm_ctx_t *ctx);
static void ngx_http_adm_awake(ngx_http_adm_ctx_t *ctx);


ngx_int_t
ngx_http_adm_suspend(ngx_http_adm_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    ctx->trip->handler = ngx_http_adm_answered;
    ctx->trip->data = ctx;
    ctx->trip->timeout = ngx_max(ctx->trip->timeout,
                                 ngx_http_adm_timeout(ctx));

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_adm_trip_submit(ctx->trip) != NGX_OK) {
        ctx->expired = 1;
        return NGX_DECLINED;
    }

    ctx->trips++;

    if (!ctx->trip->keeper->punctual) {
        ngx_http_adm_await(ctx);
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ctx->suspended = 1;

    ngx_adm_gauge_add(NGX_ADM_GAUGE_SUSPENDED, 1);

    return NGX_AGAIN;
}


/* the longer one, if nothing else can answer any of its commands */

static ngx_msec_t
ngx_http_adm_timeout(ngx_http_adm_ctx_t *ctx)
{
    ngx_adm_command_t         *command;
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_admission_module);

    for (command = ctx->trip->commands; command; command = command->next) {

        if (command->patient) {
            return ngx_max(amcf->timeout, amcf->claim_timeout);
        }
    }

    return amcf->timeout;
}


static void
ngx_http_adm_await(ngx_http_adm_ctx_t *ctx)
{
    ctx->deadline.handler = ngx_http_adm_expired;
    ctx->deadline.data = ctx;
    ctx->deadline.log = ctx->request->connection->log;

    ngx_add_timer(&ctx->deadline, ctx->trip->timeout);
}


static void
ngx_http_adm_answered(ngx_adm_trip_t *trip)
{
    ngx_http_adm_wake(trip->data);
}


/* the trip goes on without us, and what it is granted is given back */

static void
ngx_http_adm_expired(ngx_event_t *ev)
{
    ngx_http_adm_ctx_t  *ctx;

    ctx = ev->data;
    ctx->expired = 1;

    ngx_http_adm_wake(ctx);
}


static void
ngx_http_adm_wake(ngx_http_adm_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_http_adm_awake(ctx);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

    } else {
        ngx_http_core_run_phases(r);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_adm_awake(ngx_http_adm_ctx_t *ctx)
{
    if (ctx->deadline.timer_set) {
        ngx_del_timer(&ctx->deadline);
    }

    ctx->suspended = 0;

    ngx_adm_gauge_add(NGX_ADM_GAUGE_SUSPENDED, -1);
}


void
ngx_http_adm_abandon(ngx_http_adm_ctx_t *ctx)
{
    ngx_http_adm_main_conf_t  *amcf;

    if (ctx->trip) {
        ngx_adm_trip_cancel(ctx->trip);
        ctx->trip = NULL;
    }

    if (ctx->suspended) {
        ngx_http_adm_awake(ctx);

    } else if (!ctx->reading || ctx->over) {
        return;
    }

    ctx->counted = 1;

    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_admission_module);

    ngx_adm_count(amcf->node, NGX_HTTP_ADM_ABANDONED);
}
