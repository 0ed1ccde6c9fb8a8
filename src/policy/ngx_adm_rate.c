
/*
 * The rate limit as a policy: takes units in the check, or in the trip.
 */


#include <ngx_adm_rate.h>


/* of a step */

typedef struct {
    uint64_t             cost;
    ngx_adm_charge_t     charge;
    ngx_adm_keeper_t    *keeper;   /* who took it; NULL: it was here */
} ngx_adm_rate_state_t;


static ngx_adm_rc_e ngx_adm_rate_check(ngx_adm_subject_t *s, void *conf,
    void *state);
static ngx_adm_rc_e ngx_adm_rate_claim(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_trip_t *trip);
static ngx_adm_rc_e ngx_adm_rate_conclude(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_command_t *command);
static void ngx_adm_rate_foresee(ngx_adm_subject_t *s, void *conf);
static void ngx_adm_rate_give_back(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_cause_e cause);

static void ngx_adm_rate_return(ngx_adm_subject_t *s,
    ngx_adm_limit_t *limit, ngx_adm_rate_state_t *rs);
static ngx_adm_rc_e ngx_adm_rate_read(ngx_adm_subject_t *s,
    ngx_adm_limit_t *limit, ngx_adm_rate_state_t *rs);
static ngx_int_t ngx_adm_rate_cost(ngx_adm_subject_t *s,
    ngx_adm_limit_t *limit, uint64_t *cost);
static ngx_adm_rc_e ngx_adm_rate_local(ngx_adm_subject_t *s,
    ngx_adm_limit_t *limit, ngx_adm_rate_state_t *rs);
static ngx_adm_rc_e ngx_adm_rate_failed(ngx_adm_subject_t *s,
    ngx_adm_limit_t *limit, ngx_adm_rate_state_t *rs);
static ngx_adm_rc_e ngx_adm_rate_passed(ngx_adm_subject_t *s,
    adm_gcra_answer_t *answer);
static ngx_uint_t ngx_adm_rate_seconds(adm_gcra_answer_t *answer);
static ngx_adm_rc_e ngx_adm_rate_refused(ngx_adm_subject_t *s,
    ngx_adm_limit_t *limit, adm_gcra_answer_t *answer);


ngx_adm_policy_t  ngx_adm_rate_policy = {
    ngx_string("rate"),
    0,
    sizeof(ngx_adm_rate_state_t),
    ngx_adm_rate_check,
    ngx_adm_rate_claim,
    ngx_adm_rate_conclude,
    ngx_adm_rate_foresee,
    NULL,                          /* what an admitted request took stays */
    ngx_adm_rate_give_back,
    NULL
};


ngx_int_t
ngx_adm_limit_init(ngx_adm_limit_t *limit, ngx_adm_rate_t *rate,
    uint64_t burst)
{
    limit->rate = rate;

    if (adm_gcra_init(&limit->gcra, &rate->rate, burst) != ADM_OK) {
        return NGX_ERROR;
    }

    limit->quota.quota = burst + 1;
    limit->quota.window = ((burst + 1) * rate->rate.period
                           + rate->rate.count * 1000 - 1)
                          / (rate->rate.count * 1000);
    limit->quota.remaining = 0;

    rate->ceiling = ngx_max(rate->ceiling, limit->gcra.depth);

    return NGX_OK;
}


void
ngx_adm_limit_share(ngx_adm_limit_t *limit)
{
    adm_gcra_share(&limit->gcra, limit->rate->ceiling);

    if (limit->rate->shares) {
        adm_gcra_share(&limit->rate->shares->gcra, limit->rate->ceiling);
    }
}


static ngx_adm_rc_e
ngx_adm_rate_check(ngx_adm_subject_t *s, void *conf, void *state)
{
    ngx_adm_limit_t       *limit = conf;
    ngx_adm_rate_state_t  *rs = state;

    ngx_adm_rc_e  rc;

    if (limit->rate->scope == NGX_ADM_SCOPE_EXACT) {
        return NGX_ADM_CLAIM;
    }

    rc = ngx_adm_rate_read(s, limit, rs);

    return (rc == NGX_ADM_CLAIM) ? ngx_adm_rate_local(s, limit, rs) : rc;
}


/* CLAIM: there is something to take; PASS: nobody's key; REFUSE: bad cost */

static ngx_adm_rc_e
ngx_adm_rate_read(ngx_adm_subject_t *s, ngx_adm_limit_t *limit,
    ngx_adm_rate_state_t *rs)
{
    if (s->values[NGX_ADM_RATE_KEY].len == 0) {
        return NGX_ADM_PASS;
    }

    if (ngx_adm_rate_cost(s, limit, &rs->cost) != NGX_OK) {
        s->answer.reason = NGX_ADM_REASON_BAD_COST;
        return NGX_ADM_REFUSE;
    }

    return NGX_ADM_CLAIM;
}


/* NGX_DECLINED: not a number from 0 to ADM_GCRA_COST_MAX */

static ngx_int_t
ngx_adm_rate_cost(ngx_adm_subject_t *s, ngx_adm_limit_t *limit, uint64_t *cost)
{
    adm_str_t   text;
    ngx_str_t  *value;

    *cost = 1;

    if (!limit->cost) {
        return NGX_OK;
    }

    value = &s->values[NGX_ADM_RATE_COST];

    text.len = value->len;
    text.data = value->data;

    if (text.len == 0
        || adm_uint_parse(text, 0, ADM_GCRA_COST_MAX, cost) == ADM_OK)
    {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_adm_rc_e
ngx_adm_rate_local(ngx_adm_subject_t *s, ngx_adm_limit_t *limit,
    ngx_adm_rate_state_t *rs)
{
    ngx_str_t          *key;
    ngx_uint_t          taken;
    ngx_adm_rate_t     *rate;
    adm_gcra_answer_t   answer;

    rate = limit->rate;
    key = &s->values[NGX_ADM_RATE_KEY];

    taken = rate->shares
            ? ngx_adm_shares_take(rate->shares, &limit->gcra, key, rs->cost,
                                  s->dry_run, &rs->charge, &answer)
            : ngx_adm_rates_take(rate->words, &limit->gcra, key, rs->cost,
                                 s->dry_run, &rs->charge, &answer);

    return taken ? ngx_adm_rate_passed(s, &answer)
                 : ngx_adm_rate_refused(s, limit, &answer);
}


static ngx_adm_rc_e
ngx_adm_rate_passed(ngx_adm_subject_t *s, adm_gcra_answer_t *answer)
{
    s->remaining = ngx_min(s->remaining, answer->remaining);

    return NGX_ADM_PASS;
}


static ngx_adm_rc_e
ngx_adm_rate_refused(ngx_adm_subject_t *s, ngx_adm_limit_t *limit,
    adm_gcra_answer_t *answer)
{
    s->answer.quota = limit->quota;
    s->answer.quota.remaining = answer->remaining;
    s->remaining = ngx_min(s->remaining, answer->remaining);

    if (answer->wait == UINT64_MAX) {
        s->answer.reason = NGX_ADM_REASON_COST;
        s->answer.retry = NGX_ADM_NO_RETRY;
        return NGX_ADM_REFUSE;
    }

    s->answer.reason = NGX_ADM_REASON_RATE;
    s->answer.retry = ngx_adm_rate_seconds(answer);
    s->answer.key = s->values[NGX_ADM_RATE_KEY];
    s->answer.pace = ngx_max(1, limit->gcra.interval * 1000 / adm_ticks(1));

    return NGX_ADM_REFUSE;
}


/* rounded up: never earlier than the truth */

static ngx_uint_t
ngx_adm_rate_seconds(adm_gcra_answer_t *answer)
{
    uint64_t  second;

    second = adm_ticks(1000);

    return (answer->wait + second - 1) / second;
}


static void
ngx_adm_rate_foresee(ngx_adm_subject_t *s, void *conf)
{
    ngx_adm_limit_t  *limit = conf;

    uint64_t            cost;
    ngx_str_t          *key;
    ngx_adm_rate_t     *rate;
    adm_gcra_answer_t   answer;

    rate = limit->rate;
    key = &s->values[NGX_ADM_RATE_KEY];

    if (rate->scope == NGX_ADM_SCOPE_EXACT || key->len == 0
        || ngx_adm_rate_cost(s, limit, &cost) != NGX_OK)
    {
        return;
    }

    if (rate->shares) {
        ngx_adm_shares_peek(rate->shares, &limit->gcra, key, cost, s->dry_run,
                            &answer);

    } else {
        ngx_adm_rates_peek(rate->words, &limit->gcra, key, cost, s->dry_run,
                           &answer);
    }

    if (answer.wait == UINT64_MAX) {
        s->answer.retry = NGX_ADM_NO_RETRY;

    } else if (answer.wait) {
        s->answer.retry = ngx_max(s->answer.retry,
                                  ngx_adm_rate_seconds(&answer));
    }
}


static ngx_adm_rc_e
ngx_adm_rate_claim(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_trip_t *trip)
{
    ngx_adm_limit_t       *limit = conf;
    ngx_adm_rate_state_t  *rs = state;

    ngx_str_t          *key;
    ngx_adm_rc_e        rc;
    ngx_adm_command_t  *command;

    rc = ngx_adm_rate_read(s, limit, rs);
    if (rc != NGX_ADM_CLAIM) {
        return rc;
    }

    command = ngx_adm_trip_command(trip);
    if (command == NULL) {
        return NGX_ADM_ERROR;
    }

    key = &s->values[NGX_ADM_RATE_KEY];

    command->key.len = key->len;
    command->key.data = ngx_pstrdup(trip->pool, key);
    if (command->key.data == NULL) {
        return NGX_ADM_ERROR;
    }

    command->kind = NGX_ADM_COMMAND_RATE;
    command->rates = limit->rate->words;
    command->gcra = limit->gcra;
    command->cost = rs->cost;
    command->shadow = s->dry_run;
    command->patient = (s->fallback == NGX_ADM_FALLBACK_CLOSED);

    return NGX_ADM_CLAIM;
}


static ngx_adm_rc_e
ngx_adm_rate_conclude(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_command_t *command)
{
    ngx_adm_limit_t       *limit = conf;
    ngx_adm_rate_state_t  *rs = state;

    if (command == NULL || command->reply == NGX_ADM_REPLY_FAILED) {
        return ngx_adm_rate_failed(s, limit, rs);
    }

    if (command->reply == NGX_ADM_REPLY_REFUSED) {
        return ngx_adm_rate_refused(s, limit, &command->answer);
    }

    /* what cost nothing is not returned, nor what another step made free */

    if (command->cost) {
        rs->charge = command->charge;
        rs->keeper = command->trip->keeper;
    }

    return ngx_adm_rate_passed(s, &command->answer);
}


static ngx_adm_rc_e
ngx_adm_rate_failed(ngx_adm_subject_t *s, ngx_adm_limit_t *limit,
    ngx_adm_rate_state_t *rs)
{
    if (s->failed) {
        ngx_adm_count(s->failed, NGX_ADM_FAILED_RATE * NGX_ADM_FALLBACKS
                                 + s->fallback);
    }

    switch (s->fallback) {

    case NGX_ADM_FALLBACK_OPEN:
        return NGX_ADM_PASS;

    case NGX_ADM_FALLBACK_CLOSED:
        s->answer.reason = NGX_ADM_REASON_STORE_DOWN;
        s->answer.retry = 1 + ngx_random() % 3;
        return NGX_ADM_REFUSE;

    default:                       /* NGX_ADM_FALLBACK_LOCAL */
        return ngx_adm_rate_local(s, limit, rs);
    }
}


/* a refusal that cost a trip or a body stays charged */

static void
ngx_adm_rate_give_back(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_cause_e cause)
{
    ngx_adm_limit_t       *limit = conf;
    ngx_adm_rate_state_t  *rs = state;

    if (cause == NGX_ADM_CAUSE_SPENT) {
        return;
    }

    if (rs->keeper) {
        ngx_adm_rate_return(s, limit, rs);
        return;
    }

    if (limit->rate->shares) {
        ngx_adm_shares_refund(limit->rate->shares, &limit->gcra, &rs->charge);

    } else {
        (void) ngx_adm_rates_refund(limit->rate->words, &limit->gcra,
                                    &rs->charge);
    }
}


/* its trip is over: the keeper gets the command once more */

static void
ngx_adm_rate_return(ngx_adm_subject_t *s, ngx_adm_limit_t *limit,
    ngx_adm_rate_state_t *rs)
{
    ngx_adm_command_t  command;

    ngx_memzero(&command, sizeof(ngx_adm_command_t));

    command.kind = NGX_ADM_COMMAND_RATE;
    command.shadow = rs->charge.shadow;
    command.reply = NGX_ADM_REPLY_GRANTED;
    command.rates = limit->rate->words;
    command.gcra = limit->gcra;
    command.key = s->values[NGX_ADM_RATE_KEY];
    command.cost = rs->cost;
    command.charge = rs->charge;

    rs->keeper->give_back(rs->keeper, &command);
    rs->keeper = NULL;
}
