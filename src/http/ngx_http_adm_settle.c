
/*
 * After the answer: what was held is settled or given back, exactly once.
 *
 * The outcome is read from the upstream itself, before error_page or
 * X-Accel-Redirect make another answer of it: in the header filter, in
 * PREACCESS when an internal redirect comes back after an upstream, and at
 * last when the request ends.
 *
 * What the steps have written into the request's checkout is then carried out
 * by its end: at once, or when an answer that is kept has passed.
 */


#include <ngx_http_adm.h>


#define NGX_HTTP_ADM_WORDS  3


/* a field of the upstream's, which is for us; the words by what they weigh */

typedef struct {
    ngx_str_t       name;
    ngx_str_t       words[NGX_HTTP_ADM_WORDS];
} ngx_http_adm_told_t;


typedef enum {
    NGX_HTTP_ADM_TOLD_SETTLE = 0,
    NGX_HTTP_ADM_TOLD_KEY,
    NGX_HTTP_ADM_TOLD_SESSION,
    NGX_HTTP_ADM_TOLD
} ngx_http_adm_told_e;


static ngx_int_t ngx_http_adm_header_filter(ngx_http_request_t *r);
static void ngx_http_adm_settle_steps(ngx_http_adm_ctx_t *ctx);
static void ngx_http_adm_settlement(ngx_http_adm_ctx_t *ctx,
    ngx_adm_settlement_t *settlement);
static ngx_uint_t ngx_http_adm_doubtful(ngx_http_request_t *r,
    ngx_adm_settlement_t *settlement);
static void ngx_http_adm_told(ngx_http_request_t *r,
    ngx_adm_settlement_t *settlement);
static ngx_http_adm_told_t *ngx_http_adm_told_field(ngx_table_elt_t *h);
static ngx_uint_t ngx_http_adm_told_word(ngx_http_request_t *r,
    ngx_http_adm_told_t *field, ngx_str_t *value);
static void ngx_http_adm_strip(ngx_http_request_t *r);


/*
 * Of fields that contradict each other the word that takes more care counts:
 * units that are gone are not sold again, and a key that is kept is not
 * executed again.
 */

static ngx_http_adm_told_t  ngx_http_adm_told_fields[NGX_HTTP_ADM_TOLD] = {

    { ngx_string("Admission-Settle"),
      { ngx_string("release"), ngx_string("hold"), ngx_string("commit") } },

    { ngx_string("Admission-Idempotency"),
      { ngx_string("forget"), ngx_string("keep"), ngx_null_string } },

    { ngx_string("Admission-Session"),
      { ngx_string("end"), ngx_null_string, ngx_null_string } }
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


ngx_int_t
ngx_http_adm_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_adm_header_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_header_filter(ngx_http_request_t *r)
{
    ngx_http_adm_ctx_t       *ctx;
    ngx_http_adm_loc_conf_t  *alcf;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_adm_get_ctx(r);
    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);

    if (r->upstream && (ctx || alcf->npipeline)) {
        ngx_http_adm_strip(r);
    }

    if (ctx && ctx->places) {
        ngx_http_adm_upstream_headed(ctx);
    }

    if (ctx && ctx->paged) {
        ngx_http_adm_reply_filter(r);
    }

    if (ctx && ctx->subject.place && !ctx->granted) {
        ctx->granted = 1;

        if (ngx_http_adm_grants(ctx) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_next_header_filter(r);
}


/* an answer is there, the upstream's or another's: before it is sent */

void
ngx_http_adm_settle(ngx_http_adm_ctx_t *ctx)
{
    ngx_http_adm_settle_steps(ctx);
    ngx_http_adm_end_checkout(ctx);
}


void
ngx_http_adm_settle_answer(ngx_http_adm_ctx_t *ctx)
{
    ngx_adm_checkout_t  *checkout;

    ngx_http_adm_settle_steps(ctx);

    checkout = ctx->subject.checkout;

    if (checkout && checkout->key_end == NGX_ADM_KEY_KEEP
        && ngx_http_adm_keep_begin(ctx, checkout->max_body) == NGX_OK)
    {
        return;
    }

    ngx_http_adm_end_checkout(ctx);
}


static void
ngx_http_adm_settle_steps(ngx_http_adm_ctx_t *ctx)
{
    ngx_queue_t           *q;
    ngx_http_adm_step_t   *step;
    ngx_adm_settlement_t   settlement;

    ctx->over = 1;

    ngx_http_adm_count(ctx);
    ngx_http_adm_settlement(ctx, &settlement);

    for (q = ngx_queue_last(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_prev(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->held && step->use->policy->settle) {
            ngx_http_adm_present(ctx, step);
            step->use->policy->settle(&ctx->subject, step->use->conf,
                                      ngx_http_adm_step_state(step),
                                      &settlement);
            step->grant = ctx->subject.grant;
        }

        step->held = 0;
    }
}


/* the request ends with no answer seen: the client is gone, or we are */

void
ngx_http_adm_end(ngx_http_adm_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    if (ctx->over) {
        ngx_http_adm_keep_end(ctx);
        return;
    }

    r = ctx->request;

    if (r->upstream && r->upstream_states && ngx_http_adm_sent(r)) {
        ctx->lost = 1;
        ngx_http_adm_settle(ctx);
        return;
    }

    ctx->over = 1;

    ngx_http_adm_demand_asked(ctx);
    ngx_http_adm_count(ctx);
    ngx_http_adm_give_back(ctx, NGX_ADM_CAUSE_GONE);
}


void
ngx_http_adm_give_back(ngx_http_adm_ctx_t *ctx, ngx_adm_cause_e cause)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_last(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_prev(q))
    {
        ngx_http_adm_give_back_step(ctx,
                         ngx_queue_data(q, ngx_http_adm_step_t, queue), cause);
    }

    ngx_http_adm_end_checkout(ctx);
}


void
ngx_http_adm_give_back_step(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_step_t *step, ngx_adm_cause_e cause)
{
    if (step->held && step->use->policy->give_back) {
        ngx_http_adm_present(ctx, step);
        step->use->policy->give_back(&ctx->subject, step->use->conf,
                                     ngx_http_adm_step_state(step), cause);
    }

    /* with what it gave back it has left */

    if (step->inside) {
        step->inside = 0;
        step->left = 1;
        ctx->places--;
    }

    step->held = 0;
    step->claim = 0;
    step->aboard = 0;
    step->command = NULL;
}


void
ngx_http_adm_end_checkout(ngx_http_adm_ctx_t *ctx)
{
    ngx_adm_checkout_t  *checkout;

    checkout = ctx->subject.checkout;

    if (checkout) {
        ctx->subject.checkout = NULL;
        ngx_adm_checkout_end(checkout);
    }
}


static void
ngx_http_adm_settlement(ngx_http_adm_ctx_t *ctx,
    ngx_adm_settlement_t *settlement)
{
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;

    ngx_memzero(settlement, sizeof(ngx_adm_settlement_t));

    settlement->outcome = NGX_ADM_UNREACHED;
    settlement->lost = ctx->lost;

    if (u == NULL || ngx_http_adm_cached(r)) {

        /* without an upstream, what nginx itself makes is the answer */

        if (ctx->admitted) {
            settlement->outcome = NGX_ADM_ANSWERED;
            settlement->status = r->headers_out.status;
        }

    } else if (u->state == NULL || r->upstream_states == NULL) {

        /* no peer was tried: an unknown name, a body that was too large */

        return;

    } else if (u->state->header_time != (ngx_msec_t) -1) {
        settlement->outcome = NGX_ADM_ANSWERED;
        settlement->status = u->headers_in.status_n;
        ngx_http_adm_told(r, settlement);

        if (ngx_http_adm_doubtful(r, settlement)) {
            settlement->outcome = NGX_ADM_UNANSWERED;
        }

    } else if (ngx_http_adm_sent(r)) {
        settlement->outcome = NGX_ADM_UNANSWERED;
    }
}


/*
 * One that was sent the request before, and did not answer, may have done it;
 * what the next one has against it, "it is there already", is no answer then.
 */

static ngx_uint_t
ngx_http_adm_doubtful(ngx_http_request_t *r, ngx_adm_settlement_t *settlement)
{
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    if (settlement->status < NGX_HTTP_SPECIAL_RESPONSE
        || settlement->settle != NGX_ADM_SETTLE_NONE
        || settlement->key != NGX_ADM_IDEMPOTENCY_NONE)
    {
        return 0;
    }

    state = r->upstream_states->elts;

    for (i = 0; i + 1 < r->upstream_states->nelts; i++) {

        if (state[i].bytes_sent && state[i].header_time == (ngx_msec_t) -1) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_adm_told(ngx_http_request_t *r, ngx_adm_settlement_t *settlement)
{
    ngx_uint_t            i, n, told[NGX_HTTP_ADM_TOLD];
    ngx_list_part_t      *part;
    ngx_table_elt_t      *h;
    ngx_http_adm_told_t  *field;

    static ngx_adm_told_settle_e  settle[] = {
        NGX_ADM_SETTLE_NONE, NGX_ADM_SETTLE_RELEASE, NGX_ADM_SETTLE_HOLD,
        NGX_ADM_SETTLE_COMMIT
    };

    static ngx_adm_told_key_e  key[] = {
        NGX_ADM_IDEMPOTENCY_NONE, NGX_ADM_IDEMPOTENCY_FORGET,
        NGX_ADM_IDEMPOTENCY_KEEP
    };

    ngx_memzero(told, sizeof(told));

    for (part = &r->upstream->headers_in.headers.part; part;
         part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            field = ngx_http_adm_told_field(&h[i]);

            if (field) {
                n = field - ngx_http_adm_told_fields;
                told[n] = ngx_max(told[n],
                                  ngx_http_adm_told_word(r, field,
                                                         &h[i].value));
            }
        }
    }

    settlement->settle = settle[told[NGX_HTTP_ADM_TOLD_SETTLE]];
    settlement->key = key[told[NGX_HTTP_ADM_TOLD_KEY]];
    settlement->ends = (told[NGX_HTTP_ADM_TOLD_SESSION] != 0);
}


/* NULL: it is not for us */

static ngx_http_adm_told_t *
ngx_http_adm_told_field(ngx_table_elt_t *h)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    for (i = 0; i < NGX_HTTP_ADM_TOLD; i++) {
        name = &ngx_http_adm_told_fields[i].name;

        if (h->key.len == name->len
            && ngx_strncasecmp(h->key.data, name->data, name->len) == 0)
        {
            return &ngx_http_adm_told_fields[i];
        }
    }

    return NULL;
}


/* from 1 on; 0: the field has no such word */

static ngx_uint_t
ngx_http_adm_told_word(ngx_http_request_t *r, ngx_http_adm_told_t *field,
    ngx_str_t *value)
{
    ngx_str_t   *word;
    ngx_uint_t   i;

    for (i = 0; i < NGX_HTTP_ADM_WORDS; i++) {
        word = &field->words[i];

        if (word->len && value->len == word->len
            && ngx_strncasecmp(value->data, word->data, word->len) == 0)
        {
            return i + 1;
        }
    }

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "upstream sent \"%V: %V\", which is no word of this field, "
                  "and was ignored", &field->name, value);

    return 0;
}


/* they are not the client's to see */

static void
ngx_http_adm_strip(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_http_adm_told_field(&h[i])) {
                h[i].hash = 0;
            }
        }
    }
}


ngx_uint_t
ngx_http_adm_sent(ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    if (r->upstream->request_sent) {
        return 1;
    }

    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {
        if (state[i].bytes_sent) {
            return 1;
        }
    }

    return 0;
}


/* once a request, when its verdict is final */

void
ngx_http_adm_count(ngx_http_adm_ctx_t *ctx)
{
    ngx_uint_t                 dry_run;
    ngx_adm_reason_e           reason;
    ngx_http_adm_srv_conf_t   *ascf;
    ngx_http_adm_main_conf_t  *amcf;

    if (ctx->counted) {
        return;
    }

    reason = ctx->decided ? ctx->answer.reason : NGX_ADM_REASON_NONE;
    dry_run = ctx->decided ? ctx->dry_run
                           : ctx->mode == NGX_HTTP_ADM_DRY_RUN;

    ascf = ngx_http_get_module_srv_conf(ctx->request,
                                        ngx_http_admission_module);
    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_admission_module);

    ngx_adm_count(ascf->series, reason * 2 + dry_run);
    ngx_adm_observe(amcf->decisions, ctx->spent);

    ctx->counted = 1;
}
