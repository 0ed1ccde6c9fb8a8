
/*
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <math.h>
#include <string.h>

#include "report.h"


/* what is wrong with a report of another number is for its reader to say */

#define REPORT_FORMAT  1


static json_t *scenario_json(const crowd_t *crowd, const run_t *run);
static json_t *totals_json(const crowd_t *crowd);
static json_t *shoppers_json(const crowd_t *crowd, const run_t *run);
static json_t *group_json(const group_t *group);
static json_t *populations_json(const crowd_t *crowd);
static json_t *line_json(const crowd_t *crowd, const run_t *run);
static json_t *estimate_json(const estimate_t *estimate);
static json_t *generator_json(const crowd_t *crowd, const run_t *run);
static json_t *seconds_json(const crowd_t *crowd, const run_t *run);
static json_t *second_json(const crowd_t *crowd, const run_t *run,
    const second_t *second, int64_t index);
static json_t *counts_json(const stats_t *stats, const counts_t *counts);
static json_t *labels_json(const stats_t *stats, const uint64_t *counts);
static json_t *errors_json(const uint64_t *counts);
static json_t *latency_json(const histogram_t *h);
static json_t *long_latency_json(const histogram_t *h);
static json_t *buckets_json(const histogram_t *h);
static void set_number(json_t *object, const char *name, uint64_t value);
static void set_real(json_t *object, const char *name, double value);
static void set_ms(json_t *object, const char *name, double usec);


const char *const  error_names[] = {
    "connect", "reset", "timeout", "bad_answer", "local"
};


json_t *
report_json(const crowd_t *crowd, const run_t *run)
{
    json_t  *report, *latency;

    report = json_object();
    latency = json_object();

    set_number(report, "crowd", REPORT_FORMAT);
    json_object_set_new(report, "scenario", scenario_json(crowd, run));
    set_real(report, "began", run->began);
    set_real(report, "took_s", run->took);
    json_object_set_new(report, "interrupted",
                        json_boolean(run->interrupted));
    json_object_set_new(report, "totals", totals_json(crowd));
    json_object_set_new(report, "shoppers", shoppers_json(crowd, run));

    json_object_set_new(latency, "served",
                        long_latency_json(&crowd->stats.served));
    json_object_set_new(latency, "refused",
                        long_latency_json(&crowd->stats.refused));
    json_object_set_new(latency, "polls", latency_json(&crowd->stats.polled));
    json_object_set_new(report, "latency_ms", latency);

    json_object_set_new(report, "populations", populations_json(crowd));
    json_object_set_new(report, "line", line_json(crowd, run));
    json_object_set_new(report, "generator", generator_json(crowd, run));
    json_object_set_new(report, "seconds", seconds_json(crowd, run));

    return report;
}


static json_t *
scenario_json(const crowd_t *crowd, const run_t *run)
{
    json_t            *object;
    const scenario_t  *scenario;

    object = json_object();
    scenario = crowd->scenario;

    json_object_set_new(object, "name", json_string(scenario->name));
    json_object_set_new(object, "title", json_string(scenario->title));
    json_object_set_new(object, "url", json_string(run->url));
    set_number(object, "seed", scenario->seed);
    set_real(object, "duration_s", scenario->duration);
    set_real(object, "peak_per_s",
             profile_peak(&scenario->profile, scenario->duration));
    json_object_set_new(object, "run", json_sprintf("%08x", crowd->run));

    return object;
}


static json_t *
totals_json(const crowd_t *crowd)
{
    json_t  *object;

    object = counts_json(&crowd->stats, &crowd->stats.counts);

    set_number(object, "errors_all", stats_errors(&crowd->stats.counts));

    return object;
}


/* the shopper's view */
static json_t *
shoppers_json(const crowd_t *crowd, const run_t *run)
{
    json_t         *object, *end;
    const stats_t  *stats;

    stats = &crowd->stats;
    object = group_json(&stats->all);
    end = json_object();

    json_object_set_new(object, "refused_for",
                        labels_json(stats, stats->refused_for));
    json_object_set_new(object, "failed_for",
                        errors_json(stats->failed_for));
    json_object_set_new(object, "in_line_ms", latency_json(&stats->in_line));

    set_number(end, "in_flight", run->in_flight);
    set_number(end, "in_line", run->in_line);
    set_number(end, "waiting", run->waiting);
    json_object_set_new(object, "at_the_end", end);

    return object;
}


static json_t *
group_json(const group_t *group)
{
    size_t    i;
    json_t   *object, *attempts;
    uint64_t  all;

    object = json_object();
    attempts = json_object();
    all = 0;

    for (i = 0; i < OUTCOMES; i++) {
        all += group->outcomes[i];
    }

    /* those that came, counted apart from those that ended */

    set_number(object, "all", group->asked[ASK_FIRST]);
    set_number(object, "served", group->outcomes[OUTCOME_SERVED]);
    set_number(object, "refused", group->outcomes[OUTCOME_REFUSED]);
    set_number(object, "failed", group->outcomes[OUTCOME_FAILED]);
    set_number(object, "left", group->outcomes[OUTCOME_LEFT]);
    set_number(object, "unfinished", group->outcomes[OUTCOME_UNFINISHED]);
    set_real(object, "share_served",
             all ? (double) group->outcomes[OUTCOME_SERVED] / all : 0);
    json_object_set_new(object, "to_served_ms",
                        latency_json(&group->to_served));

    set_real(attempts, "mean", histogram_mean(&group->attempts));
    set_number(attempts, "p50", histogram_quantile(&group->attempts, 0.5));
    set_number(attempts, "p95", histogram_quantile(&group->attempts, 0.95));
    set_number(attempts, "max", group->attempts.max);
    json_object_set_new(object, "attempts", attempts);
    set_number(object, "retries", group->asked[ASK_RETRY]);
    set_number(object, "polls", group->asked[ASK_POLL]);

    return object;
}


static json_t *
populations_json(const crowd_t *crowd)
{
    size_t   i;
    json_t  *object;

    object = json_object();

    for (i = 0; i < crowd->scenario->npopulations; i++) {
        json_object_set_new(object, crowd->scenario->populations[i].name,
                            group_json(&crowd->stats.groups[i]));
    }

    return object;
}


/* what a waiting room did; null if there was none */
static json_t *
line_json(const crowd_t *crowd, const run_t *run)
{
    json_t         *object;
    const room_t   *room;
    const order_t  *order;

    room = &crowd->room;
    order = &run->order;

    if (room->passes == 0 && crowd->stats.counts.joined == 0) {
        return json_null();
    }

    object = json_object();

    set_number(object, "passes", room->passes);
    set_number(object, "direct", room->direct);
    set_number(object, "twice", room->twice);
    set_number(object, "inside_most", room->inside_most);
    set_number(object, "ghosts", crowd->stats.ghosts);
    json_object_set_new(object, "wait",
                        estimate_json(&order->waits[ROOM_FIRST]));
    json_object_set_new(object, "position",
                        estimate_json(&order->positions[ROOM_FIRST]));
    json_object_set_new(object, "wait_polled",
                        estimate_json(&order->waits[ROOM_POLL]));
    json_object_set_new(object, "position_polled",
                        estimate_json(&order->positions[ROOM_POLL]));
    set_number(object, "in_order", order->let_in);
    set_number(object, "jumped", room->jumped);
    set_number(object, "passed_over", room->passed_over);
    json_object_set_new(object, "called_after_ms",
                        latency_json(&order->called_after));
    json_object_set_new(object, "entered_after_ms",
                        latency_json(&order->entered_after));

    return object;
}


static json_t *
estimate_json(const estimate_t *estimate)
{
    json_t  *object;

    if (estimate->count == 0) {
        return json_null();
    }

    object = json_object();

    set_number(object, "count", estimate->count);
    set_real(object, "error", estimate->error);
    set_real(object, "bias", estimate->bias);

    return object;
}


/* how far the crowd itself can be believed */
static json_t *
generator_json(const crowd_t *crowd, const run_t *run)
{
    json_t  *object;

    object = json_object();

    json_object_set_new(object, "late_ms", latency_json(&crowd->stats.late));
    json_object_set_new(object, "lag_ms", latency_json(&crowd->stats.lag));
    set_real(object, "late_share", report_late_share(&crowd->stats.late));
    set_real(object, "lag_share", report_late_share(&crowd->stats.lag));
    set_ms(object, "late_means_ms", REPORT_LATE);
    set_number(object, "connections_opened", crowd->client.opened);
    set_number(object, "connections_most", crowd->client.most);
    set_number(object, "connections_max", crowd->client.max);
    set_number(object, "connections_denied", crowd->client.denied);
    set_real(object, "processor_s", run->processor);

    return object;
}


/* by bucket, so of starts within 0.8 % of the bound some are miscounted */
double
report_late_share(const histogram_t *h)
{
    uint64_t  late;
    unsigned  i;

    late = 0;

    for (i = 0; i < HISTOGRAM_BUCKETS; i++) {

        if (histogram_middle(i) > REPORT_LATE) {
            late += h->buckets[i];
        }
    }

    return h->count ? (double) late / h->count : 0;
}


static json_t *
seconds_json(const crowd_t *crowd, const run_t *run)
{
    int64_t          i;
    json_t          *array;
    const second_t  *second;

    array = json_array();
    i = crowd->stats.last + 1 - (int64_t) crowd->stats.size;

    for (i = (i < 0) ? 0 : i; i <= crowd->stats.last; i++) {
        second = stats_second(&crowd->stats, i);

        if (second != NULL) {
            json_array_append_new(array,
                                  second_json(crowd, run, second, i));
        }
    }

    return array;
}


static json_t *
second_json(const crowd_t *crowd, const run_t *run, const second_t *second,
    int64_t index)
{
    double    at, end;
    json_t   *object;
    json_t *(*latency)(const histogram_t *h);

    object = counts_json(&crowd->stats, &second->counts);
    end = crowd->scenario->duration;
    at = crowd->arrivals.loop ? fmod(index, end) : index;

    set_number(object, "t", index);
    set_real(object, "profile", at < end
             ? profile_expected(&crowd->scenario->profile, at,
                                fmin(at + 1, end))
             : 0);
    set_number(object, "in_flight", second->in_flight);
    set_number(object, "in_line", second->in_line);
    set_number(object, "inside", second->inside);
    set_number(object, "connections", second->connections);
    set_ms(object, "late_ms", second->late);
    set_ms(object, "lag_ms", second->lag);

    latency = run->buckets ? long_latency_json : latency_json;

    json_object_set_new(object, "served_ms", latency(second->served));
    json_object_set_new(object, "refused_ms", latency(second->refused));

    return object;
}


static json_t *
counts_json(const stats_t *stats, const counts_t *counts)
{
    json_t  *object;

    object = json_object();

    set_number(object, "offered", counts->offered);
    set_number(object, "started", counts->asked[ASK_FIRST]);
    set_number(object, "retries", counts->asked[ASK_RETRY]);
    set_number(object, "called", counts->asked[ASK_CALLED]);
    set_number(object, "visits", counts->asked[ASK_VISIT]);
    set_number(object, "reloads", counts->asked[ASK_RELOAD]);
    set_number(object, "polls", counts->asked[ASK_POLL]);
    set_number(object, "served", counts->served);
    set_number(object, "refused", counts->refused);
    set_number(object, "joined", counts->joined);
    set_number(object, "polled", counts->polled);
    set_number(object, "let_in", counts->let_in);
    json_object_set_new(object, "refusals",
                        labels_json(stats, counts->refusals));
    json_object_set_new(object, "errors", errors_json(counts->errors));

    return object;
}


static json_t *
labels_json(const stats_t *stats, const uint64_t *counts)
{
    json_t    *object;
    unsigned   i;

    object = json_object();

    for (i = 0; i < stats->nlabels; i++) {
        if (counts[i]) {
            set_number(object, stats->labels[i], counts[i]);
        }
    }

    return object;
}


static json_t *
errors_json(const uint64_t *counts)
{
    size_t   i;
    json_t  *object;

    object = json_object();

    for (i = 0; i < ERROR_KINDS; i++) {
        if (counts[i]) {
            set_number(object, error_names[i], counts[i]);
        }
    }

    return object;
}


/* null where nothing was measured: that is not a latency of 0 */
static json_t *
latency_json(const histogram_t *h)
{
    json_t  *object;

    if (h == NULL || h->count == 0) {
        return json_null();
    }

    object = json_object();

    set_number(object, "count", h->count);
    set_ms(object, "mean", histogram_mean(h));
    set_ms(object, "p50", histogram_quantile(h, 0.5));
    set_ms(object, "p95", histogram_quantile(h, 0.95));
    set_ms(object, "p99", histogram_quantile(h, 0.99));
    set_ms(object, "max", h->max);

    return object;
}


static json_t *
long_latency_json(const histogram_t *h)
{
    json_t  *object;

    object = latency_json(h);

    if (json_is_object(object)) {
        json_object_set_new(object, "buckets", buckets_json(h));
    }

    return object;
}


/* pairs of the middle of a bucket, ms, and its count */
static json_t *
buckets_json(const histogram_t *h)
{
    json_t    *array, *pair;
    unsigned   i;

    array = json_array();

    for (i = 0; i < HISTOGRAM_BUCKETS; i++) {

        if (h->buckets[i] == 0) {
            continue;
        }

        pair = json_array();
        json_array_append_new(pair,
                              json_real(histogram_middle(i) / 1000.0));
        json_array_append_new(pair, json_integer(h->buckets[i]));
        json_array_append_new(array, pair);
    }

    return array;
}


static void
set_number(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer(value));
}


static void
set_real(json_t *object, const char *name, double value)
{
    json_object_set_new(object, name, json_real(value));
}


/* to the microsecond */
static void
set_ms(json_t *object, const char *name, double usec)
{
    set_real(object, name, round(usec) / 1000);
}
