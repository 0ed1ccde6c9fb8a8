
/*
 * The pipeline's order, and the words for what it decides.
 */


#include <ngx_adm_policy.h>
#include <ngx_adm_rate.h>
#include <ngx_adm_room.h>

#if (NGX_ADM_TEST)
#include <ngx_adm_probe.h>
#endif


#define NGX_ADM_IETF_PROBLEM                                                  \
    "https://iana.org/assignments/http-problem-types#"


ngx_adm_policy_t  *ngx_adm_policies[NGX_ADM_POLICIES] = {
#if (NGX_ADM_TEST)
    &ngx_adm_probe_policy,
#endif
    &ngx_adm_room_policy,
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


ngx_str_t  ngx_adm_places[NGX_ADM_PLACES] = {
    ngx_string("pre"),
    ngx_string("waiting"),
    ngx_string("called"),
    ngx_string("admitted"),
    ngx_string("over"),
    ngx_string("paused"),
    ngx_string("closed"),
    ngx_string("open"),
    ngx_string("unknown")
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
                 "Nothing was ordered by it; please try again.") },

    { ngx_string("in_line"), NGX_ADM_VERDICT_WAIT, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("You are in line"),
      ngx_string("More people have come than can be let in at once. Your "
                 "place is kept.") },

    { ngx_string("moment"), NGX_ADM_VERDICT_WAIT, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("It is your turn"),
      ngx_string("You have been called, and will be let in as soon as "
                 "somebody else has made room. Ask again in a moment.") },

    { ngx_string("join_rate"), NGX_ADM_VERDICT_WAIT, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("You are about to join the line"),
      ngx_string("Many people join from your network at this moment. You "
                 "get your number in a moment.") },

    { ngx_string("no_number"), NGX_ADM_VERDICT_WAIT, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("You are about to join the line"),
      ngx_string("Numbers cannot be given at this moment. You get yours "
                 "as soon as they can, without doing anything.") },

    { ngx_string("paused"), NGX_ADM_VERDICT_WAIT, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("The line is paused"),
      ngx_string("Nobody is let in at the moment. Who has a place in line "
                 "keeps it.") },

    { ngx_string("poll"), NGX_ADM_VERDICT_WAIT, 200,
      ngx_string("about:blank"), ngx_string("OK"), ngx_null_string },

    { ngx_string("closed"), NGX_ADM_VERDICT_CLOSED, 503,
      ngx_string("about:blank"),
      ngx_string("The sale is closed"),
      ngx_string("The shop has closed the doors for now.") },

    { ngx_string("over"), NGX_ADM_VERDICT_CLOSED, 403,
      ngx_string("about:blank"),
      ngx_string("The sale is over"),
      ngx_string("Nobody is let in any more.") },

    { ngx_string("table_full"), NGX_ADM_VERDICT_FAIL, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("Temporarily unavailable"),
      ngx_string("We have no room for more requests at the moment. "
                 "Please try again.") }
};
