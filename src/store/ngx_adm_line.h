
/*
 * The line of a waiting room in a zone's memory, and its shadow, which only
 * dry runs see.  Both survive reload, whatever the settings become; the place
 * of a room that has left the configuration is kept for its return.
 */


#ifndef _NGX_ADM_LINE_H_INCLUDED_
#define _NGX_ADM_LINE_H_INCLUDED_


#include <ngx_adm_state.h>
#include <ngx_adm_zone.h>
#include <adm_line.h>


typedef struct ngx_adm_line_sh_s     ngx_adm_line_sh_t;
typedef struct ngx_adm_line_fleet_s  ngx_adm_line_fleet_t;


/* a cycle's view */

typedef struct {
    ngx_str_t             name;
    ngx_adm_zone_t       *zone;
    adm_line_settings_t   settings;  /* for a line that begins */
    ngx_adm_state_t      *state;     /* NULL: nothing is brought back */
    ngx_adm_state_part_t  kept;
    ngx_adm_line_fleet_t *fleet;     /* NULL: the line is this node's own */

    /* known when the memory is there; [1] is the shadow */
    ngx_adm_line_sh_t    *sh;
    adm_line_t            line[2];
} ngx_adm_line_t;


/* bytes of a zone that a room takes */

size_t ngx_adm_line_size(void);


/*
 * Declares a room's line in "zone"; the name must live as long as the cycle.
 * What is in "settings" may be written until the configuration is read.
 * NULL: out of memory.
 */

ngx_adm_line_t *ngx_adm_line_add(ngx_conf_t *cf, ngx_adm_zone_t *zone,
    ngx_str_t *name, ngx_adm_state_t *state);


/* now, as lines have it: milliseconds since the epoch */

#define ngx_adm_line_now()                                                    \
    ((uint64_t) ngx_cached_time->sec * 1000 + ngx_cached_time->msec)


#endif /* _NGX_ADM_LINE_H_INCLUDED_ */
