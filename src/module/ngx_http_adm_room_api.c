
/*
 * admission_room_api: a room for programs.
 *
 * A resource is a path below the location: the caller's own state, what may
 * be done with it, and the frontier, which is the same for all.
 */


#include <ngx_http_adm_module.h>


/* nobody's own state */
#define NGX_HTTP_ADM_ROOM_FRONTIER   ((ngx_uint_t) -1)


typedef struct {
    const char           *path;
    ngx_uint_t            methods;
    ngx_str_t             allow;
    ngx_uint_t            what;      /* ngx_adm_room_do_e, or the above */
} ngx_http_adm_room_action_t;


/* of a request; in its pool */

typedef struct {
    ngx_http_adm_room_t  *room;
    ngx_adm_subject_t     subject;
    void                 *state;     /* the room's own */
} ngx_http_adm_room_visit_t;


static ngx_int_t ngx_http_adm_room_api_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_adm_room_api_do(ngx_http_request_t *r,
    ngx_http_adm_room_t *room, ngx_adm_room_do_e what);
static ngx_int_t ngx_http_adm_room_api_ask(ngx_http_request_t *r,
    ngx_http_adm_room_visit_t *visit);
static ngx_int_t ngx_http_adm_room_api_told(ngx_http_adm_ctx_t *ctx);
static ngx_int_t ngx_http_adm_room_api_answer(ngx_http_request_t *r,
    ngx_http_adm_room_visit_t *visit);
static ngx_int_t ngx_http_adm_room_api_subject(ngx_http_request_t *r,
    ngx_http_adm_room_t *room, ngx_adm_subject_t *s);
static ngx_int_t ngx_http_adm_room_api_value(ngx_adm_subject_t *s,
    ngx_uint_t i, ngx_str_t *value);
static ngx_int_t ngx_http_adm_room_api_frontier(ngx_http_request_t *r,
    ngx_http_adm_room_t *room);


ngx_http_adm_content_t  ngx_http_adm_room_api = {
    ngx_string("admission_room_api"),
    ngx_http_adm_room_api_handler,
    NGX_HTTP_ADM_CONTENT_METHODS,
    ngx_null_string,
    NGX_HTTP_ADM_CONTENT_ANYBODY|NGX_HTTP_ADM_CONTENT_PATHS
    |NGX_HTTP_ADM_CONTENT_ROOM
};


static ngx_http_adm_room_action_t  ngx_http_adm_room_actions[] = {
    { "join", NGX_HTTP_POST, ngx_string("POST"), NGX_ADM_ROOM_DO_JOIN },
    { "claim", NGX_HTTP_POST, ngx_string("POST"), NGX_ADM_ROOM_DO_CLAIM },
    { "extend", NGX_HTTP_POST, ngx_string("POST"), NGX_ADM_ROOM_DO_EXTEND },
    { "leave", NGX_HTTP_POST, ngx_string("POST"), NGX_ADM_ROOM_DO_LEAVE },
    { "", NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("GET, HEAD"),
      NGX_ADM_ROOM_ASK },
    { "frontier", NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("GET, HEAD"),
      NGX_HTTP_ADM_ROOM_FRONTIER },
    { NULL, 0, ngx_null_string, 0 }
};


static ngx_int_t
ngx_http_adm_room_api_handler(ngx_http_request_t *r)
{
    ngx_str_t                    path, key;
    ngx_http_adm_loc_conf_t     *alcf;
    ngx_http_adm_room_action_t  *action;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);

    if (ngx_http_adm_content_path(r, &path) != NGX_OK) {
        return NGX_HTTP_NOT_FOUND;
    }

    for (action = ngx_http_adm_room_actions; action->path; action++) {

        if (!ngx_http_adm_is_word(&path, action->path)) {
            continue;
        }

        if (r->method & action->methods) {
            return (action->what == NGX_HTTP_ADM_ROOM_FRONTIER)
                   ? ngx_http_adm_room_api_frontier(r, alcf->room)
                   : ngx_http_adm_room_api_do(r, alcf->room, action->what);
        }

        ngx_str_set(&key, "Allow");

        return ngx_http_adm_add_field(r, &key, &action->allow) == NGX_OK
               ? NGX_HTTP_NOT_ALLOWED : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_HTTP_NOT_FOUND;
}


/* at first, and again once the store has answered */

static ngx_int_t
ngx_http_adm_room_api_do(ngx_http_request_t *r, ngx_http_adm_room_t *room,
    ngx_adm_room_do_e what)
{
    ngx_adm_rc_e                rc;
    ngx_http_adm_ctx_t         *ctx;
    ngx_http_adm_loc_conf_t    *alcf;
    ngx_http_adm_main_conf_t   *amcf;
    ngx_http_adm_room_visit_t  *visit;

    ctx = ngx_http_adm_get_ctx(r);

    if (ctx && ctx->content) {
        return ngx_http_adm_room_api_told(ctx);
    }

    visit = ngx_pcalloc(r->pool, sizeof(ngx_http_adm_room_visit_t));
    if (visit == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    visit->room = room;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);
    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    /* where nothing is decided one may just go, as a poll is told */

    if (ngx_http_adm_mode(amcf, alcf) != NGX_HTTP_ADM_ON) {
        what = NGX_ADM_ROOM_DO_NOTHING;
    }

    if (ngx_http_adm_room_api_subject(r, room, &visit->subject) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_adm_room_do(&visit->subject, &room->room, what, &visit->state);

    if (rc == NGX_ADM_ASK) {
        return ngx_http_adm_room_api_ask(r, visit);
    }

    return (rc == NGX_ADM_ERROR) ? NGX_HTTP_INTERNAL_SERVER_ERROR
                                 : ngx_http_adm_room_api_answer(r, visit);
}


/*
 * What the store is asked: the request sleeps as others do, and the phase
 * engine comes back to the content handler.
 */

static ngx_int_t
ngx_http_adm_room_api_ask(ngx_http_request_t *r,
    ngx_http_adm_room_visit_t *visit)
{
    ngx_http_adm_ctx_t        *ctx;
    ngx_http_adm_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);
    ctx = ngx_http_adm_get_ctx(r);

    if (ctx == NULL) {
        ctx = ngx_http_adm_create_ctx(r, ngx_http_adm_abandon);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        /* a program's question is no decision */

        ctx->over = 1;
        ctx->counted = 1;
    }

    ctx->content = visit;
    ctx->sent = ngx_adm_clock();
    ctx->trip = ngx_adm_trip_create(amcf->keeper);

    if (ctx->trip == NULL
        || ngx_adm_room_claim(&visit->subject, NULL, visit->state, ctx->trip)
           != NGX_ADM_CLAIM)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (ngx_http_adm_suspend(ctx)) {

    case NGX_AGAIN:
        r->main->count++;
        return NGX_DONE;

    case NGX_DECLINED:
        return ngx_http_adm_room_api_told(ctx);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
ngx_http_adm_room_api_told(ngx_http_adm_ctx_t *ctx)
{
    ngx_adm_rc_e                rc;
    ngx_http_adm_room_visit_t  *visit;

    visit = ctx->content;

    rc = ngx_adm_room_conclude(&visit->subject, NULL, visit->state,
                               ctx->expired ? NULL : ctx->trip->commands);
    if (ctx->expired) {
        ngx_adm_trip_cancel(ctx->trip);

    } else {
        ngx_adm_trip_release(ctx->trip);
    }

    ctx->trip = NULL;
    ctx->expired = 0;
    ctx->content = NULL;
    ctx->stored += ngx_adm_clock() - ctx->sent;

    return (rc == NGX_ADM_ERROR)
           ? NGX_HTTP_INTERNAL_SERVER_ERROR
           : ngx_http_adm_room_api_answer(ctx->request, visit);
}


static ngx_int_t
ngx_http_adm_room_api_answer(ngx_http_request_t *r,
    ngx_http_adm_room_visit_t *visit)
{
    ngx_str_t             body;
    ngx_adm_subject_t    *s;
    ngx_http_adm_room_t  *room;

    s = &visit->subject;
    room = visit->room;

    if (ngx_http_adm_room_state(r, room, s->place, &s->grant, &body)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if ((s->grant.token.len || s->grant.drop)
        && ngx_http_adm_grant(r, room, 0, &s->grant) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_adm_send_fresh(r, NGX_HTTP_OK, &ngx_http_adm_json, &body);
}


static ngx_int_t
ngx_http_adm_room_api_subject(ngx_http_request_t *r,
    ngx_http_adm_room_t *room, ngx_adm_subject_t *s)
{
    ngx_http_adm_loc_conf_t   *alcf;
    ngx_http_adm_main_conf_t  *amcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);
    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    s->pool = r->pool;
    s->log = r->connection->log;
    s->values = ngx_pcalloc(r->pool, NGX_ADM_ROOM_VALUES * sizeof(ngx_str_t));
    s->evaluate = ngx_http_adm_room_api_value;
    s->owner = r;
    s->room_fallback = alcf->room_fallback;
    s->failed = amcf->failed;

    if (s->values == NULL) {
        return NGX_ERROR;
    }

    if (room->room.bound
        && ngx_http_complex_value(r, &room->bind,
                                  &s->values[NGX_ADM_ROOM_BIND])
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_adm_tokens(r, room, 0, &s->tokens, &s->ntokens);
}


/* only whoever joins is asked for one more: by what their joins are counted */

static ngx_int_t
ngx_http_adm_room_api_value(ngx_adm_subject_t *s, ngx_uint_t i,
    ngx_str_t *value)
{
    ngx_http_request_t       *r;
    ngx_http_adm_loc_conf_t  *alcf;

    r = s->owner;
    alcf = ngx_http_get_module_loc_conf(r, ngx_http_admission_module);

    return ngx_http_complex_value(r, &alcf->room->join, value);
}


/* what a cache in between may tell everybody for a second */

static ngx_int_t
ngx_http_adm_room_api_frontier(ngx_http_request_t *r,
    ngx_http_adm_room_t *room)
{
    u_char            *p;
    ngx_str_t          key, value, body;
    ngx_uint_t         state;
    adm_line_stats_t   stats;

    static ngx_str_t  states[] = {
        ngx_string("open"),
        ngx_string("paused"),
        ngx_string("closed")
    };

    /* a frontier that was told never falls, so there is none as yet */

    if (!ngx_adm_room_knows(&room->room)) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_str_set(&key, "Cache-Control");
    ngx_str_set(&value, "public, max-age=1");

    adm_line_stats(&room->room.line->line[0], ngx_adm_line_now(), &stats);
    state = ngx_adm_room_setting(&room->room, NGX_ADM_ROOM_SET_STATE);

    p = ngx_pnalloc(r->pool, sizeof("{'room':'','state':'','frontier':,"
                                    "'waiting':}")
                             + room->room.name.len + sizeof("paused")
                             + 2 * NGX_INT64_LEN);
    if (p == NULL || ngx_http_adm_add_field(r, &key, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = p;
    body.len = ngx_sprintf(p, "{\"room\":\"%V\",\"state\":\"%V\","
                              "\"frontier\":%uL,\"waiting\":%uL}",
                           &room->room.name, &states[state], stats.frontier,
                           stats.waiting)
               - p;

    return ngx_http_adm_send(r, NGX_HTTP_OK, &ngx_http_adm_json, &body);
}
