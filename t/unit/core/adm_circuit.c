
/*
 * The story: an upstream dies in the middle of a sale, and every buyer waits
 * for a time-out of a minute; or five requests fail out of a thousand a
 * second, and a breaker shuts the sale for all.  It comes back, and is run
 * over by everybody at once; or the one request that was let through to look
 * never ends, and the sale stays shut for good.  So each rule is looked at by
 * a clock that is told; and processes hammer at one circuit, and are killed
 * at it, and it has to come to rest.
 */


#define _GNU_SOURCE

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"
#include "../../../src/core/adm_circuit.c"


#define PROCESSES  4
#define EACH       100000
#define ROUNDS     60
#define TERMS      1024
#define HALF       UINT32_C(0x80000000)


/* as admission_upstream has it by itself */

static adm_circuit_conf_t
usual(void)
{
    adm_circuit_conf_t  conf;

    conf.failures = 5;
    conf.error_rate = 500;
    conf.min_requests = 20;
    conf.window = 10000;
    conf.slow = 1000;
    conf.successes = 2;
    conf.open = 30000;
    conf.max_open = 300000;

    return conf;
}


/* one that was let through at "now" and was told of at once */

static int
tell(adm_circuit_t *c, const adm_circuit_conf_t *conf, adm_circuit_said_e said,
    uint64_t now)
{
    uint64_t  pass, wait;

    (void) adm_circuit_ask(c, conf, now, &pass, &wait);

    return adm_circuit_said(c, conf, pass, said, now, 0);
}


/* so many of them; how many changed the state */

static int
tell_many(adm_circuit_t *c, const adm_circuit_conf_t *conf,
    adm_circuit_said_e said, uint64_t now, unsigned n)
{
    int  changed;

    for (changed = 0; n > 0; n--) {
        changed += tell(c, conf, said, now);
    }

    return changed;
}


static adm_circuit_rc_e
ask(adm_circuit_t *c, const adm_circuit_conf_t *conf, uint64_t now)
{
    uint64_t  pass, wait;

    return adm_circuit_ask(c, conf, now, &pass, &wait);
}


static void
row(void)
{
    uint64_t            now;
    adm_circuit_t       c = { 0 };
    adm_circuit_conf_t  conf = usual();

    conf.error_rate = 0;
    now = 1000000;

    is_int(tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, 4), 0,
           "four failures in a row are no reason");
    (void) tell(&c, &conf, ADM_CIRCUIT_GOOD, now);
    is_int(tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, 4), 0,
           "an answer ends the row");
    (void) tell(&c, &conf, ADM_CIRCUIT_SLOW, now);
    is_int(tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, 4), 0,
           "so does a slow one");
    (void) tell(&c, &conf, ADM_CIRCUIT_UNTOLD, now);
    is_uint(adm_circuit_state(&c, now), ADM_CIRCUIT_CLOSED, "it is closed");
    is_int(tell(&c, &conf, ADM_CIRCUIT_FAILED, now), 1,
           "the fifth in a row opens it, one that says nothing between");
    is_uint(adm_circuit_state(&c, now), ADM_CIRCUIT_OPEN, "it is open");

    /* a night with one request an hour */

    memset(&c, 0, sizeof(adm_circuit_t));

    for (now = 0; tell(&c, &conf, ADM_CIRCUIT_FAILED, now) == 0; ) {
        now += 3600000;
    }

    is_uint(now, 4 * 3600000, "however far apart they are");
}


/* so many requests, one each ms, all answered */

static uint64_t
busy(adm_circuit_t *c, const adm_circuit_conf_t *conf, uint64_t now,
    unsigned n)
{
    while (n-- > 0) {
        (void) tell(c, conf, ADM_CIRCUIT_GOOD, now++);
    }

    return now;
}


static void
noise(void)
{
    int                 changed;
    uint64_t            now;
    unsigned            n;
    adm_circuit_t       c = { 0 };
    adm_circuit_conf_t  conf = usual();

    now = 5000000;
    changed = 0;

    for (n = 5; n < 440; n += 20) {
        now = busy(&c, &conf, now, 10000);
        changed += tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, n);
    }

    is_int(changed, 0, "a handful in a busy minute does not open it");

    now = busy(&c, &conf, now, 10000);

    for (n = 1; tell(&c, &conf, ADM_CIRCUIT_FAILED, now++) == 0; n++) {
        /* until it opens */
    }

    ok(n > 450 && n <= 530, "a twentieth of what came in a window does");

    /* a thousand a second, of which one in five fails, for ten minutes */

    memset(&c, 0, sizeof(adm_circuit_t));
    now = busy(&c, &conf, now, 2000);
    srand(5);

    for (n = 0, changed = 0; n < 600000; n++) {
        changed += tell(&c, &conf, (rand() % 5) ? ADM_CIRCUIT_GOOD
                                                : ADM_CIRCUIT_FAILED, now++);
    }

    is_int(changed, 0, "nor does a fifth that fails at random");
}


static void
rate(void)
{
    uint64_t            now;
    unsigned            i, opened;
    adm_circuit_t       c = { 0 };
    adm_circuit_conf_t  conf = usual();

    conf.failures = 0;
    now = 777777777;

    is_int(tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, 19), 0,
           "nineteen failures are less than min_requests");
    is_int(tell(&c, &conf, ADM_CIRCUIT_FAILED, now), 1,
           "the twentieth opens it");

    memset(&c, 0, sizeof(adm_circuit_t));
    opened = 0;

    for (i = 0; i < 3000; i++) {
        opened += tell(&c, &conf, (i * 37 % 100 > 43) ? ADM_CIRCUIT_GOOD
                                                 : ADM_CIRCUIT_FAILED,
                       now + i * 100);
    }

    is_uint(opened, 0, "less than half of what came does not");

    memset(&c, 0, sizeof(adm_circuit_t));
    (void) tell_many(&c, &conf, ADM_CIRCUIT_GOOD, now, 15);
    is_int(tell_many(&c, &conf, ADM_CIRCUIT_SLOW, now, 14), 0,
           "fourteen of twenty-nine are slow");
    is_int(tell(&c, &conf, ADM_CIRCUIT_SLOW, now), 1, "fifteen of thirty are");

    memset(&c, 0, sizeof(adm_circuit_t));
    conf.slow = 0;
    is_int(tell_many(&c, &conf, ADM_CIRCUIT_SLOW, now, 100), 0,
           "where nothing is slow, nothing fails by being so");

    memset(&c, 0, sizeof(adm_circuit_t));
    conf.min_requests = 1;
    is_int(tell(&c, &conf, ADM_CIRCUIT_FAILED, now), 1,
           "by min_requests=1 one failure is enough");
}


static void
window(void)
{
    uint64_t            now;
    adm_circuit_t       c = { 0 };
    adm_circuit_conf_t  conf = usual();

    conf.failures = 0;
    now = 40000000;

    (void) tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, 19);
    is_int(tell(&c, &conf, ADM_CIRCUIT_FAILED, now + 9999), 1,
           "what was said 10 s ago counts");

    memset(&c, 0, sizeof(adm_circuit_t));
    (void) tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, 19);
    is_int(tell(&c, &conf, ADM_CIRCUIT_FAILED, now + 10000), 0,
           "and is forgotten then");

    /* the same place of the ring, much later */

    memset(&c, 0, sizeof(adm_circuit_t));
    (void) tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, 19);
    is_int(tell(&c, &conf, ADM_CIRCUIT_FAILED, now + 100000), 0,
           "rounds later it is not taken for new");

    memset(&c, 0, sizeof(adm_circuit_t));
    conf.window = 7;
    (void) tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, 19);
    is_int(tell(&c, &conf, ADM_CIRCUIT_FAILED, now + 6), 1,
           "a window shorter than its parts is one all the same");

    memset(&c, 0, sizeof(adm_circuit_t));
    c.parts[0] = ADM_CIRCUIT_FAILURE + ADM_CIRCUIT_COUNT - 1;
    conf.window = 10000;
    is_int(tell_many(&c, &conf, ADM_CIRCUIT_FAILED, 0, 3), 0,
           "a count that is full stays what it is");
    is_uint(c.parts[0], 2 * ADM_CIRCUIT_FAILURE + ADM_CIRCUIT_COUNT,
            "to the bit");
}


/* opens a closed one by a row at "now"; for how many ms */

static uint64_t
opens(adm_circuit_t *c, const adm_circuit_conf_t *conf, uint64_t now,
    uint32_t random)
{
    uint64_t  pass, wait;

    do {
        (void) adm_circuit_ask(c, conf, now, &pass, &wait);

    } while (!adm_circuit_said(c, conf, pass, ADM_CIRCUIT_FAILED, now,
                               random));

    return (adm_circuit_look(c, conf, now, &wait) == ADM_CIRCUIT_REFUSE)
           ? wait : 0;
}


/* closes one whose time is over */

static void
closes(adm_circuit_t *c, const adm_circuit_conf_t *conf, uint64_t now)
{
    (void) tell_many(c, conf, ADM_CIRCUIT_GOOD, now, conf->successes);
}


static void
open_time(void)
{
    uint64_t            now, wait, longest, shortest;
    unsigned            i;
    adm_circuit_t       c = { 0 };
    adm_circuit_conf_t  conf = usual();
    static uint64_t     times[] = { 30000, 60000, 120000, 240000, 300000,
                                    300000 };

    now = 1;
    longest = 0;
    shortest = UINT64_MAX;

    for (i = 0; i < 6; i++) {
        wait = opens(&c, &conf, now, 0);
        is_uint(wait, times[i], "it is open for twice the time, to a ceiling");
        is_uint(ask(&c, &conf, now + wait - 1), ADM_CIRCUIT_REFUSE,
                "nobody passes until then");
        is_uint(adm_circuit_state(&c, now + wait), ADM_CIRCUIT_HALF_OPEN,
                "then it is half-open, asked or not");
        now += wait;
    }

    for (i = 0; i < 256; i++) {
        memset(&c, 0, sizeof(adm_circuit_t));
        wait = opens(&c, &conf, now, i << 24);
        longest = (wait > longest) ? wait : longest;
        shortest = (wait < shortest) ? wait : shortest;
    }

    ok(shortest == 30000 && longest > 32900 && longest <= 33000,
       "up to a tenth longer, at random");

    conf.open = 300000;
    memset(&c, 0, sizeof(adm_circuit_t));
    is_uint(opens(&c, &conf, now, HALF), 285000,
            "at the ceiling it is shorter instead");

    conf.max_open = 0;
    conf.open = 0;
    memset(&c, 0, sizeof(adm_circuit_t));
    (void) opens(&c, &conf, now, 0);
    is_uint(ask(&c, &conf, now), ADM_CIRCUIT_TRIAL, "no time is none");
}


static void
falls_back(void)
{
    uint64_t            now, wait;
    unsigned            i;
    adm_circuit_t       c = { 0 };
    adm_circuit_conf_t  conf = usual();

    now = 1;

    for (i = 0; i < 3; i++) {
        now += opens(&c, &conf, now, 0);
        closes(&c, &conf, now);
    }

    is_uint(adm_circuit_state(&c, now), ADM_CIRCUIT_CLOSED,
            "opened three times in a row, the last one for 2 min");

    now += 120000 - 1;
    wait = opens(&c, &conf, now, 0);
    is_uint(wait, 240000, "closed for less than that, it goes on doubling");

    now += wait;
    closes(&c, &conf, now);
    now += 240000 + 120000;
    wait = opens(&c, &conf, now, 0);
    is_uint(wait, 120000, "closed for as long, it falls back, step by step");

    now += wait;
    closes(&c, &conf, now);
    now += 86400000;
    is_uint(opens(&c, &conf, now, 0), 30000, "and in a day to the first");

    memset(&c, 0, sizeof(adm_circuit_t));
    conf.open = 100;
    now += opens(&c, &conf, now, 0);
    closes(&c, &conf, now);
    now += 9999;
    is_uint(opens(&c, &conf, now, 0), 200, "a window is the least of it");
}


/* one that is half-open at the time that is returned */

static uint64_t
half_open(adm_circuit_t *c, const adm_circuit_conf_t *conf)
{
    memset(c, 0, sizeof(adm_circuit_t));

    return 1000 + opens(c, conf, 1000, 0);
}


static void
trials(void)
{
    uint64_t            now, wait, pass[3];
    adm_circuit_t       c;
    adm_circuit_conf_t  conf = usual();

    now = half_open(&c, &conf);

    is_uint(adm_circuit_look(&c, &conf, now, &wait), ADM_CIRCUIT_PASS,
            "one may ask, ...");
    is_uint(adm_circuit_look(&c, &conf, now, &wait), ADM_CIRCUIT_PASS,
            "... and looking took nothing");
    is_uint(adm_circuit_ask(&c, &conf, now, &pass[0], &wait),
            ADM_CIRCUIT_TRIAL, "one is tried");
    is_uint(adm_circuit_look(&c, &conf, now, &wait), ADM_CIRCUIT_PASS,
            "two answers are wanted");
    is_uint(adm_circuit_ask(&c, &conf, now, &pass[1], &wait),
            ADM_CIRCUIT_TRIAL, "so is a second one");
    is_uint(adm_circuit_ask(&c, &conf, now, &pass[2], &wait),
            ADM_CIRCUIT_REFUSE, "a third is not");
    ok(pass[2] == 0 && wait == ADM_CIRCUIT_SOON, "and is told to come soon");
    is_uint(adm_circuit_look(&c, &conf, now, &wait), ADM_CIRCUIT_REFUSE,
            "as looking says, too");

    is_int(adm_circuit_said(&c, &conf, pass[0], ADM_CIRCUIT_GOOD, now, 0), 0,
           "one good answer is not enough");
    is_uint(ask(&c, &conf, now), ADM_CIRCUIT_REFUSE,
            "nor lets a third one in: the second may be the other");
    is_int(adm_circuit_said(&c, &conf, pass[1], ADM_CIRCUIT_UNTOLD, now, 0),
           0, "the second says nothing");
    is_uint(adm_circuit_ask(&c, &conf, now, &pass[2], &wait),
            ADM_CIRCUIT_TRIAL, "and has given its permit back");
    is_int(adm_circuit_said(&c, &conf, pass[2], ADM_CIRCUIT_GOOD, now, 0), 1,
           "a second good one closes it");
    is_uint(ask(&c, &conf, now), ADM_CIRCUIT_PASS, "everybody passes");
    is_int(tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, 4), 0,
           "with a row that begins anew");

    now = half_open(&c, &conf);
    (void) tell(&c, &conf, ADM_CIRCUIT_GOOD, now);
    is_int(tell(&c, &conf, ADM_CIRCUIT_FAILED, now), 1,
           "one that fails opens it");
    (void) adm_circuit_look(&c, &conf, now, &wait);
    is_uint(wait, 60000, "for longer");

    now = half_open(&c, &conf);
    is_int(tell(&c, &conf, ADM_CIRCUIT_SLOW, now), 1, "so does a slow one");

    conf.successes = 100;
    now = half_open(&c, &conf);

    for (wait = 0; ask(&c, &conf, now) == ADM_CIRCUIT_TRIAL; wait++) {
        /* as many as there are */
    }

    is_uint(wait, ADM_CIRCUIT_PERMITS, "never more than a few at once");

    conf.successes = 0;
    now = half_open(&c, &conf);
    is_int(tell(&c, &conf, ADM_CIRCUIT_GOOD, now), 1,
           "at least one is wanted");
}


static void
lapses(void)
{
    uint64_t            now, wait, pass, stuck[2];
    adm_circuit_t       c;
    adm_circuit_conf_t  conf = usual();

    now = half_open(&c, &conf);
    (void) adm_circuit_ask(&c, &conf, now, &stuck[0], &wait);
    (void) adm_circuit_ask(&c, &conf, now, &stuck[1], &wait);

    is_uint(adm_circuit_ask(&c, &conf, now + 29900, &pass, &wait),
            ADM_CIRCUIT_REFUSE, "permits whose requests do not end");
    is_uint(wait, 100, "say when they lapse");
    is_uint(adm_circuit_ask(&c, &conf, now + 30000, &pass, &wait),
            ADM_CIRCUIT_TRIAL, "and are given to others then");

    is_int(adm_circuit_said(&c, &conf, stuck[0], ADM_CIRCUIT_UNTOLD,
                            now + 31000, 0), 0, "an owner that comes late");
    (void) ask(&c, &conf, now + 31000);
    is_uint(ask(&c, &conf, now + 31000), ADM_CIRCUIT_REFUSE,
            "gives nobody else's permit back");
    is_int(adm_circuit_said(&c, &conf, stuck[1], ADM_CIRCUIT_FAILED,
                            now + 31000, 0), 1, "but its failure is one");

    conf.open = 100;
    now = half_open(&c, &conf);
    (void) ask(&c, &conf, now);
    (void) ask(&c, &conf, now);
    is_uint(ask(&c, &conf, now + 999), ADM_CIRCUIT_REFUSE,
            "no permit lapses sooner than in a second");
    is_uint(ask(&c, &conf, now + 1000), ADM_CIRCUIT_TRIAL, "however short");
}


static void
late(void)
{
    int                 changed;
    uint64_t            now, wait, old, older;
    unsigned            i;
    adm_circuit_t       c = { 0 };
    adm_circuit_conf_t  conf = usual();

    now = 1000;
    (void) adm_circuit_ask(&c, &conf, now, &older, &wait);
    now += opens(&c, &conf, now, 0);

    is_int(adm_circuit_said(&c, &conf, older, ADM_CIRCUIT_FAILED, now - 1, 0),
           0, "what fails while it is open");
    is_uint(ask(&c, &conf, now), ADM_CIRCUIT_TRIAL, "changes nothing");
    (void) adm_circuit_ask(&c, &conf, now, &old, &wait);

    changed = 0;

    for (i = 0; i < 100; i++) {
        changed += adm_circuit_said(&c, &conf, older, ADM_CIRCUIT_GOOD, now,
                                    0);
        changed += adm_circuit_said(&c, &conf, older, ADM_CIRCUIT_FAILED, now,
                                    0);
    }

    is_int(changed, 0, "who came before it opened neither closes nor opens"
                       " it half-open");

    (void) adm_circuit_said(&c, &conf, old, ADM_CIRCUIT_FAILED, now, 0);
    now += 60000;
    closes(&c, &conf, now);
    is_uint(adm_circuit_state(&c, now), ADM_CIRCUIT_CLOSED, "it is closed");

    for (i = 0; i < 100; i++) {
        changed += adm_circuit_said(&c, &conf, older, ADM_CIRCUIT_FAILED, now,
                                    0);
        changed += adm_circuit_said(&c, &conf, old, ADM_CIRCUIT_FAILED, now,
                                    0);
    }

    is_int(changed, 0, "and do not open it again");
    is_int(tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, 4), 0,
           "nor stand in a row");
    is_int(tell(&c, &conf, ADM_CIRCUIT_FAILED, now), 1, "of their successors");
    is_int(adm_circuit_said(&c, &conf, 0, ADM_CIRCUIT_FAILED, now, 0), 0,
           "nobody's failure is none");
}


/* what was counted before it opened is not counted after it has closed */

static void
same_part(void)
{
    uint64_t            now;
    adm_circuit_t       c = { 0 };
    adm_circuit_conf_t  conf = usual();

    conf.failures = 0;
    conf.window = 600000;
    conf.open = 100;
    now = 60000 * 1000;

    (void) tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, 20);
    now += 100;
    closes(&c, &conf, now);
    is_uint(adm_circuit_state(&c, now), ADM_CIRCUIT_CLOSED,
            "opened and closed within a part of the window");
    is_int(tell_many(&c, &conf, ADM_CIRCUIT_FAILED, now, 19), 0,
           "it counts from nothing");
    is_int(tell(&c, &conf, ADM_CIRCUIT_FAILED, now), 1, "as it did at first");
}


static void
unused(void)
{
    uint64_t            pass, wait;
    adm_circuit_t       c = { 0 };
    adm_circuit_conf_t  conf = usual();

    (void) opens(&c, &conf, 1000, 0);
    conf.failures = 0;
    conf.error_rate = 0;
    is_uint(adm_circuit_ask(&c, &conf, 1001, &pass, &wait), ADM_CIRCUIT_PASS,
            "one that is not configured any more lets pass");
    is_uint(adm_circuit_look(&c, &conf, 1001, &wait), ADM_CIRCUIT_PASS,
            "and says so");
    is_uint(pass, 0, "unknown");
}


/* shared by processes */

typedef struct {
    adm_circuit_t  circuit;
    uint64_t       now;
    uint64_t       opened;
    uint64_t       closed;
    uint64_t       most;
    uint64_t       lapsed;     /* a process was kept waiting for so long */
    uint64_t       trials[TERMS];          /* going on, of a term */
} shared_t;


static shared_t *
share(void)
{
    return mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
                MAP_SHARED|MAP_ANONYMOUS, -1, 0);
}


/* one request, which fails now and then; time goes on by it, a ms in "slow" */

static void
request(shared_t *s, const adm_circuit_conf_t *conf, unsigned *seed,
    unsigned failing, unsigned slow)
{
    int                 failed;
    uint64_t            now, pass, wait, n, *trials;
    adm_circuit_rc_e    rc;

    now = __atomic_add_fetch(&s->now, 1, __ATOMIC_SEQ_CST) / slow;
    rc = adm_circuit_ask(&s->circuit, conf, now, &pass, &wait);

    if (rc == ADM_CIRCUIT_REFUSE) {
        return;
    }

    if (rc == ADM_CIRCUIT_TRIAL) {
        trials = &s->trials[adm_circuit_term(pass) % TERMS];
        n = __atomic_add_fetch(trials, 1, __ATOMIC_SEQ_CST);

        if (n > s->most) {
            s->most = n;
        }

        sched_yield();
        (void) __atomic_sub_fetch(trials, 1, __ATOMIC_SEQ_CST);

        if (s->now / slow >= now + ADM_CIRCUIT_LAPSE) {
            s->lapsed = 1;
        }
    }

    failed = (unsigned) rand_r(seed) % 1000 < failing;

    if (adm_circuit_said(&s->circuit, conf, pass,
                         failed ? ADM_CIRCUIT_FAILED : ADM_CIRCUIT_GOOD, now,
                         (uint32_t) rand_r(seed) << 1))
    {
        (void) __atomic_add_fetch(failed ? &s->opened : &s->closed, 1,
                                  __ATOMIC_SEQ_CST);
    }
}


static void
hammer(void)
{
    unsigned            i, k, seed;
    uint64_t            halves;
    shared_t           *s;
    adm_circuit_conf_t  conf = usual();

    s = share();
    conf.window = 10;
    conf.successes = 3;
    conf.open = 2;
    conf.max_open = 8;

    for (i = 0; i < PROCESSES; i++) {
        if (fork() == 0) {
            seed = i + 1;

            for (k = 0; k < EACH; k++) {
                request(s, &conf, &seed, (s->now / 4000 % 2) ? 600 : 20, 64);
            }

            _exit(0);
        }
    }

    while (wait(NULL) > 0) { /* all of them */ }

    halves = adm_circuit_term(s->circuit.state) - s->opened - s->closed;

    ok(s->opened > 10 && s->closed > 1, "it opens and closes, many times");
    ok(s->opened - halves <= 1 && s->closed <= s->opened,
       "each change is told to one, and half-open comes between");
    ok(s->most > 1 && (s->most <= 3 || s->lapsed),
       "three trials are never four");
}


/* killed in the middle of anything, with permits and without */

static void
killed(void)
{
    pid_t               pids[PROCESSES];
    unsigned            i, round, seed, stuck;
    shared_t           *s;
    struct timespec     rest = { 0, 2000000 };
    adm_circuit_conf_t  conf = usual();

    s = share();
    conf.open = 500;
    conf.max_open = 1000;
    conf.window = 100;
    stuck = 0;
    srand(11);

    for (round = 0; round < ROUNDS; round++) {

        for (i = 0; i < PROCESSES; i++) {
            if ((pids[i] = fork()) == 0) {
                for (seed = round * PROCESSES + i; /* void */ ; ) {
                    request(s, &conf, &seed, 300, 1);
                }
            }
        }

        rest.tv_nsec = 500000 + rand() % 2000000;
        nanosleep(&rest, NULL);

        for (i = 0; i < PROCESSES; i++) {
            kill(pids[i], SIGKILL);
            waitpid(pids[i], NULL, 0);
        }

        /* it is well again: a request every 10 ms, for 5 s */

        for (seed = i = 0; i < 500; i++) {
            s->now += 9;
            request(s, &conf, &seed, 0, 1);
        }

        stuck += adm_circuit_state(&s->circuit, s->now) != ADM_CIRCUIT_CLOSED;
    }

    is_uint(stuck, 0, "whoever is killed at it, it closes when all is well");
}


int
main(void)
{
    row();
    noise();
    rate();
    window();
    open_time();
    falls_back();
    trials();
    lapses();
    late();
    same_part();
    unused();
    hammer();
    killed();

    return unit_done();
}
