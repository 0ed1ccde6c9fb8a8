
/*
 * What a checkout service keeps: which keys were executed, how much was sold.
 *
 * It trusts whoever calls it: an order whose key was executed before is
 * executed again and sells again.  That is the damage to be seen.
 */


#ifndef _ORDERS_H_INCLUDED_
#define _ORDERS_H_INCLUDED_


#include <stdbool.h>
#include <stdint.h>


typedef struct orders_s  orders_t;


typedef struct {
    uint64_t  orders;                       /* executed */
    uint64_t  keys;                         /* distinct, of those */
    uint64_t  duplicates;                   /* executed, though the key was */
    uint64_t  units_sold;
    uint64_t  sold_out;                     /* not executed: no stock */
} orders_stats_t;


/* stock in units; UINT64_MAX: unlimited */

orders_t *orders_create(uint64_t stock);
void orders_free(orders_t *orders);


/* Sells a unit; key may be NULL.  False: sold out. */

bool orders_execute(orders_t *orders, const char *key);


/* zeroes the counters, forgets the keys, refills the stock */

void orders_reset(orders_t *orders);

const orders_stats_t *orders_stats(const orders_t *orders);


#endif /* _ORDERS_H_INCLUDED_ */
