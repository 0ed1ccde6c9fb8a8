
/*
 * admission_control: what an operator reads and changes while nginx runs.
 *
 * A resource is a path below the location.  GET tells it, PATCH changes it
 * and tells what has become of it; nothing is changed by GET, by a form, or
 * by a page of another site.
 */


#include <ngx_http_adm_module.h>


#define NGX_HTTP_ADM_CONTROL_BODY   65536


typedef struct {
    const char   *path;          /* "rooms/": a name follows */

    /* what has that name, or NULL: there is none; NULL: no name follows */
    void       *(*find)(ngx_http_adm_main_conf_t *amcf, ngx_str_t *name);

    json_t     *(*tell)(ngx_http_adm_main_conf_t *amcf, void *data);

    /*
     * NULL, or why not, in the request's pool; "patch" is an object.  NULL:
     * there is nothing to change.
     */
    ngx_str_t  *(*change)(ngx_http_request_t *r, void *data, json_t *patch);
} ngx_http_adm_resource_t;


/* a resource that a request is about */

typedef struct {
    ngx_http_adm_resource_t  *resource;
    void                     *data;      /* what has the name */
} ngx_http_adm_target_t;


static ngx_int_t ngx_http_adm_control_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_control_find(ngx_http_request_t *r,
    ngx_http_adm_target_t *target);
static ngx_int_t ngx_http_adm_control_match(ngx_http_request_t *r,
    ngx_http_adm_resource_t *resource, ngx_str_t *path,
    ngx_http_adm_target_t *target);
static ngx_uint_t ngx_http_adm_control_is_json(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_control_foreign(ngx_http_request_t *r);
static void ngx_http_adm_control_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_control_patch(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_control_change(ngx_http_request_t *r,
    json_t *patch);
static ngx_int_t ngx_http_adm_control_text(ngx_http_request_t *r,
    ngx_str_t *text);
static u_char *ngx_http_adm_control_copy(u_char *p, ngx_buf_t *b);
static ngx_int_t ngx_http_adm_control_tell(ngx_http_request_t *r,
    ngx_http_adm_target_t *target);

static json_t *ngx_http_adm_tell_mode(ngx_http_adm_main_conf_t *amcf,
    void *data);
static ngx_str_t *ngx_http_adm_change_mode(ngx_http_request_t *r, void *data,
    json_t *patch);
static void ngx_http_adm_write_mode(ngx_http_request_t *r, ngx_uint_t mode,
    ngx_str_t *by);
static ngx_int_t ngx_http_adm_control_mode(json_t *member, ngx_uint_t *mode);
static const char *ngx_http_adm_mode_word(ngx_uint_t mode);
static const char *ngx_http_adm_mode_configured(
    ngx_http_adm_main_conf_t *amcf);


ngx_http_adm_content_t  ngx_http_adm_control = {
    ngx_string("admission_control"),
    ngx_http_adm_control_handler,
    NGX_HTTP_ADM_CONTENT_METHODS,
    ngx_null_string,
    NGX_HTTP_ADM_CONTENT_PUBLIC|NGX_HTTP_ADM_CONTENT_PATHS
};


static ngx_http_adm_resource_t  ngx_http_adm_resources[] = {
    { "admission", NULL, ngx_http_adm_tell_mode, ngx_http_adm_change_mode },
    { "rooms", NULL, ngx_http_adm_tell_rooms, NULL },
    { "rooms/", ngx_http_adm_find_room, ngx_http_adm_tell_room,
      ngx_http_adm_change_room },
    { "circuits", NULL, ngx_http_adm_tell_circuits, NULL },
    { "circuits/", ngx_http_adm_find_circuit, ngx_http_adm_tell_circuit,
      ngx_http_adm_change_circuit },
    { NULL, NULL, NULL, NULL }
};


static ngx_int_t
ngx_http_adm_control_handler(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_http_adm_target_t  target;

    static ngx_str_t  told = ngx_string("GET, HEAD");
    static ngx_str_t  changed = ngx_string("GET, HEAD, PATCH");

    rc = ngx_http_adm_stock_resource(r);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_http_adm_control_find(r, &target) != NGX_OK) {
        return ngx_http_adm_control_problem(r, NGX_HTTP_NOT_FOUND,
                                            "There is no such resource.", "",
                                            NULL);
    }

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return ngx_http_adm_control_tell(r, &target);
    }

    if (target.resource->change == NULL || r->method != NGX_HTTP_PATCH) {
        return ngx_http_adm_control_not_allowed(r, target.resource->change
                                                   ? &changed : &told);
    }

    return ngx_http_adm_control_read(r, ngx_http_adm_control_body);
}


ngx_int_t
ngx_http_adm_control_read(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler)
{
    ngx_int_t  rc;

    rc = ngx_http_adm_control_foreign(r);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_OK) {
        return ngx_http_adm_control_problem(r, NGX_HTTP_FORBIDDEN,
                                "A page of another site must not do this.",
                                "", NULL);
    }

    if (!ngx_http_adm_control_is_json(r)) {
        return ngx_http_adm_control_problem(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                            "The change must be JSON.",
                                            "Content-Type: application/json",
                                            NULL);
    }

    rc = ngx_http_read_client_request_body(r, handler);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


/* NGX_DECLINED: the path is that of no resource */

static ngx_int_t
ngx_http_adm_control_find(ngx_http_request_t *r,
    ngx_http_adm_target_t *target)
{
    ngx_str_t                 path;
    ngx_http_adm_resource_t  *resource;

    if (ngx_http_adm_content_path(r, &path) != NGX_OK) {
        return NGX_DECLINED;
    }

    for (resource = ngx_http_adm_resources; resource->path; resource++) {

        if (ngx_http_adm_control_match(r, resource, &path, target) == NGX_OK) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_adm_control_match(ngx_http_request_t *r,
    ngx_http_adm_resource_t *resource, ngx_str_t *path,
    ngx_http_adm_target_t *target)
{
    size_t     len;
    ngx_str_t  name;

    target->resource = resource;
    target->data = NULL;

    if (resource->find == NULL) {
        return ngx_http_adm_is_word(path, resource->path) ? NGX_OK
                                                          : NGX_DECLINED;
    }

    len = ngx_strlen(resource->path);

    if (path->len < len || ngx_strncmp(path->data, resource->path, len) != 0) {
        return NGX_DECLINED;
    }

    name.data = path->data + len;
    name.len = path->len - len;

    target->data = resource->find(ngx_http_get_module_main_conf(r,
                                                   ngx_http_admission_module),
                                  &name);

    return target->data ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_adm_control_not_allowed(ngx_http_request_t *r, ngx_str_t *allow)
{
    ngx_str_t  key;

    ngx_str_set(&key, "Allow");

    return ngx_http_adm_add_field(r, &key, allow) == NGX_OK
           ? NGX_HTTP_NOT_ALLOWED : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* a form cannot send this type, and a script of another site has to ask */

static ngx_uint_t
ngx_http_adm_control_is_json(ngx_http_request_t *r)
{
    ngx_str_t  *type;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = &r->headers_in.content_type->value;

    return type->len >= ngx_http_adm_json.len
           && ngx_strncasecmp(type->data, ngx_http_adm_json.data,
                              ngx_http_adm_json.len)
              == 0
           && (type->len == ngx_http_adm_json.len
               || type->data[ngx_http_adm_json.len] == ';'
               || type->data[ngx_http_adm_json.len] == ' ');
}


/* NGX_OK: a browser says that another site asks; NGX_DECLINED; NGX_ERROR */

static ngx_int_t
ngx_http_adm_control_foreign(ngx_http_request_t *r)
{
    ngx_str_t  site, origin, host;

    static ngx_str_t  names[] = {
        ngx_string("sec-fetch-site"),
        ngx_string("origin"),
        ngx_string("host")
    };

    if (ngx_http_adm_request_field(r, &names[0], &site) != NGX_OK
        || ngx_http_adm_request_field(r, &names[1], &origin) != NGX_OK
        || ngx_http_adm_request_field(r, &names[2], &host) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (site.data && !ngx_http_adm_is_word(&site, "same-origin")
        && !ngx_http_adm_is_word(&site, "none"))
    {
        return NGX_OK;
    }

    /* an older browser: scheme://host */

    if (site.data == NULL && origin.data) {
        host = host.data ? host : r->headers_in.server;

        if (origin.len < host.len + 3
            || ngx_strncmp(origin.data + origin.len - host.len - 3, "://", 3)
               != 0
            || ngx_strncasecmp(origin.data + origin.len - host.len, host.data,
                               host.len)
               != 0)
        {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static void
ngx_http_adm_control_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_adm_control_patch(r));
}


static ngx_int_t
ngx_http_adm_control_patch(ngx_http_request_t *r)
{
    json_t     *patch;
    ngx_int_t   rc;

    patch = ngx_http_adm_control_object(r, 0, &rc);

    if (patch == NULL) {
        return rc;
    }

    rc = ngx_http_adm_control_change(r, patch);

    json_decref(patch);

    return rc;
}


json_t *
ngx_http_adm_control_object(ngx_http_request_t *r, ngx_uint_t optional,
    ngx_int_t *rc)
{
    json_t        *object;
    ngx_str_t      text;
    json_error_t   error;

    *rc = ngx_http_adm_control_text(r, &text);

    if (*rc == NGX_DECLINED) {
        *rc = ngx_http_adm_control_problem(r,
                                           NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                           "The change is too large.", "",
                                           NULL);
        return NULL;
    }

    if (*rc != NGX_OK) {
        *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NULL;
    }

    if (text.len == 0 && optional) {
        *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return json_object();
    }

    object = json_loadb((char *) text.data, text.len, JSON_REJECT_DUPLICATES,
                        &error);

    if (object && json_is_object(object)) {
        return object;
    }

    *rc = ngx_http_adm_control_problem(r, NGX_HTTP_BAD_REQUEST,
              object ? "The change must be an object."
                     : "The change is not JSON.",
              object ? ""
                     : (char *) ngx_http_adm_control_sentence(r, "%s",
                                                       error.text)->data,
              NULL);

    json_decref(object);

    return NULL;
}


static ngx_int_t
ngx_http_adm_control_change(ngx_http_request_t *r, json_t *patch)
{
    ngx_str_t              *why;
    ngx_http_adm_target_t   target;

    /* it was there before the body was */

    (void) ngx_http_adm_control_find(r, &target);

    why = target.resource->change(r, target.data, patch);

    return why ? ngx_http_adm_control_problem(r, NGX_HTTP_BAD_REQUEST,
                                              "The change is not possible.",
                                              (char *) why->data, NULL)
               : ngx_http_adm_control_tell(r, &target);
}


/*
 * The body in one piece, wherever the site keeps bodies; NGX_DECLINED: it is
 * longer than changes are
 */

static ngx_int_t
ngx_http_adm_control_text(ngx_http_request_t *r, ngx_str_t *text)
{
    u_char       *p;
    off_t         len;
    ngx_chain_t  *cl;

    len = 0;

    for (cl = r->request_body ? r->request_body->bufs : NULL; cl;
         cl = cl->next)
    {
        len += ngx_buf_size(cl->buf);
    }

    if (len > NGX_HTTP_ADM_CONTROL_BODY) {
        return NGX_DECLINED;
    }

    text->len = len;
    text->data = ngx_pnalloc(r->pool, text->len + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    p = text->data;

    for (cl = len ? r->request_body->bufs : NULL; cl && p; cl = cl->next) {
        p = ngx_http_adm_control_copy(p, cl->buf);
    }

    return p ? NGX_OK : NGX_ERROR;
}


/* NULL: it cannot be read */

static u_char *
ngx_http_adm_control_copy(u_char *p, ngx_buf_t *b)
{
    size_t  len;

    len = ngx_buf_size(b);

    if (ngx_buf_in_memory(b) || len == 0) {
        return ngx_cpymem(p, b->pos, len);
    }

    return (ngx_read_file(b->file, p, len, b->file_pos) == (ssize_t) len)
           ? p + len : NULL;
}


static ngx_int_t
ngx_http_adm_control_tell(ngx_http_request_t *r,
    ngx_http_adm_target_t *target)
{
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    return ngx_http_adm_send_json(r, NGX_HTTP_OK, &ngx_http_adm_json,
                                  target->resource->tell(amcf, target->data));
}


ngx_int_t
ngx_http_adm_control_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *title, const char *detail, const char *reason)
{
    static ngx_str_t  type = ngx_string("application/problem+json");

    return ngx_http_adm_send_json(r, status, &type,
                                  json_pack("{ss,si,ss,ss*}", "title", title,
                                            "status", (int) status,
                                            "detail", detail,
                                            "reason", reason));
}


ngx_str_t *
ngx_http_adm_control_sentence(ngx_http_request_t *r, const char *format,
    const char *word)
{
    size_t      len;
    ngx_str_t  *sentence;

    static ngx_str_t  failed = ngx_string("out of memory");

    len = ngx_strlen(format) + ngx_min(ngx_strlen(word), 128);

    sentence = ngx_palloc(r->pool, sizeof(ngx_str_t) + len + 1);
    if (sentence == NULL) {
        return &failed;
    }

    sentence->data = (u_char *) sentence + sizeof(ngx_str_t);
    sentence->len = ngx_snprintf(sentence->data, len, format, word)
                    - sentence->data;
    sentence->data[sentence->len] = '\0';

    ngx_http_adm_control_ascii(sentence);

    return sentence;
}


void
ngx_http_adm_control_ascii(ngx_str_t *text)
{
    u_char  *p;

    for (p = text->data; p < text->data + text->len; p++) {

        if (*p < 0x20 || *p > 0x7e) {
            *p = '?';
        }
    }
}


ngx_int_t
ngx_http_adm_control_by(ngx_http_request_t *r, ngx_str_t *by)
{
    size_t      room, len;
    ngx_int_t   rc;
    ngx_str_t  *address, *user;

    rc = ngx_http_auth_basic_user(r);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    address = &r->connection->addr_text;
    user = &r->headers_in.user;

    /* the address is known, the user is only said: that is what is cut */

    room = NGX_ADM_SETTING_BY - 1
           - ngx_min(address->len, NGX_ADM_SETTING_BY - 1);
    len = (rc == NGX_OK) ? ngx_min(user->len, room) : 0;

    by->data = ngx_pnalloc(r->pool, len + 1 + address->len);
    if (by->data == NULL) {
        return NGX_ERROR;
    }

    by->len = ngx_sprintf(by->data, "%*s%s%V", len, user->data,
                          len ? "@" : "", address)
              - by->data;

    /* a client names its end of a Unix-domain socket as it likes */

    ngx_http_adm_control_ascii(by);

    return NGX_OK;
}


void
ngx_http_adm_control_log(ngx_http_request_t *r, ngx_adm_setting_t *setting,
    ngx_str_t *now, ngx_str_t *was, ngx_uint_t reset, ngx_str_t *by)
{
    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "admission control: \"%V\" is now %V%s, was %V, by \"%V\"",
                  &setting->name, now,
                  reset ? " again, as configured" : "", was, by);
}


u_char *
ngx_http_adm_moment(u_char *p, time_t moment)
{
    ngx_tm_t  tm;

    ngx_gmtime(moment, &tm);

    return ngx_sprintf(p, "%4d-%02d-%02dT%02d:%02d:%02dZ",
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);
}


json_t *
ngx_http_adm_control_setting(ngx_adm_setting_t *setting, json_t *configured,
    json_t *effective)
{
    u_char              *last;
    ngx_adm_override_t   override;
    u_char               since[NGX_HTTP_ADM_MOMENT];

    ngx_adm_setting_read(setting, &override);

    if (override.value == NGX_ADM_SETTING_NONE) {
        json_decref(effective);

        return json_pack("{sO,so,sn,sn}", "configured", configured,
                         "effective", configured, "since", "by");
    }

    last = ngx_http_adm_moment(since, override.since);

    return json_pack("{so,so,so,so}", "configured", configured,
                     "effective", effective,
                     "since", json_stringn((char *) since, last - since),
                     "by", json_stringn((char *) override.by.data,
                                        override.by.len));
}


static json_t *
ngx_http_adm_tell_mode(ngx_http_adm_main_conf_t *amcf, void *data)
{
    json_t  *configured, *effective;

    configured = json_string(ngx_http_adm_mode_configured(amcf));
    effective = json_string(ngx_http_adm_mode_name(amcf));

    return json_pack("{so}", "mode",
                     ngx_http_adm_control_setting(amcf->mode, configured,
                                                  effective));
}


static ngx_str_t *
ngx_http_adm_change_mode(ngx_http_request_t *r, void *data, json_t *patch)
{
    ngx_str_t    by;
    const char  *name;
    ngx_uint_t   mode;

    name = ngx_http_adm_control_only(patch, "mode");

    if (name) {
        return ngx_http_adm_control_sentence(r, "unknown member \"%s\"",
                                             name);
    }

    if (ngx_http_adm_control_mode(json_object_get(patch, "mode"), &mode)
        != NGX_OK)
    {
        return ngx_http_adm_control_sentence(r, "%s",
                                             "\"mode\" must be \"on\", "
                                             "\"off\", \"dry_run\" or null");
    }

    if (ngx_http_adm_control_by(r, &by) != NGX_OK) {
        return ngx_http_adm_control_sentence(r, "%s", "out of memory");
    }

    ngx_http_adm_write_mode(r, mode, &by);

    return NULL;
}


static void
ngx_http_adm_write_mode(ngx_http_request_t *r, ngx_uint_t mode, ngx_str_t *by)
{
    ngx_str_t                  now, was;
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    was.data = (u_char *) ngx_http_adm_mode_name(amcf);
    was.len = ngx_strlen(was.data);

    ngx_adm_setting_write(amcf->mode, mode, by);

    now.data = (u_char *) ngx_http_adm_mode_name(amcf);
    now.len = ngx_strlen(now.data);

    ngx_http_adm_control_log(r, amcf->mode, &now, &was,
                             mode == NGX_ADM_SETTING_NONE, by);
}


const char *
ngx_http_adm_control_only(json_t *patch, const char *known)
{
    json_t      *member;
    const char  *name;

    json_object_foreach(patch, name, member) {
        if (ngx_strcmp(name, known) != 0) {
            return name;
        }
    }

    return NULL;
}


/* NGX_DECLINED: the member is missing, or none of the modes */

static ngx_int_t
ngx_http_adm_control_mode(json_t *member, ngx_uint_t *mode)
{
    ngx_str_t         word;
    ngx_conf_enum_t  *e;

    if (json_is_null(member)) {
        *mode = NGX_ADM_SETTING_NONE;
        return NGX_OK;
    }

    word.data = (u_char *) json_string_value(member);
    word.len = json_string_length(member);

    for (e = ngx_http_adm_modes; e->name.len; e++) {

        if (word.len == e->name.len
            && ngx_strncmp(word.data, e->name.data, word.len) == 0)
        {
            *mode = e->value;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


const char *
ngx_http_adm_mode_name(ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t  mode;

    mode = ngx_adm_setting(amcf->mode);

    /* what is off in the configuration stays off */

    if (mode == NGX_ADM_SETTING_NONE || amcf->modes == 1 << NGX_HTTP_ADM_OFF) {
        return ngx_http_adm_mode_configured(amcf);
    }

    return (mode != NGX_HTTP_ADM_OFF && amcf->modes & 1 << NGX_HTTP_ADM_OFF)
           ? "mixed" : ngx_http_adm_mode_word(mode);
}


static const char *
ngx_http_adm_mode_word(ngx_uint_t mode)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_adm_modes[i].value != mode; i++) { /* it is there */ }

    return (char *) ngx_http_adm_modes[i].name.data;
}


/* of the locations that have policies */

static const char *
ngx_http_adm_mode_configured(ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_adm_modes[i].name.len; i++) {

        if (amcf->modes == (ngx_uint_t) 1 << ngx_http_adm_modes[i].value) {
            return (char *) ngx_http_adm_modes[i].name.data;
        }
    }

    return "mixed";
}
