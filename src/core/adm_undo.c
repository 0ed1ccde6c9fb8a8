
/*
 * Steps that are taken back: see the header.
 *
 * A process is killed between two instructions: what is before in its program
 * is in memory, and what is behind is not.  So it is the compiler alone that
 * has to keep the order, and the mutex that shows it to others; stores are
 * atomic, so that none is made of halves.
 */


#include "adm_undo.h"


static void adm_undo_store(uint64_t *word, uint64_t to);


void
adm_undo_attach(adm_undo_t *u, void *base, adm_undo_room_t *room)
{
    u->base = base;
    u->room = room;
    u->full = 0;
}


int
adm_undo_back(adm_undo_t *u)
{
    uint64_t  n;

    u->full = 0;
    n = adm_load(&u->room->noted);

    if (n == 0) {
        return 0;
    }

    while (n--) {
        adm_undo_store((uint64_t *) (void *) (u->base + u->room->note[n].at),
                       u->room->note[n].was);
    }

    adm_undo_store(&u->room->noted, 0);

    return 1;
}


void
adm_undo_set(adm_undo_t *u, uint64_t *word, uint64_t to)
{
    uint64_t  n;

    n = u->room->noted;

    if (u->full || n == ADM_UNDO_WORDS) {
        u->full = 1;
        return;
    }

    adm_undo_store(&u->room->note[n].at,
                   (uint64_t) ((unsigned char *) word - u->base));
    adm_undo_store(&u->room->note[n].was, *word);
    adm_undo_store(&u->room->noted, n + 1);
    adm_undo_store(word, to);
}


void
adm_undo_copy(adm_undo_t *u, void *to, const void *from, size_t len)
{
    size_t    i;
    uint64_t  word;

    for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
        memcpy(&word, (const unsigned char *) from + i, sizeof(word));
        adm_undo_set(u, (uint64_t *) (void *) ((unsigned char *) to + i),
                     word);
    }
}


int
adm_undo_done(adm_undo_t *u)
{
    if (u->full) {
        (void) adm_undo_back(u);
        return ADM_ERROR;
    }

    adm_undo_store(&u->room->noted, 0);

    return ADM_OK;
}


static void
adm_undo_store(uint64_t *word, uint64_t to)
{
    __atomic_store_n(word, to, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    adm_undo_stored();
}
