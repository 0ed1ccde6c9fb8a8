
/*
 * Keys: reading a file of them, preparing and wiping.
 */


#include <ngx_adm_keys.h>
#include <ngx_adm_secret.h>
#include <adm_literal.h>
#include <openssl/crypto.h>


#define NGX_ADM_KEYS_ALIGN   16
#define NGX_ADM_KEYS_MAKE    "(umask 077; echo \"1:$(openssl rand -hex 32)\" "


/* a file that is being read; "text" is wiped when that is done */

typedef struct {
    ngx_conf_t       *cf;
    ngx_str_t        *file;
    ngx_uint_t        line;
    ngx_str_t         text;

    ngx_adm_keys_t   *keys;
    adm_str_t         ids[NGX_ADM_KEYS_MAX];      /* in the text */
    ngx_uint_t        lines[NGX_ADM_KEYS_MAX];
} ngx_adm_keys_file_t;


static ngx_int_t ngx_adm_keys_parse(ngx_adm_keys_file_t *f);
static ngx_int_t ngx_adm_keys_line(ngx_adm_keys_file_t *f, u_char *p,
    u_char *end);
static ngx_int_t ngx_adm_keys_id(ngx_adm_keys_file_t *f, adm_str_t id);
static size_t ngx_adm_keys_secret(ngx_adm_keys_file_t *f, u_char *digits,
    u_char *end);
static ngx_int_t ngx_adm_keys_add(ngx_adm_keys_file_t *f, adm_str_t id,
    adm_str_t secret);
static ngx_int_t ngx_adm_keys_digit(u_char c);
static ngx_int_t ngx_adm_keys_attach(void *data);
static adm_token_key_t *ngx_adm_keys_push(ngx_conf_t *cf,
    ngx_adm_keys_t *keys);
static void ngx_adm_keys_wipe(void *data);


ngx_adm_keys_t *
ngx_adm_keys_read(ngx_conf_t *cf, ngx_str_t *file)
{
    ngx_int_t            rc;
    ngx_adm_keys_file_t  f;

    ngx_memzero(&f, sizeof(ngx_adm_keys_file_t));

    f.cf = cf;
    f.file = file;
    f.keys = ngx_pcalloc(cf->pool, sizeof(ngx_adm_keys_t));

    if (f.keys == NULL || ngx_adm_secret_read(cf, file, &f.text) != NGX_OK) {
        return NULL;
    }

    rc = ngx_adm_keys_parse(&f);

    ngx_adm_secret_free(&f.text);

    return (rc == NGX_OK) ? f.keys : NULL;
}


static ngx_int_t
ngx_adm_keys_parse(ngx_adm_keys_file_t *f)
{
    u_char  *p, *end, *last;

    last = f->text.data + f->text.len;

    for (p = f->text.data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, LF);
        if (end == NULL) {
            end = last;
        }

        f->line++;

        if (ngx_adm_keys_line(f, p, end) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (f->keys->n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, f->cf, 0,
                           "no keys in secret file \"%V\", one is made by: "
                           NGX_ADM_KEYS_MAKE "> %V)",
                           f->file, f->file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_adm_keys_line(ngx_adm_keys_file_t *f, u_char *p, u_char *end)
{
    u_char     *colon;
    adm_str_t   id, secret;

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (p < end && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == CR)) {
        end--;
    }

    if (p == end || *p == '#') {
        return NGX_OK;
    }

    colon = ngx_strlchr(p, end, ':');

    if (colon == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, f->cf, 0,
                           "invalid line at %V:%ui, it must be \"ID:HEX\"",
                           f->file, f->line);
        return NGX_ERROR;
    }

    id.data = p;
    id.len = colon - p;

    if (ngx_adm_keys_id(f, id) != NGX_OK) {
        return NGX_ERROR;
    }

    secret.data = colon + 1;
    secret.len = ngx_adm_keys_secret(f, colon + 1, end);

    return secret.len ? ngx_adm_keys_add(f, id, secret) : NGX_ERROR;
}


static ngx_int_t
ngx_adm_keys_add(ngx_adm_keys_file_t *f, adm_str_t id, adm_str_t secret)
{
    adm_token_key_t  *key;

    f->ids[f->keys->n] = id;
    f->lines[f->keys->n] = f->line;

    key = ngx_adm_keys_push(f->cf, f->keys);

    if (key == NULL || adm_token_key_init(key, id, secret) != ADM_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, f->cf, 0,
                           "the key at %V:%ui could not be prepared",
                           f->file, f->line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* not even an id is told: who forgets the colon has a secret there */

static ngx_int_t
ngx_adm_keys_id(ngx_adm_keys_file_t *f, adm_str_t id)
{
    ngx_uint_t  i;

    if (!adm_word_valid(id, ADM_TOKEN_KEY_MAX, "_.-")) {
        ngx_conf_log_error(NGX_LOG_EMERG, f->cf, 0,
                           "invalid id at %V:%ui, it must be 1 to %d letters, "
                           "digits, \"_\", \".\" or \"-\"",
                           f->file, f->line, ADM_TOKEN_KEY_MAX);
        return NGX_ERROR;
    }

    for (i = 0; i < f->keys->n; i++) {

        if (f->ids[i].len == id.len
            && ngx_strncmp(f->ids[i].data, id.data, id.len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, f->cf, 0,
                               "the id at %V:%ui is already used at %V:%ui",
                               f->file, f->line, f->file, f->lines[i]);
            return NGX_ERROR;
        }
    }

    if (f->keys->n == NGX_ADM_KEYS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, f->cf, 0,
                           "too many keys at %V:%ui, there may be %d",
                           f->file, f->line, NGX_ADM_KEYS_MAX);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* turns digits into bytes, in place: how many, or 0 if they are no key */

static size_t
ngx_adm_keys_secret(ngx_adm_keys_file_t *f, u_char *digits, u_char *end)
{
    u_char     *p;
    ngx_int_t   half[2];

    if (end - digits < 2 * ADM_TOKEN_SECRET || (end - digits) % 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, f->cf, 0,
                           "invalid key at %V:%ui, it must be an even number "
                           "of hexadecimal digits, at least %d",
                           f->file, f->line, 2 * ADM_TOKEN_SECRET);
        return 0;
    }

    for (p = digits; p < end; p += 2) {
        half[0] = ngx_adm_keys_digit(p[0]);
        half[1] = ngx_adm_keys_digit(p[1]);

        if (half[0] == NGX_ERROR || half[1] == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, f->cf, 0,
                               "invalid key at %V:%ui, it must consist of "
                               "hexadecimal digits",
                               f->file, f->line);
            return 0;
        }

        digits[(p - digits) / 2] = half[0] << 4 | half[1];
    }

    return (end - digits) / 2;
}


static ngx_int_t
ngx_adm_keys_digit(u_char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : NGX_ERROR;
}


ngx_adm_keys_t *
ngx_adm_keys_of_zone(ngx_conf_t *cf, ngx_adm_zone_t *zone,
    ngx_adm_keys_t *file)
{
    ngx_adm_keys_t       *keys;
    ngx_adm_zone_part_t  *part;

    keys = ngx_pcalloc(cf->pool, sizeof(ngx_adm_keys_t));

    if (keys == NULL) {
        return NULL;
    }

    if (file) {
        *keys = *file;
    }

    if (ngx_adm_keys_push(cf, keys) == NULL) {
        return NULL;
    }

    part = ngx_array_push(&zone->parts);
    if (part == NULL) {
        return NULL;
    }

    keys->zone = zone;

    part->attach = ngx_adm_keys_attach;
    part->data = keys;

    return keys;
}


static ngx_int_t
ngx_adm_keys_attach(void *data)
{
    ngx_adm_keys_t  *keys = data;

    adm_str_t         id, secret;
    adm_token_key_t  *key;

    id.data = keys->zone->sh->key_id;
    id.len = NGX_ADM_ZONE_KEY_ID;
    secret.data = keys->zone->sh->key;
    secret.len = NGX_ADM_ZONE_KEY;

    key = (adm_token_key_t *) keys->keys[keys->n - 1];

    if (adm_token_key_init(key, id, secret) != ADM_OK) {
        ngx_log_error(NGX_LOG_EMERG, keys->zone->shm_zone->shm.log, 0,
                      "the key of zone \"%V\" could not be prepared",
                      &keys->zone->shm_zone->shm.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* memory for a prepared key, which the end of the cycle wipes */

static adm_token_key_t *
ngx_adm_keys_push(ngx_conf_t *cf, ngx_adm_keys_t *keys)
{
    adm_token_key_t     *key;
    ngx_pool_cleanup_t  *cleanup;

    key = ngx_pmemalign(cf->pool, adm_token_key_size(), NGX_ADM_KEYS_ALIGN);
    cleanup = ngx_pool_cleanup_add(cf->pool, 0);

    if (key == NULL || cleanup == NULL) {
        return NULL;
    }

    ngx_memzero(key, adm_token_key_size());

    cleanup->handler = ngx_adm_keys_wipe;
    cleanup->data = key;

    keys->keys[keys->n++] = key;

    return key;
}


static void
ngx_adm_keys_wipe(void *data)
{
    OPENSSL_cleanse(data, adm_token_key_size());
}
