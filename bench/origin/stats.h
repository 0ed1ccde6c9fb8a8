
/*
 * The counters and the present fault, as JSON.
 */


#ifndef _STATS_H_INCLUDED_
#define _STATS_H_INCLUDED_


#include "shop.h"

#include <event2/buffer.h>


void stats_write(const shop_t *shop, struct evbuffer *out);
void stats_write_fault(const faults_t *faults, struct evbuffer *out);


/* what is in service or queued is kept */

void stats_reset(shop_t *shop);


#endif /* _STATS_H_INCLUDED_ */
