
/*
 * The metrics of Redis and of the fleet: nothing where there is none.
 */


#include <ngx_http_adm_metrics.h>


/* outcomes up to this one are told from the start, so that the first of them
   is seen as an increase; the others once there was one */
#define NGX_HTTP_ADM_STORE_USUAL   NGX_ADM_CALL_OPEN


ngx_uint_t
ngx_http_adm_redis_is_up(ngx_http_adm_main_conf_t *amcf)
{
    return ngx_adm_counters_gauge(amcf->counters, NGX_ADM_GAUGE_STORE_DOWN)
           == 0;
}


ngx_adm_circuit_e
ngx_http_adm_redis_circuit_state(ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t  least, most;

    /* open is the least of those that are not closed, and the worst */

    ngx_adm_counters_extremes(amcf->counters, NGX_ADM_GAUGE_CIRCUIT, &least,
                              &most);

    return least;
}


void
ngx_http_adm_store_up(ngx_http_adm_doc_t *doc)
{
    if (doc->conf->redis) {
        ngx_http_adm_number(doc, "", NULL, 0,
                            ngx_http_adm_redis_is_up(doc->conf));
    }
}


void
ngx_http_adm_store_trips(ngx_http_adm_doc_t *doc)
{
    uint64_t    n;
    ngx_uint_t  script, rc;

    for (script = 0; doc->conf->redis && script < NGX_ADM_SCRIPTS; script++) {

        for (rc = 0; rc < NGX_ADM_CALL_OUTCOMES; rc++) {
            n = ngx_adm_counters_sum(doc->conf->counters,
                                     doc->conf->redis->calls[script], rc);

            ngx_http_adm_label_t  labels[] = {
                { "command", ngx_adm_script_names[script] },
                { "outcome", ngx_adm_call_outcomes[rc] }
            };

            if (n || rc <= NGX_HTTP_ADM_STORE_USUAL) {
                ngx_http_adm_number(doc, "", labels, 2, n);
            }
        }
    }
}


void
ngx_http_adm_store_seconds(ngx_http_adm_doc_t *doc)
{
    if (doc->conf->redis) {
        ngx_http_adm_histogram(doc, doc->conf->redis->seconds);
    }
}


void
ngx_http_adm_store_calls(ngx_http_adm_doc_t *doc)
{
    if (doc->conf->redis) {
        ngx_http_adm_number(doc, "", NULL, 0,
                            ngx_adm_counters_gauge(doc->conf->counters,
                                                   NGX_ADM_GAUGE_CALLS));
    }
}


void
ngx_http_adm_circuits(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_label_t  label = { "circuit", ngx_string("store") };

    if (doc->conf->redis) {
        ngx_http_adm_number(doc, "", &label, 1,
                            ngx_http_adm_redis_circuit_state(doc->conf));
    }

    ngx_http_adm_gates_circuits(doc);
}


void
ngx_http_adm_failures(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t  i;

    static ngx_str_t  policies[NGX_ADM_FAILED] = {
        ngx_string("rate"),
        ngx_string("room"),
        ngx_string("idempotency"),
        ngx_string("inventory")
    };

    static ngx_str_t  actions[NGX_ADM_FALLBACKS] = {
        ngx_string("local"),
        ngx_string("open"),
        ngx_string("closed")
    };

    if (doc->conf->redis == NULL) {
        return;
    }

    for (i = 0; i < NGX_ADM_FAILED * NGX_ADM_FALLBACKS; i++) {
        ngx_http_adm_label_t  labels[] = {
            { "policy", policies[i / NGX_ADM_FALLBACKS] },
            { "action", actions[i % NGX_ADM_FALLBACKS] }
        };

        /* of keys and stock a node knows nothing by itself */

        if (i / NGX_ADM_FALLBACKS >= NGX_ADM_FAILED_IDEMPOTENCY
            && i % NGX_ADM_FALLBACKS == NGX_ADM_FALLBACK_LOCAL)
        {
            continue;
        }

        ngx_http_adm_number(doc, "", labels, 2,
                            ngx_adm_counters_sum(doc->conf->counters,
                                                 doc->conf->failed, i));
    }
}


void
ngx_http_adm_fleet_nodes(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_label_t  label = { "scope", ngx_string("fleet") };

    if (doc->conf->fleet) {
        ngx_http_adm_number(doc, "", &label, 1,
                            ngx_adm_fleet_nodes(doc->conf->fleet));
    }
}


static void
ngx_http_adm_fleet_rates(ngx_http_adm_doc_t *doc,
    ngx_uint_t (*tell)(ngx_adm_shares_t *shares))
{
    ngx_uint_t                  i;
    ngx_http_adm_rate_conf_t  **rates;

    rates = doc->conf->rates.elts;

    for (i = 0; i < doc->conf->rates.nelts; i++) {
        ngx_http_adm_label_t  label = { "name", rates[i]->rate.name };

        if (rates[i]->rate.shares) {
            ngx_http_adm_number(doc, "", &label, 1,
                                tell(rates[i]->rate.shares));
        }
    }
}


void
ngx_http_adm_fleet_keys(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_fleet_rates(doc, ngx_adm_shares_count);
}


void
ngx_http_adm_fleet_bound(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_fleet_rates(doc, ngx_adm_shares_bound);
}
