
/*
 * HTTP/1.1 over connections that never block: one request and its answer at
 * a time on each, over TCP or TLS.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _CLIENT_H_INCLUDED_
#define _CLIENT_H_INCLUDED_


#include <event2/event.h>
#include <openssl/ssl.h>
#include <stddef.h>
#include <sys/socket.h>

#include "answer.h"
#include "jar.h"
#include "scenario.h"


typedef enum {
    ERROR_CONNECT,          /* refused, or TLS did not come about */
    ERROR_RESET,            /* closed before a byte of the answer, or reset */
    ERROR_TIMEOUT,
    ERROR_ANSWER,           /* cut off, or no HTTP */
    ERROR_LOCAL,            /* the crowd's own: no descriptor, address, port */
    ERROR_KINDS
} error_e;


typedef struct conn_s      conn_t;
typedef struct exchange_s  exchange_t;


/* an address of the crowd's, and its idle connections for anybody */
typedef struct {
    uint32_t                  address;      /* host byte order; 0: none */
    conn_t                   *idle;
} source_t;


struct exchange_s {
    conn_t                   *conn;         /* while under way */
    conn_t                   *kept;         /* idle, for the next exchange */
    source_t                 *source;
    jar_t                    *jar;          /* NULL: no cookies are kept */
    connection_e              connection;
    int                       head;         /* the request is a HEAD */

    /* one of the two is called, once, and never from client_begin() */
    void                    (*done)(exchange_t *exchange,
                                    const answer_t *answer);
    void                    (*failed)(exchange_t *exchange, error_e error);
};


typedef struct {
    struct event_base        *base;
    SSL_CTX                  *tls;          /* NULL: plain TCP */
    const char               *host;         /* for SNI */
    struct sockaddr_storage   address;
    socklen_t                 address_len;

    unsigned                  max;          /* connections at once */
    unsigned                  open;
    unsigned                  most;         /* that were open at once */
    uint64_t                  opened;
    uint64_t                  denied;       /* since "max" were open */
} client_t;


/*
 * Sends a request, on a kept connection if there is one.  Returns 0, or -1
 * if there could be no connection, for reasons of this machine (errno).
 */
int client_begin(client_t *client, exchange_t *exchange, const char *request,
    size_t len);

/* gives up an exchange under way; neither function is called any more */
void client_abort(exchange_t *exchange);

/* closes the connection that an exchange has kept */
void client_leave(exchange_t *exchange);

/* closes the idle connections of a source */
void client_close_idle(source_t *source);


#endif /* _CLIENT_H_INCLUDED_ */
