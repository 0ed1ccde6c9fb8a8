
/*
 * What a tick tells: see adm_line_fleet_room.h.
 */


#include "adm_line_fleet_room.h"


/* of these a message tells at most so many: 16,184 bytes with its head */

#define ADM_FLEET_TELL_PASSES     384
#define ADM_FLEET_TELL_EVENTS     128
#define ADM_FLEET_TELL_CLAIMS     128
#define ADM_FLEET_TELL_TICKETS    900
#define ADM_FLEET_TELL_WORDS      300
#define ADM_FLEET_TELL_EXCHANGES  100


/* tickets of a word that are told as a word */

#define ADM_FLEET_WHOLE      5


/* a second that is not known, of a ticket that is told */

#define ADM_FLEET_NO_AGE     65535


const size_t  adm_fleet_told_bytes[] = { 8, 8, 16, 6, 11, 11 };


uint64_t
adm_fleet_fresh(const adm_fleet_t *f, uint64_t word)
{
    uint64_t  number;

    number = word * ADM_BITS_DATA;

    return adm_bits_word(&f->line->live, number)
           & ~adm_bits_word(&f->told, number);
}


void
adm_fleet_told_bits(const adm_fleet_t *f, uint64_t word, uint64_t bits)
{
    uint64_t  at;

    at = word % ADM_LINE_DIRTY;

    adm_bits_set(&f->told, word * ADM_BITS_DATA, bits);

    (void) __atomic_fetch_and(&f->room->dirty[at / 64],
                              ~(UINT64_C(1) << at % 64), __ATOMIC_SEQ_CST);

    if (adm_fleet_fresh(f, word) != 0) {
        adm_line_mark(f->line, word * ADM_BITS_DATA);
    }
}


static uint64_t
adm_fleet_tell_passes(const adm_fleet_t *f, unsigned char **p)
{
    uint64_t  i, n, word;

    n = 0;

    for (i = 0; i < ADM_FLEET_PASSES && n < ADM_FLEET_TELL_PASSES; i++) {
        word = adm_load(&f->room->passes[i]);

        if (word != 0) {
            adm_fleet_put(p, word >> 32, 4);
            adm_fleet_put(p, word, 4);
            n++;
        }
    }

    return n;
}


static uint64_t
adm_fleet_tell_events(const adm_fleet_t *f, unsigned char **p)
{
    uint64_t  i, n, word;

    n = 0;

    for (i = 0; i < ADM_FLEET_EVENTS && n < ADM_FLEET_TELL_EVENTS; i++) {
        word = adm_load(&f->room->tidings[i]);

        if (word != 0) {
            adm_fleet_put(p, word, 8);
            n++;
        }
    }

    return n;
}


static uint64_t
adm_fleet_tell_claims(const adm_fleet_t *f, unsigned char **p)
{
    uint64_t     i, n, ticket, word;
    adm_slot_t  *slot;

    n = 0;

    for (i = 0; i < ADM_FLEET_CLAIMS && n < ADM_FLEET_TELL_CLAIMS; i++) {
        slot = &f->room->claims[i];
        ticket = adm_load(&slot->tag);
        word = adm_load(&slot->word);

        if (ticket != 0 && ticket == adm_load(&slot->tag)) {
            adm_fleet_put(p, ticket, 8);
            adm_fleet_put(p, word >> 32, 4);
            adm_fleet_put(p, word, 4);
            n++;
        }
    }

    return n;
}


/*
 * The next word from the "i"-th on that is marked, "end" if none is; words are
 * counted from the line's beginning.
 */

static uint64_t
adm_fleet_marked(const adm_fleet_t *f, uint64_t i, uint64_t end)
{
    uint64_t  at, marks;

    while (i < end) {
        at = i % ADM_LINE_DIRTY;
        marks = adm_load(&f->room->dirty[at / 64]) >> at % 64;

        if (marks != 0) {
            i += (unsigned) __builtin_ctzll(marks);
            break;
        }

        i += 64 - at % 64;
    }

    return (i < end) ? i : end;
}


/* the words that may be marked: what was not given yet comes into the last */

static uint64_t
adm_fleet_first(const adm_fleet_t *f)
{
    return adm_load(&f->line->room->low) / ADM_BITS_DATA;
}


static uint64_t
adm_fleet_last(const adm_fleet_t *f)
{
    uint64_t  first, last;

    first = adm_fleet_first(f);
    last = (adm_load(&f->line->room->next) + ADM_LINE_UNHEARD)
           / ADM_BITS_DATA + 1;

    return (last - first < ADM_LINE_DIRTY) ? last : first + ADM_LINE_DIRTY;
}


/*
 * 1 if the store is to hear of a whole word, 0 if of its tickets: those that
 * the frontier has passed are told with the second in which they were called.
 */

static int
adm_fleet_whole(const adm_fleet_t *f, uint64_t word, uint64_t fresh)
{
    unsigned  n;

    if (word * ADM_BITS_DATA < adm_load(&f->line->room->frontier)
        && adm_load(&f->room->retell) == 0)
    {
        return 0;
    }

    for (n = 0; fresh != 0; n++) {
        fresh &= fresh - 1;
    }

    return n >= ADM_FLEET_WHOLE;
}


static void
adm_fleet_tell_ticket(const adm_fleet_t *f, unsigned char **p, uint64_t low,
    uint64_t second, uint64_t ticket)
{
    uint64_t  called, age;

    age = ADM_FLEET_NO_AGE;

    if (ticket < adm_load(&f->line->room->frontier)) {
        called = adm_line_called(f->line, ticket);
        age = (called < second) ? second - called : 0;
    }

    adm_fleet_put(p, ticket - low, 4);
    adm_fleet_put(p, (age < ADM_FLEET_NO_AGE) ? age : ADM_FLEET_NO_AGE, 2);
}


/*
 * Marks some words in turn, for a process that was killed when it had set a
 * bit and not marked it yet.
 */

static void
adm_fleet_scrub(const adm_fleet_t *f)
{
    uint64_t  i;

    i = __atomic_fetch_add(&f->room->scrub, 1, __ATOMIC_RELAXED);

    adm_line_store(&f->room->dirty[i % (ADM_LINE_DIRTY / 64)], UINT64_MAX);
}


static uint64_t
adm_fleet_tell_tickets(const adm_fleet_t *f, unsigned char **p, uint64_t low,
    uint64_t second)
{
    uint64_t  i, n, end, fresh, ticket;

    n = 0;
    end = adm_fleet_last(f);

    for (i = adm_fleet_marked(f, low / ADM_BITS_DATA, end);
         i < end;
         i = adm_fleet_marked(f, i + 1, end))
    {
        fresh = adm_fleet_fresh(f, i);

        if (fresh == 0) {
            adm_fleet_told_bits(f, i, 0);
            continue;
        }

        if (adm_fleet_whole(f, i, fresh)) {
            continue;
        }

        for ( /* void */ ; fresh != 0; fresh &= fresh - 1) {
            ticket = i * ADM_BITS_DATA + (unsigned) __builtin_ctzll(fresh);

            if (ticket < low) {
                continue;
            }

            if (n == ADM_FLEET_TELL_TICKETS) {
                return n;
            }

            adm_fleet_tell_ticket(f, p, low, second, ticket);
            n++;
        }
    }

    return n;
}


static uint64_t
adm_fleet_tell_words(const adm_fleet_t *f, unsigned char **p, uint64_t low)
{
    uint64_t  i, n, end, fresh;

    n = 0;
    end = adm_fleet_last(f);

    for (i = adm_fleet_marked(f, low / ADM_BITS_DATA, end);
         i < end && n < ADM_FLEET_TELL_WORDS;
         i = adm_fleet_marked(f, i + 1, end))
    {
        fresh = adm_fleet_fresh(f, i);

        if (adm_fleet_whole(f, i, fresh)) {
            adm_fleet_put(p, i, 4);
            adm_fleet_put(p, adm_fleet_turned(fresh), 7);
            n++;
        }
    }

    return n;
}


/* the claimed values of a word, as bits of who came and who was exchanged */

static uint64_t
adm_fleet_exchanged(const adm_fleet_t *f, uint64_t word)
{
    uint64_t  i, bits, number;

    bits = 0;
    number = word * ADM_BITS_DATA / ADM_LINE_WIDTH;

    if (adm_bits_word(&f->line->claimed, number) == 0) {
        return 0;
    }

    for (i = 0; i < ADM_BITS_DATA / ADM_LINE_WIDTH; i++) {

        if (adm_bits_get(&f->line->claimed, number + i) == ADM_LINE_CLAIMED) {
            bits |= UINT64_C(3) << 2 * i;
        }
    }

    return bits;
}


/* "retell" is 0 when there is nothing to tell again, else a word + 1 */

static uint64_t
adm_fleet_tell_exchanges(const adm_fleet_t *f, unsigned char **p)
{
    uint64_t  i, n, end, from, bits;

    from = adm_load(&f->room->retell);

    if (from == 0) {
        return 0;
    }

    n = 0;
    i = adm_load(&f->line->room->low) * ADM_LINE_WIDTH / ADM_BITS_DATA;
    i = (i > from - 1) ? i : from - 1;
    end = adm_load(&f->line->room->frontier) * ADM_LINE_WIDTH / ADM_BITS_DATA
          + 1;
    end = (end < i + f->line->claimed.n) ? end : i + f->line->claimed.n;

    for ( /* void */ ; i < end && n < ADM_FLEET_TELL_EXCHANGES; i++) {
        bits = adm_fleet_exchanged(f, i);

        if (bits != 0) {
            adm_fleet_put(p, i, 4);
            adm_fleet_put(p, adm_fleet_turned(bits), 7);
            n++;
        }
    }

    if (n == 0) {
        (void) adm_word_cas(&f->room->retell, from, 0);
    }

    return n;
}


static uint64_t
adm_fleet_flags(const adm_fleet_t *f, uint64_t now)
{
    uint64_t  flags, loan, nodes;

    flags = (adm_load(&f->line->room->paused) || adm_line_rests(f->line->room))
            ? ADM_FLEET_HALT : 0;

    if (!adm_fleet_good(f, adm_load(&f->room->lent[0]))
        || !adm_fleet_good(f, adm_load(&f->room->lent[1])))
    {
        nodes = adm_load(&f->room->nodes);
        loan = ADM_FLEET_LOANS / 2 / (nodes ? nodes : 1);
        loan = (loan < ADM_FLEET_LOAN) ? loan : ADM_FLEET_LOAN;
        flags |= ADM_FLEET_LEND | (loan ? loan : 1) << ADM_FLEET_LENDS;
    }

    return flags | (adm_fleet_follows(f, now) ? ADM_FLEET_PROPOSED : 0);
}


/* what a node knows, lest the store has lost it */

static void
adm_fleet_known(const adm_fleet_t *f, uint64_t *word)
{
    adm_line_room_t   *line;
    adm_fleet_room_t  *room;

    line = f->line->room;
    room = f->room;

    word[ADM_FLEET_M_TURN] = adm_load(&room->turn);
    word[ADM_FLEET_M_NEXT] = adm_load(&line->next);
    word[ADM_FLEET_M_FRONTIER] = adm_load(&line->frontier);
    word[ADM_FLEET_M_LOW] = adm_load(&line->low);
    word[ADM_FLEET_M_SERIAL] = adm_load(&line->serial);
    word[ADM_FLEET_M_CLOCK] = adm_load(&line->clock);
    word[ADM_FLEET_M_BORN] = adm_load(&room->heard) ? adm_load(&line->born)
                                                    : 0;
    word[ADM_FLEET_M_VOIDED] = adm_load(&line->voided);
    word[ADM_FLEET_M_ADMITTED] = adm_line_admitted(line);
    word[ADM_FLEET_M_CLAIMS] = adm_load(&line->claims);
    word[ADM_FLEET_M_MOMENTS] = adm_load(&line->moments);
    word[ADM_FLEET_M_LAPSED] = adm_load(&line->lapsed);
    word[ADM_FLEET_M_SEEN] = adm_load(&room->seen);
    word[ADM_FLEET_M_HEARD] = adm_load(&room->events);
    word[ADM_FLEET_M_AT] = adm_load(&room->at);
    word[ADM_FLEET_M_CALLED] = adm_load(&room->called);
    word[ADM_FLEET_M_TRIM] = adm_load(&line->trim);
    word[ADM_FLEET_M_SHARE] = adm_load(&line->share);
    word[ADM_FLEET_M_SUMMED] = adm_load(&room->summed);
    word[ADM_FLEET_M_SKIPPED] = adm_load(&line->skipped);
}


static void
adm_fleet_propose(const adm_fleet_t *f, uint64_t now, uint64_t *word)
{
    adm_line_proposal_t  p;

    if ((word[ADM_FLEET_M_FLAGS] & ADM_FLEET_PROPOSED) == 0) {
        return;
    }

    adm_line_propose(f->line, now, &p);

    word[ADM_FLEET_M_CALLS] = p.calls;
    word[ADM_FLEET_M_MOST] = p.most;
    word[ADM_FLEET_M_SHARE] = p.share;
    word[ADM_FLEET_M_EXPECTED] = p.expected;
    word[ADM_FLEET_M_DRIFT] = (uint64_t) p.drift;
    word[ADM_FLEET_M_LOW] = p.low;
}


static void
adm_fleet_head(const adm_fleet_t *f, uint64_t now, uint64_t *word)
{
    memset(word, 0, ADM_FLEET_M_WORDS * sizeof(uint64_t));

    word[ADM_FLEET_M_FLAGS] = adm_fleet_flags(f, now);
    word[ADM_FLEET_M_INTERVAL] = adm_load(&f->line->room->interval);
    word[ADM_FLEET_M_CLAIM] = adm_load(&f->line->room->claim);
    word[ADM_FLEET_M_VOID] = adm_load(&f->room->voids);

    adm_fleet_known(f, word);
    adm_fleet_propose(f, now, word);
}


size_t
adm_fleet_tick(const adm_fleet_t *f, uint64_t now, uint64_t nodes,
    unsigned char *buf)
{
    size_t          i;
    uint64_t        low, second, word[ADM_FLEET_M_WORDS];
    uint64_t        n[ADM_FLEET_T_COUNTS];
    unsigned char  *p, *counts;

    adm_line_store(&f->room->nodes, nodes ? nodes : 1);

    adm_fleet_scrub(f);
    adm_fleet_head(f, now, word);
    memcpy(buf, word, sizeof(word));

    counts = buf + sizeof(word);
    p = buf + ADM_FLEET_M_HEAD;
    low = word[ADM_FLEET_M_LOW];
    second = word[ADM_FLEET_M_CLOCK] / 1000;

    n[ADM_FLEET_T_PASSES] = adm_fleet_tell_passes(f, &p);
    n[ADM_FLEET_T_EVENTS] = adm_fleet_tell_events(f, &p);
    n[ADM_FLEET_T_CLAIMS] = adm_fleet_tell_claims(f, &p);
    n[ADM_FLEET_T_TICKETS] = adm_fleet_tell_tickets(f, &p, low, second);
    n[ADM_FLEET_T_WORDS] = adm_fleet_tell_words(f, &p, low);
    n[ADM_FLEET_T_EXCHANGES] = adm_fleet_tell_exchanges(f, &p);

    for (i = 0; i < ADM_FLEET_T_COUNTS; i++) {
        adm_fleet_put(&counts, n[i], 4);
    }

    return (size_t) (p - buf);
}
