
/*
 * A request's context: made with its first policy, found again after internal
 * redirects, ended with the request's pool.
 */


#include <ngx_http_adm.h>
#include <ngx_http_adm_text.h>


static void ngx_http_adm_cleanup(void *data);
static ngx_table_elt_t *ngx_http_adm_next_field(ngx_http_request_t *r,
    ngx_str_t *name, ngx_table_elt_t *h);


ngx_http_adm_ctx_t *
ngx_http_adm_create_ctx(ngx_http_request_t *r, ngx_http_adm_end_pt end)
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
    ctx->end = end;
    ctx->subject.pool = r->pool;
    ctx->subject.log = r->connection->log;
    ctx->subject.evaluate = ngx_http_adm_value;
    ctx->subject.fingerprint = ngx_http_adm_fingerprint;
    ctx->subject.client = ngx_http_adm_client;
    ctx->subject.owner = ctx;
    ctx->subject.remaining = NGX_ADM_NO_LIMIT;

    ngx_queue_init(&ctx->steps);

    ngx_http_set_ctx(r, ctx, ngx_http_admission_module);

    return ctx;
}


void
ngx_http_adm_present(ngx_http_adm_ctx_t *ctx, ngx_http_adm_step_t *step)
{
    ngx_adm_subject_t  *s;

    s = &ctx->subject;

    ngx_memzero(&s->answer, sizeof(ngx_adm_answer_t));

    s->grant = step->grant;

    s->answer.retry = NGX_ADM_NO_RETRY;
    s->values = step->values;
    ctx->step = step;
    s->dry_run = step->dry_run;
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


static void
ngx_http_adm_cleanup(void *data)
{
    ngx_http_adm_ctx_t  *ctx = data;

    ctx->end(ctx);
}


ngx_int_t
ngx_http_adm_add_field(ngx_http_request_t *r, ngx_str_t *key,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key = *key;
    h->value = *value;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_request_field(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char           *p;
    size_t            len;
    ngx_uint_t        n;
    ngx_table_elt_t  *h;

    ngx_str_null(value);

    n = 0;
    len = 0;
    h = NULL;

    while ((h = ngx_http_adm_next_field(r, name, h)) != NULL) {
        *value = h->value;
        len += h->value.len + 2;
        n++;
    }

    if (n < 2) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;

    while ((h = ngx_http_adm_next_field(r, name, h)) != NULL) {
        p = ngx_http_adm_put_str(p, &h->value);
        p = ngx_http_adm_put(p, ", ");
    }

    value->len = p - value->data - 2;

    return NGX_OK;
}


/* the field of that name behind "h", or the first; NULL: there is none */

static ngx_table_elt_t *
ngx_http_adm_next_field(ngx_http_request_t *r, ngx_str_t *name,
    ngx_table_elt_t *h)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *field;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        field = part->elts;

        if (h && (h < field || h >= field + part->nelts)) {
            continue;
        }

        for (i = h ? h - field + 1 : 0; i < part->nelts; i++) {

            if (field[i].key.len == name->len
                && ngx_strncmp(field[i].lowcase_key, name->data, name->len)
                   == 0)
            {
                return &field[i];
            }
        }

        h = NULL;
    }

    return NULL;
}
