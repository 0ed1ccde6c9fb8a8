
/*
 * What upstreams do with the requests that we admit: how many are inside,
 * how long they take, what they answer.
 *
 * A request is inside from where its peer is chosen, after its body has been
 * read, until nginx is done with the upstream, whether or not the client has
 * got all of the answer.  nginx has no hook for that, so the initializer of
 * each upstream's balancer is wrapped, and in a request that it is called
 * for, the finalizer.  An upstream that is known only by a variable has none:
 * its finalizer is wrapped when its header comes, and its answers are measured
 * at the end of the request.
 *
 * The places that a request has are left with the upstream, whatever becomes
 * of the answer then, by error_page or X-Accel-Redirect.  A request that could
 * not be sent may go on to another upstream, by "error_page 502 = @other": it
 * does so without a place, since that one is not what the place was for.
 * What is answered without an upstream has its place until the request ends,
 * or, if it comes from the cache, until its header is sent.
 */


#include <ngx_http_adm.h>


/* an upstream of the configuration */

typedef struct {
    ngx_http_upstream_srv_conf_t      *upstream;
    ngx_http_upstream_init_peer_pt     init;       /* that stood there */
    ngx_adm_series_t                  *inside;
} ngx_http_adm_upstream_t;


static ngx_int_t ngx_http_adm_upstream_add(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_upstream_srv_conf_t *uscf);
static ngx_adm_series_t *ngx_http_adm_upstream_series(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_upstream_srv_conf_t *uscf);
static int ngx_libc_cdecl ngx_http_adm_upstream_compare(const void *one,
    const void *two);
static ngx_http_adm_upstream_t *ngx_http_adm_upstream_find(
    ngx_http_adm_main_conf_t *amcf, ngx_http_upstream_srv_conf_t *uscf);
static ngx_int_t ngx_http_adm_upstream_enter(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *uscf);
static void ngx_http_adm_upstream_leave(ngx_http_request_t *r, ngx_int_t rc);
static void ngx_http_adm_upstream_try(ngx_http_adm_main_conf_t *amcf,
    ngx_http_upstream_state_t *state);
static void ngx_http_adm_upstream_vacate(ngx_http_adm_ctx_t *ctx,
    ngx_adm_stay_e stay, uint64_t latency);
static ngx_adm_stay_e ngx_http_adm_upstream_stay(ngx_http_request_t *r,
    ngx_int_t rc);
static uint64_t ngx_http_adm_upstream_latency(ngx_http_adm_ctx_t *ctx);


ngx_int_t
ngx_http_adm_upstream_init(ngx_conf_t *cf)
{
    ngx_uint_t                       i;
    ngx_http_adm_main_conf_t        *amcf;
    ngx_http_upstream_srv_conf_t   **upstreams;
    ngx_http_upstream_main_conf_t   *umcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_admission_module);
    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);

    upstreams = umcf->upstreams.elts;

    if (ngx_array_init(&amcf->upstreams, cf->pool, umcf->upstreams.nelts + 1,
                       sizeof(ngx_http_adm_upstream_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        if (upstreams[i]->peer.init
            && ngx_http_adm_upstream_add(cf, amcf, upstreams[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_qsort(amcf->upstreams.elts, amcf->upstreams.nelts,
              sizeof(ngx_http_adm_upstream_t), ngx_http_adm_upstream_compare);

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_adm_upstream_compare(const void *one, const void *two)
{
    const ngx_http_adm_upstream_t  *first = one, *second = two;

    return ((uintptr_t) first->upstream > (uintptr_t) second->upstream)
           - ((uintptr_t) first->upstream < (uintptr_t) second->upstream);
}


static ngx_int_t
ngx_http_adm_upstream_add(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_http_adm_upstream_t  *upstream;

    upstream = ngx_array_push(&amcf->upstreams);
    if (upstream == NULL) {
        return NGX_ERROR;
    }

    upstream->inside = ngx_http_adm_upstream_series(cf, amcf, uscf);
    if (upstream->inside == NULL) {
        return NGX_ERROR;
    }

    upstream->upstream = uscf;
    upstream->init = uscf->peer.init;

    uscf->peer.init = ngx_http_adm_upstream_enter;

    return NGX_OK;
}


/* the name of an upstream block, or what stands in proxy_pass */

static ngx_adm_series_t *
ngx_http_adm_upstream_series(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_str_t  name;

    name = uscf->host;

    if (uscf->port && !(uscf->flags & NGX_HTTP_UPSTREAM_CREATE)) {
        name.data = ngx_pnalloc(cf->pool, uscf->host.len + sizeof(":65535"));
        if (name.data == NULL) {
            return NULL;
        }

        name.len = ngx_sprintf(name.data, "%V:%d", &uscf->host,
                               (int) uscf->port)
                   - name.data;
    }

    name.len = ngx_min(name.len, NGX_ADM_SERIES_NAME);

    return ngx_adm_counters_series(amcf->counters, NGX_ADM_FAMILY_LEVEL,
                                   &name);
}


/* it is there: only those that are have ngx_http_adm_upstream_enter() */

static ngx_http_adm_upstream_t *
ngx_http_adm_upstream_find(ngx_http_adm_main_conf_t *amcf,
    ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_uint_t                low, high, middle;
    ngx_http_adm_upstream_t  *upstreams;

    upstreams = amcf->upstreams.elts;

    low = 0;
    high = amcf->upstreams.nelts - 1;

    while (low < high) {
        middle = (low + high) / 2;

        if ((uintptr_t) upstreams[middle].upstream < (uintptr_t) uscf) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return &upstreams[low];
}


static ngx_int_t
ngx_http_adm_upstream_enter(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_int_t                  rc;
    ngx_http_adm_ctx_t        *ctx;
    ngx_http_adm_upstream_t   *upstream;
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);
    upstream = ngx_http_adm_upstream_find(amcf, uscf);

    rc = upstream->init(r, uscf);

    if (rc != NGX_OK || r != r->main || r->post_action
        || r->upstream->finalize_request == ngx_http_adm_upstream_leave)
    {
        return rc;
    }

    ctx = ngx_http_adm_get_ctx(r);

    if (ctx && ctx->admitted) {
        ctx->inside = upstream->inside;
        ctx->leave = r->upstream->finalize_request;

        r->upstream->finalize_request = ngx_http_adm_upstream_leave;

        ngx_adm_level_add(ctx->inside, 1);

        ctx->entered = ctx->places ? ngx_adm_clock() : 0;
    }

    return NGX_OK;
}


static void
ngx_http_adm_upstream_leave(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_adm_ctx_t  *ctx;

    ctx = ngx_http_adm_get_ctx(r);

    if (ctx->inside) {
        ngx_adm_level_add(ctx->inside, -1);
        ctx->inside = NULL;
    }

    ngx_http_adm_upstream_answers(ctx);

    if (ctx->places) {
        ngx_http_adm_upstream_vacate(ctx, ngx_http_adm_upstream_stay(r, rc),
                                     ngx_http_adm_upstream_latency(ctx));
    }

    /* it broke off; the request may yet linger */

    if (rc != NGX_OK) {
        ngx_http_adm_keep_end(ctx);
    }

    ctx->leave(r, rc);
}


void
ngx_http_adm_upstream_answers(ngx_http_adm_ctx_t *ctx)
{
    ngx_array_t                *states;
    ngx_http_adm_main_conf_t   *amcf;
    ngx_http_upstream_state_t  *state;

    states = ctx->request->upstream_states;

    if (states == NULL || !ctx->admitted) {
        return;
    }

    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_admission_module);
    state = states->elts;

    while (ctx->tries < states->nelts) {
        ngx_http_adm_upstream_try(amcf, &state[ctx->tries++]);
    }
}


/*
 * One peer: until its header came, or until it was given up, also when the
 * client did that, since those that people do not wait for are the slow ones
 */

static void
ngx_http_adm_upstream_try(ngx_http_adm_main_conf_t *amcf,
    ngx_http_upstream_state_t *state)
{
    ngx_uint_t  class;
    ngx_msec_t  time;

    if (state->peer == NULL) {
        return;
    }

    time = state->header_time;
    class = NGX_HTTP_ADM_CLASS_NONE;

    if (time != (ngx_msec_t) -1) {
        class = (state->status < 600) ? state->status / 100 : class;

    } else {
        time = state->response_time;

        if (state->status == 0) {
            class = NGX_HTTP_ADM_CLASS_ABANDONED;
        }
    }

    ngx_adm_count(amcf->node, NGX_HTTP_ADM_CLASS + class);

    if (time != (ngx_msec_t) -1) {
        ngx_adm_observe(amcf->answers, (uint64_t) time * 1000000);
    }
}


void
ngx_http_adm_upstream_headed(ngx_http_adm_ctx_t *ctx)
{
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;

    if (u == NULL || ctx->headed) {
        return;
    }

    if (ngx_http_adm_cached(r)) {
        ngx_http_adm_upstream_vacate(ctx, NGX_ADM_STAY_NONE, 0);
        return;
    }

    ctx->headed = ngx_adm_clock();

    if (u->state && u->finalize_request != ngx_http_adm_upstream_leave) {
        ctx->leave = u->finalize_request;
        u->finalize_request = ngx_http_adm_upstream_leave;
    }
}


void
ngx_http_adm_upstream_done(ngx_http_adm_ctx_t *ctx, ngx_int_t rc)
{
    if (ctx->places) {
        ngx_http_adm_upstream_vacate(ctx,
                                 ngx_http_adm_upstream_stay(ctx->request, rc),
                                 ngx_http_adm_upstream_latency(ctx));
    }
}


static void
ngx_http_adm_upstream_vacate(ngx_http_adm_ctx_t *ctx, ngx_adm_stay_e stay,
    uint64_t latency)
{
    ngx_queue_t          *q;
    ngx_http_adm_step_t  *step;

    ctx->places = 0;

    for (q = ngx_queue_last(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_prev(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (!step->inside) {
            continue;
        }

        step->inside = 0;
        step->left = 1;

        ngx_http_adm_present(ctx, step);

        step->use->policy->leave(&ctx->subject, step->use->conf,
                                 ngx_http_adm_step_state(step), stay, latency);
    }
}


/*
 * "rc" is what the upstream is finalized with; NGX_DONE, that the request is
 * freed, with no answer.  A body that a client did not send well is not the
 * upstream's fault, an answer that breaks off is.
 */

static ngx_adm_stay_e
ngx_http_adm_upstream_stay(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u == NULL || ngx_http_adm_cached(r)
        || u->state == NULL || r->upstream_states == NULL)
    {
        return NGX_ADM_STAY_NONE;
    }

    if (u->state->header_time != (ngx_msec_t) -1) {

        /* a tunnel may end by nobody's having anything to say */

        if (u->upgrade) {
            return NGX_ADM_STAY_ANSWERED;
        }

        /* where a stale answer of the cache is sent, the state has its own */

        return (u->state->status >= NGX_HTTP_INTERNAL_SERVER_ERROR
                || u->headers_in.status_n >= NGX_HTTP_INTERNAL_SERVER_ERROR
                || rc == NGX_HTTP_BAD_GATEWAY
                || rc == NGX_HTTP_GATEWAY_TIME_OUT)
               ? NGX_ADM_STAY_FAILED : NGX_ADM_STAY_ANSWERED;
    }

    if (rc == NGX_DONE || rc == NGX_HTTP_CLIENT_CLOSED_REQUEST) {
        return NGX_ADM_STAY_GONE;
    }

    return (rc >= NGX_HTTP_BAD_REQUEST && rc < NGX_HTTP_CLIENT_CLOSED_REQUEST)
           ? NGX_ADM_STAY_NONE : NGX_ADM_STAY_FAILED;
}


/* over all tries: to the client it is one upstream; ns */

static uint64_t
ngx_http_adm_upstream_latency(ngx_http_adm_ctx_t *ctx)
{
    uint64_t                    sum;
    ngx_uint_t                  i;
    ngx_msec_t                  time;
    ngx_array_t                *states;
    ngx_http_upstream_state_t  *state;

    if (ctx->entered) {
        return (ctx->headed ? ctx->headed : ngx_adm_clock()) - ctx->entered;
    }

    states = ctx->request->upstream_states;
    state = states ? states->elts : NULL;
    sum = 0;

    for (i = 0; states && i < states->nelts; i++) {
        time = (state[i].header_time != (ngx_msec_t) -1)
               ? state[i].header_time : state[i].response_time;

        sum += (time != (ngx_msec_t) -1) ? time : 0;
    }

    return sum * 1000000;
}
