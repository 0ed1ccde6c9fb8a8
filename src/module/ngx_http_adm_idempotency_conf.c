
/*
 * admission_idempotency VALUE owner=VALUE [required] [ttl=TIME] [lock=TIME]
 *     [fingerprint=body|uri] [keep=STATUS,...] [max_body=SIZE]
 *     [methods=METHOD,...] [zone=NAME]
 * admission_idempotency off
 */


#include <ngx_http_adm_module.h>


static void ngx_http_adm_idempotency_defaults(ngx_conf_t *cf,
    ngx_adm_idempotency_t *of);
static ngx_int_t ngx_http_adm_idempotency_values(ngx_conf_t *cf,
    ngx_http_adm_idempotency_conf_t *keyed);
static ngx_int_t ngx_http_adm_idempotency_owner(ngx_conf_t *cf,
    ngx_http_complex_value_t *owner);
static ngx_int_t ngx_http_adm_idempotency_times(ngx_conf_t *cf,
    ngx_adm_idempotency_t *of);


#define ngx_http_adm_idempotency_at(name)                                     \
    offsetof(ngx_http_adm_idempotency_conf_t, name)


static ngx_http_adm_arg_t  ngx_http_adm_idempotency_known[] = {

    { "owner=", "whose key it is, as \"$remote_user\"",
      ngx_http_adm_read_value,
      ngx_http_adm_idempotency_at(values[NGX_ADM_IDEMPOTENCY_OWNER]),
      0, 0, NULL },

    { "required", "without a value",
      ngx_http_adm_read_flag,
      ngx_http_adm_idempotency_at(idempotency.required), 0, 0, NULL },

    { "ttl=", "a time from 1s to 30d, as \"24h\"",
      ngx_http_adm_read_seconds, ngx_http_adm_idempotency_at(idempotency.ttl),
      1, 30 * 24 * 60 * 60, NULL },

    { "lock=", "a time from 100ms to 1h, as \"30s\"",
      ngx_http_adm_read_time, ngx_http_adm_idempotency_at(idempotency.lock),
      100, 60 * 60 * 1000, NULL },

    { "fingerprint=", "\"body\" or \"uri\"",
      ngx_http_adm_read_word, ngx_http_adm_idempotency_at(idempotency.body),
      0, 0, "uri|body" },

    { "keep=", "statuses as \"2xx,404\", or \"none\"",
      ngx_http_adm_read_statuses,
      ngx_http_adm_idempotency_at(idempotency.keep), 0, 0, NULL },

    { "max_body=", "a size from 0 to 1m, as \"64k\"",
      ngx_http_adm_read_size,
      ngx_http_adm_idempotency_at(idempotency.max_body), 0, 1024 * 1024,
      NULL },

    { "methods=", "some of GET, POST, PUT, PATCH, DELETE, as \"POST,PATCH\"",
      ngx_http_adm_read_methods,
      ngx_http_adm_idempotency_at(idempotency.methods), 0, 0, NULL },

    { "zone=", "a name",
      ngx_http_adm_read_text, ngx_http_adm_idempotency_at(zone), 0, 0, NULL },

    { NULL, NULL, NULL, 0, 0, 0, NULL }
};


char *
ngx_http_adm_use_idempotency(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_loc_conf_t  *alcf = conf;

    ngx_int_t                         rc;
    ngx_str_t                         name;
    ngx_adm_idempotency_t            *of;
    ngx_http_adm_idempotency_conf_t  *keyed;

    if (alcf->uses[NGX_ADM_POLICY_IDEMPOTENCY]) {
        return "is duplicate";
    }

    rc = ngx_http_adm_check_off(cf);

    if (rc == NGX_DECLINED) {
        alcf->uses[NGX_ADM_POLICY_IDEMPOTENCY] =
                                ngx_array_create(cf->pool, 1, sizeof(void *));

        return alcf->uses[NGX_ADM_POLICY_IDEMPOTENCY] ? NGX_CONF_OK
                                                      : NGX_CONF_ERROR;
    }

    if (rc != NGX_OK
        || ngx_http_adm_check_first(cf, ngx_http_adm_idempotency_known, 1,
                                    "a key, as \"$http_idempotency_key\",")
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&name, "idempotency");

    keyed = ngx_http_adm_push_use(cf, alcf, NGX_ADM_POLICY_IDEMPOTENCY,
                                  "directive", &name,
                                  sizeof(ngx_http_adm_idempotency_conf_t));
    if (keyed == NULL) {
        return NGX_CONF_ERROR;
    }

    of = &keyed->idempotency;

    ngx_http_adm_idempotency_defaults(cf, of);

    if (ngx_http_adm_read_args(cf, keyed, ngx_http_adm_idempotency_known, 2)
        != NGX_OK
        || ngx_http_adm_idempotency_values(cf, keyed) != NGX_OK
        || ngx_http_adm_idempotency_times(cf, of) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    keyed->of.use.policy = &ngx_adm_idempotency_policy;
    keyed->of.use.conf = of;
    keyed->of.use.values = keyed->values;
    keyed->of.use.nvalues = NGX_ADM_IDEMPOTENCY_VALUES;
    keyed->of.use.late = 1;
    keyed->of.use.body = of->body;
    keyed->of.use.methods = of->methods;

    return NGX_CONF_OK;
}


static void
ngx_http_adm_idempotency_defaults(ngx_conf_t *cf, ngx_adm_idempotency_t *of)
{
    ngx_str_t  keep;

    of->ttl = 24 * 60 * 60;
    of->lock = 30 * 1000;
    of->body = 1;
    of->max_body = 64 * 1024;
    of->methods = NGX_HTTP_POST|NGX_HTTP_PATCH;

    ngx_str_set(&keep, "2xx,3xx,400,402,404,410,422");

    (void) ngx_http_adm_read_statuses(cf, NULL, &keep, &of->keep);
}


static ngx_int_t
ngx_http_adm_idempotency_values(ngx_conf_t *cf,
    ngx_http_adm_idempotency_conf_t *keyed)
{
    ngx_str_t                  text, *args;
    ngx_http_complex_value_t  *key;

    args = cf->args->elts;
    text = args[1];
    key = &keyed->values[NGX_ADM_IDEMPOTENCY_KEY];

    if (ngx_http_adm_once_name(cf, &text, &keyed->idempotency.field) != NGX_OK
        || ngx_http_adm_once_field(cf, &text) != NGX_OK
        || ngx_http_adm_compile(cf, &text, key) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (key->lengths == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "value \"%V\" of \"%V\" has no variable, all "
                           "requests would have one key, it must be as "
                           "\"$http_idempotency_key\"",
                           &args[1], &args[0]);
        return NGX_ERROR;
    }

    return ngx_http_adm_idempotency_owner(cf,
                                    &keyed->values[NGX_ADM_IDEMPOTENCY_OWNER]);
}


static ngx_int_t
ngx_http_adm_idempotency_owner(ngx_conf_t *cf, ngx_http_complex_value_t *owner)
{
    ngx_str_t  *args;

    args = cf->args->elts;

    if (owner->value.data == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have \"owner=\" parameter, which "
                           "tells whose key it is, as "
                           "\"owner=$remote_user\"", &args[0]);
        return NGX_ERROR;
    }

    /* right for the hook of a bank, where there is but one who calls */

    if (owner->lengths == NULL) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"owner=%V\" of \"%V\" has no variable: all "
                           "who call are one owner, and who sends the key of "
                           "another gets that one's answer; this is right "
                           "for a single caller only,",
                           &owner->value, &args[0]);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_idempotency_times(ngx_conf_t *cf, ngx_adm_idempotency_t *of)
{
    ngx_str_t  *args;

    args = cf->args->elts;

    if (of->lock > (ngx_msec_t) of->ttl * 1000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"lock=\" of %Mms is longer than \"ttl=\" of %Ts "
                           "in \"%V\", it must be at most that",
                           of->lock, of->ttl, &args[0]);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_init_keyed(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_idempotency_conf_t *keyed)
{
    ngx_str_t                         name;
    ngx_http_adm_idempotency_conf_t  *first;

    first = amcf->orders->keyed;

    if (first == NULL) {
        amcf->orders->keyed = keyed;

        ngx_str_set(&name, "idempotency");
        amcf->idempotency = ngx_adm_counters_series(amcf->counters,
                                                    NGX_ADM_FAMILY_NODE,
                                                    &name);

    } else if (first->zone.len != keyed->zone.len
               || ngx_memcmp(first->zone.data, keyed->zone.data,
                             keyed->zone.len)
                  != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"zone=%V\" of \"admission_idempotency\" at %V:%ui "
                      "differs from \"zone=%V\" at %V:%ui, all keys must be "
                      "in one zone",
                      &keyed->zone, &keyed->of.file, keyed->of.line,
                      &first->zone, &first->of.file, first->of.line);
        return NGX_ERROR;
    }

    keyed->idempotency.known = ngx_http_adm_remember(cf, amcf);
    keyed->idempotency.outcomes = amcf->idempotency;

    return keyed->idempotency.known && amcf->idempotency ? NGX_OK : NGX_ERROR;
}
