
/*
 * The report of a run as JSON; its members are told in
 * bench/crowd/README.md.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _REPORT_H_INCLUDED_
#define _REPORT_H_INCLUDED_


#include <jansson.h>

#include "crowd.h"


typedef struct {
    const char  *url;
    double       began;         /* Unix time, s */
    double       took;          /* s */
    int          interrupted;
    unsigned     in_flight;     /* at the end, as the next two */
    unsigned     in_line;
    unsigned     waiting;
    double       processor;     /* s of the crowd's own */
    order_t      order;         /* of those let in */
    int          buckets;       /* also of each second */
} run_t;


extern const char *const  error_names[];


/* NULL for want of memory */
json_t *report_json(const crowd_t *crowd, const run_t *run);

/*
 * A start, or the reading of an answer, is late when it is later than this.
 * With more than one such in a hundred, the crowd did not offer what the
 * profile says, when it says so, or tells its own slowness as the server's.
 * us
 */

#define REPORT_LATE  10000

double report_late_share(const histogram_t *h);


#endif /* _REPORT_H_INCLUDED_ */
