
/*
 * Keys of a node: their memory, their mutex, and their file.
 */


#include <ngx_adm_keytab.h>
#include <ngx_adm_line.h>
#include <adm_keytab.h>
#include <openssl/rand.h>


/* changes with what a copy is */
#define NGX_ADM_KEYTAB_COPY     1

/* bytes that are copied while the mutex is held, about */
#define NGX_ADM_KEYTAB_COPIED   (8 * 1024)

/* a tick looks at so many places, so many at once */
#define NGX_ADM_KEYTAB_SWEPT    16384
#define NGX_ADM_KEYTAB_LOOK     128

/* s; the longest that a key is kept */
#define NGX_ADM_KEYTAB_TTL      (10 * 365 * 86400)


/* a cycle's view */

struct ngx_adm_keytab_s {
    ngx_shm_zone_t        *shm_zone;
    ngx_slab_pool_t       *shpool;
    adm_keytab_t           table;      /* once the memory is there */
    ngx_adm_state_t       *state;      /* NULL: nothing is brought back */
    ngx_adm_state_part_t   kept;
};


static ngx_int_t ngx_adm_keytab_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_adm_keytab_lay_out(ngx_adm_keytab_t *keytab);
static ngx_int_t ngx_adm_keytab_restore(ngx_adm_keytab_t *keytab);
static int ngx_adm_keytab_lives(uint32_t owner);
static void ngx_adm_keytab_lock(ngx_adm_keytab_t *keytab);
static void ngx_adm_keytab_unlock(ngx_adm_keytab_t *keytab);
static ngx_int_t ngx_adm_keytab_copy(ngx_adm_keytab_t *keytab,
    ngx_adm_command_t *command, adm_key_t *seen, uint32_t at);
static void ngx_adm_keytab_done(ngx_adm_keytab_t *keytab,
    ngx_adm_checkout_t *checkout);
static uint64_t ngx_adm_keytab_version(void *data);
static size_t ngx_adm_keytab_measure(void *data);
static ssize_t ngx_adm_keytab_pack(void *data, void *copy, size_t size);


/* by adm_key_rc_e */

static ngx_adm_key_rc_e  ngx_adm_keytab_said[] = {
    NGX_ADM_KEY_NEW,
    NGX_ADM_KEY_RUNNING,
    NGX_ADM_KEY_OUTCOME_UNKNOWN,
    NGX_ADM_KEY_DONE,
    NGX_ADM_KEY_DONE_UNKEPT,
    NGX_ADM_KEY_MISMATCH,
    NGX_ADM_KEY_FULL
};


ngx_adm_keytab_t *
ngx_adm_keytab_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    size_t             running;
    ngx_adm_keytab_t  *keytab;

    keytab = ngx_pcalloc(cf->pool, sizeof(ngx_adm_keytab_t));
    if (keytab == NULL) {
        return NULL;
    }

    running = ngx_adm_zone_running_size(cf, name, tag);
    size = ngx_max(size, 2 * ADM_KEYTAB_MIN);

    keytab->shm_zone = ngx_shared_memory_add(cf, name,
                                             running ? running : size, tag);
    if (keytab->shm_zone == NULL) {
        return NULL;
    }

    keytab->shm_zone->init = ngx_adm_keytab_init;
    keytab->shm_zone->data = keytab;

    return keytab;
}


ngx_int_t
ngx_adm_keytab_keep(ngx_adm_keytab_t *keytab, ngx_adm_state_t *state)
{
    ngx_adm_state_part_t  *part;

    keytab->state = state;
    part = &keytab->kept;

    ngx_str_set(&part->name, "keys");

    part->layout = NGX_ADM_KEYTAB_COPY;
    part->data = keytab;
    part->version = ngx_adm_keytab_version;
    part->measure = ngx_adm_keytab_measure;
    part->pack = ngx_adm_keytab_pack;

    return ngx_adm_state_part(state, part);
}


static ngx_int_t
ngx_adm_keytab_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t         made;
    ngx_adm_keytab_t  *keytab;

    keytab = shm_zone->data;
    keytab->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    made = (data == NULL && !shm_zone->shm.exists);

    if (made && ngx_adm_keytab_lay_out(keytab) != NGX_OK) {
        return NGX_ERROR;
    }

    if (adm_keytab_attach(&keytab->table, keytab->shpool->data,
                          ngx_adm_keytab_lives)
        != ADM_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "memory \"%V\" was laid out by another version "
                      "of the module, nginx has to be restarted",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    return (made && keytab->state) ? ngx_adm_keytab_restore(keytab) : NGX_OK;
}


/* takes all that the slab allocator has: nobody allocates here again */

static ngx_int_t
ngx_adm_keytab_lay_out(ngx_adm_keytab_t *keytab)
{
    size_t            size;
    u_char            secret[16];
    ngx_slab_pool_t  *shpool;

    shpool = keytab->shpool;
    size = shpool->pfree * ngx_pagesize;

    shpool->data = ngx_slab_alloc(shpool, size);
    shpool->log_nomem = 0;

    if (shpool->data == NULL) {
        return NGX_ERROR;
    }

    if (RAND_bytes(secret, sizeof(secret)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, keytab->shm_zone->shm.log, 0,
                      "RAND_bytes() failed for memory \"%V\"",
                      &keytab->shm_zone->shm.name);
        return NGX_ERROR;
    }

    adm_keytab_init(shpool->data, size, secret);

    return NGX_OK;
}


static ngx_int_t
ngx_adm_keytab_restore(ngx_adm_keytab_t *keytab)
{
    int        rc;
    ngx_int_t  read;
    ngx_str_t  copy;

    read = ngx_adm_state_read_all(keytab->state, &keytab->kept, &copy);

    if (read != NGX_OK) {
        return (read == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    rc = adm_keytab_restore(&keytab->table, copy.data, copy.len, ngx_time());

    ngx_free(copy.data);

    if (rc != ADM_OK) {
        ngx_log_error(NGX_LOG_EMERG, keytab->shm_zone->shm.log, 0,
                      "the keys kept in \"%V/%V\" do not fit into memory "
                      "\"%V\" of %uz bytes: its zone has to be as large as "
                      "it was; with the file moved away they are lost, and "
                      "requests with them are executed again",
                      &keytab->state->path->name, &keytab->kept.name,
                      &keytab->shm_zone->shm.name,
                      keytab->shm_zone->shm.size);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static int
ngx_adm_keytab_lives(uint32_t owner)
{
    return (ngx_pid_t) owner == ngx_pid
           || kill((ngx_pid_t) owner, 0) == 0 || ngx_errno != ESRCH;
}


static void
ngx_adm_keytab_lock(ngx_adm_keytab_t *keytab)
{
    ngx_shmtx_lock(&keytab->shpool->mutex);

    adm_keytab_recover(&keytab->table);
}


static void
ngx_adm_keytab_unlock(ngx_adm_keytab_t *keytab)
{
    ngx_shmtx_unlock(&keytab->shpool->mutex);
}


void
ngx_adm_keytab_take(ngx_adm_keytab_t *keytab, ngx_adm_command_t *command)
{
    uint32_t             at;
    adm_key_t            seen;
    adm_key_rc_e         rc;
    adm_key_ask_t        ask;
    ngx_adm_checkout_t  *checkout;

    checkout = command->checkout;

    ask.hash = checkout->key;
    ask.print = checkout->fingerprint;
    ask.fence = checkout->id;
    ask.owner = ngx_pid;
    ask.ttl = ngx_min(checkout->ttl, NGX_ADM_KEYTAB_TTL);
    ask.peek = command->peek || command->shadow;

    do {
        ngx_adm_keytab_lock(keytab);
        rc = adm_keytab_take(&keytab->table, &ask, ngx_time(), &seen, &at);
        ngx_adm_keytab_unlock(keytab);

        command->key_said = ngx_adm_keytab_said[rc];

        if (rc == ADM_KEY_RUNNING) {
            command->wait = checkout->lock;
        }

        if (rc == ADM_KEY_UNKEPT || rc == ADM_KEY_DONE) {
            command->status = seen.status;
        }

        /* what has gone while it was copied is asked for anew */

    } while (rc == ADM_KEY_DONE
             && ngx_adm_keytab_copy(keytab, command, &seen, at) != NGX_OK);
}


static ngx_int_t
ngx_adm_keytab_copy(ngx_adm_keytab_t *keytab, ngx_adm_command_t *command,
    adm_key_t *seen, uint32_t at)
{
    u_char  *p;

    p = ngx_pnalloc(command->trip->pool, seen->len ? seen->len : 1);

    if (p == NULL) {
        command->key_said = NGX_ADM_KEY_DONE_UNKEPT;
        return NGX_OK;
    }

    command->kept.len = seen->len;
    command->kept.data = p;

    return adm_keytab_read(&keytab->table, seen, at, p) ? NGX_OK : NGX_AGAIN;
}


void
ngx_adm_keytab_admit(ngx_adm_keytab_t *keytab, ngx_adm_checkout_t *checkout)
{
    ngx_adm_keytab_lock(keytab);
    adm_keytab_admit(&keytab->table, checkout->key, checkout->id);
    ngx_adm_keytab_unlock(keytab);
}


void
ngx_adm_keytab_end(ngx_adm_keytab_t *keytab, ngx_adm_checkout_t *checkout)
{
    if (checkout->key_end == NGX_ADM_KEY_KEEP) {
        ngx_adm_keytab_done(keytab, checkout);
        return;
    }

    ngx_adm_keytab_lock(keytab);

    if (checkout->key_end == NGX_ADM_KEY_UNKNOWN) {
        adm_keytab_lose(&keytab->table, checkout->key, checkout->id,
                        ngx_time());

    } else {
        adm_keytab_free(&keytab->table, checkout->key, checkout->id);
    }

    ngx_adm_keytab_unlock(keytab);
}


/*
 * Cells are the key's before they are filled, and are filled before they are
 * shown: by then nobody else looks at them, and they are free again if this
 * process dies.
 */

static void
ngx_adm_keytab_done(ngx_adm_keytab_t *keytab, ngx_adm_checkout_t *checkout)
{
    int         rc;
    uint32_t    first;
    ngx_str_t  *response;

    response = &checkout->response;
    rc = response->data ? 0 : ADM_ERROR;

    while (rc == 0) {
        ngx_adm_keytab_lock(keytab);
        rc = adm_keytab_grow(&keytab->table, checkout->key, checkout->id,
                             response->len, &first);
        ngx_adm_keytab_unlock(keytab);
    }

    if (rc == 1) {
        adm_keytab_write(&keytab->table, first, response->data, response->len);
    }

    ngx_adm_keytab_lock(keytab);
    adm_keytab_done(&keytab->table, checkout->key, checkout->id,
                    checkout->status, response->len, rc == 1, ngx_time());
    ngx_adm_keytab_unlock(keytab);
}


ngx_adm_told_e
ngx_adm_keytab_forget(ngx_adm_keytab_t *keytab, u_char *key)
{
    adm_key_rc_e  rc;

    ngx_adm_keytab_lock(keytab);
    rc = adm_keytab_forget(&keytab->table, key, ngx_time());
    ngx_adm_keytab_unlock(keytab);

    return (rc == ADM_KEY_NEW) ? NGX_ADM_TOLD_NONE
           : (rc == ADM_KEY_RUNNING) ? NGX_ADM_TOLD_RUNNING : NGX_ADM_TOLD_OK;
}


void
ngx_adm_keytab_tick(ngx_adm_keytab_t *keytab)
{
    ngx_uint_t          n;
    adm_keytab_stats_t  stats;

    adm_keytab_stats(&keytab->table, &stats);

    if (stats.used == 0 || !adm_keytab_turn(&keytab->table, ngx_time())) {
        return;
    }

    for (n = ngx_min(stats.places, NGX_ADM_KEYTAB_SWEPT);
         n > 0;
         n -= ngx_min(n, NGX_ADM_KEYTAB_LOOK))
    {
        ngx_adm_keytab_lock(keytab);
        adm_keytab_sweep(&keytab->table, ngx_time(), NGX_ADM_KEYTAB_LOOK);
        ngx_adm_keytab_unlock(keytab);
    }
}


void
ngx_adm_keytab_used(ngx_adm_keytab_t *keytab, uint64_t *used,
    uint64_t *places, uint64_t *full)
{
    adm_keytab_stats_t  stats;

    adm_keytab_stats(&keytab->table, &stats);

    *used = stats.used;
    *places = stats.places;
    *full = stats.full;
}


void
ngx_adm_keytab_answers(ngx_adm_keytab_t *keytab, uint64_t *used,
    uint64_t *places, uint64_t *full)
{
    adm_keytab_stats_t  stats;

    adm_keytab_stats(&keytab->table, &stats);

    *used = stats.cells_used;
    *places = stats.cells;
    *full = stats.unkept;
}


static uint64_t
ngx_adm_keytab_version(void *data)
{
    ngx_adm_keytab_t  *keytab = data;

    return adm_keytab_version(&keytab->table);
}


static size_t
ngx_adm_keytab_measure(void *data)
{
    ngx_adm_keytab_t  *keytab = data;

    return adm_keytab_measure(&keytab->table);
}


static ssize_t
ngx_adm_keytab_pack(void *data, void *copy, size_t size)
{
    ngx_adm_keytab_t  *keytab = data;

    size_t    len;
    int64_t   n;
    uint32_t  at;

    len = 0;
    at = 1;

    do {
        ngx_adm_keytab_lock(keytab);
        n = adm_keytab_pack(&keytab->table, &at, NGX_ADM_KEYTAB_COPIED,
                            (u_char *) copy + len, size - len);
        ngx_adm_keytab_unlock(keytab);

        if (n == ADM_ERROR) {
            return NGX_ERROR;
        }

        len += n;

    } while (at);

    return len;
}
