
/*
 * admission_status [public]
 */


#include <ngx_http_adm_metrics.h>
#include <adm_accept.h>


static ngx_int_t ngx_http_adm_status_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_adm_local(ngx_http_request_t *r);
static ngx_uint_t ngx_http_adm_loopback(struct sockaddr *sa);
static ngx_int_t ngx_http_adm_status_format(ngx_http_request_t *r,
    ngx_http_adm_format_e *format);
static ngx_http_adm_format_e ngx_http_adm_status_accepted(ngx_str_t *accept);


/* in the order of ngx_http_adm_format_e */

static ngx_str_t  ngx_http_adm_formats[] = {
    ngx_string("prometheus"),
    ngx_string("openmetrics"),
    ngx_string("json"),
    ngx_null_string
};


static ngx_str_t  ngx_http_adm_types[] = {
    ngx_string("text/plain; version=0.0.4; charset=utf-8"),
    ngx_string("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    ngx_string("application/json")
};


char *
ngx_http_adm_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_loc_conf_t  *alcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (alcf->content) {
        return "is duplicate";
    }

    if (cf->args->nelts == 2) {

        if (value[1].len != 6 || ngx_strncmp(value[1].data, "public", 6) != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\", "
                               "it must be \"public\" or nothing",
                               &value[1], &cmd->name);
            return NGX_CONF_ERROR;
        }

        alcf->public = 1;
    }

    alcf->content = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_adm_status_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_adm_status_handler(ngx_http_request_t *r)
{
    ngx_str_t                 key, value;
    ngx_http_adm_doc_t        doc;
    ngx_http_adm_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);

    if (!alcf->public && !ngx_http_adm_local(r)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "access forbidden by \"admission_status\": it answers "
                      "the loopback only, without a proxy in between, "
                      "unless it is \"public\"");
        return NGX_HTTP_FORBIDDEN;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        ngx_str_set(&key, "Allow");
        ngx_str_set(&value, "GET, HEAD");

        return ngx_http_adm_add_field(r, &key, &value) == NGX_OK
               ? NGX_HTTP_NOT_ALLOWED : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&doc, sizeof(ngx_http_adm_doc_t));

    doc.request = r;
    doc.conf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    if (ngx_http_adm_status_format(r, &doc.format) != NGX_OK) {
        return NGX_HTTP_BAD_REQUEST;
    }

    ngx_http_adm_doc_write(&doc);

    ngx_str_set(&key, "Cache-Control");
    ngx_str_set(&value, "no-store");

    if (doc.failed || ngx_http_adm_add_field(r, &key, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&key, "Vary");
    ngx_str_set(&value, "Accept");

    if (ngx_http_adm_add_field(r, &key, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_adm_send(r, NGX_HTTP_OK, &ngx_http_adm_types[doc.format],
                             &doc.text);
}


/*
 * The socket's own peer, whatever realip made of it; and no proxy says that
 * it speaks for somebody else.
 */

static ngx_uint_t
ngx_http_adm_local(ngx_http_request_t *r)
{
    ngx_str_t       value;
    socklen_t       len;
    ngx_uint_t      i;
    ngx_sockaddr_t  sa;

    static ngx_str_t  names[] = {
        ngx_string("forwarded"),
        ngx_string("x-forwarded-for"),
        ngx_string("via"),
    };

    len = sizeof(ngx_sockaddr_t);

    if (r->connection->proxy_protocol
        || getpeername(r->connection->fd, &sa.sockaddr, &len) == -1
        || !ngx_http_adm_loopback(&sa.sockaddr))
    {
        return 0;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (ngx_http_adm_request_field(r, &names[i], &value) != NGX_OK
            || value.data)
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_adm_loopback(struct sockaddr *sa)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct in6_addr      *in6;
#endif

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        return (ntohl(sin->sin_addr.s_addr) >> 24) == 127;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        in6 = &((struct sockaddr_in6 *) sa)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(in6)
               || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
#endif

#if (NGX_HAVE_UNIX_DOMAIN)
    case AF_UNIX:
        return 1;
#endif

    default:
        return 0;
    }
}


/* NGX_DECLINED: "format" is none of ours */

static ngx_int_t
ngx_http_adm_status_format(ngx_http_request_t *r,
    ngx_http_adm_format_e *format)
{
    ngx_str_t   arg, accept;
    ngx_uint_t  i;

    static ngx_str_t  name = ngx_string("accept");

    if (ngx_http_arg(r, (u_char *) "format", 6, &arg) == NGX_OK) {

        for (i = 0; ngx_http_adm_formats[i].len; i++) {

            if (arg.len == ngx_http_adm_formats[i].len
                && ngx_strncmp(arg.data, ngx_http_adm_formats[i].data, arg.len)
                   == 0)
            {
                *format = i;
                return NGX_OK;
            }
        }

        return NGX_DECLINED;
    }

    if (ngx_http_adm_request_field(r, &name, &accept) != NGX_OK) {
        return NGX_ERROR;
    }

    *format = ngx_http_adm_status_accepted(&accept);

    return NGX_OK;
}


static ngx_http_adm_format_e
ngx_http_adm_status_accepted(ngx_str_t *accept)
{
    int        text, open, json;
    adm_str_t  field;

    field.len = accept->len;
    field.data = accept->data;

    text = adm_accept_quality(field, "text",
                              "plain;version=0.0.4;charset=utf-8");
    open = adm_accept_quality(field, "application",
                              "openmetrics-text;version=1.0.0;charset=utf-8");
    json = adm_accept_quality(field, "application", "json");

    if (json > text && json > open) {
        return NGX_HTTP_ADM_JSON;
    }

    return (open > text) ? NGX_HTTP_ADM_OPENMETRICS : NGX_HTTP_ADM_PROMETHEUS;
}
