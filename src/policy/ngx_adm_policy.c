
/*
 * The pipeline's order, and the words for what it decides.
 */


#include <ngx_adm_policy.h>
#include <ngx_adm_rate.h>

#if (NGX_ADM_TEST)
#include <ngx_adm_probe.h>
#endif


#define NGX_ADM_IETF_PROBLEM                                                  \
    "https://iana.org/assignments/http-problem-types#"


ngx_adm_policy_t  *ngx_adm_policies[NGX_ADM_POLICIES] = {
#if (NGX_ADM_TEST)
    &ngx_adm_probe_policy,
#endif
    &ngx_adm_rate_policy
};


ngx_str_t  ngx_adm_verdicts[NGX_ADM_VERDICTS] = {
    ngx_string("admit"),
    ngx_string("wait"),
    ngx_string("limit"),
    ngx_string("sold_out"),
    ngx_string("replay"),
    ngx_string("conflict"),
    ngx_string("invalid"),
    ngx_string("shed"),
    ngx_string("closed"),
    ngx_string("fail")
};


ngx_adm_reason_t  ngx_adm_reasons[NGX_ADM_REASONS] = {

    { ngx_null_string, NGX_ADM_VERDICT_ADMIT, 200,
      ngx_null_string, ngx_null_string, ngx_null_string },

    { ngx_string("rate"), NGX_ADM_VERDICT_LIMIT, 429,
      ngx_string(NGX_ADM_IETF_PROBLEM "quota-exceeded"),
      ngx_string("Too many requests"),
      ngx_string("You have sent more requests than are allowed in this "
                 "time. Nothing was ordered by this one.") },

    { ngx_string("cost"), NGX_ADM_VERDICT_LIMIT, 429,
      ngx_string(NGX_ADM_IETF_PROBLEM "quota-exceeded"),
      ngx_string("Request too large for the limit"),
      ngx_string("This request asks for more at once than is ever allowed. "
                 "Ask for less.") },

    { ngx_string("bad_cost"), NGX_ADM_VERDICT_INVALID, 400,
      ngx_string("about:blank"),
      ngx_string("Bad Request"),
      ngx_string("The size of this request is not a number "
                 "from 0 to 1000000.") },

    { ngx_string("store_down"), NGX_ADM_VERDICT_FAIL, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("Temporarily unavailable"),
      ngx_string("We cannot check your request at the moment. "
                 "Nothing was ordered by it; please try again.") }
};
