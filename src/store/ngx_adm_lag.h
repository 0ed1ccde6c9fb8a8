
/*
 * How far the event loops of a node are behind: how late a timer is called.
 */


#ifndef _NGX_ADM_LAG_H_INCLUDED_
#define _NGX_ADM_LAG_H_INCLUDED_


#include <ngx_adm_counters.h>


/*
 * Starts measuring in this process, ten times a second, until it exits; to
 * be called after ngx_adm_counters_open().
 */

void ngx_adm_lag_start(ngx_cycle_t *cycle);

/*
 * The lag in microseconds of the worst process of the node within its last
 * second; a process that does not come to measure is late by so much.  What
 * is below 10 ms may be the resolution of timers.
 */

uint64_t ngx_adm_lag(ngx_adm_counters_t *counters);

/*
 * The lag of this process when it was measured last, in microseconds; cost:
 * one load.
 */

uint64_t ngx_adm_lag_here(void);


#endif /* _NGX_ADM_LAG_H_INCLUDED_ */
