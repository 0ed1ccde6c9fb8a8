
/*
 * Shedding as a policy: an upstream gets what it can bear, and those whom it
 * cannot are refused, or sent elsewhere, before they cost it anything.
 * admission_upstream defines a gate, admission_shed puts it before a location.
 *
 * The check refuses what cannot go on now; a place is taken by the claim, when
 * the body has come and it is known who asks, and given back when nginx is
 * done with the upstream.
 */


#ifndef _NGX_ADM_SHED_H_INCLUDED_
#define _NGX_ADM_SHED_H_INCLUDED_


#include <ngx_adm_policy.h>
#include <ngx_adm_gate.h>


/* the values of a use */

typedef enum {
    NGX_ADM_SHED_PRIORITY = 0,           /* may be absent: 5 */
    NGX_ADM_SHED_VALUES
} ngx_adm_shed_value_e;


#define NGX_ADM_SHED_PRIORITY_DEFAULT  5


/* conf of a use; in the cycle's pool */

typedef struct {
    ngx_adm_gate_t           *gate;
    ngx_uint_t                prioritized;       /* it has a value for it */
    ngx_str_t                 fallback;  /* "@LOCATION" for who is refused, but
                                            by an overload of this node: then
                                            nothing more is done; or empty */
} ngx_adm_shed_t;


/* of a step */

typedef struct {
    ngx_adm_passage_t         passage;
    ngx_adm_comer_t           comer;
    ngx_adm_gate_rc_e         known;     /* why it will be refused, unless the
                                            key is of a repeat; or OK */
    ngx_adm_command_t        *key;       /* in the trip; NULL: none */
} ngx_adm_shed_state_t;


extern ngx_adm_policy_t  ngx_adm_shed_policy;


/* how much later than is bearable the loop is when nobody is let through */

#define NGX_ADM_SHED_LATEST  4


/* who bears it that the event loop of this process is late */

typedef enum {
    NGX_ADM_LATE_NONE = 0,         /* it is not */
    NGX_ADM_LATE_SOME,             /* of those of whom nothing is known some */
    NGX_ADM_LATE_ALL               /* everybody */
} ngx_adm_late_e;


/* cost: two loads */

ngx_adm_late_e ngx_adm_shed_late(ngx_adm_shed_t *conf);

/* then, before all policies, for those whom it may be: PASS, or REFUSE */

ngx_adm_rc_e ngx_adm_shed_overload(ngx_adm_subject_t *s, ngx_adm_shed_t *conf);


#endif /* _NGX_ADM_SHED_H_INCLUDED_ */
