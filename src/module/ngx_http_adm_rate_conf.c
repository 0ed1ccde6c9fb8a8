
/*
 * admission_rate NAME VALUE rate=R [burst=N] [scope=node|exact] [zone=NAME]
 * admission_limit NAME [burst=N] [cost=VALUE]
 */


#include <ngx_http_adm_module.h>


static ngx_http_adm_rate_conf_t *ngx_http_adm_push_rate(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *directive, ngx_str_t *name);
static char *ngx_http_adm_rate_parameter(ngx_conf_t *cf,
    ngx_http_adm_rate_conf_t *rate, ngx_str_t *arg);
static char *ngx_http_adm_rate_rate(ngx_conf_t *cf,
    ngx_http_adm_rate_conf_t *rate, ngx_str_t *text);
static char *ngx_http_adm_burst(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text, uint64_t *burst);
static char *ngx_http_adm_limit_parameter(ngx_conf_t *cf,
    ngx_http_adm_limit_conf_t *limit, ngx_str_t *arg);
static ngx_http_adm_limit_conf_t *ngx_http_adm_push_limit(ngx_conf_t *cf,
    ngx_http_adm_loc_conf_t *alcf, ngx_str_t *name);
static ngx_int_t ngx_http_adm_init_limit(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_limit_conf_t *limit);
static ngx_http_adm_rate_conf_t *ngx_http_adm_rate_named(
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *name);
static ngx_str_t ngx_http_adm_rate_names(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);
static ngx_adm_series_t *ngx_http_adm_rate_series(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *name);


static ngx_conf_enum_t  ngx_http_adm_scopes[] = {
    { ngx_string("node"), NGX_ADM_SCOPE_NODE },
    { ngx_string("exact"), NGX_ADM_SCOPE_EXACT },
    { ngx_null_string, 0 }
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

    if (ngx_http_adm_check_arguments(cf, 3) != NGX_OK
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

    rate = ngx_http_adm_rate_named(amcf, name);

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
        return ngx_http_adm_rate_rate(cf, rate, &value);
    }

    if (ngx_http_adm_parameter(arg, "burst=", &value)) {
        return ngx_http_adm_burst(cf, &rate->rate.name, &value,
                                  &rate->rate.burst);
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


static char *
ngx_http_adm_rate_rate(ngx_conf_t *cf, ngx_http_adm_rate_conf_t *rate,
    ngx_str_t *text)
{
    adm_str_t  literal;

    literal.len = text->len;
    literal.data = text->data;

    if (adm_rate_parse(literal, &rate->rate.rate) == ADM_OK) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid rate \"%V\" of \"%V\" in "
                       "\"admission_rate\", it must be a number "
                       "from 1 to %d with \"r/s\", \"r/m\", \"r/h\" or "
                       "\"r/d\", as \"10r/s\"",
                       text, &rate->rate.name, ADM_RATE_MAX);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_adm_burst(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *text,
    uint64_t *burst)
{
    adm_str_t   literal;
    ngx_str_t  *args;

    literal.len = text->len;
    literal.data = text->data;

    if (adm_uint_parse(literal, 0, ADM_GCRA_COST_MAX, burst) == ADM_OK) {
        return NGX_CONF_OK;
    }

    args = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid burst \"%V\" of \"%V\" in \"%V\", "
                       "it must be a number from 0 to %d",
                       text, name, &args[0], ADM_GCRA_COST_MAX);

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

    limit = ngx_http_adm_push_limit(cf, alcf, &value[1]);
    if (limit == NULL) {
        return NGX_CONF_ERROR;
    }

    limit->use.policy = &ngx_adm_rate_policy;
    limit->use.name = value[1];
    limit->use.conf = &limit->limit;
    limit->use.values = limit->values;
    limit->use.nvalues = NGX_ADM_RATE_KEY + 1;
    limit->burst = NGX_CONF_UNSET;
    limit->file = cf->conf_file->file.name;
    limit->line = cf->conf_file->line;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_adm_limit_parameter(cf, limit, &value[i]) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* NULL: out of memory, or this level has the name already */

static ngx_http_adm_limit_conf_t *
ngx_http_adm_push_limit(ngx_conf_t *cf, ngx_http_adm_loc_conf_t *alcf,
    ngx_str_t *name)
{
    ngx_uint_t                   i;
    ngx_array_t                 *uses;
    ngx_http_adm_limit_conf_t   *limit, **limits;

    uses = alcf->uses[NGX_ADM_POLICY_RATE];

    if (uses == NULL) {
        uses = ngx_array_create(cf->pool, 4,
                                sizeof(ngx_http_adm_limit_conf_t *));
        if (uses == NULL) {
            return NULL;
        }

        alcf->uses[NGX_ADM_POLICY_RATE] = uses;
    }

    limits = uses->elts;

    for (i = 0; i < uses->nelts; i++) {

        if (limits[i]->use.name.len == name->len
            && ngx_strncmp(limits[i]->use.name.data, name->data, name->len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "limit \"%V\" is already set at %V:%ui",
                               name, &limits[i]->file, limits[i]->line);
            return NULL;
        }
    }

    limits = ngx_array_push(uses);
    limit = ngx_pcalloc(cf->pool, sizeof(ngx_http_adm_limit_conf_t));

    if (limits == NULL || limit == NULL) {
        return NULL;
    }

    *limits = limit;

    return limit;
}


static char *
ngx_http_adm_limit_parameter(ngx_conf_t *cf, ngx_http_adm_limit_conf_t *limit,
    ngx_str_t *arg)
{
    uint64_t   burst;
    ngx_str_t  value;

    if (ngx_http_adm_parameter(arg, "burst=", &value)) {

        if (ngx_http_adm_burst(cf, &limit->use.name, &value, &burst)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        limit->burst = burst;

        return NGX_CONF_OK;
    }

    if (ngx_http_adm_parameter(arg, "cost=", &value)) {
        limit->limit.cost = 1;
        limit->use.nvalues = NGX_ADM_RATE_VALUES;

        return ngx_http_adm_compile(cf, &value,
                                    &limit->values[NGX_ADM_RATE_COST])
               == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of limit \"%V\", "
                       "it must be \"burst=\" or \"cost=\"",
                       arg, &limit->use.name);

    return NGX_CONF_ERROR;
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

        zone = ngx_http_adm_find_zone(cf, amcf, rate);
        if (zone == NULL) {
            return NGX_CONF_ERROR;
        }

        rate->rate.words = ngx_adm_rates_add(cf, zone, &rate->rate.name,
                                             &rate->key.value);
        if (rate->rate.words == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
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
    ngx_str_t                  known;
    ngx_adm_limit_t          **place;
    ngx_http_adm_rate_conf_t  *rate;

    rate = ngx_http_adm_rate_named(amcf, &limit->use.name);

    if (rate == NULL) {
        known = ngx_http_adm_rate_names(cf, amcf);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown rate \"%V\" in \"admission_limit\" "
                      "at %V:%ui, \"admission_rate\" defines %V",
                      &limit->use.name, &limit->file, limit->line, &known);
        return NGX_ERROR;
    }

    limit->values[NGX_ADM_RATE_KEY] = rate->key;
    limit->use.late = (rate->rate.scope == NGX_ADM_SCOPE_EXACT);

    if (limit->burst == NGX_CONF_UNSET) {
        limit->burst = rate->rate.burst;
    }

    if (ngx_adm_limit_init(&limit->limit, &rate->rate, limit->burst)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "burst %i of \"%V\" in \"admission_limit\" takes "
                      "more than 198 days to drain, it must be at most %uL "
                      "in %V:%ui",
                      limit->burst, &limit->use.name,
                      adm_gcra_burst_max(&rate->rate.rate), &limit->file,
                      limit->line);
        return NGX_ERROR;
    }

    limit->use.series = ngx_http_adm_rate_series(cf, amcf, &limit->use.name);
    place = ngx_array_push(&amcf->limits);

    if (limit->use.series == NULL || place == NULL) {
        return NGX_ERROR;
    }

    *place = &limit->limit;

    return NGX_OK;
}


static ngx_http_adm_rate_conf_t *
ngx_http_adm_rate_named(ngx_http_adm_main_conf_t *amcf, ngx_str_t *name)
{
    ngx_str_t                  *known;
    ngx_uint_t                  i;
    ngx_http_adm_rate_conf_t  **rates;

    rates = amcf->rates.elts;

    for (i = 0; i < amcf->rates.nelts; i++) {
        known = &rates[i]->rate.name;

        if (known->len == name->len
            && ngx_strncmp(known->data, name->data, name->len) == 0)
        {
            return rates[i];
        }
    }

    return NULL;
}


static ngx_str_t
ngx_http_adm_rate_names(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_str_t                  *name;
    ngx_uint_t                  i;
    ngx_array_t                 names;
    ngx_http_adm_rate_conf_t  **rates;

    rates = amcf->rates.elts;

    if (ngx_array_init(&names, cf->temp_pool, 4, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return ngx_http_adm_names(cf, NULL);
    }

    for (i = 0; i < amcf->rates.nelts; i++) {
        name = ngx_array_push(&names);

        if (name) {
            *name = rates[i]->rate.name;
        }
    }

    return ngx_http_adm_names(cf, &names);
}


/* "rate:NAME": names of different policies may be the same */

static ngx_adm_series_t *
ngx_http_adm_rate_series(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_str_t *name)
{
    ngx_str_t  series;

    series.data = ngx_pnalloc(cf->pool, sizeof("rate:") - 1 + name->len);
    if (series.data == NULL) {
        return NULL;
    }

    series.len = ngx_sprintf(series.data, "rate:%V", name) - series.data;

    return ngx_adm_counters_series(amcf->counters, NGX_ADM_FAMILY_POLICY,
                                   &series);
}
