
/*
 * Shedding as a policy: looks in the check, takes a place in the claim.
 *
 * It stands last in the pipeline, so that a place is asked for when all others
 * would let the request go.  A repeat has a right to its answer also when
 * there is no place: then the trip takes nothing, and asks for the key alone.
 */


#include <ngx_adm_shed.h>
#include <ngx_adm_lag.h>


static ngx_adm_rc_e ngx_adm_shed_check(ngx_adm_subject_t *s, void *conf,
    void *state);
static ngx_adm_rc_e ngx_adm_shed_claim(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_trip_t *trip);
static ngx_adm_rc_e ngx_adm_shed_conclude(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_command_t *command);
static void ngx_adm_shed_give_back(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_cause_e cause);
static void ngx_adm_shed_leave(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_stay_e stay, uint64_t latency);

static void ngx_adm_shed_rank(ngx_adm_subject_t *s, ngx_adm_shed_t *conf,
    ngx_adm_shed_state_t *ss);
static void ngx_adm_shed_age(ngx_adm_subject_t *s, ngx_adm_shed_t *conf,
    ngx_adm_shed_state_t *ss);
static ngx_uint_t ngx_adm_shed_level(ngx_adm_subject_t *s,
    ngx_adm_shed_t *conf, ngx_adm_shed_state_t *ss);
static ngx_uint_t ngx_adm_shed_ask(ngx_adm_subject_t *s,
    ngx_adm_shed_state_t *ss, ngx_adm_trip_t *trip);
static ngx_adm_rc_e ngx_adm_shed_refuse(ngx_adm_subject_t *s,
    ngx_adm_shed_t *conf, ngx_adm_shed_state_t *ss, ngx_adm_gate_rc_e rc);


ngx_adm_policy_t  ngx_adm_shed_policy = {
    ngx_string("shed"),
    0,
    sizeof(ngx_adm_shed_state_t),
    ngx_adm_shed_check,
    ngx_adm_shed_claim,
    ngx_adm_shed_conclude,
    NULL,
    NULL,                          /* it is inside until it leaves */
    ngx_adm_shed_give_back,
    ngx_adm_shed_leave
};


static ngx_adm_rc_e
ngx_adm_shed_check(ngx_adm_subject_t *s, void *conf, void *state)
{
    ngx_adm_shed_t        *of = conf;
    ngx_adm_shed_state_t  *ss = state;

    ngx_adm_gate_rc_e  rc;

    ngx_adm_shed_rank(s, of, ss);
    ngx_adm_shed_age(s, of, ss);

    rc = ngx_adm_gate_look(of->gate, &ss->comer);

    /* with a key it may be a repeat, or of somebody who goes first */

    return (rc == NGX_ADM_GATE_OK || s->known)
           ? NGX_ADM_CLAIM : ngx_adm_shed_refuse(s, of, ss, rc);
}


static void
ngx_adm_shed_rank(ngx_adm_subject_t *s, ngx_adm_shed_t *conf,
    ngx_adm_shed_state_t *ss)
{
    ngx_adm_gate_t  *gate;

    gate = conf->gate;

    ss->comer.rank = adm_cutoff_rank(ngx_adm_shed_level(s, conf, ss),
                                     s->client(s),
                                     ngx_adm_gates_secret(gate->gates),
                                     ngx_time());
}


static void
ngx_adm_shed_age(ngx_adm_subject_t *s, ngx_adm_shed_t *conf,
    ngx_adm_shed_state_t *ss)
{
    ngx_msec_t  budget;

    budget = conf->gate->budget;

    ss->comer.left = (s->age < budget) ? budget - s->age : 0;
}


/* 0: a pass, a hold or a key of this node's; else 1 and the priority */

static ngx_uint_t
ngx_adm_shed_level(ngx_adm_subject_t *s, ngx_adm_shed_t *conf,
    ngx_adm_shed_state_t *ss)
{
    ngx_str_t  *value;

    if (s->pass
        || (s->holders && ngx_adm_known_holds(s->holders, s->client(s)))
        || (s->known && ss->key
            && ngx_adm_known_has(s->known, ss->key->checkout->key)))
    {
        return 0;
    }

    value = conf->prioritized ? &s->values[NGX_ADM_SHED_PRIORITY] : NULL;

    return (value && value->len == 1
            && value->data[0] >= '0' && value->data[0] <= '9')
           ? 1 + value->data[0] - '0' : 1 + NGX_ADM_SHED_PRIORITY_DEFAULT;
}


static ngx_adm_rc_e
ngx_adm_shed_claim(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_trip_t *trip)
{
    ngx_adm_shed_t        *of = conf;
    ngx_adm_shed_state_t  *ss = state;

    ngx_adm_gate_rc_e   rc;
    ngx_adm_command_t  *command;

    for (command = trip ? trip->commands : NULL;
         command;
         command = command->next)
    {
        if (command->kind == NGX_ADM_COMMAND_KEY) {
            ss->key = command;
        }
    }

    /* the stock, or another upstream, will refuse what is no repeat */

    if (ss->key && ss->key->peek && !s->dry_run) {
        return NGX_ADM_PASS;
    }

    ngx_adm_shed_age(s, of, ss);

    if (ss->key) {
        ngx_adm_shed_rank(s, of, ss);
    }

    rc = ngx_adm_gate_enter(of->gate, &ss->comer, &ss->passage);

    if (rc == NGX_ADM_GATE_OK) {
        return NGX_ADM_PASS;
    }

    if (!ngx_adm_shed_ask(s, ss, trip)) {
        return ngx_adm_shed_refuse(s, of, ss, rc);
    }

    ss->known = rc;

    return NGX_ADM_CLAIM;
}


/*
 * It will be refused: is there a key that may say that it is a repeat, and is
 * there budget for a trip?  Then nothing is taken on it.  A rehearsal, which
 * only asks, makes its trip in any case.
 */

static ngx_uint_t
ngx_adm_shed_ask(ngx_adm_subject_t *s, ngx_adm_shed_state_t *ss,
    ngx_adm_trip_t *trip)
{
    ngx_adm_command_t  *command;

    if (ss->key == NULL || s->known == NULL) {
        return 0;
    }

    if (!ss->key->peek
        && !ngx_adm_known_ask(s->known, ss->key->checkout->key))
    {
        return 0;
    }

    for (command = trip->commands; command; command = command->next) {
        command->peek = 1;
        command->cost = 0;
    }

    return 1;
}


/* what the store has said of the key, if it is known, its own step tells */

static ngx_adm_rc_e
ngx_adm_shed_conclude(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_command_t *command)
{
    ngx_adm_shed_t        *of = conf;
    ngx_adm_shed_state_t  *ss = state;

    ngx_adm_reply_e  reply;

    reply = s->unheard ? NGX_ADM_REPLY_FAILED : ss->key->reply;

    ss->key = NULL;

    return (reply == NGX_ADM_REPLY_REFUSED)
           ? NGX_ADM_PASS : ngx_adm_shed_refuse(s, of, ss, ss->known);
}


static ngx_adm_rc_e
ngx_adm_shed_refuse(ngx_adm_subject_t *s, ngx_adm_shed_t *conf,
    ngx_adm_shed_state_t *ss, ngx_adm_gate_rc_e rc)
{
    static ngx_adm_reason_e  reasons[] = {
        NGX_ADM_REASON_NONE,
        NGX_ADM_REASON_CONCURRENCY,
        NGX_ADM_REASON_PRIORITY,
        NGX_ADM_REASON_CIRCUIT_OPEN,
        NGX_ADM_REASON_BUDGET
    };

    s->answer.reason = reasons[rc];
    s->answer.retry = ngx_adm_gate_retry(conf->gate, rc);

    if (!s->dry_run) {
        ngx_adm_gate_shed(conf->gate, &ss->comer);
    }

    return NGX_ADM_REFUSE;
}


ngx_adm_late_e
ngx_adm_shed_late(ngx_adm_shed_t *conf)
{
    uint64_t  lag, bearable;

    lag = ngx_adm_lag_here();
    bearable = (uint64_t) conf->gate->lag * 1000;

    if (bearable == 0 || lag <= bearable) {
        return NGX_ADM_LATE_NONE;
    }

    return (lag < NGX_ADM_SHED_LATEST * bearable) ? NGX_ADM_LATE_SOME
                                                  : NGX_ADM_LATE_ALL;
}


/*
 * From the lag that is bearable on a part of all clients is refused, a quarter
 * at first, at four times that lag all of them; those who are cut off last
 * when there are few places stay longest.
 */

ngx_adm_rc_e
ngx_adm_shed_overload(ngx_adm_subject_t *s, ngx_adm_shed_t *conf)
{
    uint64_t          lag, bearable, cohort;
    ngx_adm_gate_t   *gate;
    ngx_adm_comer_t   comer;

    gate = conf->gate;
    lag = ngx_adm_lag_here();
    bearable = (uint64_t) gate->lag * 1000;

    ngx_memzero(&comer, sizeof(ngx_adm_comer_t));

    comer.rank = adm_cutoff_rank(1 + NGX_ADM_SHED_PRIORITY_DEFAULT,
                                 s->client(s),
                                 ngx_adm_gates_secret(gate->gates),
                                 ngx_time());

    cohort = comer.rank % ADM_CUTOFF_COHORTS;

    if (cohort + ADM_CUTOFF_COHORTS * lag / (NGX_ADM_SHED_LATEST * bearable)
        < ADM_CUTOFF_COHORTS)
    {
        return NGX_ADM_PASS;
    }

    s->answer.reason = NGX_ADM_REASON_OVERLOAD;
    s->answer.retry = ngx_adm_gate_retry(gate, NGX_ADM_GATE_FULL);

    if (!s->dry_run) {
        ngx_adm_gate_shed(gate, &comer);
    }

    return NGX_ADM_REFUSE;
}


static void
ngx_adm_shed_give_back(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_cause_e cause)
{
    ngx_adm_shed_state_t  *ss = state;

    ngx_adm_gate_leave(&ss->passage, NGX_ADM_LEFT_UNREACHED, 0);
}


static void
ngx_adm_shed_leave(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_stay_e stay, uint64_t latency)
{
    ngx_adm_shed_state_t  *ss = state;

    static ngx_adm_left_e  lefts[] = {
        NGX_ADM_LEFT_UNREACHED,
        NGX_ADM_LEFT_ANSWERED,
        NGX_ADM_LEFT_FAILED,
        NGX_ADM_LEFT_GONE
    };

    ngx_adm_gate_leave(&ss->passage, lefts[stay], latency);
}
