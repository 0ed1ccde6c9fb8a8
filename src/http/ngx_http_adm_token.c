
/*
 * Tokens on their way: what clients send, and what they get with the answer.
 */


#include <ngx_http_adm.h>
#include <ngx_http_adm_text.h>


#define NGX_HTTP_ADM_TOKEN_HOST   "__Host-"
#define NGX_HTTP_ADM_TOKEN_BEARER "Bearer "


/* what is looked for, and what was found */

typedef struct {
    ngx_str_t   *cookie;                 /* the name without its affixes */
    ngx_uint_t   dry_run;
    ngx_str_t   *tokens;
    ngx_uint_t   n;
} ngx_http_adm_search_t;


static void ngx_http_adm_token_cookies(ngx_http_request_t *r,
    ngx_http_adm_search_t *search);
static void ngx_http_adm_token_pairs(ngx_http_adm_search_t *search,
    ngx_str_t *field);
static ngx_uint_t ngx_http_adm_token_name(ngx_http_adm_search_t *search,
    u_char *p, u_char *last);
static void ngx_http_adm_token_found(ngx_http_adm_search_t *search,
    u_char *p, u_char *last);
static ngx_int_t ngx_http_adm_token_cookie(ngx_http_request_t *r,
    ngx_http_adm_room_t *room, ngx_uint_t dry_run, ngx_adm_grant_t *grant);
static ngx_uint_t ngx_http_adm_token_secure(ngx_http_request_t *r,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_token_private(ngx_http_request_t *r);
static void ngx_http_adm_token_surrogates(ngx_http_request_t *r);
static ngx_uint_t ngx_http_adm_token_kept(u_char *p, u_char *last);
static u_char *ngx_http_adm_token_part(u_char *p, u_char *from, u_char *last);


static ngx_str_t  ngx_http_adm_token_fields[] = {
    ngx_string("x-admission-token"),
    ngx_string("authorization")
};


ngx_int_t
ngx_http_adm_tokens(ngx_http_request_t *r, ngx_http_adm_room_t *room,
    ngx_uint_t dry_run, ngx_str_t **tokens, ngx_uint_t *n)
{
    size_t                  bearer;
    ngx_str_t               value;
    ngx_http_adm_search_t   search;

    search.cookie = &room->cookie;
    search.dry_run = dry_run;
    search.n = 0;
    search.tokens = ngx_palloc(r->pool,
                               NGX_ADM_CANDIDATES * sizeof(ngx_str_t));

    if (search.tokens == NULL
        || ngx_http_adm_request_field(r, &ngx_http_adm_token_fields[0], &value)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_adm_token_found(&search, value.data, value.data + value.len);

    bearer = sizeof(NGX_HTTP_ADM_TOKEN_BEARER) - 1;

    if (r->headers_in.authorization) {
        value = r->headers_in.authorization->value;

        if (value.len > bearer
            && ngx_strncasecmp(value.data,
                               (u_char *) NGX_HTTP_ADM_TOKEN_BEARER, bearer)
               == 0)
        {
            ngx_http_adm_token_found(&search, value.data + bearer,
                                     value.data + value.len);
        }
    }

    ngx_http_adm_token_cookies(r, &search);

    *tokens = search.tokens;
    *n = search.n;

    return NGX_OK;
}


static void
ngx_http_adm_token_cookies(ngx_http_request_t *r,
    ngx_http_adm_search_t *search)
{
#if (nginx_version >= 1023000)
    ngx_table_elt_t   *h;

    for (h = r->headers_in.cookie; h; h = h->next) {
        ngx_http_adm_token_pairs(search, &h->value);
    }
#else
    ngx_uint_t         i;
    ngx_table_elt_t  **h;

    h = r->headers_in.cookies.elts;

    for (i = 0; i < r->headers_in.cookies.nelts; i++) {
        ngx_http_adm_token_pairs(search, &h[i]->value);
    }
#endif
}


/* RFC 6265, 4.2.1 and 5.4: a site may have set the name for several paths */

static void
ngx_http_adm_token_pairs(ngx_http_adm_search_t *search, ngx_str_t *field)
{
    u_char  *p, *end, *last, *equal;

    p = field->data;
    last = p + field->len;

    while (p < last) {
        end = memchr(p, ';', last - p);
        end = end ? end : last;

        while (p < end && *p == ' ') {
            p++;
        }

        equal = memchr(p, '=', end - p);

        if (equal && ngx_http_adm_token_name(search, p, equal)) {
            ngx_http_adm_token_found(search, equal + 1, end);
        }

        p = end + 1;
    }
}


/* with or without the prefix; of a dry run its own */

static ngx_uint_t
ngx_http_adm_token_name(ngx_http_adm_search_t *search, u_char *p,
    u_char *last)
{
    size_t  host, dry;

    host = sizeof(NGX_HTTP_ADM_TOKEN_HOST) - 1;
    dry = search->dry_run ? sizeof(NGX_HTTP_ADM_COOKIE_DRY) - 1 : 0;

    if ((size_t) (last - p) == host + search->cookie->len + dry
        && ngx_memcmp(p, NGX_HTTP_ADM_TOKEN_HOST, host) == 0)
    {
        p += host;
    }

    return (size_t) (last - p) == search->cookie->len + dry
           && ngx_memcmp(p, search->cookie->data, search->cookie->len) == 0
           && ngx_memcmp(last - dry, NGX_HTTP_ADM_COOKIE_DRY, dry) == 0;
}


static void
ngx_http_adm_token_found(ngx_http_adm_search_t *search, u_char *p,
    u_char *last)
{
    ngx_str_t  *token;

    while (last > p && last[-1] == ' ') {
        last--;
    }

    if (p == last || search->n == NGX_ADM_CANDIDATES) {
        return;
    }

    token = &search->tokens[search->n++];

    token->data = p;
    token->len = last - p;
}


ngx_int_t
ngx_http_adm_grants(ngx_http_adm_ctx_t *ctx)
{
    ngx_uint_t            n;
    ngx_queue_t          *q;
    ngx_http_adm_step_t  *step;

    n = 0;

    for (q = ngx_queue_head(&ctx->steps);
         q != ngx_queue_sentinel(&ctx->steps);
         q = ngx_queue_next(q))
    {
        step = ngx_queue_data(q, ngx_http_adm_step_t, queue);

        if (step->grant.token.len == 0 && !step->grant.drop) {
            continue;
        }

        if (ngx_http_adm_grant(ctx->request, ngx_http_adm_room_of(step->use),
                               step->dry_run, &step->grant)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        n++;
    }

    return n ? ngx_http_adm_token_private(ctx->request) : NGX_OK;
}


ngx_int_t
ngx_http_adm_grant(ngx_http_request_t *r, ngx_http_adm_room_t *room,
    ngx_uint_t dry_run, ngx_adm_grant_t *grant)
{
    ngx_str_t  key;

    if (ngx_http_adm_token_cookie(r, room, dry_run, grant) != NGX_OK) {
        return NGX_ERROR;
    }

    if (grant->drop || dry_run) {
        return NGX_OK;
    }

    ngx_str_set(&key, "Admission-Token");

    return ngx_http_adm_add_field(r, &key, &grant->token);
}


static ngx_int_t
ngx_http_adm_token_cookie(ngx_http_request_t *r, ngx_http_adm_room_t *room,
    ngx_uint_t dry_run, ngx_adm_grant_t *grant)
{
    u_char      *p;
    ngx_str_t    key, value;
    ngx_uint_t   secure;

    static ngx_str_t  samesites[] = {
        ngx_string("; SameSite=Lax"),
        ngx_string("; SameSite=None"),
        ngx_string("; SameSite=Strict")
    };

    secure = ngx_http_adm_token_secure(r, room);

    p = ngx_pnalloc(r->pool, room->cookie.len + grant->token.len
                             + room->domain.len + NGX_INT64_LEN
                             + sizeof("__Host-_dry=; Path=/; Max-Age=; Domain="
                                      "; Secure; HttpOnly; SameSite=Strict"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;

    if (secure && room->domain.len == 0) {
        p = ngx_http_adm_put(p, NGX_HTTP_ADM_TOKEN_HOST);
    }

    p = ngx_http_adm_put_str(p, &room->cookie);

    if (dry_run) {
        p = ngx_http_adm_put(p, NGX_HTTP_ADM_COOKIE_DRY);
    }

    *p++ = '=';

    if (!grant->drop) {
        p = ngx_http_adm_put_str(p, &grant->token);
    }

    p = ngx_http_adm_put(p, "; Path=/; Max-Age=");
    p = ngx_http_adm_put_number(p, grant->drop ? 0 : grant->age);

    if (room->domain.len) {
        p = ngx_http_adm_put(p, "; Domain=");
        p = ngx_http_adm_put_str(p, &room->domain);
    }

    if (secure) {
        p = ngx_http_adm_put(p, "; Secure");
    }

    p = ngx_http_adm_put(p, "; HttpOnly");
    p = ngx_http_adm_put_str(p, &samesites[room->samesite]);

    value.len = p - value.data;

    ngx_str_set(&key, "Set-Cookie");

    return ngx_http_adm_add_field(r, &key, &value);
}


static ngx_uint_t
ngx_http_adm_token_secure(ngx_http_request_t *r, ngx_http_adm_room_t *room)
{
    if (room->secure != NGX_HTTP_ADM_SECURE_AUTO) {
        return room->secure == NGX_HTTP_ADM_SECURE_ON;
    }

#if (NGX_HTTP_SSL)
    return r->connection->ssl != NULL;
#else
    return 0;
#endif
}


/*
 * What carries a token is for one client: of the answer's own Cache-Control
 * all that is left says nothing to a cache that others use.
 */

static ngx_int_t
ngx_http_adm_token_private(ngx_http_request_t *r)
{
    u_char           *p, *last;
    size_t            len;
    ngx_uint_t        i;
    ngx_str_t         key, value;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_http_adm_token_surrogates(r);

    ngx_str_set(&key, "Cache-Control");

    len = sizeof("private");

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        len += part->nelts * sizeof(", ");
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            len += h[i].value.len;
        }
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    p = ngx_http_adm_put(p, "private");

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0 || h[i].key.len != key.len
                || ngx_strncasecmp(h[i].key.data, key.data, key.len) != 0)
            {
                continue;
            }

            last = h[i].value.data + h[i].value.len;

            if (ngx_strlcasestrn(h[i].value.data, last, (u_char *) "no-store",
                                 sizeof("no-store") - 2))
            {
                return NGX_OK;
            }

            p = ngx_http_adm_token_part(p, h[i].value.data, last);
            h[i].hash = 0;
        }
    }

    value.len = p - value.data;

    return ngx_http_adm_add_field(r, &key, &value);
}


/* what says something else to a cache in between, and goes before the above */

static void
ngx_http_adm_token_surrogates(ngx_http_request_t *r)
{
    ngx_uint_t        i, j;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  gone[] = {
        ngx_string("CDN-Cache-Control"),
        ngx_string("Surrogate-Control")
    };

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            for (j = 0; j < sizeof(gone) / sizeof(gone[0]); j++) {

                if (h[i].key.len == gone[j].len
                    && ngx_strncasecmp(h[i].key.data, gone[j].data,
                                       gone[j].len)
                       == 0)
                {
                    h[i].hash = 0;
                }
            }
        }
    }
}


/* appends the directives that may stay */

static u_char *
ngx_http_adm_token_part(u_char *p, u_char *from, u_char *last)
{
    u_char  *end;

    for ( /* void */ ; from < last; from = end + 1) {
        end = ngx_strlchr(from, last, ',');
        end = end ? end : last;

        while (from < end && *from == ' ') {
            from++;
        }

        if (ngx_http_adm_token_kept(from, end)) {
            p = ngx_http_adm_put(p, ", ");
            p = ngx_cpymem(p, from, end - from);
        }
    }

    return p;
}


static ngx_uint_t
ngx_http_adm_token_kept(u_char *p, u_char *last)
{
    ngx_uint_t  i;

    static ngx_str_t  gone[] = {
        ngx_string("public"),
        ngx_string("private"),
        ngx_string("s-maxage")
    };

    for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {

        if ((size_t) (last - p) >= gone[i].len
            && ngx_strncasecmp(p, gone[i].data, gone[i].len) == 0)
        {
            return 0;
        }
    }

    return p < last;
}
