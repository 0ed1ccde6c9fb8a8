
/*
 * What the files of gates have in common: how they stand in shared memory.
 *
 * A process has the same place in all gates.  What is in a place is written by
 * its owner alone, as long as that one lives, and read by all: sums go on
 * under the next owner, and never back; "inside" is zeroed when a place
 * changes hands.
 */


#ifndef _NGX_ADM_GATE_ROOM_H_INCLUDED_
#define _NGX_ADM_GATE_ROOM_H_INCLUDED_


#include <ngx_adm_gate.h>
#include <adm_atomic.h>


/* processes; the place of those that found none is never owned */

#define NGX_ADM_GATE_PLACES    256
#define NGX_ADM_GATE_COMMON    0

/* of latencies: four to an octave, from 262 us up to a minute */

#define NGX_ADM_GATE_BUCKETS   76


/* of a process, since the start; counts but for two */

typedef enum {
    NGX_ADM_GATE_OFFERED = 0,
    NGX_ADM_GATE_ENTERED,
    NGX_ADM_GATE_ANSWERED,
    NGX_ADM_GATE_FAILED,
    NGX_ADM_GATE_GONE,
    NGX_ADM_GATE_STALE,                  /* of these, of an older epoch */
    NGX_ADM_GATE_LATENCY,                /* ns, of those that are not stale */
    NGX_ADM_GATE_CROWD,                  /* inside when they entered, of this
                                            node */
    NGX_ADM_GATE_REFUSED,                /* found no place */
    NGX_ADM_GATE_CUT_OFF,
    NGX_ADM_GATE_SUMS
} ngx_adm_gate_sum_e;


/* "inside" and "peak" are a line of their own, which others' entering reads */

typedef struct {
    ngx_atomic_t            inside;
    ngx_atomic_t            peak;        /* ngx_adm_gate_peak() */
    u_char                  apart[48];
    ngx_atomic_t            sums[NGX_ADM_GATE_SUMS];
    ngx_atomic_t            offers[ADM_CUTOFF_LEVELS];
    ngx_atomic_t            shed[ADM_CUTOFF_LEVELS];
    uint32_t                latencies[NGX_ADM_GATE_BUCKETS];   /* modulo 2^32,
                                            of answers, and of what took longer
                                            than they do */
    u_char                  behind[16];
} ngx_adm_gate_place_t;


/* the last tick's number, and the most inside of the node since then */

#define ngx_adm_gate_peak(tick, inside)  (((uint64_t) (tick) << 32) + (inside))


/* what the fleet is told: as of the last tick, and written by it */

typedef struct {
    adm_adapt_window_t      sums;        /* since the start; but "peak", which
                                            is the most since it was exchanged
                                            for 0 */
    uint64_t                offered;     /* since the start */
} ngx_adm_gate_done_t;


/* what the last tick saw; of whoever ticks */

typedef struct {
    uint64_t                clock;       /* ns; 0: none was */
    uint64_t                inside;
    uint64_t                sums[NGX_ADM_GATE_SUMS];
    uint32_t                latencies[NGX_ADM_GATE_BUCKETS];
    uint64_t                weights[NGX_ADM_GATE_BUCKETS];     /* of latencies:
                                            what was long ago weighs less */
} ngx_adm_gate_seen_t;


struct ngx_adm_gate_sh_s {
    size_t                  len;         /* 0: unused */
    u_char                  name[NGX_ADM_GATE_NAME];
    ngx_adm_gate_place_t   *places;      /* NGX_ADM_GATE_PLACES, at lines of
                                            the processor's cache */

    /* what requests read, and ticks write */

    adm_adapt_t             adapt;
    ngx_atomic_t            share;       /* places of this node, now, of what
                                            is the fleet's; or NO_LIMIT: not
                                            known */
    ngx_atomic_t            tick;        /* number of the last */
    ngx_atomic_t            needs;       /* us; 0: not known */
    ngx_atomic_t            served;      /* a second, thousandths */
    ngx_atomic_t            offered;
    ngx_atomic_t            cut;         /* thousandths of the offered */

    /* what requests write */

    adm_circuit_t           circuit;
    ngx_atomic_t            opened;      /* times */
    ngx_atomic_t            probe;       /* when the next may go, ms */
    adm_cutoff_t            cutoff;

    ngx_adm_gate_seen_t     seen;
    ngx_adm_gate_done_t     done;
    u_char                  behind[64];
};


struct ngx_adm_gates_sh_s {
    ngx_uint_t              layout;
    uint64_t                secret;      /* of cohorts */
    ngx_atomic_t            generations; /* that were made */
    ngx_atomic_t            serving;     /* the newest that serves */
    ngx_atomic_t            opened;      /* places below it were ever used */
    ngx_atomic_t            due;         /* the next tick, ms */
    ngx_atomic_t            ticking;     /* pid of whoever does; 0: nobody */
    ngx_atomic_t            began;       /* ms, when that one did */
    ngx_atomic_t            sweep;       /* the next look for dead ones, ms */
    ngx_atomic_t            owners[NGX_ADM_GATE_PLACES];   /* pids; 0: free */
    ngx_atomic_t            beats[NGX_ADM_GATE_PLACES];    /* ms, the owners'
                                            last */
    ngx_atomic_t            births[NGX_ADM_GATE_PLACES];   /* when the owners
                                            began, as the kernel says */
    ngx_adm_gate_sh_t       gates[NGX_ADM_GATES];
};


/* the place of this process, NULL while it serves no gates */

ngx_adm_gate_place_t *ngx_adm_gate_place(ngx_adm_gate_t *gate);

/* to a word of this process' place but "inside" */

void ngx_adm_gate_add(ngx_atomic_t *word, uint64_t n);

/* a process takes its place, or has it already; tells that it lives */

void ngx_adm_gate_own(ngx_adm_gates_sh_t *sh);
void ngx_adm_gate_beat(ngx_adm_gates_sh_t *sh);

/* frees the places of processes that are gone */

void ngx_adm_gate_sweep(ngx_adm_gates_sh_t *sh);

/* inside, of this node: no lock, one load for each process */

uint64_t ngx_adm_gate_inside(ngx_adm_gate_t *gate);

/* since the start, of all processes */

void ngx_adm_gate_sum(ngx_adm_gate_t *gate, uint64_t *sums);

/* places of this node now, or NO_LIMIT */

uint64_t ngx_adm_gate_room(ngx_adm_gate_t *gate);

/* 1: there is a limit; and as the setting, and the circuit, say now */

ngx_uint_t ngx_adm_gate_limited(ngx_adm_gate_t *gate);
ngx_adm_gate_forced_e ngx_adm_gate_forced(ngx_adm_gate_t *gate);
ngx_adm_circuit_e ngx_adm_gate_circuit(ngx_adm_gate_t *gate);

#define ngx_adm_gate_level(comer)  ((comer)->rank / ADM_CUTOFF_COHORTS)

/* the bucket of a latency in ns, and the least latency of a bucket */

ngx_uint_t ngx_adm_gate_bucket(uint64_t latency);
uint64_t ngx_adm_gate_bound(ngx_uint_t bucket);

/* every NGX_ADM_GATE_TICK, by one process */

void ngx_adm_gate_tick(ngx_adm_gate_t *gate);


#endif /* _NGX_ADM_GATE_ROOM_H_INCLUDED_ */
