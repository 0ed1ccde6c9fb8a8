
/*
 * Gates: their memory, the ticks' turns, and what is told of a gate.
 */


#include <ngx_adm_clock.h>
#include <ngx_adm_gate_fleet.h>
#include <ngx_adm_gate_room.h>
#include <openssl/rand.h>


/* ms after which who ticks is thought to be stopped, and another one does */
#define NGX_ADM_GATE_STUCK     2000

/* ms between two looks for processes that are gone */
#define NGX_ADM_GATE_SWEEP     250

/* s: the most that anybody is told to stay away, for want of a place; and the
   least from a circuit that an operator holds open */
#define NGX_ADM_GATE_AWAY      30
#define NGX_ADM_GATE_HELD      15

/* a second, thousandths */
#define NGX_ADM_GATE_FEW       5000


static ngx_int_t ngx_adm_gates_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_adm_gates_lay_out(ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_adm_gate_attach(ngx_adm_gate_t *gate);
static ngx_adm_gate_sh_t *ngx_adm_gate_find(ngx_adm_gates_sh_t *sh,
    ngx_str_t *name);
static void ngx_adm_gates_tick(ngx_event_t *ev);
static ngx_uint_t ngx_adm_gates_begin(ngx_adm_gates_sh_t *sh);
static uint64_t ngx_adm_gate_spread(ngx_adm_gate_t *gate);
static uint64_t ngx_adm_gate_limit(ngx_adm_gate_t *gate);


ngx_adm_gates_t *
ngx_adm_gates_add(ngx_conf_t *cf, ngx_str_t *name, void *tag)
{
    size_t            size;
    ngx_adm_gates_t  *gates;

    gates = ngx_pcalloc(cf->pool, sizeof(ngx_adm_gates_t));
    if (gates == NULL) {
        return NULL;
    }

    if (ngx_array_init(&gates->all, cf->pool, 4, sizeof(ngx_adm_gate_t *))
        != NGX_OK)
    {
        return NULL;
    }

    /* what the slab allocator takes for itself comes on top */

    size = sizeof(ngx_adm_gates_sh_t) + ngx_cacheline_size
           + NGX_ADM_GATES * NGX_ADM_GATE_PLACES
             * sizeof(ngx_adm_gate_place_t);
    size += size / 64 + 16 * ngx_pagesize;

    gates->shm_zone = ngx_shared_memory_add(cf, name, size, tag);
    if (gates->shm_zone == NULL) {
        return NULL;
    }

    gates->shm_zone->init = ngx_adm_gates_init;
    gates->shm_zone->data = gates;

    return gates;
}


ngx_adm_gate_t *
ngx_adm_gate_declare(ngx_adm_gates_t *gates, ngx_str_t *name)
{
    ngx_adm_gate_t  **place, *gate;

    place = ngx_array_push(&gates->all);
    gate = ngx_pcalloc(gates->all.pool, sizeof(ngx_adm_gate_t));

    if (place == NULL || gate == NULL) {
        return NULL;
    }

    *place = gate;

    gate->name = *name;
    gate->gates = gates;

    return gate;
}


static ngx_int_t
ngx_adm_gates_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t         i;
    ngx_adm_gate_t   **all;
    ngx_adm_gates_t   *gates;
    ngx_slab_pool_t   *shpool;

    gates = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists
        && ngx_adm_gates_lay_out(shm_zone) != NGX_OK)
    {
        return NGX_ERROR;
    }

    gates->sh = shpool->data;

    if (gates->sh->layout != NGX_ADM_GATE_LAYOUT) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "memory \"%V\" was laid out by another version "
                      "of the module, nginx has to be restarted",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    gates->generation = ngx_atomic_fetch_add(&gates->sh->generations, 1) + 1;

    all = gates->all.elts;

    for (i = 0; i < gates->all.nelts; i++) {
        if (ngx_adm_gate_attach(all[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_adm_gates_lay_out(ngx_shm_zone_t *shm_zone)
{
    u_char                *p;
    ngx_uint_t             i;
    ngx_slab_pool_t       *shpool;
    ngx_adm_gates_sh_t    *sh;
    ngx_adm_gate_place_t  *places;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* the memory is new, and zeroed: touching a gate is what makes it real */

    p = ngx_slab_alloc(shpool, sizeof(ngx_adm_gates_sh_t) + ngx_cacheline_size
                               + NGX_ADM_GATES * NGX_ADM_GATE_PLACES
                                 * sizeof(ngx_adm_gate_place_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    sh = (ngx_adm_gates_sh_t *) p;
    p = ngx_align_ptr(p + sizeof(ngx_adm_gates_sh_t), ngx_cacheline_size);
    places = (ngx_adm_gate_place_t *) p;

    for (i = 0; i < NGX_ADM_GATES; i++) {
        sh->gates[i].places = places + i * NGX_ADM_GATE_PLACES;
    }

    if (RAND_bytes((u_char *) &sh->secret, sizeof(uint64_t)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "RAND_bytes() failed for memory \"%V\"",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    sh->opened = NGX_ADM_GATE_COMMON + 1;
    sh->layout = NGX_ADM_GATE_LAYOUT;

    shpool->data = sh;
    shpool->log_nomem = 0;

    return NGX_OK;
}


/* only the master comes here, before anybody ticks with this configuration */

static ngx_int_t
ngx_adm_gate_attach(ngx_adm_gate_t *gate)
{
    ngx_adm_gates_t  *gates;

    gates = gate->gates;
    gate->sh = ngx_adm_gate_find(gates->sh, &gate->name);

    if (gate->sh == NULL) {
        ngx_log_error(NGX_LOG_EMERG, gates->shm_zone->shm.log, 0,
                      "too many names of \"admission_upstream\" since nginx "
                      "was started, at most %d; \"%V\" has no place, "
                      "nginx has to be restarted",
                      NGX_ADM_GATES, &gate->name);
        return NGX_ERROR;
    }

    if (gate->sh->len == 0) {
        ngx_memcpy(gate->sh->name, gate->name.data, gate->name.len);
        gate->sh->share = NGX_ADM_GATE_NO_LIMIT;
        gate->sh->len = gate->name.len;
    }

    if (gate->adaptive && gate->sh->adapt.limit == 0) {
        adm_adapt_init(&gate->sh->adapt, gate->min, gate->max,
                       ngx_adm_clock());
    }

    return NGX_OK;
}


/* the one of this name, else the first unused one */

static ngx_adm_gate_sh_t *
ngx_adm_gate_find(ngx_adm_gates_sh_t *sh, ngx_str_t *name)
{
    ngx_uint_t          i;
    ngx_adm_gate_sh_t  *gate;

    for (i = 0; i < NGX_ADM_GATES; i++) {
        gate = &sh->gates[i];

        if (gate->len == 0
            || (gate->len == name->len
                && ngx_strncmp(gate->name, name->data, name->len) == 0))
        {
            return gate;
        }
    }

    return NULL;
}


void
ngx_adm_gates_start(ngx_adm_gates_t *gates, ngx_cycle_t *cycle)
{
    if (gates->sh->serving < gates->generation) {
        gates->sh->serving = gates->generation;
    }

    ngx_adm_gate_own(gates->sh);

    gates->event.handler = ngx_adm_gates_tick;
    gates->event.log = cycle->log;
    gates->event.data = gates;
    gates->event.cancelable = 1;

    ngx_add_timer(&gates->event, ngx_random() % NGX_ADM_GATE_TICK + 1);
}


/* whoever is inside stays so: the process goes on, or is gone for the sweep */

void
ngx_adm_gates_stop(ngx_adm_gates_t *gates)
{
    ngx_adm_gate_own(NULL);

    if (gates->event.timer_set) {
        ngx_del_timer(&gates->event);
    }
}


/* processes of an older configuration have other bounds, and do not tick */

static void
ngx_adm_gates_tick(ngx_event_t *ev)
{
    ngx_uint_t           i;
    ngx_adm_gate_t     **all;
    ngx_adm_gates_t     *gates;
    ngx_adm_gates_sh_t  *sh;

    gates = ev->data;
    sh = gates->sh;

    ngx_add_timer(ev, NGX_ADM_GATE_TICK);
    ngx_adm_gate_beat(sh);

    if (gates->generation < sh->serving
        || !ngx_adm_fleet_turn(&sh->due, NGX_ADM_GATE_TICK)
        || !ngx_adm_gates_begin(sh))
    {
        return;
    }

    if (ngx_adm_fleet_turn(&sh->sweep, NGX_ADM_GATE_SWEEP)) {
        ngx_adm_gate_sweep(sh);
    }

    all = gates->all.elts;

    for (i = 0; i < gates->all.nelts; i++) {
        ngx_adm_gate_tick(all[i]);
    }

    (void) ngx_atomic_cmp_set(&sh->ticking, ngx_pid, 0);
}


/*
 * A turn may come before the last one's process is done, if that one was
 * stopped in the middle.
 */

static ngx_uint_t
ngx_adm_gates_begin(ngx_adm_gates_sh_t *sh)
{
    ngx_atomic_uint_t  seen;

    seen = sh->ticking;

    if (seen
        && seen != (ngx_atomic_uint_t) ngx_pid
        && (ngx_msec_t) (ngx_current_msec - sh->began) < NGX_ADM_GATE_STUCK
        && (kill((ngx_pid_t) seen, 0) == 0 || ngx_errno != ESRCH))
    {
        return 0;
    }

    if (!ngx_atomic_cmp_set(&sh->ticking, seen, ngx_pid)) {
        return 0;
    }

    sh->began = ngx_current_msec;

    return 1;
}


ngx_uint_t
ngx_adm_gate_limited(ngx_adm_gate_t *gate)
{
    return gate->adaptive || gate->concurrency;
}


uint64_t
ngx_adm_gate_room(ngx_adm_gate_t *gate)
{
    uint64_t  share, room;

    if (!ngx_adm_gate_limited(gate)) {
        return NGX_ADM_GATE_NO_LIMIT;
    }

    share = gate->fleet ? gate->sh->share : NGX_ADM_GATE_NO_LIMIT;

    if (share != NGX_ADM_GATE_NO_LIMIT) {
        return share;
    }

    room = gate->adaptive ? adm_load(&gate->sh->adapt.limit) / ADM_ADAPT_UNIT
                          : gate->concurrency;

    /* before the first tick: other nodes may have the rest of it */

    if (gate->fleet) {
        room /= NGX_ADM_GATE_PART;
    }

    return ngx_max(room, 1);
}


ngx_adm_gate_forced_e
ngx_adm_gate_forced(ngx_adm_gate_t *gate)
{
    switch (ngx_adm_setting(gate->forced)) {

    case NGX_ADM_GATE_FORCED_OPEN:
        return NGX_ADM_GATE_FORCED_OPEN;

    case NGX_ADM_GATE_FORCED_CLOSED:
        return NGX_ADM_GATE_FORCED_CLOSED;

    default:                       /* AUTO, or nobody said anything */
        return NGX_ADM_GATE_AUTO;
    }
}


ngx_adm_circuit_e
ngx_adm_gate_circuit(ngx_adm_gate_t *gate)
{
    switch (ngx_adm_gate_forced(gate)) {

    case NGX_ADM_GATE_FORCED_OPEN:
        return NGX_ADM_CIRCUIT_OPEN;

    case NGX_ADM_GATE_FORCED_CLOSED:
        return NGX_ADM_CIRCUIT_CLOSED;

    default:                       /* AUTO: their states have one order */

        /* it is not asked any more, whatever state it was left in */

        if (gate->circuit.failures == 0 && gate->circuit.error_rate == 0) {
            return NGX_ADM_CIRCUIT_CLOSED;
        }

        return (ngx_adm_circuit_e) adm_circuit_state(&gate->sh->circuit,
                                                     ngx_current_msec);
    }
}


uint64_t
ngx_adm_gates_secret(ngx_adm_gates_t *gates)
{
    return gates->sh->secret;
}


ngx_uint_t
ngx_adm_gate_retry(ngx_adm_gate_t *gate, ngx_adm_gate_rc_e rc)
{
    uint64_t  wait;

    if (rc != NGX_ADM_GATE_OPEN) {
        return 1 + ngx_random() % (ngx_adm_gate_spread(gate) + 1);
    }

    if (ngx_adm_gate_forced(gate) == NGX_ADM_GATE_FORCED_OPEN) {
        return NGX_ADM_GATE_HELD + ngx_random() % (NGX_ADM_GATE_HELD + 1);
    }

    if (adm_circuit_look(&gate->sh->circuit, &gate->circuit, ngx_current_msec,
                         &wait)
        == ADM_CIRCUIT_PASS)
    {
        wait = 1000;
    }

    wait += ngx_random() % (wait / 2 + 1);

    return (wait + 999) / 1000;
}


/*
 * Twice as many seconds as requests are offered for each that is served: who
 * was refused comes back at about half the rate that the upstream can serve.
 * A few requests say nothing of that.
 */

static uint64_t
ngx_adm_gate_spread(ngx_adm_gate_t *gate)
{
    uint64_t  served, offered;

    served = gate->sh->served + NGX_ADM_GATE_FEW;
    offered = gate->sh->offered + NGX_ADM_GATE_FEW;

    return ngx_min(2 * offered / served, NGX_ADM_GATE_AWAY - 1);
}


/* thousandths, of this node alone */

static uint64_t
ngx_adm_gate_limit(ngx_adm_gate_t *gate)
{
    if (gate->adaptive) {
        return adm_load(&gate->sh->adapt.limit);
    }

    return gate->concurrency ? gate->concurrency * ADM_ADAPT_UNIT
                             : NGX_ADM_GATE_NO_LIMIT;
}


void
ngx_adm_gate_tell(ngx_adm_gate_t *gate, ngx_adm_gate_told_t *told)
{
    uint64_t            room;
    ngx_uint_t          i, j;
    ngx_adm_gate_sh_t  *sh;

    sh = gate->sh;

    ngx_memzero(told, sizeof(ngx_adm_gate_told_t));

    room = ngx_adm_gate_room(gate);

    told->inside = ngx_adm_gate_inside(gate);
    told->limit = gate->fleet ? ngx_adm_gate_fleet_limit(gate)
                              : ngx_adm_gate_limit(gate);
    told->share = (room == NGX_ADM_GATE_NO_LIMIT) ? room
                                                  : room * ADM_ADAPT_UNIT;
    told->nodes = gate->fleet ? ngx_adm_gate_fleet_nodes(gate) : 1;
    told->forced = ngx_adm_gate_forced(gate);
    told->circuit = ngx_adm_gate_circuit(gate);
    told->opened = sh->opened;
    told->needs = sh->needs;
    told->served = sh->served;
    told->offered = sh->offered;
    told->cut = sh->cut;

    for (i = 0; i < gate->gates->sh->opened; i++) {
        for (j = 0; j < ADM_CUTOFF_LEVELS; j++) {
            told->shed[j] += sh->places[i].shed[j];
            told->offers[j] += sh->places[i].offers[j];
        }
    }
}
