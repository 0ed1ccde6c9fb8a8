
/*
 * The line of a waiting room over the nodes of a fleet: its ticks, and joins
 * and claims as commands of trips.
 *
 * Of joins the first of a process goes at once, since nearly always nobody
 * else comes with it; those that come within the next 5 ms go together.
 * Whichever worker comes first ticks: every 250 ms, more seldom where many
 * nodes do, with jitter.
 */


#ifndef _NGX_ADM_LINE_FLEET_H_INCLUDED_
#define _NGX_ADM_LINE_FLEET_H_INCLUDED_


#include <ngx_adm_fleet.h>
#include <ngx_adm_trip.h>
#include <adm_line_fleet.h>


/* ms between two calls of a process that join */
#define NGX_ADM_LINE_GATHER    5

/*
 * ms that each node adds to the time between two of its ticks where these
 * together are more than ADM_LINE_TICK: 125 ticks a second are the most that
 * a room asks of a store
 */
#define NGX_ADM_LINE_SPACING   8

/* LINE_JOIN, LINE_CLAIM and LINE_TICK */
#define NGX_ADM_LINE_SCRIPTS   3


/* behind ngx_adm_line_t.fleet; in the cycle's pool */

struct ngx_adm_line_fleet_s {
    ngx_adm_fleet_t        *fleet;
    ngx_adm_line_t         *line;
    ngx_array_t             keys[NGX_ADM_LINE_SCRIPTS];   /* of ngx_str_t */

    void                   *memory;      /* NULL until it is there */
    ngx_uint_t              made;        /* it is new */
    adm_fleet_t             state;       /* once both are there */

    /* of this process */
    ngx_queue_t             joins;       /* to go together */
    ngx_uint_t              njoins;
    ngx_event_t             event;       /* when they go */
    ngx_msec_t              joined;      /* when the last went */
    ngx_queue_t             told;        /* claims that need no call */
    ngx_event_t             telling;
    ngx_uint_t              ticking;     /* a tick is under way */
    time_t                  complained;  /* about a reply */
};


/*
 * Makes the line one of the fleet, under "PREFIXroom:{NAME}" in the store.
 * NULL: out of memory.  Without it a line is this node's own.
 */

ngx_adm_line_fleet_t *ngx_adm_line_fleet_add(ngx_conf_t *cf,
    ngx_adm_line_t *line, ngx_adm_fleet_t *fleet);

/* the line's own memory is there */

void ngx_adm_line_fleet_attach(ngx_adm_line_fleet_t *lf);


/*
 * The keeper's: takes a command JOIN or CLAIM of a trip.  NGX_OK:
 * "done" will be called once, from the event loop, with the command's reply
 * set, within the trip's time-out; NGX_DECLINED: it will not, since the store
 * cannot be asked now.
 *
 * Whoever got a ticket, or a pass, got it in the second pass.since of the
 * store's clock.
 */

typedef void (*ngx_adm_line_done_pt)(ngx_adm_command_t *command);

ngx_int_t ngx_adm_line_fleet_ask(ngx_adm_command_t *command,
    ngx_adm_line_done_pt done);

/* ticks if it is time to; called every ADM_LINE_TICK by each worker */

void ngx_adm_line_fleet_tick(ngx_adm_line_fleet_t *lf);

/* gives back the pass of an entrant who is gone; as the keeper's give_back */

void ngx_adm_line_fleet_give_back(ngx_adm_command_t *command);

/* how much is known of what the store knows now */

typedef enum {
    NGX_ADM_LINE_HEARD = 0,        /* it is there, and answers */
    NGX_ADM_LINE_IN_DOUBT,         /* it cannot be asked now, or has not been
                                      heard for long */
    NGX_ADM_LINE_ALONE             /* both */
} ngx_adm_line_hearing_e;

ngx_adm_line_hearing_e ngx_adm_line_fleet_hearing(ngx_adm_line_fleet_t *lf);


#endif /* _NGX_ADM_LINE_FLEET_H_INCLUDED_ */
