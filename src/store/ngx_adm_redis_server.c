
/*
 * Servers: which link takes a call, when one is opened, and the circuit.
 *
 * A server whose circuit is open is not connected to.  Half-open it is, or if
 * a link has remained, a script is run there that does nothing.
 */


#include <ngx_adm_redis_client.h>
#include <ngx_adm_clock.h>


/* ms: the first delay before connecting again, and the last; how long a link
   has to live for the delay to be short again */

#define NGX_ADM_SERVER_DELAY      20
#define NGX_ADM_SERVER_MAX_DELAY  2000
#define NGX_ADM_SERVER_STEADY     2000

/* ms, before the log is told again why a server is not there */

#define NGX_ADM_SERVER_SAID       60000

/* ms, between two looks whether one that leaves has answered all */

#define NGX_ADM_SERVER_LEAVE      100


static void ngx_adm_server_init_links(ngx_adm_server_t *server);
static void ngx_adm_server_init_event(ngx_adm_server_t *server,
    ngx_event_t *ev, ngx_event_handler_pt handler);
static void ngx_adm_server_connect(ngx_event_t *ev);
static void ngx_adm_server_open_link(ngx_adm_server_t *server);
static ngx_adm_link_t *ngx_adm_server_missing(ngx_adm_server_t *server);
static void ngx_adm_server_closed(ngx_adm_conn_t *conn);
static void ngx_adm_server_complain(ngx_adm_server_t *server,
    ngx_adm_conn_t *conn);
static void ngx_adm_server_miss(ngx_adm_server_t *server, ngx_uint_t failed);
static void ngx_adm_server_schedule(ngx_adm_server_t *server);
static ngx_uint_t ngx_adm_server_coming(ngx_adm_server_t *server);
static ngx_int_t ngx_adm_server_wait(ngx_adm_server_t *server,
    ngx_adm_call_t *call);
static void ngx_adm_server_serve(ngx_adm_server_t *server);
static void ngx_adm_server_bad(ngx_adm_server_t *server);
static void ngx_adm_server_break(ngx_adm_server_t *server);
static void ngx_adm_server_half_open(ngx_event_t *ev);
static void ngx_adm_server_probe(ngx_adm_server_t *server);
static void ngx_adm_server_probed(ngx_adm_call_t *call,
    ngx_adm_value_t *value);
static void ngx_adm_server_success(ngx_adm_server_t *server);
static void ngx_adm_server_leave_last(ngx_adm_server_t *server);


ngx_adm_server_t *
ngx_adm_server_create(ngx_adm_redis_client_t *client, void *data)
{
    size_t             links;
    ngx_adm_server_t  *server;

    links = client->conf->connections * sizeof(ngx_adm_link_t);

    server = ngx_calloc(sizeof(ngx_adm_server_t) + links, client->log);
    if (server == NULL) {
        return NULL;
    }

    server->client = client;
    server->data = data;
    server->links = (ngx_adm_link_t *) &server[1];
    server->delay = NGX_ADM_SERVER_DELAY;
    server->open = client->conf->open;

    ngx_str_set(&server->name, "");
    ngx_queue_init(&server->waiting);

    ngx_adm_server_init_links(server);
    ngx_adm_server_init_event(server, &server->connect,
                              ngx_adm_server_connect);
    ngx_adm_server_init_event(server, &server->half, ngx_adm_server_half_open);

    ngx_queue_insert_tail(&client->servers, &server->queue);

    ngx_add_timer(&server->connect, 0);

    return server;
}


static void
ngx_adm_server_init_links(ngx_adm_server_t *server)
{
    ngx_uint_t               i;
    ngx_adm_link_t          *link;
    ngx_adm_redis_client_t  *client;

    client = server->client;

    for (i = 0; i < client->conf->connections; i++) {

        link = &server->links[i];

        ngx_adm_conn_init(&link->conn, client->conf, client->log);

        link->server = server;
        link->conn.data = link;
        link->conn.opened = ngx_adm_link_greet;
        link->conn.closed = ngx_adm_server_closed;
    }
}


/* a worker that exits does not wait for it */

static void
ngx_adm_server_init_event(ngx_adm_server_t *server, ngx_event_t *ev,
    ngx_event_handler_pt handler)
{
    ev->handler = handler;
    ev->data = server;
    ev->log = server->client->log;
    ev->cancelable = 1;
}


void
ngx_adm_server_destroy(ngx_adm_server_t *server)
{
    ngx_uint_t           i;
    ngx_adm_topology_t  *topology;

    server->closing = 1;

    topology = server->client->topology;

    if (topology->forget) {
        topology->forget(server);
    }

    if (server->connect.timer_set) {
        ngx_del_timer(&server->connect);
    }

    if (server->half.timer_set) {
        ngx_del_timer(&server->half);
    }

    for (i = 0; i < server->client->conf->connections; i++) {
        ngx_adm_conn_close(&server->links[i].conn, NULL, 0);
    }

    ngx_adm_server_release(server, NGX_ADM_CALL_DOWN);

    if (topology->gone) {
        topology->gone(server);
    }

    ngx_queue_remove(&server->queue);
    ngx_free(server);
}


/* not at once: what is answered just now may be a call of its own */

void
ngx_adm_server_leave(ngx_adm_server_t *server)
{
    if (server->closing) {
        return;
    }

    server->closing = 1;

    if (server->half.timer_set) {
        ngx_del_timer(&server->half);
    }

    if (server->connect.timer_set) {
        ngx_del_timer(&server->connect);
    }

    ngx_add_timer(&server->connect, 0);
}


static void
ngx_adm_server_leave_last(ngx_adm_server_t *server)
{
    ngx_uint_t               i;
    ngx_adm_call_t          *call;
    ngx_adm_redis_client_t  *client;

    client = server->client;

    /* what waited for it is another's now */

    for ( ;; ) {
        call = ngx_adm_call_next(&server->waiting);

        if (call == NULL) {
            break;
        }

        ngx_adm_call_again(call, NGX_ADM_CALL_DOWN);
    }

    for (i = 0; i < client->conf->connections; i++) {

        if (server->links[i].conn.pending) {
            ngx_add_timer(&server->connect, NGX_ADM_SERVER_LEAVE);
            return;
        }
    }

    ngx_adm_server_destroy(server);
    ngx_adm_redis_note(client);
}


static void
ngx_adm_server_connect(ngx_event_t *ev)
{
    ngx_int_t            rc;
    ngx_adm_server_t    *server;
    ngx_adm_topology_t  *topology;

    server = ev->data;

    if (server->closing) {
        ngx_adm_server_leave_last(server);
        return;
    }

    if (server->opening || server->resolving
        || ngx_adm_server_missing(server) == NULL)
    {
        return;
    }

    topology = server->client->topology;

    server->asked = ngx_current_msec;
    server->resolving = 1;
    rc = topology->resolve(server);

    if (rc != NGX_AGAIN) {
        ngx_adm_server_resolved(server, rc);
    }
}


void
ngx_adm_server_resolved(ngx_adm_server_t *server, ngx_int_t rc)
{
    server->resolving = 0;

    if (server->closing) {
        return;
    }

    if (rc != NGX_OK) {
        server->attempts++;
        ngx_adm_server_miss(server, 1);
        return;
    }

    ngx_adm_server_open_link(server);
}


static void
ngx_adm_server_open_link(ngx_adm_server_t *server)
{
    ngx_adm_link_t  *link;

    link = ngx_adm_server_missing(server);

    if (link == NULL) {
        return;
    }

    link->rc = NGX_ADM_CALL_OK;
    server->opening = link;

    if (ngx_adm_conn_open(&link->conn, server->addr, &server->host) != NGX_OK)
    {
        ngx_adm_server_lost(server, link);
    }
}


/* a link that is to be opened; NULL: all are */

static ngx_adm_link_t *
ngx_adm_server_missing(ngx_adm_server_t *server)
{
    ngx_uint_t       i;
    ngx_adm_link_t  *link;

    for (i = 0; i < server->client->conf->connections; i++) {

        link = &server->links[i];

        if (link->conn.state == NGX_ADM_CONN_CLOSED) {
            return link;
        }
    }

    return NULL;
}


static void
ngx_adm_server_closed(ngx_adm_conn_t *conn)
{
    ngx_adm_link_t  *link;

    link = conn->data;

    if (link->again.timer_set) {
        ngx_del_timer(&link->again);
    }

    ngx_adm_server_lost(link->server, link);
}


void
ngx_adm_server_lost(ngx_adm_server_t *server, ngx_adm_link_t *link)
{
    ngx_adm_conn_t  *conn;

    conn = &link->conn;

    link->loading = 0;

    if (server->opening == link) {
        server->opening = NULL;
        server->attempts++;

    } else {

        if (ngx_current_msec - conn->since >= NGX_ADM_SERVER_STEADY) {
            server->delay = NGX_ADM_SERVER_DELAY;
        }

        /* one that is lost again and again is not waited for */

        server->attempts = (server->delay > NGX_ADM_SERVER_DELAY);
    }

    if (server->closing) {
        return;
    }

    ngx_adm_server_complain(server, conn);
    ngx_adm_server_miss(server, link->rc != NGX_ADM_CALL_READONLY);
}


/* each attempt may end the same way: once is enough, for a while */

static void
ngx_adm_server_complain(ngx_adm_server_t *server, ngx_adm_conn_t *conn)
{
    if (conn->why == NULL || ngx_exiting) {
        return;
    }

    if (server->absent && server->why == conn->why && server->err == conn->err
        && ngx_current_msec - server->said < NGX_ADM_SERVER_SAID)
    {
        return;
    }

    server->absent = 1;
    server->why = conn->why;
    server->err = conn->err;
    server->said = ngx_current_msec;

    ngx_adm_redis_log(server->client, NGX_LOG_ERR, conn->err,
                      "redis \"%V\": %s", &server->name, conn->why);
}


/* who is no master has not failed */

static void
ngx_adm_server_miss(ngx_adm_server_t *server, ngx_uint_t failed)
{
    ngx_adm_topology_t  *topology;

    topology = server->client->topology;

    if (topology->lost) {
        topology->lost(server);
    }

    if (failed && !ngx_adm_server_ready(server)) {
        ngx_adm_server_bad(server);
    }

    ngx_adm_server_schedule(server);
    ngx_adm_redis_note(server->client);
    ngx_adm_server_release(server, NGX_ADM_CALL_DOWN);
}


static void
ngx_adm_server_schedule(ngx_adm_server_t *server)
{
    if (ngx_exiting || server->closing || server->opening || server->resolving
        || server->connect.timer_set
        || server->circuit == NGX_ADM_CIRCUIT_OPEN
        || ngx_adm_server_missing(server) == NULL)
    {
        return;
    }

    ngx_add_timer(&server->connect, ngx_adm_redis_jitter(server->delay));

    server->delay = ngx_min(2 * server->delay, NGX_ADM_SERVER_MAX_DELAY);
}


void
ngx_adm_server_greeted(ngx_adm_server_t *server, ngx_adm_link_t *link)
{
    if (server->opening == link) {
        server->opening = NULL;
    }

    server->attempts = 0;
    server->client->epoch++;

    if (server->absent) {
        server->absent = 0;
        ngx_adm_redis_log(server->client, NGX_LOG_NOTICE, 0,
                          "redis \"%V\": is there again", &server->name);
    }

    if (server->circuit == NGX_ADM_CIRCUIT_HALF_OPEN) {
        ngx_adm_server_success(server);

    } else if (!server->stalled) {

        /* who stalls may still be polite */

        server->failures = 0;
    }

    if (!server->connect.timer_set && !server->closing) {
        ngx_add_timer(&server->connect, 0);
    }

    ngx_adm_redis_note(server->client);
    ngx_adm_server_serve(server);
}


/* those that waited for it go out in one write */

static void
ngx_adm_server_serve(ngx_adm_server_t *server)
{
    ngx_queue_t      calls;
    ngx_adm_call_t  *call;

    server->nwaiting = 0;

    ngx_adm_call_move(&calls, &server->waiting);

    for ( ;; ) {
        call = ngx_adm_call_next(&calls);

        if (call == NULL) {
            return;
        }

        if (ngx_adm_server_send(server, call) != NGX_OK) {
            ngx_adm_call_answer(call, call->rc, NULL);
        }
    }
}


void
ngx_adm_server_release(ngx_adm_server_t *server, ngx_adm_call_rc_e rc)
{
    server->nwaiting = 0;

    ngx_adm_call_answer_all(&server->waiting, rc);
}


void
ngx_adm_server_drop(ngx_adm_server_t *server, const char *why)
{
    ngx_uint_t       i;
    ngx_adm_link_t  *link;

    for (i = 0; i < server->client->conf->connections; i++) {

        link = &server->links[i];

        if (link->conn.state != NGX_ADM_CONN_CLOSED) {
            link->rc = NGX_ADM_CALL_READONLY;
            ngx_adm_conn_close(&link->conn, why, 0);
        }
    }
}


ngx_int_t
ngx_adm_server_send(ngx_adm_server_t *server, ngx_adm_call_t *call)
{
    ngx_uint_t       i, n, ready;
    ngx_adm_link_t  *link;

    ready = ngx_adm_server_ready(server);
    call->rc = ngx_adm_server_up(server);

    if (call->rc != NGX_ADM_CALL_OK
        && !(call->rc == NGX_ADM_CALL_OPEN && call->back && ready))
    {
        return NGX_DECLINED;
    }

    if (!ready) {
        return ngx_adm_server_wait(server, call);
    }

    call->rc = NGX_ADM_CALL_FULL;
    n = server->client->conf->connections;

    for (i = 0; i < n; i++) {

        link = &server->links[server->next++ % n];

        if (link->conn.state == NGX_ADM_CONN_READY
            && ngx_adm_link_send(link, call) == NGX_OK)
        {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_adm_server_wait(ngx_adm_server_t *server, ngx_adm_call_t *call)
{
    if (server->nwaiting == NGX_ADM_SERVER_WAITING) {
        call->rc = NGX_ADM_CALL_FULL;
        return NGX_DECLINED;
    }

    call->rc = NGX_ADM_CALL_DOWN;
    call->link = NULL;

    ngx_queue_insert_tail(&server->waiting, &call->turn.queue);
    server->nwaiting++;

    return NGX_OK;
}


ngx_int_t
ngx_adm_server_ask(ngx_adm_server_t *server, ngx_adm_turn_t *turn,
    ngx_str_t *words, ngx_uint_t n)
{
    ngx_uint_t       i;
    ngx_adm_link_t  *link;

    for (i = 0; i < server->client->conf->connections; i++) {

        link = &server->links[i];

        if (link->conn.state == NGX_ADM_CONN_READY) {
            return ngx_adm_conn_send(&link->conn, turn, words, n);
        }
    }

    return NGX_DECLINED;
}


ngx_adm_call_rc_e
ngx_adm_server_up(ngx_adm_server_t *server)
{
    if (server->circuit != NGX_ADM_CIRCUIT_CLOSED) {
        return NGX_ADM_CALL_OPEN;
    }

    if (!server->closing
        && (ngx_adm_server_ready(server) || ngx_adm_server_coming(server)))
    {
        return NGX_ADM_CALL_OK;
    }

    return NGX_ADM_CALL_DOWN;
}


ngx_uint_t
ngx_adm_server_ready(ngx_adm_server_t *server)
{
    ngx_uint_t  i;

    for (i = 0; i < server->client->conf->connections; i++) {

        if (server->links[i].conn.state == NGX_ADM_CONN_READY) {
            return 1;
        }
    }

    return 0;
}


/*
 * A process that has just begun to serve, and one that has just lost its
 * link, will know in a moment: nobody is refused for that.
 */

static ngx_uint_t
ngx_adm_server_coming(ngx_adm_server_t *server)
{
    if (server->attempts) {
        return 0;
    }

    if (server->opening) {
        return !server->opening->loading;
    }

    /* a name is not waited for longer than a connection */

    if (server->resolving) {
        return ngx_current_msec - server->asked
               < server->client->conf->connect_timeout;
    }

    return server->connect.timer_set;
}


void
ngx_adm_server_good(ngx_adm_server_t *server)
{
    server->delay = NGX_ADM_SERVER_DELAY;

    if (server->circuit == NGX_ADM_CIRCUIT_CLOSED) {
        server->failures = 0;
        server->stalled = 0;
    }
}


/*
 * A stall is one failure, however many calls it lets down: those that were
 * sent before it was counted are of the same.
 */

void
ngx_adm_server_stalled(ngx_adm_server_t *server, ngx_adm_turn_t *turn,
    ngx_msec_t heard)
{
    if (server->circuit != NGX_ADM_CIRCUIT_CLOSED
        || (ngx_msec_int_t) (heard - turn->since) > 0)
    {
        return;
    }

    if (server->stalled
        && (ngx_msec_int_t) (turn->since - server->failed) <= 0)
    {
        return;
    }

    server->stalled = 1;
    server->failed = ngx_current_msec;

    ngx_adm_server_bad(server);
}


static void
ngx_adm_server_bad(ngx_adm_server_t *server)
{
    ngx_adm_redis_conf_t  *conf;

    conf = server->client->conf;

    switch (server->circuit) {

    case NGX_ADM_CIRCUIT_CLOSED:

        if (++server->failures >= conf->failures) {
            server->open = conf->open;
            ngx_adm_server_break(server);
        }

        break;

    case NGX_ADM_CIRCUIT_HALF_OPEN:
        server->open = ngx_min(2 * server->open, conf->max_open);
        ngx_adm_server_break(server);
        break;

    case NGX_ADM_CIRCUIT_OPEN:
        break;
    }
}


static void
ngx_adm_server_break(ngx_adm_server_t *server)
{
    ngx_msec_t  open;

    if (server->circuit == NGX_ADM_CIRCUIT_CLOSED) {
        ngx_adm_redis_log(server->client, NGX_LOG_WARN, 0,
                          "redis \"%V\": its circuit is open after %ui "
                          "failures", &server->name, server->failures);
    }

    server->circuit = NGX_ADM_CIRCUIT_OPEN;
    server->stalled = 0;

    if (server->connect.timer_set) {
        ngx_del_timer(&server->connect);
    }

    open = ngx_adm_redis_jitter(server->open);
    ngx_add_timer(&server->half, open);

    ngx_adm_redis_note(server->client);
    ngx_adm_server_release(server, NGX_ADM_CALL_OPEN);
}


static void
ngx_adm_server_half_open(ngx_event_t *ev)
{
    ngx_adm_server_t  *server;

    server = ev->data;

    server->circuit = NGX_ADM_CIRCUIT_HALF_OPEN;
    server->successes = 0;

    ngx_adm_redis_note(server->client);
    ngx_adm_server_probe(server);
}


static void
ngx_adm_server_probe(ngx_adm_server_t *server)
{
    ngx_uint_t               i;
    ngx_adm_call_t          *call;
    ngx_adm_redis_client_t  *client;

    client = server->client;

    if (!ngx_adm_server_ready(server)) {

        if (!ngx_exiting && !server->connect.timer_set) {
            ngx_add_timer(&server->connect, 0);
        }

        return;
    }

    call = ngx_adm_call_create(client->redis, NGX_ADM_SCRIPT_PROBE,
                               client->conf->timeout);
    if (call == NULL) {
        ngx_adm_server_bad(server);
        return;
    }

    call->handler = ngx_adm_server_probed;
    call->data = server;
    call->sent = ngx_adm_clock();

    for (i = 0; i < client->conf->connections; i++) {

        if (server->links[i].conn.state == NGX_ADM_CONN_READY
            && ngx_adm_link_send(&server->links[i], call) == NGX_OK)
        {
            ngx_adm_call_take(client, call);
            return;
        }
    }

    ngx_adm_call_free(call);
    ngx_adm_server_bad(server);
}


/* it may have been lost with a link, and the server with it */

static void
ngx_adm_server_probed(ngx_adm_call_t *call, ngx_adm_value_t *value)
{
    ngx_adm_server_t  *server;

    server = call->data;

    if (server->closing || server->circuit != NGX_ADM_CIRCUIT_HALF_OPEN) {
        return;
    }

    if (value) {
        ngx_adm_server_success(server);

    } else {
        ngx_adm_server_bad(server);
    }
}


static void
ngx_adm_server_success(ngx_adm_server_t *server)
{
    if (++server->successes < server->client->conf->successes) {
        ngx_adm_server_probe(server);
        return;
    }

    ngx_adm_redis_log(server->client, NGX_LOG_NOTICE, 0,
                      "redis \"%V\": its circuit is closed", &server->name);

    server->circuit = NGX_ADM_CIRCUIT_CLOSED;
    server->failures = 0;
    server->absent = 0;

    ngx_adm_redis_note(server->client);
    ngx_adm_server_schedule(server);
}
