
/*
 * What the crowd reads from an answer: RFC 9110 (status, Retry-After), RFC
 * 9457 (problem details and their member "reason"), and the states of a
 * waiting line.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */


#ifndef _ANSWER_H_INCLUDED_
#define _ANSWER_H_INCLUDED_


#include <stddef.h>

#include "token.h"
#include "usec.h"


#define ANSWER_WORD  32


typedef struct {
    int           status;
    int           json;                     /* by its Content-Type */
    usec_t        retry_after;              /* -1: not told */
    usec_t        poll_after;               /* -1: not told */
    char          reason[ANSWER_WORD];      /* "": not told */
    char          state[ANSWER_WORD];       /* "": not told */
    char          token[TOKEN_MAX + 1];     /* as the two above */
    int           room;                     /* it is a waiting room's */
    int64_t       position;                 /* -1: not told, as the others */
    int64_t       wait;                     /* s until it is called */
    int64_t       left;                     /* s left to claim */
} answer_t;


/* what an answer bids somebody do who stands in line, or comes to it */
typedef enum {
    LINE_NONE,              /* it is not about a line */
    LINE_WAIT,
    LINE_GO,                /* repeat the request */
    LINE_END                /* do not come back */
} line_e;


void answer_init(answer_t *answer);

/* takes a field, whose name is given in lower case */
void answer_field(answer_t *answer, const char *name, const char *value);

/* takes the body of an answer whose "json" is set */
void answer_body(answer_t *answer, const char *body, size_t len);

/* takes the token of the field Admission-Token, or of the JSON */
void answer_token(answer_t *answer, const char *token);

line_e answer_line(const answer_t *answer);

/* the word a refusal is counted under: its reason, else state or status */
void answer_label(const answer_t *answer, char label[ANSWER_WORD]);


#endif /* _ANSWER_H_INCLUDED_ */
