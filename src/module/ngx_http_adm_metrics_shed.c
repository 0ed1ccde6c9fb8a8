
/*
 * The metrics of upstreams that admission_upstream defines: how full they
 * are, whether their circuits are open, and who is shed.
 */


#include <ngx_http_adm_metrics.h>


static ngx_adm_gate_told_t *ngx_http_adm_gates_told(ngx_http_adm_doc_t *doc);
static void ngx_http_adm_gates_numbers(ngx_http_adm_doc_t *doc, size_t offset,
    uint64_t unit, int digits);
static void ngx_http_adm_gates_thousandths(ngx_http_adm_doc_t *doc,
    size_t offset);
static void ngx_http_adm_gates_states(ngx_http_adm_doc_t *doc,
    ngx_uint_t (*tell)(ngx_adm_gate_told_t *told));
static ngx_uint_t ngx_http_adm_gate_circuit(ngx_adm_gate_told_t *told);
static ngx_uint_t ngx_http_adm_gate_forced(ngx_adm_gate_told_t *told);
static ngx_uint_t ngx_http_adm_gate_opened(ngx_adm_gate_told_t *told);
static void ngx_http_adm_gates_levels(ngx_http_adm_doc_t *doc, size_t offset);


/* in the order of ngx_adm_circuit_e */

const char  *ngx_http_adm_circuit_words[] = {
    "closed",
    "open",
    "half_open"
};


/* by the level of a rank: who has something here already, then priorities */

static ngx_str_t  ngx_http_adm_shed_levels[ADM_CUTOFF_LEVELS] = {
    ngx_string("holder"),
    ngx_string("0"),
    ngx_string("1"),
    ngx_string("2"),
    ngx_string("3"),
    ngx_string("4"),
    ngx_string("5"),
    ngx_string("6"),
    ngx_string("7"),
    ngx_string("8"),
    ngx_string("9")
};


ngx_adm_circuit_e
ngx_http_adm_gates_circuit(ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t                  i;
    ngx_adm_circuit_e           worst;
    ngx_adm_gate_told_t         told;
    ngx_http_adm_gate_conf_t  **gates;

    gates = amcf->gate_confs.elts;
    worst = NGX_ADM_CIRCUIT_CLOSED;

    for (i = 0; i < amcf->gate_confs.nelts; i++) {
        ngx_adm_gate_tell(gates[i]->gate, &told);

        if (told.circuit == NGX_ADM_CIRCUIT_OPEN) {
            return NGX_ADM_CIRCUIT_OPEN;
        }

        worst = ngx_max(worst, told.circuit);
    }

    return worst;
}


/* asked once for a document; NULL: out of memory */

static ngx_adm_gate_told_t *
ngx_http_adm_gates_told(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t                  i, n;
    ngx_http_adm_gate_conf_t  **gates;

    if (doc->gates) {
        return doc->gates;
    }

    n = doc->conf->gate_confs.nelts;
    gates = doc->conf->gate_confs.elts;

    doc->gates = ngx_palloc(doc->request->pool,
                            (n + 1) * sizeof(ngx_adm_gate_told_t));
    if (doc->gates == NULL) {
        doc->failed = 1;
        return NULL;
    }

    for (i = 0; i < n; i++) {
        ngx_adm_gate_tell(gates[i]->gate, &doc->gates[i]);
    }

    return doc->gates;
}


/* of each a number in "unit" parts, where it has one */

static void
ngx_http_adm_gates_numbers(ngx_http_adm_doc_t *doc, size_t offset,
    uint64_t unit, int digits)
{
    uint64_t                    n;
    ngx_uint_t                  i;
    ngx_adm_gate_told_t        *told;
    ngx_http_adm_gate_conf_t  **gates;

    told = ngx_http_adm_gates_told(doc);
    gates = doc->conf->gate_confs.elts;

    for (i = 0; told && i < doc->conf->gate_confs.nelts; i++) {
        n = *(uint64_t *) ((u_char *) &told[i] + offset);

        ngx_http_adm_label_t  label = { "upstream", gates[i]->gate->name };

        if (n != NGX_ADM_GATE_NO_LIMIT) {
            ngx_http_adm_decimal(doc, "", &label, 1, n, unit, digits);
        }
    }
}


static void
ngx_http_adm_gates_thousandths(ngx_http_adm_doc_t *doc, size_t offset)
{
    ngx_http_adm_gates_numbers(doc, offset, 1000, 3);
}


void
ngx_http_adm_gates_inside(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t                  i;
    ngx_adm_gate_told_t        *told;
    ngx_http_adm_gate_conf_t  **gates;

    told = ngx_http_adm_gates_told(doc);
    gates = doc->conf->gate_confs.elts;

    for (i = 0; told && i < doc->conf->gate_confs.nelts; i++) {
        ngx_http_adm_label_t  label = { "upstream", gates[i]->gate->name };

        ngx_http_adm_number(doc, "", &label, 1, told[i].inside);
    }
}


/* of a fleet it is the fleet's */

void
ngx_http_adm_gates_limit(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t                  i;
    ngx_adm_gate_told_t        *told;
    ngx_http_adm_gate_conf_t  **gates;

    told = ngx_http_adm_gates_told(doc);
    gates = doc->conf->gate_confs.elts;

    for (i = 0; told && i < doc->conf->gate_confs.nelts; i++) {
        ngx_http_adm_label_t  labels[] = {
            { "upstream", gates[i]->gate->name },
            { "scope", ngx_string("fleet") }
        };

        if (told[i].limit != NGX_ADM_GATE_NO_LIMIT) {
            ngx_http_adm_decimal(doc, "", labels, doc->conf->fleet ? 2 : 1,
                                 told[i].limit, 1000, 3);
        }
    }
}


void
ngx_http_adm_gates_share(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_gates_thousandths(doc, offsetof(ngx_adm_gate_told_t, share));
}


/* where others share it */

void
ngx_http_adm_gates_nodes(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t                  i;
    ngx_adm_gate_told_t        *told;
    ngx_http_adm_gate_conf_t  **gates;

    told = ngx_http_adm_gates_told(doc);
    gates = doc->conf->gate_confs.elts;

    for (i = 0; told && i < doc->conf->gate_confs.nelts; i++) {
        ngx_http_adm_label_t  label = { "upstream", gates[i]->gate->name };

        if (doc->conf->fleet && told[i].limit != NGX_ADM_GATE_NO_LIMIT) {
            ngx_http_adm_number(doc, "", &label, 1, told[i].nodes);
        }
    }
}


void
ngx_http_adm_gates_cut(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_gates_thousandths(doc, offsetof(ngx_adm_gate_told_t, cut));
}


void
ngx_http_adm_gates_served(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_gates_thousandths(doc, offsetof(ngx_adm_gate_told_t, served));
}


void
ngx_http_adm_gates_offered(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_gates_thousandths(doc,
                                   offsetof(ngx_adm_gate_told_t, offered));
}


/* 0 while it is not known */

void
ngx_http_adm_gates_needs(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_gates_numbers(doc, offsetof(ngx_adm_gate_told_t, needs),
                               1000000, 6);
}


static void
ngx_http_adm_gates_states(ngx_http_adm_doc_t *doc,
    ngx_uint_t (*tell)(ngx_adm_gate_told_t *told))
{
    ngx_uint_t                  i;
    ngx_adm_gate_told_t        *told;
    ngx_http_adm_gate_conf_t  **gates;

    told = ngx_http_adm_gates_told(doc);
    gates = doc->conf->gate_confs.elts;

    for (i = 0; told && i < doc->conf->gate_confs.nelts; i++) {
        ngx_http_adm_label_t  label = { "circuit", gates[i]->gate->name };

        ngx_http_adm_number(doc, "", &label, 1, tell(&told[i]));
    }
}


static ngx_uint_t
ngx_http_adm_gate_circuit(ngx_adm_gate_told_t *told)
{
    return told->circuit;
}


static ngx_uint_t
ngx_http_adm_gate_forced(ngx_adm_gate_told_t *told)
{
    return told->forced;
}


static ngx_uint_t
ngx_http_adm_gate_opened(ngx_adm_gate_told_t *told)
{
    return told->opened;
}


void
ngx_http_adm_gates_circuits(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_gates_states(doc, ngx_http_adm_gate_circuit);
}


void
ngx_http_adm_gates_forced(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_gates_states(doc, ngx_http_adm_gate_forced);
}


void
ngx_http_adm_gates_opened(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_gates_states(doc, ngx_http_adm_gate_opened);
}


/* levels at which nobody came are not told */

static void
ngx_http_adm_gates_levels(ngx_http_adm_doc_t *doc, size_t offset)
{
    uint64_t                   *counts;
    ngx_uint_t                  i, level;
    ngx_adm_gate_told_t        *told;
    ngx_http_adm_gate_conf_t  **gates;

    told = ngx_http_adm_gates_told(doc);
    gates = doc->conf->gate_confs.elts;

    for (i = 0; told && i < doc->conf->gate_confs.nelts; i++) {
        counts = (uint64_t *) ((u_char *) &told[i] + offset);

        for (level = 0; level < ADM_CUTOFF_LEVELS; level++) {
            ngx_http_adm_label_t  labels[] = {
                { "upstream", gates[i]->gate->name },
                { "priority", ngx_http_adm_shed_levels[level] }
            };

            if (told[i].offers[level] || told[i].shed[level]) {
                ngx_http_adm_number(doc, "", labels, 2, counts[level]);
            }
        }
    }
}


void
ngx_http_adm_gates_offers(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_gates_levels(doc, offsetof(ngx_adm_gate_told_t, offers));
}


void
ngx_http_adm_gates_shed(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_gates_levels(doc, offsetof(ngx_adm_gate_told_t, shed));
}
