
/*
 * crowd [OPTION...] SCENARIO [URL]
 *
 * Sends the shoppers of a scenario to a shop, when they are due, and reports
 * what became of them.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crowd.h"
#include "page.h"
#include "report.h"
#include "target.h"
#include "terminal.h"


#define EXIT_USAGE  2

#define DEFAULT_URL  "http://127.0.0.1:8080"

/* descriptors that are not connections: files, timers, a margin */

#define SPARE_DESCRIPTORS  64

#define DEFAULT_CONNECTIONS  50000


typedef struct {
    const char   *scenario;
    const char   *url;
    const char   *json;
    const char   *html;
    const char   *passes;
    const char   *seed;
    const char   *duration;
    const char   *scale;
    const char   *connections;
    int           buckets;
    int           loop;
    int           progress;
    int           quiet;
    int           yes;
    int           check;
    int           arrivals;
} options_t;


static int read_options(options_t *options, int argc, char **argv);
static int change_scenario(scenario_t *scenario, const options_t *options);
static int print_arrivals(const scenario_t *scenario);
static int run(const scenario_t *scenario, const options_t *options);
static int confirm(const target_t *target, const scenario_t *scenario,
    const options_t *options);
static int check_addresses(const scenario_t *scenario,
    const target_t *target, const client_t *client);
static int connections(const options_t *options, unsigned *max);
static int open_passes(const options_t *options, room_t *room);
static int go(crowd_t *crowd, const target_t *target,
    const options_t *options);
static void on_signal(evutil_socket_t fd, short what, void *data);
static void on_second(void *crowd);
static int write_reports(const crowd_t *crowd, const run_t *run,
    const options_t *options);
static double processor_time(void);
static int say(const char *subject, const char *sentence);


static const char  usage[] =
"crowd [OPTION...] SCENARIO [URL]\n"
"\n"
"Sends the shoppers of a scenario to URL, " DEFAULT_URL " unless told.\n"
"They come when they are due, whether or not those before were answered.\n"
"\n"
"  --json FILE             the report for programs\n"
"  --buckets               in the former, latencies of each second by bucket\n"
"  --html FILE             the report for people, one page\n"
"  --passes FILE           a line for each pass of a waiting room: seconds,\n"
"                          number, id, Unix times of its beginning and its\n"
"                          end, shopper\n"
"  --progress              a line each second, also when not on a terminal\n"
"  --quiet                 no line each second, no summary\n"
"  --seed N                in place of the scenario's\n"
"  --duration TIME         in place of the scenario's, such as 30s\n"
"  --scale FACTOR          multiplies all rates\n"
"  --loop                  begins anew when the scenario is over, until ^C\n"
"  --max-connections N     at once; 50000 or what the system allows\n"
"  --yes                   asks nothing before it goes to other machines\n"
"  --check                 reads the scenario, sends nothing\n"
"  --arrivals              prints who would come when, sends nothing\n"
"  --help                  this\n"
"\n"
"Exits with 0 when the run was made and reported, with 2 when it could not\n"
"start, with 1 when something else went wrong.\n";


enum { OPT_JSON = 1, OPT_BUCKETS, OPT_HTML, OPT_PASSES, OPT_PROGRESS,
       OPT_QUIET, OPT_SEED, OPT_DURATION, OPT_SCALE, OPT_LOOP, OPT_CONNECTIONS,
       OPT_YES, OPT_CHECK, OPT_ARRIVALS, OPT_HELP };


static const struct option  long_options[] = {
    { "json", required_argument, NULL, OPT_JSON },
    { "buckets", no_argument, NULL, OPT_BUCKETS },
    { "html", required_argument, NULL, OPT_HTML },
    { "passes", required_argument, NULL, OPT_PASSES },
    { "progress", no_argument, NULL, OPT_PROGRESS },
    { "quiet", no_argument, NULL, OPT_QUIET },
    { "seed", required_argument, NULL, OPT_SEED },
    { "duration", required_argument, NULL, OPT_DURATION },
    { "scale", required_argument, NULL, OPT_SCALE },
    { "loop", no_argument, NULL, OPT_LOOP },
    { "max-connections", required_argument, NULL, OPT_CONNECTIONS },
    { "yes", no_argument, NULL, OPT_YES },
    { "check", no_argument, NULL, OPT_CHECK },
    { "arrivals", no_argument, NULL, OPT_ARRIVALS },
    { "help", no_argument, NULL, OPT_HELP },
    { NULL, 0, NULL, 0 }
};


static int  interrupted;


int
main(int argc, char **argv)
{
    int         rc;
    options_t   options;
    scenario_t  scenario;

    rc = read_options(&options, argc, argv);

    if (rc != 0) {
        return (rc < 0) ? EXIT_USAGE : EXIT_SUCCESS;
    }

    if (scenario_read(&scenario, options.scenario) != 0
        || change_scenario(&scenario, &options) != 0)
    {
        rc = EXIT_USAGE;

    } else if (options.check) {
        rc = EXIT_SUCCESS;

    } else if (options.arrivals) {
        rc = print_arrivals(&scenario);

    } else {
        rc = run(&scenario, &options);
    }

    scenario_free(&scenario);

    return rc;
}


/* 0: go on; 1: all is done; -1: it was said what is wrong */
static int
read_options(options_t *options, int argc, char **argv)
{
    int  option;

    memset(options, 0, sizeof(options_t));
    options->progress = isatty(STDERR_FILENO);
    options->url = DEFAULT_URL;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {

        case OPT_JSON:        options->json = optarg;         break;
        case OPT_HTML:        options->html = optarg;         break;
        case OPT_PASSES:      options->passes = optarg;       break;
        case OPT_SEED:        options->seed = optarg;         break;
        case OPT_DURATION:    options->duration = optarg;     break;
        case OPT_SCALE:       options->scale = optarg;        break;
        case OPT_CONNECTIONS: options->connections = optarg;  break;
        case OPT_BUCKETS:     options->buckets = 1;           break;
        case OPT_PROGRESS:    options->progress = 1;          break;
        case OPT_QUIET:       options->quiet = 1;             break;
        case OPT_LOOP:        options->loop = 1;              break;
        case OPT_YES:         options->yes = 1;               break;
        case OPT_CHECK:       options->check = 1;             break;
        case OPT_ARRIVALS:    options->arrivals = 1;          break;

        case OPT_HELP:
            fputs(usage, stdout);
            return 1;

        default:
            fputs("crowd: --help tells the options\n", stderr);
            return -1;
        }
    }

    if (argc - optind < 1 || argc - optind > 2) {
        return say("arguments", "expected SCENARIO [URL]");
    }

    options->scenario = argv[optind];

    if (argc - optind == 2) {
        options->url = argv[optind + 1];
    }

    return 0;
}


static int
change_scenario(scenario_t *scenario, const options_t *options)
{
    char                *end;
    double               factor;
    unsigned long long   seed;

    if (options->seed != NULL) {
        seed = strtoull(options->seed, &end, 10);

        if (end == options->seed || *end != '\0' || *options->seed == '-') {
            return say(options->seed, "expected a whole number for --seed");
        }

        scenario->seed = seed;
    }

    if (options->duration != NULL
        && (scenario_time(options->duration, &scenario->duration) != 0
            || scenario->duration == 0))
    {
        return say(options->duration,
                   "expected a time such as 30s for --duration");
    }

    if (options->scale != NULL) {
        factor = strtod(options->scale, &end);

        if (end == options->scale || *end != '\0'
            || !(factor > 0 && factor <= 1000))
        {
            return say(options->scale,
                       "expected a number above 0, at most 1000, for "
                       "--scale");
        }

        profile_scale(&scenario->profile, factor);
    }

    return 0;
}


/* each arrival's time in seconds, number and population */
static int
print_arrivals(const scenario_t *scenario)
{
    rng_t          rng;
    double         at;
    uint64_t       number;
    arrivals_t     arrivals;
    population_t  *p;

    arrivals_init(&arrivals, scenario, 0);

    for (number = 1; (at = arrivals_next(&arrivals)) >= 0; number++) {
        rng = rng_stream(scenario->seed, number);
        p = &scenario->populations[crowd_population(scenario, &rng)];

        printf("%.6f %llu %s\n", at, (unsigned long long) number, p->name);
    }

    return EXIT_SUCCESS;
}


static int
run(const scenario_t *scenario, const options_t *options)
{
    int       rc;
    crowd_t   crowd;
    target_t  target;

    memset(&crowd, 0, sizeof(crowd_t));
    memset(&target, 0, sizeof(target_t));

    rc = EXIT_USAGE;

    if ((options->html != NULL && page_check() != 0)
        || target_read(&target, options->url) != 0
        || target_resolve(&target, &crowd.client) != 0
        || check_addresses(scenario, &target, &crowd.client) != 0
        || connections(options, &crowd.client.max) != 0
        || open_passes(options, &crowd.room) != 0
        || confirm(&target, scenario, options) != 0)
    {
        goto done;
    }

    crowd.authority = target.authority;
    crowd.prefix = target.prefix;

    if (crowd_init(&crowd, scenario, options->loop) != 0) {
        say("crowd", "out of memory");
        rc = EXIT_FAILURE;
        goto done;
    }

    rc = go(&crowd, &target, options);

    crowd_free(&crowd);

done:

    if (crowd.room.log != NULL && fclose(crowd.room.log) != 0) {
        say(options->passes, strerror(errno));
        rc = EXIT_FAILURE;
    }

    target_free(&target);
    SSL_CTX_free(crowd.client.tls);

    return rc;
}


/* nobody's machine is crowded by a slip of the keyboard */
static int
confirm(const target_t *target, const scenario_t *scenario,
    const options_t *options)
{
    char    line[16];
    double  peak;

    if (target->loopback || options->yes) {
        return 0;
    }

    peak = profile_peak(&scenario->profile, scenario->duration);

    fprintf(stderr, "crowd: %s is not this machine's loopback, and up to %g "
            "shoppers a second\nwould go there.  ", target->authority, peak);

    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "--yes says that this is wanted.\n");
        return -1;
    }

    fprintf(stderr, "Type \"yes\" if this is wanted: ");

    if (fgets(line, sizeof(line), stdin) != NULL
        && strcmp(line, "yes\n") == 0)
    {
        return 0;
    }

    fprintf(stderr, "crowd: nothing was sent\n");

    return -1;
}


static int
check_addresses(const scenario_t *scenario, const target_t *target,
    const client_t *client)
{
    size_t  i;

    if (client->address.ss_family == AF_INET) {
        return 0;
    }

    for (i = 0; i < scenario->npopulations; i++) {
        if (scenario->populations[i].addresses) {
            return say(target->url, "expected an IPv4 target, since the "
                       "scenario has \"addresses\"");
        }
    }

    return 0;
}


static int
connections(const options_t *options, unsigned *max)
{
    char           *end;
    unsigned long   n;
    struct rlimit   limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    *max = DEFAULT_CONNECTIONS;

    if (options->connections != NULL) {
        n = strtoul(options->connections, &end, 10);

        if (end == options->connections || *end != '\0' || n < 1
            || n > 10000000)
        {
            return say(options->connections,
                       "expected a number above 0 for --max-connections");
        }

        *max = n;
    }

    if (limit.rlim_cur < *max + (rlim_t) SPARE_DESCRIPTORS) {

        if (options->connections != NULL) {
            return say(options->connections, "expected fewer connections: "
                       "the system allows no more (ulimit -Hn)");
        }

        *max = limit.rlim_cur - SPARE_DESCRIPTORS;
    }

    return 0;
}


/* a line is written when it is known: the file can be read meanwhile */
static int
open_passes(const options_t *options, room_t *room)
{
    if (options->passes == NULL) {
        return 0;
    }

    room->log = fopen(options->passes, "w");

    if (room->log == NULL) {
        return say(options->passes, strerror(errno));
    }

    setvbuf(room->log, NULL, _IOLBF, 0);

    return 0;
}


static int
go(crowd_t *crowd, const target_t *target, const options_t *options)
{
    int              rc;
    run_t            run;
    struct event    *interrupt, *terminate;
    struct timespec  ts;

    signal(SIGPIPE, SIG_IGN);

    interrupt = evsignal_new(crowd->client.base, SIGINT, on_signal, crowd);
    terminate = evsignal_new(crowd->client.base, SIGTERM, on_signal, crowd);
    evsignal_add(interrupt, NULL);
    evsignal_add(terminate, NULL);

    if (options->progress && !options->quiet) {
        crowd->on_tick = on_second;
    }

    getrandom(&crowd->run, sizeof(crowd->run), 0);
    clock_gettime(CLOCK_REALTIME, &ts);

    crowd_run(crowd);

    run.url = target->url;
    run.began = ts.tv_sec + ts.tv_nsec / 1e9;
    run.took = (double) (usec_now() - crowd->start) / USEC_SECOND;
    run.interrupted = interrupted;
    run.buckets = options->buckets;
    run.processor = processor_time();
    run.in_flight = crowd->in_flight;
    run.in_line = crowd->in_line;
    run.waiting = crowd->waiting;

    room_order(&crowd->room, &run.order);

    if (!options->quiet) {
        terminal_summary(crowd, &run);
    }

    rc = write_reports(crowd, &run, options);

    event_free(interrupt);
    event_free(terminate);

    return rc;
}


static void
on_signal(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;

    interrupted = 1;
    crowd_end(data);
}


static void
on_second(void *crowd)
{
    terminal_second(crowd);
}


static double
processor_time(void)
{
    struct rusage  usage;

    getrusage(RUSAGE_SELF, &usage);

    return usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6
           + usage.ru_stime.tv_sec + usage.ru_stime.tv_usec / 1e6;
}


static int
write_reports(const crowd_t *crowd, const run_t *run,
    const options_t *options)
{
    int      rc;
    json_t  *report;

    if (options->json == NULL && options->html == NULL) {
        return EXIT_SUCCESS;
    }

    rc = EXIT_SUCCESS;
    report = report_json(crowd, run);

    if (options->json != NULL
        && json_dump_file(report, options->json,
                          REPORT_FLAGS) != 0)
    {
        say(options->json, strerror(errno));
        rc = EXIT_FAILURE;
    }

    if (options->html != NULL && page_write(report, options->html) != 0) {
        say(options->html, "could not be written");
        rc = EXIT_FAILURE;
    }

    json_decref(report);

    return rc;
}


static int
say(const char *subject, const char *sentence)
{
    fprintf(stderr, "crowd: \"%s\": %s\n", subject, sentence);

    return -1;
}
