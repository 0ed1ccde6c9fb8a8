
/*
 * An answer that was kept, sent again: by nginx' own filters, as if the
 * upstream had just said it.
 */


#include <ngx_http_adm.h>
#include <adm_kept.h>


#if (nginx_version >= 1023000)
#define ngx_http_adm_cacheable(r)  ((r)->headers_out.cache_control != NULL)
#else
#define ngx_http_adm_cacheable(r)  ((r)->headers_out.cache_control.nelts != 0)
#endif


/* fields that nginx knows by more than their name */

typedef struct {
    ngx_str_t    name;
    size_t       offset;     /* of its pointer in headers_out */
} ngx_http_adm_known_t;


static ngx_int_t ngx_http_adm_replay_fields(ngx_http_request_t *r,
    adm_kept_t *kept);
static ngx_int_t ngx_http_adm_replay_field(ngx_http_request_t *r,
    adm_str_t name, adm_str_t value);
static ngx_int_t ngx_http_adm_replay_known(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static ngx_int_t ngx_http_adm_replay_cache(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static ngx_int_t ngx_http_adm_replay_ours(ngx_http_request_t *r);
static void ngx_http_adm_replay_type(ngx_http_request_t *r, adm_kept_t *kept);
static ngx_uint_t ngx_http_adm_replay_is(ngx_str_t *one, ngx_str_t *two);
static ngx_str_t ngx_http_adm_replay_str(adm_str_t s);


static ngx_http_adm_known_t  ngx_http_adm_known[] = {
    { ngx_string("Accept-Ranges"),
      offsetof(ngx_http_headers_out_t, accept_ranges) },
    { ngx_string("Content-Encoding"),
      offsetof(ngx_http_headers_out_t, content_encoding) },
    { ngx_string("ETag"), offsetof(ngx_http_headers_out_t, etag) },
    { ngx_string("Expires"), offsetof(ngx_http_headers_out_t, expires) },
    { ngx_string("Last-Modified"),
      offsetof(ngx_http_headers_out_t, last_modified) },
    { ngx_string("Location"), offsetof(ngx_http_headers_out_t, location) },
    { ngx_string("Refresh"), offsetof(ngx_http_headers_out_t, refresh) },
    { ngx_string("WWW-Authenticate"),
      offsetof(ngx_http_headers_out_t, www_authenticate) }
};


static ngx_str_t  ngx_http_adm_cache_control = ngx_string("Cache-Control");


ngx_int_t
ngx_http_adm_replay(ngx_http_adm_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_str_t            body;
    adm_str_t            text;
    adm_kept_t           kept;
    ngx_http_request_t  *r;

    r = ctx->request;

    text.len = ctx->answer.kept.len;
    text.data = ctx->answer.kept.data;

    if (adm_kept_read(text, &kept) != ADM_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "admission: the store has no answer that can be read "
                      "for the key %s", ctx->answer.id);
        return NGX_DECLINED;
    }

    if (ngx_http_adm_replay_fields(r, &kept) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_adm_replay_type(r, &kept);

    /* it is the answer, whatever had led here, and no cache is asked */

    r->err_status = kept.status;
    r->disable_not_modified = 1;

    body = ngx_http_adm_replay_str(kept.body);

    rc = ngx_http_adm_send_body(r, kept.status, &body);

    /* NGX_OK would mean to the phase engine: go on */

    return (rc == NGX_OK || rc == NGX_AGAIN) ? NGX_HTTP_OK : rc;
}


static ngx_int_t
ngx_http_adm_replay_fields(ngx_http_request_t *r, adm_kept_t *kept)
{
    adm_str_t  name, value, fields;

    fields = kept->fields;

    while (adm_kept_next(&fields, &name, &value)) {

        if (ngx_http_adm_replay_field(r, name, value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_adm_replay_ours(r);
}


static ngx_int_t
ngx_http_adm_replay_field(ngx_http_request_t *r, adm_str_t name,
    adm_str_t value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key = ngx_http_adm_replay_str(name);
    h->value = ngx_http_adm_replay_str(value);
    h->lowcase_key = NULL;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return ngx_http_adm_replay_known(r, h);
}


static ngx_int_t
ngx_http_adm_replay_known(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    ngx_uint_t          i;
    ngx_table_elt_t   **place;

    if (ngx_http_adm_replay_is(&h->key, &ngx_http_adm_cache_control)) {
        return ngx_http_adm_replay_cache(r, h);
    }

    for (i = 0;
         i < sizeof(ngx_http_adm_known) / sizeof(ngx_http_adm_known_t);
         i++)
    {
        if (!ngx_http_adm_replay_is(&h->key, &ngx_http_adm_known[i].name)) {
            continue;
        }

        place = (ngx_table_elt_t **) ((char *) &r->headers_out
                                      + ngx_http_adm_known[i].offset);

        /* of an upstream nginx leaves a relative one as it is */

        if (place != &r->headers_out.location
            || h->value.len == 0 || h->value.data[0] != '/')
        {
            *place = h;
        }

        if (place == &r->headers_out.last_modified) {
            r->headers_out.last_modified_time =
                               ngx_parse_http_time(h->value.data,
                                                   h->value.len);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_replay_cache(ngx_http_request_t *r, ngx_table_elt_t *h)
{
#if (nginx_version >= 1023000)

    ngx_table_elt_t  **last;

    for (last = &r->headers_out.cache_control; *last; last = &(*last)->next) {
        /* void */
    }

    *last = h;

#else

    ngx_array_t       *cache;
    ngx_table_elt_t  **place;

    cache = &r->headers_out.cache_control;

    if (cache->elts == NULL
        && ngx_array_init(cache, r->pool, 1, sizeof(ngx_table_elt_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    place = ngx_array_push(cache);
    if (place == NULL) {
        return NGX_ERROR;
    }

    *place = h;

#endif

    return NGX_OK;
}


/* an answer about one client is no other's, unless the upstream said so */

static ngx_int_t
ngx_http_adm_replay_ours(ngx_http_request_t *r)
{
    ngx_str_t  key, value;

    ngx_str_set(&key, "Idempotent-Replayed");
    ngx_str_set(&value, "true");

    if (ngx_http_adm_add_field(r, &key, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "no-store");

    return ngx_http_adm_cacheable(r)
           ? NGX_OK
           : ngx_http_adm_add_field(r, &ngx_http_adm_cache_control, &value);
}


static void
ngx_http_adm_replay_type(ngx_http_request_t *r, adm_kept_t *kept)
{
    r->headers_out.content_type = ngx_http_adm_replay_str(kept->type);
    r->headers_out.content_type_len = kept->type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.charset = ngx_http_adm_replay_str(kept->charset);
}


static ngx_uint_t
ngx_http_adm_replay_is(ngx_str_t *one, ngx_str_t *two)
{
    return one->len == two->len
           && ngx_strncasecmp(one->data, two->data, two->len) == 0;
}


static ngx_str_t
ngx_http_adm_replay_str(adm_str_t s)
{
    ngx_str_t  str;

    str.len = s.len;
    str.data = (u_char *) s.data;

    return str;
}
