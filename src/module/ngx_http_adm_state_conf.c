
/*
 * admission_state PATH
 * admission_secret_file PATH
 */


#include <ngx_http_adm_module.h>


static ngx_int_t ngx_http_adm_state_path(ngx_conf_t *cf, ngx_str_t *name);
static ngx_int_t ngx_http_adm_state_own(ngx_conf_t *cf, ngx_str_t *name);


char *
ngx_http_adm_state(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ngx_str_t    name, *value;
    ngx_path_t  *path;

    if (amcf->state) {
        return "is duplicate";
    }

    value = cf->args->elts;

    path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NGX_CONF_ERROR;
    }

    path->name = value[1];
    path->conf_file = cf->conf_file->file.name.data;
    path->line = cf->conf_file->line;

    if (ngx_http_adm_state_path(cf, &path->name) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&name, NGX_HTTP_ADM_STATE);

    amcf->state = ngx_adm_state_add(cf, path, &name,
                                    &ngx_http_admission_module);

    if (amcf->state == NULL
        || ngx_adm_settings_keep(amcf->settings, amcf->state) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* what is no directory nginx would give to its workers' user nevertheless */

static ngx_int_t
ngx_http_adm_state_path(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_file_info_t  fi;

    while (name->len > 1 && name->data[name->len - 1] == '/') {
        name->data[--name->len] = '\0';
    }

    if (name->len && ngx_conf_full_name(cf->cycle, name, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    if (name->len == 0 || (ngx_file_info(name->data, &fi) != NGX_FILE_ERROR
                           && !ngx_is_dir(&fi)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path \"%V\" in \"admission_state\", "
                           "it must be a directory", name);
        return NGX_ERROR;
    }

    return ngx_http_adm_state_own(cf, name);
}


/*
 * nginx would take a directory away from whoever has it, when it is but
 * tested; what cannot be read now is nginx' to tell.
 */

static ngx_int_t
ngx_http_adm_state_own(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_dir_t  dir;
    ngx_int_t  rc;
    ngx_str_t  file;

    if (ngx_open_dir(name, &dir) == NGX_ERROR) {
        return NGX_OK;
    }

    rc = NGX_OK;

    while (rc == NGX_OK && ngx_read_dir(&dir) == NGX_OK) {
        file.len = ngx_de_namelen(&dir);
        file.data = ngx_de_name(&dir);

        if (ngx_http_adm_is_word(&file, ".")
            || ngx_http_adm_is_word(&file, "..")
            || ngx_adm_state_may_have(&file))
        {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path \"%V\" in \"admission_state\", "
                           "\"%V\" is in it, and it must be a directory of "
                           "its own", name, &file);
        rc = NGX_ERROR;
    }

    (void) ngx_close_dir(&dir);

    return rc;
}


void
ngx_http_adm_check_state(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    if (amcf->state == NULL || amcf->fleet == NULL
        || (amcf->rooms.nelts == 0 && amcf->idempotency == NULL
            && amcf->stock == NULL))
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"admission_state\" at %s:%ui keeps nothing of rooms, keys "
                  "and stock, they are in the store that \"admission_redis\" "
                  "names",
                  amcf->state->path->conf_file, amcf->state->path->line);
}


char *
ngx_http_adm_secret_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ngx_str_t  *value;

    if (amcf->keys) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    amcf->keys = ngx_adm_keys_read(cf, &value[1]);

    return (amcf->keys == NULL) ? NGX_CONF_ERROR : NGX_CONF_OK;
}
