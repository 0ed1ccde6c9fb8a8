
/*
 * admission_upstream NAME [concurrency=N|adaptive] [min=N] [max=N]
 *     [failures=N] [error_rate=SHARE] [min_requests=N] [window=TIME]
 *     [slow=TIME] [successes=N] [open=TIME] [max_open=TIME] [budget=TIME]
 *     [lag=TIME]
 * admission_shed NAME [priority=VALUE] [fallback=@LOCATION]
 * admission_shed off
 */


#include <ngx_http_adm_module.h>


/* of gates, unless told otherwise */

#define NGX_HTTP_ADM_GATE_MIN            1
#define NGX_HTTP_ADM_GATE_MAX            1000
#define NGX_HTTP_ADM_GATE_FAILURES       5
#define NGX_HTTP_ADM_GATE_MIN_REQUESTS   20
#define NGX_HTTP_ADM_GATE_WINDOW         (10 * 1000)
#define NGX_HTTP_ADM_GATE_SUCCESSES      2
#define NGX_HTTP_ADM_GATE_OPEN           (30 * 1000)
#define NGX_HTTP_ADM_GATE_MAX_OPEN       (300 * 1000)
#define NGX_HTTP_ADM_GATE_LAG            1000

/* the most of whatever is a number of requests */
#define NGX_HTTP_ADM_GATE_PLACES         100000

/* shares are in thousandths */
#define NGX_HTTP_ADM_GATE_WHOLE          1000
#define NGX_HTTP_ADM_GATE_ERROR_RATE     500


static ngx_http_adm_gate_conf_t *ngx_http_adm_push_gate(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *directive, ngx_str_t *name);
static ngx_int_t ngx_http_adm_check_gate_name(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *directive, ngx_str_t *name);
static ngx_int_t ngx_http_adm_gate_concurrency(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_adm_gate_share(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_adm_gate_lag(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_adm_gate_needs(ngx_conf_t *cf,
    ngx_adm_gate_t *gate);
static void ngx_http_adm_gate_defaults(ngx_adm_gate_t *gate);
static ngx_int_t ngx_http_adm_gate_agrees(ngx_conf_t *cf,
    ngx_adm_gate_t *gate);
static ngx_str_t *ngx_http_adm_gate_name(void *named);
static ngx_int_t ngx_http_adm_shed_off(ngx_conf_t *cf,
    ngx_http_adm_loc_conf_t *alcf, ngx_uint_t off);
static ngx_int_t ngx_http_adm_shed_priority(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_adm_shed_fallback(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_adm_init_shed(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_shed_conf_t *shed);


#define ngx_http_adm_gate_at(name)  offsetof(ngx_adm_gate_t, name)
#define ngx_http_adm_shed_at(name)  offsetof(ngx_http_adm_shed_conf_t, name)


static ngx_http_adm_arg_t  ngx_http_adm_gate_known[] = {

    { "concurrency=", "a number from 1 to 100000, or \"adaptive\"",
      ngx_http_adm_gate_concurrency, 0, 1, NGX_HTTP_ADM_GATE_PLACES, NULL },

    { "min=", "a number from 1 to 100000",
      ngx_http_adm_read_number, ngx_http_adm_gate_at(min),
      1, NGX_HTTP_ADM_GATE_PLACES, NULL },

    { "max=", "a number from 1 to 100000",
      ngx_http_adm_read_number, ngx_http_adm_gate_at(max),
      1, NGX_HTTP_ADM_GATE_PLACES, NULL },

    { "failures=", "a number from 0 to 100000",
      ngx_http_adm_read_number, ngx_http_adm_gate_at(circuit.failures),
      0, NGX_HTTP_ADM_GATE_PLACES, NULL },

    { "error_rate=", "a share from 0.1% to 100%, as \"50%\", or 0",
      ngx_http_adm_gate_share, ngx_http_adm_gate_at(circuit.error_rate),
      0, NGX_HTTP_ADM_GATE_WHOLE, NULL },

    { "min_requests=", "a number from 1 to 100000",
      ngx_http_adm_read_number, ngx_http_adm_gate_at(circuit.min_requests),
      1, NGX_HTTP_ADM_GATE_PLACES, NULL },

    { "window=", "a time from 100ms to 1h, as \"10s\"",
      ngx_http_adm_read_time, ngx_http_adm_gate_at(circuit.window),
      100, 60 * 60 * 1000, NULL },

    { "slow=", "a time from 1ms to 1h, as \"2s\"",
      ngx_http_adm_read_time, ngx_http_adm_gate_at(circuit.slow),
      1, 60 * 60 * 1000, NULL },

    { "successes=", "a number from 1 to 1000",
      ngx_http_adm_read_number, ngx_http_adm_gate_at(circuit.successes),
      1, 1000, NULL },

    { "open=", "a time from 100ms to 1d, as \"30s\"",
      ngx_http_adm_read_time, ngx_http_adm_gate_at(circuit.open),
      100, 24 * 60 * 60 * 1000, NULL },

    { "max_open=", "a time from 100ms to 1d, as \"300s\"",
      ngx_http_adm_read_time, ngx_http_adm_gate_at(circuit.max_open),
      100, 24 * 60 * 60 * 1000, NULL },

    { "budget=", "a time from 1ms to 1h, as \"2s\"",
      ngx_http_adm_read_time, ngx_http_adm_gate_at(budget),
      1, 60 * 60 * 1000, NULL },

    { "lag=", "a time from 10ms to 1m, as \"1s\", or 0",
      ngx_http_adm_gate_lag, ngx_http_adm_gate_at(lag),
      10, 60 * 1000, NULL },

    { NULL, NULL, NULL, 0, 0, 0, NULL }
};


static ngx_http_adm_arg_t  ngx_http_adm_shed_known[] = {

    { "priority=", "a digit, of which 0 is shed last, or have a variable",
      ngx_http_adm_shed_priority,
      ngx_http_adm_shed_at(values[NGX_ADM_SHED_PRIORITY]), 0, 0, NULL },

    { "fallback=", "a named location, as \"@busy\"",
      ngx_http_adm_shed_fallback, ngx_http_adm_shed_at(shed.fallback),
      0, 0, NULL },

    { NULL, NULL, NULL, 0, 0, 0, NULL }
};


char *
ngx_http_adm_upstream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ngx_str_t                 *value;
    ngx_adm_gate_t            *gate;
    ngx_http_adm_gate_conf_t  *of;

    value = cf->args->elts;

    of = ngx_http_adm_push_gate(cf, amcf, &cmd->name, &value[1]);
    if (of == NULL) {
        return NGX_CONF_ERROR;
    }

    gate = of->gate;

    gate->circuit.failures = NGX_HTTP_ADM_GATE_FAILURES;
    gate->circuit.error_rate = NGX_HTTP_ADM_GATE_ERROR_RATE;
    gate->circuit.successes = NGX_HTTP_ADM_GATE_SUCCESSES;
    gate->lag = NGX_HTTP_ADM_GATE_LAG;

    if (ngx_http_adm_read_args(cf, gate, ngx_http_adm_gate_known, 2) != NGX_OK
        || ngx_http_adm_gate_needs(cf, gate) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_adm_gate_defaults(gate);

    return ngx_http_adm_gate_agrees(cf, gate) == NGX_OK ? NGX_CONF_OK
                                                        : NGX_CONF_ERROR;
}


/* NULL: out of memory, or the name is not one, or taken */

static ngx_http_adm_gate_conf_t *
ngx_http_adm_push_gate(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_str_t *directive, ngx_str_t *name)
{
    ngx_str_t                  zone;
    ngx_http_adm_gate_conf_t  *gate, **place;

    if (ngx_http_adm_check_gate_name(cf, amcf, directive, name) != NGX_OK) {
        return NULL;
    }

    if (amcf->gates == NULL) {
        ngx_str_set(&zone, NGX_HTTP_ADM_GATES);

        amcf->gates = ngx_adm_gates_add(cf, &zone, &ngx_http_admission_module);

        if (amcf->gates == NULL) {
            return NULL;
        }
    }

    place = ngx_array_push(&amcf->gate_confs);
    gate = ngx_pcalloc(cf->pool, sizeof(ngx_http_adm_gate_conf_t));

    if (place == NULL || gate == NULL) {
        return NULL;
    }

    *place = gate;

    gate->gate = ngx_adm_gate_declare(amcf->gates, name);
    gate->file = cf->conf_file->file.name;
    gate->line = cf->conf_file->line;

    return gate->gate ? gate : NULL;
}


/* "off" is a word of its users, and "store" the circuit of Redis */

static ngx_int_t
ngx_http_adm_check_gate_name(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_str_t *directive, ngx_str_t *name)
{
    ngx_http_adm_gate_conf_t  *gate;

    if (ngx_http_adm_check_name(cf, directive, name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_adm_is_word(name, "off")
        || ngx_http_adm_is_word(name, "store"))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "name \"%V\" in \"%V\" is reserved",
                           name, directive);
        return NGX_ERROR;
    }

    gate = ngx_http_adm_named(&amcf->gate_confs, ngx_http_adm_gate_name, name);

    if (gate) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "upstream \"%V\" is already defined at %V:%ui",
                           name, &gate->file, gate->line);
        return NGX_ERROR;
    }

    if (amcf->gate_confs.nelts == NGX_ADM_GATES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "upstream \"%V\" is one too many, "
                           "a node has at most %d", name, NGX_ADM_GATES);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_gate_concurrency(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    ngx_adm_gate_t  *gate = field;

    if (ngx_http_adm_is_word(value, "adaptive")) {
        gate->adaptive = 1;
        return NGX_OK;
    }

    return ngx_http_adm_read_number(cf, arg, value, &gate->concurrency);
}


/* "50%" and "0.5%", in thousandths; 0 is not looked at */

static ngx_int_t
ngx_http_adm_gate_share(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    ngx_int_t  share;

    if (ngx_http_adm_is_word(value, "0")) {
        share = 0;

    } else if (value->len < 2 || value->data[value->len - 1] != '%') {
        return NGX_DECLINED;

    } else {
        share = ngx_atofp(value->data, value->len - 1, 1);
    }

    if (share < (ngx_int_t) arg->min || share > (ngx_int_t) arg->max) {
        return NGX_DECLINED;
    }

    *(uint64_t *) field = share;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_gate_lag(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    if (ngx_http_adm_is_word(value, "0")) {
        *(ngx_msec_t *) field = 0;
        return NGX_OK;
    }

    return ngx_http_adm_read_time(cf, arg, value, field);
}


/* what has no use without another; 0 is what was not given */

static ngx_int_t
ngx_http_adm_gate_needs(ngx_conf_t *cf, ngx_adm_gate_t *gate)
{
    ngx_str_t   *args;
    ngx_uint_t   i;

    struct {
        const char  *name;
        uint64_t     given;
        const char  *needed;
        uint64_t     there;
    } needs[] = {
        { "min=", gate->min, "concurrency=adaptive", gate->adaptive },
        { "max=", gate->max, "concurrency=adaptive", gate->adaptive },
        { "min_requests=", gate->circuit.min_requests,
          "error_rate=", gate->circuit.error_rate },
        { "window=", gate->circuit.window, "failures=\" or \"error_rate=",
          gate->circuit.failures + gate->circuit.error_rate },
        { "slow=", gate->circuit.slow,
          "error_rate=", gate->circuit.error_rate },
        { NULL, 0, NULL, 0 }
    };

    args = cf->args->elts;

    for (i = 0; needs[i].name; i++) {

        if (needs[i].given && !needs[i].there) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%s\" of upstream \"%V\" in \"%V\" has no "
                               "use without \"%s\"",
                               needs[i].name, &gate->name, &args[0],
                               needs[i].needed);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_adm_gate_defaults(ngx_adm_gate_t *gate)
{
    adm_circuit_conf_t  *circuit;

    circuit = &gate->circuit;

    if (gate->adaptive && gate->min == 0) {
        gate->min = NGX_HTTP_ADM_GATE_MIN;
    }

    if (gate->adaptive && gate->max == 0) {
        gate->max = ngx_max(gate->min, NGX_HTTP_ADM_GATE_MAX);
    }

    if (circuit->min_requests == 0) {
        circuit->min_requests = NGX_HTTP_ADM_GATE_MIN_REQUESTS;
    }

    if (circuit->window == 0) {
        circuit->window = NGX_HTTP_ADM_GATE_WINDOW;
    }

    if (circuit->open == 0) {
        circuit->open = circuit->max_open
                        ? ngx_min(circuit->max_open, NGX_HTTP_ADM_GATE_OPEN)
                        : NGX_HTTP_ADM_GATE_OPEN;
    }

    if (circuit->max_open == 0) {
        circuit->max_open = ngx_max(circuit->open,
                                    NGX_HTTP_ADM_GATE_MAX_OPEN);
    }
}


static ngx_int_t
ngx_http_adm_gate_agrees(ngx_conf_t *cf, ngx_adm_gate_t *gate)
{
    ngx_str_t  *args;

    args = cf->args->elts;

    if (gate->min > gate->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"min=%ui\" of upstream \"%V\" in \"%V\" is "
                           "above \"max=%ui\", it must be at most that",
                           gate->min, &gate->name, &args[0], gate->max);
        return NGX_ERROR;
    }

    if (gate->circuit.open > gate->circuit.max_open) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"open=\" of %uLms of upstream \"%V\" in \"%V\" "
                           "is longer than \"max_open=\" of %uLms, it must "
                           "be at most that",
                           gate->circuit.open, &gate->name, &args[0],
                           gate->circuit.max_open);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_str_t *
ngx_http_adm_gate_name(void *named)
{
    ngx_http_adm_gate_conf_t  *gate = named;

    return &gate->gate->name;
}


char *
ngx_http_adm_shed(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_loc_conf_t  *alcf = conf;

    ngx_str_t                 *args;
    ngx_uint_t                 off;
    ngx_http_adm_shed_conf_t  *shed;

    args = cf->args->elts;
    off = (cf->args->nelts == 2 && ngx_http_adm_is_word(&args[1], "off"));

    if (ngx_http_adm_check_name(cf, &cmd->name, &args[1]) != NGX_OK
        || ngx_http_adm_shed_off(cf, alcf, off) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (off) {
        return NGX_CONF_OK;
    }

    shed = ngx_http_adm_push_use(cf, alcf, NGX_ADM_POLICY_SHED, "shed",
                                 &args[1], sizeof(ngx_http_adm_shed_conf_t));

    if (shed == NULL
        || ngx_http_adm_read_args(cf, shed, ngx_http_adm_shed_known, 2)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (shed->values[NGX_ADM_SHED_PRIORITY].value.data) {
        shed->shed.prioritized = 1;
        shed->of.use.nvalues = NGX_ADM_SHED_PRIORITY + 1;
    }

    shed->of.use.policy = &ngx_adm_shed_policy;
    shed->of.use.conf = &shed->shed;
    shed->of.use.values = shed->values;

    return NGX_CONF_OK;
}


/* the word stands alone: a level with an empty array inherits nothing */

static ngx_int_t
ngx_http_adm_shed_off(ngx_conf_t *cf, ngx_http_adm_loc_conf_t *alcf,
    ngx_uint_t off)
{
    ngx_array_t  **uses;

    uses = &alcf->uses[NGX_ADM_POLICY_SHED];

    if (*uses && (off || (*uses)->nelts == 0)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"admission_shed off\" must be the only "
                           "\"admission_shed\" of its level");
        return NGX_ERROR;
    }

    if (off) {
        *uses = ngx_array_create(cf->pool, 1, sizeof(void *));
    }

    return (off && *uses == NULL) ? NGX_ERROR : NGX_OK;
}


/* what is known already has to be right */

static ngx_int_t
ngx_http_adm_shed_priority(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    ngx_int_t                  rc;
    ngx_http_complex_value_t  *priority = field;

    rc = ngx_http_adm_read_value(cf, arg, value, field);

    if (rc != NGX_OK || priority->lengths) {
        return rc;
    }

    return (value->len == 1 && value->data[0] >= '0' && value->data[0] <= '9')
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_adm_shed_fallback(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    if (value->len < 2 || value->data[0] != '@') {
        return NGX_DECLINED;
    }

    *(ngx_str_t *) field = *value;

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_init_sheds(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_array_t *uses)
{
    ngx_uint_t                  i;
    ngx_http_adm_shed_conf_t  **sheds;

    sheds = uses->elts;

    for (i = 0; i < uses->nelts; i++) {

        /* the same array is seen from every location that inherits it */

        if (sheds[i]->shed.gate == NULL
            && ngx_http_adm_init_shed(cf, amcf, sheds[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_init_shed(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_shed_conf_t *shed)
{
    ngx_str_t                  text;
    ngx_adm_use_t             *use;
    ngx_http_adm_gate_conf_t  *gate;

    use = &shed->of.use;

    gate = ngx_http_adm_named(&amcf->gate_confs, ngx_http_adm_gate_name,
                              &use->name);
    if (gate == NULL) {
        text = ngx_http_adm_names(cf, &amcf->gate_confs,
                                  ngx_http_adm_gate_name);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown upstream \"%V\" in \"admission_shed\" at "
                      "%V:%ui, \"admission_upstream\" defines %V",
                      &use->name, &shed->of.file, shed->of.line, &text);
        return NGX_ERROR;
    }

    gate->used = 1;
    shed->shed.gate = gate->gate;

    text = ngx_http_adm_concat(cf, "shed:", &use->name, "");
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    use->series = ngx_adm_counters_series(amcf->counters,
                                          NGX_ADM_FAMILY_POLICY, &text);

    return use->series ? NGX_OK : NGX_ERROR;
}
