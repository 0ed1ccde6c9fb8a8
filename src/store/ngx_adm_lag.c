
/*
 * The lag of event loops.
 *
 * A process writes the worst of its last measures, and when the next is due:
 * who reads can tell that one is overdue although its process cannot.
 */


#include <ngx_adm_lag.h>
#include <ngx_adm_clock.h>
#include <ngx_event.h>


#define NGX_ADM_LAG_PERIOD   100       /* ms */
#define NGX_ADM_LAG_MEASURES 10


static void ngx_adm_lag_measure(ngx_event_t *ev);
static void ngx_adm_lag_wait(void);


static ngx_event_t  ngx_adm_lag_event;
static uint64_t     ngx_adm_lag_due;   /* ns */
static uint64_t     ngx_adm_lags[NGX_ADM_LAG_MEASURES];    /* us */
static ngx_uint_t   ngx_adm_lag_next;
static uint64_t     ngx_adm_lag_last;  /* us */


uint64_t
ngx_adm_lag_here(void)
{
    return ngx_adm_lag_last;
}


void
ngx_adm_lag_start(ngx_cycle_t *cycle)
{
    ngx_memzero(&ngx_adm_lag_event, sizeof(ngx_event_t));

    ngx_adm_lag_event.handler = ngx_adm_lag_measure;
    ngx_adm_lag_event.log = cycle->log;
    ngx_adm_lag_event.data = &ngx_adm_lag_event;
    ngx_adm_lag_event.cancelable = 1;

    ngx_adm_lag_wait();
}


static void
ngx_adm_lag_measure(ngx_event_t *ev)
{
    uint64_t    now, lag, worst;
    ngx_uint_t  i;

    now = ngx_adm_clock();
    lag = (now > ngx_adm_lag_due) ? (now - ngx_adm_lag_due) / 1000 : 0;

    ngx_adm_lags[ngx_adm_lag_next++ % NGX_ADM_LAG_MEASURES] = lag;
    ngx_adm_lag_last = lag;

    worst = 0;

    for (i = 0; i < NGX_ADM_LAG_MEASURES; i++) {
        worst = ngx_max(worst, ngx_adm_lags[i]);
    }

    ngx_adm_gauge_set(NGX_ADM_GAUGE_LAG, worst);
    ngx_adm_lag_wait();
}


static void
ngx_adm_lag_wait(void)
{
    ngx_adm_lag_due = ngx_adm_clock() + NGX_ADM_LAG_PERIOD * 1000000;

    ngx_adm_gauge_set(NGX_ADM_GAUGE_DUE, ngx_adm_lag_due / 1000000);
    ngx_add_timer(&ngx_adm_lag_event, NGX_ADM_LAG_PERIOD);
}


uint64_t
ngx_adm_lag(ngx_adm_counters_t *counters)
{
    uint64_t    now;
    ngx_uint_t  least, most, due, unused;

    ngx_adm_counters_extremes(counters, NGX_ADM_GAUGE_LAG, &least, &most);
    ngx_adm_counters_extremes(counters, NGX_ADM_GAUGE_DUE, &due, &unused);

    now = ngx_adm_clock() / 1000000;

    if (due && now > due) {
        most = ngx_max(most, (now - due) * 1000);
    }

    return most;
}
