
/*
 * Pages with {{placeholders}}, embedded at build from web/.
 */


#include <ngx_http_adm.h>
#include <ngx_http_adm_assets.h>
#include <ngx_http_adm_dashboard.h>
#include <ngx_http_adm_text.h>


/* text, and the placeholder behind it */

typedef struct {
    ngx_str_t   text;
    ngx_str_t   name;                /* empty: the page ends */
} ngx_http_adm_page_part_t;


typedef struct {
    ngx_str_t   text;
    ngx_str_t   csp;
} ngx_http_adm_page_asset_t;


static u_char *ngx_http_adm_page_mark(u_char *p, u_char *last, u_char mark);
static ngx_str_t *ngx_http_adm_page_value(ngx_str_t *name,
    ngx_http_adm_placeholder_t *values, ngx_uint_t n);


/* in the order of ngx_http_adm_page_e */

static ngx_http_adm_page_asset_t  ngx_http_adm_page_assets[] = {

    { { sizeof(ngx_http_adm_refusal_html), ngx_http_adm_refusal_html },
      ngx_string("") },

    { { sizeof(ngx_http_adm_dashboard_html), ngx_http_adm_dashboard_html },
      ngx_string(NGX_HTTP_ADM_DASHBOARD_CSP) }
};


ngx_array_t *
ngx_http_adm_page_compile(ngx_conf_t *cf, ngx_http_adm_page_e page)
{
    u_char                    *p, *last, *open, *close;
    ngx_array_t               *parts;
    ngx_http_adm_page_part_t  *part;

    parts = ngx_array_create(cf->pool, 8, sizeof(ngx_http_adm_page_part_t));
    if (parts == NULL) {
        return NULL;
    }

    p = ngx_http_adm_page_assets[page].text.data;
    last = p + ngx_http_adm_page_assets[page].text.len;

    do {
        part = ngx_array_push(parts);
        if (part == NULL) {
            return NULL;
        }

        open = ngx_http_adm_page_mark(p, last, '{');
        close = ngx_http_adm_page_mark(open, last, '}');

        part->text.data = p;
        part->text.len = open - p;

        part->name.data = open + 2;
        part->name.len = (close == last) ? 0 : close - open - 2;

        p = close + 2;

    } while (close != last);

    return parts;
}


ngx_str_t *
ngx_http_adm_page_csp(ngx_http_adm_page_e page)
{
    return &ngx_http_adm_page_assets[page].csp;
}


/* where the mark stands doubled, or the end */

static u_char *
ngx_http_adm_page_mark(u_char *p, u_char *last, u_char mark)
{
    for ( /* void */ ; p < last - 1; p++) {

        if (p[0] == mark && p[1] == mark) {
            return p;
        }
    }

    return last;
}


ngx_int_t
ngx_http_adm_page(ngx_http_request_t *r, ngx_array_t *parts,
    ngx_http_adm_placeholder_t *values, ngx_uint_t n, ngx_str_t *page)
{
    u_char                    *p;
    size_t                     room;
    ngx_uint_t                 i;
    ngx_http_adm_page_part_t  *part;

    part = parts->elts;
    room = 0;

    for (i = 0; i < parts->nelts; i++) {
        room += part[i].text.len
                + ngx_http_adm_page_value(&part[i].name, values, n)->len;
    }

    p = ngx_pnalloc(r->pool, room);
    if (p == NULL) {
        return NGX_ERROR;
    }

    page->data = p;

    for (i = 0; i < parts->nelts; i++) {
        p = ngx_http_adm_put_str(p, &part[i].text);
        p = ngx_http_adm_put_str(p, ngx_http_adm_page_value(&part[i].name,
                                                            values, n));
    }

    page->len = p - page->data;

    return NGX_OK;
}


/* empty for a name that has none */

static ngx_str_t *
ngx_http_adm_page_value(ngx_str_t *name, ngx_http_adm_placeholder_t *values,
    ngx_uint_t n)
{
    ngx_uint_t  i;

    static ngx_str_t  empty = ngx_string("");

    for (i = 0; i < n; i++) {

        if (values[i].name.len == name->len
            && ngx_strncmp(values[i].name.data, name->data, name->len) == 0)
        {
            return &values[i].value;
        }
    }

    return &empty;
}
