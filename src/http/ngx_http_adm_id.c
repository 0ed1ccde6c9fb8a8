
/*
 * The id of a request: the client's X-Correlation-ID, else $request_id.
 *
 * libcrypto's generator costs 1.5 us a call, for 16 bytes as for 512: ids are
 * cut from a piece of randomness, and stand in the variable's own place, so
 * that $request_id has the same value everywhere.
 */


#include <ngx_http_adm.h>
#include <adm_field.h>
#include <adm_hex.h>
#include <openssl/rand.h>


#define NGX_HTTP_ADM_ID_SIZE   16
#define NGX_HTTP_ADM_IDS       32


static ngx_int_t ngx_http_adm_request_id(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_int_t ngx_http_adm_new_id(ngx_http_request_t *r, ngx_str_t *value);
static u_char *ngx_http_adm_random(void);


ngx_int_t
ngx_http_adm_correlation(ngx_http_request_t *r, ngx_str_t *value)
{
    adm_str_t            text;
    ngx_http_adm_ctx_t  *ctx;

    static ngx_str_t  name = ngx_string("x-correlation-id");

    ctx = ngx_http_adm_get_ctx(r);

    if (ctx && ctx->correlation.len) {
        *value = ctx->correlation;
        return NGX_OK;
    }

    if (ngx_http_adm_request_field(r->main, &name, value) != NGX_OK) {
        return NGX_ERROR;
    }

    text.len = value->len;
    text.data = value->data;

    if (!adm_correlation_valid(text)
        && ngx_http_adm_request_id(r->main, value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx) {
        ctx->correlation = *value;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_request_id(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_http_variable_value_t  *vv;
    ngx_http_adm_main_conf_t   *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    vv = &r->variables[amcf->request_id];

    if (!vv->valid) {

        if (ngx_http_adm_new_id(r, value) != NGX_OK) {
            return NGX_ERROR;
        }

        vv->len = value->len;
        vv->data = value->data;
        vv->valid = 1;
        vv->no_cacheable = 0;
        vv->not_found = 0;
    }

    value->len = vv->len;
    value->data = vv->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_new_id(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char  *random;

    random = ngx_http_adm_random();
    value->len = 2 * NGX_HTTP_ADM_ID_SIZE;
    value->data = ngx_pnalloc(r->pool, value->len);

    if (random == NULL || value->data == NULL) {
        return NGX_ERROR;
    }

    adm_hex(value->data, random, NGX_HTTP_ADM_ID_SIZE);

    return NGX_OK;
}


/* never the same bytes twice, in this process or in one forked from it */

static u_char *
ngx_http_adm_random(void)
{
    static u_char      random[NGX_HTTP_ADM_IDS][NGX_HTTP_ADM_ID_SIZE];
    static ngx_pid_t   pid;
    static ngx_uint_t  next;

    if (pid != ngx_pid || next == NGX_HTTP_ADM_IDS) {

        if (RAND_bytes(random[0], sizeof(random)) != 1) {
            return NULL;
        }

        pid = ngx_pid;
        next = 0;
    }

    return random[next++];
}
