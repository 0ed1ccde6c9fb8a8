
/*
 * Of test builds only: a policy that writes to the error log what is called
 * for it, and a keeper of the store that answers as it is told.
 *
 *     admission_probe NAME VALUE [at=check|claim|ask];
 *
 * at=check passes at once; at=claim and at=ask travel with VALUE as the key,
 * in PRECONTENT and in PREACCESS.
 *
 *     admission_test_keeper TIMEOUT;
 *
 * makes the late keeper the store, with that time for a trip.  It reads from
 * a command's key, MS-ANSWER or MS-ANSWER-TEXT, when and what to answer:
 * grant, refuse, fail, twice (grants, and answers again 20 ms later), never,
 * and down (does not take the trip).  Several commands travel as one: the
 * latest time counts, and the strongest of never, twice and down.
 */


#ifndef _NGX_ADM_PROBE_H_INCLUDED_
#define _NGX_ADM_PROBE_H_INCLUDED_


#include <ngx_adm_policy.h>


typedef struct {
    ngx_str_t      name;
    ngx_adm_rc_e   at;
} ngx_adm_probe_t;


extern ngx_adm_policy_t  ngx_adm_probe_policy;
extern ngx_adm_keeper_t  ngx_adm_late_keeper;


#endif /* _NGX_ADM_PROBE_H_INCLUDED_ */
