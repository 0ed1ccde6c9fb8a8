
/*
 * Files that hold secrets: reading and wiping.
 */


#include <ngx_adm_secret.h>
#include <openssl/crypto.h>


static ngx_int_t ngx_adm_secret_load(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *text);
static ngx_int_t ngx_adm_secret_check(ngx_conf_t *cf, ngx_str_t *file,
    ngx_fd_t fd);
static ngx_int_t ngx_adm_secret_fill(ngx_conf_t *cf, ngx_str_t *file,
    ngx_fd_t fd, ngx_str_t *text);
static ngx_int_t ngx_adm_secret_one(ngx_conf_t *cf, ngx_str_t *file,
    const char *what, ngx_str_t *text, ngx_str_t *line);
static void ngx_adm_secret_wipe(void *data);


ngx_int_t
ngx_adm_secret_read(ngx_conf_t *cf, ngx_str_t *file, ngx_str_t *text)
{
    text->len = 0;

    /* a byte more than a file may have tells one that has grown */

    text->data = ngx_alloc(NGX_ADM_SECRET_MAX + 1, cf->log);

    if (text->data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_adm_secret_load(cf, file, text) == NGX_OK) {
        return NGX_OK;
    }

    ngx_adm_secret_free(text);

    return NGX_ERROR;
}


void
ngx_adm_secret_free(ngx_str_t *text)
{
    OPENSSL_cleanse(text->data, NGX_ADM_SECRET_MAX + 1);
    ngx_free(text->data);
    ngx_str_null(text);
}


static ngx_int_t
ngx_adm_secret_load(ngx_conf_t *cf, ngx_str_t *file, ngx_str_t *text)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    /* whoever put a FIFO there would have nginx wait for ever */

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", file);
        return NGX_ERROR;
    }

    rc = ngx_adm_secret_check(cf, file, fd);

    if (rc == NGX_OK) {
        rc = ngx_adm_secret_fill(cf, file, fd, text);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", file);
    }

    return rc;
}


static ngx_int_t
ngx_adm_secret_check(ngx_conf_t *cf, ngx_str_t *file, ngx_fd_t fd)
{
    ngx_uint_t       mode;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", file);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "secret file \"%V\" is not a regular file", file);
        return NGX_ERROR;
    }

    mode = ngx_file_access(&fi);

    if (mode & (S_IRWXG|S_IRWXO)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "secret file \"%V\" is open to others than its "
                           "owner, its mode is 0%ui%ui%ui: chmod 600 %V",
                           file, mode >> 6 & 7, mode >> 3 & 7, mode & 7, file);
        return NGX_ERROR;
    }

    if (ngx_file_size(&fi) > NGX_ADM_SECRET_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "secret file \"%V\" of %O bytes is too large, "
                           "it may have %dk",
                           file, ngx_file_size(&fi),
                           NGX_ADM_SECRET_MAX / 1024);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_adm_secret_fill(ngx_conf_t *cf, ngx_str_t *file, ngx_fd_t fd,
    ngx_str_t *text)
{
    ssize_t  n;

    do {
        n = ngx_read_fd(fd, text->data + text->len,
                        NGX_ADM_SECRET_MAX + 1 - text->len);

        if (n == -1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               ngx_read_fd_n " \"%V\" failed", file);
            return NGX_ERROR;
        }

        text->len += n;

    } while (n > 0);

    if (text->len > NGX_ADM_SECRET_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "secret file \"%V\" has grown while it was read",
                           file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_adm_secret_line(ngx_conf_t *cf, ngx_str_t *file, const char *what,
    ngx_str_t *line)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    if (ngx_adm_secret_read(cf, file, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_adm_secret_one(cf, file, what, &text, line);

    ngx_adm_secret_free(&text);

    return rc;
}


static ngx_int_t
ngx_adm_secret_one(ngx_conf_t *cf, ngx_str_t *file, const char *what,
    ngx_str_t *text, ngx_str_t *line)
{
    u_char              *end;
    ngx_str_t           *kept;
    ngx_pool_cleanup_t  *cleanup;

    end = text->data + text->len;

    if (end > text->data && end[-1] == LF) {
        end--;
    }

    if (end > text->data && end[-1] == CR) {
        end--;
    }

    if (end == text->data || ngx_strlchr(text->data, end, LF)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "secret file \"%V\" must have the %s alone, "
                           "in one line", file, what);
        return NGX_ERROR;
    }

    cleanup = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_str_t));
    if (cleanup == NULL) {
        return NGX_ERROR;
    }

    line->len = end - text->data;
    line->data = ngx_pnalloc(cf->pool, line->len);

    if (line->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(line->data, text->data, line->len);

    kept = cleanup->data;
    *kept = *line;

    cleanup->handler = ngx_adm_secret_wipe;

    return NGX_OK;
}


static void
ngx_adm_secret_wipe(void *data)
{
    ngx_str_t  *line = data;

    OPENSSL_cleanse(line->data, line->len);
}
