
/*
 * The pipeline's order, and the words for what it decides.
 */


#include <ngx_adm_policy.h>
#include <ngx_adm_rate.h>
#include <ngx_adm_room.h>
#include <ngx_adm_inventory.h>
#include <ngx_adm_shed.h>

#if (NGX_ADM_LUAJIT)
#include <ngx_adm_script.h>
#endif

#if (NGX_ADM_TEST)
#include <ngx_adm_probe.h>
#endif


#define NGX_ADM_IETF_PROBLEM                                                  \
    "https://iana.org/assignments/http-problem-types#"


ngx_adm_policy_t  *ngx_adm_policies[NGX_ADM_POLICIES] = {
#if (NGX_ADM_TEST)
    &ngx_adm_probe_policy,
#endif
#if (NGX_ADM_LUAJIT)
    &ngx_adm_script_policy,
#endif
    &ngx_adm_room_policy,
    &ngx_adm_rate_policy,
    &ngx_adm_idempotency_policy,
    &ngx_adm_inventory_policy,
    &ngx_adm_shed_policy
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
    ngx_string("unknown"),
    ngx_string("sold_out")
};


ngx_str_t  ngx_adm_place_stocks[NGX_ADM_PLACE_STOCKS] = {
    ngx_null_string,
    ngx_string("beyond"),
    ngx_string("reserved")
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
                 "Please try again.") },

    { ngx_string("sold_out"), NGX_ADM_VERDICT_SOLD_OUT, 409,
      ngx_string("about:blank"),
      ngx_string("Sold out"),
      ngx_string("Nothing is left of what you ask for. Nothing was ordered "
                 "by this request.") },

    { ngx_string("all_reserved"), NGX_ADM_VERDICT_SOLD_OUT, 409,
      ngx_string("about:blank"),
      ngx_string("All reserved"),
      ngx_string("What is left is reserved for others at the moment. Some "
                 "of it may come back. Nothing was ordered by this "
                 "request.") },

    { ngx_string("unknown_sku"), NGX_ADM_VERDICT_INVALID, 404,
      ngx_string("about:blank"),
      ngx_string("No such product"),
      ngx_string("There is no such product in this sale. Nothing was "
                 "ordered.") },

    { ngx_string("bad_sku"), NGX_ADM_VERDICT_INVALID, 400,
      ngx_string("about:blank"),
      ngx_string("Bad Request"),
      ngx_string("The name of a product in this request is not one: it must "
                 "be 1 to 128 letters, digits or marks. Nothing was "
                 "ordered.") },

    { ngx_string("bad_quantity"), NGX_ADM_VERDICT_INVALID, 400,
      ngx_string("about:blank"),
      ngx_string("Bad Request"),
      ngx_string("A quantity in this request is not a number from 1 to "
                 "1000000. Nothing was ordered.") },

    { ngx_string("bad_cart"), NGX_ADM_VERDICT_INVALID, 400,
      ngx_string("about:blank"),
      ngx_string("Bad Request"),
      ngx_string("The list of products in this request is empty or too "
                 "long, or does not have as many quantities as products. "
                 "Nothing was ordered.") },

    { ngx_string("per_buyer"), NGX_ADM_VERDICT_LIMIT, 409,
      ngx_string("about:blank"),
      ngx_string("No more for you"),
      ngx_string("You have as many of these as one buyer may have. Nothing "
                 "was ordered by this request.") },

    { ngx_string("unconfirmed"), NGX_ADM_VERDICT_FAIL, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("Temporarily unavailable"),
      ngx_string("The stock is being counted again. Nothing was ordered by "
                 "this request; please try again.") },

    { ngx_string("bad_stock"), NGX_ADM_VERDICT_FAIL, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("Temporarily unavailable"),
      ngx_string("We cannot tell how many are left at the moment. Nothing "
                 "was ordered by this request; please try again.") },

    { ngx_string("no_buyer"), NGX_ADM_VERDICT_INVALID, 400,
      ngx_string("about:blank"),
      ngx_string("Bad Request"),
      ngx_string("This request does not say who buys. Nothing was ordered.") },

    { ngx_string("key_missing"), NGX_ADM_VERDICT_INVALID, 400,
      ngx_string("about:blank"),
      ngx_string("Idempotency key missing"),
      ngx_string("This request needs an idempotency key, so that it is "
                 "carried out once even if it is sent again. Nothing was "
                 "ordered.") },

    { ngx_string("bad_key"), NGX_ADM_VERDICT_INVALID, 400,
      ngx_string("about:blank"),
      ngx_string("Bad idempotency key"),
      ngx_string("The idempotency key of this request is not a string of 1 "
                 "to 255 printable characters. Nothing was ordered.") },

    { ngx_string("no_owner"), NGX_ADM_VERDICT_INVALID, 400,
      ngx_string("about:blank"),
      ngx_string("Bad Request"),
      ngx_string("This request does not say whose idempotency key it has. "
                 "Nothing was ordered.") },

    { ngx_string("in_progress"), NGX_ADM_VERDICT_CONFLICT, 409,
      ngx_string("about:blank"),
      ngx_string("Already under way"),
      ngx_string("The same request is being carried out. Send it again in a "
                 "moment, with the same key, to hear what became of it.") },

    { ngx_string("outcome_unknown"), NGX_ADM_VERDICT_CONFLICT, 409,
      ngx_string("about:blank"),
      ngx_string("Outcome unknown"),
      ngx_string("The same request was sent on and never answered, so that "
                 "it may have been carried out. It is not repeated. Please "
                 "ask the shop, with the number below, before you order "
                 "again.") },

    { ngx_string("mismatch"), NGX_ADM_VERDICT_CONFLICT, 422,
      ngx_string("about:blank"),
      ngx_string("Idempotency key already used"),
      ngx_string("This idempotency key belongs to another request. Nothing "
                 "was ordered by this one; a new request needs a new key.") },

    { ngx_string("not_kept"), NGX_ADM_VERDICT_CONFLICT, 409,
      ngx_string("about:blank"),
      ngx_string("Already carried out"),
      ngx_string("The same request was carried out before, and is not "
                 "repeated. Its answer was not kept; please look into your "
                 "orders.") },

    { ngx_string("replay"), NGX_ADM_VERDICT_REPLAY, 200,
      ngx_string("about:blank"), ngx_string("OK"), ngx_null_string },

    { ngx_string("field_absent"), NGX_ADM_VERDICT_INVALID, 400,
      ngx_string("about:blank"),
      ngx_string("Bad Request"),
      ngx_string("The body of this request does not have what is needed to "
                 "decide about it. Nothing was ordered.") },

    { ngx_string("field_doubled"), NGX_ADM_VERDICT_INVALID, 400,
      ngx_string("about:blank"),
      ngx_string("Bad Request"),
      ngx_string("The body of this request says the same thing twice. "
                 "Nothing was ordered.") },

    { ngx_string("field_large"), NGX_ADM_VERDICT_INVALID, 400,
      ngx_string("about:blank"),
      ngx_string("Bad Request"),
      ngx_string("The body of this request is too large to be looked at. "
                 "Nothing was ordered.") },

    { ngx_string("field_form"), NGX_ADM_VERDICT_INVALID, 400,
      ngx_string("about:blank"),
      ngx_string("Bad Request"),
      ngx_string("The body of this request is not of the form that it "
                 "should have. Nothing was ordered.") },

    { ngx_string("all_reserved"), NGX_ADM_VERDICT_WAIT, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("All reserved"),
      ngx_string("What is left is reserved for others at the moment. Some "
                 "of it may come back: your place in line is kept.") },

    { ngx_string("concurrency"), NGX_ADM_VERDICT_SHED, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("The shop is full"),
      ngx_string("The shop has as many requests as it can answer at once. "
                 "Nothing was ordered by this one; please try again.") },

    { ngx_string("priority"), NGX_ADM_VERDICT_SHED, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("The shop is full"),
      ngx_string("The shop has more requests than it can answer, and serves "
                 "others first for some minutes. Nothing was ordered by this "
                 "one; please try again.") },

    { ngx_string("circuit_open"), NGX_ADM_VERDICT_SHED, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("Temporarily unavailable"),
      ngx_string("The shop does not answer at the moment, and is left alone "
                 "until it recovers. Nothing was ordered by this request; "
                 "please try again.") },

    { ngx_string("budget"), NGX_ADM_VERDICT_SHED, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("The shop is slow"),
      ngx_string("The shop would not have answered this request in time, so "
                 "it was not sent. Nothing was ordered by it; please try "
                 "again.") },

    { ngx_string("overload"), NGX_ADM_VERDICT_SHED, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("Too many people at once"),
      ngx_string("More people have come than can be looked after at once. "
                 "Nothing was ordered by this request; please try again.") },

    { ngx_string("script"), NGX_ADM_VERDICT_CLOSED, 403,
      ngx_string("about:blank"),
      ngx_string("Not allowed"),
      ngx_string("The shop does not allow this request. Nothing was ordered "
                 "by it.") },

    { ngx_string("script"), NGX_ADM_VERDICT_LIMIT, 429,
      ngx_string(NGX_ADM_IETF_PROBLEM "quota-exceeded"),
      ngx_string("Too many requests"),
      ngx_string("The shop allows no more requests of this kind at the "
                 "moment. Nothing was ordered by this one.") },

    { ngx_string("script"), NGX_ADM_VERDICT_SHED, 503,
      ngx_string(NGX_ADM_IETF_PROBLEM "temporary-reduced-capacity"),
      ngx_string("Temporarily unavailable"),
      ngx_string("The shop cannot take requests of this kind at the moment. "
                 "Nothing was ordered by this one; please try again.") }
};


ngx_adm_checkout_t *
ngx_adm_subject_checkout(ngx_adm_subject_t *s, ngx_adm_keeper_t *keeper)
{
    ngx_adm_checkout_t  *checkout;

    if (s->checkout) {
        return s->checkout;
    }

    checkout = ngx_adm_checkout_create(keeper);
    if (checkout == NULL) {
        return NULL;
    }

    checkout->note_len = ngx_min(s->correlation.len, NGX_ADM_CHECKOUT_NOTE);
    ngx_memcpy(checkout->note, s->correlation.data, checkout->note_len);

    s->checkout = checkout;

    return checkout;
}


ngx_adm_rc_e
ngx_adm_subject_failed(ngx_adm_subject_t *s, ngx_adm_failed_e what,
    ngx_adm_fallback_e fallback)
{
    if (s->failed) {
        ngx_adm_count(s->failed, what * NGX_ADM_FALLBACKS + fallback);
    }

    if (fallback == NGX_ADM_FALLBACK_OPEN) {
        return NGX_ADM_PASS;
    }

    s->answer.reason = NGX_ADM_REASON_STORE_DOWN;
    s->answer.retry = 1 + ngx_random() % 3;

    return NGX_ADM_REFUSE;
}
