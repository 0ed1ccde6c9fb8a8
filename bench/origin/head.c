
/*
 * Reading a request with http-parser.
 *
 * A request that is too large is read no further: its callbacks stop the
 * parser, and connection.c answers with what stands in "refused".
 */


#include "request.h"
#include "accept.h"

#include <stdlib.h>
#include <string.h>


static int head_begin(http_parser *parser);
static int head_url(http_parser *parser, const char *at, size_t length);
static int head_name(http_parser *parser, const char *at, size_t length);
static int head_value(http_parser *parser, const char *at, size_t length);
static int head_complete(http_parser *parser);
static int head_body(http_parser *parser, const char *at, size_t length);
static int head_end(http_parser *parser);
static int head_field(connection_t *connection);
static int head_refuse(connection_t *connection, unsigned status);
static bool head_wanted(const head_t *head);


const http_parser_settings  head_settings = {
    .on_message_begin = head_begin,
    .on_url = head_url,
    .on_header_field = head_name,
    .on_header_value = head_value,
    .on_headers_complete = head_complete,
    .on_body = head_body,
    .on_message_complete = head_end,
};


void
head_free(connection_t *connection)
{
    if (connection->head) {
        free(connection->head->key);
        free(connection->head);
        connection->head = NULL;
    }
}


static int
head_begin(http_parser *parser)
{
    connection_t  *connection = parser->data;

    connection->head = calloc(1, sizeof(head_t));

    return connection->head == NULL;
}


static int
head_url(http_parser *parser, const char *at, size_t length)
{
    connection_t  *connection = parser->data;

    head_t  *head;

    head = connection->head;

    if (head->path_length + length > REQUEST_PATH) {
        return head_refuse(connection, 414);
    }

    memcpy(head->path + head->path_length, at, length);
    head->path_length += length;

    return 0;
}


/* a name too long to be one of ours is cut, and so stays none */

static int
head_name(http_parser *parser, const char *at, size_t length)
{
    connection_t  *connection = parser->data;

    size_t   room;
    head_t  *head;

    head = connection->head;

    if (head->in_value && head_field(connection) != 0) {
        return 1;
    }

    room = sizeof(head->name) - 1 - head->name_length;
    length = length < room ? length : room;

    memcpy(head->name + head->name_length, at, length);
    head->name_length += length;

    return 0;
}


static int
head_value(http_parser *parser, const char *at, size_t length)
{
    connection_t  *connection = parser->data;

    head_t  *head;

    head = connection->head;
    head->in_value = true;

    if (!head_wanted(head)) {
        return 0;
    }

    if (head->value_length + length > REQUEST_VALUE) {
        return head_refuse(connection, 431);
    }

    memcpy(head->value + head->value_length, at, length);
    head->value_length += length;

    return 0;
}


static bool
head_wanted(const head_t *head)
{
    return strcasecmp(head->name, "Idempotency-Key") == 0
           || strcasecmp(head->name, "Accept") == 0
           || strcasecmp(head->name, "Expect") == 0;
}


/* a field is known to be over when the next begins */

static int
head_field(connection_t *connection)
{
    head_t  *head;

    head = connection->head;
    head->value[head->value_length] = '\0';

    if (strcasecmp(head->name, "Accept") == 0) {
        head->html = accept_prefers_html(head->value);

    } else if (strcasecmp(head->name, "Idempotency-Key") == 0) {

        if (head->key) {
            return head_refuse(connection, 400);
        }

        head->key = strdup(head->value);

    } else if (strcasecmp(head->name, "Expect") == 0
               && strcasecmp(head->value, "100-continue") == 0
               && connection->parser.http_minor >= 1)
    {
        head->expects = true;
    }

    memset(head->name, 0, sizeof(head->name));
    head->name_length = 0;
    head->value_length = 0;
    head->in_value = false;

    return 0;
}


static int
head_complete(http_parser *parser)
{
    connection_t  *connection = parser->data;

    head_t  *head;

    head = connection->head;

    if (head->in_value && head_field(connection) != 0) {
        return -1;
    }

    if (parser->method == HTTP_CONNECT) {
        head_refuse(connection, 405);
        return -1;
    }

    if (parser->flags & F_CONTENTLENGTH
        && parser->content_length > REQUEST_BODY)
    {
        head_refuse(connection, 413);
        return -1;
    }

    if (head->expects) {
        evbuffer_add_printf(connection->server->scratch,
                            "HTTP/1.1 100 Continue\r\n\r\n");
        connection_send(connection, false);
    }

    /* we speak nothing else: the request is answered as it is */

    parser->upgrade = 0;

    return 0;
}


static int
head_body(http_parser *parser, const char *at, size_t length)
{
    connection_t  *connection = parser->data;

    (void) at;

    connection->head->body += length;

    return connection->head->body > REQUEST_BODY
           ? head_refuse(connection, 413) : 0;
}


static int
head_end(http_parser *parser)
{
    connection_t  *connection = parser->data;

    connection->request = request_create(connection);
    head_free(connection);

    http_parser_pause(parser, 1);

    return connection->request == NULL;
}


static int
head_refuse(connection_t *connection, unsigned status)
{
    connection->head->refused = status;

    return 1;
}
