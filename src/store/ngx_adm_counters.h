
/*
 * Counters and gauges of all processes of a node, in shared memory.
 *
 * Each process that serves requests owns a slot, and writes to no other.  A
 * counter's value is its sum over all slots, whoever wrote it: a slot that
 * was given up, or whose process died, keeps its counters, and the next
 * process goes on from there.  So counters never go back, whatever happens
 * to whom.  A gauge counts only in slots whose owner lives, as the kernel
 * says, and is zeroed when a slot changes hands.
 *
 * Series have names that come from the configuration; a name keeps its cells
 * over reload, until restart.
 */


#ifndef _NGX_ADM_COUNTERS_H_INCLUDED_
#define _NGX_ADM_COUNTERS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <adm_hist.h>
#include <adm_window.h>


#define NGX_ADM_COUNTERS_LAYOUT   4
#define NGX_ADM_SERIES_NAME       96


typedef enum {
    NGX_ADM_FAMILY_SITE = 0,       /* cells: reason and dry run */
    NGX_ADM_FAMILY_POLICY,         /* cells: verdict and dry run */
    NGX_ADM_FAMILY_HISTOGRAM,      /* cells: buckets, then the sum, ns */
    NGX_ADM_FAMILY_NODE,           /* cells: what has no label */
    NGX_ADM_FAMILY_CALLS,          /* cells: outcomes of a store's command */
    NGX_ADM_FAMILY_LEVEL,          /* one cell: a gauge with a name */
    NGX_ADM_FAMILIES
} ngx_adm_family_e;


typedef enum {
    NGX_ADM_GAUGE_SUSPENDED = 0,   /* requests that wait for a trip */
    NGX_ADM_GAUGE_PROCESSES,       /* 1 in every slot that is owned */
    NGX_ADM_GAUGE_LAG,             /* of the event loop, us */
    NGX_ADM_GAUGE_DUE,             /* when it is measured next, ms */
    NGX_ADM_GAUGE_STORE_DOWN,      /* 1: this process cannot ask the store */
    NGX_ADM_GAUGE_CIRCUIT,         /* of the store: ngx_adm_circuit_e */
    NGX_ADM_GAUGE_CALLS,           /* of the store, under way */
    NGX_ADM_GAUGES
} ngx_adm_gauge_e;


typedef enum {
    NGX_ADM_WINDOW_DEMAND = 0,     /* first attempts of clients */
    NGX_ADM_WINDOWS
} ngx_adm_window_e;


#define NGX_ADM_HISTOGRAM_SUM     (ADM_HIST_BOUNDS + 1)


/* a named row of cells; in the cycle's pool */

typedef struct {
    ngx_adm_family_e    family;
    ngx_str_t           name;
    ngx_uint_t          base;      /* its first cell, once attached */
} ngx_adm_series_t;


typedef struct ngx_adm_counters_sh_s  ngx_adm_counters_sh_t;


/* a cycle's view */

typedef struct {
    ngx_shm_zone_t         *shm_zone;
    ngx_adm_counters_sh_t  *sh;
    ngx_array_t             series;      /* of ngx_adm_series_t * */
    ngx_uint_t              generation;  /* of this configuration, from 1 */
} ngx_adm_counters_t;


/*
 * Declares the node's counters, once in a cycle.  NULL: out of memory, or
 * nginx has said why in the log.
 */

ngx_adm_counters_t *ngx_adm_counters_add(ngx_conf_t *cf, ngx_str_t *name,
    void *tag);

/*
 * Declares a series, or finds the one that is declared; the name, of at most
 * NGX_ADM_SERIES_NAME bytes, must live as long as the cycle.  There are as
 * many of a family as ngx_adm_families[] says between two starts of nginx: a
 * configuration with one more is refused, but levels without a place lose
 * their names, and share that of the empty name, which is to be declared
 * before all others.
 * NULL: out of memory.
 */

ngx_adm_series_t *ngx_adm_counters_series(ngx_adm_counters_t *counters,
    ngx_adm_family_e family, ngx_str_t *name);

/*
 * Takes a slot for this process, goes on in it with a new configuration, or
 * gives it up; a process that finds none counts in one that all such share,
 * and has no gauges.  Renewing does nothing for a process without a slot.
 */

void ngx_adm_counters_open(ngx_adm_counters_t *counters);
void ngx_adm_counters_renew(ngx_adm_counters_t *counters);
void ngx_adm_counters_close(void);

/* the counters' memory goes: nothing is counted any more */

void ngx_adm_counters_forget(void);


/*
 * What a request does: no lock, nothing allocated, no error.  Before
 * ngx_adm_counters_open() nothing is counted.
 */

void ngx_adm_count(ngx_adm_series_t *series, ngx_uint_t cell);
void ngx_adm_observe(ngx_adm_series_t *series, uint64_t ns);
void ngx_adm_gauge_add(ngx_adm_gauge_e gauge, ngx_int_t n);
void ngx_adm_gauge_set(ngx_adm_gauge_e gauge, ngx_uint_t value);
void ngx_adm_level_add(ngx_adm_series_t *level, ngx_int_t n);

/* an event of now, in whole seconds of ngx_current_msec */

void ngx_adm_window_add(ngx_adm_window_e window);


/* what a scrape does: sums over the slots, no lock */

uint64_t ngx_adm_counters_sum(ngx_adm_counters_t *counters,
    ngx_adm_series_t *series, ngx_uint_t cell);
ngx_uint_t ngx_adm_counters_gauge(ngx_adm_counters_t *counters,
    ngx_adm_gauge_e gauge);
ngx_uint_t ngx_adm_counters_level(ngx_adm_counters_t *counters,
    ngx_adm_series_t *level);

/* the extremes of a gauge over the processes where it is not 0; 0 of none */

void ngx_adm_counters_extremes(ngx_adm_counters_t *counters,
    ngx_adm_gauge_e gauge, ngx_uint_t *least, ngx_uint_t *most);

/* the events of the last "n" whole seconds, less than ADM_WINDOW */

uint64_t ngx_adm_counters_window(ngx_adm_counters_t *counters,
    ngx_adm_window_e window, ngx_uint_t n);

/* the newest configuration that a process of this node serves */

ngx_uint_t ngx_adm_counters_generation(ngx_adm_counters_t *counters);


#endif /* _NGX_ADM_COUNTERS_H_INCLUDED_ */
