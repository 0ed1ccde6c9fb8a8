
/*
 * The clock by which durations are measured.
 */


#ifndef _NGX_ADM_CLOCK_H_INCLUDED_
#define _NGX_ADM_CLOCK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* ns, not set by anybody; cost: one call into the vDSO */

static ngx_inline uint64_t
ngx_adm_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


#endif /* _NGX_ADM_CLOCK_H_INCLUDED_ */
