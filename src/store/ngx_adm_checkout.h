
/*
 * A checkout: what a request has taken of keys and stock, and what is to
 * become of it.
 *
 * It begins before the trip that asks for it, and ends exactly once, by
 * ngx_adm_checkout_end(), whatever happens to the request: what was not
 * decided by then is given back.  From the end on it is the keeper's, which
 * tells the store, and does not forget it before the store has acknowledged
 * it; a connection that is lost, and a worker that dies, lose nothing.
 *
 * One number names all of it: the checkout's id is the fence of its key and
 * the id of its hold, so everything that is told of it may be told twice, and
 * what takes may come after what gives back: it then takes nothing.
 *
 *     asked      its trip is under way, or has not been judged yet
 *     admitted   its request may have been sent to the upstream
 *     ended      the store is being told
 *
 * Who dies while it is asked has it given back; who dies while it is admitted
 * leaves a key whose outcome is unknown, and a hold that is unresolved.
 */


#ifndef _NGX_ADM_CHECKOUT_H_INCLUDED_
#define _NGX_ADM_CHECKOUT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <adm_cart.h>


#define NGX_ADM_CHECKOUT_ID     16       /* bytes */
#define NGX_ADM_CHECKOUT_HASH   16
#define NGX_ADM_CHECKOUT_TEXT   512      /* bytes of all SKUs of a cart */

/* bytes of the correlation id that records carry */
#define NGX_ADM_CHECKOUT_NOTE   64


/* what becomes of the key */

typedef enum {
    NGX_ADM_KEY_FORGET = 0,        /* free, as if it had never been used */
    NGX_ADM_KEY_KEEP,              /* done: "response", or not replayable */
    NGX_ADM_KEY_UNKNOWN            /* sent, and nobody knows */
} ngx_adm_key_end_e;


/* what becomes of the hold */

typedef enum {
    NGX_ADM_HOLD_RELEASE = 0,
    NGX_ADM_HOLD_COMMIT,
    NGX_ADM_HOLD_LEAVE,            /* answered: until its time, or until who
                                      has its id settles it */
    NGX_ADM_HOLD_UNRESOLVED        /* sent, and nobody knows: out of the
                                      stock, or as "unresolved" says */
} ngx_adm_hold_end_e;


typedef enum {
    NGX_ADM_CHECKOUT_NEW = 0,      /* nothing was asked of the store */
    NGX_ADM_CHECKOUT_ASKED,
    NGX_ADM_CHECKOUT_ADMITTED,
    NGX_ADM_CHECKOUT_ENDED
} ngx_adm_checkout_state_e;


typedef struct ngx_adm_checkout_s  ngx_adm_checkout_t;
typedef struct ngx_adm_keeper_s    ngx_adm_keeper_t;

/* of this process; the pool is its own */

struct ngx_adm_checkout_s {
    ngx_pool_t               *pool;
    ngx_adm_keeper_t         *keeper;
    ngx_adm_checkout_state_e  state;
    u_char                    id[NGX_ADM_CHECKOUT_ID];     /* random */
    u_char                    note[NGX_ADM_CHECKOUT_NOTE]; /* correlation */
    size_t                    note_len;

    /* a key, if "keyed" */
    u_char                    key[NGX_ADM_CHECKOUT_HASH];  /* of owner and
                                                              key */
    u_char                    fingerprint[NGX_ADM_CHECKOUT_HASH];
    ngx_msec_t                lock;      /* ms; extended while it runs */
    time_t                    ttl;       /* s */

    /* units, if "stocked"; SKUs are in the pool */
    adm_item_t                items[ADM_CART_ITEMS];
    ngx_uint_t                nitems;
    ngx_msec_t                hold;      /* ms; from the last sign of life,
                                            or from the answer */
    u_char                    buyer[NGX_ADM_CHECKOUT_HASH];
    uint64_t                  per_buyer; /* units; 0: no limit */
    time_t                    per_time;  /* s */

    /* what was granted: set by the keeper */
    unsigned                  key_taken:1;
    unsigned                  stock_taken:1;

    unsigned                  keyed:1;
    unsigned                  stocked:1;
    unsigned                  returns:1; /* unresolved=return */

    /* what becomes of it: set before the end */
    ngx_adm_key_end_e         key_end;
    ngx_adm_hold_end_e        hold_end;
    ngx_uint_t                status;    /* KEEP: of the response */
    size_t                    max_body;  /* KEEP: the most bytes of it */
    ngx_str_t                 response;  /* KEEP: opaque, in any memory that
                                            lives until the end returns; data
                                            NULL: not replayable */

    /* the keeper's */
    unsigned                  key_asked:1;       /* ... and not refused: it
                                                    may have been taken */
    unsigned                  stock_asked:1;
    void                     *place;     /* in shared memory; NULL: none */
    ngx_queue_t               queue;     /* of those that run here */
    ngx_msec_t                extended;  /* when, of ngx_current_msec */
};


/*
 * With a new id, and nothing in it; policies fill it in before their commands
 * are submitted.  NULL: out of memory.
 */

ngx_adm_checkout_t *ngx_adm_checkout_create(ngx_adm_keeper_t *keeper);

/* the request goes on: before anything can be sent to an upstream */

void ngx_adm_checkout_admit(ngx_adm_checkout_t *checkout);

/*
 * Settles it, or gives it back; the checkout is gone.  Never waits.  In any
 * state, also while its trip is under way, and is cancelled.
 */

void ngx_adm_checkout_end(ngx_adm_checkout_t *checkout);


/*
 * Of those that are admitted in this process, locks and holds are extended
 * when a third of the shorter time is over; by a timer of the process that
 * does not keep it alive by itself.
 */

void ngx_adm_checkout_start(ngx_cycle_t *cycle);


#endif /* _NGX_ADM_CHECKOUT_H_INCLUDED_ */
