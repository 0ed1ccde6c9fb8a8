
#include "request.h"

#include <event2/util.h>
#include <stdlib.h>
#include <string.h>


static void request_send(request_t *request, const answer_t *answer,
    size_t bytes, bool close);
static connection_t *request_end(request_t *request);
static const char *answer_phrase(unsigned status);


request_t *
request_create(connection_t *connection)
{
    char       *query;
    head_t     *head;
    request_t  *request;

    head = connection->head;

    request = calloc(1, sizeof(request_t) + head->path_length + 1);
    if (request == NULL) {
        return NULL;
    }

    request->connection = connection;
    request->method = connection->parser.method;
    request->minor = connection->parser.http_minor;
    request->keep_alive = http_should_keep_alive(&connection->parser);
    request->html = head->html;
    request->key = head->key;

    head->key = NULL;

    memcpy(request->path, head->path, head->path_length + 1);
    query = strchr(request->path, '?');

    if (query) {
        *query++ = '\0';
    }

    request->query = query;

    return request;
}


const char *
request_method(const request_t *request)
{
    return http_method_str(request->method);
}


const char *
request_path(const request_t *request)
{
    return request->path;
}


const char *
request_query(const request_t *request)
{
    return request->query ? request->query : "";
}


const char *
request_key(const request_t *request)
{
    return request->key;
}


bool
request_wants_html(const request_t *request)
{
    return request->html;
}


bool
request_left(const request_t *request)
{
    return request->connection == NULL;
}


void
request_answer(request_t *request, const answer_t *answer)
{
    request_send(request, answer, answer->length, !request->keep_alive);
}


void
request_answer_half(request_t *request, const answer_t *answer)
{
    request_send(request, answer, answer->length / 2, true);
}


void
request_close(request_t *request)
{
    connection_t  *connection;

    connection = request_end(request);

    if (connection) {
        connection_free(connection);
    }
}


void
request_hang(request_t *request)
{
    connection_t  *connection;

    connection = request_end(request);

    if (connection) {
        connection_hang(connection);
    }
}


static void
request_send(request_t *request, const answer_t *answer, size_t bytes,
    bool close)
{
    bool           head;
    unsigned       minor;
    connection_t  *connection;

    head = request->method == HTTP_HEAD;
    minor = request->minor;

    connection = request_end(request);

    if (connection == NULL) {
        return;
    }

    answer_write(connection->server, answer, minor, !close,
                 head ? 0 : bytes);

    if (connection_send(connection, close)) {
        connection_next(connection);
    }
}


/* the connection it came by, free for the next; NULL: the client left */

static connection_t *
request_end(request_t *request)
{
    connection_t  *connection;

    connection = request->connection;

    if (connection) {
        connection->request = NULL;
    }

    free(request->key);
    free(request);

    return connection;
}


void
answer_write(server_t *server, const answer_t *answer, unsigned minor,
    bool keep_alive, size_t bytes)
{
    char  date[64];

    evutil_date_rfc1123(date, sizeof(date), NULL);

    evbuffer_add_printf(server->scratch,
                        "HTTP/1.1 %u %s\r\n"
                        "Date: %s\r\n"
                        "Content-Type: %s\r\n"
                        "Content-Length: %zu\r\n",
                        answer->status, answer_phrase(answer->status), date,
                        answer->type, answer->length);

    if (answer->allow) {
        evbuffer_add_printf(server->scratch, "Allow: %s\r\n",
                            answer->allow);
    }

    if (answer->field) {
        evbuffer_add_printf(server->scratch, "%s\r\n", answer->field);
    }

    if (!keep_alive) {
        evbuffer_add_printf(server->scratch, "Connection: close\r\n");

    } else if (minor == 0) {
        evbuffer_add_printf(server->scratch, "Connection: keep-alive\r\n");
    }

    evbuffer_add_printf(server->scratch, "\r\n");
    evbuffer_add(server->scratch, answer->body, bytes);
}


static const char *
answer_phrase(unsigned status)
{
    switch (status) {

#define PHRASE(number, name, text)  case number: return #text;
    HTTP_STATUS_MAP(PHRASE)
#undef PHRASE

    default:
        return "";
    }
}
