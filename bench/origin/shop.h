
/*
 * What the paths mean: orders and pages, which take a service time; counters
 * and faults, which are answered at once.
 */


#ifndef _SHOP_H_INCLUDED_
#define _SHOP_H_INCLUDED_


#include "faults.h"
#include "options.h"
#include "orders.h"
#include "server.h"
#include "service.h"


typedef struct {
    const char   *field;                    /* of answers to orders, or NULL */
    service_t    *service;
    orders_t     *orders;
    faults_t      faults;
    int64_t       started;                  /* us, monotonic */
    uint64_t      abandoned;                /* served, but nobody was left */
    uint64_t      by_status[SERVER_STATUSES];  /* sent whole */
    uint64_t      serial;                   /* of the last order */
    char          prefix[17];               /* of the orders' names */
    char          page[2048];               /* about the last order */
} shop_t;


/* NULL: no memory */

shop_t *shop_create(struct event_base *base, const options_t *options);
void shop_free(shop_t *shop);


/* a server_conf_t's handler; data is the shop */

void shop_handle(void *data, request_t *request);


#endif /* _SHOP_H_INCLUDED_ */
