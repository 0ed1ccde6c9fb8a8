
/*
 * The directives of test builds: see ngx_adm_probe.h.
 */


#include <ngx_http_adm_module.h>
#include <ngx_adm_probe.h>


/* a use first: the pipeline sees no more of it */

typedef struct {
    ngx_adm_use_t             use;
    ngx_adm_probe_t           probe;
    ngx_http_complex_value_t  value;
} ngx_http_adm_probe_conf_t;


static ngx_adm_rc_e
ngx_http_adm_probe_at(ngx_conf_t *cf)
{
    ngx_str_t  *value, at;

    value = cf->args->elts;

    if (cf->args->nelts < 4 || !ngx_http_adm_parameter(&value[3], "at=", &at))
    {
        return NGX_ADM_PASS;
    }

    return (at.data[0] == 'a') ? NGX_ADM_ASK
           : (at.data[1] == 'l') ? NGX_ADM_CLAIM : NGX_ADM_PASS;
}


char *
ngx_http_adm_probe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_loc_conf_t  *alcf = conf;

    ngx_str_t                   *value, series;
    ngx_array_t                **uses;
    ngx_http_adm_main_conf_t    *amcf;
    ngx_http_adm_probe_conf_t   *pcf, **place;

    value = cf->args->elts;
    uses = &alcf->uses[NGX_ADM_POLICY_PROBE];

    if (*uses == NULL) {
        *uses = ngx_array_create(cf->pool, 2, sizeof(void *));
        if (*uses == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    place = ngx_array_push(*uses);
    pcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_adm_probe_conf_t));
    series.data = ngx_pnalloc(cf->pool, sizeof("probe:") + value[1].len);

    if (place == NULL || pcf == NULL || series.data == NULL) {
        return NGX_CONF_ERROR;
    }

    *place = pcf;

    series.len = ngx_sprintf(series.data, "probe:%V", &value[1]) - series.data;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_admission_module);

    pcf->probe.name = value[1];
    pcf->probe.at = ngx_http_adm_probe_at(cf);

    pcf->use.policy = &ngx_adm_probe_policy;
    pcf->use.name = value[1];
    pcf->use.conf = &pcf->probe;
    pcf->use.values = &pcf->value;
    pcf->use.nvalues = 1;
    pcf->use.series = ngx_adm_counters_series(amcf->counters,
                                              NGX_ADM_FAMILY_POLICY, &series);

    if (pcf->use.series == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_adm_compile(cf, &value[2], &pcf->value) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_http_adm_test_keeper(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    amcf->keeper = &ngx_adm_late_keeper;
    amcf->timeout = ngx_parse_time(&value[1], 0);

    return (amcf->timeout == (ngx_msec_t) NGX_ERROR) ? "invalid value"
                                                     : NGX_CONF_OK;
}
