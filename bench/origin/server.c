
#include "request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


/* when descriptors have run out, some will be free after this time */

static const struct timeval  rest = { 0, 100000 };


static void server_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int length, void *data);
static void server_accept_failed(struct evconnlistener *listener, void *data);
static void server_rested(evutil_socket_t fd, short what, void *data);
static void server_set_name(server_t *server);


server_t *
server_create(struct event_base *base, const server_conf_t *conf)
{
    server_t  *server;

    server = calloc(1, sizeof(server_t));
    if (server == NULL) {
        return NULL;
    }

    server->conf = *conf;
    server->base = base;
    server->scratch = evbuffer_new();

    LIST_INIT(&server->connections);

    server->listener = evconnlistener_new_bind(base, server_accept, server,
                           LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                           conf->backlog, conf->address,
                           conf->address_length);

    if (server->scratch == NULL || server->listener == NULL) {
        server_free(server);
        return NULL;
    }

    evconnlistener_set_error_cb(server->listener, server_accept_failed);
    evtimer_assign(&server->rest, base, server_rested, server);
    server_set_name(server);

    return server;
}


void
server_free(server_t *server)
{
    int  saved = errno;

    while (!LIST_EMPTY(&server->connections)) {
        connection_free(LIST_FIRST(&server->connections));
    }

    if (server->listener) {
        event_del(&server->rest);
        evconnlistener_free(server->listener);
    }

    if (server->scratch) {
        evbuffer_free(server->scratch);
    }

    free(server);
    errno = saved;
}


const char *
server_name(const server_t *server)
{
    return server->name;
}


static void
server_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int length, void *data)
{
    int  on = 1;

    (void) listener;
    (void) address;
    (void) length;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connection_open(data, fd);
}


static void
server_accept_failed(struct evconnlistener *listener, void *data)
{
    server_t  *server = data;

    perror("origin: accept()");

    evconnlistener_disable(listener);
    evtimer_add(&server->rest, &rest);
}


static void
server_rested(evutil_socket_t fd, short what, void *data)
{
    server_t  *server = data;

    (void) fd;
    (void) what;

    evconnlistener_enable(server->listener);
}


static void
server_set_name(server_t *server)
{
    int                      port;
    char                     text[INET6_ADDRSTRLEN];
    socklen_t                length;
    struct sockaddr_storage  address;

    length = sizeof(address);
    getsockname(evconnlistener_get_fd(server->listener),
                (struct sockaddr *) &address, &length);

    if (address.ss_family == AF_INET6) {
        struct sockaddr_in6  *in6 = (struct sockaddr_in6 *) &address;

        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
        port = ntohs(in6->sin6_port);
        snprintf(server->name, sizeof(server->name), "[%s]:%d", text, port);

    } else {
        struct sockaddr_in  *in = (struct sockaddr_in *) &address;

        inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
        port = ntohs(in->sin_port);
        snprintf(server->name, sizeof(server->name), "%s:%d", text, port);
    }
}
