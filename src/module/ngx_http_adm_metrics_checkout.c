
/*
 * The metrics of checkouts: stock of the SKUs that the configuration names,
 * keys, and what a Redis is still to be told.
 */


#include <ngx_http_adm_metrics.h>
#include <ngx_adm_keytab.h>
#include <ngx_adm_ledger.h>


/* in the order of ngx_adm_idempotency_outcome_e */

static ngx_str_t  ngx_http_adm_key_words[NGX_ADM_IDEMPOTENCY_OUTCOMES] = {
    ngx_string("new"),
    ngx_string("replay"),
    ngx_string("conflict"),
    ngx_string("outcome_unknown"),
    ngx_string("mismatch"),
    ngx_string("not_kept"),
    ngx_string("missing"),
    ngx_string("kept"),
    ngx_string("forgotten"),
    ngx_string("left_unknown")
};


/* what is known of all SKUs, asked once for a document; NULL: nothing */

static ngx_http_adm_known_t *
ngx_http_adm_known(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t         i;
    adm_str_t          name;
    ngx_adm_sku_t    **skus;
    ngx_adm_stock_t   *stock;

    stock = doc->conf->stock;

    if (stock == NULL || doc->known) {
        return doc->known;
    }

    doc->known = ngx_palloc(doc->request->pool,
                            (stock->skus.nelts + 1)
                            * sizeof(ngx_http_adm_known_t));
    if (doc->known == NULL) {
        doc->failed = 1;
        return NULL;
    }

    skus = stock->skus.elts;

    for (i = 0; i < stock->skus.nelts; i++) {
        name.len = skus[i]->sku.len;
        name.data = skus[i]->sku.data;

        doc->known[i].look = ngx_adm_stock_look(stock, &name,
                                                &doc->known[i].facts);
    }

    return doc->known;
}


/* none of those of which this node does not know: it would show as sold out */

static void
ngx_http_adm_inventory_number(ngx_http_adm_doc_t *doc, size_t offset)
{
    ngx_uint_t             i;
    ngx_adm_sku_t        **skus;
    ngx_http_adm_known_t  *known;

    known = ngx_http_adm_known(doc);

    if (known == NULL) {
        return;
    }

    skus = doc->conf->stock->skus.elts;

    for (i = 0; i < doc->conf->stock->skus.nelts; i++) {
        ngx_http_adm_label_t  labels[] = {
            { "sku", skus[i]->sku },
            { "scope", ngx_string("fleet") }
        };

        if (skus[i]->configured && known[i].look == NGX_ADM_STOCK_SEEN) {
            ngx_http_adm_number(doc, "", labels, doc->conf->redis ? 2 : 1,
                                *(uint64_t *) ((u_char *) &known[i].facts
                                               + offset));
        }
    }
}


void
ngx_http_adm_inventory_available(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_inventory_number(doc, offsetof(adm_facts_t, available));
}


void
ngx_http_adm_inventory_held(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_inventory_number(doc, offsetof(adm_facts_t, held));
}


void
ngx_http_adm_inventory_unresolved(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_inventory_number(doc, offsetof(adm_facts_t, unresolved));
}


void
ngx_http_adm_inventory_unresolved_units(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_label_t  label = { "scope", ngx_string("fleet") };

    if (doc->conf->stock) {
        ngx_http_adm_number(doc, "", &label, doc->conf->redis ? 1 : 0,
                            ngx_adm_stock_unresolved(doc->conf->stock));
    }
}


void
ngx_http_adm_inventory_committed(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_inventory_number(doc, offsetof(adm_facts_t, committed));
}


void
ngx_http_adm_inventory_expired(ngx_http_adm_doc_t *doc)
{
    ngx_http_adm_inventory_number(doc, offsetof(adm_facts_t, expired));
}


void
ngx_http_adm_inventory_late(ngx_http_adm_doc_t *doc)
{
    uint64_t    n[2], full;
    ngx_uint_t  i;

    static ngx_str_t  outcomes[] = {
        ngx_string("taken"),
        ngx_string("none_left")
    };

    if (doc->conf->stock == NULL) {
        return;
    }

    if (doc->conf->outbox) {
        ngx_adm_outbox_totals(doc->conf->outbox, &n[0], &n[1], &full);

    } else if (doc->conf->stock->ledger) {
        ngx_adm_ledger_late(doc->conf->stock->ledger, &n[0], &n[1]);

    } else {
        return;
    }

    for (i = 0; i < 2; i++) {
        ngx_http_adm_label_t  label = { "outcome", outcomes[i] };

        ngx_http_adm_number(doc, "", &label, 1, n[i]);
    }
}


void
ngx_http_adm_keys_seen(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t  i;

    if (doc->conf->idempotency == NULL) {
        return;
    }

    for (i = 0; i < NGX_ADM_IDEMPOTENCY_OUTCOMES; i++) {
        ngx_http_adm_label_t  label = { "outcome", ngx_http_adm_key_words[i] };

        ngx_http_adm_number(doc, "", &label, 1,
                            ngx_adm_counters_sum(doc->conf->counters,
                                                 doc->conf->idempotency, i));
    }
}


void
ngx_http_adm_owed(ngx_http_adm_doc_t *doc)
{
    uint64_t  owed, used;

    if (doc->conf->outbox) {
        ngx_adm_outbox_used(doc->conf->outbox, &owed, &used);

        ngx_http_adm_number(doc, "", NULL, 0, owed);
    }
}


ngx_uint_t
ngx_http_adm_checkout_tables(ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_table_t *tables)
{
    uint64_t               late, missed, owed;
    ngx_http_adm_table_t  *table;

    table = tables;

    if (amcf->keytab) {
        table->zone = amcf->keys_zone;
        ngx_str_set(&table->name, "keys");

        ngx_adm_keytab_used(amcf->keytab, &table->used, &table->places,
                            &table->full);
        table++;

        table->zone = amcf->keys_zone;
        ngx_str_set(&table->name, "answers");

        ngx_adm_keytab_answers(amcf->keytab, &table->used, &table->places,
                               &table->full);
        table++;
    }

    if (amcf->stock && amcf->stock->ledger) {
        table->zone = amcf->stock_zone;
        ngx_str_set(&table->name, "holds");

        ngx_adm_ledger_used(amcf->stock->ledger, &table->used, &table->places,
                            &table->full);
        table++;
    }

    if (amcf->outbox) {
        ngx_str_set(&table->zone, NGX_HTTP_ADM_FLEET);
        ngx_str_set(&table->name, "outbox");

        ngx_adm_outbox_used(amcf->outbox, &owed, &table->used);
        ngx_adm_outbox_totals(amcf->outbox, &late, &missed, &table->full);
        table->places = NGX_ADM_OUTBOX_PLACES;
        table++;
    }

    return table - tables;
}
