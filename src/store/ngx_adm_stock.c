
/*
 * Stock: SKUs that are declared, and what is known of any.
 */


#include <ngx_adm_ledger.h>
#include <ngx_adm_stock.h>
#include <ngx_adm_stock_view.h>


ngx_adm_sku_t *
ngx_adm_stock_declare(ngx_adm_stock_t *stock, ngx_str_t *name)
{
    ngx_uint_t       i;
    ngx_adm_sku_t   *sku, **skus;

    skus = stock->skus.elts;

    for (i = 0; i < stock->skus.nelts; i++) {

        if (skus[i]->sku.len == name->len
            && ngx_strncmp(skus[i]->sku.data, name->data, name->len) == 0)
        {
            return skus[i];
        }
    }

    sku = ngx_pcalloc(stock->skus.pool, sizeof(ngx_adm_sku_t));
    skus = ngx_array_push(&stock->skus);

    if (sku == NULL || skus == NULL) {
        return NULL;
    }

    sku->sku = *name;
    *skus = sku;

    return sku;
}


ngx_adm_stock_look_e
ngx_adm_stock_look(ngx_adm_stock_t *stock, adm_str_t *sku, adm_facts_t *facts)
{
    if (stock->ledger) {
        return ngx_adm_ledger_look(stock->ledger, sku, facts);
    }

    return stock->view ? ngx_adm_stock_view_look(stock->view, sku, facts)
                       : NGX_ADM_STOCK_UNSEEN;
}


uint64_t
ngx_adm_stock_unresolved(ngx_adm_stock_t *stock)
{
    if (stock->ledger) {
        return ngx_adm_ledger_unresolved(stock->ledger);
    }

    return stock->view ? ngx_adm_stock_view_unresolved(stock->view) : 0;
}


ngx_uint_t
ngx_adm_stock_unconfirmed(ngx_adm_stock_t *stock)
{
    return stock->close && stock->view
           && ngx_adm_stock_view_unconfirmed(stock->view);
}
