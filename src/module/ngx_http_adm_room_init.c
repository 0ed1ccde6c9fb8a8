
/*
 * Rooms once all is read: their zones, keys, settings, series.
 */


#include <ngx_http_adm_module.h>
#include <ngx_adm_line_fleet.h>


static void ngx_http_adm_rooms_warn(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);
static ngx_int_t ngx_http_adm_rooms_fit(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf);
static ngx_int_t ngx_http_adm_init_room(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_uint_t i);
static ngx_int_t ngx_http_adm_room_skus(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_adm_room_t *room);
static ngx_int_t ngx_http_adm_room_line(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_http_adm_room_t *room,
    ngx_adm_zone_t *zone);
static ngx_adm_keys_t *ngx_http_adm_room_keys(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_uint_t i, ngx_adm_zone_t *zone);
static ngx_int_t ngx_http_adm_room_series(ngx_conf_t *cf,
    ngx_http_adm_main_conf_t *amcf, ngx_adm_room_t *room);
static ngx_adm_series_t *ngx_http_adm_room_histogram(ngx_conf_t *cf,
    ngx_adm_counters_t *counters, const char *before, ngx_str_t *name);
static ngx_int_t ngx_http_adm_room_settings(ngx_conf_t *cf,
    ngx_adm_settings_t *settings, ngx_adm_room_t *room);
static void ngx_http_adm_room_ceiling(ngx_conf_t *cf,
    ngx_http_adm_room_t *room);
static void ngx_http_adm_room_over(ngx_conf_t *cf, ngx_http_adm_room_t *room);


/* what another node may tell of a setting at most; 0: anything */

static ngx_uint_t  ngx_http_adm_room_most[NGX_ADM_ROOM_SETS] = {
    0,
    0,
    NGX_ADM_ROOM_ALWAYS,
    NGX_ADM_ROOM_CLOSED,
    0
};


char *
ngx_http_adm_init_rooms(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t             i;
    ngx_http_adm_room_t  **rooms;

    rooms = amcf->rooms.elts;

    for (i = 0; i < amcf->rooms.nelts; i++) {

        if (ngx_http_adm_init_room(cf, amcf, i) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        ngx_http_adm_room_ceiling(cf, rooms[i]);
        ngx_http_adm_room_over(cf, rooms[i]);
    }

    if (amcf->rooms.nelts) {
        ngx_http_adm_rooms_warn(cf, amcf);
    }

    return ngx_http_adm_rooms_fit(cf, amcf) == NGX_OK ? NGX_CONF_OK
                                                      : NGX_CONF_ERROR;
}


void
ngx_http_adm_check_rooms(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    ngx_uint_t             i;
    ngx_http_adm_room_t  **rooms;

    rooms = amcf->rooms.elts;

    for (i = 0; i < amcf->rooms.nelts; i++) {

        if (!rooms[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "room \"%V\" at %V:%ui has no effect: no "
                          "\"admission_wait\" puts it before a location",
                          &rooms[i]->room.name, &rooms[i]->file,
                          rooms[i]->line);
        }
    }
}


static void
ngx_http_adm_rooms_warn(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    if (amcf->keys) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"admission_secret_file\" is not set: the key of this "
                  "start signs the tokens of rooms, a restart makes them "
                  "void; \"umask 077; echo k1:$(openssl rand -hex 32) "
                  "> FILE\" makes one");

    if (amcf->state) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"admission_state\" brings back the lines of rooms "
                      "after a restart, but without \"admission_secret_file\" "
                      "nobody has a token that is good there");
    }
}


/* 1/64 is more than nginx needs itself of a zone: 24 bytes a page of 4096 */

static ngx_int_t
ngx_http_adm_rooms_fit(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf)
{
    size_t            least;
    ngx_uint_t        i;
    ngx_adm_zone_t  **zones;

    zones = amcf->zones.elts;

    for (i = 0; i < amcf->zones.nelts; i++) {
        least = zones[i]->rooms * ngx_adm_line_size();
        least += least / 64 + NGX_ADM_ZONE_MIN;

        if (zones[i]->rooms && zones[i]->shm_zone->shm.size < least) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "zone \"%V\" of %uzk at %V:%ui is too small for "
                          "%ui of \"admission_room\", "
                          "it must be at least %uzk",
                          &zones[i]->shm_zone->shm.name,
                          zones[i]->shm_zone->shm.size / 1024,
                          &zones[i]->file, zones[i]->line, zones[i]->rooms,
                          least / 1024 + 1);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_init_room(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_uint_t i)
{
    ngx_adm_room_t        *of;
    ngx_adm_zone_t        *zone;
    ngx_http_adm_room_t  **rooms, *room;

    rooms = amcf->rooms.elts;
    room = rooms[i];
    of = &room->room;

    zone = ngx_http_adm_find_zone(cf, amcf, &room->zone, "room", &of->name,
                                  &room->file, room->line);

    if (zone == NULL
        || ngx_http_adm_room_skus(cf, amcf, of) != NGX_OK
        || ngx_http_adm_room_line(cf, amcf, room, zone) != NGX_OK)
    {
        return NGX_ERROR;
    }

    of->keys = ngx_http_adm_room_keys(cf, amcf, i, zone);

    if (of->keys == NULL
        || ngx_http_adm_room_series(cf, amcf, of) != NGX_OK
        || ngx_http_adm_room_settings(cf, amcf->settings, of) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_adm_room_init(of);
}


static ngx_int_t
ngx_http_adm_room_skus(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_adm_room_t *room)
{
    ngx_uint_t       i;
    ngx_adm_sku_t  **skus;

    if (room->skus.nelts == 0) {
        return NGX_OK;
    }

    room->stock = ngx_http_adm_stock(cf, amcf);

    if (room->stock == NULL) {
        return NGX_ERROR;
    }

    skus = room->skus.elts;

    for (i = 0; i < room->skus.nelts; i++) {
        skus[i] = ngx_adm_stock_declare(room->stock, &skus[i]->sku);

        if (skus[i] == NULL) {
            return NGX_ERROR;
        }

        skus[i]->configured = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_adm_room_line(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_http_adm_room_t *room, ngx_adm_zone_t *zone)
{
    ngx_str_t             name;
    ngx_adm_room_t       *of;
    adm_line_settings_t  *settings;

    of = &room->room;

    /* names of rates and rooms in one zone may be the same */

    name = ngx_http_adm_concat(cf, "room:", &of->name, "");
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    of->line = ngx_adm_line_add(cf, zone, &of->name,
                                amcf->fleet ? NULL : amcf->state);
    of->joins = ngx_adm_rates_add(cf, zone, &name, &room->join.value);

    if (of->line == NULL || of->joins == NULL) {
        return NGX_ERROR;
    }

    if (amcf->fleet
        && ngx_adm_line_fleet_add(cf, of->line, amcf->fleet) == NULL)
    {
        return NGX_ERROR;
    }

    settings = &of->line->settings;

    settings->interval = of->rate.period * 1000000 / of->rate.count;
    settings->max_active = of->max_active;
    settings->session = of->session;
    settings->claim = of->claim;
    settings->grace = of->grace;
    settings->direct = (of->mode == NGX_ADM_ROOM_AUTO);
    settings->paused = 0;

    /* until the first tick */

    settings->stock = of->stock ? ADM_LINE_UNHEARD_OF : ADM_LINE_ANY_STOCK;

    return NGX_OK;
}


/* one for each zone: the rooms before this one may have it */

static ngx_adm_keys_t *
ngx_http_adm_room_keys(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_uint_t i, ngx_adm_zone_t *zone)
{
    ngx_http_adm_room_t  **rooms;

    rooms = amcf->rooms.elts;

    while (i-- > 0) {

        if (rooms[i]->room.line->zone == zone) {
            return rooms[i]->room.keys;
        }
    }

    return ngx_adm_keys_of_zone(cf, zone, amcf->keys);
}


static ngx_int_t
ngx_http_adm_room_series(ngx_conf_t *cf, ngx_http_adm_main_conf_t *amcf,
    ngx_adm_room_t *room)
{
    room->counters = amcf->counters;
    room->tokens = amcf->tokens;

    room->waited = ngx_http_adm_room_histogram(cf, amcf->counters,
                                               "room_wait:", &room->name);
    room->erred = ngx_http_adm_room_histogram(cf, amcf->counters,
                                              "room_error:", &room->name);

    return room->waited && room->erred ? NGX_OK : NGX_ERROR;
}


static ngx_adm_series_t *
ngx_http_adm_room_histogram(ngx_conf_t *cf, ngx_adm_counters_t *counters,
    const char *before, ngx_str_t *name)
{
    ngx_str_t  series;

    series = ngx_http_adm_concat(cf, before, name, "");

    return series.data
           ? ngx_adm_counters_series(counters, NGX_ADM_FAMILY_HISTOGRAM,
                                     &series)
           : NULL;
}


/* "room NAME rate" and so on */

static ngx_int_t
ngx_http_adm_room_settings(ngx_conf_t *cf, ngx_adm_settings_t *settings,
    ngx_adm_room_t *room)
{
    ngx_str_t           name, prefix;
    ngx_uint_t          i;
    ngx_adm_setting_t  *setting;

    prefix = ngx_http_adm_concat(cf, "room ", &room->name, " ");
    if (prefix.data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_ADM_ROOM_SETS; i++) {
        name = ngx_http_adm_concat(cf, "", &prefix,
                                   (char *) ngx_adm_room_sets[i].data);
        if (name.data == NULL) {
            return NGX_ERROR;
        }

        setting = ngx_adm_settings_declare(settings, &name);
        if (setting == NULL) {
            return NGX_ERROR;
        }

        setting->configured = ngx_adm_room_configured(room, i);
        setting->most = ngx_http_adm_room_most[i];
        room->sets[i] = setting;
    }

    return NGX_OK;
}


/* passes that last a session, at the rate: more than there may be at once? */

static void
ngx_http_adm_room_ceiling(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    uint64_t         inside, rate;
    ngx_uint_t       i;
    ngx_adm_room_t  *of;

    static struct {
        uint64_t     period;             /* s */
        const char  *text;
    } units[] = {
        { 1, "r/s" },
        { 60, "r/m" },
        { 60 * 60, "r/h" },
        { 24 * 60 * 60, "r/d" }
    };

    of = &room->room;
    inside = of->rate.count * 1000 * of->session / of->rate.period;

    if (of->max_active == 0 || inside <= of->max_active) {
        return;
    }

    /* in the first unit in which it has two digits, or else a day's */

    for (i = 0; i < 3; i++) {

        if (of->max_active * units[i].period / of->session >= 10) {
            break;
        }
    }

    rate = of->max_active * units[i].period / of->session;

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "room \"%V\" at %V:%ui: its \"rate\" is %uL passes in "
                  "the %T seconds of a \"session\", above its "
                  "\"max_active\" %ui, which sustains %uL%s",
                  &of->name, &room->file, room->line, inside, of->session,
                  of->max_active, rate, units[i].text);
}


static void
ngx_http_adm_room_over(ngx_conf_t *cf, ngx_http_adm_room_t *room)
{
    if (room->room.ends && ngx_time() >= room->room.ends) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "room \"%V\" at %V:%ui: its \"ends\" is in the past, "
                      "so nobody gets a number or a pass",
                      &room->room.name, &room->file, room->line);
    }
}
