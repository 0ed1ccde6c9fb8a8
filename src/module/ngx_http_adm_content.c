
/*
 * What the content handlers of ours have in common: who may ask, by which
 * method, and how JSON is sent.
 */


#include <ngx_http_adm_module.h>
#include <adm_literal.h>


static char *ngx_http_adm_content_word(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_adm_loc_conf_t *alcf, ngx_str_t *word);
static ngx_int_t ngx_http_adm_content_names(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf);
static ngx_uint_t ngx_http_adm_content_uri(ngx_str_t *uri);
static ngx_uint_t ngx_http_adm_content_exact(ngx_http_core_loc_conf_t *clcf);
static ngx_uint_t ngx_http_adm_local(ngx_http_request_t *r);
static ngx_uint_t ngx_http_adm_loopback(struct sockaddr *sa);
static ngx_uint_t ngx_http_adm_own_name(ngx_http_request_t *r);


/* nginx keeps the names of servers only until the configuration is read */

ngx_int_t
ngx_http_adm_content_init(ngx_conf_t *cf)
{
    ngx_uint_t                   i;
    ngx_http_core_srv_conf_t   **servers;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    servers = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        if (ngx_http_adm_content_names(cf, servers[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_content_names(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf)
{
    ngx_uint_t                i;
    ngx_http_server_name_t   *name;
    ngx_http_adm_srv_conf_t  *ascf;

    ascf = cscf->ctx->srv_conf[ngx_http_admission_module.ctx_index];
    name = cscf->server_names.elts;

    ascf->nnames = cscf->server_names.nelts;
    ascf->names = ngx_palloc(cf->pool,
                             (ascf->nnames + 1) * sizeof(ngx_str_t));
    if (ascf->names == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ascf->nnames; i++) {
        ascf->names[i] = name[i].name;
    }

    return NGX_OK;
}


char *
ngx_http_adm_content(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_loc_conf_t  *alcf = conf;

    char                      *rv;
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (alcf->content) {
        return (alcf->content == cmd->post) ? "is duplicate"
               : "stands beside another content handler of this module";
    }

    alcf->content = cmd->post;

    for (i = 1; i < cf->args->nelts; i++) {
        rv = ngx_http_adm_content_word(cf, cmd, alcf, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if ((alcf->content->flags & NGX_HTTP_ADM_CONTENT_PATHS)
        && ngx_http_adm_content_exact(clcf))
    {
        return "has paths below it, and so needs a location by prefix";
    }

    clcf->handler = ngx_http_adm_content_handler;

    return NGX_CONF_OK;
}


/* one that stands in a page, and needs no escaping there */

static ngx_uint_t
ngx_http_adm_content_uri(ngx_str_t *uri)
{
    adm_str_t  text;

    text.len = uri->len;
    text.data = uri->data;

    return adm_word_valid(text, 1024, "/_.~-") && uri->data[0] == '/';
}


static ngx_uint_t
ngx_http_adm_content_exact(ngx_http_core_loc_conf_t *clcf)
{
#if (NGX_PCRE)
    if (clcf->regex) {
        return 1;
    }
#endif

    return clcf->exact_match || clcf->named;
}


static char *
ngx_http_adm_content_word(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_adm_loc_conf_t *alcf, ngx_str_t *word)
{
    ngx_uint_t  flags;

    flags = alcf->content->flags;

    if ((flags & NGX_HTTP_ADM_CONTENT_ROOM) && alcf->room_name.len == 0) {
        alcf->room_name = *word;
        alcf->room_file = cf->conf_file->file.name;
        alcf->room_line = cf->conf_file->line;

        return ngx_http_adm_check_name(cf, &cmd->name, word) == NGX_OK
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if ((flags & NGX_HTTP_ADM_CONTENT_PUBLIC) && !alcf->public
        && ngx_http_adm_is_word(word, "public"))
    {
        alcf->public = 1;
        return NGX_CONF_OK;
    }

    if ((flags & NGX_HTTP_ADM_CONTENT_STRICT) && !alcf->strict
        && ngx_http_adm_is_word(word, "strict"))
    {
        alcf->strict = 1;
        return NGX_CONF_OK;
    }

    if ((flags & NGX_HTTP_ADM_CONTENT_CONTROL) && alcf->control.len == 0
        && ngx_http_adm_parameter(word, "control=", &alcf->control)
        && ngx_http_adm_content_uri(&alcf->control))
    {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"%V\", "
                       "it must be %s or nothing",
                       word, &cmd->name,
                       (flags & NGX_HTTP_ADM_CONTENT_STRICT) ? "\"strict\""
                       : (flags & NGX_HTTP_ADM_CONTENT_CONTROL)
                         ? "\"public\", once, \"control=/URI\", once,"
                         : "\"public\"");

    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_adm_content_handler(ngx_http_request_t *r)
{
    ngx_str_t                 key;
    ngx_http_adm_content_t   *content;
    ngx_http_adm_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);
    content = alcf->content;

    if (!alcf->public && !(content->flags & NGX_HTTP_ADM_CONTENT_ANYBODY)
        && !ngx_http_adm_local(r))
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "access forbidden by \"%V\": it answers "
                      "the loopback only, without a proxy in between, "
                      "under an address, localhost or a server_name, "
                      "unless it is \"public\"", &content->name);
        return NGX_HTTP_FORBIDDEN;
    }

    if (!(r->method & content->methods)) {
        ngx_str_set(&key, "Allow");

        return ngx_http_adm_add_field(r, &key, &content->allow) == NGX_OK
               ? NGX_HTTP_NOT_ALLOWED : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return content->handler(r);
}


ngx_int_t
ngx_http_adm_content_path(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    path->data = r->uri.data + ngx_min(clcf->name.len, r->uri.len);
    path->len = r->uri.data + r->uri.len - path->data;

    if (path->len == 0
        || (clcf->name.len && clcf->name.data[clcf->name.len - 1] == '/'))
    {
        return NGX_OK;
    }

    if (path->data[0] != '/') {
        return NGX_DECLINED;
    }

    path->data++;
    path->len--;

    return NGX_OK;
}


ngx_int_t
ngx_http_adm_send_fresh(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body)
{
    ngx_str_t  key, value;

    ngx_str_set(&key, "Cache-Control");
    ngx_str_set(&value, "no-store");

    if (ngx_http_adm_add_field(r, &key, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_adm_send(r, status, type, body);
}


ngx_int_t
ngx_http_adm_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, json_t *value)
{
    char       *text;
    ngx_str_t   body;

    /* NULL of NULL */

    text = json_dumps(value, JSON_COMPACT|JSON_REAL_PRECISION(9));

    json_decref(value);

    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.len = ngx_strlen(text);
    body.data = ngx_pnalloc(r->pool, body.len);

    if (body.data) {
        ngx_memcpy(body.data, text, body.len);
    }

    free(text);

    return body.data ? ngx_http_adm_send_fresh(r, status, type, &body)
                     : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/*
 * The socket's own peer, whatever realip made of it; and no proxy says that
 * it speaks for somebody else.
 */

static ngx_uint_t
ngx_http_adm_local(ngx_http_request_t *r)
{
    ngx_str_t       value;
    socklen_t       len;
    ngx_uint_t      i;
    ngx_sockaddr_t  sa;

    static ngx_str_t  names[] = {
        ngx_string("forwarded"),
        ngx_string("x-forwarded-for"),
        ngx_string("via"),
    };

    len = sizeof(ngx_sockaddr_t);

    if (r->connection->proxy_protocol
        || getpeername(r->connection->fd, &sa.sockaddr, &len) == -1
        || !ngx_http_adm_loopback(&sa.sockaddr)
        || !ngx_http_adm_own_name(r))
    {
        return 0;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (ngx_http_adm_request_field(r, &names[i], &value) != NGX_OK
            || value.data)
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_adm_loopback(struct sockaddr *sa)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct in6_addr      *in6;
#endif

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        return (ntohl(sin->sin_addr.s_addr) >> 24) == 127;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        in6 = &((struct sockaddr_in6 *) sa)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(in6)
               || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
#endif

#if (NGX_HAVE_UNIX_DOMAIN)
    case AF_UNIX:
        return 1;
#endif

    default:
        return 0;
    }
}


/*
 * A page of a site whose name was made to point here is of the same origin
 * for the browser of whoever sits at this machine; its name gives it away.
 */

static ngx_uint_t
ngx_http_adm_own_name(ngx_http_request_t *r)
{
    ngx_str_t                *host;
    ngx_uint_t                i;
    ngx_http_adm_srv_conf_t  *ascf;

    host = &r->headers_in.server;

    if (host->len == 0 || host->data[0] == '['
        || ngx_inet_addr(host->data, host->len) != INADDR_NONE
        || ngx_http_adm_is_word(host, "localhost"))
    {
        return 1;
    }

    ascf = ngx_http_get_module_srv_conf(r, ngx_http_admission_module);

    for (i = 0; i < ascf->nnames; i++) {

        if (ascf->names[i].len == host->len
            && ngx_strncasecmp(ascf->names[i].data, host->data, host->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}
