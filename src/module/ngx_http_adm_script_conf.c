
/*
 * admission_script NAME FILE
 * admission_run NAME
 */


#include <ngx_http_adm_metrics.h>

#if (NGX_ADM_LUAJIT)

#include <ngx_adm_script.h>


/* a named script */

typedef struct {
    ngx_adm_script_t          script;
    ngx_uint_t                used;      /* some admission_run has it */
    ngx_str_t                 file;      /* where it stands */
    ngx_uint_t                line;
} ngx_http_adm_script_conf_t;


static ngx_http_adm_script_conf_t *ngx_http_adm_push_script(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *name);
static ngx_int_t ngx_http_adm_read_script(ngx_conf_t *cf,
    ngx_adm_script_t *script);
static ngx_int_t ngx_http_adm_read_script_text(ngx_conf_t *cf,
    ngx_adm_script_t *script);
static ngx_int_t ngx_http_adm_open_script(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_adm_script_t *script);
static void ngx_http_adm_close_script(void *data);
static ngx_int_t ngx_http_adm_init_run(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_use_conf_t *run);
static ngx_str_t *ngx_http_adm_script_name(void *named);
static void ngx_http_adm_script_number(ngx_http_adm_doc_t *doc,
    ngx_http_adm_label_t *labels, ngx_uint_t n, ngx_adm_script_t *script,
    ngx_uint_t cell);


char *
ngx_http_adm_script(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ngx_str_t                   *value;
    ngx_http_adm_script_conf_t  *of;

    value = cf->args->elts;

    if (ngx_http_adm_check_name(cf, &cmd->name, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    of = ngx_http_adm_push_script(cf, amcf, &value[1]);
    if (of == NULL) {
        return NGX_CONF_ERROR;
    }

    of->script.file = value[2];

    return ngx_http_adm_read_script(cf, &of->script) == NGX_OK
           && ngx_http_adm_open_script(cf, amcf, &of->script) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* NULL: out of memory, or the name is taken */

static ngx_http_adm_script_conf_t *
ngx_http_adm_push_script(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_str_t *name)
{
    ngx_http_adm_script_conf_t  *of, **place;

    if (amcf->scripts.elts == NULL
        && ngx_array_init(&amcf->scripts, cf->pool, 4,
                          sizeof(ngx_http_adm_script_conf_t *))
           != NGX_OK)
    {
        return NULL;
    }

    of = ngx_http_adm_named(&amcf->scripts, ngx_http_adm_script_name, name);

    if (of) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "script \"%V\" is already defined at %V:%ui",
                           name, &of->file, of->line);
        return NULL;
    }

    place = ngx_array_push(&amcf->scripts);
    of = ngx_pcalloc(cf->pool, sizeof(ngx_http_adm_script_conf_t));

    if (place == NULL || of == NULL) {
        return NULL;
    }

    *place = of;

    of->script.name = *name;
    of->script.fact = ngx_http_adm_script_fact;
    of->file = cf->conf_file->file.name;
    of->line = cf->conf_file->line;

    return of;
}


/* what is no file is not opened: who opens a pipe waits for a writer */

static ngx_int_t
ngx_http_adm_read_script(ngx_conf_t *cf, ngx_adm_script_t *script)
{
    ngx_str_t        *file;
    ngx_file_info_t   fi;

    file = &script->file;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_file_info(file->data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_file_info_n " of script \"%V\" failed", file);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "script \"%V\" is not a regular file", file);
        return NGX_ERROR;
    }

    if (ngx_file_size(&fi) == 0 || ngx_file_size(&fi) > NGX_ADM_SCRIPT_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "script \"%V\" has %O bytes, it must have "
                           "1 to %d", file, ngx_file_size(&fi),
                           NGX_ADM_SCRIPT_FILE);
        return NGX_ERROR;
    }

    script->text.len = ngx_file_size(&fi);

    return ngx_http_adm_read_script_text(cf, script);
}


static ngx_int_t
ngx_http_adm_read_script_text(ngx_conf_t *cf, ngx_adm_script_t *script)
{
    ssize_t     n;
    ngx_file_t  file;

    script->text.data = ngx_pnalloc(cf->pool, script->text.len);
    if (script->text.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = script->file;
    file.log = cf->log;
    file.fd = ngx_open_file(script->file.data, NGX_FILE_RDONLY, NGX_FILE_OPEN,
                            0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " of script \"%V\" failed",
                           &script->file);
        return NGX_ERROR;
    }

    n = ngx_read_file(&file, script->text.data, script->text.len, 0);

    (void) ngx_close_file(file.fd);

    if (n != (ssize_t) script->text.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "script \"%V\" changes as it is read",
                           &script->file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* workers go on with the state that is made here, each with its own copy */

static ngx_int_t
ngx_http_adm_open_script(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_adm_script_t *script)
{
    ngx_str_t            series;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_adm_close_script;
    cln->data = script;

    if (ngx_adm_script_open(script) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "script \"%V\" cannot be loaded from \"%V\": %s",
                           &script->name, &script->file, script->message);
        return NGX_ERROR;
    }

    series = ngx_http_adm_concat(cf, "script:", &script->name, "");
    if (series.data == NULL) {
        return NGX_ERROR;
    }

    script->series = ngx_adm_counters_series(amcf->counters,
                                             NGX_ADM_FAMILY_NODE, &series);

    return script->series ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_adm_close_script(void *data)
{
    ngx_adm_script_close(data);
}


char *
ngx_http_adm_run(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_loc_conf_t  *alcf = conf;

    ngx_str_t                *value;
    ngx_http_adm_use_conf_t  *run;

    value = cf->args->elts;

    if (ngx_http_adm_check_name(cf, &cmd->name, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    run = ngx_http_adm_push_use(cf, alcf, NGX_ADM_POLICY_SCRIPT, "run",
                                &value[1], sizeof(ngx_http_adm_use_conf_t));
    if (run == NULL) {
        return NGX_CONF_ERROR;
    }

    run->use.policy = &ngx_adm_script_policy;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_adm_init_runs(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_array_t *uses)
{
    ngx_uint_t                 i;
    ngx_http_adm_use_conf_t  **runs;

    runs = uses->elts;

    for (i = 0; i < uses->nelts; i++) {

        /* the same array is seen from every location that inherits it */

        if (runs[i]->use.conf == NULL
            && ngx_http_adm_init_run(cf, amcf, runs[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_init_run(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_use_conf_t *run)
{
    ngx_str_t                    text;
    ngx_http_adm_script_conf_t  *of;

    of = ngx_http_adm_named(&amcf->scripts, ngx_http_adm_script_name,
                            &run->use.name);
    if (of == NULL) {
        text = ngx_http_adm_names(cf, &amcf->scripts,
                                  ngx_http_adm_script_name);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown script \"%V\" in \"admission_run\" "
                      "at %V:%ui, \"admission_script\" defines %V",
                      &run->use.name, &run->file, run->line, &text);
        return NGX_ERROR;
    }

    text = ngx_http_adm_concat(cf, "script:", &run->use.name, "");
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    of->used = 1;
    run->use.conf = &of->script;
    run->use.series = ngx_adm_counters_series(amcf->counters,
                                              NGX_ADM_FAMILY_POLICY, &text);

    return run->use.series ? NGX_OK : NGX_ERROR;
}


void
ngx_http_adm_check_scripts(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t                    i;
    ngx_http_adm_script_conf_t  **scripts;

    scripts = amcf->scripts.elts;

    for (i = 0; i < amcf->scripts.nelts; i++) {

        if (!scripts[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "script \"%V\" at %V:%ui has no effect: no "
                          "\"admission_run\" puts it before a location",
                          &scripts[i]->script.name, &scripts[i]->file,
                          scripts[i]->line);
        }
    }
}


static ngx_str_t *
ngx_http_adm_script_name(void *named)
{
    ngx_http_adm_script_conf_t  *of = named;

    return &of->script.name;
}


void
ngx_http_adm_script_errors(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t                    i, cell;
    ngx_http_adm_script_conf_t  **scripts;

    scripts = doc->conf->scripts.elts;

    for (i = 0; i < doc->conf->scripts.nelts; i++) {

        for (cell = 0; cell < NGX_ADM_SCRIPT_ERRORS; cell++) {
            ngx_http_adm_label_t  labels[] = {
                { "script", scripts[i]->script.name },
                { "error", ngx_adm_script_errors[cell] }
            };

            ngx_http_adm_script_number(doc, labels, 2, &scripts[i]->script,
                                       cell);
        }
    }
}


void
ngx_http_adm_script_bypassed(ngx_http_adm_doc_t *doc)
{
    ngx_uint_t                    i;
    ngx_http_adm_script_conf_t  **scripts;

    scripts = doc->conf->scripts.elts;

    for (i = 0; i < doc->conf->scripts.nelts; i++) {
        ngx_http_adm_label_t  label = { "script", scripts[i]->script.name };

        ngx_http_adm_script_number(doc, &label, 1, &scripts[i]->script,
                                   NGX_ADM_SCRIPT_BYPASSED);
    }
}


static void
ngx_http_adm_script_number(ngx_http_adm_doc_t *doc,
    ngx_http_adm_label_t *labels, ngx_uint_t n, ngx_adm_script_t *script,
    ngx_uint_t cell)
{
    ngx_http_adm_number(doc, "", labels, n,
                        ngx_adm_counters_sum(doc->conf->counters,
                                             script->series, cell));
}

#else

static char *ngx_http_adm_no_script(ngx_conf_t *cf, ngx_command_t *cmd);


char *
ngx_http_adm_script(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_adm_no_script(cf, cmd);
}


char *
ngx_http_adm_run(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_adm_no_script(cf, cmd);
}


static char *
ngx_http_adm_no_script(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" requires LuaJIT, and this module was built "
                       "without it", &cmd->name);

    return NGX_CONF_ERROR;
}

#endif
