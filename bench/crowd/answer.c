
/*
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "answer.h"


/* nobody comes back later than in a day */

#define RETRY_AFTER_MAX  86400


typedef struct {
    const char  *state;
    line_e       line;
} state_t;


static usec_t retry_after(const char *value);
static int is_json(const char *type);
static void read_word(const json_t *object, const char *member,
    char word[ANSWER_WORD]);
static int64_t read_number(const json_t *object, const char *member);
static line_e by_token(const answer_t *answer);


static const state_t  states[] = {
    { "pre", LINE_WAIT },
    { "waiting", LINE_WAIT },
    { "paused", LINE_WAIT },
    { "unknown", LINE_WAIT },
    { "called", LINE_GO },
    { "admitted", LINE_GO },
    { "open", LINE_GO },
    { "sold_out", LINE_END },
    { "over", LINE_END },
    { "closed", LINE_END },
    { NULL, LINE_NONE }
};


void
answer_init(answer_t *answer)
{
    memset(answer, 0, sizeof(answer_t));

    answer->retry_after = -1;
    answer->poll_after = -1;
    answer->position = -1;
    answer->wait = -1;
    answer->left = -1;
}


void
answer_field(answer_t *answer, const char *name, const char *value)
{
    if (strcmp(name, "retry-after") == 0) {
        answer->retry_after = retry_after(value);

    } else if (strcmp(name, "content-type") == 0) {
        answer->json = is_json(value);

    } else if (strcmp(name, "admission-token") == 0) {
        answer_token(answer, value);
    }
}


void
answer_token(answer_t *answer, const char *token)
{
    size_t  len;

    len = strlen(token);

    if (len <= TOKEN_MAX) {
        memcpy(answer->token, token, len + 1);
    }
}


/* delta-seconds or an IMF-fixdate: RFC 9110, 10.2.3 and 5.6.7 */
static usec_t
retry_after(const char *value)
{
    char       *end;
    long        seconds;
    struct tm   tm;

    if (isdigit((unsigned char) *value)) {
        seconds = strtol(value, &end, 10);

        if (*end != '\0') {
            return -1;
        }

    } else {
        memset(&tm, 0, sizeof(tm));
        end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);

        if (end == NULL || *end != '\0') {
            return -1;
        }

        seconds = timegm(&tm) - time(NULL);
    }

    if (seconds < 0) {
        seconds = 0;
    }

    if (seconds > RETRY_AFTER_MAX) {
        seconds = RETRY_AFTER_MAX;
    }

    return (usec_t) seconds * USEC_SECOND;
}


/* application/json, application/problem+json and others with +json */
static int
is_json(const char *type)
{
    size_t  len;

    len = strcspn(type, "; \t");

    if (len == 16 && strncasecmp(type, "application/json", len) == 0) {
        return 1;
    }

    return len > 5 && strncasecmp(type + len - 5, "+json", 5) == 0;
}


void
answer_body(answer_t *answer, const char *body, size_t len)
{
    json_t      *object;
    int64_t      ms;
    const char  *token;

    object = json_loadb(body, len, 0, NULL);

    if (object == NULL) {
        return;
    }

    read_word(object, "reason", answer->reason);
    read_word(object, "state", answer->state);

    answer->room = json_is_string(json_object_get(object, "room"));
    answer->position = read_number(object, "position");
    answer->wait = read_number(object, "wait_seconds");
    answer->left = read_number(object, "claim_expires_in");

    ms = read_number(object, "poll_after_ms");

    if (ms >= 0 && ms <= RETRY_AFTER_MAX * 1000) {
        answer->poll_after = ms * 1000;
    }

    token = json_string_value(json_object_get(object, "token"));

    if (token != NULL) {
        answer_token(answer, token);
    }

    json_decref(object);
}


/* a word that is no word is not told: it would become a label */
static void
read_word(const json_t *object, const char *member, char word[ANSWER_WORD])
{
    size_t       len;
    const char  *text;

    text = json_string_value(json_object_get(object, member));

    if (text == NULL) {
        return;
    }

    len = strspn(text, "abcdefghijklmnopqrstuvwxyz"
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

    if (text[len] == '\0' && len < ANSWER_WORD) {
        memcpy(word, text, len + 1);
    }
}


/* -1 if there is none */
static int64_t
read_number(const json_t *object, const char *member)
{
    double         n;
    const json_t  *value;

    value = json_object_get(object, member);

    if (!json_is_number(value)) {
        return -1;
    }

    n = json_number_value(value);

    return (n >= 0 && n < 1e15) ? (int64_t) n : -1;
}


/*
 * By the state that the JSON tells.  A refusal tells a room, and when to poll
 * it; a page tells in a field that a ticket goes with it.
 */

line_e
answer_line(const answer_t *answer)
{
    const state_t  *s;

    for (s = states; s->state != NULL; s++) {
        if (strcmp(s->state, answer->state) == 0) {
            return s->line;
        }
    }

    if (answer->json) {
        return (answer->room && answer->poll_after >= 0) ? LINE_WAIT
                                                         : LINE_NONE;
    }

    return by_token(answer);
}


static line_e
by_token(const answer_t *answer)
{
    token_t  token;

    if (answer->retry_after < 0) {
        return LINE_NONE;
    }

    token_read(&token, answer->token);

    return (token.type == TOKEN_PRE || token.type == TOKEN_TICKET)
           ? LINE_WAIT : LINE_NONE;
}


void
answer_label(const answer_t *answer, char label[ANSWER_WORD])
{
    if (answer->reason[0]) {
        strcpy(label, answer->reason);

    } else if (answer->state[0]) {
        strcpy(label, answer->state);

    } else {
        snprintf(label, ANSWER_WORD, "%d", answer->status);
    }
}
