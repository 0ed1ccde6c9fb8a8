
/*
 * Idempotency as a policy: of requests with the same key one is executed, and
 * all others get what it was answered, or hear why not.
 */


#ifndef _NGX_ADM_IDEMPOTENCY_H_INCLUDED_
#define _NGX_ADM_IDEMPOTENCY_H_INCLUDED_


#include <ngx_adm_policy.h>


/* the values of a use */

typedef enum {
    NGX_ADM_IDEMPOTENCY_KEY = 0,
    NGX_ADM_IDEMPOTENCY_OWNER,
    NGX_ADM_IDEMPOTENCY_VALUES
} ngx_adm_idempotency_value_e;


/* the cells of idempotency_total, of NGX_ADM_FAMILY_NODE "idempotency" */

typedef enum {
    NGX_ADM_IDEMPOTENCY_NEW = 0,
    NGX_ADM_IDEMPOTENCY_REPLAY,
    NGX_ADM_IDEMPOTENCY_CONFLICT,        /* it is running */
    NGX_ADM_IDEMPOTENCY_UNKNOWN,
    NGX_ADM_IDEMPOTENCY_MISMATCH,
    NGX_ADM_IDEMPOTENCY_NOT_KEPT,
    NGX_ADM_IDEMPOTENCY_MISSING,         /* or malformed, or nobody's */
    NGX_ADM_IDEMPOTENCY_KEPT,            /* at the end: done */
    NGX_ADM_IDEMPOTENCY_FORGOTTEN,
    NGX_ADM_IDEMPOTENCY_LEFT_UNKNOWN,
    NGX_ADM_IDEMPOTENCY_OUTCOMES
} ngx_adm_idempotency_outcome_e;


/* the statuses of keep= and commit=: one bit for each from 100 to 611 */

typedef struct {
    uint64_t                  bits[8];
} ngx_adm_statuses_t;

#define ngx_adm_statuses_has(s, n)                                            \
    ((n) >= 100 && (n) < 612                                                  \
     && (((s)->bits[((n) - 100) / 64] >> (((n) - 100) % 64)) & 1))


/* conf of a use; in the cycle's pool */

typedef struct {
    ngx_uint_t                required;
    ngx_uint_t                body;      /* fingerprint=body */
    ngx_uint_t                methods;   /* mask */
    time_t                    ttl;       /* s */
    ngx_msec_t                lock;
    ngx_adm_statuses_t        keep;
    size_t                    max_body;  /* bytes of a response */
    ngx_str_t                 field;     /* that is the key, in lower case;
                                            empty: it is another value */
    ngx_adm_known_t          *known;
    ngx_adm_series_t         *outcomes;
} ngx_adm_idempotency_t;


/* of a step: what $admission_idempotency tells */

typedef struct {
    ngx_uint_t                used;      /* the store was asked to take it */
    ngx_str_t                 word;      /* new replay conflict mismatch
                                            missing; empty */
} ngx_adm_idempotency_state_t;


extern ngx_adm_policy_t  ngx_adm_idempotency_policy;


#endif /* _NGX_ADM_IDEMPOTENCY_H_INCLUDED_ */
