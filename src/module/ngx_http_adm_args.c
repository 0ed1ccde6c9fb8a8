
/*
 * What all directives do with their arguments.
 */


#include <ngx_http_adm_module.h>


static ngx_str_t ngx_http_adm_expected(ngx_conf_t *cf, ngx_conf_enum_t *list);


ngx_uint_t
ngx_http_adm_parameter(ngx_str_t *arg, const char *name, ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (arg->len < len || ngx_strncmp(arg->data, name, len) != 0) {
        return 0;
    }

    value->len = arg->len - len;
    value->data = arg->data + len;

    return 1;
}


ngx_uint_t
ngx_http_adm_is_word(ngx_str_t *arg, const char *word)
{
    return arg->len == ngx_strlen(word)
           && ngx_strncmp(arg->data, word, arg->len) == 0;
}


ngx_int_t
ngx_http_adm_check_arguments(ngx_conf_t *cf, ngx_uint_t first)
{
    u_char      *equal;
    size_t       len;
    ngx_str_t   *args;
    ngx_uint_t   i, j;

    args = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {
        equal = ngx_strlchr(args[i].data, args[i].data + args[i].len, '=');
        len = equal ? (size_t) (equal + 1 - args[i].data) : args[i].len;

        for (j = first; j < i; j++) {

            if (args[j].len >= len
                && ngx_strncmp(args[j].data, args[i].data, len) == 0)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate parameter \"%V\" of \"%V\" "
                                   "in \"%V\"",
                                   &args[i], &args[1], &args[0]);
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_enum(ngx_conf_t *cf, ngx_conf_enum_t *list, ngx_str_t *text,
    const char *what, const char *whose, ngx_str_t *owner, ngx_uint_t *value)
{
    ngx_str_t         expected;
    ngx_conf_enum_t  *e;

    for (e = list; e->name.len; e++) {

        if (e->name.len == text->len
            && ngx_strncmp(e->name.data, text->data, text->len) == 0)
        {
            *value = e->value;
            return NGX_OK;
        }
    }

    expected = ngx_http_adm_expected(cf, list);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid %s \"%V\" %s \"%V\", it must be %V",
                       what, text, whose, owner, &expected);

    return NGX_ERROR;
}


/* "a", "b" or "c" */

static ngx_str_t
ngx_http_adm_expected(ngx_conf_t *cf, ngx_conf_enum_t *list)
{
    u_char           *p;
    size_t            len;
    ngx_str_t         text;
    ngx_conf_enum_t  *e;

    len = 0;

    for (e = list; e->name.len; e++) {
        len += e->name.len + sizeof("\"\" or ") - 1;
    }

    ngx_str_null(&text);

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return text;
    }

    text.data = p;

    for (e = list; e->name.len; e++) {
        p = ngx_sprintf(p, "%s\"%V\"",
                        e == list ? "" : e[1].name.len ? ", " : " or ",
                        &e->name);
    }

    text.len = p - text.data;

    return text;
}


char *
ngx_http_adm_enum_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t   *args;
    ngx_uint_t  *field;

    args = cf->args->elts;
    field = (ngx_uint_t *) ((u_char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    return ngx_http_adm_enum(cf, cmd->post, &args[1], "value", "in",
                             &cmd->name, field)
           == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_adm_check_name(ngx_conf_t *cf, ngx_str_t *directive, ngx_str_t *name)
{
    adm_str_t  text;

    text.len = name->len;
    text.data = name->data;

    if (adm_name_valid(text)) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid name \"%V\" in \"%V\", it must be 1 to %d "
                       "letters, digits, \"_\", \".\" or \"-\"",
                       name, directive, ADM_NAME_MAX);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_adm_compile(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_complex_value_t *value)
{
    ngx_http_compile_complex_value_t  ccv;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = value;

    return ngx_http_compile_complex_value(&ccv);
}


ngx_str_t
ngx_http_adm_names(ngx_conf_t *cf, ngx_array_t *names)
{
    u_char      *p;
    size_t       len;
    ngx_str_t    list, *name;
    ngx_uint_t   i, n;

    ngx_str_set(&list, "none");

    n = names ? names->nelts : 0;
    name = n ? names->elts : NULL;
    len = 0;

    for (i = 0; i < n; i++) {
        len += name[i].len + sizeof("\"\", ") - 1;
    }

    p = n ? ngx_pnalloc(cf->pool, len) : NULL;

    if (p == NULL) {
        return list;
    }

    list.data = p;

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "%s\"%V\"", i ? ", " : "", &name[i]);
    }

    list.len = p - list.data;

    return list;
}
