
/*
 * One server, which is one of the seeds: the first that is a master.
 *
 * Each attempt that leads nowhere goes on to the next seed, and after all of
 * them to the next of their addresses; one that led to a master is made again
 * first when the connection is lost.
 */


#include <ngx_adm_redis_client.h>
#include <ngx_adm_redis_resolve.h>


typedef struct {
    ngx_adm_server_t  *server;
    ngx_adm_place_t    place;
    ngx_uint_t         attempt;
    ngx_uint_t         failed;     /* the last one, until a link is ready */
} ngx_adm_standalone_t;


static ngx_int_t ngx_adm_standalone_start(ngx_adm_redis_client_t *client);
static void ngx_adm_standalone_stop(ngx_adm_redis_client_t *client);
static ngx_int_t ngx_adm_standalone_resolve(ngx_adm_server_t *server);
static void ngx_adm_standalone_placed(ngx_adm_place_t *place, ngx_int_t rc);
static void ngx_adm_standalone_forget(ngx_adm_server_t *server);
static ngx_int_t ngx_adm_standalone_verify(ngx_adm_link_t *link);
static ngx_adm_server_t *ngx_adm_standalone_route(
    ngx_adm_redis_client_t *client, ngx_adm_call_t *call);


ngx_adm_topology_t  ngx_adm_redis_standalone = {
    ngx_adm_standalone_start,
    ngx_adm_standalone_stop,
    ngx_adm_standalone_resolve,
    ngx_adm_standalone_forget,
    ngx_adm_standalone_verify,
    ngx_adm_standalone_route,
    NULL,
    NULL,
    NULL
};


static ngx_int_t
ngx_adm_standalone_start(ngx_adm_redis_client_t *client)
{
    ngx_adm_standalone_t  *alone;

    alone = ngx_pcalloc(client->pool, sizeof(ngx_adm_standalone_t));
    if (alone == NULL) {
        return NGX_ERROR;
    }

    alone->place.client = client;
    alone->place.handler = ngx_adm_standalone_placed;
    alone->place.data = alone;
    alone->place.seed = client->conf->seeds.elts;

    client->data = alone;

    alone->server = ngx_adm_server_create(client, alone);
    if (alone->server == NULL) {
        return NGX_ERROR;
    }

    alone->server->name = alone->place.seed->text;

    return NGX_OK;
}


static void
ngx_adm_standalone_stop(ngx_adm_redis_client_t *client)
{
    ngx_adm_standalone_t  *alone;

    alone = client->data;

    ngx_adm_place_cancel(&alone->place);
}


static ngx_int_t
ngx_adm_standalone_resolve(ngx_adm_server_t *server)
{
    ngx_int_t              rc;
    ngx_array_t           *seeds;
    ngx_adm_standalone_t  *alone;

    /* all links go where the first one went */

    if (ngx_adm_server_ready(server)) {
        return NGX_OK;
    }

    alone = server->data;
    seeds = &server->client->conf->seeds;

    if (alone->failed) {
        alone->attempt++;
    }

    alone->failed = 1;

    alone->place.seed = (ngx_adm_seed_t *) seeds->elts
                        + alone->attempt % seeds->nelts;
    alone->place.turn = alone->attempt / seeds->nelts;

    rc = ngx_adm_place_find(&alone->place);

    ngx_adm_place_server(&alone->place, server);

    return rc;
}


static void
ngx_adm_standalone_placed(ngx_adm_place_t *place, ngx_int_t rc)
{
    ngx_adm_standalone_t  *alone;

    alone = place->data;

    ngx_adm_server_resolved(alone->server, rc);
}


static void
ngx_adm_standalone_forget(ngx_adm_server_t *server)
{
    ngx_adm_standalone_t  *alone;

    alone = server->data;

    ngx_adm_place_cancel(&alone->place);
}


static ngx_int_t
ngx_adm_standalone_verify(ngx_adm_link_t *link)
{
    ngx_adm_standalone_t  *alone;

    if (!link->is_master) {
        return NGX_DECLINED;
    }

    alone = link->server->data;
    alone->failed = 0;

    return NGX_OK;
}


static ngx_adm_server_t *
ngx_adm_standalone_route(ngx_adm_redis_client_t *client, ngx_adm_call_t *call)
{
    ngx_adm_standalone_t  *alone;

    alone = client->data;

    return alone->server;
}
