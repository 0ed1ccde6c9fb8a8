
/*
 * Which idempotency keys this node has seen, who has a hold by it, and how
 * many questions it may ask the store about keys of requests that it refuses
 * anyway.
 *
 * When all is sold out a repeat still has a right to its answer, but whoever
 * invents keys must not make a trip of every refusal.  So these trips have a
 * budget, for the node; half of it is for keys that were executed here.
 */


#ifndef _NGX_ADM_KNOWN_H_INCLUDED_
#define _NGX_ADM_KNOWN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <adm_gcra.h>
#include <adm_recent.h>


#define NGX_ADM_KNOWN_LAYOUT    2

/* trips a second of a node */
#define NGX_ADM_KNOWN_BUDGET    1000


typedef struct ngx_adm_known_sh_s  ngx_adm_known_sh_t;


/* a cycle's view */

typedef struct {
    ngx_shm_zone_t      *shm_zone;
    ngx_adm_known_sh_t  *sh;
    adm_recent_t         recent;
    adm_recent_t         holders;
    adm_gcra_t           gcra;         /* of the budget */
} ngx_adm_known_t;


/* once in a cycle; NULL: out of memory, or nginx has said why in the log */

ngx_adm_known_t *ngx_adm_known_add(ngx_conf_t *cf, ngx_str_t *name, void *tag);

/*
 * A key was taken here: "key" is a good hash of it, of 8 bytes at least, and
 * it lives for "ttl" seconds.  May be forgotten earlier.
 */

void ngx_adm_known_note(ngx_adm_known_t *known, u_char *key, time_t ttl);

/* 1 if it was; cost: one cache line, read only */

ngx_uint_t ngx_adm_known_has(ngx_adm_known_t *known, u_char *key);

/* 1 if the store may be asked about it, now: takes one of the budget */

ngx_uint_t ngx_adm_known_ask(ngx_adm_known_t *known, u_char *key);

/*
 * A client, a hash of 64 good bits, got a hold for "seconds"; 1 if it has one,
 * unless it was forgotten.
 */

void ngx_adm_known_hold(ngx_adm_known_t *known, uint64_t client,
    time_t seconds);
ngx_uint_t ngx_adm_known_holds(ngx_adm_known_t *known, uint64_t client);


#endif /* _NGX_ADM_KNOWN_H_INCLUDED_ */
