
/*
 * Fields of the client's body as variables.
 *
 * A field is empty until the body has been read for a policy, and is cached
 * only then.  Whoever evaluates values of a policy watches: what was evaluated
 * while the body was missing, or was wrong, is forgotten again, and with it
 * what was made of it, as by a map.  Of two readings of a body the stricter
 * one holds: what another reader might find under the same name is "doubled",
 * so that nobody orders one thing here and another behind us.
 */


#include <ngx_http_adm.h>
#include <adm_form.h>
#include <adm_pointer.h>
#include <jansson.h>


#define NGX_HTTP_ADM_FIELD_INTEGER   (sizeof("-9223372036854775808") - 1)

/*
 * What a regex may cost.  A call of its matcher looks at the rest of the body
 * at most, so calls times bytes bound one attempt, to some 50 ms; attempts, of
 * which there is one for each byte, end when they have taken that time of the
 * processor: a worker that has to wait for it refuses nobody for that.
 */

#define NGX_HTTP_ADM_FIELD_STEPS     (64 * 1024 * 1024)
#define NGX_HTTP_ADM_FIELD_CALLS     100000
#define NGX_HTTP_ADM_FIELD_TIME      20000000         /* ns */
#define NGX_HTTP_ADM_FIELD_LOOK      256              /* attempts */
#define NGX_HTTP_ADM_FIELD_HEAP      8192             /* KiB */


struct ngx_http_adm_fields_s {
    json_t            *root;      /* of the body; NULL: not parsed, or none */
    ngx_adm_reason_e   broken;    /* why it is none */

    /* of the watch */
    u_char            *known;     /* of each variable: it was before */
    ngx_adm_reason_e   reason;    /* of the first field that is wrong */
    unsigned           missed:1;  /* one needs the body */
    unsigned           failed:1;  /* out of memory */
};


/* a walk by a pointer; the first counts, the second writes */

typedef struct {
    ngx_http_adm_field_t  *field;
    ngx_uint_t             many;  /* it has gone through a "*" */
    ngx_uint_t             n;
    size_t                 len;
    u_char                *p;     /* NULL: counts */
} ngx_http_adm_walk_t;


static ngx_http_adm_fields_t *ngx_http_adm_fields_create(
    ngx_http_adm_ctx_t *ctx);
static void ngx_http_adm_field_forget(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_field_read(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_field_t *field, ngx_str_t *value, ngx_adm_reason_e *reason);
static ngx_int_t ngx_http_adm_field_plain(ngx_http_request_t *r,
    ngx_http_adm_field_t *field, ngx_uint_t *plain);
static ngx_uint_t ngx_http_adm_field_type(ngx_http_request_t *r,
    ngx_uint_t kind);
static ngx_int_t ngx_http_adm_field_form(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_field_t *field, ngx_str_t *bytes, ngx_str_t *value,
    ngx_adm_reason_e *reason);
static ngx_int_t ngx_http_adm_field_json(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_field_t *field, ngx_str_t *bytes, ngx_str_t *value,
    ngx_adm_reason_e *reason);
static void ngx_http_adm_field_parse(ngx_http_adm_ctx_t *ctx,
    ngx_str_t *bytes);
static void ngx_http_adm_field_free(void *data);
static ngx_adm_reason_e ngx_http_adm_field_walk(ngx_http_adm_walk_t *walk,
    json_t *node, ngx_uint_t i);
static ngx_adm_reason_e ngx_http_adm_field_element(ngx_http_adm_walk_t *walk,
    json_t *node, ngx_uint_t i);
static ngx_adm_reason_e ngx_http_adm_field_member(ngx_http_adm_walk_t *walk,
    json_t *node, ngx_uint_t i);
static ngx_adm_reason_e ngx_http_adm_field_leaf(ngx_http_adm_walk_t *walk,
    json_t *node);
static ngx_uint_t ngx_http_adm_field_alone(ngx_str_t *text);
static ngx_int_t ngx_http_adm_field_regex(ngx_http_adm_ctx_t *ctx,
    ngx_http_adm_field_t *field, ngx_str_t *bytes, ngx_str_t *value,
    ngx_adm_reason_e *reason);


ngx_int_t
ngx_http_adm_field_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_adm_field_t  *field = (ngx_http_adm_field_t *) data;

    ngx_str_t            value;
    ngx_adm_reason_e     reason;
    ngx_http_adm_ctx_t  *ctx;

    v->len = 0;
    v->data = (u_char *) "";
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    ctx = ngx_http_adm_get_ctx(r);

    if (ctx == NULL || ctx->fields == NULL
        || !(r->main->method & field->methods))
    {
        return NGX_OK;
    }

    if (!ngx_http_adm_has_body(ctx)) {
        ctx->fields->missed = 1;
        return NGX_OK;
    }

    if (ngx_http_adm_field_read(ctx, field, &value, &reason) != NGX_OK) {
        ctx->fields->failed = 1;
        return NGX_ERROR;
    }

    if (reason != NGX_ADM_REASON_NONE) {

        if (ctx->fields->reason == NGX_ADM_REASON_NONE) {
            ctx->fields->reason = reason;
        }

        return NGX_OK;
    }

    v->len = value.len;
    v->data = value.data;
    v->no_cacheable = 0;

    return NGX_OK;
}


void
ngx_http_adm_field_watch(ngx_http_adm_ctx_t *ctx)
{
    ngx_uint_t                  i;
    ngx_http_adm_main_conf_t   *amcf;
    ngx_http_core_main_conf_t  *cmcf;
    ngx_http_variable_value_t  *v;

    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_admission_module);

    if (amcf->fields.nelts == 0) {
        return;
    }

    if (ctx->fields == NULL) {
        ctx->fields = ngx_http_adm_fields_create(ctx);
        if (ctx->fields == NULL) {
            return;
        }
    }

    cmcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_core_module);
    v = ctx->request->variables;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        ctx->fields->known[i] = v[i].valid || v[i].not_found;
    }

    ctx->fields->reason = NGX_ADM_REASON_NONE;
    ctx->fields->missed = 0;
    ctx->fields->failed = 0;
}


static ngx_http_adm_fields_t *
ngx_http_adm_fields_create(ngx_http_adm_ctx_t *ctx)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_adm_fields_t      *fields;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_core_module);

    cln = ngx_pool_cleanup_add(ctx->request->pool,
                               sizeof(ngx_http_adm_fields_t));
    if (cln == NULL) {
        return NULL;
    }

    fields = cln->data;
    ngx_memzero(fields, sizeof(ngx_http_adm_fields_t));

    fields->known = ngx_pnalloc(ctx->request->pool, cmcf->variables.nelts);
    if (fields->known == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_adm_field_free;

    return fields;
}


static void
ngx_http_adm_field_free(void *data)
{
    ngx_http_adm_fields_t  *fields = data;

    json_decref(fields->root);
}


ngx_int_t
ngx_http_adm_field_watched(ngx_http_adm_ctx_t *ctx, ngx_adm_reason_e *reason)
{
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_admission_module);

    if (amcf->fields.nelts == 0) {
        return NGX_OK;
    }

    if (ctx->fields == NULL || ctx->fields->failed) {
        return NGX_ERROR;
    }

    if (ctx->fields->missed) {
        ctx->wants_body = 1;
        ngx_http_adm_field_forget(ctx);
        return NGX_AGAIN;
    }

    if (ctx->fields->reason != NGX_ADM_REASON_NONE) {
        *reason = ctx->fields->reason;
        ngx_http_adm_field_forget(ctx);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_http_adm_field_forget(ngx_http_adm_ctx_t *ctx)
{
    ngx_uint_t                  i;
    ngx_http_core_main_conf_t  *cmcf;
    ngx_http_variable_value_t  *v;

    cmcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_core_module);
    v = ctx->request->variables;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if (!ctx->fields->known[i]) {
            v[i].valid = 0;
            v[i].not_found = 0;
        }
    }
}


/* "reason" is NONE if there is a value, which is not empty then */

static ngx_int_t
ngx_http_adm_field_read(ngx_http_adm_ctx_t *ctx, ngx_http_adm_field_t *field,
    ngx_str_t *value, ngx_adm_reason_e *reason)
{
    ngx_int_t   rc;
    ngx_str_t   bytes;
    ngx_uint_t  plain;

    *reason = NGX_ADM_REASON_NONE;

    rc = ngx_http_adm_body_bytes(ctx, field->max, &bytes);

    if (rc == NGX_DECLINED) {
        *reason = NGX_ADM_REASON_FIELD_LARGE;
        return NGX_OK;
    }

    if (rc != NGX_OK
        || ngx_http_adm_field_plain(ctx->request, field, &plain) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (bytes.len == 0 || !plain) {
        *reason = bytes.len ? NGX_ADM_REASON_FIELD_FORM
                            : NGX_ADM_REASON_FIELD_ABSENT;
        return NGX_OK;
    }

    value->len = 0;

    switch (field->kind) {

    case NGX_HTTP_ADM_FIELD_JSON:
        rc = ngx_http_adm_field_json(ctx, field, &bytes, value, reason);
        break;

    case NGX_HTTP_ADM_FIELD_FORM:
        rc = ngx_http_adm_field_form(ctx, field, &bytes, value, reason);
        break;

    default:                       /* NGX_HTTP_ADM_FIELD_REGEX */
        rc = ngx_http_adm_field_regex(ctx, field, &bytes, value, reason);
    }

    /* an empty value would be nobody's, and so not limited */

    if (rc == NGX_OK && *reason == NGX_ADM_REASON_NONE && value->len == 0) {
        *reason = NGX_ADM_REASON_FIELD_ABSENT;
    }

    return rc;
}


/* whether the body is of the type that the field is of, and not coded */

static ngx_int_t
ngx_http_adm_field_plain(ngx_http_request_t *r, ngx_http_adm_field_t *field,
    ngx_uint_t *plain)
{
    ngx_str_t  coding, types;

    static ngx_str_t  name = ngx_string("content-encoding");
    static ngx_str_t  type = ngx_string("content-type");

    if (ngx_http_adm_request_field(r, &name, &coding) != NGX_OK
        || ngx_http_adm_request_field(r, &type, &types) != NGX_OK)
    {
        return NGX_ERROR;
    }

    *plain = ngx_http_adm_field_type(r, field->kind);

    /* of several types another reader may take another one */

    if (r->headers_in.content_type
        && r->headers_in.content_type->value.len != types.len)
    {
        *plain = 0;
    }

    if (coding.len != 0
        && (coding.len != sizeof("identity") - 1
            || ngx_strncasecmp(coding.data, (u_char *) "identity", coding.len)
               != 0))
    {
        *plain = 0;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_adm_field_type(ngx_http_request_t *r, ngx_uint_t kind)
{
    u_char     *p, *last;
    ngx_str_t   type;

    static ngx_str_t  json = ngx_string("application/json");
    static ngx_str_t  suffix = ngx_string("+json");
    static ngx_str_t  form = ngx_string("application/x-www-form-urlencoded");

    if (kind == NGX_HTTP_ADM_FIELD_REGEX) {
        return 1;
    }

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = r->headers_in.content_type->value;
    last = type.data + type.len;

    for (p = type.data; p < last; p++) {

        if (*p == ';' || *p == ' ' || *p == '\t') {
            break;
        }
    }

    type.len = p - type.data;

    if (kind == NGX_HTTP_ADM_FIELD_FORM) {
        return type.len == form.len
               && ngx_strncasecmp(type.data, form.data, form.len) == 0;
    }

    if (type.len > suffix.len
        && ngx_strncasecmp(p - suffix.len, suffix.data, suffix.len) == 0)
    {
        return 1;
    }

    return type.len == json.len
           && ngx_strncasecmp(type.data, json.data, json.len) == 0;
}


static ngx_int_t
ngx_http_adm_field_form(ngx_http_adm_ctx_t *ctx, ngx_http_adm_field_t *field,
    ngx_str_t *bytes, ngx_str_t *value, ngx_adm_reason_e *reason)
{
    u_char     *buf;
    adm_str_t   form, name, text;

    buf = ngx_pnalloc(ctx->request->pool, bytes->len);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    form.len = bytes->len;
    form.data = bytes->data;
    name.len = field->text.len;
    name.data = field->text.data;

    switch (adm_form_field(form, name, buf, &text)) {

    case ADM_FORM_OK:
        value->len = text.len;
        value->data = buf;
        break;

    case ADM_FORM_ABSENT:
        *reason = NGX_ADM_REASON_FIELD_ABSENT;
        break;

    case ADM_FORM_DOUBLED:
        *reason = NGX_ADM_REASON_FIELD_DOUBLED;
        break;

    default:                       /* ADM_FORM_BAD */
        *reason = NGX_ADM_REASON_FIELD_FORM;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_field_json(ngx_http_adm_ctx_t *ctx, ngx_http_adm_field_t *field,
    ngx_str_t *bytes, ngx_str_t *value, ngx_adm_reason_e *reason)
{
    ngx_http_adm_walk_t  walk;

    ngx_http_adm_field_parse(ctx, bytes);

    if (ctx->fields->root == NULL) {
        *reason = ctx->fields->broken;
        return NGX_OK;
    }

    ngx_memzero(&walk, sizeof(ngx_http_adm_walk_t));
    walk.field = field;

    *reason = ngx_http_adm_field_walk(&walk, ctx->fields->root, 0);

    if (*reason != NGX_ADM_REASON_NONE) {
        return NGX_OK;
    }

    value->data = ngx_pnalloc(ctx->request->pool, walk.len + 1);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    walk.p = value->data;
    walk.n = 0;

    (void) ngx_http_adm_field_walk(&walk, ctx->fields->root, 0);

    value->len = walk.p - value->data;

    return NGX_OK;
}


/* once for all fields: of JSON that is doubled somewhere nothing is certain */

static void
ngx_http_adm_field_parse(ngx_http_adm_ctx_t *ctx, ngx_str_t *bytes)
{
    json_error_t            error;
    ngx_http_adm_fields_t  *fields;

    fields = ctx->fields;

    if (fields->root || fields->broken != NGX_ADM_REASON_NONE) {
        return;
    }

    fields->root = json_loadb((char *) bytes->data, bytes->len,
                              JSON_REJECT_DUPLICATES|JSON_DECODE_ANY, &error);

    if (fields->root == NULL) {
        fields->broken = (json_error_code(&error) == json_error_duplicate_key)
                         ? NGX_ADM_REASON_FIELD_DOUBLED
                         : NGX_ADM_REASON_FIELD_FORM;
    }
}


static ngx_adm_reason_e
ngx_http_adm_field_walk(ngx_http_adm_walk_t *walk, json_t *node, ngx_uint_t i)
{
    if (i == walk->field->ntokens) {
        return ngx_http_adm_field_leaf(walk, node);
    }

    if (json_is_array(node)) {
        return ngx_http_adm_field_element(walk, node, i);
    }

    if (json_is_object(node)) {
        return ngx_http_adm_field_member(walk, node, i);
    }

    return NGX_ADM_REASON_FIELD_ABSENT;
}


/* an element that lacks the field would shift those of another list */

static ngx_adm_reason_e
ngx_http_adm_field_element(ngx_http_adm_walk_t *walk, json_t *node,
    ngx_uint_t i)
{
    size_t             n;
    json_t            *element;
    adm_str_t         *token;
    ngx_adm_reason_e   reason;

    token = &walk->field->tokens[i];

    if (token->len != 1 || token->data[0] != '*') {
        return (adm_pointer_index(*token, &n) == ADM_OK
                && n < json_array_size(node))
               ? ngx_http_adm_field_walk(walk, json_array_get(node, n), i + 1)
               : NGX_ADM_REASON_FIELD_ABSENT;
    }

    walk->many = 1;
    reason = NGX_ADM_REASON_FIELD_ABSENT;

    json_array_foreach(node, n, element) {
        reason = ngx_http_adm_field_walk(walk, element, i + 1);

        if (reason != NGX_ADM_REASON_NONE) {
            break;
        }
    }

    return reason;
}


/* some readers take names in either case: the last of them, or the first */

static ngx_adm_reason_e
ngx_http_adm_field_member(ngx_http_adm_walk_t *walk, json_t *node,
    ngx_uint_t i)
{
    json_t      *value, *found;
    adm_str_t   *token;
    const char  *key;
    ngx_uint_t   n;

    token = &walk->field->tokens[i];
    found = NULL;
    n = 0;

    json_object_foreach(node, key, value) {

        if (ngx_strlen(key) != token->len
            || ngx_strncasecmp((u_char *) key, (u_char *) token->data,
                               token->len)
               != 0)
        {
            continue;
        }

        n++;

        if (ngx_memcmp(key, token->data, token->len) == 0) {
            found = value;
        }
    }

    if (found == NULL) {
        return NGX_ADM_REASON_FIELD_ABSENT;
    }

    return (n == 1) ? ngx_http_adm_field_walk(walk, found, i + 1)
                    : NGX_ADM_REASON_FIELD_DOUBLED;
}


static ngx_adm_reason_e
ngx_http_adm_field_leaf(ngx_http_adm_walk_t *walk, json_t *node)
{
    u_char     digits[NGX_HTTP_ADM_FIELD_INTEGER];
    ngx_str_t  text;

    if (json_is_string(node)) {
        text.len = json_string_length(node);
        text.data = (u_char *) json_string_value(node);

    } else if (json_is_integer(node)) {
        text.data = digits;
        text.len = ngx_sprintf(digits, "%L",
                               (int64_t) json_integer_value(node))
                   - digits;

    } else {
        return NGX_ADM_REASON_FIELD_FORM;
    }

    if (walk->many && !ngx_http_adm_field_alone(&text)) {
        return NGX_ADM_REASON_FIELD_FORM;
    }

    if (walk->p) {

        if (walk->n) {
            *walk->p++ = ',';
        }

        walk->p = ngx_cpymem(walk->p, text.data, text.len);
    }

    walk->n++;
    walk->len += text.len + 1;

    return NGX_ADM_REASON_NONE;
}


/* 1 if it is one element of a list, and can be taken for no other number */

static ngx_uint_t
ngx_http_adm_field_alone(ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < 0x20 || text->data[i] == 0x7f
            || text->data[i] == ',')
        {
            return 0;
        }
    }

    return text->len != 0;
}


#if (NGX_PCRE2)

static ngx_int_t ngx_http_adm_field_matcher(pcre2_match_data **match,
    pcre2_match_context **limits);
static int ngx_http_adm_field_match(ngx_regex_t *regex, ngx_str_t *bytes,
    pcre2_match_data *match, pcre2_match_context *limits);
static uint64_t ngx_http_adm_field_worked(void);


static ngx_int_t
ngx_http_adm_field_regex(ngx_http_adm_ctx_t *ctx, ngx_http_adm_field_t *field,
    ngx_str_t *bytes, ngx_str_t *value, ngx_adm_reason_e *reason)
{
    int                   rc;
    PCRE2_SIZE           *found;
    pcre2_match_data     *match;
    pcre2_match_context  *limits;

    if (ngx_http_adm_field_matcher(&match, &limits) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_adm_field_match(field->regex, bytes, match, limits);

    if (rc == PCRE2_ERROR_NOMATCH) {
        *reason = NGX_ADM_REASON_FIELD_ABSENT;
        return NGX_OK;
    }

    if (rc < 0) {
        ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                      "regex of \"$%V\" takes too much on a body of %uz "
                      "bytes: %d", &field->name, bytes->len, rc);

        *reason = NGX_ADM_REASON_FIELD_FORM;
        return NGX_OK;
    }

    found = pcre2_get_ovector_pointer(match);

    if (rc == 1 || found[2] == PCRE2_UNSET) {
        *reason = NGX_ADM_REASON_FIELD_ABSENT;
        return NGX_OK;
    }

    value->len = found[3] - found[2];
    value->data = bytes->data + found[2];

    return NGX_OK;
}


/* of this process, made with the first of its matches */

static ngx_int_t
ngx_http_adm_field_matcher(pcre2_match_data **match,
    pcre2_match_context **limits)
{
    static pcre2_match_data     *data;
    static pcre2_match_context  *context;

    if (data == NULL) {
        data = pcre2_match_data_create(2, NULL);
    }

    if (context == NULL) {
        context = pcre2_match_context_create(NULL);
    }

    if (data == NULL || context == NULL) {
        return NGX_ERROR;
    }

    (void) pcre2_set_heap_limit(context, NGX_HTTP_ADM_FIELD_HEAP);

    *match = data;
    *limits = context;

    return NGX_OK;
}


/* the limit of PCRE2 is of one attempt: each is made by itself, and timed */

static int
ngx_http_adm_field_match(ngx_regex_t *regex, ngx_str_t *bytes,
    pcre2_match_data *match, pcre2_match_context *limits)
{
    int       rc;
    size_t    i;
    uint64_t  started;

    (void) pcre2_set_match_limit(limits,
                       ngx_min(NGX_HTTP_ADM_FIELD_STEPS / (bytes->len + 1),
                               NGX_HTTP_ADM_FIELD_CALLS));

    started = ngx_http_adm_field_worked();

    for (i = 0; i <= bytes->len; i++) {
        rc = pcre2_match(regex, bytes->data, bytes->len, i, PCRE2_ANCHORED,
                         match, limits);

        if (rc != PCRE2_ERROR_NOMATCH) {
            return rc;
        }

        if ((i + 1) % NGX_HTTP_ADM_FIELD_LOOK == 0
            && ngx_http_adm_field_worked() - started > NGX_HTTP_ADM_FIELD_TIME)
        {
            return PCRE2_ERROR_MATCHLIMIT;
        }
    }

    return PCRE2_ERROR_NOMATCH;
}


/* ns of the processor, of this process; half a microsecond by itself */

static uint64_t
ngx_http_adm_field_worked(void)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) != 0) {
        return 0;
    }

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

#else

/* the directive has refused it */

static ngx_int_t
ngx_http_adm_field_regex(ngx_http_adm_ctx_t *ctx, ngx_http_adm_field_t *field,
    ngx_str_t *bytes, ngx_str_t *value, ngx_adm_reason_e *reason)
{
    *reason = NGX_ADM_REASON_FIELD_FORM;

    return NGX_OK;
}

#endif
