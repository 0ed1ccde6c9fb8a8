
/*
 * Calls: their words, their deadlines, and what becomes of their replies.
 */


#include <ngx_adm_redis_client.h>
#include <ngx_adm_clock.h>


#define NGX_ADM_CALL_POOL    1024
#define NGX_ADM_CALL_KEYS    4
#define NGX_ADM_CALL_ARGS    8

/* ms, until a slot that moves may have arrived, or a link is made again */

#define NGX_ADM_CALL_RETRY   5

/* ms, by which a timer goes off too late in a worker that could not run, and
   what it then gives to those that it could not send in time */

#define NGX_ADM_CALL_STALL   10
#define NGX_ADM_CALL_GRACE   5


static void ngx_adm_call_lost(ngx_adm_call_t *call, ngx_uint_t sent);
static void ngx_adm_call_failed(ngx_adm_call_t *call, ngx_adm_link_t *link,
    ngx_str_t *error);
static void ngx_adm_call_eval(ngx_adm_call_t *call, ngx_adm_link_t *link);
static void ngx_adm_call_late(ngx_adm_call_t *call, ngx_adm_value_t *value);
static ngx_adm_call_t *ngx_adm_call_overdue(ngx_adm_redis_client_t *client);
static void ngx_adm_call_look(ngx_adm_redis_client_t *client);
static void ngx_adm_call_timeout(ngx_adm_call_t *call);
static void ngx_adm_call_undue(ngx_adm_call_t *call);
static void ngx_adm_call_wake(ngx_adm_redis_client_t *client);
static void ngx_adm_call_end(ngx_adm_call_t *call);


ngx_adm_call_t *
ngx_adm_call_create(ngx_adm_redis_t *redis, ngx_adm_script_e script,
    ngx_msec_t timeout)
{
    ngx_pool_t      *pool;
    ngx_adm_call_t  *call;

    pool = ngx_create_pool(NGX_ADM_CALL_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    call = ngx_pcalloc(pool, sizeof(ngx_adm_call_t));

    if (call == NULL
        || ngx_array_init(&call->keys, pool, NGX_ADM_CALL_KEYS,
                          sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&call->args, pool, NGX_ADM_CALL_ARGS,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    call->pool = pool;
    call->redis = redis;
    call->script = script;
    call->timeout = timeout;
    call->back = (script == NGX_ADM_SCRIPT_RATE_BACK);
    call->turn.handler = ngx_adm_call_told;
    call->turn.data = call;

    return call;
}


ngx_int_t
ngx_adm_call_key(ngx_adm_call_t *call, ngx_str_t *key)
{
    ngx_str_t  *word;

    word = ngx_array_push(&call->keys);
    if (word == NULL) {
        return NGX_ERROR;
    }

    *word = *key;

    return NGX_OK;
}


ngx_int_t
ngx_adm_call_text(ngx_adm_call_t *call, u_char *data, size_t len)
{
    ngx_str_t  *word;

    word = ngx_array_push(&call->args);
    if (word == NULL) {
        return NGX_ERROR;
    }

    word->len = len;
    word->data = data;

    return NGX_OK;
}


ngx_int_t
ngx_adm_call_number(ngx_adm_call_t *call, int64_t number)
{
    u_char  *p;

    p = ngx_pnalloc(call->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_adm_call_text(call, p, ngx_sprintf(p, "%L", number) - p);
}


ngx_int_t
ngx_adm_call_send(ngx_adm_call_t *call)
{
    ngx_adm_server_t        *server;
    ngx_adm_redis_client_t  *client;

    client = call->redis->client;
    server = NULL;

    call->rc = NGX_ADM_CALL_DOWN;
    call->sent = ngx_adm_clock();

    if (client && !client->stopping) {
        server = client->topology->route(client, call);
    }

    if (server == NULL || ngx_adm_server_send(server, call) != NGX_OK) {
        ngx_adm_count(call->redis->calls[call->script], call->rc);
        return NGX_DECLINED;
    }

    ngx_adm_call_take(client, call);

    return NGX_OK;
}


/* few differ in their time, so that the place is near the end */

void
ngx_adm_call_take(ngx_adm_redis_client_t *client, ngx_adm_call_t *call)
{
    ngx_queue_t     *q;
    ngx_adm_call_t  *other;

    call->deadline = ngx_current_msec + call->timeout;

    for (q = ngx_queue_last(&client->due);
         q != ngx_queue_sentinel(&client->due);
         q = ngx_queue_prev(q))
    {
        other = ngx_queue_data(q, ngx_adm_call_t, due);

        if ((ngx_msec_int_t) (other->deadline - call->deadline) <= 0) {
            break;
        }
    }

    ngx_queue_insert_after(q, &call->due);
    client->expiry.cancelable = 0;

    ngx_adm_gauge_add(NGX_ADM_GAUGE_CALLS, 1);
    ngx_adm_call_wake(client);
}


/* a worker that exits waits for those that are under way, and no longer */

static void
ngx_adm_call_undue(ngx_adm_call_t *call)
{
    ngx_adm_redis_client_t  *client;

    client = call->redis->client;

    ngx_queue_remove(&call->due);
    client->expiry.cancelable = ngx_queue_empty(&client->due);
}


/*
 * The timer stays when the first call is answered, and goes off in vain; it
 * is moved only forward, and not by nginx, which would be lazy about it.
 */

static void
ngx_adm_call_wake(ngx_adm_redis_client_t *client)
{
    ngx_event_t     *expiry;
    ngx_adm_call_t  *call;
    ngx_msec_int_t   left;

    if (ngx_queue_empty(&client->due) || client->grace) {
        return;
    }

    expiry = &client->expiry;

    call = ngx_queue_data(ngx_queue_head(&client->due), ngx_adm_call_t, due);

    if (expiry->timer_set) {

        if ((ngx_msec_int_t) (call->deadline - expiry->timer.key) >= 0) {
            return;
        }

        ngx_del_timer(expiry);
    }

    left = (ngx_msec_int_t) (call->deadline - ngx_current_msec);

    ngx_add_timer(expiry, (ngx_msec_t) ngx_max(left, 0));
}


/*
 * A worker that could not run for a while finds its deadlines met, and
 * replies that were in time: they go first.  What it sent only at the end of
 * that while gets a moment more, once.
 */

void
ngx_adm_call_expire(ngx_event_t *ev)
{
    ngx_uint_t               stalled;
    ngx_adm_call_t          *call;
    ngx_adm_redis_client_t  *client;

    client = ev->data;
    call = ngx_adm_call_overdue(client);

    stalled = call && !client->grace
              && ngx_current_msec - call->deadline >= NGX_ADM_CALL_STALL;

    if (call) {
        ngx_adm_call_look(client);
        call = ngx_adm_call_overdue(client);
    }

    if (call && stalled) {
        client->grace = 1;

        if (ev->timer_set) {
            ngx_del_timer(ev);
        }

        ngx_add_timer(ev, NGX_ADM_CALL_GRACE);
        return;
    }

    client->grace = 0;

    while (call) {
        ngx_adm_call_timeout(call);
        call = ngx_adm_call_overdue(client);
    }

    ngx_adm_call_wake(client);
}


static ngx_adm_call_t *
ngx_adm_call_overdue(ngx_adm_redis_client_t *client)
{
    ngx_adm_call_t  *call;

    if (ngx_queue_empty(&client->due)) {
        return NULL;
    }

    call = ngx_queue_data(ngx_queue_head(&client->due), ngx_adm_call_t, due);

    return (ngx_msec_int_t) (call->deadline - ngx_current_msec) > 0 ? NULL
                                                                    : call;
}


static void
ngx_adm_call_look(ngx_adm_redis_client_t *client)
{
    ngx_uint_t         i;
    ngx_queue_t       *q;
    ngx_adm_server_t  *server;

    for (q = ngx_queue_head(&client->servers);
         q != ngx_queue_sentinel(&client->servers);
         q = ngx_queue_next(q))
    {
        server = ngx_queue_data(q, ngx_adm_server_t, queue);

        for (i = 0; i < client->conf->connections; i++) {

            if (server->links[i].conn.pending) {
                ngx_adm_conn_look(&server->links[i].conn);
            }
        }
    }
}


/* its turn remains: its reply may come yet */

static void
ngx_adm_call_timeout(ngx_adm_call_t *call)
{
    ngx_adm_link_t  *link;

    link = call->link;

    if (link == NULL) {
        ngx_queue_remove(&call->turn.queue);
        ngx_adm_call_answer(call, call->rc, NULL);
        return;
    }

    ngx_adm_call_undue(call);

    call->over = 1;
    call->rc = NGX_ADM_CALL_TIMEOUT;

    ngx_adm_count(call->redis->calls[call->script], call->rc);
    ngx_adm_server_stalled(link->server, &call->turn, link->conn.heard);

    call->handler(call, NULL);
}


void
ngx_adm_call_cancel(ngx_adm_call_t *call)
{
    if (call->over) {
        return;
    }

    call->over = 1;
    ngx_adm_call_undue(call);

    ngx_adm_count(call->redis->calls[call->script], NGX_ADM_CALL_CANCELLED);

    if (call->link == NULL) {
        ngx_queue_remove(&call->turn.queue);
        ngx_adm_call_end(call);
    }
}


void
ngx_adm_call_told(ngx_adm_turn_t *turn, ngx_adm_value_t *value)
{
    ngx_adm_call_t  *call;
    ngx_adm_link_t  *link;

    call = turn->data;
    link = call->link;

    if (value == NULL) {
        ngx_adm_call_lost(call, ngx_adm_conn_sent(&link->conn, turn));
        return;
    }

    ngx_adm_server_good(link->server);

    if (!call->over) {
        ngx_adm_observe(call->redis->seconds, ngx_adm_clock() - call->sent);
    }

    if (value->type == NGX_ADM_VALUE_ERROR) {
        ngx_adm_call_failed(call, link, &value->text);

    } else if (call->over) {
        ngx_adm_call_late(call, value);

    } else {
        ngx_adm_call_answer(call, NGX_ADM_CALL_OK, value);
    }
}


/* one that did not go out has not run: it may go by the next connection */

static void
ngx_adm_call_lost(ngx_adm_call_t *call, ngx_uint_t sent)
{
    if (call->over) {
        ngx_adm_call_end(call);

    } else if (sent) {
        ngx_adm_call_answer(call, NGX_ADM_CALL_LOST, NULL);

    } else if (call->redis->client->stopping
               || call->script == NGX_ADM_SCRIPT_PROBE)
    {
        /* a probe is of its own server, which may be gone next */

        ngx_adm_call_answer(call, NGX_ADM_CALL_DOWN, NULL);

    } else {
        ngx_adm_call_again(call, NGX_ADM_CALL_DOWN);
    }
}


static void
ngx_adm_call_failed(ngx_adm_call_t *call, ngx_adm_link_t *link,
    ngx_str_t *error)
{
    ngx_adm_call_rc_e        rc;
    ngx_adm_redis_client_t  *client;

    client = link->server->client;
    rc = ngx_adm_redis_error(error);

    if (rc == NGX_ADM_CALL_LOADING) {
        ngx_adm_link_rest(link);
    }

    if (rc == NGX_ADM_CALL_READONLY) {
        ngx_adm_server_drop(link->server, "is no master any more");
    }

    if (rc == NGX_ADM_CALL_NOAUTH) {
        ngx_adm_redis_log(client, NGX_LOG_CRIT, 0, "redis \"%V\": %*s",
                          &link->server->name, error->len, error->data);
    }

    if (call->over) {
        ngx_adm_call_end(call);
        return;
    }

    if (rc == NGX_ADM_CALL_NOSCRIPT && !call->eval) {
        ngx_adm_call_eval(call, link);
        return;
    }

    if (rc == NGX_ADM_CALL_CLUSTER && call->script != NGX_ADM_SCRIPT_PROBE
        && client->topology->redirect
        && client->topology->redirect(call, error) == NGX_OK)
    {
        return;
    }

    ngx_adm_call_answer(call, rc, NULL);
}


static void
ngx_adm_call_eval(ngx_adm_call_t *call, ngx_adm_link_t *link)
{
    call->eval = 1;

    if (ngx_adm_link_send(link, call) != NGX_OK) {
        ngx_adm_call_answer(call, call->rc, NULL);
    }
}


static void
ngx_adm_call_late(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    if (call->late) {
        call->rc = NGX_ADM_CALL_OK;
        call->late(call, value);
    }

    ngx_adm_call_end(call);
}


void
ngx_adm_call_answer(ngx_adm_call_t *call, ngx_adm_call_rc_e rc,
    ngx_adm_value_t *value)
{
    ngx_adm_call_undue(call);

    call->over = 1;
    call->rc = rc;

    call->handler(call, value);

    ngx_adm_count(call->redis->calls[call->script], call->rc);
    ngx_adm_call_end(call);
}


ngx_adm_call_t *
ngx_adm_call_next(ngx_queue_t *calls)
{
    ngx_queue_t     *q;
    ngx_adm_turn_t  *turn;

    if (ngx_queue_empty(calls)) {
        return NULL;
    }

    q = ngx_queue_head(calls);
    ngx_queue_remove(q);

    turn = ngx_queue_data(q, ngx_adm_turn_t, queue);

    return turn->data;
}


void
ngx_adm_call_answer_all(ngx_queue_t *waiting, ngx_adm_call_rc_e rc)
{
    ngx_queue_t      calls;
    ngx_adm_call_t  *call;

    ngx_adm_call_move(&calls, waiting);

    for ( ;; ) {
        call = ngx_adm_call_next(&calls);

        if (call == NULL) {
            return;
        }

        ngx_adm_call_answer(call, rc, NULL);
    }
}


void
ngx_adm_call_move(ngx_queue_t *to, ngx_queue_t *from)
{
    ngx_queue_init(to);

    if (!ngx_queue_empty(from)) {
        ngx_queue_add(to, from);
        ngx_queue_init(from);
    }
}


void
ngx_adm_call_again(ngx_adm_call_t *call, ngx_adm_call_rc_e rc)
{
    ngx_adm_redis_client_t  *client;

    client = call->redis->client;

    call->rc = rc;
    call->link = NULL;

    ngx_queue_insert_tail(&client->again, &call->turn.queue);

    if (!client->retry.timer_set) {
        ngx_add_timer(&client->retry, NGX_ADM_CALL_RETRY);
    }
}


void
ngx_adm_call_retry(ngx_event_t *ev)
{
    ngx_queue_t              again;
    ngx_adm_call_t          *call;
    ngx_adm_server_t        *server;
    ngx_adm_redis_client_t  *client;

    client = ev->data;

    ngx_adm_call_move(&again, &client->again);

    for ( ;; ) {
        call = ngx_adm_call_next(&again);

        if (call == NULL) {
            return;
        }

        server = client->topology->route(client, call);

        if (server == NULL || ngx_adm_server_send(server, call) != NGX_OK) {
            ngx_adm_call_answer(call, call->rc, NULL);
        }
    }
}


static void
ngx_adm_call_end(ngx_adm_call_t *call)
{
    ngx_adm_gauge_add(NGX_ADM_GAUGE_CALLS, -1);
    ngx_adm_call_free(call);
}


void
ngx_adm_call_free(ngx_adm_call_t *call)
{
    ngx_destroy_pool(call->pool);
}
