
/*
 * The way of a request: check, one trip if it is needed, conclude.
 *
 * The checks of a location run in PREACCESS, from ctx->next on; claims go
 * together in PRECONTENT.  A policy may ask for a trip of its own before the
 * next check.  Whichever sleeps is called again when the trip is answered,
 * and finds it in ctx->trip.
 *
 * The body is read in PRECONTENT, if a claim or the value of a check needs
 * it; such a check is put off until then, and is made before the claims.
 */


#include <ngx_http_adm.h>


static ngx_int_t ngx_http_adm_relieve(ngx_http_adm_ctx_t *ctx);
static void ngx_http_adm_admit(ngx_http_adm_ctx_t *ctx);
static void ngx_http_adm_enter(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_checks(ngx_http_adm_ctx_t *ctx);
static ngx_uint_t ngx_http_adm_meant(ngx_http_adm_ctx_t *ctx,
    ngx_adm_use_t *use);
static ngx_int_t ngx_http_adm_polled(ngx_http_adm_ctx_t *ctx);
static ngx_uint_t ngx_http_adm_preflight(ngx_http_request_t *r);
static ngx_uint_t ngx_http_adm_applied(ngx_http_adm_ctx_t *ctx,
    ngx_adm_use_t *use);
static ngx_uint_t ngx_http_adm_only_looked(ngx_adm_use_t *was,
    ngx_adm_use_t *use);
static ngx_http_adm_step_t *ngx_http_adm_push_step(ngx_http_adm_ctx_t *ctx,
    ngx_adm_use_t *use);
static ngx_int_t ngx_http_adm_evaluate(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_step_t *step);
static ngx_int_t ngx_http_adm_evaluate_value(ngx_http_adm_ctx_t *ctx,
    ngx_http_complex_value_t *value, ngx_str_t *text,
    ngx_adm_reason_e *reason);
static ngx_int_t ngx_http_adm_begin_step(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_step_t *step);
static ngx_int_t ngx_http_adm_check_step(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_step_t *step);
static ngx_int_t ngx_http_adm_claims(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_needs_body(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_late_checks(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_travel(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_step_t *asking);
static ngx_uint_t ngx_http_adm_stays(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_board(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_board_step(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_step_t *step);
static ngx_int_t ngx_http_adm_conclude(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_conclude_step(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_step_t *step);
static ngx_int_t ngx_http_adm_result(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_step_t *step, ngx_adm_rc_e rc);
static void ngx_http_adm_undo_rehearsal(ngx_http_adm_ctx_t *ctx);
static void ngx_http_adm_refused(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_step_t *step);
static void ngx_http_adm_foresee(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_refuse(ngx_http_adm_ctx_t *ctx);
static ngx_adm_cause_e ngx_http_adm_cause(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_fail(ngx_http_adm_ctx_t *ctx);


/* in PREACCESS, at first and after a trip that a check asked for */

ngx_int_t
ngx_http_adm_check(ngx_http_adm_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    if (ctx->trip) {
        rc = ngx_http_adm_conclude(ctx);

    } else {
        ctx->started = ngx_adm_clock();
        ctx->subject.age = ngx_http_adm_age(ctx->request);

        rc = ngx_http_adm_relieve(ctx);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_adm_checks(ctx);
    }

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    ctx->spent += ngx_adm_clock() - ctx->started;

    if (rc == NGX_OK) {
        return NGX_DECLINED;
    }

    return (rc == NGX_BUSY) ? ngx_http_adm_refuse(ctx)
                            : ngx_http_adm_fail(ctx);
}


/*
 * Where the event loop is too late, before anything is spent on it: NGX_OK, or
 * NGX_BUSY
 */

static ngx_int_t
ngx_http_adm_relieve(ngx_http_adm_ctx_t *ctx)
{
    ngx_adm_use_t        *use;
    ngx_http_adm_step_t  *step;

    use = ngx_queue_empty(&ctx->steps) ? ngx_http_adm_overload(ctx) : NULL;

    if (use == NULL) {
        return NGX_OK;
    }

    step = ngx_http_adm_push_step(ctx, use);
    if (step == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_adm_result(ctx, step, NGX_ADM_REFUSE);
}


/* in PRECONTENT, behind authentication */

ngx_int_t
ngx_http_adm_claim(ngx_http_adm_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    if (ctx->trip) {
        rc = ngx_http_adm_conclude(ctx);

    } else {
        ctx->started = ctx->claims ? ngx_adm_clock() : 0;
        ctx->subject.age = ngx_http_adm_age(ctx->request);
    }

    if (rc == NGX_OK && ctx->claims) {
        rc = ngx_http_adm_claims(ctx);
    }

    if (ctx->started && rc != NGX_AGAIN) {
        ctx->spent += ngx_adm_clock() - ctx->started;
    }

    switch (rc) {

    case NGX_OK:
        ngx_http_adm_admit(ctx);
        return NGX_DECLINED;

    case NGX_BUSY:
        return ngx_http_adm_refuse(ctx);

    case NGX_ERROR:
        return ngx_http_adm_fail(ctx);

    default:                       /* suspended, or the body did not come */
        return rc;
    }
}


static void
ngx_http_adm_admit(ngx_http_adm_ctx_t *ctx)
{
    ctx->admitted = 1;

    ngx_http_adm_enter(ctx);

    if (ctx->subject.checkout) {
        ngx_adm_checkout_admit(ctx->subject.checkout);
    }

    ngx_http_adm_demand_asked(ctx);
}


/* each that holds a place has to be left, once, wherever this is called */

static void
ngx_http_adm_enter(ngx_http_adm_ctx_t *ctx)
{
    ngx_queue_t          *q;
    ngx_http_adm_step_t  *step;

    for (q = ngx_queue_head(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_next(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->held && step->use->policy->leave
            && !step->inside && !step->left)
        {
            step->inside = 1;
            ctx->places++;
        }
    }
}


void
ngx_http_adm_drop_claims(ngx_http_adm_ctx_t *ctx)
{
    ngx_queue_t          *q, *prev;
    ngx_http_adm_step_t  *step;

    for (q = ngx_queue_last(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = prev)
    {
        prev = ngx_queue_prev(q);
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->claim) {
            ngx_http_adm_give_back_step(ctx, step, NGX_ADM_CAUSE_REFUSED);
            ngx_queue_remove(q);
        }
    }

    ctx->claims = 0;
}


/* NGX_OK: all passed; NGX_BUSY: refused; NGX_AGAIN: suspended; NGX_ERROR */

static ngx_int_t
ngx_http_adm_checks(ngx_http_adm_ctx_t *ctx)
{
    ngx_int_t             rc;
    ngx_adm_use_t        *use;
    ngx_http_adm_step_t  *step;

    while (ctx->next < ctx->location->npipeline) {

        use = ctx->location->pipeline[ctx->next];

        if (ctx->subject.poll && ctx->subject.place && !use->policy->tokens) {
            break;
        }

        ctx->next++;

        if (ngx_http_adm_applied(ctx, use) || !ngx_http_adm_meant(ctx, use)) {
            continue;
        }

        step = ngx_http_adm_push_step(ctx, use);
        if (step == NULL) {
            return NGX_ERROR;
        }

        rc = ngx_http_adm_begin_step(ctx, step);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_http_adm_undo_rehearsal(ctx);

    return (ctx->subject.poll && ctx->subject.place)
           ? ngx_http_adm_polled(ctx) : NGX_OK;
}


/* 0: requests of the method pass unseen, or, of a room, a preflight */

static ngx_uint_t
ngx_http_adm_meant(ngx_http_adm_ctx_t *ctx, ngx_adm_use_t *use)
{
    if (use->methods && !(use->methods & ctx->subject.method)) {
        return 0;
    }

#if (NGX_ADM_LUAJIT)

    if (ngx_http_adm_script_spares(ctx, use)) {
        return 0;
    }

#endif

    return !(use->policy->tokens && ngx_http_adm_preflight(ctx->request));
}


/* no room objects: that is the answer to a poll, which goes no further */

static ngx_int_t
ngx_http_adm_polled(ngx_http_adm_ctx_t *ctx)
{
    ngx_queue_t          *q;
    ngx_http_adm_step_t  *step;

    q = ngx_queue_last(&ctx->steps);
    step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

    ctx->decided = 1;
    ctx->by = step->use;

    ctx->answer.reason = NGX_ADM_REASON_POLL;
    ctx->answer.policy = step->use->name;
    ctx->answer.place = ctx->subject.place;
    ctx->answer.retry = NGX_ADM_NO_RETRY;

    return NGX_BUSY;
}


/*
 * What a browser asks before a request to another origin carries neither
 * cookies nor the fields that it asks for.
 */

static ngx_uint_t
ngx_http_adm_preflight(ngx_http_request_t *r)
{
    ngx_str_t  value;

    static ngx_str_t  name = ngx_string("access-control-request-method");

    return r->method == NGX_HTTP_OPTIONS
           && ngx_http_adm_request_field(r, &name, &value) == NGX_OK
           && value.data != NULL;
}


/* a name is applied once to a request, wherever it stands */

static ngx_uint_t
ngx_http_adm_applied(ngx_http_adm_ctx_t *ctx, ngx_adm_use_t *use)
{
    ngx_queue_t          *q;
    ngx_http_adm_step_t  *step;

    for (q = ngx_queue_head(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_next(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->use->series == use->series
            && !ngx_http_adm_only_looked(step->use, use))
        {
            return 1;
        }
    }

    return 0;
}


/* stock that was only looked at may have to be reserved yet */

static ngx_uint_t
ngx_http_adm_only_looked(ngx_adm_use_t *was, ngx_adm_use_t *use)
{
    ngx_adm_inventory_t  *looked, *of;

    looked = was->conf;
    of = use->conf;

    return use->policy == &ngx_adm_inventory_policy
           && !looked->reserve && of->reserve;
}


static ngx_http_adm_step_t *
ngx_http_adm_push_step(ngx_http_adm_ctx_t *ctx, ngx_adm_use_t *use)
{
    ngx_http_adm_step_t  *step;

    step = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_adm_step_t)
                                           + use->policy->state_size);
    if (step == NULL) {
        return NULL;
    }

    step->use = use;
    step->dry_run = (ctx->mode == NGX_HTTP_ADM_DRY_RUN);

    ngx_queue_insert_tail(&ctx->steps, &step->queue);

    return step;
}


/*
 * NGX_AGAIN: not without the body; NGX_DECLINED: the body is wrong, and the
 * subject's answer says how; NGX_ERROR.
 */

static ngx_int_t
ngx_http_adm_evaluate(ngx_http_adm_ctx_t *ctx, ngx_http_adm_step_t *step)
{
    ngx_int_t                  rc;
    ngx_str_t                 *texts;
    ngx_uint_t                 i, n;
    ngx_adm_reason_e           reason;
    ngx_http_complex_value_t  *values;

    n = step->use->nvalues;
    values = step->use->values;

    if (n == 0 || step->values) {
        return NGX_OK;
    }

    texts = ngx_palloc(ctx->request->pool, n * sizeof(ngx_str_t));
    if (texts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        rc = ngx_http_adm_evaluate_value(ctx, &values[i], &texts[i], &reason);

        if (rc == NGX_DECLINED) {
            ngx_http_adm_present(ctx, step);
            ctx->subject.answer.reason = reason;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    step->values = texts;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_evaluate_value(ngx_http_adm_ctx_t *ctx,
    ngx_http_complex_value_t *value, ngx_str_t *text, ngx_adm_reason_e *reason)
{
    ngx_http_adm_field_watch(ctx);

    if (ngx_http_complex_value(ctx->request, value, text) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_adm_field_watched(ctx, reason);
}


ngx_int_t
ngx_http_adm_value(ngx_adm_subject_t *s, ngx_uint_t i, ngx_str_t *value)
{
    ngx_http_adm_ctx_t        *ctx;
    ngx_http_complex_value_t  *values;

    ctx = s->owner;
    values = ctx->step->use->values;

    return ngx_http_adm_evaluate_value(ctx, &values[i], value,
                                       &s->answer.reason);
}


/* the check of a step, unless it has to be put off */

static ngx_int_t
ngx_http_adm_begin_step(ngx_http_adm_ctx_t *ctx, ngx_http_adm_step_t *step)
{
    ngx_int_t  rc;

    rc = step->use->late ? NGX_OK : ngx_http_adm_evaluate(ctx, step);

    switch (rc) {

    case NGX_OK:
        return ngx_http_adm_check_step(ctx, step);

    case NGX_AGAIN:
        step->put_off = 1;
        step->claim = 1;
        ctx->claims++;
        return NGX_OK;

    case NGX_DECLINED:
        return ngx_http_adm_result(ctx, step, NGX_ADM_REFUSE);

    default:
        return NGX_ERROR;
    }
}


static ngx_int_t
ngx_http_adm_check_step(ngx_http_adm_ctx_t *ctx, ngx_http_adm_step_t *step)
{
    ngx_adm_rc_e        rc;
    ngx_adm_subject_t  *s;

    s = &ctx->subject;

    if (step->use->policy->tokens
        && ngx_http_adm_tokens(ctx->request, ngx_http_adm_room_of(step->use),
                               step->dry_run, &s->tokens, &s->ntokens)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_adm_present(ctx, step);

    rc = step->use->policy->check(s, step->use->conf,
                                  ngx_http_adm_step_state(step));

    step->grant = s->grant;

    if (rc != NGX_ADM_CLAIM && rc != NGX_ADM_ASK) {
        return ngx_http_adm_result(ctx, step, rc);
    }

    step->held = 1;
    step->claim = 1;
    ctx->claims++;

    return (rc == NGX_ADM_ASK) ? ngx_http_adm_travel(ctx, step) : NGX_OK;
}


/*
 * In PRECONTENT, what there is to be claimed.  NGX_DONE: the phases go on with
 * the body; a status: it will not come; else as checks.
 */

static ngx_int_t
ngx_http_adm_claims(ngx_http_adm_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_adm_needs_body(ctx);

    if (rc == NGX_AGAIN) {
        rc = ngx_http_adm_read_body(ctx);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_adm_late_checks(ctx);
    }

    return (rc == NGX_OK && ctx->claims) ? ngx_http_adm_travel(ctx, NULL) : rc;
}


/*
 * NGX_AGAIN: it does; NGX_ERROR.  Values that are known now are evaluated
 * now; late ones may be of the body, which nobody could tell before.
 */

static ngx_int_t
ngx_http_adm_needs_body(ngx_http_adm_ctx_t *ctx)
{
    ngx_int_t             rc;
    ngx_queue_t          *q;
    ngx_http_adm_step_t  *step;

    if (ngx_http_adm_has_body(ctx)) {
        return NGX_OK;
    }

    for (q = ngx_queue_head(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_next(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (!step->claim) {
            continue;
        }

        if (step->put_off || step->use->body) {
            return NGX_AGAIN;
        }

        /* who uploads slowly must not have a place inside meanwhile */

        if (step->use->policy->leave && ngx_http_adm_uploads(ctx->request)) {
            return NGX_AGAIN;
        }

        rc = ngx_http_adm_evaluate(ctx, step);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* those that were put off, with the body; else as checks */

static ngx_int_t
ngx_http_adm_late_checks(ngx_http_adm_ctx_t *ctx)
{
    ngx_int_t             rc;
    ngx_queue_t          *q;
    ngx_http_adm_step_t  *step;

    for (q = ngx_queue_head(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_next(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (!step->put_off) {
            continue;
        }

        step->put_off = 0;
        step->claim = 0;
        ctx->claims--;

        rc = ngx_http_adm_begin_step(ctx, step);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_http_adm_undo_rehearsal(ctx);

    return (ctx->subject.poll && ctx->subject.place)
           ? ngx_http_adm_polled(ctx) : NGX_OK;
}


/*
 * Sends the claim of one step, or with NULL all that there are, to the store:
 * NGX_AGAIN, or what they come to if there is none or the store does not take
 * them.
 */

static ngx_int_t
ngx_http_adm_travel(ngx_http_adm_ctx_t *ctx, ngx_http_adm_step_t *asking)
{
    ngx_int_t                  rc;
    ngx_http_adm_main_conf_t  *amcf;

    if (asking == NULL && ngx_http_adm_stays(ctx)) {
        return ngx_http_adm_board(ctx);
    }

    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_admission_module);

    ctx->sent = ngx_adm_clock();
    ctx->trip = ngx_adm_trip_create(amcf->keeper);

    if (ctx->trip == NULL) {
        return NGX_ERROR;
    }

    rc = asking ? ngx_http_adm_board_step(ctx, asking)
                : ngx_http_adm_board(ctx);

    if (rc != NGX_OK || ctx->claims == 0 || ctx->trip->commands == NULL) {
        ngx_adm_trip_cancel(ctx->trip);
        ctx->trip = NULL;
        return rc;
    }

    rc = ngx_http_adm_suspend(ctx);

    return (rc == NGX_DECLINED) ? ngx_http_adm_conclude(ctx) : rc;
}


/* 1 if nothing that is claimed has to travel */

static ngx_uint_t
ngx_http_adm_stays(ngx_http_adm_ctx_t *ctx)
{
    ngx_queue_t          *q;
    ngx_http_adm_step_t  *step;

    for (q = ngx_queue_head(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_next(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->claim && step->use->policy->leave == NULL) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_adm_board(ngx_http_adm_ctx_t *ctx)
{
    ngx_int_t             rc;
    ngx_queue_t          *q;
    ngx_http_adm_step_t  *step;

    rc = NGX_OK;

    for (q = ngx_queue_head(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps) && rc == NGX_OK;
         q = ngx_queue_next(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->claim) {
            rc = ngx_http_adm_board_step(ctx, step);
        }
    }

    ngx_http_adm_undo_rehearsal(ctx);

    return rc;
}


static ngx_int_t
ngx_http_adm_board_step(ngx_http_adm_ctx_t *ctx, ngx_http_adm_step_t *step)
{
    ngx_int_t            evaluated;
    ngx_adm_rc_e         rc;
    ngx_adm_command_t  **place;

    evaluated = ngx_http_adm_evaluate(ctx, step);

    /* what takes a key or units leaves a record */

    if (evaluated == NGX_OK && step->use->methods) {
        evaluated = ngx_http_adm_correlation(ctx->request,
                                             &ctx->subject.correlation);
    }

    if (evaluated == NGX_OK) {
        place = ctx->trip ? ctx->trip->last : NULL;

        ngx_http_adm_present(ctx, step);

        rc = step->use->policy->claim(&ctx->subject, step->use->conf,
                                      ngx_http_adm_step_state(step),
                                      ctx->trip);
        if (rc == NGX_ADM_CLAIM) {
            step->command = *place;
            step->aboard = 1;
            return NGX_OK;
        }

    } else {
        rc = (evaluated == NGX_DECLINED) ? NGX_ADM_REFUSE : NGX_ADM_ERROR;
    }

    step->claim = 0;
    step->held = 0;
    ctx->claims--;

    return ngx_http_adm_result(ctx, step, rc);
}


/*
 * Reads the reply; all steps that are aboard see theirs, so that each
 * knows what it holds, and the first that refuses decides.
 */

static ngx_int_t
ngx_http_adm_conclude(ngx_http_adm_ctx_t *ctx)
{
    ngx_int_t             rc, first;
    ngx_queue_t          *q;
    ngx_http_adm_step_t  *step;

    first = NGX_OK;

    for (q = ngx_queue_head(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_next(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->aboard) {
            rc = ngx_http_adm_conclude_step(ctx, step);
            first = (first == NGX_OK) ? rc : first;
        }
    }

    if (ctx->expired) {
        ngx_adm_trip_cancel(ctx->trip);

    } else {
        ngx_adm_trip_release(ctx->trip);
    }

    ctx->trip = NULL;
    ctx->expired = 0;
    ctx->stored += ngx_adm_clock() - ctx->sent;

    ngx_http_adm_undo_rehearsal(ctx);

    return first;
}


static ngx_int_t
ngx_http_adm_conclude_step(ngx_http_adm_ctx_t *ctx, ngx_http_adm_step_t *step)
{
    ngx_adm_rc_e        rc;
    ngx_adm_command_t  *command;

    command = ctx->expired ? NULL : step->command;

    step->command = NULL;
    step->aboard = 0;
    step->claim = 0;
    step->held = 0;
    ctx->claims--;

    ngx_http_adm_present(ctx, step);

    ctx->subject.unheard = ctx->expired;

    rc = step->use->policy->conclude(&ctx->subject, step->use->conf,
                                     ngx_http_adm_step_state(step), command);

    step->grant = ctx->subject.grant;

    return ngx_http_adm_result(ctx, step, rc);
}


/* NGX_OK: the step passed, or would not have; NGX_BUSY: refused; NGX_ERROR */

static ngx_int_t
ngx_http_adm_result(ngx_http_adm_ctx_t *ctx, ngx_http_adm_step_t *step,
    ngx_adm_rc_e rc)
{
    if (rc == NGX_ADM_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_ADM_PASS) {
        step->held = 1;
        ngx_adm_count(step->use->series, NGX_ADM_VERDICT_ADMIT * 2
                                         + step->dry_run);
        return NGX_OK;
    }

    ngx_http_adm_refused(ctx, step);

    return step->dry_run ? NGX_OK : NGX_BUSY;
}


/*
 * After a rehearsed refusal the local policies are still looked at, but what
 * they took of their shadows is given back, and nothing travels, as if it was
 * real: called where all checks, or all claims, are through.
 */

static void
ngx_http_adm_undo_rehearsal(ngx_http_adm_ctx_t *ctx)
{
    ngx_queue_t          *q;
    ngx_adm_cause_e       cause;
    ngx_http_adm_step_t  *step;

    if (!ctx->decided || ctx->mode != NGX_HTTP_ADM_DRY_RUN) {
        return;
    }

    cause = ngx_http_adm_cause(ctx);

    for (q = ngx_queue_last(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_prev(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->dry_run) {
            ctx->claims -= step->claim;
            ngx_http_adm_give_back_step(ctx, step, cause);
        }
    }
}


/* the first refusal is the one that is told; all are counted by policy */

static void
ngx_http_adm_refused(ngx_http_adm_ctx_t *ctx, ngx_http_adm_step_t *step)
{
    ngx_adm_use_t      *use;
    ngx_adm_answer_t   *answer;
    ngx_adm_verdict_e   verdict;

    use = step->use;
    answer = &ctx->subject.answer;
    verdict = ngx_adm_reasons[answer->reason].verdict;

    ngx_adm_count(use->series, verdict * 2 + step->dry_run);

    /* a rehearsed refusal gives way to a real one, after a redirect */

    if (ctx->decided && (step->dry_run || !ctx->dry_run)) {

        /* of one trip: the time to come back is true for all */

        if (!step->dry_run && verdict == NGX_ADM_VERDICT_LIMIT) {
            ctx->answer.retry = ngx_max(ctx->answer.retry, answer->retry);
        }

        return;
    }

    if (!step->dry_run && verdict == NGX_ADM_VERDICT_LIMIT
        && answer->retry != NGX_ADM_NO_RETRY)
    {
        ngx_http_adm_foresee(ctx);
    }

    ctx->decided = 1;
    ctx->by = use;
    ctx->dry_run = step->dry_run;
    answer->policy = use->name;
    ctx->answer = *answer;

    if (step->dry_run) {
        ngx_http_adm_log_refusal(ctx);
    }
}


/*
 * A client that comes back in time must not be refused by the next limit.
 * The steps are not held: the refusal ends the request's policies.
 */

static void
ngx_http_adm_foresee(ngx_http_adm_ctx_t *ctx)
{
    ngx_uint_t            i;
    ngx_adm_use_t        *use;
    ngx_http_adm_step_t  *step;

    for (i = ctx->next; i < ctx->location->npipeline; i++) {
        use = ctx->location->pipeline[i];

        if (use->policy->foresee == NULL || ngx_http_adm_applied(ctx, use)
            || !ngx_http_adm_meant(ctx, use))
        {
            continue;
        }

        step = ngx_http_adm_push_step(ctx, use);
        if (step == NULL) {
            return;
        }

        /* what stands in the body is not worth to be read for this */

        if (use->late || ngx_http_adm_evaluate(ctx, step) != NGX_OK) {
            continue;
        }

        ctx->subject.values = step->values;

        use->policy->foresee(&ctx->subject, use->conf);
    }
}


static ngx_int_t
ngx_http_adm_refuse(ngx_http_adm_ctx_t *ctx)
{
    ctx->over = 1;

    ngx_http_adm_demand_asked(ctx);
    ngx_http_adm_demand_refused(ctx);
    ngx_http_adm_log_refusal(ctx);
    ngx_http_adm_give_back(ctx, ngx_http_adm_cause(ctx));
    ngx_http_adm_count(ctx);

    return ngx_http_adm_reply(ctx);
}


/* a cart over what a buyer may have is refused like one that is sold out */

static ngx_adm_cause_e
ngx_http_adm_cause(ngx_http_adm_ctx_t *ctx)
{
    ngx_adm_verdict_e  verdict;

    verdict = ngx_adm_reasons[ctx->answer.reason].verdict;

    if (ctx->answer.reason == NGX_ADM_REASON_PER_BUYER) {
        verdict = NGX_ADM_VERDICT_SOLD_OUT;
    }

    switch (verdict) {

    case NGX_ADM_VERDICT_LIMIT:
    case NGX_ADM_VERDICT_WAIT:
    case NGX_ADM_VERDICT_SHED:
        return NGX_ADM_CAUSE_REFUSED;

    case NGX_ADM_VERDICT_FAIL:
        return NGX_ADM_CAUSE_FAILED;

    default:
        return (ctx->trips || ctx->body) ? NGX_ADM_CAUSE_SPENT
                                         : NGX_ADM_CAUSE_REFUSED;
    }
}


/* out of memory: nothing is decided, and nothing kept */

static ngx_int_t
ngx_http_adm_fail(ngx_http_adm_ctx_t *ctx)
{
    ctx->over = 1;

    if (ctx->trip) {
        ngx_adm_trip_cancel(ctx->trip);
        ctx->trip = NULL;
    }

    ngx_http_adm_give_back(ctx, NGX_ADM_CAUSE_FAILED);

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}
