
/*
 * Lua's patterns, within a number of steps.
 *
 * adm_pattern_items() matches the pattern from an item on, at a place of the
 * subject, and returns the end of the match or NULL.  What ends the search
 * for good stands in m->rc, and is looked at behind each call that may have
 * set it, so that nothing backtracks any more.  "%g" is of LuaJIT.
 */


#include <ctype.h>

#include "adm_pattern.h"


#define ADM_PATTERN_ESCAPE  '%'


typedef const unsigned char  *adm_pattern_place_t;


/* of a capture that has begun, in "len" */

#define ADM_PATTERN_OPEN    ((size_t) -2)


typedef struct {
    adm_pattern_place_t    subject;
    adm_pattern_place_t    last;         /* the subject's end */
    adm_pattern_place_t    stop;         /* the pattern's end */
    uint64_t               steps;        /* left */
    unsigned               depth;
    adm_pattern_rc_e       rc;           /* ADM_PATTERN_NONE: go on */
    adm_pattern_found_t   *found;
} adm_pattern_t;


static adm_pattern_place_t adm_pattern_items(adm_pattern_t *m,
    adm_pattern_place_t s, adm_pattern_place_t p);


static adm_pattern_place_t
adm_pattern_fail(adm_pattern_t *m, adm_pattern_rc_e rc)
{
    if (m->rc == ADM_PATTERN_NONE) {
        m->rc = rc;
    }

    return NULL;
}


/* 1 if "n" steps could be spent */

static int
adm_pattern_spend(adm_pattern_t *m, uint64_t n)
{
    if (m->steps >= n) {
        m->steps -= n;
        return 1;
    }

    m->steps = 0;
    (void) adm_pattern_fail(m, ADM_PATTERN_STEPS);

    return 0;
}


/* the end of the single character that stands at "p"; NULL: there is none */

static adm_pattern_place_t
adm_pattern_single_end(adm_pattern_t *m, adm_pattern_place_t p)
{
    if (*p == ADM_PATTERN_ESCAPE) {
        return (p + 1 == m->stop)
               ? adm_pattern_fail(m, ADM_PATTERN_ENDS_PERCENT) : p + 2;
    }

    if (*p++ != '[') {
        return p;
    }

    if (p < m->stop && *p == '^') {
        p++;
    }

    /* a "]" that comes first is one of the set */

    do {
        if (p == m->stop) {
            return adm_pattern_fail(m, ADM_PATTERN_NO_BRACKET);
        }

        if (*p++ == ADM_PATTERN_ESCAPE) {

            if (p == m->stop) {
                return adm_pattern_fail(m, ADM_PATTERN_NO_BRACKET);
            }

            p++;
        }

    } while (p == m->stop || *p != ']');

    return p + 1;
}


/* 1 if "c" is of the class, or, if the letter is none, the letter itself */

static int
adm_pattern_class(int c, int letter)
{
    int  is;

    switch (tolower(letter)) {

    case 'a':
        is = isalpha(c);
        break;

    case 'c':
        is = iscntrl(c);
        break;

    case 'd':
        is = isdigit(c);
        break;

    case 'g':
        is = isgraph(c);
        break;

    case 'l':
        is = islower(c);
        break;

    case 'p':
        is = ispunct(c);
        break;

    case 's':
        is = isspace(c);
        break;

    case 'u':
        is = isupper(c);
        break;

    case 'w':
        is = isalnum(c);
        break;

    case 'x':
        is = isxdigit(c);
        break;

    case 'z':
        is = (c == 0);
        break;

    default:
        return letter == c;
    }

    return isupper(letter) ? !is : (is != 0);
}


/* "p" stands at the "[", "end" behind the "]" */

static int
adm_pattern_set(adm_pattern_t *m, int c, adm_pattern_place_t p,
    adm_pattern_place_t end)
{
    int  is;

    is = 1;
    end--;
    p++;

    if (*p == '^') {
        is = 0;
        p++;
    }

    for ( /* void */ ; p < end; p++) {

        if (!adm_pattern_spend(m, 1)) {
            return 0;
        }

        if (*p == ADM_PATTERN_ESCAPE) {
            p++;

            if (adm_pattern_class(c, *p)) {
                return is;
            }

        } else if (p[1] == '-' && p + 2 < end) {

            if (p[0] <= c && c <= p[2]) {
                return is;
            }

            p += 2;

        } else if (*p == c) {
            return is;
        }
    }

    return !is;
}


static int
adm_pattern_single(adm_pattern_t *m, adm_pattern_place_t s,
    adm_pattern_place_t p, adm_pattern_place_t end)
{
    if (!adm_pattern_spend(m, 1) || s == m->last) {
        return 0;
    }

    switch (*p) {

    case '.':
        return 1;

    case ADM_PATTERN_ESCAPE:
        return adm_pattern_class(*s, p[1]);

    case '[':
        return adm_pattern_set(m, *s, p, end);

    default:
        return *p == *s;
    }
}


/* "%bxy" */

static adm_pattern_place_t
adm_pattern_balance(adm_pattern_t *m, adm_pattern_place_t s,
    adm_pattern_place_t p)
{
    unsigned  open;

    if (m->stop - p < 2) {
        return adm_pattern_fail(m, ADM_PATTERN_NO_BALANCE);
    }

    if (s == m->last || *s != p[0]) {
        return NULL;
    }

    open = 1;

    while (++s < m->last) {

        if (!adm_pattern_spend(m, 1)) {
            return NULL;
        }

        if (*s == p[1]) {

            if (--open == 0) {
                return s + 1;
            }

        } else if (*s == p[0]) {
            open++;
        }
    }

    return NULL;
}


/* "*" and "+": as many as there are, "p" of them at least */

static adm_pattern_place_t
adm_pattern_most(adm_pattern_t *m, adm_pattern_place_t s,
    adm_pattern_place_t p, adm_pattern_place_t end)
{
    size_t               i;
    adm_pattern_place_t  to;

    i = 0;

    while (adm_pattern_single(m, s + i, p, end)) {
        i++;
    }

    for ( ;; ) {

        if (m->rc != ADM_PATTERN_NONE) {
            return NULL;
        }

        to = adm_pattern_items(m, s + i, end + 1);

        if (to || i == 0) {
            return to;
        }

        i--;
    }
}


/* "-" */

static adm_pattern_place_t
adm_pattern_least(adm_pattern_t *m, adm_pattern_place_t s,
    adm_pattern_place_t p, adm_pattern_place_t end)
{
    adm_pattern_place_t  to;

    for ( ;; ) {
        to = adm_pattern_items(m, s, end + 1);

        if (to || m->rc != ADM_PATTERN_NONE
            || !adm_pattern_single(m, s, p, end))
        {
            return to;
        }

        s++;
    }
}


static adm_pattern_place_t
adm_pattern_open(adm_pattern_t *m, adm_pattern_place_t s,
    adm_pattern_place_t p, size_t len)
{
    adm_pattern_place_t     to;
    adm_pattern_found_t    *found;
    adm_pattern_capture_t  *capture;

    found = m->found;

    if (found->n == ADM_PATTERN_CAPTURES) {
        return adm_pattern_fail(m, ADM_PATTERN_TOO_MANY);
    }

    capture = &found->captures[found->n++];
    capture->begin = (size_t) (s - m->subject);
    capture->len = len;

    to = adm_pattern_items(m, s, p);

    if (to == NULL) {
        found->n--;
    }

    return to;
}


/* ends the capture that began last of those that have not ended */

static adm_pattern_place_t
adm_pattern_close(adm_pattern_t *m, adm_pattern_place_t s,
    adm_pattern_place_t p)
{
    size_t                  i;
    adm_pattern_place_t     to;
    adm_pattern_capture_t  *capture;

    for (i = m->found->n; i > 0; i--) {
        capture = &m->found->captures[i - 1];

        if (capture->len == ADM_PATTERN_OPEN) {
            capture->len = (size_t) (s - m->subject) - capture->begin;

            to = adm_pattern_items(m, s, p);

            if (to == NULL) {
                capture->len = ADM_PATTERN_OPEN;
            }

            return to;
        }
    }

    return adm_pattern_fail(m, ADM_PATTERN_NO_CAPTURE);
}


/* "%1" to "%9": what was captured, once more */

static adm_pattern_place_t
adm_pattern_again(adm_pattern_t *m, adm_pattern_place_t s, int digit)
{
    size_t                  i;
    adm_pattern_capture_t  *capture;

    i = (size_t) (digit - '1');

    if (digit == '0' || i >= m->found->n) {
        return adm_pattern_fail(m, ADM_PATTERN_NO_CAPTURE);
    }

    capture = &m->found->captures[i];

    /* a place has no bytes to compare: Lua finds it nowhere */

    if (capture->len == ADM_PATTERN_OPEN) {
        return adm_pattern_fail(m, ADM_PATTERN_NO_CAPTURE);
    }

    if (capture->len == ADM_PATTERN_PLACE
        || (size_t) (m->last - s) < capture->len
        || !adm_pattern_spend(m, capture->len / 8)
        || memcmp(m->subject + capture->begin, s, capture->len) != 0)
    {
        return NULL;
    }

    return s + capture->len;
}


/* "%f[set]": a border between what is not of the set and what is */

static int
adm_pattern_frontier(adm_pattern_t *m, adm_pattern_place_t s,
    adm_pattern_place_t p, adm_pattern_place_t end)
{
    int  before, here;

    before = (s == m->subject) ? 0 : s[-1];
    here = (s == m->last) ? 0 : *s;

    return !adm_pattern_set(m, before, p, end)
           && adm_pattern_set(m, here, p, end);
}


/* a single character, and what stands behind it: *done, or what is next */

static adm_pattern_place_t
adm_pattern_repeated(adm_pattern_t *m, adm_pattern_place_t *s,
    adm_pattern_place_t p, int *done)
{
    int                  suffix;
    adm_pattern_place_t  end, to;

    *done = 1;

    end = adm_pattern_single_end(m, p);
    if (end == NULL) {
        return NULL;
    }

    suffix = (end < m->stop) ? *end : '\0';

    switch (suffix) {

    case '*':
        return adm_pattern_most(m, *s, p, end);

    case '+':
        return adm_pattern_single(m, *s, p, end)
               ? adm_pattern_most(m, *s + 1, p, end) : NULL;

    case '-':
        return adm_pattern_least(m, *s, p, end);

    case '?':
        to = adm_pattern_single(m, *s, p, end)
             ? adm_pattern_items(m, *s + 1, end + 1) : NULL;

        if (to || m->rc != ADM_PATTERN_NONE) {
            return to;
        }

        *done = 0;
        return end + 1;
    }

    if (!adm_pattern_single(m, *s, p, end)) {
        return NULL;
    }

    *done = 0;
    ++*s;

    return end;
}


/* "%b", "%f" and "%1"; *done as above, -1: it is none of them */

static adm_pattern_place_t
adm_pattern_special(adm_pattern_t *m, adm_pattern_place_t *s,
    adm_pattern_place_t p, int *done)
{
    adm_pattern_place_t  end;

    *done = 1;

    if (p[1] == 'b') {
        *s = adm_pattern_balance(m, *s, p + 2);
        *done = (*s == NULL);
        return *s ? p + 4 : NULL;
    }

    if (p[1] == 'f') {
        p += 2;

        if (p == m->stop || *p != '[') {
            return adm_pattern_fail(m, ADM_PATTERN_NO_FRONTIER);
        }

        end = adm_pattern_single_end(m, p);

        if (end && adm_pattern_frontier(m, *s, p, end)) {
            *done = 0;
            return end;
        }

        return NULL;
    }

    if (isdigit(p[1])) {
        *s = adm_pattern_again(m, *s, p[1]);
        *done = (*s == NULL);
        return *s ? p + 2 : NULL;
    }

    *done = -1;

    return NULL;
}


/* one item: where the pattern goes on, or, if it is *done, as it ended */

static adm_pattern_place_t
adm_pattern_item(adm_pattern_t *m, adm_pattern_place_t *s,
    adm_pattern_place_t p, int *done)
{
    adm_pattern_place_t  to;

    *done = 1;

    switch (*p) {

    case '(':
        return (p + 1 < m->stop && p[1] == ')')
               ? adm_pattern_open(m, *s, p + 2, ADM_PATTERN_PLACE)
               : adm_pattern_open(m, *s, p + 1, ADM_PATTERN_OPEN);

    case ')':
        return adm_pattern_close(m, *s, p + 1);

    case '$':
        if (p + 1 == m->stop) {
            return (*s == m->last) ? *s : NULL;
        }

        break;

    case ADM_PATTERN_ESCAPE:
        if (p + 1 == m->stop) {
            return adm_pattern_fail(m, ADM_PATTERN_ENDS_PERCENT);
        }

        to = adm_pattern_special(m, s, p, done);

        if (*done != -1) {
            return to;
        }
    }

    return adm_pattern_repeated(m, s, p, done);
}


static adm_pattern_place_t
adm_pattern_items(adm_pattern_t *m, adm_pattern_place_t s,
    adm_pattern_place_t p)
{
    int  done;

    if (++m->depth > ADM_PATTERN_DEPTH) {
        m->depth--;
        return adm_pattern_fail(m, ADM_PATTERN_COMPLEX);
    }

    done = 0;

    while (!done && p != m->stop) {

        if (!adm_pattern_spend(m, 1)) {
            done = 1;
            p = NULL;
            break;
        }

        p = adm_pattern_item(m, &s, p, &done);
    }

    m->depth--;

    return done ? p : s;
}


adm_pattern_rc_e
adm_pattern_find(adm_str_t subject, adm_str_t pattern, size_t from,
    uint64_t *steps, adm_pattern_found_t *found)
{
    size_t               i;
    unsigned             anchored;
    adm_pattern_t        m;
    adm_pattern_place_t  end, p;

    m.subject = subject.len ? subject.data : (adm_pattern_place_t) "";
    m.last = m.subject + subject.len;
    p = pattern.len ? pattern.data : (adm_pattern_place_t) "";
    m.stop = p + pattern.len;
    m.steps = *steps;
    m.depth = 0;
    m.rc = ADM_PATTERN_NONE;
    m.found = found;

    anchored = (p < m.stop && *p == '^');
    p += anchored;

    do {
        found->n = 0;
        end = adm_pattern_items(&m, m.subject + from, p);

        if (end || m.rc != ADM_PATTERN_NONE) {
            break;
        }

    } while (++from <= subject.len && !anchored);

    *steps = m.steps;

    if (end == NULL) {
        return m.rc;
    }

    found->begin = from;
    found->end = (size_t) (end - m.subject);

    for (i = 0; i < found->n; i++) {

        if (found->captures[i].len == ADM_PATTERN_OPEN) {
            return ADM_PATTERN_UNFINISHED;
        }
    }

    return ADM_PATTERN_MATCH;
}


int
adm_pattern_plain(adm_str_t pattern)
{
    size_t  i;

    for (i = 0; i < pattern.len; i++) {

        if (pattern.data[i] && strchr("^$*+?.([%-", pattern.data[i])) {
            return 0;
        }
    }

    return 1;
}


const char *
adm_pattern_error(adm_pattern_rc_e rc)
{
    static const char  *errors[ADM_PATTERN_RCS] = {
        "", "",
        "too many steps",
        "pattern too complex",
        "too many captures",
        "pattern ends with '%'",
        "pattern lacks ']'",
        "pattern lacks '[' behind '%f'",
        "pattern lacks what '%b' is about",
        "pattern has no such capture",
        "pattern lacks ')'"
    };

    return errors[rc];
}
