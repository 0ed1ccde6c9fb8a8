
/*
 * admission_rate NAME VALUE rate=R [burst=N] [scope=node|fleet|exact]
 *     [zone=NAME]
 * admission_limit NAME [burst=N] [cost=VALUE]
 */


#include <ngx_http_adm_module.h>


/* a burst of a fleet's rate that is small, whatever the rate */
#define NGX_HTTP_ADM_SMALL_BURST   10


static ngx_http_adm_rate_conf_t *ngx_http_adm_push_rate(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *directive, ngx_str_t *name);
static char *ngx_http_adm_rate_parameter(ngx_conf_t *cf,
    ngx_http_adm_rate_conf_t *rate, ngx_str_t *arg);
static char *ngx_http_adm_limit_parameter(ngx_conf_t *cf,
    ngx_http_adm_limit_conf_t *limit, ngx_str_t *arg);
static ngx_int_t ngx_http_adm_limit_cost(ngx_conf_t *cf,
    ngx_http_adm_limit_conf_t *limit, ngx_str_t *text);
static void ngx_http_adm_rate_key(ngx_conf_t *cf,
    ngx_http_adm_rate_conf_t *rate);
static ngx_int_t ngx_http_adm_init_shares(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_rate_conf_t *rate);
static ngx_int_t ngx_http_adm_init_limit(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_limit_conf_t *limit);
static ngx_int_t ngx_http_adm_limit_bounds(ngx_conf_t *cf,
    ngx_http_adm_limit_conf_t *limit, ngx_http_adm_rate_conf_t *rate);
static ngx_str_t *ngx_http_adm_rate_name(void *named);


static ngx_conf_enum_t  ngx_http_adm_scopes[] = {
    { ngx_string("node"), NGX_ADM_SCOPE_NODE },
    { ngx_string("fleet"), NGX_ADM_SCOPE_FLEET },
    { ngx_string("exact"), NGX_ADM_SCOPE_EXACT },
    { ngx_null_string, 0 }
};


/* what a key that is missing is told by */

static ngx_http_adm_arg_t  ngx_http_adm_rate_known[] = {
    { "rate=", NULL, NULL, 0, 0, 0, NULL },
    { "burst=", NULL, NULL, 0, 0, 0, NULL },
    { "scope=", NULL, NULL, 0, 0, 0, NULL },
    { "zone=", NULL, NULL, 0, 0, 0, NULL },
    { NULL, NULL, NULL, 0, 0, 0, NULL }
};


char *
ngx_http_adm_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_adm_rate_conf_t  *rate;

    value = cf->args->elts;

    rate = ngx_http_adm_push_rate(cf, amcf, &cmd->name, &value[1]);
    if (rate == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_adm_check_first(cf, ngx_http_adm_rate_known, 2,
                                 "a key, as \"$binary_remote_addr\",")
        != NGX_OK
        || ngx_http_adm_check_arguments(cf, 3) != NGX_OK
        || ngx_http_adm_compile(cf, &value[2], &rate->key) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 3; i < cf->args->nelts; i++) {
        if (ngx_http_adm_rate_parameter(cf, rate, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (rate->rate.rate.count == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"%V\" must have \"rate\" parameter, "
                           "as \"rate=10r/s\"", &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    if (rate->rate.burst == NGX_ADM_NO_LIMIT) {
        rate->rate.burst = ngx_max(1, rate->rate.rate.count * 1000
                                      / rate->rate.rate.period);
    }

    if (rate->rate.burst > adm_gcra_burst_max(&rate->rate.rate)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "burst %uL of \"%V\" in \"admission_rate\" takes "
                           "more than 198 days to drain, it must be at most "
                           "%uL", rate->rate.burst, &value[1],
                           adm_gcra_burst_max(&rate->rate.rate));
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* NULL: out of memory, or the name is not one, or taken */

static ngx_http_adm_rate_conf_t *
ngx_http_adm_push_rate(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_str_t *directive, ngx_str_t *name)
{
    ngx_http_adm_rate_conf_t  *rate, **place;

    if (ngx_http_adm_check_name(cf, directive, name) != NGX_OK) {
        return NULL;
    }

    rate = ngx_http_adm_named(&amcf->rates, ngx_http_adm_rate_name, name);

    if (rate) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "rate \"%V\" is already defined at %V:%ui",
                           name, &rate->file, rate->line);
        return NULL;
    }

    place = ngx_array_push(&amcf->rates);
    rate = ngx_pcalloc(cf->pool, sizeof(ngx_http_adm_rate_conf_t));

    if (place == NULL || rate == NULL) {
        return NULL;
    }

    *place = rate;

    rate->rate.name = *name;
    rate->rate.burst = NGX_ADM_NO_LIMIT;
    rate->file = cf->conf_file->file.name;
    rate->line = cf->conf_file->line;

    return rate;
}


static char *
ngx_http_adm_rate_parameter(ngx_conf_t *cf, ngx_http_adm_rate_conf_t *rate,
    ngx_str_t *arg)
{
    ngx_str_t  value, *args;

    if (ngx_http_adm_parameter(arg, "rate=", &value)) {
        return ngx_http_adm_read_rate(cf, &value, "rate", &rate->rate.name,
                                      "admission_rate", &rate->rate.rate)
               == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_http_adm_parameter(arg, "burst=", &value)) {
        return ngx_http_adm_read_burst(cf, &value, "burst", &rate->rate.name,
                                       "admission_rate", &rate->rate.burst)
               == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_http_adm_parameter(arg, "scope=", &value)) {
        return ngx_http_adm_enum(cf, ngx_http_adm_scopes, &value, "scope",
                                 "of rate", &rate->rate.name,
                                 &rate->rate.scope)
               == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_http_adm_parameter(arg, "zone=", &value)) {
        rate->zone = value;
        args = cf->args->elts;

        return ngx_http_adm_check_name(cf, &args[0], &value) == NGX_OK
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of rate \"%V\", it must be "
                       "\"rate=\", \"burst=\", \"scope=\" or \"zone=\"",
                       arg, &rate->rate.name);

    return NGX_CONF_ERROR;
}


char *
ngx_http_adm_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_loc_conf_t  *alcf = conf;

    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_http_adm_limit_conf_t  *limit;

    value = cf->args->elts;

    if (ngx_http_adm_check_name(cf, &cmd->name, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_adm_check_arguments(cf, 2) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    limit = ngx_http_adm_push_use(cf, alcf, NGX_ADM_POLICY_RATE, "limit",
                                  &value[1],
                                  sizeof(ngx_http_adm_limit_conf_t));
    if (limit == NULL) {
        return NGX_CONF_ERROR;
    }

    limit->of.use.policy = &ngx_adm_rate_policy;
    limit->of.use.conf = &limit->limit;
    limit->of.use.values = limit->values;
    limit->of.use.nvalues = NGX_ADM_RATE_KEY + 1;
    limit->burst = NGX_CONF_UNSET;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_adm_limit_parameter(cf, limit, &value[i]) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_adm_limit_parameter(ngx_conf_t *cf, ngx_http_adm_limit_conf_t *limit,
    ngx_str_t *arg)
{
    uint64_t   burst;
    ngx_str_t  value;

    if (ngx_http_adm_parameter(arg, "burst=", &value)) {

        if (ngx_http_adm_read_burst(cf, &value, "burst", &limit->of.use.name,
                                    "admission_limit", &burst)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        limit->burst = burst;

        return NGX_CONF_OK;
    }

    if (ngx_http_adm_parameter(arg, "cost=", &value)) {
        return ngx_http_adm_limit_cost(cf, limit, &value) == NGX_OK
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of limit \"%V\", "
                       "it must be \"burst=\" or \"cost=\"",
                       arg, &limit->of.use.name);

    return NGX_CONF_ERROR;
}


/* what is known already has to be right; an empty one is 1 */

static ngx_int_t
ngx_http_adm_limit_cost(ngx_conf_t *cf, ngx_http_adm_limit_conf_t *limit,
    ngx_str_t *text)
{
    ngx_http_complex_value_t  *value;

    value = &limit->values[NGX_ADM_RATE_COST];

    limit->limit.cost = 1;
    limit->of.use.nvalues = NGX_ADM_RATE_VALUES;

    if (ngx_http_adm_compile(cf, text, value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value->lengths || text->len == 0) {
        return NGX_OK;
    }

    return ngx_http_adm_read_burst(cf, text, "cost", &limit->of.use.name,
                                   "admission_limit", &limit->cost);
}


char *
ngx_http_adm_init_rates(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t                  i;
    ngx_adm_zone_t             *zone;
    ngx_http_adm_rate_conf_t  **rates, *rate;

    rates = amcf->rates.elts;

    for (i = 0; i < amcf->rates.nelts; i++) {
        rate = rates[i];

        zone = ngx_http_adm_find_zone(cf, amcf, &rate->zone, "rate",
                                      &rate->rate.name, &rate->file,
                                      rate->line);
        if (zone == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_http_adm_rate_key(cf, rate);

        rate->rate.words = ngx_adm_rates_add(cf, zone, &rate->rate.name,
                                             &rate->key.value);
        if (rate->rate.words == NULL) {
            return NGX_CONF_ERROR;
        }

        if (rate->rate.scope == NGX_ADM_SCOPE_FLEET
            && ngx_http_adm_init_shares(cf, amcf, rate) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* a key that does not tell clients apart, or that they choose themselves */

static void
ngx_http_adm_rate_key(ngx_conf_t *cf, ngx_http_adm_rate_conf_t *rate)
{
    ngx_http_complex_value_t  *key;

    key = &rate->key;

    if (key->lengths == NULL && ngx_http_adm_is_variable(cf, &key->value)) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "key \"%V\" of rate \"%V\" at %V:%ui is a text, the "
                      "same for all requests; the variable is \"$%V\"",
                      &key->value, &rate->rate.name, &rate->file, rate->line,
                      &key->value);
    }

    if (rate->rate.scope != NGX_ADM_SCOPE_EXACT
        && ngx_http_adm_has_variable(cf, key, "remote_user"))
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "key \"%V\" of rate \"%V\" at %V:%ui is looked at "
                      "before the password is: anybody can use up what "
                      "another has by giving that one's name; use "
                      "\"scope=exact\"",
                      &key->value, &rate->rate.name, &rate->file, rate->line);
    }
}


static ngx_int_t
ngx_http_adm_init_shares(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_rate_conf_t *rate)
{
    uint64_t           units, least;
    ngx_adm_shares_t  *shares;

    if (amcf->fleet == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"scope=fleet\" of rate \"%V\" requires "
                      "\"admission_redis\", by which nodes share it, "
                      "in %V:%ui",
                      &rate->rate.name, &rate->file, rate->line);
        return NGX_ERROR;
    }

    shares = ngx_adm_shares_add(cf, amcf->fleet, rate->rate.words);
    if (shares == NULL) {
        return NGX_ERROR;
    }

    rate->rate.shares = shares;

    (void) adm_gcra_init(&shares->gcra, &rate->rate.rate, rate->rate.burst);

    units = adm_ticks(NGX_ADM_SHARE_PERIOD) / shares->gcra.interval;
    least = ngx_max(units, NGX_HTTP_ADM_SMALL_BURST);

    if (rate->rate.burst < least) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "burst %uL of rate \"%V\" is small for "
                      "\"scope=fleet\": each node admits as many before it "
                      "hears of others, and %uL in the %d ms between two "
                      "reports; use \"scope=exact\", or a burst of at least "
                      "%uL, in %V:%ui",
                      rate->rate.burst, &rate->rate.name, units,
                      NGX_ADM_SHARE_PERIOD, least, &rate->file, rate->line);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_init_limits(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_array_t *uses)
{
    ngx_uint_t                   i;
    ngx_http_adm_limit_conf_t  **limits;

    limits = uses->elts;

    for (i = 0; i < uses->nelts; i++) {

        /* the same array is seen from every location that inherits it */

        if (limits[i]->limit.rate == NULL
            && ngx_http_adm_init_limit(cf, amcf, limits[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_init_limit(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_limit_conf_t *limit)
{
    ngx_str_t                  text;
    ngx_adm_use_t             *use;
    ngx_adm_limit_t          **place;
    ngx_http_adm_rate_conf_t  *rate;

    use = &limit->of.use;

    rate = ngx_http_adm_named(&amcf->rates, ngx_http_adm_rate_name,
                              &use->name);
    if (rate == NULL) {
        text = ngx_http_adm_names(cf, &amcf->rates, ngx_http_adm_rate_name);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown rate \"%V\" in \"admission_limit\" "
                      "at %V:%ui, \"admission_rate\" defines %V",
                      &use->name, &limit->of.file, limit->of.line, &text);
        return NGX_ERROR;
    }

    rate->used = 1;
    limit->values[NGX_ADM_RATE_KEY] = rate->key;
    use->late = (rate->rate.scope == NGX_ADM_SCOPE_EXACT);

    if (limit->burst == NGX_CONF_UNSET) {
        limit->burst = rate->rate.burst;
    }

    if (ngx_http_adm_limit_bounds(cf, limit, rate) != NGX_OK) {
        return NGX_ERROR;
    }

    /* names of different policies may be the same */

    text = ngx_http_adm_concat(cf, "rate:", &use->name, "");
    place = ngx_array_push(&amcf->limits);

    if (text.data == NULL || place == NULL) {
        return NGX_ERROR;
    }

    *place = &limit->limit;

    use->series = ngx_adm_counters_series(amcf->counters,
                                          NGX_ADM_FAMILY_POLICY, &text);

    return use->series ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_adm_limit_bounds(ngx_conf_t *cf, ngx_http_adm_limit_conf_t *limit,
    ngx_http_adm_rate_conf_t *rate)
{
    if (ngx_adm_limit_init(&limit->limit, &rate->rate, limit->burst)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "burst %i of \"%V\" in \"admission_limit\" takes "
                      "more than 198 days to drain, it must be at most %uL "
                      "in %V:%ui",
                      limit->burst, &limit->of.use.name,
                      adm_gcra_burst_max(&rate->rate.rate), &limit->of.file,
                      limit->of.line);
        return NGX_ERROR;
    }

    if (limit->cost > (uint64_t) limit->burst + 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "cost %uL of \"%V\" in \"admission_limit\" can never "
                      "pass with burst %i, it must be at most %i in %V:%ui",
                      limit->cost, &limit->of.use.name, limit->burst,
                      limit->burst + 1, &limit->of.file, limit->of.line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_adm_check_rates(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t                  i;
    ngx_http_adm_rate_conf_t  **rates;

    rates = amcf->rates.elts;

    for (i = 0; i < amcf->rates.nelts; i++) {

        if (!rates[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "rate \"%V\" at %V:%ui has no effect: no "
                          "\"admission_limit\" puts it before a location",
                          &rates[i]->rate.name, &rates[i]->file,
                          rates[i]->line);
        }
    }
}


static ngx_str_t *
ngx_http_adm_rate_name(void *named)
{
    ngx_http_adm_rate_conf_t  *rate = named;

    return &rate->rate.name;
}
