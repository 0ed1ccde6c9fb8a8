
/*
 * The origin: an HTTP server that stands for a checkout service in load tests
 * and case studies.  "origin --help" tells what it does.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include "options.h"
#include "server.h"
#include "shop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>


#define DESCRIPTORS  (1 << 20)


static struct event_base *loop_create(void);
static int origin_run(struct event_base *base, const options_t *options);
static void origin_loop(struct event_base *base, const options_t *options,
    server_t *server);
static void on_signal(evutil_socket_t signal, short what, void *base);
static void raise_descriptors(void);


int
main(int argc, char **argv)
{
    int                 status;
    options_t           options;
    struct event_base  *base;

    switch (options_parse(&options, argc, argv)) {

    case OPTIONS_HELP:
        return EXIT_SUCCESS;

    case OPTIONS_BAD:
        return 2;

    case OPTIONS_RUN:
        break;
    }

    raise_descriptors();
    signal(SIGPIPE, SIG_IGN);

    base = loop_create();

    if (base == NULL) {
        fprintf(stderr, "origin: no event loop\n");
        return EXIT_FAILURE;
    }

    status = origin_run(base, &options);

    event_base_free(base);
    libevent_global_shutdown();

    return status;
}


/* without precise timers each service time would be whole milliseconds */

static struct event_base *
loop_create(void)
{
    struct event_base    *base;
    struct event_config  *config;

    config = event_config_new();
    if (config == NULL) {
        return NULL;
    }

    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    base = event_base_new_with_config(config);
    event_config_free(config);

    return base;
}


static int
origin_run(struct event_base *base, const options_t *options)
{
    shop_t         *shop;
    server_t       *server;
    server_conf_t   conf;

    shop = shop_create(base, options);
    if (shop == NULL) {
        fprintf(stderr, "origin: no memory\n");
        return EXIT_FAILURE;
    }

    conf = (server_conf_t) {
        .address = (const struct sockaddr *) &options->address,
        .address_length = options->address_length,
        .backlog = options->backlog,
        .handler = shop_handle,
        .data = shop,
    };

    server = server_create(base, &conf);

    if (server) {
        origin_loop(base, options, server);
        server_free(server);

    } else {
        fprintf(stderr, "origin: cannot listen: %s\n", strerror(errno));
    }

    shop_free(shop);

    return server ? EXIT_SUCCESS : EXIT_FAILURE;
}


/* the line on stdout tells whoever started us that it can begin */

static void
origin_loop(struct event_base *base, const options_t *options,
    server_t *server)
{
    struct event  *term, *interrupt;

    term = evsignal_new(base, SIGTERM, on_signal, base);
    interrupt = evsignal_new(base, SIGINT, on_signal, base);

    event_add(term, NULL);
    event_add(interrupt, NULL);

    printf("origin: listening on %s, %llu servers, %g ms\n",
           server_name(server), (unsigned long long) options->servers,
           (double) options->base / 1e3);
    fflush(stdout);

    event_base_dispatch(base);

    event_free(term);
    event_free(interrupt);
}


static void
on_signal(evutil_socket_t signal, short what, void *base)
{
    (void) signal;
    (void) what;

    event_base_loopbreak(base);
}


/* as root the hard limit rises too; as anybody else the soft one does */

static void
raise_descriptors(void)
{
    struct rlimit  limit;

    limit.rlim_cur = DESCRIPTORS;
    limit.rlim_max = DESCRIPTORS;

    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) {
        return;
    }

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}
