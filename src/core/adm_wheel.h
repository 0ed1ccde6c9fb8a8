
/*
 * Who is inside: a count under a ceiling, without a lock and without memory
 * of a person but 6 bits.
 *
 * A pass has a serial, given densely, and is counted in the slot of time in
 * which it expires; a slot that is over counts no more, so passes leave by
 * themselves.  The 6 bits by serial say in which slot the pass is counted:
 * so a renewal or an end counts once, however often and by whomever it is
 * repeated.
 *
 * A process that is killed in the middle of a step leaves at most one place
 * counted that nobody has, until its slot is over; never one too few.
 */


#ifndef _ADM_WHEEL_H_INCLUDED_
#define _ADM_WHEEL_H_INCLUDED_


#include "adm_bits.h"


/* slots that a pass may expire in: the present one and those after it */

#define ADM_WHEEL_SLOTS   61


/* words of the wheel itself */

#define ADM_WHEEL_WORDS   64


/* bits of a seat */

#define ADM_WHEEL_WIDTH    6


/* a process's view; all words are in shared memory, zeroed */

typedef struct {
    uint64_t    *words;        /* ADM_WHEEL_WORDS */
    adm_bits_t   seats;        /* by serial, ADM_WHEEL_WIDTH wide */
    uint64_t     unit;         /* seconds of a slot, never changed */
} adm_wheel_t;


/*
 * In all that follows times are in seconds.  "expires" is when a pass ends;
 * what is further ahead than adm_wheel_reach() counts as that.
 */

#define adm_wheel_reach(w)   ((ADM_WHEEL_SLOTS - 1) * (w)->unit)


/* People inside, or whose place is just being taken.  Cost: the wheel. */

uint64_t adm_wheel_count(const adm_wheel_t *w, uint64_t now);


/*
 * Takes a place for a pass that expires then: 1; or 0 if that would make more
 * than "max", of which 0 is no ceiling.  In no order of events more than
 * "max" hold a place.  Cost: one add, the wheel.
 */

int adm_wheel_take(const adm_wheel_t *w, uint64_t now, uint64_t expires,
    uint64_t max);


/* Gives back a place for which no seat was taken. */

void adm_wheel_drop(const adm_wheel_t *w, uint64_t now, uint64_t expires);


/*
 * Seats the pass "serial" in the place that was taken for it; nothing if it
 * sits already, or has ended.
 */

void adm_wheel_sit(const adm_wheel_t *w, uint64_t now, uint64_t serial,
    uint64_t expires);


/*
 * Lets a pass, not yet expired, expire later; nothing if it does so already
 * or has ended.  Never refused for want of room.
 */

void adm_wheel_renew(const adm_wheel_t *w, uint64_t now, uint64_t serial,
    uint64_t expires);


/*
 * Ends a pass that is not yet expired: 1, and its place is free; 0 if it had
 * ended, or is so old that its seat is forgotten: its place is then free when
 * it expires.
 */

int adm_wheel_end(const adm_wheel_t *w, uint64_t now, uint64_t serial);


/* 1 if the pass has ended before its time, as long as its seat is known */

int adm_wheel_ended(const adm_wheel_t *w, uint64_t serial);


/*
 * Where others count who is inside, the seats alone are kept here: what
 * follows changes no count.
 */

/* 1 if the pass sits where it expires then, or later, or has ended */

int adm_wheel_sits(const adm_wheel_t *w, uint64_t now, uint64_t serial,
    uint64_t expires);

/* Seats a pass, wherever it sits: 1; or 0 if it has ended, or is too old. */

int adm_wheel_put(const adm_wheel_t *w, uint64_t now, uint64_t serial,
    uint64_t expires);

/* Ends a pass, whether it sits or not: 1 the first time, else 0. */

int adm_wheel_bar(const adm_wheel_t *w, uint64_t serial);


#endif /* _ADM_WHEEL_H_INCLUDED_ */
