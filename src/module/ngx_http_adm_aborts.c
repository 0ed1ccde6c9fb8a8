
/*
 * What there is to know of the module that passes a location's requests on.
 *
 * A client that leaves does not cancel a charge, but nginx closes the
 * upstream's connection, and its answer is lost: a location in which that is
 * so, and which has keys or holds, is warned of.
 *
 * A body that nginx reads before it goes to the upstream need not hold a
 * place there while it comes: a location in which that is so is marked.
 */


#include <ngx_http_adm_module.h>


/* a module whose configuration begins with a ngx_http_upstream_conf_t */

typedef struct {
    const char           *module;
    ngx_str_t             pass;          /* its directive ... */
    const char           *ignore;        /* ... and what saves the answer */
    ngx_uint_t            index;         /* of its configurations */
    ngx_http_handler_pt   handler;       /* NULL: nginx does not have it */
} ngx_http_adm_passer_t;


static void ngx_http_adm_find_passers(ngx_conf_t *cf,
    ngx_http_adm_passer_t *passers);
static ngx_http_adm_passer_t *ngx_http_adm_passer_of(
    ngx_http_adm_passer_t *passers, ngx_http_core_loc_conf_t *clcf);
static void ngx_http_adm_find_passer(ngx_conf_t *cf,
    ngx_http_adm_passer_t *passer);
static ngx_command_t *ngx_http_adm_find_command(ngx_module_t *module,
    ngx_str_t *name);
static ngx_http_handler_pt ngx_http_adm_learn_handler(ngx_conf_t *cf,
    ngx_module_t *module, ngx_command_t *cmd);
static void ngx_http_adm_check_abort(ngx_conf_t *cf,
    ngx_http_adm_passer_t *passers, ngx_http_adm_spot_t *spot);


#define NGX_HTTP_ADM_PASSERS   5         /* with the NULL at the end */

static ngx_http_adm_passer_t  ngx_http_adm_passers[NGX_HTTP_ADM_PASSERS] = {
    { "ngx_http_proxy_module", ngx_string("proxy_pass"),
      "proxy_ignore_client_abort", 0, NULL },
    { "ngx_http_fastcgi_module", ngx_string("fastcgi_pass"),
      "fastcgi_ignore_client_abort", 0, NULL },
    { "ngx_http_uwsgi_module", ngx_string("uwsgi_pass"),
      "uwsgi_ignore_client_abort", 0, NULL },
    { "ngx_http_scgi_module", ngx_string("scgi_pass"),
      "scgi_ignore_client_abort", 0, NULL },
    { NULL, ngx_null_string, NULL, 0, NULL }
};


ngx_int_t
ngx_http_adm_note_location(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_loc_conf_t *alcf)
{
    ngx_uint_t                i;
    ngx_adm_use_t            *use;
    ngx_http_adm_spot_t      *spot;
    ngx_adm_inventory_t      *of;
    ngx_http_adm_use_conf_t  *found;

    found = NULL;

    for (i = 0; i < alcf->npipeline && found == NULL; i++) {
        use = alcf->pipeline[i];
        of = use->conf;

        if (use->policy == &ngx_adm_idempotency_policy
            || (use->policy == &ngx_adm_inventory_policy && of->reserve))
        {
            found = (ngx_http_adm_use_conf_t *) use;
        }
    }

    if (found == NULL) {
        return NGX_OK;
    }

    spot = ngx_array_push(&amcf->orders->locations);
    if (spot == NULL) {
        return NGX_ERROR;
    }

    spot->clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    spot->use = found;

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_check_aborts(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t              i;
    ngx_http_adm_spot_t    *spots;
    ngx_http_adm_passer_t   passers[NGX_HTTP_ADM_PASSERS];

    spots = amcf->orders->locations.elts;

    if (amcf->orders->locations.nelts == 0) {
        return NGX_OK;
    }

    ngx_http_adm_find_passers(cf, passers);

    for (i = 0; i < amcf->orders->locations.nelts; i++) {
        ngx_http_adm_check_abort(cf, passers, &spots[i]);
    }

    return NGX_OK;
}


void
ngx_http_adm_mark_buffers(ngx_conf_t *cf, ngx_array_t *sheds)
{
    ngx_uint_t                 i;
    ngx_http_adm_passer_t     *passer;
    ngx_http_upstream_conf_t  *upstream;
    ngx_http_adm_shed_spot_t  *spots;
    ngx_http_adm_passer_t      passers[NGX_HTTP_ADM_PASSERS];

    spots = sheds->elts;

    if (sheds->nelts == 0) {
        return;
    }

    ngx_http_adm_find_passers(cf, passers);

    for (i = 0; i < sheds->nelts; i++) {
        passer = ngx_http_adm_passer_of(passers, spots[i].clcf);

        if (passer) {
            upstream = spots[i].clcf->loc_conf[passer->index];
            spots[i].alcf->buffers = upstream->request_buffering;
        }
    }
}


static void
ngx_http_adm_find_passers(ngx_conf_t *cf, ngx_http_adm_passer_t *passers)
{
    ngx_uint_t  i;

    ngx_memcpy(passers, ngx_http_adm_passers, sizeof(ngx_http_adm_passers));

    for (i = 0; passers[i].module; i++) {
        ngx_http_adm_find_passer(cf, &passers[i]);
    }
}


/* whose handler the location has; NULL: none of these */

static ngx_http_adm_passer_t *
ngx_http_adm_passer_of(ngx_http_adm_passer_t *passers,
    ngx_http_core_loc_conf_t *clcf)
{
    ngx_http_adm_passer_t  *passer;

    if (clcf->handler == NULL || clcf->loc_conf == NULL) {
        return NULL;
    }

    for (passer = passers; passer->module; passer++) {

        if (passer->handler == clcf->handler) {
            return passer;
        }
    }

    return NULL;
}


static void
ngx_http_adm_find_passer(ngx_conf_t *cf, ngx_http_adm_passer_t *passer)
{
    ngx_uint_t      i;
    ngx_module_t   *module;
    ngx_command_t  *cmd;

    for (i = 0; cf->cycle->modules[i]; i++) {
        module = cf->cycle->modules[i];

        if (module->type != NGX_HTTP_MODULE || module->name == NULL
            || ngx_strcmp(module->name, passer->module) != 0)
        {
            continue;
        }

        cmd = ngx_http_adm_find_command(module, &passer->pass);

        if (cmd) {
            passer->index = module->ctx_index;
            passer->handler = ngx_http_adm_learn_handler(cf, module, cmd);
        }

        return;
    }
}


static ngx_command_t *
ngx_http_adm_find_command(ngx_module_t *module, ngx_str_t *name)
{
    ngx_command_t  *cmd;

    for (cmd = module->commands; cmd && cmd->name.len; cmd++) {

        if (cmd->name.len == name->len
            && ngx_strncmp(cmd->name.data, name->data, name->len) == 0)
        {
            return cmd;
        }
    }

    return NULL;
}


/*
 * The handlers are known to their modules alone, and with a variable in the
 * directive nothing else says whose a location is.  So the directive is made
 * to set one, in a location that there is not; what it is given has a
 * variable, so that no upstream comes of it.
 */

static ngx_http_handler_pt
ngx_http_adm_learn_handler(ngx_conf_t *cf, ngx_module_t *module,
    ngx_command_t *cmd)
{
    void                      *conf, **confs;
    ngx_str_t                 *args;
    ngx_conf_t                 scratch;
    ngx_http_module_t         *ctx;
    ngx_http_conf_ctx_t        of;
    ngx_http_core_loc_conf_t  *clcf;

    ctx = module->ctx;

    clcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_core_loc_conf_t));
    confs = ngx_pcalloc(cf->pool, ngx_http_max_module * sizeof(void *));
    conf = ctx->create_loc_conf(cf);

    scratch = *cf;
    scratch.args = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));

    if (clcf == NULL || confs == NULL || conf == NULL || scratch.args == NULL)
    {
        return NULL;
    }

    args = ngx_array_push_n(scratch.args, 2);

    args[0] = cmd->name;
    ngx_str_set(&args[1], "$request_id");

    of = *(ngx_http_conf_ctx_t *) cf->ctx;
    of.loc_conf = confs;
    of.loc_conf[ngx_http_core_module.ctx_index] = clcf;
    of.loc_conf[module->ctx_index] = conf;

    scratch.ctx = &of;

    return (cmd->set(&scratch, cmd, conf) == NGX_CONF_OK) ? clcf->handler
                                                          : NULL;
}


static void
ngx_http_adm_check_abort(ngx_conf_t *cf, ngx_http_adm_passer_t *passers,
    ngx_http_adm_spot_t *spot)
{
    ngx_http_adm_passer_t     *passer;
    ngx_http_upstream_conf_t  *upstream;

    passer = ngx_http_adm_passer_of(passers, spot->clcf);

    if (passer == NULL) {
        return;
    }

    upstream = spot->clcf->loc_conf[passer->index];

    if (!upstream->ignore_client_abort) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"%s\" is off in location \"%V\", to which "
                      "\"admission_%V\" at %V:%ui applies: a client "
                      "that leaves cuts off its order, and nobody knows "
                      "what became of it",
                      passer->ignore, &spot->clcf->name,
                      &spot->use->use.name, &spot->use->file,
                      spot->use->line);
    }
}
