
/*
 * What a node knows of the fleet, in shared memory of its own: who it is, how
 * many nodes live, what operators changed elsewhere; and room for what other
 * parts keep of the fleet.  There only if the configuration names a Redis.
 *
 * A node tells three times in two seconds that it lives; one that has not for
 * five seconds is not counted.  Operators' changes live in Redis, stamped by
 * its clock: the newest wins everywhere; a change made while Redis is away is
 * in force on its node at once, and told as soon as it can be.
 */


#ifndef _NGX_ADM_FLEET_H_INCLUDED_
#define _NGX_ADM_FLEET_H_INCLUDED_


#include <ngx_adm_redis.h>
#include <ngx_adm_settings.h>


#define NGX_ADM_FLEET_LAYOUT    2

/* bytes of a node's name, which is hex: made at the start, kept over reload */
#define NGX_ADM_FLEET_NODE      NGX_ADM_SETTING_NODE

/* parts between two starts of nginx; and those that a reload may add, if they
   are not larger than this, or than the largest one at the start */
#define NGX_ADM_FLEET_PARTS     128
#define NGX_ADM_FLEET_SPARE     4
#define NGX_ADM_FLEET_PART      (512 * 1024)
#define NGX_ADM_FLEET_NAME      104

/* ms between two looks of a worker at what is to be done */
#define NGX_ADM_FLEET_TICK      50


typedef struct ngx_adm_fleet_sh_s  ngx_adm_fleet_sh_t;

/* NGX_ERROR: the reason is in the log */

typedef ngx_int_t (*ngx_adm_fleet_attach_pt)(void *data, void *memory,
    ngx_uint_t made);
typedef void (*ngx_adm_fleet_tick_pt)(void *data);


/* what lives in the memory: found again by its name over reload */

typedef struct {
    ngx_str_t                 name;      /* at most NGX_ADM_FLEET_NAME */
    size_t                    size;      /* bytes; of a kept one, no more */
    ngx_adm_fleet_attach_pt   attach;    /* memory zeroed if made, aligned to
                                            64 bytes */
    ngx_adm_fleet_tick_pt     tick;      /* every NGX_ADM_FLEET_TICK, in each
                                            worker of the newest generation,
                                            while the store can be asked;
                                            or NULL */
    ngx_adm_fleet_tick_pt     stop;      /* when a process ends, or serves
                                            another configuration; or NULL */
    void                     *data;
} ngx_adm_fleet_part_t;


/* a cycle's view */

typedef struct {
    ngx_shm_zone_t           *shm_zone;
    ngx_adm_fleet_sh_t       *sh;        /* NULL until the memory is there */
    ngx_adm_redis_t          *redis;
    ngx_adm_settings_t       *settings;
    ngx_array_t               parts;     /* of ngx_adm_fleet_part_t */
    ngx_str_t                 nodes;     /* the key of the nodes ... */
    ngx_str_t                 changes;   /* ... and of the settings */
    ngx_uint_t                generation;
    ngx_event_t               event;     /* of this process */
} ngx_adm_fleet_t;


/*
 * Declares the memory, once in a cycle.  NULL: out of memory, or nginx has
 * said why in the log.
 */

ngx_adm_fleet_t *ngx_adm_fleet_add(ngx_conf_t *cf, ngx_str_t *name, void *tag,
    ngx_adm_redis_t *redis, ngx_adm_settings_t *settings);

/* room for a part, zeroed; good until the next one; NULL: out of memory */

ngx_adm_fleet_part_t *ngx_adm_fleet_part(ngx_adm_fleet_t *fleet);

/* once all parts are known: how large the memory has to be */

ngx_int_t ngx_adm_fleet_size(ngx_conf_t *cf, ngx_adm_fleet_t *fleet);


/* the pulse, by whichever worker comes first; when a process begins */

void ngx_adm_fleet_start(ngx_adm_fleet_t *fleet, ngx_cycle_t *cycle);
void ngx_adm_fleet_stop(ngx_adm_fleet_t *fleet);

/* this node's name */

ngx_str_t ngx_adm_fleet_node(ngx_adm_fleet_t *fleet);

/* nodes that live, as of the last pulse; 1 and up */

ngx_uint_t ngx_adm_fleet_nodes(ngx_adm_fleet_t *fleet);


/*
 * 1 for the process whose turn it is: "due", which is in shared memory, has
 * come, and will again in "ms".
 */

ngx_uint_t ngx_adm_fleet_turn(ngx_atomic_t *due, ngx_msec_t ms);


#endif /* _NGX_ADM_FLEET_H_INCLUDED_ */
