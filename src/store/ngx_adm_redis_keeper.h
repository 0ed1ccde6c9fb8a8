
/*
 * The keeper of a fleet: what a trip asks is asked of Redis, rates by one
 * script for each hash slot, keys and stock, and rates beside them, as
 * ngx_adm_redis_checkout.h has it, a line's joins and claims as
 * ngx_adm_line_fleet.h has them.
 *
 * A rate's state is one key for each client's key:
 *
 *     PREFIXrate:{HASH}:NAME        ...~dry of dry runs
 *
 * HASH is 32 hex digits of SHA-256 of the client's key: what a client sends
 * never stands in a key, and limits by the same key share a slot.
 */


#ifndef _NGX_ADM_REDIS_KEEPER_H_INCLUDED_
#define _NGX_ADM_REDIS_KEEPER_H_INCLUDED_


#include <ngx_adm_fleet.h>
#include <ngx_adm_outbox.h>
#include <ngx_adm_redis.h>
#include <ngx_adm_trip.h>


/* of a cycle: the keeper's data */

typedef struct {
    ngx_adm_redis_t      *redis;
    ngx_adm_fleet_t      *fleet;
    ngx_adm_outbox_t     *outbox;      /* NULL: no keys, no stock */
    ngx_adm_stock_t      *stock;       /* NULL: none */
} ngx_adm_redis_keeper_t;


/* once in a cycle; NULL: out of memory */

ngx_adm_keeper_t *ngx_adm_redis_keeper_add(ngx_conf_t *cf,
    ngx_adm_redis_t *redis, ngx_adm_fleet_t *fleet);

/* there are keys, or stock, or both: the outbox, and the view of stock */

ngx_int_t ngx_adm_redis_keeper_checkouts(ngx_conf_t *cf,
    ngx_adm_keeper_t *keeper, ngx_adm_stock_t *stock);


#endif /* _NGX_ADM_REDIS_KEEPER_H_INCLUDED_ */
