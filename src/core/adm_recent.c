
/*
 * Who was told to come back: see the header.
 *
 * A word is the upper 40 bits of a tag, and the second in which its time
 * comes, modulo 2^24, half a year; 0 is nobody.  The line is told by the
 * lower bits of the tag.
 */


#include "adm_recent.h"


#define ADM_RECENT_TIME    UINT64_C(0xffffff)


/* the finalizer of MurmurHash3, public domain: every bit into all */

static uint64_t
adm_recent_mix(uint64_t x)
{
    x = (x ^ (x >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ (x >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);

    return x ^ (x >> 33);
}


uint64_t
adm_recent_tag(uint64_t tag, adm_str_t piece)
{
    size_t    n, len;
    uint64_t  word;

    len = piece.len;

    while (piece.len > 0) {
        n = (piece.len < 8) ? piece.len : 8;
        word = 0;

        memcpy(&word, piece.data, n);

        tag = (tag ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        tag ^= tag >> 32;

        piece.data += n;
        piece.len -= n;
    }

    return adm_recent_mix(tag + len);
}


/* seconds that are left of a word's time, 0 if none */

static uint64_t
adm_recent_word_left(uint64_t word, uint64_t now)
{
    uint64_t  left;

    left = (word - now) & ADM_RECENT_TIME;

    return (word == 0 || left > ADM_RECENT_MAX) ? 0 : left;
}


static uint64_t *
adm_recent_line(const adm_recent_t *r, uint64_t tag)
{
    return &r->words[(tag & ADM_RECENT_TIME) % r->lines * ADM_RECENT_LINE];
}


void
adm_recent_note(const adm_recent_t *r, uint64_t tag, uint64_t now,
    uint64_t wait)
{
    uint64_t   word, left, least, *line, *place;
    unsigned   i;

    line = adm_recent_line(r, tag);
    place = line;
    least = ADM_RECENT_MAX + 1;

    for (i = 0; i < ADM_RECENT_LINE; i++) {
        word = adm_load(&line[i]);

        if (((word ^ tag) & ~ADM_RECENT_TIME) == 0) {
            place = &line[i];
            break;
        }

        left = adm_recent_word_left(word, now);

        if (left < least) {
            least = left;
            place = &line[i];
        }
    }

    wait = (wait > ADM_RECENT_MAX) ? ADM_RECENT_MAX : wait;

    __atomic_store_n(place, (tag & ~ADM_RECENT_TIME)
                            | ((now + wait) & ADM_RECENT_TIME),
                     __ATOMIC_RELEASE);
}


uint64_t
adm_recent_left(const adm_recent_t *r, uint64_t tag, uint64_t now)
{
    uint64_t   word, *line;
    unsigned   i;

    line = adm_recent_line(r, tag);

    for (i = 0; i < ADM_RECENT_LINE; i++) {
        word = adm_load(&line[i]);

        if (((word ^ tag) & ~ADM_RECENT_TIME) == 0) {
            return adm_recent_word_left(word, now);
        }
    }

    return 0;
}
