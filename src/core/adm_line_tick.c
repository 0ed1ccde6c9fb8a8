
/*
 * The tick of a line: whoever comes first after ADM_LINE_TICK moves the
 * frontier, and once a second does the sums that polls then only read.
 *
 * A process that is killed in a tick has moved the frontier or not; the next
 * tick goes on from there, and what the killed one called too little is made
 * good like any error.  One that is stopped in a tick and goes on later finds
 * the frontier changed, and leaves it.
 */


#include "adm_line_room.h"


/* seconds for which it weighs who was called and who came: the shorter, the
   sooner a change is seen, if people are many; and all, if they are few */

#define ADM_LINE_SEEN        40
#define ADM_LINE_SEEN_SHORT  8
#define ADM_LINE_SEEN_MANY   10000
#define ADM_LINE_SEEN_FEW    200


/* seconds without anybody, and people missed in them, that are no chance */

#define ADM_LINE_SILENT        10
#define ADM_LINE_SILENT_MISSED 50


/* seconds of a rate that is measured, and how many are compared */

#define ADM_LINE_SPAN        10
#define ADM_LINE_SPANS       12


/* seconds after which a number that never came back is passed though nobody
   waits behind it */

#define ADM_LINE_STALE       30


/* seconds after which a number that did not come back is not waited for */

#define ADM_LINE_YOUNG       8
#define ADM_LINE_MINUTE      60


/* the line is over when nobody waits but those who have just got a number, and
   so few that they are let in, in so many nanoseconds, when they come back */

#define ADM_LINE_SPARE       (ADM_LINE_SECOND * 3 / 2)


/* numbers of which a share is told */

#define ADM_LINE_SOME        20


/* ms by which the last tick may be ahead of now; if it is more, the clock was
   set back, and ticks go on from there */

#define ADM_LINE_BACK        10000


/* numbers that one tick looks through at most */

#define ADM_LINE_LOOK        (UINT64_C(1024) * ADM_BITS_DATA)


typedef struct {
    uint64_t            second;      /* of the line's clock */
    double              seconds;     /* since the last tick, 0 to 1 */
    adm_steer_delays_t  delays;
} adm_line_now_t;


/*
 * Numbers that had been given "age" seconds ago; at most "most".  All of
 * before a restart are old: most of the last were never given.
 */

static uint64_t
adm_line_given(adm_line_room_t *room, uint64_t second, uint64_t age,
    uint64_t most)
{
    uint64_t  number, reborn;

    reborn = adm_load(&room->reborn);
    number = (second > age) ? adm_marks_at(room->joined, second - age) : 0;
    number = (number > reborn) ? number : reborn;

    return (number < most) ? number : most;
}


/*
 * The line's clock goes on by what has passed, a second at most.  It is
 * advanced by one process alone, but for one that was stopped in its tick.
 */

static uint64_t
adm_line_clock(adm_line_room_t *room, uint64_t passed)
{
    return __atomic_add_fetch(&room->clock, passed, __ATOMIC_SEQ_CST) / 1000;
}


/*
 * 1 if nobody comes at all, where many should: then something stands between
 * us and the people, and it does not help to call more of them, nor is it
 * learned from.
 */

static int
adm_line_silent(adm_line_room_t *room)
{
    uint64_t  silent;

    silent = adm_load(&room->silent);

    return silent >= ADM_LINE_SILENT
           && silent * ADM_LINE_SECOND / adm_load(&room->interval)
              >= ADM_LINE_SILENT_MISSED;
}


static int
adm_line_hear(adm_line_room_t *room)
{
    uint64_t  sum;
    unsigned  i;

    sum = 0;

    for (i = 0; i < ADM_STEER_PARTS; i++) {
        sum += adm_load(&room->came[i]);
    }

    adm_line_store(&room->silent, sum ? 0 : adm_load(&room->silent) + 1);

    return !adm_line_silent(room);
}


/*
 * Takes in the second that is over: who was called how long ago, and who of
 * them came.  Older ones weigh less and less.
 */

static void
adm_line_see(adm_line_room_t *room, uint64_t over)
{
    uint64_t  i, age, window, called, came, seen, sum[ADM_STEER_PARTS];

    memset(sum, 0, sizeof(sum));
    window = adm_line_window(room);

    for (age = 0; age < window && age < over; age++) {
        sum[adm_line_part(age, window)]
            += adm_cohorts_at(room->cohorts, over - age).called;
    }

    for (i = 0; i < ADM_STEER_PARTS; i++) {
        called = adm_load(&room->seen_called[i]);
        came = adm_load(&room->seen_came[i]);

        if (called > ADM_LINE_SEEN_FEW * ADM_LINE_PEOPLE) {
            seen = (called > ADM_LINE_SEEN_MANY * ADM_LINE_PEOPLE)
                   ? ADM_LINE_SEEN_SHORT : ADM_LINE_SEEN;

            called -= called / seen;
            came -= came / seen;
        }

        came += __atomic_exchange_n(&room->came[i], 0, __ATOMIC_SEQ_CST)
                * ADM_LINE_PEOPLE;

        adm_line_store(&room->seen_called[i],
                       called + sum[i] * ADM_LINE_PEOPLE);
        adm_line_store(&room->seen_came[i], came);
    }
}


static void
adm_line_learn(adm_line_room_t *room, adm_line_now_t *n)
{
    uint64_t          i, window;
    adm_steer_seen_t  seen;

    window = adm_line_window(room);
    memset(&seen, 0, sizeof(adm_steer_seen_t));

    for (i = 0; i < window; i++) {
        seen.seconds[adm_line_part(i, window)]++;
    }

    for (i = 0; i < ADM_STEER_PARTS; i++) {
        seen.called[i] = (double) adm_load(&room->seen_called[i])
                         / ADM_LINE_PEOPLE;
        seen.came[i] = (double) adm_load(&room->seen_came[i])
                       / ADM_LINE_PEOPLE;
    }

    adm_steer_learn(&seen, (double) adm_load(&room->share) / ADM_LINE_SHARE,
                    &n->delays);
}


/* of the people called lately, those who are still to come */

static double
adm_line_expected(adm_line_room_t *room, const adm_line_now_t *n)
{
    double        sum;
    uint64_t      age, window;
    adm_cohort_t  c;

    sum = 0;
    window = adm_line_window(room);

    for (age = 0; age < window && age < n->second; age++) {
        c = adm_cohorts_at(room->cohorts, n->second - age);
        sum += (double) c.called
               * (1 - n->delays.come[adm_line_part(age, window)]);
    }

    return sum * n->delays.share;
}


/* people told to wait a moment: each comes about once in these two seconds */

static double
adm_line_put_off(adm_line_room_t *room, uint64_t now)
{
    if (adm_load(&room->follows)) {
        return (double) adm_load(&room->put_off);
    }

    return (double) adm_window_sum(room->refused, now / 1000, 2);
}


static uint64_t
adm_line_active(const adm_line_t *l, uint64_t now)
{
    return adm_load(&l->room->follows)
           ? adm_load(&l->room->active)
           : adm_wheel_count(&l->wheel, now / 1000);
}


/*
 * When the credit was used up to "spent".  What one that follows was told is
 * as it was then: as much as has drained since was used by others.
 */

static uint64_t
adm_line_since(adm_line_room_t *room, uint64_t now)
{
    return adm_load(&room->follows) ? adm_load(&room->ticked) : now;
}


uint64_t
adm_line_claimable(const adm_line_t *l, uint64_t second)
{
    uint64_t      age, claim, sum;
    adm_cohort_t  c;

    sum = 0;
    claim = adm_load(&l->room->claim);

    for (age = 0; age <= claim && age < second; age++) {
        c = adm_cohorts_at(l->room->cohorts, second - age);
        sum += (c.called > c.claimed) ? c.called - c.claimed : 0;
    }

    return sum;
}


/* numbers just given that the frontier has passed: who comes back is called */

static uint64_t
adm_line_fresh(const adm_line_t *l, uint64_t second)
{
    uint64_t  old, frontier;

    frontier = adm_load(&l->room->frontier);
    old = adm_line_given(l->room, second, ADM_LINE_YOUNG, frontier);
    old = old ? old : 1;

    return frontier - old - adm_bits_count(&l->live, old, frontier);
}


uint64_t
adm_line_seekers(const adm_line_t *l, uint64_t active, uint64_t second)
{
    uint64_t  holders;

    holders = adm_load(&l->room->holders);

    return adm_line_claimable(l, second) + adm_line_fresh(l, second)
           + ((active > holders) ? active - holders : 0);
}


uint64_t
adm_line_left(const adm_line_t *l, uint64_t seekers)
{
    uint64_t  units;

    if (adm_load(&l->room->stock) == ADM_LINE_ANY_STOCK) {
        return ADM_LINE_ANY;
    }

    units = adm_line_units(l->room);

    return (units > seekers) ? units - seekers : 0;
}


int
adm_line_rests(const adm_line_room_t *room)
{
    return adm_load(&room->stock) >= ADM_LINE_RESERVED;
}


/* people who may still be called for what is for sale */

static uint64_t
adm_line_seek(const adm_line_t *l, uint64_t now, const adm_line_now_t *n)
{
    uint64_t          seekers;
    adm_line_room_t  *room;

    room = l->room;

    if (adm_load(&room->stock) == ADM_LINE_ANY_STOCK) {
        return ADM_LINE_ANY;
    }

    seekers = adm_line_seekers(l, adm_line_active(l, now), n->second);
    adm_line_store(&room->seekers, seekers);

    return adm_line_left(l, seekers);
}


static void
adm_line_measure(const adm_line_t *l, uint64_t now, const adm_line_now_t *n,
    adm_steer_t *s)
{
    double            interval, used, put_off, held;
    uint64_t          max, spent, since;
    adm_line_room_t  *room;

    room = l->room;

    max = adm_load(&room->max_active);
    spent = adm_load(&room->spent);
    interval = (double) adm_load(&room->interval);
    put_off = adm_line_put_off(room, now);
    since = adm_line_since(room, now) * 1000000;
    used = (spent > since) ? (double) (spent - since) : 0;

    /* by a slower rate, or a clock that has been set back since */

    if (used > (double) (adm_load(&room->credit) + ADM_LINE_FORGIVEN)) {
        used = 0;
    }

    s->rate = 1e9 / interval;
    s->burst = (double) adm_load(&room->credit) / interval;
    s->burst = (s->burst > 1) ? s->burst : 1;
    s->share = adm_line_silent(room) ? 1 : n->delays.share;
    s->delay = n->delays.delay * (double) adm_line_window(room)
               / ADM_STEER_PARTS;
    s->expected = adm_line_expected(room, n);
    s->ahead = used / interval + put_off;
    s->trim = (double) adm_load(&room->trim) / ADM_LINE_TRIM - 1;
    s->room = -1;

    if (max != 0) {
        /* more may come than are expected, by chance */

        held = s->expected + put_off
               + (double) adm_line_root((uint64_t) s->expected);

        s->room = (double) max - held - (double) adm_line_active(l, now);
        s->room = (s->room < 0) ? 0 : s->room;
    }
}


/* people to call now; what is less than one is kept for the next tick */

static uint64_t
adm_line_wanted(const adm_line_t *l, uint64_t now, const adm_line_now_t *n)
{
    double            people;
    uint64_t          whole, left;
    adm_steer_t       s;
    adm_line_room_t  *room;

    room = l->room;
    left = adm_line_seek(l, now, n);

    adm_line_measure(l, now, n, &s);

    people = adm_steer(&s, n->seconds)
             + (double) adm_load(&room->carry) / ADM_LINE_CARRY;
    whole = (uint64_t) people;

    adm_line_store(&room->share,
                   (uint64_t) (n->delays.share * ADM_LINE_SHARE));
    adm_line_store(&room->expected, (uint64_t) (s.expected + 0.5));
    adm_line_store(&room->carry, (uint64_t) ((people - (double) whole)
                                             * ADM_LINE_CARRY));

    /* from what is held back nothing is learned */

    if (whole >= left) {
        whole = left;
        s.room = 0;
    }

    if (n->delays.learned && s.room != 0 && adm_load(&room->waiting)) {
        adm_line_store(&room->trim,
                       (uint64_t) ((adm_steer_trim(&s, n->seconds) + 1)
                                   * ADM_LINE_TRIM + 0.5));
    }

    return whole;
}


/* how far a tick looks: not beyond what the claimed bits span */

static uint64_t
adm_line_sight(const adm_line_t *l, uint64_t from, uint64_t next)
{
    uint64_t  low, end;

    low = adm_load(&l->room->low);
    end = low - low % ADM_BITS_DATA + adm_bits_span(&l->claimed);

    end = (end > from + ADM_LINE_LOOK) ? from + ADM_LINE_LOOK : end;

    return (end < next) ? end : next;
}


/*
 * Walks from "from" over *wanted live tickets, at most to "to"; *wanted
 * becomes how many it met.  Numbers just given may still come back, and are
 * called then if the frontier has passed them, so there every number counts.
 */

static uint64_t
adm_line_walk(const adm_line_t *l, uint64_t second, uint64_t from,
    uint64_t to, uint64_t *wanted)
{
    uint64_t  old, reach, left, young;

    old = adm_line_given(l->room, second, ADM_LINE_YOUNG, to);
    left = *wanted;
    reach = adm_bits_find(&l->live, from, old, wanted);

    left -= *wanted;

    if (left == 0) {
        return reach;
    }

    from = (from > old) ? from : old;
    young = left;

    from = adm_bits_find(&l->live, from,
                         (to - from < left) ? to : from + left, &young);
    *wanted += young;

    return (young != 0) ? from : reach;
}


/*
 * Where the frontier rises to, to call "wanted" people; *wanted becomes how
 * many it calls.  Who never came back is passed with the next one who did, or
 * when that is long ago.
 */

static uint64_t
adm_line_reach(const adm_line_t *l, const adm_line_now_t *n, uint64_t from,
    uint64_t *wanted)
{
    uint64_t          to, next, more, reach, stale;
    adm_line_room_t  *room;

    room = l->room;
    next = adm_load(&room->next);
    to = adm_line_sight(l, from, next);

    reach = adm_line_walk(l, n->second, from, to, wanted);

    more = 1;
    (void) adm_bits_find(&l->live, reach, to, &more);

    if (more != 0) {
        adm_line_store(&room->waiting, 1);
        return reach;
    }

    stale = adm_line_given(room, n->second, ADM_LINE_STALE, to);

    if (to == next
        && adm_line_absent(l, reach, next)
           <= ADM_LINE_SPARE * ADM_LINE_PEOPLE / adm_load(&room->interval))
    {
        adm_line_store(&room->waiting, 0);
        adm_line_store(&room->busy, n->second);
    }

    return (stale > reach) ? stale : reach;
}


static void
adm_line_call(const adm_line_t *l, const adm_line_now_t *n, uint64_t wanted)
{
    uint64_t          from, to;
    adm_line_room_t  *room;

    room = l->room;

    /* who never came back may yet do so, and would be called then */

    if (adm_line_left(l, adm_load(&room->seekers)) == 0) {
        return;
    }

    from = adm_load(&room->frontier);
    to = adm_line_reach(l, n, from, &wanted);

    if (to == from || !adm_word_cas(&room->frontier, from, to)) {
        return;
    }

    adm_marks_put(room->called, n->second, to);

    if (wanted != 0) {
        adm_cohorts_add(room->cohorts, n->second, wanted, 0);
    }
}


/*
 * The number below which tickets are over: by the line's clock, or earlier
 * where the bits could not span so many.
 */

static uint64_t
adm_line_lowest(const adm_line_t *l, uint64_t second)
{
    uint64_t          low, span, window, frontier;
    adm_line_room_t  *room;

    room = l->room;

    frontier = adm_load(&room->frontier);
    window = adm_load(&room->claim) + adm_load(&room->grace) + 1;
    low = (second > window) ? adm_marks_at(room->called, second - window) : 0;

    span = adm_bits_span(&l->claimed);
    span -= (span / 4 < ADM_LINE_LOOK) ? span / 4 : ADM_LINE_LOOK;

    if (frontier > span && low < frontier - span) {
        low = frontier - span;
    }

    return (low > adm_load(&room->low)) ? low : adm_load(&room->low);
}


/* admissions in ADM_LINE_RATE seconds, in the "i"-th span back */

static uint64_t
adm_line_measured(const adm_line_room_t *room, uint64_t second, unsigned i)
{
    uint64_t  newer, older;

    newer = adm_load(&room->history[(second - i * ADM_LINE_SPAN)
                                    % ADM_LINE_HISTORY]);
    older = adm_load(&room->history[(second - (i + 1) * ADM_LINE_SPAN)
                                    % ADM_LINE_HISTORY]);

    return (newer > older) ? (newer - older) * ADM_LINE_RATE / ADM_LINE_SPAN
                           : 0;
}


static void
adm_line_insert(uint64_t *sorted, unsigned n, uint64_t rate)
{
    while (n > 0 && sorted[n - 1] > rate) {
        sorted[n] = sorted[n - 1];
        n--;
    }

    sorted[n] = rate;
}


/*
 * The rates of the last two minutes: the median, the second from below and
 * from above; as long as the line has not been so long, the target fills in.
 */

static void
adm_line_rates(adm_line_room_t *room, uint64_t second)
{
    uint64_t  target, busy, rate, sorted[ADM_LINE_SPANS];
    unsigned  i;

    target = UINT64_C(1000000000) * ADM_LINE_RATE / adm_load(&room->interval);
    busy = adm_load(&room->busy);
    busy = (second > busy) ? second - busy : 0;

    for (i = 0; i < ADM_LINE_SPANS; i++) {
        rate = ((uint64_t) (i + 2) * ADM_LINE_SPAN <= busy)
               ? adm_line_measured(room, second, i) : target;

        /* a line that rests does not rest for ever */

        adm_line_insert(sorted, i, (rate > target / 64) ? rate : target / 64);
    }

    rate = sorted[ADM_LINE_SPANS / 2] + sorted[ADM_LINE_SPANS / 2 - 1];

    adm_line_store(&room->rate, rate / 2);
    adm_line_store(&room->rate_low, sorted[1]);
    adm_line_store(&room->rate_high, sorted[ADM_LINE_SPANS - 2]);
}


/* seconds since a number was given */

static double
adm_line_age(adm_line_room_t *room, uint64_t second, uint64_t number)
{
    uint64_t  first, when;

    first = (second >= ADM_MARKS) ? second - ADM_MARKS + 2 : 1;
    when = adm_marks_when(room->joined, number, first, second);

    return (double) ((when < second) ? second - when : 0);
}


/*
 * Of the numbers given in the minute before the last seconds, the share that
 * came back: as many are expected of those given since.
 */

static void
adm_line_return(const adm_line_t *l, uint64_t second)
{
    uint64_t          from, to;
    adm_line_room_t  *room;

    room = l->room;

    to = adm_line_given(room, second, ADM_LINE_YOUNG, ADM_MARKS_MAX);
    from = adm_line_given(room, second, ADM_LINE_YOUNG + ADM_LINE_MINUTE, to);

    adm_line_store(&room->young, to ? to : 1);

    if (to - from >= ADM_LINE_SOME) {
        adm_line_store(&room->back, adm_bits_count(&l->live, from, to)
                                    * ADM_LINE_SHARE / (to - from));
    }
}


/*
 * How many people there are before each bucket of numbers: those who came
 * back, by the share of them that is still there.  It goes on from what the
 * first bucket said last time, so that a reader who meets both the old and
 * the new sums is hardly wrong.
 */

static void
adm_line_count(const adm_line_t *l, uint64_t second)
{
    double            share, head;
    uint64_t          i, next, end, sum, weight, live, *bucket;
    adm_line_room_t  *room;

    room = l->room;

    adm_line_return(l, second);

    share = (double) adm_load(&room->share) / ADM_LINE_SHARE;
    next = adm_load(&room->next);
    i = (adm_load(&room->frontier) - 1) / ADM_LINE_NUMBERS;
    head = adm_line_age(room, second, adm_load(&room->frontier));
    sum = adm_load(&l->ahead[i % l->buckets]) >> 16;

    for ( /* void */ ; i * ADM_LINE_NUMBERS < next; i++) {
        bucket = &l->ahead[i % l->buckets];
        live = adm_bits_count(&l->live, i * ADM_LINE_NUMBERS,
                              (i + 1) * ADM_LINE_NUMBERS);

        weight = (uint64_t) (0xffff
                             * adm_steer_staying(share,
                                   adm_line_age(room, second,
                                                i * ADM_LINE_NUMBERS),
                                   head));

        adm_line_store(bucket, (sum << 16) | weight);

        end = (i + 1) * ADM_LINE_NUMBERS;
        sum += live * weight * ADM_LINE_PEOPLE / 0xffff
               + adm_line_absent(l, i * ADM_LINE_NUMBERS,
                                 (end < next) ? end : next);
    }

    adm_line_store(&room->scanned, next);
    adm_line_store(&room->people,
                   adm_line_people(l, next)
                   - adm_line_people(l, adm_load(&room->frontier)));
}


/* those whose claim window has just ended */

static void
adm_line_lapse(adm_line_room_t *room, uint64_t second)
{
    uint64_t      claim;
    adm_cohort_t  c;

    claim = adm_load(&room->claim) + 1;

    if (second <= claim) {
        return;
    }

    c = adm_cohorts_at(room->cohorts, second - claim);

    if (c.called > c.claimed) {
        (void) __atomic_fetch_add(&room->lapsed, c.called - c.claimed,
                                  __ATOMIC_RELAXED);
    }
}


/* what is done once in a second; "last" is the second marked before */

static void
adm_line_each_second(const adm_line_t *l, const adm_line_now_t *n,
    uint64_t last)
{
    uint64_t          s;
    adm_line_room_t  *room;

    room = l->room;

    for (s = last + 1; s <= n->second; s++) {
        adm_marks_put(room->called, s, adm_load(&room->frontier));
        adm_marks_put(room->joined, s, adm_load(&room->next));
        adm_line_store(&room->history[s % ADM_LINE_HISTORY],
                       adm_load(&room->serial));
        adm_line_lapse(room, s);

        if (adm_line_hear(room)) {
            adm_line_see(room, s - 1);
        }
    }

    adm_line_store(&room->second, n->second);

    adm_line_rates(room, n->second);
    adm_line_count(l, n->second);
}


int
adm_line_tick(const adm_line_t *l, uint64_t now)
{
    uint64_t          last, passed;
    adm_line_now_t    n;
    adm_line_room_t  *room;

    room = l->room;
    last = adm_load(&room->ticked);

    if (adm_load(&room->follows)) {
        return 0;
    }

    passed = (now > last) ? now - last : 0;

    if (last > now + ADM_LINE_BACK) {
        passed = ADM_LINE_TICK;
    }

    if (passed < ADM_LINE_TICK || !adm_word_cas(&room->ticked, last, now)) {
        return 0;
    }

    /* a clock that was set back makes no strangers of those who come now */

    if (now / 1000 < adm_load(&room->born)) {
        adm_line_store(&room->born, now / 1000);
    }

    if (adm_load(&room->paused) || adm_line_rests(room)) {
        return 1;
    }

    passed = (passed > 1000) ? 1000 : passed;

    n.second = adm_line_clock(room, passed);
    n.seconds = (double) passed / 1000;

    last = adm_load(&room->second);

    if (last < n.second) {
        adm_line_each_second(l, &n, last);
    }

    adm_line_learn(room, &n);

    adm_line_store(&room->low, adm_line_lowest(l, n.second));
    adm_line_call(l, &n, adm_line_wanted(l, now, &n));

    adm_line_store(&room->before,
                   adm_line_people(l, adm_load(&room->frontier)));

    return 1;
}


void
adm_line_propose(const adm_line_t *l, uint64_t now, adm_line_proposal_t *p)
{
    double            most, share;
    uint64_t          left;
    adm_steer_t       s;
    adm_line_now_t    n;
    adm_line_room_t  *room;

    room = l->room;
    n.second = adm_load(&room->second);
    left = adm_line_seek(l, now, &n);

    adm_line_learn(room, &n);
    adm_line_measure(l, now, &n, &s);

    share = (s.share > ADM_STEER_SHARE) ? s.share : ADM_STEER_SHARE;
    most = (s.room < 0) ? (double) ADM_LINE_ANY : s.room / share;

    p->low = adm_line_lowest(l, n.second);
    p->most = (most < (double) left) ? (uint64_t) most : left;
    p->share = (uint64_t) (n.delays.share * ADM_LINE_SHARE);
    p->expected = (uint64_t) (s.expected + 0.5);
    p->drift = 0;

    if (n.delays.learned && s.room != 0 && left == ADM_LINE_ANY
        && adm_load(&room->waiting))
    {
        p->drift = (int64_t) ((adm_steer_trim(&s, 1) - s.trim) * 1e9);
    }

    s.room = -1;
    p->calls = (uint64_t) (adm_steer(&s, 1) * 1e6);
}


void
adm_line_hear_second(const adm_line_t *l, uint64_t second)
{
    if (adm_line_hear(l->room)) {
        adm_line_see(l->room, second);
    }
}


void
adm_line_hear_rates(const adm_line_t *l, uint64_t second)
{
    adm_line_rates(l->room, second);
}


/* as adm_line_absent(), where "live" of [from, to) came back */

static uint64_t
adm_line_absent_told(adm_line_room_t *room, uint64_t from, uint64_t to,
    uint64_t live)
{
    uint64_t  young, absent;

    young = adm_load(&room->young);
    absent = (to - from > live) ? to - from - live : 0;

    if (young >= to) {
        return 0;
    }

    if (young > from) {
        absent = absent * (to - young) / (to - from);
    }

    return absent * adm_load(&room->back) * ADM_LINE_PEOPLE / ADM_LINE_SHARE;
}


void
adm_line_hear_sums(const adm_line_t *l, uint64_t from, uint64_t to,
    const unsigned char *sums)
{
    double            share, head, staying;
    uint64_t          end, sum, live, number, second;
    adm_line_room_t  *room;

    room = l->room;
    second = adm_load(&room->second);
    share = (double) adm_load(&room->share) / ADM_LINE_SHARE;
    head = adm_line_age(room, second, from);
    sum = 0;

    for (number = from; number < to; number = end) {
        end = (number / ADM_LINE_NUMBERS + 1) * ADM_LINE_NUMBERS;
        end = (end < to) ? end : to;

        live = sums[0] | (uint64_t) sums[1] << 8;
        sums += 2;

        adm_line_store(&l->ahead[number / ADM_LINE_NUMBERS % l->buckets],
                       sum << 16);

        staying = adm_steer_staying(share, adm_line_age(room, second, number),
                                    head);
        sum += (uint64_t) ((double) (live * ADM_LINE_PEOPLE) * staying)
               + adm_line_absent_told(room, number, end, live);
    }

    adm_line_store(&room->counted, from);
    adm_line_store(&room->scanned, to);
    adm_line_store(&room->total, sum);
    adm_line_store(&room->people, sum);
}


uint64_t
adm_line_ticked(const adm_line_t *l)
{
    return adm_load(&l->room->ticked);
}


uint64_t
adm_line_born(const adm_line_t *l)
{
    return adm_load(&l->room->born);
}


void
adm_line_stats(const adm_line_t *l, uint64_t now, adm_line_stats_t *stats)
{
    adm_line_room_t  *room;

    room = l->room;

    stats->joined = adm_load(&room->next) - 1 - adm_load(&room->skipped);
    stats->frontier = adm_load(&room->frontier);
    stats->waiting = adm_load(&room->people) / ADM_LINE_PEOPLE;
    stats->expected = adm_load(&room->expected);
    stats->active = adm_line_active(l, now);
    stats->admitted = adm_line_admitted(room);
    stats->claimed = adm_load(&room->claims);
    stats->lapsed = adm_load(&room->lapsed);
    stats->moments = adm_load(&room->moments);
    stats->rate = (double) adm_load(&room->rate) / ADM_LINE_RATE;
    stats->share = (double) adm_load(&room->share) / ADM_LINE_SHARE;
}
