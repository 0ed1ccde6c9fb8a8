
/*
 * The resources /circuits and /circuits/NAME of admission_control: what an
 * operator may say of an upstream's circuit while nginx runs, and how the
 * upstream is.
 */


#include <ngx_http_adm_module.h>


static ngx_int_t ngx_http_adm_circuit_read(json_t *member, ngx_uint_t *value);
static void ngx_http_adm_circuit_write(ngx_http_request_t *r,
    ngx_adm_gate_t *gate, ngx_uint_t value, ngx_str_t *by);
static ngx_uint_t ngx_http_adm_circuit_forced(ngx_adm_gate_t *gate);
static json_t *ngx_http_adm_circuit_gate(ngx_adm_gate_t *gate);
static json_t *ngx_http_adm_circuit_limit(uint64_t limit);


/* by ngx_adm_gate_forced_e */

static ngx_str_t  ngx_http_adm_circuit_forces[] = {
    ngx_string("auto"),
    ngx_string("open"),
    ngx_string("closed"),
    ngx_null_string
};


json_t *
ngx_http_adm_tell_circuits(ngx_http_adm_main_conf_t *amcf, void *data)
{
    json_t                     *names;
    ngx_uint_t                  i;
    ngx_http_adm_gate_conf_t  **gates;

    names = json_array();
    gates = amcf->gate_confs.elts;

    for (i = 0; i < amcf->gate_confs.nelts; i++) {
        json_array_append_new(names,
                              json_stringn((char *) gates[i]->gate->name.data,
                                           gates[i]->gate->name.len));
    }

    return json_pack("{so}", "circuits", names);
}


void *
ngx_http_adm_find_circuit(ngx_http_adm_main_conf_t *amcf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_http_adm_gate_conf_t  **gates;

    gates = amcf->gate_confs.elts;

    for (i = 0; i < amcf->gate_confs.nelts; i++) {

        if (gates[i]->gate->name.len == name->len
            && ngx_strncmp(gates[i]->gate->name.data, name->data, name->len)
               == 0)
        {
            return gates[i]->gate;
        }
    }

    return NULL;
}


json_t *
ngx_http_adm_tell_circuit(ngx_http_adm_main_conf_t *amcf, void *data)
{
    ngx_adm_gate_t  *gate = data;

    json_t     *configured, *effective;
    ngx_str_t  *word;

    word = &ngx_http_adm_circuit_forces[NGX_ADM_GATE_AUTO];
    configured = json_stringn((char *) word->data, word->len);

    word = &ngx_http_adm_circuit_forces[ngx_http_adm_circuit_forced(gate)];
    effective = json_stringn((char *) word->data, word->len);

    return json_pack("{so,so}", "state",
                     ngx_http_adm_control_setting(gate->forced, configured,
                                                  effective),
                     "upstream", ngx_http_adm_circuit_gate(gate));
}


static ngx_uint_t
ngx_http_adm_circuit_forced(ngx_adm_gate_t *gate)
{
    ngx_uint_t  forced;

    forced = ngx_adm_setting(gate->forced);

    return (forced == NGX_ADM_SETTING_NONE) ? NGX_ADM_GATE_AUTO : forced;
}


/* its numbers as the metrics have them */

static json_t *
ngx_http_adm_circuit_gate(ngx_adm_gate_t *gate)
{
    ngx_adm_gate_told_t  told;

    ngx_adm_gate_tell(gate, &told);

    return json_pack("{ss,sI,sI,so,so,sI,sf,sf,sf,sf}",
                     "circuit", ngx_http_adm_circuit_words[told.circuit],
                     "opened", (json_int_t) told.opened,
                     "inside", (json_int_t) told.inside,
                     "limit", ngx_http_adm_circuit_limit(told.limit),
                     "share", ngx_http_adm_circuit_limit(told.share),
                     "nodes", (json_int_t) told.nodes,
                     "needs_seconds", (double) told.needs / 1000000,
                     "served", (double) told.served / 1000,
                     "offered", (double) told.offered / 1000,
                     "cut", (double) told.cut / 1000);
}


/* null: any number */

static json_t *
ngx_http_adm_circuit_limit(uint64_t limit)
{
    return (limit == NGX_ADM_GATE_NO_LIMIT) ? json_null()
                                            : json_real((double) limit / 1000);
}


ngx_str_t *
ngx_http_adm_change_circuit(ngx_http_request_t *r, void *data, json_t *patch)
{
    ngx_str_t    by;
    const char  *name;
    ngx_uint_t   value;

    name = ngx_http_adm_control_only(patch, "state");

    if (name) {
        return ngx_http_adm_control_sentence(r, "unknown member \"%s\"",
                                             name);
    }

    if (ngx_http_adm_circuit_read(json_object_get(patch, "state"), &value)
        != NGX_OK)
    {
        return ngx_http_adm_control_sentence(r, "%s",
                                             "\"state\" must be \"auto\", "
                                             "\"open\", \"closed\" or null");
    }

    if (ngx_http_adm_control_by(r, &by) != NGX_OK) {
        return ngx_http_adm_control_sentence(r, "%s", "out of memory");
    }

    ngx_http_adm_circuit_write(r, data, value, &by);

    return NULL;
}


/* NGX_DECLINED: the member is missing, or none of the words */

static ngx_int_t
ngx_http_adm_circuit_read(json_t *member, ngx_uint_t *value)
{
    ngx_uint_t  i;

    if (json_is_null(member)) {
        *value = NGX_ADM_SETTING_NONE;
        return NGX_OK;
    }

    for (i = 0; ngx_http_adm_circuit_forces[i].len && json_is_string(member);
         i++)
    {
        if (ngx_strcmp(json_string_value(member),
                       ngx_http_adm_circuit_forces[i].data)
            == 0)
        {
            /* as configured: there is nothing to override */

            *value = (i == NGX_ADM_GATE_AUTO) ? NGX_ADM_SETTING_NONE : i;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static void
ngx_http_adm_circuit_write(ngx_http_request_t *r, ngx_adm_gate_t *gate,
    ngx_uint_t value, ngx_str_t *by)
{
    ngx_str_t  *was, *now;

    was = &ngx_http_adm_circuit_forces[ngx_http_adm_circuit_forced(gate)];

    ngx_adm_setting_write(gate->forced, value, by);

    now = &ngx_http_adm_circuit_forces[ngx_http_adm_circuit_forced(gate)];

    ngx_http_adm_control_log(r, gate->forced, now, was,
                             value == NGX_ADM_SETTING_NONE, by);
}
