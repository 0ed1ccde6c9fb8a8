
/*
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "request.h"


/* a line of a few cookies with tokens of 1 KiB each */

#define COOKIES_MAX  8192


typedef struct {
    char    *data;
    size_t   len;
    size_t   size;
    int      failed;
} buffer_t;


static void add_fields(buffer_t *b, const request_t *r);
static void add_jar(buffer_t *b, const jar_t *jar);
static void add_body(buffer_t *b, const request_t *r);
static void add_template(buffer_t *b, const request_t *r, const char *text);
static void add(buffer_t *b, const char *text);
static void add_bytes(buffer_t *b, const char *data, size_t len);
static int reserve(buffer_t *b, size_t len);


const char *
request_text(const request_t *r, size_t *len)
{
    static buffer_t      buffer;
    const population_t  *p;

    p = r->population;
    buffer.len = 0;
    buffer.failed = 0;

    add(&buffer, r->poll ? "GET" : p->method);
    add(&buffer, " ");
    add(&buffer, r->prefix);
    add_template(&buffer, r, p->path);
    add(&buffer, " HTTP/1.1\r\nHost: ");
    add(&buffer, r->authority);
    add(&buffer, "\r\n");

    add_fields(&buffer, r);
    add_jar(&buffer, r->jar);

    if (p->connection == CONNECTION_NEW) {
        add(&buffer, "Connection: close\r\n");
    }

    if (r->poll) {
        add(&buffer, "Admission-Poll: 1\r\n\r\n");

    } else {
        add_body(&buffer, r);
    }

    *len = buffer.len;

    return buffer.failed ? NULL : buffer.data;
}


/* a poll asks for JSON, has no body and does nothing: no key */
static void
add_fields(buffer_t *b, const request_t *r)
{
    size_t               i;
    const field_t       *field;
    const population_t  *p;

    p = r->population;

    if (r->poll || !p->has_accept) {
        add(b, "Accept: application/json\r\n");
    }

    for (i = 0; i < p->nfields; i++) {
        field = &p->fields[i];

        if (r->poll && (strcasecmp(field->name, "Accept") == 0
                        || strncasecmp(field->name, "Content-", 8) == 0))
        {
            continue;
        }

        add(b, field->name);
        add(b, ": ");
        add_template(b, r, field->value);
        add(b, "\r\n");
    }

    if (r->token != NULL) {
        add(b, "Authorization: Bearer ");
        add(b, r->token);
        add(b, "\r\n");
    }

    if (p->key && !r->poll) {
        add(b, "Idempotency-Key: ");
        add(b, r->key);
        add(b, "\r\n");
    }
}


static void
add_jar(buffer_t *b, const jar_t *jar)
{
    static const char  name[] = "Cookie: ";

    if (jar->first == NULL || reserve(b, COOKIES_MAX + sizeof(name)) != 0) {
        return;
    }

    add(b, name);
    b->len += jar_write(jar, b->data + b->len, COOKIES_MAX);
    add(b, "\r\n");
}


/* the length is written before the body is: the body moves up behind it */
static void
add_body(buffer_t *b, const request_t *r)
{
    char                 line[64];
    size_t               start, len, n;
    const population_t  *p;

    p = r->population;

    if (p->body == NULL) {
        add(b, strcmp(p->method, "GET") && strcmp(p->method, "HEAD")
               ? "Content-Length: 0\r\n\r\n" : "\r\n");
        return;
    }

    start = b->len;
    add_template(b, r, p->body);
    len = b->len - start;

    n = snprintf(line, sizeof(line), "Content-Length: %zu\r\n\r\n", len);

    if (b->failed || reserve(b, n) != 0) {
        return;
    }

    memmove(b->data + start + n, b->data + start, len);
    memcpy(b->data + start, line, n);
    b->len += n;
}


static void
add_template(buffer_t *b, const request_t *r, const char *text)
{
    const char  *brace;

    while ((brace = strchr(text, '{')) != NULL) {
        add_bytes(b, text, brace - text);

        if (strncmp(brace, "{key}", 5) == 0) {
            add(b, r->key);
            text = brace + 5;

        } else if (strncmp(brace, "{shopper}", 9) == 0) {
            add(b, r->shopper);
            text = brace + 9;

        } else {
            add_bytes(b, "{", 1);
            text = brace + 1;
        }
    }

    add(b, text);
}


static void
add(buffer_t *b, const char *text)
{
    add_bytes(b, text, strlen(text));
}


static void
add_bytes(buffer_t *b, const char *data, size_t len)
{
    if (reserve(b, len) == 0) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
}


static int
reserve(buffer_t *b, size_t len)
{
    char    *data;
    size_t   size;

    if (b->len + len <= b->size) {
        return 0;
    }

    size = 2 * b->size + len + 1024;
    data = realloc(b->data, size);

    if (data == NULL) {
        b->failed = 1;
        return -1;
    }

    b->data = data;
    b->size = size;

    return 0;
}
