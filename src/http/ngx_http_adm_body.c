
/*
 * The client's body: read in PRECONTENT when a policy needs it, as mirror
 * does, and kept for the upstream.
 *
 * It is buffered by nginx, with all that is configured for that, and so it is
 * whole before the upstream hears of the request, also where
 * proxy_request_buffering is off.  A body above client_body_buffer_size is in
 * a file, and reading it back blocks the worker: for a field at most "max"
 * bytes, and for a digest all of them, piece by piece; a file just written is
 * in the page cache, and SHA-256 is the greater part of the cost.
 */


#include <ngx_http_adm.h>
#include <openssl/sha.h>


/* of a file that is hashed, read at once */
#define NGX_HTTP_ADM_BODY_PIECE   65536


struct ngx_http_adm_body_s {
    off_t      size;
    ngx_str_t  bytes;     /* data NULL: not gathered yet */
    unsigned   asleep:1;  /* the phases go on when it is there */
};


static void ngx_http_adm_body_come(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_body_gather(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_body_copy(ngx_buf_t *b, u_char *p, size_t len,
    off_t offset);
static ngx_int_t ngx_http_adm_body_hash(ngx_http_adm_ctx_t *ctx,
    SHA256_CTX *sha);
static ngx_int_t ngx_http_adm_body_hash_file(ngx_http_adm_ctx_t *ctx,
    ngx_buf_t *b, SHA256_CTX *sha);


ngx_int_t
ngx_http_adm_read_body(ngx_http_adm_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ctx->request;

    /* one that did not come leads here again by an error page */

    if (ctx->body) {
        return ctx->reading ? NGX_HTTP_BAD_REQUEST : NGX_OK;
    }

    ctx->body = ngx_pcalloc(r->pool, sizeof(ngx_http_adm_body_t));
    if (ctx->body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->reading = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_adm_body_come);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    if (!ctx->reading) {
        return NGX_OK;
    }

    ctx->body->asleep = 1;

    return NGX_DONE;
}


static void
ngx_http_adm_body_come(ngx_http_request_t *r)
{
    ngx_chain_t          *cl;
    ngx_http_adm_ctx_t   *ctx;
    ngx_http_adm_body_t  *body;

    ctx = ngx_http_adm_get_ctx(r);
    body = ctx->body;

    ctx->reading = 0;

    if (r->request_body) {

        for (cl = r->request_body->bufs; cl; cl = cl->next) {
            body->size += ngx_buf_size(cl->buf);
        }
    }

    /* what an error page or another location reads, is there as well */

    r->preserve_body = 1;

    if (body->asleep) {
        r->write_event_handler = ngx_http_core_run_phases;
        ngx_http_core_run_phases(r);
    }
}


ngx_int_t
ngx_http_adm_body_bytes(ngx_http_adm_ctx_t *ctx, size_t max, ngx_str_t *bytes)
{
    if (ctx->body->size > (off_t) max) {
        return NGX_DECLINED;
    }

    if (ctx->body->bytes.data == NULL
        && ngx_http_adm_body_gather(ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    *bytes = ctx->body->bytes;

    return NGX_OK;
}


/* one buffer in memory is taken as it is, others are copied together */

static ngx_int_t
ngx_http_adm_body_gather(ngx_http_adm_ctx_t *ctx)
{
    u_char               *p;
    size_t                len;
    ngx_chain_t          *cl;
    ngx_http_request_t   *r;
    ngx_http_adm_body_t  *body;

    r = ctx->request;
    body = ctx->body;
    cl = r->request_body ? r->request_body->bufs : NULL;

    if (cl && cl->next == NULL && ngx_buf_in_memory(cl->buf)) {
        body->bytes.len = body->size;
        body->bytes.data = cl->buf->pos;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, body->size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->bytes.data = p;

    for ( /* void */ ; cl; cl = cl->next) {
        len = ngx_buf_size(cl->buf);

        if (ngx_http_adm_body_copy(cl->buf, p, len, 0) != NGX_OK) {
            body->bytes.data = NULL;
            return NGX_ERROR;
        }

        p += len;
    }

    body->bytes.len = p - body->bytes.data;

    return NGX_OK;
}


/* "len" bytes of the buffer, from "offset" on */

static ngx_int_t
ngx_http_adm_body_copy(ngx_buf_t *b, u_char *p, size_t len, off_t offset)
{
    ssize_t  n;

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(p, b->pos + offset, len);
        return NGX_OK;
    }

    offset += b->file_pos;

    while (len) {
        n = ngx_read_file(b->file, p, len, offset);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n == 0) {
            ngx_log_error(NGX_LOG_CRIT, b->file->log, 0,
                          "request body in \"%V\" is shorter than it was",
                          &b->file->name);
            return NGX_ERROR;
        }

        p += n;
        len -= n;
        offset += n;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_fingerprint(ngx_adm_subject_t *s, ngx_uint_t body, u_char *digest)
{
    u_char               hash[SHA256_DIGEST_LENGTH];
    SHA256_CTX           sha;
    ngx_http_adm_ctx_t  *ctx;
    ngx_http_request_t  *r;

    ctx = s->owner;
    r = ctx->request;

    SHA256_Init(&sha);

    /* neither has a zero byte: with one behind each all can be told apart */

    SHA256_Update(&sha, r->method_name.data, r->method_name.len);
    SHA256_Update(&sha, "", 1);
    SHA256_Update(&sha, r->unparsed_uri.data, r->unparsed_uri.len);
    SHA256_Update(&sha, "", 1);

    if (body && ngx_http_adm_body_hash(ctx, &sha) != NGX_OK) {
        return NGX_ERROR;
    }

    SHA256_Final(hash, &sha);

    ngx_memcpy(digest, hash, NGX_ADM_CHECKOUT_HASH);

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_body_hash(ngx_http_adm_ctx_t *ctx, SHA256_CTX *sha)
{
    ngx_buf_t           *b;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (!ngx_http_adm_has_body(ctx)) {
        return NGX_ERROR;
    }

    cl = r->request_body ? r->request_body->bufs : NULL;

    for ( /* void */ ; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            SHA256_Update(sha, b->pos, b->last - b->pos);

        } else if (ngx_http_adm_body_hash_file(ctx, b, sha) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_body_hash_file(ngx_http_adm_ctx_t *ctx, ngx_buf_t *b,
    SHA256_CTX *sha)
{
    off_t       offset, size;
    size_t      len;
    u_char     *piece;
    ngx_int_t   rc;

    size = ngx_buf_size(b);

    piece = ngx_alloc(NGX_HTTP_ADM_BODY_PIECE, ctx->request->connection->log);
    if (piece == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    for (offset = 0; offset < size && rc == NGX_OK; offset += len) {
        len = ngx_min(size - offset, NGX_HTTP_ADM_BODY_PIECE);

        rc = ngx_http_adm_body_copy(b, piece, len, offset);

        if (rc == NGX_OK) {
            SHA256_Update(sha, piece, len);
        }
    }

    ngx_free(piece);

    return rc;
}
