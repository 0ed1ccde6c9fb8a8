
/*
 * What goes wrong on purpose: a mode, for a share of the requests, for a
 * time.  Who is hit is drawn when the service of a request begins, from a
 * generator of its own, so that service times are the same with and without.
 */


#ifndef _FAULTS_H_INCLUDED_
#define _FAULTS_H_INCLUDED_


#include <stdint.h>


typedef enum {
    FAULT_NONE,
    FAULT_ERROR,                            /* 500, nothing was executed */
    FAULT_SLOW,
    FAULT_HANG,                             /* executed, never answered */
    FAULT_DIE,                              /* executed, closed unanswered */
    FAULT_HALF,                             /* executed, answered by half */
    FAULT_EXIT,                             /* the process, at once */
    FAULT_MODES
} fault_e;


typedef struct {
    fault_e          mode;
    double           share;
    double           factor;                /* of the service time */
    int64_t          until;                 /* us, monotonic; INT64_MAX */
    uint64_t         hits[FAULT_MODES];     /* requests since a reset */
    unsigned short   random[3];
} faults_t;


void faults_init(faults_t *faults, uint64_t seed);


/*
 * Takes the text of a query.  NULL: it stands; else a sentence says what is
 * wrong, and the fault is as it was.
 */

const char *faults_set(faults_t *faults, const char *query);


/* the fault of a request whose service begins */

fault_e faults_draw(faults_t *faults);


/* what there is now, since a time may be over */

fault_e faults_mode(const faults_t *faults);
const char *fault_name(fault_e mode);


#endif /* _FAULTS_H_INCLUDED_ */
