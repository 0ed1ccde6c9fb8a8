
/*
 * One server: the master of which Sentinels say that it is.
 *
 * Source: "Guidelines for Redis clients with support for Redis Sentinel".
 * Before each connection the Sentinels are asked in turn, each over one of
 * its own that lives for one question, the one that answered last first.
 * What it says is a claim: whoever connects there asks for the role, and a
 * server that is no master any more, or not yet, is asked for again.
 *
 * Other Sentinels are not learned from those of the configuration, which are
 * the ones that the operator trusts.  Most have no password, whatever their
 * servers have: one is told ours only if it wants one.
 */


#include <ngx_adm_redis_client.h>
#include <ngx_adm_redis_resolve.h>


#define NGX_ADM_SENTINEL_HOST   255
#define NGX_ADM_SENTINEL_SAID   512


typedef struct {
    ngx_adm_redis_client_t  *client;
    ngx_adm_server_t        *server;
    ngx_adm_place_t          master;
    u_char                   text[NGX_ADM_SENTINEL_HOST + 1];    /* its host */

    /* the question */
    ngx_adm_conn_t           conn;
    ngx_adm_place_t          place;
    ngx_adm_turn_t           question;
    ngx_adm_turn_t           auth;
    ngx_event_t              next;       /* asks the next one */
    ngx_uint_t               seed;       /* which is asked */
    ngx_uint_t               asked;      /* so many, by now */
    unsigned                 active:1;
    unsigned                 found:1;
    unsigned                 known:1;    /* it was told our password */
    u_char                  *last;       /* of what is to be said of those
                                            that did not tell */
    u_char                   said[NGX_ADM_SENTINEL_SAID];
} ngx_adm_sentinel_t;


static ngx_int_t ngx_adm_sentinel_start(ngx_adm_redis_client_t *client);
static void ngx_adm_sentinel_init(ngx_adm_sentinel_t *sentinel);
static void ngx_adm_sentinel_stop(ngx_adm_redis_client_t *client);
static ngx_int_t ngx_adm_sentinel_resolve(ngx_adm_server_t *server);
static void ngx_adm_sentinel_forget(ngx_adm_server_t *server);
static ngx_int_t ngx_adm_sentinel_verify(ngx_adm_link_t *link);
static ngx_adm_server_t *ngx_adm_sentinel_route(
    ngx_adm_redis_client_t *client, ngx_adm_call_t *call);

static void ngx_adm_sentinel_ask(ngx_event_t *ev);
static void ngx_adm_sentinel_ask_next(ngx_adm_sentinel_t *sentinel);
static void ngx_adm_sentinel_placed(ngx_adm_place_t *place, ngx_int_t rc);
static void ngx_adm_sentinel_opened(ngx_adm_conn_t *conn);
static void ngx_adm_sentinel_closed(ngx_adm_conn_t *conn);
static ngx_int_t ngx_adm_sentinel_say(ngx_adm_sentinel_t *sentinel);
static ngx_int_t ngx_adm_sentinel_say_auth(ngx_adm_sentinel_t *sentinel);
static void ngx_adm_sentinel_answer(ngx_adm_turn_t *turn,
    ngx_adm_value_t *value);
static ngx_uint_t ngx_adm_sentinel_wants_auth(ngx_adm_value_t *value);
static const char *ngx_adm_sentinel_read(ngx_adm_sentinel_t *sentinel,
    ngx_adm_value_t *value);
static void ngx_adm_sentinel_found(ngx_adm_sentinel_t *sentinel);
static void ngx_adm_sentinel_master_placed(ngx_adm_place_t *place,
    ngx_int_t rc);
static void ngx_adm_sentinel_end(ngx_adm_sentinel_t *sentinel, ngx_int_t rc);
static void ngx_adm_sentinel_note(ngx_adm_sentinel_t *sentinel,
    const char *why, ngx_err_t err);


ngx_adm_topology_t  ngx_adm_redis_sentinel = {
    ngx_adm_sentinel_start,
    ngx_adm_sentinel_stop,
    ngx_adm_sentinel_resolve,
    ngx_adm_sentinel_forget,
    ngx_adm_sentinel_verify,
    ngx_adm_sentinel_route,
    NULL,
    NULL,
    NULL
};


static ngx_int_t
ngx_adm_sentinel_start(ngx_adm_redis_client_t *client)
{
    ngx_adm_sentinel_t  *sentinel;

    sentinel = ngx_pcalloc(client->pool, sizeof(ngx_adm_sentinel_t));
    if (sentinel == NULL) {
        return NGX_ERROR;
    }

    sentinel->client = client;
    client->data = sentinel;

    ngx_adm_sentinel_init(sentinel);

    sentinel->server = ngx_adm_server_create(client, sentinel);
    if (sentinel->server == NULL) {
        return NGX_ERROR;
    }

    sentinel->server->name = client->conf->master;

    return NGX_OK;
}


static void
ngx_adm_sentinel_init(ngx_adm_sentinel_t *sentinel)
{
    ngx_adm_redis_client_t  *client;

    client = sentinel->client;

    ngx_adm_conn_init(&sentinel->conn, client->conf, client->log);

    sentinel->conn.data = sentinel;
    sentinel->conn.opened = ngx_adm_sentinel_opened;
    sentinel->conn.closed = ngx_adm_sentinel_closed;

    sentinel->place.client = client;
    sentinel->place.data = sentinel;
    sentinel->place.handler = ngx_adm_sentinel_placed;

    sentinel->master.client = client;
    sentinel->master.data = sentinel;
    sentinel->master.handler = ngx_adm_sentinel_master_placed;

    sentinel->question.handler = ngx_adm_sentinel_answer;
    sentinel->question.data = sentinel;
    sentinel->auth.handler = ngx_adm_sentinel_answer;
    sentinel->auth.data = sentinel;

    sentinel->next.handler = ngx_adm_sentinel_ask;
    sentinel->next.data = sentinel;
    sentinel->next.log = client->log;
}


static void
ngx_adm_sentinel_stop(ngx_adm_redis_client_t *client)
{
    ngx_adm_sentinel_t  *sentinel;

    sentinel = client->data;

    ngx_adm_sentinel_forget(sentinel->server);
}


static ngx_int_t
ngx_adm_sentinel_resolve(ngx_adm_server_t *server)
{
    ngx_adm_sentinel_t  *sentinel;

    /* all links go where the first one went */

    if (ngx_adm_server_ready(server)) {
        return NGX_OK;
    }

    sentinel = server->data;

    sentinel->active = 1;
    sentinel->asked = 0;
    sentinel->last = sentinel->said;

    /* what was told last led nowhere: another one may know better */

    if (server->attempts) {
        sentinel->seed++;
    }

    ngx_post_event(&sentinel->next, &ngx_posted_events);

    return NGX_AGAIN;
}


static void
ngx_adm_sentinel_forget(ngx_adm_server_t *server)
{
    ngx_adm_sentinel_t  *sentinel;

    sentinel = server->data;

    sentinel->active = 0;

    if (sentinel->next.posted) {
        ngx_delete_posted_event(&sentinel->next);
    }

    ngx_adm_place_cancel(&sentinel->place);
    ngx_adm_place_cancel(&sentinel->master);
    ngx_adm_conn_close(&sentinel->conn, "not asked any more", 0);
}


static ngx_int_t
ngx_adm_sentinel_verify(ngx_adm_link_t *link)
{
    return link->is_master ? NGX_OK : NGX_DECLINED;
}


static ngx_adm_server_t *
ngx_adm_sentinel_route(ngx_adm_redis_client_t *client, ngx_adm_call_t *call)
{
    ngx_adm_sentinel_t  *sentinel;

    sentinel = client->data;

    return sentinel->server;
}


static void
ngx_adm_sentinel_ask(ngx_event_t *ev)
{
    ngx_int_t            rc;
    ngx_array_t         *seeds;
    ngx_adm_sentinel_t  *sentinel;

    sentinel = ev->data;
    seeds = &sentinel->client->conf->seeds;

    if (sentinel->asked++ == seeds->nelts) {
        ngx_adm_sentinel_end(sentinel, NGX_ERROR);
        return;
    }

    sentinel->found = 0;
    sentinel->known = 0;

    sentinel->place.seed = (ngx_adm_seed_t *) seeds->elts
                           + sentinel->seed % seeds->nelts;
    sentinel->place.turn = sentinel->seed / seeds->nelts;

    rc = ngx_adm_place_find(&sentinel->place);

    if (rc != NGX_AGAIN) {
        ngx_adm_sentinel_placed(&sentinel->place, rc);
    }
}


/* by an event: a connection that is being closed is not opened again */

static void
ngx_adm_sentinel_ask_next(ngx_adm_sentinel_t *sentinel)
{
    sentinel->seed++;

    ngx_post_event(&sentinel->next, &ngx_posted_events);
}


static void
ngx_adm_sentinel_placed(ngx_adm_place_t *place, ngx_int_t rc)
{
    ngx_adm_conn_t      *conn;
    ngx_adm_sentinel_t  *sentinel;

    sentinel = place->data;
    conn = &sentinel->conn;

    if (rc == NGX_OK) {
        rc = ngx_adm_conn_open(conn, &place->addr, &place->seed->host);

        if (rc == NGX_OK) {
            return;
        }

        ngx_adm_sentinel_note(sentinel, conn->why, conn->err);

    } else {
        ngx_adm_sentinel_note(sentinel, "could not be resolved", 0);
    }

    ngx_adm_sentinel_ask_next(sentinel);
}


/* it is never "ready": all is said within the connect timeout */

static void
ngx_adm_sentinel_opened(ngx_adm_conn_t *conn)
{
    if (ngx_adm_sentinel_say(conn->data) != NGX_OK) {
        ngx_adm_conn_close(conn, "could not be asked", 0);
    }
}


static void
ngx_adm_sentinel_closed(ngx_adm_conn_t *conn)
{
    ngx_adm_sentinel_t  *sentinel;

    sentinel = conn->data;

    if (!sentinel->active) {
        return;
    }

    if (sentinel->found) {
        ngx_adm_sentinel_found(sentinel);
        return;
    }

    ngx_adm_sentinel_note(sentinel, conn->why, conn->err);
    ngx_adm_sentinel_ask_next(sentinel);
}


static ngx_int_t
ngx_adm_sentinel_say(ngx_adm_sentinel_t *sentinel)
{
    ngx_str_t  words[3];

    ngx_str_set(&words[0], "SENTINEL");
    ngx_str_set(&words[1], "GET-MASTER-ADDR-BY-NAME");
    words[2] = sentinel->client->conf->master;

    return ngx_adm_conn_send(&sentinel->conn, &sentinel->question, words, 3);
}


static ngx_int_t
ngx_adm_sentinel_say_auth(ngx_adm_sentinel_t *sentinel)
{
    ngx_str_t              words[3];
    ngx_uint_t             n;
    ngx_adm_redis_conf_t  *conf;

    conf = sentinel->client->conf;

    n = 0;
    ngx_str_set(&words[n], "AUTH");
    n++;

    if (conf->user.len) {
        words[n++] = conf->user;
    }

    words[n++] = conf->password;

    sentinel->known = 1;

    return ngx_adm_conn_send(&sentinel->conn, &sentinel->auth, words, n);
}


/* without a value it is closed next; of AUTH a refusal alone is of interest */

static void
ngx_adm_sentinel_answer(ngx_adm_turn_t *turn, ngx_adm_value_t *value)
{
    const char          *why;
    ngx_adm_sentinel_t  *sentinel;

    sentinel = turn->data;

    if (value == NULL
        || (turn == &sentinel->auth && value->type != NGX_ADM_VALUE_ERROR))
    {
        return;
    }

    if (ngx_adm_sentinel_wants_auth(value)
        && sentinel->client->conf->password.len
        && !sentinel->known
        && ngx_adm_sentinel_say_auth(sentinel) == NGX_OK
        && ngx_adm_sentinel_say(sentinel) == NGX_OK)
    {
        return;
    }

    why = ngx_adm_sentinel_read(sentinel, value);

    if (why == NULL) {
        sentinel->found = 1;
        why = "has answered";
    }

    ngx_adm_conn_close(&sentinel->conn, why, 0);
}


static ngx_uint_t
ngx_adm_sentinel_wants_auth(ngx_adm_value_t *value)
{
    return value->type == NGX_ADM_VALUE_ERROR
           && ngx_adm_redis_error(&value->text) == NGX_ADM_CALL_NOAUTH;
}


/* NULL: host and port of the master are there; else what to say of it */

static const char *
ngx_adm_sentinel_read(ngx_adm_sentinel_t *sentinel, ngx_adm_value_t *value)
{
    ngx_int_t   port;
    ngx_str_t  *host, *text;

    if (value->type == NGX_ADM_VALUE_ERROR) {
        return ngx_adm_sentinel_wants_auth(value)
               ? "wants another user or password" : "is no Sentinel";
    }

    if (value->type == NGX_ADM_VALUE_NIL) {
        return "knows no master of this name";
    }

    if (value->type != NGX_ADM_VALUE_ARRAY || value->n != 2
        || value->elements[0]->type != NGX_ADM_VALUE_TEXT
        || value->elements[1]->type != NGX_ADM_VALUE_TEXT)
    {
        return "answered something else";
    }

    host = &value->elements[0]->text;
    text = &value->elements[1]->text;

    port = ngx_atoi(text->data, text->len);

    if (host->len == 0 || host->len > NGX_ADM_SENTINEL_HOST
        || port < 1 || port > 65535)
    {
        return "named no address";
    }

    *ngx_cpymem(sentinel->text, host->data, host->len) = '\0';

    sentinel->master.host.data = sentinel->text;
    sentinel->master.host.len = host->len;
    sentinel->master.port = (in_port_t) port;

    return NULL;
}


static void
ngx_adm_sentinel_found(ngx_adm_sentinel_t *sentinel)
{
    ngx_int_t  rc;

    rc = ngx_adm_place_find(&sentinel->master);

    if (rc != NGX_AGAIN) {
        ngx_adm_sentinel_master_placed(&sentinel->master, rc);
    }
}


static void
ngx_adm_sentinel_master_placed(ngx_adm_place_t *place, ngx_int_t rc)
{
    ngx_adm_sentinel_t  *sentinel;

    sentinel = place->data;

    if (rc == NGX_OK) {
        ngx_adm_place_server(place, sentinel->server);
    }

    ngx_adm_sentinel_end(sentinel, rc);
}


static void
ngx_adm_sentinel_end(ngx_adm_sentinel_t *sentinel, ngx_int_t rc)
{
    ngx_adm_redis_client_t  *client;

    client = sentinel->client;
    sentinel->active = 0;

    if (!sentinel->found) {
        ngx_adm_redis_log(client, NGX_LOG_ERR, 0,
                          "no Sentinel tells the master \"%V\": %*s",
                          &client->conf->master,
                          sentinel->last - sentinel->said, sentinel->said);

    } else if (sentinel->last != sentinel->said) {
        ngx_adm_redis_log(client, NGX_LOG_WARN, 0,
                          "not all Sentinels tell the master \"%V\": %*s",
                          &client->conf->master,
                          sentinel->last - sentinel->said, sentinel->said);
    }

    ngx_adm_server_resolved(sentinel->server, rc);
}


/* one line of the log tells of all that were asked */

static void
ngx_adm_sentinel_note(ngx_adm_sentinel_t *sentinel, const char *why,
    ngx_err_t err)
{
    u_char  *p, *end;

    p = sentinel->last;
    end = sentinel->said + NGX_ADM_SENTINEL_SAID;

    p = ngx_slprintf(p, end, "%s\"%V\" %s", p == sentinel->said ? "" : ", ",
                     &sentinel->place.seed->text, why);

    if (err) {
        p = ngx_slprintf(p, end, " (%d: ", err);
        p = ngx_strerror(err, p, end - p);
        p = ngx_slprintf(p, end, ")");
    }

    sentinel->last = p;
}
