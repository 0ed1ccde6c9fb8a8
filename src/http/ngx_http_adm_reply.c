
/*
 * Our answers: negotiated, explained, never cached, and only after the
 * request's body was thrown away, so that it is not read as a request.
 */


#include <ngx_http_adm.h>
#include <ngx_http_adm_text.h>
#include <adm_accept.h>


#define NGX_HTTP_ADM_NUMBERS      (6 * NGX_INT64_LEN)
#define NGX_HTTP_ADM_ACCEPTS      8
#define NGX_HTTP_ADM_ACCEPT_LEN   240


/* a value of Accept, and what it came to */

typedef struct {
    size_t       len;
    ngx_uint_t   html;
    u_char       text[NGX_HTTP_ADM_ACCEPT_LEN];
} ngx_http_adm_accept_t;


static void ngx_http_adm_reply_first(ngx_http_request_t *r, ngx_str_t *key);
static ngx_int_t ngx_http_adm_reply_elsewhere(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_reply_fields(ngx_http_request_t *r,
    ngx_adm_answer_t *answer);
static ngx_int_t ngx_http_adm_reply_retry(ngx_http_request_t *r,
    ngx_adm_answer_t *answer);
static ngx_int_t ngx_http_adm_reply_quota(ngx_http_request_t *r,
    ngx_adm_answer_t *answer);
static ngx_uint_t ngx_http_adm_has_error_page(ngx_http_request_t *r,
    ngx_uint_t status);
static ngx_adm_grant_t *ngx_http_adm_reply_grant(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_reply_body(ngx_http_adm_ctx_t *ctx,
    ngx_uint_t status, ngx_str_t *type, ngx_str_t *body);
static ngx_int_t ngx_http_adm_reply_csp(ngx_http_adm_ctx_t *ctx);
static ngx_uint_t ngx_http_adm_accepts_html(ngx_str_t *accept);
static ngx_int_t ngx_http_adm_reply_html(ngx_http_request_t *r,
    ngx_adm_answer_t *answer, ngx_str_t *instance, ngx_str_t *body);
static u_char *ngx_http_adm_reply_by(u_char *p, ngx_adm_answer_t *answer);
static ngx_int_t ngx_http_adm_reply_problem(ngx_http_adm_ctx_t *ctx,
    ngx_uint_t status, ngx_str_t *instance, ngx_str_t *body);


ngx_str_t  ngx_http_adm_json = ngx_string("application/json");

static ngx_str_t  ngx_http_adm_retry_after = ngx_string("Retry-After");
static ngx_str_t  ngx_http_adm_cache_control = ngx_string("Cache-Control");
static ngx_str_t  ngx_http_adm_no_store = ngx_string("no-store");
static ngx_str_t  ngx_http_adm_vary = ngx_string("Vary");
static ngx_str_t  ngx_http_adm_accept_key = ngx_string("Accept");
static ngx_str_t  ngx_http_adm_accept = ngx_string("accept");
static ngx_str_t  ngx_http_adm_ratelimit = ngx_string("RateLimit");
static ngx_str_t  ngx_http_adm_ratelimit_policy =
    ngx_string("RateLimit-Policy");

static ngx_str_t  ngx_http_adm_html = ngx_string("text/html; charset=utf-8");
static ngx_str_t  ngx_http_adm_problem =
    ngx_string("application/problem+json");


ngx_int_t
ngx_http_adm_reply(ngx_http_adm_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_str_t            type, body;
    ngx_uint_t           status;
    ngx_adm_answer_t    *answer;
    ngx_http_request_t  *r;

    r = ctx->request;
    answer = &ctx->answer;

    if (ngx_http_adm_reply_elsewhere(ctx) == NGX_DONE) {
        return NGX_DONE;
    }

    if (answer->reason == NGX_ADM_REASON_REPLAY) {
        rc = ngx_http_adm_replay(ctx);

        if (rc != NGX_DECLINED) {
            return rc;
        }

        answer->reason = NGX_ADM_REASON_NOT_KEPT;
    }

    status = ngx_adm_reasons[answer->reason].status;

    if (answer->place) {
        status = ngx_http_adm_room_status(ngx_http_adm_room_of(ctx->by),
                                          answer);
        answer->place->poll = ngx_max(answer->place->poll,
                                      answer->retry * 1000
                                      * (answer->retry != NGX_ADM_NO_RETRY
                                         && answer->pace != 0));
    }

    if (ngx_http_adm_reply_fields(r, answer) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* a site's own page wins, but a room has one of its own */

    if (answer->place == NULL && ngx_http_adm_has_error_page(r, status)) {
        ctx->paged = 1;
        return status;
    }

    if (ngx_http_adm_add_field(r, &ngx_http_adm_vary, &ngx_http_adm_accept_key)
        != NGX_OK
        || ngx_http_adm_reply_body(ctx, status, &type, &body) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->err_status = status;

    rc = ngx_http_adm_send(r, status, &type, &body);

    /* NGX_OK would mean to the phase engine: go on */

    return (rc == NGX_OK || rc == NGX_AGAIN) ? NGX_HTTP_OK : rc;
}


/* "fallback=": NGX_DONE if the request goes on there, and may be gone */

static ngx_int_t
ngx_http_adm_reply_elsewhere(ngx_http_adm_ctx_t *ctx)
{
    ngx_str_t            name;
    ngx_adm_shed_t      *of;
    ngx_http_request_t  *r;

    if (ctx->by->policy != &ngx_adm_shed_policy
        || ctx->answer.reason == NGX_ADM_REASON_OVERLOAD)
    {
        return NGX_DECLINED;
    }

    r = ctx->request;
    of = ctx->by->conf;
    name = of->fallback;

    if (name.len == 0) {
        return NGX_DECLINED;
    }

    (void) ngx_http_named_location(r, &name);

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_adm_reply_fields(ngx_http_request_t *r, ngx_adm_answer_t *answer)
{
    if (answer->quota.quota && ngx_http_adm_reply_quota(r, answer) != NGX_OK) {
        return NGX_ERROR;
    }

    if (answer->retry != NGX_ADM_NO_RETRY
        && answer->reason != NGX_ADM_REASON_POLL
        && ngx_http_adm_reply_retry(r, answer) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_adm_add_field(r, &ngx_http_adm_cache_control,
                                  &ngx_http_adm_no_store);
}


static ngx_int_t
ngx_http_adm_reply_retry(ngx_http_request_t *r, ngx_adm_answer_t *answer)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_http_adm_put_number(value.data, answer->retry)
                - value.data;

    return ngx_http_adm_add_field(r, &ngx_http_adm_retry_after, &value);
}


/* draft-ietf-httpapi-ratelimit-headers-10, 3 and 4; names need no escaping */

static ngx_int_t
ngx_http_adm_reply_quota(ngx_http_request_t *r, ngx_adm_answer_t *answer)
{
    u_char     *p;
    ngx_str_t   policy, limit;

    p = ngx_pnalloc(r->pool, 2 * answer->policy.len + NGX_HTTP_ADM_NUMBERS
                             + sizeof("\"\";q=;w=\"\";r=;t=") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    policy.data = p;
    p = ngx_http_adm_put(p, "\"");
    p = ngx_http_adm_put_str(p, &answer->policy);
    p = ngx_http_adm_put(p, "\";q=");
    p = ngx_http_adm_put_number(p, answer->quota.quota);
    p = ngx_http_adm_put(p, ";w=");
    p = ngx_http_adm_put_number(p, answer->quota.window);
    policy.len = p - policy.data;

    limit.data = p;
    p = ngx_http_adm_put(p, "\"");
    p = ngx_http_adm_put_str(p, &answer->policy);
    p = ngx_http_adm_put(p, "\";r=");
    p = ngx_http_adm_put_number(p, answer->quota.remaining);

    if (answer->retry != NGX_ADM_NO_RETRY) {
        p = ngx_http_adm_put(p, ";t=");
        p = ngx_http_adm_put_number(p, answer->retry);
    }

    limit.len = p - limit.data;

    if (ngx_http_adm_add_field(r, &ngx_http_adm_ratelimit_policy, &policy)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_adm_add_field(r, &ngx_http_adm_ratelimit, &limit);
}


/* as ngx_http_special_response_handler() will look for it */

static ngx_uint_t
ngx_http_adm_has_error_page(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *page;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->error_pages == NULL || r->error_page || r->uri_changes == 0) {
        return 0;
    }

    page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if (page[i].status == (ngx_int_t) status) {
            return 1;
        }
    }

    return 0;
}


/* of the step that refused */

static ngx_adm_grant_t *
ngx_http_adm_reply_grant(ngx_http_adm_ctx_t *ctx)
{
    ngx_queue_t          *q;
    ngx_http_adm_step_t  *step;

    for (q = ngx_queue_last(&ctx->steps); /* void */ ; q = ngx_queue_prev(q)) {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->use == ctx->by) {
            return &step->grant;
        }
    }
}


static ngx_int_t
ngx_http_adm_reply_body(ngx_http_adm_ctx_t *ctx, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body)
{
    ngx_str_t            accept, instance;
    ngx_adm_answer_t    *answer;
    ngx_http_request_t  *r;

    r = ctx->request;
    answer = &ctx->answer;

    if (answer->reason == NGX_ADM_REASON_POLL) {
        *type = ngx_http_adm_json;
        return ngx_http_adm_room_state(r, ngx_http_adm_room_of(ctx->by),
                                       answer->place,
                                       ngx_http_adm_reply_grant(ctx), body);
    }

    if (ngx_http_adm_request_field(r, &ngx_http_adm_accept, &accept) != NGX_OK
        || ngx_http_adm_correlation(r, &instance) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_adm_accepts_html(&accept)) {
        *type = ngx_http_adm_html;

        if (answer->place == NULL) {
            return ngx_http_adm_reply_html(r, answer, &instance, body);
        }

        if (ngx_http_adm_reply_csp(ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_adm_room_page(r, ngx_http_adm_room_of(ctx->by), answer,
                                      &instance, body);
    }

    *type = ngx_http_adm_problem;

    return ngx_http_adm_reply_problem(ctx, status, &instance, body);
}


/* of the embedded page: a site knows what its own one needs */

static ngx_int_t
ngx_http_adm_reply_csp(ngx_http_adm_ctx_t *ctx)
{
    ngx_str_t  key;

    ngx_str_set(&key, "Content-Security-Policy");

    return ngx_http_adm_room_of(ctx->by)->page ? NGX_OK
           : ngx_http_adm_add_field(ctx->request, &key,
                                ngx_http_adm_page_csp(NGX_HTTP_ADM_PAGE_WAIT));
}


/*
 * A crowd has few browsers: what their fields came to is kept, since reading
 * one anew costs half a microsecond.
 */

static ngx_uint_t
ngx_http_adm_accepts_html(ngx_str_t *accept)
{
    adm_str_t                field;
    ngx_uint_t               i;
    ngx_http_adm_accept_t   *known;

    static ngx_uint_t             next;
    static ngx_http_adm_accept_t  seen[NGX_HTTP_ADM_ACCEPTS];

    if (accept->len == 0) {
        return 0;
    }

    for (i = 0; i < NGX_HTTP_ADM_ACCEPTS; i++) {

        if (seen[i].len == accept->len
            && ngx_memcmp(seen[i].text, accept->data, accept->len) == 0)
        {
            return seen[i].html;
        }
    }

    field.len = accept->len;
    field.data = accept->data;

    if (accept->len > NGX_HTTP_ADM_ACCEPT_LEN) {
        return adm_accept_html(field);
    }

    known = &seen[next++ % NGX_HTTP_ADM_ACCEPTS];

    ngx_memcpy(known->text, accept->data, accept->len);
    known->len = accept->len;
    known->html = adm_accept_html(field);

    return known->html;
}


static ngx_int_t
ngx_http_adm_reply_html(ngx_http_request_t *r, ngx_adm_answer_t *answer,
    ngx_str_t *instance, ngx_str_t *body)
{
    u_char                    *p;
    ngx_str_t                  status, retry;
    ngx_adm_reason_t          *reason;
    ngx_http_adm_main_conf_t  *amcf;

    reason = &ngx_adm_reasons[answer->reason];

    p = ngx_pnalloc(r->pool, 2 * NGX_INT64_LEN
                             + sizeof("You can try again in  seconds."));
    if (p == NULL) {
        return NGX_ERROR;
    }

    status.data = p;
    p = ngx_http_adm_put_number(p, reason->status);
    status.len = p - status.data;

    retry.data = p;

    if (answer->retry != NGX_ADM_NO_RETRY) {
        p = ngx_http_adm_put(p, "You can try again in ");
        p = ngx_http_adm_put_number(p, answer->retry);
        p = (answer->retry == 1) ? ngx_http_adm_put(p, " second.")
                                 : ngx_http_adm_put(p, " seconds.");
    }

    retry.len = p - retry.data;

    ngx_http_adm_placeholder_t  values[] = {
        { ngx_string("status"), status },
        { ngx_string("title"), reason->title },
        { ngx_string("detail"), reason->detail },
        { ngx_string("retry"), retry },
        { ngx_string("instance"), *instance }
    };

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    return ngx_http_adm_page(r, amcf->pages[NGX_HTTP_ADM_PAGE_REFUSAL], values,
                             sizeof(values) / sizeof(values[0]), body);
}


/* which policy refused, and when to come back */

static u_char *
ngx_http_adm_reply_by(u_char *p, ngx_adm_answer_t *answer)
{
    p = ngx_http_adm_put(p, ",\"policy\":\"");
    p = ngx_http_adm_put_str(p, &answer->policy);
    p = ngx_http_adm_put(p, "\"");

    if (answer->quota.quota) {
        p = ngx_http_adm_put(p, ",\"violated-policies\":[\"");
        p = ngx_http_adm_put_str(p, &answer->policy);
        p = ngx_http_adm_put(p, "\"]");
    }

    if (answer->retry != NGX_ADM_NO_RETRY) {
        p = ngx_http_adm_put(p, ",\"retry_after\":");
        p = ngx_http_adm_put_number(p, answer->retry);
    }

    if (answer->sku.len) {
        p = ngx_http_adm_put(p, ",\"sku\":\"");
        p = ngx_http_adm_put_str(p, &answer->sku);
        *p++ = '"';
    }

    if (answer->id[0]) {
        p = ngx_http_adm_put(p, ",\"key\":\"");
        p = ngx_cpymem(p, answer->id, ngx_strlen(answer->id));
        *p++ = '"';
    }

    return p;
}


/*
 * RFC 9457.  Nothing in it needs escaping: the words are ours; names, SKUs
 * and the correlation id were checked.
 */

static ngx_int_t
ngx_http_adm_reply_problem(ngx_http_adm_ctx_t *ctx, ngx_uint_t status,
    ngx_str_t *instance, ngx_str_t *body)
{
    u_char               *p;
    size_t                size;
    ngx_adm_grant_t      *grant;
    ngx_adm_answer_t     *answer;
    ngx_adm_reason_t     *reason;
    ngx_http_adm_room_t  *room;

    answer = &ctx->answer;
    reason = &ngx_adm_reasons[answer->reason];
    room = answer->place ? ngx_http_adm_room_of(ctx->by) : NULL;
    grant = ngx_http_adm_reply_grant(ctx);

    size = sizeof("{'type':'','title':'','status':,'detail':'','instance':'',"
                  "'reason':'','policy':'','violated-policies':[''],"
                  "'retry_after':,'sku':'','key':''}") - 1
           + reason->type.len + reason->title.len + reason->detail.len
           + instance->len + reason->name.len + 2 * answer->policy.len
           + answer->sku.len + sizeof(answer->id)
           + NGX_HTTP_ADM_NUMBERS
           + (room ? ngx_http_adm_room_size(room, grant) : 0);

    p = ngx_pnalloc(ctx->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    p = ngx_http_adm_put(p, "{\"type\":\"");
    p = ngx_http_adm_put_str(p, &reason->type);
    p = ngx_http_adm_put(p, "\",\"title\":\"");
    p = ngx_http_adm_put_str(p, &reason->title);
    p = ngx_http_adm_put(p, "\",\"status\":");
    p = ngx_http_adm_put_number(p, status);
    p = ngx_http_adm_put(p, ",\"detail\":\"");
    p = ngx_http_adm_put_str(p, &reason->detail);
    p = ngx_http_adm_put(p, "\",\"instance\":\"");
    p = ngx_http_adm_put_str(p, instance);
    p = ngx_http_adm_put(p, "\",\"reason\":\"");
    p = ngx_http_adm_put_str(p, &reason->name);
    p = ngx_http_adm_put(p, "\"");
    p = ngx_http_adm_reply_by(p, answer);

    if (room) {
        *p++ = ',';
        p = ngx_http_adm_room_tell(p, room, answer->place, grant);
    }

    *p++ = '}';

    body->len = p - body->data;

    return NGX_OK;
}


void
ngx_http_adm_reply_filter(ngx_http_request_t *r)
{
    ngx_uint_t  i;

    static ngx_str_t  *keys[] = {
        &ngx_http_adm_retry_after,
        &ngx_http_adm_ratelimit_policy,
        &ngx_http_adm_ratelimit,
        &ngx_http_adm_cache_control
    };

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        ngx_http_adm_reply_first(r, keys[i]);
    }
}


/* ours was there first */

static void
ngx_http_adm_reply_first(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_uint_t        i, seen;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    seen = 0;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0
                || h[i].key.len != key->len
                || ngx_strncasecmp(h[i].key.data, key->data, key->len) != 0)
            {
                continue;
            }

            if (seen++) {
                h[i].hash = 0;
            }
        }
    }
}


ngx_int_t
ngx_http_adm_send(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *type,
    ngx_str_t *body)
{
    u_char  *parameters;

    r->headers_out.content_type = *type;

    /* a type with parameters has its charset, the site's is not added */

    parameters = ngx_strlchr(type->data, type->data + type->len, ';');

    r->headers_out.content_type_len = parameters
                                      ? (size_t) (parameters - type->data)
                                      : type->len;
    r->headers_out.content_type_lowcase = NULL;

    return ngx_http_adm_send_body(r, status, body);
}


ngx_int_t
ngx_http_adm_send_body(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    r->expect_tested = 1;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = (body->len != 0);
    b->sync = (body->len == 0);
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
