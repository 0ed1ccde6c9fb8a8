
/*
 * Lines in zones: making, bringing back, attaching.
 */


#include <ngx_adm_line_fleet.h>


/* numbers that may be given between two copies */
#define NGX_ADM_LINE_GUARD    32768

/* changes with what a copy is */
#define NGX_ADM_LINE_COPY     2

#define NGX_ADM_LINE_ALIGN    64


/* in shared memory; the line and its shadow follow */

struct ngx_adm_line_sh_s {
    ngx_uint_t      ready;         /* both were made */
    u_char          apart[NGX_ADM_LINE_ALIGN - sizeof(ngx_uint_t)];
};


static ngx_int_t ngx_adm_line_attach(void *data);
static ngx_int_t ngx_adm_line_make(ngx_adm_line_t *l);
static ngx_int_t ngx_adm_line_restore(ngx_adm_line_t *l, void *memory);
static size_t ngx_adm_line_bytes(void);
static void *ngx_adm_line_memory(ngx_adm_line_t *l, ngx_uint_t shadow);
static ngx_int_t ngx_adm_line_keep(ngx_conf_t *cf, ngx_adm_line_t *l);
static uint64_t ngx_adm_line_version(void *data);
static void ngx_adm_line_save(void *data, void *copy);
static void ngx_adm_line_kept(void *data, const void *copy);


size_t
ngx_adm_line_size(void)
{
    return sizeof(ngx_adm_line_sh_t) + 2 * ngx_adm_line_bytes();
}


/* the same for any session */

static size_t
ngx_adm_line_bytes(void)
{
    adm_line_shape_t  shape = ADM_LINE_SHAPE(1);

    return ngx_align(adm_line_size(&shape), NGX_ADM_LINE_ALIGN);
}


ngx_adm_line_t *
ngx_adm_line_add(ngx_conf_t *cf, ngx_adm_zone_t *zone, ngx_str_t *name,
    ngx_adm_state_t *state)
{
    ngx_adm_line_t       *l;
    ngx_adm_zone_part_t  *part;

    l = ngx_pcalloc(cf->pool, sizeof(ngx_adm_line_t));
    part = ngx_array_push(&zone->parts);

    if (l == NULL || part == NULL) {
        return NULL;
    }

    l->name = *name;
    l->zone = zone;
    l->state = state;

    part->attach = ngx_adm_line_attach;
    part->data = l;

    zone->rooms++;

    return (state && ngx_adm_line_keep(cf, l) != NGX_OK) ? NULL : l;
}


static ngx_int_t
ngx_adm_line_keep(ngx_conf_t *cf, ngx_adm_line_t *l)
{
    ngx_adm_state_part_t  *part;

    part = &l->kept;

    part->name.data = ngx_pnalloc(cf->pool, sizeof("room-") - 1 + l->name.len);
    if (part->name.data == NULL) {
        return NGX_ERROR;
    }

    part->name.len = ngx_sprintf(part->name.data, "room-%V", &l->name)
                     - part->name.data;
    part->layout = NGX_ADM_LINE_COPY;
    part->size = ngx_adm_line_bytes();
    part->data = l;
    part->version = ngx_adm_line_version;
    part->save = ngx_adm_line_save;
    part->kept = ngx_adm_line_kept;

    return ngx_adm_state_part(l->state, part);
}


static ngx_int_t
ngx_adm_line_attach(void *data)
{
    ngx_adm_line_t  *l = data;

    ngx_uint_t  made;

    l->sh = ngx_adm_zone_place(l->zone, &l->name, &made);

    if (l->sh == NULL
        || (!l->sh->ready && ngx_adm_line_make(l) != NGX_OK)
        || adm_line_attach(&l->line[0], ngx_adm_line_memory(l, 0)) != ADM_OK
        || adm_line_attach(&l->line[1], ngx_adm_line_memory(l, 1)) != ADM_OK)
    {
        return NGX_ERROR;
    }

    if (l->fleet) {
        ngx_adm_line_fleet_attach(l->fleet);

    } else {
        adm_line_alone(&l->line[0]);
    }

    return NGX_OK;
}


static void *
ngx_adm_line_memory(ngx_adm_line_t *l, ngx_uint_t shadow)
{
    return (u_char *) l->sh + sizeof(ngx_adm_line_sh_t)
           + shadow * ngx_adm_line_bytes();
}


static ngx_int_t
ngx_adm_line_make(ngx_adm_line_t *l)
{
    uint64_t          now;
    ngx_int_t         rc;
    adm_line_shape_t  shape = ADM_LINE_SHAPE(l->settings.session);

    now = ngx_adm_line_now();
    rc = l->state ? ngx_adm_line_restore(l, ngx_adm_line_memory(l, 0))
                  : NGX_DECLINED;

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        adm_line_init(ngx_adm_line_memory(l, 0), &shape, &l->settings, now);
    }

    adm_line_init(ngx_adm_line_memory(l, 1), &shape, &l->settings, now);

    l->sh->ready = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_adm_line_restore(ngx_adm_line_t *l, void *memory)
{
    ngx_int_t         rc;
    adm_line_shape_t  shape = ADM_LINE_SHAPE(1);

    rc = ngx_adm_state_read(l->state, &l->kept, memory);

    if (rc == NGX_OK
        && adm_line_restore(memory, adm_line_size(&shape), ngx_adm_line_now())
           != ADM_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, l->zone->shm_zone->shm.log, 0,
                      "the copy of room \"%V\" in \"%V\" is of another "
                      "version of the module: with the file \"%V\" moved "
                      "away the line begins anew",
                      &l->name, &l->state->path->name, &l->kept.name);
        return NGX_ERROR;
    }

    return rc;
}


static uint64_t
ngx_adm_line_version(void *data)
{
    ngx_adm_line_t  *l = data;

    return adm_line_version(&l->line[0]);
}


static void
ngx_adm_line_save(void *data, void *copy)
{
    ngx_adm_line_t  *l = data;

    adm_line_save(&l->line[0], copy, NGX_ADM_LINE_GUARD);
}


static void
ngx_adm_line_kept(void *data, const void *copy)
{
    ngx_adm_line_t  *l = data;

    adm_line_allow(&l->line[0], copy);
}
