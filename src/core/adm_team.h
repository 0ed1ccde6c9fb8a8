
/*
 * A team: the nodes before one upstream, which share how many requests it has
 * at once.
 *
 * This is a node's side, without a store: it writes what the node did and, if
 * it leads, the plan of all; and reads what the store returns, which has what
 * every node did, and the plan.  All are bytes, little-endian, in the order
 * that src/store/lua/gate.lua tells.
 *
 *  - What a node did are sums that only grow: a message that is lost, or comes
 *    twice, costs nothing but time.  The first of a node, and one that went
 *    back, is where counting begins.
 *  - The plan is the leader's, the node of the least name among those that
 *    live: the limit, and what each node needs of it.  Since all go by one
 *    plan, and by the store's clock, their shares add up to the limit.
 *
 * One process at a time; ms are of the node's own clock, which only grows.
 */


#ifndef _ADM_TEAM_H_INCLUDED_
#define _ADM_TEAM_H_INCLUDED_


#include "adm_adapt.h"


/* nodes at most; of more, those that came first */

#define ADM_TEAM_NODES     256


/* bytes of a name; of what a node did; of the longest plan */

#define ADM_TEAM_NAME      16
#define ADM_TEAM_RECORD    80
#define ADM_TEAM_PLANNED   (ADM_TEAM_NAME + 4)
#define ADM_TEAM_PLAN      (8 + ADM_TEAM_NODES * ADM_TEAM_PLANNED)


/* moments that are kept: of those who stay longer the oldest must do */

#define ADM_TEAM_MOMENTS   32


/* ms without news after which a node goes on by itself */

#define ADM_TEAM_STALE     2000


/* ms, and more for each node, without news of one: nobody is inside there */

#define ADM_TEAM_QUIET     1000
#define ADM_TEAM_EACH      16


/*
 * ms for which nodes that were known are believed to live after the store may
 * have forgotten them: each comes back at a moment of its own
 */

#define ADM_TEAM_REBORN    10000


/* what a node did since it began, but for "peak"; as it is told */

typedef struct {
    uint64_t  answered;        /* as in adm_adapt_window_t, down to ... */
    uint64_t  dropped;
    uint64_t  stale;
    uint64_t  latency;
    uint64_t  crowd;           /* ... those inside on this node alone */
    uint64_t  refused;
    uint64_t  offered;
    uint64_t  stayed;          /* ns inside, of all */
    uint64_t  elapsed;         /* ns */
    uint64_t  peak;            /* most inside since it was told last */
} adm_team_sums_t;


typedef struct {
    unsigned char    name[ADM_TEAM_NAME];
    adm_team_sums_t  sums;
    uint64_t         demand;   /* offered a second, thousandths, smoothed */
    uint64_t         inside;   /* mean, thousandths, smoothed */
    uint64_t         last;     /* likewise, of the last report alone, ... */
    uint64_t         more;     /* ... and so many more were inside as those saw
                                  who entered: 0 to 1000 */
    uint64_t         left;     /* in the last report, but for the stale */
    uint64_t         told;     /* ms: when it told something new */
    uint64_t         known;    /* 1: all this is */
    uint64_t         quiet;    /* ns in which nobody came, until now */
    uint64_t         refused;  /* of late, for want of a place */
} adm_team_node_t;


/* how many were inside, when it was heard */

typedef struct {
    uint64_t            at;         /* ms */
    uint64_t            inside;     /* mean of all nodes, thousandths */
} adm_team_moment_t;


/* in shared memory, zeroed: nothing was heard */

typedef struct {
    uint64_t            heard;      /* ms; 0: never */
    uint64_t            ahead;      /* ms that the store's clock is ahead,
                                       modulo 2^64 */
    uint64_t            made;       /* when the store's memory was, by it */
    uint64_t            reborn;     /* ms: when it was found that it may have
                                       forgotten nodes; 0: never */
    uint64_t            limit;      /* of the plan, thousandths; 0: none */
    uint64_t            inside;     /* mean of all nodes, thousandths */
    uint64_t            refused;    /* of late, by the other nodes */
    adm_adapt_window_t  window;     /* of all nodes, not taken yet; "crowd" has
                                       those inside on all of them */

    uint64_t            left;       /* of late, thousandths; and the ns ... */
    uint64_t            stayed;     /* ... that all were inside meanwhile */
    uint64_t            nmoments;   /* so far; the last ones are kept */
    adm_team_moment_t   moments[ADM_TEAM_MOMENTS];

    uint32_t            nnodes;     /* that live, by name */
    uint32_t            self;       /* which of them this is; nnodes: none */
    uint32_t            nplanned;   /* in the plan ... */
    uint32_t            place;      /* ... which this is; nplanned: none */
    uint32_t            settled;    /* 1: it has just those that live */
    uint32_t            apart;

    uint32_t            needs[ADM_TEAM_NODES];     /* as planned */
    adm_team_node_t     nodes[ADM_TEAM_NODES];
} adm_team_t;


/* what the node did, ADM_TEAM_RECORD bytes */

void adm_team_tell(const adm_team_sums_t *sums, unsigned char *record);

/*
 * The plan, with this limit in thousandths; its bytes, or 0 of a node that
 * does not lead.
 */

size_t adm_team_plan(const adm_team_t *t, uint64_t limit, unsigned char *plan);

/*
 * Reads what was asked for at "asked" and came at "now".  ADM_ERROR: it is
 * something else, and nothing was changed.
 */

int adm_team_hear(adm_team_t *t, const unsigned char *name, adm_str_t reply,
    uint64_t asked, uint64_t now);


/* 1 if the news are of ADM_TEAM_STALE ago at most, and tell of other nodes */

int adm_team_together(const adm_team_t *t, uint64_t now);

/* 1 if it has heard, but not within ADM_TEAM_STALE, of other nodes */

int adm_team_cut_off(const adm_team_t *t, uint64_t now);

int adm_team_leads(const adm_team_t *t);

/* what all did since it was taken last; 0 if there is nothing new */

int adm_team_take(adm_team_t *t, adm_adapt_window_t *window);

/*
 * How many places of a limit, in thousandths, this node has now.  One that was
 * another's until "rest" ms ago is not counted yet: whom that one let in is
 * still inside.
 *
 * While no other node has to refuse, and there is room for one more of each,
 * or half of the limit is not used, it has its part of what is not used, at
 * least.  With more than one "few" it has so many while half is not used, also
 * if others refuse.
 */

uint64_t adm_team_places(const adm_team_t *t, uint64_t limit, uint64_t rest,
    uint64_t few, uint64_t now);

/* what all have for each place that this node has, in thousandths */

uint64_t adm_team_ratio(const adm_team_t *t);


#endif /* _ADM_TEAM_H_INCLUDED_ */
