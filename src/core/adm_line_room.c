
/*
 * A line's memory: laying it out, settings, bringing it back.
 */


#include "adm_line_room.h"


/* the largest figure of a shape */
#define ADM_LINE_LARGEST   (UINT64_C(1) << 40)


/* slots of a session; the rest of the wheel is for sessions made longer */
#define ADM_LINE_SLOTS     24


/* seconds after a call in which it is told how long people take, at most */
#define ADM_LINE_DELAYS    128


#define adm_line_up(n, per)   (((n) + (per) - 1) / (per))


static uint64_t
adm_line_buckets(uint64_t live_words)
{
    return adm_line_up(live_words, ADM_LINE_BUCKET) + 2;
}


static int
adm_line_shaped(const adm_line_shape_t *s)
{
    const uint64_t  *figure[] = { &s->numbers, &s->called, &s->passes,
                                  &s->repeats, &s->session };
    size_t           i;

    for (i = 0; i < sizeof(figure) / sizeof(figure[0]); i++) {

        if (*figure[i] == 0 || *figure[i] > ADM_LINE_LARGEST) {
            return 0;
        }
    }

    return 1;
}


/* the fixed part of a room's head, by its shape */

static void
adm_line_shape(const adm_line_shape_t *s, adm_line_room_t *room)
{
    uint64_t  words;

    room->unit = adm_line_up(s->session, ADM_LINE_SLOTS);
    room->live_words = adm_line_up(s->numbers, ADM_BITS_DATA);
    room->claimed_words = adm_line_up(s->called, ADM_BITS_DATA
                                                 / ADM_LINE_WIDTH);
    room->seat_words = adm_line_up(s->passes, ADM_BITS_DATA
                                              / ADM_WHEEL_WIDTH);
    room->note_lines = adm_line_up(s->repeats, ADM_NOTES_LINE);

    words = room->live_words + room->claimed_words + room->seat_words
            + room->note_lines * ADM_NOTES_LINE
            + adm_line_buckets(room->live_words);

    room->size = sizeof(adm_line_room_t) + words * sizeof(uint64_t);
}


size_t
adm_line_size(const adm_line_shape_t *shape)
{
    adm_line_room_t  room;

    if (!adm_line_shaped(shape)) {
        return 0;
    }

    adm_line_shape(shape, &room);

    return (size_t) room.size;
}


int
adm_line_attach(adm_line_t *l, void *memory)
{
    uint64_t         *words;
    adm_line_room_t  *room;

    room = memory;

    if (adm_load(&room->magic) != ADM_LINE_MAGIC) {
        return ADM_ERROR;
    }

    words = (uint64_t *) (room + 1);

    l->room = room;

    l->live.words = words;
    l->live.n = room->live_words;
    l->live.width = 1;
    words += room->live_words;

    l->claimed.words = words;
    l->claimed.n = room->claimed_words;
    l->claimed.width = ADM_LINE_WIDTH;
    words += room->claimed_words;

    l->wheel.words = room->wheel;
    l->wheel.unit = room->unit;
    l->wheel.seats.words = words;
    l->wheel.seats.n = room->seat_words;
    l->wheel.seats.width = ADM_WHEEL_WIDTH;
    words += room->seat_words;

    l->notes.words = words;
    l->notes.lines = room->note_lines;
    words += room->note_lines * ADM_NOTES_LINE;

    l->ahead = words;
    l->buckets = adm_line_buckets(room->live_words);
    l->dirty = NULL;

    return ADM_OK;
}


uint64_t
adm_line_window(adm_line_room_t *room)
{
    uint64_t  claim;

    claim = adm_load(&room->claim);

    return (claim < ADM_LINE_DELAYS) ? claim : ADM_LINE_DELAYS;
}


/* the serial first, which is raised last */

uint64_t
adm_line_admitted(const adm_line_room_t *room)
{
    uint64_t  given, unseated;

    given = adm_load(&room->serial) - 1;
    unseated = adm_load(&room->unseated);

    return (given > unseated) ? given - unseated : 0;
}


uint64_t
adm_line_root(uint64_t n)
{
    uint64_t  root, bit;

    root = 0;

    for (bit = UINT64_C(1) << 31; bit != 0; bit >>= 1) {

        if ((root + bit) * (root + bit) <= n) {
            root += bit;
        }
    }

    return root;
}


/*
 * People come unevenly: beside a second's worth, the called may use as much
 * as half a minute's chance varies by, about, the root of 15 seconds' worth.
 */

static uint64_t
adm_line_credit(uint64_t interval)
{
    return ADM_LINE_SECOND
           + adm_line_root(15 * (interval < UINT64_C(1) << 40
                                 ? interval : UINT64_C(1) << 40)) * 31623;
}


static uint64_t
adm_line_at_most(uint64_t units)
{
    return (units < UINT32_MAX) ? units : UINT32_MAX;
}


void
adm_line_set(const adm_line_t *l, const adm_line_settings_t *settings)
{
    adm_line_room_t  *room;

    room = l->room;

    adm_line_store(&room->interval, settings->interval);
    adm_line_store(&room->credit, adm_line_credit(settings->interval));
    adm_line_store(&room->max_active, settings->max_active);
    adm_line_store(&room->session, settings->session);
    adm_line_store(&room->claim, settings->claim);
    adm_line_store(&room->grace, settings->grace);
    adm_line_store(&room->direct, settings->direct);
    adm_line_store(&room->paused, settings->paused);

    adm_line_store(&room->holders, settings->holders);
    adm_line_store(&room->units, adm_line_at_most(settings->units) << 32
                                 | adm_line_at_most(settings->hope));
    adm_line_store(&room->stock, settings->stock);
}


/* the head of a line that begins, but for its shape and its settings */

static void
adm_line_begin(adm_line_room_t *room, uint64_t interval, uint64_t now)
{
    room->frontier = 1;
    room->low = 1;
    room->second = 1;
    room->clock = 1000;
    room->ticked = now;
    room->born = now / 1000;
    room->next = 1;
    room->next_mark = ADM_MARKS_MAX;
    room->serial = 1;
    room->serial_mark = UINT32_MAX;
    room->share = ADM_LINE_SHARE;
    room->trim = ADM_LINE_TRIM;
    room->young = 1;
    room->back = ADM_LINE_SHARE;
    room->rate = UINT64_C(1000000000) * ADM_LINE_RATE / interval;
    room->rate_low = room->rate;
    room->rate_high = room->rate;

    adm_marks_put(room->called, 1, 1);
    adm_marks_put(room->joined, 1, 1);

    adm_line_store(&room->magic, ADM_LINE_MAGIC);
}


void
adm_line_init(void *memory, const adm_line_shape_t *shape,
    const adm_line_settings_t *settings, uint64_t now)
{
    adm_line_t        l;
    adm_line_room_t  *room;

    room = memory;

    adm_line_shape(shape, room);
    adm_line_begin(room, settings->interval, now);

    (void) adm_line_attach(&l, memory);
    adm_line_set(&l, settings);
}


static void
adm_line_settings(const adm_line_room_t *room, adm_line_settings_t *s)
{
    s->interval = room->interval;
    s->max_active = room->max_active;
    s->session = room->session;
    s->claim = room->claim;
    s->grace = room->grace;
    s->direct = room->direct != 0;
    s->paused = room->paused != 0;
    s->stock = (unsigned) room->stock;
    s->units = adm_line_units(room);
    s->hope = adm_line_hope(room);
    s->holders = room->holders;
}


void
adm_line_follow(const adm_line_t *l, uint64_t now)
{
    adm_line_room_t      *room, shape;
    adm_line_settings_t   settings;

    room = l->room;

    memset(&shape, 0, sizeof(adm_line_room_t));

    shape.size = room->size;
    shape.unit = room->unit;
    shape.live_words = room->live_words;
    shape.claimed_words = room->claimed_words;
    shape.seat_words = room->seat_words;
    shape.note_lines = room->note_lines;
    shape.follows = 1;

    adm_line_settings(room, &settings);
    adm_line_begin(&shape, settings.interval, now);

    memset(room + 1, 0, room->size - sizeof(adm_line_room_t));
    memcpy(room, &shape, sizeof(adm_line_room_t));
    adm_line_set(l, &settings);
}


/*
 * Nobody who is inside is counted here: there is room until passes given from
 * now on fill it.
 */

void
adm_line_alone(const adm_line_t *l)
{
    adm_line_room_t  *room;

    room = l->room;

    if (adm_load(&room->follows)) {
        room->scanned = 0;
        room->before = 0;
        adm_line_store(&room->follows, 0);
    }
}


/* copies words that others change meanwhile, each of them whole */

static void
adm_line_copy(uint64_t *to, const uint64_t *from, uint64_t n)
{
    while (n-- > 0) {
        *to++ = adm_load(from);
        from++;
    }
}


static void
adm_line_copy_part(const adm_line_t *l, void *copy, const uint64_t *part,
    uint64_t n)
{
    const uint64_t  *from;

    from = (const uint64_t *) l->room;

    adm_line_copy((uint64_t *) copy + (part - from), part, n);
}


/*
 * The head first: the frontier of the copy is then not above the claimed bits
 * that are copied.  Buckets are not kept, they are counted anew.
 */

void
adm_line_save(const adm_line_t *l, void *copy, uint64_t guard)
{
    adm_line_room_t  *room, *saved;

    room = l->room;
    saved = copy;

    adm_line_copy_part(l, copy, (const uint64_t *) room,
                       sizeof(adm_line_room_t) / sizeof(uint64_t));
    adm_line_copy_part(l, copy, l->live.words, l->live.n);
    adm_line_copy_part(l, copy, l->claimed.words, l->claimed.n);
    adm_line_copy_part(l, copy, l->wheel.seats.words, l->wheel.seats.n);
    adm_line_copy_part(l, copy, l->notes.words,
                       l->notes.lines * ADM_NOTES_LINE);

    saved->next_mark = adm_load(&room->next) + guard;
    saved->serial_mark = adm_load(&room->serial) + (guard + 3) / 4;
}


void
adm_line_allow(const adm_line_t *l, const void *copy)
{
    const adm_line_room_t  *saved;

    saved = copy;

    adm_line_store(&l->room->next_mark, saved->next_mark);
    adm_line_store(&l->room->serial_mark, saved->serial_mark);
}


int
adm_line_restore(void *copy, size_t size, uint64_t now)
{
    adm_line_room_t  *room;

    room = copy;

    if (size < sizeof(adm_line_room_t) || room->magic != ADM_LINE_MAGIC
        || room->size != size)
    {
        return ADM_ERROR;
    }

    room->skipped += room->next_mark - room->next;
    room->unseated += room->serial_mark - room->serial;
    room->next = room->next_mark;
    room->serial = room->serial_mark;
    room->next_mark = ADM_MARKS_MAX;
    room->serial_mark = UINT32_MAX;
    room->ticked = now;
    room->reborn = room->next;
    room->young = room->next;
    room->scanned = 0;
    room->before = 0;
    room->expected = 0;

    return ADM_OK;
}
