
/*
 * The story: on the evening of the sale a worker is killed, a phone asks
 * twice, somebody comes back after ten minutes, the operator pauses the line,
 * and the machine is restarted.  Each of these has cost people their place in
 * some waiting room, or let them in twice.  So every rule has its case here;
 * a plain list of people goes through random evenings beside the line; and
 * processes that are killed at random claim the same tickets.
 */


#define _GNU_SOURCE

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"
#include "../../../src/core/adm_bits.c"
#include "../../../src/core/adm_cohorts.c"
#include "../../../src/core/adm_marks.c"
#include "../../../src/core/adm_notes.c"
#include "../../../src/core/adm_steer.c"
#include "../../../src/core/adm_wheel.c"
#include "../../../src/core/adm_window.c"
#include "../../../src/core/adm_line.c"
#include "../../../src/core/adm_line_room.c"

#undef ADM_LINE_BACK
#include "../../../src/core/adm_line_tick.c"


#define START      UINT64_C(1790000000000)
#define PEOPLE     4000
#define CROWD      256000
#define PROCESSES  4
#define ROUNDS     40


static adm_line_t           line;
static adm_line_settings_t  settings;
static size_t               line_size;
static uint64_t             now;


static adm_line_settings_t
usual(void)
{
    adm_line_settings_t  s;

    memset(&s, 0, sizeof(adm_line_settings_t));

    s.interval = 10000000;
    s.session = 600;
    s.claim = 120;
    s.grace = 600;

    return s;
}


static void
begin(adm_line_shape_t shape)
{
    void  *memory;

    line_size = adm_line_size(&shape);
    memory = mmap(NULL, line_size, PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    now = START;
    adm_line_init(memory, &shape, &settings, now);
    (void) adm_line_attach(&line, memory);
}


static void
begin_usual(void)
{
    adm_line_shape_t  shape = ADM_LINE_SHAPE(600);

    begin(shape);
}


static void
pass_time(uint64_t ms)
{
    uint64_t  end;

    for (end = now + ms; now < end; now += ADM_LINE_TICK) {
        (void) adm_line_tick(&line, now);
    }
}


static uint64_t
join(void)
{
    uint64_t  ticket;

    return adm_line_join(&line, &ticket) == ADM_LINE_WAITING ? ticket : 0;
}


static adm_line_rc_e
poll(uint64_t ticket)
{
    adm_line_place_t  place;

    return adm_line_poll(&line, ticket, 0, &place);
}


static adm_line_rc_e
claim(uint64_t ticket, adm_pass_t *pass)
{
    return adm_line_claim(&line, ticket, now, pass);
}


static adm_line_stats_t
stats(void)
{
    adm_line_stats_t  s;

    adm_line_stats(&line, now, &s);

    return s;
}


static void
way(void)
{
    uint64_t    ticket;
    adm_pass_t  pass, again;

    settings = usual();
    begin_usual();

    ticket = join();
    is_uint(ticket, 1, "the first number");
    is_uint(join(), 2, "the next one");
    is_uint(poll(3), ADM_LINE_UNKNOWN, "a number that was not given");
    is_uint(poll(0), ADM_LINE_UNKNOWN, "nor this one");

    pass_time(20000);
    is_uint(stats().frontier, 1, "who has not come back is not called");

    is_uint(poll(2), ADM_LINE_WAITING, "the second comes back");
    is_uint(claim(2, &pass), ADM_LINE_WAITING, "too early for a claim");
    pass_time(1000);
    is_uint(poll(2), ADM_LINE_CALLED, "and is called");
    is_uint(poll(1), ADM_LINE_CALLED, "so is the first, who comes later");

    is_uint(claim(2, &pass), ADM_LINE_ADMITTED, "a pass");
    is_uint(pass.expires, now / 1000 + 600, "for a session");
    is_uint(poll(2), ADM_LINE_USED, "the ticket is used");

    pass_time(29000);
    is_uint(claim(2, &again), ADM_LINE_REPEATED, "a repeat");
    ok(memcmp(&pass, &again, sizeof(adm_pass_t)) == 0, "gets the same pass");
    pass_time(2000);
    is_uint(claim(2, &again), ADM_LINE_USED, "but not later");

    pass_time(80000);
    is_uint(poll(1), ADM_LINE_CALLED, "the window is open still");
    pass_time(20000);
    is_uint(poll(1), ADM_LINE_LAPSED, "and then not");
    is_uint(claim(1, &pass), ADM_LINE_ADMITTED, "but there is room");
    ok(pass.serial == 2 && stats().claimed == 2, "two were admitted");
    is_uint(stats().active, 2, "and are inside");

    is_uint(adm_line_end(&line, now, &pass), 1, "one leaves");
    is_uint(adm_line_end(&line, now, &pass), 0, "once");
    ok(adm_line_ended(&line, pass.serial), "the pass is void");

    pass_time(1000000);
    is_uint(poll(1), ADM_LINE_OVER, "after the grace it is over");
    is_uint(stats().active, 0, "passes that expire leave by themselves");
    ok(stats().lapsed == 1, "one had lapsed");
}


static void
never_back(void)
{
    uint64_t  i, last;

    settings = usual();
    begin_usual();

    for (i = 0; i < 5000; i++) {
        last = join();
    }

    is_uint(poll(last), ADM_LINE_WAITING, "one of 5000 comes back");
    pass_time(20000);
    is_uint(poll(last), ADM_LINE_CALLED, "and is called over the others");
    is_uint(poll(17), ADM_LINE_CALLED, "one more comes late");
    pass_time(500);
    ok(stats().expected > 0, "both are expected");

    for (i = 0; i < 100; i++) {
        (void) join();
    }

    pass_time(40000);
    is_uint(stats().frontier, last + 101, "who never came is passed in time");
}


static void
pauses(void)
{
    uint64_t    i, frontier;
    adm_pass_t  pass;

    settings = usual();
    begin_usual();

    for (i = 1; i <= 30000; i++) {
        (void) poll(join());
    }

    pass_time(20000);
    frontier = stats().frontier;
    ok(frontier > 1000 && frontier < 10000, "some are called");

    settings.paused = 1;
    adm_line_set(&line, &settings);
    is_uint(join(), 0, "no number in a pause");
    is_uint(claim(1, &pass), ADM_LINE_PAUSED, "no claim");
    pass_time(3600000);
    is_uint(stats().frontier, frontier, "no call");
    is_uint(poll(1), ADM_LINE_CALLED, "and nobody lapses");

    settings.paused = 0;
    settings.interval = 1000000;
    adm_line_set(&line, &settings);

    for (i = 0, frontier = 0; i < 3000; i++) {
        frontier += claim(i + 1, &pass) == ADM_LINE_ADMITTED;
    }

    ok(frontier <= 1000 + 123, "credit of a second, and for chance, no more");
    ok(frontier >= 1000, "and no less, at the new rate");
    is_uint(claim(1, &pass), ADM_LINE_REPEATED, "the first got in");

    settings.paused = 1;
    adm_line_set(&line, &settings);
    is_uint(claim(1, &pass), ADM_LINE_REPEATED,
            "a repeat is answered in a pause, too");
}


/* a network that is gone for three minutes is not a line that has left */

static void
silence(void)
{
    uint64_t  i;

    settings = usual();
    begin_usual();

    for (i = 1; i <= 100000; i++) {
        (void) poll(join());
    }

    pass_time(180000);
    ok(stats().frontier < 2 * 180 * 100 + 4000,
       "who is not heard is not called faster and faster");
    ok(stats().share > 0.5, "and it is not learned from");
}


static void
clock_back(void)
{
    settings = usual();
    begin_usual();

    pass_time(10000);
    now -= 5000;
    is_uint(adm_line_tick(&line, now), 0, "a clock that is behind waits");
    now -= 3600000;
    is_uint(adm_line_tick(&line, now), 1, "one that was set back goes on");
    (void) poll(join());
    pass_time(3000);
    is_uint(poll(1), ADM_LINE_CALLED, "and people are called");

    begin_usual();
    is_uint(adm_line_born(&line), START / 1000, "a line knows when it began");
    now -= 3600000;
    pass_time(1000);
    ok(adm_line_born(&line) <= now / 1000,
       "who comes by a clock that was set back is of this line");
}


static void
ceiling(void)
{
    uint64_t    i;
    adm_pass_t  pass, first = { 0, 0, 0 };

    settings = usual();
    settings.interval = 1000000;
    settings.max_active = 10;
    begin_usual();

    for (i = 0; i < 1000; i++) {
        (void) poll(join());
    }

    pass_time(1500);
    ok(stats().frontier > 1 && stats().frontier <= 12,
       "no more are called than may come in");

    for (i = 1; i <= 20; i++) {
        pass_time(1000);
        (void) claim(i, &pass);
        first = (i == 1) ? pass : first;
    }

    ok(stats().active >= 9 && stats().active <= 10, "they are inside");

    pass_time(10000);
    is_uint(adm_line_end(&line, now, &first), 1, "one leaves");
    pass_time(10000);

    for (i = 1; i < stats().frontier; i++) {
        (void) claim(i, &pass);
    }

    ok(stats().active <= 10 && stats().active >= 9, "the next one is in");
}


static void
sells(unsigned stock, uint64_t units, uint64_t hope, uint64_t holders)
{
    settings.stock = stock;
    settings.units = units;
    settings.hope = hope;
    settings.holders = holders;

    adm_line_set(&line, &settings);
}


static unsigned
in_state(adm_line_rc_e rc)
{
    uint64_t  i;
    unsigned  n;

    n = 0;

    for (i = 1; i < stats().joined + 1; i++) {
        n += (poll(i) == rc);
    }

    return n;
}


static unsigned
beyond(void)
{
    uint64_t          i;
    unsigned          n;
    adm_line_place_t  place;

    n = 0;

    for (i = 1; i < stats().joined + 1; i++) {
        (void) adm_line_poll(&line, i, 0, &place);
        n += place.beyond;
    }

    return n;
}


static void
stocked(void)
{
    uint64_t    i;
    adm_pass_t  pass[10], entrant;

    settings = usual();
    settings.interval = 1000000;
    begin_usual();

    for (i = 0; i < 100; i++) {
        (void) join();
    }

    sells(ADM_LINE_UNHEARD_OF, 0, 0, 0);
    pass_time(60000);
    is_uint(stats().frontier, 1, "nobody is stepped over while it rests");
    is_uint(in_state(ADM_LINE_WAITING), 100,
            "what is not known calls nobody, and all come back");
    is_uint(beyond(), 0, "... nor tells anybody anything");

    sells(ADM_LINE_FOR_SALE, 10, 10, 0);
    pass_time(3000);
    is_uint(in_state(ADM_LINE_CALLED), 10, "as many are called as may come");
    is_uint(beyond(), 90, "all others know that they are behind");

    sells(ADM_LINE_FOR_SALE, 10, 40, 0);
    is_uint(beyond(), 60, "... but those for whom some may come back");

    for (i = 0; i < 10; i++) {
        (void) claim(i + 1, &pass[i]);
    }

    pass_time(3000);
    is_uint(stats().frontier, 11, "who is inside counts like who is called");

    sells(ADM_LINE_FOR_SALE, 5, 10, 4);
    pass_time(3000);
    is_uint(stats().frontier, 11, "... as long as more have no hold");

    sells(ADM_LINE_FOR_SALE, 8, 10, 4);
    pass_time(3000);
    is_uint(in_state(ADM_LINE_CALLED), 2, "with holds there is more room");

    sells(ADM_LINE_RESERVED, 0, 10, 10);
    pass_time(200000);
    is_uint(in_state(ADM_LINE_CALLED), 2,
            "while all is reserved no turn passes");
    is_uint(claim(11, &entrant), ADM_LINE_PAUSED, "... nor is one taken");
    ok(join() != 0, "... but who comes gets a number");

    sells(ADM_LINE_FOR_SALE, 8, 10, 4);
    pass_time(1000);
    is_uint(claim(11, &entrant), ADM_LINE_ADMITTED, "then it goes on");
    is_uint(adm_line_end(&line, now, &entrant), 1, "one leaves");
    pass_time(3000);
    is_uint(in_state(ADM_LINE_CALLED), 2, "... and the next one is called");
}


/* numbers that the frontier has passed before they came back */

static void
unborn(void)
{
    uint64_t  i;

    settings = usual();
    settings.interval = 1000000;
    begin_usual();

    for (i = 0; i < 100; i++) {
        (void) join();
    }

    sells(ADM_LINE_FOR_SALE, 10, 10, 0);

    for (i = 2; i <= 20; i += 2) {
        (void) poll(i);
    }

    pass_time(2000);
    is_uint(stats().frontier, 11, "each number may be somebody for 8 s");
    is_uint(in_state(ADM_LINE_CALLED), 10, "... and so no one is too many");
}


static void
open_door(void)
{
    unsigned    n;
    adm_pass_t  pass;

    settings = usual();
    settings.interval = 1000000;
    settings.direct = 1;
    settings.stock = ADM_LINE_UNHEARD_OF;
    begin_usual();

    is_int(adm_line_open(&line), 0, "no open door to who knows what");

    sells(ADM_LINE_FOR_SALE, 10, 10, 0);
    is_int(adm_line_open(&line), 1, "an open door to ten");

    for (n = 0; adm_line_enter(&line, now, &pass) == ADM_LINE_ADMITTED; n++) {
        now += 10;
    }

    is_uint(n, 10, "ten enter");
    pass_time(1000);
    is_int(adm_line_open(&line), 0, "... and it is shut");
}


static void
newcomers(void)
{
    uint64_t    i, n;
    adm_pass_t  pass;

    settings = usual();
    begin_usual();
    is_uint(adm_line_enter(&line, now, &pass), ADM_LINE_WAITING,
            "everybody has to join");

    settings.direct = 1;
    adm_line_set(&line, &settings);

    for (i = 0, n = 0; i < 500; i++) {
        n += adm_line_enter(&line, now, &pass) == ADM_LINE_ADMITTED;
    }

    is_uint(n, 100, "newcomers enter, for a second's worth");
    pass_time(1000);
    is_uint(adm_line_enter(&line, now, &pass), ADM_LINE_ADMITTED, "again");

    (void) poll(join());
    is_uint(adm_line_enter(&line, now, &pass), ADM_LINE_WAITING,
            "not while somebody waits");
    pass_time(10000);
    is_uint(poll(1), ADM_LINE_CALLED, "who is called");
    is_uint(adm_line_enter(&line, now, &pass), ADM_LINE_ADMITTED,
            "and the line has ended itself");
}


/*
 * Who comes, by ticks: enters, or joins and comes back for a claim.  Of those
 * who came in the last "last" ticks, how many had to join, per cent.
 */

static uint64_t
day(const uint64_t *arrivals, uint64_t ticks, uint64_t last)
{
    uint64_t         t, i, n, came, had;
    adm_pass_t       pass;
    static uint64_t  back[1024][1024];     /* tickets that come, by tick */
    static uint64_t  backs[1024];

    memset(backs, 0, sizeof(backs));
    came = 0;
    had = 0;

    for (t = 0; t < ticks; t++, now += ADM_LINE_TICK) {
        (void) adm_line_tick(&line, now);

        for (i = 0; i < backs[t]; i++) {
            if (poll(back[t][i]) != ADM_LINE_CALLED
                || claim(back[t][i], &pass) == ADM_LINE_MOMENT)
            {
                n = t + ADM_LINE_POLL_MIN / ADM_LINE_TICK;
                back[n][backs[n]++] = back[t][i];
            }
        }

        for (i = 0; i < arrivals[t]; i++) {
            came += (t + last >= ticks);

            if (adm_line_enter(&line, now, &pass) != ADM_LINE_ADMITTED) {
                had += (t + last >= ticks);
                n = t + 1250 / ADM_LINE_TICK;
                back[n][backs[n]++] = join();
            }
        }
    }

    return had * 100 / came;
}


/* a rush, and then less than the rate: the line goes, as it came */

static void
calms_down(void)
{
    uint64_t         t;
    static uint64_t  arrivals[960];

    settings = usual();
    settings.direct = 1;
    settings.interval = 10000000;
    begin_usual();

    for (t = 0; t < 960; t++) {
        arrivals[t] = (t < 8) ? 100 : 15;
    }

    ok(day(arrivals, 60, 20) > 90, "after a rush everybody joins");

    begin_usual();
    is_uint(day(arrivals, 960, 400), 0,
            "when it is over nobody waits, at 0.6 of the rate");

    for (t = 8; t < 960; t++) {
        arrivals[t] = 4;
    }

    begin_usual();
    is_uint(day(arrivals, 960, 400), 0, "nor at 0.16");
}


static void
full(void)
{
    uint64_t          i, given, more;
    adm_line_shape_t  shape = { 5600, 5600, 900, 80, 600 };

    settings = usual();
    settings.claim = 5;
    settings.grace = 5;
    begin(shape);

    for (given = 0; join() != 0; given++) { /* all of them */ }

    ok(given > 5500 && given <= 5600, "numbers up to the span");

    for (i = 1; i <= given; i++) {
        (void) poll(i);
    }

    pass_time(30000);
    for (more = 0; join() != 0; more++) { /* all of them */ }

    ok(more > 0 && more <= given + 1, "and as many more as are over");
    is_uint(poll(1), ADM_LINE_OVER, "whose numbers are over");
    is_uint(poll(given + more), ADM_LINE_WAITING, "others' are not");
    is_uint(poll(given + more + 1), ADM_LINE_UNKNOWN, "nor are there more");
}


static void
places(void)
{
    uint64_t          i, wrong;
    adm_line_place_t  p;

    settings = usual();
    begin_usual();

    for (i = 1; i <= 20000; i++) {
        (void) join();
    }

    for (i = 1; i <= 20000; i += 2) {
        (void) poll(i);
    }

    pass_time(11000);

    for (wrong = 0, i = stats().frontier | 1; i <= 20000; i += 2) {
        (void) adm_line_poll(&line, i, i * 7919, &p);

        wrong += p.ahead > (i - stats().frontier) / 2 + 2
                 || p.ahead + 2 < (i - stats().frontier) / 2;
        wrong += p.wait_low > p.wait || p.wait > p.wait_high;
        wrong += p.poll < ADM_LINE_POLL_MIN || p.poll > ADM_LINE_POLL_MAX;
    }

    is_uint(wrong, 0, "only those who came back are ahead of others");

    i = (stats().frontier + 5000) | 1;
    (void) adm_line_poll(&line, i, 0, &p);
    wrong = p.ahead;
    adm_line_leave(&line, i - 2);
    adm_line_leave(&line, i - 4);
    pass_time(250);
    (void) adm_line_poll(&line, i, 0, &p);
    ok(p.ahead + 2 <= wrong, "who leaves is not ahead any more");
}


/* the plain list: what each ticket is, by the rules alone */

typedef struct {
    int         given, live;
    uint64_t    called;        /* second of the line's clock, 0 not yet */
    uint64_t    claimed;       /* second since the epoch, 0 not yet */
    uint64_t    leaves;        /* second in which the pass leaves the count */
    adm_pass_t  pass;
} person_t;


static person_t  people[PEOPLE + 1];
static uint64_t  clock_ms, ticked;


static adm_line_rc_e
plain_state(uint64_t t)
{
    uint64_t  age;

    if (t == 0 || t > PEOPLE || !people[t].given) {
        return ADM_LINE_UNKNOWN;
    }

    if (people[t].called == 0) {
        return ADM_LINE_WAITING;
    }

    age = clock_ms / 1000 - people[t].called;

    return (age <= settings.claim) ? ADM_LINE_CALLED
           : (age <= settings.claim + settings.grace) ? ADM_LINE_LAPSED
           : ADM_LINE_OVER;
}


static uint64_t
plain_inside(void)
{
    uint64_t  t, n;

    for (n = 0, t = 1; t <= PEOPLE; t++) {
        n += people[t].leaves > now / 1000;
    }

    return n;
}


/* until when a pass is counted: to the end of its slot */

static uint64_t
plain_leaves(const adm_pass_t *pass)
{
    uint64_t  unit;

    unit = (60 + 23) / 24;

    return (pass->expires / unit + 1) * unit;
}


static unsigned
plain_tick(void)
{
    uint64_t  t, before, after;

    before = stats().frontier;

    if (!adm_line_tick(&line, now)) {
        return now >= ticked + ADM_LINE_TICK;
    }

    if (!settings.paused) {
        clock_ms += (now - ticked > 1000) ? 1000 : now - ticked;
    }

    ticked = now;
    after = stats().frontier;

    for (t = before; t < after; t++) {
        people[t].called = clock_ms / 1000;
    }

    return after < before || after > stats().joined + 1
           || (settings.paused && after != before);
}


static unsigned
plain_claim(uint64_t t)
{
    adm_pass_t      pass;
    person_t       *p;
    adm_line_rc_e   rc, state;

    p = &people[t];
    state = plain_state(t);
    rc = claim(t, &pass);

    if (state != ADM_LINE_CALLED && state != ADM_LINE_LAPSED) {
        return rc != state;
    }

    if (p->claimed) {
        return (now / 1000 - p->claimed <= ADM_NOTES_KEEP && p->leaves)
               ? rc != ADM_LINE_REPEATED
                 || memcmp(&pass, &p->pass, sizeof(adm_pass_t)) != 0
               : rc != ADM_LINE_USED;
    }

    if (settings.paused) {
        return rc != ADM_LINE_PAUSED;
    }

    if (rc == ADM_LINE_MOMENT) {
        return 0;
    }

    p->claimed = now / 1000;
    p->pass = pass;

    if (plain_inside() >= settings.max_active) {
        return 1;
    }

    p->leaves = plain_leaves(&pass);

    return rc != ADM_LINE_ADMITTED;
}


static unsigned
plain_poll(uint64_t t)
{
    adm_line_rc_e  expected;

    expected = plain_state(t);

    if ((expected == ADM_LINE_CALLED || expected == ADM_LINE_LAPSED)
        && people[t].claimed)
    {
        expected = ADM_LINE_USED;
    }

    return poll(t) != expected;
}


static unsigned
plain_pass(uint64_t t, int end)
{
    adm_pass_t   pass;
    person_t    *p;

    p = &people[t];
    pass = p->pass;

    if (!p->claimed || now / 1000 >= pass.expires || p->leaves == 0) {
        return 0;
    }

    if (end) {
        p->leaves = 0;
        return !adm_line_end(&line, now, &pass)
               || adm_line_end(&line, now, &pass);
    }

    /* the old pass is kept by one in two, as by a tab in the background */

    adm_line_renew(&line, now, &pass);
    p->leaves = plain_leaves(&pass);

    if (rand() % 2) {
        p->pass.expires = pass.expires;
    }

    /* so that a repeat is compared with what it was */

    return pass.serial != p->pass.serial;
}


static unsigned
plain_step(void)
{
    uint64_t  t, given;

    given = stats().joined;
    t = 1 + (uint64_t) rand() % (given + 1);

    if (rand() % 2 && stats().frontier > 200) {
        t = stats().frontier - 150 + (uint64_t) rand() % 200;
        t = (t > given) ? given : t;
    }

    switch (rand() % 16) {

    case 0:
    case 1:
        if (given < PEOPLE && !settings.paused) {
            people[join()].given = 1;
        }

        return people[0].given;

    case 2:
    case 3:
    case 4:
    case 5:
        return plain_poll(t);

    case 6:
    case 7:
    case 8:
    case 9:
        return plain_claim(t > PEOPLE ? PEOPLE : t);

    case 10:
        return t <= PEOPLE && people[t].claimed + ADM_NOTES_KEEP < now / 1000
               ? plain_pass(t, 0) : 0;

    case 11:
        return t <= PEOPLE && rand() % 4 == 0 ? plain_pass(t, 1) : 0;

    case 12:
        adm_line_leave(&line, t);
        return 0;

    case 13:
        if (rand() % 64 == 0) {
            settings.paused = !settings.paused;
            adm_line_set(&line, &settings);
        }

        return 0;

    default:
        now += (uint64_t) rand() % ((rand() % 64) ? 200 : 3000);
        return plain_tick();
    }
}


static void
model(void)
{
    unsigned          seed, i, wrong, claimed;
    uint64_t          t;
    adm_line_shape_t  shape = { 9000, 9000, 9000, 9000, 60 };

    wrong = 0;
    claimed = 0;

    for (seed = 1; seed <= 6; seed++) {
        srand(seed);
        memset(people, 0, sizeof(people));
        settings = usual();
        settings.interval = 200000000;
        settings.session = 60;
        settings.claim = 20;
        settings.grace = 15;
        settings.max_active = (seed % 2) ? 40 : 400;
        begin(shape);
        clock_ms = 1000;
        ticked = now;

        for (i = 0; i < 60000; i++) {
            wrong += plain_step() != 0;

            if (i % 64 == 0) {
                wrong += stats().active != plain_inside();
            }
        }

        for (t = 1; t <= PEOPLE; t++) {
            claimed += people[t].claimed != 0;
        }
    }

    is_uint(wrong, 0, "every answer is that of a plain list of people");
    ok(claimed > 1000, "many were admitted in it");
}


/* what killed processes leave behind, in shared memory */

typedef struct {
    uint64_t  now;
    uint64_t  admitted[CROWD];      /* answers, by ticket */
    uint64_t  serials[CROWD];       /* ... and by serial */
} crowd_t;


static void
crowd(crowd_t *c, unsigned salt)
{
    uint64_t    t, joined;
    adm_pass_t  pass;

    srand(salt);

    for ( ;; ) {
        now = START + __atomic_add_fetch(&c->now, 1, __ATOMIC_SEQ_CST);
        (void) adm_line_tick(&line, now);

        joined = stats().joined;

        if (joined < CROWD - 1) {
            (void) join();
        }

        t = stats().frontier;
        t = (t > 300) ? t - 300 + (uint64_t) rand() % 600
                      : (uint64_t) rand() % 600;

        /* often the same ticket in all processes at once */

        if (rand() % 2 && stats().frontier > 64) {
            t = stats().frontier - 1 - now / 4 % 64;
        }

        (void) poll(t);
        (void) poll(1 + (uint64_t) rand() % (joined + 1));

        if (t < CROWD && claim(t, &pass) == ADM_LINE_ADMITTED) {
            (void) __atomic_add_fetch(&c->admitted[t], 1, __ATOMIC_SEQ_CST);
            (void) __atomic_add_fetch(&c->serials[pass.serial
                                                  % (CROWD)],
                                      1, __ATOMIC_SEQ_CST);
        }
    }
}


static void
rounds(crowd_t *c)
{
    int              i, round;
    pid_t            pids[PROCESSES];
    struct timespec  rest = { 0, 0 };

    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < PROCESSES; i++) {
            if ((pids[i] = fork()) == 0) {
                crowd(c, (unsigned) (round * PROCESSES + i));
            }
        }

        for (i = 0; i < PROCESSES; i++) {
            rest.tv_nsec = 1000000 + rand() % 8000000;
            nanosleep(&rest, NULL);
            kill(pids[i], SIGKILL);
            waitpid(pids[i], NULL, 0);
        }
    }
}


static void
killed(void)
{
    crowd_t   *c;
    uint64_t   t, twice, all, serial_twice, before;

    settings = usual();
    settings.interval = 2000000;
    settings.session = 60;
    settings.claim = 30;
    settings.grace = 30;
    settings.max_active = 20000;
    begin_usual();

    c = mmap(NULL, sizeof(crowd_t), PROT_READ|PROT_WRITE,
             MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    rounds(c);

    twice = 0;
    serial_twice = 0;
    all = 0;

    for (t = 0; t < CROWD; t++) {
        twice += c->admitted[t] > 1;
        serial_twice += c->serials[t] > 1;
        all += c->admitted[t];
    }

    is_uint(twice, 0, "no ticket is exchanged twice");
    is_uint(serial_twice, 0, "no pass is given twice");
    ok(all > 0 && stats().claimed <= all + ROUNDS * PROCESSES
       && all <= stats().claimed + ROUNDS * PROCESSES,
       "claims are counted, but for those of the killed");

    now = START + c->now;
    before = stats().admitted;
    ok(stats().active <= 20000, "never more inside than the ceiling");
    pass_time(700000);
    is_uint(stats().active, 0, "nobody is counted when all have expired");

    t = 0;

    while (t < 2000 && stats().admitted < before + 10) {
        adm_pass_t  pass;
        uint64_t    ticket = join();

        (void) poll(ticket);
        pass_time(500);
        (void) claim(ticket, &pass);
        t++;
    }

    ok(stats().admitted >= before + 10, "the line goes on");
}


static void
restored(void)
{
    void        *copy;
    uint64_t     i, last, frontier, joined;
    adm_pass_t   pass, again;

    settings = usual();
    begin_usual();

    for (i = 0; i < 30000; i++) {
        (void) poll(join());
    }

    pass_time(20000);
    is_uint(claim(7, &pass), ADM_LINE_ADMITTED, "one is in");

    copy = mmap(NULL, line_size, PROT_READ|PROT_WRITE,
                MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);
    adm_line_save(&line, copy, 100);
    adm_line_allow(&line, copy);
    frontier = stats().frontier;
    joined = stats().joined;

    for (last = 0, i = 0; i < 500; i++) {
        frontier = stats().frontier;
        last = join() ? joined + i + 1 : last;
    }

    is_uint(last, joined + 100, "numbers up to the mark that is on disk");

    is_int(adm_line_restore(copy, line_size - 8, now), ADM_ERROR,
           "another size is no copy");
    is_int(adm_line_restore(copy, line_size, now), ADM_OK, "a restart");
    is_int(adm_line_attach(&line, copy), ADM_OK, "the line is there");

    is_uint(join(), last + 1, "no number is given twice");
    is_uint(stats().frontier, frontier, "the frontier is where it was");
    is_uint(adm_line_born(&line), START / 1000, "it is as old as it was");
    is_uint(poll(7), ADM_LINE_USED, "who was admitted has used the ticket");
    is_uint(claim(7, &again), ADM_LINE_REPEATED, "a repeat comes back");
    ok(memcmp(&pass, &again, sizeof(adm_pass_t)) == 0, "with the same pass");
    is_uint(stats().active, 1, "who is inside is counted");
    is_uint(claim(8, &again), ADM_LINE_ADMITTED, "who was called may claim");
    ok(again.serial > pass.serial + 24, "with a pass that nobody had");
    is_uint(poll(joined), ADM_LINE_WAITING, "who waited waits");
    is_uint(poll(last), ADM_LINE_WAITING, "also who came after the copy");

    pass_time(3000);
    ok(stats().frontier > frontier, "and the line goes on");
}


/* whoever has only got a number is told a place, and is not counted */

static void
looks(void)
{
    uint64_t          t;
    adm_line_place_t  place;

    settings = usual();
    begin_usual();

    t = join();
    is_uint(adm_line_look(&line, t, 0, &place), ADM_LINE_WAITING,
            "a look says where one is");
    pass_time(3000);
    is_uint(stats().frontier, 1, "... and makes nobody live");

    is_uint(poll(t), ADM_LINE_WAITING, "who comes back");
    pass_time(3000);
    is_uint(stats().frontier, t + 1, "... is called");

    ok(!adm_line_open(&line), "a line that everybody takes is not open");

    settings.direct = 1;
    adm_line_set(&line, &settings);
    ok(adm_line_open(&line), "one that nobody waits in is");

    settings.paused = 1;
    adm_line_set(&line, &settings);
    ok(!adm_line_open(&line), "... but not while it is paused");
}


static uint64_t
left(uint64_t ticket)
{
    adm_line_place_t  place;

    (void) adm_line_poll(&line, ticket, 0, &place);

    return place.left;
}


static void
extends(void)
{
    uint64_t    t;
    adm_pass_t  pass;

    settings = usual();
    begin_usual();

    t = join();
    ok(!adm_line_extend(&line, t), "who waits has nothing to extend");

    (void) poll(t);
    pass_time(3000);
    ok(left(t) <= 120, "a window");
    ok(adm_line_extend(&line, t), "is extended");
    ok(!adm_line_extend(&line, t), "... once");
    ok(left(t) > 200, "and is twice as long");

    pass_time(180000);
    is_uint(poll(t), ADM_LINE_CALLED, "so it is open when the first is over");
    is_uint(claim(t, &pass), ADM_LINE_ADMITTED, "and can be used");
    is_uint(claim(t, &pass), ADM_LINE_REPEATED, "... once");
    ok(!adm_line_extend(&line, t), "and not extended any more");
}


static void
voids(void)
{
    uint64_t    i, t;
    adm_pass_t  before, after;

    settings = usual();
    begin_usual();

    for (i = 0; i < 20; i++) {
        t = join();
        (void) poll(t);
        pass_time(2000);
        (void) claim(t, &before);
    }

    ok(stats().active > 10, "people are inside");
    ok(!adm_line_ended(&line, before.serial), "with passes that are good");

    adm_line_void(&line, now);

    is_uint(stats().active, 0, "an operator voids them: nobody is inside");
    ok(adm_line_ended(&line, before.serial), "no pass is good");

    t = join();
    (void) poll(t);
    pass_time(2000);
    is_uint(claim(t, &after), ADM_LINE_ADMITTED, "and the line goes on");
    ok(!adm_line_ended(&line, after.serial), "with passes that are");
    is_uint(stats().active, 1, "and are counted");
}


/* an operator opens the doors that a slow rate had kept shut */

static void
faster(void)
{
    uint64_t    t;
    adm_pass_t  pass;

    settings = usual();
    settings.direct = 1;
    settings.interval = UINT64_C(3600000000000);
    begin_usual();

    is_uint(adm_line_enter(&line, now, &pass), ADM_LINE_ADMITTED,
            "one an hour");
    t = join();
    (void) poll(t);
    pass_time(3000);
    is_uint(poll(t), ADM_LINE_WAITING, "the next one waits");

    settings.interval = 10000000;
    adm_line_set(&line, &settings);
    pass_time(3000);
    is_uint(poll(t), ADM_LINE_CALLED, "until a hundred a second are let in");
    is_uint(claim(t, &pass), ADM_LINE_ADMITTED, "at once");
}


/* an ended pass does not come back by its ticket */

static void
ended(void)
{
    uint64_t    t;
    adm_pass_t  pass, again;

    settings = usual();
    begin_usual();

    t = join();
    (void) poll(t);
    pass_time(2000);
    is_uint(claim(t, &pass), ADM_LINE_ADMITTED, "a pass");
    is_uint(claim(t, &again), ADM_LINE_REPEATED, "is repeated");
    ok(adm_line_end(&line, now, &pass), "... until it is ended");
    is_uint(claim(t, &again), ADM_LINE_USED, "... and then it is not");
}


/* numbers that a restart has left out hold nobody up, and are nobody */

static void
gap(void)
{
    void             *copy;
    uint64_t          i, t, size;
    adm_line_place_t  place;

    settings = usual();
    begin_usual();
    size = line_size;

    for (i = 0; i < 50; i++) {
        (void) poll(join());
    }

    copy = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                -1, 0);
    adm_line_save(&line, copy, 32768);
    is_int(adm_line_restore(copy, size, now), ADM_OK, "a restart");
    (void) adm_line_attach(&line, copy);

    pass_time(1000);
    t = join();
    ok(t > 32768, "leaves numbers out");
    (void) adm_line_look(&line, t, 0, &place);
    ok(place.ahead < 60, "which are not ahead of anybody");

    (void) poll(t);
    pass_time(4000);
    is_uint(poll(t), ADM_LINE_CALLED, "nor held to be on their way");
}


static void
shapes(void)
{
    adm_line_t        l;
    adm_line_shape_t  shape = ADM_LINE_SHAPE(600), none = ADM_LINE_SHAPE(0);
    static uint64_t   nothing[64];

    ok(adm_line_size(&shape) < 1024 * 1024, "a million in less than 1 MiB");
    is_uint(adm_line_size(&none), 0, "an impossible shape");
    is_int(adm_line_attach(&l, nothing), ADM_ERROR, "no line is there");
}


int
main(void)
{
    shapes();
    way();
    never_back();
    pauses();
    silence();
    clock_back();
    ceiling();
    stocked();
    unborn();
    open_door();
    newcomers();
    calms_down();
    full();
    places();
    looks();
    extends();
    voids();
    faster();
    ended();
    gap();
    model();
    killed();
    restored();

    return unit_done();
}
