
/*
 * Variables: ASCII, and empty where they do not apply.
 */


#include <ngx_http_adm_module.h>


typedef void (*ngx_http_adm_variable_pt)(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);


static ngx_int_t ngx_http_adm_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_adm_variable_verdict(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_reason(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_policy(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_room(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_ticket(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_position(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_wait(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_hold(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_idempotency(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static ngx_http_adm_step_t *ngx_http_adm_variable_step(
    ngx_http_adm_ctx_t *ctx, ngx_adm_policy_t *policy);
static void ngx_http_adm_variable_remaining(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_budget(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static ngx_int_t ngx_http_adm_variable_said(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_adm_variable_trips(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_store_time(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_decision_time(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_number(ngx_http_request_t *r,
    uint64_t number, ngx_str_t *value);
static void ngx_http_adm_variable_seconds(ngx_http_request_t *r, uint64_t ns,
    ngx_str_t *value);
static void ngx_http_adm_variable_correlation(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);
static void ngx_http_adm_variable_version(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value);


static ngx_http_variable_t  ngx_http_adm_vars[] = {

    { ngx_string("admission_verdict"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_verdict, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_reason"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_reason, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_policy"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_policy, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_room"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_room, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_ticket"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_ticket, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_position"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_position,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_wait"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_wait, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_hold"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_hold, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_idempotency"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_idempotency,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_remaining"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_remaining,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_budget"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_budget, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_class"), NULL, ngx_http_adm_variable_said,
      offsetof(ngx_adm_said_t, cls), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_priority"), NULL, ngx_http_adm_variable_said,
      offsetof(ngx_adm_said_t, priority), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_cost"), NULL, ngx_http_adm_variable_said,
      offsetof(ngx_adm_said_t, cost), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_key"), NULL, ngx_http_adm_variable_said,
      offsetof(ngx_adm_said_t, key), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_word"), NULL, ngx_http_adm_variable_said,
      offsetof(ngx_adm_said_t, word), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_trips"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_trips, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_store_time"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_store_time,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_decision_time"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_decision_time,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("admission_correlation"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_correlation, 0, 0 },

    { ngx_string("admission_version"), NULL, ngx_http_adm_variable,
      (uintptr_t) ngx_http_adm_variable_version, 0, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_adm_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_adm_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_http_adm_variable_pt  get = (ngx_http_adm_variable_pt) data;

    ngx_str_t  value;

    ngx_str_set(&value, "");

    get(r, ngx_http_adm_get_ctx(r), &value);

    v->len = value.len;
    v->data = value.data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/* empty until the checks are done, and for what no policy looked at */

static void
ngx_http_adm_variable_verdict(ngx_http_request_t *r, ngx_http_adm_ctx_t *ctx,
    ngx_str_t *value)
{
    ngx_adm_reason_e  reason;

    if (ctx == NULL || (!ctx->decided && !ctx->admitted)) {
        return;
    }

    reason = ctx->decided ? ctx->answer.reason : NGX_ADM_REASON_NONE;

    *value = ngx_adm_verdicts[ngx_adm_reasons[reason].verdict];
}


static void
ngx_http_adm_variable_reason(ngx_http_request_t *r, ngx_http_adm_ctx_t *ctx,
    ngx_str_t *value)
{
    if (ctx && ctx->decided) {
        *value = ngx_adm_reasons[ctx->answer.reason].name;
    }
}


static void
ngx_http_adm_variable_policy(ngx_http_request_t *r, ngx_http_adm_ctx_t *ctx,
    ngx_str_t *value)
{
    if (ctx && ctx->decided) {
        *value = ctx->answer.policy;
    }
}


/* of the last room that has looked, as the place is */

static void
ngx_http_adm_variable_room(ngx_http_request_t *r, ngx_http_adm_ctx_t *ctx,
    ngx_str_t *value)
{
    ngx_http_adm_step_t  *step;

    if (ctx == NULL || ctx->subject.place == NULL) {
        return;
    }

    step = ngx_http_adm_variable_step(ctx, &ngx_adm_room_policy);

    if (step) {
        *value = step->use->name;
    }
}


/* the last of the policy; NULL: none */

static ngx_http_adm_step_t *
ngx_http_adm_variable_step(ngx_http_adm_ctx_t *ctx, ngx_adm_policy_t *policy)
{
    ngx_queue_t          *q;
    ngx_http_adm_step_t  *step;

    for (q = ngx_queue_last(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_prev(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->use->policy == policy) {
            return step;
        }
    }

    return NULL;
}


/* also after the hold was settled: for the log */

static void
ngx_http_adm_variable_hold(ngx_http_request_t *r, ngx_http_adm_ctx_t *ctx,
    ngx_str_t *value)
{
    ngx_http_adm_step_t        *step;
    ngx_adm_inventory_state_t  *is;

    step = ctx ? ngx_http_adm_variable_step(ctx, &ngx_adm_inventory_policy)
               : NULL;

    if (step == NULL) {
        return;
    }

    is = ngx_http_adm_step_state(step);

    if (is->held) {
        value->len = sizeof(is->hold);
        value->data = is->hold;
    }
}


static void
ngx_http_adm_variable_idempotency(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value)
{
    ngx_http_adm_step_t          *step;
    ngx_adm_idempotency_state_t  *is;

    step = ctx ? ngx_http_adm_variable_step(ctx, &ngx_adm_idempotency_policy)
               : NULL;

    if (step) {
        is = ngx_http_adm_step_state(step);
        *value = is->word;
    }
}


static void
ngx_http_adm_variable_ticket(ngx_http_request_t *r, ngx_http_adm_ctx_t *ctx,
    ngx_str_t *value)
{
    if (ctx && ctx->subject.place && ctx->subject.place->ticket) {
        ngx_http_adm_variable_number(r, ctx->subject.place->ticket, value);
    }
}


static void
ngx_http_adm_variable_position(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value)
{
    if (ctx && ctx->subject.place && ctx->subject.place->has_wait) {
        ngx_http_adm_variable_number(r, ctx->subject.place->ahead + 1, value);
    }
}


static void
ngx_http_adm_variable_wait(ngx_http_request_t *r, ngx_http_adm_ctx_t *ctx,
    ngx_str_t *value)
{
    if (ctx && ctx->subject.place && ctx->subject.place->has_wait) {
        ngx_http_adm_variable_number(r, ctx->subject.place->wait, value);
    }
}


static void
ngx_http_adm_variable_remaining(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value)
{
    if (ctx && ctx->subject.remaining != NGX_ADM_NO_LIMIT) {
        ngx_http_adm_variable_number(r, ctx->subject.remaining, value);
    }
}


/* what is left now, for the upstream */

static void
ngx_http_adm_variable_budget(ngx_http_request_t *r, ngx_http_adm_ctx_t *ctx,
    ngx_str_t *value)
{
    uint64_t  left;

    if (ctx && ngx_http_adm_budget(ctx, &left)) {
        ngx_http_adm_variable_number(r, left, value);
    }
}


/* of the site's own scripts */

static ngx_int_t
ngx_http_adm_variable_said(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t           *value;
    ngx_http_adm_ctx_t  *ctx;

    static ngx_str_t  nothing = ngx_string("");

    ctx = ngx_http_adm_get_ctx(r);
    value = (ctx && ctx->subject.said)
            ? (ngx_str_t *) ((u_char *) ctx->subject.said + data) : &nothing;

    v->len = value->len;
    v->data = value->len ? value->data : nothing.data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static void
ngx_http_adm_variable_trips(ngx_http_request_t *r, ngx_http_adm_ctx_t *ctx,
    ngx_str_t *value)
{
    if (ctx) {
        ngx_http_adm_variable_number(r, ctx->trips, value);
    }
}


static void
ngx_http_adm_variable_store_time(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value)
{
    if (ctx && ctx->trips) {
        ngx_http_adm_variable_seconds(r, ctx->stored, value);
    }
}


static void
ngx_http_adm_variable_decision_time(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value)
{
    if (ctx && (ctx->decided || ctx->admitted)) {
        ngx_http_adm_variable_seconds(r, ctx->spent, value);
    }
}


static void
ngx_http_adm_variable_number(ngx_http_request_t *r, uint64_t number,
    ngx_str_t *value)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);

    if (p) {
        value->data = p;
        value->len = ngx_sprintf(p, "%uL", number) - p;
    }
}


/* with a resolution of microseconds */

static void
ngx_http_adm_variable_seconds(ngx_http_request_t *r, uint64_t ns,
    ngx_str_t *value)
{
    u_char    *p;
    uint64_t   us;

    us = ns / 1000;
    p = ngx_pnalloc(r->pool, 2 * NGX_INT64_LEN);

    if (p) {
        value->data = p;
        value->len = ngx_sprintf(p, "%uL.%06uL", us / 1000000, us % 1000000)
                     - p;
    }
}


static void
ngx_http_adm_variable_correlation(ngx_http_request_t *r,
    ngx_http_adm_ctx_t *ctx, ngx_str_t *value)
{
    if (ngx_http_adm_correlation(r, value) != NGX_OK) {
        ngx_str_set(value, "");
    }
}


static void
ngx_http_adm_variable_version(ngx_http_request_t *r, ngx_http_adm_ctx_t *ctx,
    ngx_str_t *value)
{
    ngx_str_set(value, NGX_HTTP_ADM_VERSION);
}
