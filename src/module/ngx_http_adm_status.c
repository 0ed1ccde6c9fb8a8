
/*
 * admission_status: the metrics, by Accept or by "format".
 */


#include <ngx_http_adm_metrics.h>
#include <adm_accept.h>


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


ngx_http_adm_content_t  ngx_http_adm_status = {
    ngx_string("admission_status"),
    ngx_http_adm_status_handler,
    NGX_HTTP_GET|NGX_HTTP_HEAD,
    ngx_string("GET, HEAD"),
    NGX_HTTP_ADM_CONTENT_PUBLIC
};


ngx_int_t
ngx_http_adm_status_handler(ngx_http_request_t *r)
{
    ngx_str_t           key, value;
    ngx_http_adm_doc_t  doc;

    ngx_memzero(&doc, sizeof(ngx_http_adm_doc_t));

    doc.request = r;
    doc.conf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    if (ngx_http_adm_status_format(r, &doc.format) != NGX_OK) {
        return NGX_HTTP_BAD_REQUEST;
    }

    ngx_http_adm_doc_write(&doc);

    ngx_str_set(&key, "Vary");
    ngx_str_set(&value, "Accept");

    if (doc.failed || ngx_http_adm_add_field(r, &key, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_adm_send_fresh(r, NGX_HTTP_OK,
                                   &ngx_http_adm_types[doc.format], &doc.text);
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
