
/*
 * admission_room NAME { ... }
 */


#include <ngx_http_adm_module.h>


/* seconds */

#define NGX_HTTP_ADM_SESSION_MAX   (30 * 24 * 60 * 60)

/* people for 1000 units */

#define NGX_HTTP_ADM_FACTOR_MAX    100000


typedef struct {
    ngx_str_t                 name;
    ngx_uint_t                min;       /* words behind the name ... */
    ngx_uint_t                max;

    /* NULL: of a later version; NGX_ERROR: the sentence is in the log */
    ngx_int_t               (*set)(ngx_conf_t *cf, ngx_http_adm_room_t *room);
} ngx_http_adm_room_setting_t;


typedef struct {
    ngx_str_t                 file;
    ngx_uint_t                line;      /* 0: it is not given */
} ngx_http_adm_room_place_t;


static ngx_http_adm_room_t *ngx_http_adm_push_room(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_str_t *name);
static void ngx_http_adm_room_begin(ngx_conf_t *cf,
    ngx_http_adm_room_t *room, ngx_str_t *name);
static char *ngx_http_adm_room_block(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static char *ngx_http_adm_room_setting(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static ngx_http_adm_room_setting_t *ngx_http_adm_room_find(ngx_conf_t *cf,
    ngx_http_adm_room_t *room, ngx_str_t *name);
static ngx_int_t ngx_http_adm_room_once(ngx_conf_t *cf,
    ngx_http_adm_room_t *room, ngx_http_adm_room_place_t *place);

static ngx_int_t ngx_http_adm_set_zone(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_mode(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_rate(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_max_active(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_session(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_claim(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_grace(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_join(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_bind(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_cookie(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_status(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_page(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_ends(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_set_stock(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);

static ngx_int_t ngx_http_adm_set_time(ngx_conf_t *cf,
    ngx_http_adm_room_t *room, time_t min, time_t max, time_t *time);
static ngx_int_t ngx_http_adm_join_key(ngx_conf_t *cf,
    ngx_http_adm_room_t *room, ngx_str_t *text);
static ngx_int_t ngx_http_adm_join_parameter(ngx_conf_t *cf,
    ngx_http_adm_room_t *room, ngx_str_t *arg);
static ngx_int_t ngx_http_adm_cookie_name(ngx_conf_t *cf,
    ngx_http_adm_room_t *room, ngx_str_t *name);
static ngx_int_t ngx_http_adm_cookie_parameter(ngx_conf_t *cf,
    ngx_http_adm_room_t *room, ngx_str_t *arg);
static ngx_int_t ngx_http_adm_cookie_domain(ngx_conf_t *cf,
    ngx_http_adm_room_t *room, ngx_str_t *domain);

static ngx_int_t ngx_http_adm_stock_factor(ngx_conf_t *cf,
    ngx_http_adm_room_t *room, ngx_str_t *arg);
static ngx_int_t ngx_http_adm_stock_sku(ngx_conf_t *cf,
    ngx_http_adm_room_t *room, ngx_str_t *name);

static ngx_int_t ngx_http_adm_room_complete(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_room_defaults(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static ngx_int_t ngx_http_adm_room_cookies(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_room_t *room);
static ngx_uint_t ngx_http_adm_cookie_is(ngx_str_t *name, ngx_str_t *other,
    const char *suffix);

static ngx_str_t *ngx_http_adm_room_name(void *named);
static ngx_str_t *ngx_http_adm_setting_name(void *named);


/* in the order in which they are told; those of later versions are not */

static ngx_http_adm_room_setting_t  ngx_http_adm_room_table[] = {
    { ngx_string("zone"), 1, 1, ngx_http_adm_set_zone },
    { ngx_string("mode"), 1, 1, ngx_http_adm_set_mode },
    { ngx_string("rate"), 1, 1, ngx_http_adm_set_rate },
    { ngx_string("max_active"), 1, 1, ngx_http_adm_set_max_active },
    { ngx_string("session"), 1, 2, ngx_http_adm_set_session },
    { ngx_string("claim"), 1, 1, ngx_http_adm_set_claim },
    { ngx_string("grace"), 1, 1, ngx_http_adm_set_grace },
    { ngx_string("join"), 1, 3, ngx_http_adm_set_join },
    { ngx_string("bind"), 1, 1, ngx_http_adm_set_bind },
    { ngx_string("cookie"), 1, 4, ngx_http_adm_set_cookie },
    { ngx_string("status"), 1, 1, ngx_http_adm_set_status },
    { ngx_string("page"), 1, 1, ngx_http_adm_set_page },
    { ngx_string("ends"), 1, 1, ngx_http_adm_set_ends },
    { ngx_string("stock"), 1, ADM_CART_ITEMS + 1, ngx_http_adm_set_stock },
    { ngx_string("order"), 0, 0, NULL },
    { ngx_string("opens"), 0, 0, NULL },
    { ngx_string("starts"), 0, 0, NULL },
    { ngx_string("class"), 0, 0, NULL },
    { ngx_string("weight"), 0, 0, NULL },
    { ngx_string("challenge"), 0, 0, NULL },
    { ngx_string("languages"), 0, 0, NULL }
};


#define NGX_HTTP_ADM_ROOM_SETTINGS                                            \
    (sizeof(ngx_http_adm_room_table) / sizeof(ngx_http_adm_room_setting_t))


/* a room while its block is read */

typedef struct {
    ngx_http_adm_room_t        *room;
    ngx_http_adm_room_place_t   places[NGX_HTTP_ADM_ROOM_SETTINGS];
} ngx_http_adm_room_block_t;


static ngx_conf_enum_t  ngx_http_adm_room_modes[] = {
    { ngx_string("auto"), NGX_ADM_ROOM_AUTO },
    { ngx_string("always"), NGX_ADM_ROOM_ALWAYS },
    { ngx_string("off"), NGX_ADM_ROOM_OFF },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_adm_room_statuses[] = {
    { ngx_string("503"), 503 },
    { ngx_string("429"), 429 },
    { ngx_string("202"), 202 },
    { ngx_string("200"), 200 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_adm_samesites[] = {
    { ngx_string("lax"), NGX_HTTP_ADM_SAMESITE_LAX },
    { ngx_string("none"), NGX_HTTP_ADM_SAMESITE_NONE },
    { ngx_string("strict"), NGX_HTTP_ADM_SAMESITE_STRICT },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_adm_secures[] = {
    { ngx_string("auto"), NGX_HTTP_ADM_SECURE_AUTO },
    { ngx_string("on"), NGX_HTTP_ADM_SECURE_ON },
    { ngx_string("off"), NGX_HTTP_ADM_SECURE_OFF },
    { ngx_null_string, 0 }
};


char *
ngx_http_adm_room(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_adm_main_conf_t  *amcf = conf;

    ngx_str_t            *value;
    ngx_http_adm_room_t  *room;

    value = cf->args->elts;

    if (ngx_http_adm_check_name(cf, &cmd->name, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    room = ngx_http_adm_push_room(cf, amcf, &value[1]);

    if (room == NULL
        || ngx_http_adm_room_block(cf, room) != NGX_CONF_OK
        || ngx_http_adm_room_complete(cf, amcf, room) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* NULL: out of memory, or the name is taken, or there are too many */

static ngx_http_adm_room_t *
ngx_http_adm_push_room(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_str_t *name)
{
    ngx_http_adm_room_t  *room, **place;

    room = ngx_http_adm_named(&amcf->rooms, ngx_http_adm_room_name, name);

    if (room) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "room \"%V\" is already defined at %V:%ui",
                           name, &room->file, room->line);
        return NULL;
    }

    if (amcf->rooms.nelts == NGX_HTTP_ADM_ROOMS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "room \"%V\" is one too many, "
                           "a node has at most %d", name, NGX_HTTP_ADM_ROOMS);
        return NULL;
    }

    place = ngx_array_push(&amcf->rooms);
    room = ngx_pcalloc(cf->pool, sizeof(ngx_http_adm_room_t));

    if (place == NULL || room == NULL) {
        return NULL;
    }

    *place = room;

    ngx_http_adm_room_begin(cf, room, name);

    return room;
}


static void
ngx_http_adm_room_begin(ngx_conf_t *cf, ngx_http_adm_room_t *room,
    ngx_str_t *name)
{
    /*
     * set by ngx_pcalloc():
     *
     *     room->room.rate.count = 0;
     *     room->room.max_active = 0;
     *     room->room.ends = 0;
     *     room->room.fixed = 0;
     *     room->room.bound = 0;
     *     room->room.memory = NULL;
     *     room->room.skus = { 0 };
     *     room->cookie = { 0, NULL };
     *     room->domain = { 0, NULL };
     *     room->samesite = NGX_HTTP_ADM_SAMESITE_LAX;
     *     room->secure = NGX_HTTP_ADM_SECURE_AUTO;
     *     room->page = NULL;
     *     room->join.value.data = NULL;
     *     room->bind.value.data = NULL;
     *     room->zone = { 0, NULL };
     */

    room->room.name = *name;
    room->room.pool = cf->pool;
    room->room.mode = NGX_ADM_ROOM_AUTO;
    room->room.session = 600;
    room->room.claim = 120;
    room->room.grace = 600;
    room->room.join_rate.count = 20;
    room->room.join_rate.period = 1000;
    room->room.join_burst = 200;
    room->room.factor = 1200;
    room->status = NGX_HTTP_SERVICE_UNAVAILABLE;
    room->file = cf->conf_file->file.name;
    room->line = cf->conf_file->line;
}


static char *
ngx_http_adm_room_block(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    char                       *rv;
    ngx_conf_t                  save;
    ngx_http_adm_room_block_t   block;

    ngx_memzero(&block, sizeof(ngx_http_adm_room_block_t));
    block.room = room;

    save = *cf;
    cf->handler = ngx_http_adm_room_setting;
    cf->handler_conf = (void *) &block;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


static char *
ngx_http_adm_room_setting(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_adm_room_block_t  *block = conf;

    ngx_str_t                    *value;
    ngx_http_adm_room_setting_t  *setting;

    value = cf->args->elts;

    if (ngx_http_adm_is_word(&value[0], "include") && cf->args->nelts == 2) {
        return ngx_conf_include(cf, dummy, conf);
    }

    setting = ngx_http_adm_room_find(cf, block->room, &value[0]);
    if (setting == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts < setting->min + 1
        || cf->args->nelts > setting->max + 1)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\" "
                           "of room \"%V\"",
                           &value[0], &block->room->room.name);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_adm_room_once(cf, block->room,
                               &block->places[setting
                                              - ngx_http_adm_room_table])
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return setting->set(cf, block->room) == NGX_OK ? NGX_CONF_OK
                                                   : NGX_CONF_ERROR;
}


/* NULL, with the sentence in the log: there is none, or not yet */

static ngx_http_adm_room_setting_t *
ngx_http_adm_room_find(ngx_conf_t *cf, ngx_http_adm_room_t *room,
    ngx_str_t *name)
{
    void                         *settings[NGX_HTTP_ADM_ROOM_SETTINGS];
    ngx_str_t                     known;
    ngx_uint_t                    i;
    ngx_array_t                   all;
    ngx_http_adm_room_setting_t  *setting;

    ngx_memzero(&all, sizeof(ngx_array_t));
    all.elts = settings;

    for (i = 0; i < NGX_HTTP_ADM_ROOM_SETTINGS; i++) {
        setting = &ngx_http_adm_room_table[i];
        settings[i] = setting;
        all.nelts += setting->set != NULL;
    }

    setting = ngx_http_adm_named(&all, ngx_http_adm_setting_name, name);

    if (setting) {
        return setting;
    }

    known = ngx_http_adm_names(cf, &all, ngx_http_adm_setting_name);
    all.nelts = NGX_HTTP_ADM_ROOM_SETTINGS;

    if (ngx_http_adm_named(&all, ngx_http_adm_setting_name, name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of room \"%V\" is not supported "
                           "by this version", name, &room->room.name);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown setting \"%V\" of room \"%V\", "
                           "it must be one of %V",
                           name, &room->room.name, &known);
    }

    return NULL;
}


static ngx_int_t
ngx_http_adm_room_once(ngx_conf_t *cf, ngx_http_adm_room_t *room,
    ngx_http_adm_room_place_t *place)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (place->line) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of room \"%V\" is already set at %V:%ui",
                           &value[0], &room->room.name, &place->file,
                           place->line);
        return NGX_ERROR;
    }

    place->file = cf->conf_file->file.name;
    place->line = cf->conf_file->line;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_set_zone(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    ngx_str_t  *value;

    value = cf->args->elts;
    room->zone = value[1];

    return ngx_http_adm_check_name(cf, &value[0], &value[1]);
}


static ngx_int_t
ngx_http_adm_set_mode(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    return ngx_http_adm_enum(cf, ngx_http_adm_room_modes, &value[1], "mode",
                             "of room", &room->room.name, &room->room.mode);
}


static ngx_int_t
ngx_http_adm_set_rate(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    return ngx_http_adm_read_rate(cf, &value[1], "rate", &room->room.name,
                                  "admission_room", &room->room.rate);
}


static ngx_int_t
ngx_http_adm_set_max_active(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    uint64_t    n;
    adm_str_t   text;
    ngx_str_t  *value;

    value = cf->args->elts;

    text.len = value[1].len;
    text.data = value[1].data;

    if (adm_uint_parse(text, 0, NGX_HTTP_ADM_ACTIVE_MAX, &n) != ADM_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number \"%V\" in \"max_active\" "
                           "of room \"%V\", it must be from 0, for no "
                           "ceiling, to %d",
                           &value[1], &room->room.name,
                           NGX_HTTP_ADM_ACTIVE_MAX);
        return NGX_ERROR;
    }

    room->room.max_active = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_set_session(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (cf->args->nelts == 3) {

        if (!ngx_http_adm_is_word(&value[2], "fixed")) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"session\" "
                               "of room \"%V\", it must be \"fixed\" "
                               "or nothing",
                               &value[2], &room->room.name);
            return NGX_ERROR;
        }

        room->room.fixed = 1;
    }

    return ngx_http_adm_set_time(cf, room, 1, NGX_HTTP_ADM_SESSION_MAX,
                                 &room->room.session);
}


static ngx_int_t
ngx_http_adm_set_claim(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    return ngx_http_adm_set_time(cf, room, 1, ADM_LINE_WINDOW,
                                 &room->room.claim);
}


static ngx_int_t
ngx_http_adm_set_grace(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    return ngx_http_adm_set_time(cf, room, 0, ADM_LINE_WINDOW,
                                 &room->room.grace);
}


static ngx_int_t
ngx_http_adm_set_time(ngx_conf_t *cf, ngx_http_adm_room_t *room, time_t min,
    time_t max, time_t *time)
{
    ngx_int_t   n;
    ngx_str_t  *value;

    value = cf->args->elts;

    n = ngx_parse_time(&value[1], 1);

    if (n == NGX_ERROR || value[1].len == 0 || n < min || n > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"%V\" of room \"%V\", "
                           "it must be from %T to %T seconds, as \"10m\"",
                           &value[1], &value[0], &room->room.name, min, max);
        return NGX_ERROR;
    }

    *time = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_set_join(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (ngx_http_adm_check_arguments(cf, 2) != NGX_OK
        || ngx_http_adm_join_key(cf, room, &value[1]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_adm_join_parameter(cf, room, &value[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* nginx' address itself, and nothing around it, is known to be one */

static ngx_int_t
ngx_http_adm_join_key(ngx_conf_t *cf, ngx_http_adm_room_t *room,
    ngx_str_t *text)
{
    room->room.join_prefix = ngx_http_adm_is_word(text, "$binary_remote_addr");

    return ngx_http_adm_compile(cf, text, &room->join);
}


static ngx_int_t
ngx_http_adm_join_parameter(ngx_conf_t *cf, ngx_http_adm_room_t *room,
    ngx_str_t *arg)
{
    uint64_t   burst;
    ngx_str_t  value;

    if (ngx_http_adm_parameter(arg, "rate=", &value)) {
        return ngx_http_adm_read_rate(cf, &value, "join rate",
                                      &room->room.name, "admission_room",
                                      &room->room.join_rate);
    }

    if (ngx_http_adm_parameter(arg, "burst=", &value)) {

        if (ngx_http_adm_read_burst(cf, &value, "join burst",
                                    &room->room.name, "admission_room",
                                    &burst)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        room->room.join_burst = burst;

        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"join\" of room \"%V\", "
                       "it must be \"rate=\" or \"burst=\"",
                       arg, &room->room.name);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_adm_set_bind(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"\" in \"bind\" of room \"%V\", "
                           "it must be one with variables",
                           &room->room.name);
        return NGX_ERROR;
    }

    room->room.bound = 1;

    return ngx_http_adm_compile(cf, &value[1], &room->bind);
}


static ngx_int_t
ngx_http_adm_set_cookie(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (ngx_http_adm_cookie_name(cf, room, &value[1]) != NGX_OK
        || ngx_http_adm_check_arguments(cf, 2) != NGX_OK)
    {
        return NGX_ERROR;
    }

    room->cookie = value[1];

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_adm_cookie_parameter(cf, room, &value[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (room->samesite == NGX_HTTP_ADM_SAMESITE_NONE
        && room->secure == NGX_HTTP_ADM_SECURE_OFF)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"samesite=none\" of cookie \"%V\" of room \"%V\" "
                           "needs \"secure=on\" or \"secure=auto\", "
                           "browsers drop such a cookie otherwise",
                           &room->cookie, &room->room.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a token of RFC 6265; the names that browsers give a sense to are ours */

static ngx_int_t
ngx_http_adm_cookie_name(ngx_conf_t *cf, ngx_http_adm_room_t *room,
    ngx_str_t *name)
{
    adm_str_t  text;

    text.len = name->len;
    text.data = name->data;

    if (!adm_word_valid(text, ADM_NAME_MAX, "!#$%&'*+-.^_`|~")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid cookie \"%V\" of room \"%V\", it must be "
                           "1 to %d letters, digits and any of "
                           "\"!#$%%&'*+-.^_`|~\"",
                           name, &room->room.name, ADM_NAME_MAX);
        return NGX_ERROR;
    }

    if (name->len >= 2 && name->data[0] == '_' && name->data[1] == '_') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "cookie \"%V\" of room \"%V\" must not begin "
                           "with \"__\", \"__Host-\" is added over TLS",
                           name, &room->room.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_cookie_parameter(ngx_conf_t *cf, ngx_http_adm_room_t *room,
    ngx_str_t *arg)
{
    ngx_str_t  value;

    if (ngx_http_adm_parameter(arg, "domain=", &value)) {
        return ngx_http_adm_cookie_domain(cf, room, &value);
    }

    if (ngx_http_adm_parameter(arg, "samesite=", &value)) {
        return ngx_http_adm_enum(cf, ngx_http_adm_samesites, &value,
                                 "samesite", "of cookie", &room->cookie,
                                 &room->samesite);
    }

    if (ngx_http_adm_parameter(arg, "secure=", &value)) {
        return ngx_http_adm_enum(cf, ngx_http_adm_secures, &value, "secure",
                                 "of cookie", &room->cookie, &room->secure);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of cookie \"%V\", it must be "
                       "\"domain=\", \"samesite=\" or \"secure=\"",
                       arg, &room->cookie);

    return NGX_ERROR;
}


/* without the leading dot of RFC 2109, which RFC 6265, 5.2.3, ignores */

static ngx_int_t
ngx_http_adm_cookie_domain(ngx_conf_t *cf, ngx_http_adm_room_t *room,
    ngx_str_t *domain)
{
    adm_str_t  text;

    text.len = domain->len;
    text.data = domain->data;

    if (!adm_word_valid(text, 253, ".-") || domain->data[0] == '.'
        || ngx_strlchr(domain->data, domain->data + domain->len, '.') == NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid domain \"%V\" of cookie \"%V\", "
                           "it must be as \"shop.example\"",
                           domain, &room->cookie);
        return NGX_ERROR;
    }

    room->domain = *domain;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_set_status(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    return ngx_http_adm_enum(cf, ngx_http_adm_room_statuses, &value[1],
                             "status", "of room", &room->room.name,
                             &room->status);
}


static ngx_int_t
ngx_http_adm_set_page(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    room->page = ngx_http_adm_page_file(cf, &value[1], ngx_http_adm_wait_names,
                                        NGX_HTTP_ADM_WAIT_NAMES);

    return room->page ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_adm_set_ends(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    uint64_t    moment;
    adm_str_t   text;
    ngx_str_t  *value;

    value = cf->args->elts;

    text.len = value[1].len;
    text.data = value[1].data;

    if (adm_moment_parse(text, &moment) != ADM_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid moment \"%V\" in \"ends\" of room \"%V\", "
                           "it must be a date with a time and an offset, "
                           "as \"2026-11-27T12:00:00Z\"",
                           &value[1], &room->room.name);
        return NGX_ERROR;
    }

    room->room.ends = moment;

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_set_stock(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (ngx_array_init(&room->room.skus, cf->pool, cf->args->nelts,
                       sizeof(ngx_adm_sku_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "factor=", 7) == 0) {

            if (ngx_http_adm_stock_factor(cf, room, &value[i]) != NGX_OK) {
                return NGX_ERROR;
            }

        } else if (ngx_http_adm_stock_sku(cf, room, &value[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (room->room.skus.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"stock\" of room \"%V\" names no SKU",
                           &room->room.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* fewer people than units would leave some of them unsold */

static ngx_int_t
ngx_http_adm_stock_factor(ngx_conf_t *cf, ngx_http_adm_room_t *room,
    ngx_str_t *arg)
{
    ngx_int_t  factor;

    factor = ngx_atofp(arg->data + 7, arg->len - 7, 3);

    if (factor == NGX_ERROR || factor < 1000
        || factor > NGX_HTTP_ADM_FACTOR_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"stock\" "
                           "of room \"%V\", it must be from 1 to %d, "
                           "as \"factor=1.2\"",
                           arg, &room->room.name,
                           NGX_HTTP_ADM_FACTOR_MAX / 1000);
        return NGX_ERROR;
    }

    room->room.factor = factor;

    return NGX_OK;
}


/* only its name for now: see ngx_http_adm_room_skus() */

static ngx_int_t
ngx_http_adm_stock_sku(ngx_conf_t *cf, ngx_http_adm_room_t *room,
    ngx_str_t *name)
{
    adm_str_t        text;
    ngx_uint_t       i;
    ngx_adm_sku_t  **skus, **place, *sku;

    text.len = name->len;
    text.data = name->data;

    if (!adm_sku_valid(text)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid SKU \"%V\" in \"stock\" "
                           "of room \"%V\", it must be 1 to %d of "
                           "[A-Za-z0-9._~:-]",
                           name, &room->room.name, ADM_SKU_MAX);
        return NGX_ERROR;
    }

    skus = room->room.skus.elts;

    for (i = 0; i < room->room.skus.nelts; i++) {

        if (skus[i]->sku.len == name->len
            && ngx_memcmp(skus[i]->sku.data, name->data, name->len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "SKU \"%V\" stands twice in \"stock\" "
                               "of room \"%V\"", name, &room->room.name);
            return NGX_ERROR;
        }
    }

    place = ngx_array_push(&room->room.skus);
    sku = ngx_pcalloc(cf->pool, sizeof(ngx_adm_sku_t));

    if (place == NULL || sku == NULL) {
        return NGX_ERROR;
    }

    sku->sku = *name;
    *place = sku;

    return NGX_OK;
}


/* what can be told when the block has been read */

static ngx_int_t
ngx_http_adm_room_complete(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_room_t *room)
{
    uint64_t         most;
    ngx_adm_room_t  *of;

    of = &room->room;

    if (of->rate.count == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "room \"%V\" must have \"rate\" setting, "
                           "as \"rate 100r/s;\"", &of->name);
        return NGX_ERROR;
    }

    if (of->claim + of->grace > ADM_LINE_WINDOW) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"claim\" and \"grace\" of room \"%V\" are "
                           "%T seconds together, they must be at most %d",
                           &of->name, of->claim + of->grace, ADM_LINE_WINDOW);
        return NGX_ERROR;
    }

    most = adm_gcra_burst_max(&of->join_rate);

    if (of->join_burst > most) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "join burst %ui of \"%V\" in \"admission_room\" "
                           "takes more than 198 days to drain, it must be "
                           "at most %uL", of->join_burst, &of->name, most);
        return NGX_ERROR;
    }

    if (ngx_http_adm_room_defaults(cf, room) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_adm_room_cookies(cf, amcf, room);
}


static ngx_int_t
ngx_http_adm_room_defaults(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    ngx_str_t  key;

    ngx_str_set(&key, "$binary_remote_addr");

    if (room->cookie.len == 0) {
        room->cookie = ngx_http_adm_concat(cf, "adm_", &room->room.name, "");
    }

    room->room.shadow = ngx_http_adm_concat(cf, "", &room->room.name, "~dry");

    if (room->cookie.data == NULL || room->room.shadow.data == NULL) {
        return NGX_ERROR;
    }

    return room->join.value.data ? NGX_OK
                                 : ngx_http_adm_join_key(cf, room, &key);
}


static ngx_int_t
ngx_http_adm_room_cookies(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_room_t *room)
{
    ngx_uint_t             i;
    ngx_http_adm_room_t   *other, **rooms;

    rooms = amcf->rooms.elts;

    for (i = 0; i < amcf->rooms.nelts; i++) {
        other = rooms[i];

        if (other != room
            && (ngx_http_adm_cookie_is(&room->cookie, &other->cookie, "")
                || ngx_http_adm_cookie_is(&room->cookie, &other->cookie,
                                          NGX_HTTP_ADM_COOKIE_DRY)
                || ngx_http_adm_cookie_is(&other->cookie, &room->cookie,
                                          NGX_HTTP_ADM_COOKIE_DRY)))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "cookie \"%V\" of room \"%V\" clashes with "
                               "\"%V\" of room \"%V\" at %V:%ui, in a dry "
                               "run \"%s\" is added",
                               &room->cookie, &room->room.name,
                               &other->cookie, &other->room.name, &other->file,
                               other->line, NGX_HTTP_ADM_COOKIE_DRY);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* 1 if "name" is the other one and the suffix */

static ngx_uint_t
ngx_http_adm_cookie_is(ngx_str_t *name, ngx_str_t *other, const char *suffix)
{
    return name->len == other->len + ngx_strlen(suffix)
           && ngx_strncmp(name->data, other->data, other->len) == 0
           && ngx_strncmp(name->data + other->len, suffix,
                          ngx_strlen(suffix))
              == 0;
}


ngx_http_adm_room_t *
ngx_http_adm_room_named(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_str_t *name, const char *directive, ngx_str_t *file, ngx_uint_t line)
{
    ngx_str_t             known;
    ngx_http_adm_room_t  *room;

    room = ngx_http_adm_named(&amcf->rooms, ngx_http_adm_room_name, name);

    if (room == NULL) {
        known = ngx_http_adm_names(cf, &amcf->rooms, ngx_http_adm_room_name);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown room \"%V\" in \"%s\" at %V:%ui, "
                      "\"admission_room\" defines %V",
                      name, directive, file, line, &known);

    } else {
        room->used = 1;
    }

    return room;
}


static ngx_str_t *
ngx_http_adm_room_name(void *named)
{
    ngx_http_adm_room_t  *room = named;

    return &room->room.name;
}


static ngx_str_t *
ngx_http_adm_setting_name(void *named)
{
    ngx_http_adm_room_setting_t  *setting = named;

    return &setting->name;
}
