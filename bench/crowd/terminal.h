
/*
 * What a person sees of a run: a line each second, a summary at the end.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _TERMINAL_H_INCLUDED_
#define _TERMINAL_H_INCLUDED_


#include "crowd.h"
#include "report.h"


/* one line about the second that has just ended, on stderr */
void terminal_second(crowd_t *crowd);

/* on stdout */
void terminal_summary(const crowd_t *crowd, const run_t *run);


#endif /* _TERMINAL_H_INCLUDED_ */
