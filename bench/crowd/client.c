
/*
 * Sockets and events are used directly, since a buffer layer would cost more
 * than all else here: a request is one write, an answer mostly one read into
 * a buffer that all connections share.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <ctype.h>
#include <errno.h>
#include <event2/event_struct.h>
#include <http_parser.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"


/* fields that are longer are cut off, bodies as well */

#define NAME_MAX_LEN   32
#define VALUE_MAX_LEN  8192
#define BODY_MAX_LEN   65536


typedef enum {
    CONN_CONNECTING,
    CONN_HANDSHAKE,
    CONN_BUSY,
    CONN_IDLE
} conn_state_e;


typedef struct {
    char                *data;
    size_t               len;
    size_t               size;
} text_t;


struct conn_s {
    client_t            *client;
    exchange_t          *exchange;      /* NULL while idle in a pool */
    source_t            *source;
    conn_t              *next;          /* in the pool */
    conn_t              *prev;

    int                  fd;
    conn_state_e         state;
    SSL                 *ssl;
    struct event         read;
    struct event         write;
    text_t               output;        /* what is not yet sent */
    size_t               sent;

    http_parser          parser;
    answer_t             answer;
    unsigned             began:1;       /* a byte of the answer was seen */
    unsigned             complete:1;
    unsigned             in_value:1;
    unsigned             in_pool:1;
    unsigned             reusable:1;
    size_t               name_len;
    char                 name[NAME_MAX_LEN];
    text_t               value;
    text_t               body;
};


static conn_t *conn_open(client_t *client, exchange_t *exchange);
static int conn_socket(client_t *client, const source_t *source);
static int conn_bind(int fd, uint32_t address);
static int conn_tls(conn_t *conn);
static conn_t *conn_reuse(exchange_t *exchange);
static int conn_request(conn_t *conn, exchange_t *exchange,
    const char *request, size_t len);
static void conn_writable(evutil_socket_t fd, short what, void *data);
static void conn_readable(evutil_socket_t fd, short what, void *data);
static void conn_handshake(conn_t *conn);
static void conn_flush(conn_t *conn);
static ssize_t conn_send(conn_t *conn, const char *data, size_t len);
static ssize_t conn_receive(conn_t *conn, char *data, size_t size);
static ssize_t tls_result(conn_t *conn, int n);
static void conn_parse(conn_t *conn, const char *data, ssize_t n);
static void conn_broken(conn_t *conn, ssize_t n);
static void conn_done(conn_t *conn);
static void conn_keep(conn_t *conn, exchange_t *exchange);
static void conn_fail(conn_t *conn, error_e error);
static void conn_close(conn_t *conn);
static void pool_push(conn_t *conn);
static void pool_remove(conn_t *conn);
static int on_begin(http_parser *parser);
static int on_name(http_parser *parser, const char *data, size_t len);
static int on_value(http_parser *parser, const char *data, size_t len);
static int on_head(http_parser *parser);
static int on_body(http_parser *parser, const char *data, size_t len);
static int on_complete(http_parser *parser);
static int wanted(const conn_t *conn);
static void take_field(conn_t *conn);
static int text_add(text_t *text, const char *data, size_t len, size_t max);


static const http_parser_settings  settings = {
    .on_message_begin = on_begin,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_complete
};


int
client_begin(client_t *client, exchange_t *exchange, const char *request,
    size_t len)
{
    conn_t  *conn;

    conn = conn_reuse(exchange);

    if (conn == NULL) {

        if (client->open >= client->max) {
            client->denied++;
            errno = EMFILE;
            return -1;
        }

        conn = conn_open(client, exchange);

        if (conn == NULL) {
            return -1;
        }
    }

    return conn_request(conn, exchange, request, len);
}


/* an idle connection of the shopper's own, or of the pool */
static conn_t *
conn_reuse(exchange_t *exchange)
{
    conn_t  *conn;

    conn = exchange->kept;

    if (conn != NULL) {
        exchange->kept = NULL;

    } else if (exchange->connection == CONNECTION_POOL) {
        conn = exchange->source->idle;

        if (conn != NULL) {
            pool_remove(conn);
        }
    }

    return conn;
}


static conn_t *
conn_open(client_t *client, exchange_t *exchange)
{
    int      fd;
    conn_t  *conn;

    fd = conn_socket(client, exchange->source);

    if (fd == -1) {
        return NULL;
    }

    conn = calloc(1, sizeof(conn_t));

    if (conn == NULL) {
        close(fd);
        return NULL;
    }

    conn->client = client;
    conn->source = exchange->source;
    conn->fd = fd;
    conn->state = CONN_CONNECTING;

    event_assign(&conn->read, client->base, fd, EV_READ|EV_PERSIST,
                 conn_readable, conn);
    event_assign(&conn->write, client->base, fd, EV_WRITE, conn_writable,
                 conn);

    client->open++;
    client->opened++;

    if (client->open > client->most) {
        client->most = client->open;
    }

    if (client->tls != NULL && conn_tls(conn) != 0) {
        conn_close(conn);
        errno = ENOMEM;
        return NULL;
    }

    return conn;
}


/* a socket that connects; what fails later is told by its first write */
static int
conn_socket(client_t *client, const source_t *source)
{
    int  fd, on;

    fd = socket(client->address.ss_family,
                SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return -1;
    }

    on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    if (source->address && conn_bind(fd, source->address) != 0) {
        goto failed;
    }

    if (connect(fd, (struct sockaddr *) &client->address,
                client->address_len) == 0
        || errno == EINPROGRESS || errno == ECONNREFUSED)
    {
        return fd;
    }

failed:

    close(fd);

    return -1;
}


/*
 * The port is left to connect(): then it need only be unused towards this
 * one target, not on the whole address (ip(7), IP_BIND_ADDRESS_NO_PORT).
 */

static int
conn_bind(int fd, uint32_t address)
{
    int                 on;
    struct sockaddr_in  sin;

    on = 1;

    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on))
        != 0)
    {
        return -1;
    }

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(address);

    return bind(fd, (struct sockaddr *) &sin, sizeof(sin));
}


static int
conn_tls(conn_t *conn)
{
    conn->ssl = SSL_new(conn->client->tls);

    if (conn->ssl == NULL || SSL_set_fd(conn->ssl, conn->fd) != 1) {
        return -1;
    }

    SSL_set_connect_state(conn->ssl);
    SSL_set_tlsext_host_name(conn->ssl, conn->client->host);
    SSL_set1_host(conn->ssl, conn->client->host);

    return 0;
}


static int
conn_request(conn_t *conn, exchange_t *exchange, const char *request,
    size_t len)
{
    ssize_t  n;

    conn->exchange = exchange;
    exchange->conn = conn;

    conn->began = 0;
    conn->complete = 0;
    conn->reusable = 0;
    conn->sent = 0;
    conn->output.len = 0;
    conn->body.len = 0;

    http_parser_init(&conn->parser, HTTP_RESPONSE);
    conn->parser.data = conn;
    answer_init(&conn->answer);

    n = 0;

    if (conn->state == CONN_IDLE) {
        conn->state = CONN_BUSY;
        n = conn_send(conn, request, len);

        if (n == (ssize_t) len) {
            return 0;
        }

        /* what is wrong with the connection is told by reading from it */

        n = (n < 0) ? 0 : n;
    }

    if (text_add(&conn->output, request + n, len - n, (size_t) -1) != 0) {
        exchange->conn = NULL;
        conn_close(conn);
        errno = ENOMEM;
        return -1;
    }

    event_add(&conn->write, NULL);

    return 0;
}


static void
conn_writable(evutil_socket_t fd, short what, void *data)
{
    conn_t  *conn;

    (void) fd;
    (void) what;

    conn = data;

    if (conn->state == CONN_CONNECTING) {
        conn->state = conn->ssl ? CONN_HANDSHAKE : CONN_BUSY;

        if (conn->ssl == NULL) {
            conn_flush(conn);
            return;
        }
    }

    if (conn->state == CONN_HANDSHAKE) {
        conn_handshake(conn);
        return;
    }

    conn_flush(conn);
}


static void
conn_handshake(conn_t *conn)
{
    int  n;

    n = SSL_do_handshake(conn->ssl);

    if (n == 1) {
        conn->state = CONN_BUSY;
        conn_flush(conn);
        return;
    }

    switch (SSL_get_error(conn->ssl, n)) {

    case SSL_ERROR_WANT_READ:
        event_add(&conn->read, NULL);
        return;

    case SSL_ERROR_WANT_WRITE:
        event_add(&conn->write, NULL);
        return;

    default:
        conn_fail(conn, ERROR_CONNECT);
    }
}


static void
conn_flush(conn_t *conn)
{
    ssize_t  n;

    n = conn_send(conn, conn->output.data + conn->sent,
                  conn->output.len - conn->sent);

    if (n < 0 && errno != EAGAIN) {

        /* the first write on a socket tells how its connect() went */

        conn_fail(conn, (errno == EPIPE || errno == ECONNRESET)
                        ? ERROR_RESET : ERROR_CONNECT);
        return;
    }

    if (n > 0) {
        conn->sent += n;
    }

    if (conn->sent < conn->output.len) {
        event_add(&conn->write, NULL);
    }

    /* an answer may come before all is sent */

    event_add(&conn->read, NULL);
}


static ssize_t
conn_send(conn_t *conn, const char *data, size_t len)
{
    if (conn->ssl == NULL) {
        return send(conn->fd, data, len, MSG_NOSIGNAL);
    }

    return tls_result(conn, SSL_write(conn->ssl, data, (int) len));
}


static ssize_t
conn_receive(conn_t *conn, char *data, size_t size)
{
    if (conn->ssl == NULL) {
        return recv(conn->fd, data, size, 0);
    }

    return tls_result(conn, SSL_read(conn->ssl, data, (int) size));
}


/* as send() and recv() tell it */
static ssize_t
tls_result(conn_t *conn, int n)
{
    if (n > 0) {
        return n;
    }

    switch (SSL_get_error(conn->ssl, n)) {

    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;

    case SSL_ERROR_ZERO_RETURN:
        return 0;

    default:
        errno = ECONNRESET;
        return -1;
    }
}


static void
conn_readable(evutil_socket_t fd, short what, void *data)
{
    conn_t       *conn;
    ssize_t       n;
    static char   buffer[65536];

    (void) fd;
    (void) what;

    conn = data;

    if (conn->state == CONN_HANDSHAKE) {
        conn_handshake(conn);
        return;
    }

    /* TLS may have more than the socket shows */

    do {
        n = conn_receive(conn, buffer, sizeof(buffer));

        if (n < 0 && errno == EAGAIN) {
            return;
        }

        if (conn->state == CONN_IDLE) {
            conn_close(conn);
            return;
        }

        if (n <= 0) {
            conn_broken(conn, n);
            return;
        }

        conn_parse(conn, buffer, n);

        if (conn->complete) {
            conn_done(conn);
            return;
        }

        if (HTTP_PARSER_ERRNO(&conn->parser) != HPE_OK) {
            conn_fail(conn, ERROR_ANSWER);
            return;
        }

    } while (conn->ssl != NULL);
}


static void
conn_parse(conn_t *conn, const char *data, ssize_t n)
{
    size_t  parsed;

    conn->began = 1;
    parsed = http_parser_execute(&conn->parser, &settings, data, n);

    /* bytes behind an answer that nobody asked for: not to be used again */

    if (conn->complete && parsed != (size_t) n) {
        conn->reusable = 0;
    }
}


/* an end of the connection may be that of an answer without a length */
static void
conn_broken(conn_t *conn, ssize_t n)
{
    if (n < 0 || !conn->began) {
        conn_fail(conn, ERROR_RESET);
        return;
    }

    http_parser_execute(&conn->parser, &settings, NULL, 0);

    if (conn->complete) {
        conn->reusable = 0;
        conn_done(conn);
        return;
    }

    conn_fail(conn, ERROR_ANSWER);
}


/* the connection is free before the shopper hears, who may ask anew */
static void
conn_done(conn_t *conn)
{
    answer_t     answer;
    exchange_t  *exchange;

    exchange = conn->exchange;

    if (conn->answer.json && conn->body.len) {
        answer_body(&conn->answer, conn->body.data, conn->body.len);
    }

    answer = conn->answer;
    exchange->conn = NULL;

    if (conn->reusable && conn->sent >= conn->output.len
        && exchange->connection != CONNECTION_NEW)
    {
        conn_keep(conn, exchange);

    } else {
        conn_close(conn);
    }

    exchange->done(exchange, &answer);
}


static void
conn_keep(conn_t *conn, exchange_t *exchange)
{
    conn->state = CONN_IDLE;

    if (exchange->connection == CONNECTION_POOL) {
        conn->exchange = NULL;
        pool_push(conn);

    } else {
        exchange->kept = conn;
    }
}


static void
conn_fail(conn_t *conn, error_e error)
{
    exchange_t  *exchange;

    exchange = conn->exchange;
    exchange->conn = NULL;

    conn_close(conn);

    exchange->failed(exchange, error);
}


static void
conn_close(conn_t *conn)
{
    if (conn->in_pool) {
        pool_remove(conn);
    }

    if (conn->exchange != NULL && conn->exchange->kept == conn) {
        conn->exchange->kept = NULL;
    }

    event_del(&conn->read);
    event_del(&conn->write);

    if (conn->ssl != NULL) {
        SSL_free(conn->ssl);
    }

    close(conn->fd);

    conn->client->open--;

    free(conn->output.data);
    free(conn->value.data);
    free(conn->body.data);
    free(conn);
}


void
client_abort(exchange_t *exchange)
{
    conn_t  *conn;

    conn = exchange->conn;

    if (conn != NULL) {
        exchange->conn = NULL;
        conn_close(conn);
    }
}


void
client_leave(exchange_t *exchange)
{
    if (exchange->kept != NULL) {
        conn_close(exchange->kept);
    }
}


void
client_close_idle(source_t *source)
{
    while (source->idle != NULL) {
        conn_close(source->idle);
    }
}


/* The pool is a stack: what was used last is least likely to be closed. */

static void
pool_push(conn_t *conn)
{
    conn->prev = NULL;
    conn->next = conn->source->idle;

    if (conn->next != NULL) {
        conn->next->prev = conn;
    }

    conn->source->idle = conn;
    conn->in_pool = 1;
}


static void
pool_remove(conn_t *conn)
{
    if (conn->prev != NULL) {
        conn->prev->next = conn->next;

    } else {
        conn->source->idle = conn->next;
    }

    if (conn->next != NULL) {
        conn->next->prev = conn->prev;
    }

    conn->in_pool = 0;
}


/* What the parser calls.  It hands out fields in pieces. */

static int
on_begin(http_parser *parser)
{
    conn_t  *conn;

    conn = parser->data;

    conn->name_len = 0;
    conn->value.len = 0;
    conn->in_value = 0;

    return 0;
}


static int
on_name(http_parser *parser, const char *data, size_t len)
{
    size_t   i;
    conn_t  *conn;

    conn = parser->data;

    if (conn->in_value) {
        take_field(conn);
    }

    for (i = 0; i < len && conn->name_len < NAME_MAX_LEN - 1; i++) {
        conn->name[conn->name_len++] = tolower((unsigned char) data[i]);
    }

    conn->name[conn->name_len] = '\0';

    return 0;
}


static int
on_value(http_parser *parser, const char *data, size_t len)
{
    conn_t  *conn;

    conn = parser->data;
    conn->in_value = 1;

    if (!wanted(conn)) {
        return 0;
    }

    return text_add(&conn->value, data, len, VALUE_MAX_LEN);
}


static int
wanted(const conn_t *conn)
{
    switch (conn->name[0]) {

    case 'a':
        return strcmp(conn->name, "admission-token") == 0;

    case 'c':
        return strcmp(conn->name, "content-type") == 0;

    case 'r':
        return strcmp(conn->name, "retry-after") == 0;

    case 's':
        return conn->exchange->jar != NULL
               && strcmp(conn->name, "set-cookie") == 0;

    default:
        return 0;
    }
}


static void
take_field(conn_t *conn)
{
    if (conn->value.len) {

        if (conn->name[0] == 's') {
            jar_set(conn->exchange->jar, conn->value.data, conn->value.len);

        } else {
            answer_field(&conn->answer, conn->name, conn->value.data);
        }
    }

    conn->name_len = 0;
    conn->value.len = 0;
    conn->in_value = 0;
}


/* 1 tells the parser that no body follows whatever the fields say */
static int
on_head(http_parser *parser)
{
    conn_t  *conn;

    conn = parser->data;

    if (conn->in_value) {
        take_field(conn);
    }

    conn->answer.status = parser->status_code;

    return conn->exchange->head;
}


static int
on_body(http_parser *parser, const char *data, size_t len)
{
    conn_t  *conn;

    conn = parser->data;

    if (!conn->answer.json) {
        return 0;
    }

    return text_add(&conn->body, data, len, BODY_MAX_LEN);
}


/* an interim answer (1xx) is not the answer */
static int
on_complete(http_parser *parser)
{
    conn_t  *conn;

    conn = parser->data;

    if (parser->status_code / 100 == 1) {
        answer_init(&conn->answer);
        return 0;
    }

    conn->complete = 1;
    conn->reusable = http_should_keep_alive(parser);

    http_parser_pause(parser, 1);

    return 0;
}


/* keeps a text closed by '\0'; what goes beyond "max" is cut off */
static int
text_add(text_t *text, const char *data, size_t len, size_t max)
{
    char    *p;
    size_t   size;

    if (len > max - text->len) {
        len = max - text->len;
    }

    if (text->len + len + 1 > text->size) {
        size = text->size + len + 256;
        p = realloc(text->data, size);

        if (p == NULL) {
            return -1;
        }

        text->data = p;
        text->size = size;
    }

    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';

    return 0;
}
