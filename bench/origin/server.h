
/*
 * HTTP/1.0 and HTTP/1.1 for tens of thousands of connections.
 *
 * A connection has at most one request in hand; what a client sends behind it
 * waits, so pipelined requests are answered in order.  A request does not die
 * with its connection: whoever handles it has to answer it in any case, and
 * may ask whether anybody is left to read that.  A client that closes its
 * side counts as gone, as it does for nginx.
 */


#ifndef _SERVER_H_INCLUDED_
#define _SERVER_H_INCLUDED_


#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>


#define SERVER_STATUSES  600


typedef struct server_s   server_t;
typedef struct request_s  request_t;


typedef struct {
    unsigned              status;
    const char           *type;
    const char           *body;
    size_t                length;
    const char           *allow;            /* methods; NULL: no such field */
    const char           *field;            /* one more; NULL: none */
} answer_t;


typedef struct {
    const struct sockaddr  *address;
    int                     address_length;
    int                     backlog;

    /* answers the request, now or later, by one of the functions below */

    void                  (*handler)(void *data, request_t *request);
    void                   *data;
} server_conf_t;


/* NULL: it cannot listen, errno says why */

server_t *server_create(struct event_base *base, const server_conf_t *conf);
void server_free(server_t *server);

/* "127.0.0.1:8081" */

const char *server_name(const server_t *server);


/* what a request is; its path is what stands before the "?" */

const char *request_method(const request_t *request);
const char *request_path(const request_t *request);
const char *request_query(const request_t *request);
const char *request_key(const request_t *request);      /* NULL: none */
bool request_wants_html(const request_t *request);
bool request_left(const request_t *request);


/* Each ends the request: it must not be used again. */

void request_answer(request_t *request, const answer_t *answer);
void request_answer_half(request_t *request, const answer_t *answer);
void request_close(request_t *request);     /* the connection, no answer */
void request_hang(request_t *request);      /* until the client closes */


#endif /* _SERVER_H_INCLUDED_ */
