
/*
 * What the site's own scripts ask of a request, and what of a location's
 * policies they leave.
 */


#include <ngx_http_adm.h>
#include <ngx_adm_script.h>
#include <adm_form.h>


/* no variable has a longer one, bytes */
#define NGX_HTTP_ADM_SCRIPT_NAME  128


static ngx_int_t ngx_http_adm_script_argument(ngx_http_adm_ctx_t *ctx,
    ngx_str_t *name, ngx_str_t *value);
static u_char *ngx_http_adm_script_scratch(ngx_http_adm_ctx_t *ctx,
    size_t size);
static ngx_int_t ngx_http_adm_script_field(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_adm_script_variable(ngx_http_adm_ctx_t *ctx,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_adm_script_token(ngx_http_adm_ctx_t *ctx,
    ngx_str_t *name, ngx_str_t *value);
static ngx_adm_use_t *ngx_http_adm_script_room(ngx_http_adm_ctx_t *ctx,
    ngx_str_t *name);


ngx_int_t
ngx_http_adm_script_fact(ngx_adm_subject_t *s, ngx_uint_t fact,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_adm_use_t       *use;
    ngx_http_adm_ctx_t  *ctx;
    ngx_http_request_t  *r;

    ctx = s->owner;
    r = ctx->request;

    switch (fact) {

    case NGX_ADM_FACT_METHOD:
        *value = r->method_name;
        return NGX_OK;

    case NGX_ADM_FACT_URI:
        *value = r->uri;
        return NGX_OK;

    case NGX_ADM_FACT_ADDRESS:
        *value = r->connection->addr_text;
        return NGX_OK;

    case NGX_ADM_FACT_ARGUMENT:
        return ngx_http_adm_script_argument(ctx, name, value);

    case NGX_ADM_FACT_FIELD:
        return ngx_http_adm_script_field(r, name, value);

    case NGX_ADM_FACT_VARIABLE:
        return ngx_http_adm_script_variable(ctx, name, value);

    case NGX_ADM_FACT_TOKEN:
        return ngx_http_adm_script_token(ctx, name, value);

    default:                       /* NGX_ADM_FACT_ROOM */
        use = ngx_http_adm_script_room(ctx, name);

        if (use) {
            *value = use->name;
        }

        return use ? NGX_OK : NGX_DECLINED;
    }
}


/* one that another reader may take for something else is none */

static ngx_int_t
ngx_http_adm_script_argument(ngx_http_adm_ctx_t *ctx, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char              *buf;
    adm_str_t            args, wanted, text;
    adm_form_rc_e        rc;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (r->args.len == 0) {
        return NGX_DECLINED;
    }

    buf = ngx_http_adm_script_scratch(ctx, r->args.len);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    args.len = r->args.len;
    args.data = r->args.data;
    wanted.len = name->len;
    wanted.data = name->data;

    rc = adm_form_field(args, wanted, buf, &text);

    if (rc != ADM_FORM_OK) {
        return (rc == ADM_FORM_ABSENT) ? NGX_DECLINED : NGX_BUSY;
    }

    value->len = text.len;
    value->data = (u_char *) text.data;

    return NGX_OK;
}


/*
 * For what is decoded: one for all that a script asks for, since a value is
 * the script's own as soon as it has it, and a request's pool only grows.
 */

static u_char *
ngx_http_adm_script_scratch(ngx_http_adm_ctx_t *ctx, size_t size)
{
    ngx_str_t  *scratch;

    scratch = &ctx->scratch;

    if (scratch->len < size) {
        scratch->data = ngx_pnalloc(ctx->request->pool, size);
        scratch->len = scratch->data ? size : 0;
    }

    return scratch->data;
}


static ngx_int_t
ngx_http_adm_script_field(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    if (ngx_http_adm_request_field(r, name, value) != NGX_OK) {
        return NGX_ERROR;
    }

    return value->data ? NGX_OK : NGX_DECLINED;
}


/* a field of the body is not there yet, and nobody waits for it */

static ngx_int_t
ngx_http_adm_script_variable(ngx_http_adm_ctx_t *ctx, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char                      low[NGX_HTTP_ADM_SCRIPT_NAME];
    ngx_int_t                   rc;
    ngx_str_t                   lower;
    ngx_uint_t                  key;
    ngx_adm_reason_e            reason;
    ngx_http_variable_value_t  *v;

    if (name->len > sizeof(low)) {
        return NGX_DECLINED;
    }

    key = ngx_hash_strlow(low, name->data, name->len);

    lower.len = name->len;
    lower.data = low;

    ngx_http_adm_field_watch(ctx);

    v = ngx_http_get_variable(ctx->request, &lower, key);

    rc = ngx_http_adm_field_watched(ctx, &reason);

    if (v == NULL || rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (v->not_found || !v->valid || rc != NGX_OK) {
        return NGX_DECLINED;
    }

    value->len = v->len;
    value->data = v->data;

    return NGX_OK;
}


/*
 * The best that the client has of a room of the location: signed by us and in
 * time.  Whether it was ended, or is bound to another client, is for the room.
 */

static ngx_int_t
ngx_http_adm_script_token(ngx_http_adm_ctx_t *ctx, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_str_t            *tokens;
    adm_str_t             audience, text;
    ngx_uint_t            i, n, found;
    adm_token_t           token;
    ngx_adm_use_t        *use;
    ngx_adm_subject_t    *s;
    ngx_http_adm_room_t  *room;

    static ngx_str_t  words[] = {
        ngx_string("pre"), ngx_string("ticket"), ngx_string("pass")
    };

    s = &ctx->subject;
    use = ngx_http_adm_script_room(ctx, name);

    if (use == NULL) {
        return NGX_DECLINED;
    }

    room = ngx_http_adm_room_of(use);

    if (ngx_http_adm_tokens(ctx->request, room, s->dry_run, &tokens, &n)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    audience.len = s->dry_run ? room->room.shadow.len : room->room.name.len;
    audience.data = s->dry_run ? room->room.shadow.data : room->room.name.data;
    found = 0;

    for (i = 0; i < n; i++) {
        text.len = tokens[i].len;
        text.data = tokens[i].data;

        if (adm_token_read(room->room.keys->keys, room->room.keys->n,
                           audience, text, ngx_time(), &token)
            == ADM_TOKEN_GOOD)
        {
            found = ngx_max(found, 1 + (ngx_uint_t) token.type);
        }
    }

    if (found) {
        *value = words[found - 1];
    }

    return found ? NGX_OK : NGX_DECLINED;
}


/* the use of the room in the location; NULL: it has none */

static ngx_adm_use_t *
ngx_http_adm_script_room(ngx_http_adm_ctx_t *ctx, ngx_str_t *name)
{
    ngx_uint_t      i;
    ngx_adm_use_t  *use;

    for (i = 0; i < ctx->location->npipeline; i++) {
        use = ctx->location->pipeline[i];

        if (use->policy == &ngx_adm_room_policy
            && use->name.len == name->len
            && ngx_memcmp(use->name.data, name->data, name->len) == 0)
        {
            return use;
        }
    }

    return NULL;
}


/*
 * What was said in a rehearsal is good for rehearsals.  A room that was chosen
 * before a redirect is no choice where it does not stand: there all apply.
 */

ngx_uint_t
ngx_http_adm_script_spares(ngx_http_adm_ctx_t *ctx, ngx_adm_use_t *use)
{
    ngx_uint_t       dry_run;
    ngx_adm_use_t   *room;
    ngx_adm_said_t  *said;

    said = ctx->subject.said;

    if (said == NULL || use->policy == &ngx_adm_script_policy) {
        return 0;
    }

    dry_run = (ctx->mode == NGX_HTTP_ADM_DRY_RUN);

    if (said->bypass && (dry_run || !said->bypass_dry)) {
        return 1;
    }

    if (said->room.len == 0 || use->policy != &ngx_adm_room_policy
        || (said->room_dry && !dry_run))
    {
        return 0;
    }

    room = ngx_http_adm_script_room(ctx, &said->room);

    return room && room != use;
}
