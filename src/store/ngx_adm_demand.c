
/*
 * The demand: who was told to come back is remembered in shared memory, the
 * attempts are counted in windows of the processes.
 */


#include <ngx_adm_demand.h>


/* 1 MiB: 131,072 clients that were told to come back */
#define NGX_ADM_DEMAND_LINES     16384


struct ngx_adm_demand_sh_s {
    ngx_uint_t     layout;
    ngx_atomic_t   last;           /* the second at which the last one whose
                                      time is known may come back */
    uint64_t       secret;
    uint64_t      *words;
};


static ngx_int_t ngx_adm_demand_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_adm_demand_lay_out(ngx_shm_zone_t *shm_zone);


ngx_adm_demand_t *
ngx_adm_demand_add(ngx_conf_t *cf, ngx_str_t *name, void *tag)
{
    ngx_adm_demand_t  *demand;

    demand = ngx_pcalloc(cf->pool, sizeof(ngx_adm_demand_t));
    if (demand == NULL) {
        return NULL;
    }

    demand->shm_zone = ngx_shared_memory_add(cf, name,
                                             NGX_ADM_DEMAND_LINES * 64
                                             + 16 * ngx_pagesize, tag);
    if (demand->shm_zone == NULL) {
        return NULL;
    }

    demand->shm_zone->init = ngx_adm_demand_init;
    demand->shm_zone->data = demand;

    return demand;
}


static ngx_int_t
ngx_adm_demand_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t   *shpool;
    ngx_adm_demand_t  *demand;

    demand = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists
        && ngx_adm_demand_lay_out(shm_zone) != NGX_OK)
    {
        return NGX_ERROR;
    }

    demand->sh = shpool->data;

    if (demand->sh->layout != NGX_ADM_DEMAND_LAYOUT) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "memory \"%V\" was laid out by another version "
                      "of the module, nginx has to be restarted",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    demand->recent.words = demand->sh->words;
    demand->recent.lines = NGX_ADM_DEMAND_LINES;

    return NGX_OK;
}


static ngx_int_t
ngx_adm_demand_lay_out(ngx_shm_zone_t *shm_zone)
{
    ngx_slab_pool_t      *shpool;
    ngx_adm_demand_sh_t  *sh;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* whole pages, so that a line is a line of the processor's cache */

    sh = ngx_slab_calloc(shpool, sizeof(ngx_adm_demand_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    sh->words = ngx_slab_calloc(shpool, NGX_ADM_DEMAND_LINES * 64);
    if (sh->words == NULL) {
        return NGX_ERROR;
    }

    sh->layout = NGX_ADM_DEMAND_LAYOUT;
    sh->secret = ((uint64_t) ngx_random() << 32) ^ ngx_random();

    shpool->data = sh;

    return NGX_OK;
}


ngx_uint_t
ngx_adm_demand_quiet(ngx_adm_demand_t *demand)
{
    return demand->sh->last <= ngx_current_msec / 1000;
}


uint64_t
ngx_adm_demand_tag(ngx_adm_demand_t *demand, uint64_t tag, ngx_str_t *piece)
{
    adm_str_t  text;

    text.len = piece->len;
    text.data = piece->data;

    return adm_recent_tag(tag ? tag : demand->sh->secret, text);
}


void
ngx_adm_demand_asked(ngx_adm_demand_t *demand, uint64_t tag)
{
    if (tag == 0 || ngx_adm_demand_left(demand, tag) == 0) {
        ngx_adm_window_add(NGX_ADM_WINDOW_DEMAND);
    }
}


ngx_uint_t
ngx_adm_demand_left(ngx_adm_demand_t *demand, uint64_t tag)
{
    return adm_recent_left(&demand->recent, tag, ngx_current_msec / 1000);
}


void
ngx_adm_demand_refused(ngx_adm_demand_t *demand, uint64_t tag,
    ngx_uint_t seconds)
{
    ngx_uint_t         now;
    ngx_atomic_uint_t  last;

    now = ngx_current_msec / 1000;
    seconds = ngx_min(seconds, ADM_RECENT_MAX);

    adm_recent_note(&demand->recent, tag, now, seconds);

    do {
        last = demand->sh->last;

    } while (last < now + seconds
             && !ngx_atomic_cmp_set(&demand->sh->last, last, now + seconds));
}


uint64_t
ngx_adm_demand(ngx_adm_counters_t *counters)
{
    return ngx_adm_counters_window(counters, NGX_ADM_WINDOW_DEMAND,
                                   NGX_ADM_DEMAND_SECONDS);
}
