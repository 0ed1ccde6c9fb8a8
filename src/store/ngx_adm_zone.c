
/*
 * Zones: making, laying out, attaching.
 */


#include <ngx_adm_zone.h>
#include <openssl/rand.h>


#define NGX_ADM_CACHE_LINE   64


static ngx_int_t ngx_adm_zone_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_adm_zone_lay_out(ngx_shm_zone_t *shm_zone);


ngx_adm_zone_t *
ngx_adm_zone_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    size_t           running;
    ngx_adm_zone_t  *zone;

    running = ngx_adm_zone_running_size(cf, name, tag);

    if (running && running != size) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "zone \"%V\" keeps its size of %uz bytes, "
                           "a changed size takes effect at restart",
                           name, running);
        size = running;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_adm_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    if (ngx_array_init(&zone->parts, cf->pool, 4, sizeof(ngx_adm_zone_part_t))
        != NGX_OK)
    {
        return NULL;
    }

    zone->shm_zone = ngx_shared_memory_add(cf, name, size, tag);
    if (zone->shm_zone == NULL) {
        return NULL;
    }

    zone->shm_zone->init = ngx_adm_zone_init;
    zone->shm_zone->data = zone;

    return zone;
}


size_t
ngx_adm_zone_running_size(ngx_conf_t *cf, ngx_str_t *name, void *tag)
{
    ngx_uint_t        i;
    ngx_cycle_t      *old;
    ngx_list_part_t  *part;
    ngx_shm_zone_t   *shm_zone;

    old = cf->cycle->old_cycle;

    if (old == NULL) {
        return 0;
    }

    for (part = &old->shared_memory.part; part; part = part->next) {
        shm_zone = part->elts;

        for (i = 0; shm_zone && i < part->nelts; i++) {

            if (shm_zone[i].tag == tag
                && shm_zone[i].shm.name.len == name->len
                && ngx_strncmp(shm_zone[i].shm.name.data, name->data,
                               name->len)
                   == 0)
            {
                return shm_zone[i].shm.size;
            }
        }
    }

    return 0;
}


static ngx_int_t
ngx_adm_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t            i;
    ngx_adm_zone_t       *zone;
    ngx_slab_pool_t      *shpool;
    ngx_adm_zone_part_t  *part;

    zone = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists
        && ngx_adm_zone_lay_out(shm_zone) != NGX_OK)
    {
        return NGX_ERROR;
    }

    zone->sh = shpool->data;

    if (zone->sh->layout != NGX_ADM_ZONE_LAYOUT) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" was laid out by another version "
                      "of the module (layout %ui, expected %d), "
                      "nginx has to be restarted",
                      &shm_zone->shm.name, zone->sh->layout,
                      NGX_ADM_ZONE_LAYOUT);
        return NGX_ERROR;
    }

    zone->table.slots = zone->sh->slots;
    zone->table.buckets = zone->sh->buckets;

    part = zone->parts.elts;

    for (i = 0; i < zone->parts.nelts; i++) {
        if (part[i].attach(part[i].data) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The header and the table of rates take all that the slab allocator has:
 * nobody allocates here again.
 */

static ngx_int_t
ngx_adm_zone_lay_out(ngx_shm_zone_t *shm_zone)
{
    u_char             *p, *end;
    size_t              size;
    ngx_slab_pool_t    *shpool;
    ngx_adm_zone_sh_t  *sh;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    size = shpool->pfree * ngx_pagesize;

    p = ngx_slab_calloc(shpool, sizeof(ngx_adm_zone_sh_t) < size ? size : 0);
    if (p == NULL) {
        return NGX_ERROR;
    }

    end = p + size;
    sh = (ngx_adm_zone_sh_t *) p;

    if (RAND_bytes(sh->secret, NGX_ADM_SECRET_SIZE) != 1) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "RAND_bytes() failed for zone \"%V\"",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    p = ngx_align_ptr(p + sizeof(ngx_adm_zone_sh_t), NGX_ADM_CACHE_LINE);

    sh->slots = (adm_slot_t *) p;
    sh->buckets = (end - p) / (ADM_TABLE_BUCKET * sizeof(adm_slot_t));
    sh->origin = ngx_current_msec;
    sh->layout = NGX_ADM_ZONE_LAYOUT;

    shpool->data = sh;
    shpool->log_nomem = 0;

    return NGX_OK;
}
