
/*
 * SPDX-License-Identifier: BSD-2-Clause
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"


static span_t *profile_insert(profile_t *p, size_t i);
static size_t profile_find(const profile_t *p, double t);
static size_t profile_split(profile_t *p, double t);
static double span_rate(const span_t *s, double t);
static double span_area(const span_t *s, double from, double to);
static double span_after(const span_t *s, double t, double amount);


/* a new span at place i, or NULL for want of memory */
static span_t *
profile_insert(profile_t *p, size_t i)
{
    span_t  *spans;

    spans = realloc(p->spans, (p->n + 1) * sizeof(span_t));

    if (spans == NULL) {
        return NULL;
    }

    memmove(spans + i + 1, spans + i, (p->n - i) * sizeof(span_t));

    p->spans = spans;
    p->n++;

    return spans + i;
}


const char *
profile_step(profile_t *p, double at, double rate)
{
    span_t  *s;

    if (p->n == 0 && at != 0) {
        return "expected a first point \"at 0s\"";
    }

    if (p->n && at <= p->spans[p->n - 1].from) {
        return "expected a time after those of the points above";
    }

    s = profile_insert(p, p->n);

    if (s == NULL) {
        return "out of memory";
    }

    s->from = at;
    s->to = INFINITY;
    s->first = rate;
    s->last = rate;

    if (p->n > 1) {
        s[-1].to = at;
    }

    return NULL;
}


const char *
profile_ramp(profile_t *p, double from, double to, double rate)
{
    double       before;
    const char  *wrong;

    if (p->n == 0) {
        return "expected a point \"at 0s\" before the first ramp";
    }

    if (to <= from) {
        return "expected an end of the ramp after its start";
    }

    before = p->spans[p->n - 1].last;

    if (p->spans[p->n - 1].from != from) {
        wrong = profile_step(p, from, before);

        if (wrong != NULL) {
            return wrong;
        }
    }

    wrong = profile_step(p, to, rate);

    if (wrong != NULL) {
        return wrong;
    }

    p->spans[p->n - 2].last = rate;

    return NULL;
}


const char *
profile_spike(profile_t *p, double at, double length, double rate)
{
    size_t  i, from, to;

    if (p->n == 0) {
        return "expected a point \"at 0s\" beside the spikes";
    }

    from = profile_split(p, at);
    to = profile_split(p, at + length);

    if (from == (size_t) -1 || to == (size_t) -1) {
        return "out of memory";
    }

    for (i = from; i < to; i++) {
        p->spans[i].first = rate;
        p->spans[i].last = rate;
    }

    return NULL;
}


/* makes t the start of a span, and returns its place, or -1 */
static size_t
profile_split(profile_t *p, double t)
{
    size_t   i;
    double   rate;
    span_t  *s;

    i = profile_find(p, t);

    if (p->spans[i].from == t) {
        return i;
    }

    s = profile_insert(p, i + 1);

    if (s == NULL) {
        return -1;
    }

    rate = span_rate(&s[-1], t);

    *s = s[-1];
    s->from = t;
    s->first = rate;

    s[-1].to = t;
    s[-1].last = rate;

    return i + 1;
}


void
profile_scale(profile_t *p, double factor)
{
    size_t  i;

    for (i = 0; i < p->n; i++) {
        p->spans[i].first *= factor;
        p->spans[i].last *= factor;
    }
}


void
profile_free(profile_t *p)
{
    free(p->spans);
}


static size_t
profile_find(const profile_t *p, double t)
{
    size_t  i;

    for (i = 0; i < p->n - 1 && t >= p->spans[i].to; i++) { /* void */ }

    return i;
}


double
profile_rate(const profile_t *p, double t)
{
    return span_rate(&p->spans[profile_find(p, t)], t);
}


double
profile_peak(const profile_t *p, double end)
{
    size_t  i;
    double  peak;

    peak = 0;

    for (i = 0; i < p->n && p->spans[i].from < end; i++) {
        peak = fmax(peak, p->spans[i].first);
        peak = fmax(peak, span_rate(&p->spans[i], fmin(p->spans[i].to, end)));
    }

    return peak;
}


double
profile_expected(const profile_t *p, double from, double to)
{
    size_t         i;
    double         sum;
    const span_t  *s;

    sum = 0;

    for (i = profile_find(p, from); i < p->n; i++) {
        s = &p->spans[i];

        if (s->from >= to) {
            break;
        }

        sum += span_area(s, fmax(from, s->from), fmin(to, s->to));
    }

    return sum;
}


double
profile_after(const profile_t *p, double t, double amount)
{
    size_t         i;
    double         area;
    const span_t  *s;

    for (i = profile_find(p, t); i < p->n; i++) {
        s = &p->spans[i];
        area = span_area(s, t, s->to);

        if (area >= amount) {
            return span_after(s, t, amount);
        }

        amount -= area;
        t = s->to;
    }

    return INFINITY;
}


static double
span_rate(const span_t *s, double t)
{
    if (s->first == s->last) {
        return s->first;
    }

    return s->first
           + (s->last - s->first) * (t - s->from) / (s->to - s->from);
}


static double
span_area(const span_t *s, double from, double to)
{
    if (s->first == 0 && s->last == 0) {
        return 0;
    }

    if (to == INFINITY) {
        return INFINITY;
    }

    return (span_rate(s, from) + span_rate(s, to)) / 2 * (to - from);
}


/*
 * With rate r at t and slope k the area after d is r d + k d^2 / 2.  Solved
 * for d in the form that is stable for a slope near 0.
 */

static double
span_after(const span_t *s, double t, double amount)
{
    double  r, k, root;

    if (amount == 0) {
        return t;
    }

    r = span_rate(s, t);
    k = (s->first == s->last) ? 0 : (s->last - s->first) / (s->to - s->from);
    root = r * r + 2 * k * amount;

    return t + 2 * amount / (r + sqrt(fmax(root, 0)));
}
