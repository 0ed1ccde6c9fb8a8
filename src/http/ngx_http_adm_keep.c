
/*
 * An answer of the upstream, kept as it passes.
 *
 * Both filters stand where all those that change an answer on its way out are
 * still to come: what is kept is what the upstream said, and a replay goes
 * through the others again.  The body filter copies and changes nothing.
 *
 * A client that leaves must not cost it its answer, which is why it will come
 * back: from then on errors of the filters behind are not told to the sender,
 * until all of the answer has come, or too much of it.
 */


#include <ngx_http_adm.h>
#include <adm_kept.h>


#define NGX_HTTP_ADM_KEEP_ROOM  4096


/* in the request's pool, but for the text */

struct ngx_http_adm_keep_s {
    u_char                       *start;     /* as adm_kept.h has it */
    u_char                       *pos;
    u_char                       *end;
    size_t                        body;      /* bytes of it */
    size_t                        max;
    ngx_chain_t                  *passed;    /* what the filters behind have
                                                not done with */
    ngx_http_event_handler_pt     read;      /* of the request, before */
    unsigned                      lost:1;    /* nobody gets the answer */
};


static ngx_int_t ngx_http_adm_keep_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_keep_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_adm_keep_pass(ngx_http_adm_ctx_t *ctx,
    ngx_chain_t *in);
static ngx_uint_t ngx_http_adm_keep_can(ngx_http_request_t *r, size_t max);
static ngx_int_t ngx_http_adm_keep_fields(ngx_http_request_t *r,
    ngx_http_adm_keep_t *keep);
static size_t ngx_http_adm_keep_size(ngx_http_request_t *r);
static u_char *ngx_http_adm_keep_write(u_char *p, ngx_http_request_t *r);
static ngx_uint_t ngx_http_adm_keep_lasts(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static ngx_int_t ngx_http_adm_keep_take(ngx_http_adm_keep_t *keep,
    ngx_buf_t *b);
static ngx_int_t ngx_http_adm_keep_room(ngx_http_adm_keep_t *keep,
    size_t size);
static ngx_int_t ngx_http_adm_keep_note(ngx_http_request_t *r,
    ngx_http_adm_keep_t *keep, ngx_chain_t *in);
static void ngx_http_adm_keep_prune(ngx_http_request_t *r,
    ngx_http_adm_keep_t *keep);
static void ngx_http_adm_keep_consume(ngx_chain_t *in);
static void ngx_http_adm_keep_done(ngx_http_adm_ctx_t *ctx, ngx_uint_t whole);
static adm_str_t ngx_http_adm_keep_str(ngx_str_t *s);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_adm_keep_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_adm_keep_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_adm_keep_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_keep_header_filter(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_http_adm_ctx_t  *ctx;

    ctx = (r == r->main) ? ngx_http_adm_get_ctx(r) : NULL;

    if (ctx == NULL) {
        return ngx_http_next_header_filter(r);
    }

    /* a filter behind has made another answer of it */

    if (ctx->keep) {
        ngx_http_adm_keep_done(ctx, 0);
    }

    if (!ctx->over) {
        ngx_http_adm_settle_answer(ctx);
    }

    rc = ngx_http_next_header_filter(r);

    if (ctx->keep == NULL) {
        return rc;
    }

    if (rc == NGX_ERROR && r->connection->error) {
        ctx->keep->lost = 1;
        rc = NGX_OK;
    }

    if (r->header_only) {
        ngx_http_adm_keep_done(ctx, 1);
    }

    return rc;
}


static ngx_int_t
ngx_http_adm_keep_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_uint_t            last, lost;
    ngx_chain_t          *cl;
    ngx_http_adm_ctx_t   *ctx;

    ctx = (r == r->main) ? ngx_http_adm_get_ctx(r) : NULL;

    if (ctx == NULL || ctx->keep == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    last = 0;
    lost = ctx->keep->lost;

    for (cl = in; cl && ctx->keep; cl = cl->next) {

        if (ngx_http_adm_keep_take(ctx->keep, cl->buf) != NGX_OK) {
            ngx_http_adm_keep_done(ctx, 0);
            break;
        }

        last |= cl->buf->last_buf;
    }

    if (last && ctx->keep) {
        ngx_http_adm_keep_done(ctx,
                               r->headers_out.trailers.part.nelts == 0);
    }

    if (!lost) {
        return ngx_http_adm_keep_pass(ctx, in);
    }

    ngx_http_adm_keep_consume(in);

    return ctx->keep ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_adm_keep_pass(ngx_http_adm_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_int_t             rc;
    ngx_http_request_t   *r;
    ngx_http_adm_keep_t  *keep;

    r = ctx->request;
    keep = ctx->keep;

    if (keep == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    if (ngx_http_adm_keep_note(r, keep, in) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_next_body_filter(r, in);

    if (rc != NGX_ERROR) {
        ngx_http_adm_keep_prune(r, keep);
        return rc;
    }

    keep->lost = 1;

    ngx_http_adm_keep_consume(keep->passed);

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_keep_begin(ngx_http_adm_ctx_t *ctx, size_t max)
{
    ngx_http_request_t   *r;
    ngx_http_adm_keep_t  *keep;

    r = ctx->request;

    if (!ngx_http_adm_keep_can(r, max)) {
        return NGX_DECLINED;
    }

    keep = ngx_pcalloc(r->pool, sizeof(ngx_http_adm_keep_t));
    if (keep == NULL) {
        return NGX_DECLINED;
    }

    keep->max = max;

    if (ngx_http_adm_keep_fields(r, keep) != NGX_OK) {
        return NGX_DECLINED;
    }

    r->filter_need_in_memory = 1;

    /*
     * Who leaves now would take the rest of the answer along; unless the
     * upstream answers before it has been sent all of an unbuffered body.
     */

    keep->read = r->read_event_handler;

    if (r->upstream && !r->reading_body) {
        r->read_event_handler = ngx_http_block_reading;
    }

    ctx->keep = keep;

    return NGX_OK;
}


/* it is the upstream's own, has an end, and means the same when sent again */

static ngx_uint_t
ngx_http_adm_keep_can(ngx_http_request_t *r, size_t max)
{
    ngx_http_upstream_t     *u;
    ngx_http_headers_out_t  *ho;

    static ngx_str_t  stream = ngx_string("text/event-stream");

    u = r->upstream;
    ho = &r->headers_out;

    if (r->upstream_states
        && (u == NULL || u->cleanup == NULL
            || u->headers_in.status_n != ho->status))
    {
        return 0;
    }

    if (ho->status < NGX_HTTP_OK || ho->status == NGX_HTTP_PARTIAL_CONTENT
        || ho->content_length_n > (off_t) max
        || r->method == NGX_HTTP_HEAD || r->expect_trailers)
    {
        return 0;
    }

    return ho->content_type.len < stream.len
           || ngx_strncasecmp(ho->content_type.data, stream.data, stream.len)
              != 0;
}


static ngx_int_t
ngx_http_adm_keep_fields(ngx_http_request_t *r, ngx_http_adm_keep_t *keep)
{
    off_t   body;
    size_t  size;

    size = ngx_http_adm_keep_size(r);
    if (size == 0) {
        return NGX_DECLINED;
    }

    body = r->headers_out.content_length_n;
    size += (body == -1) ? ngx_min(keep->max, NGX_HTTP_ADM_KEEP_ROOM)
                         : (size_t) body;

    keep->start = ngx_alloc(size, r->connection->log);
    if (keep->start == NULL) {
        return NGX_ERROR;
    }

    keep->pos = ngx_http_adm_keep_write(keep->start, r);
    keep->end = keep->start + size;

    return NGX_OK;
}


/* of all but the body; 0: a text is too long */

static size_t
ngx_http_adm_keep_size(ngx_http_request_t *r)
{
    size_t                   size;
    ngx_uint_t               i;
    ngx_list_part_t         *part;
    ngx_table_elt_t         *h;
    ngx_http_headers_out_t  *ho;

    ho = &r->headers_out;
    size = ADM_KEPT_HEAD + ADM_KEPT_END + ho->content_type.len
           + ho->charset.len;

    if (ho->content_type.len > ADM_KEPT_TEXT_MAX
        || ho->charset.len > ADM_KEPT_TEXT_MAX)
    {
        return 0;
    }

    for (part = &ho->headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len > ADM_KEPT_TEXT_MAX
                || h[i].value.len > ADM_KEPT_TEXT_MAX)
            {
                return 0;
            }

            size += ADM_KEPT_FIELD + h[i].key.len + h[i].value.len;
        }
    }

    return size;
}


static u_char *
ngx_http_adm_keep_write(u_char *p, ngx_http_request_t *r)
{
    ngx_uint_t               i;
    ngx_list_part_t         *part;
    ngx_table_elt_t         *h;
    ngx_http_headers_out_t  *ho;

    ho = &r->headers_out;

    p = adm_kept_head(p, ho->status, ngx_http_adm_keep_str(&ho->content_type),
                      ngx_http_adm_keep_str(&ho->charset));

    for (part = &ho->headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash && h[i].key.len
                && ngx_http_adm_keep_lasts(r, &h[i]))
            {
                p = adm_kept_field(p, ngx_http_adm_keep_str(&h[i].key),
                                   ngx_http_adm_keep_str(&h[i].value));
            }
        }
    }

    return adm_kept_end(p);
}


/* the upstream's Connection may name any field, in several lines */

static ngx_uint_t
ngx_http_adm_keep_lasts(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    adm_str_t         name, none;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *field;

    name = ngx_http_adm_keep_str(&h->key);
    ngx_str_null(&none);

    if (!adm_kept_lasts(name, none)) {
        return 0;
    }

    if (r->upstream == NULL || r->upstream->headers_in.connection == NULL) {
        return 1;
    }

    for (part = &r->upstream->headers_in.headers.part; part;
         part = part->next)
    {
        field = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (field[i].key.len == sizeof("connection") - 1
                && ngx_strncmp(field[i].lowcase_key, "connection",
                               sizeof("connection") - 1) == 0
                && !adm_kept_lasts(name,
                                   ngx_http_adm_keep_str(&field[i].value)))
            {
                return 0;
            }
        }
    }

    return 1;
}


/* NGX_DECLINED: it cannot be kept, or is too much */

static ngx_int_t
ngx_http_adm_keep_take(ngx_http_adm_keep_t *keep, ngx_buf_t *b)
{
    size_t  size;

    if (ngx_buf_size(b) == 0) {
        return NGX_OK;
    }

    size = b->last - b->pos;

    if (!ngx_buf_in_memory(b) || size > keep->max - keep->body
        || ngx_http_adm_keep_room(keep, size) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    keep->pos = ngx_cpymem(keep->pos, b->pos, size);
    keep->body += size;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_keep_room(ngx_http_adm_keep_t *keep, size_t size)
{
    size_t   used, room;
    u_char  *start;

    if ((size_t) (keep->end - keep->pos) >= size) {
        return NGX_OK;
    }

    used = keep->pos - keep->start;
    room = used + size + ngx_min(used + size, keep->max - keep->body - size);

    start = ngx_alloc(room, ngx_cycle->log);
    if (start == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(start, keep->start, used);
    ngx_free(keep->start);

    keep->start = start;
    keep->pos = start + used;
    keep->end = start + room;

    return NGX_OK;
}


/*
 * A buffer that the filters behind have not done with is waited for by the
 * sender, who would wait for ever once they never will.
 */

static ngx_int_t
ngx_http_adm_keep_note(ngx_http_request_t *r, ngx_http_adm_keep_t *keep,
    ngx_chain_t *in)
{
    ngx_chain_t  *cl;

    for ( /* void */ ; in; in = in->next) {

        if (ngx_buf_size(in->buf) == 0) {
            continue;
        }

        cl = ngx_alloc_chain_link(r->pool);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        cl->buf = in->buf;
        cl->next = keep->passed;
        keep->passed = cl;
    }

    return NGX_OK;
}


static void
ngx_http_adm_keep_prune(ngx_http_request_t *r, ngx_http_adm_keep_t *keep)
{
    ngx_chain_t  *cl, **ll;

    ll = &keep->passed;

    while (*ll) {
        cl = *ll;

        if (ngx_buf_size(cl->buf)) {
            ll = &cl->next;
            continue;
        }

        *ll = cl->next;
        ngx_free_chain(r->pool, cl);
    }
}


static void
ngx_http_adm_keep_consume(ngx_chain_t *in)
{
    ngx_buf_t  *b;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        b->pos = b->last;

        if (b->in_file) {
            b->file_pos = b->file_last;
        }
    }
}


void
ngx_http_adm_keep_end(ngx_http_adm_ctx_t *ctx)
{
    if (ctx->keep) {
        ngx_http_adm_keep_done(ctx, 0);
    }
}


/* it is all there, or will not be */

static void
ngx_http_adm_keep_done(ngx_http_adm_ctx_t *ctx, ngx_uint_t whole)
{
    ngx_http_request_t   *r;
    ngx_http_adm_keep_t  *keep;

    r = ctx->request;
    keep = ctx->keep;

    ctx->keep = NULL;

    if (whole) {
        adm_kept_close(keep->start, keep->body);

        ctx->subject.checkout->response.data = keep->start;
        ctx->subject.checkout->response.len = keep->pos - keep->start;

    } else if (r->upstream && r->upstream->cleanup
               && r->read_event_handler == ngx_http_block_reading)
    {
        r->read_event_handler = keep->read;
    }

    ngx_http_adm_end_checkout(ctx);

    ngx_free(keep->start);
}


static adm_str_t
ngx_http_adm_keep_str(ngx_str_t *s)
{
    adm_str_t  str;

    str.len = s->len;
    str.data = s->data;

    return str;
}
