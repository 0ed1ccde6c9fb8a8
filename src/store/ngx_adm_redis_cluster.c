
/*
 * Many servers, each with its slots.
 *
 * Source: the Redis Cluster specification.  The map of slots is asked of any
 * node, one question at a time: when the first one is there, when a node was
 * lost, when a slot has moved to one that is not known, when nobody serves a
 * slot, and again until all that it names are there.  A slot that moves
 * between nodes that are known is learned from MOVED alone: to move many of
 * them does not need many maps.
 *
 * A slot of which nothing is known is asked of any node, which knows.
 *
 * A node that the map does not name any more gets no more calls, and goes
 * when the last of its own are answered.  When no node is there, all seeds
 * are tried again.
 */


#include <ngx_adm_redis_client.h>
#include <ngx_adm_redis_resolve.h>
#include <adm_keyslot.h>
#include <adm_redirect.h>


#define NGX_ADM_CLUSTER_TRIES    5

/* ms, between questions: from the least, doubled to the most */
#define NGX_ADM_CLUSTER_LEAST    50
#define NGX_ADM_CLUSTER_MOST     2000


typedef struct {
    ngx_adm_server_t        *server;
    ngx_adm_place_t          place;
    ngx_uint_t               named;      /* by the map */
    u_char                   host[ADM_REDIRECT_HOST + 1];
} ngx_adm_node_t;


typedef struct {
    ngx_adm_redis_client_t  *client;
    ngx_adm_server_t        *slots[ADM_KEYSLOTS];    /* NULL: nobody's */
    ngx_uint_t               turn;       /* who is asked next */

    /* the question */
    ngx_adm_turn_t           question;
    ngx_adm_server_t        *asked;      /* NULL: nothing is */
    ngx_event_t              ask;
    ngx_event_t              prune;      /* of what the answer did not name */
    ngx_msec_t               delay;      /* before the next */
    ngx_msec_t               last;       /* when the last one was asked */
} ngx_adm_cluster_t;


static ngx_int_t ngx_adm_cluster_start(ngx_adm_redis_client_t *client);
static void ngx_adm_cluster_stop(ngx_adm_redis_client_t *client);
static ngx_int_t ngx_adm_cluster_resolve(ngx_adm_server_t *server);
static void ngx_adm_cluster_placed(ngx_adm_place_t *place, ngx_int_t rc);
static void ngx_adm_cluster_forget(ngx_adm_server_t *server);
static ngx_int_t ngx_adm_cluster_verify(ngx_adm_link_t *link);
static ngx_adm_server_t *ngx_adm_cluster_route(ngx_adm_redis_client_t *client,
    ngx_adm_call_t *call);
static ngx_int_t ngx_adm_cluster_redirect(ngx_adm_call_t *call,
    ngx_str_t *error);
static ngx_int_t ngx_adm_cluster_follow(ngx_adm_cluster_t *cluster,
    ngx_adm_call_t *call, adm_redirect_t *redirect);
static void ngx_adm_cluster_lost(ngx_adm_server_t *server);
static void ngx_adm_cluster_gone(ngx_adm_server_t *server);

static ngx_int_t ngx_adm_cluster_seed(ngx_adm_cluster_t *cluster);
static ngx_adm_server_t *ngx_adm_cluster_next(ngx_adm_cluster_t *cluster,
    ngx_adm_server_t *server);
static ngx_adm_server_t *ngx_adm_cluster_any(ngx_adm_cluster_t *cluster);
static void ngx_adm_cluster_host(ngx_adm_server_t *server, ngx_str_t *host);
static ngx_uint_t ngx_adm_cluster_is(ngx_adm_server_t *server,
    ngx_str_t *host, in_port_t port);
static ngx_adm_server_t *ngx_adm_cluster_find(ngx_adm_cluster_t *cluster,
    ngx_str_t *host, in_port_t port);
static ngx_adm_server_t *ngx_adm_cluster_obtain(ngx_adm_cluster_t *cluster,
    ngx_str_t *host, in_port_t port);
static ngx_adm_node_t *ngx_adm_cluster_create(ngx_adm_cluster_t *cluster);

static void ngx_adm_cluster_want(ngx_adm_cluster_t *cluster);
static void ngx_adm_cluster_ask(ngx_event_t *ev);
static void ngx_adm_cluster_answer(ngx_adm_turn_t *turn,
    ngx_adm_value_t *value);
static ngx_uint_t ngx_adm_cluster_valid(ngx_adm_value_t *value);
static ngx_uint_t ngx_adm_cluster_valid_range(ngx_adm_value_t *range);
static void ngx_adm_cluster_learn(ngx_adm_cluster_t *cluster,
    ngx_adm_server_t *from, ngx_adm_value_t *value);
static ngx_adm_server_t *ngx_adm_cluster_named(ngx_adm_cluster_t *cluster,
    ngx_adm_server_t *from, ngx_adm_value_t **master);
static void ngx_adm_cluster_prune(ngx_event_t *ev);
static ngx_uint_t ngx_adm_cluster_whole(ngx_adm_cluster_t *cluster);


ngx_adm_topology_t  ngx_adm_redis_cluster = {
    ngx_adm_cluster_start,
    ngx_adm_cluster_stop,
    ngx_adm_cluster_resolve,
    ngx_adm_cluster_forget,
    ngx_adm_cluster_verify,
    ngx_adm_cluster_route,
    ngx_adm_cluster_redirect,
    ngx_adm_cluster_lost,
    ngx_adm_cluster_gone
};


static ngx_int_t
ngx_adm_cluster_start(ngx_adm_redis_client_t *client)
{
    ngx_adm_cluster_t  *cluster;

    cluster = ngx_pcalloc(client->pool, sizeof(ngx_adm_cluster_t));
    if (cluster == NULL) {
        return NGX_ERROR;
    }

    cluster->client = client;
    cluster->delay = NGX_ADM_CLUSTER_LEAST;

    cluster->question.handler = ngx_adm_cluster_answer;
    cluster->question.data = cluster;

    cluster->ask.handler = ngx_adm_cluster_ask;
    cluster->ask.data = cluster;
    cluster->ask.log = client->log;
    cluster->ask.cancelable = 1;

    cluster->prune.handler = ngx_adm_cluster_prune;
    cluster->prune.data = cluster;
    cluster->prune.log = client->log;

    client->data = cluster;

    return ngx_adm_cluster_seed(cluster);
}


static void
ngx_adm_cluster_stop(ngx_adm_redis_client_t *client)
{
    ngx_adm_cluster_t  *cluster;

    cluster = client->data;

    if (cluster->ask.timer_set) {
        ngx_del_timer(&cluster->ask);
    }

    if (cluster->prune.posted) {
        ngx_delete_posted_event(&cluster->prune);
    }
}


static ngx_int_t
ngx_adm_cluster_resolve(ngx_adm_server_t *server)
{
    ngx_int_t        rc;
    ngx_adm_node_t  *node;

    /* all links go where the first one went */

    if (ngx_adm_server_ready(server)) {
        return NGX_OK;
    }

    node = server->data;
    node->place.turn++;

    rc = ngx_adm_place_find(&node->place);

    if (rc == NGX_OK) {
        ngx_adm_place_server(&node->place, server);
    }

    return rc;
}


static void
ngx_adm_cluster_placed(ngx_adm_place_t *place, ngx_int_t rc)
{
    ngx_adm_node_t  *node;

    node = place->data;

    if (rc == NGX_OK) {
        ngx_adm_place_server(place, node->server);
    }

    ngx_adm_server_resolved(node->server, rc);
}


static void
ngx_adm_cluster_forget(ngx_adm_server_t *server)
{
    ngx_adm_node_t  *node;

    node = server->data;

    ngx_adm_place_cancel(&node->place);
}


/* a replica is no mistake here: the map says who is asked */

static ngx_int_t
ngx_adm_cluster_verify(ngx_adm_link_t *link)
{
    ngx_adm_cluster_t  *cluster;

    cluster = link->server->client->data;

    if (!ngx_adm_cluster_whole(cluster)) {
        ngx_adm_cluster_want(cluster);
    }

    return NGX_OK;
}


static ngx_adm_server_t *
ngx_adm_cluster_route(ngx_adm_redis_client_t *client, ngx_adm_call_t *call)
{
    adm_str_t           s;
    ngx_str_t          *keys;
    ngx_adm_server_t   *server;
    ngx_adm_cluster_t  *cluster;

    cluster = client->data;
    server = NULL;

    if (call->keys.nelts) {
        keys = call->keys.elts;
        s.len = keys[0].len;
        s.data = keys[0].data;

        server = cluster->slots[adm_keyslot(s)];

        /* one that leaves takes no more: any other knows whose it is */

        if (server && server->closing) {
            server = NULL;
        }
    }

    return server ? server : ngx_adm_cluster_any(cluster);
}


static ngx_int_t
ngx_adm_cluster_redirect(ngx_adm_call_t *call, ngx_str_t *error)
{
    adm_str_t           text;
    adm_redirect_t      redirect;
    ngx_adm_cluster_t  *cluster;

    cluster = call->redis->client->data;

    text.len = error->len;
    text.data = error->data;

    if (adm_redirect_parse(text, &redirect) != ADM_OK) {
        return NGX_DECLINED;
    }

    switch (redirect.kind) {

    case ADM_REDIRECT_TRYAGAIN:
        call->tries = 0;
        ngx_adm_call_again(call, NGX_ADM_CALL_CLUSTER);
        return NGX_OK;

    case ADM_REDIRECT_DOWN:
        ngx_adm_cluster_want(cluster);
        return NGX_DECLINED;

    default: /* ADM_REDIRECT_MOVED, ADM_REDIRECT_ASK */
        return ngx_adm_cluster_follow(cluster, call, &redirect);
    }
}


static ngx_int_t
ngx_adm_cluster_follow(ngx_adm_cluster_t *cluster, ngx_adm_call_t *call,
    adm_redirect_t *redirect)
{
    ngx_str_t          host;
    ngx_adm_link_t    *link;
    ngx_adm_server_t  *server;

    if (call->tries++ == NGX_ADM_CLUSTER_TRIES) {
        ngx_adm_cluster_want(cluster);
        return NGX_DECLINED;
    }

    host.len = redirect->host.len;
    host.data = (u_char *) redirect->host.data;

    if (host.len == 0) {
        link = call->link;
        ngx_adm_cluster_host(link->server, &host);
    }

    if (ngx_adm_cluster_find(cluster, &host, redirect->port) == NULL) {
        ngx_adm_cluster_want(cluster);
    }

    server = ngx_adm_cluster_obtain(cluster, &host, redirect->port);
    if (server == NULL) {
        return NGX_DECLINED;
    }

    if (redirect->kind == ADM_REDIRECT_MOVED) {
        cluster->slots[redirect->slot] = server;
        call->asking = 0;

    } else {
        call->asking = 1;
    }

    return ngx_adm_server_send(server, call);
}


static void
ngx_adm_cluster_lost(ngx_adm_server_t *server)
{
    ngx_adm_cluster_want(server->client->data);
}


static void
ngx_adm_cluster_gone(ngx_adm_server_t *server)
{
    ngx_uint_t          i;
    ngx_adm_node_t     *node;
    ngx_adm_cluster_t  *cluster;

    node = server->data;
    cluster = server->client->data;

    for (i = 0; i < ADM_KEYSLOTS; i++) {

        if (cluster->slots[i] == server) {
            cluster->slots[i] = NULL;
        }
    }

    ngx_adm_place_cancel(&node->place);
    ngx_free(node);
}


/* NGX_ERROR: out of memory */

static ngx_int_t
ngx_adm_cluster_seed(ngx_adm_cluster_t *cluster)
{
    ngx_uint_t       i;
    ngx_array_t     *seeds;
    ngx_adm_node_t  *node;
    ngx_adm_seed_t  *seed;

    seeds = &cluster->client->conf->seeds;
    seed = seeds->elts;

    for (i = 0; i < seeds->nelts; i++) {

        if (ngx_adm_cluster_find(cluster, &seed[i].host, seed[i].port)) {
            continue;
        }

        node = ngx_adm_cluster_create(cluster);
        if (node == NULL) {
            return NGX_ERROR;
        }

        node->place.seed = &seed[i];
        node->server->name = seed[i].text;
    }

    return NGX_OK;
}


/* of those that do not leave, the one behind; NULL: the first, and the end */

static ngx_adm_server_t *
ngx_adm_cluster_next(ngx_adm_cluster_t *cluster, ngx_adm_server_t *server)
{
    ngx_queue_t  *q, *servers;

    servers = &cluster->client->servers;
    q = server ? &server->queue : servers;

    do {
        q = ngx_queue_next(q);

        if (q == ngx_queue_sentinel(servers)) {
            return NULL;
        }

        server = ngx_queue_data(q, ngx_adm_server_t, queue);

    } while (server->closing);

    return server;
}


/* in turn, one that is there; else one that may be soon; NULL: none */

static ngx_adm_server_t *
ngx_adm_cluster_any(ngx_adm_cluster_t *cluster)
{
    ngx_uint_t         n, ready;
    ngx_adm_server_t  *server;

    n = 0;
    ready = 0;

    for (server = ngx_adm_cluster_next(cluster, NULL);
         server;
         server = ngx_adm_cluster_next(cluster, server))
    {
        n++;
        ready += ngx_adm_server_ready(server);
    }

    if (n == 0) {
        return NULL;
    }

    n = cluster->turn++ % (ready ? ready : n);
    server = ngx_adm_cluster_next(cluster, NULL);

    while ((ready && !ngx_adm_server_ready(server)) || n--) {
        server = ngx_adm_cluster_next(cluster, server);
    }

    return server;
}


static void
ngx_adm_cluster_host(ngx_adm_server_t *server, ngx_str_t *host)
{
    ngx_adm_node_t  *node;

    node = server->data;

    *host = node->place.seed ? node->place.seed->host : node->place.host;
}


/* by what the cluster calls it, which a seed may have been given as, too */

static ngx_adm_server_t *
ngx_adm_cluster_find(ngx_adm_cluster_t *cluster, ngx_str_t *host,
    in_port_t port)
{
    ngx_adm_server_t  *server;

    for (server = ngx_adm_cluster_next(cluster, NULL);
         server;
         server = ngx_adm_cluster_next(cluster, server))
    {
        if (ngx_adm_cluster_is(server, host, port)) {
            return server;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_adm_cluster_is(ngx_adm_server_t *server, ngx_str_t *host, in_port_t port)
{
    ngx_str_t        known;
    ngx_adm_node_t  *node;

    node = server->data;

    ngx_adm_cluster_host(server, &known);

    return known.len == host->len
           && ngx_memcmp(known.data, host->data, host->len) == 0
           && ngx_adm_place_port(&node->place) == port;
}


/* that, or a new one; NULL: out of memory, or no host is called so */

static ngx_adm_server_t *
ngx_adm_cluster_obtain(ngx_adm_cluster_t *cluster, ngx_str_t *host,
    in_port_t port)
{
    ngx_adm_node_t    *node;
    ngx_adm_server_t  *server;

    server = ngx_adm_cluster_find(cluster, host, port);

    if (server) {
        return server;
    }

    if (host->len == 0 || host->len > ADM_REDIRECT_HOST) {
        return NULL;
    }

    node = ngx_adm_cluster_create(cluster);
    if (node == NULL) {
        return NULL;
    }

    ngx_memcpy(node->host, host->data, host->len);

    node->place.host.data = node->host;
    node->place.host.len = host->len;
    node->place.port = port;

    node->server->name = node->place.host;

    return node->server;
}


static ngx_adm_node_t *
ngx_adm_cluster_create(ngx_adm_cluster_t *cluster)
{
    ngx_adm_node_t  *node;

    node = ngx_calloc(sizeof(ngx_adm_node_t), cluster->client->log);
    if (node == NULL) {
        return NULL;
    }

    node->place.client = cluster->client;
    node->place.handler = ngx_adm_cluster_placed;
    node->place.data = node;

    node->server = ngx_adm_server_create(cluster->client, node);

    if (node->server == NULL) {
        ngx_free(node);
        return NULL;
    }

    return node;
}


/* the map is asked for as soon as it may be */

static void
ngx_adm_cluster_want(ngx_adm_cluster_t *cluster)
{
    ngx_msec_t      delay;
    ngx_msec_int_t  since;

    if (cluster->ask.timer_set || cluster->asked || ngx_exiting) {
        return;
    }

    /* workers and nodes that have lost the same server do not ask at once */

    delay = cluster->delay * (80 + ngx_random() % 41) / 100;
    since = (ngx_msec_int_t) (ngx_current_msec - cluster->last);

    if (since >= 0 && (ngx_msec_t) since < delay) {
        delay -= since;

    } else {
        delay = 1;
    }

    ngx_add_timer(&cluster->ask, delay);
}


static void
ngx_adm_cluster_ask(ngx_event_t *ev)
{
    ngx_str_t           words[2];
    ngx_adm_server_t   *server;
    ngx_adm_cluster_t  *cluster;

    cluster = ev->data;

    cluster->last = ngx_current_msec;
    cluster->delay = ngx_min(cluster->delay * 2, NGX_ADM_CLUSTER_MOST);

    ngx_str_set(&words[0], "CLUSTER");
    ngx_str_set(&words[1], "SLOTS");

    server = ngx_adm_cluster_any(cluster);

    if (server
        && ngx_adm_server_ask(server, &cluster->question, words, 2) == NGX_OK)
    {
        cluster->asked = server;
        return;
    }

    /* nobody is there: so is the map of no use */

    if (server == NULL || !ngx_adm_server_ready(server)) {
        (void) ngx_adm_cluster_seed(cluster);
    }

    ngx_adm_cluster_want(cluster);
}


static void
ngx_adm_cluster_answer(ngx_adm_turn_t *turn, ngx_adm_value_t *value)
{
    ngx_adm_server_t   *server;
    ngx_adm_cluster_t  *cluster;

    cluster = turn->data;
    server = cluster->asked;

    cluster->asked = NULL;

    if (cluster->client->stopping) {
        return;
    }

    if (value && ngx_adm_cluster_valid(value)) {
        ngx_adm_cluster_learn(cluster, server, value);
        ngx_post_event(&cluster->prune, &ngx_posted_events);

    } else if (value) {
        ngx_adm_redis_log(cluster->client, NGX_LOG_ERR, 0,
                          "redis \"%V\" told no map of the cluster: %V",
                          &server->name, &value->text);
    }

    if (!ngx_adm_cluster_whole(cluster)) {
        ngx_adm_cluster_want(cluster);
        return;
    }

    cluster->delay = NGX_ADM_CLUSTER_LEAST;
}


/* one range at least, and no other thing */

static ngx_uint_t
ngx_adm_cluster_valid(ngx_adm_value_t *value)
{
    ngx_uint_t  i;

    if (value->type != NGX_ADM_VALUE_ARRAY || value->n == 0) {
        return 0;
    }

    for (i = 0; i < value->n; i++) {

        if (!ngx_adm_cluster_valid_range(value->elements[i])) {
            return 0;
        }
    }

    return 1;
}


/* first and last slot, the master, replicas; of a node host and port */

static ngx_uint_t
ngx_adm_cluster_valid_range(ngx_adm_value_t *range)
{
    ngx_adm_value_t  **e, **master;

    if (range->type != NGX_ADM_VALUE_ARRAY || range->n < 3) {
        return 0;
    }

    e = range->elements;

    if (e[0]->type != NGX_ADM_VALUE_INTEGER
        || e[1]->type != NGX_ADM_VALUE_INTEGER
        || e[0]->integer < 0
        || e[0]->integer > e[1]->integer
        || e[1]->integer >= ADM_KEYSLOTS
        || e[2]->type != NGX_ADM_VALUE_ARRAY
        || e[2]->n < 2)
    {
        return 0;
    }

    master = e[2]->elements;

    return (master[0]->type == NGX_ADM_VALUE_TEXT
            || master[0]->type == NGX_ADM_VALUE_NIL)
           && master[1]->type == NGX_ADM_VALUE_INTEGER
           && master[1]->integer > 0 && master[1]->integer < 65536;
}


static void
ngx_adm_cluster_learn(ngx_adm_cluster_t *cluster, ngx_adm_server_t *from,
    ngx_adm_value_t *value)
{
    int64_t             slot;
    ngx_uint_t          i;
    ngx_adm_node_t     *node;
    ngx_adm_value_t   **e;
    ngx_adm_server_t   *server;

    for (server = ngx_adm_cluster_next(cluster, NULL);
         server;
         server = ngx_adm_cluster_next(cluster, server))
    {
        node = server->data;
        node->named = 0;
    }

    ngx_memzero(cluster->slots, sizeof(cluster->slots));

    for (i = 0; i < value->n; i++) {

        e = value->elements[i]->elements;
        server = ngx_adm_cluster_named(cluster, from, e[2]->elements);

        if (server == NULL) {
            continue;
        }

        for (slot = e[0]->integer; slot <= e[1]->integer; slot++) {
            cluster->slots[slot] = server;
        }
    }
}


/* no host, or "?", is the one who says it; NULL: none */

static ngx_adm_server_t *
ngx_adm_cluster_named(ngx_adm_cluster_t *cluster, ngx_adm_server_t *from,
    ngx_adm_value_t **master)
{
    ngx_str_t          host;
    ngx_adm_node_t    *node;
    ngx_adm_server_t  *server;

    ngx_str_null(&host);

    if (master[0]->type == NGX_ADM_VALUE_TEXT) {
        host = master[0]->text;
    }

    if (host.len == 0 || (host.len == 1 && host.data[0] == '?')) {
        ngx_adm_cluster_host(from, &host);
    }

    server = ngx_adm_cluster_obtain(cluster, &host,
                                    (in_port_t) master[1]->integer);
    if (server) {
        node = server->data;
        node->named = 1;
    }

    return server;
}


/* by an event: the one that has just answered may be among them */

static void
ngx_adm_cluster_prune(ngx_event_t *ev)
{
    ngx_adm_node_t     *node;
    ngx_adm_server_t   *server, *next;
    ngx_adm_cluster_t  *cluster;

    cluster = ev->data;

    for (server = ngx_adm_cluster_next(cluster, NULL); server; server = next) {

        next = ngx_adm_cluster_next(cluster, server);
        node = server->data;

        if (!node->named) {
            ngx_adm_server_leave(server);
        }
    }
}


/* 1 if all that the map names are there */

static ngx_uint_t
ngx_adm_cluster_whole(ngx_adm_cluster_t *cluster)
{
    ngx_uint_t         n;
    ngx_adm_node_t    *node;
    ngx_adm_server_t  *server;

    n = 0;

    for (server = ngx_adm_cluster_next(cluster, NULL);
         server;
         server = ngx_adm_cluster_next(cluster, server))
    {
        node = server->data;

        if (node->named && !ngx_adm_server_ready(server)) {
            return 0;
        }

        n += node->named;
    }

    return n != 0;
}
