
/*
 * The story: a worker is killed while it sells the last unit, between two
 * instructions, and the next one finds the mutex free and the books half
 * written.  So a process is killed here behind every single store, also while
 * it takes back what another one has left, and the books are always those of
 * before, or those of after.
 */


#include <setjmp.h>
#include <stdlib.h>

#include "unit.h"

static void stored(void);

#define adm_undo_stored()  stored()

#include "../../../src/core/adm_undo.c"


#define WORDS   16


typedef struct {
    uint64_t         word[WORDS];
    adm_undo_room_t  room;
} memory_t;


static memory_t    memory, before, after;
static adm_undo_t  undo;
static jmp_buf     death;
static int         lives;             /* stores until it is killed; -1: none */


static void
stored(void)
{
    if (lives > 0 && --lives == 0) {
        lives = -1;
        longjmp(death, 1);
    }
}


static void
operate(unsigned seed)
{
    unsigned  i;
    uint64_t  some[3];

    srand(seed);

    for (i = 0; i < 6; i++) {
        adm_undo_set(&undo, &memory.word[rand() % WORDS], (uint64_t) rand());
    }

    adm_undo_add(&undo, &memory.word[3], 1);
    some[0] = some[1] = some[2] = seed;
    adm_undo_copy(&undo, &memory.word[5], some, sizeof(some));

    (void) adm_undo_done(&undo);
}


/* the store at which it is killed, 0 if it is not */

static int
killed(int at, int (*what)(adm_undo_t *), unsigned seed)
{
    lives = at;

    if (setjmp(death)) {
        return at;
    }

    if (what) {
        (void) what(&undo);

    } else {
        operate(seed);
    }

    lives = -1;

    return 0;
}


/* 0 if the words are neither those of before, nor those of after */

static int
whole(void)
{
    return memory.room.noted == 0
           && (memcmp(memory.word, before.word, sizeof(memory.word)) == 0
               || memcmp(memory.word, after.word, sizeof(memory.word)) == 0);
}


static void
everywhere(void)
{
    int       at, again, wrong, deaths;
    memory_t  dead;

    wrong = 0;
    deaths = 0;

    for (at = 1; /* void */ ; at++) {
        memory = before;

        if (!killed(at, NULL, 42)) {
            break;
        }

        deaths++;
        dead = memory;

        for (again = 1; killed(again, adm_undo_back, 0); again++) {
            deaths++;
            (void) adm_undo_back(&undo);
            wrong += !whole();
            memory = dead;
        }

        wrong += !whole();
    }

    is_int(wrong, 0, "killed behind every store: before, or after");
    ok(deaths > 200, "and that was often enough");
}


static void
order(void)
{
    memset(&memory, 0, sizeof(memory));

    ok(!adm_undo_back(&undo), "nothing to take back at first");

    adm_undo_set(&undo, &memory.word[1], 1);
    adm_undo_set(&undo, &memory.word[1], 2);
    adm_undo_add(&undo, &memory.word[1], 3);
    is_uint(memory.word[1], 5, "words change at once");

    ok(adm_undo_back(&undo), "taken back");
    is_uint(memory.word[1], 0, "to what it was first");

    adm_undo_set(&undo, &memory.word[1], 7);
    is_int(adm_undo_done(&undo), ADM_OK, "done");
    ok(!adm_undo_back(&undo) && memory.word[1] == 7, "and it stays");
}


static void
elsewhere(void)
{
    adm_undo_t  other;
    memory_t   *copy;

    adm_undo_set(&undo, &memory.word[2], 9);

    copy = malloc(sizeof(memory_t));
    *copy = memory;
    adm_undo_attach(&other, copy, &copy->room);

    ok(adm_undo_back(&other) && copy->word[2] == memory.word[2] - 9,
       "taken back by who has the memory at another address");

    free(copy);
    (void) adm_undo_back(&undo);
}


static void
full(void)
{
    unsigned  i;

    before = memory;

    for (i = 0; i < ADM_UNDO_WORDS; i++) {
        adm_undo_set(&undo, &memory.word[i % WORDS], i + 1000);
    }

    is_int(adm_undo_done(&undo), ADM_OK, "as many words as there are notes");

    memory = before;

    for (i = 0; i <= ADM_UNDO_WORDS; i++) {
        adm_undo_set(&undo, &memory.word[i % WORDS], i + 1000);
    }

    is_int(adm_undo_done(&undo), ADM_ERROR, "one more, and it is not done");
    ok(memcmp(memory.word, before.word, sizeof(memory.word)) == 0,
       "not even in part");

    adm_undo_set(&undo, &memory.word[0], 77);
    ok(adm_undo_done(&undo) == ADM_OK && memory.word[0] == 77,
       "the next operation is not concerned");
}


int
main(void)
{
    unsigned  i;

    lives = -1;
    adm_undo_attach(&undo, &memory, &memory.room);

    order();
    elsewhere();

    for (i = 0; i < WORDS; i++) {
        memory.word[i] = i * 1000;
    }

    before = memory;
    operate(42);
    after = memory;

    everywhere();
    full();

    return unit_done();
}
