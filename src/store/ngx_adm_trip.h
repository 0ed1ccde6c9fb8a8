
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
#include <ngx_adm_checkout.h>
#include <ngx_adm_stock.h>


typedef enum {
    NGX_ADM_COMMAND_RATE = 0,      /* takes units of a rate */
    NGX_ADM_COMMAND_JOIN,          /* a number in a line, or a pass, if the
                                      door is open */
    NGX_ADM_COMMAND_CLAIM,         /* exchanges a called ticket for a pass */
    NGX_ADM_COMMAND_KEY,           /* takes an idempotency key, or tells what
                                      became of it */
    NGX_ADM_COMMAND_STOCK,         /* sets units aside, or looks whether they
                                      are there */
    NGX_ADM_COMMAND_ASK            /* an operator's, alone in its trip */
} ngx_adm_command_e;


typedef enum {
    NGX_ADM_REPLY_NONE = 0,        /* not answered yet */
    NGX_ADM_REPLY_GRANTED,
    NGX_ADM_REPLY_REFUSED,
    NGX_ADM_REPLY_FAILED           /* the store cannot tell */
} ngx_adm_reply_e;


typedef struct ngx_adm_command_s  ngx_adm_command_t;
typedef struct ngx_adm_trip_s     ngx_adm_trip_t;


/* what is said of a key */

typedef enum {
    NGX_ADM_KEY_NEW = 0,           /* taken; or, if only asked, not known */
    NGX_ADM_KEY_RUNNING,           /* another request, still */
    NGX_ADM_KEY_OUTCOME_UNKNOWN,
    NGX_ADM_KEY_DONE,              /* "kept" is what was answered */
    NGX_ADM_KEY_DONE_UNKEPT,       /* ... and was not kept: "status" alone */
    NGX_ADM_KEY_MISMATCH,          /* it was used for something else */
    NGX_ADM_KEY_FULL               /* no place in the store */
} ngx_adm_key_rc_e;


/* what is said of a cart; of several items the first one that is refused */

typedef enum {
    NGX_ADM_STOCK_OK = 0,          /* set aside, or there */
    NGX_ADM_STOCK_SOLD_OUT,        /* fewer than asked for are free, held and
                                      unresolved together */
    NGX_ADM_STOCK_RESERVED,        /* ... free, but holds may come back */
    NGX_ADM_STOCK_UNKNOWN,         /* no such SKU */
    NGX_ADM_STOCK_BUYER,           /* over what a buyer may have */
    NGX_ADM_STOCK_UNCONFIRMED,     /* a failover, and on_failover=close */
    NGX_ADM_STOCK_WRONG,           /* the stock's key holds no number of
                                      units */
    NGX_ADM_STOCK_FULL,            /* no place in the store */
    NGX_ADM_STOCK_WITHHELD         /* not asked: key or rate said no */
} ngx_adm_stock_rc_e;


/*
 * In the trip's pool.  Of a line GRANTED means that there is a pass, REFUSED
 * any other answer that "said" tells; of a key GRANTED means NEW, of stock
 * OK.
 *
 * Keys, stock and rates of a trip are decided together: a key that is not NEW
 * takes nothing else; a rate that refuses leaves key and stock; stock that
 * refuses leaves the key, while rates stay charged.  Keys and stock are given
 * back by the end of their checkout, and not with the trip.
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

    /* KEY, STOCK: what is asked for stands in the checkout */
    ngx_adm_checkout_t   *checkout;
    ngx_adm_stock_t      *stock;
    ngx_uint_t            peek;    /* takes nothing */
    ngx_adm_key_rc_e      key_said;
    ngx_str_t             kept;    /* DONE: in the trip's pool */
    ngx_uint_t            status;  /* DONE, DONE_UNKEPT */
    ngx_msec_t            wait;    /* RUNNING: ms until its lock passes;
                                      BUYER, RESERVED: 0, or ms until it may
                                      be otherwise */
    ngx_adm_stock_rc_e    stock_said;
    ngx_uint_t            item;    /* of the cart: the first refused */
    adm_facts_t           facts;   /* of that item, or of the first */

    /* ASK */
    ngx_adm_inquiry_t    *inquiry;
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

    /* undoes a command that was granted; its trip may be over.  Of keys and
       stock it does nothing */
    void                    (*give_back)(ngx_adm_keeper_t *keeper,
                                         ngx_adm_command_t *command);

    /* of ngx_adm_checkout.h, and no longer asked than that */
    void                    (*admit)(ngx_adm_checkout_t *checkout);
    void                    (*extend)(ngx_adm_checkout_t *checkout);
    void                    (*end)(ngx_adm_checkout_t *checkout);
};


/* the memory of keys, of a cycle: ngx_adm_keytab.h */

typedef struct ngx_adm_keytab_s  ngx_adm_keytab_t;


/*
 * This node's shared memory, once in a cycle: grants or refuses, and never
 * fails.  Of keys and stock only once "ngx_adm_shm_t", its data, has them.
 * NULL: out of memory.
 */

typedef struct {
    ngx_adm_keytab_t         *keytab;    /* NULL: none are asked for */
    ngx_adm_ledger_t         *ledger;
} ngx_adm_shm_t;

ngx_adm_keeper_t *ngx_adm_shm_keeper_add(ngx_conf_t *cf);

/*
 * In a process that serves: looks once a second whether somebody else is gone
 * that had something, and what is over.  NULL, or a keeper of another kind:
 * not any more.
 */

void ngx_adm_shm_start(ngx_cycle_t *cycle, ngx_adm_keeper_t *keeper);


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
