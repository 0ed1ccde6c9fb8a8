
/*
 * The fleet: its memory, the pulse, and operators' changes on their way.
 */


#include <ngx_adm_fleet.h>
#include <ngx_adm_zone.h>
#include <openssl/rand.h>


#define NGX_ADM_FLEET_LINE     64

/* ms between two pulses, and how much longer it may be */
#define NGX_ADM_FLEET_PULSE    600
#define NGX_ADM_FLEET_JITTER   100

/* ms for which fewer nodes than before are not believed: Redis may have lost
   its memory, or may have been away from all */
#define NGX_ADM_FLEET_FEWER    2000

/* ms until what was told, and not answered, is told again */
#define NGX_ADM_FLEET_AGAIN    200

/* ms: the year 10000, which no moment is behind */
#define NGX_ADM_FLEET_END      UINT64_C(253402300800000)

/* texts of numbers, and what stands between them */
#define NGX_ADM_FLEET_REST                                                    \
    (2 * (NGX_INT64_LEN + 1) + NGX_ADM_FLEET_NODE + 1 + NGX_ADM_SETTING_BY)


typedef struct {
    size_t                 len;
    size_t                 size;
    size_t                 offset;
    u_char                 name[NGX_ADM_FLEET_NAME];
} ngx_adm_fleet_place_t;


struct ngx_adm_fleet_sh_s {
    ngx_uint_t             layout;
    u_char                 node[NGX_ADM_FLEET_NODE];

    size_t                 size;         /* of all of it */
    size_t                 used;
    ngx_uint_t             nplaces;
    ngx_adm_fleet_place_t  places[NGX_ADM_FLEET_PARTS];

    ngx_atomic_t           generations;  /* that were made */
    ngx_atomic_t           serving;      /* the newest that serves */
    ngx_atomic_t           nodes;        /* 0: not heard yet */
    ngx_atomic_t           fewer;        /* ms, since when there are; 0: no */
    ngx_atomic_t           pulse;        /* when the next is due, ms */
    ngx_atomic_t           tell;
};


/* of a call SETTING */

typedef struct {
    ngx_adm_settings_t    *settings;
    ngx_uint_t             place;
    uint64_t               moment;
} ngx_adm_fleet_told_t;


static ngx_int_t ngx_adm_fleet_key(ngx_conf_t *cf, ngx_adm_fleet_t *fleet,
    const char *name, ngx_str_t *key);
static ngx_int_t ngx_adm_fleet_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_adm_fleet_lay_out(ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_adm_fleet_attach(ngx_adm_fleet_t *fleet,
    ngx_adm_fleet_part_t *part);
static ngx_adm_fleet_place_t *ngx_adm_fleet_place(ngx_adm_fleet_t *fleet,
    ngx_adm_fleet_part_t *part, ngx_uint_t *made);
static void ngx_adm_fleet_tick(ngx_event_t *ev);
static void ngx_adm_fleet_pulse(ngx_adm_fleet_t *fleet);
static void ngx_adm_fleet_pulsed(ngx_adm_call_t *call, ngx_adm_value_t *value);
static void ngx_adm_fleet_count(ngx_adm_fleet_t *fleet, int64_t nodes);
static void ngx_adm_fleet_hear(ngx_adm_fleet_t *fleet, ngx_pool_t *pool,
    uint64_t version, ngx_adm_value_t *settings);
static ngx_int_t ngx_adm_fleet_change(ngx_pool_t *pool, ngx_adm_value_t *name,
    ngx_adm_value_t *value, ngx_adm_change_t *change);
static ngx_int_t ngx_adm_fleet_text(ngx_pool_t *pool, ngx_adm_value_t *value,
    ngx_str_t *text);
static ngx_str_t ngx_adm_fleet_word(ngx_str_t *text);
static ngx_int_t ngx_adm_fleet_number(ngx_str_t word, uint64_t *number);
static void ngx_adm_fleet_tell(ngx_adm_fleet_t *fleet);
static ngx_int_t ngx_adm_fleet_tell_next(ngx_adm_fleet_t *fleet,
    ngx_uint_t *i);
static ngx_int_t ngx_adm_fleet_tell_change(ngx_adm_fleet_t *fleet,
    ngx_adm_call_t *call, ngx_adm_change_t *change);
static void ngx_adm_fleet_told(ngx_adm_call_t *call, ngx_adm_value_t *value);


ngx_adm_fleet_t *
ngx_adm_fleet_add(ngx_conf_t *cf, ngx_str_t *name, void *tag,
    ngx_adm_redis_t *redis, ngx_adm_settings_t *settings)
{
    ngx_adm_fleet_t  *fleet;

    fleet = ngx_pcalloc(cf->pool, sizeof(ngx_adm_fleet_t));
    if (fleet == NULL) {
        return NULL;
    }

    fleet->redis = redis;
    fleet->settings = settings;

    if (ngx_array_init(&fleet->parts, cf->pool, 8,
                       sizeof(ngx_adm_fleet_part_t))
        != NGX_OK
        || ngx_adm_fleet_key(cf, fleet, "nodes", &fleet->nodes) != NGX_OK
        || ngx_adm_fleet_key(cf, fleet, "settings", &fleet->changes)
           != NGX_OK)
    {
        return NULL;
    }

    fleet->shm_zone = ngx_shared_memory_add(cf, name,
                                            sizeof(ngx_adm_fleet_sh_t), tag);
    if (fleet->shm_zone == NULL) {
        return NULL;
    }

    fleet->shm_zone->init = ngx_adm_fleet_init;
    fleet->shm_zone->data = fleet;

    return fleet;
}


/* both in one slot */

static ngx_int_t
ngx_adm_fleet_key(ngx_conf_t *cf, ngx_adm_fleet_t *fleet, const char *name,
    ngx_str_t *key)
{
    ngx_str_t  *prefix;

    prefix = &fleet->redis->conf.prefix;

    key->data = ngx_pnalloc(cf->pool, prefix->len + sizeof("{fleet}:")
                                      + ngx_strlen(name));
    if (key->data == NULL) {
        return NGX_ERROR;
    }

    key->len = ngx_sprintf(key->data, "%V{fleet}:%s", prefix, name)
               - key->data;

    return NGX_OK;
}


ngx_adm_fleet_part_t *
ngx_adm_fleet_part(ngx_adm_fleet_t *fleet)
{
    ngx_adm_fleet_part_t  *part;

    part = ngx_array_push(&fleet->parts);

    if (part) {
        ngx_memzero(part, sizeof(ngx_adm_fleet_part_t));
    }

    return part;
}


ngx_int_t
ngx_adm_fleet_size(ngx_conf_t *cf, ngx_adm_fleet_t *fleet)
{
    size_t                 size, largest, running;
    ngx_uint_t             i;
    ngx_shm_zone_t        *shm_zone;
    ngx_adm_fleet_part_t  *part;

    shm_zone = fleet->shm_zone;
    part = fleet->parts.elts;

    largest = NGX_ADM_FLEET_PART;
    size = sizeof(ngx_adm_fleet_sh_t) + NGX_ADM_FLEET_LINE;

    for (i = 0; i < fleet->parts.nelts; i++) {
        size += part[i].size + NGX_ADM_FLEET_LINE;
        largest = ngx_max(largest, part[i].size);
    }

    size += NGX_ADM_FLEET_SPARE * (largest + NGX_ADM_FLEET_LINE);

    /* what the slab allocator takes for itself */

    size += size / 64 + 16 * ngx_pagesize;

    running = ngx_adm_zone_running_size(cf, &shm_zone->shm.name,
                                        shm_zone->tag);

    shm_zone->shm.size = running ? running : size;

    return NGX_OK;
}


static ngx_int_t
ngx_adm_fleet_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t             i;
    ngx_adm_fleet_t       *fleet;
    ngx_slab_pool_t       *shpool;
    ngx_adm_fleet_part_t  *part;

    fleet = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists
        && ngx_adm_fleet_lay_out(shm_zone) != NGX_OK)
    {
        return NGX_ERROR;
    }

    fleet->sh = shpool->data;

    if (fleet->sh->layout != NGX_ADM_FLEET_LAYOUT) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "memory \"%V\" was laid out by another version "
                      "of the module, nginx has to be restarted",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    fleet->generation = ngx_atomic_fetch_add(&fleet->sh->generations, 1) + 1;

    part = fleet->parts.elts;

    for (i = 0; i < fleet->parts.nelts; i++) {
        if (ngx_adm_fleet_attach(fleet, &part[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* all that the slab allocator has: nobody allocates here again */

static ngx_int_t
ngx_adm_fleet_lay_out(ngx_shm_zone_t *shm_zone)
{
    size_t               size;
    u_char               node[NGX_ADM_FLEET_NODE / 2];
    ngx_slab_pool_t     *shpool;
    ngx_adm_fleet_sh_t  *sh;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    size = shpool->pfree * ngx_pagesize;

    sh = ngx_slab_calloc(shpool, sizeof(ngx_adm_fleet_sh_t) < size ? size : 0);
    if (sh == NULL) {
        return NGX_ERROR;
    }

    if (RAND_bytes(node, sizeof(node)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "RAND_bytes() failed for memory \"%V\"",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    ngx_hex_dump(sh->node, node, sizeof(node));

    sh->size = size;
    sh->used = ngx_align(sizeof(ngx_adm_fleet_sh_t), NGX_ADM_FLEET_LINE);
    sh->layout = NGX_ADM_FLEET_LAYOUT;

    shpool->data = sh;
    shpool->log_nomem = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_adm_fleet_attach(ngx_adm_fleet_t *fleet, ngx_adm_fleet_part_t *part)
{
    ngx_log_t              *log;
    ngx_uint_t              made;
    ngx_adm_fleet_place_t  *place;

    log = fleet->shm_zone->shm.log;
    place = ngx_adm_fleet_place(fleet, part, &made);

    if (place == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "memory \"%V\" has no room for \"%V\": a reload may "
                      "add %d parts to those that nginx was started with, "
                      "nginx has to be restarted",
                      &fleet->shm_zone->shm.name, &part->name,
                      NGX_ADM_FLEET_SPARE);
        return NGX_ERROR;
    }

    if (place->size < part->size) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"%V\" in memory \"%V\" was laid out by another "
                      "version of the module, nginx has to be restarted",
                      &part->name, &fleet->shm_zone->shm.name);
        return NGX_ERROR;
    }

    return part->attach(part->data, (u_char *) fleet->sh + place->offset,
                        made);
}


static ngx_adm_fleet_place_t *
ngx_adm_fleet_place(ngx_adm_fleet_t *fleet, ngx_adm_fleet_part_t *part,
    ngx_uint_t *made)
{
    size_t                  size;
    ngx_uint_t              i;
    ngx_adm_fleet_sh_t     *sh;
    ngx_adm_fleet_place_t  *place;

    sh = fleet->sh;

    for (i = 0; i < sh->nplaces; i++) {
        place = &sh->places[i];

        if (place->len == part->name.len
            && ngx_strncmp(place->name, part->name.data, place->len) == 0)
        {
            *made = 0;
            return place;
        }
    }

    size = ngx_align(part->size, NGX_ADM_FLEET_LINE);

    if (i == NGX_ADM_FLEET_PARTS || size > sh->size - sh->used) {
        return NULL;
    }

    place = &sh->places[i];

    place->len = part->name.len;
    place->size = part->size;
    place->offset = sh->used;

    ngx_memcpy(place->name, part->name.data, part->name.len);

    sh->used += size;
    sh->nplaces++;

    *made = 1;

    return place;
}


void
ngx_adm_fleet_start(ngx_adm_fleet_t *fleet, ngx_cycle_t *cycle)
{
    if (fleet->sh->serving < fleet->generation) {
        fleet->sh->serving = fleet->generation;
        ngx_adm_settings_again(fleet->settings);
    }

    fleet->event.handler = ngx_adm_fleet_tick;
    fleet->event.log = cycle->log;
    fleet->event.data = fleet;
    fleet->event.cancelable = 1;

    ngx_add_timer(&fleet->event, ngx_random() % NGX_ADM_FLEET_TICK + 1);
}


void
ngx_adm_fleet_stop(ngx_adm_fleet_t *fleet)
{
    ngx_uint_t             i;
    ngx_adm_fleet_part_t  *part;

    if (fleet->event.timer_set) {
        ngx_del_timer(&fleet->event);
    }

    part = fleet->parts.elts;

    for (i = 0; i < fleet->parts.nelts; i++) {
        if (part[i].stop) {
            part[i].stop(part[i].data);
        }
    }
}


ngx_str_t
ngx_adm_fleet_node(ngx_adm_fleet_t *fleet)
{
    ngx_str_t  node;

    node.data = fleet->sh->node;
    node.len = NGX_ADM_FLEET_NODE;

    return node;
}


ngx_uint_t
ngx_adm_fleet_nodes(ngx_adm_fleet_t *fleet)
{
    return ngx_max(1, fleet->sh->nodes);
}


ngx_uint_t
ngx_adm_fleet_turn(ngx_atomic_t *due, ngx_msec_t ms)
{
    ngx_atomic_uint_t  seen;

    seen = *due;

    return (ngx_msec_int_t) (ngx_current_msec - seen) >= 0
           && ngx_atomic_cmp_set(due, seen, ngx_current_msec + ms);
}


/*
 * A process of an older configuration lets those of the newest do it: it may
 * know other rates and rooms.
 */

static void
ngx_adm_fleet_tick(ngx_event_t *ev)
{
    ngx_uint_t             i;
    ngx_adm_fleet_t       *fleet;
    ngx_adm_call_rc_e      why;
    ngx_adm_fleet_part_t  *part;

    fleet = ev->data;

    /* a worker that exits waits for its calls: it makes no more of its own */

    if (ngx_exiting) {
        return;
    }

    ngx_add_timer(ev, NGX_ADM_FLEET_TICK);

    if (fleet->generation < fleet->sh->serving
        || !ngx_adm_redis_up(fleet->redis, &why))
    {
        return;
    }

    if (ngx_adm_fleet_turn(&fleet->sh->pulse,
                           NGX_ADM_FLEET_PULSE
                           + ngx_random() % NGX_ADM_FLEET_JITTER))
    {
        ngx_adm_fleet_pulse(fleet);
    }

    ngx_adm_fleet_tell(fleet);

    part = fleet->parts.elts;

    for (i = 0; i < fleet->parts.nelts; i++) {
        if (part[i].tick) {
            part[i].tick(part[i].data);
        }
    }
}


static void
ngx_adm_fleet_pulse(ngx_adm_fleet_t *fleet)
{
    uint64_t         version;
    ngx_adm_call_t  *call;

    call = ngx_adm_call_create(fleet->redis, NGX_ADM_SCRIPT_PULSE,
                               fleet->redis->conf.claim_timeout);
    if (call == NULL) {
        return;
    }

    call->handler = ngx_adm_fleet_pulsed;
    call->data = fleet;

    /* a negative version is no version, so that all is told */

    version = ngx_adm_settings_version(fleet->settings);

    if (ngx_adm_call_key(call, &fleet->nodes) != NGX_OK
        || ngx_adm_call_key(call, &fleet->changes) != NGX_OK
        || ngx_adm_call_text(call, fleet->sh->node, NGX_ADM_FLEET_NODE)
           != NGX_OK
        || ngx_adm_call_number(call, version ? (int64_t) version : -1)
           != NGX_OK
        || ngx_adm_call_send(call) != NGX_OK)
    {
        ngx_adm_call_free(call);
    }
}


static void
ngx_adm_fleet_pulsed(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    uint64_t           version;
    ngx_adm_fleet_t   *fleet;
    ngx_adm_value_t  **element;

    if (value == NULL || value->type != NGX_ADM_VALUE_ARRAY || value->n != 4) {
        return;
    }

    fleet = call->data;
    element = value->elements;

    if (element[0]->type != NGX_ADM_VALUE_INTEGER
        || element[1]->type != NGX_ADM_VALUE_INTEGER
        || element[2]->type != NGX_ADM_VALUE_TEXT
        || element[3]->type != NGX_ADM_VALUE_ARRAY
        || ngx_adm_fleet_number(element[2]->text, &version) != NGX_OK)
    {
        return;
    }

    if (fleet->generation < fleet->sh->serving) {
        return;
    }

    ngx_adm_settings_clock(fleet->settings, element[0]->integer);
    ngx_adm_fleet_count(fleet, element[1]->integer);

    /* a version that is not 0 comes with all, or is the one that was asked */

    if (version == 0
        || (element[3]->n
            && version != ngx_adm_settings_version(fleet->settings)))
    {
        ngx_adm_fleet_hear(fleet, call->pool, version, element[3]);
    }
}


static void
ngx_adm_fleet_count(ngx_adm_fleet_t *fleet, int64_t nodes)
{
    ngx_atomic_uint_t    before;
    ngx_adm_fleet_sh_t  *sh;

    sh = fleet->sh;
    before = sh->nodes;
    nodes = ngx_max(1, nodes);

    if (nodes < (int64_t) before) {

        if (sh->fewer == 0) {
            sh->fewer = ngx_current_msec;
        }

        if (ngx_current_msec - sh->fewer < NGX_ADM_FLEET_FEWER) {
            return;
        }
    }

    sh->fewer = 0;
    sh->nodes = nodes;

    if (before != sh->nodes) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "admission fleet: node %*s is one of %uA",
                      (size_t) NGX_ADM_FLEET_NODE, sh->node, sh->nodes);
    }
}


static void
ngx_adm_fleet_hear(ngx_adm_fleet_t *fleet, ngx_pool_t *pool, uint64_t version,
    ngx_adm_value_t *settings)
{
    ngx_str_t          node;
    ngx_uint_t         i, n;
    ngx_adm_change_t  *changes;

    changes = ngx_palloc(pool, (settings->n / 2 + 1)
                               * sizeof(ngx_adm_change_t));
    if (changes == NULL) {
        return;
    }

    n = 0;

    for (i = 0; i + 1 < settings->n; i += 2) {
        if (ngx_adm_fleet_change(pool, settings->elements[i],
                                 settings->elements[i + 1], &changes[n])
            == NGX_OK)
        {
            n++;
        }
    }

    node = ngx_adm_fleet_node(fleet);

    ngx_adm_settings_hear(fleet->settings, changes, n, version, &node,
                          ngx_cycle->log);
}


/* NGX_DECLINED: it is none; NGX_ERROR: out of memory */

static ngx_int_t
ngx_adm_fleet_change(ngx_pool_t *pool, ngx_adm_value_t *name,
    ngx_adm_value_t *value, ngx_adm_change_t *change)
{
    ngx_str_t  text, word;

    if (ngx_adm_fleet_text(pool, name, &change->name) != NGX_OK
        || ngx_adm_fleet_text(pool, value, &text) != NGX_OK
        || ngx_adm_fleet_number(ngx_adm_fleet_word(&text), &change->moment)
           != NGX_OK
        || change->moment >= NGX_ADM_FLEET_END)
    {
        return NGX_DECLINED;
    }

    word = ngx_adm_fleet_word(&text);
    change->value = NGX_ADM_SETTING_NONE;

    if (!(word.len == 1 && word.data[0] == '-')
        && ngx_adm_fleet_number(word, &change->value) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (ngx_adm_fleet_number(ngx_adm_fleet_word(&text), &change->configured)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    change->node = ngx_adm_fleet_word(&text);
    change->by = text;

    return NGX_OK;
}


/* a copy that may stand in a log */

static ngx_int_t
ngx_adm_fleet_text(ngx_pool_t *pool, ngx_adm_value_t *value, ngx_str_t *text)
{
    size_t  i;

    if (value->type != NGX_ADM_VALUE_TEXT) {
        return NGX_DECLINED;
    }

    text->len = ngx_min(value->text.len, 4 * NGX_ADM_FLEET_REST);
    text->data = ngx_pnalloc(pool, text->len + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(text->data, value->text.data, text->len);

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < 0x20 || text->data[i] > 0x7e) {
            text->data[i] = '?';
        }
    }

    return NGX_OK;
}


/* the text up to a space, which goes with it */

static ngx_str_t
ngx_adm_fleet_word(ngx_str_t *text)
{
    u_char     *p, *last;
    ngx_str_t   word;

    last = text->data + text->len;
    p = ngx_strlchr(text->data, last, ' ');

    word.data = text->data;
    word.len = (p ? p : last) - text->data;

    text->data = p ? p + 1 : last;
    text->len = last - text->data;

    return word;
}


static ngx_int_t
ngx_adm_fleet_number(ngx_str_t word, uint64_t *number)
{
    adm_str_t  text;

    text.data = word.data;
    text.len = word.len;

    return (adm_uint_parse(text, 0, UINT64_MAX, number) == ADM_OK)
           ? NGX_OK : NGX_DECLINED;
}


static void
ngx_adm_fleet_tell(ngx_adm_fleet_t *fleet)
{
    ngx_uint_t  i;

    if (!ngx_adm_settings_pending(fleet->settings)
        || !ngx_adm_fleet_turn(&fleet->sh->tell, NGX_ADM_FLEET_AGAIN))
    {
        return;
    }

    i = 0;

    while (ngx_adm_fleet_tell_next(fleet, &i) == NGX_OK) { /* void */ }
}


/* NGX_DECLINED: there is no other; NGX_ERROR: later */

static ngx_int_t
ngx_adm_fleet_tell_next(ngx_adm_fleet_t *fleet, ngx_uint_t *i)
{
    ngx_int_t              rc;
    ngx_adm_call_t        *call;
    ngx_adm_change_t       change;
    ngx_adm_fleet_told_t  *told;

    call = ngx_adm_call_create(fleet->redis, NGX_ADM_SCRIPT_SETTING,
                               fleet->redis->conf.claim_timeout);
    if (call == NULL) {
        return NGX_ERROR;
    }

    told = ngx_palloc(call->pool, sizeof(ngx_adm_fleet_told_t));
    rc = told ? ngx_adm_settings_untold(fleet->settings, i, call->pool,
                                        &change)
              : NGX_ERROR;

    if (rc == NGX_OK) {
        told->settings = fleet->settings;
        told->place = *i - 1;
        told->moment = change.moment;

        call->handler = ngx_adm_fleet_told;
        call->data = told;

        rc = ngx_adm_fleet_tell_change(fleet, call, &change);
    }

    if (rc != NGX_OK) {
        ngx_adm_call_free(call);
    }

    return rc;
}


static ngx_int_t
ngx_adm_fleet_tell_change(ngx_adm_fleet_t *fleet, ngx_adm_call_t *call,
    ngx_adm_change_t *change)
{
    u_char  *rest, *p;

    rest = ngx_pnalloc(call->pool, NGX_ADM_FLEET_REST);
    if (rest == NULL) {
        return NGX_ERROR;
    }

    p = (change->value == NGX_ADM_SETTING_NONE)
        ? ngx_cpymem(rest, "-", 1) : ngx_sprintf(rest, "%ui", change->value);

    p = ngx_sprintf(p, " %uL %*s %V", change->configured,
                    (size_t) NGX_ADM_FLEET_NODE, fleet->sh->node,
                    &change->by);

    return (ngx_adm_call_key(call, &fleet->changes) == NGX_OK
            && ngx_adm_call_text(call, change->name.data, change->name.len)
               == NGX_OK
            && ngx_adm_call_number(call, change->moment) == NGX_OK
            && ngx_adm_call_text(call, rest, p - rest) == NGX_OK
            && ngx_adm_call_send(call) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


static void
ngx_adm_fleet_told(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    ngx_adm_fleet_told_t  *told;

    if (value == NULL || value->type != NGX_ADM_VALUE_ARRAY || value->n != 2
        || value->elements[0]->type != NGX_ADM_VALUE_INTEGER
        || value->elements[1]->type != NGX_ADM_VALUE_INTEGER)
    {
        return;
    }

    told = call->data;

    ngx_adm_settings_told(told->settings, told->place, told->moment,
                          value->elements[0]->integer
                          ? value->elements[1]->integer : 0);
}
