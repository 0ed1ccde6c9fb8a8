
/*
 * What upstreams do with the requests that we admit: how many are inside,
 * how long they take, what they answer.
 *
 * A request is inside from where its peer is chosen, after its body has been
 * read, until nginx is done with the upstream, whether or not the client has
 * got all of the answer.  nginx has no hook for that, so the initializer of
 * each upstream's balancer is wrapped, and in a request that it is called
 * for, the finalizer.  An upstream that is known only by a variable has none:
 * its answers are measured at the end of the request.
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
    }

    return NGX_OK;
}


static void
ngx_http_adm_upstream_leave(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_adm_ctx_t  *ctx;

    ctx = ngx_http_adm_get_ctx(r);

    ngx_adm_level_add(ctx->inside, -1);
    ngx_http_adm_upstream_answers(ctx);

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
