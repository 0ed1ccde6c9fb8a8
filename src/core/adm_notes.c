
/*
 * Notes of tickets exchanged: see the header.
 */


#include "adm_notes.h"


#define ADM_NOTES_SERIAL   UINT64_C(0xffffffff)
#define ADM_NOTES_SECOND   UINT64_C(0xfff)
#define ADM_NOTES_TAG      UINT64_C(0xfffff)


/* the seconds by which one process's clock may be behind another's */
#define ADM_NOTES_BEHIND   8


static uint64_t
adm_notes_age(uint64_t word, uint64_t now)
{
    uint64_t  age;

    age = (now - (word >> 32)) & ADM_NOTES_SECOND;

    return (age > ADM_NOTES_SECOND - ADM_NOTES_BEHIND) ? 0 : age;
}


/* the second in which a note was made, by the clock that made it */

static uint64_t
adm_notes_second(uint64_t word, uint64_t now)
{
    uint64_t  age;

    age = (now - (word >> 32)) & ADM_NOTES_SECOND;

    return (age > ADM_NOTES_SECOND - ADM_NOTES_BEHIND)
           ? now + ADM_NOTES_SECOND + 1 - age : now - age;
}


static uint64_t *
adm_notes_line(const adm_notes_t *t, uint64_t ticket)
{
    return &t->words[ticket % t->lines * ADM_NOTES_LINE];
}


static uint64_t
adm_notes_tag(const adm_notes_t *t, uint64_t ticket)
{
    return (ticket / t->lines & ADM_NOTES_TAG) << 44;
}


int
adm_notes_find(const adm_notes_t *t, uint64_t ticket, uint64_t now,
    adm_note_t *note)
{
    uint64_t   word, tag, *line;
    unsigned   i;

    line = adm_notes_line(t, ticket);
    tag = adm_notes_tag(t, ticket);

    for (i = 0; i < ADM_NOTES_LINE; i++) {
        word = adm_load(&line[i]);

        if (word != 0 && ((word ^ tag) >> 44) == 0
            && adm_notes_age(word, now) <= ADM_NOTES_KEEP)
        {
            note->serial = word & ADM_NOTES_SERIAL;
            note->second = adm_notes_second(word, now);
            return 1;
        }
    }

    return 0;
}


void
adm_notes_put(const adm_notes_t *t, uint64_t ticket, uint64_t now,
    uint64_t serial)
{
    uint64_t   word, seen, age, oldest, *line, *place;
    unsigned   i;

    line = adm_notes_line(t, ticket);

    do {
        place = line;
        seen = adm_load(line);
        oldest = 0;

        for (i = 0; i < ADM_NOTES_LINE; i++) {
            word = adm_load(&line[i]);
            age = (word == 0) ? ADM_NOTES_SECOND + 1
                              : adm_notes_age(word, now);

            if (age > oldest) {
                oldest = age;
                place = &line[i];
                seen = word;
            }
        }

        /* oldest 0: all are of this second, and the first of them goes */

        word = adm_notes_tag(t, ticket) | (now & ADM_NOTES_SECOND) << 32
               | (serial & ADM_NOTES_SERIAL);

    } while (!adm_word_cas(place, seen, word));
}


void
adm_notes_remove(const adm_notes_t *t, uint64_t ticket, uint64_t serial)
{
    uint64_t   word, tag, *line;
    unsigned   i;

    line = adm_notes_line(t, ticket);
    tag = adm_notes_tag(t, ticket);

    for (i = 0; i < ADM_NOTES_LINE; i++) {
        word = adm_load(&line[i]);

        if (word != 0 && ((word ^ tag) >> 44) == 0
            && (word & ADM_NOTES_SERIAL) == serial)
        {
            (void) adm_word_cas(&line[i], word, 0);
        }
    }
}
