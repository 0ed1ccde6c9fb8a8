
/*
 * The line of a waiting room: numbers, a frontier that rises over them, and
 * passes for those whom it has passed.
 *
 * All state is one piece of memory of 64-bit words, of fixed size and without
 * pointers, which many processes share.  None of them ever waits for another,
 * and any of them may be killed at any instruction: the line goes on, no
 * number is given twice, no ticket is exchanged twice, and a count that is
 * off by the killed one is right again when its time is over.
 *
 * The way of a person: a ticket by adm_line_join(), at first only a number.
 * When it comes back by adm_line_poll() it is live; who never comes back is
 * stepped over.  adm_line_tick() lets the frontier rise over as many live
 * tickets as the rate wants to be called.  A called ticket is exchanged by
 * adm_line_claim() for a pass, once.  One that does not come within the claim
 * window lapses, and within the grace may still enter when there is room.
 *
 * Times: "now" is in milliseconds since the epoch, at least 2^32, from a
 * clock that does not go back by more than a few seconds.  The windows of
 * called tickets are measured by the line's own clock, which ticks advance,
 * by a second at most each: it rests while the line is paused, and while
 * nobody ticks.
 */


#ifndef _ADM_LINE_H_INCLUDED_
#define _ADM_LINE_H_INCLUDED_


#include "adm_bits.h"
#include "adm_cohorts.h"
#include "adm_marks.h"
#include "adm_notes.h"
#include "adm_wheel.h"


/* milliseconds between ticks */

#define ADM_LINE_TICK      250


/* the longest claim and grace together, seconds */

#define ADM_LINE_WINDOW    4000


/* milliseconds that a waiting person is told to wait until the next poll */

#define ADM_LINE_POLL_MIN  3000
#define ADM_LINE_POLL_MAX  60000


/*
 * What a room's memory is laid out for, fixed for its life.  More numbers
 * outstanding than "numbers": adm_line_join() refuses.  More called than
 * "called": the grace gets shorter.  More passes in use than "passes": the
 * oldest is counted inside until it expires, even if it ends before, and
 * twice if it is renewed.  More claims than "repeats" in half a minute: the
 * oldest cannot be repeated.
 */

typedef struct {
    uint64_t  numbers;
    uint64_t  called;
    uint64_t  passes;
    uint64_t  repeats;
    uint64_t  session;         /* seconds; a pass lives at most 2.5 x this */
} adm_line_shape_t;


/* 2.3 million numbers, 0.9 million called, 166,000 passes, 24,576 repeats */

#define ADM_LINE_SHAPE(session)                                               \
    { 2293760, 917504, 165888, 24576, (session) }


/*
 * What is for sale, of a line that knows it: nobody is called while as many
 * people as there are units, about, are called or inside without a hold.
 */

typedef enum {
    ADM_LINE_ANY_STOCK = 0,    /* it does not matter */
    ADM_LINE_FOR_SALE,
    ADM_LINE_UNHEARD_OF,       /* not known now: the frontier rests */
    ADM_LINE_RESERVED,         /* all of it: nobody claims, the clock rests */
    ADM_LINE_SOLD_OUT          /* likewise */
} adm_line_stock_e;


/*
 * What may be set at any time; claim + grace <= ADM_LINE_WINDOW.  In any time
 * no more are admitted than the rate says, and a second's worth, and the root
 * of fifteen seconds' worth: of the last, newcomers have nothing.
 */

typedef struct {
    uint64_t  interval;        /* nanoseconds for an admission, 1 or more */
    uint64_t  max_active;      /* people inside at once; 0: no ceiling */
    uint64_t  session;         /* seconds that a pass lives */
    uint64_t  claim;           /* seconds, 1 or more */
    uint64_t  grace;           /* seconds */
    unsigned  direct;          /* newcomers enter while nobody waits */
    unsigned  paused;          /* no joins, no claims, no calls */

    unsigned  stock;           /* adm_line_stock_e */
    uint64_t  units;           /* people to call for what is free ... */
    uint64_t  hope;            /* ... and for all that may be sold yet */
    uint64_t  holders;         /* people who have set something aside */
} adm_line_settings_t;


typedef enum {
    ADM_LINE_WAITING = 0,      /* not called yet */
    ADM_LINE_CALLED,           /* may claim */
    ADM_LINE_LAPSED,           /* was called; may claim while there is room */
    ADM_LINE_MOMENT,           /* may claim, but there is no room just now */
    ADM_LINE_ADMITTED,         /* has a pass now */
    ADM_LINE_REPEATED,         /* has the pass that it got before */
    ADM_LINE_USED,             /* was exchanged, longer ago */
    ADM_LINE_OVER,             /* its time is over */
    ADM_LINE_UNKNOWN,          /* this number was not given */
    ADM_LINE_PAUSED,
    ADM_LINE_FULL              /* no number can be given */
} adm_line_rc_e;


typedef struct adm_line_room_s  adm_line_room_t;


/* a process's view */

typedef struct {
    adm_line_room_t  *room;
    adm_bits_t        live;        /* by ticket: it came back */
    adm_bits_t        claimed;     /* by ticket: it came, was exchanged */
    adm_wheel_t       wheel;
    adm_notes_t       notes;
    uint64_t         *ahead;       /* by bucket: see adm_line_room.h */
    uint64_t          buckets;
    uint64_t         *dirty;       /* of a line that follows others, see
                                      adm_line_fleet.h: words of live bits
                                      that are to be told */
} adm_line_t;


typedef struct {
    uint64_t  serial;          /* 1 and up; the pass's own */
    uint64_t  since;           /* second of the claim */
    uint64_t  expires;         /* second */
} adm_pass_t;


typedef struct {
    uint64_t  ahead;           /* people before this one who will come */
    uint64_t  wait;            /* seconds until called */
    uint64_t  wait_low;        /* ... at best and at worst, by the rates */
    uint64_t  wait_high;       /*     of the last two minutes */
    uint64_t  left;            /* seconds left to claim, if called */
    uint64_t  poll;            /* milliseconds to the next poll */
    int       beyond;          /* 1: waits behind more people than there are
                                  units for */
} adm_line_place_t;


typedef struct {
    uint64_t  joined;          /* numbers given, of those known to be */
    uint64_t  frontier;
    uint64_t  waiting;         /* people expected to come of those not called,
                                  a second ago */
    uint64_t  expected;        /* called people who are still to come */
    uint64_t  active;          /* inside */
    uint64_t  admitted;        /* passes given */
    uint64_t  claimed;         /* ... for tickets */
    uint64_t  lapsed;          /* called and not claimed in the claim window */
    uint64_t  moments;         /* claims that were told to wait a moment */
    double    rate;            /* admissions a second, lately */
    double    share;           /* of the called who claim, lately */
} adm_line_stats_t;


/*
 * The memory, bytes, that a room of this shape needs; 0 if the shape is
 * impossible: each of its figures is 1 to 2^40.
 */

size_t adm_line_size(const adm_line_shape_t *shape);


/*
 * Makes a line in zeroed memory of adm_line_size() bytes, aligned to 64.  One
 * process alone.
 */

void adm_line_init(void *memory, const adm_line_shape_t *shape,
    const adm_line_settings_t *settings, uint64_t now);


/* The view of a line that somebody made: ADM_OK, or ADM_ERROR if none did. */

int adm_line_attach(adm_line_t *l, void *memory);


/* A line that followed others, and is one of its own again. */

void adm_line_alone(const adm_line_t *l);


/*
 * Changes the settings: they hold from the next call on, the rate without a
 * jump.  A longer session than the shape allows counts as the longest.
 */

void adm_line_set(const adm_line_t *l, const adm_line_settings_t *settings);


/*
 * Gives the next number, 1 and up: ADM_LINE_WAITING; or PAUSED, or FULL.
 * Cost: two cache lines, one swap.
 */

adm_line_rc_e adm_line_join(const adm_line_t *l, uint64_t *ticket);


/*
 * In "direct" mode lets a newcomer in while nobody waits and there is room:
 * ADM_LINE_ADMITTED with a pass, else ADM_LINE_WAITING: it has to join.
 */

adm_line_rc_e adm_line_enter(const adm_line_t *l, uint64_t now,
    adm_pass_t *pass);


/*
 * Where a ticket is: WAITING, CALLED, LAPSED, USED, OVER or UNKNOWN; the
 * first time makes it live.  "random" is any number, for the jitter.
 * Cost: reads of two or three cache lines, and a binary search of 12 words if
 * it was called, up to 64 words of bits if not; one swap the first time.
 */

adm_line_rc_e adm_line_poll(const adm_line_t *l, uint64_t ticket,
    uint64_t random, adm_line_place_t *place);


/*
 * The same without making it live: what the first answer to a newcomer says.
 * Cost: as above, with no swap.
 */

adm_line_rc_e adm_line_look(const adm_line_t *l, uint64_t ticket,
    uint64_t random, adm_line_place_t *place);


/* What is for sale, as it was set last. */

adm_line_stock_e adm_line_stock(const adm_line_t *l);


/* 1 if a newcomer would be let in, as far as can be told: a few words */

int adm_line_open(const adm_line_t *l);


/*
 * Doubles the claim window of a called ticket, once, for as long as it has
 * not lapsed: 1, or 0 if it cannot be.
 */

int adm_line_extend(const adm_line_t *l, uint64_t ticket);


/*
 * Exchanges a ticket for a pass: ADMITTED; REPEATED for ADM_NOTES_KEEP
 * seconds with the same pass; MOMENT: ask again in a second or two; PAUSED;
 * else as adm_line_poll().
 */

adm_line_rc_e adm_line_claim(const adm_line_t *l, uint64_t ticket,
    uint64_t now, adm_pass_t *pass);


/* A waiting or called person gives up; a later poll takes it back. */

void adm_line_leave(const adm_line_t *l, uint64_t ticket);


/*
 * Renews a pass that has not expired: its new expiry is in it.  Any number of
 * renewals of one pass count as one person.
 */

void adm_line_renew(const adm_line_t *l, uint64_t now, adm_pass_t *pass);


/*
 * Ends a pass that has not expired: 1 the first time, else 0.  A pass of
 * which adm_line_ended() is 1 must not be accepted any more.
 */

int adm_line_end(const adm_line_t *l, uint64_t now, const adm_pass_t *pass);
int adm_line_ended(const adm_line_t *l, uint64_t serial);


/*
 * Ends all passes that were given.  Cost: a swap for each pass that is
 * remembered, some milliseconds.
 */

void adm_line_void(const adm_line_t *l, uint64_t now);


/*
 * Moves the frontier if ADM_LINE_TICK has passed since the last time: 1 for
 * the process that did so.  Anybody may call it at any time.
 * Cost: one word; for the one that ticks a cohort's word for each second of
 * the claim window, up to 128, and the bits that the frontier rises over; in
 * the first tick of a second also those of all numbers outstanding.
 */

int adm_line_tick(const adm_line_t *l, uint64_t now);


/* When it was ticked last, ms.  One word. */

uint64_t adm_line_ticked(const adm_line_t *l);


/*
 * Second in which it began: what was given before is of another line.  A
 * restored one is as old as it was.  One word.
 */

uint64_t adm_line_born(const adm_line_t *l);


void adm_line_stats(const adm_line_t *l, uint64_t now,
    adm_line_stats_t *stats);


/* A number that changes with all that is worth keeping.  Five words. */

uint64_t adm_line_version(const adm_line_t *l);


/*
 * Bringing a line back after a restart.  adm_line_save() copies what is worth
 * keeping into zeroed memory of the same size; numbers are given in the line
 * only up to "guard" more than the copy says, and serials up to a quarter of
 * it, once the copy is on disk and adm_line_allow() has been told so.  Before
 * the first of them the marks are open.  What was claimed after the copy was
 * made can be claimed again.
 */

void adm_line_save(const adm_line_t *l, void *copy, uint64_t guard);
void adm_line_allow(const adm_line_t *l, const void *copy);


/*
 * Makes a line of a copy, in place: it gives numbers and serials from the
 * copy's marks on.  ADM_ERROR if it is no copy of a line of this layout and
 * size.  One process alone.
 */

int adm_line_restore(void *copy, size_t size, uint64_t now);


#endif /* _ADM_LINE_H_INCLUDED_ */
