
/*
 * Upstreams and sheds once all is read: what they share, what an operator
 * sets, and whether there is where a fallback leads.
 */


#include <ngx_http_adm_module.h>


static ngx_int_t ngx_http_adm_init_gate(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_adm_gate_t *gate);
static ngx_int_t ngx_http_adm_check_fallback(ngx_conf_t *cf,
    ngx_http_adm_shed_spot_t *spot);
static void ngx_http_adm_check_unused(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);


char *
ngx_http_adm_init_gates(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t                  i;
    ngx_http_adm_gate_conf_t  **gates;

    gates = amcf->gate_confs.elts;

    for (i = 0; i < amcf->gate_confs.nelts; i++) {

        if (ngx_http_adm_init_gate(cf, amcf, gates[i]->gate) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    /* who has a hold is shed last */

    if (amcf->gates && ngx_http_adm_remember(cf, amcf) == NULL) {
        return NGX_CONF_ERROR;
    }

    if (amcf->gates && amcf->fleet
        && ngx_adm_gates_share(amcf->gates, amcf->fleet) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* "circuit NAME": what is configured is always the same */

static ngx_int_t
ngx_http_adm_init_gate(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_adm_gate_t *gate)
{
    ngx_str_t  name;

    name = ngx_http_adm_concat(cf, "circuit ", &gate->name, "");
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    gate->forced = ngx_adm_settings_declare(amcf->settings, &name);
    if (gate->forced == NULL) {
        return NGX_ERROR;
    }

    gate->forced->configured = NGX_ADM_GATE_AUTO;
    gate->forced->most = NGX_ADM_GATE_FORCED_CLOSED;

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_note_sheds(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_loc_conf_t *alcf)
{
    ngx_uint_t                 i;
    ngx_http_adm_shed_spot_t  *spot;

    for (i = 0; i < alcf->npipeline; i++) {

        if (alcf->pipeline[i]->policy != &ngx_adm_shed_policy) {
            continue;
        }

        spot = ngx_array_push(&amcf->sheds);
        if (spot == NULL) {
            return NGX_ERROR;
        }

        spot->cscf = ngx_http_conf_get_module_srv_conf(cf,
                                                       ngx_http_core_module);
        spot->clcf = ngx_http_conf_get_module_loc_conf(cf,
                                                       ngx_http_core_module);
        spot->alcf = alcf;
        spot->use = (ngx_http_adm_shed_conf_t *) alcf->pipeline[i];
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_check_sheds(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t                 i;
    ngx_http_adm_shed_spot_t  *spots;

    spots = amcf->sheds.elts;

    for (i = 0; i < amcf->sheds.nelts; i++) {

        if (spots[i].use->shed.fallback.len
            && ngx_http_adm_check_fallback(cf, &spots[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_http_adm_check_unused(cf, amcf);
    ngx_http_adm_mark_buffers(cf, &amcf->sheds);

    return NGX_OK;
}


/* nginx has named locations by server, and finds them by their names there */

static ngx_int_t
ngx_http_adm_check_fallback(ngx_conf_t *cf, ngx_http_adm_shed_spot_t *spot)
{
    ngx_str_t                  *name;
    ngx_http_core_loc_conf_t  **named;

    name = &spot->use->shed.fallback;

    for (named = spot->cscf->named_locations; named && *named; named++) {

        if ((*named)->name.len == name->len
            && ngx_strncmp((*named)->name.data, name->data, name->len) == 0)
        {
            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "unknown location \"%V\" of \"fallback=\" in "
                  "\"admission_shed\" at %V:%ui, the server at %s:%ui has "
                  "none of that name",
                  name, &spot->use->of.file, spot->use->of.line,
                  spot->cscf->file_name, spot->cscf->line);

    return NGX_ERROR;
}


static void
ngx_http_adm_check_unused(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t                  i;
    ngx_http_adm_gate_conf_t  **gates;

    gates = amcf->gate_confs.elts;

    for (i = 0; i < amcf->gate_confs.nelts; i++) {

        if (!gates[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "upstream \"%V\" at %V:%ui has no effect: no "
                          "\"admission_shed\" puts it before a location",
                          &gates[i]->gate->name, &gates[i]->file,
                          gates[i]->line);
        }
    }
}
