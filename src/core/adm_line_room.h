
/*
 * The memory of a line, for the files that make it up; callers see adm_line.h.
 *
 * Behind the head lie, in this order: the live bits, the claimed bits, the
 * seats, the notes, and the buckets.  For ADM_LINE_SHAPE():
 *
 *     head         103 KiB    of which marks 64, cohorts 32
 *     live         320        56 numbers a word
 *     claimed      256        28 numbers a word
 *     seats        144        9 serials a word
 *     notes        192        1 ticket a word
 *     buckets        5        3584 numbers a word
 */


#ifndef _ADM_LINE_ROOM_H_INCLUDED_
#define _ADM_LINE_ROOM_H_INCLUDED_


#include "adm_line.h"
#include "adm_steer.h"
#include "adm_window.h"


/* changes with the layout */

#define ADM_LINE_MAGIC     UINT64_C(0x61646d6c696e6532)


/* words of live bits in a bucket, and numbers */

#define ADM_LINE_BUCKET    64
#define ADM_LINE_NUMBERS   (ADM_LINE_BUCKET * ADM_BITS_DATA)


/* scales of words that hold fractions */

#define ADM_LINE_SHARE     1000000
#define ADM_LINE_RATE      1000000
#define ADM_LINE_PEOPLE    1024
#define ADM_LINE_CARRY     1000000
#define ADM_LINE_TRIM      1000000


/* the width of the claimed values */

#define ADM_LINE_WIDTH     2


#define ADM_LINE_SECOND    UINT64_C(1000000000)      /* ns */


/* ns; credit used up for longer than that was used by a slower rate, or by a
   clock that has been set back since */

#define ADM_LINE_FORGIVEN  (10 * ADM_LINE_SECOND)


/* seconds of admissions that are remembered, a power of two */

#define ADM_LINE_HISTORY   256


/* what is known of a called ticket */

#define ADM_LINE_NOT_YET   0
#define ADM_LINE_CAME      1          /* asked for a pass */
#define ADM_LINE_CLAIMED   2          /* ... and got it */
#define ADM_LINE_EXTENDED  3          /* not yet, and has a second window */


/* numbers, given elsewhere, that a line which follows may not have heard of */

#define ADM_LINE_UNHEARD   65536


/* words of live bits that a line which follows marks, by turns: as many as
   ADM_LINE_SHAPE() has */

#define ADM_LINE_DIRTY     40960


struct adm_line_room_s {

    /* what polls read; written by ticks */
    uint64_t  frontier;        /* tickets below it are called */
    uint64_t  low;             /* tickets below it are over */
    uint64_t  second;          /* of the line's clock: the last marked */
    uint64_t  scanned;         /* numbers below it are in the buckets */
    uint64_t  before;          /* adm_line_people() of the frontier */
    uint64_t  ticked;          /* ms, when it was ticked last */
    uint64_t  young;           /* numbers from it on may not have come back */
    uint64_t  back;            /* share of older ones that did */

    uint64_t  rate;            /* admissions in ADM_LINE_RATE s: usual, ... */
    uint64_t  rate_low;        /* ... at worst */
    uint64_t  rate_high;       /* ... and at best */

    /* of a line that follows others: they decide, and this is told */
    uint64_t  follows;         /* 1 if it is one */
    uint64_t  active;          /* inside */
    uint64_t  put_off;         /* claims lately told to wait */
    uint64_t  counted;         /* numbers from it on are in the buckets, ... */
    uint64_t  total;           /* ... with so many people in all */

    /* what joins write */
    uint64_t  next;            /* the next number */
    uint64_t  next_mark;       /* no number from this on is given */
    uint64_t  waiting;         /* somebody live is ahead of the frontier */
    uint64_t  skipped;         /* numbers that a restart left out */

    /* what is for sale; written by ticks */
    uint64_t  stock;           /* adm_line_stock_e */
    uint64_t  units;           /* << 32, and the hope: as in the settings */
    uint64_t  holders;
    uint64_t  seekers;         /* called and claimable, or inside without a
                                  hold, when it was ticked last */

    /* what claims write */
    uint64_t  spent;           /* ns since the epoch, until which the rate is
                                  used up */
    uint64_t  serial;          /* the next */
    uint64_t  serial_mark;
    uint64_t  claims;          /* tickets exchanged */
    uint64_t  moments;
    uint64_t  changes;         /* renewals and ends */
    uint64_t  voided;          /* serials below it are not good any more */
    uint64_t  unseated;        /* serials that a restart left out */

    /* settings */
    uint64_t  interval;
    uint64_t  max_active;
    uint64_t  session;
    uint64_t  claim;
    uint64_t  grace;
    uint64_t  direct;
    uint64_t  paused;
    uint64_t  credit;          /* ns that claims may use; of the interval */

    /* what only ticks read and write, and statistics */
    uint64_t  born;            /* second of its first number */
    uint64_t  reborn;          /* numbers below it are of before a restart */
    uint64_t  clock;           /* ms of the line's clock */
    uint64_t  carry;           /* of a person, in ADM_LINE_CARRY */
    uint64_t  share;           /* of the called who come */
    uint64_t  expected;        /* people */
    uint64_t  people;          /* waiting, in ADM_LINE_PEOPLE */
    uint64_t  busy;            /* second since which somebody waits */
    uint64_t  lapsed;
    uint64_t  trim;            /* ADM_LINE_TRIM is none */

    /* fixed */
    uint64_t  magic;
    uint64_t  size;            /* bytes of all */
    uint64_t  unit;            /* seconds of a slot of the wheel */
    uint64_t  live_words;
    uint64_t  claimed_words;
    uint64_t  seat_words;
    uint64_t  note_lines;
    uint64_t  silent;          /* not fixed: seconds in which nobody came */

    uint64_t  refused[ADM_WINDOW];             /* claims told to wait */
    uint64_t  wheel[ADM_WHEEL_WORDS];
    uint64_t  came[ADM_STEER_PARTS];           /* since the last second */
    uint64_t  seen_came[ADM_STEER_PARTS];      /* lately; by parts of */
    uint64_t  seen_called[ADM_STEER_PARTS];    /* ... adm_line_window() */
    uint64_t  history[ADM_LINE_HISTORY];       /* serials by second */
    uint64_t  cohorts[ADM_COHORTS];
    uint64_t  called[ADM_MARKS];               /* the frontier by second */
    uint64_t  joined[ADM_MARKS];               /* the next number by second */
};


#define adm_line_store(p, value)                                              \
    __atomic_store_n(p, value, __ATOMIC_RELEASE)


/*
 * The seconds after a call in which people are counted when they come, and
 * the part of these that an age, less than that, lies in.
 */

uint64_t adm_line_window(adm_line_room_t *room);

#define adm_line_part(age, window)   ((age) * ADM_STEER_PARTS / (window))


/*
 * Passes given, as far as is known.  In a line that follows both words change
 * while others read: never more than that, at worst fewer for a moment.
 */

uint64_t adm_line_admitted(const adm_line_room_t *room);


/*
 * Of a line with stock: those called who may claim as of "second"; these with
 * those who will be when they come back, and those inside without a hold; and
 * how many more may be called, or ADM_LINE_ANY.  1 if nobody may claim, and
 * the clock rests.
 */

uint64_t adm_line_claimable(const adm_line_t *l, uint64_t second);
uint64_t adm_line_seekers(const adm_line_t *l, uint64_t active,
    uint64_t second);
uint64_t adm_line_left(const adm_line_t *l, uint64_t seekers);
int adm_line_rests(const adm_line_room_t *room);

#define ADM_LINE_ANY       (UINT64_C(1) << 48)

#define adm_line_units(room)   (adm_load(&(room)->units) >> 32)
#define adm_line_hope(room)    (adm_load(&(room)->units) & UINT32_MAX)

/* How many may be inside when newcomers enter; 0: there is no ceiling. */

uint64_t adm_line_ceiling(const adm_line_room_t *room);


/* The root of a number, rounded down. */

uint64_t adm_line_root(uint64_t n);


/*
 * Second, of the line's clock, in which a ticket below the frontier was
 * called; if that was longer ago than claim and grace, the second before
 * these.
 */

uint64_t adm_line_called(const adm_line_t *l, uint64_t ticket);


/*
 * People, in ADM_LINE_PEOPLE, that are counted before "number" since some
 * beginning: the difference of two numbers is of use.
 */

uint64_t adm_line_people(const adm_line_t *l, uint64_t number);


/*
 * The same of numbers in [from, to) that were given so lately that those who
 * have not come back may still do so.
 */

uint64_t adm_line_absent(const adm_line_t *l, uint64_t from, uint64_t to);


/*
 * What may be done with a ticket, whatever it was used for; *left as in
 * adm_line_place_t.
 */

adm_line_rc_e adm_line_state(const adm_line_t *l, uint64_t ticket,
    uint64_t *left);

/* Makes a ticket live. */

void adm_line_show(const adm_line_t *l, uint64_t ticket);

/* That the live bits of a number's word are to be told. */

void adm_line_mark(const adm_line_t *l, uint64_t number);

/* The expiry of a pass given at "now", in seconds. */

void adm_line_expiry(const adm_line_t *l, uint64_t now, adm_pass_t *pass);

/* The answer for a ticket that was exchanged here. */

adm_line_rc_e adm_line_repeat(const adm_line_t *l, uint64_t ticket,
    uint64_t now, adm_pass_t *pass);

/* That something is worth keeping which no other number tells. */

void adm_line_changed(adm_line_room_t *room);


/*
 * Makes a line that follows of any: it knows of nothing.  One process alone.
 */

void adm_line_follow(const adm_line_t *l, uint64_t now);


/* what one that follows says to those who decide */

typedef struct {
    uint64_t  calls;           /* people to call in 1,000,000 s */
    uint64_t  most;            /* people, beside those called already */
    uint64_t  share;
    uint64_t  expected;
    uint64_t  low;
    int64_t   drift;           /* of the trim, in 10^9 a second */
} adm_line_proposal_t;


void adm_line_propose(const adm_line_t *l, uint64_t now,
    adm_line_proposal_t *p);

/*
 * Takes in a second that is over, of which the marks, the cohorts and what is
 * in "came" are known.
 */

void adm_line_hear_second(const adm_line_t *l, uint64_t second);

/* The rates as of "second". */

void adm_line_hear_rates(const adm_line_t *l, uint64_t second);

/*
 * How many of the numbers in [from, to) came back, by two bytes for each
 * bucket that these are in; "sums" has all of them.
 */

void adm_line_hear_sums(const adm_line_t *l, uint64_t from, uint64_t to,
    const unsigned char *sums);


#endif /* _ADM_LINE_ROOM_H_INCLUDED_ */
