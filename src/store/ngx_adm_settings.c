
/*
 * Settings: their places in shared memory, and what stands there.
 */


#include <ngx_adm_settings.h>


#define NGX_ADM_SETTING_LOOKS    100

/* changes with what a copy is */
#define NGX_ADM_SETTINGS_COPY    2

/* that a copy brings back: the others are for those that are new */
#define NGX_ADM_SETTINGS_BACK    (NGX_ADM_SETTINGS / 2)


struct ngx_adm_setting_sh_s {
    ngx_atomic_t           value;
    ngx_atomic_t           version;      /* odd: is being written */
    uint64_t               configured;   /* where it was overridden, then */
    uint64_t               adopted;      /* here, then; or the same */
    uint64_t               served;       /* by the newest configuration */
    uint64_t               moment;       /* of the last change, ms by the
                                            store's clock; 0: none */
    ngx_uint_t             untold;       /* the store does not know of it */
    ngx_uint_t             heard;        /* the store was asked about it */
    size_t                 by_len;
    u_char                 by[NGX_ADM_SETTING_BY];
    size_t                 len;          /* 0: unused */
    u_char                 name[NGX_ADM_SETTING_NAME];
};


struct ngx_adm_settings_sh_s {
    ngx_uint_t             layout;
    ngx_atomic_t           known;        /* version of what was heard */
    ngx_atomic_t           ahead;        /* ms that the store's clock is
                                            ahead of ours, modulo 2^64 */
    ngx_adm_setting_sh_t   places[NGX_ADM_SETTINGS];
};


/* what is kept of an override */

typedef struct {
    uint64_t               value;
    uint64_t               configured;
    uint64_t               moment;
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
static uint64_t ngx_adm_settings_changes(void *data);
static void ngx_adm_settings_save(void *data, void *copy);
static void ngx_adm_setting_copy(ngx_adm_setting_sh_t *sh,
    ngx_adm_setting_copy_t *copy);
static ngx_int_t ngx_adm_settings_attach(ngx_adm_setting_t *setting);
static void ngx_adm_setting_drop(ngx_adm_setting_t *setting, ngx_log_t *log);
static ngx_int_t ngx_adm_change_copy(ngx_adm_setting_sh_t *place,
    ngx_pool_t *pool, ngx_adm_change_t *change);
static ngx_uint_t ngx_adm_settings_take(ngx_adm_setting_sh_t *place,
    ngx_adm_change_t *change);
static void ngx_adm_settings_lost(ngx_adm_settings_t *settings,
    ngx_adm_change_t *changes, ngx_uint_t n);
static ngx_adm_setting_t *ngx_adm_settings_find(ngx_adm_settings_t *settings,
    ngx_adm_change_t *change);
static ngx_uint_t ngx_adm_settings_same(ngx_adm_setting_sh_t *place,
    ngx_str_t *name);
static void ngx_adm_setting_put(ngx_adm_setting_sh_t *sh,
    ngx_adm_change_t *change);
static void ngx_adm_change_log(ngx_adm_change_t *change, ngx_log_t *log);
static uint64_t ngx_adm_settings_wall(void);


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
    part->version = ngx_adm_settings_changes;
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
        place->adopted = one->configured;
        place->moment = one->moment;
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

    return (first->moment < second->moment)
           - (first->moment > second->moment);
}


static uint64_t
ngx_adm_settings_changes(void *data)
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

        if (ngx_adm_settings_same(place, name)) {
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

        if (sh->configured != all[i]->configured
            && sh->adopted != all[i]->configured)
        {
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
    ngx_str_t  by;

    ngx_str_null(&by);

    ngx_adm_setting_write(setting, NGX_ADM_SETTING_NONE, &by);

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
    override->since = copy.moment / 1000;
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
        copy->moment = sh->moment;
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
    ngx_adm_change_t       change;
    ngx_adm_settings_t    *settings;
    ngx_adm_setting_sh_t  *sh;

    sh = setting->sh;
    settings = setting->settings;
    shpool = (ngx_slab_pool_t *) settings->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    change.value = value;
    change.by = *by;

    /* newer than all that this node knows, whatever its clock says */

    change.moment = ngx_max(ngx_adm_settings_now(settings), sh->moment + 1);

    /* a process of the last configuration may still be asked */

    change.configured = sh->served;

    ngx_adm_setting_put(sh, &change);

    sh->untold = 1;

    ngx_shmtx_unlock(&shpool->mutex);
}


/* the mutex is locked */

static void
ngx_adm_setting_put(ngx_adm_setting_sh_t *sh, ngx_adm_change_t *change)
{
    sh->version |= 1;

    ngx_memory_barrier();

    sh->configured = change->configured;
    sh->adopted = sh->served;
    sh->moment = change->moment;
    sh->by_len = ngx_min(change->by.len, NGX_ADM_SETTING_BY);

    ngx_memcpy(sh->by, change->by.data, sh->by_len);

    sh->value = change->value;

    ngx_memory_barrier();

    sh->version++;
}


ngx_uint_t
ngx_adm_settings_pending(ngx_adm_settings_t *settings)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ADM_SETTINGS; i++) {

        if (settings->sh->places[i].untold) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_adm_settings_untold(ngx_adm_settings_t *settings, ngx_uint_t *i,
    ngx_pool_t *pool, ngx_adm_change_t *change)
{
    ngx_int_t              rc;
    ngx_slab_pool_t       *shpool;
    ngx_adm_setting_sh_t  *place;

    shpool = (ngx_slab_pool_t *) settings->shm_zone->shm.addr;

    while (*i < NGX_ADM_SETTINGS) {
        place = &settings->sh->places[(*i)++];

        if (!place->untold) {
            continue;
        }

        ngx_shmtx_lock(&shpool->mutex);

        rc = ngx_adm_change_copy(place, pool, change);

        ngx_shmtx_unlock(&shpool->mutex);

        return rc;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_adm_change_copy(ngx_adm_setting_sh_t *place, ngx_pool_t *pool,
    ngx_adm_change_t *change)
{
    u_char  *p;

    p = ngx_pnalloc(pool, place->len + place->by_len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    change->name.data = p;
    change->name.len = place->len;
    p = ngx_cpymem(p, place->name, place->len);

    change->by.data = p;
    change->by.len = place->by_len;
    ngx_memcpy(p, place->by, place->by_len);

    change->value = place->value;
    change->configured = place->configured;
    change->moment = place->moment;

    return NGX_OK;
}


void
ngx_adm_settings_told(ngx_adm_settings_t *settings, ngx_uint_t i,
    uint64_t moment, uint64_t kept)
{
    ngx_slab_pool_t       *shpool;
    ngx_adm_setting_sh_t  *place;

    place = &settings->sh->places[i];
    shpool = (ngx_slab_pool_t *) settings->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    if (kept == 0) {

        /* the next pulse brings the newer one, and ends this */

        settings->sh->known = 0;

    } else if (place->moment == moment) {
        place->moment = kept;
        place->untold = 0;
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


void
ngx_adm_settings_hear(ngx_adm_settings_t *settings, ngx_adm_change_t *changes,
    ngx_uint_t n, uint64_t version, ngx_str_t *node, ngx_log_t *log)
{
    ngx_uint_t           i;
    ngx_slab_pool_t     *shpool;
    ngx_adm_setting_t  **all, *setting;

    all = settings->all.elts;
    shpool = (ngx_slab_pool_t *) settings->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    ngx_adm_settings_lost(settings, changes, n);

    for (i = 0; i < n; i++) {
        setting = ngx_adm_settings_find(settings, &changes[i]);

        if (setting == NULL
            || !ngx_adm_settings_take(setting->sh, &changes[i]))
        {
            changes[i].name.len = 0;

        } else if (setting->sh->untold) {
            changes[i].node = *node;
        }
    }

    for (i = 0; i < settings->all.nelts; i++) {
        all[i]->sh->heard = 1;
    }

    settings->sh->known = version;

    ngx_shmtx_unlock(&shpool->mutex);

    for (i = 0; i < n; i++) {

        if (changes[i].name.len) {
            ngx_adm_change_log(&changes[i], log);
        }
    }
}


/*
 * 1 if what is in force here became another.  A place that is new takes no
 * override of a value that was changed in the file since.
 */

static ngx_uint_t
ngx_adm_settings_take(ngx_adm_setting_sh_t *place, ngx_adm_change_t *change)
{
    ngx_uint_t  value;

    value = place->value;

    if (change->moment < place->moment
        || (change->moment == place->moment && !place->untold))
    {
        return 0;
    }

    ngx_adm_setting_put(place, change);

    place->untold = 0;

    if (!place->heard && change->value != NGX_ADM_SETTING_NONE
        && change->configured != place->served)
    {
        place->value = NGX_ADM_SETTING_NONE;
        place->by_len = 0;
        place->configured = place->served;
        place->moment++;
        place->untold = 1;

        change->value = NGX_ADM_SETTING_NONE;
        change->by.len = 0;

        return 1;
    }

    return value != place->value;
}


/* what the store knew, and has no more */

static void
ngx_adm_settings_lost(ngx_adm_settings_t *settings, ngx_adm_change_t *changes,
    ngx_uint_t n)
{
    ngx_uint_t             i, k;
    ngx_adm_setting_sh_t  *place;

    for (i = 0; i < NGX_ADM_SETTINGS; i++) {
        place = &settings->sh->places[i];

        if (place->len == 0 || place->value == NGX_ADM_SETTING_NONE) {
            continue;
        }

        for (k = 0; k < n; k++) {
            if (ngx_adm_settings_same(place, &changes[k].name)) {
                break;
            }
        }

        place->untold |= (k == n);
    }
}


/* NULL: this configuration has none of that name, or no such value for it */

static ngx_adm_setting_t *
ngx_adm_settings_find(ngx_adm_settings_t *settings, ngx_adm_change_t *change)
{
    ngx_uint_t           i;
    ngx_adm_setting_t  **all;

    all = settings->all.elts;

    for (i = 0; i < settings->all.nelts; i++) {

        if (ngx_adm_settings_same(all[i]->sh, &change->name)) {
            return (all[i]->most && change->value > all[i]->most
                    && change->value != NGX_ADM_SETTING_NONE)
                   ? NULL : all[i];
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_adm_settings_same(ngx_adm_setting_sh_t *place, ngx_str_t *name)
{
    return place->len && place->len == name->len
           && ngx_strncmp(place->name, name->data, name->len) == 0;
}


static void
ngx_adm_change_log(ngx_adm_change_t *change, ngx_log_t *log)
{
    if (change->by.len) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "admission control: \"%V\" is %s, by \"%V\" "
                      "on node %V",
                      &change->name,
                      (change->value == NGX_ADM_SETTING_NONE)
                      ? "again as configured" : "overridden",
                      &change->by, &change->node);

    } else {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "admission control: the override of \"%V\" is dropped, "
                      "since its value was changed in the configuration "
                      "of node %V",
                      &change->name, &change->node);
    }
}


uint64_t
ngx_adm_settings_version(ngx_adm_settings_t *settings)
{
    return settings->sh->known;
}


void
ngx_adm_settings_again(ngx_adm_settings_t *settings)
{
    settings->sh->known = 0;
}


uint64_t
ngx_adm_settings_now(ngx_adm_settings_t *settings)
{
    return ngx_adm_settings_wall() + settings->sh->ahead;
}


void
ngx_adm_settings_clock(ngx_adm_settings_t *settings, uint64_t now)
{
    settings->sh->ahead = now - ngx_adm_settings_wall();
}


static uint64_t
ngx_adm_settings_wall(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}
