
/*
 * admission_wait NAME [bypass=VALUE]
 */


#include <ngx_http_adm_module.h>


static ngx_int_t ngx_http_adm_init_wait(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_wait_conf_t *wait);


char *
ngx_http_adm_wait(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_loc_conf_t  *alcf = conf;

    ngx_str_t                 *value, bypass;
    ngx_http_adm_wait_conf_t  *wait;

    value = cf->args->elts;

    if (ngx_http_adm_check_name(cf, &cmd->name, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    wait = ngx_http_adm_push_use(cf, alcf, NGX_ADM_POLICY_ROOM, "wait",
                                 &value[1], sizeof(ngx_http_adm_wait_conf_t));
    if (wait == NULL) {
        return NGX_CONF_ERROR;
    }

    wait->of.use.policy = &ngx_adm_room_policy;
    wait->of.use.conf = &wait->wait;
    wait->of.use.values = wait->values;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (!ngx_http_adm_parameter(&value[2], "bypass=", &bypass)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of wait \"%V\", "
                           "it must be \"bypass=\"", &value[2], &value[1]);
        return NGX_CONF_ERROR;
    }

    wait->wait.bypass = 1;
    wait->of.use.nvalues = NGX_ADM_ROOM_BYPASS + 1;

    return ngx_http_adm_compile(cf, &bypass,
                                &wait->values[NGX_ADM_ROOM_BYPASS])
           == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_adm_init_waits(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_array_t *uses)
{
    ngx_uint_t                  i;
    ngx_http_adm_wait_conf_t  **waits;

    waits = uses->elts;

    for (i = 0; i < uses->nelts; i++) {

        /* the same array is seen from every location that inherits it */

        if (waits[i]->wait.room == NULL
            && ngx_http_adm_init_wait(cf, amcf, waits[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_init_wait(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_wait_conf_t *wait)
{
    ngx_str_t             series;
    ngx_adm_use_t        *use;
    ngx_http_adm_room_t  *room;

    use = &wait->of.use;

    room = ngx_http_adm_room_named(cf, amcf, &use->name, "admission_wait",
                                   &wait->of.file, wait->of.line);
    if (room == NULL) {
        return NGX_ERROR;
    }

    wait->wait.room = &room->room;
    wait->values[NGX_ADM_ROOM_JOIN] = room->join;
    wait->values[NGX_ADM_ROOM_BIND] = room->bind;

    if (room->room.bound && use->nvalues == 0) {
        use->nvalues = NGX_ADM_ROOM_BIND + 1;
    }

    series = ngx_http_adm_concat(cf, "room:", &use->name, "");
    if (series.data == NULL) {
        return NGX_ERROR;
    }

    use->series = ngx_adm_counters_series(amcf->counters,
                                          NGX_ADM_FAMILY_POLICY, &series);

    return use->series ? NGX_OK : NGX_ERROR;
}
