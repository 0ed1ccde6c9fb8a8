
/*
 * A connection: what is read goes through the parser until a request is in
 * hand, the rest waits.  Output is tried at once and buffered only if the
 * client does not take it.
 */


#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define READ_SIZE    16384
#define INPUT_LIMIT  65536              /* bytes behind a request */


/* how long a client that was refused in the middle may rest while it sends */

static const struct timeval  drain_rest = { 2, 0 };


static void connection_read(evutil_socket_t fd, short what, void *data);
static void connection_write(evutil_socket_t fd, short what, void *data);
static void connection_run(connection_t *connection, const char *data,
    size_t length);
static bool connection_reads(const connection_t *connection);
static void connection_keep(connection_t *connection, const char *data,
    size_t length);
static void connection_refuse(connection_t *connection);
static bool connection_sent(connection_t *connection);


void
connection_open(server_t *server, evutil_socket_t fd)
{
    connection_t  *connection;

    connection = calloc(1, sizeof(connection_t));

    if (connection == NULL) {
        close(fd);
        return;
    }

    connection->server = server;
    connection->fd = fd;

    http_parser_init(&connection->parser, HTTP_REQUEST);
    connection->parser.data = connection;

    event_assign(&connection->readable, server->base, fd,
                 EV_READ|EV_PERSIST, connection_read, connection);
    event_assign(&connection->writable, server->base, fd,
                 EV_WRITE, connection_write, connection);
    event_add(&connection->readable, NULL);

    LIST_INSERT_HEAD(&server->connections, connection, entry);
}


void
connection_free(connection_t *connection)
{
    if (connection->busy) {
        connection->dead = true;
        return;
    }

    if (connection->request) {
        connection->request->connection = NULL;
    }

    head_free(connection);

    if (connection->input) {
        evbuffer_free(connection->input);
    }

    if (connection->output) {
        evbuffer_free(connection->output);
    }

    event_del(&connection->readable);
    event_del(&connection->writable);

    LIST_REMOVE(connection, entry);
    close(connection->fd);
    free(connection);
}


static void
connection_read(evutil_socket_t fd, short what, void *data)
{
    connection_t  *connection = data;

    char     buffer[READ_SIZE];
    ssize_t  n;

    n = what & EV_READ ? recv(fd, buffer, sizeof(buffer), 0) : 0;

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n <= 0) {
        connection_free(connection);
        return;
    }

    if (connection->request) {
        connection_keep(connection, buffer, (size_t) n);
        return;
    }

    connection_run(connection, buffer, (size_t) n);
}


/*
 * Goes through the bytes, request by request, as long as each is answered at
 * once; the handler may close the connection under us, hence "busy".
 */

static void
connection_run(connection_t *connection, const char *data, size_t length)
{
    size_t     n;
    server_t  *server;

    server = connection->server;
    connection->busy = true;

    while (length && connection_reads(connection)) {

        n = http_parser_execute(&connection->parser, &head_settings, data,
                                length);
        data += n;
        length -= n;

        if (connection->request) {
            http_parser_pause(&connection->parser, 0);
            server->conf.handler(server->conf.data, connection->request);

        } else if (HTTP_PARSER_ERRNO(&connection->parser) != HPE_OK) {
            connection_refuse(connection);
        }
    }

    connection->busy = false;

    if (connection->dead) {
        connection_free(connection);

    } else if (connection->request && length) {
        connection_keep(connection, data, length);
    }
}


static bool
connection_reads(const connection_t *connection)
{
    return connection->request == NULL
           && !connection->dead
           && !connection->closing
           && !connection->draining;
}


/*
 * Keeps what comes behind a request, in a buffer that few connections ever
 * need.  Reading rests while it is full: then it is not noticed that the
 * client leaves.
 */

static void
connection_keep(connection_t *connection, const char *data, size_t length)
{
    if (connection->input == NULL) {
        connection->input = evbuffer_new();
    }

    if (connection->input == NULL
        || evbuffer_add(connection->input, data, length) != 0)
    {
        connection_free(connection);
        return;
    }

    if (evbuffer_get_length(connection->input) >= INPUT_LIMIT) {
        connection->full = true;
        event_del(&connection->readable);
    }
}


void
connection_next(connection_t *connection)
{
    size_t            length;
    struct evbuffer  *input;

    input = connection->input;

    if (connection->busy || input == NULL) {
        return;
    }

    connection->input = NULL;

    if (connection->full) {
        connection->full = false;
        event_add(&connection->readable, NULL);
    }

    length = evbuffer_get_length(input);
    connection_run(connection, (char *) evbuffer_pullup(input, -1), length);

    evbuffer_free(input);
}


/* what the parser does not like; the client may be sending still */

static void
connection_refuse(connection_t *connection)
{
    unsigned  status;
    answer_t  answer = { .type = "text/plain", .body = "", .length = 0 };

    status = connection->head ? connection->head->refused : 0;

    answer.status = status ? status : 400;
    connection->refused = true;

    answer_write(connection->server, &answer, 1, false, 0);
    connection_send(connection, true);
}


bool
connection_send(connection_t *connection, bool close)
{
    struct evbuffer  *scratch;

    scratch = connection->server->scratch;
    connection->closing |= close;

    /* what is buffered goes first; a failure is found when that is sent */

    if (connection->output == NULL
        || evbuffer_get_length(connection->output) == 0)
    {
        evbuffer_write(scratch, connection->fd);
    }

    if (evbuffer_get_length(scratch) == 0) {
        return connection_sent(connection);
    }

    if (connection->output == NULL) {
        connection->output = evbuffer_new();
    }

    if (connection->output == NULL
        || evbuffer_add_buffer(connection->output, scratch) != 0)
    {
        evbuffer_drain(scratch, evbuffer_get_length(scratch));
        connection_free(connection);
        return false;
    }

    event_add(&connection->writable, NULL);

    return true;
}


static void
connection_write(evutil_socket_t fd, short what, void *data)
{
    connection_t  *connection = data;

    int  n;

    (void) what;

    n = evbuffer_write(connection->output, fd);

    if (n == -1 && errno != EAGAIN && errno != EINTR) {
        connection_free(connection);
        return;
    }

    if (evbuffer_get_length(connection->output)) {
        event_add(&connection->writable, NULL);
        return;
    }

    connection_sent(connection);
}


/*
 * All was sent.  To close with bytes unread would reset the connection, and
 * the client might never see why it was refused.
 */

static bool
connection_sent(connection_t *connection)
{
    if (!connection->closing) {
        return true;
    }

    if (connection->refused) {
        shutdown(connection->fd, SHUT_WR);
        connection->draining = true;
        event_add(&connection->readable, &drain_rest);
        return true;
    }

    connection_free(connection);

    return false;
}


void
connection_hang(connection_t *connection)
{
    connection->draining = true;

    if (connection->full) {
        connection->full = false;
        event_add(&connection->readable, NULL);
    }
}
