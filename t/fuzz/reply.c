
/*
 * Fuzzes the reader of replies.  What arrives at once and what arrives byte
 * by byte, or in two parts, are the same replies up to the same end; each is
 * whole: all elements are there, in no more than the depth and number that
 * the reader is to hold to.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* each allocation is the sanitizer's own */

#define NGX_DEBUG_PALLOC  1

#include "ngx_palloc.c"
#include "ngx_alloc.c"
#include "ngx_adm_redis_reply.c"


#define DEPTH  9


#define hold(cond)                                                           \
    do {                                                                     \
        if (!(cond)) {                                                       \
            fprintf(stderr, "line %d does not hold: %s\n", __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* what was read, one reply after another, in a notation of this test */

typedef struct {
    size_t          len;
    size_t          size;
    unsigned char  *data;
    ngx_uint_t      elements;      /* of the reply that is noted */
    ngx_int_t       rc;            /* of the last */
} notes_t;


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


static void
note(notes_t *notes, const void *data, size_t len)
{
    if (notes->len + len > notes->size) {
        notes->size = 2 * (notes->len + len);
        notes->data = realloc(notes->data, notes->size);
        hold(notes->data != NULL);
    }

    if (len) {
        memcpy(notes->data + notes->len, data, len);
    }

    notes->len += len;
}


static void
note_value(notes_t *notes, ngx_adm_value_t *value, int depth)
{
    size_t  i;

    hold(value != NULL);
    hold(depth <= DEPTH);

    note(notes, &value->type, sizeof(value->type));

    switch (value->type) {

    case NGX_ADM_VALUE_NIL:
        break;

    case NGX_ADM_VALUE_INTEGER:
        note(notes, &value->integer, sizeof(value->integer));
        break;

    case NGX_ADM_VALUE_TEXT:
    case NGX_ADM_VALUE_ERROR:
        note(notes, &value->text.len, sizeof(value->text.len));
        note(notes, value->text.data, value->text.len);
        break;

    case NGX_ADM_VALUE_ARRAY:
        notes->elements += value->n;
        hold(notes->elements <= NGX_ADM_REPLY_ELEMENTS);

        note(notes, &value->n, sizeof(value->n));

        for (i = 0; i < value->n; i++) {
            note_value(notes, value->elements[i], depth + 1);
        }

        break;

    default:
        hold(0);
    }
}


static void
feed(ngx_adm_reader_t *reader, notes_t *notes, const uint8_t *data, size_t len)
{
    unsigned char    *copy;
    ngx_adm_value_t  *value;

    if (notes->rc == NGX_ERROR) {
        return;
    }

    copy = malloc(len + (len == 0));
    hold(copy != NULL);

    if (len) {
        memcpy(copy, data, len);
    }

    hold(ngx_adm_reader_feed(reader, copy, len) == NGX_OK);
    free(copy);

    for ( ;; ) {
        notes->rc = ngx_adm_reader_next(reader, &value);

        if (notes->rc != NGX_OK) {
            break;
        }

        notes->elements = 0;
        note_value(notes, value, 1);
    }
}


/* in parts of so many bytes, after the first ones */

static notes_t
read_in_parts(const uint8_t *data, size_t size, size_t first, size_t part)
{
    size_t             len;
    notes_t            notes;
    ngx_log_t          log;
    ngx_adm_reader_t  *reader;

    memset(&log, 0, sizeof(log));
    memset(&notes, 0, sizeof(notes));

    reader = ngx_adm_reader_create(&log);
    hold(reader != NULL);

    for (len = first; size; len = part) {
        len = len < size ? len : size;
        feed(reader, &notes, data, len);
        data += len;
        size -= len;
    }

    ngx_adm_reader_destroy(reader);

    return notes;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t   i;
    notes_t  whole, parts;

    static const size_t  lens[][2] = { { 1, 1 }, { 5, 3 }, { 1, 4096 } };

    if (ngx_pagesize == 0) {
        ngx_pagesize = 4096;
    }

    whole = read_in_parts(data, size, size, size);

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        parts = read_in_parts(data, size, lens[i][0], lens[i][1]);

        hold(parts.rc == whole.rc);
        hold(parts.len == whole.len);
        hold(whole.len == 0 || memcmp(parts.data, whole.data, whole.len) == 0);

        free(parts.data);
    }

    free(whole.data);

    return 0;
}
