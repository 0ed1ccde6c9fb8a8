
/*
 * admission_body_field $VAR json=POINTER|form=NAME|regex=RE [max=64k]
 *     [methods=POST]
 */


#include <ngx_http_adm_module.h>
#include <adm_pointer.h>


/* parts of a pointer, which a walk through a body goes down */
#define NGX_HTTP_ADM_FIELD_TOKENS   32

/* bytes; a body of more blocks the worker for too long */
#define NGX_HTTP_ADM_FIELD_MAX      (1024 * 1024)


static ngx_http_adm_field_t *ngx_http_adm_push_field(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *name);
static ngx_http_variable_t *ngx_http_adm_add_field_variable(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *name);
static ngx_int_t ngx_http_adm_field_kind(ngx_conf_t *cf,
    ngx_http_adm_field_t *field, ngx_uint_t kind, ngx_str_t *value);
static ngx_int_t ngx_http_adm_read_pointer(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *conf);
static ngx_int_t ngx_http_adm_read_form(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *conf);
static ngx_int_t ngx_http_adm_read_regex(ngx_conf_t *cf,
    ngx_http_adm_arg_t *arg, ngx_str_t *value, void *conf);
#if (NGX_PCRE2)
static ngx_int_t ngx_http_adm_field_compile(ngx_conf_t *cf,
    ngx_http_adm_field_t *field);
#endif
static ngx_str_t *ngx_http_adm_field_name(void *named);


static ngx_http_adm_arg_t  ngx_http_adm_field_args[] = {

    { "json=",
      "a JSON pointer of at most 32 parts, as \"/sku\" or \"/items/*/sku\"",
      ngx_http_adm_read_pointer, 0, 0, 0, NULL },

    { "form=", "the name of a field, as \"sku\"",
      ngx_http_adm_read_form, 0, 0, 0, NULL },

    { "regex=", "a regular expression of bytes with the value in parentheses",
      ngx_http_adm_read_regex, 0, 0, 0, NULL },

    { "max=", "a size from 1 to 1m",
      ngx_http_adm_read_size, offsetof(ngx_http_adm_field_t, max),
      1, NGX_HTTP_ADM_FIELD_MAX, NULL },

    { "methods=", "\"GET\", \"POST\", \"PUT\", \"PATCH\" or \"DELETE\", "
                  "or several of them, separated by commas",
      ngx_http_adm_read_methods, offsetof(ngx_http_adm_field_t, methods),
      0, 0, NULL },

    { NULL, NULL, NULL, 0, 0, 0, NULL }
};


char *
ngx_http_adm_body_field(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ngx_str_t             *value;
    ngx_http_adm_field_t  *field;

    value = cf->args->elts;

    field = ngx_http_adm_push_field(cf, amcf, &value[1]);
    if (field == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_adm_read_args(cf, field, ngx_http_adm_field_args, 2)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (field->text.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"%V\" must have \"json=\", \"form=\" "
                           "or \"regex=\" parameter",
                           &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* NULL: out of memory, or the name is none, or taken */

static ngx_http_adm_field_t *
ngx_http_adm_push_field(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_str_t *name)
{
    ngx_http_variable_t   *var;
    ngx_http_adm_field_t  *field, **place;

    if (amcf->fields.elts == NULL
        && ngx_array_init(&amcf->fields, cf->pool, 4,
                          sizeof(ngx_http_adm_field_t *))
           != NGX_OK)
    {
        return NULL;
    }

    var = ngx_http_adm_add_field_variable(cf, amcf, name);
    if (var == NULL) {
        return NULL;
    }

    place = ngx_array_push(&amcf->fields);
    field = ngx_pcalloc(cf->pool, sizeof(ngx_http_adm_field_t));

    if (place == NULL || field == NULL) {
        return NULL;
    }

    *place = field;

    field->name.len = name->len - 1;
    field->name.data = name->data + 1;
    field->max = 64 * 1024;
    field->methods = NGX_HTTP_POST;
    field->file = cf->conf_file->file.name;
    field->line = cf->conf_file->line;

    var->get_handler = ngx_http_adm_field_variable;
    var->data = (uintptr_t) field;
    var->flags &= ~NGX_HTTP_VAR_CHANGEABLE;

    return field;
}


static ngx_http_variable_t *
ngx_http_adm_add_field_variable(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_str_t *name)
{
    ngx_str_t              plain;
    ngx_http_variable_t   *var;
    ngx_http_adm_field_t  *field;

    if (name->len < 2 || name->data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable name \"%V\" in "
                           "\"admission_body_field\", it must begin with "
                           "\"$\"", name);
        return NULL;
    }

    plain.len = name->len - 1;
    plain.data = name->data + 1;

    field = ngx_http_adm_named(&amcf->fields, ngx_http_adm_field_name, &plain);

    if (field) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "body field \"%V\" is already defined at %V:%ui",
                           name, &field->file, field->line);
        return NULL;
    }

    var = ngx_http_add_variable(cf, &plain, 0);

    if (var && var->get_handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "variable \"%V\" in \"admission_body_field\" is "
                           "defined already, by another directive", name);
        return NULL;
    }

    return var;
}


/* NGX_ERROR: it has another kind already */

static ngx_int_t
ngx_http_adm_field_kind(ngx_conf_t *cf, ngx_http_adm_field_t *field,
    ngx_uint_t kind, ngx_str_t *value)
{
    ngx_str_t  *args;

    if (field->text.len) {
        args = cf->args->elts;

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"%V\" must have only one of "
                           "\"json=\", \"form=\" and \"regex=\" parameters",
                           &args[0], &args[1]);
        return NGX_ERROR;
    }

    field->kind = kind;
    field->text = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_read_pointer(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *conf)
{
    ngx_http_adm_field_t  *field = conf;

    u_char     *p;
    adm_str_t   pointer, *token;

    pointer.len = value->len;
    pointer.data = value->data;

    if (value->len == 0 || !adm_pointer_valid(pointer)) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(cf->pool, value->len);
    token = ngx_palloc(cf->pool,
                       NGX_HTTP_ADM_FIELD_TOKENS * sizeof(adm_str_t));

    if (p == NULL || token == NULL) {
        return NGX_ERROR;
    }

    field->tokens = token;

    while (pointer.len) {

        if (field->ntokens == NGX_HTTP_ADM_FIELD_TOKENS) {
            return NGX_DECLINED;
        }

        token->len = adm_pointer_next(&pointer, p);
        token->data = p;

        p += token->len;
        token++;
        field->ntokens++;
    }

    return ngx_http_adm_field_kind(cf, field, NGX_HTTP_ADM_FIELD_JSON, value);
}


static ngx_int_t
ngx_http_adm_read_form(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *conf)
{
    return value->len ? ngx_http_adm_field_kind(cf, conf,
                                                NGX_HTTP_ADM_FIELD_FORM, value)
                      : NGX_DECLINED;
}


#if (NGX_PCRE2)

static ngx_int_t
ngx_http_adm_read_regex(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *conf)
{
    if (value->len == 0) {
        return NGX_DECLINED;
    }

    if (ngx_http_adm_field_kind(cf, conf, NGX_HTTP_ADM_FIELD_REGEX, value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_adm_field_compile(cf, conf);
}


/* bytes are not characters: a pattern may ask for UTF by itself */

static ngx_int_t
ngx_http_adm_field_compile(ngx_conf_t *cf, ngx_http_adm_field_t *field)
{
    u_char               errstr[NGX_MAX_CONF_ERRSTR];
    uint32_t             options;
    ngx_regex_compile_t  rc;

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pattern = field->text;
    rc.pool = cf->pool;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%V, of \"regex=\" in \"admission_body_field\"",
                           &rc.err);
        return NGX_ERROR;
    }

    field->regex = rc.regex;

    if (rc.captures == 0
        || pcre2_pattern_info(rc.regex, PCRE2_INFO_ALLOPTIONS, &options) != 0
        || options & PCRE2_UTF)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}

#else

static ngx_int_t
ngx_http_adm_read_regex(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *conf)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "using \"regex=\" in \"admission_body_field\" requires "
                       "PCRE2 library");

    return NGX_ERROR;
}

#endif


static ngx_str_t *
ngx_http_adm_field_name(void *named)
{
    ngx_http_adm_field_t  *field = named;

    return &field->name;
}
