
/*
 * The story: a shop that bears two hundred people has two hundred and one,
 * because two workers let the last one in; or has room for ever fewer,
 * because people who went without a word, double renewals or a killed worker
 * are counted for ever.  So a plain list of passes goes through random
 * renewals, ends and expiries beside the wheel, and processes that are killed
 * at random fight for the last places.
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
#include "../../../src/core/adm_wheel.c"


#define SEATS      2000
#define MAX        50
#define FEW        2
#define PROCESSES  4
#define ROUNDS     20


static adm_wheel_t
wheel(uint64_t unit)
{
    adm_wheel_t  w;

    w.words = mmap(NULL, 1 << 16, PROT_READ|PROT_WRITE,
                   MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    w.unit = unit;
    w.seats.words = w.words + ADM_WHEEL_WORDS;
    w.seats.n = SEATS / 9 + 1;
    w.seats.width = ADM_WHEEL_WIDTH;

    return w;
}


static void
rules(void)
{
    adm_wheel_t  w = wheel(10);

    ok(adm_wheel_take(&w, 1000, 1240, 2), "a first place");
    adm_wheel_sit(&w, 1000, 1, 1240);
    ok(adm_wheel_take(&w, 1000, 1240, 2), "a second");
    adm_wheel_sit(&w, 1000, 2, 1240);
    ok(!adm_wheel_take(&w, 1000, 1240, 2), "no third");
    is_uint(adm_wheel_count(&w, 1000), 2, "the one refused is not counted");

    adm_wheel_renew(&w, 1100, 1, 1340);
    adm_wheel_renew(&w, 1100, 1, 1340);
    adm_wheel_renew(&w, 1100, 1, 1300);
    is_uint(adm_wheel_count(&w, 1100), 2, "renewals count once");
    is_uint(adm_wheel_count(&w, 1250), 1, "who did not renew has left");
    is_uint(adm_wheel_count(&w, 1350), 0, "and then who did");

    ok(adm_wheel_take(&w, 1350, 1590, 2), "there is room again");
    adm_wheel_sit(&w, 1350, 3, 1590);
    ok(adm_wheel_end(&w, 1360, 3), "an end");
    ok(!adm_wheel_end(&w, 1360, 3), "counts once");
    ok(adm_wheel_ended(&w, 3) && !adm_wheel_ended(&w, 2), "and is remembered");
    is_uint(adm_wheel_count(&w, 1360), 0, "nobody is inside");

    adm_wheel_renew(&w, 1360, 3, 1600);
    adm_wheel_sit(&w, 1360, 3, 1600);
    is_uint(adm_wheel_count(&w, 1360), 0, "an ended pass cannot come back");
    ok(!adm_wheel_end(&w, 1360, 999), "nor one that never was, end");

    ok(adm_wheel_take(&w, 1360, 999999, 0), "a pass beyond the reach");
    is_uint(adm_wheel_count(&w, 1360 + adm_wheel_reach(&w)), 1, "is counted");
    is_uint(adm_wheel_count(&w, 1370 + adm_wheel_reach(&w)), 0,
            "to the end of the reach");
}


/* a plain list of passes: who is counted until the end of which slot */

static void
model(void)
{
    uint64_t     now, expires, until[SEATS] = { 0 }, n, wrong;
    unsigned     serial, next, i;
    adm_wheel_t  w = wheel(7);

    srand(11);
    next = 1;
    wrong = 0;

    for (now = 10000; next < SEATS; now += (uint64_t) rand() % 5) {
        expires = now + 60 + (uint64_t) rand() % 100;

        for (n = 0, i = 1; i < next; i++) {
            n += until[i] > now;
        }

        wrong += adm_wheel_count(&w, now) != n;

        if (rand() % 2) {
            if (adm_wheel_take(&w, now, expires, MAX)) {
                wrong += n >= MAX;
                until[next] = (expires / 7 + 1) * 7;
                adm_wheel_sit(&w, now, next++, expires);

            } else {
                wrong += n < MAX;
            }

            continue;
        }

        serial = next - 1 - (unsigned) rand() % (next < 80 ? next : 80);

        /* a pass may be used as long as its slot, at least, is not over */

        if (serial == 0 || until[serial] <= now) {
            continue;
        }

        if (rand() % 3) {
            adm_wheel_renew(&w, now, serial, expires);

            if ((expires / 7 + 1) * 7 > until[serial]) {
                until[serial] = (expires / 7 + 1) * 7;
            }

        } else {
            wrong += !adm_wheel_end(&w, now, serial);
            until[serial] = 0;
        }
    }

    is_uint(wrong, 0, "counts are those of a plain list");
}


static void
fight(const adm_wheel_t *w, uint64_t at, uint64_t *inside, uint64_t *most,
    unsigned salt)
{
    uint64_t  n;
    unsigned  i, serial;

    for (i = 0; ; i++) {

        if (!adm_wheel_take(w, at, at + 20, FEW)) {
            continue;
        }

        /* raised after a place was taken, lowered before it is given back */

        n = __atomic_add_fetch(inside, 1, __ATOMIC_SEQ_CST);

        if (n > adm_load(most)) {
            __atomic_store_n(most, n, __ATOMIC_SEQ_CST);
        }

        (void) __atomic_sub_fetch(inside, 1, __ATOMIC_SEQ_CST);

        serial = (salt * 400 + i % 400) % SEATS;
        adm_wheel_sit(w, at, serial, at + 20);

        if (!adm_wheel_end(w, at, serial)) {
            adm_wheel_drop(w, at, at + 20);
        }
    }
}


static void
killed(void)
{
    int              i;
    pid_t            pids[PROCESSES];
    uint64_t        *shared, at, left;
    unsigned         round;
    adm_wheel_t      w = wheel(10);
    struct timespec  rest = { 0, 0 };

    shared = mmap(NULL, 4096, PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    left = 0;

    for (round = 0; round < ROUNDS; round++) {
        at = 5000 + round * 100;

        for (i = 0; i < PROCESSES; i++) {
            if ((pids[i] = fork()) == 0) {
                fight(&w, at, shared, shared + 1, (unsigned) i);
            }
        }

        rest.tv_nsec = 5000000 + rand() % 5000000;
        nanosleep(&rest, NULL);

        for (i = 0; i < PROCESSES; i++) {
            kill(pids[i], SIGKILL);
            waitpid(pids[i], NULL, 0);
        }

        left += adm_wheel_count(&w, at) > PROCESSES;
        left += adm_wheel_count(&w, at + 30);
        shared[0] = 0;
    }

    ok(shared[1] > 0 && shared[1] <= FEW, "never more than the ceiling");
    is_uint(left, 0, "a killed process leaves one place counted, at most,"
                     " until the wheel has turned");
}


/* where others count, a seat is all there is */

static void
seats(void)
{
    adm_wheel_t  w = wheel(10);

    ok(!adm_wheel_sits(&w, 1000, 5, 1200), "nobody sits");
    ok(adm_wheel_put(&w, 1000, 5, 1200), "one is seated");
    ok(adm_wheel_sits(&w, 1000, 5, 1209), "for all of a slot");
    ok(!adm_wheel_sits(&w, 1000, 5, 1210), "and no longer");
    ok(adm_wheel_put(&w, 1000, 5, 1250) && adm_wheel_sits(&w, 1000, 5, 1250),
       "then in a later one");
    is_uint(adm_wheel_count(&w, 1000), 0, "none of it is counted");

    ok(adm_wheel_bar(&w, 5) && !adm_wheel_bar(&w, 5), "it ends once");
    ok(adm_wheel_ended(&w, 5) && !adm_wheel_put(&w, 1000, 5, 1300),
       "and sits no more");
    ok(adm_wheel_sits(&w, 1000, 5, 1300), "nor asks for a seat");
    ok(adm_wheel_bar(&w, 6) && adm_wheel_ended(&w, 6),
       "one that never sat ends too");

    ok(adm_wheel_bar(&w, 6 + 9 * w.seats.n), "the ring goes on");
    ok(!adm_wheel_put(&w, 1000, 7, 1200) && !adm_wheel_bar(&w, 7),
       "and what is too old is neither seated nor ended");
}


int
main(void)
{
    seats();
    rules();
    model();
    killed();

    return unit_done();
}
