
/*
 * Waits and the order are judged by the moment of the call, not by when its
 * shopper heard of it, which the interval of polls puts off: the time left
 * to claim, taken from the whole of the window, says how long ago it was.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* out of memory while a shopper is noted: the figures would be wrong */

#define uthash_fatal(sentence)  abort()

#include <uthash.h>

#include "room.h"


struct seen_s {
    UT_hash_handle   hh;
    uint64_t         id;
    int64_t          expires;
};


static void number(room_t *room, place_t *place, const answer_t *answer,
    const known_t *known);
static void called(room_t *room, uint64_t number);
static void add_place(room_t *room, const place_t *place, uint64_t number,
    usec_t now);
static seen_t *look_up(seen_t **table, uint64_t id);
static void expire(room_t *room, seen_t *pass, int64_t expires);
static void let_expire(room_t *room);
static int by_number(const void *a, const void *b);
static int by_time(const void *a, const void *b);
static usec_t called_at(const room_t *room, const place_t *place);
static void judge_waits(const room_t *room, room_e when,
    estimate_t *estimate);
static void judge_positions(const room_t *room, room_e when,
    estimate_t *estimate);
static size_t rank(const usec_t *times, size_t n, usec_t t);
static void tree_add(uint32_t *tree, size_t n, size_t i);
static uint64_t tree_sum(const uint32_t *tree, size_t i);
static void judge(estimate_t *estimate, double told, double truth);
static void judged(estimate_t *estimate);
static void judge_order(const room_t *room, order_t *order);
static void after(histogram_t *h, usec_t t, usec_t *earliest);


void
room_told(room_t *room, place_t *place, const answer_t *answer,
    const known_t *known, room_e when, usec_t now)
{
    told_t  *told;

    told = &place->told[when];

    number(room, place, answer, known);

    if (answer->left >= 0) {
        room_called(room, place, answer, now);
    }

    if (told->at || answer->wait < 0) {
        return;
    }

    told->at = now;
    told->wait = answer->wait;
    told->position = answer->position;
}


static void
number(room_t *room, place_t *place, const answer_t *answer,
    const known_t *known)
{
    token_t  token;

    token_read(&token, answer->token);

    if (token.type == TOKEN_TICKET && token.number != place->number) {
        place->number = token.number;

        if (token.number <= known->given) {
            room->jumped++;
        }

        if (token.number > room->given) {
            room->given = token.number;
        }
    }

    if (place->number && place->number < known->called
        && strcmp(answer->state, "waiting") == 0)
    {
        room->passed_over++;
    }
}


static void
called(room_t *room, uint64_t number)
{
    if (number > room->called) {
        room->called = number;
    }
}


void
room_called(room_t *room, place_t *place, const answer_t *answer, usec_t now)
{
    if (place->called) {
        return;
    }

    place->called = now;
    called(room, place->number);

    if (answer->left >= 0) {
        place->until = now + answer->left * USEC_SECOND;

        if (answer->left > room->claim) {
            room->claim = answer->left;
        }
    }
}


int
room_pass(room_t *room, const token_t *pass, const place_t *place,
    uint64_t shopper, usec_t now)
{
    int      known;
    seen_t  *seen;

    let_expire(room);

    HASH_FIND(hh, room->seen, &pass->id, sizeof(pass->id), seen);
    known = (seen != NULL);

    if (!known) {
        seen = look_up(&room->seen, pass->id);
        room->passes++;

        if (pass->number) {
            called(room, pass->number);
            add_place(room, place, pass->number, now);

        } else {
            room->direct++;
        }

        if (room->log != NULL) {
            fprintf(room->log, "%.6f %" PRIu64 " %016" PRIx64 " %" PRId64
                    " %" PRId64 " %" PRIu64 "\n",
                    (double) (now - room->start) / USEC_SECOND, pass->number,
                    pass->id, pass->issued, pass->expires, shopper);
        }
    }

    expire(room, seen, pass->expires);

    return !known;
}


static void
add_place(room_t *room, const place_t *place, uint64_t number, usec_t now)
{
    place_t  *places;

    if (look_up(&room->numbers, number)->expires++) {
        room->twice++;
        return;
    }

    if (room->n == room->size) {
        room->size = 2 * room->size + 1024;
        places = realloc(room->places, room->size * sizeof(place_t));

        if (places == NULL) {
            abort();
        }

        room->places = places;
    }

    places = &room->places[room->n++];

    *places = *place;
    places->number = number;
    places->in = now;
}


/* the entry of an id, made if need be */
static seen_t *
look_up(seen_t **table, uint64_t id)
{
    seen_t  *seen;

    HASH_FIND(hh, *table, &id, sizeof(id), seen);

    if (seen == NULL) {
        seen = calloc(1, sizeof(seen_t));

        if (seen == NULL) {
            abort();
        }

        seen->id = id;
        HASH_ADD(hh, *table, id, sizeof(id), seen);
    }

    return seen;
}


/* a pass counts to the latest time that was told for it: it may be renewed */
static void
expire(room_t *room, seen_t *pass, int64_t expires)
{
    if (expires > room->clock + ROOM_EXPIRIES - 1) {
        expires = room->clock + ROOM_EXPIRIES - 1;
    }

    if (expires <= pass->expires || expires <= room->clock) {
        return;
    }

    if (pass->expires > room->clock) {
        room->expiring[pass->expires % ROOM_EXPIRIES]--;

    } else {
        room->inside++;
    }

    pass->expires = expires;
    room->expiring[expires % ROOM_EXPIRIES]++;

    if (room->inside > room->inside_most) {
        room->inside_most = room->inside;
    }
}


static void
let_expire(room_t *room)
{
    int64_t    now;
    uint32_t  *expiring;

    now = time(NULL);

    if (room->clock == 0) {
        room->clock = now;
    }

    while (room->clock < now) {
        room->clock++;

        expiring = &room->expiring[room->clock % ROOM_EXPIRIES];
        room->inside -= *expiring;
        *expiring = 0;
    }
}


unsigned
room_inside(room_t *room)
{
    let_expire(room);

    return room->inside;
}


void
room_order(const room_t *room, order_t *order)
{
    int  i;

    memset(order, 0, sizeof(order_t));

    if (room->n == 0) {
        return;
    }

    qsort(room->places, room->n, sizeof(place_t), by_number);

    for (i = 0; i < ROOM_TIMES; i++) {
        judge_waits(room, i, &order->waits[i]);
        judge_positions(room, i, &order->positions[i]);
    }

    judge_order(room, order);
}


static int
by_number(const void *a, const void *b)
{
    uint64_t  x, y;

    x = ((const place_t *) a)->number;
    y = ((const place_t *) b)->number;

    return (x > y) - (x < y);
}


static int
by_time(const void *a, const void *b)
{
    usec_t  x, y;

    x = *(const usec_t *) a;
    y = *(const usec_t *) b;

    return (x > y) - (x < y);
}


static usec_t
called_at(const room_t *room, const place_t *place)
{
    if (place->until) {
        return place->until - room->claim * USEC_SECOND;
    }

    return place->called ? place->called : place->in;
}


static void
judge_waits(const room_t *room, room_e when, estimate_t *estimate)
{
    size_t         i;
    usec_t         truth;
    const told_t  *told;

    for (i = 0; i < room->n; i++) {
        told = &room->places[i].told[when];
        truth = called_at(room, &room->places[i]) - told->at;

        if (told->at && truth >= ROOM_LEAST_WAIT) {
            judge(estimate, (double) told->wait * USEC_SECOND, truth);
        }
    }

    judged(estimate);
}


/*
 * The true position is one behind all with lower numbers who came in later
 * than it was told: by a Fenwick tree over the moments of entry.
 */

static void
judge_positions(const room_t *room, room_e when, estimate_t *estimate)
{
    size_t         i, n;
    usec_t        *times;
    uint32_t      *tree;
    uint64_t       truth;
    const told_t  *told;

    n = room->n;
    times = calloc(n, sizeof(usec_t));
    tree = calloc(n + 1, sizeof(uint32_t));

    if (times == NULL || tree == NULL) {
        abort();
    }

    for (i = 0; i < n; i++) {
        times[i] = room->places[i].in;
    }

    qsort(times, n, sizeof(usec_t), by_time);

    for (i = 0; i < n; i++) {
        told = &room->places[i].told[when];
        truth = i - tree_sum(tree, rank(times, n, told->at));

        if (told->at && told->position > 0 && truth >= ROOM_LEAST_AHEAD) {
            judge(estimate, told->position, truth + 1);
        }

        tree_add(tree, n, rank(times, n, room->places[i].in));
    }

    judged(estimate);

    free(times);
    free(tree);
}


/* how many are not later */
static size_t
rank(const usec_t *times, size_t n, usec_t t)
{
    size_t  low, high, middle;

    low = 0;
    high = n;

    while (low < high) {
        middle = (low + high) / 2;

        if (times[middle] <= t) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return low;
}


static void
tree_add(uint32_t *tree, size_t n, size_t i)
{
    for ( /* void */ ; i <= n; i += i & -i) {
        tree[i]++;
    }
}


static uint64_t
tree_sum(const uint32_t *tree, size_t i)
{
    uint64_t  sum;

    sum = 0;

    for ( /* void */ ; i; i -= i & -i) {
        sum += tree[i];
    }

    return sum;
}


static void
judge(estimate_t *estimate, double told, double truth)
{
    estimate->count++;
    estimate->error += fabs(told - truth) / truth;
    estimate->bias += (told - truth) / truth;
}


static void
judged(estimate_t *estimate)
{
    if (estimate->count) {
        estimate->error /= estimate->count;
        estimate->bias /= estimate->count;
    }
}


/* from the last number down, with the earliest moment of those behind it */
static void
judge_order(const room_t *room, order_t *order)
{
    size_t          i;
    usec_t          call, in, t;
    const place_t  *place;

    call = INT64_MAX;
    in = INT64_MAX;

    for (i = room->n; i > 0; i--) {
        place = &room->places[i - 1];
        t = called_at(room, place);

        order->let_in++;

        after(&order->called_after, t, &call);
        after(&order->entered_after, place->in, &in);
    }
}


static void
after(histogram_t *h, usec_t t, usec_t *earliest)
{
    if (t > *earliest) {
        histogram_add(h, t - *earliest);

    } else {
        *earliest = t;
    }
}


void
room_free(room_t *room)
{
    seen_t  *seen, *next;

    HASH_ITER(hh, room->seen, seen, next) {
        HASH_DEL(room->seen, seen);
        free(seen);
    }

    HASH_ITER(hh, room->numbers, seen, next) {
        HASH_DEL(room->numbers, seen);
        free(seen);
    }

    free(room->places);
}
