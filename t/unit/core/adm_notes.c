
/*
 * The story: the answer with the pass is lost on the way, and the browser
 * asks again.  It must get the very same pass, and half a minute later, when
 * the ticket has been passed on to a friend, none.
 */


#include <stdlib.h>

#include "unit.h"
#include "../../../src/core/adm_notes.c"


#define LINES   64


static uint64_t     words[LINES * ADM_NOTES_LINE];
static adm_notes_t  notes = { words, LINES };


static void
one(void)
{
    adm_note_t  n;

    ok(!adm_notes_find(&notes, 77, 5000, &n), "nobody at first");

    adm_notes_put(&notes, 77, 5000, 4242);

    ok(adm_notes_find(&notes, 77, 5000, &n) && n.serial == 4242
       && n.second == 5000, "found at once");
    ok(adm_notes_find(&notes, 77, 5000 + ADM_NOTES_KEEP, &n)
       && n.second == 5000, "found to the last second");
    ok(!adm_notes_find(&notes, 77, 5001 + ADM_NOTES_KEEP, &n), "no longer");
    ok(adm_notes_find(&notes, 77, 4999, &n) && n.serial == 4242
       && n.second == 5000, "found by a process whose clock is behind");
    ok(!adm_notes_find(&notes, 77 + LINES, 5000, &n),
       "another ticket of the same line is another");

    adm_notes_remove(&notes, 77, 4243);
    ok(adm_notes_find(&notes, 77, 5000, &n), "another serial removes nothing");
    adm_notes_remove(&notes, 77, 4242);
    ok(!adm_notes_find(&notes, 77, 5000, &n), "removed");
}


static void
many(void)
{
    uint64_t    t, wrong;
    adm_note_t  n;

    wrong = 0;

    /* as many as there are places, in order, as tickets are claimed */

    for (t = 1000; t < 1000 + LINES * ADM_NOTES_LINE; t++) {
        adm_notes_put(&notes, t, 9000 + (t - 1000) / 20, t * 3);
    }

    for (t = 1000; t < 1000 + LINES * ADM_NOTES_LINE; t++) {
        wrong += !adm_notes_find(&notes, t, 9026, &n) || n.serial != t * 3
                 || n.second != 9000 + (t - 1000) / 20;
    }

    is_uint(wrong, 0, "dense tickets fill it without a loss");

    adm_notes_put(&notes, t, 9026, 1);
    ok(adm_notes_find(&notes, t, 9026, &n), "one more has a place");
    ok(!adm_notes_find(&notes, 1000, 9026, &n), "that of the oldest");
}


int
main(void)
{
    one();
    many();

    return unit_done();
}
