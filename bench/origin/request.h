
/*
 * A request and a connection, for server.c, connection.c and request.c.
 */


#ifndef _REQUEST_H_INCLUDED_
#define _REQUEST_H_INCLUDED_


#include "server.h"

#include <event2/buffer.h>
#include <event2/event_struct.h>
#include <http_parser.h>
#include <sys/queue.h>


#define REQUEST_PATH   1024                 /* bytes, with its query */
#define REQUEST_VALUE  1024                 /* bytes of a field we read */
#define REQUEST_BODY   (1 << 20)            /* bytes */


typedef struct connection_s  connection_t;


struct request_s {
    connection_t               *connection; /* NULL: the client left */
    unsigned                    method;
    unsigned                    minor;      /* of HTTP/1.minor */
    bool                        keep_alive;
    bool                        html;
    char                       *query;
    char                       *key;
    char                        path[];
};


/* what is needed only while a request is read; lengths without the zero */

typedef struct {
    char                        path[REQUEST_PATH + 1];
    char                        name[32];
    char                        value[REQUEST_VALUE + 1];
    size_t                      path_length;
    size_t                      name_length;
    size_t                      value_length;
    bool                        in_value;
    bool                        html;
    bool                        expects;    /* 100 Continue */
    char                       *key;
    size_t                      body;
    unsigned                    refused;    /* a status; 0: it is fine */
} head_t;


struct connection_s {
    LIST_ENTRY(connection_s)    entry;
    server_t                   *server;
    evutil_socket_t             fd;
    struct event                readable;
    struct event                writable;
    http_parser                 parser;
    head_t                     *head;       /* being read */
    request_t                  *request;    /* in hand */
    struct evbuffer            *input;      /* behind it; NULL: never any */
    struct evbuffer            *output;     /* unsent; NULL: never any */
    bool                        busy;       /* its bytes are gone through */
    bool                        dead;       /* to be freed after that */
    bool                        full;       /* input is, reading rests */
    bool                        refused;    /* in the middle of a request */
    bool                        closing;    /* when output is sent */
    bool                        draining;   /* what comes is thrown away */
};


struct server_s {
    server_conf_t               conf;
    struct event_base          *base;
    struct evconnlistener      *listener;
    struct event                rest;       /* from accepting */
    struct evbuffer            *scratch;    /* where answers are written */
    LIST_HEAD(, connection_s)   connections;
    char                        name[64];
};


void connection_open(server_t *server, evutil_socket_t fd);
void connection_free(connection_t *connection);


/* goes on with what has come behind a request that was answered */

void connection_next(connection_t *connection);


/*
 * Sends all that is in the server's scratch buffer, and closes after it if
 * told.  False: the connection is no more.
 */

bool connection_send(connection_t *connection, bool close);


/* throws away what comes, until the client closes */

void connection_hang(connection_t *connection);


/* the request that the parser has read; NULL: no memory */

request_t *request_create(connection_t *connection);


/*
 * Writes an answer with so many bytes of its body to the scratch buffer.
 * minor is of the request's version, HTTP/1.minor.
 */

void answer_write(server_t *server, const answer_t *answer, unsigned minor,
    bool keep_alive, size_t bytes);


/* http_parser's callbacks; the parser's data is the connection */

extern const http_parser_settings  head_settings;

void head_free(connection_t *connection);


#endif /* _REQUEST_H_INCLUDED_ */
