
/*
 * Where nginx calls us: the phase handlers, and the end of a request.
 */


#include <ngx_http_adm.h>


/* as an upstream would be finalized, by an answer or the client's leaving */
#define ngx_http_adm_phase_told(r)  ((r)->header_sent ? NGX_OK : NGX_DONE)


static ngx_int_t ngx_http_adm_preaccess_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_begin(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_precontent_handler(ngx_http_request_t *r);
static void ngx_http_adm_finish(ngx_http_adm_ctx_t *ctx);


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
    ngx_http_adm_ctx_t  *ctx;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_adm_get_ctx(r);

    if (r->post_action) {

        if (ctx) {
            ngx_http_adm_upstream_answers(ctx);
            ngx_http_adm_upstream_done(ctx, ngx_http_adm_phase_told(r));
            ctx->tries = NGX_MAX_INT_T_VALUE;
        }

        return NGX_DECLINED;
    }

    /*
     * X-Accel-Redirect or error_page after the upstream: it has answered, or
     * may have.  If none was sent anything the request may go on to another,
     * as by "error_page 502 = @other", with all that it has taken.
     */

    if (r->upstream_states) {

        if (ctx && !ctx->over && ngx_http_adm_sent(r)) {
            ngx_http_adm_settle(ctx);
        }

        /* the client hears of it from where it goes */

        if (ctx) {
            ngx_http_adm_upstream_done(ctx, NGX_OK);
        }

        return NGX_DECLINED;
    }

    if (ctx && ctx->over) {
        return NGX_DECLINED;
    }

    /* what refused before the claims could travel has led here */

    if (ctx && ctx->trip == NULL && ctx->claims) {
        ngx_http_adm_drop_claims(ctx);
    }

    return (ctx && ctx->trip) ? ngx_http_adm_check(ctx)
                              : ngx_http_adm_begin(r, ctx);
}


/* the checks of a location, for a request that may have come from another */

static ngx_int_t
ngx_http_adm_begin(ngx_http_request_t *r, ngx_http_adm_ctx_t *ctx)
{
    ngx_uint_t                 mode;
    ngx_http_adm_loc_conf_t   *alcf;
    ngx_http_adm_main_conf_t  *amcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);

    if (alcf->npipeline == 0) {
        return NGX_DECLINED;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    mode = ngx_http_adm_mode(amcf, alcf);

    /* a poll never goes to the upstream */

    if (mode != NGX_HTTP_ADM_ON && alcf->wait && ngx_http_adm_room_polled(r)) {
        return ngx_http_adm_room_open(r, alcf->wait);
    }

    if (mode == NGX_HTTP_ADM_OFF) {
        return NGX_DECLINED;
    }

    if (ctx == NULL) {
        ctx = ngx_http_adm_create_ctx(r, ngx_http_adm_finish);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

    }

    if (alcf->wait) {
        ctx->subject.poll = ngx_http_adm_room_polled(r);
    }

    ctx->location = alcf;
    ctx->next = 0;
    ctx->mode = mode;
    ctx->level = alcf->log_level;
    ctx->subject.fallback = alcf->fallback;
    ctx->subject.room_fallback = alcf->room_fallback;
    ctx->subject.key_fallback = alcf->key_fallback;
    ctx->subject.stock_fallback = alcf->stock_fallback;
    ctx->subject.failed = amcf->failed;
    ctx->subject.method = r->method;
    ctx->subject.holders = amcf->known;

    return ngx_http_adm_check(ctx);
}


/* what is off in the configuration stays off */

ngx_uint_t
ngx_http_adm_mode(ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_loc_conf_t *alcf)
{
    ngx_uint_t  mode;

    mode = ngx_adm_setting(amcf->mode);

    if (alcf->mode == NGX_HTTP_ADM_OFF || mode == NGX_ADM_SETTING_NONE) {
        return alcf->mode;
    }

    return mode;
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


/* with the request's pool: what is still held is settled, or given back */

static void
ngx_http_adm_finish(ngx_http_adm_ctx_t *ctx)
{
    ngx_http_adm_abandon(ctx);
    ngx_http_adm_end(ctx);
    ngx_http_adm_keep_end(ctx);
    ngx_http_adm_upstream_answers(ctx);
    ngx_http_adm_upstream_done(ctx, ngx_http_adm_phase_told(ctx->request));
}
