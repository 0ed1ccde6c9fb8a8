
/*
 * A zone: the shared memory that a node's state of clients lives in.
 *
 * Laid out once, when nginx makes the memory; nothing is allocated in it
 * afterwards.  On reload the new generation attaches to what is there, while
 * the old one goes on working with it.
 */


#ifndef _NGX_ADM_ZONE_H_INCLUDED_
#define _NGX_ADM_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <adm_table.h>


/* to be raised by whoever changes what stands in a zone */
#define NGX_ADM_ZONE_LAYOUT     2

#define NGX_ADM_ZONE_MIN        (64 * 1024)
#define NGX_ADM_ZONE_RATES      128
#define NGX_ADM_SECRET_SIZE     16
#define NGX_ADM_ZONE_PLACES     15
#define NGX_ADM_ZONE_KEY        32
#define NGX_ADM_ZONE_KEY_ID     16


/* in shared memory: one of its own for every rate that uses the zone */

typedef struct {
    uint64_t                    tag;       /* whose it is; 0: nobody's */
    uint64_t                    word[2];   /* what its newcomers share when
                                              the table is full; [1] is of
                                              the shadow */
} ngx_adm_overflow_t;


/* in shared memory: of a room, kept for as long as the memory is there */

typedef struct {
    size_t                      len;       /* 0: nobody's */
    u_char                      name[ADM_NAME_MAX];
} ngx_adm_place_sh_t;


/* in shared memory */

typedef struct {
    ngx_uint_t                  layout;
    ngx_msec_t                  origin;    /* ngx_current_msec of tick
                                              ADM_GCRA_EPOCH */
    u_char                      secret[NGX_ADM_SECRET_SIZE];
    u_char                      key[NGX_ADM_ZONE_KEY];      /* of tokens */
    u_char                      key_id[NGX_ADM_ZONE_KEY_ID];   /* hex */

    adm_slot_t                 *slots;     /* of the table of rates */
    uint64_t                    buckets;

    ngx_adm_overflow_t          overflow[NGX_ADM_ZONE_RATES];

    u_char                     *places;    /* ngx_adm_line_size() each */
    ngx_uint_t                  nplaces;
    ngx_adm_place_sh_t          place[NGX_ADM_ZONE_PLACES];

    u_char                      apart[64]; /* what is written from what is
                                              read by every request */
    ngx_atomic_t                evictions;
    ngx_atomic_t                full;
} ngx_adm_zone_sh_t;


/* NGX_ERROR: the reason is in the log */

typedef ngx_int_t (*ngx_adm_zone_attach_pt)(void *data);


/* what lives in a zone, and wants to know when the memory is there */

typedef struct {
    ngx_adm_zone_attach_pt      attach;
    void                       *data;
} ngx_adm_zone_part_t;


/* a cycle's view of the zone */

typedef struct {
    ngx_shm_zone_t             *shm_zone;
    ngx_adm_zone_sh_t          *sh;        /* NULL until the memory is there */
    adm_table_t                 table;
    ngx_uint_t                  rooms;     /* that this configuration has */
    ngx_array_t                 parts;     /* of ngx_adm_zone_part_t */
    ngx_str_t                   file;      /* where it was declared */
    ngx_uint_t                  line;
} ngx_adm_zone_t;


/*
 * Declares a zone of "size" bytes, at least NGX_ADM_ZONE_MIN; a zone of that
 * name which runs already keeps its size until restart, and a warning says
 * so.  "tag" tells our zones from those of other modules.
 * NULL: out of memory, or nginx has said why in the log.
 */

ngx_adm_zone_t *ngx_adm_zone_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    void *tag);


/*
 * The place of the room "name", in the master when the memory is there;
 * "made" is 1 if it is new, and then it is zeroed.  There are places for the
 * rooms that the zone has at the start, and for as many more as fit into a
 * fifteenth of it, one in 32m.  NULL: no place is free, the log says so.
 */

void *ngx_adm_zone_place(ngx_adm_zone_t *zone, ngx_str_t *name,
    ngx_uint_t *made);


/* now, in ticks of the zone */

#define ngx_adm_zone_now(zone)                                                \
    (adm_ticks(ngx_current_msec - (zone)->sh->origin) + ADM_GCRA_EPOCH)


/*
 * The size in bytes that a zone of this name and tag has in the running
 * nginx; 0 if there is none.
 */

size_t ngx_adm_zone_running_size(ngx_conf_t *cf, ngx_str_t *name, void *tag);


#endif /* _NGX_ADM_ZONE_H_INCLUDED_ */
