
/*
 * admission_zone NAME SIZE
 */


#include <ngx_http_adm_module.h>


static ngx_adm_zone_t *ngx_http_adm_add_zone(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *name, size_t size);
static ngx_str_t *ngx_http_adm_zone_name(void *named);


char *
ngx_http_adm_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ssize_t          size;
    ngx_str_t       *value, reserved;
    ngx_adm_zone_t  *zone;

    value = cf->args->elts;

    if (ngx_http_adm_check_name(cf, &cmd->name, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&reserved, NGX_HTTP_ADM_ZONE "_");

    if (value[1].len > reserved.len
        && ngx_strncmp(value[1].data, reserved.data, reserved.len) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "name \"%V\" in \"admission_zone\" is reserved",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    zone = ngx_http_adm_named(&amcf->zones, ngx_http_adm_zone_name, &value[1]);

    if (zone) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is already defined at %V:%ui",
                           &value[1], &zone->file, zone->line);
        return NGX_CONF_ERROR;
    }

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of \"%V\" in "
                           "\"admission_zone\", it must be a number of bytes, "
                           "or with \"k\" or \"m\", as \"8m\"",
                           &value[2], &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < NGX_ADM_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "size \"%V\" of \"%V\" in \"admission_zone\" "
                           "is too small, the minimum is %dk",
                           &value[2], &value[1], NGX_ADM_ZONE_MIN / 1024);
        return NGX_CONF_ERROR;
    }

    zone = ngx_http_adm_add_zone(cf, amcf, &value[1], size);
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->file = cf->conf_file->file.name;
    zone->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


static ngx_adm_zone_t *
ngx_http_adm_add_zone(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_str_t *name, size_t size)
{
    ngx_adm_zone_t  *zone, **place;

    zone = ngx_adm_zone_add(cf, name, size, &ngx_http_admission_module);
    if (zone == NULL) {
        return NULL;
    }

    place = ngx_array_push(&amcf->zones);
    if (place == NULL) {
        return NULL;
    }

    *place = zone;

    return zone;
}


ngx_adm_zone_t *
ngx_http_adm_find_zone(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_str_t *name, const char *what, ngx_str_t *owner, ngx_str_t *file,
    ngx_uint_t line)
{
    ngx_str_t        known;
    ngx_adm_zone_t  *zone, **zones;

    if (name->len == 0) {
        zones = amcf->zones.elts;

        if (amcf->zones.nelts) {
            return zones[0];
        }

        ngx_str_set(&known, NGX_HTTP_ADM_ZONE);

        return ngx_http_adm_add_zone(cf, amcf, &known, NGX_HTTP_ADM_ZONE_SIZE);
    }

    zone = ngx_http_adm_named(&amcf->zones, ngx_http_adm_zone_name, name);

    if (zone == NULL) {
        known = ngx_http_adm_names(cf, &amcf->zones, ngx_http_adm_zone_name);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown zone \"%V\" of %s \"%V\" at %V:%ui, "
                      "\"admission_zone\" defines %V",
                      name, what, owner, file, line, &known);
    }

    return zone;
}


static ngx_str_t *
ngx_http_adm_zone_name(void *named)
{
    ngx_adm_zone_t  *zone = named;

    return &zone->shm_zone->shm.name;
}
