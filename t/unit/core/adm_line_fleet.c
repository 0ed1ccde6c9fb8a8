
/*
 * The story: a reply of Redis comes twice, comes late, comes from a server
 * that was restarted, or is no reply of ours at all; and a node takes it at
 * its word: its frontier falls, people who were called wait again, what it had
 * to tell is told never, or counted twice.  Each of these has its case here,
 * with replies made by hand; and then any bytes whatever.
 */


#define _GNU_SOURCE

#include <stdlib.h>

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
#include "../../../src/core/adm_line_tick.c"
#include "../../../src/core/adm_line_fleet.c"
#include "../../../src/core/adm_line_fleet_hear.c"
#include "../../../src/core/adm_line_fleet_tell.c"


#define START      UINT64_C(1790000000000)
#define STORE      (START + 700)              /* the store's clock is ahead */
#define FUZZ       20000


static adm_line_t           line;
static adm_fleet_t          fleet;
static adm_line_settings_t  settings;
static adm_fleet_message_t  said;             /* the last message, apart */
static void                *memory[2];
static uint64_t             now, word[ADM_FLEET_R_WORDS];
static unsigned char        message[ADM_FLEET_MESSAGE], reply[1 << 17];
static size_t               message_len;


static void
begin(void)
{
    adm_line_shape_t  shape = ADM_LINE_SHAPE(600);

    memset(&settings, 0, sizeof(adm_line_settings_t));

    settings.interval = 10000000;
    settings.session = 600;
    settings.claim = 120;
    settings.grace = 600;

    now = START;

    free(memory[0]);
    free(memory[1]);
    memory[0] = aligned_alloc(64, (adm_line_size(&shape) + 63) / 64 * 64);
    memory[1] = aligned_alloc(64, adm_fleet_size());
    memset(memory[0], 0, adm_line_size(&shape));
    memset(memory[1], 0, adm_fleet_size());

    adm_line_init(memory[0], &shape, &settings, now);
    (void) adm_line_attach(&line, memory[0]);
    adm_fleet_init(memory[1], &line);
    adm_fleet_attach(&fleet, memory[1], &line);

    memset(word, 0, sizeof(word));

    word[ADM_FLEET_R_NOW] = STORE;
    word[ADM_FLEET_R_ERA] = STORE - 60000;
    word[ADM_FLEET_R_TURN] = 100;
    word[ADM_FLEET_R_CLOCK] = 10000;
    word[ADM_FLEET_R_FRONTIER] = 501;
    word[ADM_FLEET_R_NEXT] = 1001;
    word[ADM_FLEET_R_LOW] = 1;
    word[ADM_FLEET_R_SERIAL] = 101;
    word[ADM_FLEET_R_ADMITTED] = 100;
    word[ADM_FLEET_R_CLAIMS] = 100;
    word[ADM_FLEET_R_SHARE] = ADM_LINE_SHARE;
    word[ADM_FLEET_R_TRIM] = ADM_LINE_TRIM;
    word[ADM_FLEET_R_BACK] = ADM_LINE_SHARE;
    word[ADM_FLEET_R_YOUNG] = 1001;
    word[ADM_FLEET_R_BORN] = START / 1000 - 60;
    word[ADM_FLEET_R_WAITING] = 1;
    word[ADM_FLEET_R_FIRST] = 1;
    word[ADM_FLEET_R_FROM] = 1;
}


/* what the node says now */

static size_t
say(void)
{
    message_len = adm_fleet_tick(&fleet, now, 2, message);

    if (message_len > ADM_FLEET_MESSAGE
        || !adm_fleet_apart(message, message_len, said.word,
                            ADM_FLEET_M_WORDS, said.n, said.part,
                            adm_fleet_told_bytes, ADM_FLEET_T_COUNTS))
    {
        ok(0, "a message is what it should be");
    }

    return message_len;
}


static unsigned char *
head(unsigned char *p, uint64_t seconds, uint64_t parts, uint64_t events,
    uint64_t sums)
{
    memcpy(p, word, sizeof(word));
    p += sizeof(word);

    adm_fleet_put(&p, seconds, 4);
    adm_fleet_put(&p, parts, 4);
    adm_fleet_put(&p, events, 4);
    adm_fleet_put(&p, sums, 4);

    return p;
}


/*
 * A reply with all seconds from the first: fifty people called in each, up to
 * the frontier, and a hundred joined; and with one event, unless it is 0.
 */

static size_t
make(uint64_t event)
{
    uint64_t        s, last, seconds;
    unsigned char  *p;

    last = word[ADM_FLEET_R_CLOCK] / 1000;
    seconds = last + 1 - word[ADM_FLEET_R_FIRST];
    p = head(reply, seconds, 0, event != 0, 0);

    for (s = word[ADM_FLEET_R_FIRST]; s <= last; s++) {
        adm_fleet_put(&p, s, 4);
        adm_fleet_put(&p, UINT64_C(50) << 24, 4);
        adm_fleet_put(&p, 0, 4);
        adm_fleet_put(&p, s, 4);
        adm_fleet_put(&p, (s * 50 + 1 < word[ADM_FLEET_R_FRONTIER])
                          ? s * 50 + 1 : word[ADM_FLEET_R_FRONTIER], 8);
        adm_fleet_put(&p, s * 100 + 1, 8);
    }

    if (event != 0) {
        adm_fleet_put(&p, event, 8);
    }

    return (size_t) (p - reply);
}


static int
hear(uint64_t event)
{
    int  rc;

    word[ADM_FLEET_R_NOW] = now + STORE - START;
    rc = adm_fleet_ticked(&fleet, now, message, message_len, reply,
                          make(event));
    word[ADM_FLEET_R_HEARD] += event != 0;

    return rc;
}


/* a tick that arrives, and its answer */

static int
tick(void)
{
    (void) say();
    word[ADM_FLEET_R_TURN]++;

    return hear(0);
}


static adm_line_rc_e
poll(uint64_t ticket)
{
    adm_line_place_t  place;

    return adm_line_poll(&line, ticket, 0, &place);
}


static uint64_t
frontier(void)
{
    adm_line_stats_t  stats;

    adm_line_stats(&line, now, &stats);

    return stats.frontier;
}


static void
news(void)
{
    adm_line_stats_t  stats;

    begin();

    ok(!adm_fleet_knows(&fleet) && !adm_fleet_follows(&fleet, now),
       "at first nothing is known");
    (void) say();
    ok(said.word[ADM_FLEET_M_NEXT] == 1 && said.word[ADM_FLEET_M_BORN] == 0
       && said.word[ADM_FLEET_M_TURN] == 0
       && said.word[ADM_FLEET_M_FLAGS]
          == (ADM_FLEET_LEND | ADM_FLEET_LOAN << ADM_FLEET_LENDS),
       "and nothing is told, nor proposed");
    is_int(hear(0), ADM_OK, "the first reply");

    ok(adm_fleet_knows(&fleet) && adm_fleet_follows(&fleet, now),
       "is all there is");
    ok(adm_fleet_follows(&fleet, now + ADM_FLEET_STALE)
       && !adm_fleet_follows(&fleet, now + ADM_FLEET_STALE + 1),
       "and good for a while");

    is_uint(poll(500), ADM_LINE_CALLED, "called, as the store says");
    is_uint(poll(501), ADM_LINE_WAITING, "not yet");
    is_uint(poll(1500), ADM_LINE_WAITING, "a number given elsewhere just now");
    is_uint(poll(0), ADM_LINE_UNKNOWN, "none");
    is_uint(adm_line_called(&line, 60), 2, "the second of a call is known");
    is_uint(adm_line_born(&line), START / 1000 - 60, "and when it began");

    adm_line_stats(&line, now, &stats);
    ok(stats.joined == 1000 && stats.admitted == 100 && stats.claimed == 100,
       "the fleet's figures");
    ok(!adm_line_tick(&line, now + 1000) && frontier() == 501,
       "it calls nobody by itself");

    (void) say();
    is_uint(said.word[ADM_FLEET_M_FLAGS] & ADM_FLEET_PROPOSED,
            ADM_FLEET_PROPOSED, "what follows proposes");
    ok(said.word[ADM_FLEET_M_AT] == STORE
       && said.word[ADM_FLEET_M_SEEN] == 9
       && said.word[ADM_FLEET_M_CALLS] > 50 * 1000000,
       "and says from what");
}


static void
late(void)
{
    size_t  len;

    begin();
    (void) tick();

    word[ADM_FLEET_R_FRONTIER] = 400;
    word[ADM_FLEET_R_TURN] = 90;
    is_int(hear(0), ADM_OK, "an older reply");
    is_uint(frontier(), 501, "changes nothing");

    word[ADM_FLEET_R_TURN] = 200;
    is_int(hear(0), ADM_OK, "a newer one that has lost something");
    is_uint(frontier(), 501, "does not let the frontier fall");

    word[ADM_FLEET_R_FRONTIER] = 600;
    is_int(hear(0), ADM_OK, "the same turn again");
    is_uint(frontier(), 501, "is heard once");

    word[ADM_FLEET_R_TURN]++;
    (void) hear(0);
    is_uint(frontier(), 600, "the next one counts");

    len = make(0);
    is_int(adm_fleet_ticked(&fleet, now, message, message_len, reply,
                            len - 1), ADM_ERROR, "a byte is missing");
    is_int(adm_fleet_ticked(&fleet, now, message, message_len, reply,
                            len + 1), ADM_ERROR, "a byte too many");
    is_int(adm_fleet_ticked(&fleet, now, message, message_len, reply, 0),
           ADM_ERROR, "nothing");
}


/* the first ticket that is told, 0 if none is; and how old its call is */

static uint64_t
told_ticket(uint64_t *age)
{
    uint64_t              ticket;
    const unsigned char  *p;

    if (said.n[ADM_FLEET_T_TICKETS] == 0) {
        return 0;
    }

    p = said.part[ADM_FLEET_T_TICKETS];
    ticket = said.word[ADM_FLEET_M_LOW] + adm_fleet_get(&p, 4);
    *age = adm_fleet_get(&p, 2);

    return ticket;
}


static void
coming_back(void)
{
    uint64_t  age;

    begin();
    (void) tick();

    (void) poll(700);
    (void) say();
    ok(told_ticket(&age) == 700 && age == ADM_FLEET_NO_AGE,
       "who comes back is told");
    (void) say();
    ok(told_ticket(&age) == 700, "and again, until it has arrived");

    word[ADM_FLEET_R_TURN]++;
    (void) hear(0);
    (void) poll(700);
    (void) say();
    is_uint(told_ticket(&age), 0, "then no more");

    (void) poll(60);
    (void) say();
    ok(told_ticket(&age) == 60 && age == 8, "with the second of its call");

    (void) poll(61);
    word[ADM_FLEET_R_TURN]++;
    (void) hear(0);
    (void) say();
    ok(told_ticket(&age) == 61, "who comes between is not lost");
    (void) tick();
    (void) say();
    is_uint(said.n[ADM_FLEET_T_TICKETS], 0, "all was told");

    word[ADM_FLEET_R_TURN]++;
    word[ADM_FLEET_R_ERA]++;
    (void) hear(0);
    (void) say();
    is_uint(said.n[ADM_FLEET_T_TICKETS] + said.n[ADM_FLEET_T_WORDS], 3,
            "a store that lost it hears it again");
}


static void
words(void)
{
    uint64_t              i;
    const unsigned char  *p;

    begin();
    (void) tick();

    for (i = 560; i < 568; i++) {
        (void) poll(i);
    }

    (void) poll(615);
    (void) say();

    is_uint(said.n[ADM_FLEET_T_WORDS], 1, "many of a word are told as one");
    is_uint(said.n[ADM_FLEET_T_TICKETS], 0, "and not by themselves");

    p = said.part[ADM_FLEET_T_WORDS];
    is_uint(adm_fleet_get(&p, 4), 10, "the word of 560");
    is_mem(p, 7, "\xff\0\0\0\0\0\1", 7, "in the order of SETBIT");

    word[ADM_FLEET_R_TURN]++;
    (void) hear(0);
    (void) say();
    is_uint(said.n[ADM_FLEET_T_WORDS] + said.n[ADM_FLEET_T_TICKETS], 0,
            "told, and forgotten");
}


/* a worker was killed when it had set a bit and not marked the word */

static void
killed(void)
{
    unsigned  i;
    uint64_t  age;

    begin();
    (void) tick();
    (void) adm_bits_swap(&line.live, 777, 0, 1);

    for (i = 0; i < ADM_LINE_DIRTY / 64 && said.n[ADM_FLEET_T_TICKETS] == 0;
         i++)
    {
        (void) tick();
    }

    ok(told_ticket(&age) == 777, "what nobody marked is found in turn");
}


static void
many(void)
{
    uint64_t  i, n;
    unsigned  ticks;

    begin();
    word[ADM_FLEET_R_NEXT] = 200001;
    (void) tick();

    for (i = 501; i < 200001; i += 1 + i % 3) {
        (void) poll(i);
    }

    for (i = 1, n = 0; i < 5000; i++) {
        n += adm_fleet_event(&fleet, ADM_FLEET_LEAVE, i * 7919);
        adm_fleet_keep(fleet.room->passes, ADM_FLEET_PASSES, i << 32 | 9, 32);
    }

    ok(n >= ADM_FLEET_EVENTS / 2 && n <= ADM_FLEET_EVENTS,
       "a table takes what it has room for");

    for (ticks = 0; ticks < 200; ticks++) {
        (void) tick();

        if (said.n[ADM_FLEET_T_TICKETS] + said.n[ADM_FLEET_T_WORDS]
            + said.n[ADM_FLEET_T_PASSES] + said.n[ADM_FLEET_T_EVENTS] == 0)
        {
            break;
        }
    }

    ok(ticks > 8 && ticks < 100, "a great deal is told bit by bit");

    for (i = 501, n = 0; i < 200001; i++) {
        n += adm_bits_get(&line.live, i) != adm_bits_get(&fleet.told, i);
    }

    is_uint(n, 0, "and nothing is left out");
}


static int
claimed(uint64_t ticket, adm_line_rc_e rc, uint64_t serial, uint64_t since,
    adm_line_rc_e *got, adm_pass_t *pass)
{
    unsigned char   bytes[24], *p;

    p = bytes;
    adm_fleet_put(&p, rc, 8);
    adm_fleet_put(&p, serial, 8);
    adm_fleet_put(&p, since, 8);

    return adm_fleet_claimed(&fleet, ticket, now, bytes, 24, got, pass);
}


static void
claims(void)
{
    uint64_t         w[9];
    adm_pass_t       pass, again;
    adm_line_rc_e    rc;
    unsigned char    buf[ADM_FLEET_ASK];

    begin();
    (void) tick();

    is_uint(adm_fleet_claim(&fleet, 800, now, buf, &rc, &pass), 0,
            "who was not called is told so");
    is_uint(rc, ADM_LINE_WAITING, "here");

    is_uint(adm_fleet_claim(&fleet, 60, now, buf, &rc, &pass), sizeof(w),
            "who was called asks the store");
    memcpy(w, buf, sizeof(w));
    ok(w[0] == 60 && w[1] == 2 && w[2] == 8 * 64 / 120
       && w[3] == line.room->credit && w[4] == 10000000 && w[5] == 0
       && w[6] == 600 && w[7] == 25 && w[8] == 0,
       "with all that it has to know");

    is_int(claimed(60, ADM_LINE_ADMITTED, 101, STORE / 1000, &rc, &pass),
           ADM_OK, "it is granted");
    ok(rc == ADM_LINE_ADMITTED && pass.serial == 101
       && pass.since == STORE / 1000 && pass.expires == STORE / 1000 + 600,
       "a pass by the store's clock");

    now += 29000;
    is_uint(adm_fleet_claim(&fleet, 60, now, buf, &rc, &again), 0,
            "a repeat needs no store");
    ok(rc == ADM_LINE_REPEATED && memcmp(&pass, &again, sizeof(pass)) == 0,
       "and gets the same pass");
    now += 2000;
    ok(adm_fleet_claim(&fleet, 60, now, buf, &rc, &again) == 0
       && rc == ADM_LINE_USED, "but not later");

    ok(claimed(61, ADM_LINE_USED, 0, 0, &rc, &pass) == ADM_OK
       && rc == ADM_LINE_USED && poll(61) == ADM_LINE_USED,
       "who was exchanged elsewhere is known then");
    ok(claimed(62, ADM_LINE_MOMENT, 0, 0, &rc, &pass) == ADM_OK
       && rc == ADM_LINE_MOMENT && poll(62) == ADM_LINE_CALLED,
       "a moment leaves all as it is");

    is_int(claimed(63, ADM_LINE_ADMITTED, 0, 1, &rc, &pass), ADM_ERROR,
           "no serial");
    is_int(claimed(63, ADM_LINE_ADMITTED, UINT64_C(1) << 33, 1, &rc, &pass),
           ADM_ERROR, "no serial of ours");
    is_int(claimed(63, (adm_line_rc_e) 77, 1, 1, &rc, &pass), ADM_ERROR,
           "no answer");
    is_int(adm_fleet_claimed(&fleet, 63, now, buf, 23, &rc, &pass), ADM_ERROR,
           "not enough of it");

    word[ADM_FLEET_R_SERIAL]++;
    word[ADM_FLEET_R_TURN]++;
    (void) hear((uint64_t) ADM_FLEET_END << 56 | 101);
    ok(adm_line_ended(&line, 101), "an end elsewhere is heard");
}


/* the fields of what was claimed without the store */

static void
told_claim(uint64_t *ticket, uint64_t *serial, uint64_t *over)
{
    const unsigned char  *p;

    p = said.part[ADM_FLEET_T_CLAIMS];
    *ticket = adm_fleet_get(&p, 8);
    *serial = adm_fleet_get(&p, 4);
    *over = adm_fleet_get(&p, 4);
}


static void
alone(void)
{
    uint64_t        i, n, ticket, serial, over;
    adm_pass_t      pass, again;
    adm_line_rc_e   rc;

    begin();
    (void) tick();

    is_uint(adm_fleet_claim_alone(&fleet, 60, now, &pass), ADM_LINE_MOMENT,
            "without a serial there is no pass");

    /* each node has two; if all made the others old, none would ever rest */

    for (i = 1, n = 0; i <= 100; i++) {
        message_len = adm_fleet_tick(&fleet, now, i, message);
        (void) adm_fleet_apart(message, message_len, said.word,
                               ADM_FLEET_M_WORDS, said.n, said.part,
                               adm_fleet_told_bytes, ADM_FLEET_T_COUNTS);
        n += 2 * i * (said.word[ADM_FLEET_M_FLAGS] >> ADM_FLEET_LENDS)
             > ADM_FLEET_AGED;
    }

    is_uint(n, 0, "what all nodes are lent is less than makes a loan old");

    word[ADM_FLEET_R_SERIAL] += ADM_FLEET_LOAN;
    word[ADM_FLEET_R_LENT] = 101;
    (void) tick();
    word[ADM_FLEET_R_LENT] = 0;

    is_uint(adm_fleet_claim_alone(&fleet, 60, now, &pass), ADM_LINE_ADMITTED,
            "one that was lent is given");
    ok(pass.serial == 101 && pass.expires == STORE / 1000 + 600,
       "for a session");
    is_uint(adm_fleet_claim_alone(&fleet, 60, now, &again),
            ADM_LINE_REPEATED, "once");
    ok(memcmp(&pass, &again, sizeof(pass)) == 0, "and again the same");
    is_uint(adm_fleet_claim_alone(&fleet, 900, now, &again),
            ADM_LINE_WAITING, "nobody who was not called");

    for (i = 61, n = 0; i < 300; i++) {
        n += adm_fleet_claim_alone(&fleet, i, now, &again)
             == ADM_LINE_ADMITTED;
    }

    is_uint(n, 49, "no more than this node's share of a second");
    now += 1000;

    for (n = 0, i = 110; i < 300; i++) {
        n += adm_fleet_claim_alone(&fleet, i, now, &again)
             == ADM_LINE_ADMITTED;
    }

    is_uint(n, 50, "and as many in the next");

    (void) say();
    is_uint(said.n[ADM_FLEET_T_CLAIMS], 100, "all is told");
    word[ADM_FLEET_R_TURN]++;
    (void) hear(0);
    (void) say();
    is_uint(said.n[ADM_FLEET_T_CLAIMS], 0, "once it arrives, no more");

    (void) adm_fleet_claim_alone(&fleet, 400, now + 1000, &pass);
    (void) say();
    told_claim(&ticket, &serial, &over);
    ok(ticket == 400 && serial == pass.serial && over > pass.expires
       && over <= pass.expires + 25, "ticket, serial, and the end of a slot");

    is_int(claimed(400, ADM_LINE_ADMITTED, 9000, STORE / 1000 + 1, &rc,
                   &again), ADM_OK, "what the store gave too");
    ok(rc == ADM_LINE_REPEATED && again.serial == pass.serial
       && adm_line_ended(&line, 9000), "is ended");
    (void) say();
    is_uint(said.n[ADM_FLEET_T_EVENTS], 1, "and told");

    settings.max_active = 10;
    adm_line_set(&line, &settings);
    word[ADM_FLEET_R_ACTIVE] = 6;
    word[ADM_FLEET_R_TURN]++;
    (void) hear(0);
    now += 2000;

    for (n = 0, i = 401; i < 420; i++) {
        n += adm_fleet_claim_alone(&fleet, i, now, &again)
             == ADM_LINE_ADMITTED;
    }

    is_uint(n, 2, "no more than this node's share of the places");
}


static void
passes(void)
{
    unsigned     i;
    uint64_t     serial, over;
    adm_pass_t   pass;

    const unsigned char  *p;

    begin();
    (void) tick();

    pass.serial = 50;
    pass.since = STORE / 1000 - 100;
    pass.expires = STORE / 1000 + 500;

    adm_fleet_renew(&fleet, now, &pass);
    is_uint(pass.expires, STORE / 1000 + 600, "a pass is renewed");
    (void) say();
    is_uint(said.n[ADM_FLEET_T_PASSES], 1, "and told");
    p = said.part[ADM_FLEET_T_PASSES];
    serial = adm_fleet_get(&p, 4);
    over = adm_fleet_get(&p, 4);
    ok(serial == 50 && over > pass.expires && over <= pass.expires + 25
       && over % 25 == 0, "with the end of its slot");

    word[ADM_FLEET_R_TURN]++;
    (void) hear(0);
    now += (over - 1 - STORE / 1000 - 600) * 1000;
    adm_fleet_renew(&fleet, now, &pass);
    (void) say();
    ok(pass.expires == over - 1 && said.n[ADM_FLEET_T_PASSES] == 0,
       "within the slot nothing has to be told");
    now += 1000;
    adm_fleet_renew(&fleet, now, &pass);
    (void) say();
    is_uint(said.n[ADM_FLEET_T_PASSES], 1, "in the next one it has");

    is_int(adm_fleet_end(&fleet, now, &pass), 1, "it ends");
    is_int(adm_fleet_end(&fleet, now, &pass), 0, "once");
    ok(adm_line_ended(&line, 50), "and is void");
    serial = pass.expires;
    now += 100000;
    adm_fleet_renew(&fleet, now, &pass);
    is_uint(pass.expires, serial, "and not renewed any more");

    adm_fleet_leave(&fleet, 700);
    ok(adm_fleet_extend(&fleet, 450) && !adm_fleet_extend(&fleet, 450),
       "a claim is extended once");
    (void) say();
    is_uint(said.n[ADM_FLEET_T_EVENTS], 3,
            "an end, a leave, an extension are told");

    (void) poll(800);
    word[ADM_FLEET_R_TURN]++;
    (void) hear((uint64_t) ADM_FLEET_LEAVE << 56 | 800);
    is_uint(adm_bits_get(&line.live, 800), 0, "a leave elsewhere is heard");
    (void) poll(800);
    (void) say();
    is_uint(told_ticket(&over), 800, "and who comes back is told again");

    word[ADM_FLEET_R_TURN]++;
    (void) hear((uint64_t) ADM_FLEET_EXTEND << 56 | 451);
    is_uint(adm_bits_get(&line.claimed, 451), ADM_LINE_EXTENDED,
            "so is an extension");

    settings.max_active = 100000;
    adm_line_set(&line, &settings);

    for (i = 1; i < 5000; i++) {
        pass.serial = 100 + i;
        pass.expires = (now + 700) / 1000 + 300;
        adm_fleet_renew(&fleet, now, &pass);

        if (pass.expires == (now + 700) / 1000 + 300) {
            break;
        }
    }

    ok(i > ADM_FLEET_PASSES / 2 && i < 5000,
       "under a ceiling what cannot be told is not renewed");

    pass.expires = (now + 700) / 1000 + 300;
    adm_fleet_renew(&fleet, now + ADM_FLEET_STALE + 1, &pass);
    ok(pass.expires > (now + 700) / 1000 + 300,
       "but while the store is away all are");
    settings.max_active = 0;
    adm_line_set(&line, &settings);
    pass.expires = (now + 700) / 1000 + 300;
    adm_fleet_renew(&fleet, now, &pass);
    ok(pass.expires > (now + 700) / 1000 + 300,
       "and where there is no ceiling");

    adm_fleet_void(&fleet, now);
    ok(adm_line_ended(&line, 100) && !adm_line_ended(&line, 101),
       "all passes end here at once");
    (void) say();
    is_uint(said.word[ADM_FLEET_M_VOID], now + 700, "and by the next tick");
    word[ADM_FLEET_R_TURN]++;
    (void) hear(0);
    (void) say();
    is_uint(said.word[ADM_FLEET_M_VOID], 0, "which says so once");
}


static void
again(void)
{
    uint64_t              i;
    adm_pass_t            pass;
    adm_line_rc_e         rc;
    const unsigned char  *p;

    begin();
    (void) tick();
    (void) tick();
    (void) say();
    is_uint(said.n[ADM_FLEET_T_EXCHANGES], 0, "nobody was exchanged");

    for (i = 56; i < 60; i++) {
        (void) claimed(i, ADM_LINE_ADMITTED, i, STORE / 1000, &rc, &pass);
    }

    (void) say();
    is_uint(said.n[ADM_FLEET_T_EXCHANGES], 0, "which the store knows itself");

    word[ADM_FLEET_R_TURN]++;
    word[ADM_FLEET_R_ERA]++;
    (void) hear(0);
    (void) say();
    is_uint(said.n[ADM_FLEET_T_EXCHANGES], 1, "until it has lost it");
    p = said.part[ADM_FLEET_T_EXCHANGES];
    is_uint(adm_fleet_get(&p, 4), 2, "two bits a ticket: the third word");
    is_mem(p, 7, "\xff\0\0\0\0\0\0", 7, "came, and was exchanged");

    (void) tick();
    (void) say();
    is_uint(said.n[ADM_FLEET_T_EXCHANGES], 0, "told again once");

    /* a message that the lost store had heard */

    (void) poll(900);
    (void) say();
    word[ADM_FLEET_R_ERA]++;
    word[ADM_FLEET_R_TURN] += 2;
    (void) adm_fleet_ticked(&fleet, now, message, message_len, reply, make(0));
    word[ADM_FLEET_R_ERA]--;
    word[ADM_FLEET_R_TURN]--;
    (void) poll(901);
    (void) say();
    (void) hear(0);
    (void) say();
    is_uint(said.n[ADM_FLEET_T_TICKETS] + said.n[ADM_FLEET_T_WORDS], 1,
            "what the lost store had heard is not told yet");
}


static void
places(void)
{
    unsigned char     *p;
    adm_line_place_t   place;

    begin();
    word[ADM_FLEET_R_NEXT] = 10001;
    word[ADM_FLEET_R_SUMMED] = 10;
    word[ADM_FLEET_R_SUMS_FROM] = 501;
    word[ADM_FLEET_R_SUMS_TO] = 10001;
    word[ADM_FLEET_R_YOUNG] = 10001;
    word[ADM_FLEET_R_BACK] = ADM_LINE_SHARE / 2;
    word[ADM_FLEET_R_FIRST] = 10;
    (void) say();

    p = head(reply, 1, 0, 0, 3);
    memset(p, 0, 32);
    p += 32;
    adm_fleet_put(&p, 1500, 2);
    adm_fleet_put(&p, 1792, 2);
    adm_fleet_put(&p, 1400, 2);

    is_int(adm_fleet_ticked(&fleet, now, message, message_len, reply,
                            (size_t) (p - reply)), ADM_OK, "sums");

    (void) adm_line_look(&line, 3584, 0, &place);
    is_uint(place.ahead, 1500, "before the second bucket");
    (void) adm_line_look(&line, 3584 + 1792, 0, &place);
    is_uint(place.ahead, 1500 + 896, "in the middle of it");
    (void) adm_line_look(&line, 10001, 0, &place);
    is_uint(place.ahead, 1500 + 1792 + 1400, "before the last");
    (void) adm_line_look(&line, 10101, 0, &place);
    is_uint(place.ahead, 1500 + 1792 + 1400 + 50,
            "and half of those who joined since");

    word[ADM_FLEET_R_TURN]++;
    word[ADM_FLEET_R_SUMS_TO]++;
    (void) head(reply, 0, 0, 0, 2);
    is_int(adm_fleet_ticked(&fleet, now, message, message_len, reply,
                            (size_t) (p - reply) - 34), ADM_ERROR,
           "sums that are not all there");
}


static void
joins(void)
{
    uint64_t             w[8], r[7];
    adm_fleet_joined_t   j;
    unsigned char        buf[ADM_FLEET_ASK];

    begin();
    settings.direct = 1;
    settings.max_active = 77;
    adm_line_set(&line, &settings);
    (void) tick();

    is_uint(adm_fleet_join(&fleet, now, 300, 300, buf), sizeof(w),
            "a message of joins");
    memcpy(w, buf, sizeof(w));
    ok(w[0] == ADM_FLEET_JOINS && w[1] == ADM_FLEET_JOINS
       && w[2] == 10000000 && w[3] == 77 && w[4] == 600 && w[5] == 25
       && w[6] == ADM_FLEET_DIRECT && w[7] == 1001, "with its settings");

    memset(r, 0, sizeof(r));
    r[1] = STORE / 1000;
    r[2] = 200;
    r[3] = 2;
    r[4] = 1001;
    r[5] = 4;
    r[6] = 1005;

    is_int(adm_fleet_joined(&fleet, now, (unsigned char *) r, sizeof(r), &j),
           ADM_OK, "and its reply");
    ok(j.rc == ADM_LINE_WAITING && j.serial == 200 && j.passes == 2
       && j.ticket == 1001 && j.tickets == 4 && j.second == STORE / 1000,
       "is understood");
    is_uint(line.room->next, 1005, "and heard");

    is_int(adm_fleet_joined(&fleet, now, (unsigned char *) r, 55, &j),
           ADM_ERROR, "too short");
    r[5] = ADM_FLEET_JOINS + 1;
    is_int(adm_fleet_joined(&fleet, now, (unsigned char *) r, sizeof(r), &j),
           ADM_ERROR, "more than were asked for");
    r[5] = 4;
    r[0] = 1;
    is_int(adm_fleet_joined(&fleet, now, (unsigned char *) r, sizeof(r), &j),
           ADM_ERROR, "no answer to a join");
}


static void
turns(void)
{
    begin();

    is_int(adm_fleet_turn(&fleet, now, 250), 1, "the first one ticks");
    is_int(adm_fleet_turn(&fleet, now + 249, 250), 0, "not too soon");
    is_int(adm_fleet_turn(&fleet, now + 250, 250), 1, "then the next");
    is_int(adm_fleet_turn(&fleet, now - 20000, 250), 1,
           "and if the clock was set back");

    (void) tick();
    adm_line_alone(&line);
    is_uint(poll(5000), ADM_LINE_UNKNOWN, "a line of its own knows all");
    is_int(adm_line_tick(&line, now + 1000), 1, "and ticks");
    is_uint(frontier(), 501, "where it was");

    adm_fleet_attach(&fleet, memory[1], &line);
    ok(!adm_fleet_knows(&fleet) && frontier() == 1,
       "and when it follows again it knows of nothing");
}


static uint64_t
random_bits(void)
{
    static uint64_t  seed = UINT64_C(88172645463325252);

    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed * UINT64_C(0x2545f4914f6cdd1d) >> 8;
}


/* what cannot be true of a room ends in no long walk */

static void
giants(void)
{
    unsigned  i, heard;

    begin();
    (void) tick();

    heard = 0;
    word[ADM_FLEET_R_ERA]++;
    word[ADM_FLEET_R_NEXT] = ADM_FLEET_LARGEST - 1;
    word[ADM_FLEET_R_FRONTIER] = ADM_FLEET_LARGEST - 2;
    word[ADM_FLEET_R_CLOCK] = ADM_FLEET_LARGEST - 1;
    word[ADM_FLEET_R_FIRST] = word[ADM_FLEET_R_CLOCK] / 1000 - 20;

    for (i = 0; i < 1000; i++) {
        heard += tick() == ADM_OK;
        (void) poll(1000000 + i);
    }

    is_uint(heard, 1000, "giants are heard in no time");
}


/* a reply with something of all, changed in some places */

static size_t
spoil(void)
{
    size_t    len;
    uint64_t  n;

    word[ADM_FLEET_R_TURN]++;
    len = make(random_bits());

    for (n = random_bits() % 8; n > 0; n--) {
        reply[random_bits() % len] = (unsigned char) random_bits();
    }

    if (random_bits() % 8 == 0) {
        len = random_bits() % (len + 1);
    }

    return len;
}


static void
anything(void)
{
    size_t           i, j, len;
    uint64_t         was, fell, heard;
    adm_pass_t       pass;
    adm_line_rc_e    rc;
    unsigned char    buf[ADM_FLEET_ASK];

    adm_fleet_joined_t  joined;

    begin();
    (void) tick();

    fell = 0;
    heard = 0;

    for (i = 0; i < FUZZ; i++) {

        if (i % 2000 == 0) {
            begin();
            (void) tick();
        }

        was = frontier();
        (void) poll(1 + random_bits() % 1200);
        (void) say();

        len = spoil();

        if (i % 16 == 0) {
            len = random_bits() % 400;

            for (j = 0; j < len; j++) {
                reply[j] = (unsigned char) random_bits();
            }
        }

        heard += adm_fleet_ticked(&fleet, now, message, message_len, reply,
                                  len) == ADM_OK;
        (void) adm_fleet_joined(&fleet, now, reply, len % 80, &joined);
        (void) adm_fleet_claimed(&fleet, 1 + random_bits() % 500, now, reply,
                                 len % 32, &rc, &pass);
        (void) adm_fleet_claim(&fleet, 1 + random_bits() % 500, now, buf, &rc,
                               &pass);
        (void) adm_fleet_claim_alone(&fleet, 1 + random_bits() % 500, now,
                                     &pass);
        fell += frontier() < was && i % 2000 != 0;
        now += 10;
    }

    ok(heard > FUZZ / 10, "many a spoiled reply is heard");
    is_uint(fell, 0, "and no frontier falls");
}


int
main(void)
{
    news();
    late();
    coming_back();
    words();
    killed();
    many();
    claims();
    alone();
    passes();
    again();
    places();
    joins();
    turns();
    giants();
    anything();

    return unit_done();
}
