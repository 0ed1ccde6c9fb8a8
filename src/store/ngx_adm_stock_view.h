
/*
 * What a node knows of the stock in Redis, in the fleet's memory: what the
 * last reply said of each SKU that somebody on this node cares about.
 *
 * Any process writes what it hears; readers never wait.  One process at a
 * time asks again, four times a second, for the SKUs that the configuration
 * names, those that a request asked about in the last minute, and those of
 * which units are held, so that holds are over in time.  Nothing is known of
 * a SKU that was not confirmed for two seconds.
 */


#ifndef _NGX_ADM_STOCK_VIEW_H_INCLUDED_
#define _NGX_ADM_STOCK_VIEW_H_INCLUDED_


#include <ngx_adm_redis_checkout.h>


/* ms for which it is known, after which it is asked for again, and for which
   somebody cares */
#define NGX_ADM_STOCK_KNOWN     2000
#define NGX_ADM_STOCK_PERIOD    250
#define NGX_ADM_STOCK_CARED     60000


/* once in a cycle; NULL: out of memory */

ngx_adm_stock_view_t *ngx_adm_stock_view_add(ngx_conf_t *cf,
    ngx_adm_fleet_t *fleet, ngx_adm_stock_t *stock);

/* as ngx_adm_stock_look(); somebody cares from now on, if it is there */

ngx_adm_stock_look_e ngx_adm_stock_view_look(ngx_adm_stock_view_t *view,
    adm_str_t *sku, adm_facts_t *facts);

/* 1 if one of those that are known has to be confirmed after a failover */

ngx_uint_t ngx_adm_stock_view_unconfirmed(ngx_adm_stock_view_t *view);
uint64_t ngx_adm_stock_view_unresolved(ngx_adm_stock_view_t *view);

/* adds copies of those that are known; NGX_ERROR: out of memory */

ngx_int_t ngx_adm_stock_view_skus(ngx_adm_stock_view_t *view,
    ngx_pool_t *pool, ngx_array_t *skus);

/* the key of the store's list of SKUs */

ngx_str_t ngx_adm_stock_view_list(ngx_adm_stock_view_t *view);

/* a reply said so */

void ngx_adm_stock_view_hear(ngx_adm_stock_view_t *view, const u_char *sku,
    size_t len, ngx_adm_redis_look_e look, adm_facts_t *facts);


#endif /* _NGX_ADM_STOCK_VIEW_H_INCLUDED_ */
