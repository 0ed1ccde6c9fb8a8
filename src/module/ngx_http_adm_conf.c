
/*
 * Configurations: creation, inheritance, and the pipeline of a location.
 */


#include <ngx_http_adm_module.h>


static ngx_int_t ngx_http_adm_init_arrays(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);
static ngx_int_t ngx_http_adm_init_memory(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);
static ngx_int_t ngx_http_adm_init_series(ngx_adm_counters_t *counters,
    ngx_http_adm_main_conf_t *amcf);
static ngx_int_t ngx_http_adm_merge_uses(ngx_conf_t *cf,
    ngx_http_adm_loc_conf_t *prev, ngx_http_adm_loc_conf_t *conf);
static ngx_int_t ngx_http_adm_init_uses(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_loc_conf_t *alcf);
static ngx_int_t ngx_http_adm_build_pipeline(ngx_conf_t *cf,
    ngx_http_adm_loc_conf_t *alcf);
static ngx_int_t ngx_http_adm_fallback(ngx_conf_t *cf,
    ngx_http_adm_loc_conf_t *alcf, ngx_str_t *arg);


void *
ngx_http_adm_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_adm_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     amcf->counters = NULL;
     *     amcf->decisions = NULL;
     *     amcf->answers = NULL;
     *     amcf->node = NULL;
     *     amcf->demand = NULL;
     *     amcf->settings = NULL;
     *     amcf->state = NULL;
     *     amcf->keys = NULL;
     *     amcf->tokens = NULL;
     *     amcf->mode = NULL;
     *     amcf->modes = 0;
     *     amcf->store = NULL;
     *     amcf->redis = NULL;
     *     amcf->fleet = NULL;
     *     amcf->failed = NULL;
     *     amcf->orders = NULL;
     *     amcf->known = NULL;
     *     amcf->stock = NULL;
     *     amcf->idempotency = NULL;
     *     amcf->gates = NULL;
     */

    amcf->keeper = ngx_adm_shm_keeper_add(cf);
    if (amcf->keeper == NULL) {
        return NULL;
    }

    amcf->timeout = 50;
    amcf->claim_timeout = 500;

    if (ngx_http_adm_init_arrays(cf, amcf) != NGX_OK
        || ngx_http_adm_init_memory(cf, amcf) != NGX_OK)
    {
        return NULL;
    }

    return amcf;
}


static ngx_int_t
ngx_http_adm_init_arrays(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t  i;

    struct {
        ngx_array_t  *array;
        size_t        size;
    } arrays[] = {
        { &amcf->zones, sizeof(ngx_adm_zone_t *) },
        { &amcf->rates, sizeof(ngx_http_adm_rate_conf_t *) },
        { &amcf->rooms, sizeof(ngx_http_adm_room_t *) },
        { &amcf->limits, sizeof(ngx_adm_limit_t *) },
        { &amcf->gate_confs, sizeof(ngx_http_adm_gate_conf_t *) },
        { &amcf->sheds, sizeof(ngx_http_adm_shed_spot_t) },
        { NULL, 0 }
    };

    for (i = 0; arrays[i].array; i++) {

        if (ngx_array_init(arrays[i].array, cf->pool, 4, arrays[i].size)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_init_memory(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    void       *tag;
    ngx_str_t   counters, demand, settings, mode;

    ngx_str_set(&counters, NGX_HTTP_ADM_COUNTERS);
    ngx_str_set(&demand, NGX_HTTP_ADM_DEMAND);
    ngx_str_set(&settings, NGX_HTTP_ADM_SETTINGS);
    ngx_str_set(&mode, "admission mode");

    tag = &ngx_http_admission_module;

    amcf->counters = ngx_adm_counters_add(cf, &counters, tag);
    amcf->demand = ngx_adm_demand_add(cf, &demand, tag);
    amcf->settings = ngx_adm_settings_add(cf, &settings, tag);

    if (amcf->counters == NULL || amcf->demand == NULL
        || amcf->settings == NULL)
    {
        return NGX_ERROR;
    }

    amcf->mode = ngx_adm_settings_declare(amcf->settings, &mode);

    if (amcf->mode == NULL) {
        return NGX_ERROR;
    }

    amcf->mode->most = NGX_HTTP_ADM_DRY_RUN;

    return ngx_http_adm_init_series(amcf->counters, amcf);
}


static ngx_int_t
ngx_http_adm_init_series(ngx_adm_counters_t *counters,
    ngx_http_adm_main_conf_t *amcf)
{
    ngx_str_t  decision, upstream, node, tokens, failed, others;

    ngx_str_set(&decision, "decision");
    ngx_str_set(&upstream, "upstream");
    ngx_str_set(&node, "node");
    ngx_str_set(&tokens, "tokens");
    ngx_str_set(&failed, "failed");
    ngx_str_set(&others, "");

    amcf->decisions = ngx_adm_counters_series(counters,
                                              NGX_ADM_FAMILY_HISTOGRAM,
                                              &decision);
    amcf->answers = ngx_adm_counters_series(counters,
                                            NGX_ADM_FAMILY_HISTOGRAM,
                                            &upstream);
    amcf->node = ngx_adm_counters_series(counters, NGX_ADM_FAMILY_NODE, &node);
    amcf->tokens = ngx_adm_counters_series(counters, NGX_ADM_FAMILY_NODE,
                                           &tokens);
    amcf->failed = ngx_adm_counters_series(counters, NGX_ADM_FAMILY_NODE,
                                           &failed);

    if (amcf->decisions == NULL || amcf->answers == NULL || amcf->node == NULL
        || amcf->tokens == NULL || amcf->failed == NULL
        || ngx_adm_counters_series(counters, NGX_ADM_FAMILY_LEVEL, &others)
           == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_http_adm_init_main_conf(ngx_conf_t *cf, void *conf)
{
    return ngx_http_adm_init_redis(cf, conf) == NGX_CONF_OK
           && ngx_http_adm_init_rates(cf, conf) == NGX_CONF_OK
           && ngx_http_adm_init_gates(cf, conf) == NGX_CONF_OK
           ? ngx_http_adm_init_rooms(cf, conf) : NGX_CONF_ERROR;
}


void *
ngx_http_adm_create_srv_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     ascf->site = { 0, NULL };
     *     ascf->series = NULL;
     *     ascf->names = NULL;
     *     ascf->nnames = 0;
     */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_adm_srv_conf_t));
}


char *
ngx_http_adm_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_adm_srv_conf_t  *prev = parent;
    ngx_http_adm_srv_conf_t  *conf = child;

    ngx_http_adm_main_conf_t  *amcf;

    ngx_conf_merge_str_value(conf->site, prev->site, "");

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_admission_module);

    conf->series = ngx_adm_counters_series(amcf->counters,
                                           NGX_ADM_FAMILY_SITE, &conf->site);

    return conf->series ? NGX_CONF_OK : NGX_CONF_ERROR;
}


void *
ngx_http_adm_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_adm_loc_conf_t  *alcf;

    alcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_adm_loc_conf_t));
    if (alcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     alcf->uses[] = NULL;
     *     alcf->ignored = 0;
     *     alcf->pipeline = NULL;
     *     alcf->npipeline = 0;
     *     alcf->wait = NULL;
     *     alcf->buffers = 0;
     *     alcf->public = 0;
     *     alcf->content = NULL;
     *     alcf->strict = 0;
     *     alcf->control = { 0, NULL };
     *     alcf->room = NULL;
     *     alcf->room_name = { 0, NULL };
     */

    alcf->mode = NGX_CONF_UNSET_UINT;
    alcf->log_level = NGX_CONF_UNSET_UINT;
    alcf->fallback = NGX_CONF_UNSET_UINT;
    alcf->room_fallback = NGX_CONF_UNSET_UINT;
    alcf->key_fallback = NGX_CONF_UNSET_UINT;
    alcf->stock_fallback = NGX_CONF_UNSET_UINT;

    return alcf;
}


char *
ngx_http_adm_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_adm_loc_conf_t  *prev = parent;
    ngx_http_adm_loc_conf_t  *conf = child;

    ngx_conf_merge_uint_value(conf->mode, prev->mode, NGX_HTTP_ADM_ON);
    ngx_conf_merge_uint_value(conf->log_level, prev->log_level, NGX_LOG_WARN);
    ngx_conf_merge_uint_value(conf->fallback, prev->fallback,
                              NGX_ADM_FALLBACK_LOCAL);
    ngx_conf_merge_uint_value(conf->room_fallback, prev->room_fallback,
                              NGX_ADM_FALLBACK_LOCAL);
    ngx_conf_merge_uint_value(conf->key_fallback, prev->key_fallback,
                              NGX_ADM_FALLBACK_CLOSED);
    ngx_conf_merge_uint_value(conf->stock_fallback, prev->stock_fallback,
                              NGX_ADM_FALLBACK_CLOSED);

    if (ngx_http_adm_merge_uses(cf, prev, conf) != NGX_OK
        || ngx_http_adm_build_pipeline(cf, conf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * A level that has uses of a policy does not inherit those of that policy.
 * A content handler of ours ignores what it inherits, but hands it on to
 * locations inside; an "if" is its location, and so is a "limit_except",
 * to which nginx hands on no handler.
 */

static ngx_int_t
ngx_http_adm_merge_uses(ngx_conf_t *cf, ngx_http_adm_loc_conf_t *prev,
    ngx_http_adm_loc_conf_t *conf)
{
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_adm_main_conf_t  *amcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_admission_module);

    if (clcf->noname && conf->content == NULL) {
        conf->content = prev->content;
        conf->public = prev->public;
        conf->strict = prev->strict;
        conf->control = prev->control;
        conf->room = prev->room;
    }

    if (clcf->lmt_excpt && clcf->handler == NULL && conf->content) {
        clcf->handler = ngx_http_adm_content_handler;
    }

    if (ngx_http_adm_init_uses(cf, amcf, prev) != NGX_OK
        || ngx_http_adm_init_uses(cf, amcf, conf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_ADM_POLICIES; i++) {

        if (conf->uses[i]) {
            continue;
        }

        conf->uses[i] = prev->uses[i];

        if (clcf->noname) {
            conf->ignored |= prev->ignored & (1 << i);

        } else if (conf->content) {
            conf->ignored |= 1 << i;
        }
    }

    return NGX_OK;
}


/* what is given by name is looked up */

static ngx_int_t
ngx_http_adm_init_uses(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_loc_conf_t *alcf)
{
    ngx_array_t  *waits, *limits, *sheds;
#if (NGX_ADM_LUAJIT)
    ngx_array_t  *runs;
#endif

    waits = alcf->uses[NGX_ADM_POLICY_ROOM];
    limits = alcf->uses[NGX_ADM_POLICY_RATE];
    sheds = alcf->uses[NGX_ADM_POLICY_SHED];

#if (NGX_ADM_LUAJIT)

    runs = alcf->uses[NGX_ADM_POLICY_SCRIPT];

    if (runs && ngx_http_adm_init_runs(cf, amcf, runs) != NGX_OK) {
        return NGX_ERROR;
    }

#endif

    if ((waits && ngx_http_adm_init_waits(cf, amcf, waits) != NGX_OK)
        || (limits && ngx_http_adm_init_limits(cf, amcf, limits) != NGX_OK)
        || (sheds && ngx_http_adm_init_sheds(cf, amcf, sheds) != NGX_OK)
        || ngx_http_adm_init_checkout_uses(cf, amcf, alcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (alcf->room_name.len && alcf->room == NULL) {
        alcf->room = ngx_http_adm_room_named(cf, amcf, &alcf->room_name,
                                             "admission_room_api",
                                             &alcf->room_file,
                                             alcf->room_line);
        if (alcf->room == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_build_pipeline(ngx_conf_t *cf, ngx_http_adm_loc_conf_t *alcf)
{
    ngx_uint_t                  i, j, n;
    ngx_adm_use_t             **uses;
    ngx_http_adm_main_conf_t   *amcf;

    n = 0;

    for (i = 0; i < NGX_ADM_POLICIES; i++) {

        if (alcf->uses[i] && !(alcf->ignored & (1 << i))) {
            n += alcf->uses[i]->nelts;
        }
    }

    if (n == 0) {
        return NGX_OK;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_admission_module);
    amcf->modes |= 1 << alcf->mode;

    alcf->pipeline = ngx_palloc(cf->pool, n * sizeof(ngx_adm_use_t *));
    if (alcf->pipeline == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_ADM_POLICIES; i++) {

        if (alcf->uses[i] == NULL || alcf->ignored & (1 << i)) {
            continue;
        }

        uses = alcf->uses[i]->elts;

        for (j = 0; j < alcf->uses[i]->nelts; j++) {
            alcf->pipeline[alcf->npipeline++] = uses[j];

            if (i == NGX_ADM_POLICY_ROOM && alcf->wait == NULL) {
                alcf->wait = uses[j];
            }
        }
    }

    return ngx_http_adm_note_sheds(cf, amcf, alcf) == NGX_OK
           ? ngx_http_adm_note_location(cf, amcf, alcf) : NGX_ERROR;
}


char *
ngx_http_adm_site(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_srv_conf_t  *ascf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ascf->site.data) {
        return "is duplicate";
    }

    if (ngx_http_adm_check_name(cf, &cmd->name, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ascf->site = value[1];

    return NGX_CONF_OK;
}


char *
ngx_http_adm_on_store_failure(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_loc_conf_t  *alcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (alcf->fallback != NGX_CONF_UNSET_UINT
        || alcf->room_fallback != NGX_CONF_UNSET_UINT
        || alcf->key_fallback != NGX_CONF_UNSET_UINT
        || alcf->stock_fallback != NGX_CONF_UNSET_UINT)
    {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_adm_fallback(cf, alcf, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_adm_fallback(ngx_conf_t *cf, ngx_http_adm_loc_conf_t *alcf,
    ngx_str_t *arg)
{
    ngx_str_t    word, *args;
    ngx_uint_t   i, *fallback;

    static ngx_conf_enum_t  words[] = {
        { ngx_string("local"), NGX_ADM_FALLBACK_LOCAL },
        { ngx_string("open"), NGX_ADM_FALLBACK_OPEN },
        { ngx_string("closed"), NGX_ADM_FALLBACK_CLOSED },
        { ngx_null_string, 0 }
    };

    /* what is executed once, and stock, no node knows by itself */

    static struct {
        const char       *name;
        const char       *whose;
        size_t            offset;
        ngx_conf_enum_t  *words;
    } known[] = {
        { "rate=", "of \"rate=\" in",
          offsetof(ngx_http_adm_loc_conf_t, fallback), &words[0] },
        { "room=", "of \"room=\" in",
          offsetof(ngx_http_adm_loc_conf_t, room_fallback), &words[0] },
        { "idempotency=", "of \"idempotency=\" in",
          offsetof(ngx_http_adm_loc_conf_t, key_fallback), &words[1] },
        { "inventory=", "of \"inventory=\" in",
          offsetof(ngx_http_adm_loc_conf_t, stock_fallback), &words[1] },
        { NULL, NULL, 0, NULL }
    };

    args = cf->args->elts;

    for (i = 0; known[i].name; i++) {

        if (ngx_http_adm_parameter(arg, known[i].name, &word)) {
            break;
        }
    }

    if (known[i].name == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\", it must be "
                           "\"rate=\", \"room=\", \"idempotency=\" or "
                           "\"inventory=\"",
                           arg, &args[0]);
        return NGX_ERROR;
    }

    fallback = (ngx_uint_t *) ((u_char *) alcf + known[i].offset);

    if (*fallback != NGX_CONF_UNSET_UINT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" in \"%V\"",
                           arg, &args[0]);
        return NGX_ERROR;
    }

    return ngx_http_adm_enum(cf, known[i].words, &word, "value",
                             known[i].whose, &args[0], fallback);
}
