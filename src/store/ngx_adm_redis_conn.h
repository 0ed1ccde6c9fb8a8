
/*
 * One connection to a Redis: what is sent, and the replies in their turn.
 *
 *      CLOSED --open()--> CONNECTING --> SECURING (TLS) --opened()-->
 *      GREETING --ready()--> READY --close(), or by itself--> CLOSED
 *
 *  - After ngx_adm_conn_open() either opened() or closed() of its owner runs,
 *    from the event loop; after opened(), closed() once.
 *  - From open() to ready() no more than the connect timeout passes.
 *  - What was sent is answered in its turn: by a value, or, before closed()
 *    runs, by NULL.
 *  - Handlers may send, and close: a connection that is being read is closed
 *    as soon as it is safe.
 */


#ifndef _NGX_ADM_REDIS_CONN_H_INCLUDED_
#define _NGX_ADM_REDIS_CONN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>
#include <ngx_adm_redis.h>
#include <ngx_adm_redis_reply.h>


/* the most that is under way on one: replies, and bytes to be written */

#define NGX_ADM_CONN_TURNS   1024
#define NGX_ADM_CONN_OUTPUT  (1024 * 1024)


typedef enum {
    NGX_ADM_CONN_CLOSED = 0,
    NGX_ADM_CONN_CONNECTING,
    NGX_ADM_CONN_SECURING,
    NGX_ADM_CONN_GREETING,         /* open: its owner asks who is there */
    NGX_ADM_CONN_READY
} ngx_adm_conn_state_e;


typedef struct ngx_adm_conn_s  ngx_adm_conn_t;

typedef void (*ngx_adm_conn_handler_pt)(ngx_adm_conn_t *conn);


struct ngx_adm_conn_s {
    ngx_adm_redis_conf_t     *conf;
    ngx_log_t                *log;

    /* the owner's */
    void                     *data;
    ngx_adm_conn_handler_pt   opened;
    ngx_adm_conn_handler_pt   closed;
    ngx_uint_t                plain;     /* no TLS, whatever conf says */

    /* read by the owner */
    ngx_adm_conn_state_e      state;
    ngx_uint_t                pending;   /* turns */
    ngx_msec_t                heard;     /* when the last reply was whole */
    ngx_msec_t                since;     /* when it was opened */
    const char               *why;       /* in closed(): a phrase for the
                                            log, such as "timed out", or
                                            NULL: it was said ... */
    ngx_err_t                 err;       /* ... and an error of the system */
    ngx_uint_t                rubbish;   /* ... it sent what is no reply */

    /* the rest is its own */
    ngx_peer_connection_t     peer;
    ngx_connection_t         *connection;
    ngx_log_t                 quiet;     /* nginx's own lines go nowhere */
    ngx_str_t                 host;      /* to be in its certificate */
    ngx_adm_reader_t         *reader;
    ngx_queue_t               turns;
    ngx_event_t               flush;     /* at the end of this turn of the
                                            event loop */
    ngx_msec_t                stall;     /* ms without a reply, while it owes
                                            one, that it outlives */
    u_char                   *out;       /* from pos to last: to be written */
    size_t                    size;
    size_t                    pos;
    size_t                    last;
    uint64_t                  queued;    /* bytes, ever ... */
    uint64_t                  written;   /* ... of which went out */
    unsigned                  reading:1; /* handlers of turns run */
    unsigned                  failed:1;  /* to be closed after them */
};


/* before its first use; its owner's part is set behind it */

void ngx_adm_conn_init(ngx_adm_conn_t *conn, ngx_adm_redis_conf_t *conf,
    ngx_log_t *log);

/*
 * "host" is whose name its certificate must have, unless conf names another,
 * and must live until it is closed.
 * NGX_ERROR: it could not even be tried, err says why.
 */

ngx_int_t ngx_adm_conn_open(ngx_adm_conn_t *conn, ngx_addr_t *addr,
    ngx_str_t *host);

/* the one who was greeted is right: no timer any more but that of stalls */

void ngx_adm_conn_ready(ngx_adm_conn_t *conn);

/* it is not ready yet, or not any more: greeted in so many ms */

void ngx_adm_conn_rest(ngx_adm_conn_t *conn, ngx_msec_t rest);

/*
 * Sends a command of "n" words; "turn" must live until its handler was
 * called.  To one that is greeted or ready.
 * NGX_DECLINED: too much is under way; NGX_ERROR: out of memory.
 */

ngx_int_t ngx_adm_conn_send(ngx_adm_conn_t *conn, ngx_adm_turn_t *turn,
    ngx_str_t *words, ngx_uint_t n);

/* reads what has arrived, though nginx may not have noticed yet */

void ngx_adm_conn_look(ngx_adm_conn_t *conn);

/*
 * Closes it, at once or as soon as it is safe; all turns are told, then
 * closed() runs.  Nothing happens if it is closed.
 */

void ngx_adm_conn_close(ngx_adm_conn_t *conn, const char *why, ngx_err_t err);

/* of a turn that was told NULL: 1 if all of its command went out */

ngx_uint_t ngx_adm_conn_sent(ngx_adm_conn_t *conn, ngx_adm_turn_t *turn);


#endif /* _NGX_ADM_REDIS_CONN_H_INCLUDED_ */
