
/*
 * Random numbers: splitmix64 (Steele, Lea, Flood, 2014).  Each shopper has a
 * stream of its own, so that what a server answers to one does not change
 * what another draws.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _RNG_H_INCLUDED_
#define _RNG_H_INCLUDED_


#include <math.h>
#include <stdint.h>


typedef struct {
    uint64_t  state;
} rng_t;


static inline uint64_t
rng_next(rng_t *rng)
{
    uint64_t  z;

    z = (rng->state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;

    return z ^ (z >> 31);
}


/* the stream "number" of a seed */
static inline rng_t
rng_stream(uint64_t seed, uint64_t number)
{
    rng_t  rng;

    rng.state = seed;
    rng.state = rng_next(&rng) ^ (number * 0xd1342543de82ef95);
    rng.state = rng_next(&rng);

    return rng;
}


/* in [0, 1) */
static inline double
rng_uniform(rng_t *rng)
{
    return (double) (rng_next(rng) >> 11) * 0x1p-53;
}


/* of mean 1 */
static inline double
rng_exponential(rng_t *rng)
{
    return -log1p(-rng_uniform(rng));
}


#endif /* _RNG_H_INCLUDED_ */
