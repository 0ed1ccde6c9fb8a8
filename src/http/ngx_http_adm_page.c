
/*
 * Pages with {{placeholders}}: those embedded at build from web/, and files
 * of the site's own.
 */


#include <ngx_http_adm.h>
#include <ngx_http_adm_assets.h>
#include <ngx_http_adm_dashboard.h>
#include <ngx_http_adm_text.h>
#include <ngx_http_adm_wait.h>


#define NGX_HTTP_ADM_PAGE_MOST   (256 * 1024)


/* text, and the placeholder behind it */

typedef struct {
    ngx_str_t   text;
    ngx_str_t   name;                /* empty: none */
} ngx_http_adm_page_part_t;


typedef struct {
    ngx_str_t   text;
    ngx_str_t   csp;
} ngx_http_adm_page_asset_t;


/* a file of the site's own, and the placeholders that it may have */

typedef struct {
    ngx_str_t   file;
    ngx_str_t   text;
    ngx_str_t  *names;
    ngx_uint_t  nnames;
} ngx_http_adm_page_source_t;


static ngx_int_t ngx_http_adm_page_cut(ngx_array_t *parts, ngx_str_t *text);
static ngx_uint_t ngx_http_adm_page_is(ngx_str_t *name, ngx_str_t *other);
static u_char *ngx_http_adm_page_mark(u_char *p, u_char *last, u_char mark);
static ngx_int_t ngx_http_adm_page_read(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *text);
static ngx_int_t ngx_http_adm_page_load(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *text);
static ngx_int_t ngx_http_adm_page_check(ngx_conf_t *cf,
    ngx_http_adm_page_source_t *source);
static ngx_int_t ngx_http_adm_page_name(ngx_http_adm_page_source_t *source,
    u_char *p, ngx_str_t *name);
static ngx_uint_t ngx_http_adm_page_knows(ngx_http_adm_page_source_t *source,
    ngx_str_t *name);
static ngx_int_t ngx_http_adm_page_unknown(ngx_conf_t *cf,
    ngx_http_adm_page_source_t *source, ngx_str_t *name);
static ngx_uint_t ngx_http_adm_page_line(ngx_http_adm_page_source_t *source,
    u_char *p);
static ngx_int_t ngx_http_adm_page_names(ngx_conf_t *cf,
    ngx_http_adm_page_source_t *source, ngx_str_t *names);
static ngx_str_t *ngx_http_adm_page_value(ngx_str_t *name,
    ngx_http_adm_placeholder_t *values, ngx_uint_t n);


/* in the order of ngx_http_adm_page_e */

static ngx_http_adm_page_asset_t  ngx_http_adm_page_assets[] = {

    { { sizeof(ngx_http_adm_refusal_html), ngx_http_adm_refusal_html },
      ngx_string("") },

    { { sizeof(ngx_http_adm_dashboard_html), ngx_http_adm_dashboard_html },
      ngx_string(NGX_HTTP_ADM_DASHBOARD_CSP) },

    { { sizeof(ngx_http_adm_wait_html), ngx_http_adm_wait_html },
      ngx_string(NGX_HTTP_ADM_WAIT_CSP) }
};


/* {{script}}: what waiting pages ask and show with, with placeholders in it */

static ngx_str_t  ngx_http_adm_page_script_name = ngx_string("script");
static ngx_str_t  ngx_http_adm_page_script = {
    sizeof(ngx_http_adm_wait_script), ngx_http_adm_wait_script
};


ngx_array_t *
ngx_http_adm_page_compile(ngx_conf_t *cf, ngx_http_adm_page_e page)
{
    ngx_array_t  *parts;

    parts = ngx_array_create(cf->pool, 8, sizeof(ngx_http_adm_page_part_t));
    if (parts == NULL
        || ngx_http_adm_page_cut(parts, &ngx_http_adm_page_assets[page].text)
           != NGX_OK)
    {
        return NULL;
    }

    return parts;
}


/* adds the parts of the text, and in their place those of the script */

static ngx_int_t
ngx_http_adm_page_cut(ngx_array_t *parts, ngx_str_t *text)
{
    u_char                    *p, *last, *open, *close;
    ngx_http_adm_page_part_t  *part;

    p = text->data;
    last = p + text->len;

    do {
        part = ngx_array_push(parts);
        if (part == NULL) {
            return NGX_ERROR;
        }

        open = ngx_http_adm_page_mark(p, last, '{');
        close = ngx_http_adm_page_mark(open, last, '}');

        part->text.data = p;
        part->text.len = open - p;

        part->name.data = open + 2;
        part->name.len = (close == last) ? 0 : close - open - 2;

        p = close + 2;

        if (ngx_http_adm_page_is(&part->name, &ngx_http_adm_page_script_name))
        {
            ngx_str_null(&part->name);

            if (ngx_http_adm_page_cut(parts, &ngx_http_adm_page_script)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

    } while (close != last);

    return NGX_OK;
}


static ngx_uint_t
ngx_http_adm_page_is(ngx_str_t *name, ngx_str_t *other)
{
    return name->len == other->len
           && ngx_strncmp(name->data, other->data, name->len) == 0;
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


ngx_array_t *
ngx_http_adm_page_file(ngx_conf_t *cf, ngx_str_t *file, ngx_str_t *names,
    ngx_uint_t n)
{
    ngx_array_t                 *parts;
    ngx_http_adm_page_source_t   source;

    source.file = *file;
    source.names = names;
    source.nnames = n;

    if (ngx_conf_full_name(cf->cycle, &source.file, 1) != NGX_OK
        || ngx_http_adm_page_read(cf, &source.file, &source.text) != NGX_OK
        || ngx_http_adm_page_check(cf, &source) != NGX_OK)
    {
        return NULL;
    }

    parts = ngx_array_create(cf->pool, 32, sizeof(ngx_http_adm_page_part_t));
    if (parts == NULL || ngx_http_adm_page_cut(parts, &source.text) != NGX_OK)
    {
        return NULL;
    }

    return parts;
}


/* what is no file is not opened: who opens a pipe waits for a writer */

static ngx_int_t
ngx_http_adm_page_read(ngx_conf_t *cf, ngx_str_t *file, ngx_str_t *text)
{
    ngx_file_info_t  fi;

    if (ngx_file_info(file->data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_file_info_n " of page \"%V\" failed", file);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "page \"%V\" is not a regular file", file);
        return NGX_ERROR;
    }

    if (ngx_file_size(&fi) == 0 || ngx_file_size(&fi) > NGX_HTTP_ADM_PAGE_MOST)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "page \"%V\" has %O bytes, it must have 1 to %d",
                           file, ngx_file_size(&fi), NGX_HTTP_ADM_PAGE_MOST);
        return NGX_ERROR;
    }

    text->len = ngx_file_size(&fi);
    text->data = ngx_pnalloc(cf->pool, text->len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_adm_page_load(cf, file, text);
}


static ngx_int_t
ngx_http_adm_page_load(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *text)
{
    ssize_t     n;
    ngx_file_t  file;

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *name;
    file.log = cf->log;

    file.fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " of page \"%V\" failed", name);
        return NGX_ERROR;
    }

    n = ngx_read_file(&file, text->data, text->len, 0);

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", name);
    }

    if (n != (ssize_t) text->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "page \"%V\" could not be read: %z bytes of %uz",
                           name, n, text->len);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a placeholder that nobody fills in would show in the middle of a sale */

static ngx_int_t
ngx_http_adm_page_check(ngx_conf_t *cf, ngx_http_adm_page_source_t *source)
{
    u_char     *p, *last;
    ngx_str_t   name;

    p = source->text.data;
    last = p + source->text.len;

    for ( ;; ) {
        p = ngx_http_adm_page_mark(p, last, '{');
        if (p == last) {
            return NGX_OK;
        }

        if (ngx_http_adm_page_name(source, p, &name) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"{{\" without \"}}\" in \"%V:%ui\"",
                               &source->file,
                               ngx_http_adm_page_line(source, p));
            return NGX_ERROR;
        }

        if (!ngx_http_adm_page_knows(source, &name)) {
            return ngx_http_adm_page_unknown(cf, source, &name);
        }

        p = name.data + name.len + 2;
    }
}


/* of the placeholder that opens at "p"; it has to close on the same line */

static ngx_int_t
ngx_http_adm_page_name(ngx_http_adm_page_source_t *source, u_char *p,
    ngx_str_t *name)
{
    u_char  *last, *end, *close;

    last = source->text.data + source->text.len;

    end = ngx_strlchr(p, last, LF);
    end = (end == NULL) ? last : end;

    close = ngx_http_adm_page_mark(p, end, '}');

    name->data = p + 2;
    name->len = close - name->data;

    return (close == end) ? NGX_ERROR : NGX_OK;
}


static ngx_uint_t
ngx_http_adm_page_knows(ngx_http_adm_page_source_t *source, ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < source->nnames; i++) {
        if (ngx_http_adm_page_is(name, &source->names[i])) {
            return 1;
        }
    }

    return ngx_http_adm_page_is(name, &ngx_http_adm_page_script_name);
}


static ngx_int_t
ngx_http_adm_page_unknown(ngx_conf_t *cf, ngx_http_adm_page_source_t *source,
    ngx_str_t *name)
{
    ngx_str_t  names;

    if (ngx_http_adm_page_names(cf, source, &names) == NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown placeholder \"{{%V}}\" in \"%V:%ui\", "
                           "there are %V", name, &source->file,
                           ngx_http_adm_page_line(source, name->data), &names);
    }

    return NGX_ERROR;
}


static ngx_uint_t
ngx_http_adm_page_line(ngx_http_adm_page_source_t *source, u_char *p)
{
    u_char      *c;
    ngx_uint_t   line;

    line = 1;

    for (c = source->text.data; c < p; c++) {
        if (*c == LF) {
            line++;
        }
    }

    return line;
}


/* "a", "b", "script": for a sentence */

static ngx_int_t
ngx_http_adm_page_names(ngx_conf_t *cf, ngx_http_adm_page_source_t *source,
    ngx_str_t *names)
{
    u_char      *p;
    size_t       len;
    ngx_uint_t   i;

    len = sizeof("\"script\"");

    for (i = 0; i < source->nnames; i++) {
        len += source->names[i].len + sizeof("\"\", ");
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    names->data = p;

    for (i = 0; i < source->nnames; i++) {
        p = ngx_sprintf(p, "\"%V\", ", &source->names[i]);
    }

    p = ngx_sprintf(p, "\"%V\"", &ngx_http_adm_page_script_name);
    names->len = p - names->data;

    return NGX_OK;
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

        if (ngx_http_adm_page_is(&values[i].name, name)) {
            return &values[i].value;
        }
    }

    return &empty;
}
