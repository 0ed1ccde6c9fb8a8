
/*
 * The resources /rooms and /rooms/NAME of admission_control: what an operator
 * may change of a room while nginx runs, and how its line is.
 */


#include <ngx_http_adm_module.h>


#define NGX_HTTP_ADM_ROOM_INSIDE   1000000000
#define NGX_HTTP_ADM_ROOM_TEXT     64


/* a member of /rooms/NAME, and how its value stands in a setting */

typedef struct {
    /* NGX_DECLINED: it is not what is expected */
    ngx_int_t   (*read)(json_t *member, ngx_uint_t *value);

    /* at most NGX_HTTP_ADM_ROOM_TEXT bytes; the end of them */
    u_char     *(*print)(u_char *p, ngx_uint_t value);

    ngx_uint_t    number;        /* it is told as one */
    const char   *expected;      /* "%s" is the member's name */
} ngx_http_adm_room_member_t;


/* what is asked for, once it is known to be right */

typedef struct {
    ngx_uint_t    values[NGX_ADM_ROOM_SETS];
    ngx_uint_t    changed;       /* mask of these */
    ngx_uint_t    voids;
} ngx_http_adm_room_change_t;


static ngx_int_t ngx_http_adm_room_read_rate(json_t *member,
    ngx_uint_t *value);
static u_char *ngx_http_adm_room_print_rate(u_char *p, ngx_uint_t value);
static ngx_int_t ngx_http_adm_room_read_number(json_t *member,
    ngx_uint_t *value);
static u_char *ngx_http_adm_room_print_number(u_char *p, ngx_uint_t value);
static ngx_int_t ngx_http_adm_room_read_mode(json_t *member,
    ngx_uint_t *value);
static u_char *ngx_http_adm_room_print_mode(u_char *p, ngx_uint_t value);
static ngx_int_t ngx_http_adm_room_read_state(json_t *member,
    ngx_uint_t *value);
static u_char *ngx_http_adm_room_print_state(u_char *p, ngx_uint_t value);
static ngx_int_t ngx_http_adm_room_read_ends(json_t *member,
    ngx_uint_t *value);
static u_char *ngx_http_adm_room_print_ends(u_char *p, ngx_uint_t value);
static ngx_int_t ngx_http_adm_room_read_word(json_t *member, ngx_str_t *words,
    ngx_uint_t *value);

static json_t *ngx_http_adm_room_value(ngx_uint_t set, ngx_uint_t value);
static json_t *ngx_http_adm_room_line(ngx_adm_room_t *room);
static ngx_str_t *ngx_http_adm_room_member(ngx_http_request_t *r,
    const char *name, json_t *member, ngx_http_adm_room_change_t *change);
static void ngx_http_adm_room_apply(ngx_http_request_t *r,
    ngx_adm_room_t *room, ngx_http_adm_room_change_t *change, ngx_str_t *by);
static void ngx_http_adm_room_write(ngx_http_request_t *r,
    ngx_adm_room_t *room, ngx_uint_t set, ngx_uint_t value, ngx_str_t *by);


/* in the order of ngx_adm_room_set_e */

static ngx_http_adm_room_member_t
    ngx_http_adm_room_members[NGX_ADM_ROOM_SETS] =
{
    { ngx_http_adm_room_read_rate, ngx_http_adm_room_print_rate, 0,
      "\"%s\" must be null or a rate of 1 to 1000000, as \"50r/s\", "
      "\"600r/m\", \"50r/h\" or \"500r/d\"; to call nobody, "
      "\"state\" is \"paused\"" },

    { ngx_http_adm_room_read_number, ngx_http_adm_room_print_number, 1,
      "\"%s\" must be null or a number of people, at most 1000000000; "
      "0 is no ceiling" },

    { ngx_http_adm_room_read_mode, ngx_http_adm_room_print_mode, 0,
      "\"%s\" must be \"auto\", \"always\", \"off\" or null" },

    { ngx_http_adm_room_read_state, ngx_http_adm_room_print_state, 0,
      "\"%s\" must be \"open\", \"paused\", \"closed\" or null" },

    { ngx_http_adm_room_read_ends, ngx_http_adm_room_print_ends, 0,
      "\"%s\" must be null, \"never\" or a moment, "
      "as \"2026-11-27T12:00:00Z\"" }
};


/* by ngx_adm_room_mode_e and ngx_adm_room_state_e */

static ngx_str_t  ngx_http_adm_room_modes[] = {
    ngx_string("off"),
    ngx_string("auto"),
    ngx_string("always"),
    ngx_null_string
};


static ngx_str_t  ngx_http_adm_room_states[] = {
    ngx_string("open"),
    ngx_string("paused"),
    ngx_string("closed"),
    ngx_null_string
};


json_t *
ngx_http_adm_tell_rooms(ngx_http_adm_main_conf_t *amcf, void *data)
{
    json_t                *names;
    ngx_uint_t             i;
    ngx_http_adm_room_t  **rooms;

    names = json_array();
    rooms = amcf->rooms.elts;

    for (i = 0; i < amcf->rooms.nelts; i++) {
        json_array_append_new(names,
                              json_stringn((char *) rooms[i]->room.name.data,
                                           rooms[i]->room.name.len));
    }

    return json_pack("{so}", "rooms", names);
}


void *
ngx_http_adm_find_room(ngx_http_adm_main_conf_t *amcf, ngx_str_t *name)
{
    ngx_uint_t             i;
    ngx_http_adm_room_t  **rooms;

    rooms = amcf->rooms.elts;

    for (i = 0; i < amcf->rooms.nelts; i++) {

        if (rooms[i]->room.name.len == name->len
            && ngx_strncmp(rooms[i]->room.name.data, name->data, name->len)
               == 0)
        {
            return &rooms[i]->room;
        }
    }

    return NULL;
}


json_t *
ngx_http_adm_tell_room(ngx_http_adm_main_conf_t *amcf, void *data)
{
    ngx_adm_room_t  *room = data;

    json_t      *told, *configured, *effective;
    ngx_uint_t   i;

    told = json_object();

    for (i = 0; i < NGX_ADM_ROOM_SETS; i++) {
        configured = ngx_http_adm_room_value(i,
                                           ngx_adm_room_configured(room, i));
        effective = ngx_http_adm_room_value(i, ngx_adm_room_setting(room, i));

        json_object_set_new(told, (char *) ngx_adm_room_sets[i].data,
                            ngx_http_adm_control_setting(room->sets[i],
                                                         configured,
                                                         effective));
    }

    if (ngx_adm_room_knows(room)) {
        json_object_set_new(told, "line", ngx_http_adm_room_line(room));
    }

    return told;
}


static json_t *
ngx_http_adm_room_value(ngx_uint_t set, ngx_uint_t value)
{
    u_char  *last;
    u_char   text[NGX_HTTP_ADM_ROOM_TEXT];

    if (ngx_http_adm_room_members[set].number) {
        return json_integer(value);
    }

    last = ngx_http_adm_room_members[set].print(text, value);

    return json_stringn((char *) text, last - text);
}


static json_t *
ngx_http_adm_room_line(ngx_adm_room_t *room)
{
    adm_line_stats_t  stats;

    adm_line_stats(&room->line->line[0], ngx_adm_line_now(), &stats);

    return json_pack("{sI,sI,sI,sI,sI,sI,sI,sI,sI,sf,sf}",
                     "waiting", (json_int_t) stats.waiting,
                     "expected", (json_int_t) stats.expected,
                     "active", (json_int_t) stats.active,
                     "joined", (json_int_t) stats.joined,
                     "frontier", (json_int_t) stats.frontier,
                     "admitted", (json_int_t) stats.admitted,
                     "claimed", (json_int_t) stats.claimed,
                     "lapsed", (json_int_t) stats.lapsed,
                     "moments", (json_int_t) stats.moments,
                     "rate", stats.rate,
                     "share", stats.share);
}


/* all members are looked at before any is changed */

ngx_str_t *
ngx_http_adm_change_room(ngx_http_request_t *r, void *data, json_t *patch)
{
    json_t                      *member;
    ngx_str_t                   *why, by;
    const char                  *name;
    ngx_http_adm_room_change_t   change;

    ngx_memzero(&change, sizeof(ngx_http_adm_room_change_t));

    json_object_foreach(patch, name, member) {
        why = ngx_http_adm_room_member(r, name, member, &change);

        if (why) {
            return why;
        }
    }

    if (change.changed == 0 && !change.voids) {
        return ngx_http_adm_control_sentence(r, "%s",
                                     "no member, expected \"rate\", "
                                     "\"max_active\", \"mode\", \"state\", "
                                     "\"ends\" or \"passes\"");
    }

    if (ngx_http_adm_control_by(r, &by) != NGX_OK) {
        return ngx_http_adm_control_sentence(r, "%s", "out of memory");
    }

    ngx_http_adm_room_apply(r, data, &change, &by);

    return NULL;
}


/* NULL, or why not */

static ngx_str_t *
ngx_http_adm_room_member(ngx_http_request_t *r, const char *name,
    json_t *member, ngx_http_adm_room_change_t *change)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ADM_ROOM_SETS; i++) {

        if (ngx_strcmp(name, ngx_adm_room_sets[i].data) != 0) {
            continue;
        }

        change->changed |= 1 << i;
        change->values[i] = NGX_ADM_SETTING_NONE;

        return (json_is_null(member)
                || ngx_http_adm_room_members[i].read(member,
                                                     &change->values[i])
                   == NGX_OK)
               ? NULL
               : ngx_http_adm_control_sentence(r,
                                        ngx_http_adm_room_members[i].expected,
                                               name);
    }

    if (ngx_strcmp(name, "passes") == 0) {
        change->voids = json_is_string(member)
                        && ngx_strcmp(json_string_value(member), "void") == 0;

        return change->voids ? NULL
               : ngx_http_adm_control_sentence(r, "\"%s\" must be \"void\"",
                                               name);
    }

    return ngx_http_adm_control_sentence(r,
                                    ngx_strcmp(name, "starts") == 0
                                    ? "\"%s\" is not supported by this version"
                                    : "unknown member \"%s\"", name);
}


static void
ngx_http_adm_room_apply(ngx_http_request_t *r, ngx_adm_room_t *room,
    ngx_http_adm_room_change_t *change, ngx_str_t *by)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ADM_ROOM_SETS; i++) {

        if (change->changed & 1 << i) {
            ngx_http_adm_room_write(r, room, i, change->values[i], by);
        }
    }

    ngx_adm_room_apply(room);

    if (change->voids) {
        ngx_adm_room_void(room);

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "admission control: the passes of room \"%V\" are void, "
                      "by \"%V\"", &room->name, by);
    }
}


static void
ngx_http_adm_room_write(ngx_http_request_t *r, ngx_adm_room_t *room,
    ngx_uint_t set, ngx_uint_t value, ngx_str_t *by)
{
    ngx_str_t                    now, was;
    ngx_http_adm_room_member_t  *member;
    u_char                       text[2][NGX_HTTP_ADM_ROOM_TEXT];

    member = &ngx_http_adm_room_members[set];

    was.data = text[0];
    was.len = member->print(text[0], ngx_adm_room_setting(room, set))
              - text[0];

    ngx_adm_setting_write(room->sets[set], value, by);

    now.data = text[1];
    now.len = member->print(text[1], ngx_adm_room_setting(room, set))
              - text[1];

    ngx_http_adm_control_log(r, room->sets[set], &now, &was,
                             value == NGX_ADM_SETTING_NONE, by);
}


static ngx_int_t
ngx_http_adm_room_read_rate(json_t *member, ngx_uint_t *value)
{
    adm_str_t   text;
    adm_rate_t  rate;

    text.data = (u_char *) json_string_value(member);
    text.len = json_string_length(member);

    if (text.data == NULL || adm_rate_parse(text, &rate) != ADM_OK) {
        return NGX_DECLINED;
    }

    *value = rate.count << 32 | rate.period;

    return NGX_OK;
}


static u_char *
ngx_http_adm_room_print_rate(u_char *p, ngx_uint_t value)
{
    ngx_uint_t  period;

    period = value & 0xffffffff;

    return ngx_sprintf(p, "%uir/%c", value >> 32,
                       (period == 1000) ? 's'
                       : (period == 60 * 1000) ? 'm'
                       : (period == 60 * 60 * 1000) ? 'h' : 'd');
}


static ngx_int_t
ngx_http_adm_room_read_number(json_t *member, ngx_uint_t *value)
{
    if (!json_is_integer(member) || json_integer_value(member) < 0
        || json_integer_value(member) > NGX_HTTP_ADM_ROOM_INSIDE)
    {
        return NGX_DECLINED;
    }

    *value = json_integer_value(member);

    return NGX_OK;
}


static u_char *
ngx_http_adm_room_print_number(u_char *p, ngx_uint_t value)
{
    return ngx_sprintf(p, "%ui", value);
}


static ngx_int_t
ngx_http_adm_room_read_mode(json_t *member, ngx_uint_t *value)
{
    return ngx_http_adm_room_read_word(member, ngx_http_adm_room_modes,
                                       value);
}


static u_char *
ngx_http_adm_room_print_mode(u_char *p, ngx_uint_t value)
{
    return ngx_sprintf(p, "%V", &ngx_http_adm_room_modes[value]);
}


static ngx_int_t
ngx_http_adm_room_read_state(json_t *member, ngx_uint_t *value)
{
    return ngx_http_adm_room_read_word(member, ngx_http_adm_room_states,
                                       value);
}


static u_char *
ngx_http_adm_room_print_state(u_char *p, ngx_uint_t value)
{
    return ngx_sprintf(p, "%V", &ngx_http_adm_room_states[value]);
}


static ngx_int_t
ngx_http_adm_room_read_ends(json_t *member, ngx_uint_t *value)
{
    uint64_t   moment;
    adm_str_t  text;

    text.data = (u_char *) json_string_value(member);
    text.len = json_string_length(member);

    if (text.data == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_strcmp(text.data, "never") == 0) {
        *value = 0;
        return NGX_OK;
    }

    if (adm_moment_parse(text, &moment) != ADM_OK) {
        return NGX_DECLINED;
    }

    *value = moment;

    return NGX_OK;
}


static u_char *
ngx_http_adm_room_print_ends(u_char *p, ngx_uint_t value)
{
    return value ? ngx_http_adm_moment(p, value)
                 : ngx_cpymem(p, "never", sizeof("never") - 1);
}


/* the word's index, up to an empty one */

static ngx_int_t
ngx_http_adm_room_read_word(json_t *member, ngx_str_t *words,
    ngx_uint_t *value)
{
    ngx_uint_t  i;

    for (i = 0; words[i].len && json_is_string(member); i++) {

        if (ngx_strcmp(json_string_value(member), words[i].data) == 0) {
            *value = i;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}
