
/*
 * Settings: their places in shared memory, and what stands there.
 */


#include <ngx_adm_settings.h>


#define NGX_ADM_SETTING_LOOKS    100

/* changes with what a copy is */
#define NGX_ADM_SETTINGS_COPY    1

/* that a copy brings back: the others are for those that are new */
#define NGX_ADM_SETTINGS_BACK    (NGX_ADM_SETTINGS / 2)


struct ngx_adm_setting_sh_s {
    ngx_atomic_t           value;
    ngx_atomic_t           version;      /* odd: is being written */
    uint64_t               configured;   /* when it was overridden */
    uint64_t               served;       /* by the newest configuration */
    time_t                 since;
    size_t                 by_len;
    u_char                 by[NGX_ADM_SETTING_BY];
    size_t                 len;          /* 0: unused */
    u_char                 name[NGX_ADM_SETTING_NAME];
};


struct ngx_adm_settings_sh_s {
    ngx_uint_t             layout;
    ngx_adm_setting_sh_t   places[NGX_ADM_SETTINGS];
};


/* what is kept of an override */

typedef struct {
    uint64_t               value;
    uint64_t               configured;
    uint64_t               since;
    uint64_t               by_len;
    uint64_t               len;
    u_char                 by[NGX_ADM_SETTING_BY];
    u_char                 name[NGX_ADM_SETTING_NAME];
} ngx_adm_setting_copy_t;


typedef struct {
    uint64_t               n;
    ngx_adm_setting_copy_t all[NGX_ADM_SETTINGS];
} ngx_adm_settings_copy_t;


static ngx_int_t ngx_adm_settings_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_adm_settings_lay_out(ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_adm_settings_restore(ngx_adm_settings_t *settings,
    ngx_adm_settings_sh_t *sh);
static void ngx_adm_settings_bring_back(ngx_adm_settings_sh_t *sh,
    ngx_adm_settings_copy_t *copy);
static int ngx_libc_cdecl ngx_adm_settings_newer(const void *one,
    const void *two);
static uint64_t ngx_adm_settings_version(void *data);
static void ngx_adm_settings_save(void *data, void *copy);
static void ngx_adm_setting_copy(ngx_adm_setting_sh_t *sh,
    ngx_adm_setting_copy_t *copy);
static ngx_int_t ngx_adm_settings_attach(ngx_adm_setting_t *setting);
static void ngx_adm_setting_drop(ngx_adm_setting_t *setting, ngx_log_t *log);


ngx_adm_settings_t *
ngx_adm_settings_add(ngx_conf_t *cf, ngx_str_t *name, void *tag)
{
    ngx_adm_settings_t  *settings;

    settings = ngx_pcalloc(cf->pool, sizeof(ngx_adm_settings_t));
    if (settings == NULL) {
        return NULL;
    }

    if (ngx_array_init(&settings->all, cf->pool, 4,
                       sizeof(ngx_adm_setting_t *))
        != NGX_OK)
    {
        return NULL;
    }

    settings->shm_zone = ngx_shared_memory_add(cf, name,
                                               sizeof(ngx_adm_settings_sh_t)
                                               + 16 * ngx_pagesize, tag);
    if (settings->shm_zone == NULL) {
        return NULL;
    }

    settings->shm_zone->init = ngx_adm_settings_init;
    settings->shm_zone->data = settings;

    return settings;
}


ngx_int_t
ngx_adm_settings_keep(ngx_adm_settings_t *settings, ngx_adm_state_t *state)
{
    ngx_adm_state_part_t  *part;

    part = &settings->kept;

    ngx_str_set(&part->name, "settings");

    part->layout = NGX_ADM_SETTINGS_COPY;
    part->size = sizeof(ngx_adm_settings_copy_t);
    part->data = settings;
    part->version = ngx_adm_settings_version;
    part->save = ngx_adm_settings_save;

    settings->state = state;

    return ngx_adm_state_part(state, part);
}


ngx_adm_setting_t *
ngx_adm_settings_declare(ngx_adm_settings_t *settings, ngx_str_t *name)
{
    ngx_adm_setting_t  **place, *setting;

    place = ngx_array_push(&settings->all);
    setting = ngx_pcalloc(settings->all.pool, sizeof(ngx_adm_setting_t));

    if (place == NULL || setting == NULL) {
        return NULL;
    }

    *place = setting;

    setting->name = *name;
    setting->settings = settings;

    return setting;
}


static ngx_int_t
ngx_adm_settings_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t            i;
    ngx_slab_pool_t      *shpool;
    ngx_adm_setting_t   **all;
    ngx_adm_settings_t   *settings;

    settings = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists
        && ngx_adm_settings_lay_out(shm_zone) != NGX_OK)
    {
        return NGX_ERROR;
    }

    settings->sh = shpool->data;

    if (settings->sh->layout != NGX_ADM_SETTINGS_LAYOUT) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "memory \"%V\" was laid out by another version "
                      "of the module, nginx has to be restarted",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    all = settings->all.elts;

    for (i = 0; i < settings->all.nelts; i++) {
        if (ngx_adm_settings_attach(all[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_adm_settings_lay_out(ngx_shm_zone_t *shm_zone)
{
    ngx_uint_t              i;
    ngx_slab_pool_t        *shpool;
    ngx_adm_settings_t     *settings;
    ngx_adm_settings_sh_t  *sh;

    settings = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    sh = ngx_slab_calloc(shpool, sizeof(ngx_adm_settings_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_ADM_SETTINGS; i++) {
        sh->places[i].value = NGX_ADM_SETTING_NONE;
    }

    if (settings->state && ngx_adm_settings_restore(settings, sh) != NGX_OK) {
        return NGX_ERROR;
    }

    sh->layout = NGX_ADM_SETTINGS_LAYOUT;

    shpool->data = sh;

    return NGX_OK;
}


static ngx_int_t
ngx_adm_settings_restore(ngx_adm_settings_t *settings,
    ngx_adm_settings_sh_t *sh)
{
    ngx_int_t                 rc;
    ngx_adm_settings_copy_t  *copy;

    copy = ngx_alloc(sizeof(ngx_adm_settings_copy_t),
                     settings->shm_zone->shm.log);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_adm_state_read(settings->state, &settings->kept, copy);

    if (rc == NGX_OK) {
        ngx_adm_settings_bring_back(sh, copy);
        settings->restored = 1;
    }

    ngx_free(copy);

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


static void
ngx_adm_settings_bring_back(ngx_adm_settings_sh_t *sh,
    ngx_adm_settings_copy_t *copy)
{
    ngx_uint_t               i, n;
    ngx_adm_setting_sh_t    *place;
    ngx_adm_setting_copy_t  *one;

    n = ngx_min(copy->n, NGX_ADM_SETTINGS);

    ngx_qsort(copy->all, n, sizeof(ngx_adm_setting_copy_t),
              ngx_adm_settings_newer);

    for (i = 0; i < ngx_min(n, NGX_ADM_SETTINGS_BACK); i++) {
        one = &copy->all[i];
        place = &sh->places[i];

        place->value = one->value;
        place->configured = one->configured;
        place->since = one->since;
        place->by_len = ngx_min(one->by_len, NGX_ADM_SETTING_BY);
        place->len = ngx_min(one->len, NGX_ADM_SETTING_NAME);

        ngx_memcpy(place->by, one->by, NGX_ADM_SETTING_BY);
        ngx_memcpy(place->name, one->name, NGX_ADM_SETTING_NAME);
    }
}


static int ngx_libc_cdecl
ngx_adm_settings_newer(const void *one, const void *two)
{
    const ngx_adm_setting_copy_t  *first = one;
    const ngx_adm_setting_copy_t  *second = two;

    return (first->since < second->since) - (first->since > second->since);
}


static uint64_t
ngx_adm_settings_version(void *data)
{
    ngx_adm_settings_t  *settings = data;

    uint64_t    version;
    ngx_uint_t  i;

    version = 0;

    for (i = 0; i < NGX_ADM_SETTINGS; i++) {
        version += settings->sh->places[i].version;
    }

    return version;
}


static void
ngx_adm_settings_save(void *data, void *copy)
{
    ngx_adm_settings_t       *settings = data;
    ngx_adm_settings_copy_t  *to = copy;

    ngx_uint_t  i;

    for (i = 0; i < NGX_ADM_SETTINGS; i++) {

        if (settings->sh->places[i].value != NGX_ADM_SETTING_NONE) {
            ngx_adm_setting_copy(&settings->sh->places[i], &to->all[to->n++]);
        }
    }
}


/* only the master comes here */

static ngx_int_t
ngx_adm_settings_attach(ngx_adm_setting_t *setting)
{
    ngx_str_t             *name;
    ngx_uint_t             i;
    ngx_adm_setting_sh_t  *place;

    name = &setting->name;

    for (i = 0; i < NGX_ADM_SETTINGS; i++) {
        place = &setting->settings->sh->places[i];

        if (place->len == 0) {
            ngx_memcpy(place->name, name->data, name->len);
            place->len = name->len;
        }

        if (place->len == name->len
            && ngx_strncmp(place->name, name->data, name->len) == 0)
        {
            setting->sh = place;
            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, setting->settings->shm_zone->shm.log, 0,
                  "too many settings since nginx was started, at most %d; "
                  "\"%V\" has no place, nginx has to be restarted",
                  NGX_ADM_SETTINGS, name);

    return NGX_ERROR;
}


void
ngx_adm_settings_serve(ngx_adm_settings_t *settings, ngx_log_t *log)
{
    ngx_uint_t             i;
    ngx_adm_setting_t    **all;
    ngx_adm_setting_sh_t  *sh;

    all = settings->all.elts;

    for (i = 0; i < settings->all.nelts; i++) {
        sh = all[i]->sh;

        sh->served = all[i]->configured;

        if (sh->value == NGX_ADM_SETTING_NONE) {
            continue;
        }

        if (sh->configured != all[i]->configured) {
            ngx_adm_setting_drop(all[i], log);

        } else if (settings->restored) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "admission control: the override of \"%V\" "
                          "is in force again",
                          &all[i]->name);
        }
    }

    settings->restored = 0;
}


static void
ngx_adm_setting_drop(ngx_adm_setting_t *setting, ngx_log_t *log)
{
    setting->sh->value = NGX_ADM_SETTING_NONE;

    (void) ngx_atomic_fetch_add(&setting->sh->version, 2);

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "admission control: the override of \"%V\" is dropped, "
                  "since its value was changed in the configuration",
                  &setting->name);
}


ngx_uint_t
ngx_adm_setting(ngx_adm_setting_t *setting)
{
    return setting->sh->value;
}


void
ngx_adm_setting_read(ngx_adm_setting_t *setting, ngx_adm_override_t *override)
{
    ngx_adm_setting_copy_t  copy;

    ngx_adm_setting_copy(setting->sh, &copy);

    override->value = copy.value;
    override->since = copy.since;
    override->by.len = copy.by_len;
    override->by.data = override->text;

    ngx_memcpy(override->text, copy.by, copy.by_len);
}


static void
ngx_adm_setting_copy(ngx_adm_setting_sh_t *sh, ngx_adm_setting_copy_t *copy)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  version;

    copy->len = sh->len;
    ngx_memcpy(copy->name, sh->name, NGX_ADM_SETTING_NAME);

    for (i = 0; i < NGX_ADM_SETTING_LOOKS; i++) {
        version = sh->version;

        ngx_memory_barrier();

        copy->value = sh->value;
        copy->configured = sh->configured;
        copy->since = sh->since;
        copy->by_len = ngx_min(sh->by_len, NGX_ADM_SETTING_BY);

        ngx_memcpy(copy->by, sh->by, NGX_ADM_SETTING_BY);

        ngx_memory_barrier();

        if (!(version & 1) && version == sh->version) {
            return;
        }

        ngx_sched_yield();
    }

    /* whoever writes was stopped, or killed: the value is one word */

    copy->by_len = 0;
}


void
ngx_adm_setting_write(ngx_adm_setting_t *setting, ngx_uint_t value,
    ngx_str_t *by)
{
    ngx_slab_pool_t       *shpool;
    ngx_adm_setting_sh_t  *sh;

    sh = setting->sh;
    shpool = (ngx_slab_pool_t *) setting->settings->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    sh->version |= 1;

    ngx_memory_barrier();

    /* a process of the last configuration may still be asked */

    sh->configured = sh->served;
    sh->since = ngx_time();
    sh->by_len = ngx_min(by->len, NGX_ADM_SETTING_BY);

    ngx_memcpy(sh->by, by->data, sh->by_len);

    sh->value = value;

    ngx_memory_barrier();

    sh->version++;

    ngx_shmtx_unlock(&shpool->mutex);
}
