
/*
 * A circuit breaker: see the header.
 *
 * Most words are 15 bits of a term, 7 of a note, and 42 of a moment or of a
 * count.  A term is what lies between two changes of the state: what belongs
 * to another one is read as if it were not there, so a change is one swap,
 * and nobody has to clear what was before.  The note of a state is how many
 * times in a row it was opened, and which state it is; the note of a pass,
 * ADM_CIRCUIT_FREE, or that and one more than the number of its permit.
 *
 * A part of the window has a term and a part of time in its upper 24 bits,
 * then failures, then all that was said, 20 bits each.  A process that is
 * late by a whole window may make the others forget a part.
 */


#include "adm_atomic.h"
#include "adm_circuit.h"


#define ADM_CIRCUIT_TERM    UINT64_C(0x7fff)
#define ADM_CIRCUIT_TIME    ((UINT64_C(1) << 42) - 1)
#define ADM_CIRCUIT_COUNT   UINT64_C(0xfffff)
#define ADM_CIRCUIT_FAILURE (UINT64_C(1) << 20)
#define ADM_CIRCUIT_TIMES   31

#define ADM_CIRCUIT_FREE    1

/* ms after which a permit lapses, if the first open time is shorter */

#define ADM_CIRCUIT_LAPSE   1000

/* ms after which it makes sense to come back, while trials go on */

#define ADM_CIRCUIT_SOON    1000


#define adm_circuit_term(word)    ((word) >> 49)
#define adm_circuit_note(word)    ((word) >> 42 & 0x7f)
#define adm_circuit_time(word)    ((word) & ADM_CIRCUIT_TIME)
#define adm_circuit_now(word)                                                 \
    ((adm_circuit_state_e) (adm_circuit_note(word) & 3))
#define adm_circuit_times(word)   (adm_circuit_note(word) >> 2)


static uint64_t
adm_circuit_word(uint64_t term, uint64_t note, uint64_t time)
{
    return (term & ADM_CIRCUIT_TERM) << 49 | note << 42
           | (time & ADM_CIRCUIT_TIME);
}


/* the word of a state that follows another one */

static uint64_t
adm_circuit_next(uint64_t word, adm_circuit_state_e state, uint64_t times,
    uint64_t time)
{
    return adm_circuit_word(adm_circuit_term(word) + 1, times << 2 | state,
                            time);
}


/* one more of this term: how many it is then */

static uint64_t
adm_circuit_add(uint64_t *count, uint64_t term)
{
    uint64_t  seen, next;

    do {
        seen = adm_load(count);
        next = (adm_circuit_term(seen) == term)
               ? seen + 1 : adm_circuit_word(term, 0, 1);

    } while (!adm_word_cas(count, seen, next));

    return adm_circuit_time(next);
}


static uint64_t
adm_circuit_counted(const uint64_t *count, uint64_t term)
{
    uint64_t  seen;

    seen = adm_load(count);

    return (adm_circuit_term(seen) == term) ? adm_circuit_time(seen) : 0;
}


static uint64_t
adm_circuit_part(const adm_circuit_conf_t *conf, uint64_t now)
{
    return (conf->window > ADM_CIRCUIT_PARTS)
           ? now / (conf->window / ADM_CIRCUIT_PARTS) : now;
}


#define adm_circuit_tag(term, part)                                           \
    (((term) & 0xff) << 56 | ((part) & 0xffff) << 40)


static void
adm_circuit_count(adm_circuit_t *c, uint64_t term, uint64_t part, int failed)
{
    uint64_t   tag, seen, next, *word;

    word = &c->parts[part % ADM_CIRCUIT_PARTS];
    tag = adm_circuit_tag(term, part);

    do {
        seen = adm_load(word);
        next = (((seen ^ tag) >> 40) == 0) ? seen : tag;

        if ((next & ADM_CIRCUIT_COUNT) == ADM_CIRCUIT_COUNT) {
            return;
        }

        next += failed ? ADM_CIRCUIT_FAILURE + 1 : 1;

    } while (!adm_word_cas(word, seen, next));
}


/* all that was said within the window, and in *failed the failures of it */

static uint64_t
adm_circuit_sum(const adm_circuit_t *c, uint64_t term, uint64_t part,
    uint64_t *failed)
{
    uint64_t  sum, word;
    unsigned  i;

    sum = 0;
    *failed = 0;

    for (i = 0; i < ADM_CIRCUIT_PARTS; i++, part--) {
        word = adm_load(&c->parts[part % ADM_CIRCUIT_PARTS]);

        if (((word ^ adm_circuit_tag(term, part)) >> 40) == 0) {
            sum += word & ADM_CIRCUIT_COUNT;
            *failed += word >> 20 & ADM_CIRCUIT_COUNT;
        }
    }

    return sum;
}


static uint64_t
adm_circuit_most(const adm_circuit_conf_t *conf)
{
    return (conf->max_open > conf->open) ? conf->max_open : conf->open;
}


/* ms that it stays open when it opens for so many times in a row */

static uint64_t
adm_circuit_open(const adm_circuit_conf_t *conf, uint64_t times)
{
    uint64_t  time, most;

    time = conf->open;
    most = adm_circuit_most(conf);

    while (times-- > 1 && time < most) {
        time *= 2;
    }

    return (time < most) ? time : most;
}


/*
 * How many times in a row it counts as opened, after it was closed for a
 * while: once less for as long as it had been open, or a window.
 */

static uint64_t
adm_circuit_fallen(const adm_circuit_conf_t *conf, uint64_t word,
    uint64_t now)
{
    uint64_t  times, closed, time;

    times = adm_circuit_times(word);
    closed = adm_circuit_time(word);
    closed = (now > closed) ? now - closed : 0;

    while (times > 0) {
        time = adm_circuit_open(conf, times);
        time = (time > conf->window) ? time : conf->window;

        if (closed < time) {
            break;
        }

        closed -= time;
        times--;
    }

    return times;
}


/* opens it, for the so many-th time in a row, if its state is still "word" */

static int
adm_circuit_trip(adm_circuit_t *c, const adm_circuit_conf_t *conf,
    uint64_t word, uint64_t times, uint64_t now, uint32_t random)
{
    uint64_t  time, jitter;

    times = (times < ADM_CIRCUIT_TIMES) ? times : ADM_CIRCUIT_TIMES;
    time = adm_circuit_open(conf, times);
    jitter = (time / 10 + 1) * random >> 32;

    if (time + jitter <= adm_circuit_most(conf)) {
        time += jitter;

    } else {
        time -= jitter;
    }

    return adm_word_cas(&c->state, word,
                        adm_circuit_next(word, ADM_CIRCUIT_OPEN, times,
                                         now + time));
}


static uint64_t
adm_circuit_successes(const adm_circuit_conf_t *conf)
{
    return conf->successes ? conf->successes : 1;
}


/* trials that may go on at once: as many as good answers are wanting */

static uint64_t
adm_circuit_wanting(const adm_circuit_t *c, const adm_circuit_conf_t *conf,
    uint64_t term)
{
    uint64_t  n, good;

    n = adm_circuit_successes(conf);
    good = adm_circuit_counted(&c->good, term);
    n = (n > good) ? n - good : 1;

    return (n < ADM_CIRCUIT_PERMITS) ? n : ADM_CIRCUIT_PERMITS;
}


/* of this term, or of a later one, which a process that is late may meet */

static int
adm_circuit_since(uint64_t word, uint64_t term)
{
    return ((adm_circuit_term(word) - term) & ADM_CIRCUIT_TERM)
           <= ADM_CIRCUIT_TERM / 2;
}


/*
 * Whether there is a permit: 1, and *i is the number of the first one that
 * nobody has, and *seen its word; or 0, and *wait is set.
 */

static int
adm_circuit_free(const adm_circuit_t *c, const adm_circuit_conf_t *conf,
    uint64_t term, uint64_t now, unsigned *i, uint64_t *seen, uint64_t *wait)
{
    uint64_t  n, word, left;
    unsigned  k;

    *i = ADM_CIRCUIT_PERMITS;
    *wait = ADM_CIRCUIT_SOON;
    n = adm_circuit_wanting(c, conf, term);

    for (k = 0; k < ADM_CIRCUIT_PERMITS && n > 0; k++) {
        word = adm_load(&c->permits[k]);
        left = adm_circuit_time(word);

        if (left > now && adm_circuit_since(word, term)) {
            *wait = (left - now < *wait) ? left - now : *wait;
            n--;

        } else if (*i == ADM_CIRCUIT_PERMITS) {
            *i = k;
            *seen = word;
        }
    }

    return n > 0;
}


static adm_circuit_rc_e
adm_circuit_permit(adm_circuit_t *c, const adm_circuit_conf_t *conf,
    uint64_t term, uint64_t now, uint64_t *pass, uint64_t *wait)
{
    uint64_t  seen, until;
    unsigned  i;

    until = now + ((conf->open > ADM_CIRCUIT_LAPSE) ? conf->open
                                                    : ADM_CIRCUIT_LAPSE);

    while (adm_circuit_free(c, conf, term, now, &i, &seen, wait)) {
        *pass = adm_circuit_word(term, ADM_CIRCUIT_FREE + 1 + i, until);

        if (adm_word_cas(&c->permits[i], seen, *pass)) {
            return ADM_CIRCUIT_TRIAL;
        }
    }

    *pass = 0;

    return ADM_CIRCUIT_REFUSE;
}


static int
adm_circuit_unused(const adm_circuit_conf_t *conf)
{
    return conf->failures == 0 && conf->error_rate == 0;
}


adm_circuit_rc_e
adm_circuit_ask(adm_circuit_t *c, const adm_circuit_conf_t *conf,
    uint64_t now, uint64_t *pass, uint64_t *wait)
{
    uint64_t  word, term;

    *pass = 0;

    if (adm_circuit_unused(conf)) {
        return ADM_CIRCUIT_PASS;
    }

    for ( ;; ) {
        word = adm_load(&c->state);
        term = adm_circuit_term(word);

        switch (adm_circuit_now(word)) {

        case ADM_CIRCUIT_CLOSED:
            *pass = adm_circuit_word(term, ADM_CIRCUIT_FREE, 0);
            return ADM_CIRCUIT_PASS;

        case ADM_CIRCUIT_HALF_OPEN:
            return adm_circuit_permit(c, conf, term, now, pass, wait);

        default: /* ADM_CIRCUIT_OPEN */
            if (adm_circuit_time(word) > now) {
                *wait = adm_circuit_time(word) - now;
                return ADM_CIRCUIT_REFUSE;
            }
        }

        (void) adm_word_cas(&c->state, word,
                            adm_circuit_next(word, ADM_CIRCUIT_HALF_OPEN,
                                             adm_circuit_times(word), now));
    }
}


adm_circuit_rc_e
adm_circuit_look(adm_circuit_t *c, const adm_circuit_conf_t *conf,
    uint64_t now, uint64_t *wait)
{
    uint64_t  word, seen;
    unsigned  i;

    word = adm_load(&c->state);

    if (adm_circuit_unused(conf)
        || adm_circuit_now(word) == ADM_CIRCUIT_CLOSED)
    {
        return ADM_CIRCUIT_PASS;
    }

    if (adm_circuit_now(word) == ADM_CIRCUIT_OPEN) {
        if (adm_circuit_time(word) <= now) {
            return ADM_CIRCUIT_PASS;
        }

        *wait = adm_circuit_time(word) - now;

        return ADM_CIRCUIT_REFUSE;
    }

    return adm_circuit_free(c, conf, adm_circuit_term(word), now, &i, &seen,
                            wait)
           ? ADM_CIRCUIT_PASS : ADM_CIRCUIT_REFUSE;
}


/* what was said while it is closed */

static int
adm_circuit_heard(adm_circuit_t *c, const adm_circuit_conf_t *conf,
    uint64_t word, adm_circuit_said_e said, uint64_t now, uint32_t random)
{
    uint64_t  term, part, row, sum, failed;

    term = adm_circuit_term(word);
    part = adm_circuit_part(conf, now);
    row = adm_load(&c->row);

    adm_circuit_count(c, term, part, said != ADM_CIRCUIT_GOOD);

    if (said != ADM_CIRCUIT_FAILED && adm_circuit_time(row) != 0) {
        (void) adm_word_cas(&c->row, row, adm_circuit_word(term, 0, 0));
    }

    if (said == ADM_CIRCUIT_GOOD) {
        return 0;
    }

    row = (said == ADM_CIRCUIT_FAILED) ? adm_circuit_add(&c->row, term) : 0;
    sum = adm_circuit_sum(c, term, part, &failed);

    if ((conf->failures && row >= conf->failures
         && row * 1000 >= sum * ADM_CIRCUIT_NOISE)
        || (conf->error_rate && sum >= conf->min_requests
            && failed * 1000 >= sum * conf->error_rate))
    {
        return adm_circuit_trip(c, conf, word,
                                adm_circuit_fallen(conf, word, now) + 1, now,
                                random);
    }

    return 0;
}


/* what became of a trial */

static int
adm_circuit_tried(adm_circuit_t *c, const adm_circuit_conf_t *conf,
    uint64_t word, uint64_t pass, adm_circuit_said_e said, uint64_t now,
    uint32_t random)
{
    uint64_t  times, *permit;

    times = adm_circuit_times(word);
    permit = &c->permits[adm_circuit_note(pass) - ADM_CIRCUIT_FREE - 1];

    if (said == ADM_CIRCUIT_FAILED || said == ADM_CIRCUIT_SLOW) {
        return adm_circuit_trip(c, conf, word, times + 1, now, random);
    }

    if (said == ADM_CIRCUIT_GOOD
        && adm_circuit_add(&c->good, adm_circuit_term(word))
           >= adm_circuit_successes(conf))
    {
        return adm_word_cas(&c->state, word,
                            adm_circuit_next(word, ADM_CIRCUIT_CLOSED, times,
                                             now));
    }

    (void) adm_word_cas(permit, pass, 0);

    return 0;
}


int
adm_circuit_said(adm_circuit_t *c, const adm_circuit_conf_t *conf,
    uint64_t pass, adm_circuit_said_e said, uint64_t now, uint32_t random)
{
    uint64_t  word;

    word = adm_load(&c->state);

    if (pass == 0 || adm_circuit_term(word) != adm_circuit_term(pass)) {
        return 0;
    }

    if (said == ADM_CIRCUIT_SLOW && conf->slow == 0) {
        said = ADM_CIRCUIT_GOOD;
    }

    if (adm_circuit_note(pass) != ADM_CIRCUIT_FREE) {
        return adm_circuit_tried(c, conf, word, pass, said, now, random);
    }

    return (said == ADM_CIRCUIT_UNTOLD)
           ? 0 : adm_circuit_heard(c, conf, word, said, now, random);
}


adm_circuit_state_e
adm_circuit_state(const adm_circuit_t *c, uint64_t now)
{
    uint64_t  word;

    word = adm_load(&c->state);

    return (adm_circuit_now(word) == ADM_CIRCUIT_OPEN
            && adm_circuit_time(word) <= now)
           ? ADM_CIRCUIT_HALF_OPEN : adm_circuit_now(word);
}
