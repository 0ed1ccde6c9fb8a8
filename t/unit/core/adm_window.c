
/*
 * The story: an autoscaler adds machines by the demand of the last seconds.
 * A ring whose old seconds are read as new shows yesterday's rush for ever;
 * one that loses the events of a worker in the moment of a new second shows
 * too little under just the load that it is for.  So sums are held against a
 * plain list of events, and processes count at once, over many seconds.
 */


#define _GNU_SOURCE

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"
#include "../../../src/core/adm_window.c"


#define SECONDS    200
#define PROCESSES  4
#define EACH       20000


static uint64_t
plain(const uint64_t *events, uint64_t second, unsigned n)
{
    uint64_t  sum;

    for (sum = 0; n > 0; n--) {
        sum += events[second - n];
    }

    return sum;
}


static void
sums(void)
{
    uint64_t  ring[ADM_WINDOW] = { 0 }, events[SECONDS] = { 0 }, s;
    unsigned  i, n, wrong;

    wrong = 0;
    srand(7);

    for (s = 20; s < SECONDS; s++) {

        for (n = 1; n < ADM_WINDOW; n++) {
            wrong += adm_window_sum(ring, s, n) != plain(events, s, n);
        }

        /* some seconds are quiet, a whole round of the ring among them */

        events[s] = (s % 7 == 0 || (s > 100 && s < 125)) ? 0 : rand() % 50;

        for (i = 0; i < events[s]; i++) {
            adm_window_add(ring, s);
        }
    }

    is_uint(wrong, 0, "any number of seconds back, at any time");
}


static void
edges(void)
{
    uint64_t  ring[ADM_WINDOW] = { 0 };

    adm_window_add(ring, 50);
    is_uint(adm_window_sum(ring, 50, 15), 0, "the second under way is not in");
    is_uint(adm_window_sum(ring, 51, 1), 1, "the one before is");
    is_uint(adm_window_sum(ring, 50 + ADM_WINDOW + 1, 15), 0,
            "a second that stood in the same place is not");

    ring[3] = adm_window_stamp(3) | ADM_WINDOW_COUNT;
    adm_window_add(ring, 3);
    is_uint(adm_window_sum(ring, 4, 1), ADM_WINDOW_COUNT,
            "a full count stays");
}


static void
together(void)
{
    int        i, k;
    uint64_t  *ring;

    ring = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                -1, 0);

    for (i = 0; i < PROCESSES; i++) {

        if (fork() == 0) {
            for (k = 0; k < EACH; k++) {
                adm_window_add(ring, 1000 + k % 10);
            }

            _exit(0);
        }
    }

    while (wait(NULL) > 0) { /* all of them */ }

    ok(adm_window_sum(ring, 1010, 10) == PROCESSES * EACH,
       "no event is lost between processes");
}


int
main(void)
{
    sums();
    edges();
    together();

    return unit_done();
}
