
/*
 * Addresses of servers.
 *
 * No name is ever looked up by getaddrinfo() here, which blocks.
 */


#include <ngx_adm_redis_resolve.h>


static ngx_int_t ngx_adm_place_address(ngx_adm_place_t *place,
    struct sockaddr *sockaddr, socklen_t socklen);
static ngx_int_t ngx_adm_place_literal(ngx_adm_place_t *place,
    ngx_str_t *host);
static ngx_int_t ngx_adm_place_ask(ngx_adm_place_t *place, ngx_str_t *host);
static void ngx_adm_place_answer(ngx_resolver_ctx_t *ctx);
static ngx_int_t ngx_adm_place_choose(ngx_adm_place_t *place,
    ngx_resolver_ctx_t *ctx);


ngx_int_t
ngx_adm_place_find(ngx_adm_place_t *place)
{
    ngx_str_t       *host;
    ngx_addr_t      *addr;
    ngx_adm_seed_t  *seed;

    seed = place->seed;
    host = seed ? &seed->host : &place->host;

    if (seed
        && (place->client->conf->resolver == NULL || !seed->is_name)
        && seed->naddrs)
    {
        addr = &seed->addrs[place->turn % seed->naddrs];
        return ngx_adm_place_address(place, addr->sockaddr, addr->socklen);
    }

    if (ngx_adm_place_literal(place, host) == NGX_OK) {
        return NGX_OK;
    }

    if (place->client->conf->resolver == NULL) {
        ngx_adm_redis_log(place->client, NGX_LOG_ERR, 0,
                          "no resolver defined to resolve %V", host);
        return NGX_ERROR;
    }

    return ngx_adm_place_ask(place, host);
}


static ngx_int_t
ngx_adm_place_address(ngx_adm_place_t *place, struct sockaddr *sockaddr,
    socklen_t socklen)
{
    if (socklen > (socklen_t) sizeof(ngx_sockaddr_t)) {
        return NGX_ERROR;
    }

    ngx_memcpy(&place->sockaddr, sockaddr, socklen);
    ngx_inet_set_port(&place->sockaddr.sockaddr, ngx_adm_place_port(place));

    place->addr.sockaddr = &place->sockaddr.sockaddr;
    place->addr.socklen = socklen;
    place->addr.name.data = place->text;
    place->addr.name.len = ngx_sock_ntop(&place->sockaddr.sockaddr, socklen,
                                         place->text, NGX_SOCKADDR_STRLEN, 1);
    return NGX_OK;
}


/* NGX_DECLINED: it is a name */

static ngx_int_t
ngx_adm_place_literal(ngx_adm_place_t *place, ngx_str_t *host)
{
    struct sockaddr_in    sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6   sin6;
#endif

    ngx_memzero(&sin, sizeof(struct sockaddr_in));

    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = ngx_inet_addr(host->data, host->len);

    if (sin.sin_addr.s_addr != INADDR_NONE) {
        return ngx_adm_place_address(place, (struct sockaddr *) &sin,
                                     sizeof(struct sockaddr_in));
    }

#if (NGX_HAVE_INET6)

    ngx_memzero(&sin6, sizeof(struct sockaddr_in6));

    sin6.sin6_family = AF_INET6;

    if (ngx_inet6_addr(host->data, host->len, sin6.sin6_addr.s6_addr)
        == NGX_OK)
    {
        return ngx_adm_place_address(place, (struct sockaddr *) &sin6,
                                     sizeof(struct sockaddr_in6));
    }

#endif

    return NGX_DECLINED;
}


/* the resolver answers from within, if it knows */

static ngx_int_t
ngx_adm_place_ask(ngx_adm_place_t *place, ngx_str_t *host)
{
    ngx_resolver_ctx_t  *ctx;

    ctx = ngx_resolve_start(place->client->conf->resolver, NULL);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx == NGX_NO_RESOLVER) {
        ngx_adm_redis_log(place->client, NGX_LOG_ERR, 0,
                          "no resolver defined to resolve %V", host);
        return NGX_ERROR;
    }

    ctx->name = *host;
    ctx->handler = ngx_adm_place_answer;
    ctx->data = place;
    ctx->timeout = place->client->conf->resolver_timeout;
    ctx->cancelable = 1;

    place->ctx = ctx;
    place->rc = NGX_AGAIN;
    place->within = 1;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        place->ctx = NULL;
        place->rc = NGX_ERROR;
    }

    place->within = 0;

    return place->rc;
}


static void
ngx_adm_place_answer(ngx_resolver_ctx_t *ctx)
{
    ngx_adm_place_t  *place;

    place = ctx->data;

    place->rc = ngx_adm_place_choose(place, ctx);
    place->ctx = NULL;

    ngx_resolve_name_done(ctx);

    if (!place->within) {
        place->handler(place, place->rc);
    }
}


static ngx_int_t
ngx_adm_place_choose(ngx_adm_place_t *place, ngx_resolver_ctx_t *ctx)
{
    ngx_resolver_addr_t  *addr;

    if (ctx->state || ctx->naddrs == 0) {
        ngx_adm_redis_log(place->client, NGX_LOG_ERR, 0,
                          "%V could not be resolved (%i: %s)",
                          &ctx->name, ctx->state,
                          ngx_resolver_strerror(ctx->state));
        return NGX_ERROR;
    }

    addr = &ctx->addrs[place->turn % ctx->naddrs];

    return ngx_adm_place_address(place, addr->sockaddr, addr->socklen);
}


in_port_t
ngx_adm_place_port(ngx_adm_place_t *place)
{
    return place->seed ? place->seed->port : place->port;
}


void
ngx_adm_place_cancel(ngx_adm_place_t *place)
{
    if (place->ctx) {
        ngx_resolve_name_done(place->ctx);
        place->ctx = NULL;
    }
}


void
ngx_adm_place_server(ngx_adm_place_t *place, ngx_adm_server_t *server)
{
    ngx_adm_seed_t  *seed;

    seed = place->seed;

    server->addr = &place->addr;
    server->host = seed ? seed->host : place->host;
    server->name = seed ? seed->text : place->addr.name;
}
