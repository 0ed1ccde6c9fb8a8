
/*
 * What all directives do with their arguments.
 */


#include <ngx_http_adm_module.h>


static ngx_str_t ngx_http_adm_expected(ngx_conf_t *cf, ngx_conf_enum_t *list);
static ngx_str_t *ngx_http_adm_use_name(void *named);


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


ngx_int_t
ngx_http_adm_read_rate(ngx_conf_t *cf, ngx_str_t *text, const char *what,
    ngx_str_t *name, const char *directive, adm_rate_t *rate)
{
    adm_str_t  literal;

    literal.len = text->len;
    literal.data = text->data;

    if (adm_rate_parse(literal, rate) == ADM_OK) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid %s \"%V\" of \"%V\" in \"%s\", it must be "
                       "a number from 1 to %d with \"r/s\", \"r/m\", \"r/h\" "
                       "or \"r/d\", as \"10r/s\"",
                       what, text, name, directive, ADM_RATE_MAX);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_adm_read_burst(ngx_conf_t *cf, ngx_str_t *text, const char *what,
    ngx_str_t *name, const char *directive, uint64_t *burst)
{
    adm_str_t  literal;

    literal.len = text->len;
    literal.data = text->data;

    if (adm_uint_parse(literal, 0, ADM_GCRA_COST_MAX, burst) == ADM_OK) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid %s \"%V\" of \"%V\" in \"%s\", it must be "
                       "a number from 0 to %d",
                       what, text, name, directive, ADM_GCRA_COST_MAX);

    return NGX_ERROR;
}


ngx_str_t
ngx_http_adm_concat(ngx_conf_t *cf, const char *before, ngx_str_t *name,
    const char *after)
{
    ngx_str_t  text;

    text.len = ngx_strlen(before) + name->len + ngx_strlen(after);
    text.data = ngx_pnalloc(cf->pool, text.len);

    if (text.data) {
        (void) ngx_sprintf(text.data, "%s%V%s", before, name, after);
    }

    return text;
}


void *
ngx_http_adm_named(ngx_array_t *all, ngx_http_adm_name_pt name_of,
    ngx_str_t *name)
{
    void        **named;
    ngx_str_t    *known;
    ngx_uint_t    i;

    named = all->elts;

    for (i = 0; i < all->nelts; i++) {
        known = name_of(named[i]);

        if (known->len == name->len
            && ngx_strncmp(known->data, name->data, name->len) == 0)
        {
            return named[i];
        }
    }

    return NULL;
}


ngx_str_t
ngx_http_adm_names(ngx_conf_t *cf, ngx_array_t *all,
    ngx_http_adm_name_pt name_of)
{
    void        **named;
    u_char       *p;
    size_t        len;
    ngx_str_t     list;
    ngx_uint_t    i;

    ngx_str_set(&list, "none");

    named = all->elts;
    len = 0;

    for (i = 0; i < all->nelts; i++) {
        len += name_of(named[i])->len + sizeof("\"\", ") - 1;
    }

    p = len ? ngx_pnalloc(cf->pool, len) : NULL;

    if (p == NULL) {
        return list;
    }

    list.data = p;

    for (i = 0; i < all->nelts; i++) {
        p = ngx_sprintf(p, "%s\"%V\"", i ? ", " : "", name_of(named[i]));
    }

    list.len = p - list.data;

    return list;
}


void *
ngx_http_adm_push_use(ngx_conf_t *cf, ngx_http_adm_loc_conf_t *alcf,
    ngx_adm_policy_e policy, const char *what, ngx_str_t *name, size_t size)
{
    ngx_array_t              **uses;
    ngx_http_adm_use_conf_t   *of, **place;

    uses = &alcf->uses[policy];

    if (*uses == NULL) {
        *uses = ngx_array_create(cf->pool, 4, sizeof(void *));
        if (*uses == NULL) {
            return NULL;
        }
    }

    of = ngx_http_adm_named(*uses, ngx_http_adm_use_name, name);

    if (of) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s \"%V\" is already set at %V:%ui",
                           what, name, &of->file, of->line);
        return NULL;
    }

    place = ngx_array_push(*uses);
    of = ngx_pcalloc(cf->pool, size);

    if (place == NULL || of == NULL) {
        return NULL;
    }

    *place = of;

    of->use.name = *name;
    of->file = cf->conf_file->file.name;
    of->line = cf->conf_file->line;

    return of;
}


static ngx_str_t *
ngx_http_adm_use_name(void *named)
{
    ngx_http_adm_use_conf_t  *of = named;

    return &of->use.name;
}
