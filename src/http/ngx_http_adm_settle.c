
/*
 * After the answer: what was held is settled or given back, exactly once.
 *
 * The outcome is read from the upstream itself, before error_page or
 * X-Accel-Redirect make another answer of it: in the header filter, in
 * PREACCESS when an internal redirect comes back after an upstream, and at
 * last when the request ends.
 */


#include <ngx_http_adm.h>


static ngx_int_t ngx_http_adm_header_filter(ngx_http_request_t *r);
static void ngx_http_adm_settlement(ngx_http_adm_ctx_t *ctx,
    ngx_adm_settlement_t *settlement);
static ngx_uint_t ngx_http_adm_ends(ngx_list_t *fields, ngx_uint_t strip);
static ngx_uint_t ngx_http_adm_sent(ngx_http_request_t *r);


/* without asking an upstream even whether it is fresh */

#if (NGX_HTTP_CACHE)
#define ngx_http_adm_cached(r)  ((r)->cached && (r)->upstream->state == NULL)
#else
#define ngx_http_adm_cached(r)  0
#endif


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


ngx_int_t
ngx_http_adm_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_adm_header_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_header_filter(ngx_http_request_t *r)
{
    ngx_http_adm_ctx_t  *ctx;

    if (r == r->main) {
        ctx = ngx_http_adm_get_ctx(r);

        if (ctx && !ctx->over) {
            ngx_http_adm_settle(ctx);

        } else if (ctx && ctx->paged) {
            ngx_http_adm_reply_filter(r);
        }

        if (ctx && ctx->subject.place && !ctx->granted) {
            ctx->granted = 1;

            (void) ngx_http_adm_ends(&r->headers_out.headers, 1);

            if (ngx_http_adm_grants(ctx) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return ngx_http_next_header_filter(r);
}


/* an answer is there, the upstream's or another's: before it is sent */

void
ngx_http_adm_settle(ngx_http_adm_ctx_t *ctx)
{
    ngx_queue_t           *q;
    ngx_http_adm_step_t   *step;
    ngx_adm_settlement_t   settlement;

    ctx->over = 1;

    ngx_http_adm_count(ctx);
    ngx_http_adm_settlement(ctx, &settlement);

    for (q = ngx_queue_last(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_prev(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->held && step->use->policy->settle) {
            ngx_http_adm_present(ctx, step);
            step->use->policy->settle(&ctx->subject, step->use->conf,
                                      ngx_http_adm_step_state(step),
                                      &settlement);
            step->grant = ctx->subject.grant;
        }

        step->held = 0;
    }
}


/* the request ends with no answer seen: the client is gone, or we are */

void
ngx_http_adm_end(ngx_http_adm_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    if (ctx->over) {
        return;
    }

    r = ctx->request;

    if (r->upstream && r->upstream_states && ngx_http_adm_sent(r)) {
        ctx->lost = 1;
        ngx_http_adm_settle(ctx);
        return;
    }

    ctx->over = 1;

    ngx_http_adm_demand_asked(ctx);
    ngx_http_adm_count(ctx);
    ngx_http_adm_give_back(ctx, NGX_ADM_CAUSE_GONE);
}


void
ngx_http_adm_give_back(ngx_http_adm_ctx_t *ctx, ngx_adm_cause_e cause)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_last(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_prev(q))
    {
        ngx_http_adm_give_back_step(ctx,
                         ngx_queue_data(q, ngx_http_adm_step_t, queue), cause);
    }
}


void
ngx_http_adm_give_back_step(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_step_t *step, ngx_adm_cause_e cause)
{
    if (step->held && step->use->policy->give_back) {
        ngx_http_adm_present(ctx, step);
        step->use->policy->give_back(&ctx->subject, step->use->conf,
                                     ngx_http_adm_step_state(step), cause);
    }

    step->held = 0;
    step->claim = 0;
    step->command = NULL;
}


static void
ngx_http_adm_settlement(ngx_http_adm_ctx_t *ctx,
    ngx_adm_settlement_t *settlement)
{
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;

    settlement->outcome = NGX_ADM_UNREACHED;
    settlement->status = 0;
    settlement->ends = 0;
    settlement->lost = ctx->lost;

    if (u == NULL || ngx_http_adm_cached(r)) {

        /* without an upstream, what nginx itself makes is the answer */

        if (ctx->admitted) {
            settlement->outcome = NGX_ADM_ANSWERED;
            settlement->status = r->headers_out.status;
        }

    } else if (u->state == NULL || r->upstream_states == NULL) {

        /* no peer was tried: an unknown name, a body that was too large */

        return;

    } else if (u->state->header_time != (ngx_msec_t) -1) {
        settlement->outcome = NGX_ADM_ANSWERED;
        settlement->status = u->headers_in.status_n;
        settlement->ends = ngx_http_adm_ends(&u->headers_in.headers, 0);

    } else if (ngx_http_adm_sent(r)) {
        settlement->outcome = NGX_ADM_UNANSWERED;
    }
}


/* Admission-Session: end, from the upstream; it is not the client's to see */

static ngx_uint_t
ngx_http_adm_ends(ngx_list_t *fields, ngx_uint_t strip)
{
    ngx_uint_t        i, ends;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("Admission-Session");

    ends = 0;

    for (part = &fields->part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0 || h[i].key.len != name.len
                || ngx_strncasecmp(h[i].key.data, name.data, name.len) != 0)
            {
                continue;
            }

            ends |= h[i].value.len == 3
                    && ngx_strncasecmp(h[i].value.data, (u_char *) "end", 3)
                       == 0;
            h[i].hash = strip ? 0 : h[i].hash;
        }
    }

    return ends;
}


/* whether any peer of the upstream was sent a byte of the request */

static ngx_uint_t
ngx_http_adm_sent(ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    if (r->upstream->request_sent) {
        return 1;
    }

    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {
        if (state[i].bytes_sent) {
            return 1;
        }
    }

    return 0;
}


/* once a request, when its verdict is final */

void
ngx_http_adm_count(ngx_http_adm_ctx_t *ctx)
{
    ngx_uint_t                 dry_run;
    ngx_adm_reason_e           reason;
    ngx_http_adm_srv_conf_t   *ascf;
    ngx_http_adm_main_conf_t  *amcf;

    if (ctx->counted) {
        return;
    }

    reason = ctx->decided ? ctx->answer.reason : NGX_ADM_REASON_NONE;
    dry_run = ctx->decided ? ctx->dry_run
                           : ctx->mode == NGX_HTTP_ADM_DRY_RUN;

    ascf = ngx_http_get_module_srv_conf(ctx->request,
                                        ngx_http_admission_module);
    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_admission_module);

    ngx_adm_count(ascf->series, reason * 2 + dry_run);
    ngx_adm_observe(amcf->decisions, ctx->spent);

    ctx->counted = 1;
}
