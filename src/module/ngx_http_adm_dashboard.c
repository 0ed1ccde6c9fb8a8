
/*
 * admission_dashboard: the operator's page, and under the same URI the data
 * that it shows, for who asks for "format".
 */


#include <ngx_http_adm_module.h>


static ngx_int_t ngx_http_adm_dashboard_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_dashboard_fields(ngx_http_request_t *r);


ngx_http_adm_content_t  ngx_http_adm_dashboard = {
    ngx_string("admission_dashboard"),
    ngx_http_adm_dashboard_handler,
    NGX_HTTP_GET|NGX_HTTP_HEAD,
    ngx_string("GET, HEAD"),
    NGX_HTTP_ADM_CONTENT_PUBLIC|NGX_HTTP_ADM_CONTENT_CONTROL
};


static ngx_int_t
ngx_http_adm_dashboard_handler(ngx_http_request_t *r)
{
    ngx_str_t                   format, page;
    ngx_http_adm_loc_conf_t    *alcf;
    ngx_http_adm_main_conf_t   *amcf;
    ngx_http_adm_placeholder_t  values[1];

    static ngx_str_t  type = ngx_string("text/html; charset=utf-8");

    if (ngx_http_arg(r, (u_char *) "format", 6, &format) == NGX_OK) {
        return ngx_http_adm_status_handler(r);
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);
    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    ngx_str_set(&values[0].name, "control");
    values[0].value = alcf->control;

    if (ngx_http_adm_page(r, amcf->pages[NGX_HTTP_ADM_PAGE_DASHBOARD], values,
                          1, &page)
        != NGX_OK
        || ngx_http_adm_dashboard_fields(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_adm_send_fresh(r, NGX_HTTP_OK, &type, &page);
}


static ngx_int_t
ngx_http_adm_dashboard_fields(ngx_http_request_t *r)
{
    ngx_str_t  policy, options, nosniff, referrer, no;

    ngx_str_set(&policy, "Content-Security-Policy");
    ngx_str_set(&options, "X-Content-Type-Options");
    ngx_str_set(&nosniff, "nosniff");
    ngx_str_set(&referrer, "Referrer-Policy");
    ngx_str_set(&no, "no-referrer");

    if (ngx_http_adm_add_field(r, &policy,
                          ngx_http_adm_page_csp(NGX_HTTP_ADM_PAGE_DASHBOARD))
        != NGX_OK
        || ngx_http_adm_add_field(r, &options, &nosniff) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_adm_add_field(r, &referrer, &no);
}
