
/*
 * A script as a policy: it is run in the check, and what it said is kept for
 * the policies behind it.
 */


#include <ngx_adm_script.h>


/* s between two lines of a script, in each process */
#define NGX_ADM_SCRIPT_TELL  10


static ngx_adm_rc_e ngx_adm_script_check(ngx_adm_subject_t *s, void *conf,
    void *state);
static ngx_adm_rc_e ngx_adm_script_heed(ngx_adm_subject_t *s,
    ngx_adm_script_t *script, ngx_adm_said_t *said);
static ngx_uint_t ngx_adm_script_come_back(ngx_adm_script_t *script);
static void ngx_adm_script_tell(ngx_adm_subject_t *s,
    ngx_adm_script_t *script);


ngx_str_t  ngx_adm_script_errors[NGX_ADM_SCRIPT_ERRORS] = {
    ngx_string("steps"),
    ngx_string("time"),
    ngx_string("memory"),
    ngx_string("error"),
    ngx_string("answer")
};


ngx_adm_policy_t  ngx_adm_script_policy = {
    ngx_string("script"),
    0,
    0,
    ngx_adm_script_check,
    NULL,
    NULL,
    NULL,                          /* what it will say nobody foresees */
    NULL,
    NULL,
    NULL
};


static ngx_adm_rc_e
ngx_adm_script_check(ngx_adm_subject_t *s, void *conf, void *state)
{
    ngx_adm_script_t *script = conf;

    ngx_int_t       rc;
    ngx_adm_said_t  said;

    /* of several scripts each adds to what the ones before have said */

    ngx_memzero(&said, sizeof(ngx_adm_said_t));

    if (s->said) {
        said = *s->said;
    }

    said.bypass = 0;
    ngx_str_null(&said.word);

    script->subject = s;
    script->said = &said;
    script->refuses = 0;

    rc = ngx_adm_script_run(script);

    script->subject = NULL;
    script->said = NULL;

    if (rc == NGX_OK) {
        return ngx_adm_script_heed(s, script, &said);
    }

    ngx_adm_count(script->series, script->failed);
    ngx_adm_script_tell(s, script);

    return NGX_ADM_PASS;
}


static ngx_adm_rc_e
ngx_adm_script_heed(ngx_adm_subject_t *s, ngx_adm_script_t *script,
    ngx_adm_said_t *said)
{
    if (said->bypass) {
        ngx_adm_count(script->series, NGX_ADM_SCRIPT_BYPASSED);

        ngx_log_error(NGX_LOG_INFO, s->log, 0,
                      "admission: bypass by script \"%V\"%s", &script->name,
                      s->dry_run ? ", dry run" : "");

    } else if (s->said && s->said->bypass) {
        said->bypass = 1;
        said->bypass_dry = s->said->bypass_dry;
    }

    if (s->said == NULL) {
        s->said = ngx_palloc(s->pool, sizeof(ngx_adm_said_t));
        if (s->said == NULL) {
            return NGX_ADM_ERROR;
        }
    }

    *s->said = *said;

    if (script->refuses == 0) {
        return NGX_ADM_PASS;
    }

    s->answer.reason = script->refuses;
    s->answer.retry = ngx_adm_script_come_back(script);
    s->answer.word = said->word;

    return NGX_ADM_REFUSE;
}


/* the script's own, or what is usual of that status: not all at once */

static ngx_uint_t
ngx_adm_script_come_back(ngx_adm_script_t *script)
{
    if (script->retry != NGX_ADM_NO_RETRY
        || script->refuses == NGX_ADM_REASON_SCRIPT)
    {
        return script->retry;
    }

    return 1 + ngx_random() % 3;
}


static void
ngx_adm_script_tell(ngx_adm_subject_t *s, ngx_adm_script_t *script)
{
    time_t  now;

    now = ngx_time();

    if (script->told && now - script->told < NGX_ADM_SCRIPT_TELL) {
        script->similar++;
        return;
    }

    ngx_log_error(NGX_LOG_ERR, s->log, 0,
                  "admission: script \"%V\" has failed: %s, %ui similar "
                  "before, as if it had said nothing",
                  &script->name, script->message, script->similar);

    script->told = now;
    script->similar = 0;
}
