
/*
 * Replies: hiredis' reader finds them in what arrives, and they are kept in
 * memory of ours until the next one is read.
 *
 * What is more than a reply of ours can be is not read: more elements, more
 * bytes, a longer line, a deeper nesting.
 */


#ifndef _NGX_ADM_REDIS_REPLY_H_INCLUDED_
#define _NGX_ADM_REDIS_REPLY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_adm_redis.h>


/* of one reply: elements of all its arrays; bytes as they arrive; bytes of a
   line, which an error is */

#define NGX_ADM_REPLY_ELEMENTS  65536
#define NGX_ADM_REPLY_BYTES     (1024 * 1024 + 1024)
#define NGX_ADM_REPLY_LINE      16384


typedef struct ngx_adm_reader_s  ngx_adm_reader_t;


/* NULL: out of memory */

ngx_adm_reader_t *ngx_adm_reader_create(ngx_log_t *log);
void ngx_adm_reader_destroy(ngx_adm_reader_t *reader);

/* NGX_ERROR: out of memory */

ngx_int_t ngx_adm_reader_feed(ngx_adm_reader_t *reader, u_char *data,
    size_t len);

/*
 * The next reply, which lives until the next call.  NGX_AGAIN: there is none
 * yet; NGX_ERROR: what arrived is no reply, or too large.
 */

ngx_int_t ngx_adm_reader_next(ngx_adm_reader_t *reader,
    ngx_adm_value_t **value);


#endif /* _NGX_ADM_REDIS_REPLY_H_INCLUDED_ */
