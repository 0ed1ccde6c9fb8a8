
/*
 * A shopper: comes, asks, is served or refused, comes back or gives up.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _SHOPPER_H_INCLUDED_
#define _SHOPPER_H_INCLUDED_


#include "crowd.h"


/* a shopper that was due at that moment */
void shopper_arrive(crowd_t *crowd, usec_t due);

/* ends those that are still there, as unfinished */
void shoppers_end(crowd_t *crowd);


#endif /* _SHOPPER_H_INCLUDED_ */
