
/*
 * The limit of a gate over the nodes of a fleet: what they did is told to
 * Redis and heard from there, under "PREFIXgate:{NAME}", every 100 ms, more
 * seldom where many nodes do, by whichever worker comes first.
 *
 * Each node steps the limit by what all did; what the leader finds is in
 * force, and each node has a share of it, as adm_team.h and adm_portion.h
 * tell.  A node that has not heard of the others for ADM_TEAM_STALE goes on
 * with its share, which it may lower by what it sees itself, and does not
 * raise above what it was.
 */


#ifndef _NGX_ADM_GATE_FLEET_H_INCLUDED_
#define _NGX_ADM_GATE_FLEET_H_INCLUDED_


#include <ngx_adm_gate.h>


/*
 * ms between two calls of a node; ms that each node adds to it where these
 * together are more: 250 calls a second are the most that a gate asks
 */

#define NGX_ADM_GATE_PERIOD    100
#define NGX_ADM_GATE_SPACING   4

/*
 * ms in which a node that has just started, and has not heard whether there
 * are others, takes a part of the limit only
 */

#define NGX_ADM_GATE_ALONE     1000
#define NGX_ADM_GATE_PART      4


/*
 * Instead of adm_adapt_step(), by whoever ticks: steps the limit, by what all
 * did if the fleet is heard, and sets the share of this node.  "window" is its
 * own; "now" in ns.
 */

void ngx_adm_gate_fleet_step(ngx_adm_gate_t *gate,
    adm_adapt_window_t *window, uint64_t now);

/* the limit of all, in thousandths, or NO_LIMIT; how many share it */

uint64_t ngx_adm_gate_fleet_limit(ngx_adm_gate_t *gate);
ngx_uint_t ngx_adm_gate_fleet_nodes(ngx_adm_gate_t *gate);


#endif /* _NGX_ADM_GATE_FLEET_H_INCLUDED_ */
