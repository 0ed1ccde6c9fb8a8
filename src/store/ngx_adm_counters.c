
/*
 * Counters: slots, their owners, and the registry of names.
 */


#include <ngx_adm_counters.h>


#define NGX_ADM_SLOTS          256
#define NGX_ADM_SERIES         504
#define NGX_ADM_CELLS          19264
#define NGX_ADM_LEVELS         64

/* the slot of those that found none; never owned */
#define NGX_ADM_SLOT_COMMON    0

/* in the owner: the slot is taken, its gauges are not yet zeroed */
#define NGX_ADM_OWNER_OPENING  0x80000000


typedef struct {
    ngx_uint_t        series;    /* at most */
    ngx_uint_t        cells;     /* of a series */
} ngx_adm_family_t;


/* in shared memory */

typedef struct {
    ngx_atomic_t      owner;     /* pid; 0: nobody */
    ngx_atomic_t      gauges[NGX_ADM_GAUGES];
    u_char            apart[64];
    uint64_t          windows[NGX_ADM_WINDOWS][ADM_WINDOW];
    ngx_atomic_t      cells[NGX_ADM_CELLS];
} ngx_adm_counters_slot_t;


typedef struct {
    ngx_adm_family_e  family;
    size_t            len;       /* 0: unused */
    u_char            name[NGX_ADM_SERIES_NAME];
} ngx_adm_counters_name_t;


struct ngx_adm_counters_sh_s {
    ngx_uint_t               layout;
    ngx_atomic_t             generation;
    ngx_atomic_t             opened;     /* slots below it were ever used */
    ngx_adm_counters_name_t  names[NGX_ADM_SERIES];
    ngx_adm_counters_slot_t  slots[NGX_ADM_SLOTS];
};


static ngx_int_t ngx_adm_counters_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_adm_counters_lay_out(ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_adm_counters_attach(ngx_adm_counters_t *counters,
    ngx_adm_series_t *series);
static ngx_adm_counters_name_t *ngx_adm_counters_find(
    ngx_adm_counters_name_t *first, ngx_uint_t n, ngx_adm_series_t *series);
static void ngx_adm_counters_serve(ngx_adm_counters_t *counters);
static ngx_uint_t ngx_adm_counters_take(ngx_adm_counters_slot_t *slot);
static ngx_uint_t ngx_adm_counters_alive(ngx_atomic_uint_t owner);
static ngx_uint_t ngx_adm_counters_own(void);
static ngx_adm_counters_slot_t *ngx_adm_counters_next(
    ngx_adm_counters_t *counters, ngx_uint_t *i);
static void ngx_adm_cell_add(ngx_uint_t cell, uint64_t n);


/* names of their order make NGX_ADM_SERIES and NGX_ADM_CELLS */

static ngx_adm_family_t  ngx_adm_families[NGX_ADM_FAMILIES] = {
    { 64, 128 },                 /* site */
    { 256, 32 },                 /* policy */
    { 40, 32 },                  /* histogram */
    { 64, 16 },                  /* node */
    { 16, 32 },                  /* calls */
    { NGX_ADM_LEVELS, 1 },       /* level: the last cells */
};


/* of this process */

static ngx_adm_counters_slot_t  *ngx_adm_slot;
static ngx_uint_t                ngx_adm_slot_shared;


ngx_adm_counters_t *
ngx_adm_counters_add(ngx_conf_t *cf, ngx_str_t *name, void *tag)
{
    ngx_adm_counters_t  *counters;

    counters = ngx_pcalloc(cf->pool, sizeof(ngx_adm_counters_t));
    if (counters == NULL) {
        return NULL;
    }

    if (ngx_array_init(&counters->series, cf->pool, 16,
                       sizeof(ngx_adm_series_t *))
        != NGX_OK)
    {
        return NULL;
    }

    /* the slab allocator describes its pages, and aligns them */

    counters->shm_zone = ngx_shared_memory_add(cf, name,
                               sizeof(ngx_adm_counters_sh_t)
                               + sizeof(ngx_adm_counters_sh_t) / 64
                               + 16 * ngx_pagesize, tag);
    if (counters->shm_zone == NULL) {
        return NULL;
    }

    counters->shm_zone->init = ngx_adm_counters_init;
    counters->shm_zone->data = counters;

    return counters;
}


ngx_adm_series_t *
ngx_adm_counters_series(ngx_adm_counters_t *counters, ngx_adm_family_e family,
    ngx_str_t *name)
{
    ngx_uint_t          i;
    ngx_adm_series_t  **all, **place, *series;

    all = counters->series.elts;

    for (i = 0; i < counters->series.nelts; i++) {

        if (all[i]->family == family
            && all[i]->name.len == name->len
            && ngx_strncmp(all[i]->name.data, name->data, name->len) == 0)
        {
            return all[i];
        }
    }

    place = ngx_array_push(&counters->series);
    series = ngx_pcalloc(counters->series.pool, sizeof(ngx_adm_series_t));

    if (place == NULL || series == NULL) {
        return NULL;
    }

    *place = series;

    series->family = family;
    series->name = *name;

    return series;
}


static ngx_int_t
ngx_adm_counters_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t           i;
    ngx_slab_pool_t     *shpool;
    ngx_adm_series_t   **series;
    ngx_adm_counters_t  *counters;

    counters = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists
        && ngx_adm_counters_lay_out(shm_zone) != NGX_OK)
    {
        return NGX_ERROR;
    }

    counters->sh = shpool->data;

    if (counters->sh->layout != NGX_ADM_COUNTERS_LAYOUT) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "counters were laid out by another version "
                      "of the module, nginx has to be restarted");
        return NGX_ERROR;
    }

    counters->generation = counters->sh->generation + 1;

    series = counters->series.elts;

    for (i = 0; i < counters->series.nelts; i++) {
        if (ngx_adm_counters_attach(counters, series[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_adm_counters_lay_out(ngx_shm_zone_t *shm_zone)
{
    ngx_slab_pool_t        *shpool;
    ngx_adm_counters_sh_t  *sh;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* the memory is new, and zeroed: touching a slot is what makes it real */

    sh = ngx_slab_alloc(shpool, sizeof(ngx_adm_counters_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    sh->layout = NGX_ADM_COUNTERS_LAYOUT;
    sh->opened = NGX_ADM_SLOT_COMMON + 1;

    shpool->data = sh;

    return NGX_OK;
}


/* only the master comes here, before workers count by the series */

static ngx_int_t
ngx_adm_counters_attach(ngx_adm_counters_t *counters, ngx_adm_series_t *series)
{
    ngx_uint_t                i, cells;
    ngx_adm_family_t         *family;
    ngx_adm_counters_name_t  *first, *name;

    first = counters->sh->names;
    cells = 0;

    for (i = 0; i < (ngx_uint_t) series->family; i++) {
        first += ngx_adm_families[i].series;
        cells += ngx_adm_families[i].series * ngx_adm_families[i].cells;
    }

    family = &ngx_adm_families[series->family];
    name = ngx_adm_counters_find(first, family->series, series);

    if (name == NULL && series->family == NGX_ADM_FAMILY_LEVEL) {
        series->name.len = 0;
        series->base = cells;
        return NGX_OK;
    }

    if (name == NULL) {
        ngx_log_error(NGX_LOG_EMERG, counters->shm_zone->shm.log, 0,
                      "too many names to count by since nginx was started, "
                      "at most %ui of a kind; \"%V\" has no place, "
                      "nginx has to be restarted",
                      family->series, &series->name);
        return NGX_ERROR;
    }

    if (name->len == 0) {
        name->family = series->family;
        ngx_memcpy(name->name, series->name.data, series->name.len);
        name->len = series->name.len + 1;
    }

    series->base = cells + (name - first) * family->cells;

    return NGX_OK;
}


/* the place of the series' name, else the first unused one */

static ngx_adm_counters_name_t *
ngx_adm_counters_find(ngx_adm_counters_name_t *first, ngx_uint_t n,
    ngx_adm_series_t *series)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (first[i].len == 0) {
            return &first[i];
        }

        if (first[i].len == series->name.len + 1
            && ngx_strncmp(first[i].name, series->name.data, series->name.len)
               == 0)
        {
            return &first[i];
        }
    }

    return NULL;
}


void
ngx_adm_counters_open(ngx_adm_counters_t *counters)
{
    ngx_uint_t              i, opened;
    ngx_adm_counters_sh_t  *sh;

    sh = counters->sh;

    ngx_adm_counters_serve(counters);

    ngx_adm_slot = &sh->slots[NGX_ADM_SLOT_COMMON];
    ngx_adm_slot_shared = 1;

    for (i = NGX_ADM_SLOT_COMMON + 1; i < NGX_ADM_SLOTS; i++) {

        if (!ngx_adm_counters_take(&sh->slots[i])) {
            continue;
        }

        ngx_adm_slot = &sh->slots[i];
        ngx_adm_slot_shared = 0;

        do {
            opened = sh->opened;
        } while (opened <= i && !ngx_atomic_cmp_set(&sh->opened, opened,
                                                    i + 1));

        return;
    }
}


void
ngx_adm_counters_renew(ngx_adm_counters_t *counters)
{
    if (ngx_adm_slot) {
        ngx_adm_counters_serve(counters);
    }
}


static void
ngx_adm_counters_serve(ngx_adm_counters_t *counters)
{
    ngx_atomic_t       *generation;
    ngx_atomic_uint_t   seen;

    generation = &counters->sh->generation;

    do {
        seen = *generation;
    } while (seen < counters->generation
             && !ngx_atomic_cmp_set(generation, seen, counters->generation));
}


static ngx_uint_t
ngx_adm_counters_take(ngx_adm_counters_slot_t *slot)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  owner;

    owner = slot->owner;

    if (owner
        && (owner & ~NGX_ADM_OWNER_OPENING) != (ngx_atomic_uint_t) ngx_pid
        && ngx_adm_counters_alive(owner))
    {
        return 0;
    }

    if (!ngx_atomic_cmp_set(&slot->owner, owner,
                            ngx_pid | NGX_ADM_OWNER_OPENING))
    {
        return 0;
    }

    for (i = 0; i < NGX_ADM_GAUGES; i++) {
        slot->gauges[i] = 0;
    }

    for (i = NGX_ADM_CELLS - NGX_ADM_LEVELS; i < NGX_ADM_CELLS; i++) {
        slot->cells[i] = 0;
    }

    slot->gauges[NGX_ADM_GAUGE_PROCESSES] = 1;

    ngx_memory_barrier();

    slot->owner = ngx_pid;

    return 1;
}


static ngx_uint_t
ngx_adm_counters_alive(ngx_atomic_uint_t owner)
{
    ngx_pid_t  pid;

    pid = (ngx_pid_t) (owner & ~NGX_ADM_OWNER_OPENING);

    return kill(pid, 0) == 0 || ngx_errno != ESRCH;
}


void
ngx_adm_counters_close(void)
{
    if (ngx_adm_slot) {
        (void) ngx_atomic_cmp_set(&ngx_adm_slot->owner, ngx_pid, 0);
        ngx_adm_slot = NULL;
    }
}


void
ngx_adm_counters_forget(void)
{
    ngx_adm_slot = NULL;
}


void
ngx_adm_count(ngx_adm_series_t *series, ngx_uint_t cell)
{
    if (ngx_adm_slot) {
        ngx_adm_cell_add(series->base + cell, 1);
    }
}


void
ngx_adm_observe(ngx_adm_series_t *series, uint64_t ns)
{
    if (ngx_adm_slot) {
        ngx_adm_cell_add(series->base + adm_hist_index(ns), 1);
        ngx_adm_cell_add(series->base + NGX_ADM_HISTOGRAM_SUM, ns);
    }
}


/* nobody else writes to a slot that has an owner: others only read words */

static void
ngx_adm_cell_add(ngx_uint_t cell, uint64_t n)
{
    ngx_atomic_t  *word;

    word = &ngx_adm_slot->cells[cell];

    if (ngx_adm_slot_shared) {
        (void) ngx_atomic_fetch_add(word, (ngx_atomic_int_t) n);

    } else {
        *word += n;
    }
}


/* gauges are of processes that own their slots */

static ngx_uint_t
ngx_adm_counters_own(void)
{
    return ngx_adm_slot
           && ngx_adm_slot->owner == (ngx_atomic_uint_t) ngx_pid;
}


void
ngx_adm_gauge_add(ngx_adm_gauge_e gauge, ngx_int_t n)
{
    if (ngx_adm_counters_own()) {
        (void) ngx_atomic_fetch_add(&ngx_adm_slot->gauges[gauge], n);
    }
}


void
ngx_adm_gauge_set(ngx_adm_gauge_e gauge, ngx_uint_t value)
{
    if (ngx_adm_counters_own()) {
        ngx_adm_slot->gauges[gauge] = value;
    }
}


void
ngx_adm_level_add(ngx_adm_series_t *level, ngx_int_t n)
{
    if (ngx_adm_counters_own()) {
        (void) ngx_atomic_fetch_add(&ngx_adm_slot->cells[level->base], n);
    }
}


void
ngx_adm_window_add(ngx_adm_window_e window)
{
    if (ngx_adm_slot) {
        adm_window_add(ngx_adm_slot->windows[window], ngx_current_msec / 1000);
    }
}


uint64_t
ngx_adm_counters_sum(ngx_adm_counters_t *counters, ngx_adm_series_t *series,
    ngx_uint_t cell)
{
    uint64_t                sum;
    ngx_uint_t              i;
    ngx_adm_counters_sh_t  *sh;

    sh = counters->sh;
    sum = 0;

    for (i = 0; i < sh->opened; i++) {
        sum += sh->slots[i].cells[series->base + cell];
    }

    return sum;
}


/* the next slot whose owner lives, from *i on: NULL after the last */

static ngx_adm_counters_slot_t *
ngx_adm_counters_next(ngx_adm_counters_t *counters, ngx_uint_t *i)
{
    ngx_atomic_uint_t         owner;
    ngx_adm_counters_slot_t  *slot;

    while (*i < counters->sh->opened) {
        slot = &counters->sh->slots[(*i)++];
        owner = slot->owner;

        if (owner
            && !(owner & NGX_ADM_OWNER_OPENING)
            && ngx_adm_counters_alive(owner))
        {
            return slot;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_adm_counters_gauge(ngx_adm_counters_t *counters, ngx_adm_gauge_e gauge)
{
    ngx_uint_t                i, sum;
    ngx_adm_counters_slot_t  *slot;

    i = NGX_ADM_SLOT_COMMON + 1;
    sum = 0;

    while ((slot = ngx_adm_counters_next(counters, &i))) {
        sum += slot->gauges[gauge];
    }

    return sum;
}


ngx_uint_t
ngx_adm_counters_level(ngx_adm_counters_t *counters, ngx_adm_series_t *level)
{
    ngx_uint_t                i, sum;
    ngx_adm_counters_slot_t  *slot;

    i = NGX_ADM_SLOT_COMMON + 1;
    sum = 0;

    while ((slot = ngx_adm_counters_next(counters, &i))) {
        sum += slot->cells[level->base];
    }

    return sum;
}


void
ngx_adm_counters_extremes(ngx_adm_counters_t *counters,
    ngx_adm_gauge_e gauge, ngx_uint_t *least, ngx_uint_t *most)
{
    ngx_uint_t                i, value;
    ngx_adm_counters_slot_t  *slot;

    i = NGX_ADM_SLOT_COMMON + 1;

    *least = 0;
    *most = 0;

    while ((slot = ngx_adm_counters_next(counters, &i))) {
        value = slot->gauges[gauge];

        if (value) {
            *least = *least ? ngx_min(*least, value) : value;
            *most = ngx_max(*most, value);
        }
    }
}


uint64_t
ngx_adm_counters_window(ngx_adm_counters_t *counters, ngx_adm_window_e window,
    ngx_uint_t n)
{
    uint64_t                sum;
    ngx_uint_t              i;
    ngx_adm_counters_sh_t  *sh;

    sh = counters->sh;
    sum = 0;

    for (i = 0; i < sh->opened; i++) {
        sum += adm_window_sum(sh->slots[i].windows[window],
                              ngx_current_msec / 1000, n);
    }

    return sum;
}


ngx_uint_t
ngx_adm_counters_generation(ngx_adm_counters_t *counters)
{
    return counters->sh->generation;
}
