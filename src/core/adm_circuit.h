
/*
 * A circuit breaker over many processes: in shared memory, without a lock.
 *
 * Closed it counts; open it refuses until its time is over; half-open it lets
 * a few through, by permits that lapse, and closes or opens by what becomes
 * of them.  A process that dies with a permit harms nobody, and what is told
 * of a request that was let through before the last change is not heard.
 */


#ifndef _ADM_CIRCUIT_H_INCLUDED_
#define _ADM_CIRCUIT_H_INCLUDED_


#include "adm.h"


/* parts of the window in which requests are counted */

#define ADM_CIRCUIT_PARTS     10


/* requests that are let through at once while it is half-open, at most */

#define ADM_CIRCUIT_PERMITS   8


/*
 * Of what was said within the window, in thousandths: a shorter row of
 * failures is noise, however many "failures" are configured.
 */

#define ADM_CIRCUIT_NOISE     50


typedef enum {
    ADM_CIRCUIT_CLOSED = 0,
    ADM_CIRCUIT_OPEN,
    ADM_CIRCUIT_HALF_OPEN
} adm_circuit_state_e;


typedef enum {
    ADM_CIRCUIT_PASS = 0,
    ADM_CIRCUIT_TRIAL,         /* by a permit: to be told to said() */
    ADM_CIRCUIT_REFUSE
} adm_circuit_rc_e;


typedef enum {
    ADM_CIRCUIT_GOOD = 0,
    ADM_CIRCUIT_FAILED,
    ADM_CIRCUIT_SLOW,          /* answered, but later than "slow" */
    ADM_CIRCUIT_UNTOLD         /* it never came to it: gives a permit back */
} adm_circuit_said_e;


/*
 * As configured; 0 in "failures", "error_rate", "slow": not looked at.  With
 * neither "failures" nor "error_rate" it lets everybody pass.
 */

typedef struct {
    uint64_t  failures;        /* in a row */
    uint64_t  error_rate;      /* thousandths of what was said within ... */
    uint64_t  min_requests;    /* ... if it was so many at least */
    uint64_t  window;          /* ms */
    uint64_t  slow;            /* ms; slow ones are failures of the rate, and
                                  of a trial */
    uint64_t  successes;       /* in half-open state, until it closes */
    uint64_t  open;            /* ms, the first time; then it doubles */
    uint64_t  max_open;        /* ms */
} adm_circuit_conf_t;


/* in shared memory, zeroed: closed; adm_circuit.c's own */

typedef struct {
    uint64_t  state;
    uint64_t  row;             /* failures in a row */
    uint64_t  good;            /* trials, while it is half-open */
    uint64_t  permits[ADM_CIRCUIT_PERMITS];
    uint64_t  parts[ADM_CIRCUIT_PARTS];
} adm_circuit_t;


/*
 * Whether a request may go; "now" is in ms of a clock that only grows.  PASS
 * and TRIAL set "*pass", by which said() knows the request; REFUSE sets it to
 * 0, and "*wait" to the ms after which it may be otherwise, 1 and up.
 */

adm_circuit_rc_e adm_circuit_ask(adm_circuit_t *c,
    const adm_circuit_conf_t *conf, uint64_t now, uint64_t *pass,
    uint64_t *wait);

/* the same, taking nothing: REFUSE, or PASS if adm_circuit_ask() may pass */

adm_circuit_rc_e adm_circuit_look(adm_circuit_t *c,
    const adm_circuit_conf_t *conf, uint64_t now, uint64_t *wait);

/*
 * What became of a request that was let through by "pass", once; by a pass of
 * 0 nobody was.  "random" is any 32 bits.  1 if it was this that changed the
 * state, else 0.
 */

int adm_circuit_said(adm_circuit_t *c, const adm_circuit_conf_t *conf,
    uint64_t pass, adm_circuit_said_e said, uint64_t now, uint32_t random);

/* OPEN whose time is over is HALF_OPEN, though nobody has asked yet */

adm_circuit_state_e adm_circuit_state(const adm_circuit_t *c, uint64_t now);


#endif /* _ADM_CIRCUIT_H_INCLUDED_ */
