
/*
 * A line that several nodes share, as people see it: joins, claims, passes.
 * What is told is in adm_line_fleet_tell.c, what is heard in
 * adm_line_fleet_hear.c.
 */


#include "adm_line_fleet_room.h"


/* ms by which a tick may be due at most; more is of a clock set back */

#define ADM_FLEET_BACK       10000


/* a part of the claim window that is not counted */

#define ADM_FLEET_NO_PART    ADM_STEER_PARTS


const char *const  adm_fleet_join_keys[] = { "", ":inside", NULL };

const char *const  adm_fleet_claim_keys[] = {
    "", ":live", ":claimed", ":inside", ":seconds", ":came", ":note:", NULL
};

const char *const  adm_fleet_tick_keys[] = {
    "", ":live", ":claimed", ":inside", ":seconds", ":came", ":events",
    ":sums", NULL
};


size_t
adm_fleet_size(void)
{
    return (sizeof(adm_fleet_room_t) + 63) / 64 * 64;
}


void
adm_fleet_init(void *memory, const adm_line_t *line)
{
    adm_fleet_room_t  *room;

    room = memory;

    memset(room, 0, sizeof(adm_fleet_room_t));
    room->nodes = 1;
    room->magic = ADM_FLEET_MAGIC;

    adm_line_follow(line, adm_line_ticked(line));
}


void
adm_fleet_attach(adm_fleet_t *f, void *memory, adm_line_t *line)
{
    adm_fleet_room_t  *room;

    room = memory;

    if (room->magic != ADM_FLEET_MAGIC || !adm_load(&line->room->follows)) {
        adm_fleet_init(memory, line);
    }

    line->dirty = room->dirty;

    f->line = line;
    f->room = room;
    f->told.words = room->told;
    f->told.n = ADM_LINE_DIRTY;
    f->told.width = 1;
}


int
adm_fleet_knows(const adm_fleet_t *f)
{
    return adm_load(&f->room->caught) != 0;
}


int
adm_fleet_follows(const adm_fleet_t *f, uint64_t now)
{
    uint64_t  heard;

    heard = adm_load(&f->room->heard);

    return adm_fleet_knows(f) && now <= heard + ADM_FLEET_STALE
           && heard <= now + ADM_FLEET_BACK;
}


int
adm_fleet_turn(const adm_fleet_t *f, uint64_t now, uint64_t ms)
{
    uint64_t  due;

    due = adm_load(&f->room->due);

    if (now < due && due <= now + ADM_FLEET_BACK) {
        return 0;
    }

    return adm_word_cas(&f->room->due, due, now + ms);
}


uint64_t
adm_fleet_time(const adm_fleet_t *f, uint64_t now)
{
    return now + adm_load(&f->room->skew);
}


void
adm_fleet_raise(uint64_t *word, uint64_t to)
{
    uint64_t  seen;

    do {
        seen = adm_load(word);

        if (seen >= to) {
            return;
        }

    } while (!adm_word_cas(word, seen, to));
}


/*
 * Keeps a fact in a table until it was told: 1, or 0 if there is no place.  A
 * fact with the same bits from "key" on gives way.
 */

static int
adm_fleet_keep(uint64_t *table, uint64_t n, uint64_t fact, unsigned key)
{
    uint64_t  i, first, seen, *place;

    first = (fact >> key) * UINT64_C(0x9e3779b97f4a7c15) >> 32;

    for (i = 0; i < ADM_FLEET_TRIES; i++) {
        place = &table[(first + i) % n];
        seen = adm_load(place);

        if (seen == fact) {
            return 1;
        }

        if ((seen == 0 || (seen ^ fact) >> key == 0)
            && adm_word_cas(place, seen, fact))
        {
            return 1;
        }
    }

    return 0;
}


int
adm_fleet_event(const adm_fleet_t *f, uint64_t kind, uint64_t number)
{
    return adm_fleet_keep(f->room->tidings, ADM_FLEET_EVENTS,
                          kind << 56 | (number & ADM_FLEET_NUMBER), 0);
}


/* the second from which on a pass is not counted inside any more */

static uint64_t
adm_fleet_over(const adm_fleet_t *f, uint64_t expires)
{
    uint64_t  unit;

    unit = f->line->wheel.unit;

    return (expires / unit + 1) * unit;
}


/* the place where a claim of a ticket is kept: the "i"-th that is tried */

static adm_slot_t *
adm_fleet_slot(const adm_fleet_t *f, uint64_t ticket, uint64_t i)
{
    return &f->room->claims[((ticket * UINT64_C(0x9e3779b97f4a7c15) >> 32)
                             + i) % ADM_FLEET_CLAIMS];
}


void
adm_fleet_told_claim(const adm_fleet_t *f, uint64_t ticket, uint64_t pass)
{
    uint64_t    i;
    adm_slot_t  from, none;

    from.tag = ticket;
    from.word = pass;
    none.tag = 0;
    none.word = 0;

    for (i = 0; i < ADM_FLEET_TRIES; i++) {
        (void) adm_slot_cas(adm_fleet_slot(f, ticket, i), from, none);
    }
}


int
adm_fleet_good(const adm_fleet_t *f, uint64_t loan)
{
    uint64_t  next;

    next = loan >> 32;

    return next < (loan & UINT32_MAX)
           && next >= adm_load(&f->line->room->voided)
           && next + ADM_FLEET_AGED > adm_load(&f->line->room->serial);
}


/* interval, ceiling, session and slot */

static void
adm_fleet_put_settings(const adm_fleet_t *f, uint64_t ceiling,
    unsigned char **p)
{
    adm_pass_t  pass;

    adm_line_expiry(f->line, 0, &pass);

    adm_fleet_put(p, adm_load(&f->line->room->interval), 8);
    adm_fleet_put(p, ceiling, 8);
    adm_fleet_put(p, pass.expires, 8);
    adm_fleet_put(p, f->line->wheel.unit, 8);
}


size_t
adm_fleet_join(const adm_fleet_t *f, uint64_t now, uint64_t n,
    uint64_t entrants, unsigned char *buf)
{
    uint64_t        flags;
    unsigned char  *p;

    (void) now;

    p = buf;
    n = (n < ADM_FLEET_JOINS) ? n : ADM_FLEET_JOINS;
    flags = adm_load(&f->line->room->direct) ? ADM_FLEET_DIRECT : 0;
    flags |= adm_load(&f->line->room->paused) ? ADM_FLEET_HALT : 0;

    if (adm_line_left(f->line, adm_load(&f->line->room->seekers)) == 0) {
        entrants = 0;
    }

    adm_fleet_put(&p, n, 8);
    adm_fleet_put(&p, (entrants < n) ? entrants : n, 8);
    adm_fleet_put_settings(f, adm_line_ceiling(f->line->room), &p);
    adm_fleet_put(&p, flags, 8);
    adm_fleet_put(&p, adm_load(&f->line->room->next), 8);

    return (size_t) (p - buf);
}


int
adm_fleet_joined(const adm_fleet_t *f, uint64_t now,
    const unsigned char *reply, size_t len, adm_fleet_joined_t *joined)
{
    uint64_t  rc, next;

    (void) now;

    if (len != 7 * 8) {
        return ADM_ERROR;
    }

    rc = adm_fleet_get(&reply, 8);
    joined->second = adm_fleet_get(&reply, 8);
    joined->serial = adm_fleet_get(&reply, 8);
    joined->passes = adm_fleet_get(&reply, 8);
    joined->ticket = adm_fleet_get(&reply, 8);
    joined->tickets = adm_fleet_get(&reply, 8);
    next = adm_fleet_get(&reply, 8);

    if ((rc != ADM_LINE_WAITING && rc != ADM_LINE_MOMENT
         && rc != ADM_LINE_PAUSED && rc != ADM_LINE_FULL)
        || joined->passes > ADM_FLEET_JOINS
        || joined->tickets > ADM_FLEET_JOINS
        || joined->serial >= UINT32_MAX - ADM_FLEET_JOINS
        || joined->ticket >= ADM_FLEET_LARGEST
        || joined->second >= ADM_FLEET_LARGEST
        || next >= ADM_FLEET_LARGEST
        || (joined->passes > 0 && joined->serial == 0)
        || (joined->tickets > 0 && joined->ticket == 0))
    {
        return ADM_ERROR;
    }

    joined->rc = (adm_line_rc_e) rc;

    if (adm_fleet_knows(f)) {
        adm_fleet_raise(&f->line->room->next, next);
    }

    return ADM_OK;
}


void
adm_fleet_expiry(const adm_fleet_t *f, uint64_t second, adm_pass_t *pass)
{
    adm_line_expiry(f->line, second, pass);
}


/*
 * What can be told of a ticket without the store: 1 and "rc"; 0 if it has to
 * be asked, and "rc" is CALLED or LAPSED.
 */

static int
adm_fleet_judge(const adm_fleet_t *f, uint64_t ticket, uint64_t now,
    adm_line_rc_e *rc, adm_pass_t *pass)
{
    uint64_t  left;

    *rc = adm_line_state(f->line, ticket, &left);

    if (*rc == ADM_LINE_WAITING) {
        adm_line_show(f->line, ticket);
    }

    if (*rc != ADM_LINE_CALLED && *rc != ADM_LINE_LAPSED) {
        return 1;
    }

    if (adm_bits_get(&f->line->claimed, ticket) == ADM_LINE_CLAIMED) {
        *rc = adm_line_repeat(f->line, ticket, adm_fleet_time(f, now), pass);
        return 1;
    }

    if (adm_load(&f->line->room->paused) || adm_line_rests(f->line->room)) {
        *rc = ADM_LINE_PAUSED;
        return 1;
    }

    adm_line_show(f->line, ticket);

    return 0;
}


size_t
adm_fleet_claim(const adm_fleet_t *f, uint64_t ticket, uint64_t now,
    unsigned char *buf, adm_line_rc_e *rc, adm_pass_t *pass)
{
    uint64_t          called, second, window, credit;
    unsigned char    *p;
    adm_line_room_t  *line;

    if (adm_fleet_judge(f, ticket, now, rc, pass)) {
        return 0;
    }

    p = buf;
    line = f->line->room;

    second = adm_load(&line->second);
    called = adm_line_called(f->line, ticket);
    called = (called < second) ? called : second;
    window = adm_line_window(line);
    credit = adm_load(&line->credit);
    credit -= (*rc == ADM_LINE_LAPSED) ? credit / 10 : 0;

    adm_fleet_put(&p, ticket, 8);
    adm_fleet_put(&p, called, 8);
    adm_fleet_put(&p, (second - called < window)
                      ? adm_line_part(second - called, window)
                      : ADM_FLEET_NO_PART, 8);
    adm_fleet_put(&p, credit, 8);
    adm_fleet_put_settings(f, adm_load(&line->max_active), &p);
    adm_fleet_put(&p, 0, 8);

    return (size_t) (p - buf);
}


/* that a ticket was exchanged, here or elsewhere: 1 the first time */

static int
adm_fleet_exchange(const adm_fleet_t *f, uint64_t ticket)
{
    unsigned  value;

    for (value = ADM_LINE_NOT_YET; value <= ADM_LINE_EXTENDED; value++) {

        if (value != ADM_LINE_CLAIMED
            && adm_bits_swap(&f->line->claimed, ticket, value,
                             ADM_LINE_CLAIMED))
        {
            return 1;
        }
    }

    return 0;
}


/* the pass that the store gave for a ticket */

static adm_line_rc_e
adm_fleet_granted(const adm_fleet_t *f, uint64_t ticket, uint64_t now,
    adm_line_rc_e rc, adm_pass_t *pass)
{
    adm_note_t  note;

    now = adm_fleet_time(f, now) / 1000;

    if (adm_notes_find(&f->line->notes, ticket, now, &note)
        && note.serial != pass->serial)
    {
        if (rc == ADM_LINE_ADMITTED) {
            (void) adm_wheel_bar(&f->line->wheel, pass->serial);
            (void) adm_fleet_event(f, ADM_FLEET_END, pass->serial);
        }

        return adm_line_repeat(f->line, ticket, now * 1000, pass);
    }

    adm_notes_put(&f->line->notes, ticket, pass->since, pass->serial);
    (void) adm_fleet_exchange(f, ticket);

    if (adm_line_ended(f->line, pass->serial)) {
        return ADM_LINE_USED;
    }

    (void) adm_wheel_put(&f->line->wheel, now, pass->serial, pass->expires);

    return rc;
}


int
adm_fleet_claimed(const adm_fleet_t *f, uint64_t ticket, uint64_t now,
    const unsigned char *reply, size_t len, adm_line_rc_e *rc,
    adm_pass_t *pass)
{
    uint64_t  said, since;

    if (len != 3 * 8) {
        return ADM_ERROR;
    }

    said = adm_fleet_get(&reply, 8);
    pass->serial = adm_fleet_get(&reply, 8);
    since = adm_fleet_get(&reply, 8);

    switch (said) {

    case ADM_LINE_ADMITTED:
    case ADM_LINE_REPEATED:
        break;

    case ADM_LINE_USED:
        (void) adm_fleet_exchange(f, ticket);
        /* fall through */

    case ADM_LINE_MOMENT:
    case ADM_LINE_OVER:
    case ADM_LINE_PAUSED:
        *rc = (adm_line_rc_e) said;
        return ADM_OK;

    default:
        return ADM_ERROR;
    }

    if (pass->serial == 0 || pass->serial >= UINT32_MAX
        || since >= ADM_FLEET_LARGEST)
    {
        return ADM_ERROR;
    }

    adm_line_expiry(f->line, since, pass);
    *rc = adm_fleet_granted(f, ticket, now, (adm_line_rc_e) said, pass);

    return ADM_OK;
}


/* without the store ------------------------------------------------------ */

/* ns of the node's own share of the rate that an admission takes */

static uint64_t
adm_fleet_cost(const adm_fleet_t *f)
{
    return adm_load(&f->line->room->interval) * adm_load(&f->room->nodes);
}


/* as adm_line_spend(), of a second's worth of the share, or of one */

static int
adm_fleet_spend(const adm_fleet_t *f, uint64_t now, uint64_t cost)
{
    uint64_t  seen, from, limit;

    now *= 1000000;
    limit = (ADM_LINE_SECOND > cost) ? ADM_LINE_SECOND : cost;

    do {
        seen = adm_load(&f->room->spent);
        from = (seen < now || seen > now + limit + ADM_LINE_FORGIVEN) ? now
                                                                  : seen;

        if (from + cost - now > limit) {
            return 0;
        }

    } while (!adm_word_cas(&f->room->spent, seen, from + cost));

    return 1;
}


static uint64_t
adm_fleet_untold(const adm_fleet_t *f)
{
    uint64_t  i, n;

    n = 0;

    for (i = 0; i < ADM_FLEET_CLAIMS; i++) {
        n += adm_load(&f->room->claims[i].tag) != 0;
    }

    return n;
}


/* 1 if one of the node's share of the places is left */

static int
adm_fleet_space(const adm_fleet_t *f)
{
    uint64_t  max, active;

    max = adm_load(&f->line->room->max_active);
    active = adm_load(&f->line->room->active);

    return max == 0
           || (active < max && adm_fleet_untold(f)
                               < (max - active) / adm_load(&f->room->nodes));
}


/* a serial that was lent: 1 and the serial, or 0 */

static int
adm_fleet_draw(const adm_fleet_t *f, uint64_t *serial)
{
    unsigned  i;
    uint64_t  loan;

    for (i = 0; i < 2; i++) {

        do {
            loan = adm_load(&f->room->lent[i]);

            if (!adm_fleet_good(f, loan)) {
                break;
            }

            *serial = loan >> 32;

            if (adm_word_cas(&f->room->lent[i], loan,
                             loan + (UINT64_C(1) << 32)))
            {
                return 1;
            }

        } while (1);
    }

    return 0;
}


/* keeps a claim until it was told: 1, or 0 if there is no place */

static int
adm_fleet_keep_claim(const adm_fleet_t *f, uint64_t ticket, uint64_t pass)
{
    uint64_t    i;
    adm_slot_t  to, none;

    to.tag = ticket;
    to.word = pass;
    none.tag = 0;
    none.word = 0;

    for (i = 0; i < ADM_FLEET_TRIES; i++) {

        if (adm_slot_cas(adm_fleet_slot(f, ticket, i), none, to)) {
            return 1;
        }
    }

    return 0;
}


/* takes all that a pass needs, or nothing: 1, and the pass and its fact */

static int
adm_fleet_grant(const adm_fleet_t *f, uint64_t ticket, uint64_t now,
    adm_pass_t *pass, uint64_t *fact)
{
    uint64_t  cost;

    cost = adm_fleet_cost(f);

    if (!adm_fleet_space(f) || !adm_fleet_spend(f, now, cost)) {
        return 0;
    }

    if (adm_fleet_draw(f, &pass->serial)) {
        adm_line_expiry(f->line, adm_fleet_time(f, now) / 1000, pass);
        *fact = pass->serial << 32 | adm_fleet_over(f, pass->expires);

        if (adm_fleet_keep_claim(f, ticket, *fact)) {
            return 1;
        }
    }

    (void) __atomic_fetch_sub(&f->room->spent, cost, __ATOMIC_RELAXED);

    return 0;
}


/* the note before the bit: see adm_line_exchange() */

adm_line_rc_e
adm_fleet_claim_alone(const adm_fleet_t *f, uint64_t ticket, uint64_t now,
    adm_pass_t *pass)
{
    uint64_t       fact;
    adm_line_rc_e  rc;

    if (adm_fleet_judge(f, ticket, now, &rc, pass)) {
        return rc;
    }

    if (!adm_fleet_grant(f, ticket, now, pass, &fact)) {
        return ADM_LINE_MOMENT;
    }

    adm_notes_put(&f->line->notes, ticket, pass->since, pass->serial);

    if (!adm_fleet_exchange(f, ticket)) {
        adm_notes_remove(&f->line->notes, ticket, pass->serial);
        adm_fleet_told_claim(f, ticket, fact);

        return adm_line_repeat(f->line, ticket, adm_fleet_time(f, now), pass);
    }

    (void) adm_wheel_put(&f->line->wheel, pass->since, pass->serial,
                         pass->expires);

    return ADM_LINE_ADMITTED;
}


/* passes ----------------------------------------------------------------- */

/* the store hears of it when the pass comes to a later slot of the wheel */

void
adm_fleet_renew(const adm_fleet_t *f, uint64_t now, adm_pass_t *pass)
{
    uint64_t    second;
    adm_pass_t  renewed;

    second = adm_fleet_time(f, now) / 1000;
    adm_line_expiry(f->line, second, &renewed);

    if (renewed.expires <= pass->expires || second >= pass->expires
        || adm_line_ended(f->line, pass->serial))
    {
        return;
    }

    if (!adm_wheel_sits(&f->line->wheel, second, pass->serial,
                        renewed.expires))
    {
        if (adm_fleet_keep(f->room->passes, ADM_FLEET_PASSES,
                           pass->serial << 32
                           | adm_fleet_over(f, renewed.expires), 32))
        {
            (void) adm_wheel_put(&f->line->wheel, second, pass->serial,
                                 renewed.expires);

        } else if (adm_load(&f->line->room->max_active) != 0
                   && adm_fleet_follows(f, now))
        {
            return;
        }
    }

    adm_line_changed(f->line->room);
    pass->expires = renewed.expires;
}


int
adm_fleet_end(const adm_fleet_t *f, uint64_t now, const adm_pass_t *pass)
{
    if (adm_fleet_time(f, now) / 1000 >= pass->expires
        || !adm_wheel_bar(&f->line->wheel, pass->serial))
    {
        return 0;
    }

    (void) adm_fleet_event(f, ADM_FLEET_END, pass->serial);
    adm_line_changed(f->line->room);

    return 1;
}


int
adm_fleet_extend(const adm_fleet_t *f, uint64_t ticket)
{
    return adm_line_extend(f->line, ticket)
           && adm_fleet_event(f, ADM_FLEET_EXTEND, ticket);
}


/* where it had come back may not have been here */

void
adm_fleet_leave(const adm_fleet_t *f, uint64_t ticket)
{
    adm_line_room_t  *line;

    line = f->line->room;

    if (ticket >= adm_load(&line->low) && ticket < adm_load(&line->next)) {
        adm_line_leave(f->line, ticket);
        (void) adm_bits_swap(&f->told, ticket, 1, 0);
        (void) adm_fleet_event(f, ADM_FLEET_LEAVE, ticket);
    }
}


void
adm_fleet_void(const adm_fleet_t *f, uint64_t now)
{
    adm_fleet_raise(&f->line->room->voided, adm_load(&f->line->room->serial));
    adm_line_store(&f->room->voids, adm_fleet_time(f, now));
    adm_line_changed(f->line->room);
}
