
/*
 * A waiting room as its crowd sees it: who was told what, who was let in, in
 * which order, and how many passes are good at once.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _ROOM_H_INCLUDED_
#define _ROOM_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "answer.h"
#include "histogram.h"
#include "token.h"


/* seconds for which a pass is seen to be good, the most */

#define ROOM_EXPIRIES  16384

/*
 * The error of what was told is measured where the truth is at least this:
 * of less, whole numbers are no measure.
 */

#define ROOM_LEAST_WAIT   (5 * USEC_SECOND)
#define ROOM_LEAST_AHEAD  10

typedef enum {
    ROOM_FIRST,                     /* the answer that put it in line */
    ROOM_POLL,                      /* the first poll */
    ROOM_TIMES
} room_e;


typedef struct {
    usec_t           at;            /* 0: nothing was told */
    int64_t          wait;          /* s */
    int64_t          position;      /* -1: was not told */
} told_t;


/* a place in line; times are 0 until they are known */
typedef struct {
    uint64_t         number;
    told_t           told[ROOM_TIMES];
    usec_t           called;        /* it was told of the call */
    usec_t           until;         /* it has to claim */
    usec_t           in;
} place_t;


typedef struct seen_s  seen_t;


typedef struct {
    place_t         *places;        /* of those let in */
    size_t           n;
    size_t           size;
    int64_t          claim;         /* s, the longest window told */

    uint64_t         given;         /* the highest number that was read */
    uint64_t         called;        /* ... as called */
    uint64_t         jumped;        /* numbers not above those read before */
    uint64_t         passed_over;   /* told to wait behind a later number */

    seen_t          *seen;          /* passes by their id */
    seen_t          *numbers;       /* that have a pass */
    uint64_t         passes;
    uint64_t         direct;        /* ... for nobody who stood in line */
    uint64_t         twice;         /* ... for a number that had one */
    unsigned         inside;        /* passes that are good */
    unsigned         inside_most;
    int64_t          clock;         /* Unix time up to which they expired */
    uint32_t         expiring[ROOM_EXPIRIES];

    usec_t           start;
    FILE            *log;           /* a line for each pass, or NULL */
} room_t;


/* what a shopper could know when it asked: numbers that had been read */
typedef struct {
    uint64_t         given;
    uint64_t         called;
} known_t;


/* what was told, against what became of it */
typedef struct {
    uint64_t         count;
    double           error;         /* mean of the relative errors */
    double           bias;          /* mean of told / true, less 1 */
} estimate_t;


typedef struct {
    estimate_t       waits[ROOM_TIMES];
    estimate_t       positions[ROOM_TIMES];
    uint64_t         let_in;        /* places that the order is told of */
    histogram_t      called_after;  /* somebody with a later number */
    histogram_t      entered_after; /* likewise */
} order_t;


/*
 * Takes what an answer tells somebody in line.  Whoever asks when a higher
 * number has been given must not get a lower one; or when one has been called
 * behind its own, must not be told to wait.
 */
void room_told(room_t *room, place_t *place, const answer_t *answer,
    const known_t *known, room_e when, usec_t now);

/* takes a call */
void room_called(room_t *room, place_t *place, const answer_t *answer,
    usec_t now);

/* takes a pass of somebody at that place; 1: a new one, 0: it was known */
int room_pass(room_t *room, const token_t *pass, const place_t *place,
    uint64_t shopper, usec_t now);

/* passes that are good now */
unsigned room_inside(room_t *room);

/* what can be said only at the end; the order of "places" is changed */
void room_order(const room_t *room, order_t *order);

void room_free(room_t *room);


#endif /* _ROOM_H_INCLUDED_ */
