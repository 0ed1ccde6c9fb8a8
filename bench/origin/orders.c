
#include "orders.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>


typedef struct {
    UT_hash_handle   hh;
    char             text[];
} order_key_t;


struct orders_s {
    uint64_t         stock;
    order_key_t     *keys;
    orders_stats_t   stats;
};


static void orders_note(orders_t *orders, const char *key);


orders_t *
orders_create(uint64_t stock)
{
    orders_t  *orders;

    orders = calloc(1, sizeof(orders_t));

    if (orders) {
        orders->stock = stock;
    }

    return orders;
}


void
orders_free(orders_t *orders)
{
    orders_reset(orders);
    free(orders);
}


bool
orders_execute(orders_t *orders, const char *key)
{
    if (orders->stats.units_sold >= orders->stock) {
        orders->stats.sold_out++;
        return false;
    }

    orders->stats.orders++;
    orders->stats.units_sold++;

    if (key) {
        orders_note(orders, key);
    }

    return true;
}


static void
orders_note(orders_t *orders, const char *key)
{
    size_t        length;
    order_key_t  *known;

    length = strlen(key);

    HASH_FIND(hh, orders->keys, key, length, known);

    if (known) {
        orders->stats.duplicates++;
        return;
    }

    known = malloc(sizeof(order_key_t) + length + 1);

    /* counters that are silently wrong would be worse than no service */

    if (known == NULL) {
        abort();
    }

    memcpy(known->text, key, length + 1);
    HASH_ADD(hh, orders->keys, text, length, known);
    orders->stats.keys++;
}


void
orders_reset(orders_t *orders)
{
    order_key_t  *key, *next;

    HASH_ITER(hh, orders->keys, key, next) {
        HASH_DEL(orders->keys, key);
        free(key);
    }

    memset(&orders->stats, 0, sizeof(orders->stats));
}


const orders_stats_t *
orders_stats(const orders_t *orders)
{
    return &orders->stats;
}
