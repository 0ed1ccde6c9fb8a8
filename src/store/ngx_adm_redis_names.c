
/*
 * Names of keys and stock in Redis, and the words of their scripts.
 */


#include <ngx_adm_redis_checkout.h>
#include <adm_hex.h>
#include <adm_keyslot.h>


#define NGX_ADM_REDIS_HEX    (2 * NGX_ADM_CHECKOUT_HASH)


static ngx_int_t ngx_adm_redis_add_name(ngx_adm_call_t *call,
    const char *before, size_t len, const u_char *sku, size_t n);


static const ngx_str_t  ngx_adm_redis_sku_names[] = {
    ngx_string("holds:{"),
    ngx_string("due:{"),
    ngx_string("totals:{"),
    ngx_string("buyers:{")
};


ngx_int_t
ngx_adm_redis_add_key(ngx_adm_call_t *call, const u_char *hash)
{
    u_char  hex[NGX_ADM_REDIS_HEX];

    adm_hex(hex, hash, NGX_ADM_CHECKOUT_HASH);

    return ngx_adm_redis_add_name(call, "key:{", sizeof("key:{") - 1, hex,
                                  NGX_ADM_REDIS_HEX);
}


ngx_int_t
ngx_adm_redis_add_sku(ngx_adm_call_t *call, ngx_adm_stock_t *stock,
    const u_char *sku, size_t len)
{
    u_char           *p;
    ngx_str_t         key;
    ngx_uint_t        i;
    const ngx_str_t  *name;

    key.len = stock->before.len + len + stock->after.len;

    key.data = ngx_pnalloc(call->pool, key.len);
    if (key.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(key.data, stock->before.data, stock->before.len);
    p = ngx_cpymem(p, sku, len);
    ngx_memcpy(p, stock->after.data, stock->after.len);

    if (ngx_adm_call_key(call, &key) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_ADM_REDIS_SKU_KEYS - 1; i++) {
        name = &ngx_adm_redis_sku_names[i];

        if (ngx_adm_redis_add_name(call, (char *) name->data, name->len, sku,
                                   len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* PREFIX, what stands before, and what is in braces */

static ngx_int_t
ngx_adm_redis_add_name(ngx_adm_call_t *call, const char *before, size_t len,
    const u_char *sku, size_t n)
{
    u_char     *p;
    ngx_str_t   key, *prefix;

    prefix = &call->redis->conf.prefix;

    key.len = prefix->len + len + n + 1;

    key.data = ngx_pnalloc(call->pool, key.len);
    if (key.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(key.data, prefix->data, prefix->len);
    p = ngx_cpymem(p, before, len);
    p = ngx_cpymem(p, sku, n);
    *p = '}';

    return ngx_adm_call_key(call, &key);
}


/* of what is in braces nothing else counts */

ngx_uint_t
ngx_adm_redis_sku_slot(ngx_adm_redis_t *redis, const u_char *sku, size_t len)
{
    adm_str_t  tag;

    if (redis->conf.topology != NGX_ADM_REDIS_CLUSTER) {
        return 0;
    }

    tag.data = sku;
    tag.len = len;

    return adm_keyslot(tag);
}


u_char *
ngx_adm_redis_words(ngx_adm_call_t *call, uint64_t *words, ngx_uint_t n,
    size_t rest)
{
    size_t   len;
    u_char  *p;

    len = n * sizeof(uint64_t);

    p = ngx_pnalloc(call->pool, len + rest);

    if (p == NULL || ngx_adm_call_text(call, p, len + rest) != NGX_OK) {
        return NULL;
    }

    return ngx_cpymem(p, words, len);
}


ngx_int_t
ngx_adm_redis_read_words(ngx_adm_value_t *value, uint64_t *words, ngx_uint_t n)
{
    ngx_uint_t  i;

    if (value->type != NGX_ADM_VALUE_TEXT
        || value->text.len < n * sizeof(uint64_t))
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(words, value->text.data, n * sizeof(uint64_t));

    for (i = 0; i < n; i++) {

        if (words[i] > (uint64_t) NGX_ADM_REDIS_EXACT) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_adm_redis_read_facts(uint64_t *words, ngx_adm_redis_look_e *look,
    adm_facts_t *facts)
{
    if (words[0] < NGX_ADM_REDIS_MISSING
        || words[0] > NGX_ADM_REDIS_UNCONFIRMED)
    {
        return NGX_DECLINED;
    }

    *look = words[0];

    facts->available = words[1];
    facts->held = words[2];
    facts->holds = words[3];
    facts->unresolved = words[4];
    facts->committed = words[5];
    facts->expired = words[6];

    return NGX_OK;
}


void
ngx_adm_redis_complain(ngx_adm_call_t *call)
{
    static time_t  complained;

    call->rc = NGX_ADM_CALL_MALFORMED;

    if (complained == ngx_time()) {
        return;
    }

    complained = ngx_time();

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "admission: the store's answer to \"%V\" cannot be read: "
                  "it is of another version of the module, or of no Redis",
                  &ngx_adm_script_names[call->script]);
}
