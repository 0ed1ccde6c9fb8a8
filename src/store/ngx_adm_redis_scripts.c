
/*
 * The scripts: src/store/lua/, embedded at build, and what Redis calls them,
 * the SHA-1 of their texts.
 */


#include <ngx_adm_redis_client.h>
#include <ngx_sha1.h>
#include <ngx_adm_scripts.h>


#define NGX_ADM_SHA1  20


ngx_str_t  ngx_adm_script_names[NGX_ADM_SCRIPTS] = {
    ngx_string("probe"),
    ngx_string("rate"),
    ngx_string("rate_back"),
    ngx_string("share"),
    ngx_string("pulse"),
    ngx_string("setting"),
    ngx_string("line_join"),
    ngx_string("line_claim"),
    ngx_string("line_tick"),
    ngx_string("gate"),
    ngx_string("checkout"),
    ngx_string("settle"),
    ngx_string("stock"),
    ngx_string("inventory"),
    ngx_string("hold")
};


ngx_str_t  ngx_adm_script_texts[NGX_ADM_SCRIPTS] = {
    { sizeof(ngx_adm_script_probe), ngx_adm_script_probe },
    { sizeof(ngx_adm_script_rate), ngx_adm_script_rate },
    { sizeof(ngx_adm_script_rate_back), ngx_adm_script_rate_back },
    { sizeof(ngx_adm_script_share), ngx_adm_script_share },
    { sizeof(ngx_adm_script_pulse), ngx_adm_script_pulse },
    { sizeof(ngx_adm_script_setting), ngx_adm_script_setting },
    { sizeof(ngx_adm_script_line_join), ngx_adm_script_line_join },
    { sizeof(ngx_adm_script_line_claim), ngx_adm_script_line_claim },
    { sizeof(ngx_adm_script_line_tick), ngx_adm_script_line_tick },
    { sizeof(ngx_adm_script_gate), ngx_adm_script_gate },
    { sizeof(ngx_adm_script_checkout), ngx_adm_script_checkout },
    { sizeof(ngx_adm_script_settle), ngx_adm_script_settle },
    { sizeof(ngx_adm_script_stock), ngx_adm_script_stock },
    { sizeof(ngx_adm_script_inventory), ngx_adm_script_inventory },
    { sizeof(ngx_adm_script_hold), ngx_adm_script_hold }
};


static u_char     ngx_adm_script_digits[NGX_ADM_SCRIPTS][2 * NGX_ADM_SHA1];

ngx_str_t         ngx_adm_script_hashes[NGX_ADM_SCRIPTS];


void
ngx_adm_redis_hash_scripts(void)
{
    ngx_uint_t   i;
    ngx_sha1_t   sha1;
    u_char       hash[NGX_ADM_SHA1];

    for (i = 0; i < NGX_ADM_SCRIPTS; i++) {

        ngx_sha1_init(&sha1);
        ngx_sha1_update(&sha1, ngx_adm_script_texts[i].data,
                        ngx_adm_script_texts[i].len);
        ngx_sha1_final(hash, &sha1);

        ngx_hex_dump(ngx_adm_script_digits[i], hash, NGX_ADM_SHA1);

        ngx_adm_script_hashes[i].len = 2 * NGX_ADM_SHA1;
        ngx_adm_script_hashes[i].data = ngx_adm_script_digits[i];
    }
}
