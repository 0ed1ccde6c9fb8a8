
/*
 * The line of a waiting room, as people see it: numbers, places, passes.
 * The frontier is moved in adm_line_tick.c.
 */


#include "adm_line_room.h"


#define ADM_LINE_MS        UINT64_C(1000000)         /* ns */


/* the clamp of waits before jitter of a fifth either way */
#define ADM_LINE_SOON      (ADM_LINE_POLL_MIN * 5 / 4)
#define ADM_LINE_LATE      (ADM_LINE_POLL_MAX * 5 / 6)
#define ADM_LINE_FIRST     1250


/*
 * Draws the next number of a word, if it is less than "limit": 1 and the
 * number, or 0.
 */

static int
adm_line_draw(uint64_t *word, uint64_t limit, uint64_t *number)
{
    uint64_t  seen;

    do {
        seen = adm_load(word);

        if (seen >= limit) {
            return 0;
        }

    } while (!adm_word_cas(word, seen, seen + 1));

    *number = seen;

    return 1;
}


adm_line_rc_e
adm_line_join(const adm_line_t *l, uint64_t *ticket)
{
    uint64_t          low, limit, mark;
    adm_line_room_t  *room;

    room = l->room;

    if (adm_load(&room->paused)) {
        return ADM_LINE_PAUSED;
    }

    low = adm_load(&room->low);
    mark = adm_load(&room->next_mark);
    limit = low - low % ADM_BITS_DATA + adm_bits_span(&l->live);

    if (!adm_line_draw(&room->next, (limit < mark) ? limit : mark, ticket)) {
        return ADM_LINE_FULL;
    }

    /* nobody enters past somebody who has a number; see adm_line_reach() */

    if (!adm_load(&room->waiting)) {
        adm_line_store(&room->waiting, 1);
    }

    return ADM_LINE_WAITING;
}


uint64_t
adm_line_called(const adm_line_t *l, uint64_t ticket)
{
    uint64_t          last, window;
    adm_line_room_t  *room;

    room = l->room;

    last = adm_load(&room->second);
    window = adm_load(&room->claim) + adm_load(&room->grace) + 1;

    return adm_marks_when(room->called, ticket,
                          (last > window) ? last - window : 1, last);
}


void
adm_line_mark(const adm_line_t *l, uint64_t number)
{
    uint64_t  i;

    i = number / ADM_BITS_DATA % ADM_LINE_DIRTY;

    (void) __atomic_fetch_or(&l->dirty[i / 64], UINT64_C(1) << i % 64,
                             __ATOMIC_SEQ_CST);
}


/*
 * A ticket that comes back when the frontier has passed it is called by that,
 * and counted among those who were called with it.  The bit is set before it
 * is marked: whoever has told a word looks at it again.
 */

void
adm_line_show(const adm_line_t *l, uint64_t ticket)
{
    adm_line_room_t  *room;

    room = l->room;

    if (adm_bits_get(&l->live, ticket)
        || ticket >= adm_load(&room->next) + ADM_LINE_UNHEARD
        || !adm_bits_swap(&l->live, ticket, 0, 1))
    {
        return;
    }

    if (adm_load(&room->follows)) {

        /* NULL in a process of before the line followed */

        if (l->dirty != NULL) {
            adm_line_mark(l, ticket);
        }

    } else if (ticket < adm_load(&room->frontier)) {
        adm_cohorts_add(room->cohorts, adm_line_called(l, ticket), 1, 0);
    }
}


adm_line_rc_e
adm_line_state(const adm_line_t *l, uint64_t ticket, uint64_t *left)
{
    uint64_t          age, over, claim, second, called;
    adm_line_room_t  *room;

    room = l->room;
    *left = 0;

    if (ticket == 0) {
        return ADM_LINE_UNKNOWN;
    }

    /* one that follows hears late of the last numbers */

    if (ticket >= adm_load(&room->next)) {
        return adm_load(&room->follows) ? ADM_LINE_WAITING : ADM_LINE_UNKNOWN;
    }

    if (ticket < adm_load(&room->low)) {
        return ADM_LINE_OVER;
    }

    if (ticket >= adm_load(&room->frontier)) {
        return ADM_LINE_WAITING;
    }

    claim = adm_load(&room->claim);
    second = adm_load(&room->second);
    called = adm_line_called(l, ticket);
    age = (called < second) ? second - called : 0;
    over = claim + adm_load(&room->grace);

    if (adm_bits_get(&l->claimed, ticket) == ADM_LINE_EXTENDED) {
        claim *= 2;
    }

    if (age <= claim && age <= over) {
        *left = claim - age;
        return ADM_LINE_CALLED;
    }

    return (age <= over) ? ADM_LINE_LAPSED : ADM_LINE_OVER;
}


uint64_t
adm_line_absent(const adm_line_t *l, uint64_t from, uint64_t to)
{
    uint64_t  young, absent;

    young = adm_load(&l->room->young);
    from = (from > young) ? from : young;

    if (from >= to) {
        return 0;
    }

    absent = to - from - adm_bits_count(&l->live, from, to);

    return absent * adm_load(&l->room->back) * ADM_LINE_PEOPLE
           / ADM_LINE_SHARE;
}


/* the people before a bucket, or before "counted" if that lies in it */

static uint64_t
adm_line_before(const adm_line_t *l, uint64_t bucket)
{
    return adm_load(&l->ahead[bucket % l->buckets]) >> 16;
}


/*
 * A line that follows knows how many came back by buckets alone; in between
 * they are taken to lie evenly, and behind the last as the usual share.
 */

static uint64_t
adm_line_people_told(const adm_line_t *l, uint64_t number)
{
    uint64_t          i, first, end, sum, counted, scanned;
    adm_line_room_t  *room;

    room = l->room;
    counted = adm_load(&room->counted);
    scanned = adm_load(&room->scanned);

    if (number >= scanned) {
        return adm_load(&room->total)
               + (number - scanned) * adm_load(&room->back) * ADM_LINE_PEOPLE
                 / ADM_LINE_SHARE;
    }

    if (number <= counted) {
        return 0;
    }

    i = number / ADM_LINE_NUMBERS;
    first = i * ADM_LINE_NUMBERS;
    end = first + ADM_LINE_NUMBERS;
    first = (first > counted) ? first : counted;
    sum = adm_line_before(l, i);

    if (end < scanned) {
        scanned = adm_line_before(l, i + 1);

    } else {
        end = scanned;
        scanned = adm_load(&room->total);
    }

    return sum + ((scanned > sum) ? (scanned - sum) * (number - first)
                                    / (end - first) : 0);
}


/* behind the last bucket that was summed up all who came back count */

uint64_t
adm_line_people(const adm_line_t *l, uint64_t number)
{
    uint64_t  word, first, next, scanned;

    if (adm_load(&l->room->follows)) {
        return adm_line_people_told(l, number);
    }

    scanned = adm_load(&l->room->scanned);
    next = adm_load(&l->room->next);

    number = (number < next) ? number : next;
    first = (number < scanned) ? number : scanned;

    if (first == 0) {
        return adm_line_absent(l, 1, number);
    }

    first = (first - 1) / ADM_LINE_NUMBERS;
    word = adm_load(&l->ahead[first % l->buckets]);
    first *= ADM_LINE_NUMBERS;

    return (word >> 16) + adm_bits_count(&l->live, first, number)
                          * (word & 0xffff) * ADM_LINE_PEOPLE / 0xffff
           + adm_line_absent(l, first, number);
}


/* seconds that so many people take at a rate of admissions */

static uint64_t
adm_line_wait(uint64_t people, uint64_t rate)
{
    return rate ? (people * ADM_LINE_RATE + rate - 1) / rate : people;
}


static uint64_t
adm_line_jitter(uint64_t ms, uint64_t low, uint64_t high, uint64_t random)
{
    ms = (ms < low) ? low : ms;
    ms = (ms > high) ? high : ms;

    return ms * (800 + random % 401) / 1000;
}


static void
adm_line_estimate(const adm_line_t *l, uint64_t ticket,
    adm_line_place_t *place)
{
    uint64_t          before, mine, seekers;
    adm_line_room_t  *room;

    room = l->room;

    before = adm_load(&room->before);
    mine = adm_line_people(l, ticket);

    place->ahead = (mine > before) ? (mine - before) / ADM_LINE_PEOPLE : 0;
    place->wait = adm_line_wait(place->ahead, adm_load(&room->rate));
    place->wait_low = adm_line_wait(place->ahead, adm_load(&room->rate_high));
    place->wait_high = adm_line_wait(place->ahead, adm_load(&room->rate_low));

    seekers = adm_load(&room->seekers);

    place->beyond = (adm_line_stock(l) != ADM_LINE_ANY_STOCK
                     && adm_line_stock(l) != ADM_LINE_UNHEARD_OF
                     && place->ahead + seekers >= adm_line_hope(room));
}


adm_line_rc_e
adm_line_poll(const adm_line_t *l, uint64_t ticket, uint64_t random,
    adm_line_place_t *place)
{
    adm_line_rc_e  rc;

    rc = adm_line_look(l, ticket, random, place);

    if (rc == ADM_LINE_WAITING || rc == ADM_LINE_CALLED
        || rc == ADM_LINE_LAPSED)
    {
        adm_line_show(l, ticket);
    }

    place->poll = adm_line_jitter(place->wait * 100, ADM_LINE_SOON,
                                  ADM_LINE_LATE, random);

    return rc;
}


/*
 * Whoever has just got a number is to come back soon: that makes it live.
 * The first of a rush can be called only then, and so come back at once.
 */

adm_line_rc_e
adm_line_look(const adm_line_t *l, uint64_t ticket, uint64_t random,
    adm_line_place_t *place)
{
    adm_line_rc_e  rc;

    memset(place, 0, sizeof(adm_line_place_t));

    rc = adm_line_state(l, ticket, &place->left);

    if (rc == ADM_LINE_WAITING) {
        adm_line_estimate(l, ticket, place);

    } else if ((rc == ADM_LINE_CALLED || rc == ADM_LINE_LAPSED)
               && adm_bits_get(&l->claimed, ticket) == ADM_LINE_CLAIMED)
    {
        rc = ADM_LINE_USED;
    }

    place->poll = adm_line_jitter(place->wait * 1000, ADM_LINE_FIRST,
                                  ADM_LINE_SOON, random);

    return rc;
}


adm_line_stock_e
adm_line_stock(const adm_line_t *l)
{
    return (adm_line_stock_e) adm_load(&l->room->stock);
}


int
adm_line_open(const adm_line_t *l)
{
    adm_line_room_t  *room;

    room = l->room;

    return adm_load(&room->direct) && !adm_load(&room->waiting)
           && !adm_load(&room->paused)
           && adm_line_left(l, adm_load(&room->seekers)) != 0;
}


int
adm_line_extend(const adm_line_t *l, uint64_t ticket)
{
    uint64_t  left;

    return adm_line_state(l, ticket, &left) == ADM_LINE_CALLED
           && adm_bits_swap(&l->claimed, ticket, ADM_LINE_NOT_YET,
                            ADM_LINE_EXTENDED);
}


/*
 * Takes one admission from the rate's credit, of which "limit" nanoseconds
 * may be used.  The word is the moment at which all is there again, so it
 * means the same time at any rate.
 */

static int
adm_line_spend(adm_line_room_t *room, uint64_t now, uint64_t limit)
{
    uint64_t  seen, from, interval;

    now *= ADM_LINE_MS;
    interval = adm_load(&room->interval);
    limit = (limit < interval) ? interval : limit;

    do {
        seen = adm_load(&room->spent);
        from = (seen < now || seen > now + limit + ADM_LINE_FORGIVEN) ? now
                                                                  : seen;

        if (from + interval - now > limit) {
            return 0;
        }

    } while (!adm_word_cas(&room->spent, seen, from + interval));

    return 1;
}


static void
adm_line_refund(adm_line_room_t *room)
{
    (void) __atomic_fetch_sub(&room->spent, adm_load(&room->interval),
                              __ATOMIC_RELAXED);
}


void
adm_line_expiry(const adm_line_t *l, uint64_t now, adm_pass_t *pass)
{
    uint64_t  session;

    session = adm_load(&l->room->session);

    if (session > adm_wheel_reach(&l->wheel)) {
        session = adm_wheel_reach(&l->wheel);
    }

    pass->since = now;
    pass->expires = now + session;
}


uint64_t
adm_line_ceiling(const adm_line_room_t *room)
{
    uint64_t  max, most;

    max = adm_load(&room->max_active);

    if (adm_load(&room->stock) == ADM_LINE_ANY_STOCK) {
        return max;
    }

    most = adm_line_units(room) + adm_load(&room->holders);

    return (max == 0 || most < max) ? most : max;
}


/*
 * Takes credit and a place, of "max", for a pass: 1; or 0, and nothing is
 * taken.  "held" places are left to others.
 */

static int
adm_line_room_for(const adm_line_t *l, uint64_t now, uint64_t limit,
    uint64_t max, uint64_t held, const adm_pass_t *pass)
{
    adm_line_room_t  *room;

    room = l->room;

    if (max != 0 && held >= max) {
        return 0;
    }

    if (!adm_line_spend(room, now, limit)) {
        return 0;
    }

    if (!adm_wheel_take(&l->wheel, now / 1000, pass->expires,
                        max ? max - held : 0))
    {
        adm_line_refund(room);
        return 0;
    }

    return 1;
}


/* people who have been called, and have the places of the next to come */

static uint64_t
adm_line_coming(const adm_line_t *l)
{
    uint64_t          expected, claimable;
    adm_line_room_t  *room;

    room = l->room;
    expected = adm_load(&room->expected);

    if (adm_load(&room->stock) == ADM_LINE_ANY_STOCK) {
        return expected;
    }

    claimable = adm_line_claimable(l, adm_load(&room->second));

    return (claimable > expected) ? claimable : expected;
}


adm_line_rc_e
adm_line_enter(const adm_line_t *l, uint64_t now, adm_pass_t *pass)
{
    uint64_t          expected;
    adm_line_room_t  *room;

    room = l->room;

    if (adm_load(&room->paused)) {
        return ADM_LINE_PAUSED;
    }

    if (!adm_line_open(l)) {
        return ADM_LINE_WAITING;
    }

    adm_line_expiry(l, now / 1000, pass);
    expected = adm_line_coming(l);

    if (!adm_line_room_for(l, now, expected ? ADM_LINE_SECOND / 2
                                              : ADM_LINE_SECOND,
                           adm_line_ceiling(room), expected, pass))
    {
        return ADM_LINE_WAITING;
    }

    if (!adm_line_draw(&room->serial, adm_load(&room->serial_mark),
                       &pass->serial))
    {
        adm_wheel_drop(&l->wheel, now / 1000, pass->expires);
        adm_line_refund(room);
        return ADM_LINE_WAITING;
    }

    adm_wheel_sit(&l->wheel, now / 1000, pass->serial, pass->expires);

    return ADM_LINE_ADMITTED;
}


/*
 * The pass that a ticket was, or is just being, exchanged for: 1 and the pass
 * if that is known, else 0.
 */

static int
adm_line_noted(const adm_line_t *l, uint64_t ticket, uint64_t now,
    adm_pass_t *pass)
{
    adm_note_t  note;

    if (!adm_notes_find(&l->notes, ticket, now, &note)) {
        return 0;
    }

    adm_line_expiry(l, note.second, pass);
    pass->serial = note.serial;

    return 1;
}


adm_line_rc_e
adm_line_repeat(const adm_line_t *l, uint64_t ticket, uint64_t now,
    adm_pass_t *pass)
{
    if (!adm_line_noted(l, ticket, now / 1000, pass)
        || adm_line_ended(l, pass->serial))
    {
        return ADM_LINE_USED;
    }

    /* who exchanged it may have been killed before the seat was taken */

    adm_wheel_sit(&l->wheel, now / 1000, pass->serial, pass->expires);

    return ADM_LINE_REPEATED;
}


static adm_line_rc_e
adm_line_moment(adm_line_room_t *room, uint64_t now)
{
    adm_window_add(room->refused, now / 1000);
    (void) __atomic_fetch_add(&room->moments, 1, __ATOMIC_RELAXED);

    return ADM_LINE_MOMENT;
}


/* counts the first time that somebody claims, by the delay since called */

static void
adm_line_came(const adm_line_t *l, uint64_t ticket)
{
    uint64_t          called, second, window;
    adm_line_room_t  *room;

    if (!adm_bits_swap(&l->claimed, ticket, ADM_LINE_NOT_YET, ADM_LINE_CAME))
    {
        return;
    }

    room = l->room;

    second = adm_load(&room->second);
    called = adm_line_called(l, ticket);
    called = (called < second) ? called : second;

    window = adm_line_window(room);

    if (second - called < window) {
        (void) __atomic_fetch_add(&room->came[adm_line_part(second - called,
                                                            window)],
                                  1, __ATOMIC_RELAXED);
    }
}


/*
 * Exchanges a ticket for which credit and a place were taken.
 *
 * The note is written before the bit is set, so that whoever finds the bit
 * set finds the note too, though the process that set it be killed.  Of two
 * that exchange one ticket at once, one sets the bit; the other takes back
 * its note, and has the first one's.
 */

static adm_line_rc_e
adm_line_exchange(const adm_line_t *l, uint64_t ticket, uint64_t now,
    int noted, adm_pass_t *pass)
{
    if (!noted) {
        adm_notes_put(&l->notes, ticket, now / 1000, pass->serial);
    }

    if (!adm_bits_swap(&l->claimed, ticket, ADM_LINE_CAME, ADM_LINE_CLAIMED)
        && !adm_bits_swap(&l->claimed, ticket, ADM_LINE_EXTENDED,
                          ADM_LINE_CLAIMED))
    {
        adm_wheel_drop(&l->wheel, now / 1000, pass->expires);
        adm_line_refund(l->room);

        if (!noted) {
            adm_notes_remove(&l->notes, ticket, pass->serial);
        }

        return adm_line_repeat(l, ticket, now, pass);
    }

    adm_wheel_sit(&l->wheel, now / 1000, pass->serial, pass->expires);
    adm_cohorts_add(l->room->cohorts, adm_line_called(l, ticket), 0, 1);
    (void) __atomic_fetch_add(&l->room->claims, 1, __ATOMIC_RELAXED);

    return ADM_LINE_ADMITTED;
}


/* a called or lapsed ticket, not exchanged yet as far as was seen */

static adm_line_rc_e
adm_line_admit(const adm_line_t *l, uint64_t ticket, uint64_t now,
    uint64_t limit, adm_pass_t *pass)
{
    int               noted;
    adm_line_room_t  *room;

    room = l->room;

    noted = adm_line_noted(l, ticket, now / 1000, pass);

    if (!noted) {
        adm_line_expiry(l, now / 1000, pass);
    }

    if (!adm_line_room_for(l, now, limit, adm_load(&room->max_active), 0,
                           pass))
    {
        return adm_line_moment(room, now);
    }

    if (!noted
        && !adm_line_draw(&room->serial, adm_load(&room->serial_mark),
                          &pass->serial))
    {
        adm_wheel_drop(&l->wheel, now / 1000, pass->expires);
        adm_line_refund(room);
        return adm_line_moment(room, now);
    }

    return adm_line_exchange(l, ticket, now, noted, pass);
}


adm_line_rc_e
adm_line_claim(const adm_line_t *l, uint64_t ticket, uint64_t now,
    adm_pass_t *pass)
{
    uint64_t       left, credit;
    adm_line_rc_e  rc;

    rc = adm_line_state(l, ticket, &left);

    if (rc == ADM_LINE_WAITING) {
        adm_line_show(l, ticket);
    }

    if (rc != ADM_LINE_CALLED && rc != ADM_LINE_LAPSED) {
        return rc;
    }

    if (adm_bits_get(&l->claimed, ticket) == ADM_LINE_CLAIMED) {
        return adm_line_repeat(l, ticket, now, pass);
    }

    if (adm_load(&l->room->paused) || adm_line_rests(l->room)) {
        return ADM_LINE_PAUSED;
    }

    adm_line_show(l, ticket);
    adm_line_came(l, ticket);

    credit = adm_load(&l->room->credit);

    return adm_line_admit(l, ticket, now, (rc == ADM_LINE_LAPSED)
                                          ? credit - credit / 10 : credit,
                          pass);
}


void
adm_line_leave(const adm_line_t *l, uint64_t ticket)
{
    if (ticket >= adm_load(&l->room->low)) {
        (void) adm_bits_swap(&l->live, ticket, 1, 0);
    }
}


void
adm_line_changed(adm_line_room_t *room)
{
    (void) __atomic_fetch_add(&room->changes, 1, __ATOMIC_RELAXED);
}


void
adm_line_renew(const adm_line_t *l, uint64_t now, adm_pass_t *pass)
{
    uint64_t    since;
    adm_pass_t  renewed;

    since = pass->since;
    adm_line_expiry(l, now / 1000, &renewed);

    if (renewed.expires <= pass->expires || now / 1000 >= pass->expires) {
        return;
    }

    adm_wheel_renew(&l->wheel, now / 1000, pass->serial, renewed.expires);
    adm_line_changed(l->room);

    pass->since = since;
    pass->expires = renewed.expires;
}


int
adm_line_end(const adm_line_t *l, uint64_t now, const adm_pass_t *pass)
{
    if (now / 1000 >= pass->expires) {
        return 0;
    }

    adm_line_changed(l->room);

    return adm_wheel_end(&l->wheel, now / 1000, pass->serial);
}


int
adm_line_ended(const adm_line_t *l, uint64_t serial)
{
    return serial < adm_load(&l->room->voided)
           || adm_wheel_ended(&l->wheel, serial);
}


void
adm_line_void(const adm_line_t *l, uint64_t now)
{
    uint64_t  span, serial, next;

    next = adm_load(&l->room->serial);
    span = adm_bits_span(&l->wheel.seats);

    adm_line_store(&l->room->voided, next);

    for (serial = (next > span) ? next - span : 1; serial < next; serial++) {
        (void) adm_wheel_end(&l->wheel, now / 1000, serial);
    }

    adm_line_changed(l->room);
}


uint64_t
adm_line_version(const adm_line_t *l)
{
    adm_line_room_t  *room;

    room = l->room;

    return adm_load(&room->next) + adm_load(&room->serial)
           + adm_load(&room->claims) + adm_load(&room->frontier)
           + adm_load(&room->changes);
}
