
/*
 * Zones: making, laying out, attaching.
 */


#include <ngx_adm_line.h>
#include <ngx_adm_zone.h>
#include <openssl/rand.h>


#define NGX_ADM_CACHE_LINE   64

/* the part of a zone for rooms that a reload brings: one in 32m */
#define NGX_ADM_ZONE_SPARE   15


static ngx_int_t ngx_adm_zone_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_adm_zone_lay_out(ngx_shm_zone_t *shm_zone);
static ngx_uint_t ngx_adm_zone_places(ngx_adm_zone_t *zone, size_t size);
static ngx_int_t ngx_adm_zone_secrets(ngx_adm_zone_sh_t *sh);


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
 * The header, the places of rooms and the table of rates take all that the
 * slab allocator has: nobody allocates here again.
 */

static ngx_int_t
ngx_adm_zone_lay_out(ngx_shm_zone_t *shm_zone)
{
    u_char             *p, *end;
    size_t              size;
    ngx_adm_zone_t     *zone;
    ngx_slab_pool_t    *shpool;
    ngx_adm_zone_sh_t  *sh;

    zone = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    size = shpool->pfree * ngx_pagesize;

    if (size < zone->rooms * ngx_adm_line_size() + NGX_ADM_ZONE_MIN / 2) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" of %uz bytes is too small for its %ui "
                      "rooms, each takes %uz",
                      &shm_zone->shm.name, shm_zone->shm.size, zone->rooms,
                      ngx_adm_line_size());
        return NGX_ERROR;
    }

    p = ngx_slab_calloc(shpool, sizeof(ngx_adm_zone_sh_t) < size ? size : 0);
    if (p == NULL) {
        return NGX_ERROR;
    }

    end = p + size;
    sh = (ngx_adm_zone_sh_t *) p;

    if (ngx_adm_zone_secrets(sh) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "RAND_bytes() failed for zone \"%V\"",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    p = ngx_align_ptr(p + sizeof(ngx_adm_zone_sh_t), NGX_ADM_CACHE_LINE);

    sh->places = p;
    sh->nplaces = ngx_adm_zone_places(zone, end - p);

    p += sh->nplaces * ngx_adm_line_size();

    sh->slots = (adm_slot_t *) p;
    sh->buckets = (end - p) / (ADM_TABLE_BUCKET * sizeof(adm_slot_t));
    sh->origin = ngx_current_msec;
    sh->layout = NGX_ADM_ZONE_LAYOUT;

    shpool->data = sh;
    shpool->log_nomem = 0;

    return NGX_OK;
}


/* a key that signs tokens while nginx runs, unless a file has some */

static ngx_int_t
ngx_adm_zone_secrets(ngx_adm_zone_sh_t *sh)
{
    u_char  id[NGX_ADM_ZONE_KEY_ID / 2];

    if (RAND_bytes(sh->secret, NGX_ADM_SECRET_SIZE) != 1
        || RAND_bytes(sh->key, NGX_ADM_ZONE_KEY) != 1
        || RAND_bytes(id, sizeof(id)) != 1)
    {
        return NGX_ERROR;
    }

    ngx_hex_dump(sh->key_id, id, sizeof(id));

    return NGX_OK;
}


static ngx_uint_t
ngx_adm_zone_places(ngx_adm_zone_t *zone, size_t size)
{
    ngx_uint_t  spare;

    spare = size / NGX_ADM_ZONE_SPARE / ngx_adm_line_size();

    return ngx_min(zone->rooms + spare, NGX_ADM_ZONE_PLACES);
}


void *
ngx_adm_zone_place(ngx_adm_zone_t *zone, ngx_str_t *name, ngx_uint_t *made)
{
    ngx_uint_t           i;
    ngx_adm_place_sh_t  *place;

    for (i = 0; i < zone->sh->nplaces; i++) {
        place = &zone->sh->place[i];
        *made = (place->len == 0);

        if (*made) {
            ngx_memcpy(place->name, name->data, name->len);
            place->len = name->len;
        }

        if (place->len == name->len
            && ngx_strncmp(place->name, name->data, name->len) == 0)
        {
            return zone->sh->places + i * ngx_adm_line_size();
        }
    }

    ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                  "zone \"%V\" has no place for room \"%V\": it was made "
                  "with %ui, which other rooms have had since nginx was "
                  "started, nginx has to be restarted",
                  &zone->shm_zone->shm.name, name, zone->sh->nplaces);

    return NULL;
}
