
/*
 * The rate limit: admission_rate defines it, admission_limit uses it.
 */


#ifndef _NGX_ADM_RATE_H_INCLUDED_
#define _NGX_ADM_RATE_H_INCLUDED_


#include <ngx_adm_policy.h>
#include <ngx_adm_shares.h>


typedef enum {
    NGX_ADM_SCOPE_NODE = 0,        /* decided in the check */
    NGX_ADM_SCOPE_FLEET,           /* likewise, and shared behind it */
    NGX_ADM_SCOPE_EXACT            /* by the store, in the request's trip */
} ngx_adm_scope_e;


/* a named rate */

typedef struct {
    ngx_str_t                name;
    adm_rate_t               rate;
    uint64_t                 burst;
    uint64_t                 ceiling;    /* the deepest of its uses */
    ngx_uint_t               scope;      /* ngx_adm_scope_e */
    ngx_adm_rates_t         *words;
    ngx_adm_shares_t        *shares;     /* of FLEET, if there is a store */
} ngx_adm_rate_t;


/* the order of the values of a use */

typedef enum {
    NGX_ADM_RATE_KEY = 0,
    NGX_ADM_RATE_COST,             /* may be absent: 1 */
    NGX_ADM_RATE_VALUES
} ngx_adm_rate_value_e;


/* a use of it: behind ngx_adm_use_t.conf */

typedef struct {
    ngx_adm_rate_t          *rate;
    adm_gcra_t               gcra;
    ngx_adm_quota_t          quota;      /* with nothing remaining */
    ngx_uint_t               cost;       /* it has a value for it */
} ngx_adm_limit_t;


extern ngx_adm_policy_t  ngx_adm_rate_policy;


/*
 * Sets up a use with a burst of its own, before ngx_adm_limit_share().
 * NGX_ERROR: the burst takes longer than 198 days to drain.
 */

ngx_int_t ngx_adm_limit_init(ngx_adm_limit_t *limit, ngx_adm_rate_t *rate,
    uint64_t burst);

/* once all uses of the rate are known */

void ngx_adm_limit_share(ngx_adm_limit_t *limit);


#endif /* _NGX_ADM_RATE_H_INCLUDED_ */
