
/*
 * Keys and stock once all is read: what agrees, and where they are.
 */


#include <ngx_http_adm_module.h>
#include <ngx_adm_keytab.h>
#include <ngx_adm_ledger.h>
#include <ngx_adm_redis_keeper.h>


static ngx_int_t ngx_http_adm_checkout_series(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_adm_use_t *use, const char *before);
static ngx_int_t ngx_http_adm_init_keys_memory(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);
static ngx_int_t ngx_http_adm_init_stock_memory(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);


ngx_int_t
ngx_http_adm_init_checkout_uses(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_loc_conf_t *alcf)
{
    ngx_array_t                       *keyed, *stocked;
    ngx_http_adm_inventory_conf_t    **stocks;
    ngx_http_adm_idempotency_conf_t  **keys;

    keyed = alcf->uses[NGX_ADM_POLICY_IDEMPOTENCY];
    stocked = alcf->uses[NGX_ADM_POLICY_INVENTORY];

    if (keyed == NULL && stocked == NULL) {
        return NGX_OK;
    }

    if (amcf->orders == NULL) {
        amcf->orders = ngx_pcalloc(cf->pool,
                                      sizeof(ngx_http_adm_orders_t));

        if (amcf->orders == NULL
            || ngx_array_init(&amcf->orders->locations, cf->pool, 8,
                              sizeof(ngx_http_adm_spot_t))
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /* the same array is seen from every location that inherits it */

    if (keyed && keyed->nelts) {
        keys = keyed->elts;

        if (keys[0]->of.use.series == NULL
            && (ngx_http_adm_init_keyed(cf, amcf, keys[0]) != NGX_OK
                || ngx_http_adm_checkout_series(cf, amcf, &keys[0]->of.use,
                                                "idempotency:")
                   != NGX_OK))
        {
            return NGX_ERROR;
        }
    }

    if (stocked && stocked->nelts) {
        stocks = stocked->elts;

        if (stocks[0]->of.use.series == NULL
            && (ngx_http_adm_init_stocked(cf, amcf, stocks[0]) != NGX_OK
                || ngx_http_adm_checkout_series(cf, amcf, &stocks[0]->of.use,
                                                "inventory:")
                   != NGX_OK))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* names of different policies may be the same */

static ngx_int_t
ngx_http_adm_checkout_series(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_adm_use_t *use, const char *before)
{
    ngx_str_t  name;

    name = ngx_http_adm_concat(cf, before, &use->name, "");
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    use->series = ngx_adm_counters_series(amcf->counters,
                                          NGX_ADM_FAMILY_POLICY, &name);

    return use->series ? NGX_OK : NGX_ERROR;
}


ngx_adm_known_t *
ngx_http_adm_remember(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_str_t  name;

    if (amcf->known == NULL) {
        ngx_str_set(&name, NGX_HTTP_ADM_KNOWN);

        amcf->known = ngx_adm_known_add(cf, &name,
                                        &ngx_http_admission_module);
    }

    return amcf->known;
}


ngx_int_t
ngx_http_adm_init_checkouts(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_adm_redis_keeper_t  *data;

    if (amcf->store && amcf->store->conf.close && amcf->stock == NULL) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"on_failover=close\" in \"admission_redis\" at "
                      "%V:%ui has no effect: it is about stock, and there "
                      "is none",
                      &amcf->store->redis.file, amcf->store->redis.line);
    }

    if (amcf->idempotency == NULL && amcf->stock == NULL) {
        return NGX_OK;
    }

    if (amcf->redis) {
        data = amcf->keeper->data;

        if (ngx_adm_redis_keeper_checkouts(cf, amcf->keeper, amcf->stock)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        amcf->outbox = data->outbox;

    } else if ((amcf->idempotency
                && ngx_http_adm_init_keys_memory(cf, amcf) != NGX_OK)
               || (amcf->stock
                   && ngx_http_adm_init_stock_memory(cf, amcf) != NGX_OK))
    {
        return NGX_ERROR;
    }

    return amcf->orders ? ngx_http_adm_check_aborts(cf, amcf) : NGX_OK;
}


static ngx_int_t
ngx_http_adm_init_keys_memory(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_str_t                         name;
    ngx_adm_shm_t                    *data;
    ngx_adm_zone_t                   *zone;
    ngx_http_adm_idempotency_conf_t  *keyed;

    keyed = amcf->orders->keyed;

    ngx_str_set(&name, "admission_idempotency");

    zone = ngx_http_adm_find_zone(cf, amcf, &keyed->zone, "directive", &name,
                                  &keyed->of.file, keyed->of.line);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    amcf->keys_zone = zone->shm_zone->shm.name;

    name = ngx_http_adm_concat(cf, "", &amcf->keys_zone, " keys");
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    amcf->keytab = ngx_adm_keytab_add(cf, &name, zone->shm_zone->shm.size
                                                 / NGX_ADM_KEYTAB_SHARE,
                                      &ngx_http_admission_module);

    if (amcf->keytab == NULL
        || (amcf->state
            && ngx_adm_keytab_keep(amcf->keytab, amcf->state) != NGX_OK))
    {
        return NGX_ERROR;
    }

    data = amcf->keeper->data;
    data->keytab = amcf->keytab;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_init_stock_memory(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_str_t                       name, zone_name, file;
    ngx_uint_t                      line;
    ngx_adm_shm_t                  *data;
    ngx_adm_zone_t                 *zone;
    ngx_adm_ledger_t               *ledger;
    ngx_http_adm_inventory_conf_t  *stocked;

    stocked = amcf->orders ? amcf->orders->stocked : NULL;

    ngx_str_null(&zone_name);
    ngx_str_null(&file);
    line = 0;

    if (stocked) {
        zone_name = stocked->zone;
        file = stocked->of.file;
        line = stocked->of.line;
    }

    ngx_str_set(&name, "admission_inventory");

    zone = ngx_http_adm_find_zone(cf, amcf, &zone_name, "directive", &name,
                                  &file, line);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    amcf->stock_zone = zone->shm_zone->shm.name;

    name = ngx_http_adm_concat(cf, "", &amcf->stock_zone, " stock");
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    ledger = ngx_adm_ledger_add(cf, &name, zone->shm_zone->shm.size
                                           / NGX_ADM_LEDGER_SHARE,
                                &ngx_http_admission_module);

    if (ledger == NULL
        || (amcf->state
            && ngx_adm_ledger_keep(ledger, amcf->state) != NGX_OK))
    {
        return NGX_ERROR;
    }

    data = amcf->keeper->data;
    data->ledger = ledger;
    amcf->stock->ledger = ledger;

    return NGX_OK;
}
