
/*
 * Redis once all is read: names, certificates, and what stands on it.
 */


#include <ngx_http_adm_module.h>
#include <ngx_adm_redis_keeper.h>


/* as nginx has it for the certificates of upstreams */
#define NGX_HTTP_ADM_REDIS_DEPTH     9
#define NGX_HTTP_ADM_REDIS_RESOLVE   30000


static ngx_int_t ngx_http_adm_redis_complete(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_store_t *store);
static ngx_int_t ngx_http_adm_redis_needs(ngx_conf_t *cf,
    ngx_http_adm_place_t *place, const char *directive, const char *what);
static void ngx_http_adm_redis_resolver(ngx_conf_t *cf,
    ngx_adm_redis_conf_t *conf);
static ngx_int_t ngx_http_adm_redis_resolve(ngx_conf_t *cf,
    ngx_http_adm_store_t *store, ngx_adm_seed_t *seed);
static ngx_int_t ngx_http_adm_redis_ssl(ngx_conf_t *cf,
    ngx_http_adm_store_t *store);
#if (NGX_SSL)
static ngx_int_t ngx_http_adm_redis_trust(ngx_conf_t *cf,
    ngx_http_adm_store_t *store);
static ngx_int_t ngx_http_adm_redis_tls_fail(ngx_conf_t *cf,
    ngx_http_adm_store_t *store, const char *what);
#endif
static ngx_int_t ngx_http_adm_redis_begin(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);


char *
ngx_http_adm_init_redis(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t             i;
    ngx_adm_seed_t        *seeds;
    ngx_http_adm_store_t  *store;

    store = amcf->store;

    if (store == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_http_adm_redis_complete(cf, amcf, store) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_adm_redis_resolver(cf, &store->conf);

    seeds = store->conf.seeds.elts;

    for (i = 0; i < store->conf.seeds.nelts; i++) {

        if (ngx_http_adm_redis_resolve(cf, store, &seeds[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (store->conf.tls && ngx_http_adm_redis_ssl(cf, store) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_adm_redis_begin(cf, amcf) == NGX_OK ? NGX_CONF_OK
                                                        : NGX_CONF_ERROR;
}


/* each directive has what it needs */

static ngx_int_t
ngx_http_adm_redis_complete(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_store_t *store)
{
    if (store->redis.line == 0
        && (ngx_http_adm_redis_needs(cf, &store->auth, "admission_redis_auth",
                                     "\"admission_redis\"")
            || ngx_http_adm_redis_needs(cf, &store->tls, "admission_redis_tls",
                                        "\"admission_redis\"")
            || ngx_http_adm_redis_needs(cf, &store->circuit,
                                        "admission_redis_circuit",
                                        "\"admission_redis\"")))
    {
        return NGX_ERROR;
    }

    if (!store->conf.tls
        && ngx_http_adm_redis_needs(cf, &store->tls, "admission_redis_tls",
                                    "\"rediss://\" in \"admission_redis\""))
    {
        return NGX_ERROR;
    }

    if (store->conf.user.len && store->conf.password.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "user \"%V\" of \"admission_redis\" at %V:%ui has no "
                      "password, \"admission_redis_auth\" names its file",
                      &store->conf.user, &store->redis.file,
                      store->redis.line);
        return NGX_ERROR;
    }

    if (amcf->keys == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"admission_redis\" at %V:%ui needs "
                      "\"admission_secret_file\", the same file on every "
                      "node; \"umask 077; echo k1:$(openssl rand -hex 32) "
                      "> FILE\" makes one",
                      &store->redis.file, store->redis.line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NGX_OK if the directive stands nowhere */

static ngx_int_t
ngx_http_adm_redis_needs(ngx_conf_t *cf, ngx_http_adm_place_t *place,
    const char *directive, const char *what)
{
    if (place->line == 0) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"%s\" at %V:%ui has no use without %s",
                  directive, &place->file, place->line, what);

    return NGX_ERROR;
}


/* without servers nginx has one of its own to say that there is none */

static void
ngx_http_adm_redis_resolver(ngx_conf_t *cf, ngx_adm_redis_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->resolver && clcf->resolver->connections.nelts) {
        conf->resolver = clcf->resolver;
    }

    conf->resolver_timeout = (clcf->resolver_timeout == NGX_CONF_UNSET_MSEC)
                             ? NGX_HTTP_ADM_REDIS_RESOLVE
                             : clcf->resolver_timeout;
}


static ngx_int_t
ngx_http_adm_redis_resolve(ngx_conf_t *cf, ngx_http_adm_store_t *store,
    ngx_adm_seed_t *seed)
{
    ngx_url_t  url;

    if (!seed->is_name) {
        return NGX_OK;
    }

    ngx_memzero(&url, sizeof(ngx_url_t));

    url.host = seed->host;
    url.port = seed->port;

    if (ngx_inet_resolve_host(cf->pool, &url) == NGX_OK) {
        seed->addrs = url.addrs;
        seed->naddrs = url.naddrs;
        return NGX_OK;
    }

    if (url.err == NULL) {
        return NGX_ERROR;
    }

    if (store->conf.resolver) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "%s in \"%V\" of \"admission_redis\" at %V:%ui, "
                      "the resolver will be asked",
                      url.err, &seed->text, &store->redis.file,
                      store->redis.line);
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "%s in \"%V\" of \"admission_redis\" at %V:%ui, "
                  "it must be known when nginx starts, or \"resolver\" "
                  "be set in http",
                  url.err, &seed->text, &store->redis.file,
                  store->redis.line);

    return NGX_ERROR;
}


#if (NGX_SSL)

static ngx_int_t
ngx_http_adm_redis_ssl(ngx_conf_t *cf, ngx_http_adm_store_t *store)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cleanup;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    cleanup = ngx_pool_cleanup_add(cf->pool, 0);

    if (ssl == NULL || cleanup == NULL) {
        return NGX_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cleanup->handler = ngx_ssl_cleanup_ctx;
    cleanup->data = ssl;

    store->conf.ssl = ssl;

    if (store->certificate.len
        && ngx_ssl_certificate(cf, ssl, &store->certificate, &store->key, NULL)
           != NGX_OK)
    {
        return ngx_http_adm_redis_tls_fail(cf, store,
                                           "certificate=\" with \"key=");
    }

    return store->conf.verify ? ngx_http_adm_redis_trust(cf, store) : NGX_OK;
}


static ngx_int_t
ngx_http_adm_redis_trust(ngx_conf_t *cf, ngx_http_adm_store_t *store)
{
    ngx_ssl_t  *ssl;

    ssl = store->conf.ssl;

    if (ngx_ssl_trusted_certificate(cf, ssl, &store->ca,
                                    NGX_HTTP_ADM_REDIS_DEPTH)
        != NGX_OK)
    {
        return ngx_http_adm_redis_tls_fail(cf, store, "ca=");
    }

    if (store->ca.len == 0
        && SSL_CTX_set_default_verify_paths(ssl->ctx) == 0)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "SSL_CTX_set_default_verify_paths() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* what OpenSSL says of it is in the log, and does not say whose it is */

static ngx_int_t
ngx_http_adm_redis_tls_fail(ngx_conf_t *cf, ngx_http_adm_store_t *store,
    const char *what)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"%s\" of \"admission_redis_tls\" at %V:%ui cannot be "
                  "loaded",
                  what, &store->tls.file, store->tls.line);

    return NGX_ERROR;
}

#else

static ngx_int_t
ngx_http_adm_redis_ssl(ngx_conf_t *cf, ngx_http_adm_store_t *store)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"rediss://\" in \"admission_redis\" at %V:%ui needs an "
                  "nginx that was built with OpenSSL",
                  &store->redis.file, store->redis.line);

    return NGX_ERROR;
}

#endif


static ngx_int_t
ngx_http_adm_redis_begin(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_str_t  name;

    amcf->redis = ngx_adm_redis_add(cf, amcf->counters);
    if (amcf->redis == NULL) {
        return NGX_ERROR;
    }

    amcf->redis->conf = amcf->store->conf;
    amcf->timeout = amcf->redis->conf.timeout;
    amcf->claim_timeout = amcf->redis->conf.claim_timeout;

    ngx_str_set(&name, NGX_HTTP_ADM_FLEET);

    amcf->fleet = ngx_adm_fleet_add(cf, &name, &ngx_http_admission_module,
                                    amcf->redis, amcf->settings);

    if (amcf->fleet == NULL) {
        return NGX_ERROR;
    }

    amcf->keeper = ngx_adm_redis_keeper_add(cf, amcf->redis, amcf->fleet);

    return amcf->keeper ? NGX_OK : NGX_ERROR;
}
