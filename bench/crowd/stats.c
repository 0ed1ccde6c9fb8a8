
/*
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <stdlib.h>
#include <string.h>

#include "stats.h"


static second_t *stats_at(stats_t *stats, usec_t t);
static void second_forget(second_t *second);
static void second_latency(histogram_t **h, usec_t latency);
static unsigned stats_label(stats_t *stats, const answer_t *answer);


int
stats_init(stats_t *stats, size_t seconds, size_t populations)
{
    size_t  i;

    memset(stats, 0, sizeof(stats_t));

    stats->seconds = calloc(seconds, sizeof(second_t));
    stats->groups = calloc(populations, sizeof(group_t));

    if (stats->seconds == NULL || stats->groups == NULL) {
        return -1;
    }

    stats->size = seconds;
    stats->last = -1;

    for (i = 0; i < seconds; i++) {
        stats->seconds[i].index = -1;
    }

    /* whatever does not fit */

    strcpy(stats->labels[0], "other");
    stats->nlabels = 1;

    return 0;
}


void
stats_free(stats_t *stats)
{
    size_t  i;

    for (i = 0; i < stats->size; i++) {
        second_forget(&stats->seconds[i]);
    }

    free(stats->seconds);
    free(stats->groups);
}


/* the second of a moment, begun if need be; NULL if it is forgotten */
static second_t *
stats_at(stats_t *stats, usec_t t)
{
    int64_t    index;
    second_t  *second;

    index = (t - stats->start) / USEC_SECOND;

    if (t < stats->start) {
        index = 0;
    }

    second = &stats->seconds[index % stats->size];

    if (second->index > index) {
        return NULL;
    }

    if (second->index < index) {
        second_forget(second);
        memset(second, 0, sizeof(second_t));
        second->index = index;
    }

    if (index > stats->last) {
        stats->last = index;
    }

    return second;
}


static void
second_forget(second_t *second)
{
    free(second->served);
    free(second->refused);
}


void
stats_offered(stats_t *stats, usec_t due)
{
    second_t  *second;

    stats->counts.offered++;
    second = stats_at(stats, due);

    if (second != NULL) {
        second->counts.offered++;
    }
}


void
stats_asked(stats_t *stats, usec_t now, usec_t due, size_t population,
    ask_e ask)
{
    second_t  *second;

    stats->counts.asked[ask]++;
    stats->all.asked[ask]++;
    stats->groups[population].asked[ask]++;

    histogram_add(&stats->late, now - due);

    second = stats_at(stats, now);

    if (second == NULL) {
        return;
    }

    second->counts.asked[ask]++;

    if (now - due > second->late) {
        second->late = now - due;
    }
}


void
stats_served(stats_t *stats, usec_t now, usec_t due)
{
    second_t  *second;

    stats->counts.served++;
    histogram_add(&stats->served, now - due);
    histogram_add(&stats->recent, now - due);

    second = stats_at(stats, now);

    if (second != NULL) {
        second->counts.served++;
    }

    second = stats_at(stats, due);

    if (second != NULL) {
        second_latency(&second->served, now - due);
    }
}


void
stats_refused(stats_t *stats, usec_t now, usec_t due, const answer_t *answer)
{
    unsigned   label;
    second_t  *second;

    label = stats_label(stats, answer);

    stats->counts.refused++;
    stats->counts.refusals[label]++;
    histogram_add(&stats->refused, now - due);

    second = stats_at(stats, now);

    if (second != NULL) {
        second->counts.refused++;
        second->counts.refusals[label]++;
    }

    second = stats_at(stats, due);

    if (second != NULL) {
        second_latency(&second->refused, now - due);
    }
}


static void
second_latency(histogram_t **h, usec_t latency)
{
    if (*h == NULL) {
        *h = calloc(1, sizeof(histogram_t));

        if (*h == NULL) {
            return;
        }
    }

    histogram_add(*h, latency);
}


void
stats_joined(stats_t *stats, usec_t now)
{
    second_t  *second;

    stats->counts.joined++;
    second = stats_at(stats, now);

    if (second != NULL) {
        second->counts.joined++;
    }
}


void
stats_polled(stats_t *stats, usec_t now, usec_t due)
{
    second_t  *second;

    stats->counts.polled++;
    histogram_add(&stats->polled, now - due);

    second = stats_at(stats, now);

    if (second != NULL) {
        second->counts.polled++;
    }
}


void
stats_let_in(stats_t *stats, usec_t now)
{
    second_t  *second;

    stats->counts.let_in++;
    second = stats_at(stats, now);

    if (second != NULL) {
        second->counts.let_in++;
    }
}


void
stats_error(stats_t *stats, usec_t now, error_e error)
{
    second_t  *second;

    stats->counts.errors[error]++;
    second = stats_at(stats, now);

    if (second != NULL) {
        second->counts.errors[error]++;
    }
}


void
stats_lag(stats_t *stats, usec_t now, usec_t lag)
{
    second_t  *second;

    histogram_add(&stats->lag, lag);
    second = stats_at(stats, now);

    if (second != NULL && lag > second->lag) {
        second->lag = lag;
    }
}


void
stats_gauges(stats_t *stats, usec_t now, unsigned in_flight,
    unsigned in_line, unsigned inside, unsigned connections)
{
    second_t  *second;

    second = stats_at(stats, now);

    if (second == NULL) {
        return;
    }

    if (in_flight > second->in_flight) {
        second->in_flight = in_flight;
    }

    if (in_line > second->in_line) {
        second->in_line = in_line;
    }

    if (inside > second->inside) {
        second->inside = inside;
    }

    if (connections > second->connections) {
        second->connections = connections;
    }
}


void
stats_outcome(stats_t *stats, size_t population, outcome_e outcome,
    unsigned attempts, usec_t took)
{
    size_t    i;
    group_t  *groups[2];

    groups[0] = &stats->all;
    groups[1] = &stats->groups[population];

    for (i = 0; i < 2; i++) {
        groups[i]->outcomes[outcome]++;
        histogram_add(&groups[i]->attempts, attempts);

        if (outcome == OUTCOME_SERVED) {
            histogram_add(&groups[i]->to_served, took);
        }
    }
}


void
stats_refused_for(stats_t *stats, const answer_t *answer)
{
    stats->refused_for[stats_label(stats, answer)]++;
}


void
stats_failed_for(stats_t *stats, error_e error)
{
    stats->failed_for[error]++;
}


/* the place of a refusal's word, new ones behind those that are there */
static unsigned
stats_label(stats_t *stats, const answer_t *answer)
{
    char      label[ANSWER_WORD];
    unsigned  i;

    answer_label(answer, label);

    for (i = 0; i < stats->nlabels; i++) {
        if (strcmp(stats->labels[i], label) == 0) {
            return i;
        }
    }

    if (i == STATS_LABELS) {
        return 0;
    }

    strcpy(stats->labels[i], label);
    stats->nlabels++;

    return i;
}


const second_t *
stats_second(const stats_t *stats, int64_t index)
{
    const second_t  *second;

    second = &stats->seconds[index % stats->size];

    return (second->index == index) ? second : NULL;
}


uint64_t
stats_errors(const counts_t *counts)
{
    size_t    i;
    uint64_t  sum;

    sum = 0;

    for (i = 0; i < ERROR_KINDS; i++) {
        sum += counts->errors[i];
    }

    return sum;
}


uint64_t
stats_asked_all(const counts_t *counts)
{
    size_t    i;
    uint64_t  sum;

    sum = 0;

    for (i = 0; i < ASKS; i++) {
        sum += counts->asked[i];
    }

    return sum;
}
