
/*
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "token.h"


typedef struct {
    const char  *name;
    token_e      type;
} type_t;


static json_t *part(const char *text, size_t len);
static size_t decode(char *to, const char *from, size_t len);
static int digit(char c);
static uint64_t number(const json_t *object, const char *member, int base);


static const type_t  types[] = {
    { "adm-pre+jwt", TOKEN_PRE },
    { "adm-ticket+jwt", TOKEN_TICKET },
    { "adm-pass+jwt", TOKEN_PASS },
    { NULL, TOKEN_NONE }
};


void
token_read(token_t *token, const char *text)
{
    size_t         len;
    json_t        *head, *body;
    const char    *name;
    const type_t  *type;

    memset(token, 0, sizeof(token_t));

    len = strcspn(text, ".");

    if (strlen(text) > TOKEN_MAX || text[len] == '\0') {
        return;
    }

    head = part(text, len);
    text += len + 1;
    body = part(text, strcspn(text, "."));

    name = json_string_value(json_object_get(head, "typ"));

    for (type = types; name != NULL && type->name != NULL; type++) {
        if (strcmp(name, type->name) == 0 && json_is_object(body)) {
            token->type = type->type;
            token->number = number(body, "sub", 10);
            token->id = number(body, "jti", 16);
            token->issued = number(body, "iat", 10);
            token->expires = number(body, "exp", 10);
        }
    }

    json_decref(head);
    json_decref(body);
}


/* base64url of JSON (RFC 7515, 3.1) */
static json_t *
part(const char *text, size_t len)
{
    char    json[TOKEN_MAX];
    size_t  n;

    n = decode(json, text, len);

    return n ? json_loadb(json, n, 0, NULL) : NULL;
}


/* RFC 4648, 5, without padding; 0 if the text is something else */
static size_t
decode(char *to, const char *from, size_t len)
{
    int       value;
    size_t    i, n;
    unsigned  bits;

    n = 0;
    bits = 0;

    for (i = 0; i < len; i++) {
        value = digit(from[i]);

        if (value < 0) {
            return 0;
        }

        bits = bits << 6 | (unsigned) value;

        if (i % 4) {
            to[n++] = (char) (bits >> (6 - 2 * (i % 4)));
        }
    }

    return n;
}


static int
digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return (c == '-') ? 62 : (c == '_') ? 63 : -1;
}


/* a number, also one in a string */
static uint64_t
number(const json_t *object, const char *member, int base)
{
    const char    *text;
    const json_t  *value;

    value = json_object_get(object, member);
    text = json_string_value(value);

    if (text != NULL) {
        return strtoull(text, NULL, base);
    }

    return json_is_integer(value) ? (uint64_t) json_integer_value(value) : 0;
}
