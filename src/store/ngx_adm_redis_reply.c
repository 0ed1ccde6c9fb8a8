
/*
 * Replies, by hiredis' reader, which asks for each object as it comes.
 */


#include <ngx_adm_redis_reply.h>
#include <hiredis/read.h>


#define NGX_ADM_READER_POOL   4096
#define NGX_ADM_READER_MANY   256


struct ngx_adm_reader_s {
    redisReader  *hiredis;
    ngx_pool_t   *pool;            /* of the reply that is being read */
    size_t        bytes;           /* ... as far as it has arrived */
    ngx_uint_t    elements;        /* ... of its arrays */
    ngx_uint_t    done;            /* ... and it was told */
};


static ngx_int_t ngx_adm_reader_reset(ngx_adm_reader_t *reader);
static ngx_int_t ngx_adm_reader_excess(ngx_adm_reader_t *reader);
static ngx_adm_value_t *ngx_adm_value_create(const redisReadTask *task,
    ngx_adm_value_e type);
static void *ngx_adm_value_string(const redisReadTask *task, char *text,
    size_t len);
static void *ngx_adm_value_array(const redisReadTask *task, int n);
static void *ngx_adm_value_integer(const redisReadTask *task,
    long long integer);
static void *ngx_adm_value_nil(const redisReadTask *task);
static void ngx_adm_value_free(void *value);


static redisReplyObjectFunctions  ngx_adm_value_functions = {
    ngx_adm_value_string,
    ngx_adm_value_array,
    ngx_adm_value_integer,
    ngx_adm_value_nil,
    ngx_adm_value_free
};


ngx_adm_reader_t *
ngx_adm_reader_create(ngx_log_t *log)
{
    ngx_adm_reader_t  *reader;

    reader = ngx_calloc(sizeof(ngx_adm_reader_t), log);
    if (reader == NULL) {
        return NULL;
    }

    reader->hiredis = redisReaderCreateWithFunctions(&ngx_adm_value_functions);
    reader->pool = ngx_create_pool(NGX_ADM_READER_POOL, log);

    if (reader->hiredis == NULL || reader->pool == NULL) {
        ngx_adm_reader_destroy(reader);
        return NULL;
    }

    reader->hiredis->privdata = reader;

    return reader;
}


void
ngx_adm_reader_destroy(ngx_adm_reader_t *reader)
{
    if (reader->hiredis) {
        redisReaderFree(reader->hiredis);
    }

    if (reader->pool) {
        ngx_destroy_pool(reader->pool);
    }

    ngx_free(reader);
}


ngx_int_t
ngx_adm_reader_feed(ngx_adm_reader_t *reader, u_char *data, size_t len)
{
    reader->bytes += len;

    if (redisReaderFeed(reader->hiredis, (char *) data, len) != REDIS_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_adm_reader_next(ngx_adm_reader_t *reader, ngx_adm_value_t **value)
{
    void  *reply;

    if (reader->done && ngx_adm_reader_reset(reader) != NGX_OK) {
        return NGX_ERROR;
    }

    if (redisReaderGetReply(reader->hiredis, &reply) != REDIS_OK) {
        return NGX_ERROR;
    }

    if (reply == NULL) {
        return ngx_adm_reader_excess(reader) ? NGX_ERROR : NGX_AGAIN;
    }

    reader->bytes = reader->hiredis->len - reader->hiredis->pos;
    reader->done = 1;

    *value = reply;

    return NGX_OK;
}


/* a pool keeps its blocks: those of a large reply are not kept */

static ngx_int_t
ngx_adm_reader_reset(ngx_adm_reader_t *reader)
{
    ngx_log_t  *log;

    reader->done = 0;

    if (reader->elements <= NGX_ADM_READER_MANY) {
        ngx_reset_pool(reader->pool);

    } else {
        log = reader->pool->log;

        ngx_destroy_pool(reader->pool);
        reader->pool = ngx_create_pool(NGX_ADM_READER_POOL, log);
    }

    reader->elements = 0;

    return reader->pool ? NGX_OK : NGX_ERROR;
}


/*
 * hiredis would wait for whatever is announced: what it stopped at is a line
 * without an end, or a string, whose length stands in front of it.
 */

static ngx_int_t
ngx_adm_reader_excess(ngx_adm_reader_t *reader)
{
    char           *p, *last;
    size_t          len;
    redisReader    *r;
    redisReadTask  *task;

    if (reader->bytes > NGX_ADM_REPLY_BYTES) {
        return 1;
    }

    r = reader->hiredis;

    if (r->ridx < 0) {
        return 0;
    }

    task = &r->rstack[r->ridx];
    p = r->buf + r->pos;
    last = r->buf + r->len;

    if (task->type != REDIS_REPLY_STRING) {
        return last - p > NGX_ADM_REPLY_LINE;
    }

    for (len = 0; p < last && *p >= '0' && *p <= '9'; p++) {

        len = len * 10 + (*p - '0');

        if (len > NGX_ADM_REPLY_BYTES) {
            return 1;
        }
    }

    return p < last && *p != '\r' && *p != '-';
}


static ngx_adm_value_t *
ngx_adm_value_create(const redisReadTask *task, ngx_adm_value_e type)
{
    ngx_adm_value_t   *value, *parent;
    ngx_adm_reader_t  *reader;

    reader = task->privdata;

    value = ngx_pcalloc(reader->pool, sizeof(ngx_adm_value_t));
    if (value == NULL) {
        return NULL;
    }

    value->type = type;

    if (task->parent) {
        parent = task->parent->obj;
        parent->elements[task->idx] = value;
    }

    return value;
}


static void *
ngx_adm_value_string(const redisReadTask *task, char *text, size_t len)
{
    ngx_adm_value_e    type;
    ngx_adm_value_t   *value;
    ngx_adm_reader_t  *reader;

    type = (task->type == REDIS_REPLY_ERROR) ? NGX_ADM_VALUE_ERROR
                                             : NGX_ADM_VALUE_TEXT;

    value = ngx_adm_value_create(task, type);
    if (value == NULL) {
        return NULL;
    }

    reader = task->privdata;

    value->text.data = ngx_pnalloc(reader->pool, len);
    if (value->text.data == NULL) {
        return NULL;
    }

    value->text.len = len;
    ngx_memcpy(value->text.data, text, len);

    return value;
}


static void *
ngx_adm_value_array(const redisReadTask *task, int n)
{
    ngx_adm_value_t   *value;
    ngx_adm_reader_t  *reader;

    reader = task->privdata;

    reader->elements += n;

    if (reader->elements > NGX_ADM_REPLY_ELEMENTS) {
        return NULL;
    }

    value = ngx_adm_value_create(task, NGX_ADM_VALUE_ARRAY);
    if (value == NULL) {
        return NULL;
    }

    value->elements = ngx_pcalloc(reader->pool, n * sizeof(ngx_adm_value_t *));
    if (value->elements == NULL) {
        return NULL;
    }

    value->n = n;

    return value;
}


static void *
ngx_adm_value_integer(const redisReadTask *task, long long integer)
{
    ngx_adm_value_t  *value;

    value = ngx_adm_value_create(task, NGX_ADM_VALUE_INTEGER);
    if (value) {
        value->integer = integer;
    }

    return value;
}


static void *
ngx_adm_value_nil(const redisReadTask *task)
{
    return ngx_adm_value_create(task, NGX_ADM_VALUE_NIL);
}


/* all of them go with their pool */

static void
ngx_adm_value_free(void *value)
{
}
