
/*
 * One URI of admission_redis:
 *
 *     redis://[USER@]HOST[:PORT][/DB]     rediss:// over TLS
 *     unix:/PATH
 */


#include <ngx_http_adm_module.h>
#include <adm_literal.h>


#define NGX_HTTP_ADM_REDIS_PORT      6379
#define NGX_HTTP_ADM_SENTINEL_PORT   26379
#define NGX_HTTP_ADM_REDIS_DB_MAX    65535


/* what all URIs have to have in common, and where the server is */

typedef struct {
    ngx_str_t   text;
    ngx_uint_t  tls;
    ngx_uint_t  is_unix;
    ngx_str_t   user;
    ngx_str_t   place;       /* HOST[:PORT], or a path */
    uint64_t    db;
} ngx_http_adm_uri_t;


static ngx_int_t ngx_http_adm_uri_split(ngx_conf_t *cf,
    ngx_http_adm_uri_t *uri);
static ngx_int_t ngx_http_adm_uri_authority(ngx_conf_t *cf,
    ngx_http_adm_uri_t *uri);
static ngx_int_t ngx_http_adm_uri_same(ngx_conf_t *cf,
    ngx_adm_redis_conf_t *conf, ngx_http_adm_uri_t *uri);
static ngx_int_t ngx_http_adm_uri_topology(ngx_conf_t *cf,
    ngx_adm_redis_conf_t *conf, ngx_http_adm_uri_t *uri);
static ngx_int_t ngx_http_adm_uri_place(ngx_conf_t *cf,
    ngx_adm_redis_conf_t *conf, ngx_http_adm_uri_t *uri, ngx_url_t *url);
static ngx_int_t ngx_http_adm_uri_twice(ngx_conf_t *cf,
    ngx_adm_redis_conf_t *conf, ngx_http_adm_uri_t *uri, ngx_url_t *url);
static ngx_int_t ngx_http_adm_uri_push(ngx_conf_t *cf,
    ngx_adm_redis_conf_t *conf, ngx_http_adm_uri_t *uri, ngx_url_t *url);


ngx_uint_t
ngx_http_adm_redis_secret(ngx_str_t *uri)
{
    u_char     *p, *at, *last;
    ngx_str_t   rest;

    if (ngx_http_adm_parameter(uri, "unix:", &rest)) {
        return 0;
    }

    last = uri->data + uri->len;

    p = ngx_strlchr(uri->data, last, '/');
    p = (p && last - p > 1 && p[1] == '/') ? p + 2 : uri->data;

    /* a password may have an "@" of its own */

    for (at = last; at > p; at--) {

        if (at[-1] == '@') {
            return ngx_strlchr(p, at, ':') != NULL;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_adm_redis_uri(ngx_conf_t *cf, ngx_adm_redis_conf_t *conf,
    ngx_str_t *text)
{
    ngx_url_t           url;
    ngx_http_adm_uri_t  uri;

    ngx_memzero(&url, sizeof(ngx_url_t));
    ngx_memzero(&uri, sizeof(ngx_http_adm_uri_t));

    uri.text = *text;

    if (ngx_http_adm_uri_split(cf, &uri) != NGX_OK
        || ngx_http_adm_uri_topology(cf, conf, &uri) != NGX_OK
        || ngx_http_adm_uri_same(cf, conf, &uri) != NGX_OK
        || ngx_http_adm_uri_place(cf, conf, &uri, &url) != NGX_OK
        || ngx_http_adm_uri_twice(cf, conf, &uri, &url) != NGX_OK)
    {
        return NGX_ERROR;
    }

    conf->tls = uri.tls;
    conf->user = uri.user;
    conf->db = uri.db;

    return ngx_http_adm_uri_push(cf, conf, &uri, &url);
}


static ngx_int_t
ngx_http_adm_uri_split(ngx_conf_t *cf, ngx_http_adm_uri_t *uri)
{
    if (ngx_http_adm_parameter(&uri->text, "unix:", &uri->place)) {
        uri->is_unix = 1;

        if (uri->place.len > 1 && uri->place.data[0] == '/') {
            return NGX_OK;
        }

    } else if (ngx_http_adm_parameter(&uri->text, "redis://", &uri->place)) {
        return ngx_http_adm_uri_authority(cf, uri);

    } else if (ngx_http_adm_parameter(&uri->text, "rediss://", &uri->place)) {
        uri->tls = 1;
        return ngx_http_adm_uri_authority(cf, uri);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid URI \"%V\" in \"admission_redis\", it must be "
                       "\"redis://[USER@]HOST[:PORT][/DB]\", the same with "
                       "\"rediss://\", or \"unix:/PATH\"",
                       &uri->text);

    return NGX_ERROR;
}


/* USER@, and /DB behind the place */

static ngx_int_t
ngx_http_adm_uri_authority(ngx_conf_t *cf, ngx_http_adm_uri_t *uri)
{
    u_char     *at, *slash, *last;
    adm_str_t   part;

    last = uri->place.data + uri->place.len;
    at = ngx_strlchr(uri->place.data, last, '@');

    if (at) {
        uri->user.data = uri->place.data;
        uri->user.len = at - uri->place.data;
        uri->place.data = at + 1;

        part.data = uri->user.data;
        part.len = uri->user.len;

        if (!adm_word_valid(part, ADM_NAME_MAX, "_.-")) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid user of \"%V\" in "
                               "\"admission_redis\", it must be 1 to %d "
                               "letters, digits, \"_\", \".\" or \"-\"",
                               &uri->text, ADM_NAME_MAX);
            return NGX_ERROR;
        }
    }

    slash = ngx_strlchr(uri->place.data, last, '/');

    if (slash) {
        part.data = slash + 1;
        part.len = last - slash - 1;
        last = slash;

        if (part.len
            && adm_uint_parse(part, 0, NGX_HTTP_ADM_REDIS_DB_MAX, &uri->db)
               != ADM_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid database of \"%V\" in "
                               "\"admission_redis\", it must be a number "
                               "from 0 to %d",
                               &uri->text, NGX_HTTP_ADM_REDIS_DB_MAX);
            return NGX_ERROR;
        }
    }

    uri->place.len = last - uri->place.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_uri_topology(ngx_conf_t *cf, ngx_adm_redis_conf_t *conf,
    ngx_http_adm_uri_t *uri)
{
    if (conf->topology == NGX_ADM_REDIS_CLUSTER && uri->db) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a database of \"%V\" in \"admission_redis\": "
                           "a cluster has only 0", &uri->text);
        return NGX_ERROR;
    }

    if (conf->topology != NGX_ADM_REDIS_STANDALONE && uri->is_unix) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a socket \"%V\" in \"admission_redis\": other "
                           "servers of a topology are reached by host and "
                           "port alone", &uri->text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_uri_same(ngx_conf_t *cf, ngx_adm_redis_conf_t *conf,
    ngx_http_adm_uri_t *uri)
{
    const char      *what;
    ngx_adm_seed_t  *seeds;

    if (conf->seeds.nelts == 0) {
        return NGX_OK;
    }

    seeds = conf->seeds.elts;

    if (conf->tls != uri->tls || seeds[0].is_unix != uri->is_unix) {
        what = "scheme";

    } else if (conf->db != uri->db) {
        what = "database";

    } else if (conf->user.len != uri->user.len
               || ngx_strncmp(conf->user.data, uri->user.data, uri->user.len)
                  != 0)
    {
        what = "user";

    } else {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "the %s of \"%V\" in \"admission_redis\" is another "
                       "than that of \"%V\", all must have the same",
                       what, &uri->text, &seeds[0].text);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_adm_uri_place(ngx_conf_t *cf, ngx_adm_redis_conf_t *conf,
    ngx_http_adm_uri_t *uri, ngx_url_t *url)
{
    /* as nginx has a socket: with the scheme */

    url->url = uri->is_unix ? uri->text : uri->place;
    url->no_resolve = 1;
    url->default_port = (conf->topology == NGX_ADM_REDIS_SENTINEL)
                        ? NGX_HTTP_ADM_SENTINEL_PORT : NGX_HTTP_ADM_REDIS_PORT;

    if (ngx_parse_url(cf->pool, url) == NGX_OK && !url->wildcard) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "%s in \"%V\" of \"admission_redis\", it must be a "
                       "host and a port, as \"10.0.0.5:6379\", or a socket",
                       url->err ? url->err : "invalid host", &uri->text);

    return NGX_ERROR;
}


/* a server that is named twice would be asked twice when it is away */

static ngx_int_t
ngx_http_adm_uri_twice(ngx_conf_t *cf, ngx_adm_redis_conf_t *conf,
    ngx_http_adm_uri_t *uri, ngx_url_t *url)
{
    ngx_str_t       *host;
    ngx_uint_t       i;
    ngx_adm_seed_t  *seeds;

    seeds = conf->seeds.elts;
    host = uri->is_unix ? &uri->place : &url->host;

    for (i = 0; i < conf->seeds.nelts; i++) {

        if (seeds[i].port == url->port && seeds[i].host.len == host->len
            && ngx_strncasecmp(seeds[i].host.data, host->data, host->len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate URI \"%V\" in \"admission_redis\"",
                               &uri->text);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_uri_push(ngx_conf_t *cf, ngx_adm_redis_conf_t *conf,
    ngx_http_adm_uri_t *uri, ngx_url_t *url)
{
    ngx_str_t       *host;
    ngx_adm_seed_t  *seed;

    seed = ngx_array_push(&conf->seeds);
    if (seed == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(seed, sizeof(ngx_adm_seed_t));

    host = uri->is_unix ? &uri->place : &url->host;

    seed->text = ngx_http_adm_concat(cf, uri->is_unix ? "unix:"
                                         : uri->tls ? "rediss://"
                                                    : "redis://",
                                     &uri->place, "");
    seed->host.len = host->len;
    seed->host.data = ngx_pnalloc(cf->pool, host->len + 1);

    if (seed->text.data == NULL || seed->host.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(seed->host.data, host->data, host->len + 1);

    seed->port = url->port;
    seed->addrs = url->addrs;
    seed->naddrs = url->naddrs;
    seed->is_unix = uri->is_unix;
    seed->is_name = (url->naddrs == 0);

    return NGX_OK;
}
