
/*
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "terminal.h"


static void latency_line(const char *name, const histogram_t *h);
static void labels_line(const stats_t *stats, const uint64_t *counts);
static void errors_line(const uint64_t *counts);
static void room_lines(const crowd_t *crowd, const order_t *order);
static void estimate_line(const char *name, const estimate_t *estimate);
static void trust_lines(const crowd_t *crowd);
static double share(uint64_t part, uint64_t whole);


void
terminal_second(crowd_t *crowd)
{
    int64_t          index;
    histogram_t     *h;
    const second_t  *second;
    const counts_t  *c;

    index = (usec_now() - crowd->start) / USEC_SECOND - 1;

    if (index < 0) {
        return;
    }

    second = stats_second(&crowd->stats, index);

    if (second == NULL) {
        return;
    }

    c = &second->counts;
    h = &crowd->stats.recent;

    fprintf(stderr, "%4" PRId64 " s  offered %6" PRIu64 "  retries %6" PRIu64
            "  served %6" PRIu64 "  refused %6" PRIu64 "  errors %6" PRIu64
            "  in flight %6u", index + 1, c->offered, c->asked[ASK_RETRY],
            c->served, c->refused, stats_errors(c), second->in_flight);

    if (second->in_line) {
        fprintf(stderr, "  in line %6u  polls %6" PRIu64 "  let in %6"
                PRIu64, second->in_line, c->asked[ASK_POLL], c->let_in);
    }

    if (h->count) {
        fprintf(stderr, "  served p50 %.1f p99 %.1f ms",
                histogram_quantile(h, 0.5) / 1000.0,
                histogram_quantile(h, 0.99) / 1000.0);
    }

    fprintf(stderr, "\n");

    memset(h, 0, sizeof(histogram_t));
}


void
terminal_summary(const crowd_t *crowd, const run_t *run)
{
    const group_t   *all;
    const stats_t   *stats;
    const counts_t  *c;

    stats = &crowd->stats;
    all = &stats->all;
    c = &stats->counts;

    printf("%s, seed %" PRIu64 ", against %s: %.1f s%s\n\n",
           crowd->scenario->name, crowd->scenario->seed, run->url, run->took,
           run->interrupted ? ", interrupted" : "");

    printf("shoppers    %8" PRIu64 "\n", all->asked[ASK_FIRST]);
    printf("  served    %8" PRIu64 "  %5.1f %%\n",
           all->outcomes[OUTCOME_SERVED],
           share(all->outcomes[OUTCOME_SERVED], all->asked[ASK_FIRST]));
    printf("  refused   %8" PRIu64 "  %5.1f %%",
           all->outcomes[OUTCOME_REFUSED],
           share(all->outcomes[OUTCOME_REFUSED], all->asked[ASK_FIRST]));
    labels_line(stats, stats->refused_for);
    printf("  failed    %8" PRIu64 "  %5.1f %%",
           all->outcomes[OUTCOME_FAILED],
           share(all->outcomes[OUTCOME_FAILED], all->asked[ASK_FIRST]));
    errors_line(stats->failed_for);

    if (all->outcomes[OUTCOME_LEFT]) {
        printf("  left      %8" PRIu64 "  %5.1f %%  of them %" PRIu64
               " ghosts\n", all->outcomes[OUTCOME_LEFT],
               share(all->outcomes[OUTCOME_LEFT], all->asked[ASK_FIRST]),
               stats->ghosts);
    }

    printf("  unfinished%8" PRIu64 "  %5.1f %%\n\n",
           all->outcomes[OUTCOME_UNFINISHED],
           share(all->outcomes[OUTCOME_UNFINISHED], all->asked[ASK_FIRST]));

    printf("requests    %8" PRIu64 "  (%" PRIu64 " first, %" PRIu64
           " retries, %" PRIu64 " called, %" PRIu64 " visits, %" PRIu64
           " reloads, %" PRIu64 " polls)\n", stats_asked_all(c),
           c->asked[ASK_FIRST], c->asked[ASK_RETRY], c->asked[ASK_CALLED],
           c->asked[ASK_VISIT], c->asked[ASK_RELOAD], c->asked[ASK_POLL]);
    printf("  refusals  %8" PRIu64 "        ", c->refused);
    labels_line(stats, c->refusals);
    printf("  errors    %8" PRIu64 "        ", stats_errors(c));
    errors_line(c->errors);

    printf("\n                    p50       p95       p99       max  ms\n");
    latency_line("served", &stats->served);
    latency_line("refused", &stats->refused);
    latency_line("polls", &stats->polled);
    latency_line("to be served", &all->to_served);
    latency_line("in line", &stats->in_line);
    latency_line("late starts", &stats->late);
    latency_line("late reads", &stats->lag);

    room_lines(crowd, &run->order);
    trust_lines(crowd);
}


static void
latency_line(const char *name, const histogram_t *h)
{
    if (h->count == 0) {
        return;
    }

    printf("%-13s %9.1f %9.1f %9.1f %9.1f\n", name,
           histogram_quantile(h, 0.5) / 1000.0,
           histogram_quantile(h, 0.95) / 1000.0,
           histogram_quantile(h, 0.99) / 1000.0, h->max / 1000.0);
}


static void
labels_line(const stats_t *stats, const uint64_t *counts)
{
    unsigned  i;

    for (i = 0; i < stats->nlabels; i++) {
        if (counts[i]) {
            printf("  %s %" PRIu64, stats->labels[i], counts[i]);
        }
    }

    printf("\n");
}


static void
errors_line(const uint64_t *counts)
{
    size_t  i;

    for (i = 0; i < ERROR_KINDS; i++) {
        if (counts[i]) {
            printf("  %s %" PRIu64, error_names[i], counts[i]);
        }
    }

    printf("\n");
}


static void
room_lines(const crowd_t *crowd, const order_t *order)
{
    const room_t  *room;

    room = &crowd->room;

    if (room->passes == 0) {
        return;
    }

    printf("\npasses      %8" PRIu64 "  %" PRIu64 " at once without a line, "
           "%" PRIu64 " more for the same number;\n"
           "                      at most %u good at once\n",
           room->passes, room->direct, room->twice, room->inside_most);
    printf("in order    %8" PRIu64 "  %" PRIu64 " numbers too low, %" PRIu64
           " answers to wait behind a later number\n", order->let_in,
           room->jumped, room->passed_over);

    estimate_line("waits told", &order->waits[ROOM_FIRST]);
    estimate_line("  by a poll", &order->waits[ROOM_POLL]);
    estimate_line("places told", &order->positions[ROOM_FIRST]);
    estimate_line("  by a poll", &order->positions[ROOM_POLL]);
}


static void
estimate_line(const char *name, const estimate_t *estimate)
{
    if (estimate->count == 0) {
        return;
    }

    printf("%-11s %8" PRIu64 "  off by %.1f %% on average, the average by "
           "%+.1f %%\n", name, estimate->count, 100 * estimate->error,
           100 * estimate->bias);
}


/* what the reader must know before the figures are believed */
static void
trust_lines(const crowd_t *crowd)
{
    double  late, lag;

    late = report_late_share(&crowd->stats.late);
    lag = report_late_share(&crowd->stats.lag);

    if (late > 0.01) {
        printf("\nNot to be trusted: %.1f %% of all requests started more "
               "than %d ms late.\nThis machine could not keep up with the "
               "scenario.\n", late * 100, REPORT_LATE / 1000);
    }

    if (lag > 0.01) {
        printf("\nNot to be trusted: for %.1f %% of the time answers waited "
               "more than %d ms\nuntil this machine read them.\n",
               lag * 100, REPORT_LATE / 1000);
    }

    if (crowd->client.denied) {
        printf("\nNot to be trusted: %" PRIu64 " requests were not sent, "
               "since %u connections\nwere open, the most that this run may "
               "have (--max-connections, ulimit -n).\n",
               crowd->client.denied, crowd->client.max);

    } else if (crowd->stats.counts.errors[ERROR_LOCAL]) {
        printf("\nNot to be trusted: %" PRIu64 " requests were not sent for "
               "want of a local\naddress, port or descriptor.  More "
               "\"addresses\" in the scenario give more ports.\n",
               crowd->stats.counts.errors[ERROR_LOCAL]);
    }
}


static double
share(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * part / whole : 0;
}
