
/*
 * The trip: one request and reply with the store on behalf of a client's
 * request, and what a keeper of the store has to do about it.
 *
 *  - A submitted trip is answered exactly once, from the event loop and never
 *    from within ngx_adm_trip_submit(), or it is cancelled.
 *  - After ngx_adm_trip_cancel() its handler is not called; what the store
 *    granted, or grants later, is given back.
 *  - A trip does not live in a request's pool: the request may be gone when
 *    the store answers.  Whoever created it calls ngx_adm_trip_release() in
 *    or after the handler, or ngx_adm_trip_cancel(), and not both.
 *  - A keeper names the trip by pointer and serial number; a second answer,
 *    or one to a trip that is over, is logged and dropped.
 */


#ifndef _NGX_ADM_TRIP_H_INCLUDED_
#define _NGX_ADM_TRIP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_adm_line.h>
#include <ngx_adm_rates.h>


typedef enum {
    NGX_ADM_COMMAND_RATE = 0,      /* takes units of a rate */
    NGX_ADM_COMMAND_JOIN,          /* a number in a line, or a pass, if the
                                      door is open */
    NGX_ADM_COMMAND_CLAIM          /* exchanges a called ticket for a pass */
} ngx_adm_command_e;


typedef enum {
    NGX_ADM_REPLY_NONE = 0,        /* not answered yet */
    NGX_ADM_REPLY_GRANTED,
    NGX_ADM_REPLY_REFUSED,
    NGX_ADM_REPLY_FAILED           /* the store cannot tell */
} ngx_adm_reply_e;


typedef struct ngx_adm_command_s  ngx_adm_command_t;
typedef struct ngx_adm_trip_s     ngx_adm_trip_t;
typedef struct ngx_adm_keeper_s   ngx_adm_keeper_t;


/*
 * In the trip's pool.  Of a line GRANTED means that there is a pass, REFUSED
 * any other answer that "said" tells.
 */

struct ngx_adm_command_s {
    ngx_adm_command_t    *next;
    ngx_adm_trip_t       *trip;
    ngx_adm_command_e     kind;
    ngx_uint_t            shadow;  /* of a dry run */
    ngx_uint_t            patient; /* nothing else can answer: it may take the
                                      longer of the two time-outs */
    ngx_adm_reply_e       reply;

    /* RATE */
    ngx_adm_rates_t      *rates;
    adm_gcra_t            gcra;
    ngx_str_t             key;     /* in the trip's pool */
    uint64_t              cost;
    adm_gcra_answer_t     answer;
    ngx_adm_charge_t      charge;

    /* JOIN, CLAIM */
    ngx_adm_line_t       *line;
    uint64_t              ticket;  /* claimed, or given */
    ngx_uint_t            enters;  /* JOIN: by the open door, if it is */
    adm_line_rc_e         said;
    adm_pass_t            pass;
};


typedef void (*ngx_adm_trip_handler_pt)(ngx_adm_trip_t *trip);


struct ngx_adm_trip_s {
    ngx_pool_t               *pool;      /* for what the commands point to */
    ngx_adm_keeper_t         *keeper;
    ngx_adm_trip_handler_pt   handler;
    void                     *data;      /* the handler's */

    ngx_adm_command_t        *commands;  /* in the order of the pipeline */
    ngx_adm_command_t       **last;

    ngx_msec_t                timeout;   /* ms, set before it is submitted */
    ngx_uint_t                serial;
    ngx_uint_t                pending;   /* the keeper's: commands under way */
    ngx_event_t               event;     /* the keeper's */
    ngx_queue_t               queue;
    unsigned                  submitted:1;
    unsigned                  cancelled:1;
};


struct ngx_adm_keeper_s {
    ngx_str_t                 name;
    void                     *data;      /* the keeper's */
    ngx_uint_t                punctual;  /* answers within trip->timeout by
                                            itself: no timer is needed */

    /* NGX_ERROR: it will not be answered */
    ngx_int_t               (*submit)(ngx_adm_trip_t *trip);

    /* undoes a command that was granted; its trip may be over */
    void                    (*give_back)(ngx_adm_keeper_t *keeper,
                                         ngx_adm_command_t *command);
};


/* this node's shared memory: grants or refuses, never fails */

extern ngx_adm_keeper_t  ngx_adm_shm_keeper;


/* NULL: out of memory */

ngx_adm_trip_t *ngx_adm_trip_create(ngx_adm_keeper_t *keeper);

/* one more command, zeroed; NULL: out of memory */

ngx_adm_command_t *ngx_adm_trip_command(ngx_adm_trip_t *trip);

/* NGX_OK: the handler will be called; NGX_ERROR: it will not */

ngx_int_t ngx_adm_trip_submit(ngx_adm_trip_t *trip);

void ngx_adm_trip_cancel(ngx_adm_trip_t *trip);
void ngx_adm_trip_release(ngx_adm_trip_t *trip);

/* the keeper's: the replies of all commands stand in the trip */

void ngx_adm_trip_answer(ngx_adm_trip_t *trip, ngx_uint_t serial);


#endif /* _NGX_ADM_TRIP_H_INCLUDED_ */
