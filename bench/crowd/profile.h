
/*
 * The rate of arrivals over time, and a Poisson process of that rate.
 *
 * A profile is a chain of spans without gaps, on each of which the rate is
 * linear.  Spikes lie over it: while one lasts its rate stands in place of
 * the chain's.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _PROFILE_H_INCLUDED_
#define _PROFILE_H_INCLUDED_


#include <stddef.h>


typedef struct {
    double     from;        /* s */
    double     to;          /* s; the last span's is INFINITY */
    double     first;       /* per second, at "from" */
    double     last;        /* per second, at "to" */
} span_t;


typedef struct {
    span_t    *spans;
    size_t     n;
} profile_t;


/*
 * The first three return NULL, or what is wrong in words.  Steps and ramps
 * come in the order of time; spikes after them, in any order.
 */
const char *profile_step(profile_t *p, double at, double rate);
const char *profile_ramp(profile_t *p, double from, double to, double rate);
const char *profile_spike(profile_t *p, double at, double length,
    double rate);

void profile_scale(profile_t *p, double factor);
void profile_free(profile_t *p);

double profile_rate(const profile_t *p, double t);

/* the highest rate before "end" */
double profile_peak(const profile_t *p, double end);

/* how many arrivals are expected in [from, to) */
double profile_expected(const profile_t *p, double from, double to);

/*
 * When "amount" more arrivals are expected to have come than at t; INFINITY
 * if never.  With amounts of exponential distribution and mean 1 the moments
 * are a Poisson process of the profile's rate.
 */
double profile_after(const profile_t *p, double t, double amount);


#endif /* _PROFILE_H_INCLUDED_ */
