
/*
 * The client of a process: its life, and what it tells.
 */


#include <ngx_adm_redis_client.h>


#define NGX_ADM_REDIS_POOL   1024
#define NGX_ADM_REDIS_LINE   512

/* ms that a line of the log takes, and how many may come at once */

#define NGX_ADM_REDIS_PACE   1000
#define NGX_ADM_REDIS_LINES  3


typedef struct {
    ngx_str_t          word;
    ngx_adm_call_rc_e  rc;
} ngx_adm_redis_error_t;


static ngx_int_t ngx_adm_redis_declare(ngx_adm_redis_t *redis,
    ngx_pool_t *pool, ngx_adm_counters_t *counters);
static void ngx_adm_redis_init_event(ngx_adm_redis_client_t *client,
    ngx_event_t *ev, ngx_event_handler_pt handler);


ngx_str_t  ngx_adm_call_outcomes[NGX_ADM_CALL_OUTCOMES] = {
    ngx_string("ok"),
    ngx_string("timeout"),
    ngx_string("lost"),
    ngx_string("down"),
    ngx_string("open"),
    ngx_string("full"),
    ngx_string("loading"),
    ngx_string("readonly"),
    ngx_string("oom"),
    ngx_string("busy"),
    ngx_string("noscript"),
    ngx_string("misconf"),
    ngx_string("noreplicas"),
    ngx_string("noauth"),
    ngx_string("cluster"),
    ngx_string("wrongtype"),
    ngx_string("error"),
    ngx_string("malformed"),
    ngx_string("cancelled")
};


static ngx_adm_topology_t  *ngx_adm_redis_topologies[] = {
    &ngx_adm_redis_standalone,
    &ngx_adm_redis_sentinel,
    &ngx_adm_redis_cluster
};


/* what errors begin with; any other is ERROR */

static ngx_adm_redis_error_t  ngx_adm_redis_errors[] = {
    { ngx_string("LOADING"), NGX_ADM_CALL_LOADING },
    { ngx_string("READONLY"), NGX_ADM_CALL_READONLY },
    { ngx_string("MASTERDOWN"), NGX_ADM_CALL_READONLY },
    { ngx_string("OOM"), NGX_ADM_CALL_OOM },
    { ngx_string("BUSY"), NGX_ADM_CALL_BUSY },
    { ngx_string("NOSCRIPT"), NGX_ADM_CALL_NOSCRIPT },
    { ngx_string("MISCONF"), NGX_ADM_CALL_MISCONF },
    { ngx_string("NOREPLICAS"), NGX_ADM_CALL_NOREPLICAS },
    { ngx_string("NOAUTH"), NGX_ADM_CALL_NOAUTH },
    { ngx_string("WRONGPASS"), NGX_ADM_CALL_NOAUTH },
    { ngx_string("NOPERM"), NGX_ADM_CALL_NOAUTH },
    { ngx_string("ERR ACL failure in"), NGX_ADM_CALL_NOAUTH },
    { ngx_string("MOVED"), NGX_ADM_CALL_CLUSTER },
    { ngx_string("ASK"), NGX_ADM_CALL_CLUSTER },
    { ngx_string("TRYAGAIN"), NGX_ADM_CALL_CLUSTER },
    { ngx_string("CLUSTERDOWN"), NGX_ADM_CALL_CLUSTER },
    { ngx_string("CROSSSLOT"), NGX_ADM_CALL_CLUSTER },
    { ngx_string("WRONGTYPE"), NGX_ADM_CALL_WRONGTYPE },
    { ngx_null_string, NGX_ADM_CALL_ERROR }
};


ngx_adm_redis_t *
ngx_adm_redis_add(ngx_conf_t *cf, ngx_adm_counters_t *counters)
{
    ngx_adm_redis_t  *redis;

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_adm_redis_t));

    if (redis == NULL
        || ngx_adm_redis_declare(redis, cf->pool, counters) != NGX_OK)
    {
        return NULL;
    }

    return redis;
}


static ngx_int_t
ngx_adm_redis_declare(ngx_adm_redis_t *redis, ngx_pool_t *pool,
    ngx_adm_counters_t *counters)
{
    ngx_str_t   name;
    ngx_uint_t  i;

    for (i = 0; i < NGX_ADM_SCRIPTS; i++) {

        name.len = sizeof("store:") - 1 + ngx_adm_script_names[i].len;

        name.data = ngx_pnalloc(pool, name.len);
        if (name.data == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(name.data, "store:%V", &ngx_adm_script_names[i]);

        redis->calls[i] = ngx_adm_counters_series(counters,
                                                  NGX_ADM_FAMILY_CALLS, &name);
        if (redis->calls[i] == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_str_set(&name, "store");

    redis->seconds = ngx_adm_counters_series(counters,
                                             NGX_ADM_FAMILY_HISTOGRAM, &name);

    return redis->seconds ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_adm_redis_start(ngx_adm_redis_t *redis, ngx_cycle_t *cycle)
{
    ngx_pool_t              *pool;
    ngx_adm_redis_client_t  *client;

    pool = ngx_create_pool(NGX_ADM_REDIS_POOL, cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    client = ngx_pcalloc(pool, sizeof(ngx_adm_redis_client_t));
    if (client == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    client->redis = redis;
    client->conf = &redis->conf;
    client->pool = pool;
    client->log = cycle->log;
    client->topology = ngx_adm_redis_topologies[redis->conf.topology];
    client->said = ngx_current_msec;

    ngx_queue_init(&client->servers);
    ngx_queue_init(&client->due);
    ngx_queue_init(&client->again);

    ngx_adm_redis_init_event(client, &client->expiry, ngx_adm_call_expire);
    ngx_adm_redis_init_event(client, &client->retry, ngx_adm_call_retry);

    ngx_adm_redis_hash_scripts();

    redis->client = client;
    ngx_adm_redis_note(client);

    return client->topology->start(client);
}


static void
ngx_adm_redis_init_event(ngx_adm_redis_client_t *client, ngx_event_t *ev,
    ngx_event_handler_pt handler)
{
    ev->handler = handler;
    ev->data = client;
    ev->log = client->log;
}


void
ngx_adm_redis_stop(ngx_adm_redis_t *redis)
{
    ngx_queue_t             *q;
    ngx_adm_redis_client_t  *client;

    client = redis->client;

    if (client == NULL) {
        return;
    }

    client->stopping = 1;
    client->topology->stop(client);

    while (!ngx_queue_empty(&client->servers)) {
        q = ngx_queue_head(&client->servers);
        ngx_adm_server_destroy(ngx_queue_data(q, ngx_adm_server_t, queue));
    }

    ngx_adm_call_answer_all(&client->again, NGX_ADM_CALL_CLUSTER);

    if (client->expiry.timer_set) {
        ngx_del_timer(&client->expiry);
    }

    if (client->retry.timer_set) {
        ngx_del_timer(&client->retry);
    }

    ngx_adm_gauge_set(NGX_ADM_GAUGE_STORE_DOWN, 0);
    ngx_adm_gauge_set(NGX_ADM_GAUGE_CIRCUIT, NGX_ADM_CIRCUIT_CLOSED);

    redis->client = NULL;
    ngx_destroy_pool(client->pool);
}


ngx_uint_t
ngx_adm_redis_up(ngx_adm_redis_t *redis, ngx_adm_call_rc_e *why)
{
    ngx_queue_t             *q;
    ngx_adm_call_rc_e        rc;
    ngx_adm_redis_client_t  *client;

    client = redis->client;
    *why = NGX_ADM_CALL_DOWN;

    if (client == NULL || client->stopping) {
        return 0;
    }

    for (q = ngx_queue_head(&client->servers);
         q != ngx_queue_sentinel(&client->servers);
         q = ngx_queue_next(q))
    {
        rc = ngx_adm_server_up(ngx_queue_data(q, ngx_adm_server_t, queue));

        if (rc == NGX_ADM_CALL_OK) {
            *why = rc;
            return 1;
        }

        if (rc == NGX_ADM_CALL_OPEN) {
            *why = rc;
        }
    }

    return 0;
}


ngx_uint_t
ngx_adm_redis_epoch(ngx_adm_redis_t *redis)
{
    return redis->client ? redis->client->epoch : 0;
}


/* of several circuits the worst is told: open, then half-open */

void
ngx_adm_redis_note(ngx_adm_redis_client_t *client)
{
    ngx_uint_t          up;
    ngx_queue_t        *q;
    ngx_adm_server_t   *server;
    ngx_adm_circuit_e   circuit;

    up = 0;
    circuit = NGX_ADM_CIRCUIT_CLOSED;

    for (q = ngx_queue_head(&client->servers);
         q != ngx_queue_sentinel(&client->servers);
         q = ngx_queue_next(q))
    {
        server = ngx_queue_data(q, ngx_adm_server_t, queue);

        if (server->circuit == NGX_ADM_CIRCUIT_CLOSED) {
            up |= ngx_adm_server_ready(server);

        } else if (circuit != NGX_ADM_CIRCUIT_OPEN) {
            circuit = server->circuit;
        }
    }

    /* one that exits does not connect again: it speaks for nobody */

    ngx_adm_gauge_set(NGX_ADM_GAUGE_STORE_DOWN, !up && !ngx_exiting);
    ngx_adm_gauge_set(NGX_ADM_GAUGE_CIRCUIT,
                      ngx_exiting ? NGX_ADM_CIRCUIT_CLOSED : circuit);
}


ngx_adm_call_rc_e
ngx_adm_redis_error(ngx_str_t *text)
{
    ngx_adm_redis_error_t  *error;

    for (error = ngx_adm_redis_errors; error->word.len; error++) {

        if (text->len >= error->word.len
            && ngx_memcmp(text->data, error->word.data, error->word.len) == 0
            && (text->len == error->word.len
                || text->data[error->word.len] == ' '))
        {
            break;
        }
    }

    return error->rc;
}


ngx_msec_t
ngx_adm_redis_jitter(ngx_msec_t delay)
{
    return delay + ngx_random() % (delay / 5 + 1);
}


void
ngx_adm_redis_log(ngx_adm_redis_client_t *client, ngx_uint_t level,
    ngx_err_t err, const char *fmt, ...)
{
    u_char     *p, *last;
    va_list     args;
    ngx_msec_t  now;
    u_char      line[NGX_ADM_REDIS_LINE];

    now = ngx_current_msec;

    if ((ngx_msec_int_t) (now - client->said) > 0) {
        client->said = now;
    }

    if (client->said - now > (NGX_ADM_REDIS_LINES - 1) * NGX_ADM_REDIS_PACE) {
        client->unsaid++;
        return;
    }

    client->said += NGX_ADM_REDIS_PACE;

    va_start(args, fmt);
    last = ngx_vslprintf(line, line + NGX_ADM_REDIS_LINE, fmt, args);
    va_end(args);

    /* errors are the words of others */

    for (p = line; p < last; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            *p = '.';
        }
    }

    if (client->unsaid) {
        last = ngx_slprintf(last, line + NGX_ADM_REDIS_LINE,
                            " (%ui more)", client->unsaid);
        client->unsaid = 0;
    }

    ngx_log_error(level, client->log, err, "%*s", (size_t) (last - line),
                  line);
}
