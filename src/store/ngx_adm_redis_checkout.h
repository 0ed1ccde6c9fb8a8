
/*
 * What the keeper's files have in common: rates, keys and stock in Redis.
 *
 * Keys and stock, beside the stock's own key, which is BEFORE SKU AFTER:
 *
 *     PREFIXkey:{HASH}           an idempotency key
 *     PREFIXholds:{SKU}          who has set units aside; and due:, totals:,
 *                                buyers:
 *     PREFIX{skus}               the SKUs that nodes have seen
 *
 * Numbers go and come as words of 64 bits, as the scripts' heads say, in the
 * order of a little-endian machine, as both that we build on are.
 */


#ifndef _NGX_ADM_REDIS_CHECKOUT_H_INCLUDED_
#define _NGX_ADM_REDIS_CHECKOUT_H_INCLUDED_


#include <ngx_adm_redis_keeper.h>


/* flags of the scripts */

#define NGX_ADM_REDIS_KEYED       1
#define NGX_ADM_REDIS_TOUCH       1      /* of stock */
#define NGX_ADM_REDIS_LIST        2
#define NGX_ADM_REDIS_KEY_PEEK    2      /* of checkout */
#define NGX_ADM_REDIS_REPLAYABLE  2      /* of settle */
#define NGX_ADM_REDIS_PEEK        4
#define NGX_ADM_REDIS_RETURNS     8
#define NGX_ADM_REDIS_CLOSE       16

/* keys of a SKU, and words of what is known of it */

#define NGX_ADM_REDIS_SKU_KEYS    5
#define NGX_ADM_REDIS_FACTS       7

/* what scripts return of each rate, words */

#define NGX_ADM_REDIS_RATE_WORDS  4

/* what a script can count to */
#define NGX_ADM_REDIS_EXACT       (INT64_C(1) << 53)


/* a rate that is asked for; in ticks of the scripts */

typedef struct {
    ngx_adm_command_t    *command;     /* in the trip */
    ngx_str_t             key;         /* in Redis */
    ngx_uint_t            slot;
    uint64_t              interval;
    uint64_t              depth;
    uint64_t              ticks;       /* asked for */
} ngx_adm_redis_rate_t;


/* what a script says of a SKU */

typedef enum {
    NGX_ADM_REDIS_MISSING = 1,
    NGX_ADM_REDIS_SEEN,
    NGX_ADM_REDIS_WRONG,
    NGX_ADM_REDIS_UNCONFIRMED
} ngx_adm_redis_look_e;


/*
 * ngx_adm_redis_keeper.c: rates.
 */

/* those of a trip, in its pool */

ngx_int_t ngx_adm_redis_rates(ngx_adm_trip_t *trip, ngx_array_t *rates);

/* by one call for each slot; what is under way is pending */

void ngx_adm_redis_take_rates(ngx_adm_trip_t *trip, ngx_msec_t timeout);

/* a copy of a rate in a call's pool, its key and arguments in the call */

ngx_int_t ngx_adm_redis_ride(ngx_adm_call_t *call, ngx_adm_redis_rate_t *rate,
    ngx_adm_redis_rate_t *asked);

/* as the script has decided, by its words */

ngx_adm_reply_e ngx_adm_redis_read(ngx_adm_redis_rate_t *rate,
    uint64_t *words);

/* of an answer that comes too late: one call gives back all */

void ngx_adm_redis_rates_late(ngx_adm_redis_t *redis, ngx_array_t *rates,
    uint64_t *words);

/* one more of what the trip waits for is over */

void ngx_adm_redis_over(ngx_adm_trip_t *trip);


/*
 * ngx_adm_redis_names.c: keys, and numbers.
 */

/* of an idempotency key, and the five of a SKU: in a call */

ngx_int_t ngx_adm_redis_add_key(ngx_adm_call_t *call, const u_char *hash);
ngx_int_t ngx_adm_redis_add_sku(ngx_adm_call_t *call, ngx_adm_stock_t *stock,
    const u_char *sku, size_t len);

/* the slot of a SKU's; 0 where there is no cluster */

ngx_uint_t ngx_adm_redis_sku_slot(ngx_adm_redis_t *redis, const u_char *sku,
    size_t len);

/* words in an argument of a call, room for "rest" bytes behind them */

u_char *ngx_adm_redis_words(ngx_adm_call_t *call, uint64_t *words,
    ngx_uint_t n, size_t rest);

/*
 * The words of a reply: NGX_DECLINED: it has less than "n", or one that no
 * script can count to.
 */

ngx_int_t ngx_adm_redis_read_words(ngx_adm_value_t *value, uint64_t *words,
    ngx_uint_t n);

/* NGX_DECLINED: they are no facts */

ngx_int_t ngx_adm_redis_read_facts(uint64_t *words,
    ngx_adm_redis_look_e *look, adm_facts_t *facts);

/* a reply that cannot be read is counted; of the log once a second is enough
   */

void ngx_adm_redis_complain(ngx_adm_call_t *call);


/*
 * ngx_adm_redis_checkout.c: trips with keys and stock.
 */

void ngx_adm_redis_checkout(ngx_adm_trip_t *trip);


/*
 * ngx_adm_redis_settle.c: what is owed is told until it is acknowledged.
 */

void ngx_adm_redis_admit(ngx_adm_checkout_t *checkout);
void ngx_adm_redis_extend(ngx_adm_checkout_t *checkout);
void ngx_adm_redis_end(ngx_adm_checkout_t *checkout);

/* of a part of the fleet: takes over what is nobody's; gives all away */

void ngx_adm_redis_settle_tick(void *data);
void ngx_adm_redis_settle_stop(void *data);


/*
 * ngx_adm_redis_inquiry.c: what operators ask.
 */

void ngx_adm_redis_inquire(ngx_adm_command_t *command);


#endif /* _NGX_ADM_REDIS_CHECKOUT_H_INCLUDED_ */
