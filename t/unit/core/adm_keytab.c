
/*
 * The story: a worker was killed while it noted what a checkout had been
 * answered.  The key stood in the table, its cells were free at the same
 * time, and the next order was written over the first one's answer: a shopper
 * was shown another one's receipt.  So whatever is done here is done wholly
 * or not at all, at whichever store the process dies.
 */


#include <setjmp.h>
#include <stdlib.h>

#include "unit.h"


static jmp_buf   killed;
static uint64_t  stores;           /* until the process is killed; 0: never */


#define adm_undo_stored()                                                     \
    do {                                                                      \
        if (stores && --stores == 0) {                                        \
            longjmp(killed, 1);                                               \
        }                                                                     \
    } while (0)


#include "../../../src/core/adm_undo.c"
#include "../../../src/core/adm_siphash.c"
#include "../../../src/core/adm_keytab.c"


#define SIZE     (256 * 1024)
#define NOW      1700000000
#define TTL      100
#define MODEL    200               /* keys of the random test */
#define ANSWER   (80 * 1024)


static unsigned char        memory[SIZE] __attribute__((aligned(64)));
static unsigned char        other[SIZE] __attribute__((aligned(64)));
static unsigned char        copied[SIZE], answer[ANSWER], got[ANSWER];
static const unsigned char  secret[16] = "0123456789abcdef";
static uint32_t             dead;
static adm_keytab_t         table;


static int
lives(uint32_t owner)
{
    return owner != dead;
}


static const unsigned char *
id(unsigned char *buf, unsigned n, unsigned salt)
{
    memset(buf, 0, ADM_KEY_BYTES);
    memcpy(buf, &n, sizeof(n));
    memcpy(buf + 8, &salt, sizeof(salt));

    return buf;
}


static void
begin(void)
{
    dead = 0;
    memset(memory, 0xa5, SIZE);
    adm_keytab_init(memory, SIZE, secret);
    (void) adm_keytab_attach(&table, memory, lives);
}


static adm_key_rc_e
take_of(unsigned key, unsigned print, unsigned fence, uint32_t owner,
    int peek, uint64_t now, adm_key_t *seen, uint32_t *at)
{
    unsigned char  a[16], b[16], c[16];
    adm_key_ask_t  ask;

    ask.hash = id(a, key, 1);
    ask.print = id(b, print, 2);
    ask.fence = id(c, fence, 3);
    ask.owner = owner;
    ask.ttl = TTL;
    ask.peek = peek;

    return adm_keytab_take(&table, &ask, now, seen, at);
}


static adm_key_rc_e
take(unsigned key, unsigned fence, uint64_t now)
{
    uint32_t   at;
    adm_key_t  seen;

    return take_of(key, key, fence, 1, 0, now, &seen, &at);
}


static adm_key_rc_e
peek(unsigned key, uint64_t now)
{
    uint32_t   at;
    adm_key_t  seen;

    return take_of(key, key, 0, 1, 1, now, &seen, &at);
}


/* as the store does it: 1 if the answer was kept */

static int
keep(unsigned key, unsigned fence, const unsigned char *data, size_t len,
    uint64_t now)
{
    int            rc;
    uint32_t       first;
    unsigned char  a[16], b[16];

    id(a, key, 1);
    id(b, fence, 3);

    do {
        rc = adm_keytab_grow(&table, a, b, len, &first);
    } while (rc == 0);

    if (rc == 1) {
        adm_keytab_write(&table, first, data, len);
    }

    adm_keytab_done(&table, a, b, 201, len, rc == 1, now);

    return rc == 1;
}


static void
admit(unsigned key, unsigned fence)
{
    unsigned char  a[16], b[16];

    adm_keytab_admit(&table, id(a, key, 1), id(b, fence, 3));
}


static void
let_go(unsigned key, unsigned fence)
{
    unsigned char  a[16], b[16];

    adm_keytab_free(&table, id(a, key, 1), id(b, fence, 3));
}


static void
lose(unsigned key, unsigned fence, uint64_t now)
{
    unsigned char  a[16], b[16];

    adm_keytab_lose(&table, id(a, key, 1), id(b, fence, 3), now);
}


/* 1 if all of the table's parts agree with each other */

static int
whole(void)
{
    static unsigned char   owned[SIZE / ADM_KEYTAB_CELL];
    uint64_t               i, c, n, used, chained, cells;
    adm_keytab_sh_t       *sh;

    sh = table.sh;
    used = 0;
    chained = 0;
    cells = 0;
    memset(owned, 0, sizeof(owned));

    for (i = 1; i < sh->fresh; i++) {
        used += (table.keys[i].state != ADM_KEY_FREE);
        n = adm_keytab_cells(table.keys[i].len);
        c = table.keys[i].first;

        if (table.keys[i].state == ADM_KEY_FREE && c) {
            return 0;
        }

        for ( /* void */ ; n; n--) {
            if (c == 0 || c >= sh->cell_fresh || owned[c]++) {
                return 0;
            }

            cells++;

            if (n == 1 && c != table.keys[i].last) {
                return 0;
            }

            c = adm_keytab_cell(&table, c)->next;
        }
    }

    for (i = 0; i < sh->nbuckets; i++) {
        for (c = table.buckets[i]; c; c = table.keys[c].next) {
            if (chained++ > sh->nkeys
                || table.keys[c].state == ADM_KEY_FREE
                || adm_keytab_bucket(&table, table.keys[c].hash)
                   != &table.buckets[i])
            {
                return 0;
            }
        }
    }

    n = 0;

    for (c = sh->free; c && n <= sh->nkeys; c = table.keys[c].next) {
        n += (table.keys[c].state == ADM_KEY_FREE);
    }

    if (used != sh->used || chained != used || n + used != sh->fresh - 1) {
        return 0;
    }

    for (c = sh->cell_free, n = 0; c && n <= sh->ncells; n++) {
        if (owned[c]++) {
            return 0;
        }

        c = adm_keytab_cell(&table, c)->next;
    }

    return cells == sh->cells_used && n + cells == sh->cell_fresh - 1;
}


static void
life(void)
{
    uint32_t       at;
    adm_key_t      seen;
    unsigned char  a[16];

    begin();

    is_uint(peek(1, NOW), ADM_KEY_NEW, "a key that nobody has used");
    is_uint(table.sh->used, 0, "... and asking takes nothing");
    is_uint(take(1, 10, NOW), ADM_KEY_NEW, "it is taken");
    is_uint(take(1, 10, NOW), ADM_KEY_NEW, "who has it gets it again");
    is_uint(take(1, 11, NOW), ADM_KEY_RUNNING, "nobody else does");
    is_uint(peek(1, NOW), ADM_KEY_RUNNING, "... nor is told otherwise");
    is_uint(take_of(1, 2, 12, 1, 0, NOW, &seen, &at), ADM_KEY_MISMATCH,
            "another request with this key");

    is_uint(take(1, 11, NOW + 10 * TTL), ADM_KEY_RUNNING,
            "its time does not pass while its owner lives");

    admit(1, 11);
    is_uint(table.keys[1].state, ADM_KEY_ASKED, "only its fence admits it");
    admit(1, 10);
    is_uint(table.keys[1].state, ADM_KEY_ADMITTED, "... and that does");

    ok(!keep(1, 11, answer, 1, NOW), "another fence cannot end it");
    is_uint(take(1, 11, NOW), ADM_KEY_RUNNING, "... so it goes on");

    ok(keep(1, 10, answer, 700, NOW), "its answer is kept");
    is_uint(take_of(1, 1, 11, 1, 0, NOW, &seen, &at), ADM_KEY_DONE,
            "it is done");
    is_uint(seen.status, 201, "... with its status");
    is_uint(seen.len, 700, "... and its length");
    ok(adm_keytab_read(&table, &seen, at, got)
       && memcmp(got, answer, 700) == 0, "... and its bytes");

    let_go(1, 10);
    lose(1, 10, NOW);
    is_uint(take(1, 11, NOW), ADM_KEY_DONE, "what is done stays done");

    is_uint(adm_keytab_forget(&table, id(a, 1, 1), NOW), ADM_KEY_DONE,
            "an operator forgets it");
    ok(!adm_keytab_read(&table, &seen, at, got), "who was reading is told");
    is_uint(take(1, 12, NOW), ADM_KEY_NEW, "it can be used again");
    is_uint(adm_keytab_forget(&table, id(a, 1, 1), NOW), ADM_KEY_RUNNING,
            "but not while it runs");
    let_go(1, 12);
    is_uint(adm_keytab_forget(&table, id(a, 1, 1), NOW), ADM_KEY_NEW,
            "there is nothing to forget");
    ok(whole(), "all agrees");
}


static void
unknown(void)
{
    begin();

    (void) take(1, 10, NOW);
    dead = 1;
    is_uint(peek(1, NOW), ADM_KEY_NEW, "its owner died and had sent nothing");

    dead = 0;
    (void) take(2, 20, NOW);
    admit(2, 20);
    dead = 1;
    is_uint(take(2, 21, NOW), ADM_KEY_UNKNOWN, "its owner died, and had");
    dead = 0;
    is_uint(take(2, 21, NOW + TTL - 1), ADM_KEY_UNKNOWN,
            "that remains so for its time");
    is_uint(take(2, 21, NOW + TTL), ADM_KEY_NEW, "... and no longer");

    (void) take(3, 30, NOW);
    lose(3, 30, NOW);
    is_uint(take(3, 31, NOW), ADM_KEY_UNKNOWN, "its owner does not know");
    ok(!keep(3, 30, answer, 1, NOW), "what comes later changes nothing");
    is_uint(take(3, 31, NOW), ADM_KEY_UNKNOWN, "... of it");
    ok(whole(), "all agrees");
}


static void
lengths(void)
{
    size_t     len;
    uint32_t   at;
    unsigned   i, wrong;
    adm_key_t  seen;
    size_t     all[] = { 0, 1, 247, 248, 249, 31 * 248, 32 * 248 + 1, 65536 };

    begin();
    wrong = 0;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        len = all[i];
        (void) take(i, i, NOW);
        wrong += !keep(i, i, answer + i, len, NOW);
    }

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        len = all[i];
        memset(got, 0, sizeof(got));
        wrong += take_of(i, i, 99, 1, 0, NOW, &seen, &at) != ADM_KEY_DONE
                 || seen.len != len
                 || !adm_keytab_read(&table, &seen, at, got)
                 || memcmp(got, answer + i, len) != 0
                 || got[len] != 0;
    }

    is_uint(wrong, 0, "answers of any length");
    ok(whole(), "all agrees");
}


static void
full(void)
{
    unsigned            i, taken, after;
    adm_keytab_stats_t  stats;

    begin();
    adm_keytab_stats(&table, &stats);

    for (taken = 0; take(taken, taken, NOW) == ADM_KEY_NEW; taken++) {
        /* void */
    }

    is_uint(taken, stats.places, "as many keys as there are places");

    for (i = 0; i < taken; i++) {
        (void) keep(i, i, answer, 0, NOW + i / 300);
    }

    is_uint(take(taken, taken, NOW + TTL - 1), ADM_KEY_FULL,
            "no key goes before its time");
    adm_keytab_stats(&table, &stats);
    is_uint(stats.full, 2, "it is counted");

    /* a look is bounded, so the first may not find a place */

    for (i = 0; i < 10 && take(taken, taken, NOW + TTL) == ADM_KEY_FULL; i++)
    {
        /* void */
    }

    ok(i < 10, "a place whose time is over is found");

    for (after = 0, i = 0; i < taken; i++) {
        after += (peek(i, NOW + TTL) == ADM_KEY_DONE);
    }

    is_uint(after, taken - 300, "... and none that was not over is lost");

    ok(adm_keytab_turn(&table, NOW) && !adm_keytab_turn(&table, NOW)
       && adm_keytab_turn(&table, NOW + 1), "one process sweeps in a second");

    for (i = 0; i < 3 * taken; i += 64) {
        adm_keytab_sweep(&table, NOW + 10 * TTL, 64);
    }

    adm_keytab_stats(&table, &stats);
    is_uint(stats.used, 1, "the sweep frees all but the one that runs");
    ok(whole(), "all agrees");
}


static void
cells(void)
{
    unsigned            i, kept;
    adm_keytab_stats_t  stats;

    begin();

    for (kept = 0; ; kept++) {
        (void) take(kept, kept, NOW);

        if (!keep(kept, kept, answer, 5000, NOW)) {
            break;
        }
    }

    adm_keytab_stats(&table, &stats);
    is_uint(stats.cells_used, kept * adm_keytab_cells(5000),
            "what is not kept takes nothing");
    is_uint(kept, stats.cells / adm_keytab_cells(5000),
            "as many answers as there are cells for");
    is_uint(peek(kept, NOW), ADM_KEY_UNKEPT, "a key is done without");
    is_uint(stats.unkept, 1, "and that is counted");

    for (i = 0; i < kept; i++) {
        (void) peek(i, NOW + TTL);
    }

    (void) take(kept + 1, 1, NOW + TTL);
    ok(keep(kept + 1, 1, answer, 65536, NOW + TTL),
       "cells come back with their keys");
    ok(whole(), "all agrees");
}


static int64_t
pack(size_t size)
{
    int64_t   n, len;
    uint32_t  at;

    at = 1;
    len = 0;

    do {
        n = adm_keytab_pack(&table, &at, 1000, copied + len, size - len);

        if (n == ADM_ERROR) {
            return ADM_ERROR;
        }

        len += n;

    } while (at);

    return len;
}


static void
restored(void)
{
    int64_t    len;
    uint32_t   at;
    unsigned   i, wrong;
    adm_key_t  seen;

    begin();

    for (i = 0; i < 100; i++) {
        (void) take(i, i, NOW);
        (void) keep(i, i, answer + i, i * 13, NOW + i);
    }

    (void) take(100, 100, NOW);
    (void) take(101, 101, NOW);
    admit(101, 101);
    (void) take(102, 102, NOW);
    lose(102, 102, NOW);

    len = pack(sizeof(copied));
    ok(len > 0 && (size_t) len <= adm_keytab_measure(&table),
       "a copy is no longer than was said");
    is_int(pack((size_t) len - 1), ADM_ERROR, "one that does not fit is none");
    len = pack(sizeof(copied));

    memset(other, 0xa5, SIZE);
    adm_keytab_init(other, SIZE / 2, secret);
    (void) adm_keytab_attach(&table, other, lives);

    is_int(adm_keytab_restore(&table, copied, (size_t) len, NOW + TTL + 50),
           ADM_OK, "it fits into a smaller memory");

    wrong = 0;

    for (i = 51; i < 100; i++) {
        wrong += take_of(i, i, 9, 1, 0, NOW + TTL + 50, &seen, &at)
                 != ADM_KEY_DONE
                 || seen.len != i * 13 || seen.status != 201
                 || seen.expires != NOW + TTL + i
                 || !adm_keytab_read(&table, &seen, at, got)
                 || memcmp(got, answer + i, i * 13) != 0;
    }

    is_uint(wrong, 0, "answers are there, and their times as they were");
    is_uint(peek(50, NOW + TTL + 50), ADM_KEY_NEW, "what is over is not");
    is_uint(peek(100, NOW + TTL + 50), ADM_KEY_UNKNOWN,
            "what ran may have been sent");
    is_uint(peek(101, NOW + TTL + 50), ADM_KEY_UNKNOWN, "... or was");
    is_uint(peek(102, NOW + TTL - 1), ADM_KEY_NEW,
            "what was unknown is so for its own time");
    ok(whole(), "all agrees");

    is_int(adm_keytab_restore(&table, copied, 63, NOW), ADM_ERROR,
           "half of a key is no copy");
}


static void
small(void)
{
    int64_t   len;
    unsigned  i;

    begin();

    for (i = 0; i < 400; i++) {
        (void) take(i, i, NOW);
        (void) keep(i, i, answer, 1, NOW);
    }

    len = pack(sizeof(copied));
    adm_keytab_init(other, ADM_KEYTAB_MIN, secret);
    (void) adm_keytab_attach(&table, other, lives);

    is_int(adm_keytab_restore(&table, copied, (size_t) len, NOW), ADM_ERROR,
           "a memory that is too small is no place for keys");
}


/* what a key should be; the fence is the number of the step that took it */

typedef struct {
    adm_key_state_e  state;
    unsigned         fence;
    size_t           len;
    unsigned         salt;         /* of its answer */
    uint64_t         expires;
} model_t;


static model_t  model[MODEL];


static int
agrees(unsigned i, uint64_t now)
{
    uint32_t       at;
    model_t       *m;
    unsigned char  a[16];

    m = &model[i];
    at = adm_keytab_find(&table, id(a, i, 1));

    if (at == 0) {
        return m->state == ADM_KEY_FREE
               || (m->state >= ADM_KEY_LOST && m->expires <= now);
    }

    if (table.keys[at].state != m->state || m->state == ADM_KEY_FREE) {
        return 0;
    }

    return m->state != ADM_KEY_KEPT
           || (table.keys[at].len == m->len
               && adm_keytab_read(&table, &table.keys[at], at, got)
               && memcmp(got, answer + m->salt, m->len) == 0);
}


/* an answer for which there were no cells */

static void
gone(unsigned i)
{
    uint32_t       at;
    unsigned char  a[16];

    at = adm_keytab_find(&table, id(a, i, 1));

    if (at && table.keys[at].state == ADM_KEY_GONE
        && model[i].state == ADM_KEY_KEPT)
    {
        model[i].state = ADM_KEY_GONE;
    }
}


/* one operation, which may not come to its end; "m" becomes what it wants */

static void
step(unsigned i, unsigned n, unsigned what, uint64_t now, model_t *m)
{
    int  over;

    over = (m->state >= ADM_KEY_LOST && m->expires <= now);

    switch (what) {

    case 0:
    case 1:
    case 2:
        if (m->state == ADM_KEY_FREE || over) {
            m->state = ADM_KEY_ASKED;
            m->fence = n;
        }

        (void) take(i, n, now);
        break;

    case 3:
        m->state = (m->state == ADM_KEY_ASKED) ? ADM_KEY_ADMITTED : m->state;
        admit(i, m->fence);
        break;

    case 4:
        m->state = (m->state < ADM_KEY_LOST) ? ADM_KEY_FREE : m->state;
        let_go(i, m->fence);
        break;

    case 5:
        if (m->state == ADM_KEY_ASKED || m->state == ADM_KEY_ADMITTED) {
            m->state = ADM_KEY_LOST;
            m->expires = now + TTL;
        }

        lose(i, m->fence, now);
        break;

    default:
        adm_keytab_sweep(&table, now, 40);
        break;
    }
}


/* keeping an answer is many operations: it is done, or it runs on */

static void
step_keep(unsigned i, unsigned n, uint64_t now, model_t *m)
{
    unsigned  fence;

    fence = m->fence;

    if (m->state == ADM_KEY_ASKED || m->state == ADM_KEY_ADMITTED) {
        m->state = ADM_KEY_KEPT;
        m->salt = n % 1000;
        m->len = (size_t) (n * 7919) % 20000;
        m->expires = now + TTL;
    }

    (void) keep(i, fence, answer + n % 1000, (size_t) (n * 7919) % 20000,
                now);
}


static void
kills(void)
{
    model_t             was;
    uint64_t            now;
    unsigned            i, n, what, wrong, dead_ones;
    volatile unsigned   half;

    begin();
    memset(model, 0, sizeof(model));
    srand(7);

    now = NOW;
    wrong = 0;
    half = 0;
    dead_ones = 0;

    for (n = 1; n <= 60000 && wrong == 0; n++) {
        i = (unsigned) rand() % MODEL;
        what = (unsigned) rand() % 10;
        now += (rand() % 8 == 0);
        was = model[i];
        stores = (uint64_t) rand() % 400;

        if (setjmp(killed) == 0) {

            if (what > 7) {
                step_keep(i, n, now, &model[i]);

            } else {
                step(i, n, what, now, &model[i]);
            }

            stores = 0;

        } else {
            half++;
            (void) adm_keytab_attach(&table, memory, lives);
            adm_keytab_recover(&table);
            gone(i);

            if (!agrees(i, now)) {
                model[i] = was;
                dead_ones++;
            }
        }

        gone(i);
        wrong += !agrees(i, now) || !whole();
    }

    is_uint(wrong, 0, "all agrees, whenever a process is killed");
    ok(half > 5000 && dead_ones > 2000, "and many were, at many places");

    for (i = 0; i < MODEL; i++) {
        wrong += !agrees(i, now);
    }

    is_uint(wrong, 0, "no key was touched by what befell another");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(answer); i++) {
        answer[i] = (unsigned char) (i * 131 + i / 256);
    }

    life();
    unknown();
    lengths();
    full();
    cells();
    restored();
    small();
    kills();

    return unit_done();
}
