
/*
 * Pages with {{placeholders}}, embedded at build from web/.
 */


#include <ngx_http_adm.h>
#include <ngx_http_adm_assets.h>


static u_char *ngx_http_adm_page_write(u_char *dst, ngx_str_t *page,
    ngx_http_adm_placeholder_t *values, ngx_uint_t n);
static ngx_str_t *ngx_http_adm_page_value(u_char *name, size_t len,
    ngx_http_adm_placeholder_t *values, ngx_uint_t n);


static ngx_str_t  ngx_http_adm_refusal_page = {
    sizeof(ngx_http_adm_refusal_html),
    ngx_http_adm_refusal_html
};


ngx_int_t
ngx_http_adm_page(ngx_http_request_t *r, ngx_http_adm_placeholder_t *values,
    ngx_uint_t n, ngx_str_t *page)
{
    size_t      room;
    ngx_uint_t  i;

    room = ngx_http_adm_refusal_page.len;

    /* a placeholder may stand twice, as a title does */

    for (i = 0; i < n; i++) {
        room += 2 * values[i].value.len;
    }

    page->data = ngx_pnalloc(r->pool, room);
    if (page->data == NULL) {
        return NGX_ERROR;
    }

    page->len = ngx_http_adm_page_write(page->data, &ngx_http_adm_refusal_page,
                                        values, n)
                - page->data;

    return NGX_OK;
}


static u_char *
ngx_http_adm_page_write(u_char *dst, ngx_str_t *page,
    ngx_http_adm_placeholder_t *values, ngx_uint_t n)
{
    u_char     *p, *last, *open, *close;
    ngx_str_t  *value;

    p = page->data;
    last = p + page->len;

    for ( ;; ) {
        open = ngx_strlcasestrn(p, last, (u_char *) "{{", 2 - 1);
        close = open ? ngx_strlcasestrn(open, last, (u_char *) "}}", 2 - 1)
                     : NULL;

        if (close == NULL) {
            return ngx_cpymem(dst, p, last - p);
        }

        dst = ngx_cpymem(dst, p, open - p);
        value = ngx_http_adm_page_value(open + 2, close - open - 2, values, n);

        if (value) {
            dst = ngx_cpymem(dst, value->data, value->len);
        }

        p = close + 2;
    }
}


static ngx_str_t *
ngx_http_adm_page_value(u_char *name, size_t len,
    ngx_http_adm_placeholder_t *values, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (values[i].name.len == len
            && ngx_strncmp(values[i].name.data, name, len) == 0)
        {
            return &values[i].value;
        }
    }

    return NULL;
}
