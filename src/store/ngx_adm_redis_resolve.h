
/*
 * Where a server is to be reached.  An address is what it is; a name is asked
 * of nginx's resolver each time, if one is configured; else the addresses
 * that were found when the configuration was read are taken in turn.
 */


#ifndef _NGX_ADM_REDIS_RESOLVE_H_INCLUDED_
#define _NGX_ADM_REDIS_RESOLVE_H_INCLUDED_


#include <ngx_adm_redis_client.h>


typedef struct ngx_adm_place_s  ngx_adm_place_t;

/* NGX_OK: the address is there; NGX_ERROR: the log says why */

typedef void (*ngx_adm_place_handler_pt)(ngx_adm_place_t *place, ngx_int_t rc);


/* zeroed, but for the first part */

struct ngx_adm_place_s {
    ngx_adm_redis_client_t    *client;
    ngx_adm_place_handler_pt   handler;
    void                      *data;      /* the handler's */

    ngx_adm_seed_t            *seed;      /* NULL: host and port say it */
    ngx_str_t                  host;      /* terminated */
    in_port_t                  port;
    ngx_uint_t                 turn;      /* which of several addresses */

    ngx_addr_t                 addr;      /* what was found */

    /* the rest is its own */
    ngx_resolver_ctx_t        *ctx;       /* NULL: nothing is asked */
    ngx_int_t                  rc;        /* of an answer from within */
    ngx_uint_t                 within;
    ngx_sockaddr_t             sockaddr;
    u_char                     text[NGX_SOCKADDR_STRLEN];
};


/*
 * NGX_OK: the address is there; NGX_AGAIN: the handler will be called, from
 * the event loop, unless it is cancelled; NGX_ERROR: the log says why.
 */

ngx_int_t ngx_adm_place_find(ngx_adm_place_t *place);
void ngx_adm_place_cancel(ngx_adm_place_t *place);

in_port_t ngx_adm_place_port(ngx_adm_place_t *place);

/* a server, told where it is to be reached */

void ngx_adm_place_server(ngx_adm_place_t *place, ngx_adm_server_t *server);


#endif /* _NGX_ADM_REDIS_RESOLVE_H_INCLUDED_ */
