
/*
 * How many people of a line to call now, so that those who come are as many
 * as the rate says: plain arithmetic, no state.
 *
 * People who are called come late, or not at all.  So the rate is divided by
 * the share that comes, and as many people are kept called as come in the
 * mean delay.  Those who are still to come and those who have come too early
 * are one sum, as stock on order and on hand are for a shop: so an error is
 * made good once, and not again and again until the first ones come.
 */


#ifndef _ADM_STEER_H_INCLUDED_
#define _ADM_STEER_H_INCLUDED_


#include "adm.h"


/* seconds in which an error is made good, and its mean learned */

#define ADM_STEER_FAST    8.0
#define ADM_STEER_SLOW  200.0


/* what is aimed at: of credit, the part that is used up */

#define ADM_STEER_AIM     0.6


/* the largest correction that is learned, of the rate either way */

#define ADM_STEER_TRIM    0.3


/* the smallest share that is believed, and the longest step, in rates */

#define ADM_STEER_SHARE   0.05
#define ADM_STEER_STEP    20.0


/* parts of the claim window by which delays are told apart */

#define ADM_STEER_PARTS   64


/* people seen in a part before it is believed */

#define ADM_STEER_SEEN    16.0


typedef struct {
    double  rate;              /* admissions a second */
    double  share;             /* of the called who come, 0 to 1 */
    double  delay;             /* mean seconds from called to come */
    double  expected;          /* of the called, who will still come */
    double  ahead;             /* people who came early: they used up credit,
                                  or were told to wait a moment */
    double  burst;             /* people that the whole credit is worth */
    double  room;              /* people who still fit in, beside "expected";
                                  negative if it has no ceiling */
    double  trim;              /* learned, 0 at first; see adm_steer_trim() */
} adm_steer_t;


/*
 * The people to call in "seconds", 0 to 1, not rounded.
 */

double adm_steer(const adm_steer_t *s, double seconds);


/*
 * The trim for the next time, after "seconds" of this state: what the rate
 * has to be more or less, of itself, for the error to be none.
 */

double adm_steer_trim(const adm_steer_t *s, double seconds);


/*
 * What was seen lately, by parts of the claim window, each of some seconds:
 * for each second of a part the people who had been called so long ago, and
 * those of them who came in just that second.
 */

typedef struct {
    double    called[ADM_STEER_PARTS];
    double    came[ADM_STEER_PARTS];
    unsigned  seconds[ADM_STEER_PARTS];
} adm_steer_seen_t;


/* what follows from it */

typedef struct {
    double    share;                   /* of the called who come */
    double    delay;                   /* their mean delay, in parts */
    double    come[ADM_STEER_PARTS];   /* of those who come, the share that
                                          has come by the end of a part */
    unsigned  learned;                 /* half of the window has been seen */
} adm_steer_delays_t;


/*
 * Since a part is judged by those alone who have been called for so long, a
 * line that has just begun is not taken for one to which few come.  As long
 * as the first half of the window has not been seen, "share" is believed, and
 * an eighth of those who are left is expected in each part.  Parts without
 * seconds are passed over.
 */

void adm_steer_learn(const adm_steer_seen_t *seen, double share,
    adm_steer_delays_t *d);


/*
 * The share of people still waiting of those who began "age" ago, where of
 * those who began "head" ago it is "share", by a constant rate of giving up;
 * within 0.04 of the exponential for shares of 0.2 and above.
 */

double adm_steer_staying(double share, double age, double head);


#endif /* _ADM_STEER_H_INCLUDED_ */
