
/*
 * The parts of the crowd that its figures rest on.  A quantile that is off by
 * more than is said, or arrivals that are no Poisson process of the profile's
 * rate, would bend every report, and no server could show it.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"
#include "jar.h"
#include "profile.h"
#include "rng.h"


#define VALUES  200000


static int  number, failures;


static void
ok(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, what);
    failures += !good;
}


static int
by_value(const void *a, const void *b)
{
    usec_t  x, y;

    x = *(const usec_t *) a;
    y = *(const usec_t *) b;

    return (x > y) - (x < y);
}


/* values over seven powers of ten, against the quantiles of the sorted list */
static void
quantiles(void)
{
    int                   i;
    rng_t                 rng;
    double                error, worst;
    usec_t                value, exact;
    static usec_t         values[VALUES];
    static histogram_t    h;
    static const double   qs[] = { 0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999 };

    rng = rng_stream(1, 1);

    for (i = 0; i < VALUES; i++) {
        values[i] = (usec_t) pow(10, 7 * rng_uniform(&rng));
        histogram_add(&h, values[i]);
    }

    qsort(values, VALUES, sizeof(usec_t), by_value);
    worst = 0;

    for (i = 0; i < 7; i++) {
        exact = values[(int) ceil(qs[i] * VALUES) - 1];
        value = histogram_quantile(&h, qs[i]);
        error = fabs((double) (value - exact) / exact);
        worst = fmax(worst, error);
    }

    printf("# worst error of a quantile %.4f\n", worst);
    ok(worst <= 0.01, "quantiles are within 1 %");
    ok(histogram_quantile(&h, 1) == values[VALUES - 1], "the greatest is "
       "exact");
    ok(h.min == values[0], "and the least");
}


static void
single_values(void)
{
    int          bad;
    usec_t       v;
    histogram_t  h;

    bad = 0;

    for (v = 0; v < ((usec_t) 1 << 32); v = v + v / 1000 + 1) {
        memset(&h, 0, sizeof(h));
        histogram_add(&h, v);
        histogram_add(&h, v);
        histogram_add(&h, 2 * v + 1);

        if (fabs((double) histogram_quantile(&h, 0.5) - v) > v / 128.0) {
            bad++;
        }
    }

    ok(bad == 0, "each value is found again, within 1/128");

    memset(&h, 0, sizeof(h));
    ok(histogram_quantile(&h, 0.5) == 0, "nothing in it, nothing out of it");
    histogram_add(&h, (usec_t) 1 << 40);
    ok(histogram_quantile(&h, 1) == (usec_t) 1 << 40, "too long for buckets");
}


/*
 * A profile with a step, a ramp up, a ramp to nothing and a spike; each
 * expectation is computed by hand.
 */

static void
profiles(void)
{
    double     t;
    profile_t  p;

    memset(&p, 0, sizeof(p));

    ok(profile_step(&p, 1, 5) != NULL, "a profile begins at 0");
    ok(profile_step(&p, 0, 100) == NULL
       && profile_ramp(&p, 10, 20, 300) == NULL
       && profile_ramp(&p, 20, 30, 0) == NULL
       && profile_spike(&p, 15, 2, 1000) == NULL
       && profile_step(&p, 25, 1) != NULL, "points come in order");

    ok(fabs(profile_expected(&p, 0, 10) - 1000) < 1e-6, "a step");
    ok(fabs(profile_expected(&p, 10, 15) - 750) < 1e-6, "a ramp, half");
    ok(fabs(profile_expected(&p, 15, 17) - 2000) < 1e-6, "a spike");
    ok(fabs(profile_expected(&p, 17, 20) - 810) < 1e-6, "the ramp goes on");
    ok(fabs(profile_expected(&p, 20, 40) - 1500) < 1e-6, "a ramp to nothing");
    ok(fabs(profile_rate(&p, 12.5) - 150) < 1e-9, "a rate");
    ok(fabs(profile_peak(&p, 100) - 1000) < 1e-9, "a peak");
    ok(fabs(profile_peak(&p, 12.5) - 150) < 1e-9, "a peak cut off");

    t = profile_after(&p, 0, 1000 + 750 + 2000 + 405);
    ok(fabs(profile_expected(&p, 0, t) - 4155) < 1e-6, "expectation turned "
       "round");
    ok(profile_after(&p, 29, 100) == INFINITY, "nobody comes after the end");

    profile_free(&p);
}


/*
 * On a ramp, gaps measured in expected arrivals are exponential of mean 1:
 * mean and standard deviation are 1, and the share above 1 is 1/e.
 */

static void
poisson(void)
{
    int        n, above;
    rng_t      rng;
    double     t, next, gap, sum, squares;
    profile_t  p;

    memset(&p, 0, sizeof(p));
    profile_step(&p, 0, 10);
    profile_ramp(&p, 1, 100, 2000);

    rng = rng_stream(7, 0);
    n = 0;
    above = 0;
    sum = 0;
    squares = 0;

    for (t = 0; t < 100; t = next) {
        next = profile_after(&p, t, rng_exponential(&rng));
        gap = profile_expected(&p, t, next);
        n++;
        sum += gap;
        squares += gap * gap;
        above += (gap > 1);
    }

    printf("# %d arrivals, mean gap %.4f\n", n, sum / n);
    ok(fabs(n - 99505.0) < 4 * sqrt(99505.0), "as many as expected");
    ok(fabs(sum / n - 1) < 0.02, "gaps of mean 1");
    ok(fabs(sqrt(squares / n - pow(sum / n, 2)) - 1) < 0.03, "spread 1");
    ok(fabs((double) above / n - exp(-1)) < 0.01, "and the exponential tail");

    profile_free(&p);
}


static int
cookies_are(const jar_t *jar, const char *text)
{
    char    line[256];
    size_t  len;

    len = jar_write(jar, line, sizeof(line));

    return len == strlen(text) && memcmp(line, text, len) == 0;
}


static void
set(jar_t *jar, const char *field)
{
    jar_set(jar, field, strlen(field));
}


static void
jars(void)
{
    jar_t  jar;

    memset(&jar, 0, sizeof(jar));

    set(&jar, "a=1; Path=/; HttpOnly");
    set(&jar, "b=two; Max-Age=600");
    set(&jar, "ab=3");
    ok(cookies_are(&jar, "a=1; b=two; ab=3"), "cookies are kept");

    set(&jar, "a=4; path=/");
    ok(cookies_are(&jar, "b=two; ab=3; a=4"), "the later one stands");

    set(&jar, "b=; Path=/; max-age=0");
    set(&jar, "ab=x; Max-Age=-1; Path=/");
    ok(cookies_are(&jar, "a=4"), "Max-Age=0 deletes");

    set(&jar, "=nobody");
    set(&jar, "nothing");
    set(&jar, "c=Max-Age=0");
    ok(cookies_are(&jar, "a=4; c=Max-Age=0"), "what is no cookie is not kept");

    jar_empty(&jar);
    ok(cookies_are(&jar, ""), "emptied");
}


int
main(void)
{
    quantiles();
    single_values();
    profiles();
    poisson();
    jars();

    printf("1..%d\n", number);

    return failures != 0;
}
