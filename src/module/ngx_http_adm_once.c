
/*
 * Fields and arguments that must not be sent twice.
 *
 * Of several of one name nginx' variable has the first, or all of them, as
 * its release has it, while who reads the request behind us may take the
 * last.  Where a key or stock depends on it a value that is nothing but such
 * a variable becomes one of ours, which tells them apart.
 */


#include <ngx_http_adm_module.h>
#include <adm_form.h>
#include <adm_literal.h>


static ngx_int_t ngx_http_adm_once_word(ngx_str_t *text, const char *prefix,
    ngx_str_t *name);
static ngx_http_variable_t *ngx_http_adm_once_variable(ngx_conf_t *cf,
    ngx_str_t *text, ngx_str_t *argument);
static ngx_int_t ngx_http_adm_fields_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_adm_argument_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_str_t  ngx_http_adm_fields_prefix = ngx_string("admission_field_");


ngx_int_t
ngx_http_adm_once_field(ngx_conf_t *cf, ngx_str_t *text)
{
    ngx_str_t  name;

    if (ngx_http_adm_once_word(text, "http_", &name) != NGX_OK) {
        return NGX_OK;
    }

    *text = ngx_http_adm_concat(cf, "$admission_field_", &name, "");

    return text->data ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_adm_once_name(ngx_conf_t *cf, ngx_str_t *text, ngx_str_t *field)
{
    size_t     i;
    ngx_str_t  name;

    ngx_str_null(field);

    if (ngx_http_adm_once_word(text, "http_", &name) != NGX_OK) {
        return NGX_OK;
    }

    field->data = ngx_pnalloc(cf->pool, name.len);
    if (field->data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(field->data, name.data, name.len);

    for (i = 0; i < name.len; i++) {

        if (field->data[i] == '_') {
            field->data[i] = '-';
        }
    }

    field->len = name.len;

    return NGX_OK;
}


/* "$PREFIXname" or "${PREFIXname}", and no more; NGX_DECLINED */

static ngx_int_t
ngx_http_adm_once_word(ngx_str_t *text, const char *prefix, ngx_str_t *name)
{
    size_t     len;
    adm_str_t  word;

    *name = *text;
    len = ngx_strlen(prefix);

    if (name->len == 0 || name->data[0] != '$') {
        return NGX_DECLINED;
    }

    name->data++;
    name->len--;

    if (name->len >= 2 && name->data[0] == '{'
        && name->data[name->len - 1] == '}')
    {
        name->data++;
        name->len -= 2;
    }

    if (name->len <= len || ngx_strncmp(name->data, prefix, len) != 0) {
        return NGX_DECLINED;
    }

    name->data += len;
    name->len -= len;

    word.len = name->len;
    word.data = name->data;

    return adm_word_valid(word, NGX_MAX_CONF_ERRSTR, "_") ? NGX_OK
                                                          : NGX_DECLINED;
}


ngx_int_t
ngx_http_adm_once_argument(ngx_conf_t *cf, ngx_str_t *text)
{
    ngx_str_t             name, *argument;
    ngx_http_variable_t  *var;

    if (ngx_http_adm_once_word(text, "arg_", &name) != NGX_OK) {
        return NGX_OK;
    }

    argument = ngx_palloc(cf->pool, sizeof(ngx_str_t));
    if (argument == NULL) {
        return NGX_ERROR;
    }

    *argument = name;

    var = ngx_http_adm_once_variable(cf, text, argument);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_adm_argument_variable;
    var->data = (uintptr_t) argument;

    return NGX_OK;
}


/*
 * The names of variables are in lower case, those of arguments as they are:
 * of two that differ in nothing else the second has a longer variable.
 */

static ngx_http_variable_t *
ngx_http_adm_once_variable(ngx_conf_t *cf, ngx_str_t *text,
    ngx_str_t *argument)
{
    ngx_str_t             variable, *other;
    ngx_http_variable_t  *var;

    *text = ngx_http_adm_concat(cf, "$admission_argument_", argument, "");

    while (text->data) {
        variable.len = text->len - 1;
        variable.data = text->data + 1;

        var = ngx_http_add_variable(cf, &variable,
                                    NGX_HTTP_VAR_CHANGEABLE
                                    |NGX_HTTP_VAR_NOCACHEABLE);

        other = var ? (ngx_str_t *) var->data : NULL;

        if (other == NULL
            || (other->len == argument->len
                && ngx_strncmp(other->data, argument->data, other->len) == 0))
        {
            return var;
        }

        *text = ngx_http_adm_concat(cf, "", text, "_");
    }

    return NULL;
}


ngx_int_t
ngx_http_adm_add_fields_variable(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var;

    var = ngx_http_add_variable(cf, &ngx_http_adm_fields_prefix,
                                NGX_HTTP_VAR_PREFIX|NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_adm_fields_variable;

    return NGX_OK;
}


/* a field without a value is an empty string of RFC 8941, which is no key */

static ngx_int_t
ngx_http_adm_fields_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  *variable = (ngx_str_t *) data;

    ngx_str_t   name, value;
    ngx_uint_t  i;

    name.len = variable->len - ngx_http_adm_fields_prefix.len;
    name.data = ngx_pnalloc(r->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < name.len; i++) {
        name.data[i] = variable->data[ngx_http_adm_fields_prefix.len + i];

        if (name.data[i] == '_') {
            name.data[i] = '-';
        }
    }

    if (ngx_http_adm_request_field(r, &name, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.data && value.len == 0) {
        ngx_str_set(&value, "\"\"");
    }

    v->len = value.len;
    v->data = value.data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = (value.data == NULL);

    return NGX_OK;
}


/* one that is doubled, broken or empty is a comma: no SKU and no number */

static ngx_int_t
ngx_http_adm_argument_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  *argument = (ngx_str_t *) data;

    u_char         *buf;
    adm_str_t       args, name, value;
    adm_form_rc_e   rc;

    buf = ngx_pnalloc(r->pool, r->args.len + 1);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    args.len = r->args.len;
    args.data = r->args.data;
    name.len = argument->len;
    name.data = argument->data;

    rc = adm_form_field(args, name, buf, &value);

    if (rc != ADM_FORM_ABSENT && (rc != ADM_FORM_OK || value.len == 0)) {
        value.len = 1;
        value.data = (u_char *) ",";
    }

    v->len = (rc == ADM_FORM_ABSENT) ? 0 : value.len;
    v->data = (u_char *) value.data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = (rc == ADM_FORM_ABSENT);

    return NGX_OK;
}
