
/*
 * One timer for each shopper: while a request is under way it is the
 * shopper's patience, else the moment to come back.
 *
 * Further tabs are shoppers too, that nobody counts: what makes them one
 * person stands in what they share.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"
#include "shopper.h"


/* a line that says "at once" must not be polled in a busy loop */

#define POLL_LEAST  (USEC_SECOND / 100)

/* how many polls of somebody with several tabs are reloads of a page */

#define RELOAD_SHARE  0.25


typedef struct {
    unsigned             tabs;
    uint64_t             number;
    jar_t                jar;
    char                *text;          /* an app's token, or NULL */
    token_t              token;         /* ... and what it says */

    usec_t               joined;        /* the line; 0: is not in it */
    place_t              place;
    unsigned             left:1;        /* for good */
} person_t;


struct shopper_s {
    exchange_t           exchange;      /* first: callbacks get a pointer */
    crowd_t             *crowd;
    shopper_t           *next;
    shopper_t           *prev;

    person_t            *person;
    const population_t  *population;
    size_t               index;         /* of the population */
    rng_t                rng;

    struct event         timer;
    ask_e                ask;           /* what is or will be asked */
    usec_t               arrived;
    usec_t               due;           /* when it is or was to be asked */
    usec_t               served;        /* 0: was not, as yet */
    usec_t               poll_after;
    known_t              known;         /* when it asked */
    unsigned             attempts;
    unsigned             retries;
    unsigned             visits;
    unsigned             ghost:1;
    unsigned             tab:1;         /* a further one */
    unsigned             leaves:1;      /* in place of what it would ask */
};


static shopper_t *shopper_create(crowd_t *crowd, usec_t due);
static void shopper_open(shopper_t *s, source_t *source);
static void open_tab(shopper_t *first, usec_t now);
static void shopper_link(shopper_t *s);
static void shopper_ask(shopper_t *s);
static int shopper_send(shopper_t *s);
static void on_timer(evutil_socket_t fd, short what, void *data);
static void on_done(exchange_t *exchange, const answer_t *answer);
static void on_failed(exchange_t *exchange, error_e error);
static void take_token(shopper_t *s, const answer_t *answer, usec_t now);
static void keep_token(person_t *person, const token_t *token,
    const char *text);
static void answered(shopper_t *s, const answer_t *answer, usec_t now);
static void served(shopper_t *s, usec_t now);
static void refused(shopper_t *s, const answer_t *answer, usec_t now);
static int worth_retrying(const answer_t *answer);
static void polled(shopper_t *s, const answer_t *answer, usec_t now);
static usec_t poll_again(const answer_t *answer);
static void failed(shopper_t *s, error_e error, usec_t now);
static usec_t retry_delay(shopper_t *s, const answer_t *answer);
static usec_t backoff(shopper_t *s);
static void come_back(shopper_t *s, ask_e ask, usec_t now, usec_t delay);
static void wait_in_line(shopper_t *s, usec_t now);
static void join(shopper_t *s, const answer_t *answer, usec_t now);
static void leave_line(shopper_t *s, usec_t now);
static void leave(shopper_t *s, usec_t now);
static void finish(shopper_t *s, outcome_e outcome, usec_t now);
static void close_tab(person_t *person);


void
shopper_arrive(crowd_t *crowd, usec_t due)
{
    uint64_t             n;
    shopper_t           *s;
    const population_t  *p;

    s = shopper_create(crowd, due);

    s->person = calloc(1, sizeof(person_t));

    if (s->person == NULL) {
        abort();
    }

    s->person->number = ++crowd->arrived;
    s->rng = rng_stream(crowd->scenario->seed, s->person->number);
    s->index = crowd_population(crowd->scenario, &s->rng);

    p = &crowd->scenario->populations[s->index];
    s->population = p;
    s->ask = ASK_FIRST;

    if (p->ghosts > 0) {
        s->ghost = rng_uniform(&s->rng) < p->ghosts;
    }

    n = crowd->counts[s->index]++;
    n = p->addresses ? n % p->addresses : 0;

    shopper_open(s, &crowd->sources[s->index][n]);

    stats_offered(&crowd->stats, due);
    shopper_ask(s);
}


static shopper_t *
shopper_create(crowd_t *crowd, usec_t due)
{
    shopper_t  *s;

    s = calloc(1, sizeof(shopper_t));

    if (s == NULL) {
        abort();
    }

    s->crowd = crowd;
    s->arrived = due;
    s->due = due;

    return s;
}


/* with what it has of its own, when person and population are known */
static void
shopper_open(shopper_t *s, source_t *source)
{
    s->exchange.source = source;
    s->exchange.connection = s->population->connection;
    s->exchange.done = on_done;
    s->exchange.failed = on_failed;

    if (s->population->cookies && !s->population->app) {
        s->exchange.jar = &s->person->jar;
    }

    s->person->tabs++;

    event_assign(&s->timer, s->crowd->client.base, -1, 0, on_timer, s);
    event_priority_set(&s->timer, 1);

    shopper_link(s);
}


/* another tab of somebody who has just joined the line */
static void
open_tab(shopper_t *first, usec_t now)
{
    shopper_t  *s;

    s = shopper_create(first->crowd, now);

    s->tab = 1;
    s->person = first->person;
    s->population = first->population;
    s->index = first->index;
    s->rng = rng_stream(rng_next(&first->rng), s->person->tabs);
    s->poll_after = first->poll_after;

    shopper_open(s, first->exchange.source);
    come_back(s, ASK_RELOAD, now, s->poll_after * rng_uniform(&s->rng));
}


static void
shopper_link(shopper_t *s)
{
    s->next = s->crowd->shoppers;

    if (s->next != NULL) {
        s->next->prev = s;
    }

    s->crowd->shoppers = s;
}


static void
shopper_ask(shopper_t *s)
{
    usec_t           now;
    crowd_t         *crowd;
    struct timeval   timeout;

    crowd = s->crowd;
    now = usec_now();

    s->known.given = crowd->room.given;
    s->known.called = crowd->room.called;

    stats_asked(&crowd->stats, now, s->due, s->index, s->ask);

    if (s->ask != ASK_POLL) {
        s->attempts++;
    }

    if (shopper_send(s) != 0) {

        /* the crowd's own limits are no answer to come back from */

        stats_error(&crowd->stats, now, ERROR_LOCAL);
        stats_failed_for(&crowd->stats, ERROR_LOCAL);
        finish(s, OUTCOME_FAILED, now);
        return;
    }

    timeout = usec_timeval(s->population->timeout);
    event_add(&s->timer, &timeout);

    crowd->in_flight++;
    crowd_gauges(crowd, now);
}


static int
shopper_send(shopper_t *s)
{
    char         key[48], number[24];
    size_t       len;
    const char  *text;
    request_t    request;

    snprintf(number, sizeof(number), "%llu",
             (unsigned long long) s->person->number);
    snprintf(key, sizeof(key), "crowd-%08x-%s", s->crowd->run, number);

    request.population = s->population;
    request.authority = s->crowd->authority;
    request.prefix = s->crowd->prefix;
    request.key = key;
    request.shopper = number;
    request.jar = &s->person->jar;
    request.token = s->person->text;
    request.poll = (s->ask == ASK_POLL);

    text = request_text(&request, &len);

    if (text == NULL) {
        return -1;
    }

    s->exchange.head = !request.poll
                       && strcmp(s->population->method, "HEAD") == 0;

    return client_begin(&s->crowd->client, &s->exchange, text, len);
}


static void
on_timer(evutil_socket_t fd, short what, void *data)
{
    shopper_t  *s;

    (void) fd;
    (void) what;

    s = data;

    if (s->exchange.conn != NULL) {
        client_abort(&s->exchange);
        on_failed(&s->exchange, ERROR_TIMEOUT);
        return;
    }

    s->crowd->waiting--;

    if (s->person->left || (s->leaves && s->person->joined)) {
        leave(s, usec_now());
        return;
    }

    s->leaves = 0;
    shopper_ask(s);
}


static void
on_done(exchange_t *exchange, const answer_t *answer)
{
    usec_t      now;
    shopper_t  *s;

    s = (shopper_t *) exchange;
    now = usec_now();

    event_del(&s->timer);
    s->crowd->in_flight--;

    take_token(s, answer, now);

    if (s->ask == ASK_POLL) {
        polled(s, answer, now);

    } else {
        answered(s, answer, now);
    }
}


static void
on_failed(exchange_t *exchange, error_e error)
{
    usec_t      now;
    shopper_t  *s;

    s = (shopper_t *) exchange;
    now = usec_now();

    event_del(&s->timer);
    s->crowd->in_flight--;

    failed(s, error, now);
}


static void
take_token(shopper_t *s, const answer_t *answer, usec_t now)
{
    token_t   token;
    crowd_t  *crowd;

    if (answer->token[0] == '\0') {
        return;
    }

    crowd = s->crowd;
    token_read(&token, answer->token);

    if (token.type == TOKEN_PASS
        && room_pass(&crowd->room, &token, &s->person->place,
                     s->person->number, now))
    {
        stats_let_in(&crowd->stats, now);
        crowd_gauges(crowd, now);
    }

    if (s->population->app) {
        keep_token(s->person, &token, answer->token);
    }
}


/* a token that only renews the one there is gets lost, as with many an app */
static void
keep_token(person_t *person, const token_t *token, const char *text)
{
    const token_t  *kept;

    kept = &person->token;

    if (token->type == TOKEN_NONE
        || (token->type == kept->type && token->number == kept->number
            && (token->type != TOKEN_PASS || token->id == kept->id)))
    {
        return;
    }

    free(person->text);

    person->text = strdup(text);
    person->token = *token;

    if (person->text == NULL) {
        abort();
    }
}


/* JSON that tells no time to poll is the shop's, whatever it has in it */
static void
answered(shopper_t *s, const answer_t *answer, usec_t now)
{
    line_e  line;

    line = (answer->poll_after >= 0 || !answer->json) ? answer_line(answer)
                                                      : LINE_NONE;

    switch (line) {

    case LINE_WAIT:
    case LINE_GO:

        if (s->population->follows) {
            join(s, answer, now);
            return;
        }

        refused(s, answer, now);
        return;

    case LINE_END:
        refused(s, answer, now);
        return;

    case LINE_NONE:
        break;
    }

    if (answer->status / 100 == 2) {
        served(s, now);
        return;
    }

    refused(s, answer, now);
}


static void
served(shopper_t *s, usec_t now)
{
    leave_line(s, now);
    stats_served(&s->crowd->stats, now, s->due);

    if (s->served == 0) {
        s->served = now;
    }

    if (s->visits < s->population->visits) {
        s->visits++;
        come_back(s, ASK_VISIT, now, s->population->every);
        return;
    }

    finish(s, OUTCOME_SERVED, now);
}


static void
refused(shopper_t *s, const answer_t *answer, usec_t now)
{
    leave_line(s, now);
    stats_refused(&s->crowd->stats, now, s->due, answer);

    if (worth_retrying(answer) && s->retries < s->population->retries) {
        come_back(s, ASK_RETRY, now, retry_delay(s, answer));
        return;
    }

    stats_refused_for(&s->crowd->stats, answer);
    finish(s, OUTCOME_REFUSED, now);
}


/* statuses that say "not now", and a conflict that says when (RFC 9110) */
static int
worth_retrying(const answer_t *answer)
{
    switch (answer_line(answer)) {

    case LINE_WAIT:
    case LINE_GO:
        return 1;

    case LINE_END:
        return 0;

    case LINE_NONE:
        break;
    }

    switch (answer->status) {

    case 408:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return 1;

    case 409:
        return answer->retry_after >= 0;

    default:
        return 0;
    }
}


/*
 * What is no state of a line is an answer to a poll all the same: a success
 * says that there is no line any more, anything else to come again.
 */

static void
polled(shopper_t *s, const answer_t *answer, usec_t now)
{
    stats_polled(&s->crowd->stats, now, s->due);

    switch (answer_line(answer)) {

    case LINE_WAIT:

        if (s->person->joined) {
            room_told(&s->crowd->room, &s->person->place, answer, &s->known,
                      ROOM_POLL, now);
        }

        s->poll_after = poll_again(answer);
        break;

    case LINE_GO:
        room_called(&s->crowd->room, &s->person->place, answer, now);
        come_back(s, ASK_CALLED, now, 0);
        return;

    case LINE_END:
        leave_line(s, now);
        stats_refused(&s->crowd->stats, now, s->due, answer);
        stats_refused_for(&s->crowd->stats, answer);
        finish(s, OUTCOME_REFUSED, now);
        return;

    case LINE_NONE:

        if (answer->status / 100 == 2) {
            come_back(s, ASK_CALLED, now, 0);
            return;
        }

        if (answer->retry_after > s->poll_after) {
            s->poll_after = answer->retry_after;
        }

        break;
    }

    wait_in_line(s, now);
}


static usec_t
poll_again(const answer_t *answer)
{
    if (answer->poll_after < 0) {
        return (answer->retry_after > 0) ? answer->retry_after : USEC_SECOND;
    }

    return (answer->poll_after < POLL_LEAST) ? POLL_LEAST
                                             : answer->poll_after;
}


/* who is in line stays there: its place does not hang on one answer */
static void
failed(shopper_t *s, error_e error, usec_t now)
{
    stats_error(&s->crowd->stats, now, error);

    if (s->ask == ASK_POLL || s->ask == ASK_RELOAD) {
        wait_in_line(s, now);
        return;
    }

    if (s->retries < s->population->retries) {
        come_back(s, ASK_RETRY, now, retry_delay(s, NULL));
        return;
    }

    leave_line(s, now);
    stats_failed_for(&s->crowd->stats, error);
    finish(s, OUTCOME_FAILED, now);
}


static usec_t
retry_delay(shopper_t *s, const answer_t *answer)
{
    usec_t  jitter;

    if (answer != NULL && answer->retry_after >= 0 && s->population->honours)
    {
        jitter = s->population->jitter * rng_uniform(&s->rng);
        return answer->retry_after + jitter;
    }

    return backoff(s);
}


/* doubles with each retry; drawn from the upper half of what it came to */
static usec_t
backoff(shopper_t *s)
{
    usec_t    delay;
    unsigned  i;

    delay = s->population->backoff;

    for (i = 0; i < s->retries && delay < s->population->max_backoff; i++) {
        delay *= 2;
    }

    if (delay > s->population->max_backoff) {
        delay = s->population->max_backoff;
    }

    return delay * (1 + rng_uniform(&s->rng)) / 2;
}


static void
come_back(shopper_t *s, ask_e ask, usec_t now, usec_t delay)
{
    struct timeval  timeout;

    if (ask == ASK_RETRY) {
        s->retries++;
    }

    s->ask = ask;
    s->due = now + delay;
    s->crowd->waiting++;

    timeout = usec_timeval(delay);
    event_add(&s->timer, &timeout);
}


/* until the next poll, or as long as its patience lasts */
static void
wait_in_line(shopper_t *s, usec_t now)
{
    ask_e                ask;
    usec_t               rest;
    const population_t  *p;

    p = s->population;
    ask = ASK_POLL;

    if (p->tabs > 1 && rng_uniform(&s->rng) < RELOAD_SHARE) {
        ask = ASK_RELOAD;
    }

    if (p->patience && s->person->joined) {
        rest = s->person->joined + p->patience - now;

        if (rest < s->poll_after) {
            s->leaves = 1;
            come_back(s, ask, now, rest);
            return;
        }
    }

    come_back(s, ask, now, s->poll_after);
}


/* or stays in it, with another answer; "moment": it was called */
static void
join(shopper_t *s, const answer_t *answer, usec_t now)
{
    unsigned  i;

    s->poll_after = poll_again(answer);
    room_told(&s->crowd->room, &s->person->place, answer, &s->known,
              ROOM_FIRST, now);

    if (s->person->joined) {
        wait_in_line(s, now);
        return;
    }

    s->person->joined = now;
    s->crowd->in_line++;
    stats_joined(&s->crowd->stats, now);
    crowd_gauges(s->crowd, now);

    if (s->ghost) {
        s->crowd->stats.ghosts++;
        leave(s, now);
        return;
    }

    for (i = s->person->tabs; i < s->population->tabs; i++) {
        open_tab(s, now);
    }

    wait_in_line(s, now);
}


/* if it is in line; it may come to it again, and is told anew */
static void
leave_line(shopper_t *s, usec_t now)
{
    person_t  *person;

    person = s->person;

    if (person->joined == 0) {
        return;
    }

    histogram_add(&s->crowd->stats.in_line, now - person->joined);

    person->joined = 0;
    memset(&person->place, 0, sizeof(place_t));
    s->crowd->in_line--;
}


/* the person, whose other tabs follow when they are due */
static void
leave(shopper_t *s, usec_t now)
{
    if (s->person->joined) {
        s->person->joined = 0;
        s->crowd->in_line--;
    }

    s->person->left = 1;

    finish(s, OUTCOME_LEFT, now);
}


static void
finish(shopper_t *s, outcome_e outcome, usec_t now)
{
    crowd_t  *crowd;

    crowd = s->crowd;

    if (!s->tab) {
        stats_outcome(&crowd->stats, s->index, outcome, s->attempts,
                      (s->served ? s->served : now) - s->arrived);
    }

    event_del(&s->timer);
    client_abort(&s->exchange);
    client_leave(&s->exchange);
    close_tab(s->person);

    if (s->next != NULL) {
        s->next->prev = s->prev;
    }

    if (s->prev != NULL) {
        s->prev->next = s->next;

    } else {
        crowd->shoppers = s->next;
    }

    free(s);

    if (crowd->shoppers == NULL && crowd->next == -1) {
        crowd_end(crowd);
    }
}


void
shoppers_end(crowd_t *crowd)
{
    usec_t  now;

    now = usec_now();

    while (crowd->shoppers != NULL) {
        finish(crowd->shoppers, OUTCOME_UNFINISHED, now);
    }
}


static void
close_tab(person_t *person)
{
    if (--person->tabs) {
        return;
    }

    jar_empty(&person->jar);
    free(person->text);
    free(person);
}
