
/*
 * How a room answers: its state for programs, its page for people.
 */


#include <ngx_http_adm.h>
#include <ngx_http_adm_text.h>


#define NGX_HTTP_ADM_ROOM_NUMBERS   (10 * NGX_INT64_LEN)
#define NGX_HTTP_ADM_ROOM_WORDS     (2 * NGX_INT64_LEN + 16)


static u_char *ngx_http_adm_room_numbers(u_char *p, ngx_adm_place_t *place,
    ngx_http_adm_placeholder_t *values);
static u_char *ngx_http_adm_room_words(u_char *p, ngx_adm_place_t *place);
static ngx_uint_t ngx_http_adm_room_progress(ngx_adm_place_t *place);


ngx_uint_t
ngx_http_adm_room_polled(ngx_http_request_t *r)
{
    ngx_str_t  value;

    static ngx_str_t  name = ngx_string("admission-poll");

    /* out of memory: it goes the way of all requests, which fails */

    return ngx_http_adm_request_field(r, &name, &value) == NGX_OK
           && value.len == 1 && value.data[0] == '1';
}


ngx_uint_t
ngx_http_adm_room_status(ngx_http_adm_room_t *room, ngx_adm_answer_t *answer)
{
    ngx_adm_reason_t  *reason;

    reason = &ngx_adm_reasons[answer->reason];

    return (reason->verdict == NGX_ADM_VERDICT_WAIT
            && answer->reason != NGX_ADM_REASON_POLL)
           ? room->status : reason->status;
}


/* names and tokens need no escaping */

u_char *
ngx_http_adm_room_tell(u_char *p, ngx_http_adm_room_t *room,
    ngx_adm_place_t *place, ngx_adm_grant_t *grant)
{
    p = ngx_http_adm_put(p, "\"room\":\"");
    p = ngx_http_adm_put_str(p, &room->room.name);
    p = ngx_http_adm_put(p, "\",\"state\":\"");
    p = ngx_http_adm_put_str(p, &ngx_adm_places[place->state]);
    *p++ = '"';

    if (place->has_wait) {
        p = ngx_http_adm_put(p, ",\"position\":");
        p = ngx_http_adm_put_number(p, place->ahead + 1);
        p = ngx_http_adm_put(p, ",\"ahead\":");
        p = ngx_http_adm_put_number(p, place->ahead);
        p = ngx_http_adm_put(p, ",\"wait_seconds\":");
        p = ngx_http_adm_put_number(p, place->wait);
        p = ngx_http_adm_put(p, ",\"wait_range\":[");
        p = ngx_http_adm_put_number(p, place->wait_low);
        *p++ = ',';
        p = ngx_http_adm_put_number(p, place->wait_high);
        *p++ = ']';
    }

    if (place->stock != NGX_ADM_PLACE_STOCKED) {
        p = ngx_http_adm_put(p, ",\"stock\":\"");
        p = ngx_http_adm_put_str(p, &ngx_adm_place_stocks[place->stock]);
        *p++ = '"';
    }

    p = ngx_http_adm_put(p, ",\"poll_after_ms\":");
    p = ngx_http_adm_put_number(p, place->poll);

    if (place->state == NGX_ADM_PLACE_CALLED) {
        p = ngx_http_adm_put(p, ",\"claim_expires_in\":");
        p = ngx_http_adm_put_number(p, place->left);
    }

    if (grant->token.len && !grant->drop) {
        p = ngx_http_adm_put(p, ",\"token\":\"");
        p = ngx_http_adm_put_str(p, &grant->token);
        *p++ = '"';
    }

    return p;
}


size_t
ngx_http_adm_room_size(ngx_http_adm_room_t *room, ngx_adm_grant_t *grant)
{
    return sizeof("{'room':'','state':'','position':,'ahead':,"
                  "'wait_seconds':,'wait_range':[,],'stock':'reserved',"
                  "'poll_after_ms':,"
                  "'claim_expires_in':,'token':''}")
           + room->room.name.len + grant->token.len
           + sizeof("admitted") + NGX_HTTP_ADM_ROOM_NUMBERS;
}


ngx_int_t
ngx_http_adm_room_state(ngx_http_request_t *r, ngx_http_adm_room_t *room,
    ngx_adm_place_t *place, ngx_adm_grant_t *grant, ngx_str_t *body)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, ngx_http_adm_room_size(room, grant));
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    *p++ = '{';
    p = ngx_http_adm_room_tell(p, room, place, grant);
    *p++ = '}';

    body->len = p - body->data;

    return NGX_OK;
}


/* a poll where nothing is decided: one may just go */

ngx_int_t
ngx_http_adm_room_open(ngx_http_request_t *r, ngx_adm_use_t *use)
{
    ngx_int_t        rc;
    ngx_str_t        body, key, value;
    ngx_adm_grant_t  none;
    ngx_adm_place_t  place;

    ngx_memzero(&none, sizeof(ngx_adm_grant_t));
    ngx_memzero(&place, sizeof(ngx_adm_place_t));

    place.state = NGX_ADM_PLACE_OPEN;
    place.poll = ADM_LINE_POLL_MIN;

    ngx_str_set(&key, "Cache-Control");
    ngx_str_set(&value, "no-store");

    if (ngx_http_adm_room_state(r, ngx_http_adm_room_of(use), &place, &none,
                                &body)
        != NGX_OK
        || ngx_http_adm_add_field(r, &key, &value) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_adm_send(r, NGX_HTTP_OK, &ngx_http_adm_json, &body);

    return (rc == NGX_OK || rc == NGX_AGAIN) ? NGX_HTTP_OK : rc;
}


ngx_int_t
ngx_http_adm_room_page(ngx_http_request_t *r, ngx_http_adm_room_t *room,
    ngx_adm_answer_t *answer, ngx_str_t *instance, ngx_str_t *body)
{
    u_char                      *p;
    ngx_uint_t                   i;
    ngx_adm_place_t             *place;
    ngx_adm_reason_t            *reason;
    ngx_http_adm_main_conf_t    *amcf;
    ngx_http_adm_placeholder_t   values[NGX_HTTP_ADM_WAIT_NAMES];

    place = answer->place;
    reason = &ngx_adm_reasons[answer->reason];
    amcf = ngx_http_get_module_main_conf(r, ngx_http_admission_module);

    p = ngx_pnalloc(r->pool, NGX_HTTP_ADM_ROOM_NUMBERS
                             + NGX_HTTP_ADM_ROOM_WORDS);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_ADM_WAIT_NAMES; i++) {
        values[i].name = ngx_http_adm_wait_names[i];
        ngx_str_null(&values[i].value);
    }

    values[NGX_HTTP_ADM_WAIT_TITLE].value = reason->title;
    values[NGX_HTTP_ADM_WAIT_DETAIL].value = reason->detail;
    values[NGX_HTTP_ADM_WAIT_STATE].value = ngx_adm_places[place->state];
    values[NGX_HTTP_ADM_WAIT_ROOM].value = room->room.name;
    values[NGX_HTTP_ADM_WAIT_METHOD].value = r->method_name;
    values[NGX_HTTP_ADM_WAIT_INSTANCE].value = *instance;

    values[NGX_HTTP_ADM_WAIT_STOCK].value = ngx_adm_place_stocks[place->stock];

    if (place->stock == NGX_ADM_PLACE_BEYOND) {
        ngx_str_set(&values[NGX_HTTP_ADM_WAIT_DETAIL].value,
                    "There are fewer units left than people before you. "
                    "Your place is kept, but it may be sold out before it "
                    "is your turn.");
    }

    p = ngx_http_adm_room_numbers(p, place, values);

    /* a page must not send again by itself what was no GET */

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        ngx_str_null(&values[NGX_HTTP_ADM_WAIT_POLL_SECONDS].value);
    }

    if (place->has_wait) {
        values[NGX_HTTP_ADM_WAIT_WAIT].value.data = p;
        values[NGX_HTTP_ADM_WAIT_WAIT].value.len =
                                        ngx_http_adm_room_words(p, place) - p;
    }

    return ngx_http_adm_page(r, room->page ? room->page
                                : amcf->pages[NGX_HTTP_ADM_PAGE_WAIT],
                             values, NGX_HTTP_ADM_WAIT_NAMES, body);
}


/* those that mean something to this place; the others stay empty */

static u_char *
ngx_http_adm_room_numbers(u_char *p, ngx_adm_place_t *place,
    ngx_http_adm_placeholder_t *values)
{
    ngx_uint_t   i;
    ngx_str_t   *value;

    struct {
        ngx_uint_t  name;
        ngx_uint_t  has;
        uint64_t    number;
    } numbers[] = {
        { NGX_HTTP_ADM_WAIT_TICKET, place->ticket != 0, place->ticket },
        { NGX_HTTP_ADM_WAIT_POSITION, place->has_wait, place->ahead + 1 },
        { NGX_HTTP_ADM_WAIT_AHEAD, place->has_wait, place->ahead },
        { NGX_HTTP_ADM_WAIT_SECONDS, place->has_wait, place->wait },
        { NGX_HTTP_ADM_WAIT_LOW, place->has_wait, place->wait_low },
        { NGX_HTTP_ADM_WAIT_HIGH, place->has_wait, place->wait_high },
        { NGX_HTTP_ADM_WAIT_PROGRESS, place->has_wait,
          ngx_http_adm_room_progress(place) },
        { NGX_HTTP_ADM_WAIT_LEFT, place->state == NGX_ADM_PLACE_CALLED,
          place->left },
        { NGX_HTTP_ADM_WAIT_POLL_MS, 1, place->poll },
        { NGX_HTTP_ADM_WAIT_POLL_SECONDS, 1, (place->poll + 999) / 1000 }
    };

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {

        if (numbers[i].has) {
            value = &values[numbers[i].name].value;
            value->data = p;
            p = ngx_http_adm_put_number(p, numbers[i].number);
            value->len = p - value->data;
        }
    }

    return p;
}


/* the part of the whole wait that is over, percent */

static ngx_uint_t
ngx_http_adm_room_progress(ngx_adm_place_t *place)
{
    uint64_t  passed;

    passed = ngx_time() - ngx_min((uint64_t) ngx_time(), place->joined);

    return (passed + place->wait) ? passed * 100 / (passed + place->wait) : 0;
}


/* "2 to 3 minutes"; a range of minutes, or of hours if it ends after two */

static u_char *
ngx_http_adm_room_words(u_char *p, ngx_adm_place_t *place)
{
    uint64_t  low, high, unit;

    if (place->wait_high < 60) {
        return ngx_http_adm_put(p, "less than a minute");
    }

    unit = (place->wait_high > 2 * 3600) ? 3600 : 60;
    low = ngx_max(1, place->wait_low / unit);
    high = (place->wait_high + unit - 1) / unit;

    if (low < high) {
        p = ngx_http_adm_put_number(p, low);
        p = ngx_http_adm_put(p, " to ");

    } else {
        p = ngx_http_adm_put(p, "about ");
    }

    p = ngx_http_adm_put_number(p, high);
    p = (unit == 60) ? ngx_http_adm_put(p, " minute")
                     : ngx_http_adm_put(p, " hour");

    return (high > 1) ? ngx_http_adm_put(p, "s") : p;
}


/* in the order of ngx_http_adm_wait_name_e */

ngx_str_t  ngx_http_adm_wait_names[NGX_HTTP_ADM_WAIT_NAMES] = {
    ngx_string("title"),
    ngx_string("detail"),
    ngx_string("state"),
    ngx_string("room"),
    ngx_string("ticket"),
    ngx_string("position"),
    ngx_string("ahead"),
    ngx_string("wait"),
    ngx_string("wait_seconds"),
    ngx_string("wait_low"),
    ngx_string("wait_high"),
    ngx_string("progress"),
    ngx_string("poll_ms"),
    ngx_string("poll_seconds"),
    ngx_string("claim_expires_in"),
    ngx_string("method"),
    ngx_string("instance"),
    ngx_string("stock")
};
