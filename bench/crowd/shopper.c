
/*
 * One timer for each shopper: while a request is under way it is the
 * shopper's patience, else the moment to come back.
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


struct shopper_s {
    exchange_t           exchange;      /* first: callbacks get a pointer */
    crowd_t             *crowd;
    shopper_t           *next;
    shopper_t           *prev;

    const population_t  *population;
    size_t               index;         /* of the population */
    uint64_t             number;
    rng_t                rng;
    jar_t                jar;

    struct event         timer;
    ask_e                ask;           /* what is or will be asked */
    usec_t               arrived;
    usec_t               due;           /* when it is or was to be asked */
    usec_t               joined;        /* the line; 0: is not in it */
    usec_t               poll_after;
    unsigned             attempts;
    unsigned             retries;
};


static void shopper_link(shopper_t *s);
static void shopper_ask(shopper_t *s);
static int shopper_send(shopper_t *s);
static void on_timer(evutil_socket_t fd, short what, void *data);
static void on_done(exchange_t *exchange, const answer_t *answer);
static void on_failed(exchange_t *exchange, error_e error);
static void answered(shopper_t *s, const answer_t *answer, usec_t now);
static void refused(shopper_t *s, const answer_t *answer, usec_t now);
static int worth_retrying(const answer_t *answer);
static void polled(shopper_t *s, const answer_t *answer, usec_t now);
static usec_t poll_again(const answer_t *answer);
static void failed(shopper_t *s, error_e error, usec_t now);
static usec_t retry_delay(shopper_t *s, const answer_t *answer);
static usec_t backoff(shopper_t *s);
static void come_back(shopper_t *s, ask_e ask, usec_t now, usec_t delay);
static void join(shopper_t *s, const answer_t *answer, usec_t now);
static void leave_line(shopper_t *s, usec_t now);
static void finish(shopper_t *s, outcome_e outcome, usec_t now);
static void gauges(crowd_t *crowd, usec_t now);


void
shopper_arrive(crowd_t *crowd, usec_t due)
{
    uint64_t    n;
    shopper_t  *s;

    s = calloc(1, sizeof(shopper_t));

    if (s == NULL) {
        abort();
    }

    s->crowd = crowd;
    s->number = ++crowd->arrived;
    s->rng = rng_stream(crowd->scenario->seed, s->number);
    s->index = crowd_population(crowd->scenario, &s->rng);
    s->population = &crowd->scenario->populations[s->index];
    s->arrived = due;
    s->due = due;
    s->ask = ASK_FIRST;

    n = crowd->counts[s->index]++;

    if (s->population->addresses) {
        n %= s->population->addresses;

    } else {
        n = 0;
    }

    s->exchange.source = &crowd->sources[s->index][n];
    s->exchange.connection = s->population->connection;
    s->exchange.jar = s->population->cookies ? &s->jar : NULL;
    s->exchange.done = on_done;
    s->exchange.failed = on_failed;

    event_assign(&s->timer, crowd->client.base, -1, 0, on_timer, s);
    event_priority_set(&s->timer, 1);

    shopper_link(s);
    stats_offered(&crowd->stats, due);
    shopper_ask(s);
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
    gauges(crowd, now);
}


static int
shopper_send(shopper_t *s)
{
    char         key[48], number[24];
    size_t       len;
    const char  *text;
    request_t    request;

    snprintf(number, sizeof(number), "%llu", (unsigned long long) s->number);
    snprintf(key, sizeof(key), "crowd-%08x-%s", s->crowd->run, number);

    request.population = s->population;
    request.authority = s->crowd->authority;
    request.prefix = s->crowd->prefix;
    request.key = key;
    request.shopper = number;
    request.jar = &s->jar;
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
answered(shopper_t *s, const answer_t *answer, usec_t now)
{
    line_e  line;

    line = (answer->poll_after >= 0) ? answer_line(answer) : LINE_NONE;

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
        stats_served(&s->crowd->stats, now, s->due);
        finish(s, OUTCOME_SERVED, now);
        return;
    }

    refused(s, answer, now);
}


static void
refused(shopper_t *s, const answer_t *answer, usec_t now)
{
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
        s->poll_after = poll_again(answer);
        break;

    case LINE_GO:
        leave_line(s, now);
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
            leave_line(s, now);
            come_back(s, ASK_CALLED, now, 0);
            return;
        }

        if (answer->retry_after > s->poll_after) {
            s->poll_after = answer->retry_after;
        }

        break;
    }

    come_back(s, ASK_POLL, now, s->poll_after);
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

    if (s->ask == ASK_POLL) {
        come_back(s, ASK_POLL, now, s->poll_after);
        return;
    }

    if (s->retries < s->population->retries) {
        come_back(s, ASK_RETRY, now, retry_delay(s, NULL));
        return;
    }

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


/* also when a call has lapsed and the line takes the shopper back */
static void
join(shopper_t *s, const answer_t *answer, usec_t now)
{
    s->joined = now;
    s->poll_after = poll_again(answer);
    s->crowd->in_line++;

    stats_joined(&s->crowd->stats, now);
    come_back(s, ASK_POLL, now, s->poll_after);
    gauges(s->crowd, now);
}


static void
leave_line(shopper_t *s, usec_t now)
{
    histogram_add(&s->crowd->stats.in_line, now - s->joined);

    s->joined = 0;
    s->crowd->in_line--;
}


static void
finish(shopper_t *s, outcome_e outcome, usec_t now)
{
    crowd_t  *crowd;

    crowd = s->crowd;

    stats_outcome(&crowd->stats, s->index, outcome, s->attempts,
                  now - s->arrived);

    event_del(&s->timer);
    client_abort(&s->exchange);
    client_leave(&s->exchange);
    jar_empty(&s->jar);

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
gauges(crowd_t *crowd, usec_t now)
{
    stats_gauges(&crowd->stats, now, crowd->in_flight, crowd->in_line,
                 crowd->client.open);
}
