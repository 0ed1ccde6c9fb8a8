
/*
 * admission_redis URI... [topology=standalone|sentinel:MASTER|cluster]
 *                 [timeout=TIME] [claim_timeout=TIME] [connect_timeout=TIME]
 *                 [connections=N] [prefix=TEXT] [on_failover=continue|close]
 * admission_redis_auth FILE
 * admission_redis_tls [verify=on|off] [ca=FILE] [name=HOST]
 *                     [certificate=FILE key=FILE]
 * admission_redis_circuit [failures=N] [successes=N] [open=TIME]
 *                         [max_open=TIME]
 */


#include <ngx_http_adm_module.h>
#include <ngx_adm_secret.h>
#include <adm_literal.h>


static ngx_http_adm_store_t *ngx_http_adm_redis_store(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);
static ngx_int_t ngx_http_adm_redis_once(ngx_conf_t *cf,
    ngx_http_adm_place_t *place);
static ngx_int_t ngx_http_adm_redis_seeds(ngx_conf_t *cf,
    ngx_http_adm_store_t *store, ngx_uint_t n);
static ngx_uint_t ngx_http_adm_redis_uris(ngx_conf_t *cf);
static ngx_uint_t ngx_http_adm_redis_is_arg(ngx_str_t *text);
static ngx_int_t ngx_http_adm_redis_prefix(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_adm_redis_topology(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *field);


#define ngx_http_adm_redis_field(name)                                        \
    offsetof(ngx_http_adm_store_t, name)


static ngx_http_adm_arg_t  ngx_http_adm_redis_known[] = {

    { "topology=", "\"standalone\", \"sentinel:MASTER\" or \"cluster\"",
      ngx_http_adm_redis_topology, ngx_http_adm_redis_field(conf),
      0, 0, NULL },

    { "timeout=", "a time from 1ms to 1m, as \"50ms\"",
      ngx_http_adm_read_time, ngx_http_adm_redis_field(conf.timeout),
      1, 60 * 1000, NULL },

    { "claim_timeout=", "a time from 1ms to 1m, as \"500ms\"",
      ngx_http_adm_read_time, ngx_http_adm_redis_field(conf.claim_timeout),
      1, 60 * 1000, NULL },

    { "connect_timeout=", "a time from 1ms to 1m, as \"250ms\"",
      ngx_http_adm_read_time, ngx_http_adm_redis_field(conf.connect_timeout),
      1, 60 * 1000, NULL },

    { "connections=", "a number from 1 to 16",
      ngx_http_adm_read_number, ngx_http_adm_redis_field(conf.connections),
      1, 16, NULL },

    { "prefix=", "1 to 64 letters, digits, \"_\", \".\", \":\" or \"-\"",
      ngx_http_adm_redis_prefix, ngx_http_adm_redis_field(conf.prefix),
      0, 0, NULL },

    { "on_failover=", "\"continue\" or \"close\"",
      ngx_http_adm_read_word, ngx_http_adm_redis_field(conf.close),
      0, 0, "continue|close" },

    { NULL, NULL, NULL, 0, 0, 0, NULL }
};


static ngx_http_adm_arg_t  ngx_http_adm_redis_tls_known[] = {

    { "verify=", "\"on\" or \"off\"",
      ngx_http_adm_read_word, ngx_http_adm_redis_field(conf.verify),
      0, 0, "off|on" },

    { "ca=", "a file",
      ngx_http_adm_read_text, ngx_http_adm_redis_field(ca),
      0, 0, NULL },

    { "name=", "a host name",
      ngx_http_adm_read_text, ngx_http_adm_redis_field(conf.name),
      0, 0, NULL },

    { "certificate=", "a file",
      ngx_http_adm_read_text, ngx_http_adm_redis_field(certificate),
      0, 0, NULL },

    { "key=", "a file",
      ngx_http_adm_read_text, ngx_http_adm_redis_field(key),
      0, 0, NULL },

    { NULL, NULL, NULL, 0, 0, 0, NULL }
};


static ngx_http_adm_arg_t  ngx_http_adm_redis_circuit_known[] = {

    { "failures=", "a number from 1 to 1000",
      ngx_http_adm_read_number, ngx_http_adm_redis_field(conf.failures),
      1, 1000, NULL },

    { "successes=", "a number from 1 to 1000",
      ngx_http_adm_read_number, ngx_http_adm_redis_field(conf.successes),
      1, 1000, NULL },

    { "open=", "a time from 1ms to 1h, as \"1s\"",
      ngx_http_adm_read_time, ngx_http_adm_redis_field(conf.open),
      1, 60 * 60 * 1000, NULL },

    { "max_open=", "a time from 1ms to 1h, as \"30s\"",
      ngx_http_adm_read_time, ngx_http_adm_redis_field(conf.max_open),
      1, 60 * 60 * 1000, NULL },

    { NULL, NULL, NULL, 0, 0, 0, NULL }
};


char *
ngx_http_adm_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ngx_uint_t             n;
    ngx_http_adm_store_t  *store;

    store = ngx_http_adm_redis_store(cf, amcf);

    if (store == NULL || ngx_http_adm_redis_once(cf, &store->redis) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    n = ngx_http_adm_redis_uris(cf);

    if (n == 0) {
        return NGX_CONF_ERROR;
    }

    /* what is expected of a URI depends on the topology */

    return ngx_http_adm_read_args(cf, store, ngx_http_adm_redis_known, n + 1)
           == NGX_OK
           && ngx_http_adm_redis_seeds(cf, store, n) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_http_adm_store_t *
ngx_http_adm_redis_store(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_adm_redis_conf_t  *conf;

    if (amcf->store) {
        return amcf->store;
    }

    amcf->store = ngx_pcalloc(cf->pool, sizeof(ngx_http_adm_store_t));
    if (amcf->store == NULL) {
        return NULL;
    }

    conf = &amcf->store->conf;

    if (ngx_array_init(&conf->seeds, cf->pool, 4, sizeof(ngx_adm_seed_t))
        != NGX_OK)
    {
        return NULL;
    }

    conf->topology = NGX_ADM_REDIS_STANDALONE;
    conf->timeout = 50;
    conf->claim_timeout = 500;
    conf->connect_timeout = 250;
    conf->connections = 1;
    ngx_str_set(&conf->prefix, "adm:");

    conf->verify = 1;

    conf->failures = 5;
    conf->successes = 2;
    conf->open = 1000;
    conf->max_open = 30 * 1000;

    return amcf->store;
}


static ngx_int_t
ngx_http_adm_redis_once(ngx_conf_t *cf, ngx_http_adm_place_t *place)
{
    ngx_str_t  *args;

    if (place->line) {
        args = cf->args->elts;

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is already set at %V:%ui",
                           &args[0], &place->file, place->line);
        return NGX_ERROR;
    }

    place->file = cf->conf_file->file.name;
    place->line = cf->conf_file->line;

    return NGX_OK;
}


/* how many there are, before the parameters; 0, with the sentence: none */

static ngx_uint_t
ngx_http_adm_redis_uris(ngx_conf_t *cf)
{
    ngx_str_t   *args;
    ngx_uint_t   i, n;

    args = cf->args->elts;

    for (n = 0; n + 1 < cf->args->nelts; n++) {

        if (ngx_http_adm_redis_is_arg(&args[n + 1])) {
            break;
        }
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_adm_redis_secret(&args[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "a password in a URI of \"admission_redis\", "
                               "it must stand alone in a file that "
                               "\"admission_redis_auth\" names");
            return 0;
        }
    }

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no URI in \"admission_redis\", it must be first, "
                           "as \"redis://10.0.0.5\"");
    }

    return n;
}


/* a word of letters and "=": no URI begins so */

static ngx_uint_t
ngx_http_adm_redis_is_arg(ngx_str_t *text)
{
    ngx_uint_t  i;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] == '=') {
            return i > 0;
        }

        if ((text->data[i] < 'a' || text->data[i] > 'z')
            && text->data[i] != '_')
        {
            return 0;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_adm_redis_seeds(ngx_conf_t *cf, ngx_http_adm_store_t *store,
    ngx_uint_t n)
{
    ngx_str_t   *args;
    ngx_uint_t   i;

    args = cf->args->elts;

    for (i = 1; i <= n; i++) {

        if (ngx_http_adm_redis_uri(cf, &store->conf, &args[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


char *
ngx_http_adm_redis_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ngx_str_t             *args;
    ngx_http_adm_store_t  *store;

    store = ngx_http_adm_redis_store(cf, amcf);

    if (store == NULL || ngx_http_adm_redis_once(cf, &store->auth) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    args = cf->args->elts;

    return ngx_conf_full_name(cf->cycle, &args[1], 1) == NGX_OK
           && ngx_adm_secret_line(cf, &args[1], "password",
                                  &store->conf.password)
              == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_http_adm_redis_tls(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ngx_http_adm_store_t  *store;

    store = ngx_http_adm_redis_store(cf, amcf);

    if (store == NULL || ngx_http_adm_redis_once(cf, &store->tls) != NGX_OK
        || ngx_http_adm_read_args(cf, store, ngx_http_adm_redis_tls_known, 1)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if ((store->certificate.len == 0) != (store->key.len == 0)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" without \"%s\" in \"%V\", "
                           "they belong together",
                           store->key.len ? "key=" : "certificate=",
                           store->key.len ? "certificate=" : "key=",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (!store->conf.verify && (store->ca.len || store->conf.name.len)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" has no use in \"%V\" with \"verify=off\"",
                           store->ca.len ? "ca=" : "name=", &cmd->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_adm_redis_circuit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ngx_http_adm_store_t  *store;

    store = ngx_http_adm_redis_store(cf, amcf);

    if (store == NULL
        || ngx_http_adm_redis_once(cf, &store->circuit) != NGX_OK
        || ngx_http_adm_read_args(cf, store, ngx_http_adm_redis_circuit_known,
                                  1)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (store->conf.open > store->conf.max_open) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"open=\" of %Mms is above \"max_open=\" of %Mms "
                           "in \"%V\", it must be at most that",
                           store->conf.open, store->conf.max_open,
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* without braces, which would say where the slot's part of a key is */

static ngx_int_t
ngx_http_adm_redis_prefix(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    adm_str_t  word;

    word.len = value->len;
    word.data = value->data;

    if (!adm_word_valid(word, ADM_NAME_MAX, "_.:-")) {
        return NGX_DECLINED;
    }

    *(ngx_str_t *) field = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_redis_topology(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    ngx_adm_redis_conf_t  *conf = field;

    adm_str_t  master;

    if (ngx_http_adm_is_word(value, "standalone")) {
        return NGX_OK;
    }

    if (ngx_http_adm_is_word(value, "cluster")) {
        conf->topology = NGX_ADM_REDIS_CLUSTER;
        return NGX_OK;
    }

    if (!ngx_http_adm_parameter(value, "sentinel:", &conf->master)) {
        return NGX_DECLINED;
    }

    conf->topology = NGX_ADM_REDIS_SENTINEL;

    master.len = conf->master.len;
    master.data = conf->master.data;

    /* what Sentinel itself takes for a name */

    return adm_word_valid(master, 255, "_.-") ? NGX_OK : NGX_DECLINED;
}
