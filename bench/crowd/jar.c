
/*
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "jar.h"


static void jar_delete(jar_t *jar, const char *name, size_t len);
static void jar_add(jar_t *jar, const char *name, size_t name_len,
    const char *value, size_t value_len);
static int jar_expires(const char *p, const char *end);
static int named(const cookie_t *cookie, const char *name, size_t len);


void
jar_set(jar_t *jar, const char *field, size_t len)
{
    const char  *end, *equals, *semicolon;

    end = field + len;
    semicolon = memchr(field, ';', len);

    if (semicolon == NULL) {
        semicolon = end;
    }

    equals = memchr(field, '=', semicolon - field);

    if (equals == NULL || equals == field) {
        return;
    }

    jar_delete(jar, field, equals - field);

    if (!jar_expires(semicolon, end)) {
        jar_add(jar, field, equals - field, equals + 1,
                semicolon - equals - 1);
    }
}


static void
jar_delete(jar_t *jar, const char *name, size_t len)
{
    cookie_t  *cookie, **link;

    for (link = &jar->first; *link != NULL; link = &(*link)->next) {
        cookie = *link;

        if (named(cookie, name, len)) {
            *link = cookie->next;
            free(cookie);
            return;
        }
    }
}


/* name and value in one piece of memory, at the end of the list */
static void
jar_add(jar_t *jar, const char *name, size_t name_len, const char *value,
    size_t value_len)
{
    unsigned    n;
    cookie_t   *cookie, **link;

    n = 0;

    for (link = &jar->first; *link != NULL; link = &(*link)->next) {
        n++;
    }

    if (n >= JAR_MAX) {
        return;
    }

    cookie = malloc(sizeof(cookie_t) + name_len + value_len + 2);

    if (cookie == NULL) {
        return;
    }

    cookie->next = NULL;
    cookie->value = cookie->name + name_len + 1;

    memcpy(cookie->name, name, name_len);
    memcpy(cookie->value, value, value_len);

    cookie->name[name_len] = '\0';
    cookie->value[value_len] = '\0';

    *link = cookie;
}


/* whether one of the attributes is Max-Age of 0 or less */
static int
jar_expires(const char *p, const char *end)
{
    static const char  name[] = "Max-Age=";

    while (p < end) {

        while (p < end && (*p == ';' || *p == ' ')) {
            p++;
        }

        if ((size_t) (end - p) >= sizeof(name)
            && strncasecmp(p, name, sizeof(name) - 1) == 0)
        {
            p += sizeof(name) - 1;
            return *p == '0' || *p == '-';
        }

        while (p < end && *p != ';') {
            p++;
        }
    }

    return 0;
}


static int
named(const cookie_t *cookie, const char *name, size_t len)
{
    return strncmp(cookie->name, name, len) == 0 && cookie->name[len] == '\0';
}


size_t
jar_write(const jar_t *jar, char *to, size_t size)
{
    size_t           len, name, value;
    const cookie_t  *cookie;

    len = 0;

    for (cookie = jar->first; cookie != NULL; cookie = cookie->next) {
        name = strlen(cookie->name);
        value = strlen(cookie->value);

        if (len + name + value + 3 > size) {
            continue;
        }

        if (len) {
            to[len++] = ';';
            to[len++] = ' ';
        }

        memcpy(to + len, cookie->name, name);
        len += name;
        to[len++] = '=';
        memcpy(to + len, cookie->value, value);
        len += value;
    }

    return len;
}


void
jar_empty(jar_t *jar)
{
    cookie_t  *cookie;

    while (jar->first != NULL) {
        cookie = jar->first;
        jar->first = cookie->next;
        free(cookie);
    }
}
