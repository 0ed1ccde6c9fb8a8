
/*
 * The stock: what a node knows of SKUs without asking, and what operators
 * and back ends may ask of the store.
 *
 * Without Redis the stock is in this node's memory and what is known is the
 * truth of the moment.  With it a node knows what the last reply said of a
 * SKU, and asks again, by one worker of the node, four times a second for
 * each SKU that somebody on this node cares about: those that the
 * configuration names, and those of which something was seen lately, or of
 * which there are units that are not settled.  So a
 * change by any client of Redis is known within a second, and a latch of what
 * is sold out opens by itself; what was not confirmed for two seconds is not
 * known any more.
 */


#ifndef _NGX_ADM_STOCK_H_INCLUDED_
#define _NGX_ADM_STOCK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <adm_cart.h>


#define NGX_ADM_STOCK_SKUS      1024     /* that a node cares about */


typedef enum {
    NGX_ADM_STOCK_UNSEEN = 0,      /* this node does not know */
    NGX_ADM_STOCK_MISSING,         /* there is no such SKU */
    NGX_ADM_STOCK_SEEN
} ngx_adm_stock_look_e;


typedef struct ngx_adm_ledger_s      ngx_adm_ledger_t;
typedef struct ngx_adm_stock_view_s  ngx_adm_stock_view_t;


/* a SKU that the configuration names; in the cycle's pool */

typedef struct {
    ngx_str_t               sku;
    ngx_uint_t              configured:1;    /* with metrics */
} ngx_adm_sku_t;


/* a cycle's; "key" is the same for all of a configuration */

typedef struct {
    ngx_str_t               before;      /* of the SKU in its key ... */
    ngx_str_t               after;       /* ... and behind it */
    ngx_uint_t              close;       /* on_failover=close */
    ngx_array_t             skus;        /* of ngx_adm_sku_t * */
    ngx_adm_ledger_t       *ledger;      /* shm; or NULL */
    ngx_adm_stock_view_t   *view;        /* Redis; or NULL */
} ngx_adm_stock_t;


/*
 * Declares a SKU, or finds it; it must live as long as the cycle.  NULL: out
 * of memory.
 */

ngx_adm_sku_t *ngx_adm_stock_declare(ngx_adm_stock_t *stock, ngx_str_t *sku);

/* what is known now: no lock, no trip; "facts" only if SEEN */

ngx_adm_stock_look_e ngx_adm_stock_look(ngx_adm_stock_t *stock,
    adm_str_t *sku, adm_facts_t *facts);

/*
 * Units of requests that were sent to the upstream and never answered, of all
 * SKUs that this node knows of; those are not forgotten while there are any.
 * Cost: all SKUs are looked at.
 */

uint64_t ngx_adm_stock_unresolved(ngx_adm_stock_t *stock);


/* 1 if a SKU that this node cares about waits for an operator's word */

ngx_uint_t ngx_adm_stock_unconfirmed(ngx_adm_stock_t *stock);


/* what operators and back ends ask: a command ASK of a trip */

typedef enum {
    NGX_ADM_ASK_STOCK = 0,         /* the facts of "sku" */
    NGX_ADM_ASK_STOCKS,            /* of all SKUs that are known */
    NGX_ADM_ASK_SET,               /* available is "number" from now on; makes
                                      a SKU; confirms it after a failover */
    NGX_ADM_ASK_TOTAL,             /* "number" less what is held, unresolved
                                      and committed are available */
    NGX_ADM_ASK_ADD,               /* "number", which may be negative, more;
                                      never below 0 */
    NGX_ADM_ASK_HOLD,              /* the hold "id" */
    NGX_ADM_ASK_COMMIT,
    NGX_ADM_ASK_RELEASE,
    NGX_ADM_ASK_HOLDS,             /* those that are unresolved, at most
                                      NGX_ADM_ASK_MANY of the oldest */
    NGX_ADM_ASK_FORGET             /* the key "id" is free again */
} ngx_adm_ask_e;


#define NGX_ADM_ASK_MANY        256


typedef enum {
    NGX_ADM_TOLD_OK = 0,
    NGX_ADM_TOLD_NONE,             /* there is no such SKU, hold, key */
    NGX_ADM_TOLD_SHORT,            /* not as many units are there: ADD or
                                      TOTAL would go below 0, COMMIT of what
                                      has expired */
    NGX_ADM_TOLD_LATE,             /* COMMIT of what had expired: took new
                                      units */
    NGX_ADM_TOLD_OTHER,            /* the hold is settled, and otherwise */
    NGX_ADM_TOLD_RUNNING,          /* the key's request, or the hold's, is
                                      under way */
    NGX_ADM_TOLD_WRONG,            /* the stock's key holds no number */
    NGX_ADM_TOLD_FULL              /* no place for one more SKU */
} ngx_adm_told_e;


typedef enum {
    NGX_ADM_HOLD_RUNNING = 0,      /* its request is under way */
    NGX_ADM_HOLD_HELD,             /* it was answered */
    NGX_ADM_HOLD_IS_UNRESOLVED,
    NGX_ADM_HOLD_COMMITTED,
    NGX_ADM_HOLD_RELEASED
} ngx_adm_hold_state_e;


typedef struct {
    ngx_str_t               sku;
    adm_facts_t             facts;
    ngx_uint_t              wrong;       /* the stock's key holds no number */
    ngx_uint_t              unconfirmed; /* since a failover */
} ngx_adm_told_sku_t;


typedef struct {
    u_char                  id[16];
    ngx_str_t               sku;         /* one entry for each of a cart */
    uint64_t                quantity;
    ngx_adm_hold_state_e    state;
    uint64_t                until;       /* ms since the epoch; 0: none */
    ngx_str_t               note;        /* correlation id */
} ngx_adm_told_hold_t;


/* in the trip's pool */

typedef struct {
    ngx_adm_ask_e           what;
    ngx_adm_stock_t        *stock;
    ngx_str_t               sku;
    int64_t                 number;
    u_char                  id[16];

    ngx_adm_told_e          told;
    ngx_array_t             skus;        /* of ngx_adm_told_sku_t */
    ngx_array_t             holds;       /* of ngx_adm_told_hold_t */
    ngx_uint_t              more;        /* 1: there are others */
} ngx_adm_inquiry_t;


#endif /* _NGX_ADM_STOCK_H_INCLUDED_ */
