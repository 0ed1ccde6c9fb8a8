
/*
 * The probe: see the header.
 */


#include <ngx_adm_probe.h>


static ngx_adm_rc_e ngx_adm_probe_check(ngx_adm_subject_t *s, void *conf,
    void *state);
static ngx_adm_rc_e ngx_adm_probe_claim(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_trip_t *trip);
static ngx_adm_rc_e ngx_adm_probe_conclude(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_command_t *command);
static void ngx_adm_probe_settle(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_settlement_t *settlement);
static void ngx_adm_probe_give_back(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_cause_e cause);


ngx_adm_policy_t  ngx_adm_probe_policy = {
    ngx_string("probe"),
    0,
    sizeof(ngx_uint_t),
    ngx_adm_probe_check,
    ngx_adm_probe_claim,
    ngx_adm_probe_conclude,
    NULL,
    ngx_adm_probe_settle,
    ngx_adm_probe_give_back,
    NULL
};


static ngx_adm_rc_e
ngx_adm_probe_check(ngx_adm_subject_t *s, void *conf, void *state)
{
    ngx_adm_probe_t  *probe = conf;

    ngx_log_error(NGX_LOG_NOTICE, s->log, 0, "probe %V: check", &probe->name);

    return probe->at;
}


static ngx_adm_rc_e
ngx_adm_probe_claim(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_trip_t *trip)
{
    ngx_adm_probe_t  *probe = conf;

    ngx_adm_command_t  *command;

    ngx_log_error(NGX_LOG_NOTICE, s->log, 0, "probe %V: claim", &probe->name);

    command = ngx_adm_trip_command(trip);
    if (command == NULL) {
        return NGX_ADM_ERROR;
    }

    command->key.len = s->values[0].len;
    command->key.data = ngx_pstrdup(trip->pool, &s->values[0]);

    return command->key.data ? NGX_ADM_CLAIM : NGX_ADM_ERROR;
}


static ngx_adm_rc_e
ngx_adm_probe_conclude(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_command_t *command)
{
    ngx_adm_probe_t  *probe = conf;

    ngx_uint_t  reply;

    static const char  *replies[] = { "none", "granted", "refused", "failed" };

    reply = command ? command->reply : NGX_ADM_REPLY_NONE;

    ngx_log_error(NGX_LOG_NOTICE, s->log, 0, "probe %V: conclude %s",
                  &probe->name, replies[reply]);

    switch (reply) {

    case NGX_ADM_REPLY_GRANTED:
        return NGX_ADM_PASS;

    case NGX_ADM_REPLY_REFUSED:
        s->answer.reason = NGX_ADM_REASON_RATE;
        s->answer.retry = 1;
        return NGX_ADM_REFUSE;

    default:
        s->answer.reason = NGX_ADM_REASON_STORE_DOWN;
        s->answer.retry = 1;
        return NGX_ADM_REFUSE;
    }
}


static void
ngx_adm_probe_settle(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_settlement_t *settlement)
{
    ngx_adm_probe_t  *probe = conf;

    static const char  *outcomes[] = { "unreached", "unanswered", "answered" };

    ngx_log_error(NGX_LOG_NOTICE, s->log, 0, "probe %V: settle %s %ui",
                  &probe->name, outcomes[settlement->outcome],
                  settlement->status);
}


static void
ngx_adm_probe_give_back(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_cause_e cause)
{
    ngx_adm_probe_t  *probe = conf;

    static const char  *causes[] = { "refused", "spent", "failed", "gone" };

    ngx_log_error(NGX_LOG_NOTICE, s->log, 0, "probe %V: give back %s",
                  &probe->name, causes[cause]);
}
