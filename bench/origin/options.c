
#include "options.h"
#include "literal.h"

#include <getopt.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>


typedef bool (*option_set_pt)(options_t *options, const char *value);


typedef struct {
    const char     *name;
    option_set_pt   set;
    const char     *expected;       /* the end of "... is not ..." */
    const char     *help;
} option_t;


static bool set_listen(options_t *options, const char *value);
static bool set_servers(options_t *options, const char *value);
static bool set_base(options_t *options, const char *value);
static bool set_sigma(options_t *options, const char *value);
static bool set_contention(options_t *options, const char *value);
static bool set_queue(options_t *options, const char *value);
static bool set_stock(options_t *options, const char *value);
static bool set_seed(options_t *options, const char *value);
static bool set_field(options_t *options, const char *value);
static bool set_backlog(options_t *options, const char *value);
static void options_default(options_t *options);
static void options_long(struct option *longs);
static options_verdict_e options_help(void);


static const option_t  table[] = {

    { "listen", set_listen, "an address and a port, such as 127.0.0.1:8081",
      "ADDRESS:PORT  where to listen, 127.0.0.1:8081; port 0: any free one" },

    { "servers", set_servers, "a count from 1 to 1000000",
      "P            requests in service at once, 16; the others queue" },

    { "base", set_base, "a time, such as 20ms",
      "TIME            median of the service time, 20ms" },

    { "sigma", set_sigma, "a number from 0 to 5",
      "S              its lognormal spread, 0.5" },

    { "contention", set_contention, "a number from 0 to 1000",
      "A         what a full house adds to it, 0.1" },

    { "queue", set_queue, "a count of requests",
      "N              that may wait; others get 503 at once; unlimited" },

    { "stock", set_stock, "a count of units",
      "N              units that can be sold, unlimited" },

    { "seed", set_seed, "a count",
      "S               of the service times and the faults, 1" },

    { "field", set_field, "a field, such as Admission-Session: end",
      "FIELD          that answers to orders have; none" },

    { "backlog", set_backlog, "a count from 1 to 1000000",
      "N            connections that the kernel keeps for us, 4096" },
};

#define OPTIONS  (sizeof(table) / sizeof(table[0]))


options_verdict_e
options_parse(options_t *options, int argc, char **argv)
{
    int            index, found;
    struct option  longs[OPTIONS + 2];

    options_default(options);
    options_long(longs);

    while ((found = getopt_long(argc, argv, "", longs, &index)) == 0) {

        if (index == OPTIONS) {
            return options_help();
        }

        if (!table[index].set(options, optarg)) {
            fprintf(stderr, "origin: --%s: \"%s\" is not %s\n",
                    table[index].name, optarg, table[index].expected);
            return OPTIONS_BAD;
        }
    }

    if (found != -1) {
        return OPTIONS_BAD;         /* getopt_long() said why */
    }

    if (optind < argc) {
        fprintf(stderr, "origin: \"%s\" is not an option\n", argv[optind]);
        return OPTIONS_BAD;
    }

    return OPTIONS_RUN;
}


static void
options_default(options_t *options)
{
    memset(options, 0, sizeof(*options));

    set_listen(options, "127.0.0.1:8081");

    options->servers = 16;
    options->base = 20000;
    options->sigma = 0.5;
    options->contention = 0.1;
    options->queue = UINT64_MAX;
    options->stock = UINT64_MAX;
    options->seed = 1;
    options->backlog = 4096;
}


static void
options_long(struct option *longs)
{
    size_t  i;

    memset(longs, 0, (OPTIONS + 2) * sizeof(*longs));

    for (i = 0; i < OPTIONS; i++) {
        longs[i].name = table[i].name;
        longs[i].has_arg = required_argument;
    }

    longs[OPTIONS].name = "help";
}


static options_verdict_e
options_help(void)
{
    size_t  i;

    puts("origin [OPTION...]\n\n"
         "Stands for a checkout service: takes orders, each in its time,"
         " and collapses\nunder overload.\n");

    for (i = 0; i < OPTIONS; i++) {
        printf("  --%s %s\n", table[i].name, table[i].help);
    }

    puts("\nThe service time of a request is lognormal, times (1 + A n / P);"
         " n: requests in\nservice or queued when its service begins.\n\n"
         "  POST ANY              an order; its Idempotency-Key is noted\n"
         "  GET ANY               a page, in the same time\n"
         "  GET /stats            counters, JSON, at once\n"
         "  POST /stats/reset     zeroes them, forgets keys, refills stock\n"
         "  POST /drain           ends all that is here, as if its time had"
         " passed\n"
         "  GET /faults           the present fault\n"
         "  POST /faults?mode=M   none, error, slow, hang, die, half, exit;\n"
         "       &share=0.2       of the requests, 1\n"
         "       &for=10s         until told otherwise\n"
         "       &factor=F        times the service time; of slow 10, else 1\n"
         "  POST /servers?count=P  so many from now on");

    return OPTIONS_HELP;
}


/* ADDRESS:PORT or [ADDRESS]:PORT; no names, nothing is looked up */

static bool
set_listen(options_t *options, const char *value)
{
    char              host[64];
    const char       *colon;
    struct addrinfo  *found, hints;

    colon = strrchr(value, ':');

    if (colon == NULL || colon - value >= (long) sizeof(host)) {
        return false;
    }

    memset(host, 0, sizeof(host));

    if (value[0] == '[' && colon[-1] == ']') {
        memcpy(host, value + 1, (size_t) (colon - value - 2));

    } else {
        memcpy(host, value, (size_t) (colon - value));
    }

    memset(&hints, 0, sizeof(hints));
    hints.ai_flags = AI_NUMERICHOST|AI_NUMERICSERV|AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;

    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        return false;
    }

    memcpy(&options->address, found->ai_addr, found->ai_addrlen);
    options->address_length = (int) found->ai_addrlen;
    freeaddrinfo(found);

    return true;
}


static bool
set_servers(options_t *options, const char *value)
{
    return literal_count(value, &options->servers)
           && options->servers >= 1
           && options->servers <= 1000000;
}


static bool
set_base(options_t *options, const char *value)
{
    return literal_time(value, &options->base);
}


static bool
set_sigma(options_t *options, const char *value)
{
    return literal_number(value, &options->sigma) && options->sigma <= 5;
}


static bool
set_contention(options_t *options, const char *value)
{
    return literal_number(value, &options->contention)
           && options->contention <= 1000;
}


static bool
set_queue(options_t *options, const char *value)
{
    return literal_count(value, &options->queue);
}


static bool
set_stock(options_t *options, const char *value)
{
    return literal_count(value, &options->stock);
}


static bool
set_seed(options_t *options, const char *value)
{
    return literal_count(value, &options->seed);
}


static bool
set_field(options_t *options, const char *value)
{
    options->field = value;

    return strstr(value, ": ") != NULL && strpbrk(value, "\r\n") == NULL;
}


static bool
set_backlog(options_t *options, const char *value)
{
    uint64_t  backlog;

    if (!literal_count(value, &backlog) || backlog < 1 || backlog > 1000000) {
        return false;
    }

    options->backlog = (int) backlog;

    return true;
}
