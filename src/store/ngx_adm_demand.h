
/*
 * What clients want, as an autoscaler has to know it: first attempts, not
 * the impatience of those who were told to come back later.
 */


#ifndef _NGX_ADM_DEMAND_H_INCLUDED_
#define _NGX_ADM_DEMAND_H_INCLUDED_


#include <ngx_adm_counters.h>
#include <adm_recent.h>


#define NGX_ADM_DEMAND_LAYOUT    1
#define NGX_ADM_DEMAND_SECONDS   10


typedef struct ngx_adm_demand_sh_s  ngx_adm_demand_sh_t;


/* a cycle's view */

typedef struct {
    ngx_shm_zone_t       *shm_zone;
    ngx_adm_demand_sh_t  *sh;
    adm_recent_t          recent;
} ngx_adm_demand_t;


/* NULL: out of memory, or nginx has said why in the log */

ngx_adm_demand_t *ngx_adm_demand_add(ngx_conf_t *cf, ngx_str_t *name,
    void *tag);

/*
 * 1 while nobody is known who was told to come back: then all are first
 * attempts, and a tag is not needed
 */

ngx_uint_t ngx_adm_demand_quiet(ngx_adm_demand_t *demand);

/* what tells a client from others, piece by piece; "tag" is 0 at first */

uint64_t ngx_adm_demand_tag(ngx_adm_demand_t *demand, uint64_t tag,
    ngx_str_t *piece);

/* a client asks: counted unless it comes before its time */

void ngx_adm_demand_asked(ngx_adm_demand_t *demand, uint64_t tag);

/* the seconds until its time, 0 if it was not told to come back, or has */

ngx_uint_t ngx_adm_demand_left(ngx_adm_demand_t *demand, uint64_t tag);

/* it was refused, and told to come back in so many seconds */

void ngx_adm_demand_refused(ngx_adm_demand_t *demand, uint64_t tag,
    ngx_uint_t seconds);

/* first attempts of the last NGX_ADM_DEMAND_SECONDS whole seconds */

uint64_t ngx_adm_demand(ngx_adm_counters_t *counters);


#endif /* _NGX_ADM_DEMAND_H_INCLUDED_ */
