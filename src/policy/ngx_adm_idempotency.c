
/*
 * Idempotency as a policy: the key is read in the check, taken in the trip,
 * and ends with the request's checkout.
 */


#include <ngx_adm_idempotency.h>
#include <adm_hex.h>
#include <adm_kept.h>
#include <adm_key.h>
#include <openssl/sha.h>


static ngx_adm_rc_e ngx_adm_idempotency_check(ngx_adm_subject_t *s,
    void *conf, void *state);
static ngx_adm_rc_e ngx_adm_idempotency_claim(ngx_adm_subject_t *s,
    void *conf, void *state, ngx_adm_trip_t *trip);
static ngx_adm_rc_e ngx_adm_idempotency_conclude(ngx_adm_subject_t *s,
    void *conf, void *state, ngx_adm_command_t *command);
static void ngx_adm_idempotency_settle(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_settlement_t *settlement);
static void ngx_adm_idempotency_give_back(ngx_adm_subject_t *s, void *conf,
    void *state, ngx_adm_cause_e cause);

static ngx_adm_rc_e ngx_adm_idempotency_read(ngx_adm_subject_t *s,
    ngx_adm_idempotency_t *conf, ngx_adm_idempotency_state_t *is,
    ngx_str_t *text, u_char *key, size_t *len);
static ngx_adm_rc_e ngx_adm_idempotency_wrong(ngx_adm_subject_t *s,
    ngx_adm_idempotency_t *conf, ngx_adm_reason_e reason);
static ngx_int_t ngx_adm_idempotency_name(ngx_adm_subject_t *s, u_char *key,
    size_t len, u_char *name);
static ngx_adm_rc_e ngx_adm_idempotency_said(ngx_adm_subject_t *s,
    ngx_adm_idempotency_t *conf, ngx_adm_idempotency_state_t *is,
    ngx_adm_command_t *command);
static ngx_adm_key_rc_e ngx_adm_idempotency_heard(ngx_adm_command_t *command);
static ngx_adm_rc_e ngx_adm_idempotency_replay(ngx_adm_subject_t *s,
    ngx_adm_command_t *command);
static ngx_adm_rc_e ngx_adm_idempotency_refuse(ngx_adm_subject_t *s,
    ngx_adm_command_t *command, ngx_adm_reason_e reason);
static void ngx_adm_idempotency_count(ngx_adm_subject_t *s,
    ngx_adm_idempotency_t *conf, ngx_adm_idempotency_outcome_e outcome);


ngx_adm_policy_t  ngx_adm_idempotency_policy = {
    ngx_string("idempotency"),
    0,
    sizeof(ngx_adm_idempotency_state_t),
    ngx_adm_idempotency_check,
    ngx_adm_idempotency_claim,
    ngx_adm_idempotency_conclude,
    NULL,
    ngx_adm_idempotency_settle,
    ngx_adm_idempotency_give_back,
    NULL
};


/* a key that stands in the body is read by the claim */

static ngx_adm_rc_e
ngx_adm_idempotency_check(ngx_adm_subject_t *s, void *conf, void *state)
{
    ngx_adm_idempotency_t        *of = conf;
    ngx_adm_idempotency_state_t  *is = state;

    size_t        len;
    u_char        key[ADM_KEY_MAX];
    ngx_int_t     rc;
    ngx_str_t     text;
    ngx_adm_rc_e  read;

    if (!(of->methods & s->method)) {
        return NGX_ADM_PASS;
    }

    rc = s->evaluate(s, NGX_ADM_IDEMPOTENCY_KEY, &text);

    if (rc == NGX_DECLINED) {
        return NGX_ADM_REFUSE;
    }

    if (rc == NGX_OK) {
        read = ngx_adm_idempotency_read(s, of, is, &text, key, &len);

        if (read != NGX_ADM_CLAIM) {
            return read;
        }

    } else if (rc != NGX_AGAIN) {
        return NGX_ADM_ERROR;
    }

    s->known = of->known;

    return NGX_ADM_CLAIM;
}


/* CLAIM: there is one; PASS: none, and none is required; REFUSE */

static ngx_adm_rc_e
ngx_adm_idempotency_read(ngx_adm_subject_t *s, ngx_adm_idempotency_t *conf,
    ngx_adm_idempotency_state_t *is, ngx_str_t *text, u_char *key, size_t *len)
{
    adm_str_t  raw;

    if (text->len == 0) {
        ngx_str_set(&is->word, "missing");

        if (conf->required) {
            return ngx_adm_idempotency_wrong(s, conf,
                                             NGX_ADM_REASON_KEY_MISSING);
        }

        ngx_adm_idempotency_count(s, conf, NGX_ADM_IDEMPOTENCY_MISSING);

        return NGX_ADM_PASS;
    }

    raw.len = text->len;
    raw.data = text->data;

    if (adm_key_read(raw, key, len) != ADM_OK) {
        return ngx_adm_idempotency_wrong(s, conf, NGX_ADM_REASON_BAD_KEY);
    }

    return NGX_ADM_CLAIM;
}


static ngx_adm_rc_e
ngx_adm_idempotency_wrong(ngx_adm_subject_t *s, ngx_adm_idempotency_t *conf,
    ngx_adm_reason_e reason)
{
    ngx_adm_idempotency_count(s, conf, NGX_ADM_IDEMPOTENCY_MISSING);

    s->answer.reason = reason;

    return NGX_ADM_REFUSE;
}


static ngx_adm_rc_e
ngx_adm_idempotency_claim(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_trip_t *trip)
{
    ngx_adm_idempotency_t        *of = conf;
    ngx_adm_idempotency_state_t  *is = state;

    size_t               len;
    u_char               key[ADM_KEY_MAX];
    ngx_adm_rc_e         rc;
    ngx_adm_command_t   *command;
    ngx_adm_checkout_t  *checkout;

    rc = ngx_adm_idempotency_read(s, of, is,
                                  &s->values[NGX_ADM_IDEMPOTENCY_KEY],
                                  key, &len);
    if (rc != NGX_ADM_CLAIM) {
        return rc;
    }

    if (s->values[NGX_ADM_IDEMPOTENCY_OWNER].len == 0) {
        return ngx_adm_idempotency_wrong(s, of, NGX_ADM_REASON_NO_OWNER);
    }

    checkout = ngx_adm_subject_checkout(s, trip->keeper);

    if (checkout == NULL
        || ngx_adm_idempotency_name(s, key, len, checkout->key) != NGX_OK
        || s->fingerprint(s, of->body, checkout->fingerprint) != NGX_OK)
    {
        return NGX_ADM_ERROR;
    }

    checkout->keyed = 1;
    checkout->lock = of->lock;
    checkout->ttl = of->ttl;

    command = ngx_adm_trip_command(trip);
    if (command == NULL) {
        return NGX_ADM_ERROR;
    }

    command->kind = NGX_ADM_COMMAND_KEY;
    command->checkout = checkout;
    command->peek = s->dry_run;
    command->patient = (s->key_fallback == NGX_ADM_FALLBACK_CLOSED);

    is->used = !s->dry_run;

    return NGX_ADM_CLAIM;
}


/* a hash of whose key it is, and of the key: no two owners share one */

static ngx_int_t
ngx_adm_idempotency_name(ngx_adm_subject_t *s, u_char *key, size_t len,
    u_char *name)
{
    u_char     *text, digest[SHA256_DIGEST_LENGTH];
    uint64_t    size;
    ngx_str_t  *owner;

    owner = &s->values[NGX_ADM_IDEMPOTENCY_OWNER];

    text = ngx_pnalloc(s->pool, sizeof(uint64_t) + owner->len + len);
    if (text == NULL) {
        return NGX_ERROR;
    }

    size = owner->len;

    ngx_memcpy(text, &size, sizeof(uint64_t));
    ngx_memcpy(ngx_cpymem(text + sizeof(uint64_t), owner->data, owner->len),
               key, len);

    (void) SHA256(text, sizeof(uint64_t) + owner->len + len, digest);

    ngx_memcpy(name, digest, NGX_ADM_CHECKOUT_HASH);

    return NGX_OK;
}


static ngx_adm_rc_e
ngx_adm_idempotency_conclude(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_command_t *command)
{
    ngx_adm_idempotency_t        *of = conf;
    ngx_adm_idempotency_state_t  *is = state;

    ngx_adm_rc_e  rc;

    if (command == NULL || command->reply == NGX_ADM_REPLY_FAILED) {
        return ngx_adm_subject_failed(s, NGX_ADM_FAILED_IDEMPOTENCY,
                                      s->key_fallback);
    }

    rc = ngx_adm_idempotency_said(s, of, is, command);

    /* the claim of stock or shedding may have made a question of it */

    if (rc == NGX_ADM_PASS && command->peek) {
        is->used = 0;
        return rc;
    }

    ngx_adm_known_note(of->known, command->checkout->key, of->ttl);

    is->used = (rc == NGX_ADM_PASS);

    return rc;
}


static ngx_adm_rc_e
ngx_adm_idempotency_said(ngx_adm_subject_t *s, ngx_adm_idempotency_t *conf,
    ngx_adm_idempotency_state_t *is, ngx_adm_command_t *command)
{
    ngx_adm_key_rc_e  said;

    static struct {
        ngx_adm_idempotency_outcome_e  outcome;
        ngx_adm_reason_e               reason;
        ngx_str_t                      word;
    } answers[] = {
        { NGX_ADM_IDEMPOTENCY_NEW, NGX_ADM_REASON_NONE,
          ngx_string("new") },
        { NGX_ADM_IDEMPOTENCY_CONFLICT, NGX_ADM_REASON_IN_PROGRESS,
          ngx_string("conflict") },
        { NGX_ADM_IDEMPOTENCY_UNKNOWN, NGX_ADM_REASON_OUTCOME_UNKNOWN,
          ngx_string("conflict") },
        { NGX_ADM_IDEMPOTENCY_REPLAY, NGX_ADM_REASON_REPLAY,
          ngx_string("replay") },
        { NGX_ADM_IDEMPOTENCY_NOT_KEPT, NGX_ADM_REASON_NOT_KEPT,
          ngx_string("conflict") },
        { NGX_ADM_IDEMPOTENCY_MISMATCH, NGX_ADM_REASON_MISMATCH,
          ngx_string("mismatch") }
    };

    said = ngx_adm_idempotency_heard(command);

    if (said == NGX_ADM_KEY_FULL) {
        return ngx_adm_idempotency_refuse(s, command,
                                          NGX_ADM_REASON_TABLE_FULL);
    }

    is->word = answers[said].word;

    if (said != NGX_ADM_KEY_NEW || command->checkout->key_taken) {
        ngx_adm_idempotency_count(s, conf, answers[said].outcome);
    }

    switch (said) {

    case NGX_ADM_KEY_NEW:
        return NGX_ADM_PASS;

    case NGX_ADM_KEY_DONE:
        return ngx_adm_idempotency_replay(s, command);

    default:
        return ngx_adm_idempotency_refuse(s, command, answers[said].reason);
    }
}


/* what a store has kept may be anything: an answer has to be one */

static ngx_adm_key_rc_e
ngx_adm_idempotency_heard(ngx_adm_command_t *command)
{
    adm_str_t   text;
    adm_kept_t  kept;

    if (command->key_said != NGX_ADM_KEY_DONE) {
        return command->key_said;
    }

    text.len = command->kept.len;
    text.data = command->kept.data;

    return (adm_kept_read(text, &kept) == ADM_OK) ? NGX_ADM_KEY_DONE
                                                  : NGX_ADM_KEY_DONE_UNKEPT;
}


static ngx_adm_rc_e
ngx_adm_idempotency_replay(ngx_adm_subject_t *s, ngx_adm_command_t *command)
{
    s->answer.reason = NGX_ADM_REASON_REPLAY;
    s->answer.kept.len = command->kept.len;
    s->answer.kept.data = ngx_pstrdup(s->pool, &command->kept);

    return s->answer.kept.data ? NGX_ADM_REFUSE : NGX_ADM_ERROR;
}


/*
 * Who is told to ask again is so after a second, or when the lock of the one
 * that runs passes, if that is sooner; not all at once.
 */

static ngx_adm_rc_e
ngx_adm_idempotency_refuse(ngx_adm_subject_t *s, ngx_adm_command_t *command,
    ngx_adm_reason_e reason)
{
    ngx_uint_t  wait, most;

    s->answer.reason = reason;

    if (reason == NGX_ADM_REASON_TABLE_FULL) {
        s->answer.retry = 1 + ngx_random() % 3;
        return NGX_ADM_REFUSE;
    }

    adm_hex(s->answer.id, command->checkout->key, NGX_ADM_CHECKOUT_HASH);

    if (reason == NGX_ADM_REASON_IN_PROGRESS) {
        wait = 1 + ngx_random() % 2;
        most = (command->wait + 999) / 1000;
        s->answer.retry = ngx_max(1, ngx_min(wait, most));
    }

    return NGX_ADM_REFUSE;
}


static void
ngx_adm_idempotency_settle(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_settlement_t *settlement)
{
    ngx_adm_idempotency_t        *of = conf;
    ngx_adm_idempotency_state_t  *is = state;

    ngx_uint_t  keep;

    if (!is->used || s->checkout == NULL) {
        return;
    }

    if (settlement->outcome == NGX_ADM_UNANSWERED) {
        s->checkout->key_end = NGX_ADM_KEY_UNKNOWN;
        ngx_adm_idempotency_count(s, of, NGX_ADM_IDEMPOTENCY_LEFT_UNKNOWN);
        return;
    }

    keep = (settlement->key == NGX_ADM_IDEMPOTENCY_NONE)
           ? ngx_adm_statuses_has(&of->keep, settlement->status)
           : (settlement->key == NGX_ADM_IDEMPOTENCY_KEEP);

    if (settlement->outcome == NGX_ADM_UNREACHED || !keep) {
        ngx_adm_idempotency_count(s, of, NGX_ADM_IDEMPOTENCY_FORGOTTEN);
        return;
    }

    s->checkout->key_end = NGX_ADM_KEY_KEEP;
    s->checkout->status = settlement->status;
    s->checkout->max_body = of->max_body;

    ngx_adm_idempotency_count(s, of, NGX_ADM_IDEMPOTENCY_KEPT);
}


/* FORGET is what a checkout ends with that nobody settled */

static void
ngx_adm_idempotency_give_back(ngx_adm_subject_t *s, void *conf, void *state,
    ngx_adm_cause_e cause)
{
    ngx_adm_idempotency_state_t  *is = state;

    is->used = 0;
    s->known = NULL;

    if (s->checkout) {
        s->checkout->key_end = NGX_ADM_KEY_FORGET;
    }
}


static void
ngx_adm_idempotency_count(ngx_adm_subject_t *s, ngx_adm_idempotency_t *conf,
    ngx_adm_idempotency_outcome_e outcome)
{
    if (!s->dry_run) {
        ngx_adm_count(conf->outcomes, outcome);
    }
}
