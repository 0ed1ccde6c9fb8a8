
/*
 * Gates: what stands before an upstream, an admission_upstream each.  How
 * many are inside, how many may be, whether its circuit is open, what it needs
 * for an answer, and who is shed; in shared memory, for all workers.
 *
 *  - Each process counts in a place of its own, which nobody else writes.  Who
 *    enters counts itself, then sums all up: over the limit it takes itself
 *    back.  What a dead process had inside counts until the next tick, which
 *    asks the kernel.
 *  - Whoever was let in leaves exactly once.
 *  - Every NGX_ADM_GATE_TICK one worker, any, looks at what was done since and
 *    sets limit and cut; it may die.
 *  - In a fleet the limit is the fleet's, and this node has a share of it.
 */


#ifndef _NGX_ADM_GATE_H_INCLUDED_
#define _NGX_ADM_GATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <adm_adapt.h>
#include <adm_circuit.h>
#include <adm_cutoff.h>
#include <ngx_adm_fleet.h>
#include <ngx_adm_settings.h>


#define NGX_ADM_GATE_LAYOUT   2
#define NGX_ADM_GATES         32         /* between two starts of nginx */
#define NGX_ADM_GATE_NAME     96
#define NGX_ADM_GATE_TICK     100        /* ms */

/* of a limit: none, as when concurrency= is not given */
#define NGX_ADM_GATE_NO_LIMIT ((uint64_t) -1)


/* the values of the setting "circuit NAME" */

typedef enum {
    NGX_ADM_GATE_AUTO = 0,
    NGX_ADM_GATE_FORCED_OPEN,
    NGX_ADM_GATE_FORCED_CLOSED
} ngx_adm_gate_forced_e;


typedef struct ngx_adm_gates_sh_s  ngx_adm_gates_sh_t;
typedef struct ngx_adm_gate_sh_s   ngx_adm_gate_sh_t;

/* known to ngx_adm_gate_fleet.c */

typedef struct ngx_adm_gate_fleet_s  ngx_adm_gate_fleet_t;


/* all of a cycle */

typedef struct {
    ngx_shm_zone_t         *shm_zone;
    ngx_adm_gates_sh_t     *sh;
    ngx_array_t             all;         /* of ngx_adm_gate_t * */
    ngx_adm_fleet_t        *fleet;       /* NULL: this node alone */
    ngx_uint_t              generation;  /* of this configuration, from 1 */
    ngx_event_t             event;       /* of this process */
} ngx_adm_gates_t;


/* one; in the cycle's pool */

typedef struct {
    ngx_str_t               name;
    ngx_uint_t              adaptive;
    ngx_uint_t              concurrency; /* 0: no limit, unless adaptive */
    ngx_uint_t              min;         /* of an adaptive limit, 1 and up */
    ngx_uint_t              max;
    adm_circuit_conf_t      circuit;
    ngx_msec_t              budget;      /* 0: none */
    ngx_msec_t              lag;         /* of the event loop; 0: not looked
                                            at */
    ngx_adm_setting_t      *forced;      /* ngx_adm_gate_forced_e */
    ngx_adm_gates_t        *gates;
    ngx_adm_gate_sh_t      *sh;
    ngx_adm_gate_fleet_t   *fleet;       /* NULL: this node alone */
} ngx_adm_gate_t;


typedef enum {
    NGX_ADM_GATE_OK = 0,
    NGX_ADM_GATE_FULL,                   /* no place inside */
    NGX_ADM_GATE_CUT,                    /* places are for others first */
    NGX_ADM_GATE_OPEN,                   /* the circuit */
    NGX_ADM_GATE_LATE                    /* no time left for an answer */
} ngx_adm_gate_rc_e;


/* who asks; zeroed but for rank and left */

typedef struct {
    ngx_uint_t              rank;        /* adm_cutoff_rank() */
    ngx_msec_t              left;        /* ms, of the budget, if any */
    ngx_uint_t              counted;     /* it was offered before, as one of
                                            this level, from 1: a second look
                                            at the same request ... */
    ngx_uint_t              refused;     /* ... and counted as refused */
} ngx_adm_comer_t;


/* one that was let in; zeroed: nobody.  The owner keeps it and leaves once */

typedef struct {
    ngx_adm_gate_t         *gate;        /* NULL: nobody is inside by it */
    uint64_t                inside;      /* of this node, with itself */
    uint64_t                epoch;
    uint64_t                pass;        /* by which its circuit knows it; 0:
                                            it was not asked */
    unsigned                probe:1;     /* though too late: it keeps the
                                            estimate alive */
} ngx_adm_passage_t;


typedef enum {
    NGX_ADM_LEFT_UNREACHED = 0,          /* it never came to the upstream */
    NGX_ADM_LEFT_ANSWERED,
    NGX_ADM_LEFT_FAILED,                 /* 5xx, a refused or broken
                                            connection, a time-out */
    NGX_ADM_LEFT_GONE                    /* the client did not wait */
} ngx_adm_left_e;


/* what there is to be told of a gate; its circuit's state as circuit_state */

typedef struct {
    ngx_uint_t              inside;      /* of this node */
    uint64_t                limit;       /* thousandths; of the fleet if there
                                            is one; or NO_LIMIT */
    uint64_t                share;       /* of this node, likewise */
    ngx_uint_t              nodes;       /* that share it */
    ngx_adm_circuit_e       circuit;
    ngx_uint_t              forced;      /* ngx_adm_gate_forced_e */
    uint64_t                opened;      /* times, since the start */
    uint64_t                needs;       /* us, the median of late answers; 0:
                                            not known */
    uint64_t                served;      /* a second, thousandths */
    uint64_t                offered;     /* likewise */
    uint64_t                cut;         /* thousandths of those offered now
                                            that are cut off */
    uint64_t                shed[ADM_CUTOFF_LEVELS];     /* since the start */
    uint64_t                offers[ADM_CUTOFF_LEVELS];
} ngx_adm_gate_told_t;


/* once in a cycle; NULL: out of memory, or nginx has said why in the log */

ngx_adm_gates_t *ngx_adm_gates_add(ngx_conf_t *cf, ngx_str_t *name, void *tag);

/*
 * Declares one, once in a cycle; the caller fills in what is configured before
 * the configuration is served.  A name keeps its state over reload.  NULL:
 * out of memory.
 */

ngx_adm_gate_t *ngx_adm_gate_declare(ngx_adm_gates_t *gates, ngx_str_t *name);

/* with Redis: before ngx_adm_fleet_size() */

ngx_int_t ngx_adm_gates_share(ngx_adm_gates_t *gates, ngx_adm_fleet_t *fleet);

/* a process begins, or ends, to serve the configuration */

void ngx_adm_gates_start(ngx_adm_gates_t *gates, ngx_cycle_t *cycle);
void ngx_adm_gates_stop(ngx_adm_gates_t *gates);


/*
 * Whether it makes sense to go on, taking nothing: what is full or open now is
 * refused before anything is spent on it.  Counts the offer.
 */

ngx_adm_gate_rc_e ngx_adm_gate_look(ngx_adm_gate_t *gate,
    ngx_adm_comer_t *comer);

/* OK: is inside, and "passage" says how; else nothing was taken */

ngx_adm_gate_rc_e ngx_adm_gate_enter(ngx_adm_gate_t *gate,
    ngx_adm_comer_t *comer, ngx_adm_passage_t *passage);

/*
 * "latency" is in ns from reaching the upstream to its answer, or as long as
 * it lasted.  A passage of nobody is let alone, and one that has left becomes
 * one of nobody.
 */

void ngx_adm_gate_leave(ngx_adm_passage_t *passage, ngx_adm_left_e left,
    uint64_t latency);

/* by which adm_cutoff_rank() draws cohorts: kept until restart */

uint64_t ngx_adm_gates_secret(ngx_adm_gates_t *gates);

/* s after which to come back, for one that was refused so: at random */

ngx_uint_t ngx_adm_gate_retry(ngx_adm_gate_t *gate, ngx_adm_gate_rc_e rc);

/* one was shed, in the end */

void ngx_adm_gate_shed(ngx_adm_gate_t *gate, ngx_adm_comer_t *comer);

void ngx_adm_gate_tell(ngx_adm_gate_t *gate, ngx_adm_gate_told_t *told);


#endif /* _NGX_ADM_GATE_H_INCLUDED_ */
