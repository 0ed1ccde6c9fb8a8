
/*
 * Where nginx calls us, and how a request sleeps.
 *
 * Suspended is what limit_req does to a delayed request: NGX_AGAIN stops the
 * phase engine, test_reading notices a client that leaves, and waking runs
 * the phases on from the handler that slept.
 */


#include <ngx_http_adm.h>


static ngx_int_t ngx_http_adm_preaccess_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_precontent_handler(ngx_http_request_t *r);
static ngx_http_adm_ctx_t *ngx_http_adm_create_ctx(ngx_http_request_t *r,
    ngx_http_adm_loc_conf_t *alcf);
static void ngx_http_adm_cleanup(void *data);
static void ngx_http_adm_answered(ngx_adm_trip_t *trip);
static void ngx_http_adm_expired(ngx_event_t *ev);
static void ngx_http_adm_wake(ngx_http_adm_ctx_t *ctx);


ngx_int_t
ngx_http_adm_phase_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_adm_preaccess_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_adm_precontent_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_preaccess_handler(ngx_http_request_t *r)
{
    ngx_http_adm_ctx_t       *ctx;
    ngx_http_adm_loc_conf_t  *alcf;

    if (r != r->main || r->post_action) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_adm_get_ctx(r);

    /* X-Accel-Redirect or error_page after the upstream: it has answered */

    if (ctx && !ctx->over && r->upstream_states) {
        ngx_http_adm_settle(ctx);
    }

    if (ctx && ctx->over) {
        return NGX_DECLINED;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);

    if (alcf->npipeline == 0 || alcf->mode == NGX_HTTP_ADM_OFF) {
        return NGX_DECLINED;
    }

    if (ctx == NULL) {
        ctx = ngx_http_adm_create_ctx(r, alcf);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ctx->trip == NULL) {
        ctx->location = alcf;
        ctx->next = 0;
        ctx->level = alcf->log_level;
        ctx->subject.dry_run = (alcf->mode == NGX_HTTP_ADM_DRY_RUN);
        ctx->subject.fallback = alcf->fallback;
    }

    return ngx_http_adm_check(ctx);
}


static ngx_int_t
ngx_http_adm_precontent_handler(ngx_http_request_t *r)
{
    ngx_http_adm_ctx_t  *ctx;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_adm_get_ctx(r);

    if (ctx == NULL || ctx->over) {
        return NGX_DECLINED;
    }

    return ngx_http_adm_claim(ctx);
}


static ngx_http_adm_ctx_t *
ngx_http_adm_create_ctx(ngx_http_request_t *r, ngx_http_adm_loc_conf_t *alcf)
{
    ngx_pool_cleanup_t  *cln;
    ngx_http_adm_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_adm_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_adm_ctx_t));

    cln->handler = ngx_http_adm_cleanup;

    ctx->request = r;
    ctx->subject.pool = r->pool;
    ctx->subject.log = r->connection->log;
    ctx->subject.remaining = NGX_ADM_NO_LIMIT;

    ngx_queue_init(&ctx->steps);

    ngx_http_set_ctx(r, ctx, ngx_http_admission_module);

    return ctx;
}


/*
 * An internal redirect zeroes the contexts of modules; ours is then found by
 * its cleanup, as realip finds its own.
 */

ngx_http_adm_ctx_t *
ngx_http_adm_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;
    ngx_http_adm_ctx_t  *ctx;

    r = r->main;
    ctx = ngx_http_get_module_ctx(r, ngx_http_admission_module);

    if (ctx || (!r->internal && !r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_adm_cleanup) {
            ctx = cln->data;
            ngx_http_set_ctx(r, ctx, ngx_http_admission_module);
            return ctx;
        }
    }

    return NULL;
}


/* the request ends: what is still held is settled, or given back */

static void
ngx_http_adm_cleanup(void *data)
{
    ngx_http_adm_ctx_t  *ctx = data;

    ngx_http_adm_main_conf_t  *amcf;

    if (ctx->deadline.timer_set) {
        ngx_del_timer(&ctx->deadline);
    }

    if (ctx->trip) {
        ngx_adm_trip_cancel(ctx->trip);
        ctx->trip = NULL;
    }

    if (ctx->suspended) {
        ctx->suspended = 0;
        ctx->counted = 1;

        amcf = ngx_http_get_module_main_conf(ctx->request,
                                             ngx_http_admission_module);

        ngx_adm_gauge_add(NGX_ADM_GAUGE_SUSPENDED, -1);
        ngx_adm_count(amcf->node, NGX_HTTP_ADM_ABANDONED);
    }

    ngx_http_adm_end(ctx);
}


ngx_int_t
ngx_http_adm_suspend(ngx_http_adm_ctx_t *ctx)
{
    ngx_http_request_t        *r;
    ngx_http_adm_main_conf_t  *amcf;

    r = ctx->request;

    ctx->trip->handler = ngx_http_adm_answered;
    ctx->trip->data = ctx;

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->trips++;

    if (ngx_adm_trip_submit(ctx->trip) != NGX_OK) {
        ctx->expired = 1;
        return NGX_DECLINED;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    ctx->deadline.handler = ngx_http_adm_expired;
    ctx->deadline.data = ctx;
    ctx->deadline.log = r->connection->log;
    ngx_add_timer(&ctx->deadline, amcf->timeout);

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ctx->suspended = 1;

    ngx_adm_gauge_add(NGX_ADM_GAUGE_SUSPENDED, 1);

    return NGX_AGAIN;
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

    if (ctx->deadline.timer_set) {
        ngx_del_timer(&ctx->deadline);
    }

    ctx->suspended = 0;
    ngx_adm_gauge_add(NGX_ADM_GAUGE_SUSPENDED, -1);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

    } else {
        ngx_http_core_run_phases(r);
    }

    ngx_http_run_posted_requests(c);
}
