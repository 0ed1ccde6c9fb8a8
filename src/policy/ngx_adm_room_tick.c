
/*
 * What is in force in a room, and the ticks of its line.
 */


#include <ngx_adm_line_fleet.h>
#include <ngx_adm_room.h>


/* how many people so many units are for, at most */

#define ngx_adm_room_people(room, units)                                      \
    (((units) * (room)->factor + 999) / 1000)


/* ms without a tick after which a line is held to stand still */
#define NGX_ADM_ROOM_STALLED   3000

/* ms without news of its stock after which the log tells of a room: those of
   the first second are on their way */
#define NGX_ADM_ROOM_UNHEARD   5000


static void ngx_adm_room_stock(ngx_adm_room_t *room,
    adm_line_settings_t *settings);
static adm_line_stock_e ngx_adm_room_for_sale(ngx_uint_t known,
    adm_facts_t *sum);
static void ngx_adm_room_unheard(ngx_adm_room_t *room, ngx_uint_t known);
static void ngx_adm_room_tick(ngx_event_t *ev);
static void ngx_adm_room_move(ngx_adm_room_t *room);


static ngx_event_t  ngx_adm_room_event;


uint64_t
ngx_adm_room_configured(ngx_adm_room_t *room, ngx_adm_room_set_e set)
{
    switch (set) {

    case NGX_ADM_ROOM_SET_RATE:
        return room->rate.count << 32 | room->rate.period;

    case NGX_ADM_ROOM_SET_MAX_ACTIVE:
        return room->max_active;

    case NGX_ADM_ROOM_SET_MODE:
        return room->mode;

    case NGX_ADM_ROOM_SET_ENDS:
        return room->ends;

    default:
        return NGX_ADM_ROOM_OPEN;
    }
}


uint64_t
ngx_adm_room_setting(ngx_adm_room_t *room, ngx_adm_room_set_e set)
{
    ngx_uint_t  value;

    value = ngx_adm_setting(room->sets[set]);

    return (value == NGX_ADM_SETTING_NONE) ? ngx_adm_room_configured(room, set)
                                           : value;
}


void
ngx_adm_room_apply(ngx_adm_room_t *room)
{
    uint64_t             rate, ends;
    adm_line_settings_t  settings;

    ends = ngx_adm_room_setting(room, NGX_ADM_ROOM_SET_ENDS);
    rate = ngx_adm_room_setting(room, NGX_ADM_ROOM_SET_RATE);

    settings.interval = ngx_max(1, (rate & 0xffffffff) * 1000000
                                   / ngx_max(1, rate >> 32));
    settings.max_active = ngx_adm_room_setting(room,
                                               NGX_ADM_ROOM_SET_MAX_ACTIVE);
    settings.session = room->session;
    settings.claim = room->claim;
    settings.grace = room->grace;
    settings.direct = ngx_adm_room_setting(room, NGX_ADM_ROOM_SET_MODE)
                      == NGX_ADM_ROOM_AUTO;
    settings.paused = ngx_adm_room_setting(room, NGX_ADM_ROOM_SET_STATE)
                      != NGX_ADM_ROOM_OPEN
                      || (ends && ngx_adm_line_now() / 1000 >= ends);

    ngx_adm_room_stock(room, &settings);

    adm_line_set(&room->line->line[0], &settings);
    adm_line_set(&room->line->line[1], &settings);
}


/* an SKU that does not exist has no units; if none exists, none is known */

static void
ngx_adm_room_stock(ngx_adm_room_t *room, adm_line_settings_t *settings)
{
    adm_str_t              text;
    ngx_uint_t             i, known;
    adm_facts_t            facts, sum;
    ngx_adm_sku_t        **skus;
    ngx_adm_stock_look_e   look;

    settings->stock = ADM_LINE_ANY_STOCK;
    settings->units = 0;
    settings->hope = 0;
    settings->holders = 0;

    if (room->stock == NULL) {
        return;
    }

    ngx_memzero(&sum, sizeof(adm_facts_t));
    skus = room->skus.elts;
    known = 0;

    for (i = 0; i < room->skus.nelts; i++) {
        text.len = skus[i]->sku.len;
        text.data = skus[i]->sku.data;

        look = ngx_adm_stock_look(room->stock, &text, &facts);

        if (look == NGX_ADM_STOCK_UNSEEN) {
            known = 0;
            break;
        }

        if (look == NGX_ADM_STOCK_SEEN) {
            known = 1;
            sum.available += facts.available;
            sum.held += facts.held;
            sum.holds += facts.holds;
            sum.unresolved += facts.unresolved;
        }
    }

    ngx_adm_room_unheard(room, known);

    settings->stock = ngx_adm_room_for_sale(known, &sum);
    settings->holders = sum.holds;

    if (known) {
        settings->units = ngx_adm_room_people(room, sum.available);
        settings->hope = ngx_adm_room_people(room, sum.available + sum.held
                                                   + sum.unresolved);
    }
}


static adm_line_stock_e
ngx_adm_room_for_sale(ngx_uint_t known, adm_facts_t *sum)
{
    if (!known) {
        return ADM_LINE_UNHEARD_OF;
    }

    if (sum->available) {
        return ADM_LINE_FOR_SALE;
    }

    return (sum->held || sum->unresolved) ? ADM_LINE_RESERVED
                                          : ADM_LINE_SOLD_OUT;
}


/* nobody is let in until something is known, and nothing else would say why:
   told by one process, once */

static void
ngx_adm_room_unheard(ngx_adm_room_t *room, ngx_uint_t known)
{
    ngx_adm_sku_t  **skus;

    if (ngx_worker != 0) {
        return;
    }

    skus = room->skus.elts;

    if (known) {

        if (room->unheard_told) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "admission: room \"%V\": its stock \"%V\" is known",
                          &room->name, &skus[0]->sku);
        }

        room->heard = ngx_current_msec;
        room->unheard_told = 0;
        return;
    }

    if (room->heard == 0) {
        room->heard = ngx_current_msec;
    }

    if (!room->unheard_told
        && (ngx_msec_int_t) (ngx_current_msec - room->heard)
           >= NGX_ADM_ROOM_UNHEARD)
    {
        room->unheard_told = 1;

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "admission: room \"%V\": nothing is known of its stock "
                      "\"%V\", nobody is let in until it is told",
                      &room->name, &skus[0]->sku);
    }
}


void
ngx_adm_room_void(ngx_adm_room_t *room)
{
    ngx_adm_line_t  *line;

    line = room->line;

    if (line->fleet) {
        adm_fleet_void(&line->fleet->state, ngx_adm_line_now());

    } else {
        adm_line_void(&line->line[0], ngx_adm_line_now());
    }
}


ngx_uint_t
ngx_adm_room_stalled(ngx_adm_room_t *room)
{
    ngx_adm_line_t  *line;

    line = room->line;

    if (line->fleet) {
        return !adm_fleet_follows(&line->fleet->state, ngx_adm_line_now());
    }

    return ngx_adm_line_now() > adm_line_ticked(&line->line[0])
                                + NGX_ADM_ROOM_STALLED;
}


ngx_uint_t
ngx_adm_room_knows(ngx_adm_room_t *room)
{
    ngx_adm_line_t  *line;

    line = room->line;

    return line->fleet == NULL || adm_fleet_knows(&line->fleet->state);
}


void
ngx_adm_room_start(ngx_cycle_t *cycle, ngx_array_t *rooms)
{
    ngx_memzero(&ngx_adm_room_event, sizeof(ngx_event_t));

    ngx_adm_room_event.handler = ngx_adm_room_tick;
    ngx_adm_room_event.log = cycle->log;
    ngx_adm_room_event.data = rooms;
    ngx_adm_room_event.cancelable = 1;

    /* not all processes and nodes that are started at once in step */

    if (rooms->nelts) {
        ngx_add_timer(&ngx_adm_room_event, 1 + ngx_random() % ADM_LINE_TICK);
    }
}


void
ngx_adm_room_renew(ngx_cycle_t *cycle, ngx_array_t *rooms)
{
    if (ngx_adm_room_event.handler == NULL) {
        return;
    }

    if (rooms && rooms->nelts) {
        ngx_adm_room_event.log = cycle->log;
        ngx_adm_room_event.data = rooms;
        ngx_add_timer(&ngx_adm_room_event, ADM_LINE_TICK);

    } else if (ngx_adm_room_event.timer_set) {
        ngx_del_timer(&ngx_adm_room_event);
    }
}


/*
 * A process of an older configuration lets those of the newest do it, so that
 * settings do not go back and forth.
 */

static void
ngx_adm_room_tick(ngx_event_t *ev)
{
    ngx_uint_t         i;
    ngx_array_t       *rooms;
    ngx_adm_room_t   **room;

    rooms = ev->data;
    room = rooms->elts;

    ngx_add_timer(ev, ADM_LINE_TICK);

    if (ngx_adm_counters_generation(room[0]->counters)
        != room[0]->counters->generation)
    {
        return;
    }

    for (i = 0; i < rooms->nelts; i++) {
        ngx_adm_room_apply(room[i]);
        ngx_adm_room_move(room[i]);
    }
}


/* the shadow is this node's own in any case */

static void
ngx_adm_room_move(ngx_adm_room_t *room)
{
    uint64_t         now;
    ngx_adm_line_t  *line;

    line = room->line;
    now = ngx_adm_line_now();

    if (line->fleet) {
        ngx_adm_line_fleet_tick(line->fleet);

    } else {
        (void) adm_line_tick(&line->line[0], now);
    }

    (void) adm_line_tick(&line->line[1], now);
}
