
/*
 * Whole places of one limit for several nodes: what each of them has, at each
 * moment, so that all together have just the limit.
 *
 * A node's portion goes by what it needs, with a little for one that needs
 * nothing, since somebody may come to it.  What is not a whole place is one
 * for that part of the time, by turns: all portions stand in a row, each moves
 * over the marks of whole places as time goes by, and a node has the places
 * whose marks are within its own.  Who knows the same numbers and the same
 * time finds the same, without a word.
 */


#ifndef _ADM_PORTION_H_INCLUDED_
#define _ADM_PORTION_H_INCLUDED_


#include "adm.h"


/* ms in which everybody has its turn: twice as long wherever places are twice
   as few for the nodes, up to the longest */

#define ADM_PORTION_ROUND     2000
#define ADM_PORTION_LONGEST   32000


/*
 * The places of node "mine" of "n", 1 and up, at "now", ms of a clock that is
 * the same for all.  "limit" is in thousandths of a place, and less than one
 * place counts as one; "needs" are requests a second, in thousandths.  Cost:
 * a few instructions for each node.
 */

uint64_t adm_portion(uint64_t limit, const uint32_t *needs, unsigned n,
    unsigned mine, uint64_t now);


#endif /* _ADM_PORTION_H_INCLUDED_ */
