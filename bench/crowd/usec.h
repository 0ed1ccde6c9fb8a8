
/*
 * Time: microseconds of the monotonic clock.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _USEC_H_INCLUDED_
#define _USEC_H_INCLUDED_


#include <stdint.h>
#include <sys/time.h>
#include <time.h>


#define USEC_SECOND  1000000


typedef int64_t  usec_t;


static inline usec_t
usec_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (usec_t) ts.tv_sec * USEC_SECOND + ts.tv_nsec / 1000;
}


static inline usec_t
usec_of(double seconds)
{
    return (usec_t) (seconds * USEC_SECOND + 0.5);
}


/* what event_add() takes; a moment that has passed is due at once */
static inline struct timeval
usec_timeval(usec_t t)
{
    struct timeval  tv;

    if (t < 0) {
        t = 0;
    }

    tv.tv_sec = t / USEC_SECOND;
    tv.tv_usec = t % USEC_SECOND;

    return tv;
}


#endif /* _USEC_H_INCLUDED_ */
