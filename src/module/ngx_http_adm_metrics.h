
/*
 * Metrics: what there is, and the three forms in which it is written.
 */


#ifndef _NGX_HTTP_ADM_METRICS_H_INCLUDED_
#define _NGX_HTTP_ADM_METRICS_H_INCLUDED_


#include <ngx_http_adm_module.h>


typedef enum {
    NGX_HTTP_ADM_PROMETHEUS = 0,   /* text 0.0.4 */
    NGX_HTTP_ADM_OPENMETRICS,      /* text 1.0.0 */
    NGX_HTTP_ADM_JSON
} ngx_http_adm_format_e;


typedef enum {
    NGX_HTTP_ADM_COUNTER = 0,      /* its name ends in _total */
    NGX_HTTP_ADM_GAUGE,
    NGX_HTTP_ADM_HISTOGRAM
} ngx_http_adm_metric_type_e;


typedef struct {
    const char               *name;
    ngx_str_t                 value;
} ngx_http_adm_label_t;


typedef struct ngx_http_adm_metric_s  ngx_http_adm_metric_t;


/* what is known of a SKU */

typedef struct {
    ngx_adm_stock_look_e      look;
    adm_facts_t               facts;     /* if it is seen */
} ngx_http_adm_known_t;


/* a document being written, in the request's pool */

typedef struct {
    ngx_http_request_t        *request;
    ngx_http_adm_main_conf_t  *conf;
    ngx_http_adm_format_e      format;
    ngx_http_adm_metric_t     *metric;   /* whose samples are written */
    ngx_str_t                  text;
    size_t                     room;
    adm_line_stats_t          *lines;    /* of rooms, all of one moment */
    ngx_http_adm_known_t      *known;    /* of SKUs, likewise */
    ngx_adm_gate_told_t       *gates;    /* of upstreams, likewise */
    unsigned                   failed:1; /* out of memory */
} ngx_http_adm_doc_t;


struct ngx_http_adm_metric_s {
    const char                 *name;    /* with _total, without prefix */
    ngx_http_adm_metric_type_e  type;
    const char                 *help;
    void                      (*samples)(ngx_http_adm_doc_t *doc);
};


/* ngx_http_adm_metrics.c: terminated by a NULL name */

extern ngx_http_adm_metric_t  ngx_http_adm_metrics[];


/* samples of the metric that is written */

void ngx_http_adm_number(ngx_http_adm_doc_t *doc, const char *suffix,
    ngx_http_adm_label_t *labels, ngx_uint_t n, uint64_t number);

/* "number" / "unit", where "unit" has as many zeros as there are digits */

void ngx_http_adm_decimal(ngx_http_adm_doc_t *doc, const char *suffix,
    ngx_http_adm_label_t *labels, ngx_uint_t n, uint64_t number,
    uint64_t unit, int digits);

/* of nanoseconds, without labels */

void ngx_http_adm_histogram(ngx_http_adm_doc_t *doc,
    ngx_adm_series_t *series);


/* ngx_http_adm_metrics_store.c: those of Redis, where there is one */

void ngx_http_adm_store_up(ngx_http_adm_doc_t *doc);
void ngx_http_adm_store_trips(ngx_http_adm_doc_t *doc);
void ngx_http_adm_store_seconds(ngx_http_adm_doc_t *doc);
void ngx_http_adm_store_calls(ngx_http_adm_doc_t *doc);
void ngx_http_adm_circuits(ngx_http_adm_doc_t *doc);
void ngx_http_adm_failures(ngx_http_adm_doc_t *doc);
void ngx_http_adm_fleet_nodes(ngx_http_adm_doc_t *doc);
void ngx_http_adm_fleet_keys(ngx_http_adm_doc_t *doc);
void ngx_http_adm_fleet_bound(ngx_http_adm_doc_t *doc);


/* ngx_http_adm_metrics_shed.c: those of upstreams that have a gate */

void ngx_http_adm_gates_inside(ngx_http_adm_doc_t *doc);
void ngx_http_adm_gates_limit(ngx_http_adm_doc_t *doc);
void ngx_http_adm_gates_share(ngx_http_adm_doc_t *doc);
void ngx_http_adm_gates_nodes(ngx_http_adm_doc_t *doc);
void ngx_http_adm_gates_cut(ngx_http_adm_doc_t *doc);
void ngx_http_adm_gates_served(ngx_http_adm_doc_t *doc);
void ngx_http_adm_gates_offered(ngx_http_adm_doc_t *doc);
void ngx_http_adm_gates_needs(ngx_http_adm_doc_t *doc);
void ngx_http_adm_gates_circuits(ngx_http_adm_doc_t *doc);
void ngx_http_adm_gates_forced(ngx_http_adm_doc_t *doc);
void ngx_http_adm_gates_opened(ngx_http_adm_doc_t *doc);
void ngx_http_adm_gates_offers(ngx_http_adm_doc_t *doc);
void ngx_http_adm_gates_shed(ngx_http_adm_doc_t *doc);


#if (NGX_ADM_LUAJIT)

/* ngx_http_adm_script_conf.c: those of the site's own scripts */

void ngx_http_adm_script_errors(ngx_http_adm_doc_t *doc);
void ngx_http_adm_script_bypassed(ngx_http_adm_doc_t *doc);

#endif


/* ngx_http_adm_metrics_checkout.c: those of stock and keys */

void ngx_http_adm_inventory_available(ngx_http_adm_doc_t *doc);
void ngx_http_adm_inventory_held(ngx_http_adm_doc_t *doc);
void ngx_http_adm_inventory_unresolved(ngx_http_adm_doc_t *doc);
void ngx_http_adm_inventory_unresolved_units(ngx_http_adm_doc_t *doc);
void ngx_http_adm_inventory_committed(ngx_http_adm_doc_t *doc);
void ngx_http_adm_inventory_expired(ngx_http_adm_doc_t *doc);
void ngx_http_adm_inventory_late(ngx_http_adm_doc_t *doc);
void ngx_http_adm_keys_seen(ngx_http_adm_doc_t *doc);
void ngx_http_adm_owed(ngx_http_adm_doc_t *doc);

/* a table that never drops what is in it */

typedef struct {
    ngx_str_t                  zone;
    ngx_str_t                  name;
    uint64_t                   used;
    uint64_t                   places;
    uint64_t                   full;     /* newcomers that found no place */
} ngx_http_adm_table_t;

#define NGX_HTTP_ADM_CHECKOUT_TABLES   4

/* how many there are, and what is to be told of each */

ngx_uint_t ngx_http_adm_checkout_tables(ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_table_t *tables);


/* ngx_http_adm_doc.c */

void ngx_http_adm_doc_write(ngx_http_adm_doc_t *doc);

/*
 * Writes a sample of doc->metric; "suffix" is "", or of a histogram
 * "_bucket", "_sum", "_count".  The value is a number in text.
 */

void ngx_http_adm_doc_sample(ngx_http_adm_doc_t *doc, const char *suffix,
    ngx_http_adm_label_t *labels, ngx_uint_t n, ngx_str_t *value);


#endif /* _NGX_HTTP_ADM_METRICS_H_INCLUDED_ */
