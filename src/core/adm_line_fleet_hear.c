
/*
 * What a tick hears: that its message has arrived, and what is known.  See
 * adm_line_fleet_room.h.
 */


#include "adm_line_fleet_room.h"


const size_t  adm_fleet_heard_bytes[] = {
    ADM_FLEET_SECOND, ADM_FLEET_PARTS, 8, 2
};


/* people, whom the store counts the other way round */

static uint64_t
adm_fleet_count(const unsigned char **p, size_t bytes)
{
    uint64_t  value;

    for (value = 0; bytes > 0; bytes--) {
        value = value << 8 | *(*p)++;
    }

    return value;
}


int
adm_fleet_apart(const unsigned char *p, size_t len, uint64_t *word,
    size_t words, uint64_t *n, const unsigned char **part,
    const size_t *bytes, size_t counts)
{
    size_t  i;

    if (len < words * 8 + counts * 4) {
        return 0;
    }

    memcpy(word, p, words * 8);
    p += words * 8;
    len -= words * 8 + counts * 4;

    for (i = 0; i < counts; i++) {
        n[i] = adm_fleet_get(&p, 4);
    }

    for (i = 0; i < counts; i++) {

        if (n[i] > len / bytes[i]) {
            return 0;
        }

        part[i] = p;
        p += n[i] * bytes[i];
        len -= n[i] * bytes[i];
    }

    return len == 0;
}


/* what is forgotten of a message, since the store has it */

static void
adm_fleet_told_passes(const adm_fleet_t *f, const adm_fleet_message_t *m)
{
    uint64_t              i, j, fact, first;
    const unsigned char  *p;

    p = m->part[ADM_FLEET_T_PASSES];

    for (i = 0; i < m->n[ADM_FLEET_T_PASSES]; i++) {
        fact = adm_fleet_get(&p, 4) << 32;
        fact |= adm_fleet_get(&p, 4);
        first = (fact >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 32;

        for (j = 0; j < ADM_FLEET_TRIES; j++) {
            (void) adm_word_cas(&f->room->passes[(first + j)
                                                 % ADM_FLEET_PASSES],
                                fact, 0);
        }
    }
}


static void
adm_fleet_told_events(const adm_fleet_t *f, const adm_fleet_message_t *m)
{
    uint64_t              i, j, fact, first;
    const unsigned char  *p;

    p = m->part[ADM_FLEET_T_EVENTS];

    for (i = 0; i < m->n[ADM_FLEET_T_EVENTS]; i++) {
        fact = adm_fleet_get(&p, 8);
        first = fact * UINT64_C(0x9e3779b97f4a7c15) >> 32;

        for (j = 0; j < ADM_FLEET_TRIES; j++) {
            (void) adm_word_cas(&f->room->tidings[(first + j)
                                                  % ADM_FLEET_EVENTS],
                                fact, 0);
        }
    }
}


static void
adm_fleet_told_claims(const adm_fleet_t *f, const adm_fleet_message_t *m)
{
    uint64_t              i, ticket, pass;
    const unsigned char  *p;

    p = m->part[ADM_FLEET_T_CLAIMS];

    for (i = 0; i < m->n[ADM_FLEET_T_CLAIMS]; i++) {
        ticket = adm_fleet_get(&p, 8);
        pass = adm_fleet_get(&p, 4) << 32;
        pass |= adm_fleet_get(&p, 4);

        adm_fleet_told_claim(f, ticket, pass);
    }
}


static void
adm_fleet_told_tickets(const adm_fleet_t *f, const adm_fleet_message_t *m)
{
    uint64_t              i, ticket;
    const unsigned char  *p;

    p = m->part[ADM_FLEET_T_TICKETS];

    for (i = 0; i < m->n[ADM_FLEET_T_TICKETS]; i++) {
        ticket = m->word[ADM_FLEET_M_LOW] + adm_fleet_get(&p, 4);
        p += 2;

        adm_fleet_told_bits(f, ticket / ADM_BITS_DATA,
                            UINT64_C(1) << ticket % ADM_BITS_DATA);
    }
}


static void
adm_fleet_told_words(const adm_fleet_t *f, const adm_fleet_message_t *m)
{
    uint64_t              i, word;
    const unsigned char  *p;

    p = m->part[ADM_FLEET_T_WORDS];

    for (i = 0; i < m->n[ADM_FLEET_T_WORDS]; i++) {
        word = adm_fleet_get(&p, 4);
        adm_fleet_told_bits(f, word, adm_fleet_turned(adm_fleet_get(&p, 7)));
    }
}


static void
adm_fleet_told(const adm_fleet_t *f, const adm_fleet_message_t *m)
{
    uint64_t              n, from, voids;
    const unsigned char  *p;

    adm_fleet_told_passes(f, m);
    adm_fleet_told_events(f, m);
    adm_fleet_told_claims(f, m);
    adm_fleet_told_tickets(f, m);
    adm_fleet_told_words(f, m);

    voids = m->word[ADM_FLEET_M_VOID];

    if (voids != 0) {
        (void) adm_word_cas(&f->room->voids, voids, 0);
    }

    n = m->n[ADM_FLEET_T_EXCHANGES];
    from = adm_load(&f->room->retell);

    if (n > 0 && from > 0) {
        p = m->part[ADM_FLEET_T_EXCHANGES] + (n - 1) * 11;
        (void) adm_word_cas(&f->room->retell, from,
                            adm_fleet_get(&p, 4) + 2);
    }
}


/*
 * The store began anew, or has lost some of what it was told: all live bits
 * are untold, and who was exchanged is told again.
 */

static void
adm_fleet_again(const adm_fleet_t *f)
{
    uint64_t  i;

    for (i = 0; i < ADM_LINE_DIRTY; i++) {
        adm_line_store(&f->room->told[i], 0);
    }

    for (i = 0; i < ADM_LINE_DIRTY / 64; i++) {
        adm_line_store(&f->room->dirty[i], UINT64_MAX);
    }

    adm_line_store(&f->room->retell, 1);
}


/* how many sums there are of the numbers in [from, to) */

static uint64_t
adm_fleet_buckets(uint64_t from, uint64_t to)
{
    return (from < to) ? (to - 1) / ADM_LINE_NUMBERS - from / ADM_LINE_NUMBERS
                         + 1 : 0;
}


/* 1 if the words of a reply can be those of a line */

static int
adm_fleet_likely(const adm_fleet_t *f, const adm_fleet_reply_t *r)
{
    size_t           i;
    uint64_t         second;
    const uint64_t  *w;

    w = r->word;

    for (i = 0; i < ADM_FLEET_R_WORDS; i++) {

        if (w[i] >= ((i == ADM_FLEET_R_USED) ? ADM_FLEET_LARGEST * 1000
                                             : ADM_FLEET_LARGEST))
        {
            return 0;
        }
    }

    second = w[ADM_FLEET_R_CLOCK] / 1000;

    return w[ADM_FLEET_R_LOW] >= 1
           && w[ADM_FLEET_R_FRONTIER] >= w[ADM_FLEET_R_LOW]
           && w[ADM_FLEET_R_NEXT] >= w[ADM_FLEET_R_FRONTIER]
           && w[ADM_FLEET_R_SERIAL] >= 1
           && w[ADM_FLEET_R_SERIAL] < UINT32_MAX - ADM_FLEET_LOAN
           && w[ADM_FLEET_R_ADMITTED] < w[ADM_FLEET_R_SERIAL]
           && w[ADM_FLEET_R_LENT] < w[ADM_FLEET_R_SERIAL]
           && w[ADM_FLEET_R_SHARE] <= ADM_LINE_SHARE
           && w[ADM_FLEET_R_TRIM] <= 2 * ADM_LINE_TRIM
           && w[ADM_FLEET_R_BACK] <= ADM_LINE_SHARE
           && w[ADM_FLEET_R_FIRST] >= 1
           && w[ADM_FLEET_R_FROM] >= 1
           && w[ADM_FLEET_R_FIRST] + r->n[ADM_FLEET_H_SECONDS] <= second + 1
           && (r->n[ADM_FLEET_H_PARTS] == 0
               || w[ADM_FLEET_R_FROM] + r->n[ADM_FLEET_H_PARTS] <= second)
           && r->n[ADM_FLEET_H_SUMS]
              == adm_fleet_buckets(w[ADM_FLEET_R_SUMS_FROM],
                                   w[ADM_FLEET_R_SUMS_TO])
           && r->n[ADM_FLEET_H_SUMS] < f->line->buckets;
}


/*
 * Takes in the records of seconds; where the store has none, what is known
 * stays, or is as in the second before.  The last one is not over yet.
 */

static void
adm_fleet_hear_seconds(const adm_fleet_t *f, const adm_fleet_reply_t *r)
{
    uint64_t              i, second, seen, found, called, claimed, admitted;
    uint64_t              frontier, next;
    adm_line_room_t      *line;
    const unsigned char  *p;

    line = f->line->room;
    seen = adm_load(&f->room->seen);
    p = r->part[ADM_FLEET_H_SECONDS];
    second = r->word[ADM_FLEET_R_FIRST];

    for (i = 0; i < r->n[ADM_FLEET_H_SECONDS]; i++, second++) {
        found = adm_fleet_get(&p, 4);
        called = adm_fleet_count(&p, 4);
        claimed = adm_fleet_count(&p, 4);
        admitted = adm_fleet_get(&p, 4);
        frontier = adm_fleet_get(&p, 8);
        next = adm_fleet_get(&p, 8);

        if (found != (second & UINT32_MAX)) {

            if (second <= seen) {
                continue;
            }

            called = 0;
            claimed = 0;
            admitted = adm_load(&line->history[(second - 1)
                                               % ADM_LINE_HISTORY]);
            frontier = adm_marks_at(line->called, second - 1);
            next = adm_marks_at(line->joined, second - 1);
        }

        adm_marks_put(line->called, second, frontier);
        adm_marks_put(line->joined, second, next);
        adm_cohorts_set(line->cohorts, second, called, claimed);
        adm_line_store(&line->history[second % ADM_LINE_HISTORY], admitted);
    }
}


/*
 * Learns from the seconds that are over.  One process does so for each; of
 * seconds without parts nothing is learned.
 */

static void
adm_fleet_hear_parts(const adm_fleet_t *f, const adm_fleet_reply_t *r)
{
    unsigned              i;
    uint64_t              last, seen, second;
    const unsigned char  *p;

    last = r->word[ADM_FLEET_R_FIRST] + r->n[ADM_FLEET_H_SECONDS] - 1;
    second = r->word[ADM_FLEET_R_CLOCK] / 1000;
    last = (last < second) ? last : second - 1;
    seen = adm_load(&f->room->seen);

    if (last <= seen || !adm_word_cas(&f->room->seen, seen, last)) {
        return;
    }

    p = r->part[ADM_FLEET_H_PARTS];
    second = r->word[ADM_FLEET_R_FROM];
    last = second + r->n[ADM_FLEET_H_PARTS];

    for ( /* void */ ; second < last; second++) {

        if (second <= seen) {
            p += ADM_FLEET_PARTS;
            continue;
        }

        for (i = 0; i < ADM_STEER_PARTS; i++) {
            adm_line_store(&f->line->room->came[i], adm_fleet_count(&p, 2));
        }

        adm_line_hear_second(f->line, second);
    }
}


static void
adm_fleet_hear_event(const adm_fleet_t *f, uint64_t kind, uint64_t number)
{
    switch (kind) {

    case ADM_FLEET_END:
        (void) adm_wheel_bar(&f->line->wheel, number);
        break;

    case ADM_FLEET_EXTEND:
        (void) adm_bits_swap(&f->line->claimed, number, ADM_LINE_NOT_YET,
                             ADM_LINE_EXTENDED);
        break;

    case ADM_FLEET_LEAVE:
        (void) adm_bits_swap(&f->line->live, number, 1, 0);
        (void) adm_bits_swap(&f->told, number, 1, 0);
        break;
    }
}


/* numbers that are far off would let the rings slide */

static uint64_t
adm_fleet_limit(const adm_fleet_reply_t *r, uint64_t kind)
{
    switch (kind) {

    case ADM_FLEET_END:
        return r->word[ADM_FLEET_R_SERIAL];

    case ADM_FLEET_EXTEND:
        return r->word[ADM_FLEET_R_FRONTIER];

    default:
        return r->word[ADM_FLEET_R_NEXT];
    }
}


static void
adm_fleet_hear_events(const adm_fleet_t *f, const adm_fleet_reply_t *r)
{
    uint64_t              i, event, number;
    const unsigned char  *p;

    p = r->part[ADM_FLEET_H_EVENTS];

    for (i = 0; i < r->n[ADM_FLEET_H_EVENTS]; i++) {
        event = adm_fleet_get(&p, 8);
        number = event & ADM_FLEET_NUMBER;

        if (number < adm_fleet_limit(r, event >> 56)) {
            adm_fleet_hear_event(f, event >> 56, number);
        }
    }

    adm_line_store(&f->room->events, r->word[ADM_FLEET_R_HEARD]
                                     + r->n[ADM_FLEET_H_EVENTS]);
}


/* what is told of the line itself; those that never fall come first */

static void
adm_fleet_hear_line(const adm_fleet_t *f, uint64_t now, const uint64_t *w)
{
    adm_line_room_t  *line;

    line = f->line->room;

    /* before the serial: see adm_line_admitted() */

    adm_line_store(&line->unseated, w[ADM_FLEET_R_SERIAL] - 1
                                    - w[ADM_FLEET_R_ADMITTED]);

    adm_fleet_raise(&line->next, w[ADM_FLEET_R_NEXT]);
    adm_fleet_raise(&line->frontier, w[ADM_FLEET_R_FRONTIER]);
    adm_fleet_raise(&line->low, w[ADM_FLEET_R_LOW]);
    adm_fleet_raise(&line->serial, w[ADM_FLEET_R_SERIAL]);
    adm_fleet_raise(&line->voided, w[ADM_FLEET_R_VOIDED]);
    adm_fleet_raise(&line->clock, w[ADM_FLEET_R_CLOCK]);
    adm_fleet_raise(&line->second, w[ADM_FLEET_R_CLOCK] / 1000);

    adm_line_store(&line->reborn, w[ADM_FLEET_R_REBORN]);
    adm_line_store(&line->skipped, w[ADM_FLEET_R_SKIPPED]);
    adm_line_store(&line->born, w[ADM_FLEET_R_BORN]);
    adm_line_store(&line->claims, w[ADM_FLEET_R_CLAIMS]);
    adm_line_store(&line->moments, w[ADM_FLEET_R_MOMENTS]);
    adm_line_store(&line->lapsed, w[ADM_FLEET_R_LAPSED]);
    adm_line_store(&line->spent, now * 1000000 + w[ADM_FLEET_R_USED]);
    adm_line_store(&line->active, w[ADM_FLEET_R_ACTIVE]);
    adm_line_store(&line->waiting, w[ADM_FLEET_R_WAITING]);
    adm_line_store(&line->busy, w[ADM_FLEET_R_BUSY]);
    adm_line_store(&line->share, w[ADM_FLEET_R_SHARE]);
    adm_line_store(&line->trim, w[ADM_FLEET_R_TRIM]);
    adm_line_store(&line->expected, w[ADM_FLEET_R_EXPECTED]);
    adm_line_store(&line->young, w[ADM_FLEET_R_YOUNG]);
    adm_line_store(&line->back, w[ADM_FLEET_R_BACK]);
    adm_line_store(&line->put_off, w[ADM_FLEET_R_PUT_OFF]);
}


static void
adm_fleet_hear_loan(const adm_fleet_t *f, uint64_t first, uint64_t n)
{
    unsigned  i;
    uint64_t  loan;

    for (i = 0; first != 0 && i < 2; i++) {
        loan = adm_load(&f->room->lent[i]);

        if (!adm_fleet_good(f, loan)
            && adm_word_cas(&f->room->lent[i], loan,
                            first << 32 | (first + n)))
        {
            return;
        }
    }
}


static void
adm_fleet_hear_sums(const adm_fleet_t *f, const adm_fleet_reply_t *r)
{
    uint64_t  summed;

    summed = r->word[ADM_FLEET_R_SUMMED];

    if (summed != adm_load(&f->room->summed)
        && r->word[ADM_FLEET_R_SUMS_TO] != 0)
    {
        adm_line_hear_sums(f->line, r->word[ADM_FLEET_R_SUMS_FROM],
                           r->word[ADM_FLEET_R_SUMS_TO],
                           r->part[ADM_FLEET_H_SUMS]);
        adm_line_hear_rates(f->line, adm_load(&f->line->room->second));
        adm_line_store(&f->room->summed, summed);
    }

    adm_line_store(&f->line->room->before,
                   adm_line_people(f->line,
                                   adm_load(&f->line->room->frontier)));
}


static void
adm_fleet_hear(const adm_fleet_t *f, uint64_t now, const adm_fleet_reply_t *r,
    uint64_t lends)
{
    const uint64_t    *w;
    adm_fleet_room_t  *room;

    w = r->word;
    room = f->room;

    adm_line_store(&room->skew, w[ADM_FLEET_R_NOW] - now);
    adm_line_store(&room->at, w[ADM_FLEET_R_NOW]);
    adm_line_store(&room->called, w[ADM_FLEET_R_CALLED]);

    adm_fleet_hear_seconds(f, r);
    adm_fleet_hear_line(f, now, w);
    adm_fleet_hear_parts(f, r);
    adm_fleet_hear_events(f, r);
    adm_fleet_hear_sums(f, r);
    adm_fleet_hear_loan(f, w[ADM_FLEET_R_LENT], lends);

    adm_line_store(&f->line->room->ticked, now);
    adm_line_store(&room->heard, now);

    if (w[ADM_FLEET_R_FIRST] + r->n[ADM_FLEET_H_SECONDS]
        > w[ADM_FLEET_R_CLOCK] / 1000
        && r->n[ADM_FLEET_H_EVENTS] < ADM_FLEET_TIDINGS)
    {
        adm_line_store(&room->caught, 1);
    }
}


int
adm_fleet_ticked(const adm_fleet_t *f, uint64_t now,
    const unsigned char *message, size_t told, const unsigned char *reply,
    size_t len)
{
    uint64_t             era, turn;
    adm_fleet_reply_t    r;
    adm_fleet_message_t  m;

    if (len > ADM_FLEET_REPLY
        || !adm_fleet_apart(reply, len, r.word, ADM_FLEET_R_WORDS, r.n,
                            r.part, adm_fleet_heard_bytes, ADM_FLEET_H_COUNTS)
        || !adm_fleet_apart(message, told, m.word, ADM_FLEET_M_WORDS, m.n,
                            m.part, adm_fleet_told_bytes, ADM_FLEET_T_COUNTS)
        || !adm_fleet_likely(f, &r))
    {
        return ADM_ERROR;
    }

    era = adm_load(&f->room->era);
    turn = adm_load(&f->room->turn);

    if (r.word[ADM_FLEET_R_TURN] > turn
        && adm_word_cas(&f->room->turn, turn, r.word[ADM_FLEET_R_TURN]))
    {
        if (r.word[ADM_FLEET_R_ERA] != era) {
            adm_fleet_again(f);
            adm_line_store(&f->room->era, r.word[ADM_FLEET_R_ERA]);
        }

        adm_fleet_hear(f, now, &r,
                       m.word[ADM_FLEET_M_FLAGS] >> ADM_FLEET_LENDS);
    }

    /* what a store was told that is lost since is not told yet */

    if (r.word[ADM_FLEET_R_ERA] == adm_load(&f->room->era)) {
        adm_fleet_told(f, &m);
    }

    return ADM_OK;
}
