
/*
 * What all directives do with their arguments.
 */


#include <ngx_http_adm_module.h>


static ngx_str_t ngx_http_adm_expected(ngx_conf_t *cf, ngx_conf_enum_t *list);
static ngx_str_t *ngx_http_adm_use_name(void *named);
static ngx_int_t ngx_http_adm_read_arg(ngx_conf_t *cf, void *conf,
    ngx_http_adm_arg_t *known, ngx_str_t *text, ngx_uint_t *seen);
static ngx_uint_t ngx_http_adm_find_arg(ngx_http_adm_arg_t *known,
    ngx_str_t *text, ngx_str_t *value);
static ngx_int_t ngx_http_adm_unknown_arg(ngx_conf_t *cf,
    ngx_http_adm_arg_t *known, ngx_str_t *text);
static ngx_int_t ngx_http_adm_read_status(ngx_str_t *word,
    ngx_adm_statuses_t *statuses);


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


ngx_uint_t
ngx_http_adm_is_variable(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_hash_key_t             *key;
    ngx_http_variable_t        *prefix;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {

        if (key[i].key.len == name->len
            && ngx_strncasecmp(key[i].key.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    prefix = cmcf->prefix_variables.elts;

    for (i = 0; i < cmcf->prefix_variables.nelts; i++) {

        if (prefix[i].name.len < name->len
            && ngx_strncasecmp(prefix[i].name.data, name->data,
                               prefix[i].name.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_adm_has_variable(ngx_conf_t *cf, ngx_http_complex_value_t *value,
    const char *name)
{
    ngx_uint_t                 *index;
    ngx_http_variable_t        *variable;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    variable = cmcf->variables.elts;

    for (index = value->flushes;
         index && *index != (ngx_uint_t) -1;
         index++)
    {
        if (ngx_http_adm_is_word(&variable[*index].name, name)) {
            return 1;
        }
    }

    return 0;
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


ngx_int_t
ngx_http_adm_read_args(ngx_conf_t *cf, void *conf, ngx_http_adm_arg_t *known,
    ngx_uint_t first)
{
    ngx_str_t   *args;
    ngx_uint_t   i, seen;

    args = cf->args->elts;
    seen = 0;

    for (i = first; i < cf->args->nelts; i++) {

        if (ngx_http_adm_read_arg(cf, conf, known, &args[i], &seen)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_read_arg(ngx_conf_t *cf, void *conf, ngx_http_adm_arg_t *known,
    ngx_str_t *text, ngx_uint_t *seen)
{
    ngx_str_t   value, *args;
    ngx_uint_t  i;

    args = cf->args->elts;

    i = ngx_http_adm_find_arg(known, text, &value);

    if (known[i].name == NULL) {
        return ngx_http_adm_unknown_arg(cf, known, text);
    }

    if (*seen & (1 << i)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" in \"%V\"",
                           text, &args[0]);
        return NGX_ERROR;
    }

    *seen |= 1 << i;

    switch (known[i].read(cf, &known[i], &value,
                          (u_char *) conf + known[i].offset))
    {

    case NGX_OK:
        return NGX_OK;

    case NGX_DECLINED:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"%s\" in \"%V\", "
                           "it must be %s",
                           &value, known[i].name, &args[0],
                           known[i].expected);

        /* fall through */

    default:
        return NGX_ERROR;
    }
}


/* where in the table; its end: none of them */

static ngx_uint_t
ngx_http_adm_find_arg(ngx_http_adm_arg_t *known, ngx_str_t *text,
    ngx_str_t *value)
{
    ngx_uint_t  i;

    for (i = 0; known[i].name; i++) {

        if (ngx_http_adm_parameter(text, known[i].name, value)) {
            break;
        }
    }

    return i;
}


ngx_int_t
ngx_http_adm_check_first(ngx_conf_t *cf, ngx_http_adm_arg_t *known,
    ngx_uint_t n, const char *what)
{
    ngx_str_t   value, *args;
    ngx_uint_t  i;

    args = cf->args->elts;
    i = ngx_http_adm_find_arg(known, &args[n], &value);

    if (known[i].name == NULL) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" must have %s before \"%V\"",
                       &args[0], what, &args[n]);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_adm_check_off(ngx_conf_t *cf)
{
    ngx_str_t  *args;

    args = cf->args->elts;

    if (!ngx_http_adm_is_word(&args[1], "off")) {
        return NGX_OK;
    }

    if (cf->args->nelts == 2) {
        return NGX_DECLINED;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"off\" in \"%V\" must stand alone", &args[0]);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_adm_unknown_arg(ngx_conf_t *cf, ngx_http_adm_arg_t *known,
    ngx_str_t *text)
{
    u_char      *p, list[NGX_MAX_CONF_ERRSTR];
    ngx_str_t   *args;
    ngx_uint_t   i;

    args = cf->args->elts;
    p = list;

    for (i = 0; known[i].name; i++) {
        p = ngx_slprintf(p, list + sizeof(list) - 1, "%s\"%s\"",
                         i == 0 ? "" : known[i + 1].name ? ", " : " or ",
                         known[i].name);
    }

    *p = '\0';

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"%V\", it must be %s",
                       text, &args[0], list);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_adm_read_time(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    ngx_int_t  ms;

    ms = ngx_parse_time(value, 0);

    if (value->len == 0 || ms < (ngx_int_t) arg->min
        || ms > (ngx_int_t) arg->max)
    {
        return NGX_DECLINED;
    }

    *(ngx_msec_t *) field = ms;

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_read_seconds(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    ngx_int_t  s;

    s = ngx_parse_time(value, 1);

    if (value->len == 0 || s < (ngx_int_t) arg->min
        || s > (ngx_int_t) arg->max)
    {
        return NGX_DECLINED;
    }

    *(time_t *) field = s;

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_read_number(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    uint64_t   number;
    adm_str_t  literal;

    literal.len = value->len;
    literal.data = value->data;

    if (adm_uint_parse(literal, arg->min, arg->max, &number) != ADM_OK) {
        return NGX_DECLINED;
    }

    *(ngx_uint_t *) field = number;

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_read_size(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    ssize_t  size;

    size = ngx_parse_size(value);

    if (size < (ssize_t) arg->min || size > (ssize_t) arg->max) {
        return NGX_DECLINED;
    }

    *(size_t *) field = size;

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_read_text(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    *(ngx_str_t *) field = *value;

    return value->len ? NGX_OK : NGX_DECLINED;
}


/* nginx' own readers of values refuse what is none, and say why */

ngx_int_t
ngx_http_adm_read_value(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    if (value->len == 0 || ngx_http_adm_is_word(value, "\"\"")
        || ngx_http_adm_is_word(value, "''"))
    {
        return NGX_DECLINED;
    }

    return ngx_http_adm_compile(cf, value, field);
}


/* the word of the table that is meant: "a|b" is 0 for "a", 1 for "b" */

ngx_int_t
ngx_http_adm_read_word(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    ngx_uint_t   n;
    const char  *word, *end;

    word = arg->words;

    for (n = 0; word; n++) {
        end = ngx_strchr(word, '|');

        if (value->len == (end ? (size_t) (end - word) : ngx_strlen(word))
            && ngx_strncmp(value->data, word, value->len) == 0)
        {
            *(ngx_uint_t *) field = n;
            return NGX_OK;
        }

        word = end ? end + 1 : NULL;
    }

    return NGX_DECLINED;
}


/* a word that stands alone: nothing follows it */

ngx_int_t
ngx_http_adm_read_flag(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    *(ngx_uint_t *) field = 1;

    return value->len ? NGX_DECLINED : NGX_OK;
}


/* names of methods that may have a body, separated by commas */

ngx_int_t
ngx_http_adm_read_methods(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    ngx_str_t    list, word;
    ngx_uint_t   i, mask, *methods = field;

    static ngx_conf_enum_t  names[] = {
        { ngx_string("GET"), NGX_HTTP_GET },
        { ngx_string("POST"), NGX_HTTP_POST },
        { ngx_string("PUT"), NGX_HTTP_PUT },
        { ngx_string("PATCH"), NGX_HTTP_PATCH },
        { ngx_string("DELETE"), NGX_HTTP_DELETE },
        { ngx_null_string, 0 }
    };

    list = *value;
    mask = 0;

    while (ngx_http_adm_next_word(&list, &word)) {

        for (i = 0; names[i].name.len; i++) {

            if (ngx_http_adm_is_word(&word, (char *) names[i].name.data)) {
                break;
            }
        }

        if (names[i].name.len == 0 || mask & names[i].value) {
            return NGX_DECLINED;
        }

        mask |= names[i].value;
    }

    *methods = mask;

    return NGX_OK;
}


ngx_uint_t
ngx_http_adm_next_word(ngx_str_t *list, ngx_str_t *word)
{
    u_char  *end, *comma;

    if (list->data == NULL) {
        return 0;
    }

    end = list->data + list->len;
    comma = ngx_strlchr(list->data, end, ',');

    word->data = list->data;
    word->len = (comma ? comma : end) - list->data;

    list->data = comma ? comma + 1 : NULL;
    list->len = comma ? (size_t) (end - comma - 1) : 0;

    return 1;
}


ngx_int_t
ngx_http_adm_read_statuses(ngx_conf_t *cf, ngx_http_adm_arg_t *arg,
    ngx_str_t *value, void *field)
{
    ngx_str_t            list, word;
    ngx_adm_statuses_t   statuses;

    ngx_memzero(&statuses, sizeof(ngx_adm_statuses_t));

    list = *value;

    if (ngx_http_adm_is_word(value, "none")) {
        list.data = NULL;
    }

    while (ngx_http_adm_next_word(&list, &word)) {

        if (ngx_http_adm_read_status(&word, &statuses) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    *(ngx_adm_statuses_t *) field = statuses;

    return NGX_OK;
}


/* "404", or "4xx" for all from 400 to 499 */

static ngx_int_t
ngx_http_adm_read_status(ngx_str_t *word, ngx_adm_statuses_t *statuses)
{
    ngx_int_t  n, last;

    if (word->len != 3 || word->data[0] < '1' || word->data[0] > '5') {
        return NGX_ERROR;
    }

    if (word->data[1] == 'x' && word->data[2] == 'x') {
        n = (word->data[0] - '0') * 100;
        last = n + 99;

    } else {
        n = ngx_atoi(word->data, 3);
        last = n;
    }

    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    for ( /* void */ ; n <= last; n++) {
        statuses->bits[(n - 100) / 64] |= (uint64_t) 1 << ((n - 100) % 64);
    }

    return NGX_OK;
}
